/* What the engine does, by /_sangre/explain and /_sangre/metrics, and who may know: it tells of the database, and of what is asked for. */
#include "http.h"

#include <string.h>

enum { SECRET_MINIMUM = 16 };

/* ---- Who may know ---- */

int http_check_options(const void *data, struct sgr_error *error) {
    const struct http_options *options = data;
    size_t size = options->secret ? strlen(options->secret) : SECRET_MINIMUM;
    if (size >= SECRET_MINIMUM)
        return SGR_OK;
    return sgr_error_set(error, SGR_ECONFIG,
                         "inspect_secret: a secret of %zu bytes; at least %d are needed", size,
                         SECRET_MINIMUM);
}

void http_inspect_begin(struct http *http) {
    struct sgr_verifier *verifier;
    struct sgr_error error;
    bool tokens = http->table->verifier(http->host, NULL, &verifier, &error) == SGR_OK;
    const char *who = http->options->inspect;
    if (strcmp(who, "auto") == 0)
        who = tokens ? "local" : "all";
    http->inspect = strcmp(who, "all") == 0     ? INSPECT_ALL
                    : strcmp(who, "local") == 0 ? INSPECT_LOCAL
                                                : INSPECT_NONE;
}

/* In a time that does not tell where they differ. */
static bool same_secret(struct sgr_slice given, const char *secret) {
    size_t size = strlen(secret);
    unsigned differs = given.size != size;
    for (size_t i = 0; i < given.size; i++)
        differs |= (unsigned char)given.data[i] ^ (unsigned char)secret[i % size];
    return !differs;
}

static bool has_secret(const struct http *http, const struct sgr_request *request) {
    static const char bearer[] = "bearer ";
    struct sgr_slice header = http->table->header(request, "authorization");
    size_t at = sizeof(bearer) - 1;
    if (!http->options->secret || header.size < at)
        return false;
    for (size_t i = 0; i < at; i++)
        if ((header.data[i] | 0x20) != (bearer[i] | 0x20))
            return false;
    while (at < header.size && header.data[at] == ' ')
        at++;
    return same_secret((struct sgr_slice){header.data + at, header.size - at},
                       http->options->secret);
}

static bool may_know(const struct http *http, const struct sgr_request *request) {
    return http->inspect == INSPECT_ALL ||
           (http->inspect == INSPECT_LOCAL && http->table->local(request)) ||
           has_secret(http, request);
}

/* ---- What runs ---- */

static void on_explained(void *data, const struct sgr_bytes *text) {
    struct exchange *exchange = data;
    if (text)
        exchange->http->table->respond(exchange->request, 200, exchange->content_type,
                                       "cache-control: no-store\r\n", (struct sgr_bytes *)text);
    else
        http_error(exchange->http, exchange->request, 503, "unavailable",
                   "the engine does not answer");
    exchange_free(exchange);
}

static void explain_as(struct http *http, struct sgr_request *request, const char *format,
                       const char *content_type) {
    struct exchange *exchange = exchange_new(http, request);
    if (!exchange)
        return;
    exchange->content_type = content_type;
    http->table->explain(http->host, format, on_explained, exchange);
}

static bool refuse(struct http *http, struct sgr_request *request) {
    if (may_know(http, request))
        return false;
    http_error(http, request, 403, "forbidden",
               "this is for this server's operators: see inspect and inspect_secret of the sink "
               "http");
    return true;
}

void http_explain(void *data, struct sgr_request *request) {
    static const char *const formats[][2] = {{"text", "text/plain; charset=utf-8"},
                                             {"dot", "text/vnd.graphviz; charset=utf-8"},
                                             {"json", "application/json"}};
    struct http *http = data;
    struct sgr_slice format = http->table->query(request, "format");
    if (refuse(http, request))
        return;
    for (size_t i = 0; i < 3; i++)
        if (!format.data || (strlen(formats[i][0]) == format.size &&
                             memcmp(formats[i][0], format.data, format.size) == 0)) {
            explain_as(http, request, formats[i][0], formats[i][1]);
            return;
        }
    http_error(http, request, 400, "bad_parameter", "format is text, dot or json");
}

void http_metrics(void *data, struct sgr_request *request) {
    if (!refuse(data, request))
        explain_as(data, request, "metrics", "text/plain; version=0.0.4; charset=utf-8");
}
