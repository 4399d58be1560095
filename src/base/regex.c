/* Regular expressions over PCRE2. See regex.h.
 *
 * The translated pattern has a callout behind every quantifier of variable length and at every
 * alternative, which are the only places where a match can branch. The callout counts one step and
 * the bytes gone since the last one, over all starting positions of the search: so not only
 * exponential but also quadratic searches end at the limit. PCRE2's own limit would count every
 * starting position anew. */
#include "base/regex_int.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

enum {
    MAX_PATTERN_BYTES = 64 << 10,
    MAX_TRANSLATED_BYTES = 1 << 20,
    /* Compiling machine code for longer ones costs more than it saves. */
    JIT_PATTERN_BYTES = 8 << 10,
    MATCH_LIMIT = 5000000,
    HEAP_LIMIT_KIB = 64 << 10, /* bounds the depth too: PCRE2 recurses on the heap */
    LOCAL_BYTES = 1024
};
#define STEP_LIMIT UINT64_C(20000000)

struct xd_regex {
    pcre2_code *code; /* owns */
    uint32_t groups;
    bool jit; /* machine code was made; where it cannot be, the interpreter answers the same */
};

/* What one match needs, taken from the stack of its caller first. */
typedef struct scratch {
    size_t used;
    uint64_t steps;
    size_t start; /* of the attempt that the last callout was in */
    size_t position;
    _Alignas(16) char bytes[LOCAL_BYTES];
} scratch;

static void *scratch_alloc(size_t size, void *self)
{
    scratch *s = self;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded >= size && rounded <= sizeof s->bytes - s->used) {
        void *p = s->bytes + s->used;
        s->used += rounded;
        return p;
    }
    return malloc(size);
}

static void scratch_free(void *p, void *self)
{
    scratch *s = self;
    uintptr_t address = (uintptr_t)p;
    uintptr_t local = (uintptr_t)s->bytes;
    if (address < local || address >= local + sizeof s->bytes) {
        free(p);
    }
}

static int count_step(pcre2_callout_block *block, void *self)
{
    scratch *s = self;
    if (block->start_match != s->start) {
        s->start = s->position = block->start_match;
    }
    s->steps++;
    if (block->current_position > s->position) {
        s->steps += block->current_position - s->position;
    }
    s->position = block->current_position;
    return s->steps > STEP_LIMIT ? PCRE2_ERROR_CALLOUT : 0;
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "There is no memory for a regular expression.");
}

/* Says what PCRE2 found wrong, at the place of the pattern as it was written. */
static xd_status compile_failed(xd_str pattern, uint32_t flags, int error, size_t error_at,
                                xd_buf *out, xd_fault *fault)
{
    if (error == PCRE2_ERROR_HEAP_FAILED) {
        return no_memory(fault);
    }
    uint32_t groups;
    size_t at = 0;
    xd_buf_clear(out);
    XD_TRY(xd_regex_translate(pattern, flags, error_at, out, &groups, &at, fault));
    PCRE2_UCHAR message[160];
    pcre2_get_error_message(error, message, sizeof message);
    bool limit =
        error == PCRE2_ERROR_PATTERN_TOO_LARGE || error == PCRE2_ERROR_PATTERN_TOO_COMPLICATED;
    xd_status status =
        xd_fail(fault, limit ? XD_LIMIT : XD_INVALID, limit ? "regex.limit" : "regex.syntax",
                "The regular expression is refused near byte %zu: %s.", at, (const char *)message);
    xd_fault_at(fault, (int64_t)at, NULL);
    return status;
}

static bool has_look_ahead(xd_str pattern)
{
    for (; pattern.len >= 3; pattern.ptr++, pattern.len--) {
        if (xd_str_starts(pattern, XD_STR("(?="))) {
            return true;
        }
    }
    return false;
}

static xd_status compile(xd_str pattern, uint32_t flags, xd_buf *out, xd_regex *regex,
                         xd_fault *fault)
{
    size_t ignored;
    XD_TRY(xd_regex_translate(pattern, flags, 0, out, &regex->groups, &ignored, fault));
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) {
        return no_memory(fault);
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY |
                       PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    if (flags & XD_REGEX_IGNORE_CASE) {
        options |= PCRE2_CASELESS;
    }
    /* A look-ahead's first character is wrongly taken for another one than the last of the match,
     * so that of (?=b)\w*b only subjects with two of them are searched. */
    if (has_look_ahead(pattern)) {
        options |= PCRE2_NO_START_OPTIMIZE;
    }
    int error = 0;
    size_t error_at = 0;
    regex->code = pcre2_compile((PCRE2_SPTR)(out->len ? out->ptr : ""), out->len, options, &error,
                                &error_at, context);
    pcre2_compile_context_free(context);
    if (!regex->code) {
        return compile_failed(pattern, flags, error, error_at, out, fault);
    }
    regex->jit =
        pattern.len <= JIT_PATTERN_BYTES && pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
    return XD_OK;
}

xd_status xd_regex_create(xd_str pattern, uint32_t flags, xd_regex **ret, xd_fault *fault)
{
    size_t bad;
    if (pattern.len > MAX_PATTERN_BYTES) {
        return xd_fail(fault, XD_LIMIT, "regex.limit",
                       "The regular expression has %zu bytes; at most %d are read.", pattern.len,
                       MAX_PATTERN_BYTES);
    }
    if (!xd_utf8_valid(pattern, &bad)) {
        xd_status status = xd_fail(fault, XD_INVALID, "regex.syntax",
                                   "The regular expression is not UTF-8 at byte %zu.", bad);
        xd_fault_at(fault, (int64_t)bad, NULL);
        return status;
    }
    xd_regex *regex = calloc(1, sizeof *regex);
    if (!regex) {
        return no_memory(fault);
    }
    xd_buf out;
    xd_buf_init(&out, MAX_TRANSLATED_BYTES);
    xd_status status = compile(pattern, flags, &out, regex, fault);
    xd_buf_finish(&out);
    if (status != XD_OK) {
        xd_regex_destroy(regex);
        return status;
    }
    *ret = regex;
    return XD_OK;
}

void xd_regex_destroy(xd_regex *regex)
{
    if (regex) {
        pcre2_code_free(regex->code);
        free(regex);
    }
}

uint32_t xd_regex_groups(const xd_regex *regex)
{
    return regex->groups;
}

/* Matches by machine code where there is some; when that needs more than the small stack it is
 * given, by the interpreter, whose memory is on the heap and limited. */
static int run(const xd_regex *regex, xd_str subject, size_t from, pcre2_match_data *data,
               pcre2_match_context *context, scratch *s)
{
    s->steps = 0;
    s->start = SIZE_MAX;
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.len ? subject.ptr : "");
    int found =
        pcre2_match(regex->code, text, subject.len, from, PCRE2_NO_UTF_CHECK, data, context);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
        s->start = SIZE_MAX;
        found = pcre2_match(regex->code, text, subject.len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                            data, context);
    }
    return found;
}

static xd_status check_subject(xd_str subject, size_t from, xd_fault *fault)
{
    size_t bad = from;
    if (from == 0 ? !xd_utf8_valid(subject, &bad)
                  : from < subject.len && ((unsigned char)subject.ptr[from] & 0xC0) == 0x80) {
        xd_status status = xd_fail(fault, XD_INVALID, "regex.subject",
                                   "The text to search is not UTF-8 at byte %zu.", bad);
        xd_fault_at(fault, (int64_t)bad, NULL);
        return status;
    }
    return XD_OK;
}

static void fill_spans(pcre2_match_data *data, uint32_t pairs, xd_regex_span *spans,
                       uint32_t span_count)
{
    const size_t *ends = pcre2_get_ovector_pointer(data);
    for (uint32_t i = 0; i < span_count; i++) {
        spans[i] = i < pairs ? (xd_regex_span){ends[2 * i], ends[2 * i + 1]}
                             : (xd_regex_span){SIZE_MAX, SIZE_MAX};
    }
}

/* As xd_regex_match; *ret_steps is what it took, also when the limit was met. */
static xd_status match_counted(const xd_regex *regex, xd_str subject, size_t from,
                               xd_regex_span *spans, uint32_t span_count, bool *ret_found,
                               uint64_t *ret_steps, xd_fault *fault)
{
    if (from > subject.len) {
        *ret_found = false;
        return XD_OK;
    }
    XD_TRY(check_subject(subject, from, fault));
    scratch s;
    s.used = 0;
    uint32_t pairs = span_count <= regex->groups ? span_count : regex->groups + 1;
    pairs = pairs ? pairs : 1;
    pcre2_general_context *memory = pcre2_general_context_create(scratch_alloc, scratch_free, &s);
    pcre2_match_context *context = memory ? pcre2_match_context_create(memory) : NULL;
    pcre2_match_data *data = context ? pcre2_match_data_create(pairs, memory) : NULL;
    int found = PCRE2_ERROR_NOMEMORY;
    if (data) {
        pcre2_set_match_limit(context, MATCH_LIMIT);
        pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
        pcre2_set_callout(context, count_step, &s);
        found = run(regex, subject, from, data, context, &s);
    }
    xd_status status = XD_OK;
    if (found >= 0) {
        fill_spans(data, found ? (uint32_t)found : pairs, spans, span_count);
        *ret_found = true;
    } else if (found == PCRE2_ERROR_NOMATCH) {
        *ret_found = false;
    } else if (found == PCRE2_ERROR_NOMEMORY) {
        status = no_memory(fault);
    } else if (found == PCRE2_ERROR_CALLOUT || found == PCRE2_ERROR_MATCHLIMIT ||
               found == PCRE2_ERROR_HEAPLIMIT) {
        status = xd_fail(fault, XD_LIMIT, "regex.limit",
                         "The regular expression takes too many steps on a text of %zu bytes; "
                         "make it simpler or the text shorter.",
                         subject.len);
    } else {
        status = xd_fail(fault, XD_INTERNAL, "regex.match", "PCRE2 failed with error %d.", found);
    }
    *ret_steps = data ? s.steps : 0;
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_general_context_free(memory);
    return status;
}

xd_status xd_regex_match(const xd_regex *regex, xd_str subject, size_t from, xd_regex_span *spans,
                         uint32_t span_count, bool *ret_found, xd_fault *fault)
{
    uint64_t steps;
    return match_counted(regex, subject, from, spans, span_count, ret_found, &steps, fault);
}

xd_status xd_regex_test(const xd_regex *regex, xd_str subject, uint64_t *steps, bool *ret_found,
                        xd_fault *fault)
{
    uint64_t taken = 0;
    xd_status status = match_counted(regex, subject, 0, NULL, 0, ret_found, &taken, fault);
    *steps += taken;
    return status;
}
