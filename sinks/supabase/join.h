/* Joining a topic: which era, by whose token, and the answer. */
#ifndef SINKS_SUPABASE_JOIN_H
#define SINKS_SUPABASE_JOIN_H

#include "channel.h"
#include "frame.h"

/* `older`: the channel of this topic that is joined already, or NULL; the later one counts. */
void join(struct socket *socket, const struct message *message, struct channel *older);

#endif
