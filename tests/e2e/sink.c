/* A system that keeps what it is sent: sink FOLDER PORT listens on 127.0.0.1 (port 0: any free
 * one), writes its port to FOLDER/port, and every request to FOLDER/N.head (method, path, and a
 * line for each header) and FOLDER/N.body, N from 1. It answers 200, or the number that stands in
 * FOLDER/status. Ends on SIGTERM. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sink {
    const char *folder;
    int count; /* requests; the daemon has one thread */
} sink;

typedef struct body {
    char *bytes; /* owns */
    size_t length;
} body;

static FILE *open_file(const sink *s, const char *name, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    return fopen(path, mode);
}

static FILE *open_part(const sink *s, const char *part)
{
    char name[64];
    snprintf(name, sizeof name, "%d.%s", s->count, part);
    return open_file(s, name, "wb");
}

static enum MHD_Result write_header(void *to, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    (void)kind;
    fprintf(to, "%s: %s\n", name, value ? value : "");
    return MHD_YES;
}

static unsigned status_now(const sink *s)
{
    unsigned status = 200;
    FILE *file = open_file(s, "status", "r");
    if (file) {
        if (fscanf(file, "%u", &status) != 1) {
            status = 200;
        }
        fclose(file);
    }
    return status;
}

/* The body is there before the head is, so who sees the head finds both. */
static void keep(sink *s, struct MHD_Connection *connection, const char *method, const char *path,
                 const body *b)
{
    s->count++;
    FILE *file = open_part(s, "body");
    if (file) {
        fwrite(b->bytes, 1, b->length, file);
        fclose(file);
    }
    file = open_part(s, "head");
    if (file) {
        fprintf(file, "%s %s\n", method, path);
        MHD_get_connection_values(connection, MHD_HEADER_KIND, write_header, file);
        fclose(file);
    }
}

static enum MHD_Result handle(void *self, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    sink *s = self;
    (void)version;
    body *b = *state;
    if (!b) {
        *state = calloc(1, sizeof(body));
        return *state ? MHD_YES : MHD_NO;
    }
    if (*size) {
        char *grown = realloc(b->bytes, b->length + *size);
        if (!grown) {
            return MHD_NO;
        }
        memcpy(grown + b->length, data, *size);
        b->bytes = grown;
        b->length += *size;
        *size = 0;
        return MHD_YES;
    }
    keep(s, connection, method, path, b);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, status_now(s), response);
    MHD_destroy_response(response);
    return result;
}

static void completed(void *self, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    (void)self;
    (void)connection;
    (void)code;
    body *b = *state;
    if (b) {
        free(b->bytes);
        free(b);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: sink FOLDER PORT\n", stderr);
        return 2;
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    sink s = {.folder = argv[1]};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle, &s, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    FILE *file = daemon ? open_file(&s, "port", "w") : NULL;
    if (!file) {
        fputs("sink: cannot listen\n", stderr);
        return 1;
    }
    fprintf(file, "%d\n", (int)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fclose(file);
    int received;
    sigwait(&ends, &received);
    MHD_stop_daemon(daemon);
    return 0;
}
