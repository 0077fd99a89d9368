/* The network side's turn, lent to the engine's thread.
 *
 * To wake the network thread for one small commit, or one small batch of a change stream, takes longer than to deliver it. So while that thread waits in its loop for something to
 * happen, the engine's may deliver such a commit in its place, sockets and all. Whoever does anything on the network side holds `turn`; the network
 * thread gives it away for as long as the loop waits, and the engine's never waits for it.
 *
 * Whom a commit is for is known beforehand. Whom a batch is for its sinks find out; the best guess is that they are as many as for the one before, and if they
 * are more, what they are sent is written by the network thread.
 *
 * What is watched, and until when, was settled before the loop began to wait; so whatever changes that within a lent turn has to rouse it. */
#include "net/internal.h"

/* What the engine may be kept from its own work with. */
enum { MOST_CLIENTS = 4, MOST_BYTES = 4096 };

static void begin_waiting(struct ev_loop *loop) {
    struct sgr_server *server = ev_userdata(loop);
    pthread_mutex_unlock(&server->turn);
}

static void end_waiting(struct ev_loop *loop) {
    struct sgr_server *server = ev_userdata(loop);
    pthread_mutex_lock(&server->turn);
}

void sgr__lend_init(struct sgr_server *server) {
    ev_set_userdata(server->loop, server);
    ev_set_loop_release_cb(server->loop, begin_waiting, end_waiting);
}

void sgr__rouse(struct sgr_server *server) {
    if (server->lent)
        ev_async_send(server->loop, &server->wake);
}

static bool small(struct sgr_server *server, const struct sgr_hub_commit *commit) {
    size_t clients = 0, bytes = 0;
    for (size_t i = 0; i < commit->count; i++) {
        const struct sgr_hub_item *item = &commit->items[i];
        struct sgr_subscription *first = sgr__channel_first(server, item->channel);
        for (struct sgr_subscription *subscription = first; subscription;
             subscription = sgr__channel_next(first, subscription)) {
            clients++;
            bytes += item->patches->size;
            if (clients > MOST_CLIENTS || bytes > MOST_BYTES ||
                !subscription->caller->sink->methods.any_thread)
                return false;
        }
    }
    return true;
}

/* ---- A turn ---- */

/* False: the network thread has it, or has something to do before. */
static bool borrow(struct sgr_server *server) {
    if (pthread_mutex_trylock(&server->turn))
        return false;
    if (!server->draining && sgr_hub_idle(server->hub))
        return true;
    pthread_mutex_unlock(&server->turn);
    return false;
}

static void give_back(struct sgr_server *server) {
    pthread_mutex_unlock(&server->turn);
}

static void begin(struct sgr_server *server) {
    server->lent = true;
    ev_now_update(server->loop);
    sgr__enter(server);
}

static void end(struct sgr_server *server) {
    if (server->dirty.count <= MOST_CLIENTS)
        sgr__flush_dirty(server);
    else
        sgr__rouse(server);
    sgr__leave(server);
    server->lent = false;
}

static bool lend_commit(void *data, const struct sgr_hub_commit *commit) {
    struct sgr_server *server = data;
    if (!borrow(server))
        return false;
    bool taken = small(server, commit);
    if (taken) {
        begin(server);
        sgr__commit(server, commit);
        end(server);
    }
    give_back(server);
    return taken;
}

static bool lend_stream_batch(void *data, size_t source, const struct sgr_stream_batch *batch) {
    struct sgr_server *server = data;
    if (!borrow(server))
        return false;
    bool taken = sgr__stream_reaches_few(server, source, MOST_CLIENTS);
    if (taken) {
        begin(server);
        sgr__stream_batch(server, source, batch);
        end(server);
    }
    give_back(server);
    return taken;
}

const struct sgr_hub_alone sgr__lend = {.commit = lend_commit, .stream_batch = lend_stream_batch};
