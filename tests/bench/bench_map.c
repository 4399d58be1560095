/* map: goods receipts as text in, goods movements as text out, on one core: read, mapped, written;
 * beside reading and writing alone.
 *     bench_map [SECONDS [MAP NDJSON]]   by default a map and receipts of its own
 *     bench_map print MAP NDJSON         prints what the map makes of each document
 *     bench_map rate SECONDS MAP NDJSON  prints documents a second and nothing else
 *     bench_map write DIR                writes the map and the receipts of its own there */
#include "documents.h"

#include "measure.h"

#include "mapping/map.h"

#include <stdio.h>

static const char own_map[] =
    "{ 'document': 'GOODS_MOVEMENT', 'id': id, 'reference': data.receipt_no,"
    "  'po': data.purchase_order, 'plant': data.site, 'vendor': data.supplier,"
    "  'posting_date': $substring(data.received_at, 0, 10),"
    "  'header_text': data.carrier & ' ' & data.packing_slip,"
    "  'items': [data.lines.{ 'item': line, 'po_item': po_line, 'material': item, 'unit': uom,"
    "    'movement': $number(damaged) > 0 ? '103' : '101',"
    "    'unrestricted': $formatNumber($number(quantity) - $number(damaged), '0.000'),"
    "    'blocked': $formatNumber($number(damaged), '0.000'),"
    "    'batches': [lots.{ 'batch': lot, 'quantity': quantity, 'expiry': expires }] }] }";

static void *compile(xd_str text)
{
    xd_map *map = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_map_compile(text, &map, &fault) != XD_OK) {
        bench_die("the map: %s", fault.text);
    }
    return map;
}

static void destroy(void *map)
{
    xd_map_destroy(map);
}

/* Read, mapped when there is a map, written. */
static bool map_one(const void *map, xd_str document, xd_arena *arena, xd_buf *out)
{
    const xd_json *tree = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_json_parse(document, XD_JSON_LIMITS_DEFAULT, arena, &tree, &fault) != XD_OK ||
        (map && xd_map_run(map, tree, NULL, NULL, NULL, arena, &tree, &fault) != XD_OK)) {
        bench_die("%.*s: %s", XD_FMT(document), fault.text);
    }
    xd_json_write(out, tree);
    return true;
}

static void print_one(xd_str result)
{
    printf("%.*s\n", XD_FMT(result));
}

int main(int argc, char **argv)
{
    static const bench_task task = {.name = "map",
                                    .own = own_map,
                                    .own_file = "map.jsonata",
                                    .compile = compile,
                                    .destroy = destroy,
                                    .one = map_one,
                                    .print = print_one};
    return bench_documents(&task, argc, argv);
}
