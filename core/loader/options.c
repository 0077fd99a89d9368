/* A mapping of options to a plugin's filled struct, by the plugin's table. */
#include <stdlib.h>

#include "base/nearest.h"
#include "base/slice.h"
#include "base/vector.h"
#include "loader/loader.h"
#include "loader/option_value.h"

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static const struct sgr_option *find_option(const struct sgr_plugin *plugin, const char *name) {
    for (const struct sgr_option *option = plugin->options; option && option->name; option++)
        if (!strcmp(option->name, name))
            return option;
    return NULL;
}

static bool listed(const char *const *names, const char *name) {
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

static int unknown_option(const struct sgr_plugin *plugin, const struct sgr_document_node *mapping,
                          const struct sgr_document_pair *pair, struct sgr_error *error) {
    struct sgr_document_node place = *pair->value;
    place.file = mapping->file;
    place.line = pair->line;
    place.column = pair->column;
    struct sgr_vector names = SGR_VECTOR_INIT(const char *);
    struct sgr_buffer list = {.limit = 300};
    for (const struct sgr_option *option = plugin->options; option && option->name; option++) {
        sgr_vector_push(&names, &option->name); /* without memory the advice is shorter */
        sgr_buffer_printf(&list, "%s%s", names.count > 1 ? ", " : "", option->name);
    }
    const char *near = sgr_nearest(pair->name, names.items, names.count);
    if (near)
        sgr_document_error(&place, error, "%s has no option \"%s\": did you mean \"%s\"?",
                           plugin->name, pair->name, near);
    else if (names.count)
        sgr_document_error(&place, error, "%s has no option \"%s\"; it has: %s", plugin->name,
                           pair->name, sgr_buffer_text(&list));
    else
        sgr_document_error(&place, error, "%s has no option \"%s\", nor any other", plugin->name,
                           pair->name);
    sgr_buffer_fini(&list);
    sgr_vector_fini(&names);
    return SGR_ECONFIG;
}

static int check_names(const struct sgr_plugin *plugin, const struct sgr_document_node *mapping,
                       const char *const *ignore, struct sgr_error *error) {
    if (mapping->kind == SGR_DOCUMENT_SCALAR && mapping->null)
        return 0;
    if (mapping->kind != SGR_DOCUMENT_MAPPING)
        return sgr_document_error(mapping, error, "expected a mapping of %s's options",
                                  plugin->name);
    for (size_t i = 0; i < mapping->count; i++)
        if (!listed(ignore, mapping->pairs[i].name) && !find_option(plugin, mapping->pairs[i].name))
            return unknown_option(plugin, mapping, &mapping->pairs[i], error);
    return 0;
}

static int missing(const struct sgr_plugin *plugin, const struct sgr_option *option,
                   const struct sgr_document_node *mapping, struct sgr_error *error) {
    struct sgr_buffer expected = SGR_BUFFER_INIT;
    sgr__option_expected(option, &expected);
    const char *text = sgr_buffer_text(&expected);
    if (mapping)
        sgr_document_error(mapping, error, "%s needs \"%s\": %s", plugin->name, option->name, text);
    else
        sgr_error_set(error, SGR_ECONFIG, "%s needs \"%s\": %s", plugin->name, option->name, text);
    sgr_buffer_fini(&expected);
    return SGR_ECONFIG;
}

/* A key without a value is as good as none, except where a value may be null. */
static int fill_option(const struct sgr_plugin *plugin, const struct sgr_option *option,
                       const struct sgr_document_node *mapping, struct sgr_arena *arena, void *data,
                       struct sgr_error *error) {
    const struct sgr_document_node *value = sgr_document_get(mapping, option->name);
    bool empty = !value || (value->kind == SGR_DOCUMENT_SCALAR && value->null);
    if (!empty || (value && option->type == SGR_OPTION_JSON))
        return sgr__option_read(option, value, arena, data, error);
    if (option->flags & SGR_OPTION_REQUIRED)
        return missing(plugin, option, value ? value : mapping, error);
    return sgr__option_default(option, arena, data, error);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const struct sgr_option *const *)a)->name,
                  (*(const struct sgr_option *const *)b)->name);
}

static int write_canonical(struct sgr_options *options, struct sgr_error *error) {
    struct sgr_vector sorted = SGR_VECTOR_INIT(const struct sgr_option *);
    struct sgr_buffer text = SGR_BUFFER_INIT;
    int status = 0;
    const struct sgr_option *option = options->plugin->options;
    for (; !status && option && option->name; option++)
        status = sgr_vector_push(&sorted, &option);
    if (sorted.count)
        qsort(sorted.items, sorted.count, sorted.item_size, by_name);
    for (size_t i = 0; i < sorted.count; i++) {
        option = *SGR_VECTOR_AT(&sorted, const struct sgr_option *, i);
        sgr_buffer_printf(&text, "%s%s=", i ? ", " : "", option->name);
        sgr__option_write(option, options->data, &text);
    }
    if (!status && !text.failed)
        options->canonical =
            sgr_arena_copy(options->arena, (struct sgr_slice){text.data, text.size});
    sgr_vector_fini(&sorted);
    sgr_buffer_fini(&text);
    return options->canonical ? 0 : out_of_memory(error);
}

static int fill(struct sgr_options *options, const struct sgr_document_node *mapping,
                struct sgr_error *error) {
    const struct sgr_plugin *plugin = options->plugin;
    size_t size = plugin->options_size;
    void *data = sgr_arena_alloc(options->arena, size ? size : 1);
    if (!data)
        return out_of_memory(error);
    for (const struct sgr_option *option = plugin->options; option && option->name; option++) {
        int status = fill_option(plugin, option, mapping, options->arena, data, error);
        if (status)
            return status;
    }
    options->data = data;
    return write_canonical(options, error);
}

int sgr_options_parse(const struct sgr_plugin *plugin, const struct sgr_document_node *mapping,
                      const char *const *ignore, struct sgr_options **ret,
                      struct sgr_error *error) {
    int status = mapping ? check_names(plugin, mapping, ignore, error) : 0;
    if (status)
        return status;
    struct sgr_arena *arena = sgr_arena_new();
    struct sgr_options *options = arena ? sgr_arena_alloc(arena, sizeof(*options)) : NULL;
    if (!options) {
        sgr_arena_free(arena);
        return out_of_memory(error);
    }
    *options = (struct sgr_options){.plugin = plugin, .arena = arena};
    status = fill(options, mapping, error);
    if (status)
        sgr_arena_free(arena);
    else
        *ret = options;
    return status;
}
