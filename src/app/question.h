/* What subcommands ask the read side: one question, its answer as a tree, shown as JSON or as text.
 * Works on the project's database file, with the hub running or not. */
#ifndef XD_APP_QUESTION_H
#define XD_APP_QUESTION_H

#include "api/read.h"
#include "app/cli.h"

/* A query argument of a question; lists end with name NULL. A NULL value counts as not given. */
typedef struct xd_argument {
    const char *name;
    const char *value;
} xd_argument;

typedef struct xd_question {
    xd_config config;
    xd_reader *reader;
    xd_buf body;    /* of the last answer */
    xd_arena arena; /* of its tree */
} xd_question;

/* Opens the project's database. -1: ready, else the exit code after saying why. */
int xd_question_open(const xd_cli *cli, xd_question *question);
void xd_question_close(xd_question *question);

/* Asks; the answer is in question->body. path starts after /v1 and is not encoded. */
XD_CHECKED xd_status xd_question_ask(xd_question *question, const char *path,
                                     const xd_argument *arguments, xd_fault *fault);
/* Opens, asks prefix + name + suffix ("/trace/", "PO-1", ""), and shows the answer: its JSON with
 * --json, else what print makes of its tree. Returns the exit code. */
typedef int (*xd_question_print)(const xd_cli *cli, const xd_json *tree, const void *context);
int xd_question_show(const xd_cli *cli, const char *prefix, const char *name, const char *suffix,
                     const xd_argument *arguments, xd_question_print print, const void *context);
/* The body as a tree, NULL after saying why it cannot be read. */
const xd_json *xd_question_tree(xd_question *question);

#endif
