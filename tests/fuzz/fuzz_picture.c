/* libFuzzer target for pictures. The input is one letter for the function, then a number or text, a
 * newline, and the picture. What an integer's picture writes it must read back; texts that come out
 * must be UTF-8; faults carry a rule. */
#include "mapping/picture.h"

#include "fuzz.h"

static void check(xd_status status, xd_str text, const xd_fault *fault)
{
    if (status == XD_OK) {
        REQUIRE(xd_utf8_valid(text, NULL));
    } else {
        REQUIRE(fault->code == status && fault->rule[0] && fault->text[0]);
    }
}

static void fuzz_integer(xd_str value, xd_str picture, xd_arena *arena)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    xd_str again = XD_STR_NULL;
    xd_status status = xd_picture_format_integer(value, picture, arena, &text, &fault);
    check(status, text, &fault);
    if (status == XD_OK) {
        xd_str reread = XD_STR_NULL;
        status = xd_picture_parse_integer(text, picture, arena, &again, &fault);
        check(status, again, &fault);
        if (status == XD_OK && text.len > 0) {
            REQUIRE(xd_picture_format_integer(again, picture, arena, &reread, &fault) == XD_OK);
            REQUIRE(xd_str_eq(text, reread));
        }
    }
}

static void fuzz_instant(xd_str value, xd_str picture, xd_arena *arena)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    int64_t millis = 0;
    bool found = false;
    if (!xd_str_to_int64(value, &millis)) {
        check(xd_picture_to_millis(value, picture, 0, &millis, &found, &fault), XD_STR(""), &fault);
        millis = found ? millis : 0;
    }
    xd_str zone = value.len % 2 ? XD_STR("+0530") : XD_STR_NULL;
    xd_status status = xd_picture_from_millis(millis, picture, zone, arena, &text, &fault);
    check(status, text, &fault);
    if (status == XD_OK) {
        check(xd_picture_to_millis(text, picture, millis, &millis, &found, &fault), XD_STR(""),
              &fault);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_str input = {(const char *)data, size};
    const char *newline = size ? memchr(data, '\n', size) : NULL;
    if (!newline || !xd_utf8_valid(input, NULL)) {
        return 0;
    }
    xd_str value = {input.ptr + 1, newline > input.ptr ? (size_t)(newline - input.ptr) - 1 : 0};
    xd_str picture = {newline + 1, size - (size_t)(newline - input.ptr) - 1};
    xd_arena arena;
    xd_arena_init(&arena, 16 << 20);
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    switch (input.ptr[0]) {
    case 'n':
        check(xd_picture_format_number(value, picture, NULL, &arena, &text, &fault), text, &fault);
        break;
    case 'i':
        fuzz_integer(value, picture, &arena);
        break;
    case 'p':
        check(xd_picture_parse_integer(value, picture, &arena, &text, &fault), text, &fault);
        break;
    default:
        fuzz_instant(value, picture, &arena);
        break;
    }
    xd_arena_finish(&arena);
    return 0;
}
