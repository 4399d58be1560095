/* What the store tests share: a folder of their own, and opening without ceremony. */
#ifndef XD_STORE_TEST_H
#define XD_STORE_TEST_H

#include "port/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct test_folder {
    char folder[64];
    char path[96]; /* of the database */
} test_folder;

static inline void test_folder_make(test_folder *t)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(t->folder, sizeof t->folder, "%s/xd-store-XXXXXX",
                     base && strlen(base) < 40 ? base : "/tmp");
    assert_true(n > 0 && (size_t)n < sizeof t->folder);
    assert_non_null(mkdtemp(t->folder));
    snprintf(t->path, sizeof t->path, "%s/hub.db", t->folder);
}

static inline void test_folder_remove(const test_folder *t)
{
    DIR *dir = opendir(t->folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            char name[400];
            snprintf(name, sizeof name, "%s/%s", t->folder, e->d_name);
            unlink(name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(t->folder);
}

static inline xd_store *test_open(const char *path, xd_store_mode mode)
{
    xd_store *store = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_store_sqlite_open(path, mode, &store, &fault);
    if (status != XD_OK) {
        fail_msg("%s: %s", xd_code_name(status), fault.text);
    }
    return store;
}

static inline xd_log_row test_row(int64_t seq, const char *source, const char *id, const char *body)
{
    return (xd_log_row){.seq = seq,
                        .recorded_at = 1000 + seq,
                        .kind = 20,
                        .source = xd_str_from(source),
                        .id = xd_str_from(id),
                        .key = xd_str_from("GR-1"),
                        .time = XD_INSTANT_NONE,
                        .actor = xd_str_from("wms"),
                        .trace = XD_STR(""),
                        .body = xd_str_from(body)};
}

static inline void test_begin(xd_store *store)
{
    assert_int_equal(store->ops->begin(store, NULL), XD_OK);
}

static inline void test_commit(xd_store *store)
{
    assert_int_equal(store->ops->commit(store, NULL), XD_OK);
}

static inline void test_append(xd_store *store, xd_log_row row)
{
    assert_int_equal(store->ops->log_append(store, &row, NULL), XD_OK);
}

static inline void test_put(xd_store *store, xd_state_kind kind, const char *key, const char *value)
{
    assert_int_equal(store->ops->state_put(store, kind, xd_str_from(key), xd_str_from(value), NULL),
                     XD_OK);
}

#endif
