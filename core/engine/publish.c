#include "engine/publish.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "base/vector.h"

/* What is kept for an instance that somebody has open. */
struct served {
    struct sgr_instance *instance;
    struct sgr_bytes *token; /* cursor of its last change */
    struct sgr_list channels;
};

struct channel {
    uint64_t id;
    const struct sgr_codec *codec;
    struct served *served;
    struct sgr_list link;
    struct sgr_list subscriptions;
    struct sgr_bytes
        *document; /* rendered for the last subscriber, good until the instance changes */
};

struct subscription {
    uint64_t id;
    bool by_revision;
    struct channel *channel;
    struct sgr_list link;
};

struct sgr_publisher {
    struct sgr_publisher_parts parts;
    struct sgr_map *subscriptions; /* id → struct subscription */
    uint64_t next_channel;
    bool ready, stale;
    uint64_t revision_base;
    int64_t commit_time;
    struct sgr_vector changed; /* of struct sgr_instance *, this commit's */
    bool forgot;               /* one of them had no room */
    struct sgr_vector items;   /* of struct sgr_hub_item */
};

enum { REVISION_SHIFT = 20 };

static struct sgr_slice id_key(const uint64_t *id) {
    return (struct sgr_slice){(const char *)id, sizeof(*id)};
}

static struct sgr_slice bytes_slice(const struct sgr_bytes *bytes) {
    return (struct sgr_slice){bytes->data, bytes->size};
}

struct sgr_publisher *sgr_publisher_new(const struct sgr_publisher_parts *parts) {
    struct sgr_publisher *publisher = calloc(1, sizeof(*publisher));
    if (!publisher)
        return NULL;
    publisher->parts = *parts;
    publisher->changed = SGR_VECTOR_INIT(struct sgr_instance *);
    publisher->items = SGR_VECTOR_INIT(struct sgr_hub_item);
    publisher->subscriptions = sgr_map_new();
    if (!publisher->subscriptions) {
        free(publisher);
        return NULL;
    }
    return publisher;
}

/* ---- Channels and what they serve ---- */

static struct served *served_of(struct sgr_publisher *publisher, struct sgr_instance *instance) {
    struct served *served = sgr_instance_data(instance);
    if (served)
        return served;
    served = calloc(1, sizeof(*served));
    if (!served)
        return NULL;
    served->instance = instance;
    served->token = sgr_cursors_token(publisher->parts.cursors);
    if (!served->token) {
        free(served);
        return NULL;
    }
    sgr_list_init(&served->channels);
    sgr_instance_set_data(instance, served);
    return served;
}

static void served_drop_if_unused(struct served *served) {
    if (!sgr_list_empty(&served->channels))
        return;
    sgr_instance_set_data(served->instance, NULL);
    sgr_bytes_unref(served->token);
    free(served);
}

static struct channel *channel_of(struct sgr_publisher *publisher, struct served *served,
                                  const struct sgr_codec *codec) {
    SGR_LIST_EACH(link, &served->channels) {
        struct channel *channel = SGR_CONTAINER(link, struct channel, link);
        if (channel->codec == codec)
            return channel;
    }
    struct channel *channel = calloc(1, sizeof(*channel));
    if (!channel)
        return NULL;
    channel->id = ++publisher->next_channel;
    channel->codec = codec;
    channel->served = served;
    sgr_list_init(&channel->subscriptions);
    sgr_list_append(&served->channels, &channel->link);
    return channel;
}

static void channel_drop_if_unused(struct channel *channel) {
    if (!sgr_list_empty(&channel->subscriptions))
        return;
    struct served *served = channel->served;
    sgr_list_remove(&channel->link);
    sgr_bytes_unref(channel->document);
    free(channel);
    served_drop_if_unused(served);
}

static struct sgr_bytes *to_bytes(struct sgr_buffer *buffer) {
    struct sgr_bytes *bytes =
        buffer->failed ? NULL : sgr_bytes_new(buffer->data ? buffer->data : "", buffer->size);
    sgr_buffer_fini(buffer);
    return bytes;
}

/* The channel's document, rendered at most once per change. Borrowed. */
static int channel_document(struct channel *channel, struct sgr_bytes **ret,
                            struct sgr_error *error) {
    if (!channel->document) {
        struct sgr_buffer out = SGR_BUFFER_INIT;
        int code = sgr_instance_document(channel->served->instance, channel->codec, &out, error);
        if (code) {
            sgr_buffer_fini(&out);
            return code;
        }
        channel->document = to_bytes(&out);
    }
    if (!channel->document)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a document");
    *ret = channel->document;
    return SGR_OK;
}

/* ---- Answers ---- */

static uint64_t revision_of(const struct sgr_publisher *publisher,
                            const struct sgr_instance *instance) {
    return publisher->revision_base + sgr_instance_revision(instance);
}

/* Fills what every state of a channel has; its document and cursor get references for the hub. */
static struct sgr_state channel_state(const struct sgr_publisher *publisher,
                                      const struct channel *channel) {
    return (struct sgr_state){
        .cursor = bytes_slice(channel->served->token),
        .revision = revision_of(publisher, channel->served->instance),
        .stale = publisher->stale,
        .time = publisher->commit_time,
    };
}

static int error_status(int code) {
    switch (code) {
    case SGR_ENOTFOUND:
        return 404;
    case SGR_EUNAVAILABLE:
    case SGR_ENOMEM:
    case SGR_ELIMIT:
        return 503;
    case SGR_EINTERNAL:
        return 500;
    default:
        return 400;
    }
}

static struct sgr_state error_state(const struct sgr_error *error, const char *wire_code) {
    return (struct sgr_state){.answer = SGR_ANSWER_ERROR,
                              .status = error_status(error->code),
                              .code = wire_code ? wire_code : sgr_error_name(error->code),
                              .message = error->message};
}

static void answer(struct sgr_publisher *publisher, uint64_t id, uint64_t channel,
                   struct sgr_state state, bool is_reset) {
    struct sgr_hub_answer answer = {.id = id, .channel = channel, .state = state};
    sgr_hub_answer(publisher->parts.hub, &answer, is_reset);
}

/* Epoch, last change and codec: it stays the same while the document does, also when nobody subscribes between two requests. */
static void write_etag(const struct channel *channel, struct sgr_buffer *out) {
    const struct sgr_bytes *token = channel->served->token;
    const char *dot = memchr(token->data, '.', token->size);
    sgr_buffer_append(out, token->data, dot ? (size_t)(dot - token->data) : token->size);
    sgr_buffer_printf(out, "-%llx-%s",
                      (unsigned long long)sgr_instance_changed(channel->served->instance),
                      channel->codec->name);
}

static int snapshot_state(struct sgr_publisher *publisher, struct channel *channel,
                          const char *reset_reason, struct sgr_buffer *etag, struct sgr_state *ret,
                          struct sgr_error *error) {
    struct sgr_bytes *document;
    int code = channel_document(channel, &document, error);
    if (code)
        return code;
    struct sgr_state state = channel_state(publisher, channel);
    state.answer = reset_reason ? SGR_ANSWER_RESET : SGR_ANSWER_SNAPSHOT;
    state.reason = reset_reason;
    state.document = sgr_bytes_ref(document);
    write_etag(channel, etag);
    state.etag = etag->failed ? state.cursor : (struct sgr_slice){etag->data, etag->size};
    *ret = state;
    return SGR_OK;
}

/* What came after commit `from`, which the client has. SGR_ENOTFOUND: history does not reach back. */
static int resumed_state(struct sgr_publisher *publisher, struct channel *channel, uint64_t from,
                         struct sgr_slice previous, struct sgr_state *ret,
                         struct sgr_error *error) {
    struct sgr_buffer out = SGR_BUFFER_INIT;
    int code = sgr_instance_changes(channel->served->instance, channel->codec, from, &out, error);
    struct sgr_bytes *patches = NULL;
    if (!code && out.size && !(patches = sgr_bytes_new(out.data, out.size)))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a frame");
    sgr_buffer_fini(&out);
    if (code)
        return code;
    struct sgr_state state = channel_state(publisher, channel);
    state.answer = SGR_ANSWER_RESUMED;
    state.document = patches;
    state.previous = previous;
    *ret = state;
    return SGR_OK;
}

static int resume_at(struct sgr_publisher *publisher, struct channel *channel,
                     const struct sgr_subscribe *what, uint64_t *ret_from) {
    if (what->by_revision) {
        if (what->revision < publisher->revision_base)
            return SGR_ENOTFOUND;
        return sgr_instance_commit_of_revision(channel->served->instance,
                                               what->revision - publisher->revision_base, ret_from);
    }
    if (sgr_slice_equal(what->cursor, bytes_slice(channel->served->token))) {
        *ret_from = sgr_instance_changed(channel->served->instance);
        return SGR_OK;
    }
    return sgr_cursors_find(publisher->parts.cursors, what->cursor, ret_from);
}

/* Resume if the client's past is known, else a snapshot; a reset if it thought it had one. */
static int opening_state(struct sgr_publisher *publisher, struct channel *channel,
                         const struct sgr_subscribe *what, struct sgr_buffer *etag,
                         struct sgr_state *ret, struct sgr_error *error) {
    uint64_t from;
    bool resuming = what->by_revision ? what->have_revision : what->cursor.size > 0;
    if (resuming && resume_at(publisher, channel, what, &from) == SGR_OK) {
        int code = resumed_state(publisher, channel, from, what->cursor, ret, error);
        if (code != SGR_ENOTFOUND)
            return code;
    }
    return snapshot_state(publisher, channel, resuming ? "history" : NULL, etag, ret, error);
}

/* ---- Subscribing ---- */

static int unknown_view(struct sgr_publisher *publisher, struct sgr_slice path,
                        struct sgr_error *error) {
    const char *near = sgr_views_nearest(publisher->parts.views, path);
    if (near)
        return sgr_error_set(error, SGR_ENOTFOUND, "no view %.*s; did you mean %s?",
                             SGR_SLICE_ARGS(path), near);
    return sgr_error_set(error, SGR_ENOTFOUND, "no view %.*s", SGR_SLICE_ARGS(path));
}

static const struct sgr_parameter_text *find_parameter(const struct sgr_subscribe *what,
                                                       const char *name) {
    for (size_t i = 0; i < what->parameter_count; i++)
        if (sgr_slice_is(what->parameters[i].name, name))
            return &what->parameters[i];
    return NULL;
}

static int check_names(const struct sgr_subscribe *what, const struct sgr_view_parameter *declared,
                       size_t count, struct sgr_error *error) {
    for (size_t i = 0; i < what->parameter_count; i++) {
        struct sgr_slice name = what->parameters[i].name;
        size_t at = 0;
        while (at < count && !sgr_slice_is(name, declared[at].name))
            at++;
        if (at == count)
            return sgr_error_set(error, SGR_EINVAL, "the view has no parameter %.*s",
                                 SGR_SLICE_ARGS(name));
    }
    return SGR_OK;
}

static int parse_parameter(const struct sgr_view_parameter *declared,
                           const struct sgr_parameter_text *given, struct sgr_arena *arena,
                           struct sgr_value *ret, struct sgr_error *error) {
    if (!given) {
        if (!declared->has_default)
            return sgr_error_set(error, SGR_EINVAL, "parameter %s (%s) is missing", declared->name,
                                 declared->column.type_name);
        *ret = declared->fallback;
        return SGR_OK;
    }
    if (!given->value.data) {
        *ret = (struct sgr_value){.type = declared->column.type, .null = true};
        return SGR_OK;
    }
    struct sgr_error inner;
    int code = sgr_value_parse_kept(declared->column.type, declared->column.element, given->value,
                                    arena, ret, &inner);
    if (!code)
        return SGR_OK;
    return sgr_error_set(error, code == SGR_ENOMEM ? code : SGR_EINVAL, "parameter %s: %s",
                         declared->name, inner.message);
}

/* Their text is the arena's. */
static int parse_parameters(const struct sgr_view *view, const struct sgr_subscribe *what,
                            struct sgr_arena *arena, struct sgr_value **ret,
                            struct sgr_error *error) {
    size_t count;
    const struct sgr_view_parameter *declared = sgr_view_parameters(view, &count);
    struct sgr_value *values = arena ? sgr_arena_alloc(arena, (count + 1) * sizeof(*values)) : NULL;
    if (!values)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for parameters");
    int code = check_names(what, declared, count, error);
    for (size_t i = 0; !code && i < count; i++)
        code = parse_parameter(&declared[i], find_parameter(what, declared[i].name), arena,
                               &values[i], error);
    *ret = values;
    return code;
}

static int open_instance(struct sgr_publisher *publisher, const struct sgr_subscribe *what,
                         struct sgr_instance **ret, const char **ret_code,
                         struct sgr_error *error) {
    if (!publisher->ready) {
        *ret_code = "not_ready";
        return sgr_error_set(error, SGR_EUNAVAILABLE, "the first snapshot is not complete yet");
    }
    struct sgr_view *view = sgr_views_find(publisher->parts.views, what->view);
    if (!view) {
        *ret_code = "unknown_view";
        return unknown_view(publisher, what->view, error);
    }
    struct sgr_arena *arena = sgr_arena_new();
    struct sgr_value *values;
    int code = parse_parameters(view, what, arena, &values, error);
    if (!code)
        code = sgr_instance_open(view, values, ret, error);
    else if (code != SGR_ENOMEM)
        *ret_code = "bad_parameter";
    sgr_arena_free(arena);
    return code;
}

static int add_subscription(struct sgr_publisher *publisher, uint64_t id, bool by_revision,
                            struct channel *channel, struct sgr_error *error) {
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    if (!subscription || sgr_map_put(publisher->subscriptions, id_key(&id), subscription, NULL)) {
        free(subscription);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a subscription");
    }
    *subscription = (struct subscription){.id = id, .by_revision = by_revision, .channel = channel};
    sgr_list_append(&channel->subscriptions, &subscription->link);
    return SGR_OK;
}

/* Everything up to the answer; on failure nothing is left behind. */
static int subscribe(struct sgr_publisher *publisher, const struct sgr_ask *ask,
                     const char **ret_code, struct sgr_error *error) {
    const struct sgr_codec *codec =
        sgr_codec_find(ask->what.codec ? ask->what.codec : "json-patch");
    if (!codec) {
        *ret_code = "unknown_codec";
        return sgr_error_set(error, SGR_EINVAL, "no codec %s; there are json-patch, rows and full",
                             ask->what.codec);
    }
    struct sgr_instance *instance;
    int code = open_instance(publisher, &ask->what, &instance, ret_code, error);
    if (code)
        return code;
    struct served *served = served_of(publisher, instance);
    struct channel *channel = served ? channel_of(publisher, served, codec) : NULL;
    struct sgr_buffer etag = SGR_BUFFER_INIT;
    struct sgr_state state;
    if (!channel)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a channel");
    else
        code = opening_state(publisher, channel, &ask->what, &etag, &state, error);
    if (!code && !ask->once) {
        code = add_subscription(publisher, ask->id, ask->what.by_revision, channel, error);
        if (code)
            sgr_bytes_unref((struct sgr_bytes *)(uintptr_t)state.document);
    }
    if (!code)
        answer(publisher, ask->id, ask->once ? 0 : channel->id, state, false);
    sgr_buffer_fini(&etag);
    if (code || ask->once) {
        if (channel)
            channel_drop_if_unused(channel);
        else if (served)
            served_drop_if_unused(served);
        sgr_instance_close(instance);
    }
    return code;
}

static void handle_subscribe(struct sgr_publisher *publisher, const struct sgr_ask *ask) {
    struct sgr_error error = {0};
    const char *wire_code = NULL;
    if (!subscribe(publisher, ask, &wire_code, &error))
        return;
    sgr_utf8_repair(error.message); /* it quotes what the client wrote */
    answer(publisher, ask->id, 0, error_state(&error, wire_code), false);
}

static void unsubscribe(struct sgr_publisher *publisher, uint64_t id) {
    struct subscription *subscription = sgr_map_remove(publisher->subscriptions, id_key(&id));
    if (!subscription)
        return;
    struct sgr_instance *instance = subscription->channel->served->instance;
    sgr_list_remove(&subscription->link);
    channel_drop_if_unused(subscription->channel);
    sgr_instance_close(instance);
    free(subscription);
}

void sgr_publisher_free(struct sgr_publisher *publisher) {
    if (!publisher)
        return;
    struct sgr_slice key;
    void *value;
    for (size_t at = 0; sgr_map_next(publisher->subscriptions, &at, &key, &value);)
        unsubscribe(publisher, ((struct subscription *)value)->id);
    sgr_map_free(publisher->subscriptions);
    sgr_vector_fini(&publisher->changed);
    sgr_vector_fini(&publisher->items);
    free(publisher);
}

/* ---- Composing and explaining ---- */

static int composed_state(struct sgr_publisher *publisher, struct channel *channel,
                          struct sgr_slice cursor, struct sgr_buffer *etag, struct sgr_state *ret,
                          struct sgr_error *error) {
    struct sgr_subscribe what = {.cursor = cursor};
    return opening_state(publisher, channel, &what, etag, ret, error);
}

static void compose_one(struct sgr_publisher *publisher, const struct sgr_ask *ask, size_t i,
                        struct sgr_hub_answer *ret, struct sgr_buffer *etag,
                        struct sgr_error *error) {
    struct subscription *subscription = sgr_map_get(publisher->subscriptions, id_key(&ask->ids[i]));
    *ret = (struct sgr_hub_answer){.id = ask->ids[i]};
    int code = SGR_OK;
    if (subscription) {
        ret->channel = subscription->channel->id;
        code = composed_state(publisher, subscription->channel, ask->cursors[i], etag, &ret->state,
                              error);
    } else {
        code = sgr_error_set(error, SGR_ENOTFOUND, "no such subscription");
    }
    if (code)
        ret->state = error_state(error, NULL);
}

static void handle_compose(struct sgr_publisher *publisher, const struct sgr_ask *ask) {
    struct sgr_hub_answer *answers = calloc(ask->count + 1, sizeof(*answers));
    struct sgr_buffer *etags = calloc(ask->count + 1, sizeof(*etags));
    struct sgr_error *errors = calloc(ask->count + 1, sizeof(*errors));
    bool fits = answers && etags && errors;
    for (size_t i = 0; fits && i < ask->count; i++)
        compose_one(publisher, ask, i, &answers[i], &etags[i], &errors[i]);
    /* Several views on one connection share one cursor, which must name the commit they are all composed at. */
    struct sgr_bytes *now =
        fits && ask->count > 1 ? sgr_cursors_token(publisher->parts.cursors) : NULL;
    for (size_t i = 0; now && i < ask->count; i++)
        if (answers[i].state.answer != SGR_ANSWER_ERROR)
            answers[i].state.cursor = bytes_slice(now);
    sgr_hub_composed(publisher->parts.hub, ask->id, answers, fits ? ask->count : 0);
    sgr_bytes_unref(now);
    for (size_t i = 0; fits && i < ask->count; i++)
        sgr_buffer_fini(&etags[i]);
    free(answers);
    free(etags);
    free(errors);
}

static void handle_explain(struct sgr_publisher *publisher, const struct sgr_ask *ask) {
    enum sgr_explain_format format = SGR_EXPLAIN_TEXT;
    if (ask->format && strcmp(ask->format, "dot") == 0)
        format = SGR_EXPLAIN_DOT;
    else if (ask->format && strcmp(ask->format, "json") == 0)
        format = SGR_EXPLAIN_JSON;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    publisher->parts.explain(publisher->parts.data, format, &out);
    sgr_hub_explained(publisher->parts.hub, ask->id, to_bytes(&out));
}

static void handle_ask(void *data, const struct sgr_ask *ask) {
    struct sgr_publisher *publisher = data;
    switch (ask->kind) {
    case SGR_ASK_SUBSCRIBE:
        handle_subscribe(publisher, ask);
        break;
    case SGR_ASK_UNSUBSCRIBE:
        unsubscribe(publisher, ask->id);
        break;
    case SGR_ASK_COMPOSE:
        handle_compose(publisher, ask);
        break;
    case SGR_ASK_EXPLAIN:
        handle_explain(publisher, ask);
        break;
    }
}

bool sgr_publisher_serve(struct sgr_publisher *publisher, size_t most) {
    return sgr_hub_take(publisher->parts.hub, handle_ask, publisher, most);
}

/* ---- Commits ---- */

void sgr_publisher_ready(struct sgr_publisher *publisher, int64_t epoch_seconds) {
    publisher->ready = true;
    publisher->revision_base = (uint64_t)epoch_seconds << REVISION_SHIFT;
}

void sgr_publisher_stale(struct sgr_publisher *publisher, bool stale) {
    if (publisher->stale == stale)
        return;
    publisher->stale = stale;
    sgr_hub_stale(publisher->parts.hub, stale);
}

static void collect(void *data, struct sgr_instance *instance) {
    struct sgr_publisher *publisher = data;
    struct served *served = sgr_instance_data(instance);
    if (served && sgr_vector_push(&publisher->changed, &instance))
        publisher->forgot = true;
}

/* The views' collections after the commit, and who shows what changed. Nobody may be forgotten: a client would miss a commit unawares. */
static int commit_views(struct sgr_publisher *publisher, uint64_t number, int64_t now,
                        struct sgr_error *error) {
    sgr_vector_clear(&publisher->changed);
    publisher->forgot = false;
    int code = sgr_views_commit(publisher->parts.views, number, now, collect, publisher, error);
    if (!code && publisher->forgot)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a commit");
    return code;
}

static int render(struct sgr_publisher *publisher, struct channel *channel, uint64_t from,
                  struct sgr_error *error) {
    struct sgr_hub_item *item = sgr_vector_add(&publisher->items);
    struct sgr_buffer out = SGR_BUFFER_INIT;
    if (!item)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a frame");
    int code = sgr_instance_changes(channel->served->instance, channel->codec, from, &out, error);
    if (code || !out.size) {
        sgr_buffer_fini(&out);
        publisher->items.count--;
        return code;
    }
    *item = (struct sgr_hub_item){.channel = channel->id,
                                  .patches = to_bytes(&out),
                                  .previous = sgr_bytes_ref(channel->served->token),
                                  .revision = revision_of(publisher, channel->served->instance)};
    return item->patches ? SGR_OK : sgr_error_set(error, SGR_ENOMEM, "out of memory for a frame");
}

static int publish_instance(struct sgr_publisher *publisher, struct sgr_instance *instance,
                            uint64_t number, struct sgr_bytes *token, struct sgr_error *error) {
    struct served *served = sgr_instance_data(instance);
    SGR_LIST_EACH(link, &served->channels) {
        struct channel *channel = SGR_CONTAINER(link, struct channel, link);
        sgr_bytes_unref(channel->document);
        channel->document = NULL;
        int code = render(publisher, channel, number - 1, error);
        if (code)
            return code;
    }
    sgr_bytes_unref(served->token);
    served->token = sgr_bytes_ref(token);
    return SGR_OK;
}

static void send_commit(struct sgr_publisher *publisher, struct sgr_bytes *token, int64_t time) {
    if (!publisher->items.count)
        return;
    struct sgr_hub_commit commit = {.cursor = sgr_bytes_ref(token),
                                    .time = time,
                                    .count = publisher->items.count,
                                    .items = publisher->items.items};
    sgr_hub_commit(publisher->parts.hub, &commit);
    sgr_vector_clear(&publisher->items);
}

int sgr_publisher_commit(struct sgr_publisher *publisher, uint64_t number, int64_t time,
                         int64_t now, struct sgr_error *error) {
    publisher->commit_time = time;
    int code = commit_views(publisher, number, now, error);
    if (code || !publisher->changed.count)
        return code;
    struct sgr_bytes *token = sgr_cursors_token(publisher->parts.cursors);
    if (!token)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a cursor");
    for (size_t i = 0; !code && i < publisher->changed.count; i++)
        code = publish_instance(publisher,
                                *SGR_VECTOR_AT(&publisher->changed, struct sgr_instance *, i),
                                number, token, error);
    send_commit(publisher, token, time);
    sgr_bytes_unref(token);
    return code;
}

static int reset_one(struct sgr_publisher *publisher, struct subscription *subscription,
                     struct sgr_bytes *token, const char *reason, struct sgr_error *error) {
    struct channel *channel = subscription->channel;
    if (channel->served->token != token) {
        sgr_bytes_unref(channel->served->token);
        channel->served->token = sgr_bytes_ref(token);
    }
    struct sgr_buffer etag = SGR_BUFFER_INIT;
    struct sgr_state state;
    int code = snapshot_state(publisher, channel, reason, &etag, &state, error);
    if (!code)
        answer(publisher, subscription->id, channel->id, state, true);
    sgr_buffer_fini(&etag);
    return code;
}

static void forget_documents(struct sgr_publisher *publisher) {
    struct sgr_slice key;
    void *value;
    for (size_t at = 0; sgr_map_next(publisher->subscriptions, &at, &key, &value);) {
        struct channel *channel = ((struct subscription *)value)->channel;
        sgr_bytes_unref(channel->document);
        channel->document = NULL;
    }
}

int sgr_publisher_restart(struct sgr_publisher *publisher, uint64_t number, int64_t epoch_seconds,
                          int64_t now, const char *reason, struct sgr_error *error) {
    int code = commit_views(publisher, number, now, error);
    if (code)
        return code;
    sgr_views_forget(publisher->parts.views);
    publisher->revision_base = (uint64_t)epoch_seconds << REVISION_SHIFT;
    forget_documents(publisher);
    struct sgr_bytes *token = sgr_cursors_token(publisher->parts.cursors);
    if (!token)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a cursor");
    struct sgr_slice key;
    void *value;
    for (size_t at = 0; !code && sgr_map_next(publisher->subscriptions, &at, &key, &value);)
        code = reset_one(publisher, value, token, reason, error);
    sgr_bytes_unref(token);
    return code;
}

size_t sgr_publisher_subscriptions(const struct sgr_publisher *publisher) {
    return sgr_map_count(publisher->subscriptions);
}
