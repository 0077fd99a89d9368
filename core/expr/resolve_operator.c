/* Comparisons, LIKE, IN, BETWEEN and the other operators that are no arithmetic. */
#include "expr/compile.h"
#include "expr/operations.h"
#include "expr/resolver.h"
#include "row/collation.h"

/* ---- Comparisons */

static bool is_int(enum sgr_type type) {
    return type == SGR_INT2 || type == SGR_INT4 || type == SGR_INT8;
}

static bool is_float(enum sgr_type type) {
    return type == SGR_FLOAT4 || type == SGR_FLOAT8;
}

static bool is_number(enum sgr_type type) {
    return is_int(type) || is_float(type) || type == SGR_NUMERIC;
}

static bool is_stamp(enum sgr_type type) {
    return type == SGR_DATE || type == SGR_TIMESTAMP || type == SGR_TIMESTAMPTZ;
}

/* The type two sides are compared in; SGR_TYPE_COUNT: they can't be. */
static enum sgr_type comparable(const struct sgr_column *a, const struct sgr_column *b) {
    enum sgr_type left = a->type, right = b->type;
    if (sgr_type_same_class(left, right))
        return left;
    if (is_number(left) && is_number(right))
        return is_float(left) || is_float(right) ? SGR_FLOAT8 : SGR_NUMERIC;
    if (is_stamp(left) && is_stamp(right))
        return left == SGR_TIMESTAMPTZ || right == SGR_TIMESTAMPTZ ? SGR_TIMESTAMPTZ
                                                                   : SGR_TIMESTAMP;
    bool strings =
        (left == SGR_TEXT || left == SGR_BPCHAR) && (right == SGR_TEXT || right == SGR_BPCHAR);
    return strings ? SGR_TEXT : SGR_TYPE_COUNT;
}

static void *no_operator(struct sgr__resolver *resolver, const char *name,
                         const struct sgr__node *left, const struct sgr__node *right,
                         int position) {
    const char *b = right->unknown ? "unknown" : sgr__type_spelled(resolver, &right->type);
    if (!left)
        return sgr__fail(resolver, position, SGR_ETYPE, "operator does not exist: %s %s", name, b);
    const char *a = left->unknown ? "unknown" : sgr__type_spelled(resolver, &left->type);
    return sgr__fail(resolver, position, SGR_ETYPE, "operator does not exist: %s %s %s", a, name,
                     b);
}

/* "=" of "(% = %)" */
static const char *operator_name(struct sgr__resolver *resolver,
                                 const struct sgr__operation *operation) {
    size_t size = strlen(operation->form);
    struct sgr_slice name = {operation->form + 3, size > 6 ? size - 6 : 0};
    const char *copy = sgr_arena_copy(resolver->arena, name);
    return copy ? copy : "";
}

/* A date against a timestamp may be beyond all timestamps; comparing must not fail there. */
static struct sgr__node *to_comparable(struct sgr__resolver *resolver, struct sgr__node *node,
                                       enum sgr_type type) {
    if (node->type.type == SGR_DATE && type != SGR_DATE && !node->unknown) {
        struct sgr__node *call =
            sgr__call(resolver, &sgr__date_to_timestamp_ordered, type, node->position, 1, &node);
        return call ? sgr__fold(resolver, call) : NULL;
    }
    if (!node->unknown && sgr_type_same_class(node->type.type, type))
        return node;
    return sgr__coerce_type(resolver, node, type);
}

/* A literal takes the other side's type; two literals are text. */
static bool settle(struct sgr__resolver *resolver, struct sgr__node **left,
                   struct sgr__node **right) {
    struct sgr_column text = sgr__type_of(SGR_TEXT);
    const struct sgr_column *type = !(*left)->unknown    ? &(*left)->type
                                    : !(*right)->unknown ? &(*right)->type
                                                         : &text;
    struct sgr_column plain = *type;
    plain.type_modifier = -1;
    if ((*left)->unknown)
        *left = sgr__coerce(resolver, *left, &plain, SGR__COERCE_IMPLICIT);
    if (*left && (*right)->unknown)
        *right = sgr__coerce(resolver, *right, &plain, SGR__COERCE_IMPLICIT);
    return *left && *right;
}

static const struct sgr__operation *mirrored(const struct sgr__operation *operation) {
    if (operation == &sgr__less)
        return &sgr__greater;
    if (operation == &sgr__less_equal)
        return &sgr__greater_equal;
    if (operation == &sgr__greater)
        return &sgr__less;
    if (operation == &sgr__greater_equal)
        return &sgr__less_equal;
    return operation;
}

static bool is_order(const struct sgr__operation *operation) {
    return mirrored(operation) != operation;
}

static void *check_comparison(struct sgr__resolver *resolver,
                              const struct sgr__operation *operation, struct sgr__node *call,
                              int position) {
    const struct sgr__node *left = call->arguments[0], *right = call->arguments[1];
    const char *name = operator_name(resolver, operation);
    bool same_name = left->type.type != SGR_OTHER || !left->type.type_name ||
                     !right->type.type_name ||
                     strcmp(left->type.type_name, right->type.type_name) == 0;
    bool same_element = left->type.type != SGR_ARRAY || left->type.element == right->type.element;
    if (!same_name || !same_element || left->type.type == SGR_JSON)
        return no_operator(resolver, name, left, right, position);
    if (!sgr_type_has_equality(left->type.type, left->type.element) ||
        (is_order(operation) && !sgr_type_has_order(left->type.type, left->type.element)))
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED, "%s on type %s is not supported",
                         name, sgr__type_spelled(resolver, &left->type));
    if (is_order(operation) && call->detail == SGR_COLLATION_UNKNOWN)
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED,
                         "this host cannot order text as the database does: write COLLATE \"C\"");
    return call;
}

struct sgr__node *sgr__compare(struct sgr__resolver *resolver,
                               const struct sgr__operation *operation, struct sgr__node *left,
                               struct sgr__node *right, int position) {
    if (!left || !right || !settle(resolver, &left, &right))
        return NULL;
    enum sgr_type type = comparable(&left->type, &right->type);
    if (type == SGR_TYPE_COUNT)
        return no_operator(resolver, operator_name(resolver, operation), left, right, position);
    struct sgr__node *sides[] = {to_comparable(resolver, left, type),
                                 to_comparable(resolver, right, type)};
    if (!sides[0] || !sides[1])
        return NULL;
    /* The constant stands on the right, so that two spellings are one expression. */
    if (sgr__is_constant(sides[0]) && !sgr__is_constant(sides[1])) {
        struct sgr__node *swap = sides[0];
        sides[0] = sides[1];
        sides[1] = swap;
        operation = mirrored(operation);
    }
    struct sgr__node *call = sgr__call(resolver, operation, SGR_BOOL, position, 2, sides);
    struct sgr__node derived = {.type = {.collation = SGR_COLLATION_NONE}};
    if (!call || !sgr__common_collation(resolver, sides, 2, &derived))
        return NULL;
    call->detail = derived.type.collation;
    if (!check_comparison(resolver, operation, call, position))
        return NULL;
    return sgr__fold(resolver, call);
}

/* ---- LIKE */

/* Whose letters have cases in a collation that was derived. A column's own C collation means ASCII; where C is the database's default,
 * its LC_CTYPE decides, as it does in Postgres. */
static enum sgr_collation classes_of(const struct sgr__node *derived) {
    bool own_c = derived->type.collation == SGR_COLLATION_C &&
                 (derived->strength == SGR__EXPLICIT || sgr_collation_default() != SGR_COLLATION_C);
    return own_c ? SGR_COLLATION_C : sgr_ctype_default();
}

bool sgr__derive_classes(struct sgr__resolver *resolver, struct sgr__node *call) {
    struct sgr__node derived = {.type = {.collation = SGR_COLLATION_NONE}};
    if (!sgr__common_collation(resolver, call->arguments, call->count, &derived))
        return false;
    call->detail = classes_of(&derived);
    if (call->detail != SGR_COLLATION_UNKNOWN)
        return true;
    sgr__fail(resolver, call->position, SGR_EUNSUPPORTED,
              "this host does not know the letters of the database's locale: write COLLATE \"C\"");
    return false;
}

static struct sgr__node *like(struct sgr__resolver *resolver, const char *name,
                              struct sgr__node *left, struct sgr__node *right, int position) {
    bool negated = name[0] == '!', folded = name[strlen(name) - 1] == '*';
    const struct sgr__operation *operation = folded ? (negated ? &sgr__not_ilike : &sgr__ilike)
                                                    : (negated ? &sgr__not_like : &sgr__like);
    bool strings =
        (left->unknown || left->type.type == SGR_TEXT || left->type.type == SGR_BPCHAR) &&
        sgr__can_coerce(right, SGR_TEXT);
    if (!strings)
        return no_operator(resolver, name, left, right, position);
    /* The blanks of char(n) count here, unlike in comparisons. */
    if (left->unknown)
        left = sgr__coerce_type(resolver, left, SGR_TEXT);
    struct sgr__node *sides[] = {left, sgr__coerce_type(resolver, right, SGR_TEXT)};
    struct sgr__node *call = sgr__call(resolver, operation, SGR_BOOL, position, 2, sides);
    if (!call || (folded && !sgr__derive_classes(resolver, call)))
        return NULL;
    return sgr__fold(resolver, call);
}

/* ---- || */

static bool is_string(const struct sgr__node *node) {
    return node->unknown || node->type.type == SGR_TEXT || node->type.type == SGR_BPCHAR;
}

static struct sgr__node *to_text(struct sgr__resolver *resolver, struct sgr__node *node) {
    struct sgr_column text = sgr__type_of(SGR_TEXT);
    return sgr__coerce(resolver, node, &text, SGR__COERCE_EXPLICIT);
}

static struct sgr__node *concatenate(struct sgr__resolver *resolver, struct sgr__node *left,
                                     struct sgr__node *right, int position) {
    bool array = left->type.type == SGR_ARRAY || right->type.type == SGR_ARRAY;
    bool typed = !left->unknown || !right->unknown;
    const struct sgr__node *other = is_string(left) ? right : left;
    bool other_operator = typed && (left->unknown || right->unknown) &&
                          (other->type.type == SGR_JSONB || other->type.type == SGR_BYTEA);
    if (array || other_operator ||
        (left->type.type == SGR_JSONB && right->type.type == SGR_JSONB) ||
        (left->type.type == SGR_BYTEA && right->type.type == SGR_BYTEA))
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED, "|| on type %s is not supported",
                         sgr__type_spelled(resolver, &other->type));
    if (!is_string(left) && !is_string(right))
        return no_operator(resolver, "||", left, right, position);
    struct sgr__node *sides[] = {to_text(resolver, left), to_text(resolver, right)};
    struct sgr__node *call = sgr__call(resolver, &sgr__concatenate, SGR_TEXT, position, 2, sides);
    return call ? sgr__fold(resolver, call) : NULL;
}

/* ---- IN, BETWEEN, NULLIF */

static struct sgr__node *negated(struct sgr__resolver *resolver, struct sgr__node *node,
                                 bool negate) {
    if (!node || !negate)
        return node;
    struct sgr__node *call = sgr__call(resolver, &sgr__not, SGR_BOOL, node->position, 1, &node);
    return call ? sgr__fold(resolver, call) : NULL;
}

static bool has_column(const struct sgr__node *node) {
    uint64_t relations = 0, parameters = 0;
    sgr__node_uses(node, &relations, &parameters);
    return relations != 0;
}

/* value = ANY of the items, in their common type: Postgres' array form, which it takes for items without columns. NULL without an
 * error: they have no common type. */
static struct sgr__node *in_set(struct sgr__resolver *resolver, struct sgr__node *value,
                                struct sgr__node **items, size_t count, int position) {
    struct sgr__node **nodes = sgr_arena_alloc(resolver->arena, (count + 1) * sizeof(*nodes));
    struct sgr_error before = *resolver->error;
    if (!nodes)
        return sgr__fail_memory(resolver);
    memcpy(nodes + 1, items, count * sizeof(*nodes));
    nodes[0] = value;
    if (!sgr__common_type(resolver, "IN", nodes, count + 1)) {
        if (resolver->error->code == SGR_ETYPE)
            *resolver->error = before;
        return NULL;
    }
    value = value->unknown ? nodes[0] : value;
    /* One comparison stands for all: it says whether there is one. */
    if (!sgr__compare(resolver, &sgr__equal, value, nodes[1], position))
        return NULL;
    enum sgr_type type = comparable(&value->type, &nodes[1]->type);
    nodes[0] = value;
    for (size_t i = 0; i <= count; i++)
        if (!(nodes[i] = to_comparable(resolver, nodes[i], type)))
            return NULL;
    struct sgr__node *call = sgr__call(resolver, &sgr__in, SGR_BOOL, position, count + 1, nodes);
    return call ? sgr__fold(resolver, call) : NULL;
}

/* Items without columns first; *ret_count of them. */
static bool resolve_items(struct sgr__resolver *resolver, const PgQuery__List *list,
                          struct sgr__node **items, size_t *ret_count) {
    size_t fixed = 0;
    for (size_t i = 0; i < list->n_items; i++) {
        struct sgr__node *item = sgr__resolve(resolver, list->items[i]);
        if (!item)
            return false;
        items[i] = item;
        if (has_column(item))
            continue;
        memmove(items + fixed + 1, items + fixed, (i - fixed) * sizeof(*items));
        items[fixed++] = item;
    }
    *ret_count = fixed;
    return true;
}

static struct sgr__node *resolve_in(struct sgr__resolver *resolver, const PgQuery__AExpr *from,
                                    bool negate) {
    if (!from->rexpr || from->rexpr->node_case != PG_QUERY__NODE__NODE_LIST)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "IN without a list is not supported");
    const PgQuery__List *list = from->rexpr->list;
    size_t fixed, kept = 0, count = list->n_items;
    struct sgr__node **items = sgr_arena_alloc(resolver->arena, (count + 1) * sizeof(*items));
    struct sgr__node *value = sgr__resolve(resolver, from->lexpr);
    if (count >= UINT16_MAX)
        return sgr__fail(resolver, from->location, SGR_ELIMIT, "the list of IN is too long");
    if (!items)
        return sgr__fail_memory(resolver);
    if (!value || !resolve_items(resolver, list, items, &fixed))
        return NULL;
    resolver->error->code = 0;
    struct sgr__node *set =
        fixed > 1 ? in_set(resolver, value, items, fixed, from->location) : NULL;
    if (set)
        items[kept++] = set;
    else if (resolver->error->code)
        return NULL;
    for (size_t i = set ? fixed : 0; i < count; i++)
        if (!(items[kept++] = sgr__compare(resolver, &sgr__equal, value, items[i], from->location)))
            return NULL;
    return negated(resolver, sgr__junction(resolver, false, from->location, items, kept), negate);
}

struct bounds {
    bool negate, symmetric;
};

static struct sgr__node *range(struct sgr__resolver *resolver, const PgQuery__AExpr *from,
                               PgQuery__Node *const *bounds) {
    struct sgr__node *sides[2];
    for (int i = 0; i < 2; i++) {
        /* Resolved twice: a literal takes its type in each comparison anew. */
        struct sgr__node *value = sgr__resolve(resolver, from->lexpr);
        struct sgr__node *bound = value ? sgr__resolve(resolver, bounds[i]) : NULL;
        sides[i] = sgr__compare(resolver, i ? &sgr__less_equal : &sgr__greater_equal, value, bound,
                                from->location);
        if (!sides[i])
            return NULL;
    }
    return sgr__junction(resolver, true, from->location, sides, 2);
}

static struct sgr__node *resolve_between(struct sgr__resolver *resolver, const PgQuery__AExpr *from,
                                         struct bounds kind) {
    if (!from->rexpr || from->rexpr->node_case != PG_QUERY__NODE__NODE_LIST ||
        from->rexpr->list->n_items != 2)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED, "malformed BETWEEN");
    PgQuery__Node **items = from->rexpr->list->items, *turned[] = {items[1], items[0]};
    struct sgr__node *either[] = {range(resolver, from, items), NULL};
    if (either[0] && kind.symmetric) {
        either[1] = range(resolver, from, turned);
        if (!either[1])
            return NULL;
        either[0] = sgr__junction(resolver, false, from->location, either, 2);
    }
    return negated(resolver, either[0], kind.negate);
}

static struct sgr__node *resolve_nullif(struct sgr__resolver *resolver,
                                        const PgQuery__AExpr *from) {
    struct sgr__node *left = sgr__resolve(resolver, from->lexpr);
    struct sgr__node *right = left ? sgr__resolve(resolver, from->rexpr) : NULL;
    if (!right)
        return NULL;
    if (left->unknown) {
        struct sgr_column type = right->unknown ? sgr__type_of(SGR_TEXT) : right->type;
        left = sgr__coerce(resolver, left, &type, SGR__COERCE_IMPLICIT);
    }
    struct sgr__node *same = sgr__compare(resolver, &sgr__equal, left, right, from->location);
    if (!left || !same)
        return NULL;
    /* The result is the left side as it was compared; dates have comparisons of their own. */
    enum sgr_type type = right->unknown ? left->type.type : comparable(&left->type, &right->type);
    if (left->type.type != SGR_DATE && !(left = to_comparable(resolver, left, type)))
        return NULL;
    if (sgr__is_constant(same) && (same->value.null || !same->value.i))
        return left;
    struct sgr__node *nodes[] = {left, same};
    struct sgr__node *call =
        sgr__call(resolver, &sgr__nullif, left->type.type, from->location, 2, nodes);
    if (!call)
        return NULL;
    call->type = left->type;
    call->type.type_modifier = -1;
    call->type.not_null = false;
    call->strength = left->strength;
    return sgr__fold(resolver, call);
}

/* ---- By name */

static const struct {
    const char *name;
    const struct sgr__operation *operation;
} comparisons[] = {
    {"=", &sgr__equal},          {"<>", &sgr__not_equal},  {"!=", &sgr__not_equal},
    {"<", &sgr__less},           {"<=", &sgr__less_equal}, {">", &sgr__greater},
    {">=", &sgr__greater_equal},
};

static const struct sgr__operation *find_comparison(const char *name) {
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++)
        if (strcmp(comparisons[i].name, name) == 0)
            return comparisons[i].operation;
    return NULL;
}

static struct sgr__node *binary(struct sgr__resolver *resolver, const char *name,
                                struct sgr__node *left, struct sgr__node *right, int position) {
    const struct sgr__operation *comparison = find_comparison(name);
    if (comparison)
        return sgr__compare(resolver, comparison, left, right, position);
    if (strcmp(name, "||") == 0)
        return concatenate(resolver, left, right, position);
    if (strstr(name, "~~"))
        return like(resolver, name, left, right, position);
    if (strlen(name) != 1 || !strchr("+-*/%", name[0]))
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED, "operator %s is not supported",
                         name);
    resolver->error->code = 0;
    struct sgr__node *call = sgr__arithmetic(resolver, name, left, right, position);
    if (call || resolver->error->code)
        return call;
    return no_operator(resolver, name, left, right, position);
}

static struct sgr__node *prefix(struct sgr__resolver *resolver, const char *name,
                                struct sgr__node *argument, int position) {
    bool number = is_number(argument->type.type) && !argument->unknown;
    if (strcmp(name, "+") == 0 && number)
        return argument;
    if (strcmp(name, "-") == 0)
        return sgr__negate(resolver, argument, position);
    if (strcmp(name, "+") == 0)
        return no_operator(resolver, name, NULL, argument, position);
    return sgr__fail(resolver, position, SGR_EUNSUPPORTED, "operator %s is not supported", name);
}

static struct sgr__node *resolve_plain(struct sgr__resolver *resolver, const PgQuery__AExpr *from,
                                       const char *name) {
    struct sgr__node *left = from->lexpr ? sgr__resolve(resolver, from->lexpr) : NULL;
    if (from->lexpr && !left)
        return NULL;
    struct sgr__node *right = sgr__resolve(resolver, from->rexpr);
    if (!right)
        return NULL;
    return left ? binary(resolver, name, left, right, from->location)
                : prefix(resolver, name, right, from->location);
}

static struct sgr__node *resolve_distinct(struct sgr__resolver *resolver,
                                          const PgQuery__AExpr *from, bool negate) {
    struct sgr__node *left = sgr__resolve(resolver, from->lexpr);
    struct sgr__node *right = left ? sgr__resolve(resolver, from->rexpr) : NULL;
    return sgr__compare(resolver, negate ? &sgr__not_distinct : &sgr__distinct, left, right,
                        from->location);
}

struct sgr__node *sgr__resolve_operator(struct sgr__resolver *resolver,
                                        const PgQuery__AExpr *from) {
    if (from->n_name != 1 || from->name[0]->node_case != PG_QUERY__NODE__NODE_STRING)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED, "OPERATOR() is not supported");
    const char *name = from->name[0]->string->sval;
    switch (from->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
        return resolve_plain(resolver, from, name);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
        return resolve_distinct(resolver, from, false);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
        return resolve_distinct(resolver, from, true);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
        return resolve_nullif(resolver, from);
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
        return resolve_in(resolver, from, strcmp(name, "<>") == 0);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
        return resolve_between(resolver, from, (struct bounds){false, false});
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
        return resolve_between(resolver, from, (struct bounds){true, false});
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
        return resolve_between(resolver, from, (struct bounds){false, true});
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
        return resolve_between(resolver, from, (struct bounds){true, true});
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED, "SIMILAR TO is not supported");
    default:
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "ANY and ALL are not supported");
    }
}
