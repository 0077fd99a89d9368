#include "source_host.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void append(char **text, size_t *size, size_t *capacity, const char *more,
                   size_t more_size) {
    if (*size + more_size + 1 > *capacity) {
        *capacity = (*size + more_size + 1) * 2;
        *text = realloc(*text, *capacity);
        if (!*text)
            abort();
    }
    memcpy(*text + *size, more, more_size);
    *size += more_size;
    (*text)[*size] = '\0';
}

static void trace_bytes(struct source_host *host, const char *text, size_t size) {
    if (host->tracing)
        append(&host->trace, &host->trace_size, &host->trace_capacity, text, size);
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
    append(&host->log, &host->log_size, &host->log_capacity, names[level], strlen(names[level]));
    append(&host->log, &host->log_size, &host->log_capacity, " ", 1);
    append(&host->log, &host->log_size, &host->log_capacity, line, strlen(line));
    append(&host->log, &host->log_size, &host->log_capacity, "\n", 1);
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

static char *row_text(const struct sgr_relation *relation, const struct sgr_field *fields) {
    char *text = NULL;
    size_t size = 0, capacity = 0;
    append(&text, &size, &capacity, "", 0);
    for (size_t i = 0; i < relation->column_count; i++) {
        if (i)
            append(&text, &size, &capacity, "|", 1);
        if (fields[i].kind == SGR_FIELD_TEXT)
            append(&text, &size, &capacity, fields[i].data, fields[i].size);
        else
            append(&text, &size, &capacity, fields[i].kind == SGR_FIELD_NULL ? "~" : "=", 1);
    }
    return text;
}

/* Start and size of the column's text within a row text. */
static const char *cell(const char *row, size_t column, size_t *ret_size) {
    for (; column; column--) {
        row = strchr(row, '|');
        if (!row)
            abort();
        row++;
    }
    const char *end = strchr(row, '|');
    *ret_size = end ? (size_t)(end - row) : strlen(row);
    return row;
}

static bool keyed(const struct sgr_relation *relation) {
    for (size_t i = 0; i < relation->column_count; i++)
        if (relation->columns[i].key)
            return true;
    return false;
}

static bool same_key(const struct sgr_relation *relation, const char *a, const char *b) {
    bool all = !keyed(relation);
    for (size_t i = 0; i < relation->column_count; i++) {
        size_t a_size, b_size;
        if (!all && !relation->columns[i].key)
            continue;
        const char *x = cell(a, i, &a_size), *y = cell(b, i, &b_size);
        if (a_size != b_size || memcmp(x, y, a_size) != 0)
            return false;
    }
    return true;
}

static size_t find_row(const struct source_table *table, const char *row) {
    for (size_t i = table->row_count; i-- > 0;)
        if (same_key(&table->relation, table->rows[i], row))
            return i;
    return SIZE_MAX;
}

static void add_row(struct source_table *table, char *row) {
    if (table->row_count == table->row_capacity) {
        table->row_capacity = table->row_capacity * 2 + 16;
        table->rows = realloc(table->rows, table->row_capacity * sizeof(*table->rows));
        if (!table->rows)
            abort();
    }
    table->rows[table->row_count++] = row;
}

static char *take_row(struct source_table *table, size_t i) {
    char *row = table->rows[i];
    table->rows[i] = table->rows[--table->row_count];
    return row;
}

static void clear_rows(struct source_table *table) {
    for (size_t i = 0; i < table->row_count; i++)
        free(table->rows[i]);
    table->row_count = 0;
}

/* Fills "=" cells from the row that is there. */
static char *complete(const struct sgr_relation *relation, const char *row, const char *before) {
    char *text = NULL;
    size_t size = 0, capacity = 0, cell_size;
    append(&text, &size, &capacity, "", 0);
    for (size_t i = 0; i < relation->column_count; i++) {
        const char *value = cell(row, i, &cell_size);
        if (cell_size == 1 && *value == '=')
            value = cell(before, i, &cell_size);
        if (i)
            append(&text, &size, &capacity, "|", 1);
        append(&text, &size, &capacity, value, cell_size);
    }
    return text;
}

static int fold_insert(struct source_host *host, struct source_table *table, const char *row) {
    if (keyed(&table->relation) && find_row(table, row) != SIZE_MAX)
        return broken(host, "%s: inserted twice: %.100s", table->relation.table, row);
    add_row(table, strdup(row));
    return SGR_OK;
}

static int fold_update(struct source_host *host, struct source_table *table, const char *old,
                       const char *row) {
    size_t i = find_row(table, old ? old : row);
    if (i == SIZE_MAX)
        return broken(host, "%s: update of an unknown row: %.100s", table->relation.table,
                      old ? old : row);
    char *before = take_row(table, i);
    add_row(table, complete(&table->relation, row, before));
    free(before);
    return SGR_OK;
}

static int fold_delete(struct source_host *host, struct source_table *table, const char *old) {
    size_t i = find_row(table, old);
    if (i == SIZE_MAX)
        return broken(host, "%s: delete of an unknown row: %.100s", table->relation.table, old);
    free(take_row(table, i));
    return SGR_OK;
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
    for (size_t i = 0; i < host->table_count; i++)
        clear_rows(&host->tables[i]);
    host->in_snapshot = true;
    trace(host, "snapshot %s\n", epoch);
    return SGR_OK;
}

static int host_snapshot_row(void *data, struct sgr_relation *relation,
                             const struct sgr_field *fields, struct sgr_error *error) {
    struct source_host *host = data;
    (void)error;
    struct source_table *table = find_table(host, relation);
    if (!table || !host->in_snapshot)
        return broken(host, "a snapshot's row without a snapshot");
    char *row = row_text(relation, fields);
    trace(host, "row %s ", relation->table);
    trace_bytes(host, row, strlen(row));
    trace_bytes(host, "\n", 1);
    add_row(table, row);
    return SGR_OK;
}

static int host_end_snapshot(void *data, uint64_t lsn, struct sgr_error *error) {
    struct source_host *host = data;
    (void)error;
    if (!host->in_snapshot)
        return broken(host, "end_snapshot without a snapshot");
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
    (void)error;
    struct source_table *table = find_table(host, change->relation);
    if (!table || !host->in_transaction)
        return broken(host, "a change outside of a transaction");
    char *old = change->old_fields ? row_text(change->relation, change->old_fields) : NULL;
    char *row = change->new_fields ? row_text(change->relation, change->new_fields) : NULL;
    trace_change(host, change, old, row);
    int code = SGR_OK;
    if (change->kind == SGR_INSERT)
        code = fold_insert(host, table, row);
    else if (change->kind == SGR_UPDATE)
        code = fold_update(host, table, old, row);
    else if (change->kind == SGR_DELETE)
        code = fold_delete(host, table, old);
    else
        clear_rows(table);
    free(old);
    free(row);
    host->changes++;
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
    .timer_arm = sgr_timer_arm,
    .timer_cancel = sgr_timer_cancel,
    .timer_free = sgr_timer_free,
    .now = host_now,
    .wall_clock = host_wall_clock,
    .random = host_random,
    .source_name = host_source_name,
    .parse_type = host_parse_type,
    .collation = host_collation,
};

/* ---- For tests ---- */

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
    host->tracing = host->ack = true;
    source_host_clear_trace(host);
    append(&host->log, &host->log_size, &host->log_capacity, "", 0);
    if (host->plugin->source->open(&table, host, options, &host->state, error) == 0)
        return host;
    source_host_free(host);
    return NULL;
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
    for (size_t i = 0; i < host->table_count; i++) {
        struct source_table *entry = &host->tables[i];
        clear_rows(entry);
        free(entry->rows);
        for (size_t j = 0; j < entry->relation.column_count; j++) {
            free((char *)entry->relation.columns[j].name);
            free((char *)entry->relation.columns[j].type_name);
        }
        free((void *)entry->relation.columns);
        free((char *)entry->relation.schema);
        free((char *)entry->relation.table);
    }
    free(host->tables);
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
    append(&text, &size, &capacity, "", 0);
    for (size_t i = 0; i < host->table_count; i++) {
        struct source_table *entry = &host->tables[i];
        if (strcmp(entry->relation.table, name) != 0)
            continue;
        if (entry->row_count)
            qsort(entry->rows, entry->row_count, sizeof(*entry->rows), compare_rows);
        for (size_t j = 0; j < entry->row_count; j++) {
            append(&text, &size, &capacity, entry->rows[j], strlen(entry->rows[j]));
            append(&text, &size, &capacity, "\n", 1);
        }
    }
    return text;
}

void source_host_clear_trace(struct source_host *host) {
    host->trace_size = 0;
    append(&host->trace, &host->trace_size, &host->trace_capacity, "", 0);
}
