/* A bare libcurl-multi loop of POSTs over keep-alive connections: what outbound would be without
 * limits, order, retries or records. Used by the floors. One thread. */
#ifndef BENCH_POSTER_H
#define BENCH_POSTER_H

#include <stddef.h>
#include <stdint.h>

typedef struct poster poster;

/* done is called as each POST is answered; it may post again. lanes requests run at one time. */
poster *poster_create(uint32_t lanes, void *context, void (*done)(void *context, uint64_t number));
/* body is borrowed until done(number); false when every lane is taken. */
int poster_post(poster *poster, const char *url, const char *body, size_t body_bytes,
                uint64_t number);
uint32_t poster_free_lanes(const poster *poster);
/* Moves requests on; waits up to wait_ms when there is nothing to do. */
void poster_turn(poster *poster, int wait_ms);
/* Ends the wait of poster_turn; from any thread. */
void poster_wake(poster *poster);

#endif
