/* `crossdock hold release`, `exception settle`, `dlq retry`, `dlq drop`: decisions of a person,
 * sent to the running hub, which keeps each as an event with its reason. */
#include "app/cli.h"
#include "app/control.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

enum { ANSWER_MAX_BYTES = 1 << 20 };

typedef struct decision {
    const char *folder; /* of the API: "holds" */
    const char *verb;   /* "release" */
    const char *done;   /* "released" */
} decision;

static const char *login_name(char *name, size_t size)
{
    const struct passwd *account = getpwuid(geteuid());
    if (account) {
        snprintf(name, size, "%s", account->pw_name);
    } else {
        snprintf(name, size, "uid-%u", (unsigned)geteuid());
    }
    return name;
}

static int decide_one(const xd_cli *cli, const decision *what, const char *socket_path,
                      const char *id, xd_str body)
{
    xd_buf path;
    xd_buf answer;
    xd_buf_init(&path, 1 << 16);
    xd_buf_init(&answer, ANSWER_MAX_BYTES);
    xd_buf_printf(&path, "/v1/%s/", what->folder);
    xd_control_encode(&path, id);
    xd_buf_printf(&path, "/%s", what->verb);
    xd_buf_char(&path, '\0');
    xd_fault fault = XD_FAULT_NONE;
    int code = XD_EXIT_OK;
    if (path.failed) {
        code = xd_cli_say(XD_EXIT_USAGE, "the ID is too long");
    } else if (xd_control_post(socket_path, path.ptr, body, &answer, &fault) != XD_OK) {
        code = xd_cli_say(xd_cli_exit_code(fault.code), "%s: %s (%s)", id, fault.text, fault.rule);
    } else if (cli->json) {
        code = xd_cli_print(&answer);
    } else {
        printf("%s: %s\n", id, what->done);
    }
    xd_buf_finish(&path);
    xd_buf_finish(&answer);
    return code;
}

static int decide(const xd_cli *cli, const decision *what)
{
    char login[64];
    const char *reason = xd_cli_option(cli, "reason");
    const char *person = xd_cli_option(cli, "as");
    if (!reason || !reason[0]) {
        return xd_cli_say(
            XD_EXIT_USAGE,
            "--reason is needed: it is kept with the decision, for whoever asks later");
    }
    xd_config config = {0};
    int code = xd_cli_config(cli, XD_CONFIG_WITHOUT_SECRETS, &config);
    if (code >= 0) {
        return code;
    }
    xd_buf body;
    xd_buf_init(&body, 1 << 16);
    XD_BUF_LIT(&body, "{\"reason\":");
    xd_json_write_string(&body, xd_str_from(reason));
    XD_BUF_LIT(&body, ",\"person\":");
    xd_json_write_string(&body, xd_str_from(person ? person : login_name(login, sizeof login)));
    xd_buf_str_add(&body, xd_cli_option(cli, "anew") ? XD_STR(",\"anew\":true}") : XD_STR("}"));
    code = XD_EXIT_OK;
    for (int i = 0; i < cli->argument_count; i++) {
        int one = decide_one(cli, what, config.ingress.control_path, cli->arguments[i],
                             xd_buf_str(&body));
        code = one > code ? one : code;
    }
    xd_buf_finish(&body);
    xd_config_finish(&config);
    return code;
}

int xd_cmd_hold_release(xd_cli *cli)
{
    static const decision release = {"holds", "release", "released"};
    return decide(cli, &release);
}

int xd_cmd_exception_settle(xd_cli *cli)
{
    static const decision settle = {"exceptions", "settle", "settled"};
    return decide(cli, &settle);
}

int xd_cmd_dlq_retry(xd_cli *cli)
{
    static const decision retry = {"dead-letters", "retry", "will be sent again"};
    return decide(cli, &retry);
}

int xd_cmd_dlq_drop(xd_cli *cli)
{
    static const decision drop = {"dead-letters", "drop", "given up"};
    return decide(cli, &drop);
}
