/* An expression's text as it goes through libpg_query: $name becomes $1, and positions in what is parsed lead back to the text. */
#ifndef SGR_EXPR_SOURCE_H
#define SGR_EXPR_SOURCE_H

#include "base/buffer.h"
#include "base/vector.h"
#include "expr/expr.h"

struct sgr__source {
    const char *text;         /* as written; borrowed */
    struct sgr_buffer parsed; /* "SELECT …" */
    struct sgr_vector shifts; /* where replaced names moved the rest */
};

/* SGR_ENOTFOUND for a $name that the scope hasn't; SGR_ELIMIT for text whose parse could exhaust the stack. Call _fini in any case. */
int sgr__source_init(struct sgr__source *source, const char *text, const struct sgr_scope *scope,
                     struct sgr_error *error);
void sgr__source_fini(struct sgr__source *source);
/* The column, from 1 and in characters, of a byte offset in the parsed text. */
int sgr__source_column(const struct sgr__source *source, int position);

#endif
