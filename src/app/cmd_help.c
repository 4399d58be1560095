/* `crossdock help` and `crossdock completion`: both from the table of commands. */
#include "app/cli.h"

#include <stdio.h>

static int print_settings(void)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    xd_config_write_markdown(&buf);
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

int xd_cmd_help(xd_cli *cli)
{
    if (cli->argument_count == 0) {
        xd_cli_help(NULL);
        return XD_EXIT_OK;
    }
    if (strcmp(cli->arguments[0], "config") == 0) {
        return print_settings();
    }
    if (strcmp(cli->arguments[0], "exit-codes") == 0) {
        puts("0  fine\n"
             "1  failed: the message says why\n"
             "2  usage: unknown command or option, or one is missing\n"
             "3  not found: the document, hold or delivery named does not exist\n"
             "4  conflict: it is no longer in the state the command needs\n"
             "5  the running hub or another system did not answer as it should");
        return XD_EXIT_OK;
    }
    return xd_cli_help_for(cli->arguments[0], cli->argument_count > 1 ? cli->arguments[1] : NULL);
}

static bool same_noun(const xd_command *a, const xd_command *b)
{
    size_t length = strcspn(a->name, " ");
    return length == strcspn(b->name, " ") && memcmp(a->name, b->name, length) == 0;
}

/* True for the first row of each first word. */
static bool begins_noun(const xd_command *command)
{
    for (const xd_command *other = xd_commands; other < command; other++) {
        if (same_noun(other, command)) {
            return false;
        }
    }
    return true;
}

static void print_nouns(void)
{
    fputs("    \"\") words=\"", stdout);
    for (const xd_command *command = xd_commands; command->name; command++) {
        if (begins_noun(command)) {
            printf("%.*s ", (int)strcspn(command->name, " "), command->name);
        }
    }
    puts("\" ;;");
}

static void print_verbs(const xd_command *first)
{
    printf("    \"%.*s\") words=\"", (int)strcspn(first->name, " "), first->name);
    for (const xd_command *command = first; command->name; command++) {
        if (same_noun(command, first)) {
            printf("%s ", strchr(command->name, ' ') + 1);
        }
    }
    puts("\" ;;");
}

static void print_options(const xd_command *command)
{
    printf("    \"%s\") words=\"%s", command->name, command->json ? "--json " : "");
    for (const xd_option *option = command->options; option && option->name; option++) {
        printf("--%s ", option->name);
    }
    puts("\" ;;");
}

int xd_cmd_completion(xd_cli *cli)
{
    if (strcmp(cli->arguments[0], "bash") != 0) {
        return xd_cli_say(XD_EXIT_USAGE, "completion is written for bash only; found \"%s\"",
                          cli->arguments[0]);
    }
    puts("# bash completion for crossdock: source <(crossdock completion bash)\n"
         "_crossdock() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} words=\"\" typed=\"\" i=1\n"
         "  while [ $i -lt \"$COMP_CWORD\" ]; do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "    -C) i=$((i + 1)) ;;\n"
         "    -*) ;;\n"
         "    *) typed=\"$typed${typed:+ }${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "    i=$((i + 1))\n"
         "  done\n"
         "  case $typed in");
    print_nouns();
    for (const xd_command *command = xd_commands; command->name; command++) {
        if (strchr(command->name, ' ') && begins_noun(command)) {
            print_verbs(command);
        }
        print_options(command);
    }
    puts("  esac\n"
         "  if [ -z \"$words\" ] || [ \"${COMP_WORDS[COMP_CWORD - 1]}\" = -C ]; then\n"
         "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _crossdock crossdock");
    return XD_EXIT_OK;
}
