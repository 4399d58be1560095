/* Regular expressions: read as ECMA-262 reads them, with places of errors, and no pattern or text
 * may hold a thread. */
#include "base/random.h"
#include "base/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static xd_regex *compiled(const char *pattern, uint32_t flags)
{
    xd_regex *regex = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_regex_create(xd_str_from(pattern), flags, &regex, &fault) != XD_OK) {
        fail_msg("/%s/: %s", pattern, fault.text);
    }
    return regex;
}

/* The first match as "whole|group 1|...", "-" for a group that took no part, "none" without one. */
static xd_str matched(const xd_regex *regex, xd_str subject, size_t from, char *text, size_t size)
{
    xd_regex_span spans[20];
    bool found;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_regex_match(regex, subject, from, spans, 20, &found, &fault) != XD_OK) {
        fail_msg("%s", fault.text);
    }
    if (!found) {
        return XD_STR("none");
    }
    size_t at = 0;
    for (uint32_t i = 0; i <= xd_regex_groups(regex); i++) {
        xd_str part = spans[i].start == SIZE_MAX
                          ? XD_STR("-")
                          : (xd_str){subject.ptr + spans[i].start, spans[i].end - spans[i].start};
        at += (size_t)snprintf(text + at, size - at, "%s%.*s", i ? "|" : "", XD_FMT(part));
    }
    return (xd_str){text, at};
}

typedef struct sample {
    const char *pattern;
    const char *subject;
    const char *expected;
    uint32_t flags;
} sample;

/* Expected values are those of RegExp(pattern, "u" + flags) in a browser. */
static const sample samples[] = {
    {"a(b)?(c)?", "xacx", "ac|-|c", 0},
    {"(?<year>[0-9]{4})-(?<m>\\d\\d)-\\k<year>", "2026-11-2026", "2026-11-2026|2026|11", 0},
    {"\\k<n>(?<n>a)", "a", "a|a", 0},
    {"(a)|b\\1c", "bc", "bc|-", 0},
    {"(a)|b\\1{1,2}c", "bc", "bc|-", 0},
    {"^abc$", "abc\n", "none", 0},
    {"^b$", "a\nb\nc", "b", XD_REGEX_MULTILINE},
    {"^b$",
     "a\xE2\x80\xA8"
     "b\rc",
     "b", XD_REGEX_MULTILINE},
    {"^b$", "a\nb\nc", "none", 0},
    {"a.c",
     "a\rc a\nc a\xE2\x80\xA9"
     "c abc",
     "abc", 0},
    {"a[^]c", "a\nc", "a\nc", 0},
    {"a[]|b", "ab", "b", 0},
    {"^\\s+$", "\t\v\f \xC2\xA0\xEF\xBB\xBF\xE2\x80\x83\n\r\xE3\x80\x80",
     "\t\v\f \xC2\xA0\xEF\xBB\xBF\xE2\x80\x83\n\r\xE3\x80\x80", 0},
    {"\\S+", " \xC2\xA0m\xC3\xA9\xE2\x80\x93x\xEF\xBB\xBF", "m\xC3\xA9\xE2\x80\x93x", 0},
    {"[^\\s]+", " \xC2\xA0m\xC3\xA9\xEF\xBB\xBF", "m\xC3\xA9", 0},
    {"[\\S]+", " \xC2\xA0m\xC3\xA9\xEF\xBB\xBF", "m\xC3\xA9", 0},
    {"\\w+",
     "\xC3\xA9"
     "ab_9",
     "ab_9", 0},
    {"\\W+", "ab\xC3\xA9-c", "\xC3\xA9-", 0},
    {"[\\W]+", "ab\xC3\xA9\xE2\x82\xAC-c", "\xC3\xA9\xE2\x82\xAC-", 0},
    {"\\d+",
     "\xDF\x80"
     "12",
     "12", 0},
    {"\\D+",
     "1\xDF\x80"
     "a2",
     "\xDF\x80"
     "a",
     0},
    {"[\\D]+",
     "1\xDF\x80"
     "/:a2",
     "\xDF\x80"
     "/:a",
     0},
    {"[a-\\d]+", "xa-5", "a-5", 0},
    {"[\\w-.]+", "!a-b.c!", "a-b.c", 0},
    {"[-a]+[a-]+", "-a-", "-a-", 0},
    {"[[:alpha:]]", "a:]", ":]", 0},
    {"[.*+?^${}()|[\\]\\\\/]+", "a.*+?^${}()|[]\\/b", ".*+?^${}()|[]\\/", 0},
    {"[\\b]\\x41\\u0042\\u{43}\\cJ\\0", "\bABC\n", "none", 0},
    {"[\\b]\\x41\\u0042\\u{43}\\cJ", "\bABC\n", "\bABC\n", 0},
    {"^\\ud83d\\ude00.$", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80",
     0},
    {"[\\ud83d\\ude00-\\u{1f610}]", "\xF0\x9F\x98\x85", "\xF0\x9F\x98\x85", 0},
    {"\\ud83d|x", "\xF0\x9F\x98\x80x", "x", 0},
    {"[^\\ud800-\\udfff]", "x", "x", 0},
    {"\xF0\x9F\x98\x80{2}", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80",
     0},
    {"\\p{L}+",
     "1\xC3\xA9"
     "a\xD0\x96",
     "\xC3\xA9"
     "a\xD0\x96",
     0},
    {"\\p{Letter}\\p{Lowercase_Letter}\\p{gc=Lu}", "ab\xC3\x89", "ab\xC3\x89", 0},
    {"[^\\P{Lu}]", "aB", "B", 0},
    {"\\p{digit}+", "a\xE0\xA7\xAA\xE0\xA7\xA8", "\xE0\xA7\xAA\xE0\xA7\xA8", 0},
    {"\\p{Script=Greek}+\\p{sc=Cyrl}", "a\xCE\xB1\xCE\xB2\xD0\x96", "\xCE\xB1\xCE\xB2\xD0\x96", 0},
    {"\\p{Alphabetic}\\p{Assigned}\\P{ASCII}", "a.\xC3\xA9", "a.\xC3\xA9", 0},
    {"\\p{Script_Extensions=Latin}", "1x", "x", 0},
    {"a{,5}", "a{,5}", "a{,5}", 0},
    {"x{a}", "x{a}", "x{a}", 0},
    {"]}", "]}", "]}", 0},
    {"a{2,3}?", "aaaa", "aa", 0},
    {"a{2,}", "aaaa", "aaaa", 0},
    {"a{0}b", "ab", "b", 0},
    {"\\/\\-\\.\\ \\\"", "/-. \"", "/-. \"", 0},
    {"#(?=a) b", "# b", "none", 0},
    {"(?=b)\\w*b", "a b", "b", 0},
    {"(?<=\\$)\\d+(?!\\d|%)", "$12% $34", "34", 0},
    {"(?<!\\$)\\b\\d+", "$12 34", "34", 0},
    {"\\Bb\\B", "b abc", "b", 0},
    {"\xC3\x89"
     "t\xC3\xA9",
     "\xC3\xA9T\xC3\x89", "\xC3\xA9T\xC3\x89", XD_REGEX_IGNORE_CASE},
    {"[A-C]+", "xabCd", "abC", XD_REGEX_IGNORE_CASE},
    {"(?:)", "abc", "", 0},
    {"", "", "", 0},
    {"a||b", "b", "", 0},
};

static void expressions_are_read_as_ecmascript_reads_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const sample *s = &samples[i];
        xd_regex *regex = compiled(s->pattern, s->flags);
        char text[512];
        xd_str got = matched(regex, xd_str_from(s->subject), 0, text, sizeof text);
        if (!xd_str_eq(got, xd_str_from(s->expected))) {
            fail_msg("/%s/ on \"%s\": %.*s, not %s", s->pattern, s->subject, XD_FMT(got),
                     s->expected);
        }
        xd_regex_destroy(regex);
    }
    xd_regex *zero = compiled("^\\0$", 0);
    bool found = false;
    assert_int_equal(xd_regex_match(zero, (xd_str){"\0", 1}, 0, NULL, 0, &found, NULL), XD_OK);
    assert_true(found);
    xd_regex_destroy(zero);
}

static void what_is_no_expression_is_refused_at_its_byte(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        int64_t offset;
    } bad[] = {
        {"*a", 0},
        {"a**", 2},
        {"a+*", 2},
        {"a++", 2},
        {"(?:+)", 3},
        {"a|?", 2},
        {"^*", 1},
        {"{1}", 0},
        {"a{2}{3}", 4},
        {"a{3,2}", 1},
        {"(a", 2},
        {"a)", 1},
        {"[a", 0},
        {"x[b-a]", 2},
        {"\\", 0},
        {"ab\\", 2},
        {"\\a", 0},
        {"a\\Z", 1},
        {"\\A", 0},
        {"\\Qa\\E", 0},
        {"\\K", 0},
        {"\\R", 0},
        {"\\C", 0},
        {"\\h", 0},
        {"\\G", 0},
        {"\\X", 0},
        {"\\1", 0},
        {"(a)\\2", 3},
        {"\\01", 0},
        {"[\\1]", 1},
        {"\\x4", 0},
        {"\\u12", 0},
        {"\\u{}", 0},
        {"\\u{110000}", 0},
        {"\\c1", 0},
        {"\\p", 0},
        {"\\p{L", 0},
        {"\\p{}", 0},
        {"\\p{Lx}", 0},
        {"a\\p{Foo=L}", 1},
        {"\\k<n>", 0},
        {"(?<n>a)\\k<m>", 7},
        {"(?<1>a)", 0},
        {"(?<n>a)(?<n>b)", 7},
        {"(?<n", 0},
        {"(?>a)", 0},
        {"(?i)a", 0},
        {"(?R)", 0},
        {"(?1)", 0},
        {"(?C1)", 0},
        {"(?#a)", 0},
        {"(?P<n>a)", 0},
        {"(?|a)", 0},
        {"(*UTF)a", 1},
        {"(*LIMIT_MATCH=1)", 1},
        {"a(?<=b*)", 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        xd_regex *regex = NULL;
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = xd_regex_create(xd_str_from(bad[i].pattern), 0, &regex, &fault);
        if (status != XD_INVALID || regex || strcmp(fault.rule, "regex.syntax") != 0 ||
            llabs(fault.offset - bad[i].offset) > (strstr(bad[i].pattern, "<=") ? 9 : 0)) {
            fail_msg("/%s/: %s at %lld, not %lld: %s", bad[i].pattern, xd_code_name(status),
                     (long long)fault.offset, (long long)bad[i].offset, fault.text);
        }
    }
    xd_regex *regex = NULL;
    assert_int_equal(xd_regex_create((xd_str){"a\xFF", 2}, 0, &regex, NULL), XD_INVALID);
}

/* The grammar of the flag u, without annex B: each as node's RegExp(pattern, "u") has it. */
static void what_only_browsers_allow_is_refused_when_strict(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        int64_t offset;
    } bad[] = {
        {"{", 0},         {"}", 0},        {"]", 0},
        {"a{", 1},        {"a}", 1},       {"a{}", 1},
        {"a{,5}", 1},     {"a{1", 1},      {"a{1,", 1},
        {"a{1,2", 1},     {"a{ 1}", 1},    {"a{-1}", 1},
        {"a{x}", 1},      {"a{1}}", 4},    {"a{1,2,3}", 1},
        {"{a}", 0},       {"^{a}$", 1},    {"(a|{b})", 3},
        {"[a]]", 3},      {"\\{a}", 3},    {"a\\{1}", 4},
        {"\\u{41}}", 6},  {"\\d{2}-}", 6}, {"\\-", 0},
        {"a\\ b", 1},     {"\\\"", 0},     {"\\@", 0},
        {"\\_", 0},       {"\\%", 0},      {"\\\xC3\xA9", 0},
        {"[\\@]", 1},     {"[\\w-.]", 1},  {"[a-\\d]", 1},
        {"[\\d-z]", 1},   {"(?=a)*", 5},   {"(?!a){2}", 5},
        {"(?<=a)?", 6},   {"(?<!a)+", 6},  {"\\p{Greek}", 0},
        {"a\\p{Xan}", 1}, {"\\p{lu}", 0},  {"\\P{gc=Cased}", 0},
        {"[\\s-a]", 1},   {"a-}", 2},      {"\\p{gc=Assigned}", 0},
    };
    static const char *const good[] = {
        "\\{",
        "\\}",
        "\\]",
        "[{}]",
        "[{]",
        "[^}]",
        "a{1}",
        "a{1,}?",
        "a{1,2}",
        "\\{{2}",
        "\\}{2}",
        "[}]{2}",
        "\\u{41}",
        "\\p{L}{2}",
        "\\/",
        "[\\-]",
        "[\\w-]",
        "[-\\w]",
        "[\\]\\}\\{]",
        "(?:(?=a))*",
        "((?=a)b)+",
        "(a)*",
        "\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/",
        "(?=a)(b)*(?:c)+",
        "(?<n>a)?",
        "(?:a)+",
        "\\p{Lu}\\p{LC}\\p{Letter}\\p{gc=digit}",
        "\\p{Alpha}\\P{White_Space}\\p{Any}",
        "\\p{Script=Greek}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        xd_regex *regex = NULL;
        xd_fault fault = XD_FAULT_NONE;
        xd_str pattern = xd_str_from(bad[i].pattern);
        xd_status status = xd_regex_create(pattern, XD_REGEX_STRICT, &regex, &fault);
        if (status != XD_INVALID || fault.offset != bad[i].offset) {
            fail_msg("/%s/: %s at %lld, not %lld: %s", bad[i].pattern, xd_code_name(status),
                     (long long)fault.offset, (long long)bad[i].offset, fault.text);
        }
        xd_regex_destroy(compiled(bad[i].pattern, 0));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        xd_regex_destroy(compiled(good[i], XD_REGEX_STRICT));
    }
    xd_regex *regex = NULL;
    assert_int_equal(xd_regex_create((xd_str){"\\\0", 2}, XD_REGEX_STRICT, &regex, NULL),
                     XD_INVALID);
}

static void a_search_goes_on_from_where_it_is_told(void **state)
{
    (void)state;
    xd_regex *word = compiled("\\b\\w+", 0);
    xd_str subject = XD_STR("one two");
    char text[32];
    assert_memory_equal(matched(word, subject, 1, text, sizeof text).ptr, "two", 3);
    bool found = true;
    xd_regex_span span;
    assert_int_equal(xd_regex_match(word, subject, 7, &span, 1, &found, NULL), XD_OK);
    assert_false(found);
    assert_int_equal(xd_regex_match(word, subject, 8, &span, 1, &found, NULL), XD_OK);
    assert_false(found);
    assert_int_equal(xd_regex_match(word, subject, 0, NULL, 0, &found, NULL), XD_OK);
    assert_true(found);
    xd_regex_destroy(word);
    xd_regex *groups = compiled("(o)(n)(x)?(e)", 0);
    xd_regex_span two[2];
    assert_int_equal(xd_regex_match(groups, subject, 0, two, 2, &found, NULL), XD_OK);
    assert_int_equal(two[1].end, 1);
    assert_int_equal(xd_regex_groups(groups), 4);
    assert_int_equal(xd_regex_match(groups, XD_STR("on\xC3"), 0, two, 2, &found, NULL), XD_INVALID);
    assert_int_equal(xd_regex_match(groups, XD_STR("\xC3\xA9one"), 1, two, 2, &found, NULL),
                     XD_INVALID);
    xd_regex_destroy(groups);
}

static void no_expression_holds_a_thread(void **state)
{
    (void)state;
    static const char *const traps[] = {
        "(a+)+$", "(a|a)*$",           "(a|aa)+$",           "a*a*a*a*a*b",
        "(.*)*x", "a{0,700}a{0,700}b", "(?:a?){50}a{50}b",   "(a?){100}a{100}b",
        "a*b",    "(?=(a+))a*b\\1",    "(?:(?:(?:a*)*)*)*b", "(x+x+)+y|(a+a+)+b",
    };
    size_t size = 1 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        xd_regex *regex = compiled(traps[i], 0);
        for (size_t length = 30; length <= size; length = length < 60 ? length * 2 : length * 26) {
            bool found;
            xd_fault fault = XD_FAULT_NONE;
            text[length - 1] = '!';
            xd_status status =
                xd_regex_match(regex, (xd_str){text, length}, 0, NULL, 0, &found, &fault);
            text[length - 1] = 'a';
            assert_true(status == XD_OK || status == XD_LIMIT);
            if (status == XD_LIMIT) {
                assert_string_equal(fault.rule, "regex.limit");
            }
        }
        xd_regex_destroy(regex);
    }
    xd_regex *honest = compiled("\"(?:[^\"\\\\]|\\\\.)*\"|\\d+(?:\\.\\d+)?|\\w+!$", 0);
    bool found;
    assert_int_equal(xd_regex_match(honest, (xd_str){text, size}, 0, NULL, 0, &found, NULL),
                     XD_LIMIT); /* \w+!$ is quadratic */
    xd_regex_destroy(honest);
    honest = compiled("^(?:[a-z]|[0-9]+)*$", 0);
    assert_int_equal(xd_regex_match(honest, (xd_str){text, 50000}, 0, NULL, 0, &found, NULL),
                     XD_OK);
    assert_true(found);
    xd_regex_destroy(honest);
    free(text);
}

static void compiling_is_bounded(void **state)
{
    (void)state;
    static const char *const large[] = {"((a{1000}){1000}){1000}", "((((a{99}){99}){99}){99}){99}",
                                        "a{65536}", "(?:\\p{L}{60000}){60000}"};
    xd_regex *regex = NULL;
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        xd_fault fault = XD_FAULT_NONE;
        assert_int_equal(xd_regex_create(xd_str_from(large[i]), 0, &regex, &fault), XD_LIMIT);
        assert_string_equal(fault.rule, "regex.limit");
    }
    static char deep[100001];
    memset(deep, '(', 50000);
    memset(deep + 50000, ')', 50000);
    assert_int_equal(xd_regex_create((xd_str){deep + 49800, 400}, 0, &regex, NULL), XD_OK);
    xd_regex_destroy(regex);
    regex = NULL;
    assert_int_equal(xd_regex_create((xd_str){deep + 49799, 402}, 0, &regex, NULL), XD_LIMIT);
    assert_int_equal(xd_regex_create((xd_str){deep, 100000}, 0, &regex, NULL), XD_LIMIT);
    assert_int_equal(xd_regex_create((xd_str){deep, 60000}, 0, &regex, NULL), XD_LIMIT);
    assert_null(regex);
}

/* Patterns put together at random from pieces: whatever compiles must match without a fault, with
 * spans that lie within the subject and on characters. */
static void random_expressions_give_sound_spans(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a",   "b",   "\xC3\xA9", ".",   "\\d",  "\\s", "\\W", "[^a]",   "[a-c]",      "(",
        ")",   "(?:", "(?=",      "(?!", "(?<=", "|",   "*",   "+",      "?",          "{1,2}",
        "{2}", "^",   "$",        "\\b", "\\1",  "\\2", "[^]", "\\p{L}", "\\u{1f600}", "-"};
    xd_random random = {.state = 0x5eed};
    uint32_t valid = 0;
    for (int round = 0; round < 20000; round++) {
        char pattern[128] = "";
        size_t n = 1 + xd_random_below(&random, 9);
        for (size_t i = 0; i < n; i++) {
            const char *piece = pieces[xd_random_below(&random, sizeof pieces / sizeof pieces[0])];
            memcpy(pattern + strlen(pattern), piece, strlen(piece) + 1);
        }
        xd_regex *regex = NULL;
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = xd_regex_create(xd_str_from(pattern), round & 7, &regex, &fault);
        if (status != XD_OK) {
            assert_int_equal(status, XD_INVALID);
            assert_in_range(fault.offset, 0, strlen(pattern));
            continue;
        }
        valid++;
        xd_str subject = XD_STR("ab\xC3\xA9\n \xF0\x9F\x98\x80"
                                "aab-b9");
        xd_regex_span spans[12];
        bool found;
        assert_int_equal(xd_regex_match(regex, subject, 0, spans, 12, &found, &fault), XD_OK);
        for (uint32_t i = 0; found && i <= xd_regex_groups(regex) && i < 12; i++) {
            if (spans[i].start != SIZE_MAX) {
                assert_true(spans[i].start <= spans[i].end && spans[i].end <= subject.len);
                assert_true(xd_utf8_valid(
                    (xd_str){subject.ptr + spans[i].start, spans[i].end - spans[i].start}, NULL));
            }
        }
        xd_regex_destroy(regex);
    }
    assert_true(valid > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_are_read_as_ecmascript_reads_them),
        cmocka_unit_test(what_is_no_expression_is_refused_at_its_byte),
        cmocka_unit_test(what_only_browsers_allow_is_refused_when_strict),
        cmocka_unit_test(a_search_goes_on_from_where_it_is_told),
        cmocka_unit_test(no_expression_holds_a_thread),
        cmocka_unit_test(compiling_is_bounded),
        cmocka_unit_test(random_expressions_give_sound_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
