/* The contract of port/store.h: every case runs on every driver, and a long random run compares
 * them operation by operation. */
#include "store_test.h"

typedef struct fixture {
    bool sqlite;
    test_folder at;
    xd_store *store;
    xd_arena arena;
} fixture;

static int setup(void **state, bool sqlite)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->sqlite = sqlite;
    test_folder_make(&f->at);
    f->store = sqlite ? test_open(f->at.path, XD_STORE_WRITE) : xd_store_memory_create();
    assert_non_null(f->store);
    xd_arena_init(&f->arena, 64u << 20);
    *state = f;
    return 0;
}

static int setup_sqlite(void **state)
{
    return setup(state, true);
}

static int setup_memory(void **state)
{
    return setup(state, false);
}

static int teardown(void **state)
{
    fixture *f = *state;
    xd_store_destroy(f->store);
    xd_arena_finish(&f->arena);
    test_folder_remove(&f->at);
    free(f);
    return 0;
}

static xd_str get(fixture *f, xd_state_kind kind, const char *key)
{
    xd_str value = XD_STR("untouched");
    assert_int_equal(
        f->store->ops->state_get(f->store, kind, xd_str_from(key), &f->arena, &value, NULL), XD_OK);
    return value;
}

static int64_t head(xd_store *store)
{
    int64_t seq = -1;
    assert_int_equal(store->ops->log_head(store, &seq, NULL), XD_OK);
    return seq;
}

#define assert_text(value, expected)                                                               \
    do {                                                                                           \
        xd_str assert_text_ = (value);                                                             \
        assert_non_null(assert_text_.ptr);                                                         \
        assert_int_equal(assert_text_.len, strlen(expected));                                      \
        assert_memory_equal(assert_text_.ptr, expected, strlen(expected));                         \
    } while (0)

static int64_t found(xd_store *store, const char *source, const char *id)
{
    int64_t seq = -1;
    assert_int_equal(
        store->ops->event_find(store, xd_str_from(source), xd_str_from(id), &seq, NULL), XD_OK);
    return seq;
}

static void test_register(xd_store *store, xd_log_row row)
{
    assert_int_equal(store->ops->event_put(store, &row, NULL), XD_OK);
}

static void a_row_of_the_log_comes_back_as_it_was(void **state)
{
    fixture *f = *state;
    test_begin(f->store);
    test_append(f->store, test_row(1, "wms-a", "1", "{\"a\":1}"));
    test_append(f->store, test_row(2, "wms-b", "1", "{\"b\":1}"));
    test_commit(f->store);
    test_begin(f->store);
    test_append(f->store, test_row(3, "wms-a", "11", "{}"));
    test_commit(f->store);
    assert_int_equal(head(f->store), 3);

    xd_log_row row;
    assert_int_equal(f->store->ops->log_get(f->store, 1, &f->arena, &row, NULL), XD_OK);
    assert_text(row.body, "{\"a\":1}");
    assert_text(row.source, "wms-a");
    assert_text(row.key, "GR-1");
    assert_text(row.trace, "");
    assert_int_equal(row.recorded_at, 1001);
    assert_int_equal(row.kind, 20);
    assert_true(row.time == XD_INSTANT_NONE);
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(f->store->ops->log_get(f->store, 4, &f->arena, &row, &fault), XD_NOT_FOUND);
    assert_string_equal(fault.rule, "log.seq");
}

static void received_bytes_are_kept_once_and_with_their_event(void **state)
{
    fixture *f = *state;
    const xd_store_ops *ops = f->store->ops;
    xd_str hash = XD_STR("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    xd_str bytes = XD_STR("a;b\0c\n\xff");
    xd_log_row row = test_row(1, "wms", "1", "{}");
    row.map = XD_STR("e3b0");
    row.raw = XD_STR("9f86#1");
    test_begin(f->store);
    assert_int_equal(ops->raw_put(f->store, hash, XD_STR("text/csv"), bytes, NULL), XD_OK);
    test_append(f->store, row);
    ops->rollback(f->store);
    xd_str media = XD_STR_NULL;
    xd_str found_bytes = XD_STR("x");
    assert_int_equal(ops->raw_get(f->store, hash, &f->arena, &media, &found_bytes, NULL), XD_OK);
    assert_null(found_bytes.ptr);

    test_begin(f->store);
    assert_int_equal(ops->raw_put(f->store, hash, XD_STR("text/csv"), bytes, NULL), XD_OK);
    assert_int_equal(ops->raw_put(f->store, hash, XD_STR("other"), bytes, NULL), XD_OK);
    assert_int_equal(ops->raw_put(f->store, XD_STR("00"), XD_STR(""), XD_STR(""), NULL), XD_OK);
    test_append(f->store, row);
    test_append(f->store, test_row(2, "wms", "2", "{}"));
    test_commit(f->store);
    assert_int_equal(ops->raw_get(f->store, hash, &f->arena, &media, &found_bytes, NULL), XD_OK);
    assert_text(media, "text/csv");
    assert_true(xd_str_eq(found_bytes, bytes));
    assert_int_equal(ops->raw_get(f->store, XD_STR("00"), &f->arena, &media, &found_bytes, NULL),
                     XD_OK);
    assert_non_null(found_bytes.ptr);
    assert_int_equal(found_bytes.len, 0);
    assert_int_equal(ops->log_get(f->store, 1, &f->arena, &row, NULL), XD_OK);
    assert_text(row.map, "e3b0");
    assert_text(row.raw, "9f86#1");
    assert_int_equal(ops->log_get(f->store, 2, &f->arena, &row, NULL), XD_OK);
    assert_text(row.map, "");
    assert_text(row.raw, "");
}

static void the_register_finds_an_event_by_its_whole_identity(void **state)
{
    fixture *f = *state;
    test_begin(f->store);
    test_register(f->store, test_row(1, "a", "bc", "{}"));
    test_register(f->store, test_row(2, "ab", "c", "{}"));
    test_register(f->store, test_row(3, "", "abc", "{}"));
    test_register(f->store, test_row(4, "abc", "", "{}"));
    assert_int_equal(found(f->store, "ab", "c"), 2);
    test_commit(f->store);
    assert_int_equal(found(f->store, "a", "bc"), 1);
    assert_int_equal(found(f->store, "", "abc"), 3);
    assert_int_equal(found(f->store, "abc", ""), 4);
    assert_int_equal(found(f->store, "abcd", ""), 0);
    test_begin(f->store);
    test_register(f->store, test_row(5, "z", "1", "{}"));
    f->store->ops->rollback(f->store);
    assert_int_equal(found(f->store, "z", "1"), 0);
}

typedef struct seen {
    int64_t numbers[16];
    int count;
    int stop_after;
} seen;

static xd_status see_row(void *context, const xd_log_row *row)
{
    seen *s = context;
    s->numbers[s->count++] = row->seq;
    return s->count == s->stop_after ? XD_CONFLICT : XD_OK;
}

static xd_status see_number(void *context, int64_t number, xd_str value)
{
    seen *s = context;
    s->numbers[s->count++] = number;
    return value.len == 2 ? XD_OK : XD_INTERNAL;
}

static void the_log_walks_in_order_from_a_place_and_stops_when_told(void **state)
{
    fixture *f = *state;
    test_begin(f->store);
    for (int64_t i = 1; i <= 9; i++) {
        char id[8];
        snprintf(id, sizeof id, "%lld", (long long)i);
        test_append(f->store, test_row(i, "s", id, "{}"));
    }
    test_commit(f->store);
    const xd_store_ops *ops = f->store->ops;
    seen all = {.stop_after = -1};
    assert_int_equal(ops->log_each(f->store, 0, INT64_MAX, see_row, &all, NULL), XD_OK);
    assert_int_equal(all.count, 9);
    seen some = {.stop_after = -1};
    assert_int_equal(ops->log_each(f->store, 4, 3, see_row, &some, NULL), XD_OK);
    assert_int_equal(some.count, 3);
    assert_int_equal(some.numbers[0], 5);
    assert_int_equal(some.numbers[2], 7);
    seen stopped = {.stop_after = 2};
    assert_int_equal(ops->log_each(f->store, 0, 100, see_row, &stopped, NULL), XD_CONFLICT);
    assert_int_equal(stopped.count, 2);
    seen none = {.stop_after = -1};
    assert_int_equal(ops->log_each(f->store, 9, 100, see_row, &none, NULL), XD_OK);
    assert_int_equal(none.count, 0);
}

static void rollback_leaves_nothing_of_a_transaction(void **state)
{
    fixture *f = *state;
    const xd_store_ops *ops = f->store->ops;
    test_begin(f->store);
    test_append(f->store, test_row(1, "s", "1", "{}"));
    test_put(f->store, XD_STATE_ITEM, "kept", "1");
    test_put(f->store, XD_STATE_ITEM, "changed", "1");
    test_commit(f->store);

    test_begin(f->store);
    test_append(f->store, test_row(2, "new-source", "2", "{}"));
    test_put(f->store, XD_STATE_ITEM, "changed", "2");
    test_put(f->store, XD_STATE_ITEM, "changed", "3");
    test_put(f->store, XD_STATE_ITEM, "born", "1");
    assert_int_equal(ops->state_put(f->store, XD_STATE_ITEM, XD_STR("kept"), XD_STR_NULL, NULL),
                     XD_OK);
    assert_int_equal(ops->numbered_put(f->store, XD_NUMBERED_JOURNAL, 1, XD_STR("{}"), NULL),
                     XD_OK);
    assert_int_equal(ops->meta_put(f->store, XD_STR("state_seq"), 7, NULL), XD_OK);
    ops->rollback(f->store);

    assert_int_equal(head(f->store), 1);
    assert_text(get(f, XD_STATE_ITEM, "kept"), "1");
    assert_text(get(f, XD_STATE_ITEM, "changed"), "1");
    assert_null(get(f, XD_STATE_ITEM, "born").ptr);
    int64_t meta = -1;
    assert_int_equal(ops->meta_get(f->store, XD_STR("state_seq"), &meta, NULL), XD_OK);
    assert_int_equal(meta, 0);
    xd_str journal = XD_STR("untouched");
    assert_int_equal(ops->numbered_get(f->store, XD_NUMBERED_JOURNAL, 1, &f->arena, &journal, NULL),
                     XD_OK);
    assert_null(journal.ptr);
    /* The source that was rolled back is given anew, and the seq is free again. */
    test_begin(f->store);
    test_append(f->store, test_row(2, "new-source", "2", "{}"));
    test_commit(f->store);
    xd_log_row row;
    assert_int_equal(ops->log_get(f->store, 2, &f->arena, &row, NULL), XD_OK);
    assert_text(row.source, "new-source");
    ops->rollback(f->store); /* without a transaction it does nothing */
}

static void a_transaction_reads_its_own_writes(void **state)
{
    fixture *f = *state;
    test_begin(f->store);
    test_put(f->store, XD_STATE_STOCK, "EAST/SKU-1", "{\"quantity\":\"5\"}");
    assert_text(get(f, XD_STATE_STOCK, "EAST/SKU-1"), "{\"quantity\":\"5\"}");
    assert_int_equal(
        f->store->ops->state_put(f->store, XD_STATE_STOCK, XD_STR("EAST/SKU-1"), XD_STR_NULL, NULL),
        XD_OK);
    assert_null(get(f, XD_STATE_STOCK, "EAST/SKU-1").ptr);
    test_append(f->store, test_row(1, "s", "1", "{}"));
    assert_int_equal(head(f->store), 1);
    test_commit(f->store);
    assert_null(get(f, XD_STATE_STOCK, "EAST/SKU-1").ptr);
}

static xd_status spell(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    xd_buf_printf(context, "%d:%.*s=%.*s;", (int)kind, XD_FMT(key), XD_FMT(value));
    return XD_OK;
}

static void state_walks_in_order_of_kind_number_and_key_bytes(void **state)
{
    fixture *f = *state;
    test_begin(f->store);
    test_put(f->store, XD_STATE_HOLD, "b", "1");
    test_put(f->store, XD_STATE_ITEM, "b", "2");
    test_put(f->store, XD_STATE_ITEM, "\xc3\xa9", "3");
    test_put(f->store, XD_STATE_ITEM, "B", "4");
    test_put(f->store, XD_STATE_ITEM, "", "5");
    test_put(f->store, XD_STATE_ITEM, "ba", "");
    test_put(f->store, XD_STATE_DEFINITION, "current", "7");
    test_put(f->store, XD_STATE_ITEM, "gone", "8");
    assert_int_equal(
        f->store->ops->state_put(f->store, XD_STATE_ITEM, XD_STR("gone"), XD_STR_NULL, NULL),
        XD_OK);
    assert_int_equal(
        f->store->ops->state_put(f->store, XD_STATE_ITEM, XD_STR("never"), XD_STR_NULL, NULL),
        XD_OK);
    test_commit(f->store);
    xd_buf buf;
    xd_buf_init(&buf, 4096);
    assert_int_equal(f->store->ops->state_each(f->store, XD_STATE_NONE, spell, &buf, NULL), XD_OK);
    assert_text(xd_buf_str(&buf), "1:=5;1:B=4;1:b=2;1:ba=;1:\xc3\xa9=3;32:b=1;56:current=7;");
    xd_buf_clear(&buf);
    assert_int_equal(f->store->ops->state_each(f->store, XD_STATE_HOLD, spell, &buf, NULL), XD_OK);
    assert_text(xd_buf_str(&buf), "32:b=1;");
    xd_buf_finish(&buf);
}

static void keys_and_values_may_hold_any_bytes_of_json(void **state)
{
    fixture *f = *state;
    size_t size = 3u << 20;
    char *big = malloc(size);
    assert_non_null(big);
    memset(big, 'x', size);
    xd_str key = {"a\0b", 3};
    const xd_store_ops *ops = f->store->ops;
    test_begin(f->store);
    assert_int_equal(ops->state_put(f->store, XD_STATE_ITEM, key, (xd_str){big, size}, NULL),
                     XD_OK);
    test_put(f->store, XD_STATE_ITEM, "a", "short");
    test_commit(f->store);
    xd_str value = XD_STR_NULL;
    assert_int_equal(ops->state_get(f->store, XD_STATE_ITEM, key, &f->arena, &value, NULL), XD_OK);
    assert_true(xd_str_eq(value, (xd_str){big, size}));
    assert_text(get(f, XD_STATE_ITEM, "a"), "short");

    xd_arena small;
    xd_arena_init(&small, 4096);
    value = XD_STR("untouched");
    assert_int_equal(ops->state_get(f->store, XD_STATE_ITEM, key, &small, &value, NULL),
                     XD_NO_MEMORY);
    assert_text(value, "untouched");
    xd_arena_finish(&small);
    free(big);
}

static void effects_may_be_replaced_and_journal_entries_may_not(void **state)
{
    fixture *f = *state;
    const xd_store_ops *ops = f->store->ops;
    test_begin(f->store);
    for (int64_t i = 300; i > 0; i -= 100) {
        assert_int_equal(ops->numbered_put(f->store, XD_NUMBERED_EFFECT, i, XD_STR("{}"), NULL),
                         XD_OK);
    }
    assert_int_equal(ops->numbered_put(f->store, XD_NUMBERED_EFFECT, 200, XD_STR("[]"), NULL),
                     XD_OK);
    assert_int_equal(ops->numbered_put(f->store, XD_NUMBERED_JOURNAL, 1, XD_STR("first"), NULL),
                     XD_OK);
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(ops->numbered_put(f->store, XD_NUMBERED_JOURNAL, 1, XD_STR("other"), &fault),
                     XD_CONFLICT);
    assert_string_equal(fault.rule, "store.append_only");
    test_commit(f->store);

    seen walk = {0};
    assert_int_equal(
        ops->numbered_each(f->store, XD_NUMBERED_EFFECT, 100, 100, see_number, &walk, NULL), XD_OK);
    assert_int_equal(walk.count, 2);
    assert_int_equal(walk.numbers[0], 200);
    assert_int_equal(walk.numbers[1], 300);
    xd_str value = XD_STR_NULL;
    assert_int_equal(ops->numbered_get(f->store, XD_NUMBERED_EFFECT, 200, &f->arena, &value, NULL),
                     XD_OK);
    assert_text(value, "[]");
    assert_int_equal(ops->numbered_get(f->store, XD_NUMBERED_JOURNAL, 1, &f->arena, &value, NULL),
                     XD_OK);
    assert_text(value, "first");
}

static void answers_are_kept_per_consumer_until_purged(void **state)
{
    fixture *f = *state;
    const xd_store_ops *ops = f->store->ops;
    test_begin(f->store);
    assert_int_equal(ops->answer_put(f->store, XD_STR("erp"), XD_STR("k"), XD_STR("h1"),
                                     XD_STR("{\"seq\":1}"), 100, NULL),
                     XD_OK);
    assert_int_equal(
        ops->answer_put(f->store, XD_STR("wms"), XD_STR("k"), XD_STR("h2"), XD_STR(""), 200, NULL),
        XD_OK);
    test_commit(f->store);
    xd_str hash = XD_STR_NULL;
    xd_str answer = XD_STR_NULL;
    assert_int_equal(
        ops->answer_get(f->store, XD_STR("erp"), XD_STR("k"), &f->arena, &hash, &answer, NULL),
        XD_OK);
    assert_text(hash, "h1");
    assert_text(answer, "{\"seq\":1}");
    test_begin(f->store);
    assert_int_equal(ops->answer_purge(f->store, 200, NULL), XD_OK);
    test_commit(f->store);
    assert_int_equal(
        ops->answer_get(f->store, XD_STR("erp"), XD_STR("k"), &f->arena, &hash, &answer, NULL),
        XD_OK);
    assert_null(answer.ptr);
    assert_int_equal(
        ops->answer_get(f->store, XD_STR("wms"), XD_STR("k"), &f->arena, &hash, &answer, NULL),
        XD_OK);
    assert_text(hash, "h2");
    assert_text(answer, "");
}

static xd_status put_during_walk(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)value;
    fixture *f = context;
    xd_str same = XD_STR_NULL;
    XD_TRY(f->store->ops->state_get(f->store, kind, key, &f->arena, &same, NULL));
    return same.ptr ? XD_OK : XD_INTERNAL;
}

static void a_visitor_may_read_the_store(void **state)
{
    fixture *f = *state;
    test_begin(f->store);
    test_put(f->store, XD_STATE_ITEM, "a", "1");
    test_put(f->store, XD_STATE_ITEM, "b", "2");
    test_commit(f->store);
    assert_int_equal(f->store->ops->state_each(f->store, XD_STATE_NONE, put_during_walk, f, NULL),
                     XD_OK);
}

/* --- the long comparison --- */

typedef struct pair {
    xd_store *stores[2]; /* sqlite, memory */
    uint64_t random;
    xd_arena arena;
    int64_t head;
    bool open;
} pair;

static uint64_t next_random(pair *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return p->random;
}

static uint32_t below(pair *p, uint32_t limit)
{
    return (uint32_t)(next_random(p) >> 20) % limit;
}

static xd_str random_text(pair *p, const char *prefix, uint32_t variety)
{
    uint32_t length = below(p, 40) == 0 ? 6000 : below(p, 60);
    xd_str text = xd_arena_printf(&p->arena, "%s%u", prefix, below(p, variety));
    return variety > 1000 ? xd_arena_printf(&p->arena, "%.*s%*s", XD_FMT(text), (int)length, "")
                          : text;
}

static void compare_append(pair *p)
{
    xd_str source = random_text(p, "s", 20);
    xd_str id = random_text(p, "id", 900);
    xd_str body = random_text(p, "{}", 5000);
    xd_log_row row = {.seq = p->head + 1,
                      .recorded_at = (int64_t)next_random(p) >> 1,
                      .kind = (int32_t)below(p, 80),
                      .source = source,
                      .id = id,
                      .key = random_text(p, "k", 50),
                      .order_key = random_text(p, "o", 20),
                      .time = below(p, 3) ? (int64_t)below(p, 1000000) : XD_INSTANT_NONE,
                      .actor = random_text(p, "a", 5),
                      .trace = XD_STR(""),
                      .body = body,
                      .map = below(p, 4) ? XD_STR("") : random_text(p, "m", 5),
                      .raw = below(p, 4) ? XD_STR("") : random_text(p, "r", 50)};
    int64_t seqs[2];
    for (int i = 0; i < 2; i++) {
        xd_store *s = p->stores[i];
        test_append(s, row);
        assert_int_equal(s->ops->event_put(s, &row, NULL), XD_OK);
        assert_int_equal(s->ops->event_find(s, row.source, row.id, &seqs[i], NULL), XD_OK);
    }
    assert_int_equal(seqs[0], seqs[1]);
    p->head++;
}

static void compare_state(pair *p)
{
    static const xd_state_kind KINDS[] = {XD_STATE_ITEM, XD_STATE_ORDER_LINE, XD_STATE_DEFINITION};
    xd_state_kind kind = KINDS[below(p, 3)];
    xd_str key = random_text(p, "k/", 400);
    if (below(p, 3)) {
        xd_str value = below(p, 4) ? random_text(p, "v", 5000) : XD_STR_NULL;
        for (int i = 0; i < 2; i++) {
            xd_store *s = p->stores[i];
            assert_int_equal(s->ops->state_put(s, kind, key, value, NULL), XD_OK);
        }
        return;
    }
    xd_str values[2] = {XD_STR("x"), XD_STR("y")};
    for (int i = 0; i < 2; i++) {
        xd_store *s = p->stores[i];
        assert_int_equal(s->ops->state_get(s, kind, key, &p->arena, &values[i], NULL), XD_OK);
    }
    assert_int_equal(values[0].ptr == NULL, values[1].ptr == NULL);
    assert_true(xd_str_eq(values[0], values[1]));
}

static void compare_small_things(pair *p)
{
    xd_numbered table = below(p, 2) ? XD_NUMBERED_EFFECT : XD_NUMBERED_JOURNAL;
    int64_t number = 1 + below(p, 500);
    xd_str value = random_text(p, "n", 5000);
    xd_str name = random_text(p, "m", 6);
    int64_t meta = (int64_t)next_random(p);
    int64_t before = below(p, 100);
    uint32_t choice = below(p, 4);
    xd_status status[2] = {XD_OK, XD_OK};
    for (int i = 0; i < 2; i++) {
        xd_store *s = p->stores[i];
        if (choice == 0) {
            status[i] = s->ops->meta_put(s, name, meta, NULL);
        } else if (choice == 1) {
            status[i] = s->ops->answer_put(s, name, value, name, value, before, NULL);
        } else if (choice == 2 && before < 3) {
            status[i] = s->ops->answer_purge(s, before * 10, NULL);
        } else {
            status[i] = s->ops->numbered_put(s, table, number, value, NULL);
        }
    }
    assert_int_equal(status[0], status[1]);
}

static xd_status spell_row(void *context, const xd_log_row *row)
{
    xd_buf_printf(context, "%lld %lld %d %.*s %.*s %.*s %.*s %lld %.*s %.*s %.*s %.*s\n",
                  (long long)row->seq, (long long)row->recorded_at, (int)row->kind,
                  XD_FMT(row->source), XD_FMT(row->id), XD_FMT(row->key), XD_FMT(row->order_key),
                  (long long)row->time, XD_FMT(row->actor), XD_FMT(row->body), XD_FMT(row->map),
                  XD_FMT(row->raw));
    return XD_OK;
}

static xd_status spell_number(void *context, int64_t number, xd_str value)
{
    xd_buf_printf(context, "%lld=%.*s;", (long long)number, XD_FMT(value));
    return XD_OK;
}

static void spell_all(xd_store *s, xd_arena *arena, xd_buf *buf)
{
    assert_int_equal(s->ops->log_each(s, 0, INT64_MAX, spell_row, buf, NULL), XD_OK);
    assert_int_equal(s->ops->state_each(s, XD_STATE_NONE, spell, buf, NULL), XD_OK);
    for (int table = XD_NUMBERED_EFFECT; table <= XD_NUMBERED_JOURNAL; table++) {
        assert_int_equal(
            s->ops->numbered_each(s, (xd_numbered)table, 0, INT64_MAX, spell_number, buf, NULL),
            XD_OK);
    }
    for (int i = 0; i < 6; i++) {
        int64_t value = 0;
        xd_str name = xd_arena_printf(arena, "m%d", i);
        assert_int_equal(s->ops->meta_get(s, name, &value, NULL), XD_OK);
        xd_buf_printf(buf, "%lld,", (long long)value);
    }
    assert_false(buf->failed);
}

static void compare_all(pair *p)
{
    xd_buf bufs[2];
    for (int i = 0; i < 2; i++) {
        xd_buf_init(&bufs[i], 256u << 20);
        spell_all(p->stores[i], &p->arena, &bufs[i]);
    }
    assert_true(xd_str_eq(xd_buf_str(&bufs[0]), xd_buf_str(&bufs[1])));
    xd_buf_finish(&bufs[0]);
    xd_buf_finish(&bufs[1]);
}

static void end_transaction(pair *p, int64_t *committed_head)
{
    bool keep = below(p, 3) != 0;
    for (int i = 0; i < 2; i++) {
        xd_store *s = p->stores[i];
        if (keep) {
            test_commit(s);
        } else {
            s->ops->rollback(s);
        }
    }
    p->head = keep ? p->head : *committed_head;
    *committed_head = p->head;
    p->open = false;
}

static void sqlite_and_memory_agree_over_twenty_thousand_operations(void **state)
{
    (void)state;
    test_folder at;
    test_folder_make(&at);
    pair p = {.random = 20261123};
    xd_arena_init(&p.arena, 64u << 20);
    p.stores[0] = test_open(at.path, XD_STORE_WRITE);
    p.stores[1] = xd_store_memory_create();
    int64_t committed_head = 0;
    for (int i = 0; i < 20000; i++) {
        xd_arena_reset(&p.arena);
        if (!p.open) {
            test_begin(p.stores[0]);
            test_begin(p.stores[1]);
            p.open = true;
        }
        uint32_t what = below(&p, 100);
        if (what < 25) {
            compare_append(&p);
        } else if (what < 85) {
            compare_state(&p);
        } else if (what < 98) {
            compare_small_things(&p);
        } else {
            end_transaction(&p, &committed_head);
        }
        assert_int_equal(head(p.stores[0]), head(p.stores[1]));
        if (!p.open && below(&p, 20) == 0) {
            compare_all(&p);
            xd_store_destroy(p.stores[0]);
            p.stores[0] = test_open(at.path, XD_STORE_WRITE);
        }
    }
    compare_all(&p);
    xd_store_destroy(p.stores[0]);
    xd_store_destroy(p.stores[1]);
    xd_arena_finish(&p.arena);
    test_folder_remove(&at);
}

#define ON_BOTH(test)                                                                              \
    cmocka_unit_test_setup_teardown(test, setup_memory, teardown),                                 \
        cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_row_of_the_log_comes_back_as_it_was),
        ON_BOTH(received_bytes_are_kept_once_and_with_their_event),
        ON_BOTH(the_register_finds_an_event_by_its_whole_identity),
        ON_BOTH(the_log_walks_in_order_from_a_place_and_stops_when_told),
        ON_BOTH(rollback_leaves_nothing_of_a_transaction),
        ON_BOTH(a_transaction_reads_its_own_writes),
        ON_BOTH(state_walks_in_order_of_kind_number_and_key_bytes),
        ON_BOTH(keys_and_values_may_hold_any_bytes_of_json),
        ON_BOTH(effects_may_be_replaced_and_journal_entries_may_not),
        ON_BOTH(answers_are_kept_per_consumer_until_purged),
        ON_BOTH(a_visitor_may_read_the_store),
        cmocka_unit_test(sqlite_and_memory_agree_over_twenty_thousand_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
