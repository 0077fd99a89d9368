/* Sets of keys, RFC 7517. */
#include "auth/internal.h"

static void drop_from(struct sgr_vector *keys, size_t count) {
    while (keys->count > count)
        sgr__key_fini(SGR_VECTOR_AT(keys, struct sgr__key, --keys->count));
}

static int add_key(const json_t *jwk, uint32_t algorithms, bool secrets, struct sgr_vector *keys,
                   struct sgr_error *error) {
    struct sgr__key key = {0};
    int code = sgr__key_jwk(jwk, algorithms, secrets, &key, error);
    if (!code && (code = sgr_vector_push(keys, &key))) {
        sgr__key_fini(&key);
        sgr_error_set(error, code, "out of memory for keys");
    }
    return code;
}

int sgr__jwks_read(struct sgr_slice text, uint32_t algorithms, bool secrets,
                   struct sgr_vector *keys, struct sgr_error *error) {
    struct sgr_error last = {0};
    size_t before = keys->count, i;
    json_t *tree = sgr__json_object(text), *list = json_object_get(tree, "keys"), *jwk;
    int code = SGR_OK;
    if (!json_is_array(list))
        code = sgr_error_set(error, SGR_ECONFIG, "no set of keys: {\"keys\":[…]} is expected");
    else if (json_array_size(list) > SGR_KEYS_LIMIT)
        code = sgr_error_set(error, SGR_ECONFIG, "the set has more than %d keys", SGR_KEYS_LIMIT);
    for (i = 0; !code && i < json_array_size(list); i++) {
        jwk = json_array_get(list, i);
        if (add_key(jwk, algorithms, secrets, keys, &last) == SGR_ENOMEM)
            code = sgr_error_set(error, SGR_ENOMEM, "%s", last.message);
    }
    if (!code && keys->count == before)
        code = sgr_error_set(error, SGR_ECONFIG, "the set has no key that can be used%s%s",
                             last.code ? ": " : "", last.message);
    if (code)
        drop_from(keys, before);
    json_decref(tree);
    return code;
}
