/* What the tests of formats share: layouts from text, reading a text in pieces of a given length,
 * and writing what was read. For the tests only. */
#ifndef XD_FORMAT_FORMAT_TEST_H
#define XD_FORMAT_FORMAT_TEST_H

#include "format/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEST_BYTES = 64 << 20 };

/* Compiles a layout; fails the test when it is wrong. */
static inline xd_format *test_layout(const char *text)
{
    xd_arena arena;
    const xd_json *tree = NULL;
    xd_format *format = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_init(&arena, TEST_BYTES);
    if (xd_json_parse(xd_str_from(text), XD_JSON_LIMITS_DEFAULT, &arena, &tree, &fault) != XD_OK ||
        xd_format_open(tree, &format, &fault) != XD_OK) {
        print_error("layout %s: %s: %s\n", text, fault.path, fault.text);
        fail();
    }
    xd_arena_finish(&arena);
    return format;
}

/* Asserts that a layout is refused by rule at path. */
static inline void assert_layout_refused(const char *text, const char *rule, const char *path)
{
    xd_arena arena;
    const xd_json *tree = NULL;
    xd_format *format = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_init(&arena, TEST_BYTES);
    assert_int_equal(
        xd_json_parse(xd_str_from(text), XD_JSON_LIMITS_DEFAULT, &arena, &tree, &fault), XD_OK);
    assert_int_equal(xd_format_open(tree, &format, &fault), XD_INVALID);
    assert_string_equal(fault.rule, rule);
    assert_string_equal(fault.path, path);
    xd_arena_finish(&arena);
}

/* Reads text in pieces of piece bytes, each in memory of its own, so that reading outside it or
 * after its time is found. Appends one line a record; a fault appends "LINE:COLUMN PATH RULE" and,
 * where the reader can, it goes on. Returns the last fault. */
static inline xd_fault test_read(const xd_format *format, xd_str text, size_t piece, xd_buf *out)
{
    xd_format_reader *reader = NULL;
    xd_fault last = XD_FAULT_NONE;
    assert_int_equal(xd_format_reader_create(format, &reader, NULL), XD_OK);
    size_t at = 0;
    bool reading = true;
    while (reading) {
        size_t n = text.len - at < piece ? text.len - at : piece;
        char *own = malloc(n ? n : 1);
        assert_non_null(own);
        memcpy(own, text.ptr + at, n);
        at += n;
        xd_format_feed(reader, (xd_str){own, n}, at == text.len);
        for (;;) {
            const xd_json *record = NULL;
            bool goes_on = false;
            xd_fault fault = XD_FAULT_NONE;
            if (xd_format_next(reader, &record, &goes_on, &fault) != XD_OK) {
                xd_buf_printf(out, "%d:%d %s %s\n", (int)fault.line, (int)fault.column, fault.path,
                              fault.rule);
                last = fault;
                if (goes_on) {
                    continue;
                }
                reading = false;
                break;
            }
            if (!record) {
                break;
            }
            xd_json_write(out, record);
            xd_buf_char(out, '\n');
        }
        free(own);
        reading = reading && at < text.len;
    }
    xd_format_reader_destroy(reader);
    return last;
}

static inline void assert_same_text(xd_str found, xd_str expected)
{
    if (!xd_str_eq(found, expected)) {
        print_error("expected:\n%.*s\nfound:\n%.*s\n", XD_FMT(expected), XD_FMT(found));
        fail();
    }
}

/* What text is read as, whole and in pieces of every length up to 9 bytes. */
static inline xd_fault assert_bytes_read(const char *layout, xd_str text, const char *expected)
{
    xd_format *format = test_layout(layout);
    xd_buf out;
    xd_fault fault = XD_FAULT_NONE;
    xd_buf_init(&out, TEST_BYTES);
    for (size_t piece = 0; piece < 10; piece++) {
        xd_buf_clear(&out);
        fault = test_read(format, text, piece ? piece : SIZE_MAX, &out);
        assert_same_text(xd_buf_str(&out), xd_str_from(expected));
    }
    xd_buf_finish(&out);
    xd_format_close(format);
    return fault;
}

static inline xd_fault assert_read(const char *layout, const char *text, const char *expected)
{
    return assert_bytes_read(layout, xd_str_from(text), expected);
}

/* Writes NDJSON records by a layout; stops at the first fault, which is returned. */
static inline xd_fault test_write(const xd_format *format, xd_str records, xd_buf *out)
{
    xd_format *ndjson = test_layout("{\"format\":\"ndjson\",\"max_row_bytes\":16000000,"
                                    "\"max_depth\":600}");
    xd_format_reader *reader = NULL;
    xd_format_writer *writer = NULL;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(xd_format_reader_create(ndjson, &reader, NULL), XD_OK);
    assert_int_equal(xd_format_writer_create(format, &writer, NULL), XD_OK);
    xd_format_feed(reader, records, true);
    for (;;) {
        const xd_json *record = NULL;
        if (xd_format_next(reader, &record, NULL, &fault) != XD_OK) {
            print_error("record: %s\n", fault.text);
            fail();
        }
        if (!record || xd_format_write(writer, record, out, &fault) != XD_OK) {
            break;
        }
    }
    if (fault.code == XD_OK) {
        assert_int_equal(xd_format_write_end(writer, out, &fault), XD_OK);
    }
    xd_format_writer_destroy(writer);
    xd_format_reader_destroy(reader);
    xd_format_close(ndjson);
    return fault;
}

static inline void assert_written(const char *layout, const char *records, const char *expected,
                                  size_t expected_len)
{
    xd_format *format = test_layout(layout);
    xd_buf out;
    xd_buf_init(&out, TEST_BYTES);
    xd_fault fault = test_write(format, xd_str_from(records), &out);
    if (fault.code != XD_OK) {
        print_error("%s: %s\n", fault.path, fault.text);
        fail();
    }
    assert_same_text(xd_buf_str(&out), (xd_str){expected, expected_len});
    xd_buf_finish(&out);
    xd_format_close(format);
}

static inline void assert_not_written(const char *layout, const char *record, const char *rule,
                                      const char *path)
{
    xd_format *format = test_layout(layout);
    xd_buf out;
    xd_buf_init(&out, TEST_BYTES);
    xd_fault fault = test_write(format, xd_str_from(record), &out);
    assert_string_equal(fault.rule, rule);
    assert_string_equal(fault.path, path);
    assert_int_equal(out.len, 0);
    xd_buf_finish(&out);
    xd_format_close(format);
}

/* A whole file; fails the test when it cannot be read. */
static inline void test_file(const char *path, xd_buf *buf)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        print_error("cannot open %s\n", path);
        fail();
    }
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        xd_buf_add(buf, chunk, n);
    }
    assert_false(ferror(file) || buf->failed);
    fclose(file);
}

#endif
