/* Arguments, messages and help of the command line. See cli.h. Calls stdio and the environment. */
#include "app/cli.h"

#include "canon/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- messages --- */

int xd_cli_say(int code, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs("crossdock: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

int xd_cli_exit_code(xd_status status)
{
    switch (status) {
    case XD_OK:
        return XD_EXIT_OK;
    case XD_NOT_FOUND:
        return XD_EXIT_NOT_FOUND;
    case XD_CONFLICT:
        return XD_EXIT_CONFLICT;
    case XD_TIMEOUT:
    case XD_UNAVAILABLE:
        return XD_EXIT_REMOTE;
    default:
        return XD_EXIT_FAILED;
    }
}

int xd_cli_fault(const xd_fault *fault)
{
    return xd_cli_say(xd_cli_exit_code(fault->code), "%s%s%s (%s)", fault->path,
                      fault->path[0] ? ": " : "", fault->text, fault->rule);
}

int xd_cli_print(const xd_buf *buf)
{
    if (buf->failed) {
        return xd_cli_say(XD_EXIT_FAILED, "the answer is too large to print");
    }
    if (fwrite(buf->ptr, 1, buf->len, stdout) != buf->len || fflush(stdout) != 0) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot write the answer to standard output");
    }
    return XD_EXIT_OK;
}

int xd_cli_config(const xd_cli *cli, xd_config_secrets secrets, xd_config *ret)
{
    static xd_config_errors errors; /* large, and one command loads one configuration */
    xd_status status = xd_config_load(cli->folder, secrets, ret, &errors);
    if (status == XD_OK) {
        return -1;
    }
    char prefix[256];
    bool here = strcmp(cli->folder, ".") == 0;
    snprintf(prefix, sizeof prefix, "%s%s", here ? "" : cli->folder, here ? "" : "/");
    xd_buf text;
    xd_buf_init(&text, 1 << 20);
    xd_config_errors_write(&errors, prefix, &text);
    fwrite(text.ptr, 1, text.len, stderr);
    xd_buf_finish(&text);
    return xd_cli_exit_code(status);
}

/* --- help --- */

/* What goes between a text of so many bytes and the column behind it: at least a space. */
static int gap(size_t used, int column)
{
    return (int)used < column ? column - (int)used : 1;
}

/* The commands of one group, wherever they stand in the table. */
static void print_group(const xd_command *first)
{
    printf("\n%s\n", first->group);
    for (const xd_command *command = first; command->name; command++) {
        if (strcmp(command->group, first->group) == 0) {
            size_t used = strlen(command->name) + 1 + strlen(command->arguments);
            printf("  %s %s%*s%s\n", command->name, command->arguments, gap(used, 26), "",
                   command->help);
        }
    }
}

static bool begins_group(const xd_command *command)
{
    for (const xd_command *other = xd_commands; other < command; other++) {
        if (strcmp(other->group, command->group) == 0) {
            return false;
        }
    }
    return true;
}

static void print_overview(void)
{
    printf("crossdock %s: keeps a distributor's systems in step, from purchase order to journal.\n"
           "\nUsage: crossdock [-C DIR] COMMAND [ARGUMENTS] [--json]\n",
           XD_VERSION);
    for (const xd_command *command = xd_commands; command->name; command++) {
        if (begins_group(command)) {
            print_group(command);
        }
    }
    fputs("\n-C DIR is the project folder with crossdock.yaml (else CROSSDOCK_DIR, else this "
          "folder).\n`crossdock help COMMAND` explains one; `crossdock help config` lists every "
          "setting;\n`crossdock help exit-codes` says what a script may rely on.\n",
          stdout);
}

void xd_cli_help(const xd_command *command)
{
    if (!command) {
        print_overview();
        return;
    }
    printf("Usage: crossdock [-C DIR] %s %s%s%s\n\n%s\n", command->name, command->arguments,
           command->options ? " [OPTIONS]" : "", command->json ? " [--json]" : "", command->help);
    if (command->details) {
        printf("\n%s\n", command->details);
    }
    if (!command->options) {
        return;
    }
    fputs("\nOptions\n", stdout);
    for (const xd_option *option = command->options; option->name; option++) {
        const char *argument = option->argument ? option->argument : "";
        size_t used = strlen(option->name) + strlen(argument) + 3;
        printf("  --%s %s%*s%s\n", option->name, argument, gap(used, 24), "", option->help);
    }
}

/* --- finding the command --- */

static bool first_word_is(const char *name, const char *word)
{
    size_t length = strcspn(name, " ");
    return strlen(word) == length && memcmp(name, word, length) == 0;
}

static int say_verbs(const char *noun)
{
    char verbs[256] = "";
    size_t used = 0;
    for (const xd_command *command = xd_commands; command->name; command++) {
        if (first_word_is(command->name, noun) && used < sizeof verbs) {
            used += (size_t)snprintf(verbs + used, sizeof verbs - used, "%s%s", used ? ", " : "",
                                     command->name);
        }
    }
    return xd_cli_say(XD_EXIT_USAGE, "say which: %s", verbs);
}

static int say_unknown(const char *first, const char *second)
{
    char typed[128];
    snprintf(typed, sizeof typed, "%s%s%s", first, second ? " " : "", second ? second : "");
    xd_nearest near = xd_nearest_to(xd_str_from(first));
    xd_nearest near_both = xd_nearest_to(xd_str_from(typed));
    for (const xd_command *command = xd_commands; command->name; command++) {
        xd_nearest_offer(&near, command->name);
        xd_nearest_offer(&near_both, command->name);
    }
    const char *best = near_both.best && (!near.best || near_both.distance <= near.distance)
                           ? near_both.best
                           : near.best;
    if (best) {
        return xd_cli_say(XD_EXIT_USAGE, "there is no command \"%s\"; did you mean `crossdock %s`?",
                          first, best);
    }
    return xd_cli_say(XD_EXIT_USAGE,
                      "there is no command \"%s\"; `crossdock help` lists the commands", first);
}

/* The row of two words, else that of one (`schema test` is not the kind "test" of `schema`);
 * *ret_used says how many. NULL when there is none. */
static const xd_command *find_command(const char *first, const char *second, int *ret_used)
{
    const xd_command *single = NULL;
    for (const xd_command *command = xd_commands; command->name; command++) {
        const char *space = strchr(command->name, ' ');
        if (!space && strcmp(command->name, first) == 0) {
            *ret_used = 1;
            single = command;
        }
        if (space && second && first_word_is(command->name, first) &&
            strcmp(space + 1, second) == 0) {
            *ret_used = 2;
            return command;
        }
    }
    return single;
}

static bool is_noun(const char *word)
{
    for (const xd_command *command = xd_commands; command->name; command++) {
        if (first_word_is(command->name, word)) {
            return true;
        }
    }
    return false;
}

int xd_cli_help_for(const char *first, const char *second)
{
    int used = 0;
    const xd_command *command = find_command(first, second, &used);
    if (!command) {
        return is_noun(first) ? say_verbs(first) : say_unknown(first, second);
    }
    xd_cli_help(command);
    return XD_EXIT_OK;
}

/* --- options --- */

/* Splits "--name=value"; true when argument is the option name (value NULL when none is in it). */
static bool option_is(const char *argument, const char *name, const char **ret_value)
{
    size_t length = strlen(name);
    if (strncmp(argument, "--", 2) != 0 || strncmp(argument + 2, name, length) != 0) {
        return false;
    }
    const char *rest = argument + 2 + length;
    if (*rest == '\0' || *rest == '=') {
        *ret_value = *rest ? rest + 1 : NULL;
        return true;
    }
    return false;
}

typedef struct argument_walk {
    int argc;
    char **argv;
    int at;
} argument_walk;

/* The value that an option takes: behind '=' or the next word. NULL when there is none. */
static const char *take_value(argument_walk *walk, const char *inline_value)
{
    if (inline_value) {
        return inline_value;
    }
    return walk->at + 1 < walk->argc ? walk->argv[++walk->at] : NULL;
}

/* What taking an argument came to; anything from 0 up is the exit code of a process that has said
 * why it cannot go on. */
enum { TAKEN = -1, NOT_MINE = -2 };

/* Options that every command knows. */
static int take_global(argument_walk *walk, xd_cli *cli)
{
    const char *argument = walk->argv[walk->at];
    const char *value = NULL;
    if (strcmp(argument, "-C") == 0 || option_is(argument, "project", &value)) {
        cli->folder = take_value(walk, value);
        if (!cli->folder) {
            return xd_cli_say(XD_EXIT_USAGE, "-C needs the project folder");
        }
        return TAKEN;
    }
    if (option_is(argument, "json", &value) && !value) {
        if (cli->command && !cli->command->json) {
            return xd_cli_say(XD_EXIT_USAGE, "`crossdock %s` has no --json", cli->command->name);
        }
        cli->json = true;
        return TAKEN;
    }
    return NOT_MINE;
}

static int take_option(argument_walk *walk, xd_cli *cli)
{
    const char *argument = walk->argv[walk->at];
    const xd_option *options = cli->command->options;
    xd_nearest near = xd_nearest_to(xd_str_from(argument + 2 * (strncmp(argument, "--", 2) == 0)));
    for (int i = 0; options && options[i].name; i++) {
        const char *value = NULL;
        xd_nearest_offer(&near, options[i].name);
        if (!option_is(argument, options[i].name, &value)) {
            continue;
        }
        if (!options[i].argument && value) {
            return xd_cli_say(XD_EXIT_USAGE, "--%s takes no value", options[i].name);
        }
        cli->values[i] = options[i].argument ? take_value(walk, value) : "";
        if (!cli->values[i]) {
            return xd_cli_say(XD_EXIT_USAGE, "--%s needs a value: %s", options[i].name,
                              options[i].argument);
        }
        return TAKEN;
    }
    if (near.best) {
        return xd_cli_say(XD_EXIT_USAGE, "`crossdock %s` has no option %s; did you mean --%s?",
                          cli->command->name, argument, near.best);
    }
    return xd_cli_say(XD_EXIT_USAGE, "`crossdock %s` has no option %s; see `crossdock help %s`",
                      cli->command->name, argument, cli->command->name);
}

static int parse_rest(argument_walk *walk, xd_cli *cli)
{
    bool options_ended = false;
    for (; walk->at < walk->argc; walk->at++) {
        const char *argument = walk->argv[walk->at];
        if (!options_ended && strcmp(argument, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && argument[0] == '-' && argument[1]) {
            if (strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0) {
                xd_cli_help(cli->command);
                return XD_EXIT_OK;
            }
            int answer = take_global(walk, cli);
            if (answer == NOT_MINE) {
                answer = take_option(walk, cli);
            }
            if (answer != TAKEN) {
                return answer;
            }
        } else if (cli->argument_count < XD_CLI_MAX_ARGUMENTS) {
            cli->arguments[cli->argument_count++] = argument;
        }
    }
    const xd_command *command = cli->command;
    if (cli->argument_count < command->min_arguments ||
        cli->argument_count > command->max_arguments) {
        return xd_cli_say(XD_EXIT_USAGE, "usage: crossdock %s %s%s", command->name,
                          command->arguments, command->options ? " [OPTIONS]" : "");
    }
    return -1;
}

const char *xd_cli_option(const xd_cli *cli, const char *name)
{
    for (int i = 0; cli->command->options && cli->command->options[i].name; i++) {
        if (strcmp(cli->command->options[i].name, name) == 0) {
            return cli->values[i];
        }
    }
    return NULL;
}

int xd_cli_parse(int argc, char **argv, xd_cli *cli)
{
    const char *folder = getenv("CROSSDOCK_DIR");
    const char *no_color = getenv("NO_COLOR");
    *cli = (xd_cli){.folder = folder && folder[0] ? folder : ".",
                    .color = isatty(STDOUT_FILENO) && !(no_color && no_color[0])};
    argument_walk walk = {argc, argv, 1};
    for (; walk.at < argc && argv[walk.at][0] == '-'; walk.at++) {
        const char *argument = argv[walk.at];
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            xd_cli_help(NULL);
            return XD_EXIT_OK;
        }
        if (strcmp(argument, "--version") == 0) {
            puts("crossdock " XD_VERSION);
            return XD_EXIT_OK;
        }
        int answer = take_global(&walk, cli);
        if (answer == NOT_MINE) {
            return xd_cli_say(XD_EXIT_USAGE, "there is no option %s here; see `crossdock help`",
                              argument);
        }
        if (answer != TAKEN) {
            return answer;
        }
    }
    if (walk.at >= argc) {
        xd_cli_help(NULL);
        return XD_EXIT_USAGE;
    }
    const char *first = argv[walk.at];
    const char *second =
        walk.at + 1 < argc && argv[walk.at + 1][0] != '-' ? argv[walk.at + 1] : NULL;
    int used = 0;
    cli->command = find_command(first, second, &used);
    if (!cli->command) {
        return is_noun(first) ? say_verbs(first) : say_unknown(first, second);
    }
    if (cli->json && !cli->command->json) {
        return xd_cli_say(XD_EXIT_USAGE, "`crossdock %s` has no --json", cli->command->name);
    }
    walk.at += used;
    return parse_rest(&walk, cli);
}
