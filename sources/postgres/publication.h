/* Sees to it that a publication holds the tables: makes it, or adds tables to it, where the role may; otherwise says what a DBA has to run.
 * Engine's thread. */
#ifndef POSTGRES_PUBLICATION_H
#define POSTGRES_PUBLICATION_H

#include "catalog.h"

struct publication;
typedef void publication_done(void *data, const struct sgr_error *error);

/* Over an idle link. `catalog` and `name` live until done. SGR_EFATAL: what is there does not do, and may not be changed. Ends the job. */
int publication_ensure(struct link *link, const struct sgr_source_host *host, void *host_data,
                       const char *name, const struct catalog *catalog, publication_done *done,
                       void *data, struct publication **ret, struct sgr_error *error);
/* Before it was done. NULL is fine. */
void publication_free(struct publication *publication);

#endif
