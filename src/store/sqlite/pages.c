/* What a page of a database file belongs to, read from the file's own bytes (SQLite's file format,
 * sections 1.5, 1.6 and 2.1), so that a damaged file can still be described. Pages known to be
 * damaged are never parsed; their checksums vouch for the others, and all the same no pointer is
 * followed out of the file and no page twice. */
#include "pages_int.h"
#include "sqlite_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PAGE = XD_SQLITE_PAGE_BYTES,
    USABLE = PAGE - XD_SQLITE_RESERVED_BYTES,
    HEADER = 100, /* of the file, on page 1 */
    FREE_TRUNK_AT = 32,
    DEPTH_MAX = 20,
    BOUND_BYTES = 100,
    INNER_INDEX = 2,
    INNER_TABLE = 5,
    LEAF_INDEX = 10,
    LEAF_TABLE = 13
};

typedef struct tree {
    char name[96];
    bool state; /* keys are (kind, key) */
    uint32_t root;
} tree;

/* Keys in words, between which those of a page lie; "" when it is the first or the last. */
typedef struct bounds {
    char after[BOUND_BYTES];
    char up_to[BOUND_BYTES];
} bounds;

typedef struct walk {
    const xd_page_file *file;
    uint8_t *named;
    uint8_t *seen; /* owns */
    void (*visit)(void *context, uint32_t page, const char *where);
    void *context;
    const tree *tree;
    tree *trees; /* owns; filled by the walk over the schema */
    int count;
    bool schema;
} walk;

typedef struct cell {
    const unsigned char *payload; /* NULL: none (inner page of a table) */
    size_t local_bytes;
    uint64_t payload_bytes;
    int64_t rowid;
    uint32_t child;
    uint32_t overflow; /* first page, 0: none */
} cell;

static void found(walk *w, uint32_t page, const char *where)
{
    if (w->file->findings[page - 1] != XD_PAGE_FINE && !w->named[page - 1]) {
        w->named[page - 1] = 1;
        w->visit(w->context, page, where);
    }
}

/* False when the page is out of the file, was seen before, is damaged or cannot be read. */
static bool enter(walk *w, uint32_t page, const char *where, unsigned char *bytes)
{
    if (page == 0 || page > w->file->pages || w->seen[page - 1]) {
        return false;
    }
    w->seen[page - 1] = 1;
    found(w, page, where);
    return w->file->findings[page - 1] != XD_PAGE_BAD &&
           pread(w->file->fd, bytes, PAGE, (off_t)(page - 1) * PAGE) == PAGE;
}

/* --- numbers and records --- */

static const unsigned char *varint(const unsigned char *p, const unsigned char *end, uint64_t *ret)
{
    uint64_t x = 0;
    for (int i = 0; i < 9 && p < end; i++, p++) {
        if (i == 8) {
            *ret = x << 8 | *p;
            return p + 1;
        }
        x = x << 7 | (*p & 0x7f);
        if (!(*p & 0x80)) {
            *ret = x;
            return p + 1;
        }
    }
    return NULL;
}

typedef struct column {
    const unsigned char *bytes;
    size_t len;
    bool text;
    int64_t number;
} column;

static size_t column_bytes(uint64_t type)
{
    static const unsigned char sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    return type < sizeof sizes ? sizes[type] : type < 12 ? 0 : (size_t)((type - 12) / 2);
}

static int64_t column_number(uint64_t type, const unsigned char *p, size_t n)
{
    if (type == 8 || type == 9) {
        return (int64_t)type - 8;
    }
    uint64_t x = n && p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++) {
        x = x << 8 | p[i];
    }
    return (int64_t)x;
}

/* The first columns of a record, as many as lie in its local bytes; returns how many. */
static int record(const cell *c, column *ret, int max)
{
    const unsigned char *p = c->payload;
    const unsigned char *end = p + c->local_bytes;
    uint64_t header = 0;
    const unsigned char *types = varint(p, end, &header);
    if (!types || header > c->local_bytes) {
        return 0;
    }
    const unsigned char *types_end = p + header;
    const unsigned char *body = types_end;
    int n = 0;
    while (n < max && types < types_end) {
        uint64_t type = 0;
        types = varint(types, types_end, &type);
        size_t len = types ? column_bytes(type) : SIZE_MAX;
        if (!types || len > (size_t)(end - body)) {
            break;
        }
        bool text = type >= 12;
        ret[n++] = (column){body, len, text, text ? 0 : column_number(type, body, len)};
        body += len;
    }
    return n;
}

static void key_in_words(const walk *w, const cell *c, char *text, size_t size)
{
    column columns[2];
    int n = record(c, columns, 2);
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n && used < size; i++) {
        const column *k = &columns[i];
        const char *kind =
            w->tree->state && i == 0 ? xd_state_kind_name((xd_state_kind)k->number) : NULL;
        int more;
        if (kind) {
            more = snprintf(text + used, size - used, "%s", kind);
        } else if (k->text) {
            more = snprintf(text + used, size - used, "%s%.*s", i ? " " : "",
                            (int)(k->len < 60 ? k->len : 60), (const char *)k->bytes);
        } else {
            more = snprintf(text + used, size - used, "%s%lld", i ? " " : "", (long long)k->number);
        }
        used += more > 0 ? (size_t)more : 0;
    }
}

/* --- trees --- */

static void describe(const walk *w, const bounds *b, char *text, size_t size)
{
    const char *after = b->after[0] ? ", after " : "";
    const char *up_to = b->up_to[0] ? ", up to " : "";
    snprintf(text, size, "%s%s%s%s%s", w->tree->name, after, b->after, up_to, b->up_to);
}

/* Bytes of a payload that are on the page itself (file format, section 1.6). */
static size_t local_bytes(uint64_t payload, bool table_leaf)
{
    const uint64_t max = table_leaf ? USABLE - 35 : (USABLE - 12) * 64 / 255 - 23;
    const uint64_t min = (USABLE - 12) * 32 / 255 - 23;
    if (payload <= max) {
        return (size_t)payload;
    }
    uint64_t some = min + (payload - min) % (USABLE - 4);
    return (size_t)(some <= max ? some : min);
}

static bool read_cell(const unsigned char *page, uint32_t at, int type, cell *ret)
{
    const unsigned char *p = page + at;
    const unsigned char *end = page + USABLE;
    cell c = {0};
    if (type == INNER_TABLE || type == INNER_INDEX) {
        if (end - p < 5) {
            return false;
        }
        c.child = xd_page_number_at(p, 4);
        p += 4;
    }
    if (type != INNER_TABLE && !(p = varint(p, end, &c.payload_bytes))) {
        return false;
    }
    uint64_t rowid = 0;
    if ((type == INNER_TABLE || type == LEAF_TABLE) && !(p = varint(p, end, &rowid))) {
        return false;
    }
    c.rowid = (int64_t)rowid;
    if (type != INNER_TABLE) {
        c.payload = p;
        c.local_bytes = local_bytes(c.payload_bytes, type == LEAF_TABLE);
        bool more = c.local_bytes < c.payload_bytes;
        if ((size_t)(end - p) < c.local_bytes + (more ? 4 : 0)) {
            return false;
        }
        c.overflow = more ? xd_page_number_at(p + c.local_bytes, 4) : 0;
    }
    *ret = c;
    return true;
}

static void walk_overflow(walk *w, const cell *c, bool table, const char *key)
{
    unsigned char page[PAGE];
    char where[320];
    if (table) {
        snprintf(where, sizeof where, "%s, row %lld (its long text)", w->tree->name,
                 (long long)c->rowid);
    } else {
        snprintf(where, sizeof where, "%s, %s (its long text)", w->tree->name, key);
    }
    uint32_t at = c->overflow;
    while (enter(w, at, where, page)) {
        at = xd_page_number_at(page, 4);
    }
}

static void note_tree(walk *w, const cell *c)
{
    column columns[4];
    if (record(c, columns, 4) < 4 || !columns[1].text || columns[3].number <= 0) {
        return; /* a view, or nothing of ours */
    }
    tree *grown = realloc(w->trees, ((size_t)w->count + 1) * sizeof *grown);
    if (!grown) {
        return; /* its pages stay without a name */
    }
    w->trees = grown;
    tree *t = &w->trees[w->count++];
    *t = (tree){.root = (uint32_t)columns[3].number};
    bool index = columns[0].len == 5 && memcmp(columns[0].bytes, "index", 5) == 0;
    t->state = !index && columns[1].len == 5 && memcmp(columns[1].bytes, "state", 5) == 0;
    if (index) {
        snprintf(t->name, sizeof t->name, "index %.*s of table %.*s", (int)columns[1].len,
                 (const char *)columns[1].bytes, (int)columns[2].len,
                 (const char *)columns[2].bytes);
    } else {
        snprintf(t->name, sizeof t->name, "table %.*s", (int)columns[1].len,
                 (const char *)columns[1].bytes);
    }
}

static void walk_tree(walk *w, uint32_t number, const bounds *limits, int depth);

/* The key of a cell bounds the child before it from above and the one after it from below. */
static void walk_cells(walk *w, const unsigned char *page, uint32_t start, const bounds *limits,
                       int depth)
{
    int type = page[start];
    bool inner = type == INNER_TABLE || type == INNER_INDEX;
    bool table = type == INNER_TABLE || type == LEAF_TABLE;
    uint32_t count = xd_page_number_at(page + start + 3, 2);
    const unsigned char *pointers = page + start + (inner ? 12 : 8);
    bounds child = *limits;
    for (uint32_t i = 0; i < count && pointers + 2 * i + 2 <= page + USABLE; i++) {
        cell c;
        char key[BOUND_BYTES];
        uint32_t at = xd_page_number_at(pointers + (size_t)(2 * i), 2);
        if (at >= USABLE || !read_cell(page, at, type, &c)) {
            continue;
        }
        if (table) {
            snprintf(key, sizeof key, "row %lld", (long long)c.rowid);
        } else {
            key_in_words(w, &c, key, sizeof key);
        }
        if (c.overflow) {
            walk_overflow(w, &c, table, key);
        }
        if (inner) {
            memcpy(child.up_to, key, sizeof key);
            walk_tree(w, c.child, &child, depth + 1);
            memcpy(child.after, key, sizeof key);
        }
        if (w->schema && type == LEAF_TABLE) {
            note_tree(w, &c);
        }
    }
    if (inner) {
        memcpy(child.up_to, limits->up_to, sizeof child.up_to);
        walk_tree(w, xd_page_number_at(page + start + 8, 4), &child, depth + 1);
    }
}

static void walk_tree(walk *w, uint32_t number, const bounds *limits, int depth)
{
    char where[320];
    unsigned char *page = depth < DEPTH_MAX ? malloc(PAGE) : NULL;
    describe(w, limits, where, sizeof where);
    if (page && enter(w, number, where, page)) {
        uint32_t start = number == 1 ? HEADER : 0;
        int type = page[start];
        if (type == INNER_INDEX || type == INNER_TABLE || type == LEAF_INDEX ||
            type == LEAF_TABLE) {
            walk_cells(w, page, start, limits, depth);
        }
    }
    free(page);
}

/* Also the page at 1 GiB, over which SQLite lays its locks and which holds nothing. */
static void walk_free(walk *w)
{
    unsigned char page[PAGE];
    unsigned char header[HEADER];
    const uint32_t lock_page = 0x40000000 / PAGE + 1;
    if (lock_page <= w->file->pages && w->file->findings[lock_page - 1] != XD_PAGE_BLANK) {
        found(w, lock_page, "the page kept free for locks: nothing is on it");
    }
    if (w->file->findings[0] == XD_PAGE_BAD || pread(w->file->fd, header, HEADER, 0) != HEADER) {
        return;
    }
    uint32_t trunk = xd_page_number_at(header + FREE_TRUNK_AT, 4);
    while (enter(w, trunk, "the list of free pages", page)) {
        uint32_t count = xd_page_number_at(page + 4, 4);
        for (uint32_t i = 0; i < count && 8 + 4 * i + 4 <= USABLE; i++) {
            uint32_t leaf = xd_page_number_at(page + 8 + (size_t)4 * i, 4);
            if (leaf > 0 && leaf <= w->file->pages &&
                w->file->findings[leaf - 1] != XD_PAGE_BLANK) {
                found(w, leaf, "a free page: no document is on it");
            }
        }
        trunk = xd_page_number_at(page, 4);
    }
}

xd_status xd_pages_name(const xd_page_file *file, uint8_t *named,
                        void (*visit)(void *context, uint32_t page, const char *where),
                        void *context, xd_fault *fault)
{
    static const tree SCHEMA = {.name = "the file's header and table definitions", .root = 1};
    static const bounds WHOLE = {"", ""};
    walk w = {.file = file, .named = named, .visit = visit, .context = context};
    w.seen = calloc(file->pages + 1u, 1);
    if (!w.seen) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to name damaged pages");
    }
    w.tree = &SCHEMA;
    w.schema = true;
    walk_tree(&w, SCHEMA.root, &WHOLE, 0);
    w.schema = false;
    for (int i = 0; i < w.count; i++) {
        w.tree = &w.trees[i];
        walk_tree(&w, w.trees[i].root, &WHOLE, 0);
    }
    walk_free(&w);
    free(w.seen);
    free(w.trees);
    return XD_OK;
}
