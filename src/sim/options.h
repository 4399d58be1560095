/* The command line of crossdock-sim. */
#ifndef XD_SIM_OPTIONS_H
#define XD_SIM_OPTIONS_H

#include "sim/receiver.h"

typedef struct xd_sim_options {
    const char *hub;       /* base URL without a slash at its end */
    const char *key_file;  /* bearer key; NULL: none */
    const char *ledger;    /* NULL: not kept */
    const char *port_file; /* NULL: none */
    xd_receiver_options receiver;
    uint32_t orders;
    uint32_t rate_per_s;
    uint32_t timeout_s;
    uint32_t open_requests; /* that the hub may have open at one system */
    bool audit, json;
} xd_sim_options;

/* Parses argv. Returns -1 when *ret is ready, else the exit code of a program that has already said
 * what is wrong, or printed the help asked for. */
int xd_sim_options_parse(int argc, char **argv, xd_sim_options *ret);

#endif
