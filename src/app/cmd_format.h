/* What the commands that read records share. Private to src/app. */
#ifndef XD_APP_CMD_FORMAT_H
#define XD_APP_CMD_FORMAT_H

#include "format/format.h"

/* Opens a layout: a file in JSON or YAML. An exit code, after saying what is wrong with it. */
int xd_cmd_format_open(const char *path, xd_format **ret);

/* The format of records between commands: NDJSON with lines of up to 64 MiB. An exit code, after
 * saying what went wrong. */
int xd_cmd_format_ndjson(xd_format **ret);

#endif
