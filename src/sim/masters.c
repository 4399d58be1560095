/* Master data of the simulated distributor: a small catalogue, and the documents that publish it.
 * Pure; calls base. */
#include "sim/author_int.h"

#include <stdio.h>

static const struct {
    const char *code, *name;
    int32_t offset_min;
} sites[XD_SITES] = {
    {"SEA-01", "Seattle", -480}, {"DAL-02", "Dallas", -360}, {"ATL-03", "Atlanta", -300}};

static const char *const uoms[][2] = {{"EA", "each"}, {"KG", "kilogram"}, {"CS", "case"}};

static const char *const accounts[][2] = {
    {"INV", "1310-00"}, {"GRNI", "2110-00"}, {"AP", "2000-00"},  {"VAT", "1410-00"},
    {"IPV", "5210-00"}, {"PPV", "5220-00"},  {"RND", "7990-00"}, {"COGS", "5000-00"},
    {"SHR", "5300-00"}, {"LCC", "1390-00"}};

static const char *const supplier_names[XD_SUPPLIERS] = {
    "Alder Fasteners",  "Birch Bearings",   "Cedar Chemicals", "Dogwood Drives",
    "Elm Electric",     "Fir Filtration",   "Ginkgo Gaskets",  "Hazel Hydraulics",
    "Ironwood Imports", "Juniper Jointing", "Katsura Kitting", "Larch Lubricants"};

const char *xd_catalogue_site(uint32_t site)
{
    return sites[site].code;
}

xd_catalogue_item xd_catalogue_item_at(uint32_t item)
{
    xd_random own = {item + 1};
    bool by_weight = item % 5 == 3;
    return (xd_catalogue_item){.uom = uoms[by_weight       ? 1
                                           : item % 7 == 2 ? 2
                                                           : 0][0],
                               .step = by_weight ? 250 : 1000,
                               .price = 5000 + (int64_t)xd_random_below(&own, 1200000),
                               .lots = item % 3 == 0};
}

static void begin(xd_author *author, const char *type, const char *source, const char *number,
                  uint64_t place)
{
    xd_heading heading = {.type = type,
                          .source = source,
                          .number = number,
                          .tag = "-master",
                          .place = place,
                          .business_place = 0};
    xd_author_begin(author, &heading);
}

static void write_items(xd_author *author)
{
    for (uint32_t i = 0; i < XD_ITEMS; i++) {
        char code[16];
        char description[32];
        xd_catalogue_item item = xd_catalogue_item_at(i);
        snprintf(code, sizeof code, "ITM-%04u", i);
        snprintf(description, sizeof description, "Catalogue item %u", i);
        /* The newest item reaches the hub after the first orders for it. */
        begin(author, "crossdock.item.v1", "urn:erp", code,
              i + 1 == XD_ITEMS ? author->late_master_at : 1);
        xd_author_text(author, "item", code);
        xd_author_text(author, "description", description);
        xd_author_text(author, "uom", item.uom);
        xd_author_text(author, "category", item.lots ? "perishable" : "durable");
        xd_author_decimal(author, "standard_cost", item.price, 4);
        xd_author_end(author);
    }
}

static void write_suppliers(xd_author *author)
{
    for (uint32_t i = 0; i < XD_SUPPLIERS; i++) {
        char code[16];
        snprintf(code, sizeof code, "SUP-%03u", i);
        begin(author, "crossdock.supplier.v1", "urn:erp", code,
              i + 1 == XD_SUPPLIERS ? author->late_master_at : 1);
        xd_author_text(author, "supplier", code);
        xd_author_text(author, "name", supplier_names[i]);
        xd_author_text(author, "terms", i % 2 ? "NET30" : "NET45");
        xd_author_text(author, "currency", "USD");
        xd_author_end(author);
    }
}

void xd_author_masters(xd_author *author)
{
    for (uint32_t i = 0; i < sizeof uoms / sizeof *uoms; i++) {
        begin(author, "crossdock.uom.v1", "urn:erp", uoms[i][0], 0);
        xd_author_text(author, "uom", uoms[i][0]);
        xd_author_text(author, "name", uoms[i][1]);
        xd_author_end(author);
    }
    for (uint32_t i = 0; i < XD_SITES; i++) {
        begin(author, "crossdock.site.v1", "urn:erp", sites[i].code, 0);
        xd_author_text(author, "site", sites[i].code);
        xd_author_text(author, "name", sites[i].name);
        xd_author_int(author, "time_zone_offset_min", sites[i].offset_min);
        xd_author_end(author);
    }
    for (uint32_t i = 0; i < sizeof accounts / sizeof *accounts; i++) {
        begin(author, "crossdock.account.v1", "urn:finance", accounts[i][0], 0);
        xd_author_text(author, "role", accounts[i][0]);
        xd_author_text(author, "account", accounts[i][1]);
        xd_author_end(author);
    }
    write_suppliers(author);
    write_items(author);
}
