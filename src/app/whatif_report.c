/* What differs. See whatif_report.h. */
#include "app/whatif_report.h"

#include "app/whatif_diff.h"
#include "flow/step.h"

#include <stdio.h>

enum { ROW_CAP = 512 << 20 };

typedef struct report {
    xd_whatif_book *book;
    xd_whatif_store *states;
    const xd_whatif_options *options;
    xd_whatif_result *result;
    xd_arena arena; /* of one row */
    xd_buf row;
    xd_buf body; /* of one message */
    int64_t shown;
    xd_fault *fault;
} report;

/* One event that differs, on both sides. */
typedef struct case_of {
    const xd_whatif_entry *entry;
    xd_log_row log;
    xd_event subjects[XD_SIDES];
    const xd_json *effects[XD_SIDES];
    const char *change; /* NULL: nothing differs */
} case_of;

static xd_status no_memory(const report *r)
{
    return xd_fail(r->fault, XD_NO_MEMORY, "replay.memory", "no memory to tell the differences in");
}

static xd_status show(report *r)
{
    return r->row.failed ? no_memory(r)
                         : r->options->show(r->options->context, xd_buf_str(&r->row), r->fault);
}

static void member(xd_buf *buf, const char *name, xd_str value)
{
    xd_buf_printf(buf, ",\"%s\":", name);
    xd_json_write_string(buf, value);
}

static void instant_member(xd_buf *buf, const char *name, xd_instant at)
{
    if (at != XD_INSTANT_NONE) {
        xd_buf_printf(buf, ",\"%s\":\"", name);
        xd_instant_write(buf, at);
        xd_buf_char(buf, '"');
    }
}

/* Rows of differences under a name; nothing when there are none. */
static xd_status differences(report *r, const char *name, const xd_json *before,
                             const xd_json *after, uint32_t *ret_count)
{
    size_t start = r->row.len;
    xd_buf_printf(&r->row, ",\"%s\":[", name);
    XD_TRY(xd_whatif_diff(before, after, &r->arena, &r->row, ret_count, r->fault));
    if (*ret_count) {
        xd_buf_char(&r->row, ']');
    } else {
        r->row.len = start;
    }
    return XD_OK;
}

/* --- what kind of change --- */

static bool is_refused(const xd_json *effect)
{
    xd_str code = XD_TEXT(effect, "code");
    return xd_str_eq(code, XD_STR("MAP_FAILED")) || xd_str_eq(code, XD_STR("MAP_RESULT")) ||
           xd_str_eq(code, XD_STR("MAP_UNKNOWN"));
}

static xd_status same_outcome(report *r, const case_of *c, bool *ret)
{
    const xd_whatif_outcome *before = &c->entry->sides[XD_BEFORE];
    const xd_whatif_outcome *after = &c->entry->sides[XD_AFTER];
    const xd_json *plain[XD_SIDES] = {NULL, NULL};
    for (int side = 0; side < XD_SIDES; side++) {
        if (c->effects[side]) {
            plain[side] = xd_whatif_plain(c->effects[side], true, &r->arena);
            if (!plain[side]) {
                return no_memory(r);
            }
        }
    }
    XD_TRY(xd_whatif_equal(plain[XD_BEFORE], plain[XD_AFTER], &r->arena, ret, r->fault));
    *ret = *ret && xd_str_eq(xd_buf_str(&before->entries), xd_buf_str(&after->entries)) &&
           xd_str_eq(xd_buf_str(&before->deliveries), xd_buf_str(&after->deliveries));
    return XD_OK;
}

static xd_status judge(report *r, case_of *c)
{
    const xd_event *before = &c->subjects[XD_BEFORE], *after = &c->subjects[XD_AFTER];
    bool same_end = false, same_data = false;
    XD_TRY(same_outcome(r, c, &same_end));
    XD_TRY(xd_whatif_equal(before->data, after->data, &r->arena, &same_data, r->fault));
    same_data = same_data && before->kind == after->kind;
    bool new_end = c->entry->added || !same_end;
    if (!c->entry->mapped) {
        c->change = same_end ? c->entry->unproved ? "unknown" : NULL : "downstream";
    } else if (is_refused(c->effects[XD_AFTER]) && new_end) {
        c->change = "refused";
    } else if (!after->kind && xd_whatif_has_result(c->effects[XD_AFTER], "parked") && new_end) {
        c->change = "waiting";
    } else if (!after->kind && xd_whatif_has_result(c->effects[XD_AFTER], "noted") && new_end) {
        c->change = "dropped";
    } else if (c->entry->added) {
        c->change = "added";
    } else if (!same_data) {
        c->change = "changed";
    } else {
        c->change = same_end ? c->entry->unproved ? "unproved" : NULL : "downstream";
    }
    return XD_OK;
}

static void count(report *r, const case_of *c)
{
    xd_whatif_result *result = r->result;
    bool mapped = c->entry->mapped && !c->entry->added;
    int64_t *const counters[] = {&result->refused, &result->waiting, &result->dropped,
                                 &result->changed};
    const char *const names[] = {"refused", "waiting", "dropped", "changed"};
    const char *change = c->change ? c->change : "";
    for (size_t i = 0; mapped && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(change, names[i]) == 0) {
            (*counters[i])++;
            mapped = false;
        }
    }
    result->unchanged += mapped;
    result->added += strcmp(change, "added") == 0;
    result->downstream += strcmp(change, "downstream") == 0;
}

/* --- one event --- */

/* What no flow could take has no effect, but an exception. */
static xd_status find_quarantine(report *r, case_of *c, xd_whatif_side side)
{
    char key[17];
    xd_str value;
    xd_store *face = xd_whatif_face(r->states, side);
    if (c->effects[side]) {
        return XD_OK;
    }
    snprintf(key, sizeof key, "%016llx", (unsigned long long)c->entry->seq);
    XD_TRY(face->ops->state_get(face, XD_STATE_EXCEPTION, xd_str_from(key), &r->arena, &value,
                                r->fault));
    return value.ptr ? xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &r->arena, &c->effects[side],
                                     r->fault)
                     : XD_OK;
}

static void write_result(xd_buf *buf, const char *name, const xd_json *effect)
{
    xd_str result = XD_TEXT(effect, "result");
    xd_str reason = XD_TEXT(effect, "reason");
    if (!effect) {
        return;
    }
    xd_buf_printf(buf, ",\"%s\":{\"result\":", name);
    xd_json_write_string(buf, result.ptr ? result : XD_STR("exception"));
    reason = reason.ptr ? reason : XD_TEXT(effect, "text");
    if (XD_TEXT(effect, "code").ptr) {
        member(buf, "code", XD_TEXT(effect, "code"));
    }
    if (reason.ptr) {
        member(buf, "reason", reason);
    }
    if (XD_GET(effect, "wait")) {
        XD_BUF_LIT(buf, ",\"wait\":");
        xd_json_write(buf, XD_GET(effect, "wait"));
    }
    xd_buf_char(buf, '}');
}

static void write_head(report *r, const case_of *c)
{
    xd_buf *buf = &r->row;
    const xd_event *subject = &c->subjects[c->subjects[XD_BEFORE].kind ? XD_BEFORE : XD_AFTER];
    bool known = subject->kind != NULL;
    XD_BUF_LIT(buf, "{\"type\":\"event\",\"change\":");
    xd_json_write_string(buf, xd_str_from(c->change));
    xd_buf_printf(buf, ",\"seq\":%lld", (long long)c->entry->like);
    member(buf, "kind",
           xd_str_from(known ? subject->kind->name : xd_kind_find((xd_kind)c->log.kind)->name));
    member(buf, "key", known ? subject->key : c->log.id);
    if (known && subject->order_key.len && !xd_str_eq(subject->order_key, subject->key)) {
        member(buf, "order_key", subject->order_key);
    }
    member(buf, "source", c->log.source);
    member(buf, "id", c->log.id);
    if (c->entry->mapped || c->entry->unproved) {
        member(buf, "raw", c->log.raw);
    }
    instant_member(buf, "recorded_at", c->log.recorded_at);
    instant_member(buf, "time", c->log.time);
    if (c->entry->unproved) {
        member(buf, "unproved", xd_str_from(c->entry->why));
    }
}

/* Sums of the event's own journal entries by account, where they differ; and the entries, when they
 * differ in anything. */
static xd_status write_money(report *r, const case_of *c)
{
    xd_whatif_sums sums = {0};
    const xd_json *lists[XD_SIDES] = {NULL, NULL};
    xd_status status = XD_OK;
    if (xd_str_eq(xd_buf_str(&c->entry->sides[XD_BEFORE].entries),
                  xd_buf_str(&c->entry->sides[XD_AFTER].entries))) {
        return XD_OK;
    }
    XD_BUF_LIT(&r->row, ",\"entries\":{");
    for (int side = 0; side < XD_SIDES; side++) {
        xd_str text = xd_arena_printf(&r->arena, "[%.*s]",
                                      XD_FMT(xd_buf_str(&c->entry->sides[side].entries)));
        if (!text.ptr) {
            return no_memory(r);
        }
        XD_TRY(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &r->arena, &lists[side], r->fault));
        xd_buf_str_add(&r->row, side == XD_BEFORE ? XD_STR("\"before\":") : XD_STR(",\"after\":"));
        xd_buf_str_add(&r->row, text);
    }
    XD_BUF_LIT(&r->row, "},\"accounts\":[");
    for (int side = 0; side < XD_SIDES && status == XD_OK; side++) {
        for (uint32_t i = 0; i < lists[side]->count && status == XD_OK; i++) {
            const xd_json *entry = &lists[side]->items[i];
            status = xd_whatif_sums_add(&sums, (xd_whatif_side)side, XD_GET(entry, "lines"),
                                        XD_TEXT(entry, "currency"), r->fault);
        }
    }
    bool more = false;
    for (size_t i = 0; i < sums.count && status == XD_OK; i++) {
        if (xd_whatif_sums_differ(&sums.accounts[i])) {
            xd_buf_str_add(&r->row, more ? XD_STR(",{") : XD_STR("{"));
            more = true;
            status = xd_whatif_sums_write(&sums.accounts[i], &r->row, r->fault);
            xd_buf_char(&r->row, '}');
        }
    }
    xd_buf_char(&r->row, ']');
    xd_whatif_sums_finish(&sums);
    return status;
}

/* --- deliveries --- */

typedef struct delivery {
    xd_str line; /* "system message" */
    xd_str system, message;
} delivery;

/* Takes the next line of a list; false at its end. */
static bool next_delivery(xd_str *rest, delivery *ret)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    const char *space = end ? memchr(rest->ptr, ' ', (size_t)(end - rest->ptr)) : NULL;
    if (!space) {
        return false;
    }
    ret->line = (xd_str){rest->ptr, (size_t)(end - rest->ptr)};
    ret->system = (xd_str){rest->ptr, (size_t)(space - rest->ptr)};
    ret->message = (xd_str){space + 1, (size_t)(end - space - 1)};
    *rest = (xd_str){end + 1, rest->len - ret->line.len - 1};
    return true;
}

static bool has_delivery(const xd_whatif_outcome *outcome, xd_str line)
{
    xd_str rest = xd_buf_str(&outcome->deliveries);
    delivery one;
    while (next_delivery(&rest, &one)) {
        if (xd_str_eq(one.line, line)) {
            return true;
        }
    }
    return false;
}

/* The body on one side, without what numbers entries. */
static xd_status render(report *r, const case_of *c, xd_whatif_side side, xd_message message,
                        const xd_json **ret)
{
    xd_json_limits limits = {.max_bytes = ROW_CAP, .max_depth = 512, .allow_duplicates = true};
    const xd_json *body;
    xd_buf_clear(&r->body);
    XD_TRY(xd_flow_render(message, &c->subjects[side], c->effects[side], &r->body, r->fault));
    xd_str text = xd_arena_copy(&r->arena, xd_buf_str(&r->body));
    if (!text.ptr) {
        return no_memory(r);
    }
    XD_TRY(xd_json_parse(text, limits, &r->arena, &body, r->fault));
    *ret = xd_whatif_plain(body, false, &r->arena);
    return *ret ? XD_OK : no_memory(r);
}

static void begin_delivery(report *r, const delivery *one, const char *change, bool *more)
{
    xd_buf_str_add(&r->row,
                   *more ? XD_STR(",{\"system\":") : XD_STR(",\"deliveries\":[{\"system\":"));
    *more = true;
    xd_json_write_string(&r->row, one->system);
    member(&r->row, "message", one->message);
    member(&r->row, "change", xd_str_from(change));
}

static xd_status compare_bodies(report *r, const case_of *c, const delivery *one, bool *more)
{
    const xd_json *bodies[XD_SIDES];
    uint32_t count = 0;
    xd_message message = xd_message_by_name(one->message);
    for (int side = 0; side < XD_SIDES; side++) {
        XD_TRY(render(r, c, (xd_whatif_side)side, message, &bodies[side]));
    }
    size_t start = r->row.len;
    bool had = *more;
    begin_delivery(r, one, "changed", more);
    XD_TRY(differences(r, "fields", bodies[XD_BEFORE], bodies[XD_AFTER], &count));
    if (count) {
        xd_buf_char(&r->row, '}');
    } else {
        r->row.len = start;
        *more = had;
    }
    return XD_OK;
}

static xd_status write_deliveries(report *r, const case_of *c)
{
    const xd_whatif_outcome *sides = c->entry->sides;
    xd_str rest = xd_buf_str(&sides[XD_BEFORE].deliveries);
    delivery one;
    bool more = false;
    while (next_delivery(&rest, &one)) {
        if (has_delivery(&sides[XD_AFTER], one.line)) {
            XD_TRY(compare_bodies(r, c, &one, &more));
        } else {
            begin_delivery(r, &one, "gone", &more);
            xd_buf_char(&r->row, '}');
        }
    }
    rest = xd_buf_str(&sides[XD_AFTER].deliveries);
    while (next_delivery(&rest, &one)) {
        if (!has_delivery(&sides[XD_BEFORE], one.line)) {
            begin_delivery(r, &one, "added", &more);
            xd_buf_char(&r->row, '}');
        }
    }
    xd_buf_str_add(&r->row, more ? XD_STR("]") : XD_STR(""));
    return XD_OK;
}

static xd_status write_case(report *r, case_of *c)
{
    const xd_event *before = &c->subjects[XD_BEFORE], *after = &c->subjects[XD_AFTER];
    uint32_t ignored;
    xd_buf_clear(&r->row);
    write_head(r, c);
    if (before->kind && after->kind && c->entry->mapped) {
        XD_TRY(differences(r, "fields", before->data, after->data, &ignored));
    } else if (after->kind && c->entry->mapped) {
        XD_BUF_LIT(&r->row, ",\"data\":");
        xd_json_write(&r->row, after->data);
    }
    write_result(&r->row, "before", c->effects[XD_BEFORE]);
    write_result(&r->row, "after", c->effects[XD_AFTER]);
    if (c->entry->sides[XD_BEFORE].effect.len && c->entry->sides[XD_AFTER].effect.len) {
        const xd_json *a = xd_whatif_plain(c->effects[XD_BEFORE], true, &r->arena);
        const xd_json *b = xd_whatif_plain(c->effects[XD_AFTER], true, &r->arena);
        if (!a || !b) {
            return no_memory(r);
        }
        XD_TRY(differences(r, "effect", a, b, &ignored));
    }
    XD_TRY(write_money(r, c));
    XD_TRY(write_deliveries(r, c));
    xd_buf_char(&r->row, '}');
    return show(r);
}

static xd_status tell_entry(report *r, const xd_whatif_entry *entry)
{
    case_of c = {.entry = entry};
    xd_store *log = r->book->log;
    xd_arena_reset(&r->arena);
    XD_TRY(log->ops->log_get(log, entry->like, &r->arena, &c.log, r->fault));
    for (int side = 0; side < XD_SIDES; side++) {
        XD_TRY(xd_whatif_subject(entry, (xd_whatif_side)side, &c.log, &r->arena, &c.subjects[side],
                                 &c.effects[side], r->fault));
    }
    XD_TRY(find_quarantine(r, &c, XD_BEFORE));
    XD_TRY(find_quarantine(r, &c, XD_AFTER));
    XD_TRY(judge(r, &c));
    count(r, &c);
    if (!c.change) {
        return XD_OK;
    }
    r->result->different |= strcmp(c.change, "unproved") != 0 && strcmp(c.change, "unknown") != 0;
    if (r->shown >= r->options->limit) {
        r->result->hidden++;
        return XD_OK;
    }
    r->shown++;
    return write_case(r, &c);
}

/* --- holds and accounts --- */

static xd_status tell_hold(void *context, xd_str key, xd_str before, xd_str after)
{
    report *r = context;
    const xd_json *sides[XD_SIDES] = {NULL, NULL};
    const xd_str texts[XD_SIDES] = {before, after};
    uint32_t ignored;
    xd_arena_reset(&r->arena);
    for (int side = 0; side < XD_SIDES; side++) {
        if (texts[side].ptr) {
            XD_TRY(xd_json_parse(texts[side], XD_JSON_LIMITS_DEFAULT, &r->arena, &sides[side],
                                 r->fault));
        }
    }
    const xd_json *known = sides[XD_BEFORE] ? sides[XD_BEFORE] : sides[XD_AFTER];
    r->result->holds++;
    r->result->different = true;
    xd_buf_clear(&r->row);
    XD_BUF_LIT(&r->row, "{\"type\":\"hold\",\"change\":");
    xd_json_write_string(&r->row, !sides[XD_BEFORE]  ? XD_STR("placed")
                                  : !sides[XD_AFTER] ? XD_STR("gone")
                                                     : XD_STR("changed"));
    member(&r->row, "hold", key);
    const char *const names[] = {"code", "number", "supplier"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        xd_str value = xd_json_get_text(known, xd_str_from(names[i]));
        if (value.ptr) {
            member(&r->row, names[i], value);
        }
    }
    for (int side = 0; side < XD_SIDES; side++) {
        if (sides[side]) {
            member(&r->row, side == XD_BEFORE ? "before" : "after", XD_TEXT(sides[side], "status"));
        }
    }
    if (sides[XD_BEFORE] && sides[XD_AFTER]) {
        XD_TRY(differences(r, "fields", sides[XD_BEFORE], sides[XD_AFTER], &ignored));
    }
    xd_buf_char(&r->row, '}');
    return show(r);
}

static xd_status tell_accounts(report *r)
{
    const xd_whatif_sums *sums = &r->book->sums;
    for (size_t i = 0; i < sums->count; i++) {
        r->result->accounts += xd_whatif_sums_differ(&sums->accounts[i]);
        xd_buf_clear(&r->row);
        XD_BUF_LIT(&r->row, "{\"type\":\"account\",");
        XD_TRY(xd_whatif_sums_write(&sums->accounts[i], &r->row, r->fault));
        xd_buf_char(&r->row, '}');
        XD_TRY(show(r));
    }
    return XD_OK;
}

xd_status xd_whatif_report(xd_whatif_book *book, xd_whatif_store *states,
                           const xd_whatif_options *options, xd_whatif_result *result,
                           xd_fault *fault)
{
    report r = {
        .book = book, .states = states, .options = options, .result = result, .fault = fault};
    xd_arena_init(&r.arena, ROW_CAP);
    xd_buf_init(&r.row, ROW_CAP);
    xd_buf_init(&r.body, ROW_CAP);
    xd_status status = XD_OK;
    result->unchanged = book->unchanged;
    for (size_t i = 0; i < book->count && status == XD_OK; i++) {
        status = tell_entry(&r, book->entries[i]);
    }
    if (status == XD_OK) {
        status = xd_whatif_each(states, XD_STATE_HOLD, tell_hold, &r, fault);
    }
    if (status == XD_OK) {
        status = tell_accounts(&r);
    }
    xd_arena_finish(&r.arena);
    xd_buf_finish(&r.row);
    xd_buf_finish(&r.body);
    return status;
}
