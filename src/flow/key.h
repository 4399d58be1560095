/* Keys of state documents: parts joined by '/', with '%' and '/' inside a part written %25 and %2F,
 * so that no two different lists of parts give one key. Results live in the arena; {NULL, 0} when
 * it refuses. Pure. */
#ifndef XD_FLOW_KEY_H
#define XD_FLOW_KEY_H

#include "base/arena.h"

/* a and b as given, joined (both are keys already). */
xd_str xd_key_join(xd_arena *arena, xd_str a, xd_str b);
/* Writes part, escaped, to text (three times its bytes at most); returns how many bytes. */
size_t xd_key_escape(xd_str part, char *text);
/* One escaped part. */
xd_str xd_key_part(xd_arena *arena, xd_str part);
/* Two parts. */
xd_str xd_key_pair(xd_arena *arena, xd_str a, xd_str b);
/* key/number. */
xd_str xd_key_number(xd_arena *arena, xd_str key, int64_t number);
/* part/line. */
xd_str xd_key_line(xd_arena *arena, xd_str part, int64_t line);
/* n/line key, n as six digits: n comes first so that the rows of one receipt lie side by side, and
 * those of now apart from older ones, which keep their pages. Rows are only got by their key. */
xd_str xd_key_row(xd_arena *arena, xd_str line_key, int64_t n);
/* The sequence as 16 hex digits. */
xd_str xd_key_seq(xd_arena *arena, int64_t seq);

#endif
