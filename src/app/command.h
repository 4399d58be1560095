/* The subcommands: one table that is parser, help, manual and shell completion at once. A new
 * command is a row in commands.c and a function in a cmd_*.c file. */
#ifndef XD_APP_COMMAND_H
#define XD_APP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* What the process answers to its caller. */
enum {
    XD_EXIT_OK = 0,
    XD_EXIT_FAILED = 1,
    XD_EXIT_USAGE = 2,
    XD_EXIT_NOT_FOUND = 3,
    XD_EXIT_CONFLICT = 4,
    XD_EXIT_REMOTE = 5 /* another system, or the running hub, did not answer as it should */
};

typedef struct xd_cli xd_cli;

typedef struct xd_option {
    const char *name;     /* "scopes" for --scopes */
    const char *argument; /* what it takes, such as "LIST"; NULL: it is a switch */
    const char *help;
} xd_option;

typedef struct xd_command {
    const char *group;     /* heading in the overview */
    const char *name;      /* one or two words: "check", "dlq list" */
    const char *arguments; /* "ID", "[DIR]" or "" */
    int min_arguments, max_arguments;
    const char *help;         /* one line */
    const char *details;      /* further sentences, or NULL */
    const xd_option *options; /* ends with name NULL; or NULL */
    bool json;                /* takes --json */
    int (*run)(xd_cli *cli);  /* returns an exit code */
} xd_command;

/* All rows; ends with name NULL. */
extern const xd_command xd_commands[];

int xd_cmd_init(xd_cli *cli);
int xd_cmd_check(xd_cli *cli);
int xd_cmd_key_new(xd_cli *cli);
int xd_cmd_key_hash(xd_cli *cli);
int xd_cmd_schema(xd_cli *cli);
int xd_cmd_schema_test(xd_cli *cli);
int xd_cmd_schema_validate(xd_cli *cli);
int xd_cmd_schema_diff(xd_cli *cli);
int xd_cmd_format_read(xd_cli *cli);
int xd_cmd_format_write(xd_cli *cli);
int xd_cmd_map_run(xd_cli *cli);
int xd_cmd_map_explain(xd_cli *cli);
int xd_cmd_map_new(xd_cli *cli);
int xd_cmd_map_test(xd_cli *cli);
int xd_cmd_completion(xd_cli *cli);
int xd_cmd_help(xd_cli *cli);
int xd_cmd_run(xd_cli *cli);
int xd_cmd_import(xd_cli *cli);
int xd_cmd_status(xd_cli *cli);
int xd_cmd_trace(xd_cli *cli);
int xd_cmd_search(xd_cli *cli);
int xd_cmd_raw(xd_cli *cli);
int xd_cmd_match_explain(xd_cli *cli);
int xd_cmd_hold_list(xd_cli *cli);
int xd_cmd_hold_release(xd_cli *cli);
int xd_cmd_parked_list(xd_cli *cli);
int xd_cmd_exception_list(xd_cli *cli);
int xd_cmd_exception_settle(xd_cli *cli);
int xd_cmd_dlq_list(xd_cli *cli);
int xd_cmd_dlq_show(xd_cli *cli);
int xd_cmd_dlq_retry(xd_cli *cli);
int xd_cmd_dlq_drop(xd_cli *cli);
int xd_cmd_report(xd_cli *cli);
int xd_cmd_journal_export(xd_cli *cli);
int xd_cmd_xref_import(xd_cli *cli);
int xd_cmd_xref_set(xd_cli *cli);
int xd_cmd_xref_unset(xd_cli *cli);
int xd_cmd_xref_list(xd_cli *cli);
int xd_cmd_xref_missing(xd_cli *cli);
int xd_cmd_replay(xd_cli *cli);
int xd_cmd_verify(xd_cli *cli);
int xd_cmd_backup(xd_cli *cli);
int xd_cmd_restore(xd_cli *cli);

#endif
