/* `crossdock xref list|missing`: the codes the hub knows, as a table, JSON or the CSV that `xref
 * import` reads; and those that documents wait for. */
#include "app/question.h"
#include "app/xref_rows.h"

#include <stdio.h>

enum { OUTPUT_BYTES = 1 << 30 };

/* --- the codes --- */

static xd_instant time_of(const xd_json *entry, xd_str name)
{
    xd_instant at = XD_INSTANT_NONE;
    xd_str text = xd_json_get_text(entry, name);
    return text.len && xd_moment_parse(text, false, &at) ? at : XD_INSTANT_NONE;
}

/* A member of a row for the table. */
static void add_member(xd_buf *buf, const char *name, xd_str text)
{
    xd_buf_printf(buf, "%s\"%s\":", buf->ptr[buf->len - 1] == '{' ? "" : ",", name);
    xd_json_write_string(buf, text);
}

static void add_time(xd_buf *buf, const char *name, xd_instant at, bool last_day)
{
    xd_buf_printf(buf, ",\"%s\":\"", name);
    xd_xref_time_write(buf, at, last_day);
    xd_buf_char(buf, '"');
}

/* A row of the table for every entry; with an instant, one for each code. */
static void flatten(const xd_json *items, bool at, xd_buf *buf)
{
    XD_BUF_LIT(buf, "[");
    for (uint32_t i = 0; items && i < items->count; i++) {
        const xd_json *code = &items->items[i];
        const xd_json *entries = XD_GET(code, "entries");
        for (uint32_t k = 0; entries && k < (at ? 1 : entries->count); k++) {
            const xd_json *entry = &entries->items[k];
            xd_buf_str_add(buf, buf->len > 1 ? XD_STR(",{") : XD_STR("{"));
            add_member(buf, "table", XD_TEXT(code, "table"));
            add_member(buf, "system", XD_TEXT(code, "system"));
            add_member(buf, "code", XD_TEXT(code, "code"));
            add_member(buf, "value", XD_TEXT(at ? code : entry, "value"));
            if (!at) {
                add_time(buf, "from", time_of(entry, XD_STR("from")), false);
                add_time(buf, "to", time_of(entry, XD_STR("to")), true);
            }
            xd_buf_char(buf, '}');
        }
    }
    XD_BUF_LIT(buf, "]");
}

static void say_more(const xd_json *page)
{
    xd_str next = XD_TEXT(page, "next");
    if (next.len) {
        fflush(stdout);
        fprintf(stderr,
                "There are more: --limit N shows up to 1000 codes, --cursor '%.*s' goes on.\n",
                XD_FMT(next));
    }
}

static int print_codes(const xd_cli *cli, const xd_json *page, const void *context)
{
    static const xd_column all[] = {{"table", "TABLE", false}, {"system", "SYSTEM", false},
                                    {"code", "CODE", false},   {"value", "VALUE", false},
                                    {"from", "FROM", false},   {"to", "TO", false},
                                    {.member = NULL}};
    static const xd_column in_force[] = {{"table", "TABLE", false},
                                         {"system", "SYSTEM", false},
                                         {"code", "CODE", false},
                                         {"value", "VALUE", false},
                                         {.member = NULL}};
    const bool *at = context;
    xd_buf buf;
    xd_arena arena;
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *rows = NULL;
    xd_buf_init(&buf, OUTPUT_BYTES);
    xd_arena_init(&arena, OUTPUT_BYTES);
    flatten(XD_GET(page, "items"), *at, &buf);
    int answer = XD_EXIT_OK;
    xd_json_limits limits = {.max_bytes = OUTPUT_BYTES, .max_depth = 8};
    if (xd_json_parse(xd_buf_str(&buf), limits, &arena, &rows, &fault) != XD_OK) {
        answer = xd_cli_fault(&fault);
    } else {
        xd_cli_table(cli, rows, *at ? in_force : all, "No codes.");
        say_more(page);
    }
    xd_arena_finish(&arena);
    xd_buf_finish(&buf);
    return answer;
}

/* --- as CSV --- */

static void add_field(xd_buf *buf, xd_str text)
{
    bool plain = true;
    for (size_t i = 0; i < text.len; i++) {
        plain = plain && !strchr("\",\r\n", text.ptr[i]);
    }
    /* A blank or a '#' at an end is kept by readers only in quotes. */
    plain = plain && text.len && text.ptr[0] != ' ' && text.ptr[text.len - 1] != ' ';
    if (plain || text.len == 0) {
        xd_buf_str_add(buf, text);
        return;
    }
    xd_buf_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            xd_buf_char(buf, '"');
        }
        xd_buf_char(buf, text.ptr[i]);
    }
    xd_buf_char(buf, '"');
}

static void add_csv(xd_buf *buf, const xd_json *items)
{
    static const char *const names[] = {"table", "system", "code"};
    for (uint32_t i = 0; items && i < items->count; i++) {
        const xd_json *entries = XD_GET(&items->items[i], "entries");
        for (uint32_t k = 0; entries && k < entries->count; k++) {
            const xd_json *entry = &entries->items[k];
            for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
                add_field(buf, xd_json_get_text(&items->items[i], xd_str_from(names[n])));
                xd_buf_char(buf, ',');
            }
            add_field(buf, XD_TEXT(entry, "value"));
            xd_buf_char(buf, ',');
            xd_xref_time_write(buf, time_of(entry, XD_STR("from")), false);
            xd_buf_char(buf, ',');
            xd_xref_time_write(buf, time_of(entry, XD_STR("to")), true);
            xd_buf_char(buf, '\n');
        }
    }
}

/* Every page, from the first to the last. */
static int print_csv(xd_question *question, const xd_argument *narrowed)
{
    xd_buf buf;
    char cursor[2048] = "";
    int answer = XD_EXIT_OK;
    xd_buf_init(&buf, OUTPUT_BYTES);
    XD_BUF_LIT(&buf, "table,system,code,value,valid_from,valid_to\n");
    for (bool more = true; more && answer == XD_EXIT_OK;) {
        const xd_argument arguments[] = {narrowed[0],       narrowed[1],        narrowed[2],
                                         {"limit", "1000"}, {"cursor", cursor}, {.name = NULL}};
        xd_fault fault = XD_FAULT_NONE;
        const xd_json *page = NULL;
        if (xd_question_ask(question, "/crosswalks", arguments, &fault) != XD_OK) {
            answer = xd_cli_fault(&fault);
            break;
        }
        page = xd_question_tree(question);
        add_csv(&buf, XD_GET(page, "items"));
        xd_str next = XD_TEXT(page, "next");
        more = next.len > 0 && next.len < sizeof cursor;
        snprintf(cursor, sizeof cursor, "%.*s", XD_FMT(next));
        answer = page ? xd_cli_print(&buf) : XD_EXIT_FAILED;
        xd_buf_clear(&buf);
    }
    xd_buf_finish(&buf);
    return answer;
}

int xd_cmd_xref_list(xd_cli *cli)
{
    const char *at = xd_cli_option(cli, "at");
    const bool in_force = at != NULL;
    const xd_argument arguments[] = {{"table", cli->argument_count > 0 ? cli->arguments[0] : NULL},
                                     {"system", cli->argument_count > 1 ? cli->arguments[1] : NULL},
                                     {"code", xd_cli_option(cli, "code")},
                                     {"at", at},
                                     {"limit", xd_cli_option(cli, "limit")},
                                     {"cursor", xd_cli_option(cli, "cursor")},
                                     {.name = NULL}};
    if (!xd_cli_option(cli, "csv")) {
        return xd_question_show(cli, "/crosswalks", "", "", arguments, print_codes, &in_force);
    }
    if (at || cli->json) {
        return xd_cli_say(XD_EXIT_USAGE, "--csv writes every entry and goes with neither --at nor "
                                         "--json");
    }
    xd_question question;
    int answer = xd_question_open(cli, &question);
    if (answer < 0) {
        answer = print_csv(&question, arguments);
        xd_question_close(&question);
    }
    return answer;
}

/* --- what is waited for --- */

static int print_missing(const xd_cli *cli, const xd_json *page, const void *context)
{
    static const xd_column columns[] = {{"table", "TABLE", false},
                                        {"system", "SYSTEM", false},
                                        {"code", "CODE", false},
                                        {"waiting", "DOCUMENTS", true},
                                        {"deliveries", "DELIVERIES", true},
                                        {"since", "SINCE", false},
                                        {"example/source", "SOURCE", false},
                                        {"example/seq", "EVENT", true},
                                        {.member = NULL}};
    (void)context;
    xd_cli_table(cli, XD_GET(page, "items"), columns, "Nothing waits for a code.");
    say_more(page);
    return XD_EXIT_OK;
}

int xd_cmd_xref_missing(xd_cli *cli)
{
    const xd_argument arguments[] = {{"table", cli->argument_count > 0 ? cli->arguments[0] : NULL},
                                     {"system", cli->argument_count > 1 ? cli->arguments[1] : NULL},
                                     {"limit", xd_cli_option(cli, "limit")},
                                     {"cursor", xd_cli_option(cli, "cursor")},
                                     {.name = NULL}};
    return xd_question_show(cli, "/crosswalks/missing", "", "", arguments, print_missing, NULL);
}
