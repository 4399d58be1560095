/* libFuzzer target for the flow definition as it stands in the log. What is read must keep its
 * limits and take an order, a receipt and an invoice through their flows; what is refused must name
 * the member. */
#include "flow/step.h"

#include "fuzz.h"

enum { ARENA_BYTES = 16 << 20 };

static xd_status nothing_there(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                               xd_str *ret_value, xd_fault *fault)
{
    (void)self;
    (void)kind;
    (void)key;
    (void)arena;
    (void)fault;
    *ret_value = XD_STR_NULL;
    return XD_OK;
}

/* One document, as if it were the first that the hub ever saw. */
static void step(const xd_definition *definition, const char *kind, const char *json)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_event event = {.seq = 2,
                      .recorded_at = INT64_C(1772366400000000),
                      .kind = xd_kind_by_name(xd_str_from(kind)),
                      .source = XD_STR("urn:fuzz"),
                      .id = XD_STR("e"),
                      .time = XD_INSTANT_NONE,
                      .actor = XD_STR("ann"),
                      .data_text = xd_str_from(json)};
    REQUIRE(xd_event_open(&event, true, &arena, NULL) == XD_OK);
    xd_step s;
    xd_fault fault = XD_FAULT_NONE;
    xd_step_init(&s);
    xd_step_begin(&s, definition, (xd_state_view){NULL, nothing_there}, &event, &arena);
    xd_status status = xd_flow_step(&s, &fault);
    REQUIRE(status == XD_OK || status == XD_OVERFLOW || status == XD_LIMIT);
    xd_step_finish(&s);
    xd_arena_finish(&arena);
}

static void check_read(const xd_definition *d)
{
    REQUIRE(d->system_count <= XD_DEFINITION_MAX_SYSTEMS);
    REQUIRE(d->controller_count <= XD_DEFINITION_MAX_CONTROLLERS);
    REQUIRE(d->match_level == 2 || d->match_level == 3);
    REQUIRE(d->digits >= 0 && d->digits <= 4);
    REQUIRE(d->duplicate_days >= 0);
    step(d, "purchase_order",
         "{\"po\":\"P\",\"supplier\":\"V\",\"site\":\"S\",\"currency\":\"USD\",\"lines\":["
         "{\"po_line\":1,\"item\":\"I\",\"quantity\":\"10\",\"unit_price\":\"1.50\"}]}");
    step(d, "goods_receipt",
         "{\"receipt_no\":\"R\",\"purchase_order\":\"P\",\"site\":\"S\",\"received_at\":"
         "\"2026-03-01T10:00:00Z\",\"lines\":[{\"line\":1,\"po_line\":1,\"quantity\":\"1\"}]}");
    step(d, "supplier_invoice",
         "{\"invoice\":\"B\",\"supplier\":\"V\",\"po\":\"P\",\"currency\":\"USD\",\"invoice_date\":"
         "\"2026-03-02\",\"lines\":[{\"line\":1,\"po_line\":1,\"quantity\":\"1\","
         "\"unit_price\":\"1.50\"}]}");
    step(d, "adjustment",
         "{\"adjustment_no\":\"A\",\"site\":\"S\",\"adjusted_at\":\"2026-03-01T10:00:00Z\","
         "\"lines\":[{\"line\":1,\"item\":\"I\",\"quantity\":\"2\",\"reason\":\"r\"}]}");
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    return fuzz_mutate_json(data, size, max_size, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *json = NULL;
    if (xd_json_parse((xd_str){(const char *)data, size}, XD_JSON_LIMITS_DEFAULT, &arena, &json,
                      NULL) == XD_OK) {
        xd_definition definition;
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = xd_definition_read(json, &arena, &definition, &fault);
        if (status == XD_OK) {
            check_read(&definition);
        } else {
            REQUIRE(status == XD_INVALID || status == XD_LIMIT || status == XD_OVERFLOW);
            REQUIRE(fault.text[0]);
            REQUIRE(fault.path[0] == '\0' || fault.path[0] == '/');
            REQUIRE(xd_utf8_valid(xd_str_from(fault.text), NULL));
        }
    }
    xd_arena_finish(&arena);
    return 0;
}
