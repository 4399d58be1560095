/* libFuzzer target for the reader of HTTP/1.1 answers: however the bytes are cut, the answer has
 * the same end, status, content and fate of its connection; what is kept stays within its bounds;
 * and a connection is kept only after a whole answer whose end the head or the chunks gave. The
 * first byte chooses the pieces. */
#include "outbound/http1.h"

#include "fuzz.h"

/* Reads text in pieces of 1 to step bytes, then the connection ends; returns the bytes used. */
static size_t read_answer(xd_http1 *a, xd_str text, size_t step)
{
    xd_http1_begin(a);
    size_t used = 0;
    xd_http1_progress progress = XD_HTTP1_MORE;
    for (size_t at = 0, n = 1; at < text.len && progress == XD_HTTP1_MORE;
         at += n, n = (n * 7 + 3) % step + 1) {
        n = n < text.len - at ? n : text.len - at;
        size_t taken = 0;
        progress = xd_http1_feed(a, text.ptr + at, n, &taken);
        REQUIRE(taken <= n && (progress != XD_HTTP1_MORE || taken == n));
        used += taken;
    }
    bool cut = progress == XD_HTTP1_MORE;
    progress = cut ? xd_http1_end(a) : progress;
    REQUIRE(progress == a->progress && progress != XD_HTTP1_MORE);
    REQUIRE(!a->keep || (progress == XD_HTTP1_DONE && !cut && a->status >= 200));
    REQUIRE(progress != XD_HTTP1_DONE || a->status >= 200);
    REQUIRE(progress != XD_HTTP1_BAD || a->fault);
    REQUIRE(a->status == 0 || (a->status >= 200 && a->status <= 999));
    REQUIRE(a->body_len <= sizeof a->body && a->line_len <= sizeof a->line);
    REQUIRE(memchr(a->retry_after, '\0', sizeof a->retry_after));
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    static xd_http1 one;
    static xd_http1 other;
    xd_str text = {(const char *)data + 1, size - 1};
    size_t used = read_answer(&one, text, 1);
    for (size_t i = 0; i < 2; i++) {
        size_t again = read_answer(&other, text, i ? (size_t)data[0] % 97 + 1 : size);
        REQUIRE(one.progress == other.progress && one.status == other.status);
        REQUIRE(one.keep == other.keep && one.fault == other.fault && one.begun == other.begun);
        REQUIRE(one.progress == XD_HTTP1_BAD || used == again);
        REQUIRE(one.body_len == other.body_len && memcmp(one.body, other.body, one.body_len) == 0);
        REQUIRE(strcmp(one.retry_after, other.retry_after) == 0);
    }
    return 0;
}
