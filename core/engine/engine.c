/* The engine's life: from a config to a running graph with a listener, and back. */
#include "engine/engine.h"

#include <gnu/libc-version.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "auth/auth.h"
#include "base/hash.h"
#include "base/log.h"
#include "row/type.h"

#ifndef SANGRE_VERSION
#define SANGRE_VERSION "0.0.0"
#endif

enum { TRIM_EVERY = 1000000, ASKS_A_TURN = 64, MICROSECONDS = 1000000 };
enum { CURSORS_SHARE = 4 }; /* cursors may take a quarter of what histories may */

const char *sgr_version(void) {
    return SANGRE_VERSION;
}

/* ---- Making ---- */

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

static uint64_t random_seed(void) {
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = (uint64_t)time(NULL);
    return seed ? seed : 1;
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

static void trim_views(struct sgr_engine *engine) {
    const struct sgr_plan_server *server = sgr_plan_server(engine->plan);
    sgr_views_trim(engine->views, sgr_loop_now(engine->loop), server->history_age,
                   server->history_bytes);
}

static void on_trim(void *data) {
    struct sgr_engine *engine = data;
    const struct sgr_plan_server *server = sgr_plan_server(engine->plan);
    trim_views(engine);
    sgr_cursors_trim(engine->cursors, sgr_loop_now(engine->loop) - server->history_age,
                     server->history_bytes / CURSORS_SHARE);
    sgr_timer_arm(engine->trimmer, TRIM_EVERY);
}

/* Resumes sources once the network side has caught up. */
static void on_unblock(void *data) {
    struct sgr_engine *engine = data;
    if (sgr_hub_backlog(engine->hub) > (8u << 20)) {
        sgr_timer_arm(engine->unblocker, 5000);
        return;
    }
    for (size_t i = 0; i < engine->source_count; i++) {
        struct engine_source *source = &engine->sources[i];
        if (source->paused)
            source->methods->resume(source->state);
        source->paused = false;
    }
}

static void on_wake(void *data);

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
    engine->seed = server->seed ? server->seed : random_seed();
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
                                        .source_count = sources,
                                        .data = engine};
    engine->publisher = sgr_publisher_new(&parts);
    return engine->publisher ? SGR_OK
                             : sgr_error_set(error, SGR_ENOMEM, "out of memory for the engine");
}

static void wake_loop(void *data) {
    sgr_loop_wake(data);
}

static int make_loop(struct sgr_engine *engine, struct sgr_error *error) {
    engine->loop = sgr_loop_new(engine->virtual_time);
    if (!engine->loop)
        return sgr_error_set(error, SGR_ENOMEM, "no event loop");
    engine->trimmer = sgr_timer_new(engine->loop, on_trim, engine);
    engine->unblocker = sgr_timer_new(engine->loop, on_unblock, engine);
    engine->client = sgr_client_new(wake_loop, engine->loop);
    if (!engine->trimmer || !engine->unblocker || !engine->client)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for timers");
    sgr_loop_on_wake(engine->loop, on_wake, engine);
    return SGR_OK;
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
        code = make_loop(engine, error);
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

/* ---- From descriptions to the first state ---- */

void sgr__engine_fail(struct sgr_engine *engine, const struct sgr_error *error) {
    if (!engine->failure.code)
        engine->failure = *error;
    engine->phase = ENGINE_STOPPING;
    sgr_loop_break(engine->loop);
}

static bool all_described(const struct sgr_engine *engine) {
    for (size_t i = 0; i < engine->source_count; i++)
        if (!engine->sources[i].described)
            return false;
    return true;
}

static int build(struct sgr_engine *engine, struct sgr_error *error) {
    struct sgr_plan_tables tables = {.data = engine, .table = sgr__source_table};
    int code = sgr_plan_build(engine->plan, engine->graph, engine->views, &tables, error);
    engine->phase = ENGINE_FILLING;
    if (!code)
        sgr__sources_built(engine);
    for (size_t i = 0; !code && i < engine->source_count; i++)
        code = engine->check_only ? sgr__stream_start(engine, i, error)
                                  : sgr__source_start(&engine->sources[i], error);
    return code;
}

/* Sources may answer `describe` from within the call, so what follows from it waits for the loop. */
static void build_when_described(struct sgr_engine *engine) {
    if (engine->phase != ENGINE_DESCRIBING || !all_described(engine))
        return;
    struct sgr_error error = {0};
    if (build(engine, &error))
        sgr__engine_fail(engine, &error);
}

static void end_check_when_done(struct sgr_engine *engine) {
    if (engine->check_only && engine->phase == ENGINE_FILLING && sgr__streams_checked(engine))
        sgr_loop_break(engine->loop);
}

static int64_t wall_clock(const struct sgr_engine *engine) {
    struct timespec now;
    if (engine->virtual_time)
        return sgr_loop_now(engine->loop);
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

/* Each start and each new snapshot is an epoch of its own: nothing of the past is durable. */
static int start_epoch(struct sgr_engine *engine, struct sgr_error *error) {
    uint64_t identity = engine->virtual_time ? engine->seed : random_seed();
    uint64_t *positions = calloc(engine->source_count + 1, sizeof(*positions));
    if (!positions)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for an epoch");
    for (size_t i = 0; i < engine->source_count; i++) {
        const struct engine_source *source = &engine->sources[i];
        const char *epoch = source->epoch ? source->epoch : "";
        identity = sgr_hash_mix(identity, sgr_hash_bytes(epoch, strlen(epoch)));
        positions[i] = source->position;
    }
    sgr_cursors_restart(engine->cursors, identity, positions);
    free(positions);
    return SGR_OK;
}

static bool all_filled(const struct sgr_engine *engine) {
    for (size_t i = 0; i < engine->source_count; i++)
        if (!engine->sources[i].filled)
            return false;
    return true;
}

static int become_ready(struct sgr_engine *engine, struct sgr_error *error) {
    int code = start_epoch(engine, error);
    if (!code)
        code = sgr__engine_commit(engine, &engine->sources[0], 0, error);
    if (!code)
        code = sgr__tickers_start(engine, error);
    if (code)
        return code;
    engine->phase = ENGINE_SERVING;
    sgr_publisher_ready(engine->publisher, wall_clock(engine));
    sgr_timer_arm(engine->trimmer, TRIM_EVERY);
    sgr_log(SGR_LOG_INFO, "engine", "serving nodes=%zu rows=%zu",
            sgr_graph_node_count(engine->graph), sgr_heap_rows(engine->heap));
    if (engine->options.ready)
        engine->options.ready(engine->options.ready_data, sgr_engine_port(engine));
    return SGR_OK;
}

int sgr__engine_filled(struct sgr_engine *engine, struct engine_source *source, bool again,
                       struct sgr_error *error) {
    int code;
    if (!again && engine->phase == ENGINE_FILLING) {
        code = sgr_graph_run(engine->graph, error);
        if (!code && all_filled(engine))
            code = become_ready(engine, error);
        if (!code)
            code = sgr__stream_start(engine, source->position_index, error);
    } else {
        sgr_log(SGR_LOG_WARN, source->plan->name,
                "new snapshot: a new epoch begins, clients are reset");
        code = sgr_graph_run(engine->graph, error);
        if (!code)
            code = start_epoch(engine, error);
        if (!code)
            code = sgr_cursors_commit(engine->cursors, ++engine->commit, source->position_index,
                                      source->position, sgr_loop_now(engine->loop));
        if (!code)
            code = sgr_publisher_restart(engine->publisher, engine->commit, wall_clock(engine),
                                         sgr_loop_now(engine->loop), "new_epoch", error);
    }
    if (code && error)
        sgr__engine_fail(engine, error);
    return code;
}

int sgr__engine_commit(struct sgr_engine *engine, struct engine_source *source, int64_t unix_time,
                       struct sgr_error *error) {
    int code = source ? sgr_graph_run(engine->graph, error) : SGR_OK;
    int64_t now = sgr_loop_now(engine->loop);
    if (!code)
        code = sgr_cursors_commit(engine->cursors, ++engine->commit,
                                  source ? source->position_index : SIZE_MAX,
                                  source ? source->position : 0, now);
    if (code)
        return code;
    code = sgr_publisher_commit(engine->publisher, engine->commit, unix_time, now, error);
    if (!code && source)
        sgr_publisher_reached(engine->publisher, source->position_index, source->position);
    else if (!code)
        sgr_publisher_reached(engine->publisher, SIZE_MAX, sgr_cursors_ticks(engine->cursors));
    return code;
}

void sgr__engine_source_changed(struct sgr_engine *engine) {
    bool stale = false;
    for (size_t i = 0; i < engine->source_count; i++)
        stale = stale || engine->sources[i].phase != SGR_SOURCE_STREAMING;
    if (engine->phase == ENGINE_SERVING)
        sgr_publisher_stale(engine->publisher, stale);
}

/* ---- Running ---- */

static void on_wake(void *data) {
    struct sgr_engine *engine = data;
    if (__atomic_load_n(&engine->stop_asked, __ATOMIC_ACQUIRE)) {
        engine->phase = ENGINE_STOPPING;
        sgr_loop_break(engine->loop);
        return;
    }
    sgr_client_dispatch(engine->client);
    build_when_described(engine);
    end_check_when_done(engine);
    sgr__streams_turn(engine);
    /* Few at a time: sources have their turns in between, and what asking leaves behind is forgotten before it piles up. */
    if (sgr_publisher_serve(engine->publisher, ASKS_A_TURN))
        sgr_loop_wake(engine->loop);
    trim_views(engine);
}

int sgr__engine_start(struct sgr_engine *engine, struct sgr_error *error) {
    engine->phase = ENGINE_DESCRIBING;
    int code = sgr__sources_open(engine, error);
    if (!code)
        code = sgr__streams_open(engine, error);
    for (size_t i = 0; !code && i < engine->source_count; i++) {
        struct engine_source *source = &engine->sources[i];
        code = source->methods->describe(source->state, source->plan->tables,
                                         source->plan->table_count, error);
        if (code) {
            sgr_error_context(error, "source %s", source->plan->name);
            sgr_plan_source_error(engine->plan, source->plan, error);
        }
    }
    if (!code && !engine->source_count)
        code = sgr_error_set(error, SGR_ECONFIG, "the config has no sources");
    sgr_loop_wake(engine->loop);
    return code;
}

static int start_server(struct sgr_engine *engine, struct sgr_error *error) {
    struct sgr_plan_server options = *sgr_plan_server(engine->plan);
    if (engine->options.listen_port > 0)
        options.listen_port = engine->options.listen_port;
    size_t sinks;
    const struct sgr_plan_sink *plans = sgr_plan_sinks(engine->plan, &sinks);
    int code = sgr_server_new(&options, plans, sinks, engine->hub, &engine->server, error);
    if (code)
        return code;
    sgr_log(SGR_LOG_INFO, "engine", "listening on %s port %d", options.listen_host,
            sgr_server_port(engine->server));
    return sgr_server_start(engine->server, error);
}

static void stop_server(struct sgr_engine *engine) {
    if (!engine->server)
        return;
    sgr_hub_drain(engine->hub);
    sgr_server_join(engine->server);
    sgr_server_free(engine->server);
    engine->server = NULL;
}

static int result(struct sgr_engine *engine, int code, struct sgr_error *error) {
    if (!code && engine->failure.code) {
        if (error)
            *error = engine->failure;
        code = engine->failure.code;
    }
    return code;
}

int sgr_engine_run(struct sgr_engine *engine, struct sgr_error *error) {
    struct sgr_error local = {0};
    error = error ? error : &local;
    int code = start_server(engine, error);
    if (!code)
        code = sgr__engine_start(engine, error);
    if (!code && engine->phase != ENGINE_STOPPING)
        sgr_loop_run(engine->loop);
    stop_server(engine);
    code = result(engine, code, error);
    sgr__engine_end(engine);
    return code;
}

int sgr_engine_check(struct sgr_engine *engine, struct sgr_error *error) {
    struct sgr_error local = {0};
    error = error ? error : &local;
    engine->check_only = true;
    int code = sgr__engine_start(engine, error);
    if (!code && engine->phase != ENGINE_STOPPING)
        sgr_loop_run(engine->loop);
    return result(engine, code, error);
}

void sgr_engine_stop(struct sgr_engine *engine) {
    __atomic_store_n(&engine->stop_asked, 1, __ATOMIC_RELEASE);
    sgr_loop_wake(engine->loop);
}

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
    if (engine->server)
        stop_server(engine);
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

/* ---- What can be asked ---- */

int sgr_engine_port(const struct sgr_engine *engine) {
    return engine->server ? sgr_server_port(engine->server) : 0;
}

int sgr_engine_adopt(struct sgr_engine *engine, int descriptor, struct sgr_error *error) {
    if (!engine->server)
        return sgr_error_set(error, SGR_EUNAVAILABLE, "the engine does not run");
    return sgr_server_adopt(engine->server, descriptor, error);
}

static void write_totals_json(struct sgr_engine *engine, struct sgr_buffer *out) {
    struct sgr_views_counters views;
    struct sgr_publisher_counters publisher;
    sgr_views_counters(engine->views, &views);
    sgr_publisher_counters(engine->publisher, &publisher);
    sgr_buffer_printf(out, ",\"subscriptions\":%zu,\"rows\":%zu,\"row_bytes\":%zu",
                      publisher.subscriptions, sgr_heap_rows(engine->heap),
                      sgr_heap_bytes(engine->heap));
    sgr_buffer_printf(out, ",\"instances\":%zu,\"collections\":%zu,\"members\":%zu",
                      views.instances, views.collections, views.members);
    sgr_buffer_printf(out, ",\"state_bytes\":%zu,\"history_bytes\":%zu", views.state_bytes,
                      views.history_bytes);
    sgr_buffer_printf(out, ",\"edits\":%llu,\"rows_read\":%llu", (unsigned long long)views.edits,
                      (unsigned long long)views.rows_read);
    sgr_buffer_printf(out,
                      ",\"documents_rendered\":%llu,\"rests_rendered\":%llu,\"refused_busy\":%llu",
                      (unsigned long long)publisher.documents, (unsigned long long)publisher.rests,
                      (unsigned long long)publisher.refused);
    sgr_buffer_printf(out, ",\"documents_bytes\":%zu,\"queued_bytes\":%zu", publisher.kept_bytes,
                      publisher.queued_bytes);
}

static void write_totals_text(struct sgr_engine *engine, struct sgr_buffer *out) {
    struct sgr_views_counters views;
    struct sgr_publisher_counters publisher;
    sgr_views_counters(engine->views, &views);
    sgr_publisher_counters(engine->publisher, &publisher);
    sgr_buffer_printf(out, "subscriptions: %zu, rows: %zu in %zu bytes\n", publisher.subscriptions,
                      sgr_heap_rows(engine->heap), sgr_heap_bytes(engine->heap));
    sgr_buffer_printf(out, "views: %zu instances in %zu bytes, history in %zu bytes\n",
                      views.instances, views.state_bytes, views.history_bytes);
    sgr_buffer_printf(out,
                      "clients: %zu bytes queued, documents kept in %zu bytes; rendered %llu "
                      "documents and %llu rests; refused %llu\n",
                      publisher.queued_bytes, publisher.kept_bytes,
                      (unsigned long long)publisher.documents, (unsigned long long)publisher.rests,
                      (unsigned long long)publisher.refused);
}

void sgr__engine_write_explain(void *data, enum sgr_explain_format format, struct sgr_buffer *out) {
    struct sgr_engine *engine = data;
    bool live = !engine->check_only;
    if (format == SGR_EXPLAIN_METRICS) {
        sgr__engine_write_metrics(engine, out);
        return;
    }
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_puts(out, "{\"graph\":");
    sgr_graph_explain(engine->graph, format, live, out);
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_puts(out, ",\"views\":");
    if (format != SGR_EXPLAIN_DOT)
        sgr_views_explain(engine->views, format, live, out);
    sgr__streams_explain(engine, format, live, out);
    if (format == SGR_EXPLAIN_JSON && live)
        write_totals_json(engine, out);
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_putc(out, '}');
    else if (format == SGR_EXPLAIN_TEXT && live)
        write_totals_text(engine, out);
    if (format == SGR_EXPLAIN_TEXT)
        sgr_auth_explain(sgr_plan_server(engine->plan), out);
}

char *sgr_engine_explain(struct sgr_engine *engine, const char *format) {
    if (!engine->graph || engine->phase < ENGINE_FILLING)
        return NULL;
    enum sgr_explain_format chosen = SGR_EXPLAIN_TEXT;
    if (format && strcmp(format, "dot") == 0)
        chosen = SGR_EXPLAIN_DOT;
    else if (format && strcmp(format, "json") == 0)
        chosen = SGR_EXPLAIN_JSON;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    sgr__engine_write_explain(engine, chosen, &out);
    char *text = out.failed ? NULL : strdup(sgr_buffer_text(&out));
    sgr_buffer_fini(&out);
    return text;
}
