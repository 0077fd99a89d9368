/* Inside of a fold, for the files that make it up: relation.c makes it and reads rows, changes.c applies changes, snapshot.c compares a snapshot.
 *
 * Within a transaction the relation is what its index shows (the state before) plus the netting. */
#ifndef SGR_GRAPH_FOLD_H
#define SGR_GRAPH_FOLD_H

#include "graph/netting.h"
#include "graph/node.h"
#include "graph/relation.h"
#include "row/marks.h"

struct sgr_fold {
    struct sgr_node *node;
    const struct sgr_schema *schema; /* the node's */
    struct sgr_netting netting;
    struct sgr_index *base;  /* by the node's key; by all columns for a bag; see narrow */
    struct sgr_index *index; /* by the netting's columns; often the same */
    bool narrow;             /* the key is all there is of a row, and base is by fewer columns */
    bool by_content;         /* the netting's columns need not be unique: whole rows are compared */
    bool lenient;            /* an eventual source's: see sangre/source.h */
    bool filled;             /* there was a snapshot */
    bool direct;             /* the snapshot goes straight to the node, as nothing was there */
    bool settling;           /* and into its indexes, SETTLED rows at a time */
    bool comparing;          /* the snapshot is held against what was there */
    struct sgr_marks seen;   /* while comparing: rows that it has, too */
    const struct sgr_relation *matched; /* within a transaction: `theirs` holds for it */
    uint16_t *theirs;                   /* our column → the change stream's */
    uint16_t *columns;                  /* scratch: identity */
    struct sgr_value *values, *key;     /* scratch: a row's, an identity's */
};

static inline int sgr__fold_out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

/* Their columns to ours, and by which of them they identify rows. */
int sgr__fold_match(struct sgr_fold *fold, const struct sgr_relation *relation,
                    struct sgr_error *error);
/* `before`: where unchanged values come from. The reference is the caller's. */
int sgr__fold_read_row(struct sgr_fold *fold, const struct sgr_field *fields,
                       const struct sgr_row *before, const struct sgr_row **ret,
                       struct sgr_error *error);
/* The netting's columns into fold->key. */
int sgr__fold_read_key(struct sgr_fold *fold, const struct sgr_field *fields,
                       struct sgr_error *error);
void sgr__fold_key_of(struct sgr_fold *fold, const struct sgr_row *row);

#endif
