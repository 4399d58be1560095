/* XML: the convention as golden trees, the way back, namespaces, elements at a path, SOAP, and what
 * attackers send. */
#include "format/format_test.h"

#include "base/random.h"
#include "format/soap.h"

#define USUAL "{\"format\":\"xml\"}"
#define ALL "{\"format\":\"xml\",\"comments\":true,\"whitespace\":\"keep\"}"

static void trees_follow_the_convention(void **state)
{
    (void)state;
    assert_read(
        USUAL,
        "<?xml version='1.0'?>\n<order no=\"7\">\n  <line>a</line>\n  <line n='2'>b</line>\n"
        "  <empty/><blank> </blank>\n</order>",
        "{\"order\":{\"@no\":\"7\",\"line\":[\"a\",{\"@n\":\"2\",\"#text\":\"b\"}],"
        "\"empty\":\"\",\"blank\":\" \"}}\n");
    assert_read(USUAL, "<a><b/>x<c/>y<b>z</b></a>",
                "{\"a\":{\"b\":[\"\",\"z\"],\"#text\":[\"x\",\"y\"],\"c\":\"\","
                "\"#order\":[\"b\",\"#text\",\"c\",\"#text\",\"b\"]}}\n");
    assert_read(USUAL, "<a>1 &lt; 2<![CDATA[ & <x>]]> &#x20AC;<!-- no --></a>",
                "{\"a\":\"1 < 2 & <x> €\"}\n");
    assert_read(USUAL, "<a x='&amp;&lt;&#38;lt;&#9;' xmlns='urn:a&amp;b c'/>",
                "{\"a\":{\"@xmlns\":\"urn:a&b c\",\"@x\":\"&<&lt;\\t\"}}\n");
    assert_read("{\"format\":\"xml\",\"namespaces\":{\"n\":\"urn:a&b\"}}",
                "<a xmlns='urn:a&amp;b'/>", "{\"n:a\":\"\"}\n");
    assert_read(USUAL, "<a xml:space='preserve'> <b/> </a>",
                "{\"a\":{\"@xml:space\":\"preserve\",\"#text\":[\" \",\" \"],\"b\":\"\","
                "\"#order\":[\"#text\",\"b\",\"#text\"]}}\n");
    assert_read(ALL, "<!--1--><?p q r?><a> <!--2--></a>",
                "{\"#comment\":\"1\",\"#pi\":{\"target\":\"p\",\"data\":\"q r\"},"
                "\"a\":{\"#text\":\" \",\"#comment\":\"2\"}}\n");
    assert_read(USUAL, "<!DOCTYPE a PUBLIC \"-//X//EN\" \"http://127.0.0.1:9/x.dtd\"><a/>",
                "{\"#doctype\":{\"name\":\"a\",\"public\":\"-//X//EN\","
                "\"system\":\"http://127.0.0.1:9/x.dtd\"},\"a\":\"\"}\n");
    assert_read(USUAL, "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>", "{\"a\":\"é\"}\n");
    static const char utf16[] = "\xFF\xFE<\0a\0>\0\xAC\x20<\0/\0a\0>\0";
    assert_bytes_read(USUAL, (xd_str){utf16, sizeof utf16 - 1}, "{\"a\":\"€\"}\n");
}

static void shapes_can_be_made_stable(void **state)
{
    (void)state;
    assert_read(
        "{\"format\":\"xml\",\"arrays\":[\"line\",\"/o/x/y\"],\"objects\":[\"amount\"]}",
        "<o><line>1</line><amount>5</amount><y/><x><y/></x></o>",
        "{\"o\":{\"line\":[\"1\"],\"amount\":{\"#text\":\"5\"},\"y\":\"\",\"x\":{\"y\":[\"\"]"
        "}}}\n");
}

static void namespaces_are_kept_or_renamed(void **state)
{
    (void)state;
    static const char text[] = "<p:a xmlns:p='urn:1' xmlns='urn:2' p:n='v'><b/></p:a>";
    assert_read(
        USUAL, text,
        "{\"p:a\":{\"@xmlns:p\":\"urn:1\",\"@xmlns\":\"urn:2\",\"@p:n\":\"v\",\"b\":\"\"}}\n");
    static const char mapped[] = "{\"format\":\"xml\",\"namespaces\":{\"one\":\"urn:1\","
                                 "\"two\":\"urn:2\"}}";
    assert_read(mapped, text, "{\"one:a\":{\"@one:n\":\"v\",\"two:b\":\"\"}}\n");
    static const char written[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                  "<one:a xmlns:one=\"urn:1\" xmlns:two=\"urn:2\" one:n=\"v\">"
                                  "<two:b/></one:a>";
    assert_written(mapped, "{\"one:a\":{\"@one:n\":\"v\",\"two:b\":\"\"}}\n", written,
                   sizeof written - 1);
    assert_read(mapped, "<one:a xmlns:one='urn:3'/>", "1:25  xml.namespace\n");
    /* names that come to be written alike are one member */
    assert_read("{\"format\":\"xml\",\"namespaces\":{\"s\":\"urn:1\"}}",
                "<p:a xmlns:p='urn:1'><p:b/><q:b xmlns:q='urn:1'>2</q:b></p:a>",
                "{\"s:a\":{\"s:b\":[\"\",\"2\"]}}\n");
    assert_read(USUAL, "<a><b xmlns='urn:1'/><b xmlns='urn:2'/></a>",
                "{\"a\":{\"b\":[{\"@xmlns\":\"urn:1\"},{\"@xmlns\":\"urn:2\"}]}}\n");
    assert_read("{\"format\":\"xml\",\"namespaces\":{\"\":\"urn:1\"}}", "<a/>",
                "1:3  xml.namespace\n");
    assert_read(USUAL, "<p:a/>", "1:5  xml.namespace\n");
    assert_not_written(USUAL, "{\"p:a\":\"\"}", "xml.namespace", "/p:a");
}

static void elements_at_a_path_come_one_by_one(void **state)
{
    (void)state;
    static const char layout[] = "{\"format\":\"xml\",\"each\":\"/o:orders/list/o:order\"}";
    assert_read(
        layout,
        "<o:orders xmlns:o='urn:o' xmlns='urn:d'><o:order>no</o:order><list xmlns:x='urn:x'>"
        "<o:order>1</o:order><other><o:order/></other><o:order xmlns='urn:e'><list/>"
        "</o:order></list><list><o:order><o:order>in</o:order></o:order></list></o:orders>",
        "{\"o:order\":{\"@xmlns:x\":\"urn:x\",\"@xmlns\":\"urn:d\",\"@xmlns:o\":\"urn:o\","
        "\"#text\":\"1\"}}\n"
        "{\"o:order\":{\"@xmlns\":\"urn:e\",\"@xmlns:x\":\"urn:x\",\"@xmlns:o\":\"urn:o\","
        "\"list\":\"\"}}\n"
        "{\"o:order\":{\"@xmlns\":\"urn:d\",\"@xmlns:o\":\"urn:o\",\"o:order\":\"in\"}}\n");
    assert_read("{\"format\":\"xml\",\"each\":\"/a/b\"}", "<a><b/><b>2</b><b></c></a>",
                "{\"b\":\"\"}\n{\"b\":\"2\"}\n1:23  xml.syntax\n");
    static const char written[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                  "<a>\n  <b>1</b>\n  <b n=\"2\"/>\n</a>";
    assert_written("{\"format\":\"xml\",\"each\":\"/a/b\",\"indent\":true}",
                   "{\"b\":1}\n{\"b\":{\"@n\":2}}\n", written, sizeof written - 1);
    assert_written("{\"format\":\"xml\",\"each\":\"/a/b\"}", "",
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a></a>", 46);
}

static void trees_are_written_so_that_they_can_be_read(void **state)
{
    (void)state;
    static const char expected[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                   "<!DOCTYPE a SYSTEM \"a.dtd\">\n"
                                   "<a n=\"&lt;&quot;&#10;&amp;\" b=\"true\"><x>1</x>t<x>2</x>u"
                                   "<y>]]&gt;&#13;</y><z/><x>3</x></a>";
    assert_written(
        USUAL,
        "{\"#doctype\":{\"name\":\"a\",\"system\":\"a.dtd\"},\"a\":{\"@n\":\"<\\\"\\n&\","
        "\"@b\":true,\"@none\":null,\"#text\":[\"t\",\"u\"],\"y\":\"]]>\\r\",\"z\":null,"
        "\"x\":[1,\"2\",3],\"#order\":[\"x\",\"#text\",\"x\",\"#text\",\"none\"]}}\n",
        expected, sizeof expected - 1);
    static const struct {
        const char *tree, *rule, *path;
    } wrong[] = {{"{}", "xml.root", ""},
                 {"{\"a\":1,\"b\":2}", "xml.root", ""},
                 {"{\"a\":[1,2]}", "xml.root", ""},
                 {"{\"a b\":1}", "xml.name", "/a b"},
                 {"{\"a\":{\"b\":{\"1\":1}}}", "xml.name", "/a/b/1"},
                 {"{\"a\":{\"b\":[[1]]}}", "xml.array", "/a"},
                 {"{\"a\":\"\\u0001\"}", "xml.character", "/a"},
                 {"{\"a\":{\"@x\":{}}}", "xml.attributes", "/a"},
                 {"{\"a\":{\"@xmlns:p\":\"u\",\"@xmlns:q\":\"u\",\"@p:x\":1,\"@q:x\":1}}",
                  "xml.attributes", "/a"},
                 {"{\"a\":{\"#comment\":\"--\"}}", "xml.comment", "/a"},
                 {"{\"a\":{\"#pi\":{\"target\":\"xml\"}}}", "xml.instruction", "/a"},
                 {"{\"a\":{\"@xmlns:p\":\"\"}}", "xml.namespace", "/a"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_not_written(USUAL, wrong[i].tree, wrong[i].rule, wrong[i].path);
    }
}

/* --- attacks --- */

static xd_fault read_fault(const char *layout, const char *text)
{
    xd_format *format = test_layout(layout);
    xd_buf out;
    xd_buf_init(&out, TEST_BYTES);
    xd_fault fault = test_read(format, xd_str_from(text), SIZE_MAX, &out);
    xd_buf_clear(&out);
    xd_fault pieces = test_read(format, xd_str_from(text), 1, &out);
    assert_string_equal(fault.rule, pieces.rule);
    xd_buf_finish(&out);
    xd_format_close(format);
    return fault;
}

static void entities_are_refused_where_they_are_used(void **state)
{
    (void)state;
    assert_string_equal(read_fault(USUAL,
                                   "<!DOCTYPE a [<!ENTITY l \"lol\"><!ENTITY l2 \"&l;&l;&l;\">"
                                   "<!ENTITY l3 \"&l2;&l2;&l2;\">]><a>&l3;</a>")
                            .rule,
                        "xml.entity");
    assert_string_equal(
        read_fault(USUAL, "<!DOCTYPE a [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><a>&f;</a>")
            .rule,
        "xml.entity");
    assert_string_equal(
        read_fault(USUAL, "<!DOCTYPE a [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><a b='&f;'/>")
                    .code == XD_OK
            ? ""
            : "refused",
        "refused");
    assert_string_equal(
        read_fault(USUAL, "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\">%p;]><a/>").rule,
        "xml.entity");
    assert_string_equal(
        read_fault(USUAL, "<!DOCTYPE a [<!ENTITY % p \"<!ENTITY q 'x'>\">%p;%p;]><a/>").rule,
        "xml.entity");
    assert_string_equal(
        read_fault(USUAL, "<!DOCTYPE a [<!ENTITY q 'x'><!ATTLIST a b CDATA '&q;'>]><a/>").rule,
        "xml.entity");
    assert_string_equal(read_fault(USUAL, "<!DOCTYPE a SYSTEM 'x.dtd'><a>&undeclared;</a>").rule,
                        "xml.entity");
    /* Declared and not used: tolerated. */
    assert_read(USUAL, "<!DOCTYPE a [<!ENTITY q 'x'><!ATTLIST a b CDATA 'd'>]><a>&amp;</a>",
                "{\"#doctype\":{\"name\":\"a\"},\"a\":{\"@b\":\"d\",\"#text\":\"&\"}}\n");
}

static void fill(xd_buf *buf, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        xd_buf_str_add(buf, xd_str_from(text));
    }
}

static void assert_limited(const char *layout, const xd_buf *text, const char *rule)
{
    xd_format *format = test_layout(layout);
    xd_buf out;
    xd_buf_init(&out, TEST_BYTES);
    xd_fault fault = test_read(format, xd_buf_str(text), 10000, &out);
    assert_string_equal(fault.rule, rule);
    assert_int_equal(fault.code, XD_LIMIT);
    xd_buf_finish(&out);
    xd_format_close(format);
}

static void growth_is_bounded(void **state)
{
    (void)state;
    xd_buf text;
    xd_buf_init(&text, TEST_BYTES);
    fill(&text, "<a>", 100000);
    assert_limited(USUAL, &text, "xml.depth");
    xd_buf_clear(&text);
    XD_BUF_LIT(&text, "<a");
    for (int i = 0; i < 300; i++) {
        xd_buf_printf(&text, " a%d=''", i);
    }
    XD_BUF_LIT(&text, "/>");
    assert_limited(USUAL, &text, "xml.attributes");
    xd_buf_clear(&text);
    XD_BUF_LIT(&text, "<a");
    for (int i = 0; i < 200000; i++) {
        xd_buf_printf(&text, " a%d=''", i);
    }
    assert_limited(USUAL, &text, "xml.size");
    xd_buf_clear(&text);
    XD_BUF_LIT(&text, "<a>");
    fill(&text, "<b/>", 100000);
    assert_limited("{\"format\":\"xml\",\"max_record_bytes\":1000000}", &text, "xml.size");
    assert_limited("{\"format\":\"xml\",\"max_bytes\":1000}", &text, "xml.size");
    xd_buf_clear(&text);
    XD_BUF_LIT(&text, "<!DOCTYPE a [<!ATTLIST b x CDATA '");
    fill(&text, "0123456789", 100);
    XD_BUF_LIT(&text, "'>]><a>");
    fill(&text, "<b/>", 100000);
    assert_limited("{\"format\":\"xml\",\"each\":\"/a/b\"}", &text, "xml.doctype");
    xd_buf_clear(&text);
    XD_BUF_LIT(&text, "<a");
    for (int i = 0; i < 100; i++) {
        xd_buf_printf(&text, " xmlns:p%d='urn:%d'", i, i);
    }
    XD_BUF_LIT(&text, ">");
    fill(&text, "<b/>", 1000);
    assert_limited("{\"format\":\"xml\",\"each\":\"/a/b\"}", &text, "xml.attributes");
    xd_buf_finish(&text);
}

static void what_is_not_well_formed_is_placed(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "x",
                                        "<a>",
                                        "<a></b>",
                                        "<a/><b/>",
                                        "<a b='1' b='2'/>",
                                        "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
                                        "<a>\x01</a>",
                                        "<a>\xFF</a>",
                                        "<a b=1/>",
                                        "<a>]]></a>",
                                        "<a><!-- -- --></a>",
                                        "<a:b:c/>",
                                        "<a>&#0;</a>",
                                        "<a><![CDATA[x\xC1\xBB]]></a>",
                                        "<?xml version='1.0' encoding='x-none'?><a/>"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        xd_fault fault = read_fault(USUAL, wrong[i]);
        if (fault.code == XD_OK) {
            print_error("read without a fault: %s\n", wrong[i]);
            fail();
        }
        assert_true(fault.line >= 0 && fault.line <= 1);
    }
}

/* --- SOAP --- */

static void envelopes_are_unwrapped_and_wrapped(void **state)
{
    (void)state;
    static const char layout[] = "{\"format\":\"xml\",\"soap\":\"1.1\"}";
    assert_read(layout,
                "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:o='urn:o'>"
                "<s:Header><o:key>k</o:key></s:Header><s:Body><o:order>1</o:order></s:Body>"
                "</s:Envelope>",
                "{\"o:order\":{\"@xmlns:s\":\"http://schemas.xmlsoap.org/soap/envelope/\","
                "\"@xmlns:o\":\"urn:o\",\"#text\":\"1\"}}\n");
    assert_read(layout, "<Envelope/>", "0:0  soap.version\n");
    static const char expected[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>"
        "<order xmlns=\"urn:o\">1</order></soap:Body></soap:Envelope>";
    assert_written(layout, "{\"order\":{\"@xmlns\":\"urn:o\",\"#text\":\"1\"}}\n", expected,
                   sizeof expected - 1);
}

static void faults_are_understood_in_both_versions(void **state)
{
    (void)state;
    xd_arena arena;
    xd_arena_init(&arena, TEST_BYTES);
    for (int version = XD_SOAP_11; version <= XD_SOAP_12; version++) {
        const xd_json *document = NULL;
        xd_soap_message message;
        assert_int_equal(xd_soap_wrap_fault((xd_soap_version)version, true,
                                            XD_STR("order 7 is closed"), &arena, &document, NULL),
                         XD_OK);
        assert_int_equal(xd_soap_unwrap(document, &arena, &message, NULL), XD_OK);
        assert_int_equal(message.version, version);
        assert_true(message.is_fault);
        assert_same_text(message.fault_string, XD_STR("order 7 is closed"));
        assert_same_text(message.fault_code,
                         version == XD_SOAP_11 ? XD_STR("soap:Client") : XD_STR("soap:Sender"));
    }
    xd_arena_finish(&arena);
}

/* --- property --- */

static void random_element(xd_random *random, xd_buf *buf, int depth)
{
    static const char *const names[] = {"a", "b", "p:c", "d"};
    const char *name = names[xd_random_below(random, 4)];
    xd_buf_printf(buf, "<%s", name);
    if (depth == 0) {
        XD_BUF_LIT(buf, " xmlns:p='urn:p'");
    }
    if (xd_random_below(random, 3) == 0) {
        xd_buf_printf(buf, " x='%d&#10;' p:y='&quot;&amp;lt;'", (int)xd_random_below(random, 9));
    }
    XD_BUF_LIT(buf, ">");
    for (uint64_t n = xd_random_below(random, 5); n > 0 && depth < 5; n--) {
        switch (xd_random_below(random, 6)) {
        case 0:
            XD_BUF_LIT(buf, " \n ");
            break;
        case 1:
            XD_BUF_LIT(buf, "t &amp; &#13;€");
            break;
        case 2:
            XD_BUF_LIT(buf, "<!-- c --><?i d?>");
            break;
        case 3:
            XD_BUF_LIT(buf, "<![CDATA[<&]]>");
            break;
        default:
            random_element(random, buf, depth + 1);
            break;
        }
    }
    xd_buf_printf(buf, "</%s>", name);
}

static void trees_survive_the_way_through_xml(void **state)
{
    (void)state;
    static const char *const layouts[] = {
        USUAL, ALL, "{\"format\":\"xml\",\"namespaces\":{\"q\":\"urn:p\"},\"arrays\":[\"a\"]}"};
    xd_random random = {9};
    xd_buf text, tree, written, again;
    xd_buf_init(&text, TEST_BYTES);
    xd_buf_init(&tree, TEST_BYTES);
    xd_buf_init(&written, TEST_BYTES);
    xd_buf_init(&again, TEST_BYTES);
    for (int round = 0; round < 600; round++) {
        xd_format *format = test_layout(layouts[round % 3]);
        xd_buf_clear(&text);
        xd_buf_clear(&tree);
        xd_buf_clear(&written);
        xd_buf_clear(&again);
        random_element(&random, &text, 0);
        xd_fault fault = test_read(format, xd_buf_str(&text), SIZE_MAX, &tree);
        assert_int_equal(fault.code, XD_OK);
        (void)test_read(format, xd_buf_str(&text), xd_random_below(&random, 30) + 1, &again);
        assert_same_text(xd_buf_str(&again), xd_buf_str(&tree));
        fault = test_write(format, xd_buf_str(&tree), &written);
        assert_string_equal(fault.text, "");
        xd_buf_clear(&again);
        (void)test_read(format, xd_buf_str(&written), SIZE_MAX, &again);
        assert_same_text(xd_buf_str(&again), xd_buf_str(&tree));
        xd_format_close(format);
    }
    xd_buf_finish(&again);
    xd_buf_finish(&written);
    xd_buf_finish(&tree);
    xd_buf_finish(&text);
}

/* Short texts are kept otherwise than long ones, and both come in pieces. */
static void texts_of_every_length_are_kept(void **state)
{
    (void)state;
    xd_random random = {4};
    char letters[1000];
    xd_buf text, expected, tree;
    memset(letters, 'z', sizeof letters);
    xd_buf_init(&text, TEST_BYTES);
    xd_buf_init(&expected, TEST_BYTES);
    xd_buf_init(&tree, TEST_BYTES);
    for (int round = 0; round < 300; round++) {
        xd_format *format = test_layout(USUAL);
        xd_buf_clear(&text);
        xd_buf_clear(&expected);
        xd_buf_clear(&tree);
        XD_BUF_LIT(&text, "<r>");
        XD_BUF_LIT(&expected, "{\"r\":{\"a\":[");
        for (int i = 0; i < 12; i++) {
            uint64_t n = xd_random_below(&random, i % 3 ? 40 : 1500);
            xd_buf_printf(&text, "<a k=\"%.*s\">", (int)(n / 2), letters);
            XD_BUF_LIT(&expected, "{\"@k\":");
            xd_json_write_string(&expected, (xd_str){letters, n / 2});
            XD_BUF_LIT(&expected, ",\"#text\":\"x");
            XD_BUF_LIT(&text, "x");
            for (uint64_t k = 0; k < n; k++) {
                xd_buf_add(&text, k % 7 == 3 ? "&#65;" : "b", k % 7 == 3 ? 5 : 1);
                xd_buf_char(&expected, k % 7 == 3 ? 'A' : 'b');
            }
            XD_BUF_LIT(&text, "</a>\n");
            xd_buf_add(&expected, i < 11 ? "\"}," : "\"}]}}\n", i < 11 ? 3 : 6);
        }
        XD_BUF_LIT(&text, "</r>");
        size_t piece = xd_random_below(&random, 3000) + 1;
        xd_fault fault = test_read(format, xd_buf_str(&text), piece, &tree);
        assert_string_equal(fault.text, "");
        assert_same_text(xd_buf_str(&tree), xd_buf_str(&expected));
        xd_format_close(format);
    }
    xd_buf_finish(&tree);
    xd_buf_finish(&expected);
    xd_buf_finish(&text);
}

static void json_is_a_format_too(void **state)
{
    (void)state;
    assert_read("{\"format\":\"json\",\"each\":\"/a/b\"}",
                "\xEF\xBB\xBF{\"a\":{\"b\":[1,{\"c\":2}]}}", "1\n{\"c\":2}\n");
    assert_read("{\"format\":\"json\"}", "[1,\n2", "2:2  json.comma\n");
    assert_read("{\"format\":\"ndjson\"}", "{\"a\":1}\r\n\n[\n2",
                "{\"a\":1}\n3:2 /0 json.value\n2\n");
    assert_written("{\"format\":\"json\",\"each\":\"/a\"}", "1\n2\n", "{\"a\":[1,\n2]}\n", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_follow_the_convention),
        cmocka_unit_test(shapes_can_be_made_stable),
        cmocka_unit_test(namespaces_are_kept_or_renamed),
        cmocka_unit_test(elements_at_a_path_come_one_by_one),
        cmocka_unit_test(trees_are_written_so_that_they_can_be_read),
        cmocka_unit_test(entities_are_refused_where_they_are_used),
        cmocka_unit_test(growth_is_bounded),
        cmocka_unit_test(what_is_not_well_formed_is_placed),
        cmocka_unit_test(envelopes_are_unwrapped_and_wrapped),
        cmocka_unit_test(faults_are_understood_in_both_versions),
        cmocka_unit_test(trees_survive_the_way_through_xml),
        cmocka_unit_test(texts_of_every_length_are_kept),
        cmocka_unit_test(json_is_a_format_too),
    };
    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
