/* Flow definitions: defaults, and refusals that say where. */
#include "flow/definition.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct reading {
    xd_arena arena;
    xd_definition definition;
    xd_fault fault;
    xd_status status;
} reading;

static reading read_text(const char *text)
{
    reading r = {.fault = XD_FAULT_NONE};
    const xd_json *json = NULL;
    xd_arena_init(&r.arena, 1 << 20);
    assert_int_equal(
        xd_json_parse(xd_str_from(text), XD_JSON_LIMITS_DEFAULT, &r.arena, &json, &r.fault), XD_OK);
    r.status = xd_definition_read(json, &r.arena, &r.definition, &r.fault);
    return r;
}

static void nothing_given_means_strict(void **state)
{
    (void)state;
    reading r = read_text("{}");
    const xd_definition *d = &r.definition;
    assert_int_equal(r.status, XD_OK);
    assert_int_equal(d->match_level, 3);
    assert_false(d->post_early_invoices);
    assert_true(d->price.upper_percent.set);
    assert_int_equal(xd_decimal_sign(d->price.upper_percent.value), 0);
    assert_true(d->quantity_received.upper_percent.set);
    assert_false(d->extended_price.upper_percent.set);
    assert_true(xd_str_eq(d->accounts[XD_ACCOUNT_GRNI], XD_STR("GRNI")));
    assert_int_equal(d->digits, 2);
    xd_arena_finish(&r.arena);
}

static void a_rule_given_replaces_its_default_as_a_whole(void **state)
{
    (void)state;
    reading r =
        read_text("{\"tolerances\":{\"price\":{},\"quantity_ordered\":{\"upper_absolute\":5,"
                  "\"lower_percent\":null}},\"currency\":\"JPY\"}");
    assert_int_equal(r.status, XD_OK);
    assert_false(r.definition.price.upper_percent.set);
    assert_false(r.definition.quantity_ordered.upper_percent.set);
    assert_true(r.definition.quantity_ordered.upper_absolute.set);
    assert_false(r.definition.quantity_ordered.lower_percent.set);
    assert_int_equal(r.definition.digits, 0);
    xd_arena_finish(&r.arena);
}

static void mistakes_are_refused_where_they_are(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"tolerance\":{}}", "/tolerance"},
        {"{\"tolerances\":{\"prices\":{}}}", "/tolerances/prices"},
        {"{\"tolerances\":{\"price\":{\"upper\":\"2\"}}}", "/tolerances/price/upper"},
        {"{\"tolerances\":{\"price\":{\"upper_percent\":\"2%\"}}}",
         "/tolerances/price/upper_percent"},
        {"{\"tolerances\":{\"price\":{\"upper_percent\":-1}}}", "/tolerances/price/upper_percent"},
        {"{\"currency\":\"XXY\"}", "/currency"},
        {"{\"ledger\":\"a/b\"}", "/ledger"},
        {"{\"accounts\":{\"CASH\":\"1\"}}", "/accounts/CASH"},
        {"{\"match\":{\"level\":4}}", "/match/level"},
        {"{\"match\":{\"early_invoice\":\"hold\"}}", "/match/early_invoice"},
        {"{\"require\":[\"item\",\"uom\"]}", "/require/1"},
        {"{\"controls\":\"yes\"}", "/controls"},
        {"{\"duplicate_days\":1.5}", "/duplicate_days"},
        {"{\"systems\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", "/systems/1"},
        {"{\"systems\":[{\"receives\":[]}]}", "/systems/0"},
        {"{\"systems\":[{\"name\":\"a\",\"receives\":[\"journals\"]}]}", "/systems/0/receives/0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reading r = read_text(cases[i][0]);
        assert_int_equal(r.status, XD_INVALID);
        assert_string_equal(r.fault.path, cases[i][1]);
        xd_arena_finish(&r.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_means_strict),
        cmocka_unit_test(a_rule_given_replaces_its_default_as_a_whole),
        cmocka_unit_test(mistakes_are_refused_where_they_are),
    };
    return cmocka_run_group_tests_name("definition", tests, NULL, NULL);
}
