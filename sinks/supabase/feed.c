/* The supabase sink: changes on their way to channels.
 *
 * A change is encoded once, and once more with each topic and form of frames that somebody has joined; that frame is shared by all who have.
 *
 * The stream waits for clients that have too much queued, so that a big transaction flows through at the pace at which it is read. It waits
 * for nobody longer than the configured patience: after that, a slow client's frames are queued up to a limit, and past that it is closed,
 * so that it notices. The others go on meanwhile. */
#include "audience.h"
#include "changes.h"
#include "frame.h"
#include "join.h"
#include "replay.h"
#include "watch.h"

enum {
    BEHIND = 512 << 10,    /* queued bytes from which the stream waits */
    CAUGHT_UP = 128 << 10, /* and up to which it goes on */
    LOOK_AGAIN = 1000,     /* microseconds */
    MISSED = 1012,         /* close code: the service restarts */
};

void feed_hold(struct supabase *supabase, unsigned reason, bool held) {
    unsigned before = supabase->holds;
    supabase->holds = held ? before | reason : before & ~reason;
    if (!before != !supabase->holds)
        supabase->table->stream_hold(supabase->stream, held);
}

/* ---- Clients that are slower than the stream ---- */

static size_t queued(const struct socket *socket) {
    return socket->supabase->table->queued(socket->connection);
}

static void on_look(void *data);

static void look_later(struct supabase *supabase) {
    if (supabase->behind_timer)
        return;
    supabase->behind_timer = supabase->table->timer(supabase->host, LOOK_AGAIN, on_look, supabase);
    feed_hold(supabase, HOLD_CLIENTS, supabase->behind_timer != NULL);
}

static void fall_behind(struct socket *socket) {
    struct supabase *supabase = socket->supabase;
    socket->is_behind = true;
    socket->behind_since = monotonic_now();
    socket->next_behind = supabase->behind;
    supabase->behind = socket;
}

/* Whether the stream goes on waiting for it. */
static bool still_behind(struct socket *socket, int64_t now) {
    if (queued(socket) <= CAUGHT_UP)
        return false;
    socket->is_slow = now - socket->behind_since >= socket->supabase->options->patience;
    return !socket->is_slow;
}

static void on_look(void *data) {
    struct supabase *supabase = data;
    int64_t now = monotonic_now();
    supabase->behind_timer = NULL;
    for (struct socket **place = &supabase->behind, *socket; (socket = *place);) {
        if (still_behind(socket, now)) {
            place = &socket->next_behind;
            continue;
        }
        *place = socket->next_behind;
        socket->is_behind = false;
    }
    if (supabase->behind)
        look_later(supabase);
    else
        feed_hold(supabase, HOLD_CLIENTS, false);
}

static void look_at(struct socket *socket) {
    size_t size = queued(socket);
    if (socket->is_slow && size > (size_t)socket->supabase->options->backlog)
        socket_shut(socket, 1013, "too slow");
    else if (socket->is_slow && size <= CAUGHT_UP)
        socket->is_slow = false;
    else if (!socket->is_slow && !socket->is_behind && size > BEHIND)
        fall_behind(socket);
}

static void look_at_touched(struct supabase *supabase) {
    for (struct socket *socket; (socket = supabase->touched);) {
        supabase->touched = socket->next_touched;
        socket->is_touched = false;
        if (!socket->listed)
            continue;
        replay_tell(socket);
        look_at(socket);
    }
    if (supabase->behind)
        look_later(supabase);
}

static void touch(struct socket *socket) {
    if (socket->is_touched)
        return;
    socket->is_touched = true;
    socket->next_touched = socket->supabase->touched;
    socket->supabase->touched = socket;
}

void feed_forget(struct socket *socket) {
    struct supabase *supabase = socket->supabase;
    for (struct socket **place = &supabase->touched; *place; place = &(*place)->next_touched)
        if (*place == socket) {
            *place = socket->next_touched;
            break;
        }
    for (struct socket **place = &supabase->behind; *place; place = &(*place)->next_behind)
        if (*place == socket) {
            *place = socket->next_behind;
            break;
        }
}

/* ---- One change ---- */

static struct sgr_bytes *make_frame(struct supabase *supabase, const struct topic *topic,
                                    enum vsn vsn, const struct sgr_change *change) {
    char event[16];
    int size = snprintf(event, sizeof(event), "\"%s\"", payload_event(change->kind));
    struct frame frame = {.join_ref = FRAME_NULL,
                          .ref = FRAME_NULL,
                          .topic = {topic->json, topic->json_size},
                          .event = {event, (size_t)size},
                          .payload = {supabase->payload.data, supabase->payload.size}};
    sgr_text_clear(&supabase->text);
    frame_write(&supabase->text, vsn, &frame);
    return supabase->text.failed
               ? NULL
               : supabase->table->bytes_new(supabase->text.data, supabase->text.size);
}

static const struct receivers *seats_of(const struct channel *channel) {
    return channel->audience ? &channel->audience->receivers[channel->socket->vsn] : NULL;
}

bool feed_concerns(const struct supabase *supabase, const struct receivers *receivers) {
    const struct channel *only = supabase->only;
    if (!only)
        return receivers->count > 0;
    return receivers == seats_of(only) ||
           receivers == &only->topic->receivers[only->era][only->socket->vsn];
}

static void send_one(struct socket *socket, struct sgr_bytes *bytes) {
    if (bytes)
        socket->supabase->table->send(socket->connection, bytes);
    else
        socket_shut(socket, 1013, "out of memory");
    touch(socket);
}

void feed_send(struct supabase *supabase, const struct receivers *receivers,
               struct sgr_bytes *bytes) {
    if (supabase->only) {
        send_one(supabase->only->socket, bytes);
        return;
    }
    for (size_t i = 0; i < receivers->count; i++)
        send_one(receivers->items[i]->socket, bytes);
}

static void publish(struct supabase *supabase, const struct topic *topic,
                    const struct receivers *receivers, const struct sgr_change *change) {
    for (enum vsn vsn = VSN_1; vsn < VSN_COUNT; vsn++) {
        if (!feed_concerns(supabase, &receivers[vsn]))
            continue;
        struct sgr_bytes *bytes =
            supabase->payload.failed ? NULL : make_frame(supabase, topic, vsn, change);
        feed_send(supabase, &receivers[vsn], bytes);
        supabase->table->bytes_unref(bytes);
    }
}

/* Of a protected table, only to those who may see the row. */
static void publish_to_hits(struct supabase *supabase, struct topic *topic,
                            const struct sgr_change *change) {
    for (struct audience *audience; (audience = topic->hits);) {
        topic->hits = audience->next_hit;
        audience->is_hit = false;
        publish(supabase, topic, audience->receivers, change);
    }
}

static bool reserve_matches(struct supabase *supabase, size_t count) {
    if (count <= supabase->match_capacity)
        return true;
    struct topic **grown = supabase->table->common.reallocate(supabase->host, supabase->matches,
                                                              count * sizeof(*grown));
    if (!grown)
        return false;
    supabase->matches = grown;
    supabase->match_capacity = count;
    return true;
}

static void feed_topics(struct supabase *supabase, const struct table *table,
                        const struct sgr_change *change, int64_t commit_time, size_t count) {
    if (!count)
        return;
    sgr_text_clear(&supabase->payload);
    payload_v0(&supabase->payload, table, change,
               !table->watch || watch_tells_old(table->watch, change),
               payload_time(&supabase->time, commit_time));
    for (size_t i = 0; i < count; i++) {
        struct topic *topic = supabase->matches[i];
        if (changes_protects(table, change))
            publish_to_hits(supabase, topic, change);
        else
            publish(supabase, topic, topic->receivers[ERA_V0], change);
    }
}

/* False: out of memory. */
static bool feed_change(struct supabase *supabase, const struct sgr_change *change,
                        int64_t commit_time) {
    struct table *table = supabase->only ? topics_table_of_old(&supabase->topics, change->relation)
                                         : topics_table(&supabase->topics, change->relation);
    if (!table || !changes_watch(supabase, table, change->relation) ||
        !reserve_matches(supabase, TABLE_WHOLE + table->count))
        return false;
    size_t count = topics_match(table, change, supabase->matches);
    supabase->change++;
    for (size_t i = 0; i < count; i++)
        supabase->matches[i]->change = supabase->change;
    changes_feed(supabase, table, change, commit_time);
    feed_topics(supabase, table, change, commit_time, count);
    return true;
}

/* ---- The stream ---- */

/* False: out of memory. */
static bool feed_batch(struct supabase *supabase, const struct sgr_stream_batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        if (!feed_change(supabase, &batch->changes[i], batch->transaction.commit_time))
            return false;
    return true;
}

/* A table's older descriptor must not take the place of the one that everybody else is fed by. */
static bool is_still_so(const struct supabase *supabase, const struct sgr_stream_batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        if (!topics_table_of_old(&supabase->topics, batch->changes[i].relation))
            return false;
    return true;
}

const char *feed_again(struct channel *channel, const struct sgr_stream_batch *batch) {
    struct supabase *supabase = channel->socket->supabase;
    if (!is_still_so(supabase, batch))
        return "table";
    supabase->only = channel;
    bool fed = feed_batch(supabase, batch);
    supabase->only = NULL;
    look_at_touched(supabase);
    return fed ? NULL : "memory";
}

static void on_changes(void *data, struct sgr_stream *stream,
                       const struct sgr_stream_batch *batch) {
    struct supabase *supabase = data;
    bool fed = feed_batch(supabase, batch);
    if (!fed) {
        supabase->table->common.log(
            supabase->host, SGR_LOG_ERROR,
            "out of memory: all clients are closed, for they missed changes");
        sockets_shut(supabase, MISSED, "out of memory");
    }
    window_add(&supabase->window, batch);
    look_at_touched(supabase);
    if (supabase->webhooks)
        webhooks_changes(supabase->webhooks, batch);
    else if (batch->last)
        supabase->table->stream_handled(stream, batch->transaction.end_lsn);
}

/* Whoever may have missed a change has to notice: clients read the tables again when they connect. */
static void on_state(void *data, struct sgr_stream *stream, const struct sgr_stream_state *state) {
    struct supabase *supabase = data;
    bool flowed = supabase->flowing;
    (void)stream;
    supabase->flowing = state->phase != SGR_STREAM_DOWN;
    if (state->phase == SGR_STREAM_FLOWING && !flowed)
        changes_flow(supabase);
    if (state->phase != SGR_STREAM_DOWN)
        window_flows(&supabase->window, state->lsn, state->phase == SGR_STREAM_GAP);
    if (state->phase == SGR_STREAM_FLOWING) {
        joins_release(supabase);
        replay_begin(supabase);
    }
    if (state->phase != SGR_STREAM_GAP)
        return;
    supabase->table->common.log(supabase->host, SGR_LOG_WARN,
                                "changes may have been missed (%s): all clients are closed",
                                state->reason ? state->reason : "gap");
    sockets_shut(supabase, MISSED, "changes may have been missed");
    if (supabase->webhooks)
        webhooks_gap(supabase->webhooks, state->lsn);
}

static void on_position(void *data, struct sgr_stream *stream, uint64_t lsn) {
    struct supabase *supabase = data;
    (void)stream;
    if (supabase->webhooks)
        webhooks_position(supabase->webhooks, lsn);
}

int feed_bind(struct supabase *supabase, struct sgr_error *error) {
    size_t window = supabase->options->strict ? 0 : (size_t)supabase->options->window;
    static const struct sgr_stream_callbacks callbacks = {
        .changes = on_changes, .state = on_state, .position = on_position};
    struct sgr_stream_bind bind = {.source = supabase->options->source,
                                   .acknowledges = true,
                                   .callbacks = &callbacks,
                                   .data = supabase};
    supabase->window = window_new(supabase->table, supabase->host, window);
    return supabase->table->stream_bind(supabase->host, &bind, &supabase->stream, error);
}

void feed_free(struct supabase *supabase) {
    supabase->table->timer_cancel(supabase->host, supabase->behind_timer);
    supabase->behind_timer = NULL;
    supabase->table->common.release(supabase->host, supabase->matches);
    sgr_text_free(&supabase->payload);
    window_free(&supabase->window);
}
