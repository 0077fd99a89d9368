/* Clients that come back: a join may name the position that its client was told last, and gets what it has missed since. To any join's payload:
 *
 *     since: null          told positions from here on
 *     since: "0/16B3748"   also sent all changes behind that one, if the window holds them
 *
 * Events, in the second era as broadcasts:
 *
 *     position   {"position"}            everything up to there was sent; behind a transaction's changes, and with heartbeats
 *     gap        {"position", "reason"}  changes may have been missed: the tables are to be read again */
#ifndef SINKS_SUPABASE_REPLAY_H
#define SINKS_SUPABASE_REPLAY_H

#include "channel.h"

/* Whether clients would take a broadcast of that name for one of these. */
bool replay_is_event(struct sgr_slice name);
/* A join that has been answered. */
void replay_join(struct channel *channel, const struct message *join);
void replay_leave(struct channel *channel);
/* To those of its channels that ask for positions. */
void replay_tell(struct socket *socket);
/* The stream begins to flow: who came before gets what it asked for. */
void replay_begin(struct supabase *supabase);

#endif
