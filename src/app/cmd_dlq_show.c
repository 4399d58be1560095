/* `crossdock dlq show`: one dead letter with why it failed and the body that was not taken. */
#include "app/question.h"

#include <stdio.h>

/* Text as it stands, each line a little to the right. */
static void print_lines(xd_buf *buf, xd_str text)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end ? (size_t)(end - text.ptr) : text.len;
        size_t shown = n && text.ptr[n - 1] == '\r' ? n - 1 : n;
        const xd_json line = {.type = XD_JSON_STRING, .text = {text.ptr, shown}};
        XD_BUF_LIT(buf, "    ");
        xd_cli_value(buf, &line);
        xd_buf_char(buf, '\n');
        n += end != NULL;
        text = (xd_str){text.ptr + n, text.len - n};
    }
}

/* The body as it goes out; of a map that fails, why and what it was given. */
static void print_body(xd_buf *buf, const xd_json *letter)
{
    const xd_json *body = XD_GET(letter, "body");
    xd_str fault = XD_TEXT(letter, "body_fault");
    if (XD_TEXT(letter, "content_type").len) {
        xd_buf_printf(buf, "  %-12s%.*s\n", "type", XD_FMT(XD_TEXT(letter, "content_type")));
    }
    if (fault.len) {
        XD_BUF_LIT(buf, "  no body     ");
        xd_cli_value(buf, XD_GET(letter, "body_fault"));
        XD_BUF_LIT(buf, "\n  map input   ");
        xd_json_write(buf, XD_GET(letter, "unmapped"));
    } else if (body && body->type == XD_JSON_STRING) {
        XD_BUF_LIT(buf, "  body\n");
        print_lines(buf, body->text);
    } else if (body) {
        XD_BUF_LIT(buf, "  body        ");
        xd_json_write(buf, body);
    } else if (XD_GET(letter, "body_hex")) {
        XD_BUF_LIT(buf, "  body (hex)  ");
        xd_cli_value(buf, XD_GET(letter, "body_hex"));
    }
    if (buf->len && buf->ptr[buf->len - 1] != '\n') {
        xd_buf_char(buf, '\n');
    }
}

static int print_letter(const xd_cli *cli, const xd_json *letter, const void *context)
{
    (void)context;
    static const char *const members[] = {"system",      "message",  "order_key", "class", "reason",
                                          "status",      "attempts", "at",        "state", "person",
                                          "drop_reason", "map",      NULL};
    xd_buf buf;
    xd_buf_init(&buf, 1 << 24);
    xd_buf_printf(&buf, "%sDelivery ", xd_cli_style(cli, XD_STYLE_BOLD));
    xd_cli_value(&buf, XD_GET(letter, "id"));
    xd_buf_printf(&buf, "%s\n", xd_cli_plain(cli));
    for (size_t i = 0; members[i]; i++) {
        const xd_json *value = xd_json_get(letter, xd_str_from(members[i]));
        if (value && value->type != XD_JSON_NULL) {
            xd_buf_printf(&buf, "  %-12s", members[i]);
            xd_cli_value(&buf, value);
            xd_buf_char(&buf, '\n');
        }
    }
    const xd_json *event = XD_GET(letter, "event");
    xd_buf_printf(&buf, "  %-12s", "event");
    xd_cli_value(&buf, XD_GET(event, "kind"));
    xd_buf_char(&buf, ' ');
    xd_cli_value(&buf, XD_GET(event, "document"));
    XD_BUF_LIT(&buf, " of ");
    xd_cli_value(&buf, XD_GET(event, "source"));
    xd_buf_char(&buf, '\n');
    print_body(&buf, letter);
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

int xd_cmd_dlq_show(xd_cli *cli)
{
    return xd_question_show(cli, "/dead-letters/", cli->arguments[0], "", NULL, print_letter, NULL);
}
