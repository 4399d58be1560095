/* What comes back over connections, and how calls end. See transport_int.h. */
#include "outbound/transport_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { REASON_MAX = 320 };

#define HANGUP ((uint32_t)(EPOLLRDHUP | EPOLLHUP | EPOLLERR))

/* "http 422: first line of what the remote said", printable. */
static void reason_of_reply(const xd_http1 *reply, char *reason)
{
    int n = snprintf(reason, REASON_MAX, "http %d", (int)reply->status);
    size_t at = (size_t)n;
    if (reply->body_len) {
        reason[at++] = ':';
        reason[at++] = ' ';
    }
    size_t bad = reply->body_len;
    size_t len =
        xd_utf8_valid((xd_str){reply->body, reply->body_len}, &bad) ? reply->body_len : bad;
    for (size_t i = 0; i < len; i++) {
        char byte = reply->body[i];
        bool control = (byte >= 0 && byte < 0x20) || byte == 0x7f;
        if (!(control && i + 1 == len)) {
            reason[at++] = control ? ' ' : byte;
        }
    }
    reason[at] = '\0';
}

/* Seconds or an HTTP date (RFC 9110 section 10.2.3); one that has passed is no wait. */
static int64_t retry_after_us(const char *text)
{
    int64_t seconds = 0;
    if (text[0] && text[strspn(text, "0123456789")] == '\0') {
        if (!xd_str_to_int64(xd_str_from(text), &seconds)) {
            seconds = INT32_MAX;
        }
    } else if (text[0]) {
        struct timespec now;
        time_t date = curl_getdate(text, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
        seconds = date < 0 ? 0 : date - now.tv_sec;
    }
    seconds = seconds < 0 ? 0 : seconds > INT32_MAX ? INT32_MAX : seconds;
    return seconds * 1000000;
}

/* text: why there is no whole answer. */
static xd_answer answer_of(const xd_trip *c, const xd_http1 *reply, const char *text, char *reason)
{
    xd_answer answer = {.reason = ""};
    if (reply && reply->status) { /* the decision came, even when the rest of the answer did not */
        answer.status = reply->status;
        answer.kind = xd_answer_of_status(answer.status, c->lookup);
        if (answer.kind != XD_ANSWER_OK) {
            answer.retry_after_us = retry_after_us(reply->retry_after);
            reason_of_reply(reply, reason);
            answer.reason = reason;
        }
        return answer;
    }
    answer.kind = c->sent > 0 ? XD_ANSWER_UNKNOWN : XD_ANSWER_UNSENT;
    snprintf(reason, REASON_MAX, "%s: %s", c->sent > 0 ? "no answer" : "not sent", text);
    answer.reason = reason;
    return answer;
}

/* --- how trips end --- */

static void leave(xd_trip *trip)
{
    xd_target *target = trip->target;
    *(trip->earlier ? &trip->earlier->later : &target->first) = trip->later;
    *(trip->later ? &trip->later->earlier : &target->last) = trip->earlier;
}

static void report(xd_transport *t, const xd_sink *to, xd_trip *trip, const xd_http1 *reply,
                   const char *text, bool beside)
{
    char reason[REASON_MAX];
    xd_answer answer = answer_of(trip, reply, text, reason);
    answer.beside = beside;
    leave(trip);
    to->answered(to->self, &trip->face, &answer);
    xd_transport_release(t, &trip->face);
}

void xd_conn_end(xd_transport *t, const xd_sink *to, xd_conn *n, const xd_trip *blamed,
                 const char *text)
{
    /* RFC 9112 section 9.6: after "close" a peer looks at no further request. */
    bool last_said = n->reply.last;
    bool good = n->proven || n->reply.status; /* so another one will do */
    xd_http1 *reply = &n->reply;
    xd_trip *trip = xd_conn_close(t, n);
    for (xd_trip *next = NULL; trip; trip = next, reply = NULL) {
        next = trip->behind;
        bool untouched = (good && trip->sent == 0) || (last_said && !reply);
        if (untouched && trip != blamed) {
            trip->sent = 0;
            if (xd_carry(t, trip) == XD_OK) {
                continue;
            }
            report(t, to, trip, NULL, "no memory for another connection", true);
        } else {
            bool plain = trip == blamed || trip->sent == 0;
            report(t, to, trip, reply, plain ? text : "the connection ended before it came",
                   trip != blamed);
        }
    }
}

/* --- reading --- */

/* Who is told why a connection ended: the first trip. Nobody when nothing of that one has left and
 * the system is known to take connections: another one will do. */
static const xd_trip *to_blame(const xd_conn *n)
{
    return n->proven && n->first->sent == 0 ? NULL : n->first;
}

/* The first trip's answer is whole; excess: more came that belongs to no answer, maybe_more: or may
 * be there. */
static void take_answer(xd_transport *t, const xd_sink *to, xd_conn *n, bool excess,
                        bool maybe_more)
{
    xd_trip *trip = n->first;
    if (trip->sent < trip->total && n->reply.status < 300) {
        n->early = true; /* it was taken without the rest being looked at; the rest still goes */
        xd_conn_unlist(n);
        return;
    }
    bool keep = n->reply.keep && !excess && trip->sent == trip->total;
    keep = keep && !(maybe_more && !trip->behind && !xd_conn_is_quiet(n));
    if (!keep) {
        xd_conn_end(t, to, n, trip, "");
        return;
    }
    char reason[REASON_MAX];
    const xd_answer answer = answer_of(trip, &n->reply, "", reason);
    xd_conn_answered(t, n);
    leave(trip);
    to->answered(to->self, &trip->face, &answer);
    xd_transport_release(t, &trip->face);
}

/* RFC 9112 section 9.5: a refusal came before the request was whole. The rest is not sent, and a
 * peer that waits for it would not end its answer. */
static bool is_refused_early(const xd_conn *n)
{
    return n->first->sent < n->first->total && n->reply.status >= 300 &&
           n->reply.state > XD_HTTP1_FIELD;
}

/* Gives bytes to the answers they belong to, in order. False when the connection is done with:
 * ended, or without a trip that waits. */
static bool feed(xd_transport *t, const xd_sink *to, xd_conn *n, size_t got, bool maybe_more)
{
    for (size_t at = 0, used; at < got; at += used) {
        if (n->first->sent == 0) {
            xd_conn_end(t, to, n, to_blame(n), "it spoke before it was asked");
            return false;
        }
        switch (xd_http1_feed(&n->reply, t->in + at, got - at, &used)) {
        case XD_HTTP1_MORE:
            return true;
        case XD_HTTP1_BAD:
            xd_conn_end(t, to, n, n->first, n->reply.fault);
            return false;
        case XD_HTTP1_DONE:
            break;
        }
        take_answer(t, to, n, at + used < got && !n->first->behind, maybe_more);
        if (n->state != XD_CONN_BUSY || n->early) {
            return false;
        }
    }
    return true;
}

/* Takes what has come; true when there may be more. hangup: the peer has closed its side, or the
 * connection broke. */
static bool pull_some(xd_transport *t, const xd_sink *to, xd_conn *n, bool hangup)
{
    size_t got = 0;
    xd_link_moved moved = xd_link_receive(&n->link, t->in, sizeof t->in, &got);
    switch (moved) {
    case XD_LINK_BROKEN:
        xd_conn_end(t, to, n, to_blame(n), n->link.error);
        return false;
    case XD_LINK_CLOSED:
        if (xd_http1_end(&n->reply) == XD_HTTP1_DONE) {
            take_answer(t, to, n, false, false);
        } else {
            xd_conn_end(t, to, n, to_blame(n), n->reply.fault);
        }
        return false;
    case XD_LINK_WAIT:
    case XD_LINK_MOVED:
        break;
    }
    /* Without TLS a short piece was all there is: what comes later has an event of its own. */
    bool maybe_more = moved == XD_LINK_MOVED && (n->link.tls || hangup || got == sizeof t->in);
    if (!feed(t, to, n, got, maybe_more)) {
        return false;
    }
    if (!maybe_more && is_refused_early(n)) {
        xd_conn_end(t, to, n, n->first, "");
        return false;
    }
    return maybe_more;
}

static void pull(xd_transport *t, const xd_sink *to, xd_conn *n, bool hangup)
{
    while (pull_some(t, to, n, hangup)) {
    }
}

void xd_conn_move(xd_transport *t, const xd_sink *to, xd_conn *n, uint32_t events)
{
    /* After a refusal the rest is not sent. */
    if (n->sending && !n->broken && !n->link.lost && n->reply.status < 300) {
        xd_conn_push(n);
    }
    bool broken = n->broken || n->link.lost;
    if (broken) {
        xd_conn_unlist(n);
    }
    if (n->early) {
        if (broken || n->first->sent == n->first->total) {
            xd_conn_end(t, to, n, n->first, "");
        }
        return;
    }
    char error[CURL_ERROR_SIZE];
    memcpy(error, n->link.error, sizeof error);
    if (broken && n->first->sent == 0) { /* what may have come is no answer to it */
        xd_conn_end(t, to, n, to_blame(n), error);
        return;
    }
    if (n->link.tls || broken || (events & (EPOLLIN | HANGUP))) {
        pull(t, to, n, broken || (events & HANGUP));
        if (broken && n->state == XD_CONN_BUSY && !n->early) {
            xd_conn_end(t, to, n, to_blame(n), error); /* neither direction goes on */
        }
    }
}
