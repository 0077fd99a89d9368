/* The memory source, but eventual: for tests that play its part from there on, with changes that are lost or come twice, and snapshots again. */
#include <sangre/source.h>

static const struct sgr_plugin sgr_plugin_of_memory __attribute__((unused));
#undef SGR_PLUGIN
#define SGR_PLUGIN static const struct sgr_plugin sgr_plugin_of_memory
#include "memory.c"

static const char *feed_eventual(void *state) {
    (void)state;
    return "a feed for tests, which loses what it is told to";
}

static const struct sgr_source_methods feed_methods = {.open = memory_open,
                                                       .describe = memory_describe,
                                                       .start = memory_start,
                                                       .pause = memory_pause,
                                                       .resume = memory_resume,
                                                       .ack = memory_ack,
                                                       .stop = memory_stop,
                                                       .close = memory_close,
                                                       .follow = memory_follow,
                                                       .eventual = feed_eventual};

__attribute__((visibility("default")))
const struct sgr_plugin sgr_plugin = {SGR_PLUGIN_HEADER,
                                      .kind = SGR_SOURCE,
                                      .name = "feed",
                                      .version = "0.1.0",
                                      .summary = "The memory source as an eventual one, for tests",
                                      .options = memory_options,
                                      .options_size = sizeof(struct options),
                                      .methods_size = sizeof(struct sgr_source_methods),
                                      .source = &feed_methods};
