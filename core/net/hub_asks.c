/* What the network side asks the engine. Each ask is one allocation: the fixed part, arrays, then the copied text.
 *
 * A subscription carries the node of its own unsubscribing, so that never fails. Clients can come and go faster than the engine answers; so
 * what waits to be asked has a limit, beyond which it is refused as if memory had run out. */
#include <stdlib.h>

#include "net/hub_internal.h"

enum { ASKS_LIMIT = 64 << 20 };

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

static struct ask *farewell_new(void) {
    struct ask *farewell = calloc(1, sizeof(*farewell));
    if (farewell)
        farewell->size = sizeof(*farewell);
    return farewell;
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
        room += sgr__slice_room(cursors[i]);
    struct question *ask = question_new(SGR_ASK_COMPOSE, request, room);
    if (!ask)
        return SGR_ENOMEM;
    char *place = (char *)(ask + 1);
    ask->ask.count = count;
    ask->ask.ids = sgr__carve(&place, count * sizeof(*ids));
    ask->ask.cursors = sgr__carve(&place, count * sizeof(*cursors));
    for (size_t i = 0; i < count; i++) {
        ask->ask.ids[i] = ids[i];
        ask->ask.cursors[i] = sgr__copy_slice(&place, cursors[i]);
    }
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
    if (asks_full(hub))
        return SGR_ENOMEM;
    size_t room =
        sgr__slice_room(what->cursor) + sgr__slice_room(what->lsn) + sgr__slice_room(what->source);
    struct question *ask = question_new(SGR_ASK_WAIT, id, room);
    struct ask *farewell = farewell_new();
    if (!ask || !farewell) {
        free(ask);
        free(farewell);
        return SGR_ENOMEM;
    }
    char *place = (char *)(ask + 1);
    ask->ask.wait = (struct sgr_wait){.cursor = sgr__copy_slice(&place, what->cursor),
                                      .lsn = sgr__copy_slice(&place, what->lsn),
                                      .source = sgr__copy_slice(&place, what->source)};
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
    sgr__queue_on(&hub->asks, wake, data);
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
    free_asks(&hub->farewells);
}
