/* The threads of the HTTP server: each runs one MHD daemon, and wakes the requests whose events are
 * committed. Owns its daemon, its thread and two descriptors. May call MHD. See ingress_int.h.
 *
 * A request that waits for a commit waits without being suspended: MHD then calls its handler in
 * every pass, which is a look at a flag, while suspending and resuming is two epoll_ctl, a write to
 * MHD's event descriptor and a read that finds nothing, each time. Only what waits longer than
 * PATIENCE is suspended after all. A batch of answers costs one wake-up of the thread. */
#include "ingress/ingress_int.h"

#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_US = 20000, /* a commit takes longer than this only when the disk is in trouble */
    LOOK_MS = 1,         /* while requests wait: how long MHD may be left alone */
    ENDS = 64            /* taken at once */
};

/* --- waking --- */

/* Thread-safe. */
static void knock(xd_loop *loop)
{
    /* Fails only when the counter is full: then the thread is awake anyway. */
    (void)!write(loop->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
}

void xd_loop_resume(xd_loop *loop, struct MHD_Connection *mhd)
{
    atomic_fetch_add_explicit(&loop->reporting, 1, memory_order_relaxed);
    MHD_resume_connection(mhd);
    knock(loop);
    atomic_fetch_sub_explicit(&loop->reporting, 1, memory_order_release);
}

/* On the engine's thread. */
static void report(xd_submission *s)
{
    xd_loop *loop = s->context;
    atomic_fetch_add_explicit(&loop->reporting, 1, memory_order_relaxed);
    xd_submission *head = atomic_load_explicit(&loop->done, memory_order_relaxed);
    do {
        s->link = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->done, &head, s, memory_order_release,
                                                    memory_order_relaxed));
    if (!head) {
        knock(loop);
    }
    atomic_fetch_sub_explicit(&loop->reporting, 1, memory_order_release);
}

void xd_loop_add_patient(xd_request *r)
{
    xd_loop *loop = r->client->loop;
    r->submission->context = loop;
    r->submission->waiter = r;
    r->submission->done = report;
    r->patient = true;
    loop->patient++;
}

void xd_loop_drop_patient(xd_request *r)
{
    r->patient = false;
    r->client->loop->patient--;
}

bool xd_loop_is_late(const xd_request *r)
{
    return r->client->loop->pass_us - r->started_us > PATIENCE_US;
}

void xd_loop_orphan(xd_request *r)
{
    r->submission->waiter = NULL;
    r->submission = NULL;
    xd_loop_drop_patient(r);
}

/* The last reported comes first off the list: turned round, so that whoever came first is answered
 * first. */
static xd_submission *take_done(xd_loop *loop)
{
    xd_submission *s = atomic_exchange_explicit(&loop->done, NULL, memory_order_acquire);
    xd_submission *first = NULL;
    while (s) {
        xd_submission *next = s->link;
        s->link = first;
        first = s;
        s = next;
    }
    return first;
}

static void wake_done(xd_loop *loop)
{
    for (xd_submission *next, *s = take_done(loop); s; s = next) {
        next = s->link;
        xd_request *r = s->waiter;
        if (!r) {
            xd_submission_release(s);
            atomic_fetch_sub_explicit(&loop->listener->ingress->waiting, 1, memory_order_release);
        } else if (r->patient) {
            xd_loop_drop_patient(r); /* MHD_run follows, which asks its handler */
        } else {
            MHD_resume_connection(r->mhd);
        }
    }
}

/* --- ends --- */

void xd_loop_watch_end(xd_client *client)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = client};
    /* When there is no memory for it, the connection may live until it times out. */
    (void)epoll_ctl(client->loop->end_fd, EPOLL_CTL_ADD, client->fd, &event);
}

void xd_loop_forget_end(const xd_client *client)
{
    (void)epoll_ctl(client->loop->end_fd, EPOLL_CTL_DEL, client->fd, NULL);
}

void xd_loop_show_end(const xd_client *client)
{
    shutdown(client->fd, SHUT_RD); /* changes nothing, but wakes whoever watches the socket */
}

static void see_ends(xd_loop *loop)
{
    struct epoll_event events[ENDS];
    int n = epoll_wait(loop->end_fd, events, ENDS, 0);
    for (int i = 0; i < n; i++) {
        xd_client *client = events[i].data.ptr;
        client->has_ended = true;
        if (!client->request.active) {
            xd_loop_show_end(client);
        }
    }
}

/* --- the thread --- */

/* How long MHD may be left alone when nothing comes from outside; -1: as long as nothing does. With
 * patient requests MHD would always say "not at all". */
static int rest_ms(const xd_loop *loop)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (loop->patient > 0) {
        return loop->active ? 0 : LOOK_MS;
    }
    if (MHD_get_timeout(loop->daemon, &ms) != MHD_YES) {
        return -1;
    }
    return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

static void stop_listening(xd_loop *loop)
{
    MHD_socket fd = MHD_quiesce_daemon(loop->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }
    atomic_store_explicit(&loop->listening, XD_DOES_NOT_LISTEN, memory_order_release);
}

static void *run(void *self)
{
    xd_loop *loop = self;
    prctl(PR_SET_NAME, "xd-http"); /* what top and perf show */
    struct pollfd fds[] = {{.fd = loop->network_fd, .events = POLLIN},
                           {.fd = loop->wake_fd, .events = POLLIN},
                           {.fd = loop->end_fd, .events = POLLIN}};
    while (!atomic_load_explicit(&loop->stop, memory_order_acquire)) {
        if (atomic_load_explicit(&loop->listening, memory_order_acquire) == XD_SHALL_NOT_LISTEN) {
            stop_listening(loop);
        }
        int ms = rest_ms(loop);
        bool called = ms != 0 && poll(fds, sizeof fds / sizeof *fds, ms) > 0;
        if (called && fds[1].revents) {
            uint64_t count;
            (void)!read(loop->wake_fd, &count, sizeof count);
        }
        if (called && fds[2].revents) {
            see_ends(loop);
        }
        loop->active = false;
        loop->pass_us = xd_ingress_now_us();
        wake_done(loop);
        MHD_run(loop->daemon);
    }
    return NULL;
}

bool xd_loop_start(xd_loop *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->end_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!info || info->epoll_fd < 0 || loop->wake_fd < 0 || loop->end_fd < 0) {
        return false;
    }
    loop->network_fd = info->epoll_fd;
    loop->running = pthread_create(&loop->thread, NULL, run, loop) == 0;
    return loop->running;
}

void xd_loop_stop_listening(xd_loop *loop)
{
    atomic_store_explicit(&loop->listening, XD_SHALL_NOT_LISTEN, memory_order_release);
    if (loop->running) {
        knock(loop);
    } else if (loop->daemon) {
        stop_listening(loop);
    }
    while (loop->running &&
           atomic_load_explicit(&loop->listening, memory_order_acquire) != XD_DOES_NOT_LISTEN) {
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

void xd_loop_stop(xd_loop *loop)
{
    if (loop->running) {
        atomic_store_explicit(&loop->stop, true, memory_order_release);
        knock(loop);
        pthread_join(loop->thread, NULL);
        while (atomic_load_explicit(&loop->reporting, memory_order_acquire) > 0) {
            sched_yield();
        }
        loop->running = false;
    }
    if (loop->daemon) {
        MHD_stop_daemon(loop->daemon);
        loop->daemon = NULL;
    }
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    if (loop->end_fd >= 0) {
        close(loop->end_fd);
    }
}
