/* A config's top level: sources, sinks, server, nodes, views. */
#include <stdlib.h>

#include "base/slice.h"
#include "plan/internal.h"

static const char *const top_keys[] = {"listen", "server", "auth",  "sources",
                                       "sinks",  "nodes",  "views", NULL};

/* Keys that begin with x- are the writer's own: a place for anchors. */
static int check_top(const struct sgr_document_node *root, struct sgr_error *error) {
    int status = sgr__plan_mapping(root, "a config", error);
    size_t count = sizeof(top_keys) / sizeof(*top_keys) - 1;
    for (size_t i = 0; i < root->count && status == 0; i++) {
        const struct sgr_document_pair *pair = &root->pairs[i];
        bool known = strncmp(pair->name, "x-", 2) == 0;
        for (size_t k = 0; k < count && !known; k++)
            known = strcmp(top_keys[k], pair->name) == 0;
        if (!known)
            status = sgr__plan_unknown(sgr__place_of_key(pair), error, "key", pair->name, top_keys,
                                       count);
    }
    return status;
}

static const char *kind_name(enum sgr_plugin_kind kind) {
    return kind == SGR_SOURCE ? "a source" : kind == SGR_SINK ? "a sink" : "an operator";
}

/* Which kind the plugin is of instead, or what the loader said. */
static int no_plugin(struct sgr_plan *plan, enum sgr_plugin_kind kind,
                     const struct sgr_document_node *name, struct sgr_error *error) {
    static const enum sgr_plugin_kind kinds[] = {SGR_SOURCE, SGR_OPERATOR, SGR_SINK};
    const struct sgr_plugin *other;
    for (size_t i = 0; error && error->code == SGR_ENOTFOUND && i < 3; i++)
        if (kinds[i] != kind &&
            sgr_loader_plugin(plan->loader, kinds[i], name->text.data, &other, NULL) == 0)
            return sgr__plan_error(sgr__place_of(name), error, "\"%s\" is %s, not %s",
                                   name->text.data, kind_name(kinds[i]), kind_name(kind));
    return sgr__plan_plugin_error(sgr__place_of(name), error);
}

/* `plugin:` and the options beside it. */
static int read_instance(struct sgr_plan *plan, const struct sgr_document_pair *pair,
                         enum sgr_plugin_kind kind, const struct sgr_plugin **ret_plugin,
                         struct sgr_options **ret_options, struct sgr_error *error) {
    static const char *const beside[] = {"plugin", NULL};
    const char *what = kind_name(kind);
    int status = sgr__plan_name(pair, what, error);
    if (status == 0)
        status = sgr__plan_mapping(pair->value, what, error);
    if (status != 0)
        return status;
    const struct sgr_document_node *name = sgr_document_get(pair->value, "plugin");
    if (!name)
        return sgr__plan_error(sgr__place_of(pair->value), error,
                               "\"%s\" has no plugin: add plugin: NAME (`sangre plugins` lists "
                               "them)",
                               pair->name);
    status = sgr__plan_scalar(name, "plugin", error);
    if (status != 0)
        return status;
    if (sgr_loader_plugin(plan->loader, kind, name->text.data, ret_plugin, error) != 0)
        return no_plugin(plan, kind, name, error);
    return sgr_options_parse(*ret_plugin, pair->value, beside, ret_options, error);
}

static int read_sources(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                        struct sgr_error *error) {
    int status = sgr__plan_mapping(mapping, "sources", error);
    for (size_t i = 0; status == 0 && i < mapping->count; i++) {
        const struct sgr_document_pair *pair = &mapping->pairs[i];
        struct sgr__plan_source *source = sgr_vector_add(&plan->sources);
        if (!source)
            return sgr__plan_memory(error);
        source->name = pair->name;
        source->place = pair->value;
        source->tables = SGR_VECTOR_INIT(struct sgr__plan_table);
        status = read_instance(plan, pair, SGR_SOURCE, &source->plugin, &source->options, error);
    }
    return status;
}

static int read_sinks(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                      struct sgr_error *error) {
    int status = sgr__plan_mapping(mapping, "sinks", error);
    for (size_t i = 0; status == 0 && i < mapping->count; i++) {
        struct sgr_plan_sink *sink = sgr_vector_add(&plan->sinks);
        struct sgr_options *options = NULL;
        if (!sink)
            return sgr__plan_memory(error);
        sink->name = mapping->pairs[i].name;
        status = read_instance(plan, &mapping->pairs[i], SGR_SINK, &sink->plugin, &options, error);
        sink->options = options;
        if (status == 0)
            status = sgr__plan_check_sink(sink, mapping->pairs[i].value, error);
    }
    return status;
}

static int default_sinks(struct sgr_plan *plan, struct sgr_error *error) {
    static const char *const names[] = {"http", "sse", "websocket"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct sgr_plan_sink *sink = sgr_vector_add(&plan->sinks);
        struct sgr_options *options = NULL;
        if (!sink)
            return sgr__plan_memory(error);
        sink->name = names[i];
        int status = sgr_loader_plugin(plan->loader, SGR_SINK, names[i], &sink->plugin, error);
        if (status == 0)
            status = sgr_options_parse(sink->plugin, NULL, NULL, &options, error);
        sink->options = options;
        if (status != 0)
            return status;
    }
    return 0;
}

static bool is_given(const struct sgr_document_node *node) {
    return node && !(node->kind == SGR_DOCUMENT_SCALAR && node->null);
}

static int required(const struct sgr_document_node *root, const char *name,
                    const struct sgr_document_node **ret, struct sgr_error *error) {
    *ret = sgr_document_get(root, name);
    if (is_given(*ret))
        return 0;
    return sgr__plan_error(
        sgr__place_of(*ret ? *ret : root), error,
        "the config has no \"%s\": it needs sources, and views or a sink of change streams", name);
}

/* Sinks of change streams alone need no views. */
static int read_views(struct sgr_plan *plan, bool streams, struct sgr_error *error) {
    const struct sgr_document_node *root = sgr_document_root(plan->document), *views;
    if (streams && !is_given(sgr_document_get(root, "views")))
        return 0;
    int status = required(root, "views", &views, error);
    return status == 0 ? sgr__plan_views(plan, views, error) : status;
}

static int read_plan(struct sgr_plan *plan, struct sgr_error *error) {
    const struct sgr_document_node *root = sgr_document_root(plan->document);
    const struct sgr_document_node *sources;
    const struct sgr_document_node *nodes = sgr_document_get(root, "nodes");
    const struct sgr_document_node *sinks = sgr_document_get(root, "sinks");
    bool streams = false;
    const struct sgr_document_node *auth = sgr_document_get(root, "auth");
    int status = check_top(root, error);
    if (status == 0)
        status = required(root, "sources", &sources, error);
    if (status == 0)
        status = sgr__plan_server(plan, error);
    if (status == 0 && auth)
        status = sgr__plan_auth(plan, auth, error);
    if (status == 0)
        status = read_sources(plan, sources, error);
    if (status == 0)
        status = sinks ? read_sinks(plan, sinks, error) : default_sinks(plan, error);
    if (status == 0)
        status = sgr__plan_streams(plan, &streams, error);
    if (status == 0 && is_given(nodes))
        status = sgr__plan_nodes(plan, nodes, error);
    return status == 0 ? read_views(plan, streams, error) : status;
}

/* The public view of the sources, once all tables in use are known. */
static int publish_sources(struct sgr_plan *plan, struct sgr_error *error) {
    size_t count = plan->sources.count;
    plan->public = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*plan->public));
    if (!plan->public)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct sgr__plan_source *source =
            SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, i);
        const char **tables =
            sgr_arena_alloc(plan->arena, (source->tables.count + 1) * sizeof(*tables));
        if (!tables)
            return sgr__plan_memory(error);
        for (size_t k = 0; k < source->tables.count; k++)
            tables[k] = SGR_VECTOR_AT(&source->tables, struct sgr__plan_table, k)->name;
        plan->public[i] = (struct sgr_plan_source){
            .name = source->name,
            .plugin = source->plugin,
            .options = source->options,
            .place = source->place,
            .tables = tables,
            .table_count = source->tables.count,
        };
        int status = sgr__plan_stream_sinks(plan, i, &plan->public[i], error);
        if (status != 0)
            return status;
    }
    return 0;
}

int sgr_plan_new(struct sgr_document *document, struct sgr_loader *loader, struct sgr_plan **ret,
                 struct sgr_error *error) {
    struct sgr_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return sgr__plan_memory(error);
    plan->document = document;
    plan->loader = loader;
    plan->sources = SGR_VECTOR_INIT(struct sgr__plan_source);
    plan->sinks = SGR_VECTOR_INIT(struct sgr_plan_sink);
    plan->held = SGR_VECTOR_INIT(struct sgr_node *);
    plan->auth_options = SGR_VECTOR_INIT(struct sgr_options *);
    plan->arena = sgr_arena_new();
    int status = plan->arena ? read_plan(plan, error) : sgr__plan_memory(error);
    if (status == 0)
        status = publish_sources(plan, error);
    if (status == 0)
        status = sgr__plan_publish_access(plan, error);
    if (status == 0) {
        *ret = plan;
        return 0;
    }
    plan->document = NULL; /* stays the caller's */
    sgr_plan_free(plan);
    return status;
}

static void free_instances(struct sgr_plan *plan) {
    for (size_t i = 0; i < plan->sources.count; i++) {
        struct sgr__plan_source *source = SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, i);
        sgr_options_free(source->options);
        sgr_vector_fini(&source->tables);
    }
    for (size_t i = 0; i < plan->sinks.count; i++) {
        const struct sgr_plan_sink *sink = SGR_VECTOR_AT(&plan->sinks, struct sgr_plan_sink, i);
        sgr_options_free((struct sgr_options *)(uintptr_t)sink->options);
    }
    sgr_vector_fini(&plan->sources);
    sgr_vector_fini(&plan->sinks);
}

void sgr_plan_free(struct sgr_plan *plan) {
    if (!plan)
        return;
    sgr__build_release(plan);
    free_instances(plan);
    sgr_options_free(plan->server_options);
    sgr_options_free(plan->history_options);
    sgr__plan_auth_free(plan);
    sgr_vector_fini(&plan->held);
    sgr_document_free(plan->document);
    if (plan->arena)
        sgr_arena_free(plan->arena);
    free(plan);
}

const struct sgr_plan_source *sgr_plan_sources(const struct sgr_plan *plan, size_t *ret_count) {
    *ret_count = plan->sources.count;
    return plan->public;
}

const struct sgr_plan_sink *sgr_plan_sinks(const struct sgr_plan *plan, size_t *ret_count) {
    *ret_count = plan->sinks.count;
    return plan->sinks.items;
}

const struct sgr_plan_server *sgr_plan_server(const struct sgr_plan *plan) {
    return &plan->server;
}

static bool name_byte(char byte) {
    return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

/* Where the message names the table, by itself or behind its schema; NULL: it does not. */
static const char *find_table(const char *message, const char *table) {
    const char *dot = strrchr(table, '.');
    const char *name = dot ? dot + 1 : table;
    size_t size = strlen(name);
    for (const char *at = strstr(message, name); at && size; at = strstr(at + 1, name))
        if ((at == message || !name_byte(at[-1])) && !name_byte(at[size]))
            return at;
    return NULL;
}

/* Of the table that the message names first: others in it are advice. */
static struct sgr__place find_place(const struct sgr__plan_source *source, const char *message) {
    struct sgr__place place = sgr__place_of(source->place);
    const char *first = NULL;
    for (size_t i = 0; i < source->tables.count; i++) {
        const struct sgr__plan_table *table =
            SGR_VECTOR_AT(&source->tables, struct sgr__plan_table, i);
        const char *at = find_table(message, table->name);
        if (at && (!first || at < first)) {
            first = at;
            place = table->place;
        }
    }
    return place;
}

static bool is_configs_fault(int code) {
    return code == SGR_ECONFIG || code == SGR_ENOTFOUND || code == SGR_EINVAL ||
           code == SGR_ETYPE || code == SGR_EPARSE || code == SGR_EUNSUPPORTED;
}

void sgr_plan_source_error(const struct sgr_plan *plan, const struct sgr_plan_source *source,
                           struct sgr_error *error) {
    if (!error || !is_configs_fault(error->code))
        return;
    const struct sgr__plan_source *own =
        SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, source - plan->public);
    struct sgr__place place = find_place(own, error->message);
    char context[sizeof(error->context)];
    memcpy(context, error->context, sizeof(context));
    error->context[0] = '\0';
    error->code = SGR_ECONFIG;
    sgr_error_context(error, "%s:%u:%u", place.file, place.line, place.column);
    if (*context)
        sgr_error_context(error, "%s", context);
}
