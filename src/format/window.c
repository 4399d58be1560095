/* A window on a stream that is fed in pieces. See window_int.h. */
#include "format/window_int.h"

#include <assert.h>

enum { SLICE_BYTES = 4096, SLACK_BYTES = 1 << 16 };

void xd_window_init(xd_window *window, size_t max_bytes)
{
    *window = (xd_window){.piece = XD_STR("")};
    /* A slice is at most as long as what is held, so twice the record is always enough. */
    xd_buf_init(&window->carry, 2 * max_bytes + SLACK_BYTES);
}

void xd_window_finish(xd_window *window)
{
    xd_buf_finish(&window->carry);
}

void xd_window_feed(xd_window *window, xd_str piece, bool last)
{
    assert(window->at == window->piece.len);
    window->piece = piece.ptr ? piece : XD_STR("");
    window->at = 0;
    window->copied = 0;
    window->last = last;
}

xd_str xd_window_view(const xd_window *window)
{
    if (window->carry.len) {
        return (xd_str){window->carry.ptr + window->carry_at, window->carry.len - window->carry_at};
    }
    return (xd_str){window->piece.ptr + window->at, window->piece.len - window->at};
}

bool xd_window_grow(xd_window *window)
{
    size_t left = window->piece.len - window->at;
    if (left == 0) {
        return false;
    }
    bool in_piece = window->carry.len == 0;
    if (!in_piece && window->carry_at) {
        window->carry.len -= window->carry_at;
        memmove(window->carry.ptr, window->carry.ptr + window->carry_at, window->carry.len);
        window->carry_at = 0;
    }
    /* What lies in the piece is seen whole already: only its rest is kept. */
    size_t slice = window->carry.len > SLICE_BYTES ? window->carry.len : SLICE_BYTES;
    slice = in_piece || slice > left ? left : slice;
    xd_buf_add(&window->carry, window->piece.ptr + window->at, slice);
    if (window->carry.failed) {
        return false;
    }
    window->at += slice;
    window->copied += slice;
    return !in_piece;
}

void xd_window_take(xd_window *window, size_t n)
{
    if (window->carry.len == 0) {
        window->at += n;
        assert(window->at <= window->piece.len);
        return;
    }
    window->carry_at += n;
    assert(window->carry_at <= window->carry.len);
    size_t rest = window->carry.len - window->carry_at;
    if (rest <= window->copied) {
        window->at -= rest; /* these bytes stand in the piece as well */
        window->copied = 0;
        window->carry_at = 0;
        xd_buf_clear(&window->carry);
    }
}
