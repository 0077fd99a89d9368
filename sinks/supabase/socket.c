/* The supabase sink: a client's websocket, from upgrade to close. */
#include <time.h>

#include "channel.h"
#include "frame.h"

enum {
    LOOK_AT_CLOCK = 10000000, /* microseconds */
    LARGE = 4096,             /* bytes that count as another message */
};

static int64_t clock_microseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t monotonic_now(void) {
    return clock_microseconds(CLOCK_MONOTONIC);
}

int64_t wall_now(void) {
    return clock_microseconds(CLOCK_REALTIME);
}

/* ---- The list: whoever was silent longest is first ---- */

static void unlist(struct socket *socket) {
    struct supabase *supabase = socket->supabase;
    if (!socket->listed)
        return;
    socket->listed = false;
    *socket->place = socket->next;
    if (socket->next)
        socket->next->place = socket->place;
    else
        supabase->sockets_end = socket->place;
}

static void list_last(struct socket *socket) {
    struct supabase *supabase = socket->supabase;
    unlist(socket);
    socket->listed = true;
    socket->next = NULL;
    socket->place = supabase->sockets_end;
    *socket->place = socket;
    supabase->sockets_end = &socket->next;
}

/* ---- Sending ---- */

void socket_shut(struct socket *socket, int code, const char *reason) {
    unlist(socket);
    socket->supabase->table->shut(socket->connection, code, reason);
}

void sockets_shut(struct supabase *supabase, int code, const char *reason) {
    while (supabase->sockets)
        socket_shut(supabase->sockets, code, reason);
}

void socket_send(struct socket *socket) {
    struct supabase *supabase = socket->supabase;
    struct sgr_bytes *bytes =
        supabase->text.failed
            ? NULL
            : supabase->table->bytes_new(supabase->text.data, supabase->text.size);
    if (bytes)
        supabase->table->send(socket->connection, bytes);
    else
        socket_shut(socket, 1013, "out of memory");
    supabase->table->bytes_unref(bytes);
}

/* A bucket that a second fills; what is larger takes all of it. */
bool may_speak(int64_t *until, int64_t rate, size_t count, size_t bytes) {
    const int64_t second = 1000000, now = monotonic_now();
    int64_t from = *until < now ? now : *until;
    int64_t units = (int64_t)(count + bytes / LARGE);
    int64_t cost = (units < rate ? units : rate) * second / rate;
    if (from + cost - now > second)
        return false;
    *until = from + cost;
    return true;
}

bool socket_may_speak(struct socket *socket, const struct message *message) {
    return may_speak(&socket->spoken_until, socket->supabase->options->messages, 1, message->size);
}

bool socket_may_ask(struct socket *socket, const struct message *message) {
    const struct supabase_options *options = socket->supabase->options;
    return may_speak(&socket->asked_until, options->messages + options->channels, 1, message->size);
}

/* ---- Time: silent clients, tokens that expire ---- */

static void on_clock(void *data);

static void wake_at(struct supabase *supabase, int64_t at, int64_t now) {
    if (supabase->clock && supabase->clock_at <= at)
        return;
    supabase->table->timer_cancel(supabase->host, supabase->clock);
    supabase->clock_at = at > now ? at : now;
    supabase->clock =
        supabase->table->timer(supabase->host, supabase->clock_at - now, on_clock, supabase);
}

static void close_silent(struct supabase *supabase, int64_t now) {
    while (supabase->sockets && supabase->sockets->heard + supabase->options->idle_timeout <= now)
        socket_shut(supabase->sockets, 1000, "");
}

static void end_expired(struct supabase *supabase) {
    int64_t now = wall_now(), next = INT64_MAX;
    if (supabase->next_expiry > now)
        return;
    for (struct socket *socket = supabase->sockets; socket; socket = socket->next) {
        int64_t expiry = channels_expire(socket, now);
        if (expiry < next)
            next = expiry;
    }
    supabase->next_expiry = INT64_MAX;
    sockets_expire_at(supabase, next);
}

/* By the clock on the wall, which may be set: looked at from time to time. */
void sockets_expire_at(struct supabase *supabase, int64_t expiry) {
    int64_t now = monotonic_now(), left = expiry - wall_now();
    if (expiry == INT64_MAX)
        return;
    if (expiry < supabase->next_expiry)
        supabase->next_expiry = expiry;
    wake_at(supabase, now + (left < 0 ? 0 : left < LOOK_AT_CLOCK ? left : LOOK_AT_CLOCK), now);
}

static void on_clock(void *data) {
    struct supabase *supabase = data;
    int64_t now = monotonic_now();
    supabase->clock = NULL;
    close_silent(supabase, now);
    end_expired(supabase);
    sockets_expire_at(supabase, supabase->next_expiry);
    if (supabase->sockets)
        wake_at(supabase, supabase->sockets->heard + supabase->options->idle_timeout, now);
}

/* ---- Clients ---- */

static void heard(struct socket *socket) {
    struct supabase *supabase = socket->supabase;
    socket->heard = monotonic_now();
    list_last(socket);
    wake_at(supabase, supabase->sockets->heard + supabase->options->idle_timeout, socket->heard);
}

static void on_message(struct sgr_connection *connection, void *data, struct sgr_slice text,
                       bool binary) {
    struct socket *socket = data;
    (void)connection;
    if (!socket->listed)
        return;
    heard(socket);
    channel_receive(socket, text, binary);
}

static void on_closed(struct sgr_connection *connection, void *data, int code) {
    struct socket *socket = data;
    (void)connection;
    (void)code;
    socket->closed = true;
    unlist(socket);
    feed_forget(socket);
    channels_drop(socket);
    token_drop(&socket->supabase->tokens, socket->claims);
    socket->supabase->table->common.release(socket->supabase->host, socket);
}

/* Takes the token's claims. */
static void welcome(struct supabase *supabase, struct sgr_request *request, enum vsn vsn,
                    const struct token_verdict *token) {
    static const struct sgr_connection_callbacks callbacks = {.message = on_message,
                                                              .closed = on_closed};
    struct socket *socket = supabase->table->common.allocate(supabase->host, sizeof(*socket));
    if (!socket) {
        token_drop(&supabase->tokens, token->claims);
        supabase->table->respond(request, 503, NULL, NULL, NULL);
        return;
    }
    socket->supabase = supabase;
    socket->vsn = vsn;
    socket->expiry = token->expiry;
    socket->claims = token->claims;
    socket->channels_end = &socket->channels;
    socket->connection = supabase->table->accept(request, &callbacks, socket, NULL);
    if (socket->connection) {
        heard(socket);
        return;
    }
    token_drop(&supabase->tokens, socket->claims);
    supabase->table->common.release(supabase->host, socket);
}

static void on_upgrade(void *data, struct sgr_request *request) {
    struct supabase *supabase = data;
    enum vsn vsn;
    supabase->table->common.count(supabase->host, "connections", 1);
    struct token_verdict token =
        token_connects(&supabase->tokens, token_of(&supabase->tokens, request));
    if (token.expiry && frame_version(supabase->table->query(request, "vsn"), &vsn)) {
        welcome(supabase, request, vsn, &token);
        return;
    }
    token_drop(&supabase->tokens, token.claims);
    supabase->table->respond(request, 403, NULL, NULL, NULL);
}

static void on_get(void *data, struct sgr_request *request) {
    struct supabase *supabase = data;
    supabase->table->respond(request, 426, NULL, "upgrade: websocket\r\n", NULL);
}

static void on_post(void *data, struct sgr_request *request) {
    struct supabase *supabase = data;
    supabase->table->respond(request, 400, NULL, NULL, NULL);
}

/* ---- Routes ---- */

static int add_path(struct supabase *supabase, const char *path, struct sgr_error *error) {
    const struct sgr_route routes[] = {
        {.kind = SGR_ROUTE_WEBSOCKET, .path = path, .request = on_upgrade, .data = supabase},
        {.kind = SGR_ROUTE_GET, .path = path, .request = on_get, .data = supabase},
        {.kind = SGR_ROUTE_POST, .path = path, .request = on_post, .data = supabase}};
    int code = SGR_OK;
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes) && !code; i++)
        code = supabase->table->route(supabase->host, &routes[i], error);
    return code;
}

/* With and without a slash at its end. */
static int add_paths(struct supabase *supabase, const char *path, struct sgr_error *error) {
    char slashed[256];
    int code = add_path(supabase, path, error);
    if (code || snprintf(slashed, sizeof(slashed), "%s/", path) >= (int)sizeof(slashed))
        return code;
    return add_path(supabase, slashed, error);
}

int socket_routes(struct supabase *supabase, struct sgr_error *error) {
    const char *path = supabase->options->path;
    if (path[0] != '/' || strchr(path, '*'))
        return sgr_error_set(error, SGR_ECONFIG,
                             "\"%s\" is no path: it begins with / and holds no *", path);
    int code = add_paths(supabase, path, error);
    if (!code && !supabase->options->strict)
        code = add_paths(supabase, "/realtime/v1/websocket", error);
    return code;
}
