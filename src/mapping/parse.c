/* The parser: operator precedence (Pratt) over the tokens, giving the raw tree that shape.c makes
 * runnable. Recursion is bounded by the height of the tree. Owns nothing. Pure. */
#include "mapping/lex.h"
#include "mapping/map_int.h"

enum {
    MAX_HEIGHT = 1000, /* of the tree, and nesting while parsing */
    BP_MINUS = 70
};

struct parser {
    xd_program *program;
    xd_lexer lexer;
    xd_token token; /* the current one */
    xd_fault *fault;
    uint32_t depth;
};

static xd_status expression(struct parser *p, int power, xd_node **ret);

/* How strongly an operator binds to what stands left of it; 0: not at all. */
static int power_of(const xd_token *t)
{
    if (t->type != XD_T_OPERATOR) {
        return 0;
    }
    switch (t->op) {
    case '[':
    case '(':
    case '@':
    case '#':
        return 80;
    case '.':
        return 75;
    case '{':
        return 70;
    case '*':
    case '/':
    case '%':
        return 60;
    case '+':
    case '-':
    case '&':
        return 50;
    case '=':
    case '<':
    case '>':
    case '^':
    case XD_OP_NE:
    case XD_OP_LE:
    case XD_OP_GE:
    case XD_OP_CHAIN:
    case XD_OP_ELVIS:
    case XD_OP_COALESCE:
    case XD_OP_IN:
        return 40;
    case XD_OP_AND:
        return 30;
    case XD_OP_OR:
        return 25;
    case '?':
        return 20;
    case XD_OP_BIND:
        return 10;
    default:
        return 0;
    }
}

static xd_status fail_memory(struct parser *p)
{
    return xd_fail(p->fault, XD_NO_MEMORY, "map.memory", "no memory to compile the map");
}

static xd_status fail_height(struct parser *p, uint32_t position)
{
    xd_status status = xd_fail(p->fault, XD_LIMIT, "map.height",
                               "the expression is nested more than %d deep; split it with := or "
                               "functions",
                               (int)MAX_HEIGHT);
    xd_fault_at(p->fault, position, NULL);
    return status;
}

static xd_status new_node(struct parser *p, xd_node_type type, uint32_t position, xd_node **ret)
{
    xd_node *node = xd_arena_zalloc(p->program->arena, sizeof *node);
    if (!node) {
        return fail_memory(p);
    }
    node->type = (uint8_t)type;
    node->position = position;
    *ret = node;
    return XD_OK;
}

static xd_status new_extra(struct parser *p, xd_node *node)
{
    if (!node->extra) {
        node->extra = xd_arena_zalloc(p->program->arena, sizeof *node->extra);
    }
    return node->extra ? XD_OK : fail_memory(p);
}

/* child stands below node. */
static xd_status grow_height(struct parser *p, xd_node *node, const xd_node *child)
{
    if (child->height + 1 > node->height) {
        node->height = child->height + 1;
    }
    return node->height > MAX_HEIGHT ? fail_height(p, node->position) : XD_OK;
}

static xd_status add_item(struct parser *p, xd_node *node, xd_node *item)
{
    uint32_t n = node->count;
    if ((n & (n - 1)) == 0) { /* full at every power of two */
        xd_node **items =
            xd_arena_alloc(p->program->arena, (n ? (size_t)n * 2 : 1) * sizeof(xd_node *));
        if (!items) {
            return fail_memory(p);
        }
        if (n) {
            memcpy(items, node->items, n * sizeof(xd_node *));
        }
        node->items = items;
    }
    node->items[node->count++] = item;
    return grow_height(p, node, item);
}

/* --- tokens --- */

static xd_status advance(struct parser *p, bool after_operand)
{
    return xd_lex(&p->lexer, after_operand, &p->token);
}

static bool at_op(const struct parser *p, int op)
{
    return p->token.type == XD_T_OPERATOR && p->token.op == op;
}

/* Passes the operator that must stand here. */
static xd_status expect(struct parser *p, int op, bool after_operand)
{
    if (at_op(p, op)) {
        return advance(p, after_operand);
    }
    if (p->token.type == XD_T_END) {
        return xd_lex_fail(p->fault, p->token.position, "S0203",
                           "expected \"%c\" before the end of the expression", op);
    }
    return xd_lex_fail(p->fault, p->token.position, "S0202", "expected \"%c\", found \"%.*s\"", op,
                       (int)(p->token.text.len < 40 ? p->token.text.len : 40), p->token.text.ptr);
}

/* --- what begins an expression --- */

static xd_status read_literal(struct parser *p, const xd_token *t, xd_node *node)
{
    node->type = XD_N_LITERAL;
    xd_number number;
    switch (t->type) {
    case XD_T_STRING:
        node->literal = xd_string_value(t->text);
        return XD_OK;
    case XD_T_NUMBER:
        if (!xd_number_parse(t->text, &number)) {
            return xd_lex_fail(p->fault, t->position, "S0102", "the number %.*s is out of range",
                               (int)(t->text.len < 60 ? t->text.len : 60), t->text.ptr);
        }
        number = xd_number_normal(number);
        if (number.coefficient == (int64_t)number.coefficient) {
            node->literal = (xd_value){.type = XD_V_SMALL,
                                       .count = (uint32_t)number.exponent,
                                       .text = {NULL, (size_t)(int64_t)number.coefficient}};
        } else {
            node->literal = (xd_value){.type = XD_JSON_NUMBER, .text = t->text};
        }
        return XD_OK;
    default:
        node->literal.type = t->type == XD_T_TRUE    ? XD_JSON_TRUE
                             : t->type == XD_T_FALSE ? XD_JSON_FALSE
                                                     : XD_JSON_NULL;
        return XD_OK;
    }
}

static xd_status read_block(struct parser *p, xd_node *node)
{
    node->type = XD_N_BLOCK;
    while (!at_op(p, ')')) {
        xd_node *item = NULL;
        XD_TRY(expression(p, 0, &item));
        XD_TRY(add_item(p, node, item));
        if (!at_op(p, ';')) {
            break;
        }
        XD_TRY(advance(p, false));
    }
    return expect(p, ')', true);
}

static xd_status read_array(struct parser *p, xd_node *node)
{
    node->type = XD_N_ARRAY;
    while (!at_op(p, ']')) {
        xd_node *item = NULL;
        XD_TRY(expression(p, 0, &item));
        if (at_op(p, XD_OP_RANGE)) {
            xd_node *range = NULL;
            XD_TRY(new_node(p, XD_N_BINARY, p->token.position, &range));
            range->op = XD_OP_RANGE;
            range->left = item;
            XD_TRY(advance(p, false));
            XD_TRY(expression(p, 0, &range->right));
            XD_TRY(grow_height(p, range, range->left));
            XD_TRY(grow_height(p, range, range->right));
            item = range;
        }
        XD_TRY(add_item(p, node, item));
        if (!at_op(p, ',')) {
            break;
        }
        XD_TRY(advance(p, false));
        if (at_op(p, ']')) { /* nothing may follow a comma but another item */
            return expression(p, 0, &item);
        }
    }
    return expect(p, ']', true);
}

/* Reads the pairs between braces; the opening one is passed. node is where their heights count. */
static xd_status read_pairs(struct parser *p, xd_node *node, xd_group **ret)
{
    xd_group *group = xd_arena_zalloc(p->program->arena, sizeof *group);
    if (!group) {
        return fail_memory(p);
    }
    group->position = node->position;
    uint32_t size = 0;
    while (!at_op(p, '}') || group->count > 0) {
        if (group->count == size) {
            uint32_t grown = size ? size * 2 : 8;
            xd_pair *pairs = xd_arena_alloc(p->program->arena, grown * sizeof *pairs);
            if (!pairs) {
                return fail_memory(p);
            }
            if (size) {
                memcpy(pairs, group->pairs, size * sizeof *pairs);
            }
            group->pairs = pairs;
            size = grown;
        }
        xd_pair *pair = &group->pairs[group->count];
        XD_TRY(expression(p, 0, &pair->key));
        XD_TRY(expect(p, ':', false));
        XD_TRY(expression(p, 0, &pair->value));
        XD_TRY(grow_height(p, node, pair->key));
        XD_TRY(grow_height(p, node, pair->value));
        group->count++;
        if (!at_op(p, ',')) {
            break;
        }
        XD_TRY(advance(p, false));
    }
    *ret = group;
    return expect(p, '}', true);
}

/* |pattern|update[,delete]| */
static xd_status read_transform(struct parser *p, xd_node *node)
{
    node->type = XD_N_TRANSFORM;
    XD_TRY(expression(p, 0, &node->left));
    XD_TRY(expect(p, '|', false));
    XD_TRY(expression(p, 0, &node->right));
    XD_TRY(grow_height(p, node, node->left));
    XD_TRY(grow_height(p, node, node->right));
    if (at_op(p, ',')) {
        XD_TRY(advance(p, false));
        XD_TRY(expression(p, 0, &node->third));
        XD_TRY(grow_height(p, node, node->third));
    }
    return expect(p, '|', true);
}

static xd_status read_prefix_operator(struct parser *p, const xd_token *t, xd_node *node)
{
    switch (t->op) {
    case '-':
        node->type = XD_N_NEGATE;
        XD_TRY(expression(p, BP_MINUS, &node->left));
        return grow_height(p, node, node->left);
    case '(':
        return read_block(p, node);
    case '[':
        return read_array(p, node);
    case '{':
        node->type = XD_N_OBJECT;
        return read_pairs(p, node, &node->object);
    case '|':
        return read_transform(p, node);
    case '*':
        node->type = XD_N_WILDCARD;
        return XD_OK;
    case XD_OP_DESCENDANT:
        node->type = XD_N_DESCENDANT;
        return XD_OK;
    case '%':
        node->type = XD_N_PARENT;
        return XD_OK;
    case XD_OP_AND:
    case XD_OP_OR:
    case XD_OP_IN: /* the words can be names as well */
        node->type = XD_N_NAME;
        node->name = t->text;
        return XD_OK;
    default:
        return xd_lex_fail(p->fault, t->position, "S0211",
                           "the symbol \"%.*s\" cannot begin an expression", XD_FMT(t->text));
    }
}

static xd_status read_regex(struct parser *p, const xd_token *t, xd_node *node)
{
    struct xd_regex_link *link = xd_arena_alloc(p->program->arena, sizeof *link);
    if (!link) {
        return fail_memory(p);
    }
    node->type = XD_N_REGEX;
    node->source = t->text;
    xd_status status = xd_regex_create(t->text, t->flags, &link->regex, p->fault);
    if (status != XD_OK) {
        int64_t within = p->fault && p->fault->offset >= 0 ? p->fault->offset : 0;
        xd_fault_at(p->fault, t->position + 1 + within, NULL);
        return status;
    }
    link->next = p->program->regexes;
    p->program->regexes = link;
    node->regex = link->regex;
    return XD_OK;
}

static xd_status read_prefix(struct parser *p, const xd_token *t, xd_node **ret)
{
    xd_node *node = NULL;
    XD_TRY(new_node(p, XD_N_END, t->position, &node));
    *ret = node;
    switch (t->type) {
    case XD_T_END:
        return XD_OK;
    case XD_T_NAME:
        node->type = XD_N_NAME;
        node->name = t->text;
        return XD_OK;
    case XD_T_VARIABLE:
        node->type = XD_N_VARIABLE;
        node->name = t->text;
        return XD_OK;
    case XD_T_REGEX:
        node->type = XD_N_REGEX;
        node->source = t->text;
        return read_regex(p, t, node);
    case XD_T_OPERATOR:
        return read_prefix_operator(p, t, node);
    default:
        return read_literal(p, t, node);
    }
}

/* --- what continues one --- */

/* The signature <...> of a lambda, at the token '<'. */
static xd_status read_signature(struct parser *p, xd_node *node)
{
    size_t start = p->token.position;
    size_t end = start;
    int depth = 0;
    xd_str source = p->lexer.source;
    for (; end < source.len && source.ptr[end] != '{'; end++) {
        depth += (source.ptr[end] == '<') - (source.ptr[end] == '>');
        if (depth == 0) {
            end++;
            break;
        }
    }
    xd_str text = {source.ptr + start, end - start};
    xd_fault *fault = p->fault;
    xd_status status = xd_signature_parse(text, p->program->arena, &node->signature, fault);
    if (status != XD_OK) {
        if (fault && fault->offset >= 0) {
            fault->offset += (int64_t)start;
        }
        return status;
    }
    p->lexer.at = end;
    return advance(p, false);
}

/* The name and parameters of a function definition are read as a call; now comes its body. */
static xd_status read_lambda(struct parser *p, xd_node *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->items[i]->type != XD_N_VARIABLE) {
            return xd_lex_fail(p->fault, node->items[i]->position, "S0208",
                               "parameter %u of a function definition must be a variable name "
                               "(begin with $)",
                               i + 1);
        }
    }
    node->type = XD_N_LAMBDA;
    node->body = NULL;
    node->signature = NULL;
    if (at_op(p, '<')) {
        XD_TRY(read_signature(p, node));
    }
    XD_TRY(expect(p, '{', false));
    XD_TRY(expression(p, 0, &node->body));
    XD_TRY(grow_height(p, node, node->body));
    return expect(p, '}', true);
}

static xd_status read_call(struct parser *p, xd_node *node, xd_node *left)
{
    node->type = XD_N_CALL;
    while (!at_op(p, ')')) {
        xd_node *item = NULL;
        if (at_op(p, '?')) {
            node->type = XD_N_PARTIAL;
            XD_TRY(new_node(p, XD_N_PLACEHOLDER, p->token.position, &item));
            XD_TRY(advance(p, true));
        } else {
            XD_TRY(expression(p, 0, &item));
        }
        XD_TRY(add_item(p, node, item));
        if (!at_op(p, ',')) {
            break;
        }
        XD_TRY(advance(p, false));
    }
    XD_TRY(expect(p, ')', true));
    if (left->type == XD_N_NAME &&
        (xd_str_eq(left->name, XD_STR("function")) || xd_str_eq(left->name, XD_STR("\xce\xbb")))) {
        return read_lambda(p, node);
    }
    node->left = left;
    return grow_height(p, node, left);
}

static xd_status read_filter(struct parser *p, xd_node *node, xd_node *left, xd_node **ret)
{
    if (at_op(p, ']')) { /* an empty one keeps arrays of one item */
        xd_node *step = left;
        while (step->type == XD_N_FILTER) {
            step = step->left;
        }
        step->keep_array = true;
        *ret = left;
        return advance(p, true);
    }
    node->type = XD_N_FILTER;
    node->left = left;
    XD_TRY(expression(p, 0, &node->right));
    XD_TRY(grow_height(p, node, left));
    XD_TRY(grow_height(p, node, node->right));
    return expect(p, ']', true);
}

static xd_status read_order(struct parser *p, xd_node *node, xd_node *left)
{
    xd_node *sort = NULL;
    XD_TRY(new_node(p, XD_N_SORT, node->position, &sort));
    XD_TRY(expect(p, '(', false));
    uint32_t size = 0;
    for (;;) {
        if (sort->term_count == size) {
            uint32_t grown = size ? size * 2 : 4;
            xd_term *terms = xd_arena_alloc(p->program->arena, grown * sizeof *terms);
            if (!terms) {
                return fail_memory(p);
            }
            if (size) {
                memcpy(terms, sort->terms, size * sizeof *terms);
            }
            sort->terms = terms;
            size = grown;
        }
        xd_term *term = &sort->terms[sort->term_count];
        term->descending = at_op(p, '>');
        if (at_op(p, '<') || at_op(p, '>')) {
            XD_TRY(advance(p, false));
        }
        XD_TRY(expression(p, 0, &term->expression));
        XD_TRY(grow_height(p, sort, term->expression));
        sort->term_count++;
        if (!at_op(p, ',')) {
            break;
        }
        XD_TRY(advance(p, false));
    }
    node->type = XD_N_ORDER;
    node->left = left;
    node->right = sort;
    XD_TRY(grow_height(p, node, left));
    XD_TRY(grow_height(p, node, sort));
    return expect(p, ')', true);
}

static xd_status read_condition(struct parser *p, xd_node *node, xd_node *left)
{
    node->type = XD_N_CONDITION;
    node->left = left;
    XD_TRY(expression(p, 0, &node->right));
    if (at_op(p, ':')) {
        XD_TRY(advance(p, false));
        XD_TRY(expression(p, 0, &node->third));
        XD_TRY(grow_height(p, node, node->third));
    }
    XD_TRY(grow_height(p, node, left));
    return grow_height(p, node, node->right);
}

/* a ?: b gives a when it counts as true, a ?? b when there is one; else b. */
static xd_status read_default(struct parser *p, xd_node *node, xd_node *left, uint8_t op)
{
    node->type = XD_N_CONDITION;
    node->op = op;
    node->left = left;
    XD_TRY(expression(p, 0, &node->third));
    XD_TRY(grow_height(p, node, left));
    return grow_height(p, node, node->third);
}

static xd_status read_binding(struct parser *p, xd_node *node, xd_node *left, const xd_token *t)
{
    node->type = t->op == '@' ? XD_N_FOCUS : XD_N_INDEX;
    node->left = left;
    XD_TRY(expression(p, 80, &node->right));
    if (node->right->type != XD_N_VARIABLE) {
        return xd_lex_fail(p->fault, t->position, "S0214",
                           "the right side of \"%c\" must be a variable name (begin with $)",
                           t->op);
    }
    return grow_height(p, node, left);
}

static xd_status read_infix_operator(struct parser *p, xd_node *node, xd_node *left,
                                     const xd_token *t)
{
    int power = power_of(t);
    switch (t->op) {
    case '.':
        node->type = XD_N_DOT;
        break;
    case XD_OP_CHAIN:
        node->type = XD_N_APPLY;
        break;
    case XD_OP_BIND:
        node->type = XD_N_BIND;
        power--; /* from the right */
        if (left->type != XD_N_VARIABLE) {
            return xd_lex_fail(p->fault, t->position, "S0212",
                               "the left side of := must be a variable name (begin with $)");
        }
        break;
    default:
        node->type = XD_N_BINARY;
        node->op = t->op;
    }
    node->left = left;
    XD_TRY(expression(p, power, &node->right));
    XD_TRY(grow_height(p, node, left));
    return grow_height(p, node, node->right);
}

static xd_status read_infix(struct parser *p, const xd_token *t, xd_node *left, xd_node **ret)
{
    xd_node *node = NULL;
    XD_TRY(new_node(p, XD_N_END, t->position, &node));
    *ret = node;
    switch (t->op) {
    case '(':
        return read_call(p, node, left);
    case '[':
        return read_filter(p, node, left, ret);
    case '{':
        node->type = XD_N_GROUP;
        node->left = left;
        XD_TRY(grow_height(p, node, left));
        XD_TRY(new_extra(p, node));
        return read_pairs(p, node, &node->extra->group);
    case '^':
        return read_order(p, node, left);
    case '?':
        return read_condition(p, node, left);
    case XD_OP_ELVIS:
    case XD_OP_COALESCE:
        return read_default(p, node, left, t->op);
    case '@':
    case '#':
        return read_binding(p, node, left, t);
    default:
        return read_infix_operator(p, node, left, t);
    }
}

/* Whether an operand ends with this token, so that a slash after it divides. */
static bool ends_operand(const xd_token *t)
{
    return t->type != XD_T_OPERATOR || t->op == '*' || t->op == XD_OP_DESCENDANT || t->op == '%' ||
           t->op >= XD_OP_AND;
}

static xd_status expression(struct parser *p, int power, xd_node **ret)
{
    if (++p->depth > MAX_HEIGHT) {
        return fail_height(p, p->token.position);
    }
    xd_token t = p->token;
    XD_TRY(advance(p, ends_operand(&t)));
    xd_node *left = NULL;
    XD_TRY(read_prefix(p, &t, &left));
    while (power < power_of(&p->token)) {
        t = p->token;
        XD_TRY(advance(p, false));
        XD_TRY(read_infix(p, &t, left, &left));
    }
    p->depth--;
    *ret = left;
    return XD_OK;
}

xd_status xd_program_parse(xd_program *program, xd_node **ret, xd_fault *fault)
{
    struct parser p = {
        .program = program,
        .lexer = {.source = program->source, .arena = program->arena, .fault = fault},
        .fault = fault,
    };
    XD_TRY(advance(&p, false));
    XD_TRY(expression(&p, 0, ret));
    if (p.token.type != XD_T_END) {
        return xd_lex_fail(fault, p.token.position, "S0201", "syntax error: \"%.*s\"",
                           (int)(p.token.text.len < 40 ? p.token.text.len : 40), p.token.text.ptr);
    }
    program->surrogates = p.lexer.surrogates;
    return XD_OK;
}
