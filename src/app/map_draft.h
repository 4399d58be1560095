/* Drafts of maps: for each field of a document kind the member of a sample that looks most like it,
 * as JSONata text for a person to correct. Pure. */
#ifndef XD_APP_MAP_DRAFT_H
#define XD_APP_MAP_DRAFT_H

#include "canon/kind.h"

/* Appends the map's text. sample_name is for its head comment. */
void xd_map_draft(const xd_kind_info *kind, const xd_json *sample, const char *sample_name,
                  xd_buf *buf);

#endif
