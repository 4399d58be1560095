/* Crosswalks in events and in state, for those who keep an index of codes beside the flows. In
 * state, one document (kind crosswalk, key table/system/code) holds every entry of a code:
 * {"table","system","code","entries":[{"value","from"?,"to"?,"seq"}],"version","seq","at"}, entries
 * in order of time. Pure. */
#ifndef XD_FLOW_CROSSWALK_H
#define XD_FLOW_CROSSWALK_H

#include "mapping/crosswalk.h"

/* The data of a crosswalk event, which was valid when it came in, as a row; ret borrows it. */
XD_CHECKED xd_status xd_crosswalk_of_event(const xd_json *data, xd_crosswalk_row *ret,
                                           xd_fault *fault);
/* Calls visit for every entry of a state document; rows borrow it. */
XD_CHECKED xd_status xd_crosswalk_of_state(const xd_json *document,
                                           xd_status (*visit)(void *context,
                                                              const xd_crosswalk_row *row),
                                           void *context, xd_fault *fault);
/* The value in force at an instant, as xd_crosswalk_get has it; ptr NULL: none. document may be
 * NULL. */
xd_str xd_crosswalk_in_force(const xd_json *document, xd_instant at);
/* The same as the state was right after event seq, which has since been reached: what is asked for
 * again gets the same answer, whatever was corrected meanwhile. */
xd_str xd_crosswalk_as_of(const xd_json *document, xd_instant at, int64_t seq);

#endif
