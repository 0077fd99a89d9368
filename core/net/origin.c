#include "net/origin.h"

#include <arpa/inet.h>

#include <strings.h>

static bool equal_nocase(struct sgr_slice a, struct sgr_slice b) {
    return a.size == b.size && strncasecmp(a.data, b.data, a.size) == 0;
}

/* Scheme and host are compared without case; a default port is left out of both headers by browsers. */
bool sgr__origin_same(struct sgr_slice origin, struct sgr_slice host) {
    static const struct sgr_slice schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; host.data && i < sizeof(schemes) / sizeof(*schemes); i++) {
        struct sgr_slice scheme = schemes[i];
        if (origin.size > scheme.size && strncasecmp(origin.data, scheme.data, scheme.size) == 0)
            return equal_nocase(
                (struct sgr_slice){origin.data + scheme.size, origin.size - scheme.size}, host);
    }
    return false;
}

bool sgr__origin_listed(struct sgr_slice origin, const char *const *origins, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(origins[i], "*") == 0 || equal_nocase(origin, sgr_slice(origins[i])))
            return true;
    return false;
}

/* Without a port and a final dot; an IPv6 address without its brackets. */
static struct sgr_slice host_name(struct sgr_slice host) {
    const char *close = host.size && host.data[0] == '[' ? memchr(host.data, ']', host.size) : NULL;
    if (close)
        return (struct sgr_slice){host.data + 1, (size_t)(close - host.data - 1)};
    const char *colon = host.size ? memchr(host.data, ':', host.size) : NULL;
    size_t size = colon ? (size_t)(colon - host.data) : host.size;
    if (size && host.data[size - 1] == '.')
        size--;
    return (struct sgr_slice){host.data, size};
}

static bool is_address(struct sgr_slice name) {
    char text[64];
    struct in6_addr address;
    if (!name.size || name.size >= sizeof(text))
        return false;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_localhost(struct sgr_slice name) {
    const struct sgr_slice localhost = {"localhost", 9};
    if (name.size <= localhost.size)
        return equal_nocase(name, localhost);
    size_t before = name.size - localhost.size;
    return name.data[before - 1] == '.' &&
           equal_nocase((struct sgr_slice){name.data + before, localhost.size}, localhost);
}

static bool is_host_of(struct sgr_slice name, const char *origin) {
    const char *host = strstr(origin, "://");
    return strcmp(origin, "*") == 0 || (host && equal_nocase(name, host_name(sgr_slice(host + 3))));
}

bool sgr__host_known(struct sgr_slice host, const char *const *origins, size_t count) {
    struct sgr_slice name = host_name(host);
    bool known = is_address(name) || is_localhost(name);
    for (size_t i = 0; !known && i < count; i++)
        known = is_host_of(name, origins[i]);
    return known;
}
