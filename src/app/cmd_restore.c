/* `crossdock restore BACKUP DIR`: puts a backup's database into a data directory.
 *
 * Copies are made beside their places, as crossdock.db.restoring and the like, and renamed when
 * both are whole, the state's last; while its copy lies there no hub starts on the directory. What
 * was in the place is never deleted: with
 * --force it moves into a folder of its own. */
#include "app/bar.h"
#include "app/clock.h"
#include "app/manifest.h"
#include "store/sqlite/open.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define LOCK_FILE XD_DATABASE_FILE ".lock"
#define RESTORING_FILE XD_DATABASE_FILE XD_SQLITE_RESTORING
#define RESTORING_LOG_FILE XD_LOG_FILE XD_SQLITE_RESTORING

typedef struct restoring {
    const char *backup;
    const char *folder;
    char *from[XD_FILES];  /* own: of the backup */
    char *place[XD_FILES]; /* own: where they are to be */
    char *copy[XD_FILES];  /* own: where they are made */
    char aside[64];        /* folder within folder for what was there, "" when nothing was */
    bool force;
    xd_manifest manifest;
    xd_bar bar;
} restoring;

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for names");
}

/* --- the backup --- */

static xd_status check_backup(restoring *r, xd_fault *fault)
{
    XD_TRY(xd_manifest_read(r->backup, &r->manifest, fault));
    if (r->manifest.schema_version > XD_SQLITE_VERSION) {
        return xd_fail(fault, XD_CONFLICT, "backup.newer",
                       "the backup has schema version %lld, written by a newer Crossdock (%s); "
                       "this one knows up to %d: restore it with that program",
                       (long long)r->manifest.schema_version, r->manifest.program,
                       XD_SQLITE_VERSION);
    }
    xd_bar_turn(&r->bar, "checking the backup");
    for (int i = 0; i < XD_FILES; i++) {
        xd_file_print print;
        XD_TRY(xd_file_print_of(r->from[i], &print, fault));
        if (print.bytes != r->manifest.files[i].bytes ||
            strcmp(print.sha256, r->manifest.files[i].sha256) != 0) {
            return xd_fail(fault, XD_CORRUPT, "backup.damaged",
                           "the backup is damaged: its %s is not what its manifest says; "
                           "`crossdock verify %s` names the place. Use another backup",
                           xd_file_names[i], r->backup);
        }
    }
    return XD_OK;
}

/* --- the data directory --- */

static bool is_ours_to_ignore(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, LOCK_FILE) == 0 ||
           strcmp(name, RESTORING_FILE) == 0 || strcmp(name, RESTORING_LOG_FILE) == 0 ||
           strncmp(name, "before-restore-", 15) == 0;
}

static xd_status find_something(const char *folder, char *ret_name, size_t size, xd_fault *fault)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        return xd_file_fault("cannot open", folder, fault);
    }
    ret_name[0] = '\0';
    for (struct dirent *e = readdir(dir); e && !ret_name[0]; e = readdir(dir)) {
        if (!is_ours_to_ignore(e->d_name)) {
            snprintf(ret_name, size, "%s", e->d_name);
        }
    }
    closedir(dir);
    return XD_OK;
}

static xd_status check_folder(const restoring *r, xd_fault *fault)
{
    if (mkdir(r->folder, 0700) != 0 && errno != EEXIST) {
        return xd_file_fault("cannot make the folder", r->folder, fault);
    }
    char name[256];
    XD_TRY(find_something(r->folder, name, sizeof name, fault));
    if (name[0] && !r->force) {
        return xd_fail(fault, XD_CONFLICT, "restore.not_empty",
                       "%s is not empty (it holds %.80s): restore into a new folder, or say "
                       "--force to put the backup in the place of what is there, which then moves "
                       "into a folder beside it",
                       r->folder, name);
    }
    return XD_OK;
}

static xd_status move_aside(const restoring *r, const char *name, xd_fault *fault)
{
    char target[400];
    snprintf(target, sizeof target, "%s/%s", r->aside, name);
    char *from = xd_file_in(r->folder, name);
    char *to = xd_file_in(r->folder, target);
    xd_status status = from && to ? XD_OK : no_memory(fault);
    if (status == XD_OK && rename(from, to) != 0 && errno != ENOENT) {
        status = xd_file_fault("cannot move", from, fault);
    }
    free(from);
    free(to);
    return status;
}

/* A write-ahead log must never meet another database than its own, so it goes first. */
static xd_status clear_place(restoring *r, xd_fault *fault)
{
    static const char *const NAMES[] = {XD_DATABASE_FILE "-wal", XD_LOG_FILE "-wal",
                                        XD_DATABASE_FILE "-shm", XD_LOG_FILE "-shm",
                                        XD_DATABASE_FILE,        XD_LOG_FILE};
    bool any = false;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char *path = xd_file_in(r->folder, NAMES[i]);
        any |= path && access(path, F_OK) == 0;
        free(path);
    }
    if (!any) {
        return XD_OK;
    }
    snprintf(r->aside, sizeof r->aside, "before-restore-%lld", (long long)(xd_clock_wall() / 1000));
    char *aside = xd_file_in(r->folder, r->aside);
    xd_status status = aside ? XD_OK : no_memory(fault);
    if (status == XD_OK && mkdir(aside, 0700) != 0) {
        status = xd_file_fault("cannot make the folder", aside, fault);
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0] && status == XD_OK; i++) {
        status = move_aside(r, NAMES[i], fault);
    }
    status = status == XD_OK ? xd_file_sync(aside, fault) : status;
    free(aside);
    return status;
}

static xd_status copy_file(const restoring *r, int file, xd_fault *fault)
{
    xd_file_print print;
    if (unlink(r->copy[file]) != 0 && errno != ENOENT) { /* of a restore that was interrupted */
        return xd_file_fault("cannot remove", r->copy[file], fault);
    }
    XD_TRY(xd_file_copy(r->from[file], r->copy[file], &print, fault));
    if (strcmp(print.sha256, r->manifest.files[file].sha256) != 0) {
        return xd_fail(fault, XD_CORRUPT, "backup.damaged",
                       "the backup's bytes changed while they were read: check its disk");
    }
    return XD_OK;
}

static xd_status put_in_place(restoring *r, xd_fault *fault)
{
    xd_bar_turn(&r->bar, "copying");
    XD_TRY(copy_file(r, XD_FILE_STATE, fault));
    XD_TRY(copy_file(r, XD_FILE_LOG, fault));
    XD_TRY(xd_file_sync(r->folder, fault));
    XD_TRY(clear_place(r, fault));
    static const int ORDER[XD_FILES] = {XD_FILE_LOG, XD_FILE_STATE};
    for (int i = 0; i < XD_FILES; i++) {
        if (rename(r->copy[ORDER[i]], r->place[ORDER[i]]) != 0) {
            return xd_file_fault("cannot put in place", r->place[ORDER[i]], fault);
        }
        XD_TRY(xd_file_sync(r->folder, fault));
    }
    return xd_file_sync_parent(r->folder, fault);
}

static xd_status restore(restoring *r, xd_fault *fault)
{
    XD_TRY(check_backup(r, fault));
    XD_TRY(check_folder(r, fault));
    int lock_fd;
    XD_TRY(xd_sqlite_take_lock(r->place[XD_FILE_STATE], &lock_fd, fault));
    xd_status status = put_in_place(r, fault);
    close(lock_fd);
    return status;
}

/* --- the answer --- */

static void write_json(const restoring *r, xd_buf *buf)
{
    XD_BUF_LIT(buf, "{\"restored\":true,\"database\":");
    xd_json_write_string(buf, xd_str_from(r->place[XD_FILE_STATE]));
    XD_BUF_LIT(buf, ",\"moved_aside\":");
    if (r->aside[0]) {
        xd_json_write_string(buf, xd_str_from(r->aside));
    } else {
        XD_BUF_LIT(buf, "null");
    }
    xd_buf_printf(buf, ",\"log_head\":%lld,\"state_seq\":%lld,\"made_at\":",
                  (long long)r->manifest.content.log_head,
                  (long long)r->manifest.content.state_seq);
    xd_json_write_string(buf, xd_str_from(r->manifest.made_at));
    XD_BUF_LIT(buf, "}\n");
}

static void write_text(const restoring *r, xd_buf *buf)
{
    const xd_content *c = &r->manifest.content;
    xd_buf_printf(buf, "Restored %s: %lld events, the last recorded %s.\n", r->folder,
                  (long long)c->log_head, c->log_at[0] ? c->log_at : "never");
    if (r->aside[0]) {
        xd_buf_printf(buf, "What was there is kept in %s/%s.\n", r->folder, r->aside);
    }
    xd_buf_printf(
        buf,
        "\nBefore you start the hub on it (docs/backup.md, \"After a restore\"):\n"
        "- What was accepted after %s is not in it. Senders must send it\n"
        "  again; what the hub knows already changes nothing.\n"
        "- Deliveries not settled by then are sent again under the same Idempotency-Key.\n"
        "  Systems that do not know keys are asked (lookup_path), or the delivery stops as\n"
        "  unknown for a person.\n"
        "- Places in the log after %lld are given again, to other events. If idempotency_key of a\n"
        "  system uses {seq}, put a new word in front of it: old keys would repeat, and receivers\n"
        "  would ignore new messages.\n"
        "- Numbers of journal entries after the %lldth are given again: compare with the finance\n"
        "  system first.\n",
        c->log_at[0] ? c->log_at : "the backup", (long long)c->log_head, (long long)c->journals);
}

static int answer_with(const xd_cli *cli, const restoring *r)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    if (cli->json) {
        write_json(r, &buf);
    } else {
        write_text(r, &buf);
    }
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

static xd_status name_files(restoring *r, xd_fault *fault)
{
    static const char *const COPIES[XD_FILES] = {RESTORING_FILE, RESTORING_LOG_FILE};
    for (int i = 0; i < XD_FILES; i++) {
        r->from[i] = xd_file_in(r->backup, xd_file_names[i]);
        r->place[i] = xd_file_in(r->folder, xd_file_names[i]);
        r->copy[i] = xd_file_in(r->folder, COPIES[i]);
        if (!r->from[i] || !r->place[i] || !r->copy[i]) {
            return no_memory(fault);
        }
    }
    return XD_OK;
}

int xd_cmd_restore(xd_cli *cli)
{
    restoring r = {.backup = cli->arguments[0],
                   .folder = cli->arguments[1],
                   .force = xd_cli_option(cli, "force") != NULL,
                   .bar = xd_bar_make(cli)};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = name_files(&r, &fault);
    status = status == XD_OK ? restore(&r, &fault) : status;
    xd_bar_end(&r.bar);
    int answer = status == XD_OK ? answer_with(cli, &r) : xd_cli_fault(&fault);
    for (int i = 0; i < XD_FILES; i++) {
        free(r.from[i]);
        free(r.place[i]);
        free(r.copy[i]);
    }
    return answer;
}
