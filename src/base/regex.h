/* Regular expressions: PCRE2 in UTF-8 mode, read as ECMA-262 reads them, with limits on size, steps
 * and memory so that no pattern or subject can hold a thread. Pure.
 *
 * The grammar is that of the flag u, with annex B's leave for what is harmless (a lone brace, an
 * escaped punctuation mark) and names of properties as PCRE2 knows them, unless it is asked for
 * strictly; nothing else of PCRE2's own language gets through. Known differences from ECMA-262: a
 * repeated group keeps what its parts captured in earlier rounds; each alternative of a look-behind
 * must have a fixed length; quantifiers end at 65535; scripts are named in any case;
 * Changes_When_NFKC_Casefolded is not known. */
#ifndef XD_BASE_REGEX_H
#define XD_BASE_REGEX_H

#include "base/status.h"
#include "base/str.h"

typedef struct xd_regex xd_regex; /* immutable once created; any number of threads may match */

enum {
    XD_REGEX_IGNORE_CASE = 1,
    XD_REGEX_MULTILINE = 2,
    XD_REGEX_STRICT = 4 /* what the flag u refuses is refused: a lone {, \- outside a class */
};

typedef struct xd_regex_span {
    size_t start, end; /* bytes of the subject; both SIZE_MAX for a group that took no part */
} xd_regex_span;

/* Compiles. Faults: XD_INVALID with offset into pattern (rule "regex.syntax"), XD_LIMIT,
 * XD_NO_MEMORY. */
XD_CHECKED xd_status xd_regex_create(xd_str pattern, uint32_t flags, xd_regex **ret,
                                     xd_fault *fault);
/* Accepts NULL. */
void xd_regex_destroy(xd_regex *regex);
/* Capturing groups of the pattern, without the whole match. */
uint32_t xd_regex_groups(const xd_regex *regex);
/* First match at or after byte from. spans[0] is the whole match; at most span_count are filled
 * (none is needed to only ask). Faults: XD_LIMIT (rule "regex.limit") when matching takes more
 * steps or memory than allowed, XD_INVALID when subject is not UTF-8. Only a search from 0 checks
 * the subject: one from a later byte relies on that, so that going through all matches of a text
 * takes linear time. */
XD_CHECKED xd_status xd_regex_match(const xd_regex *regex, xd_str subject, size_t from,
                                    xd_regex_span *spans, uint32_t span_count, bool *ret_found,
                                    xd_fault *fault);
/* Whether there is a match. Adds the steps it took to *steps, so that a caller who asks for many
 * texts can bound them together. Faults as above. */
XD_CHECKED xd_status xd_regex_test(const xd_regex *regex, xd_str subject, uint64_t *steps,
                                   bool *ret_found, xd_fault *fault);

#endif
