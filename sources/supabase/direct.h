/* Tables by a connection to Postgres, where there is one beside the feed: all in one snapshot of the database. Engine's thread. */
#ifndef SOURCES_SUPABASE_DIRECT_H
#define SOURCES_SUPABASE_DIRECT_H

#include "rows.h"

struct direct;

/* Calls nobody before it has returned. */
int direct_open(const struct service *service, const struct rows_owner *owner,
                const struct rows_wanted *wanted, struct direct **ret, struct sgr_error *error);
void direct_free(struct direct *direct); /* breaks it off; NULL is fine */

#endif
