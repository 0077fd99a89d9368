/* Broadcasts: what a client says to all others in its room, and what is posted over HTTP. */
#ifndef SINKS_SUPABASE_BROADCAST_H
#define SINKS_SUPABASE_BROADCAST_H

#include "room.h"

/* A message of a channel that is in a room, whose event is "broadcast". NULL, or why it was not sent, for the client. */
const char *broadcast_receive(struct member *member, const struct message *message);

/* POST /api/broadcast. */
int broadcast_routes(struct supabase *supabase, struct sgr_error *error);

/* From here on, both ways */
struct broadcast {
    struct sgr_slice event;   /* its name */
    struct sgr_slice payload; /* JSON, checked to be some; or bytes, if it is raw */
    struct sgr_slice meta;    /* a JSON object, checked; empty: none */
    bool raw;
};
/* To everybody in the room but `except`. False: raw, and its names are too long for a frame of that kind. */
bool broadcast_send(struct room *room, const struct member *except, const struct broadcast *what);
/* Whether it is one JSON value of whatever kind. */
bool broadcast_is_json(struct sgr_slice text);

#endif
