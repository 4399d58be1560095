/* Between the page check and the naming of pages. Private to src/store/sqlite. */
#ifndef XD_STORE_SQLITE_PAGES_INT_H
#define XD_STORE_SQLITE_PAGES_INT_H

#include "store/sqlite/check.h"

typedef enum xd_page_finding {
    XD_PAGE_FINE,
    XD_PAGE_BAD,  /* not parsed */
    XD_PAGE_BARE, /* no checksum */
    XD_PAGE_BLANK /* zeros only: never written, which only a free page may be */
} xd_page_finding;

typedef struct xd_page_file {
    int fd;
    uint32_t pages;
    const uint8_t *findings; /* xd_page_finding by page number - 1 */
} xd_page_file;

/* Calls visit with number and owner of every page with a finding that the trees of the file lead
 * to, and marks it in named (by page number - 1). Trees are followed as far as they are undamaged.
 */
XD_CHECKED xd_status xd_pages_name(const xd_page_file *file, uint8_t *named,
                                   void (*visit)(void *context, uint32_t page, const char *where),
                                   void *context, xd_fault *fault);

/* Big-endian number of n bytes. */
static inline uint32_t xd_page_number_at(const unsigned char *p, int n)
{
    uint32_t x = 0;
    for (int i = 0; i < n; i++) {
        x = x << 8 | p[i];
    }
    return x;
}

#endif
