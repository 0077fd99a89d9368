/* Snapshots, and the epochs that they begin.
 *
 * Each start and each new snapshot is an epoch of its own, as nothing of the past is durable, and resets all subscribers. An eventual source's later
 * snapshots are compared: what differs is one commit, which subscribers get as a frame. It begins an epoch, too, as cursors from before may
 * name states that the database never had. */
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "base/log.h"
#include "engine/engine.h"

enum { MICROSECONDS = 1000000 };

static int64_t wall_clock(const struct sgr_engine *engine) {
    struct timespec now;
    if (engine->virtual_time)
        return sgr_loop_now(engine->loop);
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

/* ---- Epochs ---- */

static int start_epoch(struct sgr_engine *engine, struct sgr_error *error) {
    uint64_t identity = engine->virtual_time ? sgr_hash_mix(engine->seed, engine->commit)
                                             : sgr__engine_random_seed();
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
    sgr_timer_arm(engine->trimmer, ENGINE_TRIM_EVERY);
    sgr_log(SGR_LOG_INFO, "engine", "serving nodes=%zu rows=%zu",
            sgr_graph_node_count(engine->graph), sgr_heap_rows(engine->heap));
    if (engine->options.ready)
        engine->options.ready(engine->options.ready_data, sgr_engine_port(engine));
    return SGR_OK;
}

static int filled_first(struct engine_source *source, struct sgr_error *error) {
    struct sgr_engine *engine = source->engine;
    int code = sgr_graph_run(engine->graph, error);
    if (!code && all_filled(engine))
        code = become_ready(engine, error);
    if (!code)
        code = sgr__stream_start(engine, source->position_index, error);
    return code;
}

/* Runs the graph as the first commit of a new epoch. */
static int commit_epoch(struct engine_source *source, struct sgr_error *error) {
    struct sgr_engine *engine = source->engine;
    int code = sgr_graph_run(engine->graph, error);
    if (!code)
        code = start_epoch(engine, error);
    if (!code)
        code = sgr_cursors_commit(engine->cursors, ++engine->commit, source->position_index,
                                  source->position, sgr_loop_now(engine->loop));
    return code;
}

static int filled_again(struct engine_source *source, struct sgr_error *error) {
    struct sgr_engine *engine = source->engine;
    sgr_log(SGR_LOG_WARN, source->plan->name,
            "new snapshot: a new epoch begins, clients are reset");
    int code = commit_epoch(source, error);
    if (!code)
        code = sgr_publisher_restart(engine->publisher, engine->commit, wall_clock(engine),
                                     sgr_loop_now(engine->loop), "new_epoch", error);
    return code;
}

static int compared(struct engine_source *source, struct sgr_error *error) {
    struct sgr_engine *engine = source->engine;
    source->comparisons++;
    if (!sgr_graph_is_fed(engine->graph)) {
        sgr_log(SGR_LOG_INFO, source->plan->name, "compared: nothing was missed");
        sgr_publisher_reached(engine->publisher, source->position_index, source->position);
        return SGR_OK;
    }
    source->gaps++;
    sgr_log(SGR_LOG_INFO, source->plan->name, "compared: a new epoch begins with what differs");
    int code = commit_epoch(source, error);
    if (!code)
        code = sgr_publisher_commit_epoch(engine->publisher, engine->commit, wall_clock(engine),
                                          sgr_loop_now(engine->loop), error);
    return code;
}

/* ---- What sources call ---- */

int sgr__snapshot_begin(void *host, const char *epoch, struct sgr_error *error) {
    struct engine_source *source = host;
    char *copy = strdup(epoch);
    if (!copy)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a snapshot");
    /* Also if this one is aborted, the next begins an epoch. */
    source->other_epoch |= source->epoch && strcmp(source->epoch, epoch) != 0;
    source->comparing = source->eventual && source->filled && !source->other_epoch;
    free(source->epoch);
    source->epoch = copy;
    source->in_snapshot = true;
    source->rows_ended = false;
    bool undisturbed = source->engine->phase == ENGINE_FILLING && source->engine->source_count == 1;
    for (size_t i = 0; i < source->plan->table_count; i++) {
        struct engine_relation *relation = &source->relations[i];
        relation->touched = false;
        int code =
            relation->fold ? sgr_fold_snapshot_begin(relation->fold, undisturbed, error) : SGR_OK;
        if (code)
            return code;
    }
    return SGR_OK;
}

int sgr__snapshot_row(void *host, struct sgr_relation *relation, const struct sgr_field *fields,
                      struct sgr_error *error) {
    struct engine_relation *ours = sgr__source_relation(host, relation);
    if (!ours || !ours->fold)
        return SGR_OK;
    return sgr_fold_snapshot_row(ours->fold, relation, fields, error);
}

int sgr__snapshot_rows_end(struct engine_source *source, struct sgr_error *error) {
    if (source->rows_ended)
        return SGR_OK;
    if (!source->eventual)
        return sgr_error_set(error, SGR_EINVAL, "a change within a snapshot");
    int code = SGR_OK;
    for (size_t i = 0; !code && i < source->plan->table_count; i++)
        if (source->relations[i].fold)
            code = sgr_fold_snapshot_rows_end(source->relations[i].fold, error);
    /* Nobody is served yet. */
    if (!code && !source->filled)
        code = sgr_graph_run(source->engine->graph, error);
    source->rows_ended = !code;
    return code;
}

int sgr__snapshot_end(void *host, uint64_t lsn, struct sgr_error *error) {
    struct engine_source *source = host;
    struct sgr_error local = {0};
    error = error ? error : &local;
    for (size_t i = 0; i < source->plan->table_count; i++) {
        struct engine_relation *relation = &source->relations[i];
        relation->touched = false;
        int code = relation->fold ? sgr_fold_snapshot_finish(relation->fold, error) : SGR_OK;
        if (code)
            return code;
    }
    bool first = !source->filled && source->engine->phase == ENGINE_FILLING;
    source->in_snapshot = source->other_epoch = false;
    source->filled = true;
    source->position = lsn;
    int code = first               ? filled_first(source, error)
               : source->comparing ? compared(source, error)
                                   : filled_again(source, error);
    if (code)
        sgr__engine_fail(source->engine, error);
    else
        source->methods->ack(source->state, lsn);
    return code;
}
