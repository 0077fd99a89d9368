/* What the files of the http sink share. Network thread. */
#ifndef SINKS_HTTP_HTTP_H
#define SINKS_HTTP_HTTP_H

#include <sangre/sink.h>
#include <sangre/text.h>

struct http_options {
    const char *folder; /* NULL: no files are served */
    const char *inspect, *secret;
};

enum inspect { INSPECT_ALL, INSPECT_LOCAL, INSPECT_NONE };

struct http {
    const struct sgr_sink_host *table;
    void *host;
    const struct http_options *options;
    struct sgr_text text; /* for heads and error bodies, reused */
    enum inspect inspect; /* who is told without the secret */
};

/* ---- http.c ---- */

struct exchange { /* a request that is answered later */
    struct http *http;
    struct sgr_request *request;
    const char *content_type;
};

struct exchange *exchange_new(struct http *http, struct sgr_request *request);
void exchange_free(struct exchange *exchange);

/* ---- inspect.c ---- */

int http_check_options(const void *options, struct sgr_error *error);
void http_inspect_begin(struct http *http); /* in open */
void http_explain(void *http, struct sgr_request *request);
void http_metrics(void *http, struct sgr_request *request);

/* ---- answer.c ---- */

void http_error(struct http *http, struct sgr_request *request, int status, const char *code,
                const char *message);
void http_text(struct http *http, struct sgr_request *request, const char *content_type,
               const char *text);
/* The body with its entity tag, or 304 if the client has it. `headers` as respond's, may be NULL. */
void http_tagged(struct http *http, struct sgr_request *request, const char *content_type,
                 struct sgr_slice tag, const char *headers, struct sgr_bytes *body);
bool http_tag_matches(struct sgr_slice if_none_match, struct sgr_slice tag);

/* ---- files.c ---- */

/* Answers with a file of the folder; false: it has none of that name. */
bool http_file(struct http *http, struct sgr_request *request);

#endif
