/* What sinks are given for tokens of their own protocols: verifiers, and claims without a JSON library. */
#include "net/internal.h"

#include <stdlib.h>

/* ---- Verifiers ---- */

static int keep_verifier(struct sgr_server *server, struct sgr_verifier *verifier,
                         struct sgr_error *error) {
    if (!sgr_vector_push(&server->verifiers, &verifier))
        return SGR_OK;
    sgr_verifier_free(verifier);
    return sgr_error_set(error, SGR_ENOMEM, "out of memory for a verifier");
}

int sgr__verifiers_open(struct sgr_server *server, struct sgr_error *error) {
    struct sgr_verifier *verifier;
    if (!server->options.auth)
        return SGR_OK;
    int code = sgr_auth_verifier(server->options.auth, &verifier, error);
    if (!code)
        code = keep_verifier(server, verifier, error);
    if (!code)
        server->verifier = verifier;
    return code;
}

static void fetched(void *data) {
    struct sgr_server *server = data;
    ev_async_send(server->loop, &server->keys_fetched);
}

static struct sgr_verifier *verifier_at(struct sgr_server *server, size_t i) {
    return *SGR_VECTOR_AT(&server->verifiers, struct sgr_verifier *, i);
}

static void serve(struct ev_loop *loop, ev_async *watcher, int events) {
    struct sgr_server *server = watcher->data;
    (void)loop;
    (void)events;
    sgr__enter(server);
    for (size_t i = 0; i < server->verifiers.count; i++)
        sgr_verifier_serve(verifier_at(server, i));
    sgr__leave(server);
}

static struct sgr_http *ask(void *host, const struct sgr_http_request *request,
                            void (*done)(void *data, const struct sgr_http_answer *answer),
                            void *data) {
    struct sgr_server *server = host;
    return sgr_client_http(server->client, server, request, done, data);
}

static const struct sgr_client_methods client_table = {.http = ask,
                                                       .http_cancel = sgr_client_http_cancel};

void sgr__verifiers_start(struct sgr_server *server) {
    server->verifier_owner = (struct sgr_verifier_owner){
        .wake = fetched, .data = server, .client = &client_table, .host = server};
    ev_async_init(&server->keys_fetched, serve);
    server->keys_fetched.data = server;
    ev_async_start(server->loop, &server->keys_fetched);
    for (size_t i = 0; i < server->verifiers.count; i++)
        sgr_verifier_start(verifier_at(server, i), &server->verifier_owner);
}

void sgr__verifiers_close(struct sgr_server *server) {
    for (size_t i = 0; i < server->verifiers.count; i++)
        sgr_verifier_free(verifier_at(server, i));
    sgr_vector_fini(&server->verifiers);
    server->verifier = NULL;
    ev_async_stop(server->loop, &server->keys_fetched);
}

/* ---- The host table's part ---- */

int sgr__host_verifier(void *host, const struct sgr_token_rules *rules, struct sgr_verifier **ret,
                       struct sgr_error *error) {
    struct sgr__sink *sink = host;
    struct sgr_server *server = sink->server;
    if (sink->opened)
        return sgr_error_set(error, SGR_EINVAL, "verifiers are made in open only");
    if (!rules && !server->verifier)
        return sgr_error_set(error, SGR_ENOTFOUND,
                             "the config has no auth: { keys: […] } to verify tokens with");
    if (!rules) {
        *ret = server->verifier;
        return SGR_OK;
    }
    struct sgr_verifier *verifier;
    int code = sgr_verifier_new(rules, &verifier, NULL, error);
    if (!code)
        code = keep_verifier(server, verifier, error);
    if (!code)
        *ret = verifier;
    return code;
}

struct sgr_verification *
sgr__host_verify(void *host, struct sgr_verifier *verifier, struct sgr_slice token,
                 void (*done)(void *data, const struct sgr_verdict *verdict), void *data) {
    (void)host;
    return sgr_verifier_verify(verifier, token, done, data);
}

static struct sgr_bytes *json_bytes(const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    struct sgr_bytes *bytes = text ? sgr_bytes_new(text, strlen(text)) : NULL;
    free(text);
    return bytes;
}

struct sgr_bytes *sgr__host_claim(const struct sgr_claims *claims, const char *path) {
    const json_t *value = *path ? sgr_claims_find(claims, path) : sgr_claims_tree(claims);
    if (!value || json_is_null(value))
        return NULL;
    if (json_is_string(value))
        return sgr_bytes_new(json_string_value(value), json_string_length(value));
    return json_bytes(value);
}
