/* A compiled fixed-width layout and the numbers of its fields. Private to src/format. */
#ifndef XD_FORMAT_FIXED_INT_H
#define XD_FORMAT_FIXED_INT_H

#include "base/decimal.h"
#include "format/encoding_int.h"
#include "format/fixed.h"
#include "format/value_int.h"

typedef enum xd_fixed_kind {
    XD_FIXED_TEXT,   /* characters that value reads and writes */
    XD_FIXED_DIGITS, /* digit characters with an implied point, perhaps with an overpunched sign */
    XD_FIXED_PACKED, /* COMP-3: two digits a byte, the last half byte is the sign */
    XD_FIXED_BINARY  /* COMP: big-endian two's complement */
} xd_fixed_kind;

typedef enum xd_fixed_sign {
    XD_SIGN_LEADING,
    XD_SIGN_TRAILING,
    XD_SIGN_OVERPUNCH, /* in the last digit */
    XD_SIGN_OVERPUNCH_LEADING,
    XD_SIGN_NONE
} xd_fixed_sign;

typedef struct xd_fixed_field {
    xd_str name;            /* empty: filler */
    uint32_t start, length; /* bytes, start from 0 */
    xd_fixed_kind kind;
    xd_fixed_sign sign;
    int32_t decimals;
    char pad;
    bool right; /* justified */
    xd_value_spec value;
} xd_fixed_field;

typedef struct xd_fixed_record {
    xd_str name; /* empty in a layout of one kind of record */
    uint32_t when_start, when_length;
    xd_str when;     /* bytes in the file's encoding; empty: every record that no other takes */
    uint32_t length; /* bytes that the fields cover */
    xd_fixed_field *fields;
    uint32_t field_count;
} xd_fixed_record;

typedef enum xd_fixed_framing { XD_FIXED_LINES, XD_FIXED_BLOCKS, XD_FIXED_RDW } xd_fixed_framing;

struct xd_fixed_layout {
    xd_arena arena; /* owns everything below */
    xd_encoding encoding;
    xd_fixed_framing framing;
    uint32_t record_bytes; /* of blocks */
    uint32_t max_record_bytes;
    bool short_lines; /* bytes that are missing at the end are blanks */
    const char *line_end;
    xd_str record_member; /* where a record's name goes */
    xd_fixed_record *records;
    uint32_t record_count;
    char blank; /* in the encoding */
};

/* The number in a field that is not text, as a lexeme in arena. DIGITS are given as UTF-8, the
 * others as they stand in the file. Faults: XD_INVALID, rule "value.*"; XD_NO_MEMORY. */
XD_CHECKED xd_status xd_fixed_number_read(const xd_fixed_field *field, xd_str bytes,
                                          xd_arena *arena, xd_json *ret, xd_fault *fault);
/* The bytes of a number, field->length of them, to ret_bytes: DIGITS as ASCII characters. Faults:
 * XD_INVALID when it is no number, needs rounding or more places. */
XD_CHECKED xd_status xd_fixed_number_write(const xd_fixed_field *field, const xd_json *value,
                                           char *ret_bytes, xd_fault *fault);

#endif
