/* Problem documents. See problem.h. */
#include "ingress/problem.h"

#include "base/json.h"

static const char *rule_of(const xd_fault *fault)
{
    return fault->rule[0] ? fault->rule : xd_code_name(fault->code);
}

unsigned xd_problem_status(const xd_fault *fault)
{
    xd_str rule = xd_str_from(fault->rule);
    switch (fault->code) {
    case XD_INVALID:
        return xd_str_starts(rule, XD_STR("json.")) || xd_str_starts(rule, XD_STR("http.")) ? 400
                                                                                            : 422;
    case XD_NOT_FOUND:
        return 404;
    case XD_CONFLICT:
        return 409;
    case XD_DENIED:
        return 403;
    case XD_LIMIT:
        return 413;
    case XD_OVERFLOW:
        return 422;
    case XD_FULL:
        return 507;
    case XD_NO_MEMORY:
    case XD_BUSY:
    case XD_IO:
    case XD_TIMEOUT:
    case XD_UNAVAILABLE:
        return 503;
    default:
        return 500;
    }
}

static const char *title_of(unsigned status)
{
    switch (status) {
    case 400:
        return "The request cannot be read";
    case 401:
        return "A key is needed";
    case 403:
        return "This key may not do that";
    case 404:
        return "There is no such thing here";
    case 405:
        return "This method is not offered here";
    case 408:
        return "The request came too slowly";
    case 409:
        return "The request contradicts what is already recorded";
    case 413:
        return "A limit is passed";
    case 415:
        return "This content type is not understood";
    case 422:
        return "The content breaks a rule";
    case 503:
        return "The hub cannot take this now";
    case 507:
        return "The hub's disk is full";
    default:
        return "The hub failed";
    }
}

static void add_text(xd_buf *buf, const char *name, const char *text)
{
    xd_buf_printf(buf, ",\"%s\":", name);
    xd_json_write_string(buf, xd_str_from(text));
}

static void add_int(xd_buf *buf, const char *name, int64_t value)
{
    xd_buf_printf(buf, ",\"%s\":", name);
    xd_buf_int(buf, value);
}

static void add_place(xd_buf *buf, const xd_fault *fault)
{
    if (fault->path[0]) {
        add_text(buf, "pointer", fault->path);
    }
    if (fault->line > 0) {
        add_int(buf, "line", fault->line);
    }
    if (fault->column > 0) {
        add_int(buf, "column", fault->column);
    }
    if (fault->offset >= 0) {
        add_int(buf, "offset", fault->offset);
    }
}

void xd_problem_write_place(xd_buf *buf, const xd_fault *fault)
{
    XD_BUF_LIT(buf, "\"rule\":");
    xd_json_write_string(buf, xd_str_from(rule_of(fault)));
    add_place(buf, fault);
    add_text(buf, "detail", fault->text);
}

void xd_problem_write(xd_buf *buf, unsigned status, const xd_fault *fault, int64_t index)
{
    XD_BUF_LIT(buf, "{\"type\":\"urn:crossdock:problem:");
    xd_buf_str_add(buf, xd_str_from(rule_of(fault)));
    XD_BUF_LIT(buf, "\"");
    add_text(buf, "title", title_of(status));
    add_int(buf, "status", status);
    add_text(buf, "detail", fault->text);
    add_text(buf, "rule", rule_of(fault));
    add_place(buf, fault);
    if (index >= 0) {
        add_int(buf, "index", index);
    }
    XD_BUF_LIT(buf, "}\n");
}
