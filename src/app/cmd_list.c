/* `crossdock hold list`, `parked list`, `exception list`, `dlq list`: pages of what waits, and
 * `crossdock search`: documents by number. As a table or JSON. */
#include "app/question.h"

#include <stdio.h>

typedef struct listing {
    const char *empty; /* what is said when there is nothing */
    const xd_column *columns;
} listing;

static int print_page(const xd_cli *cli, const xd_json *page, const void *context)
{
    const listing *list = context;
    xd_cli_table(cli, XD_GET(page, "items"), list->columns, list->empty);
    if (XD_TEXT(page, "next").len) {
        fflush(stdout);
        fputs("There are more: --limit N shows up to 1000.\n", stderr);
    }
    return XD_EXIT_OK;
}

int xd_cmd_hold_list(xd_cli *cli)
{
    static const xd_column columns[] = {{"id", "HOLD", false},
                                        {"status", "STATUS", false},
                                        {"number", "INVOICE", false},
                                        {"supplier", "SUPPLIER", false},
                                        {"line", "LINE", true},
                                        {"po", "ORDER", false},
                                        {"code", "CODE", false},
                                        {"placed_at", "SINCE", false},
                                        {.member = NULL}};
    static const listing list = {"No holds.", columns};
    const xd_argument arguments[] = {{"all", xd_cli_option(cli, "all") ? "true" : NULL},
                                     {"limit", xd_cli_option(cli, "limit")},
                                     {.name = NULL}};
    return xd_question_show(cli, "/holds", "", "", arguments, print_page, &list);
}

int xd_cmd_parked_list(xd_cli *cli)
{
    static const xd_column columns[] = {{"kind", "KIND", false},
                                        {"key", "DOCUMENT", false},
                                        {"wait_kind", "WAITS FOR", false},
                                        {"wait_key", "NUMBER", false},
                                        {"since", "SINCE", false},
                                        {"seq", "EVENT", true},
                                        {.member = NULL}};
    static const listing list = {"Nothing is parked.", columns};
    const xd_argument arguments[] = {{"limit", xd_cli_option(cli, "limit")}, {.name = NULL}};
    return xd_question_show(cli, "/parked", "", "", arguments, print_page, &list);
}

int xd_cmd_exception_list(xd_cli *cli)
{
    static const xd_column columns[] = {{"id", "EXCEPTION", true},  {"kind", "KIND", false},
                                        {"key", "DOCUMENT", false}, {"order_key", "ORDER", false},
                                        {"code", "CODE", false},    {"at", "SINCE", false},
                                        {"text", "WHAT", false},    {.member = NULL}};
    static const listing list = {"No exceptions.", columns};
    const xd_argument arguments[] = {{"all", xd_cli_option(cli, "all") ? "true" : NULL},
                                     {"limit", xd_cli_option(cli, "limit")},
                                     {.name = NULL}};
    return xd_question_show(cli, "/exceptions", "", "", arguments, print_page, &list);
}

int xd_cmd_dlq_list(xd_cli *cli)
{
    static const xd_column columns[] = {
        {"id", "DELIVERY", false},   {"system", "SYSTEM", false}, {"message", "MESSAGE", false},
        {"order_key", "KEY", false}, {"class", "CLASS", false},   {"attempts", "TRIES", true},
        {"at", "SINCE", false},      {"reason", "REASON", false}, {.member = NULL}};
    static const listing list = {"No dead letters.", columns};
    const xd_argument arguments[] = {{"all", xd_cli_option(cli, "all") ? "true" : NULL},
                                     {"system", xd_cli_option(cli, "system")},
                                     {"limit", xd_cli_option(cli, "limit")},
                                     {.name = NULL}};
    return xd_question_show(cli, "/dead-letters", "", "", arguments, print_page, &list);
}

static int print_hits(const xd_cli *cli, const xd_json *page, const void *context)
{
    const listing *list = context;
    xd_cli_table(cli, XD_GET(page, "items"), list->columns, list->empty);
    if (xd_json_get_bool(page, XD_STR("more"))) {
        fflush(stdout);
        fputs("There are more: give more of the number.\n", stderr);
    }
    return XD_EXIT_OK;
}

int xd_cmd_search(xd_cli *cli)
{
    static const xd_column columns[] = {{"kind", "KIND", false},
                                        {"document", "DOCUMENT", false},
                                        {"order", "ORDER", false},
                                        {"source", "SOURCE", false},
                                        {"recorded_at", "NEWEST", false},
                                        {"events", "EVENTS", true},
                                        {.member = NULL}};
    static const listing list = {"No document's number is this or begins with it.", columns};
    const xd_argument arguments[] = {{"q", cli->arguments[0]}, {.name = NULL}};
    return xd_question_show(cli, "/search", "", "", arguments, print_hits, &list);
}
