/* The face of this folder: compiling, destroying and running maps. See map.h. */
#include "mapping/map_int.h"

#include <stdlib.h>

enum {
    PROGRAM_BYTES = 64 << 20, /* most that a compiled map may take */
    STACK_BYTES = 3 << 20,    /* of the C stack that a run may use */
    DEFAULT_DEPTH = 500,
    DEFAULT_BYTES = 64 << 20
};

#define DEFAULT_STEPS UINT64_C(10000000)

xd_status xd_program_compile(xd_program *program, xd_str source, xd_arena *arena, xd_fault *fault)
{
    *program = (xd_program){.arena = arena};
    xd_status status = XD_OK;
    size_t bad;
    xd_node *raw;
    xd_node *root;
    if (source.len > PROGRAM_BYTES / 64) {
        status = xd_fail(fault, XD_LIMIT, "map.bytes", "the map has %zu bytes and %d are allowed",
                         source.len, (int)(PROGRAM_BYTES / 64));
    } else if (!xd_utf8_valid(source, &bad)) {
        status = xd_fail(fault, XD_INVALID, "map.utf8", "the map must be well-formed UTF-8");
        xd_fault_at(fault, (int64_t)bad, NULL);
    } else {
        program->source = xd_arena_copy(arena, source);
        status = program->source.ptr
                     ? XD_OK
                     : xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory to compile the map");
    }
    if (status == XD_OK) {
        status = xd_program_parse(program, &raw, fault);
    }
    if (status == XD_OK) {
        status = xd_program_shape(program, raw, &root, fault);
    }
    if (status != XD_OK) {
        xd_program_finish(program);
        return status;
    }
    program->root = root;
    return XD_OK;
}

void xd_program_finish(xd_program *program)
{
    for (struct xd_regex_link *link = program->regexes; link; link = link->next) {
        xd_regex_destroy(link->regex);
    }
    program->regexes = NULL;
}

xd_status xd_map_compile(xd_str source, xd_map **ret, xd_fault *fault)
{
    xd_map *map = malloc(sizeof *map);
    if (!map) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory to compile the map");
    }
    xd_arena_init(&map->arena, PROGRAM_BYTES);
    xd_status status = xd_program_compile(&map->program, source, &map->arena, fault);
    if (status != XD_OK) {
        xd_arena_finish(&map->arena);
        if (fault && fault->offset >= 0) {
            xd_fault_locate(fault, source);
        }
        free(map);
        return status;
    }
    *ret = map;
    return XD_OK;
}

void xd_map_destroy(xd_map *map)
{
    if (map) {
        xd_program_finish(&map->program);
        xd_arena_finish(&map->arena);
        free(map);
    }
}

/* Binds what comes from outside. */
static xd_status bind_all(xd_run *run, const xd_json *bindings)
{
    for (uint32_t i = 0; bindings && i < bindings->count; i++) {
        XD_TRY(
            xd_frame_bind(run, run->top, bindings->members[i].name, &bindings->members[i].value));
    }
    return XD_OK;
}

static xd_status run_map(xd_run *run, const xd_map *map, const xd_json *input,
                         const xd_json *bindings, xd_value *ret)
{
    run->top = xd_frame_new(run, NULL);
    if (!run->top) {
        return run->fault->code;
    }
    XD_TRY(bind_all(run, bindings));
    xd_value root = input ? *input : xd_undefined();
    XD_TRY(xd_frame_bind(run, run->top, XD_STR("$"), &root));
    if (xd_is_array(&root)) { /* the input is one thing, even when it is an array */
        xd_value *items = xd_arena_alloc(run->arena, sizeof *items);
        if (!items) {
            return xd_run_no_memory(run);
        }
        items[0] = root;
        root = xd_array_value(items, 1, XD_F_SEQUENCE | XD_F_OUTER);
    }
    XD_TRY(xd_eval(run, map->program.root, &root, run->top, ret));
    if (xd_is_array(ret) && (xd_value_flags(ret) & XD_F_OUTER)) {
        *ret = ret->items[0];
    }
    return xd_value_finish(run, ret, 0);
}

xd_status xd_map_run(const xd_map *map, const xd_json *input, const xd_json *bindings,
                     const xd_map_world *world, const xd_map_limits *limits, xd_arena *arena,
                     const xd_json **ret, xd_fault *fault)
{
    static const xd_map_world no_world = {0};
    xd_fault local = XD_FAULT_NONE;
    size_t cap = arena->cap_bytes;
    size_t bytes = limits && limits->bytes ? limits->bytes : DEFAULT_BYTES;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    xd_run run = {
        .arena = arena,
        .fault = &local,
        .world = world ? world : &no_world,
        .steps_left = limits && limits->steps ? limits->steps : DEFAULT_STEPS,
        .depth_left = limits && limits->depth ? limits->depth : DEFAULT_DEPTH,
        .surrogates = map->program.surrogates,
        .stack_limit = here > STACK_BYTES ? here - STACK_BYTES : 0,
        .program = &map->program,
    };
    run.random.state = (uint64_t)run.world->now ^ run.world->seed;
    if (cap - arena->used_bytes > bytes) {
        arena->cap_bytes = arena->used_bytes + bytes;
        run.arena_capped = true;
    }
    xd_value result;
    xd_status status = run_map(&run, map, input, bindings, &result);
    xd_json *place = NULL;
    if (status == XD_OK && !xd_is_undefined(&result)) {
        place = xd_arena_alloc(arena, sizeof *place);
        status = place ? XD_OK : xd_run_no_memory(&run);
    }
    arena->cap_bytes = cap;
    for (xd_program *p = run.evaluated; p; p = p->next) {
        xd_program_finish(p);
    }
    if (status != XD_OK) {
        (void)xd_run_at(&run, map->program.root, status);
        xd_fault_locate(&local, map->program.source);
        if (fault) {
            *fault = local;
        }
        return status;
    }
    if (place) {
        *place = result;
    }
    *ret = place;
    return XD_OK;
}
