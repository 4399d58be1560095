/* Maps of what goes out: the bytes in each format, the same ones whenever they are made again, and
 * faults that tell a person where and what to do. */
#include "flow/outmap.h"

#include "base/random.h"
#include "flow/crosswalk.h"
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_BYTES = 256 << 20 };

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char BODY[] =
    "{'id':'e1','document':'JOURNAL','kind':'goods_receipt','reference':'R1','seq':7,'entries':["
    "{'number':3,'date':'2026-03-01','lines':[{'account':'1300','role':'INV','debit':'15.00'},"
    "{'account':'2110','role':'GRNI','credit':'15.00'}]}]}";

/* The text with double quotes for single ones. */
static xd_str quoted(xd_arena *arena, const char *text)
{
    xd_str copy = xd_arena_copy(arena, xd_str_from(text));
    char *bytes = xd_arena_alloc(arena, copy.len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < copy.len; i++) {
        bytes[i] = copy.ptr[i];
        bytes[i] = (char)(bytes[i] == '\'' ? '"' : bytes[i]);
    }
    bytes[copy.len] = '\0';
    return (xd_str){bytes, copy.len};
}

typedef struct made {
    xd_arena arena;
    xd_buf bytes;
    char media[XD_OUTMAP_MEDIA_BYTES];
    char action[XD_OUTMAP_ACTION_MAX + 3]; /* "": none */
    xd_str missing;
    xd_status status;
    xd_fault fault;
} made;

static xd_status no_state(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                          xd_str *ret_value, xd_fault *fault)
{
    (void)key;
    (void)arena;
    (void)fault;
    assert_int_equal(kind, XD_STATE_CROSSWALK);
    *ret_value = self ? xd_str_from(self) : XD_STR_NULL;
    return XD_OK;
}

/* Runs a map over BODY; state: the one crosswalk document there is, or NULL. */
static void make(made *m, const char *map, const char *layout, const char *state)
{
    *m = (made){.fault = XD_FAULT_NONE};
    xd_arena_init(&m->arena, ARENA_BYTES);
    xd_buf_init(&m->bytes, 1 << 20);
    xd_json_member members[] = {
        {XD_STR("name"), {.type = XD_JSON_STRING, .text = XD_STR("out")}},
        {XD_STR("file"), {.type = XD_JSON_STRING, .text = XD_STR("maps/out.jsonata")}},
        {XD_STR("text"), {.type = XD_JSON_STRING, .text = xd_str_from(map)}},
        {XD_STR("layout"), {.type = XD_JSON_NULL}}};
    const xd_json *tree = NULL;
    if (layout) {
        assert_int_equal(xd_json_parse(quoted(&m->arena, layout), XD_JSON_LIMITS_DEFAULT, &m->arena,
                                       &tree, NULL),
                         XD_OK);
        members[3].value = *tree;
    }
    const xd_json version = {.type = XD_JSON_OBJECT, .count = 4, .members = members};
    const xd_event event = {.seq = 7, .recorded_at = 5000000, .time = XD_INSTANT_NONE};
    const char *document = state ? quoted(&m->arena, state).ptr : NULL;
    xd_outmap *compiled = NULL;
    assert_int_equal(xd_outmap_open(&version, &compiled, &m->fault), XD_OK);
    const xd_outmap_use use = {.body = quoted(&m->arena, BODY),
                               .system = XD_STR("finance"),
                               .message = XD_MESSAGE_JOURNAL,
                               .event = &event,
                               .index = 2,
                               .codes_at = 9,
                               .view = {(void *)(uintptr_t)document, no_state}};
    m->status = xd_outmap_write(compiled, &use, &m->arena, &m->bytes, &m->missing, &m->fault);
    snprintf(m->media, sizeof m->media, "%s", xd_outmap_media(compiled));
    const char *action = xd_outmap_soap_action(compiled);
    snprintf(m->action, sizeof m->action, "%s", action ? action : "");
    xd_outmap_close(compiled);
}

static void drop(made *m)
{
    xd_buf_finish(&m->bytes);
    xd_arena_finish(&m->arena);
}

static void bodies_are_written_in_the_systems_format(void **state)
{
    (void)state;
    static const struct {
        const char *map, *layout, *media, *body;
    } cases[] = {
        {"{'n': entries[0].number, 'to': $system, 'what': $message}", NULL, "application/json",
         "{\"n\":3,\"to\":\"finance\",\"what\":\"journal\"}"},
        {"[1.5, {'a': []}]", NULL, "application/json", "[1.5,{\"a\":[]}]"},
        {"[entries.number]", "{'format':'json'}", "application/json", "[3]\n"},
        {"entries.lines.account", "{'format':'ndjson'}", "application/x-ndjson",
         "\"1300\"\n\"2110\"\n"},
        {"entries.lines.{'a': account, 'd': debit}",
         "{'format':'csv','header':true,'columns':['a',{'name':'d','type':'decimal',"
         "'decimal_comma':true}]}",
         "text/csv; charset=utf-8", "a,d\r\n1300,\"15,00\"\r\n2110,\r\n"},
        {"entries.lines[0].{'a': account}", "{'format':'csv','columns':['a'],'line_end':'lf'}",
         "text/csv; charset=utf-8", "1300\n"},
        {"entries.lines.{'a': 'ü' & account}",
         "{'format':'fixed','encoding':'ISO-8859-1','fields':[{'name':'a','length':6}]}",
         "text/plain; charset=ISO-8859-1", "\3741300 \n\3742110 \n"},
        {"{'a': 'x'}", "{'format':'fixed','record_bytes':2,'fields':[{'name':'a','length':2}]}",
         "application/octet-stream", "x "},
        {"{'je': {'@no': reference, 'line': [entries.lines.account]}}", "{'format':'xml'}",
         "application/xml",
         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<je no=\"R1\"><line>1300</line><line>2110"
         "</line></je>"},
        {"entries.lines.{'line': {'@a': account}}", "{'format':'xml','each':'/je/line'}",
         "application/xml",
         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<je><line a=\"1300\"/><line a=\"2110\"/>"
         "</je>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        made m;
        make(&m, cases[i].map, cases[i].layout, NULL);
        assert_string_equal(m.fault.text, "");
        xd_buf_char(&m.bytes, '\0');
        assert_string_equal(m.bytes.ptr, cases[i].body);
        assert_string_equal(m.media, cases[i].media);
        assert_string_equal(m.action, "");
        drop(&m);
    }
}

static void soap_bodies_have_their_envelope_and_headers(void **state)
{
    (void)state;
    made m;
    make(&m, "{'post': {'ref': reference}}", "{'format':'xml','soap':'1.1'}", NULL);
    assert_int_equal(m.status, XD_OK);
    xd_buf_char(&m.bytes, '\0');
    assert_non_null(strstr(m.bytes.ptr, "http://schemas.xmlsoap.org/soap/envelope/"));
    assert_non_null(strstr(m.bytes.ptr, "<post><ref>R1</ref></post>"));
    assert_string_equal(m.media, "text/xml; charset=utf-8");
    assert_string_equal(m.action, "\"\"");
    drop(&m);
    make(&m, "{'post': {'ref': reference}}", "{'format':'xml','soap':'1.2'}", NULL);
    assert_string_equal(m.media, "application/soap+xml; charset=utf-8");
    assert_string_equal(m.action, "");
    drop(&m);
}

/* SOAP 1.1, section 6.1.1: a URI in quotes; RFC 3902: the parameter action. */
static void an_action_stands_where_its_soap_wants_it(void **state)
{
    (void)state;
    static const struct {
        const char *version, *media, *action; /* media NULL: refused; action NULL: no header */
    } cases[] = {
        {"'layout':{'format':'xml','soap':'1.1'},'soap_action':'urn:erp:Post#1'",
         "text/xml; charset=utf-8", "\"urn:erp:Post#1\""},
        {"'layout':{'format':'xml','soap':'1.1'},'soap_action':''", "text/xml; charset=utf-8",
         "\"\""},
        {"'layout':{'format':'xml','soap':'1.2'},'soap_action':'urn:x'",
         "application/soap+xml; charset=utf-8; action=\"urn:x\"", NULL},
        {"'layout':{'format':'xml','soap':'1.2'},'soap_action':'urn:x','content_type':'text/xml'",
         "text/xml; action=\"urn:x\"", NULL},
        {"'layout':{'format':'xml'}", "application/xml", NULL},
        {"'layout':{'format':'xml'},'soap_action':'urn:x'", NULL, NULL},
        {"'layout':{'format':'xml','soap':'1.1'},'soap_action':'urn:x\\r\\nX: y'", NULL, NULL},
        {"'layout':{'format':'xml','soap':'1.1'},'soap_action':'a\\\"b'", NULL, NULL},
        {"'layout':{'format':'xml','soap':'1.2'},'soap_action':'a b'", NULL, NULL},
        {"'layout':{'format':'xml'},'content_type':'text/xml\\r\\nX: y'", NULL, NULL},
        {"'layout':{'format':'xml'},'content_type':'xml'", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        xd_arena arena;
        xd_arena_init(&arena, ARENA_BYTES);
        xd_fault fault = XD_FAULT_NONE;
        const xd_json *version = NULL;
        xd_outmap *map = NULL;
        xd_str text = xd_arena_printf(&arena, "{'name':'out','text':'{}',%s}", cases[i].version);
        assert_int_equal(xd_json_parse(quoted(&arena, text.ptr), XD_JSON_LIMITS_DEFAULT, &arena,
                                       &version, &fault),
                         XD_OK);
        xd_status status = xd_outmap_open(version, &map, &fault);
        if (cases[i].media) {
            const char *action = status == XD_OK ? xd_outmap_soap_action(map) : NULL;
            assert_int_equal(status, XD_OK);
            assert_string_equal(xd_outmap_media(map), cases[i].media);
            assert_string_equal(action ? action : "none",
                                cases[i].action ? cases[i].action : "none");
        } else {
            assert_int_equal(status, XD_INVALID);
            bool of_type = strstr(cases[i].version, "'content_type'") != NULL;
            assert_string_equal(fault.rule, of_type ? "map.content_type" : "map.soap_action");
        }
        xd_outmap_close(map);
        xd_arena_finish(&arena);
    }
    static const char *const unsound[] = {"a b", "a\"b", "a\\b", "a\x7f", "urn:\xc3\xa4", "a\tb"};
    for (size_t i = 0; i < sizeof unsound / sizeof unsound[0]; i++) {
        assert_false(xd_soap_action_is_sound(xd_str_from(unsound[i])));
    }
    char longest[XD_OUTMAP_ACTION_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_true(xd_soap_action_is_sound((xd_str){longest, XD_OUTMAP_ACTION_MAX}));
    assert_false(xd_soap_action_is_sound((xd_str){longest, XD_OUTMAP_ACTION_MAX + 1}));
}

static void faults_say_where_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *map, *layout;
        xd_status status;
        const char *text;
    } cases[] = {
        {"{'a': 1 +\n  reference}", NULL, XD_INVALID, "maps/out.jsonata:1:9: "},
        {"{'a':\n  $error('no such')}", NULL, XD_INVALID, "maps/out.jsonata:2:"},
        {"no.such.thing", NULL, XD_INVALID, "maps/out.jsonata makes nothing of this message"},
        {"[]", "{'format':'fixed','fields':[{'name':'a','length':1}]}", XD_INVALID,
         "makes no record"},
        {"($f := function($n) {1 + $f($n + 1)}; $f(1))", NULL, XD_LIMIT, "U1001"},
        {"$sum([1..9000000].($ * 2))", NULL, XD_LIMIT, "maps/out.jsonata:1:"},
        {"{'a': 'too long'}", "{'format':'fixed','fields':[{'name':'a','length':3}]}", XD_INVALID,
         "does not fit its layout: /a: "},
        {"[{'a': 1}, {'b': 2}]", "{'format':'xml'}", XD_INVALID, "does not fit its layout"},
        {"entries", "{'format':'xml'}", XD_INVALID, "a document has one root element"},
        {"$xref('account', 'fin', 'A/1')", NULL, XD_NOT_FOUND,
         "xref.missing account/fin/A%2F1: maps/out.jsonata:1:"},
        {"$uom(1, 'CS', 'EA')", NULL, XD_NOT_FOUND, "xref.missing uom/factor/CS>EA: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        made m;
        make(&m, cases[i].map, cases[i].layout, NULL);
        if (!strstr(m.fault.text, cases[i].text)) {
            assert_string_equal(m.fault.text, cases[i].text);
        }
        assert_int_equal(m.status, cases[i].status);
        assert_int_equal(m.fault.klass, XD_PERMANENT);
        assert_int_equal(m.bytes.len, 0);
        assert_true(cases[i].status != XD_NOT_FOUND || m.missing.len > 0);
        drop(&m);
    }
}

static void the_same_bytes_are_made_again(void **state)
{
    (void)state;
    static const char MAP[] = "[$now(), $millis(), $random(), $shuffle([1..20]), "
                              "$xref('account', 'fin', 'INV')]";
    static const char THEN[] = "{'entries':[{'value':'old','seq':9}]}";
    static const char LATER[] =
        "{'entries':[{'value':'new','seq':10},{'value':'far','from':'1960-01-01T00:00:00Z','seq':11"
        "}],'past':[{'value':'older','seq':3,'until':9},{'value':'old','seq':9,'until':10}]}";
    made a, b;
    make(&a, MAP, NULL, THEN);
    make(&b, MAP, NULL, LATER); /* corrected since */
    assert_int_equal(a.status, XD_OK);
    assert_true(xd_str_eq(xd_buf_str(&a.bytes), xd_buf_str(&b.bytes)));
    xd_buf_char(&a.bytes, '\0');
    assert_non_null(strstr(a.bytes.ptr, "[\"1970-01-01T00:00:05.000Z\",5000,"));
    assert_non_null(strstr(a.bytes.ptr, "\"old\""));
    drop(&a);
    drop(&b);
}

/* --- codes as they were --- */

static void what_a_code_was_right_after_an_event_stays_known(void **state)
{
    (void)state;
    enum { CHANGES = 60, DAYS = 5 };
    static const char *const days[DAYS] = {"2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01",
                                           "2026-05-01"};
    xd_random random = {77};
    world *w = world_create(NULL);
    int64_t seqs[CHANGES];
    char known[CHANGES][DAYS][16];
    xd_instant at[DAYS];
    for (int d = 0; d < DAYS; d++) {
        assert_true(xd_moment_parse(xd_str_from(days[d]), false, &at[d]));
    }
    for (int i = 0; i < CHANGES; i++) {
        uint64_t dice = xd_random_next(&random);
        char value[24], from[40] = "", to[40] = "";
        int first = (int)(dice % 4); /* 3: since ever */
        if (first < 3) {
            snprintf(from, sizeof from, ",'valid_from':'%s'", days[first]);
        }
        if (dice / 4 % 3 == 0) {
            snprintf(to, sizeof to, ",'valid_to':'%s'", days[3 + dice / 16 % 2]);
        }
        snprintf(value, sizeof value, dice / 64 % 5 == 0 ? "null" : "'v%d'", i);
        seqs[i] = world_send(w, "crosswalk", "{'table':'t','system':'s','code':'c','value':%s%s%s}",
                             value, from, to);
        const xd_json *document = NULL;
        xd_arena arena;
        xd_arena_init(&arena, 1 << 20);
        xd_str text = world_document(w, XD_STATE_CROSSWALK, "t/s/c");
        assert_true(!text.ptr ||
                    xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &document, NULL) == XD_OK);
        for (int d = 0; d < DAYS; d++) {
            snprintf(known[i][d], sizeof known[i][d], "%.*s",
                     XD_FMT(xd_crosswalk_in_force(document, at[d])));
        }
        for (int k = 0; k <= i; k++) {
            for (int d = 0; d < DAYS; d++) {
                char then[16];
                snprintf(then, sizeof then, "%.*s",
                         XD_FMT(xd_crosswalk_as_of(document, at[d], seqs[k])));
                assert_string_equal(then, known[k][d]);
            }
        }
        xd_arena_finish(&arena);
    }
    world_destroy(w);
}

/* --- versions --- */

#define SYSTEMS(hash)                                                                              \
    "{'currency':'USD','systems':[{'name':'erp','receives':['inventory']},{'name':'fin',"          \
    "'receives':['journal'],'maps':{'journal':'out@" hash "'}}]}"

static void assert_sent(world *w, const char *map, int64_t codes_at)
{
    const xd_step *step = world_last_step(w);
    assert_int_equal(step->delivery_count, 1);
    assert_true(xd_str_eq(step->deliveries[0].map, xd_str_from(map)));
    assert_int_equal(step->deliveries[0].codes_at, codes_at);
}

static void the_version_of_a_delivery_is_that_of_its_event(void **state)
{
    (void)state;
    world *w = world_create(SYSTEMS(HASH_A));
    world_order(w, "100", "10");
    int64_t seq = world_receive(w, "R1", "5");
    char row[17], id[24], wanted[160];
    snprintf(row, sizeof row, "%016llx", (unsigned long long)seq);
    snprintf(id, sizeof id, "%lld.1", (long long)seq);
    snprintf(wanted, sizeof wanted,
             "[[0,\"erp\",\"inventory\"],[1,\"fin\",\"journal\",\"P\",\"out@" HASH_A "\",%lld]]",
             (long long)seq);
    assert_string_equal(world_get(w, XD_STATE_OUTBOX, row, "to"), wanted);
    assert_string_equal(world_effect_member(w, seq, "maps"), "{\"1\":\"out@" HASH_A "\"}");

    /* What the system refused at once is made anew. */
    world_send(w, "hub_definition", SYSTEMS(HASH_B));
    world_send(w, "hub_outcomes",
               "{'failed':[{'id':'%s','class':'dead','reason':'http 422','attempts':1}]}", id);
    assert_string_equal(world_get(w, XD_STATE_DEAD, id, "map"), "out@" HASH_A);
    int64_t retry =
        world_send(w, "hub_dead_letter", "{'delivery':'%s','decision':'retry','person':'ann'}", id);
    assert_sent(w, "out@" HASH_B, retry);
    assert_string_equal(world_effect_member(w, retry, "map"), "out@" HASH_B);
    snprintf(wanted, sizeof wanted,
             "[[0,\"erp\",\"inventory\"],[1,\"fin\",\"journal\",\"P\",\"out@" HASH_B "\",%lld]]",
             (long long)retry);
    assert_string_equal(world_get(w, XD_STATE_OUTBOX, row, "to"), wanted);

    /* What it may have seen goes as it was, from then on, unless a person says otherwise. */
    world_send(w, "hub_definition", SYSTEMS(HASH_A));
    world_send(w, "hub_outcomes",
               "{'failed':[{'id':'%s','class':'unknown','reason':'time','attempts':1}]}", id);
    world_send(w, "hub_dead_letter", "{'delivery':'%s','decision':'retry','person':'ann'}", id);
    assert_sent(w, "out@" HASH_B, retry);
    world_send(w, "hub_outcomes",
               "{'failed':[{'id':'%s','class':'dead','reason':'http 422','attempts':1}]}", id);
    world_send(w, "hub_dead_letter", "{'delivery':'%s','decision':'retry','person':'ann'}", id);
    assert_sent(w, "out@" HASH_B, retry);
    world_send(w, "hub_outcomes",
               "{'failed':[{'id':'%s','class':'dead','reason':'http 422','attempts':1}]}", id);
    retry = world_send(w, "hub_dead_letter",
                       "{'delivery':'%s','decision':'retry','person':'ann','anew':true}", id);
    assert_sent(w, "out@" HASH_A, retry);
    world_destroy(w);
}

/* A system that gets its first map must not be sent under the same key, in a new form, what it may
 * have seen in the old one. */
static void a_body_without_a_map_that_was_seen_stays_without_one(void **state)
{
    (void)state;
    world *w = world_create("{'edition':3,'currency':'USD','systems':[{'name':'fin',"
                            "'receives':['journal']}]}");
    world_order(w, "1000", "10");
    int64_t seq = world_receive(w, "R1", "4");
    char id[32], row[32];
    snprintf(id, sizeof id, "%lld.0", (long long)seq);
    snprintf(row, sizeof row, "%016llx", (unsigned long long)seq);
    world_send(w, "hub_outcomes",
               "{'failed':[{'id':'%s','class':'dead','seen':true,'reason':'500','attempts':9}]}",
               id);
    world_send(w, "hub_definition",
               "{'edition':3,'currency':'USD','systems':[{'name':'fin',"
               "'receives':['journal'],'maps':{'journal':'out@" HASH_A "'}}]}");
    for (int i = 0; i < 2; i++) { /* that it was seen outlives a refusal */
        world_send(w, "hub_dead_letter", "{'delivery':'%s','decision':'retry','person':'ann'}", id);
        const xd_step *step = world_last_step(w);
        assert_int_equal(step->delivery_count, 1);
        assert_null(step->deliveries[0].map.ptr);
        assert_string_equal(world_get(w, XD_STATE_OUTBOX, row, "to"),
                            "[[0,\"fin\",\"journal\",\"P\",true]]");
        world_send(w, "hub_outcomes",
                   "{'failed':[{'id':'%s','class':'dead','reason':'http 422','attempts':1}]}", id);
    }
    int64_t anew =
        world_send(w, "hub_dead_letter",
                   "{'delivery':'%s','decision':'retry','person':'ann','anew':true}", id);
    assert_sent(w, "out@" HASH_A, anew);
    world_destroy(w);
}

enum { RECEIPTS = 150 };

/* Receipts whose journals could not be made without a code; the first one's seq. */
static int64_t receive_many(world *w)
{
    int64_t first = 0;
    world_order(w, "1000", "10");
    for (int i = 0; i < RECEIPTS; i++) {
        char number[16];
        snprintf(number, sizeof number, "R%d", i);
        int64_t seq = world_receive(w, number, "1");
        first = first ? first : seq;
    }
    return first;
}

static void fail_many(world *w, int64_t first)
{
    char outcomes[32768] = "{'failed':[";
    size_t n = strlen(outcomes);
    for (int i = 0; i < RECEIPTS; i++) {
        n += (size_t)snprintf(outcomes + n, sizeof outcomes - n,
                              "%s{'id':'%lld.1','class':'dead','reason':'xref.missing a/fin/INV',"
                              "'wait':'a/fin/INV','status':0,'attempts':0}",
                              i ? "," : "", (long long)first + i);
    }
    snprintf(outcomes + n, sizeof outcomes - n, "]}");
    world_send(w, "hub_outcomes", "%s", outcomes);
}

static int64_t code_comes(world *w, const char *code)
{
    return world_send(w, "crosswalk", "{'table':'a','system':'fin','code':'%s','value':'1'}", code);
}

static void assert_open_since(world *w, int64_t seq, int64_t codes_at)
{
    char row[17], wanted[200];
    snprintf(row, sizeof row, "%016llx", (unsigned long long)seq);
    snprintf(wanted, sizeof wanted,
             "[[0,\"erp\",\"inventory\"],[1,\"fin\",\"journal\",\"P\",\"out@" HASH_A "\",%lld]]",
             (long long)codes_at);
    assert_string_equal(world_get(w, XD_STATE_OUTBOX, row, "to"), wanted);
}

/* However many wait for one code, and whatever people decided meanwhile. */
static void what_waits_for_a_code_is_sent_when_it_comes(void **state)
{
    (void)state;
    world *w = world_create(SYSTEMS(HASH_A));
    int64_t first = receive_many(w);
    fail_many(w, first);
    assert_int_equal(world_count(w, XD_STATE_DEAD), RECEIPTS);
    world_send(w, "hub_dead_letter",
               "{'delivery':'%lld.1','decision':'drop','person':'ann','reason':'told'}",
               (long long)first);
    world_send(w, "hub_dead_letter", "{'delivery':'%lld.1','decision':'retry','person':'ann'}",
               (long long)first + 1);
    world_send(w, "hub_outcomes",
               "{'failed':[{'id':'%lld.1','class':'dead','reason':'http 422','attempts':1}]}",
               (long long)first + 1);
    code_comes(w, "GRNI");
    assert_int_equal(world_count(w, XD_STATE_DEAD), RECEIPTS);
    int64_t came = code_comes(w, "INV");
    assert_int_equal(world_count(w, XD_STATE_DEAD), 2); /* dropped, and refused for another cause */
    assert_int_equal(world_count(w, XD_STATE_CODE_WAIT), 0);
    assert_open_since(w, first + RECEIPTS - 1, came);
    world_destroy(w);
}

static void a_code_that_comes_before_the_word_of_the_failure_is_not_waited_for(void **state)
{
    (void)state;
    world *w = world_create(SYSTEMS(HASH_A));
    int64_t first = receive_many(w);
    int64_t came = code_comes(w, "INV");
    fail_many(w, first);
    assert_int_equal(world_count(w, XD_STATE_DEAD), 0);
    assert_int_equal(world_count(w, XD_STATE_CODE_WAIT), 0);
    assert_open_since(w, first, came + 1);
    fail_many(w, first); /* nothing new since: now it waits */
    assert_int_equal(world_count(w, XD_STATE_DEAD), RECEIPTS);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_written_in_the_systems_format),
        cmocka_unit_test(soap_bodies_have_their_envelope_and_headers),
        cmocka_unit_test(an_action_stands_where_its_soap_wants_it),
        cmocka_unit_test(faults_say_where_and_what_to_do),
        cmocka_unit_test(the_same_bytes_are_made_again),
        cmocka_unit_test(what_a_code_was_right_after_an_event_stays_known),
        cmocka_unit_test(the_version_of_a_delivery_is_that_of_its_event),
        cmocka_unit_test(a_body_without_a_map_that_was_seen_stays_without_one),
        cmocka_unit_test(what_waits_for_a_code_is_sent_when_it_comes),
        cmocka_unit_test(a_code_that_comes_before_the_word_of_the_failure_is_not_waited_for),
    };
    return cmocka_run_group_tests_name("outmap", tests, NULL, NULL);
}
