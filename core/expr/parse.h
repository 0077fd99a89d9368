/* The parse of one expression by libpg_query. */
#ifndef SGR_EXPR_PARSE_H
#define SGR_EXPR_PARSE_H

#include <pg_query/pg_query.pb-c.h>

#include "expr/source.h"

struct sgr__parse {
    PgQuery__ParseResult *tree;
    const PgQuery__Node *expression; /* in the tree */
};

/* SGR_EPARSE with the position, also for text that is more or less than one expression. */
int sgr__parse_init(struct sgr__parse *parse, const struct sgr__source *source,
                    struct sgr_error *error);
void sgr__parse_fini(struct sgr__parse *parse);

#endif
