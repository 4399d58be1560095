/* `crossdock backup DIR`: a consistent copy of the database while the hub runs.
 *
 * Everything is written into DIR.partial, synced, and renamed to DIR at the end: a folder under the
 * name that was asked for is a whole backup. */
#include "app/bar.h"
#include "app/clock.h"
#include "app/manifest.h"
#include "store/sqlite/copy.h"
#include "store/sqlite/open.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { GIVE_WAY = 10 /* nice: the hub goes first */ };

typedef struct backup {
    const char *source;    /* the hub's database */
    char *folder;          /* owns; without slashes at its end */
    char *partial;         /* owns */
    char *files[XD_FILES]; /* own */
    char *manifest_path;   /* owns */
    int lock_fd;           /* on the partial folder */
    bool broken;           /* the content of the copy does not hang together */
    xd_damage first;
    xd_manifest manifest;
    xd_bar bar;
} backup;

static void draw(void *context, int64_t done, int64_t total)
{
    backup *b = context;
    xd_bar_draw(&b->bar, done, total);
}

static void note(void *context, const xd_damage *damage)
{
    backup *b = context;
    b->first = b->broken ? b->first : *damage;
    b->broken = true;
}

static xd_status refuse_what_exists(const char *folder, xd_fault *fault)
{
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT) {
        return XD_OK;
    }
    bool empty = dir != NULL;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e && empty; e = readdir(dir)) {
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    }
    if (dir) {
        closedir(dir);
    }
    if (empty) {
        return XD_OK;
    }
    xd_fail(fault, XD_CONFLICT, "backup.exists",
            "%s is there already, and a backup never overwrites: name a new folder, such as one "
            "with the date in it",
            folder);
    return XD_CONFLICT;
}

static void unlink_all(const backup *b)
{
    for (int i = 0; i < XD_FILES; i++) {
        unlink(b->files[i]);
    }
    unlink(b->manifest_path);
}

/* What an interrupted backup left is taken over; one under way is left alone. */
static xd_status take_partial(backup *b, xd_fault *fault)
{
    if (mkdir(b->partial, 0700) != 0 && errno != EEXIST) {
        return xd_file_fault("cannot make the folder", b->partial, fault);
    }
    b->lock_fd = open(b->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->lock_fd < 0) {
        return xd_file_fault("cannot open the folder", b->partial, fault);
    }
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return xd_fail(fault, XD_BUSY, "backup.busy", "another backup into %s is under way",
                       b->folder);
    }
    unlink_all(b);
    return XD_OK;
}

static xd_status describe(backup *b, xd_fault *fault)
{
    xd_manifest *m = &b->manifest;
    snprintf(m->program, sizeof m->program, "crossdock %s", XD_VERSION);
    m->schema_version = XD_SQLITE_VERSION;
    xd_buf at;
    xd_buf_init(&at, 64);
    xd_instant_write(&at, xd_clock_wall() / 1000000 * 1000000);
    snprintf(m->made_at, sizeof m->made_at, "%.*s", XD_FMT(xd_buf_str(&at)));
    xd_buf_finish(&at);
    xd_bar_turn(&b->bar, "reading back");
    for (int i = 0; i < XD_FILES; i++) {
        XD_TRY(xd_file_print_of(b->files[i], &m->files[i], fault));
    }
    xd_store *store = NULL;
    XD_TRY(xd_store_sqlite_open(b->files[XD_FILE_STATE], XD_STORE_STILL, &store, fault));
    xd_status status = xd_content_read(store, false, draw, note, b, &m->content, fault);
    xd_store_destroy(store);
    if (status == XD_OK && b->broken) {
        status = xd_fail(fault, XD_CORRUPT, "backup.content",
                         "no backup was made, because the database is damaged: %s %s; "
                         "`crossdock verify` tells more",
                         b->first.where, b->first.what);
    }
    return status;
}

static xd_status finish(backup *b, xd_fault *fault)
{
    xd_buf text;
    xd_buf_init(&text, 1 << 16);
    xd_manifest_write(&b->manifest, &text);
    xd_status status = text.failed ? xd_fail(fault, XD_NO_MEMORY, NULL, "no memory")
                                   : xd_file_write(b->manifest_path, xd_buf_str(&text), fault);
    xd_buf_finish(&text);
    XD_TRY(status);
    XD_TRY(xd_file_sync(b->partial, fault));
    if (rename(b->partial, b->folder) != 0) {
        return xd_file_fault("cannot name the finished backup", b->folder, fault);
    }
    return xd_file_sync_parent(b->folder, fault);
}

static xd_status make(backup *b, xd_fault *fault)
{
    XD_TRY(refuse_what_exists(b->folder, fault));
    XD_TRY(take_partial(b, fault));
    setpriority(PRIO_PROCESS, 0, GIVE_WAY);
    xd_bar_turn(&b->bar, "copying");
    XD_TRY(xd_sqlite_copy(b->source, b->files[XD_FILE_STATE], draw, b, fault));
    xd_bar_turn(&b->bar, "syncing");
    for (int i = 0; i < XD_FILES; i++) {
        XD_TRY(xd_file_sync(b->files[i], fault));
    }
    XD_TRY(describe(b, fault));
    return finish(b, fault);
}

static void say(const xd_cli *cli, const backup *b)
{
    const xd_manifest *m = &b->manifest;
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    if (cli->json) {
        xd_manifest_write(m, &buf);
    } else {
        xd_buf_printf(
            &buf,
            "%s: %lld events, the last recorded %s; %lld documents; %lld bytes\n"
            "Check it now and then: crossdock verify %s\n",
            b->folder, (long long)m->content.log_head,
            m->content.log_at[0] ? m->content.log_at : "never", (long long)m->content.documents,
            (long long)(m->files[XD_FILE_STATE].bytes + m->files[XD_FILE_LOG].bytes), b->folder);
    }
    (void)xd_cli_print(&buf);
    xd_buf_finish(&buf);
}

static xd_status name_all(backup *b, const char *folder, xd_fault *fault)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') {
        n--;
    }
    b->folder = strndup(folder, n);
    b->partial = malloc(n + sizeof ".partial");
    if (!b->folder || !b->partial) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for names");
    }
    snprintf(b->partial, n + sizeof ".partial", "%s.partial", b->folder);
    for (int i = 0; i < XD_FILES; i++) {
        b->files[i] = xd_file_in(b->partial, xd_file_names[i]);
    }
    b->manifest_path = xd_file_in(b->partial, XD_MANIFEST_FILE);
    return b->files[XD_FILE_STATE] && b->files[XD_FILE_LOG] && b->manifest_path
               ? XD_OK
               : xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for names");
}

/* After a failure nothing is left; after success the names no longer lead anywhere. */
static void clean_up(backup *b, bool failed)
{
    if (failed && b->lock_fd >= 0) {
        unlink_all(b);
        rmdir(b->partial);
    }
    if (b->lock_fd >= 0) {
        close(b->lock_fd);
    }
    free(b->folder);
    free(b->partial);
    for (int i = 0; i < XD_FILES; i++) {
        free(b->files[i]);
    }
    free(b->manifest_path);
}

int xd_cmd_backup(xd_cli *cli)
{
    xd_config config = {0};
    int answer = xd_cli_config(cli, XD_CONFIG_WITHOUT_SECRETS, &config);
    if (answer >= 0) {
        return answer;
    }
    backup b = {.source = config.database, .lock_fd = -1, .bar = xd_bar_make(cli)};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = name_all(&b, cli->arguments[0], &fault);
    bool busy = false;
    if (status == XD_OK) {
        status = make(&b, &fault);
        busy = status == XD_BUSY && strcmp(fault.rule, "backup.busy") == 0;
    }
    xd_bar_end(&b.bar);
    answer = XD_EXIT_OK;
    if (status == XD_OK) {
        say(cli, &b);
    } else {
        answer = xd_cli_fault(&fault);
    }
    clean_up(&b, status != XD_OK && !busy);
    xd_config_finish(&config);
    return answer;
}
