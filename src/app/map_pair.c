/* One golden pair. See map_pair.h. A map to a kind of document runs as a source of the hub runs it
 * (ingress/transform.h), so that grouping, checking and refusals are the hub's own. */
#include "app/map_pair.h"

#include "app/cmd_map.h"
#include "app/map_input.h"
#include "canon/kind.h"
#include "ingress/transform.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

enum {
    TEXT_BYTES = 256 << 20,
    EVENT_BYTES = 64 << 20,
    BATCH_MAX = 100000,
    VALUE_SHOWN = 60,
    JSON_DEPTH = 512
};

static const char no_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* What running a pair gave. */
typedef struct outcome {
    const xd_json *value; /* NULL: nothing */
    bool written;         /* bytes holds what the layout made of it */
    xd_buf bytes;
    xd_buf faults; /* lines */
} outcome;

static void outcome_init(outcome *o)
{
    *o = (outcome){.value = NULL};
    xd_buf_init(&o->bytes, TEXT_BYTES);
    xd_buf_init(&o->faults, TEXT_BYTES);
}

static void outcome_finish(outcome *o)
{
    xd_buf_finish(&o->bytes);
    xd_buf_finish(&o->faults);
}

static void add_fault(outcome *o, const xd_map_subject *subject, const xd_fault *fault)
{
    if (subject && fault->line > 0) {
        xd_buf_printf(&o->faults, "%s:%d:%d: ", subject->path, (int)fault->line,
                      (int)fault->column);
    }
    xd_buf_printf(&o->faults, "%s%s%s (%s)\n", fault->path, fault->path[0] ? ": " : "", fault->text,
                  fault->rule);
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory for a pair");
}

/* --- as a source of the hub --- */

static xd_status put_row(void *context, const xd_crosswalk_row *row)
{
    return xd_codes_put(context, row, NULL);
}

/* The text of what a record that waits for a code lacks. */
static void add_waiting(const xd_map_pair *p, const xd_map_subject *subject, xd_codes *codes,
                        const xd_event *event, outcome *o)
{
    const xd_json *made;
    xd_fault fault = XD_FAULT_NONE;
    xd_instant at = event->time != XD_INSTANT_NONE ? event->time : p->at;
    xd_codes_look look = {.codes = codes, .at = at};
    xd_map_world world = xd_codes_world(&look);
    xd_map_limits limits = XD_MAP_LIMITS_DOCUMENT;
    if (xd_map_run(subject->map, XD_GET(event->data, "record"), NULL, &world, &limits, p->arena,
                   &made, &fault) != XD_OK) {
        XD_BUF_LIT(&o->faults, "parked: ");
        add_fault(o, subject, &fault);
    }
}

/* The documents as items of an array in text. */
static void take_events(const xd_map_pair *p, const xd_map_subject *subject, xd_codes *codes,
                        const xd_submission *s, xd_buf *text, outcome *o)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const xd_event *event = &s->events[i];
        if (event->kind->kind == XD_KIND_DOCUMENT) {
            add_waiting(p, subject, codes, event, o);
            continue;
        }
        if (text->len > 1) {
            xd_buf_char(text, ',');
        }
        xd_buf_str_add(text, event->data_text);
    }
}

static xd_status add_refused(const xd_bulk *bulk, xd_arena *arena, outcome *o, xd_fault *fault)
{
    xd_str text = xd_arena_printf(arena, "[%.*s]", XD_FMT(xd_buf_str(&bulk->problems)));
    xd_json_limits limits = {.max_bytes = TEXT_BYTES, .max_depth = JSON_DEPTH};
    const xd_json *problems;
    if (!text.ptr) {
        return no_memory(fault);
    }
    XD_TRY(xd_json_parse(text, limits, arena, &problems, fault));
    for (uint32_t i = 0; i < problems->count; i++) {
        const xd_json *row = &problems->items[i];
        xd_fault one = XD_FAULT_NONE;
        int64_t line = XD_INT(row, "line", 0);
        snprintf(one.path, sizeof one.path, "%.*s", XD_FMT(XD_TEXT(row, "pointer")));
        snprintf(one.text, sizeof one.text, "%.*s", XD_FMT(XD_TEXT(row, "detail")));
        snprintf(one.rule, sizeof one.rule, "%.*s", XD_FMT(XD_TEXT(row, "rule")));
        if (line > 0) {
            xd_buf_printf(&o->faults, "line %lld: ", (long long)line);
        }
        add_fault(o, NULL, &one);
    }
    return XD_OK;
}

static xd_status run_records(const xd_map_pair *p, const xd_map_subject *subject,
                             const xd_source *source, xd_codes *codes, xd_str input, xd_bulk *bulk,
                             outcome *o, xd_fault *fault)
{
    xd_transform *transform;
    XD_TRY(xd_transform_create(source, input, p->at, bulk, &transform, fault));
    xd_buf text;
    xd_buf_init(&text, TEXT_BYTES);
    xd_buf_char(&text, '[');
    xd_status status;
    for (;;) {
        xd_submission *s;
        status = xd_transform_next(transform, &s, fault);
        if (status != XD_OK || !s) {
            break;
        }
        take_events(p, subject, codes, s, &text, o);
        xd_submission_release(s); /* both owners: no engine ever sees it */
        xd_submission_release(s);
    }
    xd_transform_destroy(transform);
    xd_buf_char(&text, ']');
    xd_str kept = text.failed ? XD_STR_NULL : xd_arena_copy(p->arena, xd_buf_str(&text));
    xd_buf_finish(&text);
    XD_TRY(status);
    xd_json_limits limits = {.max_bytes = TEXT_BYTES, .max_depth = JSON_DEPTH};
    const xd_json *documents;
    if (!kept.ptr) {
        return no_memory(fault);
    }
    XD_TRY(xd_json_parse(kept, limits, p->arena, &documents, fault));
    o->value = documents->count > 0 ? documents : NULL;
    return add_refused(bulk, p->arena, o, fault);
}

static xd_status open_source(const xd_map_pair *p, const xd_map_subject *subject, xd_codes *codes,
                             xd_source **ret, xd_fault *fault)
{
    xd_source_options options = {.name = "test",
                                 .map_file = subject->path,
                                 .map_text = subject->text,
                                 .map_hash = xd_str_from(no_hash),
                                 .to = subject->to,
                                 .by = subject->by[0] ? subject->by : NULL,
                                 .time = subject->time[0] ? subject->time : NULL,
                                 .codes = codes};
    xd_buf layout;
    xd_buf_init(&layout, TEXT_BYTES);
    xd_status status = XD_OK;
    if (subject->layout) {
        const xd_json *tree = NULL;
        status = xd_map_read_layout(subject->layout, p->arena, &tree, fault);
        if (status == XD_OK) {
            xd_json_write(&layout, tree);
            options.layout = xd_buf_str(&layout);
        }
    }
    if (status == XD_OK) {
        status = xd_source_open(&options, ret, fault);
    }
    xd_buf_finish(&layout);
    return status;
}

/* Maps input by subject as a source of the hub does. */
static xd_status run_source(const xd_map_pair *p, const xd_map_subject *subject, xd_str input,
                            outcome *o, xd_fault *fault)
{
    xd_codes *codes;
    xd_source *source = NULL;
    xd_bulk bulk;
    xd_decode_limits limits = {
        .max_event_bytes = EVENT_BYTES, .max_depth = JSON_DEPTH, .max_batch = BATCH_MAX};
    XD_TRY(xd_codes_create(&codes, fault));
    xd_bulk_init(&bulk, &limits, XD_STR("test"));
    xd_status status = p->crosswalk ? xd_crosswalk_each(p->crosswalk, put_row, codes) : XD_OK;
    if (status == XD_OK) {
        status = open_source(p, subject, codes, &source, fault);
    }
    if (status == XD_OK) {
        status = run_records(p, subject, source, codes, input, &bulk, o, fault);
    }
    xd_source_close(source);
    xd_bulk_finish(&bulk);
    xd_codes_destroy(codes);
    return status;
}

/* --- as a map of what goes out, or just as a map --- */

static xd_status write_all(const xd_format *format, const xd_json *value, xd_buf *buf,
                           xd_fault *fault)
{
    xd_format_writer *writer;
    XD_TRY(xd_format_writer_create(format, &writer, fault));
    bool rows = value->type == XD_JSON_ARRAY;
    uint32_t count = rows ? value->count : 1;
    xd_status status = XD_OK;
    for (uint32_t i = 0; status == XD_OK && i < count; i++) {
        status = xd_format_write(writer, rows ? &value->items[i] : value, buf, fault);
    }
    if (status == XD_OK) {
        status = xd_format_write_end(writer, buf, fault);
    }
    xd_format_writer_destroy(writer);
    return status;
}

static xd_status write_out(const xd_map_pair *p, outcome *o, xd_fault *fault)
{
    const xd_json *layout;
    xd_format *format = NULL;
    XD_TRY(xd_map_read_layout(p->subject->layout, p->arena, &layout, fault));
    XD_TRY(xd_format_open(layout, &format, fault));
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = write_all(format, o->value, &o->bytes, &inner);
    xd_format_close(format);
    if (status == XD_OK) {
        o->written = true;
    } else {
        o->value = NULL;
        xd_buf_printf(&o->faults, "%s: ", p->subject->layout);
        add_fault(o, NULL, &inner);
    }
    return XD_OK;
}

static void run_plain(const xd_map_pair *p, const xd_json *input, outcome *o)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_map_codes codes = {p->crosswalk, p->at};
    xd_map_world world = p->crosswalk ? xd_map_codes_world(&codes) : (xd_map_world){.now = p->at};
    xd_map_limits limits = XD_MAP_LIMITS_DOCUMENT;
    xd_json_member names[] = {
        {XD_STR("system"), {.type = XD_JSON_STRING, .text = XD_STR("test")}},
        {XD_STR("message"), {.type = XD_JSON_STRING, .text = xd_str_from(p->subject->from)}}};
    const xd_json bindings = {.type = XD_JSON_OBJECT, .count = 2, .members = names};
    bool out = p->subject->from[0];
    if (xd_map_run(p->subject->map, input, out ? &bindings : NULL, &world, out ? &limits : NULL,
                   p->arena, &o->value, &fault) != XD_OK) {
        o->value = NULL;
        add_fault(o, p->subject, &fault);
    }
}

static xd_status run_pair(const xd_map_pair *p, outcome *o, const xd_json **ret_input,
                          xd_fault *fault)
{
    xd_fault inner = XD_FAULT_NONE;
    size_t n = strlen(p->input);
    bool json = n > 5 && strcmp(p->input + n - 5, ".json") == 0;
    if (p->subject->to[0]) {
        xd_str bytes;
        if (!json && !p->subject->layout) {
            return xd_fail(fault, XD_INVALID, "test.layout",
                           "beside %s is no layout, and without one a source reads JSON",
                           p->subject->path);
        }
        XD_TRY(xd_map_read_file(p->input, p->arena, &bytes, fault));
        return run_source(p, p->subject, bytes, o, fault);
    }
    const char *layout = json ? NULL : p->subject->layout;
    if (xd_map_read_input(p->input, layout, p->arena, ret_input, &inner) != XD_OK) {
        add_fault(o, NULL, &inner);
        return XD_OK;
    }
    run_plain(p, *ret_input, o);
    return p->subject->from[0] && p->subject->layout && o->value ? write_out(p, o, fault) : XD_OK;
}

/* --- comparing trees --- */

static void show(const xd_json *value, xd_buf *ret)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    if (value) {
        xd_json_write(&buf, value);
    } else {
        XD_BUF_LIT(&buf, "nothing");
    }
    size_t n = buf.len < VALUE_SHOWN ? buf.len : VALUE_SHOWN;
    while (n < buf.len && n > 0 && ((unsigned char)buf.ptr[n] & 0xC0) == 0x80) {
        n--;
    }
    xd_buf_printf(ret, "%.*s%s", (int)n, buf.ptr ? buf.ptr : "", n < buf.len ? "..." : "");
    xd_buf_finish(&buf);
}

static bool same(const xd_json *a, const xd_json *b, xd_arena *arena)
{
    xd_buf left;
    xd_buf right;
    xd_buf_init(&left, TEXT_BYTES);
    xd_buf_init(&right, TEXT_BYTES);
    bool equal = xd_json_canonical(&left, a, arena, NULL) == XD_OK &&
                 xd_json_canonical(&right, b, arena, NULL) == XD_OK &&
                 xd_str_eq(xd_buf_str(&left), xd_buf_str(&right));
    xd_buf_finish(&left);
    xd_buf_finish(&right);
    return equal;
}

/* One step down to where a and b differ; false when they differ as a whole. */
static bool step_down(const xd_json **a, const xd_json **b, xd_buf *path, xd_arena *arena)
{
    const xd_json *x = *a;
    const xd_json *y = *b;
    if (!x || !y || x->type != y->type) {
        return false;
    }
    if (x->type == XD_JSON_ARRAY) {
        uint32_t most = x->count > y->count ? x->count : y->count;
        for (uint32_t i = 0; i < most; i++) {
            *a = i < x->count ? &x->items[i] : NULL;
            *b = i < y->count ? &y->items[i] : NULL;
            if (!*a || !*b || !same(*a, *b, arena)) {
                xd_buf_printf(path, "/%u", (unsigned)i);
                return true;
            }
        }
    }
    for (int side = 0; x->type == XD_JSON_OBJECT && side < 2; side++) {
        const xd_json *object = side ? y : x;
        for (uint32_t i = 0; i < object->count; i++) {
            xd_str name = object->members[i].name;
            *a = xd_json_get(x, name);
            *b = xd_json_get(y, name);
            if (!*a || !*b || !same(*a, *b, arena)) {
                xd_buf_printf(path, "/%.*s", XD_FMT(name));
                return true;
            }
        }
    }
    *a = x;
    *b = y;
    return false;
}

static bool trees_agree(const xd_json *got, const xd_json *expected, xd_arena *arena, xd_buf *buf)
{
    if (got && got->type == XD_JSON_ARRAY && got->count == 1 && expected &&
        expected->type == XD_JSON_OBJECT) {
        got = &got->items[0]; /* one document may stand without brackets */
    }
    if (got == expected || (got && expected && same(got, expected, arena))) {
        return true;
    }
    size_t before = buf->len;
    while (step_down(&got, &expected, buf, arena)) {
    }
    xd_buf_printf(buf, "%sexpected ", buf->len > before ? ": " : "");
    show(expected, buf);
    XD_BUF_LIT(buf, ", got ");
    show(got, buf);
    return false;
}

/* --- comparing texts --- */

static xd_str take_line(xd_str *text)
{
    const char *end = text->len ? memchr(text->ptr, '\n', text->len) : NULL;
    xd_str line = {text->ptr, end ? (size_t)(end - text->ptr) : text->len};
    size_t used = line.len + (end != NULL);
    *text = (xd_str){text->len ? text->ptr + used : text->ptr, text->len - used};
    return line;
}

static bool texts_agree(xd_str got, xd_str expected, xd_buf *buf)
{
    if (xd_str_eq(got, expected)) {
        return true;
    }
    for (int line = 1;; line++) {
        xd_str a = take_line(&got);
        xd_str b = take_line(&expected);
        if (!xd_str_eq(a, b) || (got.len == 0) != (expected.len == 0)) {
            xd_buf_printf(buf, "line %d: expected \"%.*s\"%s, got \"%.*s\"%s", line, XD_FMT(b),
                          expected.len ? "" : " and the end", XD_FMT(a),
                          got.len ? "" : " and the end");
            return false;
        }
    }
}

static bool has_in(xd_str text, xd_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (part.len == 0 || memcmp(text.ptr + i, part.ptr, part.len) == 0) {
            return true;
        }
    }
    return false;
}

/* Each expected line is a part of the fault in its place. */
static bool faults_agree(xd_str got, xd_str expected, xd_buf *buf)
{
    while (got.len || expected.len) {
        xd_str fault = take_line(&got);
        xd_str wanted = take_line(&expected);
        if (fault.len == 0) {
            xd_buf_printf(buf, "expected the fault \"%.*s\", and there is none", XD_FMT(wanted));
            return false;
        }
        if (wanted.len == 0) {
            xd_buf_printf(buf, "%.*s", XD_FMT(fault));
            return false;
        }
        if (!has_in(fault, wanted)) {
            xd_buf_printf(buf, "expected the fault \"%.*s\", got: %.*s", XD_FMT(wanted),
                          XD_FMT(fault));
            return false;
        }
    }
    return true;
}

/* --- judging --- */

/* What is expected: a tree (NULL: nothing) or, of a written output, bytes. */
static xd_status judge_output(const xd_map_pair *p, const outcome *o, bool *ret, xd_buf *buf,
                              xd_fault *fault)
{
    xd_str text = XD_STR_NULL;
    const xd_json *expected = NULL;
    size_t n = p->output ? strlen(p->output) : 0;
    bool json = n > 5 && strcmp(p->output + n - 5, ".json") == 0;
    if (p->output) {
        XD_TRY(xd_map_read_file(p->output, p->arena, &text, fault));
    }
    if (p->output && !json) {
        *ret = texts_agree(xd_buf_str(&o->bytes), text, buf);
        return XD_OK;
    }
    if (text.len > 0) {
        XD_TRY(xd_map_read_json(p->output, p->arena, &expected, fault));
    }
    *ret = trees_agree(o->value, expected, p->arena, buf);
    return XD_OK;
}

/* Reads what was written by the map for the way back, and compares. */
static xd_status judge_back(const xd_map_pair *p, const outcome *o, const xd_json *input, bool *ret,
                            xd_buf *buf, xd_fault *fault)
{
    xd_map *gives;
    const xd_json *expected = NULL;
    XD_TRY(xd_map_compile(xd_str_from(p->subject->gives), &gives, fault));
    xd_status status = xd_map_run(gives, input, NULL, NULL, NULL, p->arena, &expected, fault);
    outcome back;
    outcome_init(&back);
    if (status == XD_OK) {
        status = run_source(p, p->back, xd_buf_str(&o->bytes), &back, fault);
    }
    if (status == XD_OK) {
        size_t before = buf->len;
        xd_buf_printf(buf, "read back by %s: ", p->back->path);
        *ret = faults_agree(xd_buf_str(&back.faults), XD_STR(""), buf) &&
               trees_agree(back.value, expected, p->arena, buf);
        buf->len = *ret ? before : buf->len;
    }
    outcome_finish(&back);
    xd_map_destroy(gives);
    return status;
}

static xd_status judge(const xd_map_pair *p, outcome *o, bool *ret, xd_buf *buf, xd_fault *fault)
{
    const xd_json *input = NULL;
    xd_str faults = XD_STR("");
    XD_TRY(run_pair(p, o, &input, fault));
    if (p->faults) {
        XD_TRY(xd_map_read_file(p->faults, p->arena, &faults, fault));
    }
    *ret = faults_agree(xd_buf_str(&o->faults), faults, buf);
    if (*ret) {
        XD_TRY(judge_output(p, o, ret, buf, fault));
    }
    return *ret && p->back && o->written ? judge_back(p, o, input, ret, buf, fault) : XD_OK;
}

bool xd_map_pair_holds(const xd_map_pair *pair, xd_buf *buf)
{
    bool holds = false;
    xd_fault fault = XD_FAULT_NONE;
    outcome o;
    outcome_init(&o);
    if (judge(pair, &o, &holds, buf, &fault) != XD_OK) {
        xd_buf_printf(buf, "%s%s%s", fault.path, fault.path[0] ? ": " : "", fault.text);
        holds = false;
    }
    outcome_finish(&o);
    return holds;
}

/* --- writing --- */

static xd_status write_file(const char *stem, const char *ending, xd_str text, xd_fault *fault)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.%s", stem, ending);
    FILE *file = fopen(path, "wxe");
    bool good = file && fwrite(text.ptr ? text.ptr : "", 1, text.len, file) == text.len;
    good = (file && fclose(file) == 0) && good;
    return good ? XD_OK
                : xd_fail(fault, XD_IO, "file.write", "cannot write %s: %s", path, strerror(errno));
}

/* The ending of a file that the subject's layout writes. */
static const char *ending_of(const xd_map_pair *p)
{
    const xd_json *layout = NULL;
    if (xd_map_read_layout(p->subject->layout, p->arena, &layout, NULL) != XD_OK) {
        return "out.txt";
    }
    xd_str format = XD_TEXT(layout, "format");
    return xd_str_eq(format, XD_STR("csv"))      ? "out.csv"
           : xd_str_eq(format, XD_STR("xml"))    ? "out.xml"
           : xd_str_eq(format, XD_STR("ndjson")) ? "out.ndjson"
           : xd_str_eq(format, XD_STR("json"))   ? "out.json"
                                                 : "out.txt";
}

xd_status xd_map_pair_write(const xd_map_pair *pair, const char *stem, xd_fault *fault)
{
    const xd_json *input = NULL;
    outcome o;
    outcome_init(&o);
    xd_status status = run_pair(pair, &o, &input, fault);
    if (status == XD_OK && o.faults.len > 0) {
        status = write_file(stem, "faults", xd_buf_str(&o.faults), fault);
    }
    if (status == XD_OK && o.written) {
        status = write_file(stem, ending_of(pair), xd_buf_str(&o.bytes), fault);
    } else if (status == XD_OK && (o.value || o.faults.len == 0)) {
        if (o.value) {
            xd_json_write(&o.bytes, o.value);
            xd_buf_char(&o.bytes, '\n');
        }
        status = write_file(stem, "out.json", xd_buf_str(&o.bytes), fault);
    }
    outcome_finish(&o);
    return status;
}
