/* The author writes documents into the plan: envelopes, numbers, the catalogue they draw on.
 * Private to src/sim. */
#ifndef XD_SIM_AUTHOR_INT_H
#define XD_SIM_AUTHOR_INT_H

#include "base/buf.h"
#include "base/random.h"
#include "base/time.h"
#include "sim/plan.h"

enum { XD_SITES = 3, XD_SUPPLIERS = 12, XD_ITEMS = 40 };

typedef struct xd_author {
    xd_plan *plan;
    xd_random random;
    xd_buf text;             /* the document under way */
    int64_t us_per_place;    /* business time between two places */
    xd_document under_way;   /* all but its text */
    uint64_t late_master_at; /* place of the masters that come after what needs them */
    bool failed;             /* memory ran out; the plan is incomplete */
} xd_author;

/* An item of the catalogue. Quantities are thousandths, prices ten-thousandths. */
typedef struct xd_catalogue_item {
    const char *uom;
    int64_t step;  /* smallest quantity it comes in */
    int64_t price; /* list price of one unit */
    bool lots;     /* kept by lot, with expiry */
} xd_catalogue_item;

xd_catalogue_item xd_catalogue_item_at(uint32_t item);
const char *xd_catalogue_site(uint32_t site);

/* True in percent of the cases. */
bool xd_author_chance(xd_author *author, uint32_t percent);
/* low..high, both included. */
int64_t xd_author_between(xd_author *author, int64_t low, int64_t high);

/* Business instant of a place. */
xd_instant xd_author_instant(const xd_author *author, uint64_t place);

/* Starts a document: the envelope up to the opening brace of its data. business_place gives its
 * time, place when it is sent. tag makes the id unique among documents of this kind and number. */
typedef struct xd_heading {
    const char *type; /* CloudEvents type */
    const char *source;
    const char *number;
    const char *tag;
    uint64_t place, business_place;
    uint32_t order;
    xd_role role;
} xd_heading;
void xd_author_begin(xd_author *author, const xd_heading *heading);
/* Ends it and adds it to the plan; now and then once more, as the sender's repeat. */
void xd_author_end(xd_author *author);

/* Members of the data; each writes a comma before its name unless it is the first of an object. */
void xd_author_text(xd_author *author, const char *name, const char *value);
void xd_author_int(xd_author *author, const char *name, int64_t value);
void xd_author_decimal(xd_author *author, const char *name, int64_t value, int32_t scale);
void xd_author_instant_member(xd_author *author, const char *name, uint64_t place);
void xd_author_date_member(xd_author *author, const char *name, uint64_t place);
/* Opens an array of objects, the next object in it, and closes it. */
void xd_author_list(xd_author *author, const char *name);
void xd_author_item(xd_author *author);
void xd_author_item_end(xd_author *author);
void xd_author_list_end(xd_author *author);

/* masters.c: master data of all systems. */
void xd_author_masters(xd_author *author);
/* story.c: all documents of order number index (1..). */
void xd_author_order(xd_author *author, uint32_t index);
/* Place at which the story of an order begins; it may reach XD_STORY_PLACES further. */
uint64_t xd_story_place(uint32_t index);
enum { XD_STORY_PLACES = 600 };

#endif
