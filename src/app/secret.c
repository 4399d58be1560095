/* Secrets by reference. See secret.h. Calls the environment, the file system and the allocator. */
#include "app/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct xd_secret {
    size_t len;
    char bytes[];
};

void xd_secret_wipe(void *bytes, size_t n)
{
    explicit_bzero(bytes, n);
}

xd_secret *xd_secret_create(xd_str bytes)
{
    xd_secret *secret = malloc(sizeof *secret + bytes.len + 1);
    if (secret) {
        secret->len = bytes.len;
        memcpy(secret->bytes, bytes.ptr, bytes.len);
        secret->bytes[bytes.len] = '\0';
    }
    return secret;
}

void xd_secret_destroy(xd_secret *secret)
{
    if (secret) {
        xd_secret_wipe(secret->bytes, secret->len);
        free(secret);
    }
}

const char *xd_secret_reveal(const xd_secret *secret)
{
    return secret->bytes;
}

/* A secret ends up in a header line, so it must be one line of visible text. */
static xd_status create_checked(xd_str bytes, const char *whence, xd_secret **ret, xd_fault *fault)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if ((unsigned char)bytes.ptr[i] < 0x20 || bytes.ptr[i] == 0x7F) {
            return xd_fail(fault, XD_INVALID, "secret.text",
                           "%s holds a control character at byte %zu; a secret is one line of text",
                           whence, i + 1);
        }
    }
    xd_secret *secret = xd_secret_create(bytes);
    if (!secret) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "out of memory");
    }
    *ret = secret;
    return XD_OK;
}

xd_status xd_secret_from_env(const char *variable, xd_secret **ret, xd_fault *fault)
{
    const char *value = getenv(variable);
    if (!value || !value[0]) {
        return xd_fail(fault, XD_NOT_FOUND, "secret.missing",
                       "the environment variable %s is %s; set it before starting the hub",
                       variable, value ? "empty" : "not set");
    }
    char whence[160];
    snprintf(whence, sizeof whence, "the environment variable %s", variable);
    return create_checked(xd_str_from(value), whence, ret, fault);
}

xd_status xd_secret_from_file(const char *path, xd_secret **ret, xd_fault *fault)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return xd_fail(fault, errno == ENOENT ? XD_NOT_FOUND : XD_IO, "secret.missing",
                       "the secret file %s cannot be read: %s", path, strerror(errno));
    }
    char bytes[XD_SECRET_MAX_BYTES + 1];
    size_t n = fread(bytes, 1, sizeof bytes, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    xd_status status;
    while (n && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r')) {
        n--;
    }
    if (failed) {
        status = xd_fail(fault, XD_IO, "secret.missing", "the secret file %s cannot be read", path);
    } else if (n == 0) {
        status = xd_fail(fault, XD_INVALID, "secret.missing", "the secret file %s is empty", path);
    } else if (n > XD_SECRET_MAX_BYTES) {
        status = xd_fail(fault, XD_LIMIT, "secret.text", "the secret file %s is over %d bytes",
                         path, XD_SECRET_MAX_BYTES);
    } else {
        status = create_checked((xd_str){bytes, n}, path, ret, fault);
    }
    xd_secret_wipe(bytes, sizeof bytes);
    return status;
}
