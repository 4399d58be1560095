/* The route table: what the hub answers, to whom, and with which function. */
#include "ingress/ingress_int.h"

enum {
    GET = XD_METHOD_GET | XD_METHOD_HEAD,
    POST = XD_METHOD_POST,
    ANY_KEY = XD_SCOPE_EVENTS_WRITE | XD_SCOPE_READ | XD_SCOPE_DECIDE,
};

/* The first row whose path and method fit; without one, the first whose path fits. */
static const xd_route routes[] = {
    {XD_ROUTE_EVENTS, "/v1/events", NULL, POST, XD_SCOPE_EVENTS_WRITE, xd_accept_begin},
    {XD_ROUTE_SOURCES, "/v1/sources/", "", POST, XD_SCOPE_EVENTS_WRITE, xd_source_begin},
    {XD_ROUTE_HOLD_RELEASE, "/v1/holds/", "/release", POST, XD_SCOPE_DECIDE, xd_decide_begin},
    {XD_ROUTE_DEAD_LETTERS, "/v1/dead-letters/retry", NULL, POST, XD_SCOPE_DECIDE, xd_decide_begin},
    {XD_ROUTE_DEAD_LETTERS, "/v1/dead-letters/drop", NULL, POST, XD_SCOPE_DECIDE, xd_decide_begin},
    {XD_ROUTE_DEAD_LETTERS, "/v1/dead-letters/", "/retry", POST, XD_SCOPE_DECIDE, xd_decide_begin},
    {XD_ROUTE_DEAD_LETTERS, "/v1/dead-letters/", "/drop", POST, XD_SCOPE_DECIDE, xd_decide_begin},
    {XD_ROUTE_EXCEPTIONS, "/v1/exceptions/settle", NULL, POST, XD_SCOPE_DECIDE, xd_decide_begin},
    {XD_ROUTE_EXCEPTIONS, "/v1/exceptions/", "/settle", POST, XD_SCOPE_DECIDE, xd_decide_begin},
    {XD_ROUTE_SETTLE, "/v1/settle", NULL, POST, ANY_KEY, xd_read_settle_begin},
    {XD_ROUTE_SCHEMAS, "/v1/schemas", NULL, GET, ANY_KEY, xd_read_schemas_begin},
    {XD_ROUTE_SCHEMAS, "/v1/schemas/", "", GET, ANY_KEY, xd_read_schemas_begin},
    {XD_ROUTE_HEALTHZ, "/healthz", NULL, GET, 0, xd_read_health_begin},
    {XD_ROUTE_READYZ, "/readyz", NULL, GET, 0, xd_read_ready_begin},
    {XD_ROUTE_METRICS, "/metrics", NULL, GET, XD_SCOPE_METRICS, xd_read_metrics_begin},
    {XD_ROUTE_READ, "/v1/", "", GET, XD_SCOPE_READ, xd_read_begin},
};

static bool path_fits(const xd_route *route, xd_str path, xd_str *ret_id)
{
    xd_str start = xd_str_from(route->path);
    if (!route->suffix) {
        *ret_id = XD_STR("");
        return xd_str_eq(path, start);
    }
    xd_str end = xd_str_from(route->suffix);
    if (path.len <= start.len + end.len || !xd_str_starts(path, start) ||
        memcmp(path.ptr + path.len - end.len, end.ptr, end.len) != 0) {
        return false;
    }
    *ret_id = (xd_str){path.ptr + start.len, path.len - start.len - end.len};
    return true;
}

const xd_route *xd_route_find(const char *path, uint32_t method, xd_str *ret_id)
{
    const xd_route *other = NULL;
    xd_str id;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (path_fits(&routes[i], xd_str_from(path), &id)) {
            if (routes[i].methods & method) {
                *ret_id = id;
                return &routes[i];
            }
            other = other ? other : &routes[i];
        }
    }
    return other;
}
