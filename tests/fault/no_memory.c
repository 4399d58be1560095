/* Memory that runs out. See no_memory.h. Calls the allocator behind it (RTLD_NEXT).
 *
 * Preloaded, CROSSDOCK_NO_MEMORY names a file of eight digits: of a million allocations, so many
 * fail, as the file says at that moment. */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* else open and open64 are one name */

#include "no_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DIGITS = 8, MILLION = 1000000 };

/* The allocator that would be called without us: the C library's, or one that the program is linked
 * with. */
static struct {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *old, size_t size);
    int (*posix_memalign)(void **ret, size_t alignment, size_t size);
    void *(*aligned_alloc)(size_t alignment, size_t size);
} next;

static atomic_uint_fast64_t allocations, refused, first, beyond;
static const volatile char *rate; /* DIGITS of them; NULL: there is no file */

void xd_no_memory_plan(uint64_t number, uint64_t many)
{
    atomic_store(&allocations, 0);
    atomic_store(&refused, 0);
    atomic_store(&first, number ? number : UINT64_MAX);
    atomic_store(&beyond, number ? number + many : 0);
}

uint64_t xd_no_memory_count(void)
{
    return atomic_load(&allocations);
}

uint64_t xd_no_memory_refused(void)
{
    return atomic_load(&refused);
}

/* A function pointer of the next library; the standard has no cast for it. */
static void find(const char *name, void *ret)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(ret, &found, sizeof found);
}

/* Before anything else, and at the first allocation, which may come even earlier. */
__attribute__((constructor)) static void find_next(void)
{
    find("malloc", &next.malloc);
    find("calloc", &next.calloc);
    find("realloc", &next.realloc);
    find("posix_memalign", &next.posix_memalign);
    find("aligned_alloc", &next.aligned_alloc);
}

__attribute__((constructor)) static void map_rate(void)
{
    const char *path = getenv("CROSSDOCK_NO_MEMORY");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *map = mmap(NULL, DIGITS, PROT_READ, MAP_SHARED, fd, 0);
        rate = map == MAP_FAILED ? NULL : map;
        close(fd);
    }
}

/* One number for each allocation of each process (splitmix64). */
static uint64_t draw(uint64_t n)
{
    uint64_t z = (n + ((uint64_t)getpid() << 32)) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool refuse(void)
{
    if (!next.malloc) {
        find_next();
    }
    uint64_t n = atomic_fetch_add(&allocations, 1) + 1;
    bool no = n >= atomic_load(&first) && n < atomic_load(&beyond);
    if (rate) {
        uint64_t limit = 0;
        for (int i = 0; i < DIGITS; i++) {
            limit = limit * 10 + (uint64_t)(rate[i] - '0');
        }
        no = draw(n) % MILLION < limit;
    }
    if (no) {
        atomic_fetch_add(&refused, 1);
        errno = ENOMEM;
    }
    return no;
}

void *malloc(size_t size)
{
    return refuse() ? NULL : next.malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refuse() ? NULL : next.calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return refuse() ? NULL : next.realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, all);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    return refuse() ? ENOMEM : next.posix_memalign(ret, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return refuse() ? NULL : next.aligned_alloc(alignment, size);
}

char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}
