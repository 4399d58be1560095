/* Reading a layout: members of a JSON tree with their types, limits and faults that name the place
 * and what is allowed. Private to src/format. Owns nothing; pure. */
#ifndef XD_FORMAT_LAYOUT_INT_H
#define XD_FORMAT_LAYOUT_INT_H

#include "base/json.h"

/* One object of a layout and where it stands, for faults. */
typedef struct xd_layout {
    const xd_json *object;
    char path[96]; /* JSON pointer of object, "" for the whole layout */
    xd_fault *fault;
} xd_layout;

/* Opens object, which must be one. XD_INVALID, rule "layout.type". */
XD_CHECKED xd_status xd_layout_open(const xd_json *object, const char *path, xd_fault *fault,
                                    xd_layout *ret);
/* Refuses members that are not in names (ends with NULL) and offers the nearest. */
XD_CHECKED xd_status xd_layout_only(const xd_layout *layout, const char *const *names);
/* Fails with the place of the member (or of the object when it is absent). */
xd_status xd_layout_fail(const xd_layout *layout, const char *member, const char *rule,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Each leaves *ret as it was when the member is absent, so that it may hold the default. */
XD_CHECKED xd_status xd_layout_text(const xd_layout *layout, const char *member, xd_str *ret);
XD_CHECKED xd_status xd_layout_bool(const xd_layout *layout, const char *member, bool *ret);
XD_CHECKED xd_status xd_layout_int(const xd_layout *layout, const char *member, int64_t min,
                                   int64_t max, int64_t *ret);
/* One printable ASCII character or a tab; "" sets 0, which stands for none. */
XD_CHECKED xd_status xd_layout_char(const xd_layout *layout, const char *member, char *ret);
/* The place of text among words (ends with NULL). */
XD_CHECKED xd_status xd_layout_word(const xd_layout *layout, const char *member,
                                    const char *const *words, int *ret);
/* A member that is an array, or NULL when absent. */
XD_CHECKED xd_status xd_layout_list(const xd_layout *layout, const char *member,
                                    const xd_json **ret);

#endif
