/* A full disk, preloaded into the hub (LD_PRELOAD): while the file named by CROSSDOCK_DISK_FULL
 * begins with "1", no file in the hub's data can grow. What is there already can be written over,
 * as on a disk that is really full. */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* else the names with and without 64 are one */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const volatile char *control; /* one byte; NULL: there is no file */

__attribute__((constructor)) static void map_control(void)
{
    const char *path = getenv("CROSSDOCK_DISK_FULL");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *map = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
        control = map == MAP_FAILED ? NULL : map;
        close(fd);
    }
}

static bool no_room(int fd, off64_t end)
{
    struct stat info;
    bool full = control && *control == '1' && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                end > info.st_size;
    errno = full ? ENOSPC : errno;
    return full;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    return no_room(fd, at + (off64_t)n) ? -1 : syscall(SYS_pwrite64, fd, bytes, n, at);
}

int ftruncate64(int fd, off64_t size)
{
    return no_room(fd, size) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}
