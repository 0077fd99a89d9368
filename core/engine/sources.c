/* The host side of sources: descriptions become relations, change streams are folded, commits run the graph. Snapshots are in snapshots.c. */
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/nearest.h"
#include "engine/engine.h"
#include "row/type.h"

enum { BACKLOG_LIMIT = 64 << 20, BACKLOG_POLL = 5000, UNIX_OF_2000 = 946684800 };

/* ---- Common host functions ---- */

static void host_log(void *host, enum sgr_log_level level, const char *format, ...) {
    struct engine_source *source = host;
    va_list args;
    va_start(args, format);
    sgr_log_v(level, source->plan->name, format, args);
    va_end(args);
}

static void *host_allocate(void *host, size_t size) {
    (void)host;
    return calloc(1, size ? size : 1);
}

static void *host_reallocate(void *host, void *old, size_t size) {
    (void)host;
    return realloc(old, size ? size : 1);
}

static void host_release(void *host, void *memory) {
    (void)host;
    free(memory);
}

static void host_count(void *host, const char *metric, int64_t add) {
    struct engine_source *source = host;
    if (sgr_log_enabled(SGR_LOG_DEBUG))
        sgr_log(SGR_LOG_DEBUG, source->plan->name, "%s += %lld", metric, (long long)add);
}

/* ---- Describing ---- */

static void relation_fini(struct sgr_relation *relation) {
    for (size_t i = 0; i < relation->column_count; i++) {
        free((char *)relation->columns[i].name);
        free((char *)relation->columns[i].type_name);
    }
    free((void *)relation->columns);
    free((char *)relation->schema);
    free((char *)relation->table);
    *relation = (struct sgr_relation){0};
}

static int relation_copy(const struct sgr_relation *from, struct sgr_relation *to) {
    struct sgr_relation_column *columns = calloc(from->column_count + 1, sizeof(*columns));
    *to = (struct sgr_relation){.schema = strdup(from->schema ? from->schema : ""),
                                .table = strdup(from->table),
                                .columns = columns,
                                .identity = from->identity};
    bool failed = !columns || !to->schema || !to->table;
    for (size_t i = 0; !failed && i < from->column_count; i++) {
        columns[i] = from->columns[i];
        columns[i].name = strdup(from->columns[i].name);
        columns[i].type_name = strdup(from->columns[i].type_name);
        to->column_count++;
        failed = !columns[i].name || !columns[i].type_name;
    }
    if (failed)
        relation_fini(to);
    return failed ? SGR_ENOMEM : SGR_OK;
}

/* What comes twice could not be told from two rows. */
static bool lacks_key(const struct engine_source *source, const struct sgr_relation *relation) {
    for (size_t i = 0; i < relation->column_count; i++)
        if (relation->columns[i].key)
            return false;
    return source->eventual != NULL;
}

static void refuse_keyless(struct engine_source *source, size_t table) {
    struct sgr_error error;
    sgr_error_set(&error, SGR_ECONFIG,
                  "table %s has no key, without which source %s, whose changes may come twice, can "
                  "not tell its rows apart",
                  source->plan->tables[table], source->plan->name);
    sgr_plan_source_error(source->engine->plan, source->plan, &error);
    sgr__engine_fail(source->engine, &error);
}

static void host_described(void *host, const struct sgr_relation *relations, size_t count) {
    struct engine_source *source = host;
    if (source->described || count != source->plan->table_count)
        return;
    for (size_t i = 0; i < count; i++)
        if (lacks_key(source, &relations[i])) {
            refuse_keyless(source, i);
            return;
        }
    for (size_t i = 0; i < count; i++) {
        if (relation_copy(&relations[i], &source->relations[i].description)) {
            struct sgr_error error;
            sgr_error_set(&error, SGR_ENOMEM, "out of memory for a table's description");
            sgr__engine_fail(source->engine, &error);
            return;
        }
    }
    source->described = true;
    sgr_loop_wake(source->engine->loop); /* not from within describe: see sgr__engine_described */
}

const char *sgr__source_state_name(enum sgr_source_state state) {
    static const char *const names[] = {"connecting", "waiting", "taking a snapshot",
                                        "streaming",  "down",    "failed"};
    return names[state];
}

static void host_state(void *host, enum sgr_source_state state, const struct sgr_error *error) {
    struct engine_source *source = host;
    enum sgr_log_level level = state == SGR_SOURCE_FAILED ? SGR_LOG_ERROR
                               : state == SGR_SOURCE_DOWN ? SGR_LOG_WARN
                                                          : SGR_LOG_INFO;
    /* A check answers now; only what runs has the time to wait for a source. */
    bool fatal =
        state == SGR_SOURCE_FAILED || (source->engine->check_only && state == SGR_SOURCE_DOWN);
    if (error && !fatal)
        sgr_log_error(level, source->plan->name, error, "%s", sgr__source_state_name(state));
    else if (!fatal && state != source->phase)
        sgr_log(level, source->plan->name, "%s", sgr__source_state_name(state));
    source->phase = state;
    if (fatal) {
        struct sgr_error failure = {.code = SGR_EFATAL, .message = "the source failed"};
        if (error)
            failure = *error;
        sgr_error_context(&failure, "source %s", source->plan->name);
        if (source->engine->phase != ENGINE_SERVING)
            sgr_plan_source_error(source->engine->plan, source->plan, &failure);
        sgr__engine_fail(source->engine, &failure);
    } else {
        sgr__engine_source_changed(source->engine);
    }
}

struct engine_relation *sgr__source_relation(struct engine_source *source,
                                             struct sgr_relation *relation) {
    if (relation->host_data)
        return relation->host_data;
    for (size_t i = 0; i < source->plan->table_count; i++) {
        const struct sgr_relation *ours = &source->relations[i].description;
        if (strcmp(ours->table, relation->table) == 0 &&
            strcmp(ours->schema, relation->schema ? relation->schema : "") == 0)
            return relation->host_data = &source->relations[i];
    }
    return NULL;
}

/* ---- Transactions ---- */

static int host_begin(void *host, const struct sgr_transaction *transaction,
                      struct sgr_error *error) {
    (void)host;
    (void)transaction;
    (void)error;
    return SGR_OK;
}

static int host_change(void *host, const struct sgr_change *change, struct sgr_error *error) {
    struct engine_source *source = host;
    struct engine_relation *relation = sgr__source_relation(source, change->relation);
    if (!relation || !relation->fold)
        return SGR_OK;
    int code = source->in_snapshot ? sgr__snapshot_rows_end(source, error) : SGR_OK;
    if (code)
        return code;
    relation->touched = true;
    return sgr_fold_change(relation->fold, change, error);
}

static void host_abort(void *host) {
    struct engine_source *source = host;
    for (size_t i = 0; i < source->plan->table_count; i++) {
        struct engine_relation *relation = &source->relations[i];
        if (relation->fold && (relation->touched || source->in_snapshot))
            sgr_fold_abort(relation->fold);
        relation->touched = false;
    }
    source->in_snapshot = false;
}

static int finish_folds(struct engine_source *source, bool *ret_touched, struct sgr_error *error) {
    bool touched = false;
    for (size_t i = 0; i < source->plan->table_count; i++) {
        struct engine_relation *relation = &source->relations[i];
        if (!relation->touched)
            continue;
        relation->touched = false;
        touched = true;
        int code = sgr_fold_finish(relation->fold, error);
        if (code)
            return code;
    }
    *ret_touched = touched;
    return SGR_OK;
}

/* Sources wait while the network side has more to take in than it may. */
static void pause_if_behind(struct sgr_engine *engine) {
    if (sgr_hub_backlog(engine->hub) < BACKLOG_LIMIT)
        return;
    for (size_t i = 0; i < engine->source_count; i++) {
        struct engine_source *source = &engine->sources[i];
        if (!source->paused && source->started)
            source->methods->pause(source->state);
        source->paused = true;
    }
    sgr_timer_arm(engine->unblocker, BACKLOG_POLL);
}

static int host_commit(void *host, const struct sgr_transaction *transaction,
                       struct sgr_error *error) {
    struct engine_source *source = host;
    bool touched;
    int code = finish_folds(source, &touched, error);
    if (code)
        return code;
    source->position = transaction->end_lsn;
    if (touched) {
        int64_t unix_time = transaction->commit_time + (int64_t)UNIX_OF_2000 * 1000000;
        code = sgr__engine_commit(source->engine, source, unix_time, error);
        if (code) {
            sgr__engine_fail(source->engine, error);
            return code;
        }
        pause_if_behind(source->engine);
    } else {
        sgr_publisher_reached(source->engine->publisher, source->position_index, source->position);
    }
    source->methods->ack(source->state, transaction->end_lsn);
    return SGR_OK;
}

static void host_advance(void *host, uint64_t lsn) {
    struct engine_source *source = host;
    sgr_publisher_reached(source->engine->publisher, source->position_index, lsn);
    source->methods->ack(source->state, lsn);
}

/* Only a stream's instance follows. */
static void host_flowing(void *host, const struct sgr_position *position, const char *gap) {
    (void)host;
    (void)position;
    (void)gap;
}

static void host_log_end(void *host, uint64_t lsn) {
    (void)host;
    (void)lsn;
}

/* ---- Loop and the rest ---- */

static struct sgr_watch *host_watch(void *host, int descriptor, unsigned events,
                                    void (*ready)(void *, unsigned), void *data) {
    struct engine_source *source = host;
    return sgr_watch_new(source->engine->loop, descriptor, events, ready, data);
}

static struct sgr_timer *host_timer(void *host, void (*fired)(void *data), void *data) {
    struct engine_source *source = host;
    return sgr_timer_new(source->engine->loop, fired, data);
}

static int64_t host_now(void *host) {
    struct engine_source *source = host;
    return sgr_loop_now(source->engine->loop);
}

static int64_t host_wall_clock(void *host) {
    struct engine_source *source = host;
    if (source->engine->virtual_time)
        return sgr_loop_now(source->engine->loop);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((int64_t)now.tv_sec - UNIX_OF_2000) * 1000000 + now.tv_nsec / 1000;
}

static uint64_t host_random(void *host) {
    struct engine_source *source = host;
    struct sgr_engine *engine = source->engine;
    return engine->seed = sgr_hash_mix(engine->seed, 0x2545f4914f6cdd1du);
}

static const char *host_source_name(void *host) {
    struct engine_source *source = host;
    return source->plan->name;
}

static int host_parse_type(void *host, const char *type_name, struct sgr_relation_column *ret,
                           struct sgr_error *error) {
    (void)host;
    struct sgr_column column;
    int code = sgr_type_parse(sgr_slice(type_name), &column, error);
    if (code)
        return code;
    ret->type = column.type;
    ret->element = column.element;
    ret->type_name = column.type_name;
    ret->type_modifier = column.type_modifier;
    ret->collation = column.collation;
    return SGR_OK;
}

static enum sgr_collation host_collation(void *host, char provider, const char *name,
                                         const char *version) {
    (void)host;
    return sgr_collation_set(provider, name, version);
}

static struct sgr_http *host_http(void *host, const struct sgr_http_request *request,
                                  void (*done)(void *data, const struct sgr_http_answer *answer),
                                  void *data) {
    struct engine_source *source = host;
    return sgr_client_http(source->engine->client, source, request, done, data);
}

static struct sgr_websocket *host_websocket(void *host, const struct sgr_websocket_open *open,
                                            const struct sgr_websocket_callbacks *callbacks,
                                            void *data) {
    struct engine_source *source = host;
    return sgr_client_websocket(source->engine->client, source, open, callbacks, data);
}

static const struct sgr_client_methods client_table = {
    .http = host_http,
    .http_cancel = sgr_client_http_cancel,
    .websocket = host_websocket,
    .websocket_send = sgr_client_websocket_send,
    .websocket_close = sgr_client_websocket_close,
};

static const struct sgr_source_host host_table = {
    .common = {.size = sizeof(struct sgr_source_host),
               .log = host_log,
               .allocate = host_allocate,
               .reallocate = host_reallocate,
               .release = host_release,
               .count = host_count},
    .described = host_described,
    .state = host_state,
    .begin_snapshot = sgr__snapshot_begin,
    .snapshot_row = sgr__snapshot_row,
    .end_snapshot = sgr__snapshot_end,
    .begin = host_begin,
    .change = host_change,
    .commit = host_commit,
    .abort = host_abort,
    .advance = host_advance,
    .watch = host_watch,
    .watch_change = sgr_watch_change,
    .watch_free = sgr_watch_free,
    .timer = host_timer,
    .timer_arm = sgr_timer_arm,
    .timer_cancel = sgr_timer_cancel,
    .timer_free = sgr_timer_free,
    .now = host_now,
    .wall_clock = host_wall_clock,
    .random = host_random,
    .source_name = host_source_name,
    .parse_type = host_parse_type,
    .collation = host_collation,
    .flowing = host_flowing,
    .client = &client_table,
    .log_end = host_log_end,
};

/* ---- Life ---- */

const struct sgr_source_host *sgr__source_host(void) {
    return &host_table;
}

static int open_source(struct sgr_engine *engine, struct engine_source *source,
                       const struct sgr_plan_source *plan, struct sgr_error *error) {
    *source = (struct engine_source){.engine = engine,
                                     .plan = plan,
                                     .methods = plan->plugin->source,
                                     .position_index = (size_t)(source - engine->sources),
                                     .phase = SGR_SOURCE_CONNECTING};
    source->relations = calloc(plan->table_count + 1, sizeof(*source->relations));
    if (!source->relations)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    for (size_t i = 0; i < plan->table_count; i++)
        if (!(source->relations[i].name = strdup(plan->tables[i])))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    int code = source->methods->open(&host_table, source, sgr_options_struct(plan->options),
                                     &source->state, error);
    if (!code && source->methods->eventual)
        source->eventual = source->methods->eventual(source->state);
    if (source->eventual)
        sgr_log(engine->check_only ? SGR_LOG_WARN : SGR_LOG_INFO, plan->name, "eventual: %s",
                source->eventual);
    if (code) {
        sgr_error_context(error, "source %s", plan->name);
        sgr_plan_source_error(engine->plan, plan, error);
    }
    return code;
}

int sgr__sources_open(struct sgr_engine *engine, struct sgr_error *error) {
    size_t count;
    const struct sgr_plan_source *plans = sgr_plan_sources(engine->plan, &count);
    engine->sources = calloc(count + 1, sizeof(*engine->sources));
    if (!engine->sources)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for sources");
    for (size_t i = 0; i < count; i++) {
        engine->source_count++;
        int code = open_source(engine, &engine->sources[i], &plans[i], error);
        if (code)
            return code;
    }
    return SGR_OK;
}

/* Folds stay until the graph goes: see sgr__engine_end. */
static void close_source(struct engine_source *source) {
    if (source->state) {
        source->methods->stop(source->state);
        source->methods->close(source->state);
        source->state = NULL;
        sgr_client_forget(source->engine->client, source);
    }
    for (size_t i = 0; source->relations && i < source->plan->table_count; i++) {
        sgr_fold_free(source->relations[i].fold);
        relation_fini(&source->relations[i].description);
        free(source->relations[i].name);
    }
    free(source->started_with);
    free(source->relations);
    free(source->epoch);
    source->relations = NULL;
    source->epoch = NULL;
}

void sgr__sources_close(struct sgr_engine *engine) {
    for (size_t i = 0; i < engine->source_count; i++)
        close_source(&engine->sources[i]);
    free(engine->sources);
    engine->sources = NULL;
    engine->source_count = 0;
}

struct sgr_node *sgr__source_table(void *data, size_t index, const char *table) {
    struct sgr_engine *engine = data;
    struct engine_source *source = &engine->sources[index];
    for (size_t i = 0; i < source->plan->table_count; i++) {
        struct engine_relation *relation = &source->relations[i];
        if (strcmp(relation->name, table) != 0)
            continue;
        if (!relation->fold) {
            char name[256];
            snprintf(name, sizeof(name), "%s.%s", source->plan->name, table);
            struct sgr_error error;
            if (sgr_fold_new(engine->graph, name, &relation->description, &relation->fold, &error))
                return NULL;
            if (source->eventual)
                sgr_fold_be_lenient(relation->fold);
        }
        return sgr_fold_node(relation->fold);
    }
    return NULL;
}

void sgr__sources_built(struct sgr_engine *engine) {
    for (size_t i = 0; i < engine->source_count; i++) {
        const struct engine_source *source = &engine->sources[i];
        for (size_t j = 0; j < source->plan->table_count; j++)
            if (source->relations[j].fold)
                sgr_fold_narrow(source->relations[j].fold);
    }
}

/* What no view reads of a table that only views read is not asked for, and may go. Rows of a table without a key are told apart by all. */
static int mark_unused(struct sgr_engine *engine, struct engine_relation *relation) {
    struct sgr_relation_column *columns = (void *)(uintptr_t)relation->description.columns;
    size_t key_count, count = relation->description.column_count;
    const struct sgr_node *node = relation->fold ? sgr_fold_node(relation->fold) : NULL;
    if (!node || sgr_node_is_input(node) || (sgr_node_key(node, &key_count), !key_count))
        return SGR_OK;
    bool *used = calloc(count + 1, sizeof(*used));
    if (!used)
        return SGR_ENOMEM;
    sgr_views_uses(engine->views, node, used);
    for (size_t i = 0; i < count; i++)
        columns[i].unused = !used[i] && !columns[i].key;
    free(used);
    return SGR_OK;
}

int sgr__source_start(struct engine_source *source, struct sgr_error *error) {
    size_t count = source->plan->table_count;
    source->started_with = calloc(count + 1, sizeof(*source->started_with));
    if (!source->started_with)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    for (size_t i = 0; i < count; i++) {
        source->started_with[i] = &source->relations[i].description;
        source->started_with[i]->host_data = &source->relations[i];
        if (mark_unused(source->engine, &source->relations[i]))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    }
    source->started = true;
    int code = source->methods->start(source->state, source->started_with, count, error);
    return code ? (sgr_error_context(error, "source %s", source->plan->name), code) : SGR_OK;
}
