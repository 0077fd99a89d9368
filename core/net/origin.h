/* Whether a page of some origin may read from here. */
#ifndef SGR_NET_ORIGIN_H
#define SGR_NET_ORIGIN_H

#include "base/slice.h"

/* `origin` as browsers send it, `host` the Host header of the same request. */
bool sgr__origin_same(struct sgr_slice origin, struct sgr_slice host);
bool sgr__origin_listed(struct sgr_slice origin, const char *const *origins, size_t count);

/* Whether a Host header (name or address, with or without a port) can only mean this machine or is one we were told of: an IP address, localhost,
 * the host of a listed origin. Any other name may be made to resolve to our address by whoever owns it. */
bool sgr__host_known(struct sgr_slice host, const char *const *origins, size_t count);

#endif
