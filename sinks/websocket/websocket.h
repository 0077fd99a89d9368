/* What the files of the websocket sink share. Network thread.
 *
 * A client is one websocket. Its mode follows from its path: many views on `/`, the full or diffed document of the seed's endpoints below
 * `/ws/`, and else the one view of that path. Each mode has its file, which fills a table of functions. */
#ifndef SINKS_WEBSOCKET_WEBSOCKET_H
#define SINKS_WEBSOCKET_WEBSOCKET_H

#include <jansson.h>
#include <sangre/sink.h>
#include <sangre/text.h>

enum { SLOT_PLAIN, SLOT_TIMED, SLOT_DIFFED };
enum { PARTS = 16 };

struct websocket_options {
    int64_t subscriptions; /* most of one connection */
};

struct websocket {
    const struct sgr_sink_host *table;
    void *host;
    const struct websocket_options *options;
    struct client *clients;
    struct sgr_text text; /* a message being written, reused; its end, if there are parts */
    struct sgr_bytes *parts[PARTS];
    size_t part_count;
    const struct sgr_bytes
        *diffed; /* the seed's diffs of a whole document, for whoever comes next */
    struct sgr_bytes *diffs;
    void *diffs_end; /* timer: they are not kept for long */
};

struct entry { /* a subscription of a many-views client */
    struct client *client;
    struct sgr_subscription *subscription;
    struct entry *next;
    bool time;
    char id[]; /* as the client wrote it: a JSON string or whole number */
};

struct client {
    struct websocket *ws;
    struct sgr_connection *connection;
    struct client *next, *prev;
    /* Text is well-formed JSON of an object. NULL: a mode that is not talked to. */
    void (*message)(struct client *client, const char *type, json_t *message);
    bool time;  /* frames tell their time */
    bool stale; /* as the client knows it */

    /* many */
    struct entry **chains; /* a power of two of them; NULL: none yet */
    size_t chain_count, entry_count;
    struct sgr_text cursor; /* the last that was sent */

    /* diffed */
    uint64_t revision; /* the client's */
};

/* What is asked for by a request, copied so that it outlives it. */
struct wish {
    struct sgr_subscribe what;
    struct sgr_parameter_text *parameters;
    char *copies;
    bool time;
};

/* ---- websocket.c ---- */

/* Sends ws->parts and ws->text, or closes if memory ran out: the client comes back with its cursor. */
void client_send(struct client *client);
struct sgr_bytes *client_take(struct client *client);
void client_send_bytes(struct client *client, struct sgr_bytes *bytes); /* takes over */
/* `id` is JSON; NULL: none. */
void client_error(struct client *client, const char *id, const char *code, const char *message);
/* An error of a client that has nothing else: told, then closed. */
void client_end(struct client *client, const struct sgr_state *state);
void client_stale(struct client *client, bool stale);
void client_subscribe(struct client *client, const struct wish *wish,
                      const struct sgr_subscription_callbacks *callbacks, void *data);

static inline struct sgr_slice bytes_slice(const struct sgr_bytes *bytes) {
    return (struct sgr_slice){bytes->data, bytes->size};
}

/* ---- message.c: writing and reading of messages ---- */

/* {"type":TYPE[,"id":ID] — left open. */
void message_begin(struct sgr_text *text, const char *type, const char *id);
void message_member(struct sgr_text *text, const char *name, struct sgr_slice value);
/* Adds what may be big and shared, to be sent as it is. */
void message_bytes(struct websocket *ws, const struct sgr_bytes *bytes);
/* A state that is no error, of the protocol's messages; a resumed one's frame apart. */
void message_state(struct websocket *ws, const char *id, const struct sgr_state *state);
void message_caught_up(struct sgr_text *text, const char *id, struct sgr_slice cursor);
void message_frame_begin(struct sgr_text *text, struct sgr_slice previous, struct sgr_slice cursor);
void message_frame_end(struct sgr_text *text, int64_t time); /* 0: none */
/* The message's id as JSON: a text of at most 256 bytes or a whole number. False: it has none such. */
bool message_id(json_t *message, struct sgr_text *id);
struct sgr_slice message_text(json_t *message, const char *name); /* data NULL: no text */
/* Parses and hands over to the client's mode. */
void message_receive(struct client *client, struct sgr_slice text, bool binary);

/* ---- wait.c ---- */

/* {"type":"wait","id"?,"cursor"} or {…,"lsn","source"?}, answered by caught_up or an error with the same id. */
void wait_begin(struct client *client, json_t *message);

/* ---- entries.c ---- */

/* NULL: no memory. Of this id there must be none. */
struct entry *entry_new(struct client *client, const char *id);
struct entry *entry_find(const struct client *client, const char *id); /* NULL: there is none */
void entry_remove(struct entry *entry);
void entries_free(struct client *client);

/* ---- The modes ---- */

void single_begin(struct client *client, const struct wish *wish);
void many_begin(struct client *client);
void seed_begin(struct client *client, struct wish *wish);
bool seed_path(struct sgr_slice path);
void seed_close(struct websocket *ws);

#endif
