/* One entry of postgres_changes: which changes of which tables. */
#ifndef SINKS_SUPABASE_WISH_H
#define SINKS_SUPABASE_WISH_H

#include <jansson.h>

#include "condition.h"

struct wish {
    unsigned events;                /* EVENT_… */
    struct sgr_slice schema, table; /* "*": any */
    struct sgr_slice filter;        /* as it was written */
    struct condition *condition;    /* of the filter; NULL: none */
    const json_t *select;           /* a list of columns' names; NULL: all */
};

/* Borrows from `entry`. SGR_EPARSE with what is wrong, for the client. */
int wish_read(const struct condition_maker *maker, const json_t *entry, struct wish *ret,
              struct sgr_error *error);
void wish_free(const struct condition_maker *maker, struct wish *wish);

/* Whether it names this table, and whether by its name alone. */
bool wish_fits(const struct wish *wish, struct sgr_slice schema, struct sgr_slice table);
bool wish_is_exact(const struct wish *wish);

/* An error at a table as clients know it from their server: with the wish, and Postgres' code. */
void wish_explain(const struct wish *wish, struct sgr_error *error);

#endif
