/* Journal entries: built line by line, checked, numbered without gaps, chained by hash, written
 * once. An entry is never changed; it is corrected by another that mirrors it. Pure. */
#ifndef XD_LEDGER_JOURNAL_H
#define XD_LEDGER_JOURNAL_H

#include "base/arena.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "base/json.h"

typedef struct xd_journal_line {
    xd_str account;    /* ledger account code */
    xd_str role;       /* "INV", "GRNI", ...; empty in manual entries */
    xd_decimal amount; /* above zero: debit, below: credit; never zero */
    int64_t po_line;   /* 0: none */
    xd_str item;       /* empty: none */
    xd_str site;       /* empty: none; set where stock changes value */
} xd_journal_line;

/* An entry before it is posted. Strings borrow; lines live in arena. */
typedef struct xd_journal {
    xd_str ledger;
    xd_str currency;
    int32_t digits;   /* minor-unit digits of currency */
    xd_str date;      /* posting date, YYYY-MM-DD */
    const char *kind; /* "goods_receipt", ... (docs/state.md) */
    xd_str document;  /* the business document's key */
    xd_str po;        /* empty: none */
    int64_t seq;      /* event that posts it, with its identity */
    xd_str source;
    xd_str event;
    xd_str actor;
    int64_t reversal_of; /* ordinal of the entry that this one mirrors, 0: none */
    xd_arena *arena;
    xd_journal_line *lines;
    uint32_t count;
    uint32_t size;
} xd_journal;

/* Adds a line; an amount of zero adds nothing. XD_NO_MEMORY; XD_INVALID when amount has more digits
 * than the currency. */
XD_CHECKED xd_status xd_journal_add(xd_journal *journal, xd_journal_line line, xd_fault *fault);

/* Checks what every entry must fulfil: at least two lines, exactly zero in sum. XD_INVALID, rule
 * "journal.lines" or "journal.balance". */
XD_CHECKED xd_status xd_journal_check(const xd_journal *journal, xd_fault *fault);

/* The numbers given so far and the head of the hash chain; persisted as one small document. */
typedef struct xd_journal_number {
    xd_str name; /* "ledger/year" */
    int64_t last;
} xd_journal_number;

typedef struct xd_journal_chain {
    int64_t ordinal; /* of the newest entry, 0: none yet */
    char head[XD_SHA256_HEX + 1];
    xd_journal_number *numbers; /* in arena */
    uint32_t count;
    uint32_t size;
} xd_journal_chain;

/* From the persisted document; json NULL gives the empty chain. */
XD_CHECKED xd_status xd_journal_chain_read(const xd_json *json, xd_arena *arena,
                                           xd_journal_chain *ret, xd_fault *fault);
void xd_journal_chain_write(const xd_journal_chain *chain, xd_buf *buf);

/* Posts: checks, gives the next number, appends the entry's persisted text to buf and moves the
 * chain. Faults as xd_journal_check, XD_NO_MEMORY; the chain is then unchanged. */
XD_CHECKED xd_status xd_journal_post(const xd_journal *journal, xd_journal_chain *chain,
                                     xd_arena *arena, xd_buf *buf, int64_t *ret_number,
                                     xd_fault *fault);

/* Appends {"account","role","debit"|"credit",...} for each line, as an array. */
void xd_journal_write_lines(xd_buf *buf, const xd_journal_line *lines, uint32_t count);

/* Verifies one persisted entry: its own hash (XD_CORRUPT, rule "journal.content") and that it
 * follows the entry whose hash is previous (rule "journal.link"); previous of the first is 64
 * zeros. *ret_hash borrows text. */
XD_CHECKED xd_status xd_journal_verify(xd_str text, xd_str previous, xd_str *ret_hash,
                                       xd_fault *fault);

#endif
