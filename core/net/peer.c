/* Peers: the sockets, and libwebsockets' callback. This file turns its reasons into calls on requests and connections, and knows nothing of
 * either's meaning.
 *
 * A peer is freed by LWS_CALLBACK_WSI_DESTROY, the last word about a socket; what it carried ends there too, whatever came before. */
#include "net/internal.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int adopt(struct sgr__peer *peer, int descriptor) {
    lws_adopt_desc_t how = {.vh = peer->server->vhost,
                            .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP,
                            .fd = {.sockfd = descriptor},
                            .opaque = peer};
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&how);
    if (wsi && lws_get_opaque_user_data(wsi) == peer)
        peer->wsi = wsi;
    return wsi ? SGR_OK : SGR_EIO;
}

/* The descriptor is libwebsockets' from here on, or closed. A failed adoption ends with the peer's destruction like any other end, unless
 * it failed before there was a wsi. */
int sgr__peer_adopt(struct sgr_server *server, int descriptor, bool refused, bool guarded) {
    struct sgr__peer *peer = calloc(1, sizeof(*peer));
    if (!peer) {
        close(descriptor);
        return SGR_ENOMEM;
    }
    peer->server = server;
    peer->refused = refused;
    peer->guarded = guarded;
    sgr_list_init(&peer->doomed);
    sgr_list_init(&peer->turn);
    sgr_list_append(&server->peers, &peer->link);
    server->peer_count++;
    size_t before = server->peer_count;
    int code = adopt(peer, descriptor);
    if (code && server->peer_count == before) {
        sgr_list_remove(&peer->link);
        server->peer_count--;
        free(peer);
    }
    return code;
}

/* Not at once: this may come from within a callback of that very socket. */
void sgr__peer_kill(struct sgr__peer *peer) {
    sgr_list_remove(&peer->doomed);
    sgr_list_append(&peer->server->doomed, &peer->doomed);
    sgr__rouse(peer->server);
}

/* libwebsockets' own deferred kind waits for its timer, which it does not arm when it is told from outside its callbacks; and what it
 * still holds for a client it would first try to send, which must fail at once. */
void sgr__peers_bury(struct sgr_server *server) {
    while (!sgr_list_empty(&server->doomed)) {
        struct sgr__peer *peer = SGR_CONTAINER(server->doomed.next, struct sgr__peer, doomed);
        sgr_list_remove(&peer->doomed);
        if (!peer->wsi)
            continue;
        shutdown(lws_get_socket_fd(peer->wsi), SHUT_RDWR);
        lws_set_timeout(peer->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
    }
}

/* What the peer carried ends. Twice is fine. */
static void peer_gone(struct sgr__peer *peer) {
    struct sgr_server *server = peer->server;
    sgr__enter(server);
    if (peer->connection)
        sgr__connection_closed(peer->connection);
    peer->connection = NULL;
    if (peer->request)
        sgr__request_abandon(peer->request);
    peer->request = NULL;
    sgr__quiet_end(peer);
    peer->wsi = NULL;
    sgr__leave(server);
}

static void peer_free(struct sgr__peer *peer) {
    struct sgr_server *server = peer->server;
    peer_gone(peer);
    sgr_list_remove(&peer->doomed);
    sgr_list_remove(&peer->link);
    server->peer_count--;
    free(peer);
    if (server->draining && !server->peer_count)
        ev_break(server->loop, EVBREAK_ALL);
}

/* Headers a sink wants in the answer to a websocket's handshake. */
static int add_headers(struct sgr__peer *peer, struct lws_process_html_args *args) {
    const char *headers = peer->connection ? peer->connection->headers : NULL;
    if (peer->connection && sgr__deflate_answer(peer->connection, args))
        return -1;
    if (!headers)
        return 0;
    size_t size = strlen(headers);
    if (size > (size_t)args->max_len) /* args->len is not set */
        return -1;
    memcpy(args->p, headers, size);
    args->p += size;
    return 0;
}

static void remember_close(struct sgr_connection *connection, const unsigned char *in,
                           size_t size) {
    connection->closed_code = size >= 2 ? in[0] << 8 | in[1] : 1005;
    connection->ending = true;
}

static int on_websocket(struct sgr__peer *peer, enum lws_callback_reasons reason, void *in,
                        size_t size) {
    struct sgr_connection *connection = peer->connection;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return sgr__connection_opened(connection);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return sgr__connection_flush(connection);
    case LWS_CALLBACK_RECEIVE:
        return sgr__connection_receive(
            connection, (struct sgr_slice){in, size},
            (lws_frame_is_binary(peer->wsi) ? SGR__BINARY : 0u) |
                (lws_get_reserved_bits(peer->wsi) ? SGR__DEFLATED : 0u) |
                (lws_is_first_fragment(peer->wsi) ? SGR__FIRST : 0u) |
                (lws_remaining_packet_payload(peer->wsi) ? 0u : SGR__FRAME_ENDS) |
                (lws_is_final_fragment(peer->wsi) ? SGR__FINAL : 0u));
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        remember_close(connection, in, size);
        return 0;
    default:
        return 0;
    }
}

static int on_http(struct sgr__peer *peer, enum lws_callback_reasons reason, void *in,
                   size_t size) {
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return sgr__request_begin(peer);
    case LWS_CALLBACK_HTTP_BODY:
        return sgr__request_body(peer, (struct sgr_slice){in, size});
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return sgr__request_complete(peer);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        if (peer->connection)
            return sgr__connection_flush(peer->connection);
        return peer->request ? sgr__request_write(peer) : 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return sgr__request_upgrade(peer, in);
    case LWS_CALLBACK_ADD_HEADERS:
        return add_headers(peer, in);
    default:
        return 0;
    }
}

static int dispatch(struct sgr__peer *peer, enum lws_callback_reasons reason, void *in,
                    size_t size) {
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return peer->connection ? on_websocket(peer, reason, in, size) : -1;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return peer->connection ? 0 : -1;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
        peer_gone(peer);
        return 0;
    default:
        return on_http(peer, reason, in, size);
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size) {
    struct sgr__peer *peer = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    if (!peer)
        return 0;
    if (reason == LWS_CALLBACK_WSI_DESTROY) {
        lws_set_opaque_user_data(wsi, NULL);
        peer_free(peer);
        return 0;
    }
    struct sgr_server *server = peer->server;
    peer->wsi = wsi;
    sgr__enter(server);
    int code = dispatch(peer, reason, in, size);
    if (code)
        sgr__quiet_end(peer);
    sgr__leave(server);
    return code;
}

static void protocol_init(struct lws_protocols *protocol, const char *name) {
    *protocol =
        (struct lws_protocols){.name = name, .callback = callback, .tx_packet_size = 1 << 20};
}

static bool has_protocol(const struct lws_protocols *protocols, const char *name) {
    for (; protocols->name; protocols++)
        if (strcmp(protocols->name, name) == 0)
            return true;
    return false;
}

/* libwebsockets' table: the one for HTTP and for websockets that name no subprotocol, then each subprotocol of a route. */
int sgr__protocols_new(struct sgr_server *server) {
    server->protocols = calloc(server->routes.count + 2, sizeof(*server->protocols));
    if (!server->protocols)
        return SGR_ENOMEM;
    struct lws_protocols *next = server->protocols;
    protocol_init(next++, "http");
    for (size_t i = 0; i < server->routes.count; i++) {
        const struct sgr__route *route = SGR_VECTOR_AT(&server->routes, struct sgr__route, i);
        if (route->route.protocol && !has_protocol(server->protocols, route->route.protocol))
            protocol_init(next++, route->route.protocol);
    }
    return SGR_OK;
}

void sgr__protocols_free(struct sgr_server *server) {
    free(server->protocols);
    server->protocols = NULL;
}
