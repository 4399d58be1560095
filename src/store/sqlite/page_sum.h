/* The checksum that every page of the database file ends with, and the layout it needs. Pure. */
#ifndef XD_STORE_PAGE_SUM_H
#define XD_STORE_PAGE_SUM_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* Measured against 4096 and 16384: fewest bytes and calls per commit of one to five hundred
     * events together. */
    XD_SQLITE_PAGE_BYTES = 8192,
    /* SQLite's "reserved bytes" at the end of each page: four zeros, then the sum, little-endian.
     * Twelve and not eight, because a file with eight claims to be one of SQLite's own checksum
     * extension, which sums otherwise. */
    XD_SQLITE_RESERVED_BYTES = 12,
    XD_SQLITE_SUM_BYTES = 8,
    XD_SQLITE_SUMMED_BYTES = XD_SQLITE_PAGE_BYTES - XD_SQLITE_SUM_BYTES
};

/* XXH64 (Collet, "xxHash fast digest algorithm", 0.1.1): any change within one eight-byte word
 * changes its accumulator. */
uint64_t xd_xxh64(const void *bytes, size_t n, uint64_t seed);

/* The sum a page of XD_SQLITE_PAGE_BYTES should carry: XXH64 of what is before the sum, seeded with
 * the page number (1..), so that a page written to the wrong place is noticed too. Never 0. */
uint64_t xd_page_sum(const void *page, uint32_t number);

typedef enum xd_page_state {
    XD_PAGE_GOOD,
    XD_PAGE_DAMAGED,
    XD_PAGE_UNSUMMED /* zero where the sum would be: another program has written it */
} xd_page_state;

xd_page_state xd_page_check(const void *page, uint32_t number);
/* Writes the sum into the page's end. */
void xd_page_seal(void *page, uint32_t number);

#endif
