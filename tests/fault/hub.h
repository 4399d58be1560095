/* A small hub for fault tests: the real engine, turned by hand, on the real SQLite store, a sender
 * that remembers what it was promised, and a remote that settles whatever it is offered. It can
 * lose its power and be looked into. */
#ifndef XD_FAULT_HUB_H
#define XD_FAULT_HUB_H

#include "engine/engine.h"

enum { XD_HUB_EVENTS = 20, XD_HUB_SEQS = 512, XD_HUB_INDEXES = 8, XD_HUB_OFFERS = 1024 };

typedef struct xd_hub_offer {
    int64_t seq;
    uint32_t index, message;
} xd_hub_offer;

typedef struct xd_fault_hub {
    char folder[64];
    char path[96]; /* of the state's file; the log's is beside it */
    char log_path[96];
    xd_store *log; /* owns; NULL while closed, as the next two */
    xd_store *state;
    xd_engine *engine;
    /* What its sender and its remote know. */
    bool accepted[XD_HUB_EVENTS];              /* the hub said so */
    bool settled[XD_HUB_SEQS][XD_HUB_INDEXES]; /* the hub took the outcome */
    xd_hub_offer offers[XD_HUB_OFFERS];        /* not reported yet */
    uint32_t offer_count;
    uint32_t reports;
    char wrong[512]; /* what must never happen and did; "" when nothing */
} xd_fault_hub;

/* Writes event i of the workload as a CloudEvent; its length. */
size_t xd_fault_hub_event(uint32_t i, char *text, size_t size);

/* Makes an empty folder under TMPDIR, else /dev/shm, else /tmp. */
void xd_fault_hub_init(xd_fault_hub *hub);
/* Closes, and removes the folder. */
void xd_fault_hub_finish(xd_fault_hub *hub);
/* Forgets everything and empties the folder. Closed. */
void xd_fault_hub_reset(xd_fault_hub *hub);

XD_CHECKED xd_status xd_fault_hub_open(xd_fault_hub *hub, xd_fault *fault);
/* Stops as a hub does that is told to (orderly), or just lets go of everything. */
void xd_fault_hub_close(xd_fault_hub *hub, bool orderly);
/* Sends event i of the workload and turns the engine; what became of it. */
xd_status xd_fault_hub_send(xd_fault_hub *hub, uint32_t i, xd_fault *fault);
/* Renders everything offered so far, tells the hub that it is done, and turns the engine. */
xd_status xd_fault_hub_report(xd_fault_hub *hub, xd_fault *fault);
/* The engine has given up and wants to be started anew. */
bool xd_fault_hub_failed(const xd_fault_hub *hub);
/* Copies both write-ahead logs into their files, as the store's threads would in time. */
xd_status xd_fault_hub_checkpoint(xd_fault_hub *hub);

/* With nothing in the way any more: opens if closed, sends all that was not accepted, settles all,
 * and checks that what was accepted is in the log once and as sent, that nothing is left to
 * deliver, that state is written and the same as a replay's, and that the database is whole. False
 * with hub->wrong when not. Closes. */
bool xd_fault_hub_is_right(xd_fault_hub *hub);

/* An argument of a test that is a number. Says so and ends the program when it is none, or less
 * than that. */
uint64_t xd_fault_number(const char *text, int64_t least);

#endif
