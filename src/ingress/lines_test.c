/* The line splitter against a plain one: whatever the text and however it is cut into pieces, the
 * same lines come out, with the same numbers and places. */
#include "ingress/lines.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_LINE = 12, TEXT = 400, BUFFER = 4096 };

typedef struct seen {
    xd_line_kind kind;
    int64_t number, offset;
    size_t length;
} seen;

/* The whole text at once, line by line. */
static size_t split_plainly(const char *text, size_t n, seen *ret)
{
    size_t count = 0;
    int64_t number = 0;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at;
        size_t step = length + (end ? 1 : 0);
        number++;
        if (end && length && text[at + length - 1] == '\r') {
            length--;
        }
        bool blank = true;
        for (size_t i = 0; i < length; i++) {
            blank = blank && (text[at + i] == ' ' || text[at + i] == '\r');
        }
        if (length > MAX_LINE || !blank) {
            ret[count++] = (seen){.kind = length > MAX_LINE ? XD_LINE_TOO_LONG : XD_LINE_TEXT,
                                  .number = number,
                                  .offset = (int64_t)at,
                                  .length = length > MAX_LINE ? MAX_LINE : length};
        }
        at += step;
    }
    return count;
}

static size_t drain(xd_lines *lines, bool last, const char *text, seen *ret)
{
    size_t count = 0;
    xd_line line;
    for (;;) {
        xd_line_kind kind = xd_lines_peek(lines, last, &line);
        if (kind == XD_LINE_NONE) {
            return count;
        }
        assert_memory_equal(line.text.ptr, text + line.offset, line.text.len);
        ret[count++] = (seen){
            .kind = kind, .number = line.number, .offset = line.offset, .length = line.text.len};
        xd_lines_drop(lines, &line);
    }
}

static void any_pieces_give_the_same_lines(void **state)
{
    (void)state;
    static const char alphabet[] = "ab\r\n\n \n";
    xd_random random = {7};
    for (int round = 0; round < 3000; round++) {
        char text[TEXT];
        size_t n = xd_random_below(&random, TEXT);
        bool long_lines = round % 3 == 0;
        for (size_t i = 0; i < n; i++) {
            text[i] = alphabet[xd_random_below(&random, long_lines ? 4 : sizeof alphabet - 1)];
            if (long_lines && text[i] == '\n' && xd_random_below(&random, 4)) {
                text[i] = 'x';
            }
        }
        seen expected[TEXT];
        size_t expected_count = split_plainly(text, n, expected);
        seen got[TEXT];
        size_t got_count = 0;
        xd_lines lines;
        xd_lines_init(&lines, MAX_LINE, BUFFER);
        for (size_t at = 0; at < n;) {
            size_t piece = 1 + xd_random_below(&random, 40);
            piece = piece < n - at ? piece : n - at;
            assert_true(xd_lines_add(&lines, (xd_str){text + at, piece}));
            at += piece;
            if (xd_random_below(&random, 3) || at == n) {
                got_count += drain(&lines, at == n, text, got + got_count);
            }
        }
        assert_int_equal(got_count, expected_count);
        for (size_t i = 0; i < got_count; i++) {
            assert_int_equal(got[i].kind, expected[i].kind);
            assert_int_equal(got[i].number, expected[i].number);
            assert_int_equal(got[i].offset, expected[i].offset);
            assert_int_equal(got[i].length, expected[i].length);
        }
        xd_lines_finish(&lines);
    }
}

static void buffer_is_bounded(void **state)
{
    (void)state;
    xd_lines lines;
    xd_line line;
    char piece[100];
    memset(piece, 'x', sizeof piece);
    xd_lines_init(&lines, 50, 256);
    /* A line of any length passes through, seen once, as long as it is dropped when found. */
    assert_true(xd_lines_add(&lines, (xd_str){piece, sizeof piece}));
    assert_int_equal(xd_lines_peek(&lines, false, &line), XD_LINE_TOO_LONG);
    assert_int_equal(line.text.len, 50);
    xd_lines_drop(&lines, &line);
    for (int i = 0; i < 1000; i++) {
        assert_true(xd_lines_add(&lines, (xd_str){piece, sizeof piece}));
        assert_int_equal(xd_lines_peek(&lines, false, &line), XD_LINE_NONE);
    }
    assert_true(xd_lines_add(&lines, XD_STR("x\nnext\n")));
    assert_int_equal(xd_lines_peek(&lines, false, &line), XD_LINE_TEXT);
    assert_int_equal(line.number, 2);
    assert_int_equal(line.offset, 100 + 100000 + 2);
    /* What is not dropped fills the buffer, and then nothing more is taken. */
    assert_true(xd_lines_add(&lines, (xd_str){piece, sizeof piece}));
    assert_true(xd_lines_add(&lines, (xd_str){piece, sizeof piece}));
    assert_false(xd_lines_add(&lines, (xd_str){piece, sizeof piece}));
    assert_int_equal(xd_lines_peek(&lines, false, &line), XD_LINE_TEXT);
    assert_int_equal(line.number, 2);
    xd_lines_finish(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces_give_the_same_lines),
        cmocka_unit_test(buffer_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
