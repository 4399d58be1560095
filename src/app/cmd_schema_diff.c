/* `crossdock schema diff`: whether documents of one version of a schema fit the other. */
#include "app/cli.h"

#include "app/schema_files.h"
#include "schema/diff.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)1 << 30)

static const char *verdict_of(const xd_schema_comparison *c)
{
    return c->backward && c->forward ? "full"
           : c->backward             ? "backward"
           : c->forward              ? "forward"
                                     : "none";
}

static void print_breaks(const char *title, bool good, const xd_schema_break *b)
{
    printf("%s: %s\n", title, good ? "yes" : "no");
    for (; b; b = b->next) {
        printf("  %.*s: %.*s\n    old %.*s, new %.*s\n",
               XD_FMT(b->place.len ? b->place : XD_STR("document")), XD_FMT(b->reason),
               XD_FMT(b->old_location), XD_FMT(b->new_location));
    }
}

static void write_breaks(xd_buf *buf, const char *name, const xd_schema_break *b)
{
    xd_buf_printf(buf, ",\"%s\":[", name);
    for (; b; b = b->next) {
        XD_BUF_LIT(buf, "{\"place\":");
        xd_json_write_string(buf, b->place);
        XD_BUF_LIT(buf, ",\"old\":");
        xd_json_write_string(buf, b->old_location);
        XD_BUF_LIT(buf, ",\"new\":");
        xd_json_write_string(buf, b->new_location);
        xd_buf_printf(buf, ",\"decided\":%s,\"reason\":", b->undecided ? "false" : "true");
        xd_json_write_string(buf, b->reason);
        xd_buf_char(buf, '}');
        if (b->next) {
            xd_buf_char(buf, ',');
        }
    }
    xd_buf_char(buf, ']');
}

static int print_json(const xd_schema_comparison *c)
{
    xd_buf buf;
    xd_buf_init(&buf, 64 << 20);
    xd_buf_printf(&buf, "{\"verdict\":\"%s\",\"backward\":%s,\"forward\":%s", verdict_of(c),
                  c->backward ? "true" : "false", c->forward ? "true" : "false");
    write_breaks(&buf, "backward_breaks", c->backward_breaks);
    write_breaks(&buf, "forward_breaks", c->forward_breaks);
    XD_BUF_LIT(&buf, "}\n");
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

static int compare(const xd_cli *cli, const xd_schema *older, const xd_schema *newer,
                   xd_arena *arena, const char *asked)
{
    const xd_schema_comparison *c = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_schema_compare(older, newer, arena, &c, &fault) != XD_OK) {
        return xd_cli_fault(&fault);
    }
    int answer = XD_EXIT_OK;
    if (cli->json) {
        answer = print_json(c);
    } else {
        print_breaks("backward (the newer schema accepts what the older one accepts)", c->backward,
                     c->backward_breaks);
        print_breaks("forward (the older schema accepts what the newer one accepts)", c->forward,
                     c->forward_breaks);
        printf("verdict: %s\n", verdict_of(c));
    }
    bool good = (c->backward || strcmp(asked, "forward") == 0) &&
                (c->forward || strcmp(asked, "backward") == 0);
    return answer == XD_EXIT_OK && !good && strcmp(asked, "none") != 0 ? XD_EXIT_FAILED : answer;
}

int xd_cmd_schema_diff(xd_cli *cli)
{
    const char *asked = xd_cli_option(cli, "require");
    asked = asked ? asked : "backward";
    static const char *const verdicts[] = {"backward", "forward", "full", "none"};
    bool known = false;
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        known |= strcmp(asked, verdicts[i]) == 0;
    }
    if (!known) {
        return xd_cli_say(XD_EXIT_USAGE,
                          "--require takes backward, forward, full or none, not \"%s\"", asked);
    }
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_schema_file_options how = {.folder = xd_cli_option(cli, "schemas")};
    xd_schema *older = NULL;
    xd_schema *newer = NULL;
    xd_fault fault = XD_FAULT_NONE;
    int answer;
    if (xd_schema_file_compile(cli->arguments[0], &how, &arena, &older, &fault) != XD_OK ||
        xd_schema_file_compile(cli->arguments[1], &how, &arena, &newer, &fault) != XD_OK) {
        answer = xd_cli_fault(&fault);
    } else {
        answer = compare(cli, older, newer, &arena, asked);
    }
    xd_schema_destroy(older);
    xd_schema_destroy(newer);
    xd_arena_finish(&arena);
    return answer;
}
