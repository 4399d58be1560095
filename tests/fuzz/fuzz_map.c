/* libFuzzer target for maps: an expression, a newline or NUL byte, and the JSON it is applied to.
 * Whatever the two are, a map compiles or is refused at a place inside its text, and a run ends
 * within its limits: with a result that can be written and read again, with none, or with a fault
 * inside the map's text. The second run gives the same. Lineage never fails on what compiles. */
#include "base/json.h"
#include "mapping/map.h"

#include "fuzz.h"

enum { ARENA_BYTES = 64 << 20, RUN_BYTES = 8 << 20, RUN_STEPS = 50000, RUN_DEPTH = 60 };

static void check_fault(const xd_fault *fault, xd_status status, size_t size)
{
    size_t bad;
    REQUIRE(fault->code == status);
    REQUIRE(status != XD_INTERNAL);
    REQUIRE(fault->offset <= (int64_t)size);
    REQUIRE(xd_utf8_valid(xd_str_from(fault->text), &bad));
}

/* Runs the map; the result's text in buf. */
static xd_status run(const xd_map *map, const xd_json *input, size_t size, xd_buf *buf)
{
    xd_map_limits limits = {.steps = RUN_STEPS, .depth = RUN_DEPTH, .bytes = RUN_BYTES};
    xd_map_world world = {.now = INT64_C(1700000000000000)};
    xd_arena arena;
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *result = NULL;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_status status = xd_map_run(map, input, NULL, &world, &limits, &arena, &result, &fault);
    if (status != XD_OK) {
        check_fault(&fault, status, size);
        REQUIRE(fault.offset >= 0);
    } else if (result) {
        const xd_json *again = NULL;
        xd_json_limits all = {
            .max_bytes = UINT32_MAX, .max_depth = 100000, .allow_duplicates = true};
        xd_json_write(buf, result);
        if (!buf->failed) {
            REQUIRE(xd_json_parse(xd_buf_str(buf), all, &arena, &again, &fault) == XD_OK ||
                    fault.code == XD_NO_MEMORY);
        }
    }
    xd_arena_finish(&arena);
    return status;
}

static void check_map(const xd_map *map, const xd_json *input, size_t size)
{
    xd_buf first;
    xd_buf second;
    xd_arena arena;
    const xd_json *rows = NULL;
    xd_buf_init(&first, ARENA_BYTES);
    xd_buf_init(&second, ARENA_BYTES);
    xd_arena_init(&arena, ARENA_BYTES);
    xd_status status = run(map, input, size, &first);
    REQUIRE(run(map, input, size, &second) == status);
    REQUIRE(xd_str_eq(xd_buf_str(&first), xd_buf_str(&second)));
    status = xd_map_explain(map, &arena, &rows, NULL);
    REQUIRE(status == XD_OK || status == XD_NO_MEMORY);
    xd_arena_finish(&arena);
    xd_buf_finish(&second);
    xd_buf_finish(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t end = 0;
    while (end < size && data[end] != '\n' && data[end] != '\0') {
        end++;
    }
    xd_arena arena;
    xd_map *map = NULL;
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *input = NULL;
    xd_arena_init(&arena, ARENA_BYTES);
    if (end < size) {
        xd_str text = {(const char *)data + end + 1, size - end - 1};
        if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &input, NULL) != XD_OK) {
            input = NULL;
        }
    }
    xd_status status = xd_map_compile((xd_str){(const char *)data, end}, &map, &fault);
    if (status == XD_OK) {
        check_map(map, input, end);
    } else {
        check_fault(&fault, status, end);
        REQUIRE(map == NULL);
    }
    xd_map_destroy(map);
    xd_arena_finish(&arena);
    return 0;
}
