/* LIKE and ILIKE. A pattern's errors show up only where Postgres sees them: when a match gets that far. */
#include "expr/operations.h"
#include "expr/utf8.h"

enum match { MATCH, NO_MATCH, BAD_PATTERN };

/* Where to go on when what follows the last '%' did not match: one character further. */
struct retry {
    bool set;
    size_t text, pattern;
};

/* One step over a pattern's item that is not '%'. */
static enum match step(struct sgr_slice text, struct sgr_slice pattern, size_t *t, size_t *p) {
    if (pattern.data[*p] == '_') {
        *t += sgr__utf8_size(text, *t);
        (*p)++;
        return MATCH;
    }
    if (pattern.data[*p] == '\\' && ++*p >= pattern.size)
        return BAD_PATTERN;
    if (text.data[*t] != pattern.data[*p])
        return NO_MATCH;
    (*t)++;
    (*p)++;
    return MATCH;
}

/* Over a run of '%' and '_'. False: the text is too short for the '_'. */
static bool take_percents(struct sgr_slice text, struct sgr_slice pattern, size_t *t, size_t *p) {
    for (; *p < pattern.size && (pattern.data[*p] == '%' || pattern.data[*p] == '_'); (*p)++) {
        if (pattern.data[*p] == '%')
            continue;
        if (*t >= text.size)
            return false;
        *t += sgr__utf8_size(text, *t);
    }
    return true;
}

static bool only_percents(struct sgr_slice pattern, size_t p) {
    while (p < pattern.size && pattern.data[p] == '%')
        p++;
    return p >= pattern.size;
}

static enum match match(struct sgr_slice text, struct sgr_slice pattern) {
    struct retry retry = {false, 0, 0};
    size_t t = 0, p = 0;
    for (;;) {
        enum match result = NO_MATCH;
        if (t >= text.size) /* whatever is left of the pattern cannot match later either */
            return only_percents(pattern, p) ? MATCH : NO_MATCH;
        if (p < pattern.size && pattern.data[p] == '%') {
            if (!take_percents(text, pattern, &t, &p))
                return NO_MATCH;
            if (p >= pattern.size)
                return MATCH;
            if (pattern.data[p] == '\\' && p + 1 >= pattern.size)
                return BAD_PATTERN;
            retry = (struct retry){true, t, p};
            continue;
        }
        if (p < pattern.size)
            result = step(text, pattern, &t, &p);
        if (result == BAD_PATTERN)
            return result;
        if (result == MATCH)
            continue;
        if (!retry.set)
            return NO_MATCH;
        retry.text += sgr__utf8_size(text, retry.text);
        t = retry.text;
        p = retry.pattern;
    }
}

static int set_match(struct sgr__frame *frame, struct sgr_slice text, struct sgr_slice pattern,
                     bool negated, struct sgr_value *ret) {
    enum match result = match(text, pattern);
    if (result == BAD_PATTERN)
        return sgr_error_set(frame->error, SGR_EINVAL,
                             "LIKE pattern must not end with escape character");
    ret->i = (result == MATCH) != negated;
    return 0;
}

/* Both sides in lower case, as the server does with UTF-8. detail: whose letters have cases. */
static int set_folded_match(struct sgr__frame *frame, const struct sgr__node *node,
                            const struct sgr_value *arguments, bool negated,
                            struct sgr_value *ret) {
    struct sgr_buffer text = SGR_BUFFER_INIT, pattern = SGR_BUFFER_INIT;
    sgr__utf8_change_case(arguments[0].s, false, (int)node->detail, &text);
    sgr__utf8_change_case(arguments[1].s, false, (int)node->detail, &pattern);
    int code = text.failed || pattern.failed
                   ? sgr__frame_out_of_memory(frame)
                   : set_match(frame, (struct sgr_slice){text.data, text.size},
                               (struct sgr_slice){pattern.data, pattern.size}, negated, ret);
    sgr_buffer_fini(&text);
    sgr_buffer_fini(&pattern);
    return code;
}

#define APPLY(name)                                                                 \
    static int apply_##name(struct sgr__frame *frame, const struct sgr__node *node, \
                            const struct sgr_value *arguments, struct sgr_value *ret)

APPLY(like) {
    (void)node;
    return set_match(frame, arguments[0].s, arguments[1].s, false, ret);
}

APPLY(not_like) {
    (void)node;
    return set_match(frame, arguments[0].s, arguments[1].s, true, ret);
}

APPLY(ilike) {
    return set_folded_match(frame, node, arguments, false, ret);
}

APPLY(not_ilike) {
    return set_folded_match(frame, node, arguments, true, ret);
}

/* Rewrites a pattern with another escape character, or none, to one with the backslash. */
APPLY(like_escape) {
    (void)node;
    struct sgr_slice pattern = arguments[0].s, escape = arguments[1].s;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    bool escaped = false;
    if (escape.size && sgr__utf8_size(escape, 0) != escape.size)
        return sgr_error_set(frame->error, SGR_EINVAL, "invalid escape string");
    if (sgr_slice_is(escape, "\\")) {
        ret->s = pattern;
        return 0;
    }
    for (size_t at = 0, size; at < pattern.size; at += size) {
        size = sgr__utf8_size(pattern, at);
        struct sgr_slice character = {pattern.data + at, size};
        if (!escaped && sgr_slice_equal(character, escape)) {
            sgr_buffer_putc(&out, '\\');
            escaped = true;
            continue;
        }
        if (sgr_slice_is(character, "\\") && !escaped)
            sgr_buffer_putc(&out, '\\');
        sgr_buffer_slice(&out, character);
        escaped = false;
    }
    return sgr__frame_take(frame, &out, ret);
}

const struct sgr__operation sgr__like = {.form = "(% LIKE %)", .apply = apply_like};
const struct sgr__operation sgr__not_like = {.form = "(% NOT LIKE %)", .apply = apply_not_like};
const struct sgr__operation sgr__ilike = {.form = "(% ILIKE %)", .apply = apply_ilike};
const struct sgr__operation sgr__not_ilike = {.form = "(% NOT ILIKE %)", .apply = apply_not_ilike};
const struct sgr__operation sgr__like_escape = {.form = "like_escape(%*)",
                                                .apply = apply_like_escape};
