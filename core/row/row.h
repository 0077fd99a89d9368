/* Schemas, packing rows, and whole-row functions. Engine's thread. */
#ifndef SGR_ROW_ROW_H
#define SGR_ROW_ROW_H

#include "row/heap.h"
#include "row/type.h"

/* Copies columns and their names. One reference, the caller's. NULL: out of memory or over 1600 columns. */
struct sgr_schema *sgr_schema_new(const struct sgr_column *columns, size_t count);
struct sgr_schema *sgr_schema_ref(const struct sgr_schema *schema);
void sgr_schema_unref(struct sgr_schema *schema);                       /* NULL is fine */
int sgr_schema_find(const struct sgr_schema *schema, const char *name); /* column, or -1 */
/* A column's name as JSON writes it before a value, made once: "name": with quotes and colon. */
struct sgr_slice sgr_schema_json_key(const struct sgr_schema *schema, uint16_t column);
/* Same names, types, modifiers and collations in the same order. */
bool sgr_schema_equal(const struct sgr_schema *a, const struct sgr_schema *b);

/* values: one per column, of the column's type (a value of the same class is narrowed; out of range is SGR_ERANGE). Copies text. */
int sgr_row_new(struct sgr_heap *heap, const struct sgr_schema *schema,
                const struct sgr_value *values, const struct sgr_row **ret,
                struct sgr_error *error);
size_t sgr_row_size(const struct sgr_schema *schema, const struct sgr_row *row);
/* Whole rows are compared as they are shown, byte for byte: numeric 1.0 and 1.00 are equal keys, but not equal rows, as a change from
 * one to the other is a change. Types without equality (json) are fine here. */
bool sgr_row_equal(const struct sgr_schema *schema, const struct sgr_row *a,
                   const struct sgr_row *b);
uint64_t sgr_row_hash(const struct sgr_schema *schema, const struct sgr_row *row);
/* Keys are compared by value, as SQL's = does but for null, which equals null. sgr_key_hash gives the same for equal values of one class
 * outside of a row. */
uint64_t sgr_row_hash_columns(const struct sgr_schema *schema, const struct sgr_row *row,
                              const uint16_t *columns, size_t count);
uint64_t sgr_key_hash(const struct sgr_value *key, size_t count);
/* All columns equal, null = null, across two schemas of the same classes. */
bool sgr_row_equal_columns(const struct sgr_schema *schema_a, const struct sgr_row *a,
                           const uint16_t *columns_a, const struct sgr_schema *schema_b,
                           const struct sgr_row *b, const uint16_t *columns_b, size_t count);
/* By the given columns ascending, nulls last, text by each column's collation. */
int sgr_row_compare_columns(const struct sgr_schema *schema, const struct sgr_row *a,
                            const struct sgr_row *b, const uint16_t *columns, size_t count);
/* {"id":1,"name":"x"} with the given columns (NULL: all). */
void sgr_row_json(const struct sgr_schema *schema, const struct sgr_row *row,
                  const uint16_t *columns, size_t count, struct sgr_buffer *out);

#endif
