/* format: megabytes a second on one core from bytes in memory to records as JSON trees, beside a
 * floor measured in turns with it: the best of the rounds of each, and the median of the rounds'
 * ratios. CSV as text and with types: the floor is one memchr pass over the lines. XML as one
 * document and element by element: the floor is libxml2's own SAX2 parse of the same bytes, whole
 * in memory, with handlers that do nothing, its fastest use; libxml2's own tree (xmlReadMemory) of
 * them is a line of its own. bench_format [ROUNDS] */
#include "measure.h"

#include "base/random.h"
#include "format/format.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>

enum { CSV_BYTES = 64 << 20, XML_BYTES = 16 << 20, PIECE = 256 << 10, ROUNDS_MAX = 9 };

/* --- what is read --- */

/* Goods movements as a warehouse exports them: ten columns, a few in quotes. */
static void write_csv(xd_buf *buf)
{
    xd_random random = {1};
    XD_BUF_LIT(buf, "receipt;order;line;item;description;site;qty;price;booked;at\r\n");
    for (unsigned i = 0; buf->len < CSV_BYTES; i++) {
        uint64_t r = xd_random_next(&random);
        xd_buf_printf(
            buf,
            "GR-%08u;45%08u;%u;ART-%05u;%s;W%u;%u,%03u;%u,%02u;%02u.%02u.2026;"
            "2026-%02u-%02uT%02u:%02u:%02uZ\r\n",
            i, (unsigned)(r % 90000), (unsigned)(r % 9 + 1) * 10, (unsigned)(r >> 8) % 50000,
            r % 8 == 0 ? "\"Screw, 4 x 30 \"\"A2\"\"; 200 pieces\"" : "Hexagon bolt M8",
            (unsigned)(r >> 16) % 20, (unsigned)(r >> 20) % 900, (unsigned)(r >> 24) % 1000,
            (unsigned)(r >> 28) % 400, (unsigned)(r >> 32) % 100, (unsigned)(r >> 36) % 28 + 1,
            (unsigned)(r >> 40) % 12 + 1, (unsigned)(r >> 40) % 12 + 1,
            (unsigned)(r >> 36) % 28 + 1, (unsigned)(r >> 44) % 24, (unsigned)(r >> 48) % 60,
            (unsigned)(r >> 52) % 60);
    }
}

/* Orders in the way of UBL: prefixes, attributes, line breaks and indents. */
static void write_xml(xd_buf *buf)
{
    xd_random random = {2};
    XD_BUF_LIT(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Orders xmlns=\"urn:x:orders\" "
                    "xmlns:cbc=\"urn:x:basic\" xmlns:cac=\"urn:x:aggregate\">\n");
    for (unsigned i = 0; buf->len < XML_BYTES; i++) {
        xd_buf_printf(buf,
                      "  <Order>\n    <cbc:ID>PO-%08u</cbc:ID>\n    <cbc:IssueDate>2026-11-17"
                      "</cbc:IssueDate>\n    <cac:Party>\n      <cbc:EndpointID schemeID=\"0088\">"
                      "7300010000001</cbc:EndpointID>\n      <cbc:Name>Smith &amp; Sons</cbc:Name>"
                      "\n    </cac:Party>\n",
                      i);
        unsigned lines = (unsigned)xd_random_below(&random, 6) + 1;
        for (unsigned k = 1; k <= lines; k++) {
            xd_buf_printf(buf,
                          "    <cac:OrderLine>\n      <cbc:ID>%u</cbc:ID>\n      <cbc:Quantity "
                          "unitCode=\"EA\">%u.000</cbc:Quantity>\n      <cbc:Price currencyID="
                          "\"EUR\">%u.50</cbc:Price>\n      <cbc:Description>Hexagon bolt M8 x 30"
                          "</cbc:Description>\n    </cac:OrderLine>\n",
                          k, (unsigned)xd_random_below(&random, 900) + 1,
                          (unsigned)xd_random_below(&random, 90));
        }
        XD_BUF_LIT(buf, "  </Order>\n");
    }
    XD_BUF_LIT(buf, "</Orders>\n");
}

/* --- what is measured --- */

static xd_format *open_layout(const char *text)
{
    xd_arena arena;
    const xd_json *tree = NULL;
    xd_format *format = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_init(&arena, 1 << 20);
    if (xd_json_parse(xd_str_from(text), XD_JSON_LIMITS_DEFAULT, &arena, &tree, &fault) != XD_OK ||
        xd_format_open(tree, &format, &fault) != XD_OK) {
        bench_die("layout: %s", fault.text);
    }
    xd_arena_finish(&arena);
    return format;
}

/* Reads everything; the number of records. */
static uint64_t read_all(const xd_format *format, xd_str text)
{
    xd_format_reader *reader = NULL;
    xd_fault fault = XD_FAULT_NONE;
    uint64_t records = 0;
    if (xd_format_reader_create(format, &reader, &fault) != XD_OK) {
        bench_die("%s", fault.text);
    }
    for (size_t at = 0; at < text.len; at += PIECE) {
        size_t n = text.len - at < PIECE ? text.len - at : PIECE;
        xd_format_feed(reader, (xd_str){text.ptr + at, n}, at + n == text.len);
        for (;;) {
            const xd_json *record = NULL;
            if (xd_format_next(reader, &record, NULL, &fault) != XD_OK) {
                bench_die("line %d: %s", (int)fault.line, fault.text);
            }
            if (!record) {
                break;
            }
            records++;
        }
    }
    xd_format_reader_destroy(reader);
    return records;
}

static uint64_t floor_lines(xd_str text)
{
    uint64_t lines = 0;
    const char *end = text.ptr + text.len;
    for (const char *p = text.ptr; (p = memchr(p, '\n', (size_t)(end - p))); p++) {
        lines++;
    }
    return lines;
}

static void no_start(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int attribute_count,
                     int defaulted, const xmlChar **attributes)
{
    (void)local;
    (void)prefix;
    (void)uri;
    (void)namespace_count;
    (void)namespaces;
    (void)attribute_count;
    (void)defaulted;
    (void)attributes;
    ++*(uint64_t *)context;
}

static void no_end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    (void)context;
    (void)local;
    (void)prefix;
    (void)uri;
}

static void no_text(void *context, const xmlChar *bytes, int n)
{
    (void)context;
    (void)bytes;
    (void)n;
}

static uint64_t floor_xml(xd_str text)
{
    uint64_t elements = 0;
    xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
                             .startElementNs = no_start,
                             .endElementNs = no_end,
                             .characters = no_text,
                             .ignorableWhitespace = no_text};
    if (xmlSAXUserParseMemory(&handler, &elements, text.ptr, (int)text.len) != 0) {
        bench_die("libxml2 did not parse");
    }
    return elements;
}

static uint64_t floor_xml_tree(xd_str text)
{
    xmlDocPtr document = xmlReadMemory(text.ptr, (int)text.len, NULL, NULL, XML_PARSE_NONET);
    uint64_t elements = document ? xmlChildElementCount(xmlDocGetRootElement(document)) : 0;
    xmlFreeDoc(document);
    return elements;
}

static double rate(xd_str text, int64_t begin_ns)
{
    return (double)text.len / 1e6 / ((double)(bench_now_ns() - begin_ns) / 1e9);
}

static void measure(const char *name, const char *layout, xd_str text, uint64_t (*bare)(xd_str),
                    uint32_t rounds)
{
    double values[ROUNDS_MAX];
    double floors[ROUNDS_MAX];
    uint64_t records = 0;
    xd_format *format = open_layout(layout);
    double cpu = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        int64_t begin = bench_now_ns();
        if (bare(text) == 0) {
            bench_die("%s: the floor found nothing", name);
        }
        floors[i] = rate(text, begin);
        double before = bench_cpu_s(0);
        begin = bench_now_ns();
        records = read_all(format, text);
        values[i] = rate(text, begin);
        cpu += bench_cpu_s(0) - before;
    }
    xd_format_close(format);
    bench_print(&(bench_figure){.bench = name,
                                .value = bench_best(values, rounds),
                                .unit = "MB/s",
                                .floor = bench_best(floors, rounds),
                                .ratio = bench_median_ratio(values, floors, rounds),
                                .cpu_s = cpu / rounds,
                                .events = (double)records});
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 5;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    xd_buf csv;
    xd_buf xml;
    xd_buf_init(&csv, CSV_BYTES * 2);
    xd_buf_init(&xml, XML_BYTES * 2);
    write_csv(&csv);
    write_xml(&xml);
    measure("format_csv_text", "{\"format\":\"csv\",\"separator\":\";\",\"header\":true}",
            xd_buf_str(&csv), floor_lines, rounds);
    measure("format_csv_typed",
            "{\"format\":\"csv\",\"separator\":\";\",\"header\":true,\"columns\":["
            "{\"name\":\"line\",\"type\":\"integer\"},"
            "{\"name\":\"qty\",\"type\":\"decimal\",\"decimal_comma\":true},"
            "{\"name\":\"price\",\"type\":\"decimal\",\"decimal_comma\":true},"
            "{\"name\":\"booked\",\"type\":\"date\",\"format\":\"DD.MM.YYYY\"},"
            "{\"name\":\"at\",\"type\":\"instant\"}]}",
            xd_buf_str(&csv), floor_lines, rounds);
    measure("format_xml_document", "{\"format\":\"xml\",\"max_record_bytes\":1000000000}",
            xd_buf_str(&xml), floor_xml, rounds);
    measure("format_xml_document_by_tree", "{\"format\":\"xml\",\"max_record_bytes\":1000000000}",
            xd_buf_str(&xml), floor_xml_tree, rounds);
    measure("format_xml_elements", "{\"format\":\"xml\",\"each\":\"/Orders/Order\"}",
            xd_buf_str(&xml), floor_xml, rounds);
    xd_buf_finish(&xml);
    xd_buf_finish(&csv);
    return 0;
}
