/* A level's condition, taken apart by what can answer each conjunct: `column = $parameter` and `column = constant` are equalities that an
 * index answers; what knows no parameter and no pivot becomes a filter node, which every view with the same condition shares; the rest is
 * tested by the view, once per distinct value. */
#include "base/buffer.h"
#include "base/slice.h"
#include "plan/internal.h"
#include "plan/lexer.h"

struct sorting {
    struct sgr__build *build;
    struct sgr_scope scope;
    struct sgr_vector *equalities;  /* struct sgr_level_equality */
    struct sgr_buffer filter, rest; /* conjuncts, joined */
    size_t filter_count, rest_count;
};

static void add_text(struct sgr_buffer *buffer, size_t *count, struct sgr_slice conjunct) {
    sgr_buffer_puts(buffer, *count ? " AND (" : "(");
    sgr_buffer_slice(buffer, conjunct);
    sgr_buffer_putc(buffer, ')');
    (*count)++;
}

/* A filter knows one relation, by no name: `users.id` becomes `id`. */
static void add_filter_text(struct sorting *sorting, struct sgr_slice conjunct) {
    struct sgr_buffer plain = SGR_BUFFER_INIT;
    struct sgr__lexer lexer;
    const char *alias = sorting->scope.relations[0].alias;
    size_t written = 0;
    for (sgr__lexer_init(&lexer, conjunct); alias && lexer.token.kind != SGR__TOKEN_END;) {
        size_t start = lexer.token.start;
        struct sgr_slice name;
        if (!sgr__lexer_take_name(&lexer, &name))
            sgr__lexer_next(&lexer);
        else if (sgr_slice_is(name, alias) && sgr__lexer_take(&lexer, ".")) {
            sgr_buffer_append(&plain, conjunct.data + written, start - written);
            written = lexer.token.start;
        }
    }
    sgr_buffer_append(&plain, conjunct.data + written, conjunct.size - written);
    add_text(&sorting->filter, &sorting->filter_count,
             (struct sgr_slice){plain.data ? plain.data : "", plain.size});
    sorting->filter.failed |= plain.failed;
    sgr_buffer_fini(&plain);
}

static bool holds_text(enum sgr_type type) {
    switch (type) {
#define MEMBER_i false
#define MEMBER_f false
#define MEMBER_v false
#define MEMBER_u false
#define MEMBER_s true
#define CASE(symbol, name, width, member) \
    case symbol:                          \
        return MEMBER_##member;
        SGR_TYPES(CASE)
#undef CASE
    default:
        return false;
    }
}

static int add_equality(struct sorting *sorting, const struct sgr_equality *equality) {
    struct sgr_level_equality *own = sgr_vector_add(sorting->equalities);
    if (!own)
        return sgr__plan_memory(sorting->build->error);
    own->via = equality->relation == 1;
    own->column = equality->column;
    own->parameter = equality->parameter;
    if (equality->parameter >= 0)
        return 0;
    own->constant = *equality->constant;
    if (own->constant.null || !holds_text(own->constant.type))
        return 0;
    own->constant.s.data = sgr_arena_copy(sorting->build->plan->arena, own->constant.s);
    return own->constant.s.data ? 0 : sgr__plan_memory(sorting->build->error);
}

static bool needs_view(const struct sgr_split *split) {
    if (split->parametrized || (split->plain && (sgr_expression_relations(split->plain) & 2)))
        return true;
    for (size_t i = 0; i < split->equality_count; i++)
        if (split->equalities[i].parameter >= 0 || split->equalities[i].relation == 1)
            return true;
    return false;
}

static int sort_conjunct(struct sorting *sorting, struct sgr_slice conjunct) {
    struct sgr_split split = {0};
    char *text = sgr_arena_copy(sorting->build->plan->arena, conjunct);
    if (!text)
        return sgr__plan_memory(sorting->build->error);
    int status = sgr_expression_split(text, &sorting->scope, true, &split, sorting->build->error);
    if (status != 0)
        return status;
    if (split.equality_count == 1 && !split.plain && !split.parametrized)
        status = add_equality(sorting, &split.equalities[0]);
    else if (needs_view(&split))
        add_text(&sorting->rest, &sorting->rest_count, conjunct);
    else
        add_filter_text(sorting, conjunct);
    sgr_split_fini(&split);
    return status;
}

/* Without the parentheses if it is one conjunct, so that it is the text of a filter node's own. */
static const char *settle(struct sorting *sorting, const struct sgr_buffer *buffer, size_t count) {
    struct sgr_slice text = {buffer->data, buffer->size};
    if (buffer->failed)
        return NULL;
    if (count == 1)
        text = (struct sgr_slice){text.data + 1, text.size - 2};
    return sgr_arena_copy(sorting->build->plan->arena, text);
}

static int apply_filter(struct sorting *sorting, const struct sgr__plan_level *declared,
                        struct sgr_level *level) {
    const char *text = settle(sorting, &sorting->filter, sorting->filter_count);
    const struct sgr_document_node *value =
        text ? sgr__build_scalar(sorting->build, declared->where, text) : NULL;
    if (!value)
        return sgr__plan_memory(sorting->build->error);
    return sgr__build_helper(sorting->build, "filter", value, level->node, declared->from.text,
                             &level->node);
}

static int apply_rest(struct sorting *sorting, struct sgr_level *level) {
    const char *text = settle(sorting, &sorting->rest, sorting->rest_count);
    if (!text)
        return sgr__plan_memory(sorting->build->error);
    return sgr_expression_new(text, &sorting->scope, &level->where, sorting->build->error);
}

/* All of it at once first, so that a mistake is told with its column in the text as written. */
static int check_whole(struct sorting *sorting, const struct sgr_document_node *where) {
    struct sgr_expression *whole;
    struct sgr_error *error = sorting->build->error;
    int status = sgr_expression_new(where->text.data, &sorting->scope, &whole, error);
    if (status != 0)
        return status;
    if (sgr_expression_column(whole)->type != SGR_BOOL)
        status = sgr_error_set(error, SGR_ETYPE, "where must be a condition (bool), not of type %s",
                               sgr_expression_column(whole)->type_name);
    sgr_expression_free(whole);
    return status;
}

static int sort_conjuncts(struct sorting *sorting, const struct sgr__plan_level *declared,
                          struct sgr_level *level) {
    struct sgr_vector conjuncts = SGR_VECTOR_INIT(struct sgr_slice);
    int status = check_whole(sorting, declared->where);
    if (status == 0 && sgr__conjuncts(declared->where->text, &conjuncts) != 0)
        status = sgr__plan_memory(sorting->build->error);
    for (size_t i = 0; i < conjuncts.count && status == 0; i++)
        status = sort_conjunct(sorting, *SGR_VECTOR_AT(&conjuncts, struct sgr_slice, i));
    if (status == 0 && sorting->rest_count)
        status = apply_rest(sorting, level);
    if (status == 0 && sorting->filter_count)
        status = apply_filter(sorting, declared, level);
    sgr_vector_fini(&conjuncts);
    return status;
}

/* What a condition may call the level's relation: its table or node. */
static const char *alias_of(const struct sgr__reference *from) {
    const char *name = from->table ? from->table : from->text;
    const char *dot = strrchr(name, '.');
    name = dot ? dot + 1 : name;
    return strcmp(name, "via") == 0 ? NULL : name;
}

int sgr__build_where(struct sgr__build *build, const struct sgr__plan_view *view,
                     const struct sgr__plan_level *declared, struct sgr_vector *equalities,
                     struct sgr_level *level) {
    struct sgr_scope_relation relations[2] = {
        {alias_of(&declared->from), sgr_node_schema(level->node), false},
        {"via", level->via ? sgr_node_schema(level->via) : NULL, .qualified = true}};
    struct sgr_scope_parameter parameters[SGR__PARAMETERS_MAX];
    for (size_t i = 0; i < view->parameter_count; i++)
        parameters[i] =
            (struct sgr_scope_parameter){view->parameters[i].name, view->parameters[i].column};
    struct sorting sorting = {
        .build = build,
        .scope = {relations, level->via ? 2 : 1, parameters, view->parameter_count},
        .equalities = equalities,
    };
    int status = sort_conjuncts(&sorting, declared, level);
    sgr_buffer_fini(&sorting.filter);
    sgr_buffer_fini(&sorting.rest);
    if (status != 0 && status != SGR_ECONFIG)
        return sgr__plan_place(sgr__place_of(declared->where), build->error);
    return status;
}
