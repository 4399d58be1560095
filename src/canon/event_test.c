/* CloudEvents envelopes and rows of the log. */
#include "canon/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static xd_arena arena;

/* Texts are written with single quotes for legibility; the result lives until the next reset. */
static xd_str quoted(const char *text)
{
    xd_str copy = xd_arena_copy(&arena, xd_str_from(text));
    char *bytes = xd_arena_alloc(&arena, copy.len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < copy.len; i++) {
        bytes[i] = text[i] == '\'' ? '"' : text[i];
    }
    return (xd_str){bytes, copy.len};
}

static xd_status take(xd_str text, xd_event *ret, xd_fault *fault)
{
    const xd_json *root;
    *fault = XD_FAULT_NONE;
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &root, fault) != XD_OK) {
        fail_msg("%.*s: %s", XD_FMT(text), fault->text);
    }
    return xd_event_from_cloudevent(root, text, &arena, ret, fault);
}

static void assert_str(xd_str got, const char *want)
{
    if (!xd_str_eq(got, xd_str_from(want))) {
        fail_msg("got '%.*s', want '%s'", XD_FMT(got), want);
    }
}

#define LINES "'lines':[{'line':1,'po_line':30,'quantity':'54.000'}]"
#define RECEIPT                                                                                    \
    "{'receipt_no':'GR-1','purchase_order':'PO-1','site':'EAST-01',"                               \
    "'received_at':'2026-11-17T13:04:50Z'," LINES "}"
#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void an_envelope_becomes_an_event_that_borrows_its_bytes(void **state)
{
    (void)state;
    xd_event event;
    xd_fault fault;
    xd_str text = quoted("{'specversion':'1.0','id':'wms-1','source':'urn:wms:east',"
                         "'type':'goods.receipt.confirmed','time':'2026-11-17T13:06:04.123Z',"
                         "'subject':'GR-1','datacontenttype':'application/json; charset=utf-8',"
                         "'dataschema':'urn:x','traceparent':'" TRACE "','comexampleother':7,"
                         "'data': " RECEIPT " }");
    assert_int_equal(take(text, &event, &fault), XD_OK);
    assert_int_equal(event.kind->kind, XD_KIND_GOODS_RECEIPT);
    assert_str(event.source, "urn:wms:east");
    assert_str(event.id, "wms-1");
    assert_str(event.key, "GR-1");
    assert_str(event.order_key, "PO-1");
    assert_str(event.trace, TRACE);
    assert_str(event.actor, "");
    assert_true(event.time == INT64_C(1794920764123000));
    assert_true(event.seq == 0);
    assert_true(xd_str_eq(event.data_text, quoted(RECEIPT)));
    assert_in_range((uintptr_t)event.data_text.ptr, (uintptr_t)text.ptr,
                    (uintptr_t)(text.ptr + text.len));
    assert_str(XD_TEXT(event.data, "site"), "EAST-01");
    xd_arena_reset(&arena);
}

static void order_is_kept_by_the_order_and_without_one_by_the_document(void **state)
{
    (void)state;
    static const struct {
        const char *type, *data, *key, *order_key;
    } cases[] = {
        {"supplier_invoice",
         "{'invoice':'I-1','supplier':'S','po':'PO-1','currency':'USD',"
         "'invoice_date':'2026-11-20','lines':[{'line':1,'quantity':1,'unit_price':1}]}",
         "I-1", "PO-1"},
        {"supplier_invoice",
         "{'invoice':'I-1','supplier':'S','po':null,'currency':'USD',"
         "'invoice_date':'2026-11-20','lines':[{'line':1,'quantity':1,'unit_price':1}]}",
         "I-1", "I-1"},
        {"purchase_order",
         "{'po':'PO-1','supplier':'S','currency':'USD','lines':[{'po_line':1,'unit_price':1}]}",
         "PO-1", "PO-1"},
        {"acknowledgement",
         "{'po':'PO-1','acknowledgement_no':'A-1','lines':[{'po_line':1,'code':'IA'}]}", "A-1",
         "PO-1"},
        {"payment_status", "{'payment':'P-1','invoice':'I-1','status':'paid'}", "P-1", "P-1"},
        {"item", "{'item':'SKU \xC3\x84','uom':'EA'}", "SKU \xC3\x84", "SKU \xC3\x84"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        xd_event event;
        xd_fault fault;
        snprintf(text, sizeof text,
                 "{'specversion':'1.0','id':'1','source':'s','time':null,"
                 "'type':'crossdock.%s.v1','data':%s}",
                 cases[i].type, cases[i].data);
        if (take(quoted(text), &event, &fault) != XD_OK) {
            fail_msg("%s: %s %s", cases[i].type, fault.path, fault.text);
        }
        assert_str(event.key, cases[i].key);
        assert_str(event.order_key, cases[i].order_key);
        assert_true(event.time == XD_INSTANT_NONE);
        assert_str(event.trace, "");
    }
    xd_arena_reset(&arena);
}

#define A "{'specversion':'1.0','id':'1','source':'s','type':'crossdock.uom.v1',"
#define DATA "'data':{'uom':'EA','name':'each'}"

/* at is the text whose first byte the fault's offset must name; "" is the start. */
static const struct {
    const char *text, *rule, *path, *at;
} refused[] = {
    {"[]", "event.type", "", "[]"},
    {"{}", "event.specversion", "/specversion", "{}"},
    {"{'specversion':'0.3','id':'1','source':'s','type':'crossdock.uom.v1'," DATA "}",
     "event.specversion", "/specversion", "'0.3'"},
    {"{'specversion':1.0,'id':'1'}", "event.specversion", "/specversion", "1.0"},
    {"{'specversion':'1.0','source':'s','type':'crossdock.uom.v1'}", "event.id", "/id", "{"},
    {"{'specversion':'1.0','id':'','source':'s','type':'crossdock.uom.v1'}", "event.id", "/id",
     "''"},
    {"{'specversion':'1.0','id':17,'source':'s','type':'crossdock.uom.v1'}", "event.id", "/id",
     "17"},
    {"{'specversion':'1.0','id':'a\\u0000b','source':'s','type':'crossdock.uom.v1'}", "event.id",
     "/id", "'a"},
    {"{'specversion':'1.0','id':'1','type':'crossdock.uom.v1'}", "event.source", "/source", "{"},
    {"{'specversion':'1.0','id':'1','source':'a b','type':'crossdock.uom.v1'}", "event.source",
     "/source", "'a b'"},
    {"{'specversion':'1.0','id':'1','source':'s'}", "event.type", "/type", "{"},
    {"{'specversion':'1.0','id':'1','source':'s','type':'crossdock.uoms.v1'}", "event.type",
     "/type", "'crossdock"},
    {"{'specversion':'1.0','id':'1','source':'s','type':'crossdock.uom.v2'}", "event.version",
     "/type", "'crossdock"},
    {A "'time':'yesterday'," DATA "}", "event.time", "/time", "'yesterday'"},
    {A "'time':'2026-02-30T00:00:00Z'," DATA "}", "event.time", "/time", "'2026-02"},
    {A "'subject':''," DATA "}", "event.subject", "/subject", "''"},
    {A "'datacontenttype':'application/xml'," DATA "}", "event.datacontenttype", "/datacontenttype",
     "'application/xml'"},
    {A "'datacontenttype':'json'," DATA "}", "event.datacontenttype", "/datacontenttype", "'json'"},
    {A "'dataschema':5," DATA "}", "event.dataschema", "/dataschema", "5"},
    {A "'data_base64':'e30='}", "event.data", "/data_base64", "'e30='"},
    {A "'data':null}", "event.data", "/data", "{"},
    {A "'data':[]}", "data.type", "/data", "[]"},
    {A "'data':{'uom':'EA'}}", "name.required", "/data/name", "{'uom'"},
    {A "'data':{'uom':'EA','name':'each','nam':1}}", "member.unknown", "/data/nam", "1}}"},
};

static void a_wrong_envelope_is_refused_by_name_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        xd_event event = {.seq = 77};
        xd_fault fault;
        xd_str text = quoted(refused[i].text);
        xd_status status = take(text, &event, &fault);
        ptrdiff_t at = strstr(refused[i].text, refused[i].at) - refused[i].text;
        if (status != XD_INVALID || strcmp(fault.rule, refused[i].rule) != 0 ||
            strcmp(fault.path, refused[i].path) != 0 || fault.offset != at) {
            fail_msg("%s: got %d %s at %s, %lld: %s", refused[i].text, status, fault.rule,
                     fault.path, (long long)fault.offset, fault.text);
        }
        assert_true(event.seq == 77 && event.kind == NULL);
    }
    xd_arena_reset(&arena);
}

static void the_hubs_own_events_do_not_come_in_by_the_door(void **state)
{
    (void)state;
    size_t count;
    const xd_kind_info *kinds = xd_kinds(&count);
    int internal = 0;
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].internal) {
            char text[256];
            xd_event event;
            xd_fault fault;
            snprintf(text, sizeof text,
                     "{'specversion':'1.0','id':'1','source':'s','type':'crossdock.%s.v1',"
                     "'data':{}}",
                     kinds[i].name);
            assert_int_equal(take(quoted(text), &event, &fault), XD_DENIED);
            assert_string_equal(fault.rule, "event.internal");
            assert_string_equal(fault.path, "/type");
            internal++;
        }
    }
    assert_int_equal(internal, 8);
    xd_arena_reset(&arena);
}

static void identity_is_bounded_in_bytes(void **state)
{
    (void)state;
    char id[XD_EVENT_ID_MAX + 2];
    char source[XD_EVENT_SOURCE_MAX + 2];
    memset(id, 'i', sizeof id);
    memset(source, 's', sizeof source);
    for (int over = 0; over < 4; over++) {
        char text[1024];
        xd_event event;
        xd_fault fault;
        snprintf(text, sizeof text,
                 "{'specversion':'1.0','id':'%.*s','source':'%.*s','type':'crossdock.uom.v1'," DATA
                 "}",
                 XD_EVENT_ID_MAX + (over & 1), id, XD_EVENT_SOURCE_MAX + (over >> 1), source);
        assert_int_equal(take(quoted(text), &event, &fault), over ? XD_INVALID : XD_OK);
        assert_string_equal(fault.rule, over == 0 ? "" : over & 1 ? "event.id" : "event.source");
    }
    xd_arena_reset(&arena);
}

static void a_malformed_traceparent_is_ignored(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        xd_event event;
        xd_fault fault;
        snprintf(text, sizeof text, A "'traceparent':'%s'," DATA "}", bad[i]);
        assert_int_equal(take(quoted(text), &event, &fault), XD_OK);
        assert_str(event.trace, "");
    }
    xd_arena_reset(&arena);
}

static void a_batch_gives_offsets_into_the_whole_body(void **state)
{
    (void)state;
    xd_str text = quoted("[" A DATA "},\n " A "'data':{'uom':'EA','name':17}}]");
    const xd_json *batch;
    xd_event event;
    xd_fault fault;
    assert_int_equal(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &batch, &fault), XD_OK);
    assert_int_equal(xd_event_from_cloudevent(&batch->items[0], text, &arena, &event, &fault),
                     XD_OK);
    assert_true(xd_str_eq(event.data_text, quoted("{'uom':'EA','name':'each'}")));
    assert_int_equal(xd_event_from_cloudevent(&batch->items[1], text, &arena, &event, &fault),
                     XD_INVALID);
    assert_memory_equal(text.ptr + fault.offset, "17}}]", 5);
    xd_fault_locate(&fault, text);
    assert_int_equal(fault.line, 2);
    xd_arena_reset(&arena);
}

static xd_event row(const char *kind, const char *data)
{
    return (xd_event){.kind = xd_kind_by_name(xd_str_from(kind)),
                      .source = XD_STR("s"),
                      .id = XD_STR("1"),
                      .data_text = quoted(data)};
}

static void a_row_of_the_log_opens_to_the_same_event(void **state)
{
    (void)state;
    xd_fault fault;
    for (int validate = 0; validate < 2; validate++) {
        xd_event event = row("goods_receipt", RECEIPT);
        assert_int_equal(xd_event_open(&event, validate, &arena, &fault), XD_OK);
        assert_str(event.key, "GR-1");
        assert_str(event.order_key, "PO-1");
        assert_str(XD_TEXT(event.data, "site"), "EAST-01");
    }
    xd_event release = row("hub_hold_release", "{'hold':'H-1','person':'ann','reason':'ok'}");
    assert_int_equal(xd_event_open(&release, true, &arena, &fault), XD_OK);
    assert_str(release.key, "H-1");
    assert_str(release.order_key, "H-1");
    xd_event outcomes = row("hub_outcomes", "{'ok':['12.0']}");
    assert_int_equal(xd_event_open(&outcomes, true, &arena, &fault), XD_OK);
    assert_str(outcomes.key, "");
    assert_str(outcomes.order_key, "");
    xd_arena_reset(&arena);
}

static void opening_with_validation_refuses_what_the_door_refuses(void **state)
{
    (void)state;
    xd_fault fault;
    xd_event event = row("uom", "{'uom':'EA'}");
    assert_int_equal(xd_event_open(&event, true, &arena, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "name.required");
    assert_string_equal(fault.path, "/name");
    assert_null(event.data);
    assert_int_equal(xd_event_open(&event, false, &arena, &fault), XD_OK);
    event = row("uom", "{'uom':'EA','name':'each','name':'each'}");
    assert_int_equal(xd_event_open(&event, true, &arena, &fault), XD_INVALID);
    event = row("uom", "{'uom':'EA','name':'each'");
    assert_int_equal(xd_event_open(&event, false, &arena, &fault), XD_INVALID);
    event = row("uom", "{'uom':'EA','name':'each'}");
    event.id = XD_STR("");
    assert_int_equal(xd_event_open(&event, true, &arena, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "event.id");
    assert_int_equal(fault.offset, -1);
    xd_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_becomes_an_event_that_borrows_its_bytes),
        cmocka_unit_test(order_is_kept_by_the_order_and_without_one_by_the_document),
        cmocka_unit_test(a_wrong_envelope_is_refused_by_name_and_place),
        cmocka_unit_test(the_hubs_own_events_do_not_come_in_by_the_door),
        cmocka_unit_test(identity_is_bounded_in_bytes),
        cmocka_unit_test(a_malformed_traceparent_is_ignored),
        cmocka_unit_test(a_batch_gives_offsets_into_the_whole_body),
        cmocka_unit_test(a_row_of_the_log_opens_to_the_same_event),
        cmocka_unit_test(opening_with_validation_refuses_what_the_door_refuses),
    };
    xd_arena_init(&arena, (size_t)1 << 26);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    xd_arena_finish(&arena);
    return failed;
}
