/* Messages of protocol sangre.v1: written directly, read by jansson. */
#include "websocket.h"

enum { ID_LIMIT = 256 };
enum { SHARED_FROM = 4096 }; /* smaller ones are copied: a part costs more than that */

/* ---- Writing ---- */

void message_begin(struct sgr_text *text, const char *type, const char *id) {
    sgr_text_puts(text, "{\"type\":\"");
    sgr_text_puts(text, type);
    sgr_text_puts(text, "\"");
    if (id) {
        sgr_text_puts(text, ",\"id\":");
        sgr_text_puts(text, id);
    }
}

void message_member(struct sgr_text *text, const char *name, struct sgr_slice value) {
    sgr_text_puts(text, ",\"");
    sgr_text_puts(text, name);
    sgr_text_puts(text, "\":");
    sgr_text_json(text, value);
}

void message_bytes(struct websocket *ws, const struct sgr_bytes *bytes) {
    struct sgr_text *text = &ws->text;
    if (bytes->size < SHARED_FROM || ws->part_count + 3 > PARTS) {
        sgr_text_slice(text, bytes_slice(bytes));
        return;
    }
    struct sgr_bytes *before = text->failed ? NULL : ws->table->bytes_new(text->data, text->size);
    sgr_text_clear(text);
    text->failed = !before;
    if (!before)
        return;
    ws->parts[ws->part_count++] = before;
    ws->parts[ws->part_count++] = ws->table->bytes_ref((struct sgr_bytes *)bytes);
}

void message_state(struct websocket *ws, const char *id, const struct sgr_state *state) {
    struct sgr_text *text = &ws->text;
    bool reset = state->answer == SGR_ANSWER_RESET;
    message_begin(text, reset ? "reset" : "snapshot", id);
    if (reset)
        message_member(text, "reason", (struct sgr_slice){state->reason, strlen(state->reason)});
    message_member(text, "cursor", state->cursor);
    sgr_text_puts(text, ",\"data\":");
    message_bytes(ws, state->document);
    sgr_text_puts(text, state->stale ? ",\"stale\":true}" : "}");
}

void message_caught_up(struct sgr_text *text, const char *id, struct sgr_slice cursor) {
    message_begin(text, "caught_up", id);
    message_member(text, "cursor", cursor);
    sgr_text_puts(text, "}");
}

void message_frame_begin(struct sgr_text *text, struct sgr_slice previous,
                         struct sgr_slice cursor) {
    sgr_text_puts(text, "{\"f\":{\"p\":");
    sgr_text_json(text, previous);
    sgr_text_puts(text, ",\"c\":");
    sgr_text_json(text, cursor);
    sgr_text_puts(text, ",\"d\":");
}

void message_frame_end(struct sgr_text *text, int64_t time) {
    if (time > 0) {
        sgr_text_puts(text, ",\"t\":");
        sgr_text_uint(text, (uint64_t)time / 1000);
    }
    sgr_text_puts(text, "}}");
}

/* ---- Reading ---- */

struct sgr_slice message_text(json_t *message, const char *name) {
    json_t *value = json_object_get(message, name);
    if (!json_is_string(value))
        return (struct sgr_slice){NULL, 0};
    return (struct sgr_slice){json_string_value(value), json_string_length(value)};
}

bool message_id(json_t *message, struct sgr_text *id) {
    json_t *value = json_object_get(message, "id");
    char number[32];
    if (json_is_string(value) && json_string_length(value) <= ID_LIMIT) {
        sgr_text_json(id, message_text(message, "id"));
    } else if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        sgr_text_puts(id, number);
    } else {
        return false;
    }
    return !id->failed;
}

static void pong(struct client *client) {
    struct sgr_text *text = &client->ws->text;
    sgr_text_clear(text);
    message_begin(text, "pong", NULL);
    sgr_text_puts(text, "}");
    client_send(client);
}

/* The token in force, or why it is not; what depends on it is told by its own messages. */
static void on_authenticated(struct sgr_connection *connection, void *data,
                             const struct sgr_verdict *verdict) {
    struct client *client = data;
    struct sgr_text *text = &client->ws->text;
    int64_t expiry = INT64_MAX;
    (void)connection;
    if (verdict->status) {
        client_error(client, NULL, verdict->code, verdict->message);
        return;
    }
    if (verdict->claims)
        expiry = client->ws->table->claims_expiry(verdict->claims);
    sgr_text_clear(text);
    message_begin(text, "auth", NULL);
    if (expiry != INT64_MAX) {
        sgr_text_puts(text, ",\"expires\":");
        sgr_text_uint(text, expiry > 0 ? (uint64_t)expiry / 1000 : 0);
    }
    sgr_text_puts(text, "}");
    client_send(client);
}

static void authenticate(struct client *client, json_t *message) {
    json_t *token = json_object_get(message, "token");
    struct sgr_slice text = {json_string_value(token), json_string_length(token)};
    if (!json_is_string(token) && !json_is_null(token))
        client_error(client, NULL, "bad_message", "token is a text, or null to have none any more");
    else
        client->ws->table->authenticate(client->connection, text, on_authenticated);
}

static void hand_over(struct client *client, json_t *message) {
    json_t *type = json_object_get(message, "type");
    if (!json_is_string(type))
        client_error(client, NULL, "bad_message", "a message is an object with a type");
    else if (strcmp(json_string_value(type), "ping") == 0)
        pong(client);
    else if (strcmp(json_string_value(type), "wait") == 0)
        wait_begin(client, message);
    else if (strcmp(json_string_value(type), "auth") == 0)
        authenticate(client, message);
    else
        client->message(client, json_string_value(type), message);
}

void message_receive(struct client *client, struct sgr_slice text, bool binary) {
    json_error_t where;
    if (!client->message)
        return; /* the seed's clients have nothing to say */
    if (binary) {
        client_error(client, NULL, "bad_message", "messages are text");
        return;
    }
    json_t *message =
        json_loadb(text.size ? text.data : "", text.size, JSON_REJECT_DUPLICATES, &where);
    if (message)
        hand_over(client, message);
    else
        client_error(client, NULL, "bad_json", where.text);
    json_decref(message);
}
