/* Places, errors that say what would have been right, and references by name. */
#include "plan/internal.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "base/slice.h"

struct sgr__place sgr__place_of(const struct sgr_document_node *node) {
    return (struct sgr__place){node->file, node->line, node->column};
}

struct sgr__place sgr__place_of_key(const struct sgr_document_pair *pair) {
    return (struct sgr__place){pair->value->file, pair->line, pair->column};
}

static void set_place(struct sgr__place place, struct sgr_error *error) {
    snprintf(error->context, sizeof(error->context), "%s:%u:%u", place.file, place.line,
             place.column);
}

int sgr__plan_error(struct sgr__place place, struct sgr_error *error, const char *format, ...) {
    if (!error)
        return SGR_ECONFIG;
    va_list args;
    va_start(args, format);
    error->code = SGR_ECONFIG;
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    set_place(place, error);
    return SGR_ECONFIG;
}

int sgr__plan_error_at(struct sgr__place place, struct sgr_error *error, const char *format, ...) {
    if (!error)
        return SGR_ECONFIG;
    if (error->code == SGR_ENOMEM)
        return error->code;
    char below[sizeof(error->message)], prefix[sizeof(error->message)];
    memcpy(below, error->message, sizeof(below));
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);
    error->code = SGR_ECONFIG;
    if ((size_t)snprintf(error->message, sizeof(error->message), "%s%s", prefix, below) >=
        sizeof(error->message))
        memcpy(error->message + sizeof(error->message) - 4, "...", 4);
    set_place(place, error);
    return SGR_ECONFIG;
}

int sgr__plan_place(struct sgr__place place, struct sgr_error *error) {
    return sgr__plan_error_at(place, error, "%s", "");
}

int sgr__plan_plugin_error(struct sgr__place place, struct sgr_error *error) {
    static const char start[] = "plugin ";
    if (!error || strncmp(error->context, start, sizeof(start) - 1) != 0)
        return sgr__plan_place(place, error);
    const char *file = error->context + sizeof(start) - 1;
    return sgr__plan_error_at(place, error, "%.*s: ", (int)strcspn(file, ";"), file);
}

int sgr__plan_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

/* "a, b or c"; cut short when there are many. */
static void list_names(const char *const *names, size_t count, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        const char *separator = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        if (i == 24 && count > 25) {
            snprintf(text + used, size - used, ", …");
            return;
        }
        int added = snprintf(text + used, size - used, "%s%s", separator, names[i]);
        used += added > 0 ? (size_t)added : 0;
    }
}

int sgr__plan_unknown(struct sgr__place place, struct sgr_error *error, const char *what,
                      const char *word, const char *const *candidates, size_t count) {
    const char *near = sgr_nearest(word, candidates, count);
    if (near)
        return sgr__plan_error(place, error, "unknown %s \"%s\"; did you mean \"%s\"?", what, word,
                               near);
    if (count == 0)
        return sgr__plan_error(place, error, "unknown %s \"%s\"; there is none", what, word);
    char names[360];
    list_names(candidates, count, names, sizeof(names));
    return sgr__plan_error(place, error, "unknown %s \"%s\"; there is %s", what, word, names);
}

int sgr__plan_mapping(const struct sgr_document_node *node, const char *what,
                      struct sgr_error *error) {
    if (node->kind == SGR_DOCUMENT_MAPPING)
        return 0;
    return sgr__plan_error(sgr__place_of(node), error, "%s must be a mapping (key: value), not %s",
                           what, node->kind == SGR_DOCUMENT_SEQUENCE ? "a list" : "a plain value");
}

int sgr__plan_scalar(const struct sgr_document_node *node, const char *what,
                     struct sgr_error *error) {
    if (node->kind == SGR_DOCUMENT_SCALAR && !node->null && node->text.size)
        return 0;
    return sgr__plan_error(sgr__place_of(node), error, "%s must be a plain value, not %s", what,
                           node->kind == SGR_DOCUMENT_SEQUENCE  ? "a list"
                           : node->kind == SGR_DOCUMENT_MAPPING ? "a mapping"
                                                                : "empty");
}

int sgr__plan_keys(const struct sgr_document_node *node, const char *what, const char *const *keys,
                   struct sgr_error *error) {
    int status = sgr__plan_mapping(node, what, error);
    size_t count = 0;
    while (keys[count])
        count++;
    for (size_t i = 0; i < node->count && status == 0; i++) {
        bool known = false;
        for (size_t k = 0; k < count && !known; k++)
            known = strcmp(keys[k], node->pairs[i].name) == 0;
        if (known)
            continue;
        char phrase[80];
        snprintf(phrase, sizeof(phrase), "key in %s", what);
        status = sgr__plan_unknown(sgr__place_of_key(&node->pairs[i]), error, phrase,
                                   node->pairs[i].name, keys, count);
    }
    return status;
}

int sgr__plan_name(const struct sgr_document_pair *pair, const char *what,
                   struct sgr_error *error) {
    const char *name = pair->name;
    bool good = isalpha((unsigned char)*name) || *name == '_';
    for (const char *at = name; *at && good; at++)
        good = isalnum((unsigned char)*at) || *at == '_' || *at == '-';
    if (good && strlen(name) <= 63)
        return 0;
    return sgr__plan_error(
        sgr__place_of_key(pair), error,
        "\"%.80s\" can't name %s: letters, digits, _ and -, at most 63, beginning with a letter",
        name, what);
}

int sgr__plan_use_table(struct sgr_plan *plan, size_t source, const char *table,
                        struct sgr__place place) {
    struct sgr_vector *tables =
        &SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, source)->tables;
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(SGR_VECTOR_AT(tables, struct sgr__plan_table, i)->name, table) == 0)
            return 0;
    struct sgr__plan_table item = {table, place};
    return sgr_vector_push(tables, &item);
}

static int unknown_source(struct sgr_plan *plan, struct sgr__place place, const char *name,
                          struct sgr_error *error) {
    size_t count = plan->sources.count;
    const char **names = sgr_arena_alloc(plan->arena, (count + 1) * sizeof(*names));
    if (!names)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < count; i++)
        names[i] = SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, i)->name;
    return sgr__plan_unknown(place, error, "source", name, names, count);
}

static int unknown_node(struct sgr_plan *plan, struct sgr__place place, const char *name,
                        struct sgr_error *error) {
    for (size_t i = 0; i < plan->sources.count; i++)
        if (strcmp(SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, i)->name, name) == 0)
            return sgr__plan_error(place, error,
                                   "\"%s\" is a source: name one of its tables, as in %s.TABLE",
                                   name, name);
    const char **names = sgr_arena_alloc(plan->arena, (plan->node_count + 1) * sizeof(*names));
    if (!names)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < plan->node_count; i++)
        names[i] = plan->nodes[i].name;
    if (sgr_nearest(name, names, plan->node_count))
        return sgr__plan_unknown(place, error, "node", name, names, plan->node_count);
    return sgr__plan_error(place, error,
                           "there is no node \"%s\" (a table is written SOURCE.TABLE)", name);
}

static int table_reference(struct sgr_plan *plan, const char *text, const char *dot,
                           struct sgr__reference *ret, struct sgr_error *error) {
    struct sgr__place place = sgr__place_of(ret->place);
    const char *source =
        sgr_arena_copy(plan->arena, (struct sgr_slice){text, (size_t)(dot - text)});
    if (!source)
        return sgr__plan_memory(error);
    if (!dot[1])
        return sgr__plan_error(place, error, "\"%s\" names no table behind the dot", text);
    for (size_t i = 0; i < plan->sources.count; i++) {
        if (strcmp(SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, i)->name, source) != 0)
            continue;
        ret->table = dot + 1;
        ret->index = i;
        return sgr__plan_use_table(plan, i, ret->table, place) == 0 ? 0 : sgr__plan_memory(error);
    }
    return unknown_source(plan, place, source, error);
}

int sgr__plan_reference(struct sgr_plan *plan, struct sgr_slice text,
                        const struct sgr_document_node *place, struct sgr__reference *ret,
                        struct sgr_error *error) {
    const char *name = sgr_arena_copy(plan->arena, text);
    if (!name)
        return sgr__plan_memory(error);
    *ret = (struct sgr__reference){.place = place, .text = name};
    const char *dot = strchr(name, '.');
    if (dot)
        return table_reference(plan, name, dot, ret, error);
    for (size_t i = 0; i < plan->node_count; i++)
        if (strcmp(plan->nodes[i].name, name) == 0) {
            ret->index = i;
            return 0;
        }
    return unknown_node(plan, sgr__place_of(place), name, error);
}
