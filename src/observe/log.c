/* The hub's log. See log.h. */
#include "observe/log.h"

#include "base/json.h"
#include "base/time.h"

#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16384 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void xd_log_write(xd_log_level level, const char *event, const xd_log_field *fields, size_t count)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    xd_buf line;
    xd_buf_init(&line, LINE_MAX_BYTES);
    XD_BUF_LIT(&line, "{\"at\":\"");
    xd_instant_write(&line, (xd_instant)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    xd_buf_printf(&line, "\",\"level\":\"%s\",\"event\":\"%s\"", level_names[level], event);
    for (size_t i = 0; i < count; i++) {
        xd_buf_char(&line, ',');
        xd_json_write_string(&line, xd_str_from(fields[i].name));
        xd_buf_char(&line, ':');
        if (fields[i].text.ptr) {
            xd_json_write_string(&line, fields[i].text);
        } else {
            xd_buf_int(&line, fields[i].number);
        }
    }
    XD_BUF_LIT(&line, "}\n");
    if (!line.failed) {
        /* A log that cannot be written must not stop the hub. */
        ssize_t ignored = write(STDERR_FILENO, line.ptr, line.len);
        (void)ignored;
    }
    xd_buf_finish(&line);
}

void xd_log_fault(xd_log_level level, const char *event, const xd_fault *fault)
{
    XD_LOG(level, event, XD_LOG_TEXT("code", xd_str_from(xd_code_name(fault->code))),
           XD_LOG_TEXT("rule", xd_str_from(fault->rule)),
           XD_LOG_TEXT("path", xd_str_from(fault->path)),
           XD_LOG_TEXT("text", xd_str_from(fault->text)));
}
