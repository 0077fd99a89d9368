/* A node's (or source's, or sink's) options once parsed: the plugin's filled struct and the canonical text that interning compares.
 *
 * The loader makes them, the graph keeps them; all of it, this struct included, lives in one arena. Immutable. */
#ifndef SGR_GRAPH_OPTIONS_H
#define SGR_GRAPH_OPTIONS_H

#include <sangre/plugin.h>

#include "base/arena.h"

struct sgr_options {
    const struct sgr_plugin *plugin;
    const void *data;      /* what bind and open get; NULL: the plugin has no options */
    const char *canonical; /* sorted by name, defaults written out, secrets hashed */
    struct sgr_arena *arena;
};

void sgr_options_free(struct sgr_options *options);                /* NULL is fine */
const void *sgr_options_struct(const struct sgr_options *options); /* NULL is fine */
const char *sgr_options_canonical(const struct sgr_options *options);
const struct sgr_plugin *sgr_options_plugin(const struct sgr_options *options);

#endif
