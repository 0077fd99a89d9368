/* The http sink: a view's document by GET, whether views are served, what the engine does (inspect.c), and optionally a folder of files.
 *
 * A GET is a one-shot subscription. An exchange lives from the request to its answer, which the host makes sure comes. Network thread. */
#include "http.h"

struct exchange *exchange_new(struct http *http, struct sgr_request *request) {
    struct exchange *exchange = http->table->common.allocate(http->host, sizeof(*exchange));
    if (!exchange) {
        http_error(http, request, 503, "out_of_memory", "out of memory");
        return NULL;
    }
    exchange->http = http;
    exchange->request = request;
    return exchange;
}

void exchange_free(struct exchange *exchange) {
    exchange->http->table->common.release(exchange->http->host, exchange);
}

/* ---- Views ---- */

static void answer_document(struct http *http, struct sgr_request *request,
                            const struct sgr_state *state) {
    char headers[1024];
    snprintf(headers, sizeof(headers), "sangre-cursor: %.*s\r\n%s", (int)state->cursor.size,
             state->cursor.data, state->stale ? "sangre-stale: true\r\n" : "");
    if (state->cursor.size > sizeof(headers) - 64)
        headers[0] = '\0';
    http_tagged(http, request, "application/json", state->etag, headers,
                (struct sgr_bytes *)state->document);
}

static void on_state(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    struct exchange *exchange = data;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR)
        http_error(exchange->http, exchange->request, state->status, state->code, state->message);
    else
        answer_document(exchange->http, exchange->request, state);
    exchange_free(exchange);
}

static bool reserved(struct sgr_slice name) {
    return (name.size == 5 && memcmp(name.data, "codec", 5) == 0) ||
           (name.size == 6 && memcmp(name.data, "cursor", 6) == 0) ||
           (name.size == 4 && memcmp(name.data, "time", 4) == 0);
}

/* The view's parameters from the query. To be released; NULL: out of memory. */
static struct sgr_parameter_text *
read_parameters(struct http *http, const struct sgr_request *request, size_t *ret_count) {
    size_t count = http->table->query_count(request), used = 0;
    struct sgr_parameter_text *parameters =
        http->table->common.allocate(http->host, (count + 1) * sizeof(*parameters));
    for (size_t i = 0; parameters && i < count; i++) {
        http->table->query_at(request, i, &parameters[used].name, &parameters[used].value);
        if (!reserved(parameters[used].name))
            used++;
    }
    *ret_count = used;
    return parameters;
}

static void get_view(struct http *http, struct sgr_request *request) {
    static const struct sgr_subscription_callbacks callbacks = {.state = on_state};
    struct sgr_subscribe what = {.view = http->table->path(request),
                                 .codec = http->table->query(request, "codec").data,
                                 .request = request};
    struct sgr_parameter_text *parameters = read_parameters(http, request, &what.parameter_count);
    struct exchange *exchange = parameters ? exchange_new(http, request) : NULL;
    what.parameters = parameters;
    if (!parameters)
        http_error(http, request, 503, "out_of_memory", "out of memory");
    else if (exchange && !http->table->subscribe(http->host, NULL, &what, &callbacks, exchange)) {
        http_error(http, request, 503, "out_of_memory", "out of memory");
        exchange_free(exchange);
    }
    http->table->common.release(http->host, parameters);
}

static void on_get(void *data, struct sgr_request *request) {
    struct http *http = data;
    http->table->common.count(http->host, "requests", 1);
    if (!http_file(http, request))
        get_view(http, request);
}

/* ---- The plugin ---- */

static void on_health(void *data, struct sgr_request *request) {
    struct http *http = data;
    switch (http->table->health(http->host)) {
    case SGR_HEALTH_STARTING:
        http_error(http, request, 503, "not_ready", "the first snapshot is not complete yet");
        break;
    case SGR_HEALTH_SERVING:
        http_text(http, request, "application/json", "{\"status\":\"ok\"}\n");
        break;
    case SGR_HEALTH_STALE:
        http_text(http, request, "application/json", "{\"status\":\"ok\",\"stale\":true}\n");
        break;
    }
}

static int add_route(struct http *http, const char *path,
                     void (*request)(void *data, struct sgr_request *request),
                     struct sgr_error *error) {
    struct sgr_route route = {
        .kind = SGR_ROUTE_GET, .path = path, .request = request, .data = http};
    return http->table->route(http->host, &route, error);
}

static int http_open(const struct sgr_sink_host *table, void *host, const void *options,
                     void **ret_state, struct sgr_error *error) {
    struct http *http = table->common.allocate(host, sizeof(*http));
    if (!http)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *http = (struct http){.table = table, .host = host, .options = options};
    http->text = sgr_text_new(&table->common, host);
    http_inspect_begin(http);
    int code = add_route(http, "/_sangre/health", on_health, error);
    if (!code)
        code = add_route(http, "/_sangre/explain", http_explain, error);
    if (!code)
        code = add_route(http, "/_sangre/metrics", http_metrics, error);
    if (!code)
        code = add_route(http, "/*", on_get, error);
    if (code) {
        table->common.release(host, http);
        return code;
    }
    *ret_state = http;
    return SGR_OK;
}

static void http_close(void *state) {
    struct http *http = state;
    sgr_text_free(&http->text);
    http->table->common.release(http->host, http);
}

static const struct sgr_option options[] = {
    {.name = "static",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct http_options, folder, const char *),
     .flags = SGR_OPTION_MAIN,
     .help = "A folder whose files are served beside the views; index.html at /."},
    {.name = "inspect",
     .type = SGR_OPTION_CHOICE,
     .offset = SGR_OPTION_AT(struct http_options, inspect, const char *),
     .fallback = "auto",
     .choices = (const char *const[]){"auto", "all", "local", "none", NULL},
     .help = "Who is told what runs: all, clients on this machine, or none; auto: local if the "
             "config has auth, else all."},
    {.name = "inspect_secret",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct http_options, secret, const char *),
     .flags = SGR_OPTION_SECRET,
     .help = "Whoever sends it as Authorization: Bearer is told, from anywhere. At least 16 "
             "bytes."},
    {0},
};

static const struct sgr_sink_methods methods = {
    .open = http_open, .close = http_close, .check = http_check_options};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "http",
    .version = "0.1.0",
    .summary = "A view's document by GET, with ETag; health and explain; optionally files",
    .options = options,
    .options_size = sizeof(struct http_options),
    .methods_size = sizeof(methods),
    .sink = &methods,
};
