#include "token.h"

#include <jansson.h>

#include "percent.h"

/* ---- Opening ---- */

static int open_verifier(struct tokens *tokens, const char *secret, const char *claims,
                         bool without_expiry, struct sgr_verifier **ret, struct sgr_error *error) {
    const struct sgr_token_key key = {.kind = SGR_KEY_SECRET,
                                      .text = {secret, strlen(secret)},
                                      .algorithms = "HS256 HS384 HS512",
                                      .secret_minimum = 1};
    const struct sgr_token_rules rules = {.size = sizeof(rules),
                                          .keys = &key,
                                          .key_count = 1,
                                          .claims = claims,
                                          .type = "JWT",
                                          .without_expiry = without_expiry};
    return tokens->table->verifier(tokens->host, &rules, ret, error);
}

static int open_both(struct tokens *tokens, const char *secret, const char *claims,
                     struct sgr_error *error) {
    int code = open_verifier(tokens, secret, claims, true, &tokens->connecting, error);
    return code ? code : open_verifier(tokens, secret, claims, false, &tokens->joining, error);
}

/* NULL: it is no object. To be given back with json_decref. */
static json_t *read_claims(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (json_is_string(value)) {
        const char *inner = json_string_value(value);
        json_t *held = *inner ? json_loads(inner, JSON_REJECT_DUPLICATES, NULL) : json_object();
        json_decref(value);
        value = held;
    }
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

static int check_config(const struct token_options *options, struct sgr_error *error) {
    if (options->secret || options->claims)
        return sgr_error_set(error, SGR_ECONFIG,
                             "auth: tokens are those of the config's own auth, which says of its "
                             "keys and claims, so \"secret\" and \"claims\" can't stand beside it");
    return SGR_OK;
}

int tokens_check(const struct token_options *options, struct sgr_error *error) {
    if (!options->wanted)
        return SGR_OK;
    if (options->by_config)
        return check_config(options, error);
    if (!options->secret || !*options->secret)
        return sgr_error_set(
            error, SGR_ECONFIG,
            "secret: channels are secure, but there is no \"secret\" that tokens "
            "are signed with; give one, or say \"auth: true\" or \"secure: false\"");
    json_t *object = read_claims(options->claims ? options->claims : "{}");
    json_decref(object);
    return object ? SGR_OK
                  : sgr_error_set(error, SGR_ECONFIG,
                                  "claims: expected an object, such as {\"iss\": \"Issuer\"}");
}

int tokens_open(struct tokens *ret, const struct sgr_sink_host *table, void *host,
                const struct token_options *options, struct sgr_error *error) {
    *ret = (struct tokens){.table = table,
                           .host = host,
                           .wanted = options->wanted,
                           .scratch = sgr_text_new(&table->common, host)};
    if (!options->wanted)
        return SGR_OK;
    if (table->common.size <= offsetof(struct sgr_sink_host, claims_expiry))
        return sgr_error_set(error, SGR_EABI, "this server verifies no tokens for sinks");
    int code = tokens_check(options, error);
    if (code)
        return code;
    if (options->by_config) {
        code = table->verifier(host, NULL, &ret->connecting, error);
        ret->joining = ret->connecting;
        return code;
    }
    json_t *object = read_claims(options->claims ? options->claims : "{}");
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (!text)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    code = open_both(ret, options->secret, text, error);
    free(text);
    return code;
}

void tokens_free(struct tokens *tokens) {
    if (tokens->table)
        sgr_text_free(&tokens->scratch);
}

/* ---- Cleaning: what was escaped twice or broken into lines on its way was always taken ---- */

static struct sgr_slice clean(struct tokens *tokens, struct sgr_slice token) {
    struct sgr_text *text = &tokens->scratch;
    sgr_text_clear(text);
    for (size_t i = 0; i < token.size;) {
        char byte = percent_byte(token, &i);
        if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r')
            sgr_text_add(text, &byte, 1);
    }
    return (struct sgr_slice){text->data, text->failed ? 0 : text->size};
}

/* ---- Verifying ---- */

static struct token_verdict read_verdict(const struct tokens *tokens,
                                         const struct sgr_verdict *verdict) {
    struct token_verdict ret = {.why = "The token is not valid", .away = verdict->status >= 500};
    if (verdict->status == 0) {
        ret.expiry = tokens->table->claims_expiry(verdict->claims);
        ret.claims = token_claims(tokens, verdict->claims);
    } else if (verdict->code && strcmp(verdict->code, "token_expired") == 0)
        ret.why = "Token has expired";
    else if (verdict->message)
        ret.why = verdict->message;
    return ret;
}

struct judgement {
    const struct tokens *tokens;
    struct token_verdict verdict;
};

static void judged(void *data, const struct sgr_verdict *verdict) {
    struct judgement *judgement = data;
    judgement->verdict = read_verdict(judgement->tokens, verdict);
}

static const struct token_verdict none = {.why = "There is no token"};

/* The verdict comes at once but for keys that have yet to be fetched: then clients try again by themselves. */
static struct token_verdict verify(struct tokens *tokens, struct sgr_verifier *verifier,
                                   struct sgr_slice token) {
    struct judgement judgement = {
        .tokens = tokens, .verdict = {.why = "The keys of tokens are being fetched", .away = true}};
    if (!tokens->wanted)
        return (struct token_verdict){.expiry = INT64_MAX};
    if (!token.size)
        return none;
    struct sgr_verification *pending =
        tokens->table->verify(tokens->host, verifier, clean(tokens, token), judged, &judgement);
    if (pending)
        tokens->table->verify_cancel(pending);
    return judgement.verdict;
}

/* ---- Refreshing: who has a good token keeps it until the other one is known to be one, too ---- */

static void refreshed(void *data, const struct sgr_verdict *verdict) {
    struct token_refresh *refresh = data;
    const struct token_verdict own = read_verdict(refresh->tokens, verdict);
    refresh->pending = NULL;
    refresh->done(refresh->data, &own);
}

void token_refresh(struct token_refresh *refresh, struct tokens *tokens, struct sgr_slice token,
                   void (*done)(void *data, const struct token_verdict *verdict), void *data) {
    token_refresh_cancel(refresh);
    *refresh = (struct token_refresh){.tokens = tokens, .done = done, .data = data};
    if (!token.size) {
        done(data, &none);
        return;
    }
    struct sgr_verification *pending = tokens->table->verify(
        tokens->host, tokens->joining, clean(tokens, token), refreshed, refresh);
    if (pending)
        refresh->pending = pending; /* else it is told, and may be gone */
}

void token_refresh_cancel(struct token_refresh *refresh) {
    if (refresh->pending)
        refresh->tokens->table->verify_cancel(refresh->pending);
    refresh->pending = NULL;
}

/* ---- Connecting and joining ---- */

struct token_verdict token_connects(struct tokens *tokens, struct sgr_slice token) {
    return verify(tokens, tokens->connecting, token);
}

struct token_verdict token_joins(struct tokens *tokens, struct sgr_slice token) {
    return verify(tokens, tokens->joining, token);
}

struct sgr_claims *token_claims(const struct tokens *tokens, struct sgr_claims *claims) {
    return claims ? tokens->table->claims_ref(claims) : NULL;
}

void token_drop(const struct tokens *tokens, struct sgr_claims *claims) {
    if (claims)
        tokens->table->claims_unref(claims);
}

bool token_has_role(const struct tokens *tokens, const struct sgr_claims *claims,
                    const char *role) {
    struct sgr_bytes *own = claims ? tokens->table->claim(claims, "role") : NULL;
    bool yes = own && own->size == strlen(role) && memcmp(own->data, role, own->size) == 0;
    tokens->table->bytes_unref(own);
    return yes;
}

bool token_is_key(struct sgr_slice token) {
    return token.size >= 3 && memcmp(token.data, "sb_", 3) == 0;
}

struct sgr_slice token_of(const struct tokens *tokens, const struct sgr_request *request) {
    struct sgr_slice token = tokens->table->header(request, "x-api-key");
    if (!token.data)
        token = tokens->table->query(request, "apikey");
    if (!token.data)
        token = tokens->table->query(request, "token");
    return token;
}
