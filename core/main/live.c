#define _GNU_SOURCE /* memmem */
/* `explain --live HOST:PORT`: one GET of a running process, over a plain socket. */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "main/program.h"

#define ANSWER_LIMIT ((size_t)64 << 20)
#define TIMEOUT      10 /* seconds */

static int fail(const char *what, const char *address, const char *why) {
    fprintf(stderr, "sangre: %s %s: %s\n", what, address, why);
    return EXIT_FAILED;
}

/* HOST:PORT, [HOST]:PORT or PORT into `host` and *ret_port. */
static bool split_address(const char *address, char *host, size_t size, const char **ret_port) {
    const char *colon = strrchr(address, ':');
    *ret_port = colon ? colon + 1 : address;
    struct sgr_slice name =
        colon ? (struct sgr_slice){address, (size_t)(colon - address)} : SGR_SLICE("127.0.0.1");
    if (name.size > 2 && name.data[0] == '[' && name.data[name.size - 1] == ']')
        name = (struct sgr_slice){name.data + 1, name.size - 2};
    if (name.size == 0)
        name = SGR_SLICE("127.0.0.1");
    return **ret_port && (size_t)snprintf(host, size, "%.*s", SGR_SLICE_ARGS(name)) < size;
}

static int connect_one(const struct addrinfo *to) {
    struct timeval timeout = {.tv_sec = TIMEOUT};
    int descriptor = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    if (descriptor < 0)
        return -1;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(descriptor, to->ai_addr, to->ai_addrlen) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

/* The descriptor, or -1 with *ret_why set. */
static int dial(const char *host, const char *port, const char **ret_why) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0) {
        *ret_why = gai_strerror(status);
        return -1;
    }
    int descriptor = -1;
    for (struct addrinfo *at = found; at && descriptor < 0; at = at->ai_next)
        descriptor = connect_one(at);
    *ret_why = strerror(errno);
    freeaddrinfo(found);
    return descriptor;
}

static bool send_all(int descriptor, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(descriptor, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int descriptor, struct sgr_buffer *answer) {
    for (;;) {
        char *space = sgr_buffer_reserve(answer, 1 << 16);
        if (!space)
            return false;
        ssize_t got = recv(descriptor, space, 1 << 16, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        answer->size += (size_t)got;
    }
}

/* Joins the chunks of a chunked body in place; false if they are malformed. */
static bool unchunk(struct sgr_slice *body, char *data) {
    size_t from = 0, to = 0;
    for (;;) {
        char *end;
        unsigned long size = strtoul(data + from, &end, 16);
        char *line = memmem(end, (size_t)(data + body->size - end), "\r\n", 2);
        if (end == data + from || !line)
            return false;
        from = (size_t)(line - data) + 2;
        if (size == 0) {
            *body = (struct sgr_slice){data, to};
            return true;
        }
        if (size > body->size - from || body->size - from - size < 2)
            return false;
        memmove(data + to, data + from, size);
        to += size;
        from += size + 2;
    }
}

/* The header's value within the head that ends at `end`; NULL: it is not there. */
static const char *header_of(const char *head, const char *end, const char *name) {
    size_t size = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line < end;
         line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, size) == 0 && line[2 + size] == ':')
            return line + 3 + size + strspn(line + 3 + size, " \t");
    return NULL;
}

/* Cuts the body to its length; NULL, or why that cannot be: half an answer must not pass for a whole one. */
static const char *check_length(const char *length, struct sgr_slice *body) {
    char *end;
    if (!length)
        return "the answer does not tell its length";
    errno = 0;
    unsigned long long size = strtoull(length, &end, 10);
    if (errno || end == length)
        return "the answer is malformed";
    if (size > body->size)
        return "the answer was cut off";
    body->size = (size_t)size;
    return NULL;
}

/* The body of a 200, or why there is none. */
static const char *read_body(struct sgr_buffer *answer, struct sgr_slice *ret) {
    const char *text = sgr_buffer_text(answer);
    const char *end = strstr(text, "\r\n\r\n");
    if (strncmp(text, "HTTP/1.", 7) != 0 || !end)
        return "the answer is no HTTP";
    if (strncmp(text + 8, " 403 ", 5) == 0)
        return "the server tells its operators only; see inspect of its sink http, and set "
               "SANGRE_INSPECT_SECRET";
    if (strncmp(text + 8, " 200 ", 5) != 0)
        return "the server refused; is it sangre, and does it serve its own paths?";
    char *body = answer->data + (end + 4 - text);
    *ret = (struct sgr_slice){body, answer->size - (size_t)(body - answer->data)};
    const char *encoding = header_of(text, end, "transfer-encoding");
    if (encoding && strncasecmp(encoding, "chunked", 7) == 0)
        return unchunk(ret, body) ? NULL : "the answer is malformed or was cut off";
    return check_length(header_of(text, end, "content-length"), ret);
}

/* NULL, or why it can't be sent. */
static const char *write_request(const char *host, const char *format, char *request, size_t room) {
    const char *secret = getenv("SANGRE_INSPECT_SECRET");
    for (const char *at = secret; at && *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return "SANGRE_INSPECT_SECRET holds a control character";
    int size = snprintf(request, room,
                        "GET /_sangre/explain?format=%s HTTP/1.1\r\nHost: %s\r\n%s%s%s"
                        "Connection: close\r\n\r\n",
                        format, host, secret ? "Authorization: Bearer " : "", secret ? secret : "",
                        secret ? "\r\n" : "");
    return size > 0 && (size_t)size < room ? NULL : "SANGRE_INSPECT_SECRET is too long";
}

static const char *get(int descriptor, const char *host, const char *format,
                       struct sgr_buffer *answer, struct sgr_slice *ret) {
    char request[2048];
    const char *why = write_request(host, format, request, sizeof(request));
    if (why)
        return why;
    size_t size = strlen(request);
    if (!send_all(descriptor, request, size) || !receive_all(descriptor, answer))
        return answer->failed ? "the answer is too large" : strerror(errno);
    return read_body(answer, ret);
}

int explain_live(const struct arguments *arguments) {
    char host[256];
    const char *port, *why;
    if (!split_address(arguments->live, host, sizeof(host), &port)) {
        fail("can't read the address", arguments->live, "write HOST:PORT");
        return EXIT_CONFIG;
    }
    int descriptor = dial(host, port, &why);
    if (descriptor < 0)
        return fail("can't reach", arguments->live, why);
    struct sgr_buffer answer = {.limit = ANSWER_LIMIT};
    struct sgr_slice body = {0};
    why = get(descriptor, host, arguments->format, &answer, &body);
    close(descriptor);
    if (!why)
        fwrite(body.data, 1, body.size, stdout);
    sgr_buffer_fini(&answer);
    return why ? fail("asking", arguments->live, why) : EXIT_OK;
}
