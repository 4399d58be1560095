/* Tests of the configuration: what a project file means, and what is said when it is wrong. */
#include "app/config_int.h"

#include "app/config_yaml.h"
#include "base/hash.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct project {
    char folder[64];
    xd_config config;
    xd_config_errors errors;
    xd_buf text; /* errors as people see them */
} project;

static void write_file(const char *folder, const char *name, xd_str bytes)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    project *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "/tmp/xd-config-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    xd_buf_init(&p->text, 1 << 20);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    project *p = *state;
    static const char *const names[] = {"crossdock.yaml", "erp.auth", "wms.key"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", p->folder, names[i]);
        unlink(path);
    }
    rmdir(p->folder);
    xd_config_finish(&p->config);
    xd_buf_finish(&p->text);
    free(p);
    return 0;
}

static xd_status load(project *p, xd_str yaml, xd_config_secrets secrets)
{
    write_file(p->folder, XD_CONFIG_FILE, yaml);
    xd_config_finish(&p->config);
    xd_status status = xd_config_load(p->folder, secrets, &p->config, &p->errors);
    xd_buf_clear(&p->text);
    xd_config_errors_write(&p->errors, "", &p->text);
    xd_buf_char(&p->text, '\0');
    assert_int_equal(status == XD_OK, p->errors.count == 0);
    return status;
}

/* --- what a good file means --- */

static const char good[] =
    "hub:\n"
    "  name: west\n"
    "  data: var\n"
    "  listen: '[::1]:9000'\n"
    "  limits: {max_body_bytes: 4MiB, max_event_bytes: 65536}\n"
    "flow:\n"
    "  company: northwind\n"
    "  currency: USD\n"
    "  accounts: {INV: 1310, GRNI: 2110-00}\n"
    "  match: {level: 2, early_invoice: post}\n"
    "  require: [item, supplier]\n"
    "  tolerances:\n"
    "    price: {upper_percent: 2.50, upper_absolute: '5.00'}\n"
    "    invoice_total: {}\n"
    "  controllers: [carol]\n"
    "keys:\n"
    "  wms:\n"
    "    scopes: [events:write]\n"
    "    hash: sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
    "  bob:\n"
    "    person: bob\n"
    "    scopes: [read, decide]\n"
    "    secret_file: wms.key\n"
    "sources:\n"
    "  edi: {folder: in, pattern: '*.ndjson'}\n"
    "systems:\n"
    "  erp:\n"
    "    url: http://127.0.0.1:9100/erp\n"
    "    receives: [inventory, order]\n"
    "    authorization: {secret_file: erp.auth}\n"
    "    rate_per_s: 12.5\n"
    "    paths: {inventory: /moves}\n"
    "    unknown_retry: false\n";

static void a_good_file_sets_every_part(void **state)
{
    project *p = *state;
    write_file(p->folder, "erp.auth", XD_STR("Bearer very-secret\n"));
    write_file(p->folder, "wms.key", XD_STR("another"));
    assert_int_equal(load(p, xd_str_from(good), XD_CONFIG_WITH_SECRETS), XD_OK);
    const xd_config *c = &p->config;
    char expected[160];
    assert_string_equal(c->name, "west");
    snprintf(expected, sizeof expected, "%s/var/crossdock.db", p->folder);
    assert_string_equal(c->database, expected);
    snprintf(expected, sizeof expected, "%s/var/control.sock", p->folder);
    assert_string_equal(c->ingress.control_path, expected);
    assert_string_equal(c->ingress.address, "::1");
    assert_int_equal(c->ingress.port, 9000);
    assert_int_equal(c->ingress.max_body_bytes, 4 << 20);
    assert_int_equal(c->ingress.max_event_bytes, 65536);
    assert_int_equal(c->ingress.max_depth, 32); /* a default */
    assert_int_equal(c->engine.flush_ms, 100);
    assert_int_equal(c->ingress.key_count, 2);
    uint8_t hash[XD_SHA256_BYTES];
    xd_sha256_of(XD_STR("abc"), hash);
    assert_memory_equal(c->ingress.keys[0].hash, hash, sizeof hash);
    assert_int_equal(c->ingress.keys[0].scopes, XD_SCOPE_EVENTS_WRITE);
    xd_sha256_of(XD_STR("another"), hash);
    assert_memory_equal(c->ingress.keys[1].hash, hash, sizeof hash);
    assert_string_equal(c->ingress.keys[1].person, "bob");
    assert_int_equal(c->ingress.keys[1].scopes, XD_SCOPE_READ | XD_SCOPE_DECIDE);
    assert_int_equal(c->intake.folder_count, 1);
    assert_string_equal(c->intake.folders[0].name, "edi");
    assert_string_equal(c->intake.folders[0].pattern, "*.ndjson");
    assert_int_equal(c->intake.settle_ms, 1000);
    assert_int_equal(c->outbound.remote_count, 1);
    const xd_remote_options *erp = &c->outbound.remotes[0];
    assert_string_equal(erp->authorization, "Bearer very-secret");
    assert_string_equal(erp->paths[XD_MESSAGE_INVENTORY], "/moves");
    assert_null(erp->paths[XD_MESSAGE_JOURNAL]);
    assert_true(erp->rate_per_s == 12.5);
    assert_false(erp->unknown_retry);
    assert_int_equal(erp->attempts, 12);
}

static void the_definition_is_canonical_and_keeps_digits(void **state)
{
    project *p = *state;
    assert_int_equal(load(p, xd_str_from(good), XD_CONFIG_WITHOUT_SECRETS), XD_OK);
    char text[1024];
    snprintf(text, sizeof text, "%.*s", XD_FMT(p->config.definition));
    assert_string_equal(
        text, "{\"accounts\":{\"GRNI\":\"2110-00\",\"INV\":\"1310\"},\"company\":\"northwind\","
              "\"controllers\":[\"carol\"],\"currency\":\"USD\",\"edition\":4,"
              "\"match\":{\"early_invoice\":\"post\",\"level\":2},"
              "\"require\":[\"item\",\"supplier\"],"
              "\"systems\":[{\"name\":\"erp\",\"receives\":[\"inventory\",\"order\"]}],"
              "\"tolerances\":{\"invoice_total\":{},"
              "\"price\":{\"upper_absolute\":\"5.00\",\"upper_percent\":\"2.50\"}}}");
}

static void written_defaults_mean_the_same_as_absent_ones(void **state)
{
    project *p = *state;
    assert_int_equal(load(p, XD_STR("flow: {currency: EUR}"), XD_CONFIG_WITH_SECRETS), XD_OK);
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    const xd_json *json = NULL;
    xd_definition absent;
    xd_definition written;
    assert_int_equal(
        xd_json_parse(p->config.definition, XD_JSON_LIMITS_DEFAULT, &arena, &json, NULL), XD_OK);
    assert_int_equal(xd_definition_read(json, &arena, &absent, NULL), XD_OK);
    /* Every default of the flow table, written out. */
    xd_buf yaml;
    xd_buf_init(&yaml, 1 << 16);
    XD_BUF_LIT(&yaml, "flow:\n  currency: EUR\n  match: {level: 3, early_invoice: park}\n");
    for (const xd_config_field *field = xd_config_flow.fields; field->name; field++) {
        if (field->fallback) {
            xd_buf_printf(&yaml, "  %s: %s\n", field->name, field->fallback);
        }
    }
    xd_config kept = p->config;
    p->config = (xd_config){0};
    assert_int_equal(load(p, xd_buf_str(&yaml), XD_CONFIG_WITH_SECRETS), XD_OK);
    assert_int_equal(
        xd_json_parse(p->config.definition, XD_JSON_LIMITS_DEFAULT, &arena, &json, NULL), XD_OK);
    assert_int_equal(xd_definition_read(json, &arena, &written, NULL), XD_OK);
    assert_int_equal(absent.match_level, written.match_level);
    assert_int_equal(absent.post_early_invoices, written.post_early_invoices);
    assert_int_equal(absent.standard_cost, written.standard_cost);
    assert_int_equal(absent.controls, written.controls);
    assert_int_equal(absent.require_item, written.require_item);
    assert_int_equal(absent.duplicate_days, written.duplicate_days);
    assert_int_equal(absent.parked_days, written.parked_days);
    assert_int_equal(xd_decimal_cmp(absent.rounding_cap, written.rounding_cap), 0);
    assert_int_equal(xd_decimal_cmp(absent.controller_limit, written.controller_limit), 0);
    assert_true(xd_str_eq(absent.company, written.company));
    assert_true(xd_str_eq(absent.ledger, written.ledger));
    xd_config_finish(&kept);
    xd_buf_finish(&yaml);
    xd_arena_finish(&arena);
}

/* --- what is said when it is wrong --- */

static const struct {
    const char *yaml;
    const char *errors;
} wrong[] = {
    {"",
     "crossdock.yaml: /flow/currency: is required: Currency of the ledger. (config.required)\n"},
    {"flow: {currency: EUR}\nhub: [a]\n",
     "crossdock.yaml:2:6: /hub: must be a mapping; found a list (config.type)\n"},
    {"flow:\n  currency: EUR\n  compny: x\n",
     "crossdock.yaml:3:3: /flow/compny: there is no such setting; did you mean \"company\"? "
     "(config.unknown)\n"},
    {"flow: {currency: EUR}\noutbound: {zzzzzz: 1}\n",
     "crossdock.yaml:2:12: /outbound/zzzzzz: there is no such setting; known here: memory_bytes, "
     "max_entries (config.unknown)\n"},
    {"flow: {currency: XXQ}\n",
     "crossdock.yaml:1:18: /flow/currency: must be an ISO 4217 currency code, such as EUR; found "
     "\"XXQ\" (config.format)\n"},
    {"flow: {currency: EUR, match: {level: 4}}\n",
     "crossdock.yaml:1:38: /flow/match/level: must be an integer from 2 to 3; found 4 "
     "(config.range)\n"},
    {"flow: {currency: EUR, match: {early_invoice: prak}}\n",
     "crossdock.yaml:1:46: /flow/match/early_invoice: must be park or post; found \"prak\", did "
     "you mean park? (config.choice)\n"},
    {"flow: {currency: EUR, rounding_cap: -0.05}\n",
     "crossdock.yaml:1:37: /flow/rounding_cap: must be a number from 0 up; found -0.05 "
     "(config.range)\n"},
    {"flow: {currency: EUR, controls: yes}\n",
     "crossdock.yaml:1:33: /flow/controls: must be true or false; found \"yes\" (config.type)\n"},
    {"flow: {currency: EUR}\nhub: {listen: localhost:80}\n",
     "crossdock.yaml:2:15: /hub/listen: must be an IP address and port, such as 127.0.0.1:8080 or "
     "[::1]:8080; found \"localhost:80\" (config.format)\n"},
    {"flow: {currency: EUR}\nhub: {listen: '0.0.0.0:80', open_loopback: true}\n",
     "crossdock.yaml:2:44: /hub/open_loopback: needs a loopback address in hub.listen; found "
     "0.0.0.0:80 (hub.open_loopback)\n"},
    {"flow: {currency: EUR}\nengine: {flush_ms: 1e2}\n",
     "crossdock.yaml:2:20: /engine/flush_ms: must be an integer from 0 to 10000 milliseconds; "
     "found 1e2 (config.type)\n"},
    {"flow: {currency: EUR}\nhub: {limits: {max_body_bytes: 100MB}}\n",
     "crossdock.yaml:2:32: /hub/limits/max_body_bytes: must be an integer from 1024 to 1073741824 "
     "bytes (64KiB and 8MiB work too); found \"100MB\" (config.type)\n"},
    {"flow: {currency: EUR}\nhub: {limits: {max_body_bytes: 4KiB, max_event_bytes: 8KiB}}\n",
     "crossdock.yaml:2:55: /hub/limits/max_event_bytes: is 8192, but a request body "
     "(max_body_bytes) may have only 4096 (limits.event)\n"},
    {"flow: {currency: EUR}\nkeys:\n  a: {scopes: [read], secret: pssst}\n",
     "crossdock.yaml:3:6: /keys/a: needs exactly one of hash, secret_env and secret_file; found 0 "
     "(keys.secret)\n"
     "crossdock.yaml:3:23: /keys/a/secret: a secret may not stand in this file; write secret_env: "
     "VARIABLE or secret_file: PATH instead (secret.clear)\n"},
    {"flow: {currency: EUR}\nkeys:\n  a: {scopes: [read], hash: pssst}\n",
     "crossdock.yaml:3:29: /keys/a/hash: must be sha256: and 64 hex digits, as `crossdock key new` "
     "prints it (config.format)\n"},
    {"flow: {currency: EUR}\nkeys:\n  a: {scopes: [], secret_env: XD_TEST_UNSET_VARIABLE}\n",
     "crossdock.yaml:3:6: /keys/a: the environment variable XD_TEST_UNSET_VARIABLE is not set; set "
     "it before starting the hub (secret.missing)\n"
     "crossdock.yaml:3:15: /keys/a/scopes: names no scope; a key without scopes can do nothing "
     "(keys.scopes)\n"},
    {"flow: {currency: EUR}\nsystems:\n  erp: {url: 'https://u:pssst@erp', receives: [journal]}\n",
     "crossdock.yaml:3:14: /systems/erp/url: must be an http:// or https:// address without user "
     "and password (config.format)\n"},
    {"flow: {currency: EUR}\nsystems:\n  erp:\n    url: https://erp\n    receives: [jurnal]\n"
     "    authorization: Bearer pssst\n",
     "crossdock.yaml:5:16: /systems/erp/receives/0: must be inventory, receipt_status, journal, "
     "order, order_status, invoice_status or master; found \"jurnal\", did you mean journal? "
     "(config.choice)\n"
     "crossdock.yaml:6:20: /systems/erp/authorization: a secret may not stand in this file; write "
     "secret_env: VARIABLE or secret_file: PATH below it (secret.clear)\n"},
    {"flow: {currency: EUR}\nsystems:\n  a: {url: http://a, receives: [order], timeout_ms: 900}\n"
     "  b: {url: http://b, receives: [order], backoff_ms: 90, backoff_max_ms: 10}\n",
     "crossdock.yaml:4:53: /systems/b/backoff_ms: is 90, more than backoff_max_ms (10) "
     "(systems.order)\n"},
    {"flow: {currency: EUR}\nsystems:\n  a: {url: http://a, receives: [order], pipeline: 4}\n"
     "  b: {url: http://b, receives: [order], pipeline: 2, unknown_retry: false}\n",
     "crossdock.yaml:4:51: /systems/b/pipeline: may be above 1 only for a system that deduplicates "
     "(unknown_retry: true, no lookup_path): when a connection breaks, all that was under way on "
     "it is unknown (systems.pipeline)\n"},
    {"flow: {currency: EUR}\nsystems:\n  erp:\n",
     "crossdock.yaml:3:7: /systems/erp/receives: is required: Messages that the hub sends to this "
     "system. Part of the flow definition. (config.required)\n"
     "crossdock.yaml:3:7: /systems/erp/url: is required: Base address, such as "
     "https://erp.example.com/api. (config.required)\n"},
    {"flow: {currency: EUR}\nsources:\n  a: {folder: in}\n  b: {folder: in}\n",
     "crossdock.yaml:4:15: /sources/b/folder: is already watched by the source \"a\" "
     "(sources.distinct)\n"},
    {"flow: {currency: EUR}\nflow: {}\n",
     "crossdock.yaml:2:1: \"flow\" stands twice in this mapping (yaml.duplicate)\n"},
    {"flow: &f {currency: EUR}\nhub: *f\n",
     "crossdock.yaml:1:7: anchors and aliases are not used here: write the value where it is "
     "needed (yaml.anchor)\n"
     "crossdock.yaml:2:6: anchors and aliases are not used here: write the value where it is "
     "needed (yaml.anchor)\n"},
    {"flow: {currency: !!str EUR}\n",
     "crossdock.yaml:1:18: tags such as tag:yaml.org,2002:str are not used here: the field itself "
     "says its type (yaml.tag)\n"},
    {"flow: {currency: EUR}\n---\nhub: {}\n",
     "crossdock.yaml:2:1: one file holds one document (yaml.documents)\n"},
    {"flow: {currency: EUR\n",
     "crossdock.yaml:2:1: this is not readable as YAML: did not find expected ',' or '}', while "
     "parsing a flow mapping (yaml.syntax)\n"},
    {"a: \xff\n",
     "crossdock.yaml:1:4: the file must be plain UTF-8, without a byte order mark (yaml.utf8)\n"},
    {"\"\xc3\xa9\": 1\nflow: {currency: EUR, \xc3\xa9: 1}\n",
     "crossdock.yaml:1:2: /\xc3\xa9: there is no such setting; known here: hub, flow, keys, maps, "
     "sources, intake, systems, engine, outbound (config.unknown)\n"
     "crossdock.yaml:2:23: /flow/\xc3\xa9: there is no such setting; known here: company, "
     "currency, ledger, accounts, match, valuation, require, controls, tolerances, rounding_cap, "
     "controller_limit, controllers, duplicate_days, parked_days (config.unknown)\n"},
};

static void each_mistake_is_named_with_its_place_and_rule(void **state)
{
    project *p = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_not_equal(load(p, xd_str_from(wrong[i].yaml), XD_CONFIG_WITH_SECRETS), XD_OK);
        assert_string_equal(p->text.ptr, wrong[i].errors);
        assert_null(strstr(p->text.ptr, "pssst")); /* no error repeats a secret */
    }
}

static void a_missing_file_says_how_to_begin(void **state)
{
    project *p = *state;
    assert_int_equal(xd_config_load(p->folder, XD_CONFIG_WITH_SECRETS, &p->config, &p->errors),
                     XD_NOT_FOUND);
    assert_string_equal(
        p->errors.items[0].text,
        "cannot be read: No such file or directory; `crossdock init DIR` writes one");
}

static void fifty_errors_are_shown_and_the_rest_counted(void **state)
{
    project *p = *state;
    xd_buf yaml;
    xd_buf_init(&yaml, 1 << 20);
    XD_BUF_LIT(&yaml, "flow: {currency: EUR}\nsystems:\n");
    for (int i = 0; i < 30; i++) {
        xd_buf_printf(&yaml, "  s%d: {url: x, receives: []}\n  t%d: {url: y, receives: [z]}\n", i,
                      i);
    }
    assert_int_equal(load(p, xd_buf_str(&yaml), XD_CONFIG_WITH_SECRETS), XD_INVALID);
    assert_int_equal(p->errors.count, XD_CONFIG_ERRORS_MAX);
    assert_int_equal(p->errors.more, 90 + 1 - XD_CONFIG_ERRORS_MAX); /* and too many systems */
    assert_non_null(strstr(p->text.ptr, "... and 41 more.\n"));
    xd_buf_finish(&yaml);
}

static void depth_and_size_are_limited(void **state)
{
    project *p = *state;
    xd_buf yaml;
    xd_buf_init(&yaml, 4 << 20);
    for (int i = 0; i < 10000; i++) {
        XD_BUF_LIT(&yaml, "[");
    }
    assert_int_equal(load(p, xd_buf_str(&yaml), XD_CONFIG_WITH_SECRETS), XD_LIMIT);
    assert_non_null(strstr(p->text.ptr, "crossdock.yaml:1:17: "));
    xd_buf_clear(&yaml);
    for (int i = 0; i < XD_YAML_MAX_BYTES / 8 + 1; i++) {
        XD_BUF_LIT(&yaml, "# words\n");
    }
    assert_int_equal(load(p, xd_buf_str(&yaml), XD_CONFIG_WITH_SECRETS), XD_LIMIT);
    assert_non_null(strstr(p->text.ptr, "yaml.limit"));
    xd_buf_finish(&yaml);
}

static void damaged_files_are_refused_or_read_but_never_crash(void **state)
{
    project *p = *state;
    xd_random random = {42};
    char copy[sizeof good];
    for (size_t i = 0; i < sizeof good - 1; i += 7) {
        (void)load(p, (xd_str){good, i}, XD_CONFIG_WITHOUT_SECRETS); /* cut in the middle */
        memcpy(copy, good, sizeof good);
        for (int n = 0; n < 3; n++) {
            copy[xd_random_below(&random, sizeof good - 1)] =
                "\n :-{}[]#\"'&*!|>%@`\x80\x01"[xd_random_below(&random, 21)];
        }
        (void)load(p, (xd_str){copy, sizeof good - 1}, XD_CONFIG_WITHOUT_SECRETS);
    }
}

/* --- reload --- */

static void only_keys_change_without_a_restart(void **state)
{
    project *p = *state;
    const char *before = "flow: {currency: EUR}\nhub: {threads: 1}\n";
    const char *keys = "flow: {currency: EUR}\nhub: {threads: 1}\nkeys:\n  a:\n    scopes: [read]\n"
                       "    hash: sha256:"
                       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    const char *threads = "flow: {currency: EUR}\nhub: {threads: 2}\n";
    assert_int_equal(load(p, xd_str_from(before), XD_CONFIG_WITH_SECRETS), XD_OK);
    xd_config running = p->config;
    p->config = (xd_config){0};
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(load(p, xd_str_from(keys), XD_CONFIG_WITH_SECRETS), XD_OK);
    assert_int_equal(xd_config_may_reload(&running, &p->config, &fault), XD_OK);
    assert_int_equal(load(p, xd_str_from(threads), XD_CONFIG_WITH_SECRETS), XD_OK);
    assert_int_equal(xd_config_may_reload(&running, &p->config, &fault), XD_CONFLICT);
    assert_string_equal(fault.path, "/hub/threads");
    xd_config_finish(&running);
}

/* --- the table --- */

static void check_table(const xd_config_section *section)
{
    for (const xd_config_field *field = section->fields; field->name; field++) {
        assert_non_null(field->doc);
        assert_int_equal(field->doc[strlen(field->doc) - 1], '.');
        assert_int_equal(field->section != NULL,
                         field->type == XD_CONFIG_SECTION || field->type == XD_CONFIG_NAMED);
        assert_int_equal(field->choices != NULL,
                         field->type == XD_CONFIG_CHOICE || field->type == XD_CONFIG_CHOICES);
        assert_false(field->required && field->fallback);
        if (field->section) {
            check_table(field->section);
        }
    }
}

static void every_setting_is_documented(void **state)
{
    (void)state;
    check_table(&xd_config_root);
}

static void compare_file(const char *name, xd_buf *made)
{
    const char *root = getenv("XD_SOURCE_ROOT");
    if (!root) {
        skip();
    }
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        fail_msg("%s is missing: run `make generated`", path);
    }
    assert_false(made->failed);
    char *stored = malloc(made->len + 2);
    assert_non_null(stored);
    size_t n = fread(stored, 1, made->len + 1, file);
    fclose(file);
    if (n != made->len || memcmp(stored, made->ptr, n) != 0) {
        fail_msg("%s is not current: run `make generated`", path);
    }
    free(stored);
}

static void the_written_reference_and_schema_are_current(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    xd_config_write_schema(&buf);
    xd_arena arena;
    xd_arena_init(&arena, 4 << 20);
    const xd_json *schema = NULL;
    assert_int_equal(xd_json_parse(xd_buf_str(&buf), XD_JSON_LIMITS_DEFAULT, &arena, &schema, NULL),
                     XD_OK);
    xd_arena_finish(&arena);
    compare_file("schemas/crossdock.yaml.json", &buf);
    xd_buf_clear(&buf);
    xd_config_write_markdown(&buf);
    compare_file("docs/configuration.md", &buf);
    xd_buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_file_sets_every_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_definition_is_canonical_and_keeps_digits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(written_defaults_mean_the_same_as_absent_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_mistake_is_named_with_its_place_and_rule, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_says_how_to_begin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fifty_errors_are_shown_and_the_rest_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(depth_and_size_are_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_files_are_refused_or_read_but_never_crash, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_keys_change_without_a_restart, set_up, tear_down),
        cmocka_unit_test(every_setting_is_documented),
        cmocka_unit_test(the_written_reference_and_schema_are_current),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
