/* The events of the second era, by name. What is not in the table is ignored, as its server does. */
#include "answer.h"
#include "events.h"

void events_v2_shut(struct channel *channel, const char *why) {
    channel_system(channel, "system", "error", why);
    channel_tell(channel, FRAME_JSON("\"phx_close\""));
    channel_drop(channel);
}

/* There is no answer to a good one. null says nothing, nor does a key that stands for the token the client came with. */
static void refresh(struct channel *channel, const struct message *message) {
    struct supabase *supabase = channel->socket->supabase;
    struct sgr_slice token = message_text(json_object_get(message->payload, "access_token"));
    if (!supabase->tokens.wanted || !token.data || token_is_key(token))
        return;
    struct token_verdict verdict = token_joins(&supabase->tokens, token);
    if (!verdict.expiry) {
        events_v2_shut(channel, verdict.why);
        return;
    }
    channel_take_token(channel, &verdict);
}

static const struct {
    const char *name;
    void (*handle)(struct channel *channel, const struct message *message);
} events[] = {
    {"access_token", refresh},
};

void events_v2(struct channel *channel, const struct message *message) {
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        if (message_is(message, events[i].name)) {
            events[i].handle(channel, message);
            return;
        }
}

void events_v2_end(struct channel *channel) {
    (void)channel;
}
