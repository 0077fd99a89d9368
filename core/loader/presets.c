/* Ready-made configs that stand beside the plugins: sangre-preset-NAME.lua or .yaml. */
#define _GNU_SOURCE /* asprintf */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loader/check.h"
#include "loader/loader.h"

#define PREFIX "sangre-preset-"

static const char *const endings[] = {".lua", ".yaml"};
enum { ENDINGS = sizeof(endings) / sizeof(*endings) };

/* One of a directory, or NULL. */
static char *preset_in(const char *directory, const char *name) {
    for (size_t i = 0; i < ENDINGS; i++) {
        char *path;
        if (asprintf(&path, "%s/" PREFIX "%s%s", directory, name, endings[i]) < 0)
            return NULL;
        if (access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

char *sgr_loader_preset(const struct sgr_loader *loader, const char *name) {
    const char *directory;
    char *path = NULL;
    if (!sgr__plugin_name(name))
        return NULL;
    for (size_t i = 0; !path && (directory = sgr__loader_directory(loader, i)); i++)
        path = preset_in(directory, name);
    return path;
}

/* The name in a file's name; false: it is no preset. */
static bool read_name(const char *file, char *ret, size_t size) {
    if (strncmp(file, PREFIX, sizeof(PREFIX) - 1) != 0)
        return false;
    const char *name = file + sizeof(PREFIX) - 1, *dot = strrchr(name, '.');
    bool ends = false;
    for (size_t i = 0; dot && i < ENDINGS; i++)
        ends = ends || strcmp(dot, endings[i]) == 0;
    return ends && (size_t)snprintf(ret, size, "%.*s", (int)(dot - name), name) < size &&
           sgr__plugin_name(ret);
}

static int is_preset(const struct dirent *entry) {
    char name[64];
    return read_name(entry->d_name, name, sizeof(name));
}

void sgr_loader_presets(const struct sgr_loader *loader,
                        void (*found)(void *data, const char *name, const char *path), void *data) {
    const char *directory;
    for (size_t i = 0; (directory = sgr__loader_directory(loader, i)); i++) {
        struct dirent **entries;
        int count = scandir(directory, &entries, is_preset, alphasort);
        for (int k = 0; k < count; k++) {
            char name[64];
            char *own = read_name(entries[k]->d_name, name, sizeof(name))
                            ? preset_in(directory, name)
                            : NULL;
            char *first = sgr_loader_preset(loader, name);
            if (own && first && strcmp(own, first) == 0)
                found(data, name, own);
            free(first);
            free(own);
            free(entries[k]);
        }
        if (count >= 0)
            free(entries);
    }
}
