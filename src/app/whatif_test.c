/* What another text of a map would have done: against logs written here row by row, as the hub
 * would have. */
#include "app/whatif.h"
#include "app/whatif_diff.h"
#include "base/hash.h"
#include "canon/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char HASH[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
enum { DAY = 0 }; /* 2026-03-01, in days of the tests */

typedef struct world {
    xd_store *log;
    int64_t seq;
    xd_arena arena;
    xd_buf shown; /* rows, a line each */
    xd_whatif_result result;
} world;

static void must(xd_status status, const xd_fault *fault)
{
    if (status != XD_OK) {
        fail_msg("%s: %s (%s)", xd_code_name(status), fault->text, fault->rule);
    }
}

static xd_instant day(int n)
{
    xd_instant first;
    assert_true(xd_moment_parse(XD_STR("2026-03-01"), false, &first));
    return first + (xd_instant)n * 86400 * 1000000;
}

static xd_str quoted(world *w, const char *text)
{
    char *copy = xd_arena_alloc(&w->arena, strlen(text) + 1);
    assert_non_null(copy);
    memcpy(copy, text, strlen(text) + 1);
    for (size_t i = 0; i < strlen(text); i++) {
        copy[i] = copy[i] == '\'' ? '"' : copy[i];
    }
    return (xd_str){copy, strlen(text)};
}

/* Single quotes stand for double ones. */
static void append(world *w, int on, const char *kind, const char *data, const char *map,
                   xd_str raw)
{
    xd_fault fault = XD_FAULT_NONE;
    const xd_kind_info *info = xd_kind_by_name(xd_str_from(kind));
    assert_non_null(info);
    w->seq++;
    xd_log_row row = {.seq = w->seq,
                      .recorded_at = day(on) + w->seq,
                      .kind = (int32_t)info->kind,
                      .source = XD_STR("wms"),
                      .id = xd_arena_printf(&w->arena, "e%lld", (long long)w->seq),
                      .key = XD_STR(""),
                      .order_key = XD_STR(""),
                      .time = XD_INSTANT_NONE,
                      .actor = XD_STR("wms"),
                      .trace = XD_STR(""),
                      .body = quoted(w, data),
                      .map = xd_str_from(map),
                      .raw = raw};
    must(w->log->ops->begin(w->log, &fault), &fault);
    must(w->log->ops->log_append(w->log, &row, &fault), &fault);
    must(w->log->ops->commit(w->log, &fault), &fault);
}

static void say(world *w, int on, const char *kind, const char *data)
{
    append(w, on, kind, data, "", XD_STR(""));
}

/* Keeps bytes; the name of one of their records. */
static xd_str raw(world *w, const char *bytes, int record)
{
    uint8_t digest[XD_SHA256_BYTES];
    char hex[XD_SHA256_HEX + 1];
    xd_fault fault = XD_FAULT_NONE;
    xd_sha256_of(xd_str_from(bytes), digest);
    xd_hex(digest, sizeof digest, hex);
    must(w->log->ops->begin(w->log, &fault), &fault);
    must(w->log->ops->raw_put(w->log, xd_str_from(hex), XD_STR("text/csv"), xd_str_from(bytes),
                              &fault),
         &fault);
    must(w->log->ops->commit(w->log, &fault), &fault);
    return xd_arena_printf(&w->arena, "%s#%d", hex, record);
}

/* A document that the map made of a record. */
static void made(world *w, int on, const char *kind, const char *bytes, int record,
                 const char *data)
{
    append(w, on, kind, data, HASH, raw(w, bytes, record));
}

static world *begin(const char *to, const char *by, const char *map)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->log = xd_store_memory_create();
    xd_arena_init(&w->arena, 64 << 20);
    xd_buf_init(&w->shown, 64 << 20);
    xd_buf text;
    xd_buf_init(&text, 1 << 20);
    xd_json_write_string(&text, xd_str_from(map));
    xd_str data = xd_arena_printf(
        &w->arena,
        "{'name':'m','hash':'%s','to':'%s','layout':{'format':'csv','header':true}%s%s%s,'text':",
        HASH, to, by ? ",'by':'" : "", by ? by : "", by ? "'" : "");
    assert_non_null(data.ptr);
    /* The text's own quotes are JSON's already, so only the head may be turned. */
    xd_str whole = xd_arena_printf(&w->arena, "%.*s%.*s}", XD_FMT(quoted(w, data.ptr)),
                                   XD_FMT(xd_buf_str(&text)));
    append(w, DAY, "hub_map", whole.ptr, "", XD_STR(""));
    xd_buf_finish(&text);
    return w;
}

static void end(world *w)
{
    xd_store_destroy(w->log);
    xd_arena_finish(&w->arena);
    xd_buf_finish(&w->shown);
    free(w);
}

static xd_status show(void *context, xd_str row, xd_fault *fault)
{
    (void)fault;
    world *w = context;
    xd_buf_str_add(&w->shown, row);
    xd_buf_char(&w->shown, '\n');
    return XD_OK;
}

static const xd_whatif_result *ask_since(world *w, xd_instant since, const char *text)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_whatif_options options = {.map = XD_STR("m"),
                                 .text = xd_str_from(text),
                                 .since = since,
                                 .limit = 100,
                                 .context = w,
                                 .show = show};
    xd_buf_clear(&w->shown);
    must(xd_whatif_run(w->log, &options, &w->result, &fault), &fault);
    xd_buf_char(&w->shown, '\0');
    assert_false(w->shown.failed);
    return &w->result;
}

static const xd_whatif_result *ask(world *w, const char *text)
{
    return ask_since(w, XD_INSTANT_NONE, text);
}

static void assert_shown(world *w, const char *text)
{
    xd_str wanted = quoted(w, text);
    if (!strstr(w->shown.ptr, wanted.ptr)) {
        fail_msg("%s is not in\n%s", wanted.ptr, w->shown.ptr);
    }
}

/* --- maps and their documents --- */

#define RECEIPT                                                                                    \
    "{\"receipt_no\": nr, \"purchase_order\": \"P\", \"site\": \"S\","                             \
    " \"received_at\": \"2026-03-01T10:00:00Z\","                                                  \
    " \"lines\": [{\"line\": 1, \"po_line\": 10, \"quantity\": "

static const char ORDER[] =
    "{'po':'P','supplier':'V','site':'S','currency':'USD',"
    "'lines':[{'po_line':10,'item':'I','quantity':'100','unit_price':'10.00'}]}";

static void receipt(world *w, int on, const char *bytes, int record, const char *number,
                    const char *quantity)
{
    char data[512];
    snprintf(data, sizeof data,
             "{'receipt_no':'%s','purchase_order':'P','site':'S','received_at':"
             "'2026-03-01T10:00:00Z','lines':[{'line':1,'po_line':10,'quantity':%s}]}",
             number, quantity);
    made(w, on, "goods_receipt", bytes, record, data);
}

static const char PLAIN[] = RECEIPT "$number(menge)}]}";
static const char LESS[] = RECEIPT "$number(menge) - 1}]}";
static const char TWO[] = "nr,menge\nR1,2\nR2,3\n";

static void the_same_map_shows_no_difference(void **state)
{
    (void)state;
    world *w = begin("goods_receipt", NULL, PLAIN);
    say(w, 0, "purchase_order", ORDER);
    receipt(w, 1, TWO, 1, "R1", "2");
    receipt(w, 1, TWO, 2, "R2", "3");
    const xd_whatif_result *r = ask(w, PLAIN);
    assert_false(r->different);
    assert_int_equal(r->documents, 2);
    assert_int_equal(r->unchanged, 2);
    assert_int_equal(r->unproved, 0);
    assert_null(strstr(w->shown.ptr, "\"event\""));
    assert_shown(w, "'account':'INV','role':'INV','currency':'USD','before':'50.00','after':'50.00'"
                    ",'difference':'0.00'");
    end(w);
}

static void a_changed_field_is_shown_with_its_money(void **state)
{
    (void)state;
    world *w = begin("goods_receipt", NULL, PLAIN);
    say(w, 0, "purchase_order", ORDER);
    receipt(w, 1, TWO, 1, "R1", "2");
    receipt(w, 2, TWO, 2, "R2", "3");
    const xd_whatif_result *r = ask(w, LESS);
    assert_true(r->different);
    assert_int_equal(r->changed, 2);
    assert_shown(w, "{'path':'/lines/0/quantity','before':2,'after':1}");
    assert_shown(w, "'accounts':[{'account':'GRNI','role':'GRNI','currency':'USD','before':"
                    "'-20.00','after':'-10.00','difference':'10.00'},{'account':'INV'");
    assert_shown(w, "{'type':'account','account':'INV','role':'INV','currency':'USD','before':"
                    "'50.00','after':'30.00','difference':'-20.00'}");
    /* Only what was recorded since. */
    r = ask_since(w, day(2), LESS);
    assert_int_equal(r->documents, 1);
    assert_int_equal(r->changed, 1);
    assert_shown(w, "'before':'30.00','after':'20.00','difference':'-10.00'");
    end(w);
}

/* The price of an order decides what its receipts are worth, and whether an invoice is held. */
static void a_changed_rounding_is_followed_to_the_cent_and_to_holds(void **state)
{
    (void)state;
    static const char head[] = "{\"po\": nr, \"supplier\": \"V\", \"site\": \"S\", \"currency\": "
                               "\"USD\", \"lines\": [{\"po_line\": 10, \"item\": \"I\", "
                               "\"quantity\": \"100\", \"unit_price\": ";
    char old[512], new[512];
    snprintf(old, sizeof old, "%s$money($number(preis), 3)}]}", head);
    snprintf(new, sizeof new, "%s$money($number(preis), 2)}]}", head);
    world *w = begin("purchase_order", NULL, old);
    made(w, 0, "purchase_order", "nr,preis\nP,1.255\n", 1,
         "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':'I',"
         "'quantity':'100','unit_price':'1.255'}]}");
    say(w, 1, "goods_receipt",
        "{'receipt_no':'R1','purchase_order':'P','site':'S','received_at':'2026-03-01T10:00:00Z',"
        "'lines':[{'line':1,'po_line':10,'quantity':'100'}]}");
    say(w, 2, "supplier_invoice",
        "{'invoice':'F1','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-02',"
        "'lines':[{'line':1,'po_line':10,'quantity':'100','unit_price':'1.26'}]}");
    const xd_whatif_result *r = ask(w, new);
    assert_int_equal(r->changed, 1);
    assert_shown(w, "{'path':'/lines/0/unit_price','before':'1.255','after':'1.26'}");
    assert_shown(w, "'change':'downstream','seq':3,'kind':'goods_receipt','key':'R1'");
    assert_shown(w, "'account':'GRNI','role':'GRNI','currency':'USD','before':'-125.50','after':"
                    "'-126.00','difference':'-0.50'");
    assert_shown(w, "{'type':'hold','change':'gone','hold':'V/F1/2026/1/PRICE'");
    assert_int_equal(r->holds, 1);
    end(w);
}

static void a_map_that_refuses_says_where(void **state)
{
    (void)state;
    world *w = begin("goods_receipt", NULL, PLAIN);
    say(w, 0, "purchase_order", ORDER);
    receipt(w, 1, TWO, 1, "R1", "2");
    receipt(w, 1, TWO, 2, "R2", "3");
    const xd_whatif_result *r =
        ask(w, RECEIPT "\n$number(menge) > 2 ? $error('too many') : $number(menge)}]}");
    assert_int_equal(r->refused, 1);
    assert_int_equal(r->unchanged, 1);
    assert_shown(w, "'change':'refused','seq':4,'kind':'goods_receipt','key':'R2'");
    assert_shown(w, "'code':'MAP_FAILED','reason':'map m, line 2, column ");
    r = ask(w, RECEIPT "-5}]}");
    assert_int_equal(r->refused, 2);
    assert_shown(w, "(/lines/0/quantity)");
    end(w);
}

static void codes_are_those_of_the_document_s_own_moment(void **state)
{
    (void)state;
    static const char with_table[] =
        "{\"receipt_no\": nr, \"purchase_order\": \"P\", \"site\": $xref(\"%s\", \"wms\", \"L\"),"
        " \"received_at\": \"2026-03-01T10:00:00Z\","
        " \"lines\": [{\"line\": 1, \"po_line\": 10, \"quantity\": $number(menge)}]}";
    char old[512], other[512];
    snprintf(old, sizeof old, with_table, "site");
    snprintf(other, sizeof other, with_table, "lager");
    world *w = begin("goods_receipt", NULL, old);
    say(w, 0, "crosswalk", "{'table':'site','system':'wms','code':'L','value':'S'}");
    say(w, 0, "purchase_order", ORDER);
    receipt(w, 1, TWO, 1, "R1", "2");
    say(w, 2, "crosswalk", "{'table':'lager','system':'wms','code':'L','value':'T'}");
    receipt(w, 3, TWO, 2, "R2", "3");
    const xd_whatif_result *r = ask(w, old);
    assert_false(r->different);
    assert_int_equal(r->unproved, 0);
    /* The first waits for the code, which then sends it on; the second finds it. */
    r = ask(w, other);
    assert_int_equal(r->changed, 2);
    assert_shown(w, "'seq':4,'kind':'goods_receipt','key':'R1'");
    assert_shown(w, "{'path':'/site','before':'S','after':'T'}");
    snprintf(other, sizeof other, with_table, "nobody's");
    r = ask(w, other);
    assert_int_equal(r->waiting, 2);
    assert_shown(w, "'after':{'result':'parked','wait':['xref',");
    end(w);
}

static void a_code_that_changed_since_is_told(void **state)
{
    (void)state;
    world *w = begin("goods_receipt", NULL, PLAIN);
    say(w, 0, "purchase_order", ORDER);
    receipt(w, 1, TWO, 1, "R1", "7");
    const xd_whatif_result *r = ask(w, PLAIN);
    assert_int_equal(r->unproved, 1);
    assert_shown(w, "'unproved':'codes changed since, or the map asks for the time'");
    assert_shown(w, "{'path':'/lines/0/quantity','before':7,'after':2}");
    end(w);
}

static void a_record_may_split_and_join_otherwise(void **state)
{
    (void)state;
    static const char split[] =
        "[1..$number(menge)].($n := $; $$.{\"item\": nr & $n, \"description\": \"d\", \"uom\": "
        "\"EA\"})";
    static const char file[] = "nr,menge\nI,2\nK,1\n";
    world *w = begin("item", NULL, split);
    made(w, 0, "item", file, 1, "{'item':'I1','description':'d','uom':'EA'}");
    made(w, 0, "item", file, 1, "{'item':'I2','description':'d','uom':'EA'}");
    made(w, 0, "item", file, 2, "{'item':'K1','description':'d','uom':'EA'}");
    const xd_whatif_result *r = ask(w, split);
    assert_false(r->different);
    assert_int_equal(r->unchanged, 3);
    r = ask(w, "[1..$number(menge) + 1].($n := $; $$.{\"item\": nr & $n, \"description\": \"d\", "
               "\"uom\": \"EA\"})");
    assert_int_equal(r->added, 2);
    assert_int_equal(r->unchanged, 3);
    assert_shown(w, "'change':'added','seq':3,'kind':'item','key':'I3'");
    assert_shown(w, "'change':'added','seq':4,'kind':'item','key':'K2'");
    /* One document that is none refuses its record, as at the door. */
    r = ask(w, "[1..$number(menge) + 1].($n := $; $$.{\"item\": $n < 2 ? nr & $n : {}, "
               "\"description\": \"d\", \"uom\": \"EA\"})");
    assert_int_equal(r->refused, 3);
    assert_int_equal(r->added, 0);
    r = ask(w, "{\"item\": nr & \"1\", \"description\": \"d\", \"uom\": \"EA\"}");
    assert_int_equal(r->unchanged, 2);
    assert_int_equal(r->dropped, 1);
    assert_shown(w, "'change':'dropped','seq':3,'kind':'item','key':'I2'");
    end(w);
}

static void records_that_belong_together_are_mapped_together(void **state)
{
    (void)state;
    static const char sum[] =
        "{\"receipt_no\": $[0].nr, \"purchase_order\": \"P\", \"site\": \"S\", \"received_at\": "
        "\"2026-03-01T10:00:00Z\", \"lines\": [{\"line\": 1, \"po_line\": 10, \"quantity\": "
        "$sum($.$number(menge))}]}";
    static const char most[] =
        "{\"receipt_no\": $[0].nr, \"purchase_order\": \"P\", \"site\": \"S\", \"received_at\": "
        "\"2026-03-01T10:00:00Z\", \"lines\": [{\"line\": 1, \"po_line\": 10, \"quantity\": "
        "$max($.$number(menge))}]}";
    static const char file[] = "nr,menge\nR1,2\nR1,3\nR2,4\n";
    world *w = begin("goods_receipt", "nr", sum);
    say(w, 0, "purchase_order", ORDER);
    receipt(w, 1, file, 2, "R2", "4"); /* in any order */
    receipt(w, 1, file, 1, "R1", "5");
    const xd_whatif_result *r = ask(w, sum);
    assert_false(r->different);
    assert_int_equal(r->unproved, 0);
    r = ask(w, most);
    assert_int_equal(r->changed, 1);
    assert_shown(w, "{'path':'/lines/0/quantity','before':5,'after':3}");
    end(w);
}

static void a_record_that_waits_meets_the_new_map(void **state)
{
    (void)state;
    static const char old[] =
        "{\"item\": $xref(\"item\", \"wms\", nr), \"description\": \"old\", \"uom\": \"EA\"}";
    static const char new[] =
        "{\"item\": $xref(\"item\", \"wms\", nr), \"description\": \"new\", \"uom\": \"EA\"}";
    char data[512];
    world *w = begin("item", NULL, old);
    snprintf(data, sizeof data, "{'source':'wms','map':'%s','record':{'nr':'A'},'n':0}", HASH);
    append(w, 1, "document", data, HASH, raw(w, "nr\nA\nB\n", 1));
    snprintf(data, sizeof data, "{'source':'wms','map':'%s','record':{'nr':'B'},'n':0}", HASH);
    append(w, 1, "document", data, HASH, raw(w, "nr\nA\nB\n", 2));
    say(w, 2, "crosswalk", "{'table':'item','system':'wms','code':'A','value':'I'}");
    const xd_whatif_result *r = ask(w, old);
    assert_false(r->different);
    assert_int_equal(r->documents, 2);
    assert_int_equal(r->unchanged, 2);
    r = ask(w, new);
    assert_int_equal(r->changed, 1);
    assert_int_equal(r->unchanged, 1); /* B waits on, as before */
    assert_shown(w, "{'path':'/description','before':'old','after':'new'}");
    /* A map that needs no code lets B through as well. */
    r = ask(w, "{\"item\": nr, \"description\": \"old\", \"uom\": \"EA\"}");
    assert_int_equal(r->changed, 2);
    assert_shown(w, "'before':{'result':'parked','wait':['xref','item/wms/B']},'after':{'result':"
                    "'applied'}");
    end(w);
}

/* Parked before the sides part, set going by a document behind that. */
static void what_waited_before_may_go_on_on_one_side_only(void **state)
{
    (void)state;
    static const char old[] =
        "{\"po\": nr, \"supplier\": \"V\", \"site\": \"S\", \"currency\": \"USD\", \"lines\": "
        "[{\"po_line\": 10, \"item\": \"I\", \"quantity\": \"100\", \"unit_price\": \"10.00\"}]}";
    world *w = begin("purchase_order", NULL, old);
    say(w, 0, "goods_receipt",
        "{'receipt_no':'R1','purchase_order':'P','site':'S','received_at':'2026-03-01T10:00:00Z',"
        "'lines':[{'line':1,'po_line':10,'quantity':'2'}]}");
    made(w, 1, "purchase_order", "nr\nP\n", 1, ORDER);
    const xd_whatif_result *r = ask_since(w, day(1), old);
    assert_false(r->different);
    r = ask_since(w, day(1), "$error('no')");
    assert_int_equal(r->refused, 1);
    assert_int_equal(r->downstream, 1);
    assert_shown(w, "'change':'downstream','seq':2,'kind':'goods_receipt','key':'R1'");
    assert_shown(w, "'before':{'result':'posted'},'after':{'result':'parked','wait':["
                    "'purchase_order','P']}");
    assert_shown(w, "'before':'20.00','after':'0.00','difference':'-20.00'");
    end(w);
}

static void diffs_are_pointers_and_know_what_is_equal(void **state)
{
    (void)state;
    static const char before[] =
        "{\"a\":1.50,\"b\":[1,2,3],\"c/d~\":{\"x\":1},\"gone\":null,\"same\":[{\"k\":1}]}";
    static const char after[] =
        "{\"same\":[{\"k\":1.0}],\"a\":1.5,\"b\":[1,9,2,3],\"c/d~\":{\"x\":\"1\"},\"new\":[]}";
    xd_arena arena;
    xd_buf buf;
    const xd_json *a, *b;
    uint32_t count = 0;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_init(&arena, 1 << 20);
    xd_buf_init(&buf, 1 << 20);
    must(xd_json_parse(xd_str_from(before), XD_JSON_LIMITS_DEFAULT, &arena, &a, &fault), &fault);
    must(xd_json_parse(xd_str_from(after), XD_JSON_LIMITS_DEFAULT, &arena, &b, &fault), &fault);
    must(xd_whatif_diff(a, b, &arena, &buf, &count, &fault), &fault);
    xd_buf_char(&buf, '\0');
    assert_string_equal(buf.ptr, "{\"path\":\"/b/1\",\"after\":9},"
                                 "{\"path\":\"/c~1d~0/x\",\"before\":1,\"after\":\"1\"},"
                                 "{\"path\":\"/gone\",\"before\":null},"
                                 "{\"path\":\"/new\",\"after\":[]}");
    assert_int_equal(count, 4);
    xd_buf_finish(&buf);
    xd_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_map_shows_no_difference),
        cmocka_unit_test(a_changed_field_is_shown_with_its_money),
        cmocka_unit_test(a_changed_rounding_is_followed_to_the_cent_and_to_holds),
        cmocka_unit_test(a_map_that_refuses_says_where),
        cmocka_unit_test(codes_are_those_of_the_document_s_own_moment),
        cmocka_unit_test(a_code_that_changed_since_is_told),
        cmocka_unit_test(a_record_may_split_and_join_otherwise),
        cmocka_unit_test(records_that_belong_together_are_mapped_together),
        cmocka_unit_test(a_record_that_waits_meets_the_new_map),
        cmocka_unit_test(what_waited_before_may_go_on_on_one_side_only),
        cmocka_unit_test(diffs_are_pointers_and_know_what_is_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
