/* Comparing rows of crosswalks with state, and sending what differs. See xref_post.h. */
#include "app/xref_post.h"

#include "app/control.h"
#include "base/hash.h"
#include "canon/event.h"
#include "flow/crosswalk.h"
#include "flow/key.h"

#include <stdio.h>
#include <stdlib.h>

/* An event has 140 bytes at least, so that the hub lists every refusal of a request (the first
 * XD_BULK_MAX_PROBLEMS, 1,000). */
enum { SETTLE_ATTEMPTS = 10, FIRST_CHANGES = 64, REQUEST_BYTES = 128 << 10 };
#define PLAN_BYTES ((size_t)4 << 30)

static const char SOURCE[] = "xref"; /* of the events */

void xd_xref_plan_init(xd_xref_plan *plan)
{
    *plan = (xd_xref_plan){.count = 0};
    xd_arena_init(&plan->arena, PLAN_BYTES);
    xd_buf_init(&plan->events, PLAN_BYTES);
}

void xd_xref_plan_finish(xd_xref_plan *plan)
{
    xd_arena_finish(&plan->arena);
    xd_buf_finish(&plan->events);
    free(plan->changes);
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "xref.memory",
                   "no memory for so many changes: import the file in parts");
}

/* --- what is known of a code --- */

typedef struct known {
    const xd_json *document; /* of state; NULL: none */
    int64_t version;
} known;

static xd_status look_up(xd_question *question, xd_str key, known *ret, xd_fault *fault)
{
    char path[1024 + 16];
    int n = snprintf(path, sizeof path, "/crosswalks/%.*s", XD_FMT(key));
    if (n < 0 || (size_t)n >= sizeof path) {
        return xd_fail(fault, XD_LIMIT, "xref.length", "the code %.*s is too long", XD_FMT(key));
    }
    xd_fault why = XD_FAULT_NONE;
    xd_status status = xd_question_ask(question, path, NULL, &why);
    *ret = (known){NULL, 0};
    if (status == XD_NOT_FOUND) {
        return XD_OK;
    }
    if (status != XD_OK) {
        *fault = why;
        return status;
    }
    ret->document = xd_question_tree(question);
    ret->version = XD_INT(ret->document, "version", 0);
    return ret->document ? XD_OK
                         : xd_fail(fault, XD_CORRUPT, "xref.state",
                                   "%.*s cannot be read from "
                                   "state",
                                   XD_FMT(key));
}

typedef struct search {
    xd_instant from;
    bool found;
    xd_crosswalk_row entry;
} search;

static xd_status visit_entry(void *context, const xd_crosswalk_row *row)
{
    search *s = context;
    if (row->valid_from == s->from) {
        s->found = true;
        s->entry = *row;
    }
    return XD_OK;
}

/* --- events --- */

static void write_time(xd_buf *buf, const char *name, xd_instant at)
{
    if (at != XD_INSTANT_NONE) {
        xd_buf_printf(buf, ",\"%s\":\"", name);
        xd_instant_write(buf, at);
        xd_buf_char(buf, '"');
    }
}

/* "table/system/code@VERSION:from"; a long one by its hash. */
static void write_id(xd_buf *buf, xd_str key, int64_t version, xd_instant from)
{
    char text[2048];
    xd_buf when;
    xd_buf_init(&when, 64);
    if (from == XD_INSTANT_NONE) {
        XD_BUF_LIT(&when, "ever");
    } else {
        xd_instant_write(&when, from);
    }
    int n = snprintf(text, sizeof text, "%.*s@%lld:%.*s", XD_FMT(key), (long long)version,
                     XD_FMT(xd_buf_str(&when)));
    xd_buf_finish(&when);
    if (n > 0 && n <= XD_EVENT_ID_MAX) {
        xd_json_write_string(buf, (xd_str){text, (size_t)n});
        return;
    }
    unsigned char digest[32];
    char hex[2 * sizeof digest + 1];
    xd_sha256_of((xd_str){text, strnlen(text, sizeof text)}, digest);
    xd_hex(digest, sizeof digest, hex);
    xd_buf_printf(buf, "\"xref-%s\"", hex);
}

static void write_event(xd_buf *buf, xd_str key, int64_t version, const xd_crosswalk_row *row)
{
    xd_buf_printf(buf,
                  "{\"specversion\":\"1.0\",\"source\":\"%s\",\"type\":"
                  "\"crossdock.crosswalk.v1\",\"id\":",
                  SOURCE);
    write_id(buf, key, version, row->valid_from);
    XD_BUF_LIT(buf, ",\"data\":{\"table\":");
    xd_json_write_string(buf, row->table);
    XD_BUF_LIT(buf, ",\"system\":");
    xd_json_write_string(buf, row->system);
    XD_BUF_LIT(buf, ",\"code\":");
    xd_json_write_string(buf, row->code);
    XD_BUF_LIT(buf, ",\"value\":");
    if (row->value.ptr) {
        xd_json_write_string(buf, row->value);
    } else {
        XD_BUF_LIT(buf, "null");
    }
    write_time(buf, "valid_from", row->valid_from);
    write_time(buf, "valid_to", row->value.ptr ? row->valid_to : XD_INSTANT_NONE);
    XD_BUF_LIT(buf, "}}\n");
}

static xd_status add_change(xd_xref_plan *plan, xd_xref_change change, xd_str key, int64_t version,
                            xd_fault *fault)
{
    if (plan->count == plan->size) {
        size_t size = plan->size ? plan->size * 2 : FIRST_CHANGES;
        xd_xref_change *more = realloc(plan->changes, size * sizeof *more);
        if (!more) {
            return no_memory(fault);
        }
        plan->changes = more;
        plan->size = size;
    }
    change.before = xd_arena_copy(&plan->arena, change.before);
    write_event(&plan->events, key, version, &change.row->row);
    if (!change.before.ptr || plan->events.failed) {
        return no_memory(fault);
    }
    plan->changes[plan->count++] = change;
    plan->counts[change.act]++;
    return XD_OK;
}

/* --- comparing --- */

static xd_status compare_row(const known *is, xd_str key, const xd_xref_row *row,
                             xd_xref_plan *plan, xd_fault *fault)
{
    const xd_crosswalk_row *wanted = &row->row;
    search s = {.from = wanted->valid_from};
    XD_TRY(xd_crosswalk_of_state(is->document, visit_entry, &s, fault));
    bool same = wanted->value.ptr ? s.found && xd_str_eq(s.entry.value, wanted->value) &&
                                        s.entry.valid_to == wanted->valid_to
                                  : !s.found;
    if (same) {
        plan->same++;
        return XD_OK;
    }
    xd_xref_change change = {.row = row,
                             .act = !wanted->value.ptr ? XD_XREF_TAKEN_BACK
                                    : s.found          ? XD_XREF_CHANGED
                                                       : XD_XREF_NEW,
                             .before = s.found ? s.entry.value : XD_STR(""),
                             .before_to = s.found ? s.entry.valid_to : XD_INSTANT_NONE};
    return add_change(plan, change, key, is->version, fault);
}

xd_status xd_xref_compare(xd_question *question, const xd_xref_rows *rows, xd_xref_plan *plan,
                          xd_fault *fault)
{
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    xd_status status = XD_OK;
    xd_str last = XD_STR_NULL; /* key of the code looked up */
    known is = {NULL, 0};
    for (size_t i = 0; i < rows->count && status == XD_OK; i++) {
        const xd_crosswalk_row *row = &rows->rows[i].row;
        const xd_crosswalk_row *before = i ? &rows->rows[i - 1].row : NULL;
        if (!before || !xd_str_eq(before->code, row->code) ||
            !xd_str_eq(before->system, row->system) || !xd_str_eq(before->table, row->table)) {
            xd_arena_reset(&arena);
            last = xd_key_join(&arena, xd_key_pair(&arena, row->table, row->system),
                               xd_key_part(&arena, row->code));
            status = last.ptr ? look_up(question, last, &is, fault) : no_memory(fault);
        }
        status = status == XD_OK ? compare_row(&is, last, &rows->rows[i], plan, fault) : status;
    }
    xd_arena_finish(&arena);
    return status;
}

/* --- sending --- */

xd_status xd_xref_settle(const char *control_path, xd_fault *fault)
{
    xd_buf answer;
    xd_buf_init(&answer, 1 << 16);
    xd_status status = XD_BUSY;
    for (int i = 0; i < SETTLE_ATTEMPTS && status == XD_BUSY; i++) {
        status = xd_control_post(control_path, "/v1/settle?timeout_ms=30000", XD_STR("{}"), &answer,
                                 fault);
    }
    xd_buf_finish(&answer);
    return status;
}

static int64_t read_refusals(const xd_import_result *result, xd_xref_plan *plan, xd_xref_rows *rows)
{
    xd_arena arena;
    xd_arena_init(&arena, 256u << 20);
    xd_str text = xd_arena_printf(&arena, "[%.*s]", XD_FMT(xd_buf_str(&result->problems)));
    const xd_json *problems = NULL;
    int64_t conflicts = 0;
    if (text.ptr && xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &problems, NULL) == XD_OK) {
        for (uint32_t i = 0; i < problems->count; i++) {
            const xd_json *problem = &problems->items[i];
            int64_t line = XD_INT(problem, "line", 0);
            if (line < 1 || (size_t)line > plan->count) {
                continue;
            }
            const xd_xref_row *row = plan->changes[line - 1].row;
            plan->counts[plan->changes[line - 1].act]--;
            xd_str detail = XD_TEXT(problem, "detail");
            bool conflict = xd_str_eq(XD_TEXT(problem, "rule"), XD_STR("event.id"));
            conflicts += conflict;
            char code[200];
            snprintf(code, sizeof code, "%.*s/%.*s/%.*s", XD_FMT(row->row.table),
                     XD_FMT(row->row.system), XD_FMT(row->row.code));
            if (conflict) {
                xd_xref_problem_add(rows, row->line, XD_STR("code"),
                                    "%s was changed by somebody else at this moment; look at it "
                                    "with `crossdock xref list` and say again what you want",
                                    code);
            } else {
                xd_xref_problem_add(rows, row->line, XD_STR("code"), "%s was refused: %.*s", code,
                                    XD_FMT(detail));
            }
        }
    }
    xd_arena_finish(&arena);
    return conflicts;
}

xd_status xd_xref_send(const char *control_path, const char *name, const char *person,
                       xd_xref_plan *plan, xd_xref_rows *rows, int64_t *ret_refused,
                       int64_t *ret_conflicts, xd_fault *fault)
{
    *ret_refused = 0;
    *ret_conflicts = 0;
    if (plan->count == 0) {
        return XD_OK;
    }
    xd_import_bar bar = {0};
    xd_import_options options = {.file = name,
                                 .lines = xd_buf_str(&plan->events),
                                 .control_path = control_path,
                                 .person = person,
                                 .chunk_bytes = REQUEST_BYTES,
                                 .no_resume = true,
                                 .progress_context = &bar,
                                 .progress = xd_import_draw};
    xd_import_result result = {0};
    xd_status status = xd_import_run(&options, &result, fault);
    xd_import_draw_end(&bar);
    *ret_refused = result.refused;
    *ret_conflicts = read_refusals(&result, plan, rows);
    xd_import_finish(&result);
    return status;
}
