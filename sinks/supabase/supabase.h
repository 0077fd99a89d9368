/* What the files of the supabase sink share. Network thread.
 *
 *     socket.c    a client's websocket: upgrade, silence, end
 *     channel.c   a topic a client has joined; what clients ask for, on its way to who does it
 *     join.c config.c          joining, in either of the protocol's eras
 *     events_v0.c events_v2.c  what else clients send to a channel, by era
 *     view.c      a view as a channel
 *     answer.c    what a client is told on its own
 *     token.c     who may: tokens on the way to claims and their expiry
 *     metrics.c   what runs, for Prometheus
 *     room.c presence.c        the second era's channels of a topic, and what they say to each other
 *     broadcast.c publish.c    likewise, from websockets and over HTTP
 *     binary.c    frames that carry bytes
 *     feed.c      the change stream on its way to channels, and clients that are slower than it
 *     webhook.c webhook_endpoint.c      the same changes on their way to webhooks
 *     window.c replay.c        what was fed lately, for clients that come back
 *     topic.c table.c rules.c index.c   which channels a change goes to
 *     configuration.c webhook_config.c  what is read from the protocol's configuration file
 *     changes.c audience.c wish.c condition.c       who asks for which changes, in the second era
 *     watch.c predicate.c pattern.c access.c        which of a table's changes these are, and who may see them
 *     payload_v0.c payload_v2.c value.c frame.c     what they are sent
 */
#ifndef SINKS_SUPABASE_SUPABASE_H
#define SINKS_SUPABASE_SUPABASE_H

#include <sangre/sink.h>
#include <sangre/text.h>

#include "access.h"
#include "payload_v0.h"
#include "room.h"
#include "rules.h"
#include "token.h"
#include "topic.h"
#include "webhook.h"
#include "window.h"

struct supabase_options {
    const char *source;
    bool strict, secure, metrics;
    bool auth;
    const char *secret, *claims, *rows;
    const char *path;
    const char *realtime, *configuration_file;
    int64_t channels;
    int64_t idle_timeout; /* microseconds */
    int64_t backlog;      /* bytes */
    int64_t patience;     /* microseconds */
    int64_t window;       /* bytes */
    int64_t messages;     /* a second */
    int64_t posts;        /* a second */
    int64_t presence;     /* bytes */
    const char *webhooks, *webhook_headers;
    const char *webhook_ca_file;
    int64_t webhook_timeout;                 /* microseconds */
    int64_t webhook_body, webhook_backlog;   /* bytes */
    int64_t webhook_stall, webhook_patience; /* microseconds */
    int64_t webhook_lag;                     /* bytes */
};

/* Why the stream is held. */
enum { HOLD_CLIENTS = 1, HOLD_WEBHOOKS = 2 };

struct supabase {
    const struct sgr_sink_host *table;
    void *host;
    const struct supabase_options *options;
    struct rules rules;
    struct tokens tokens;
    struct access access;
    struct topics topics;
    struct index audiences; /* by all that tells them apart */
    struct audience *first_audience;
    struct socket *sockets, **sockets_end; /* the one that was silent longest first */
    struct sgr_text text;                  /* a frame being written, reused */
    struct rooms rooms;
    struct sgr_text told; /* what a room is told, being written, reused */
    int64_t posted_until; /* of the clock that posts turn on; monotonic microseconds */

    /* feed.c */
    struct sgr_stream *stream;
    bool flowing;
    uint64_t change; /* the number of the change at hand */
    struct audience *hits;
    struct sgr_text payload;  /* of the change at hand */
    struct payload_time time; /* of the transaction at hand */
    struct topic **matches;   /* of the change at hand */
    size_t match_capacity;
    struct socket *touched; /* got frames of the batch at hand */
    struct socket *behind;  /* have too much queued; the stream waits for them */
    void *behind_timer;
    unsigned holds; /* HOLD_… */
    struct window window;
    const struct channel *only; /* what is fed is for this one alone; NULL: for all */

    struct webhooks *webhooks; /* NULL: there are none */

    /* socket.c */
    void *clock;         /* the timer for the next thing due */
    int64_t clock_at;    /* when it fires; monotonic microseconds */
    int64_t next_expiry; /* of a channel's token; microseconds since 1970 */
};

struct socket {
    struct supabase *supabase;
    struct sgr_connection *connection;
    enum vsn vsn;
    bool listed; /* in supabase->sockets */
    bool closed; /* its connection is gone, and what was subscribed by it */
    struct socket *next, **place;
    int64_t heard;  /* from its client; monotonic microseconds */
    int64_t expiry; /* of the token it came with; microseconds since 1970, INT64_MAX: never */
    struct sgr_claims *claims; /* of that; NULL: tokens are not wanted */
    struct channel *channels, **channels_end;
    size_t channel_count;
    size_t changes_size, changes_cost; /* of all that its channels ask for; see config.h */
    int64_t spoken_until;  /* of a clock that what it says turns on; monotonic microseconds */
    int64_t asked_until;   /* likewise, what it asks for itself */
    size_t positions;      /* how many of its channels ask for positions */
    size_t presence_bytes; /* what it shows of itself in all its rooms */

    /* feed.c */
    bool is_touched, is_behind, is_slow;
    struct socket *next_touched, *next_behind;
    int64_t behind_since;
};

/* ---- socket.c ---- */

int socket_routes(struct supabase *supabase, struct sgr_error *error);
/* Sends supabase->text to it. Out of memory: it is closed, and comes back. */
void socket_send(struct socket *socket);
/* Whether so many messages of so many bytes more may be said, at that many a second; counts that they were. `until` is how far ahead of the clock they have
 * spoken. */
bool may_speak(int64_t *until, int64_t rate, size_t count, size_t bytes);
/* Whether it may say this to others now; counts that it did. */
bool socket_may_speak(struct socket *socket, const struct message *message);
/* Likewise a join or a token: as many a second as it may say and have channels, all of which it joins at once when it comes back. */
bool socket_may_ask(struct socket *socket, const struct message *message);
/* Nothing is sent to it from here on. */
void socket_shut(struct socket *socket, int code, const char *reason);
void sockets_shut(struct supabase *supabase, int code, const char *reason);
int64_t monotonic_now(void);
int64_t wall_now(void); /* microseconds since 1970 */
/* A channel's token expires then. */
void sockets_expire_at(struct supabase *supabase, int64_t expiry);

/* ---- metrics.c ---- */

int metrics_route(struct supabase *supabase, struct sgr_error *error);

/* ---- feed.c ---- */

int feed_bind(struct supabase *supabase, struct sgr_error *error);
/* To each of them. bytes NULL: out of memory, they are closed. */
void feed_send(struct supabase *supabase, const struct receivers *receivers,
               struct sgr_bytes *bytes);
/* Whether what is fed may be for any of them. */
bool feed_concerns(const struct supabase *supabase, const struct receivers *receivers);
/* What went to all before, to this channel alone. NULL, or why not all of it went: "memory", or "table", which has other columns now. */
const char *feed_again(struct channel *channel, const struct sgr_stream_batch *batch);
void feed_forget(struct socket *socket);
/* The stream is held while there is a reason to. */
void feed_hold(struct supabase *supabase, unsigned reason, bool held);
void feed_free(struct supabase *supabase);

#endif
