/* File intake. See intake.h. */
#include "ingress/intake.h"

#include "ingress/cutter.h"
#include "ingress/transform.h"
#include "observe/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 << 10,
    RETRY_MS = 200,     /* while the engine takes nothing */
    LATER_MS = 10000,   /* after a file that could not be finished */
    NAMES_MAX = 1000,   /* files looked at in one scan of a folder */
    COPIES_MAX = 100000 /* files of one name in done/ or failed/ */
};

struct xd_intake {
    xd_intake_options options;
    xd_decode_limits limits;
    xd_engine *engine; /* borrows */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answered; /* the submission under way is done; under lock */
    atomic_bool stopping;
    bool running;
    pthread_t thread;
    atomic_int_fast64_t files_done, files_failed, accepted, duplicates, refused;
};

/* What became of one file. */
typedef enum file_end {
    FILE_DONE,   /* every event is in the log */
    FILE_FAILED, /* something in it was refused */
    FILE_LATER   /* the hub could not take it now: it stays */
} file_end;

/* --- submitting --- */

static void note_done(xd_submission *s)
{
    xd_intake *in = s->context;
    pthread_mutex_lock(&in->lock);
    in->answered = true;
    pthread_cond_broadcast(&in->changed);
    pthread_mutex_unlock(&in->lock);
}

/* Waits for ms, less when stopping. */
static void pause_ms(xd_intake *in, int32_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&in->lock);
    int rc = 0;
    while (!in->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&in->changed, &in->lock, &until);
    }
    pthread_mutex_unlock(&in->lock);
}

static void wait_answered(xd_intake *in)
{
    pthread_mutex_lock(&in->lock);
    while (!in->answered) {
        pthread_cond_wait(&in->changed, &in->lock);
    }
    pthread_mutex_unlock(&in->lock);
}

static bool may_pass(xd_status status)
{
    return status == XD_BUSY || status == XD_FULL || status == XD_IO || status == XD_NO_MEMORY ||
           status == XD_UNAVAILABLE || status == XD_TIMEOUT;
}

/* Submits until it is durable; gives up only when stopping or on a fault that stays. The caller
 * keeps its share of s. */
static xd_status submit(xd_intake *in, xd_submission *s, xd_fault *fault)
{
    for (;;) {
        s->context = in;
        s->done = note_done;
        in->answered = false;
        xd_status status = xd_engine_submit(in->engine, s, fault);
        if (status == XD_OK) {
            wait_answered(in);
            status = s->status;
            *fault = status == XD_OK ? *fault : s->fault;
        }
        if (status == XD_OK || !may_pass(status) || in->stopping) {
            return status;
        }
        pause_ms(in, RETRY_MS);
        if (in->stopping) {
            return status;
        }
        /* The engine gave its share back; it gets a new one for the next attempt. */
        atomic_fetch_add(&s->owners, 1);
        s->status = XD_OK;
        s->fault = XD_FAULT_NONE;
        memset(s->results, 0, s->count * sizeof *s->results);
    }
}

/* --- reading files --- */

static xd_status submit_chunk(xd_intake *in, xd_bulk *bulk, xd_submission *s, xd_fault *fault)
{
    xd_status status = submit(in, s, fault);
    if (status == XD_OK) {
        xd_bulk_settle(bulk, s);
    } else {
        xd_submission_release(s);
    }
    return status;
}

/* Submits all whole lines at hand. */
static xd_status submit_lines(xd_intake *in, xd_bulk *bulk, bool last, xd_fault *fault)
{
    for (;;) {
        xd_submission *s;
        XD_TRY(xd_bulk_next(bulk, last, &s, fault));
        if (!s) {
            return XD_OK;
        }
        XD_TRY(submit_chunk(in, bulk, s, fault));
    }
}

static xd_status read_some(int fd, char *bytes, size_t size, size_t *ret_n, xd_fault *fault)
{
    ssize_t n;
    do {
        n = read(fd, bytes, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return xd_fail(fault, XD_IO, "intake.read", "reading failed: %s", strerror(errno));
    }
    *ret_n = (size_t)n;
    return XD_OK;
}

static xd_status take_lines(xd_intake *in, int fd, xd_bulk *bulk, xd_fault *fault)
{
    char *bytes = malloc(READ_BYTES);
    xd_status status = bytes ? XD_OK : xd_fail(fault, XD_NO_MEMORY, "intake.memory", "no memory");
    for (size_t n = 1; status == XD_OK && n > 0;) {
        status = read_some(fd, bytes, READ_BYTES, &n, fault);
        if (status == XD_OK && n > 0 && !xd_bulk_add(bulk, (xd_str){bytes, n})) {
            status = xd_fail(fault, XD_NO_MEMORY, "intake.memory", "no memory for a line");
        }
        if (status == XD_OK && (n == 0 || xd_bulk_is_full(bulk))) {
            status = submit_lines(in, bulk, n == 0, fault);
        }
        if (status == XD_OK && in->stopping && n > 0) {
            status = xd_fail(fault, XD_BUSY, "intake.stopping", "the hub is stopping");
        }
    }
    free(bytes);
    return status;
}

/* Reads until the end, or until there is more than may be. */
static xd_status read_whole(const xd_intake *in, int fd, xd_buf *text, xd_fault *fault)
{
    for (size_t n = 1; n > 0 && text->len <= in->options.max_file_bytes;) {
        if (!xd_buf_reserve(text, READ_BYTES)) {
            return xd_fail(fault, XD_NO_MEMORY, "intake.memory", "no memory for the file");
        }
        XD_TRY(read_some(fd, text->ptr + text->len, READ_BYTES, &n, fault));
        text->len += n;
    }
    return XD_OK;
}

static xd_status take_document(xd_intake *in, int fd, xd_bulk *bulk, xd_fault *fault)
{
    xd_buf text;
    xd_buf_init(&text, in->options.max_file_bytes + READ_BYTES);
    xd_status status = read_whole(in, fd, &text, fault);
    xd_submission *s = NULL;
    if (status == XD_OK && text.len > in->options.max_file_bytes) {
        status = xd_fail(fault, XD_LIMIT, "intake.file_size",
                         "a .json file may have %zu bytes; put one event on each line and name it "
                         ".ndjson for more",
                         in->options.max_file_bytes);
    }
    if (status == XD_OK) {
        status = xd_bulk_document(bulk, xd_buf_str(&text), &s, fault);
    }
    xd_buf_finish(&text);
    return status == XD_OK && s ? submit_chunk(in, bulk, s, fault) : status;
}

/* --- files whose records are mapped --- */

/* Submits every document of the bytes, which stand in the file where piece says. */
static xd_status map_bytes(xd_intake *in, const xd_source *source, const xd_piece *piece,
                           xd_bulk *bulk, xd_fault *fault)
{
    xd_transform *transform;
    XD_TRY(xd_transform_create(source, piece->bytes, in->options.clock(), bulk, &transform, fault));
    xd_transform_stand_behind(transform, piece->lines_before, piece->bytes_before);
    xd_status status;
    xd_submission *s;
    while ((status = xd_transform_next(transform, &s, fault)) == XD_OK && s) {
        status = submit_chunk(in, bulk, s, fault);
        if (status == XD_OK && in->stopping) {
            status = xd_fail(fault, XD_BUSY, "intake.stopping", "the hub is stopping");
        }
        if (status != XD_OK) {
            break;
        }
    }
    xd_transform_destroy(transform);
    return status;
}

/* Maps the pieces at hand. */
static xd_status map_pieces(xd_intake *in, const xd_source *source, xd_cutter *cutter, bool last,
                            xd_bulk *bulk, bool *ret_over, xd_fault *fault)
{
    for (;;) {
        xd_piece piece;
        XD_TRY(xd_cutter_next(cutter, last, &piece, fault));
        *ret_over = piece.over;
        if (!piece.bytes.ptr) {
            return XD_OK;
        }
        XD_TRY(map_bytes(in, source, &piece, bulk, fault));
    }
}

static xd_status take_long(xd_intake *in, const xd_source *source, int fd, xd_bulk *bulk,
                           xd_fault *fault)
{
    xd_cutter *cutter;
    XD_TRY(xd_cutter_create(source, XD_CUTTER_BYTES, &cutter, fault));
    char *bytes = malloc(READ_BYTES);
    xd_status status = bytes ? XD_OK : xd_fail(fault, XD_NO_MEMORY, "intake.memory", "no memory");
    bool over = false;
    for (size_t n = 1; status == XD_OK && n > 0 && !over;) {
        status = read_some(fd, bytes, READ_BYTES, &n, fault);
        if (status == XD_OK && n > 0 && !xd_cutter_add(cutter, (xd_str){bytes, n})) {
            status = xd_fail(fault, XD_NO_MEMORY, "intake.memory", "no memory for a file");
        }
        if (status == XD_OK) {
            status = map_pieces(in, source, cutter, n == 0, bulk, &over, fault);
        }
    }
    free(bytes);
    xd_cutter_destroy(cutter);
    return status;
}

static xd_status take_short(xd_intake *in, const xd_source *source, int fd, xd_bulk *bulk,
                            xd_fault *fault)
{
    xd_buf text;
    xd_buf_init(&text, in->options.max_file_bytes + READ_BYTES);
    xd_status status = read_whole(in, fd, &text, fault);
    if (status == XD_OK && text.len > in->options.max_file_bytes) {
        status = xd_fail(fault, XD_LIMIT, "intake.file_size",
                         "a file in the format %s is read whole and may have %zu bytes "
                         "(intake.max_file_bytes): send it in parts, or allow more",
                         xd_format_name(source->layout), in->options.max_file_bytes);
    }
    if (status == XD_OK) {
        status = map_bytes(in, source, &(xd_piece){.bytes = xd_buf_str(&text)}, bulk, fault);
    }
    xd_buf_finish(&text);
    return status;
}

static xd_status take_mapped(xd_intake *in, const xd_source *source, int fd, xd_bulk *bulk,
                             xd_fault *fault)
{
    return xd_cutter_can(source) ? take_long(in, source, fd, bulk, fault)
                                 : take_short(in, source, fd, bulk, fault);
}

static bool has_ending(const char *name, const char *ending)
{
    size_t n = strlen(name);
    size_t m = strlen(ending);
    return n >= m && strcasecmp(name + n - m, ending) == 0;
}

/* --- moving files --- */

/* A path that does not exist yet in the sub-folder: NAME, else NAME.1, NAME.2, ... */
static bool free_path(const char *folder, const char *sub, const char *name, char *path,
                      size_t size)
{
    for (int copy = 0; copy < COPIES_MAX; copy++) {
        int n = copy == 0 ? snprintf(path, size, "%s/%s/%s", folder, sub, name)
                          : snprintf(path, size, "%s/%s/%s.%d", folder, sub, name, copy);
        struct stat info;
        if (n < 0 || (size_t)n >= size) {
            return false;
        }
        if (lstat(path, &info) != 0 && errno == ENOENT) {
            return true;
        }
    }
    return false;
}

static bool write_errors(const char *path, const char *name, const xd_bulk *bulk)
{
    char file[4096];
    int n = snprintf(file, sizeof file, "%s.errors.json", path);
    xd_buf text;
    xd_buf_init(&text, (size_t)8 << 20);
    XD_BUF_LIT(&text, "{\"file\":");
    xd_json_write_string(&text, xd_str_from(name));
    xd_buf_char(&text, ',');
    xd_bulk_write(bulk, &text);
    XD_BUF_LIT(&text, "}\n");
    int fd = n > 0 && (size_t)n < sizeof file && !text.failed
                 ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)
                 : -1;
    bool good = fd >= 0;
    for (size_t at = 0; good && at < text.len;) {
        ssize_t written = write(fd, text.ptr + at, text.len - at);
        good = written > 0 || (written < 0 && errno == EINTR);
        at += written > 0 ? (size_t)written : 0;
    }
    if (fd >= 0) {
        good = close(fd) == 0 && good;
    }
    xd_buf_finish(&text);
    return good;
}

/* Moves the file to where its end belongs. */
static file_end move_file(const xd_intake_folder *folder, const char *path, const char *name,
                          const xd_bulk *bulk)
{
    bool failed = bulk->tally.refused > 0;
    char target[4096];
    bool good =
        free_path(folder->folder, failed ? "failed" : "done", name, target, sizeof target) &&
        (!failed || write_errors(target, name, bulk)) && rename(path, target) == 0;
    if (!good) {
        XD_LOG(XD_LOG_ERROR, "intake.move", XD_LOG_TEXT("file", xd_str_from(path)),
               XD_LOG_TEXT("text", xd_str_from(strerror(errno))));
        return FILE_LATER;
    }
    return failed ? FILE_FAILED : FILE_DONE;
}

/* --- one file --- */

static void log_file(const xd_intake_folder *folder, const char *name, file_end end,
                     const xd_bulk_tally *t)
{
    XD_LOG(end == FILE_FAILED ? XD_LOG_WARNING : XD_LOG_INFO,
           end == FILE_FAILED ? "intake.failed" : "intake.done",
           XD_LOG_TEXT("source", xd_str_from(folder->name)), XD_LOG_TEXT("file", xd_str_from(name)),
           XD_LOG_INT("accepted", t->accepted), XD_LOG_INT("duplicates", t->duplicates),
           XD_LOG_INT("refused", t->refused));
}

static void count(atomic_int_fast64_t *figure, int64_t n)
{
    atomic_fetch_add_explicit(figure, n, memory_order_relaxed);
}

/* Counts what the file gave and moves it. */
static file_end finish_file(xd_intake *in, const xd_intake_folder *folder, const char *path,
                            const char *name, const xd_bulk *bulk)
{
    count(&in->accepted, bulk->tally.accepted);
    count(&in->duplicates, bulk->tally.duplicates);
    count(&in->refused, bulk->tally.refused);
    file_end end = move_file(folder, path, name, bulk);
    if (end != FILE_LATER) {
        count(end == FILE_DONE ? &in->files_done : &in->files_failed, 1);
        log_file(folder, name, end, &bulk->tally);
    }
    return end;
}

static file_end take_file(xd_intake *in, const xd_intake_folder *folder, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder->folder, name);
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = XD_OK;
    xd_bulk bulk;
    xd_bulk_init(&bulk, &in->limits, xd_str_from(folder->name));
    if (fd < 0) {
        xd_fail(&fault, XD_DENIED, "intake.open", "cannot open the file: %s", strerror(errno));
        xd_bulk_refuse(&bulk, &fault);
    } else {
        status = folder->source              ? take_mapped(in, folder->source, fd, &bulk, &fault)
                 : has_ending(name, ".json") ? take_document(in, fd, &bulk, &fault)
                                             : take_lines(in, fd, &bulk, &fault);
        close(fd);
    }
    if (status == XD_LIMIT) {
        xd_bulk_refuse(&bulk, &fault);
        status = XD_OK;
    }
    file_end end = FILE_LATER;
    if (status == XD_OK) {
        end = finish_file(in, folder, path, name, &bulk);
    } else if (!in->stopping) {
        xd_fault_at(&fault, fault.offset, name);
        xd_log_fault(XD_LOG_WARNING, "intake.later", &fault);
    }
    xd_bulk_finish(&bulk);
    return end;
}

/* --- folders --- */

/* Whether a name can be a file to read: not hidden, not one being written under another name. */
static bool is_wanted(const xd_intake_folder *folder, const char *name)
{
    return name[0] != '.' && !has_ending(name, ".tmp") && !has_ending(name, ".part") &&
           (folder->pattern  ? fnmatch(folder->pattern, name, 0) == 0
            : folder->source ? true
                             : has_ending(name, ".json") || has_ending(name, ".ndjson") ||
                                   has_ending(name, ".jsonl"));
}

/* Whether it is a plain file that nobody has written to for a while. A file from the future (a
 * wrong clock elsewhere) counts as complete. */
static bool is_complete(const xd_intake *in, const xd_intake_folder *folder, const char *name)
{
    char path[4096];
    struct stat info;
    int n = snprintf(path, sizeof path, "%s/%s", folder->folder, name);
    if (n < 0 || (size_t)n >= sizeof path || lstat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ms = ((int64_t)now.tv_sec - info.st_mtim.tv_sec) * 1000 +
                     (now.tv_nsec - info.st_mtim.tv_nsec) / 1000000;
    return age_ms >= in->options.settle_ms || age_ms < -60000;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of complete files, in order; the caller frees each and the array. */
static size_t list_files(const xd_intake *in, const xd_intake_folder *folder, char **names)
{
    DIR *dir = opendir(folder->folder);
    if (!dir) {
        XD_LOG(XD_LOG_WARNING, "intake.folder", XD_LOG_TEXT("folder", xd_str_from(folder->folder)),
               XD_LOG_TEXT("text", xd_str_from(strerror(errno))));
        return 0;
    }
    size_t count_names = 0;
    struct dirent *entry;
    while (count_names < NAMES_MAX && (entry = readdir(dir)) != NULL) {
        if (is_wanted(folder, entry->d_name) && is_complete(in, folder, entry->d_name)) {
            names[count_names] = strdup(entry->d_name);
            count_names += names[count_names] != NULL;
        }
    }
    closedir(dir);
    qsort(names, count_names, sizeof *names, compare_names);
    return count_names;
}

static uint32_t scan_folder(xd_intake *in, const xd_intake_folder *folder, bool *ret_later)
{
    char **names = malloc(NAMES_MAX * sizeof *names);
    if (!names) {
        return 0;
    }
    uint32_t finished = 0;
    bool go_on = true;
    size_t n = list_files(in, folder, names);
    for (size_t i = 0; i < n; i++) {
        /* Order matters to the sender: when one file has to wait, so do those behind it. */
        go_on = go_on && !in->stopping && take_file(in, folder, names[i]) != FILE_LATER;
        finished += go_on;
        free(names[i]);
    }
    free(names);
    *ret_later = *ret_later || !go_on;
    return finished;
}

static uint32_t scan(xd_intake *in, bool *ret_later)
{
    uint32_t finished = 0;
    *ret_later = false;
    for (uint32_t i = 0; i < in->options.folder_count && !in->stopping; i++) {
        finished += scan_folder(in, &in->options.folders[i], ret_later);
    }
    return finished;
}

uint32_t xd_intake_scan(xd_intake *in)
{
    bool later;
    return scan(in, &later);
}

/* --- life --- */

static xd_status make_folder(const char *folder, const char *sub, xd_fault *fault)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s%s%s", folder, sub[0] ? "/" : "", sub);
    for (char *slash = path + 1; n > 0 && (size_t)n < sizeof path && (slash = strchr(slash, '/'));
         slash++) {
        *slash = '\0';
        (void)mkdir(path, 0750); /* the last one says whether there is a way */
        *slash = '/';
    }
    if (n < 0 || (size_t)n >= sizeof path || (mkdir(path, 0750) != 0 && errno != EEXIST)) {
        return xd_fail(fault, XD_IO, "intake.folder", "cannot make the folder %s: %s", path,
                       strerror(errno));
    }
    return XD_OK;
}

xd_status xd_intake_create(const xd_intake_options *options, xd_engine *engine, xd_intake **ret,
                           xd_fault *fault)
{
    for (uint32_t i = 0; i < options->folder_count; i++) {
        XD_TRY(make_folder(options->folders[i].folder, "", fault));
        XD_TRY(make_folder(options->folders[i].folder, "done", fault));
        XD_TRY(make_folder(options->folders[i].folder, "failed", fault));
    }
    xd_intake *in = calloc(1, sizeof *in);
    if (!in) {
        return xd_fail(fault, XD_NO_MEMORY, "intake.memory", "no memory for the file intake");
    }
    xd_intake_options *o = &in->options;
    *o = *options;
    o->poll_ms = o->poll_ms ? o->poll_ms : 500;
    o->settle_ms = o->settle_ms ? o->settle_ms : 1000;
    o->max_event_bytes = o->max_event_bytes ? o->max_event_bytes : (size_t)1 << 20;
    o->max_file_bytes = o->max_file_bytes ? o->max_file_bytes : (size_t)8 << 20;
    in->limits = (xd_decode_limits){.max_event_bytes = o->max_event_bytes,
                                    .max_depth = o->max_depth ? o->max_depth : 32,
                                    .max_batch = o->max_batch ? o->max_batch : 10000};
    in->engine = engine;
    pthread_mutex_init(&in->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&in->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret = in;
    return XD_OK;
}

static void *run(void *self)
{
    xd_intake *in = self;
    while (!in->stopping) {
        bool later;
        scan(in, &later);
        pause_ms(in, later ? LATER_MS : in->options.poll_ms);
    }
    return NULL;
}

xd_status xd_intake_start(xd_intake *in, xd_fault *fault)
{
    if (pthread_create(&in->thread, NULL, run, in) != 0) {
        return xd_fail(fault, XD_UNAVAILABLE, "intake.thread", "cannot start the intake thread");
    }
    in->running = true;
    return XD_OK;
}

void xd_intake_stop(xd_intake *in)
{
    pthread_mutex_lock(&in->lock);
    in->stopping = true;
    pthread_cond_broadcast(&in->changed);
    pthread_mutex_unlock(&in->lock);
    if (in->running) {
        pthread_join(in->thread, NULL);
        in->running = false;
    }
}

void xd_intake_destroy(xd_intake *in)
{
    if (!in) {
        return;
    }
    xd_intake_stop(in);
    pthread_cond_destroy(&in->changed);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

void xd_intake_metrics(xd_intake *in, xd_buf *buf)
{
    XD_BUF_LIT(buf, "# HELP crossdock_intake_files_total Files read, by end.\n"
                    "# TYPE crossdock_intake_files_total counter\n");
    xd_buf_printf(buf,
                  "crossdock_intake_files_total{end=\"done\"} %lld\n"
                  "crossdock_intake_files_total{end=\"failed\"} %lld\n",
                  (long long)in->files_done, (long long)in->files_failed);
    XD_BUF_LIT(buf, "# HELP crossdock_intake_events_total Events in files, by result.\n"
                    "# TYPE crossdock_intake_events_total counter\n");
    xd_buf_printf(buf,
                  "crossdock_intake_events_total{result=\"accepted\"} %lld\n"
                  "crossdock_intake_events_total{result=\"duplicate\"} %lld\n"
                  "crossdock_intake_events_total{result=\"refused\"} %lld\n",
                  (long long)in->accepted, (long long)in->duplicates, (long long)in->refused);
}
