/* Typed SQL expressions: parsed by libpg_query, resolved and typed against a scope, evaluated over rows.
 *
 * Semantics are Postgres': three-valued logic, int4/int8 overflow is an error, numeric is exact with Postgres' division scale, integer
 * division truncates, LIKE and ILIKE with escape, text functions by collation. What cannot be evaluated exactly is refused when compiled
 * (SGR_EUNSUPPORTED with the construct's name, SGR_ETYPE with both types, SGR_ENOTFOUND with the nearest name). Engine's thread. */
#ifndef SGR_EXPR_EXPR_H
#define SGR_EXPR_EXPR_H

#include "row/row.h"

struct sgr_expression;

/* One relation in scope. Columns are found as alias.column, or unqualified if unique among relations that are not `qualified`. */
struct sgr_scope_relation {
    const char *alias; /* NULL: unqualified only */
    const struct sgr_schema *schema;
    bool qualified; /* its columns are always written alias.column */
};

/* $name: a parameter (or claim). libpg_query knows only $1, so names are replaced before parsing. */
struct sgr_scope_parameter {
    const char *name;
    struct sgr_column column; /* its type */
};

struct sgr_scope {
    const struct sgr_scope_relation *relations;
    size_t relation_count;
    const struct sgr_scope_parameter *parameters;
    size_t parameter_count;
};

/* error->message says what is wrong and ends with "at column N" of the text. Holds references to the schemas. */
int sgr_expression_new(const char *sql, const struct sgr_scope *scope, struct sgr_expression **ret,
                       struct sgr_error *error);
void sgr_expression_free(struct sgr_expression *expression); /* NULL is fine */

/* name NULL; type, element, type_name, modifier, collation, not_null of the result. */
/* Sets columns[i] for each column of this relation of the scope that the expression reads. */
void sgr_expression_uses(const struct sgr_expression *expression, uint32_t relation, bool *columns);
const struct sgr_column *sgr_expression_column(const struct sgr_expression *expression);
const char *sgr_expression_canonical(
    const struct sgr_expression *expression); /* equal text = equal expression */

/* rows[i] is of relations[i] (a NULL row: all columns null); values[i] of parameters[i]. Text in *ret is valid until the next call. */
int sgr_expression_eval(struct sgr_expression *expression, const struct sgr_row *const *rows,
                        const struct sgr_value *parameters, struct sgr_value *ret,
                        struct sgr_error *error);
int sgr_expression_test(struct sgr_expression *expression, const struct sgr_row *const *rows,
                        const struct sgr_value *parameters, bool *ret, struct sgr_error *error);

/* Which parameters occur (bit i for parameter i < 64) and which relations (bit i). */
uint64_t sgr_expression_parameters(const struct sgr_expression *expression);
uint64_t sgr_expression_relations(const struct sgr_expression *expression);

/* Splits a condition at its top-level ANDs and takes it apart: `column = <expression without columns of that relation>` conjuncts
 * become equalities that an index can answer; the rest stays one condition. */
struct sgr_equality {
    uint32_t relation; /* of the column */
    uint16_t column;
    int parameter; /* >= 0: the parameter it equals */
    const struct sgr_value
        *constant; /* otherwise; of the column's class; lives as long as the split */
};
struct sgr_split {
    struct sgr_equality *equalities; /* by relation, then column */
    size_t equality_count;
    struct sgr_expression *plain; /* conjuncts without parameters, ANDed; NULL: none */
    struct sgr_expression
        *parametrized; /* conjuncts with parameters that are no equality; NULL: none */
};
/* constants_too: `column = constant` becomes an equality as well instead of staying in `plain`. */
int sgr_expression_split(const char *sql, const struct sgr_scope *scope, bool constants_too,
                         struct sgr_split *ret, struct sgr_error *error);
void sgr_split_fini(struct sgr_split *split);

#endif
