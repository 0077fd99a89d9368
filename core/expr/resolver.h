/* From libpg_query's parse tree to a typed tree: what the files resolve*.c share. Functions that return a node return NULL with the
 * error set. */
#ifndef SGR_EXPR_RESOLVER_H
#define SGR_EXPR_RESOLVER_H

#include <pg_query/pg_query.pb-c.h>

#include "expr/source.h"
#include "expr/tree.h"

#define SGR__DEEPEST 200

struct sgr__resolver {
    const struct sgr_scope *scope;
    const struct sgr__source *source;
    struct sgr_arena *arena;
    struct sgr_error *error; /* never NULL */
    int depth;
};

/* Sets the error with " at column N" behind the message; position < 0: none is known. Always NULL. */
void *sgr__fail(struct sgr__resolver *resolver, int position, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void *sgr__fail_memory(struct sgr__resolver *resolver);

/* resolve.c */
struct sgr__node *sgr__resolve(struct sgr__resolver *resolver, const PgQuery__Node *from);
struct sgr__node *sgr__node_new(struct sgr__resolver *resolver, enum sgr__node_kind kind,
                                enum sgr_type type, int position);
/* A call of a type that has no modifier, not folded. A NULL argument is passed on as a failure that is already told. */
struct sgr__node *sgr__call(struct sgr__resolver *resolver, const struct sgr__operation *operation,
                            enum sgr_type type, int position, size_t count,
                            struct sgr__node *const *arguments);
/* The constant that a call of constants is, or the call itself. */
struct sgr__node *sgr__fold(struct sgr__resolver *resolver, struct sgr__node *node);
/* The AND or OR of nodes; constants decide it or drop out. */
struct sgr__node *sgr__junction(struct sgr__resolver *resolver, bool is_and, int position,
                                struct sgr__node *const *nodes, size_t count);
/* False, with the error set: a constant part of the tree fails. */
bool sgr__check_constants(struct sgr__resolver *resolver, const struct sgr__node *node);
bool sgr__is_constant(const struct sgr__node *node);

/* resolve_leaf.c */
struct sgr__node *sgr__resolve_column(struct sgr__resolver *resolver,
                                      const PgQuery__ColumnRef *from);
struct sgr__node *sgr__resolve_parameter(struct sgr__resolver *resolver,
                                         const PgQuery__ParamRef *from);
struct sgr__node *sgr__resolve_constant(struct sgr__resolver *resolver,
                                        const PgQuery__AConst *from);
struct sgr__node *sgr__int_constant(struct sgr__resolver *resolver, enum sgr_type type,
                                    int64_t number, int position);
/* text NULL: NULL. Its type is not settled yet. */
struct sgr__node *sgr__text_constant(struct sgr__resolver *resolver, const char *text,
                                     int position);

/* resolve_type.c */
enum sgr__coercion { SGR__COERCE_IMPLICIT, SGR__COERCE_EXPLICIT };
struct sgr_column sgr__type_of(enum sgr_type type);
/* "varchar(3)" for messages; lives in the arena. */
const char *sgr__type_spelled(struct sgr__resolver *resolver, const struct sgr_column *type);
bool sgr__can_coerce(const struct sgr__node *node, enum sgr_type to); /* implicitly */
struct sgr__node *sgr__coerce(struct sgr__resolver *resolver, struct sgr__node *node,
                              const struct sgr_column *to, enum sgr__coercion how);
struct sgr__node *sgr__coerce_type(struct sgr__resolver *resolver, struct sgr__node *node,
                                   enum sgr_type to);
/* Brings nodes to the one type that CASE, COALESCE, IN and the like give them. `what` is for messages. */
bool sgr__common_type(struct sgr__resolver *resolver, const char *what, struct sgr__node **nodes,
                      size_t count);
/* The collation that the nodes give together. False: they conflict. */
bool sgr__common_collation(struct sgr__resolver *resolver, struct sgr__node *const *nodes,
                           size_t count, struct sgr__node *ret);
struct sgr__node *sgr__resolve_cast(struct sgr__resolver *resolver, const PgQuery__TypeCast *cast);

/* resolve_operator.c */
struct sgr__node *sgr__compare(struct sgr__resolver *resolver,
                               const struct sgr__operation *operation, struct sgr__node *left,
                               struct sgr__node *right, int position);
/* Sets the call's detail to what lower() and the like go by; refuses what this host does not know. */
bool sgr__derive_classes(struct sgr__resolver *resolver, struct sgr__node *call);
struct sgr__node *sgr__resolve_operator(struct sgr__resolver *resolver, const PgQuery__AExpr *from);

/* resolve_arithmetic.c: NULL without an error if there is no such operator */
struct sgr__node *sgr__arithmetic(struct sgr__resolver *resolver, const char *name,
                                  struct sgr__node *left, struct sgr__node *right, int position);
struct sgr__node *sgr__negate(struct sgr__resolver *resolver, struct sgr__node *argument,
                              int position);

/* resolve_function.c */
struct sgr__node *sgr__resolve_function(struct sgr__resolver *resolver,
                                        const PgQuery__FuncCall *from);

#endif
