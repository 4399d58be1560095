/* `crossdock report` and `crossdock journal export`: texts for other programs, on stdout. */
#include "app/question.h"

#include <stdio.h>

int xd_cmd_report(xd_cli *cli)
{
    xd_question question;
    char path[128];
    snprintf(path, sizeof path, "/reports/%s", cli->arguments[0]);
    if (strcmp(cli->arguments[0], "p2p-controls") != 0) {
        return xd_cli_say(XD_EXIT_NOT_FOUND, "there is no report \"%s\"; there is p2p-controls",
                          cli->arguments[0]);
    }
    int answer = xd_question_open(cli, &question);
    if (answer >= 0) {
        return answer;
    }
    xd_fault fault = XD_FAULT_NONE;
    answer = xd_question_ask(&question, path, NULL, &fault) == XD_OK ? xd_cli_print(&question.body)
                                                                     : xd_cli_fault(&fault);
    xd_question_close(&question);
    return answer;
}

/* Prints one page and gives the cursor of the next, "" at the end; an exit code on failure, -1 when
 * all went well. */
typedef int (*print_page)(xd_question *question, char *cursor, size_t size);

/* hledger's text carries the cursor in a comment at its end: "; next: 123". */
static int print_hledger(xd_question *question, char *cursor, size_t size)
{
    static const char mark[] = "; next: ";
    xd_buf *body = &question->body;
    size_t line = body->len ? body->len - 1 : 0;
    while (line && body->ptr[line - 1] != '\n') {
        line--;
    }
    cursor[0] = '\0';
    xd_str last = {body->ptr + line, body->len - line};
    if (body->len && xd_str_starts(last, XD_STR("; next: "))) {
        snprintf(cursor, size, "%.*s", (int)(last.len - sizeof mark), last.ptr + sizeof mark - 1);
        body->len = line;
    }
    int answer = xd_cli_print(body);
    return answer == XD_EXIT_OK ? -1 : answer;
}

static int print_json(xd_question *question, char *cursor, size_t size)
{
    const xd_json *page = xd_question_tree(question);
    if (!page) {
        return XD_EXIT_FAILED;
    }
    const xd_json *items = XD_GET(page, "items");
    xd_buf line;
    xd_buf_init(&line, 1 << 24);
    for (uint32_t i = 0; items && i < items->count; i++) {
        xd_json_write(&line, &items->items[i]);
        xd_buf_char(&line, '\n');
    }
    snprintf(cursor, size, "%.*s", XD_FMT(XD_TEXT(page, "next")));
    int answer = xd_cli_print(&line);
    xd_buf_finish(&line);
    return answer == XD_EXIT_OK ? -1 : answer;
}

static int export_pages(xd_question *question, const char *format, print_page print)
{
    char cursor[64] = "";
    do {
        const xd_argument arguments[] = {{"format", format},
                                         {"limit", "1000"},
                                         {"cursor", cursor[0] ? cursor : NULL},
                                         {.name = NULL}};
        xd_fault fault = XD_FAULT_NONE;
        if (xd_question_ask(question, "/journal", arguments, &fault) != XD_OK) {
            return xd_cli_fault(&fault);
        }
        int answer = print(question, cursor, sizeof cursor);
        if (answer >= 0) {
            return answer;
        }
    } while (cursor[0]);
    return XD_EXIT_OK;
}

int xd_cmd_journal_export(xd_cli *cli)
{
    const char *format = xd_cli_option(cli, "format");
    bool json = format && strcmp(format, "json") == 0;
    if (format && !json && strcmp(format, "hledger") != 0) {
        return xd_cli_say(XD_EXIT_USAGE, "--format is hledger or json; found \"%s\"", format);
    }
    xd_question question;
    int answer = xd_question_open(cli, &question);
    if (answer >= 0) {
        return answer;
    }
    answer = export_pages(&question, json ? "json" : "hledger", json ? print_json : print_hledger);
    xd_question_close(&question);
    return answer;
}
