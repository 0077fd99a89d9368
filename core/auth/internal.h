/* What the files of core/auth share. */
#ifndef SGR_AUTH_INTERNAL_H
#define SGR_AUTH_INTERNAL_H

#include <openssl/evp.h>

#include "auth/auth.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/vector.h"

/* ---- base64.c ---- */

/* Strict base64url: no padding, no blanks, no bits left over. `to` has room for 3/4 of the text. False: malformed. */
bool sgr__base64url(struct sgr_slice text, unsigned char *to, size_t *ret_size);
/* Either alphabet, padded or not: what people write in configs. */
bool sgr__base64_any(struct sgr_slice text, unsigned char *to, size_t *ret_size);

/* ---- algorithm.c: what signs ---- */

enum sgr__family { SGR__HMAC, SGR__RSA, SGR__PSS, SGR__ECDSA, SGR__EDDSA };

struct sgr__algorithm {
    const char *name;
    enum sgr__family family;
    const char *digest; /* NULL: the algorithm's own */
    size_t bits;        /* ECDSA: of the curve */
};

extern const struct sgr__algorithm sgr__algorithms[];
extern const size_t sgr__algorithm_count;
/* Its bit in sets of algorithms; 0: unknown. */
uint32_t sgr__algorithm_bit(const char *name);
/* The names behind the bits, "HS256, HS384". */
void sgr__algorithm_names(uint32_t set, struct sgr_buffer *out);

/* ---- key.c ---- */

struct sgr__key {
    EVP_PKEY *public; /* NULL: a secret */
    unsigned char *secret;
    size_t secret_size;
    uint32_t algorithms; /* of one family that fits the key */
    char *kid;           /* NULL: any */
};

void sgr__key_fini(struct sgr__key *key);
/* `algorithms`: 0: what the key implies. SGR_ECONFIG. */
int sgr__key_secret(struct sgr_slice secret, uint32_t algorithms, size_t minimum,
                    struct sgr__key *ret, struct sgr_error *error);
int sgr__key_pem(struct sgr_slice text, uint32_t algorithms, struct sgr__key *ret,
                 struct sgr_error *error);
/* SGR_EUNSUPPORTED: not for us (another use, an unknown kind). `secrets`: whether kind oct is taken. */
int sgr__key_jwk(const json_t *jwk, uint32_t algorithms, bool secrets, struct sgr__key *ret,
                 struct sgr_error *error);
/* The family and size must fit; 0 stands for what is usual. Takes the key over, also when it fails. */
int sgr__key_public(EVP_PKEY *public, uint32_t algorithms, struct sgr__key *ret,
                    struct sgr_error *error);
bool sgr__key_verifies(const struct sgr__key *key, const struct sgr__algorithm *algorithm,
                       struct sgr_slice text, struct sgr_slice signature);

/* ---- jwks.c ---- */

/* Appends the set's keys that are for us; others are left out. None at all is an error. On failure nothing is appended. */
int sgr__jwks_read(struct sgr_slice text, uint32_t algorithms, bool secrets,
                   struct sgr_vector *keys, struct sgr_error *error);

/* ---- token.c ---- */

/* An unverified token, in parts. */
struct sgr__token {
    const struct sgr__algorithm *algorithm;
    uint32_t bit;
    const char *kid;                     /* NULL: none; the header's */
    struct sgr_slice text;               /* what is signed; the token's */
    struct sgr_slice signature, payload; /* decoded */
    json_t *header;
    unsigned char *decoded;
};

/* Why not; NULL: fine. Then, and else too, sgr__token_fini. */
const char *sgr__token_read(struct sgr_slice text, const char *type, struct sgr__token *ret);
void sgr__token_fini(struct sgr__token *token);
/* Duplicate members and deep nesting are refused. NULL: malformed. */
json_t *sgr__json_object(struct sgr_slice text);

/* ---- claims.c ---- */

/* Takes the tree over if it succeeds. */
struct sgr_claims *sgr__claims_new(json_t *tree, int64_t expiry,
                                   const struct sgr_verifier *verifier);

/* ---- fetch.c: a set of keys, from a URL by the owner's client, from a file by a thread of its own ---- */

struct sgr__fetch;

/* NULL: no thread or memory. `done` is called when it is over: on that thread, as its last act, or on the verifier's. */
struct sgr__fetch *sgr__fetch_start(const struct sgr_verifier_owner *owner, const char *url,
                                    void (*done)(void *data), void *data);
bool sgr__fetch_over(const struct sgr__fetch *fetch);
/* Waits for its end, or breaks it off. Text is the caller's (free) if it succeeded, else NULL and the error set. */
char *sgr__fetch_finish(struct sgr__fetch *fetch, size_t *ret_size, struct sgr_error *error);
/* A file's text, at most so much; NULL and the error set. free() it. */
char *sgr__file_read(const char *path, size_t limit, size_t *ret_size, struct sgr_error *error);

#endif
