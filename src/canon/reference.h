/* The reference page of all kinds, docs/documents.md, from the same tables as the validator. */
#ifndef XD_CANON_REFERENCE_H
#define XD_CANON_REFERENCE_H

#include "base/buf.h"

/* Appends the page as Markdown. */
void xd_canon_reference(xd_buf *buf);

#endif
