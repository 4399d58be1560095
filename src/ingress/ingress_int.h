/* What the files of the ingress share: the server, its connections and the request under way on
 * each. Private to src/ingress.
 *
 * Life of a request: MHD calls the access handler with the headers (begin), with pieces of the body
 * (take), and at the end (complete). A request that waits for a worker, or for the engine in the
 * middle of its body, is suspended; one whose events are all that is left to commit waits
 * patiently, which costs less (loop.c). Either goes on in its next step once it is woken.
 * Everything of a request happens on the thread of its loop, except the work handed to a worker and
 * the waking. */
#ifndef XD_INGRESS_INGRESS_INT_H
#define XD_INGRESS_INGRESS_INT_H

#include "ingress/bulk.h"
#include "ingress/ingress.h"
#include "ingress/metrics_int.h"
#include "ingress/transform.h"

#include <microhttpd.h>
#include <pthread.h>

enum {
    XD_METHOD_GET = 1,
    XD_METHOD_HEAD = 2,
    XD_METHOD_POST = 4,
    XD_METHOD_OPTIONS = 8,
    XD_METHOD_OTHER = 16,
    XD_NAME_BYTES = 129, /* of a key's name or a person, with the NUL; longer ones are refused */
    XD_DECISION_BYTES = 256 << 10, /* body of a decision */
    XD_WORKERS_MAX = 2,
};

typedef struct xd_request xd_request;
typedef struct xd_client xd_client;
typedef struct xd_loop xd_loop;

/* One row of the route table (route.c). */
typedef struct xd_route {
    xd_route_id id;
    const char *path;   /* whole path; with suffix: what comes before the id */
    const char *suffix; /* what comes after the id; "" any id; NULL: the path has no id */
    uint32_t methods;   /* XD_METHOD_* that it answers */
    uint32_t scopes;    /* any of these lets a key in; 0: open to all */
    void (*begin)(xd_request *request); /* chooses how the body is taken and what comes next */
} xd_route;

/* Headers of a request that mean something here; ptr NULL when absent. Borrow MHD's memory. */
typedef struct xd_request_headers {
    xd_str content_type, content_encoding, authorization, idempotency_key, traceparent, person;
    int64_t content_length; /* -1 when chunked or absent */
    bool chunked, expects_continue;
    xd_binary_attributes ce;
} xd_request_headers;

typedef enum xd_body_mode {
    XD_BODY_DROP,   /* thrown away: there is none, or the answer is settled already */
    XD_BODY_ARENA,  /* of known length, straight into the submission's arena */
    XD_BODY_GATHER, /* of unknown length, or small: into a growing buffer */
    XD_BODY_LINES   /* NDJSON: cut and submitted while it arrives */
} xd_body_mode;

struct xd_request {
    xd_client *client;
    struct MHD_Connection *mhd;
    const xd_route *route;
    const char *path;
    xd_str id;       /* part of the path between the route's path and suffix; borrows path */
    uint32_t method; /* one XD_METHOD_* bit */
    bool active;
    int64_t started_us;
    xd_request_headers headers;
    char caller[XD_NAME_BYTES]; /* name of the key, or "local" */
    char person[XD_NAME_BYTES]; /* "" when the caller is a system */
    bool person_may_be_named;   /* the caller may say for which person it decides */

    /* Body. */
    xd_body_mode body_mode;
    size_t max_body_bytes;
    bool body_complete;
    int64_t received;
    int64_t dropped; /* of them, after the answer was settled */
    char *body;      /* XD_BODY_ARENA: content_length bytes in the submission's arena */
    xd_buf gather;
    size_t charged; /* bytes of the in-flight budget that this request holds */

    /* On its way. */
    bool waiting;                      /* or woken and not yet gone on */
    bool patient;                      /* waiting, neither suspended nor woken */
    void (*step)(xd_request *request); /* after the whole body, or after being woken; NULL: none */
    bool (*work)(xd_request *request); /* on a worker; false: not yet, come back later */
    int64_t deadline_us;               /* of work that comes back */
    int64_t target_seq;                /* of /v1/settle; 0: not yet known */
    xd_request *next;                  /* in the list of the workers */
    xd_submission *submission;         /* one share of it; both before it is handed over */
    bool is_handed_over;               /* the engine has had its share */
    bool is_batch, is_binary;
    xd_bulk *bulk; /* owns */
    /* Of a source whose records are mapped. */
    const xd_source *source; /* borrows; NULL: the body is events */
    xd_transform *transform; /* owns */

    /* Of what is built on a worker. */
    xd_fault build_fault; /* why there is no next submission, when its code is not XD_OK */
    bool build_is_last;   /* the whole body was there when it began */

    /* Answer; status 0 until it is settled. */
    unsigned status;
    xd_buf out;
    const char *content_type;
    uint32_t allow; /* methods, for Allow */
    bool retry_later, replayed, authenticate;
    xd_code refused_because; /* for metrics; XD_OK when it was not refused */
};

/* One connection. */
struct xd_client {
    xd_ingress *ingress;
    xd_loop *loop; /* whose thread looks after it */
    bool local;    /* over the control socket: trusted, all scopes */
    int fd;
    char user[XD_NAME_BYTES];    /* of the peer, on the control socket */
    uint8_t address[16];         /* of the peer over TCP, for max_per_address */
    _Atomic int64_t deadline_us; /* past it the connection is cut; 0: we are at work, not it */
    atomic_bool has_asked;       /* whole headers have come on it */
    bool has_ended;              /* it will send no more */
    xd_client *previous, *next;
    xd_request request; /* the one under way; its memory is used again by the next */
};

/* One listening socket. */
typedef struct xd_listener {
    xd_ingress *ingress;
    bool local;
    xd_loop *loops; /* owns; they share the socket */
    uint32_t loop_count;
    uint32_t most;    /* connections; one more is closed at once */
    atomic_uint open; /* of them */
    atomic_bool full; /* said so, until a quarter is free again */
} xd_listener;

typedef enum xd_listening { XD_LISTENS, XD_SHALL_NOT_LISTEN, XD_DOES_NOT_LISTEN } xd_listening;

/* One thread, and the MHD daemon that it runs. */
struct xd_loop {
    xd_listener *listener;
    struct MHD_Daemon *daemon; /* owns */
    pthread_t thread;
    bool running;
    int network_fd; /* borrows: MHD's epoll descriptor */
    int wake_fd;    /* owns */
    int end_fd;     /* owns: an epoll descriptor for the ends of what clients send */
    atomic_bool stop;
    _Atomic xd_listening listening;
    _Atomic(xd_submission *) done; /* reported by the engine, not yet woken; by link */
    atomic_uint reporting;         /* reports under way */
    /* The thread's own. */
    uint32_t patient; /* requests that wait so */
    bool active;      /* something happened in the last pass, so that MHD may have more to do */
    int64_t pass_us;  /* when this pass began */
};

typedef struct xd_workers {
    xd_ingress *ingress; /* borrows */
    pthread_mutex_t lock;
    pthread_cond_t work;
    xd_request *head;
    xd_request **tail;
    bool ready; /* lock and condition exist */
    bool stopping;
    uint32_t running;
    uint32_t at_rest; /* of them, without a request */
    pthread_t threads[XD_WORKERS_MAX];
} xd_workers;

/* What waits for people, as was told last. */
typedef struct xd_open_work {
    pthread_mutex_t lock;
    xd_buf text; /* metrics */
    int64_t asked_at_us;
} xd_open_work;

struct xd_ingress {
    xd_ingress_options options;
    xd_decode_limits limits;
    xd_engine *engine; /* borrows */
    xd_ingress_ports ports;
    xd_listener tcp, control;
    uint16_t port;
    char *control_path; /* owns; NULL when there is no control socket */
    pthread_rwlock_t keys_lock;
    const xd_key *keys; /* borrows */
    uint32_t key_count;
    pthread_mutex_t clients_lock;
    xd_client *clients;
    atomic_size_t inflight_bytes;
    atomic_uint waiting; /* requests suspended */
    atomic_bool stopping;
    xd_workers workers;  /* of reads, decisions and sources */
    xd_workers decoders; /* of large bodies: intake does not wait for slow reads */
    xd_http_metrics metrics;
    xd_open_work open_work;
};

/* --- request.c: what a step may do with its request --- */

/* Monotonic microseconds. */
int64_t xd_ingress_now_us(void);
/* Suspends the request until xd_request_wake; step then goes on. Call it before handing the request
 * to whoever wakes it, and touch the request no more after that. */
void xd_request_wait(xd_request *request, void (*step)(xd_request *));
/* Lets the request wait for its submission, which is handed to the engine next; step then goes on.
 * Only when the whole body is here, and when all that the engine needs is the submission's own: the
 * client may be gone before. */
void xd_request_await_commit(xd_request *request, void (*step)(xd_request *));
/* The engine did not take it: the request goes on at once. */
void xd_request_await_nothing(xd_request *request);
/* Thread-safe. */
void xd_request_wake(xd_request *request);
/* Suspends and has work run on a worker; step (may be NULL when work settles the answer) follows on
 * the MHD thread. */
void xd_request_hand_over(xd_request *request, bool (*work)(xd_request *),
                          void (*step)(xd_request *));
/* The same on a thread that does nothing but decode large bodies. */
void xd_request_hand_to_decoder(xd_request *request, bool (*work)(xd_request *),
                                void (*step)(xd_request *));
/* Settles the answer: the body is in request->out. */
void xd_request_settle(xd_request *request, unsigned status, const char *content_type);
/* Settles the answer with the problem document of fault; status 0: from its code. */
void xd_request_refuse(xd_request *request, unsigned status, const xd_fault *fault, int64_t index);
/* As above from a text, with place unknown. */
void xd_request_refuse_text(xd_request *request, unsigned status, xd_code code, const char *rule,
                            const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Takes bytes of the in-flight budget; false, with the answer settled, when it is used up. Bodies
 * that are not taken whole (all but XD_BODY_ARENA) may use three quarters of it. */
bool xd_request_charge(xd_request *request, size_t bytes);
/* Prepares the request to gather its body, at most max_bytes; refuses what is announced larger. */
bool xd_request_expect_body(xd_request *request, xd_body_mode mode, size_t max_bytes);

/* --- request.c: MHD's callbacks, cls is the xd_loop --- */

enum MHD_Result xd_request_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *upload_size, void **context);
void xd_request_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                             enum MHD_RequestTerminationCode how);
void xd_request_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                              enum MHD_ConnectionNotificationCode code);
/* Whether one more connection may stay. */
enum MHD_Result xd_request_admit(void *cls, const struct sockaddr *address, socklen_t size);

/* --- loop.c --- */

/* Runs loop->daemon on a thread of its own; false when the system refuses. */
bool xd_loop_start(xd_loop *loop);
/* Returns when nobody listens any more. */
void xd_loop_stop_listening(xd_loop *loop);
/* Joins the thread and stops the daemon, whose requests must all have gone on. For a loop that was
 * never started too. */
void xd_loop_stop(xd_loop *loop);
/* Resumes a suspended connection. Thread-safe. */
void xd_loop_resume(xd_loop *loop, struct MHD_Connection *mhd);
/* Where the end of what a client sends comes together with its last bytes, MHD sees only the bytes,
 * and would keep the connection until it times out. So the loop looks for ends itself, and shows
 * them to MHD again, when no request is under way on the connection and at the end of each. */
void xd_loop_watch_end(xd_client *client);
void xd_loop_forget_end(const xd_client *client);
void xd_loop_show_end(const xd_client *client);
/* A request begins to wait patiently for its submission, or to wait otherwise (or not at all). */
void xd_loop_add_patient(xd_request *request);
void xd_loop_drop_patient(xd_request *request);
/* Whether the request has waited for so long that it had better be suspended. */
bool xd_loop_is_late(const xd_request *request);
/* The client of a patient request is gone: the submission is let go once the engine reports it. */
void xd_loop_orphan(xd_request *request);

/* --- route.c --- */

/* NULL when no route has this path. */
const xd_route *xd_route_find(const char *path, uint32_t method, xd_str *ret_id);

/* --- auth.c --- */

/* Notes the account of the process at the other end of the control socket. */
void xd_auth_name_peer(xd_client *client);
/* Fills caller and person; false with the answer settled when the caller may not do this. */
bool xd_auth_check(xd_request *request);

/* --- workers.c --- */

/* count is at most XD_WORKERS_MAX. */
XD_CHECKED xd_status xd_workers_start(xd_workers *workers, xd_ingress *ingress, uint32_t count,
                                      xd_fault *fault);
void xd_workers_stop(xd_workers *workers);
void xd_workers_add(xd_workers *workers, xd_request *request);
/* One of them has nothing to do. */
bool xd_workers_are_free(xd_workers *workers);
/* Cuts connections whose client is too slow; called by a worker about once a second. */
void xd_ingress_sweep(xd_ingress *ingress);

/* --- open_work.c --- */

void xd_open_work_init(xd_open_work *open_work);
void xd_open_work_finish(xd_open_work *open_work);
/* What is known is 15 seconds old. These are thread-safe. */
bool xd_open_work_is_due(xd_open_work *open_work);
/* Asks anew: takes as long as a read. */
void xd_open_work_ask(xd_open_work *open_work, const xd_ingress_ports *ports);
/* Appends what is known, as metrics. */
void xd_open_work_write(xd_open_work *open_work, xd_buf *buf);

/* --- begin functions of the routes --- */

void xd_accept_begin(xd_request *request);              /* accept.c: POST /v1/events */
void xd_accept_take(xd_request *request, xd_str piece); /* XD_BODY_LINES */
void xd_source_begin(xd_request *request);              /* accept_source.c: POST /v1/sources/NAME */
void xd_decide_begin(xd_request *request);              /* decide.c */
void xd_read_begin(xd_request *request);                /* read.c: GET /v1/... */
void xd_read_schemas_begin(xd_request *request);
void xd_read_settle_begin(xd_request *request);
void xd_read_health_begin(xd_request *request);
void xd_read_ready_begin(xd_request *request);
void xd_read_metrics_begin(xd_request *request);

/* --- accept.c: what all ways of taking events share --- */

/* False with the answer settled: a Content-Encoding; an Idempotency-Key that cannot be used; no
 * memory for a bulk. */
bool xd_accept_check_encoding(xd_request *request);
bool xd_accept_check_key(xd_request *request);
bool xd_accept_open_bulk(xd_request *request);
/* Puts the submission under the request's Idempotency-Key, with body as its payload; false with the
 * answer settled. Its answer function is the caller's to set. */
bool xd_accept_set_key(xd_request *request, xd_submission *submission, xd_str body);
/* Settles with an answer that is kept under an Idempotency-Key. */
void xd_accept_replay(xd_request *request, xd_str kept);
/* Hands the request's submission to the engine; step follows when it is durable. False when the
 * engine does not take it now. */
bool xd_accept_submit(xd_request *request, void (*step)(xd_request *), xd_fault *fault);
/* Writes the bulk's counts, and says with which status. */
unsigned xd_accept_write_tally(const xd_request *request, xd_buf *buf);
/* Settles with them, or, when the hub can take no more, with a problem that has them. */
void xd_accept_answer_tally(xd_request *request);
void xd_accept_refuse_tally(xd_request *request, const xd_fault *fault);
/* The request's traceparent, checked and copied; "" when it has none. ptr NULL: no memory. */
xd_str xd_accept_trace(const xd_request *request, xd_arena *arena);

/* True when the media type of a Content-Type value is type (lower case); parameters other than
 * charset=utf-8 are ignored, another charset makes it false. */
bool xd_media_type_is(xd_str content_type, const char *type);

#endif
