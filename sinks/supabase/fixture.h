/* The built plugin against a host of its own: requests, connections that keep what they are sent, a stream that a test feeds, and a clock
 * that stands still until a test moves the timers. */
#ifndef SINKS_SUPABASE_FIXTURE_H
#define SINKS_SUPABASE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/slice.h"
#include "fake_values.h"
#include "loader/loader.h"

enum { ROUTES = 24, FRAMES = 4096, TIMERS = 8, POSTS = 64 };

struct sgr_request {
    const char *vsn, *header, *apikey;
    const char *authorization, *apikey_header, *content_type, *private, *path; /* of a POST */
    struct sgr_slice body;
    int status; /* of the answer; 101: accepted */
    char answer[512];
    struct sgr_connection *connection;
};

struct sgr_connection {
    struct sgr_connection_callbacks callbacks;
    void *data;
    struct sgr_bytes *frames[FRAMES];
    bool binary[FRAMES];
    size_t count, next;
    size_t queued; /* what the host says */
    int shut_code;
};

struct sgr_stream {
    int unused;
};

/* A request that the sink has made. */
struct sgr_http {
    char *url, *headers, *body;
    void (*done)(void *data,
                 const struct sgr_http_answer *answer); /* NULL: answered, or given up */
    void *data;
};

static struct host {
    struct sgr_route routes[ROUTES];
    size_t route_count;
    struct {
        void (*fired)(void *data);
        void *data;
        int64_t after;
    } timers[TIMERS];
    struct sgr_stream stream;
    struct sgr_stream_bind bind;
    char claims[128]; /* that tokens must have */
    bool held;
    uint64_t handled;
    struct sgr_http posts[POSTS];
    size_t post_count;
    bool refuse_posts, refuse_timers; /* as without memory */
    int64_t counted_parked, counted_queued, counted_missed;
    size_t blocks;
    size_t block_limit; /* allocations that succeed; 0: all */
} host;

static inline void *fake_allocate(void *unused, size_t size) {
    (void)unused;
    if (host.block_limit && --host.block_limit == 0) {
        host.block_limit = 1;
        return NULL;
    }
    host.blocks++;
    return calloc(1, size);
}

static inline void *fake_reallocate(void *unused, void *old, size_t size) {
    (void)unused;
    if (host.block_limit && --host.block_limit == 0) {
        host.block_limit = 1;
        return NULL;
    }
    host.blocks += !old;
    return realloc(old, size);
}

static inline void fake_release(void *unused, void *memory) {
    (void)unused;
    host.blocks -= memory != NULL;
    free(memory);
}

static inline void fake_log(void *unused, enum sgr_log_level level, const char *format, ...) {
    (void)unused;
    (void)level;
    (void)format;
}

static inline void fake_count(void *unused, const char *metric, int64_t add) {
    (void)unused;
    host.counted_parked += strcmp(metric, "webhook_parked") == 0 ? add : 0;
    host.counted_queued += strcmp(metric, "webhook_queued") == 0 ? add : 0;
    host.counted_missed += strcmp(metric, "webhook_missed") == 0 ? add : 0;
}

static inline int fake_route(void *unused, const struct sgr_route *route, struct sgr_error *error) {
    (void)unused;
    (void)error;
    assert_true(host.route_count < ROUTES);
    host.routes[host.route_count] = *route;
    host.routes[host.route_count++].path = strdup(route->path);
    return SGR_OK;
}

static inline struct sgr_slice text_or_none(const char *text) {
    return text ? sgr_slice(text) : (struct sgr_slice){NULL, 0};
}

static inline struct sgr_slice fake_query(const struct sgr_request *request, const char *name) {
    return text_or_none(strcmp(name, "vsn") == 0       ? request->vsn
                        : strcmp(name, "apikey") == 0  ? request->apikey
                        : strcmp(name, "private") == 0 ? request->private
                                                       : NULL);
}

static inline struct sgr_slice fake_header(const struct sgr_request *request, const char *name) {
    return text_or_none(strcmp(name, "x-api-key") == 0       ? request->header
                        : strcmp(name, "authorization") == 0 ? request->authorization
                        : strcmp(name, "apikey") == 0        ? request->apikey_header
                        : strcmp(name, "content-type") == 0  ? request->content_type
                                                             : NULL);
}

static inline struct sgr_slice fake_path(const struct sgr_request *request) {
    return sgr_slice(request->path);
}

static inline struct sgr_slice fake_body(const struct sgr_request *request) {
    return request->body;
}

static inline void fake_respond(struct sgr_request *request, int status, const char *type,
                                const char *headers, struct sgr_bytes *body) {
    (void)headers;
    assert_int_equal(body != NULL, type != NULL);
    request->status = status;
    snprintf(request->answer, sizeof(request->answer), "%s", body ? body->data : "");
}

static inline struct sgr_connection *fake_accept(struct sgr_request *request,
                                                 const struct sgr_connection_callbacks *callbacks,
                                                 void *data, const char *headers) {
    struct sgr_connection *connection = calloc(1, sizeof(*connection));
    (void)headers;
    assert_non_null(connection);
    connection->callbacks = *callbacks;
    connection->data = data;
    request->status = 101;
    return request->connection = connection;
}

static inline void fake_send(struct sgr_connection *connection, struct sgr_bytes *bytes) {
    assert_true(connection->count < FRAMES);
    if (!connection->shut_code)
        connection->frames[connection->count++] = sgr_bytes_ref(bytes);
}

static inline void fake_send_binary(struct sgr_connection *connection, struct sgr_bytes *bytes) {
    connection->binary[connection->count] = true;
    fake_send(connection, bytes);
}

static inline void fake_shut(struct sgr_connection *connection, int code, const char *reason) {
    (void)reason;
    if (!connection->shut_code)
        connection->shut_code = code;
}

static inline size_t fake_queued(const struct sgr_connection *connection) {
    return connection->queued;
}

static inline void *fake_timer(void *unused, int64_t after, void (*fired)(void *data), void *data) {
    (void)unused;
    if (host.refuse_timers)
        return NULL;
    for (size_t i = 0; i < TIMERS; i++)
        if (!host.timers[i].fired) {
            host.timers[i].fired = fired;
            host.timers[i].data = data;
            host.timers[i].after = after;
            return &host.timers[i];
        }
    fail_msg("too many timers");
    return NULL;
}

static inline void fake_timer_cancel(void *unused, void *timer) {
    (void)unused;
    if (timer)
        memset(timer, 0, sizeof(host.timers[0]));
}

static inline int fake_bind(void *unused, const struct sgr_stream_bind *bind,
                            struct sgr_stream **ret, struct sgr_error *error) {
    (void)unused;
    (void)error;
    host.bind = *bind;
    *ret = &host.stream;
    return SGR_OK;
}

static inline void fake_handled(struct sgr_stream *stream, uint64_t lsn) {
    (void)stream;
    host.handled = lsn;
}

/* Of a batch that is kept, what stands in it is not: nobody looks at it again here. */
static inline const struct sgr_stream_batch *fake_keep(const struct sgr_stream_batch *batch) {
    struct sgr_stream_batch *kept = malloc(sizeof(*kept));
    assert_non_null(kept);
    *kept = *batch;
    return kept;
}

static inline void fake_batch_unref(const struct sgr_stream_batch *batch) {
    free((void *)(uintptr_t)batch);
}

static inline size_t fake_batch_size(const struct sgr_stream_batch *batch) {
    (void)batch;
    return 1000;
}

static inline void fake_hold(struct sgr_stream *stream, bool held) {
    (void)stream;
    host.held = held;
}

/* ---- Tokens: good, lasting (never expires), short, anon and service (roles), user-NAME (the subject); away (no keys for it can be had), later
 * (the test judges it); all others are bad ---- */

struct sgr_verifier {
    bool without_expiry;
};
struct sgr_claims {
    int64_t expiry;
    int references;
    const char *role;
    char subject[32];
};

static struct sgr_verifier verifiers[2] = {{true}, {false}};

static struct sgr_verification {
    struct sgr_verifier *verifier;
    void (*done)(void *data, const struct sgr_verdict *verdict); /* NULL: nothing waits */
    void *data;
} waiting;

static inline int64_t wall_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Counted on the heap, so that a leak is seen. */
static inline struct sgr_claims *fake_claims_ref(struct sgr_claims *claims) {
    claims->references++;
    return claims;
}

static inline void fake_claims_unref(struct sgr_claims *claims) {
    if (--claims->references == 0)
        free(claims);
}

static inline int fake_verifier(void *unused, const struct sgr_token_rules *rules,
                                struct sgr_verifier **ret, struct sgr_error *error) {
    (void)unused;
    (void)error;
    assert_int_equal(rules->key_count, 1);
    assert_string_equal(rules->type, "JWT");
    snprintf(host.claims, sizeof(host.claims), "%s", rules->claims);
    *ret = &verifiers[rules->without_expiry ? 0 : 1];
    return SGR_OK;
}

static inline struct sgr_verification *
fake_verify(void *unused, struct sgr_verifier *verifier, struct sgr_slice token,
            void (*done)(void *data, const struct sgr_verdict *verdict), void *data) {
    struct sgr_verdict verdict = {.status = sgr_slice_is(token, "away") ? 503 : 401};
    (void)unused;
    if (sgr_slice_is(token, "later")) {
        assert_null(waiting.done);
        waiting = (struct sgr_verification){verifier, done, data};
        return &waiting;
    }
    struct sgr_claims *claims = calloc(1, sizeof(*claims));
    *claims = (struct sgr_claims){.expiry = wall_clock() + 3600000000, .references = 1};
    if (sgr_slice_is(token, "lasting"))
        claims->expiry = INT64_MAX;
    if (sgr_slice_is(token, "short"))
        claims->expiry = wall_clock() + 100000;
    claims->role = sgr_slice_is(token, "anon")      ? "anon"
                   : sgr_slice_is(token, "service") ? "service_role"
                                                    : NULL;
    if (token.size > 5 && memcmp(token.data, "user-", 5) == 0)
        snprintf(claims->subject, sizeof(claims->subject), "%.*s", (int)token.size - 5,
                 token.data + 5);
    if (*claims->subject || sgr_slice_is(token, "good") || sgr_slice_is(token, "short") ||
        claims->role || (sgr_slice_is(token, "lasting") && verifier->without_expiry))
        verdict = (struct sgr_verdict){.claims = claims};
    done(data, &verdict);
    fake_claims_unref(claims);
    return NULL;
}

static inline void fake_verify_cancel(struct sgr_verification *verification) {
    assert_non_null(verification->done);
    verification->done = NULL;
}

/* What the token that was `later` is. */
static inline void judge_waiting(const char *token) {
    struct sgr_verification now = waiting;
    assert_non_null(now.done);
    waiting.done = NULL;
    fake_verify(NULL, now.verifier, sgr_slice(token), now.done, now.data);
}

static inline struct sgr_bytes *fake_claim(const struct sgr_claims *claims, const char *path) {
    if (strcmp(path, "sub") == 0)
        return *claims->subject ? sgr_bytes_new(claims->subject, strlen(claims->subject)) : NULL;
    assert_string_equal(path, "role");
    return claims->role ? sgr_bytes_new(claims->role, strlen(claims->role)) : NULL;
}

static inline int64_t fake_claims_expiry(const struct sgr_claims *claims) {
    return claims->expiry;
}

/* ---- Requests that the sink makes; a test answers them ---- */

static struct sgr_http *fake_http(void *unused, const struct sgr_http_request *request,
                                  void (*done)(void *data, const struct sgr_http_answer *answer),
                                  void *data) {
    (void)unused;
    if (host.refuse_posts)
        return NULL;
    assert_true(host.post_count < POSTS);
    assert_string_equal(request->method, "POST");
    struct sgr_http *post = &host.posts[host.post_count++];
    *post = (struct sgr_http){.url = strdup(request->url),
                              .headers = strdup(request->headers),
                              .body = sgr_slice_copy(request->body),
                              .done = done,
                              .data = data};
    return post;
}

static void fake_http_cancel(struct sgr_http *http) {
    http->done = NULL;
}

static const struct sgr_client_methods client_table = {.http = fake_http,
                                                       .http_cancel = fake_http_cancel};

static const struct sgr_sink_host table = {
    .common = {.size = sizeof(table),
               .log = fake_log,
               .allocate = fake_allocate,
               .reallocate = fake_reallocate,
               .release = fake_release,
               .count = fake_count},
    .bytes_new = sgr_bytes_new,
    .bytes_ref = sgr_bytes_ref,
    .bytes_unref = sgr_bytes_unref,
    .route = fake_route,
    .query = fake_query,
    .header = fake_header,
    .respond = fake_respond,
    .accept = fake_accept,
    .send = fake_send,
    .shut = fake_shut,
    .queued = fake_queued,
    .timer = fake_timer,
    .timer_cancel = fake_timer_cancel,
    .stream_bind = fake_bind,
    .stream_batch_keep = fake_keep,
    .stream_batch_unref = fake_batch_unref,
    .stream_batch_size = fake_batch_size,
    .stream_handled = fake_handled,
    .stream_hold = fake_hold,
    .verifier = fake_verifier,
    .verify = fake_verify,
    .verify_cancel = fake_verify_cancel,
    .claims_expiry = fake_claims_expiry,
    .claims_ref = fake_claims_ref,
    .claims_unref = fake_claims_unref,
    .claim = fake_claim,
    .values = &fake_values,
    .path = fake_path,
    .body = fake_body,
    .send_binary = fake_send_binary,
    .client = &client_table,
};

/* ---- The sink ---- */

static struct sink {
    struct sgr_loader *loader;
    struct sgr_document *document;
    struct sgr_options *options;
    const struct sgr_plugin *plugin;
    void *state;
} sink;

/* By these options, written as YAML; the code of `open`. */
static inline int open_sink(const char *yaml, struct sgr_error *error) {
    memset(&host, 0, sizeof(host));
    memset(&sink, 0, sizeof(sink));
    sink.loader = sgr_loader_new_default(NULL);
    assert_int_equal(sgr_loader_plugin(sink.loader, SGR_SINK, "supabase", &sink.plugin, error), 0);
    assert_int_equal(sgr_document_read_yaml("test", sgr_slice(yaml), &sink.document, error), 0);
    assert_int_equal(sgr_options_parse(sink.plugin, sgr_document_root(sink.document), NULL,
                                       &sink.options, error),
                     0);
    return sink.plugin->sink->open(&table, &host, sgr_options_struct(sink.options), &sink.state,
                                   error);
}

static inline void close_sink(void) {
    sgr_buffer_fini(&asked.json);
    if (sink.state)
        sink.plugin->sink->close(sink.state);
    sgr_options_free(sink.options);
    sgr_document_free(sink.document);
    sgr_loader_free(sink.loader);
    for (size_t i = 0; i < host.route_count; i++)
        free((char *)host.routes[i].path);
    for (size_t i = 0; i < host.post_count; i++) {
        assert_null(host.posts[i].done);
        free(host.posts[i].url);
        free(host.posts[i].headers);
        free(host.posts[i].body);
    }
}

/* ---- Clients ---- */

static inline void request(const char *path, enum sgr_route_kind kind, struct sgr_request *what) {
    for (size_t i = 0; i < host.route_count; i++)
        if (host.routes[i].kind == kind && strcmp(host.routes[i].path, path) == 0) {
            host.routes[i].request(host.routes[i].data, what);
            return;
        }
    what->status = 404;
}

static inline struct sgr_connection *client(const char *vsn) {
    struct sgr_request upgrade = {.vsn = vsn};
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    assert_int_equal(upgrade.status, 101);
    return upgrade.connection;
}

static inline void say(struct sgr_connection *connection, const char *text) {
    connection->callbacks.message(connection, connection->data, sgr_slice(text), false);
}

static inline void say_bytes(struct sgr_connection *connection, struct sgr_slice bytes) {
    connection->callbacks.message(connection, connection->data, bytes, true);
}

/* The next frame it was sent. */
static inline void hears(struct sgr_connection *connection, const char *text) {
    assert_true(connection->next < connection->count);
    assert_false(connection->binary[connection->next]);
    const struct sgr_bytes *frame = connection->frames[connection->next++];
    assert_int_equal(frame->size, strlen(frame->data));
    assert_string_equal(frame->data, text);
}

static inline void hears_bytes(struct sgr_connection *connection, struct sgr_slice bytes) {
    assert_true(connection->next < connection->count);
    assert_true(connection->binary[connection->next]);
    const struct sgr_bytes *frame = connection->frames[connection->next++];
    assert_int_equal(frame->size, bytes.size);
    assert_memory_equal(frame->data, bytes.data, bytes.size);
}

static inline void hears_nothing(const struct sgr_connection *connection) {
    assert_int_equal(connection->count, connection->next);
}

static inline void leave(struct sgr_connection *connection) {
    connection->callbacks.closed(connection, connection->data, 1000);
    for (size_t i = 0; i < connection->count; i++)
        sgr_bytes_unref(connection->frames[i]);
    free(connection);
}

/* ---- The stream ---- */

static inline struct sgr_field null_field(void) {
    return (struct sgr_field){.kind = SGR_FIELD_NULL};
}

static inline struct sgr_field text_field(const char *text) {
    return (struct sgr_field){.data = text, .size = (uint32_t)strlen(text), .kind = SGR_FIELD_TEXT};
}

/* A transaction at 2022-10-19 13:50:18.9 UTC with its end at `lsn`. */
static inline void transact(const struct sgr_change *changes, size_t count, uint64_t lsn) {
    struct sgr_stream_batch batch = {
        .transaction = {.end_lsn = lsn, .commit_time = INT64_C(719502618900000)},
        .changes = changes,
        .count = count,
        .first = true,
        .last = true};
    host.bind.callbacks->changes(host.bind.data, &host.stream, &batch);
}

static inline void state_at(enum sgr_stream_phase phase, const char *reason, uint64_t lsn) {
    struct sgr_stream_state now = {.phase = phase, .reason = reason, .lsn = lsn};
    host.bind.callbacks->state(host.bind.data, &host.stream, &now);
}

static inline void state(enum sgr_stream_phase phase, const char *reason) {
    state_at(phase, reason, 0);
}

/* The sink with changes that flow already. */
static inline int open_flowing(const char *yaml, struct sgr_error *error) {
    int code = open_sink(yaml, error);
    if (!code)
        state(SGR_STREAM_FLOWING, NULL);
    return code;
}

/* Fires the timers whose time has come when so much has passed. */
static inline void pass(int64_t microseconds) {
    for (size_t i = 0; i < TIMERS; i++) {
        void (*fired)(void *data) = host.timers[i].fired;
        void *data = host.timers[i].data;
        if (!fired || host.timers[i].after > microseconds)
            continue;
        memset(&host.timers[i], 0, sizeof(host.timers[i]));
        fired(data);
    }
}

#endif
