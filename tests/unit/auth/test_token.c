/* Tokens that are taken: every algorithm by every form of key, and what is read of them. */
#define _GNU_SOURCE
#include "unit/auth/sign.h"

static void check(const struct signer *signer, struct sgr_token_key key) {
    struct sgr_verifier *verifier = verifier_with(key);
    char *claims = claims_for("ann", ""), *token = make_token(signer, NULL, claims);
    expect_good(verifier, token, "ann");
    token[strlen(token) / 2] ^= 1;
    struct heard heard;
    assert_non_null(judge_at_once(verifier, sgr_slice(token), &heard));
    free(claims);
    free(token);
    sgr_verifier_free(verifier);
}

static void check_pem(const struct signer *signer, char *pem) {
    check(signer, (struct sgr_token_key){.kind = SGR_KEY_PEM,
                                         .text = sgr_slice(pem),
                                         .algorithms = signer->algorithm});
    free(pem);
}

static void check_jwk(const struct signer *signer, char *jwk) {
    char *set = text_of("{\"keys\":[{\"kty\":\"unknown\"},%s]}", jwk);
    check(signer, (struct sgr_token_key){.kind = SGR_KEY_JWKS,
                                         .text = sgr_slice(set),
                                         .algorithms = signer->algorithm});
    free(set);
    free(jwk);
}

static void secrets_verify_hs256_hs384_hs512(void **state) {
    static const char *const names[] = {"HS256", "HS384", "HS512"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct signer signer = {names[i], .secret = SGR_SLICE(SECRET)};
        check(&signer, (struct sgr_token_key){.kind = SGR_KEY_SECRET,
                                              .text = SGR_SLICE(SECRET),
                                              .algorithms = names[i]});
        char *k = encode(SECRET, sizeof(SECRET) - 1);
        check_jwk(&signer, text_of("{\"kty\":\"oct\",\"k\":\"%s\",\"alg\":\"%s\"}", k, names[i]));
        free(k);
    }
}

static void rsa_keys_verify_rs_and_ps_as_pem_certificate_and_jwk(void **state) {
    static const char *const names[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"};
    EVP_PKEY *key = make_rsa(2048);
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct signer signer = {names[i], key, .der = false};
        check_pem(&signer, public_pem(key));
        check_pem(&signer, certificate_pem(key));
        check_jwk(&signer, jwk_rsa(key, ",\"use\":\"sig\""));
    }
    EVP_PKEY_free(key);
}

static void curves_verify_es256_es384_es512(void **state) {
    static const struct {
        const char *algorithm, *curve;
        int size;
    } all[] = {{"ES256", "P-256", 32}, {"ES384", "P-384", 48}, {"ES512", "P-521", 66}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *key = make_ec(all[i].curve);
        struct signer signer = {all[i].algorithm, key, .der = false};
        check_pem(&signer, public_pem(key));
        check_jwk(&signer, jwk_ec(key, all[i].curve, all[i].size, ",\"key_ops\":[\"verify\"]"));
        EVP_PKEY_free(key);
    }
}

static void ed25519_keys_verify_eddsa(void **state) {
    EVP_PKEY *key = make_ed25519();
    struct signer signer = {"EdDSA", key, .der = false};
    (void)state;
    check_pem(&signer, public_pem(key));
    check_jwk(&signer, jwk_ed25519(key, ""));
    EVP_PKEY_free(key);
}

static void a_key_takes_what_is_usual_for_it_if_nothing_is_said(void **state) {
    EVP_PKEY *rsa = make_rsa(2048), *ec = make_ec("P-384");
    char *rsa_pem = public_pem(rsa), *ec_pem = public_pem(ec), *claims = claims_for("ann", "");
    struct sgr_token_key keys[] = {{.kind = SGR_KEY_PEM, .text = sgr_slice(rsa_pem)},
                                   {.kind = SGR_KEY_PEM, .text = sgr_slice(ec_pem)},
                                   {.kind = SGR_KEY_SECRET, .text = SGR_SLICE(SECRET)}};
    struct sgr_verifier *verifier =
        verifier_of((struct sgr_token_rules){.keys = keys, .key_count = 3});
    struct signer signers[] = {{"RS256", rsa, .der = false},
                               {"ES384", ec, .der = false},
                               {"HS256", .secret = SGR_SLICE(SECRET)}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *token = make_token(&signers[i], NULL, claims);
        expect_good(verifier, token, "ann");
        free(token);
    }
    struct signer others[] = {{"PS256", rsa, .der = false}, {"HS512", .secret = SGR_SLICE(SECRET)}};
    for (size_t i = 0; i < 2; i++) {
        char *token = make_token(&others[i], NULL, claims);
        expect_refused(verifier, token, "invalid_token", "no key fits");
        free(token);
    }
    sgr_verifier_free(verifier);
    free(rsa_pem);
    free(ec_pem);
    free(claims);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void one_secret_may_be_for_several_algorithms(void **state) {
    struct sgr_verifier *verifier =
        verifier_with((struct sgr_token_key){.kind = SGR_KEY_SECRET,
                                             .text = SGR_SLICE("short"),
                                             .secret_minimum = 1,
                                             .algorithms = "HS256 HS384, HS512"});
    static const char *const names[] = {"HS256", "HS384", "HS512"};
    char *claims = claims_for("ann", "");
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct signer signer = {names[i], .secret = SGR_SLICE("short")};
        char *token = make_token(&signer, NULL, claims);
        expect_good(verifier, token, "ann");
        free(token);
    }
    free(claims);
    sgr_verifier_free(verifier);
}

static void rules_of_issuer_audience_claims_and_times_are_fulfilled(void **state) {
    struct signer signer = {"HS256", .secret = SGR_SLICE(SECRET)};
    const char *const issuers[] = {"https://a/", "https://b/"}, *const audiences[] = {"web", "app"};
    long long now = (long long)time(NULL);
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){
        .issuers = issuers,
        .issuer_count = 2,
        .audiences = audiences,
        .audience_count = 2,
        .claims = "{\"role\":\"member\",\"plan\":{\"id\":7,\"tags\":[1,null]}}",
        .leeway = 60000000});
    char *claims = text_of("{\"sub\":\"ann\",\"iss\":\"https://b/\",\"aud\":[\"x\",\"app\"],"
                           "\"role\":\"member\",\"plan\":{\"tags\":[1,null],\"id\":7},"
                           "\"exp\":%lld,\"nbf\":%lld}",
                           now - 30, now + 30);
    char *token = make_token(&signer, NULL, claims);
    (void)state;
    expect_good(verifier, token, "ann");
    struct heard heard;
    judge_at_once(verifier, sgr_slice(token), &heard);
    assert_true(sgr_claims_expiry(heard.claims) == (now + 30) * 1000000);
    sgr_claims_unref(heard.claims);
    free(claims);
    free(token);
    sgr_verifier_free(verifier);
}

static void a_token_without_expiry_is_taken_only_if_that_was_said(void **state) {
    struct signer signer = {"HS256", .secret = SGR_SLICE(SECRET)};
    char *token = make_token(&signer, NULL, "{\"sub\":\"ann\"}");
    struct sgr_verifier *strict = secret_verifier((struct sgr_token_rules){0});
    struct sgr_verifier *lenient =
        secret_verifier((struct sgr_token_rules){.without_expiry = true});
    struct heard heard;
    (void)state;
    expect_refused(strict, token, "invalid_token", "no exp");
    assert_null(judge_at_once(lenient, sgr_slice(token), &heard));
    assert_true(sgr_claims_expiry(heard.claims) == INT64_MAX);
    sgr_claims_unref(heard.claims);
    free(token);
    sgr_verifier_free(strict);
    sgr_verifier_free(lenient);
}

static void expect_text(const struct sgr_claims *claims, const char *path, const char *text) {
    struct sgr_buffer out = SGR_BUFFER_INIT;
    bool there = sgr_claims_text(claims, path, &out);
    if (there != (text != NULL) || (text && strcmp(sgr_buffer_text(&out), text) != 0))
        fail_msg("%s is %s", path, there ? sgr_buffer_text(&out) : "absent");
    sgr_buffer_fini(&out);
}

static void claims_are_found_by_path_and_told_as_text(void **state) {
    struct signer signer = {"HS256", .secret = SGR_SLICE(SECRET)};
    struct sgr_verifier *verifier = secret_verifier((struct sgr_token_rules){0});
    char *claims =
        claims_for("ann", ",\"app_metadata\":{\"team\":7,\"rate\":0.1,\"on\":true,\"off\":null,"
                          "\"a.b\":{\"c\":\"deep\"},\"say \\\"hi\\\"\":1},"
                          "\"teams\":[\"a\",\"b \\\"c\\\\\",3],\"mixed\":[[1]],\"none\":[]");
    char *token = make_token(&signer, NULL, claims);
    struct heard heard;
    (void)state;
    assert_null(judge_at_once(verifier, sgr_slice(token), &heard));
    expect_text(heard.claims, "sub", "ann");
    expect_text(heard.claims, "app_metadata.team", "7");
    expect_text(heard.claims, "app_metadata.rate", "0.1");
    expect_text(heard.claims, "app_metadata.on", "true");
    expect_text(heard.claims, "app_metadata.off", NULL);
    expect_text(heard.claims, "app_metadata.\"a.b\".c", "deep");
    expect_text(heard.claims, "app_metadata.\"say \"\"hi\"\"\"", "1");
    expect_text(heard.claims, "app_metadata", NULL);
    expect_text(heard.claims, "app_metadata.team.more", NULL);
    expect_text(heard.claims, "sub.more", NULL);
    expect_text(heard.claims, "teams", "{\"a\",\"b \\\"c\\\\\",\"3\"}");
    expect_text(heard.claims, "none", "{}");
    expect_text(heard.claims, "mixed", NULL);
    expect_text(heard.claims, "absent", NULL);
    expect_text(heard.claims, "", NULL);
    expect_text(heard.claims, "sub.", NULL);
    expect_text(heard.claims, "\"sub", NULL);
    sgr_claims_unref(heard.claims);
    free(claims);
    free(token);
    sgr_verifier_free(verifier);
}

static void a_kid_chooses_among_keys(void **state) {
    struct sgr_token_key keys[] = {
        {.kind = SGR_KEY_SECRET, .text = SGR_SLICE("one " SECRET), .kid = "1"},
        {.kind = SGR_KEY_SECRET, .text = SGR_SLICE("two " SECRET), .kid = "2"}};
    struct sgr_verifier *verifier =
        verifier_of((struct sgr_token_rules){.keys = keys, .key_count = 2});
    struct signer two = {"HS256", .secret = SGR_SLICE("two " SECRET)};
    char *claims = claims_for("ann", "");
    char *named = make_token(&two, "2", claims), *unnamed = make_token(&two, NULL, claims);
    char *confused = make_token(&two, "1", claims), *unknown = make_token(&two, "3", claims);
    (void)state;
    expect_good(verifier, named, "ann");
    expect_good(verifier, unnamed, "ann");
    expect_refused(verifier, confused, "invalid_token", "signature");
    expect_refused(verifier, unknown, "invalid_token", "no key fits");
    free(claims);
    free(named);
    free(unnamed);
    free(confused);
    free(unknown);
    sgr_verifier_free(verifier);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_verify_hs256_hs384_hs512),
        cmocka_unit_test(rsa_keys_verify_rs_and_ps_as_pem_certificate_and_jwk),
        cmocka_unit_test(curves_verify_es256_es384_es512),
        cmocka_unit_test(ed25519_keys_verify_eddsa),
        cmocka_unit_test(a_key_takes_what_is_usual_for_it_if_nothing_is_said),
        cmocka_unit_test(one_secret_may_be_for_several_algorithms),
        cmocka_unit_test(rules_of_issuer_audience_claims_and_times_are_fulfilled),
        cmocka_unit_test(a_token_without_expiry_is_taken_only_if_that_was_said),
        cmocka_unit_test(claims_are_found_by_path_and_told_as_text),
        cmocka_unit_test(a_kid_chooses_among_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
