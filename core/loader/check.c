/* The gate between a foreign shared object and the host: sizes and versions first, since nothing else may be read before. */
#include "loader/check.h"

#include <sangre/operator.h>
#include <sangre/sink.h>
#include <sangre/source.h>
#include <string.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "loader/option_value.h"

enum {
    LARGEST_TABLE = 4096, /* of descriptors and method tables: anything above is no table */
    LARGEST_OPTIONS = 1 << 20,
    MOST_OPTIONS = 256,
};

/* What a kind's method table is for this host, and how much of it the first release had. */
struct kind {
    const char *name;
    uint32_t size, least;
};

static const struct kind kinds[] = {
    [SGR_SOURCE] = {"source", sizeof(struct sgr_source_methods), 64},
    [SGR_OPERATOR] = {"operator", sizeof(struct sgr_operator_methods), 40},
    [SGR_SINK] = {"sink", sizeof(struct sgr_sink_methods), 24},
};

static_assert(offsetof(struct sgr_source_methods, close) == 56, "released offsets are frozen");
static_assert(offsetof(struct sgr_operator_methods, close) == 32, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_methods, close) == 16, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_methods, check) == 24, "released offsets are frozen");
static_assert(offsetof(struct sgr_sink_methods, any_thread) == 32, "released offsets are frozen");

const char *sgr__plugin_kind(enum sgr_plugin_kind kind) {
    return kind >= SGR_SOURCE && kind <= SGR_SINK ? kinds[kind].name : NULL;
}

bool sgr__plugin_name(const char *name) {
    if (!name || *name < 'a' || *name > 'z')
        return false;
    size_t size = strnlen(name, 64);
    return size < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static int check_version(const struct sgr_plugin *found, struct sgr_error *error) {
    if (found->size < offsetof(struct sgr_plugin, methods) + sizeof(void *) ||
        found->size > LARGEST_TABLE)
        return sgr_error_set(error, SGR_EABI, "its descriptor says it has %u bytes: not a plugin",
                             found->size);
    if (found->abi_major != SGR_ABI_MAJOR)
        return sgr_error_set(error, SGR_EABI,
                             "it was built for version %u of the plugin interface, this is %u",
                             found->abi_major, SGR_ABI_MAJOR);
    if (!sgr__plugin_kind(found->kind))
        return sgr_error_set(error, SGR_EINVAL, "its kind is %d, which is none", (int)found->kind);
    if (!sgr__plugin_name(found->name))
        return sgr_error_set(error, SGR_EINVAL,
                             "its name is not of lower case letters, digits and _");
    const struct kind *kind = &kinds[found->kind];
    if (!found->methods)
        return sgr_error_set(error, SGR_EINVAL, "it has no methods");
    if (found->methods_size < kind->least || found->methods_size > LARGEST_TABLE)
        return sgr_error_set(error, SGR_EABI, "its methods have %u bytes, but a %s's have %u",
                             found->methods_size, kind->name, kind->size);
    return 0;
}

/* A copy of min(ours, theirs), zero beyond. */
static void *copy_table(struct sgr_arena *arena, const void *theirs, size_t their_size,
                        size_t our_size) {
    void *copy = sgr_arena_alloc(arena, our_size);
    if (copy)
        memcpy(copy, theirs, their_size < our_size ? their_size : our_size);
    return copy;
}

static const char *missing_method(const struct sgr_plugin *plugin) {
    if (plugin->kind == SGR_OPERATOR) {
        const struct sgr_operator_methods *own = plugin->operator_;
        return !own->bind ? "bind" : !own->apply ? "apply" : !own->close ? "close" : NULL;
    }
    if (plugin->kind == SGR_SINK) {
        const struct sgr_sink_methods *own = plugin->sink;
        return !own->open ? "open" : !own->close ? "close" : NULL;
    }
    const struct sgr_source_methods *own = plugin->source;
    return !own->open       ? "open"
           : !own->describe ? "describe"
           : !own->start    ? "start"
           : !own->stop     ? "stop"
           : !own->close    ? "close"
                            : NULL;
}

static int check_methods(const struct sgr_plugin *plugin, struct sgr_error *error) {
    const char *missing = missing_method(plugin);
    if (missing)
        return sgr_error_set(error, SGR_EINVAL, "it has no method %s", missing);
    if (plugin->kind != SGR_OPERATOR)
        return 0;
    unsigned least = plugin->operator_->inputs_minimum, most = plugin->operator_->inputs_maximum;
    if (least == 0 || (most && most < least))
        return sgr_error_set(error, SGR_EINVAL, "it takes %u to %u inputs, which cannot be", least,
                             most);
    return 0;
}

/* Option tables. */

static int bad_option(const struct sgr_option *option, const char *why, struct sgr_error *error) {
    return sgr_error_set(error, SGR_EINVAL, "its option %s %s", option->name, why);
}

static int check_place(const struct sgr_plugin *plugin, const struct sgr_option *option,
                       struct sgr_error *error) {
    size_t size = option->type <= SGR_OPTION_JSON ? sgr__option_size(option->type) : 0;
    if (!size)
        return bad_option(option, "has an unknown type", error);
    if (option->offset % sgr__option_alignment(option->type))
        return bad_option(option, "is not aligned", error);
    if ((option->flags & SGR_OPTION_SOURCE) &&
        (plugin->kind != SGR_SINK || option->type != SGR_OPTION_STRING))
        return bad_option(option, "names a source, which is for strings of sinks", error);
    if (option->offset > plugin->options_size || size > plugin->options_size - option->offset)
        return bad_option(option, "lies outside of the plugin's options", error);
    for (const struct sgr_option *other = plugin->options; other != option; other++) {
        if (!strcmp(other->name, option->name))
            return bad_option(option, "is there twice", error);
        if (option->offset < other->offset + sgr__option_size(other->type) &&
            other->offset < option->offset + size)
            return bad_option(option, "overlaps another one", error);
        if (other->flags & option->flags & SGR_OPTION_MAIN)
            return bad_option(option, "is the second main one", error);
    }
    return 0;
}

static int check_default(const struct sgr_option *option, struct sgr_arena *arena, void *data,
                         struct sgr_error *error) {
    bool mapping = option->type == SGR_OPTION_COLUMNS || option->type == SGR_OPTION_PAIRS;
    if (option->type == SGR_OPTION_CHOICE && (!option->choices || !option->choices[0]))
        return bad_option(option, "has nothing to choose from", error);
    if (option->minimum > option->maximum && option->maximum)
        return bad_option(option, "has a minimum above its maximum", error);
    if (option->fallback && mapping && strcmp(option->fallback, "{}"))
        return bad_option(option, "has a default other than {}", error);
    struct sgr_error why;
    if (!sgr__option_default(option, arena, data, &why))
        return 0;
    return sgr_error_set(error, SGR_EINVAL, "its option's default is wrong: %s", why.message);
}

static int check_options(const struct sgr_plugin *plugin, struct sgr_arena *arena,
                         struct sgr_error *error) {
    if (plugin->options_size > LARGEST_OPTIONS)
        return sgr_error_set(error, SGR_EINVAL, "its options have %u bytes", plugin->options_size);
    void *data = sgr_arena_alloc(arena, plugin->options_size + 1u);
    if (!data)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    size_t count = 0;
    for (const struct sgr_option *option = plugin->options; option && option->name; option++) {
        if (++count > MOST_OPTIONS)
            return sgr_error_set(error, SGR_EINVAL, "its option table does not end");
        if (!sgr__plugin_name(option->name))
            return sgr_error_set(error, SGR_EINVAL,
                                 "option %zu's name is not of lower case letters, digits and _",
                                 count);
        int status = check_place(plugin, option, error);
        if (!status)
            status = check_default(option, arena, data, error);
        if (status)
            return status;
    }
    return 0;
}

int sgr__plugin_check(const struct sgr_plugin *found, struct sgr_arena *arena,
                      const struct sgr_plugin **ret, struct sgr_error *error) {
    int status = check_version(found, error);
    if (status)
        return status;
    struct sgr_plugin *plugin = copy_table(arena, found, found->size, sizeof(*plugin));
    if (plugin)
        plugin->methods =
            copy_table(arena, found->methods, found->methods_size, kinds[found->kind].size);
    if (!plugin || !plugin->methods)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    plugin->size = sizeof(*plugin);
    plugin->methods_size = kinds[plugin->kind].size;
    status = check_methods(plugin, error);
    if (!status)
        status = check_options(plugin, arena, error);
    if (!status)
        *ret = plugin;
    return status;
}
