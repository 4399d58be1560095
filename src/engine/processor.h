/* Processor: steps events in log order against the state cache and writes what they changed, in
 * groups. It is what the engine's thread, recovery and replay share: the same events give the same
 * state in all three. Owns the cache, the definition in force and the effects not written yet; one
 * thread. */
#ifndef XD_ENGINE_PROCESSOR_H
#define XD_ENGINE_PROCESSOR_H

#include "engine/cache.h"
#include "engine/engine.h"

typedef struct xd_processor xd_processor;

/* Where new deliveries, timers and codes go. Each function may be NULL. */
typedef struct xd_processor_ports {
    void *self;
    /* Takes over one ownership of the parcel. */
    void (*offer)(void *self, xd_parcel *parcel);
    /* A timer was set: due instant and its key. */
    void (*timer)(void *self, xd_instant due, xd_str key);
    /* A crosswalk event was stepped: its data as in the log (flow/crosswalk.h reads it). */
    void (*crosswalk)(void *self, const xd_event *event);
} xd_processor_ports;

/* Loads the definition in force from the store. */
XD_CHECKED xd_status xd_processor_create(xd_store *store, size_t cache_bytes,
                                         xd_processor_ports ports, xd_processor **ret,
                                         xd_fault *fault);
void xd_processor_destroy(xd_processor *processor);

/* Steps one event (seq set, data parsed) and every parked event it wakes. A document that cannot be
 * processed becomes an exception document and is XD_OK. Faults: the store's, and XD_NO_MEMORY,
 * after which the processor must be thrown away and made anew from the store. */
XD_CHECKED xd_status xd_processor_step(xd_processor *processor, const xd_event *event,
                                       xd_fault *fault);

/* Steps an event that is not in the log, and what it wakes, between two that are: for asking what
 * would have been. Its seq must be one that the log does not have; the store must find it by
 * log_get should it be parked and woken later. Faults as xd_processor_step. */
XD_CHECKED xd_status xd_processor_step_beside(xd_processor *processor, const xd_event *event,
                                              xd_fault *fault);

/* Last event stepped, and last event whose state is written. */
int64_t xd_processor_stepped(const xd_processor *processor);
int64_t xd_processor_written_seq(const xd_processor *processor);
/* Documents that a write would write now; 0 when state is as written. */
size_t xd_processor_dirty(const xd_processor *processor);
/* Writes into the caller's open transaction. */
XD_CHECKED xd_status xd_processor_write(xd_processor *processor, int64_t *ret_rows,
                                        xd_fault *fault);
/* Tells that the transaction of the last write was committed. */
void xd_processor_written(xd_processor *processor);
/* A parcel for deliveries of one event; texts copied when given. */
xd_parcel *xd_parcel_create(const xd_event *event, xd_str effect, const xd_delivery *deliveries,
                            uint32_t count, const xd_definition *definition);

/* The deliveries of one OUTBOX document (key: seq as 16 hex digits), without texts; NULL when out
 * of memory. */
xd_parcel *xd_parcel_of_outbox(xd_str key, const xd_json *row);

/* A stored event, parsed but not validated again. */
XD_CHECKED xd_status xd_event_of_row(const xd_log_row *row, xd_arena *arena, xd_event *ret,
                                     xd_fault *fault);

#endif
