/* What domain names in all scripts ask of a code point (RFC 5892, RFC 5893). Private to src/schema.
 * Owns nothing; pure. */
#ifndef XD_SCHEMA_UNICODE_H
#define XD_SCHEMA_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum xd_unicode_direction {
    XD_UNICODE_LEFT_TO_RIGHT,
    XD_UNICODE_RIGHT_TO_LEFT,
    XD_UNICODE_ARABIC_NUMBER,
    XD_UNICODE_EUROPEAN_NUMBER,
    XD_UNICODE_NOT_SPACING,
    XD_UNICODE_NEUTRAL
} xd_unicode_direction;

/* PVALID: may stand in a label wherever it likes. */
bool xd_unicode_is_allowed(uint32_t c);
bool xd_unicode_is_mark(uint32_t c);
bool xd_unicode_is_virama(uint32_t c);
xd_unicode_direction xd_unicode_direction_of(uint32_t c);

#endif
