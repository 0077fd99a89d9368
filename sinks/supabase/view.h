/* A view as a channel: the topic realtime:view:/PATH?PARAMETER=VALUE&…, whose events are
 *
 *     snapshot   {"cursor", "data", "reason"?, "stale"?}     the document; with a reason when it takes the place of what was told
 *     diff       {"cursor", "patches", "previous", "time"?}  what a commit changed in it
 *     caught_up  {"cursor"}                                  behind what was missed, for who brought a cursor
 *     stale      {"stale"}                                   the source went away, or came back
 *
 * In the first era they are events of their own, in the second broadcasts. */
#ifndef SINKS_SUPABASE_VIEW_H
#define SINKS_SUPABASE_VIEW_H

#include "channel.h"

bool view_is_topic(struct sgr_slice name);

/* Subscribes for a channel that was just made, of ERA_VIEW. Its join is answered when the view's first state is there. False: out of memory. */
bool view_begin(struct channel *channel, const struct message *join, enum era era);
/* What a client sends to it, besides leaving. */
void view_event(struct channel *channel, const struct message *message);
/* The channel's claims are others. */
void view_claims(struct channel *channel);
/* Ends the channel, and says why. */
void view_shut(struct channel *channel, const char *why);
void view_end(struct channel *channel);

#endif
