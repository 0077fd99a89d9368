#include "frame.h"

/* ---- Reading ---- */

bool frame_version(struct sgr_slice text, enum vsn *ret) {
    bool known = text.size == 5 || !text.data;
    *ret = VSN_1;
    if (!known || !text.data || memcmp(text.data, "1.0.0", 5) == 0)
        return known;
    *ret = VSN_2;
    return memcmp(text.data, "2.0.0", 5) == 0;
}

static bool read_object(struct message *message) {
    message->join_ref = json_object_get(message->document, "join_ref");
    message->ref = json_object_get(message->document, "ref");
    message->topic = json_object_get(message->document, "topic");
    message->event = json_object_get(message->document, "event");
    message->payload = json_object_get(message->document, "payload");
    return message->ref && message->topic && message->event && message->payload;
}

static bool read_array(struct message *message) {
    const json_t *array = message->document;
    if (!json_is_array(array) || json_array_size(array) != 5)
        return false;
    message->join_ref = json_array_get(array, 0);
    message->ref = json_array_get(array, 1);
    message->topic = json_array_get(array, 2);
    message->event = json_array_get(array, 3);
    message->payload = json_array_get(array, 4);
    return true;
}

json_t *frame_read_json(struct sgr_slice text, size_t flags, json_error_t *wrong) {
    json_t *value = json_loadb(text.data, text.size, flags | JSON_ALLOW_NUL, wrong);
    if (!value && json_error_code(wrong) == json_error_numeric_overflow)
        value = json_loadb(text.data, text.size, flags | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
                           wrong);
    return value;
}

int message_read(struct message *ret, enum vsn vsn, struct sgr_slice text) {
    json_error_t wrong;
    *ret = (struct message){.document = frame_read_json(text, 0, &wrong)};
    if (!ret->document)
        return json_error_code(&wrong) == json_error_invalid_utf8 ? 1007 : 1011;
    if (vsn == VSN_1 ? read_object(ret) : read_array(ret))
        return 0;
    message_free(ret);
    return 1011;
}

void message_free(struct message *message) {
    json_decref(message->document);
    *message = (struct message){0};
}

/* Of another kind or length it is none that was ever told. */
static json_t *keep_since(const struct message *message) {
    enum { LONGEST = 64 };
    const json_t *since = json_object_get(message->payload, "since");
    json_t *payload = json_object();
    bool fits =
        json_is_null(since) || (json_is_string(since) && json_string_length(since) < LONGEST);
    if (since &&
        json_object_set_new(payload, "since", fits ? json_incref((json_t *)since) : json_false())) {
        json_decref(payload);
        return NULL;
    }
    return payload;
}

bool message_keep(const struct message *message, struct message *ret) {
    json_t *document = json_array();
    const json_t *const parts[] = {message->join_ref, message->ref, message->topic, message->event};
    int failed = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        failed |= json_array_append_new(document,
                                        parts[i] ? json_incref((json_t *)parts[i]) : json_null());
    failed |= json_array_append_new(document, keep_since(message));
    *ret = (struct message){.document = document};
    if (!failed && read_array(ret))
        return true;
    message_free(ret);
    return false;
}

struct sgr_slice message_text(const json_t *value) {
    if (!json_is_string(value))
        return (struct sgr_slice){NULL, 0};
    return (struct sgr_slice){json_string_value(value), json_string_length(value)};
}

bool message_is(const struct message *message, const char *event) {
    struct sgr_slice text = message_text(message->event);
    return text.data && text.size == strlen(event) && memcmp(text.data, event, text.size) == 0;
}

/* ---- Writing ---- */

static int add_json(const char *data, size_t size, void *text) {
    sgr_text_add(text, data, size);
    return 0;
}

void frame_json(struct sgr_text *text, const json_t *value) {
    if (value && json_dump_callback(value, add_json, text, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
        return;
    sgr_text_puts(text, "null");
}

size_t frame_json_size(const json_t *value) {
    return value ? json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) : 0;
}

void frame_head(struct sgr_text *text, enum vsn vsn, const struct frame *frame) {
    if (vsn == VSN_1) {
        sgr_text_puts(text, "{\"event\":");
        sgr_text_slice(text, frame->event);
        sgr_text_puts(text, ",\"payload\":");
        return;
    }
    sgr_text_puts(text, "[");
    sgr_text_slice(text, frame->join_ref);
    sgr_text_puts(text, ",");
    sgr_text_slice(text, frame->ref);
    sgr_text_puts(text, ",");
    sgr_text_slice(text, frame->topic);
    sgr_text_puts(text, ",");
    sgr_text_slice(text, frame->event);
    sgr_text_puts(text, ",");
}

void frame_tail(struct sgr_text *text, enum vsn vsn, const struct frame *frame) {
    if (vsn == VSN_2) {
        sgr_text_puts(text, "]");
        return;
    }
    sgr_text_puts(text, ",\"ref\":");
    sgr_text_slice(text, frame->ref);
    sgr_text_puts(text, ",\"topic\":");
    sgr_text_slice(text, frame->topic);
    sgr_text_puts(text, "}");
}

void frame_write(struct sgr_text *text, enum vsn vsn, const struct frame *frame) {
    frame_head(text, vsn, frame);
    sgr_text_slice(text, frame->payload);
    frame_tail(text, vsn, frame);
}
