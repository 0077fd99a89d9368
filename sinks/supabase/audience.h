/* Channels that get the same: of one topic, with the same postgres_changes, and allowed to see the same rows. They share what is worked out for a change. */
#ifndef SINKS_SUPABASE_AUDIENCE_H
#define SINKS_SUPABASE_AUDIENCE_H

#include "channel.h"
#include "wish.h"

struct binding;

struct audience {
    struct index_entry entry; /* by all that tells it from others */
    struct audience *next, **place;
    struct supabase *supabase;
    enum era era;
    struct topic *topic;
    struct receivers receivers[VSN_COUNT];
    json_t *changes; /* that the wishes borrow from; NULL in the first era */
    struct wish *wishes;
    size_t count;
    struct binding *bindings; /* its wishes at tables */
    /* Of the change at hand: */
    bool is_hit;
    struct audience *next_hit;
    struct binding *hits; /* by their ids */
    struct sgr_slice pass;
    char key[];
};

/* Finds or makes the one of this channel, and joins. SGR_ENOMEM; or what is wrong with the changes it asks for: then it gets none. */
int audience_join(struct channel *channel, struct sgr_slice pass, struct sgr_error *error);
/* The channel may have none. */
void audience_leave(struct channel *channel);

#endif
