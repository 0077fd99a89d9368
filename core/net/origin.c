#include "net/origin.h"

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
