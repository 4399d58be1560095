/* What everybody sends: items numbered 0.., each with a business key of its own, and the account of
 * which of them the hub has acknowledged. */
#ifndef ABUSE_ITEMS_H
#define ABUSE_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ITEMS_MAX = 1 << 20, ITEM_REQUEST_BYTES = 1024, ITEM_DIGITS = 9 };
#define ITEM_MARK "\"I-" /* before the number of an item */
#define ABUSE_SECRET "abuse-secret"
#define ABUSE_HEADERS "Host: hub\r\nAuthorization: Bearer " ABUSE_SECRET "\r\n"

/* The next number that nobody has sent. */
uint32_t item_next(void);
uint32_t items_sent(void);
/* Writes a whole request that sends item number; returns its length. */
size_t item_request(char *text, uint32_t number);
/* The hub has answered 2xx to it. */
void item_acknowledged(uint32_t number);
bool item_is_acknowledged(uint32_t number);
uint32_t items_acknowledged(void);
/* The number of the first item named at or after text; false when there is none. */
bool item_find(const char *text, uint32_t *ret_number, const char **ret_behind);

/* When it was due to be sent, and the moment it is due for a measured client; 0: by nobody. */
void item_set_due(uint32_t number, int64_t at_ns);
int64_t item_due(uint32_t number);

#endif
