/* The reference for fan-out: what the same frames to the same clients cost at the least. It accepts websockets on 127.0.0.1, and whenever
 * any client says "next", sends each client the next frame of a recording: one epoll set, one writev a frame and client, nothing else. What else
 * clients say it reads.
 *
 *   bench-bare RECORDING CLIENTS      prints "port N", ends when its input does
 *
 * A recording is the byte stream of one client's frames, each behind its size as 32 bits in host order.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

enum { AT_ONCE = 512 };

/* The answer to the one key that the crowd uses. */
static const char welcome[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

struct client {
    int descriptor; /* -1: none */
    bool upgraded, blocked;
    size_t at; /* bytes of the frames that it was sent */
};

struct bare {
    char *frames;
    size_t *ends; /* of each frame */
    size_t frame_count, released;
    struct client *clients; /* by descriptor */
    size_t most;
    int listener, poll;
};

static void load(struct bare *bare, const char *path) {
    FILE *file = fopen(path, "rb");
    uint32_t size;
    size_t used = 0;
    if (!file)
        bench_die("%s: %s", path, strerror(errno));
    while (fread(&size, sizeof(size), 1, file) == 1) {
        bare->frames = realloc(bare->frames, used + size);
        bare->ends = realloc(bare->ends, (bare->frame_count + 1) * sizeof(*bare->ends));
        if (!bare->frames || !bare->ends || fread(bare->frames + used, size, 1, file) != 1)
            bench_die("%s is cut off", path);
        used += size;
        bare->ends[bare->frame_count++] = used;
    }
    fclose(file);
}

static size_t released_bytes(const struct bare *bare) {
    return bare->released ? bare->ends[bare->released - 1] : 0;
}

static void watch(struct bare *bare, int descriptor, uint32_t events, int how) {
    struct epoll_event wanted = {.events = events, .data = {.fd = descriptor}};
    if (epoll_ctl(bare->poll, how, descriptor, &wanted))
        bench_die("epoll_ctl: %s", strerror(errno));
}

static void leave(struct client *client) {
    close(client->descriptor);
    client->descriptor = -1;
}

static void send_released(struct bare *bare, struct client *client) {
    size_t until = released_bytes(bare);
    struct iovec part = {bare->frames + client->at, until - client->at};
    if (!part.iov_len)
        return;
    ssize_t sent = writev(client->descriptor, &part, 1);
    if (sent < 0 && errno != EAGAIN) {
        leave(client);
        return;
    }
    client->at += sent > 0 ? (size_t)sent : 0;
    bool blocked = client->at < until;
    if (blocked != client->blocked)
        watch(bare, client->descriptor, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    client->blocked = blocked;
}

static void release_next(struct bare *bare) {
    if (bare->released == bare->frame_count)
        bench_die("asked for more frames than were recorded");
    bare->released++;
    for (size_t i = 0; i < bare->most; i++)
        if (bare->clients[i].descriptor >= 0 && bare->clients[i].upgraded)
            send_released(bare, &bare->clients[i]);
}

static void hear(struct bare *bare, struct client *client) {
    char text[4096];
    ssize_t got = recv(client->descriptor, text, sizeof(text), 0);
    if (got <= 0 && !(got < 0 && errno == EAGAIN))
        leave(client);
    else if (got > 0 && client->upgraded && memmem(text, (size_t)got, "next", 4))
        release_next(bare);
    else if (got > 0 && !client->upgraded &&
             send(client->descriptor, welcome, sizeof(welcome) - 1, 0) > 0)
        client->upgraded = true; /* requests come whole: they are small and on loopback */
}

static void welcome_new(struct bare *bare) {
    int descriptor, on = 1;
    while ((descriptor = accept4(bare->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        if ((size_t)descriptor >= bare->most)
            bench_die("more clients than said");
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        bare->clients[descriptor] =
            (struct client){.descriptor = descriptor, .at = released_bytes(bare)};
        watch(bare, descriptor, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void serve(struct bare *bare) {
    struct epoll_event found[AT_ONCE];
    for (;;) {
        int count = epoll_wait(bare->poll, found, AT_ONCE, -1);
        for (int i = 0; i < count; i++) {
            int descriptor = found[i].data.fd;
            if (descriptor == STDIN_FILENO)
                return;
            if (descriptor == bare->listener)
                welcome_new(bare);
            else if (bare->clients[descriptor].blocked && found[i].events & EPOLLOUT)
                send_released(bare, &bare->clients[descriptor]);
            else
                hear(bare, &bare->clients[descriptor]);
        }
    }
}

static void listen_anywhere(struct bare *bare) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    bare->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bare->poll = epoll_create1(EPOLL_CLOEXEC);
    if (bare->listener < 0 || bare->poll < 0 ||
        bind(bare->listener, (struct sockaddr *)&address, size) ||
        listen(bare->listener, SOMAXCONN) ||
        getsockname(bare->listener, (struct sockaddr *)&address, &size))
        bench_die("cannot listen: %s", strerror(errno));
    watch(bare, bare->listener, EPOLLIN, EPOLL_CTL_ADD);
    watch(bare, STDIN_FILENO, EPOLLIN, EPOLL_CTL_ADD);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv) {
    struct bare bare = {0};
    if (argc != 3)
        bench_die("usage: bench-bare RECORDING CLIENTS");
    bare.most = (size_t)atol(argv[2]) + 64;
    bench_descriptors(bare.most);
    bare.clients = calloc(bare.most, sizeof(*bare.clients));
    if (!bare.clients)
        bench_die("out of memory");
    for (size_t i = 0; i < bare.most; i++)
        bare.clients[i].descriptor = -1;
    load(&bare, argv[1]);
    listen_anywhere(&bare);
    serve(&bare);
    free(bare.frames);
    free(bare.ends);
    free(bare.clients);
    return 0;
}
