/* For tests of the network side: a blocking client for HTTP, event streams and websockets, on real sockets. Whatever does not come within a
 * minute fails the test. */
#ifndef UNIT_NET_CLIENT_H
#define UNIT_NET_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

struct client {
    int descriptor;
    char *data; /* NUL-terminated: what was read and not consumed */
    size_t size, capacity;
};

struct response {
    int status;
    char head[4096];
    char *body;
};

static inline struct client client_on(int descriptor) {
    struct timeval patience = {.tv_sec = 60};
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct client client = {.descriptor = descriptor, .capacity = 1024};
    client.data = calloc(1, client.capacity);
    assert_non_null(client.data);
    return client;
}

/* receive_buffer 0: the system's. */
static inline struct client client_connect_with(int port, int receive_buffer) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    if (receive_buffer)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
    return client_on(descriptor);
}

static inline struct client client_connect(int port) {
    return client_connect_with(port, 0);
}

static inline void client_close(struct client *client) {
    close(client->descriptor);
    free(client->data);
}

static inline void client_write(struct client *client, const void *data, size_t size) {
    while (size) {
        ssize_t sent = send(client->descriptor, data, size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        data = (const char *)data + sent;
        size -= (size_t)sent;
    }
}

/* False: the peer closed. */
static inline bool client_read(struct client *client) {
    if (client->capacity - client->size < 65536) {
        client->capacity = client->capacity * 2 + 65536;
        client->data = realloc(client->data, client->capacity);
        assert_non_null(client->data);
    }
    ssize_t got = recv(client->descriptor, client->data + client->size,
                       client->capacity - client->size - 1, 0);
    if (got < 0 && errno == EAGAIN)
        fail_msg("nothing came for a minute");
    if (got <= 0)
        return false;
    client->size += (size_t)got;
    client->data[client->size] = '\0';
    return true;
}

static inline void client_need(struct client *client, size_t size) {
    while (client->size < size)
        if (!client_read(client))
            fail_msg("closed after %zu bytes: %s", client->size, client->data);
}

static inline void client_consume(struct client *client, size_t size) {
    client->size -= size;
    memmove(client->data, client->data + size, client->size + 1);
}

static inline void client_expect_end(struct client *client) {
    while (client_read(client))
        continue;
}

/* ---- HTTP ---- */

__attribute__((format(printf, 2, 3))) static inline void client_send(struct client *client,
                                                                     const char *format, ...) {
    char text[70000];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(size > 0 && (size_t)size < sizeof(text));
    client_write(client, text, (size_t)size);
}

static inline void client_get(struct client *client, const char *path, const char *headers) {
    client_send(client, "GET %s HTTP/1.1\r\nHost: localhost:80\r\n%s\r\n", path,
                headers ? headers : "");
}

static inline const char *header_of(const struct response *response, const char *name) {
    static char value[1024];
    size_t size = strlen(name);
    for (const char *line = response->head; (line = strstr(line, "\r\n")); line++) {
        if (strncasecmp(line + 2, name, size) != 0 || line[2 + size] != ':')
            continue;
        snprintf(value, sizeof(value), "%s", line + 3 + size + strspn(line + 3 + size, " "));
        value[strcspn(value, "\r")] = '\0';
        return value;
    }
    return NULL;
}

/* Reads a head; the body is left. */
static inline struct response client_head(struct client *client) {
    struct response response = {0};
    char *end;
    while (!(end = strstr(client->data, "\r\n\r\n")))
        if (!client_read(client))
            fail_msg("closed within a head: %s", client->data);
    size_t size = (size_t)(end - client->data) + 4;
    assert_true(size < sizeof(response.head));
    memcpy(response.head, client->data, size);
    assert_int_equal(sscanf(response.head, "HTTP/1.1 %d", &response.status), 1);
    client_consume(client, size);
    return response;
}

/* free() the body. */
static inline struct response client_response(struct client *client) {
    struct response response = client_head(client);
    const char *length = header_of(&response, "content-length");
    size_t size = length ? strtoull(length, NULL, 10) : 0;
    client_need(client, size);
    response.body = calloc(1, size + 1);
    assert_non_null(response.body);
    memcpy(response.body, client->data, size);
    client_consume(client, size);
    return response;
}

static inline void response_free(struct response *response) {
    free(response->body);
}

/* ---- Websockets ---- */

/* 101, or what the server says instead. */
static inline int client_upgrade(struct client *client, const char *path, const char *headers) {
    client_send(
        client,
        "GET %s HTTP/1.1\r\nHost: localhost:80\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        path, headers ? headers : "");
    return client_head(client).status;
}

static inline struct client client_websocket(int port, const char *path) {
    struct client client = client_connect(port);
    assert_int_equal(client_upgrade(&client, path, NULL), 101);
    return client;
}

static inline void client_frame(struct client *client, int first_byte, const char *data,
                                size_t size) {
    static const unsigned char mask[4] = {1, 2, 3, 4};
    unsigned char *frame = malloc(size + 14);
    size_t at = 2;
    assert_non_null(frame);
    frame[0] = (unsigned char)first_byte;
    if (size < 126) {
        frame[1] = (unsigned char)(0x80 | size);
    } else if (size < 65536) {
        frame[1] = 0x80 | 126;
        frame[at++] = (unsigned char)(size >> 8);
        frame[at++] = (unsigned char)size;
    } else {
        frame[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++)
            frame[at++] = (unsigned char)((uint64_t)size >> (56 - 8 * i));
    }
    memcpy(frame + at, mask, 4);
    for (size_t i = 0; i < size; i++)
        frame[at + 4 + i] = (unsigned char)data[i] ^ mask[i & 3];
    client_write(client, frame, at + 4 + size);
    free(frame);
}

static inline void client_say(struct client *client, const char *text) {
    client_frame(client, 0x81, text, strlen(text));
}

struct frame {
    int opcode;
    bool final;
    size_t header, size;
};

static inline struct frame client_peek_frame(struct client *client) {
    client_need(client, 2);
    const unsigned char *at = (const unsigned char *)client->data;
    struct frame frame = {at[0] & 15, at[0] & 0x80, 2, at[1]};
    assert_false(at[1] & 0x80); /* servers do not mask */
    int more = frame.size == 126 ? 2 : frame.size == 127 ? 8 : 0;
    client_need(client, 2 + (size_t)more);
    at = (const unsigned char *)client->data;
    frame.header += (size_t)more;
    if (more)
        frame.size = 0;
    for (int i = 0; i < more; i++)
        frame.size = frame.size << 8 | at[2 + i];
    client_need(client, frame.header + frame.size);
    return frame;
}

/* The next text message, put together and NUL-terminated; free() it. Other frames than text and pong fail. */
static inline char *client_hear(struct client *client) {
    char *text = calloc(1, 1);
    size_t size = 0;
    bool begun = false;
    for (;;) {
        struct frame frame = client_peek_frame(client);
        if (frame.opcode < 2)
            assert_int_equal(frame.opcode, begun ? 0 : 1); /* text, then what continues it */
        begun |= frame.opcode < 2;
        if (frame.opcode == 8)
            fail_msg("closed with %d",
                     (unsigned char)client->data[2] << 8 | (unsigned char)client->data[3]);
        if (frame.opcode < 2) {
            text = realloc(text, size + frame.size + 1);
            assert_non_null(text);
            memcpy(text + size, client->data + frame.header, frame.size);
            size += frame.size;
            text[size] = '\0';
        }
        client_consume(client, frame.header + frame.size);
        if (frame.opcode < 2 && frame.final)
            return text;
    }
}

static inline void client_expect(struct client *client, const char *expected) {
    char *text = client_hear(client);
    assert_string_equal(text, expected);
    free(text);
}

static inline void client_expect_part(struct client *client, const char *part) {
    char *text = client_hear(client);
    if (!strstr(text, part))
        fail_msg("%s is not in %s", part, text);
    free(text);
}

/* The next frame must be a close; its code. Answers it and sees the socket end. */
static inline int client_closed(struct client *client) {
    struct frame frame = client_peek_frame(client);
    if (frame.opcode != 8)
        fail_msg("not closed but: %.*s", (int)frame.size, client->data + frame.header);
    const unsigned char *at = (const unsigned char *)client->data + frame.header;
    int code = frame.size >= 2 ? at[0] << 8 | at[1] : 1005;
    client_frame(client, 0x88, client->data + frame.header, frame.size < 2 ? 0 : 2);
    client_expect_end(client);
    return code;
}

#endif
