/* What the forms of `crossdock replay` share. Private to src/app. */
#ifndef XD_APP_CMD_REPLAY_H
#define XD_APP_CMD_REPLAY_H

#include "app/cli.h"

/* `crossdock replay --map MAP@NEW ...`; an exit code. */
int xd_replay_map(xd_cli *cli);

#endif
