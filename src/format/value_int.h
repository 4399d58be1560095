/* One value between its text in a file and JSON: numbers with decimal comma and thousands
 * separators, dates and instants by pattern, booleans by word. Shared by CSV and fixed width.
 * Private to src/format. Owns nothing; pure. */
#ifndef XD_FORMAT_VALUE_INT_H
#define XD_FORMAT_VALUE_INT_H

#include "format/layout_int.h"

typedef enum xd_value_type {
    XD_VALUE_TEXT,
    XD_VALUE_DECIMAL,
    XD_VALUE_INTEGER,
    XD_VALUE_DATE,
    XD_VALUE_INSTANT,
    XD_VALUE_BOOLEAN
} xd_value_type;

enum { XD_VALUE_WORDS = 8 };

typedef struct xd_value_spec { /* texts live in the layout's arena */
    xd_value_type type;
    bool required;
    char point;         /* decimal point, '.' or ',' */
    char thousands;     /* 0: none */
    xd_str pattern;     /* of dates and instants; empty: ISO 8601, RFC 3339 */
    int32_t offset_min; /* east of UTC, for patterns without an offset */
    xd_str null_text;   /* ptr NULL: only the empty text, and not for type text */
    xd_str trues[XD_VALUE_WORDS], falses[XD_VALUE_WORDS]; /* the first is written */
    uint32_t true_count, false_count;
} xd_value_spec;

extern const char *const xd_value_types[];
/* Members that xd_value_compile knows, for xd_layout_only. */
#define XD_VALUE_MEMBERS                                                                           \
    "type", "decimal_comma", "thousands", "format", "offset", "null", "required", "true", "false"

/* Reads the spec from its members; texts are copied into arena. ret->type is already decided when
 * typed is set (the caller reads "type" itself). */
XD_CHECKED xd_status xd_value_compile(const xd_layout *layout, xd_arena *arena, bool typed,
                                      xd_value_spec *ret);
/* Text to JSON. The result borrows text or lives in arena. Faults: XD_INVALID, rule "value.*",
 * saying what is expected and what was found; XD_NO_MEMORY. */
XD_CHECKED xd_status xd_value_read(const xd_value_spec *spec, xd_str text, xd_arena *arena,
                                   xd_json *ret, xd_fault *fault);
/* JSON to text, appended to buf; NULL and null write the null text. */
XD_CHECKED xd_status xd_value_write(const xd_value_spec *spec, const xd_json *value, xd_buf *buf,
                                    xd_fault *fault);

/* Whether text is a JSON number without exponent whose digits need no change. */
bool xd_value_is_plain_number(xd_str text, bool fraction_allowed);

/* Dates by pattern, in pattern.c. */
XD_CHECKED xd_status xd_pattern_check(const xd_layout *layout, xd_str pattern, bool instant,
                                      bool has_offset);
/* Writes the ISO form of text, which follows pattern, to iso. False when it does not. */
bool xd_pattern_read(xd_str pattern, xd_str text, bool instant, int32_t offset_min, xd_buf *iso);
/* Writes an ISO date or RFC 3339 instant by pattern. False when iso is none. */
bool xd_pattern_write(xd_str pattern, xd_str iso, bool instant, int32_t offset_min, xd_buf *buf);

#endif
