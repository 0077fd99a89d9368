/* A channel: a topic that a client has joined. */
#ifndef SINKS_SUPABASE_CHANNEL_H
#define SINKS_SUPABASE_CHANNEL_H

#include "supabase.h"

struct channel {
    struct socket *socket;
    struct channel *next, **before; /* of the socket */
    struct topic *topic;
    size_t place;   /* among the topic's receivers */
    int64_t expiry; /* of its token; microseconds since 1970, INT64_MAX: none */
    size_t size;
    char join_ref[]; /* JSON */
};

static inline enum vsn channel_vsn(const struct channel *channel) {
    return channel->socket->vsn;
}

/* A client's message, to whatever topic. */
void channel_receive(struct socket *socket, struct sgr_slice text);
/* Silently. */
void channels_drop(struct socket *socket);
/* Ends those whose token has expired; returns the next to expire. */
int64_t channels_expire(struct socket *socket, int64_t now);

#endif
