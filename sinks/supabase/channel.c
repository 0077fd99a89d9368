#include "channel.h"

#include "answer.h"
#include "binary.h"
#include "changes.h"
#include "events.h"
#include "join.h"
#include "replay.h"
#include "view.h"

/* ---- Life ---- */

static struct channel *find(const struct socket *socket, struct sgr_slice name) {
    struct topic *topic = name.data ? topics_find(&socket->supabase->topics, name) : NULL;
    for (struct channel *channel = topic ? socket->channels : NULL; channel;
         channel = channel->next)
        if (channel->topic == topic)
            return channel;
    return NULL;
}

static void unlink_channel(struct channel *channel) {
    struct socket *socket = channel->socket;
    *channel->before = channel->next;
    if (channel->next)
        channel->next->before = channel->before;
    else
        socket->channels_end = channel->before;
    socket->channel_count--;
    socket->changes_size -= channel->config.changes_size;
    socket->changes_cost -= channel->config.changes_cost;
}

static void link_channel(struct channel *channel) {
    struct socket *socket = channel->socket;
    channel->before = socket->channels_end;
    *channel->before = channel;
    socket->channels_end = &channel->next;
    socket->channel_count++;
    socket->changes_size += channel->config.changes_size;
    socket->changes_cost += channel->config.changes_cost;
}

void channel_drop(struct channel *channel) {
    struct supabase *supabase = channel->socket->supabase;
    if (channel->era == ERA_V2)
        events_v2_end(channel);
    view_end(channel);
    changes_leave(channel);
    replay_leave(channel);
    join_drop(channel);
    topic_leave(&supabase->topics, channel->topic, channel);
    unlink_channel(channel);
    config_free(&channel->config);
    token_refresh_cancel(&channel->refresh);
    token_drop(&supabase->tokens, channel->claims);
    supabase->table->common.release(supabase->host, channel);
}

struct channel *channel_new(struct socket *socket, const struct message *message, enum era era,
                            struct config *config) {
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
    channel->join_ref_size = text->size;
    channel->socket = socket;
    channel->era = era;
    channel->expiry = INT64_MAX;
    channel->topic = topics_get(&supabase->topics, message_text(message->topic));
    if (!channel->topic || !topic_join(&supabase->topics, channel->topic, channel)) {
        supabase->table->common.release(supabase->host, channel);
        return NULL;
    }
    channel->config = *config;
    *config = (struct config){0};
    link_channel(channel);
    if (era != ERA_V2 || events_v2_begin(channel))
        return channel;
    channel_drop(channel);
    return NULL;
}

void channel_take_token(struct channel *channel, const struct token_verdict *verdict) {
    struct supabase *supabase = channel->socket->supabase;
    token_drop(&supabase->tokens, channel->claims);
    channel->claims = verdict->claims;
    channel->expiry = verdict->expiry;
    sockets_expire_at(supabase, channel->expiry);
    if (channel->view)
        view_claims(channel);
}

void channels_drop(struct socket *socket) {
    while (socket->channels)
        channel_drop(socket->channels);
}

int64_t channels_expire(struct socket *socket, int64_t now) {
    int64_t earliest = INT64_MAX;
    for (struct channel *channel = socket->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->expiry > now)
            earliest = channel->expiry < earliest ? channel->expiry : earliest;
        else if (channel->era == ERA_VIEW)
            view_shut(channel, "Token has expired");
        else if (channel->era == ERA_V2)
            events_v2_shut(channel, "Token has expired");
        else
            events_v0_fail(channel);
    }
    return earliest;
}

/* ---- What clients ask for ---- */

static bool is_heartbeat(const struct message *message, struct sgr_slice topic) {
    return message_is(message, "heartbeat") && topic.size == 7 &&
           memcmp(topic.data, "phoenix", 7) == 0;
}

static void leave(struct socket *socket, const struct message *message, struct channel *channel) {
    answer_ok(socket, message, message->join_ref);
    if (!channel)
        return;
    channel_tell(channel, FRAME_JSON("\"phx_close\""));
    channel_drop(channel);
}

static void handle(struct socket *socket, const struct message *message) {
    struct sgr_slice topic = message_text(message->topic);
    struct channel *channel = find(socket, topic);
    if (is_heartbeat(message, topic)) {
        answer_ok(socket, message, NULL);
        replay_tell(socket);
    } else if (message_is(message, "phx_leave"))
        leave(socket, message, channel);
    else if (message_is(message, "phx_join") && topic_is_channel(topic))
        join(socket, message, channel);
    else if (!channel)
        answer_unmatched(socket, message);
    else if (channel->era == ERA_VIEW)
        view_event(channel, message);
    else if (channel->era == ERA_V2)
        events_v2(channel, message);
    else
        events_v0(channel, message);
}

/* The first era's server read bytes as a text. */
static int read_message(const struct socket *socket, struct message *ret, struct sgr_slice text,
                        bool binary) {
    bool as_binary = binary && socket->vsn == VSN_2 && !socket->supabase->options->strict;
    return as_binary && binary_is(text) ? binary_message(ret, text)
                                        : message_read(ret, socket->vsn, text);
}

void channel_receive(struct socket *socket, struct sgr_slice text, bool binary) {
    struct message message;
    int code = read_message(socket, &message, text, binary);
    if (code) {
        socket_shut(socket, code, "");
        return;
    }
    message.size = text.size;
    handle(socket, &message);
    message_free(&message);
}
