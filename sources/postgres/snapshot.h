/* Copies tables, one after the other, within a transaction that sees exactly what the stream does not bring. Engine's thread. */
#ifndef POSTGRES_SNAPSHOT_H
#define POSTGRES_SNAPSHOT_H

#include "link.h"

struct snapshot;
typedef void snapshot_done(void *data, const struct sgr_error *error);

/* Over an idle link whose transaction has the snapshot. Rows go to the host, in the order of the relations; relations live until
 * done, which ends the job. A row the host cannot take is SGR_EFATAL. */
int snapshot_copy(struct link *link, const struct sgr_source_host *host, void *host_data,
                  struct sgr_relation *const *relations, size_t count, snapshot_done *done,
                  void *data, struct snapshot **ret, struct sgr_error *error);
/* Before it was done. NULL is fine. */
void snapshot_free(struct snapshot *snapshot);

#endif
