/* The one symbol a plugin exports, and what it describes.
 *
 *     SGR_PLUGIN = { SGR_PLUGIN_HEADER, .name = "filter", .kind = SGR_OPERATOR, .operator_methods = &methods, … };
 *
 * Tables grow only at their end. The host copies min(its own size, the plugin's size) into a zeroed table, so a plugin built
 * against an older minor version keeps loading; another major is refused. Plugins are loaded with RTLD_NOW | RTLD_LOCAL and never
 * unloaded. A plugin needs no symbol of the host: it gets tables of functions.
 */
#ifndef SANGRE_PLUGIN_H
#define SANGRE_PLUGIN_H

#include "error.h"
#include "option.h"
#include "row.h"
#include "value.h"

#define SGR_ABI_MAJOR 1
#define SGR_ABI_MINOR 2

enum sgr_plugin_kind { SGR_SOURCE = 1, SGR_OPERATOR = 2, SGR_SINK = 3 };

struct sgr_source_methods;
struct sgr_operator_methods;
struct sgr_sink_methods;

struct sgr_plugin {
    uint32_t size; /* sizeof(struct sgr_plugin) when the plugin was built */
    uint16_t abi_major, abi_minor;
    enum sgr_plugin_kind kind;
    const char *name;    /* as written in a config; lower case, [a-z][a-z0-9_]* */
    const char *version; /* of the plugin */
    const char *summary; /* one line for `sangre plugins` */
    const char *
        plan_kind; /* operators: what the planner looks for (filter, map, join, union, …); NULL: the name */
    const struct sgr_option *options; /* ends with {0}; NULL: none */
    uint32_t options_size;            /* of the struct the options fill */
    uint32_t methods_size;            /* of the method table below */
    union {
        const struct sgr_source_methods *source;
        const struct sgr_operator_methods *operator_;
        const struct sgr_sink_methods *sink;
        const void *methods;
    };
};

static_assert(offsetof(struct sgr_plugin, kind) == 8, "released offsets are frozen");
static_assert(offsetof(struct sgr_plugin, name) == 16, "released offsets are frozen");
static_assert(offsetof(struct sgr_plugin, options) == 48, "released offsets are frozen");
static_assert(offsetof(struct sgr_plugin, methods) == 64, "released offsets are frozen");

#define SGR_PLUGIN_HEADER \
    .size = sizeof(struct sgr_plugin), .abi_major = SGR_ABI_MAJOR, .abi_minor = SGR_ABI_MINOR
#define SGR_PLUGIN_SYMBOL "sgr_plugin"
#define SGR_PLUGIN        __attribute__((visibility("default"))) const struct sgr_plugin sgr_plugin

enum sgr_log_level { SGR_LOG_ERROR, SGR_LOG_WARN, SGR_LOG_INFO, SGR_LOG_DEBUG };

/* What every host table begins with. `host` is the first argument of each call; any thread for `log`, the plugin's own
 * thread for the rest. Memory from `allocate` is counted for the instance; it returns NULL when memory or the budget is out. */
struct sgr_host_common {
    uint32_t
        size; /* of the whole table, so that a plugin can see whether a later function is there */
    void (*log)(void *host, enum sgr_log_level level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
    void *(*allocate)(void *host, size_t size);              /* zeroed */
    void *(*reallocate)(void *host, void *old, size_t size); /* new bytes are not zeroed */
    void (*release)(void *host, void *memory);               /* NULL is fine */
    void (*count)(void *host, const char *metric,
                  int64_t add); /* a counter named by a string literal */
};

#endif
