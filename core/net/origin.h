/* Whether a page of some origin may read from here. */
#ifndef SGR_NET_ORIGIN_H
#define SGR_NET_ORIGIN_H

#include "base/slice.h"

/* `origin` as browsers send it, `host` the Host header of the same request. */
bool sgr__origin_same(struct sgr_slice origin, struct sgr_slice host);
bool sgr__origin_listed(struct sgr_slice origin, const char *const *origins, size_t count);

#endif
