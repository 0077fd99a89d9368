/* Functions on text. Positions and lengths count characters. */
#define _GNU_SOURCE /* memmem */
#include "expr/operations.h"
#include "expr/utf8.h"

#define APPLY(name)                                                                 \
    static int apply_##name(struct sgr__frame *frame, const struct sgr__node *node, \
                            const struct sgr_value *arguments, struct sgr_value *ret)
#define OPERATION(name, spelled) \
    const struct sgr__operation sgr__##name = {.form = (spelled), .apply = apply_##name}

APPLY(concatenate) {
    (void)node;
    struct sgr_slice a = arguments[0].s, b = arguments[1].s;
    char *text = sgr__frame_text(frame, a.size + b.size, ret);
    if (!text)
        return SGR_ENOMEM;
    if (a.size)
        memcpy(text, a.data, a.size);
    if (b.size)
        memcpy(text + a.size, b.data, b.size);
    return 0;
}
OPERATION(concatenate, "(% || %)");

APPLY(length) {
    (void)frame, (void)node;
    ret->i = (int64_t)sgr__utf8_count(arguments[0].s);
    return 0;
}
OPERATION(length, "length(%)");

APPLY(octet_length) {
    (void)frame, (void)node;
    ret->i = (int64_t)arguments[0].s.size;
    return 0;
}
OPERATION(octet_length, "octet_length(%)");

/* detail: whose letters have cases */
static int change_case(struct sgr__frame *frame, const struct sgr__node *node,
                       const struct sgr_value *arguments, bool upper, struct sgr_value *ret) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr__utf8_change_case(arguments[0].s, upper, (int)node->detail, &text);
    return sgr__frame_take(frame, &text, ret);
}

APPLY(lower) {
    return change_case(frame, node, arguments, false, ret);
}
OPERATION(lower, "lower(%)");

APPLY(upper) {
    return change_case(frame, node, arguments, true, ret);
}
OPERATION(upper, "upper(%)");

/* Characters from `start` (from 0) up to `end`, clipped to the text; it borrows. */
static int set_part(struct sgr_slice text, int64_t start, int64_t end, struct sgr_value *ret) {
    if (start < 0)
        start = 0;
    if (end < start)
        end = start;
    size_t from = sgr__utf8_offset(text, start);
    struct sgr_slice rest = {text.data + from, text.size - from};
    ret->s = (struct sgr_slice){rest.data, sgr__utf8_offset(rest, end - start)};
    return 0;
}

APPLY(substr) {
    (void)node;
    int64_t start = arguments[1].i, length = arguments[2].i;
    if (length < 0)
        return sgr_error_set(frame->error, SGR_EINVAL, "negative substring length not allowed");
    return set_part(arguments[0].s, start - 1, start - 1 + length, ret);
}
OPERATION(substr, "substr(%*)");

APPLY(substr_from) {
    (void)frame, (void)node;
    return set_part(arguments[0].s, arguments[1].i - 1, INT64_MAX, ret);
}
OPERATION(substr_from, "substr(%*)");

/* A negative count leaves that many out at the other end. */
APPLY(left) {
    (void)frame, (void)node;
    int64_t count = arguments[1].i;
    if (count < 0)
        count += (int64_t)sgr__utf8_count(arguments[0].s);
    return set_part(arguments[0].s, 0, count, ret);
}
OPERATION(left, "\"left\"(%*)");

APPLY(right) {
    (void)frame, (void)node;
    int64_t size = (int64_t)sgr__utf8_count(arguments[0].s), count = arguments[1].i;
    if (count >= 0)
        return set_part(arguments[0].s, size - count, size, ret);
    return set_part(arguments[0].s, -count, size > -count ? size : -count, ret);
}
OPERATION(right, "\"right\"(%*)");

static bool contains(struct sgr_slice set, const char *character, size_t size) {
    for (size_t at = 0, other; at < set.size; at += other) {
        other = sgr__utf8_size(set, at);
        if (other == size && memcmp(set.data + at, character, size) == 0)
            return true;
    }
    return false;
}

static size_t last_size(struct sgr_slice text) {
    size_t size = 1;
    while (size < 4 && size < text.size && (text.data[text.size - size] & 0xc0) == 0x80)
        size++;
    return size;
}

static int trim(const struct sgr__node *node, const struct sgr_value *arguments, bool front,
                bool back, struct sgr_value *ret) {
    struct sgr_slice text = arguments[0].s;
    struct sgr_slice set = node->count > 1 ? arguments[1].s : SGR_SLICE(" ");
    while (front && text.size) {
        size_t size = sgr__utf8_size(text, 0);
        if (!contains(set, text.data, size))
            break;
        text.data += size;
        text.size -= size;
    }
    while (back && text.size) {
        size_t size = last_size(text);
        if (!contains(set, text.data + text.size - size, size))
            break;
        text.size -= size;
    }
    ret->s = text;
    return 0;
}

APPLY(trim_both) {
    (void)frame;
    return trim(node, arguments, true, true, ret);
}
OPERATION(trim_both, "btrim(%*)");

APPLY(trim_left) {
    (void)frame;
    return trim(node, arguments, true, false, ret);
}
OPERATION(trim_left, "ltrim(%*)");

APPLY(trim_right) {
    (void)frame;
    return trim(node, arguments, false, true, ret);
}
OPERATION(trim_right, "rtrim(%*)");

/* The byte offset of the first `part` at or behind `from`, or SIZE_MAX. */
static size_t find(struct sgr_slice text, struct sgr_slice part, size_t from) {
    if (part.size > text.size || from > text.size - part.size)
        return SIZE_MAX;
    if (!part.size)
        return from;
    const char *found = memmem(text.data + from, text.size - from, part.data, part.size);
    return found ? (size_t)(found - text.data) : SIZE_MAX;
}

#define LONGEST_TEXT ((size_t)1 << 30)

APPLY(replace) {
    (void)node;
    struct sgr_slice text = arguments[0].s, from = arguments[1].s, to = arguments[2].s;
    struct sgr_buffer out = {.limit = LONGEST_TEXT};
    if (!from.size || find(text, from, 0) == SIZE_MAX) {
        ret->s = text;
        return 0;
    }
    size_t at = 0;
    for (size_t found = find(text, from, 0); found != SIZE_MAX; found = find(text, from, at)) {
        sgr_buffer_append(&out, text.data + at, found - at);
        sgr_buffer_slice(&out, to);
        at = found + from.size;
    }
    sgr_buffer_append(&out, text.data + at, text.size - at);
    return sgr__frame_take(frame, &out, ret);
}
OPERATION(replace, "replace(%*)");

APPLY(strpos) {
    (void)frame, (void)node;
    size_t found = find(arguments[0].s, arguments[1].s, 0);
    struct sgr_slice before = {arguments[0].s.data, found};
    ret->i = found == SIZE_MAX ? 0 : (int64_t)sgr__utf8_count(before) + 1;
    return 0;
}
OPERATION(strpos, "strpos(%*)");

APPLY(starts_with) {
    (void)frame, (void)node;
    struct sgr_slice text = arguments[0].s, start = arguments[1].s;
    ret->i = text.size >= start.size && (!start.size || !memcmp(text.data, start.data, start.size));
    return 0;
}
OPERATION(starts_with, "starts_with(%*)");

APPLY(reverse) {
    (void)node;
    struct sgr_slice text = arguments[0].s;
    char *out = sgr__frame_text(frame, text.size, ret);
    if (!out)
        return SGR_ENOMEM;
    out += text.size;
    for (size_t at = 0, size; at < text.size; at += size) {
        size = sgr__utf8_size(text, at);
        out -= size;
        memcpy(out, text.data + at, size);
    }
    return 0;
}
OPERATION(reverse, "reverse(%)");

/* Nulls count as nothing. */
APPLY(concat) {
    struct sgr_buffer out = {.limit = LONGEST_TEXT};
    for (uint16_t i = 0; i < node->count; i++)
        if (!arguments[i].null)
            sgr_value_text(&arguments[i], &out);
    return sgr__frame_take(frame, &out, ret);
}
const struct sgr__operation sgr__concat = {
    .form = "concat(%*)", .apply = apply_concat, .takes_nulls = true};

APPLY(concat_ws) {
    struct sgr_buffer out = {.limit = LONGEST_TEXT};
    bool any = false;
    if (arguments[0].null) {
        ret->null = true;
        return 0;
    }
    for (uint16_t i = 1; i < node->count; i++) {
        if (arguments[i].null)
            continue;
        if (any)
            sgr_buffer_slice(&out, arguments[0].s);
        any = true;
        sgr_value_text(&arguments[i], &out);
    }
    return sgr__frame_take(frame, &out, ret);
}
const struct sgr__operation sgr__concat_ws = {
    .form = "concat_ws(%*)", .apply = apply_concat_ws, .takes_nulls = true, .makes_nulls = true};
