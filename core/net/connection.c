/* Connections: what flows to and from one websocket or event stream; how messages are written is in outgoing.c.
 *
 * More than the budget queued pauses the delivery of commits (deliver.c); no progress for the client's timeout closes. */
#include "net/internal.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { CROWDED_PART = 16 };

/* ---- Accepting ---- */

/* A message that the connection does not hear yet. */
struct waiting {
    char *data;
    size_t size;
    bool binary;
};

static struct sgr_connection *connection_new(struct sgr_request *request) {
    struct sgr_connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return NULL;
    connection->server = request->server;
    connection->peer = request->peer;
    connection->sink = request->sink;
    connection->websocket = request->upgrade;
    connection->items = connection->inline_items;
    connection->capacity = SGR__INLINE_ITEMS;
    connection->inbound.limit = request->server->options.message_limit;
    connection->offer = request->offer;
    connection->waiting = SGR_VECTOR_INIT(struct waiting);
    sgr_list_init(&connection->stalled);
    sgr_list_init(&connection->subscriptions);
    sgr_list_init(&connection->waits);
    sgr_list_append(&request->server->connections, &connection->link);
    return connection;
}

struct sgr_connection *sgr__accept(struct sgr_request *request,
                                   const struct sgr_connection_callbacks *callbacks, void *data,
                                   const char *headers) {
    struct sgr_connection *connection = NULL;
    if (request->peer && !request->answered && request->method == SGR__GET)
        connection = connection_new(request);
    char *copy = connection && headers ? strdup(headers) : NULL;
    if (!connection || (headers && !copy)) {
        if (connection)
            sgr_list_remove(&connection->link);
        free(connection);
        sgr__respond_error(request, 503, "out_of_memory", NULL, "out of memory");
        return NULL;
    }
    connection->callbacks = *callbacks;
    connection->data = data;
    connection->headers = copy;
    connection->peer->connection = connection;
    connection->identity = request->identity;
    request->identity = NULL;
    if (connection->identity)
        connection->identity->connection = connection;
    connection->peer->request = NULL;
    if (connection->websocket) {
        sgr__request_free(request);
    } else {
        connection->request = request;
        connection->held = true;
        lws_set_timeout(connection->peer->wsi, NO_PENDING_TIMEOUT, 0);
        sgr__hangup_watch(connection->peer);
    }
    return connection;
}

int sgr__connection_opened(struct sgr_connection *connection) {
    connection->open = true;
    sgr__peer_wants_to_write(connection->peer);
    sgr__connection_listen(connection);
    return 0;
}

/* ---- Sending ---- */

static double patience(const struct sgr_connection *connection) {
    return (double)connection->server->options.client_timeout / 2e6;
}

void sgr__connection_progress(struct sgr_connection *connection) {
    sgr_list_remove(&connection->stalled);
    sgr_list_append(&connection->server->stalled, &connection->stalled);
    connection->deadline = ev_now(connection->server->loop) + patience(connection);
    connection->unacknowledged = -1;
}

static void want_flush(struct sgr_connection *connection) {
    if (connection->dirty || !connection->peer->wsi)
        return;
    if (sgr_vector_push(&connection->server->dirty, &connection) == SGR_OK)
        connection->dirty = true;
    else
        sgr__peer_wants_to_write(connection->peer);
}

/* Closes without a word; what a client misses it gets when it comes back. */
static void cut(struct sgr_connection *connection) {
    connection->ending = connection->shut = true;
    connection->closed_code = 1006;
    sgr__peer_kill(connection->peer);
}

/* While all clients together have more queued than they may, each may have but a part of what is usual. */
static size_t queue_limit(const struct sgr_connection *connection) {
    const struct sgr_server *server = connection->server;
    bool crowded = sgr_bytes_living() + server->held > server->options.queue_limit;
    return crowded ? server->options.client_buffer / CROWDED_PART : server->options.client_buffer;
}

static void send_message(struct sgr_connection *connection, struct sgr_bytes *const *parts,
                         size_t count, bool binary) {
    if (connection->shut || connection->ending)
        return;
    for (size_t i = 0; i < count; i++)
        if (sgr__ring_push(connection, parts[i], i + 1 < count, binary)) {
            cut(connection);
            return;
        }
    if (sgr_list_empty(&connection->stalled))
        sgr__connection_progress(connection);
    want_flush(connection);
    if (sgr__queued(connection) > queue_limit(connection)) {
        sgr__connection_pause(connection);
        sgr__connection_listen(connection);
    }
}

void sgr__send_parts(struct sgr_connection *connection, struct sgr_bytes *const *parts,
                     size_t count) {
    send_message(connection, parts, count, false);
}

void sgr__send(struct sgr_connection *connection, struct sgr_bytes *bytes) {
    send_message(connection, &bytes, 1, false);
}

void sgr__send_binary(struct sgr_connection *connection, struct sgr_bytes *bytes) {
    send_message(connection, &bytes, 1, true);
}

size_t sgr__queued(const struct sgr_connection *connection) {
    return connection->queued - connection->first_at + connection->in_flight;
}

void sgr__shut(struct sgr_connection *connection, int code, const char *reason) {
    if (connection->shut || connection->ending)
        return;
    connection->shut = true;
    connection->shut_code = code;
    connection->shut_reason = reason ? strdup(reason) : NULL;
    if (connection->peer->wsi)
        sgr__peer_wants_to_write(connection->peer);
}

/* ---- An event stream's beginning ---- */

/* The stream's head goes with its first bytes, so that until then an error can still be a plain answer. */
static int begin_stream(struct sgr_connection *connection) {
    struct sgr_request *request = connection->request;
    request->close = true; /* the stream ends with its socket */
    struct sgr_bytes *head =
        sgr__response_head(request, 200, "text/event-stream", connection->headers, -1);
    connection->request = NULL;
    sgr__request_free(request);
    connection->held = false;
    connection->open = true;
    int failed = !head || head->size > SGR__CHUNK / 2 || sgr__write_behind(connection, head);
    sgr_bytes_unref(head);
    return failed;
}

/* Nothing was sent: the request gets an answer instead. The connection ends here. */
static int answer_instead(struct sgr_connection *connection) {
    struct sgr_request *request = connection->request;
    struct sgr__peer *peer = connection->peer;
    int code =
        connection->shut_code >= 400 && connection->shut_code < 600 ? connection->shut_code : 503;
    const char *reason = connection->shut_reason ? connection->shut_reason : "";
    struct sgr_bytes *body =
        code == connection->shut_code ? sgr_bytes_new(reason, strlen(reason)) : NULL;
    connection->request = NULL;
    peer->request = request;
    if (body)
        sgr__respond(request, code, "application/json", NULL, body);
    else
        sgr__respond_error(request, code, "stopping", NULL, "%s", reason);
    sgr_bytes_unref(body);
    sgr__connection_closed(connection);
    return 0;
}

/* ---- Flushing ---- */

static int finish(struct sgr_connection *connection) {
    connection->ending = true;
    connection->closed_code = connection->shut_code;
    if (connection->websocket) {
        const char *reason = connection->shut_reason ? connection->shut_reason : "";
        size_t size = strnlen(reason, 123);
        while (size && size < strlen(reason) && ((unsigned char)reason[size] & 0xc0) == 0x80)
            size--;
        lws_close_reason(connection->peer->wsi, (enum lws_close_status)connection->shut_code,
                         (unsigned char *)reason, size);
    }
    return -1;
}

static void drained(struct sgr_connection *connection) {
    sgr_list_remove(&connection->stalled);
    if (connection->paused)
        sgr__compose(connection);
    sgr__connection_listen(connection);
}

/* From libwebsockets' callback only if it is shut, for only there a close can begin. The connection may be gone afterwards. */
int sgr__connection_flush(struct sgr_connection *connection) {
    struct lws *wsi = connection->peer->wsi;
    if (connection->ending)
        return connection->closed_code == 1006 ? -1 : 0;
    if (!connection->open && !connection->held)
        return 0;
    if (lws_partial_buffered(wsi)) {
        sgr__peer_wants_to_write(connection->peer);
        return 0;
    }
    sgr__hold(connection->server, &connection->in_flight, 0);
    if (connection->held && connection->count) {
        if (begin_stream(connection))
            return -1;
    } else if (connection->held) {
        return connection->shut ? answer_instead(connection) : 0;
    } else if (connection->count && sgr__write_some(connection)) {
        return -1;
    }
    if (connection->count || connection->in_flight) {
        sgr__peer_wants_to_write(connection->peer);
        return 0;
    }
    if (connection->shut)
        return finish(connection);
    drained(connection);
    return 0;
}

/* ---- Receiving ---- */

static int refuse_message(struct sgr_connection *connection, int code, const char *reason) {
    connection->shut_code = code;
    free(connection->shut_reason);
    connection->shut_reason = strdup(reason);
    connection->shut = true;
    return finish(connection);
}

static int hold_message(struct sgr_connection *connection, struct sgr_slice data, bool binary) {
    struct waiting message = {.data = sgr_slice_copy(data), .size = data.size, .binary = binary};
    connection->waiting_bytes += sizeof(message) + data.size;
    if (connection->waiting_bytes > connection->server->options.client_buffer) {
        free(message.data);
        return refuse_message(connection, 1008, "too much is asked at once");
    }
    if (!message.data || sgr_vector_push(&connection->waiting, &message)) {
        free(message.data);
        return refuse_message(connection, 1011, "out of memory");
    }
    return 0;
}

static struct waiting *next_waiting(struct sgr_connection *connection) {
    return connection->waiting_at < connection->waiting.count
               ? SGR_VECTOR_AT(&connection->waiting, struct waiting, connection->waiting_at)
               : NULL;
}

static void waiting_fini(struct sgr_connection *connection) {
    for (struct waiting *message; (message = next_waiting(connection)); connection->waiting_at++)
        free(message->data);
    sgr_vector_fini(&connection->waiting);
}

static void hear_waiting(struct sgr_connection *connection) {
    for (struct waiting *message; !connection->deaf && (message = next_waiting(connection));) {
        struct waiting own = *message;
        connection->waiting_at++;
        connection->waiting_bytes -= sizeof(own) + own.size;
        if (connection->callbacks.message && !connection->shut && !connection->ending)
            connection->callbacks.message(connection, connection->data,
                                          (struct sgr_slice){own.data, own.size}, own.binary);
        free(own.data);
    }
    if (!next_waiting(connection)) {
        sgr_vector_clear(&connection->waiting);
        connection->waiting_at = 0;
    }
}

static int inflate_failed(struct sgr_connection *connection, int code) {
    if (code == SGR_ELIMIT)
        return refuse_message(connection, 1009, "the message is too large");
    if (code == SGR_EPARSE)
        return refuse_message(connection, 1007, "the message is not well compressed");
    return refuse_message(connection, 1011, "out of memory");
}

static int hear(struct sgr_connection *connection, struct sgr_slice data, bool binary) {
    int code = connection->inbound_deflated ? sgr__inflate(connection->server, data, &data) : 0;
    if (code)
        return inflate_failed(connection, code);
    if (connection->deaf || next_waiting(connection))
        return hold_message(connection, data, binary);
    if (connection->callbacks.message)
        connection->callbacks.message(connection, connection->data, data, binary);
    return 0;
}

/* The bit stands on a message's first frame, and only if that was agreed on. */
static bool bit_misplaced(struct sgr_connection *connection, unsigned flags) {
    bool begins = !connection->within_frame;
    connection->within_frame = !(flags & SGR__FRAME_ENDS);
    if (!begins)
        return false;
    if (flags & SGR__FIRST)
        connection->inbound_deflated = flags & SGR__DEFLATED;
    return (flags & SGR__DEFLATED) && !(connection->deflates && (flags & SGR__FIRST));
}

int sgr__connection_receive(struct sgr_connection *connection, struct sgr_slice data,
                            unsigned flags) {
    struct sgr_buffer *inbound = &connection->inbound;
    bool final = flags & SGR__FINAL;
    if (connection->shut || connection->ending)
        return 0;
    if (bit_misplaced(connection, flags))
        return refuse_message(connection, 1002, "a frame is marked as compressed");
    if (data.size > inbound->limit - inbound->size)
        return refuse_message(connection, 1009, "the message is too large");
    if (!final || inbound->size) {
        sgr_buffer_append(inbound, data.data, data.size);
        if (inbound->failed)
            return refuse_message(connection, 1011, "out of memory");
        data = (struct sgr_slice){inbound->data, inbound->size};
    }
    if (!final)
        return 0;
    int code = hear(connection, data, flags & SGR__BINARY);
    sgr_buffer_fini(inbound);
    return code;
}

void sgr__connection_listen(struct sgr_connection *connection) {
    if (!connection->websocket || !connection->open || connection->ending)
        return;
    bool deaf = connection->answers_due >= SGR__ANSWERS_AHEAD ||
                sgr__queued(connection) > connection->server->options.client_buffer;
    if (deaf == connection->deaf)
        return;
    connection->deaf = deaf;
    if (next_waiting(connection))
        want_flush(connection); /* they are heard then, not from within whatever made room */
}

void sgr__flush_dirty(struct sgr_server *server) {
    for (size_t i = 0; i < server->dirty.count; i++) {
        struct sgr_connection *connection =
            *SGR_VECTOR_AT(&server->dirty, struct sgr_connection *, i);
        if (!connection)
            continue;
        connection->dirty = false;
        hear_waiting(connection);
        if (connection->shut)
            sgr__peer_wants_to_write(connection->peer);
        else if (sgr__connection_flush(connection))
            cut(connection);
    }
    sgr_vector_clear(&server->dirty);
}

/* ---- Ending ---- */

static void forget_dirty(struct sgr_connection *connection) {
    struct sgr_vector *dirty = &connection->server->dirty;
    for (size_t i = 0; connection->dirty && i < dirty->count; i++)
        if (*SGR_VECTOR_AT(dirty, struct sgr_connection *, i) == connection)
            *SGR_VECTOR_AT(dirty, struct sgr_connection *, i) = NULL;
}

void sgr__connection_closed(struct sgr_connection *connection) {
    struct sgr_server *server = connection->server;
    sgr__unsubscribe_all(connection);
    sgr__waits_end(connection);
    if (!connection->websocket)
        sgr__hangup_forget(connection->peer);
    connection->ending = connection->shut = true;
    connection->peer->connection = NULL;
    if (connection->callbacks.closed)
        connection->callbacks.closed(connection, connection->data,
                                     connection->closed_code ? connection->closed_code : 1006);
    if (connection->compose)
        sgr_map_remove(server->composing, sgr__id_key(&connection->compose));
    forget_dirty(connection);
    sgr_list_remove(&connection->link);
    sgr_list_remove(&connection->stalled);
    if (connection->request)
        sgr__request_free(connection->request);
    sgr__identity_free(connection->identity);
    sgr__ring_fini(connection);
    sgr__deflate_end(connection);
    sgr__hold(server, &connection->in_flight, 0);
    sgr_buffer_fini(&connection->inbound);
    waiting_fini(connection);
    sgr_bytes_unref(connection->paused_at);
    free(connection->shut_reason);
    free(connection->headers);
    free(connection);
}

/* Progress is what the client's kernel acknowledged, for a big buffer can take long to drain with the client reading all the time. */
static bool stands_still(struct sgr_connection *connection) {
    int unacknowledged = 0;
    if (ioctl(lws_get_socket_fd(connection->peer->wsi), SIOCOUTQ, &unacknowledged))
        return true;
    if (connection->unacknowledged == unacknowledged)
        return true;
    connection->unacknowledged = unacknowledged;
    return false;
}

void sgr__connections_check(struct sgr_server *server) {
    ev_tstamp now = ev_now(server->loop);
    SGR_LIST_EACH(link, &server->stalled) {
        struct sgr_connection *connection = SGR_CONTAINER(link, struct sgr_connection, stalled);
        if (connection->deadline > now)
            return;
        sgr_list_remove(&connection->stalled);
        if (stands_still(connection)) {
            cut(connection);
            continue;
        }
        connection->deadline = now + patience(connection);
        sgr_list_append(&server->stalled, &connection->stalled);
    }
}
