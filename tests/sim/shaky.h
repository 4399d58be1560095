/* A store that can fail: wraps the memory store behind the same contract (port/store.h). It refuses
 * operations, loses or keeps the transaction of a commit that failed, and can die between any two
 * operations, as the process or the machine does. What was committed survives; nothing else does.
 * One thread. */
#ifndef XD_SIM_SHAKY_H
#define XD_SIM_SHAKY_H

#include "port/store.h"

typedef struct shaky shaky;

/* Called after every commit that succeeded. */
typedef void (*shaky_committed)(void *self);

shaky *shaky_create(shaky_committed committed, void *self);
void shaky_destroy(shaky *s);
/* The engine's two connections; destroying one does nothing, the data belongs to the shaky store.
 */
xd_store *shaky_log(shaky *s);
xd_store *shaky_state(shaky *s);
/* A fresh read connection that sees what is committed, owned by the caller. */
xd_store *shaky_reader(shaky *s);
/* The store below, without faults. */
xd_store *shaky_inner(shaky *s);

/* From now on: after `after` more operations of the writer, the next `count` fail with status. */
void shaky_fail(shaky *s, uint32_t after, uint32_t count, xd_status status);
/* The same for reads alone, of the read connections. */
void shaky_fail_reads(shaky *s, uint32_t after, uint32_t count, xd_status status);
/* Every write is refused with status until the simulated instant. */
void shaky_refuse_until(shaky *s, int64_t until_us, xd_status status);
/* The next commit fails. applied: what it wrote comes to light after the next crash, unless another
 * commit has succeeded before (a write that reached the disk although its sync failed). */
void shaky_tear(shaky *s, bool applied);
/* The process dies after `after` more operations of the writer. When that operation is a commit,
 * it is applied or not, as said; the caller never hears of it. */
void shaky_die(shaky *s, uint32_t after, bool applied);
/* True once it has died: every operation fails until shaky_restart. */
bool shaky_is_dead(const shaky *s);
/* Ends every fault; what was not committed is gone. */
void shaky_restart(shaky *s);
/* Notes the state as it is now: what a power cut may fall back to. */
void shaky_snapshot(shaky *s);
/* The power was cut, and the state's writes since the last snapshot never reached the disk; the log
 * has everything, since it is synced at every commit. After shaky_restart. Kept answers are lost
 * too, so plans with power cuts use no Idempotency-Key. */
void shaky_fall_back(shaky *s);
/* Ends every fault that was asked for and has not happened. */
void shaky_calm(shaky *s);

/* Last event in the log that is committed, and whether a transaction is open now. */
int64_t shaky_committed_head(const shaky *s);
bool shaky_in_transaction(const shaky *s);
/* Operations of the writer and faults so far. */
int64_t shaky_operations(const shaky *s);
int64_t shaky_faults(const shaky *s);

#endif
