/* `crossdock check`: verifies a project folder. */
#include "app/cli.h"

#include <stdio.h>

static int check_as_json(const char *folder, xd_config_secrets secrets)
{
    static xd_config_errors errors;
    xd_config config = {0};
    xd_status status = xd_config_load(folder, secrets, &config, &errors);
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    xd_buf_printf(&buf, "{\"ok\":%s,\"more\":%u,\"errors\":", status == XD_OK ? "true" : "false",
                  (unsigned)errors.more);
    xd_config_errors_json(&errors, &buf);
    XD_BUF_LIT(&buf, "}\n");
    int answer = xd_cli_print(&buf);
    xd_buf_finish(&buf);
    xd_config_finish(&config);
    return answer == XD_EXIT_OK ? xd_cli_exit_code(status) : answer;
}

int xd_cmd_check(xd_cli *cli)
{
    if (cli->argument_count) {
        cli->folder = cli->arguments[0];
    }
    xd_config_secrets secrets =
        xd_cli_option(cli, "without-secrets") ? XD_CONFIG_WITHOUT_SECRETS : XD_CONFIG_WITH_SECRETS;
    if (cli->json) {
        return check_as_json(cli->folder, secrets);
    }
    xd_config config = {0};
    int answer = xd_cli_config(cli, secrets, &config);
    if (answer >= 0) {
        return answer;
    }
    printf("%s/" XD_CONFIG_FILE ": good: %u system%s, %u key%s, %u watched folder%s\n",
           config.folder, (unsigned)config.outbound.remote_count,
           config.outbound.remote_count == 1 ? "" : "s", (unsigned)config.ingress.key_count,
           config.ingress.key_count == 1 ? "" : "s", (unsigned)config.intake.folder_count,
           config.intake.folder_count == 1 ? "" : "s");
    if (config.ingress.key_count == 0) {
        fputs("note: no keys yet, so nobody can call the hub; `crossdock key new NAME` makes one\n",
              stderr);
    }
    xd_config_finish(&config);
    return XD_EXIT_OK;
}
