/* The sink `size`: GET /size/VIEW answers with the number of bytes of the view's document. */
#include <sangre/sink.h>

#define PREFIX "/size"

struct sink {
    const struct sgr_sink_host *table;
    void *host;
};

struct pending {
    struct sink *sink;
    struct sgr_request *request;
};

static void answer(const struct sink *sink, struct sgr_request *request, int status, size_t size) {
    char text[32];
    int length = snprintf(text, sizeof(text), "%zu\n", size);
    struct sgr_bytes *body = sink->table->bytes_new(text, (size_t)length);
    sink->table->respond(request, status, "text/plain", NULL, body);
    sink->table->bytes_unref(body);
}

static void answered(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    struct pending *pending = data;
    (void)subscription;
    bool known = state->answer != SGR_ANSWER_ERROR && state->document;
    answer(pending->sink, pending->request,
           known           ? 200
           : state->status ? state->status
                           : 503,
           known ? state->document->size : 0);
    pending->sink->table->common.release(pending->sink->host, pending);
}

static const struct sgr_subscription_callbacks once = {.state = answered};

static void requested(void *data, struct sgr_request *request) {
    struct sink *sink = data;
    struct sgr_slice path = sink->table->path(request);
    size_t prefix = sizeof(PREFIX) - 1;
    struct pending *pending = sink->table->common.allocate(sink->host, sizeof(*pending));
    if (!pending) {
        answer(sink, request, 503, 0);
        return;
    }
    *pending = (struct pending){sink, request};
    struct sgr_subscribe what = {.view = {path.data + prefix, path.size - prefix}};
    sink->table->subscribe(sink->host, NULL, &what, &once, pending);
}

static int open_sink(const struct sgr_sink_host *table, void *host, const void *options,
                     void **ret_state, struct sgr_error *error) {
    (void)options;
    struct sink *sink = table->common.allocate(host, sizeof(*sink));
    if (!sink)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a sink");
    *sink = (struct sink){table, host};
    struct sgr_route route = {SGR_ROUTE_GET, PREFIX "/*", NULL, requested, sink};
    int code = table->route(host, &route, error);
    if (code < 0)
        table->common.release(host, sink);
    else
        *ret_state = sink;
    return code;
}

static void drain(void *state) {
    (void)state;
}

static void close_sink(void *state) {
    struct sink *sink = state;
    sink->table->common.release(sink->host, sink);
}

static const struct sgr_sink_methods methods = {
    .open = open_sink,
    .drain = drain,
    .close = close_sink,
};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "size",
    .version = "0.1.0",
    .summary = "A view's size in bytes, by GET",
    .methods_size = sizeof(struct sgr_sink_methods),
    .sink = &methods,
};
