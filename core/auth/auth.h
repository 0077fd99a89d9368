/* Tokens: who a client is, by a signed JWT. One verifier holds keys and what else a token must fulfil; all sinks ask it.
 *
 * The key decides the algorithm, never the token. Nothing of a token is used before its signature holds, but its header's `alg` and `kid`,
 * which only choose among keys that fit them. Sizes and nesting are limited before anything is allocated. Messages quote nothing of a
 * token or a key, so they can be logged and sent.
 *
 * A verifier belongs to one thread. Keys behind a URL are fetched by its owner's client, those of a file by a thread of their own, and
 * verifications that need them wait; the owner is woken and calls sgr_verifier_serve.
 */
#ifndef SGR_AUTH_AUTH_H
#define SGR_AUTH_AUTH_H

#include <jansson.h>
#include <sangre/sink.h>

#include "base/buffer.h"
#include "plan/plan.h"

enum {
    SGR_TOKEN_LIMIT = 8192, /* bytes of a token */
    SGR_TOKEN_DEPTH = 32,   /* of objects and arrays within each other */
    SGR_KEYS_LIMIT = 64,    /* of one set */
};

/* ---- Claims: what a verified token says. Immutable, counted, of any thread. ---- */

struct sgr_claims *sgr_claims_ref(struct sgr_claims *claims);
void sgr_claims_unref(struct sgr_claims *claims); /* NULL is fine */
/* Microseconds since 1970 until which it counts, the leeway included; INT64_MAX: for ever. */
int64_t sgr_claims_expiry(const struct sgr_claims *claims);
/* Whether it was this verifier that the token was good for. */
bool sgr_claims_are_by(const struct sgr_claims *claims, const struct sgr_verifier *verifier);
const json_t *sgr_claims_tree(const struct sgr_claims *claims);
/* By its path (base/claim_path.h); NULL: there is none. Null is a value. */
const json_t *sgr_claims_find(const struct sgr_claims *claims, const char *path);
/* A claim as the text of a parameter: strings as they are, numbers and truth values as JSON writes them, a list as an array's text. False:
 * none, null, an object, or a list of such. */
bool sgr_claims_text(const struct sgr_claims *claims, const char *path, struct sgr_buffer *out);

/* ---- Verifiers ---- */

/* Keys are parsed and files are read here. SGR_ECONFIG, and *ret_key (may be NULL) the index of the key at fault or SIZE_MAX. */
int sgr_verifier_new(const struct sgr_token_rules *given, struct sgr_verifier **ret,
                     size_t *ret_key, struct sgr_error *error);
/* What waits is forgotten, its `done` is not called. NULL is fine. */
void sgr_verifier_free(struct sgr_verifier *verifier);
/* What a verifier needs of its owner; lives longer than it. */
struct sgr_verifier_owner {
    void (*wake)(void *data); /* any thread; sgr_verifier_serve must follow on the verifier's own */
    void *data;
    const struct sgr_client_methods *client; /* calls back on the verifier's thread */
    void *host;                              /* the client's first argument */
};

/* Begins to fetch what keys are away. */
void sgr_verifier_start(struct sgr_verifier *verifier, const struct sgr_verifier_owner *owner);
void sgr_verifier_serve(struct sgr_verifier *verifier);

/* Whether the same token may fare better later: keys are away, or it begins to count only then. */
bool sgr_verdict_passes(const struct sgr_verdict *verdict);

/* `done` is called once: from within the call (NULL is returned then), or later from sgr_verifier_serve. The token is borrowed. */
struct sgr_verification *
sgr_verifier_verify(struct sgr_verifier *verifier, struct sgr_slice token,
                    void (*done)(void *data, const struct sgr_verdict *verdict), void *data);
/* `done` will not be called. */
void sgr_verification_cancel(struct sgr_verification *verification);

/* The verifier of a config's `auth:`. Errors name the place. */
int sgr_auth_verifier(const struct sgr_plan_auth *auth, struct sgr_verifier **ret,
                      struct sgr_error *error);
/* Keys (their kinds, never themselves), rules, and the views that ask for tokens, a line each. Nothing if there are none. */
void sgr_auth_explain(const struct sgr_plan_server *server, struct sgr_buffer *out);

#endif
