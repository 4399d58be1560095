/* crossdock-sim: plays a distributor's systems around a hub and audits the outcome from outside.
 * Knows of the hub only what goes over the wire. See docs/simulator.md. */
#include "sim/audit.h"
#include "sim/options.h"
#include "sim/watch.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    KEY_MAX = 4096,
    SETTLED_MS = 1000,   /* so long nothing new, and everything is there: done */
    HOPELESS_MS = 15000, /* so long nothing new, though something is missing: done */
    POLL_MS = 50,
    SIGNAL_POLL_MS = 100,
    SUMMARY_CAP = 1 << 16,
};

typedef struct run {
    xd_sim_options options;
    char authorization[KEY_MAX + 64];
    int64_t deadline_us;
    atomic_bool stop;  /* asked to by a signal, or all is done */
    atomic_bool hurry; /* asked to publish the rest at once */
    pthread_t signals;
    xd_plan plan;
    xd_book book;
    xd_receiver *receiver;
    xd_watch *watch;
    xd_published published;
    xd_audit audit;
} run;

static int say_fault(const xd_fault *fault)
{
    fprintf(stderr, "crossdock-sim: %s\n", fault->text);
    return EXIT_FAILURE;
}

static void say(const run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const run *r, const char *format, ...)
{
    va_list arguments;
    if (!r->options.json) {
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
    }
}

/* --- before --- */

static xd_status read_key(run *r, xd_fault *fault)
{
    char key[KEY_MAX];
    const char *path = r->options.key_file;
    FILE *file = fopen(path, "r");
    bool read = file && fgets(key, sizeof key, file);
    if (file) {
        fclose(file);
    }
    if (!read) {
        return xd_fail(fault, XD_IO, "sim.key", "cannot read a key from %s: %s", path,
                       strerror(errno));
    }
    key[strcspn(key, "\r\n")] = '\0';
    snprintf(r->authorization, sizeof r->authorization, "Authorization: Bearer %s", key);
    return XD_OK;
}

/* The file appears whole or not at all, so that who waits for it reads a port. */
static xd_status write_port(const char *path, uint16_t port, xd_fault *fault)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file = n > 0 && (size_t)n < sizeof temporary ? fopen(temporary, "w") : NULL;
    bool written = file && fprintf(file, "%u\n", port) > 0;
    if (file && fclose(file) != 0) {
        written = false;
    }
    return written && rename(temporary, path) == 0
               ? XD_OK
               : xd_fail(fault, XD_IO, "sim.port_file", "cannot write %s: %s", path,
                         strerror(errno));
}

/* SIGTERM and SIGINT end the run early, with its summary; SIGUSR1 ends its rate. */
static void *wait_for_signal(void *self)
{
    run *r = self;
    sigset_t signals;
    const struct timespec tick = {.tv_nsec = SIGNAL_POLL_MS * 1000000L};
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    while (!atomic_load(&r->stop)) {
        int signal_number = sigtimedwait(&signals, NULL, &tick);
        if (signal_number == SIGUSR1) {
            atomic_store(&r->hurry, true);
        } else if (signal_number > 0) {
            atomic_store(&r->stop, true);
        }
    }
    return NULL;
}

static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static xd_status open_run(run *r, xd_fault *fault)
{
    const xd_sim_options *o = &r->options;
    if (o->key_file) {
        XD_TRY(read_key(r, fault));
    }
    XD_TRY(xd_plan_make(o->receiver.seed, o->orders, &r->plan, fault));
    XD_TRY(xd_receiver_start(&o->receiver, &r->book, &r->receiver, fault));
    uint16_t port = xd_receiver_port(r->receiver);
    say(r, "receiving on http://127.0.0.1:%u (erp, procurement, finance, wms)\n", port);
    if (o->port_file) {
        XD_TRY(write_port(o->port_file, port, fault));
    }
    return xd_watch_start(o->hub, &r->watch, fault);
}

/* --- during --- */

static xd_status publish(run *r, xd_fault *fault)
{
    const xd_sim_options *o = &r->options;
    xd_publisher_options options = {.hub = o->hub,
                                    .authorization = o->key_file ? r->authorization : NULL,
                                    .rate_per_s = o->rate_per_s,
                                    .deadline_us = r->deadline_us,
                                    .stop = &r->stop,
                                    .hurry = &r->hurry};
    say(r, "publishing %u documents of %u orders in %u requests to %s\n", r->plan.document_count,
        r->plan.orders, r->plan.sending_count, o->hub);
    int64_t began = xd_sim_now_us();
    XD_TRY(xd_publisher_run(&options, &r->plan, &r->published, fault));
    const xd_published *p = &r->published;
    say(r,
        "published in %lld ms: %llu sent, %llu acknowledged, %llu refused, %llu sent twice on "
        "purpose, %llu retries\n",
        (long long)((xd_sim_now_us() - began) / 1000), (unsigned long long)p->sent,
        (unsigned long long)p->acknowledged, (unsigned long long)p->refused,
        (unsigned long long)p->repeats_sent, (unsigned long long)p->retries);
    if (p->first_refusal[0]) {
        say(r, "first refusal: %s\n", p->first_refusal);
    }
    return XD_OK;
}

/* Repeats that faults explain: answers the hub did not get in time, and what it had open, or not
 * yet recorded, when it went away. */
static uint64_t repeats_allowed(run *r)
{
    pthread_mutex_lock(&r->book.lock);
    uint64_t batch = r->book.largest_batch;
    pthread_mutex_unlock(&r->book.lock);
    return xd_receiver_doubtful(r->receiver) +
           (uint64_t)xd_watch_outages(r->watch) * r->options.open_requests * XD_PARTY_COUNT * batch;
}

static xd_status look(run *r, xd_fault *fault)
{
    return xd_audit_look(&r->plan, &r->published, &r->book, repeats_allowed(r), &r->audit, fault);
}

/* Waits until everything has arrived and it is quiet, until nothing new has come for long, or until
 * the time is over. Who only receives does so until then. */
static xd_status wait_for_rest(run *r, xd_fault *fault)
{
    uint64_t seen = xd_book_activity(&r->book);
    int64_t changed_us = xd_sim_now_us();
    bool looked = false;
    while (!atomic_load(&r->stop) && xd_sim_now_us() < r->deadline_us) {
        xd_sim_sleep_ms(POLL_MS);
        uint64_t now_seen = xd_book_activity(&r->book);
        int64_t quiet_ms = (xd_sim_now_us() - changed_us) / 1000;
        if (now_seen != seen) {
            seen = now_seen;
            changed_us = xd_sim_now_us();
            looked = false;
        } else if (r->plan.orders > 0 && quiet_ms >= HOPELESS_MS) {
            break;
        } else if (r->plan.orders > 0 && quiet_ms >= SETTLED_MS && !looked) {
            XD_TRY(look(r, fault));
            looked = true;
            if (!r->options.audit || xd_audit_complete(&r->audit)) {
                break;
            }
        }
    }
    return look(r, fault);
}

/* --- after --- */

static bool is_good(const run *r)
{
    const xd_published *p = &r->published;
    bool all_sent = p->acknowledged == r->plan.document_count && p->refused == 0;
    return all_sent && (!r->options.audit || xd_audit_clean(&r->audit));
}

static void number(xd_buf *buf, const char *name, uint64_t value)
{
    xd_buf_printf(buf, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void write_summary(const run *r, xd_buf *buf)
{
    const xd_published *p = &r->published;
    const xd_audit *a = &r->audit;
    xd_buf_printf(buf, "{\"seed\":%llu", (unsigned long long)r->plan.seed);
    number(buf, "orders", r->plan.orders);
    number(buf, "events_sent", p->sent);
    number(buf, "accepted", p->acknowledged);
    number(buf, "duplicates_sent", p->repeats_sent);
    number(buf, "refused", p->refused);
    number(buf, "retries", p->retries);
    number(buf, "outages", xd_watch_outages(r->watch));
    number(buf, "receipts", a->expected);
    number(buf, "lost", a->lost);
    number(buf, "duplicated", a->duplicated);
    number(buf, "repeats", a->repeats);
    number(buf, "repeats_allowed", a->repeats_allowed);
    number(buf, "conflicting", a->conflicting);
    number(buf, "unreadable", a->unreadable);
    number(buf, "journals", a->journals);
    number(buf, "unbalanced", a->unbalanced);
    number(buf, "gaps", a->gaps);
    number(buf, "out_of_order", a->out_of_order);
    XD_BUF_LIT(buf, ",\"systems\":{");
    for (xd_party i = 0; i < XD_PARTY_COUNT; i++) {
        const xd_audit_party *party = &a->parties[i];
        xd_buf_printf(buf, "%s\"%s\":{\"taken\":%llu,\"repeats\":%llu,\"missing\":%llu}",
                      i ? "," : "", xd_party_name(i), (unsigned long long)party->taken,
                      (unsigned long long)party->repeats, (unsigned long long)party->missing);
    }
    XD_BUF_LIT(buf, "},\"faults\":{");
    for (xd_mishap m = XD_MISHAP_SLOW; m < XD_MISHAP_COUNT; m++) {
        xd_buf_printf(buf, "%s\"%s\":%llu", m > XD_MISHAP_SLOW ? "," : "", xd_mishap_name(m),
                      (unsigned long long)xd_receiver_mishaps(r->receiver, m));
    }
    xd_buf_printf(buf, "},\"ok\":%s}\n", is_good(r) ? "true" : "false");
}

static void say_audit(const run *r)
{
    const xd_audit *a = &r->audit;
    for (xd_party i = 0; i < XD_PARTY_COUNT; i++) {
        say(r, "%-12s %8llu messages, %llu repeats, %llu receipts missing\n", xd_party_name(i),
            (unsigned long long)a->parties[i].taken, (unsigned long long)a->parties[i].repeats,
            (unsigned long long)a->parties[i].missing);
    }
    say(r,
        "audit: %llu receipts expected, %llu lost, %llu told twice, %llu repeats (%llu explained "
        "by "
        "faults), %llu journal entries, %llu unbalanced, %llu gaps, %llu out of order: %s\n",
        (unsigned long long)a->expected, (unsigned long long)a->lost,
        (unsigned long long)a->duplicated, (unsigned long long)a->repeats,
        (unsigned long long)a->repeats_allowed, (unsigned long long)a->journals,
        (unsigned long long)a->unbalanced, (unsigned long long)a->gaps,
        (unsigned long long)a->out_of_order, is_good(r) ? "good" : "NOT GOOD");
    if (a->first_lost[0]) {
        say(r, "first lost: %s\n", a->first_lost);
    }
    if (a->first_disorder[0]) {
        say(r, "first out of order: %s\n", a->first_disorder);
    }
}

static int play(run *r)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_buf summary;
    if (publish(r, &fault) != XD_OK || wait_for_rest(r, &fault) != XD_OK) {
        return say_fault(&fault);
    }
    say_audit(r);
    xd_buf_init(&summary, SUMMARY_CAP);
    write_summary(r, &summary);
    fwrite(summary.ptr, 1, summary.len, stdout);
    xd_buf_finish(&summary);
    return fflush(stdout) == 0 && is_good(r) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void close_run(run *r)
{
    atomic_store(&r->stop, true);
    xd_watch_stop(r->watch);
    xd_receiver_stop(r->receiver);
    xd_published_finish(&r->published);
    xd_book_finish(&r->book);
    xd_plan_finish(&r->plan);
}

int main(int argc, char **argv)
{
    run r = {0};
    xd_fault fault = XD_FAULT_NONE;
    int code = xd_sim_options_parse(argc, argv, &r.options);
    if (code >= 0) {
        return code;
    }
    block_signals();
    r.deadline_us = xd_sim_now_us() + (int64_t)r.options.timeout_s * 1000000;
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK ||
        pthread_create(&r.signals, NULL, wait_for_signal, &r) != 0) {
        fprintf(stderr, "crossdock-sim: libcurl or a thread does not start\n");
        return EXIT_FAILURE;
    }
    code = EXIT_FAILURE;
    if (xd_book_init(&r.book, r.options.ledger, &fault) != XD_OK || open_run(&r, &fault) != XD_OK) {
        say_fault(&fault);
    } else {
        code = play(&r);
    }
    close_run(&r);
    pthread_join(r.signals, NULL);
    curl_global_cleanup();
    return code;
}
