#include "channel.h"

#include "frame.h"
#include "value.h"

#define PREFIX "realtime:"

/* ---- Answers ---- */

static struct sgr_slice topic_json(const struct channel *channel) {
    return (struct sgr_slice){channel->topic->json, channel->topic->json_size};
}

static struct sgr_slice join_ref(const struct channel *channel) {
    return channel ? (struct sgr_slice){channel->join_ref, channel->size} : FRAME_NULL;
}

/* `payload` is all of it. The channel's join_ref stands in the answer, or the given one, if there is a channel or was to be one. */
static void reply(struct socket *socket, const struct message *message, const json_t *join,
                  struct sgr_slice payload) {
    struct sgr_text *text = &socket->supabase->text;
    struct sgr_text parts = sgr_text_new(text->common, text->host);
    frame_json(&parts, join);
    size_t ref = parts.size;
    frame_json(&parts, message->ref);
    size_t topic = parts.size;
    frame_json(&parts, message->topic);
    struct frame frame = {.join_ref = {parts.data, ref},
                          .ref = {parts.data + ref, topic - ref},
                          .topic = {parts.data + topic, parts.size - topic},
                          .event = FRAME_JSON("\"phx_reply\""),
                          .payload = payload};
    sgr_text_clear(text);
    frame_write(text, socket->vsn, &frame);
    text->failed |= parts.failed;
    sgr_text_free(&parts);
    socket_send(socket);
}

static void reply_ok(struct socket *socket, const struct message *message, const json_t *join) {
    reply(socket, message, join, FRAME_JSON("{\"response\":{},\"status\":\"ok\"}"));
}

static void reply_unmatched(struct socket *socket, const struct message *message) {
    reply(socket, message, NULL,
          FRAME_JSON("{\"response\":{\"reason\":\"unmatched topic\"},\"status\":\"error\"}"));
}

/* phx_close or phx_error, whose ref is the one of the join. */
static void tell(const struct channel *channel, struct sgr_slice event) {
    struct socket *socket = channel->socket;
    struct frame frame = {.join_ref = join_ref(channel),
                          .ref = join_ref(channel),
                          .topic = topic_json(channel),
                          .event = event,
                          .payload = FRAME_JSON("{}")};
    sgr_text_clear(&socket->supabase->text);
    frame_write(&socket->supabase->text, socket->vsn, &frame);
    socket_send(socket);
}

/* ---- Life ---- */

static struct channel *find(const struct socket *socket, struct sgr_slice name) {
    struct topic *topic = name.data ? topics_find(&socket->supabase->topics, name) : NULL;
    for (struct channel *channel = topic ? socket->channels : NULL; channel;
         channel = channel->next)
        if (channel->topic == topic)
            return channel;
    return NULL;
}

static void drop(struct channel *channel) {
    struct socket *socket = channel->socket;
    struct supabase *supabase = socket->supabase;
    topic_leave(&supabase->topics, channel->topic, channel);
    *channel->before = channel->next;
    if (channel->next)
        channel->next->before = channel->before;
    else
        socket->channels_end = channel->before;
    socket->channel_count--;
    supabase->table->common.release(supabase->host, channel);
}

static void fail(struct channel *channel) {
    tell(channel, FRAME_JSON("\"phx_error\""));
    drop(channel);
}

static struct channel *channel_new(struct socket *socket, const struct message *message) {
    struct supabase *supabase = socket->supabase;
    struct sgr_text *text = &supabase->text;
    sgr_text_clear(text);
    frame_json(text, message->join_ref);
    struct channel *channel =
        text->failed
            ? NULL
            : supabase->table->common.allocate(supabase->host, sizeof(*channel) + text->size);
    if (!channel)
        return NULL;
    memcpy(channel->join_ref, text->data, text->size);
    channel->size = text->size;
    channel->socket = socket;
    channel->expiry = INT64_MAX;
    channel->topic = topics_get(&supabase->topics, message_text(message->topic));
    if (channel->topic && topic_join(&supabase->topics, channel->topic, channel))
        return channel;
    supabase->table->common.release(supabase->host, channel);
    return NULL;
}

static void link_channel(struct channel *channel) {
    struct socket *socket = channel->socket;
    channel->before = socket->channels_end;
    *channel->before = channel;
    socket->channels_end = &channel->next;
    socket->channel_count++;
}

void channels_drop(struct socket *socket) {
    while (socket->channels)
        drop(socket->channels);
}

int64_t channels_expire(struct socket *socket, int64_t now) {
    int64_t earliest = INT64_MAX;
    for (struct channel *channel = socket->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->expiry <= now)
            fail(channel);
        else if (channel->expiry < earliest)
            earliest = channel->expiry;
    }
    return earliest;
}

/* ---- What clients ask for ---- */

static void refuse_join(struct socket *socket, const struct message *message, const char *reason) {
    struct sgr_text payload =
        sgr_text_new(&socket->supabase->table->common, socket->supabase->host);
    struct sgr_text why = sgr_text_new(payload.common, payload.host);
    sgr_text_puts(&why, reason);
    sgr_text_slice(&why, message_text(message->topic));
    sgr_text_puts(&payload, "{\"response\":{\"reason\":");
    value_json(&payload, (struct sgr_slice){why.data, why.size});
    sgr_text_puts(&payload, "},\"status\":\"error\"}");
    if (why.failed || payload.failed)
        socket_shut(socket, 1013, "out of memory");
    else
        reply(socket, message, message->join_ref, (struct sgr_slice){payload.data, payload.size});
    sgr_text_free(&why);
    sgr_text_free(&payload);
}

/* The token that counts: one that the join names, or else the one the client came with, which must expire some day to join by. 0: none that is good. */
static int64_t join_expiry(struct socket *socket, const struct message *message) {
    struct tokens *tokens = &socket->supabase->tokens;
    const json_t *named = json_object_get(message->payload, "user_token");
    if (!tokens->wanted)
        return INT64_MAX;
    if (named)
        return token_joins(tokens, message_text(named));
    return socket->expiry == INT64_MAX ? 0 : socket->expiry;
}

/* Whoever joins twice is joined once, by the later one. */
static void join(struct socket *socket, const struct message *message, struct channel *older) {
    if (older)
        drop(older);
    if (socket->channel_count >= (size_t)socket->supabase->options->channels) {
        refuse_join(socket, message, "too many channels to join ");
        return;
    }
    int64_t expiry = join_expiry(socket, message);
    if (expiry <= wall_now()) {
        refuse_join(socket, message, "error occurred when joining ");
        return;
    }
    struct channel *channel = channel_new(socket, message);
    if (!channel) {
        socket_shut(socket, 1013, "out of memory");
        return;
    }
    link_channel(channel);
    channel->expiry = expiry;
    sockets_expire_at(socket->supabase, expiry);
    reply_ok(socket, message, message->join_ref);
}

static void leave(struct socket *socket, const struct message *message, struct channel *channel) {
    reply_ok(socket, message, message->join_ref);
    if (!channel)
        return;
    tell(channel, FRAME_JSON("\"phx_close\""));
    drop(channel);
}

/* There is no answer to a good one. Clients without a token send null after each heartbeat: that says nothing. */
static void refresh(struct channel *channel, const struct message *message) {
    struct supabase *supabase = channel->socket->supabase;
    const json_t *token = json_object_get(message->payload, "access_token");
    if (!supabase->tokens.wanted || !token || json_is_null(token))
        return;
    channel->expiry = token_joins(&supabase->tokens, message_text(token));
    if (channel->expiry <= wall_now())
        fail(channel);
    else
        sockets_expire_at(supabase, channel->expiry);
}

static bool starts_with_prefix(struct sgr_slice topic) {
    size_t size = sizeof(PREFIX) - 1;
    return topic.size >= size && memcmp(topic.data, PREFIX, size) == 0;
}

static bool is_heartbeat(const struct message *message, struct sgr_slice topic) {
    return message_is(message, "heartbeat") && topic.size == 7 &&
           memcmp(topic.data, "phoenix", 7) == 0;
}

static void handle(struct socket *socket, const struct message *message) {
    struct sgr_slice topic = message_text(message->topic);
    struct channel *channel = find(socket, topic);
    if (is_heartbeat(message, topic))
        reply_ok(socket, message, NULL);
    else if (message_is(message, "phx_leave"))
        leave(socket, message, channel);
    else if (message_is(message, "phx_join") && starts_with_prefix(topic))
        join(socket, message, channel);
    else if (!channel)
        reply_unmatched(socket, message);
    else if (message_is(message, "access_token"))
        refresh(channel, message);
    else
        fail(channel);
}

void channel_receive(struct socket *socket, struct sgr_slice text) {
    struct message message;
    int code = message_read(&message, socket->vsn, text);
    if (code) {
        socket_shut(socket, code, "");
        return;
    }
    handle(socket, &message);
    message_free(&message);
}
