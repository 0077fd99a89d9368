#include "frame.h"

#include "raw.h"

bool frame_read(struct sgr_slice message, struct frame *ret) {
    *ret = (struct frame){0};
    if (!raw_valid(message))
        return false;
    raw_member(message, "ref", &ret->ref);
    return raw_member(message, "topic", &ret->topic) && raw_is_string(ret->topic) &&
           raw_member(message, "event", &ret->event) && raw_is_string(ret->event) &&
           raw_member(message, "payload", &ret->payload);
}

uint64_t frame_ref(const struct frame *frame) {
    uint64_t number = 0;
    if (!raw_is_string(frame->ref) || frame->ref.size > 20)
        return 0;
    for (size_t i = 1; i + 1 < frame->ref.size; i++) {
        if (frame->ref.data[i] < '0' || frame->ref.data[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(frame->ref.data[i] - '0');
    }
    return number;
}

void frame_write(struct sgr_text *text, struct sgr_slice topic, const char *event,
                 struct sgr_slice payload, uint64_t ref, uint64_t join) {
    sgr_text_puts(text, "{\"topic\":");
    sgr_text_json(text, topic);
    sgr_text_puts(text, ",\"event\":\"");
    sgr_text_puts(text, event);
    sgr_text_puts(text, "\",\"payload\":");
    sgr_text_slice(text, payload);
    sgr_text_puts(text, ",\"ref\":\"");
    sgr_text_uint(text, ref);
    if (join) {
        sgr_text_puts(text, "\",\"join_ref\":\"");
        sgr_text_uint(text, join);
    }
    sgr_text_puts(text, "\"}");
}

static void put_config(struct sgr_text *text, struct sgr_slice schema, struct sgr_slice table) {
    sgr_text_puts(text, "\"config\":{\"broadcast\":{\"ack\":false,\"self\":false},\"presence\":"
                        "{\"key\":\"\",\"enabled\":false},\"postgres_changes\":[{\"event\":\"*\","
                        "\"schema\":");
    sgr_text_json(text, schema);
    sgr_text_puts(text, ",\"table\":");
    sgr_text_json(text, table);
    sgr_text_puts(text, "}],\"private\":false}");
}

void frame_join_payload(struct sgr_text *text, struct sgr_slice schema, struct sgr_slice table,
                        struct sgr_slice token, bool with_config) {
    sgr_text_puts(text, "{");
    if (with_config)
        put_config(text, schema, table);
    if (token.data) {
        sgr_text_puts(text, with_config ? ",\"access_token\":" : "");
        if (with_config) {
            sgr_text_json(text, token);
            sgr_text_puts(text, ",");
        }
        sgr_text_puts(text, "\"user_token\":");
        sgr_text_json(text, token);
    }
    sgr_text_puts(text, "}");
}
