/* A whole hub inside a fuzz target: memory store, engine, HTTP side, and a control socket in a
 * folder of its own. It lives on from input to input, and is made anew now and then, so that what
 * it keeps does not grow without end. One thread. */
#ifndef FUZZ_HUB_H
#define FUZZ_HUB_H

#include "ingress/ingress.h"

#define FUZZ_SECRET "k" /* a key with every scope */

typedef struct fuzz_hub {
    xd_store *store;
    xd_engine *engine;
    xd_ingress *ingress;
    const char *folder;       /* for files of the target */
    const char *control_path; /* in folder */
} fuzz_hub;

/* The hub that serves now. */
fuzz_hub *fuzz_hub_get(void);
/* Says that one input is done: every so often the hub is stopped, after a look at whether all that
 * its requests held was given back. */
void fuzz_hub_done(void);

#endif
