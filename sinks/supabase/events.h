/* What clients send to a channel they have joined, besides leaving it: an era has its own events. Also how an era ends a channel. */
#ifndef SINKS_SUPABASE_EVENTS_H
#define SINKS_SUPABASE_EVENTS_H

#include "channel.h"
#include "frame.h"

void events_v0(struct channel *channel, const struct message *message);
/* phx_error, upon which clients join again. */
void events_v0_fail(struct channel *channel);

/* The channel has just been made; false: out of memory. And its client has been told so. */
bool events_v2_begin(struct channel *channel);
void events_v2_joined(struct channel *channel);
void events_v2(struct channel *channel, const struct message *message);
/* "system" says why, then phx_close: clients do not join again. */
void events_v2_shut(struct channel *channel, const char *why);
/* The channel is about to go, for whatever reason: each part of the era lets go of it. */
void events_v2_end(struct channel *channel);

#endif
