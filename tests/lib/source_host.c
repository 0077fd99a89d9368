#include "source_host.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void trace_bytes(struct source_host *host, const char *text, size_t size) {
    if (host->tracing)
        source_text_add(&host->trace, &host->trace_size, &host->trace_capacity, text, size);
}

__attribute__((format(printf, 2, 3))) static void trace(struct source_host *host,
                                                        const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    trace_bytes(host, line, (size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1);
}

static void settle(struct source_host *host) {
    if (host->until && !host->done && host->until(host, host->until_data)) {
        host->done = true;
        sgr_loop_break(host->loop);
    }
}

__attribute__((format(printf, 2, 3))) static int broken(struct source_host *host,
                                                        const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(host->fault, sizeof(host->fault), format, args);
    va_end(args);
    fprintf(stderr, "source_host: %s\n", host->fault);
    host->faults++;
    return SGR_EINTERNAL;
}

/* ---- Common ---- */

static void host_log(void *data, enum sgr_log_level level, const char *format, ...) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    struct source_host *host = data;
    char line[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    source_text_add(&host->log, &host->log_size, &host->log_capacity, names[level],
                    strlen(names[level]));
    source_text_add(&host->log, &host->log_size, &host->log_capacity, " ", 1);
    source_text_add(&host->log, &host->log_size, &host->log_capacity, line, strlen(line));
    source_text_add(&host->log, &host->log_size, &host->log_capacity, "\n", 1);
}

static void *host_allocate(void *host, size_t size) {
    (void)host;
    return calloc(1, size);
}

static void *host_reallocate(void *host, void *old, size_t size) {
    (void)host;
    return realloc(old, size);
}

static void host_release(void *host, void *memory) {
    (void)host;
    free(memory);
}

static void host_count(void *host, const char *metric, int64_t add) {
    (void)host;
    (void)metric;
    (void)add;
}

/* ---- Folding ---- */

static struct source_table *find_table(struct source_host *host,
                                       const struct sgr_relation *relation) {
    if (relation->host_data)
        return relation->host_data;
    for (size_t i = 0; i < host->table_count; i++)
        if (strcmp(host->tables[i].relation.table, relation->table) == 0 &&
            strcmp(host->tables[i].relation.schema, relation->schema) == 0)
            return &host->tables[i];
    broken(host, "a relation that was never described: %s.%s", relation->schema, relation->table);
    return NULL;
}

/* ---- The source's host ---- */

static struct sgr_relation copy_relation(const struct sgr_relation *from) {
    struct sgr_relation to = *from;
    struct sgr_relation_column *columns = calloc(from->column_count + 1, sizeof(*columns));
    if (!columns)
        abort();
    for (size_t i = 0; i < from->column_count; i++) {
        columns[i] = from->columns[i];
        columns[i].name = strdup(from->columns[i].name);
        columns[i].type_name = strdup(from->columns[i].type_name);
    }
    to.schema = strdup(from->schema);
    to.table = strdup(from->table);
    to.columns = columns;
    return to;
}

static void host_described(void *data, const struct sgr_relation *relations, size_t count) {
    struct source_host *host = data;
    if (!host->tables) {
        host->tables = calloc(count + 1, sizeof(*host->tables));
        host->table_count = count;
        for (size_t i = 0; i < count; i++)
            host->tables[i].relation = copy_relation(&relations[i]);
    }
    host->described = true;
    settle(host);
}

static void host_state(void *data, enum sgr_source_state state, const struct sgr_error *error) {
    static const char *const names[] = {"connecting", "waiting", "snapshot",
                                        "streaming",  "down",    "failed"};
    struct source_host *host = data;
    host->phase = state;
    if (error)
        host->error = *error;
    trace(host, "state %s\n", names[state]);
    settle(host);
}

static int host_begin_snapshot(void *data, const char *epoch, struct sgr_error *error) {
    struct source_host *host = data;
    (void)error;
    if (host->in_snapshot || host->in_transaction)
        return broken(host, "begin_snapshot within a %s",
                      host->in_snapshot ? "snapshot" : "transaction");
    if (host->snapshots && strcmp(host->epoch, epoch) != 0)
        host->epochs++;
    snprintf(host->epoch, sizeof(host->epoch), "%s", epoch);
    for (size_t i = 0; i < host->table_count; i++)
        source_table_stash(&host->tables[i]);
    host->in_snapshot = true;
    host->rows_ended = false;
    trace(host, "snapshot %s\n", epoch);
    return SGR_OK;
}

static int host_snapshot_row(void *data, struct sgr_relation *relation,
                             const struct sgr_field *fields, struct sgr_error *error) {
    struct source_host *host = data;
    (void)error;
    struct source_table *table = find_table(host, relation);
    if (!table || !host->in_snapshot || host->rows_ended)
        return broken(host, "a snapshot's row without a snapshot, or behind its changes");
    char *row = source_row_text(relation, fields);
    trace(host, "row %s ", relation->table);
    trace_bytes(host, row, strlen(row));
    trace_bytes(host, "\n", 1);
    source_table_add(table, row);
    return SGR_OK;
}

static int host_end_snapshot(void *data, uint64_t lsn, struct sgr_error *error) {
    struct source_host *host = data;
    (void)error;
    if (!host->in_snapshot)
        return broken(host, "end_snapshot without a snapshot");
    for (size_t i = 0; i < host->table_count; i++)
        source_table_settle(&host->tables[i]);
    host->in_snapshot = false;
    host->snapshots++;
    host->position = lsn;
    trace(host, "snapshot end\n");
    if (host->ack)
        host->plugin->source->ack(host->state, lsn);
    settle(host);
    return SGR_OK;
}

static int host_begin(void *data, const struct sgr_transaction *transaction,
                      struct sgr_error *error) {
    struct source_host *host = data;
    (void)error;
    if (host->in_transaction || host->in_snapshot)
        return broken(host, "begin within a %s", host->in_snapshot ? "snapshot" : "transaction");
    host->in_transaction = true;
    trace(host, "begin %u\n", transaction->xid);
    return SGR_OK;
}

static void trace_change(struct source_host *host, const struct sgr_change *change, const char *old,
                         const char *row) {
    trace(host, "%c %s", change->kind, change->relation->table);
    if (old) {
        trace(host, " old %c ", change->old_kind);
        trace_bytes(host, old, strlen(old));
    }
    if (row) {
        trace_bytes(host, old ? " new " : " ", old ? 5 : 1);
        trace_bytes(host, row, strlen(row));
    }
    trace_bytes(host, "\n", 1);
}

static int host_change(void *data, const struct sgr_change *change, struct sgr_error *error) {
    struct source_host *host = data;
    struct source_table *table = find_table(host, change->relation);
    if (!table || !(host->in_transaction || (host->eventual && host->in_snapshot)))
        return broken(host, "a change outside of a transaction");
    host->rows_ended = true;
    char *old = change->old_fields ? source_row_text(change->relation, change->old_fields) : NULL;
    char *row = change->new_fields ? source_row_text(change->relation, change->new_fields) : NULL;
    trace_change(host, change, old, row);
    struct source_fault fault;
    int code = source_table_fold(table, change->kind, old, row, host->eventual != NULL, &fault);
    if (code == SGR_EINTERNAL)
        broken(host, "%s", fault.text);
    else if (code)
        trace(host, "refused %s\n", sgr_error_name(code));
    free(old);
    free(row);
    host->changes++;
    if (code && error)
        sgr_error_set(error, code, "the change was refused");
    return code;
}

static int host_commit(void *data, const struct sgr_transaction *transaction,
                       struct sgr_error *error) {
    struct source_host *host = data;
    (void)error;
    if (!host->in_transaction)
        return broken(host, "commit without begin");
    if (transaction->end_lsn <= host->position)
        return broken(host, "positions do not grow");
    host->in_transaction = false;
    host->position = transaction->end_lsn;
    host->commits++;
    trace(host, "commit %u\n", transaction->xid);
    if (host->ack)
        host->plugin->source->ack(host->state, transaction->end_lsn);
    if (host->pause_on_commit)
        host->plugin->source->pause(host->state);
    settle(host);
    return SGR_OK;
}

static void host_abort(void *data) {
    struct source_host *host = data;
    for (size_t i = 0; i < host->table_count && host->in_snapshot; i++)
        source_table_restore(&host->tables[i]);
    host->in_transaction = host->in_snapshot = false;
    trace(host, "abort\n");
}

static void host_advance(void *data, uint64_t lsn) {
    struct source_host *host = data;
    if (host->ack)
        host->plugin->source->ack(host->state, lsn);
    settle(host);
}

static struct sgr_watch *host_watch(void *data, int descriptor, unsigned events,
                                    void (*ready)(void *, unsigned), void *ready_data) {
    struct source_host *host = data;
    return sgr_watch_new(host->loop, descriptor, events, ready, ready_data);
}

bool source_host_impatient;

static void host_timer_arm(struct sgr_timer *timer, int64_t microseconds) {
    if (source_host_impatient && microseconds > 1000000)
        sgr_timer_cancel(timer);
    else
        sgr_timer_arm(timer, microseconds);
}

static struct sgr_timer *host_timer(void *data, void (*fired)(void *), void *fired_data) {
    struct source_host *host = data;
    return sgr_timer_new(host->loop, fired, fired_data);
}

static int64_t host_now(void *data) {
    struct source_host *host = data;
    return sgr_loop_now(host->loop);
}

static int64_t host_wall_clock(void *host) {
    struct timespec now;
    (void)host;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((int64_t)now.tv_sec - 946684800) * 1000000 + now.tv_nsec / 1000;
}

static uint64_t host_random(void *host) {
    (void)host;
    return (uint64_t)random() << 31 ^ (uint64_t)random();
}

static const char *host_source_name(void *host) {
    (void)host;
    return "app";
}

static int host_parse_type(void *host, const char *name, struct sgr_relation_column *ret,
                           struct sgr_error *error) {
    static const struct {
        const char *name, *type_name;
        enum sgr_type type, element;
    } types[] = {{"int", "int4", SGR_INT4, 0},           {"text", "text", SGR_TEXT, 0},
                 {"bool", "bool", SGR_BOOL, 0},          {"jsonb", "jsonb", SGR_JSONB, 0},
                 {"float", "float8", SGR_FLOAT8, 0},     {"text[]", "_text", SGR_ARRAY, SGR_TEXT},
                 {"int[]", "_int4", SGR_ARRAY, SGR_INT4}};
    (void)host;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) != 0)
            continue;
        ret->type = types[i].type;
        ret->element = types[i].element;
        ret->type_name = types[i].type_name;
        ret->type_modifier = -1;
        return SGR_OK;
    }
    return sgr_error_set(error, SGR_EPARSE, "no type %s", name);
}

static enum sgr_collation host_collation(void *host, char provider, const char *name,
                                         const char *version) {
    (void)host;
    (void)provider;
    (void)version;
    bool bytewise =
        strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0 || strcmp(name, "C.UTF-8") == 0;
    return bytewise ? SGR_COLLATION_C : SGR_COLLATION_UNKNOWN;
}

/* When a source follows its changes. */
static void host_flowing(void *data, const struct sgr_position *position, const char *gap) {
    struct source_host *host = data;
    (void)position;
    trace(host, "flowing%s%s\n", gap ? " " : "", gap ? gap : "");
    settle(host);
}

static void host_log_end(void *host, uint64_t lsn) {
    (void)host;
    (void)lsn;
}

static struct sgr_http *host_http(void *data, const struct sgr_http_request *request,
                                  void (*done)(void *data, const struct sgr_http_answer *answer),
                                  void *done_data) {
    struct source_host *host = data;
    return sgr_client_http(host->client, host, request, done, done_data);
}

static struct sgr_websocket *host_websocket(void *data, const struct sgr_websocket_open *open,
                                            const struct sgr_websocket_callbacks *callbacks,
                                            void *callbacks_data) {
    struct source_host *host = data;
    return sgr_client_websocket(host->client, host, open, callbacks, callbacks_data);
}

static const struct sgr_client_methods client_table = {
    .http = host_http,
    .http_cancel = sgr_client_http_cancel,
    .websocket = host_websocket,
    .websocket_send = sgr_client_websocket_send,
    .websocket_close = sgr_client_websocket_close,
};

static const struct sgr_source_host table = {
    .common = {sizeof(struct sgr_source_host), host_log, host_allocate, host_reallocate,
               host_release, host_count},
    .described = host_described,
    .state = host_state,
    .begin_snapshot = host_begin_snapshot,
    .snapshot_row = host_snapshot_row,
    .end_snapshot = host_end_snapshot,
    .begin = host_begin,
    .change = host_change,
    .commit = host_commit,
    .abort = host_abort,
    .advance = host_advance,
    .watch = host_watch,
    .watch_change = sgr_watch_change,
    .watch_free = sgr_watch_free,
    .timer = host_timer,
    .timer_arm = host_timer_arm,
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

/* ---- For tests ---- */

static void wake(void *data) {
    sgr_loop_wake(data);
}

static void on_wake(void *data) {
    sgr_client_dispatch(((struct source_host *)data)->client);
}

static const struct sgr_plugin *load(const char *name) {
    char path[1024];
    const char *folder = getenv("SANGRE_PLUGIN_DIR");
    snprintf(path, sizeof(path), "%s/sangre-source-%s.so", folder ? folder : ".", name);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct sgr_plugin *plugin = library ? dlsym(library, SGR_PLUGIN_SYMBOL) : NULL;
    if (!plugin) {
        fprintf(stderr, "cannot load %s: %s\n", path, dlerror());
        abort();
    }
    return plugin;
}

struct source_host *source_host_open(const char *plugin_name, const void *options,
                                     bool virtual_time, struct sgr_error *error) {
    struct source_host *host = calloc(1, sizeof(*host));
    if (!host)
        abort();
    host->plugin = load(plugin_name);
    host->loop = sgr_loop_new(virtual_time);
    host->client = sgr_client_new(wake, host->loop);
    sgr_loop_on_wake(host->loop, on_wake, host);
    host->tracing = host->ack = true;
    source_host_clear_trace(host);
    source_text_add(&host->log, &host->log_size, &host->log_capacity, "", 0);
    const struct sgr_source_methods *methods = host->plugin->source;
    if (methods->open(&table, host, options, &host->state, error)) {
        source_host_free(host);
        return NULL;
    }
    bool says = host->plugin->methods_size > offsetof(struct sgr_source_methods, eventual);
    if (says && methods->eventual)
        host->eventual = methods->eventual(host->state);
    return host;
}

struct source_host *source_host_new(const char *plugin_name, const void *options,
                                    bool virtual_time) {
    struct sgr_error error = {0};
    struct source_host *host = source_host_open(plugin_name, options, virtual_time, &error);
    if (host)
        return host;
    fprintf(stderr, "open: %s (%s)\n", error.message, error.context);
    abort();
}

void source_host_free(struct source_host *host) {
    if (!host)
        return;
    host->until = NULL;
    if (host->state) {
        host->plugin->source->stop(host->state);
        host->plugin->source->close(host->state);
    }
    for (size_t i = 0; i < host->table_count; i++)
        source_table_fini(&host->tables[i]);
    free(host->tables);
    sgr_client_free(host->client);
    sgr_loop_free(host->loop);
    free(host->trace);
    free(host->log);
    free(host);
}

static void time_is_up(void *data) {
    struct source_host *host = data;
    host->timed_out = true;
    sgr_loop_break(host->loop);
}

bool source_host_wait(struct source_host *host, bool (*until)(struct source_host *, void *),
                      void *data, double seconds) {
    if (until(host, data))
        return true;
    struct sgr_timer *timer = sgr_timer_new(host->loop, time_is_up, host);
    sgr_timer_arm(timer, (int64_t)(seconds * 1e6));
    host->until = until;
    host->until_data = data;
    host->done = host->timed_out = false;
    while (!host->done && !host->timed_out)
        sgr_loop_run(host->loop);
    host->until = NULL;
    sgr_timer_free(timer);
    return host->done;
}

bool source_host_streaming(struct source_host *host, void *unused) {
    (void)unused;
    return host->phase == SGR_SOURCE_STREAMING;
}

bool source_host_failed(struct source_host *host, void *unused) {
    (void)unused;
    return host->phase == SGR_SOURCE_FAILED;
}

static bool answered(struct source_host *host, void *unused) {
    return host->described || source_host_failed(host, unused);
}

bool source_host_describe(struct source_host *host, const char *const *names, size_t count) {
    struct sgr_error error;
    host->described = false;
    if (host->plugin->source->describe(host->state, names, count, &error))
        return false;
    source_host_wait(host, answered, NULL, 120);
    return host->described;
}

void source_host_start(struct source_host *host) {
    struct sgr_error error = {0};
    struct sgr_relation **relations = calloc(host->table_count + 1, sizeof(*relations));
    for (size_t i = 0; relations && i < host->table_count; i++) {
        relations[i] = &host->tables[i].relation;
        relations[i]->host_data = &host->tables[i];
    }
    if (!relations ||
        host->plugin->source->start(host->state, relations, host->table_count, &error)) {
        fprintf(stderr, "start: %s\n", error.message);
        abort();
    }
    free(relations);
}

static int compare_rows(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *source_host_rows(struct source_host *host, const char *name) {
    char *text = NULL;
    size_t size = 0, capacity = 0;
    source_text_add(&text, &size, &capacity, "", 0);
    for (size_t i = 0; i < host->table_count; i++) {
        struct source_table *entry = &host->tables[i];
        if (strcmp(entry->relation.table, name) != 0)
            continue;
        if (entry->row_count)
            qsort(entry->rows, entry->row_count, sizeof(*entry->rows), compare_rows);
        for (size_t j = 0; j < entry->row_count; j++) {
            source_text_add(&text, &size, &capacity, entry->rows[j], strlen(entry->rows[j]));
            source_text_add(&text, &size, &capacity, "\n", 1);
        }
    }
    return text;
}

void source_host_clear_trace(struct source_host *host) {
    host->trace_size = 0;
    source_text_add(&host->trace, &host->trace_size, &host->trace_capacity, "", 0);
}
