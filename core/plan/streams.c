/* Which sinks bind which sources' change streams: said by the sinks' options that name a source. */
#include "plan/internal.h"

static const char *option_text(const struct sgr_plan_sink *sink, const struct sgr_option *option) {
    const char *text;
    memcpy(&text, (const char *)sgr_options_struct(sink->options) + option->offset, sizeof(text));
    return text;
}

/* Where the option stands, or else the sink: then its default names the source. */
static struct sgr__place place_of(const struct sgr_plan *plan, const struct sgr_plan_sink *sink,
                                  const struct sgr_option *option) {
    const struct sgr_document_node *root = sgr_document_root(plan->document);
    const struct sgr_document_node *sinks = sgr_document_get(root, "sinks");
    const struct sgr_document_node *own = sinks ? sgr_document_get(sinks, sink->name) : NULL;
    const struct sgr_document_node *value = own ? sgr_document_get(own, option->name) : NULL;
    return sgr__place_of(value ? value : own ? own : root);
}

static int unknown(const struct sgr_plan *plan, struct sgr__place place, const char *name,
                   struct sgr_error *error) {
    size_t count = plan->sources.count;
    const char **names = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*names));
    if (!names)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < count; i++)
        names[i] = SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, i)->name;
    return sgr__plan_unknown(place, error, "source", name, names, count);
}

static int find(const struct sgr_plan *plan, const struct sgr_plan_sink *sink,
                const struct sgr_option *option, size_t *ret, struct sgr_error *error) {
    const char *name = option_text(sink, option);
    struct sgr__place place = place_of(plan, sink, option);
    for (size_t i = 0; i < plan->sources.count; i++) {
        const struct sgr__plan_source *source =
            SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, i);
        if (strcmp(source->name, name) != 0)
            continue;
        if (!source->plugin->source->follow)
            return sgr__plan_error(place, error,
                                   "source \"%s\" has no change stream: its plugin %s gives "
                                   "tables alone",
                                   name, source->plugin->name);
        *ret = i;
        return 0;
    }
    return unknown(plan, place, name, error);
}

static bool names_source(const struct sgr_plan_sink *sink, const struct sgr_option *option) {
    return (option->flags & SGR_OPTION_SOURCE) && option_text(sink, option);
}

static int read_sink(struct sgr_plan *plan, struct sgr_plan_sink *sink, struct sgr_error *error) {
    size_t count = 0;
    const struct sgr_option *options = sink->plugin->options, *option;
    for (option = options; option && option->name; option++)
        count += names_source(sink, option);
    size_t *sources = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*sources));
    const char **names = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*names));
    if (!sources || !names)
        return sgr__plan_memory(error);
    sink->sources = sources;
    sink->source_names = names;
    for (option = options; option && option->name; option++) {
        if (!names_source(sink, option))
            continue;
        int status = find(plan, sink, option, &sources[sink->source_count], error);
        if (status != 0)
            return status;
        names[sink->source_count++] = option_text(sink, option);
    }
    return 0;
}

int sgr__plan_streams(struct sgr_plan *plan, bool *ret_any, struct sgr_error *error) {
    int status = 0;
    *ret_any = false;
    for (size_t i = 0; i < plan->sinks.count && status == 0; i++) {
        struct sgr_plan_sink *sink = SGR_VECTOR_AT(&plan->sinks, struct sgr_plan_sink, i);
        status = read_sink(plan, sink, error);
        *ret_any = *ret_any || sink->source_count;
    }
    return status;
}

int sgr__plan_stream_sinks(struct sgr_plan *plan, size_t source, struct sgr_plan_source *ret,
                           struct sgr_error *error) {
    const char **names = sgr_arena_alloc(plan->arena, (plan->sinks.count + 1) * sizeof(*names));
    if (!names)
        return sgr__plan_memory(error);
    ret->sinks = names;
    for (size_t i = 0; i < plan->sinks.count; i++) {
        const struct sgr_plan_sink *sink = SGR_VECTOR_AT(&plan->sinks, struct sgr_plan_sink, i);
        bool binds = false;
        for (size_t k = 0; k < sink->source_count; k++)
            binds = binds || sink->sources[k] == source;
        if (binds)
            names[ret->sink_count++] = sink->name;
    }
    return 0;
}
