/* The examples of docs/formats.md: every layout reads its input as the records shown, in one piece
 * and in many, and what is written from them reads the same. */
#include "format/format_test.h"

/* The next fenced block of kind at or after *p; moves *p behind it. */
static bool next_block(const char **p, const char *kind, xd_str *ret)
{
    char fence[32];
    snprintf(fence, sizeof fence, "```%s\n", kind);
    const char *begin = strstr(*p, fence);
    if (!begin) {
        return false;
    }
    begin += strlen(fence);
    const char *end = strstr(begin, "```\n");
    assert_non_null(end);
    *ret = (xd_str){begin, (size_t)(end - begin)};
    *p = end + 4;
    return true;
}

static void examples_are_true(void **state)
{
    (void)state;
    xd_buf page, out, written;
    xd_buf_init(&page, TEST_BYTES);
    xd_buf_init(&out, TEST_BYTES);
    xd_buf_init(&written, TEST_BYTES);
    test_file("docs/formats.md", &page);
    xd_buf_char(&page, '\0');
    const char *p = page.ptr;
    xd_str layout, input, records;
    int count = 0;
    while (next_block(&p, "layout", &layout)) {
        char text[4096];
        assert_true(layout.len < sizeof text);
        snprintf(text, sizeof text, "%.*s", XD_FMT(layout));
        assert_true(next_block(&p, "input", &input));
        assert_true(next_block(&p, "records", &records));
        xd_format *format = test_layout(text);
        for (size_t piece = 0; piece < 5; piece++) {
            xd_buf_clear(&out);
            (void)test_read(format, input, piece ? piece : SIZE_MAX, &out);
            assert_same_text(xd_buf_str(&out), records);
        }
        xd_buf_clear(&written);
        assert_string_equal(test_write(format, records, &written).text, "");
        xd_buf_clear(&out);
        (void)test_read(format, xd_buf_str(&written), SIZE_MAX, &out);
        assert_same_text(xd_buf_str(&out), records);
        xd_format_close(format);
        count++;
    }
    assert_int_equal(count, 5);
    xd_buf_finish(&written);
    xd_buf_finish(&out);
    xd_buf_finish(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples_are_true)};
    return cmocka_run_group_tests_name("docs/formats.md", tests, NULL, NULL);
}
