/* CSV: dialects as golden rows, strictness, limits, and the properties that pieces do not matter
 * and that what is written reads the same. */
#include "format/format_test.h"

#include "base/random.h"
#include "format/csv_int.h"

#define HEADER "{\"format\":\"csv\",\"header\":true}"

static void rows_are_objects_by_header(void **state)
{
    (void)state;
    assert_read(HEADER, "a,b\r\n1,\"x, \"\"y\"\"\"\r\n,\n\"2\n3\",z",
                "{\"a\":\"1\",\"b\":\"x, \\\"y\\\"\"}\n{\"a\":\"\",\"b\":\"\"}\n"
                "{\"a\":\"2\\n3\",\"b\":\"z\"}\n");
    assert_read("{\"format\":\"csv\",\"rows\":\"arrays\"}", "a,b\rc,d\r\n\r\ne,f\n",
                "[\"a\",\"b\"]\n[\"c\",\"d\"]\n[\"e\",\"f\"]\n");
    assert_read("{\"format\":\"csv\"}", "a,b\n", "{\"column1\":\"a\",\"column2\":\"b\"}\n");
    assert_read(HEADER, "", "");
    assert_read(HEADER, "a,b", "");
    assert_read(HEADER, "\xEF\xBB\xBF\"a\"\n1\n", "{\"a\":\"1\"}\n");
}

static void columns_give_types_and_names(void **state)
{
    (void)state;
    static const char layout[] =
        "{\"format\":\"csv\",\"separator\":\";\",\"header\":true,\"columns\":["
        "{\"name\":\"qty\",\"header\":\"Menge\",\"type\":\"decimal\",\"decimal_comma\":true,"
        "\"thousands\":\".\"},"
        "{\"name\":\"day\",\"header\":\"Datum\",\"type\":\"date\",\"format\":\"DD.MM.YYYY\"},"
        "{\"name\":\"n\",\"type\":\"integer\",\"required\":true},"
        "{\"name\":\"ok\",\"type\":\"boolean\",\"true\":\"X\",\"false\":\"\"},"
        "{\"name\":\"at\",\"type\":\"instant\",\"format\":\"YYYYMMDD "
        "HHmmss\",\"offset\":\"+01:00\"},"
        "{\"name\":\"note\",\"null\":\"NULL\",\"optional\":true}]}";
    assert_read(layout,
                "Menge;Datum;n;ok;at;note;extra\n"
                "1.234.567,50;17.11.2026;007;X;20261117 003000;\"NULL\";e\n"
                "-,5;00.00.0000;5-;;;NULL;\n"
                "12.34;17.11.2026;1;X;;;\n"
                "1;31.02.2026;1;X;;;\n"
                ";;;X;;;\n"
                ";;1;Y;;;\n"
                ";;1;;2026111700300;;\n",
                "{\"qty\":1234567.50,\"day\":\"2026-11-17\",\"n\":7,\"ok\":true,"
                "\"at\":\"2026-11-16T23:30:00Z\",\"note\":\"NULL\",\"extra\":\"e\"}\n"
                "{\"qty\":-0.5,\"day\":null,\"n\":-5,\"ok\":false,\"at\":null,\"note\":null,"
                "\"extra\":\"\"}\n"
                "4:1 /qty value.decimal\n5:3 /day value.date\n6:3 /n value.required\n"
                "7:5 /ok value.boolean\n8:6 /at value.instant\n");
    assert_read("{\"format\":\"csv\",\"columns\":[\"a\",{\"name\":\"d\",\"type\":\"date\","
                "\"format\":\"D MMM YY\"}]}",
                "x,3 Mar 99\ny,1 dec 26\n",
                "{\"a\":\"x\",\"d\":\"1999-03-03\"}\n{\"a\":\"y\",\"d\":\"2026-12-01\"}\n");
}

static void dialects_differ_in_quotes_escapes_comments_and_blanks(void **state)
{
    (void)state;
    assert_read("{\"format\":\"csv\",\"quote\":\"'\",\"comment\":\"#\",\"trim\":true}",
                "# a comment, with 'quotes\n a , 'b, c' ,\td\t\n  #x,y,z\n",
                "{\"column1\":\"a\",\"column2\":\"b, c\",\"column3\":\"d\"}\n"
                "{\"column1\":\"#x\",\"column2\":\"y\",\"column3\":\"z\"}\n");
    assert_read("{\"format\":\"csv\",\"escape\":\"backslash\",\"rows\":\"arrays\"}",
                "a\\,b,\"c\\\"d\\\\\"\n\\\n,x\n", "[\"a,b\",\"c\\\"d\\\\\"]\n[\"\\n\",\"x\"]\n");
    assert_read("{\"format\":\"csv\",\"quote\":\"\",\"separator\":\"\\t\",\"rows\":\"arrays\"}",
                "\"a\tb\"\n", "[\"\\\"a\",\"b\\\"\"]\n");
}

static void encodings_become_utf8(void **state)
{
    (void)state;
    assert_read("{\"format\":\"csv\",\"encoding\":\"ISO-8859-1\",\"header\":true}",
                "Stra\xDF"
                "e\nK\xF6ln\n",
                "{\"Straße\":\"Köln\"}\n");
    assert_read("{\"format\":\"csv\",\"encoding\":\"windows-1252\"}", "\x80 5\n",
                "{\"column1\":\"€ 5\"}\n");
    static const char utf16[] = "\xFF\xFE"
                                "a\0,\0\x42\x26\n\0\x3D\xD8\x00\xDE,\0b\0";
    assert_bytes_read("{\"format\":\"csv\",\"rows\":\"arrays\"}", (xd_str){utf16, sizeof utf16 - 1},
                      "[\"a\",\"♂\"]\n[\"😀\",\"b\"]\n");
    static const char big[] = "\0a\0,\0b\0\n\0c\0,\0d";
    assert_bytes_read("{\"format\":\"csv\",\"encoding\":\"UTF-16\",\"rows\":\"arrays\"}",
                      (xd_str){big, sizeof big - 1}, "[\"a\",\"b\"]\n[\"c\",\"d\"]\n");
    /* EBCDIC: "A,1" NEL "B,2" LF */
    assert_read("{\"format\":\"csv\",\"encoding\":\"CP037\",\"rows\":\"arrays\"}",
                "\xC1\x6B\xF1\x15\xC2\x6B\xF2\x25", "[\"A\",\"1\"]\n[\"B\",\"2\"]\n");
    assert_read("{\"format\":\"csv\",\"encoding\":\"CP1047\",\"rows\":\"arrays\"}",
                "\xC1\x6B\xAD\x15", "[\"A\",\"[\"]\n");
    xd_fault fault =
        assert_read(HEADER, "a\nx\n\xE9t\xE9\n", "{\"a\":\"x\"}\n3:1  encoding.invalid\n");
    assert_int_equal(fault.offset, 4);
    assert_bytes_read("{\"format\":\"csv\",\"encoding\":\"UTF-16LE\"}", (xd_str){"a\0b", 3},
                      "1:0  encoding.invalid\n");
}

static void faults_name_line_and_column(void **state)
{
    (void)state;
    assert_read(HEADER, "a,b\n\"x\ny\"z,1\n", "3:3  csv.quote\n");
    assert_read("{\"format\":\"csv\",\"trim\":true}", "\"\" \"x\"\n", "1:4  csv.quote\n");
    assert_read(HEADER, "a,b\n1,2\n1,2,3\n", "{\"a\":\"1\",\"b\":\"2\"}\n3:5  csv.columns\n");
    assert_read(HEADER, "a,b\n1\n", "2:1  csv.columns\n");
    assert_read(HEADER, "a,b\n1,\"2\n3\n", "2:3  csv.quote\n");
    assert_read(HEADER, "a,a\n1,2\n", "1:3  csv.header\n");
    assert_read("{\"format\":\"csv\",\"header\":true,\"rules\":\"strict\"}", "a\n3\"4\n",
                "2:2  csv.quote\n");
    assert_read(HEADER, "a\n3\"4\n", "{\"a\":\"3\\\"4\"}\n");
    assert_read("{\"format\":\"csv\",\"header\":true,\"columns\":[\"b\"]}", "a\n1\n",
                "1:1  csv.header\n");
    assert_read(
        "{\"format\":\"csv\",\"header\":true,\"columns\":[\"b\"],\"other_columns\":\"drop\"}",
        "a,b\n1,2\n", "{\"b\":\"2\"}\n");
    assert_read("{\"format\":\"csv\",\"header\":true,\"columns\":[\"b\"],"
                "\"other_columns\":\"refuse\"}",
                "b,a\n1,2\n", "1:3  csv.header\n");
}

static void lenient_rules_keep_everything(void **state)
{
    (void)state;
    assert_read("{\"format\":\"csv\",\"header\":true,\"rules\":\"lenient\"}",
                "a,b,a\n\"x\"y\"z,1\n1,2,3,4\n",
                "{\"a\":\"xy\\\"z\",\"b\":\"1\"}\n"
                "{\"a\":\"1\",\"b\":\"2\",\"column3\":\"3\",\"column4\":\"4\"}\n");
}

static void limits_stop_what_never_ends(void **state)
{
    (void)state;
    static const struct {
        const char *start, *repeated, *rule;
    } endless[] = {{"", "x", "csv.row"},    {"\"", "x", "csv.row"},   {"\"", "\"\"", "csv.row"},
                   {"\"", "\n", "csv.row"}, {"", ",", "csv.columns"}, {"", "x,", "csv.columns"}};
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        xd_format *format = test_layout("{\"format\":\"csv\",\"max_row_bytes\":100000}");
        xd_buf out;
        xd_buf text;
        xd_buf_init(&out, TEST_BYTES);
        xd_buf_init(&text, TEST_BYTES);
        xd_buf_str_add(&text, xd_str_from(endless[i].start));
        while (text.len < 1 << 20) {
            xd_buf_str_add(&text, xd_str_from(endless[i].repeated));
        }
        xd_fault fault = test_read(format, xd_buf_str(&text), 1000, &out);
        assert_string_equal(fault.rule, endless[i].rule);
        assert_int_equal(fault.code, XD_LIMIT);
        assert_true(fault.line >= 1 && fault.column >= 1);
        xd_buf_clear(&out);
        fault = test_read(format, xd_buf_str(&text), SIZE_MAX, &out);
        assert_int_equal(fault.code, XD_LIMIT);
        xd_buf_finish(&text);
        xd_buf_finish(&out);
        xd_format_close(format);
    }
    assert_read("{\"format\":\"csv\",\"max_field_bytes\":3}", "abc,d\nabcd,e\n",
                "{\"column1\":\"abc\",\"column2\":\"d\"}\n2:1  csv.field\n");
    assert_read("{\"format\":\"csv\",\"max_columns\":2}", "a,b,c\n", "1:5  csv.columns\n");
}

static void layouts_are_checked(void **state)
{
    (void)state;
    assert_layout_refused("{\"format\":\"csv\",\"seperator\":\";\"}", "layout.unknown", "");
    assert_layout_refused("{\"format\":\"csv\",\"separator\":\";;\"}", "layout.character",
                          "/separator");
    assert_layout_refused("{\"format\":\"csv\",\"encoding\":\"UTF-9\"}", "layout.encoding",
                          "/encoding");
    assert_layout_refused("{\"format\":\"csv\",\"encoding\":\"ASCII//TRANSLIT\"}",
                          "layout.encoding", "/encoding");
    assert_layout_refused("{\"format\":\"csv\",\"columns\":[{\"name\":\"d\",\"type\":\"date\","
                          "\"format\":\"dd.mm.yyyy\"}]}",
                          "layout.pattern", "/columns/0/format");
    assert_layout_refused("{\"format\":\"csv\",\"columns\":[{\"name\":\"d\",\"type\":\"instant\","
                          "\"format\":\"DD.MM.YYYY HH:mm\"}]}",
                          "layout.pattern", "/columns/0");
    assert_layout_refused("{\"format\":\"csv\",\"columns\":[{\"name\":\"d\",\"format\":\"x\"}]}",
                          "layout.type", "/columns/0/format");
    assert_layout_refused("{\"format\":\"csv\",\"columns\":[\"a\",{\"name\":\"a\"}]}",
                          "layout.twice", "/columns/1/name");
    assert_layout_refused("{\"format\":\"csv\",\"quote\":\",\"}", "layout.character", "");
    assert_layout_refused("{\"format\":\"cvs\"}", "layout.word", "/format");
    assert_layout_refused("{}", "layout.required", "");
}

static void rows_are_written_by_the_layout(void **state)
{
    (void)state;
    static const char layout[] =
        "{\"format\":\"csv\",\"separator\":\";\",\"header\":true,\"encoding\":\"ISO-8859-1\","
        "\"columns\":[{\"name\":\"n\",\"header\":\"Größe\",\"type\":\"decimal\","
        "\"decimal_comma\":true},{\"name\":\"d\",\"type\":\"date\",\"format\":\"DD.MM.YYYY\"},"
        "{\"name\":\"t\",\"null\":\"-\"},{\"name\":\"b\",\"type\":\"boolean\"}]}";
    static const char expected[] =
        "Gr\xF6\xDF"
        "e;d;t;b\r\n1,50;17.11.2026;\"a;b\";true\r\n;;\"-\";\r\n;;-;\r\n";
    assert_written(
        layout, "{\"n\":1.50,\"d\":\"2026-11-17\",\"t\":\"a;b\",\"b\":true}\n{\"t\":\"-\"}\n{}\n",
        expected, sizeof expected - 1);
    /* what the first row lacks keeps its place */
    assert_written("{\"format\":\"csv\",\"header\":true,\"line_end\":\"lf\","
                   "\"columns\":[\"a\",\"b\",\"c\"]}",
                   "{\"x\":0,\"b\":1}\n{\"a\":2}\n", "x,a,b,c\n0,,1,\n,2,,\n", 19);
    assert_not_written(layout, "{\"t\":\"€\"}", "encoding.missing", "");
    assert_not_written(layout, "{\"n\":\"x\"}", "value.type", "/n");
    assert_not_written(layout, "{\"d\":\"2026-02-30\"}", "value.type", "/d");
    assert_not_written("{\"format\":\"csv\",\"columns\":[\"a\"]}", "{\"x\":1}", "csv.columns", "");
    assert_written("{\"format\":\"csv\",\"bom\":true,\"line_end\":\"lf\"}",
                   "{\"a\":\"\"}\n[\"x\"]\n", "\xEF\xBB\xBF\"\"\nx\n", 8);
}

/* --- properties --- */

static xd_str random_text(xd_random *random, char *text)
{
    static const char *const parts[] = {",",    ";",
                                        "\"",   "\\",
                                        "\n",   "\r",
                                        "\r\n", " ",
                                        "\t",   "#",
                                        "a",    "b",
                                        "é",    "😀",
                                        "'",    "0",
                                        "",     "\xEF\xBB\xBF",
                                        "NULL", "0123456789abcdef0123456789abcdef"};
    size_t n = 0;
    for (uint64_t count = xd_random_below(random, 6); count > 0; count--) {
        const char *part = parts[xd_random_below(random, sizeof parts / sizeof parts[0])];
        memcpy(text + n, part, strlen(part));
        n += strlen(part);
    }
    return (xd_str){text, n};
}

/* Rows of any text, written and read again by many dialects and in pieces of any length. */
static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    static const char *const layouts[] = {
        HEADER,
        "{\"format\":\"csv\",\"header\":true,\"separator\":\";\",\"escape\":\"backslash\"}",
        "{\"format\":\"csv\",\"header\":true,\"trim\":true,\"comment\":\"#\",\"line_end\":\"lf\"}",
        "{\"format\":\"csv\",\"header\":true,\"quotes\":\"all\",\"line_end\":\"cr\"}",
        "{\"format\":\"csv\",\"header\":true,\"encoding\":\"UTF-16LE\",\"bom\":true}",
        "{\"format\":\"csv\",\"header\":true,\"quote\":\"\",\"escape\":\"backslash\"}",
        "{\"format\":\"csv\",\"header\":true,\"rules\":\"strict\",\"columns\":[\"a\",\"b\","
        "{\"name\":\"c\",\"null\":\"NULL\"}]}",
    };
    xd_random random = {7};
    xd_buf rows;
    xd_buf csv;
    xd_buf again;
    xd_buf_init(&rows, TEST_BYTES);
    xd_buf_init(&csv, TEST_BYTES);
    xd_buf_init(&again, TEST_BYTES);
    for (int round = 0; round < 700; round++) {
        xd_format *format = test_layout(layouts[round % 7]);
        xd_buf_clear(&rows);
        xd_buf_clear(&csv);
        for (uint64_t count = xd_random_below(&random, 5) + 1; count > 0; count--) {
            for (int i = 0; i < 3; i++) {
                char text[256];
                xd_buf_printf(&rows, "%s\"%c\":", i ? "," : "{", 'a' + i);
                xd_json_write_string(&rows, random_text(&random, text));
            }
            XD_BUF_LIT(&rows, "}\n");
        }
        xd_fault fault = test_write(format, xd_buf_str(&rows), &csv);
        if (fault.code != XD_OK) {
            print_error("%s: %s\n", layouts[round % 7], fault.text);
            fail();
        }
        for (int i = 0; i < 3; i++) {
            xd_buf_clear(&again);
            size_t piece = i == 0 ? SIZE_MAX : i == 1 ? 1 : xd_random_below(&random, 40) + 1;
            (void)test_read(format, xd_buf_str(&csv), piece, &again);
            assert_same_text(xd_buf_str(&again), xd_buf_str(&rows));
        }
        xd_format_close(format);
    }
    xd_buf_finish(&again);
    xd_buf_finish(&csv);
    xd_buf_finish(&rows);
}

/* Any bytes at all: pieces never matter, whatever comes out. */
static void pieces_do_not_matter(void **state)
{
    (void)state;
    static const char *const layouts[] = {
        HEADER, "{\"format\":\"csv\",\"rules\":\"lenient\",\"trim\":true,\"comment\":\"#\"}",
        "{\"format\":\"csv\",\"rules\":\"lenient\",\"escape\":\"backslash\",\"rows\":\"arrays\"}",
        "{\"format\":\"csv\",\"rules\":\"lenient\",\"encoding\":\"ISO-8859-1\"}"};
    xd_random random = {11};
    xd_buf one;
    xd_buf other;
    xd_buf_init(&one, TEST_BYTES);
    xd_buf_init(&other, TEST_BYTES);
    for (int round = 0; round < 2000; round++) {
        char text[512];
        size_t n = 0;
        for (int i = 0; i < 8; i++) {
            n += random_text(&random, text + n).len;
        }
        xd_format *format = test_layout(layouts[round % 4]);
        xd_buf_clear(&one);
        xd_buf_clear(&other);
        (void)test_read(format, (xd_str){text, n}, SIZE_MAX, &one);
        (void)test_read(format, (xd_str){text, n}, xd_random_below(&random, 20) + 1, &other);
        assert_same_text(xd_buf_str(&other), xd_buf_str(&one));
        xd_format_close(format);
    }
    xd_buf_finish(&other);
    xd_buf_finish(&one);
}

static void both_scans_find_the_same_marks(void **state)
{
    (void)state;
    xd_random random = {3};
    for (int round = 0; round < 10000; round++) {
        char block[XD_CSV_BLOCK];
        for (size_t i = 0; i < sizeof block; i++) {
            static const char often[] = ",\"\\\n\r;x\xC3";
            uint64_t r = xd_random_next(&random);
            block[i] = r % 3 ? (char)(r >> 8) : often[(r >> 8) % 8];
        }
        xd_csv_marks marks = {round % 2 ? ',' : ';', '"', round % 3 ? '\\' : ','};
        uint64_t fast = 0;
        uint64_t plain = 0;
        assert_true(xd_csv_block(block, marks, &fast) == xd_csv_block_plain(block, marks, &plain));
        assert_true(fast == plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_objects_by_header),
        cmocka_unit_test(columns_give_types_and_names),
        cmocka_unit_test(dialects_differ_in_quotes_escapes_comments_and_blanks),
        cmocka_unit_test(encodings_become_utf8),
        cmocka_unit_test(faults_name_line_and_column),
        cmocka_unit_test(lenient_rules_keep_everything),
        cmocka_unit_test(limits_stop_what_never_ends),
        cmocka_unit_test(layouts_are_checked),
        cmocka_unit_test(rows_are_written_by_the_layout),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(both_scans_find_the_same_marks),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
