/* What waits for people, as metrics: asked of the read side, and not again for a while, since
 * counting looks at every document of its kinds. Whoever only wants what is known never waits for
 * who asks. */
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
static void ask(const xd_ingress_ports *ports, xd_buf *ret_text)
{
    xd_read_request question = {.path = "/queues", .query = no_argument};
    const xd_json *queues = NULL;
    xd_arena arena;
    xd_buf answer;
    xd_arena_init(&arena, ANSWER_CAP);
    xd_buf_init(&answer, ANSWER_CAP);
    if (ports->read(ports->read_context, &question, &answer, NULL) == XD_OK &&
        xd_json_parse(xd_buf_str(&answer), XD_JSON_LIMITS_DEFAULT, &arena, &queues, NULL) ==
            XD_OK &&
        queues->type == XD_JSON_OBJECT) {
        write_gauge(ret_text, queues, "crossdock_open", "count",
                    "What waits for people or for other documents.");
        write_gauge(ret_text, queues, "crossdock_open_oldest_seconds", "oldest_age_s",
                    "Age of the oldest of these.");
    }
    if (ret_text->failed) {
        xd_buf_clear(ret_text);
    }
    xd_buf_finish(&answer);
    xd_arena_finish(&arena);
}

bool xd_open_work_is_due(xd_open_work *o)
{
    pthread_mutex_lock(&o->lock);
    bool due = xd_ingress_now_us() - o->asked_at_us >= FRESH_US;
    pthread_mutex_unlock(&o->lock);
    return due;
}

void xd_open_work_ask(xd_open_work *o, const xd_ingress_ports *ports)
{
    xd_buf text;
    xd_buf_init(&text, ANSWER_CAP);
    ask(ports, &text);
    pthread_mutex_lock(&o->lock);
    xd_buf old = o->text;
    o->text = text;
    o->asked_at_us = xd_ingress_now_us();
    pthread_mutex_unlock(&o->lock);
    xd_buf_finish(&old);
}

void xd_open_work_write(xd_open_work *o, xd_buf *buf)
{
    pthread_mutex_lock(&o->lock);
    xd_buf_str_add(buf, xd_buf_str(&o->text));
    pthread_mutex_unlock(&o->lock);
}
