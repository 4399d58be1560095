/* The formats, by the documents that the draft names beside them: what they allow and what they
 * refuse, at the edges. */
#include "schema/schema_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { TEXTS = 32 };

#define SEVEN "a234567"
#define SIXTY_THREE SEVEN SEVEN SEVEN SEVEN SEVEN SEVEN SEVEN SEVEN SEVEN
#define SIXTY_FOUR SIXTY_THREE "a"

static const struct {
    const char *format;
    const char *valid[TEXTS], *invalid[TEXTS];
} table[] = {
    {"date-time", /* RFC 3339, section 5.6, and 5.7 for leap seconds */
     {"1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00", "1990-12-31T23:59:60Z",
      "1990-12-31T15:59:60-08:00", "1937-01-01T12:00:27.87+00:20", "2026-11-23t08:30:06z",
      "2024-02-29T00:00:00-00:00", "2000-02-29T00:00:00Z", "2026-01-01T00:59:60+01:00",
      "0000-01-01T00:00:00Z", "2026-11-23T08:30:06.123456789012345678901234567890Z"},
     {"1990-12-31T23:59:61Z",
      "1990-12-31T23:58:60Z",
      "1990-12-31T22:59:60Z",
      "1990-12-31T15:59:60-07:00",
      "2026-02-29T00:00:00Z",
      "1900-02-29T00:00:00Z",
      "2026-11-31T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-11-00T00:00:00Z",
      "2026-11-23T24:00:00Z",
      "2026-11-23T08:60:00Z",
      "2026-11-23T08:30:06",
      "2026-11-23 08:30:06Z",
      "2026-11-23T08:30Z",
      "2026-11-23T08:30:06.Z",
      "2026-11-23T08:30:06,5Z",
      "2026-11-23T08:30:06+24:00",
      "2026-11-23T08:30:06+01:60",
      "2026-11-23T08:30:06+0100",
      "2026-11-23T08:30:06+1:00",
      "2026-11-23T8:30:06Z",
      "26-11-23T08:30:06Z",
      "2026-11-23T08:30:06Z ",
      "+2026-11-23T08:30:06Z",
      "2026-W47-1T08:30:06Z",
      "2026-327T08:30:06Z",
      "2026-11-23T08:30:06+",
      "2026-11-23",
      "",
      "\xD9\xA2\xD9\xA0\xD9\xA2\xD9\xA6-11-23T08:30:06Z"}},
    {"date",
     {"2026-11-23", "2024-02-29", "9999-12-31"},
     {"2023-02-29", "2026-04-31", "2026-1-3", "20261123", "2026-11-23Z", "", "2026/11/23"}},
    {"time",
     {"08:30:06Z", "08:30:06.5+05:30", "23:59:60Z", "00:29:60+00:30", "23:59:60.75z",
      "00:00:00-23:59"},
     {"08:30:06", "24:00:00Z", "08:30:60Z", "00:29:60-00:30", "23:59:61Z", "08:30Z", "8:30:06Z",
      "08:30:06 Z", "08:30:06Z+01:00", "08:30:06+1"}},
    {"duration", /* RFC 3339, appendix A */
     {"P1Y", "P1Y2M", "P1Y2M3D", "P2M3D", "P3D", "PT1H", "PT1H2M3S", "PT2M3S", "PT36H", "P1DT12H",
      "P0D", "P52W", "P1MT1M", "P00001D"},
     {"P",
      "PT",
      "P1DT",
      "P1Y3D",
      "PT1H3S",
      "P1W2D",
      "P1D2W",
      "P1.5D",
      "P-1D",
      "-P1D",
      "+P1D",
      "P1S",
      "PT1D",
      "P1H",
      "PD",
      "P1",
      "1D",
      "P1D ",
      "PT1H2H",
      "P1YT2W",
      "P\xD9\xA1"
      "D"}},
    {"email", /* RFC 5321, section 4.1.2 */
     {"a@b", "first.last@example.com", "a+b=c/d@example.com", "\"a b\"@example.com",
      "\"a\\\"b\"@example.com", "\"\"@example.com", "\"a@b\"@example.com", "a@[192.0.2.1]",
      "a@[IPv6:2001:db8::1]", "a@[ipv6:::1]", "!#$%&'*+-/=?^_`{|}~@example.com", SIXTY_FOUR "@b"},
     {"",
      "a",
      "@b",
      "a@",
      "a@b@c",
      ".a@b",
      "a.@b",
      "a..b@c",
      "a b@c",
      "\"a\"b@c",
      "\"a@c",
      "a@-b.com",
      "a@b-.com",
      "a@b..com",
      "a@[192.0.2.256]",
      "a@[2001:db8::1]",
      "a@[IPv6:1::2::3]",
      "a@192.0.2.1]",
      "a(comment)@b",
      "A <a@b>",
      "a@b\n",
      "\xC3\xA4@b",
      "a@\xC3\xA4.de",
      SIXTY_FOUR "a@b"}},
    {"idn-email", {"\xC3\xA4@\xC3\xA4.de", "a@b"}, {"\xC3\xA4", "@\xC3\xA4.de", "a@\xC3\xA4..de"}},
    {"hostname", /* RFC 1123, section 2.1; RFC 1035, section 2.3.4 */
     {"a", "example.com", "3com.com", "1.2.3.4.example", "a-b.c--d.e", SIXTY_THREE ".com", "A.B",
      "xn--4gbwdl.xn--wgbh1c", "0"},
     {"", ".", ".a", "a..b", "-a", "a-", "a.-b", "a-.b", "a_b", "a b", SIXTY_FOUR ".com", "a@b",
      "ex\xC3\xA4mple.com", "a.b:80", "*.a", "xn--X",
      SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE}},
    {"ipv4", /* RFC 2673, section 3.2 */
     {"0.0.0.0", "255.255.255.255", "192.0.2.1"},
     {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.00", "1.2.3.", ".1.2.3", "1..2.3",
      "1.2.3.4 ", "1.2.3.-4", "0x1.2.3.4", "16909060", "1.2.3.4/8", "1.2.3.\xD9\xA4"}},
    {"ipv6", /* RFC 4291, section 2.2 */
     {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
      "FFFF:ffff::", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "64:ff9b::192.0.2.33",
      "1::3:4:5:6:7:8"},
     {"",
      ":",
      ":::",
      "1",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      ":1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:",
      "12345::",
      "g::",
      "::1.2.3",
      "::1.2.3.256",
      "1.2.3.4",
      "::1.2.3.4:5",
      "1:2:3:4:5:6:7:1.2.3.4",
      "::1:2:3:4:5:6:7:8",
      "fe80::1%eth0",
      "::1/64",
      "[::1]",
      " ::1",
      "::01.2.3.4",
      "1:2:3:4::5:6:7:8:9"}},
    {"uri", /* RFC 3986 */
     {"http://example.com", "a:", "a:b", "urn:isbn:9780141036144", "mailto:a@example.com",
      "http://[::1]:80/", "http://[v1.a:b]/", "http://u:p@h:8080/a;b?c=/?#d/?", "http://h?q",
      "http://h:", "file:///etc/a", "x-y+z.1:a", "http://%41/%2F", "tel:+1-201-555",
      "http://192.0.2.1", "http://a//b"},
     {"",
      "//h/p",
      "/p",
      "p",
      "#f",
      "1a:b",
      "-a:b",
      ":b",
      "http://h/ p",
      "http://h/\"",
      "http://h/<",
      "http://h/%",
      "http://h/%4",
      "http://h/%zz",
      "http://[::1",
      "http://::1/",
      "http://h:a/",
      "http://u@v@h/",
      "http://h/[",
      "http://h#a#b",
      "http://h\\p",
      "http://h/{a}",
      "http://h/^",
      "http://\xC3\xA4",
      "http://[1::2::3]/",
      "http://[v.a]/",
      "a:\n"}},
    {"uri-reference",
     {"", "p", "/p", "//h/p", "?q", "#f", "./1a:b", "../x", "a:b", "p/a:b", "%41"},
     {"1a:b", ":", "p q", "\\\\h\\f", "#a#b", "//[::1", "%"}},
    {"iri", /* RFC 3987 */
     {"http://\xC3\xA4.de/\xC3\xA4?\xEE\x80\x80", "a:b"},
     {"/\xC3\xA4", "http://a/\xEE\x80\x80", "http://a/ \xC3\xA4"}},
    {"iri-reference",
     {"/\xC3\xA4", "#\xC3\xA4", "//\xC3\xA4/?q", ""},
     {"\\\\WINDOWS\\file", "#\xC3\xA4rag\\m"}},
    {"uri-template", /* RFC 6570 */
     {"", "a", "{a}", "/a/{b}{?c,d*}", "{+a:3}", "{#a.b}", "{a_1}", "{%41}", "{/a*}", "{;x,y}",
      "{&x}"},
     {"{", "}", "{}", "{a", "a}", "{a{b}}", "{a b}", "{a:}", "{a:10000}", "{a:0}", "{?}", "{a,}",
      "{.}", "%", "a b"}},
    {"uuid", /* RFC 4122, section 3 */
     {"00000000-0000-0000-0000-000000000000", "2EB8AA08-aa98-11EA-b4aa-73b441d16380",
      "ffffffff-ffff-ffff-ffff-ffffffffffff"},
     {"", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
      "2eb8aa08-aa98-11ea-b4aa-73b441d163800", "2eb8aa08-aa98-11ea-b4aa73b441d16380-",
      "2eb8aa0-8aa98-11ea-b4aa-73b441d16380", "{2eb8aa08-aa98-11ea-b4aa-73b441d16380}",
      "urn:uuid:2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g"}},
    {"json-pointer", /* RFC 6901, section 5 */
     {"", "/", "/a/b", "/a~1b", "/m~0n", "/ ", "//", "/0/-", "/\xC3\xA4", "/~01", "/\"\\^|"},
     {"a", "a/b", "#/a", "/~", "/a~", "/~2", "/~a/b", "0", " /a"}},
    {"relative-json-pointer",
     {"0", "1/a", "0#", "12/~0", "0/"},
     {"", "/a", "01", "-1", "+1/a", "0##", "1a", "#", "0#/a"}},
    {"regex", /* ECMA-262, with the flag u */
     {"", "a|b", "^[^\\]]*$", "(?<year>\\d{4})\\k<year>", "\\p{Lu}", "a{2,}", "(?=a)b", "[\\w-]",
      "\\u{1F600}", "\\cA", "(?:a)?\?", "(?<!a)b", "\\{a\\}", "[{}]"},
     {"(", ")", "[a", "a{2,1}", "*a", "a**", "[z-a]", "\\", "\\a", "{a", "]", "\\-",
      "(?<a>x)(?<a>y)", "\\p{Foo}", "(?P<a>x)", "\\k<b>", "\\1", "\\u{110000}"}},
};

static void every_format_follows_its_standard(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const xd_schema_format *format = xd_schema_format_find(xd_str_from(table[i].format));
        assert_non_null(format);
        for (int k = 0; k < TEXTS; k++) {
            const char *valid = table[i].valid[k], *invalid = table[i].invalid[k];
            if (valid && !format->matches(xd_str_from(valid))) {
                print_error("%s refuses \"%s\"\n", format->name, valid);
                wrong++;
            }
            if (invalid && format->matches(xd_str_from(invalid))) {
                print_error("%s takes \"%s\"\n", format->name, invalid);
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
    assert_null(xd_schema_format_find(XD_STR("color")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_follows_its_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
