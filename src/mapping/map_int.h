/* The parts of a compiled map and of a run that the files of this folder share. Private to
 * src/mapping. Pure. */
#ifndef XD_MAPPING_MAP_INT_H
#define XD_MAPPING_MAP_INT_H

#include "base/random.h"
#include "base/regex.h"
#include "mapping/map.h"
#include "mapping/number.h"
#include "mapping/value.h"

#include <stdatomic.h>

typedef enum xd_node_type {
    XD_N_LITERAL,
    XD_N_NAME, /* a step that takes a member */
    XD_N_VARIABLE,
    XD_N_WILDCARD,
    XD_N_DESCENDANT,
    XD_N_PARENT,
    XD_N_PATH,
    XD_N_BINARY,
    XD_N_CONCAT, /* a & b & c as one */
    XD_N_NEGATE,
    XD_N_ARRAY,
    XD_N_OBJECT,
    XD_N_BLOCK,
    XD_N_CONDITION,
    XD_N_BIND,
    XD_N_CALL,
    XD_N_PARTIAL,
    XD_N_LAMBDA,
    XD_N_REGEX,
    XD_N_APPLY, /* ~> */
    XD_N_TRANSFORM,
    XD_N_SORT, /* a step */
    XD_N_PLACEHOLDER,
    /* Only between parsing and shaping: */
    XD_N_END,
    XD_N_DOT,
    XD_N_FILTER,
    XD_N_GROUP,
    XD_N_ORDER,
    XD_N_FOCUS,
    XD_N_INDEX
} xd_node_type;

/* Operators: the character itself, or one of these. */
enum {
    XD_OP_RANGE = 128, /* .. */
    XD_OP_BIND,        /* := */
    XD_OP_NE,
    XD_OP_GE,
    XD_OP_LE,
    XD_OP_DESCENDANT, /* ** */
    XD_OP_CHAIN,      /* ~> */
    XD_OP_ELVIS,      /* ?: */
    XD_OP_COALESCE,   /* ?? */
    XD_OP_AND,
    XD_OP_OR,
    XD_OP_IN
};

typedef struct xd_node xd_node;

/* An ancestor that a % wants: the step that finds it binds it under label. */
typedef struct xd_slot {
    xd_str label;
    int level;
} xd_slot;

typedef struct xd_slots {
    xd_slot **items;
    uint32_t count, size;
} xd_slots;

typedef struct xd_stage {
    const xd_node *filter; /* NULL: bind the index */
    xd_str index;
} xd_stage;

typedef struct xd_pair {
    xd_node *key, *value;
} xd_pair;

typedef struct xd_group {
    xd_pair *pairs;
    uint32_t count;
    uint32_t position;
    bool literal_keys; /* all keys are different string literals */
} xd_group;

/* What few nodes have. */
typedef struct xd_extra {
    xd_stage *predicates; /* of a value */
    uint32_t predicate_count, predicate_size;
    xd_stage *stages; /* of a step */
    uint32_t stage_count, stage_size;
    xd_group *group;
    xd_str focus, index; /* @$focus, #$index; ptr NULL when absent */
    xd_slot *ancestor;
    xd_slots seeking;
} xd_extra;

typedef struct xd_signature xd_signature;

typedef struct xd_term {
    xd_node *expression;
    bool descending;
} xd_term;

struct xd_node {
    uint8_t type; /* xd_node_type */
    uint8_t op;
    bool keep_array;      /* followed by [] */
    bool keep_singleton;  /* PATH: one of its steps is */
    bool cons;            /* ARRAY: not flattened in its path */
    bool tuple;           /* the step makes a stream of tuples */
    bool tail;            /* CALL in tail position of a lambda */
    bool simple;          /* PATH: names only */
    bool captures;        /* LAMBDA: its frame may outlive the call */
    bool binds;           /* BLOCK: something in it binds a variable, so it needs a frame */
    _Atomic uint8_t hint; /* NAME: where the member was found last; only ever a guess */
    uint32_t position;    /* byte in the source */
    uint32_t height;      /* of the tree below */
    uint32_t count;       /* items */
    xd_extra *extra;      /* or NULL */
    xd_node **items;      /* steps, expressions, arguments, parameters */
    union {
        xd_str name;      /* NAME, VARIABLE, PARENT (label after shaping) */
        xd_group *object; /* OBJECT */
        struct {
            xd_node *left, *right, *third;
        };
        struct {
            xd_node *body;
            const xd_signature *signature;
        };
        struct {
            xd_term *terms;
            uint32_t term_count;
        };
        xd_regex *regex;
        xd_slot *slot;
    };
    union {
        xd_value literal;
        const struct xd_function *builtin; /* VARIABLE: when nothing else has the name */
        xd_str source;                     /* REGEX: pattern */
    };
};

/* Regular expressions are the one thing of a map that lies outside its arena. */
struct xd_regex_link {
    struct xd_regex_link *next;
    xd_regex *regex; /* owns */
};

/* A compiled expression. */
typedef struct xd_program {
    xd_arena *arena; /* nodes and source; borrows when compiled by $eval */
    xd_str source;
    const xd_node *root;
    struct xd_regex_link *regexes;
    bool surrogates;         /* some string literal holds half a pair */
    struct xd_program *next; /* of those that $eval compiled in a run */
} xd_program;

struct xd_map {
    xd_arena arena; /* owns */
    xd_program program;
};

typedef struct xd_binding {
    struct xd_binding *next;
    const struct xd_frame *owner; /* that may change it; NULL in tuples, which share theirs */
    xd_str name;
    xd_value value;
} xd_binding;

typedef struct xd_frame {
    const struct xd_frame *parent;
    xd_binding *bindings;  /* latest first */
    const xd_node *lambda; /* its parameters have the values args; or NULL */
    const xd_value *args;
    uint32_t arg_count;
} xd_frame;

struct xd_tuple {
    xd_value item;
    xd_binding *bindings;
};

typedef struct xd_run {
    xd_arena *arena;
    xd_fault *fault; /* never NULL */
    const xd_map_world *world;
    uint64_t steps_left;
    uint32_t depth_left;
    bool arena_capped;     /* by limits.bytes, so that a refusal is XD_LIMIT */
    bool shadowed;         /* a binding from outside has a built-in function's name */
    bool surrogates;       /* a string may hold half a pair */
    uintptr_t stack_limit; /* lowest address that evaluation may use */
    xd_frame *top;
    const xd_program *program; /* whose positions are in the fault */
    xd_program *evaluated;     /* owns: compiled by $eval */
    uint32_t evaluated_count;
    xd_random random;
    struct {
        xd_value function;
        xd_value *args;
        uint32_t arg_count;
        const xd_node *node;
    } tail;
} xd_run;

typedef struct xd_call {
    xd_run *run;
    const xd_value *input;
    xd_frame *env;
    const xd_node *node; /* for positions; may be NULL */
    xd_str name;         /* of the function, for texts */
} xd_call;

typedef xd_status (*xd_builtin_run)(const xd_call *call, xd_value *args, uint32_t arg_count,
                                    xd_value *ret);

typedef struct xd_builtin {
    const char *name;
    const char *signature; /* "" when there is none */
    uint8_t arity;         /* arguments that higher-order functions pass at most */
    xd_builtin_run run;
} xd_builtin;

typedef enum xd_function_kind {
    XD_FN_BUILTIN,
    XD_FN_LAMBDA,
    XD_FN_PARTIAL,
    XD_FN_REGEX,
    XD_FN_NEXT, /* the next match of a regex */
    XD_FN_TRANSFORM,
    XD_FN_COMPOSED
} xd_function_kind;

typedef struct xd_function {
    xd_function_kind kind;
    uint32_t arity;
    const xd_signature *signature; /* or NULL */
    xd_str name;
    const xd_builtin *builtin;
    const xd_node *node; /* LAMBDA, TRANSFORM */
    xd_frame *env;
    xd_value input;
    const xd_regex *regex; /* REGEX, NEXT */
    xd_str subject;        /* NEXT */
    size_t from;
    int64_t from_index;     /* the same in characters */
    xd_value first, second; /* COMPOSED; PARTIAL: first is the function */
    const xd_value *args;   /* PARTIAL: XD_V_TAIL marks a place still open */
    uint32_t arg_count;
} xd_function;

/* --- compiling --- */
/* Parses source into program->root, all in arena but regular expressions. */
XD_CHECKED xd_status xd_program_compile(xd_program *program, xd_str source, xd_arena *arena,
                                        xd_fault *fault);
/* Frees the regular expressions. */
void xd_program_finish(xd_program *program);
/* Tokens to tree (parse.c), and the tree's final shape (shape.c). */
XD_CHECKED xd_status xd_program_parse(xd_program *program, xd_node **ret, xd_fault *fault);
XD_CHECKED xd_status xd_program_shape(xd_program *program, xd_node *raw, xd_node **ret,
                                      xd_fault *fault);
/* The row of a built-in function, NULL when there is none. */
const xd_builtin *xd_builtin_find(xd_str name);
/* A function value of it in arena, NULL when refused. */
const xd_function *xd_builtin_function(const xd_builtin *builtin, xd_arena *arena);

/* --- signatures --- */
/* text begins with '<'. Faults: S0401, S0402 with the offset in text. */
XD_CHECKED xd_status xd_signature_parse(xd_str text, xd_arena *arena, const xd_signature **ret,
                                        xd_fault *fault);
/* Checks and completes the arguments; they may move. */
XD_CHECKED xd_status xd_signature_apply(const xd_signature *signature, const xd_call *call,
                                        xd_value **args, uint32_t *arg_count);
uint32_t xd_signature_params(const xd_signature *signature);

/* --- evaluating --- */
XD_CHECKED xd_status xd_eval(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                             xd_value *ret);
XD_CHECKED xd_status xd_eval_path(xd_run *run, const xd_node *node, const xd_value *input,
                                  xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_eval_tuples(xd_run *run, const xd_node *node, uint32_t step,
                                    const xd_value *input, xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_eval_group(xd_run *run, const xd_group *group, const xd_value *input,
                                   xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_eval_sort(xd_run *run, const xd_node *node, const xd_value *input,
                                  xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_eval_filter(xd_run *run, const xd_node *predicate, const xd_value *input,
                                    xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_eval_binary(xd_run *run, const xd_node *node, const xd_value *input,
                                    xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_eval_call(xd_run *run, const xd_node *node, const xd_value *input,
                                  xd_frame *env, const xd_value *first, xd_value *ret);
XD_CHECKED xd_status xd_eval_partial(xd_run *run, const xd_node *node, const xd_value *input,
                                     xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_eval_apply(xd_run *run, const xd_node *node, const xd_value *input,
                                   xd_frame *env, xd_value *ret);
XD_CHECKED xd_status xd_apply_transform(const xd_call *call, const xd_function *function,
                                        const xd_value *subject, xd_value *ret);
/* Members by name of objects, and of the objects in arrays, as a sequence. */
XD_CHECKED xd_status xd_lookup(xd_run *run, const xd_value *input, xd_str name, xd_value *ret);
/* Calls a function value. args may be changed. */
XD_CHECKED xd_status xd_apply(const xd_call *call, const xd_value *function, xd_value *args,
                              uint32_t arg_count, xd_value *ret);
/* A variable's value, NULL when unbound. */
const xd_value *xd_frame_find(const xd_frame *frame, xd_str name);
xd_frame *xd_frame_new(xd_run *run, const xd_frame *parent);
XD_CHECKED xd_status xd_frame_bind(xd_run *run, xd_frame *frame, xd_str name, const xd_value *v);
/* One match of a regex function: *ret undefined, or the object that describes it. */
XD_CHECKED xd_status xd_regex_call(const xd_call *call, const xd_function *function, xd_str subject,
                                   bool again, xd_value *ret);

/* --- faults --- */
/* Memory refused: XD_LIMIT when limits.bytes did it, else XD_NO_MEMORY. */
xd_status xd_run_no_memory(xd_run *run);
/* The C stack is used up; the steps are. */
xd_status xd_run_too_deep(xd_run *run);
xd_status xd_run_too_long(xd_run *run);
static inline bool xd_stack_left(const xd_run *run)
{
    return (uintptr_t)__builtin_frame_address(0) > run->stack_limit;
}
/* Counts work that no evaluation of a node stands for; the next one fails when it was too much. */
static inline void xd_run_charge(xd_run *run, uint64_t steps)
{
    run->steps_left -= steps < run->steps_left ? steps : run->steps_left;
}
/* Before a walk goes into an array or object of count parts. Values share their parts, so a small
 * one can be met more often than any memory bounds: every visit takes steps. */
XD_CHECKED static inline xd_status xd_run_enter(xd_run *run, uint32_t count)
{
    uint64_t steps = 1 + count / 16;
    if (run->steps_left < steps) {
        run->steps_left = 0;
        return xd_run_too_long(run);
    }
    run->steps_left -= steps;
    return xd_stack_left(run) ? XD_OK : xd_run_too_deep(run);
}
/* Sets the position unless a deeper place did. */
xd_status xd_run_at(xd_run *run, const xd_node *node, xd_status status);
/* Fault D1001 for a number out of range. */
xd_status xd_run_range(xd_run *run);

#endif
