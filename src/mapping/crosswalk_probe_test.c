/* What a look-up costs, counted: the slots it looks at do not grow with the number of codes. Made
 * with the index's own source, to see its slots. */
#include "mapping/crosswalk.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void enter(xd_crosswalk *c, uint32_t from, uint32_t to)
{
    char name[32];
    for (uint32_t i = from; i < to; i++) {
        snprintf(name, sizeof name, "SKU-%07u", (unsigned)i);
        xd_crosswalk_row row = {XD_STR("item"),    XD_STR("wms"),   xd_str_from(name),
                                xd_str_from(name), XD_INSTANT_NONE, XD_INSTANT_NONE};
        assert_int_equal(xd_crosswalk_put(c, &row, NULL, NULL), XD_OK);
    }
}

/* Slots looked at for the code at place. */
static uint32_t probes(const xd_crosswalk *c, uint32_t place)
{
    const slot *begin = &c->slots[(uint32_t)c->codes[place].hash & (c->slot_count - 1)];
    const slot *found = begin;
    uint32_t count = 1;
    while (found->place != place + 1) {
        found = found == &c->slots[c->slot_count - 1] ? c->slots : found + 1;
        count++;
    }
    return count;
}

static void a_look_up_costs_the_same_among_any_number_of_codes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1000, 10000, 100000, 1000000};
    xd_crosswalk *c = NULL;
    assert_int_equal(xd_crosswalk_create((size_t)1 << 30, &c, NULL), XD_OK);
    uint32_t before = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t sum = 0;
        uint32_t most = 0;
        enter(c, before, sizes[i]);
        before = sizes[i];
        assert_int_equal(c->code_count, sizes[i]);
        assert_true(c->slot_count >= 2 * c->code_count);
        for (uint32_t place = 0; place < c->code_count; place++) {
            uint32_t count = probes(c, place);
            sum += count;
            most = count > most ? count : most;
        }
        /* A table that is half full at most: 1.5 slots on the average, were the hash perfect. */
        assert_in_range(sum * 10 / c->code_count, 10, 16);
        assert_in_range(most, 1, 100);
    }
    xd_crosswalk_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_up_costs_the_same_among_any_number_of_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
