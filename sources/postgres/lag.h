/* Looks every now and then where the log ends, of which it tells the host, and how far a slot's acknowledged position is behind that. Its
 * connection may fail without harm: the next look makes another. Engine's thread. */
#ifndef POSTGRES_LAG_H
#define POSTGRES_LAG_H

#include "link.h"

struct lag;

struct lag_setup {
    const struct sgr_source_host *host;
    void *host_data;
    const struct link_target *target;
    int64_t connect_timeout;
    const char *slot;                            /* lives as long */
    int64_t limit;                               /* bytes; 0: none */
    void (*exceeded)(void *data, int64_t bytes); /* from the loop; may free the lag */
    void *data;
};

int lag_new(const struct lag_setup *setup, struct lag **ret, struct sgr_error *error);
void lag_free(struct lag *lag); /* NULL is fine */

/* Tells the host that the log goes so far. */
void lag_tell_end(const struct sgr_source_host *host, void *host_data, uint64_t lsn);

/* The log's end, also on a standby. */
#define LAG_END_OF_LOG                                                                       \
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() " \
    "END"

#endif
