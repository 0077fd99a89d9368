/* Answers: errors as JSON, and entity tags. */
#include "http.h"

static struct sgr_bytes *take_text(struct http *http) {
    return http->text.failed ? NULL : http->table->bytes_new(http->text.data, http->text.size);
}

void http_error(struct http *http, struct sgr_request *request, int status, const char *code,
                const char *message) {
    struct sgr_text *text = &http->text;
    sgr_text_clear(text);
    sgr_text_puts(text, "{\"error\":{\"code\":");
    sgr_text_json(text, (struct sgr_slice){code, strlen(code)});
    sgr_text_puts(text, ",\"message\":");
    sgr_text_json(text, (struct sgr_slice){message, strlen(message)});
    sgr_text_puts(text, "}}\n");
    struct sgr_bytes *body = take_text(http);
    http->table->respond(request, status, "application/json", NULL, body);
    http->table->bytes_unref(body);
}

void http_text(struct http *http, struct sgr_request *request, const char *content_type,
               const char *text) {
    struct sgr_bytes *body = http->table->bytes_new(text, strlen(text));
    http->table->respond(request, 200, content_type, "cache-control: no-store\r\n", body);
    http->table->bytes_unref(body);
}

/* Weak comparison, as RFC 9110 asks for with If-None-Match: W/ in front counts for nothing. */
bool http_tag_matches(struct sgr_slice list, struct sgr_slice tag) {
    size_t at = 0;
    while (at < list.size) {
        if (list.data[at] == '*')
            return true;
        const char *open = memchr(list.data + at, '"', list.size - at);
        if (!open)
            return false;
        size_t start = (size_t)(open - list.data) + 1;
        const char *close = memchr(list.data + start, '"', list.size - start);
        if (!close)
            return false;
        size_t size = (size_t)(close - list.data) - start;
        if (size == tag.size && memcmp(list.data + start, tag.data, size) == 0)
            return true;
        at = start + size + 1;
        while (at < list.size && (list.data[at] == ',' || list.data[at] == ' '))
            at++;
    }
    return false;
}

void http_tagged(struct http *http, struct sgr_request *request, const char *content_type,
                 struct sgr_slice tag, const char *headers, struct sgr_bytes *body) {
    struct sgr_text *text = &http->text;
    sgr_text_clear(text);
    if (tag.size) {
        sgr_text_puts(text, "etag: \"");
        sgr_text_slice(text, tag);
        sgr_text_puts(text, "\"\r\n");
    }
    sgr_text_puts(text, "cache-control: no-cache\r\n");
    sgr_text_puts(text, headers ? headers : "");
    sgr_text_add(text, "", 1);
    if (text->failed) {
        http->table->respond(request, 503, NULL, NULL, NULL);
        return;
    }
    struct sgr_slice seen = http->table->header(request, "if-none-match");
    bool same = tag.size && seen.data && http_tag_matches(seen, tag);
    http->table->respond(request, same ? 304 : 200, content_type, text->data, same ? NULL : body);
}
