/* `nodes:` — which operator each one is, its options and inputs, and an order in which inputs come first. */
#include <stdlib.h>

#include "base/nearest.h"
#include "base/slice.h"
#include "plan/internal.h"

/* Keys of a node that are no options. */
static bool structural(const char *key) {
    return strcmp(key, "input") == 0 || strcmp(key, "inputs") == 0 || strcmp(key, "where") == 0;
}

static const struct sgr_option *main_option(const struct sgr_plugin *plugin) {
    for (const struct sgr_option *option = plugin->options; option && option->name; option++)
        if (option->flags & SGR_OPTION_MAIN)
            return option;
    return NULL;
}

static bool has_option(const struct sgr_plugin *plugin, const char *name) {
    for (const struct sgr_option *option = plugin->options; option && option->name; option++)
        if (strcmp(option->name, name) == 0)
            return true;
    return false;
}

/* --- which operator */

struct operator_names {
    struct sgr_vector names; /* const char * */
};

static void collect_operator(void *data, const struct sgr_plugin *plugin, const char *path) {
    (void)path;
    struct operator_names *names = data;
    if (plugin->kind == SGR_OPERATOR)
        sgr_vector_push(&names->names, &plugin->name); /* without memory the advice is shorter */
}

static void ignore_broken(void *data, const char *path, const struct sgr_error *error) {
    (void)data;
    (void)path;
    (void)error;
}

static int no_operator(struct sgr_plan *plan, const struct sgr__plan_node *node,
                       const struct sgr_document_node *mapping, struct sgr_error *error) {
    struct operator_names names = {.names = SGR_VECTOR_INIT(const char *)};
    sgr_loader_each(plan->loader, collect_operator, ignore_broken, &names);
    const char *const *list = names.names.items;
    const struct sgr_document_pair *other = NULL, *close = NULL;
    for (size_t i = 0; i < mapping->count; i++) {
        if (structural(mapping->pairs[i].name))
            continue;
        other = other ? other : &mapping->pairs[i];
        if (!close && sgr_nearest(mapping->pairs[i].name, list, names.names.count))
            close = &mapping->pairs[i];
    }
    other = close ? close : other;
    int status = other ? sgr__plan_unknown(sgr__place_of_key(other), error, "operator", other->name,
                                           list, names.names.count)
                       : sgr__plan_error(node->place, error,
                                         "node \"%s\" has no operator: one of its keys must be an "
                                         "operator's name (`sangre plugins` lists them)",
                                         node->name);
    sgr_vector_fini(&names.names);
    return status;
}

/* Finds the operator's key. An option of one operator may have another one's name; then the one that knows it is meant. */
static int find_operator(struct sgr_plan *plan, struct sgr__plan_node *node,
                         const struct sgr_document_node *mapping,
                         const struct sgr_document_pair **ret, struct sgr_error *error) {
    const struct sgr_document_pair *found = NULL;
    for (size_t i = 0; i < mapping->count; i++) {
        const struct sgr_document_pair *pair = &mapping->pairs[i];
        const struct sgr_plugin *plugin;
        if (structural(pair->name) || (found && has_option(node->plugin, pair->name)))
            continue;
        int status = sgr_loader_plugin(plan->loader, SGR_OPERATOR, pair->name, &plugin, error);
        if (status == SGR_ENOTFOUND)
            continue;
        if (status != 0)
            return sgr__plan_plugin_error(sgr__place_of_key(pair), error);
        if (found && !has_option(plugin, found->name))
            return sgr__plan_error(sgr__place_of_key(pair), error,
                                   "\"%s\" and \"%s\" are both operators: a node has one",
                                   found->name, pair->name);
        found = pair;
        node->plugin = plugin;
    }
    if (!found)
        return no_operator(plan, node, mapping, error);
    *ret = found;
    return 0;
}

/* --- options */

static bool empty(const struct sgr_document_node *value) {
    return (value->kind == SGR_DOCUMENT_SCALAR && value->null) ||
           (value->kind != SGR_DOCUMENT_SCALAR && value->count == 0);
}

static int add_pair(struct sgr_vector *pairs, const struct sgr_document_pair *pair,
                    struct sgr_error *error) {
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(SGR_VECTOR_AT(pairs, struct sgr_document_pair, i)->name, pair->name) == 0)
            return sgr__plan_error(sgr__place_of_key(pair), error, "\"%s\" is given twice",
                                   pair->name);
    return sgr_vector_push(pairs, pair) == 0 ? 0 : sgr__plan_memory(error);
}

/* What stands behind the operator's name is its main option; without one, a mapping of options. */
static int add_value(const struct sgr__plan_node *node, const struct sgr_document_pair *key,
                     struct sgr_vector *pairs, struct sgr_error *error) {
    const struct sgr_option *option = main_option(node->plugin);
    const struct sgr_document_node *value = key->value;
    if (option) {
        struct sgr_document_pair pair = *key;
        pair.name = option->name;
        return add_pair(pairs, &pair, error);
    }
    if (value->kind != SGR_DOCUMENT_MAPPING && !empty(value))
        return sgr__plan_error(sgr__place_of(value), error,
                               "%s takes no value here: write %s: {} or a mapping of its options",
                               node->plugin->name, key->name);
    int status = 0;
    for (size_t i = 0; value->kind == SGR_DOCUMENT_MAPPING && i < value->count && status == 0; i++)
        status = add_pair(pairs, &value->pairs[i], error);
    return status;
}

static int collect_options(struct sgr_plan *plan, struct sgr__plan_node *node,
                           const struct sgr_document_node *mapping,
                           const struct sgr_document_pair *key, struct sgr_error *error) {
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
    int status = add_value(node, key, &pairs, error);
    for (size_t i = 0; i < mapping->count && status == 0; i++)
        if (!structural(mapping->pairs[i].name) && &mapping->pairs[i] != key)
            status = add_pair(&pairs, &mapping->pairs[i], error);
    struct sgr_document_node *options = sgr_arena_alloc(plan->arena, sizeof(*options));
    size_t size = pairs.count * sizeof(struct sgr_document_pair);
    struct sgr_document_pair *copy = sgr_arena_alloc(plan->arena, size ? size : 1);
    if (status == 0 && (!options || !copy))
        status = sgr__plan_memory(error);
    if (status == 0) {
        if (size)
            memcpy(copy, pairs.items, size);
        *options = *mapping;
        options->pairs = copy;
        options->count = pairs.count;
        node->options = options;
    }
    sgr_vector_fini(&pairs);
    return status;
}

/* Only to see that they are right: the build parses them again, as the graph takes them over. */
static int check_options(const struct sgr__plan_node *node, struct sgr_error *error) {
    struct sgr_options *options;
    int status = sgr_options_parse(node->plugin, node->options, NULL, &options, error);
    if (status == 0)
        sgr_options_free(options);
    return status;
}

/* SQL in options names no parameters: those are columns of a view's demand only. */
static int check_expressions(const struct sgr__plan_node *node, struct sgr_error *error) {
    int status = 0;
    const struct sgr_option *option = node->plugin->options;
    for (; option && option->name && status == 0; option++) {
        const struct sgr_document_node *value = sgr_document_get(node->options, option->name);
        if (!value || (option->type != SGR_OPTION_EXPRESSION && option->type != SGR_OPTION_PAIRS))
            continue;
        if (value->kind == SGR_DOCUMENT_SCALAR)
            status = sgr__plan_check_sql(NULL, value, error);
        for (size_t i = 0; value->kind == SGR_DOCUMENT_MAPPING && i < value->count; i++)
            if (status == 0 && value->pairs[i].value->kind == SGR_DOCUMENT_SCALAR)
                status = sgr__plan_check_sql(NULL, value->pairs[i].value, error);
    }
    return status;
}

/* --- inputs */

static int check_input_count(const struct sgr__plan_node *node, struct sgr_error *error) {
    unsigned least = node->plugin->operator_->inputs_minimum;
    unsigned most = node->plugin->operator_->inputs_maximum;
    size_t count = node->input_count;
    if (count >= least && (most == 0 || count <= most))
        return 0;
    if (most == 0)
        return sgr__plan_error(node->place, error, "%s takes %u inputs or more, but \"%s\" has %zu",
                               node->plugin->name, least, node->name, count);
    if (least == most)
        return sgr__plan_error(node->place, error, "%s takes %u input%s, but \"%s\" has %zu",
                               node->plugin->name, most, most == 1 ? "" : "s", node->name, count);
    return sgr__plan_error(node->place, error, "%s takes %u to %u inputs, but \"%s\" has %zu",
                           node->plugin->name, least, most, node->name, count);
}

static int read_inputs(struct sgr_plan *plan, struct sgr__plan_node *node,
                       const struct sgr_document_node *mapping, struct sgr_error *error) {
    const struct sgr_document_node *one = sgr_document_get(mapping, "input");
    const struct sgr_document_node *many = sgr_document_get(mapping, "inputs");
    if (one && many)
        return sgr__plan_error(sgr__place_of(many), error,
                               "\"input\" and \"inputs\" can't stand together");
    const struct sgr_document_node *value = one ? one : many;
    if (!value)
        return check_input_count(node, error);
    bool list = value->kind == SGR_DOCUMENT_SEQUENCE;
    size_t count = list ? value->count : 1;
    node->inputs = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*node->inputs));
    if (!node->inputs)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct sgr_document_node *item = list ? value->items[i] : value;
        int status = sgr__plan_scalar(item, "an input", error);
        if (status == 0)
            status = sgr__plan_reference(plan, item->text, item, &node->inputs[i], error);
        if (status != 0)
            return status;
        node->input_count = i + 1;
    }
    return check_input_count(node, error);
}

static int read_node(struct sgr_plan *plan, struct sgr__plan_node *node,
                     const struct sgr_document_node *mapping, struct sgr_error *error) {
    const struct sgr_document_pair *key = NULL;
    int status = sgr__plan_mapping(mapping, "a node", error);
    if (status == 0)
        status = find_operator(plan, node, mapping, &key, error);
    if (status == 0) {
        node->value = key->value;
        status = collect_options(plan, node, mapping, key, error);
    }
    if (status == 0)
        status = check_options(node, error);
    if (status == 0)
        status = check_expressions(node, error);
    if (status == 0)
        status = read_inputs(plan, node, mapping, error);
    node->where = sgr_document_get(mapping, "where");
    if (status == 0 && node->where)
        status = sgr__plan_scalar(node->where, "where", error);
    if (status == 0 && node->where)
        status = sgr__plan_check_sql(NULL, node->where, error);
    return status;
}

/* --- order */

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct walk {
    struct sgr_plan *plan;
    enum mark *marks;
    size_t *path; /* open nodes */
    size_t depth, done;
    struct sgr_error *error;
};

static int cycle(struct walk *walk, size_t back_to, const struct sgr__reference *by) {
    char path[360] = "";
    size_t used = 0, from = 0;
    while (walk->path[from] != back_to)
        from++;
    for (size_t i = from; i < walk->depth && used < sizeof(path); i++)
        used += (size_t)snprintf(path + used, sizeof(path) - used, "%s ← ",
                                 walk->plan->nodes[walk->path[i]].name);
    return sgr__plan_error(sgr__place_of(by->place), walk->error,
                           "nodes feed each other in a circle: %s%s", path, by->text);
}

static int visit(struct walk *walk, size_t at) {
    struct sgr__plan_node *node = &walk->plan->nodes[at];
    walk->marks[at] = MARK_OPEN;
    walk->path[walk->depth++] = at;
    for (size_t i = 0; i < node->input_count; i++) {
        const struct sgr__reference *input = &node->inputs[i];
        int status = 0;
        if (!input->table && walk->marks[input->index] == MARK_OPEN)
            status = cycle(walk, input->index, input);
        else if (!input->table && walk->marks[input->index] == MARK_NEW)
            status = visit(walk, input->index);
        if (status != 0)
            return status;
    }
    walk->depth--;
    walk->marks[at] = MARK_DONE;
    walk->plan->order[walk->done++] = at;
    return 0;
}

#define NODES_MAX 10000 /* bounds the walk's recursion too */

static int sort_nodes(struct sgr_plan *plan, struct sgr_error *error) {
    size_t count = plan->node_count;
    struct walk walk = {.plan = plan, .error = error};
    plan->order = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*plan->order));
    walk.marks = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*walk.marks));
    walk.path = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*walk.path));
    if (!plan->order || !walk.marks || !walk.path)
        return sgr__plan_memory(error);
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        if (walk.marks[i] == MARK_NEW)
            status = visit(&walk, i);
    return status;
}

int sgr__plan_nodes(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                    struct sgr_error *error) {
    int status = sgr__plan_mapping(mapping, "nodes", error);
    if (status == 0 && mapping->count > NODES_MAX)
        return sgr__plan_error(sgr__place_of(mapping), error, "more than %d nodes", NODES_MAX);
    if (status != 0)
        return status;
    plan->nodes = sgr_arena_alloc(plan->arena, (mapping->count + 1) * sizeof(*plan->nodes));
    if (!plan->nodes)
        return sgr__plan_memory(error);
    plan->node_count = mapping->count;
    for (size_t i = 0; i < mapping->count; i++) {
        plan->nodes[i].name = mapping->pairs[i].name;
        plan->nodes[i].place = sgr__place_of_key(&mapping->pairs[i]);
    }
    for (size_t i = 0; i < mapping->count && status == 0; i++) {
        status = sgr__plan_name(&mapping->pairs[i], "a node", error);
        if (status == 0)
            status = read_node(plan, &plan->nodes[i], mapping->pairs[i].value, error);
    }
    return status == 0 ? sort_nodes(plan, error) : status;
}

bool sgr__plan_base_table(const struct sgr_plan *plan, const struct sgr__reference *reference,
                          size_t *ret_source, const char **ret_table) {
    while (!reference->table) {
        const struct sgr__plan_node *node = &plan->nodes[reference->index];
        if (node->input_count != 1)
            return false;
        reference = &node->inputs[0];
    }
    *ret_source = reference->index;
    *ret_table = reference->table;
    return true;
}
