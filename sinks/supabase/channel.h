/* A channel: a topic that a client has joined. Which of the protocol's eras it is in is decided when it is joined. */
#ifndef SINKS_SUPABASE_CHANNEL_H
#define SINKS_SUPABASE_CHANNEL_H

#include "config.h"
#include "frame.h"
#include "supabase.h"

struct channel {
    struct socket *socket;
    struct channel *next, **before; /* of the socket */
    struct topic *topic;
    size_t place;                 /* among the topic's receivers of its era and form of frames */
    int64_t expiry;               /* of its token; microseconds since 1970, INT64_MAX: none */
    struct sgr_claims *claims;    /* of that; NULL: tokens are not wanted */
    struct token_refresh refresh; /* the next one */
    enum era era;
    struct view *view; /* ERA_VIEW */
    struct audience *
        audience; /* by whom changes find it; NULL: in the first era by its topic, in the second it gets none */
    size_t seat;                     /* there */
    struct config config;            /* second era: what the join asked for */
    struct member member;            /* and the room it is in */
    bool wants_positions, is_behind; /* replay.c; the latter: what it missed is not sent yet */
    struct message *held;            /* the join, until it is answered; NULL: it was */
    uint64_t since, told;            /* positions */
    size_t join_ref_size;
    char join_ref[]; /* JSON */
};

/* A client's message, to whatever topic. */
void channel_receive(struct socket *socket, struct sgr_slice text, bool binary);

/* NULL: out of memory. Takes what `config` owns. */
struct channel *channel_new(struct socket *socket, const struct message *message, enum era era,
                            struct config *config);
/* Its token from here on; takes the claims. */
void channel_take_token(struct channel *channel, const struct token_verdict *verdict);
/* Silently. */
void channel_drop(struct channel *channel);
void channels_drop(struct socket *socket);
/* Ends those whose token has expired; returns the next to expire. */
int64_t channels_expire(struct socket *socket, int64_t now);

#endif
