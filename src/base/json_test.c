/* Tests of the JSON reader, writers and canonical form. */
#include "base/json_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 28 };

/* --- helpers --- */

static xd_json_limits limits_of_depth(uint32_t depth)
{
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.max_depth = depth;
    return limits;
}

/* Parses text from a heap block of exactly its size, so that a sanitizer sees any read beyond it.
 */
static const xd_json *parse(xd_arena *arena, xd_str text)
{
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *root = NULL;
    xd_status status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &root, &fault);
    if (status != XD_OK) {
        print_error("%.*s: %s at %d\n", XD_FMT(text), fault.text, (int)fault.offset);
    }
    assert_int_equal(status, XD_OK);
    return root;
}

static void assert_text(xd_str got, const char *expected)
{
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.len ? got.ptr : "", expected, got.len);
}

static void assert_same(const xd_buf *a, const xd_buf *b)
{
    if (!xd_str_eq(xd_buf_str(a), xd_buf_str(b))) {
        fail_msg("%.*s differs from %.*s", XD_FMT(xd_buf_str(a)), XD_FMT(xd_buf_str(b)));
    }
}

static void canonical_of(xd_buf *buf, xd_str text)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_fault fault = XD_FAULT_NONE;
    xd_buf_clear(buf);
    xd_status status = xd_json_canonical(buf, parse(&arena, text), &arena, &fault);
    assert_int_equal(status, XD_OK);
    xd_arena_finish(&arena);
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static uint32_t below(uint64_t *state, uint32_t n)
{
    return next_random(state) % n;
}

/* --- reading --- */

static void test_tree_keeps_lexemes_order_and_positions(void **state)
{
    (void)state;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_str text = XD_STR(" {\"b\" : 1.50 , \"a\":[true,false,null,\"x\\u00e9\\n\"],\"e\":{ },"
                         "\"line\":-7, \"ok\":true} ");
    const xd_json *root = parse(&arena, text);
    assert_int_equal(root->type, XD_JSON_OBJECT);
    assert_int_equal(root->count, 5);
    assert_text(root->members[0].name, "b");
    assert_text(root->members[0].value.text, "1.50");
    assert_ptr_equal(root->members[0].value.text.ptr, text.ptr + 8);
    const xd_json *a = XD_GET(root, "a");
    assert_int_equal(a->count, 4);
    assert_int_equal(a->items[0].type, XD_JSON_TRUE);
    assert_int_equal(a->items[1].type, XD_JSON_FALSE);
    assert_int_equal(a->items[2].type, XD_JSON_NULL);
    assert_text(a->items[3].text, "x\xc3\xa9\n");
    assert_text(xd_json_source(a, text), "[true,false,null,\"x\\u00e9\\n\"]");
    assert_text(xd_json_source(&a->items[3], text), "\"x\\u00e9\\n\"");
    assert_text(xd_json_source(XD_GET(root, "e"), text), "{ }");
    assert_int_equal(XD_GET(root, "e")->count, 0);
    assert_int_equal(root->offset, 1);
    assert_int_equal(root->length, text.len - 2);

    assert_int_equal(XD_INT(root, "line", 5), -7);
    assert_int_equal(XD_INT(root, "b", 5), 5);
    assert_int_equal(XD_INT(root, "absent", 5), 5);
    assert_text(XD_TEXT(root, "b"), "1.50");
    assert_null(XD_TEXT(root, "a").ptr);
    assert_true(xd_json_get_bool(root, XD_STR("ok")));
    assert_false(xd_json_get_bool(root, XD_STR("line")));
    assert_null(XD_GET(NULL, "x"));
    assert_null(XD_GET(a, "x"));
    assert_string_equal(xd_json_type_name(XD_JSON_OBJECT), "object");
    assert_string_equal(xd_json_type_name(99), "unknown");
    xd_arena_finish(&arena);
}

static void test_refusals_name_rule_place_and_path(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *rule;
        int offset;
        const char *path;
    } cases[] = {
        {"", "json.value", 0, ""},
        {" \n", "json.value", 2, ""},
        {"\xef\xbb\xbf{}", "json.bom", 0, ""},
        {"[1,2", "json.comma", 4, ""},
        {"[1,]", "json.value", 3, "/1"},
        {"[,1]", "json.value", 1, "/0"},
        {"[1 2]", "json.comma", 3, ""},
        {"[1}", "json.comma", 2, ""},
        {"[1],", "json.end", 3, ""},
        {"{} {}", "json.end", 3, ""},
        {"{\"a\":{\"b\":[0,{\"c/~\":tru}]}}", "json.literal", 23, "/a/b/1/c~1~0"},
        {"{\"a\" 1}", "json.colon", 5, "/a"},
        {"{\"a\":1,}", "json.name", 7, ""},
        {"{\"q\":{a:1}}", "json.name", 6, "/q"},
        {"{\"q\":{\"\x01\":1}}", "json.control", 7, "/q"},
        {"[0,\"abc", "json.string", 7, "/1"},
        {"[\"a\nb\"]", "json.control", 3, "/0"},
        {"[\"ab\\x\"]", "json.escape", 5, "/0"},
        {"[\"\\u12G4\"]", "json.escape", 6, "/0"},
        {"[\"\\u12", "json.escape", 6, "/0"},
        {"[\"\\ud800\"]", "json.surrogate", 2, "/0"},
        {"[\"\\udc00\\ud800\"]", "json.surrogate", 2, "/0"},
        {"[\"\\ud800\\u0041\"]", "json.surrogate", 2, "/0"},
        {"[\"\\ud800\\u00G1\"]", "json.escape", 12, "/0"},
        {"[\"ok\xc3(\"]", "json.utf8", 4, "/0"},
        {"[\"\xed\xa0\x80\"]", "json.utf8", 2, "/0"},
        {"[01]", "json.number", 2, "/0"},
        {"[-]", "json.number", 2, "/0"},
        {"[1.]", "json.number", 3, "/0"},
        {"[1e+]", "json.number", 4, "/0"},
        {"[+1]", "json.value", 1, "/0"},
        {"nul", "json.literal", 3, ""},
        {"{\"a\":1,\"b\":2,\"a\":3}", "json.duplicate", 13, ""},
        {"{\"x\":[{\"a\":1 , \"\\u0061\":3}]}", "json.duplicate", 15, "/x/0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        xd_arena arena;
        xd_arena_init(&arena, ARENA_BYTES);
        const xd_json *untouched = (const xd_json *)(const void *)cases;
        const xd_json *root = untouched;
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = xd_json_parse(xd_str_from(cases[i].text), XD_JSON_LIMITS_DEFAULT, &arena,
                                         &root, &fault);
        if (status != XD_INVALID || strcmp(fault.rule, cases[i].rule) != 0 ||
            fault.offset != cases[i].offset || strcmp(fault.path, cases[i].path) != 0) {
            fail_msg("%s gave %s %s at %d path '%s': %s", cases[i].text, xd_code_name(status),
                     fault.rule, (int)fault.offset, fault.path, fault.text);
        }
        assert_ptr_equal(root, untouched);
        assert_true(fault.line > 0 && fault.column > 0);
        xd_arena_finish(&arena);
    }
}

static void test_every_prefix_of_a_document_is_refused_where_it_ends(void **state)
{
    (void)state;
    const char text[] =
        "{\"a\":[1,-2.5e+3,\"x\\u00e9\\ud83d\\ude00\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
        "\\n\",true,false,null,{}],\"long name of a member\":{\"c\":[ ]}}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        xd_arena arena;
        xd_arena_init(&arena, ARENA_BYTES);
        const xd_json *root;
        xd_fault fault = XD_FAULT_NONE;
        char *exact = realloc(copy, n ? n : 1);
        assert_non_null(exact);
        assert_int_equal(
            xd_json_parse((xd_str){exact, n}, XD_JSON_LIMITS_DEFAULT, &arena, &root, &fault),
            XD_INVALID);
        bool cut_character =
            strcmp(fault.rule, "json.utf8") == 0 || strcmp(fault.rule, "json.surrogate") == 0;
        assert_true(cut_character ? fault.offset < (int64_t)n : fault.offset == (int64_t)n);
        free(exact);
        xd_arena_finish(&arena);
    }
}

/* Whether "..." with these bytes inside is accepted; it must then read as the same bytes. */
static bool accepts_string(const char *bytes, size_t n)
{
    char text[64];
    memcpy(text + 1, bytes, n);
    text[0] = text[n + 1] = '"';
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *root;
    bool accepted =
        xd_json_parse((xd_str){text, n + 2}, XD_JSON_LIMITS_DEFAULT, &arena, &root, NULL) == XD_OK;
    assert_true(!accepted || xd_str_eq(root->text, (xd_str){bytes, n}));
    xd_arena_finish(&arena);
    return accepted;
}

static void test_strings_accept_exactly_well_formed_utf8(void **state)
{
    (void)state;
    /* Each lead byte with the edges of every range a second, third and fourth byte may have. */
    static const uint8_t edges[] = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    enum { EDGES = sizeof edges };
    for (unsigned lead = 0x80; lead < 0x100; lead++) {
        for (unsigned i = 0; i < EDGES * EDGES * EDGES; i++) {
            char bytes[24];
            /* Padding moves the character over the border of a scanning step. */
            size_t pad = (lead + i) % 18;
            memset(bytes, 'p', pad);
            bytes[pad] = (char)lead;
            bytes[pad + 1] = (char)edges[i % EDGES];
            bytes[pad + 2] = (char)edges[i / EDGES % EDGES];
            bytes[pad + 3] = (char)edges[i / EDGES / EDGES];
            for (size_t n = 1; n <= 4; n++) {
                size_t bad;
                xd_str s = {bytes, pad + n};
                assert_int_equal(accepts_string(bytes, pad + n), xd_utf8_valid(s, &bad));
            }
        }
    }
}

static void test_every_character_survives_escaping_both_ways(void **state)
{
    (void)state;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf written;
    xd_buf_init(&written, ARENA_BYTES);
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char escaped[32];
        size_t n;
        if (c >= 0xd800 && c < 0xe000) {
            continue;
        }
        if (c < 0x10000) {
            n = (size_t)snprintf(escaped, sizeof escaped, "\"\\u%04X\"", c);
        } else {
            n = (size_t)snprintf(escaped, sizeof escaped, "\"\\u%04x\\u%04x\"",
                                 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
        }
        xd_arena_reset(&arena);
        const xd_json *value = parse(&arena, (xd_str){escaped, n});
        size_t bad;
        assert_int_equal(value->text.len, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        assert_true(xd_utf8_valid(value->text, &bad));
        xd_buf_clear(&written);
        xd_json_write(&written, value);
        const xd_json *again = parse(&arena, xd_buf_str(&written));
        assert_true(xd_str_eq(again->text, value->text));
    }
    const xd_json *all = parse(&arena, XD_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u000B\x7f\""));
    assert_text(all->text, "\"\\/\b\f\n\r\t\v\x7f");
    xd_buf_clear(&written);
    xd_json_write(&written, all);
    assert_text(xd_buf_str(&written), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\x7f\"");
    xd_buf_finish(&written);
    xd_arena_finish(&arena);
}

static void test_both_scans_find_the_first_special_byte(void **state)
{
    (void)state;
    uint64_t random = 7;
    static const uint8_t specials[] = {'"', '\\', 0x00, 0x1f, 0x80, 0xff};
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[48];
        size_t n = below(&random, sizeof bytes + 1);
        for (size_t i = 0; i < n; i++) {
            bool special = below(&random, 40) == 0;
            bytes[i] = special ? specials[below(&random, sizeof specials)]
                               : (uint8_t)(0x20 + below(&random, 0x60));
        }
        for (int high = 0; high < 2; high++) {
            size_t expected = 0;
            while (expected < n && xd_json_is_plain(bytes[expected], high)) {
                expected++;
            }
            assert_ptr_equal(xd_json_plain_run(bytes, bytes + n, high), bytes + expected);
            assert_ptr_equal(xd_json_plain_run_swar(bytes, bytes + n, high), bytes + expected);
        }
    }
}

/* --- limits --- */

/* depth times open, then middle, then depth times close. */
static xd_str nest(xd_buf *buf, const char *open, const char *middle, const char *close, int depth)
{
    xd_buf_clear(buf);
    for (int i = 0; i < depth; i++) {
        xd_buf_str_add(buf, xd_str_from(open));
    }
    xd_buf_str_add(buf, xd_str_from(middle));
    for (int i = 0; i < depth; i++) {
        xd_buf_str_add(buf, xd_str_from(close));
    }
    assert_false(buf->failed);
    return xd_buf_str(buf);
}

static void test_nesting_is_bounded_by_the_limit_and_not_by_the_stack(void **state)
{
    (void)state;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf text;
    xd_buf written;
    xd_buf_init(&text, ARENA_BYTES);
    xd_buf_init(&written, ARENA_BYTES);
    const xd_json *root;
    xd_fault fault = XD_FAULT_NONE;
    static const char *const forms[][3] = {
        {"[", "1", "]"}, {"{\"a\":", "1", "}"}, {"[0,{\"a\":1,\"b\":", "[]", "}]"}};
    for (size_t i = 0; i < 3; i++) {
        int levels = i < 2 ? 10000 : 5000;
        xd_str deep = nest(&text, forms[i][0], forms[i][1], forms[i][2], levels);
        xd_status status = xd_json_parse(deep, XD_JSON_LIMITS_DEFAULT, &arena, &root, &fault);
        assert_int_equal(status, XD_LIMIT);
        assert_string_equal(fault.rule, "json.depth");
        assert_int_equal(xd_json_parse(deep, limits_of_depth(9999), &arena, &root, &fault),
                         XD_LIMIT);

        levels *= 10;
        deep = nest(&text, forms[i][0], forms[i][1], forms[i][2], levels);
        assert_int_equal(xd_json_parse(deep, limits_of_depth(100001), &arena, &root, &fault),
                         XD_OK);
        xd_buf_clear(&written);
        xd_json_write(&written, root);
        assert_same(&written, &text);
        xd_buf_clear(&written);
        assert_int_equal(xd_json_canonical(&written, root, &arena, &fault), XD_OK);
        assert_same(&written, &text);

        deep.len -= 1; /* the last bracket */
        assert_int_equal(xd_json_parse(deep, limits_of_depth(100001), &arena, &root, &fault),
                         XD_INVALID);
        assert_int_equal(fault.offset, deep.len);
    }
    assert_int_equal(xd_json_parse(XD_STR("[[]]"), limits_of_depth(1), &arena, &root, &fault),
                     XD_LIMIT);
    assert_int_equal(fault.offset, 1);
    assert_string_equal(fault.path, "/0");
    assert_int_equal(xd_json_parse(XD_STR("[7]"), limits_of_depth(1), &arena, &root, &fault),
                     XD_OK);
    xd_buf_finish(&written);
    xd_buf_finish(&text);
    xd_arena_finish(&arena);
}

static void test_bytes_and_memory_are_bounded(void **state)
{
    (void)state;
    /* The first needs the arena all along, the second only when it closes, the third to sort names.
     */
    static const char *const items[] = {",{\"a\":[\"\\u0041\"]}", ",1"};
    xd_buf text;
    xd_buf_init(&text, ARENA_BYTES);
    for (int form = 0; form < 3; form++) {
        xd_buf_clear(&text);
        xd_buf_str_add(&text, xd_str_from(form < 2 ? "[0" : "{\"n\":1"));
        for (int i = 0; i < 20000; i++) {
            if (form < 2) {
                xd_buf_str_add(&text, xd_str_from(items[form]));
            } else {
                xd_buf_printf(&text, ",\"n%d\":1", i);
            }
        }
        xd_buf_char(&text, form < 2 ? ']' : '}');
        const xd_json *root = NULL;
        xd_fault fault = XD_FAULT_NONE;
        xd_arena arena;
        xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
        limits.max_bytes = text.len - 1;
        xd_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(xd_json_parse(xd_buf_str(&text), limits, &arena, &root, &fault), XD_LIMIT);
        assert_string_equal(fault.rule, "json.bytes");
        xd_arena_finish(&arena);
        bool fitted = false;
        for (size_t cap = 0; !fitted; cap += cap / 8 + 16) {
            xd_arena_init(&arena, cap);
            limits.max_bytes = text.len;
            xd_status status = xd_json_parse(xd_buf_str(&text), limits, &arena, &root, &fault);
            fitted = status == XD_OK;
            assert_true(fitted || (status == XD_NO_MEMORY && root == NULL));
            assert_true(arena.used_bytes <= cap);
            xd_arena_finish(&arena);
        }
    }
    xd_buf_finish(&text);
}

static void test_duplicate_names_are_found_in_objects_of_any_size(void **state)
{
    (void)state;
    xd_buf text;
    xd_buf_init(&text, ARENA_BYTES);
    static const int sizes[] = {2, 15, 16, 17, 18, 300, 100000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        /* At first no name comes twice, then the last one repeats the one in the middle. */
        for (int duplicate = 0; duplicate < 2; duplicate++) {
            xd_buf_clear(&text);
            size_t offset = 0;
            for (int i = 0; i < sizes[s]; i++) {
                bool repeats = duplicate && i == sizes[s] - 1;
                xd_buf_char(&text, i ? ',' : '{');
                offset = text.len;
                xd_buf_printf(&text, "\"quantity%d\":%d", repeats ? sizes[s] / 2 - 1 : i, i);
            }
            xd_buf_char(&text, '}');
            xd_arena arena;
            xd_arena_init(&arena, ARENA_BYTES);
            const xd_json *root;
            xd_fault fault = XD_FAULT_NONE;
            xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
            xd_status status = xd_json_parse(xd_buf_str(&text), limits, &arena, &root, &fault);
            assert_int_equal(status, duplicate ? XD_INVALID : XD_OK);
            if (duplicate) {
                assert_string_equal(fault.rule, "json.duplicate");
                assert_int_equal(fault.offset, offset);
                limits.allow_duplicates = true;
                assert_int_equal(xd_json_parse(xd_buf_str(&text), limits, &arena, &root, &fault),
                                 XD_OK);
                assert_int_equal(root->count, sizes[s]);
            }
            xd_arena_finish(&arena);
        }
    }
    xd_buf_finish(&text);
}

static void
test_the_first_repetition_is_reported_and_a_long_name_cut_between_characters(void **state)
{
    (void)state;
    xd_buf text;
    xd_buf_init(&text, ARENA_BYTES);
    for (int i = 0; i < 20; i++) {
        xd_buf_str_add(&text, xd_str_from(i ? "," : "{"));
        xd_buf_char(&text, '"');
        xd_buf_str_add(&text, xd_str_from(i % 2 ? "" : "x"));
        for (int k = 0; k < 40; k++) {
            XD_BUF_LIT(&text, "\xc3\xa9");
        }
        XD_BUF_LIT(&text, "\":0");
    }
    xd_buf_char(&text, '}');
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *root;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status =
        xd_json_parse(xd_buf_str(&text), XD_JSON_LIMITS_DEFAULT, &arena, &root, &fault);
    assert_int_equal(status, XD_INVALID);
    /* The third member is the first whose name has been there. */
    assert_int_equal(fault.offset, 1 + 85 + 86);
    size_t bad;
    assert_true(xd_utf8_valid(xd_str_from(fault.text), &bad));
    xd_arena_finish(&arena);
    xd_buf_finish(&text);
}

/* --- canonical form --- */

static void write_zeros(xd_buf *buf, uint32_t n)
{
    for (; n > 0; n--) {
        xd_buf_char(buf, '0');
    }
}

/* Writes digits times 10^exponent in one of many spellings. digits has no leading zero. */
static void spell_number(xd_buf *buf, bool negative, xd_str digits, int exponent,
                         uint64_t *spelling)
{
    char lexeme[128];
    uint32_t extra = below(spelling, 4);
    size_t n = digits.len;
    memcpy(lexeme, digits.ptr, n);
    memset(lexeme + n, '0', extra);
    bool zero = digits.ptr[0] == '0';
    if (zero) {
        n = 1;
    } else {
        n += extra;
        exponent -= (int)extra;
    }
    if (negative) {
        xd_buf_char(buf, '-');
    }
    uint32_t fraction = below(spelling, (uint32_t)n + 3);
    if (fraction == 0) {
        xd_buf_add(buf, lexeme, n);
    } else if (fraction < n) {
        xd_buf_add(buf, lexeme, n - fraction);
        xd_buf_char(buf, '.');
        xd_buf_add(buf, lexeme + n - fraction, fraction);
    } else {
        XD_BUF_LIT(buf, "0.");
        write_zeros(buf, fraction - (uint32_t)n);
        xd_buf_add(buf, lexeme, n);
    }
    exponent += (int)fraction;
    if (exponent != 0 || below(spelling, 2)) {
        xd_buf_char(buf, below(spelling, 2) ? 'e' : 'E');
        bool plus = exponent >= 0 && below(spelling, 2);
        xd_buf_str_add(buf, xd_str_from(exponent < 0 ? "-" : plus ? "+" : ""));
        write_zeros(buf, below(spelling, 3));
        xd_buf_int(buf, abs(exponent));
    }
}

/* Writes s as a JSON string, some characters escaped that need not be. */
static void spell_string(xd_buf *buf, xd_str s, uint64_t *spelling)
{
    xd_buf_char(buf, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\' || (c < 0x80 && below(spelling, 8) == 0)) {
            xd_buf_printf(buf, below(spelling, 2) ? "\\u%04x" : "\\u%04X", c);
        } else {
            xd_buf_char(buf, (char)c);
        }
    }
    xd_buf_char(buf, '"');
}

static void spell_space(xd_buf *buf, uint64_t *spelling)
{
    while (below(spelling, 3) == 0) {
        xd_buf_char(buf, " \t\r\n"[below(spelling, 4)]);
    }
}

static void spell_value(xd_buf *buf, int depth, uint64_t *value, uint64_t *spelling);

/* The value of an object decides names and member values, the spelling their order. */
static void spell_object(xd_buf *buf, int depth, uint64_t *value, uint64_t *spelling)
{
    enum { MOST = 40 };
    static const char *const stems[] = {"", "quantity", "quantity_ordered", "\xc3\xa9", "a\"", "Z"};
    xd_buf members[MOST];
    uint32_t n = below(value, 6) == 0 ? below(value, MOST) : below(value, 6);
    for (uint32_t i = 0; i < n; i++) {
        char name[40];
        int length = snprintf(name, sizeof name, "%s%u", stems[below(value, 6)], i);
        xd_buf_init(&members[i], ARENA_BYTES);
        spell_string(&members[i], (xd_str){name, (size_t)length}, spelling);
        spell_space(&members[i], spelling);
        xd_buf_char(&members[i], ':');
        spell_value(&members[i], depth - 1, value, spelling);
    }
    xd_buf_char(buf, '{');
    spell_space(buf, spelling);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pick = i + below(spelling, n - i);
        xd_buf member = members[pick];
        members[pick] = members[i];
        members[i] = member;
        if (i) {
            xd_buf_char(buf, ',');
        }
        spell_space(buf, spelling);
        xd_buf_str_add(buf, xd_buf_str(&member));
        xd_buf_finish(&members[i]);
    }
    xd_buf_char(buf, '}');
}

static void spell_value(xd_buf *buf, int depth, uint64_t *value, uint64_t *spelling)
{
    spell_space(buf, spelling);
    switch (below(value, depth > 0 ? 7 : 4)) {
    case 0: {
        static const char *const words[] = {"null", "true", "false"};
        xd_buf_str_add(buf, xd_str_from(words[below(value, 3)]));
        break;
    }
    case 1:
    case 2: {
        char digits[60];
        size_t n = 1 + below(value, sizeof digits - 1);
        for (size_t i = 0; i < n; i++) {
            digits[i] = (char)('0' + below(value, 10));
        }
        n = digits[0] == '0' ? 1 : n;
        bool negative = below(value, 2);
        int exponent = (int)below(value, 80) - 40;
        spell_number(buf, negative, (xd_str){digits, n}, exponent, spelling);
        break;
    }
    case 3: {
        char text[20];
        size_t n = below(value, sizeof text);
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)below(value, 128);
        }
        spell_string(buf, (xd_str){text, n}, spelling);
        break;
    }
    case 4: {
        xd_buf_char(buf, '[');
        for (uint32_t i = 0, n = below(value, 5); i < n; i++) {
            if (i) {
                xd_buf_char(buf, ',');
            }
            spell_value(buf, depth - 1, value, spelling);
        }
        spell_space(buf, spelling);
        xd_buf_char(buf, ']');
        break;
    }
    default:
        spell_object(buf, depth, value, spelling);
    }
    spell_space(buf, spelling);
}

static void test_canonical_form_ignores_spelling_and_order_and_is_its_own(void **state)
{
    (void)state;
    xd_buf one;
    xd_buf other;
    xd_buf canonical_one;
    xd_buf canonical_other;
    xd_buf_init(&one, ARENA_BYTES);
    xd_buf_init(&other, ARENA_BYTES);
    xd_buf_init(&canonical_one, ARENA_BYTES);
    xd_buf_init(&canonical_other, ARENA_BYTES);
    uint64_t spelling = 1;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        uint64_t value = seed;
        xd_buf_clear(&one);
        spell_value(&one, 5, &value, &spelling);
        value = seed;
        xd_buf_clear(&other);
        spell_value(&other, 5, &value, &spelling);
        assert_false(one.failed || other.failed);
        canonical_of(&canonical_one, xd_buf_str(&one));
        canonical_of(&canonical_other, xd_buf_str(&other));
        assert_same(&canonical_one, &canonical_other);
        canonical_of(&canonical_other, xd_buf_str(&canonical_one));
        assert_same(&canonical_one, &canonical_other);
    }
    xd_buf_finish(&canonical_other);
    xd_buf_finish(&canonical_one);
    xd_buf_finish(&other);
    xd_buf_finish(&one);
}

static void test_canonical_numbers_are_equal_exactly_when_the_values_are(void **state)
{
    (void)state;
    xd_buf lexeme;
    xd_buf canonical;
    xd_buf_init(&lexeme, ARENA_BYTES);
    xd_buf_init(&canonical, ARENA_BYTES);
    uint64_t spelling = 3;
    for (int coefficient = -1100; coefficient <= 1100; coefficient++) {
        int scale = 1;
        for (int exponent = -3; exponent <= 3; exponent++, scale *= 10) {
            char digits[16];
            int n = snprintf(digits, sizeof digits, "%d", abs(coefficient));
            xd_buf_clear(&lexeme);
            spell_number(&lexeme, coefficient < 0, (xd_str){digits, (size_t)n}, exponent,
                         &spelling);
            canonical_of(&canonical, xd_buf_str(&lexeme));
            /* The value in thousandths says what the canonical form must be. */
            int thousandths = abs(coefficient) * scale;
            char expected[32];
            n = snprintf(expected, sizeof expected, "%s%d.%03d", coefficient < 0 ? "-" : "",
                         thousandths / 1000, thousandths % 1000);
            while (expected[n - 1] == '0') {
                n--;
            }
            n -= expected[n - 1] == '.';
            expected[n] = '\0';
            assert_text(xd_buf_str(&canonical), expected);
        }
    }
    xd_buf_finish(&canonical);
    xd_buf_finish(&lexeme);
}

static void test_canonical_form_of_chosen_documents(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1.50", "1.5"},
        {"15e-1", "1.5"},
        {"-0", "0"},
        {"-0.0e+999999999999999999999", "0"},
        {"0.000100", "0.0001"},
        {"100", "100"},
        {"1E2", "100"},
        {"120.0340e-1", "12.0034"},
        {"12345678901234567890123456789012345678901234567890.10e2",
         "1234567890123456789012345678901234567890123456789010"},
        {" { \"b\" : [ ] , \"a\" : { } , \"\" : null , \"a\\u0000\" : \"\\/\" } ",
         "{\"\":null,\"a\":{},\"a\\u0000\":\"/\",\"b\":[]}"},
        /* Bytes of UTF-8 order as code points do; UTF-16 would put the last two the other way. */
        {"{\"\\ud83d\\ude00\":1,\"\\uff5e\":2,\"\\u00e9\":3,\"z\":4}",
         "{\"z\":4,\"\xc3\xa9\":3,\"\xef\xbd\x9e\":2,\"\xf0\x9f\x98\x80\":1}"},
    };
    xd_buf canonical;
    xd_buf_init(&canonical, ARENA_BYTES);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        canonical_of(&canonical, xd_str_from(cases[i][0]));
        assert_text(xd_buf_str(&canonical), cases[i][1]);
    }
    xd_buf_finish(&canonical);
}

static void test_canonical_form_refuses_what_is_too_large_and_leaves_the_buffer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        xd_status status;
    } cases[] = {
        {"[1e400]", XD_OK},      {"[1e401]", XD_LIMIT},
        {"[1.5e401]", XD_OK},    {"[-1e-401]", XD_OK},
        {"[1e-402]", XD_LIMIT},  {"[1e99999999999999999999]", XD_LIMIT},
        {"[0e99999999]", XD_OK}, {"[1e-99999999999999999999]", XD_LIMIT},
    };
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_fault fault = XD_FAULT_NONE;
    xd_buf buf;
    xd_buf_init(&buf, ARENA_BYTES);
    XD_BUF_LIT(&buf, "kept");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const xd_json *root = parse(&arena, xd_str_from(cases[i].text));
        assert_int_equal(xd_json_canonical(&buf, root, &arena, &fault), cases[i].status);
        if (cases[i].status == XD_OK) {
            buf.len = 4;
        }
        assert_text(xd_buf_str(&buf), "kept");
    }
    xd_buf text;
    xd_buf_init(&text, ARENA_BYTES);
    const xd_json *root = parse(&arena, nest(&text, "{\"b\":", "1", ",\"a\":2}", 40));
    xd_arena none;
    xd_arena_init(&none, 0);
    assert_int_equal(xd_json_canonical(&buf, root, &none, &fault), XD_NO_MEMORY);
    xd_buf small;
    xd_buf_init(&small, text.len - 1);
    assert_int_equal(xd_json_canonical(&small, root, &arena, &fault), XD_NO_MEMORY);
    assert_int_equal(small.len, 0);
    assert_text(xd_buf_str(&buf), "kept");
    xd_buf_finish(&small);
    xd_buf_finish(&text);
    xd_buf_finish(&buf);
    xd_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_keeps_lexemes_order_and_positions),
        cmocka_unit_test(test_refusals_name_rule_place_and_path),
        cmocka_unit_test(test_every_prefix_of_a_document_is_refused_where_it_ends),
        cmocka_unit_test(test_strings_accept_exactly_well_formed_utf8),
        cmocka_unit_test(test_every_character_survives_escaping_both_ways),
        cmocka_unit_test(test_both_scans_find_the_first_special_byte),
        cmocka_unit_test(test_nesting_is_bounded_by_the_limit_and_not_by_the_stack),
        cmocka_unit_test(test_bytes_and_memory_are_bounded),
        cmocka_unit_test(test_duplicate_names_are_found_in_objects_of_any_size),
        cmocka_unit_test(
            test_the_first_repetition_is_reported_and_a_long_name_cut_between_characters),
        cmocka_unit_test(test_canonical_form_ignores_spelling_and_order_and_is_its_own),
        cmocka_unit_test(test_canonical_numbers_are_equal_exactly_when_the_values_are),
        cmocka_unit_test(test_canonical_form_of_chosen_documents),
        cmocka_unit_test(test_canonical_form_refuses_what_is_too_large_and_leaves_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
