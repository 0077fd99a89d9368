/* An engine's parts: from a config to all that runs, and back. */
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "auth/auth.h"
#include "base/log.h"
#include "engine/engine.h"
#include "row/type.h"

#ifndef SANGRE_VERSION
#define SANGRE_VERSION "0.0.0"
#endif

const char *sgr_version(void) {
    return SANGRE_VERSION;
}

/* ---- Parts ---- */

uint64_t sgr__engine_random_seed(void) {
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = (uint64_t)time(NULL);
    return seed ? seed : 1;
}

static int read_document(const struct sgr_engine_options *options, struct sgr_document **ret,
                         struct sgr_error *error) {
    if (options->config_text) {
        const char *name = options->config_file ? options->config_file : "config";
        struct sgr_slice text = sgr_slice(options->config_text);
        size_t length = strlen(name);
        if (length > 4 && strcmp(name + length - 4, ".lua") == 0)
            return sgr_document_read_lua(name, text, ret, error);
        return sgr_document_read_yaml(name, text, ret, error);
    }
    if (!options->config_file)
        return sgr_error_set(error, SGR_EINVAL, "no config was given");
    return sgr_document_read(options->config_file, ret, error);
}

static bool hook_demanded(void *data, struct sgr_node *node, const struct sgr_row *row) {
    struct sgr_engine *engine = data;
    return sgr_views_demanded(engine->views, node, row);
}

static void hook_row_failed(void *data, struct sgr_node *node, const char *row_text,
                            const struct sgr_error *error) {
    (void)data;
    sgr_log_error(SGR_LOG_WARN, sgr_node_name(node), error, "row %s", row_text);
}

static void wake_engine(void *data) {
    sgr_loop_wake(((struct sgr_engine *)data)->loop);
}

static uint64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static size_t find_source(void *data, struct sgr_slice name) {
    const struct sgr_engine *engine = data;
    if (!name.size)
        return engine->source_count == 1 ? 0 : engine->source_count;
    size_t i = 0;
    while (i < engine->source_count && !sgr_slice_is(name, engine->sources[i].plan->name))
        i++;
    return i;
}

static bool has_positions(void *data, size_t source) {
    const struct sgr_engine *engine = data;
    return !engine->sources[source].eventual;
}

/* The sinks that bind streams are opened before the sources. */
static int make_hub(struct sgr_engine *engine) {
    size_t count;
    const struct sgr_plan_source *sources = sgr_plan_sources(engine->plan, &count);
    engine->hub = sgr_hub_new();
    for (size_t i = 0; engine->hub && i < count; i++)
        if (sources[i].sink_count && sgr_hub_open_stream(engine->hub, i))
            return SGR_ENOMEM;
    return engine->hub ? SGR_OK : SGR_ENOMEM;
}

static int make_graph(struct sgr_engine *engine, struct sgr_error *error) {
    const struct sgr_plan_server *server = sgr_plan_server(engine->plan);
    engine->seed = server->seed ? server->seed : sgr__engine_random_seed();
    engine->heap = sgr_heap_new(server->memory_limit, error);
    if (!engine->heap)
        return error ? error->code : SGR_ENOMEM;
    struct sgr_graph_hooks hooks = {
        .data = engine, .demanded = hook_demanded, .row_failed = hook_row_failed};
    engine->graph = sgr_graph_new(engine->heap, engine->seed, &hooks);
    if (engine->graph && !engine->virtual_time)
        sgr_graph_set_stopwatch(engine->graph, nanoseconds);
    engine->views = engine->graph ? sgr_views_new(engine->graph) : NULL;
    size_t sources;
    sgr_plan_sources(engine->plan, &sources);
    engine->cursors = sgr_cursors_new(sources);
    if (make_hub(engine) || !engine->views || !engine->cursors)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for the engine");
    struct sgr_publisher_parts parts = {.views = engine->views,
                                        .cursors = engine->cursors,
                                        .hub = engine->hub,
                                        .queue_limit = server->queue_limit,
                                        .explain = sgr__engine_write_explain,
                                        .find_source = find_source,
                                        .has_positions = has_positions,
                                        .source_count = sources,
                                        .data = engine};
    engine->publisher = sgr_publisher_new(&parts);
    return engine->publisher ? SGR_OK
                             : sgr_error_set(error, SGR_ENOMEM, "out of memory for the engine");
}

/* The server makes its own; here it is for the errors in it. */
static int check_auth(struct sgr_engine *engine, struct sgr_error *error) {
    const struct sgr_plan_auth *auth = sgr_plan_server(engine->plan)->auth;
    struct sgr_verifier *verifier = NULL;
    int code = auth ? sgr_auth_verifier(auth, &verifier, error) : SGR_OK;
    sgr_verifier_free(verifier);
    return code;
}

static int make(struct sgr_engine *engine, struct sgr_error *error) {
    /* What text means where no database says otherwise; a source that has one does. */
    sgr_collation_set('c', "C.UTF-8", gnu_get_libc_version());
    int code = read_document(&engine->options, &engine->document, error);
    if (code)
        return code;
    engine->loader = sgr_loader_new_default(engine->options.plugin_directories);
    if (!engine->loader)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for plugins");
    code = sgr_plan_new(engine->document, engine->loader, &engine->plan, error);
    if (code)
        return code;
    engine->document = NULL; /* the plan's now */
    code = check_auth(engine, error);
    if (!code)
        code = sgr__engine_make_loop(engine, error);
    if (!code)
        code = make_graph(engine, error);
    if (!code)
        sgr_hub_on_asks(engine->hub, wake_engine, engine);
    return code;
}

int sgr__engine_new(const struct sgr_engine_options *options, bool virtual_time,
                    struct sgr_engine **ret, struct sgr_error *error) {
    struct sgr_engine *engine = calloc(1, sizeof(*engine));
    struct sgr_error local = {0};
    error = error ? error : &local;
    if (!engine)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for the engine");
    memcpy(&engine->options, options,
           options->size < sizeof(*options) ? options->size : sizeof(*options));
    engine->virtual_time = virtual_time;
    if (options->log || options->log_level || options->log_json)
        sgr_log_configure(options->log_level, options->log_json ? SGR_LOG_JSON : SGR_LOG_TEXT,
                          options->log, options->log_data);
    int code = make(engine, error);
    if (code) {
        sgr_engine_free(engine);
        return code;
    }
    *ret = engine;
    return SGR_OK;
}

int sgr_engine_new(const struct sgr_engine_options *options, struct sgr_engine **ret,
                   struct sgr_error *error) {
    if (!options || !ret || options->size < offsetof(struct sgr_engine_options, log))
        return sgr_error_set(error, SGR_EINVAL, "sgr_engine_options.size is not set");
    return sgr__engine_new(options, false, ret, error);
}

/* ---- And back ---- */

/* Views hold nodes, nodes hold rows: torn down from the right. */
void sgr__engine_end(struct sgr_engine *engine) {
    sgr__tickers_stop(engine);
    sgr_publisher_free(engine->publisher);
    sgr_views_free(engine->views);
    sgr__streams_close(engine);
    sgr__sources_close(engine);
    sgr_plan_free(engine->plan);
    sgr_graph_free(engine->graph);
    sgr_heap_free(engine->heap);
    sgr_cursors_free(engine->cursors);
    engine->publisher = NULL;
    engine->views = NULL;
    engine->plan = NULL;
    engine->graph = NULL;
    engine->heap = NULL;
    engine->cursors = NULL;
}

void sgr_engine_free(struct sgr_engine *engine) {
    if (!engine)
        return;
    sgr__engine_stop_server(engine);
    sgr__engine_end(engine);
    sgr_timer_free(engine->trimmer);
    sgr_timer_free(engine->unblocker);
    sgr_hub_free(engine->hub);
    sgr_client_free(engine->client);
    sgr_loop_free(engine->loop);
    sgr_document_free(engine->document);
    sgr_loader_free(engine->loader);
    free(engine);
}
