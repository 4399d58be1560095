/* `crossdock xref import|set|unset`: codes into the running hub. What is handed in is compared with
 * what the hub knows, and only the difference is sent, as events. */
#include "app/cmd_format.h"
#include "app/xref_post.h"

#include <stdio.h>

enum { SHOWN_PROBLEMS = 20, OUTPUT_BYTES = 256 << 20 };

typedef struct job {
    const xd_cli *cli;
    const char *name;   /* of the file, in messages; NULL: a row of the command line */
    const char *person; /* NULL: the login account */
    bool dry_run;
    bool partial;
    xd_question question;
    xd_xref_rows *rows;
    xd_xref_plan plan;
    int64_t refused, conflicts;
    bool sent;
} job;

static const char *const ACTS[] = {
    [XD_XREF_NEW] = "new", [XD_XREF_CHANGED] = "changed", [XD_XREF_TAKEN_BACK] = "taken_back"};

/* --- saying what is wrong --- */

/* Texts of files must not drive the terminal. */
static void write_visible(xd_buf *buf, xd_str text)
{
    xd_json json = {.type = XD_JSON_STRING, .text = text};
    xd_cli_value(buf, &json);
}

static void say_problems(const job *j)
{
    const xd_xref_rows *rows = j->rows;
    xd_buf buf;
    xd_buf_init(&buf, OUTPUT_BYTES);
    for (int64_t i = 0; i < rows->bad && i < SHOWN_PROBLEMS; i++) {
        const xd_xref_problem *problem = &rows->problems[i];
        xd_buf_printf(&buf, "%s", j->name ? j->name : "crossdock");
        if (j->name && problem->line > 0) {
            xd_buf_printf(&buf, ":%lld", (long long)problem->line);
        }
        xd_buf_str_add(&buf, XD_STR(": "));
        write_visible(&buf, problem->column);
        xd_buf_str_add(&buf, problem->column.len ? XD_STR(": ") : XD_STR(""));
        write_visible(&buf, problem->text);
        xd_buf_char(&buf, '\n');
    }
    if (rows->bad > SHOWN_PROBLEMS) {
        xd_buf_printf(&buf, "... and %lld more%s\n", (long long)(rows->bad - SHOWN_PROBLEMS),
                      rows->bad > XD_XREF_PROBLEMS_KEPT ? "" : " (--json lists them)");
    }
    fflush(stdout);
    fwrite(buf.ptr ? buf.ptr : "", 1, buf.len, stderr);
    xd_buf_finish(&buf);
}

/* --- saying what was done --- */

static void write_change(xd_buf *buf, const xd_xref_change *change)
{
    static const char signs[] = {
        [XD_XREF_NEW] = '+', [XD_XREF_CHANGED] = '~', [XD_XREF_TAKEN_BACK] = '-'};
    const xd_crosswalk_row *row = &change->row->row;
    xd_buf_printf(buf, "%c ", signs[change->act]);
    write_visible(buf, row->table);
    xd_buf_char(buf, '/');
    write_visible(buf, row->system);
    xd_buf_char(buf, '/');
    write_visible(buf, row->code);
    if (row->valid_from != XD_INSTANT_NONE) {
        xd_buf_str_add(buf, XD_STR(" from "));
        xd_xref_time_write(buf, row->valid_from, false);
    }
    xd_buf_str_add(buf, XD_STR(": "));
    write_visible(buf, change->before);
    if (change->before_to != XD_INSTANT_NONE) {
        xd_buf_str_add(buf, XD_STR(" to "));
        xd_xref_time_write(buf, change->before_to, true);
    }
    if (row->value.ptr) {
        xd_buf_str_add(buf, change->act == XD_XREF_NEW ? XD_STR("") : XD_STR(" -> "));
        write_visible(buf, row->value);
        if (row->valid_to != XD_INSTANT_NONE) {
            xd_buf_str_add(buf, XD_STR(" to "));
            xd_xref_time_write(buf, row->valid_to, true);
        }
    }
    xd_buf_char(buf, '\n');
}

static int say_result(const job *j)
{
    const xd_xref_plan *plan = &j->plan;
    xd_buf buf;
    xd_buf_init(&buf, OUTPUT_BYTES);
    for (size_t i = 0; j->dry_run && i < plan->count; i++) {
        write_change(&buf, &plan->changes[i]);
    }
    if (j->rows->bad > j->refused && !j->partial) {
        xd_buf_printf(&buf,
                      "%s: %lld rows, %lld wrong: nothing was sent; correct them, or send the "
                      "others with --partial\n",
                      j->name, (long long)j->rows->read, (long long)j->rows->bad);
        int said = xd_cli_print(&buf);
        xd_buf_finish(&buf);
        return said;
    }
    xd_buf_printf(&buf, "%s: %lld rows: %lld new, %lld changed, %lld taken back, %lld as they were",
                  j->name, (long long)j->rows->read, (long long)plan->counts[XD_XREF_NEW],
                  (long long)plan->counts[XD_XREF_CHANGED],
                  (long long)plan->counts[XD_XREF_TAKEN_BACK],
                  (long long)(plan->same + j->rows->repeated));
    if (j->rows->bad > j->refused) {
        xd_buf_printf(&buf, ", %lld wrong", (long long)(j->rows->bad - j->refused));
    }
    if (j->refused) {
        xd_buf_printf(&buf, ", %lld refused", (long long)j->refused);
    }
    xd_buf_str_add(&buf, j->dry_run ? XD_STR(" (nothing is sent: --dry-run)\n")
                         : !j->sent ? XD_STR(" (nothing was sent)\n")
                                    : XD_STR("\n"));
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

static void write_json_time(xd_buf *buf, const char *name, xd_instant at)
{
    if (at != XD_INSTANT_NONE) {
        xd_buf_printf(buf, ",\"%s\":\"", name);
        xd_instant_write(buf, at);
        xd_buf_char(buf, '"');
    }
}

static void write_json_change(xd_buf *buf, const xd_xref_change *change)
{
    const xd_crosswalk_row *row = &change->row->row;
    xd_buf_printf(buf, "{\"line\":%lld,\"act\":\"%s\",\"table\":", (long long)change->row->line,
                  ACTS[change->act]);
    xd_json_write_string(buf, row->table);
    XD_BUF_LIT(buf, ",\"system\":");
    xd_json_write_string(buf, row->system);
    XD_BUF_LIT(buf, ",\"code\":");
    xd_json_write_string(buf, row->code);
    write_json_time(buf, "valid_from", row->valid_from);
    if (row->value.ptr) {
        XD_BUF_LIT(buf, ",\"value\":");
        xd_json_write_string(buf, row->value);
        write_json_time(buf, "valid_to", row->valid_to);
    }
    if (change->act != XD_XREF_NEW) {
        XD_BUF_LIT(buf, ",\"before\":");
        xd_json_write_string(buf, change->before);
        write_json_time(buf, "before_to", change->before_to);
    }
    xd_buf_char(buf, '}');
}

static int print_json(const job *j)
{
    const xd_xref_rows *rows = j->rows;
    xd_buf buf;
    xd_buf_init(&buf, OUTPUT_BYTES);
    xd_buf_printf(&buf, "{\"rows\":%lld", (long long)rows->read);
    for (size_t act = 0; act < sizeof ACTS / sizeof ACTS[0]; act++) {
        xd_buf_printf(&buf, ",\"%s\":%lld", ACTS[act], (long long)j->plan.counts[act]);
    }
    xd_buf_printf(&buf,
                  ",\"same\":%lld,\"wrong\":%lld,\"refused\":%lld,\"conflicts\":%lld,\"sent\":%s",
                  (long long)(j->plan.same + rows->repeated), (long long)(rows->bad - j->refused),
                  (long long)j->refused, (long long)j->conflicts, j->sent ? "true" : "false");
    XD_BUF_LIT(&buf, ",\"problems\":[");
    for (int64_t i = 0; i < rows->bad && i < XD_XREF_PROBLEMS_KEPT; i++) {
        const xd_xref_problem *problem = &rows->problems[i];
        xd_buf_printf(&buf, "%s{\"line\":%lld,\"column\":", i ? "," : "", (long long)problem->line);
        xd_json_write_string(&buf, problem->column);
        XD_BUF_LIT(&buf, ",\"detail\":");
        xd_json_write_string(&buf, problem->text);
        xd_buf_char(&buf, '}');
    }
    XD_BUF_LIT(&buf, "]");
    if (j->dry_run) {
        XD_BUF_LIT(&buf, ",\"changes\":[");
        for (size_t i = 0; i < j->plan.count; i++) {
            xd_buf_str_add(&buf, i ? XD_STR(",") : XD_STR(""));
            write_json_change(&buf, &j->plan.changes[i]);
        }
        XD_BUF_LIT(&buf, "]");
    }
    XD_BUF_LIT(&buf, "}\n");
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

/* --- comparing and sending --- */

/* Without a hub state can be looked at, but nothing can be sent. */
static xd_status settle(const job *j, xd_fault *fault)
{
    xd_status status = xd_xref_settle(j->question.config.ingress.control_path, fault);
    return status == XD_UNAVAILABLE && j->dry_run ? XD_OK : status;
}

static xd_status compare_and_send(job *j, xd_fault *fault)
{
    const char *control_path = j->question.config.ingress.control_path;
    xd_xref_rows_sort(j->rows);
    if (j->rows->bad && !j->partial) {
        return XD_OK;
    }
    XD_TRY(settle(j, fault));
    XD_TRY(xd_xref_compare(&j->question, j->rows, &j->plan, fault));
    if (j->dry_run) {
        return XD_OK;
    }
    xd_status status = xd_xref_send(control_path, j->name ? j->name : "xref", j->person, &j->plan,
                                    j->rows, &j->refused, &j->conflicts, fault);
    j->sent = status == XD_OK;
    return status;
}

static int exit_code(const job *j)
{
    return j->conflicts ? XD_EXIT_CONFLICT : j->rows->bad ? XD_EXIT_FAILED : XD_EXIT_OK;
}

static int open_job(job *j, const xd_cli *cli)
{
    xd_fault fault = XD_FAULT_NONE;
    *j = (job){.cli = cli,
               .person = xd_cli_option(cli, "as"),
               .dry_run = xd_cli_option(cli, "dry-run") != NULL,
               .partial = xd_cli_option(cli, "partial") != NULL};
    int answer = xd_question_open(cli, &j->question);
    if (answer >= 0) {
        return answer;
    }
    xd_xref_plan_init(&j->plan);
    if (xd_xref_rows_create(&j->rows, &fault) != XD_OK) {
        xd_xref_plan_finish(&j->plan);
        xd_question_close(&j->question);
        return xd_cli_fault(&fault);
    }
    return -1;
}

static void close_job(job *j)
{
    xd_xref_rows_destroy(j->rows);
    xd_xref_plan_finish(&j->plan);
    xd_question_close(&j->question);
}

/* --- import --- */

static int open_format(const char *layout, xd_format **ret)
{
    if (layout) {
        return xd_cmd_format_open(layout, ret);
    }
    xd_json_member members[] = {{XD_STR("format"), {.type = XD_JSON_STRING, .text = XD_STR("csv")}},
                                {XD_STR("header"), {.type = XD_JSON_TRUE}}};
    xd_json csv = {.type = XD_JSON_OBJECT, .count = 2, .members = members};
    xd_fault fault = XD_FAULT_NONE;
    return xd_format_open(&csv, ret, &fault) == XD_OK ? XD_EXIT_OK : xd_cli_fault(&fault);
}

static int import_file(job *j, const xd_xref_source *source)
{
    xd_fault fault = XD_FAULT_NONE;
    j->name = strcmp(source->path, "-") == 0 ? "standard input" : source->path;
    xd_status status = xd_xref_rows_read(j->rows, source, &fault);
    if (status == XD_OK) {
        status = compare_and_send(j, &fault);
    }
    if (!j->cli->json) {
        say_problems(j);
    }
    if (status != XD_OK) {
        return xd_cli_fault(&fault);
    }
    int answer = j->cli->json ? print_json(j) : say_result(j);
    return answer != XD_EXIT_OK ? answer : exit_code(j);
}

int xd_cmd_xref_import(xd_cli *cli)
{
    job j;
    xd_format *format = NULL;
    int answer = open_job(&j, cli);
    if (answer >= 0) {
        return answer;
    }
    answer = open_format(xd_cli_option(cli, "layout"), &format);
    if (answer == XD_EXIT_OK) {
        xd_xref_source source = {.path = cli->arguments[0],
                                 .format = format,
                                 .table = xd_str_from(xd_cli_option(cli, "table")),
                                 .system = xd_str_from(xd_cli_option(cli, "system"))};
        answer = import_file(&j, &source);
    }
    xd_format_close(format);
    close_job(&j);
    return answer;
}

/* --- one entry --- */

typedef struct waits {
    int64_t documents, deliveries;
} waits;

/* What waits for the code; nothing when that cannot be found out. */
static waits waiting(job *j)
{
    const xd_argument arguments[] = {{"table", j->cli->arguments[0]},
                                     {"system", j->cli->arguments[1]},
                                     {"code", j->cli->arguments[2]},
                                     {.name = NULL}};
    xd_fault fault = XD_FAULT_NONE;
    if (xd_question_ask(&j->question, "/crosswalks/missing", arguments, &fault) != XD_OK) {
        return (waits){0, 0};
    }
    const xd_json *items = XD_GET(xd_question_tree(&j->question), "items");
    const xd_json *first =
        items && items->type == XD_JSON_ARRAY && items->count ? &items->items[0] : NULL;
    return (waits){XD_INT(first, "waiting", 0), XD_INT(first, "deliveries", 0)};
}

static void say_waits(const char *one, const char *many, int64_t waited, int64_t still)
{
    if (waited > still) {
        printf("%lld %s that waited for it went on\n", (long long)(waited - still),
               waited - still == 1 ? one : many);
    }
    if (still > 0) {
        printf("%lld %s waiting for it still: no entry of it covers the day\n", (long long)still,
               still == 1 ? one : many);
    }
}

static void say_entry(const job *j, waits waited, waits still)
{
    const xd_cli *cli = j->cli;
    printf("%s/%s/%s: %s\n", cli->arguments[0], cli->arguments[1], cli->arguments[2],
           j->plan.count == 0                   ? "it was so already"
           : j->plan.counts[XD_XREF_TAKEN_BACK] ? "taken back"
           : j->plan.counts[XD_XREF_CHANGED]    ? "changed"
                                                : "added");
    say_waits("document", "documents", waited.documents, still.documents);
    say_waits("delivery", "deliveries", waited.deliveries, still.deliveries);
}

/* Sends the one row; waits until what waited for it has gone on. */
static int send_entry(job *j)
{
    xd_fault fault = XD_FAULT_NONE;
    const char *control_path = j->question.config.ingress.control_path;
    if (j->rows->bad) {
        say_problems(j);
        return XD_EXIT_USAGE;
    }
    xd_status status = settle(j, &fault);
    waits waited = status == XD_OK ? waiting(j) : (waits){0, 0};
    if (status == XD_OK) {
        status = compare_and_send(j, &fault);
    }
    if (status == XD_OK) {
        status = xd_xref_settle(control_path, &fault);
    }
    if (status != XD_OK) {
        return xd_cli_fault(&fault);
    }
    if (j->cli->json) {
        int answer = print_json(j);
        return answer != XD_EXIT_OK ? answer : exit_code(j);
    }
    if (j->rows->bad) {
        say_problems(j);
    } else {
        say_entry(j, waited, waiting(j));
    }
    return exit_code(j);
}

static xd_json text_or_null(const char *text)
{
    return text ? (xd_json){.type = XD_JSON_STRING, .text = xd_str_from(text)}
                : (xd_json){.type = XD_JSON_NULL};
}

static int change_entry(const xd_cli *cli, const char *value)
{
    job j;
    int answer = open_job(&j, cli);
    if (answer >= 0) {
        return answer;
    }
    const char *to = value ? xd_cli_option(cli, "to") : NULL;
    xd_json_member members[] = {{XD_STR("table"), text_or_null(cli->arguments[0])},
                                {XD_STR("system"), text_or_null(cli->arguments[1])},
                                {XD_STR("code"), text_or_null(cli->arguments[2])},
                                {XD_STR("value"), text_or_null(value)},
                                {XD_STR("valid_from"), text_or_null(xd_cli_option(cli, "from"))},
                                {XD_STR("valid_to"), text_or_null(to)},
                                {XD_STR("delete"), {.type = value ? XD_JSON_FALSE : XD_JSON_TRUE}}};
    xd_json row = {
        .type = XD_JSON_OBJECT, .count = sizeof members / sizeof members[0], .members = members};
    xd_xref_source source = {.path = NULL};
    xd_fault fault = XD_FAULT_NONE;
    answer = xd_xref_rows_add(j.rows, &source, &row, 0, &fault) == XD_OK ? send_entry(&j)
                                                                         : xd_cli_fault(&fault);
    close_job(&j);
    return answer;
}

int xd_cmd_xref_set(xd_cli *cli)
{
    return change_entry(cli, cli->arguments[3]);
}

int xd_cmd_xref_unset(xd_cli *cli)
{
    return change_entry(cli, NULL);
}
