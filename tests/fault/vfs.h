/* A disk that fails: an SQLite VFS over the real one, for test programs of one thread (the store's
 * own checkpointer may run beside it). It numbers the operations on database files, can fail one of
 * them or all from one on, and remembers what was not synced, so that a power cut can take it away.
 */
#ifndef XD_FAULT_VFS_H
#define XD_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum xd_vfs_trouble {
    XD_VFS_NONE,
    XD_VFS_ERROR, /* the operation fails; a failed sync may have dropped what it should have kept */
    XD_VFS_SHORT, /* a write stops half way and fails; a read of the database file ends early */
    XD_VFS_FULL,  /* writes, growth and new files find no room; other operations go on */
    XD_VFS_POWER, /* the power fails just before the operation: from now on all fail */
    XD_VFS_TROUBLES
} xd_vfs_trouble;

const char *xd_vfs_trouble_name(xd_vfs_trouble trouble);

/* Registers the VFS as the default one. Call once, before the first connection. */
void xd_vfs_register(void);
/* Counts operations from 0 again, trouble at the number-th (from 1), or, when lasting, at every one
 * from it on until xd_vfs_mend. seed decides what a failed sync drops. */
void xd_vfs_plan(xd_vfs_trouble trouble, uint64_t number, bool lasting, uint64_t seed);
/* No trouble any more, save that a cut power stays cut. */
void xd_vfs_mend(void);
/* Operations since xd_vfs_plan, and how many of them met the trouble. */
uint64_t xd_vfs_operations(void);
uint64_t xd_vfs_troubled(void);
/* The power fails now: every operation fails until xd_vfs_power_on. */
void xd_vfs_power_cut(void);
bool xd_vfs_power_is_cut(void);
/* Once all connections are closed: every file is left with what had been synced and, of each later
 * write, all, nothing or some of its 512-byte sectors, as seed decides; shared memory holds
 * rubbish. */
void xd_vfs_power_on(uint64_t seed);
/* Forgets all files, before their folder is used anew. All connections are closed. */
void xd_vfs_forget(void);

#endif
