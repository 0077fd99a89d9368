/* Sinks: who gets the result.
 *
 * A sink runs on the network thread, but see `any_thread` in its methods. It registers routes on the one shared listener, answers requests, holds connections (websocket or
 * event stream) and subscribes to views on behalf of clients. It sees bytes, frames and parsed requests; never rows, never sockets.
 *
 *   open      register routes; no traffic yet
 *   drain     the server stops: close every connection cleanly (1001)
 *   close     free
 *
 * Flow control is the host's: `send` queues a shared buffer; when a connection's queue passes the configured budget the host stops
 * delivering frames to its subscriptions, and once the queue has drained delivers one composed frame (or a reset) in place of those
 * missed. A connection that does not drain in time is closed. Nothing of this needs the plugin.
 *
 * A sink may also bind the change stream of a source: every transaction of it, raw and in order, without a snapshot. It names the source by an
 * option with the flag SGR_OPTION_SOURCE, and binds it in `open`.
 */
#ifndef SANGRE_SINK_H
#define SANGRE_SINK_H

#include "change.h"
#include "client.h"
#include "plugin.h"

struct sgr_request; /* one HTTP request or upgrade, valid until answered */
struct
    sgr_connection; /* a websocket or an event stream; valid until its `closed` callback returned */
struct
    sgr_subscription; /* one view with one set of parameter values, for one request or connection */

/* An immutable, refcounted byte buffer; counts are atomic. Made by bytes_new, shared by any number of connections. */
struct sgr_bytes {
    uint32_t refs;
    uint32_t size;
    const char *data;
};

enum sgr_route_kind {
    SGR_ROUTE_GET = 1,          /* GET and HEAD */
    SGR_ROUTE_POST = 2,         /* with a body, at most the listener's limit */
    SGR_ROUTE_EVENT_STREAM = 4, /* GET with Accept: text/event-stream */
    SGR_ROUTE_WEBSOCKET = 8,    /* an upgrade */
};

struct sgr_connection_callbacks {
    void (*message)(struct sgr_connection *connection, void *data, struct sgr_slice text,
                    bool binary);
    /* The last call for this connection; subscriptions on it are gone already. */
    void (*closed)(struct sgr_connection *connection, void *data, int code);
};

struct sgr_route {
    enum sgr_route_kind kind;
    const char *
        path; /* exact, or a prefix when it ends with '*'; the longest match wins, an exact one first */
    const char *protocol; /* websocket subprotocol to require; NULL: any or none */
    /* Must answer (respond or accept), now or later; an upgrade before this returns. POST bodies are complete. */
    void (*request)(void *data, struct sgr_request *request);
    void *data;
};

/* Frames of one commit for subscriptions of one connection, in subscription order; borrowed. */
struct sgr_frame {
    struct sgr_subscription *subscription;
    void *data;                      /* the subscription's */
    const struct sgr_bytes *patches; /* rendered by the subscription's codec; shared */
    struct sgr_slice previous;       /* cursor this follows on */
    uint64_t revision;               /* the seed's revision number behind this frame */
};

struct sgr_commit {
    struct sgr_slice cursor;
    int64_t time; /* microseconds since 1970-01-01 UTC; 0: unknown */
    /* When a connection has exactly one frame: the same for all of this sink's connections that have the same one, so a place to keep
     * a buffer that was encoded once. Freed by the host with bytes_unref. */
    struct sgr_bytes **shared; /* indexed by the sink-chosen slot, 4 of them */
    bool composed;             /* stands for several commits */
};

enum sgr_answer { SGR_ANSWER_SNAPSHOT, SGR_ANSWER_RESUMED, SGR_ANSWER_RESET, SGR_ANSWER_ERROR };

struct sgr_state {
    enum sgr_answer answer;
    const struct sgr_bytes *
        document; /* SNAPSHOT, RESET: rendered by the codec; RESUMED: the patches since, or NULL if none */
    struct sgr_slice cursor, previous; /* previous: RESUMED only */
    struct sgr_slice etag;             /* opaque, changes with the document */
    uint64_t revision;   /* the seed's revision number at this cursor, when asked for */
    bool stale;          /* the source is away: this is the last state */
    const char *reason;  /* RESET: why, a stable word */
    int status;          /* ERROR: 400, 404, 503, … */
    const char *code;    /* ERROR: stable word */
    const char *message; /* ERROR: for people */
    int64_t time;
};

struct sgr_subscription_callbacks {
    /* Once per subscribe, and again with RESET whenever the past can't be continued. */
    void (*state)(void *data, struct sgr_subscription *subscription, const struct sgr_state *state);
    /* All frames of one commit for one connection: never torn. The same function for all of a connection's subscriptions. NULL: a snapshot is all that's wanted (then the subscription ends by
     * itself after `state`). `data` is the connection's, each frame carries its subscription's. */
    void (*commit)(struct sgr_connection *connection, void *data, const struct sgr_commit *commit,
                   const struct sgr_frame *frames, size_t count);
    /* The source went away or came back. */
    void (*stale)(void *data, struct sgr_subscription *subscription, bool stale);
};

struct sgr_parameter_text {
    struct sgr_slice name;
    struct sgr_slice value; /* data NULL: null */
};

/* ---- Tokens: who a client is ---- */

struct sgr_verifier;     /* keys and rules */
struct sgr_verification; /* one that waits for keys */
struct sgr_claims;       /* what a verified token says; immutable, counted */

enum sgr_token_key_kind {
    SGR_KEY_SECRET,    /* bytes shared with the issuer */
    SGR_KEY_PEM,       /* a public key or certificate */
    SGR_KEY_JWKS,      /* a set of keys, as text */
    SGR_KEY_JWKS_FILE, /* as the path of a file, read again when a token names a key it has not */
    SGR_KEY_JWKS_URL,  /* http or https, fetched likewise */
};

struct sgr_token_key {
    enum sgr_token_key_kind kind;
    struct sgr_slice text;
    const char *algorithms; /* "HS256 HS512": what it may verify; NULL: what is usual for the key */
    const char *kid;        /* SECRET, PEM: only for tokens that name it, or none; NULL: for all */
    int64_t refresh;       /* JWKS_FILE, JWKS_URL: microseconds after which it is old; 0: an hour */
    size_t secret_minimum; /* SECRET: bytes it must have; 0: 32 */
};

/* What a token must fulfil, beside a signature that one of the keys holds for. Copied. */
struct sgr_token_rules {
    uint32_t size; /* sizeof(struct sgr_token_rules) */
    const struct sgr_token_key *keys;
    size_t key_count;
    const char *const *issuers; /* `iss` is one of them; count 0: whatever it is */
    size_t issuer_count;
    const char *const *audiences; /* one of them is in `aud`; count 0: whatever it is */
    size_t audience_count;
    const char *claims;  /* a JSON object, each member of which the token has equally; NULL: none */
    const char *type;    /* the header's `typ`; NULL: none, JWT or at+jwt */
    int64_t leeway;      /* microseconds that clocks may differ */
    bool without_expiry; /* whether one without `exp` is taken */
};

/* Texts are literals that quote nothing of the token. */
struct sgr_verdict {
    int status;          /* 0: it is good; 401; 503: keys could not be had */
    const char *code;    /* a stable word: invalid_token, token_expired, keys_unavailable, … */
    const char *message; /* for people */
    struct sgr_claims *claims; /* of a good one; borrowed */
};

struct sgr_subscribe {
    struct sgr_slice view; /* path, as in the config */
    const struct sgr_parameter_text *parameters;
    size_t parameter_count;
    const char *codec;       /* NULL: the view's default */
    struct sgr_slice cursor; /* empty: snapshot wanted */
    bool
        by_revision; /* the seed's whole-number revisions; `revision` below instead of cursor; history's from `revision` */
    bool have_revision;
    uint64_t revision;
    /* Since 1.1. The request whose token counts for a one-shot; a connection has that of its own request. */
    const struct sgr_request *request;
};

/* What a client waits for: a cursor of ours, or a position of a source's, as its database writes it. since 1.1 */
struct sgr_wait {
    struct sgr_slice cursor; /* empty: the position below */
    struct sgr_slice lsn;
    struct sgr_slice source; /* whose position; empty: the only one's */
};

enum sgr_health {
    SGR_HEALTH_STARTING, /* views are not served yet: a first snapshot is not complete */
    SGR_HEALTH_SERVING,
    SGR_HEALTH_STALE, /* served as they were when a source went away */
};

struct sgr_waited {
    struct sgr_slice cursor; /* how far everything was published */
    const char *code;        /* NULL: it was reached; else a stable word: why not */
    const char *message;     /* for people */
};

struct
    sgr_stream; /* a source's change stream as this sink has bound it; valid until the sink's close returned */

/* A transaction, or a piece of a big one: pieces of a transaction follow on each other, nothing comes in between but states. All of it
 * is immutable, and borrowed for the call unless a reference is taken. What is referenced counts to the stream's budget: when that is used up
 * the source has to wait. */
struct sgr_stream_batch {
    struct sgr_transaction transaction; /* end_lsn is known, and not 0, in the last piece only */
    /* In the order of the log. Relations are the host's and read-only; relation->id is an identity for what a sink works out of a
     * descriptor: a table that changes gets a new descriptor with another id, and none is ever used again. An unchanged TOAST value is
     * SGR_FIELD_UNCHANGED also when a full old tuple holds it. TRUNCATE: one change for each table, those reached by CASCADE too. */
    const struct sgr_change *changes;
    size_t count; /* may be 0 in the last piece of several */
    bool first, last;
};

enum sgr_stream_phase {
    SGR_STREAM_FLOWING, /* changes flow: what commits from now on arrives, and nothing was missed since the last batch */
    SGR_STREAM_GAP, /* changes flow, but some may have been missed before this. A transaction whose last piece is outstanding stays unfinished */
    SGR_STREAM_DOWN, /* the source is away and tries again by itself. FLOWING or GAP follows; a transaction may go on behind FLOWING */
};

struct sgr_stream_state {
    enum sgr_stream_phase phase;
    /* GAP: why, a stable word: temporary_slot (the connection broke), slot_lost (it is not there any more, or the server gave it up), slot_lag
     * (past its limit, we dropped it), slot_ahead (somebody moved it), publication_lost (it was dropped for a while), other_system; of other sources: their own. Else NULL. */
    const char *reason;
    const char *message; /* DOWN: for people. Else NULL */
    uint64_t lsn;        /* FLOWING, GAP: what ends behind this position comes */
};

struct sgr_stream_callbacks {
    void (*changes)(void *data, struct sgr_stream *stream, const struct sgr_stream_batch *batch);
    void (*state)(void *data, struct sgr_stream *stream, const struct sgr_stream_state *state);
    /* Since 1.2; NULL: nothing. How far the database's log is known to go: at most once a second while it grows, also when nothing of it comes as a
     * batch. It does not queue behind batches, and comes while the stream is held too, so that a sink can see how far behind it is with what it
     * has not handled. Only behind a GAP that waits none comes until that was told, as positions may mean something else there. */
    void (*position)(void *data, struct sgr_stream *stream, uint64_t lsn);
};

struct sgr_stream_bind {
    const char *source; /* its name in the config: the value of an option with SGR_OPTION_SOURCE */
    /* The source is told that a transaction is durable once this sink has said so with stream_handled; otherwise this sink does not hold the
     * position back. */
    bool acknowledges;
    const struct sgr_stream_callbacks
        *callbacks; /* changes and state are set; lives as long as the sink */
    void *data;
};

/* What the texts of a change stream's fields mean, by the type of their column. Since 1.2. */
struct sgr_value_methods {
    /* Whether equality, and order, are defined. */
    bool (*comparable)(const struct sgr_relation_column *column);
    bool (*ordered)(const struct sgr_relation_column *column);
    /* As a source sends it. *ret borrows from it. SGR_EPARSE, SGR_ERANGE. */
    int (*parse)(const struct sgr_relation_column *column, struct sgr_slice text,
                 struct sgr_value *ret, struct sgr_error *error);
    /* As a person writes it, brought to the form in which a source sends it. *ret borrows from *ret_text, which is to be given back with
     * bytes_unref. */
    int (*literal)(const struct sgr_relation_column *column, struct sgr_slice text,
                   struct sgr_value *ret, struct sgr_bytes **ret_text, struct sgr_error *error);
    /* Of two values of one column that are not null: below 0, 0, above 0. Texts compare by their bytes. Equal ones hash alike. */
    int (*compare)(const struct sgr_value *a, const struct sgr_value *b);
    uint64_t (*hash)(const struct sgr_value *value);
    /* As Postgres' to_json writes it: numbers bare, arrays as arrays, json as it is. *ret lives until the next call. SGR_EPARSE, SGR_ERANGE, SGR_ENOMEM. */
    int (*json)(void *host, const struct sgr_relation_column *column, struct sgr_slice text,
                struct sgr_slice *ret, struct sgr_error *error);
};

struct sgr_sink_host {
    struct sgr_host_common common;

    /* Buffers. `bytes_new` copies (data may be NULL: then fill through the returned pointer before sharing). */
    struct sgr_bytes *(*bytes_new)(const char *data, size_t size);
    struct sgr_bytes *(*bytes_ref)(struct sgr_bytes *bytes);
    void (*bytes_unref)(struct sgr_bytes *bytes);

    int (*route)(void *host, const struct sgr_route *route, struct sgr_error *error);

    /* Requests. Slices live as long as the request. */
    struct sgr_slice (*path)(const struct sgr_request *request);
    struct sgr_slice (*header)(const struct sgr_request *request, const char *lower_case_name);
    struct sgr_slice (*query)(const struct sgr_request *request,
                              const char *name); /* percent-decoded; data NULL: absent */
    size_t (*query_count)(const struct sgr_request *request);
    void (*query_at)(const struct sgr_request *request, size_t i, struct sgr_slice *ret_name,
                     struct sgr_slice *ret_value);
    struct sgr_slice (*body)(const struct sgr_request *request);
    /* Ends the request. `headers` is "name: value\r\n…" or NULL. The body is shared, NULL for none. */
    void (*respond)(struct sgr_request *request, int status, const char *content_type,
                    const char *headers, struct sgr_bytes *body);
    /* Turns an upgrade or event-stream request into a connection; the request is gone. NULL: not possible (memory, the client left);
     * the request has been answered then. `closed` follows in every case where this is not NULL. */
    struct sgr_connection *(*accept)(struct sgr_request *request,
                                     const struct sgr_connection_callbacks *callbacks, void *data,
                                     const char *headers);

    /* Connections. Websocket: one text message; event stream: raw bytes of events. Takes a reference of its own. */
    void (*send)(struct sgr_connection *connection, struct sgr_bytes *bytes);
    /* Code and reason are the websocket's; nothing is sent after it. Queued bytes go first, within the drain time. An event stream that
     * has sent nothing yet is answered with the HTTP status `code` (400 to 599) and `reason` as its JSON body. */
    void (*shut)(struct sgr_connection *connection, int code, const char *reason);
    size_t (*queued)(const struct sgr_connection *connection);

    /* Views. `connection` NULL: one-shot (callbacks->commit ignored, pass request as data). NULL: out of memory, nothing will be called;
     * other errors come through `state`, always from the loop, never from within the call. A one-shot ends by itself after `state`, and any
     * after an ERROR; a connection's end with it, before `closed`. unsubscribe: no callback after it. */
    struct sgr_subscription *(*subscribe)(void *host, struct sgr_connection *connection,
                                          const struct sgr_subscribe *what,
                                          const struct sgr_subscription_callbacks *callbacks,
                                          void *data);
    void (*unsubscribe)(struct sgr_subscription *subscription);

    /* One shot timers of the network loop, microseconds. */
    void *(*timer)(void *host, int64_t microseconds, void (*fired)(void *data), void *data);
    void (*timer_cancel)(void *host, void *timer);

    /* `explain --live` and metrics: asks the engine for its text; answered later from the loop. format: "text", "dot", "json"; since
     * 1.1 "metrics", Prometheus' text format of all that the engine, the network side and plugins count.
     * text NULL: the server stops, or memory is out (then from within the call). */
    void (*explain)(void *host, const char *format,
                    void (*done)(void *data, const struct sgr_bytes *text), void *data);

    /* Change streams; since 1.1. Bound in `open` only, once a source. Callbacks come from the loop, a state first. SGR_EINVAL,
     * SGR_ENOTFOUND (no such source, or no option names it), SGR_EUNSUPPORTED (the source has no change stream). */
    int (*stream_bind)(void *host, const struct sgr_stream_bind *bind, struct sgr_stream **ret,
                       struct sgr_error *error);
    /* Handed over, answered, stored: everything up to the end of this transaction (its end_lsn). Positions only grow, but for a GAP: what was before it is
     * not to be told behind it. */
    void (*stream_handled)(struct sgr_stream *stream, uint64_t lsn);
    /* While held no callback comes; what waits counts to the stream's budget. For clients that cannot take more now. */
    void (*stream_hold)(struct sgr_stream *stream, bool held);
    const struct sgr_stream_batch *(*stream_batch_ref)(const struct sgr_stream_batch *batch);
    void (*stream_batch_unref)(const struct sgr_stream_batch *batch); /* NULL is fine */

    /* Waits; since 1.1. `done` comes once, from the loop: when the connection was sent all that concerns it up to there, or with a code when that
     * cannot be or takes longer than the server waits; with NULL when the connection ends, before `closed`. Copies what it needs. SGR_ELIMIT: the
     * connection waits for as much as it may; SGR_ENOMEM. */
    int (*wait)(struct sgr_connection *connection, const struct sgr_wait *what,
                void (*done)(void *data, const struct sgr_waited *waited), void *data);

    /* Outgoing requests and websockets, with this host; since 1.1. What is still open when close has returned is broken off. */
    const struct sgr_client_methods *client;

    /* Like `send`, with one message made of several buffers: for what many clients get with a beginning of their own. Since 1.1. */
    void (*send_parts)(struct sgr_connection *connection, struct sgr_bytes *const *parts,
                       size_t count);

    /* ---- Since 1.1: tokens ---- */

    /* Views that ask for a token get it from the request by themselves (and then from `authenticate`); these are for sinks whose protocol
     * has tokens of its own.
     *
     * In open: a verifier for these rules, the sink's until it is closed; rules NULL: the config's own, SGR_ENOTFOUND if it has none. */
    int (*verifier)(void *host, const struct sgr_token_rules *rules, struct sgr_verifier **ret,
                    struct sgr_error *error);
    /* `done` is called once: from within the call (NULL is returned), or later when keys have been fetched. */
    struct sgr_verification *(*verify)(void *host, struct sgr_verifier *verifier,
                                       struct sgr_slice token,
                                       void (*done)(void *data, const struct sgr_verdict *verdict),
                                       void *data);
    void (*verify_cancel)(struct sgr_verification *verification); /* `done` will not be called */
    struct sgr_claims *(*claims_ref)(struct sgr_claims *claims);
    void (*claims_unref)(struct sgr_claims *claims); /* NULL is fine */
    /* By its path: sub, app_metadata.team, "https://example.com/roles".admin. A text as it is, everything else as JSON. To be given back
     * with bytes_unref; NULL: absent, null, or out of memory. An empty path: all claims. */
    struct sgr_bytes *(*claim)(const struct sgr_claims *claims, const char *path);
    /* Microseconds since 1970 until which they count, the leeway included; INT64_MAX: for ever. */
    int64_t (*claims_expiry)(const struct sgr_claims *claims);

    /* The connection's token from here on; data NULL: none. What was subscribed by the old one goes on if the claims it depends on are the
     * same, is reset (reason "claims") if they are others, and ends with an error if they are gone or the token expires. A token that is
     * refused changes nothing. `done` as that of verify, or never if the connection ends first. NULL: tell nobody. */
    void (*authenticate)(struct sgr_connection *connection, struct sgr_slice token,
                         void (*done)(struct sgr_connection *connection, void *data,
                                      const struct sgr_verdict *verdict));
    /* As subscribe, by claims that the sink verified; they, not the connection's, count for it. NULL: nobody's. `connection` is not NULL. A view that
     * asks for a token takes claims of the config's own verifier (rules NULL) only.
     * Refresh them with subscription_claims, which does what `authenticate` does, for one. */
    struct sgr_subscription *(*subscribe_as)(void *host, struct sgr_connection *connection,
                                             struct sgr_claims *claims,
                                             const struct sgr_subscribe *what,
                                             const struct sgr_subscription_callbacks *callbacks,
                                             void *data);
    void (*subscription_claims)(struct sgr_subscription *subscription, struct sgr_claims *claims);

    /* How the engine is now. Since 1.1. */
    enum sgr_health (*health)(void *host);

    /* Like `send`, a binary message; to websockets only. Since 1.2. */
    void (*send_binary)(struct sgr_connection *connection, struct sgr_bytes *bytes);

    const struct sgr_value_methods *values; /* since 1.2 */

    /* Since 1.2. A reference to a batch that is history: it does not count to the stream's budget from here on, so the sink has to bound by itself
     * what it keeps. To be let go of with stream_batch_unref. */
    const struct sgr_stream_batch *(*stream_batch_keep)(const struct sgr_stream_batch *batch);
    size_t (*stream_batch_size)(const struct sgr_stream_batch *batch); /* bytes; since 1.2 */

    /* Whether the request comes from this machine, forwarded by no proxy and sent by no page of another origin. Since 1.2. */
    bool (*local)(const struct sgr_request *request);
};

static_assert(offsetof(struct sgr_sink_host, explain) == 200, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, stream_bind) == 208, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, wait) == 248, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, client) == 256, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, send_parts) == 264, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, health) == 352, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, send_binary) == 360, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, values) == 368, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, stream_batch_keep) == 376,
              "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, local) == 392, "released offsets are frozen");
static_assert(offsetof(struct sgr_value_methods, json) == 48, "released offsets are frozen");
static_assert(offsetof(struct sgr_stream_batch, changes) == 32, "released offsets are frozen");
static_assert(offsetof(struct sgr_stream_batch, first) == 48, "released offsets are frozen");
static_assert(offsetof(struct sgr_stream_state, lsn) == 24, "released offsets are frozen");
static_assert(offsetof(struct sgr_stream_callbacks, position) == 16, "released offsets are frozen");
static_assert(offsetof(struct sgr_stream_bind, data) == 24, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_host, verifier) == 272, "released offsets are frozen");
static_assert(offsetof(struct sgr_verdict, claims) == 24, "released offsets are frozen");
static_assert(offsetof(struct sgr_token_rules, leeway) == 72, "released offsets are frozen");
static_assert(offsetof(struct sgr_token_key, refresh) == 40, "released offsets are frozen");

struct sgr_sink_methods {
    int (*open)(const struct sgr_sink_host *table, void *host, const void *options,
                void **ret_state, struct sgr_error *error);
    void (*drain)(void *state);
    void (*close)(void *state);
    /* Since 1.2; NULL: the table of options says all that there is to check. Called when a config is read, so also by `sangre check`: what is
     * wrong with these options, without a host, a server or the network. The message may begin with the path of what it is about, such as
     * `topics[1].name: …`, and is told with that place. */
    int (*check)(const void *options, struct sgr_error *error);
    /* Since 1.2. Nothing of it depends on the thread: `commit` and `changes` may be called on the engine's while the network thread sleeps, which spares that
     * thread's waking where commits are few. No two calls of a sink ever run at once. */
    bool any_thread;
    /* Since 1.2; NULL: nothing. Calls `need` for each column that the old row of a DELETE must have, of a table of that source as its config would
     * name it. `sangre check` refuses a table that is not there, and one whose replica identity lacks the column. The source is asked to give rows of
     * these tables by these names alone (`limit`), in a run too. */
    void (*needs)(const void *options,
                  void (*need)(void *data, const char *source, const char *table,
                               const char *column),
                  void *data);
};

#endif
