/* From a config's `auth:` to its verifier. */
#include "auth/internal.h"

#include <openssl/crypto.h>
#include <stdlib.h>

enum { FILE_LIMIT = 256 * 1024 };

/* Owned texts of the keys while the verifier is made. */
struct texts {
    struct sgr_token_key *keys;
    char **owned;
    size_t *sizes;
    size_t count;
};

static void texts_fini(struct texts *texts) {
    for (size_t i = 0; texts->owned && texts->sizes && i < texts->count; i++) {
        if (texts->owned[i])
            OPENSSL_cleanse(texts->owned[i], texts->sizes[i]);
        free(texts->owned[i]);
    }
    free(texts->owned);
    free(texts->sizes);
    free(texts->keys);
}

static int take_file(const char *path, struct texts *texts, size_t i, struct sgr_token_key *key,
                     struct sgr_error *error) {
    texts->owned[i] = sgr__file_read(path, FILE_LIMIT, &texts->sizes[i], error);
    if (!texts->owned[i])
        return SGR_ECONFIG;
    key->text = (struct sgr_slice){texts->owned[i], texts->sizes[i]};
    return SGR_OK;
}

/* In place: what is decoded is shorter. */
static int decode_secret(struct texts *texts, size_t i, struct sgr_token_key *key,
                         struct sgr_error *error) {
    if (!texts->owned[i]) {
        texts->owned[i] = sgr_slice_copy(key->text);
        texts->sizes[i] = key->text.size;
    }
    if (!texts->owned[i])
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    if (!sgr__base64_any(key->text, (unsigned char *)texts->owned[i], &key->text.size))
        return sgr_error_set(error, SGR_ECONFIG, "the secret is not base64");
    key->text.data = texts->owned[i];
    return SGR_OK;
}

static int read_secret(const struct sgr_plan_key *from, struct texts *texts, size_t i,
                       struct sgr_token_key *key, struct sgr_error *error) {
    int code = SGR_OK;
    key->kind = SGR_KEY_SECRET;
    key->text = sgr_slice(from->secret);
    if (from->secret_file)
        code = take_file(from->secret_file, texts, i, key, error);
    while (!code && from->secret_file && key->text.size &&
           strchr("\r\n", key->text.data[key->text.size - 1]))
        key->text.size--;
    return !code && from->base64 ? decode_secret(texts, i, key, error) : code;
}

static int read_key(const struct sgr_plan_key *from, struct texts *texts, size_t i,
                    struct sgr_error *error) {
    struct sgr_token_key *key = &texts->keys[i];
    *key = (struct sgr_token_key){
        .algorithms = from->algorithms, .kid = from->kid, .refresh = from->refresh};
    if (from->secret || from->secret_file)
        return read_secret(from, texts, i, key, error);
    if (from->jwks) {
        key->kind = strstr(from->jwks, "://") ? SGR_KEY_JWKS_URL : SGR_KEY_JWKS_FILE;
        key->text = sgr_slice(from->jwks);
        return SGR_OK;
    }
    key->kind = SGR_KEY_PEM;
    key->text = sgr_slice(from->pem);
    return from->file ? take_file(from->file, texts, i, key, error) : SGR_OK;
}

static int read_keys(const struct sgr_plan_auth *auth, struct texts *texts, size_t *ret_key,
                     struct sgr_error *error) {
    texts->count = auth->key_count;
    texts->keys = calloc(texts->count + 1, sizeof(*texts->keys));
    texts->owned = calloc(texts->count + 1, sizeof(*texts->owned));
    texts->sizes = calloc(texts->count + 1, sizeof(*texts->sizes));
    if (!texts->keys || !texts->owned || !texts->sizes)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for keys");
    int code = SGR_OK;
    for (*ret_key = 0; !code && *ret_key < texts->count; ++*ret_key)
        if ((code = read_key(&auth->keys[*ret_key], texts, *ret_key, error)))
            return code;
    return code;
}

int sgr_auth_verifier(const struct sgr_plan_auth *auth, struct sgr_verifier **ret,
                      struct sgr_error *error) {
    struct texts texts = {0};
    struct sgr_error inner = {0};
    size_t bad = SIZE_MAX;
    int code = read_keys(auth, &texts, &bad, &inner);
    struct sgr_token_rules rules = {.size = sizeof(rules),
                                    .keys = texts.keys,
                                    .key_count = auth->key_count,
                                    .issuers = auth->issuers.items,
                                    .issuer_count = auth->issuers.count,
                                    .audiences = auth->audiences.items,
                                    .audience_count = auth->audiences.count,
                                    .claims = auth->claims,
                                    .type = auth->type,
                                    .leeway = auth->leeway,
                                    .without_expiry = auth->without_expiry};
    if (!code)
        code = sgr_verifier_new(&rules, ret, &bad, &inner);
    texts_fini(&texts);
    if (code == SGR_ECONFIG)
        return sgr_document_error(bad < auth->key_count ? auth->keys[bad].place : auth->place,
                                  error, "%s", inner.message);
    return code ? sgr_error_set(error, code, "%s", inner.message) : SGR_OK;
}

/* ---- Explained ---- */

static void explain_key(const struct sgr_plan_key *key, struct sgr_buffer *out) {
    if (key->jwks)
        sgr_buffer_printf(out, "  keys of %s", key->jwks);
    else if (key->file)
        sgr_buffer_printf(out, "  key %s", key->file);
    else
        sgr_buffer_puts(out, key->pem ? "  a public key" : "  a secret");
    if (key->algorithms)
        sgr_buffer_printf(out, " for %s", key->algorithms);
    if (key->kid)
        sgr_buffer_printf(out, ", kid %s", key->kid);
    sgr_buffer_putc(out, '\n');
}

static void explain_list(const char *name, const struct sgr_strings *list, struct sgr_buffer *out) {
    for (size_t i = 0; i < list->count; i++)
        sgr_buffer_printf(out, "%s%s", i ? ", " : name, list->items[i]);
}

static void explain_view(const struct sgr_plan_access *access, struct sgr_buffer *out) {
    sgr_buffer_printf(out, "  asked for by %s", access->view);
    for (size_t i = 0; i < access->claim_count; i++)
        sgr_buffer_printf(out, "%s%s = $claims.%s", i ? ", " : ": ", access->claims[i].column->name,
                          access->claims[i].path);
    sgr_buffer_putc(out, '\n');
}

void sgr_auth_explain(const struct sgr_plan_server *server, struct sgr_buffer *out) {
    const struct sgr_plan_auth *auth = server->auth;
    if (!auth)
        return;
    sgr_buffer_puts(out, "tokens:");
    explain_list(" iss ", &auth->issuers, out);
    explain_list(auth->issuers.count ? "; aud " : " aud ", &auth->audiences, out);
    if (auth->claims)
        sgr_buffer_printf(out, "; claims %s", auth->claims);
    sgr_buffer_printf(out, "; leeway %llds%s\n", (long long)(auth->leeway / 1000000),
                      auth->without_expiry ? "; also without expiry" : "");
    for (size_t i = 0; i < auth->key_count; i++)
        explain_key(&auth->keys[i], out);
    for (size_t i = 0; i < server->access_count; i++)
        explain_view(&server->access[i], out);
}
