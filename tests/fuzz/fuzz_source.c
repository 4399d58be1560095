/* libFuzzer target for what a source sends: the first byte chooses one of some sources (layout,
 * map, by), the rest is the file. Whatever it is, each record becomes events that can go into the
 * log, or is refused in words; the same file again gives the same events; and a file of lines cut
 * into small pieces gives the events of the whole. */
#include "base/hash.h"
#include "ingress/cutter.h"
#include "ingress/transform.h"

#include "fuzz.h"

#include <string.h>

enum { SOURCES = 8, PIECE_BYTES = 128, OUT_BYTES = 64 << 20 };

#define CODE "{\"table\": \"t\", \"system\": \"s\", \"code\": c, \"value\": v}"

static const char *const samples[SOURCES][4] = {
    {"{\"format\":\"csv\",\"header\":true}", CODE, NULL},
    {"{\"format\":\"csv\",\"separator\":\";\",\"header\":true,\"columns\":[{\"name\":\"c\"},"
     "{\"name\":\"v\",\"type\":\"integer\"}],\"other_columns\":\"drop\"}",
     "{\"table\": \"t\", \"system\": $[0].c, \"code\": $xref(\"k\", \"s\", $[0].c), \"value\": "
     "$string($sum(v))}",
     "c"},
    {"{\"format\":\"ndjson\"}", "[rows ? rows." CODE " : " CODE "]", NULL},
    {"{\"format\":\"xml\",\"each\":\"/r/i\"}", "i." CODE, NULL},
    {"{\"format\":\"json\"}", "$", NULL},
    {"{\"format\":\"fixed\",\"record_bytes\":4,\"fields\":[{\"name\":\"c\",\"start\":1,\"length\":"
     "2},{\"name\":\"v\",\"start\":3,\"length\":2}]}",
     CODE, NULL},
    {"{\"format\":\"csv\",\"header\":true,\"max_row_bytes\":4096,\"max_columns\":64}",
     "{'receipt_no': $[0].nr, 'purchase_order': $[0].po, 'site': $xref('site', 'wms', $[0].site), "
     "'received_at': $[0].at, 'lines': $map($, function($r, $i) {{'line': $i + 1, 'po_line': "
     "$number($r.pos), 'quantity': $r.qty}})[]}",
     "nr", "goods_receipt"},
    {"{\"format\":\"ndjson\"}",
     "{'receipt_no': nr, 'purchase_order': po, 'site': $xref('site', 'wms', site), 'received_at': "
     "at, 'lines': [{'line': 1, 'po_line': $number(pos), 'quantity': $uom(qty, $xref('unit', "
     "'wms', unit), 'EA')}]}",
     NULL, "goods_receipt"},
};

static xd_codes *codes;
static xd_source *sources[SOURCES];

static void put_code(const char *table, const char *system, const char *code, const char *value)
{
    xd_crosswalk_row row = {.table = xd_str_from(table),
                            .system = xd_str_from(system),
                            .code = xd_str_from(code),
                            .value = xd_str_from(value),
                            .valid_from = XD_INSTANT_NONE,
                            .valid_to = XD_INSTANT_NONE};
    REQUIRE(xd_codes_put(codes, &row, NULL) == XD_OK);
}

static void open_sources(void)
{
    REQUIRE(xd_codes_create(&codes, NULL) == XD_OK);
    put_code("k", "s", "a", "A");
    put_code("site", "wms", "L1", "S1");
    put_code("unit", "wms", "ST", "EA");
    put_code("unit", "wms", "KA", "CS");
    put_code("uom", "factor", "CS>EA", "12");
    for (int i = 0; i < SOURCES; i++) {
        xd_source_options options = {.name = "fuzz",
                                     .map_file = "map.jsonata",
                                     .map_text = xd_str_from(samples[i][1]),
                                     .map_hash = XD_STR("00"),
                                     .layout = xd_str_from(samples[i][0]),
                                     .to = samples[i][3] ? samples[i][3] : "crosswalk",
                                     .by = samples[i][2],
                                     .codes = codes};
        REQUIRE(xd_source_open(&options, &sources[i], NULL) == XD_OK);
    }
}

static void note(xd_submission *s, xd_buf *out)
{
    REQUIRE(s->count > 0);
    for (uint32_t i = 0; i < s->count; i++) {
        const xd_event *e = &s->events[i];
        REQUIRE(e->id.len > 0 && e->id.len <= XD_EVENT_ID_MAX && e->kind && e->data);
        REQUIRE(xd_str_starts(e->raw, s->raw_hash) && s->raw_hash.len == XD_SHA256_HEX);
        xd_buf_printf(out, "%s %.*s %.*s\n", e->kind->name, XD_FMT(e->id), XD_FMT(e->data_text));
    }
    xd_submission_release(s);
    xd_submission_release(s);
}

static void map_piece(const xd_source *source, const xd_piece *piece, xd_bulk *bulk, xd_buf *out)
{
    xd_transform *t;
    REQUIRE(xd_transform_create(source, piece->bytes, 1790000000000000, bulk, &t, NULL) == XD_OK);
    xd_transform_stand_behind(t, piece->lines_before, piece->bytes_before);
    xd_submission *s;
    for (;;) {
        xd_fault fault = XD_FAULT_NONE;
        REQUIRE(xd_transform_next(t, &s, &fault) == XD_OK);
        if (!s) {
            break;
        }
        note(s, out);
    }
    xd_transform_destroy(t);
}

/* False when there is no place to cut. */
static bool map_cut(const xd_source *source, xd_str bytes, xd_bulk *bulk, xd_buf *out)
{
    xd_cutter *cutter;
    REQUIRE(xd_cutter_create(source, PIECE_BYTES, &cutter, NULL) == XD_OK);
    xd_status status = XD_OK;
    xd_piece piece = {0};
    for (size_t at = 0; status == XD_OK && !piece.over; at += at < bytes.len) {
        bool last = at == bytes.len;
        REQUIRE(last || xd_cutter_add(cutter, (xd_str){bytes.ptr + at, 1}));
        for (piece.bytes = XD_STR(""); status == XD_OK && piece.bytes.ptr;) {
            status = xd_cutter_next(cutter, last, &piece, NULL);
            if (status == XD_OK && piece.bytes.ptr) {
                map_piece(source, &piece, bulk, out);
            }
        }
        if (last) {
            break;
        }
    }
    REQUIRE(status == XD_OK || status == XD_LIMIT);
    xd_cutter_destroy(cutter);
    return status == XD_OK;
}

static void begin(xd_bulk *bulk, xd_buf *out)
{
    xd_decode_limits limits = {.max_event_bytes = 4096, .max_depth = 32, .max_batch = 100};
    xd_bulk_init(bulk, &limits, XD_STR("fuzz"));
    xd_buf_init(out, OUT_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!codes) {
        open_sources();
    }
    if (size < 1) {
        return 0;
    }
    const xd_source *source = sources[data[0] % SOURCES];
    xd_piece whole = {.bytes = {(const char *)data + 1, size - 1}};
    xd_bulk bulks[3];
    xd_buf outs[3];
    for (int i = 0; i < 3; i++) {
        begin(&bulks[i], &outs[i]);
    }
    map_piece(source, &whole, &bulks[0], &outs[0]);
    map_piece(source, &whole, &bulks[1], &outs[1]);
    REQUIRE(xd_str_eq(xd_buf_str(&outs[0]), xd_buf_str(&outs[1])));
    REQUIRE(xd_str_eq(xd_buf_str(&bulks[0].problems), xd_buf_str(&bulks[1].problems)));
    if (xd_cutter_can(source) && map_cut(source, whole.bytes, &bulks[2], &outs[2])) {
        REQUIRE(xd_str_eq(xd_buf_str(&outs[0]), xd_buf_str(&outs[2])));
        REQUIRE(bulks[0].tally.refused == bulks[2].tally.refused);
    }
    for (int i = 0; i < 3; i++) {
        xd_bulk_finish(&bulks[i]);
        xd_buf_finish(&outs[i]);
    }
    return 0;
}
