/* The sink `example`: GET on a path in front of a view's own answers with the view's document inside {"view", "document"}.
 *
 * How to make it yours (scripts/new-plugin sink NAME has done 1 and 2):
 *   1. Copy this folder to sinks/NAME and rename the files.
 *   2. Replace the word `example` by NAME everywhere, this comment's first line included.
 *   3. Say in `.summary` who gets what, and declare the options in the table.
 *   4. In open: register routes on the shared listener. The longest matching path wins.
 *   5. Answer each request once: respond, now or from a callback; or accept it as a connection (websocket, event stream) and
 *      subscribe on its behalf: `state` comes once, then one `commit` per transaction with all frames of the connection.
 *   6. In drain: close what is open. Queues, slow clients and TLS are the host's.
 *   7. Write what the tests should hold it to, then README.md. Build: ninja sangre-sink-example unit-sink-example-test_example
 */
#include <sangre/sink.h>

struct options {
    const char *path;
};

struct sink {
    const struct sgr_sink_host *table;
    void *host;
    size_t prefix; /* bytes of our path in front of the view's */
    char route[256];
};

/* A request that waits for its view's state; freed when it is answered. */
struct pending {
    struct sink *sink;
    struct sgr_request *request;
};

static const struct sgr_option options[] = {
    {.name = "path",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, path, const char *),
     .fallback = "/example",
     .help = "what stands in front of a view's path"},
    {0},
};

static void respond_text(const struct sink *sink, struct sgr_request *request, int status,
                         const char *text) {
    struct sgr_bytes *body = sink->table->bytes_new(text, strlen(text));
    sink->table->respond(request, status, "application/json", NULL, body);
    sink->table->bytes_unref(body);
}

/* {"view":PATH,"document":DOC}. View paths need no escaping in JSON: the config allows none that would. */
static struct sgr_bytes *wrap(const struct sink *sink, const struct sgr_request *request,
                              const struct sgr_bytes *document) {
    struct sgr_slice path = sink->table->path(request);
    char head[512];
    int size = snprintf(head, sizeof(head),
                        "{\"view\":\"%.*s\",\"document\":", (int)(path.size - sink->prefix),
                        path.data + sink->prefix);
    if (size < 0 || (size_t)size >= sizeof(head))
        return NULL;
    struct sgr_bytes *body = sink->table->bytes_new(NULL, (size_t)size + document->size + 1);
    if (!body)
        return NULL;
    char *data = (char *)(uintptr_t)body->data;
    memcpy(data, head, (size_t)size);
    memcpy(data + size, document->data, document->size);
    data[(size_t)size + document->size] = '}';
    return body;
}

static void answered(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    struct pending *pending = data;
    const struct sink *sink = pending->sink;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR || !state->document) {
        respond_text(sink, pending->request, state->status ? state->status : 503,
                     "{\"error\":\"no such view, or not ready\"}");
    } else {
        struct sgr_bytes *body = wrap(sink, pending->request, state->document);
        sink->table->respond(pending->request, body ? 200 : 500, "application/json", NULL, body);
        sink->table->bytes_unref(body);
    }
    sink->table->common.release(sink->host, pending);
}

static const struct sgr_subscription_callbacks once = {.state = answered};

static void requested(void *data, struct sgr_request *request) {
    struct sink *sink = data;
    struct sgr_slice path = sink->table->path(request);
    struct pending *pending = sink->table->common.allocate(sink->host, sizeof(*pending));
    if (!pending) {
        respond_text(sink, request, 503, "{\"error\":\"out of memory\"}");
        return;
    }
    *pending = (struct pending){sink, request};
    struct sgr_subscribe what = {
        .view = {path.data + sink->prefix, path.size - sink->prefix},
    };
    sink->table->subscribe(sink->host, NULL, &what, &once, pending);
}

static int open_sink(const struct sgr_sink_host *table, void *host, const void *set,
                     void **ret_state, struct sgr_error *error) {
    const struct options *chosen = set;
    struct sink *sink = table->common.allocate(host, sizeof(*sink));
    if (!sink)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a sink");
    *sink = (struct sink){.table = table, .host = host, .prefix = strlen(chosen->path)};
    int size = snprintf(sink->route, sizeof(sink->route), "%s/*", chosen->path);
    int code = size > 0 && (size_t)size < sizeof(sink->route)
                   ? 0
                   : sgr_error_set(error, SGR_ECONFIG, "'path' is too long");
    struct sgr_route route = {SGR_ROUTE_GET, sink->route, NULL, requested, sink};
    if (code == 0)
        code = table->route(host, &route, error);
    if (code < 0)
        table->common.release(host, sink);
    else
        *ret_state = sink;
    return code;
}

/* No connection outlives its request. */
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
    .name = "example",
    .version = "0.1.0",
    .summary = "A view's document, wrapped, by GET",
    .options = options,
    .options_size = sizeof(struct options),
    .methods_size = sizeof(struct sgr_sink_methods),
    .sink = &methods,
};
