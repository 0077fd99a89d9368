/* The engine at work: from descriptions to the first state, commits, its loop and its run. make.c makes what it works with. */
#include "engine/engine.h"

#include <stdlib.h>

#include "base/log.h"

enum { ASKS_A_TURN = 64 };
enum { CURSORS_SHARE = 4 }; /* cursors may take a quarter of what histories may */

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

/* ---- The loop ---- */

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
    sgr_timer_arm(engine->trimmer, ENGINE_TRIM_EVERY);
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

static void wake_loop(void *data) {
    sgr_loop_wake(data);
}

int sgr__engine_make_loop(struct sgr_engine *engine, struct sgr_error *error) {
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

/* ---- Running ---- */

static int open_streams(struct sgr_engine *engine, struct sgr_error *error) {
    int code = sgr__streams_open(engine, error);
    for (size_t i = 0; !code && i < engine->source_count; i++) {
        void *host;
        sgr__stream_host(engine, i, &host);
        const struct engine_source *stream = host; /* its first member */
        if (stream->state)
            code = sgr__needs_limit(engine->plan, stream, error);
    }
    return code;
}

int sgr__engine_start(struct sgr_engine *engine, struct sgr_error *error) {
    engine->phase = ENGINE_DESCRIBING;
    int code = sgr__sources_open(engine, error);
    if (!code)
        code = open_streams(engine, error);
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

void sgr__engine_stop_server(struct sgr_engine *engine) {
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
    sgr__engine_stop_server(engine);
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

/* ---- What an application asks ---- */

int sgr_engine_port(const struct sgr_engine *engine) {
    return engine->server ? sgr_server_port(engine->server) : 0;
}

int sgr_engine_adopt(struct sgr_engine *engine, int descriptor, struct sgr_error *error) {
    if (!engine->server)
        return sgr_error_set(error, SGR_EUNAVAILABLE, "the engine does not run");
    return sgr_server_adopt(engine->server, descriptor, error);
}
