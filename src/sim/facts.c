/* What a message says, as far as the audit needs it (docs/messages.md). See book.h. */
#include "sim/book.h"

#include "base/decimal.h"
#include "base/time.h"

#include <stdlib.h>

/* Adds the side of a line to sum; false when it is not a decimal. */
static bool add_side(const xd_json *line, xd_str name, bool negative, xd_decimal *sum)
{
    xd_decimal amount;
    xd_str text = xd_json_get_text(line, name);
    if (text.len == 0) {
        return true;
    }
    return xd_decimal_parse(text, &amount, NULL) == XD_OK &&
           xd_decimal_add(*sum, negative ? xd_decimal_neg(amount) : amount, sum) == XD_OK;
}

/* Debits less credits are exactly zero, and there are lines at all. */
static bool balances(const xd_json *entry)
{
    const xd_json *lines = XD_GET(entry, "lines");
    xd_decimal sum = XD_ZERO;
    if (!lines || lines->type != XD_JSON_ARRAY || lines->count < 2) {
        return false;
    }
    for (uint32_t i = 0; i < lines->count; i++) {
        if (!add_side(&lines->items[i], XD_STR("debit"), false, &sum) ||
            !add_side(&lines->items[i], XD_STR("credit"), true, &sum)) {
            return false;
        }
    }
    return xd_decimal_sign(sum) == 0;
}

static bool note_entry(xd_book *book, const xd_json *entry)
{
    xd_date date = 0;
    int32_t year = 0;
    int32_t month;
    int32_t day;
    if (book->entry_count == book->entry_size) {
        size_t size = book->entry_size ? book->entry_size * 2 : 1024;
        xd_entry_seen *grown = realloc(book->entries, size * sizeof *grown);
        if (!grown) {
            return false;
        }
        book->entries = grown;
        book->entry_size = size;
    }
    if (xd_date_parse(XD_TEXT(entry, "date"), &date, NULL) == XD_OK) {
        xd_date_split(date, &year, &month, &day);
    }
    int64_t number = XD_INT(entry, "number", 0);
    book->unreadable += year == 0 || number <= 0;
    book->unbalanced += !balances(entry);
    book->entries[book->entry_count++] = (xd_entry_seen){year, number};
    return true;
}

static bool keep(xd_book *book, xd_str text, xd_str *ret)
{
    *ret = xd_arena_copy(&book->arena, text.ptr ? text : XD_STR(""));
    return ret->ptr != NULL;
}

xd_status xd_book_read(xd_book *book, xd_arrival *a, const xd_json *body)
{
    const xd_json *entries = XD_GET(body, "entries");
    if (!keep(book, XD_TEXT(body, "document"), &a->document) ||
        !keep(book, XD_TEXT(body, "kind"), &a->kind) ||
        !keep(book, XD_TEXT(body, "reference"), &a->reference) ||
        !keep(book, XD_TEXT(body, "po"), &a->po)) {
        return XD_NO_MEMORY;
    }
    a->seq = XD_INT(body, "seq", 0);
    book->unreadable += a->document.len == 0 || a->seq <= 0;
    if (!xd_str_eq(a->document, XD_STR("JOURNAL"))) {
        return XD_OK;
    }
    for (uint32_t i = 0; entries && entries->type == XD_JSON_ARRAY && i < entries->count; i++) {
        if (!note_entry(book, &entries->items[i])) {
            return XD_NO_MEMORY;
        }
        /* A journal names its order only inside its entries. */
        if (a->po.len == 0 && !keep(book, XD_TEXT(&entries->items[i], "po"), &a->po)) {
            return XD_NO_MEMORY;
        }
    }
    return XD_OK;
}
