/* The lexer: one token a call, since only the parser knows whether a slash divides or begins a
 * regular expression. Owns nothing: texts lie in the arena of the map. Pure. */
#include "mapping/lex.h"

#include "base/regex.h"
#include "mapping/map_int.h"

#include <stdio.h>

xd_status xd_lex_fail(xd_fault *fault, uint32_t position, const char *code, const char *format, ...)
{
    char text[sizeof fault->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    xd_status status = xd_fail(fault, XD_INVALID, code, "%s", text);
    xd_fault_at(fault, position, NULL);
    return status;
}

static xd_status fail_memory(xd_lexer *lexer)
{
    return xd_fail(lexer->fault, XD_NO_MEMORY, "map.memory", "no memory to compile the map");
}

static int peek(const xd_lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->source.len ? (unsigned char)lexer->source.ptr[at] : -1;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v';
}

static bool is_operator(int c)
{
    return c > 0 && c < 128 && memchr(".[]{}(),@#;:?+-*/%|=<>^!~&", c, 26) != NULL;
}

/* Passes white space and comments. */
static xd_status skip_blank(xd_lexer *lexer)
{
    for (;;) {
        while (is_space(peek(lexer, 0))) {
            lexer->at++;
        }
        if (peek(lexer, 0) != '/' || peek(lexer, 1) != '*') {
            return XD_OK;
        }
        size_t start = lexer->at;
        lexer->at += 2;
        while (peek(lexer, 0) != '*' || peek(lexer, 1) != '/') {
            if (peek(lexer, 0) < 0) {
                return xd_lex_fail(lexer->fault, (uint32_t)start, "S0106",
                                   "the comment that begins here has no closing */");
            }
            lexer->at++;
        }
        lexer->at += 2;
    }
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Value of the four hexadecimal digits ahead, -1 when they are not all there. */
static int32_t hex4(const xd_lexer *lexer, size_t ahead)
{
    int32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        int c = peek(lexer, ahead + i);
        int digit = c < 0 ? -1 : hex_digit(c);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* Resolves the \u escape whose four digits are next; a pair of halves becomes one character. */
static xd_status read_unicode(xd_lexer *lexer, char **out)
{
    int32_t unit = hex4(lexer, 0);
    if (unit < 0) {
        return xd_lex_fail(lexer->fault, (uint32_t)lexer->at, "S0104",
                           "\\u must be followed by four hexadecimal digits");
    }
    lexer->at += 4;
    uint32_t c = (uint32_t)unit;
    if (c >> 10 == 0xd800 >> 10 && peek(lexer, 0) == '\\' && peek(lexer, 1) == 'u') {
        int32_t low = hex4(lexer, 2);
        if (low >= 0 && low >> 10 == 0xdc00 >> 10) {
            c = 0x10000 + ((c & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
            lexer->at += 6;
        }
    }
    lexer->surrogates = lexer->surrogates || c >> 11 == 0xd800 >> 11;
    *out = put_utf8(*out, c);
    return XD_OK;
}

static xd_status read_escape(xd_lexer *lexer, char **out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    int c = peek(lexer, 0);
    if (c == 'u') {
        lexer->at++;
        return read_unicode(lexer, out);
    }
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (!found) {
        return xd_lex_fail(lexer->fault, (uint32_t)lexer->at, "S0103",
                           "unsupported escape \\%c in a string; use one of "
                           "\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u",
                           c > 0x20 && c < 0x7f ? c : '?');
    }
    *(*out)++ = to[found - from];
    lexer->at++;
    return XD_OK;
}

static xd_status read_string(xd_lexer *lexer, xd_token *token)
{
    int quote = peek(lexer, 0);
    size_t start = ++lexer->at;
    size_t end = start;
    bool escaped = false;
    for (int c; (c = peek(lexer, end - start)) != quote; end++) {
        if (c == '\\') {
            escaped = true;
            end++;
        }
        if (c < 0 || end >= lexer->source.len) {
            return xd_lex_fail(lexer->fault, token->position, "S0101",
                               "the string that begins here has no closing quote");
        }
    }
    token->type = XD_T_STRING;
    token->text = (xd_str){lexer->source.ptr + start, end - start};
    if (escaped) {
        char *copy = xd_arena_alloc(lexer->arena, end - start);
        if (!copy) {
            return fail_memory(lexer);
        }
        char *out = copy;
        while (lexer->at < end) {
            char c = lexer->source.ptr[lexer->at++];
            if (c == '\\') {
                XD_TRY(read_escape(lexer, &out));
            } else {
                *out++ = c;
            }
        }
        token->text = (xd_str){copy, (size_t)(out - copy)};
    }
    lexer->at = end + 1;
    return XD_OK;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static xd_status read_number(xd_lexer *lexer, xd_token *token)
{
    size_t n = 1;
    if (peek(lexer, 0) != '0') {
        while (is_digit(peek(lexer, n))) {
            n++;
        }
    }
    if (peek(lexer, n) == '.' && is_digit(peek(lexer, n + 1))) {
        n += 2;
        while (is_digit(peek(lexer, n))) {
            n++;
        }
    }
    int c = peek(lexer, n);
    if (c == 'e' || c == 'E') {
        size_t e = n + 1;
        e += peek(lexer, e) == '+' || peek(lexer, e) == '-';
        if (is_digit(peek(lexer, e))) {
            n = e;
            while (is_digit(peek(lexer, n))) {
                n++;
            }
        }
    }
    token->type = XD_T_NUMBER;
    token->text = (xd_str){lexer->source.ptr + lexer->at, n};
    lexer->at += n;
    return XD_OK;
}

/* The slash at position begins a regular expression. Slashes within brackets do not end it. */
static xd_status read_regex(xd_lexer *lexer, xd_token *token)
{
    size_t start = ++lexer->at;
    int depth = 0;
    for (int c; (c = peek(lexer, 0)) != '/' || depth > 0; lexer->at++) {
        if (c < 0) {
            return xd_lex_fail(lexer->fault, token->position, "S0302",
                               "the regular expression that begins here has no closing /");
        }
        if (c == '\\') {
            lexer->at++;
        } else if (c == '(' || c == '[' || c == '{') {
            depth++;
        } else if ((c == ')' || c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    token->type = XD_T_REGEX;
    token->text = (xd_str){lexer->source.ptr + start, lexer->at - start};
    if (token->text.len == 0) {
        return xd_lex_fail(lexer->fault, token->position, "S0301",
                           "a regular expression must not be empty");
    }
    lexer->at++;
    for (int c; (c = peek(lexer, 0)) == 'i' || c == 'm'; lexer->at++) {
        token->flags |= c == 'i' ? XD_REGEX_IGNORE_CASE : XD_REGEX_MULTILINE;
    }
    return XD_OK;
}

static xd_status read_operator(xd_lexer *lexer, xd_token *token)
{
    static const struct {
        char text[2];
        uint8_t op;
    } pairs[] = {
        {{'.', '.'}, XD_OP_RANGE}, {{':', '='}, XD_OP_BIND},  {{'!', '='}, XD_OP_NE},
        {{'>', '='}, XD_OP_GE},    {{'<', '='}, XD_OP_LE},    {{'*', '*'}, XD_OP_DESCENDANT},
        {{'~', '>'}, XD_OP_CHAIN}, {{'?', ':'}, XD_OP_ELVIS}, {{'?', '?'}, XD_OP_COALESCE}};
    token->type = XD_T_OPERATOR;
    token->op = (uint8_t)peek(lexer, 0);
    size_t length = 1;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (peek(lexer, 0) == pairs[i].text[0] && peek(lexer, 1) == pairs[i].text[1]) {
            token->op = pairs[i].op;
            length = 2;
            break;
        }
    }
    if (token->op == '!' || token->op == '~') { /* they only exist as != and ~> */
        return xd_lex_fail(lexer->fault, token->position, "S0204", "unknown operator \"%c\"",
                           token->op);
    }
    token->text = (xd_str){lexer->source.ptr + lexer->at, length};
    lexer->at += length;
    return XD_OK;
}

static void read_name(xd_lexer *lexer, xd_token *token)
{
    static const struct {
        const char *text;
        xd_token_type type;
        uint8_t op;
    } words[] = {{"or", XD_T_OPERATOR, XD_OP_OR},   {"in", XD_T_OPERATOR, XD_OP_IN},
                 {"and", XD_T_OPERATOR, XD_OP_AND}, {"true", XD_T_TRUE, 0},
                 {"false", XD_T_FALSE, 0},          {"null", XD_T_NULL, 0}};
    size_t n = 0;
    for (int c; (c = peek(lexer, n)) >= 0 && !is_space(c) && !is_operator(c); n++) {
    }
    xd_str text = {lexer->source.ptr + lexer->at, n};
    lexer->at += n;
    token->type = XD_T_NAME;
    token->text = text;
    if (text.ptr[0] == '$') {
        token->type = XD_T_VARIABLE;
        token->text = (xd_str){text.ptr + 1, text.len - 1};
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (xd_str_eq(text, xd_str_from(words[i].text))) {
            token->type = words[i].type;
            token->op = words[i].op;
        }
    }
}

static xd_status read_quoted_name(xd_lexer *lexer, xd_token *token)
{
    size_t start = ++lexer->at;
    const char *end = memchr(lexer->source.ptr + start, '`', lexer->source.len - start);
    if (!end) {
        return xd_lex_fail(lexer->fault, token->position, "S0105",
                           "the name that begins here has no closing backtick");
    }
    token->type = XD_T_NAME;
    token->text = (xd_str){lexer->source.ptr + start, (size_t)(end - (lexer->source.ptr + start))};
    lexer->at = start + token->text.len + 1;
    return XD_OK;
}

xd_status xd_lex(xd_lexer *lexer, bool after_operand, xd_token *ret)
{
    XD_TRY(skip_blank(lexer));
    *ret = (xd_token){.type = XD_T_END, .position = (uint32_t)lexer->at};
    int c = peek(lexer, 0);
    if (c < 0) {
        return XD_OK;
    }
    if (c == '"' || c == '\'') {
        return read_string(lexer, ret);
    }
    if (c == '`') {
        return read_quoted_name(lexer, ret);
    }
    if (is_digit(c)) {
        return read_number(lexer, ret);
    }
    if (c == '/' && !after_operand) {
        return read_regex(lexer, ret);
    }
    if (is_operator(c)) {
        return read_operator(lexer, ret);
    }
    read_name(lexer, ret);
    return XD_OK;
}
