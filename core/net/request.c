/* Requests: from libwebsockets' parsed headers to a sink's route, and an answer back.
 *
 * A sink may answer at any time later. The request therefore outlives its socket: when the client leaves it only loses its peer, and the
 * answer frees it. What is read from headers is copied into the request's arena, for libwebsockets drops them early. An upgrade is the
 * exception: its handshake goes on when the route's function returns, so that must accept or answer it. */
#define _GNU_SOURCE
#include "net/internal.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/utf8.h"
#include "net/origin.h"

enum { EXTENSIONS_LIMIT = 255 };

/* ---- Reading ---- */

static struct lws *request_wsi(const struct sgr_request *request) {
    return request->peer ? request->peer->wsi : NULL;
}

static struct sgr_slice keep(const struct sgr_request *request, const char *data, size_t size) {
    char *copy = sgr_arena_copy(request->arena, (struct sgr_slice){data, size});
    return (struct sgr_slice){copy, copy ? size : 0};
}

static struct sgr_slice copy_token(const struct sgr_request *request,
                                   enum lws_token_indexes token) {
    struct lws *wsi = request_wsi(request);
    int size = lws_hdr_total_length(wsi, token);
    char *copy = size > 0 ? sgr_arena_alloc(request->arena, (size_t)size + 1) : NULL;
    if (!copy || lws_hdr_copy(wsi, copy, size + 1, token) < 0)
        return (struct sgr_slice){NULL, 0};
    return (struct sgr_slice){copy, (size_t)size};
}

static struct sgr_slice copy_custom(const struct sgr_request *request, const char *name_colon) {
    struct lws *wsi = request_wsi(request);
    int name_size = (int)strlen(name_colon);
    int size = lws_hdr_custom_length(wsi, name_colon, name_size);
    char *copy = size >= 0 ? sgr_arena_alloc(request->arena, (size_t)size + 1) : NULL;
    if (!copy || lws_hdr_custom_copy(wsi, copy, size + 1, name_colon, name_size) < 0)
        return (struct sgr_slice){NULL, 0};
    return (struct sgr_slice){copy, (size_t)size};
}

struct sgr_slice sgr__request_header(const struct sgr_request *request, const char *name) {
    char name_colon[128];
    if (!request_wsi(request) || strlen(name) + 2 > sizeof(name_colon))
        return (struct sgr_slice){NULL, 0};
    snprintf(name_colon, sizeof(name_colon), "%s:", name);
    for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
        const char *known = (const char *)lws_token_to_string((enum lws_token_indexes)token);
        if (known && strcmp(known, name_colon) == 0)
            return copy_token(request, (enum lws_token_indexes)token);
    }
    return copy_custom(request, name_colon);
}

static int add_pair(struct sgr_request *request, const char *text, size_t size) {
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals ? (size_t)(equals - text) : size;
    struct sgr__pair pair = {keep(request, text, name_size),
                             equals ? keep(request, equals + 1, size - name_size - 1)
                                    : keep(request, "", 0)};
    if (!pair.name.data || !pair.value.data)
        return SGR_ENOMEM;
    if (sgr__identity_query(request, pair.name, pair.value))
        return SGR_OK;
    return sgr_vector_push(&request->pairs, &pair);
}

/* libwebsockets has split at & and decoded already. */
static int read_query(struct sgr_request *request) {
    char *text = request->server->scratch;
    for (int i = 0;; i++) {
        int size = lws_hdr_copy_fragment(request_wsi(request), text, SGR__CHUNK,
                                         WSI_TOKEN_HTTP_URI_ARGS, i);
        if (size < 0)
            return SGR_OK;
        if (size && add_pair(request, text, (size_t)size))
            return SGR_ENOMEM;
    }
}

static enum sgr__method method_of(int lws_method) {
    switch (lws_method) {
    case LWSHUMETH_GET:
        return SGR__GET;
    case LWSHUMETH_HEAD:
        return SGR__HEAD;
    case LWSHUMETH_POST:
        return SGR__POST;
    case LWSHUMETH_OPTIONS:
        return SGR__OPTIONS;
    default:
        return SGR__OTHER;
    }
}

static void read_origin(struct sgr_request *request) {
    const struct sgr_plan_server *options = &request->server->options;
    request->origin = sgr__request_header(request, "origin");
    request->cross_origin =
        request->origin.data &&
        !sgr__origin_same(request->origin, sgr__request_header(request, "host"));
    request->origin_allowed =
        request->cross_origin &&
        sgr__origin_listed(request->origin, options->origins, options->origin_count);
}

/* Belongs to the peer from here on. NULL: no memory. */
static struct sgr_request *request_new(struct sgr__peer *peer) {
    struct sgr_request *request = calloc(1, sizeof(*request));
    if (!request)
        return NULL;
    char *uri = NULL;
    int uri_size = 0;
    request->server = peer->server;
    request->peer = peer;
    request->arena = sgr_arena_new();
    request->pairs = SGR_VECTOR_INIT(struct sgr__pair);
    request->body.limit = peer->server->options.message_limit;
    sgr_list_append(&peer->server->requests, &request->link);
    peer->request = request;
    request->method = method_of(lws_http_get_uri_and_method(peer->wsi, &uri, &uri_size));
    if (request->arena && uri)
        request->path = keep(request, uri, (size_t)uri_size);
    if (!request->path.data || read_query(request)) {
        sgr__request_free(request);
        return NULL;
    }
    read_origin(request);
    if (sgr__identity_read(request)) {
        sgr__request_free(request);
        return NULL;
    }
    return request;
}

void sgr__request_free(struct sgr_request *request) {
    sgr_list_remove(&request->link);
    if (request->peer && request->peer->request == request)
        request->peer->request = NULL;
    sgr__identity_free(request->identity);
    sgr_vector_fini(&request->pairs);
    sgr_buffer_fini(&request->body);
    sgr__hold(request->server, &request->held, 0);
    sgr_bytes_unref(request->head);
    sgr_bytes_unref(request->answer);
    sgr_arena_free(request->arena);
    free(request);
}

void sgr__request_abandon(struct sgr_request *request) {
    request->peer->request = NULL;
    request->peer = NULL;
    /* One that waits for its body is unknown to any sink. */
    if (request->answered || request->route)
        sgr__request_free(request);
}

struct sgr_slice sgr__request_path(const struct sgr_request *request) {
    return request->path;
}

size_t sgr__request_query_count(const struct sgr_request *request) {
    return request->pairs.count;
}

void sgr__request_query_at(const struct sgr_request *request, size_t i, struct sgr_slice *ret_name,
                           struct sgr_slice *ret_value) {
    const struct sgr__pair *pair = SGR_VECTOR_AT(&request->pairs, struct sgr__pair, i);
    *ret_name = pair->name;
    *ret_value = pair->value;
}

struct sgr_slice sgr__request_query(const struct sgr_request *request, const char *name) {
    for (size_t i = 0; i < request->pairs.count; i++) {
        const struct sgr__pair *pair = SGR_VECTOR_AT(&request->pairs, struct sgr__pair, i);
        if (sgr_slice_is(pair->name, name))
            return pair->value;
    }
    const struct sgr_plan_auth *auth = request->server->options.auth;
    if (request->query_tokens && strcmp(auth->query, name) == 0)
        return request->query_token;
    return (struct sgr_slice){NULL, 0};
}

struct sgr_slice sgr__request_body_text(const struct sgr_request *request) {
    return (struct sgr_slice){request->body.data, request->body.size};
}

/* ---- Routing ---- */

static const char *allowed_methods(unsigned kinds) {
    bool get = kinds & (SGR_ROUTE_GET | SGR_ROUTE_EVENT_STREAM), post = kinds & SGR_ROUTE_POST;
    if (get && post)
        return "allow: GET, HEAD, POST, OPTIONS\r\n";
    return post ? "allow: POST, OPTIONS\r\n" : "allow: GET, HEAD, OPTIONS\r\n";
}

static void refuse_path(struct sgr_request *request, unsigned kinds) {
    if (kinds)
        sgr__respond_error(request, 405, "method_not_allowed", allowed_methods(kinds),
                           "%.*s does not take this method", SGR_SLICE_ARGS(request->path));
    else
        sgr__respond_error(request, 404, "not_found", NULL, "nothing is served at %.*s",
                           SGR_SLICE_ARGS(request->path));
}

static bool refuse_origin(struct sgr_request *request) {
    if (!request->cross_origin || request->origin_allowed)
        return false;
    sgr__respond_error(request, 403, "origin", NULL,
                       "origin %.*s is not allowed; list it under server.origins",
                       SGR_SLICE_ARGS(request->origin));
    return true;
}

/* A page of another site whose name was made to resolve to a loopback address has the same origin as we, as its browser sees it. Browsers always
 * send the header. */
static bool refuse_host(struct sgr_request *request) {
    const struct sgr_plan_server *options = &request->server->options;
    struct sgr_slice host = sgr__request_header(request, "host");
    if (!request->peer->guarded || !host.data ||
        sgr__host_known(host, options->origins, options->origin_count))
        return false;
    request->close = true;
    sgr__respond_error(request, 403, "host", NULL,
                       "host %.*s is not known; list its origin under server.origins",
                       SGR_SLICE_ARGS(host));
    return true;
}

static void call_route(struct sgr_request *request, const struct sgr__route *route) {
    request->sink = route->sink;
    request->route = NULL;
    route->route.request(route->route.data, request);
}

static void begin_get(struct sgr_request *request) {
    struct sgr_slice accept = sgr__request_header(request, "accept");
    bool stream = request->method == SGR__GET && accept.data &&
                  memmem(accept.data, accept.size, "text/event-stream", 17);
    unsigned kinds;
    const struct sgr__route *route = sgr__routes_find(
        &request->server->routes, SGR_ROUTE_GET | (stream ? SGR_ROUTE_EVENT_STREAM : 0u),
        request->path, NULL, &kinds);
    if (!route)
        refuse_path(request, kinds & ~(unsigned)SGR_ROUTE_WEBSOCKET);
    else if (!(route->route.kind & SGR_ROUTE_EVENT_STREAM) || !refuse_origin(request))
        call_route(request, route);
}

static bool content_length(const struct sgr_request *request, int64_t *ret) {
    struct sgr_slice text = sgr__request_header(request, "content-length");
    return text.data && sgr_slice_int(text, ret) && *ret >= 0;
}

/* libwebsockets delivers no chunked bodies, so a length is asked for. */
static void begin_post(struct sgr_request *request) {
    unsigned kinds;
    int64_t size;
    const struct sgr__route *route =
        sgr__routes_find(&request->server->routes, SGR_ROUTE_POST, request->path, NULL, &kinds);
    request->close = true; /* until the body is read */
    if (!route) {
        refuse_path(request, kinds & ~(unsigned)SGR_ROUTE_WEBSOCKET);
    } else if (!content_length(request, &size)) {
        sgr__respond_error(request, 411, "length_required", NULL, "a content-length is needed");
    } else if ((uint64_t)size > request->body.limit) {
        sgr__respond_error(request, 413, "too_large", NULL, "a body may have %zu bytes",
                           request->body.limit);
    } else if (!refuse_origin(request)) {
        request->close = false;
        if (size)
            request->route = route;
        else
            call_route(request, route);
    }
}

static void begin_options(struct sgr_request *request) {
    unsigned kinds;
    char headers[1024];
    sgr__routes_find(&request->server->routes, 0, request->path, NULL, &kinds);
    struct sgr_slice wanted = sgr__request_header(request, "access-control-request-headers");
    if (request->origin_allowed)
        snprintf(headers, sizeof(headers),
                 "access-control-allow-methods: GET, HEAD, POST\r\naccess-control-max-age: 600\r\n"
                 "access-control-allow-headers: %.*s\r\n",
                 wanted.size < 512 ? (int)wanted.size : 0, wanted.data ? wanted.data : "");
    else
        snprintf(headers, sizeof(headers), "%s", allowed_methods(kinds));
    sgr__respond(request, 204, NULL, headers, NULL);
}

static void begin_other(struct sgr_request *request) {
    unsigned kinds;
    sgr__routes_find(&request->server->routes, 0, request->path, NULL, &kinds);
    request->close = true;
    refuse_path(request, kinds ? kinds : (unsigned)SGR_ROUTE_GET);
}

static void begin(struct sgr_request *request) {
    if (request->peer->refused) {
        request->close = true;
        sgr__respond_error(request, 503, "connection_limit", NULL, "too many connections");
        return;
    }
    if (refuse_host(request))
        return;
    switch (request->method) {
    case SGR__GET:
    case SGR__HEAD:
        begin_get(request);
        return;
    case SGR__POST:
        begin_post(request);
        return;
    case SGR__OPTIONS:
        begin_options(request);
        return;
    case SGR__OTHER:
        begin_other(request);
        return;
    }
}

int sgr__request_begin(struct sgr__peer *peer) {
    if (peer->request || peer->connection)
        return -1;
    struct sgr_request *request = request_new(peer);
    if (!request)
        return -1;
    begin(request);
    if (peer->request && !peer->request->answered)
        sgr__hangup_watch(peer);
    if (peer->connection || (peer->request && !peer->request->route))
        sgr__quiet_begin(peer);
    return 0;
}

int sgr__request_body(struct sgr__peer *peer, struct sgr_slice data) {
    struct sgr_request *request = peer->request;
    if (!request || !request->route)
        return 0;
    sgr_buffer_append(&request->body, data.data, data.size);
    return request->body.failed ? -1 : 0;
}

int sgr__request_complete(struct sgr__peer *peer) {
    struct sgr_request *request = peer->request;
    if (!request || !request->route)
        return 0;
    call_route(request, request->route);
    sgr__quiet_begin(peer);
    return 0;
}

/* ---- Answering ---- */

void sgr__respond(struct sgr_request *request, int status, const char *content_type,
                  const char *headers, struct sgr_bytes *body) {
    if (request->answered)
        return;
    request->answered = true;
    request->route = NULL;
    if (!request->peer) {
        sgr__request_free(request);
        return;
    }
    sgr__hangup_forget(request->peer);
    request->close |= request->server->draining;
    bool bodiless = status == 204 || status == 304;
    int64_t size = bodiless ? -1 : body ? (int64_t)body->size : 0;
    request->head = sgr__response_head(request, status, content_type, headers, size);
    if (body && !bodiless && request->method != SGR__HEAD)
        request->answer = sgr_bytes_ref(body);
    if (!request->upgrade)
        sgr__peer_wants_to_write(request->peer);
}

void sgr__respond_error(struct sgr_request *request, int status, const char *code,
                        const char *headers, const char *format, ...) {
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    sgr_utf8_repair(message);
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_buffer_puts(&text, "{\"error\":{\"code\":");
    sgr_buffer_json(&text, sgr_slice(code));
    sgr_buffer_puts(&text, ",\"message\":");
    sgr_buffer_json(&text, sgr_slice(message));
    sgr_buffer_puts(&text, "}}\n");
    struct sgr_bytes *body = text.failed ? NULL : sgr_bytes_new(text.data, text.size);
    sgr_buffer_fini(&text);
    sgr__respond(request, status, "application/json", headers, body);
    sgr_bytes_unref(body);
}

static int write_raw(struct sgr_request *request, unsigned char *from, size_t size) {
    struct lws *wsi = request->peer->wsi;
    if (lws_write(wsi, from, size, LWS_WRITE_RAW) < 0)
        return -1;
    sgr__hold(request->server, &request->held, lws_partial_buffered(wsi) ? size : 0);
    return 0;
}

/* The head and as much of the body as fits one write. */
static int write_head(struct sgr_request *request) {
    char *place = request->server->scratch + LWS_PRE;
    size_t size = request->head->size, left = request->answer ? request->answer->size : 0;
    if (size > SGR__CHUNK)
        return -1;
    size_t room = SGR__CHUNK - size, chunk = sgr__chunk(request->server);
    room = chunk < room ? chunk : room;
    size_t part = left < room ? left : room;
    memcpy(place, request->head->data, size);
    if (part)
        memcpy(place + size, request->answer->data, part);
    request->answer_at = part;
    request->written = true;
    return write_raw(request, (unsigned char *)place, size + part);
}

static int write_body(struct sgr_request *request) {
    size_t left = request->answer->size - request->answer_at;
    size_t chunk = sgr__chunk(request->server), part = left < chunk ? left : chunk;
    unsigned char *from = (unsigned char *)request->answer->data + request->answer_at;
    request->answer_at += part;
    return write_raw(request, from, part);
}

static bool all_written(const struct sgr_request *request) {
    return request->written && (!request->answer || request->answer_at == request->answer->size);
}

/* A reader may take as long as it likes for the whole, but not for one write. */
static void wait_for_reader(struct sgr__peer *peer) {
    int64_t seconds = peer->server->options.client_timeout / 1000000;
    lws_set_timeout(peer->wsi, PENDING_TIMEOUT_HTTP_CONTENT, seconds > 0 ? (int)seconds : 1);
    sgr__peer_wants_to_write(peer);
}

int sgr__request_write(struct sgr__peer *peer) {
    struct sgr_request *request = peer->request;
    if (!request->answered)
        return 0;
    if (!request->head)
        return -1; /* no memory to say anything */
    if (!request->written ? write_head(request) : !all_written(request) && write_body(request))
        return -1;
    if (!all_written(request) || lws_partial_buffered(peer->wsi)) {
        wait_for_reader(peer);
        return 0;
    }
    bool close = request->close;
    sgr__request_free(request);
    sgr__quiet_end(peer);
    return close || lws_http_transaction_completed(peer->wsi) ? -1 : 0;
}

/* ---- Upgrades ---- */

/* The first offered subprotocol that any route has: what libwebsockets will choose, too. NULL: none. */
static const char *choose_protocol(const struct sgr_request *request, struct sgr_slice offered) {
    const struct lws_protocols *known;
    size_t start = 0;
    for (size_t at = 0; at <= offered.size; at++) {
        if (at < offered.size && offered.data[at] != ',')
            continue;
        struct sgr_slice name = {offered.data + start, at - start};
        while (name.size && (*name.data == ' ' || *name.data == '\t'))
            name.data++, name.size--;
        while (name.size && (name.data[name.size - 1] == ' ' || name.data[name.size - 1] == '\t'))
            name.size--;
        for (known = request->server->protocols + 1; known->name; known++)
            if (sgr_slice_is(name, known->name))
                return known->name;
        start = at + 1;
    }
    return NULL;
}

/* libwebsockets reads so much of them, and drops the connection without a word beyond it. */
static bool refuse_extensions(struct sgr_request *request, struct sgr_slice offered) {
    if (offered.size < EXTENSIONS_LIMIT)
        return false;
    sgr__respond_error(request, 431, "headers", NULL, "sec-websocket-extensions has %zu bytes",
                       offered.size);
    return true;
}

static void begin_upgrade(struct sgr_request *request) {
    unsigned kinds;
    struct sgr_slice extensions = sgr__request_header(request, "sec-websocket-extensions");
    sgr__deflate_offer(request->server, extensions, &request->offer);
    struct sgr_slice offered = sgr__request_header(request, "sec-websocket-protocol");
    request->protocol = offered.data ? choose_protocol(request, offered) : NULL;
    const struct sgr__route *route = sgr__routes_find(&request->server->routes, SGR_ROUTE_WEBSOCKET,
                                                      request->path, request->protocol, &kinds);
    if (request->peer->refused)
        sgr__respond_error(request, 503, "connection_limit", NULL, "too many connections");
    else if (refuse_host(request))
        return;
    else if (request->method != SGR__GET)
        sgr__respond_error(request, 405, "method_not_allowed", "allow: GET\r\n",
                           "a websocket begins with GET");
    else if (!route)
        sgr__respond_error(request, 404, "not_found", NULL, "no websocket at %.*s",
                           SGR_SLICE_ARGS(request->path));
    else if (offered.data && !request->protocol)
        sgr__respond_error(request, 400, "protocol", NULL, "no such subprotocol");
    else if (!refuse_origin(request) && !refuse_extensions(request, extensions))
        call_route(request, route);
}

/* The answer must be out when the callback returns; it is small and the socket is new. */
static int refuse_upgrade(struct sgr_request *request) {
    if (!request->answered)
        sgr__respond_error(request, 500, "internal", NULL, "the upgrade was not answered");
    int failed = !request->head || write_head(request) || !all_written(request);
    sgr__request_free(request);
    return failed ? -1 : 1;
}

int sgr__request_upgrade(struct sgr__peer *peer, const char *to) {
    if (peer->request || peer->connection)
        return -1;
    struct sgr_request *request = request_new(peer);
    if (!request)
        return -1;
    request->upgrade = true;
    if (strcasecmp(to, "websocket") != 0)
        sgr__respond_error(request, 400, "upgrade", NULL, "no upgrade to %s", to);
    else
        begin_upgrade(request);
    return peer->connection ? 0 : refuse_upgrade(request);
}
