/* Shared objects found by name or path, opened once each, and kept: a plugin's code may be on a stack or in a table somewhere, so nothing is
 * ever unloaded but what turned out to be no plugin. */
#include "loader/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/nearest.h"
#include "base/slice.h"
#include "base/vector.h"
#include "loader/check.h"

struct sgr_loader {
    struct sgr_arena *arena;       /* everything below, and the copies of plugins' tables */
    struct sgr_vector directories; /* of char * */
    struct sgr_map *loaded;        /* path → struct sgr_plugin */
};

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

struct sgr_loader *sgr_loader_new(const char *const *directories) {
    struct sgr_loader *loader = calloc(1, sizeof(*loader));
    if (!loader)
        return NULL;
    loader->directories = SGR_VECTOR_INIT(char *);
    loader->arena = sgr_arena_new();
    loader->loaded = sgr_map_new();
    bool good = loader->arena && loader->loaded;
    for (; good && directories && *directories; directories++) {
        char *copy = sgr_arena_copy(loader->arena, sgr_slice(*directories));
        good = copy && !sgr_vector_push(&loader->directories, &copy);
    }
    if (good)
        return loader;
    sgr_loader_free(loader);
    return NULL;
}

void sgr_loader_free(struct sgr_loader *loader) {
    if (!loader)
        return;
    sgr_vector_fini(&loader->directories);
    sgr_map_free(loader->loaded);
    sgr_arena_free(loader->arena);
    free(loader);
}

const char *sgr__loader_directory(const struct sgr_loader *loader, size_t i) {
    return i < loader->directories.count ? *SGR_VECTOR_AT(&loader->directories, char *, i) : NULL;
}

/* One file. */

static int open_object(const char *path, void **ret_handle, const struct sgr_plugin **ret,
                       struct sgr_error *error) {
    if (access(path, R_OK))
        return sgr_error_set(error, errno == ENOENT ? SGR_ENOTFOUND : SGR_EIO, "%s",
                             strerror(errno));
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        return sgr_error_set(error, SGR_EINVAL, "it cannot be loaded: %s", why ? why : "");
    }
    const struct sgr_plugin *found = dlsym(handle, SGR_PLUGIN_SYMBOL);
    if (!found) {
        dlclose(handle);
        return sgr_error_set(error, SGR_EINVAL,
                             "it is no plugin: it doesn't export " SGR_PLUGIN_SYMBOL);
    }
    *ret_handle = handle;
    *ret = found;
    return 0;
}

static int load(struct sgr_loader *loader, const char *path, const struct sgr_plugin **ret,
                struct sgr_error *error) {
    const struct sgr_plugin *found = NULL, *plugin = sgr_map_get(loader->loaded, sgr_slice(path));
    void *handle = NULL;
    int status = 0;
    if (!plugin) {
        status = open_object(path, &handle, &found, error);
        if (!status) {
            status = sgr__plugin_check(found, loader->arena, &plugin, error);
            if (!status &&
                sgr_map_put(loader->loaded, sgr_slice(path), (void *)(uintptr_t)plugin, NULL))
                status = out_of_memory(error);
            if (status)
                dlclose(handle);
        }
    }
    if (status)
        sgr_error_context(error, "plugin %s", path);
    else
        *ret = plugin;
    return status;
}

static int check_kind(const struct sgr_plugin *plugin, enum sgr_plugin_kind kind, const char *path,
                      struct sgr_error *error) {
    if (plugin->kind == kind)
        return 0;
    sgr_error_set(error, SGR_EINVAL, "%s is of kind %s, not %s", plugin->name,
                  sgr__plugin_kind(plugin->kind), sgr__plugin_kind(kind));
    sgr_error_context(error, "plugin %s", path);
    return SGR_EINVAL;
}

/* A file's name says what is in it, or a config would get something else than it asked for. */
static int check_name(const struct sgr_plugin *plugin, const char *name, const char *path,
                      struct sgr_error *error) {
    if (!strcmp(plugin->name, name))
        return 0;
    sgr_error_set(error, SGR_EINVAL, "the file's name says %s, but it holds %s", name,
                  plugin->name);
    sgr_error_context(error, "plugin %s", path);
    return SGR_EINVAL;
}

/* Files in the directories. */

struct file {
    enum sgr_plugin_kind kind;
    const char *name;
    const char *path;
};

/* sangre-KIND-NAME.so */
static bool read_name(struct sgr_arena *arena, const char *directory, const char *entry,
                      struct file *ret) {
    static const char prefix[] = "sangre-", suffix[] = ".so";
    size_t size = strlen(entry);
    if (strncmp(entry, prefix, sizeof(prefix) - 1) || size <= sizeof(suffix) ||
        strcmp(entry + size - (sizeof(suffix) - 1), suffix))
        return false;
    const char *rest = entry + sizeof(prefix) - 1;
    for (enum sgr_plugin_kind kind = SGR_SOURCE; kind <= SGR_SINK; kind++) {
        size_t length = strlen(sgr__plugin_kind(kind));
        if (strncmp(rest, sgr__plugin_kind(kind), length) || rest[length] != '-')
            continue;
        const char *name = rest + length + 1;
        size_t name_size = strlen(name) - (sizeof(suffix) - 1);
        ret->kind = kind;
        ret->name = sgr_arena_copy(arena, (struct sgr_slice){name, name_size});
        ret->path = sgr_arena_printf(arena, "%s/%s", directory, entry);
        return ret->name && ret->path && sgr__plugin_name(ret->name);
    }
    return false;
}

static int by_kind_and_name(const void *a, const void *b) {
    const struct file *one = a, *other = b;
    return one->kind != other->kind ? (int)one->kind - (int)other->kind
                                    : strcmp(one->name, other->name);
}

static bool known(const struct sgr_vector *files, const struct file *file) {
    for (size_t i = 0; i < files->count; i++)
        if (!by_kind_and_name(SGR_VECTOR_AT(files, struct file, i), file))
            return true;
    return false;
}

/* What stands in the directories, sorted; of one name the first directory's. Text is the arena's. */
static void list_files(const struct sgr_loader *loader, struct sgr_arena *arena,
                       struct sgr_vector *files) {
    for (size_t i = 0; i < loader->directories.count; i++) {
        const char *directory = *SGR_VECTOR_AT(&loader->directories, char *, i);
        DIR *opened = opendir(directory);
        struct file file;
        for (struct dirent *entry; opened && (entry = readdir(opened));)
            if (read_name(arena, directory, entry->d_name, &file) && !known(files, &file))
                sgr_vector_push(files, &file);
        if (opened)
            closedir(opened);
    }
    if (files->count)
        qsort(files->items, files->count, files->item_size, by_kind_and_name);
}

static int not_found(struct sgr_loader *loader, enum sgr_plugin_kind kind, const char *name,
                     struct sgr_error *error) {
    struct sgr_arena *arena = sgr_arena_new();
    if (!arena)
        return out_of_memory(error);
    struct sgr_vector files = SGR_VECTOR_INIT(struct file);
    struct sgr_vector names = SGR_VECTOR_INIT(const char *);
    struct sgr_buffer where = {.limit = 300};
    list_files(loader, arena, &files);
    for (size_t i = 0; i < files.count; i++)
        if (SGR_VECTOR_AT(&files, struct file, i)->kind == kind)
            sgr_vector_push(&names, &SGR_VECTOR_AT(&files, struct file, i)->name);
    for (size_t i = 0; i < loader->directories.count; i++)
        sgr_buffer_printf(&where, "%s%s", i ? ", " : "",
                          *SGR_VECTOR_AT(&loader->directories, char *, i));
    const char *near = sgr_nearest(name, names.items, names.count);
    const char *directories = loader->directories.count ? sgr_buffer_text(&where) : "no directory";
    if (near)
        sgr_error_set(error, SGR_ENOTFOUND,
                      "there is no %s \"%.64s\": did you mean \"%s\"? (looked in %s)",
                      sgr__plugin_kind(kind), name, near, directories);
    else
        sgr_error_set(error, SGR_ENOTFOUND, "there is no %s \"%.64s\" (looked in %s)",
                      sgr__plugin_kind(kind), name, directories);
    sgr_vector_fini(&files);
    sgr_vector_fini(&names);
    sgr_buffer_fini(&where);
    sgr_arena_free(arena);
    return SGR_ENOTFOUND;
}

/* Asking for one. */

static int load_path(struct sgr_loader *loader, enum sgr_plugin_kind kind, const char *path,
                     const struct sgr_plugin **ret, struct sgr_error *error) {
    const struct sgr_plugin *plugin;
    int status = load(loader, path, &plugin, error);
    if (!status)
        status = check_kind(plugin, kind, path, error);
    if (!status)
        *ret = plugin;
    return status;
}

int sgr_loader_plugin(struct sgr_loader *loader, enum sgr_plugin_kind kind, const char *name,
                      const struct sgr_plugin **ret, struct sgr_error *error) {
    if (name[0] == '/')
        return load_path(loader, kind, name, ret, error);
    for (size_t i = 0; sgr__plugin_name(name) && i < loader->directories.count; i++) {
        char path[PATH_MAX];
        int size =
            snprintf(path, sizeof(path), "%s/sangre-%s-%s.so",
                     *SGR_VECTOR_AT(&loader->directories, char *, i), sgr__plugin_kind(kind), name);
        if (size < 0 || (size_t)size >= sizeof(path) || access(path, F_OK))
            continue;
        const struct sgr_plugin *plugin;
        int status = load_path(loader, kind, path, &plugin, error);
        if (!status)
            status = check_name(plugin, name, path, error);
        if (!status)
            *ret = plugin;
        return status;
    }
    return not_found(loader, kind, name, error);
}

struct plan_kind_search {
    const char *wanted;
    const struct sgr_plugin *found;
};

static bool implements(const struct sgr_plugin *plugin, const char *plan_kind) {
    return plugin->kind == SGR_OPERATOR &&
           !strcmp(plugin->plan_kind ? plugin->plan_kind : plugin->name, plan_kind);
}

static void look_for_plan_kind(void *data, const struct sgr_plugin *plugin, const char *path) {
    (void)path;
    struct plan_kind_search *search = data;
    if (!search->found && implements(plugin, search->wanted))
        search->found = plugin;
}

/* The plugin of that name as a rule; else whichever says so. */
int sgr_loader_plan_kind(struct sgr_loader *loader, const char *plan_kind,
                         const struct sgr_plugin **ret, struct sgr_error *error) {
    struct plan_kind_search search = {.wanted = plan_kind};
    struct sgr_error first = {0};
    const struct sgr_plugin *plugin;
    int status = sgr_loader_plugin(loader, SGR_OPERATOR, plan_kind, &plugin, &first);
    if (!status && implements(plugin, plan_kind))
        search.found = plugin;
    else
        sgr_loader_each(loader, look_for_plan_kind, NULL, &search);
    if (search.found) {
        *ret = search.found;
        return 0;
    }
    if (!status)
        return sgr_error_set(error, SGR_ENOTFOUND, "no operator does what %s does", plan_kind);
    if (error)
        *error = first;
    return status;
}

void sgr_loader_each(struct sgr_loader *loader,
                     void (*found)(void *data, const struct sgr_plugin *plugin, const char *path),
                     void (*broken)(void *data, const char *path, const struct sgr_error *error),
                     void *data) {
    struct sgr_arena *arena = sgr_arena_new();
    struct sgr_vector files = SGR_VECTOR_INIT(struct file);
    if (arena)
        list_files(loader, arena, &files);
    for (size_t i = 0; i < files.count; i++) {
        const struct file *file = SGR_VECTOR_AT(&files, struct file, i);
        const struct sgr_plugin *plugin;
        struct sgr_error error = {0};
        int status = load_path(loader, file->kind, file->path, &plugin, &error);
        if (!status)
            status = check_name(plugin, file->name, file->path, &error);
        if (!status)
            found(data, plugin, file->path);
        else if (broken)
            broken(data, file->path, &error);
    }
    sgr_vector_fini(&files);
    sgr_arena_free(arena);
}
