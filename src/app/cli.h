/* What every subcommand shares: its parsed arguments, messages to people, and tables. Data goes to
 * stdout, messages to stderr. */
#ifndef XD_APP_CLI_H
#define XD_APP_CLI_H

#include "app/command.h"
#include "app/config.h"
#include "base/json.h"

enum { XD_CLI_MAX_ARGUMENTS = 64, XD_CLI_MAX_OPTIONS = 16 };

struct xd_cli {
    const xd_command *command;
    const char *folder; /* project folder: -C, else CROSSDOCK_DIR, else "." */
    bool json;          /* --json */
    bool color;         /* stdout is a terminal and NO_COLOR is not set */
    const char *arguments[XD_CLI_MAX_ARGUMENTS]; /* without options; argument_count of them */
    int argument_count;
    const char *values[XD_CLI_MAX_OPTIONS]; /* by row of command->options; "" for a switch given */
};

/* Parses argv[1..] against the table. Returns -1 when cli is ready to run, else the exit code of a
 * process that has already said what is wrong (or printed the help asked for). */
int xd_cli_parse(int argc, char **argv, xd_cli *cli);

/* Value of an option of the command's row; NULL when it was not given ("" for a switch). */
const char *xd_cli_option(const xd_cli *cli, const char *name);

/* "crossdock: TEXT" on stderr. Returns code, so that callers can return it in turn. */
int xd_cli_say(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says a fault and maps its code to an exit code. */
int xd_cli_fault(const xd_fault *fault);
int xd_cli_exit_code(xd_status status);

/* Loads the project's configuration or says every error. -1: loaded, else an exit code. */
int xd_cli_config(const xd_cli *cli, xd_config_secrets secrets, xd_config *ret);

/* Usage and help of one command, or the overview when command is NULL. */
void xd_cli_help(const xd_command *command);
/* Help of the command of these words (second may be NULL), or what is near when there is none. */
int xd_cli_help_for(const char *first, const char *second);
/* Writes buf to stdout; XD_EXIT_OK, or XD_EXIT_FAILED after saying why. */
int xd_cli_print(const xd_buf *buf);

/* Sequences for emphasis on a terminal; empty strings elsewhere. */
typedef enum xd_style {
    XD_STYLE_BOLD,
    XD_STYLE_DIM,
    XD_STYLE_RED,
    XD_STYLE_GREEN,
    XD_STYLE_YELLOW
} xd_style;
const char *xd_cli_style(const xd_cli *cli, xd_style style);
const char *xd_cli_plain(const xd_cli *cli);

typedef struct xd_column {
    const char *member; /* of each row, "a/b" looks into an object */
    const char *title;
    bool right; /* numbers */
} xd_column;

/* Prints an array of objects as an aligned table with titles; columns ends with member NULL. With
 * no rows it prints empty (a sentence) to stderr instead. */
void xd_cli_table(const xd_cli *cli, const xd_json *rows, const xd_column *columns,
                  const char *empty);
/* Appends a value as people read it: strings without quotes, lists with commas. Control characters
 * become spaces: texts come from other systems and must not drive the terminal. */
void xd_cli_value(xd_buf *buf, const xd_json *value);

#endif
