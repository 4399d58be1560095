/* Supplier's acknowledgement of an order (X12 855); line codes are those of element 668. Pure. */
#include "canon/kinds_int.h"

enum { PO_LINE, CODE, ITEM, QUANTITY, UNIT_PRICE, DATE, EXTENSIONS };

/* Accepted, backordered, changed, deleted, price changed, quantity changed, rejected, substitution,
 * rescheduled, partial plus backorder, hold, date pending. */
static const char *const codes[] = {"IA", "IB", "IC", "ID", "IP", "IQ", "IR",
                                    "IS", "DR", "BP", "IH", "SP", NULL};

static const xd_field line_fields[] = {
    [PO_LINE] = XD_F_LINE("po_line", XD_REQUIRED, "line of the order; may come with several codes"),
    [CODE] = XD_F_CHOICE("code", XD_REQUIRED, codes,
                         "X12 668: IA accepted, IB backordered, IC changed, ID deleted, IP price, "
                         "IQ quantity, IR rejected, IS substitution, DR rescheduled, BP partial "
                         "plus backorder, IH hold, SP date pending"),
    [ITEM] = XD_F_CODE("item", 0, "item that will come; the substitute with IS"),
    [QUANTITY] = XD_F_QUANTITY("quantity", 0, "quantity the code is about"),
    [UNIT_PRICE] = XD_F_PRICE("unit_price", 0, "price the supplier wants"),
    [DATE] = XD_F_DATE("date", 0, "date the supplier promises"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    static const struct {
        const char *code;
        uint32_t needs;
    } needs[] = {{"IP", UNIT_PRICE}, {"IQ", QUANTITY}, {"IS", ITEM}, {"DR", DATE}};
    (void)sum;
    const char *code = codes[values->value[CODE].integer];
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (strcmp(code, needs[i].code) == 0 && !xd_given(values, needs[i].needs)) {
            const char *name = values->record->fields[needs[i].needs].name;
            return xd_field_fail(values, needs[i].needs, "required",
                                 "%s is missing; code %s is about it", name, code);
        }
    }
    return XD_OK;
}

static const char *const line_rules[] = {
    "IP needs unit_price, IQ needs quantity, IS needs item, DR needs date.",
    NULL,
};

static const xd_record line_record = XD_RECORD(line_fields, check_line, line_rules);

static const xd_field fields[] = {
    XD_F_CODE("po", XD_REQUIRED, "order acknowledged"),
    XD_F_INTEGER("version", 0, 1, 1000000, "version of the order; 1 when absent"),
    XD_F_CODE("acknowledgement_no", XD_REQUIRED, "number the supplier gave it"),
    XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what the supplier says"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_acknowledgement_document = XD_DOCUMENT(record);
