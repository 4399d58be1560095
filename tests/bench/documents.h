/* What benchmarks of one operation on documents share: receipts of their own or from a file, a
 * document at a time on one core, with the operation and without it in turns. */
#ifndef BENCH_DOCUMENTS_H
#define BENCH_DOCUMENTS_H

#include "base/json.h"

typedef struct bench_task {
    const char *name;              /* of the figure */
    const char *own, *own_file;    /* the map or schema by default, and what its file is called */
    void *(*compile)(xd_str text); /* ends the program when it cannot */
    void (*destroy)(void *compiled);
    /* One document, with the operation, or, where compiled is NULL, all but that; false: it is
     * refused. arena and out are empty. Ends the program when it cannot. */
    bool (*one)(const void *compiled, xd_str document, xd_arena *arena, xd_buf *out);
    void (*print)(xd_str result); /* of one; NULL: how many are refused is printed instead */
} bench_task;

/* The main function: [SECONDS [FILE NDJSON]], print FILE NDJSON, rate SECONDS FILE NDJSON, or
 * write DIR. */
int bench_documents(const bench_task *task, int argc, char **argv);

#endif
