/* Commits to connections: each gets all its frames of a commit in one call, so that it is never torn.
 *
 * A commit names channels; a channel has subscriptions; they belong to connections. Most connections have one frame of a commit: for those
 * a channel's subscribers share what the sink encoded (`shared`, by sink and slot). Those with one subscription can have no more and are told
 * as they are met. The others' frames are first laid out by connection, then delivered.
 *
 * A connection over its budget is *paused*: commits pass it by. When its queue is empty the engine is asked for what all its subscriptions
 * missed, as of one commit, and that is delivered as one. Until the answer comes commits still pass it by, and because the hub keeps
 * order, those behind the answer are those it does not hold. */
#include "net/internal.h"

#include <stdlib.h>

/* ---- Sharing ---- */

static void release_shared(struct sgr_server *server) {
    for (size_t i = 0; i < server->sink_count * SGR__SLOTS; i++) {
        sgr_bytes_unref(server->slots[i]);
        server->slots[i] = NULL;
    }
}

static struct sgr_bytes **slots_of(const struct sgr_connection *connection) {
    return &connection->server->slots[connection->sink->index * SGR__SLOTS];
}

/* ---- A commit ---- */

struct commit {
    struct sgr_server *server;
    const struct sgr_hub_commit *from;
    struct sgr_commit told;
    uint64_t stamp; /* of its cursor as it is told */
};

static bool wanted(const struct sgr_subscription *subscription) {
    const struct sgr_connection *connection = subscription->connection;
    return subscription->live && !subscription->ended && !connection->paused && !connection->shut &&
           !connection->ending;
}

static struct sgr_frame make_frame(struct sgr_subscription *subscription,
                                   const struct sgr_hub_item *item) {
    return (struct sgr_frame){.subscription = subscription,
                              .data = subscription->data,
                              .patches = item->patches,
                              .previous = sgr__bytes_slice(item->previous),
                              .revision = item->revision};
}

static void tell(struct sgr_connection *connection, const struct sgr_commit *commit,
                 const struct sgr_frame *frames, size_t count) {
    frames[0].subscription->caller->callbacks.commit(connection, connection->data, commit, frames,
                                                     count);
}

/* What was encoded with another stamp is not theirs to share. */
static void put_stamp(struct commit *commit, uint64_t stamp) {
    if (commit->stamp == stamp)
        return;
    release_shared(commit->server);
    commit->stamp = stamp;
    commit->told.cursor =
        sgr__stamped(&commit->server->stamped, sgr__bytes_slice(commit->from->cursor), stamp);
}

static void tell_one(struct commit *commit, struct sgr_subscription *subscription,
                     const struct sgr_hub_item *item) {
    struct sgr_frame frame = make_frame(subscription, item);
    put_stamp(commit, subscription->connection->stamp);
    frame.previous = sgr__stamped(&commit->server->previous, frame.previous, commit->stamp);
    commit->told.shared = slots_of(subscription->connection);
    tell(subscription->connection, &commit->told, &frame, 1);
}

/* The only one of its connection, which so can have no other frame of this commit. */
static bool is_alone(const struct sgr_subscription *subscription) {
    return subscription->in_owner.next == subscription->in_owner.prev;
}

static int count_frame(struct sgr_server *server, struct sgr_connection *connection) {
    if (!connection->frame_count && sgr_vector_push(&server->touched, &connection))
        return SGR_ENOMEM;
    connection->frame_count++;
    return SGR_OK;
}

/* Tells those that can have but one frame, so that a commit for very many looks at each of them once. Counts the others' frames; `touched`
 * are those that have any. */
static int tell_or_count(struct commit *commit) {
    struct sgr_server *server = commit->server;
    for (size_t i = 0; i < commit->from->count; i++) {
        const struct sgr_hub_item *item = &commit->from->items[i];
        struct sgr_subscription *first = sgr__channel_first(server, item->channel);
        for (struct sgr_subscription *subscription = first; subscription;
             subscription = sgr__channel_next(first, subscription)) {
            if (!wanted(subscription))
                continue;
            if (is_alone(subscription))
                tell_one(commit, subscription, item);
            else if (count_frame(server, subscription->connection))
                return SGR_ENOMEM;
        }
        release_shared(server);
    }
    return SGR_OK;
}

/* A place in `frames` for each connection that has several. */
static int place_connections(struct sgr_server *server) {
    size_t total = 0;
    for (size_t i = 0; i < server->touched.count; i++) {
        struct sgr_connection *connection =
            *SGR_VECTOR_AT(&server->touched, struct sgr_connection *, i);
        connection->frame_at = total;
        total += connection->frame_count > 1 ? connection->frame_count : 0;
    }
    if (sgr_vector_reserve(&server->frames, total))
        return SGR_ENOMEM;
    server->frames.count = total;
    return SGR_OK;
}

static void lay_out_frames(struct commit *commit) {
    struct sgr_server *server = commit->server;
    for (size_t i = 0; i < commit->from->count; i++) {
        const struct sgr_hub_item *item = &commit->from->items[i];
        struct sgr_subscription *first = sgr__channel_first(server, item->channel);
        for (struct sgr_subscription *subscription = first; subscription;
             subscription = sgr__channel_next(first, subscription)) {
            if (wanted(subscription) && subscription->connection->frame_count > 1)
                *SGR_VECTOR_AT(&server->frames, struct sgr_frame,
                               subscription->connection->frame_at++) =
                    make_frame(subscription, item);
        }
    }
}

static void deliver_item(struct commit *commit, const struct sgr_hub_item *item) {
    struct sgr_subscription *first = sgr__channel_first(commit->server, item->channel);
    for (struct sgr_subscription *subscription = first; subscription;
         subscription = sgr__channel_next(first, subscription))
        if (!subscription->ended && subscription->live &&
            subscription->connection->frame_count == 1)
            tell_one(commit, subscription, item);
    release_shared(commit->server);
}

static int by_subscription(const void *a, const void *b) {
    uint64_t x = ((const struct sgr_frame *)a)->subscription->id;
    uint64_t y = ((const struct sgr_frame *)b)->subscription->id;
    return x < y ? -1 : x > y;
}

static void deliver_many(struct commit *commit, struct sgr_connection *connection) {
    size_t count = 0, start = connection->frame_at - connection->frame_count;
    struct sgr_frame *frames = SGR_VECTOR_AT(&commit->server->frames, struct sgr_frame, start);
    for (size_t i = 0; i < connection->frame_count; i++)
        if (!frames[i].subscription->ended && frames[i].subscription->live)
            frames[count++] = frames[i];
    qsort(frames, count, sizeof(*frames), by_subscription);
    put_stamp(commit, connection->stamp);
    commit->told.shared = slots_of(connection);
    if (count)
        tell(connection, &commit->told, frames, count);
    release_shared(commit->server);
}

static void deliver_touched(struct commit *commit) {
    struct sgr_vector *touched = &commit->server->touched;
    lay_out_frames(commit);
    for (size_t i = 0; i < commit->from->count; i++)
        deliver_item(commit, &commit->from->items[i]);
    for (size_t i = 0; i < touched->count; i++) {
        struct sgr_connection *connection = *SGR_VECTOR_AT(touched, struct sgr_connection *, i);
        if (connection->frame_count > 1)
            deliver_many(commit, connection);
    }
}

static void shut_touched_for_memory(struct sgr_server *server) {
    SGR_LIST_EACH(link, &server->connections)
    sgr__shut(SGR_CONTAINER(link, struct sgr_connection, link), 1013, "out of memory");
}

void sgr__commit(struct sgr_server *server, const struct sgr_hub_commit *from) {
    struct commit commit = {.server = server,
                            .from = from,
                            .told = {.cursor = sgr__bytes_slice(from->cursor), .time = from->time}};
    server->commit_count++;
    sgr_bytes_unref(server->last_cursor);
    server->last_cursor = sgr_bytes_ref(from->cursor);
    if (tell_or_count(&commit) || place_connections(server))
        shut_touched_for_memory(server);
    else if (server->touched.count)
        deliver_touched(&commit);
    for (size_t i = 0; i < server->touched.count; i++)
        (*SGR_VECTOR_AT(&server->touched, struct sgr_connection *, i))->frame_count = 0;
    sgr_vector_clear(&server->touched);
    sgr_vector_clear(&server->frames);
}

/* ---- Pausing and composing ---- */

void sgr__connection_pause(struct sgr_connection *connection) {
    struct sgr_server *server = connection->server;
    if (connection->paused)
        return;
    connection->paused = true;
    connection->paused_after = server->commit_count;
    connection->paused_at = server->last_cursor ? sgr_bytes_ref(server->last_cursor) : NULL;
}

static void resume(struct sgr_connection *connection) {
    connection->paused = false;
    sgr_bytes_unref(connection->paused_at);
    connection->paused_at = NULL;
}

/* What its client has: all up to the pause, unless it was told its state since. */
static struct sgr_slice position(const struct sgr_subscription *subscription) {
    const struct sgr_connection *connection = subscription->connection;
    const struct sgr__told *told = subscription->told;
    if (connection->paused_after > told->after && connection->paused_at)
        return sgr__bytes_slice(connection->paused_at);
    return (struct sgr_slice){told->cursor, told->size};
}

struct question {
    struct sgr_hub_missed *missed;
    size_t count;
};

static int collect_live(struct sgr_connection *connection, struct question *ret) {
    size_t most = 0;
    SGR_LIST_EACH(counted, &connection->subscriptions)
    most++;
    ret->count = 0;
    ret->missed = calloc(most + 1, sizeof(*ret->missed));
    if (!ret->missed)
        return SGR_ENOMEM;
    SGR_LIST_EACH(link, &connection->subscriptions) {
        struct sgr_subscription *subscription =
            SGR_CONTAINER(link, struct sgr_subscription, in_owner);
        if (!subscription->live || subscription->ended)
            continue;
        ret->missed[ret->count++] = (struct sgr_hub_missed){.id = subscription->id,
                                                            .channel = subscription->channel,
                                                            .cursor = position(subscription)};
    }
    return SGR_OK;
}

static int ask(struct sgr_connection *connection, const struct question *question) {
    struct sgr_server *server = connection->server;
    uint64_t request = ++server->next_id;
    if (sgr_map_put(server->composing, sgr__id_key(&request), connection, NULL))
        return SGR_ENOMEM;
    if (sgr_hub_compose(server->hub, request, question->missed, question->count)) {
        sgr_map_remove(server->composing, sgr__id_key(&request));
        return SGR_ENOMEM;
    }
    connection->compose = request;
    return SGR_OK;
}

void sgr__compose(struct sgr_connection *connection) {
    struct question question = {0};
    if (!connection->paused || connection->compose || connection->shut || connection->ending ||
        sgr__queued(connection))
        return;
    connection->compose_again = false;
    int code = collect_live(connection, &question);
    if (!code && !question.count) {
        resume(connection);
        sgr__waits_resume(connection);
    } else if (code || ask(connection, &question))
        sgr__shut(connection, 1013, "out of memory");
    free(question.missed);
}

struct composed {
    struct sgr_connection *connection;
    const struct sgr_hub_answer *answers;
    size_t count;
    struct sgr_frame *frames; /* of those that resumed */
    size_t frame_count;
    struct sgr_slice cursor; /* the frames' */
    size_t left;             /* resets that are still to be told */
};

static struct sgr_frame composed_frame(struct sgr_subscription *subscription,
                                       const struct sgr_state *state) {
    return (struct sgr_frame){.subscription = subscription,
                              .data = subscription->data,
                              .patches = state->document,
                              .previous = state->previous,
                              .revision = state->revision};
}

static struct sgr_subscription *composed_subscription(const struct composed *composed, size_t i) {
    struct sgr_subscription *subscription =
        sgr__subscription_find(composed->connection->server, composed->answers[i].id);
    return subscription && subscription->connection == composed->connection ? subscription : NULL;
}

static int collect_composed(struct composed *composed) {
    for (size_t i = 0; i < composed->count; i++) {
        struct sgr_subscription *subscription = composed_subscription(composed, i);
        const struct sgr_hub_answer *answer = &composed->answers[i];
        if (!subscription)
            continue;
        if (answer->state.answer != SGR_ANSWER_RESUMED) {
            composed->left += answer->state.answer != SGR_ANSWER_ERROR;
            continue;
        }
        composed->cursor = sgr__answer_position(composed->connection, answer);
        if (sgr__subscription_place(subscription, composed->cursor, answer->epoch))
            return SGR_ENOMEM;
        if (answer->state.document)
            composed->frames[composed->frame_count++] =
                composed_frame(subscription, &answer->state);
    }
    return SGR_OK;
}

static void tell_others(struct composed *composed) {
    for (size_t i = 0; i < composed->count; i++) {
        struct sgr_subscription *subscription = composed_subscription(composed, i);
        const struct sgr_hub_answer *answer = &composed->answers[i];
        if (!subscription || answer->state.answer == SGR_ANSWER_RESUMED)
            continue;
        composed->left -= answer->state.answer != SGR_ANSWER_ERROR;
        composed->connection->more_to_come = composed->left || composed->frame_count;
        sgr__answer(subscription, answer);
    }
    composed->connection->more_to_come = false;
}

static void tell_composed(struct composed *composed) {
    struct sgr_server *server = composed->connection->server;
    struct sgr_frame *frames = composed->frames;
    uint64_t stamp = composed->connection->stamp;
    struct sgr_commit commit = {.cursor = sgr__stamped(&server->stamped, composed->cursor, stamp),
                                .time = composed->answers[0].state.time,
                                .shared = slots_of(composed->connection),
                                .composed = true};
    size_t count = 0;
    for (size_t i = 0; i < composed->frame_count; i++)
        if (!frames[i].subscription->ended)
            frames[count++] = frames[i];
    qsort(frames, count, sizeof(*frames), by_subscription);
    if (count == 1)
        frames->previous = sgr__stamped(&server->previous, frames->previous, stamp);
    if (count)
        tell(composed->connection, &commit, frames, count);
    release_shared(server);
}

/* Resets and errors one by one, the rest as one commit behind them. */
static void deliver_composed(struct sgr_connection *connection,
                             const struct sgr_hub_answer *answers, size_t count) {
    struct composed composed = {.connection = connection,
                                .answers = answers,
                                .count = count,
                                .frames = calloc(count, sizeof(struct sgr_frame))};
    if (!composed.frames || collect_composed(&composed)) {
        sgr__shut(connection, 1013, "out of memory");
    } else {
        tell_others(&composed);
        tell_composed(&composed);
    }
    free(composed.frames);
}

void sgr__composed(struct sgr_server *server, uint64_t request,
                   const struct sgr_hub_answer *answers, size_t count) {
    struct sgr_connection *connection = sgr_map_remove(server->composing, sgr__id_key(&request));
    if (!connection)
        return;
    connection->compose = 0;
    if (connection->compose_again) {
        sgr__compose(connection);
        return;
    }
    resume(connection);
    if (count)
        deliver_composed(connection, answers, count);
    else /* the engine ran out of memory: what was missed stays so */
        sgr__shut(connection, 1013, "out of memory");
    sgr__waits_resume(connection);
}
