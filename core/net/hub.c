/* Two queues of malloc'ed nodes, each with a lock, a wake and a reader of its own.
 *
 * A reader takes the whole queue under the lock and then works on its private list, so the lock is held for a few pointer writes and no
 * allocation. A wake is sent when a queue stops being empty; a reader that stopped early (`most`) knows so from the return value.
 * Each node is one allocation: the fixed part, arrays, then the copied text.
 *
 * Memory can run out. A subscription carries the node of its own unsubscribing, so that never fails; so does draining. An event that can't
 * be queued would break the order that clients rely on: from then on one `lost` mark stands in the queue, behind which events are whole
 * again, and the network side drops what it knew.
 *
 * Clients can come and go faster than the engine answers; so what waits to be asked has a limit, beyond which it is refused as if memory had
 * run out.
 */
#include "net/hub.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/slice.h"
#include "base/vector.h"

struct queue {
    pthread_mutex_t lock;
    struct sgr_list waiting; /* under the lock */
    struct sgr_list taken;   /* the reader's own */
    void (*wake)(void *data);
    void *data;
};

enum { ASKS_LIMIT = 64 << 20, STREAM_BYTES_AT_ONCE = 256 << 10 };

/* A farewell is no more than this: each subscription has one waiting. */
struct ask {
    struct sgr_list link;
    size_t size; /* counted in `asked` */
    enum sgr_ask_kind kind;
    uint64_t id;
};

struct question {
    struct ask head;
    struct sgr_ask ask;
};

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
    EVENT_DRAIN,
    EVENT_LOST
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
};

struct sgr_hub {
    struct queue asks;
    struct queue events;
    size_t backlog;            /* atomic */
    size_t held;               /* atomic */
    size_t asked;              /* atomic: bytes of what the engine has not taken yet */
    struct sgr_list farewells; /* of struct ask; network side */
    struct sgr_vector ledgers; /* of struct sgr_stream_ledger *, by source; NULL: no stream */
    struct event drain;
    struct event lost;
    bool lost_waits, draining; /* under events.lock */
    bool ready;                /* atomic */
};

/* ---- Queues ---- */

static void queue_init(struct queue *queue) {
    pthread_mutex_init(&queue->lock, NULL);
    sgr_list_init(&queue->waiting);
    sgr_list_init(&queue->taken);
}

static void queue_on(struct queue *queue, void (*wake)(void *data), void *data) {
    pthread_mutex_lock(&queue->lock);
    queue->wake = wake;
    queue->data = data;
    pthread_mutex_unlock(&queue->lock);
}

static void queue_push_locked(struct queue *queue, struct sgr_list *link) {
    bool was_empty = sgr_list_empty(&queue->waiting);
    sgr_list_append(&queue->waiting, link);
    if (was_empty && queue->wake)
        queue->wake(queue->data);
}

static void queue_push(struct queue *queue, struct sgr_list *link) {
    pthread_mutex_lock(&queue->lock);
    queue_push_locked(queue, link);
    pthread_mutex_unlock(&queue->lock);
}

static void list_move_all(struct sgr_list *from, struct sgr_list *to) {
    if (sgr_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    sgr_list_init(from);
}

/* The reader's next, NULL: nothing waits. */
static struct sgr_list *queue_next(struct queue *queue) {
    if (sgr_list_empty(&queue->taken)) {
        pthread_mutex_lock(&queue->lock);
        list_move_all(&queue->waiting, &queue->taken);
        pthread_mutex_unlock(&queue->lock);
    }
    if (sgr_list_empty(&queue->taken))
        return NULL;
    struct sgr_list *first = queue->taken.next;
    sgr_list_remove(first);
    return first;
}

static bool queue_more(struct queue *queue) {
    if (!sgr_list_empty(&queue->taken))
        return true;
    pthread_mutex_lock(&queue->lock);
    bool more = !sgr_list_empty(&queue->waiting);
    pthread_mutex_unlock(&queue->lock);
    return more;
}

/* ---- Copies behind a node ---- */

static void *carve(char **place, size_t size) {
    void *at = *place;
    *place += size;
    return at;
}

static struct sgr_slice copy_slice(char **place, struct sgr_slice slice) {
    if (!slice.data)
        return slice;
    char *copy = carve(place, slice.size + 1);
    if (slice.size)
        memcpy(copy, slice.data, slice.size);
    copy[slice.size] = '\0';
    return (struct sgr_slice){copy, slice.size};
}

static const char *copy_text(char **place, const char *text) {
    return copy_slice(place, sgr_slice(text)).data;
}

static size_t slice_room(struct sgr_slice slice) {
    return slice.data ? slice.size + 1 : 0;
}

static size_t text_room(const char *text) {
    return text ? strlen(text) + 1 : 0;
}

/* ---- Asks ---- */

static size_t subscribe_room(const struct sgr_subscribe *what) {
    size_t room = slice_room(what->view) + text_room(what->codec) + slice_room(what->cursor) +
                  what->parameter_count * sizeof(*what->parameters);
    for (size_t i = 0; i < what->parameter_count; i++)
        room += slice_room(what->parameters[i].name) + slice_room(what->parameters[i].value);
    return room;
}

static void subscribe_copy(struct sgr_subscribe *to, const struct sgr_subscribe *from,
                           char *place) {
    *to = *from;
    struct sgr_parameter_text *parameters =
        carve(&place, from->parameter_count * sizeof(*parameters));
    for (size_t i = 0; i < from->parameter_count; i++) {
        parameters[i].name = copy_slice(&place, from->parameters[i].name);
        parameters[i].value = copy_slice(&place, from->parameters[i].value);
    }
    to->parameters = parameters;
    to->view = copy_slice(&place, from->view);
    to->codec = copy_text(&place, from->codec);
    to->cursor = copy_slice(&place, from->cursor);
}

static bool is_farewell(enum sgr_ask_kind kind) {
    return kind == SGR_ASK_UNSUBSCRIBE || kind == SGR_ASK_WAIT_END;
}

static struct question *question_new(enum sgr_ask_kind kind, uint64_t id, size_t room) {
    struct question *question = calloc(1, sizeof(*question) + room);
    if (!question)
        return NULL;
    question->head.size = sizeof(*question) + room;
    question->head.kind = question->ask.kind = kind;
    question->head.id = question->ask.id = id;
    return question;
}

static struct ask *farewell_new(void) {
    struct ask *farewell = calloc(1, sizeof(*farewell));
    if (farewell)
        farewell->size = sizeof(*farewell);
    return farewell;
}

static void ask_push(struct sgr_hub *hub, struct ask *ask) {
    __atomic_add_fetch(&hub->asked, ask->size, __ATOMIC_RELAXED);
    queue_push(&hub->asks, &ask->link);
}

static bool asks_full(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->asked, __ATOMIC_RELAXED) > ASKS_LIMIT;
}

int sgr_hub_subscribe(struct sgr_hub *hub, uint64_t id, const struct sgr_subscribe *what,
                      bool once) {
    if (asks_full(hub))
        return SGR_ENOMEM;
    struct question *ask = question_new(SGR_ASK_SUBSCRIBE, id, subscribe_room(what));
    struct ask *farewell = once ? NULL : farewell_new();
    if (!ask || (!once && !farewell)) {
        free(ask);
        free(farewell);
        return SGR_ENOMEM;
    }
    subscribe_copy(&ask->ask.what, what, (char *)(ask + 1));
    ask->ask.once = once;
    if (farewell)
        sgr_list_append(&hub->farewells, &farewell->link);
    ask_push(hub, &ask->head);
    return SGR_OK;
}

/* One farewell follows one lasting subscribe or wait, so which of the kept nodes it takes does not matter. NULL: none is due. */
static struct ask *take_farewell(struct sgr_hub *hub, enum sgr_ask_kind kind, uint64_t id) {
    if (sgr_list_empty(&hub->farewells))
        return NULL;
    struct ask *ask = SGR_CONTAINER(hub->farewells.next, struct ask, link);
    sgr_list_remove(&ask->link);
    ask->kind = kind;
    ask->id = id;
    return ask;
}

void sgr_hub_unsubscribe(struct sgr_hub *hub, uint64_t id) {
    struct ask *ask = take_farewell(hub, SGR_ASK_UNSUBSCRIBE, id);
    if (ask) /* not of a `once`, which ends by itself */
        ask_push(hub, ask);
}

int sgr_hub_compose(struct sgr_hub *hub, uint64_t request, const uint64_t *ids,
                    const struct sgr_slice *cursors, size_t count) {
    size_t room = count * (sizeof(*ids) + sizeof(*cursors));
    for (size_t i = 0; i < count; i++)
        room += slice_room(cursors[i]);
    struct question *ask = question_new(SGR_ASK_COMPOSE, request, room);
    if (!ask)
        return SGR_ENOMEM;
    char *place = (char *)(ask + 1);
    ask->ask.count = count;
    ask->ask.ids = carve(&place, count * sizeof(*ids));
    ask->ask.cursors = carve(&place, count * sizeof(*cursors));
    for (size_t i = 0; i < count; i++) {
        ask->ask.ids[i] = ids[i];
        ask->ask.cursors[i] = copy_slice(&place, cursors[i]);
    }
    ask_push(hub, &ask->head);
    return SGR_OK;
}

int sgr_hub_explain(struct sgr_hub *hub, uint64_t request, const char *format) {
    struct question *ask =
        asks_full(hub) ? NULL : question_new(SGR_ASK_EXPLAIN, request, text_room(format));
    if (!ask)
        return SGR_ENOMEM;
    char *place = (char *)(ask + 1);
    ask->ask.format = copy_text(&place, format);
    ask_push(hub, &ask->head);
    return SGR_OK;
}

int sgr_hub_wait(struct sgr_hub *hub, uint64_t id, const struct sgr_wait *what) {
    if (asks_full(hub))
        return SGR_ENOMEM;
    size_t room = slice_room(what->cursor) + slice_room(what->lsn) + slice_room(what->source);
    struct question *ask = question_new(SGR_ASK_WAIT, id, room);
    struct ask *farewell = farewell_new();
    if (!ask || !farewell) {
        free(ask);
        free(farewell);
        return SGR_ENOMEM;
    }
    char *place = (char *)(ask + 1);
    ask->ask.wait = (struct sgr_wait){.cursor = copy_slice(&place, what->cursor),
                                      .lsn = copy_slice(&place, what->lsn),
                                      .source = copy_slice(&place, what->source)};
    sgr_list_append(&hub->farewells, &farewell->link);
    ask_push(hub, &ask->head);
    return SGR_OK;
}

void sgr_hub_wait_over(struct sgr_hub *hub, uint64_t id, bool answered) {
    struct ask *ask = take_farewell(hub, SGR_ASK_WAIT_END, id);
    if (ask && !answered)
        ask_push(hub, ask);
    else
        free(ask);
}

void sgr_hub_on_asks(struct sgr_hub *hub, void (*wake)(void *data), void *data) {
    queue_on(&hub->asks, wake, data);
}

static void ask_handle(const struct ask *ask, void (*handle)(void *data, const struct sgr_ask *ask),
                       void *data) {
    const struct sgr_ask farewell = {.kind = ask->kind, .id = ask->id};
    handle(data,
           is_farewell(ask->kind) ? &farewell : &SGR_CONTAINER(ask, struct question, head)->ask);
}

bool sgr_hub_take(struct sgr_hub *hub, void (*handle)(void *data, const struct sgr_ask *ask),
                  void *data, size_t most) {
    for (size_t i = 0; i < most; i++) {
        struct sgr_list *link = queue_next(&hub->asks);
        if (!link)
            return false;
        struct ask *ask = SGR_CONTAINER(link, struct ask, link);
        ask_handle(ask, handle, data);
        __atomic_sub_fetch(&hub->asked, ask->size, __ATOMIC_RELAXED);
        free(ask);
    }
    return queue_more(&hub->asks);
}

/* ---- Events ---- */

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

static void event_drop(struct sgr_hub *hub, struct event *event) {
    __atomic_sub_fetch(&hub->backlog, event->size, __ATOMIC_RELAXED);
    if (event == &hub->drain || event == &hub->lost)
        return;
    for (size_t i = 0; event->answers && i < event->count; i++)
        sgr_bytes_unref(own(event->answers[i].state.document));
    for (size_t i = 0; i < event->commit.count; i++) {
        sgr_bytes_unref(event->commit.items[i].patches);
        sgr_bytes_unref(event->commit.items[i].previous);
    }
    sgr_bytes_unref(event->commit.cursor);
    sgr_bytes_unref(event->text);
    sgr_stream_batch_unref(event->batch);
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
    queue_push(&hub->events, &event->link);
}

/* Two losses that follow on each other are one. */
static void event_lost(struct sgr_hub *hub) {
    pthread_mutex_lock(&hub->events.lock);
    if (!hub->lost_waits) {
        hub->lost_waits = true;
        queue_push_locked(&hub->events, &hub->lost.link);
    }
    pthread_mutex_unlock(&hub->events.lock);
}

static size_t state_room(const struct sgr_state *state) {
    return slice_room(state->cursor) + slice_room(state->previous) + slice_room(state->etag) +
           text_room(state->reason) + text_room(state->code) + text_room(state->message);
}

static void state_copy(struct sgr_state *state, char **place) {
    state->cursor = copy_slice(place, state->cursor);
    state->previous = copy_slice(place, state->previous);
    state->etag = copy_slice(place, state->etag);
    state->reason = copy_text(place, state->reason);
    state->code = copy_text(place, state->code);
    state->message = copy_text(place, state->message);
}

static void push_answers(struct sgr_hub *hub, enum event_kind kind, uint64_t request,
                         const struct sgr_hub_answer *answers, size_t count) {
    size_t room = count * sizeof(*answers), documents = 0;
    for (size_t i = 0; i < count; i++) {
        room += state_room(&answers[i].state) + slice_room(answers[i].now);
        documents += own_size(answers[i].state.document);
    }
    struct event *event = event_new(kind, room);
    if (!event) {
        for (size_t i = 0; i < count; i++)
            sgr_bytes_unref(own(answers[i].state.document));
        event_lost(hub);
        return;
    }
    char *place = (char *)(event + 1);
    event->request = request;
    event->count = count;
    event->size += documents;
    event->answers = carve(&place, count * sizeof(*answers));
    for (size_t i = 0; i < count; i++) {
        event->answers[i] = answers[i];
        state_copy(&event->answers[i].state, &place);
        event->answers[i].now = copy_slice(&place, answers[i].now);
    }
    event_push(hub, event);
}

void sgr_hub_answer(struct sgr_hub *hub, const struct sgr_hub_answer *answer, bool is_reset) {
    push_answers(hub, is_reset ? EVENT_RESET : EVENT_STATE, 0, answer, 1);
}

void sgr_hub_composed(struct sgr_hub *hub, uint64_t request, const struct sgr_hub_answer *answers,
                      size_t count) {
    push_answers(hub, EVENT_COMPOSED, request, answers, count);
}

void sgr_hub_commit(struct sgr_hub *hub, const struct sgr_hub_commit *commit) {
    struct event *event = event_new(EVENT_COMMIT, commit->count * sizeof(*commit->items));
    if (!event) {
        for (size_t i = 0; i < commit->count; i++) {
            sgr_bytes_unref(commit->items[i].patches);
            sgr_bytes_unref(commit->items[i].previous);
        }
        sgr_bytes_unref(commit->cursor);
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

/* ---- Change streams ---- */

struct sgr_stream_ledger *sgr_hub_ledger(const struct sgr_hub *hub, size_t source) {
    return source < hub->ledgers.count
               ? *SGR_VECTOR_AT(&hub->ledgers, struct sgr_stream_ledger *, source)
               : NULL;
}

static void wake_engine(void *data) {
    struct sgr_hub *hub = data;
    pthread_mutex_lock(&hub->asks.lock);
    if (hub->asks.wake)
        hub->asks.wake(hub->asks.data);
    pthread_mutex_unlock(&hub->asks.lock);
}

int sgr_hub_open_stream(struct sgr_hub *hub, size_t source) {
    while (hub->ledgers.count <= source)
        if (!sgr_vector_add(&hub->ledgers))
            return SGR_ENOMEM;
    struct sgr_stream_ledger **ledger =
        SGR_VECTOR_AT(&hub->ledgers, struct sgr_stream_ledger *, source);
    if (!*ledger)
        *ledger = sgr_stream_ledger_new(wake_engine, hub);
    return *ledger ? SGR_OK : SGR_ENOMEM;
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

int sgr_hub_stream_state(struct sgr_hub *hub, size_t source, uint32_t era,
                         const struct sgr_stream_state *state) {
    struct event *event =
        event_new(EVENT_STREAM_STATE, text_room(state->reason) + text_room(state->message));
    if (!event)
        return SGR_ENOMEM;
    char *place = (char *)(event + 1);
    event->source = source;
    event->era = era;
    event->stream = *state;
    event->stream.reason = copy_text(&place, state->reason);
    event->stream.message = copy_text(&place, state->message);
    event_push(hub, event);
    return SGR_OK;
}

void sgr_hub_ready(struct sgr_hub *hub) {
    __atomic_store_n(&hub->ready, true, __ATOMIC_RELEASE);
}

bool sgr_hub_is_ready(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->ready, __ATOMIC_ACQUIRE);
}

void sgr_hub_drain(struct sgr_hub *hub) {
    pthread_mutex_lock(&hub->events.lock);
    if (!hub->draining)
        queue_push_locked(&hub->events, &hub->drain.link);
    hub->draining = true;
    pthread_mutex_unlock(&hub->events.lock);
}

void sgr_hub_hold(struct sgr_hub *hub, int64_t change) {
    __atomic_add_fetch(&hub->held, (size_t)change, __ATOMIC_RELAXED);
}

size_t sgr_hub_held(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->held, __ATOMIC_RELAXED);
}

size_t sgr_hub_backlog(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->backlog, __ATOMIC_RELAXED);
}

void sgr_hub_on_events(struct sgr_hub *hub, void (*wake)(void *data), void *data) {
    queue_on(&hub->events, wake, data);
}

static void event_handle(const struct event *event, const struct sgr_hub_handler *handler,
                         void *data) {
    switch (event->kind) {
    case EVENT_STATE:
        handler->state(data, &event->answers[0]);
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
    case EVENT_DRAIN:
        handler->drain(data);
        break;
    case EVENT_LOST:
        handler->lost(data);
        break;
    }
}

bool sgr_hub_receive(struct sgr_hub *hub, const struct sgr_hub_handler *handler, void *data,
                     size_t most) {
    size_t stream_bytes = 0;
    for (size_t i = 0; i < most && stream_bytes < STREAM_BYTES_AT_ONCE; i++) {
        struct sgr_list *link = queue_next(&hub->events);
        if (!link)
            return false;
        struct event *event = SGR_CONTAINER(link, struct event, link);
        if (event == &hub->lost) {
            pthread_mutex_lock(&hub->events.lock);
            hub->lost_waits = false; /* what fails from here on is a loss of its own */
            pthread_mutex_unlock(&hub->events.lock);
        }
        stream_bytes += event->batch ? sgr_stream_batch_bytes(event->batch) : 0;
        event_handle(event, handler, data);
        event_drop(hub, event);
    }
    return queue_more(&hub->events);
}

/* ---- Life ---- */

struct sgr_hub *sgr_hub_new(void) {
    struct sgr_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        return NULL;
    queue_init(&hub->asks);
    queue_init(&hub->events);
    sgr_list_init(&hub->farewells);
    hub->ledgers = SGR_VECTOR_INIT(struct sgr_stream_ledger *);
    sgr_list_init(&hub->drain.link);
    sgr_list_init(&hub->lost.link);
    hub->drain.kind = EVENT_DRAIN;
    hub->lost.kind = EVENT_LOST;
    return hub;
}

static void free_asks(struct sgr_list *list) {
    SGR_LIST_EACH(link, list)
    free(SGR_CONTAINER(link, struct ask, link));
}

static void free_events(struct sgr_hub *hub, struct sgr_list *list) {
    SGR_LIST_EACH(link, list)
    event_drop(hub, SGR_CONTAINER(link, struct event, link));
}

void sgr_hub_free(struct sgr_hub *hub) {
    if (!hub)
        return;
    free_asks(&hub->asks.waiting);
    free_asks(&hub->asks.taken);
    free_asks(&hub->farewells);
    free_events(hub, &hub->events.waiting);
    free_events(hub, &hub->events.taken);
    for (size_t i = 0; i < hub->ledgers.count; i++)
        sgr_stream_ledger_unref(sgr_hub_ledger(hub, i));
    sgr_vector_fini(&hub->ledgers);
    pthread_mutex_destroy(&hub->asks.lock);
    pthread_mutex_destroy(&hub->events.lock);
    free(hub);
}
