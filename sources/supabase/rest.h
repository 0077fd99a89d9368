/* Tables by PostgREST: pages in the order of the key, every value as Postgres' text. Each page is read at another time; what changes in
 * between is in the feed. Engine's thread. */
#ifndef SOURCES_SUPABASE_REST_H
#define SOURCES_SUPABASE_REST_H

#include <sangre/text.h>

#include "rows.h"

struct rest;

/* Calls nobody before it has returned. */
int rest_open(const struct service *service, const struct rows_owner *owner,
              const struct rows_wanted *wanted, struct rest **ret, struct sgr_error *error);
void rest_free(struct rest *rest); /* breaks it off; NULL is fine */

/* The query for the rows behind `last`, which has a text for each column of the key, in the order of the columns. NULL: from the first. */
void rest_query(struct sgr_text *text, const struct table *table, const struct sgr_text *last,
                int64_t limit);

#endif
