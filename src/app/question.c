/* Asking the read side from the command line. See question.h. */
#include "app/question.h"

#include "app/clock.h"

enum { ANSWER_MAX_BYTES = 256 << 20 };

int xd_question_open(const xd_cli *cli, xd_question *question)
{
    *question = (xd_question){0};
    int answer = xd_cli_config(cli, XD_CONFIG_WITHOUT_SECRETS, &question->config);
    if (answer >= 0) {
        return answer;
    }
    xd_fault fault = XD_FAULT_NONE;
    xd_status status =
        xd_read_open(question->config.database, xd_clock_wall, &question->reader, &fault);
    if (status != XD_OK) {
        answer = status == XD_NOT_FOUND
                     ? xd_cli_say(XD_EXIT_NOT_FOUND,
                                  "there is no data yet in %s; `crossdock run` starts the hub",
                                  question->config.data_folder)
                     : xd_cli_fault(&fault);
        xd_config_finish(&question->config);
        return answer;
    }
    xd_buf_init(&question->body, ANSWER_MAX_BYTES);
    xd_arena_init(&question->arena, (size_t)4 * ANSWER_MAX_BYTES);
    return -1;
}

void xd_question_close(xd_question *question)
{
    xd_read_close(question->reader);
    xd_buf_finish(&question->body);
    xd_arena_finish(&question->arena);
    xd_config_finish(&question->config);
}

static const char *find_argument(void *self, const char *name)
{
    for (const xd_argument *argument = self; argument && argument->name; argument++) {
        if (strcmp(argument->name, name) == 0) {
            return argument->value;
        }
    }
    return NULL;
}

xd_status xd_question_ask(xd_question *question, const char *path, const xd_argument *arguments,
                          xd_fault *fault)
{
    xd_read_request request = {
        .path = path, .query = find_argument, .self = (void *)(uintptr_t)arguments};
    xd_buf_clear(&question->body);
    return xd_read_dispatch(question->reader, &request, &question->body, fault);
}

const xd_json *xd_question_tree(xd_question *question)
{
    xd_json_limits limits = {.max_bytes = ANSWER_MAX_BYTES, .max_depth = 64};
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *tree = NULL;
    xd_arena_reset(&question->arena);
    if (xd_json_parse(xd_buf_str(&question->body), limits, &question->arena, &tree, &fault) !=
        XD_OK) {
        (void)xd_cli_fault(&fault);
        return NULL;
    }
    return tree;
}

static int show(const xd_cli *cli, xd_question *question, const char *path,
                const xd_argument *arguments, xd_question_print print, const void *context)
{
    xd_fault fault = XD_FAULT_NONE;
    if (xd_question_ask(question, path, arguments, &fault) != XD_OK) {
        return xd_cli_fault(&fault);
    }
    if (cli->json) {
        XD_BUF_LIT(&question->body, "\n");
        return xd_cli_print(&question->body);
    }
    const xd_json *tree = xd_question_tree(question);
    return tree ? print(cli, tree, context) : XD_EXIT_FAILED;
}

int xd_question_show(const xd_cli *cli, const char *prefix, const char *name, const char *suffix,
                     const xd_argument *arguments, xd_question_print print, const void *context)
{
    xd_question question;
    xd_buf path;
    int answer = xd_question_open(cli, &question);
    if (answer >= 0) {
        return answer;
    }
    xd_buf_init(&path, 1 << 16);
    xd_buf_printf(&path, "%s%s%s", prefix, name, suffix);
    xd_buf_char(&path, '\0');
    answer = path.failed ? xd_cli_say(XD_EXIT_USAGE, "the name is too long")
                         : show(cli, &question, path.ptr, arguments, print, context);
    xd_buf_finish(&path);
    xd_question_close(&question);
    return answer;
}
