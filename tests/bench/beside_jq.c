/* Receipts as text in, goods movements as text out, by libjq on one thread.
 *     beside_jq PROGRAM NDJSON SECONDS     documents a second
 *     beside_jq PROGRAM NDJSON print       what is made of each document */
#include "measure.h"

#include <jq.h>
#include <jv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS_MAX = 10000, PROGRAM_BYTES = 64 << 10 };

typedef struct jq_input {
    jq_state *program;
    char *documents[DOCUMENTS_MAX]; /* owns; NUL-terminated */
    size_t count;
} jq_input;

static void read_program(jq_input *in, const char *path)
{
    char *text = calloc(1, PROGRAM_BYTES);
    FILE *file = fopen(path, "r");
    in->program = jq_init();
    if (!file || !text || !fread(text, 1, PROGRAM_BYTES - 1, file) || !in->program ||
        !jq_compile(in->program, text)) {
        bench_die("cannot compile %s", path);
    }
    fclose(file);
    free(text);
}

static void read_documents(jq_input *in, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    while (file && in->count < DOCUMENTS_MAX && getline(&line, &size, file) > 0) {
        in->documents[in->count++] = strdup(line);
    }
    free(line);
    if (!in->count) {
        bench_die("there are no documents in %s", path);
    }
    fclose(file);
}

/* The bytes of what is made of a document. */
static size_t do_one(jq_input *in, size_t i, bool print)
{
    size_t bytes = 0;
    jq_start(in->program, jv_parse(in->documents[i]), 0);
    jv value = jq_next(in->program);
    for (; jv_is_valid(value); value = jq_next(in->program)) {
        jv text = jv_dump_string(value, 0);
        bytes += (size_t)jv_string_length_bytes(jv_copy(text));
        if (print) {
            puts(jv_string_value(text));
        }
        jv_free(text);
    }
    jv_free(value);
    if (!bytes) {
        bench_die("document %zu is mapped to nothing", i);
    }
    return bytes;
}

static double rate(jq_input *in, double seconds)
{
    int64_t begin = bench_now_ns();
    int64_t now = begin;
    size_t done = 0;
    for (; (double)(now - begin) < seconds * 1e9; now = bench_now_ns()) {
        for (int k = 0; k < 50; k++) {
            do_one(in, done++ % in->count, false);
        }
    }
    return (double)done / ((double)(now - begin) / 1e9);
}

int main(int argc, char **argv)
{
    static jq_input in;
    if (argc < 4) {
        bench_die("beside_jq PROGRAM NDJSON SECONDS|print");
    }
    read_program(&in, argv[1]);
    read_documents(&in, argv[2]);
    if (strcmp(argv[3], "print") == 0) {
        for (size_t i = 0; i < in.count; i++) {
            do_one(&in, i, true);
        }
    } else {
        printf("%.0f\n", rate(&in, (double)strtol(argv[3], NULL, 10)));
    }
    jq_teardown(&in.program);
    for (size_t i = 0; i < in.count; i++) {
        free(in.documents[i]);
    }
    return 0;
}
