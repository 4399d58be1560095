/* Counts outages of the hub. See watch.h. */
#include "sim/watch.h"

#include "sim/publisher.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { INTERVAL_MS = 100, TIMEOUT_MS = 2000 };

struct xd_watch {
    CURL *easy;
    pthread_t thread;
    atomic_bool stopping;
    atomic_uint outages;
};

static size_t ignore(char *bytes, size_t size, size_t count, void *self)
{
    (void)bytes;
    (void)self;
    return size * count;
}

/* A hub that was restarted between two questions shows as a new connection where the old one was in
 * use; one that always closes after an answer does not. */
static void *watch(void *self)
{
    xd_watch *w = self;
    bool up = false;
    bool reused = false;
    while (!atomic_load(&w->stopping)) {
        long connects = 0;
        CURLcode code = curl_easy_perform(w->easy);
        curl_easy_getinfo(w->easy, CURLINFO_NUM_CONNECTS, &connects);
        if (code != CURLE_OK && code != CURLE_OPERATION_TIMEDOUT) {
            atomic_fetch_add(&w->outages, up);
            up = reused = false;
        } else if (code == CURLE_OK) {
            atomic_fetch_add(&w->outages, up && reused && connects > 0);
            up = true;
            reused = connects == 0;
        }
        xd_sim_sleep_ms(INTERVAL_MS);
    }
    return NULL;
}

xd_status xd_watch_start(const char *hub, xd_watch **ret, xd_fault *fault)
{
    char url[2048];
    xd_watch *w = calloc(1, sizeof *w);
    snprintf(url, sizeof url, "%s/healthz", hub);
    if (!w || !(w->easy = curl_easy_init())) {
        free(w);
        return xd_fail(fault, XD_NO_MEMORY, "watch.memory", "no memory to watch the hub");
    }
    curl_easy_setopt(w->easy, CURLOPT_URL, url);
    curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(w->easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION, ignore);
    if (pthread_create(&w->thread, NULL, watch, w) != 0) {
        curl_easy_cleanup(w->easy);
        free(w);
        return xd_fail(fault, XD_UNAVAILABLE, "watch.thread", "no thread to watch the hub");
    }
    *ret = w;
    return XD_OK;
}

uint32_t xd_watch_outages(const xd_watch *watch_)
{
    return atomic_load(&watch_->outages);
}

void xd_watch_stop(xd_watch *w)
{
    if (w) {
        atomic_store(&w->stopping, true);
        pthread_join(w->thread, NULL);
        curl_easy_cleanup(w->easy);
        free(w);
    }
}
