/* Subscriptions: from a sink's wish through the hub to its state, and the end of it.
 *
 * One that ends while a sink is being called stays linked and is only marked, so that loops over channels and connections go on; it is freed
 * by the outermost sgr__leave, and if it holds a channel its memory goes to the engine with its farewell. An answer to one that is known no
 * more, or does not want it any more, is given back by the hub. */
#include "net/internal.h"

#include <stdlib.h>

_Static_assert(sizeof(struct sgr_subscription) >= SGR_HUB_FAREWELL, "it has room for its farewell");

/* ---- Channels ---- */

struct sgr_subscription *sgr__channel_first(const struct sgr_server *server, uint32_t number) {
    return number < server->channels.count
               ? *SGR_VECTOR_AT(&server->channels, struct sgr_subscription *, number)
               : NULL;
}

static void leave_channel(struct sgr_subscription *subscription) {
    struct sgr_server *server = sgr__subscription_server(subscription);
    if (!subscription->channel)
        return;
    struct sgr_subscription **first =
        SGR_VECTOR_AT(&server->channels, struct sgr_subscription *, subscription->channel);
    if (*first == subscription)
        *first = sgr__channel_next(subscription, subscription); /* NULL: it was alone */
    sgr_list_remove(&subscription->in_channel);
    subscription->channel = 0;
}

/* From here on it holds the channel. */
static int join_channel(struct sgr_subscription *subscription, uint32_t number) {
    struct sgr_server *server = sgr__subscription_server(subscription);
    if (subscription->channel != number) {
        while (server->channels.count <= number)
            if (!sgr_vector_add(&server->channels))
                return SGR_ENOMEM;
        leave_channel(subscription);
        struct sgr_subscription **first =
            SGR_VECTOR_AT(&server->channels, struct sgr_subscription *, number);
        if (*first)
            sgr_list_append(&(*first)->in_channel, &subscription->in_channel);
        else
            *first = subscription;
        subscription->channel = number;
    }
    subscription->holds = true;
    return SGR_OK;
}

/* ---- Who is called ---- */

static bool same_callbacks(const struct sgr_subscription_callbacks *a,
                           const struct sgr_subscription_callbacks *b) {
    return a->state == b->state && a->commit == b->commit && a->stale == b->stale;
}

static const struct sgr__caller *caller_of(struct sgr__sink *sink,
                                           const struct sgr_subscription_callbacks *callbacks) {
    SGR_LIST_EACH(link, &sink->callers) {
        struct sgr__caller *caller = SGR_CONTAINER(link, struct sgr__caller, link);
        if (same_callbacks(&caller->callbacks, callbacks))
            return caller;
    }
    struct sgr__caller *caller = calloc(1, sizeof(*caller));
    if (!caller)
        return NULL;
    caller->sink = sink;
    caller->callbacks = *callbacks;
    sgr_list_append(&sink->callers, &caller->link);
    return caller;
}

void sgr__callers_free(struct sgr__sink *sink) {
    SGR_LIST_EACH(link, &sink->callers)
    free(SGR_CONTAINER(link, struct sgr__caller, link));
    sgr_list_init(&sink->callers);
}

/* ---- Beginning and ending ---- */

/* Ids ascend, and tell where a subscription stands. */
enum { NUMBER_BITS = 24 };

static uint32_t number_of(uint64_t id) {
    return id & ((1u << NUMBER_BITS) - 1);
}

static uint64_t next_id(struct sgr_server *server, uint32_t number) {
    return ++server->next_id << NUMBER_BITS | number;
}

struct sgr_subscription *sgr__subscription_find(struct sgr_server *server, uint64_t id) {
    struct sgr_subscription *subscription = sgr_slots_get(&server->subscriptions, number_of(id));
    return subscription && subscription->id == id ? subscription : NULL;
}

static int number_it(struct sgr_server *server, struct sgr_subscription *subscription) {
    uint32_t number = sgr_slots_add(&server->subscriptions, subscription);
    if (number >> NUMBER_BITS) {
        sgr_slots_remove(&server->subscriptions, number);
        return SGR_ELIMIT;
    }
    subscription->id = next_id(server, number);
    return number ? SGR_OK : SGR_ENOMEM;
}

static struct sgr_subscription *
subscription_new(struct sgr__sink *sink, struct sgr_connection *connection,
                 const struct sgr_subscription_callbacks *callbacks) {
    const struct sgr__caller *caller = caller_of(sink, callbacks);
    struct sgr_subscription *subscription = caller ? calloc(1, sizeof(*subscription)) : NULL;
    if (!subscription || number_it(sink->server, subscription)) {
        free(subscription);
        return NULL;
    }
    subscription->caller = caller;
    subscription->connection = connection;
    sgr_list_init(&subscription->in_channel);
    sgr_list_append(connection ? &connection->subscriptions : &sink->server->one_shots,
                    &subscription->in_owner);
    return subscription;
}

static void told_unref(struct sgr__told *told) {
    if (told && !--told->refs)
        free(told);
}

static void subscription_free(struct sgr_subscription *subscription) {
    struct sgr_server *server = sgr__subscription_server(subscription);
    uint32_t channel = subscription->channel;
    sgr__guard_free(subscription->guard);
    leave_channel(subscription);
    sgr_list_remove(&subscription->in_owner);
    told_unref(subscription->told);
    if (subscription->holds)
        sgr_hub_unsubscribe(server->hub, channel, subscription);
    else
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
    struct sgr_server *server = sgr__subscription_server(subscription);
    if (subscription->buried)
        return;
    subscription->buried = true;
    sgr_slots_remove(&server->subscriptions, number_of(subscription->id));
    subscription->next_ended = server->ended;
    server->ended = subscription;
}

/* From here on nothing is called any more. What the engine has not answered yet still counts as due to its connection, or a client that ends
 * what it begins could ask for more and more; so it stays until then. */
static void end(struct sgr_subscription *subscription) {
    if (subscription->ended)
        return;
    subscription->ended = true;
    subscription->live = false;
    if (subscription->guard)
        sgr__guard_stop(subscription->guard);
    if (!subscription->asked)
        count_answer(subscription); /* there will be none */
    if (subscription->answered || !subscription->connection)
        bury(subscription);
}

int sgr__subscription_ask(struct sgr_subscription *subscription, const struct sgr_subscribe *what) {
    struct sgr_server *server = sgr__subscription_server(subscription);
    if (sgr_hub_subscribe(server->hub, subscription->id, what, subscription->once))
        return SGR_ENOMEM;
    subscription->asked = true;
    return SGR_OK;
}

int sgr__subscription_rename(struct sgr_subscription *subscription) {
    struct sgr_server *server = sgr__subscription_server(subscription);
    void *farewell = subscription->holds ? malloc(SGR_HUB_FAREWELL) : NULL;
    if (subscription->holds && !farewell)
        return SGR_ENOMEM;
    if (farewell)
        sgr_hub_unsubscribe(server->hub, subscription->channel, farewell);
    subscription->id = next_id(server, number_of(subscription->id));
    subscription->holds = subscription->live = subscription->asked = false;
    if (subscription->answered && subscription->connection) {
        subscription->connection->answers_due++;
        sgr__connection_listen(subscription->connection);
    }
    subscription->answered = false;
    return SGR_OK;
}

/* Asks the engine, or has the view's guard do that in its time. */
static int ask_or_guard(struct sgr_subscription *subscription, const struct sgr_subscribe *what) {
    const struct sgr_plan_access *access =
        sgr__access_find(sgr__subscription_server(subscription), what->view);
    if (!access)
        return sgr__subscription_ask(subscription, what);
    subscription->guard = sgr__guard_new(subscription, access, what);
    return subscription->guard ? SGR_OK : SGR_ENOMEM;
}

static struct sgr_subscription *begin(struct sgr__sink *sink, struct sgr_connection *connection,
                                      const struct sgr_subscribe *what,
                                      const struct sgr_subscription_callbacks *callbacks,
                                      void *data) {
    struct sgr_subscription *subscription = subscription_new(sink, connection, callbacks);
    if (!subscription)
        return NULL;
    subscription->data = data;
    subscription->once = !connection || !callbacks->commit;
    if (ask_or_guard(subscription, what)) {
        sgr_slots_remove(&sink->server->subscriptions, number_of(subscription->id));
        subscription_free(subscription);
        return NULL;
    }
    if (connection) {
        connection->shared |= connection->subscriptions.next != connection->subscriptions.prev;
        if (connection->stamp)
            sgr__connection_stamp(connection);
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
    while (server->ended) {
        struct sgr_subscription *subscription = server->ended;
        server->ended = subscription->next_ended;
        subscription_free(subscription);
    }
}

void sgr__subscriptions_end_all(struct sgr_server *server) {
    struct sgr_subscription *subscription;
    for (uint32_t at = 0; (subscription = sgr_slots_next(&server->subscriptions, &at));) {
        end(subscription);
        bury(subscription);
    }
    sgr__subscriptions_free_ended(server);
    told_unref(server->told);
    server->told = NULL;
}

/* ---- States ---- */

void sgr__subscription_tell_error(struct sgr_subscription *subscription, int status,
                                  const char *code, const char *message) {
    struct sgr_state state = {
        .answer = SGR_ANSWER_ERROR, .status = status, .code = code, .message = message};
    if (subscription->ended)
        return;
    subscription->caller->callbacks.state(subscription->data, subscription, &state);
    end(subscription);
}

/* A subscription whose state came while its connection composes was not part of the question: it is asked again. */
static void enter_live(struct sgr_subscription *subscription) {
    subscription->live = true;
    if (subscription->connection->compose)
        subscription->connection->compose_again = true;
}

static bool was_told(const struct sgr__told *told, struct sgr_slice cursor, uint64_t epoch,
                     uint64_t after) {
    return told->epoch == epoch && told->after == after &&
           sgr_slice_equal((struct sgr_slice){told->cursor, told->size}, cursor);
}

/* Many subscriptions in a row are told the same one. */
static struct sgr__told *note_told(struct sgr_server *server, struct sgr_slice cursor,
                                   uint64_t epoch) {
    uint64_t after = server->commit_count;
    if (server->told && was_told(server->told, cursor, epoch, after))
        return server->told;
    struct sgr__told *told = malloc(sizeof(*told) + cursor.size);
    if (!told)
        return NULL;
    *told = (struct sgr__told){
        .refs = 1, .size = (uint32_t)cursor.size, .epoch = epoch, .after = after};
    if (cursor.size)
        memcpy(told->cursor, cursor.data, cursor.size);
    told_unref(server->told);
    server->told = told;
    return told;
}

int sgr__subscription_place(struct sgr_subscription *subscription, struct sgr_slice cursor,
                            uint64_t epoch) {
    struct sgr__told *told = note_told(sgr__subscription_server(subscription), cursor, epoch);
    if (!told)
        return SGR_ENOMEM;
    told->refs++;
    told_unref(subscription->told);
    subscription->told = told;
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
           (subscription->connection->paused || subscription->told->epoch < epoch);
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

static void put_cursor(const struct sgr_subscription *subscription,
                       const struct sgr_hub_answer *answer, struct sgr_state *state) {
    struct sgr_connection *connection = subscription->connection;
    uint64_t stamp = subscription->guard ? subscription->guard->values_stamp : 0;
    if (connection && subscription->guard)
        sgr__connection_stamp(connection);
    if (connection)
        stamp = connection->stamp;
    state->cursor = sgr__stamped(&sgr__subscription_server(subscription)->stamped,
                                 told_cursor(subscription, answer), stamp);
}

bool sgr__answer(struct sgr_subscription *subscription, const struct sgr_hub_answer *answer) {
    struct sgr_state state = answer->state;
    count_answer(subscription);
    if (subscription->ended) {
        bury(subscription);
        return false;
    }
    char etag[SGR__ETAG];
    if (subscription->guard && !sgr__guard_answer(subscription->guard, &state, etag))
        return false;
    bool ends = subscription->once || state.answer == SGR_ANSWER_ERROR;
    bool joined = ends || join_channel(subscription, answer->channel) == SGR_OK;
    struct sgr_slice position = sgr__answer_position(subscription->connection, answer);
    if (!joined || (!ends && sgr__subscription_place(subscription, position, answer->epoch))) {
        sgr__subscription_tell_error(subscription, 503, "out_of_memory", "out of memory");
        return joined;
    }
    put_cursor(subscription, answer, &state);
    if (!ends)
        enter_live(subscription);
    subscription->caller->callbacks.state(subscription->data, subscription, &state);
    if (ends)
        end(subscription);
    return true;
}

void sgr__reset(struct sgr_server *server, const struct sgr_hub_answer *answer) {
    struct sgr_subscription *first = sgr__channel_first(server, answer->channel);
    for (struct sgr_subscription *at = first; at; at = sgr__channel_next(first, at))
        if (at->live && !at->ended)
            sgr__answer(at, answer);
}
