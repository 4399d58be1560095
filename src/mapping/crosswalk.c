/* The crosswalk index: an open hash table of codes, each with its entries in order of time. See
 * crosswalk.h. */
#include "mapping/crosswalk.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 64, FIRST_CODES = 32 };

typedef struct entry {
    xd_instant from, to; /* as in a row */
    xd_str value;        /* borrows the arena */
} entry;

typedef struct code {
    uint64_t hash;
    const char *key; /* table, system and code one behind the other, in the arena */
    uint16_t table_len, system_len, code_len;
    uint32_t count, size;
    entry *entries; /* in the arena, by from */
} code;

typedef struct slot {
    uint32_t tag;   /* upper half of the code's hash, so that most others need not be looked at */
    uint32_t place; /* in codes + 1, 0: free */
} slot;

struct xd_crosswalk {
    xd_arena arena;
    code *codes; /* owns */
    uint32_t code_count, code_size;
    slot *slots;         /* owns */
    uint32_t slot_count; /* a power of two, more than twice the codes */
    size_t entries;
};

/* ---- rows from JSON ---- */

static xd_status bad_member(const char *rule, xd_str name, const xd_json *value, xd_fault *fault,
                            const char *what)
{
    char path[96];
    snprintf(path, sizeof path, "/%.*s", XD_FMT(name));
    xd_status status = xd_fail(fault, XD_INVALID, rule, "%.*s %s", XD_FMT(name), what);
    xd_fault_at(fault, value ? (int64_t)value->offset : -1, path);
    return status;
}

static xd_status read_time(xd_str name, const xd_json *value, bool last_day, xd_instant *ret,
                           xd_fault *fault)
{
    *ret = XD_INSTANT_NONE;
    if (!value || value->type == XD_JSON_NULL ||
        (value->type == XD_JSON_STRING && value->text.len == 0)) {
        return XD_OK;
    }
    if (value->type == XD_JSON_STRING && xd_moment_parse(value->text, last_day, ret)) {
        return XD_OK;
    }
    return bad_member("xref.time", name, value, fault,
                      "must be a date such as 2026-11-23, or an instant such as "
                      "2026-11-23T08:30:00Z, or empty");
}

xd_status xd_crosswalk_read_row(const xd_json *json, xd_crosswalk_row *ret, xd_fault *fault)
{
    xd_crosswalk_row row = {.valid_from = XD_INSTANT_NONE, .valid_to = XD_INSTANT_NONE};
    const struct {
        xd_str name;
        xd_str *text;
    } texts[] = {{XD_STR("table"), &row.table},
                 {XD_STR("system"), &row.system},
                 {XD_STR("code"), &row.code},
                 {XD_STR("value"), &row.value}};
    if (!json || json->type != XD_JSON_OBJECT) {
        return xd_fail(fault, XD_INVALID, "xref.row",
                       "a crosswalk row is an object with table, system, code and value");
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const xd_json *value = xd_json_get(json, texts[i].name);
        bool taken_back = value && value->type == XD_JSON_NULL && texts[i].text == &row.value;
        if (taken_back) {
            continue;
        }
        if (!value || value->type != XD_JSON_STRING || value->text.len == 0) {
            return bad_member("xref.required", texts[i].name, value, fault,
                              "is missing: give it as a text that is not empty");
        }
        *texts[i].text = value->text;
    }
    for (uint32_t i = 0; i < json->count; i++) {
        xd_str name = json->members[i].name;
        bool known = xd_str_eq(name, XD_STR("valid_from")) || xd_str_eq(name, XD_STR("valid_to"));
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            known = known || xd_str_eq(name, texts[j].name);
        }
        if (!known) {
            return bad_member("xref.unknown", name, &json->members[i].value, fault,
                              "is not known here; the members are table, system, code, value, "
                              "valid_from and valid_to");
        }
    }
    const xd_json *to = XD_GET(json, "valid_to");
    XD_TRY(
        read_time(XD_STR("valid_from"), XD_GET(json, "valid_from"), false, &row.valid_from, fault));
    XD_TRY(read_time(XD_STR("valid_to"), to, true, &row.valid_to, fault));
    if (row.valid_to != XD_INSTANT_NONE && row.valid_from != XD_INSTANT_NONE &&
        row.valid_to <= row.valid_from) {
        return bad_member("xref.order", XD_STR("valid_to"), to, fault,
                          "must come after valid_from");
    }
    *ret = row;
    return XD_OK;
}

/* ---- the index ---- */

xd_status xd_crosswalk_create(size_t cap_bytes, xd_crosswalk **ret, xd_fault *fault)
{
    xd_crosswalk *c = calloc(1, sizeof *c);
    slot *slots = calloc(FIRST_SLOTS, sizeof *slots);
    if (!c || !slots) {
        free(c);
        free(slots);
        return xd_fail(fault, XD_NO_MEMORY, "xref.memory", "no memory for a crosswalk");
    }
    c->slots = slots;
    c->slot_count = FIRST_SLOTS;
    xd_arena_init(&c->arena, cap_bytes);
    *ret = c;
    return XD_OK;
}

void xd_crosswalk_destroy(xd_crosswalk *c)
{
    if (c) {
        xd_arena_finish(&c->arena);
        free(c->codes);
        free(c->slots);
        free(c);
    }
}

static uint64_t hash_of(xd_str table, xd_str system, xd_str name)
{
    return xd_hash64(name, xd_hash64(system, xd_hash64(table, 0)));
}

static bool is_code(const code *known, xd_str table, xd_str system, xd_str name)
{
    return known->table_len == table.len && known->system_len == system.len &&
           known->code_len == name.len && xd_str_eq((xd_str){known->key, table.len}, table) &&
           xd_str_eq((xd_str){known->key + table.len, system.len}, system) &&
           xd_str_eq((xd_str){known->key + table.len + system.len, name.len}, name);
}

/* The slot of a code: its own, or the free one where it would go. */
static slot *slot_of(const xd_crosswalk *c, uint64_t hash, xd_str table, xd_str system, xd_str name)
{
    uint32_t mask = c->slot_count - 1;
    uint32_t at = (uint32_t)hash & mask;
    for (; c->slots[at].place; at = (at + 1) & mask) {
        if (c->slots[at].tag == (uint32_t)(hash >> 32) &&
            is_code(&c->codes[c->slots[at].place - 1], table, system, name)) {
            break;
        }
    }
    return &c->slots[at];
}

/* Place of the first entry that begins after an instant. */
static uint32_t first_after(const code *known, xd_instant at)
{
    uint32_t low = 0;
    uint32_t high = known->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (known->entries[middle].from <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

xd_str xd_crosswalk_get(const xd_crosswalk *c, xd_str table, xd_str system, xd_str name,
                        xd_instant at)
{
    uint32_t place = slot_of(c, hash_of(table, system, name), table, system, name)->place;
    if (place == 0) {
        return XD_STR_NULL;
    }
    const code *known = &c->codes[place - 1];
    uint32_t after = first_after(known, at);
    if (after == 0) {
        return XD_STR_NULL;
    }
    const entry *last = &known->entries[after - 1];
    return last->to == XD_INSTANT_NONE || at < last->to ? last->value : XD_STR_NULL;
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "xref.memory",
                   "the crosswalk is full: its tables take more memory than it may use");
}

static xd_status check_row(const xd_crosswalk_row *row, xd_fault *fault)
{
    const struct {
        const char *name;
        xd_str text;
        size_t most;
    } texts[] = {{"table", row->table, XD_CROSSWALK_NAME_BYTES},
                 {"system", row->system, XD_CROSSWALK_NAME_BYTES},
                 {"code", row->code, XD_CROSSWALK_CODE_BYTES},
                 {"value", row->value, XD_CROSSWALK_VALUE_BYTES}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].text.len > texts[i].most) {
            char path[32];
            snprintf(path, sizeof path, "/%s", texts[i].name);
            xd_status status =
                xd_fail(fault, XD_INVALID, "xref.length", "%s has %zu bytes; at most %zu are taken",
                        texts[i].name, texts[i].text.len, texts[i].most);
            xd_fault_at(fault, -1, path);
            return status;
        }
    }
    return XD_OK;
}

/* Twice the slots, when the table is half full. */
static bool make_slots(xd_crosswalk *c)
{
    if (c->code_count * 2 < c->slot_count) {
        return true;
    }
    if (c->slot_count > UINT32_MAX / 4) {
        return false;
    }
    uint32_t count = c->slot_count * 2;
    slot *slots = calloc(count, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (uint32_t i = 0; i < c->code_count; i++) {
        uint32_t at = (uint32_t)c->codes[i].hash & (count - 1);
        while (slots[at].place) {
            at = (at + 1) & (count - 1);
        }
        slots[at] = (slot){(uint32_t)(c->codes[i].hash >> 32), i + 1};
    }
    free(c->slots);
    c->slots = slots;
    c->slot_count = count;
    return true;
}

static bool make_code(xd_crosswalk *c)
{
    if (c->code_count < c->code_size) {
        return true;
    }
    uint32_t size = c->code_size ? c->code_size * 2 : FIRST_CODES;
    code *codes = realloc(c->codes, size * sizeof *codes);
    if (!codes) {
        return false;
    }
    c->codes = codes;
    c->code_size = size;
    return true;
}

/* Adds a code without entries. */
static xd_status add_code(xd_crosswalk *c, uint64_t hash, const xd_crosswalk_row *row, code **ret,
                          xd_fault *fault)
{
    xd_str parts[] = {row->table, row->system, row->code};
    char *key = NULL;
    if (make_slots(c) && make_code(c)) {
        key = xd_arena_alloc(&c->arena, row->table.len + row->system.len + row->code.len);
    }
    if (!key) {
        return no_memory(fault);
    }
    code added = {.hash = hash,
                  .key = key,
                  .table_len = (uint16_t)row->table.len,
                  .system_len = (uint16_t)row->system.len,
                  .code_len = (uint16_t)row->code.len};
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].len) {
            memcpy(key, parts[i].ptr, parts[i].len);
        }
        key += parts[i].len;
    }
    slot *free_slot = slot_of(c, hash, row->table, row->system, row->code);
    c->codes[c->code_count] = added;
    *free_slot = (slot){(uint32_t)(hash >> 32), ++c->code_count};
    *ret = &c->codes[c->code_count - 1];
    return XD_OK;
}

static bool make_entry(xd_crosswalk *c, code *known)
{
    if (known->count < known->size) {
        return true;
    }
    uint32_t size = known->size ? known->size * 2 : 1;
    entry *entries = xd_arena_alloc(&c->arena, size * sizeof *entries);
    if (!entries) {
        return false;
    }
    if (known->count) {
        memcpy(entries, known->entries, known->count * sizeof *entries);
    }
    known->entries = entries;
    known->size = size;
    return true;
}

/* Puts or replaces the entry at place; one that begins there is at place - 1. */
static xd_status put_entry(xd_crosswalk *c, code *known, const xd_crosswalk_row *row,
                           bool *ret_changed, xd_fault *fault)
{
    uint32_t place = first_after(known, row->valid_from);
    entry *same = place > 0 && known->entries[place - 1].from == row->valid_from
                      ? &known->entries[place - 1]
                      : NULL;
    if (same && xd_str_eq(same->value, row->value) && same->to == row->valid_to) {
        *ret_changed = false;
        return XD_OK;
    }
    xd_str value = same && xd_str_eq(same->value, row->value)
                       ? same->value
                       : xd_arena_copy(&c->arena, row->value);
    if (!value.ptr || (!same && !make_entry(c, known))) {
        return no_memory(fault);
    }
    if (!same) {
        same = &known->entries[place];
        memmove(same + 1, same, (known->count - place) * sizeof *same);
        known->count++;
        c->entries++;
    }
    *same = (entry){row->valid_from, row->valid_to, value};
    *ret_changed = true;
    return XD_OK;
}

/* Takes the entry that begins at valid_from back, if there is one. */
static bool drop_entry(xd_crosswalk *c, code *known, xd_instant from)
{
    uint32_t after = first_after(known, from);
    if (after == 0 || known->entries[after - 1].from != from) {
        return false;
    }
    memmove(&known->entries[after - 1], &known->entries[after],
            (known->count - after) * sizeof *known->entries);
    known->count--;
    c->entries--;
    return true;
}

xd_status xd_crosswalk_put(xd_crosswalk *c, const xd_crosswalk_row *row, bool *ret_changed,
                           xd_fault *fault)
{
    XD_TRY(check_row(row, fault));
    uint64_t hash = hash_of(row->table, row->system, row->code);
    uint32_t place = slot_of(c, hash, row->table, row->system, row->code)->place;
    code *known = place ? &c->codes[place - 1] : NULL;
    bool changed = false;
    if (!row->value.ptr) {
        changed = known && drop_entry(c, known, row->valid_from);
    } else {
        if (!known) {
            XD_TRY(add_code(c, hash, row, &known, fault));
        }
        XD_TRY(put_entry(c, known, row, &changed, fault));
    }
    if (ret_changed) {
        *ret_changed = changed;
    }
    return XD_OK;
}

size_t xd_crosswalk_count(const xd_crosswalk *c)
{
    return c->entries;
}

xd_status xd_crosswalk_each(const xd_crosswalk *c,
                            xd_status (*visit)(void *context, const xd_crosswalk_row *row),
                            void *context)
{
    for (uint32_t i = 0; i < c->code_count; i++) {
        const code *known = &c->codes[i];
        for (uint32_t j = 0; j < known->count; j++) {
            const entry *e = &known->entries[j];
            const char *system = known->key + known->table_len;
            xd_crosswalk_row row = {{known->key, known->table_len},
                                    {system, known->system_len},
                                    {system + known->system_len, known->code_len},
                                    e->value,
                                    e->from,
                                    e->to};
            XD_TRY(visit(context, &row));
        }
    }
    return XD_OK;
}
