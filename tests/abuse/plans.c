/* What the attacks are. */
#include "attack.h"
#include "items.h"
#include "measure.h"
#include "remote.h"
#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIPELINE = 64, FAR_TOO_MUCH = 1 << 30 };

static int say(char *text, size_t size, const char *words)
{
    return snprintf(text, size, "%s", words);
}

static int fill(char *text, size_t size, char c, size_t n)
{
    n = n < size ? n : size;
    memset(text, c, n);
    return (int)n;
}

/* --- slow clients --- */

static int slow_headers(uint32_t number, uint32_t turn, char *text, size_t size)
{
    static const char line[] = "X-Slow: 1\r\n";
    (void)number;
    if (turn == 0) {
        return say(text, size, "POST /v1/events HTTP/1.1\r\nHost: hub\r\n");
    }
    text[0] = line[(turn - 1) % (sizeof line - 1)];
    return 1;
}

static int slow_body(uint32_t number, uint32_t turn, char *text, size_t size)
{
    (void)number;
    if (turn == 0) {
        return say(text, size,
                   "POST /v1/events HTTP/1.1\r\n" ABUSE_HEADERS
                   "Content-Type: application/cloudevents+json\r\nContent-Length: 262144\r\n\r\n{");
    }
    return fill(text, size, ' ', 1);
}

static int silence(uint32_t number, uint32_t turn, char *text, size_t size)
{
    (void)number;
    (void)turn;
    (void)text;
    (void)size;
    return 0;
}

/* --- too much --- */

static int oversized_body(uint32_t number, uint32_t turn, char *text, size_t size)
{
    (void)number;
    if (turn == 0) {
        return snprintf(text, size,
                        "POST /v1/events HTTP/1.1\r\n" ABUSE_HEADERS
                        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                        FAR_TOO_MUCH);
    }
    return fill(text, size, '[', size);
}

/* Chunked and without end: lines, one line, or one event. */
static int endless_body(uint32_t number, uint32_t turn, char *text, size_t size)
{
    if (turn == 0) {
        return snprintf(text, size,
                        "POST /v1/events HTTP/1.1\r\n" ABUSE_HEADERS
                        "Content-Type: application/%s\r\nTransfer-Encoding: chunked\r\n\r\n",
                        number % 3 < 2 ? "x-ndjson" : "cloudevents+json");
    }
    int head = snprintf(text, size, "4000\r\n");
    fill(text + head, 0x4000, number % 3 == 0 ? '\n' : 'x', 0x4000);
    memcpy(text + head + 0x4000, "\r\n", 2);
    return head + 0x4000 + 2;
}

static int endless_headers(uint32_t number, uint32_t turn, char *text, size_t size)
{
    if (turn == 0) {
        return say(text, size, "GET /healthz HTTP/1.1\r\n");
    }
    int n = 0;
    if (number % 2) { /* one header without end */
        n = turn == 1 ? say(text, size, "X-Long: ") : 0;
        return n + fill(text + n, size - (size_t)n, 'a', 4096);
    }
    for (int i = 0; i < 200; i++) {
        n += snprintf(text + n, size - (size_t)n, "X-%u-%d: flood\r\n", turn, i);
    }
    return n;
}

/* --- rude clients --- */

/* Requests that stop anywhere, and a reset in place of the rest or of the answer. */
static int reset_anywhere(uint32_t number, uint32_t turn, char *text, size_t size)
{
    static uint32_t cut;
    (void)size;
    if (turn > 0) {
        return HOSTILE_RESET;
    }
    size_t n = item_request(text, item_next());
    cut = cut * 7 + 13 + number;
    return number % 3 == 0 ? (int)n : (int)(1 + cut % n);
}

static int never_reads(uint32_t number, uint32_t turn, char *text, size_t size)
{
    int n = 0;
    (void)number;
    (void)turn;
    for (int i = 0; i < 8; i++) {
        n += snprintf(text + n, size - (size_t)n,
                      "GET /v1/documents/item?limit=1000 HTTP/1.1\r\n" ABUSE_HEADERS "\r\n");
    }
    return n;
}

static int garbage(uint32_t number, uint32_t turn, char *text, size_t size)
{
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    static uint32_t noise = 1;
    if (turn > 1) {
        return HOSTILE_RESET;
    }
    memcpy(text, hello, sizeof hello - 1);
    size_t n = number % 2 ? 0 : sizeof hello - 1;
    for (; n < 512 && n < size; n++) {
        noise = noise * 1664525 + 1013904223;
        text[n] = (char)(noise >> 24);
    }
    return (int)n;
}

/* --- one request after the other --- */

/* Sends a request, takes its answer and counts it; a connection that is over is opened anew. */
static void exchange(attack *a, web_reader *reader, const char *text, size_t n)
{
    if (reader->fd < 0) {
        reader->fd = web_connect(a->port, 5000);
        reader->len = 0;
    }
    int status = reader->fd >= 0 && web_send(reader->fd, text, n) ? web_answer(reader, NULL) : 0;
    atomic_fetch_add(&a->answers[status > 0 ? status / 100 : 0], 1);
    if (status <= 0 && reader->fd >= 0) {
        web_reset(reader->fd);
        reader->fd = -1;
    }
}

/* Each request with a key of its own that nobody has. */
static void wrong_keys(attack *a)
{
    web_reader *reader = calloc(1, sizeof *reader);
    char text[ITEM_REQUEST_BYTES];
    char key[sizeof ABUSE_SECRET];
    if (!reader) {
        bench_die("abuse: no memory");
    }
    reader->fd = -1;
    for (uint32_t i = 0; !a->stopping; i++) {
        size_t n = item_request(text, item_next());
        snprintf(key, sizeof key, "%0*u", (int)sizeof key - 1, i);
        memcpy(strstr(text, ABUSE_SECRET), key, sizeof key - 1);
        exchange(a, reader, text, n);
        if (i % 4 == 3) {
            bench_sleep_ms(1);
        }
    }
    if (reader->fd >= 0) {
        web_reset(reader->fd);
    }
    free(reader);
}

/* --- pipelining --- */

/* Sends many requests at once and takes the answers one by one: each must come, in order. */
static void pipeline(attack *a)
{
    web_reader *reader = calloc(1, sizeof *reader);
    char *text = malloc((size_t)PIPELINE * ITEM_REQUEST_BYTES);
    if (!reader || !text) {
        bench_die("abuse: no memory");
    }
    while (!a->stopping) {
        uint32_t numbers[PIPELINE];
        size_t n = 0;
        for (int i = 0; i < PIPELINE; i++) {
            numbers[i] = item_next();
            n += item_request(text + n, numbers[i]);
        }
        reader->fd = web_connect(a->port, 5000);
        reader->len = 0;
        bool sent = reader->fd >= 0 && web_send(reader->fd, text, n);
        for (int i = 0; sent && i < PIPELINE; i++) {
            int status = web_answer(reader, NULL);
            if (status <= 0) {
                atomic_fetch_add(&a->closed_on_us, 1);
                break;
            }
            atomic_fetch_add(&a->answers[status / 100], 1);
            if (status / 100 == 2) {
                item_acknowledged(numbers[i]);
            }
        }
        atomic_fetch_add(&a->opened, 1);
        if (reader->fd >= 0) {
            web_reset(reader->fd);
        }
        bench_sleep_ms(50);
    }
    free(reader);
    free(text);
}

/* --- systems that fail --- */

static void mute_remote(attack *a)
{
    uint64_t before = remote_swallowed();
    remote_set_mute(true);
    while (!a->stopping) {
        bench_sleep_ms(20);
        a->pieces = remote_swallowed() - before;
    }
    remote_set_mute(false);
}

/* One key, over and over, that the system behind never takes. */
static void poisoned_key(attack *a)
{
    web_reader *reader = calloc(1, sizeof *reader);
    char text[ITEM_REQUEST_BYTES];
    char body[512];
    static uint32_t version;
    if (!reader) {
        bench_die("abuse: no memory");
    }
    uint64_t before = remote_refused();
    remote_set_poison(true);
    reader->fd = -1;
    while (!a->stopping) {
        int n = snprintf(body, sizeof body,
                         "{\"specversion\":\"1.0\",\"id\":\"p-%u\",\"source\":\"urn:abuse\","
                         "\"type\":\"crossdock.item.v1\",\"data\":{\"item\":\"" POISONED_KEY
                         "\",\"description\":\"%u\",\"uom\":\"EA\"}}",
                         version, version);
        version++;
        n = snprintf(text, sizeof text,
                     "POST /v1/events HTTP/1.1\r\n" ABUSE_HEADERS
                     "Content-Type: application/cloudevents+json\r\nContent-Length: %d\r\n\r\n%s",
                     n, body);
        exchange(a, reader, text, (size_t)n);
        a->pieces = remote_refused() - before;
        bench_sleep_ms(5);
    }
    remote_set_poison(false);
    if (reader->fd >= 0) {
        web_reset(reader->fd);
    }
    free(reader);
}

/* --- what must have been seen --- */

static bool were_cut(const attack *a)
{
    return a->closed_on_us > 0;
}

static bool were_refused_size(const attack *a)
{
    return a->status_413 > 0;
}

static bool were_refused_headers(const attack *a)
{
    return a->answers[4] > 0 || a->closed_on_us > 0;
}

static bool were_all_refused(const attack *a)
{
    return a->answers[4] > 10 && a->answers[2] == 0 && a->answers[5] == 0;
}

static bool were_opened(const attack *a)
{
    return a->opened > 100;
}

static bool were_all_answered(const attack *a)
{
    return a->answers[2] >= PIPELINE && a->closed_on_us == 0;
}

static bool had_effect(const attack *a)
{
    return a->pieces > 0;
}

const attack_plan attack_plans[] = {
    {"slow-headers", "400 clients send a byte of their headers now and then", slow_headers, NULL,
     400, 100, false, were_cut, "slow clients are cut"},
    {"idle", "10,000 connections that never say a word", silence, NULL, 10000, 1000, false,
     were_cut, "idle connections are cut"},
    {"slow-bodies", "200 clients send a byte of an announced body now and then", slow_body, NULL,
     200, 100, false, were_cut, "slow clients are cut"},
    {"oversized", "bodies of an announced gigabyte", oversized_body, NULL, 8, 20, false,
     were_refused_size, "answers of 413"},
    {"endless", "chunked bodies without end, as lines and as one event", endless_body, NULL, 6, 10,
     false, were_cut, "those that go on after their refusal are cut"},
    {"header-flood", "headers without end", endless_headers, NULL, 16, 10, false,
     were_refused_headers, "refusals"},
    {"pipelining", "64 requests at once on one connection", NULL, pipeline, 1, 0, false,
     were_all_answered, "an answer to each request"},
    {"resets", "requests cut anywhere by a reset, some before their answer", reset_anywhere, NULL,
     32, 20, false, were_opened, "many of them"},
    {"never-reads", "32 clients ask for long answers and never read them", never_reads, NULL, 32,
     50, true, had_effect, "requests"},
    {"garbage", "TLS greetings and noise", garbage, NULL, 32, 20, false, were_refused_headers,
     "refusals"},
    {"wrong-keys", "thousands of events a second with keys that nobody has", NULL, wrong_keys, 1, 0,
     false, were_all_refused, "refusals, and nothing else"},
    {"mute-system", "a system takes every delivery and never answers", NULL, mute_remote, 0, 0,
     false, had_effect, "deliveries that it swallowed"},
    {"poisoned-key", "200 documents a second of one key that its system never takes", NULL,
     poisoned_key, 1, 0, false, had_effect, "deliveries that it refused"},
};
const uint32_t attack_count = sizeof attack_plans / sizeof *attack_plans;
