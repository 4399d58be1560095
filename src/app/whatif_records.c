/* Records found again. See whatif_records.h. Reading goes the way that files and bodies go when
 * they come in (ingress/transform.h), so that numbers mean the same; the map on that way asks for a
 * code that nobody has, which makes every record go through as it is. */
#include "app/whatif_records.h"

#include "base/hash.h"
#include "ingress/transform.h"

#include <stdlib.h>

enum {
    OPEN_FILES = 4, /* sources that write to the log at the same time */
    DATA_CAP = 16 << 20,
    RECORD_BYTES = 256 << 20
};

static const char LET_THROUGH[] = "$xref('a', 'record', 'as it is')";

typedef struct file {
    char hash[XD_SHA256_HEX + 1]; /* "" when free */
    const xd_whatif_version *version;
    xd_arena bytes;
    xd_bulk bulk;
    xd_transform *transform;   /* owns */
    xd_submission *submission; /* owns */
    uint32_t at;               /* the next of its events */
    int64_t number;            /* of the event before */
    uint64_t used;
} file;

struct xd_whatif_records {
    xd_store *store; /* borrows */
    xd_codes *codes; /* owns; none in it */
    xd_whatif_version *versions;
    file files[OPEN_FILES];
    uint64_t calls;
};

xd_status xd_whatif_records_create(xd_store *store, xd_whatif_records **ret, xd_fault *fault)
{
    xd_whatif_records *records = calloc(1, sizeof *records);
    if (!records) {
        return xd_fail(fault, XD_NO_MEMORY, "replay.memory", "no memory for the records");
    }
    records->store = store;
    xd_status status = xd_codes_create(&records->codes, fault);
    if (status != XD_OK) {
        free(records);
        return status;
    }
    *ret = records;
    return XD_OK;
}

static void drop_submission(file *f)
{
    if (f->submission) {
        /* It has two owners, and the engine never sees it. */
        xd_submission_release(f->submission);
        xd_submission_release(f->submission);
        f->submission = NULL;
    }
}

static void close_file(file *f)
{
    if (f->hash[0]) {
        drop_submission(f);
        xd_transform_destroy(f->transform);
        xd_bulk_finish(&f->bulk);
        xd_arena_finish(&f->bytes);
        *f = (file){.hash = ""};
    }
}

void xd_whatif_records_destroy(xd_whatif_records *records)
{
    if (!records) {
        return;
    }
    for (int i = 0; i < OPEN_FILES; i++) {
        close_file(&records->files[i]);
    }
    for (xd_whatif_version *v = records->versions; v;) {
        xd_whatif_version *next = v->next;
        xd_source_close(v->reader);
        xd_map_destroy(v->map);
        xd_arena_finish(&v->arena);
        free(v);
        v = next;
    }
    xd_codes_destroy(records->codes);
    free(records);
}

/* --- versions --- */

const xd_whatif_version *xd_whatif_version_find(const xd_whatif_records *records, xd_str hash)
{
    const xd_whatif_version *v = hash.len ? records->versions : NULL;
    while (v && !xd_str_eq(xd_str_from(v->hash), hash)) {
        v = v->next;
    }
    return v;
}

static const char *text_of(xd_arena *arena, xd_str text)
{
    return text.len ? xd_arena_printf(arena, "%.*s", XD_FMT(text)).ptr : NULL;
}

/* The event of the new map in this version's place: all the same but text and name. */
static xd_status write_data(xd_whatif_version *v, const xd_json *data, xd_str text, xd_fault *fault)
{
    uint8_t digest[XD_SHA256_BYTES];
    xd_str seed = xd_arena_printf(&v->arena, "instead of %s: %.*s", v->hash, XD_FMT(text));
    xd_buf buf;
    xd_buf_init(&buf, DATA_CAP);
    if (!seed.ptr) {
        return xd_fail(fault, XD_LIMIT, "replay.map", "the map is too large");
    }
    xd_sha256_of(seed, digest);
    xd_hex(digest, sizeof digest, v->instead);
    xd_buf_printf(&buf, "{\"hash\":\"%s\",\"text\":", v->instead);
    xd_json_write_string(&buf, text);
    for (uint32_t i = 0; i < data->count; i++) {
        const xd_json_member *member = &data->members[i];
        if (!xd_str_eq(member->name, XD_STR("hash")) && !xd_str_eq(member->name, XD_STR("text"))) {
            xd_buf_char(&buf, ',');
            xd_json_write_string(&buf, member->name);
            xd_buf_char(&buf, ':');
            xd_json_write(&buf, &member->value);
        }
    }
    xd_buf_char(&buf, '}');
    v->data = buf.failed ? XD_STR_NULL : xd_arena_copy(&v->arena, xd_buf_str(&buf));
    xd_buf_finish(&buf);
    return v->data.ptr ? XD_OK : xd_fail(fault, XD_LIMIT, "replay.map", "the map is too large");
}

static xd_status fill(xd_whatif_records *records, xd_whatif_version *v, const xd_json *data,
                      xd_str text, xd_fault *fault)
{
    const xd_json *layout = XD_GET(data, "layout");
    xd_buf buf;
    xd_buf_init(&buf, DATA_CAP);
    if (layout && layout->type != XD_JSON_NULL) {
        xd_json_write(&buf, layout);
    }
    xd_source_options options = {.name = "replay",
                                 .map_file = "replay",
                                 .map_text = XD_STR(LET_THROUGH),
                                 .map_hash = xd_str_from(v->hash),
                                 .layout = buf.len ? xd_buf_str(&buf) : XD_STR_NULL,
                                 .to = text_of(&v->arena, XD_TEXT(data, "to")),
                                 .by = text_of(&v->arena, XD_TEXT(data, "by")),
                                 .codes = records->codes};
    xd_status status = options.to
                           ? xd_source_open(&options, &v->reader, fault)
                           : xd_fail(fault, XD_INVALID, "replay.direction",
                                     "it maps what goes out (from): what comes in can be mapped "
                                     "anew, what went out is in the delivery's trace");
    xd_buf_finish(&buf);
    XD_TRY(status);
    XD_TRY(xd_map_compile(XD_TEXT(data, "text"), &v->map, fault));
    return write_data(v, data, text, fault);
}

xd_status xd_whatif_version_add(xd_whatif_records *records, const xd_json *data, xd_str text,
                                const xd_whatif_version **ret, xd_fault *fault)
{
    xd_str hash = XD_TEXT(data, "hash");
    *ret = xd_whatif_version_find(records, hash);
    if (*ret) {
        return XD_OK;
    }
    xd_whatif_version *v = calloc(1, sizeof *v);
    if (!v || hash.len != XD_SHA256_HEX) {
        free(v);
        return xd_fail(fault, v ? XD_CORRUPT : XD_NO_MEMORY, "replay.map",
                       "a version of the map in the log has no hash");
    }
    xd_arena_init(&v->arena, 2 * DATA_CAP);
    memcpy(v->hash, hash.ptr, hash.len);
    v->next = records->versions;
    records->versions = v;
    XD_TRY(fill(records, v, data, text, fault));
    *ret = v;
    return XD_OK;
}

/* --- files --- */

static xd_status open_file(xd_whatif_records *records, file *f, const xd_whatif_version *version,
                           xd_str hash, xd_fault *fault)
{
    const xd_decode_limits limits = {
        .max_event_bytes = RECORD_BYTES, .max_depth = 512, .max_batch = 1};
    xd_str media, bytes;
    close_file(f);
    xd_arena_init(&f->bytes, XD_TRANSFORM_MAX_BYTES + (1 << 20));
    xd_status status =
        records->store->ops->raw_get(records->store, hash, &f->bytes, &media, &bytes, fault);
    uint8_t digest[XD_SHA256_BYTES];
    char found[XD_SHA256_HEX + 1] = "";
    if (status == XD_OK && bytes.ptr) {
        xd_sha256_of(bytes, digest);
        xd_hex(digest, sizeof digest, found);
    }
    if (status == XD_OK && !xd_str_eq(xd_str_from(found), hash)) {
        status = xd_fail(fault, XD_CORRUPT, "replay.raw",
                         "the received bytes %.*s %s: `crossdock verify` tells what is damaged",
                         XD_FMT(hash), bytes.ptr ? "are not what was received" : "are not there");
    }
    if (status != XD_OK) {
        xd_arena_finish(&f->bytes);
        return status;
    }
    xd_bulk_init(&f->bulk, &limits, XD_STR(""));
    status = xd_transform_create(version->reader, bytes, 0, &f->bulk, &f->transform, fault);
    memcpy(f->hash, found, sizeof found);
    f->version = version;
    if (status != XD_OK) {
        close_file(f);
    }
    return status;
}

static int64_t number_of(xd_str raw)
{
    int64_t number = 0;
    const char *mark = raw.len ? memchr(raw.ptr, '#', raw.len) : NULL;
    if (!mark ||
        !xd_str_to_int64((xd_str){mark + 1, (size_t)(raw.ptr + raw.len - mark - 1)}, &number)) {
        return 0;
    }
    return number;
}

/* The file, opened anew when the record is behind what was read. */
static xd_status find_file(xd_whatif_records *records, const xd_whatif_version *version,
                           xd_str hash, int64_t number, file **ret, xd_fault *fault)
{
    file *place = &records->files[0];
    for (int i = 0; i < OPEN_FILES; i++) {
        file *f = &records->files[i];
        if (f->hash[0] && f->version == version && xd_str_eq(xd_str_from(f->hash), hash) &&
            f->number < number) {
            *ret = f;
            return XD_OK;
        }
        place = f->used < place->used ? f : place;
    }
    *ret = place;
    return open_file(records, place, version, hash, fault);
}

xd_status xd_whatif_record(xd_whatif_records *records, const xd_whatif_version *version, xd_str raw,
                           const xd_json **ret, xd_fault *fault)
{
    int64_t number = number_of(raw);
    file *f = NULL;
    XD_TRY(find_file(records, version,
                     (xd_str){raw.ptr, raw.len < XD_SHA256_HEX ? raw.len : XD_SHA256_HEX}, number,
                     &f, fault));
    f->used = ++records->calls;
    for (;;) {
        while (f->submission && f->at < f->submission->count) {
            const xd_event *event = &f->submission->events[f->at++];
            f->number = number_of(event->raw);
            if (f->number >= number) {
                *ret = XD_GET(event->data, "record");
                return f->number == number && *ret
                           ? XD_OK
                           : xd_fail(fault, XD_NOT_FOUND, "replay.record",
                                     "the layout finds no record %lld in what was received",
                                     (long long)number);
            }
        }
        drop_submission(f);
        XD_TRY(xd_transform_next(f->transform, &f->submission, fault));
        f->at = 0;
        if (!f->submission) {
            f->number = INT64_MAX; /* at its end: opened anew should it be asked for again */
            return xd_fail(fault, XD_NOT_FOUND, "replay.record",
                           "the layout finds no record %lld in what was received",
                           (long long)number);
        }
    }
}
