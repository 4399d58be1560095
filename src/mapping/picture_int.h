/* Shared by the picture_*.c files only: characters, a text that grows in an arena, integers as
 * digits, and the analysed picture of an integer. */
#ifndef XD_MAPPING_PICTURE_INT_H
#define XD_MAPPING_PICTURE_INT_H

#include "mapping/picture.h"

enum {
    XD_PICTURE_MAX_DIGITS = 480,   /* of a number; the widest one of a map has fewer */
    XD_PICTURE_MAX_CHARS = 1000,   /* of a picture */
    XD_PICTURE_MAX_SEPARATORS = 16 /* grouping separators of one picture */
};

/* --- characters --- */

/* The character of well-formed UTF-8 at s.ptr[*at], which moves behind it. */
uint32_t xd_picture_next(xd_str s, size_t *at);
/* Value of c in the decimal digit family that begins at zero; -1 when it is not in it. */
static inline int xd_picture_digit(uint32_t c, uint32_t zero)
{
    return c >= zero && c <= zero + 9 ? (int)(c - zero) : -1;
}
/* The zero of the family of decimal digits (Unicode category Nd) that c is in; 0 when it is none.
 */
uint32_t xd_picture_family(uint32_t c);
static inline char xd_picture_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}
static inline char xd_picture_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}
static inline bool xd_picture_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* --- text in an arena --- */

typedef struct xd_picture_text {
    xd_arena *arena; /* borrows */
    char *ptr;
    size_t len, size;
    bool failed; /* sticky: an append was refused */
} xd_picture_text;

void xd_picture_put(xd_picture_text *text, xd_str s);
void xd_picture_put_char(xd_picture_text *text, uint32_t c);
/* The text; XD_NO_MEMORY after a refusal. */
XD_CHECKED xd_status xd_picture_finish(const xd_picture_text *text, xd_str *ret, xd_fault *fault);

/* --- numbers as digits --- */

/* value = (negative ? -1 : 1) x 0.digit[0]digit[1]... x 10^point. No leading nor trailing zeros;
 * zero has no digits. */
typedef struct xd_picture_number {
    bool negative;
    int32_t count;
    int32_t point;
    char digit[XD_PICTURE_MAX_DIGITS]; /* '0'..'9' */
} xd_picture_number;

/* Reads a number as JSON writes it. XD_INVALID, XD_OVERFLOW. */
XD_CHECKED xd_status xd_picture_read_number(xd_str text, xd_picture_number *ret, xd_fault *fault);
/* Rounds to places digits after the point, half to even. */
void xd_picture_round(xd_picture_number *number, int32_t places);
/* Digit at position i from the point: 1 is the first after it, 0 the one before it. */
static inline char xd_picture_digit_at(const xd_picture_number *n, int32_t i)
{
    int32_t at = n->point + i - 1;
    return at >= 0 && at < n->count ? n->digit[at] : '0';
}

/* --- pictures of integers (XPath functions 3.1, section 4.6) --- */

typedef enum xd_picture_primary {
    XD_PICTURE_DECIMAL,
    XD_PICTURE_LETTERS,
    XD_PICTURE_ROMAN,
    XD_PICTURE_WORDS,
    XD_PICTURE_SEQUENCE /* a numbering sequence that is not known: D3130 when used */
} xd_picture_primary;

typedef enum xd_picture_case {
    XD_PICTURE_LOWER,
    XD_PICTURE_UPPER,
    XD_PICTURE_TITLE
} xd_picture_case;

typedef struct xd_picture_separator {
    int32_t position; /* digits to its right */
    uint32_t character;
} xd_picture_separator;

typedef struct xd_picture_integer {
    xd_picture_primary primary;
    xd_picture_case letter_case;
    bool ordinal;
    xd_str token; /* borrows the picture */
    uint32_t zero;
    int32_t mandatory, optional; /* digits; 0 unless decimal */
    int32_t repeat;              /* > 0: the first separator comes again after so many digits */
    uint32_t separator_count;
    xd_picture_separator separators[XD_PICTURE_MAX_SEPARATORS]; /* from right to left */
} xd_picture_integer;

/* picture without its modifier. D3131, XD_LIMIT. */
XD_CHECKED xd_status xd_picture_read_integer(xd_str picture, bool ordinal, xd_picture_integer *ret,
                                             xd_fault *fault);
/* digits: at least one, no leading zeros but of 0 itself. D3130. */
XD_CHECKED xd_status xd_picture_write_integer(const xd_picture_integer *format, bool negative,
                                              xd_str digits, xd_picture_text *out, xd_fault *fault);
/* The digits (no leading zeros) that text stands for, in *ret, which has room for
 * XD_PICTURE_MAX_DIGITS of them; false when it does not fit the format. text has no sign. */
bool xd_picture_match_integer(const xd_picture_integer *format, xd_str text, char *ret_digits,
                              size_t *ret_count);
XD_CHECKED xd_status xd_picture_unknown_sequence(const xd_picture_integer *format, xd_fault *fault);

/* English words; digits as for write_integer. */
void xd_picture_write_words(xd_str digits, xd_picture_case letter_case, bool ordinal,
                            xd_picture_text *out);
bool xd_picture_match_words(xd_str text, char *ret_digits, size_t *ret_count);

/* --- pictures of instants (section 9.8.4) --- */

enum { XD_PICTURE_MAX_PARTS = 64 };

typedef struct xd_picture_part {
    char component;               /* 0: literal */
    char names;                   /* 0, 'n' lower, 'N' upper, 'T' title */
    char second;                  /* second presentation modifier, or 0 */
    int32_t min_width, max_width; /* -1: none */
    int32_t year_digits;          /* 'Y': the year is cut to so many digits; -1: it is not */
    int32_t parse_width;          /* exactly so many digits when another number follows at once */
    xd_str literal;               /* borrows the picture; "]]" stands for "]" */
    xd_picture_integer integer;
} xd_picture_part;

typedef struct xd_picture_instant {
    uint32_t count;
    size_t text_used;
    char text[XD_PICTURE_MAX_CHARS]; /* markers without their white space */
    xd_picture_part parts[XD_PICTURE_MAX_PARTS];
} xd_picture_instant;

/* D3131, D3132, D3135, XD_LIMIT. */
XD_CHECKED xd_status xd_picture_read_instant(xd_str picture, xd_picture_instant *ret,
                                             xd_fault *fault);

extern const xd_str xd_picture_months[12];
extern const xd_str xd_picture_days[7]; /* Monday first */

/* Calendar of one instant, in its zone. */
typedef struct xd_picture_calendar {
    int64_t year;
    int32_t month, day;          /* from 1 */
    int32_t day_of_year;         /* from 1 */
    int32_t weekday;             /* 1 Monday .. 7 Sunday */
    int32_t week, week_of_month; /* ISO 8601; the month's by the same rule of the Thursday */
    int64_t week_year;           /* that week belongs to */
    int32_t week_month;          /* that week_of_month belongs to */
    int32_t hour, minute, second, millis;
} xd_picture_calendar;

void xd_picture_calendar_of(int64_t millis, xd_picture_calendar *ret);
/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar. */
int64_t xd_picture_days_from(int64_t year, int32_t month, int32_t day);
int32_t xd_picture_month_days(int64_t year, int32_t month);
/* What a numeric component is ('P' is 0 or 1); -1 for components that are no numbers. */
int64_t xd_picture_component(const xd_picture_calendar *calendar, char component);
XD_CHECKED xd_status xd_picture_no_names(char component, xd_fault *fault);

#endif
