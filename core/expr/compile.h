/* What compiled expressions share: the nodes of one text, which a split divides among several expressions. */
#ifndef SGR_EXPR_COMPILE_H
#define SGR_EXPR_COMPILE_H

#include "expr/tree.h"

struct sgr__unit {
    unsigned refs;
    struct sgr_arena *arena; /* of the nodes */
    struct sgr__node *root;
    const struct sgr_schema **schemas; /* referenced */
    size_t schema_count;
};

/* Parses, resolves and types. One reference, the caller's. */
int sgr__unit_new(const char *sql, const struct sgr_scope *scope, struct sgr__unit **ret,
                  struct sgr_error *error);
void sgr__unit_unref(struct sgr__unit *unit);
/* An expression of a node of the unit; takes a reference of its own. */
int sgr__expression_of(struct sgr__unit *unit, const struct sgr__node *root,
                       const struct sgr_scope *scope, struct sgr_expression **ret,
                       struct sgr_error *error);
/* Bits of what occurs below a node. */
void sgr__node_uses(const struct sgr__node *node, uint64_t *relations, uint64_t *parameters);

#endif
