/* What became of events on either side: effects, journal entries and deliveries, kept only while
 * they differ or may still change (parked), and the sums of all entries by account. Owns what it
 * keeps; borrows the store whose log has the events. One thread. */
#ifndef XD_APP_WHATIF_BOOK_H
#define XD_APP_WHATIF_BOOK_H

#include "app/whatif_store.h"
#include "app/whatif_sums.h"
#include "engine/engine.h"

/* On one side. */
typedef struct xd_whatif_outcome {
    xd_buf effect;     /* as its step kept it; empty: none */
    xd_buf entries;    /* journal entries without what numbers them, commas between */
    xd_buf deliveries; /* "system message\n" */
} xd_whatif_outcome;

typedef struct xd_whatif_entry {
    int64_t seq;
    int64_t like;  /* the event of the log that it is, or, when added, that it stands beside */
    bool mapped;   /* by the map that is asked about */
    bool added;    /* only the new map makes it */
    bool unproved; /* the map it was made by does not give the logged data again */
    bool touched;  /* since the last settling */
    char why[256]; /* unproved: what it gives */
    xd_whatif_outcome sides[XD_SIDES];
} xd_whatif_entry;

typedef struct xd_whatif_book {
    xd_store *log;             /* borrows */
    xd_whatif_entry **entries; /* owns; in order of seq */
    size_t count, size;
    xd_whatif_entry **touched; /* borrows */
    size_t touched_count, touched_size;
    xd_whatif_sums sums;
    int64_t unchanged; /* mapped documents that were settled and dropped */
    xd_arena arena;    /* of one call */
    bool starved;      /* no memory to keep a delivery in */
    bool counts;       /* false until the sides may differ: nothing is kept */
} xd_whatif_book;

void xd_whatif_book_init(xd_whatif_book *book, xd_store *log);
void xd_whatif_book_finish(xd_whatif_book *book);

/* The xd_whatif_sink of a book (context). */
xd_status xd_whatif_book_take(void *context, xd_whatif_side side, xd_numbered table, int64_t number,
                              xd_str value, xd_fault *fault);
/* Deliveries that a step made; does not take the parcel over. XD_NO_MEMORY. */
XD_CHECKED xd_status xd_whatif_book_offer(xd_whatif_book *book, xd_whatif_side side,
                                          const xd_parcel *parcel, xd_fault *fault);
/* The event's entry, made when it is new; NULL when there is no memory. */
xd_whatif_entry *xd_whatif_book_entry(xd_whatif_book *book, int64_t seq);
/* After both sides have written a step: drops what is the same on both and final. */
XD_CHECKED xd_status xd_whatif_book_settle(xd_whatif_book *book, xd_fault *fault);

/* Whether an effect says so: result is "parked" and the like. */
bool xd_whatif_has_result(const xd_json *effect, const char *result);
/* The document that an event is on a side: kind and data as its flow had them; kind NULL: none (the
 * record was not mapped). Parses into arena; row must outlive ret. */
XD_CHECKED xd_status xd_whatif_subject(const xd_whatif_entry *entry, xd_whatif_side side,
                                       const xd_log_row *row, xd_arena *arena, xd_event *ret,
                                       const xd_json **ret_effect, xd_fault *fault);
/* An effect, or the body of a message, without what numbers its journal entries, and without what
 * is told elsewhere; NULL when out of memory. */
const xd_json *xd_whatif_plain(const xd_json *tree, bool is_effect, xd_arena *arena);

#endif
