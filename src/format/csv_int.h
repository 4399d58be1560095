/* A compiled CSV layout, and the scan for the bytes that mean something. Private to src/format. */
#ifndef XD_FORMAT_CSV_INT_H
#define XD_FORMAT_CSV_INT_H

#include "format/csv.h"
#include "format/encoding_int.h"
#include "format/value_int.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef enum xd_csv_rules {
    XD_CSV_USUAL,  /* a quote inside an unquoted field stands for itself */
    XD_CSV_STRICT, /* RFC 4180 to the letter */
    XD_CSV_LENIENT /* nothing but an unclosed quote is wrong */
} xd_csv_rules;

typedef enum xd_csv_others { XD_CSV_KEEP, XD_CSV_DROP, XD_CSV_REFUSE } xd_csv_others;

typedef struct xd_csv_column {
    xd_str name;   /* member of the row */
    xd_str header; /* in the file */
    xd_value_spec value;
    bool plain;    /* text that is taken as it stands */
    bool optional; /* may be missing from the header */
} xd_csv_column;

struct xd_csv_layout {
    xd_arena arena; /* owns the texts and columns */
    xd_encoding encoding;
    char separator;
    char quote;   /* 0: none */
    char escape;  /* '\\', or 0: a quote is doubled */
    char comment; /* 0: none */
    bool header;
    bool trim;
    bool arrays; /* rows are arrays */
    bool bom;
    bool quote_all;
    const char *line_end; /* of the writer */
    xd_csv_rules rules;
    xd_csv_others others;
    xd_csv_column *columns; /* NULL when the layout names none */
    uint32_t column_count;
    xd_csv_column other; /* for columns that the layout does not name */
    size_t max_row_bytes;
    size_t max_field_bytes;
    uint32_t max_columns;
};

/* --- the scan --- */

/* The bytes that mean something: separator, quote, escape, line ends. What a dialect lacks repeats
 * the separator. */
typedef struct xd_csv_marks {
    char separator, quote, escape;
} xd_csv_marks;

enum { XD_CSV_BLOCK = 64 };

/* Bit i of *ret_marks: p[i] means something; bit i of the result: p[i] is not ASCII. Bytes one by
 * one: for machines without SSE2, and the reference the other form is tested against. */
static inline uint64_t xd_csv_block_plain(const char *p, xd_csv_marks marks, uint64_t *ret_marks)
{
    uint64_t found = 0;
    uint64_t high = 0;
    for (unsigned i = 0; i < XD_CSV_BLOCK; i++) {
        char c = p[i];
        bool mark =
            c == marks.separator || c == marks.quote || c == marks.escape || c == '\n' || c == '\r';
        found |= (uint64_t)mark << i;
        high |= (uint64_t)((uint8_t)c >> 7) << i;
    }
    *ret_marks = found;
    return high;
}

static inline uint64_t xd_csv_block(const char *p, xd_csv_marks marks, uint64_t *ret_marks)
{
#if defined(__SSE2__)
    const __m128i separator = _mm_set1_epi8(marks.separator);
    const __m128i quote = _mm_set1_epi8(marks.quote);
    const __m128i escape = _mm_set1_epi8(marks.escape);
    const __m128i lf = _mm_set1_epi8('\n');
    const __m128i cr = _mm_set1_epi8('\r');
    uint64_t found = 0;
    uint64_t high = 0;
    for (unsigned i = 0; i < XD_CSV_BLOCK; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i mark = _mm_or_si128(
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, separator), _mm_cmpeq_epi8(x, quote)),
                         _mm_cmpeq_epi8(x, escape)),
            _mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, cr)));
        found |= (uint64_t)(unsigned)_mm_movemask_epi8(mark) << i;
        high |= (uint64_t)(unsigned)_mm_movemask_epi8(x) << i;
    }
    *ret_marks = found;
    return high;
#else
    return xd_csv_block_plain(p, marks, ret_marks);
#endif
}

#endif
