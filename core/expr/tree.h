/* The typed tree of an expression, and how it is evaluated. A tree is immutable once resolved; its nodes live in one arena.
 * Engine's thread. */
#ifndef SGR_EXPR_TREE_H
#define SGR_EXPR_TREE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "expr/expr.h"
#include "row/row.h"

struct sgr__node;

/* What an evaluation works with. Text that it makes lives in the arena until the next evaluation. */
struct sgr__frame {
    const struct sgr_row *const *rows;
    const struct sgr_value *parameters;
    const struct sgr_schema *const *schemas;
    struct sgr_arena *arena;
    struct sgr_error *error;
};

/* How a call computes. `apply` gets evaluated arguments, and no nulls unless `takes_nulls`: a null argument makes a null result.
 * `lazy` evaluates its own arguments. *ret has its type set and is not null when called; both set what they compute. */
struct sgr__operation {
    const char *form; /* how it is spelled: "(% + %)"; "%*" stands for all arguments with commas */
    int (*apply)(struct sgr__frame *frame, const struct sgr__node *node,
                 const struct sgr_value *arguments, struct sgr_value *ret);
    int (*lazy)(struct sgr__frame *frame, const struct sgr__node *node, struct sgr_value *ret);
    bool takes_nulls;
    bool makes_nulls; /* may be null though no argument is */
    bool is_cast;     /* spelled (%)::type */
};

enum sgr__node_kind { SGR__CONSTANT, SGR__COLUMN, SGR__PARAMETER, SGR__CALL };

/* How far a collation is decided, as SQL derives it. */
enum sgr__strength { SGR__WEAK, SGR__IMPLICIT, SGR__EXPLICIT };

struct sgr__node {
    enum sgr__node_kind kind;
    struct sgr_column type; /* name is NULL */
    enum sgr__strength strength;
    bool
        unknown; /* a literal or NULL that has not met its type yet; it has that of text until then */
    int position;           /* byte offset in the rewritten text, -1: none */
    uint32_t index;         /* of the relation or the parameter */
    uint16_t column;        /* in the relation */
    struct sgr_value value; /* of a constant */
    const struct sgr__operation *operation;
    int64_t detail; /* what the operation wants to know besides its arguments */
    uint16_t count;
    struct sgr__node **arguments;
};

#define SGR__MOST_ARGUMENTS 100

int sgr__eval(struct sgr__frame *frame, const struct sgr__node *node, struct sgr_value *ret);
/* Room for text of a result; NULL without memory, the error is set then. */
char *sgr__frame_text(struct sgr__frame *frame, size_t size, struct sgr_value *ret);
/* Hands the buffer's content over to the arena as the result's text, and frees the buffer. */
int sgr__frame_take(struct sgr__frame *frame, struct sgr_buffer *buffer, struct sgr_value *ret);
int sgr__frame_out_of_memory(struct sgr__frame *frame);

/* The canonical text of a tree. `relation_count` says whether columns are spelled with their relation. */
void sgr__canonical(const struct sgr__node *node, const struct sgr_scope *scope,
                    struct sgr_buffer *out);

/* Operations by file: eval_logic.c, eval_number.c, eval_numeric.c, eval_text.c, eval_like.c, eval_time.c, eval_cast.c */
extern const struct sgr__operation sgr__and, sgr__or, sgr__not, sgr__is_null, sgr__is_not_null,
    sgr__is_true, sgr__is_not_true, sgr__is_false, sgr__is_not_false, sgr__case, sgr__coalesce,
    sgr__nullif, sgr__greatest, sgr__least, sgr__in, sgr__collate;
extern const struct sgr__operation sgr__equal, sgr__not_equal, sgr__less, sgr__less_equal,
    sgr__greater, sgr__greater_equal, sgr__distinct, sgr__not_distinct;

#endif
