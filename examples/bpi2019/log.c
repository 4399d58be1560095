/* Reads the event log. Columns are found by name, so their order and further columns do not matter.
 * A case is named by its purchasing document and its item ("4507000245_00010"). */
#include "log.h"

#include "base/hash.h"
#include "csv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    ITEM_DIGITS = 5, /* of the item in a case's name */
    DOCUMENT_MAX = 40,
    NAMES_MAX = 1 << 28,
};
#define LOG_MAX_BYTES ((size_t)4 << 30)

enum column { COLUMN_CASE, COLUMN_SUPPLIER, COLUMN_TIME, COLUMN_PERSON, COLUMN_ACTIVITY, COLUMNS };

static const char *const column_names[COLUMNS] = {
    [COLUMN_CASE] = "case concept:name", [COLUMN_SUPPLIER] = "case Vendor",
    [COLUMN_TIME] = "time:timestamp",    [COLUMN_PERSON] = "org:resource",
    [COLUMN_ACTIVITY] = "concept:name",
};

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "memory", "The log does not fit into memory.");
}

/* Makes room for one more element. */
static bool grow(void **array, uint32_t count, uint32_t *size, size_t element_bytes)
{
    if (count < *size) {
        return true;
    }
    uint32_t wanted = *size ? *size * 2 : 1024;
    void *bigger = wanted < NAMES_MAX ? realloc(*array, wanted * element_bytes) : NULL;
    if (!bigger) {
        return false;
    }
    *array = bigger;
    *size = wanted;
    return true;
}

static bool rehash(log_names *names)
{
    uint32_t slot_count = names->slot_count ? names->slot_count * 2 : 2048;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        size_t slot = xd_hash64(names->texts[i], 0) & (slot_count - 1);
        while (slots[slot]) {
            slot = (slot + 1) & (slot_count - 1);
        }
        slots[slot] = i + 1;
    }
    free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    return true;
}

/* The number of text; a new one when it was not seen before. */
static xd_status number_of(log_names *names, xd_arena *arena, xd_str text, uint32_t *ret,
                           xd_fault *fault)
{
    if (names->count * 2 >= names->slot_count && !rehash(names)) {
        return out_of_memory(fault);
    }
    size_t slot = xd_hash64(text, 0) & (names->slot_count - 1);
    while (names->slots[slot]) {
        if (xd_str_eq(names->texts[names->slots[slot] - 1], text)) {
            *ret = names->slots[slot] - 1;
            return XD_OK;
        }
        slot = (slot + 1) & (names->slot_count - 1);
    }
    xd_str copy = xd_arena_copy(arena, text);
    if (!copy.ptr ||
        !grow((void **)&names->texts, names->count, &names->size, sizeof *names->texts)) {
        return out_of_memory(fault);
    }
    names->texts[names->count] = copy;
    *ret = names->count++;
    names->slots[slot] = names->count;
    return XD_OK;
}

/* Splits "4507000245_00010" into its purchasing document and item. */
static xd_status split_case(xd_str name, xd_str *ret_document, uint32_t *ret_item, xd_fault *fault)
{
    size_t end = name.len > ITEM_DIGITS + 1 ? name.len - ITEM_DIGITS - 1 : 0;
    int64_t item = 0;
    if (!end || end > DOCUMENT_MAX || name.ptr[end] != '_' || name.ptr[end + 1] < '0' ||
        name.ptr[end + 1] > '9' ||
        !xd_str_to_int64((xd_str){name.ptr + end + 1, ITEM_DIGITS}, &item)) {
        return xd_fail(fault, XD_INVALID, "case.name",
                       "The case '%.*s' is not named by purchasing document, '_' and a five-digit "
                       "item, such as 4507000245_00010.",
                       XD_FMT(name));
    }
    *ret_document = (xd_str){name.ptr, end};
    *ret_item = (uint32_t)item;
    return XD_OK;
}

static xd_status order_of(p2p_log *log, xd_str document, xd_str supplier, uint32_t *ret,
                          xd_fault *fault)
{
    uint32_t known = log->documents.count;
    uint32_t number = 0;
    if (!grow((void **)&log->orders, known, &log->order_size, sizeof *log->orders)) {
        return out_of_memory(fault);
    }
    XD_TRY(number_of(&log->documents, &log->arena, document, &number, fault));
    if (number == known) {
        xd_str copy = xd_arena_copy(&log->arena, supplier);
        if (!copy.ptr) {
            return out_of_memory(fault);
        }
        log->orders[number] = (log_order){copy, LOG_NO_LINE, LOG_NO_LINE};
    }
    *ret = number;
    return XD_OK;
}

static xd_status line_of(p2p_log *log, xd_str name, xd_str supplier, uint32_t *ret, xd_fault *fault)
{
    uint32_t known = log->cases.count;
    if (!grow((void **)&log->lines, known, &log->line_size, sizeof *log->lines)) {
        return out_of_memory(fault);
    }
    XD_TRY(number_of(&log->cases, &log->arena, name, ret, fault));
    if (*ret < known) {
        return XD_OK;
    }
    xd_str document = XD_STR_NULL;
    uint32_t item = 0;
    uint32_t order = 0;
    XD_TRY(split_case(name, &document, &item, fault));
    XD_TRY(order_of(log, document, supplier, &order, fault));
    log_order *owner = &log->orders[order];
    log->lines[known] = (log_line){.order = order, .po_line = item, .next = LOG_NO_LINE};
    if (owner->last_line == LOG_NO_LINE) {
        owner->first_line = known;
    } else {
        log->lines[owner->last_line].next = known;
    }
    owner->last_line = known;
    return XD_OK;
}

static xd_status add_row(p2p_log *log, const xd_str *fields, const uint32_t columns[COLUMNS],
                         xd_fault *fault)
{
    if (log->row_count == log->row_size) {
        size_t size = log->row_size ? log->row_size * 2 : 4096;
        log_row *rows = realloc(log->rows, size * sizeof *rows);
        if (!rows) {
            return out_of_memory(fault);
        }
        log->rows = rows;
        log->row_size = size;
    }
    log_row row = {0};
    xd_str time = fields[columns[COLUMN_TIME]];
    XD_TRY(xd_instant_parse(time, &row.at, fault));
    XD_TRY(xd_date_parse((xd_str){time.ptr, 10}, &row.date, fault));
    XD_TRY(line_of(log, fields[columns[COLUMN_CASE]], fields[columns[COLUMN_SUPPLIER]], &row.line,
                   fault));
    XD_TRY(number_of(&log->activities, &log->arena, fields[columns[COLUMN_ACTIVITY]], &row.activity,
                     fault));
    XD_TRY(
        number_of(&log->persons, &log->arena, fields[columns[COLUMN_PERSON]], &row.person, fault));
    row.ordinal = ++log->lines[row.line].rows;
    log->rows[log->row_count++] = row;
    return XD_OK;
}

static xd_status find_columns(const xd_str *fields, uint32_t count, uint32_t ret[COLUMNS],
                              xd_fault *fault)
{
    for (int column = 0; column < COLUMNS; column++) {
        uint32_t i = 0;
        for (; i < count; i++) {
            xd_str name = fields[i];
            if (i == 0 && xd_str_starts(name, XD_STR("\xEF\xBB\xBF"))) {
                name = (xd_str){name.ptr + 3, name.len - 3};
            }
            if (xd_str_eq(name, xd_str_from(column_names[column]))) {
                break;
            }
        }
        if (i == count) {
            return xd_fail(fault, XD_INVALID, "csv.column",
                           "The first line must name the columns; '%s' is missing.",
                           column_names[column]);
        }
        ret[column] = i;
    }
    return XD_OK;
}

static xd_status read_rows(p2p_log *log, csv_reader *reader, xd_fault *fault)
{
    const xd_str *fields = NULL;
    uint32_t width = 0;
    uint32_t columns[COLUMNS] = {0};
    XD_TRY(csv_next(reader, &fields, &width, fault));
    XD_TRY(find_columns(fields, width, columns, fault));
    for (;;) {
        uint32_t count = 0;
        XD_TRY(csv_next(reader, &fields, &count, fault));
        if (count == 0) {
            return XD_OK;
        }
        if (count == 1 && fields[0].len == 0) {
            continue; /* an empty line */
        }
        if (count != width) {
            return xd_fail(fault, XD_INVALID, "csv.width",
                           "The record has %u fields where the first line names %u.", count, width);
        }
        XD_TRY(add_row(log, fields, columns, fault));
    }
}

/* Merge sort: stable, so that the order of the file decides between equal times. */
static void sort_rows(log_row *rows, log_row *spare, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = begin + 2 * width < count ? begin + 2 * width : count;
            size_t a = begin;
            size_t b = middle;
            for (size_t i = begin; i < end; i++) {
                bool left = a < middle && (b == end || rows[a].at <= rows[b].at);
                spare[i] = rows[left ? a++ : b++];
            }
        }
        memcpy(rows, spare, count * sizeof *rows);
    }
}

xd_status log_read(const char *path, p2p_log *ret, xd_fault *fault)
{
    assert(fault);
    csv_reader *reader = csv_open(path);
    if (!reader) {
        return xd_fail(fault, XD_NOT_FOUND, "csv.open", "The log cannot be opened: %s.",
                       strerror(errno));
    }
    p2p_log log = {0};
    xd_arena_init(&log.arena, LOG_MAX_BYTES);
    xd_status status = read_rows(&log, reader, fault);
    if (status != XD_OK) {
        fault->line = csv_line(reader);
    }
    csv_close(reader);
    log_row *spare = NULL;
    if (status == XD_OK && log.row_count) {
        spare = malloc(log.row_count * sizeof *spare);
        status = spare ? XD_OK : out_of_memory(fault);
    }
    if (status != XD_OK) {
        log_finish(&log);
        return status;
    }
    sort_rows(log.rows, spare, log.row_count);
    free(spare);
    *ret = log;
    return XD_OK;
}

static void names_finish(log_names *names)
{
    free(names->texts);
    free(names->slots);
}

void log_finish(p2p_log *log)
{
    names_finish(&log->cases);
    names_finish(&log->documents);
    names_finish(&log->activities);
    names_finish(&log->persons);
    free(log->lines);
    free(log->orders);
    free(log->rows);
    xd_arena_finish(&log->arena);
}
