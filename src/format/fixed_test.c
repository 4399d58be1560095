/* Fixed width: text lines, mainframe records with packed, zoned and binary numbers, record types,
 * and the properties that pieces do not matter and that what is written reads the same. */
#include "format/format_test.h"

#include "base/random.h"

#define ITEMS                                                                                      \
    "{\"format\":\"fixed\",\"records\":["                                                          \
    "{\"name\":\"head\",\"when\":{\"value\":\"H\"},\"fields\":[{\"length\":1},"                    \
    "{\"name\":\"number\",\"length\":6,\"type\":\"integer\",\"pad\":\"0\"},"                       \
    "{\"name\":\"day\",\"length\":8,\"type\":\"date\",\"format\":\"YYYYMMDD\"}]},"                 \
    "{\"name\":\"item\",\"when\":{\"start\":1,\"value\":\"I\"},\"fields\":["                       \
    "{\"name\":\"sku\",\"start\":2,\"length\":5},"                                                 \
    "{\"name\":\"qty\",\"length\":7,\"type\":\"decimal\",\"decimals\":3,\"sign\":\"trailing\"},"   \
    "{\"name\":\"note\",\"length\":4,\"justify\":\"right\"}]}]}"

static void lines_are_told_apart_by_their_mark(void **state)
{
    (void)state;
    assert_read(ITEMS, "H00004220261117\nIAB   001500-x\xC3\xA9  \r\n\nIABCDE      5   z",
                "{\"record\":\"head\",\"number\":42,\"day\":\"2026-11-17\"}\n"
                "{\"record\":\"item\",\"sku\":\"AB\",\"qty\":-1.500,\"note\":\"xé \"}\n"
                "{\"record\":\"item\",\"sku\":\"ABCDE\",\"qty\":0.005,\"note\":\"z\"}\n");
    assert_read(ITEMS, "IAB   001500-  xy\n",
                "{\"record\":\"item\",\"sku\":\"AB\",\"qty\":-1.500,\"note\":\"xy\"}\n");
    assert_read(ITEMS, "X1\n", "1:1  fixed.record\n");
}

static void values_are_named_by_byte(void **state)
{
    (void)state;
    xd_fault fault = assert_read(ITEMS, "H00004220261117\nIAB   0015x0   xy\nH00004220261317\n",
                                 "{\"record\":\"head\",\"number\":42,\"day\":\"2026-11-17\"}\n"
                                 "2:7 /qty value.decimal\n3:8 /day value.date\n");
    assert_int_equal(fault.offset, 16 + 18 + 7);
    assert_read("{\"format\":\"fixed\",\"short_lines\":true,\"fields\":["
                "{\"name\":\"a\",\"length\":3},{\"name\":\"b\",\"length\":3}]}",
                "x\n\nabcde\n", "{\"a\":\"x\",\"b\":\"\"}\n{\"a\":\"abc\",\"b\":\"de\"}\n");
}

#define MAINFRAME                                                                                  \
    "{\"format\":\"fixed\",\"encoding\":\"CP037\",\"record_bytes\":20,\"fields\":["                \
    "{\"name\":\"name\",\"length\":5},"                                                            \
    "{\"name\":\"zoned\",\"length\":4,\"type\":\"zoned\",\"decimals\":2},"                         \
    "{\"name\":\"packed\",\"length\":3,\"type\":\"packed\",\"decimals\":2},"                       \
    "{\"name\":\"binary\",\"length\":4,\"type\":\"binary\"},"                                      \
    "{\"name\":\"u\",\"length\":2,\"type\":\"binary\",\"sign\":\"none\"},"                         \
    "{\"name\":\"lead\",\"length\":2,\"type\":\"decimal\",\"sign\":\"overpunch_leading\"}]}"

static void mainframe_numbers_are_exact(void **state)
{
    (void)state;
    static const char bytes[] = "\xC1\xC2\x40\x40\x40\xF1\xF2\xF3\xD4\x12\x34\x5D\xFF\xFF\xFF\xFE"
                                "\xFF\xFF\xD1\xF2"
                                "\x5B\x40\x40\x40\x40\xF0\xF0\xF0\xC0\x00\x00\x0C\x00\x00\x01\x00"
                                "\x00\x07\xC9\xF9";
    static const char rows[] = "{\"name\":\"AB\",\"zoned\":-12.34,\"packed\":-123.45,\"binary\":-2,"
                               "\"u\":65535,\"lead\":-12}\n"
                               "{\"name\":\"$\",\"zoned\":0.00,\"packed\":0.00,\"binary\":256,"
                               "\"u\":7,\"lead\":99}\n";
    assert_bytes_read(MAINFRAME, (xd_str){bytes, sizeof bytes - 1}, rows);
    assert_written(MAINFRAME, rows, bytes, sizeof bytes - 1);
    xd_fault fault = assert_bytes_read(MAINFRAME, (xd_str){bytes, 25},
                                       "{\"name\":\"AB\",\"zoned\":-12.34,\"packed\":-123.45,"
                                       "\"binary\":-2,\"u\":65535,\"lead\":-12}\n"
                                       "2:6  fixed.length\n");
    assert_int_equal(fault.offset, 25);
    char broken[sizeof bytes];
    memcpy(broken, bytes, sizeof bytes);
    broken[11] = '\x53'; /* 3 is no sign */
    assert_bytes_read(MAINFRAME, (xd_str){broken, 20}, "1:10 /packed value.packed\n");
}

static void record_descriptor_words_frame_records(void **state)
{
    (void)state;
    static const char layout[] =
        "{\"format\":\"fixed\",\"rdw\":true,\"encoding\":\"CP1047\",\"short_lines\":true,"
        "\"fields\":[{\"name\":\"a\",\"length\":2},{\"name\":\"b\",\"length\":2}]}";
    static const char bytes[] = "\0\x08\0\0\xC1\x40\xC2\x40\0\x06\0\0\xC3\xC4";
    assert_bytes_read(layout, (xd_str){bytes, sizeof bytes - 1},
                      "{\"a\":\"A\",\"b\":\"B\"}\n{\"a\":\"CD\",\"b\":\"\"}\n");
    assert_bytes_read(layout, (xd_str){"\0\x02\0\0", 4}, "1:1  fixed.rdw\n");
    assert_written(layout, "{\"a\":\"A\",\"b\":\"B\"}\n", bytes, 8);
}

static void records_are_written_exactly_or_not(void **state)
{
    (void)state;
    static const char expected[] = "H00004220261117\nIAB   001500-  xy\nIC              \n";
    assert_written(ITEMS,
                   "{\"record\":\"head\",\"number\":42,\"day\":\"2026-11-17\"}\n"
                   "{\"record\":\"item\",\"sku\":\"AB\",\"qty\":\"-1.5\",\"note\":\"xy\"}\n"
                   "{\"record\":\"item\",\"sku\":\"C\"}\n",
                   "H00004220261117\nIAB   001500-  xy\nIC               \n", sizeof expected);
    assert_not_written(ITEMS, "{\"record\":\"item\",\"sku\":\"ABCDEF\"}", "fixed.length", "/sku");
    assert_not_written(ITEMS, "{\"record\":\"item\",\"qty\":1.2345}", "value.decimal", "/qty");
    assert_not_written(ITEMS, "{\"record\":\"item\",\"qty\":1000}", "value.range", "/qty");
    assert_not_written(ITEMS, "{\"record\":\"item\",\"sku\":\"a\\nb\"}", "fixed.record", "");
    assert_not_written(ITEMS, "{\"record\":\"foot\"}", "fixed.record", "");
    assert_not_written(ITEMS, "{\"record\":\"item\",\"quantity\":1}", "fixed.record", "");
    assert_not_written(MAINFRAME, "{\"packed\":null}", "value.required", "/packed");
}

static void layouts_are_checked(void **state)
{
    (void)state;
    assert_layout_refused("{\"format\":\"fixed\",\"fields\":[{\"name\":\"a\",\"length\":3,"
                          "\"type\":\"packed\"}]}",
                          "layout.framing", "/fields/0/type");
    assert_layout_refused("{\"format\":\"fixed\",\"record_bytes\":2,\"fields\":[{\"name\":\"a\","
                          "\"length\":3}]}",
                          "layout.range", "/fields/0");
    assert_layout_refused("{\"format\":\"fixed\"}", "layout.required", "");
    assert_layout_refused(
        "{\"format\":\"fixed\",\"encoding\":\"UTF-16\",\"fields\":[{\"length\":1}]}",
        "layout.encoding", "/encoding");
    assert_layout_refused("{\"format\":\"fixed\",\"records\":[{\"name\":\"a\",\"fields\":["
                          "{\"length\":1}]},{\"name\":\"b\",\"fields\":[{\"length\":1}]}]}",
                          "layout.required", "/records/0");
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    static const char *const layouts[] = {
        MAINFRAME, "{\"format\":\"fixed\",\"encoding\":\"ISO-8859-1\",\"fields\":["
                   "{\"name\":\"name\",\"length\":5,\"justify\":\"right\"},"
                   "{\"name\":\"zoned\",\"length\":5,\"type\":\"zoned\",\"decimals\":2},"
                   "{\"name\":\"packed\",\"length\":9,\"type\":\"decimal\"},"
                   "{\"name\":\"binary\",\"length\":12,\"type\":\"integer\",\"pad\":\"0\"},"
                   "{\"name\":\"u\",\"length\":6,\"type\":\"decimal\",\"sign\":\"leading\"},"
                   "{\"name\":\"lead\",\"length\":4,\"type\":\"decimal\",\"sign\":\"trailing\"}]}"};
    xd_random random = {5};
    xd_buf rows, bytes, again;
    xd_buf_init(&rows, TEST_BYTES);
    xd_buf_init(&bytes, TEST_BYTES);
    xd_buf_init(&again, TEST_BYTES);
    for (int round = 0; round < 500; round++) {
        xd_format *format = test_layout(layouts[round % 2]);
        xd_buf_clear(&rows);
        xd_buf_clear(&bytes);
        for (uint64_t n = xd_random_below(&random, 4) + 1; n > 0; n--) {
            int64_t z = (int64_t)xd_random_below(&random, 19999) - 9999;
            int64_t p = (int64_t)xd_random_below(&random, 199999) - 99999;
            xd_buf_printf(&rows, "{\"name\":\"%.*s\",\"zoned\":%s%d.%02d,\"packed\":%s%d.%02d,",
                          (int)xd_random_below(&random, 6), "Abcde", z < 0 ? "-" : "",
                          abs((int)z) / 100, abs((int)z) % 100, p < 0 ? "-" : "", abs((int)p) / 100,
                          abs((int)p) % 100);
            xd_buf_printf(&rows, "\"binary\":%d,\"u\":%d,\"lead\":%d}\n",
                          (int)(int32_t)xd_random_next(&random),
                          (int)xd_random_below(&random, 65536),
                          (int)xd_random_below(&random, 199) - 99);
        }
        xd_fault fault = test_write(format, xd_buf_str(&rows), &bytes);
        assert_string_equal(fault.text, "");
        for (int i = 0; i < 2; i++) {
            xd_buf_clear(&again);
            (void)test_read(format, xd_buf_str(&bytes),
                            i ? xd_random_below(&random, 30) + 1 : SIZE_MAX, &again);
            assert_same_text(xd_buf_str(&again), xd_buf_str(&rows));
        }
        xd_format_close(format);
    }
    xd_buf_finish(&again);
    xd_buf_finish(&bytes);
    xd_buf_finish(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_told_apart_by_their_mark),
        cmocka_unit_test(values_are_named_by_byte),
        cmocka_unit_test(mainframe_numbers_are_exact),
        cmocka_unit_test(record_descriptor_words_frame_records),
        cmocka_unit_test(records_are_written_exactly_or_not),
        cmocka_unit_test(layouts_are_checked),
        cmocka_unit_test(what_is_written_reads_the_same),
    };
    return cmocka_run_group_tests_name("fixed width", tests, NULL, NULL);
}
