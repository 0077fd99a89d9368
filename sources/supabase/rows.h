/* Reading tables whole: who asks, and how. There are two ways, REST (rest.h) and a connection to Postgres (direct.h). Engine's thread. */
#ifndef SOURCES_SUPABASE_ROWS_H
#define SOURCES_SUPABASE_ROWS_H

#include "options.h"
#include "table.h"

struct rows_owner {
    /* One row; fields are borrowed. An error ends the reading, and is given to `done`. */
    int (*row)(void *data, struct table *table, const struct sgr_field *fields,
               struct sgr_error *error);
    /* All have been given, or the error why not. To be freed then, from in here too. SGR_EFATAL, SGR_ENOTFOUND: trying again would not help. */
    void (*done)(void *data, const struct sgr_error *error);
    void *data;
};

struct rows_wanted {
    struct table *tables;
    size_t count;
    bool look; /* whether the tables can be read; their rows are not given */
};

struct rows;

/* By `conninfo` if that is given, else by REST. Calls nobody before it has returned. */
int rows_open(const struct service *service, const struct rows_owner *owner,
              const struct rows_wanted *wanted, struct rows **ret, struct sgr_error *error);
void rows_free(struct rows *rows); /* breaks it off; NULL is fine */

#endif
