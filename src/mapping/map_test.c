/* Behaviours of the map language that Crossdock relies on. The language as a whole is held to the
 * JSONata test suite by tests/e2e/map_suite_test. */
#include "mapping/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#include <cmocka.h>
#include <stdio.h>

enum { ARENA_BYTES = 256 << 20 };

static xd_status find_code(void *self, xd_str table, xd_str system, xd_str code, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault)
{
    (void)self;
    (void)arena;
    (void)fault;
    if (xd_str_eq(table, XD_STR("items")) && xd_str_eq(system, XD_STR("wms")) &&
        xd_str_eq(code, XD_STR("SKU-1"))) {
        *ret_value = XD_STR("ITEM-1");
    }
    return XD_OK;
}

static xd_status find_factor(void *self, xd_str from, xd_str to, int64_t *ret_numerator,
                             int64_t *ret_denominator, xd_fault *fault)
{
    (void)self;
    (void)fault;
    bool known = xd_str_eq(from, XD_STR("CS")) && xd_str_eq(to, XD_STR("EA"));
    *ret_numerator = known ? 12 : 0;
    *ret_denominator = 1;
    return XD_OK;
}

static const xd_map_world world = {
    .now = INT64_C(1700000000000000), .seed = 7, .xref = find_code, .uom = find_factor};

/* Runs a map over JSON text; the result as text in buf, "" when there is none. */
static xd_status apply(const char *expression, const char *input, const xd_map_limits *limits,
                       xd_buf *buf, xd_fault *fault)
{
    xd_map *map = NULL;
    const xd_json *tree = NULL;
    const xd_json *result = NULL;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    if (input) {
        assert_int_equal(
            xd_json_parse(xd_str_from(input), XD_JSON_LIMITS_DEFAULT, &arena, &tree, fault), XD_OK);
    }
    xd_status status = xd_map_compile(xd_str_from(expression), &map, fault);
    if (status == XD_OK) {
        status = xd_map_run(map, tree, NULL, &world, limits, &arena, &result, fault);
    }
    xd_buf_clear(buf);
    if (result) {
        xd_json_write(buf, result);
    }
    xd_buf_char(buf, '\0');
    xd_map_destroy(map);
    xd_arena_finish(&arena);
    return status;
}

static void assert_gives(const char *expression, const char *input, const char *expected)
{
    xd_buf buf;
    xd_fault fault = XD_FAULT_NONE;
    xd_buf_init(&buf, ARENA_BYTES);
    xd_status status = apply(expression, input, NULL, &buf, &fault);
    if (status != XD_OK || strcmp(buf.ptr, expected) != 0) {
        fail_msg("%s gives %s%s, not %s", expression, buf.ptr, status ? fault.text : "", expected);
    }
    xd_buf_finish(&buf);
}

/* The map must fail with this status and rule, at this byte of its source. */
static void assert_fails(const char *expression, const xd_map_limits *limits, xd_status want,
                         const char *rule, int64_t offset)
{
    xd_buf buf;
    xd_fault fault = XD_FAULT_NONE;
    xd_buf_init(&buf, ARENA_BYTES);
    xd_status status = apply(expression, "{\"a\":1}", limits, &buf, &fault);
    if (status != want || strcmp(fault.rule, rule) != 0 || fault.offset != offset) {
        fail_msg("%s: status %d rule %s offset %lld (%s)", expression, status, fault.rule,
                 (long long)fault.offset, fault.text);
    }
    xd_buf_finish(&buf);
}

static void numbers_that_are_only_copied_keep_their_digits(void **state)
{
    (void)state;
    assert_gives("{'q': a, 'l': [b, b]}", "{\"a\":1.500,\"b\":12345678901234567890.10}",
                 "{\"q\":1.500,\"l\":[12345678901234567890.10,12345678901234567890.10]}");
    assert_gives("a", "{\"a\":1e400}", "1e400");
}

static void arithmetic_is_exact(void **state)
{
    (void)state;
    assert_gives("0.1 + 0.2", NULL, "0.3");
    assert_gives("1.1 * 1.1", NULL, "1.21");
    assert_gives("12345678901234567890 + 0.01", NULL, "12345678901234567890.01");
    assert_gives("1 / 3", NULL, "0.3333333333333333333333333333");
    assert_gives("10 / 4", NULL, "2.5");
    assert_gives("$sum(l)", "{\"l\":[0.1,0.1,0.1,-0.3]}", "0");
    assert_gives("-7 % 3", NULL, "-1");
    assert_gives("$round(2.5) & $round(-1.005, 2) & $round(125, -1)", NULL, "\"2-1120\"");
    assert_gives("$power(1.05, 12)", NULL, "1.795856326022129150390625");
    assert_gives("$sqrt(2)", NULL, "1.414213562373095048801688724");
    assert_gives("$power(2, 0.25)", NULL, "1.189207115002721066717499971");
}

/* Sums and products of decimals written as text are those of whole numbers, shifted. */
static void arithmetic_agrees_with_whole_numbers(void **state)
{
    (void)state;
    xd_random random = {42};
    xd_buf buf;
    xd_fault fault;
    xd_buf_init(&buf, ARENA_BYTES);
    for (int i = 0; i < 2000; i++) {
        int64_t a = (int64_t)xd_random_below(&random, 2000000000) - 1000000000;
        int64_t b = (int64_t)xd_random_below(&random, 2000000000) - 1000000000;
        char text[400];
        snprintf(text, sizeof text,
                 "(%lld/1000 + %lld/1000) * 1000 = %lld and %lld/1000 * (%lld/1000) * 1000000 = "
                 "%lld and (%lld/1000 < %lld/1000) = (%lld < %lld)",
                 (long long)a, (long long)b, (long long)(a + b), (long long)a, (long long)b,
                 (long long)(a * b), (long long)a, (long long)b, (long long)a, (long long)b);
        assert_int_equal(apply(text, NULL, NULL, &buf, &fault), XD_OK);
        if (strcmp(buf.ptr, "true") != 0) {
            fail_msg("%s gives %s", text, buf.ptr);
        }
    }
    xd_buf_finish(&buf);
}

static void paths_flatten_and_single_items_stand_for_themselves(void **state)
{
    (void)state;
    const char *input = "{\"a\":[{\"b\":1},{\"b\":[2,3]},{\"c\":4}],\"d\":[[1],[2]]}";
    assert_gives("a.b", input, "[1,2,3]");
    assert_gives("a.c", input, "4");
    assert_gives("a.c[]", input, "[4]");
    assert_gives("a[b=1].b", input, "1");
    assert_gives("a.b[0]", input, "[1,2]");
    assert_gives("(a.b)[-1]", input, "3");
    assert_gives("a.x", input, "");
    assert_gives("[a.{'v': b}]", input, "[{\"v\":1},{\"v\":[2,3]},{}]");
    assert_gives("d", input, "[[1],[2]]");
    assert_gives("$", "[1,2]", "[1,2]");
}

static void joins_sorts_groups_and_parents_work_together(void **state)
{
    (void)state;
    const char *input = "{\"o\":[{\"n\":\"A\",\"l\":[{\"i\":\"x\",\"q\":2},{\"i\":\"y\",\"q\":1}]},"
                        "{\"n\":\"B\",\"l\":[{\"i\":\"x\",\"q\":5}]}]}";
    assert_gives("o.l.(%.n & i)", input, "[\"Ax\",\"Ay\",\"Bx\"]");
    assert_gives("o.l^(%.n, q).i", input, "[\"y\",\"x\",\"x\"]");
    assert_gives("o.l{i: $sum(q)}", input, "{\"x\":7,\"y\":1}");
    assert_gives("o@$o.$o.l#$k.{'o': $o.n, 'k': $k}", input,
                 "[{\"o\":\"A\",\"k\":0},{\"o\":\"A\",\"k\":1},{\"o\":\"B\",\"k\":0}]");
    assert_gives("$ ~> |o.l[q>1]|{'q': q*10}, 'i'|", input,
                 "{\"o\":[{\"n\":\"A\",\"l\":[{\"q\":20},{\"i\":\"y\",\"q\":1}]},"
                 "{\"n\":\"B\",\"l\":[{\"q\":50}]}]}");
    /* an array written as first step is made once, not for each item of what is grouped */
    assert_gives("{'p': [7,8]#$i.{'i': $i, 'v': $}}", "[{\"a\":1},{\"a\":2}]",
                 "{\"p\":[{\"i\":0,\"v\":7},{\"i\":1,\"v\":8}]}");
}

static void calls_in_tail_position_need_no_depth(void **state)
{
    (void)state;
    xd_map_limits limits = {.depth = 10};
    xd_buf buf;
    xd_fault fault = XD_FAULT_NONE;
    xd_buf_init(&buf, ARENA_BYTES);
    assert_int_equal(apply("($f := function($n, $s){$n = 0 ? $s : $f($n - 1, $s + $n)};"
                           " $f(50000, 0))",
                           NULL, &limits, &buf, &fault),
                     XD_OK);
    assert_string_equal(buf.ptr, "1250025000");
    xd_buf_finish(&buf);
}

static void maps_ask_the_world_for_codes_units_and_time(void **state)
{
    (void)state;
    assert_gives("$xref('items', 'wms', 'SKU-1')", NULL, "\"ITEM-1\"");
    assert_gives("$uom('2.5', 'CS', 'EA') & $uom(3, 'EA', 'EA')", NULL, "\"303\"");
    assert_gives("$money('2.345') & ' ' & $money(2.345, 'JPY') & ' ' & $money(1, 'KWD')", NULL,
                 "\"2.35 2 1.000\"");
    assert_gives("$date('2026-01-31T23:59:00+02:00')", NULL, "\"2026-01-31\"");
    assert_gives("$date('31.01.2026', '[D01].[M01].[Y0001]')", NULL, "\"2026-01-31\"");
    assert_gives("$millis() & ' ' & $now()", NULL, "\"1700000000000 2023-11-14T22:13:20.000Z\"");
    assert_gives("$shuffle([1..5]) = $shuffle([1..5])", NULL, "false");
    assert_fails("$xref('items', 'wms', 'SKU-9')", NULL, XD_NOT_FOUND, "xref.missing", 5);
    assert_fails("$uom(1, 'KG', 'EA')", NULL, XD_NOT_FOUND, "uom.missing", 4);
    assert_fails("$money(1, 'ZZZ')", NULL, XD_INVALID, "money.currency", 6);
}

static void a_map_that_runs_away_is_stopped_at_its_place(void **state)
{
    (void)state;
    xd_map_limits few = {.steps = 100000};
    xd_map_limits small = {.bytes = 1 << 20};
    xd_map_limits shallow = {.depth = 100};
    assert_fails("($f := function($n){1 + $f($n)}; $f(1))", &shallow, XD_LIMIT, "U1001", 26);
    assert_fails("($f := function(){$f()}; $f())", &few, XD_LIMIT, "U1001", 18);
    assert_fails("[1..1e9]", NULL, XD_INVALID, "D2014", 2);
    assert_fails("  [1..1e7, 5]", NULL, XD_LIMIT, "map.bytes", 4);
    assert_fails("$pad('x', 1e9)", NULL, XD_LIMIT, "map.bytes", 4);
    assert_fails("$join([1..100000].'abcdefghijklmnop')", &small, XD_LIMIT, "map.bytes", 6);
    assert_fails("'a' & $replace($pad('!', -60, 'a'), /^(a+)+$/, '')", NULL, XD_LIMIT,
                 "regex.limit", 14);
    assert_fails("$reduce([1..1000], function($a, $b){[[$a]]})", NULL, XD_LIMIT, "map.depth", 7);
}

/* Attacks by map or document: each ends within these limits, with a fault that says which. */
static void no_map_grows_beyond_its_limits(void **state)
{
    (void)state;
    xd_map_limits limits = {.bytes = 8 << 20, .steps = 300000, .depth = 200};
    static const struct {
        const char *expression, *rule;
    } attacks[] = {
        {"$reduce([1..60], function($s, $i){$s & $s}, 'lol')", "map.bytes"},
        {"$reduce([1..60], function($s, $i){$append($s, $s)}, ['lol'])", "map.bytes"},
        {"$reduce([1..60], function($s, $i){{'a': $s, 'b': $s}}, 'lol')", "U1001"},
        {"$reduce([1..60], function($s, $i){$replace($s, 'a', 'aaaaaaaaaa')}, 'a')", "map.bytes"},
        {"$reduce([1..60], function($s, $i){$base64encode($s & $s)}, 'a')", "map.bytes"},
        {"$reduce([1..60], function($s, $i){$string([$s, $s])}, 'a')", "map.bytes"},
        {"$string($reduce([1..60], function($s, $i){{'a': $s, 'b': $s}}, 'lol'))", "map.bytes"},
        {"($f := function(){$reduce([1..60], function($s, $i){{'a': $s, 'b': $s}}, 'lol')};"
         " $f() = $f())",
         "U1001"},
        {"$distinct([1, 2].($reduce([1..60], function($s, $i){{'a': $s, 'b': $s}}, 'lol')))",
         "U1001"},
        {"$count($reduce([1..60], function($s, $i){{'a': $s, 'b': $s}}, 'lol').**)", "map.bytes"},
        {"$reduce([1..60], function($s, $i){{'a': $s, 'b': $s}}, 'lol') ~> |b|{'c': 1}|",
         "map.bytes"},
        {"$keys($reduce([1..60], function($s, $i){[[$s, $s]]}, [{'a': 1}]))", "U1001"},
        {"$count($reduce([1..60], function($s, $i){[[$s, $s]]}, [{'a': 1}]).a)", "map.bytes"},
        {"$error($reduce([1..60], function($s, $i){[[$s, $s]]}, []) ? 'some' : 'none')", "D3137"},
        {"$map([1..9000000], function($i){$i})", "U1001"},
        {"$count($filter([1..9000000], function($i){false}))", "U1001"},
        {"$sort([1..9000000])", "map.bytes"},
        {"$reverse([1..9000000])", "map.bytes"},
        {"$zip([1..9000000], [1..9000000])", "map.bytes"},
        {"$distinct([1..9000000])", "map.bytes"},
        {"$string([1..9000000])", "U1001"},
        {"$split($pad('', 4000000, ','), ',')", "map.bytes"},
        {"[1..3000].([1..3000])", "map.bytes"},
        {"[1..3000]@$a.[1..3000]@$b.($a * $b)", "map.bytes"},
        {"[1..900000].{'a': $}", "map.bytes"},
        {"[1..900000]{$string($): $}", "map.bytes"},
        {"$pad('', -1e308)", "map.bytes"},
        {"$pad('', 2000000000, '\xF0\x9F\x98\x80')", "map.bytes"},
        {"$join([1..9000000].'')", "map.bytes"},
        {"($e := '$eval($e)'; $eval($e))", "U1001"},
        {"($f := function($n){$eval('$f(' & $n & ' + 1)')}; $f(1))", "U1001"},
        {"($f := function(){[$f()]}; $f())", "U1001"},
        {"($f := function(){$map([1, 2], $f)}; $f())", "U1001"},
        {"($y := function($f){$f($f)}; $y($y))", "U1001"},
        {"($f := function(){$sift({'a': 1}, $f)}; $f())", "U1001"},
        {"($f := function(){$sort([2, 1], $f)}; $f())", "U1001"},
        {"($f := function(){$replace('a', /a/, $f)}; $f())", "U1001"},
        {"($f := function($x){$x ~> $f}; 1 ~> $f)", "U1001"},
        {"$match($pad('', 40, 'a') & '!', /^(a|a)*$/)", "regex.limit"},
        {"$power(9.99, 1e9)", "D3061"},
        {"$formatNumber(1, $pad('', 100000, '0'))", "picture.limit"},
        {"$formatInteger(1, $pad('', 100000, '#,'))", "picture.limit"},
        {"$eval($pad('', 100000, '['))", "map.height"},
        {"$eval('[' & $pad('', 5000, '(') & '1' & $pad('', 5000, ')') & ']')", "map.height"},
    };
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        xd_buf buf;
        xd_fault fault = XD_FAULT_NONE;
        xd_buf_init(&buf, 1 << 20);
        xd_status status = apply(attacks[i].expression, "{\"a\":1}", &limits, &buf, &fault);
        if (status == XD_OK || strcmp(fault.rule, attacks[i].rule) != 0) {
            fail_msg("%s: %s (%s)", attacks[i].expression, status == XD_OK ? "passed" : fault.rule,
                     fault.text);
        }
        xd_buf_finish(&buf);
    }
}

static void faults_name_their_place(void **state)
{
    (void)state;
    assert_fails("a + 'x'", NULL, XD_INVALID, "T2002", 2);
    assert_fails("{'b': $uppercase(a)}", NULL, XD_INVALID, "T0410", 16);
    assert_fails("a.(b", NULL, XD_INVALID, "S0203", 4);
    assert_fails("1/0", NULL, XD_INVALID, "D1001", 1);
    assert_fails("$error('no stock')", NULL, XD_INVALID, "D3137", 6);
    assert_fails("a.b.%.%.%", NULL, XD_INVALID, "S0217", 0);
}

/* Ten thousand brackets are refused before they use up the stack. */
static void deep_expressions_are_refused(void **state)
{
    (void)state;
    static const char *const openings[] = {"(", "[", "{'a':", "-", "a.(", "a[", "$f("};
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        xd_buf text;
        xd_map *map = NULL;
        xd_fault fault = XD_FAULT_NONE;
        xd_buf_init(&text, 1 << 20);
        for (int k = 0; k < 10000; k++) {
            xd_buf_str_add(&text, xd_str_from(openings[i]));
        }
        assert_int_equal(xd_map_compile(xd_buf_str(&text), &map, &fault), XD_LIMIT);
        assert_string_equal(fault.rule, "map.height");
        xd_buf_finish(&text);
    }
}

static void lineage_follows_variables_and_functions(void **state)
{
    (void)state;
    static const char expression[] =
        "($line := function($l){{'item': $l.sku, 'q': $number($l.qty)}};"
        " {'no': head.no, 'lines': [$map(rows[qty > 0], $line)]})";
    xd_arena arena;
    xd_map *map = NULL;
    const xd_json *rows = NULL;
    xd_buf buf;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf_init(&buf, ARENA_BYTES);
    assert_int_equal(xd_map_compile(XD_STR(expression), &map, NULL), XD_OK);
    assert_int_equal(xd_map_explain(map, &arena, &rows, NULL), XD_OK);
    for (uint32_t i = 0; i < rows->count; i++) {
        const xd_json *row = &rows->items[i];
        xd_buf_printf(&buf, "%.*s<%.*s ", XD_FMT(XD_TEXT(row, "target")),
                      XD_FMT(XD_TEXT(row, "source")));
    }
    xd_buf_char(&buf, '\0');
    assert_non_null(strstr(buf.ptr, "no<head.no "));
    assert_non_null(strstr(buf.ptr, "lines[].item<rows.sku "));
    assert_non_null(strstr(buf.ptr, "lines[].q<rows.qty "));
    xd_buf_finish(&buf);
    xd_map_destroy(map);
    xd_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_are_only_copied_keep_their_digits),
        cmocka_unit_test(arithmetic_is_exact),
        cmocka_unit_test(arithmetic_agrees_with_whole_numbers),
        cmocka_unit_test(paths_flatten_and_single_items_stand_for_themselves),
        cmocka_unit_test(joins_sorts_groups_and_parents_work_together),
        cmocka_unit_test(calls_in_tail_position_need_no_depth),
        cmocka_unit_test(maps_ask_the_world_for_codes_units_and_time),
        cmocka_unit_test(a_map_that_runs_away_is_stopped_at_its_place),
        cmocka_unit_test(no_map_grows_beyond_its_limits),
        cmocka_unit_test(faults_name_their_place),
        cmocka_unit_test(deep_expressions_are_refused),
        cmocka_unit_test(lineage_follows_variables_and_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
