/* Templates and trace context. */
#include "outbound/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const xd_wire_names names = {.source = {"urn:wms:east-02", 15},
                                    .id = {"a b\r\nX: 1%", 10},
                                    .key = {"GR-1/\xc3\xbc", 7},
                                    .seq = 12,
                                    .index = 3,
                                    .idempotency_key = {"cd-12-3", 7}};

static void expect(const char *template, xd_wire_escape escape, const char *expected)
{
    xd_buf b;
    xd_buf_init(&b, 4096);
    xd_wire_expand(&b, template, &names, escape);
    xd_buf_char(&b, '\0');
    assert_string_equal(b.ptr, expected);
    xd_buf_finish(&b);
}

static void templates_are_filled_in(void **state)
{
    (void)state;
    expect("cd-{seq}-{index}", XD_WIRE_HEADER, "cd-12-3");
    expect("{source}|{key}", XD_WIRE_HEADER, "urn:wms:east-02|GR-1/\xc3\xbc");
    expect("{nothing}{{seq}}{", XD_WIRE_HEADER, "{nothing}{12}{");
    expect("", XD_WIRE_HEADER, "");
    expect("/has?key={idempotency_key}&of={key}", XD_WIRE_URL, "/has?key=cd-12-3&of=GR-1%2F%C3%BC");
}

static void a_value_can_never_end_its_header(void **state)
{
    (void)state;
    expect("{id}", XD_WIRE_HEADER, "a b%0D%0AX: 1%25");
    expect("{id}", XD_WIRE_URL, "a%20b%0D%0AX%3A%201%25");
}

static void traceparent(char *text, const char *parent, int64_t seq, xd_random *random)
{
    xd_buf b;
    xd_buf_init(&b, 4096);
    xd_wire_traceparent(&b, xd_str_from(parent), seq, random);
    assert_int_equal(b.len, 55);
    memcpy(text, b.ptr, 55);
    text[55] = '\0';
    xd_buf_finish(&b);
}

static void a_given_trace_goes_on_with_a_new_span(void **state)
{
    (void)state;
    static const char parent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    xd_random random = {1};
    char text[56];
    traceparent(text, parent, 1, &random);
    assert_memory_equal(text, parent, 36);
    assert_memory_not_equal(text + 36, parent + 36, 16);
    assert_memory_equal(text + 52, parent + 52, 3);
}

static void without_a_trace_all_deliveries_of_an_event_share_one(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\r\n",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
    };
    xd_random random = {1};
    char first[56];
    char other[56];
    traceparent(first, "", 7, &random);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        traceparent(other, bad[i], 7, &random);
        assert_memory_equal(first, other, 36);
        assert_memory_not_equal(first + 36, other + 36, 16);
    }
    traceparent(other, "", 8, &random);
    assert_memory_not_equal(first + 3, other + 3, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_filled_in),
        cmocka_unit_test(a_value_can_never_end_its_header),
        cmocka_unit_test(a_given_trace_goes_on_with_a_new_span),
        cmocka_unit_test(without_a_trace_all_deliveries_of_an_event_share_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
