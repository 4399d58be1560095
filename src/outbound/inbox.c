/* Inbox. See inbox.h. */
#include "outbound/inbox.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_ITEMS = 256 };

bool xd_inbox_init(xd_inbox *in, size_t parcels_max, size_t bytes_max)
{
    *in = (xd_inbox){.parcels_max = parcels_max, .bytes_max = bytes_max};
    in->items = malloc(FIRST_ITEMS * sizeof(xd_inbox_item));
    in->taken = malloc(FIRST_ITEMS * sizeof(xd_inbox_item));
    in->size = in->taken_size = FIRST_ITEMS;
    if (!in->items || !in->taken) {
        free(in->items);
        free(in->taken);
        *in = (xd_inbox){0};
        return false;
    }
    pthread_mutex_init(&in->lock, NULL);
    return true;
}

void xd_inbox_finish(xd_inbox *in)
{
    if (!in->items) {
        return;
    }
    for (size_t i = 0; i < in->count; i++) {
        xd_parcel_release(in->items[i].parcel);
        xd_submission_release(in->items[i].done);
    }
    free(in->items);
    free(in->taken);
    pthread_mutex_destroy(&in->lock);
    *in = (xd_inbox){0};
}

static size_t bytes_of(const xd_parcel *p)
{
    return sizeof *p + p->data_text.len + p->effect.len;
}

static bool wake_reader(xd_inbox *in)
{
    bool wake = in->asleep;
    in->asleep = false;
    return wake;
}

/* Room for a parcel and, always, one done submission after it. */
static bool room_for_parcel(xd_inbox *in, const xd_parcel *parcel)
{
    bool late = parcel->seq <= in->last_seq;
    bool full =
        in->parcel_count >= in->parcels_max || in->parcel_bytes + bytes_of(parcel) > in->bytes_max;
    if (in->lost_to || (full && !late)) {
        return false; /* after a lost one all are, so that none overtakes it */
    }
    if (in->count + 2 > in->size) {
        xd_inbox_item *items = realloc(in->items, in->size * 2 * sizeof *items);
        if (!items) {
            return false;
        }
        in->items = items;
        in->size *= 2;
    }
    return true;
}

bool xd_inbox_put_parcel(xd_inbox *in, xd_parcel *parcel)
{
    pthread_mutex_lock(&in->lock);
    bool put = !in->closed && room_for_parcel(in, parcel);
    if (put) {
        in->items[in->count++] = (xd_inbox_item){.parcel = parcel};
        in->parcel_count++;
        in->parcel_bytes += bytes_of(parcel);
    } else if (!in->closed) {
        in->lost_from = !in->lost_to || parcel->seq < in->lost_from ? parcel->seq : in->lost_from;
        in->lost_to = parcel->seq > in->lost_to ? parcel->seq : in->lost_to;
    }
    in->last_seq = parcel->seq > in->last_seq ? parcel->seq : in->last_seq;
    bool wake = wake_reader(in);
    pthread_mutex_unlock(&in->lock);
    if (!put) {
        xd_parcel_release(parcel);
    }
    return wake;
}

bool xd_inbox_put_done(xd_inbox *in, xd_submission *submission)
{
    pthread_mutex_lock(&in->lock);
    assert(in->count < in->size);
    in->items[in->count++] = (xd_inbox_item){.done = submission};
    bool wake = wake_reader(in);
    pthread_mutex_unlock(&in->lock);
    return wake;
}

void xd_inbox_take(xd_inbox *in, xd_inbox_load *ret)
{
    pthread_mutex_lock(&in->lock);
    in->asleep = false;
    xd_inbox_item *items = in->items;
    size_t size = in->size;
    *ret = (xd_inbox_load){items, in->count, in->lost_from, in->lost_to};
    in->items = in->taken;
    in->size = in->taken_size;
    in->taken = items;
    in->taken_size = size;
    in->count = 0;
    in->parcel_count = 0;
    in->parcel_bytes = 0;
    in->lost_from = 0;
    in->lost_to = 0;
    pthread_mutex_unlock(&in->lock);
}

bool xd_inbox_may_sleep(xd_inbox *in)
{
    pthread_mutex_lock(&in->lock);
    bool empty = in->count == 0 && !in->lost_to;
    in->asleep = empty;
    pthread_mutex_unlock(&in->lock);
    return empty;
}

void xd_inbox_close(xd_inbox *in)
{
    pthread_mutex_lock(&in->lock);
    in->closed = true;
    pthread_mutex_unlock(&in->lock);
}
