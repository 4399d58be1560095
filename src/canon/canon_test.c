/* Field tables and validator. For each kind there is one full sample; every field in it is then
 * broken in every way its type allows, and the fault must name that field, its rule and its place.
 */
#include "canon/kinds_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    xd_kind kind;
    const char *text;
} samples[] = {
    {XD_KIND_ITEM, "{'item':'SKU-1','description':'Bolt M8','uom':'EA','category':'FAST',"
                   "'standard_cost':'9.50','valid_from':'2026-01-01','extensions':{'a':[1,{}]}}"},
    {XD_KIND_SUPPLIER, "{'supplier':'SUP-1','name':'Acme','terms':'NET30','group':'G1',"
                       "'currency':'EUR','extensions':{}}"},
    {XD_KIND_SITE, "{'site':'EAST-01','name':'East','time_zone_offset_min':-300,'extensions':{}}"},
    {XD_KIND_UOM, "{'uom':'EA','name':'each','extensions':{}}"},
    {XD_KIND_ACCOUNT, "{'role':'GRNI','account':'2110','category':'FAST','extensions':{}}"},
    {XD_KIND_CROSSWALK, "{'table':'item','system':'wms','code':'4711','value':'SKU-1',"
                        "'valid_from':'2026-01-01','valid_to':'2026-12-31T23:00:00Z',"
                        "'extensions':{}}"},
    {XD_KIND_PURCHASE_ORDER,
     "{'po':'PO-1','supplier':'SUP-1','site':'EAST-01','currency':'USD',"
     "'ordered_at':'2026-11-01T08:00:00Z','terms':'NET30','version':1,'created_by':'ann',"
     "'approved_by':'bob','tolerance_pct':'5.00','match_level':3,'lines':[{'po_line':10,"
     "'item':'SKU-1','description':'Bolt','uom':'CS','quantity':'154.000','unit_price':'41.4690',"
     "'gl':'1310-00','uom_factor':{'numerator':12,'denominator':1},'tax_code':'V20',"
     "'currency':'USD','extensions':{}}],'extensions':{}}"},
    {XD_KIND_ORDER_CHANGE,
     "{'po':'PO-1','based_on':1,'version':2,'requested_by':'ann','status':'approved','lines':["
     "{'po_line':20,'action':'add','quantity':10,'unit_price':'1.5','item':'SKU-2',"
     "'description':'Nut','uom':'EA','uom_factor':{'numerator':1,'denominator':1},'gl':'1310',"
     "'tax_code':'V20','currency':'USD','extensions':{}},{'po_line':10,'action':'cancel'}],"
     "'extensions':{}}"},
    {XD_KIND_ACKNOWLEDGEMENT,
     "{'po':'PO-1','version':1,'acknowledgement_no':'A-1','lines':[{'po_line':10,'code':'IA',"
     "'item':'SKU-1','quantity':'10','unit_price':'9.99','date':'2026-12-01','extensions':{}}],"
     "'extensions':{}}"},
    {XD_KIND_SHIP_NOTICE,
     "{'shipment':'S-1','supplier':'SUP-1','po':'PO-1','shipped_at':'2026-11-02T08:00:00Z',"
     "'expected_at':'2026-11-04T08:00:00+01:00','carrier':'UPSN','lines':[{'line':1,'po_line':10,"
     "'item':'SKU-1','uom':'EA','quantity':'10','lots':[{'lot':'L1','quantity':'10',"
     "'expires':'2027-01-01'}],'serials':['S1'],'extensions':{}}],'extensions':{}}"},
    {XD_KIND_ORDER_ACTIVITY, "{'activity_no':'X-1','po':'PO-1','po_line':10,"
                             "'activity':'Vendor creates invoice','person':'bob','extensions':{}}"},
    {XD_KIND_GOODS_RECEIPT,
     "{'receipt_no':'GR-1','purchase_order':'PO-1','supplier':'SUP-1','site':'EAST-01',"
     "'received_at':'2026-11-17T13:04:50Z','movement':'receipt','carrier':'ODFL',"
     "'packing_slip':'PS-1','received_by':'cid','lines':[{'line':1,'po_line':30,'item':'SKU-1',"
     "'uom':'KG','quantity':'54.000','lots':[{'lot':'L1','quantity':'50.5','expires':null},"
     "{'lot':'L2','quantity':3.5,'expires':'2027-06-27'}],'serials':['S1','S2'],'damaged':'4.000',"
     "'rejected':'0','disposition':'quarantine','extensions':{}}],'extensions':{}}"},
    {XD_KIND_SUPPLIER_RETURN,
     "{'return_no':'R-1','po':'PO-1','site':'EAST-01','returned_at':'2026-11-20T08:00:00Z',"
     "'lines':[{'line':1,'po_line':10,'item':'SKU-1','uom':'EA','quantity':'4',"
     "'receipt_no':'GR-1','receipt_line':1,'reason':'damaged','extensions':{}}],'extensions':{}}"},
    {XD_KIND_ADJUSTMENT,
     "{'adjustment_no':'A-1','site':'EAST-01','adjusted_at':'2026-11-20T08:00:00Z',"
     "'adjusted_by':'ann','approved_by':'bob','lines':[{'line':1,'item':'SKU-1','uom':'EA',"
     "'quantity':'-3','lot':'L1','reason':'broken','extensions':{}}],'extensions':{}}"},
    {XD_KIND_CYCLE_COUNT,
     "{'count_no':'C-1','site':'EAST-01','counted_at':'2026-11-20T08:00:00Z','counted_by':'ann',"
     "'lines':[{'line':1,'item':'SKU-1','uom':'EA','counted':'0','lot':'L1','extensions':{}}],"
     "'extensions':{}}"},
    {XD_KIND_TRANSFER,
     "{'transfer_no':'T-1','from_site':'EAST-01','to_site':'WEST-01','movement':'shipped',"
     "'moved_at':'2026-11-20T08:00:00Z','lines':[{'line':1,'item':'SKU-1','uom':'EA',"
     "'quantity':'20','lots':[{'lot':'L1','quantity':'20','expires':'2027-06-27'}],"
     "'extensions':{}}],'extensions':{}}"},
    {XD_KIND_SALES_SHIPMENT,
     "{'shipment_no':'D-1','site':'EAST-01','shipped_at':'2026-11-20T08:00:00Z',"
     "'sales_order':'SO-1','customer':'CU-1','carrier':'UPSN','lines':[{'line':1,'item':'SKU-1',"
     "'uom':'EA','quantity':'30','lots':[{'lot':'L1','quantity':'30','expires':'2027-06-27'}],"
     "'serials':['S1'],'extensions':{}}],'extensions':{}}"},
    {XD_KIND_SUPPLIER_INVOICE,
     "{'invoice':'INV-1','supplier':'SUP-1','po':'PO-1','currency':'USD',"
     "'invoice_date':'2026-11-20','posting_date':'2026-11-21','entered_by':'ann','lines':["
     "{'line':1,'po':'PO-1','po_line':10,'item':'SKU-1','description':'Bolt','receipt_no':'GR-1',"
     "'receipt_line':1,'uom':'EA','quantity':'100','unit_price':'10.00','amount':'1000.00',"
     "'tax_code':'V20','tax_rate':20,'currency':'USD','extensions':{}}],"
     "'charges':[{'code':'freight','amount':'30.00','currency':'USD'},"
     "{'code':'discount','amount':'-10.00'}],'tax':'200.00','net':'1000.00','total':'1220.00',"
     "'extensions':{}}"},
    {XD_KIND_CREDIT_MEMO,
     "{'credit_memo':'CM-1','supplier':'SUP-1','po':'PO-1','currency':'USD',"
     "'credit_date':'2026-11-20','posting_date':'2026-11-21','kind':'quantity',"
     "'invoice':'INV-1','entered_by':'ann','lines':[{'line':1,'po':'PO-1','po_line':10,"
     "'item':'SKU-1','description':'Bolt','receipt_no':'GR-1','receipt_line':1,'uom':'EA',"
     "'quantity':'10','unit_price':'10.00','amount':'100.00','tax_code':'V20','tax_rate':'20',"
     "'currency':'USD','extensions':{}}],'charges':[{'code':'freight','amount':'5',"
     "'currency':'USD'}],'tax':'20.00','net':'100.00','total':'125.00','extensions':{}}"},
    {XD_KIND_PAYMENT_STATUS,
     "{'payment':'P-1','supplier':'SUP-1','invoice':'INV-1','po':'PO-1','po_line':10,"
     "'status':'cleared','amount':'1200.00','currency':'USD','extensions':{}}"},
    {XD_KIND_JOURNAL_ENTRY,
     "{'entry_no':'J-1','date':'2026-11-20','currency':'USD','prepared_by':'ann','lines':["
     "{'account':'1310','debit':'1000.00','text':'goods','currency':'USD','extensions':{}},"
     "{'account':'2110','credit':'1000.00'}],'extensions':{}}"},
};

enum { SAMPLE_COUNT = sizeof samples / sizeof *samples, TEXT_MAX = 1 << 21 };

/* Samples are written with single quotes for legibility. */
static xd_str quoted(const char *text, char *room)
{
    size_t n = strlen(text);
    assert_true(n < TEXT_MAX);
    for (size_t i = 0; i < n; i++) {
        room[i] = text[i] == '\'' ? '"' : text[i];
    }
    return (xd_str){room, n};
}

static xd_arena arena;

static const xd_json *parse(xd_str text)
{
    xd_fault fault;
    const xd_json *root;
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &root, &fault) != XD_OK) {
        fail_msg("%.*s: %s", XD_FMT(text), fault.text);
    }
    return root;
}

static xd_status validate(xd_kind kind, xd_str text, xd_fault *fault)
{
    *fault = XD_FAULT_NONE;
    return xd_canon_validate(xd_kind_find(kind), parse(text), fault);
}

/* ---- the tables themselves ---- */

static void check_record(const xd_record *record, const char *where)
{
    assert_in_range(record->count, 1, XD_RECORD_MAX_FIELDS);
    for (uint32_t i = 0; i < record->count; i++) {
        const xd_field *field = &record->fields[i];
        if (!field->name || field->name_len != strlen(field->name) || !field->about[0]) {
            fail_msg("%s: row %u is not filled", where, i);
        }
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(field->name, record->fields[j].name);
        }
        bool nested = field->type == XD_FIELD_RECORD || field->type == XD_FIELD_LIST;
        assert_int_equal(field->record != NULL, nested);
        assert_int_equal(field->words != NULL, field->type == XD_FIELD_CHOICE);
        if (nested) {
            check_record(field->record, field->name);
        }
    }
}

static const xd_field *field_named(const xd_record *record, const char *name)
{
    for (uint32_t i = 0; i < record->count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

static void every_kind_has_a_key_a_table_and_its_own_number_and_name(void **state)
{
    (void)state;
    size_t count;
    const xd_kind_info *kinds = xd_kinds(&count);
    size_t documents = 0;
    for (size_t i = 0; i < count; i++) {
        const xd_kind_info *info = &kinds[i];
        assert_true(i == 0 || info->kind > kinds[i - 1].kind);
        assert_ptr_equal(xd_kind_find(info->kind), info);
        assert_ptr_equal(xd_kind_by_name(xd_str_from(info->name)), info);
        char type[64];
        const xd_kind_info *found = NULL;
        snprintf(type, sizeof type, "crossdock.%s.v1", info->name);
        assert_int_equal(xd_kind_of_type(xd_str_from(type), &found, NULL), XD_OK);
        assert_ptr_equal(found, info);
        assert_int_equal(info->internal, info->fields == NULL);
        if (info->fields) {
            const xd_record *record = info->fields->record;
            check_record(record, info->name);
            assert_int_equal(field_named(record, info->key_field)->type, XD_FIELD_CODE);
            assert_true(field_named(record, info->key_field)->flags & XD_REQUIRED);
            assert_int_equal(field_named(record, info->order_field)->type, XD_FIELD_CODE);
            assert_int_equal(field_named(record, "extensions")->type, XD_FIELD_EXTENSIONS);
            assert_int_equal(samples[documents].kind, info->kind);
            documents++;
        }
    }
    assert_int_equal(documents, SAMPLE_COUNT);
    assert_null(xd_kind_find(XD_KIND_NONE));
    assert_null(xd_kind_by_name(XD_STR("")));
    assert_null(xd_kind_by_name((xd_str){"item\0abc", 8}));
}

static void types_name_a_kind_and_a_version(void **state)
{
    (void)state;
    static const struct {
        const char *type, *rule, *hint;
    } bad[] = {
        {"crossdock.goods_receipt.v9", "event.version", "newest is v1"},
        {"crossdock.goods_receipt.v0", "event.version", "newest is v1"},
        {"crossdock.goods_receipt.v01", "event.version", "newest is v1"},
        {"crossdock.goods_receipt.v", "event.version", "newest is v1"},
        {"crossdock.goods_receipt.v1x", "event.version", "newest is v1"},
        {"crossdock.goods_receipt.v99999999999999999999", "event.version", "newest is v1"},
        {"crossdock.good_receipt.v1", "event.type", "crossdock.goods_receipt.v1"},
        {"crossdock.goods_receipt", "event.type", "crossdock.goods_receipt.v1"},
        {"goods_receipt", "event.type", "crossdock.goods_receipt.v1"},
        {"crossdock..v1", "event.type", "not known"},
        {"crossdock.", "event.type", "not known"},
        {"", "event.type", "not known"},
        {"com.example.unrelated", "event.type", "not known"},
    };
    const xd_kind_info *info = NULL;
    xd_fault fault;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault = XD_FAULT_NONE;
        assert_int_equal(xd_kind_of_type(xd_str_from(bad[i].type), &info, &fault), XD_INVALID);
        assert_string_equal(fault.rule, bad[i].rule);
        assert_non_null(strstr(fault.text, bad[i].hint));
        assert_null(info);
    }
    assert_int_equal(xd_kind_of_type(XD_STR("goods.receipt.confirmed"), &info, &fault), XD_OK);
    assert_int_equal(info->kind, XD_KIND_GOODS_RECEIPT);
}

/* ---- breaking one field at a time ---- */

typedef struct breaking {
    xd_kind kind;
    xd_str text; /* the sample */
    char *room;  /* TEXT_MAX bytes for the broken one */
    int count;   /* of faults provoked */
} breaking;

/* Puts replacement in place of the bytes [at, at + length) of the sample. */
static xd_str splice(const breaking *b, size_t at, size_t length, xd_str replacement)
{
    size_t rest = b->text.len - at - length;
    memcpy(b->room, b->text.ptr, at);
    memcpy(b->room + at, replacement.ptr, replacement.len);
    memcpy(b->room + at + replacement.len, b->text.ptr + at + length, rest);
    return (xd_str){b->room, at + replacement.len + rest};
}

static void expect(breaking *b, xd_str text, const char *name, const char *rule, const char *path,
                   int64_t offset)
{
    xd_fault fault;
    char full[64];
    snprintf(full, sizeof full, "%s.%s", name, rule);
    if (validate(b->kind, text, &fault) != XD_INVALID) {
        fail_msg("%s at %s: accepted %.*s", full, path, XD_FMT(text));
    }
    if (strcmp(fault.rule, full) != 0 || strcmp(fault.path, path) != 0 || fault.offset != offset) {
        fail_msg("want %s at %s, %lld; got %s at %s, %lld: %s", full, path, (long long)offset,
                 fault.rule, fault.path, (long long)fault.offset, fault.text);
    }
    assert_non_null(strchr(fault.text, ' '));
    b->count++;
}

static void break_value(breaking *b, const xd_field *field, const xd_json *json, const char *path,
                        const char *replacement, const char *rule)
{
    xd_str text = splice(b, json->offset, json->length, xd_str_from(replacement));
    expect(b, text, field->name, rule, path, json->offset);
}

static void break_code(breaking *b, const xd_field *field, const xd_json *json, const char *path)
{
    char longer[300];
    int max = field->type == XD_FIELD_CODE ? (int)field->max : XD_CODE_MAX_BYTES;
    snprintf(longer, sizeof longer, "\"%0*d\"", max + 1, 0);
    break_value(b, field, json, path, "\"\"", "empty");
    break_value(b, field, json, path, "\" A\"", "trim");
    break_value(b, field, json, path, "\"A \"", "trim");
    break_value(b, field, json, path, "\"A\\u0000B\"", "control");
    break_value(b, field, json, path, "\"12345678\\n\"", "control");
    break_value(b, field, json, path, "\"A\\u007f\"", "control");
    break_value(b, field, json, path, "\"A\\u0085B\"", "control");
    break_value(b, field, json, path, longer, "length");
    break_value(b, field, json, path, "17", "type");
}

static void break_decimal(breaking *b, const xd_field *field, const xd_json *json, const char *path)
{
    bool is_signed = field->flags & XD_SIGNED;
    break_value(b, field, json, path, "\"\"", "decimal");
    break_value(b, field, json, path, "\"12,5\"", "decimal");
    break_value(b, field, json, path, "\"1e999\"", "digits");
    break_value(b, field, json, path, "1e999", "digits");
    break_value(b, field, json, path, "\"1.123456789\"", "scale");
    break_value(b, field, json, path, "1000000000000000.01", "range");
    break_value(b, field, json, path, "true", "type");
    if (field->flags & XD_POSITIVE) {
        break_value(b, field, json, path, "\"-1\"", "positive");
        break_value(b, field, json, path, "0.00", "positive");
    } else if (!is_signed) {
        break_value(b, field, json, path, "\"-0.01\"", "negative");
    } else {
        break_value(b, field, json, path, "-1000000000000000.01", "range");
    }
}

static void break_integer(breaking *b, const xd_field *field, const xd_json *json, const char *path)
{
    char beyond[32];
    snprintf(beyond, sizeof beyond, "%lld", (long long)field->max + 1);
    break_value(b, field, json, path, beyond, "range");
    snprintf(beyond, sizeof beyond, "%lld", (long long)field->min - 1);
    break_value(b, field, json, path, beyond, "range");
    break_value(b, field, json, path, "1.5", "type");
    break_value(b, field, json, path, "1e2", "type");
    break_value(b, field, json, path, "99999999999999999999", "type");
    break_value(b, field, json, path, "\"10\"", "type");
}

enum { PATH_MAX_BYTES = 192 };

static void child_path(char *at, const char *path, const char *name)
{
    int n = snprintf(at, PATH_MAX_BYTES, "%s/%s", path, name);
    assert_in_range(n, 2, PATH_MAX_BYTES - 1);
}

static void break_field(breaking *b, const xd_field *field, const xd_json *json, const char *path);

static void break_record(breaking *b, const xd_record *record, const xd_json *object,
                         const char *path)
{
    for (uint32_t i = 0; i < record->count; i++) {
        const xd_field *field = &record->fields[i];
        const xd_json *json = xd_json_get(object, xd_str_from(field->name));
        char at[PATH_MAX_BYTES];
        if (!json || json->type == XD_JSON_NULL) {
            continue;
        }
        child_path(at, path, field->name);
        break_field(b, field, json, at);
        if (field->flags & XD_REQUIRED) {
            xd_str text = splice(b, json->offset, json->length, XD_STR("null"));
            expect(b, text, field->name, "required", at, object->offset);
        }
        /* The name with its last letter missing stands ahead of the value by a few bytes. */
        size_t name_at = (size_t)json->offset - 2 - field->name_len;
        xd_str text = splice(b, name_at + field->name_len - 1, 1, XD_STR(""));
        xd_fault fault;
        assert_int_equal(validate(b->kind, text, &fault), XD_INVALID);
        if (strcmp(fault.rule, "member.unknown") == 0) {
            assert_non_null(strstr(fault.text, "did you mean"));
            b->count++;
        }
    }
}

static void break_field(breaking *b, const xd_field *field, const xd_json *json, const char *path)
{
    char at[PATH_MAX_BYTES];
    char item[16];
    switch ((xd_field_type)field->type) {
    case XD_FIELD_CODE:
        break_code(b, field, json, path);
        break;
    case XD_FIELD_TEXT:
        break_value(b, field, json, path, "\"a\\u0000\"", "control");
        break_value(b, field, json, path, "\"\\t\\u001b[31m\"", "control");
        break_value(b, field, json, path, "{}", "type");
        break;
    case XD_FIELD_CHOICE:
        break_value(b, field, json, path, "\"sideways\"", "choice");
        break_value(b, field, json, path, "\"\"", "choice");
        break_value(b, field, json, path, "3", "type");
        break;
    case XD_FIELD_CURRENCY:
        break_value(b, field, json, path, "\"usd\"", "code");
        break_value(b, field, json, path, "\"XXX\"", "code");
        break_value(b, field, json, path, "840", "type");
        break;
    case XD_FIELD_DATE:
        break_value(b, field, json, path, "\"2026-02-29\"", "date");
        break_value(b, field, json, path, "\"20261117\"", "date");
        break_value(b, field, json, path, "20261117", "type");
        break;
    case XD_FIELD_INSTANT:
        break_value(b, field, json, path, "\"2026-11-31T00:00:00Z\"", "instant");
        break_value(b, field, json, path, "\"2026-11-17\"", "instant");
        break_value(b, field, json, path, "0", "type");
        break;
    case XD_FIELD_INTEGER:
        break_integer(b, field, json, path);
        break;
    case XD_FIELD_DECIMAL:
        break_decimal(b, field, json, path);
        break;
    case XD_FIELD_RECORD:
        break_value(b, field, json, path, "[]", "type");
        break_record(b, field->record, json, path);
        break;
    case XD_FIELD_LIST:
        break_value(b, field, json, path, "{}", "type");
        if (field->min > 0) {
            break_value(b, field, json, path, "[]", "count");
        }
        for (uint32_t i = 0; i < json->count; i++) {
            snprintf(item, sizeof item, "%u", i);
            child_path(at, path, item);
            break_value(b, field, &json->items[i], at, "[]", "type");
            break_record(b, field->record, &json->items[i], at);
        }
        break;
    case XD_FIELD_CODES:
        break_value(b, field, json, path, "\"S1\"", "type");
        child_path(at, path, "0");
        break_code(b, field, &json->items[0], at);
        break;
    case XD_FIELD_EXTENSIONS:
        break_value(b, field, json, path, "[]", "type");
        break;
    }
}

/* Every row of the record is present somewhere in the sample. */
static void check_cover(const xd_record *record, const xd_json *const *objects, uint32_t count,
                        const char *where)
{
    for (uint32_t i = 0; i < record->count; i++) {
        const xd_field *field = &record->fields[i];
        const xd_json *found = NULL;
        for (uint32_t j = 0; j < count; j++) {
            const xd_json *json = xd_json_get(objects[j], xd_str_from(field->name));
            found = json && json->type != XD_JSON_NULL ? json : found;
        }
        if (!found) {
            fail_msg("%s: the sample lacks %s", where, field->name);
        }
        if (field->type == XD_FIELD_LIST) {
            const xd_json *items[4];
            uint32_t n = 0;
            for (; n < found->count && n < 4; n++) {
                items[n] = &found->items[n];
            }
            check_cover(field->record, items, n, where);
        } else if (field->type == XD_FIELD_RECORD) {
            check_cover(field->record, &found, 1, where);
        }
    }
}

static void each_field_of_each_kind_is_refused_in_every_wrong_form(void **state)
{
    (void)state;
    char *sample = malloc(TEXT_MAX);
    char *room = malloc(TEXT_MAX);
    assert_true(sample && room);
    int count = 0;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        const xd_kind_info *info = xd_kind_find(samples[i].kind);
        breaking b = {info->kind, quoted(samples[i].text, sample), room, 0};
        xd_fault fault;
        const xd_json *root = parse(b.text);
        if (validate(info->kind, b.text, &fault) != XD_OK) {
            fail_msg("%s: %s %s: %s", info->name, fault.rule, fault.path, fault.text);
        }
        check_cover(info->fields->record, &root, 1, info->name);
        break_record(&b, info->fields->record, root, "");
        expect(&b, XD_STR("[]"), "data", "type", "", 0);
        count += b.count;
        xd_arena_reset(&arena);
    }
    assert_true(count > 1500);
    print_message("%d faults provoked and placed\n", count);
    free(sample);
    free(room);
}

/* ---- rules between fields ---- */

#define INVOICE(lines, rest)                                                                       \
    "{'invoice':'I','supplier':'S','currency':'USD','invoice_date':'2026-11-20','lines':[" lines   \
    "]" rest "}"
#define RECEIPT(lines)                                                                             \
    "{'receipt_no':'G','purchase_order':'P','site':'E','received_at':'2026-11-17T13:04:50Z',"      \
    "'lines':[" lines "]}"
#define CHANGE(rest) "{'po':'P'," rest "}"
#define ACK(line) "{'po':'P','acknowledgement_no':'A','lines':[{'po_line':1," line "}]}"
#define ENTRY(lines) "{'entry_no':'J','date':'2026-11-20','currency':'USD','lines':[" lines "]}"

/* rule NULL: accepted. */
static const struct {
    xd_kind kind;
    const char *rule, *path, *text;
} rules[] = {
    {XD_KIND_GOODS_RECEIPT, "lots.sum", "/lines/0/lots",
     RECEIPT("{'line':1,'po_line':1,'quantity':'5','lots':[{'lot':'A','quantity':'2'},"
             "{'lot':'B','quantity':'2.999999'}]}")},
    {XD_KIND_GOODS_RECEIPT, NULL, "",
     RECEIPT("{'line':1,'po_line':1,'quantity':'5','lots':[{'lot':'A','quantity':'2.0'},"
             "{'lot':'B','quantity':3e0}]}")},
    {XD_KIND_GOODS_RECEIPT, NULL, "", RECEIPT("{'line':1,'po_line':1,'quantity':5,'lots':[]}")},
    {XD_KIND_GOODS_RECEIPT, "damaged.exceeds", "/lines/1/damaged",
     RECEIPT("{'line':1,'po_line':1,'quantity':'5','damaged':'5'},"
             "{'line':2,'po_line':1,'quantity':'5','damaged':'5.000001'}")},
    {XD_KIND_GOODS_RECEIPT, "rejected.exceeds", "/lines/0/rejected",
     RECEIPT("{'line':1,'po_line':1,'rejected':'6','quantity':'5'}")},
    {XD_KIND_GOODS_RECEIPT, NULL, "", /* the same five goods */
     RECEIPT("{'line':1,'po_line':1,'quantity':'5','damaged':'5','rejected':'5'}")},
    {XD_KIND_GOODS_RECEIPT, "line.unique", "/lines/2/line",
     RECEIPT("{'line':7,'po_line':1,'quantity':1},{'line':3,'po_line':1,'quantity':1},"
             "{'line':7,'po_line':2,'quantity':1}")},
    {XD_KIND_GOODS_RECEIPT, NULL, "",
     RECEIPT("{'line':7,'po_line':1,'quantity':1},{'line':3,'po_line':1,'quantity':1}")},
    {XD_KIND_PURCHASE_ORDER, "po_line.unique", "/lines/1/po_line",
     "{'po':'P','supplier':'S','currency':'USD','lines':[{'po_line':10,'unit_price':1},"
     "{'po_line':10,'unit_price':1}]}"},
    {XD_KIND_PURCHASE_ORDER, "currency.mixed", "/lines/1/currency",
     "{'po':'P','supplier':'S','currency':'USD','lines':[{'po_line':10,'unit_price':1},"
     "{'po_line':20,'unit_price':1,'currency':'EUR'}]}"},
    {XD_KIND_PURCHASE_ORDER, "currency.mixed", "/currency", /* whatever the order of members */
     "{'lines':[{'po_line':10,'unit_price':1,'currency':'EUR'}],'po':'P','supplier':'S',"
     "'currency':'USD'}"},
    {XD_KIND_SUPPLIER_INVOICE, "currency.mixed", "/charges/0/currency",
     INVOICE("{'line':1,'quantity':1,'unit_price':1}",
             ",'charges':[{'code':'F','amount':1,'currency':'JPY'}]")},
    {XD_KIND_SUPPLIER_INVOICE, "net.sum", "/net",
     INVOICE("{'line':1,'quantity':1,'unit_price':1,'amount':'1.10'},"
             "{'line':2,'quantity':1,'unit_price':1,'amount':'2.20'}",
             ",'net':'3.31'")},
    {XD_KIND_SUPPLIER_INVOICE, NULL, "",
     INVOICE("{'line':1,'quantity':1,'unit_price':1,'amount':'1.10'},"
             "{'line':2,'quantity':1,'unit_price':1}",
             ",'net':'3.31'")},
    {XD_KIND_SUPPLIER_INVOICE, "total.sum", "/total",
     INVOICE("{'line':1,'quantity':1,'unit_price':1}", ",'net':100,'tax':20,'total':120.02")},
    {XD_KIND_SUPPLIER_INVOICE, NULL, "",
     INVOICE("{'line':1,'quantity':1,'unit_price':1}",
             ",'net':0.1,'tax':'0.20','total':0.3,'charges':[]")},
    {XD_KIND_SUPPLIER_INVOICE, NULL, "",
     INVOICE("{'line':1,'quantity':1,'unit_price':1}", ",'net':100,'total':120.02")},
    {XD_KIND_SUPPLIER_INVOICE, "receipt_line.reference", "/lines/0/receipt_line",
     INVOICE("{'line':1,'quantity':1,'unit_price':1,'receipt_line':1}", "")},
    {XD_KIND_ORDER_CHANGE, "version.stale", "/version",
     CHANGE("'based_on':2,'version':2,'lines':[{'po_line':1,'action':'cancel'}]")},
    {XD_KIND_ORDER_CHANGE, "unit_price.required", "/lines/0/unit_price",
     CHANGE("'based_on':1,'version':2,'lines':[{'po_line':1,'action':'add','quantity':1}]")},
    {XD_KIND_ORDER_CHANGE, "action.empty", "/lines/0/action",
     CHANGE("'based_on':1,'version':2,'lines':[{'po_line':1,'action':'change'}]")},
    {XD_KIND_ORDER_CHANGE, "action.conflict", "/lines/0/action",
     CHANGE("'based_on':1,'version':2,'lines':[{'po_line':1,'action':'cancel','quantity':1}]")},
    {XD_KIND_ACKNOWLEDGEMENT, "unit_price.required", "/lines/0/unit_price", ACK("'code':'IP'")},
    {XD_KIND_ACKNOWLEDGEMENT, "date.required", "/lines/0/date", ACK("'code':'DR'")},
    {XD_KIND_ACKNOWLEDGEMENT, NULL, "", ACK("'code':'IB'")},
    {XD_KIND_SHIP_NOTICE, "expected_at.order", "/expected_at",
     "{'shipment':'S','supplier':'S','po':'P','shipped_at':'2026-11-02T08:00:00Z',"
     "'expected_at':'2026-11-02T08:30:00+01:00','lines':[{'line':1,'po_line':1,'quantity':1}]}"},
    {XD_KIND_ADJUSTMENT, "quantity.zero", "/lines/0/quantity",
     "{'adjustment_no':'A','site':'E','adjusted_at':'2026-11-20T08:00:00Z','lines':[{'line':1,"
     "'item':'I','quantity':'0.0','reason':'r'}]}"},
    {XD_KIND_TRANSFER, "to_site.same", "/to_site",
     "{'transfer_no':'T','from_site':'E','to_site':'E','movement':'shipped',"
     "'moved_at':'2026-11-20T08:00:00Z','lines':[{'line':1,'item':'I','quantity':1}]}"},
    {XD_KIND_PAYMENT_STATUS, "invoice.required", "/invoice", "{'payment':'P','status':'paid'}"},
    {XD_KIND_PAYMENT_STATUS, "po_line.reference", "/po_line",
     "{'payment':'P','status':'paid','invoice':'I','po_line':1}"},
    {XD_KIND_PAYMENT_STATUS, "currency.required", "/currency",
     "{'payment':'P','status':'paid','invoice':'I','amount':1}"},
    {XD_KIND_JOURNAL_ENTRY, "lines.balance", "/lines",
     ENTRY("{'account':'1','debit':'10'},{'account':'2','credit':'9.99'}")},
    {XD_KIND_JOURNAL_ENTRY, NULL, "",
     ENTRY("{'account':'1','debit':'10'},{'account':'2','credit':'9.99'},"
           "{'account':'2','credit':'0.01'}")},
    {XD_KIND_JOURNAL_ENTRY, "debit.side", "/lines/1/debit",
     ENTRY("{'account':'1','debit':'10'},{'account':'2','credit':'10','debit':'10'}")},
    {XD_KIND_JOURNAL_ENTRY, "lines.count", "/lines", ENTRY("{'account':'1','debit':'10'}")},
};

static void rules_between_fields_hold_exactly(void **state)
{
    (void)state;
    char *room = malloc(TEXT_MAX);
    assert_non_null(room);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        xd_fault fault;
        xd_str text = quoted(rules[i].text, room);
        xd_status status = validate(rules[i].kind, text, &fault);
        if (status != (rules[i].rule ? XD_INVALID : XD_OK) ||
            (rules[i].rule &&
             (strcmp(fault.rule, rules[i].rule) != 0 || strcmp(fault.path, rules[i].path) != 0))) {
            fail_msg("%s: got %d %s at %s: %s", rules[i].text, status, fault.rule, fault.path,
                     fault.text);
        }
    }
    free(room);
}

/* ---- limits ---- */

/* A receipt whose lines are numbered by number(i). */
static xd_str receipt_of(xd_buf *buf, uint32_t count, uint32_t (*number)(uint32_t i))
{
    xd_buf_clear(buf);
    XD_BUF_LIT(buf, "{\"receipt_no\":\"G\",\"purchase_order\":\"P\",\"site\":\"E\","
                    "\"received_at\":\"2026-11-17T13:04:50Z\",\"lines\":[");
    for (uint32_t i = 0; i < count; i++) {
        xd_buf_printf(buf, "%s{\"line\":%u,\"po_line\":1,\"quantity\":1}", i ? "," : "", number(i));
    }
    XD_BUF_LIT(buf, "]}");
    assert_false(buf->failed);
    return xd_buf_str(buf);
}

static uint32_t ascending(uint32_t i)
{
    return i + 1;
}

static uint32_t descending(uint32_t i)
{
    return XD_LINES_MAX - i;
}

static uint32_t shuffled_with_one_repeat(uint32_t i)
{
    return i == 9000 ? 1 + 17 * 7919 % XD_LINES_MAX : 1 + i * 7919 % XD_LINES_MAX;
}

static void documents_are_bounded_and_line_numbers_unique_in_any_order(void **state)
{
    (void)state;
    xd_buf buf;
    xd_fault fault;
    xd_buf_init(&buf, TEXT_MAX);
    assert_int_equal(
        validate(XD_KIND_GOODS_RECEIPT, receipt_of(&buf, XD_LINES_MAX, ascending), &fault), XD_OK);
    assert_int_equal(
        validate(XD_KIND_GOODS_RECEIPT, receipt_of(&buf, XD_LINES_MAX, descending), &fault), XD_OK);
    assert_int_equal(
        validate(XD_KIND_GOODS_RECEIPT, receipt_of(&buf, XD_LINES_MAX + 1, ascending), &fault),
        XD_INVALID);
    assert_string_equal(fault.rule, "lines.count");
    assert_int_equal(validate(XD_KIND_GOODS_RECEIPT,
                              receipt_of(&buf, XD_LINES_MAX, shuffled_with_one_repeat), &fault),
                     XD_INVALID);
    assert_string_equal(fault.rule, "line.unique");
    assert_string_equal(fault.path, "/lines/9000/line");
    xd_buf_finish(&buf);
    xd_arena_reset(&arena);
}

static void absurd_names_and_texts_stay_within_the_fault(void **state)
{
    (void)state;
    char *room = malloc(TEXT_MAX);
    assert_non_null(room);
    /* A name of two-byte characters that fills the pointer beyond its end. */
    size_t n = 0;
    n += (size_t)snprintf(room + n, TEXT_MAX - n, "{\"a~b/c");
    for (int i = 0; i < 300; i++) {
        n += (size_t)snprintf(room + n, TEXT_MAX - n, "\xC3\xA9");
    }
    n += (size_t)snprintf(room + n, TEXT_MAX - n, "\":1}");
    xd_fault fault;
    assert_int_equal(validate(XD_KIND_ITEM, (xd_str){room, n}, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "member.unknown");
    assert_memory_equal(fault.path, "/a~0b~1c\xC3\xA9", 10);
    assert_in_range(strlen(fault.path), 180, sizeof fault.path - 1);
    assert_true(xd_utf8_valid(xd_str_from(fault.path), NULL));
    assert_true(xd_utf8_valid(xd_str_from(fault.text), NULL));
    /* A megabyte where an identifier belongs. */
    n = (size_t)snprintf(room, TEXT_MAX, "{\"name\":\"x\",\"uom\":\"");
    memset(room + n, 'x', 1 << 20);
    n += 1 << 20;
    room[n++] = '"';
    room[n++] = '}';
    assert_int_equal(validate(XD_KIND_UOM, (xd_str){room, n}, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "uom.length");
    free(room);
    xd_arena_reset(&arena);
}

static void a_member_given_twice_is_refused_even_when_the_reader_lets_it_pass(void **state)
{
    (void)state;
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.allow_duplicates = true;
    xd_str text = XD_STR("{\"uom\":\"EA\",\"name\":\"each\",\"uom\":\"CS\"}");
    const xd_json *root;
    xd_fault fault;
    assert_int_equal(xd_json_parse(text, limits, &arena, &root, &fault), XD_OK);
    assert_int_equal(xd_canon_validate(xd_kind_find(XD_KIND_UOM), root, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "uom.duplicate");
    assert_int_equal(xd_canon_validate(xd_kind_find(XD_KIND_UOM), root, NULL), XD_INVALID);
}

static void unknown_members_name_their_nearest_and_extensions_take_anything(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hint;
    } cases[] = {
        {"purchaseOrder", "'purchase_order'"},
        {"recieved_at", "'received_at'"},
        {"Site", "'site'"},
        {"line", "'lines'"},
        {"zzzzzzzz", "known: receipt_no"},
        {"", "known: receipt_no"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        xd_fault fault;
        snprintf(text, sizeof text, "{\"%s\":1}", cases[i].name);
        assert_int_equal(validate(XD_KIND_GOODS_RECEIPT, xd_str_from(text), &fault), XD_INVALID);
        assert_string_equal(fault.rule, "member.unknown");
        assert_non_null(strstr(fault.text, cases[i].hint));
    }
    xd_fault fault;
    assert_int_equal(validate(XD_KIND_UOM,
                              XD_STR("{\"uom\":\"EA\",\"name\":\"each\",\"extensions\":"
                                     "{\"\\u0000\":[null,{\"uom\":-1e999}]}}"),
                              &fault),
                     XD_OK);
}

/* ---- schemas ---- */

static void check_schema(const xd_json *schema, const xd_record *record)
{
    const xd_json *properties = XD_GET(schema, "properties");
    const xd_json *required = XD_GET(schema, "required");
    assert_int_equal(XD_GET(schema, "additionalProperties")->type, XD_JSON_FALSE);
    assert_int_equal(properties->count, record->count);
    uint32_t needed = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        const xd_field *field = &record->fields[i];
        const xd_json *property = xd_json_get(properties, xd_str_from(field->name));
        assert_non_null(property);
        assert_true(XD_TEXT(property, "description").len > 0);
        if (field->flags & XD_REQUIRED) {
            assert_true(xd_str_eq(required->items[needed++].text, xd_str_from(field->name)));
        }
        if (field->type == XD_FIELD_LIST) {
            check_schema(XD_GET(property, "items"), field->record);
        } else if (field->type == XD_FIELD_RECORD) {
            check_schema(property, field->record);
        }
    }
    assert_int_equal(required->count, needed);
}

static void schemas_say_what_the_tables_say(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, TEXT_MAX);
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        const xd_kind_info *info = xd_kind_find(samples[i].kind);
        xd_buf_clear(&buf);
        xd_canon_schema(info, &buf);
        check_schema(parse(xd_buf_str(&buf)), info->fields->record);
    }
    xd_buf_finish(&buf);
    xd_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_key_a_table_and_its_own_number_and_name),
        cmocka_unit_test(types_name_a_kind_and_a_version),
        cmocka_unit_test(each_field_of_each_kind_is_refused_in_every_wrong_form),
        cmocka_unit_test(rules_between_fields_hold_exactly),
        cmocka_unit_test(documents_are_bounded_and_line_numbers_unique_in_any_order),
        cmocka_unit_test(absurd_names_and_texts_stay_within_the_fault),
        cmocka_unit_test(a_member_given_twice_is_refused_even_when_the_reader_lets_it_pass),
        cmocka_unit_test(unknown_members_name_their_nearest_and_extensions_take_anything),
        cmocka_unit_test(schemas_say_what_the_tables_say),
    };
    xd_arena_init(&arena, (size_t)1 << 28);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    xd_arena_finish(&arena);
    return failed;
}
