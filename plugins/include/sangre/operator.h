/* Operators: what is computed. A node is an operator bound to its inputs.
 *
 * An operator turns batches of changes of its inputs into a batch of changes of its output. It is pure: no clock, no descriptor, no
 * thread; it is called on the engine's thread only, once per transaction that changed any input, in topological order.
 *
 *   bind     once: input schemas → output schema, key, wanted indexes. Also run by `sangre check`, with no data behind it.
 *   apply    per transaction: input batches (consolidated; NULL-count for inputs that did not change) → emit
 *   tick     only if bind asked for `tick_every`: a transaction of its own, on the engine's virtual time
 *
 * Batches and rows are borrowed for the call; `emit` takes its own reference. What is emitted need not be consolidated: the host does
 * that, except for operators whose shape says `consolidated`. Indexes asked for in bind show the state *after* the transaction
 * by the time `apply` runs, and are shared with every other node that wants the same columns.
 */
#ifndef SANGRE_OPERATOR_H
#define SANGRE_OPERATOR_H

#include "plugin.h"

struct sgr_expression; /* a compiled, typed SQL expression */
struct sgr_index;      /* a shared index over a node's output */
struct sgr_output;     /* where a call's changes go */

/* What an operator is told of one input. Borrowed for bind; the schema lives as long as the node. */
struct sgr_input {
    const char *name; /* for messages */
    const struct sgr_schema *schema;
    const uint16_t *key; /* columns that identify a row; none: a bag */
    size_t key_count;
};

struct sgr_index_wish {
    uint16_t input;
    uint16_t column_count;
    const uint16_t *columns; /* must stay valid until bind returned */
};

/* What bind answers. The operator allocates arrays with host->allocate; the host copies what it keeps. */
struct sgr_shape {
    struct sgr_schema *
        schema; /* reference handed to the host; from host->schema_new, or schema_ref of an input's */
    const uint16_t *key;
    size_t key_count; /* 0: a bag */
    const struct sgr_index_wish *indexes;
    size_t index_count;
    int64_t tick_every; /* microseconds; 0: no ticks */
    bool consolidated;  /* output of consolidated inputs is consolidated: skip the host's pass */
    bool
        impure; /* same input may give other output: nodes are still shared, but views get a new epoch at restart */
};

/* Iterates over an index. A plain value on the stack; valid until the index changes (not within apply). */
struct sgr_iterator {
    const void *opaque[6];
};

struct sgr_operator_host {
    struct sgr_host_common common;

    /* Schemas. Columns are copied. NULL: out of memory. */
    struct sgr_schema *(*schema_new)(void *host, const struct sgr_column *columns, size_t count);
    struct sgr_schema *(*schema_ref)(const struct sgr_schema *schema);
    void (*schema_unref)(struct sgr_schema *schema);
    /* "int", "numeric(10,2)", "text[]" → type fields of *ret (name untouched). */
    int (*parse_type)(void *host, const char *type_name, struct sgr_column *ret,
                      struct sgr_error *error);

    /* Rows. `values` has schema->count entries, of the columns' types; text is copied. The reference is the caller's. */
    int (*row_new)(void *host, const struct sgr_schema *schema, const struct sgr_value *values,
                   const struct sgr_row **ret);
    const struct sgr_row *(*row_ref)(const struct sgr_row *row);
    void (*row_unref)(const struct sgr_row *row);
    uint64_t (*row_hash)(const struct sgr_schema *schema, const struct sgr_row *row);
    bool (*row_equal)(const struct sgr_schema *schema, const struct sgr_row *a,
                      const struct sgr_row *b);

    /* Values: Postgres' text form in and out. value_text writes into *buffer (host-owned, valid until the next call). */
    int (*value_parse)(void *host, enum sgr_type type, struct sgr_slice text, struct sgr_value *ret,
                       struct sgr_error *error);
    struct sgr_slice (*value_text)(void *host, const struct sgr_value *value);

    /* Expressions, compiled against one input's schema in bind; live until close. evaluate's text is valid until the next
     * evaluate of the same expression. A failure at run time (division by zero, …) is returned as an error. */
    int (*compile)(void *host, const char *sql, const struct sgr_schema *schema,
                   struct sgr_expression **ret, struct sgr_error *error);
    /* name is left NULL; the rest describes the expression's result. */
    void (*expression_column)(const struct sgr_expression *expression, struct sgr_column *ret);
    int (*evaluate)(struct sgr_expression *expression, const struct sgr_row *row,
                    struct sgr_value *ret, struct sgr_error *error);
    /* For conditions: *ret is true only if the value is true (not false, not null). */
    int (*test)(struct sgr_expression *expression, const struct sgr_row *row, bool *ret,
                struct sgr_error *error);
    /* The form in which two spellings of one expression are equal text; borrowed, lives as long as the expression. */
    const char *(*canonical)(const struct sgr_expression *expression);

    /* Indexes, by the position in shape.indexes; during apply and tick. Keys with a null match rows with a null there (operators
     * with SQL equality skip nulls first). probe_row takes the key from another row's columns. */
    void (*probe)(void *host, size_t index, const struct sgr_value *key, struct sgr_iterator *ret);
    void (*probe_row)(void *host, size_t index, const struct sgr_schema *schema,
                      const struct sgr_row *row, const uint16_t *columns, struct sgr_iterator *ret);
    void (*scan)(void *host, size_t index, struct sgr_iterator *ret);
    /* The next row, or NULL; *ret_weight is its multiplicity (> 0). Borrowed. */
    const struct sgr_row *(*next)(struct sgr_iterator *iterator, int64_t *ret_weight);

    /* Emits row with weight ≠ 0. Takes a reference of its own. Fails only with SGR_ENOMEM. */
    int (*emit)(struct sgr_output *output, const struct sgr_row *row, int64_t weight);

    /* A row that could not be computed: counted, logged with a rate limit, shown in metrics; the engine goes on. */
    void (*row_failed)(void *host, const struct sgr_schema *schema, const struct sgr_row *row,
                       const struct sgr_error *error);
    /* A random 64-bit number that depends on (seed, node, key, tick) alone. */
    uint64_t (*random)(void *host, uint64_t key_hash, uint64_t tick);
    /* Whether a live view shows this output row right now (for operators that run on demanded rows only). */
    bool (*demanded)(void *host, const struct sgr_row *row);
    const char *(*node_name)(void *host);

    /* By some columns: alike and equal across two schemas whose columns have the same classes, null like null. */
    uint64_t (*row_hash_columns)(const struct sgr_schema *schema, const struct sgr_row *row,
                                 const uint16_t *columns, size_t count);
    bool (*row_equal_columns)(const struct sgr_schema *schema_a, const struct sgr_row *a,
                              const uint16_t *columns_a, const struct sgr_schema *schema_b,
                              const struct sgr_row *b, const uint16_t *columns_b, size_t count);
};

struct sgr_operator_methods {
    uint16_t inputs_minimum, inputs_maximum; /* 0 in the maximum: any number */
    /* Makes the operator's state in *ret_state (the host calls close exactly when this succeeded). */
    int (*bind)(const struct sgr_operator_host *table, void *host, const void *options,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error);
    /* inputs[i] is what changed in input i in this transaction. An error stops the engine: bad rows are for row_failed. */
    int (*apply)(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error);
    /* `tick` counts from 1; the same for all nodes with the same tick_every. NULL unless shape.tick_every. */
    int (*tick)(void *state, uint64_t tick, struct sgr_output *output, struct sgr_error *error);
    /* What was allocated from the host, and expressions, are freed behind it; schema references are the operator's to drop. The same after
     * a bind that failed. A node may be bound a second time, to derive its contents for a later index; that instance is closed at once. */
    void (*close)(void *state);
};

#endif
