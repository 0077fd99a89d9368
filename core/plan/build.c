/* The second stage: nodes in an order in which inputs come first, then views. A build that fails leaves the plan as it was before. */
#include "base/buffer.h"
#include "base/slice.h"
#include "plan/internal.h"

void sgr__build_release(struct sgr_plan *plan) {
    for (size_t i = 0; i < plan->held.count; i++)
        sgr_node_unref(*SGR_VECTOR_AT(&plan->held, struct sgr_node *, i));
    sgr_vector_clear(&plan->held);
    for (size_t i = 0; plan->order && i < plan->node_count; i++) {
        sgr_node_unref(plan->nodes[i].built);
        plan->nodes[i].built = NULL;
    }
}

int sgr__build_resolve(struct sgr__build *build, const struct sgr__reference *reference,
                       struct sgr_node **ret) {
    struct sgr_plan *plan = build->plan;
    if (!reference->table) {
        *ret = plan->nodes[reference->index].built;
        return 0;
    }
    *ret = build->tables->table(build->tables->data, reference->index, reference->table);
    if (*ret)
        return 0;
    return sgr__plan_error(
        sgr__place_of(reference->place), build->error, "source \"%s\" has no table \"%s\"",
        SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, reference->index)->name,
        reference->table);
}

/* --- canonical texts: `price<15` and `(price < 15)` are one node */

static bool of_kind(const struct sgr_plugin *plugin, const char *plan_kind) {
    return strcmp(plugin->plan_kind ? plugin->plan_kind : plugin->name, plan_kind) == 0;
}

/* The scalar's SQL as all spellings of it are written. What does not compile stays: the operator says what is wrong with it. */
static const struct sgr_document_node *canonical_sql(struct sgr__build *build,
                                                     const struct sgr_document_node *value,
                                                     struct sgr_node *input) {
    struct sgr_scope_relation relation = {.schema = sgr_node_schema(input)};
    struct sgr_scope scope = {.relations = &relation, .relation_count = 1};
    struct sgr_expression *expression;
    if (value->kind != SGR_DOCUMENT_SCALAR ||
        sgr_expression_new(value->text.data, &scope, &expression, NULL) != 0)
        return value;
    const char *text =
        sgr_arena_copy(build->plan->arena, sgr_slice(sgr_expression_canonical(expression)));
    const struct sgr_document_node *node = text ? sgr__build_scalar(build, value, text) : NULL;
    sgr_expression_free(expression);
    return node ? node : value;
}

static const struct sgr_document_node *canonical_mapping(struct sgr__build *build,
                                                         const struct sgr_document_node *mapping,
                                                         struct sgr_node *input) {
    struct sgr_document_node *copy = sgr_arena_alloc(build->plan->arena, sizeof(*copy));
    struct sgr_document_pair *pairs =
        sgr_arena_alloc(build->plan->arena, (mapping->count + 1) * sizeof(*pairs));
    if (!copy || !pairs)
        return mapping;
    for (size_t i = 0; i < mapping->count; i++) {
        pairs[i] = mapping->pairs[i];
        pairs[i].value = canonical_sql(build, pairs[i].value, input);
    }
    *copy = *mapping;
    copy->pairs = pairs;
    return copy;
}

/* Of operators whose SQL is over their one input's columns: filter and map. */
static const struct sgr_document_node *canonical_options(struct sgr__build *build,
                                                         const struct sgr_plugin *plugin,
                                                         const struct sgr_document_node *options,
                                                         struct sgr_node *input) {
    if (options->count != 1)
        return options;
    if (of_kind(plugin, "filter"))
        return canonical_mapping(build, options, input);
    if (!of_kind(plugin, "map") || options->pairs[0].value->kind != SGR_DOCUMENT_MAPPING)
        return options;
    struct sgr_document_node *copy = sgr_arena_alloc(build->plan->arena, sizeof(*copy));
    struct sgr_document_pair *pair = sgr_arena_alloc(build->plan->arena, sizeof(*pair));
    if (!copy || !pair)
        return options;
    *pair = options->pairs[0];
    pair->value = canonical_mapping(build, pair->value, input);
    *copy = *options;
    copy->pairs = pair;
    return copy;
}

/* --- helpers: nodes that the plan makes by itself */

const struct sgr_document_node *sgr__build_scalar(struct sgr__build *build,
                                                  const struct sgr_document_node *place,
                                                  const char *text) {
    struct sgr_document_node *node = sgr_arena_alloc(build->plan->arena, sizeof(*node));
    if (!node)
        return NULL;
    *node = (struct sgr_document_node){.kind = SGR_DOCUMENT_SCALAR,
                                       .quoted = true,
                                       .file = place->file,
                                       .line = place->line,
                                       .column = place->column,
                                       .text = sgr_slice(text)};
    return node;
}

static const char *main_option(const struct sgr_plugin *plugin) {
    for (const struct sgr_option *option = plugin->options; option && option->name; option++)
        if (option->flags & SGR_OPTION_MAIN)
            return option->name;
    return NULL;
}

static int helper_options(struct sgr__build *build, const struct sgr_plugin *plugin,
                          const struct sgr_document_node *value, struct sgr_node *input,
                          struct sgr_options **ret) {
    struct sgr_document_pair pair = {main_option(plugin), value->line, value->column, value};
    struct sgr_document_node mapping = *value;
    mapping.kind = SGR_DOCUMENT_MAPPING;
    mapping.pairs = &pair;
    mapping.count = 1;
    if (!pair.name)
        return sgr_error_set(build->error, SGR_EUNSUPPORTED, "operator %s has no main option",
                             plugin->name);
    return sgr_options_parse(plugin, canonical_options(build, plugin, &mapping, input), NULL, ret,
                             build->error);
}

int sgr__build_helper(struct sgr__build *build, const char *plan_kind,
                      const struct sgr_document_node *value, struct sgr_node *input,
                      const char *name, struct sgr_node **ret) {
    const struct sgr_plugin *plugin;
    struct sgr_options *options;
    struct sgr_node *node;
    int status = sgr_loader_plan_kind(build->plan->loader, plan_kind, &plugin, build->error);
    if (status == 0)
        status = helper_options(build, plugin, value, input, &options);
    if (status == 0)
        status =
            sgr_graph_operator(build->graph, plugin, options, &input, 1, name, &node, build->error);
    if (status != 0)
        return sgr__plan_place(sgr__place_of(value), build->error);
    if (sgr_vector_push(&build->plan->held, &node) != 0) {
        sgr_node_unref(node);
        return sgr__plan_memory(build->error);
    }
    *ret = node;
    return 0;
}

/* --- nodes */

static int make_node(struct sgr__build *build, const struct sgr__plan_node *declared,
                     struct sgr_node **ret) {
    struct sgr_node **inputs = sgr_arena_alloc(build->plan->arena, (declared->input_count + 1) *
                                                                       sizeof(struct sgr_node *));
    int status = inputs ? 0 : sgr__plan_memory(build->error);
    for (size_t i = 0; i < declared->input_count && status == 0; i++)
        status = sgr__build_resolve(build, &declared->inputs[i], &inputs[i]);
    struct sgr_options *options;
    const struct sgr_document_node *mapping = declared->options;
    if (status == 0 && declared->input_count == 1)
        mapping = canonical_options(build, declared->plugin, mapping, inputs[0]);
    if (status == 0)
        status = sgr_options_parse(declared->plugin, mapping, NULL, &options, build->error);
    if (status != 0)
        return status;
    status = sgr_graph_operator(build->graph, declared->plugin, options, inputs,
                                declared->input_count, declared->name, ret, build->error);
    if (status != 0)
        return sgr__plan_error_at(sgr__place_of(declared->value), build->error,
                                  "node \"%s\": ", declared->name);
    return 0;
}

static int build_node(struct sgr__build *build, struct sgr__plan_node *declared) {
    int status = make_node(build, declared, &declared->built);
    if (status != 0 || !declared->where)
        return status;
    struct sgr_node *filter;
    status = sgr__build_helper(build, "filter", declared->where, declared->built, declared->name,
                               &filter);
    if (status != 0)
        return status;
    sgr_node_unref(declared->built);
    declared->built = sgr_node_ref(filter);
    return 0;
}

/* --- views */

static int build_view(struct sgr__build *build, const struct sgr__plan_view *declared) {
    struct sgr_view_spec spec = {
        .path = declared->path,
        .parameters = declared->parameters,
        .parameter_count = declared->parameter_count,
    };
    struct sgr_view *view;
    int status = sgr__build_level(build, declared, &declared->root, NULL, NULL, &spec.root);
    if (status == 0 && sgr_views_add(build->views, &spec, &view, build->error) != 0)
        status = sgr__plan_error_at(declared->place, build->error, "view \"%s\": ", declared->path);
    if (status != 0)
        sgr__build_free_level(&spec.root);
    return status;
}

int sgr_plan_build(struct sgr_plan *plan, struct sgr_graph *graph, struct sgr_views *views,
                   const struct sgr_plan_tables *tables, struct sgr_error *error) {
    struct sgr__build build = {plan, graph, views, tables, error};
    int status = 0;
    sgr__build_release(plan);
    for (size_t i = 0; i < plan->node_count && status == 0; i++)
        status = build_node(&build, &plan->nodes[plan->order[i]]);
    for (size_t i = 0; i < plan->view_count && status == 0; i++)
        status = build_view(&build, &plan->views[i]);
    if (status != 0)
        sgr__build_release(plan);
    return status;
}
