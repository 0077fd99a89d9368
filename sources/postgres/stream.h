/* The replication stream: messages to transactions for the host, keepalives and acknowledgements for the server.
 *
 * A transaction begins for the host with its first change of a table that is used; one without any only advances the position. The position told
 * to the server as flushed is the host's durable one; the server's own end of log is added to that only while nothing is
 * pending between the two. Status is sent on a timer, also while paused, and at once when asked for. Engine's thread. */
#ifndef POSTGRES_STREAM_H
#define POSTGRES_STREAM_H

#include "relations.h"

struct stream;

struct stream_setup {
    const struct sgr_source_host *host;
    void *host_data;
    struct link *link;
    struct relations *relations; /* taken, also on failure */
    uint64_t position;           /* where the snapshot stands */
    bool paused;
    /* The server has gone silent; called from the loop. */
    void (*lost)(void *data, const struct sgr_error *error);
    void *data;
};

int stream_new(const struct stream_setup *setup, struct stream **ret, struct sgr_error *error);
/* Aborts what the host has begun. NULL is fine. */
void stream_free(struct stream *stream);
/* One message of the copy: a link_row. */
int stream_message(void *stream, char *bytes, size_t size, struct sgr_error *error);
void stream_pause(struct stream *stream, bool paused);
void stream_ack(struct stream *stream, uint64_t lsn);
/* Tells the server our position now. */
int stream_report(struct stream *stream, struct sgr_error *error);

#endif
