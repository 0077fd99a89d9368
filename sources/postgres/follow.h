/* One attempt to follow the database's change stream, without a snapshot; the next attempt is a new one, with what `memory` holds.
 *
 *   catalog link:      facts, publications, limits, what to warn of, types, the slot ─┐           ┌─ (closed; looks at the slot's lag now and then, and
 *                                                                                     │           │   at what sinks limit, when it may have changed)
 *   replication link:                                                                 └─ the slot ┴─ START_REPLICATION
 *
 * A temporary slot dies with its link, and what commits until the next one is there is a gap. A permanent slot is made if it is missing, and used from
 * where we are, or, at a process' start, from where it was acknowledged. Engine's thread. */
#ifndef POSTGRES_FOLLOW_H
#define POSTGRES_FOLLOW_H

#include "catalog.h"
#include "slot.h"

struct follow;

struct follow_memory { /* outlives attempts; zeroed at first */
    struct slot_memory slot;
    uint64_t durable; /* what the host acknowledged */
    bool warned;
    struct limits
        *limits;  /* NULL: none yet; whose memory it is frees it, before what it was set up with */
    bool refused; /* a row came by a name that it must not have, or may have */
};

struct follow_setup {
    const struct sgr_source_host *host;
    void *host_data;
    const struct link_target *target;
    const char *const *publications;
    size_t publication_count;
    const struct catalog_name *limited; /* tables whose rows sinks limit by their names */
    size_t limited_count;
    const char *slot;  /* NULL: temporary */
    int64_t lag_limit; /* bytes; 0: none */
    bool bypass_row_security, check;
    int64_t connect_timeout, batch_delay;
    bool paused;
    struct follow_memory *memory;
    /* It is over: what it had begun was aborted, its links are closed. Called last; it is still to be freed, but not from here. Not called for a
     * check that ended well. */
    void (*over)(void *data, const struct sgr_error *error);
    void *data;
};

int follow_new(const struct follow_setup *setup, struct follow **ret, struct sgr_error *error);
void follow_pause(struct follow *follow, bool paused);
void follow_ack(struct follow *follow, uint64_t lsn);
bool follow_is_over(const struct follow *follow);
/* Tells the server our position, and leaves. NULL is fine. */
void follow_free(struct follow *follow);

#endif
