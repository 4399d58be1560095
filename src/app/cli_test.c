/* Tests of the command line's frame: arguments, suggestions, tables. The table of commands here is
 * this file's own. */
#include "app/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const xd_option release_options[] = {
    {"reason", "TEXT", "why"}, {"force", NULL, "at once"}, {.name = NULL}};

static int never(xd_cli *cli)
{
    (void)cli;
    return XD_EXIT_FAILED;
}

const xd_command xd_commands[] = {{.group = "A",
                                   .name = "check",
                                   .arguments = "[DIR]",
                                   .max_arguments = 1,
                                   .help = "verify",
                                   .json = true,
                                   .run = never},
                                  {.group = "B",
                                   .name = "hold list",
                                   .arguments = "[SUPPLIER [NUMBER]]",
                                   .help = "list holds",
                                   .json = true,
                                   .run = never},
                                  {.group = "A",
                                   .name = "hold release",
                                   .arguments = "ID",
                                   .min_arguments = 1,
                                   .max_arguments = 1,
                                   .help = "release a hold",
                                   .options = release_options,
                                   .run = never},
                                  {.name = NULL}};

static char said[4096]; /* what the last call wrote to stdout and stderr together */

/* Sends both streams into a file, parses a line of words, and brings the streams back. */
static int parse(const char *line, xd_cli *cli)
{
    static char words[512];
    char *argv[32] = {words};
    int argc = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = words; word; argc++) {
        argv[argc] = word;
        word = strchr(word, ' ');
        if (word) {
            *word++ = '\0';
        }
    }
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(NULL);
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    int answer = xd_cli_parse(argc, argv, cli);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return answer;
}

static void words_and_options_may_stand_in_any_order(void **state)
{
    (void)state;
    xd_cli cli;
    assert_int_equal(parse("crossdock hold release H-1 --reason=seen --force", &cli), -1);
    assert_string_equal(cli.command->name, "hold release");
    assert_string_equal(cli.arguments[0], "H-1");
    assert_string_equal(xd_cli_option(&cli, "reason"), "seen");
    assert_non_null(xd_cli_option(&cli, "force"));
    assert_int_equal(parse("crossdock -C x hold release --reason why -- --odd-id", &cli), -1);
    assert_string_equal(cli.folder, "x");
    assert_string_equal(cli.arguments[0], "--odd-id");
    assert_string_equal(xd_cli_option(&cli, "reason"), "why");
    assert_null(xd_cli_option(&cli, "force"));
    assert_int_equal(parse("crossdock check --json -C y", &cli), -1);
    assert_true(cli.json);
    assert_string_equal(cli.folder, "y");
}

static void the_folder_comes_from_the_environment_unless_given(void **state)
{
    (void)state;
    xd_cli cli;
    setenv("CROSSDOCK_DIR", "/srv/hub", 1);
    assert_int_equal(parse("crossdock check", &cli), -1);
    assert_string_equal(cli.folder, "/srv/hub");
    assert_int_equal(parse("crossdock check -C z", &cli), -1);
    assert_string_equal(cli.folder, "z");
    unsetenv("CROSSDOCK_DIR");
    assert_int_equal(parse("crossdock check", &cli), -1);
    assert_string_equal(cli.folder, ".");
}

static const struct {
    const char *line;
    const char *said;
} mistakes[] = {
    {"crossdock chekc",
     "crossdock: there is no command \"chekc\"; did you mean `crossdock check`?\n"},
    {"crossdock hlod list",
     "crossdock: there is no command \"hlod\"; did you mean `crossdock hold list`?\n"},
    {"crossdock zzzzzzzzz",
     "crossdock: there is no command \"zzzzzzzzz\"; `crossdock help` lists the commands\n"},
    {"crossdock hold", "crossdock: say which: hold list, hold release\n"},
    {"crossdock hold release", "crossdock: usage: crossdock hold release ID [OPTIONS]\n"},
    {"crossdock check a b", "crossdock: usage: crossdock check [DIR]\n"},
    {"crossdock hold release H --resaon x",
     "crossdock: `crossdock hold release` has no option --resaon; did you mean --reason?\n"},
    {"crossdock hold release H --reason", "crossdock: --reason needs a value: TEXT\n"},
    {"crossdock hold release H --force=1", "crossdock: --force takes no value\n"},
    {"crossdock hold release H --json", "crossdock: `crossdock hold release` has no --json\n"},
    {"crossdock --bogus", "crossdock: there is no option --bogus here; see `crossdock help`\n"},
    {"crossdock -C", "crossdock: -C needs the project folder\n"},
};

static void a_mistake_is_named_with_the_nearest_right_thing(void **state)
{
    (void)state;
    xd_cli cli;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        assert_int_equal(parse(mistakes[i].line, &cli), XD_EXIT_USAGE);
        assert_string_equal(said, mistakes[i].said);
    }
}

static void help_comes_from_the_table(void **state)
{
    (void)state;
    xd_cli cli;
    assert_int_equal(parse("crossdock --version", &cli), XD_EXIT_OK);
    assert_string_equal(said, "crossdock " XD_VERSION "\n");
    assert_int_equal(parse("crossdock --help", &cli), XD_EXIT_OK);
    /* A group once, and a space at least before what a command is for. */
    assert_non_null(strstr(said, "\nA\n  check [DIR]               verify\n"
                                 "  hold release ID           release a hold\n\n"
                                 "B\n  hold list [SUPPLIER [NUMBER]] list holds\n\n"));
    assert_int_equal(parse("crossdock hold release --help", &cli), XD_EXIT_OK);
    assert_string_equal(said, "Usage: crossdock [-C DIR] hold release ID [OPTIONS]\n\nrelease a "
                              "hold\n\nOptions\n  --reason TEXT           why\n"
                              "  --force                 at once\n");
}

static void texts_of_others_cannot_drive_the_terminal(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    const xd_json items[] = {{.type = XD_JSON_STRING, .text = XD_STR("a\033[31m\nb")},
                             {.type = XD_JSON_NUMBER, .text = XD_STR("1.50")}};
    const xd_json list = {.type = XD_JSON_ARRAY, .count = 2, .items = (xd_json *)items};
    xd_cli_value(&buf, &list);
    assert_int_equal(buf.len, strlen("a [31m b, 1.50"));
    assert_memory_equal(buf.ptr, "a [31m b, 1.50", buf.len);
    xd_buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_options_may_stand_in_any_order),
        cmocka_unit_test(the_folder_comes_from_the_environment_unless_given),
        cmocka_unit_test(a_mistake_is_named_with_the_nearest_right_thing),
        cmocka_unit_test(help_comes_from_the_table),
        cmocka_unit_test(texts_of_others_cannot_drive_the_terminal),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
