#include "engine/loop.h"

#include <ev.h>
#include <stdlib.h>

#include "base/list.h"

struct sgr_loop {
    struct ev_loop *ev;
    ev_async wake;
    void (*woken)(void *data);
    void *woken_data;
    bool virtual_time;
    int64_t now;            /* virtual time */
    struct sgr_list timers; /* armed ones under virtual time, by due time, then arming */
};

struct sgr_watch {
    ev_io io;
    struct sgr_loop *loop;
    void (*ready)(void *data, unsigned events);
    void *data;
};

struct sgr_timer {
    ev_timer ev;
    struct sgr_list link;
    int64_t due;
    struct sgr_loop *loop;
    void (*fired)(void *data);
    void *data;
};

static void on_wake(struct ev_loop *ev, ev_async *wake, int events) {
    (void)wake;
    (void)events;
    struct sgr_loop *loop = ev_userdata(ev);
    if (loop->woken)
        loop->woken(loop->woken_data);
}

struct sgr_loop *sgr_loop_new(bool virtual_time) {
    struct sgr_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return NULL;
    loop->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOSIGMASK);
    if (!loop->ev) {
        free(loop);
        return NULL;
    }
    loop->virtual_time = virtual_time;
    sgr_list_init(&loop->timers);
    ev_set_userdata(loop->ev, loop);
    ev_async_init(&loop->wake, on_wake);
    ev_async_start(loop->ev, &loop->wake);
    return loop;
}

void sgr_loop_free(struct sgr_loop *loop) {
    if (!loop)
        return;
    ev_async_stop(loop->ev, &loop->wake);
    ev_loop_destroy(loop->ev);
    free(loop);
}

void sgr_loop_run(struct sgr_loop *loop) {
    ev_run(loop->ev, 0);
}

void sgr_loop_break(struct sgr_loop *loop) {
    ev_break(loop->ev, EVBREAK_ALL);
}

int64_t sgr_loop_now(const struct sgr_loop *loop) {
    if (loop->virtual_time)
        return loop->now;
    return (int64_t)(ev_now(loop->ev) * 1e6);
}

static struct sgr_timer *first_due(struct sgr_loop *loop, int64_t until) {
    if (sgr_list_empty(&loop->timers))
        return NULL;
    struct sgr_timer *timer = SGR_CONTAINER(loop->timers.next, struct sgr_timer, link);
    return timer->due <= until ? timer : NULL;
}

void sgr_loop_advance(struct sgr_loop *loop, int64_t microseconds) {
    int64_t until = loop->now + microseconds;
    for (struct sgr_timer *timer; (timer = first_due(loop, until));) {
        sgr_list_remove(&timer->link);
        loop->now = timer->due;
        timer->fired(timer->data);
        ev_run(loop->ev, EVRUN_NOWAIT);
    }
    loop->now = until;
    ev_run(loop->ev, EVRUN_NOWAIT);
}

void sgr_loop_on_wake(struct sgr_loop *loop, void (*woken)(void *data), void *data) {
    loop->woken = woken;
    loop->woken_data = data;
}

void sgr_loop_wake(struct sgr_loop *loop) {
    ev_async_send(loop->ev, &loop->wake);
}

static int to_ev(unsigned events) {
    return (events & SGR_WATCH_READ ? EV_READ : 0) | (events & SGR_WATCH_WRITE ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *ev, ev_io *io, int events) {
    (void)ev;
    struct sgr_watch *watch = SGR_CONTAINER(io, struct sgr_watch, io);
    watch->ready(watch->data, (events & EV_READ ? SGR_WATCH_READ : 0) |
                                  (events & EV_WRITE ? SGR_WATCH_WRITE : 0));
}

struct sgr_watch *sgr_watch_new(struct sgr_loop *loop, int descriptor, unsigned events,
                                void (*ready)(void *data, unsigned events), void *data) {
    struct sgr_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return NULL;
    *watch = (struct sgr_watch){.loop = loop, .ready = ready, .data = data};
    ev_io_init(&watch->io, on_io, descriptor, to_ev(events));
    if (events)
        ev_io_start(loop->ev, &watch->io);
    return watch;
}

void sgr_watch_change(struct sgr_watch *watch, unsigned events) {
    ev_io_stop(watch->loop->ev, &watch->io);
    ev_io_set(&watch->io, watch->io.fd, to_ev(events));
    if (events)
        ev_io_start(watch->loop->ev, &watch->io);
}

void sgr_watch_free(struct sgr_watch *watch) {
    if (!watch)
        return;
    ev_io_stop(watch->loop->ev, &watch->io);
    free(watch);
}

static void on_timer(struct ev_loop *ev, ev_timer *ev_timer, int events) {
    (void)ev;
    (void)events;
    struct sgr_timer *timer = SGR_CONTAINER(ev_timer, struct sgr_timer, ev);
    timer->fired(timer->data);
}

struct sgr_timer *sgr_timer_new(struct sgr_loop *loop, void (*fired)(void *data), void *data) {
    struct sgr_timer *timer = calloc(1, sizeof(*timer));
    if (!timer)
        return NULL;
    *timer = (struct sgr_timer){.loop = loop, .fired = fired, .data = data};
    sgr_list_init(&timer->link);
    ev_timer_init(&timer->ev, on_timer, 0., 0.);
    return timer;
}

static void arm_virtual(struct sgr_timer *timer, int64_t microseconds) {
    struct sgr_loop *loop = timer->loop;
    timer->due = loop->now + microseconds;
    struct sgr_list *before = &loop->timers;
    for (; before->prev != &loop->timers; before = before->prev)
        if (SGR_CONTAINER(before->prev, struct sgr_timer, link)->due <= timer->due)
            break;
    sgr_list_append(before, &timer->link);
}

void sgr_timer_arm(struct sgr_timer *timer, int64_t microseconds) {
    sgr_timer_cancel(timer);
    if (microseconds < 0)
        microseconds = 0;
    if (timer->loop->virtual_time) {
        arm_virtual(timer, microseconds);
        return;
    }
    /* ev_timer counts from the loop's cached time, which a long turn leaves behind. */
    ev_now_update(timer->loop->ev);
    ev_timer_set(&timer->ev, (double)microseconds / 1e6, 0.);
    ev_timer_start(timer->loop->ev, &timer->ev);
}

void sgr_timer_cancel(struct sgr_timer *timer) {
    sgr_list_remove(&timer->link);
    ev_timer_stop(timer->loop->ev, &timer->ev);
}

void sgr_timer_free(struct sgr_timer *timer) {
    if (!timer)
        return;
    sgr_timer_cancel(timer);
    free(timer);
}
