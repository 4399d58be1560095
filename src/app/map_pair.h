/* Golden pairs of maps: one input beside a map, run as the hub would run it, and compared with what
 * is expected of it. Private to src/app. */
#ifndef XD_APP_MAP_PAIR_H
#define XD_APP_MAP_PAIR_H

#include "mapping/crosswalk.h"
#include "mapping/map.h"

/* A map and the files beside it that hold for all its pairs. */
typedef struct xd_map_subject {
    const char *path;   /* of the map */
    const char *layout; /* path of its layout; NULL: none */
    xd_str text;
    xd_map *map; /* owns */
    /* What NAME.test.json says; texts are "" when it does not. */
    const char *to;   /* kind of document: records are mapped as a source maps them */
    const char *from; /* message: the map is one of what goes out */
    const char *by, *time;
    const char *back;  /* name of the map, in the same folder, that reads what this one writes */
    const char *gives; /* expression over the input: what reading it back must give */
} xd_map_subject;

/* Reads FOLDER/STEM.jsonata with its layout and settings, and compiles it; all texts live in arena.
 * Faults name the place in the file. */
XD_CHECKED xd_status xd_map_subject_open(const char *folder, const char *stem, xd_arena *arena,
                                         xd_map_subject *ret, xd_fault *fault);
void xd_map_subject_close(xd_map_subject *subject);

typedef struct xd_map_pair {
    const xd_map_subject *subject;
    const xd_map_subject *back;    /* opened for subject->back; NULL: none */
    const char *input;             /* path */
    const char *output;            /* path of what is expected; NULL: nothing but faults */
    const char *faults;            /* path of the expected faults, one a line; NULL: none */
    const xd_crosswalk *crosswalk; /* NULL: no codes */
    xd_instant at;
    xd_arena *arena; /* of this pair */
} xd_map_pair;

/* True when the pair is as expected; else says in buf what differs first. */
bool xd_map_pair_holds(const xd_map_pair *pair, xd_buf *buf);
/* Writes what comes of the pair's input beside it, STEM.out.EXT and STEM.faults, for a person to
 * look over; stem: path without endings. */
XD_CHECKED xd_status xd_map_pair_write(const xd_map_pair *pair, const char *stem, xd_fault *fault);

#endif
