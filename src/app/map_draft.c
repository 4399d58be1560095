/* Drafting of maps. Names are compared by their words (purchaseOrderNo: purchase, order, no), with
 * the trade's synonyms, and values by their look; the best guess above a threshold is written. See
 * map_draft.h. */
#include "app/map_draft.h"

#include "canon/field.h"

#include <stdlib.h>

enum {
    WORDS_MAX = 12,
    WORD_BYTES = 24,
    CANDIDATES_MAX = 256,
    PATH_BYTES = 240,
    SYNONYMS_MAX = 14,
    DEPTH_MAX = 4, /* objects within objects that are looked into */
    SCORE_MIN = 40 /* of 100: below it a guess would mislead more than help */
};

/* Words that mean the same; the first of a row stands for all. */
static const char *const synonyms[][SYNONYMS_MAX] = {
    {"order", "po", "ord", "bestellung", "purchase", "ebeln", "bestellnr"},
    {"quantity", "qty", "menge", "count", "qnty", "units", "anzahl", "qnt"},
    {"site", "warehouse", "whs", "wh", "plant", "location", "facility", "dc", "store", "werk",
     "werks", "lager"},
    {"item", "sku", "material", "product", "article", "part", "artikel", "matnr", "idtnr"},
    {"uom", "unit", "measure", "me", "meins", "menee", "einheit"},
    {"supplier", "vendor", "seller", "lieferant", "lifnr", "kreditor"},
    {"number", "no", "nr", "num", "id", "key", "code", "ref", "reference"},
    {"receipt", "grn", "gr", "delivery", "asn", "inbound", "wareneingang", "we"},
    {"at", "date", "time", "timestamp", "on", "datum", "zeit"},
    {"line", "position", "pos", "row", "ln", "seq", "ebelp", "posex"},
    {"lines", "items", "positions", "rows", "details", "detail", "entries"},
    {"lot", "lots", "batch", "batches", "charge"},
    {"price", "cost", "rate", "preis", "vprei", "netpr"},
    {"amount", "value", "sum", "betrag"},
    {"currency", "curr", "ccy", "cur", "curcy", "waers"},
    {"invoice", "inv", "bill", "rechnung"},
    {"by", "user", "person", "operator", "who", "bearbeiter"},
    {"damaged", "damage", "broken", "bruch"},
    {"rejected", "refused", "reject", "verweigert"},
    {"expires", "expiry", "expiration", "bbd", "mhd"},
    {"received", "booked", "posted", "arrived"},
    {"description", "desc", "text", "bezeichnung"},
    {"total", "gross"},
    {"terms", "zterm"},
    {"packing", "pack"},
    {"slip", "note", "lieferschein"},
};

/* --- words --- */

typedef struct words {
    uint32_t count;
    char word[WORDS_MAX][WORD_BYTES];
} words;

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_word_char(char c)
{
    return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static const char *meaning_of(const char *word)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        for (size_t j = 0; j < SYNONYMS_MAX && synonyms[i][j]; j++) {
            if (strcmp(synonyms[i][j], word) == 0) {
                return synonyms[i][0];
            }
        }
    }
    return word;
}

static void add_word(words *w, xd_str text)
{
    if (text.len == 0 || w->count == WORDS_MAX) {
        return;
    }
    char word[WORD_BYTES];
    size_t n = text.len < WORD_BYTES - 1 ? text.len : WORD_BYTES - 1;
    for (size_t i = 0; i < n; i++) {
        word[i] = is_upper(text.ptr[i]) ? (char)(text.ptr[i] | 0x20) : text.ptr[i];
    }
    word[n] = '\0';
    const char *meaning = meaning_of(word);
    for (uint32_t i = 0; i < w->count; i++) {
        if (strcmp(w->word[i], meaning) == 0) {
            return;
        }
    }
    memcpy(w->word[w->count++], meaning, strlen(meaning) + 1);
}

/* Cuts at signs, where a capital follows a small letter, and before the last capital of several
 * that a small letter follows (PONumber). */
static void split_words(xd_str name, words *ret)
{
    size_t start = 0;
    for (size_t i = 0; i <= name.len; i++) {
        bool sign = i == name.len || !is_word_char(name.ptr[i]);
        bool small_next = i + 1 < name.len && name.ptr[i + 1] >= 'a' && name.ptr[i + 1] <= 'z';
        bool hump = !sign && i > start && is_upper(name.ptr[i]) &&
                    (!is_upper(name.ptr[i - 1]) || small_next);
        if (sign || hump) {
            add_word(ret, (xd_str){name.ptr + start, i - start});
            start = sign ? i + 1 : i;
        }
    }
}

/* How alike two sets of words are, of 100. */
static int compare_words(const words *a, const words *b)
{
    uint32_t common = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count; j++) {
            common += strcmp(a->word[i], b->word[j]) == 0;
        }
    }
    uint32_t all = a->count + b->count;
    return all ? (int)(200 * common / all) : 0;
}

/* --- members of the sample --- */

typedef struct candidate {
    char path[PATH_BYTES]; /* as JSONata writes it */
    words own;             /* of the member's name */
    words with_parents;
    const xd_json *value;
} candidate;

typedef struct scope {
    uint32_t count;
    bool rows; /* of a file in which every field is there, if only empty */
    candidate at[CANDIDATES_MAX];
} scope;

/* A name as a step of a path: in back quotes when it is no plain name. */
static void write_step(xd_buf *buf, xd_str name)
{
    bool plain = name.len > 0 && !(name.ptr[0] >= '0' && name.ptr[0] <= '9');
    for (size_t i = 0; i < name.len; i++) {
        plain = plain && (unsigned char)name.ptr[i] < 0x80 &&
                (is_word_char(name.ptr[i]) || name.ptr[i] == '_');
    }
    static const char *const reserved[] = {"and", "or", "in", "true", "false", "null", "function"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        plain = plain && !xd_str_eq(name, xd_str_from(reserved[i]));
    }
    if (!plain) {
        xd_buf_char(buf, '`');
    }
    xd_buf_str_add(buf, name);
    if (!plain) {
        xd_buf_char(buf, '`');
    }
}

/* Collects members of object that are values or lists of objects, those of objects in it too. */
static void collect(const xd_json *object, const char *prefix, const words *parents, int depth,
                    scope *ret)
{
    for (uint32_t i = 0; object->type == XD_JSON_OBJECT && i < object->count; i++) {
        const xd_json *value = &object->members[i].value;
        xd_str name = object->members[i].name;
        if (name.len && memchr(name.ptr, '`', name.len)) {
            continue; /* a name with a back quote cannot be quoted */
        }
        xd_buf path;
        xd_buf_init(&path, PATH_BYTES - 1);
        xd_buf_str_add(&path, xd_str_from(prefix));
        write_step(&path, name);
        if (!path.failed && ret->count < CANDIDATES_MAX) {
            candidate *c = &ret->at[ret->count];
            memcpy(c->path, path.ptr, path.len);
            c->path[path.len] = '\0';
            c->value = value;
            c->own.count = 0;
            split_words(name, &c->own);
            c->with_parents = *parents;
            split_words(name, &c->with_parents);
            bool inner = value->type == XD_JSON_OBJECT;
            if (!inner) {
                ret->count++;
            } else if (depth < DEPTH_MAX) {
                words inside = c->with_parents;
                char deeper[PATH_BYTES + 1];
                memcpy(deeper, path.ptr, path.len);
                deeper[path.len] = '.';
                deeper[path.len + 1] = '\0';
                collect(value, deeper, &inside, depth + 1, ret);
            }
        }
        xd_buf_finish(&path);
    }
}

static bool looks_like_date(xd_str text)
{
    return text.len >= 10 && text.ptr[4] == '-' && text.ptr[7] == '-';
}

static bool looks_like_number(const xd_json *value)
{
    xd_decimal number;
    return (value->type == XD_JSON_NUMBER || value->type == XD_JSON_STRING) &&
           xd_decimal_parse(value->text, &number, NULL) == XD_OK;
}

static bool is_list(const xd_json *value)
{
    return value->type == XD_JSON_ARRAY && value->count > 0 &&
           value->items[0].type == XD_JSON_OBJECT;
}

/* Whether a value could be the field's at all, and how much its look says for it. */
static int judge_value(const xd_field *field, const xd_json *value)
{
    bool text = value->type == XD_JSON_STRING;
    switch (field->type) {
    case XD_FIELD_DATE:
    case XD_FIELD_INSTANT:
        return text ? (looks_like_date(value->text) ? 15 : -10) : -100;
    case XD_FIELD_DECIMAL:
    case XD_FIELD_INTEGER:
        if (!looks_like_number(value)) {
            return -100;
        }
        return field->type == XD_FIELD_INTEGER && value->type == XD_JSON_NUMBER ? 15 : 10;
    case XD_FIELD_CURRENCY:
        return text && value->text.len == 3 ? 20 : -100;
    case XD_FIELD_LIST:
        return is_list(value) ? 30 : -100;
    case XD_FIELD_CODES:
        return value->type == XD_JSON_ARRAY && !is_list(value) ? 10 : -100;
    case XD_FIELD_CODE:
    case XD_FIELD_TEXT:
    case XD_FIELD_CHOICE:
        if (text && looks_like_date(value->text)) {
            return -100;
        }
        return text || value->type == XD_JSON_NUMBER ? 0 : -100;
    default:
        return -100;
    }
}

static int score(const xd_field *field, const candidate *c)
{
    int look = judge_value(field, c->value);
    if (look <= -100) {
        return 0;
    }
    words wanted = {.count = 0};
    split_words(xd_str_from(field->name), &wanted);
    int own = compare_words(&wanted, &c->own);
    int with_parents = compare_words(&wanted, &c->with_parents);
    int best = own > with_parents ? own : with_parents;
    bool must = field->type == XD_FIELD_LIST && (field->flags & XD_REQUIRED);
    return best > 0 || must ? best + look : 0;
}

static const candidate *find_best(const xd_field *field, const scope *in);

/* How many fields of the list's records the items of a list would feed, of 100. */
static int score_items(const xd_field *field, const xd_json *list)
{
    static const words none;
    scope *inner = calloc(1, sizeof *inner);
    if (!inner) {
        return 0;
    }
    collect(&list->items[0], "", &none, 0, inner);
    const xd_record *record = field->record;
    uint32_t fed = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        bool list_inside = record->fields[i].type == XD_FIELD_LIST;
        fed += !list_inside && find_best(&record->fields[i], inner) != NULL;
    }
    free(inner);
    return record->count ? (int)(100 * fed / record->count) : 0;
}

/* A list that must be there is taken from the list that feeds most of it, whatever its name. */
static const candidate *find_best(const xd_field *field, const scope *in)
{
    const candidate *best = NULL;
    bool list = field->type == XD_FIELD_LIST;
    int most = list && (field->flags & XD_REQUIRED) ? 0 : SCORE_MIN - 1;
    for (uint32_t i = 0; i < in->count; i++) {
        int points = score(field, &in->at[i]);
        if (list && points > 0) {
            points += score_items(field, in->at[i].value);
        }
        if (points > most) {
            most = points;
            best = &in->at[i];
        }
    }
    return best;
}

/* --- writing --- */

static void indent(xd_buf *buf, int depth)
{
    for (int i = 0; i < depth; i++) {
        XD_BUF_LIT(buf, "  ");
    }
}

/* The guess as an expression of the type that the field wants. */
static void write_guess(const xd_field *field, const candidate *c, bool rows, xd_buf *buf)
{
    const xd_json *value = c->value;
    const char *before = "";
    const char *after = "";
    bool words_only = field->type == XD_FIELD_CODE || field->type == XD_FIELD_TEXT;
    if (rows && words_only && value->type == XD_JSON_STRING && !(field->flags & XD_REQUIRED)) {
        xd_buf_printf(buf, "%s != \"\" ? ", c->path);
    }
    if (words_only && value->type == XD_JSON_NUMBER) {
        before = "$string(";
        after = ")";
    } else if (field->type == XD_FIELD_INTEGER && value->type == XD_JSON_STRING) {
        before = "$number(";
        after = ")";
    } else if (field->type == XD_FIELD_DATE && value->text.len > 10) {
        before = "$substring(";
        after = ", 0, 10)";
    } else if (field->type == XD_FIELD_INSTANT && value->text.len == 10) {
        after = " & \"T00:00:00Z\"";
    } else if (field->type == XD_FIELD_INSTANT && value->text.len == 19) {
        after = " & \"Z\"";
    }
    xd_buf_printf(buf, "%s%s%s", before, c->path, after);
}

/* What a person must know to fill or check the line. */
static void write_remark(const xd_field *field, bool guessed, xd_buf *buf)
{
    bool required = field->flags & XD_REQUIRED;
    XD_BUF_LIT(buf, " /* ");
    if (!guessed) {
        xd_buf_printf(buf, "? %s: ", required ? "required" : "optional");
    }
    xd_buf_str_add(buf, xd_str_from(field->about));
    for (uint32_t i = 0; field->type == XD_FIELD_CHOICE && field->words[i]; i++) {
        xd_buf_printf(buf, "%s%s", i ? ", " : "; one of ", field->words[i]);
    }
    XD_BUF_LIT(buf, " */");
}

static void write_record(const xd_record *record, const scope *in, int depth, bool numbered,
                         xd_buf *buf);

/* A list of records, each from one object of the sample's list. */
static void write_list(const xd_field *field, const candidate *c, bool rows, int depth, xd_buf *buf)
{
    static const words none;
    scope *inner = calloc(1, sizeof *inner);
    if (!inner) {
        buf->failed = true;
        return;
    }
    inner->rows = rows;
    collect(&c->value->items[0], "", &none, 0, inner);
    const xd_field *first = &field->record->fields[0];
    bool numbered =
        first->type == XD_FIELD_INTEGER && (first->flags & XD_REQUIRED) && !find_best(first, inner);
    xd_buf_printf(buf, "[%s%s.", c->path, numbered ? "#$i" : "");
    write_record(field->record, inner, depth, numbered, buf);
    xd_buf_char(buf, ']');
    free(inner);
}

/* Fields found, and required ones, as members; what is optional and not found as remarks. */
static void write_record(const xd_record *record, const scope *in, int depth, bool numbered,
                         xd_buf *buf)
{
    XD_BUF_LIT(buf, "{");
    bool any = false;
    for (uint32_t i = 0; i < record->count; i++) {
        const xd_field *field = &record->fields[i];
        const candidate *best = find_best(field, in);
        bool index = numbered && i == 0;
        bool open = !best && !index;
        if (field->type == XD_FIELD_EXTENSIONS || (open && !(field->flags & XD_REQUIRED))) {
            continue;
        }
        xd_buf_str_add(buf, any ? XD_STR(",\n") : XD_STR("\n"));
        any = true;
        indent(buf, depth + 1);
        xd_buf_printf(buf, "\"%s\": ", field->name);
        if (index) {
            XD_BUF_LIT(buf, "$i + 1");
        } else if (open) {
            XD_BUF_LIT(buf, "null");
        } else if (field->type == XD_FIELD_LIST) {
            write_list(field, best, in->rows, depth + 1, buf);
        } else {
            write_guess(field, best, in->rows, buf);
        }
        write_remark(field, !open, buf);
    }
    for (uint32_t i = 0; i < record->count; i++) {
        const xd_field *field = &record->fields[i];
        bool left_out = !(field->flags & XD_REQUIRED) && field->type != XD_FIELD_EXTENSIONS &&
                        !find_best(field, in);
        if (left_out) {
            xd_buf_char(buf, '\n');
            indent(buf, depth + 1);
            xd_buf_printf(buf, "/* \"%s\": ? %s */", field->name, field->about);
        }
    }
    xd_buf_char(buf, '\n');
    indent(buf, depth);
    xd_buf_char(buf, '}');
}

/* The sample's own members; of a list of records (a file of rows) those of the first, with the list
 * itself as a candidate for lines. */
static void collect_root(const xd_json *sample, scope *ret)
{
    static const words none;
    if (!is_list(sample)) {
        collect(sample, "", &none, 0, ret);
        return;
    }
    ret->rows = true;
    collect(&sample->items[0], "$[0].", &none, 0, ret);
    if (ret->count < CANDIDATES_MAX) {
        candidate *c = &ret->at[ret->count++];
        memcpy(c->path, "$", 2);
        c->value = sample;
        c->own.count = 0;
        split_words(XD_STR("lines"), &c->own);
        c->with_parents = c->own;
    }
}

void xd_map_draft(const xd_kind_info *kind, const xd_json *sample, const char *sample_name,
                  xd_buf *buf)
{
    scope *root = calloc(1, sizeof *root);
    if (!root) {
        buf->failed = true;
        return;
    }
    collect_root(sample, root);
    xd_buf_printf(
        buf,
        "/* Draft of a map from %s to %s, by `crossdock map new`. Each line is a guess by "
        "name\n   and look: check it, and fill what has a question mark. Codes that are not the "
        "hub's own go\n   through $xref(table, system, code). Then keep pairs for `crossdock map "
        "test` beside it\n   (docs/maps.md). */\n",
        sample_name, kind->name);
    write_record(kind->fields->record, root, 0, false, buf);
    xd_buf_char(buf, '\n');
    free(root);
}
