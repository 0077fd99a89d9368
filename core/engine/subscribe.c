/* Asks of the network side: subscribing, unsubscribing, composing and explaining. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "engine/publisher.h"

/* ---- Answering ---- */

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

/* wire_code NULL: the error's own. */
static struct sgr_state error_state(const struct sgr_error *error, const char *wire_code) {
    if (!wire_code)
        wire_code = error->code == SGR_ELIMIT ? "busy" : sgr_error_name(error->code);
    return (struct sgr_state){.answer = SGR_ANSWER_ERROR,
                              .status = error_status(error->code),
                              .code = wire_code,
                              .message = error->message};
}

static int tell(struct sgr_publisher *publisher, uint64_t id, uint32_t channel,
                struct sgr_state state) {
    struct sgr_bytes *now = channel ? sgr_cursors_token(publisher->parts.cursors) : NULL;
    struct sgr_hub_answer answer = {.id = id,
                                    .channel = channel,
                                    .state = state,
                                    .now = sgr__bytes_slice(now),
                                    .epoch = publisher->epoch};
    int code = SGR_OK;
    if (id)
        code = sgr_hub_answer(publisher->parts.hub, &answer);
    else
        sgr_hub_reset(publisher->parts.hub, &answer);
    sgr_bytes_unref(now);
    return code;
}

void sgr__publisher_reset(struct sgr_publisher *publisher, const struct publisher_channel *channel,
                          struct sgr_state state) {
    tell(publisher, 0, channel->number, state);
}

void sgr__publisher_refuse(struct sgr_publisher *publisher, const struct publisher_channel *channel,
                           const struct sgr_error *error) {
    tell(publisher, 0, channel->number, error_state(error, NULL));
}

/* ---- What is asked for ---- */

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
    if (!sgr_utf8_valid(given->value.data, given->value.size))
        return sgr_error_set(error, SGR_EINVAL, "parameter %s is no text in UTF-8", declared->name);
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

static void release(struct sgr_publisher *publisher, struct sgr_instance *instance,
                    struct publisher_channel *channel) {
    if (channel)
        sgr__publisher_drop_if_unused(publisher, channel);
    sgr_instance_close(instance);
}

void sgr__publisher_unsubscribe(struct sgr_publisher *publisher,
                                struct publisher_channel *channel) {
    channel->subscriptions--;
    publisher->subscriptions--;
    release(publisher, channel->instance, channel);
}

/* Answers with the state; from then on the channel has one subscription more, unless it is `once`. */
static void open_channel(struct sgr_publisher *publisher, const struct sgr_ask *ask,
                         struct publisher_channel *channel, struct sgr_state state) {
    struct sgr_instance *instance = channel->instance;
    bool told = tell(publisher, ask->id, ask->once ? 0 : channel->number, state) == SGR_OK;
    if (!told || ask->once) {
        release(publisher, instance, channel);
        return;
    }
    channel->subscriptions++;
    publisher->subscriptions++;
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
    struct publisher_channel *channel = sgr__publisher_channel(publisher, instance, codec);
    struct sgr_buffer etag = SGR_BUFFER_INIT;
    struct sgr_state state;
    if (!channel)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a channel");
    else
        code = sgr__publisher_opening(publisher, channel, &ask->what, &etag, &state, error);
    if (code)
        release(publisher, instance, channel);
    else
        open_channel(publisher, ask, channel, state);
    sgr_buffer_fini(&etag);
    return code;
}

static void handle_subscribe(struct sgr_publisher *publisher, const struct sgr_ask *ask) {
    struct sgr_error error = {0};
    const char *wire_code = NULL;
    if (!subscribe(publisher, ask, &wire_code, &error))
        return;
    sgr_utf8_repair(error.message); /* it quotes what the client wrote */
    tell(publisher, ask->id, 0, error_state(&error, wire_code));
}

static void handle_unsubscribe(struct sgr_publisher *publisher, const struct sgr_ask *ask) {
    struct publisher_channel *channel = sgr_slots_get(&publisher->channels, ask->channel);
    if (channel && channel->subscriptions)
        sgr__publisher_unsubscribe(publisher, channel);
}

/* ---- Composing and explaining ---- */

static int composed_state(struct sgr_publisher *publisher, struct publisher_channel *channel,
                          struct sgr_slice cursor, struct sgr_buffer *etag, struct sgr_state *ret,
                          struct sgr_error *error) {
    struct sgr_subscribe what = {.cursor = cursor};
    return sgr__publisher_opening(publisher, channel, &what, etag, ret, error);
}

static void compose_one(struct sgr_publisher *publisher, const struct sgr_hub_missed *missed,
                        struct sgr_hub_answer *ret, struct sgr_buffer *etag,
                        struct sgr_error *error) {
    struct publisher_channel *channel = sgr_slots_get(&publisher->channels, missed->channel);
    *ret = (struct sgr_hub_answer){.id = missed->id, .channel = missed->channel};
    int code = channel
                   ? composed_state(publisher, channel, missed->cursor, etag, &ret->state, error)
                   : sgr_error_set(error, SGR_ENOTFOUND, "no such subscription");
    if (code)
        ret->state = error_state(error, NULL);
}

/* All of them as of one commit; what can't be answered for want of memory is answered by none. */
static void handle_compose(struct sgr_publisher *publisher, const struct sgr_ask *ask) {
    struct sgr_hub_answer *answers = calloc(ask->count + 1, sizeof(*answers));
    struct sgr_buffer *etags = calloc(ask->count + 1, sizeof(*etags));
    struct sgr_error *errors = calloc(ask->count + 1, sizeof(*errors));
    struct sgr_bytes *now = sgr_cursors_token(publisher->parts.cursors);
    bool fits = answers && etags && errors && now;
    for (size_t i = 0; fits && i < ask->count; i++) {
        compose_one(publisher, &ask->missed[i], &answers[i], &etags[i], &errors[i]);
        answers[i].now = sgr__bytes_slice(now);
        answers[i].epoch = publisher->epoch;
    }
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
    else if (ask->format && strcmp(ask->format, "metrics") == 0)
        format = SGR_EXPLAIN_METRICS;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    publisher->parts.explain(publisher->parts.data, format, &out);
    sgr_hub_explained(publisher->parts.hub, ask->id, sgr__publisher_bytes(&out));
}

static void handle_ask(void *data, const struct sgr_ask *ask) {
    struct sgr_publisher *publisher = data;
    switch (ask->kind) {
    case SGR_ASK_SUBSCRIBE:
        handle_subscribe(publisher, ask);
        break;
    case SGR_ASK_UNSUBSCRIBE:
        handle_unsubscribe(publisher, ask);
        break;
    case SGR_ASK_COMPOSE:
        handle_compose(publisher, ask);
        break;
    case SGR_ASK_EXPLAIN:
        handle_explain(publisher, ask);
        break;
    case SGR_ASK_WAIT:
        sgr__publisher_wait(publisher, ask);
        break;
    case SGR_ASK_WAIT_END:
        sgr_waits_cancel(publisher->waits, ask->id);
        break;
    }
}

bool sgr_publisher_serve(struct sgr_publisher *publisher, size_t most) {
    return sgr_hub_take(publisher->parts.hub, handle_ask, publisher, most);
}
