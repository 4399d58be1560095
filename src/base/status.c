/* Faults: filling, placing and naming them. See status.h. */
#include "base/status.h"

#include <stdio.h>

static const char *const code_names[XD_CODE_COUNT] = {
    [XD_OK] = "ok",
    [XD_INVALID] = "invalid",
    [XD_NOT_FOUND] = "not_found",
    [XD_CONFLICT] = "conflict",
    [XD_DENIED] = "denied",
    [XD_LIMIT] = "limit",
    [XD_OVERFLOW] = "overflow",
    [XD_NO_MEMORY] = "no_memory",
    [XD_BUSY] = "busy",
    [XD_FULL] = "full",
    [XD_IO] = "io",
    [XD_CORRUPT] = "corrupt",
    [XD_TIMEOUT] = "timeout",
    [XD_UNAVAILABLE] = "unavailable",
    [XD_INTERNAL] = "internal",
};

static xd_class class_of(xd_code code)
{
    switch (code) {
    case XD_BUSY:
    case XD_FULL:
    case XD_IO:
    case XD_TIMEOUT:
    case XD_UNAVAILABLE:
        return XD_TRANSIENT;
    case XD_CORRUPT:
        return XD_POISON;
    default:
        return XD_PERMANENT;
    }
}

/* Texts quote input, cut wherever it became too long: what is no whole character of UTF-8, or would
 * steer a terminal, becomes a question mark. */
static void make_readable(char *text)
{
    size_t bad;
    while (!xd_utf8_valid(xd_str_from(text), &bad)) {
        text[bad] = '?';
    }
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F) {
            *p = '?';
        }
    }
}

const char *xd_code_name(xd_code code)
{
    return (unsigned)code < XD_CODE_COUNT ? code_names[code] : "unknown";
}

xd_status xd_fail(xd_fault *fault, xd_code code, const char *rule, const char *format, ...)
{
    if (!fault) {
        return code;
    }
    fault->code = code;
    fault->klass = class_of(code);
    fault->offset = -1;
    fault->line = 0;
    fault->column = 0;
    fault->path[0] = '\0';
    snprintf(fault->rule, sizeof fault->rule, "%s", rule ? rule : xd_code_name(code));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    make_readable(fault->text);
    return code;
}

void xd_fault_at(xd_fault *fault, int64_t offset, const char *path)
{
    if (!fault) {
        return;
    }
    if (offset >= 0) {
        fault->offset = offset;
    }
    if (path) {
        snprintf(fault->path, sizeof fault->path, "%s", path);
        make_readable(fault->path);
    }
}

void xd_fault_locate(xd_fault *fault, xd_str text)
{
    if (!fault || fault->offset < 0) {
        return;
    }
    size_t end = (size_t)fault->offset < text.len ? (size_t)fault->offset : text.len;
    int32_t line = 1;
    size_t start = 0;
    for (size_t i = 0; i < end; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    fault->line = line;
    fault->column = (int32_t)(end - start) + 1;
}
