/* libFuzzer target for the line splitter of NDJSON bodies and files: however a stream is cut into
 * pieces, the same lines come out with the same numbers and places, every line lies where it says,
 * and the buffer stays within its cap. The first byte chooses the pieces. */
#include "ingress/lines.h"

#include "fuzz.h"

enum { MAX_LINE = 64, PIECE = 48, CAP = MAX_LINE + 2 * PIECE, LINES = 4096 };

typedef struct seen {
    xd_line_kind kind;
    int64_t number, offset;
    size_t length;
} seen;

static size_t take_all(xd_lines *lines, bool last, xd_str text, seen *ret, size_t count)
{
    xd_line line;
    for (xd_line_kind kind; (kind = xd_lines_peek(lines, last, &line)) != XD_LINE_NONE;) {
        REQUIRE(line.text.len <= MAX_LINE);
        REQUIRE(line.offset >= 0 && (size_t)line.offset + line.text.len <= text.len);
        REQUIRE(memcmp(text.ptr + line.offset, line.text.ptr, line.text.len) == 0);
        REQUIRE(!memchr(line.text.ptr, '\n', line.text.len));
        if (count < LINES) {
            ret[count++] = (seen){kind, line.number, line.offset, line.text.len};
        }
        xd_lines_drop(lines, &line);
    }
    return count;
}

/* Splits text handed over in pieces of 1 to step bytes; returns the number of lines. */
static size_t split(xd_str text, size_t step, seen *ret)
{
    xd_lines lines;
    xd_lines_init(&lines, MAX_LINE, CAP);
    size_t count = 0;
    for (size_t at = 0, n = 1; at < text.len; at += n, n = (n * 7 + 3) % step + 1) {
        n = n < text.len - at ? n : text.len - at;
        REQUIRE(xd_lines_add(&lines, (xd_str){text.ptr + at, n}));
        REQUIRE(lines.buffer.len <= CAP);
        count = take_all(&lines, at + n == text.len, text, ret, count);
    }
    xd_lines_finish(&lines);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    static seen one[LINES];
    static seen other[LINES];
    xd_str text = {(const char *)data + 1, size - 1};
    size_t count = split(text, 1, one);
    REQUIRE(split(text, data[0] % PIECE + 1, other) == count);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(one[i].kind == other[i].kind && one[i].number == other[i].number &&
                one[i].offset == other[i].offset && one[i].length == other[i].length);
    }
    return 0;
}
