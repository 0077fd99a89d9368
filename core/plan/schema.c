/* The JSON Schema of a config, for editors: what plan accepts, with the options of the plugins at hand. */
#include <stdlib.h>

#include "base/slice.h"
#include "plan/internal.h"

struct plugins {
    struct sgr_vector all; /* const struct sgr_plugin * */
};

static void collect(void *data, const struct sgr_plugin *plugin, const char *path) {
    (void)path;
    struct plugins *plugins = data;
    sgr_vector_push(&plugins->all, &plugin); /* without memory the schema knows fewer */
}

static void ignore_broken(void *data, const char *path, const struct sgr_error *error) {
    (void)data;
    (void)path;
    (void)error;
}

static bool has_options(const struct sgr_plugin *plugin) {
    return plugin->options && plugin->options->name;
}

static const char *main_option(const struct sgr_plugin *plugin) {
    for (const struct sgr_option *option = plugin->options; option && option->name; option++)
        if (option->flags & SGR_OPTION_MAIN)
            return option->name;
    return NULL;
}

/* "required":[first, required options but `except`] */
static void put_required(const struct sgr_plugin *plugin, const char *first, const char *except,
                         struct sgr_buffer *out) {
    sgr_buffer_puts(out, "\"required\":[");
    sgr_buffer_json(out, sgr_slice(first));
    for (const struct sgr_option *option = plugin->options; option && option->name; option++) {
        if (!(option->flags & SGR_OPTION_REQUIRED) || (except && !strcmp(option->name, except)))
            continue;
        sgr_buffer_putc(out, ',');
        sgr_buffer_json(out, sgr_slice(option->name));
    }
    sgr_buffer_puts(out, "]");
}

static void put_summary(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "\"description\":");
    sgr_buffer_json(out, sgr_slice(plugin->summary ? plugin->summary : plugin->name));
}

/* { plugin: NAME, options } */
static void put_instance(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"type\":\"object\",");
    put_summary(plugin, out);
    sgr_buffer_puts(out, ",\"properties\":{\"plugin\":{\"const\":");
    sgr_buffer_json(out, sgr_slice(plugin->name));
    sgr_buffer_puts(out, has_options(plugin) ? "}," : "}");
    sgr_options_schema_properties(plugin, out);
    sgr_buffer_puts(out, "},");
    put_required(plugin, "plugin", NULL, out);
    sgr_buffer_puts(out, ",\"additionalProperties\":false}");
}

/* { input, NAME: value, options, where } */
static void put_operator(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"type\":\"object\",");
    put_summary(plugin, out);
    sgr_buffer_puts(out, ",\"properties\":{\"input\":{\"$ref\":\"#/$defs/reference\"},"
                         "\"inputs\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
                         "reference\"}},\"where\":{\"type\":\"string\"},");
    sgr_buffer_json(out, sgr_slice(plugin->name));
    sgr_buffer_puts(out, has_options(plugin) ? ":true," : ":true");
    sgr_options_schema_properties(plugin, out);
    sgr_buffer_puts(out, "},");
    put_required(plugin, plugin->name, main_option(plugin), out);
    sgr_buffer_puts(out, ",\"additionalProperties\":false}");
}

/* A mapping from names to any of the kind's plugins. */
static void put_section(const struct plugins *plugins, enum sgr_plugin_kind kind,
                        struct sgr_buffer *out) {
    bool first = true;
    sgr_buffer_puts(out, "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[");
    for (size_t i = 0; i < plugins->all.count; i++) {
        const struct sgr_plugin *plugin =
            *SGR_VECTOR_AT(&plugins->all, const struct sgr_plugin *, i);
        if (plugin->kind != kind)
            continue;
        sgr_buffer_puts(out, first ? "" : ",");
        first = false;
        if (kind == SGR_OPERATOR)
            put_operator(plugin, out);
        else
            put_instance(plugin, out);
    }
    sgr_buffer_puts(out, first ? "{}]}}" : "]}}");
}

/* Clauses of any level; views add params and get, populated fields their link. */
#define LEVEL                                                                         \
    "\"from\":{\"$ref\":\"#/$defs/reference\"},\"where\":{\"type\":\"string\"},"      \
    "\"order_by\":{\"type\":[\"string\",\"array\"],\"items\":{\"type\":\"string\"}}," \
    "\"limit\":{\"type\":\"integer\",\"minimum\":1},\"one\":{\"type\":\"boolean\"},"  \
    "\"columns\":{\"type\":[\"string\",\"array\",\"object\"]},"                       \
    "\"populate\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/field\"}}"

static const char definitions[] =
    "\"$defs\":{\"reference\":{\"type\":\"string\",\"description\":\"SOURCE.TABLE or a node\"},"
    "\"parameter\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"default\":{\"type\":[\"string\",\"number\",\"boolean\","
    "\"null\"]},\"value\":{\"type\":\"string\",\"pattern\":\"^[$]claims[.].\"}},\"required\":["
    "\"type\"],\"additionalProperties\":false}]},"
    "\"field\":{\"type\":\"object\",\"properties\":{" LEVEL
    ",\"via\":{\"type\":\"string\"},\"on\":{\"type\":\"string\"},\"infer\":{\"type\":\"string\"},"
    "\"as\":{\"type\":\"string\"}},\"required\":[\"from\"],\"additionalProperties\":false},"
    "\"view\":{\"type\":\"object\",\"properties\":{" LEVEL
    ",\"params\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/parameter\"}},"
    "\"auth\":{\"enum\":[\"required\",\"none\"]},\"get\":{\"type\":\"object\"}},\"required\":["
    "\"from\"],\"additionalProperties\":false}}";

void sgr_plan_schema(struct sgr_loader *loader, struct sgr_buffer *out) {
    struct plugins plugins = {.all = SGR_VECTOR_INIT(const struct sgr_plugin *)};
    sgr_loader_each(loader, collect, ignore_broken, &plugins);
    sgr_buffer_puts(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                         "\"title\":\"Sangre configuration\",\"type\":\"object\","
                         "\"properties\":{\"listen\":{\"type\":[\"string\",\"integer\"]},"
                         "\"server\":");
    sgr__plan_server_schema(out);
    sgr_buffer_puts(out, ",\"auth\":");
    sgr__plan_auth_schema(out);
    sgr_buffer_puts(out, ",\"sources\":");
    put_section(&plugins, SGR_SOURCE, out);
    sgr_buffer_puts(out, ",\"sinks\":");
    put_section(&plugins, SGR_SINK, out);
    sgr_buffer_puts(out, ",\"nodes\":");
    put_section(&plugins, SGR_OPERATOR, out);
    sgr_buffer_puts(out, ",\"views\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":"
                         "\"#/$defs/view\"}}},\"patternProperties\":{\"^x-\":true},"
                         "\"required\":[\"sources\"],\"anyOf\":[{\"required\":[\"views\"]},{"
                         "\"required\":[\"sinks\"]}],\"additionalProperties\":false,");
    sgr_buffer_puts(out, definitions);
    sgr_buffer_puts(out, "}\n");
    sgr_vector_fini(&plugins.all);
}
