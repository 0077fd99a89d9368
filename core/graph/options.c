/* Access to parsed options. */
#include "graph/options.h"

void sgr_options_free(struct sgr_options *options) {
    if (options)
        sgr_arena_free(options->arena);
}

const void *sgr_options_struct(const struct sgr_options *options) {
    return options ? options->data : NULL;
}

const char *sgr_options_canonical(const struct sgr_options *options) {
    return options && options->canonical ? options->canonical : "";
}

const struct sgr_plugin *sgr_options_plugin(const struct sgr_options *options) {
    return options->plugin;
}
