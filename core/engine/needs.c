/* What sinks need of the old rows in a change stream, held against the tables' replica identities by a check. */
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

int sgr__needs_ask(const struct sgr_plan *plan, size_t source,
                   const struct sgr_source_methods *methods, void *state, bool *ret_none,
                   struct sgr_error *error) {
    struct needs needs = {.tables = SGR_VECTOR_INIT(char *), .error = error};
    each(plan, source, &needs, collect);
    size_t count = needs.tables.count;
    int code = needs.code;
    *ret_none = !count;
    if (!code && count)
        code = methods->describe(
            state, (const char *const *)SGR_VECTOR_AT(&needs.tables, char *, 0), count, error);
    for (size_t i = 0; i < count; i++)
        free(*SGR_VECTOR_AT(&needs.tables, char *, i));
    sgr_vector_fini(&needs.tables);
    return code;
}

int sgr__needs_judge(const struct sgr_plan *plan, size_t source,
                     const struct sgr_relation *relations, size_t count, struct sgr_error *error) {
    struct needs needs = {.relations = relations, .count = count, .error = error};
    each(plan, source, &needs, judge);
    return needs.code;
}
