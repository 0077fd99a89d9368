/* Verifiers: keys, rules, and tokens that wait for keys.
 *
 * A set of keys from a URL or file is kept until it is older than `refresh`; then, and when a token names a key that no set has, it is
 * fetched again while the old keys go on to count. Fetches are rationed, or whoever invents key names would have us ask without end. */
#include "auth/internal.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"

enum { RATION = 3, RATION_SECONDS = 30, WAITING_LIMIT = 1000, CANDIDATES = 16 };

#define SECOND INT64_C(1000000)

struct set {
    struct sgr_verifier *verifier;
    char *url;
    bool secrets; /* kind oct is taken: not from elsewhere */
    bool have;
    uint32_t algorithms;
    int64_t refresh;
    struct sgr_vector keys; /* of struct sgr__key */
    struct sgr__fetch *fetch;
    int64_t fetched, ration_at; /* monotonic */
    unsigned ration;
};

struct sgr_verifier {
    struct sgr_vector keys; /* of struct sgr__key */
    struct sgr_vector sets; /* of struct set * */
    char **issuers, **audiences;
    size_t issuer_count, audience_count;
    json_t *claims;
    char *type;
    int64_t leeway;
    bool without_expiry;
    struct sgr_list waiting;
    size_t waiting_count;
    const struct sgr_verifier_owner *owner; /* NULL: it has not started */
};

struct sgr_verification {
    struct sgr_list link;
    struct sgr_verifier *verifier;
    char *token;
    size_t size;
    void (*done)(void *data, const struct sgr_verdict *verdict);
    void *data;
};

static int64_t clock_now(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

/* ---- Verdicts ---- */

static struct sgr_verdict refused(const char *message) {
    return (struct sgr_verdict){.status = 401, .code = "invalid_token", .message = message};
}

static struct sgr_verdict unavailable(const char *message) {
    return (struct sgr_verdict){.status = 503, .code = "keys_unavailable", .message = message};
}

static const char not_yet[] = "the token is not valid yet";

bool sgr_verdict_passes(const struct sgr_verdict *verdict) {
    return verdict->status >= 500 || verdict->message == not_yet;
}

/* ---- Rules ---- */

/* Microseconds; what is beyond the calendar stays beyond it. */
static bool read_time(const json_t *value, int64_t *ret) {
    double seconds = json_is_number(value) ? json_number_value(value) : 0;
    if (!json_is_number(value) || seconds != seconds)
        return false;
    if (seconds > 1e12)
        seconds = 1e12;
    if (seconds < -1e12)
        seconds = -1e12;
    *ret = (int64_t)(seconds * 1e6);
    return true;
}

static const char *check_times(const struct sgr_verifier *verifier, const json_t *tree,
                               int64_t *ret_expiry, bool *ret_expired) {
    const json_t *exp = json_object_get(tree, "exp"), *nbf = json_object_get(tree, "nbf");
    int64_t now = clock_now(CLOCK_REALTIME), at;
    *ret_expiry = INT64_MAX;
    if (!exp && !verifier->without_expiry)
        return "the token has no exp";
    if (exp && !read_time(exp, &at))
        return "the token's exp is not a number";
    if (exp)
        *ret_expiry = at + verifier->leeway;
    *ret_expired = exp && now >= *ret_expiry;
    if (*ret_expired)
        return "the token has expired";
    if (nbf && !read_time(nbf, &at))
        return "the token's nbf is not a number";
    if (nbf && now + verifier->leeway < at)
        return not_yet;
    return NULL;
}

static bool listed(const json_t *value, char *const *list, size_t count) {
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static bool audience_fits(const struct sgr_verifier *verifier, const json_t *value) {
    size_t i;
    const json_t *item;
    if (listed(value, verifier->audiences, verifier->audience_count))
        return true;
    json_array_foreach(value, i, item) {
        if (listed(item, verifier->audiences, verifier->audience_count))
            return true;
    }
    return false;
}

static const char *check_claims(const struct sgr_verifier *verifier, const json_t *tree) {
    const char *name;
    json_t *wanted;
    if (verifier->issuer_count &&
        !listed(json_object_get(tree, "iss"), verifier->issuers, verifier->issuer_count))
        return "the token is of another issuer";
    if (verifier->audience_count && !audience_fits(verifier, json_object_get(tree, "aud")))
        return "the token is for another audience";
    json_object_foreach(verifier->claims, name, wanted) {
        if (!json_equal(json_object_get(tree, name), wanted))
            return "the token's claims are not those that are asked for";
    }
    return NULL;
}

/* A signed payload. */
static struct sgr_verdict judge(const struct sgr_verifier *verifier, struct sgr_slice payload) {
    int64_t expiry;
    bool expired = false;
    json_t *tree = sgr__json_object(payload);
    const char *why = tree ? check_times(verifier, tree, &expiry, &expired)
                           : "the token's claims are not a JSON object";
    if (!why)
        why = check_claims(verifier, tree);
    struct sgr_claims *claims = why ? NULL : sgr__claims_new(tree, expiry, verifier);
    if (claims)
        return (struct sgr_verdict){.claims = claims};
    json_decref(tree);
    if (!why)
        return unavailable("out of memory");
    struct sgr_verdict verdict = refused(why);
    if (expired)
        verdict.code = "token_expired";
    return verdict;
}

/* ---- Keys that fit ---- */

struct attempt {
    const struct sgr__token *token;
    unsigned tried;
    bool named; /* a key has the token's kid, whatever it is for */
};

static bool kid_fits(const struct sgr__key *key, const struct sgr__token *token) {
    return !key->kid || !token->kid || strcmp(key->kid, token->kid) == 0;
}

static bool any_verifies(const struct sgr_vector *keys, struct attempt *attempt) {
    const struct sgr__token *token = attempt->token;
    for (size_t i = 0; i < keys->count; i++) {
        const struct sgr__key *key = SGR_VECTOR_AT(keys, struct sgr__key, i);
        if (!kid_fits(key, token))
            continue;
        attempt->named |= key->kid && token->kid;
        if (!(key->algorithms & token->bit) || attempt->tried++ >= CANDIDATES)
            continue;
        if (sgr__key_verifies(key, token->algorithm, token->text, token->signature))
            return true;
    }
    return false;
}

static struct set *set_at(const struct sgr_verifier *verifier, size_t i) {
    return *SGR_VECTOR_AT(&verifier->sets, struct set *, i);
}

static bool complete(const struct sgr_verifier *verifier) {
    for (size_t i = 0; i < verifier->sets.count; i++)
        if (!set_at(verifier, i)->have)
            return false;
    return true;
}

static bool signature_holds(const struct sgr_verifier *verifier, struct attempt *attempt) {
    bool good = any_verifies(&verifier->keys, attempt);
    for (size_t i = 0; !good && i < verifier->sets.count; i++)
        good = any_verifies(&set_at(verifier, i)->keys, attempt);
    return good;
}

/* *ret_missing: a set that is fetched anew may have the key. */
static struct sgr_verdict examine(const struct sgr_verifier *verifier, struct sgr_slice text,
                                  bool *ret_missing) {
    struct sgr__token token;
    struct sgr_verdict verdict;
    struct attempt attempt = {.token = &token};
    const char *why = sgr__token_read(text, verifier->type, &token);
    *ret_missing = false;
    if (why) {
        verdict = refused(why);
    } else if (signature_holds(verifier, &attempt)) {
        verdict = judge(verifier, token.payload);
    } else {
        *ret_missing = !attempt.named && (token.kid || !attempt.tried || !complete(verifier));
        verdict = refused(attempt.tried ? "the token's signature fits no key"
                                        : "no key fits the token's algorithm and kid");
    }
    sgr__token_fini(&token);
    return verdict;
}

/* ---- Fetching ---- */

static void fetched(void *data) {
    struct sgr_verifier *verifier = data;
    verifier->owner->wake(verifier->owner->data);
}

static bool take_ration(struct set *set) {
    int64_t now = clock_now(CLOCK_MONOTONIC);
    int64_t earned = (now - set->ration_at) / (RATION_SECONDS * SECOND);
    if (earned > 0 || !set->ration_at) {
        int64_t sum = set->ration_at ? set->ration + earned : RATION;
        set->ration = sum > RATION ? RATION : (unsigned)sum;
        set->ration_at = now;
    }
    if (!set->ration)
        return false;
    set->ration--;
    return true;
}

/* Whether one is under way. */
static bool fetch(struct set *set) {
    struct sgr_verifier *verifier = set->verifier;
    if (!set->fetch && verifier->owner && take_ration(set))
        set->fetch = sgr__fetch_start(verifier->owner, set->url, fetched, verifier);
    return set->fetch;
}

static bool fetch_missing(struct sgr_verifier *verifier) {
    bool any = false;
    for (size_t i = 0; i < verifier->sets.count; i++)
        any |= fetch(set_at(verifier, i));
    return any;
}

static void refresh_old(struct sgr_verifier *verifier) {
    int64_t now = verifier->sets.count ? clock_now(CLOCK_MONOTONIC) : 0;
    for (size_t i = 0; i < verifier->sets.count; i++) {
        struct set *set = set_at(verifier, i);
        if (set->have && now - set->fetched > set->refresh)
            fetch(set);
    }
}

static void keys_fini(struct sgr_vector *keys) {
    for (size_t i = 0; i < keys->count; i++)
        sgr__key_fini(SGR_VECTOR_AT(keys, struct sgr__key, i));
    sgr_vector_fini(keys);
}

static int set_take(struct set *set, struct sgr_slice text, struct sgr_error *error) {
    struct sgr_vector keys = SGR_VECTOR_INIT(struct sgr__key);
    int code = sgr__jwks_read(text, set->algorithms, set->secrets, &keys, error);
    if (code)
        return code;
    keys_fini(&set->keys);
    set->keys = keys;
    set->have = true;
    set->fetched = clock_now(CLOCK_MONOTONIC);
    return SGR_OK;
}

/* A path is told whole; of a URL, whose user, query and path may be secrets, where it goes: https://user:secret@host/secret?secret is https://host. */
static void label(const char *url, char *ret, size_t size) {
    const char *scheme = strstr(url, "://");
    if (!scheme) {
        snprintf(ret, size, "%s", url);
        return;
    }
    const char *host = scheme + 3, *end = host + strcspn(host, "/?#");
    for (const char *at = host; at < end; at++)
        if (*at == '@')
            host = at + 1;
    snprintf(ret, size, "%.*s%.*s", (int)(scheme + 3 - url), url, (int)(end - host), host);
}

static void set_serve(struct set *set) {
    struct sgr_error error = {0};
    size_t size = 0;
    if (!set->fetch || !sgr__fetch_over(set->fetch))
        return;
    char *text = sgr__fetch_finish(set->fetch, &size, &error), from[512];
    set->fetch = NULL;
    label(set->url, from, sizeof(from));
    if (text && !set_take(set, (struct sgr_slice){text, size}, &error))
        sgr_log(SGR_LOG_INFO, "auth", "keys fetched url=%s count=%zu", from, set->keys.count);
    else
        sgr_log_error(SGR_LOG_WARN, "auth", &error, "keys could not be fetched url=%s", from);
    free(text);
}

/* ---- Waiting ---- */

static bool fetching(const struct sgr_verifier *verifier) {
    for (size_t i = 0; i < verifier->sets.count; i++)
        if (set_at(verifier, i)->fetch)
            return true;
    return false;
}

static void verification_free(struct sgr_verification *verification) {
    sgr_list_remove(&verification->link);
    verification->verifier->waiting_count--;
    free(verification->token);
    free(verification);
}

static void tell(void (*done)(void *data, const struct sgr_verdict *verdict), void *data,
                 struct sgr_verdict verdict) {
    done(data, &verdict);
    sgr_claims_unref(verdict.claims);
}

static struct sgr_verification *
wait_for_keys(struct sgr_verifier *verifier, struct sgr_slice token,
              void (*done)(void *data, const struct sgr_verdict *verdict), void *data) {
    struct sgr_verification *verification = calloc(1, sizeof(*verification));
    char *copy = verification ? sgr_slice_copy(token) : NULL;
    if (!copy) {
        free(verification);
        return NULL;
    }
    *verification = (struct sgr_verification){
        .verifier = verifier, .token = copy, .size = token.size, .done = done, .data = data};
    sgr_list_append(&verifier->waiting, &verification->link);
    verifier->waiting_count++;
    return verification;
}

struct sgr_verification *
sgr_verifier_verify(struct sgr_verifier *verifier, struct sgr_slice token,
                    void (*done)(void *data, const struct sgr_verdict *verdict), void *data) {
    bool missing;
    refresh_old(verifier);
    struct sgr_verdict verdict = examine(verifier, token, &missing);
    if (missing && verifier->waiting_count < WAITING_LIMIT && fetch_missing(verifier)) {
        struct sgr_verification *waiting = wait_for_keys(verifier, token, done, data);
        if (waiting)
            return waiting;
    }
    if (missing && !complete(verifier))
        verdict = unavailable("the keys that tokens are verified with cannot be fetched now");
    tell(done, data, verdict);
    return NULL;
}

void sgr_verification_cancel(struct sgr_verification *verification) {
    verification_free(verification);
}

static void try_again(struct sgr_verification *verification) {
    struct sgr_verifier *verifier = verification->verifier;
    bool missing;
    struct sgr_verdict verdict =
        examine(verifier, (struct sgr_slice){verification->token, verification->size}, &missing);
    if (missing && fetching(verifier))
        return;
    if (missing && !complete(verifier))
        verdict = unavailable("the keys that tokens are verified with cannot be fetched now");
    void (*done)(void *data, const struct sgr_verdict *verdict) = verification->done;
    void *data = verification->data;
    verification_free(verification);
    tell(done, data, verdict);
}

/* What `done` cancels or adds must not disturb: each is moved back before it is tried. */
void sgr_verifier_serve(struct sgr_verifier *verifier) {
    struct sgr_list now;
    for (size_t i = 0; i < verifier->sets.count; i++)
        set_serve(set_at(verifier, i));
    sgr_list_init(&now);
    while (!sgr_list_empty(&verifier->waiting)) {
        struct sgr_list *first = verifier->waiting.next;
        sgr_list_remove(first);
        sgr_list_append(&now, first);
    }
    while (!sgr_list_empty(&now)) {
        struct sgr_list *first = now.next;
        sgr_list_remove(first);
        sgr_list_append(&verifier->waiting, first);
        try_again(SGR_CONTAINER(first, struct sgr_verification, link));
    }
}

void sgr_verifier_start(struct sgr_verifier *verifier, const struct sgr_verifier_owner *owner) {
    verifier->owner = owner;
    for (size_t i = 0; i < verifier->sets.count; i++)
        if (!set_at(verifier, i)->have)
            fetch(set_at(verifier, i));
}

/* ---- Making ---- */

static bool copy_list(const char *const *from, size_t count, char ***ret, size_t *ret_count) {
    *ret = calloc(count + 1, sizeof(**ret));
    for (*ret_count = 0; *ret && *ret_count < count; ++*ret_count)
        if (!((*ret)[*ret_count] = strdup(from[*ret_count])))
            return false;
    return *ret;
}

static int read_algorithms(const char *names, uint32_t *ret, struct sgr_error *error) {
    char name[16];
    *ret = 0;
    for (const char *at = names; at && *at;) {
        size_t size = strcspn(at, " ,");
        snprintf(name, sizeof(name), "%.*s", size < 15 ? (int)size : 15, at);
        uint32_t bit = sgr__algorithm_bit(name);
        if (size && !bit)
            return sgr_error_set(error, SGR_ECONFIG, "unknown algorithm \"%s\"", name);
        *ret |= bit;
        at += size + strspn(at + size, " ,");
    }
    return SGR_OK;
}

/* A file is read at once, so that a mistake in it is found at the start. */
static int read_set_file(struct set *set, struct sgr_error *error) {
    size_t size;
    char *text = sgr__file_read(set->url, 256 * 1024, &size, error);
    int code = text ? set_take(set, (struct sgr_slice){text, size}, error) : SGR_ECONFIG;
    free(text);
    return code;
}

static int check_url(const char *url, struct sgr_error *error) {
    if (strncmp(url, "https://", 8) == 0)
        return SGR_OK;
    if (strncmp(url, "http://", 7) != 0)
        return sgr_error_set(error, SGR_ECONFIG, "the URL of a set of keys begins with https://");
    if (strncmp(url, "http://localhost", 16) != 0 && strncmp(url, "http://127.", 11) != 0 &&
        strncmp(url, "http://[::1]", 12) != 0)
        sgr_log(SGR_LOG_WARN, "auth",
                "keys come over http without TLS: whoever can change them can be anybody");
    return SGR_OK;
}

static int add_set(struct sgr_verifier *verifier, const struct sgr_token_key *key,
                   uint32_t algorithms, struct sgr_error *error) {
    struct set *set = calloc(1, sizeof(*set));
    if (!set || sgr_vector_push(&verifier->sets, &set)) {
        free(set);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for keys");
    }
    *set = (struct set){.verifier = verifier,
                        .url = sgr_slice_copy(key->text),
                        .secrets = key->kind == SGR_KEY_JWKS_FILE,
                        .algorithms = algorithms,
                        .refresh = key->refresh > 0 ? key->refresh : 3600 * SECOND,
                        .keys = SGR_VECTOR_INIT(struct sgr__key)};
    if (!set->url)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for keys");
    return set->secrets ? read_set_file(set, error) : check_url(set->url, error);
}

static int add_one(struct sgr_verifier *verifier, const struct sgr_token_key *from,
                   uint32_t algorithms, struct sgr_error *error) {
    struct sgr__key key = {0};
    int code = from->kind == SGR_KEY_PEM
                   ? sgr__key_pem(from->text, algorithms, &key, error)
                   : sgr__key_secret(from->text, algorithms, from->secret_minimum, &key, error);
    if (!code && from->kid && !(key.kid = strdup(from->kid)))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for keys");
    if (!code)
        code = sgr_vector_push(&verifier->keys, &key)
                   ? sgr_error_set(error, SGR_ENOMEM, "out of memory for keys")
                   : SGR_OK;
    if (code)
        sgr__key_fini(&key);
    return code;
}

static int add_key(struct sgr_verifier *verifier, const struct sgr_token_key *key,
                   struct sgr_error *error) {
    uint32_t algorithms;
    int code = read_algorithms(key->algorithms, &algorithms, error);
    if (code)
        return code;
    switch (key->kind) {
    case SGR_KEY_SECRET:
    case SGR_KEY_PEM:
        return add_one(verifier, key, algorithms, error);
    case SGR_KEY_JWKS:
        return sgr__jwks_read(key->text, algorithms, true, &verifier->keys, error);
    case SGR_KEY_JWKS_FILE:
    case SGR_KEY_JWKS_URL:
        return add_set(verifier, key, algorithms, error);
    }
    return sgr_error_set(error, SGR_EINVAL, "an unknown kind of key");
}

static int copy_rules(struct sgr_verifier *verifier, const struct sgr_token_rules *rules,
                      struct sgr_error *error) {
    verifier->leeway = rules->leeway;
    verifier->without_expiry = rules->without_expiry;
    if (rules->claims && !(verifier->claims = sgr__json_object(sgr_slice(rules->claims))))
        return sgr_error_set(error, SGR_ECONFIG, "claims is a JSON object of names and values");
    if (rules->type && !(verifier->type = strdup(rules->type)))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for rules");
    if (!copy_list(rules->issuers, rules->issuer_count, &verifier->issuers,
                   &verifier->issuer_count) ||
        !copy_list(rules->audiences, rules->audience_count, &verifier->audiences,
                   &verifier->audience_count))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for rules");
    return SGR_OK;
}

int sgr_verifier_new(const struct sgr_token_rules *given, struct sgr_verifier **ret,
                     size_t *ret_key, struct sgr_error *error) {
    struct sgr_token_rules rules = {0};
    struct sgr_verifier *verifier = calloc(1, sizeof(*verifier));
    size_t bad = SIZE_MAX;
    if (!verifier)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a verifier");
    memcpy(&rules, given, given->size < sizeof(rules) ? given->size : sizeof(rules));
    verifier->keys = SGR_VECTOR_INIT(struct sgr__key);
    verifier->sets = SGR_VECTOR_INIT(struct set *);
    sgr_list_init(&verifier->waiting);
    int code = copy_rules(verifier, &rules, error);
    if (!code && !rules.key_count)
        code = sgr_error_set(error, SGR_ECONFIG, "tokens cannot be verified without a key");
    for (size_t i = 0; !code && i < rules.key_count; i++)
        if ((code = add_key(verifier, &rules.keys[i], error)))
            bad = i;
    if (code) {
        sgr_verifier_free(verifier);
        if (ret_key)
            *ret_key = bad;
        return code;
    }
    *ret = verifier;
    return SGR_OK;
}

static void set_free(struct set *set) {
    size_t size;
    if (set->fetch)
        free(sgr__fetch_finish(set->fetch, &size, NULL));
    keys_fini(&set->keys);
    free(set->url);
    free(set);
}

static void list_free(char **list, size_t count) {
    for (size_t i = 0; list && i < count; i++)
        free(list[i]);
    free(list);
}

void sgr_verifier_free(struct sgr_verifier *verifier) {
    if (!verifier)
        return;
    SGR_LIST_EACH(link, &verifier->waiting)
    verification_free(SGR_CONTAINER(link, struct sgr_verification, link));
    for (size_t i = 0; i < verifier->sets.count; i++)
        set_free(set_at(verifier, i));
    sgr_vector_fini(&verifier->sets);
    keys_fini(&verifier->keys);
    list_free(verifier->issuers, verifier->issuer_count);
    list_free(verifier->audiences, verifier->audience_count);
    json_decref(verifier->claims);
    free(verifier->type);
    free(verifier);
}
