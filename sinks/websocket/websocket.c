/* The websocket sink: clients, from upgrade to close. */
#include "websocket.h"

/* ---- Sending ---- */

struct sgr_bytes *client_take(struct client *client) {
    struct sgr_text *text = &client->ws->text;
    return text->failed ? NULL : client->ws->table->bytes_new(text->data, text->size);
}

void client_send_bytes(struct client *client, struct sgr_bytes *bytes) {
    const struct sgr_sink_host *table = client->ws->table;
    if (bytes)
        table->send(client->connection, bytes);
    else
        table->shut(client->connection, 1013, "out of memory");
    table->bytes_unref(bytes);
}

static void send_parts(struct client *client) {
    struct websocket *ws = client->ws;
    struct sgr_bytes *end = client_take(client);
    if (end) {
        ws->parts[ws->part_count++] = end;
        ws->table->send_parts(client->connection, ws->parts, ws->part_count);
    } else {
        ws->table->shut(client->connection, 1013, "out of memory");
    }
    while (ws->part_count)
        ws->table->bytes_unref(ws->parts[--ws->part_count]);
}

void client_send(struct client *client) {
    if (client->ws->part_count)
        send_parts(client);
    else
        client_send_bytes(client, client_take(client));
}

void client_error(struct client *client, const char *id, const char *code, const char *message) {
    struct sgr_text *text = &client->ws->text;
    sgr_text_clear(text);
    message_begin(text, "error", id);
    message_member(text, "code", (struct sgr_slice){code, strlen(code)});
    message_member(text, "message", (struct sgr_slice){message, strlen(message)});
    sgr_text_puts(text, "}");
    client_send(client);
}

void client_end(struct client *client, const struct sgr_state *state) {
    client_error(client, NULL, state->code, state->message);
    client->ws->table->shut(client->connection, state->status >= 500 ? 1013 : 1008, state->code);
}

void client_stale(struct client *client, bool stale) {
    struct sgr_text *text = &client->ws->text;
    if (client->stale == stale)
        return;
    client->stale = stale;
    sgr_text_clear(text);
    message_begin(text, "stale", NULL);
    sgr_text_puts(text, stale ? ",\"stale\":true}" : ",\"stale\":false}");
    client_send(client);
}

void client_subscribe(struct client *client, const struct wish *wish,
                      const struct sgr_subscription_callbacks *callbacks, void *data) {
    struct websocket *ws = client->ws;
    if (!ws->table->subscribe(ws->host, client->connection, &wish->what, callbacks, data))
        ws->table->shut(client->connection, 1013, "out of memory");
}

/* ---- What the address asks for ---- */

static struct sgr_slice copy_into(char **place, struct sgr_slice slice) {
    char *copy = *place;
    if (!slice.data)
        return slice;
    memcpy(copy, slice.data, slice.size);
    copy[slice.size] = '\0';
    *place += slice.size + 1;
    return (struct sgr_slice){copy, slice.size};
}

static size_t copies_size(const struct sgr_sink_host *table, const struct sgr_request *request) {
    struct sgr_slice name, value;
    size_t size = table->path(request).size + 1;
    for (size_t i = 0; i < table->query_count(request); i++) {
        table->query_at(request, i, &name, &value);
        size += name.size + value.size + 2;
    }
    return size;
}

static bool is(struct sgr_slice slice, const char *text) {
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static void add_pair(struct wish *wish, struct sgr_slice name, struct sgr_slice value) {
    if (is(name, "codec"))
        wish->what.codec = value.data;
    else if (is(name, "cursor"))
        wish->what.cursor = value;
    else if (is(name, "time"))
        wish->time = !is(value, "0") && !is(value, "false");
    else
        wish->parameters[wish->what.parameter_count++] = (struct sgr_parameter_text){name, value};
}

static bool read_wish(struct websocket *ws, const struct sgr_request *request, struct wish *ret) {
    const struct sgr_sink_host *table = ws->table;
    size_t count = table->query_count(request);
    *ret = (struct wish){0};
    ret->parameters = table->common.allocate(ws->host, (count + 1) * sizeof(*ret->parameters));
    ret->copies = table->common.allocate(ws->host, copies_size(table, request));
    if (!ret->parameters || !ret->copies)
        return false;
    char *place = ret->copies;
    ret->what.view = copy_into(&place, table->path(request));
    ret->what.parameters = ret->parameters;
    for (size_t i = 0; i < count; i++) {
        struct sgr_slice name, value;
        table->query_at(request, i, &name, &value);
        add_pair(ret, copy_into(&place, name), copy_into(&place, value));
    }
    return true;
}

static void free_wish(struct websocket *ws, struct wish *wish) {
    ws->table->common.release(ws->host, wish->parameters);
    ws->table->common.release(ws->host, wish->copies);
}

/* ---- Clients ---- */

static void link_client(struct client *client) {
    client->next = client->ws->clients;
    if (client->next)
        client->next->prev = client;
    client->ws->clients = client;
}

static void unlink_client(struct client *client) {
    if (client->next)
        client->next->prev = client->prev;
    if (client->prev)
        client->prev->next = client->next;
    else
        client->ws->clients = client->next;
}

static void on_closed(struct sgr_connection *connection, void *data, int code) {
    struct client *client = data;
    struct websocket *ws = client->ws;
    (void)connection;
    (void)code;
    unlink_client(client);
    entries_free(client);
    sgr_text_free(&client->cursor);
    ws->table->common.release(ws->host, client);
}

static void on_message(struct sgr_connection *connection, void *data, struct sgr_slice text,
                       bool binary) {
    (void)connection;
    message_receive(data, text, binary);
}

static void begin(struct client *client, struct wish *wish) {
    if (wish->what.view.size == 1)
        many_begin(client);
    else if (seed_path(wish->what.view))
        seed_begin(client, wish);
    else
        single_begin(client, wish);
}

static void welcome(struct websocket *ws, struct sgr_request *request, struct wish *wish) {
    static const struct sgr_connection_callbacks callbacks = {.message = on_message,
                                                              .closed = on_closed};
    struct client *client = ws->table->common.allocate(ws->host, sizeof(*client));
    if (!client) {
        ws->table->respond(request, 503, NULL, NULL, NULL);
        return;
    }
    client->ws = ws;
    client->cursor = sgr_text_new(&ws->table->common, ws->host);
    client->time = wish->time;
    client->connection = ws->table->accept(request, &callbacks, client, NULL);
    if (!client->connection) {
        ws->table->common.release(ws->host, client);
        return;
    }
    link_client(client);
    begin(client, wish);
}

static void on_request(void *data, struct sgr_request *request) {
    struct websocket *ws = data;
    struct wish wish;
    ws->table->common.count(ws->host, "connections", 1);
    if (read_wish(ws, request, &wish))
        welcome(ws, request, &wish);
    else
        ws->table->respond(request, 503, NULL, NULL, NULL);
    free_wish(ws, &wish);
}

/* ---- The plugin ---- */

static int add_route(struct websocket *ws, const char *protocol, struct sgr_error *error) {
    struct sgr_route route = {.kind = SGR_ROUTE_WEBSOCKET,
                              .path = "/*",
                              .protocol = protocol,
                              .request = on_request,
                              .data = ws};
    return ws->table->route(ws->host, &route, error);
}

static int websocket_open(const struct sgr_sink_host *table, void *host, const void *options,
                          void **ret_state, struct sgr_error *error) {
    struct websocket *ws = table->common.allocate(host, sizeof(*ws));
    if (!ws)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *ws = (struct websocket){.table = table, .host = host, .options = options};
    ws->text = sgr_text_new(&table->common, host);
    int code = add_route(ws, NULL, error);
    if (!code)
        code = add_route(ws, "sangre.v1", error);
    if (code) {
        table->common.release(host, ws);
        return code;
    }
    *ret_state = ws;
    return SGR_OK;
}

static void websocket_drain(void *state) {
    struct websocket *ws = state;
    for (struct client *client = ws->clients; client; client = client->next)
        ws->table->shut(client->connection, 1001, "the server stops");
}

static void websocket_close(void *state) {
    struct websocket *ws = state;
    seed_close(ws);
    sgr_text_free(&ws->text);
    ws->table->common.release(ws->host, ws);
}

static const struct sgr_option options[] = {
    {.name = "subscriptions",
     .type = SGR_OPTION_INT,
     .offset = SGR_OPTION_AT(struct websocket_options, subscriptions, int64_t),
     .fallback = "1000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "How many views one connection on / may have at a time."},
    {0},
};

static const struct sgr_sink_methods methods = {
    .open = websocket_open,
    .drain = websocket_drain,
    .close = websocket_close,
    .any_thread = true,
};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "websocket",
    .version = "0.1.0",
    .summary = "Views as diffs over websockets: one on its path, many on /, the seed's under /ws/",
    .options = options,
    .options_size = sizeof(struct websocket_options),
    .methods_size = sizeof(methods),
    .sink = &methods,
};
