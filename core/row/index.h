/* A shared index (arrangement): rows of one node by some of its columns, about 12 bytes an entry.
 *
 * Open addressing over groups of rows with equal key; a group of one row is stored inline as its row id, larger groups as an array of
 * ids, and beyond a threshold as a hash set, so that an entry is removed in O(1) whatever the group's size. Keys with nulls are indexed
 * (null equals null). A row of multiplicity n counts n. Iteration order within a group is a function of the history of changes alone
 * (deterministic), otherwise unspecified. Engine's thread. */
#ifndef SGR_ROW_INDEX_H
#define SGR_ROW_INDEX_H

#include <sangre/operator.h>

#include "row/batch.h"

/* Holds references to the schema and to each row. count 0: one group, a plain set to scan. A column may
 * be named twice, as by a link and a condition. */
struct sgr_index *sgr_index_new(struct sgr_heap *heap, const struct sgr_schema *schema,
                                const uint16_t *columns, size_t count);
void sgr_index_free(struct sgr_index *index);  /* NULL is fine */
void sgr_index_clear(struct sgr_index *index); /* takes all rows out; never fails */
/* Promises that no two equal rows will be in it, as the node has a key: an insertion then looks for no equal row, which makes filling
 * it faster. Were the promise broken, equal rows would stand side by side instead of as one of weight 2. Said while it is empty, or for what is applied until
 * it is taken back. */
void sgr_index_promise_distinct(struct sgr_index *index, bool distinct);
/* Whether the promise was broken: looks at each row that is not the only one of its key once, which is much less than each insertion would. */
bool sgr_index_breaks_promise(const struct sgr_index *index);
const uint16_t *sgr_index_columns(const struct sgr_index *index, size_t *ret_count);

/* A consolidated batch. Rows to delete are found by identity or else by content. Equal rows are one entry, whose weights add up.
 * SGR_EINTERNAL: a row to delete is not there (the rest is applied); SGR_ENOMEM: the index is unusable. */
int sgr_index_apply(struct sgr_index *index, const struct sgr_batch *batch,
                    struct sgr_error *error);

/* Iteration (struct sgr_iterator, sgr_index_next) is valid until the next apply. */
void sgr_index_probe(const struct sgr_index *index, const struct sgr_value *values,
                     struct sgr_iterator *ret);
void sgr_index_probe_row(const struct sgr_index *index, const struct sgr_schema *schema,
                         const struct sgr_row *row, const uint16_t *columns,
                         struct sgr_iterator *ret);
void sgr_index_scan(const struct sgr_index *index, struct sgr_iterator *ret);
const struct sgr_row *sgr_index_next(struct sgr_iterator *iterator, int64_t *ret_weight);
/* The entry that equals this row in all columns, or NULL; O(1) however many have its key. */
const struct sgr_row *sgr_index_find(const struct sgr_index *index, const struct sgr_row *row,
                                     int64_t *ret_weight);
bool sgr_index_repeats(const struct sgr_index *index); /* some row is there more than once */
/* The one row with this key, or NULL; for unique keys. */
const struct sgr_row *sgr_index_get(const struct sgr_index *index, const struct sgr_value *values);

size_t sgr_index_rows(const struct sgr_index *index); /* multiplicities counted */
size_t sgr_index_groups(const struct sgr_index *index);
size_t sgr_index_bytes(const struct sgr_index *index); /* without the rows */
uint64_t sgr_index_probes(
    const struct sgr_index *index); /* since it was made; for explain and trace tests */

#endif
