/* The replication stream: messages to transactions for the host, keepalives and acknowledgements for the server.
 *
 * A transaction begins for the host with its first change of a table that is used; one without any only advances the position. The position told
 * to the server as flushed is the host's durable one; the server's own end of log is added to that only while nothing is
 * pending between the two. Status is sent on a timer, also while paused, at once when asked for, and when the
 * server has told how far it is and has no more. When following, every table is used, and a pause
 * is one also in mid-transaction. Engine's thread. */
#ifndef POSTGRES_STREAM_H
#define POSTGRES_STREAM_H

#include "relations.h"

struct stream;

struct stream_setup {
    const struct sgr_source_host *host;
    void *host_data;
    struct link *link;
    struct relations *relations; /* taken, also on failure */
    uint64_t position;           /* where it begins: what ends behind this is wanted */
    uint64_t durable;            /* at most that */
    bool prompt; /* tells of what is durable soon: the server keeps it beyond this connection */
    bool paused;
    /* A relation has been announced, whose changes come next; NULL: nobody is told. */
    int (*announced)(void *data, uint32_t oid, const struct sgr_relation *relation,
                     struct sgr_error *error);
    /* The server has gone silent; called from the loop. */
    void (*lost)(void *data, const struct sgr_error *error);
    void *data;
};

int stream_new(const struct stream_setup *setup, struct stream **ret, struct sgr_error *error);
/* Aborts what the host has begun. NULL is fine. */
void stream_free(struct stream *stream);
/* One message of the copy: a link_row, whose data is the stream. */
int stream_message(void *data, char *bytes, size_t size, struct sgr_error *error);
void stream_pause(struct stream *stream, bool paused);
/* From `announced`, when following: nothing more is taken until that is over. */
void stream_hold(struct stream *stream, bool held);
/* A relation that was announced: a row of it ends the stream, with SGR_ELOST. */
void stream_refuse(struct stream *stream, uint32_t oid);
void stream_ack(struct stream *stream, uint64_t lsn);
/* The transaction at hand, from `announced`. */
uint32_t stream_xid(const struct stream *stream);
/* The end of the last transaction that went to the host, or where it began. */
uint64_t stream_committed(const struct stream *stream);
/* What the server was told, or is about to be told, as flushed. */
uint64_t stream_durable(const struct stream *stream);
/* Tells the server our position now. */
int stream_report(struct stream *stream, struct sgr_error *error);

#endif
