/* Fuzzes tokens, the claims of signed ones, sets of keys and paths of claims; the first byte chooses.
 *
 * What must hold beside sanity of memory: no token is taken that the harness did not sign. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "auth/internal.h"
#include "base/claim_path.h"

static const char secret[] = "a secret of at least thirty-two bytes";
static struct sgr_verifier *verifier;

static void make_verifier(void) {
    struct sgr_token_key key = {.kind = SGR_KEY_SECRET, .text = {secret, sizeof(secret) - 1}};
    struct sgr_token_rules rules = {
        .size = sizeof(rules), .keys = &key, .key_count = 1, .without_expiry = true};
    if (sgr_verifier_new(&rules, &verifier, NULL, NULL))
        abort();
}

static void judged(void *data, const struct sgr_verdict *verdict) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    bool *taken = data;
    *taken = verdict->claims;
    if (verdict->claims)
        sgr_claims_text(verdict->claims, "sub", &text);
    sgr_buffer_fini(&text);
}

static bool taken(struct sgr_slice token) {
    bool yes = false;
    if (sgr_verifier_verify(verifier, token, judged, &yes))
        abort(); /* it has no keys to wait for */
    return yes;
}

static void encode(const unsigned char *data, size_t size, struct sgr_buffer *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | data[i];
        for (held += 8; held >= 6; held -= 6)
            sgr_buffer_putc(out, digits[bits >> (held - 6) & 63]);
    }
    if (held)
        sgr_buffer_putc(out, digits[bits << (6 - held) & 63]);
}

/* Claims of any form, well signed. */
static void fuzz_claims(const unsigned char *data, size_t size) {
    static const unsigned char header[] = "{\"alg\":\"HS256\"}";
    struct sgr_buffer token = SGR_BUFFER_INIT;
    unsigned char signature[64];
    size_t signature_size = 0;
    encode(header, sizeof(header) - 1, &token);
    sgr_buffer_putc(&token, '.');
    encode(data, size, &token);
    EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, sizeof(secret) - 1,
              (const unsigned char *)token.data, token.size, signature, sizeof(signature),
              &signature_size);
    sgr_buffer_putc(&token, '.');
    encode(signature, signature_size, &token);
    taken((struct sgr_slice){token.data, token.size});
    sgr_buffer_fini(&token);
}

static void fuzz_keys(struct sgr_slice text) {
    struct sgr_vector keys = SGR_VECTOR_INIT(struct sgr__key);
    sgr__jwks_read(text, 0, true, &keys, NULL);
    for (size_t i = 0; i < keys.count; i++)
        sgr__key_fini(SGR_VECTOR_AT(&keys, struct sgr__key, i));
    sgr_vector_fini(&keys);
    struct sgr__key key = {0};
    if (!sgr__key_pem(text, 0, &key, NULL))
        sgr__key_fini(&key);
}

static void fuzz_path(struct sgr_slice text) {
    char name[SGR_CLAIM_NAME_MAX];
    bool valid = sgr_claim_path_valid(text);
    while (sgr_claim_path_next(&text, name))
        continue;
    if (valid && text.size)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (!verifier)
        make_verifier();
    if (!size)
        return 0;
    struct sgr_slice text = {(const char *)data + 1, size - 1};
    switch (data[0] & 3) {
    case 0:
        if (taken(text))
            abort();
        break;
    case 1:
        fuzz_claims(data + 1, size - 1);
        break;
    case 2:
        fuzz_keys(text);
        break;
    default:
        fuzz_path(text);
        break;
    }
    return 0;
}
