/* Programs under measurement. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 20000 };

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

uint16_t child_free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        bench_die("no free port: %s", strerror(errno));
    }
    close(fd);
    return ntohs(address.sin_port);
}

bool child_get(uint16_t port, const char *path, const char *authorization, char *text, size_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(port);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return false;
    }
    char request[512];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%sConnection: close\r\n\r\n", path,
                     authorization ? "Authorization: " : "", authorization ? authorization : "",
                     authorization ? "\r\n" : "");
    size_t used = 0;
    ssize_t got = send(fd, request, (size_t)n, MSG_NOSIGNAL);
    while (got > 0 && used < size - 1) {
        got = recv(fd, text + used, size - 1 - used, 0);
        used += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    text[used] = '\0';
    bool ok = strncmp(text, "HTTP/1.1 200", 12) == 0;
    const char *body = strstr(text, "\r\n\r\n");
    if (ok && body) {
        memmove(text, body + 4, strlen(body + 4) + 1);
    }
    return ok;
}

static bool serves(uint16_t port, const char *ready_path)
{
    char text[4096];
    if (ready_path) {
        return child_get(port, ready_path, NULL, text, sizeof text);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(port);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

static void wait_until_serving(pid_t pid, const char *name, uint16_t port, const char *ready_path)
{
    int64_t end = bench_now_ns() + START_MS * INT64_C(1000000);
    while (!serves(port, ready_path)) {
        int status = 0;
        if (waitpid(pid, &status, WNOHANG) == pid) {
            bench_die("%s ended before it served", name);
        }
        if (bench_now_ns() > end) {
            kill(pid, SIGKILL);
            bench_die("%s does not serve on port %u", name, port);
        }
        const struct timespec rest = {0, 500000};
        nanosleep(&rest, NULL);
    }
}

bench_child child_start(const char *const argv[], uint16_t port, const char *ready_path,
                        const char *log_path)
{
    pid_t pid = fork();
    if (pid < 0) {
        bench_die("cannot start %s: %s", argv[0], strerror(errno));
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left running when a benchmark fails */
        int log = log_path ? open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600) : STDERR_FILENO;
        dup2(log, STDERR_FILENO);
        dup2(log, STDOUT_FILENO); /* standard output is for figures only */
        execv(argv[0], (char *const *)argv);
        fprintf(stderr, "bench: cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    wait_until_serving(pid, argv[0], port, ready_path);
    return (bench_child){pid, port};
}

bench_child child_start_floor(const char *name, const char *argument)
{
    char path[1024];
    char port_text[8];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
    if (n <= 0) {
        bench_die("cannot find %s", name);
    }
    path[n] = '\0';
    snprintf(strrchr(path, '/') + 1, 64, "%s", name);
    uint16_t port = child_free_port();
    snprintf(port_text, sizeof port_text, "%u", port);
    const char *const argv[] = {path, port_text, argument, NULL};
    return child_start(argv, port, NULL, NULL);
}

void child_stop(bench_child *child)
{
    int status = 0;
    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM) {
        bench_die("the measured program died of signal %d", WTERMSIG(status));
    }
    child->pid = 0;
}

bench_scratch scratch_make(void)
{
    bench_scratch made;
    const char *root = getenv("BENCH_SCRATCH");
    snprintf(made.path, sizeof made.path, "%s/bench-XXXXXX", root && *root ? root : ".");
    if (!mkdtemp(made.path)) {
        bench_die("cannot make a folder in %s: %s", root ? root : ".", strerror(errno));
    }
    return made;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void scratch_remove(const bench_scratch *scratch)
{
    nftw(scratch->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
