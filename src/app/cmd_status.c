/* `crossdock status`: what runs, waits, is held or failed. The database says what is stored; the
 * running hub, when there is one, says how its deliveries go. */
#include "app/control.h"
#include "app/question.h"

#include <inttypes.h>
#include <stdio.h>

enum { SYSTEMS_MAX_BYTES = 1 << 20 };

/* "2 h 5 min" and the like, the two largest units. */
static const char *age_words(int64_t seconds, char *words, size_t size)
{
    if (seconds < 60) {
        snprintf(words, size, "%" PRId64 " s", seconds);
    } else if (seconds < 3600) {
        snprintf(words, size, "%" PRId64 " min", seconds / 60);
    } else if (seconds < 86400) {
        snprintf(words, size, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
    } else {
        snprintf(words, size, "%" PRId64 " d %" PRId64 " h", seconds / 86400, seconds / 3600 % 24);
    }
    return words;
}

static void print_queue(const xd_cli *cli, const xd_json *status, const char *member,
                        const char *words)
{
    const xd_json *queue = xd_json_get(status, xd_str_from(member));
    int64_t count = XD_INT(queue, "count", 0);
    bool bad = count && (strcmp(member, "dead_letters") == 0 || strcmp(member, "exceptions") == 0);
    printf("  %s%8" PRId64 "%s  %s", bad ? xd_cli_style(cli, XD_STYLE_RED) : "", count,
           bad ? xd_cli_plain(cli) : "", words);
    if (count) {
        char age[48];
        printf(", oldest %s", age_words(XD_INT(queue, "oldest_age_s", 0), age, sizeof age));
    }
    putchar('\n');
}

static void print_invoices(const xd_json *invoices)
{
    if (!invoices || invoices->count == 0) {
        return;
    }
    fputs("  invoices  ", stdout);
    for (uint32_t i = 0; i < invoices->count; i++) {
        printf("%s%.*s %.*s", i ? ", " : "", XD_FMT(invoices->members[i].value.text),
               XD_FMT(invoices->members[i].name));
    }
    putchar('\n');
}

static void print_systems(const xd_cli *cli, const xd_json *answer)
{
    static const xd_column columns[] = {
        {"system", "SYSTEM", false},         {"waiting", "WAITING", true},
        {"in_flight", "SENDING", true},      {"ok", "DELIVERED", true},
        {"retried", "RETRIED", true},        {"dead", "DEAD", true},
        {"unknown", "UNKNOWN", true},        {"breaker", "BREAKER", false},
        {"last_error", "LAST ERROR", false}, {.member = NULL}};
    const xd_json *systems = XD_GET(answer, "systems");
    if (systems && systems->count) {
        putchar('\n');
        xd_cli_table(cli, systems, columns, "");
    }
}

static void print_status(const xd_cli *cli, const xd_config *config, const xd_json *status,
                         const xd_json *systems)
{
    printf("%s%s%s: %s\n", xd_cli_style(cli, XD_STYLE_BOLD), config->name, xd_cli_plain(cli),
           systems ? "running" : "not running");
    printf("  %8" PRId64 "  events in the log, %" PRId64 " of them not processed yet\n",
           XD_INT(status, "log_head", 0), XD_INT(status, "backlog", 0));
    printf("  %8" PRId64 "  journal entries\n", XD_INT(status, "journal_entries", 0));
    print_queue(cli, status, "outbox", "events with deliveries to make");
    print_queue(cli, status, "holds", "open holds");
    print_queue(cli, status, "parked", "parked documents");
    print_queue(cli, status, "dead_letters", "dead letters");
    print_queue(cli, status, "exceptions", "exceptions");
    print_invoices(XD_GET(status, "invoices"));
    print_systems(cli, systems);
}

/* One object: what the database says, and "systems" (null when the hub is not running). */
static int print_json(xd_question *question, bool running, const xd_buf *systems)
{
    xd_buf *body = &question->body;
    if (body->len) {
        body->len--; /* reopen the object */
    }
    xd_buf_printf(body, ",\"name\":\"%s\",\"running\":%s,\"outbound\":", question->config.name,
                  running ? "true" : "false");
    xd_buf_str_add(body, running ? xd_buf_str(systems) : XD_STR("null"));
    XD_BUF_LIT(body, "}\n");
    return xd_cli_print(body);
}

static int print_text(const xd_cli *cli, xd_question *question, bool running, const xd_buf *systems)
{
    const xd_json *status = xd_question_tree(question);
    const xd_json *tree = NULL;
    xd_arena arena;
    xd_arena_init(&arena, 4 * SYSTEMS_MAX_BYTES);
    if (running &&
        xd_json_parse(xd_buf_str(systems), XD_JSON_LIMITS_DEFAULT, &arena, &tree, NULL) != XD_OK) {
        tree = NULL;
    }
    if (status) {
        print_status(cli, &question->config, status, tree);
    }
    xd_arena_finish(&arena);
    return status ? XD_EXIT_OK : XD_EXIT_FAILED;
}

int xd_cmd_status(xd_cli *cli)
{
    xd_question question;
    int answer = xd_question_open(cli, &question);
    if (answer >= 0) {
        return answer;
    }
    xd_fault fault = XD_FAULT_NONE;
    xd_buf systems;
    xd_buf_init(&systems, SYSTEMS_MAX_BYTES);
    bool running = xd_control_get(question.config.ingress.control_path, "/v1/systems", &systems,
                                  NULL) == XD_OK;
    if (xd_question_ask(&question, "/status", NULL, &fault) != XD_OK) {
        answer = xd_cli_fault(&fault);
    } else if (cli->json) {
        answer = print_json(&question, running, &systems);
    } else {
        answer = print_text(cli, &question, running, &systems);
    }
    xd_buf_finish(&systems);
    xd_question_close(&question);
    return answer;
}
