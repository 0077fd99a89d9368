/* The binary frames of vsn 2.0.0, which carry broadcasts.
 *
 *     3  from clients: length of join_ref, ref, topic, event, meta; encoding; these strings; the payload
 *     4  to clients: length of topic, event, meta; encoding; these strings; the payload
 *
 * Each length is a byte, as are the kind and the encoding: 1 the payload is JSON, 0 it is whatever bytes. */
#ifndef SINKS_SUPABASE_BINARY_H
#define SINKS_SUPABASE_BINARY_H

#include <sangre/text.h>

#include "frame.h"

struct binary {
    struct sgr_slice join_ref, ref, topic, event, meta, payload;
    bool raw; /* the payload is no JSON */
};

/* Whether it is meant as one, and is not a text that was sent as bytes. */
bool binary_is(struct sgr_slice frame);
/* Slices are of the frame. False: it is none of a client's, or shorter than it says. */
bool binary_read(struct binary *ret, struct sgr_slice frame);
/* As message_read; the payload is left in the frame, where message->attached finds it. */
int binary_message(struct message *ret, struct sgr_slice frame);
/* Kind 4; of `what` all but the refs. False: topic, event or meta are too long for it. */
bool binary_write(struct sgr_text *text, const struct binary *what);

#endif
