/* Keys: from a secret, a PEM text or a JWK to something that verifies. A key says which algorithms it takes, and they fit its kind. */
#include "auth/internal.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { RSA_BITS = 2048, RSA_BITS_MOST = 16384, HMAC_LEAST = 32, KEY_BYTES = 4096 };

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory for a key");
}

void sgr__key_fini(struct sgr__key *key) {
    EVP_PKEY_free(key->public);
    if (key->secret)
        OPENSSL_clear_free(key->secret, key->secret_size);
    free(key->kid);
    *key = (struct sgr__key){0};
}

/* ---- Which algorithms ---- */

static uint32_t bits_of(enum sgr__family family, size_t curve_bits) {
    uint32_t set = 0;
    for (size_t i = 0; i < sgr__algorithm_count; i++)
        if (sgr__algorithms[i].family == family &&
            (family != SGR__ECDSA || sgr__algorithms[i].bits == curve_bits))
            set |= 1u << i;
    return set;
}

/* `fitting`: what a key of this kind can do; `usual`: what it does if nothing else was said. */
static int choose(uint32_t wanted, uint32_t fitting, uint32_t usual, const char *kind,
                  uint32_t *ret, struct sgr_error *error) {
    if (!(wanted & ~fitting)) {
        *ret = wanted ? wanted : usual;
        return SGR_OK;
    }
    struct sgr_buffer names = SGR_BUFFER_INIT;
    sgr__algorithm_names(fitting, &names);
    sgr_error_set(error, SGR_ECONFIG, "%s is for %s", kind, sgr_buffer_text(&names));
    sgr_buffer_fini(&names);
    return SGR_ECONFIG;
}

/* ---- Secrets ---- */

int sgr__key_secret(struct sgr_slice secret, uint32_t algorithms, size_t minimum,
                    struct sgr__key *ret, struct sgr_error *error) {
    uint32_t set;
    minimum = minimum ? minimum : HMAC_LEAST;
    if (secret.size < minimum)
        return sgr_error_set(error, SGR_ECONFIG,
                             "the secret has %zu bytes: it needs %zu, or it can be guessed",
                             secret.size, minimum);
    int code = choose(algorithms, bits_of(SGR__HMAC, 0), sgr__algorithm_bit("HS256"), "a secret",
                      &set, error);
    if (code)
        return code;
    unsigned char *copy = OPENSSL_memdup(secret.data, secret.size);
    if (!copy)
        return out_of_memory(error);
    *ret = (struct sgr__key){.secret = copy, .secret_size = secret.size, .algorithms = set};
    return SGR_OK;
}

/* ---- Public keys ---- */

static size_t curve_of(EVP_PKEY *public) {
    static const struct {
        const char *name;
        size_t bits;
    } curves[] = {{"prime256v1", 256}, {"P-256", 256},     {"secp384r1", 384},
                  {"P-384", 384},      {"secp521r1", 521}, {"P-521", 521}};
    char name[64];
    size_t size;
    if (!EVP_PKEY_get_group_name(public, name, sizeof(name), &size))
        return 0;
    for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
        if (strcmp(curves[i].name, name) == 0)
            return curves[i].bits;
    return 0;
}

static int rsa_algorithms(EVP_PKEY *public, uint32_t wanted, uint32_t *ret,
                          struct sgr_error *error) {
    int bits = EVP_PKEY_get_bits(public);
    uint32_t rsa = bits_of(SGR__RSA, 0), pss = bits_of(SGR__PSS, 0);
    bool only_pss = EVP_PKEY_is_a(public, "RSA-PSS");
    if (bits < RSA_BITS || bits > RSA_BITS_MOST)
        return sgr_error_set(error, SGR_ECONFIG, "the RSA key has %d bits: it needs %d", bits,
                             RSA_BITS);
    return choose(wanted, only_pss ? pss : rsa | pss,
                  sgr__algorithm_bit(only_pss ? "PS256" : "RS256"), "an RSA key", ret, error);
}

static int public_algorithms(EVP_PKEY *public, uint32_t wanted, uint32_t *ret,
                             struct sgr_error *error) {
    if (EVP_PKEY_is_a(public, "RSA") || EVP_PKEY_is_a(public, "RSA-PSS"))
        return rsa_algorithms(public, wanted, ret, error);
    if (EVP_PKEY_is_a(public, "EC")) {
        uint32_t set = bits_of(SGR__ECDSA, curve_of(public));
        if (!set)
            return sgr_error_set(error, SGR_ECONFIG,
                                 "the key's curve is none of P-256, P-384 and P-521");
        return choose(wanted, set, set, "a key on this curve", ret, error);
    }
    if (EVP_PKEY_is_a(public, "ED25519")) {
        uint32_t set = bits_of(SGR__EDDSA, 0);
        return choose(wanted, set, set, "an Ed25519 key", ret, error);
    }
    return sgr_error_set(error, SGR_ECONFIG, "the key is none of RSA, EC and Ed25519");
}

static bool sound(EVP_PKEY *public) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);
    bool good = context && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

int sgr__key_public(EVP_PKEY *public, uint32_t algorithms, struct sgr__key *ret,
                    struct sgr_error *error) {
    uint32_t set;
    int code = public_algorithms(public, algorithms, &set, error);
    if (!code && !sound(public))
        code = sgr_error_set(error, SGR_ECONFIG, "the key is not a sound one");
    if (code)
        EVP_PKEY_free(public);
    else
        *ret = (struct sgr__key){.public = public, .algorithms = set};
    return code;
}

static bool contains(struct sgr_slice text, const char *part) {
    size_t size = strlen(part);
    for (size_t i = 0; i + size <= text.size; i++)
        if (memcmp(text.data + i, part, size) == 0)
            return true;
    return false;
}

static EVP_PKEY *read_certificate(BIO *bio) {
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *public = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return public;
}

static EVP_PKEY *read_public(BIO *bio) {
    EVP_PKEY *public = NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
        &public, "PEM", NULL, NULL, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, NULL, NULL);
    if (!decoder || !OSSL_DECODER_from_bio(decoder, bio)) {
        EVP_PKEY_free(public);
        public = NULL;
    }
    OSSL_DECODER_CTX_free(decoder);
    return public;
}

int sgr__key_pem(struct sgr_slice text, uint32_t algorithms, struct sgr__key *ret,
                 struct sgr_error *error) {
    if (contains(text, "PRIVATE KEY"))
        return sgr_error_set(error, SGR_ECONFIG,
                             "this is a private key: give the public one, which is all that is "
                             "needed here");
    BIO *bio = text.size < INT32_MAX ? BIO_new_mem_buf(text.data, (int)text.size) : NULL;
    if (!bio)
        return out_of_memory(error);
    EVP_PKEY *public =
        contains(text, "BEGIN CERTIFICATE") ? read_certificate(bio) : read_public(bio);
    BIO_free(bio);
    if (!public)
        return sgr_error_set(error, SGR_ECONFIG,
                             "no public key or certificate in PEM form (-----BEGIN PUBLIC KEY----- "
                             "or -----BEGIN CERTIFICATE-----)");
    return sgr__key_public(public, algorithms, ret, error);
}

/* ---- JWK ---- */

static const char *member(const json_t *jwk, const char *name) {
    return json_string_value(json_object_get(jwk, name));
}

/* A member in base64url; false: missing, malformed or too long. */
static bool bytes_of(const json_t *jwk, const char *name, unsigned char to[KEY_BYTES],
                     size_t *ret_size) {
    struct sgr_slice text = sgr_slice(member(jwk, name));
    return text.size && text.size <= KEY_BYTES && sgr__base64url(text, to, ret_size);
}

static EVP_PKEY *make(const char *kind, OSSL_PARAM_BLD *builder) {
    EVP_PKEY *made = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    if (!parameters || !context || EVP_PKEY_fromdata_init(context) <= 0 ||
        EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
        made = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return made;
}

static EVP_PKEY *make_rsa(const json_t *jwk) {
    unsigned char n[KEY_BYTES], e[KEY_BYTES];
    size_t n_size, e_size;
    if (!bytes_of(jwk, "n", n, &n_size) || !bytes_of(jwk, "e", e, &e_size) || e_size > 8)
        return NULL;
    BIGNUM *modulus = BN_bin2bn(n, (int)n_size, NULL), *exponent = BN_bin2bn(e, (int)e_size, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *made = NULL;
    if (modulus && exponent && builder &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
        made = make("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return made;
}

static EVP_PKEY *make_ec(const json_t *jwk) {
    static const struct {
        const char *name;
        size_t size;
    } curves[] = {{"P-256", 32}, {"P-384", 48}, {"P-521", 66}};
    unsigned char point[1 + 2 * KEY_BYTES] = {4};
    const char *name = member(jwk, "crv");
    size_t x, y;
    for (size_t i = 0; name && i < 3; i++) {
        size_t size = curves[i].size;
        if (strcmp(curves[i].name, name) != 0 || !bytes_of(jwk, "x", point + 1, &x) || x != size ||
            !bytes_of(jwk, "y", point + 1 + size, &y) || y != size)
            continue;
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        EVP_PKEY *made = NULL;
        if (builder &&
            OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) &&
            OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size))
            made = make("EC", builder);
        OSSL_PARAM_BLD_free(builder);
        return made;
    }
    return NULL;
}

static EVP_PKEY *make_okp(const json_t *jwk) {
    unsigned char x[KEY_BYTES];
    size_t size;
    const char *curve = member(jwk, "crv");
    if (!curve || strcmp(curve, "Ed25519") != 0 || !bytes_of(jwk, "x", x, &size) || size != 32)
        return NULL;
    return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x, size);
}

static int secret_jwk(const json_t *jwk, uint32_t algorithms, struct sgr__key *ret,
                      struct sgr_error *error) {
    unsigned char secret[KEY_BYTES];
    size_t size;
    if (!bytes_of(jwk, "k", secret, &size))
        return sgr_error_set(error, SGR_ECONFIG, "a key of kind oct has no proper k");
    int code = sgr__key_secret((struct sgr_slice){(char *)secret, size}, algorithms, 0, ret, error);
    OPENSSL_cleanse(secret, sizeof(secret));
    return code;
}

/* For signatures, as far as it says. */
static bool verifies(const json_t *jwk) {
    const char *use = member(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops"), *operation;
    size_t i;
    if (use && strcmp(use, "sig") != 0)
        return false;
    if (!operations)
        return true;
    json_array_foreach(operations, i, operation) {
        const char *name = json_string_value(operation);
        if (name && strcmp(name, "verify") == 0)
            return true;
    }
    return false;
}

/* `alg` narrows what the config allows. 0: nothing is left. */
static bool narrow(const json_t *jwk, uint32_t *algorithms) {
    const char *name = member(jwk, "alg");
    uint32_t bit = name ? sgr__algorithm_bit(name) : 0;
    if (!name)
        return true;
    *algorithms = *algorithms ? *algorithms & bit : bit;
    return *algorithms != 0;
}

int sgr__key_jwk(const json_t *jwk, uint32_t algorithms, bool secrets, struct sgr__key *ret,
                 struct sgr_error *error) {
    const char *kind = member(jwk, "kty"), *kid = member(jwk, "kid");
    EVP_PKEY *public = NULL;
    int code = SGR_EUNSUPPORTED;
    if (!kind || !verifies(jwk) || !narrow(jwk, &algorithms))
        return sgr_error_set(error, SGR_EUNSUPPORTED, "a key that verifies nothing for us");
    if (strcmp(kind, "RSA") == 0)
    public = make_rsa(jwk);
    else if (strcmp(kind, "EC") == 0) public = make_ec(jwk);
    else if (strcmp(kind, "OKP") == 0) public = make_okp(jwk);
    if (public)
        code = sgr__key_public(public, algorithms, ret, error);
    else if (strcmp(kind, "oct") == 0 && secrets)
        code = secret_jwk(jwk, algorithms, ret, error);
    else
        sgr_error_set(error, code, "a key of a kind that is not known here, or malformed");
    if (!code && kid && !(ret->kid = strdup(kid))) {
        sgr__key_fini(ret);
        code = out_of_memory(error);
    }
    return code;
}

/* ---- Verifying ---- */

static bool hmac_verifies(const struct sgr__key *key, const struct sgr__algorithm *algorithm,
                          struct sgr_slice text, struct sgr_slice signature) {
    unsigned char expected[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (!EVP_Q_mac(NULL, "HMAC", NULL, algorithm->digest, NULL, key->secret, key->secret_size,
                   (const unsigned char *)text.data, text.size, expected, sizeof(expected), &size))
        return false;
    return size == signature.size && CRYPTO_memcmp(expected, signature.data, size) == 0;
}

/* r and s side by side become the form that OpenSSL reads. */
static unsigned char *signature_der(size_t curve_bits, struct sgr_slice signature, int *ret_size) {
    size_t half = (curve_bits + 7) / 8;
    const unsigned char *from = (const unsigned char *)signature.data;
    unsigned char *der = NULL;
    if (signature.size != 2 * half)
        return NULL;
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(from, (int)half, NULL), *s = BN_bin2bn(from + half, (int)half, NULL);
    if (both && r && s && ECDSA_SIG_set0(both, r, s)) {
        *ret_size = i2d_ECDSA_SIG(both, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(both);
    return der;
}

static bool pad_pss(EVP_PKEY_CTX *context) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static bool public_verifies(const struct sgr__key *key, const struct sgr__algorithm *algorithm,
                            struct sgr_slice text, struct sgr_slice signature) {
    EVP_PKEY_CTX *how = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit_ex(context, &how, algorithm->digest, NULL, NULL,
                                                   key->public, NULL) == 1;
    if (good && algorithm->family == SGR__PSS)
        good = pad_pss(how);
    good = good && EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.size,
                                    (const unsigned char *)text.data, text.size) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

bool sgr__key_verifies(const struct sgr__key *key, const struct sgr__algorithm *algorithm,
                       struct sgr_slice text, struct sgr_slice signature) {
    int size = 0;
    if (algorithm->family == SGR__HMAC)
        return key->secret && hmac_verifies(key, algorithm, text, signature);
    if (!key->public || algorithm->family != SGR__ECDSA)
        return key->public && public_verifies(key, algorithm, text, signature);
    unsigned char *der = signature_der(algorithm->bits, signature, &size);
    bool good =
        der && size > 0 &&
        public_verifies(key, algorithm, text, (struct sgr_slice){(const char *)der, (size_t)size});
    OPENSSL_free(der);
    return good;
}
