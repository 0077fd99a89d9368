/* What the files of core/net share: the server, its sinks, peers (sockets), requests, connections and subscriptions.
 *
 * Everything but `adopted` belongs to the network thread once it runs, or to the engine's while that has its turn (lend.c). Calls into sinks
 * happen between sgr__enter and sgr__leave: what a sink ends meanwhile (subscriptions) stays allocated and linked until the outermost leave, so
 * loops over lists are safe.
 *
 *   peer          one socket; owned by libwebsockets' life of it. Has a request or a connection, or is idle.
 *   request       one HTTP exchange; lives until answered, also beyond its peer
 *   connection    a websocket or event stream; lives as long as its peer
 *   subscription  of a connection, or one-shot
 */
#ifndef SGR_NET_INTERNAL_H
#define SGR_NET_INTERNAL_H

#include <ev.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <zlib.h>

#include "auth/auth.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"
#include "base/slots.h"
#include "base/vector.h"
#include "net/client.h"
#include "net/offer.h"
#include "net/server.h"

enum {
    SGR__CHUNK =
        256 * 1024, /* most bytes of one write; bigger messages go in websocket fragments */
    SGR__CHUNK_LEAST = 4096,
    SGR__SLOTS = 4, /* of sgr_commit.shared */
    SGR__INLINE_ITEMS = 4,
    SGR__ANSWERS_AHEAD =
        16,          /* unanswered subscribes of a connection before its next message has to wait */
    SGR__WAITS = 64, /* of a connection at a time */
};

/* ---- Routes (routes.c) ---- */

struct sgr__route {
    struct sgr_route route; /* path and protocol are the route's own copies */
    size_t length;          /* of the path without the star */
    bool prefix;
    struct sgr__sink *sink;
};

int sgr__routes_add(struct sgr_vector *routes, struct sgr__sink *sink,
                    const struct sgr_route *route, struct sgr_error *error);
void sgr__routes_fini(struct sgr_vector *routes);
/* The best route of one of these kinds; NULL: none. An event stream wins a tie. `protocol`: the websocket's, NULL: none chosen.
 * *ret_kinds: the kinds that the path has at all. */
const struct sgr__route *sgr__routes_find(const struct sgr_vector *routes, unsigned kinds,
                                          struct sgr_slice path, const char *protocol,
                                          unsigned *ret_kinds);

/* ---- The server (server.c) ---- */

struct sgr__sink { /* one sink instance; also what its host table gets as `host` */
    struct sgr_server *server;
    const char *name;
    size_t index;
    unsigned minor; /* of the contract it was built for */
    struct sgr_sink_methods methods;
    void *state;
    bool opened;
    struct sgr_map *counters;         /* name → (intptr_t) count */
    struct sgr_list callers;          /* of struct sgr__caller */
    struct sgr_list blocks;           /* memory it has */
    struct sgr_buffer value;          /* the last one written as JSON */
    const struct sgr_plan_sink *plan; /* until it is open */
};

struct sgr_server {
    struct sgr_plan_server options; /* strings are the server's own */
    struct sgr_hub *hub;
    struct sgr__sink *sinks;
    size_t sink_count;
    struct sgr_vector routes; /* of struct sgr__route */

    struct ev_loop *loop;
    ev_async wake;
    pthread_mutex_t turn; /* see lend.c */
    bool lent;            /* the engine's thread has it */
    ev_io acceptor, hangups;
    ev_prepare flush;
    ev_timer accept_again, tick, drain_end;
    int listener;
    bool loopback; /* the listener's address; see refuse_host */
    bool stale;    /* as the engine has told */
    int port;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    struct lws_protocols *protocols;
    struct lws_extension extensions[2]; /* ours, then an end */
    struct sgr_client *client;          /* sinks' outgoing connections */
    pthread_t thread;
    bool started, joined, draining;

    pthread_mutex_t adopt_lock;
    struct sgr_vector adopted; /* of int; any thread, under the lock */

    struct sgr_list peers, doomed, turns, requests, connections, one_shots, timers, explains;
    size_t peer_count;
    size_t held;             /* bytes that libwebsockets has copied and not sent */
    struct sgr_list stalled; /* connections with unsent bytes, longest without progress first */
    char *scratch;           /* LWS_PRE, a header, SGR__CHUNK bytes */

    /* Compression */
    z_stream *deflater, *inflater; /* of messages that stand alone; made when needed */
    unsigned char *deflated;
    char *inflated;
    size_t compression_used; /* bytes of the connections' deflaters */

    /* Subscriptions */
    struct sgr_slots subscriptions; /* by the number in their ids */
    struct sgr_vector channels;     /* by number: a struct sgr_subscription * of it, or NULL */
    struct sgr_map *composing;      /* request → struct sgr_connection */
    struct sgr_map *waiting;        /* id → struct wait */
    struct sgr_list waits;          /* those that the engine has not answered, oldest first */
    uint64_t next_id;
    uint64_t commit_count;
    struct sgr_bytes *last_cursor; /* of the last commit seen; NULL: none yet */
    struct sgr__told *told;        /* the last; NULL: none yet */
    struct sgr_vector touched, frames, dirty;
    struct sgr_bytes **slots;       /* SGR__SLOTS a sink */
    unsigned depth;                 /* of calls into sinks */
    struct sgr_subscription *ended; /* to be freed when depth is 0 again */
    struct sgr_list streams;

    /* Tokens */
    struct sgr_verifier *verifier; /* the config's; NULL: none */
    struct sgr_vector verifiers;   /* of struct sgr_verifier *: that and the sinks' */
    ev_async keys_fetched;
    struct sgr_verifier_owner verifier_owner;
    struct sgr_map *access;              /* view → const struct sgr_plan_access * */
    struct sgr_list refused;             /* guards whose subscriptions are to be told */
    struct sgr_vector claim_paths;       /* of const char *: of the claims that views use */
    struct sgr_buffer stamped, previous; /* cursors on their way to sinks */
};

/* A context that logs to our log and leaves signals alone. NULL: failed. */
struct lws_context *sgr__lws_context_new(const struct lws_context_creation_info *info);

/* *held bytes that libwebsockets has copied and not sent become `now`. All of them together are told to the engine. */
void sgr__hold(struct sgr_server *server, size_t *held, size_t now);
/* The most bytes of one write: what the client's kernel does not take is copied, so the more is held, the less is offered. */
size_t sgr__chunk(const struct sgr_server *server);

/* What the network side counts, in Prometheus' text format. */
void sgr__server_write_metrics(const struct sgr_server *server, struct sgr_buffer *out);
void sgr__enter(struct sgr_server *server);
void sgr__leave(struct sgr_server *server); /* frees what ended, writes what was queued */

/* ---- The listener (listener.c) ---- */

int sgr__listen(struct sgr_server *server, struct sgr_error *error);
void sgr__listener_start(struct sgr_server *server);
void sgr__listener_stop(struct sgr_server *server);
void sgr__adopt_waiting(struct sgr_server *server);

/* ---- The network side's turn (lend.c) ---- */

void sgr__lend_init(struct sgr_server *server); /* once it has its loop */
extern const struct sgr_hub_alone sgr__lend;
/* To be called wherever a delivery can change what the loop watches, or until when it waits. */
void sgr__rouse(struct sgr_server *server);

/* ---- Peers (peer.c) ---- */

struct sgr__peer {
    struct sgr_list link, doomed;
    struct sgr_server *server;
    struct lws *wsi;
    struct sgr_request *request;
    struct sgr_connection *connection;
    bool guarded; /* accepted on a loopback address: only hosts that are known */
    bool refused; /* beyond the connection limit: answered with 503 */
    bool quiet;   /* see quiet.c */
    ev_io writable;
    struct sgr_list turn; /* on server->turns: may be written to now */
};

int sgr__peer_adopt(struct sgr_server *server, int descriptor, bool refused, bool guarded);
/* Closes the socket, in the loop's next turn. */
void sgr__peer_kill(struct sgr__peer *peer);
void sgr__peers_bury(struct sgr_server *server);
int sgr__protocols_new(struct sgr_server *server);
void sgr__protocols_free(struct sgr_server *server);

/* ---- Clients that leave while something is due to them (hangup.c) ---- */

int sgr__hangups_start(struct sgr_server *server);
void sgr__hangups_stop(struct sgr_server *server);
void sgr__hangup_watch(struct sgr__peer *peer);
void sgr__hangup_forget(struct sgr__peer *peer);

/* ---- Clients that send on while their answer is due (quiet.c) ---- */

void sgr__quiet_begin(struct sgr__peer *peer);
void sgr__quiet_end(
    struct sgr__peer *peer); /* also before it closes, so that what is left can go */
void sgr__peer_wants_to_write(struct sgr__peer *peer);
void sgr__turns_end(struct sgr_server *server);

/* ---- Requests (request.c) ---- */

enum sgr__method { SGR__GET, SGR__HEAD, SGR__POST, SGR__OPTIONS, SGR__OTHER };

struct sgr__pair {
    struct sgr_slice name, value;
};

struct sgr_request {
    struct sgr_list link;
    struct sgr_server *server;
    struct sgr__peer *peer; /* NULL: the client left */
    struct sgr__sink *sink;
    enum sgr__method method;
    bool upgrade;
    const char *protocol; /* the websocket's that will be chosen */
    struct sgr__offer offer;
    struct sgr_arena *arena;
    struct sgr_slice path;
    struct sgr_vector pairs; /* of struct sgr__pair */
    struct sgr_buffer body;
    struct sgr_slice origin;
    bool cross_origin, origin_allowed;
    const struct sgr__route *route; /* that waits for the body */
    struct sgr__identity *identity; /* NULL: it has no token */
    struct sgr_slice query_token;
    unsigned query_tokens;
    bool had_token;
    bool private; /* its answer depends on the token */

    bool answered, written, close;
    struct sgr_bytes *head;
    struct sgr_bytes *answer; /* NULL: no body */
    size_t answer_at;
    size_t held; /* see sgr__hold */
};

/* Each returns what the callback of libwebsockets has to: 0, or non-zero to close. */
int sgr__request_begin(struct sgr__peer *peer);
int sgr__request_body(struct sgr__peer *peer, struct sgr_slice data);
int sgr__request_complete(struct sgr__peer *peer);
int sgr__request_write(struct sgr__peer *peer);
/* 0: go on with the handshake; 1: answered with an error. */
int sgr__request_upgrade(struct sgr__peer *peer, const char *to);
void sgr__request_abandon(struct sgr_request *request); /* the peer goes */
void sgr__request_free(struct sgr_request *request);

/* The host table's part. */
struct sgr_slice sgr__request_path(const struct sgr_request *request);
/* From this machine, and not for somebody elsewhere (local.c). */
bool sgr__request_local(const struct sgr_request *request);
struct sgr_slice sgr__request_header(const struct sgr_request *request, const char *name);
struct sgr_slice sgr__request_query(const struct sgr_request *request, const char *name);
size_t sgr__request_query_count(const struct sgr_request *request);
void sgr__request_query_at(const struct sgr_request *request, size_t i, struct sgr_slice *ret_name,
                           struct sgr_slice *ret_value);
struct sgr_slice sgr__request_body_text(const struct sgr_request *request);
void sgr__respond(struct sgr_request *request, int status, const char *content_type,
                  const char *headers, struct sgr_bytes *body);
void sgr__respond_error(struct sgr_request *request, int status, const char *code,
                        const char *headers, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The status line and headers of an answer; NULL without memory. size -1: none is told (an event stream). */
struct sgr_bytes *sgr__response_head(const struct sgr_request *request, int status,
                                     const char *content_type, const char *headers, int64_t size);

/* ---- Compressed messages (deflate.c) ---- */

enum {
    SGR__DEFLATE_TAIL = 4
}; /* bytes that end each deflated part; a message's last ones are not sent */

enum sgr__form {
    SGR__UNDECIDED,
    SGR__PLAIN,
    SGR__ONCE,      /* its parts were deflated once for all who get them */
    SGR__BY_ITSELF, /* by the connection's own deflater */
};

/* Prepares the handshake of a client that offers this. */
void sgr__deflate_offer(struct sgr_server *server, struct sgr_slice header, struct sgr__offer *ret);
/* Writes what was agreed on into the handshake's answer. Non-zero: no room. */
int sgr__deflate_answer(struct sgr_connection *connection, struct lws_process_html_args *args);
/* How a message of `size` bytes goes to the connection; the largest of its parts has `largest`. */
enum sgr__form sgr__deflate_form(struct sgr_connection *connection, size_t size, size_t largest);
/* The bytes deflated, with the tail; borrowed from them. NULL: it cannot be, or would not be smaller. */
struct sgr_bytes *sgr__deflate_once(struct sgr_server *server, struct sgr_bytes *bytes);
/* The most that so many bytes become, with all that a flush adds. */
size_t sgr__deflated_bound(size_t size);
/* The next piece of a message with its tail; the bytes written, 0 if that went wrong. `room` is at least its bound. */
size_t sgr__deflate(z_stream *stream, const char *from, size_t size, unsigned char *to,
                    size_t room);
void sgr__deflate_done(struct sgr_connection *connection); /* with a message */
void sgr__deflate_end(struct sgr_connection *connection);
/* A client's whole message; *ret is good until the next. SGR_ELIMIT: larger than a message may be; SGR_EPARSE; SGR_ENOMEM. */
int sgr__inflate(struct sgr_server *server, struct sgr_slice message, struct sgr_slice *ret);
void sgr__deflate_begin(struct sgr_server *server);
void sgr__deflate_fini(struct sgr_server *server);

/* ---- What goes out (outgoing.c) ---- */

int sgr__ring_push(struct sgr_connection *connection, struct sgr_bytes *bytes, bool more,
                   bool binary);
void sgr__ring_fini(struct sgr_connection *connection);
/* One write of what is queued, behind `head` (an event stream's) if that is not NULL. Non-zero: close. */
int sgr__write_some(struct sgr_connection *connection);
int sgr__write_behind(struct sgr_connection *connection, const struct sgr_bytes *head);

/* ---- Connections (connection.c) ---- */

enum sgr__piece { /* of what libwebsockets hands over: the payload of a frame or a part of it */
                  SGR__BINARY = 1,
                  SGR__DEFLATED = 2, /* the frame has the bit for that */
                  SGR__FIRST = 4,    /* of the message */
                  SGR__FRAME_ENDS = 8,
                  SGR__FINAL = 16, /* the message ends */
};

struct sgr__part {
    struct sgr_bytes *bytes; /* a reference */
    bool more;               /* the message goes on with the next part */
    bool binary;             /* the message is */
};

struct sgr_connection {
    struct sgr_list link;
    struct sgr_list stalled;
    struct sgr_server *server;
    struct sgr__peer *peer;
    struct sgr__sink *sink;
    struct sgr_connection_callbacks callbacks;
    void *data;
    bool websocket;
    bool open;   /* handshake done, or the stream's head written: bytes may go */
    bool held;   /* an event stream that has not sent its head yet */
    bool shut;   /* nothing is queued any more; closes when the queue is empty */
    bool ending; /* the close has begun: nothing is written any more */
    bool deaf;   /* its messages wait, for its queue is full or answers are due */
    bool dirty;  /* on server->dirty */
    int shut_code;
    char *shut_reason;
    int closed_code;
    struct sgr_request *request;    /* an event stream's, until its head is written */
    struct sgr__identity *identity; /* NULL: it has no token */
    char *headers;                  /* a websocket's, for the handshake's answer */

    /* Outgoing: a ring of messages' parts, the first of them sent up to `first_at`. */
    struct sgr__part inline_items[SGR__INLINE_ITEMS];
    struct sgr__part *items;
    uint32_t first, count, capacity;
    size_t first_at;
    bool begun;          /* of the first part's message something was sent */
    enum sgr__form form; /* of that message; UNDECIDED until it is looked at */
    bool ready, stored;  /* the first part: it was looked at; it is too small to be deflated */
    size_t queued;       /* bytes in the ring */
    size_t in_flight;    /* bytes that libwebsockets still holds; see sgr__hold */
    ev_tstamp deadline;
    int unacknowledged; /* bytes in the socket at the last check; -1: not checked */

    /* Compression, as agreed on in the handshake */
    struct sgr__offer offer;
    bool deflates, keeps_context;
    z_stream *deflater; /* its own, NULL: none now */

    /* Inbound: a message in parts, and those that wait until the connection hears again. They are kept here and not left in the socket,
     * for libwebsockets' own flow control can spin on what it has read ahead. */
    struct sgr_buffer inbound;
    bool inbound_deflated, within_frame;
    struct sgr_vector waiting; /* of struct waiting, from waiting_at on */
    size_t waiting_at, waiting_bytes;

    /* Subscriptions */
    struct sgr_list subscriptions; /* in order of their making */
    unsigned answers_due;
    bool shared;           /* it had several subscriptions: they share its cursor */
    uint64_t stamp;        /* of that; 0: none */
    bool more_to_come;     /* of what it is being told all at once, this is not the last */
    bool paused;           /* commits are not delivered, but composed once the queue is empty */
    bool compose_again;    /* a state came while composing */
    uint64_t compose;      /* the request that is under way; 0: none */
    uint64_t paused_after; /* commit_count */
    struct sgr_bytes *paused_at;
    size_t frame_count, frame_at; /* of the commit being delivered */
    struct sgr_list waits;
    unsigned wait_count;
};

struct sgr_connection *sgr__accept(struct sgr_request *request,
                                   const struct sgr_connection_callbacks *callbacks, void *data,
                                   const char *headers);
void sgr__send(struct sgr_connection *connection, struct sgr_bytes *bytes);
void sgr__send_parts(struct sgr_connection *connection, struct sgr_bytes *const *parts,
                     size_t count);
void sgr__send_binary(struct sgr_connection *connection, struct sgr_bytes *bytes);
void sgr__shut(struct sgr_connection *connection, int code, const char *reason);
size_t sgr__queued(const struct sgr_connection *connection);
void sgr__connection_progress(struct sgr_connection *connection); /* it took something */
/* Non-zero: close. */
int sgr__connection_opened(struct sgr_connection *connection);
int sgr__connection_flush(struct sgr_connection *connection);
void sgr__flush_dirty(struct sgr_server *server);
/* `flags`: of enum sgr__piece. */
int sgr__connection_receive(struct sgr_connection *connection, struct sgr_slice data,
                            unsigned flags);
void sgr__connection_closed(struct sgr_connection *connection); /* tells the sink, frees */
void sgr__connections_check(struct sgr_server *server);         /* closes what makes no progress */
/* Adjusts whether its messages wait. */
void sgr__connection_listen(struct sgr_connection *connection);
void sgr__connection_pause(struct sgr_connection *connection);

/* ---- Subscriptions (subscription.c) and their commits (deliver.c) ---- */

/* There may be very many subscriptions, so what is the same for most is kept apart, and their own flags are bits. */
struct sgr__caller { /* a sink's way of being called */
    struct sgr_list link;
    struct sgr__sink *sink;
    struct sgr_subscription_callbacks callbacks;
};

struct sgr__told { /* what those have that were told their state at the same time */
    uint32_t refs;
    uint32_t size;  /* of the cursor */
    uint64_t epoch; /* of the state */
    uint64_t after; /* commit_count then */
    char cursor[];
};

struct sgr_subscription {
    uint64_t id;              /* ascending; its lowest bits are its number */
    struct sgr__guard *guard; /* NULL: the view asks for no token */
    const struct sgr__caller *caller;
    struct sgr_connection *connection; /* NULL: one-shot */
    union {
        void *data;
        struct sgr_subscription *next_ended;
    };
    struct sgr_list in_owner;   /* the connection, or the server's one_shots */
    struct sgr_list in_channel; /* the others of its channel, in a ring */
    struct sgr__told *told;     /* NULL: nothing yet */
    uint32_t channel;           /* 0: none */
    bool holds : 1;             /* the engine counts it among the channel's */
    bool once : 1;
    bool asked : 1; /* the engine knows it */
    bool answered : 1;
    bool live : 1;   /* its state was told */
    bool ended : 1;  /* no callback any more */
    bool buried : 1; /* on the server's `ended` */
};

static inline struct sgr_server *
sgr__subscription_server(const struct sgr_subscription *subscription) {
    return subscription->caller->sink->server;
}

/* for (s = first = sgr__channel_first(server, number); s; s = sgr__channel_next(first, s)): the channel's, oldest first. Some of them may have ended
 * or be asked anew. None comes or goes meanwhile: that happens at answers and in the outermost leave. */
struct sgr_subscription *sgr__channel_first(const struct sgr_server *server, uint32_t number);
static inline struct sgr_subscription *
sgr__channel_next(const struct sgr_subscription *first,
                  const struct sgr_subscription *subscription) {
    struct sgr_subscription *next =
        SGR_CONTAINER(subscription->in_channel.next, struct sgr_subscription, in_channel);
    return next == first ? NULL : next;
}

struct sgr_subscription *sgr__subscribe(struct sgr__sink *sink, struct sgr_connection *connection,
                                        const struct sgr_subscribe *what,
                                        const struct sgr_subscription_callbacks *callbacks,
                                        void *data);
/* By these claims instead of the connection's; NULL: nobody's. */
struct sgr_subscription *
sgr__subscribe_as(struct sgr__sink *sink, struct sgr_connection *connection,
                  struct sgr_claims *claims, const struct sgr_subscribe *what,
                  const struct sgr_subscription_callbacks *callbacks, void *data);
/* Asks the engine. SGR_ENOMEM. */
int sgr__subscription_ask(struct sgr_subscription *subscription, const struct sgr_subscribe *what);
/* The engine forgets it; from here on it is another one, which has not been asked for. SGR_ENOMEM. */
int sgr__subscription_rename(struct sgr_subscription *subscription);
void sgr__unsubscribe(struct sgr_subscription *subscription);
void sgr__unsubscribe_all(struct sgr_connection *connection); /* which goes */
void sgr__subscriptions_free_ended(struct sgr_server *server);
void sgr__subscriptions_end_all(struct sgr_server *server); /* at the end: tells nobody */
void sgr__subscription_tell_error(struct sgr_subscription *subscription, int status,
                                  const char *code, const char *message);
/* Notes the cursor its client has now. 0 or SGR_ENOMEM. */
int sgr__subscription_place(struct sgr_subscription *subscription, struct sgr_slice cursor,
                            uint64_t epoch);
/* The cursor that its client has behind this answer. */
struct sgr_slice sgr__answer_position(const struct sgr_connection *connection,
                                      const struct sgr_hub_answer *answer);
/* False: it does not hold the answer's channel. */
bool sgr__answer(struct sgr_subscription *subscription, const struct sgr_hub_answer *answer);
/* The answer is for all subscriptions of its channel. */
void sgr__reset(struct sgr_server *server, const struct sgr_hub_answer *answer);
struct sgr_subscription *sgr__subscription_find(struct sgr_server *server, uint64_t id);
void sgr__callers_free(struct sgr__sink *sink);
void sgr__commit(struct sgr_server *server, const struct sgr_hub_commit *from);
void sgr__composed(struct sgr_server *server, uint64_t request,
                   const struct sgr_hub_answer *answers, size_t count);
/* Asks for what a paused connection missed, if its queue is empty and nothing is asked yet. */
void sgr__compose(struct sgr_connection *connection);

/* ---- Waits (wait.c) ---- */

int sgr__wait(struct sgr_connection *connection, const struct sgr_wait *what,
              void (*done)(void *data, const struct sgr_waited *waited), void *data);
void sgr__waited(struct sgr_server *server, const struct sgr_hub_answer *answer);
void sgr__waits_resume(struct sgr_connection *connection); /* what it missed is queued now */
void sgr__waits_end(struct sgr_connection *connection);    /* which goes */
void sgr__waits_check(struct sgr_server *server);          /* gives up those whose time is over */
/* ---- Tokens of requests and connections (identity.c) ---- */

struct sgr__identity {
    struct sgr_server *server;
    struct sgr_connection *connection; /* NULL: a request's */
    char *token;                       /* not verified yet; NULL: it is, or there is none */
    size_t size;
    bool verifying;
    struct sgr_verification *waiting;
    struct sgr_claims *claims;  /* in force */
    struct sgr_verdict refusal; /* why there are none; status 0: no token */
    struct sgr_list held;       /* guards that wait for the verdict */
    void (*done)(struct sgr_connection *connection, void *data, const struct sgr_verdict *verdict);
};

/* True: this pair of the query is the token. */
bool sgr__identity_query(struct sgr_request *request, struct sgr_slice name,
                         struct sgr_slice value);
int sgr__identity_read(struct sgr_request *request); /* 0 or SGR_ENOMEM */
void sgr__identity_free(struct sgr__identity *identity);
/* Begins to verify, if that is still to do. False: the verdict is still to come. */
bool sgr__identity_known(struct sgr__identity *identity);
void sgr__authenticate(struct sgr_connection *connection, struct sgr_slice token,
                       void (*done)(struct sgr_connection *connection, void *data,
                                    const struct sgr_verdict *verdict));

/* ---- Subscriptions under a token (guard.c) ---- */

enum { SGR__ETAG = 256 };

struct sgr__guard {
    struct sgr_subscription *subscription;
    const struct sgr_plan_access *access;
    struct sgr_list waiting;   /* on an identity's held, or the server's refused */
    struct sgr_subscribe what; /* as the sink asked, its texts in `wish` */
    void *wish;
    struct sgr_claims *claims;           /* in force; NULL: none yet */
    struct sgr_slice *values;            /* of the access' claims */
    bool own;                            /* the sink gives its claims */
    bool again;                          /* to be asked anew once the engine has answered */
    bool told, reset;                    /* its client has a state; the next is told as a reset */
    uint64_t values_stamp, claims_stamp; /* of what its client was told last; 0: none */
    ev_periodic expiry;
    struct sgr_verdict refusal; /* status 0: not refused */
    char *text;                 /* its message, if it is not a literal */
};

int sgr__access_fill(struct sgr_server *server);
const struct sgr_plan_access *sgr__access_find(const struct sgr_server *server,
                                               struct sgr_slice view);
struct sgr__guard *sgr__guard_new(struct sgr_subscription *subscription,
                                  const struct sgr_plan_access *access,
                                  const struct sgr_subscribe *what);
void sgr__guard_begin(struct sgr__guard *guard, struct sgr__identity *identity); /* or NULL */
void sgr__guard_enter(struct sgr__guard *guard, const struct sgr__identity *identity);
void sgr__guard_own(struct sgr__guard *guard, struct sgr_claims *claims);
/* The connection's claims are others now. */
void sgr__guards_renew(struct sgr_connection *connection);
/* May change the state. False: it is not to be told. */
bool sgr__guard_answer(struct sgr__guard *guard, struct sgr_state *state, char etag[SGR__ETAG]);
void sgr__guard_stop(struct sgr__guard *guard);
void sgr__guard_free(struct sgr__guard *guard); /* NULL is fine */
void sgr__refusals_tell(struct sgr_server *server);
uint64_t sgr__guard_hash(const struct sgr__guard *guard); /* of the values of its claims */

/* ---- What cursors say of claims (stamp.c) ---- */

#define SGR__STAMP_BEFORE '-' /* stands in no cursor of the engine's */

int sgr__stamps_fill(struct sgr_server *server);
/* The cursor with a stamp behind it, in `room`; itself if that is 0. */
struct sgr_slice sgr__stamped(struct sgr_buffer *room, struct sgr_slice cursor, uint64_t stamp);
/* Whether it was told under the claims in force. */
bool sgr__stamp_fits(const struct sgr__guard *guard, struct sgr_slice cursor);
void sgr__guard_stamp(struct sgr__guard *guard); /* its client is told a state now */
/* It has other claims; its client may have what is right by them. */
void sgr__guard_restamp(struct sgr__guard *guard);
/* One of its guards was told a state, or it has its second subscription. */
void sgr__connection_stamp(struct sgr_connection *connection);

/* ---- Verifiers and claims for sinks (verify.c) ---- */

int sgr__verifiers_open(struct sgr_server *server, struct sgr_error *error);
void sgr__verifiers_start(struct sgr_server *server);
void sgr__verifiers_close(struct sgr_server *server);
int sgr__host_verifier(void *host, const struct sgr_token_rules *rules, struct sgr_verifier **ret,
                       struct sgr_error *error);
struct sgr_verification *
sgr__host_verify(void *host, struct sgr_verifier *verifier, struct sgr_slice token,
                 void (*done)(void *data, const struct sgr_verdict *verdict), void *data);
struct sgr_bytes *sgr__host_claim(const struct sgr_claims *claims, const char *path);

/* ---- Values for sinks (values.c) ---- */

extern const struct sgr_value_methods sgr__value_table;

/* ---- Sinks (sinks.c) ---- */

int sgr__sinks_open(struct sgr_server *server, const struct sgr_plan_sink *sinks, size_t count,
                    struct sgr_error *error);
void sgr__sinks_drain(struct sgr_server *server);
void sgr__sinks_close(struct sgr_server *server);
void sgr__explained(struct sgr_server *server, uint64_t request, struct sgr_bytes *text);
void sgr__explains_cancel(struct sgr_server *server);

/* ---- Change streams that sinks have bound (streams.c) ---- */

int sgr__stream_bind(void *host, const struct sgr_stream_bind *bind, struct sgr_stream **ret,
                     struct sgr_error *error);
void sgr__stream_handled(struct sgr_stream *stream, uint64_t lsn);
void sgr__stream_hold(struct sgr_stream *stream, bool held);
void sgr__stream_batch(struct sgr_server *server, size_t source,
                       const struct sgr_stream_batch *batch);
void sgr__stream_state(struct sgr_server *server, size_t source, uint32_t era,
                       const struct sgr_stream_state *state);
/* Whether all sinks that have bound the source's stream take a batch now, on any thread, and the last one was for at most so many connections. */
bool sgr__stream_reaches_few(const struct sgr_server *server, size_t source, size_t most);
void sgr__stream_position(struct sgr_server *server, size_t source, uint32_t era, uint64_t lsn);
bool sgr__streams_deliver(struct sgr_server *server); /* what waited while held; true: more waits */
void sgr__streams_free(struct sgr__sink *sink);       /* all that it has bound */

static inline struct sgr_slice sgr__id_key(const uint64_t *id) {
    return (struct sgr_slice){(const char *)id, sizeof(*id)};
}

#endif
