/* What a websocket client offers for permessage-deflate (RFC 7692), and what of it we take. */
#ifndef SGR_NET_OFFER_H
#define SGR_NET_OFFER_H

#include <stdbool.h>

#include "base/slice.h"

enum { SGR__WINDOW_BITS = 12 }; /* ours: no more than a client allows, who allows at least these */

struct sgr__offer {
    bool taken;
    bool no_context;   /* the client wants every message to stand alone */
    bool names_window; /* the client wants to hear ours */
};

/* The first acceptable one among the offers of a Sec-WebSocket-Extensions header; not taken: there is none. */
struct sgr__offer sgr__offer_choose(struct sgr_slice header);

#endif
