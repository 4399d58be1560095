/* libFuzzer target for CSV: the same rows come out however the bytes are cut, faults are placed
 * inside the text, and rows that were read are written and read again unchanged. The first byte
 * chooses the dialect, the second the pieces. */
#include "fuzz_format.h"

static const char *const layouts[] = {
    "{\"format\":\"csv\",\"header\":true,\"max_row_bytes\":4096,\"max_columns\":64}",
    "{\"format\":\"csv\",\"rules\":\"lenient\",\"trim\":true,\"comment\":\"#\"}",
    "{\"format\":\"csv\",\"rules\":\"strict\",\"rows\":\"arrays\",\"max_row_bytes\":64}",
    "{\"format\":\"csv\",\"escape\":\"backslash\",\"separator\":\";\",\"rows\":\"arrays\"}",
    "{\"format\":\"csv\",\"encoding\":\"UTF-16\",\"rules\":\"lenient\"}",
    "{\"format\":\"csv\",\"encoding\":\"CP037\",\"quote\":\"'\"}",
    "{\"format\":\"csv\",\"encoding\":\"SHIFT_JIS\",\"trim\":true}",
    "{\"format\":\"csv\",\"columns\":[{\"name\":\"a\",\"type\":\"decimal\",\"thousands\":\".\","
    "\"decimal_comma\":true},{\"name\":\"b\",\"type\":\"date\",\"format\":\"D.M.YY\"},"
    "{\"name\":\"c\",\"type\":\"instant\",\"format\":\"YYYY-MM-DD HH:mm:ss SSSZ\"},"
    "{\"name\":\"d\",\"type\":\"boolean\",\"false\":\"\"},{\"name\":\"e\",\"null\":\"-\"},"
    "{\"name\":\"f\",\"type\":\"integer\",\"thousands\":\"'\"}],\"separator\":\";\"}",
    "{\"format\":\"csv\",\"quote\":\"\",\"escape\":\"backslash\",\"comment\":\"#\"}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_format(layouts, sizeof layouts / sizeof layouts[0], data, size);
}
