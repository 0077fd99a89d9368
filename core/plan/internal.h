/* A plan from within. Stage one (sgr_plan_new) turns the document into the declarations below; stage two (sgr_plan_build) resolves them
 * against the sources' tables. Everything lives in the plan's arena, places point into the document. Engine's thread. */
#ifndef SGR_PLAN_INTERNAL_H
#define SGR_PLAN_INTERNAL_H

#include "base/arena.h"
#include "base/vector.h"
#include "plan/plan.h"

/* Where something stands in the config. */
struct sgr__place {
    const char *file;
    unsigned line, column;
};

/* "app.places", "app.public.places" or "live_places". */
struct sgr__reference {
    const struct sgr_document_node *place;
    const char *text;
    const char *table; /* behind the source's name; NULL: a node */
    size_t index;      /* of the source or node */
};

struct sgr__plan_node {
    const char *name;
    struct sgr__place place;               /* of its name */
    const struct sgr_document_node *value; /* behind the operator's name */
    const struct sgr_plugin *plugin;
    const struct sgr_document_node *options; /* the mapping for sgr_options_parse */
    struct sgr__reference *inputs;
    size_t input_count;
    const struct sgr_document_node *where; /* NULL: none */
    struct sgr_node *built;                /* a reference; NULL before the build */
};

struct sgr__names {
    const char **items;
    size_t count;
};

struct sgr__order {
    bool via, descending, nulls_first, collate_c;
    const char *column;
};

struct sgr__column {
    bool via;
    const char *column, *label;
    const struct sgr_document_node *place;
};

struct sgr__get {
    const char *column;
    struct sgr__place place;
    int parameter; /* -1: the value is a constant */
    const struct sgr_document_node *value;
};

enum sgr__link { SGR__LINK_NONE, SGR__LINK_ON, SGR__LINK_VIA };

/* One level as declared. `left` and `right` are the two sides of `on` (parent's, child's columns) or of `via`'s arrow (the pivot's). */
struct sgr__plan_level {
    const char *name; /* NULL at the root */
    const struct sgr_document_node *place;
    struct sgr__reference from;

    enum sgr__link link;
    const struct sgr_document_node *link_place;
    const char *
        infer; /* the field in the singular, if the columns are to be found by their names; else NULL */
    const char *singular; /* with infer via: the parent's table in the singular */
    struct sgr__reference via;
    struct sgr__names left, right;

    const struct sgr_document_node *where, *order_place;
    struct sgr__get *get;
    size_t get_count;
    struct sgr__order *order;
    size_t order_count;
    struct sgr__column *columns; /* count 0: all */
    size_t column_count;
    uint64_t limit;
    bool one;

    struct sgr__plan_level *levels;
    size_t level_count;
};

struct sgr__plan_view {
    const char *path;
    struct sgr__place place;
    struct sgr_view_parameter *parameters;
    const char **claims; /* of each parameter its claim's path, or NULL */
    size_t parameter_count;
    bool guarded; /* asks for a token */
    struct sgr__plan_level root;
};

struct sgr__plan_table {
    const char *name;
    struct sgr__place place; /* where it is named first */
};

struct sgr__plan_source {
    const char *name;
    const struct sgr_document_node *place;
    const struct sgr_plugin *plugin;
    struct sgr_options *options;
    struct sgr_vector tables; /* struct sgr__plan_table */
};

struct sgr_plan {
    struct sgr_document *document;
    struct sgr_loader *loader;
    struct sgr_arena *arena;
    struct sgr_vector sources;      /* struct sgr__plan_source */
    struct sgr_plan_source *public; /* the same for sgr_plan_sources */
    struct sgr_vector sinks;        /* struct sgr_plan_sink; options are the plan's */
    struct sgr_plan_server server;
    struct sgr_options *server_options, *history_options;
    struct sgr_plan_auth auth; /* place NULL: none */
    struct sgr_options *auth_settings;
    struct sgr_vector auth_options; /* struct sgr_options *: of the keys */
    struct sgr_plan_access *access;
    size_t access_count;
    struct sgr__plan_node *nodes;
    size_t node_count;
    size_t *order; /* nodes, inputs first, otherwise as written */
    struct sgr__plan_view *views;
    size_t view_count;
    struct sgr_vector held; /* struct sgr_node *: what the build made beside the nodes' own */
};

#define SGR__PARAMETERS_MAX 64

/* --- names.c: places, errors that help, references */
struct sgr__place sgr__place_of(const struct sgr_document_node *node);
struct sgr__place sgr__place_of_key(const struct sgr_document_pair *pair);
/* The place becomes the context. Returns SGR_ECONFIG. */
int sgr__plan_error(struct sgr__place place, struct sgr_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* An error that came from below (an operator, an expression) is the config's: prefixes the message, puts the place first. Keeps
 * SGR_ENOMEM. Returns the code. */
int sgr__plan_error_at(struct sgr__place place, struct sgr_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int sgr__plan_place(struct sgr__place place,
                    struct sgr_error *error); /* the same without a prefix */
/* The same for an error of the loader, whose context names the plugin's file. */
int sgr__plan_plugin_error(struct sgr__place place, struct sgr_error *error);
int sgr__plan_memory(struct sgr_error *error);
/* `unknown WHAT "word"; did you mean "x"?`, or what is there instead. */
int sgr__plan_unknown(struct sgr__place place, struct sgr_error *error, const char *what,
                      const char *word, const char *const *candidates, size_t count);
/* The node must be a mapping with none but these keys (NULL-terminated). `what` names it in messages ("a view"). */
int sgr__plan_keys(const struct sgr_document_node *node, const char *what, const char *const *keys,
                   struct sgr_error *error);
int sgr__plan_mapping(const struct sgr_document_node *node, const char *what,
                      struct sgr_error *error);
/* A scalar that is not null; `what` as in "the limit". */
int sgr__plan_scalar(const struct sgr_document_node *node, const char *what,
                     struct sgr_error *error);
/* Sources, sinks, nodes: letters, digits, _ and -, beginning with a letter or _. */
int sgr__plan_name(const struct sgr_document_pair *pair, const char *what, struct sgr_error *error);
/* Also notes a table as used by its source. */
int sgr__plan_reference(struct sgr_plan *plan, struct sgr_slice text,
                        const struct sgr_document_node *place, struct sgr__reference *ret,
                        struct sgr_error *error);
int sgr__plan_use_table(struct sgr_plan *plan, size_t source, const char *table,
                        struct sgr__place place);

/* --- nodes.c */
int sgr__plan_nodes(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                    struct sgr_error *error);
/* The table at the start of a chain of nodes with one input each; false if there is none. */
bool sgr__plan_base_table(const struct sgr_plan *plan, const struct sgr__reference *reference,
                          size_t *ret_source, const char **ret_table);

/* --- streams.c */
/* Finds the sources that sinks' options name. */
int sgr__plan_streams(struct sgr_plan *plan, bool *ret_any, struct sgr_error *error);
/* Which sinks bind the source's stream. */
int sgr__plan_stream_sinks(struct sgr_plan *plan, size_t source, struct sgr_plan_source *ret,
                           struct sgr_error *error);

/* --- check_sink.c */
/* `node`: its mapping in the config. */
int sgr__plan_check_sink(const struct sgr_plan_sink *sink, const struct sgr_document_node *node,
                         struct sgr_error *error);

/* --- server.c */
int sgr__plan_server(struct sgr_plan *plan, struct sgr_error *error);
void sgr__plan_server_schema(struct sgr_buffer *out);

/* --- auth.c */
int sgr__plan_auth(struct sgr_plan *plan, const struct sgr_document_node *auth,
                   struct sgr_error *error);
/* $claims.PATH as a parameter's value. */
int sgr__plan_claim(struct sgr_plan *plan, const struct sgr_document_node *value, const char **ret,
                    struct sgr_error *error);
int sgr__plan_view_auth(struct sgr_plan *plan, const struct sgr_document_node *node,
                        struct sgr__plan_view *view, struct sgr_error *error);
/* For the server: which views ask for tokens, and which claims. */
int sgr__plan_publish_access(struct sgr_plan *plan, struct sgr_error *error);
void sgr__plan_auth_free(struct sgr_plan *plan);
void sgr__plan_auth_schema(struct sgr_buffer *out);

/* --- views.c, parameters.c */
int sgr__plan_views(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                    struct sgr_error *error);
int sgr__plan_parameters(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                         struct sgr__plan_view *view, struct sgr_error *error);
int sgr__plan_parameter(const struct sgr__plan_view *view, struct sgr_slice name); /* or -1 */
/* Refuses $names in the SQL text that the view (NULL: a node, which knows none) does not declare. */
int sgr__plan_check_sql(const struct sgr__plan_view *view, const struct sgr_document_node *text,
                        struct sgr_error *error);

/* --- clauses.c: the small languages of a level */
int sgr__plan_order(struct sgr_plan *plan, const struct sgr_document_node *node,
                    struct sgr__plan_level *level, struct sgr_error *error);
int sgr__plan_columns(struct sgr_plan *plan, const struct sgr_document_node *node,
                      struct sgr__plan_level *level, struct sgr_error *error);
int sgr__plan_on(struct sgr_plan *plan, const struct sgr_document_node *node,
                 struct sgr__plan_level *level, struct sgr_error *error);
int sgr__plan_via(struct sgr_plan *plan, const struct sgr_document_node *node,
                  struct sgr__plan_level *level, struct sgr_error *error);
int sgr__plan_infer(struct sgr_plan *plan, const struct sgr_document_node *node,
                    const struct sgr__reference *parent, struct sgr__plan_level *level,
                    struct sgr_error *error);

/* --- build.c, levels.c, links.c, where.c */
struct sgr__build {
    struct sgr_plan *plan;
    struct sgr_graph *graph;
    struct sgr_views *views;
    const struct sgr_plan_tables *tables;
    struct sgr_error *error;
};

void sgr__build_release(struct sgr_plan *plan); /* lets go of all nodes */
int sgr__build_resolve(struct sgr__build *build, const struct sgr__reference *reference,
                       struct sgr_node **ret); /* borrowed */
/* A node of the operator with this plan kind, its main option set to `value`; held by the plan. */
int sgr__build_helper(struct sgr__build *build, const char *plan_kind,
                      const struct sgr_document_node *value, struct sgr_node *input,
                      const char *name, struct sgr_node **ret);
/* The scalar that stands for `text` where `place` stands. */
const struct sgr_document_node *sgr__build_scalar(struct sgr__build *build,
                                                  const struct sgr_document_node *place,
                                                  const char *text);
/* Fills *level (zeroed); what it holds is freed by sgr__build_free_level unless a view took it over. */
int sgr__build_level(struct sgr__build *build, const struct sgr__plan_view *view,
                     const struct sgr__plan_level *declared, const struct sgr__plan_level *parent,
                     struct sgr_node *parent_node, struct sgr_level *level);
void sgr__build_free_level(struct sgr_level *level);
/* A node whose column is meant, with the name it goes by in messages. */
struct sgr__side {
    struct sgr_node *node;
    const char *name;
};
/* Fills the level's link, from its names or by the convention of sgr__plan_infer. */
int sgr__build_link(struct sgr__build *build, const struct sgr__plan_level *declared,
                    struct sgr__side parent, struct sgr_level *level);
const struct sgr_column *sgr__build_column_of(struct sgr_node *node, uint16_t column);
/* The column of a node (`what`: "users", for messages). Exact, else in lower case. */
int sgr__build_column(struct sgr__build *build, struct sgr__place place, struct sgr_node *node,
                      const char *what, const char *name, uint16_t *ret);
/* Splits the level's condition over its equalities (appended), a shared filter (level->node is replaced) and the rest. */
int sgr__build_where(struct sgr__build *build, const struct sgr__plan_view *view,
                     const struct sgr__plan_level *declared, struct sgr_vector *equalities,
                     struct sgr_level *level);

#endif
