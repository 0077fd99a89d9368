/* A condition at a table: its columns found, its values of the columns' types, its patterns compiled. */
#ifndef SINKS_SUPABASE_PREDICATE_H
#define SINKS_SUPABASE_PREDICATE_H

#include <sangre/sink.h>

#include "condition.h"

/* A table's columns as the stream describes them. */
struct columns {
    const struct sgr_sink_host *table;
    void *host;
    struct sgr_relation_column *items;
    size_t count;
};

/* SIZE_MAX: there is none. */
size_t columns_find(const struct columns *columns, struct sgr_slice name);

/* The row by which a change is judged: the new one, of a DELETE the old one. */
struct row {
    const struct columns *columns;
    const struct sgr_change *change;
};

/* NULL: the stream does not say. That is a key's old row beyond the key, and an unchanged value out of line. */
const struct sgr_field *row_field(const struct row *row, size_t column);
/* Of any row of the change, likewise. */
const struct sgr_field *row_old_field(const struct row *row, size_t column);

struct predicate;

/* All of `conditions` must hold. SGR_ENOTFOUND: no such column; SGR_EPARSE, SGR_ERANGE, SGR_ETYPE with what is wrong, for the client. */
int predicate_new(const struct columns *columns, const struct condition *const *conditions,
                  size_t count, struct predicate **ret, struct sgr_error *error);
void predicate_free(struct predicate *predicate); /* NULL is fine */
/* As SQL's logic has it; what is not known for sure does not hold. */
bool predicate_holds(const struct predicate *predicate, const struct row *row);

/* What a row must have for it to hold: a value in a column, by its hash. False: no such thing. */
bool predicate_key(const struct predicate *predicate, size_t *ret_column, uint64_t *ret_hash);
/* The row's. False: it has none. */
bool row_hash(const struct row *row, size_t column, uint64_t *ret);

#endif
