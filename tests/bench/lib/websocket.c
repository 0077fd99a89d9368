#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"

enum { FINAL = 0x80, CLOSE = 8 };

/* The last message goes; what is behind it moves to the front. */
static void make_room(struct bench_websocket *socket) {
    if (socket->message)
        socket->message[socket->message_size] = socket->saved;
    socket->message = NULL;
    socket->size -= socket->start;
    memmove(socket->data, socket->data + socket->start, socket->size);
    socket->start = 0;
}

void bench_websocket_read(struct bench_websocket *socket, bool wait) {
    if (socket->start)
        make_room(socket);
    if (socket->capacity - socket->size < 65536) {
        socket->capacity = socket->capacity * 2 + 131072;
        socket->data = realloc(socket->data, socket->capacity);
        if (!socket->data)
            bench_die("out of memory");
    }
    ssize_t got = recv(socket->descriptor, socket->data + socket->size,
                       socket->capacity - socket->size - 1, wait ? 0 : MSG_DONTWAIT);
    if (got > 0)
        socket->size += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        bench_die("the server closed the connection");
    else if (wait && errno == EAGAIN)
        bench_die("nothing came for a minute");
}

static void upgrade(struct bench_websocket *socket, const char *path, const char *headers) {
    char request[1024];
    int size = snprintf(
        request, sizeof(request),
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n",
        path, headers);
    if (send(socket->descriptor, request, (size_t)size, 0) != size)
        bench_die("cannot send the upgrade");
    char *end;
    do {
        bench_websocket_read(socket, true);
        socket->data[socket->size] = '\0';
    } while (!(end = strstr(socket->data, "\r\n\r\n")));
    if (strncmp(socket->data, "HTTP/1.1 101", 12) != 0)
        bench_die("no upgrade on %s: %.60s", path, socket->data);
    *end = '\0';
    socket->deflated = strstr(socket->data, "permessage-deflate") != NULL;
    size_t head = (size_t)(end + 4 - socket->data);
    socket->size -= head;
    memmove(socket->data, socket->data + head, socket->size);
}

void bench_websocket_open(struct bench_websocket *ws, int port, const char *path) {
    bench_websocket_open_with(ws, port, path, "");
}

void bench_websocket_open_with(struct bench_websocket *ws, int port, const char *path,
                               const char *headers) {
    memset(ws, 0, sizeof(*ws));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ws->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    struct timeval patience = {.tv_sec = 60};
    if (ws->descriptor < 0 || connect(ws->descriptor, (struct sockaddr *)&address, sizeof(address)))
        bench_die("cannot connect to port %d: %s", port, strerror(errno));
    setsockopt(ws->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(ws->descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    upgrade(ws, path, headers);
}

/* Header and payload of the frame at the front; 0 if it is not whole yet. */
static size_t frame_at(const unsigned char *data, size_t size, size_t *ret_payload) {
    if (size < 2)
        return 0;
    size_t head = 2, payload = data[1] & 0x7f;
    if (payload == 126) {
        head = 4;
        if (size < head)
            return 0;
        payload = (size_t)data[2] << 8 | data[3];
    } else if (payload == 127) {
        head = 10;
        if (size < head)
            return 0;
        payload = 0;
        for (int i = 2; i < 10; i++)
            payload = payload << 8 | data[i];
    }
    *ret_payload = payload;
    return size < head + payload ? 0 : head;
}

/* What the frames up to the final one take; 0 if that is not there yet. */
static size_t whole(const unsigned char *data, size_t size) {
    size_t at = 0, payload, head;
    while ((head = frame_at(data + at, size - at, &payload))) {
        if ((data[at] & 0x0f) == CLOSE)
            bench_die("the server closed the websocket");
        bool final = data[at] & FINAL;
        at += head + payload;
        if (final)
            return at;
    }
    return 0;
}

bool bench_websocket_next(struct bench_websocket *socket) {
    if (socket->message)
        socket->message[socket->message_size] = socket->saved;
    socket->message = NULL;
    char *front = socket->data + socket->start;
    size_t size = whole((unsigned char *)front, socket->size - socket->start);
    if (!size)
        return false;
    socket->message_size = 0;
    for (size_t at = 0, payload, head; at < size; at += head + payload) {
        head = frame_at((unsigned char *)front + at, size - at, &payload);
        if (!at)
            socket->message = front + head;
        else
            memmove(socket->message + socket->message_size, front + at + head, payload);
        socket->message_size += payload;
    }
    socket->start += size;
    socket->saved = socket->message[socket->message_size];
    socket->message[socket->message_size] = '\0';
    return true;
}

void bench_websocket_message(struct bench_websocket *socket) {
    while (!bench_websocket_next(socket))
        bench_websocket_read(socket, true);
}

void bench_websocket_send(struct bench_websocket *socket, const char *text, size_t size) {
    char frame[8 + 65536] = {(char)0x81};
    size_t head = 2;
    if (size >= 65536)
        bench_die("a message of %zu bytes is too long", size);
    if (size < 126) {
        frame[1] = (char)(0x80 | size);
    } else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(size >> 8);
        frame[3] = (char)size;
        head = 4;
    }
    head += 4; /* the mask is zero: what follows it stays as it is */
    memcpy(frame + head, text, size);
    if (send(socket->descriptor, frame, head + size, MSG_NOSIGNAL) != (ssize_t)(head + size))
        bench_die("cannot send: %s", strerror(errno));
}

void bench_websocket_close(struct bench_websocket *socket) {
    close(socket->descriptor);
    free(socket->data);
}
