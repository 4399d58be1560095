/* For the tests of this folder: a hub without engine and store. Implements the engine functions
 * that outbound calls (they take the place of the library's) and a store that holds what outbound
 * reads. One hub at a time. Thread-safe. */
#ifndef XD_OUTBOUND_TEST_HUB_H
#define XD_OUTBOUND_TEST_HUB_H

#include "outbound/outbound.h"

enum { TEST_HUB_EVENTS = 20000, TEST_HUB_SYSTEMS = 3 };

/* What was recorded of one delivery. */
typedef struct test_outcome {
    uint32_t ok, superseded, dead, unknown;
    uint32_t attempts;
    int32_t status;
    char reason[400];
} test_outcome;

void test_hub_open(void);
/* Stops the engine's thread; outcomes stay readable until the next open. */
void test_hub_close(void);
xd_engine *test_hub_engine(void);
/* A read connection, owned by the caller. */
xd_store *test_hub_reader(void);

typedef struct test_event {
    const char *systems[TEST_HUB_SYSTEMS]; /* one delivery each; NULL: none */
    xd_message message;
    const char *order_key;
    bool without_texts; /* the parcel carries none: they must be read from the store */
    bool unwritten;     /* its state gets into the store by test_hub_write only */
    const char *map;    /* "name@<hash>" for its deliveries; NULL: none */
} test_event;
/* Logs an event and returns its seq; offers it to port unless that is empty. */
int64_t test_hub_emit(xd_delivery_port port, const test_event *event);
/* A map or crosswalk document of state; text must live until the hub is opened anew. */
void test_hub_state(xd_state_kind kind, const char *key, const char *text);
/* Offers the parcel of an event again. */
void test_hub_offer_again(xd_delivery_port port, int64_t seq);
/* Everything logged so far is in the store from now on. */
void test_hub_write(void);
/* Outcomes are taken in but not made durable while held. */
void test_hub_hold(bool held);
/* The next n submissions are refused. */
void test_hub_refuse(uint32_t n, xd_status status);
/* Outcomes recorded so far, of all deliveries. */
uint32_t test_hub_recorded(void);
/* Waits until n are; false after 20 s. */
bool test_hub_wait(uint32_t n);
test_outcome test_hub_outcome(int64_t seq, uint32_t index);
/* Open deliveries by the store's OUTBOX documents. */
uint32_t test_hub_open_deliveries(void);
void test_sleep_ms(int32_t ms);

#endif
