/* A plugin's options for people and editors: plain text, Markdown, JSON Schema. */
#include <inttypes.h>

#include "base/slice.h"
#include "loader/loader.h"
#include "loader/option_value.h"

static const char *type_text(const struct sgr_option *option) {
    static const char *const texts[] = {
        [SGR_OPTION_BOOL] = "bool",      [SGR_OPTION_INT] = "int",
        [SGR_OPTION_DOUBLE] = "number",  [SGR_OPTION_STRING] = "text",
        [SGR_OPTION_CHOICE] = "choice",  [SGR_OPTION_DURATION] = "duration",
        [SGR_OPTION_BYTES] = "size",     [SGR_OPTION_STRINGS] = "list",
        [SGR_OPTION_EXPRESSION] = "SQL", [SGR_OPTION_COLUMNS] = "columns",
        [SGR_OPTION_PAIRS] = "mapping",  [SGR_OPTION_JSON] = "any",
    };
    return texts[option->type];
}

static const char *default_text(const struct sgr_option *option) {
    if (option->flags & SGR_OPTION_REQUIRED)
        return "required";
    return option->fallback ? (*option->fallback ? option->fallback : "\"\"") : "-";
}

static const char *kind_text(const struct sgr_plugin *plugin) {
    return plugin->kind == SGR_SOURCE     ? "source"
           : plugin->kind == SGR_OPERATOR ? "operator"
                                          : "sink";
}

void sgr_options_help(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    sgr_buffer_printf(out, "%s (%s, %s)\n  %s\n", plugin->name, kind_text(plugin),
                      plugin->version ? plugin->version : "",
                      plugin->summary ? plugin->summary : "");
    if (!plugin->options || !plugin->options->name) {
        sgr_buffer_puts(out, "\nNo options.\n");
        return;
    }
    sgr_buffer_puts(out, "\nOptions:\n");
    for (const struct sgr_option *option = plugin->options; option->name; option++) {
        sgr_buffer_printf(out, "  %s%s: ", option->name,
                          option->flags & SGR_OPTION_MAIN ? " (the main one)" : "");
        sgr__option_expected(option, out);
        sgr_buffer_printf(out, "; %s%s%s\n      %s\n",
                          option->flags & SGR_OPTION_REQUIRED ? "" : "default ",
                          default_text(option), option->flags & SGR_OPTION_SECRET ? "; secret" : "",
                          option->help ? option->help : "");
    }
}

/* A table's cell: no bars, no line breaks. */
static void put_cell(const char *text, struct sgr_buffer *out) {
    for (; text && *text; text++) {
        if (*text == '|')
            sgr_buffer_putc(out, '\\');
        sgr_buffer_putc(out, *text == '\n' ? ' ' : *text);
    }
}

void sgr_options_markdown(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    if (!plugin->options || !plugin->options->name)
        return;
    sgr_buffer_puts(out, "| Option | Type | Default | |\n|---|---|---|---|\n");
    for (const struct sgr_option *option = plugin->options; option->name; option++) {
        struct sgr_buffer expected = SGR_BUFFER_INIT;
        bool wordy = option->type == SGR_OPTION_CHOICE || option->minimum || option->maximum;
        if (wordy)
            sgr__option_expected(option, &expected);
        sgr_buffer_printf(out, "| `%s`%s | ", option->name,
                          option->flags & SGR_OPTION_MAIN ? " (main)" : "");
        put_cell(wordy ? sgr_buffer_text(&expected) : type_text(option), out);
        sgr_buffer_puts(out, " | ");
        put_cell(default_text(option), out);
        sgr_buffer_puts(out, " | ");
        put_cell(option->help, out);
        sgr_buffer_puts(out, " |\n");
        sgr_buffer_fini(&expected);
    }
}

/* JSON Schema. */

static void schema_range(const struct sgr_option *option, struct sgr_buffer *out) {
    int64_t least, most;
    sgr__option_range(option, &least, &most);
    if (least != INT64_MIN)
        sgr_buffer_printf(out, ",\"minimum\":%" PRId64, least);
    if (most != INT64_MAX)
        sgr_buffer_printf(out, ",\"maximum\":%" PRId64, most);
}

static void schema_choices(const struct sgr_option *option, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "\"enum\":[");
    for (size_t i = 0; option->choices[i]; i++) {
        sgr_buffer_puts(out, i ? "," : "");
        sgr_buffer_json(out, sgr_slice(option->choices[i]));
    }
    sgr_buffer_puts(out, "]");
}

static void schema_type(const struct sgr_option *option, struct sgr_buffer *out) {
    static const char scalar[] = "{\"type\":[\"string\",\"number\",\"boolean\"]}";
    switch (option->type) {
    case SGR_OPTION_BOOL:
        sgr_buffer_puts(out, "\"type\":\"boolean\"");
        break;
    case SGR_OPTION_INT:
        sgr_buffer_puts(out, "\"type\":\"integer\"");
        schema_range(option, out);
        break;
    case SGR_OPTION_DOUBLE:
        sgr_buffer_puts(out, "\"type\":\"number\"");
        break;
    case SGR_OPTION_CHOICE:
        schema_choices(option, out);
        break;
    case SGR_OPTION_DURATION:
        sgr_buffer_puts(out, "\"pattern\":\"^(0|[0-9.]+ *(us|ms|s|min|m|h|d))$\"");
        break;
    case SGR_OPTION_BYTES:
        sgr_buffer_puts(out, "\"type\":[\"integer\",\"string\"],"
                             "\"pattern\":\"^[0-9.]+ *([KMGT]?B)?$\"");
        break;
    case SGR_OPTION_STRINGS:
        sgr_buffer_printf(out, "\"type\":[\"string\",\"array\"],\"items\":%s", scalar);
        break;
    case SGR_OPTION_COLUMNS:
    case SGR_OPTION_PAIRS:
        sgr_buffer_printf(out, "\"type\":\"object\",\"additionalProperties\":%s", scalar);
        break;
    case SGR_OPTION_JSON:
        sgr_buffer_puts(out, "\"title\":\"any value\"");
        break;
    case SGR_OPTION_STRING:
    case SGR_OPTION_EXPRESSION:
        sgr_buffer_puts(out, "\"type\":[\"string\",\"number\",\"boolean\"]");
        break;
    }
}

static void schema_required(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    size_t count = 0;
    for (const struct sgr_option *option = plugin->options; option && option->name; option++)
        if (option->flags & SGR_OPTION_REQUIRED) {
            sgr_buffer_puts(out, count++ ? "," : ",\"required\":[");
            sgr_buffer_json(out, sgr_slice(option->name));
        }
    sgr_buffer_puts(out, count ? "]" : "");
}

void sgr_options_schema_properties(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    for (const struct sgr_option *option = plugin->options; option && option->name; option++) {
        sgr_buffer_puts(out, option == plugin->options ? "" : ",");
        sgr_buffer_json(out, sgr_slice(option->name));
        sgr_buffer_puts(out, ":{");
        schema_type(option, out);
        sgr_buffer_puts(out, ",\"description\":");
        sgr_buffer_json(out, sgr_slice(option->help ? option->help : ""));
        if (option->fallback) {
            sgr_buffer_puts(out, ",\"default\":");
            sgr_buffer_json(out, sgr_slice(option->fallback));
        }
        sgr_buffer_puts(out, "}");
    }
}

void sgr_options_schema(const struct sgr_plugin *plugin, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"type\":\"object\",\"properties\":{");
    sgr_options_schema_properties(plugin, out);
    sgr_buffer_puts(out, "}");
    schema_required(plugin, out);
    sgr_buffer_puts(out, ",\"additionalProperties\":false}");
}
