/* `crossdock verify [DIR]`: is every byte of a database, or of a backup, what was written, and does
 * it hang together? From the bottom up; what builds on damaged ground is not tried. */
#include "app/bar.h"
#include "app/manifest.h"
#include "store/sqlite/open.h"

#include <stdlib.h>

enum { FINDINGS_SHOWN = 100 };

typedef struct verification {
    const xd_cli *cli;
    const char *folder;    /* of a backup; NULL for a data directory */
    char *files[XD_FILES]; /* own */
    const char *in;        /* name of the file under check, NULL: of none alone */
    xd_bar bar;
    xd_buf findings; /* text, or JSON objects with commas */
    int count;
    xd_page_figures pages;
    xd_wal_figures wal;
    xd_manifest manifest;
    xd_content content;
    bool content_read;
} verification;

static void draw(void *context, int64_t done, int64_t total)
{
    verification *v = context;
    xd_bar_draw(&v->bar, done, total);
}

static void note_as_json(xd_buf *buf, const char *in, const xd_damage *d, bool first)
{
    xd_buf_printf(buf, "%s{\"file\":%s%s%s,\"page\":", first ? "" : ",", in ? "\"" : "",
                  in ? in : "null", in ? "\"" : "");
    if (d->page) {
        xd_buf_int(buf, d->page);
    } else {
        XD_BUF_LIT(buf, "null");
    }
    XD_BUF_LIT(buf, ",\"where\":");
    xd_json_write_string(buf, xd_str_from(d->where));
    XD_BUF_LIT(buf, ",\"what\":");
    xd_json_write_string(buf, xd_str_from(d->what));
    xd_buf_char(buf, '}');
}

static void note(void *context, const xd_damage *damage)
{
    verification *v = context;
    if (v->count++ >= FINDINGS_SHOWN) {
        return;
    }
    if (v->cli->json) {
        note_as_json(&v->findings, v->in, damage, v->count == 1);
        return;
    }
    if (v->in) {
        xd_buf_printf(&v->findings, "%s, ", v->in);
    }
    if (damage->page) {
        xd_buf_printf(&v->findings, "page %lld: ", (long long)damage->page);
    }
    xd_buf_printf(&v->findings, "%s: %s\n", damage->where, damage->what);
}

static void note_text(verification *v, const char *where, const char *what)
{
    xd_damage damage = {.page = 0};
    snprintf(damage.where, sizeof damage.where, "%s", where);
    snprintf(damage.what, sizeof damage.what, "%s", what);
    note(v, &damage);
}

/* Damage that keeps a file from being opened is what verify is asked for, not a failure of it. */
static xd_status as_finding(verification *v, xd_status status, const char *where,
                            const xd_fault *fault)
{
    if (status == XD_CORRUPT) {
        note_text(v, where, fault->text);
        return XD_OK;
    }
    return status;
}

/* --- of a backup: what its manifest says --- */

static void compare_text(verification *v, const char *what, const char *made, const char *is)
{
    if (strcmp(made, is) != 0) {
        char text[160];
        snprintf(text, sizeof text, "is %.64s, and the manifest says %.64s", is, made);
        note_text(v, what, text);
    }
}

static void compare_number(verification *v, const char *what, int64_t made, int64_t is)
{
    char texts[2][24];
    snprintf(texts[0], sizeof texts[0], "%lld", (long long)made);
    snprintf(texts[1], sizeof texts[1], "%lld", (long long)is);
    compare_text(v, what, texts[0], texts[1]);
}

static xd_status check_file(verification *v, int file, xd_fault *fault)
{
    xd_file_print print = {0};
    xd_bar_turn(&v->bar, "hashing");
    XD_TRY(xd_file_print_of(v->files[file], &print, fault));
    compare_number(v, "its size", v->manifest.files[file].bytes, print.bytes);
    compare_text(v, "its SHA-256", v->manifest.files[file].sha256, print.sha256);
    return XD_OK;
}

static void compare_content(verification *v)
{
    const xd_content *made = &v->manifest.content;
    const xd_content *is = &v->content;
    compare_number(v, "the head of the log", made->log_head, is->log_head);
    compare_text(v, "the hash of the log", made->log_hash, is->log_hash);
    compare_number(v, "state_seq", made->state_seq, is->state_seq);
    compare_text(v, "the hash of state", made->state_hash, is->state_hash);
    compare_text(v, "the head of the journal", made->journal_head, is->journal_head);
}

/* --- the steps --- */

static xd_store_mode mode_of(const verification *v)
{
    return v->folder ? XD_STORE_STILL : XD_STORE_READ;
}

static xd_status check_pages(verification *v, int file, xd_fault *fault)
{
    xd_page_figures pages = {0};
    xd_wal_figures wal = {0};
    xd_bar_turn(&v->bar, "reading pages");
    XD_TRY(xd_sqlite_check_pages(v->files[file], draw, note, v, &pages, fault));
    if (!v->folder) {
        XD_TRY(xd_sqlite_check_wal(v->files[file], note, v, &wal, fault));
    }
    v->pages.pages += pages.pages;
    v->pages.unsummed += pages.unsummed;
    v->wal.frames += wal.frames;
    return XD_OK;
}

static xd_status check_bytes(verification *v, xd_fault *fault)
{
    bool manifest = false;
    if (v->folder) {
        xd_status status = xd_manifest_read(v->folder, &v->manifest, fault);
        manifest = status == XD_OK;
        XD_TRY(as_finding(v, status, "the manifest", fault));
    }
    for (int i = 0; i < XD_FILES; i++) {
        v->in = xd_file_names[i];
        if (manifest) {
            XD_TRY(check_file(v, i, fault));
        }
        XD_TRY(check_pages(v, i, fault));
    }
    v->in = NULL;
    return XD_OK;
}

static xd_status check_content(verification *v, xd_fault *fault)
{
    xd_store *store = NULL;
    XD_TRY(xd_store_sqlite_open(v->files[XD_FILE_STATE], mode_of(v), &store, fault));
    xd_bar_turn(&v->bar, "reading the log, the journal and state");
    xd_status status = xd_content_read(store, true, draw, note, v, &v->content, fault);
    xd_store_destroy(store);
    v->content_read = status == XD_OK;
    return status;
}

static xd_status verify(verification *v, xd_fault *fault)
{
    XD_TRY(check_bytes(v, fault));
    if (v->count == v->pages.unsummed) { /* pages without a sum may hold what they should */
        xd_bar_turn(&v->bar, "checking trees and indexes");
        xd_status status =
            xd_sqlite_check_structure(v->files[XD_FILE_STATE], mode_of(v), note, v, fault);
        XD_TRY(as_finding(v, status, "the structure of the file", fault));
    }
    if (v->count == v->pages.unsummed) {
        xd_status status = check_content(v, fault);
        XD_TRY(as_finding(v, status, "the content of the file", fault));
    }
    if (v->folder && v->content_read) {
        compare_content(v);
    }
    return XD_OK;
}

/* --- the answer --- */

static void write_json(const verification *v, xd_buf *buf)
{
    xd_buf_printf(buf, "{\"ok\":%s,\"kind\":\"%s\",\"database\":", v->count ? "false" : "true",
                  v->folder ? "backup" : "data");
    xd_json_write_string(buf, xd_str_from(v->files[XD_FILE_STATE]));
    xd_buf_printf(buf, ",\"pages\":%lld,\"wal_frames\":%lld", (long long)v->pages.pages,
                  (long long)v->wal.frames);
    if (v->content_read) {
        const xd_content *c = &v->content;
        xd_buf_printf(buf,
                      ",\"log_head\":%lld,\"log_hash\":\"%s\",\"state_seq\":%lld,"
                      "\"state_hash\":\"%s\",\"documents\":%lld,\"journals\":%lld,"
                      "\"journal_head\":\"%s\"",
                      (long long)c->log_head, c->log_hash, (long long)c->state_seq, c->state_hash,
                      (long long)c->documents, (long long)c->journals, c->journal_head);
    }
    xd_buf_printf(buf, ",\"findings_count\":%d,\"findings\":[%.*s]}\n", v->count,
                  XD_FMT(xd_buf_str(&v->findings)));
}

static void write_text(const verification *v, xd_buf *buf)
{
    const xd_content *c = &v->content;
    xd_buf_printf(buf, "%s and its log: %lld pages read\n", v->files[XD_FILE_STATE],
                  (long long)v->pages.pages);
    if (v->content_read) {
        xd_buf_printf(buf, "log      %lld events, hash %s\n", (long long)c->log_head, c->log_hash);
        xd_buf_printf(buf, "journal  %lld entries, head %s\n", (long long)c->journals,
                      c->journal_head);
        xd_buf_printf(buf, "state    %lld documents after event %lld, hash %s\n",
                      (long long)c->documents, (long long)c->state_seq, c->state_hash);
    }
    xd_buf_str_add(buf, xd_buf_str(&v->findings));
    if (v->count > FINDINGS_SHOWN) {
        xd_buf_printf(buf, "... and %d more\n", v->count - FINDINGS_SHOWN);
    }
    if (v->count == 0) {
        XD_BUF_LIT(buf, "good: every page matches its checksum, indexes match their tables, the "
                        "journal's chain holds, state follows from the log\n");
    } else {
        xd_buf_printf(buf,
                      "DAMAGED: %d finding%s. Stop the hub, keep a copy of the data "
                      "directory, and restore the last good backup (docs/backup.md)\n",
                      v->count, v->count == 1 ? "" : "s");
    }
}

static int answer_with(const verification *v)
{
    xd_buf buf;
    xd_buf_init(&buf, 4 << 20);
    if (v->cli->json) {
        write_json(v, &buf);
    } else {
        write_text(v, &buf);
    }
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer == XD_EXIT_OK && v->count ? XD_EXIT_FAILED : answer;
}

/* --- what to verify --- */

static bool holds(const char *folder, const char *name)
{
    char *path = xd_file_in(folder, name);
    bool there = path && access(path, F_OK) == 0;
    free(path);
    return there;
}

/* -1, or an exit code. */
static int name_files(verification *v, const char *folder)
{
    for (int i = 0; i < XD_FILES; i++) {
        v->files[i] = xd_file_in(folder, xd_file_names[i]);
        if (!v->files[i]) {
            return xd_cli_say(XD_EXIT_FAILED, "out of memory");
        }
    }
    return -1;
}

/* DIR is a backup, a data directory, or a project folder; without DIR the project's data is meant.
 * -1, or an exit code. */
static int find(xd_cli *cli, verification *v)
{
    const char *folder = cli->argument_count ? cli->arguments[0] : NULL;
    if (folder && holds(folder, XD_MANIFEST_FILE)) {
        v->folder = folder;
    }
    if (folder && (v->folder || holds(folder, XD_DATABASE_FILE))) {
        return name_files(v, folder);
    }
    if (folder && !holds(folder, XD_CONFIG_FILE)) {
        return xd_cli_say(XD_EXIT_NOT_FOUND,
                          "%s holds neither a backup, nor a hub's data, nor a project", folder);
    }
    cli->folder = folder ? folder : cli->folder;
    xd_config config = {0};
    int answer = xd_cli_config(cli, XD_CONFIG_WITHOUT_SECRETS, &config);
    if (answer < 0) {
        answer = name_files(v, config.data_folder);
        xd_config_finish(&config);
    }
    return answer;
}

static int run(xd_cli *cli, verification *v)
{
    int answer = find(cli, v);
    if (answer >= 0) {
        return answer;
    }
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = verify(v, &fault);
    xd_bar_end(&v->bar);
    return status == XD_OK ? answer_with(v) : xd_cli_fault(&fault);
}

int xd_cmd_verify(xd_cli *cli)
{
    verification v = {.cli = cli, .bar = xd_bar_make(cli)};
    xd_buf_init(&v.findings, 1 << 20);
    int answer = run(cli, &v);
    xd_buf_finish(&v.findings);
    for (int i = 0; i < XD_FILES; i++) {
        free(v.files[i]);
    }
    return answer;
}
