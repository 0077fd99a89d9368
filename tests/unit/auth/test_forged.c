/* Tokens that must not be taken, and keys that must not be. */
#define _GNU_SOURCE
#include "unit/auth/sign.h"

static const struct signer secret = {"HS256", .secret = SGR_SLICE(SECRET)};

static void refuse_of(const struct signer *signer, const char *header, const char *payload,
                      const char *part) {
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){0});
    char *token = make_token_of(signer, header, payload);
    expect_refused(verifier, token, "invalid_token", part);
    free(token);
    sgr_verifier_free(verifier);
}

static void refuse_header(const char *header, const char *part) {
    char *claims = claims_for("eve", "");
    refuse_of(&secret, header, claims, part);
    free(claims);
}

static void the_algorithm_none_is_never_taken(void **state) {
    static const char *const names[] = {"none", "None", "NONE", "nOnE", "", "HS1", "hs256"};
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){0});
    char *claims = claims_for("eve", ""), *payload = encode(claims, strlen(claims));
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char *header = text_of("{\"alg\":\"%s\",\"typ\":\"JWT\"}", names[i]);
        char *first = encode(header, strlen(header));
        char *unsigned_ = text_of("%s.%s.", first, payload),
             *two = text_of("%s.%s", first, payload);
        char *token = make_token_of(&secret, header, claims);
        expect_refused(verifier, unsigned_, "invalid_token", "three parts");
        expect_refused(verifier, two, "invalid_token", "three parts");
        expect_refused(verifier, token, "invalid_token", "algorithm");
        free(header);
        free(first);
        free(unsigned_);
        free(two);
        free(token);
    }
    free(claims);
    free(payload);
    sgr_verifier_free(verifier);
}

static void a_public_key_is_no_secret(void **state) {
    EVP_PKEY *keys[] = {make_rsa(2048), make_ec("P-256"), make_ed25519()};
    char *claims = claims_for("eve", "");
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *pem = public_pem(keys[i]);
        struct signer forger = {"HS256", .secret = sgr_slice(pem)};
        struct sgr_verifier *verifier =
            verifier_with((struct sgr_token_key){.kind = SGR_KEY_PEM, .text = sgr_slice(pem)});
        char *token = make_token(&forger, NULL, claims);
        expect_refused(verifier, token, "invalid_token", "no key fits");
        free(token);
        free(pem);
        sgr_verifier_free(verifier);
        EVP_PKEY_free(keys[i]);
    }
    free(claims);
}

static void a_kid_does_not_lend_a_key_to_another_algorithm(void **state) {
    EVP_PKEY *rsa = make_rsa(2048);
    char *pem = public_pem(rsa), *claims = claims_for("eve", "");
    struct sgr_token_key keys[] = {
        {.kind = SGR_KEY_PEM, .text = sgr_slice(pem), .kid = "rsa"},
        {.kind = SGR_KEY_SECRET, .text = SGR_SLICE(SECRET), .kid = "hmac"}};
    struct sgr_verifier *verifier =
        verifier_of((struct sgr_token_rules){.keys = keys, .key_count = 2});
    struct signer with_pem = {"HS256", .secret = sgr_slice(pem)};
    char *tokens[] = {make_token(&with_pem, "rsa", claims), make_token(&with_pem, "hmac", claims),
                      make_token(&secret, "rsa", claims),
                      make_token(&secret, "../../../../dev/null", claims),
                      make_token(&secret, "' OR 1=1 --", claims)};
    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        expect_refused(verifier, tokens[i], "invalid_token", "fits");
        free(tokens[i]);
    }
    sgr_verifier_free(verifier);
    free(pem);
    free(claims);
    EVP_PKEY_free(rsa);
}

static void keys_within_the_token_are_not_looked_at(void **state) {
    EVP_PKEY *rsa = make_rsa(2048);
    char *jwk = jwk_rsa(rsa, ""), *claims = claims_for("eve", "");
    char *header = text_of("{\"alg\":\"RS256\",\"jwk\":%s,\"jku\":\"http://127.0.0.1:1/\","
                           "\"x5u\":\"http://127.0.0.1:1/\"}",
                           jwk);
    struct signer forger = {"RS256", rsa, .der = false};
    (void)state;
    refuse_of(&forger, header, claims, "no key fits");
    free(header);
    free(jwk);
    free(claims);
    EVP_PKEY_free(rsa);
}

static void an_ecdsa_signature_in_der_form_is_refused(void **state) {
    EVP_PKEY *key = make_ec("P-256");
    char *pem = public_pem(key), *claims = claims_for("ann", "");
    struct sgr_verifier *verifier =
        verifier_with((struct sgr_token_key){.kind = SGR_KEY_PEM, .text = sgr_slice(pem)});
    struct signer der = {"ES256", key, .der = true};
    char *token = make_token(&der, NULL, claims);
    char zeros[64] = {0}, *nothing = encode(zeros, sizeof(zeros));
    (void)state;
    expect_refused(verifier, token, "invalid_token", "signature");
    strcpy(strrchr(token, '.') + 1, nothing); /* r = s = 0 */
    expect_refused(verifier, token, "invalid_token", "signature");
    free(nothing);
    free(token);
    free(pem);
    free(claims);
    sgr_verifier_free(verifier);
    EVP_PKEY_free(key);
}

static void expired_early_and_unreadable_times_are_refused(void **state) {
    static const struct {
        const char *claims, *code, *part;
    } all[] = {
        {"{\"exp\":1}", "token_expired", "expired"},
        {"{\"exp\":-1e300}", "token_expired", "expired"},
        {"{\"exp\":9999999999,\"nbf\":9999999998}", "invalid_token", "not valid yet"},
        {"{\"exp\":9999999999,\"nbf\":1e300}", "invalid_token", "not valid yet"},
        {"{\"exp\":\"9999999999\"}", "invalid_token", "not a number"},
        {"{\"exp\":9999999999,\"nbf\":\"1\"}", "invalid_token", "not a number"},
        {"{\"exp\":null}", "invalid_token", "not a number"},
        {"{\"exp\":true}", "invalid_token", "not a number"},
        {"{\"exp\":99999999999999999999}", "invalid_token", "not a JSON object"},
        {"{}", "invalid_token", "no exp"},
    };
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){0});
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        char *token = make_token(&secret, NULL, all[i].claims);
        expect_refused(verifier, token, all[i].code, all[i].part);
        free(token);
    }
    sgr_verifier_free(verifier);
}

static void the_leeway_is_no_longer_than_it_is(void **state) {
    struct sgr_verifier *verifier =
        secret_verifier((struct sgr_token_rules){.leeway = 10 * 1000000});
    char *claims = text_of("{\"exp\":%lld}", (long long)time(NULL) - 11);
    char *token = make_token(&secret, NULL, claims);
    (void)state;
    expect_refused(verifier, token, "token_expired", "expired");
    free(claims);
    free(token);
    sgr_verifier_free(verifier);
}

static void another_issuer_audience_or_claim_is_refused(void **state) {
    const char *const issuers[] = {"https://a/"}, *const audiences[] = {"web"};
    struct sgr_verifier *verifier =
        secret_verifier((struct sgr_token_rules){.issuers = issuers,
                                                 .issuer_count = 1,
                                                 .audiences = audiences,
                                                 .audience_count = 1,
                                                 .claims = "{\"role\":\"member\",\"level\":1}"});
    static const struct {
        const char *more, *part;
    } all[] = {
        {"", "issuer"},
        {",\"iss\":\"https://a\"", "issuer"},
        {",\"iss\":[\"https://a/\"]", "issuer"},
        {",\"iss\":\"https://a/\"", "audience"},
        {",\"iss\":\"https://a/\",\"aud\":\"weba\"", "audience"},
        {",\"iss\":\"https://a/\",\"aud\":[\"app\"]", "audience"},
        {",\"iss\":\"https://a/\",\"aud\":{\"web\":\"web\"}", "audience"},
        {",\"iss\":\"https://a/\",\"aud\":\"web\"", "claims"},
        {",\"iss\":\"https://a/\",\"aud\":\"web\",\"role\":\"member\"", "claims"},
        {",\"iss\":\"https://a/\",\"aud\":\"web\",\"role\":\"member\",\"level\":\"1\"", "claims"},
        {",\"iss\":\"https://a/\",\"aud\":\"web\",\"role\":[\"member\"],\"level\":1", "claims"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        char *claims = claims_for("ann", all[i].more), *token = make_token(&secret, NULL, claims);
        expect_refused(verifier, token, "invalid_token", all[i].part);
        free(claims);
        free(token);
    }
    sgr_verifier_free(verifier);
}

static void members_that_stand_twice_are_refused(void **state) {
    char *claims = claims_for("ann", ",\"sub\":\"eve\"");
    (void)state;
    refuse_of(&secret, "{\"alg\":\"HS256\"}", claims, "JSON object");
    refuse_header("{\"alg\":\"HS256\",\"alg\":\"HS256\"}", "JSON object");
    free(claims);
}

static void headers_that_ask_for_more_are_refused(void **state) {
    (void)state;
    refuse_header("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "not understood");
    refuse_header("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", "not understood");
    refuse_header("{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", "another type");
    refuse_header("{\"alg\":\"HS256\",\"typ\":7}", "another type");
    refuse_header("{\"alg\":\"HS256\",\"kid\":7}", "kid");
    refuse_header("{\"alg\":[\"HS256\"]}", "algorithm");
    refuse_header("{\"typ\":\"JWT\"}", "algorithm");
    refuse_header("[\"HS256\"]", "JSON object");
    refuse_header("{\"alg\":\"HS256\"}{}", "JSON object");
    refuse_header("{\"alg\":\"HS256\",\"x\":\"\\u0000\"}", "JSON object");
}

static void every_truncation_is_refused(void **state) {
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){0});
    char *claims = claims_for("ann", ""), *token = make_token(&secret, NULL, claims);
    struct heard heard;
    (void)state;
    for (size_t size = 0; size < strlen(token); size++)
        assert_non_null(judge_at_once(verifier, (struct sgr_slice){token, size}, &heard));
    expect_good(verifier, token, "ann");
    free(claims);
    free(token);
    sgr_verifier_free(verifier);
}

static void base64_is_taken_in_one_form_only(void **state) {
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){0});
    char *claims = claims_for("ann", ""), *token = make_token(&secret, NULL, claims);
    static const char *const ends[] = {"=", "==", " ", "\n", "A", ".", "..", "%3D", "\r\nx: y"};
    size_t size = strlen(token);
    char *changed = calloc(1, size + 16);
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        sprintf(changed, "%s%s", token, ends[i]);
        expect_refused(verifier, changed, "invalid_token", "");
        sprintf(changed, "%s%s", ends[i], token);
        expect_refused(verifier, changed, "invalid_token", "");
    }
    /* HS256 signs 32 bytes: the last digit holds two bits that are none. */
    strcpy(changed, token);
    changed[size - 1]++;
    expect_refused(verifier, changed, "invalid_token", "base64url");
    strcpy(changed, token);
    changed[size - 2] = '+';
    expect_refused(verifier, changed, "invalid_token", "base64url");
    sprintf(changed, "%s", "..");
    expect_refused(verifier, changed, "invalid_token", "three parts");
    free(changed);
    free(claims);
    free(token);
    sgr_verifier_free(verifier);
}

static void long_and_deep_tokens_are_refused(void **state) {
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){0});
    char *deep = calloc(1, 4000), *claims;
    (void)state;
    memset(deep, '[', 1500);
    memset(deep + 1500, ']', 1500);
    char *more = text_of(",\"x\":%s", deep);
    claims = claims_for("eve", more);
    char *token = make_token(&secret, NULL, claims);
    expect_refused(verifier, token, "invalid_token", "JSON object");
    char *header = text_of("{\"alg\":\"HS256\",\"x\":%s}", deep);
    refuse_header(header, "JSON object");
    free(header);
    free(token);
    free(claims);
    free(more);
    free(deep);
    char *long_ = calloc(1, SGR_TOKEN_LIMIT + 2);
    memset(long_, 'a', SGR_TOKEN_LIMIT + 1);
    expect_refused(verifier, long_, "invalid_token", "too long");
    free(long_);
    sgr_verifier_free(verifier);
}

/* ---- Keys ---- */

static void refuse_key(struct sgr_token_key key, const char *part) {
    struct sgr_token_rules rules = {.size = sizeof(rules), .keys = &key, .key_count = 1};
    struct sgr_verifier *verifier = NULL;
    struct sgr_error error = {0};
    size_t at = 77;
    if (sgr_verifier_new(&rules, &verifier, &at, &error) != SGR_ECONFIG)
        fail_msg("taken, or another error: %s", error.message);
    assert_int_equal(at, 0);
    if (!strstr(error.message, part))
        fail_msg("%s, not: %s", error.message, part);
}

static void refuse_pem(char *pem, const char *algorithms, const char *part) {
    refuse_key((struct sgr_token_key){.kind = SGR_KEY_PEM,
                                      .text = sgr_slice(pem),
                                      .algorithms = algorithms},
               part);
    free(pem);
}

static void weak_and_wrong_keys_are_refused(void **state) {
    EVP_PKEY *small = make_rsa(1024), *rsa = make_rsa(2048), *other = make_ec("secp256k1");
    EVP_PKEY *ec = make_ec("P-256");
    (void)state;
    refuse_pem(public_pem(small), NULL, "1024 bits");
    refuse_pem(public_pem(other), NULL, "curve");
    refuse_pem(private_pem(rsa), NULL, "private key");
    refuse_pem(public_pem(rsa), "HS256", "RS256, RS384, RS512, PS256, PS384, PS512");
    refuse_pem(public_pem(rsa), "RS256 ES256", "an RSA key is for");
    refuse_pem(public_pem(ec), "ES384", "ES256");
    refuse_pem(strdup("hello"), NULL, "PEM");
    refuse_pem(strdup(""), NULL, "PEM");
    refuse_pem(public_pem(rsa), "RS257", "unknown algorithm \"RS257\"");
    refuse_pem(public_pem(rsa), "none", "unknown algorithm");
    refuse_key((struct sgr_token_key){.kind = SGR_KEY_SECRET, .text = SGR_SLICE("too short")},
               "9 bytes");
    refuse_key((struct sgr_token_key){.kind = SGR_KEY_SECRET,
                                      .text = SGR_SLICE(SECRET),
                                      .algorithms = "RS256"},
               "a secret is for HS256");
    refuse_key((struct sgr_token_key){.kind = SGR_KEY_JWKS_FILE, .text = SGR_SLICE("/no/such")},
               "cannot read");
    refuse_key((struct sgr_token_key){.kind = SGR_KEY_JWKS_URL, .text = SGR_SLICE("ftp://x/")},
               "https://");
    EVP_PKEY_free(small);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ec);
}

static void refuse_set(char *text, const char *part) {
    refuse_key((struct sgr_token_key){.kind = SGR_KEY_JWKS, .text = sgr_slice(text)}, part);
    free(text);
}

static void sets_without_a_usable_key_are_refused(void **state) {
    EVP_PKEY *rsa = make_rsa(2048);
    char *encrypts = jwk_rsa(rsa, ",\"use\":\"enc\""),
         *wraps = jwk_rsa(rsa, ",\"alg\":\"RSA-OAEP\"");
    char *twists = jwk_rsa(rsa, ",\"alg\":\"HS256\"");
    (void)state;
    refuse_set(strdup("{}"), "set of keys");
    refuse_set(strdup("[]"), "set of keys");
    refuse_set(strdup("{\"keys\":[]}"), "no key that can be used");
    refuse_set(strdup("{\"keys\":[7,{}]}"), "no key that can be used");
    refuse_set(text_of("{\"keys\":[%s,%s]}", encrypts, wraps), "no key that can be used");
    refuse_set(text_of("{\"keys\":[%s]}", twists), "an RSA key is for");
    refuse_set(strdup("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}"),
               "malformed");
    refuse_set(strdup("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}"), "bits");
    free(encrypts);
    free(wraps);
    free(twists);
    EVP_PKEY_free(rsa);
}

/* ---- Chance ---- */

static uint64_t random_number(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void mutate(char *text, size_t *size, uint64_t *seed) {
    static const char bytes[] = "ABCxyz019-_.=+/ \n\"{}[]";
    size_t at = random_number(seed) % *size;
    switch (random_number(seed) % 4) {
    case 0:
        text[at] = (char)random_number(seed);
        break;
    case 1:
        text[at] = bytes[random_number(seed) % (sizeof(bytes) - 1)];
        break;
    case 2:
        memmove(text + at, text + at + 1, --*size - at);
        break;
    default:
        memmove(text + at + 1, text + at, (*size)++ - at);
        break;
    }
}

static void no_mutation_of_a_good_token_is_taken(void **state) {
    EVP_PKEY *ec = make_ec("P-256");
    char *pem = public_pem(ec), *claims = claims_for("ann", ",\"a\":{\"b\":[1,2]}");
    struct sgr_token_key keys[] = {{.kind = SGR_KEY_SECRET, .text = SGR_SLICE(SECRET)},
                                   {.kind = SGR_KEY_PEM, .text = sgr_slice(pem)}};
    struct sgr_verifier *verifier =
        verifier_of((struct sgr_token_rules){.keys = keys, .key_count = 2});
    struct signer es = {"ES256", ec, .der = false};
    char *tokens[] = {make_token(&secret, "k", claims), make_token(&es, NULL, claims)};
    uint64_t seed = 88172645463325252ull;
    struct heard heard;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const char *token = tokens[i & 1];
        size_t size = strlen(token);
        char *changed = malloc(size + 8);
        memcpy(changed, token, size);
        for (uint64_t n = random_number(&seed) % 3 + 1; n; n--)
            mutate(changed, &size, &seed);
        bool same = size == strlen(token) && memcmp(changed, token, size) == 0;
        if (!same && !judge_at_once(verifier, (struct sgr_slice){changed, size}, &heard))
            fail_msg("taken: %.*s", (int)size, changed);
        free(changed);
    }
    for (size_t i = 0; i < 2; i++)
        free(tokens[i]);
    free(pem);
    free(claims);
    EVP_PKEY_free(ec);
    sgr_verifier_free(verifier);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_algorithm_none_is_never_taken),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(a_kid_does_not_lend_a_key_to_another_algorithm),
        cmocka_unit_test(keys_within_the_token_are_not_looked_at),
        cmocka_unit_test(an_ecdsa_signature_in_der_form_is_refused),
        cmocka_unit_test(expired_early_and_unreadable_times_are_refused),
        cmocka_unit_test(the_leeway_is_no_longer_than_it_is),
        cmocka_unit_test(another_issuer_audience_or_claim_is_refused),
        cmocka_unit_test(members_that_stand_twice_are_refused),
        cmocka_unit_test(headers_that_ask_for_more_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(base64_is_taken_in_one_form_only),
        cmocka_unit_test(long_and_deep_tokens_are_refused),
        cmocka_unit_test(weak_and_wrong_keys_are_refused),
        cmocka_unit_test(sets_without_a_usable_key_are_refused),
        cmocka_unit_test(no_mutation_of_a_good_token_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
