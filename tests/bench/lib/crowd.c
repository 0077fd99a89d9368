#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

enum { BLOCK = 1 << 20, AT_ONCE = 512, CONNECTING = 256, SPARE_DESCRIPTORS = 64, PATIENCE = 60 };
enum { FINAL = 0x80, TEXT = 1, CLOSE = 8, PING = 9 };

void bench_crowd_init(struct bench_crowd *crowd, int port, size_t most) {
    bench_descriptors(most + SPARE_DESCRIPTORS);
    *crowd = (struct bench_crowd){.port = port, .poll = epoll_create1(EPOLL_CLOEXEC)};
    crowd->clients = calloc(most, sizeof(*crowd->clients));
    crowd->block = malloc(BLOCK + 1);
    if (!crowd->clients || !crowd->block || crowd->poll < 0)
        bench_die("cannot make room for %zu clients", most);
}

static void end(struct bench_crowd *crowd, struct bench_client *client) {
    if (client->descriptor < 0)
        return;
    close(client->descriptor);
    client->descriptor = -1;
    free(client->rest);
    client->rest = NULL;
    client->rest_size = 0;
    crowd->open--;
}

void bench_crowd_fini(struct bench_crowd *crowd) {
    for (size_t i = 0; i < crowd->count; i++)
        end(crowd, &crowd->clients[i]);
    close(crowd->poll);
    free(crowd->clients);
    free(crowd->block);
}

/* ---- Connecting ---- */

static void watch(struct bench_crowd *crowd, struct bench_client *client, int how) {
    struct epoll_event wanted = {.events = EPOLLIN, .data = {.ptr = client}};
    if (epoll_ctl(crowd->poll, how, client->descriptor, &wanted))
        bench_die("epoll_ctl: %s", strerror(errno));
}

static void send_all(struct bench_client *client, const char *data, size_t size) {
    if (send(client->descriptor, data, size, MSG_NOSIGNAL) != (ssize_t)size)
        bench_die("cannot send %zu bytes: %s", size, strerror(errno));
}

static int open_socket(int port, int receive_buffer) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (descriptor < 0)
        bench_die("socket: %s", strerror(errno));
    if (receive_buffer)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)))
        bench_die("cannot connect to port %d: %s", port, strerror(errno));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return descriptor;
}

struct bench_client *bench_crowd_connect(struct bench_crowd *crowd, const char *path,
                                         int receive_buffer) {
    while (crowd->waiting >= CONNECTING)
        bench_crowd_turn(crowd, 1000);
    struct bench_client *client = &crowd->clients[crowd->count++];
    char request[1024];
    int size = snprintf(
        request, sizeof(request),
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        path, crowd->port);
    client->descriptor = open_socket(crowd->port, receive_buffer);
    crowd->open++;
    crowd->waiting++;
    send_all(client, request, (size_t)size);
    watch(crowd, client, EPOLL_CTL_ADD);
    return client;
}

void bench_crowd_deafen(struct bench_crowd *crowd, struct bench_client *client, bool deaf) {
    if (client->deaf == deaf || client->descriptor < 0)
        return;
    client->deaf = deaf;
    watch(crowd, client, deaf ? EPOLL_CTL_DEL : EPOLL_CTL_ADD);
}

void bench_crowd_say(struct bench_client *client, const char *text) {
    char message[512] = {(char)0x81};
    size_t size = strlen(text), head = size < 126 ? 2 : 4;
    if (size > sizeof(message) - 8)
        bench_die("too much to say: %s", text);
    message[1] = (char)(0x80 | (size < 126 ? size : 126));
    if (head == 4) {
        message[2] = (char)(size >> 8);
        message[3] = (char)size;
    }
    memcpy(message + head + 4, text, size); /* behind a mask of zeros */
    send_all(client, message, head + 4 + size);
}

/* ---- Receiving ---- */

/* Header and payload of the frame at the front; 0: its header is not whole. */
static size_t frame_at(const unsigned char *data, size_t size, size_t *ret_payload) {
    size_t head = 2, length = size < 2 ? 0 : data[1] & 0x7f;
    if (size < 2)
        return 0;
    if (length >= 126) {
        size_t bytes = length == 126 ? 2 : 8;
        head += bytes;
        if (size < head)
            return 0;
        length = 0;
        for (size_t i = 0; i < bytes; i++)
            length = length << 8 | data[2 + i];
    }
    *ret_payload = length;
    return head;
}

/* The end of the upgrade's answer; NULL: not there yet. */
static char *upgraded(struct bench_crowd *crowd, struct bench_client *client, char *data,
                      size_t size) {
    data[size] = '\0';
    char *stop = strstr(data, "\r\n\r\n");
    if (!stop)
        return NULL;
    if (strncmp(data, "HTTP/1.1 101", 12) != 0)
        bench_die("client %zu: no upgrade: %.80s", (size_t)(client - crowd->clients), data);
    client->upgraded = true;
    crowd->waiting--;
    return stop + 4;
}

static void keep_rest(struct bench_client *client, const char *data, size_t size) {
    char *rest = NULL;
    if (size && !(rest = malloc(size)))
        bench_die("out of memory");
    if (size)
        memcpy(rest, data, size);
    free(client->rest);
    client->rest = rest;
    client->rest_size = size;
}

static void lose(struct bench_crowd *crowd, struct bench_client *client) {
    if (!crowd->closed)
        bench_die("the server closed the connection of client %zu",
                  (size_t)(client - crowd->clients));
    end(crowd, client);
    crowd->closed(crowd, client);
}

static void hand_over(struct bench_crowd *crowd, struct bench_client *client, char *text,
                      size_t size) {
    char saved = text[size];
    text[size] = '\0';
    client->messages++;
    crowd->message(crowd, client, text, size);
    text[size] = saved;
}

/* All whole messages of `data`, which has room for one more byte. Returns what they took. Frames of one message are not joined: they only
 * come for those larger than the server's writes, which no scenario has its crowd receive. */
static size_t take_messages(struct bench_crowd *crowd, struct bench_client *client, char *data,
                            size_t size) {
    size_t at = 0, payload, head;
    while ((head = frame_at((unsigned char *)data + at, size - at, &payload)) &&
           size - at >= head + payload) {
        unsigned char first = (unsigned char)data[at];
        if ((first & 0x0f) == CLOSE) {
            lose(crowd, client);
            return size;
        }
        if (first == (FINAL | TEXT))
            hand_over(crowd, client, data + at + head, payload);
        else if (first != (FINAL | PING))
            bench_die("a frame that begins with byte %02x", first);
        at += head + payload;
    }
    return at;
}

static void take(struct bench_crowd *crowd, struct bench_client *client, char *data, size_t size) {
    size_t at = 0;
    if (!client->upgraded) {
        char *behind = upgraded(crowd, client, data, size);
        at = behind ? (size_t)(behind - data) : 0;
    }
    if (client->upgraded)
        at += take_messages(crowd, client, data + at, size - at);
    if (client->descriptor >= 0 && (at < size || client->rest))
        keep_rest(client, data + at, size - at);
}

static void receive(struct bench_crowd *crowd, struct bench_client *client) {
    char *data = crowd->block;
    size_t before = client->rest_size;
    if (before > BLOCK / 2)
        bench_die("a message is larger than %d bytes", BLOCK / 2);
    if (before)
        memcpy(data, client->rest, before);
    ssize_t got = recv(client->descriptor, data + before, BLOCK - before, MSG_DONTWAIT);
    if (got > 0)
        take(crowd, client, data, before + (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        lose(crowd, client);
}

void bench_crowd_turn(struct bench_crowd *crowd, int milliseconds) {
    struct epoll_event found[AT_ONCE];
    int count = epoll_wait(crowd->poll, found, AT_ONCE, milliseconds);
    for (int i = 0; i < count; i++)
        receive(crowd, found[i].data.ptr);
}

void bench_crowd_settle(struct bench_crowd *crowd, size_t messages) {
    double until = bench_now() + PATIENCE;
    for (size_t i = 0; i < crowd->count;) {
        const struct bench_client *client = &crowd->clients[i];
        if (client->upgraded && client->messages >= messages) {
            i++;
            continue;
        }
        if (bench_now() > until)
            bench_die("client %zu has %zu messages after %d s, not %zu", i, client->messages,
                      PATIENCE, messages);
        bench_crowd_turn(crowd, 1000);
    }
}
