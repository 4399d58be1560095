/* The cache answers like the state it stands before, whatever is dirty, written or given up. */
#include "engine/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYS = 300, STEPS = 60000 };

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static xd_str key_of(unsigned n, char *text, size_t size)
{
    return (xd_str){text, (size_t)snprintf(text, size, "PO-%u/%05u", n % 7, n)};
}

static void write_all(xd_store *store, xd_cache *cache)
{
    int64_t rows;
    assert_int_equal(store->ops->begin(store, NULL), XD_OK);
    assert_int_equal(xd_cache_write(cache, &rows, NULL), XD_OK);
    assert_int_equal(store->ops->commit(store, NULL), XD_OK);
    xd_cache_written(cache);
}

static void answers_like_a_plain_table(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    xd_cache *cache = xd_cache_create(store, 8192); /* small, so that most is given up */
    int model[KEYS] = {0};
    uint64_t seed = 20261123;
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    for (int i = 0; i < STEPS; i++) {
        char text[32];
        char value[32];
        unsigned n = (unsigned)(random_next(&seed) % KEYS);
        xd_str key = key_of(n, text, sizeof text);
        switch (random_next(&seed) % 8) {
        case 0:
            assert_int_equal(xd_cache_put(cache, XD_STATE_ORDER_LINE, key, XD_STR_NULL, NULL),
                             XD_OK);
            model[n] = 0;
            break;
        case 1:
        case 2:
            model[n] = i + 1;
            snprintf(value, sizeof value, "{\"n\":%d}", i + 1);
            assert_int_equal(
                xd_cache_put(cache, XD_STATE_ORDER_LINE, key, xd_str_from(value), NULL), XD_OK);
            break;
        case 3:
            if (random_next(&seed) % 50 == 0) {
                write_all(store, cache);
            }
            break;
        default: {
            xd_str got;
            xd_arena_reset(&arena);
            assert_int_equal(xd_cache_get(cache, XD_STATE_ORDER_LINE, key, &arena, &got, NULL),
                             XD_OK);
            snprintf(value, sizeof value, "{\"n\":%d}", model[n]);
            assert_true(model[n] ? xd_str_eq(got, xd_str_from(value)) : got.ptr == NULL);
        }
        }
    }
    write_all(store, cache);
    assert_int_equal(xd_cache_dirty_count(cache), 0);
    for (unsigned n = 0; n < KEYS; n++) {
        char text[32];
        xd_str got;
        xd_arena_reset(&arena);
        assert_int_equal(store->ops->state_get(store, XD_STATE_ORDER_LINE,
                                               key_of(n, text, sizeof text), &arena, &got, NULL),
                         XD_OK);
        assert_int_equal(got.ptr != NULL, model[n] != 0);
    }
    xd_arena_finish(&arena);
    xd_cache_destroy(cache);
    xd_store_destroy(store);
}

static void what_comes_and_goes_between_two_writes_is_never_written(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    xd_cache *cache = xd_cache_create(store, 1 << 20);
    xd_str key = XD_STR("0000000000000001");
    int64_t rows = -1;
    assert_int_equal(xd_cache_put(cache, XD_STATE_OUTBOX, key, XD_STR("{}"), NULL), XD_OK);
    assert_int_equal(xd_cache_put(cache, XD_STATE_OUTBOX, key, XD_STR_NULL, NULL), XD_OK);
    assert_int_equal(store->ops->begin(store, NULL), XD_OK);
    assert_int_equal(xd_cache_write(cache, &rows, NULL), XD_OK);
    assert_int_equal(store->ops->commit(store, NULL), XD_OK);
    assert_int_equal(rows, 0);
    xd_cache_destroy(cache);
    xd_store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_like_a_plain_table),
        cmocka_unit_test(what_comes_and_goes_between_two_writes_is_never_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
