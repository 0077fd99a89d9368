/* The engine's loop: descriptors, one-shot timers, a wake from other threads, and time — libev's, or virtual for replays and tests.
 *
 * Virtual time stands still while anything is ready and jumps to the next timer when nothing is (sgr_loop_advance). Timers due at the same
 * moment fire in the order in which they were armed. Engine's thread, but for sgr_loop_wake. */
#ifndef SGR_ENGINE_LOOP_H
#define SGR_ENGINE_LOOP_H

#include <sangre/source.h>

struct sgr_loop;

struct sgr_loop *sgr_loop_new(bool virtual_time);
void sgr_loop_free(struct sgr_loop *loop); /* NULL is fine; watches and timers must be gone */
void sgr_loop_run(struct sgr_loop *loop);  /* until sgr_loop_break */
void sgr_loop_break(struct sgr_loop *loop);
int64_t sgr_loop_now(const struct sgr_loop *loop); /* microseconds, monotonic */
/* Virtual time only: fires what falls due within the next `microseconds`, in order. */
void sgr_loop_advance(struct sgr_loop *loop, int64_t microseconds);

/* Any thread, also a signal handler: `woken` is called on the loop soon; several wakes may become one call. */
void sgr_loop_on_wake(struct sgr_loop *loop, void (*woken)(void *data), void *data);
void sgr_loop_wake(struct sgr_loop *loop);

struct sgr_watch *sgr_watch_new(struct sgr_loop *loop, int descriptor, unsigned events,
                                void (*ready)(void *data, unsigned events), void *data);
void sgr_watch_change(struct sgr_watch *watch, unsigned events);
void sgr_watch_free(struct sgr_watch *watch); /* NULL is fine */

struct sgr_timer *sgr_timer_new(struct sgr_loop *loop, void (*fired)(void *data), void *data);
void sgr_timer_arm(struct sgr_timer *timer,
                   int64_t microseconds); /* from now; replaces an earlier arming */
void sgr_timer_cancel(struct sgr_timer *timer);
void sgr_timer_free(struct sgr_timer *timer); /* NULL is fine */

#endif
