/* The parts of the join operator. Side 0 is the left input, side 1 the right one. */
#ifndef SANGRE_JOIN_H
#define SANGRE_JOIN_H

#include <sangre/operator.h>

struct join_options {
    const char *on;
    struct sgr_pairs columns;
};

struct join_column { /* of the output: where its values come from */
    uint16_t side, column;
};

struct join {
    const struct sgr_operator_host *host;
    void *host_data;
    const struct sgr_schema *inputs[2];
    uint16_t *on[2]; /* the columns that are equal, pairwise */
    size_t on_count;
    struct join_column *columns;
    struct sgr_schema *schema;
    struct sgr_value *values; /* of the row being made */
    uint16_t *key;
    size_t key_count;
    struct sgr_index_wish wishes[2]; /* each side by its columns of `on` */
};

/* condition.c: `on` to columns. */
int join_read_condition(struct join *join, const char *on, const struct sgr_input *inputs,
                        struct sgr_error *error);
/* `text` is one column: name, left.name, right.name or input.name; `side` is the one meant if nothing is said, -1: whichever has it. */
int join_read_column(const struct join *join, const char *text, const struct sgr_input *inputs,
                     int side, struct join_column *ret, struct sgr_error *error);
const char *join_short_name(const struct sgr_input *input); /* app.users → users */

/* shape.c: the output's columns and key. */
int join_make_shape(struct join *join, const struct sgr_pairs *pairs,
                    const struct sgr_input *inputs, struct sgr_error *error);

/* join.c: whether one of a row's join columns is null; a joined row out. */
bool join_unmatched(const struct join *join, int side, const struct sgr_row *row);
int join_emit(struct join *join, const struct sgr_row *left, const struct sgr_row *right,
              int64_t weight, struct sgr_output *output);

/* both.c: what a change of the right side adds when the left side changed in the same transaction. */
int join_right_with_left(struct join *join, const struct sgr_batch *left,
                         const struct sgr_batch *right, struct sgr_output *output);

#endif
