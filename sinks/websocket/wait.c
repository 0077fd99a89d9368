/* Waits: a client that has written through its backend, or heard of a cursor elsewhere, asks to be told when it has been sent all of it. */
#include "websocket.h"

enum { CURSOR_LIMIT = 256, LSN_LIMIT = 31, SOURCE_LIMIT = 255 };

struct waiting {
    struct client *client;
    char *id;       /* JSON; NULL: none was given */
    char *position; /* JSON: what is waited for, as the client wrote it */
};

static void waiting_free(struct waiting *waiting) {
    const struct websocket *ws = waiting->client->ws;
    ws->table->common.release(ws->host, waiting->id);
    ws->table->common.release(ws->host, waiting->position);
    ws->table->common.release(ws->host, waiting);
}

static void done(void *data, const struct sgr_waited *waited) {
    struct waiting *waiting = data;
    struct client *client = waiting->client;
    struct sgr_text *text = &client->ws->text;
    if (waited && waited->code) {
        client_error(client, waiting->id, waited->code, waited->message);
    } else if (waited) {
        sgr_text_clear(text);
        message_begin(text, "caught_up", waiting->id);
        sgr_text_puts(text, ",\"wait\":");
        sgr_text_puts(text, waiting->position);
        message_member(text, "cursor", waited->cursor);
        sgr_text_puts(text, "}");
        client_send(client);
    }
    waiting_free(waiting);
}

/* What is wrong with the message; NULL: nothing. */
static const char *read_wait(json_t *message, struct sgr_wait *ret) {
    *ret = (struct sgr_wait){.cursor = message_text(message, "cursor"),
                             .lsn = message_text(message, "lsn"),
                             .source = message_text(message, "source")};
    if (!ret->cursor.size == !ret->lsn.size)
        return "a wait names a cursor or an lsn, as a text";
    if (ret->cursor.size > CURSOR_LIMIT || ret->lsn.size > LSN_LIMIT)
        return "a cursor has at most 256 bytes, an lsn 31";
    if (ret->source.size > SOURCE_LIMIT || (ret->source.size && !ret->lsn.size))
        return "source names the source of an lsn";
    return NULL;
}

static struct waiting *waiting_new(struct client *client, const struct sgr_wait *what,
                                   const char *id) {
    struct websocket *ws = client->ws;
    struct waiting *waiting = ws->table->common.allocate(ws->host, sizeof(*waiting));
    struct sgr_text own = sgr_text_new(&ws->table->common, ws->host), position = own;
    if (!waiting)
        return NULL;
    sgr_text_puts(&own, id ? id : "");
    sgr_text_add(&own, "", 1);
    sgr_text_json(&position, what->cursor.size ? what->cursor : what->lsn);
    sgr_text_add(&position, "", 1);
    *waiting = (struct waiting){.client = client, .position = position.data};
    if (id)
        waiting->id = own.data;
    else
        sgr_text_free(&own);
    if (!own.failed && !position.failed)
        return waiting;
    waiting_free(waiting);
    return NULL;
}

static void begin(struct client *client, const struct sgr_wait *what, const char *id) {
    struct waiting *waiting = waiting_new(client, what, id);
    int code =
        waiting ? client->ws->table->wait(client->connection, what, done, waiting) : SGR_ENOMEM;
    if (!code)
        return;
    if (waiting)
        waiting_free(waiting);
    if (code == SGR_ELIMIT)
        client_error(client, id, "too_many", "this connection waits for as much as it may");
    else
        client_error(client, id, "out_of_memory", "out of memory");
}

void wait_begin(struct client *client, json_t *message) {
    struct sgr_text id = sgr_text_new(&client->ws->table->common, client->ws->host);
    struct sgr_wait what;
    bool named = json_object_get(message, "id") != NULL;
    bool known = named && message_id(message, &id);
    sgr_text_add(&id, "", 1);
    const char *fault = read_wait(message, &what);
    if (named && !known)
        client_error(client, NULL, "bad_message", "id is a text of at most 256 bytes or a number");
    else if (fault || id.failed)
        client_error(client, known ? id.data : NULL, "bad_message",
                     fault ? fault : "out of memory");
    else
        begin(client, &what, known ? id.data : NULL);
    sgr_text_free(&id);
}
