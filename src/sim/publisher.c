/* Publishing a plan. See publisher.h. Workers take requests from the plan in its order, so what is
 * out of order on the way is what the plan wants, and what a few open connections make so. */
#include "sim/publisher.h"

#include "base/buf.h"
#include "base/json.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    BODY_CAP = 64 << 20,
    ANSWER_CAP = 8 << 20,
    ARENA_CAP = 64 << 20,
    RETRY_FIRST_MS = 50,
    RETRY_MOST_MS = 1000,
    REQUEST_TIMEOUT_MS = 30000,
    CONNECT_TIMEOUT_MS = 2000,
};

typedef struct publishing {
    const xd_publisher_options *options;
    const xd_plan *plan;
    xd_published *result;
    pthread_mutex_t lock; /* guards result and next */
    uint32_t next;        /* sending to take */
    int64_t began_us;
} publishing;

typedef struct worker {
    publishing *all;
    CURL *easy;
    struct curl_slist *headers[3]; /* by mode */
    xd_buf body, answer;
    xd_arena arena;
    char error[CURL_ERROR_SIZE];
    pthread_t thread;
} worker;

int64_t xd_sim_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void xd_sim_sleep_ms(int64_t ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static bool is_over(const publishing *p)
{
    return atomic_load(p->options->stop) || xd_sim_now_us() >= p->options->deadline_us;
}

/* --- one request --- */

static size_t on_answer(char *bytes, size_t size, size_t count, void *self)
{
    worker *w = self;
    xd_buf_add(&w->answer, bytes, size * count);
    return size * count;
}

static void write_body(worker *w, const xd_sending *sending)
{
    const xd_document *documents = &w->all->plan->documents[sending->first];
    bool batch = sending->mode == XD_MODE_BATCH;
    xd_buf_clear(&w->body);
    for (uint32_t i = 0; i < sending->count; i++) {
        if (batch) {
            xd_buf_char(&w->body, i ? ',' : '[');
        }
        xd_buf_str_add(&w->body, documents[i].text);
        if (sending->mode == XD_MODE_NDJSON) {
            xd_buf_char(&w->body, '\n');
        }
    }
    if (batch) {
        xd_buf_char(&w->body, ']');
    }
}

/* Status of the answer; 0 when there was none. */
static long post(worker *w, xd_mode mode)
{
    long status = 0;
    xd_buf_clear(&w->answer);
    curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->headers[mode]);
    curl_easy_setopt(w->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)w->body.len);
    curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, w->body.ptr);
    if (curl_easy_perform(w->easy) != CURLE_OK) {
        return 0;
    }
    curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_temporary(long status)
{
    return status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
}

/* How long to wait before the next try: what the hub asks for, else longer each time. */
static int64_t pause_ms(worker *w, long status, uint32_t tries)
{
    curl_off_t asked_s = 0;
    if (status != 0) {
        curl_easy_getinfo(w->easy, CURLINFO_RETRY_AFTER, &asked_s);
    }
    int64_t ms =
        asked_s > 0 ? (int64_t)asked_s * 1000 : (int64_t)RETRY_FIRST_MS << (tries < 5 ? tries : 5);
    return ms < RETRY_MOST_MS ? ms : RETRY_MOST_MS;
}

/* --- results --- */

/* Lines of an NDJSON request that the hub refused become false in accepted. */
static void read_problems(worker *w, const xd_sending *sending, bool *accepted)
{
    const xd_json *root;
    xd_arena_reset(&w->arena);
    if (xd_json_parse(xd_buf_str(&w->answer), XD_JSON_LIMITS_DEFAULT, &w->arena, &root, NULL) !=
        XD_OK) {
        return;
    }
    const xd_json *problems = XD_GET(root, "problems");
    for (uint32_t i = 0; problems && problems->type == XD_JSON_ARRAY && i < problems->count; i++) {
        int64_t line = XD_INT(&problems->items[i], "line", 0);
        if (line >= 1 && line <= (int64_t)sending->count) {
            accepted[sending->first + (uint32_t)line - 1] = false;
        }
    }
}

static void settle(worker *w, const xd_sending *sending, long status)
{
    publishing *p = w->all;
    xd_published *result = p->result;
    bool good = status >= 200 && status < 300;
    bool final = good || !is_temporary(status);
    bool *accepted = result->accepted;
    for (uint32_t i = 0; i < sending->count; i++) {
        accepted[sending->first + i] = good;
    }
    if (good && sending->mode == XD_MODE_NDJSON) {
        read_problems(w, sending, accepted);
    }
    uint64_t taken = 0;
    uint64_t repeats = 0;
    for (uint32_t i = 0; i < sending->count; i++) {
        taken += accepted[sending->first + i];
        repeats += p->plan->documents[sending->first + i].repeat;
    }
    pthread_mutex_lock(&p->lock);
    result->sent += sending->count;
    result->acknowledged += taken;
    result->repeats_sent += repeats;
    if (final && taken < sending->count) {
        result->refused += sending->count - taken;
        if (!result->first_refusal[0]) {
            snprintf(result->first_refusal, sizeof result->first_refusal, "%ld %.*s", status,
                     (int)(w->answer.len < 400 ? w->answer.len : 400), w->answer.ptr);
        }
    }
    pthread_mutex_unlock(&p->lock);
}

/* Sends until there is a final answer or the time is over. */
static void send_one(worker *w, const xd_sending *sending)
{
    publishing *p = w->all;
    write_body(w, sending);
    long status = w->body.failed ? 413 : post(w, sending->mode);
    for (uint32_t tries = 0; is_temporary(status) && !is_over(p); tries++) {
        xd_sim_sleep_ms(pause_ms(w, status, tries));
        pthread_mutex_lock(&p->lock);
        p->result->retries++;
        pthread_mutex_unlock(&p->lock);
        status = post(w, sending->mode);
    }
    settle(w, sending, status);
}

/* Holds a request back until its first event is due. */
static void pace(const publishing *p, const xd_sending *sending)
{
    uint32_t rate = p->options->rate_per_s;
    int64_t due = rate ? p->began_us + (int64_t)sending->first * 1000000 / rate : 0;
    while (rate && xd_sim_now_us() < due && !is_over(p) && !atomic_load(p->options->hurry)) {
        int64_t left_ms = (due - xd_sim_now_us()) / 1000;
        xd_sim_sleep_ms(left_ms < 1 ? 1 : left_ms < 100 ? left_ms : 100);
    }
}

static void *work(void *self)
{
    worker *w = self;
    publishing *p = w->all;
    for (;;) {
        pthread_mutex_lock(&p->lock);
        uint32_t mine = p->next < p->plan->sending_count ? p->next++ : UINT32_MAX;
        pthread_mutex_unlock(&p->lock);
        if (mine == UINT32_MAX || is_over(p)) {
            return NULL;
        }
        pace(p, &p->plan->sendings[mine]);
        send_one(w, &p->plan->sendings[mine]);
    }
}

/* --- life of a worker --- */

static bool make_headers(worker *w)
{
    static const char *const types[] = {
        [XD_MODE_SINGLE] = "Content-Type: application/cloudevents+json",
        [XD_MODE_BATCH] = "Content-Type: application/cloudevents-batch+json",
        [XD_MODE_NDJSON] = "Content-Type: application/x-ndjson"};
    const char *authorization = w->all->options->authorization;
    for (xd_mode mode = XD_MODE_SINGLE; mode <= XD_MODE_NDJSON; mode++) {
        const char *const lines[] = {types[mode], "Expect:", authorization};
        for (size_t i = 0; i < sizeof lines / sizeof *lines && lines[i]; i++) {
            struct curl_slist *longer = curl_slist_append(w->headers[mode], lines[i]);
            if (!longer) {
                return false;
            }
            w->headers[mode] = longer;
        }
    }
    return true;
}

static bool worker_init(worker *w, publishing *p)
{
    char url[2048];
    *w = (worker){.all = p};
    xd_buf_init(&w->body, BODY_CAP);
    xd_buf_init(&w->answer, ANSWER_CAP);
    xd_arena_init(&w->arena, ARENA_CAP);
    snprintf(url, sizeof url, "%s/v1/events", p->options->hub);
    w->easy = curl_easy_init();
    if (!w->easy || !make_headers(w)) {
        return false;
    }
    curl_easy_setopt(w->easy, CURLOPT_URL, url);
    curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(w->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(w->easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(w->easy, CURLOPT_TIMEOUT_MS, (long)REQUEST_TIMEOUT_MS);
    curl_easy_setopt(w->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, w->error);
    curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(w->easy, CURLOPT_WRITEDATA, w);
    return true;
}

static void worker_finish(worker *w)
{
    curl_easy_cleanup(w->easy);
    for (size_t i = 0; i < sizeof w->headers / sizeof *w->headers; i++) {
        curl_slist_free_all(w->headers[i]);
    }
    xd_buf_finish(&w->body);
    xd_buf_finish(&w->answer);
    xd_arena_finish(&w->arena);
}

xd_status xd_publisher_run(const xd_publisher_options *options, const xd_plan *plan,
                           xd_published *ret, xd_fault *fault)
{
    worker workers[XD_PUBLISHER_CONNECTIONS];
    uint32_t started = 0;
    *ret = (xd_published){.accepted = calloc(plan->document_count + 1, sizeof *ret->accepted)};
    if (!ret->accepted) {
        return xd_fail(fault, XD_NO_MEMORY, "publisher.memory", "no memory for the results");
    }
    publishing p = {.options = options, .plan = plan, .result = ret, .began_us = xd_sim_now_us()};
    pthread_mutex_init(&p.lock, NULL);
    for (; started < XD_PUBLISHER_CONNECTIONS; started++) {
        worker *w = &workers[started];
        if (!worker_init(w, &p) || pthread_create(&w->thread, NULL, work, w) != 0) {
            worker_finish(w);
            break;
        }
    }
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        worker_finish(&workers[i]);
    }
    pthread_mutex_destroy(&p.lock);
    return started > 0 ? XD_OK
                       : xd_fail(fault, XD_UNAVAILABLE, "publisher.curl", "libcurl does not start");
}

void xd_published_finish(xd_published *published)
{
    free(published->accepted);
    published->accepted = NULL;
}
