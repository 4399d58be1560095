/* One check of a document against a compiled schema: its limits, the way it has come, and what it
 * has found. Shared by run.c, run_parts.c and report.c; private to src/schema. */
#ifndef XD_SCHEMA_RUN_H
#define XD_SCHEMA_RUN_H

#include "schema/schema_int.h"
#include "schema/value.h"

/* How evaluation came from one node to the next: the keyword, what follows it in the schema, and
 * the step into the document, if there was one. */
typedef struct xd_schema_frame {
    const struct xd_schema_frame *up;
    const xd_schema_node *node;
    const xd_json *value;
    const char *keyword; /* of up's node; NULL at the root */
    xd_str name;         /* follows the keyword when its ptr is given */
    uint32_t index;      /* likewise with has_index */
    bool has_index;
    bool into_member, into_item;
    xd_str member;
    uint32_t item;
    uint32_t depth;
} xd_schema_frame;

/* Which members or items have been evaluated: count bits of the word stack from first_word on. */
typedef struct xd_schema_marks {
    size_t first_word;
    size_t words;
} xd_schema_marks;

typedef struct xd_schema_run {
    const xd_schema *schema;
    xd_fault *fault;
    xd_status status; /* of the first fault; everything then returns at once */
    bool looked_back; /* a dynamic reference asked for the way evaluation has come */
    uint64_t steps;
    uint64_t *words; /* stack of mark bits and of presence bits; owns */
    size_t word_count, word_size;
    /* Only when failures are collected: */
    bool collect;
    uint32_t failure_max;
    /* What a branch says may have to be forgotten, so units lie on the heap until the end; owns. */
    xd_schema_unit *first_failure, *last_failure;
    xd_schema_unit *first_note, *last_note;
    uint32_t failure_count;
    bool cut_short;
    size_t unit_bytes;
    xd_buf text; /* of the unit being made */
} xd_schema_run;

/* run.c: evaluates frame->node on frame->value. Adds what was evaluated to marks when it is not
 * NULL and the answer is yes. */
bool xd_schema_evaluate(xd_schema_run *r, xd_schema_frame *frame, xd_schema_marks *marks);
/* run.c: whether a value fulfils a node, for those who compare schemas; false too when that depends
 * on more than the node or cannot be found out. */
bool xd_schema_accepts(const xd_schema_node *node, const xd_json *value, bool *ret_known);
/* run.c: stops the run; returns false. */
bool xd_schema_stop(xd_schema_run *r, xd_status status, const char *rule, const char *text);
/* run.c: counts work; false when there has been too much. */
bool xd_schema_charge(xd_schema_run *r, uint64_t steps);
/* run.c: count zero bits more on the word stack; false when there is no memory. */
bool xd_schema_push_words(xd_schema_run *r, size_t words, size_t *ret_first);
static inline void xd_schema_pop_words(xd_schema_run *r, size_t first)
{
    r->word_count = first;
}
static inline void xd_schema_mark(xd_schema_run *r, const xd_schema_marks *marks, uint32_t i)
{
    if (marks) {
        r->words[marks->first_word + (i >> 6)] |= (uint64_t)1 << (i & 63);
    }
}
static inline bool xd_schema_is_marked(const xd_schema_run *r, const xd_schema_marks *marks,
                                       uint32_t i)
{
    return r->words[marks->first_word + (i >> 6)] >> (i & 63) & 1;
}
/* assert.c: the keywords that look at the value alone. */
bool xd_schema_assert(xd_schema_run *r, const xd_schema_node *node, const xd_json *value,
                      const xd_schema_frame *frame);
/* The same where nothing is reported: without a frame, and quick for what is usual. */
bool xd_schema_assert_leaf(xd_schema_run *r, const xd_schema_node *node, const xd_json *value);
/* run_parts.c: the keywords that look into objects and arrays. */
bool xd_schema_run_object(xd_schema_run *r, const xd_schema_frame *frame,
                          const xd_schema_marks *marks);
bool xd_schema_run_array(xd_schema_run *r, const xd_schema_frame *frame,
                         const xd_schema_marks *marks);
/* run_parts.c: position of a name in the table, or UINT32_MAX. */
uint32_t xd_schema_find_name(const xd_schema_objects *objects, xd_str name);

/* report.c: reports a failure of keyword at frame when failures are collected; always false. */
bool xd_schema_fail(xd_schema_run *r, const xd_schema_frame *frame, const char *keyword,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Quick where nothing is collected. */
#define FAIL(r, frame, keyword, ...)                                                               \
    ((r)->collect ? xd_schema_fail((r), (frame), (keyword), __VA_ARGS__) : false)
void xd_schema_note_all(xd_schema_run *r, const xd_schema_frame *frame);
/* A short text for what was found, such as: "abc", 12, an array of 3. */
enum { XD_SCHEMA_FOUND_BYTES = 96 };
const char *xd_schema_found(const xd_json *value, char text[XD_SCHEMA_FOUND_BYTES]);
/* report.c: remembers and restores how much has been reported, to forget what a branch said that
 * does not count. */
typedef struct xd_schema_point {
    xd_schema_unit *last_failure, *last_note;
    uint32_t failure_count;
    bool cut_short;
} xd_schema_point;
xd_schema_point xd_schema_here(const xd_schema_run *r);
void xd_schema_forget_failures(xd_schema_run *r, const xd_schema_point *point);
void xd_schema_forget_notes(xd_schema_run *r, const xd_schema_point *point);
/* report.c: everything that was said, copied to arena. */
XD_CHECKED xd_status xd_schema_deliver(xd_schema_run *r, bool valid, xd_arena *arena,
                                       const xd_schema_report **ret);

/* The bits of a value's type; for numbers XD_TYPE_NUMBER alone. */
static inline uint32_t xd_schema_type_of(const xd_json *value)
{
    static const uint8_t bits[] = {XD_TYPE_NULL,   XD_TYPE_BOOLEAN, XD_TYPE_BOOLEAN, XD_TYPE_NUMBER,
                                   XD_TYPE_STRING, XD_TYPE_ARRAY,   XD_TYPE_OBJECT};
    return bits[value->type];
}

static inline xd_schema_frame
xd_schema_frame_inplace(const xd_schema_frame *up, const xd_schema_node *node, const char *keyword)
{
    return (xd_schema_frame){.up = up, .node = node, .value = up->value, .keyword = keyword};
}

#endif
