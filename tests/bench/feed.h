/* What the benchmarks send: purchase orders of three lines and receipts of three lines against
 * them, numbered 0.. and the same in every run. */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include "base/buf.h"

#define FEED_RECEIPT_MARK "GR-" /* followed by FEED_DIGITS digits: number of a receipt */
enum { FEED_DIGITS = 9, FEED_LINES = 3 };

/* One CloudEvent without line end. Orders are large enough never to be received in full. */
void feed_order(xd_buf *buf, uint64_t number);
/* Receipt number against purchase order number order. */
void feed_receipt(xd_buf *buf, uint64_t number, uint64_t order);

/* Number behind the mark at or after *at in text; false when there is none. Moves *at behind it. */
bool feed_find_receipt(xd_str text, size_t *at, uint64_t *ret_number);

#endif
