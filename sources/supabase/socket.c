#include "socket.h"

#include <stdlib.h>

#include "frame.h"
#include "raw.h"
#include "token.h"
#include "url.h"

enum { NORMAL_CLOSE = 1000, TOPIC_LIMIT = 1024 };

struct socket {
    const struct service *service;
    const struct socket_owner *owner;
    struct table *tables;
    size_t count;
    struct sgr_websocket *websocket;
    struct sgr_timer *deadline; /* for the joins, then the heartbeat */
    struct sgr_text out, payload, fresh, token;
    uint64_t ref;  /* the last one */
    uint64_t beat; /* of a heartbeat without an answer; 0: none */
    bool flowing;
};

static const struct sgr_source_host *host_of(const struct socket *socket) {
    return socket->service->host;
}

static struct sgr_slice slice_of(const char *text) {
    return (struct sgr_slice){text, strlen(text)};
}

static bool lost(struct socket *socket, struct sgr_error *error) {
    socket->owner->lost(socket->owner->data, error);
    return false;
}

/* ---- Sending ---- */

/* Functions that may lose the socket return false then, and it is not to be touched any more. */
static bool send_frame(struct socket *socket, struct sgr_slice topic, const char *event,
                       struct sgr_slice payload, uint64_t join) {
    struct sgr_error error;
    sgr_text_clear(&socket->out);
    frame_write(&socket->out, topic, event, payload, ++socket->ref, join ? join : 0);
    int code =
        socket->out.failed
            ? SGR_ENOMEM
            : host_of(socket)->client->websocket_send(
                  socket->websocket, (struct sgr_slice){socket->out.data, socket->out.size}, false);
    if (!code)
        return true;
    sgr_error_set(&error, SGR_EUNAVAILABLE, "the feed does not take a message");
    return lost(socket, &error);
}

static bool join(struct socket *socket, struct table *table) {
    bool with_config = strcmp(socket->service->options->protocol, "v0") != 0;
    sgr_text_clear(&socket->payload);
    frame_join_payload(
        &socket->payload, slice_of(table->description.schema), slice_of(table->description.table),
        (struct sgr_slice){socket->token.size ? socket->token.data : NULL, socket->token.size},
        with_config);
    table->join = socket->ref + 1;
    return send_frame(socket, slice_of(table->topic), "phx_join",
                      (struct sgr_slice){socket->payload.data, socket->payload.size}, table->join);
}

static void opened(void *data, struct sgr_websocket *websocket) {
    struct socket *socket = data;
    (void)websocket;
    for (size_t i = 0; i < socket->count; i++)
        if (socket->tables[i].wanted && !join(socket, &socket->tables[i]))
            return;
}

/* ---- Tokens and heartbeats ---- */

static int load_token(struct socket *socket, bool *ret_changed, struct sgr_error *error) {
    struct sgr_slice token;
    int code = token_read(socket->service->options, &socket->fresh, &token, error);
    if (code)
        return code;
    *ret_changed = token.size != socket->token.size ||
                   (token.size && memcmp(token.data, socket->token.data, token.size) != 0);
    if (!*ret_changed)
        return SGR_OK;
    sgr_text_clear(&socket->token);
    sgr_text_slice(&socket->token, token);
    return socket->token.failed ? sgr_error_set(error, SGR_ENOMEM, "out of memory for a token")
                                : SGR_OK;
}

/* A file that cannot be read now may be one that is being replaced: the token that is there goes on until it expires. */
static bool renew_token(struct socket *socket) {
    struct sgr_error error;
    bool changed = false;
    if (!socket->service->options->token_file)
        return true;
    if (load_token(socket, &changed, &error)) {
        host_of(socket)->common.log(socket->service->host_data, SGR_LOG_WARN, "%s", error.message);
        return true;
    }
    for (size_t i = 0; changed && i < socket->count; i++) {
        struct table *table = &socket->tables[i];
        sgr_text_clear(&socket->payload);
        sgr_text_puts(&socket->payload, "{\"access_token\":");
        sgr_text_json(&socket->payload, (struct sgr_slice){socket->token.data, socket->token.size});
        sgr_text_puts(&socket->payload, "}");
        if (table->wanted &&
            !send_frame(socket, slice_of(table->topic), "access_token",
                        (struct sgr_slice){socket->payload.data, socket->payload.size},
                        table->join))
            return false;
    }
    return true;
}

static const char *missing(const struct socket *socket) {
    for (size_t i = 0; i < socket->count; i++) {
        const struct table *table = &socket->tables[i];
        if (table->wanted && !table->join)
            return "no connection to the feed was made";
        if (table->wanted && !table->joined)
            return "the feed did not answer the join of a table";
        if (table->wanted && !table->flowing)
            return "the feed did not say that changes come";
    }
    return "the feed is silent";
}

static void beat(void *data) {
    struct socket *socket = data;
    struct sgr_error error;
    if (!socket->flowing || socket->beat) {
        sgr_error_set(&error, SGR_EUNAVAILABLE, "%s in time",
                      socket->flowing ? "the feed did not answer a heartbeat" : missing(socket));
        lost(socket, &error);
        return;
    }
    if (!renew_token(socket))
        return;
    socket->beat = socket->ref + 1;
    host_of(socket)->timer_arm(socket->deadline, socket->service->options->heartbeat);
    send_frame(socket, slice_of("phoenix"), "heartbeat", slice_of("{}"), 0);
}

/* ---- Receiving ---- */

static void note_flowing(struct socket *socket) {
    for (size_t i = 0; i < socket->count; i++)
        if (socket->tables[i].wanted && !(socket->tables[i].joined && socket->tables[i].flowing))
            return;
    if (socket->flowing)
        return;
    socket->flowing = true;
    host_of(socket)->timer_arm(socket->deadline, socket->service->options->heartbeat);
    socket->owner->flowing(socket->owner->data);
}

/* What an error is called differs by server and place. */
static struct sgr_slice reason_of(struct sgr_slice payload) {
    static const char *const names[] = {"message", "reason"};
    struct sgr_slice reason = {"no reason given", 15}, response = payload;
    raw_member(payload, "response", &response);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (raw_member(response, names[i], &reason) && raw_is_string(reason))
            return (struct sgr_slice){reason.data + 1, reason.size - 2};
    return reason;
}

static bool refused(struct socket *socket, const struct table *table, const char *what,
                    struct sgr_slice payload) {
    struct sgr_error error;
    struct sgr_slice reason = reason_of(payload);
    sgr_error_set(&error, SGR_EUNAVAILABLE, "the feed %s %s: %.*s", what, table->topic,
                  reason.size > 200 ? 200 : (int)reason.size, reason.data);
    return lost(socket, &error);
}

static void on_reply(struct socket *socket, struct table *table, const struct frame *frame) {
    struct sgr_slice status, response, entries;
    struct sgr_error error;
    if (frame_ref(frame) != table->join)
        return;
    if (!raw_member(frame->payload, "status", &status) || !raw_says(status, "ok")) {
        refused(socket, table, "does not let us join", frame->payload);
        return;
    }
    table->joined = true;
    table->today = raw_member(frame->payload, "response", &response) &&
                   raw_member(response, "postgres_changes", &entries);
    if (!table->today && strcmp(socket->service->options->protocol, "v2") == 0) {
        sgr_error_set(&error, SGR_EFATAL,
                      "the feed answers as the server of 2022 does; leave protocol out, or let it "
                      "be v0");
        lost(socket, &error);
        return;
    }
    table->flowing |= !table->today;
    note_flowing(socket);
}

static void on_system(struct socket *socket, struct table *table, const struct frame *frame) {
    struct sgr_slice status, extension;
    if (!raw_member(frame->payload, "status", &status))
        return;
    if (!raw_says(status, "ok")) {
        refused(socket, table, "has no changes for", frame->payload);
        return;
    }
    if (!raw_member(frame->payload, "extension", &extension) ||
        !raw_says(extension, "postgres_changes"))
        return;
    table->flowing = true;
    note_flowing(socket);
}

static bool is_change(struct sgr_slice event) {
    return raw_says(event, "INSERT") || raw_says(event, "UPDATE") || raw_says(event, "DELETE") ||
           raw_says(event, "TRUNCATE");
}

static void on_frame(struct socket *socket, struct table *table, const struct frame *frame) {
    struct sgr_slice change;
    if (raw_says(frame->event, "postgres_changes")) {
        if (raw_member(frame->payload, "data", &change))
            socket->owner->event(socket->owner->data, table, change, true);
    } else if (is_change(frame->event)) {
        socket->owner->event(socket->owner->data, table, frame->payload, false);
    } else if (raw_says(frame->event, "phx_reply")) {
        on_reply(socket, table, frame);
    } else if (raw_says(frame->event, "system")) {
        on_system(socket, table, frame);
    } else if (raw_says(frame->event, "phx_error") || raw_says(frame->event, "phx_close")) {
        refused(socket, table, "ended", frame->payload);
    }
}

static struct table *table_of(const struct socket *socket, struct sgr_slice topic) {
    char scratch[TOPIC_LIMIT];
    if (topic.size > sizeof(scratch))
        return NULL;
    struct sgr_slice name = raw_string(topic, scratch);
    for (size_t i = 0; i < socket->count; i++) {
        struct table *table = &socket->tables[i];
        if (table->wanted && strlen(table->topic) == name.size &&
            memcmp(table->topic, name.data, name.size) == 0)
            return table;
    }
    return NULL;
}

static void message(void *data, struct sgr_websocket *websocket, struct sgr_slice text,
                    bool binary) {
    struct socket *socket = data;
    struct frame frame;
    struct sgr_error error;
    (void)websocket;
    if (binary)
        return;
    if (!frame_read(text, &frame)) {
        sgr_error_set(&error, SGR_EPROTOCOL, "the feed sent what is no message: %.*s",
                      text.size > 100 ? 100 : (int)text.size, text.data);
        lost(socket, &error);
        return;
    }
    struct table *table = table_of(socket, frame.topic);
    if (table)
        on_frame(socket, table, &frame);
    else if (socket->beat && frame_ref(&frame) == socket->beat)
        socket->beat = 0;
}

static void closed(void *data, struct sgr_websocket *websocket, int code, int status,
                   const char *reason) {
    struct socket *socket = data;
    struct sgr_error error;
    (void)websocket;
    socket->websocket = NULL;
    bool denied = status >= 400 && status < 500 && status != 408 && status != 429;
    if (status)
        sgr_error_set(&error, denied ? SGR_EFATAL : SGR_EUNAVAILABLE,
                      "the feed answered with status %d%s", status,
                      status == 401 || status == 403 ? ": the key or token is refused" : "");
    else
        sgr_error_set(&error, SGR_EUNAVAILABLE, "the feed closed the connection (%d%s%s)", code,
                      reason && *reason ? ": " : "", reason ? reason : "");
    lost(socket, &error);
}

/* ---- Life ---- */

static const struct sgr_websocket_callbacks callbacks = {opened, message, closed};

static int connect_feed(struct socket *socket, struct sgr_error *error) {
    const struct options *options = socket->service->options;
    const struct sgr_source_host *host = host_of(socket);
    const char *key = options->apikey;
    struct sgr_slice apikey =
        key ? slice_of(key) : (struct sgr_slice){socket->token.data, socket->token.size};
    sgr_text_clear(&socket->out);
    url_feed(&socket->out, options->url, apikey);
    sgr_text_add(&socket->out, "", 1);
    if (socket->out.failed)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    struct sgr_websocket_open open = {
        .url = socket->out.data, .ca_file = options->ca_file, .limit = (size_t)options->buffer};
    socket->websocket =
        host->client->websocket(socket->service->host_data, &open, &callbacks, socket);
    if (!socket->websocket)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    host->timer_arm(socket->deadline, options->connect_timeout);
    return SGR_OK;
}

int socket_open(const struct service *service, const struct socket_owner *owner,
                struct table *tables, size_t count, struct socket **ret, struct sgr_error *error) {
    struct socket *socket = calloc(1, sizeof(*socket));
    bool changed;
    if (!socket)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    *socket = (struct socket){.service = service, .owner = owner, .tables = tables, .count = count};
    socket->out = socket->payload = socket->fresh = socket->token =
        sgr_text_new(&service->host->common, service->host_data);
    for (size_t i = 0; i < count; i++) {
        tables[i].join = 0;
        tables[i].joined = tables[i].flowing = tables[i].today = false;
    }
    socket->deadline = service->host->timer(service->host_data, beat, socket);
    int code = socket->deadline
                   ? load_token(socket, &changed, error)
                   : sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    if (!code)
        code = connect_feed(socket, error);
    if (code)
        socket_close(socket);
    else
        *ret = socket;
    return code;
}

void socket_close(struct socket *socket) {
    if (!socket)
        return;
    if (socket->websocket)
        host_of(socket)->client->websocket_close(socket->websocket, NORMAL_CLOSE);
    host_of(socket)->timer_free(socket->deadline);
    sgr_text_free(&socket->out);
    sgr_text_free(&socket->payload);
    sgr_text_free(&socket->fresh);
    sgr_text_free(&socket->token);
    free(socket);
}
