/* What to warn of when tables are followed as they are published: those with row level security, which a stream does not obey, and those without a replica
 * identity, whose updates fail. Engine's thread. */
#ifndef POSTGRES_WARNINGS_H
#define POSTGRES_WARNINGS_H

#include <libpq-fe.h>
#include <sangre/source.h>

#include "sql.h"

/* Asks for the tables of these publications that there is something to say of; `bypass`: row level security is acknowledged. */
void warnings_sql(const char *const *publications, size_t count, bool bypass, struct sql *sql);
/* Says it, of the first few of them. */
void warnings_log(const struct sgr_source_host *host, void *host_data, const PGresult *result);

#endif
