/* A token as text: three parts in strict base64url, the first of which names the algorithm and the key. Nothing is trusted here. */
#include "auth/internal.h"

#include <stdlib.h>
#include <strings.h>

static bool too_deep(struct sgr_slice text) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (quoted) {
            i += byte == '\\';
            quoted = byte != '"';
        } else if (byte == '"') {
            quoted = true;
        } else if (byte == '{' || byte == '[') {
            if (++depth > SGR_TOKEN_DEPTH)
                return true;
        } else if (byte == '}' || byte == ']') {
            depth--;
        }
    }
    return false;
}

json_t *sgr__json_object(struct sgr_slice text) {
    json_error_t where;
    if (!text.size || too_deep(text))
        return NULL;
    json_t *tree = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(tree))
        return tree;
    json_decref(tree);
    return NULL;
}

/* Three parts that are not empty. */
static bool split(struct sgr_slice text, struct sgr_slice parts[3]) {
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != '.')
            continue;
        if (count == 3 || i == start)
            return false;
        parts[count++] = (struct sgr_slice){text.data + start, i - start};
        start = i + 1;
    }
    return count == 3;
}

static bool decode(struct sgr_slice part, unsigned char **place, struct sgr_slice *ret) {
    size_t size;
    if (!sgr__base64url(part, *place, &size))
        return false;
    *ret = (struct sgr_slice){(char *)*place, size};
    *place += size;
    return true;
}

/* Tokens for something else (a logout, a proof of possession) say so in `typ`. */
static bool type_fits(const json_t *header, const char *wanted) {
    const json_t *value = json_object_get(header, "typ");
    const char *type = json_string_value(value);
    if (wanted)
        return type && strcasecmp(type, wanted) == 0;
    if (!value)
        return true;
    if (type && strncasecmp(type, "application/", 12) == 0)
        type += 12;
    return type && (strcasecmp(type, "JWT") == 0 || strcasecmp(type, "at+jwt") == 0);
}

static const char *read_header(struct sgr_slice text, const char *type, struct sgr__token *token) {
    token->header = sgr__json_object(text);
    if (!token->header)
        return "the token's header is not a JSON object";
    const json_t *kid = json_object_get(token->header, "kid");
    const char *name = json_string_value(json_object_get(token->header, "alg"));
    if (json_object_get(token->header, "crit"))
        return "the token's header wants something that is not understood";
    if (!type_fits(token->header, type))
        return "the token is of another type";
    if (kid && !json_is_string(kid))
        return "the token's kid is not a text";
    token->kid = json_string_value(kid);
    token->bit = name ? sgr__algorithm_bit(name) : 0;
    for (size_t i = 0; i < sgr__algorithm_count; i++)
        if (token->bit == 1u << i)
            token->algorithm = &sgr__algorithms[i];
    return token->algorithm ? NULL : "the token's algorithm is not one that is taken";
}

const char *sgr__token_read(struct sgr_slice text, const char *type, struct sgr__token *ret) {
    struct sgr_slice parts[3], header;
    *ret = (struct sgr__token){0};
    if (text.size > SGR_TOKEN_LIMIT)
        return "the token is too long";
    if (!split(text, parts))
        return "the token has not three parts";
    ret->decoded = malloc(text.size);
    if (!ret->decoded)
        return "out of memory";
    unsigned char *place = ret->decoded;
    if (!decode(parts[0], &place, &header) || !decode(parts[1], &place, &ret->payload) ||
        !decode(parts[2], &place, &ret->signature))
        return "the token is not base64url";
    ret->text = (struct sgr_slice){text.data, parts[0].size + 1 + parts[1].size};
    return read_header(header, type, ret);
}

void sgr__token_fini(struct sgr__token *token) {
    json_decref(token->header);
    free(token->decoded);
    *token = (struct sgr__token){0};
}
