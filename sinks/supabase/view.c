#include "view.h"

#include "answer.h"
#include "events.h"
#include "percent.h"
#include "value.h"

#define PREFIX "realtime:view:"

struct view {
    struct channel *channel;
    struct sgr_subscription *subscription; /* NULL: it has ended */
    enum era era;
    struct message join; /* document NULL: it was answered */
};

bool view_is_topic(struct sgr_slice name) {
    size_t size = sizeof(PREFIX) - 1;
    return name.size > size && memcmp(name.data, PREFIX, size) == 0 && name.data[size] == '/';
}

/* ---- Events ---- */

static struct sgr_text new_text(const struct view *view) {
    const struct supabase *supabase = view->channel->socket->supabase;
    return sgr_text_new(&supabase->table->common, supabase->host);
}

/* What stands around an event's body in the view's frames. */
static void write_head(struct sgr_text *text, const struct view *view, const struct frame *frame) {
    frame_head(text, view->channel->socket->vsn, frame);
    if (view->era == ERA_V2) {
        sgr_text_puts(text, "{\"event\":");
        sgr_text_slice(text, frame->payload);
        sgr_text_puts(text, ",\"payload\":");
    }
}

static void write_tail(struct sgr_text *text, const struct view *view, const struct frame *frame) {
    if (view->era == ERA_V2)
        sgr_text_puts(text, ",\"type\":\"broadcast\"}");
    frame_tail(text, view->channel->socket->vsn, frame);
}

/* `event`: JSON. `body` may be shared with other clients, or NULL when there was no memory for it. */
static void send_event(const struct view *view, struct sgr_slice event, struct sgr_bytes *body) {
    struct socket *socket = view->channel->socket;
    const struct sgr_sink_host *table = socket->supabase->table;
    const struct topic *topic = view->channel->topic;
    const struct frame frame = {.join_ref = FRAME_NULL,
                                .ref = FRAME_NULL,
                                .topic = {topic->json, topic->json_size},
                                .event = view->era == ERA_V2 ? FRAME_JSON("\"broadcast\"") : event,
                                .payload = event};
    struct sgr_text text = new_text(view);
    write_head(&text, view, &frame);
    size_t head = text.size;
    write_tail(&text, view, &frame);
    struct sgr_bytes *parts[3] = {NULL, body, NULL};
    if (!text.failed) {
        parts[0] = table->bytes_new(text.data, head);
        parts[2] = table->bytes_new(text.data + head, text.size - head);
    }
    if (parts[0] && body && parts[2])
        table->send_parts(socket->connection, parts, 3);
    else
        socket_shut(socket, 1013, "out of memory");
    table->bytes_unref(parts[0]);
    table->bytes_unref(parts[2]);
    sgr_text_free(&text);
}

/* NULL: out of memory. */
static struct sgr_bytes *take(const struct view *view, struct sgr_text *text) {
    struct sgr_bytes *bytes =
        text->failed ? NULL
                     : view->channel->socket->supabase->table->bytes_new(text->data, text->size);
    sgr_text_free(text);
    return bytes;
}

static void send_text(const struct view *view, struct sgr_slice event, struct sgr_text *body) {
    struct sgr_bytes *bytes = take(view, body);
    send_event(view, event, bytes);
    view->channel->socket->supabase->table->bytes_unref(bytes);
}

static void add_bytes(struct sgr_text *text, const struct sgr_bytes *bytes) {
    sgr_text_add(text, bytes->data, bytes->size);
}

static struct sgr_bytes *diff(const struct view *view, struct sgr_slice previous,
                              struct sgr_slice cursor, const struct sgr_bytes *patches,
                              int64_t time) {
    struct sgr_text text = new_text(view);
    sgr_text_puts(&text, "{\"cursor\":");
    value_json(&text, cursor);
    sgr_text_puts(&text, ",\"patches\":");
    add_bytes(&text, patches);
    sgr_text_puts(&text, ",\"previous\":");
    value_json(&text, previous);
    if (time > 0) {
        sgr_text_puts(&text, ",\"time\":");
        sgr_text_uint(&text, (uint64_t)time / 1000);
    }
    sgr_text_puts(&text, "}");
    return take(view, &text);
}

static void send_snapshot(const struct view *view, const struct sgr_state *state) {
    struct sgr_text text = new_text(view);
    sgr_text_puts(&text, "{\"cursor\":");
    value_json(&text, state->cursor);
    sgr_text_puts(&text, ",\"data\":");
    add_bytes(&text, state->document);
    if (state->answer == SGR_ANSWER_RESET && state->reason) {
        sgr_text_puts(&text, ",\"reason\":");
        value_json(&text, (struct sgr_slice){state->reason, strlen(state->reason)});
    }
    sgr_text_puts(&text, state->stale ? ",\"stale\":true}" : "}");
    send_text(view, FRAME_JSON("\"snapshot\""), &text);
}

static void send_stale(const struct view *view, bool stale) {
    struct sgr_text text = new_text(view);
    sgr_text_puts(&text, stale ? "{\"stale\":true}" : "{\"stale\":false}");
    send_text(view, FRAME_JSON("\"stale\""), &text);
}

static void send_missed(const struct view *view, const struct sgr_state *state) {
    const struct sgr_sink_host *table = view->channel->socket->supabase->table;
    struct sgr_text text = new_text(view);
    if (state->document) {
        struct sgr_bytes *body =
            diff(view, state->previous, state->cursor, state->document, state->time);
        send_event(view, FRAME_JSON("\"diff\""), body);
        table->bytes_unref(body);
    }
    sgr_text_puts(&text, "{\"cursor\":");
    value_json(&text, state->cursor);
    sgr_text_puts(&text, "}");
    send_text(view, FRAME_JSON("\"caught_up\""), &text);
    if (state->stale)
        send_stale(view, true);
}

/* ---- What the view says ---- */

static void answer_joined(struct view *view) {
    struct socket *socket = view->channel->socket;
    if (!view->join.document)
        return;
    if (view->era == ERA_V0)
        answer_ok(socket, &view->join, view->join.join_ref);
    else
        answer(socket, &view->join, view->join.join_ref,
               FRAME_JSON("{\"response\":{\"postgres_changes\":[]},\"status\":\"ok\"}"));
    message_free(&view->join);
}

static void refuse_by(struct view *view, const char *reason) {
    if (!view->join.document) {
        view_shut(view->channel, reason);
        return;
    }
    answer_error(view->channel->socket, &view->join, view->join.join_ref, reason);
    channel_drop(view->channel);
}

static void refuse(struct view *view, const struct sgr_state *state) {
    struct sgr_text reason = new_text(view);
    sgr_text_puts(&reason, state->code);
    sgr_text_puts(&reason, ": ");
    sgr_text_puts(&reason, state->message);
    sgr_text_add(&reason, "", 1);
    view->subscription = NULL;
    if (reason.failed)
        socket_shut(view->channel->socket, 1013, "out of memory");
    else
        refuse_by(view, reason.data);
    sgr_text_free(&reason);
}

static void on_state(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    struct view *view = data;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR) {
        refuse(view, state);
        return;
    }
    answer_joined(view);
    if (state->answer == SGR_ANSWER_RESUMED)
        send_missed(view, state);
    else
        send_snapshot(view, state);
}

/* Who shows the same document gets the same body, made once. */
static void on_commit(struct sgr_connection *connection, void *data,
                      const struct sgr_commit *commit, const struct sgr_frame *frames,
                      size_t count) {
    const struct sgr_sink_host *table = ((struct socket *)data)->supabase->table;
    (void)connection;
    for (size_t i = 0; i < count; i++) {
        const struct view *view = frames[i].data;
        struct sgr_bytes *own = NULL, **body = count == 1 ? &commit->shared[0] : &own;
        if (!*body)
            *body = diff(view, frames[i].previous, commit->cursor, frames[i].patches, commit->time);
        send_event(view, FRAME_JSON("\"diff\""), *body);
        table->bytes_unref(own);
    }
}

static void on_stale(void *data, struct sgr_subscription *subscription, bool stale) {
    (void)subscription;
    send_stale(data, stale);
}

/* ---- Topics: the view's path and parameters ---- */

struct request {
    struct sgr_subscribe what;
    struct sgr_parameter_text *parameters;
    struct sgr_text values; /* decoded; each ends with NUL */
};

static struct sgr_slice until(struct sgr_slice *rest, char byte) {
    const char *end = rest->size ? memchr(rest->data, byte, rest->size) : NULL;
    size_t size = end ? (size_t)(end - rest->data) : rest->size;
    struct sgr_slice front = {rest->data, size};
    *rest =
        (struct sgr_slice){rest->data + size + (end ? 1 : 0), rest->size - size - (end ? 1 : 0)};
    return front;
}

/* Decoded behind what is in `values`, whose room is reserved, so that slices of it stay. */
static struct sgr_slice decode(struct sgr_text *values, struct sgr_slice from) {
    size_t start = values->size;
    for (size_t i = 0; i < from.size;) {
        bool space = from.data[i] == '+';
        char byte = percent_byte(from, &i);
        values->data[values->size++] = space ? ' ' : byte;
    }
    struct sgr_slice decoded = {values->data + start, values->size - start};
    values->data[values->size++] = '\0';
    return decoded;
}

static bool is(struct sgr_slice text, const char *word) {
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static void take_parameter(struct request *request, struct sgr_slice pair) {
    struct sgr_slice name = decode(&request->values, until(&pair, '='));
    struct sgr_slice value = decode(&request->values, pair);
    if (is(name, "cursor"))
        request->what.cursor = value;
    else if (is(name, "codec"))
        request->what.codec = value.data;
    else
        request->parameters[request->what.parameter_count++] =
            (struct sgr_parameter_text){name, value};
}

/* False: out of memory. To be freed in any case. */
static bool read_topic(struct supabase *supabase, struct sgr_slice name, struct request *ret) {
    struct sgr_slice rest = {name.data + sizeof(PREFIX) - 1, name.size - (sizeof(PREFIX) - 1)};
    size_t most = 1;
    *ret = (struct request){.values = sgr_text_new(&supabase->table->common, supabase->host)};
    ret->what.view = until(&rest, '?');
    for (size_t i = 0; i < rest.size; i++)
        most += rest.data[i] == '&';
    ret->parameters =
        supabase->table->common.allocate(supabase->host, most * sizeof(*ret->parameters));
    for (size_t i = 0; i < rest.size + 2 * most; i++)
        sgr_text_add(&ret->values, "", 1);
    if (!ret->parameters || ret->values.failed)
        return false;
    sgr_text_clear(&ret->values);
    while (rest.size) {
        struct sgr_slice pair = until(&rest, '&');
        if (pair.size)
            take_parameter(ret, pair);
    }
    ret->what.parameters = ret->parameters;
    return true;
}

static void request_free(struct supabase *supabase, struct request *request) {
    supabase->table->common.release(supabase->host, request->parameters);
    sgr_text_free(&request->values);
}

/* ---- Life ---- */

/* By the channel's own token, or the connection's where this sink wants none. */
static struct sgr_subscription *subscribe(struct view *view, const struct sgr_subscribe *what) {
    static const struct sgr_subscription_callbacks callbacks = {
        .state = on_state, .commit = on_commit, .stale = on_stale};
    const struct channel *channel = view->channel;
    const struct supabase *supabase = channel->socket->supabase;
    if (!supabase->tokens.wanted)
        return supabase->table->subscribe(supabase->host, channel->socket->connection, what,
                                          &callbacks, view);
    return supabase->table->subscribe_as(supabase->host, channel->socket->connection,
                                         channel->claims, what, &callbacks, view);
}

bool view_begin(struct channel *channel, const struct message *join, enum era era) {
    struct supabase *supabase = channel->socket->supabase;
    struct view *view = supabase->table->common.allocate(supabase->host, sizeof(*view));
    struct request request;
    if (!view)
        return false;
    *view = (struct view){.channel = channel, .era = era};
    channel->view = view;
    if (!message_keep(join, &view->join))
        return false;
    if (read_topic(supabase, channel->topic->entry.key, &request))
        view->subscription = subscribe(view, &request.what);
    request_free(supabase, &request);
    return view->subscription;
}

void view_event(struct channel *channel, const struct message *message) {
    if (!message_is(message, "access_token"))
        answer_error(channel->socket, message, message->join_ref, "a view takes no messages");
    else if (channel->view->era == ERA_V2)
        events_v2(channel, message);
    else
        events_v0(channel, message);
}

void view_claims(struct channel *channel) {
    const struct supabase *supabase = channel->socket->supabase;
    if (channel->view->subscription && supabase->tokens.wanted)
        supabase->table->subscription_claims(channel->view->subscription, channel->claims);
}

void view_shut(struct channel *channel, const char *why) {
    if (channel->view->era == ERA_V2)
        events_v2_shut(channel, why);
    else
        events_v0_fail(channel);
}

void view_end(struct channel *channel) {
    struct view *view = channel->view;
    const struct supabase *supabase = channel->socket->supabase;
    if (!view)
        return;
    if (view->subscription && !channel->socket->closed)
        supabase->table->unsubscribe(view->subscription);
    message_free(&view->join);
    channel->view = NULL;
    supabase->table->common.release(supabase->host, view);
}
