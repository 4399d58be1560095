/* Shared by regex.c and regex_translate.c only. */
#ifndef XD_BASE_REGEX_INT_H
#define XD_BASE_REGEX_INT_H

#include "base/buf.h"
#include "base/regex.h"

/* Appends to out the pattern as PCRE2 shall read it; pattern is well-formed UTF-8. *ret_stop_in is
 * the byte of pattern that byte stop_out of the output came from. Faults: XD_INVALID (rule
 * "regex.syntax", with offset), XD_LIMIT, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_regex_translate(xd_str pattern, uint32_t flags, size_t stop_out,
                                        xd_buf *out, uint32_t *ret_groups, size_t *ret_stop_in,
                                        xd_fault *fault);

#endif
