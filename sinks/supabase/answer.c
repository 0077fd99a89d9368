#include "answer.h"

#include "value.h"

static struct sgr_slice topic_json(const struct channel *channel) {
    return (struct sgr_slice){channel->topic->json, channel->topic->json_size};
}

static struct sgr_slice join_ref(const struct channel *channel) {
    return (struct sgr_slice){channel->join_ref, channel->join_ref_size};
}

static struct sgr_slice slice_of(const char *text) {
    return (struct sgr_slice){text, strlen(text)};
}

/* For people. What was cut within a character, as long messages may be, is told without what is not ASCII. */
static void add_message(struct sgr_text *text, const char *message) {
    json_t *fits = json_string(message);
    struct sgr_text plain = sgr_text_new(text->common, text->host);
    for (const char *at = message; !fits && *at; at++)
        sgr_text_add(&plain, *at & 0x80 ? "?" : at, 1);
    value_json(text, fits ? slice_of(message) : (struct sgr_slice){plain.data, plain.size});
    text->failed |= plain.failed;
    sgr_text_free(&plain);
    json_decref(fits);
}

/* ---- Replies ---- */

void answer(struct socket *socket, const struct message *message, const json_t *join,
            struct sgr_slice payload) {
    struct sgr_text *text = &socket->supabase->text;
    struct sgr_text parts = sgr_text_new(text->common, text->host);
    frame_json(&parts, join);
    size_t ref = parts.size;
    frame_json(&parts, message->ref);
    size_t topic = parts.size;
    frame_json(&parts, message->topic);
    struct frame frame = {.join_ref = {parts.data, ref},
                          .ref = {parts.data + ref, topic - ref},
                          .topic = {parts.data + topic, parts.size - topic},
                          .event = FRAME_JSON("\"phx_reply\""),
                          .payload = payload};
    sgr_text_clear(text);
    frame_write(text, socket->vsn, &frame);
    text->failed |= parts.failed;
    sgr_text_free(&parts);
    socket_send(socket);
}

void answer_ok(struct socket *socket, const struct message *message, const json_t *join) {
    answer(socket, message, join, FRAME_JSON("{\"response\":{},\"status\":\"ok\"}"));
}

void answer_error(struct socket *socket, const struct message *message, const json_t *join,
                  const char *reason) {
    struct sgr_text payload =
        sgr_text_new(&socket->supabase->table->common, socket->supabase->host);
    sgr_text_puts(&payload, "{\"response\":{\"reason\":");
    add_message(&payload, reason);
    sgr_text_puts(&payload, "},\"status\":\"error\"}");
    if (payload.failed)
        socket_shut(socket, 1013, "out of memory");
    else
        answer(socket, message, join, (struct sgr_slice){payload.data, payload.size});
    sgr_text_free(&payload);
}

void answer_unmatched(struct socket *socket, const struct message *message) {
    answer_error(socket, message, NULL, "unmatched topic");
}

/* ---- Events ---- */

static void send_event(const struct channel *channel, struct sgr_slice ref, struct sgr_slice event,
                       struct sgr_slice payload) {
    struct socket *socket = channel->socket;
    struct frame frame = {.join_ref = join_ref(channel),
                          .ref = ref,
                          .topic = topic_json(channel),
                          .event = event,
                          .payload = payload};
    sgr_text_clear(&socket->supabase->text);
    frame_write(&socket->supabase->text, socket->vsn, &frame);
    socket_send(socket);
}

void channel_tell(const struct channel *channel, struct sgr_slice event) {
    send_event(channel, join_ref(channel), event, FRAME_JSON("{}"));
}

void channel_push(const struct channel *channel, struct sgr_slice event,
                  const struct sgr_text *payload) {
    if (payload->failed)
        socket_shut(channel->socket, 1013, "out of memory");
    else
        send_event(channel, FRAME_NULL, event, (struct sgr_slice){payload->data, payload->size});
}

void channel_system(const struct channel *channel, const char *extension, const char *status,
                    const char *text) {
    struct supabase *supabase = channel->socket->supabase;
    struct sgr_text payload = sgr_text_new(&supabase->table->common, supabase->host);
    sgr_text_puts(&payload, "{\"channel\":");
    value_json(&payload, topic_rest(channel->topic));
    sgr_text_puts(&payload, ",\"extension\":");
    value_json(&payload, slice_of(extension));
    sgr_text_puts(&payload, ",\"message\":");
    add_message(&payload, text);
    sgr_text_puts(&payload, ",\"status\":");
    value_json(&payload, slice_of(status));
    sgr_text_puts(&payload, "}");
    channel_push(channel, FRAME_JSON("\"system\""), &payload);
    sgr_text_free(&payload);
}
