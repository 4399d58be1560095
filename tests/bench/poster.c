/* The bare loop of POSTs. */
#include "poster.h"

#include "measure.h"

#include <curl/curl.h>
#include <stdlib.h>

typedef struct poster_lane {
    CURL *easy;
    struct curl_slist *headers;
    uint64_t number;
    struct poster_lane *next_free;
} poster_lane;

struct poster {
    CURLM *multi;
    poster_lane *lanes;
    poster_lane *free_lanes;
    uint32_t free_count;
    void *context;
    void (*done)(void *context, uint64_t number);
};

static size_t drop(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

poster *poster_create(uint32_t lanes, void *context, void (*done)(void *context, uint64_t number))
{
    poster *self = calloc(1, sizeof *self);
    poster_lane *all = calloc(lanes, sizeof *all);
    curl_global_init(CURL_GLOBAL_ALL);
    if (!self || !all || !(self->multi = curl_multi_init())) {
        bench_die("out of memory");
    }
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long)lanes);
    self->lanes = all;
    self->context = context;
    self->done = done;
    self->free_count = lanes;
    for (uint32_t i = 0; i < lanes; i++) {
        CURL *easy = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &all[i]);
        all[i].easy = easy;
        all[i].headers = curl_slist_append(NULL, "Content-Type: application/json");
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, all[i].headers);
        all[i].next_free = self->free_lanes;
        self->free_lanes = &all[i];
    }
    return self;
}

int poster_post(poster *self, const char *url, const char *body, size_t body_bytes, uint64_t number)
{
    poster_lane *lane = self->free_lanes;
    if (!lane) {
        return 0;
    }
    self->free_lanes = lane->next_free;
    self->free_count--;
    lane->number = number;
    curl_easy_setopt(lane->easy, CURLOPT_URL, url);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE, (long)body_bytes);
    curl_multi_add_handle(self->multi, lane->easy);
    return 1;
}

uint32_t poster_free_lanes(const poster *self)
{
    return self->free_count;
}

void poster_turn(poster *self, int wait_ms)
{
    int running = 0;
    int left = 0;
    curl_multi_perform(self->multi, &running);
    CURLMsg *message;
    bool any = false;
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        poster_lane *lane = NULL;
        long status = 0;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &lane);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status != 200) {
            bench_die("a POST failed: %s, status %ld", curl_easy_strerror(message->data.result),
                      status);
        }
        curl_multi_remove_handle(self->multi, lane->easy);
        lane->next_free = self->free_lanes;
        self->free_lanes = lane;
        self->free_count++;
        any = true;
        self->done(self->context, lane->number);
    }
    if (!any) {
        curl_multi_poll(self->multi, NULL, 0, wait_ms, NULL);
    }
}

void poster_wake(poster *self)
{
    curl_multi_wakeup(self->multi);
}
