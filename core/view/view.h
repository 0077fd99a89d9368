/* Views: documents at the edge of the graph, kept as collections, changed by keyed edits, rendered by codecs.
 *
 * A view is a tree of levels. A *collection* is one level's members for one link key and the values of all parameters used at that level
 * or below; it is shared by every parent member and every instance that shows it, and exists only while one does. Its members stand in an
 * order-statistics tree by (ORDER BY, key). An *instance* is a view at one set of parameter values: a root collection and its history.
 *
 * Each collection logs its net edits by commit number; what an instance's client missed since commit n is found by walking from the
 * root along logged changes only, so it costs what changed, not what there is. Rows of a dropped past keep references until the history's
 * age or byte budget lets them go; asking for more than is kept gives SGR_ENOTFOUND, and the client is reset.
 *
 * Engine's thread; no clock: commits and times are passed in.
 */
#ifndef SGR_VIEW_VIEW_H
#define SGR_VIEW_VIEW_H

#include "expr/expr.h"
#include "graph/graph.h"

struct sgr_views; /* all views over one graph */
struct sgr_view;
struct sgr_instance;

struct sgr_level_equality { /* node or via column = parameter or constant */
    bool via;
    uint16_t column;
    int parameter;             /* -1: constant */
    struct sgr_value constant; /* text must live until sgr_views_add returned */
};

struct sgr_level_order {
    bool via; /* a column of the pivot */
    uint16_t column;
    bool descending;
    bool nulls_first;
    enum sgr_collation collation; /* of text; NONE: the column's own */
};

struct sgr_level_column {
    bool via;
    uint16_t column;
    const char *name; /* in the document */
};

/* One level; arrays are copied by sgr_views_add, expressions are taken over if it succeeds. */
struct sgr_level {
    const char *name; /* the member of the parent's object that holds it; NULL at the root */
    bool one;         /* an object or null (the first by order), not an array */
    struct sgr_node *node;

    /* How members link to their parent's row; all counts 0 at the root. Without via: parent_columns[i] = child_columns[i].
     * With via: parent_columns[i] = via_parent_columns[i] and via_child_columns[j] = child_columns[j]. Nulls never match. */
    struct sgr_node *via;
    const uint16_t *parent_columns, *via_parent_columns;
    size_t parent_count;
    const uint16_t *via_child_columns, *child_columns;
    size_t child_count; /* without via: = parent_count, and via_* are NULL */

    const struct sgr_level_equality *equalities;
    size_t equality_count;
    struct sgr_expression *
        where; /* scope: relation 0 the node, 1 the via (if any); the view's parameters; NULL: none */

    const struct sgr_level_order *order; /* completed by the key */
    size_t order_count;
    uint64_t limit; /* 0: none */
    const struct sgr_level_column *columns;
    size_t column_count;

    const struct sgr_level *levels;
    size_t level_count;
};

struct sgr_view_parameter {
    const char *name;
    struct sgr_column column;
    bool has_default;
    struct sgr_value fallback;
};

struct sgr_view_spec {
    const char *path;
    const struct sgr_view_parameter *parameters;
    size_t parameter_count;
    struct sgr_level root;
};

struct sgr_views *sgr_views_new(struct sgr_graph *graph);
void sgr_views_free(struct sgr_views *views);
int sgr_views_add(struct sgr_views *views, const struct sgr_view_spec *spec, struct sgr_view **ret,
                  struct sgr_error *error);
void sgr_view_remove(struct sgr_view *view); /* its instances must be closed */
struct sgr_view *sgr_views_find(const struct sgr_views *views, struct sgr_slice path);
/* The path nearest to one that is not there, for messages; NULL: none is near. */
const char *sgr_views_nearest(const struct sgr_views *views, struct sgr_slice path);
const char *sgr_view_path(const struct sgr_view *view);
const struct sgr_view_parameter *sgr_view_parameters(const struct sgr_view *view,
                                                     size_t *ret_count);

/* The instance for these values (one per parameter, of its type), made from the graph's present state if there is none. Each open is
 * matched by a close; the last close leaves it and its history until sgr_views_trim lets it go. SGR_EUNAVAILABLE: the graph ran and the
 * commit that takes it up is still to come. */
int sgr_instance_open(struct sgr_view *view, const struct sgr_value *values,
                      struct sgr_instance **ret, struct sgr_error *error);
void sgr_instance_close(struct sgr_instance *instance);
/* Commit number of its last change (its making, at first), and its revision: one more with each change. It begins with the number of commits since
 * the epoch's first, so that an instance that is made again takes up no revision it had before. */
uint64_t sgr_instance_changed(const struct sgr_instance *instance);
uint64_t sgr_instance_revision(const struct sgr_instance *instance);
/* The commit number at which it had this many changes. SGR_ENOTFOUND: out of history. */
int sgr_instance_commit_of_revision(const struct sgr_instance *instance, uint64_t revision,
                                    uint64_t *ret);
void *sgr_instance_data(const struct sgr_instance *instance); /* the owner's; NULL at first */
void sgr_instance_set_data(struct sgr_instance *instance, void *data);
/* `release` is called with the data, if there is any, of an instance that goes; only closed ones do. NULL: nobody is told. */
void sgr_views_on_release(struct sgr_views *views, void (*release)(void *owner, void *data),
                          void *owner);
struct sgr_view *sgr_instance_view(const struct sgr_instance *instance);

/* After sgr_graph_run: brings collections to the graph's state as one commit. Numbers grow by one or more each time. `changed` is
 * called once for each instance whose document changed, in order of their making. time in microseconds, for the history's age. */
int sgr_views_commit(struct sgr_views *views, uint64_t commit, int64_t time,
                     void (*changed)(void *data, struct sgr_instance *instance), void *data,
                     struct sgr_error *error);

struct sgr_codec { /* a way to write documents and changes; see view/codec.h */
    const char *name;
    const struct sgr_codec_methods *methods;
};
const struct sgr_codec *
sgr_codec_find(const char *name); /* json-patch, rows, full; NULL: unknown */

/* The whole document, as of the last commit. */
int sgr_instance_document(struct sgr_instance *instance, const struct sgr_codec *codec,
                          struct sgr_buffer *out, struct sgr_error *error);
/* What changed in (from, last commit], composed. Writes nothing and returns 0 if nothing did. SGR_ENOTFOUND: `from` is older than the
 * history kept. */
int sgr_instance_changes(struct sgr_instance *instance, const struct sgr_codec *codec,
                         uint64_t from, struct sgr_buffer *out, struct sgr_error *error);

/* Forgets history that is older than `age` microseconds or beyond `bytes`, and instances nobody has open that it kept. */
void sgr_views_trim(struct sgr_views *views, int64_t now, int64_t age, size_t bytes);
/* A new epoch: all history goes, revisions begin again; instances stay and are recomputed by the next commits. */
void sgr_views_forget(struct sgr_views *views);
/* Sets columns[i] for each column of the node that a view reads. */
void sgr_views_uses(const struct sgr_views *views, const struct sgr_node *node, bool *columns);
/* Whether a live collection shows this row of this node. */
bool sgr_views_demanded(struct sgr_views *views, struct sgr_node *node, const struct sgr_row *row);

struct sgr_views_counters {
    size_t instances, open_instances, collections, members, history_bytes, state_bytes;
    uint64_t edits, rows_read;
    uint64_t failed_tests; /* rows a `where` failed on: taken as not matching */
};
void sgr_views_counters(const struct sgr_views *views, struct sgr_views_counters *ret);
/* Levels, links, what is indexed and what is tested per distinct value; with demand rows and counters if `live`. */
void sgr_views_explain(const struct sgr_views *views, enum sgr_explain_format format, bool live,
                       struct sgr_buffer *out);

#endif
