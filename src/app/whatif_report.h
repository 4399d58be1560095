/* Tells what differs between two sides, row by row (docs/mapping.md lists the rows). */
#ifndef XD_APP_WHATIF_REPORT_H
#define XD_APP_WHATIF_REPORT_H

#include "app/whatif.h"
#include "app/whatif_book.h"

/* Shows events, holds and accounts that differ, and counts into result. */
XD_CHECKED xd_status xd_whatif_report(xd_whatif_book *book, xd_whatif_store *states,
                                      const xd_whatif_options *options, xd_whatif_result *result,
                                      xd_fault *fault);

#endif
