/* Who may connect and join: tokens that a secret has signed, as the protocol has them. */
#ifndef SINKS_SUPABASE_TOKEN_H
#define SINKS_SUPABASE_TOKEN_H

#include <sangre/sink.h>
#include <sangre/text.h>

struct tokens {
    const struct sgr_sink_host *table;
    void *host;
    bool wanted;
    struct sgr_verifier *connecting; /* a token that never expires is fine */
    struct sgr_verifier *joining;
    struct sgr_text scratch;
};

/* Which tokens are good. */
struct token_options {
    bool wanted;
    bool by_config;     /* those that the config's own `auth` takes; else by: */
    const char *secret; /* that has signed them */
    /* A JSON object, or a JSON string that holds one; each member must be in a token, and equal. NULL: none. */
    const char *claims;
};

/* SGR_ECONFIG. */
int tokens_check(const struct token_options *options, struct sgr_error *error);
/* Of what was checked. */
int tokens_open(struct tokens *ret, const struct sgr_sink_host *table, void *host,
                const struct token_options *options, struct sgr_error *error);
void tokens_free(struct tokens *tokens);

struct token_verdict {
    int64_t expiry;  /* microseconds since 1970, or INT64_MAX; 0: it is refused */
    const char *why; /* then: for people, a literal */
    bool away;       /* then: its keys cannot be had now, so another time it may be good */
    struct sgr_claims *claims; /* what a good one says; counted. NULL: tokens are not wanted */
};

/* Data NULL: there is none. */
struct token_verdict token_connects(struct tokens *tokens, struct sgr_slice token);
struct token_verdict token_joins(struct tokens *tokens, struct sgr_slice token);

/* A token on its way to take the place of another one; zeroed at first. */
struct token_refresh {
    struct tokens *tokens;
    struct sgr_verification *pending; /* waits for keys; NULL: nothing does */
    void (*done)(void *data, const struct token_verdict *verdict);
    void *data;
};
/* `done` is called once, at once or when its keys are there; it takes the claims, and may end what the refresh is of. An earlier one that waits is
 * forgotten. */
void token_refresh(struct token_refresh *refresh, struct tokens *tokens, struct sgr_slice token,
                   void (*done)(void *data, const struct token_verdict *verdict), void *data);
void token_refresh_cancel(struct token_refresh *refresh);

/* Claims, in one's own name; NULL is fine. */
struct sgr_claims *token_claims(const struct tokens *tokens, struct sgr_claims *claims);
void token_drop(const struct tokens *tokens, struct sgr_claims *claims);

/* Whether they name this role. That every page has is ROLE_ANYBODY. */
#define ROLE_ANYBODY "anon"
#define ROLE_BACKEND "service_role"
bool token_has_role(const struct tokens *tokens, const struct sgr_claims *claims, const char *role);

/* Whether it is no token, but one of the keys that Supabase gives to browsers, which clients of the second era send where a token is expected. */
bool token_is_key(struct sgr_slice token);

/* The one a request comes with. */
struct sgr_slice token_of(const struct tokens *tokens, const struct sgr_request *request);

#endif
