/* The bytes that documents were mapped from, as they were received. May call base and SQLite. */
#include "api/read_int.h"

enum { DIGITS_LEAST = 8, DIGITS = 64 };

static const char *media_of(xd_str stored)
{
    static const char *const known[] = {"text/csv", "application/xml", "application/json",
                                        "application/x-ndjson", "text/plain"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (xd_str_eq(stored, xd_str_from(known[i]))) {
            return known[i];
        }
    }
    return "application/octet-stream";
}

/* The beginning of a hash, and after # (as in the member raw of an event) the record's number. */
static bool read_name(xd_str rest, xd_str *ret)
{
    const char *mark = memchr(rest.ptr, '#', rest.len);
    xd_str hash = {rest.ptr, mark ? (size_t)(mark - rest.ptr) : rest.len};
    bool good = hash.len >= DIGITS_LEAST && hash.len <= DIGITS;
    for (size_t i = 0; good && i < hash.len; i++) {
        char c = hash.ptr[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    *ret = hash;
    return good;
}

xd_status xd_ask_raw(xd_ask *ask)
{
    xd_str hash;
    if (!read_name(ask->rest, &hash)) {
        return xd_fail(
            ask->fault, XD_INVALID, "raw.hash",
            "%.*s is no hash: give its %d hexadecimal digits, or the first %d of them or "
            "more; `crossdock trace` shows them",
            (int)(ask->rest.len < 100 ? ask->rest.len : 100), ask->rest.ptr, DIGITS, DIGITS_LEAST);
    }
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask,
                          "SELECT media, bytes, (SELECT count(*) FROM raw WHERE hash >= ?1 AND"
                          " hash < ?1 || 'g') FROM raw WHERE hash >= ?1 AND hash < ?1 || 'g'"
                          " LIMIT 1",
                          &s));
    xd_bind(s, 1, hash);
    xd_status status = XD_OK;
    if (!xd_ask_row(ask, s, &status)) {
        return status != XD_OK
                   ? status
                   : xd_fail(ask->fault, XD_NOT_FOUND, "raw.unknown",
                             "nothing was received whose hash begins with %.*s", XD_FMT(hash));
    }
    if (sqlite3_column_int64(s, 2) > 1) {
        return xd_fail(ask->fault, XD_CONFLICT, "raw.several",
                       "several hashes begin with %.*s; give more of it", XD_FMT(hash));
    }
    XD_TRY(xd_ask_media_type(ask, media_of(xd_column(s, 0))));
    xd_buf_add(ask->out, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
    return XD_OK;
}
