/* `server:` and `listen:`. The settings are declared as a plugin declares its options, so they are parsed, checked and documented alike. */
#include <stdlib.h>

#include "base/slice.h"
#include "plan/internal.h"

struct server_options {
    const char *listen;
    struct sgr_strings origins;
    int64_t client_buffer, client_timeout, drain_timeout, wait_timeout, message_limit,
        connection_limit;
    int64_t stream_buffer, queue_limit;
    int64_t memory_limit, seed;
    const char *compression;
    int64_t compression_memory;
};

struct history_options {
    int64_t age, bytes;
};

#define AT(field, type)         SGR_OPTION_AT(struct server_options, field, type)
#define HISTORY_AT(field, type) SGR_OPTION_AT(struct history_options, field, type)
#define SECOND                  INT64_C(1000000)
#define KILOBYTE                INT64_C(1024)

/* In the order of enum sgr_compression. */
static const char *const compressions[] = {"off", "shared", "context", NULL};

static const struct sgr_option server_table[] = {
    {.name = "listen",
     .type = SGR_OPTION_STRING,
     .offset = AT(listen, const char *),
     .fallback = "127.0.0.1:8080",
     .help = "HOST:PORT to serve on; port 0: any free one"},
    {.name = "origins",
     .type = SGR_OPTION_STRINGS,
     .offset = AT(origins, struct sgr_strings),
     .help =
         "origins of pages that may connect besides our own; \"*\": all. Their hosts may be asked "
         "for on a loopback address, which else answers to localhost and addresses only"},
    {.name = "client_buffer",
     .type = SGR_OPTION_BYTES,
     .offset = AT(client_buffer, int64_t),
     .fallback = "1MB",
     .minimum = 4 * KILOBYTE,
     .maximum = KILOBYTE * KILOBYTE * KILOBYTE,
     .help = "what a connection may have queued before its frames are composed into one"},
    {.name = "client_timeout",
     .type = SGR_OPTION_DURATION,
     .offset = AT(client_timeout, int64_t),
     .fallback = "30s",
     .minimum = SECOND / 10,
     .maximum = 86400 * SECOND,
     .help = "a connection that takes nothing for so long is closed"},
    {.name = "drain_timeout",
     .type = SGR_OPTION_DURATION,
     .offset = AT(drain_timeout, int64_t),
     .fallback = "5s",
     .maximum = 3600 * SECOND,
     .help = "how long clients get to take what is queued when the server stops"},
    {.name = "wait_timeout",
     .type = SGR_OPTION_DURATION,
     .offset = AT(wait_timeout, int64_t),
     .fallback = "30s",
     .minimum = SECOND / 10,
     .maximum = 3600 * SECOND,
     .help = "how long a client's wait for a position may take"},
    {.name = "message_limit",
     .type = SGR_OPTION_BYTES,
     .offset = AT(message_limit, int64_t),
     .fallback = "64KB",
     .minimum = KILOBYTE,
     .maximum = 64 * KILOBYTE * KILOBYTE,
     .help = "the largest message or body a client may send"},
    {.name = "connection_limit",
     .type = SGR_OPTION_INT,
     .offset = AT(connection_limit, int64_t),
     .fallback = "10000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "connections at one time"},
    {.name = "stream_buffer",
     .type = SGR_OPTION_BYTES,
     .offset = AT(stream_buffer, int64_t),
     .fallback = "8MB",
     .minimum = 128 * KILOBYTE,
     .maximum = KILOBYTE * KILOBYTE * KILOBYTE,
     .help = "what of a source's change stream may be on its way through sinks before the source "
             "has to wait"},
    {.name = "queue_limit",
     .type = SGR_OPTION_BYTES,
     .offset = AT(queue_limit, int64_t),
     .fallback = "256MB",
     .minimum = KILOBYTE * KILOBYTE,
     .maximum = INT64_MAX,
     .help = "what may be queued for all clients; beyond it who comes is told to come again"},
    {.name = "compression",
     .type = SGR_OPTION_CHOICE,
     .offset = AT(compression, const char *),
     .fallback = "shared",
     .choices = compressions,
     .help = "of websockets whose clients offer it; shared: each message alone, deflated once for "
             "all; context: smaller, but deflated by each connection, at 30 KB each"},
    {.name = "compression_memory",
     .type = SGR_OPTION_BYTES,
     .offset = AT(compression_memory, int64_t),
     .fallback = "64MB",
     .maximum = INT64_MAX,
     .help = "memory for the connections' own compression; those beyond it go without"},
    {.name = "memory_limit",
     .type = SGR_OPTION_BYTES,
     .offset = AT(memory_limit, int64_t),
     .fallback = "0",
     .maximum = INT64_MAX,
     .help = "memory for rows; 0: no limit"},
    {.name = "seed",
     .type = SGR_OPTION_INT,
     .offset = AT(seed, int64_t),
     .fallback = "0",
     .maximum = INT64_MAX,
     .help = "what random numbers depend on; 0: another one at each start"},
    {0},
};

static const struct sgr_option history_table[] = {
    {.name = "age",
     .type = SGR_OPTION_DURATION,
     .offset = HISTORY_AT(age, int64_t),
     .fallback = "5min",
     .maximum = 30 * 86400 * SECOND,
     .help = "how long a client may have been away and get exactly what it missed"},
    {.name = "bytes",
     .type = SGR_OPTION_BYTES,
     .offset = HISTORY_AT(bytes, int64_t),
     .fallback = "64MB",
     .maximum = INT64_MAX,
     .help = "memory for the history of all views; a quarter as much may remember cursors"},
    {0},
};

static const struct sgr_sink_methods no_methods;

static const struct sgr_plugin server_settings = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "server",
    .version = "1",
    .summary = "settings of the server",
    .options = server_table,
    .options_size = sizeof(struct server_options),
    .methods_size = sizeof(struct sgr_sink_methods),
    .sink = &no_methods,
};

static const struct sgr_plugin history_settings = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SINK,
    .name = "history",
    .version = "1",
    .summary = "how much history views keep",
    .options = history_table,
    .options_size = sizeof(struct history_options),
    .methods_size = sizeof(struct sgr_sink_methods),
    .sink = &no_methods,
};

static int bad_listen(const struct sgr_document_node *place, const char *text,
                      struct sgr_error *error) {
    return sgr__plan_error(sgr__place_of(place), error,
                           "\"%.100s\" is no address to listen on: write HOST:PORT, :PORT or PORT, "
                           "such as 127.0.0.1:8080 or [::1]:8080",
                           text);
}

/* HOST:PORT, [HOST]:PORT, :PORT (all addresses), PORT (127.0.0.1). */
static int parse_listen(struct sgr_plan *plan, const char *text,
                        const struct sgr_document_node *place, struct sgr_error *error) {
    const char *colon = strrchr(text, ':');
    struct sgr_slice host =
        colon ? (struct sgr_slice){text, (size_t)(colon - text)} : SGR_SLICE("127.0.0.1");
    struct sgr_slice port = sgr_slice(colon ? colon + 1 : text);
    int64_t number;
    if (!sgr_slice_int(port, &number) || number < 0 || number > 65535)
        return bad_listen(place, text, error);
    if (host.size == 0)
        host = SGR_SLICE("0.0.0.0");
    else if (host.data[0] == '[' && host.size > 2 && host.data[host.size - 1] == ']')
        host = (struct sgr_slice){host.data + 1, host.size - 2};
    else if (memchr(host.data, ':', host.size) || memchr(host.data, '[', host.size))
        return bad_listen(place, text, error);
    plan->server.listen_host = sgr_arena_copy(plan->arena, host);
    plan->server.listen_port = (int)number;
    return plan->server.listen_host ? 0 : sgr__plan_memory(error);
}

static enum sgr_compression compression_of(const char *name) {
    int i = 0;
    while (strcmp(compressions[i], name) != 0)
        i++;
    return (enum sgr_compression)i;
}

static void copy_settings(struct sgr_plan *plan) {
    const struct server_options *from = sgr_options_struct(plan->server_options);
    const struct history_options *history = sgr_options_struct(plan->history_options);
    struct sgr_plan_server *to = &plan->server;
    to->origins = from->origins.items;
    to->origin_count = from->origins.count;
    to->client_buffer = (size_t)from->client_buffer;
    to->client_timeout = from->client_timeout;
    to->drain_timeout = from->drain_timeout;
    to->wait_timeout = from->wait_timeout;
    to->message_limit = (size_t)from->message_limit;
    to->connection_limit = (size_t)from->connection_limit;
    to->compression = compression_of(from->compression);
    to->compression_memory = (size_t)from->compression_memory;
    to->history_age = history->age;
    to->history_bytes = (size_t)history->bytes;
    to->stream_buffer = (size_t)from->stream_buffer;
    to->queue_limit = (size_t)from->queue_limit;
    to->memory_limit = (size_t)from->memory_limit;
    to->seed = (uint64_t)from->seed;
}

int sgr__plan_server(struct sgr_plan *plan, struct sgr_error *error) {
    static const char *const beside[] = {"history", NULL};
    const struct sgr_document_node *root = sgr_document_root(plan->document);
    const struct sgr_document_node *server = sgr_document_get(root, "server");
    const struct sgr_document_node *short_listen = sgr_document_get(root, "listen");
    const struct sgr_document_node *listen = sgr_document_get(server, "listen");
    const struct sgr_document_node *history = sgr_document_get(server, "history");
    if (short_listen && listen)
        return sgr__plan_error(sgr__place_of(short_listen), error,
                               "\"listen\" is given twice: here and in \"server\" (line %u)",
                               listen->line);
    int status = server ? sgr__plan_mapping(server, "server", error) : 0;
    if (status == 0 && history)
        status = sgr__plan_mapping(history, "history", error);
    if (status == 0)
        status = sgr_options_parse(&server_settings, server, beside, &plan->server_options, error);
    if (status == 0)
        status = sgr_options_parse(&history_settings, history, NULL, &plan->history_options, error);
    if (status == 0 && short_listen)
        status = sgr__plan_scalar(short_listen, "listen", error);
    if (status != 0)
        return status;
    copy_settings(plan);
    const struct server_options *options = sgr_options_struct(plan->server_options);
    return parse_listen(plan, short_listen ? short_listen->text.data : options->listen,
                        short_listen ? short_listen : (listen ? listen : root), error);
}

void sgr__plan_server_schema(struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"type\":\"object\",\"properties\":{\"history\":");
    sgr_options_schema(&history_settings, out);
    sgr_buffer_putc(out, ',');
    sgr_options_schema_properties(&server_settings, out);
    sgr_buffer_puts(out, "},\"additionalProperties\":false}");
}
