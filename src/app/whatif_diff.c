/* Differences of JSON values. See whatif_diff.h. */
#include "app/whatif_diff.h"

#include <stdio.h>

enum { CANONICAL_CAP = 256 << 20 };

typedef struct differ {
    xd_arena *scratch;
    xd_buf *out;
    xd_buf path;
    xd_buf a, b; /* canonical forms */
    uint32_t count;
    xd_fault *fault;
} differ;

static xd_status equal(differ *d, const xd_json *a, const xd_json *b, bool *ret)
{
    if (!a || !b) {
        *ret = a == b;
        return XD_OK;
    }
    xd_buf_clear(&d->a);
    xd_buf_clear(&d->b);
    XD_TRY(xd_json_canonical(&d->a, a, d->scratch, d->fault));
    XD_TRY(xd_json_canonical(&d->b, b, d->scratch, d->fault));
    if (d->a.failed || d->b.failed) {
        return xd_fail(d->fault, XD_LIMIT, "replay.diff", "the documents are too large to compare");
    }
    *ret = xd_str_eq(xd_buf_str(&d->a), xd_buf_str(&d->b));
    return XD_OK;
}

static void row(differ *d, const xd_json *before, const xd_json *after)
{
    xd_buf_str_add(d->out, d->count++ ? XD_STR(",{\"path\":") : XD_STR("{\"path\":"));
    xd_json_write_string(d->out, xd_buf_str(&d->path));
    if (before) {
        XD_BUF_LIT(d->out, ",\"before\":");
        xd_json_write(d->out, before);
    }
    if (after) {
        XD_BUF_LIT(d->out, ",\"after\":");
        xd_json_write(d->out, after);
    }
    xd_buf_char(d->out, '}');
}

static xd_status compare(differ *d, const xd_json *before, const xd_json *after);

static xd_status compare_member(differ *d, xd_str name, const xd_json *before, const xd_json *after)
{
    size_t length = d->path.len;
    xd_buf_char(&d->path, '/');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        xd_str escaped = c == '~' ? XD_STR("~0") : c == '/' ? XD_STR("~1") : (xd_str){&c, 1};
        xd_buf_str_add(&d->path, escaped);
    }
    xd_status status = compare(d, before, after);
    d->path.len = length;
    return status;
}

static xd_status compare_objects(differ *d, const xd_json *before, const xd_json *after)
{
    for (uint32_t i = 0; i < before->count; i++) {
        const xd_json_member *member = &before->members[i];
        XD_TRY(compare_member(d, member->name, &member->value, xd_json_get(after, member->name)));
    }
    for (uint32_t i = 0; i < after->count; i++) {
        const xd_json_member *member = &after->members[i];
        if (!xd_json_get(before, member->name)) {
            XD_TRY(compare_member(d, member->name, NULL, &member->value));
        }
    }
    return XD_OK;
}

/* Items at the front and at the end that are the same are left aside; what is between is compared
 * in order. Places are those of the list after, or, of what is gone, of the list before. */
static xd_status compare_arrays(differ *d, const xd_json *before, const xd_json *after)
{
    uint32_t less = before->count < after->count ? before->count : after->count;
    uint32_t front = 0, back = 0;
    bool same = true;
    while (front < less) {
        XD_TRY(equal(d, &before->items[front], &after->items[front], &same));
        if (!same) {
            break;
        }
        front++;
    }
    while (before->count != after->count && front + back < less) {
        XD_TRY(equal(d, &before->items[before->count - 1 - back],
                     &after->items[after->count - 1 - back], &same));
        if (!same) {
            break;
        }
        back++;
    }
    uint32_t most = (before->count > after->count ? before->count : after->count) - back;
    for (uint32_t i = front; i < most; i++) {
        char place[16];
        int length = snprintf(place, sizeof place, "%u", i);
        XD_TRY(compare_member(d, (xd_str){place, (size_t)length},
                              i < before->count - back ? &before->items[i] : NULL,
                              i < after->count - back ? &after->items[i] : NULL));
    }
    return XD_OK;
}

static xd_status compare(differ *d, const xd_json *before, const xd_json *after)
{
    if (before && after && before->type == after->type) {
        if (before->type == XD_JSON_OBJECT) {
            return compare_objects(d, before, after);
        }
        if (before->type == XD_JSON_ARRAY) {
            return compare_arrays(d, before, after);
        }
    }
    bool same = false;
    XD_TRY(equal(d, before, after, &same));
    if (!same) {
        row(d, before, after);
    }
    return XD_OK;
}

static void begin(differ *d)
{
    xd_buf_init(&d->path, 1 << 20);
    xd_buf_init(&d->a, CANONICAL_CAP);
    xd_buf_init(&d->b, CANONICAL_CAP);
}

static void end(differ *d)
{
    xd_buf_finish(&d->path);
    xd_buf_finish(&d->a);
    xd_buf_finish(&d->b);
}

xd_status xd_whatif_diff(const xd_json *before, const xd_json *after, xd_arena *scratch,
                         xd_buf *buf, uint32_t *ret_count, xd_fault *fault)
{
    differ d = {.scratch = scratch, .out = buf, .fault = fault};
    begin(&d);
    xd_status status = compare(&d, before, after);
    *ret_count = d.count;
    end(&d);
    return status;
}

xd_status xd_whatif_equal(const xd_json *a, const xd_json *b, xd_arena *scratch, bool *ret,
                          xd_fault *fault)
{
    differ d = {.scratch = scratch, .fault = fault};
    begin(&d);
    xd_status status = equal(&d, a, b, ret);
    end(&d);
    return status;
}
