/* A payload's own text goes on as it came where it can, for numbers read and written again are not always the same digits. */
#include "broadcast.h"

#include "binary.h"
#include "replay.h"
#include "supabase.h"
#include "value.h"

/* ---- Sending ---- */

bool broadcast_is_json(struct sgr_slice text) {
    json_error_t wrong;
    json_t *value = frame_read_json(text, JSON_DECODE_ANY, &wrong);
    json_decref(value);
    return value != NULL;
}

static bool is_object(struct sgr_slice text) {
    json_error_t wrong;
    json_t *value = frame_read_json(text, 0, &wrong);
    bool yes = json_is_object(value);
    json_decref(value);
    return yes;
}

/* What the server tells of positions is not for others to make up. Apps may have such names too, so it is kept from those alone who listen to them. */
static enum told told_of(struct sgr_slice event) {
    return replay_is_event(event) ? TOLD_RESERVED : TOLD_ALL;
}

static bool send_raw(struct room *room, const struct member *except, const struct broadcast *what) {
    struct supabase *supabase = room->supabase;
    const struct binary binary = {.topic = room_topic(room),
                                  .event = what->event,
                                  .meta = what->meta,
                                  .payload = what->payload,
                                  .raw = true};
    sgr_text_clear(&supabase->text);
    if (!binary_write(&supabase->text, &binary))
        return false;
    struct sgr_bytes *frame =
        supabase->text.failed
            ? NULL
            : supabase->table->bytes_new(supabase->text.data, supabase->text.size);
    room_tell_binary(room, except, frame, told_of(what->event));
    supabase->table->bytes_unref(frame);
    return true;
}

bool broadcast_send(struct room *room, const struct member *except, const struct broadcast *what) {
    struct sgr_text *payload = &room->supabase->told;
    if (what->raw)
        return send_raw(room, except, what);
    sgr_text_clear(payload);
    sgr_text_puts(payload, "{\"event\":");
    value_json(payload, what->event);
    if (what->meta.size) {
        sgr_text_puts(payload, ",\"meta\":");
        sgr_text_slice(payload, what->meta);
    }
    sgr_text_puts(payload, ",\"payload\":");
    sgr_text_slice(payload, what->payload);
    sgr_text_puts(payload, ",\"type\":\"broadcast\"}");
    room_tell(room, except, FRAME_JSON("\"broadcast\""), payload, told_of(what->event));
    return true;
}

/* ---- From clients ---- */

static const char *send_attached(struct member *member, const struct member *except,
                                 const struct message *message, struct sgr_slice event) {
    const struct broadcast what = {.event = event,
                                   .payload = message->attached.payload,
                                   .meta = message->attached.meta,
                                   .raw = message->attached.raw};
    if ((what.meta.size && !is_object(what.meta)) ||
        (!what.raw && !broadcast_is_json(what.payload)))
        return "InvalidBroadcast: the payload is no JSON, or meta is no object";
    return broadcast_send(member->room, except, &what)
               ? NULL
               : "InvalidBroadcast: topic, event or meta is longer than 255 bytes";
}

const char *broadcast_receive(struct member *member, const struct message *message) {
    const struct member *except = member->hears_itself ? NULL : member;
    struct sgr_slice event = message_text(json_object_get(message->payload, "event"));
    struct sgr_text *payload = &member->socket->supabase->told;
    member->socket->supabase->table->common.count(member->socket->supabase->host, "broadcasts", 1);
    if (!event.data)
        return "InvalidBroadcast: the event is no text";
    if (message->attached.there)
        return send_attached(member, except, message, event);
    sgr_text_clear(payload);
    frame_json(payload, message->payload);
    room_tell(member->room, except, FRAME_JSON("\"broadcast\""), payload, told_of(event));
    return NULL;
}
