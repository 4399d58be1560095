/* A window on a stream that is fed in pieces: shows the bytes from the start of the current record
 * on, in the caller's piece itself where the record lies in one, else in a buffer that holds what
 * earlier pieces left over. Private to src/format. Owns its buffer, borrows the piece. */
#ifndef XD_FORMAT_WINDOW_INT_H
#define XD_FORMAT_WINDOW_INT_H

#include "base/buf.h"

typedef struct xd_window {
    xd_buf carry;    /* owns; bytes [carry_at, len) belong to the current record and on */
    size_t carry_at; /* 0 while carry is empty */
    size_t copied;   /* last bytes of carry that are copies from piece, just before at */
    xd_str piece;    /* borrows */
    size_t at;       /* in piece */
    bool last;       /* no piece follows this one */
} xd_window;

/* max_bytes: most that one record may make it hold. */
void xd_window_init(xd_window *window, size_t max_bytes);
void xd_window_finish(xd_window *window);
/* Hands over the next piece, which must live until grow returns false. The piece before must have
 * been used up. */
void xd_window_feed(xd_window *window, xd_str piece, bool last);
/* The bytes from the record's start as far as they are in one place. Pointers are good until grow
 * or feed. */
xd_str xd_window_view(const xd_window *window);
/* Makes the view longer. False when the piece is used up (feed the next one, unless last) or memory
 * ran out (carry.failed). */
bool xd_window_grow(xd_window *window);
/* Passes over n bytes of the view. */
void xd_window_take(xd_window *window, size_t n);

#endif
