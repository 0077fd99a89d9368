/* An endpoint of webhooks: a URL, and the POSTs that wait for it.
 *
 * The first is under way, or waits to be tried again: after half a second, then twice as long each time, up to half a minute; by chance up to
 * half as long, so that many do not come at once. An answer 2xx ends it, and so does one that refuses this very body. An endpoint that is
 * too far behind is parked: all but the first are left out, what comes is left out, nobody waits for it any more; once its first is
 * answered it takes part again, and its next POST tells how many were left out. */
#ifndef SINKS_SUPABASE_WEBHOOK_ENDPOINT_H
#define SINKS_SUPABASE_WEBHOOK_ENDPOINT_H

#include <sangre/sink.h>
#include <sangre/text.h>

struct endpoint;

/* What POSTs of a transaction hold back: its acknowledgement. */
struct commit {
    struct commit *before, *next;
    size_t waiting; /* POSTs */
    bool open;      /* more of it is to come */
    uint64_t lsn;   /* acknowledged when all before is done; 0: nothing */
};

/* What endpoints share; lives longer than they do. */
struct endpoints {
    const struct sgr_sink_host *table;
    void *host;
    const char *headers; /* lines */
    const char *ca_file; /* NULL: the system's */
    int64_t timeout;     /* of one try, microseconds */
    int64_t patience;    /* microseconds that the first may be tried for; 0: for ever */
    int64_t rest;        /* microseconds without any after which it is not thought slow any more */
    struct sgr_text scratch;
    uint64_t chance; /* a state for random numbers, not 0 */
    /* A commit waits for no POST any more; may free it. */
    void (*done)(void *data, struct commit *commit);
    /* An endpoint holds fewer bytes. */
    void (*moved)(void *data);
    void *data;
};

struct post {
    uint64_t lsn;     /* of the commit */
    uint64_t log_end; /* of the database, as it was known then */
    char id[40];
    unsigned part; /* from 1; 0: it is whole */
    struct sgr_bytes *body;
    struct commit *commit; /* waits for it */
};

struct endpoint *endpoint_new(struct endpoints *all, const char *url); /* NULL: out of memory */
void endpoint_free(struct endpoint *endpoint);
const char *endpoint_url(const struct endpoint *endpoint);

/* Copies it, with references of its own. Without memory, or when parked, it is left out. The first is tried, unless that goes on by itself. */
void endpoint_push(struct endpoint *endpoint, const struct post *post);
void endpoint_left_out(struct endpoint *endpoint, uint64_t lsn, const char *why);
/* Parks it, unless it is; `why` is for people. */
void endpoint_park(struct endpoint *endpoint, const char *why);
/* Parks it because the stream waited for it, which it is not to do again until it has answered all that it got since. */
void endpoint_give_up(struct endpoint *endpoint, const char *why);
bool endpoint_given_up(const struct endpoint *endpoint);
/* Positions of before mean nothing any more: what waits is behind from this one on. */
void endpoint_rebase(struct endpoint *endpoint, uint64_t lsn);
size_t
endpoint_bytes(const struct endpoint *endpoint); /* that wait for it; 0 if nobody waits for it */
/* What it is behind from: where the log ended when the first that waits came, as whoever reads a log from far behind is not held up by it; but its own commit once
 * it has failed. 0: none waits, or nobody waits for it. */
uint64_t endpoint_position(const struct endpoint *endpoint);

#endif
