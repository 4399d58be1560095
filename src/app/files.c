/* Files of a backup. See files.h. */
#include "app/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

xd_status xd_file_fault(const char *doing, const char *path, xd_fault *fault)
{
    int error = errno;
    xd_code code = error == ENOSPC || error == EDQUOT ? XD_FULL
                   : error == ENOENT                  ? XD_NOT_FOUND
                                                      : XD_IO;
    xd_fail(fault, code, "file.io", "%s %s: %s", doing, path, strerror(error));
    xd_fault_at(fault, -1, path);
    return code;
}

char *xd_file_in(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path) {
        snprintf(path, size, "%s/%s", folder, name);
    }
    return path;
}

static bool write_whole(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t some = write(fd, bytes, n);
        if (some < 0 && errno != EINTR) {
            return false;
        }
        bytes += some > 0 ? some : 0;
        n -= some > 0 ? (size_t)some : 0;
    }
    return true;
}

/* Reads from to its end, into the hash and, unless to is -1, into the other file. */
static xd_status pump(int from, const char *from_path, int to, const char *to_path,
                      xd_file_print *ret, xd_fault *fault)
{
    xd_sha256 *sha = xd_sha256_create();
    char *piece = malloc(PIECE_BYTES);
    xd_file_print print = {0};
    xd_status status =
        sha && piece ? XD_OK : xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to read a file");
    while (status == XD_OK) {
        ssize_t n = read(from, piece, PIECE_BYTES);
        if (n < 0 && errno != EINTR) {
            status = xd_file_fault("cannot read", from_path, fault);
        } else if (n == 0) {
            break;
        } else if (n > 0) {
            xd_sha256_update(sha, (xd_str){piece, (size_t)n});
            print.bytes += n;
            if (to >= 0 && !write_whole(to, piece, (size_t)n)) {
                status = xd_file_fault("cannot write", to_path, fault);
            }
        }
    }
    if (status == XD_OK) {
        uint8_t digest[XD_SHA256_BYTES];
        xd_sha256_final(sha, digest);
        xd_hex(digest, sizeof digest, print.sha256);
        *ret = print;
    }
    xd_sha256_destroy(sha);
    free(piece);
    return status;
}

xd_status xd_file_print_of(const char *path, xd_file_print *ret, xd_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return xd_file_fault("cannot open", path, fault);
    }
    xd_status status = pump(fd, path, -1, NULL, ret, fault);
    close(fd);
    return status;
}

static xd_status sync_fd(int fd, const char *path, xd_fault *fault)
{
    return fsync(fd) == 0 ? XD_OK : xd_file_fault("cannot sync", path, fault);
}

xd_status xd_file_copy(const char *from, const char *to, xd_file_print *ret, xd_fault *fault)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return xd_file_fault("cannot open", from, fault);
    }
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    xd_status status =
        out < 0 ? xd_file_fault("cannot create", to, fault) : pump(in, from, out, to, ret, fault);
    if (status == XD_OK) {
        status = sync_fd(out, to, fault);
    }
    close(in);
    if (out >= 0) {
        close(out);
    }
    return status;
}

xd_status xd_file_write(const char *path, xd_str text, xd_fault *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return xd_file_fault("cannot create", path, fault);
    }
    xd_status status = write_whole(fd, text.ptr, text.len)
                           ? sync_fd(fd, path, fault)
                           : xd_file_fault("cannot write", path, fault);
    close(fd);
    return status;
}

xd_status xd_file_sync(const char *path, xd_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return xd_file_fault("cannot open", path, fault);
    }
    xd_status status = sync_fd(fd, path, fault);
    close(fd);
    return status;
}

xd_status xd_file_sync_parent(const char *path, xd_fault *fault)
{
    char *copy = strdup(path);
    if (!copy) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a name");
    }
    xd_status status = xd_file_sync(dirname(copy), fault);
    free(copy);
    return status;
}
