/* The head of an HTTP answer. */
#include "net/internal.h"

#include <stdlib.h>
#include <time.h>

#include "base/buffer.h"

static const char *reason_phrase(int status) {
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {{200, "OK"},
                   {204, "No Content"},
                   {206, "Partial Content"},
                   {301, "Moved Permanently"},
                   {302, "Found"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {411, "Length Required"},
                   {413, "Content Too Large"},
                   {422, "Unprocessable Content"},
                   {426, "Upgrade Required"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Other";
}

static void add_date(struct sgr_buffer *head) {
    char text[64];
    struct tm parts;
    time_t now = time(NULL);
    if (gmtime_r(&now, &parts) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts))
        sgr_buffer_printf(head, "date: %s\r\n", text);
}

struct sgr_bytes *sgr__response_head(const struct sgr_request *request, int status,
                                     const char *content_type, const char *headers, int64_t size) {
    struct sgr_buffer head = SGR_BUFFER_INIT;
    sgr_buffer_printf(&head, "HTTP/1.1 %d %s\r\n", status, reason_phrase(status));
    add_date(&head);
    if (content_type && status != 304)
        sgr_buffer_printf(&head, "content-type: %s\r\nx-content-type-options: nosniff\r\n",
                          content_type);
    if (size >= 0)
        sgr_buffer_printf(&head, "content-length: %lld\r\n", (long long)size);
    if (status == 401)
        sgr_buffer_printf(&head, "www-authenticate: Bearer realm=\"sangre\"%s\r\n",
                          request->had_token ? ", error=\"invalid_token\"" : "");
    if (request->private)
        sgr_buffer_puts(&head, "cache-control: private\r\nvary: authorization, cookie\r\n");
    if (status == 503)
        sgr_buffer_puts(&head, "retry-after: 1\r\n");
    if (request->close)
        sgr_buffer_puts(&head, "connection: close\r\n");
    if (request->origin_allowed)
        sgr_buffer_printf(&head,
                          "access-control-allow-origin: %.*s\r\nvary: origin\r\n"
                          "access-control-expose-headers: etag, sangre-cursor, sangre-stale\r\n",
                          SGR_SLICE_ARGS(request->origin));
    if (headers)
        sgr_buffer_puts(&head, headers);
    sgr_buffer_puts(&head, "\r\n");
    struct sgr_bytes *bytes = head.failed ? NULL : sgr_bytes_new(head.data, head.size);
    sgr_buffer_fini(&head);
    return bytes;
}
