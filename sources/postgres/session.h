/* One attempt to follow the database, from connecting to the loss of the stream. The next attempt is a new session: nothing is carried over.
 *
 *   catalog link:      look at the tables, see to the publication ─┐            ┌─ import the snapshot, look again, COPY, commit, close
 *   replication link:                                              └─ make slot ─┘                        └─ START_REPLICATION there
 *
 * The publication stands before the slot, or decoding would fail at the slot's position. The slot is temporary: it dies with its link. The
 * exported snapshot and the slot's consistent point are one and the same place in the log. Engine's thread. */
#ifndef POSTGRES_SESSION_H
#define POSTGRES_SESSION_H

#include "catalog.h"

struct session;

struct session_setup {
    const struct sgr_source_host *host;
    void *host_data;
    const struct link_target *target;
    const char *publication;
    bool bypass_row_security;
    int64_t connect_timeout, batch_delay;
    struct sgr_relation *const *relations; /* the host's; live as long as the session */
    size_t count;
    bool paused;
    /* The session is over: what it had begun was aborted, its links are closed. Called last; the session is still to be freed, but not
     * from here. */
    void (*over)(void *data, const struct sgr_error *error);
    void *data;
};

int session_new(const struct session_setup *setup, struct session **ret, struct sgr_error *error);
void session_pause(struct session *session, bool paused);
void session_ack(struct session *session, uint64_t lsn);
bool session_is_over(const struct session *session);
/* Tells the server our position, and leaves. NULL is fine. */
void session_free(struct session *session);

#endif
