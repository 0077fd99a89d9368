/* The listening socket. It is ours rather than libwebsockets', so that a port that is taken is told with its reason, port 0 works, the
 * connection limit can answer with 503, and accepted and adopted sockets go the same way. */
#define _GNU_SOURCE
#include "net/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum { REFUSED_AT_MOST = 64, ACCEPT_AT_ONCE = 64, UNSENT_LOW_WATER = 128 * 1024 };

static int open_socket(const struct addrinfo *address) {
    int descriptor = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                            address->ai_protocol);
    if (descriptor < 0)
        return -1;
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(descriptor, SOMAXCONN) == 0)
        return descriptor;
    int reason = errno;
    close(descriptor);
    errno = reason;
    return -1;
}

static void look_at_bound(struct sgr_server *server) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(server->listener, (struct sockaddr *)&address, &size))
        return;
    const struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
    const struct sockaddr_in *four = (struct sockaddr_in *)&address;
    bool is_six = address.ss_family == AF_INET6;
    server->port = ntohs(is_six ? six->sin6_port : four->sin_port);
    server->loopback = is_six ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)
                              : ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

int sgr__listen(struct sgr_server *server, struct sgr_error *error) {
    const char *host = server->options.listen_host;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    char port[16];
    snprintf(port, sizeof(port), "%d", server->options.listen_port);
    int code = getaddrinfo(host && *host && strcmp(host, "*") ? host : NULL, port, &hints, &found);
    if (code)
        return sgr_error_set(error, SGR_EIO, "cannot listen on %s:%s: %s", host ? host : "*", port,
                             gai_strerror(code));
    for (struct addrinfo *address = found; address && server->listener < 0;
         address = address->ai_next)
        server->listener = open_socket(address);
    int reason = errno;
    freeaddrinfo(found);
    if (server->listener < 0)
        return sgr_error_set(error, SGR_EIO, "cannot listen on %s:%s: %s", host ? host : "*", port,
                             strerror(reason));
    look_at_bound(server);
    return SGR_OK;
}

/* Little unsent data in the kernel: a slow client shows early, and its frames are composed rather than queued up there. */
static void tune(int descriptor) {
    int on = 1, unsent = UNSENT_LOW_WATER;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

static void take_in(struct sgr_server *server, int descriptor, bool guarded) {
    size_t limit = server->options.connection_limit;
    if (server->draining || server->peer_count >= limit + REFUSED_AT_MOST) {
        close(descriptor);
        return;
    }
    tune(descriptor);
    sgr__peer_adopt(server, descriptor, server->peer_count >= limit, guarded);
}

static void accept_some(struct ev_loop *loop, ev_io *watcher, int events) {
    struct sgr_server *server = watcher->data;
    (void)events;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int descriptor = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor >= 0) {
            take_in(server, descriptor, server->loopback);
            continue;
        }
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno != EAGAIN) { /* no descriptors or memory left: trying at once would spin */
            sgr_log(SGR_LOG_WARN, "net", "cannot accept connections: %s", strerror(errno));
            ev_io_stop(loop, watcher);
            ev_timer_again(loop, &server->accept_again);
        }
        return;
    }
}

static void accept_again(struct ev_loop *loop, ev_timer *timer, int events) {
    struct sgr_server *server = timer->data;
    (void)events;
    ev_timer_stop(loop, timer);
    if (server->listener >= 0)
        ev_io_start(loop, &server->acceptor);
}

void sgr__listener_start(struct sgr_server *server) {
    ev_io_init(&server->acceptor, accept_some, server->listener, EV_READ);
    ev_init(&server->accept_again, accept_again);
    server->accept_again.repeat = 0.1;
    server->acceptor.data = server->accept_again.data = server;
    ev_io_start(server->loop, &server->acceptor);
}

void sgr__listener_stop(struct sgr_server *server) {
    if (server->listener < 0)
        return;
    ev_io_stop(server->loop, &server->acceptor);
    ev_timer_stop(server->loop, &server->accept_again);
    close(server->listener);
    server->listener = -1;
}

void sgr__adopt_waiting(struct sgr_server *server) {
    struct sgr_vector adopted;
    pthread_mutex_lock(&server->adopt_lock);
    adopted = server->adopted;
    server->adopted = SGR_VECTOR_INIT(int);
    pthread_mutex_unlock(&server->adopt_lock);
    for (size_t i = 0; i < adopted.count; i++)
        take_in(server, *SGR_VECTOR_AT(&adopted, int, i), false);
    sgr_vector_fini(&adopted);
}

int sgr_server_adopt(struct sgr_server *server, int descriptor, struct sgr_error *error) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK))
        return sgr_error_set(error, SGR_EINVAL, "cannot adopt descriptor %d: %s", descriptor,
                             strerror(errno));
    pthread_mutex_lock(&server->adopt_lock);
    int code = sgr_vector_push(&server->adopted, &descriptor);
    pthread_mutex_unlock(&server->adopt_lock);
    if (code)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for an adopted socket");
    ev_async_send(server->loop, &server->wake);
    return SGR_OK;
}
