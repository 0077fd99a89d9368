/* The seed's endpoints: /ws/VIEW sends the full document at each change; /ws/VIEW-diffed and /ws/VIEW-diffed-N send
 * {"revision","from","diffs"} with whole-number revisions. A client that names no revision we know gets an `add` of every member, which
 * works on {} and on any older document alike. */
#include "websocket.h"

#include <stdlib.h>

enum { DIFFS_KEPT = 1000000 }; /* microseconds */

static const char prefix[] = "/ws/", suffix[] = "-diffed";

bool seed_path(struct sgr_slice path) {
    return path.size > sizeof(prefix) - 1 && memcmp(path.data, prefix, sizeof(prefix) - 1) == 0;
}

/* ---- The full document ---- */

static void full_state(void *data, struct sgr_subscription *subscription,
                       const struct sgr_state *state) {
    struct client *client = data;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR)
        client_end(client, state);
    else if (state->document)
        client->ws->table->send(client->connection, (struct sgr_bytes *)state->document);
}

static void full_commit(struct sgr_connection *connection, void *data,
                        const struct sgr_commit *commit, const struct sgr_frame *frames,
                        size_t count) {
    struct client *client = data;
    (void)commit;
    (void)count;
    client->ws->table->send(connection, (struct sgr_bytes *)frames[0].patches);
}

/* ---- A document as diffs ---- */

/* Behind the value that begins at `at`; the text is our own codec's, so well-formed. */
static size_t skip_value(struct sgr_slice text, size_t at) {
    int depth = 0;
    bool quoted = false;
    for (; at < text.size; at++) {
        char byte = text.data[at];
        if (quoted) {
            at += byte == '\\';
            quoted = byte != '"';
        } else if (byte == '"') {
            quoted = true;
        } else if (byte == '{' || byte == '[') {
            depth++;
        } else if (byte == '}' || byte == ']' || byte == ',') {
            if (!depth)
                return at;
            depth -= byte != ',';
        }
    }
    return text.size;
}

static size_t skip_blanks(struct sgr_slice text, size_t at) {
    while (at < text.size && strchr(" \t\r\n", text.data[at]))
        at++;
    return at;
}

/* A member's name, still escaped as JSON, as a JSON pointer's segment. */
static void add_segment(struct sgr_text *out, const char *name, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (name[i] == '\\' && i + 1 < size && name[i + 1] == '/')
            continue;
        if (name[i] == '~')
            sgr_text_puts(out, "~0");
        else if (name[i] == '/')
            sgr_text_puts(out, "~1");
        else
            sgr_text_add(out, name + i, 1);
    }
}

/* The text of a string from its opening quote; the position behind the closing one. */
static size_t skip_name(struct sgr_slice text, size_t at) {
    for (at++; at < text.size && text.data[at] != '"'; at++)
        at += text.data[at] == '\\';
    return at + 1;
}

static void add_members(struct sgr_text *out, struct sgr_slice text, size_t at) {
    for (bool first = true;; first = false) {
        at = skip_blanks(text, at);
        if (at >= text.size || text.data[at] != '"')
            return;
        size_t name_end = skip_name(text, at);
        size_t value = skip_blanks(text, skip_blanks(text, name_end) + 1);
        size_t end = skip_value(text, value);
        if (end > text.size || name_end > end)
            return;
        sgr_text_puts(out,
                      first ? "{\"op\":\"add\",\"path\":\"/" : ",{\"op\":\"add\",\"path\":\"/");
        add_segment(out, text.data + at + 1, name_end - at - 2);
        sgr_text_puts(out, "\",\"value\":");
        sgr_text_add(out, text.data + value, end - value);
        sgr_text_puts(out, "}");
        at = end + 1;
    }
}

static void add_whole(struct sgr_text *out, struct sgr_slice document) {
    size_t at = skip_blanks(document, 0);
    sgr_text_puts(out, "[");
    if (at < document.size && document.data[at] == '{') {
        add_members(out, document, at + 1);
    } else {
        sgr_text_puts(out, "{\"op\":\"replace\",\"path\":\"\",\"value\":");
        sgr_text_slice(out, document);
        sgr_text_puts(out, "}");
    }
    sgr_text_puts(out, "]");
}

/* ---- Diffs ---- */

static void begin_diffs(struct client *client, uint64_t revision) {
    struct sgr_text *text = &client->ws->text;
    sgr_text_clear(text);
    sgr_text_puts(text, "{\"revision\":");
    sgr_text_uint(text, revision);
    sgr_text_puts(text, ",\"from\":");
    sgr_text_uint(text, client->revision);
    sgr_text_puts(text, ",\"diffs\":");
}

static void diffs_old(void *data) {
    struct websocket *ws = data;
    ws->diffs_end = NULL;
    seed_close(ws);
}

/* Many come for the same document, one after the other. */
static const struct sgr_bytes *diffs_of(struct websocket *ws, const struct sgr_bytes *document) {
    if (ws->diffed == document)
        return ws->diffs;
    struct sgr_text text = sgr_text_new(&ws->table->common, ws->host);
    add_whole(&text, bytes_slice(document));
    struct sgr_bytes *diffs = text.failed ? NULL : ws->table->bytes_new(text.data, text.size);
    sgr_text_free(&text);
    if (!diffs)
        return NULL;
    seed_close(ws);
    ws->diffed = ws->table->bytes_ref((struct sgr_bytes *)document);
    ws->diffs = diffs;
    ws->diffs_end = ws->table->timer(ws->host, DIFFS_KEPT, diffs_old, ws);
    return diffs;
}

void seed_close(struct websocket *ws) {
    ws->table->timer_cancel(ws->host, ws->diffs_end);
    ws->diffs_end = NULL;
    ws->table->bytes_unref((struct sgr_bytes *)ws->diffed);
    ws->table->bytes_unref(ws->diffs);
    ws->diffed = ws->diffs = NULL;
}

static void diffed_state(void *data, struct sgr_subscription *subscription,
                         const struct sgr_state *state) {
    struct client *client = data;
    struct sgr_text *text = &client->ws->text;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR) {
        client_end(client, state);
        return;
    }
    const struct sgr_bytes *diffs = state->document;
    if (state->answer != SGR_ANSWER_RESUMED && !(diffs = diffs_of(client->ws, diffs))) {
        client->ws->table->shut(client->connection, 1013, "out of memory");
        return;
    }
    begin_diffs(client, state->revision);
    if (diffs)
        message_bytes(client->ws, diffs);
    else
        sgr_text_puts(text, "[]");
    sgr_text_puts(text, "}");
    client->revision = state->revision;
    client_send(client);
}

/* Whoever stands one revision before gets the same message. */
static void diffed_commit(struct sgr_connection *connection, void *data,
                          const struct sgr_commit *commit, const struct sgr_frame *frames,
                          size_t count) {
    struct client *client = data;
    struct sgr_text *text = &client->ws->text;
    struct sgr_bytes *own = NULL, **place = &own;
    (void)connection;
    (void)count;
    if (!commit->composed && client->revision + 1 == frames[0].revision)
        place = &commit->shared[SLOT_DIFFED];
    if (!*place) {
        begin_diffs(client, frames[0].revision);
        sgr_text_slice(text, bytes_slice(frames[0].patches));
        sgr_text_puts(text, "}");
        *place = client_take(client);
    }
    client->revision = frames[0].revision;
    if (place != &own && *place)
        client->ws->table->bytes_ref(*place);
    client_send_bytes(client, *place);
}

/* ---- Beginning ---- */

/* Finds -diffed or -diffed-N at the path's end, cuts it off and reads N. */
static bool cut_suffix(struct sgr_slice *path, bool *ret_have, uint64_t *ret_revision) {
    size_t end = path->size, digits = end;
    const size_t length = sizeof(suffix) - 1;
    while (digits && path->data[digits - 1] >= '0' && path->data[digits - 1] <= '9')
        digits--;
    *ret_have = digits < end && digits && path->data[digits - 1] == '-' && end - digits < 20;
    if (*ret_have)
        end = digits - 1;
    if (end <= length || memcmp(path->data + end - length, suffix, length) != 0)
        return false;
    *ret_revision = *ret_have ? strtoull(path->data + digits, NULL, 10) : 0;
    path->size = end - length;
    return true;
}

void seed_begin(struct client *client, struct wish *wish) {
    static const struct sgr_subscription_callbacks full = {.state = full_state,
                                                           .commit = full_commit};
    static const struct sgr_subscription_callbacks diffed = {.state = diffed_state,
                                                             .commit = diffed_commit};
    struct sgr_subscribe *what = &wish->what;
    bool have;
    what->view.data += sizeof(prefix) - 2;
    what->view.size -= sizeof(prefix) - 2;
    what->cursor = (struct sgr_slice){NULL, 0};
    if (!cut_suffix(&what->view, &have, &client->revision)) {
        what->codec = "full";
        client_subscribe(client, wish, &full, client);
        return;
    }
    what->codec = "json-patch";
    what->by_revision = true;
    what->have_revision = have && client->revision;
    what->revision = client->revision;
    client_subscribe(client, wish, &diffed, client);
}
