/* The events of the second era, by name. What is not in the table is ignored, as its server does. */
#include <strings.h>

#include "answer.h"
#include "broadcast.h"
#include "changes.h"
#include "events.h"

void events_v2_shut(struct channel *channel, const char *why) {
    channel_system(channel, "system", "error", why);
    channel_tell(channel, FRAME_JSON("\"phx_close\""));
    channel_drop(channel);
}

#define TOO_MANY "ClientMessageRateLimitReached: Too many messages per second"

static void take_token(void *data, const struct token_verdict *verdict) {
    struct channel *channel = data;
    struct supabase *supabase = channel->socket->supabase;
    if (verdict->away)
        return; /* the one before counts until it expires */
    if (!verdict->expiry) {
        events_v2_shut(channel, verdict->why);
        return;
    }
    if (channel->config.private &&
        token_has_role(&supabase->tokens, verdict->claims, ROLE_ANYBODY)) {
        token_drop(&supabase->tokens, verdict->claims);
        events_v2_shut(channel, "You no longer have permission to read from this channel");
        return;
    }
    channel_take_token(channel, verdict);
    changes_join(channel);
}

/* There is no answer to a good one. null says nothing, nor does a key that stands for the token the client came with. */
static void refresh(struct channel *channel, const struct message *message) {
    struct supabase *supabase = channel->socket->supabase;
    struct sgr_slice token = message_text(json_object_get(message->payload, "access_token"));
    if (!supabase->tokens.wanted || !token.data || token_is_key(token))
        return;
    if (!socket_may_ask(channel->socket, message)) {
        answer_error(channel->socket, message, message->join_ref, TOO_MANY);
        return;
    }
    token_refresh(&channel->refresh, &supabase->tokens, token, take_token, channel);
}

/* ---- To the others in the room ---- */

/* Refused is answered always, taken only if that is asked for. */
static void broadcast(struct channel *channel, const struct message *message) {
    const char *wrong = socket_may_speak(channel->socket, message)
                            ? broadcast_receive(&channel->member, message)
                            : TOO_MANY;
    if (wrong)
        answer_error(channel->socket, message, message->join_ref, wrong);
    else if (channel->config.broadcast_ack)
        answer_ok(channel->socket, message, message->join_ref);
}

static const char *change_presence(struct channel *channel, const struct message *message) {
    const json_t *payload = json_object_get(message->payload, "payload");
    struct sgr_slice event = message_text(json_object_get(message->payload, "event"));
    if (event.size == 7 && strncasecmp(event.data, "untrack", 7) == 0)
        presence_untrack(&channel->member);
    else if (event.size == 5 && strncasecmp(event.data, "track", 5) == 0)
        return presence_track(&channel->member, payload);
    else
        return "UnknownPresenceEvent: it is neither track nor untrack";
    return NULL;
}

static void presence(struct channel *channel, const struct message *message) {
    const char *wrong =
        socket_may_speak(channel->socket, message) ? change_presence(channel, message) : TOO_MANY;
    if (wrong) {
        answer_error(channel->socket, message, message->join_ref, wrong);
        return;
    }
    answer_ok(channel->socket, message, message->join_ref);
    if (!channel->member.meta || channel->member.wants_presence)
        return;
    channel->member.wants_presence = true; /* who shows itself sees the others, from here on */
    presence_tell(&channel->member);
}

/* ---- All ---- */

static const struct {
    const char *name;
    void (*handle)(struct channel *channel, const struct message *message);
} events[] = {
    {"access_token", refresh},
    {"broadcast", broadcast},
    {"presence", presence},
};

void events_v2(struct channel *channel, const struct message *message) {
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        if (message_is(message, events[i].name)) {
            events[i].handle(channel, message);
            return;
        }
}

bool events_v2_begin(struct channel *channel) {
    struct config *config = &channel->config;
    if (!config->presence_key)
        config->presence_key = presence_key_new();
    if (!config->presence_key)
        return false;
    channel->member = (struct member){.socket = channel->socket,
                                      .hears_itself = config->broadcast_self,
                                      .wants_presence = config->presence,
                                      .key = message_text(config->presence_key)};
    return room_enter(&channel->member, channel->topic->entry.key, config->private);
}

void events_v2_joined(struct channel *channel) {
    if (channel->member.wants_presence)
        presence_tell(&channel->member);
}

void events_v2_end(struct channel *channel) {
    room_leave(&channel->member);
}
