/* The crossdock program: finds the subcommand and runs it. */
#include "app/cli.h"

#include <signal.h>

/* Read by jemalloc: few threads allocate, and what a burst took is given back within a second. */
const char *malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";

int main(int argc, char **argv)
{
    /* A closed pipe or connection is an error to handle where it happens, not a death. */
    signal(SIGPIPE, SIG_IGN);
    static xd_cli cli;
    int answer = xd_cli_parse(argc, argv, &cli);
    return answer >= 0 ? answer : cli.command->run(&cli);
}
