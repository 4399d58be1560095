/* Asking the read side in tests: a reader, and the answer to the last question. */
#ifndef XD_API_ASK_TEST_H
#define XD_API_ASK_TEST_H

#include "api/read.h"
#include "base/json.h"
#include "store/store_test.h"

typedef struct test_asker {
    xd_reader *reader;
    xd_arena arena; /* of the answer's tree */
    xd_buf body;
} test_asker;

static inline xd_status test_asker_open(test_asker *a, const char *path, xd_instant (*clock)(void))
{
    xd_arena_init(&a->arena, 16u << 20);
    xd_buf_init(&a->body, 8u << 20);
    return xd_read_open(path, clock, &a->reader, NULL);
}

static inline void test_asker_close(test_asker *a)
{
    xd_read_close(a->reader);
    xd_buf_finish(&a->body);
    xd_arena_finish(&a->arena);
}

/* Arguments as {"name", "value", ..., NULL}. */
#define TEST_ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline const char *test_argument(void *self, const char *name)
{
    for (const char *const *one = self; one && *one; one += 2) {
        if (strcmp(one[0], name) == 0) {
            return one[1];
        }
    }
    return NULL;
}

/* arguments may be NULL. */
static inline xd_status test_ask_for(test_asker *a, const char *path, const char *const *arguments,
                                     xd_fault *fault)
{
    xd_read_request request = {
        .path = path, .query = test_argument, .self = (void *)(uintptr_t)arguments};
    xd_buf_clear(&a->body);
    *fault = XD_FAULT_NONE;
    return xd_read_dispatch(a->reader, &request, &a->body, fault);
}

/* The answer as a tree; the test fails when there is none. */
static inline const xd_json *test_ask(test_asker *a, const char *path, const char *const *arguments)
{
    xd_fault fault;
    const xd_json *root = NULL;
    xd_arena_reset(&a->arena);
    if (test_ask_for(a, path, arguments, &fault) != XD_OK) {
        fail_msg("%s: %s", path, fault.text);
    }
    if (xd_json_parse(xd_buf_str(&a->body), XD_JSON_LIMITS_DEFAULT, &a->arena, &root, &fault) !=
        XD_OK) {
        fail_msg("%s: %s at %lld in %.*s", path, fault.text, (long long)fault.offset,
                 XD_FMT(xd_buf_str(&a->body)));
    }
    return root;
}

#endif
