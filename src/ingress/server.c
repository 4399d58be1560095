/* Starting and stopping the HTTP side: sockets, MHD daemons, keys. See ingress.h. */
#include "ingress/ingress_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    /* Headers and read buffer of a connection. MHD clears all of it after every request, so more
       than this is paid for on the hot path. */
    CONNECTION_MEMORY = 16 << 10,
    CONTROL_CONNECTIONS = 64,
    DOORSTEP = 8, /* connections of a thread beyond the limit: accepted only to be closed */
    DEFAULT_PORT_TEXT = 8
};

static void set_defaults(xd_ingress_options *o)
{
    o->address = o->address ? o->address : "127.0.0.1";
    o->threads = o->threads ? o->threads : 1;
    o->max_connections = o->max_connections ? o->max_connections : 1024;
    o->idle_timeout_s = o->idle_timeout_s ? o->idle_timeout_s : 30;
    o->max_body_bytes = o->max_body_bytes ? o->max_body_bytes : (size_t)8 << 20;
    o->max_event_bytes = o->max_event_bytes ? o->max_event_bytes : (size_t)1 << 20;
    o->max_batch = o->max_batch ? o->max_batch : 10000;
    o->max_depth = o->max_depth ? o->max_depth : 32;
    o->max_inflight_bytes = o->max_inflight_bytes ? o->max_inflight_bytes : (size_t)64 << 20;
}

/* --- sockets --- */

/* Whether only this machine can reach the address. */
static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static xd_status open_tcp(const xd_ingress_options *o, int *ret_fd, uint16_t *ret_port,
                          xd_fault *fault)
{
    char port[DEFAULT_PORT_TEXT];
    snprintf(port, sizeof port, "%u", (unsigned)o->port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(o->address, port, &hints, &found) != 0 || !found) {
        return xd_fail(fault, XD_INVALID, "ingress.address",
                       "%s is not an IPv4 or IPv6 address to listen on", o->address);
    }
    if (o->open_loopback && !is_loopback(found->ai_addr)) {
        freeaddrinfo(found);
        return xd_fail(fault, XD_INVALID, "ingress.open_loopback",
                       "events may come without a key only over a loopback address, and %s is not "
                       "one",
                       o->address);
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int error = errno;
    freeaddrinfo(found);
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    if (good && getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
        good = false;
        error = errno;
    }
    if (!good) {
        if (fd >= 0) {
            close(fd);
        }
        return xd_fail(fault, error == EADDRINUSE ? XD_CONFLICT : XD_IO, "ingress.listen",
                       "cannot listen on %s port %u: %s", o->address, (unsigned)o->port,
                       strerror(error));
    }
    *ret_port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                  : ((struct sockaddr_in *)&bound)->sin_port);
    *ret_fd = fd;
    return XD_OK;
}

/* The folder of the control socket keeps other accounts out: it is made so when it is missing, and
 * refused when others may write into it. */
static xd_status prepare_folder(const char *path, xd_fault *fault)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (slash == path) {
        return XD_OK; /* The root folder. */
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return xd_fail(fault, XD_IO, "ingress.control", "cannot make the folder %s: %s", folder,
                       strerror(errno));
    }
    struct stat info;
    if (stat(folder, &info) != 0) {
        return xd_fail(fault, XD_IO, "ingress.control", "cannot look at %s: %s", folder,
                       strerror(errno));
    }
    if (info.st_mode & (S_IWGRP | S_IWOTH)) {
        return xd_fail(fault, XD_DENIED, "ingress.control",
                       "others may write into %s, so the control socket would not be safe there: "
                       "chmod 700 it, or put the socket elsewhere",
                       folder);
    }
    return XD_OK;
}

static xd_status open_control(const char *path, int *ret_fd, xd_fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return xd_fail(fault, XD_LIMIT, "ingress.control",
                       "the path of the control socket has %zu bytes; the system takes %zu: %s",
                       strlen(path), sizeof address.sun_path - 1, path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    XD_TRY(prepare_folder(path, fault));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return xd_fail(fault, XD_IO, "ingress.control", "cannot make a socket: %s",
                       strerror(errno));
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        close(fd);
        return xd_fail(fault, XD_CONFLICT, "ingress.control",
                       "another hub already answers on %s; stop it first", path);
    }
    close(fd);
    /* Nobody answers: what is left there is from a process that died. */
    unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t before = umask(0177);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    umask(before);
    if (good && listen(fd, BACKLOG) != 0) {
        good = false;
        error = errno;
    }
    if (!good) {
        if (fd >= 0) {
            close(fd);
        }
        return xd_fail(fault, XD_IO, "ingress.control", "cannot listen on %s: %s", path,
                       strerror(error));
    }
    *ret_fd = fd;
    return XD_OK;
}

/* --- daemons --- */

/* A loop on a socket of its own; the descriptor is MHD's from now on, or closed. */
static bool start_loop(xd_loop *loop, int fd)
{
    const xd_ingress_options *o = &loop->listener->ingress->options;
    loop->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME, 0, xd_request_admit, loop,
        xd_request_on_access, loop, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(loop->listener->most + DOORSTEP), MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)o->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, xd_request_on_completed, loop,
        MHD_OPTION_NOTIFY_CONNECTION, xd_request_on_connection, loop, MHD_OPTION_END);
    if (!loop->daemon) {
        close(fd);
    }
    return loop->daemon && xd_loop_start(loop);
}

/* Each loop gets a descriptor of its own for the one socket, fd, which is closed. */
static xd_status start_loops(xd_listener *listener, int fd, uint32_t threads, uint32_t most,
                             xd_fault *fault)
{
    listener->most = most;
    listener->loops = calloc(threads, sizeof *listener->loops);
    bool good = listener->loops != NULL;
    while (good && listener->loop_count < threads) {
        xd_loop *loop = &listener->loops[listener->loop_count++];
        loop->listener = listener;
        loop->wake_fd = -1;
        loop->end_fd = -1;
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        good = own >= 0 && start_loop(loop, own);
    }
    close(fd);
    return good ? XD_OK
                : xd_fail(fault, XD_UNAVAILABLE, "ingress.start",
                          "the HTTP server does not start; are there enough threads and file "
                          "descriptors (ulimit -n)?");
}

static xd_status start_listeners(xd_ingress *g, xd_fault *fault)
{
    const xd_ingress_options *o = &g->options;
    int fd = -1;
    if (g->control_path) {
        XD_TRY(open_control(g->control_path, &fd, fault));
        XD_TRY(start_loops(&g->control, fd, 1, CONTROL_CONNECTIONS, fault));
    }
    XD_TRY(open_tcp(o, &fd, &g->port, fault));
    return start_loops(&g->tcp, fd, o->threads, o->max_connections, fault);
}

xd_status xd_ingress_start(const xd_ingress_options *options, xd_engine *engine,
                           xd_ingress_ports ports, xd_ingress **ret, xd_fault *fault)
{
    xd_ingress *g = calloc(1, sizeof *g);
    if (!g) {
        return xd_fail(fault, XD_NO_MEMORY, "ingress.memory", "no memory for the HTTP server");
    }
    g->options = *options;
    set_defaults(&g->options);
    g->limits = (xd_decode_limits){.max_event_bytes = g->options.max_event_bytes,
                                   .max_depth = g->options.max_depth,
                                   .max_batch = g->options.max_batch};
    g->engine = engine;
    g->ports = ports;
    g->keys = options->keys;
    g->key_count = options->key_count;
    g->tcp = (xd_listener){.ingress = g};
    g->control = (xd_listener){.ingress = g, .local = true};
    pthread_rwlock_init(&g->keys_lock, NULL);
    pthread_mutex_init(&g->clients_lock, NULL);
    xd_open_work_init(&g->open_work);
    xd_status status = XD_OK;
    if (options->control_path) {
        g->control_path = strdup(options->control_path);
        if (!g->control_path) {
            status = xd_fail(fault, XD_NO_MEMORY, "ingress.memory", "no memory");
        }
    }
    if (status == XD_OK) {
        status = xd_workers_start(&g->workers, g, XD_WORKERS_MAX, fault);
    }
    if (status == XD_OK) {
        status = xd_workers_start(&g->decoders, g, 1, fault);
    }
    if (status == XD_OK) {
        status = start_listeners(g, fault);
    }
    if (status != XD_OK) {
        xd_ingress_destroy(g);
        return status;
    }
    *ret = g;
    return XD_OK;
}

uint16_t xd_ingress_port(const xd_ingress *g)
{
    return g->port;
}

void xd_ingress_set_keys(xd_ingress *g, const xd_key *keys, uint32_t key_count)
{
    pthread_rwlock_wrlock(&g->keys_lock);
    g->keys = keys;
    g->key_count = key_count;
    pthread_rwlock_unlock(&g->keys_lock);
}

/* --- stopping --- */

static void stop_listening(xd_ingress *g, xd_listener *listener)
{
    for (uint32_t i = 0; i < listener->loop_count; i++) {
        xd_loop_stop_listening(&listener->loops[i]);
    }
    if (listener->loop_count && listener->local) {
        unlink(g->control_path);
    }
}

static void stop_loops(xd_listener *listener)
{
    for (uint32_t i = 0; i < listener->loop_count; i++) {
        xd_loop_stop(&listener->loops[i]);
    }
    free(listener->loops);
}

/* Waits until no request is suspended; until_us INT64_MAX: as long as it takes. */
static void wait_for_requests(xd_ingress *g, int64_t until_us)
{
    while (atomic_load_explicit(&g->waiting, memory_order_acquire) > 0 &&
           xd_ingress_now_us() < until_us) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void xd_ingress_stop(xd_ingress *g, int32_t grace_ms)
{
    if (g->stopping) {
        return;
    }
    g->stopping = true;
    stop_listening(g, &g->tcp);
    stop_listening(g, &g->control);
    wait_for_requests(g, xd_ingress_now_us() + (int64_t)grace_ms * 1000);
}

void xd_ingress_destroy(xd_ingress *g)
{
    if (!g) {
        return;
    }
    xd_ingress_stop(g, 0);
    /* The engine calls done for whatever it took over, if only to refuse it, so this ends. */
    wait_for_requests(g, INT64_MAX);
    stop_loops(&g->tcp);
    stop_loops(&g->control);
    xd_workers_stop(&g->workers);
    xd_workers_stop(&g->decoders);
    pthread_rwlock_destroy(&g->keys_lock);
    pthread_mutex_destroy(&g->clients_lock);
    xd_open_work_finish(&g->open_work);
    free(g->control_path);
    free(g);
}
