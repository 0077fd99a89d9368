/* Clients that send on while their answer is being made or sent: a next request, or anything behind that of an event stream.
 *
 * libwebsockets does not take that in before the answer is out, but turns its loop without rest for as long as it waits there. When told not
 * to read, it does not write either. So an HTTP peer with a request or a stream is *quiet*: not read from, except in turns of the loop in
 * which its socket takes what is due to it. A watcher of ours, called before libwebsockets' own, begins such a turn; before the loop waits
 * again the turn ends. */
#include "net/internal.h"

static bool has_to_write(const struct sgr__peer *peer) {
    const struct sgr_connection *connection = peer->connection;
    if (peer->request)
        return peer->request->answered;
    return connection && (connection->count || connection->in_flight || connection->shut);
}

static void begin_turn(struct ev_loop *loop, ev_io *watcher, int events) {
    struct sgr__peer *peer = watcher->data;
    (void)events;
    ev_io_stop(loop, watcher);
    if (!peer->wsi)
        return;
    sgr_list_remove(&peer->turn);
    sgr_list_append(&peer->server->turns, &peer->turn);
    lws_rx_flow_control(peer->wsi, 1);
}

void sgr__quiet_begin(struct sgr__peer *peer) {
    peer->quiet = true;
    ev_io_init(&peer->writable, begin_turn, lws_get_socket_fd(peer->wsi), EV_WRITE);
    ev_set_priority(&peer->writable, EV_MAXPRI);
    peer->writable.data = peer;
    lws_rx_flow_control(peer->wsi, 0);
    if (has_to_write(peer))
        ev_io_start(peer->server->loop, &peer->writable);
}

void sgr__quiet_end(struct sgr__peer *peer) {
    if (!peer->quiet)
        return;
    peer->quiet = false;
    ev_io_stop(peer->server->loop, &peer->writable);
    sgr_list_remove(&peer->turn);
    if (peer->wsi)
        lws_rx_flow_control(peer->wsi, 1);
}

void sgr__peer_wants_to_write(struct sgr__peer *peer) {
    lws_callback_on_writable(peer->wsi);
    sgr__rouse(peer->server);
    if (peer->quiet && sgr_list_empty(&peer->turn))
        ev_io_start(peer->server->loop, &peer->writable);
}

void sgr__turns_end(struct sgr_server *server) {
    SGR_LIST_EACH(link, &server->turns) {
        struct sgr__peer *peer = SGR_CONTAINER(link, struct sgr__peer, turn);
        sgr_list_remove(link);
        lws_rx_flow_control(peer->wsi, 0);
        if (has_to_write(peer))
            ev_io_start(server->loop, &peer->writable);
    }
}
