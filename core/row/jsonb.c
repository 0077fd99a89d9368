/* JSON text brought to jsonb's canonical text: keys by length then bytes, the last of equal keys, numbers and strings respelled. */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>

#include "base/vector.h"
#include "row/json_reader.h"
#include "row/type_internal.h"

struct member {
    size_t key, key_size;     /* its own bytes, in `keys` */
    size_t value, value_size; /* canonical text, in `values` */
    size_t order;
};

static int no_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static int malformed(struct sgr_error *error) {
    return sgr_error_set(error, SGR_EPARSE, "unsupported Unicode escape sequence in jsonb");
}

static void put_utf8(uint32_t c, struct sgr_buffer *out) {
    if (c < 0x80) {
        sgr_buffer_putc(out, (char)c);
        return;
    }
    if (c < 0x800) {
        sgr_buffer_putc(out, (char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            sgr_buffer_putc(out, (char)(0xe0 | c >> 12));
        } else {
            sgr_buffer_putc(out, (char)(0xf0 | c >> 18));
            sgr_buffer_putc(out, (char)(0x80 | (c >> 12 & 63)));
        }
        sgr_buffer_putc(out, (char)(0x80 | (c >> 6 & 63)));
    }
    sgr_buffer_putc(out, (char)(0x80 | (c & 63)));
}

static uint32_t read_hex(const char *digits) {
    uint32_t number = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (unsigned char)digits[i];
        number = number << 4 | (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return number;
}

/* *at stands behind \u; the four digits are there. False: no character, or the NUL that text cannot hold. */
static bool unescape_unicode(struct sgr_slice body, size_t *at, struct sgr_buffer *out) {
    uint32_t c = read_hex(body.data + *at);
    *at += 4;
    if (c >= 0xd800 && c < 0xdc00) {
        if (*at + 6 > body.size || body.data[*at] != '\\' || body.data[*at + 1] != 'u')
            return false;
        uint32_t low = read_hex(body.data + *at + 2);
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        *at += 6;
        c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
    } else if (c == 0 || (c >= 0xdc00 && c < 0xe000)) {
        return false;
    }
    put_utf8(c, out);
    return true;
}

static bool unescape(struct sgr_slice token, struct sgr_buffer *out) {
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    struct sgr_slice body = {token.data + 1, token.size - 2};
    for (size_t i = 0; i < body.size;) {
        char c = body.data[i++];
        if (c != '\\') {
            sgr_buffer_putc(out, c);
            continue;
        }
        c = body.data[i++];
        const char *letter = strchr(letters, c);
        if (c != 'u')
            sgr_buffer_putc(out, letter ? meant[letter - letters] : c);
        else if (!unescape_unicode(body, &i, out))
            return false;
    }
    return true;
}

static int write_string(struct sgr_slice token, struct sgr_buffer *out, struct sgr_error *error) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    bool good = unescape(token, &text);
    int code = text.failed ? no_memory(error) : good ? 0 : malformed(error);
    if (!code)
        sgr_buffer_json(out, (struct sgr_slice){text.data, text.size});
    sgr_buffer_fini(&text);
    return code;
}

static int write_value(struct sgr_json_reader *reader, struct sgr_buffer *out,
                       struct sgr_error *error);

struct object {
    struct sgr_vector members; /* of struct member */
    struct sgr_buffer keys, values;
};

static int compare_members(const void *left, const void *right, void *data) {
    const struct member *a = left, *b = right;
    const char *keys = ((const struct object *)data)->keys.data;
    if (a->key_size != b->key_size)
        return a->key_size < b->key_size ? -1 : 1;
    int order = a->key_size ? memcmp(keys + a->key, keys + b->key, a->key_size) : 0;
    return order ? order : a->order < b->order ? -1 : 1;
}

static int read_member(struct object *object, struct sgr_json_reader *reader,
                       struct sgr_error *error) {
    struct member *member = sgr_vector_add(&object->members);
    if (!member)
        return no_memory(error);
    size_t index = object->members.count - 1;
    *member =
        (struct member){.key = object->keys.size, .value = object->values.size, .order = index};
    if (!unescape(reader->token, &object->keys))
        return malformed(error);
    member->key_size = object->keys.size - member->key;
    sgr_json_reader_next(reader);
    int code = write_value(reader, &object->values, error);
    member->value_size = object->values.size - member->value;
    if (!code && (object->keys.failed || object->values.failed))
        code = no_memory(error);
    return code;
}

static bool same_key(const struct object *object, const struct member *a, const struct member *b) {
    return a->key_size == b->key_size &&
           (!a->key_size ||
            memcmp(object->keys.data + a->key, object->keys.data + b->key, a->key_size) == 0);
}

static void write_members(const struct object *object, struct sgr_buffer *out) {
    const struct member *members = object->members.items;
    bool any = false;
    sgr_buffer_putc(out, '{');
    for (size_t i = 0; i < object->members.count; i++) {
        const struct member *member = &members[i];
        if (i + 1 < object->members.count && same_key(object, member, member + 1))
            continue;
        if (any)
            sgr_buffer_puts(out, ", ");
        any = true;
        struct sgr_slice key = {member->key_size ? object->keys.data + member->key : "",
                                member->key_size};
        sgr_buffer_json(out, key);
        sgr_buffer_puts(out, ": ");
        sgr_buffer_append(out, object->values.data + member->value, member->value_size);
    }
    sgr_buffer_putc(out, '}');
}

static int write_object(struct sgr_json_reader *reader, struct sgr_buffer *out,
                        struct sgr_error *error) {
    struct object object = {.members = SGR_VECTOR_INIT(struct member)};
    int code = 0;
    for (sgr_json_reader_next(reader); !code && reader->kind == SGR_JSON_KEY;
         sgr_json_reader_next(reader))
        code = read_member(&object, reader, error);
    if (!code) {
        if (object.members.count)
            qsort_r(object.members.items, object.members.count, sizeof(struct member),
                    compare_members, &object);
        write_members(&object, out);
    }
    sgr_vector_fini(&object.members);
    sgr_buffer_fini(&object.keys);
    sgr_buffer_fini(&object.values);
    return code;
}

static int write_list(struct sgr_json_reader *reader, struct sgr_buffer *out,
                      struct sgr_error *error) {
    int code = 0;
    sgr_buffer_putc(out, '[');
    sgr_json_reader_next(reader);
    for (bool first = true; !code && reader->kind != SGR_JSON_ARRAY_END; first = false) {
        if (!first)
            sgr_buffer_puts(out, ", ");
        code = write_value(reader, out, error);
        if (!code)
            sgr_json_reader_next(reader);
    }
    sgr_buffer_putc(out, ']');
    return code;
}

/* The reader stands on the value's first token and is left on its last. The text is known to be valid. */
static int write_value(struct sgr_json_reader *reader, struct sgr_buffer *out,
                       struct sgr_error *error) {
    struct sgr_slice number;
    int code = 0;
    switch (reader->kind) {
    case SGR_JSON_OBJECT:
        return write_object(reader, out, error);
    case SGR_JSON_ARRAY:
        return write_list(reader, out, error);
    case SGR_JSON_STRING:
        return write_string(reader->token, out, error);
    case SGR_JSON_NUMBER:
        code = sgr__numeric_check(reader->token, &number, error);
        if (!code)
            sgr__numeric_text(number, out);
        return code;
    case SGR_JSON_WORD:
        sgr_buffer_slice(out, reader->token);
        return 0;
    default:
        return sgr_error_set(error, SGR_EPARSE, "invalid input syntax for type json");
    }
}

int sgr__jsonb_text(struct sgr_slice text, struct sgr_buffer *out, struct sgr_error *error) {
    struct sgr_json_reader reader;
    sgr_json_reader_init(&reader, text);
    sgr_json_reader_next(&reader);
    return write_value(&reader, out, error);
}
