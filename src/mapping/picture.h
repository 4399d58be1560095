/* Pictures: how JSONata's $formatNumber, $formatBase, $formatInteger, $parseInteger, $fromMillis
 * and $toMillis write and read numbers and instants (XPath and XQuery Functions 3.1,
 * sections 4.6, 4.7 and 9.8). Exact decimals throughout. Pure. */
#ifndef XD_MAPPING_PICTURE_H
#define XD_MAPPING_PICTURE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/time.h"

/* All texts returned live in arena. Faults: XD_INVALID with the specified error code as rule
 * (D3080, D3130, D3133, ...), XD_NO_MEMORY. */

/* number: as JSON writes it, of up to 480 digits.
 * options: an object of decimal-format properties ("decimal-separator", ...), or NULL. */
XD_CHECKED xd_status xd_picture_format_number(xd_str number, xd_str picture, const xd_json *options,
                                              xd_arena *arena, xd_str *ret, xd_fault *fault);
/* number is whole; radix 2..36. */
XD_CHECKED xd_status xd_picture_format_base(xd_str number, int radix, xd_arena *arena, xd_str *ret,
                                            xd_fault *fault);
XD_CHECKED xd_status xd_picture_format_integer(xd_str number, xd_str picture, xd_arena *arena,
                                               xd_str *ret, xd_fault *fault);
/* *ret: the integer as JSON writes it, in arena. */
XD_CHECKED xd_status xd_picture_parse_integer(xd_str text, xd_str picture, xd_arena *arena,
                                              xd_str *ret, xd_fault *fault);
/* millis since 1970; picture empty: ISO 8601 with milliseconds; timezone empty: UTC, else "+0530".
 */
XD_CHECKED xd_status xd_picture_from_millis(int64_t millis, xd_str picture, xd_str timezone,
                                            xd_arena *arena, xd_str *ret, xd_fault *fault);
/* picture empty: ISO 8601. now_millis fills what the picture leaves out, as the reference does.
 * *ret_found = false when text does not fit the picture (the function then yields undefined). */
XD_CHECKED xd_status xd_picture_to_millis(xd_str text, xd_str picture, int64_t now_millis,
                                          int64_t *ret_millis, bool *ret_found, xd_fault *fault);

#endif
