/* Thousands of websocket clients in one thread: raw sockets on one epoll set, a buffer shared by all, so that the client program costs
 * little beside the server it measures. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>

struct bench_client {
    int descriptor; /* -1: closed */
    bool upgraded;
    bool deaf;  /* does not read */
    char *rest; /* of a message that is not whole yet */
    size_t rest_size;
    size_t messages;
    void *data; /* the caller's */
};

struct bench_crowd {
    struct bench_client *clients;
    size_t count, open, waiting; /* waiting: for their upgrade */
    int port, poll;
    char *block;
    /* A text message, NUL-terminated during the call. */
    void (*message)(struct bench_crowd *crowd, struct bench_client *client, char *text,
                    size_t size);
    void (*closed)(struct bench_crowd *crowd, struct bench_client *client); /* NULL: then it dies */
    void *data;                                                             /* the caller's */
};

/* `most`: clients there can be. Set `message` before any connects. */
void bench_crowd_init(struct bench_crowd *crowd, int port, size_t most);
void bench_crowd_fini(struct bench_crowd *crowd);
/* Connects one more and asks for its upgrade. `receive_buffer`: 0 for the kernel's choice. */
struct bench_client *bench_crowd_connect(struct bench_crowd *crowd, const char *path,
                                         int receive_buffer);
/* Reads what there is, waiting for some if nothing is. */
void bench_crowd_turn(struct bench_crowd *crowd, int milliseconds);
/* Turns until all are upgraded and each has had `messages` messages at least. */
void bench_crowd_settle(struct bench_crowd *crowd, size_t messages);
void bench_crowd_deafen(struct bench_crowd *crowd, struct bench_client *client, bool deaf);
/* Sends one small text message. */
void bench_crowd_say(struct bench_client *client, const char *text);

#endif
