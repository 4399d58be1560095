/* The sink: stands for the remote systems. One epoll thread that takes POSTs, answers 200 and
 * counts which receipt has arrived where; the first element of the path is the system. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "measure.h"

enum { SINK_SYSTEMS = 3 };

typedef struct sink sink;

/* Serves on a free port of 127.0.0.1; counts receipts 0..most-1 (higher ones are only answered).
 * complete is called on the sink's thread once a receipt has reached all systems. */
sink *sink_start(uint64_t most, void *context,
                 void (*complete)(void *context, uint64_t number, int64_t at_ns));
uint16_t sink_port(const sink *sink);
/* Receipts that have reached every system, and arrivals of a receipt that was there already. */
uint64_t sink_complete(const sink *sink);
uint64_t sink_duplicates(const sink *sink);
uint64_t sink_requests(const sink *sink);
uint64_t sink_body_bytes(const sink *sink);
void sink_stop(sink *sink);

#endif
