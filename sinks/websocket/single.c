/* One view on its own path. All clients of one channel get the very same frame. */
#include "websocket.h"

static void write_frame(struct client *client, struct sgr_slice previous, struct sgr_slice cursor,
                        const struct sgr_bytes *patches, int64_t time) {
    struct sgr_text *text = &client->ws->text;
    sgr_text_clear(text);
    message_frame_begin(text, previous, cursor);
    sgr_text_slice(text, bytes_slice(patches));
    message_frame_end(text, client->time ? time : 0);
}

static void send_resumed(struct client *client, const struct sgr_state *state) {
    struct sgr_text *text = &client->ws->text;
    if (state->document) {
        sgr_text_clear(text);
        message_frame_begin(text, state->previous, state->cursor);
        message_bytes(client->ws, state->document);
        message_frame_end(text, client->time ? state->time : 0);
        client_send(client);
    }
    sgr_text_clear(text);
    message_caught_up(text, NULL, state->cursor);
    client_send(client);
}

static void on_state(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    struct client *client = data;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR) {
        client_end(client, state);
        return;
    }
    if (state->answer == SGR_ANSWER_RESUMED) {
        send_resumed(client, state);
        client_stale(client, state->stale);
        return;
    }
    client->stale = state->stale;
    sgr_text_clear(&client->ws->text);
    message_state(client->ws, NULL, state);
    client_send(client);
}

static void on_commit(struct sgr_connection *connection, void *data,
                      const struct sgr_commit *commit, const struct sgr_frame *frames,
                      size_t count) {
    struct client *client = data;
    struct sgr_bytes **shared = &commit->shared[client->time ? SLOT_TIMED : SLOT_PLAIN];
    (void)count;
    if (!*shared) {
        write_frame(client, frames[0].previous, commit->cursor, frames[0].patches, commit->time);
        *shared = client_take(client);
    }
    if (*shared)
        client->ws->table->send(connection, *shared);
    else
        client->ws->table->shut(connection, 1013, "out of memory");
}

static void on_stale(void *data, struct sgr_subscription *subscription, bool stale) {
    (void)subscription;
    client_stale(data, stale);
}

static void on_message(struct client *client, const char *type, json_t *message) {
    (void)message;
    if (strcmp(type, "subscribe") == 0 || strcmp(type, "unsubscribe") == 0)
        client_error(client, NULL, "bad_message",
                     "this websocket shows one view; subscribe on the path /");
    else
        client_error(client, NULL, "unknown_type", "messages here are of type wait, auth or ping");
}

void single_begin(struct client *client, const struct wish *wish) {
    static const struct sgr_subscription_callbacks callbacks = {
        .state = on_state, .commit = on_commit, .stale = on_stale};
    client->message = on_message;
    client_subscribe(client, wish, &callbacks, client);
}
