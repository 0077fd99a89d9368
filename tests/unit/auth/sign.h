/* For tests of tokens: keys and tokens as an issuer makes them. Whatever fails fails the test. */
#ifndef UNIT_AUTH_SIGN_H
#define UNIT_AUTH_SIGN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "base/slice.h"

#define SECRET "a secret of at least thirty-two bytes"

/* ---- Texts ---- */

static inline char *encode(const void *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = data;
    char *text = calloc(1, size * 4 / 3 + 8), *to = text;
    uint32_t bits = 0;
    unsigned held = 0;
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | from[i];
        for (held += 8; held >= 6; held -= 6)
            *to++ = digits[bits >> (held - 6) & 63];
    }
    if (held)
        *to++ = digits[bits << (6 - held) & 63];
    return text;
}

__attribute__((format(printf, 1, 2))) static inline char *text_of(const char *format, ...) {
    char *text;
    va_list args;
    va_start(args, format);
    assert_true(vasprintf(&text, format, args) >= 0);
    va_end(args);
    return text;
}

/* ---- Keys ---- */

static inline EVP_PKEY *make_rsa(size_t bits) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
    assert_non_null(key);
    return key;
}

static inline EVP_PKEY *make_ec(const char *curve) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    assert_non_null(key);
    return key;
}

static inline EVP_PKEY *make_ed25519(void) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(key);
    return key;
}

static inline char *bio_text(BIO *bio) {
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    char *text = calloc(1, (size_t)size + 1); /* strndup may look one byte beyond the size */
    assert_non_null(text);
    memcpy(text, data, (size_t)size);
    BIO_free(bio);
    return text;
}

static inline char *public_pem(EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    return bio_text(bio);
}

static inline char *private_pem(EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    return bio_text(bio);
}

static inline char *certificate_pem(EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    X509_free(certificate);
    return bio_text(bio);
}

static inline char *number_member(EVP_PKEY *key, const char *name, int size) {
    BIGNUM *number = NULL;
    unsigned char bytes[1024];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    size = size ? size : BN_num_bytes(number);
    assert_int_equal(BN_bn2binpad(number, bytes, size), size);
    BN_free(number);
    return encode(bytes, (size_t)size);
}

/* `more`: further members with a comma in front, or "". */
static inline char *jwk_rsa(EVP_PKEY *key, const char *more) {
    char *n = number_member(key, OSSL_PKEY_PARAM_RSA_N, 0);
    char *e = number_member(key, OSSL_PKEY_PARAM_RSA_E, 0);
    char *jwk = text_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", n, e, more);
    free(n);
    free(e);
    return jwk;
}

static inline char *jwk_ec(EVP_PKEY *key, const char *curve, int size, const char *more) {
    char *x = number_member(key, OSSL_PKEY_PARAM_EC_PUB_X, size);
    char *y = number_member(key, OSSL_PKEY_PARAM_EC_PUB_Y, size);
    char *jwk =
        text_of("{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s}", curve, x, y, more);
    free(x);
    free(y);
    return jwk;
}

static inline char *jwk_ed25519(EVP_PKEY *key, const char *more) {
    unsigned char bytes[32];
    size_t size = sizeof(bytes);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, bytes, &size), 1);
    char *x = encode(bytes, size);
    char *jwk = text_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s}", x, more);
    free(x);
    return jwk;
}

/* ---- Signatures ---- */

static inline const char *digest_of(const char *algorithm) {
    return strstr(algorithm, "512")   ? "SHA512"
           : strstr(algorithm, "384") ? "SHA384"
           : strstr(algorithm, "256") ? "SHA256"
                                      : NULL;
}

static inline size_t sign_hmac(const char *algorithm, struct sgr_slice secret, const char *text,
                               unsigned char *to) {
    size_t size = 0;
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, digest_of(algorithm), NULL, secret.data,
                              secret.size, (const unsigned char *)text, strlen(text), to, 1024,
                              &size));
    return size;
}

static inline size_t raw_ecdsa(EVP_PKEY *key, unsigned char *signature, size_t size) {
    const unsigned char *from = signature;
    int half = (EVP_PKEY_get_bits(key) + 7) / 8;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &from, (long)size);
    assert_non_null(both);
    unsigned char raw[256];
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(both), raw, half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(both), raw + half, half), half);
    memcpy(signature, raw, 2 * (size_t)half);
    ECDSA_SIG_free(both);
    return 2 * (size_t)half;
}

/* `der`: leaves an ECDSA signature as OpenSSL makes it. */
static inline size_t sign_public(const char *algorithm, EVP_PKEY *key, const char *text, bool der,
                                 unsigned char *to) {
    size_t size = 1024;
    EVP_PKEY_CTX *how;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(
        EVP_DigestSignInit_ex(context, &how, digest_of(algorithm), NULL, NULL, key, NULL), 1);
    if (algorithm[0] == 'P') {
        EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
    }
    assert_int_equal(EVP_DigestSign(context, to, &size, (const unsigned char *)text, strlen(text)),
                     1);
    EVP_MD_CTX_free(context);
    return algorithm[0] == 'E' && algorithm[1] == 'S' && !der ? raw_ecdsa(key, to, size) : size;
}

struct signer {
    const char *algorithm;
    EVP_PKEY *key;
    struct sgr_slice secret; /* without a key */
    bool der;
};

/* The header as it is given. */
static inline char *make_token_of(const struct signer *signer, const char *header,
                                  const char *payload) {
    unsigned char signature[1024];
    char *first = encode(header, strlen(header)), *second = encode(payload, strlen(payload));
    char *text = text_of("%s.%s", first, second);
    size_t size = signer->key
                      ? sign_public(signer->algorithm, signer->key, text, signer->der, signature)
                      : sign_hmac(signer->algorithm, signer->secret, text, signature);
    char *third = encode(signature, size), *token = text_of("%s.%s", text, third);
    free(first);
    free(second);
    free(third);
    free(text);
    return token;
}

static inline char *make_token(const struct signer *signer, const char *kid, const char *payload) {
    char *header =
        kid ? text_of("{\"typ\":\"JWT\",\"alg\":\"%s\",\"kid\":\"%s\"}", signer->algorithm, kid)
            : text_of("{\"alg\":\"%s\",\"typ\":\"JWT\"}", signer->algorithm);
    char *token = make_token_of(signer, header, payload);
    free(header);
    return token;
}

/* Claims that are good for an hour; `more` with a comma in front, or "". */
static inline char *claims_for(const char *subject, const char *more) {
    return text_of("{\"sub\":\"%s\",\"exp\":%lld%s}", subject, (long long)time(NULL) + 3600, more);
}

/* ---- Verdicts ---- */

struct heard {
    int calls;
    struct sgr_verdict verdict;
    struct sgr_claims *claims;
};

static inline void hear(void *data, const struct sgr_verdict *verdict) {
    struct heard *heard = data;
    heard->calls++;
    heard->verdict = *verdict;
    heard->claims = verdict->claims ? sgr_claims_ref(verdict->claims) : NULL;
}

static inline struct sgr_verifier *verifier_of(struct sgr_token_rules rules) {
    struct sgr_verifier *verifier;
    struct sgr_error error = {0};
    rules.size = sizeof(rules);
    if (sgr_verifier_new(&rules, &verifier, NULL, &error))
        fail_msg("%s", error.message);
    return verifier;
}

static inline struct sgr_verifier *verifier_with(struct sgr_token_key key) {
    return verifier_of((struct sgr_token_rules){.keys = &key, .key_count = 1});
}

static inline struct sgr_verifier *secret_verifier(struct sgr_token_rules rules) {
    struct sgr_token_key key = {.kind = SGR_KEY_SECRET, .text = SGR_SLICE(SECRET)};
    rules.keys = &key;
    rules.key_count = 1;
    return verifier_of(rules);
}

/* At once; NULL: good. The reason's message otherwise. */
static inline const char *judge_at_once(struct sgr_verifier *verifier, struct sgr_slice token,
                                        struct heard *ret) {
    *ret = (struct heard){0};
    assert_null(sgr_verifier_verify(verifier, token, hear, ret));
    assert_int_equal(ret->calls, 1);
    assert_true(ret->claims ? ret->verdict.status == 0 : ret->verdict.status != 0);
    return ret->claims ? NULL : ret->verdict.message;
}

static inline void expect_good(struct sgr_verifier *verifier, const char *token,
                               const char *subject) {
    struct heard heard;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    const char *why = judge_at_once(verifier, sgr_slice(token), &heard);
    if (why)
        fail_msg("%s: %s", why, token);
    assert_true(sgr_claims_text(heard.claims, "sub", &text));
    assert_string_equal(sgr_buffer_text(&text), subject);
    sgr_buffer_fini(&text);
    sgr_claims_unref(heard.claims);
}

static inline void expect_refused(struct sgr_verifier *verifier, const char *token,
                                  const char *code, const char *part) {
    struct heard heard;
    const char *why = judge_at_once(verifier, sgr_slice(token), &heard);
    if (!why) {
        fail_msg("taken: %s", token);
        return; /* which gcc does not know fail_msg never lets happen */
    }
    assert_string_equal(heard.verdict.code, code);
    assert_int_equal(heard.verdict.status, 401);
    if (!strstr(why, part))
        fail_msg("%s, not: %s", why, part);
}

#endif
