/* Field tables: what a canonical document may hold. One table per record is at once the validator,
 * the JSON Schema and the reference page; rules between fields are one small function per record.
 * The rows live in one file per kind. Pure. */
#ifndef XD_CANON_FIELD_H
#define XD_CANON_FIELD_H

#include "base/decimal.h"
#include "base/time.h"
#include "canon/kind.h"

typedef enum xd_field_type {
    XD_FIELD_CODE,      /* identifier: no control characters, no spaces around it */
    XD_FIELD_TEXT,      /* words for people; tabs and line ends are the only control characters */
    XD_FIELD_CHOICE,    /* one of a list of words */
    XD_FIELD_CURRENCY,  /* ISO 4217 code; all of a document agree */
    XD_FIELD_DATE,      /* YYYY-MM-DD */
    XD_FIELD_INSTANT,   /* RFC 3339 date-time */
    XD_FIELD_INTEGER,   /* JSON number without fraction or exponent */
    XD_FIELD_DECIMAL,   /* exact decimal as JSON string or number */
    XD_FIELD_RECORD,    /* object with a table of its own */
    XD_FIELD_LIST,      /* array of such objects */
    XD_FIELD_CODES,     /* array of identifiers */
    XD_FIELD_EXTENSIONS /* object of any members: what the canonical model does not standardise */
} xd_field_type;

enum {
    XD_REQUIRED = 1, /* absent and null are refused; otherwise null means absent */
    XD_POSITIVE = 2, /* DECIMAL: above zero */
    XD_SIGNED = 4,   /* DECIMAL: may be negative; without it and XD_POSITIVE, zero or above */
    XD_UNIQUE = 8    /* INTEGER: no two items of the list have the same */
};

enum {
    XD_RECORD_MAX_FIELDS = 24,
    XD_CODE_MAX_BYTES = 64,
    XD_LINE_MAX = 999999,   /* largest line number */
    XD_LINES_MAX = 10000,   /* most lines of a document */
    XD_LOTS_MAX = 1000,     /* most lots or charges of one owner */
    XD_QUANTITY_DIGITS = 6, /* most fraction digits */
    XD_PRICE_DIGITS = 8,
    XD_AMOUNT_DIGITS = 6
};
#define XD_QUANTITY_MAX INT64_C(1000000000000) /* quantities and prices beyond 10^12 are absurd */
#define XD_AMOUNT_MAX INT64_C(1000000000000000)

typedef struct xd_record xd_record;

struct xd_field {
    const char *name;
    uint8_t name_len;
    uint8_t type; /* xd_field_type */
    uint8_t flags;
    uint8_t digits;           /* DECIMAL: most fraction digits */
    int64_t min;              /* bytes of a text, value of an INTEGER, items of an array */
    int64_t max;              /* as min; DECIMAL: largest magnitude */
    const xd_record *record;  /* RECORD, LIST */
    const char *const *words; /* CHOICE: ends with NULL */
    const char *about;        /* for people */
};

/* Sum over the items of a list, formed by the items' own checks. */
typedef struct xd_sum {
    xd_decimal total;
    uint32_t parts; /* items that took part */
} xd_sum;

/* One member of a record under validation; json is NULL when absent or null. */
typedef struct xd_value {
    const xd_json *json;
    union {
        int64_t integer;    /* INTEGER; CHOICE: index into words */
        xd_decimal decimal; /* DECIMAL */
        xd_date date;
        xd_instant instant;
        xd_sum sum; /* LIST */
    };
} xd_value;

/* What a check sees of its record. */
typedef struct xd_values {
    const xd_record *record;
    const xd_value *value; /* by position in record->fields */
    const struct xd_place *place;
    xd_fault *fault;
} xd_values;

struct xd_record {
    const xd_field *fields;
    uint32_t count;
    /* Rules between the fields, each of which is already valid; may be NULL. sum is that of the
     * list the record is an item of, NULL when it is none. */
    xd_status (*check)(const xd_values *values, xd_sum *sum);
    const char *const *rules; /* the same in sentences, ends with NULL; NULL when there are none */
};

static inline bool xd_given(const xd_values *values, uint32_t field)
{
    return values->value[field].json != NULL;
}

/* A fault of the given field: rule is "<field>.<rule>", place and offset are the field's. */
xd_status xd_field_fail(const xd_values *values, uint32_t field, const char *rule,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Adds a part to the list's sum. */
xd_status xd_sum_add(const xd_values *values, uint32_t field, xd_sum *sum);

/* --- rows --- */
#define XD_FIELD(name_, type_, flags_, about_, ...)                                                \
    {                                                                                              \
        .name = (name_), .name_len = sizeof(name_) - 1, .type = (type_), .flags = (flags_),        \
        .about = (about_), __VA_ARGS__                                                             \
    }
#define XD_F_CODE(name, flags, about)                                                              \
    XD_FIELD(name, XD_FIELD_CODE, flags, about, .min = 1, .max = XD_CODE_MAX_BYTES)
#define XD_F_TEXT(name, flags, max_bytes, about)                                                   \
    XD_FIELD(name, XD_FIELD_TEXT, flags, about, .min = (flags)&XD_REQUIRED, .max = (max_bytes))
#define XD_F_CHOICE(name, flags, words_, about)                                                    \
    XD_FIELD(name, XD_FIELD_CHOICE, flags, about, .words = (words_))
#define XD_F_CURRENCY(name, flags, about)                                                          \
    XD_FIELD(name, XD_FIELD_CURRENCY, flags, about, .min = 3, .max = 3)
#define XD_F_DATE(name, flags, about) XD_FIELD(name, XD_FIELD_DATE, flags, about, .max = 0)
#define XD_F_INSTANT(name, flags, about) XD_FIELD(name, XD_FIELD_INSTANT, flags, about, .max = 0)
#define XD_F_INTEGER(name, flags, min_, max_, about)                                               \
    XD_FIELD(name, XD_FIELD_INTEGER, flags, about, .min = (min_), .max = (max_))
#define XD_F_LINE(name, flags, about) XD_F_INTEGER(name, flags, 1, XD_LINE_MAX, about)
#define XD_F_DECIMAL(name, flags, digits_, max_, about)                                            \
    XD_FIELD(name, XD_FIELD_DECIMAL, flags, about, .digits = (digits_), .max = (max_))
#define XD_F_QUANTITY(name, flags, about)                                                          \
    XD_F_DECIMAL(name, flags, XD_QUANTITY_DIGITS, XD_QUANTITY_MAX, about)
#define XD_F_PRICE(name, flags, about)                                                             \
    XD_F_DECIMAL(name, flags, XD_PRICE_DIGITS, XD_QUANTITY_MAX, about)
#define XD_F_AMOUNT(name, flags, about)                                                            \
    XD_F_DECIMAL(name, flags, XD_AMOUNT_DIGITS, XD_AMOUNT_MAX, about)
#define XD_F_PERCENT(name, flags, about) XD_F_DECIMAL(name, flags, 6, 1000, about)
#define XD_F_RECORD(name, flags, record_, about)                                                   \
    XD_FIELD(name, XD_FIELD_RECORD, flags, about, .record = &(record_))
#define XD_F_LIST(name, flags, min_, max_, record_, about)                                         \
    XD_FIELD(name, XD_FIELD_LIST, flags, about, .min = (min_), .max = (max_), .record = &(record_))
#define XD_F_CODES(name, flags, max_, about)                                                       \
    XD_FIELD(name, XD_FIELD_CODES, flags, about, .min = 0, .max = (max_))
#define XD_F_EXTENSIONS                                                                            \
    XD_FIELD("extensions", XD_FIELD_EXTENSIONS, 0, "members of the sender's own, kept as given",   \
             .max = 0)

#define XD_RECORD(fields_, check_, rules_)                                                         \
    {                                                                                              \
        .fields = (fields_), .count = sizeof(fields_) / sizeof *(fields_), .check = (check_),      \
        .rules = (rules_)                                                                          \
    }
/* The row a kind points to: the document itself, as a record without a name. */
#define XD_DOCUMENT(record_) XD_FIELD("", XD_FIELD_RECORD, XD_REQUIRED, "", .record = &(record_))

#endif
