/* Where plugins are looked for when nobody says: an installation that was moved still finds its own. */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <libgen.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/vector.h"
#include "loader/loader.h"

#ifndef SANGRE_PLUGIN_PATH
#define SANGRE_PLUGIN_PATH "/usr/local/lib/sangre" /* where they were to be installed */
#define SANGRE_PLUGIN_DIR  "lib/sangre"            /* the same, below the prefix */
#endif

/* Beside the library that this code is in; or, in a program under PREFIX/bin, below PREFIX. */
static int add_own(struct sgr_vector *directories, struct sgr_arena *arena) {
    Dl_info here;
    if (!dladdr((void *)(uintptr_t)sgr_loader_new_default, &here) || !here.dli_fname)
        return 0;
    char *file = realpath(here.dli_fname, NULL);
    if (!file)
        return 0;
    const char *folder = dirname(file);
    const char *beside = sgr_arena_printf(arena, "%s/sangre", folder);
    const char *below = sgr_arena_printf(arena, "%s/../%s", folder, SANGRE_PLUGIN_DIR);
    free(file);
    return beside && below && !sgr_vector_push(directories, &beside)
               ? sgr_vector_push(directories, &below)
               : SGR_ENOMEM;
}

static int add_all(struct sgr_vector *directories, struct sgr_arena *arena,
                   const char *const *given) {
    const char *environment = getenv("SANGRE_PLUGIN_DIR"), *installed = SANGRE_PLUGIN_PATH,
               *end = NULL;
    int code = 0;
    for (; !code && given && *given; given++)
        code = sgr_vector_push(directories, given);
    if (!code && environment && *environment)
        code = sgr_vector_push(directories, &environment);
    if (!code)
        code = add_own(directories, arena);
    if (!code)
        code = sgr_vector_push(directories, &installed);
    return code ? code : sgr_vector_push(directories, &end);
}

struct sgr_loader *sgr_loader_new_default(const char *const *given) {
    struct sgr_vector directories = SGR_VECTOR_INIT(const char *);
    struct sgr_arena *arena = sgr_arena_new();
    struct sgr_loader *loader = NULL;
    if (arena && !add_all(&directories, arena, given))
        loader = sgr_loader_new((const char *const *)directories.items);
    sgr_vector_fini(&directories);
    sgr_arena_free(arena);
    return loader;
}
