/* Tokens of the map language. Private to src/mapping. */
#ifndef XD_MAPPING_LEX_H
#define XD_MAPPING_LEX_H

#include "base/arena.h"
#include "base/status.h"

typedef enum xd_token_type {
    XD_T_END,
    XD_T_NAME,
    XD_T_VARIABLE, /* text without the $ */
    XD_T_STRING,
    XD_T_NUMBER,
    XD_T_TRUE,
    XD_T_FALSE,
    XD_T_NULL,
    XD_T_REGEX, /* text is the pattern, flags those of xd_regex_create */
    XD_T_OPERATOR
} xd_token_type;

typedef struct xd_token {
    xd_token_type type;
    uint8_t op; /* the character, or XD_OP_* */
    uint32_t position;
    uint32_t flags;
    xd_str text;
} xd_token;

typedef struct xd_lexer {
    xd_str source;
    size_t at;       /* next byte */
    bool surrogates; /* a string held half a surrogate pair */
    xd_arena *arena;
    xd_fault *fault;
} xd_lexer;

/* Reads the next token. after_operand: a / here divides; else it begins a regular expression. */
XD_CHECKED xd_status xd_lex(xd_lexer *lexer, bool after_operand, xd_token *ret);
/* Fails with code as rule at position. */
xd_status xd_lex_fail(xd_fault *fault, uint32_t position, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
