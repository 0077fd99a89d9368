/* The server's life: made by its creator's thread, run by its own, ended by the hub's drain event. */
#include "net/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

enum { EVENTS_AT_ONCE = 256, HEADER_LIMIT = 16384, REQUEST_SECONDS = 30 };

/* Each websocket has a buffer of this size as long as it lives. A protocol could ask for a smaller one, but then what was read behind a
 * part of a message that we refuse is lost to libwebsockets' parser, and with it the client's close. */
enum { READ_AT_ONCE = 2048 };

/* ---- Calls into sinks ---- */

void sgr__enter(struct sgr_server *server) {
    server->depth++;
}

void sgr__leave(struct sgr_server *server) {
    if (server->depth == 1)
        sgr__subscriptions_free_ended(server);
    server->depth--;
}

/* ---- What is held for clients ---- */

void sgr__hold(struct sgr_server *server, size_t *held, size_t now) {
    if (now == *held)
        return;
    server->held += now - *held;
    sgr_hub_hold(server->hub, (int64_t)now - (int64_t)*held);
    *held = now;
}

size_t sgr__chunk(const struct sgr_server *server) {
    size_t most = server->options.queue_limit / 4;
    size_t chunk = most > server->held ? (most - server->held) / 16 : 0;
    if (chunk < SGR__CHUNK_LEAST)
        return SGR__CHUNK_LEAST;
    return chunk < SGR__CHUNK ? chunk : SGR__CHUNK;
}

/* ---- Hub events ---- */

static bool on_state(void *data, const struct sgr_hub_answer *answer) {
    struct sgr_subscription *subscription = sgr__subscription_find(data, answer->id);
    return subscription && sgr__answer(subscription, answer);
}

static void on_reset(void *data, const struct sgr_hub_answer *answer) {
    sgr__reset(data, answer);
}

static void on_composed(void *data, uint64_t request, const struct sgr_hub_answer *answers,
                        size_t count) {
    sgr__composed(data, request, answers, count);
}

static void on_commit(void *data, const struct sgr_hub_commit *commit) {
    sgr__commit(data, commit);
}

static void on_stale(void *data, bool stale) {
    struct sgr_server *server = data;
    server->stale = stale;
    SGR_LIST_EACH(item, &server->connections) {
        struct sgr_connection *connection = SGR_CONTAINER(item, struct sgr_connection, link);
        SGR_LIST_EACH(link, &connection->subscriptions) {
            struct sgr_subscription *subscription =
                SGR_CONTAINER(link, struct sgr_subscription, in_owner);
            if (subscription->live && !subscription->ended && subscription->caller->callbacks.stale)
                subscription->caller->callbacks.stale(subscription->data, subscription, stale);
        }
    }
}

static void on_explained(void *data, uint64_t request, struct sgr_bytes *text) {
    sgr__explained(data, request, text);
}

static void on_waited(void *data, const struct sgr_hub_answer *answer) {
    sgr__waited(data, answer);
}

static void fail_one_shots(struct sgr_server *server, const char *code, const char *message) {
    SGR_LIST_EACH(link, &server->one_shots) {
        struct sgr_subscription *subscription =
            SGR_CONTAINER(link, struct sgr_subscription, in_owner);
        sgr__subscription_tell_error(subscription, 503, code, message);
    }
    sgr__explains_cancel(server);
}

static void shut_all(struct sgr_server *server, int code, const char *reason) {
    SGR_LIST_EACH(link, &server->connections)
    sgr__shut(SGR_CONTAINER(link, struct sgr_connection, link), code, reason);
}

/* Clients come back with their cursors and get what was lost. */
static void on_lost(void *data) {
    struct sgr_server *server = data;
    sgr_log(SGR_LOG_ERROR, "net", "out of memory: events were lost, all clients are reconnected");
    fail_one_shots(server, "out_of_memory", "out of memory");
    shut_all(server, 1013, "out of memory");
}

static void on_drain(void *data) {
    struct sgr_server *server = data;
    if (server->draining)
        return;
    server->draining = true;
    sgr__listener_stop(server);
    fail_one_shots(server, "stopping", "the server stops");
    sgr__sinks_drain(server);
    shut_all(server, 1001, "the server stops");
    SGR_LIST_EACH(link, &server->peers) {
        struct sgr__peer *peer = SGR_CONTAINER(link, struct sgr__peer, link);
        if (!peer->request && !peer->connection)
            sgr__peer_kill(peer);
    }
    server->drain_end.repeat = (double)server->options.drain_timeout / 1e6;
    ev_timer_again(server->loop, &server->drain_end);
    if (!server->peer_count)
        ev_break(server->loop, EVBREAK_ALL);
}

static void on_stream_batch(void *data, size_t source, const struct sgr_stream_batch *batch) {
    sgr__stream_batch(data, source, batch);
}

static void on_stream_state(void *data, size_t source, uint32_t era,
                            const struct sgr_stream_state *state) {
    sgr__stream_state(data, source, era, state);
}

static void on_stream_position(void *data, size_t source, uint32_t era, uint64_t lsn) {
    sgr__stream_position(data, source, era, lsn);
}

static const struct sgr_hub_handler handler = {
    .state = on_state,
    .composed = on_composed,
    .commit = on_commit,
    .reset = on_reset,
    .stale = on_stale,
    .explained = on_explained,
    .waited = on_waited,
    .drain = on_drain,
    .lost = on_lost,
    .stream_batch = on_stream_batch,
    .stream_state = on_stream_state,
    .stream_position = on_stream_position,
};

/* ---- The loop ---- */

static void woken(struct ev_loop *loop, ev_async *watcher, int events) {
    struct sgr_server *server = watcher->data;
    (void)events;
    sgr__adopt_waiting(server);
    sgr__enter(server);
    sgr__refusals_tell(server);
    bool more = sgr_hub_receive(server->hub, &handler, server, EVENTS_AT_ONCE);
    more = sgr__streams_deliver(server) || more;
    sgr_client_dispatch(server->client);
    sgr__leave(server);
    if (more)
        ev_async_send(loop, watcher); /* sockets have their turn in between */
}

static void wake(void *data) {
    struct sgr_server *server = data;
    ev_async_send(server->loop, &server->wake);
}

/* Writing here, rather than when the loop says that a socket is writable, saves a turn of the loop for each of many clients. What a client's end
 * has a sink tell others goes out as well, before the loop waits. */
static void prepared(struct ev_loop *loop, ev_prepare *watcher, int events) {
    (void)loop;
    (void)events;
    struct sgr_server *server = watcher->data;
    do {
        sgr__enter(server);
        sgr__flush_dirty(server);
        sgr__leave(server);
        sgr__turns_end(server);
        sgr__peers_bury(server);
    } while (server->dirty.count);
}

static void ticked(struct ev_loop *loop, ev_timer *timer, int events) {
    struct sgr_server *server = timer->data;
    (void)loop;
    (void)events;
    sgr__connections_check(server);
    sgr__enter(server);
    sgr__waits_check(server);
    sgr__leave(server);
    /* libwebsockets looks after its own timeouts only behind something else that it was woken for. */
    lws_cancel_service(server->lws);
}

static void drain_ended(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)timer;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void start_watchers(struct sgr_server *server) {
    double period = (double)server->options.client_timeout / 8e6;
    ev_prepare_init(&server->flush, prepared);
    ev_init(&server->tick, ticked);
    ev_init(&server->drain_end, drain_ended);
    server->tick.repeat = period < 1 ? period : 1;
    server->flush.data = server->tick.data = server;
    ev_prepare_start(server->loop, &server->flush);
    ev_timer_again(server->loop, &server->tick);
    sgr__verifiers_start(server);
    sgr__listener_start(server);
}

static void stop_watchers(struct sgr_server *server) {
    sgr__listener_stop(server);
    ev_async_stop(server->loop, &server->wake);
    ev_prepare_stop(server->loop, &server->flush);
    ev_timer_stop(server->loop, &server->tick);
    ev_timer_stop(server->loop, &server->drain_end);
}

static void *run(void *data) {
    struct sgr_server *server = data;
    pthread_mutex_lock(&server->turn);
    ev_run(server->loop, 0);
    pthread_mutex_unlock(&server->turn);
    return NULL;
}

/* ---- libwebsockets ---- */

static void log_line(int level, const char *line) {
    size_t size = strlen(line);
    while (size && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        size--;
    sgr_log(level == LLL_ERR ? SGR_LOG_WARN : SGR_LOG_DEBUG, "lws", "%.*s", (int)size, line);
}

/* It sets SIGPIPE's disposition for the whole process, which is the application's to choose; our own thread blocks all signals. */
struct lws_context *sgr__lws_context_new(const struct lws_context_creation_info *info) {
    struct sigaction old;
    lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
    sigaction(SIGPIPE, NULL, &old);
    struct lws_context *context = lws_create_context(info);
    sigaction(SIGPIPE, &old, NULL);
    return context;
}

static int make_context(struct sgr_server *server, struct sgr_error *error) {
    void *loops[] = {server->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DISABLE_IPV6,
        .foreign_loops = loops,
        .protocols = server->protocols,
        .extensions = server->extensions,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .max_http_header_data2 = HEADER_LIMIT,
        .pt_serv_buf_size = READ_AT_ONCE,
        .timeout_secs = REQUEST_SECONDS,
        .keepalive_timeout = REQUEST_SECONDS,
        .alpn = "http/1.1",
        .vhost_name = "sangre",
    };
    sgr__deflate_begin(server);
    server->lws = sgr__lws_context_new(&info);
    if (server->lws)
        server->vhost = lws_create_vhost(server->lws, &info);
    if (!server->vhost)
        return sgr_error_set(error, SGR_EIO, "libwebsockets does not start (is its libev there?)");
    return SGR_OK;
}

/* ---- Making and ending ---- */

static int copy_options(struct sgr_server *server, const struct sgr_plan_server *options) {
    server->options = *options;
    server->options.origins = NULL;
    server->options.origin_count = 0;
    server->options.listen_host = options->listen_host ? strdup(options->listen_host) : NULL;
    char **origins = calloc(options->origin_count + 1, sizeof(*origins));
    server->options.origins = (const char *const *)origins;
    if (!origins || (options->listen_host && !server->options.listen_host))
        return SGR_ENOMEM;
    for (size_t i = 0; i < options->origin_count; i++) {
        if (!(origins[i] = strdup(options->origins[i])))
            return SGR_ENOMEM;
        server->options.origin_count++;
    }
    return SGR_OK;
}

static void init_lists(struct sgr_server *server) {
    sgr_list_init(&server->peers);
    sgr_list_init(&server->doomed);
    sgr_list_init(&server->turns);
    sgr_list_init(&server->requests);
    sgr_list_init(&server->connections);
    sgr_list_init(&server->one_shots);
    sgr_list_init(&server->timers);
    sgr_list_init(&server->explains);
    sgr_list_init(&server->stalled);
    sgr_list_init(&server->waits);
    sgr_list_init(&server->streams);
    sgr_list_init(&server->refused);
    server->verifiers = SGR_VECTOR_INIT(struct sgr_verifier *);
    server->routes = SGR_VECTOR_INIT(struct sgr__route);
    server->adopted = SGR_VECTOR_INIT(int);
    server->channels = SGR_VECTOR_INIT(struct sgr_subscription *);
    server->touched = SGR_VECTOR_INIT(struct sgr_connection *);
    server->frames = SGR_VECTOR_INIT(struct sgr_frame);
    server->dirty = SGR_VECTOR_INIT(struct sgr_connection *);
    pthread_mutex_init(&server->adopt_lock, NULL);
    pthread_mutex_init(&server->turn, NULL);
    server->listener = -1;
}

static int allocate(struct sgr_server *server, const struct sgr_plan_server *options,
                    size_t sink_count) {
    init_lists(server);
    server->composing = sgr_map_new();
    server->waiting = sgr_map_new();
    server->scratch = malloc(LWS_PRE + SGR__CHUNK + 64);
    server->slots = calloc(sink_count * SGR__SLOTS + 1, sizeof(struct sgr_bytes *));
    server->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    server->client = sgr_client_new(wake, server);
    if (server->loop) { /* from here on anybody may wake it */
        ev_async_init(&server->wake, woken);
        server->wake.data = server;
        ev_async_start(server->loop, &server->wake);
        sgr__lend_init(server);
    }
    if (copy_options(server, options) || sgr__access_fill(server) || sgr__stamps_fill(server) ||
        !server->composing || !server->waiting || !server->scratch || !server->slots ||
        !server->loop || !server->client)
        return SGR_ENOMEM;
    return SGR_OK;
}

static int build(struct sgr_server *server, const struct sgr_plan_sink *sinks, size_t sink_count,
                 struct sgr_error *error) {
    int code = sgr__listen(server, error);
    if (!code)
        code = sgr__verifiers_open(server, error);
    if (!code)
        code = sgr__sinks_open(server, sinks, sink_count, error);
    if (!code && sgr__protocols_new(server))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for the server");
    if (!code)
        code = make_context(server, error);
    if (!code && sgr__hangups_start(server))
        code = sgr_error_set(error, SGR_EIO, "cannot watch sockets: %s", strerror(errno));
    if (code)
        return code;
    start_watchers(server);
    sgr_hub_on_events(server->hub, wake, server);
    sgr_hub_on_alone(server->hub, &sgr__lend, server);
    return SGR_OK;
}

int sgr_server_new(const struct sgr_plan_server *options, const struct sgr_plan_sink *sinks,
                   size_t sink_count, struct sgr_hub *hub, struct sgr_server **ret,
                   struct sgr_error *error) {
    struct sgr_server *server = calloc(1, sizeof(*server));
    if (!server)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for the server");
    server->hub = hub;
    int code = allocate(server, options, sink_count);
    if (code)
        sgr_error_set(error, code, "out of memory for the server");
    else
        code = build(server, sinks, sink_count, error);
    if (code) {
        sgr_server_free(server);
        return code;
    }
    *ret = server;
    return SGR_OK;
}

int sgr_server_start(struct sgr_server *server, struct sgr_error *error) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int code = pthread_create(&server->thread, NULL, run, server);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code)
        return sgr_error_set(error, SGR_EIO, "cannot start the network thread: %s", strerror(code));
    server->started = true;
    return SGR_OK;
}

int sgr_server_port(const struct sgr_server *server) {
    return server->port;
}

void sgr_server_join(struct sgr_server *server) {
    if (server->started && !server->joined)
        pthread_join(server->thread, NULL);
    server->joined = true;
}

static void free_options(struct sgr_server *server) {
    for (size_t i = 0; i < server->options.origin_count; i++)
        free((char *)server->options.origins[i]);
    free((char **)server->options.origins);
    free((char *)server->options.listen_host);
}

static void free_requests(struct sgr_server *server) {
    SGR_LIST_EACH(link, &server->requests)
    sgr__request_free(SGR_CONTAINER(link, struct sgr_request, link));
}

/* Sockets first: their connections end and tell the sinks, which must still be open; then the sinks; then what only the server knows. */
static void end_loop(struct sgr_server *server) {
    if (!server->loop) {
        sgr_client_free(server->client);
        return;
    }
    stop_watchers(server);
    if (server->lws)
        lws_context_destroy(server->lws);
    sgr__hangups_stop(server);
    if (server->listener >= 0)
        close(server->listener);
    for (size_t i = 0; i < server->adopted.count; i++)
        close(*SGR_VECTOR_AT(&server->adopted, int, i));
    sgr__explains_cancel(server);
    sgr__subscriptions_end_all(server); /* they point to their sinks */
    sgr__sinks_close(server);
    free_requests(server); /* they may wait for verifiers */
    sgr__verifiers_close(server);
    sgr_client_free(server->client);
    ev_loop_destroy(server->loop);
}

void sgr_server_free(struct sgr_server *server) {
    if (!server)
        return;
    sgr_server_join(server);
    sgr_hub_on_events(server->hub, NULL, NULL);
    sgr_hub_on_alone(server->hub, NULL, NULL);
    end_loop(server);
    sgr__routes_fini(&server->routes);
    sgr__protocols_free(server);
    sgr_vector_fini(&server->adopted);
    sgr_vector_fini(&server->touched);
    sgr_vector_fini(&server->frames);
    sgr_vector_fini(&server->dirty);
    sgr_slots_fini(&server->subscriptions);
    sgr_vector_fini(&server->channels);
    sgr_map_free(server->composing);
    sgr_map_free(server->waiting);
    sgr_map_free(server->access);
    sgr_vector_fini(&server->claim_paths);
    sgr_buffer_fini(&server->stamped);
    sgr_buffer_fini(&server->previous);
    sgr_bytes_unref(server->last_cursor);
    pthread_mutex_destroy(&server->adopt_lock);
    pthread_mutex_destroy(&server->turn);
    free_options(server);
    sgr__deflate_fini(server);
    free(server->scratch);
    free(server->slots);
    free(server);
}
