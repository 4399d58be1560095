/* libFuzzer target for layouts: a layout as JSON, a line feed or NUL byte, and bytes that are read
 * by it. Whatever the two are, a layout opens or is refused with a reason, and a file gives the
 * same records and faults however it is cut. Half of the changes are made to the layout as JSON. */
#include "fuzz_format.h"

enum { LAYOUT_BYTES = 4096, PIECE = 7 };

static size_t end_of_layout(const uint8_t *data, size_t size)
{
    size_t end = 0;
    while (end < size && data[end] != '\n' && data[end] != '\0') {
        end++;
    }
    return end;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t rest[LAYOUT_BYTES];
    size_t end = end_of_layout(data, size);
    size_t left = size - end;
    if (seed % 2 || end == 0 || left > sizeof rest || size >= max_size) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(rest, data + end, left);
    end = fuzz_mutate_json(data, end, max_size - left, seed / 2);
    memcpy(data + end, rest, left);
    return end + left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t end = end_of_layout(data, size);
    xd_arena arena;
    const xd_json *tree = NULL;
    xd_format *format = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_init(&arena, FUZZ_BYTES);
    if (xd_json_parse((xd_str){(const char *)data, end}, XD_JSON_LIMITS_DEFAULT, &arena, &tree,
                      NULL) == XD_OK) {
        xd_status status = xd_format_open(tree, &format, &fault);
        REQUIRE(status == XD_OK || fault.text[0]);
        REQUIRE(status == XD_OK || status == XD_INVALID || status == XD_LIMIT);
    }
    if (format && end < size) {
        xd_str text = {(const char *)data + end + 1, size - end - 1};
        xd_buf whole, pieces;
        xd_buf_init(&whole, FUZZ_BYTES);
        xd_buf_init(&pieces, FUZZ_BYTES);
        (void)fuzz_read(format, text, text.len + 1, &whole);
        (void)fuzz_read(format, text, PIECE, &pieces);
        REQUIRE(xd_str_eq(xd_buf_str(&whole), xd_buf_str(&pieces)));
        xd_buf_finish(&whole);
        xd_buf_finish(&pieces);
    }
    xd_format_close(format);
    xd_arena_finish(&arena);
    return 0;
}
