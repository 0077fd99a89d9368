/* A list of rows, each with a reference held. */
#ifndef SANGRE_LUA_ROWS_H
#define SANGRE_LUA_ROWS_H

#include <sangre/operator.h>

struct rows {
    const struct sgr_row **items;
    size_t count, capacity;
};

/* Takes the reference over on success. SGR_ENOMEM. */
int rows_add(const struct sgr_operator_host *table, void *host, struct rows *rows,
             const struct sgr_row *row);
/* Drops all but the first `count`; keeps the memory. */
void rows_cut(const struct sgr_operator_host *table, struct rows *rows, size_t count);
void rows_fini(const struct sgr_operator_host *table, void *host, struct rows *rows);
/* The same rows in the same order. */
bool rows_equal(const struct sgr_operator_host *table, const struct sgr_schema *schema,
                const struct sgr_row *const *a, size_t count_a, const struct sgr_row *const *b,
                size_t count_b);

#endif
