/* What the network side asks the engine. Each ask is one allocation: the fixed part, arrays, then the copied text.
 *
 * A farewell never fails, for what ends gives its own memory to carry it. Clients can come and go faster than the engine answers; so what
 * waits to be asked has a limit, beyond which it is refused as if memory had run out. */
#include <stdlib.h>

#include "net/hub_internal.h"

enum { ASKS_LIMIT = 64 << 20 };

/* A farewell is no more than this. */
struct ask {
    struct sgr_list link;
    size_t size; /* counted in `asked` */
    enum sgr_ask_kind kind;
    uint64_t id; /* UNSUBSCRIBE: the channel */
};
_Static_assert(sizeof(struct ask) == SGR_HUB_FAREWELL, "what ends has room for its farewell");

struct question {
    struct ask head;
    struct sgr_ask ask;
};

static size_t subscribe_room(const struct sgr_subscribe *what) {
    size_t room = sgr__slice_room(what->view) + sgr__text_room(what->codec) +
                  sgr__slice_room(what->cursor) + what->parameter_count * sizeof(*what->parameters);
    for (size_t i = 0; i < what->parameter_count; i++)
        room +=
            sgr__slice_room(what->parameters[i].name) + sgr__slice_room(what->parameters[i].value);
    return room;
}

static void subscribe_copy(struct sgr_subscribe *to, const struct sgr_subscribe *from,
                           char *place) {
    *to = *from;
    struct sgr_parameter_text *parameters =
        sgr__carve(&place, from->parameter_count * sizeof(*parameters));
    for (size_t i = 0; i < from->parameter_count; i++) {
        parameters[i].name = sgr__copy_slice(&place, from->parameters[i].name);
        parameters[i].value = sgr__copy_slice(&place, from->parameters[i].value);
    }
    to->parameters = parameters;
    to->view = sgr__copy_slice(&place, from->view);
    to->codec = sgr__copy_text(&place, from->codec);
    to->cursor = sgr__copy_slice(&place, from->cursor);
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

static void ask_push(struct sgr_hub *hub, struct ask *ask) {
    __atomic_add_fetch(&hub->asked, ask->size, __ATOMIC_RELAXED);
    sgr__queue_push(&hub->asks, &ask->link);
}

static bool asks_full(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->asked, __ATOMIC_RELAXED) > ASKS_LIMIT;
}

int sgr_hub_subscribe(struct sgr_hub *hub, uint64_t id, const struct sgr_subscribe *what,
                      bool once) {
    struct question *ask =
        asks_full(hub) ? NULL : question_new(SGR_ASK_SUBSCRIBE, id, subscribe_room(what));
    if (!ask)
        return SGR_ENOMEM;
    subscribe_copy(&ask->ask.what, what, (char *)(ask + 1));
    ask->ask.once = once;
    ask_push(hub, &ask->head);
    return SGR_OK;
}

static void say_farewell(struct sgr_hub *hub, enum sgr_ask_kind kind, uint64_t id, void *memory) {
    struct ask *ask = memory;
    *ask = (struct ask){.size = sizeof(*ask), .kind = kind, .id = id};
    ask_push(hub, ask);
}

void sgr_hub_unsubscribe(struct sgr_hub *hub, uint32_t channel, void *memory) {
    say_farewell(hub, SGR_ASK_UNSUBSCRIBE, channel, memory);
}

void sgr_hub_wait_end(struct sgr_hub *hub, uint64_t id, void *memory) {
    say_farewell(hub, SGR_ASK_WAIT_END, id, memory);
}

int sgr_hub_compose(struct sgr_hub *hub, uint64_t request, const struct sgr_hub_missed *missed,
                    size_t count) {
    size_t room = count * sizeof(*missed);
    for (size_t i = 0; i < count; i++)
        room += sgr__slice_room(missed[i].cursor);
    struct question *ask = question_new(SGR_ASK_COMPOSE, request, room);
    if (!ask)
        return SGR_ENOMEM;
    char *place = (char *)(ask + 1);
    struct sgr_hub_missed *copies = sgr__carve(&place, count * sizeof(*copies));
    for (size_t i = 0; i < count; i++) {
        copies[i] = missed[i];
        copies[i].cursor = sgr__copy_slice(&place, missed[i].cursor);
    }
    ask->ask.count = count;
    ask->ask.missed = copies;
    ask_push(hub, &ask->head);
    return SGR_OK;
}

int sgr_hub_explain(struct sgr_hub *hub, uint64_t request, const char *format) {
    struct question *ask =
        asks_full(hub) ? NULL : question_new(SGR_ASK_EXPLAIN, request, sgr__text_room(format));
    if (!ask)
        return SGR_ENOMEM;
    char *place = (char *)(ask + 1);
    ask->ask.format = sgr__copy_text(&place, format);
    ask_push(hub, &ask->head);
    return SGR_OK;
}

int sgr_hub_wait(struct sgr_hub *hub, uint64_t id, const struct sgr_wait *what) {
    size_t room =
        sgr__slice_room(what->cursor) + sgr__slice_room(what->lsn) + sgr__slice_room(what->source);
    struct question *ask = asks_full(hub) ? NULL : question_new(SGR_ASK_WAIT, id, room);
    if (!ask)
        return SGR_ENOMEM;
    char *place = (char *)(ask + 1);
    ask->ask.wait = (struct sgr_wait){.cursor = sgr__copy_slice(&place, what->cursor),
                                      .lsn = sgr__copy_slice(&place, what->lsn),
                                      .source = sgr__copy_slice(&place, what->source)};
    ask_push(hub, &ask->head);
    return SGR_OK;
}

void sgr_hub_on_asks(struct sgr_hub *hub, void (*wake)(void *data), void *data) {
    sgr__queue_on(&hub->asks, wake, data);
}

static void ask_handle(const struct ask *ask, void (*handle)(void *data, const struct sgr_ask *ask),
                       void *data) {
    const struct sgr_ask farewell = {
        .kind = ask->kind, .id = ask->id, .channel = (uint32_t)ask->id};
    handle(data,
           is_farewell(ask->kind) ? &farewell : &SGR_CONTAINER(ask, struct question, head)->ask);
}

bool sgr_hub_take(struct sgr_hub *hub, void (*handle)(void *data, const struct sgr_ask *ask),
                  void *data, size_t most) {
    for (size_t i = 0; i < most; i++) {
        struct sgr_list *link = sgr__queue_next(&hub->asks);
        if (!link)
            return false;
        struct ask *ask = SGR_CONTAINER(link, struct ask, link);
        ask_handle(ask, handle, data);
        __atomic_sub_fetch(&hub->asked, ask->size, __ATOMIC_RELAXED);
        free(ask);
    }
    return sgr__queue_more(&hub->asks);
}

static void free_asks(struct sgr_list *list) {
    SGR_LIST_EACH(link, list)
    free(SGR_CONTAINER(link, struct ask, link));
}

void sgr__asks_free(struct sgr_hub *hub) {
    free_asks(&hub->asks.waiting);
    free_asks(&hub->asks.taken);
}
