/* Rows of crosswalks from files. See xref_rows.h. */
#include "app/xref_rows.h"

#include "canon/kind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROWS = 64, PIECE_BYTES = 256 << 10, SHOWN_BYTES = 40, TEXT_BYTES = 512 };
#define ARENA_BYTES ((size_t)4 << 30)
#define DAY_US INT64_C(86400000000)

xd_status xd_xref_rows_create(xd_xref_rows **ret, xd_fault *fault)
{
    xd_xref_rows *rows = calloc(1, sizeof *rows);
    if (!rows) {
        return xd_fail(fault, XD_NO_MEMORY, "xref.memory", "no memory for rows of codes");
    }
    xd_arena_init(&rows->arena, ARENA_BYTES);
    *ret = rows;
    return XD_OK;
}

void xd_xref_rows_destroy(xd_xref_rows *rows)
{
    if (rows) {
        xd_arena_finish(&rows->arena);
        free(rows->rows);
        free(rows);
    }
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "xref.memory",
                   "no memory for so many rows: import the file in parts");
}

void xd_xref_time_write(xd_buf *buf, xd_instant at, bool last_day)
{
    if (at == XD_INSTANT_NONE) {
        return;
    }
    if (at % DAY_US == 0) {
        xd_date_write(buf, (xd_date)(at / DAY_US - last_day));
    } else {
        xd_instant_write(buf, at);
    }
}

/* --- problems --- */

void xd_xref_problem_add(xd_xref_rows *rows, int64_t line, xd_str column, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (rows->bad < XD_XREF_PROBLEMS_KEPT) {
        xd_xref_problem *problem = &rows->problems[rows->bad];
        problem->line = line;
        problem->column = xd_arena_copy(&rows->arena, column);
        problem->text = xd_arena_copy(&rows->arena, xd_str_from(text));
    }
    rows->bad++;
}

/* How much of what was found is shown: whole characters. */
static int shown_bytes(xd_str found)
{
    size_t shown = found.len < SHOWN_BYTES ? found.len : SHOWN_BYTES;
    size_t cut = shown;
    return (int)(xd_utf8_valid((xd_str){found.ptr, shown}, &cut) ? shown : cut);
}

/* A fault of a row: its path is the column. Its text begins with that name, which stands in front
 * of it anyway; what was found is added. */
static void add_fault(xd_xref_rows *rows, int64_t line, const xd_json *row, const xd_fault *why)
{
    xd_str column = xd_str_from(why->path);
    if (column.len && column.ptr[0] == '/') {
        column = (xd_str){column.ptr + 1, column.len - 1};
    }
    xd_str text = xd_str_from(why->text);
    if (column.len && xd_str_starts(text, column) && text.len > column.len + 1 &&
        text.ptr[column.len] == ' ') {
        text = (xd_str){text.ptr + column.len + 1, text.len - column.len - 1};
    }
    xd_str found = row ? xd_json_get_text(row, column) : XD_STR_NULL;
    const char *hint = xd_str_eq(column, XD_STR("value")) && found.len == 0
                           ? " (to take an entry back, say yes in a column named delete)"
                           : "";
    if (found.len) {
        xd_xref_problem_add(rows, line, column, "%.*s; found \"%.*s\"%s", XD_FMT(text),
                            shown_bytes(found), found.ptr, found.len < SHOWN_BYTES ? "" : "...");
    } else {
        xd_xref_problem_add(rows, line, column, "%.*s%s", XD_FMT(text), hint);
    }
}

/* --- one row --- */

/* What stands in the column delete: true, false, or neither (*ret_known false). */
static bool is_delete(const xd_json *json, bool *ret_known)
{
    static const char *const yes[] = {"yes", "true", "1", "x", "y"};
    static const char *const no[] = {"", "no", "false", "0", "n"};
    *ret_known = true;
    if (!json || json->type == XD_JSON_NULL || json->type == XD_JSON_FALSE) {
        return false;
    }
    if (json->type == XD_JSON_TRUE) {
        return true;
    }
    bool text = json->type == XD_JSON_STRING || json->type == XD_JSON_NUMBER;
    for (size_t i = 0; text && i < sizeof yes / sizeof yes[0]; i++) {
        if (xd_str_eq(json->text, xd_str_from(yes[i]))) {
            return true;
        }
        if (xd_str_eq(json->text, xd_str_from(no[i]))) {
            return false;
        }
    }
    *ret_known = false;
    return false;
}

/* Table or system given for the whole file; false when the row has another one. */
static bool fill_in(xd_xref_rows *rows, int64_t line, const char *name, xd_str given,
                    xd_json_member *member)
{
    xd_str found = member->value.type == XD_JSON_STRING ? member->value.text : XD_STR("");
    if (given.ptr && found.len && !xd_str_eq(found, given)) {
        xd_xref_problem_add(rows, line, xd_str_from(name),
                            "is \"%.*s\", but --%s says \"%.*s\": leave one of them out",
                            shown_bytes(found), found.ptr, name, XD_FMT(given));
        return false;
    }
    if (given.ptr) {
        member->value = (xd_json){.type = XD_JSON_STRING, .text = given};
    }
    return true;
}

/* The row as the data of an event: without delete, with the table and system of the file. */
typedef struct draft {
    xd_json data;
    xd_json_member *members;
    uint32_t count;
} draft;

static xd_json_member *member_of(draft *d, xd_str name)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (xd_str_eq(d->members[i].name, name)) {
            return &d->members[i];
        }
    }
    xd_json_member *added = &d->members[d->count++];
    *added = (xd_json_member){name, {.type = XD_JSON_NULL}};
    return added;
}

static xd_status draft_row(xd_xref_rows *rows, const xd_xref_source *source, const xd_json *record,
                           int64_t line, xd_arena *arena, draft *ret, bool *ret_good,
                           xd_fault *fault)
{
    draft d = {.members = xd_arena_alloc(arena, (record->count + 3) * sizeof *d.members)};
    const xd_json *mark = XD_GET(record, "delete");
    bool known = true;
    bool taken_back = is_delete(mark, &known);
    if (!d.members) {
        return no_memory(fault);
    }
    for (uint32_t i = 0; i < record->count; i++) {
        if (&record->members[i].value != mark) {
            d.members[d.count++] = record->members[i];
        }
    }
    bool good = fill_in(rows, line, "table", source->table, member_of(&d, XD_STR("table"))) &&
                fill_in(rows, line, "system", source->system, member_of(&d, XD_STR("system")));
    if (good && !known) {
        xd_xref_problem_add(rows, line, XD_STR("delete"), "must be yes, no or empty");
        good = false;
    }
    if (taken_back) {
        member_of(&d, XD_STR("value"))->value = (xd_json){.type = XD_JSON_NULL};
    } else if (member_of(&d, XD_STR("value"))->value.type == XD_JSON_NULL) {
        member_of(&d, XD_STR("value"))->value = (xd_json){.type = XD_JSON_STRING};
    }
    d.data = (xd_json){.type = XD_JSON_OBJECT, .count = d.count, .members = d.members};
    *ret = d;
    *ret_good = good;
    return XD_OK;
}

/* The text in the arena; that of the row before when it is the same, as tables and systems are. */
static xd_str keep(xd_xref_rows *rows, xd_str text, xd_str before)
{
    return xd_str_eq(text, before) ? before : xd_arena_copy(&rows->arena, text);
}

static xd_status keep_row(xd_xref_rows *rows, const xd_crosswalk_row *row, int64_t line,
                          xd_fault *fault)
{
    if (rows->count == rows->size) {
        size_t size = rows->size ? rows->size * 2 : FIRST_ROWS;
        xd_xref_row *more = realloc(rows->rows, size * sizeof *more);
        if (!more) {
            return no_memory(fault);
        }
        rows->rows = more;
        rows->size = size;
    }
    xd_crosswalk_row none = {.table = XD_STR(""), .system = XD_STR("")};
    const xd_crosswalk_row *before = rows->count ? &rows->rows[rows->count - 1].row : &none;
    xd_crosswalk_row kept = *row;
    kept.table = keep(rows, row->table, before->table);
    kept.system = keep(rows, row->system, before->system);
    kept.code = xd_arena_copy(&rows->arena, row->code);
    kept.value = row->value.ptr ? xd_arena_copy(&rows->arena, row->value) : XD_STR_NULL;
    if (!kept.table.ptr || !kept.system.ptr || !kept.code.ptr ||
        (row->value.ptr && !kept.value.ptr)) {
        return no_memory(fault);
    }
    rows->rows[rows->count++] = (xd_xref_row){kept, line};
    return XD_OK;
}

static xd_status add_row(xd_xref_rows *rows, const xd_xref_source *source, const xd_json *record,
                         int64_t line, xd_arena *arena, xd_fault *fault)
{
    draft d;
    bool good = false;
    xd_crosswalk_row row;
    xd_fault why = XD_FAULT_NONE;
    rows->read++;
    if (record->type != XD_JSON_OBJECT) {
        xd_xref_problem_add(rows, line, XD_STR(""),
                            "must be an object with the members table, system, code and value");
        return XD_OK;
    }
    XD_TRY(draft_row(rows, source, record, line, arena, &d, &good, fault));
    if (!good) {
        return XD_OK;
    }
    xd_status status = xd_crosswalk_read_row(&d.data, &row, &why);
    if (status == XD_OK) {
        status = xd_canon_validate(xd_kind_find(XD_KIND_CROSSWALK), &d.data, &why);
    }
    if (status != XD_OK) {
        add_fault(rows, line, &d.data, &why);
        return XD_OK;
    }
    return keep_row(rows, &row, line, fault);
}

xd_status xd_xref_rows_add(xd_xref_rows *rows, const xd_xref_source *source, const xd_json *record,
                           int64_t line, xd_fault *fault)
{
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    xd_status status = add_row(rows, source, record, line, &arena, fault);
    xd_arena_finish(&arena);
    return status;
}

/* --- a file --- */

/* Without a column that every row needs there is nothing to read: said once. */
static bool has_columns(xd_xref_rows *rows, const xd_xref_source *source, const xd_json *record)
{
    const struct {
        xd_str name, given;
    } needed[] = {{XD_STR("table"), source->table},
                  {XD_STR("system"), source->system},
                  {XD_STR("code"), XD_STR_NULL},
                  {XD_STR("value"), XD_STR_NULL}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (needed[i].given.ptr || xd_json_get(record, needed[i].name)) {
            continue;
        }
        bool one = record->type == XD_JSON_OBJECT && record->count == 1;
        xd_str name = one ? record->members[0].name : XD_STR("");
        const char *mark = name.len && memchr(name.ptr, ';', name.len)    ? ";"
                           : name.len && memchr(name.ptr, '\t', name.len) ? "a tab"
                                                                          : NULL;
        if (mark) {
            xd_xref_problem_add(rows, 1, XD_STR(""),
                                "the columns are separated by %s, not by commas: give a --layout "
                                "that says so",
                                mark);
        } else {
            xd_xref_problem_add(
                rows, 1, needed[i].name,
                "there is no such column; the first line must name table, system, code and value, "
                "and may name valid_from, valid_to and delete%s",
                i < 2 ? " (one table or system for all rows: --table, --system)" : "");
        }
        return false;
    }
    return true;
}

typedef struct reading {
    xd_xref_rows *rows;
    const xd_xref_source *source;
    xd_format_reader *reader;
    xd_arena scratch;
    bool began;
} reading;

/* The last problem is also the end of what can be read. */
static void say_end(xd_xref_rows *rows)
{
    if (rows->bad > 0 && rows->bad <= XD_XREF_PROBLEMS_KEPT) {
        xd_xref_problem *last = &rows->problems[rows->bad - 1];
        last->text = xd_arena_printf(&rows->arena, "%.*s (nothing behind it could be read)",
                                     XD_FMT(last->text));
    }
}

/* Takes all records that the reader has; *ret_on false when nothing behind them can be read. */
static xd_status take_records(reading *r, bool *ret_on, xd_fault *fault)
{
    for (;;) {
        const xd_json *record = NULL;
        xd_fault why = XD_FAULT_NONE;
        if (xd_format_next(r->reader, &record, ret_on, &why) != XD_OK) {
            r->rows->read++;
            add_fault(r->rows, why.line, NULL, &why);
            if (!*ret_on) {
                say_end(r->rows);
                return XD_OK;
            }
            continue;
        }
        *ret_on = true;
        if (!record) {
            return XD_OK;
        }
        if (!r->began && record->type == XD_JSON_OBJECT) {
            if (!has_columns(r->rows, r->source, record)) {
                *ret_on = false;
                return XD_OK;
            }
            r->began = true;
        }
        xd_arena_reset(&r->scratch);
        XD_TRY(add_row(r->rows, r->source, record, xd_format_line(r->reader), &r->scratch, fault));
    }
}

static xd_status read_pieces(reading *r, FILE *file, char *piece, xd_fault *fault)
{
    for (bool on = true, last = false; on && !last;) {
        size_t n = fread(piece, 1, PIECE_BYTES, file);
        if (ferror(file)) {
            return xd_fail(fault, XD_IO, "file.read", "cannot read %s: %s", r->source->path,
                           strerror(errno));
        }
        last = feof(file) != 0;
        xd_format_feed(r->reader, (xd_str){piece, n}, last);
        XD_TRY(take_records(r, &on, fault));
    }
    return XD_OK;
}

xd_status xd_xref_rows_read(xd_xref_rows *rows, const xd_xref_source *source, xd_fault *fault)
{
    bool standard = strcmp(source->path, "-") == 0;
    FILE *file = standard ? stdin : fopen(source->path, "rbe");
    if (!file) {
        return xd_fail(fault, errno == ENOENT ? XD_NOT_FOUND : XD_IO, "file.open",
                       "cannot open %s: %s", source->path, strerror(errno));
    }
    reading r = {.rows = rows, .source = source};
    xd_arena_init(&r.scratch, 1 << 20);
    char *piece = malloc(PIECE_BYTES);
    xd_status status =
        piece ? xd_format_reader_create(source->format, &r.reader, fault) : no_memory(fault);
    if (status == XD_OK) {
        status = read_pieces(&r, file, piece, fault);
    }
    xd_format_reader_destroy(r.reader);
    xd_arena_finish(&r.scratch);
    free(piece);
    if (!standard) {
        fclose(file);
    }
    return status;
}

/* --- order --- */

static int cmp_entry(const xd_crosswalk_row *a, const xd_crosswalk_row *b)
{
    int order = xd_str_cmp(a->table, b->table);
    order = order ? order : xd_str_cmp(a->system, b->system);
    order = order ? order : xd_str_cmp(a->code, b->code);
    return order ? order : (a->valid_from > b->valid_from) - (a->valid_from < b->valid_from);
}

static int cmp_rows(const void *left, const void *right)
{
    const xd_xref_row *a = left;
    const xd_xref_row *b = right;
    int order = cmp_entry(&a->row, &b->row);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static bool says_the_same(const xd_crosswalk_row *a, const xd_crosswalk_row *b)
{
    return (a->value.ptr != NULL) == (b->value.ptr != NULL) && xd_str_eq(a->value, b->value) &&
           (a->valid_to == b->valid_to || !a->value.ptr);
}

/* All rows of one entry: the first stays when the others say the same, else none does. */
static size_t settle_entry(xd_xref_rows *rows, size_t from, size_t end, size_t kept)
{
    const xd_xref_row *first = &rows->rows[from];
    size_t other = from + 1;
    while (other < end && says_the_same(&first->row, &rows->rows[other].row)) {
        other++;
    }
    if (other == end) {
        rows->repeated += (int64_t)(end - from - 1);
        rows->rows[kept++] = *first;
        return kept;
    }
    for (size_t i = from; i < end; i++) {
        xd_xref_problem_add(rows, rows->rows[i].line, XD_STR("code"),
                            "line %lld says something else of %.*s/%.*s/%.*s from the same "
                            "moment: keep one of them",
                            (long long)rows->rows[i < other ? other : from].line,
                            XD_FMT(first->row.table), XD_FMT(first->row.system),
                            XD_FMT(first->row.code));
    }
    return kept;
}

static int cmp_problems(const void *left, const void *right)
{
    const xd_xref_problem *a = left;
    const xd_xref_problem *b = right;
    return (a->line > b->line) - (a->line < b->line);
}

void xd_xref_rows_sort(xd_xref_rows *rows)
{
    if (rows->count == 0) {
        return;
    }
    qsort(rows->rows, rows->count, sizeof *rows->rows, cmp_rows);
    size_t kept = 0;
    for (size_t from = 0, end; from < rows->count; from = end) {
        for (end = from + 1;
             end < rows->count && cmp_entry(&rows->rows[from].row, &rows->rows[end].row) == 0;) {
            end++;
        }
        kept = settle_entry(rows, from, end, kept);
    }
    rows->count = kept;
    size_t problems =
        (size_t)(rows->bad < XD_XREF_PROBLEMS_KEPT ? rows->bad : XD_XREF_PROBLEMS_KEPT);
    qsort(rows->problems, problems, sizeof *rows->problems, cmp_problems);
}
