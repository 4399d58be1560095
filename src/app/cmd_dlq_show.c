/* `crossdock dlq show`: one dead letter with why it failed and the body that was not taken. */
#include "app/question.h"

#include <stdio.h>

static int print_letter(const xd_cli *cli, const xd_json *letter, const void *context)
{
    (void)context;
    static const char *const members[] = {"system", "message", "order_key",   "class",
                                          "reason", "status",  "attempts",    "at",
                                          "state",  "person",  "drop_reason", NULL};
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
    XD_BUF_LIT(&buf, "\n  body        ");
    const xd_json *body = XD_GET(letter, "body");
    if (body) {
        xd_json_write(&buf, body);
    }
    XD_BUF_LIT(&buf, "\n");
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    return answer;
}

int xd_cmd_dlq_show(xd_cli *cli)
{
    return xd_question_show(cli, "/dead-letters/", cli->arguments[0], "", NULL, print_letter, NULL);
}
