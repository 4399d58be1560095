/* Items and their account. */
#include "items.h"

#include "measure.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_uint next_number;
static atomic_uint acknowledged_count;
static atomic_bool acknowledged[ITEMS_MAX];
static _Atomic int64_t due[ITEMS_MAX];

uint32_t item_next(void)
{
    uint32_t number = atomic_fetch_add(&next_number, 1);
    if (number >= ITEMS_MAX) {
        bench_die("abuse: more than %d items", ITEMS_MAX);
    }
    return number;
}

uint32_t items_sent(void)
{
    return next_number;
}

size_t item_request(char *text, uint32_t number)
{
    char body[512];
    int n = snprintf(body, sizeof body,
                     "{\"specversion\":\"1.0\",\"id\":\"i-%09u\",\"source\":\"urn:abuse\","
                     "\"type\":\"crossdock.item.v1\",\"data\":{\"item\":\"I-%09u\",\"description\":"
                     "\"bolt, zinc, M8\",\"uom\":\"EA\"}}",
                     number, number);
    n = snprintf(text, ITEM_REQUEST_BYTES,
                 "POST /v1/events HTTP/1.1\r\n" ABUSE_HEADERS
                 "Content-Type: application/cloudevents+json\r\nContent-Length: %d\r\n\r\n%s",
                 n, body);
    return (size_t)n;
}

void item_acknowledged(uint32_t number)
{
    if (!atomic_exchange(&acknowledged[number], true)) {
        atomic_fetch_add(&acknowledged_count, 1);
    }
}

bool item_is_acknowledged(uint32_t number)
{
    return acknowledged[number];
}

uint32_t items_acknowledged(void)
{
    return acknowledged_count;
}

bool item_find(const char *text, uint32_t *ret_number, const char **ret_behind)
{
    const char *found = strstr(text, ITEM_MARK);
    if (!found || sscanf(found + sizeof ITEM_MARK - 1, "%9u", ret_number) != 1 ||
        *ret_number >= ITEMS_MAX) {
        return false;
    }
    if (ret_behind) {
        *ret_behind = found + sizeof ITEM_MARK;
    }
    return true;
}

void item_set_due(uint32_t number, int64_t at_ns)
{
    due[number] = at_ns;
}

int64_t item_due(uint32_t number)
{
    return due[number];
}
