/* Clients that wait until everything up to a position has been published. One wait can name a position of each source and a tick; each is
 * looked at only when the first of those it still lacks is reached, so that what waits costs a commit nothing. Engine's thread. */
#ifndef SGR_ENGINE_WAITS_H
#define SGR_ENGINE_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sgr_waits;

enum sgr_waits_end { SGR_WAITS_REACHED, SGR_WAITS_OTHER_EPOCH };

/* `width`: how many positions there are; all are 0 at first. `over` is told once of each wait that was added, unless it was cancelled. */
struct sgr_waits *sgr_waits_new(size_t width,
                                void (*over)(void *data, uint64_t id, enum sgr_waits_end end),
                                void *data);
void sgr_waits_free(struct sgr_waits *waits); /* tells nobody; NULL is fine */

/* All of `positions` (width of them) must be reached. `of_epoch`: they mean nothing in another epoch. It may be over within the call. 0 or
 * SGR_ENOMEM. */
int sgr_waits_add(struct sgr_waits *waits, uint64_t id, const uint64_t *positions, bool of_epoch);
void sgr_waits_cancel(struct sgr_waits *waits, uint64_t id); /* unknown is fine */

/* Everything up to `position` of this component is published. Lower than before changes nothing. */
void sgr_waits_reached(struct sgr_waits *waits, size_t component, uint64_t position);
/* A new epoch is published, at these positions, which may lie before the last ones. */
void sgr_waits_restart(struct sgr_waits *waits, const uint64_t *positions);

#endif
