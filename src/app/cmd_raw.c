/* `crossdock raw`: the bytes that a document was mapped from, as they were received. */
#include "app/question.h"

#include <stdio.h>

int xd_cmd_raw(xd_cli *cli)
{
    xd_question question;
    int answer = xd_question_open(cli, &question);
    if (answer >= 0) {
        return answer;
    }
    char path[256];
    xd_fault fault = XD_FAULT_NONE;
    int n = snprintf(path, sizeof path, "/raw/%s", cli->arguments[0]);
    answer = n < 0 || (size_t)n >= sizeof path ? xd_cli_say(XD_EXIT_USAGE, "the hash is too long")
             : xd_question_ask(&question, path, NULL, &fault) == XD_OK
                 ? xd_cli_print(&question.body)
                 : xd_cli_fault(&fault);
    xd_question_close(&question);
    return answer;
}
