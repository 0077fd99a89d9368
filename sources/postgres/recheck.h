/* Looks again at what sinks limit, when a stream announces a relation in a transaction that the last look did not see, and holds the stream meanwhile: it may be a
 * partition of a table that a rule names, or be that table by another name. A look that fails or
 * takes too long is taken again. Engine's thread. */
#ifndef POSTGRES_RECHECK_H
#define POSTGRES_RECHECK_H

#include "limits.h"
#include "stream.h"

struct recheck;

struct recheck_setup {
    const struct sgr_source_host *host;
    void *host_data;
    const struct link_target *target;
    int64_t connect_timeout;
    struct limits *limits; /* of a look that found no fault */
    /* A look found a fault, or memory is out; from the loop, and may free this. */
    void (*failed)(void *data, const struct sgr_error *error);
    void *data;
};

struct recheck *recheck_new(const struct recheck_setup *setup); /* NULL: out of memory */
void recheck_free(struct recheck *recheck);                     /* NULL is fine */
/* What the stream announces; the stream lives as long as the recheck. */
int recheck_announced(struct recheck *recheck, struct stream *stream, uint32_t oid,
                      const struct sgr_relation *relation, struct sgr_error *error);

#endif
