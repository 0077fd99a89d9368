/* A view's parameters, and where SQL texts name them. */
#include <ctype.h>

#include "base/nearest.h"
#include "base/slice.h"
#include "plan/internal.h"
#include "plan/lexer.h"
#include "row/type.h"

int sgr__plan_parameter(const struct sgr__plan_view *view, struct sgr_slice name) {
    for (size_t i = 0; i < view->parameter_count; i++)
        if (sgr_slice_is(name, view->parameters[i].name))
            return (int)i;
    return -1;
}

/* Names as they can stand behind $ in SQL, and in a query string without quoting. */
static int check_name(const struct sgr_document_pair *pair, struct sgr_error *error) {
    static const char *const reserved[] = {"codec", "cursor", "time", "revision"};
    bool good = isalpha((unsigned char)pair->name[0]) || pair->name[0] == '_';
    for (const char *at = pair->name; *at && good; at++)
        good = isalnum((unsigned char)*at) || *at == '_';
    if (!good || strlen(pair->name) > 63)
        return sgr__plan_error(sgr__place_of_key(pair), error,
                               "\"%.80s\" can't name a parameter: letters, digits and _, at most "
                               "63, beginning with a letter",
                               pair->name);
    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
        if (strcmp(pair->name, reserved[i]) == 0)
            return sgr__plan_error(sgr__place_of_key(pair), error,
                                   "\"%s\" can't name a parameter: the protocol uses it",
                                   pair->name);
    return 0;
}

static int read_type(const struct sgr_document_node *node, const char *name,
                     struct sgr_column *column, struct sgr_error *error) {
    int status = sgr__plan_scalar(node, "a parameter's type", error);
    if (status != 0)
        return status;
    if (sgr_type_parse(node->text, column, error) != 0)
        return sgr__plan_place(sgr__place_of(node), error);
    if (!sgr_type_has_equality(column->type, column->element))
        return sgr__plan_error(sgr__place_of(node), error,
                               "parameter \"%s\" can't be of type %.*s: it has no equality", name,
                               SGR_SLICE_ARGS(node->text));
    if (column->collation == SGR_COLLATION_NONE && column->type == SGR_TEXT)
        column->collation = SGR_COLLATION_C;
    return 0;
}

static int read_default(struct sgr_plan *plan, const struct sgr_document_node *node,
                        struct sgr_view_parameter *parameter, struct sgr_error *error) {
    parameter->has_default = true;
    parameter->fallback = (struct sgr_value){.type = parameter->column.type, .null = true};
    if (node->kind == SGR_DOCUMENT_SCALAR && node->null)
        return 0;
    if (node->kind != SGR_DOCUMENT_SCALAR)
        return sgr__plan_error(sgr__place_of(node), error,
                               "the default of \"%s\" must be a plain value", parameter->name);
    if (sgr_value_parse_kept(parameter->column.type, parameter->column.element, node->text,
                             plan->arena, &parameter->fallback, error) != 0)
        return sgr__plan_error_at(sgr__place_of(node), error,
                                  "the default of \"%s\" does not fit its type: ", parameter->name);
    return 0;
}

static int read_parameter(struct sgr_plan *plan, const struct sgr_document_pair *pair,
                          struct sgr_view_parameter *parameter, const char **claim,
                          struct sgr_error *error) {
    static const char *const keys[] = {"type", "default", "value", NULL};
    parameter->name = pair->name;
    int status = check_name(pair, error);
    if (status != 0)
        return status;
    if (pair->value->kind != SGR_DOCUMENT_MAPPING)
        return read_type(pair->value, pair->name, &parameter->column, error);
    status = sgr__plan_keys(pair->value, "a parameter", keys, error);
    const struct sgr_document_node *type = sgr_document_get(pair->value, "type");
    const struct sgr_document_node *fallback = sgr_document_get(pair->value, "default");
    const struct sgr_document_node *value = sgr_document_get(pair->value, "value");
    if (status == 0 && !type)
        return sgr__plan_error(sgr__place_of_key(pair), error,
                               "parameter \"%s\" has no type: write %s: { type: int }", pair->name,
                               pair->name);
    if (status == 0)
        status = read_type(type, pair->name, &parameter->column, error);
    if (status == 0 && fallback)
        status = read_default(plan, fallback, parameter, error);
    if (status == 0 && value && fallback)
        return sgr__plan_error(sgr__place_of(fallback), error,
                               "parameter \"%s\" comes from a claim: it can't have a default",
                               pair->name);
    return status == 0 && value ? sgr__plan_claim(plan, value, claim, error) : status;
}

int sgr__plan_parameters(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                         struct sgr__plan_view *view, struct sgr_error *error) {
    int status = sgr__plan_mapping(mapping, "params", error);
    if (status == 0 && mapping->count > SGR__PARAMETERS_MAX)
        return sgr__plan_error(sgr__place_of(mapping), error, "a view has at most %d parameters",
                               SGR__PARAMETERS_MAX);
    if (status != 0)
        return status;
    view->parameters =
        sgr_arena_alloc(plan->arena, (mapping->count + 1) * sizeof(*view->parameters));
    view->claims = sgr_arena_alloc(plan->arena, (mapping->count + 1) * sizeof(*view->claims));
    if (!view->parameters || !view->claims)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < mapping->count && status == 0; i++) {
        status =
            read_parameter(plan, &mapping->pairs[i], &view->parameters[i], &view->claims[i], error);
        view->parameters[i].column.name = view->parameters[i].name;
        view->parameter_count = i + 1;
    }
    return status;
}

static int unknown_parameter(const struct sgr__plan_view *view, struct sgr__place place,
                             struct sgr_slice name, struct sgr_error *error) {
    const char *names[SGR__PARAMETERS_MAX];
    char word[64];
    snprintf(word, sizeof(word), "%.*s", SGR_SLICE_ARGS(name));
    for (size_t i = 0; i < view->parameter_count; i++)
        names[i] = view->parameters[i].name;
    if (strcmp(word, "claims") == 0)
        return sgr__plan_error(place, error,
                               "a claim is used as a parameter: params: { NAME: { type: TYPE, "
                               "value: $claims.PATH } }, and $NAME here");
    if (view->parameter_count == 0)
        return sgr__plan_error(
            place, error, "$%s is not declared: the view needs params: { %s: TYPE }", word, word);
    return sgr__plan_unknown(place, error, "parameter", word, names, view->parameter_count);
}

int sgr__plan_check_sql(const struct sgr__plan_view *view, const struct sgr_document_node *text,
                        struct sgr_error *error) {
    struct sgr__lexer lexer;
    for (sgr__lexer_init(&lexer, text->text); lexer.token.kind != SGR__TOKEN_END;
         sgr__lexer_next(&lexer)) {
        const struct sgr__token *token = &lexer.token;
        if (token->kind == SGR__TOKEN_BROKEN)
            return sgr__plan_error(sgr__place_of(text), error,
                                   "a quote opens at column %zu of the expression and does not end",
                                   token->start + 1);
        if (token->kind != SGR__TOKEN_PARAMETER)
            continue;
        if (!view)
            return sgr__plan_error(sgr__place_of(text), error,
                                   "nodes know no parameters: $%.*s can stand in a view's where",
                                   SGR_SLICE_ARGS(token->text));
        if (sgr__plan_parameter(view, token->text) < 0)
            return unknown_parameter(view, sgr__place_of(text), token->text, error);
    }
    return 0;
}
