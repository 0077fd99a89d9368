/* Who sent a request, and on whose behalf a connection is: a token, verified when the first thing is asked that needs it.
 *
 * A token comes in the header Authorization: Bearer, in the parameter of the address or the cookie that the config names, and for a connection
 * by `authenticate`. A cookie counts for pages of our own origin only, as browsers send it along for every page. Whoever needs the verdict while
 * keys are being fetched is held until it is there. */
#include "net/internal.h"

#include <stdlib.h>
#include <strings.h>

/* ---- Making and ending ---- */

static struct sgr__identity *identity_new(struct sgr_server *server) {
    struct sgr__identity *identity = calloc(1, sizeof(*identity));
    if (!identity)
        return NULL;
    identity->server = server;
    sgr_list_init(&identity->held);
    return identity;
}

static void forget_token(struct sgr__identity *identity) {
    free(identity->token);
    identity->token = NULL;
}

void sgr__identity_free(struct sgr__identity *identity) {
    if (!identity)
        return;
    if (identity->waiting)
        sgr_verification_cancel(identity->waiting);
    SGR_LIST_EACH(link, &identity->held)
    sgr__guard_enter(SGR_CONTAINER(link, struct sgr__guard, waiting), NULL);
    sgr_claims_unref(identity->claims);
    forget_token(identity);
    free(identity);
}

/* ---- Reading ---- */

static struct sgr_slice trimmed(struct sgr_slice text) {
    while (text.size && *text.data == ' ')
        text.data++, text.size--;
    while (text.size && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

/* Of another scheme: none of ours. */
static struct sgr_slice bearer_token(struct sgr_slice header) {
    if (header.size < 7 || strncasecmp(header.data, "bearer ", 7) != 0)
        return (struct sgr_slice){NULL, 0};
    return trimmed((struct sgr_slice){header.data + 7, header.size - 7});
}

static struct sgr_slice cookie_token(struct sgr_slice header, const char *name) {
    size_t name_size = strlen(name);
    while (header.size) {
        const char *end = memchr(header.data, ';', header.size);
        size_t size = end ? (size_t)(end - header.data) : header.size;
        struct sgr_slice pair = trimmed((struct sgr_slice){header.data, size});
        if (pair.size > name_size && pair.data[name_size] == '=' &&
            memcmp(pair.data, name, name_size) == 0)
            return (struct sgr_slice){pair.data + name_size + 1, pair.size - name_size - 1};
        size += end != NULL;
        header = (struct sgr_slice){header.data + size, header.size - size};
    }
    return header;
}

bool sgr__identity_query(struct sgr_request *request, struct sgr_slice name,
                         struct sgr_slice value) {
    const struct sgr_plan_auth *auth = request->server->options.auth;
    if (!auth || !auth->query || !sgr_slice_is(name, auth->query))
        return false;
    request->query_tokens++;
    request->query_token = value;
    return true;
}

/* What is said in so many words counts before a cookie, which a browser sends unasked. */
static struct sgr_slice find_token(struct sgr_request *request, unsigned *ret_count) {
    const struct sgr_plan_auth *auth = request->server->options.auth;
    struct sgr_slice token = bearer_token(sgr__request_header(request, "authorization"));
    *ret_count = request->query_tokens + (token.data != NULL);
    if (!token.data)
        token = request->query_token;
    if (!*ret_count && auth->cookie && !request->cross_origin) {
        token = cookie_token(sgr__request_header(request, "cookie"), auth->cookie);
        *ret_count = token.data && token.size;
    }
    return token;
}

int sgr__identity_read(struct sgr_request *request) {
    unsigned count = 0;
    if (!request->server->options.auth)
        return SGR_OK;
    struct sgr_slice token = find_token(request, &count);
    if (!count)
        return SGR_OK;
    struct sgr__identity *identity = request->identity = identity_new(request->server);
    if (!identity)
        return SGR_ENOMEM;
    request->had_token = true;
    if (count > 1) {
        identity->refusal = (struct sgr_verdict){
            .status = 400, .code = "two_tokens", .message = "the request has more than one token"};
        return SGR_OK;
    }
    if (token.size > SGR_TOKEN_LIMIT) {
        identity->refusal = (struct sgr_verdict){
            .status = 401, .code = "invalid_token", .message = "the token is too long"};
        return SGR_OK;
    }
    identity->size = token.size;
    identity->token = sgr_slice_copy(token);
    return identity->token ? SGR_OK : SGR_ENOMEM;
}

/* ---- Verifying ---- */

static void release_held(struct sgr__identity *identity) {
    SGR_LIST_EACH(link, &identity->held) {
        sgr_list_remove(link);
        sgr__guard_enter(SGR_CONTAINER(link, struct sgr__guard, waiting), identity);
    }
}

static void set_claims(struct sgr__identity *identity, struct sgr_claims *claims) {
    struct sgr_claims *old = identity->claims;
    identity->claims = claims ? sgr_claims_ref(claims) : NULL;
    sgr_claims_unref(old);
    if (identity->connection)
        sgr__guards_renew(identity->connection);
}

/* A later token that is refused leaves the earlier one in force. One that only time stands in the way of is judged again for whoever asks next. */
static void on_judged(void *data, const struct sgr_verdict *verdict) {
    struct sgr__identity *identity = data;
    struct sgr_connection *connection = identity->connection;
    void (*done)(struct sgr_connection * connection, void *data,
                 const struct sgr_verdict *verdict) = identity->done;
    identity->waiting = NULL;
    identity->verifying = false;
    identity->done = NULL;
    if (!sgr_verdict_passes(verdict))
        forget_token(identity);
    sgr__enter(identity->server);
    if (verdict->claims)
        set_claims(identity, verdict->claims);
    identity->refusal = *verdict;
    identity->refusal.claims = NULL;
    release_held(identity);
    if (done)
        done(connection, connection->data, verdict);
    sgr__leave(identity->server);
}

static void verify(struct sgr__identity *identity, struct sgr_slice token) {
    identity->verifying = true;
    struct sgr_verification *waiting =
        sgr_verifier_verify(identity->server->verifier, token, on_judged, identity);
    if (identity->verifying)
        identity->waiting = waiting;
}

bool sgr__identity_known(struct sgr__identity *identity) {
    if (identity->token && !identity->verifying)
        verify(identity, (struct sgr_slice){identity->token, identity->size});
    return !identity->verifying;
}

/* ---- A connection's later tokens ---- */

static const struct sgr_verdict signed_out = {.status = 0, .code = "none", .message = "no token"};
static const struct sgr_verdict replaced = {.status = 401,
                                            .code = "replaced",
                                            .message =
                                                "another token came before this one was verified"};
static const struct sgr_verdict unknown = {
    .status = 400, .code = "no_auth", .message = "tokens are not configured here"};
static const struct sgr_verdict memory = {
    .status = 503, .code = "out_of_memory", .message = "out of memory"};

static void stop_verifying(struct sgr__identity *identity) {
    void (*done)(struct sgr_connection * connection, void *data,
                 const struct sgr_verdict *verdict) = identity->done;
    forget_token(identity);
    if (identity->waiting)
        sgr_verification_cancel(identity->waiting);
    identity->waiting = NULL;
    identity->verifying = false;
    identity->done = NULL;
    if (done)
        done(identity->connection, identity->connection->data, &replaced);
}

static void sign_out(struct sgr__identity *identity) {
    identity->refusal = (struct sgr_verdict){0};
    set_claims(identity, NULL);
    release_held(identity);
}

void sgr__authenticate(struct sgr_connection *connection, struct sgr_slice token,
                       void (*done)(struct sgr_connection *connection, void *data,
                                    const struct sgr_verdict *verdict)) {
    struct sgr_server *server = connection->server;
    if (!connection->identity && server->verifier)
        connection->identity = identity_new(server);
    struct sgr__identity *identity = connection->identity;
    const struct sgr_verdict *verdict = !server->verifier ? &unknown
                                        : !identity       ? &memory
                                        : !token.data     ? &signed_out
                                                          : NULL;
    if (identity) {
        identity->connection = connection;
        stop_verifying(identity);
    }
    if (verdict == &signed_out)
        sign_out(identity);
    if (verdict) {
        if (done)
            done(connection, connection->data, verdict);
        return;
    }
    identity->done = done;
    verify(identity, token);
}
