/* The routes table: exact paths first, then the longest prefix. Written while sinks open, read by the network thread. */
#include "net/internal.h"

#include <stdlib.h>

int sgr__routes_add(struct sgr_vector *routes, struct sgr__sink *sink,
                    const struct sgr_route *route, struct sgr_error *error) {
    if (!route->path || route->path[0] != '/' || !route->request)
        return sgr_error_set(error, SGR_EINVAL, "a route needs a path from / on and a function");
    size_t length = strlen(route->path);
    struct sgr__route added = {.route = *route, .sink = sink};
    added.prefix = route->path[length - 1] == '*';
    added.length = length - added.prefix;
    added.route.path = strdup(route->path);
    added.route.protocol = route->protocol ? strdup(route->protocol) : NULL;
    if (!added.route.path || (route->protocol && !added.route.protocol) ||
        sgr_vector_push(routes, &added)) {
        free((char *)added.route.path);
        free((char *)added.route.protocol);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a route");
    }
    return SGR_OK;
}

void sgr__routes_fini(struct sgr_vector *routes) {
    for (size_t i = 0; i < routes->count; i++) {
        struct sgr__route *route = SGR_VECTOR_AT(routes, struct sgr__route, i);
        free((char *)route->route.path);
        free((char *)route->route.protocol);
    }
    sgr_vector_fini(routes);
}

static bool matches(const struct sgr__route *route, struct sgr_slice path) {
    if (route->prefix)
        return path.size >= route->length &&
               memcmp(path.data, route->route.path, route->length) == 0;
    return sgr_slice_is(path, route->route.path);
}

static bool protocol_fits(const struct sgr__route *route, const char *protocol) {
    return !route->route.protocol || (protocol && strcmp(route->route.protocol, protocol) == 0);
}

/* Exactness, then length, then what asks for more: a protocol, an event stream. */
static size_t rank(const struct sgr__route *route) {
    return ((route->prefix ? route->length : SIZE_MAX / 8) << 2) + (route->route.protocol ? 2 : 0) +
           (route->route.kind & SGR_ROUTE_EVENT_STREAM ? 1 : 0);
}

const struct sgr__route *sgr__routes_find(const struct sgr_vector *routes, unsigned kinds,
                                          struct sgr_slice path, const char *protocol,
                                          unsigned *ret_kinds) {
    const struct sgr__route *best = NULL;
    *ret_kinds = 0;
    for (size_t i = 0; i < routes->count; i++) {
        const struct sgr__route *route = SGR_VECTOR_AT(routes, struct sgr__route, i);
        if (!matches(route, path))
            continue;
        *ret_kinds |= route->route.kind;
        if ((route->route.kind & kinds) && protocol_fits(route, protocol) &&
            (!best || rank(route) > rank(best)))
            best = route;
    }
    return best;
}
