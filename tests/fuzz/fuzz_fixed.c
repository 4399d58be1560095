/* libFuzzer target for fixed-width records: the same records come out however the bytes are cut,
 * faults are placed inside the text, and records that were read are written and read again
 * unchanged. The first byte chooses the layout, the second the pieces. */
#include "fuzz_format.h"

static const char *const layouts[] = {
    "{\"format\":\"fixed\",\"max_record_bytes\":64,\"short_lines\":true,\"records\":["
    "{\"name\":\"h\",\"when\":{\"value\":\"H\"},\"fields\":[{\"length\":1},{\"name\":\"n\","
    "\"length\":4,\"type\":\"integer\",\"pad\":\"0\"},{\"name\":\"d\",\"length\":8,\"type\":"
    "\"date\","
    "\"format\":\"YYYYMMDD\"}]},{\"name\":\"x\",\"fields\":[{\"name\":\"a\",\"length\":3},"
    "{\"name\":\"b\",\"length\":5,\"type\":\"decimal\",\"decimals\":2,\"sign\":\"trailing\"},"
    "{\"name\":\"c\",\"length\":5,\"type\":\"decimal\",\"justify\":\"left\"}]}]}",
    "{\"format\":\"fixed\",\"encoding\":\"CP037\",\"record_bytes\":24,\"fields\":["
    "{\"name\":\"t\",\"length\":3},{\"name\":\"z\",\"length\":4,\"type\":\"zoned\",\"decimals\":2},"
    "{\"name\":\"p\",\"length\":5,\"type\":\"packed\",\"decimals\":9},{\"name\":\"b\",\"length\":8,"
    "\"type\":\"binary\",\"decimals\":1},{\"name\":\"u\",\"length\":3,\"type\":\"binary\","
    "\"sign\":\"none\"}]}",
    "{\"format\":\"fixed\",\"encoding\":\"CP1047\",\"rdw\":true,\"short_lines\":true,\"fields\":["
    "{\"name\":\"t\",\"length\":3,\"justify\":\"right\"},{\"name\":\"z\",\"length\":4,"
    "\"type\":\"decimal\",\"sign\":\"overpunch_leading\"}]}",
    "{\"format\":\"fixed\",\"encoding\":\"ISO-8859-1\",\"fields\":[{\"name\":\"a\",\"length\":2,"
    "\"pad\":\"*\"},{\"name\":\"b\",\"length\":3,\"type\":\"boolean\"}]}",
    "{\"format\":\"fixed\",\"encoding\":\"CP500\",\"fields\":[{\"name\":\"a\",\"length\":4}]}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_format(layouts, sizeof layouts / sizeof layouts[0], data, size);
}
