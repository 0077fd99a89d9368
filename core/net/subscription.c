/* Subscriptions: from a sink's wish through the hub to its state, and the end of it.
 *
 * One that ends while a sink is being called stays linked and is only marked, so that loops over channels and connections go on; it is freed
 * by the outermost sgr__leave. The engine is told at once. */
#include "net/internal.h"

#include <stdlib.h>

/* ---- Channels ---- */

struct sgr__channel *sgr__channel_find(struct sgr_server *server, uint64_t id) {
    return sgr_map_get(server->channels, sgr__id_key(&id));
}

static struct sgr__channel *channel_of(struct sgr_server *server, uint64_t id) {
    struct sgr__channel *channel = sgr__channel_find(server, id);
    if (channel)
        return channel;
    channel = calloc(1, sizeof(*channel));
    if (!channel || sgr_map_put(server->channels, sgr__id_key(&id), channel, NULL)) {
        free(channel);
        return NULL;
    }
    channel->id = id;
    sgr_list_init(&channel->subscriptions);
    return channel;
}

static void leave_channel(struct sgr_server *server, struct sgr_subscription *subscription) {
    struct sgr__channel *channel = subscription->channel;
    if (!channel)
        return;
    sgr_list_remove(&subscription->in_channel);
    subscription->channel = NULL;
    if (sgr_list_empty(&channel->subscriptions)) {
        sgr_map_remove(server->channels, sgr__id_key(&channel->id));
        free(channel);
    }
}

static int join_channel(struct sgr_subscription *subscription, uint64_t id) {
    struct sgr_server *server = subscription->sink->server;
    if (subscription->channel && subscription->channel->id == id)
        return SGR_OK;
    struct sgr__channel *channel = channel_of(server, id);
    if (!channel)
        return SGR_ENOMEM;
    leave_channel(server, subscription);
    subscription->channel = channel;
    sgr_list_append(&channel->subscriptions, &subscription->in_channel);
    return SGR_OK;
}

/* ---- Beginning and ending ---- */

struct sgr_subscription *sgr__subscription_find(struct sgr_server *server, uint64_t id) {
    return sgr_map_get(server->subscriptions, sgr__id_key(&id));
}

static struct sgr_subscription *subscription_new(struct sgr__sink *sink,
                                                 struct sgr_connection *connection) {
    struct sgr_server *server = sink->server;
    struct sgr_subscription *subscription = calloc(1, sizeof(*subscription));
    uint64_t id = ++server->next_id;
    if (!subscription || sgr_map_put(server->subscriptions, sgr__id_key(&id), subscription, NULL)) {
        free(subscription);
        return NULL;
    }
    subscription->id = id;
    subscription->sink = sink;
    subscription->connection = connection;
    sgr_list_init(&subscription->in_channel);
    sgr_list_init(&subscription->in_ended);
    sgr_list_append(connection ? &connection->subscriptions : &server->one_shots,
                    &subscription->in_owner);
    return subscription;
}

static void subscription_free(struct sgr_subscription *subscription) {
    sgr__guard_free(subscription->guard);
    leave_channel(subscription->sink->server, subscription);
    sgr_list_remove(&subscription->in_owner);
    sgr_list_remove(&subscription->in_ended);
    sgr_bytes_unref(subscription->cursor);
    free(subscription);
}

static void count_answer(struct sgr_subscription *subscription) {
    struct sgr_connection *connection = subscription->connection;
    if (!subscription->answered && connection) {
        connection->answers_due--;
        sgr__connection_listen(connection);
    }
    subscription->answered = true;
}

/* It is known no more, and freed by the outermost leave. */
static void bury(struct sgr_subscription *subscription) {
    struct sgr_server *server = subscription->sink->server;
    if (!sgr_list_empty(&subscription->in_ended))
        return;
    sgr_map_remove(server->subscriptions, sgr__id_key(&subscription->id));
    sgr_list_append(&server->ended, &subscription->in_ended);
}

/* From here on nothing is called any more. What the engine has not answered yet still counts as due to its connection, or a client that ends
 * what it begins could ask for more and more; so it stays until then. */
static void end(struct sgr_subscription *subscription) {
    struct sgr_server *server = subscription->sink->server;
    if (subscription->ended)
        return;
    subscription->ended = true;
    subscription->live = false;
    if (subscription->guard)
        sgr__guard_stop(subscription->guard);
    if (!subscription->once && subscription->asked)
        sgr_hub_unsubscribe(server->hub, subscription->id);
    if (!subscription->asked)
        count_answer(subscription); /* there will be none */
    if (subscription->answered || !subscription->connection)
        bury(subscription);
}

void sgr__subscription_silence(struct sgr_subscription *subscription) {
    subscription->live = false;
    leave_channel(subscription->sink->server, subscription);
}

int sgr__subscription_ask(struct sgr_subscription *subscription, const struct sgr_subscribe *what) {
    struct sgr_server *server = subscription->sink->server;
    if (sgr_hub_subscribe(server->hub, subscription->id, what, subscription->once))
        return SGR_ENOMEM;
    subscription->asked = true;
    return SGR_OK;
}

int sgr__subscription_rename(struct sgr_subscription *subscription) {
    struct sgr_server *server = subscription->sink->server;
    uint64_t id = ++server->next_id;
    if (sgr_map_put(server->subscriptions, sgr__id_key(&id), subscription, NULL))
        return SGR_ENOMEM;
    sgr_map_remove(server->subscriptions, sgr__id_key(&subscription->id));
    if (!subscription->once && subscription->asked)
        sgr_hub_unsubscribe(server->hub, subscription->id);
    sgr__subscription_silence(subscription);
    subscription->id = id;
    subscription->asked = false;
    if (subscription->answered && subscription->connection) {
        subscription->connection->answers_due++;
        sgr__connection_listen(subscription->connection);
    }
    subscription->answered = false;
    return SGR_OK;
}

/* Asks the engine, or has the view's guard do that in its time. */
static int ask_or_guard(struct sgr_subscription *subscription, const struct sgr_subscribe *what) {
    const struct sgr_plan_access *access = sgr__access_find(subscription->sink->server, what->view);
    if (!access)
        return sgr__subscription_ask(subscription, what);
    subscription->guard = sgr__guard_new(subscription, access, what);
    return subscription->guard ? SGR_OK : SGR_ENOMEM;
}

static struct sgr_subscription *begin(struct sgr__sink *sink, struct sgr_connection *connection,
                                      const struct sgr_subscribe *what,
                                      const struct sgr_subscription_callbacks *callbacks,
                                      void *data) {
    struct sgr_subscription *subscription = subscription_new(sink, connection);
    if (!subscription)
        return NULL;
    subscription->callbacks = *callbacks;
    subscription->data = data;
    subscription->once = !connection || !callbacks->commit;
    if (ask_or_guard(subscription, what)) {
        sgr_map_remove(sink->server->subscriptions, sgr__id_key(&subscription->id));
        subscription_free(subscription);
        return NULL;
    }
    if (connection) {
        connection->shared |= connection->subscriptions.next != connection->subscriptions.prev;
        connection->answers_due++;
        sgr__connection_listen(connection);
    }
    return subscription;
}

/* Sinks of an older contract have no such member. */
static struct sgr_request *request_of(const struct sgr__sink *sink,
                                      const struct sgr_subscribe *what) {
    return sink->minor >= 1 ? (struct sgr_request *)(uintptr_t)what->request : NULL;
}

struct sgr_subscription *sgr__subscribe(struct sgr__sink *sink, struct sgr_connection *connection,
                                        const struct sgr_subscribe *what,
                                        const struct sgr_subscription_callbacks *callbacks,
                                        void *data) {
    struct sgr_subscription *subscription = begin(sink, connection, what, callbacks, data);
    if (!subscription || !subscription->guard)
        return subscription;
    struct sgr_request *request = connection ? connection->request : request_of(sink, what);
    if (request)
        request->private = true;
    if (connection)
        sgr__guard_begin(subscription->guard, connection->identity);
    else
        sgr__guard_begin(subscription->guard, request ? request->identity : NULL);
    return subscription;
}

struct sgr_subscription *
sgr__subscribe_as(struct sgr__sink *sink, struct sgr_connection *connection,
                  struct sgr_claims *claims, const struct sgr_subscribe *what,
                  const struct sgr_subscription_callbacks *callbacks, void *data) {
    struct sgr_subscription *subscription = begin(sink, connection, what, callbacks, data);
    if (subscription && subscription->guard)
        sgr__guard_own(subscription->guard, claims);
    return subscription;
}

void sgr__unsubscribe(struct sgr_subscription *subscription) {
    end(subscription);
}

void sgr__unsubscribe_all(struct sgr_connection *connection) {
    SGR_LIST_EACH(link, &connection->subscriptions) {
        struct sgr_subscription *subscription =
            SGR_CONTAINER(link, struct sgr_subscription, in_owner);
        end(subscription);
        bury(subscription);
        sgr_list_remove(&subscription->in_owner);
        subscription->connection = NULL;
    }
}

void sgr__subscriptions_free_ended(struct sgr_server *server) {
    SGR_LIST_EACH(link, &server->ended)
    subscription_free(SGR_CONTAINER(link, struct sgr_subscription, in_ended));
}

void sgr__subscriptions_end_all(struct sgr_server *server) {
    struct sgr_slice key;
    void *value;
    if (!server->subscriptions)
        return;
    for (size_t at = 0; sgr_map_next(server->subscriptions, &at, &key, &value);) {
        end(value);
        bury(value);
    }
    sgr__subscriptions_free_ended(server);
}

/* ---- States ---- */

void sgr__subscription_tell_error(struct sgr_subscription *subscription, int status,
                                  const char *code, const char *message) {
    struct sgr_state state = {
        .answer = SGR_ANSWER_ERROR, .status = status, .code = code, .message = message};
    if (subscription->ended)
        return;
    subscription->callbacks.state(subscription->data, subscription, &state);
    end(subscription);
}

/* A subscription whose state came while its connection composes was not part of the question: it is asked again. */
static void enter_live(struct sgr_subscription *subscription) {
    subscription->live = true;
    subscription->told_after = subscription->sink->server->commit_count;
    if (subscription->connection->compose)
        subscription->connection->compose_again = true;
}

/* Many subscriptions in a row are told the same one. */
static int note_cursor(struct sgr_server *server, struct sgr_slice cursor) {
    if (server->told_cursor && sgr_slice_equal(sgr__bytes_slice(server->told_cursor), cursor))
        return SGR_OK;
    sgr_bytes_unref(server->told_cursor);
    server->told_cursor = sgr_bytes_new(cursor.data, cursor.size);
    return server->told_cursor ? SGR_OK : SGR_ENOMEM;
}

int sgr__subscription_place(struct sgr_subscription *subscription, struct sgr_slice cursor) {
    struct sgr_server *server = subscription->sink->server;
    if (note_cursor(server, cursor))
        return SGR_ENOMEM;
    sgr_bytes_unref(subscription->cursor);
    subscription->cursor = sgr_bytes_ref(server->told_cursor);
    subscription->told_after = server->commit_count;
    return SGR_OK;
}

/* ---- Cursors ----
 *
 * A client may keep but the newest cursor of a connection, and come back with it for all its subscriptions. So when they are several, each is
 * told the position of the answer, as its own last change may be older than what the others were told. And where the others are not there
 * yet, because what they missed or their reset comes only behind this message, it is told a cursor that names nothing: one who is cut off in
 * between is reset. */

static const struct sgr_slice nowhere = {"-", 1};

static bool is_behind(const struct sgr_subscription *subscription, uint64_t epoch) {
    return subscription->live && !subscription->ended &&
           (subscription->connection->paused || subscription->epoch < epoch);
}

static bool others_are_behind(const struct sgr_subscription *subscription, uint64_t epoch) {
    SGR_LIST_EACH(link, &subscription->connection->subscriptions) {
        const struct sgr_subscription *other =
            SGR_CONTAINER(link, struct sgr_subscription, in_owner);
        if (other != subscription && is_behind(other, epoch))
            return true;
    }
    return false;
}

struct sgr_slice sgr__answer_position(const struct sgr_connection *connection,
                                      const struct sgr_hub_answer *answer) {
    return connection && connection->shared && answer->now.size ? answer->now
                                                                : answer->state.cursor;
}

static struct sgr_slice told_cursor(const struct sgr_subscription *subscription,
                                    const struct sgr_hub_answer *answer) {
    const struct sgr_connection *connection = subscription->connection;
    if (answer->state.answer == SGR_ANSWER_ERROR || !connection || !connection->shared)
        return answer->state.cursor;
    if (connection->more_to_come || others_are_behind(subscription, answer->epoch))
        return nowhere;
    return sgr__answer_position(connection, answer);
}

void sgr__answer(struct sgr_subscription *subscription, const struct sgr_hub_answer *answer) {
    struct sgr_state state = answer->state;
    count_answer(subscription);
    if (subscription->ended) {
        bury(subscription);
        return;
    }
    char etag[SGR__ETAG];
    if (subscription->guard && !sgr__guard_answer(subscription->guard, &state, etag))
        return;
    bool ends = subscription->once || state.answer == SGR_ANSWER_ERROR;
    if (!ends && (join_channel(subscription, answer->channel) ||
                  sgr__subscription_place(
                      subscription, sgr__answer_position(subscription->connection, answer)))) {
        sgr__subscription_tell_error(subscription, 503, "out_of_memory", "out of memory");
        return;
    }
    state.cursor = told_cursor(subscription, answer);
    subscription->epoch = answer->epoch;
    if (!ends)
        enter_live(subscription);
    subscription->callbacks.state(subscription->data, subscription, &state);
    if (ends)
        end(subscription);
}
