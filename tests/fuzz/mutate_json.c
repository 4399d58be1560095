/* Mutation of JSON that keeps it JSON. See fuzz.h. Finds the values of the text by their offsets,
 * picks one, and splices another in its place. */
#include "base/json.h"
#include "base/random.h"

#include "fuzz.h"

#include <string.h>

enum { VALUES = 4096, ARENA_BYTES = 64 << 20, WORD_BYTES = 256 };

typedef struct mutation {
    xd_str text;
    xd_random random;
    xd_buf out; /* what takes the place of the picked value */
    const xd_json *values[VALUES];
    uint32_t count;
} mutation;

static const char *const interesting[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "1e999999999",
    "0.1",
    "0.000001",
    "999999999999",
    "1000000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "\"\"",
    "\" \"",
    "\"0\"",
    "\"-1\"",
    "\"0.0000000001\"",
    "\"1000000000001\"",
    "\"99999999999999999999999999999999999999\"",
    "\"1e5\"",
    "\"USD\"",
    "\"EUR\"",
    "\"JPY\"",
    "\"usd\"",
    "\"2026-02-29\"",
    "\"2024-02-29\"",
    "\"2026-03-01T10:00:00Z\"",
    "\"2026-03-01T24:00:00+14:00\"",
    "\"0000-01-01\"",
    "\"9999-12-31T23:59:60Z\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u2028\"",
    "[]",
    "{}",
    "[[]]",
    "{\"line\":1}",
    "{\"extensions\":{}}",
    "\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"",
};

static const char *const names[] = {
    "line",       "po_line",     "quantity",   "unit_price",      "uom",         "uom_factor",
    "lots",       "serials",     "lot",        "expires",         "damaged",     "rejected",
    "amount",     "tax",         "net",        "total",           "currency",    "charges",
    "extensions", "kind",        "version",    "based_on",        "action",      "lines",
    "movement",   "disposition", "id",         "source",          "type",        "time",
    "subject",    "data",        "dataschema", "datacontenttype", "specversion", "traceparent",
    "numerator",  "denominator", "tolerances", "upper_percent",   "systems",     "receives",
    "accounts",   "controllers", "match",      "level",
};

static uint32_t below(mutation *m, uint32_t limit)
{
    return (uint32_t)xd_random_below(&m->random, limit);
}

static void collect(mutation *m, const xd_json *value)
{
    if (m->count == VALUES) {
        return;
    }
    m->values[m->count++] = value;
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->type == XD_JSON_ARRAY) {
            collect(m, &value->items[i]);
        } else if (value->type == XD_JSON_OBJECT) {
            collect(m, &value->members[i].value);
        }
    }
}

static void add_source(mutation *m, const xd_json *value)
{
    xd_buf_str_add(&m->out, xd_json_source(value, m->text));
}

static void add_interesting(mutation *m)
{
    const char *text = interesting[below(m, sizeof interesting / sizeof *interesting)];
    xd_buf_str_add(&m->out, xd_str_from(text));
}

static void add_other(mutation *m)
{
    if (below(m, 2)) {
        add_source(m, m->values[below(m, m->count)]);
    } else {
        add_interesting(m);
    }
}

/* The words of a text changed by libFuzzer, so that its comparisons are learnt from. */
static void add_words(mutation *m, xd_str words)
{
    uint8_t bytes[WORD_BYTES];
    size_t size = words.len < sizeof bytes ? words.len : sizeof bytes;
    memcpy(bytes, words.ptr, size);
    size = LLVMFuzzerMutate(bytes, size, sizeof bytes);
    size_t good = size;
    if (!xd_utf8_valid((xd_str){(const char *)bytes, size}, &good)) {
        size = good;
    }
    xd_json_write_string(&m->out, (xd_str){(const char *)bytes, size});
}

static void add_number(mutation *m, bool quoted)
{
    const char *quote = quoted ? "\"" : "";
    static const uint32_t sizes[] = {10, 100, 1000, 1000000, 4000000000u};
    xd_buf_printf(&m->out, "%s%s%u", quote, below(m, 8) ? "" : "-", below(m, sizes[below(m, 5)]));
    if (below(m, 2)) {
        xd_buf_printf(&m->out, ".%0*u", (int)below(m, 9) + 1, below(m, 10));
    }
    xd_buf_printf(&m->out, "%s", quote);
}

/* An array with one item taken out, doubled, exchanged or added. */
static void change_array(mutation *m, const xd_json *array)
{
    uint32_t what = below(m, 4), at = below(m, array->count), other = below(m, array->count);
    bool first = true;
    xd_buf_char(&m->out, '[');
    for (uint32_t i = 0; i < array->count; i++) {
        if (what == 0 && i == at) {
            continue;
        }
        xd_buf_str_add(&m->out, first ? XD_STR("") : XD_STR(","));
        first = false;
        add_source(m, &array->items[what == 1 && i == at      ? other
                                    : what == 1 && i == other ? at
                                                              : i]);
    }
    if (what >= 2) {
        xd_buf_str_add(&m->out, first ? XD_STR("") : XD_STR(","));
        if (what == 2 && array->count) {
            add_source(m, &array->items[at]);
        } else {
            add_other(m);
        }
    }
    xd_buf_char(&m->out, ']');
}

static void add_member(mutation *m, bool first, xd_str name, const xd_json *value)
{
    xd_buf_str_add(&m->out, first ? XD_STR("") : XD_STR(","));
    xd_json_write_string(&m->out, name);
    xd_buf_char(&m->out, ':');
    if (value) {
        add_source(m, value);
    } else {
        add_other(m);
    }
}

/* An object with one member taken out, renamed, exchanged or added. */
static void change_object(mutation *m, const xd_json *object)
{
    uint32_t what = below(m, 4), at = below(m, object->count), other = below(m, object->count);
    xd_str name = xd_str_from(names[below(m, sizeof names / sizeof *names)]);
    bool first = true;
    xd_buf_char(&m->out, '{');
    for (uint32_t i = 0; i < object->count; i++) {
        const xd_json_member *member = &object->members[i];
        if (what == 0 && i == at) {
            continue;
        }
        uint32_t from = what == 2 && i == at ? other : what == 2 && i == other ? at : i;
        add_member(m, first, what == 1 && i == at ? name : member->name,
                   &object->members[from].value);
        first = false;
    }
    if (what == 3) {
        add_member(m, first, name, NULL);
    }
    xd_buf_char(&m->out, '}');
}

static void change(mutation *m, const xd_json *value)
{
    uint32_t what = below(m, 4);
    if (what == 0) {
        add_other(m);
    } else if (value->type == XD_JSON_ARRAY) {
        change_array(m, value);
    } else if (value->type == XD_JSON_OBJECT) {
        change_object(m, value);
    } else if (what == 1 || value->type == XD_JSON_NUMBER) {
        add_number(m, value->type != XD_JSON_NUMBER || below(m, 4) == 0);
    } else if (value->type == XD_JSON_STRING) {
        add_words(m, value->text);
    } else {
        add_interesting(m);
    }
}

size_t fuzz_mutate_json(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static mutation m;
    m.text = (xd_str){(const char *)data, size};
    m.random = (xd_random){seed};
    m.count = 0;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *root = NULL;
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.allow_duplicates = true;
    size_t result = 0;
    if (below(&m, 8) && xd_json_parse(m.text, limits, &arena, &root, NULL) == XD_OK) {
        collect(&m, root);
        const xd_json *picked = m.values[below(&m, m.count)];
        xd_buf_init(&m.out, max_size + 1);
        change(&m, picked);
        size_t behind = picked->offset + picked->length;
        size_t total = size - picked->length + m.out.len;
        if (!m.out.failed && total > 0 && total <= max_size) {
            memmove(data + picked->offset + m.out.len, data + behind, size - behind);
            if (m.out.len) {
                memcpy(data + picked->offset, m.out.ptr, m.out.len);
            }
            result = total;
        }
        xd_buf_finish(&m.out);
    }
    xd_arena_finish(&arena);
    return result ? result : LLVMFuzzerMutate(data, size, max_size);
}
