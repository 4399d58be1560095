/* libFuzzer target for XML: the same trees come out however the bytes are cut, and trees that were
 * read are written and read again unchanged. The first byte chooses the layout, the second the
 * pieces. */
#include "fuzz_format.h"

static const char *const layouts[] = {
    "{\"format\":\"xml\"}",
    "{\"format\":\"xml\",\"comments\":true,\"whitespace\":\"keep\"}",
    "{\"format\":\"xml\",\"each\":\"/a/b\",\"max_depth\":8,\"max_attributes\":4}",
    "{\"format\":\"xml\",\"namespaces\":{\"p\":\"urn:p\",\"\":\"urn:d\"},\"arrays\":[\"b\","
    "\"/a/c\"],\"objects\":[\"c\"]}",
    "{\"format\":\"xml\",\"soap\":\"1.2\",\"max_record_bytes\":65536}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_format(layouts, sizeof layouts / sizeof layouts[0], data, size);
}
