/* Envelopes and members of the documents of a plan. See author_int.h. Pure; calls base. */
#include "sim/author_int.h"

#include "base/decimal.h"
#include "base/json.h"

#include <stdlib.h>

enum { REPEAT_PERCENT = 4 };

/* 2026-01-05T08:00:00Z: a working Monday; all business dates of a run stay in that year. */
#define ORIGIN_US INT64_C(1767600000000000)

bool xd_author_chance(xd_author *author, uint32_t percent)
{
    return xd_random_below(&author->random, 100) < percent;
}

int64_t xd_author_between(xd_author *author, int64_t low, int64_t high)
{
    return low + (int64_t)xd_random_below(&author->random, (uint64_t)(high - low + 1));
}

xd_instant xd_author_instant(const xd_author *author, uint64_t place)
{
    return ORIGIN_US + (int64_t)place * author->us_per_place;
}

static bool reserve(xd_plan *plan)
{
    if (plan->document_count < plan->document_size) {
        return true;
    }
    uint32_t size = plan->document_size ? plan->document_size * 2 : 256;
    xd_document *grown = realloc(plan->documents, size * sizeof *grown);
    if (!grown) {
        return false;
    }
    plan->documents = grown;
    plan->document_size = size;
    return true;
}

static void add(xd_author *author, xd_document document)
{
    xd_plan *plan = author->plan;
    if (author->failed || !reserve(plan)) {
        author->failed = true;
        return;
    }
    document.serial = plan->document_count;
    plan->documents[plan->document_count++] = document;
}

void xd_author_begin(xd_author *author, const xd_heading *heading)
{
    xd_buf *text = &author->text;
    xd_str number = xd_arena_copy(&author->plan->arena, xd_str_from(heading->number));
    xd_str source = xd_arena_copy(&author->plan->arena, xd_str_from(heading->source));
    author->failed = author->failed || !number.ptr || !source.ptr;
    author->under_way = (xd_document){.source = source,
                                      .number = number,
                                      .order = heading->order,
                                      .role = heading->role,
                                      .place = heading->place};
    xd_buf_clear(text);
    xd_buf_printf(text, "{\"specversion\":\"1.0\",\"id\":\"%llu-%s%s\",\"source\":\"%s\"",
                  (unsigned long long)author->plan->seed, heading->number, heading->tag,
                  heading->source);
    xd_buf_printf(text, ",\"type\":\"%s\",\"subject\":\"%s\",\"time\":\"", heading->type,
                  heading->number);
    xd_instant_write(text, xd_author_instant(author, heading->business_place));
    XD_BUF_LIT(text, "\",\"datacontenttype\":\"application/json\",\"data\":{");
}

void xd_author_end(xd_author *author)
{
    XD_BUF_LIT(&author->text, "}}");
    xd_document *document = &author->under_way;
    document->text = xd_arena_copy(&author->plan->arena, xd_buf_str(&author->text));
    author->failed = author->failed || author->text.failed || !document->text.ptr;
    add(author, *document);
    if (xd_author_chance(author, REPEAT_PERCENT)) {
        document->repeat = true;
        document->place += (uint64_t)xd_author_between(author, 1, 90);
        add(author, *document);
    }
}

static void name_member(xd_author *author, const char *name)
{
    xd_buf *text = &author->text;
    char last = text->len ? text->ptr[text->len - 1] : '{';
    if (last != '{' && last != '[') {
        xd_buf_char(text, ',');
    }
    xd_json_write_string(text, xd_str_from(name));
    xd_buf_char(text, ':');
}

void xd_author_text(xd_author *author, const char *name, const char *value)
{
    name_member(author, name);
    xd_json_write_string(&author->text, xd_str_from(value));
}

void xd_author_int(xd_author *author, const char *name, int64_t value)
{
    name_member(author, name);
    xd_buf_int(&author->text, value);
}

void xd_author_decimal(xd_author *author, const char *name, int64_t value, int32_t scale)
{
    name_member(author, name);
    xd_buf_char(&author->text, '"');
    xd_decimal_write(&author->text, (xd_decimal){value, scale});
    xd_buf_char(&author->text, '"');
}

void xd_author_instant_member(xd_author *author, const char *name, uint64_t place)
{
    name_member(author, name);
    xd_buf_char(&author->text, '"');
    xd_instant_write(&author->text, xd_author_instant(author, place));
    xd_buf_char(&author->text, '"');
}

void xd_author_date_member(xd_author *author, const char *name, uint64_t place)
{
    name_member(author, name);
    xd_buf_char(&author->text, '"');
    xd_date_write(&author->text, xd_date_of(xd_author_instant(author, place), 0));
    xd_buf_char(&author->text, '"');
}

void xd_author_list(xd_author *author, const char *name)
{
    name_member(author, name);
    xd_buf_char(&author->text, '[');
}

void xd_author_item(xd_author *author)
{
    xd_buf *text = &author->text;
    xd_buf_str_add(text, text->len && text->ptr[text->len - 1] == '[' ? XD_STR("{") : XD_STR(",{"));
}

void xd_author_item_end(xd_author *author)
{
    xd_buf_char(&author->text, '}');
}

void xd_author_list_end(xd_author *author)
{
    xd_buf_char(&author->text, ']');
}
