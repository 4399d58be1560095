/* The attacks: each is one thread, of lower priority than the rest, that does its worst until it is
 * stopped. */
#ifndef ABUSE_ATTACK_H
#define ABUSE_ATTACK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct attack attack;
typedef struct hostile hostile;

/* What one hostile connection does in a turn: the bytes to send into text (size bytes at most);
 * HOSTILE_RESET: cut the connection now. turn counts from 0 since it was opened. */
enum { HOSTILE_RESET = -1, HOSTILE_BYTES = 32 << 10 };
typedef int (*hostile_piece)(uint32_t number, uint32_t turn, char *text, size_t size);

typedef struct attack_plan {
    const char *name;
    const char *about;      /* in words, for whoever watches */
    hostile_piece piece;    /* NULL: run is used */
    void (*run)(attack *a); /* until stopping */
    uint32_t connections;   /* at one time */
    int32_t turn_ms;        /* between two pieces of a connection */
    bool deaf;              /* never reads what comes back */
    /* What must have been seen of the hub by then; NULL: nothing in particular. */
    bool (*withstood)(const attack *a);
    const char *wanted; /* the same in words, in the plural */
} attack_plan;

struct attack {
    const attack_plan *plan;
    uint16_t port;
    pthread_t thread;
    atomic_bool stopping;
    atomic_ullong opened, closed_on_us, pieces;
    atomic_ullong answers[6]; /* by first digit of the status */
    atomic_ullong status_413, status_431;
};

extern const attack_plan attack_plans[];
extern const uint32_t attack_count;

void attack_start(attack *a, const attack_plan *plan, uint16_t port);
void attack_stop(attack *a);

#endif
