#include "auth/internal.h"
#include "base/claim_path.h"

#include <stdlib.h>

struct sgr_claims {
    uint32_t count; /* atomic */
    int64_t expiry;
    json_t *tree;
    const struct sgr_verifier *verifier;
};

struct sgr_claims *sgr__claims_new(json_t *tree, int64_t expiry,
                                   const struct sgr_verifier *verifier) {
    struct sgr_claims *claims = calloc(1, sizeof(*claims));
    if (!claims)
        return NULL;
    *claims = (struct sgr_claims){.count = 1, .expiry = expiry, .tree = tree, .verifier = verifier};
    return claims;
}

bool sgr_claims_are_by(const struct sgr_claims *claims, const struct sgr_verifier *verifier) {
    return claims->verifier == verifier;
}

struct sgr_claims *sgr_claims_ref(struct sgr_claims *claims) {
    __atomic_add_fetch(&claims->count, 1, __ATOMIC_RELAXED);
    return claims;
}

void sgr_claims_unref(struct sgr_claims *claims) {
    if (!claims || __atomic_sub_fetch(&claims->count, 1, __ATOMIC_ACQ_REL))
        return;
    json_decref(claims->tree);
    free(claims);
}

int64_t sgr_claims_expiry(const struct sgr_claims *claims) {
    return claims->expiry;
}

const json_t *sgr_claims_tree(const struct sgr_claims *claims) {
    return claims->tree;
}

const json_t *sgr_claims_find(const struct sgr_claims *claims, const char *path) {
    struct sgr_slice rest = sgr_slice(path);
    char name[SGR_CLAIM_NAME_MAX];
    const json_t *at = claims->tree;
    while (at && sgr_claim_path_next(&rest, name))
        at = json_object_get(at, name);
    return rest.size || at == claims->tree ? NULL : at;
}

/* ---- Text ---- */

static void add_real(double number, struct sgr_buffer *out) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    sgr_buffer_puts(out, text);
}

static bool scalar_text(const json_t *value, struct sgr_buffer *out) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        sgr_buffer_append(out, json_string_value(value), json_string_length(value));
        return true;
    case JSON_INTEGER:
        sgr_buffer_int(out, json_integer_value(value));
        return true;
    case JSON_REAL:
        add_real(json_real_value(value), out);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        sgr_buffer_puts(out, json_is_true(value) ? "true" : "false");
        return true;
    default:
        return false;
    }
}

static void add_quoted(struct sgr_slice text, struct sgr_buffer *out) {
    sgr_buffer_putc(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            sgr_buffer_putc(out, '\\');
        sgr_buffer_putc(out, text.data[i]);
    }
    sgr_buffer_putc(out, '"');
}

/* {"a","b"}, as Postgres reads an array. */
static bool list_text(const json_t *list, struct sgr_buffer *out) {
    bool good = true;
    size_t i;
    const json_t *item;
    sgr_buffer_putc(out, '{');
    json_array_foreach(list, i, item) {
        struct sgr_buffer text = SGR_BUFFER_INIT;
        good = good && scalar_text(item, &text);
        sgr_buffer_puts(out, i ? "," : "");
        add_quoted((struct sgr_slice){text.data, text.size}, out);
        sgr_buffer_fini(&text);
    }
    sgr_buffer_putc(out, '}');
    return good;
}

bool sgr_claims_text(const struct sgr_claims *claims, const char *path, struct sgr_buffer *out) {
    const json_t *value = sgr_claims_find(claims, path);
    if (!value)
        return false;
    return json_is_array(value) ? list_text(value, out) : scalar_text(value, out);
}
