/* One connection to the server, driven by the host's loop: connecting, queries, COPY and the replication stream, none of which block.
 *
 * A link is connecting, idle, or busy with one query. Every session setting that could change the text of a value is pinned. A turn
 * reads a bounded amount, so the loop stays responsive. A link may be closed from any of its own callbacks; none follows.
 * Names are resolved by libpq when connecting, which can block: give an address (hostaddr) if name servers are slow.
 * Engine's thread. */
#ifndef POSTGRES_LINK_H
#define POSTGRES_LINK_H

#include <libpq-fe.h>
#include <sangre/source.h>

/* Where to connect: a parsed conninfo, with the pinned settings. */
struct link_target;

/* SGR_ECONFIG; the message holds nothing of the text, which may contain a password. */
int link_target_new(const char *conninfo, struct link_target **ret, struct sgr_error *error);
void link_target_free(struct link_target *target);
/* "host port database", for messages. */
const char *link_target_name(const struct link_target *target);

struct link;

struct link_owner {
    const struct sgr_source_host *host;
    void *host_data;
    void (*ready)(void *data);
    /* The connection could not be made or broke; the link is dead, and still to be closed. */
    void (*lost)(void *data, const struct sgr_error *error);
    void *data;
};

/* The answer to a query. `error` NULL: it went well. Otherwise `result` has the details. The result is borrowed. */
typedef void link_answer(void *data, const PGresult *result, const struct sgr_error *error);
/* One row of COPY, or one message of the stream; `bytes` may be changed. An error loses the link. */
typedef int link_row(void *data, char *bytes, size_t size, struct sgr_error *error);

/* timeout: microseconds until `ready`. SGR_ENOMEM, SGR_EUNAVAILABLE. */
int link_open(const struct link_owner *owner, const struct link_target *target, bool replication,
              int64_t timeout, struct link **ret, struct sgr_error *error);
void link_close(struct link *link); /* NULL is fine */

/* `row` is for COPY TO STDOUT (then the answer comes behind the last row) and START_REPLICATION (the answer comes first, and the stream
 * ends with `lost`); NULL otherwise. SGR_EINTERNAL: not idle. */
int link_query(struct link *link, const char *sql, link_row *row, link_answer *answer, void *data,
               struct sgr_error *error);
/* While streaming: sends a message to the server. */
int link_send(struct link *link, const char *bytes, size_t size, struct sgr_error *error);
/* Stops or goes on reading; what is sent is not held. */
void link_hold(struct link *link, bool held);
/* Called from the loop when all that there was to read has been handed on; NULL: nobody is. The last thing of a turn: the link may be closed. */
void link_on_dry(struct link *link, void (*dry)(void *data), void *data);
/* Waits so long between turns while rows keep coming, microseconds. */
void link_set_delay(struct link *link, int64_t delay);
bool link_idle(const struct link *link);
int link_version(const struct link *link); /* 150004 */
int link_backend(const struct link *link); /* the server process' id */
/* wal_sender_timeout in microseconds; 0: off. */
int64_t link_sender_timeout(const struct link *link);
/* Sends a query, closes the link and forgets the answer; the link is idle or dead. */
void link_last_words(struct link *link, const char *sql);

#endif
