/* Change streams as sinks have bound them. Each binding sees every batch and state of its source in order; while a sink holds one, they wait here.
 * Network thread. */
#include <stdlib.h>

#include "net/internal.h"

enum { BYTES_A_TURN = 256 << 10 };

struct sgr_stream {
    struct sgr_list link; /* of the server's */
    struct sgr__sink *sink;
    size_t source;
    struct sgr_stream_bind bind;
    uint32_t era;     /* of the last state it was told */
    uint64_t handled; /* within that */
    bool held;
    size_t reached;          /* connections that its last batch was for */
    struct sgr_list waiting; /* of struct waiting */
};

struct waiting { /* a batch, or a state with its texts behind it */
    struct sgr_list link;
    const struct sgr_stream_batch *batch;
    struct sgr_stream_state state;
    uint32_t era;
};

/* ---- Binding ---- */

static bool find_source(const struct sgr_plan_sink *plan, const char *name, size_t *ret) {
    for (size_t i = 0; plan && name && i < plan->source_count; i++) {
        if (strcmp(plan->source_names[i], name) != 0)
            continue;
        *ret = plan->sources[i];
        return true;
    }
    return false;
}

static bool is_bound(const struct sgr__sink *sink, size_t source) {
    SGR_LIST_EACH(link, &sink->server->streams) {
        const struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        if (stream->sink == sink && stream->source == source)
            return true;
    }
    return false;
}

int sgr__stream_bind(void *host, const struct sgr_stream_bind *bind, struct sgr_stream **ret,
                     struct sgr_error *error) {
    struct sgr__sink *sink = host;
    size_t source;
    if (sink->opened || !bind->callbacks || !bind->callbacks->changes || !bind->callbacks->state)
        return sgr_error_set(error, SGR_EINVAL, "streams are bound in open, with both callbacks");
    if (!find_source(sink->plan, bind->source, &source))
        return sgr_error_set(error, SGR_ENOTFOUND, "no option of this sink names the source \"%s\"",
                             bind->source ? bind->source : "");
    if (is_bound(sink, source))
        return sgr_error_set(error, SGR_EINVAL, "the stream of \"%s\" is bound already",
                             bind->source);
    struct sgr_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a stream");
    *stream = (struct sgr_stream){.sink = sink, .source = source, .bind = *bind};
    stream->bind.source = NULL; /* borrowed for the call */
    sgr_list_init(&stream->waiting);
    sgr_list_append(&sink->server->streams, &stream->link);
    if (bind->acknowledges)
        sgr_stream_ledger_hold(sgr_hub_ledger(sink->server->hub, source));
    *ret = stream;
    return SGR_OK;
}

static void waiting_free(struct waiting *waiting) {
    sgr_list_remove(&waiting->link);
    sgr_stream_batch_unref(waiting->batch);
    free(waiting);
}

static void stream_free(struct sgr_stream *stream) {
    SGR_LIST_EACH(link, &stream->waiting)
    waiting_free(SGR_CONTAINER(link, struct waiting, link));
    sgr_list_remove(&stream->link);
    free(stream);
}

void sgr__streams_free(struct sgr__sink *sink) {
    SGR_LIST_EACH(link, &sink->server->streams) {
        struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        if (stream->sink == sink)
            stream_free(stream);
    }
}

/* ---- What was handled ---- */

/* The least position of all that acknowledge; none while they are not all in the same era. */
static bool least_handled(const struct sgr_server *server, size_t source, uint32_t *ret_era,
                          uint64_t *ret) {
    bool any = false;
    SGR_LIST_EACH(link, &server->streams) {
        const struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        if (stream->source != source || !stream->bind.acknowledges)
            continue;
        if (any && stream->era != *ret_era)
            return false;
        if (!any || stream->handled < *ret)
            *ret = stream->handled;
        *ret_era = stream->era;
        any = true;
    }
    return any;
}

static void tell_handled(struct sgr_server *server, size_t source) {
    uint32_t era;
    uint64_t lsn;
    if (least_handled(server, source, &era, &lsn) && lsn)
        sgr_stream_ledger_handled(sgr_hub_ledger(server->hub, source), era, lsn);
}

void sgr__stream_handled(struct sgr_stream *stream, uint64_t lsn) {
    if (!stream->bind.acknowledges || lsn <= stream->handled)
        return;
    stream->handled = lsn;
    tell_handled(stream->sink->server, stream->source);
}

/* ---- Delivering ---- */

static void deliver_state(struct sgr_stream *stream, uint32_t era,
                          const struct sgr_stream_state *state) {
    if (era != stream->era)
        stream->handled = 0;
    stream->era = era;
    stream->bind.callbacks->state(stream->bind.data, stream, state);
}

static void deliver_batch(struct sgr_stream *stream, const struct sgr_stream_batch *batch) {
    size_t before = stream->sink->server->dirty.count;
    stream->bind.callbacks->changes(stream->bind.data, stream, batch);
    stream->reached = stream->sink->server->dirty.count - before;
}

static size_t deliver_first(struct sgr_stream *stream) {
    struct waiting *first = SGR_CONTAINER(stream->waiting.next, struct waiting, link);
    size_t bytes = first->batch ? sgr_stream_batch_bytes(first->batch) : 0;
    sgr_list_remove(&first->link);
    if (first->batch)
        deliver_batch(stream, first->batch);
    else
        deliver_state(stream, first->era, &first->state);
    waiting_free(first);
    return bytes;
}

static bool must_wait(const struct sgr_stream *stream) {
    return stream->held || !sgr_list_empty(&stream->waiting);
}

/* A place behind what waits already. NULL: out of memory; then everything comes, held or not, for its order matters more. */
static struct waiting *wait_in_line(struct sgr_stream *stream, size_t room) {
    struct waiting *waiting = calloc(1, sizeof(*waiting) + room);
    if (waiting)
        sgr_list_append(&stream->waiting, &waiting->link);
    while (!waiting && !sgr_list_empty(&stream->waiting))
        deliver_first(stream);
    return waiting;
}

void sgr__stream_batch(struct sgr_server *server, size_t source,
                       const struct sgr_stream_batch *batch) {
    SGR_LIST_EACH(link, &server->streams) {
        struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        if (stream->source != source)
            continue;
        struct waiting *waiting = must_wait(stream) ? wait_in_line(stream, 0) : NULL;
        if (waiting)
            waiting->batch = sgr_stream_batch_ref(batch);
        else
            deliver_batch(stream, batch);
    }
}

bool sgr__stream_reaches_few(const struct sgr_server *server, size_t source, size_t most) {
    size_t reached = 0;
    SGR_LIST_EACH(link, &server->streams) {
        const struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        if (stream->source != source)
            continue;
        reached += stream->reached;
        if (!stream->sink->methods.any_thread || must_wait(stream))
            return false;
    }
    return reached <= most;
}

static const char *keep_text(char **place, const char *text) {
    if (!text)
        return NULL;
    char *at = *place;
    *place += strlen(text) + 1;
    return strcpy(at, text);
}

static void state_to(struct sgr_stream *stream, uint32_t era,
                     const struct sgr_stream_state *state) {
    size_t room = (state->reason ? strlen(state->reason) + 1 : 0) +
                  (state->message ? strlen(state->message) + 1 : 0);
    struct waiting *waiting = must_wait(stream) ? wait_in_line(stream, room) : NULL;
    if (!waiting) {
        deliver_state(stream, era, state);
        return;
    }
    char *place = (char *)(waiting + 1);
    waiting->era = era;
    waiting->state = *state;
    waiting->state.reason = keep_text(&place, state->reason);
    waiting->state.message = keep_text(&place, state->message);
}

void sgr__stream_state(struct sgr_server *server, size_t source, uint32_t era,
                       const struct sgr_stream_state *state) {
    SGR_LIST_EACH(link, &server->streams) {
        struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        if (stream->source == source)
            state_to(stream, era, state);
    }
}

/* Ahead of what waits, but never of a gap: positions mean something else behind it. */
void sgr__stream_position(struct sgr_server *server, size_t source, uint32_t era, uint64_t lsn) {
    SGR_LIST_EACH(link, &server->streams) {
        struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        const struct sgr_stream_callbacks *callbacks = stream->bind.callbacks;
        if (stream->source == source && stream->era == era && stream->sink->minor >= 2 &&
            callbacks->position)
            callbacks->position(stream->bind.data, stream, lsn);
    }
}

/* ---- Holding ---- */

void sgr__stream_hold(struct sgr_stream *stream, bool held) {
    struct sgr_server *server = stream->sink->server;
    stream->held = held;
    if (!held && !sgr_list_empty(&stream->waiting))
        ev_async_send(server->loop, &server->wake);
}

bool sgr__streams_deliver(struct sgr_server *server) {
    bool more = false;
    SGR_LIST_EACH(link, &server->streams) {
        struct sgr_stream *stream = SGR_CONTAINER(link, struct sgr_stream, link);
        for (size_t bytes = 0;
             !stream->held && !sgr_list_empty(&stream->waiting) && bytes < BYTES_A_TURN;)
            bytes += deliver_first(stream);
        more = more || (!stream->held && !sgr_list_empty(&stream->waiting));
    }
    return more;
}
