/* State cache: the engine's write-back memory of state documents. Reads go through it, changes stay
 * in it as dirty until the processor writes them in one group; a document changed ten times between
 * two writes is written once. Owns its copies; one thread; may call only its store's state_get. */
#ifndef XD_ENGINE_CACHE_H
#define XD_ENGINE_CACHE_H

#include "port/store.h"

typedef struct xd_cache xd_cache;

/* clean_bytes bounds what is kept beyond the dirty documents. NULL when out of memory. */
xd_cache *xd_cache_create(xd_store *store, size_t clean_bytes);
void xd_cache_destroy(xd_cache *cache);

/* The value now in force (borrowed until the next put, written or trim), or XD_STR_NULL when
 * absent. */
XD_CHECKED xd_status xd_cache_get(xd_cache *cache, xd_state_kind kind, xd_str key, xd_arena *arena,
                                  xd_str *ret_value, xd_fault *fault);
/* Replaces (or, value.ptr NULL, deletes) in memory. XD_NO_MEMORY leaves the old value. */
XD_CHECKED xd_status xd_cache_put(xd_cache *cache, xd_state_kind kind, xd_str key, xd_str value,
                                  xd_fault *fault);
size_t xd_cache_dirty_count(const xd_cache *cache);
/* Writes every dirty document through the store in key order, inside the caller's transaction. They
 * stay dirty until xd_cache_written says that the transaction was committed. */
XD_CHECKED xd_status xd_cache_write(xd_cache *cache, int64_t *ret_rows, xd_fault *fault);
void xd_cache_written(xd_cache *cache);

#endif
