/* Fuzzes what clients of the supabase sink send, in both forms of frames: texts, binary frames and posts of two clients, one of each version; between them
 * rows change, so that filters are tried.
 *
 * An input is a row of messages: a byte that says who sends it and how, two bytes with its length, the message. What must hold beside sanity of memory: whatever
 * anybody is sent is well formed, so that no client puts words into the frames of another; and when all are gone, nothing is left. */
#include <jansson.h>
#include <stdlib.h>

#include "../../sinks/supabase/supabase.h"

extern const struct sgr_plugin sgr_plugin;

/* ---- The host ---- */

struct sgr_request {
    struct sgr_slice path, body, type;
    const char *vsn;
    struct sgr_connection *connection;
    bool answered;
};

struct sgr_connection {
    struct sgr_connection_callbacks callbacks;
    void *data;
    enum vsn vsn;
};

struct sgr_stream {
    int unused;
};

static struct sgr_stream the_stream;
static struct sgr_stream_bind bound;
static struct sgr_route routes[32];
static size_t route_count;
static size_t blocks;
static struct {
    void (*fired)(void *data);
    void *data;
} timers[8];

static void host_log(void *host, enum sgr_log_level level, const char *format, ...) {
    (void)host, (void)level, (void)format;
}

static void host_count(void *host, const char *metric, int64_t add) {
    (void)host, (void)metric, (void)add;
}

static void *host_allocate(void *host, size_t size) {
    (void)host;
    blocks++;
    return calloc(1, size);
}

static void *host_reallocate(void *host, void *old, size_t size) {
    (void)host;
    blocks += !old;
    return realloc(old, size);
}

static void host_release(void *host, void *memory) {
    (void)host;
    blocks -= memory != NULL;
    free(memory);
}

static struct sgr_bytes *host_bytes_new(const char *data, size_t size) {
    struct sgr_bytes *bytes = malloc(sizeof(*bytes) + size);
    *bytes = (struct sgr_bytes){.refs = 1, .size = (uint32_t)size, .data = (char *)(bytes + 1)};
    memcpy(bytes + 1, data, size);
    return bytes;
}

static void host_bytes_unref(struct sgr_bytes *bytes) {
    if (bytes && !--bytes->refs)
        free(bytes);
}

static int host_route(void *host, const struct sgr_route *route, struct sgr_error *error) {
    (void)host, (void)error;
    if (route_count == sizeof(routes) / sizeof(*routes))
        abort();
    routes[route_count] = *route;
    routes[route_count++].path = strdup(route->path);
    return SGR_OK;
}

static struct sgr_slice host_path(const struct sgr_request *request) {
    return request->path;
}

static struct sgr_slice host_body(const struct sgr_request *request) {
    return request->body;
}

static struct sgr_slice host_header(const struct sgr_request *request, const char *name) {
    return strcmp(name, "content-type") == 0 ? request->type : (struct sgr_slice){NULL, 0};
}

static struct sgr_slice host_query(const struct sgr_request *request, const char *name) {
    bool known = strcmp(name, "vsn") == 0 && request->vsn;
    return known ? (struct sgr_slice){request->vsn, 5} : (struct sgr_slice){NULL, 0};
}

static void host_respond(struct sgr_request *request, int status, const char *type,
                         const char *headers, struct sgr_bytes *body) {
    (void)type, (void)headers, (void)body;
    if (request->answered || status < 200)
        abort();
    request->answered = true;
}

static struct sgr_connection *host_accept(struct sgr_request *request,
                                          const struct sgr_connection_callbacks *callbacks,
                                          void *data, const char *headers) {
    struct sgr_connection *connection = calloc(1, sizeof(*connection));
    (void)headers;
    connection->callbacks = *callbacks;
    connection->data = data;
    return request->connection = connection;
}

static void host_shut(struct sgr_connection *connection, int code, const char *reason) {
    (void)connection, (void)code, (void)reason;
}

static size_t host_queued(const struct sgr_connection *connection) {
    (void)connection;
    return 0;
}

static void *host_timer(void *host, int64_t after, void (*fired)(void *data), void *data) {
    (void)host, (void)after;
    for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++)
        if (!timers[i].fired) {
            timers[i].fired = fired;
            timers[i].data = data;
            return &timers[i];
        }
    abort();
}

static void host_timer_cancel(void *host, void *timer) {
    (void)host;
    if (timer)
        memset(timer, 0, sizeof(timers[0]));
}

static int host_stream_bind(void *host, const struct sgr_stream_bind *bind, struct sgr_stream **ret,
                            struct sgr_error *error) {
    (void)host, (void)error;
    bound = *bind;
    *ret = &the_stream;
    return SGR_OK;
}

static void host_stream_handled(struct sgr_stream *stream, uint64_t lsn) {
    (void)stream, (void)lsn;
}

static void host_stream_hold(struct sgr_stream *stream, bool held) {
    (void)stream, (void)held;
}

/* Out of memory: views have tests of their own. */
static struct sgr_subscription *host_subscribe(void *host, struct sgr_connection *connection,
                                               const struct sgr_subscribe *what,
                                               const struct sgr_subscription_callbacks *callbacks,
                                               void *data) {
    (void)host, (void)connection, (void)what, (void)callbacks, (void)data;
    return NULL;
}

static void host_unsubscribe(struct sgr_subscription *subscription) {
    (void)subscription;
}

/* ---- Values: whole numbers and texts ---- */

static bool any_column(const struct sgr_relation_column *column) {
    (void)column;
    return true;
}

static int value_parse(const struct sgr_relation_column *column, struct sgr_slice text,
                       struct sgr_value *ret, struct sgr_error *error) {
    char digits[24];
    char *end = digits;
    *ret = (struct sgr_value){.type = column->type, .s = text};
    if (column->type == SGR_TEXT)
        return SGR_OK;
    if (!text.size || text.size >= sizeof(digits))
        return sgr_error_set(error, SGR_EPARSE, "no number");
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    ret->i = strtoll(digits, &end, 10);
    return *end ? sgr_error_set(error, SGR_EPARSE, "no number") : SGR_OK;
}

static int value_literal(const struct sgr_relation_column *column, struct sgr_slice text,
                         struct sgr_value *ret, struct sgr_bytes **ret_text,
                         struct sgr_error *error) {
    struct sgr_bytes *copy = host_bytes_new(text.data, text.size);
    int code = value_parse(column, (struct sgr_slice){copy->data, copy->size}, ret, error);
    if (code)
        host_bytes_unref(copy);
    else
        *ret_text = copy;
    return code;
}

static int value_compare(const struct sgr_value *a, const struct sgr_value *b) {
    if (a->type != SGR_TEXT)
        return (a->i > b->i) - (a->i < b->i);
    size_t shorter = a->s.size < b->s.size ? a->s.size : b->s.size;
    int order = shorter ? memcmp(a->s.data, b->s.data, shorter) : 0;
    return order ? order : (a->s.size > b->s.size) - (a->s.size < b->s.size);
}

static uint64_t value_hash(const struct sgr_value *value) {
    return value->type == SGR_TEXT ? value->s.size : (uint64_t)value->i;
}

static int value_json(void *host, const struct sgr_relation_column *column, struct sgr_slice text,
                      struct sgr_slice *ret, struct sgr_error *error) {
    static char quoted[64];
    (void)host, (void)error;
    int size = snprintf(quoted, sizeof(quoted), column->type == SGR_TEXT ? "\"%.*s\"" : "%.*s",
                        (int)text.size, text.data);
    *ret = (struct sgr_slice){quoted, (size_t)size};
    return SGR_OK;
}

static const struct sgr_value_methods values = {.comparable = any_column,
                                                .ordered = any_column,
                                                .parse = value_parse,
                                                .literal = value_literal,
                                                .compare = value_compare,
                                                .hash = value_hash,
                                                .json = value_json};

/* ---- What clients are sent ---- */

static void must(bool holds) {
    if (!holds)
        abort();
}

static void host_send(struct sgr_connection *connection, struct sgr_bytes *bytes) {
    json_t *frame = json_loadb(bytes->data, bytes->size, JSON_ALLOW_NUL, NULL);
    if (connection->vsn == VSN_2) {
        must(json_is_array(frame) && json_array_size(frame) == 5);
        must(json_is_string(json_array_get(frame, 3)) && json_is_object(json_array_get(frame, 4)));
    } else {
        must(json_is_object(frame) && json_object_size(frame) == 4);
        must(json_is_string(json_object_get(frame, "event")));
        must(json_is_object(json_object_get(frame, "payload")));
    }
    json_decref(frame);
}

static void host_send_binary(struct sgr_connection *connection, struct sgr_bytes *bytes) {
    const unsigned char *header = (const unsigned char *)bytes->data;
    must(connection->vsn == VSN_2);
    must(bytes->size >= 5 && header[0] == 4 && header[4] <= 1);
    must(5u + header[1] + header[2] + header[3] <= bytes->size);
}

static const struct sgr_sink_host table = {.common = {.size = sizeof(table),
                                                      .log = host_log,
                                                      .allocate = host_allocate,
                                                      .reallocate = host_reallocate,
                                                      .release = host_release,
                                                      .count = host_count},
                                           .bytes_new = host_bytes_new,
                                           .bytes_unref = host_bytes_unref,
                                           .route = host_route,
                                           .path = host_path,
                                           .header = host_header,
                                           .query = host_query,
                                           .body = host_body,
                                           .respond = host_respond,
                                           .accept = host_accept,
                                           .send = host_send,
                                           .shut = host_shut,
                                           .queued = host_queued,
                                           .timer = host_timer,
                                           .timer_cancel = host_timer_cancel,
                                           .stream_bind = host_stream_bind,
                                           .stream_handled = host_stream_handled,
                                           .stream_hold = host_stream_hold,
                                           .subscribe = host_subscribe,
                                           .unsubscribe = host_unsubscribe,
                                           .values = &values,
                                           .send_binary = host_send_binary};

/* ---- What they send ---- */

enum { SECOND_CLIENT = 1, BINARY = 2, POST = 4, BATCH = 8, BYTES = 16, TURN = 32, CHANGE = 64 };

static void request(const char *path, enum sgr_route_kind kind, struct sgr_request *what) {
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].kind == kind && strcmp(routes[i].path, path) == 0) {
            routes[i].request(routes[i].data, what);
            return;
        }
    abort();
}

static void post(unsigned how, struct sgr_slice text) {
    const char *end = text.size ? memchr(text.data, '\n', text.size) : NULL;
    size_t path = how & BATCH || !end ? 0 : (size_t)(end - text.data);
    char full[4200];
    int size = snprintf(full, sizeof(full), "/api/broadcast/%.*s", (int)path, text.data);
    struct sgr_request what = {.path = {full, (size_t)size},
                               .body = {text.data + path, text.size - path}};
    if (how & BYTES)
        what.type = (struct sgr_slice){"application/octet-stream", 24};
    request(how & BATCH ? "/api/broadcast" : "/api/broadcast/*", SGR_ROUTE_POST, &what);
    must(what.answered);
}

static void take_turns(void) {
    for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++) {
        void (*fired)(void *data) = timers[i].fired;
        void *data = timers[i].data;
        memset(&timers[i], 0, sizeof(timers[i]));
        if (fired)
            fired(data);
    }
}

static void change_row(void) {
    static const struct sgr_relation_column columns[] = {
        {.name = "id", .type_name = "int8", .type = SGR_INT8, .type_modifier = -1, .key = true},
        {.name = "name", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1}};
    static struct sgr_relation relation = {.schema = "public",
                                           .table = "t",
                                           .columns = columns,
                                           .column_count = 2,
                                           .identity = SGR_IDENTITY_FULL,
                                           .id = 1};
    static const struct sgr_field before[] = {{"7", 1, SGR_FIELD_TEXT}, {NULL, 0, SGR_FIELD_NULL}};
    static const struct sgr_field after[] = {{"7", 1, SGR_FIELD_TEXT},
                                             {"a,\xc3\xbc", 4, SGR_FIELD_TEXT}};
    static const struct sgr_change changes[] = {
        {.kind = SGR_INSERT, .relation = &relation, .new_fields = before},
        {.kind = SGR_UPDATE,
         .old_kind = SGR_OLD_FULL,
         .relation = &relation,
         .new_fields = after,
         .old_fields = before},
        {.kind = SGR_DELETE, .old_kind = SGR_OLD_FULL, .relation = &relation, .old_fields = after}};
    const struct sgr_stream_batch batch = {
        .transaction = {.end_lsn = 1}, .changes = changes, .count = 3, .first = true, .last = true};
    bound.callbacks->changes(bound.data, &the_stream, &batch);
}

static struct sgr_connection *client(const char *vsn) {
    struct sgr_request upgrade = {.vsn = vsn};
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    upgrade.connection->vsn = *vsn == '1' ? VSN_1 : VSN_2;
    return upgrade.connection;
}

static void say(struct sgr_connection *connection, struct sgr_slice text, bool binary) {
    connection->callbacks.message(connection, connection->data, text, binary);
}

static void play(struct sgr_connection **clients, const unsigned char *data, size_t size) {
    while (size >= 3) {
        unsigned how = data[0];
        size_t length = (size_t)data[1] << 8 | data[2];
        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        struct sgr_slice text = {(const char *)data, length};
        if (how & POST)
            post(how, text);
        else
            say(clients[how & SECOND_CLIENT], text, how & BINARY);
        if (how & CHANGE)
            change_row();
        if (how & TURN)
            take_turns();
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    static const struct supabase_options options = {.source = "db",
                                                    .path = "/socket/websocket",
                                                    .channels = 4,
                                                    .idle_timeout = 3600000000,
                                                    .backlog = 1 << 20,
                                                    .messages = 1000000,
                                                    .posts = 1000000,
                                                    .presence = 512};
    struct sgr_error error = {0};
    void *state;
    route_count = blocks = 0;
    must(sgr_plugin.sink->open(&table, NULL, &options, &state, &error) == SGR_OK);
    bound.callbacks->state(bound.data, &the_stream,
                           &(struct sgr_stream_state){.phase = SGR_STREAM_FLOWING});
    struct sgr_connection *clients[] = {client("1.0.0"), client("2.0.0")};
    play(clients, data, size);
    for (int i = 0; i < 2; i++) {
        clients[i]->callbacks.closed(clients[i], clients[i]->data, 1000);
        free(clients[i]);
        take_turns();
    }
    sgr_plugin.sink->close(state);
    for (size_t i = 0; i < route_count; i++)
        free((char *)routes[i].path);
    memset(timers, 0, sizeof(timers));
    must(blocks == 0);
    return 0;
}
