/* Memory that runs out: takes the place of the C library's allocator in a test program, or is
 * preloaded into the hub. */
#ifndef XD_FAULT_NO_MEMORY_H
#define XD_FAULT_NO_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Counts allocations from 0 again; the number-th (from 1) and the ones after it, many in all, fail.
 * number 0: none. */
void xd_no_memory_plan(uint64_t number, uint64_t many);
/* Allocations since then, and how many of them failed. */
uint64_t xd_no_memory_count(void);
uint64_t xd_no_memory_refused(void);

#endif
