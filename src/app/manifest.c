/* The manifest. See manifest.h. */
#include "app/manifest.h"

#include "base/json.h"
#include "store/sqlite/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FORMAT = 1, TEXT_MAX = 65536 };

const char *const xd_file_names[XD_FILES] = {XD_DATABASE_FILE, XD_LOG_FILE};

static const char SEAL[] = ",\n \"seal\":\"";

static void seal_of(xd_str text, char ret_hex[XD_SHA256_HEX + 1])
{
    uint8_t digest[XD_SHA256_BYTES];
    xd_sha256_of(text, digest);
    xd_hex(digest, sizeof digest, ret_hex);
}

static void write_text(xd_buf *buf, const char *name, const char *value)
{
    xd_buf_printf(buf, ",\n \"%s\":", name);
    xd_json_write_string(buf, xd_str_from(value));
}

static void write_int(xd_buf *buf, const char *name, int64_t value)
{
    xd_buf_printf(buf, ",\n \"%s\":%lld", name, (long long)value);
}

void xd_manifest_write(const xd_manifest *m, xd_buf *buf)
{
    xd_buf_printf(buf, "{\"format\":%d", FORMAT);
    write_text(buf, "program", m->program);
    write_int(buf, "schema_version", m->schema_version);
    write_text(buf, "made_at", m->made_at);
    write_int(buf, "log_head", m->content.log_head);
    write_text(buf, "log_at", m->content.log_at);
    write_text(buf, "log_hash", m->content.log_hash);
    write_int(buf, "state_seq", m->content.state_seq);
    write_text(buf, "state_hash", m->content.state_hash);
    write_int(buf, "documents", m->content.documents);
    write_int(buf, "journals", m->content.journals);
    write_text(buf, "journal_head", m->content.journal_head);
    XD_BUF_LIT(buf, ",\n \"files\":[");
    for (int i = 0; i < XD_FILES; i++) {
        xd_buf_printf(buf, "%s{\"name\":\"%s\",\"bytes\":%lld,\"sha256\":\"%s\"}", i ? ",\n  " : "",
                      xd_file_names[i], (long long)m->files[i].bytes, m->files[i].sha256);
    }
    xd_buf_char(buf, ']');
    char seal[XD_SHA256_HEX + 1];
    seal_of(xd_buf_str(buf), seal);
    xd_buf_printf(buf, "%s%s\"}\n", SEAL, seal);
}

static xd_status read_text(const char *path, xd_buf *buf, xd_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        xd_fail(fault, XD_NOT_FOUND, "backup.missing",
                "there is no manifest %s: this is not a backup, or one that was not finished",
                path);
        return XD_NOT_FOUND;
    }
    if (fd < 0) {
        return xd_file_fault("cannot open", path, fault);
    }
    xd_status status = XD_OK;
    ssize_t n;
    char piece[4096];
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        xd_buf_add(buf, piece, (size_t)n);
    }
    if (n < 0) {
        status = xd_file_fault("cannot read", path, fault);
    }
    close(fd);
    return status;
}

static bool take(const xd_json *json, const char *name, char *ret, size_t size)
{
    xd_str text = xd_json_get_text(json, xd_str_from(name));
    if (!text.ptr || text.len >= size) {
        return false;
    }
    memcpy(ret, text.ptr, text.len);
    ret[text.len] = '\0';
    return true;
}

static bool take_files(const xd_json *files, xd_manifest *m)
{
    bool good = files && files->type == XD_JSON_ARRAY && files->count == XD_FILES;
    for (uint32_t i = 0; good && i < files->count; i++) {
        const xd_json *file = &files->items[i];
        m->files[i].bytes = XD_INT(file, "bytes", -1);
        good = xd_str_eq(XD_TEXT(file, "name"), xd_str_from(xd_file_names[i])) &&
               m->files[i].bytes >= 0 &&
               take(file, "sha256", m->files[i].sha256, sizeof m->files[i].sha256);
    }
    return good;
}

static bool take_all(const xd_json *json, xd_manifest *m)
{
    m->schema_version = XD_INT(json, "schema_version", -1);
    m->content.log_head = XD_INT(json, "log_head", -1);
    m->content.state_seq = XD_INT(json, "state_seq", -1);
    m->content.documents = XD_INT(json, "documents", -1);
    m->content.journals = XD_INT(json, "journals", -1);
    return take(json, "program", m->program, sizeof m->program) &&
           take(json, "made_at", m->made_at, sizeof m->made_at) &&
           take(json, "log_at", m->content.log_at, sizeof m->content.log_at) &&
           take(json, "log_hash", m->content.log_hash, sizeof m->content.log_hash) &&
           take(json, "state_hash", m->content.state_hash, sizeof m->content.state_hash) &&
           take(json, "journal_head", m->content.journal_head, sizeof m->content.journal_head) &&
           take_files(XD_GET(json, "files"), m) && m->content.log_head >= 0 &&
           m->content.state_seq >= 0;
}

static xd_status damaged(const char *path, const char *why, xd_fault *fault)
{
    xd_fail(fault, XD_CORRUPT, "backup.manifest",
            "the manifest %s is damaged: %s; use another "
            "backup",
            path, why);
    xd_fault_at(fault, -1, path);
    return XD_CORRUPT;
}

/* The text ends with the seal over all before it, byte for byte. */
static bool sealed(xd_str text)
{
    const size_t tail = sizeof SEAL - 1 + XD_SHA256_HEX + 3;
    if (text.len < tail) {
        return false;
    }
    xd_buf expected;
    char seal[XD_SHA256_HEX + 1];
    seal_of((xd_str){text.ptr, text.len - tail}, seal);
    xd_buf_init(&expected, 256);
    xd_buf_printf(&expected, "%s%s\"}\n", SEAL, seal);
    bool same = xd_str_eq(xd_buf_str(&expected), (xd_str){text.ptr + text.len - tail, tail});
    xd_buf_finish(&expected);
    return same;
}

static xd_status understand(const char *path, xd_str text, xd_arena *arena, xd_manifest *ret,
                            xd_fault *fault)
{
    const xd_json *json = NULL;
    xd_manifest m = {0};
    if (!sealed(text)) {
        return damaged(path, "its text does not match its seal", fault);
    }
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &json, NULL) != XD_OK) {
        return damaged(path, "it is not JSON", fault);
    }
    if (XD_INT(json, "format", 0) > FORMAT) {
        xd_fail(fault, XD_CONFLICT, "backup.newer",
                "the backup was made by a newer Crossdock (%.*s): use that program",
                XD_FMT(XD_TEXT(json, "program")));
        xd_fault_at(fault, -1, path);
        return XD_CONFLICT;
    }
    if (!take_all(json, &m)) {
        return damaged(path, "a member is missing or of the wrong kind", fault);
    }
    *ret = m;
    return XD_OK;
}

xd_status xd_manifest_read(const char *folder, xd_manifest *ret, xd_fault *fault)
{
    char *path = xd_file_in(folder, XD_MANIFEST_FILE);
    if (!path) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a name");
    }
    xd_buf text;
    xd_arena arena;
    xd_buf_init(&text, TEXT_MAX);
    xd_arena_init(&arena, 1 << 20);
    xd_status status = read_text(path, &text, fault);
    if (status == XD_OK) {
        status = understand(path, xd_buf_str(&text), &arena, ret, fault);
    }
    xd_arena_finish(&arena);
    xd_buf_finish(&text);
    free(path);
    return status;
}
