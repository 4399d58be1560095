/* libFuzzer target for what goes into the headers and look-up paths of requests to other systems:
 * ids, sources and keys come from outside, and must never end a header or change a path. The input
 * is a template, source, id, key and traceparent, one a line. */
#include "outbound/wire.h"

#include "fuzz.h"

enum { TEMPLATE_BYTES = 4096, BUF_BYTES = 1 << 20 };

static xd_str take_line(xd_str *text)
{
    const char *end = text->len ? memchr(text->ptr, '\n', text->len) : NULL;
    xd_str line = {text->ptr, end ? (size_t)(end - text->ptr) : text->len};
    size_t step = line.len + (end ? 1 : 0);
    *text = (xd_str){text->ptr + step, text->len - step};
    return line;
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '%';
}

/* Each name alone, so that nothing in the result stems from the template. */
static void check_values(const xd_wire_names *names)
{
    static const char *const templates[] = {"{source}", "{id}",    "{key}",
                                            "{seq}",    "{index}", "{idempotency_key}"};
    xd_buf buf;
    xd_buf_init(&buf, BUF_BYTES);
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        xd_buf_clear(&buf);
        xd_wire_expand(&buf, templates[i], names, XD_WIRE_HEADER);
        for (size_t k = 0; k < buf.len; k++) {
            REQUIRE((unsigned char)buf.ptr[k] >= 0x20 && buf.ptr[k] != 0x7f);
        }
        xd_buf_clear(&buf);
        xd_wire_expand(&buf, templates[i], names, XD_WIRE_URL);
        for (size_t k = 0; k < buf.len; k++) {
            REQUIRE(is_unreserved(buf.ptr[k]));
        }
    }
    xd_buf_finish(&buf);
}

static void check_traceparent(xd_str parent, int64_t seq)
{
    xd_buf buf;
    xd_random random = {7};
    xd_buf_init(&buf, BUF_BYTES);
    xd_wire_traceparent(&buf, parent, seq, &random);
    REQUIRE(buf.len == 55);
    for (size_t i = 0; i < buf.len; i++) {
        bool dash = i == 2 || i == 35 || i == 52;
        char c = buf.ptr[i];
        REQUIRE(dash ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    }
    xd_buf_finish(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_str rest = {(const char *)data, size};
    char template[TEMPLATE_BYTES];
    xd_str line = take_line(&rest);
    size_t length = line.len < sizeof template - 1 ? line.len : sizeof template - 1;
    if (length) {
        memcpy(template, line.ptr, length);
    }
    template[length] = '\0';
    xd_wire_names names = {.seq = (int64_t)size * 7919, .index = (uint32_t)size % 5};
    names.source = take_line(&rest);
    names.id = take_line(&rest);
    names.key = take_line(&rest);
    names.idempotency_key = names.id;
    check_values(&names);
    check_traceparent(take_line(&rest), names.seq);
    xd_buf buf;
    xd_buf_init(&buf, BUF_BYTES);
    xd_wire_expand(&buf, template, &names, XD_WIRE_URL);
    REQUIRE(!buf.failed);
    xd_buf_finish(&buf);
    return 0;
}
