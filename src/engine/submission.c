/* Submissions: what a station hands to the engine. See engine.h. */
#include "engine/engine.h"

#include <stdlib.h>

static xd_submission *create(uint32_t count, size_t likely_bytes, size_t arena_cap)
{
    xd_submission *submission = calloc(1, sizeof *submission);
    if (!submission) {
        return NULL;
    }
    xd_arena_init(&submission->arena, arena_cap);
    xd_arena_expect(&submission->arena, likely_bytes);
    submission->events = xd_arena_zalloc(&submission->arena, count * sizeof *submission->events);
    submission->results = xd_arena_zalloc(&submission->arena, count * sizeof *submission->results);
    if (!submission->events || !submission->results) {
        xd_arena_finish(&submission->arena);
        free(submission);
        return NULL;
    }
    submission->count = count;
    submission->fault = XD_FAULT_NONE;
    atomic_init(&submission->owners, 2);
    return submission;
}

xd_submission *xd_submission_create(uint32_t count, size_t arena_cap)
{
    return create(count, 0, arena_cap);
}

xd_submission *xd_submission_create_one(size_t likely_bytes, size_t arena_cap)
{
    return create(1, likely_bytes, arena_cap);
}

void xd_submission_release(xd_submission *submission)
{
    if (submission && atomic_fetch_sub(&submission->owners, 1) == 1) {
        xd_arena_finish(&submission->arena);
        free(submission);
    }
}
