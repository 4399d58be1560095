/* libFuzzer target for regular expressions. The input is a pattern, a newline and a subject. What
 * compiles must match within its limits, with spans inside the subject and on characters, and the
 * same from the second call. */
#include "base/regex.h"

#include "fuzz.h"

enum { SPANS = 8 };

static void check_spans(const xd_regex *regex, xd_str subject, const xd_regex_span *spans)
{
    for (uint32_t i = 0; i < SPANS; i++) {
        if (spans[i].start == SIZE_MAX) {
            REQUIRE(i > 0 && spans[i].end == SIZE_MAX);
            continue;
        }
        REQUIRE(i <= xd_regex_groups(regex));
        REQUIRE(spans[i].start <= spans[i].end && spans[i].end <= subject.len);
        xd_str part = {subject.ptr + spans[i].start, spans[i].end - spans[i].start};
        REQUIRE(xd_utf8_valid(part, NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_str input = {(const char *)data, size};
    const char *newline = size ? memchr(data, '\n', size) : NULL;
    if (!newline) {
        return 0;
    }
    xd_str pattern = {input.ptr, (size_t)(newline - input.ptr)};
    xd_str subject = {newline + 1, size - pattern.len - 1};
    xd_regex *regex = NULL;
    xd_fault fault = XD_FAULT_NONE;
    uint32_t flags = (uint32_t)(subject.len & 7);
    if (xd_regex_create(pattern, flags, &regex, &fault) != XD_OK) {
        REQUIRE(fault.rule[0] && fault.offset <= (int64_t)pattern.len);
        return 0;
    }
    size_t from = 0;
    for (int round = 0; round < 4; round++) {
        xd_regex_span spans[SPANS];
        xd_regex_span again[1];
        bool found = false;
        bool found_again = false;
        xd_status status = xd_regex_match(regex, subject, from, spans, SPANS, &found, &fault);
        REQUIRE(status == XD_OK || status == XD_LIMIT || (from == 0 && status == XD_INVALID));
        if (status != XD_OK || !found) {
            break;
        }
        check_spans(regex, subject, spans);
        REQUIRE(spans[0].start >= from);
        REQUIRE(xd_regex_match(regex, subject, from, again, 1, &found_again, &fault) == XD_OK);
        REQUIRE(found_again && again[0].end == spans[0].end);
        if (spans[0].end == spans[0].start) {
            break;
        }
        from = spans[0].end;
    }
    xd_regex_destroy(regex);
    return 0;
}
