/* Many views on one connection, on the path `/`. Each has the client's id; a commit is one frame for all of them. */
#include "websocket.h"

#include <stdlib.h>

/* The member's name and what precedes its value. */
static void put_member(struct sgr_text *text, const struct entry *entry) {
    bool bare = entry->id[0] != '"';
    sgr_text_puts(text, bare ? "\"" : "");
    sgr_text_puts(text, entry->id);
    sgr_text_puts(text, bare ? "\":" : ":");
}

/* ---- States and frames ---- */

static void note_cursor(struct client *client, struct sgr_slice cursor) {
    sgr_text_clear(&client->cursor);
    sgr_text_slice(&client->cursor, cursor);
}

static struct sgr_slice known_cursor(const struct client *client) {
    return (struct sgr_slice){client->cursor.data, client->cursor.size};
}

static void send_resumed(struct entry *entry, const struct sgr_state *state) {
    struct client *client = entry->client;
    struct sgr_text *text = &client->ws->text;
    if (state->document) {
        sgr_text_clear(text);
        message_frame_begin(text, state->previous, state->cursor);
        sgr_text_puts(text, "{");
        put_member(text, entry);
        message_bytes(client->ws, state->document);
        sgr_text_puts(text, "}");
        message_frame_end(text, entry->time ? state->time : 0);
        client_send(client);
    }
    sgr_text_clear(text);
    message_caught_up(text, entry->id, state->cursor);
    client_send(client);
}

static void on_state(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    struct entry *entry = data;
    struct client *client = entry->client;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR) {
        client_error(client, entry->id, state->code, state->message);
        entry_remove(entry);
        return;
    }
    note_cursor(client, state->cursor);
    if (state->answer == SGR_ANSWER_RESUMED) {
        send_resumed(entry, state);
        client_stale(client, state->stale);
        return;
    }
    client->stale = state->stale;
    sgr_text_clear(&client->ws->text);
    message_state(client->ws, entry->id, state);
    client_send(client);
}

static void on_commit(struct sgr_connection *connection, void *data,
                      const struct sgr_commit *commit, const struct sgr_frame *frames,
                      size_t count) {
    struct client *client = data;
    struct sgr_text *text = &client->ws->text;
    bool time = false;
    (void)connection;
    sgr_text_clear(text);
    message_frame_begin(text, known_cursor(client), commit->cursor);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = frames[i].data;
        sgr_text_puts(text, i ? "," : "{");
        put_member(text, entry);
        message_bytes(client->ws, frames[i].patches);
        time |= entry->time;
    }
    sgr_text_puts(text, "}");
    message_frame_end(text, time ? commit->time : 0);
    note_cursor(client, commit->cursor);
    client_send(client);
}

static void on_stale(void *data, struct sgr_subscription *subscription, bool stale) {
    (void)subscription;
    client_stale(((struct entry *)data)->client, stale);
}

/* ---- Parameters ---- */

struct parameters {
    struct sgr_parameter_text *items;
    char (*numbers)[32];
    size_t count;
};

/* The shortest text that reads back as the same number. */
static void write_real(char *to, size_t size, double number) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(to, size, "%.*g", digits, number);
        if (strtod(to, NULL) == number)
            return;
    }
}

static bool parameter_text(json_t *value, char *number, struct sgr_slice *ret) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        *ret = (struct sgr_slice){json_string_value(value), json_string_length(value)};
        return true;
    case JSON_INTEGER:
        snprintf(number, 32, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(number, 32, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(number, 32, "%s", json_is_true(value) ? "true" : "false");
        break;
    case JSON_NULL:
        *ret = (struct sgr_slice){NULL, 0};
        return true;
    default:
        return false;
    }
    *ret = (struct sgr_slice){number, strlen(number)};
    return true;
}

static void free_parameters(struct websocket *ws, struct parameters *parameters) {
    ws->table->common.release(ws->host, parameters->items);
    ws->table->common.release(ws->host, parameters->numbers);
}

/* The name of the first that is neither text, number, truth nor null; NULL: all are fine. */
static const char *read_parameters(struct websocket *ws, json_t *object, struct parameters *ret) {
    size_t count = json_object_size(object);
    const char *name;
    json_t *value;
    ret->items = ws->table->common.allocate(ws->host, (count + 1) * sizeof(*ret->items));
    ret->numbers = ws->table->common.allocate(ws->host, (count + 1) * sizeof(*ret->numbers));
    if (!ret->items || !ret->numbers)
        return "(out of memory)";
    json_object_foreach(object, name, value) {
        struct sgr_parameter_text *item = &ret->items[ret->count];
        item->name = (struct sgr_slice){name, strlen(name)};
        if (!parameter_text(value, ret->numbers[ret->count], &item->value))
            return name;
        ret->count++;
    }
    return NULL;
}

/* ---- Messages ---- */

/* Writes the id as JSON; false: it is none. */
static bool read_id(struct client *client, json_t *message, struct sgr_text *id) {
    *id = sgr_text_new(&client->ws->table->common, client->ws->host);
    if (!message_id(message, id))
        return false;
    sgr_text_add(id, "", 1);
    return !id->failed;
}

static bool optional(json_t *message, const char *name, bool (*fits)(const json_t *value)) {
    json_t *value = json_object_get(message, name);
    return !value || json_is_null(value) || fits(value);
}

static bool is_string(const json_t *value) {
    return json_is_string(value);
}
static bool is_object(const json_t *value) {
    return json_is_object(value);
}
static bool is_boolean(const json_t *value) {
    return json_is_boolean(value);
}

static const char *fault_of(json_t *message) {
    if (!json_is_string(json_object_get(message, "view")))
        return "view is the path of a view";
    if (!optional(message, "params", is_object))
        return "params is an object of names and values";
    if (!optional(message, "cursor", is_string))
        return "cursor is a text";
    if (!optional(message, "codec", is_string))
        return "codec is a text";
    if (!optional(message, "time", is_boolean))
        return "time is true or false";
    return NULL;
}

static void start(struct entry *entry, json_t *message, const struct parameters *parameters) {
    static const struct sgr_subscription_callbacks callbacks = {
        .state = on_state, .commit = on_commit, .stale = on_stale};
    struct client *client = entry->client;
    struct websocket *ws = client->ws;
    struct sgr_subscribe what = {.view = message_text(message, "view"),
                                 .parameters = parameters->items,
                                 .parameter_count = parameters->count,
                                 .codec = message_text(message, "codec").data,
                                 .cursor = message_text(message, "cursor")};
    entry->time = json_is_true(json_object_get(message, "time"));
    entry->subscription =
        ws->table->subscribe(ws->host, client->connection, &what, &callbacks, entry);
    if (entry->subscription)
        return;
    client_error(client, entry->id, "out_of_memory", "out of memory");
    entry_remove(entry);
}

/* At most `most` bytes of the text, which ends with a whole character. */
static int whole_characters(const char *text, size_t most) {
    size_t size = strnlen(text, most + 1);
    if (size <= most)
        return (int)size;
    for (size = most; size && ((unsigned char)text[size] & 0xc0) == 0x80;)
        size--;
    return (int)size;
}

static void begin(struct client *client, json_t *message, const char *id) {
    struct parameters parameters = {0};
    const char *odd = read_parameters(client->ws, json_object_get(message, "params"), &parameters);
    struct entry *entry = odd ? NULL : entry_new(client, id);
    char text[320];
    snprintf(text, sizeof(text), "parameter %.*s is not a text, number, truth value or null",
             odd ? whole_characters(odd, 200) : 0, odd ? odd : "");
    if (odd)
        client_error(client, id, "bad_parameter", text);
    else if (!entry)
        client_error(client, id, "out_of_memory", "out of memory");
    else
        start(entry, message, &parameters);
    free_parameters(client->ws, &parameters);
}

static void subscribe(struct client *client, json_t *message, const char *id) {
    const char *fault = fault_of(message);
    if (fault)
        client_error(client, id, "bad_message", fault);
    else if (entry_find(client, id))
        client_error(client, id, "duplicate_id", "a subscription of this id is there already");
    else if (client->entry_count >= (size_t)client->ws->options->subscriptions)
        client_error(client, id, "too_many", "this connection has all the views it may have");
    else
        begin(client, message, id);
}

static void unsubscribe(struct client *client, const char *id) {
    struct entry *entry = entry_find(client, id);
    if (!entry) {
        client_error(client, id, "unknown_id", "no subscription of this id");
        return;
    }
    client->ws->table->unsubscribe(entry->subscription);
    entry_remove(entry);
}

static void on_message(struct client *client, const char *type, json_t *message) {
    struct sgr_text id;
    bool begins = strcmp(type, "subscribe") == 0, ends = strcmp(type, "unsubscribe") == 0;
    if (!begins && !ends) {
        client_error(client, NULL, "unknown_type",
                     "messages are of type subscribe, unsubscribe, wait, auth or ping");
        return;
    }
    bool known = read_id(client, message, &id);
    if (!known)
        client_error(client, NULL, "bad_message", "id is a text of at most 256 bytes or a number");
    else if (begins)
        subscribe(client, message, id.data);
    else
        unsubscribe(client, id.data);
    sgr_text_free(&id);
}

void many_begin(struct client *client) {
    client->message = on_message;
}
