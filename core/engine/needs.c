/* What sinks need of a change stream: columns of old rows, held against the tables' replica identities by a check; and that the rows of these
 * tables come by their names, which the source is asked for in any case. */
#include <stdlib.h>

#include "engine/engine.h"

/* Sinks are asked twice, for what to describe and for what to judge: they answer in the same order. */
struct needs {
    const struct sgr_plan_sink *sink;
    const char *source;       /* its name, as the sink's options have it */
    struct sgr_vector tables; /* of char *: of each need */
    const struct sgr_relation *relations;
    size_t count, at;
    struct sgr_error *error;
    int code;
};

static void collect(void *data, const char *source, const char *table, const char *column) {
    struct needs *needs = data;
    (void)column;
    if (strcmp(source, needs->source) != 0 || needs->code)
        return;
    char *copy = strdup(table);
    if (copy && sgr_vector_push(&needs->tables, &copy) == 0)
        return;
    free(copy);
    needs->code = sgr_error_set(needs->error, SGR_ENOMEM, "out of memory for a table's name");
}

static const struct sgr_relation_column *find(const struct sgr_relation *relation,
                                              const char *name) {
    for (size_t i = 0; i < relation->column_count; i++)
        if (strcmp(relation->columns[i].name, name) == 0)
            return &relation->columns[i];
    return NULL;
}

static bool tells(const struct sgr_relation *relation, const struct sgr_relation_column *column) {
    return relation->identity == SGR_IDENTITY_FULL ||
           (relation->identity != SGR_IDENTITY_NOTHING && column->key);
}

static void judge(void *data, const char *source, const char *table, const char *column) {
    struct needs *needs = data;
    if (strcmp(source, needs->source) != 0 || needs->code || needs->at >= needs->count)
        return;
    const struct sgr_relation *relation = &needs->relations[needs->at++];
    const struct sgr_relation_column *found = find(relation, column);
    if (!found)
        needs->code = sgr_error_set(needs->error, SGR_ECONFIG,
                                    "sink %s needs column %s of %s, which has no such column",
                                    needs->sink->name, column, table);
    else if (!tells(relation, found))
        needs->code = sgr_error_set(
            needs->error, SGR_ECONFIG,
            "sink %s needs column %s of %s, which is not in its replica identity, so that a DELETE "
            "would be shown to nobody. Run: ALTER TABLE %s.%s REPLICA IDENTITY FULL",
            needs->sink->name, column, table, relation->schema, relation->table);
}

/* Of all sinks that bind the source. */
static void each(const struct sgr_plan *plan, size_t source, struct needs *needs,
                 void (*need)(void *data, const char *source, const char *table,
                              const char *column)) {
    size_t count;
    const struct sgr_plan_sink *sinks = sgr_plan_sinks(plan, &count);
    for (size_t i = 0; i < count; i++) {
        const struct sgr_sink_methods *methods = sinks[i].plugin->sink;
        for (size_t k = 0; k < sinks[i].source_count && methods->needs; k++) {
            if (sinks[i].sources[k] != source)
                continue;
            needs->sink = &sinks[i];
            needs->source = sinks[i].source_names[k];
            methods->needs(sgr_options_struct(sinks[i].options), need, needs);
            break;
        }
    }
}

/* Their names; to be freed in any case. */
static int collect_all(const struct sgr_plan *plan, size_t source, struct needs *needs) {
    each(plan, source, needs, collect);
    return needs->code;
}

static const char *const *names(const struct needs *needs) {
    return (const char *const *)SGR_VECTOR_AT(&needs->tables, char *, 0);
}

static void names_free(struct needs *needs) {
    for (size_t i = 0; i < needs->tables.count; i++)
        free(*SGR_VECTOR_AT(&needs->tables, char *, i));
    sgr_vector_fini(&needs->tables);
}

int sgr__needs_ask(const struct sgr_plan *plan, size_t source,
                   const struct sgr_source_methods *methods, void *state, bool *ret_none,
                   struct sgr_error *error) {
    struct needs needs = {.tables = SGR_VECTOR_INIT(char *), .error = error};
    int code = collect_all(plan, source, &needs);
    *ret_none = !needs.tables.count;
    if (!code && needs.tables.count)
        code = methods->describe(state, names(&needs), needs.tables.count, error);
    names_free(&needs);
    return code;
}

static int limit(const struct engine_source *stream, const struct needs *needs,
                 struct sgr_error *error) {
    if (stream->methods->limit)
        return stream->methods->limit(stream->state, names(needs), needs->tables.count, error);
    return sgr_error_set(error, SGR_ECONFIG,
                         "it can't promise that rows of %s come by no other name, so that a sink "
                         "could limit who sees them",
                         names(needs)[0]);
}

int sgr__needs_limit(const struct sgr_plan *plan, const struct engine_source *stream,
                     struct sgr_error *error) {
    struct needs needs = {.tables = SGR_VECTOR_INIT(char *), .error = error};
    int code = collect_all(plan, stream->position_index, &needs);
    if (!code && needs.tables.count)
        code = limit(stream, &needs, error);
    names_free(&needs);
    if (code) {
        sgr_error_context(error, "source %s", stream->plan->name);
        sgr_plan_source_error(plan, stream->plan, error);
    }
    return code;
}

int sgr__needs_judge(const struct sgr_plan *plan, size_t source,
                     const struct sgr_relation *relations, size_t count, struct sgr_error *error) {
    struct needs needs = {.relations = relations, .count = count, .error = error};
    each(plan, source, &needs, judge);
    return needs.code;
}
