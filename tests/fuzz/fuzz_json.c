/* libFuzzer target for the JSON reader and writers. Whatever is accepted must keep its meaning when
 * it is written and read again, the canonical form must be its own canonical form, and what is
 * refused must be refused at a place inside the text. */
#include "base/json.h"

#include "fuzz.h"

enum { ARENA_BYTES = 16 << 20 };

/* Reads text as accepted before: anything but success is a finding. */
static const xd_json *read_again(const xd_buf *text, xd_json_limits limits, xd_arena *arena)
{
    const xd_json *root = NULL;
    REQUIRE(xd_json_parse(xd_buf_str(text), limits, arena, &root, NULL) == XD_OK);
    return root;
}

static void check_accepted(const xd_json *root, xd_json_limits limits, xd_arena *arena)
{
    xd_buf written;
    xd_buf canonical;
    xd_buf again;
    xd_buf_init(&written, ARENA_BYTES);
    xd_buf_init(&canonical, ARENA_BYTES);
    xd_buf_init(&again, ARENA_BYTES);
    xd_json_write(&written, root);
    REQUIRE(!written.failed);
    const xd_json *reread = read_again(&written, limits, arena);
    xd_status status = xd_json_canonical(&canonical, root, arena, NULL);
    REQUIRE(status == XD_OK || status == XD_LIMIT);
    REQUIRE(xd_json_canonical(&again, reread, arena, NULL) == status);
    REQUIRE(xd_str_eq(xd_buf_str(&canonical), xd_buf_str(&again)));
    if (status == XD_OK) {
        xd_buf_clear(&again);
        reread = read_again(&canonical, limits, arena);
        REQUIRE(xd_json_canonical(&again, reread, arena, NULL) == XD_OK);
        REQUIRE(xd_str_eq(xd_buf_str(&canonical), xd_buf_str(&again)));
    }
    xd_buf_finish(&again);
    xd_buf_finish(&canonical);
    xd_buf_finish(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    /* The length decides, so that texts need no byte that is not theirs. */
    limits.allow_duplicates = size % 2 == 1;
    limits.max_depth = size % 3 == 0 ? 100000 : 64;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *root = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = {(const char *)data, size};
    xd_status status = xd_json_parse(text, limits, &arena, &root, &fault);
    if (status == XD_OK) {
        limits.allow_duplicates = true; /* Their order is kept, so they must survive as well. */
        limits.max_depth = 100000;
        check_accepted(root, limits, &arena);
    } else {
        REQUIRE(root == NULL);
        REQUIRE(fault.code == status);
        REQUIRE(fault.offset >= 0 && fault.offset <= (int64_t)size);
        size_t bad;
        REQUIRE(xd_utf8_valid(xd_str_from(fault.text), &bad));
        REQUIRE(xd_utf8_valid(xd_str_from(fault.path), &bad));
    }
    xd_arena_finish(&arena);
    return 0;
}
