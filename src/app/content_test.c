/* What verify finds in the content of a database whose pages are whole: bytes that events were
 * mapped from, missing or not those of their name. */
#include "app/content.h"

#include "base/hash.h"
#include "port/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct findings {
    int count;
    xd_damage last;
} findings;

static void note(void *context, const xd_damage *damage)
{
    findings *f = context;
    f->count++;
    f->last = *damage;
}

/* A store with one event that was mapped from kept, under the name of named; ptr NULL: not kept. */
static xd_store *store_with(const char *named, const char *kept)
{
    uint8_t digest[XD_SHA256_BYTES];
    char hash[XD_SHA256_HEX + 1];
    char raw[XD_SHA256_HEX + 8];
    xd_sha256_of(xd_str_from(named), digest);
    xd_hex(digest, sizeof digest, hash);
    snprintf(raw, sizeof raw, "%s#1", hash);
    xd_log_row row = {.seq = 1,
                      .recorded_at = 1790000000000000,
                      .kind = 1,
                      .source = XD_STR("wms"),
                      .id = XD_STR("R1@0123456789abcdef"),
                      .key = XD_STR("R1"),
                      .order_key = XD_STR(""),
                      .time = XD_INSTANT_NONE,
                      .actor = XD_STR(""),
                      .trace = XD_STR(""),
                      .body = XD_STR("{}"),
                      .map = xd_str_from(hash),
                      .raw = xd_str_from(raw)};
    xd_store *store = xd_store_memory_create();
    assert_int_equal(store->ops->begin(store, NULL), XD_OK);
    if (kept) {
        assert_int_equal(store->ops->raw_put(store, xd_str_from(hash), XD_STR("text/csv"),
                                             xd_str_from(kept), NULL),
                         XD_OK);
    }
    assert_int_equal(store->ops->log_append(store, &row, NULL), XD_OK);
    assert_int_equal(store->ops->commit(store, NULL), XD_OK);
    return store;
}

static void assert_found(const char *named, const char *kept, const char *wanted)
{
    findings found = {0};
    xd_content content;
    xd_store *store = store_with(named, kept);
    assert_int_equal(xd_content_read(store, false, NULL, note, &found, &content, NULL), XD_OK);
    assert_int_equal(content.log_head, 1);
    assert_int_equal(found.count, wanted ? 1 : 0);
    assert_string_equal(found.last.what, wanted ? wanted : "");
    assert_string_equal(found.last.where, wanted ? "the log, event 1" : "");
    xd_store_destroy(store);
}

static void bytes_that_events_were_mapped_from_are_those_of_their_name(void **state)
{
    (void)state;
    assert_found("a,b\n", "a,b\n", NULL);
    assert_found("a,b\n", NULL, "was mapped from bytes that are missing");
    assert_found("a,b\n", "a,c\n",
                 "was mapped from bytes that are not those of their name any more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_events_were_mapped_from_are_those_of_their_name),
    };
    return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
