/* What waits for people, as metrics: asked of the read side, and not again for a while, since
 * counting looks at every document of its kinds. */
#include "ingress/ingress_int.h"

enum { FRESH_US = 15000000, ANSWER_CAP = 1 << 16 };

void xd_open_work_init(xd_open_work *o)
{
    *o = (xd_open_work){.asked_at_us = -FRESH_US};
    pthread_mutex_init(&o->lock, NULL);
    xd_buf_init(&o->text, ANSWER_CAP);
}

void xd_open_work_finish(xd_open_work *o)
{
    xd_buf_finish(&o->text);
    pthread_mutex_destroy(&o->lock);
}

static const char *no_argument(void *self, const char *name)
{
    (void)self;
    (void)name;
    return NULL;
}

static void write_gauge(xd_buf *buf, const xd_json *queues, const char *metric, const char *member,
                        const char *help)
{
    xd_buf_printf(buf, "# HELP %s %s\n# TYPE %s gauge\n", metric, help, metric);
    for (uint32_t i = 0; i < queues->count; i++) {
        const xd_json_member *queue = &queues->members[i];
        xd_buf_printf(buf, "%s{queue=\"%.*s\"} %lld\n", metric, XD_FMT(queue->name),
                      (long long)xd_json_get_int(&queue->value, xd_str_from(member), 0));
    }
}

/* Without an answer there are no such metrics, rather than wrong ones. */
static void ask(xd_open_work *o, const xd_ingress_ports *ports)
{
    xd_read_request question = {.path = "/queues", .query = no_argument};
    const xd_json *queues = NULL;
    xd_arena arena;
    xd_buf answer;
    xd_arena_init(&arena, ANSWER_CAP);
    xd_buf_init(&answer, ANSWER_CAP);
    xd_buf_clear(&o->text);
    if (ports->read(ports->read_context, &question, &answer, NULL) == XD_OK &&
        xd_json_parse(xd_buf_str(&answer), XD_JSON_LIMITS_DEFAULT, &arena, &queues, NULL) ==
            XD_OK &&
        queues->type == XD_JSON_OBJECT) {
        write_gauge(&o->text, queues, "crossdock_open", "count",
                    "What waits for people or for other documents.");
        write_gauge(&o->text, queues, "crossdock_open_oldest_seconds", "oldest_age_s",
                    "Age of the oldest of these.");
    }
    xd_buf_finish(&answer);
    xd_arena_finish(&arena);
}

void xd_open_work_metrics(xd_open_work *o, const xd_ingress_ports *ports, xd_buf *buf)
{
    if (!ports->read) {
        return;
    }
    pthread_mutex_lock(&o->lock);
    int64_t now_us = xd_ingress_now_us();
    if (now_us - o->asked_at_us >= FRESH_US) {
        ask(o, ports);
        o->asked_at_us = now_us;
    }
    xd_buf_str_add(buf, o->text.failed ? XD_STR("") : xd_buf_str(&o->text));
    pthread_mutex_unlock(&o->lock);
}
