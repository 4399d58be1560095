/* Mapper. See mapper.h. */
#include "outbound/mapper.h"

#include "base/planted.h"

#include <assert.h>
#include <stdlib.h>

enum { ARENA_CAP = 256 << 20 };

typedef struct version {
    char *name; /* owns: "name@hash" */
    size_t len;
    xd_outmap *map; /* owns; NULL: not read yet */
} version;

struct xd_mapper {
    xd_bodies *bodies; /* borrows */
    version *versions; /* owns; number - 1 is the index */
    uint32_t count, size;
    int64_t codes_at; /* of the delivery under way */
    xd_arena arena;   /* of the delivery under way */
};

xd_mapper *xd_mapper_create(xd_bodies *bodies)
{
    xd_mapper *m = calloc(1, sizeof *m);
    if (m) {
        m->bodies = bodies;
        xd_arena_init(&m->arena, ARENA_CAP);
    }
    return m;
}

void xd_mapper_destroy(xd_mapper *m)
{
    if (!m) {
        return;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        xd_outmap_close(m->versions[i].map);
        free(m->versions[i].name);
    }
    free(m->versions);
    xd_arena_finish(&m->arena);
    free(m);
}

static bool grow(xd_mapper *m)
{
    uint32_t size = m->size ? m->size * 2 : 8;
    version *versions = realloc(m->versions, size * sizeof *versions);
    if (!versions) {
        return false;
    }
    m->versions = versions;
    m->size = size;
    return true;
}

uint32_t xd_mapper_number(xd_mapper *m, xd_str name)
{
    for (uint32_t i = m->count; i > 0; i--) { /* the newest are asked for most */
        const version *v = &m->versions[i - 1];
        if (xd_str_eq((xd_str){v->name, v->len}, name)) {
            return i;
        }
    }
    char *copy = m->count < m->size || grow(m) ? malloc(name.len ? name.len : 1) : NULL;
    if (!copy) {
        return 0;
    }
    memcpy(copy, name.ptr, name.len);
    m->versions[m->count] = (version){.name = copy, .len = name.len};
    return ++m->count;
}

static xd_status not_yet(xd_fault *fault, const char *what)
{
    return xd_fail(fault, XD_BUSY, "outbound.map", "%s", what);
}

/* The version's map, read and compiled when it is needed for the first time. */
static xd_status open_map(xd_mapper *m, version *v, xd_fault *fault)
{
    if (v->map) {
        return XD_OK;
    }
    xd_store *store = xd_bodies_store(m->bodies);
    xd_str hash = xd_outmap_hash((xd_str){v->name, v->len});
    xd_str text = XD_STR_NULL;
    const xd_json *data = NULL;
    XD_TRY(store->ops->state_get(store, XD_STATE_MAP, hash, &m->arena, &text, fault));
    if (!text.ptr) {
        return not_yet(fault, "the version of its map is not in the log: start the hub with the "
                              "map configured, then retry");
    }
    XD_TRY(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &m->arena, &data, fault));
    return xd_outmap_open(data, &v->map, fault);
}

/* State documents, once they are those of the event that the delivery is as of. */
static xd_status view_get(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                          xd_str *ret_value, xd_fault *fault)
{
    xd_mapper *m = self;
    bool written = false;
    XD_TRY(xd_bodies_written(m->bodies, m->codes_at, &written, fault));
    if (!written) {
        return not_yet(fault, "the codes that it needs are not in the store yet");
    }
    xd_store *store = xd_bodies_store(m->bodies);
    return store->ops->state_get(store, kind, key, arena, ret_value, fault);
}

xd_status xd_mapper_write(xd_mapper *m, const xd_tracked *delivery, const xd_opened *opened,
                          xd_str system, xd_str body, xd_buf *buf, const xd_outmap **ret,
                          xd_str *ret_missing, xd_fault *fault)
{
    assert(delivery->map > 0 && delivery->map <= m->count);
    version *v = &m->versions[delivery->map - 1];
    xd_arena_reset(&m->arena);
    XD_TRY(open_map(m, v, fault));
    m->codes_at = delivery->codes_at;
    const xd_outmap_use use = {.body = body,
                               .system = system,
                               .message = (xd_message)delivery->message,
                               .event = &opened->event,
                               .index = delivery->index,
                               .codes_at =
                                   XD_PLANTED(codes_of_now) ? INT64_MAX : delivery->codes_at,
                               .view = {m, view_get}};
    XD_TRY(xd_outmap_write(v->map, &use, &m->arena, buf, ret_missing, fault));
    *ret = v->map;
    return XD_OK;
}
