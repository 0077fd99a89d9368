/* Commands about plugins: what there is, what each one takes, and the schema of it all. */
#include <stdlib.h>
#include <unistd.h>

#include "base/nearest.h"
#include "loader/loader.h"
#include "main/program.h"
#include "plan/plan.h"

static struct sgr_loader *open_loader(const struct arguments *arguments) {
    const char *given[PLUGIN_DIRECTORIES_MAX + 1] = {NULL};
    for (size_t i = 0; i < PLUGIN_DIRECTORIES_MAX && arguments->plugin_directories[i]; i++)
        given[i] = arguments->plugin_directories[i];
    struct sgr_loader *loader = sgr_loader_new_default(given);
    if (!loader)
        fputs("sangre: out of memory\n", stderr);
    return loader;
}

const char *find_preset(const struct arguments *arguments, const char *name) {
    static char *found;
    struct sgr_loader *loader = open_loader(arguments);
    free(found);
    found = loader ? sgr_loader_preset(loader, name) : NULL;
    sgr_loader_free(loader);
    return found;
}

const char *config_file(const struct arguments *arguments) {
    const char *preset =
        access(arguments->operand, F_OK) ? find_preset(arguments, arguments->operand) : NULL;
    return preset ? preset : arguments->operand;
}

static const char *kind_name(enum sgr_plugin_kind kind) {
    return kind == SGR_SOURCE ? "source" : kind == SGR_OPERATOR ? "operator" : "sink";
}

static void print_plugin(void *data, const struct sgr_plugin *plugin, const char *path) {
    int *count = data;
    printf("%-9s %-14s %-8s %s\n%*s%s\n", kind_name(plugin->kind), plugin->name,
           plugin->version ? plugin->version : "-", plugin->summary ? plugin->summary : "", 10, "",
           path);
    ++*count;
}

static void print_preset(void *data, const char *name, const char *path) {
    (void)data;
    printf("%-9s %-14s %-8s run it with: sangre %s\n%*s%s\n", "preset", name, "-", name, 10, "",
           path);
}

static void print_broken(void *data, const char *path, const struct sgr_error *error) {
    (void)data;
    fprintf(stderr, "sangre: %s: %s\n", path, error->message);
}

int list_plugins(const struct arguments *arguments) {
    struct sgr_loader *loader = open_loader(arguments);
    int count = 0;
    if (!loader)
        return EXIT_FAILED;
    sgr_loader_each(loader, print_plugin, print_broken, &count);
    sgr_loader_presets(loader, print_preset, NULL);
    if (count == 0)
        fputs("sangre: no plugins found; name their directory with --plugin-dir or "
              "SANGRE_PLUGIN_DIR\n",
              stderr);
    sgr_loader_free(loader);
    return count ? EXIT_OK : EXIT_FAILED;
}

/* --- help */

struct search {
    const char *name;
    bool markdown;
    size_t found;
    struct sgr_buffer text;
    const char *names[256]; /* for advice; plugins live as long as the loader */
    size_t name_count;
};

static void look_at(void *data, const struct sgr_plugin *plugin, const char *path) {
    (void)path;
    struct search *search = data;
    if (search->name_count < sizeof(search->names) / sizeof(*search->names))
        search->names[search->name_count++] = plugin->name;
    if (strcmp(plugin->name, search->name) != 0)
        return;
    if (search->found++)
        sgr_buffer_putc(&search->text, '\n');
    if (search->markdown)
        sgr_options_markdown(plugin, &search->text);
    else
        sgr_options_help(plugin, &search->text);
}

static void overlook(void *data, const char *path, const struct sgr_error *error) {
    (void)data;
    (void)path;
    (void)error;
}

/* One name may be a source's and a sink's: all of them are told. */
int help_plugin(const struct arguments *arguments) {
    struct search search = {.name = arguments->operand, .markdown = arguments->markdown};
    struct sgr_loader *loader = open_loader(arguments);
    if (!loader)
        return EXIT_FAILED;
    sgr_loader_each(loader, look_at, overlook, &search);
    fputs(sgr_buffer_text(&search.text), stdout);
    sgr_buffer_fini(&search.text);
    if (!search.found) {
        const char *near = sgr_nearest(search.name, search.names, search.name_count);
        fprintf(stderr, "sangre: there is no plugin \"%s\"", search.name);
        fprintf(stderr, near ? "; did you mean \"%s\"?\n" : "; see sangre plugins\n", near);
    }
    sgr_loader_free(loader);
    return search.found ? EXIT_OK : EXIT_CONFIG;
}

int print_schema(const struct arguments *arguments) {
    struct sgr_loader *loader = open_loader(arguments);
    struct sgr_buffer text = SGR_BUFFER_INIT;
    if (!loader)
        return EXIT_FAILED;
    sgr_plan_schema(loader, &text);
    bool failed = text.failed;
    if (!failed)
        fwrite(text.data, 1, text.size, stdout);
    sgr_buffer_fini(&text);
    sgr_loader_free(loader);
    return failed ? EXIT_FAILED : EXIT_OK;
}
