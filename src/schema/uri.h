/* URI references of RFC 3986, as far as identifying schemas needs them: split, and resolved against
 * a base. Private to src/schema. Pure. */
#ifndef XD_SCHEMA_URI_H
#define XD_SCHEMA_URI_H

#include "base/arena.h"

/* The reference without its fragment; *ret_fragment is what follows the '#', still encoded, or
 * {NULL, 0} when there is no '#'. */
xd_str xd_schema_uri_split(xd_str reference, xd_str *ret_fragment);
/* Resolves reference, which has no fragment, against base (section 5.2.2). The result lives in
 * arena or borrows; {NULL, 0} when the arena refuses. A base without scheme is used as it is. */
xd_str xd_schema_uri_resolve(xd_arena *arena, xd_str base, xd_str reference);
/* Decodes %XX into arena; {NULL, 0} when the arena refuses. What is not an encoding stays. */
xd_str xd_schema_uri_decode(xd_arena *arena, xd_str text);

#endif
