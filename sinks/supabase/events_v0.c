/* The events of the first era: there is one, and every other ends the channel. */
#include "answer.h"
#include "changes.h"
#include "events.h"

void events_v0_fail(struct channel *channel) {
    channel_tell(channel, FRAME_JSON("\"phx_error\""));
    channel_drop(channel);
}

static void take_token(void *data, const struct token_verdict *verdict) {
    struct channel *channel = data;
    if (verdict->away)
        return; /* the one before counts until it expires */
    channel_take_token(channel, verdict);
    if (channel->expiry <= wall_now())
        events_v0_fail(channel);
    else
        changes_join(channel);
}

/* There is no answer to a good one. Clients without a token send null after each heartbeat: that says nothing. */
static void refresh(struct channel *channel, const struct message *message) {
    struct supabase *supabase = channel->socket->supabase;
    const json_t *token = json_object_get(message->payload, "access_token");
    if (!supabase->tokens.wanted || !token || json_is_null(token))
        return;
    if (!socket_may_ask(channel->socket, message)) {
        answer_error(channel->socket, message, message->join_ref, "too many tokens per second");
        return;
    }
    token_refresh(&channel->refresh, &supabase->tokens, message_text(token), take_token, channel);
}

void events_v0(struct channel *channel, const struct message *message) {
    if (message_is(message, "access_token"))
        refresh(channel, message);
    else
        events_v0_fail(channel);
}
