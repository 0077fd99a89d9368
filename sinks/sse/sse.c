/* The sse sink: a view as an event stream on its own path. A browser's EventSource reconnects with Last-Event-ID, the cursor, and gets
 * exactly the rest.
 *
 * Until the state is known nothing is sent, so that an unknown view or a bad parameter is a plain HTTP answer. Network thread. */
#include <sangre/sink.h>
#include <sangre/text.h>

enum { SLOT = 0, RETRY_MILLISECONDS = 1000, SHARED_FROM = 4096 };

struct sse_options {
    int64_t keep_alive;
};

struct sse {
    const struct sgr_sink_host *table;
    void *host;
    const struct sse_options *options;
    struct stream *streams;
    struct sgr_bytes *comment; /* what keeps proxies from closing an idle stream */
    void *timer;
    struct sgr_text text; /* reused */
    struct sgr_bytes
        *shared; /* stands in the text at shared_at, but is sent as it is; NULL: none does */
    size_t shared_at;
};

struct stream {
    struct sse *sse;
    struct sgr_connection *connection;
    struct stream *next, *prev;
    bool begun; /* its state was sent */
    bool stale;
};

/* ---- Events ---- */

static struct sgr_slice bytes_slice(const struct sgr_bytes *bytes) {
    return (struct sgr_slice){bytes->data, bytes->size};
}

/* A line break within data begins a new data line; the client joins them again with a line feed. */
static void add_data(struct sgr_text *text, struct sgr_slice data) {
    size_t start = 0;
    for (size_t i = 0; i < data.size; i++) {
        if (data.data[i] != '\n' && data.data[i] != '\r')
            continue;
        sgr_text_add(text, data.data + start, i - start);
        sgr_text_puts(text, "\ndata: ");
        if (data.data[i] == '\r' && i + 1 < data.size && data.data[i + 1] == '\n')
            i++;
        start = i + 1;
    }
    sgr_text_add(text, data.data + start, data.size - start);
}

/* A big one without line breaks is not copied for each of its clients; there is one in a text at most. */
static void add_document(struct sse *sse, const struct sgr_bytes *document) {
    struct sgr_slice data = bytes_slice(document);
    if (data.size < SHARED_FROM || memchr(data.data, '\n', data.size) ||
        memchr(data.data, '\r', data.size)) {
        add_data(&sse->text, data);
        return;
    }
    sse->shared = (struct sgr_bytes *)document;
    sse->shared_at = sse->text.size;
}

static void add_event(struct sgr_text *text, const char *name, struct sgr_slice cursor) {
    sgr_text_puts(text, "event: ");
    sgr_text_puts(text, name);
    if (cursor.size) {
        sgr_text_puts(text, "\nid: ");
        sgr_text_slice(text, cursor);
    }
    sgr_text_puts(text, "\ndata: ");
}

static void end_event(struct sgr_text *text) {
    sgr_text_puts(text, "\n\n");
}

static struct sgr_bytes *take_text(struct sse *sse) {
    return sse->text.failed ? NULL : sse->table->bytes_new(sse->text.data, sse->text.size);
}

static bool send_around(struct stream *stream, struct sgr_bytes *shared) {
    struct sse *sse = stream->sse;
    const struct sgr_sink_host *table = sse->table;
    const char *text = sse->text.data;
    size_t at = sse->shared_at, size = sse->text.size;
    struct sgr_bytes *parts[] = {sse->text.failed ? NULL : table->bytes_new(text, at), shared,
                                 sse->text.failed ? NULL : table->bytes_new(text + at, size - at)};
    bool whole = parts[0] && parts[2];
    if (whole)
        table->send_parts(stream->connection, parts, 3);
    table->bytes_unref(parts[0]);
    table->bytes_unref(parts[2]);
    return whole;
}

/* A stream that can't be told all is ended: its client comes back with its cursor. */
static void send_text(struct stream *stream) {
    struct sse *sse = stream->sse;
    struct sgr_bytes *shared = sse->shared;
    sse->shared = NULL;
    if (shared && send_around(stream, shared))
        return;
    struct sgr_bytes *bytes = shared ? NULL : take_text(sse);
    if (bytes)
        sse->table->send(stream->connection, bytes);
    else
        sse->table->shut(stream->connection, 503, "out of memory");
    sse->table->bytes_unref(bytes);
}

static void add_stale(struct sgr_text *text, bool stale) {
    add_event(text, "stale", (struct sgr_slice){NULL, 0});
    sgr_text_puts(text, stale ? "{\"stale\":true}" : "{\"stale\":false}");
    end_event(text);
}

/* ---- States ---- */

static void end_with_error(struct stream *stream, const struct sgr_state *state) {
    struct sse *sse = stream->sse;
    struct sgr_text *text = &sse->text;
    sgr_text_clear(text);
    sgr_text_puts(text, "{\"error\":{\"code\":");
    sgr_text_json(text, (struct sgr_slice){state->code, strlen(state->code)});
    sgr_text_puts(text, ",\"message\":");
    sgr_text_json(text, (struct sgr_slice){state->message, strlen(state->message)});
    sgr_text_add(text, "}}\n", 4);
    sse->table->shut(stream->connection, state->status, text->failed ? "" : text->data);
}

static void add_reset(struct sse *sse, const struct sgr_state *state) {
    struct sgr_text *text = &sse->text;
    add_event(text, "reset", state->cursor);
    sgr_text_puts(text, "{\"reason\":");
    sgr_text_json(text, (struct sgr_slice){state->reason, strlen(state->reason)});
    sgr_text_puts(text, ",\"data\":");
    add_document(sse, state->document);
    sgr_text_puts(text, "}");
    end_event(text);
}

static void add_resumed(struct sse *sse, const struct sgr_state *state) {
    struct sgr_text *text = &sse->text;
    if (state->document) {
        add_event(text, "frame", state->cursor);
        add_document(sse, state->document);
        end_event(text);
    }
    add_event(text, "caught_up", state->cursor);
    sgr_text_puts(text, "{\"cursor\":");
    sgr_text_json(text, state->cursor);
    sgr_text_puts(text, "}");
    end_event(text);
}

static void add_state(struct sse *sse, const struct sgr_state *state) {
    struct sgr_text *text = &sse->text;
    switch (state->answer) {
    case SGR_ANSWER_SNAPSHOT:
        add_event(text, "snapshot", state->cursor);
        add_document(sse, state->document);
        end_event(text);
        break;
    case SGR_ANSWER_RESET:
        add_reset(sse, state);
        break;
    case SGR_ANSWER_RESUMED:
        add_resumed(sse, state);
        break;
    case SGR_ANSWER_ERROR:
        break;
    }
}

static void on_state(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    struct stream *stream = data;
    struct sgr_text *text = &stream->sse->text;
    char retry[32];
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR) {
        end_with_error(stream, state);
        return;
    }
    sgr_text_clear(text);
    snprintf(retry, sizeof(retry), "retry: %d\n", RETRY_MILLISECONDS);
    sgr_text_puts(text, stream->begun ? "" : retry);
    add_state(stream->sse, state);
    if (state->stale != stream->stale)
        add_stale(text, state->stale);
    stream->begun = true;
    stream->stale = state->stale;
    send_text(stream);
}

static void on_commit(struct sgr_connection *connection, void *data,
                      const struct sgr_commit *commit, const struct sgr_frame *frames,
                      size_t count) {
    struct stream *stream = data;
    struct sse *sse = stream->sse;
    (void)connection;
    (void)count;
    if (!commit->shared[SLOT]) {
        sgr_text_clear(&sse->text);
        add_event(&sse->text, "frame", commit->cursor);
        add_data(&sse->text, bytes_slice(frames[0].patches));
        end_event(&sse->text);
        commit->shared[SLOT] = take_text(sse);
    }
    if (commit->shared[SLOT])
        sse->table->send(stream->connection, commit->shared[SLOT]);
    else
        sse->table->shut(stream->connection, 503, "out of memory");
}

static void on_stale(void *data, struct sgr_subscription *subscription, bool stale) {
    struct stream *stream = data;
    (void)subscription;
    if (stream->stale == stale)
        return;
    stream->stale = stale;
    sgr_text_clear(&stream->sse->text);
    add_stale(&stream->sse->text, stale);
    send_text(stream);
}

/* ---- Streams ---- */

static void link_stream(struct stream *stream) {
    stream->next = stream->sse->streams;
    if (stream->next)
        stream->next->prev = stream;
    stream->sse->streams = stream;
}

static void on_closed(struct sgr_connection *connection, void *data, int code) {
    struct stream *stream = data;
    struct sse *sse = stream->sse;
    (void)connection;
    (void)code;
    if (stream->next)
        stream->next->prev = stream->prev;
    if (stream->prev)
        stream->prev->next = stream->next;
    else
        sse->streams = stream->next;
    sse->table->common.release(sse->host, stream);
}

static bool reserved(struct sgr_slice name) {
    return (name.size == 5 && memcmp(name.data, "codec", 5) == 0) ||
           (name.size == 6 && memcmp(name.data, "cursor", 6) == 0) ||
           (name.size == 4 && memcmp(name.data, "time", 4) == 0);
}

/* What is asked for, read before the request is gone; copied into one block behind the parameters, as slices die with it. */
struct wish {
    struct sgr_subscribe what;
    struct sgr_parameter_text *parameters;
    char *copies;
};

static struct sgr_slice copy_into(char **place, struct sgr_slice slice) {
    char *copy = *place;
    if (!slice.data)
        return slice;
    memcpy(copy, slice.data, slice.size);
    copy[slice.size] = '\0';
    *place += slice.size + 1;
    return (struct sgr_slice){copy, slice.size};
}

static size_t copies_size(const struct sgr_sink_host *table, const struct sgr_request *request,
                          struct sgr_slice cursor) {
    struct sgr_slice name, value;
    size_t size = table->path(request).size + cursor.size + 2;
    for (size_t i = 0; i < table->query_count(request); i++) {
        table->query_at(request, i, &name, &value);
        size += name.size + value.size + 2;
    }
    return size;
}

static struct sgr_slice cursor_of(const struct sgr_sink_host *table,
                                  const struct sgr_request *request) {
    struct sgr_slice last = table->header(request, "last-event-id");
    return last.size ? last : table->query(request, "cursor");
}

static bool read_wish(struct sse *sse, const struct sgr_request *request, struct wish *ret) {
    const struct sgr_sink_host *table = sse->table;
    struct sgr_slice cursor = cursor_of(table, request);
    size_t count = table->query_count(request);
    *ret = (struct wish){0};
    ret->parameters = table->common.allocate(sse->host, (count + 1) * sizeof(*ret->parameters));
    ret->copies = table->common.allocate(sse->host, copies_size(table, request, cursor));
    if (!ret->parameters || !ret->copies)
        return false;
    char *place = ret->copies;
    ret->what.view = copy_into(&place, table->path(request));
    ret->what.cursor = copy_into(&place, cursor);
    for (size_t i = 0; i < count; i++) {
        struct sgr_slice name, value;
        table->query_at(request, i, &name, &value);
        if (name.size == 5 && memcmp(name.data, "codec", 5) == 0)
            ret->what.codec = copy_into(&place, value).data;
        if (!reserved(name))
            ret->parameters[ret->what.parameter_count++] =
                (struct sgr_parameter_text){copy_into(&place, name), copy_into(&place, value)};
    }
    ret->what.parameters = ret->parameters;
    return true;
}

static void subscribe(struct sse *sse, struct stream *stream, struct sgr_request *request,
                      const struct wish *wish) {
    static const struct sgr_connection_callbacks connection_callbacks = {.closed = on_closed};
    static const struct sgr_subscription_callbacks callbacks = {
        .state = on_state, .commit = on_commit, .stale = on_stale};
    stream->sse = sse;
    stream->connection = sse->table->accept(request, &connection_callbacks, stream,
                                            "cache-control: no-store\r\nx-accel-buffering: no\r\n");
    if (!stream->connection) {
        sse->table->common.release(sse->host, stream);
        return;
    }
    link_stream(stream);
    if (!sse->table->subscribe(sse->host, stream->connection, &wish->what, &callbacks, stream))
        sse->table->shut(stream->connection, 503,
                         "{\"error\":{\"code\":\"out_of_memory\",\"message\":\"out of memory\"}}");
}

static void on_request(void *data, struct sgr_request *request) {
    struct sse *sse = data;
    struct wish wish;
    bool whole = read_wish(sse, request, &wish);
    struct stream *stream = whole ? sse->table->common.allocate(sse->host, sizeof(*stream)) : NULL;
    sse->table->common.count(sse->host, "streams", 1);
    if (stream)
        subscribe(sse, stream, request, &wish);
    else
        sse->table->respond(request, 503, NULL, NULL, NULL);
    sse->table->common.release(sse->host, wish.parameters);
    sse->table->common.release(sse->host, wish.copies);
}

/* ---- The plugin ---- */

static void keep_alive(void *data) {
    struct sse *sse = data;
    for (struct stream *stream = sse->streams; stream; stream = stream->next)
        if (stream->begun && !sse->table->queued(stream->connection))
            sse->table->send(stream->connection, sse->comment);
    sse->timer = sse->table->timer(sse->host, sse->options->keep_alive, keep_alive, sse);
}

static void sse_close(void *state) {
    struct sse *sse = state;
    sse->table->timer_cancel(sse->host, sse->timer);
    sse->table->bytes_unref(sse->comment);
    sgr_text_free(&sse->text);
    sse->table->common.release(sse->host, sse);
}

static int sse_open(const struct sgr_sink_host *table, void *host, const void *options,
                    void **ret_state, struct sgr_error *error) {
    struct sse *sse = table->common.allocate(host, sizeof(*sse));
    if (!sse)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *sse = (struct sse){.table = table, .host = host, .options = options};
    sse->text = sgr_text_new(&table->common, host);
    struct sgr_route route = {
        .kind = SGR_ROUTE_EVENT_STREAM, .path = "/*", .request = on_request, .data = sse};
    int code = table->route(host, &route, error);
    sse->comment = table->bytes_new(":\n\n", 3);
    if (!code && !sse->comment)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory");
    if (!code)
        sse->timer = table->timer(host, sse->options->keep_alive, keep_alive, sse);
    if (code) {
        sse_close(sse);
        return code;
    }
    *ret_state = sse;
    return SGR_OK;
}

static void sse_drain(void *state) {
    struct sse *sse = state;
    for (struct stream *stream = sse->streams; stream; stream = stream->next)
        sse->table->shut(stream->connection, 1001, "the server stops");
}

static const struct sgr_option options[] = {
    {.name = "keep_alive",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct sse_options, keep_alive, int64_t),
     .fallback = "15s",
     .minimum = 100000,
     .maximum = INT64_C(3600000000),
     .help = "How often an idle stream gets a comment line, so that proxies keep it open."},
    {0},
};

static const struct sgr_sink_methods methods = {
    .open = sse_open, .drain = sse_drain, .close = sse_close, .any_thread = true};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "sse",
    .version = "0.1.0",
    .summary = "A view as an event stream, resumed by Last-Event-ID",
    .options = options,
    .options_size = sizeof(struct sse_options),
    .methods_size = sizeof(methods),
    .sink = &methods,
};
