/* The plan of a simulation: a list of actions, made from a seed before anything runs. Running it
 * draws nothing that depends on the length of the list, so that a failing plan can be shrunk by
 * leaving actions out. Plain data in one arena. */
#ifndef XD_SIM_PLAN_H
#define XD_SIM_PLAN_H

#include "base/random.h"
#include "canon/kind.h"
#include "outbound/outbound.h"

/* How a remote system lets the hub find out what became of a request. */
typedef enum sim_safety {
    SIM_KEYED,  /* deduplicates by Idempotency-Key */
    SIM_LOOKUP, /* can be asked by key, and does not deduplicate */
    SIM_NEITHER
} sim_safety;

enum { SIM_SYSTEMS = 4, SIM_DEFINITIONS = 2, SIM_ERP = 0, SIM_PROCUREMENT, SIM_FINANCE, SIM_WMS };

typedef struct sim_estate {
    sim_safety safety[SIM_SYSTEMS];
    xd_remote_options remotes[SIM_SYSTEMS]; /* defaults not filled in */
    xd_str definitions[SIM_DEFINITIONS];    /* JSON; the hub starts with the first */
    uint32_t batch_max, flush_rows;         /* of the engine */
    int32_t flush_ms;
    size_t cache_bytes;
    uint32_t max_entries; /* of outbound */
    size_t memory_bytes;
    bool power_cuts; /* a crash may take the newest writes of state with it */
} sim_estate;

typedef struct sim_document {
    xd_kind kind;
    xd_str source, id, data, actor;
} sim_document;

typedef enum sim_verb {
    SIM_SEND,        /* documents, as one request */
    SIM_RELEASE,     /* a person decides about a hold */
    SIM_DEAD_LETTER, /* a person decides about a dead letter */
    SIM_CRASH,       /* what: sim_crash; amount: operations until then; then down for a while */
    SIM_STORE,       /* what: sim_store_fault; amount: operations or microseconds */
    SIM_JUMP,        /* amount: of the wall clock */
    SIM_REMOTE,      /* what: sim_weather; amount: microseconds it lasts; draw: of which system */
    SIM_STOP,        /* an orderly stop and start; what: the definition to start with */
    SIM_VERBS
} sim_verb;

typedef enum sim_crash {
    SIM_CRASH_NOW,
    SIM_CRASH_AT, /* after amount operations; a commit then is not applied */
    SIM_CRASH_AT_APPLIED,
    SIM_CRASHES
} sim_crash;

typedef enum sim_store_fault {
    SIM_FAIL_WRITES, /* one operation fails with XD_IO */
    SIM_FAIL_READS,  /* of outbound's connection */
    SIM_DISK_FULL,   /* for a while */
    SIM_LOCKED,      /* XD_BUSY for a while */
    SIM_TEAR_LOST,
    SIM_TEAR_APPLIED,
    SIM_STORE_FAULTS
} sim_store_fault;

typedef enum sim_weather {
    SIM_FINE,
    SIM_SLOW,       /* answers take long, some past the time-out */
    SIM_ERRORS,     /* 5xx, before or after doing it */
    SIM_DROPS,      /* connections break, before or after doing it */
    SIM_RATE_LIMIT, /* 429 with Retry-After */
    SIM_DOWN,       /* connections are refused */
    SIM_REFUSES,    /* 422 to some */
    SIM_TWICE,      /* the network delivers a request twice */
    SIM_REMOTE_RESTART,
    SIM_WEATHERS
} sim_weather;

typedef struct sim_action {
    uint32_t number; /* place in the whole plan */
    sim_verb verb;
    int64_t gap_us; /* that passes before it */
    sim_document *documents;
    uint32_t count;
    bool all_or_nothing;
    xd_str idempotency_key;
    int32_t what;
    int64_t amount;
    uint64_t draw; /* for choices that depend on what is there when it runs */
} sim_action;

/* The map by which records become receipts; the hub has it before any record comes. */
#define SIM_MAP "0000000000000000000000000000000000000000000000000000000000005eed"

/* The map of what finance is told, where its requests are no batches: the message, and a code,
 * which may be missing, and is corrected while things are tried again. */
#define SIM_OUT_MAP "000000000000000000000000000000000000000000000000000000000000face"

typedef struct sim_plan {
    xd_arena arena;
    uint64_t seed;
    sim_estate estate;
    sim_document
        map; /* its version in the log; data ptr NULL: this plan has neither records nor codes */
    sim_document out_map;  /* data ptr NULL: finance is told in our own words */
    sim_document out_code; /* the first value of the code that it needs */
    sim_action *actions;
    uint32_t count;
} sim_plan;

/* A plan with about events documents. */
void sim_plan_make(sim_plan *plan, uint64_t seed, uint32_t events);
void sim_plan_finish(sim_plan *plan);
/* The action in one line, for people. */
void sim_action_print(const sim_action *action);

/* Appends the documents to send to plan->actions, in the order they are sent (author.c). */
typedef struct sim_writing {
    sim_plan *plan;
    xd_random random;
    sim_document *documents;
    uint32_t count, size;
} sim_writing;
void sim_write_documents(sim_writing *writing, uint32_t count);
const char *sim_verb_name(const sim_action *action);

#endif
