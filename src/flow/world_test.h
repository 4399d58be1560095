/* A little world for tests of flows: an in-memory state, a log, the engine's wake loop, and books
 * to look into. Documents are written with single quotes for double ones, so that they read well in
 * C. Test support only. */
#ifndef XD_FLOW_WORLD_TEST_H
#define XD_FLOW_WORLD_TEST_H

#include "flow/step.h"

typedef struct world world;

/* definition NULL: moving average, three-way, tolerances of 0, no systems. */
world *world_create(const char *definition);
void world_destroy(world *w);

/* Validates and steps one document, and everything it wakes. Returns its sequence. */
int64_t world_send(world *w, const char *kind, const char *json, ...)
    __attribute__((format(printf, 3, 4)));
/* As world_send, from actor. */
int64_t world_send_as(world *w, const char *actor, const char *kind, const char *json, ...)
    __attribute__((format(printf, 4, 5)));

/* Documents in a few words, about line 10 of order P for item I at site S from supplier V; more is
 * JSON that follows. */
int64_t world_order(world *w, const char *quantity, const char *price);
int64_t world_receive(world *w, const char *number, const char *quantity);
int64_t world_reverse(world *w, const char *number, const char *quantity);
int64_t world_return(world *w, const char *number, const char *quantity);
int64_t world_invoice(world *w, const char *number, const char *quantity, const char *price,
                      const char *more);
int64_t world_credit(world *w, const char *number, const char *quantity, const char *price,
                     const char *more);
int64_t world_ship(world *w, const char *number, const char *quantity);
/* Changes of line 10: the version follows the order's. */
int64_t world_reprice(world *w, const char *price);
int64_t world_release(world *w, const char *hold, const char *person);
/* Status of an invoice of supplier V in 2026, and of one of its holds ("1/PRICE"). */
const char *world_status(world *w, const char *invoice);
const char *world_hold(world *w, const char *invoice, const char *hold, const char *member);

/* Steps an event again, of which nothing is kept. Its read-th read of state, from 1, finds no
 * memory and says what is given, XD_OK: that there is no such document. XD_OK when there are fewer.
 */
xd_status world_starve(world *w, int64_t seq, int read, xd_status says);

/* Tells the world the next event was appended on this day ("2026-03-01"). */
void world_today(world *w, const char *date);

/* A member of a state document as text, "" when either is absent: world_get(w, XD_STATE_STOCK,
 * "S/I", "quantity"). */
const char *world_get(world *w, xd_state_kind kind, const char *key, const char *member);
bool world_has(world *w, xd_state_kind kind, const char *key);
/* The whole document; XD_STR_NULL when absent. */
xd_str world_document(world *w, xd_state_kind kind, const char *key);
uint32_t world_count(world *w, xd_state_kind kind);
/* Calls visit for every document of a kind. */
void world_each(world *w, xd_state_kind kind,
                void (*visit)(void *context, xd_str key, const xd_json *document), void *context);

/* The effect of an event as text, "" when it has none. */
const char *world_effect(world *w, int64_t seq);
/* A member of it. */
const char *world_effect_member(world *w, int64_t seq, const char *member);
const xd_step *world_last_step(world *w);
const xd_event *world_event(world *w, int64_t seq);
const xd_definition *world_definition(world *w);

int64_t world_journals(world *w);
/* An entry as "INV 1000.00 | GRNI 1000.00": roles with debits, then credits, in the order of the
 * lines. */
const char *world_journal(world *w, int64_t ordinal);
xd_str world_journal_text(world *w, int64_t ordinal);
/* Debits less credits of an account over all entries, two digits. */
const char *world_balance(world *w, const char *account);
/* All balances as "AP -1.00 GRNI 1.00 ", in order of account, those of zero left out. */
const char *world_balances(world *w);
/* Checks every entry (balance, number, chain), every match row against its receipt row, and that
 * GRNI holds exactly what is received and not billed. Fails the test otherwise. */
void world_audit(world *w);
/* Everything there is, as one text: equal for equal states. */
xd_str world_dump(world *w);

#define assert_journal(w, ordinal, text) assert_string_equal(world_journal((w), (ordinal)), (text))

#endif
