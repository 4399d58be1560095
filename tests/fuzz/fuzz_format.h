/* What the fuzzers of formats share: reading in one piece and in many, and the way there and back.
 */
#ifndef FUZZ_FORMAT_H
#define FUZZ_FORMAT_H

#include "fuzz.h"

#include "format/format.h"

enum { FUZZ_BYTES = 64 << 20, FUZZ_LAYOUTS = 16 };

static xd_format *fuzz_layout(const char *text)
{
    xd_arena arena;
    const xd_json *tree = NULL;
    xd_format *format = NULL;
    xd_arena_init(&arena, FUZZ_BYTES);
    REQUIRE(xd_json_parse(xd_str_from(text), XD_JSON_LIMITS_DEFAULT, &arena, &tree, NULL) == XD_OK);
    REQUIRE(xd_format_open(tree, &format, NULL) == XD_OK);
    xd_arena_finish(&arena);
    return format;
}

/* Appends the records a line each, and the faults. Returns whether there was none. */
static inline bool fuzz_read(const xd_format *format, xd_str text, size_t step, xd_buf *out)
{
    xd_format_reader *reader = NULL;
    bool good = true;
    bool reading = true;
    size_t at = 0;
    size_t n = step > 1 ? step / 2 : 1;
    REQUIRE(xd_format_reader_create(format, &reader, NULL) == XD_OK);
    while (reading) {
        n = (n * 7 + 3) % step + 1;
        n = n < text.len - at ? n : text.len - at;
        char *own = malloc(n ? n : 1);
        REQUIRE(own);
        memcpy(own, text.ptr + at, n);
        at += n;
        xd_format_feed(reader, (xd_str){own, n}, at == text.len);
        for (;;) {
            const xd_json *record = NULL;
            bool goes_on = false;
            xd_fault fault = XD_FAULT_NONE;
            xd_status status = xd_format_next(reader, &record, &goes_on, &fault);
            if (status != XD_OK) {
                size_t bad;
                REQUIRE(fault.code == status && record == NULL);
                REQUIRE(xd_utf8_valid(xd_str_from(fault.text), &bad));
                REQUIRE(fault.offset <= (int64_t)text.len * 4 + 4);
                /* Of several faults libxml2 finds one or another first, by how bytes are cut. */
                bool xml = strncmp(fault.rule, "xml.", 4) == 0;
                xd_buf_printf(out, "%s\n", xml ? "xml" : fault.rule);
                good = false;
                reading = goes_on;
                if (goes_on) {
                    continue;
                }
                break;
            }
            if (!record) {
                break;
            }
            xd_json_write(out, record);
            xd_buf_char(out, '\n');
        }
        free(own);
        reading = reading && at < text.len;
    }
    xd_format_reader_destroy(reader);
    REQUIRE(!out->failed);
    return good;
}

/* Writes the records; false when the format cannot hold one. */
static inline bool fuzz_write(const xd_format *format, xd_str records, xd_buf *out)
{
    xd_format *ndjson =
        fuzz_layout("{\"format\":\"ndjson\",\"max_row_bytes\":16000000,\"max_depth\":600}");
    xd_format_reader *reader = NULL;
    xd_format_writer *writer = NULL;
    const xd_json *record = NULL;
    bool good = true;
    REQUIRE(xd_format_reader_create(ndjson, &reader, NULL) == XD_OK);
    REQUIRE(xd_format_writer_create(format, &writer, NULL) == XD_OK);
    xd_format_feed(reader, records, true);
    for (;;) {
        REQUIRE(xd_format_next(reader, &record, NULL, NULL) == XD_OK);
        if (!record) {
            break;
        }
        size_t before = out->len;
        if (xd_format_write(writer, record, out, NULL) != XD_OK) {
            REQUIRE(out->len == before);
            good = false;
            break;
        }
    }
    good = good && xd_format_write_end(writer, out, NULL) == XD_OK;
    xd_format_writer_destroy(writer);
    xd_format_reader_destroy(reader);
    xd_format_close(ndjson);
    return good;
}

static inline int fuzz_format(const char *const *texts, size_t count, const uint8_t *data,
                              size_t size)
{
    static xd_format *formats[FUZZ_LAYOUTS]; /* compiled once, for the life of the process */
    if (size < 2) {
        return 0;
    }
    size_t chosen = data[0] % count;
    if (!formats[chosen]) {
        formats[chosen] = fuzz_layout(texts[chosen]);
    }
    const xd_format *format = formats[chosen];
    xd_str text = {(const char *)data + 2, size - 2};
    xd_buf whole, pieces, written, again;
    xd_buf_init(&whole, FUZZ_BYTES);
    xd_buf_init(&pieces, FUZZ_BYTES);
    xd_buf_init(&written, FUZZ_BYTES);
    xd_buf_init(&again, FUZZ_BYTES);
    bool good = fuzz_read(format, text, text.len + 1, &whole);
    (void)fuzz_read(format, text, data[1] % 32 + 1, &pieces);
    REQUIRE(xd_str_eq(xd_buf_str(&whole), xd_buf_str(&pieces)));
    bool exact = !strstr(texts[chosen], "soap") && !strstr(texts[chosen], "lenient");
    if (good && whole.len && exact && fuzz_write(format, xd_buf_str(&whole), &written)) {
        REQUIRE(fuzz_read(format, xd_buf_str(&written), written.len + 1, &again));
        REQUIRE(xd_str_eq(xd_buf_str(&whole), xd_buf_str(&again)));
    }
    xd_buf_finish(&whole);
    xd_buf_finish(&pieces);
    xd_buf_finish(&written);
    xd_buf_finish(&again);
    return 0;
}

#endif
