/* Connections and what goes out over them. See transport_int.h.
 *
 * A request is written whole into one buffer and handed over with one send, with the others that go
 * over the same connection in this turn. Sockets are registered with epoll once, edge-triggered and
 * for both directions, so that a request costs no epoll_ctl: an event is only a hint to look, what
 * a socket says is taken from send and recv.
 *
 * Idle connections are kept per target and the one used last goes first, so few stay busy and the
 * rest grow old and are closed. A trip goes behind others only when as many connections as its
 * target needs are open and none of them is idle, and then behind as few as possible. */
#include "outbound/transport_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IDLE_TRUSTED_US = 20000,        /* after longer idleness a connection is looked at before use */
    PARTS_MAX = 2 * XD_PIPELINE_MAX /* of one send: a head and a long body of each trip */
};

/* --- how much each carries --- */

void xd_conn_unlist(xd_conn *n)
{
    if (!n->listed) {
        return;
    }
    xd_load *l = &n->target->loads[n->count];
    *(n->colder ? &n->colder->hotter : &l->coldest) = n->hotter;
    *(n->hotter ? &n->hotter->colder : &l->hottest) = n->colder;
    n->listed = false;
}

static void list(xd_conn *n)
{
    if (n->count >= n->target->pipeline || n->early || n->broken) {
        return;
    }
    xd_load *l = &n->target->loads[n->count];
    n->hotter = NULL;
    n->colder = l->hottest;
    *(l->hottest ? &l->hottest->hotter : &l->coldest) = n;
    l->hottest = n;
    n->listed = true;
}

static void append(xd_conn *n, xd_trip *trip)
{
    xd_conn_unlist(n);
    trip->conn = n;
    trip->behind = NULL;
    *(n->first ? &n->last->behind : &n->first) = trip;
    n->last = trip;
    n->sending = n->sending ? n->sending : trip;
    n->count++;
    list(n);
}

void xd_conn_answered(xd_transport *t, xd_conn *n)
{
    xd_trip *trip = n->first;
    xd_conn_unlist(n);
    n->first = trip->behind;
    n->count--;
    n->proven = true;
    trip->conn = NULL;
    if (n->first) {
        xd_http1_begin(&n->reply);
    } else {
        n->state = XD_CONN_IDLE;
        n->idle_since_us = xd_transport_now_us(t);
    }
    list(n);
}

/* --- life --- */

static xd_status open_conn(xd_transport *t, xd_target *target, xd_conn **ret)
{
    xd_conn *n = malloc(sizeof *n); /* its answer's buffer is long and is never read unwritten */
    if (!n) {
        return XD_NO_MEMORY;
    }
    memset(n, 0, offsetof(xd_conn, reply));
    xd_http1_begin(&n->reply);
    if (xd_link_open(&n->link, t->multi, target->options, n, &t->attend) != XD_OK) {
        free(n);
        return XD_NO_MEMORY;
    }
    n->target = target;
    n->state = XD_CONN_OPENING;
    n->after = target->conns;
    if (target->conns) {
        target->conns->before = n;
    }
    target->conns = n;
    target->conn_count++;
    t->opening++;
    *ret = n;
    return XD_OK;
}

/* From here on the socket's events are ours. */
static bool watch(xd_transport *t, xd_conn *n)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)(uintptr_t)n};
    int rc = epoll_ctl(t->epoll, EPOLL_CTL_ADD, n->link.fd, &event);
    if (rc != 0 && errno == EEXIST) {
        rc = epoll_ctl(t->epoll, EPOLL_CTL_MOD, n->link.fd, &event);
    }
    return rc == 0;
}

bool xd_conn_opened(xd_transport *t, xd_conn *n)
{
    if (!xd_link_take(&n->link)) {
        return false;
    }
    if (!watch(t, n)) {
        snprintf(n->link.error, sizeof n->link.error, "no memory to watch the connection");
        return false;
    }
    t->opening--;
    n->state = XD_CONN_BUSY;
    return true;
}

xd_trip *xd_conn_close(xd_transport *t, xd_conn *n)
{
    xd_trip *carried = n->first;
    xd_target *target = n->target;
    xd_conn_unlist(n);
    t->opening -= n->state == XD_CONN_OPENING;
    xd_link_close(&n->link);
    *(n->before ? &n->before->after : &target->conns) = n->after;
    if (n->after) {
        n->after->before = n->before;
    }
    target->conn_count--;
    n->state = XD_CONN_DEAD;
    n->first = n->last = n->sending = NULL;
    n->count = 0;
    n->after = t->dead;
    t->dead = n;
    for (xd_trip *trip = carried; trip; trip = trip->behind) {
        trip->conn = NULL;
    }
    return carried;
}

void xd_conn_free_dead(xd_transport *t)
{
    for (xd_conn *n = t->dead, *next = NULL; n; n = next) {
        next = n->after;
        free(n);
    }
    t->dead = NULL;
}

bool xd_conn_is_quiet(xd_conn *n)
{
    char byte;
    size_t got;
    return xd_link_receive(&n->link, &byte, 1, &got) == XD_LINK_WAIT;
}

/* --- sending --- */

/* What is to leave next, as parts in order. */
static int gather(const xd_conn *n, struct iovec *parts)
{
    int count = 0;
    const xd_trip *end = n->early ? n->first->behind : NULL;
    for (const xd_trip *c = n->sending; c != end && count < PARTS_MAX - 1; c = c->behind) {
        size_t head = c->sent < c->out.len ? c->out.len - c->sent : 0;
        if (head) {
            parts[count++] = (struct iovec){c->out.ptr + c->sent, head};
        }
        size_t left = c->total - c->sent - head;
        if (left) {
            parts[count++] = (struct iovec){c->face.body.ptr + (c->face.body.len - left), left};
        }
    }
    return count;
}

void xd_conn_push(xd_conn *n)
{
    struct iovec parts[PARTS_MAX];
    for (int count; (count = gather(n, parts)) > 0;) {
        size_t moved = 0;
        xd_link_moved result = xd_link_send(&n->link, parts, count, &moved);
        if (result != XD_LINK_MOVED) {
            n->broken = result != XD_LINK_WAIT;
            return;
        }
        while (moved) {
            xd_trip *c = n->sending;
            size_t left = c->total - c->sent;
            size_t taken = moved < left ? moved : left;
            c->sent += taken;
            moved -= taken;
            n->sending = taken == left ? c->behind : c;
        }
    }
}

/* What breaks here is seen to in the next perform, which can report. */
static void push_out(xd_transport *t, xd_conn *n)
{
    if (n->state != XD_CONN_BUSY || n->broken) {
        return;
    }
    xd_conn_push(n);
    if (n->broken) {
        xd_conn_unlist(n);
        t->attend = true;
    }
}

void xd_conn_push_due(xd_transport *t)
{
    while (t->due) {
        xd_conn *n = t->due;
        t->due = n->next_due;
        n->due = false;
        push_out(t, n);
    }
}

/* An idle connection that is good, or NULL. */
static xd_conn *take_idle(xd_transport *t, xd_target *target)
{
    for (xd_conn *n; (n = target->loads[0].hottest) != NULL;) {
        bool fresh = xd_transport_now_us(t) - n->idle_since_us <= IDLE_TRUSTED_US;
        if (!n->link.lost && (fresh || xd_conn_is_quiet(n))) {
            n->state = XD_CONN_BUSY;
            xd_http1_begin(&n->reply);
            return n;
        }
        xd_conn_close(t, n);
    }
    return NULL;
}

static xd_status choose(xd_transport *t, xd_target *target, xd_conn **ret)
{
    *ret = take_idle(t, target);
    if (!*ret && target->conn_count >= target->most) {
        for (uint32_t k = 1; k < target->pipeline && !*ret; k++) {
            *ret = target->loads[k].hottest;
        }
    }
    return *ret ? XD_OK : open_conn(t, target, ret);
}

xd_status xd_carry(xd_transport *t, xd_trip *trip)
{
    xd_conn *n;
    XD_TRY(choose(t, trip->target, &n));
    append(n, trip);
    if (n->count >= trip->target->pipeline) {
        push_out(t, n);
    } else if (!n->due) {
        n->due = true;
        n->next_due = t->due;
        t->due = n;
    }
    return XD_OK;
}
