/* What the commands that read records share. Private to src/app. */
#ifndef XD_APP_CMD_FORMAT_H
#define XD_APP_CMD_FORMAT_H

#include "format/format.h"

/* The format of records between commands: NDJSON with lines of up to 64 MiB. An exit code, after
 * saying what went wrong. */
int xd_cmd_format_ndjson(xd_format **ret);

#endif
