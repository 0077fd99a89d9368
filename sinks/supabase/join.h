/* Joining a topic: which era, by whose token, and the answer. */
#ifndef SINKS_SUPABASE_JOIN_H
#define SINKS_SUPABASE_JOIN_H

#include "channel.h"
#include "frame.h"

/* `older`: the channel of this topic that is joined already, or NULL; the later one counts. */
void join(struct socket *socket, const struct message *message, struct channel *older);
/* The stream flows for the first time: joins that waited for that are answered. */
void joins_release(struct supabase *supabase);
/* The channel is about to go. */
void join_drop(struct channel *channel);

#endif
