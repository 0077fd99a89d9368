/* What the engine answers and publishes. Each event is one allocation: the fixed part, arrays, then the copied text.
 *
 * An event that can't be queued would break the order that clients rely on: from then on one `lost` mark stands in the queue, behind which
 * events are whole again, and the network side drops what it knew. Draining needs no memory either. */
#include <stdlib.h>

#include "net/hub_internal.h"

enum { STREAM_BYTES_AT_ONCE = 256 << 10 };

enum event_kind {
    EVENT_STATE,
    EVENT_RESET,
    EVENT_COMPOSED,
    EVENT_COMMIT,
    EVENT_STALE,
    EVENT_EXPLAINED,
    EVENT_WAITED,
    EVENT_STREAM_BATCH,
    EVENT_STREAM_STATE,
    EVENT_STREAM_POSITION
};

struct event {
    struct sgr_list link;
    enum event_kind kind;
    size_t size; /* counted in the backlog */
    uint64_t request;
    size_t count;
    struct sgr_hub_answer *answers;
    struct sgr_hub_commit commit;
    struct sgr_bytes *text;
    bool stale;
    size_t source;
    const struct sgr_stream_batch *batch; /* its bytes are the ledger's, not the backlog's */
    struct sgr_stream_state stream;
    uint32_t era;
    uint64_t lsn; /* STREAM_POSITION */
};

static struct sgr_bytes *own(const struct sgr_bytes *bytes) {
    return (struct sgr_bytes *)
        bytes; /* a state's document is const to readers; the hub has its reference */
}

static size_t bytes_size(const struct sgr_bytes *bytes) {
    return bytes ? bytes->size : 0;
}

/* What others hold as well does not wait here: it is there anyway. */
static size_t own_size(const struct sgr_bytes *bytes) {
    return bytes && __atomic_load_n(&bytes->refs, __ATOMIC_RELAXED) == 1 ? bytes->size : 0;
}

static void commit_drop(const struct sgr_hub_commit *commit) {
    for (size_t i = 0; i < commit->count; i++) {
        sgr_bytes_unref(commit->items[i].patches);
        sgr_bytes_unref(commit->items[i].previous);
    }
    sgr_bytes_unref(commit->cursor);
}

static void event_fini(struct sgr_hub *hub, struct event *event) {
    __atomic_sub_fetch(&hub->backlog, event->size, __ATOMIC_RELAXED);
    for (size_t i = 0; event->answers && i < event->count; i++)
        sgr_bytes_unref(own(event->answers[i].state.document));
    commit_drop(&event->commit);
    sgr_bytes_unref(event->text);
    sgr_stream_batch_unref(event->batch);
}

static void event_drop(struct sgr_hub *hub, struct event *event) {
    event_fini(hub, event);
    free(event);
}

static struct event *event_new(enum event_kind kind, size_t room) {
    struct event *event = calloc(1, sizeof(*event) + room);
    if (!event)
        return NULL;
    event->kind = kind;
    event->size = sizeof(*event) + room;
    return event;
}

static void event_push(struct sgr_hub *hub, struct event *event) {
    __atomic_add_fetch(&hub->backlog, event->size, __ATOMIC_RELAXED);
    sgr__queue_push(&hub->events, &event->link);
}

/* Two losses that follow on each other are one. */
static void event_lost(struct sgr_hub *hub) {
    pthread_mutex_lock(&hub->events.lock);
    if (!hub->lost_waits) {
        hub->lost_waits = true;
        sgr__queue_push_locked(&hub->events, &hub->lost);
    }
    pthread_mutex_unlock(&hub->events.lock);
}

static size_t state_room(const struct sgr_state *state) {
    return sgr__slice_room(state->cursor) + sgr__slice_room(state->previous) +
           sgr__slice_room(state->etag) + sgr__text_room(state->reason) +
           sgr__text_room(state->code) + sgr__text_room(state->message);
}

static void state_copy(struct sgr_state *state, char **place) {
    state->cursor = sgr__copy_slice(place, state->cursor);
    state->previous = sgr__copy_slice(place, state->previous);
    state->etag = sgr__copy_slice(place, state->etag);
    state->reason = sgr__copy_text(place, state->reason);
    state->code = sgr__copy_text(place, state->code);
    state->message = sgr__copy_text(place, state->message);
}

static int push_answers(struct sgr_hub *hub, enum event_kind kind, uint64_t request,
                        const struct sgr_hub_answer *answers, size_t count) {
    size_t room = count * sizeof(*answers), documents = 0;
    for (size_t i = 0; i < count; i++) {
        room += state_room(&answers[i].state) + sgr__slice_room(answers[i].now);
        documents += own_size(answers[i].state.document);
    }
    struct event *event = event_new(kind, room);
    if (!event) {
        for (size_t i = 0; i < count; i++)
            sgr_bytes_unref(own(answers[i].state.document));
        event_lost(hub);
        return SGR_ENOMEM;
    }
    char *place = (char *)(event + 1);
    event->request = request;
    event->count = count;
    event->size += documents;
    event->answers = sgr__carve(&place, count * sizeof(*answers));
    for (size_t i = 0; i < count; i++) {
        event->answers[i] = answers[i];
        state_copy(&event->answers[i].state, &place);
        event->answers[i].now = sgr__copy_slice(&place, answers[i].now);
    }
    event_push(hub, event);
    return SGR_OK;
}

int sgr_hub_answer(struct sgr_hub *hub, const struct sgr_hub_answer *answer) {
    return push_answers(hub, EVENT_STATE, 0, answer, 1);
}

void sgr_hub_reset(struct sgr_hub *hub, const struct sgr_hub_answer *answer) {
    push_answers(hub, EVENT_RESET, 0, answer, 1);
}

void sgr_hub_composed(struct sgr_hub *hub, uint64_t request, const struct sgr_hub_answer *answers,
                      size_t count) {
    push_answers(hub, EVENT_COMPOSED, request, answers, count);
}

void sgr_hub_commit(struct sgr_hub *hub, const struct sgr_hub_commit *commit) {
    struct event *event = event_new(EVENT_COMMIT, commit->count * sizeof(*commit->items));
    if (!event) {
        commit_drop(commit);
        event_lost(hub);
        return;
    }
    struct sgr_hub_item *items = (struct sgr_hub_item *)(event + 1);
    for (size_t i = 0; i < commit->count; i++) {
        items[i] = commit->items[i];
        event->size += bytes_size(items[i].patches);
    }
    event->commit = *commit;
    event->commit.items = items;
    event_push(hub, event);
}

void sgr_hub_commit_alone(struct sgr_hub *hub, const struct sgr_hub_commit *commit) {
    if (hub->alone && hub->alone->commit(hub->alone_data, commit))
        commit_drop(commit);
    else
        sgr_hub_commit(hub, commit);
}

void sgr_hub_stale(struct sgr_hub *hub, bool stale) {
    struct event *event = event_new(EVENT_STALE, 0);
    if (!event) {
        event_lost(hub);
        return;
    }
    event->stale = stale;
    event_push(hub, event);
}

void sgr_hub_explained(struct sgr_hub *hub, uint64_t request, struct sgr_bytes *text) {
    struct event *event = event_new(EVENT_EXPLAINED, 0);
    if (!event) {
        sgr_bytes_unref(text);
        event_lost(hub);
        return;
    }
    event->request = request;
    event->text = text;
    event->size += bytes_size(text);
    event_push(hub, event);
}

void sgr_hub_waited(struct sgr_hub *hub, const struct sgr_hub_answer *answer) {
    push_answers(hub, EVENT_WAITED, 0, answer, 1);
}

int sgr_hub_stream_batch(struct sgr_hub *hub, size_t source, struct sgr_stream_batch *batch) {
    struct event *event = event_new(EVENT_STREAM_BATCH, 0);
    if (!event) {
        sgr_stream_batch_unref(batch);
        return SGR_ENOMEM;
    }
    event->source = source;
    event->batch = batch;
    event_push(hub, event);
    return SGR_OK;
}

int sgr_hub_stream_batch_alone(struct sgr_hub *hub, size_t source, struct sgr_stream_batch *batch) {
    if (!hub->alone || !hub->alone->stream_batch(hub->alone_data, source, batch))
        return sgr_hub_stream_batch(hub, source, batch);
    sgr_stream_batch_unref(batch);
    return SGR_OK;
}

int sgr_hub_stream_state(struct sgr_hub *hub, size_t source, uint32_t era,
                         const struct sgr_stream_state *state) {
    struct event *event = event_new(EVENT_STREAM_STATE,
                                    sgr__text_room(state->reason) + sgr__text_room(state->message));
    if (!event)
        return SGR_ENOMEM;
    char *place = (char *)(event + 1);
    event->source = source;
    event->era = era;
    event->stream = *state;
    event->stream.reason = sgr__copy_text(&place, state->reason);
    event->stream.message = sgr__copy_text(&place, state->message);
    event_push(hub, event);
    return SGR_OK;
}

void sgr_hub_stream_position(struct sgr_hub *hub, size_t source, uint32_t era, uint64_t lsn) {
    struct event *event = event_new(EVENT_STREAM_POSITION, 0);
    if (!event)
        return;
    event->source = source;
    event->era = era;
    event->lsn = lsn;
    event_push(hub, event);
}

void sgr_hub_drain(struct sgr_hub *hub) {
    pthread_mutex_lock(&hub->events.lock);
    if (!hub->draining)
        sgr__queue_push_locked(&hub->events, &hub->drain);
    hub->draining = true;
    pthread_mutex_unlock(&hub->events.lock);
}

/* ---- The network side's end ---- */

void sgr_hub_on_events(struct sgr_hub *hub, void (*wake)(void *data), void *data) {
    sgr__queue_on(&hub->events, wake, data);
}

void sgr_hub_on_alone(struct sgr_hub *hub, const struct sgr_hub_alone *alone, void *data) {
    hub->alone = alone;
    hub->alone_data = data;
}

bool sgr_hub_idle(struct sgr_hub *hub) {
    return !sgr__queue_more(&hub->events);
}

/* The channel that is to be given back; 0: none. */
static uint32_t event_handle(const struct event *event, const struct sgr_hub_handler *handler,
                             void *data) {
    switch (event->kind) {
    case EVENT_STATE:
        if (!handler->state(data, &event->answers[0]))
            return event->answers[0].channel;
        break;
    case EVENT_RESET:
        handler->reset(data, &event->answers[0]);
        break;
    case EVENT_COMPOSED:
        handler->composed(data, event->request, event->answers, event->count);
        break;
    case EVENT_COMMIT:
        handler->commit(data, &event->commit);
        break;
    case EVENT_STALE:
        handler->stale(data, event->stale);
        break;
    case EVENT_EXPLAINED:
        handler->explained(data, event->request, event->text);
        break;
    case EVENT_WAITED:
        handler->waited(data, &event->answers[0]);
        break;
    case EVENT_STREAM_BATCH:
        handler->stream_batch(data, event->source, event->batch);
        break;
    case EVENT_STREAM_STATE:
        handler->stream_state(data, event->source, event->era, &event->stream);
        break;
    case EVENT_STREAM_POSITION:
        handler->stream_position(data, event->source, event->era, event->lsn);
        break;
    }
    return 0;
}

/* A state that nobody waits for any more becomes its own farewell. */
static void event_done(struct sgr_hub *hub, struct event *event, uint32_t given_back) {
    _Static_assert(sizeof(*event) >= SGR_HUB_FAREWELL, "an event has room for a farewell");
    event_fini(hub, event);
    if (given_back)
        sgr_hub_unsubscribe(hub, given_back, event);
    else
        free(event);
}

/* The places of these two are the hub's own. */
static bool handle_mark(struct sgr_hub *hub, const struct sgr_list *link,
                        const struct sgr_hub_handler *handler, void *data) {
    if (link == &hub->drain) {
        handler->drain(data);
        return true;
    }
    if (link != &hub->lost)
        return false;
    pthread_mutex_lock(&hub->events.lock);
    hub->lost_waits = false; /* what fails from here on is a loss of its own */
    pthread_mutex_unlock(&hub->events.lock);
    handler->lost(data);
    return true;
}

bool sgr_hub_receive(struct sgr_hub *hub, const struct sgr_hub_handler *handler, void *data,
                     size_t most) {
    size_t stream_bytes = 0;
    for (size_t i = 0; i < most && stream_bytes < STREAM_BYTES_AT_ONCE; i++) {
        struct sgr_list *link = sgr__queue_next(&hub->events);
        if (!link)
            return false;
        if (handle_mark(hub, link, handler, data))
            continue;
        struct event *event = SGR_CONTAINER(link, struct event, link);
        stream_bytes += event->batch ? sgr_stream_batch_bytes(event->batch) : 0;
        event_done(hub, event, event_handle(event, handler, data));
    }
    return sgr__queue_more(&hub->events);
}

static void free_events(struct sgr_hub *hub, struct sgr_list *list) {
    SGR_LIST_EACH(link, list)
    if (link != &hub->drain && link != &hub->lost)
        event_drop(hub, SGR_CONTAINER(link, struct event, link));
}

void sgr__events_free(struct sgr_hub *hub) {
    free_events(hub, &hub->events.waiting);
    free_events(hub, &hub->events.taken);
}
