/* Journal entries: balance, gapless numbers, and a chain that tells a changed entry from a missing
 * one. */
#include "ledger/journal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ENTRIES = 4 };

typedef struct books {
    xd_arena arena;
    xd_buf buf;
    xd_journal_chain chain;
    xd_str texts[ENTRIES];
    int64_t numbers[ENTRIES];
} books;

static xd_journal draft(books *b, const char *date)
{
    return (xd_journal){.ledger = XD_STR("main"),
                        .currency = XD_STR("USD"),
                        .digits = 2,
                        .date = xd_str_from(date),
                        .kind = "manual",
                        .document = XD_STR("D"),
                        .seq = 7,
                        .source = XD_STR("urn:s"),
                        .event = XD_STR("e"),
                        .actor = XD_STR(""),
                        .arena = &b->arena};
}

static xd_status add(xd_journal *journal, const char *account, const char *amount)
{
    xd_journal_line line = {.account = xd_str_from(account)};
    assert_int_equal(xd_decimal_parse(xd_str_from(amount), &line.amount, NULL), XD_OK);
    return xd_journal_add(journal, line, NULL);
}

static int set_up(void **state)
{
    static books b;
    static const char *const dates[ENTRIES] = {"2025-12-31", "2026-01-01", "2025-12-30",
                                               "2026-01-02"};
    b = (books){0};
    xd_arena_init(&b.arena, 1 << 20);
    xd_buf_init(&b.buf, 1 << 20);
    assert_int_equal(xd_journal_chain_read(NULL, &b.arena, &b.chain, NULL), XD_OK);
    for (int i = 0; i < ENTRIES; i++) {
        xd_journal journal = draft(&b, dates[i]);
        assert_int_equal(add(&journal, "1000", "10.5"), XD_OK);
        assert_int_equal(add(&journal, "1500", "0.00"), XD_OK); /* adds nothing */
        assert_int_equal(add(&journal, "2000", "-10.50"), XD_OK);
        xd_buf_clear(&b.buf);
        assert_int_equal(xd_journal_post(&journal, &b.chain, &b.arena, &b.buf, &b.numbers[i], NULL),
                         XD_OK);
        b.texts[i] = xd_arena_copy(&b.arena, xd_buf_str(&b.buf));
    }
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    books *b = *state;
    xd_buf_finish(&b->buf);
    xd_arena_finish(&b->arena);
    return 0;
}

static void numbers_have_no_gap_per_year(void **state)
{
    const books *b = *state;
    static const int64_t expected[ENTRIES] = {1, 1, 2, 2};
    assert_memory_equal(b->numbers, expected, sizeof expected);
    assert_int_equal(b->chain.ordinal, ENTRIES);
}

static void the_chain_survives_being_stored(void **state)
{
    books *b = *state;
    const xd_json *json = NULL;
    xd_journal_chain again;
    xd_buf_clear(&b->buf);
    xd_journal_chain_write(&b->chain, &b->buf);
    assert_int_equal(
        xd_json_parse(xd_buf_str(&b->buf), XD_JSON_LIMITS_DEFAULT, &b->arena, &json, NULL), XD_OK);
    assert_int_equal(xd_journal_chain_read(json, &b->arena, &again, NULL), XD_OK);
    assert_string_equal(again.head, b->chain.head);
    assert_int_equal(again.count, 2);
    assert_int_equal(again.numbers[1].last, 2);
}

static xd_str zeros(void)
{
    return XD_STR("0000000000000000000000000000000000000000000000000000000000000000");
}

static void a_true_chain_verifies(void **state)
{
    const books *b = *state;
    xd_str previous = zeros();
    for (int i = 0; i < ENTRIES; i++) {
        assert_int_equal(xd_journal_verify(b->texts[i], previous, &previous, NULL), XD_OK);
    }
}

static void a_missing_entry_is_a_broken_link(void **state)
{
    const books *b = *state;
    xd_str previous = zeros();
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(xd_journal_verify(b->texts[0], previous, &previous, NULL), XD_OK);
    assert_int_equal(xd_journal_verify(b->texts[2], previous, &previous, &fault), XD_CORRUPT);
    assert_string_equal(fault.rule, "journal.link");
}

static void every_changed_byte_is_changed_content(void **state)
{
    const books *b = *state;
    xd_str hash, text = b->texts[1];
    char copy[2048];
    assert_int_equal(xd_journal_verify(b->texts[0], zeros(), &hash, NULL), XD_OK);
    for (size_t i = 0; i < text.len; i++) {
        xd_fault fault = XD_FAULT_NONE;
        xd_str ignored;
        memcpy(copy, text.ptr, text.len);
        copy[i] ^= 1;
        assert_int_equal(xd_journal_verify((xd_str){copy, text.len}, hash, &ignored, &fault),
                         i + 2 < text.len ? XD_CORRUPT : fault.code);
        if (i + 2 < text.len) {
            assert_string_equal(fault.rule, "journal.content");
        }
    }
}

static void what_does_not_balance_is_refused(void **state)
{
    books *b = *state;
    xd_fault fault = XD_FAULT_NONE;
    xd_journal journal = draft(b, "2026-02-01");
    assert_int_equal(xd_journal_check(&journal, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "journal.lines");
    assert_int_equal(add(&journal, "1000", "10.00"), XD_OK);
    assert_int_equal(add(&journal, "2000", "-9.99"), XD_OK);
    assert_int_equal(xd_journal_check(&journal, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "journal.balance");
    assert_int_equal(add(&journal, "2000", "-0.001"), XD_INVALID); /* no such coin */
    xd_journal_chain before = b->chain;
    int64_t number = 0;
    assert_int_equal(xd_journal_post(&journal, &b->chain, &b->arena, &b->buf, &number, NULL),
                     XD_INVALID);
    assert_int_equal(b->chain.ordinal, before.ordinal);
    assert_string_equal(b->chain.head, before.head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_no_gap_per_year),
        cmocka_unit_test(the_chain_survives_being_stored),
        cmocka_unit_test(a_true_chain_verifies),
        cmocka_unit_test(a_missing_entry_is_a_broken_link),
        cmocka_unit_test(every_changed_byte_is_changed_content),
        cmocka_unit_test(what_does_not_balance_is_refused),
    };
    return cmocka_run_group_tests_name("journal", tests, set_up, tear_down);
}
