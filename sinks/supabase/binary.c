#include "binary.h"

enum { PUSH = 3, BROADCAST = 4, RAW = 0, JSON = 1, LENGTH_MOST = 255 };
enum { PUSH_HEADER = 7 };

/* ---- Reading ---- */

bool binary_is(struct sgr_slice frame) {
    return frame.size && (unsigned char)frame.data[0] == PUSH;
}

bool binary_read(struct binary *ret, struct sgr_slice frame) {
    struct sgr_slice *const strings[] = {&ret->join_ref, &ret->ref, &ret->topic, &ret->event,
                                         &ret->meta};
    const unsigned char *header = (const unsigned char *)frame.data;
    if (frame.size < PUSH_HEADER || header[0] != PUSH || header[6] > JSON)
        return false;
    size_t at = PUSH_HEADER;
    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
        size_t size = header[1 + i];
        if (size > frame.size - at)
            return false;
        *strings[i] = (struct sgr_slice){frame.data + at, size};
        at += size;
    }
    ret->payload = (struct sgr_slice){frame.data + at, frame.size - at};
    ret->raw = header[6] == RAW;
    return true;
}

/* ---- As a message ---- */

/* Clients write a character up to U+00FF as the byte of its number, and others know UTF-8. */
static json_t *from_latin_1(struct sgr_slice string) {
    char utf8[2 * LENGTH_MOST];
    size_t size = 0;
    for (size_t i = 0; i < string.size; i++) {
        unsigned char byte = (unsigned char)string.data[i];
        if (byte >= 0x80)
            utf8[size++] = (char)(0xc0 | byte >> 6);
        utf8[size++] = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
    }
    return json_stringn(utf8, size);
}

static json_t *text_of(struct sgr_slice string) {
    json_t *text = json_stringn(string.data, string.size);
    return text ? text : from_latin_1(string);
}

static json_t *ref_of(struct sgr_slice string) {
    return string.size ? text_of(string) : json_null();
}

int binary_message(struct message *ret, struct sgr_slice frame) {
    struct binary from;
    if (!binary_read(&from, frame))
        return 1011;
    json_t *document = json_array();
    json_t *payload = json_object();
    int failed = json_object_set_new(payload, "event", text_of(from.event));
    failed |= json_array_append_new(document, ref_of(from.join_ref));
    failed |= json_array_append_new(document, ref_of(from.ref));
    failed |= json_array_append_new(document, text_of(from.topic));
    failed |= json_array_append_new(document, json_string("broadcast"));
    failed |= json_array_append_new(document, payload);
    if (failed) {
        json_decref(document);
        return 1013;
    }
    *ret = (struct message){
        .document = document,
        .join_ref = json_array_get(document, 0),
        .ref = json_array_get(document, 1),
        .topic = json_array_get(document, 2),
        .event = json_array_get(document, 3),
        .payload = json_array_get(document, 4),
        .attached = {.there = true, .raw = from.raw, .payload = from.payload, .meta = from.meta}};
    return 0;
}

/* ---- Writing ---- */

bool binary_write(struct sgr_text *text, const struct binary *what) {
    if (what->topic.size > LENGTH_MOST || what->event.size > LENGTH_MOST ||
        what->meta.size > LENGTH_MOST)
        return false;
    const char header[] = {BROADCAST, (char)what->topic.size, (char)what->event.size,
                           (char)what->meta.size, what->raw ? RAW : JSON};
    sgr_text_add(text, header, sizeof(header));
    sgr_text_slice(text, what->topic);
    sgr_text_slice(text, what->event);
    sgr_text_slice(text, what->meta);
    sgr_text_slice(text, what->payload);
    return true;
}
