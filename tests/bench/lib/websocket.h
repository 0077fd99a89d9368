/* A blocking websocket client: as little of its own as possible stands between the wire and the clock. */
#ifndef BENCH_WEBSOCKET_H
#define BENCH_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>

struct bench_websocket {
    int descriptor;
    char *data; /* received; up to `start` consumed */
    size_t start, size, capacity;
    char *message; /* the last one, NUL-terminated in place of what follows until the next call */
    size_t message_size;
    char saved;
    bool deflated; /* the server agreed to compress; messages are then as they came */
};

/* Connects to 127.0.0.1:port and upgrades; dies if that fails. */
void bench_websocket_open(struct bench_websocket *socket, int port, const char *path);
/* The same with headers of one's own, each ended by "\r\n". */
void bench_websocket_open_with(struct bench_websocket *socket, int port, const char *path,
                               const char *headers);
/* Reads once, if anything is there or can be waited for (`wait`). */
void bench_websocket_read(struct bench_websocket *socket, bool wait);
/* The next complete text message that was read already; false: none. */
bool bench_websocket_next(struct bench_websocket *socket);
/* Waits for the next message. */
void bench_websocket_message(struct bench_websocket *socket);
/* Sends a text message of under 64 KB. */
void bench_websocket_send(struct bench_websocket *socket, const char *text, size_t size);
void bench_websocket_close(struct bench_websocket *socket);

#endif
