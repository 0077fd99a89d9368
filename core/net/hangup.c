/* Clients that went away while something is still due to them: an event stream's, or one whose request is not answered yet.
 *
 * libwebsockets takes the end of a client's sending for a half-closed connection that still wants its answer, turns its idle loop without
 * rest while that is not there, and notices a stream's end only when a later write fails. Clients of ours have no reason to half-close,
 * so the end of their sending is the end. An epoll set of our own, itself watched by the loop, tells of exactly that. */
#define _GNU_SOURCE
#include "net/internal.h"

#include <sys/epoll.h>
#include <unistd.h>

static void hung_up(struct ev_loop *loop, ev_io *watcher, int events) {
    struct epoll_event found[64];
    (void)loop;
    (void)events;
    int count = epoll_wait(watcher->fd, found, 64, 0);
    for (int i = 0; i < count; i++)
        sgr__peer_kill(found[i].data.ptr);
}

int sgr__hangups_start(struct sgr_server *server) {
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        return SGR_EIO;
    ev_io_init(&server->hangups, hung_up, set, EV_READ);
    ev_io_start(server->loop, &server->hangups);
    return SGR_OK;
}

void sgr__hangups_stop(struct sgr_server *server) {
    if (!ev_is_active(&server->hangups))
        return;
    ev_io_stop(server->loop, &server->hangups);
    close(server->hangups.fd);
}

void sgr__hangup_watch(struct sgr__peer *peer) {
    struct epoll_event wanted = {.events = EPOLLRDHUP | EPOLLET, .data = {.ptr = peer}};
    epoll_ctl(peer->server->hangups.fd, EPOLL_CTL_ADD, lws_get_socket_fd(peer->wsi), &wanted);
}

/* While its descriptor is still open. */
void sgr__hangup_forget(struct sgr__peer *peer) {
    if (ev_is_active(&peer->server->hangups) && peer->wsi)
        epoll_ctl(peer->server->hangups.fd, EPOLL_CTL_DEL, lws_get_socket_fd(peer->wsi), NULL);
}
