/* Sinks: their instances and the table of functions they get. Each is opened by the server's creator before the loop runs; everything else
 * is on the network thread. */
#include "net/internal.h"

#include <stdlib.h>

#include "base/log.h"

/* ---- Common ---- */

static void host_log(void *host, enum sgr_log_level level, const char *format, ...) {
    const struct sgr__sink *sink = host;
    va_list args;
    va_start(args, format);
    sgr_log_v(level, sink->name, format, args);
    va_end(args);
}

/* What a sink still holds when it is closed goes with it: exchanges under way at the end have nobody left to end them. */
struct block {
    struct sgr_list link;
    max_align_t data[];
};

static void *host_allocate(void *host, size_t size) {
    struct sgr__sink *sink = host;
    struct block *block = calloc(1, sizeof(*block) + size);
    if (!block)
        return NULL;
    sgr_list_append(&sink->blocks, &block->link);
    return block->data;
}

static void host_release(void *host, void *memory) {
    (void)host;
    if (!memory)
        return;
    struct block *block = SGR_CONTAINER(memory, struct block, data);
    sgr_list_remove(&block->link);
    free(block);
}

static void *host_reallocate(void *host, void *old, size_t size) {
    struct sgr__sink *sink = host;
    struct block *block = old ? SGR_CONTAINER(old, struct block, data) : NULL;
    if (block)
        sgr_list_remove(&block->link);
    struct block *grown = realloc(block, sizeof(*block) + size);
    if (grown || block)
        sgr_list_append(&sink->blocks, grown ? &grown->link : &block->link);
    return grown ? grown->data : NULL;
}

static void release_all(struct sgr__sink *sink) {
    SGR_LIST_EACH(link, &sink->blocks)
    host_release(sink, SGR_CONTAINER(link, struct block, link)->data);
}

static void host_count(void *host, const char *metric, int64_t add) {
    struct sgr__sink *sink = host;
    struct sgr_slice name = sgr_slice(metric);
    intptr_t now = (intptr_t)sgr_map_get(sink->counters, name) + (intptr_t)add;
    sgr_map_put(sink->counters, name, (void *)now, NULL);
}

static int host_route(void *host, const struct sgr_route *route, struct sgr_error *error) {
    struct sgr__sink *sink = host;
    if (sink->opened)
        return sgr_error_set(error, SGR_EINVAL, "routes are registered in open only");
    return sgr__routes_add(&sink->server->routes, sink, route, error);
}

static struct sgr_subscription *host_subscribe(void *host, struct sgr_connection *connection,
                                               const struct sgr_subscribe *what,
                                               const struct sgr_subscription_callbacks *callbacks,
                                               void *data) {
    return sgr__subscribe(host, connection, what, callbacks, data);
}

static struct sgr_subscription *
host_subscribe_as(void *host, struct sgr_connection *connection, struct sgr_claims *claims,
                  const struct sgr_subscribe *what,
                  const struct sgr_subscription_callbacks *callbacks, void *data) {
    return sgr__subscribe_as(host, connection, claims, what, callbacks, data);
}

static void host_subscription_claims(struct sgr_subscription *subscription,
                                     struct sgr_claims *claims) {
    if (subscription->guard)
        sgr__guard_own(subscription->guard, claims);
}

/* ---- Timers ---- */

struct timer {
    ev_timer watcher;
    struct sgr_list link;
    struct sgr_server *server;
    void (*fired)(void *data);
    void *data;
};

static void timer_free(struct timer *timer) {
    ev_timer_stop(timer->server->loop, &timer->watcher);
    sgr_list_remove(&timer->link);
    free(timer);
}

static void timer_fired(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct timer *timer = watcher->data;
    struct sgr_server *server = timer->server;
    void (*fired)(void *data) = timer->fired;
    void *data = timer->data;
    (void)loop;
    (void)events;
    timer_free(timer);
    sgr__enter(server);
    fired(data);
    sgr__leave(server);
}

static void *host_timer(void *host, int64_t microseconds, void (*fired)(void *data), void *data) {
    struct sgr_server *server = ((struct sgr__sink *)host)->server;
    struct timer *timer = calloc(1, sizeof(*timer));
    if (!timer)
        return NULL;
    timer->server = server;
    timer->fired = fired;
    timer->data = data;
    ev_timer_init(&timer->watcher, timer_fired, (double)microseconds / 1e6, 0);
    timer->watcher.data = timer;
    sgr_list_append(&server->timers, &timer->link);
    ev_timer_start(server->loop, &timer->watcher);
    sgr__rouse(server);
    return timer;
}

static void host_timer_cancel(void *host, void *timer) {
    (void)host;
    if (timer)
        timer_free(timer);
}

/* ---- Explaining ---- */

struct explain {
    struct sgr_list link;
    uint64_t request;
    bool metrics;
    void (*done)(void *data, const struct sgr_bytes *text);
    void *data;
};

static void host_explain(void *host, const char *format,
                         void (*done)(void *data, const struct sgr_bytes *text), void *data) {
    struct sgr_server *server = ((struct sgr__sink *)host)->server;
    struct explain *explain = calloc(1, sizeof(*explain));
    if (explain)
        *explain = (struct explain){.request = ++server->next_id,
                                    .metrics = strcmp(format, "metrics") == 0,
                                    .done = done,
                                    .data = data};
    if (!explain || server->draining || sgr_hub_explain(server->hub, explain->request, format)) {
        free(explain);
        done(data, NULL);
        return;
    }
    sgr_list_append(&server->explains, &explain->link);
}

static void explain_done(struct explain *explain, const struct sgr_bytes *text) {
    void (*done)(void *data, const struct sgr_bytes *text) = explain->done;
    void *data = explain->data;
    sgr_list_remove(&explain->link);
    free(explain);
    done(data, text);
}

/* The engine's metrics and our own. NULL: out of memory. */
static struct sgr_bytes *all_metrics(const struct sgr_server *server,
                                     const struct sgr_bytes *engines) {
    struct sgr_buffer all = SGR_BUFFER_INIT;
    sgr_buffer_append(&all, engines->data, engines->size);
    sgr__server_write_metrics(server, &all);
    struct sgr_bytes *bytes = all.failed ? NULL : sgr_bytes_new(all.data, all.size);
    sgr_buffer_fini(&all);
    return bytes;
}

void sgr__explained(struct sgr_server *server, uint64_t request, struct sgr_bytes *text) {
    SGR_LIST_EACH(link, &server->explains) {
        struct explain *explain = SGR_CONTAINER(link, struct explain, link);
        if (explain->request != request)
            continue;
        struct sgr_bytes *all = explain->metrics && text ? all_metrics(server, text) : NULL;
        explain_done(explain, explain->metrics ? all : text);
        sgr_bytes_unref(all);
        return;
    }
}

void sgr__explains_cancel(struct sgr_server *server) {
    SGR_LIST_EACH(link, &server->explains)
    explain_done(SGR_CONTAINER(link, struct explain, link), NULL);
}

static enum sgr_health host_health(void *host) {
    const struct sgr_server *server = ((struct sgr__sink *)host)->server;
    if (!sgr_hub_is_ready(server->hub))
        return SGR_HEALTH_STARTING;
    return server->stale ? SGR_HEALTH_STALE : SGR_HEALTH_SERVING;
}

/* ---- The table ---- */

static struct sgr_http *host_http(void *host, const struct sgr_http_request *request,
                                  void (*done)(void *data, const struct sgr_http_answer *answer),
                                  void *data) {
    struct sgr__sink *sink = host;
    return sgr_client_http(sink->server->client, sink, request, done, data);
}

static struct sgr_websocket *host_websocket(void *host, const struct sgr_websocket_open *open,
                                            const struct sgr_websocket_callbacks *callbacks,
                                            void *data) {
    struct sgr__sink *sink = host;
    return sgr_client_websocket(sink->server->client, sink, open, callbacks, data);
}

static const struct sgr_client_methods client_table = {
    .http = host_http,
    .http_cancel = sgr_client_http_cancel,
    .websocket = host_websocket,
    .websocket_send = sgr_client_websocket_send,
    .websocket_close = sgr_client_websocket_close,
};

static const struct sgr_sink_host host_table = {
    .common = {.size = sizeof(struct sgr_sink_host),
               .log = host_log,
               .allocate = host_allocate,
               .reallocate = host_reallocate,
               .release = host_release,
               .count = host_count},
    .bytes_new = sgr_bytes_new,
    .bytes_ref = sgr_bytes_ref,
    .bytes_unref = sgr_bytes_unref,
    .route = host_route,
    .path = sgr__request_path,
    .header = sgr__request_header,
    .query = sgr__request_query,
    .query_count = sgr__request_query_count,
    .query_at = sgr__request_query_at,
    .body = sgr__request_body_text,
    .respond = sgr__respond,
    .accept = sgr__accept,
    .send = sgr__send,
    .shut = sgr__shut,
    .queued = sgr__queued,
    .subscribe = host_subscribe,
    .unsubscribe = sgr__unsubscribe,
    .timer = host_timer,
    .timer_cancel = host_timer_cancel,
    .explain = host_explain,
    .client = &client_table,
    .wait = sgr__wait,
    .health = host_health,
    .local = sgr__request_local,
    .stream_bind = sgr__stream_bind,
    .stream_handled = sgr__stream_handled,
    .stream_hold = sgr__stream_hold,
    .stream_batch_ref = sgr_stream_batch_ref,
    .stream_batch_keep = sgr_stream_batch_keep,
    .stream_batch_size = sgr_stream_batch_bytes,
    .stream_batch_unref = sgr_stream_batch_unref,
    .send_parts = sgr__send_parts,
    .send_binary = sgr__send_binary,
    .verifier = sgr__host_verifier,
    .verify = sgr__host_verify,
    .verify_cancel = sgr_verification_cancel,
    .claims_ref = sgr_claims_ref,
    .claims_unref = sgr_claims_unref,
    .claim = sgr__host_claim,
    .claims_expiry = sgr_claims_expiry,
    .authenticate = sgr__authenticate,
    .subscribe_as = host_subscribe_as,
    .subscription_claims = host_subscription_claims,
    .values = &sgr__value_table,
};

/* ---- Life ---- */

static int open_sink(struct sgr_server *server, struct sgr__sink *sink,
                     const struct sgr_plan_sink *from, struct sgr_error *error) {
    size_t size = from->plugin->methods_size;
    if (size > sizeof(sink->methods))
        size = sizeof(sink->methods);
    memcpy(&sink->methods, from->plugin->methods, size);
    sink->server = server;
    sink->plan = from;
    sink->minor = from->plugin->abi_minor;
    sgr_list_init(&sink->blocks);
    sgr_list_init(&sink->callers);
    sink->index = (size_t)(sink - server->sinks);
    sink->name = strdup(from->name);
    sink->counters = sgr_map_new();
    if (!sink->name || !sink->counters)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for sink %s", from->name);
    const void *options = from->options ? sgr_options_struct(from->options) : NULL;
    int code = sink->methods.open(&host_table, sink, options, &sink->state, error);
    sink->opened = true;
    sink->plan = NULL;
    if (code) {
        sink->methods.close = NULL;
        sgr_error_context(error, "sink %s", from->name);
    }
    return code;
}

int sgr__sinks_open(struct sgr_server *server, const struct sgr_plan_sink *sinks, size_t count,
                    struct sgr_error *error) {
    server->sinks = calloc(count + 1, sizeof(*server->sinks));
    if (!server->sinks)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for sinks");
    for (size_t i = 0; i < count; i++) {
        server->sink_count++;
        int code = open_sink(server, &server->sinks[i], &sinks[i], error);
        if (code)
            return code;
    }
    return SGR_OK;
}

void sgr__sinks_drain(struct sgr_server *server) {
    for (size_t i = 0; i < server->sink_count; i++)
        if (server->sinks[i].methods.drain)
            server->sinks[i].methods.drain(server->sinks[i].state);
}

void sgr__sinks_close(struct sgr_server *server) {
    for (size_t i = 0; i < server->sink_count; i++) {
        struct sgr__sink *sink = &server->sinks[i];
        if (sink->opened && sink->methods.close)
            sink->methods.close(sink->state);
        if (sink->server) {
            sgr__streams_free(sink);
            sgr_client_forget(server->client, sink);
            sgr__callers_free(sink);
            release_all(sink);
        }
        sgr_map_free(sink->counters);
        sgr_buffer_fini(&sink->value);
        free((char *)sink->name);
    }
    SGR_LIST_EACH(link, &server->timers)
    timer_free(SGR_CONTAINER(link, struct timer, link));
    free(server->sinks);
    server->sinks = NULL;
    server->sink_count = 0;
}
