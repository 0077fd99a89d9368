/* Folds one relation's change stream into a Z-set: text fields to packed rows, old rows found by key, unchanged TOAST taken from the row we
 * have, several changes of one row in a transaction netted. Engine's thread. */
#ifndef SGR_GRAPH_RELATION_H
#define SGR_GRAPH_RELATION_H

#include <sangre/source.h>

#include "graph/graph.h"

struct sgr_fold; /* one relation's */

/* Makes the relation node too. The description is copied; a later one with the same columns may differ in identity. */
int sgr_fold_new(struct sgr_graph *graph, const char *name, const struct sgr_relation *relation,
                 struct sgr_fold **ret, struct sgr_error *error);
void sgr_fold_free(struct sgr_fold *fold);
struct sgr_node *sgr_fold_node(const struct sgr_fold *fold);

/* Once all that use the relation have asked for their indexes, and before any rows: drops an index that they make superfluous. */
void sgr_fold_narrow(struct sgr_fold *fold);

/* An eventual source's, whose changes may be lost or come twice: rules as in sangre/source.h. Said before any rows, and only if there is a key. */
void sgr_fold_be_lenient(struct sgr_fold *fold);

/* Within a transaction. SGR_EPARSE: malformed text; SGR_EINTERNAL: a row to change is unknown. A lenient fold instead has SGR_ENOTFOUND and
 * SGR_ELOST, as in sangre/source.h, and then has changed nothing. Columns of change->relation are matched to ours by name, so a widened or
 * reordered relation goes on working; a missing or retyped column is SGR_ETYPE. */
int sgr_fold_change(struct sgr_fold *fold, const struct sgr_change *change,
                    struct sgr_error *error);
/* Feeds the node with the net of all changes since the last finish. */
int sgr_fold_finish(struct sgr_fold *fold, struct sgr_error *error);
void sgr_fold_abort(struct sgr_fold *fold);

/* A new snapshot: rows as they come, then finish feeds the difference to what was there. `undisturbed`: the caller promises that nobody
 * runs the graph or reads the node before the finish (or abort), so rows may enter the node's indexes as they come, while the database
 * is still busy with the next ones. */
int sgr_fold_snapshot_begin(struct sgr_fold *fold, bool undisturbed, struct sgr_error *error);
int sgr_fold_snapshot_row(struct sgr_fold *fold, const struct sgr_relation *relation,
                          const struct sgr_field *fields, struct sgr_error *error);
/* All rows came: a lenient fold's changes may follow before the finish. If nothing was there before, as when it is filled first, its rows have been fed,
 * and the graph has to be run before the next change. */
int sgr_fold_snapshot_rows_end(struct sgr_fold *fold, struct sgr_error *error);
int sgr_fold_snapshot_finish(struct sgr_fold *fold, struct sgr_error *error);

#endif
