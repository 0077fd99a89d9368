/* The memory source: tables declared in the config, with rows from there, from files of JSON lines, or growing by a timer.
 *
 * One timer carries everything: a turn emits a slice of the snapshot, or one transaction of the replay, or ends. Tables that grow have a
 * timer each. Transaction n has xid n and ends at LSN n × 256, so runs are equal whenever their timers are.
 * Engine's thread. */
#include <sangre/nearest.h>
#include <stdlib.h>

#include "field.h"
#include "replay.h"

enum { ROWS_A_TURN = 4096, LSN_A_TRANSACTION = 256, EPOCH_SIZE = 40 };

struct options {
    const char *tables;
};

struct growth { /* one table's timer */
    struct source *source;
    struct memory_table *table;
    struct sgr_timer *timer;
    bool held; /* fell due while paused */
};

struct source {
    const struct sgr_source_host *host;
    void *host_data;
    json_t *json;
    struct memory_table *tables;
    struct growth *growths; /* by table */
    size_t table_count;
    struct memory_replay replay;
    struct memory_row row, old;
    struct sgr_timer *turn;
    const char **wanted; /* names describe was asked for; owned */
    size_t wanted_count;
    size_t table, next_row; /* where the snapshot is */
    uint32_t xid;           /* of the last transaction */
    enum { IDLE, BEGINNING, SNAPSHOT, STREAMING, ENDED } phase;
    bool loaded, paused;
    bool waiting;             /* for the time a wait names */
    bool following, checking; /* its changes alone are wanted; or only whether they can be had */
    bool open;                /* a transaction was begun, and a pause came in between */
    struct sgr_transaction transaction; /* that */
};

static void fail(struct source *source, struct sgr_error *error) {
    source->phase = ENDED;
    source->host->state(source->host_data, SGR_SOURCE_FAILED, error);
}

/* ---- Transactions ---- */

static struct sgr_transaction next_transaction(struct source *source) {
    uint64_t end = (uint64_t)(source->xid + 1) * LSN_A_TRANSACTION;
    return (struct sgr_transaction){.xid = source->xid + 1,
                                    .commit_lsn = end - LSN_A_TRANSACTION / 2,
                                    .end_lsn = end,
                                    .commit_time = source->host->wall_clock(source->host_data)};
}

static bool covers_all(const struct sgr_relation *relation, const struct sgr_field *fields) {
    for (size_t i = 0; i < relation->column_count; i++)
        if (fields[i].kind == SGR_FIELD_UNCHANGED)
            return false;
    return true;
}

/* An old row with every column is a full one; otherwise it is a key, and the rest of it is null. */
static int read_old(struct source *source, const struct memory_operation *operation,
                    struct sgr_relation *relation, struct sgr_change *change,
                    struct sgr_error *error) {
    int code =
        memory_row_read(&source->old, relation, operation->old, SGR_FIELD_UNCHANGED, -1, error);
    if (code)
        return code;
    bool keyed = relation->identity != SGR_IDENTITY_FULL,
         full = covers_all(relation, source->old.fields);
    if (!keyed && !full)
        return sgr_error_set(error, SGR_ECONFIG,
                             "table %s has no key: its old rows need every column",
                             relation->table);
    change->old_kind = full ? SGR_OLD_FULL : SGR_OLD_KEY;
    change->old_fields = source->old.fields;
    for (size_t i = 0; !full && i < relation->column_count; i++)
        if (!relation->columns[i].key)
            source->old.fields[i] = (struct sgr_field){.kind = SGR_FIELD_NULL};
    return SGR_OK;
}

static int emit_change(struct source *source, const struct memory_operation *operation,
                       struct sgr_error *error) {
    struct sgr_relation *relation = source->tables[operation->table].relation;
    if (!relation)
        return SGR_OK;
    struct sgr_change change = {.kind = operation->kind, .relation = relation};
    int code = SGR_OK;
    if (operation->row) {
        enum sgr_field_kind missing =
            operation->kind == SGR_UPDATE ? SGR_FIELD_UNCHANGED : SGR_FIELD_NULL;
        code = memory_row_read(&source->row, relation, operation->row, missing, -1, error);
        change.new_fields = source->row.fields;
    }
    if (!code && operation->old)
        code = read_old(source, operation, relation, &change, error);
    return code ? code : source->host->change(source->host_data, &change, error);
}

static int begin(struct source *source, struct sgr_error *error) {
    if (source->open)
        return SGR_OK;
    source->open = true;
    source->transaction = next_transaction(source);
    return source->host->begin(source->host_data, &source->transaction, error);
}

/* Whole, unless we follow and are paused on the way. */
static int emit_operations(struct source *source, struct sgr_error *error) {
    struct memory_replay *replay = &source->replay;
    int code = begin(source, error);
    for (; !code && replay->operations[replay->next].what != MEMORY_COMMIT; replay->next++) {
        if (source->following && source->paused)
            return SGR_OK;
        if (replay->operations[replay->next].what == MEMORY_CHANGE)
            code = emit_change(source, &replay->operations[replay->next], error);
    }
    source->open = false;
    if (!code) {
        source->xid++;
        replay->next++;
        return source->host->commit(source->host_data, &source->transaction, error);
    }
    source->host->abort(source->host_data);
    return code;
}

/* One transaction, or a wait before it. */
static void release_growth(struct source *source) {
    for (size_t i = 0; !source->open && i < source->table_count; i++) {
        if (source->growths[i].held)
            source->host->timer_arm(source->growths[i].timer, 0);
        source->growths[i].held = false;
    }
}

static void replay_turn(struct source *source) {
    struct memory_replay *replay = &source->replay;
    struct sgr_error error;
    if (replay->next == replay->count)
        return;
    struct memory_operation *operation = &replay->operations[replay->next];
    if (operation->what == MEMORY_WAIT) {
        source->waiting = true;
        replay->next++;
        source->host->timer_arm(source->turn, operation->wait);
        return;
    }
    if (emit_operations(source, &error))
        fail(source, &error);
    else if (!source->paused)
        source->host->timer_arm(source->turn, 0);
    release_growth(source);
}

/* ---- Growth ---- */

static int emit_grown(struct growth *growth, struct sgr_error *error) {
    struct source *source = growth->source;
    struct memory_table *table = growth->table;
    int code = memory_row_read(&source->row, table->relation, table->grow.row, SGR_FIELD_NULL,
                               table->grow.next, error);
    if (code)
        return code;
    struct sgr_transaction transaction = next_transaction(source);
    struct sgr_change change = {
        .kind = SGR_INSERT, .relation = table->relation, .new_fields = source->row.fields};
    code = source->host->begin(source->host_data, &transaction, error);
    if (!code)
        code = source->host->change(source->host_data, &change, error);
    if (code) {
        source->host->abort(source->host_data);
        return code;
    }
    source->xid++;
    table->grow.next++;
    table->grown++;
    return source->host->commit(source->host_data, &transaction, error);
}

static void grow(void *data) {
    struct growth *growth = data;
    struct source *source = growth->source;
    struct memory_table *table = growth->table;
    struct sgr_error error;
    if (source->phase != STREAMING)
        return;
    growth->held = source->paused || source->open;
    if (growth->held)
        return;
    if (emit_grown(growth, &error))
        fail(source, &error);
    else if (!table->grow.count || table->grown < table->grow.count)
        source->host->timer_arm(growth->timer, table->grow.every);
}

static int start_growing(struct source *source, struct sgr_error *error) {
    for (size_t i = 0; i < source->table_count; i++) {
        struct growth *growth = &source->growths[i];
        *growth = (struct growth){.source = source, .table = &source->tables[i]};
        if (!growth->table->relation || !growth->table->grow.every)
            continue;
        growth->timer = source->host->timer(source->host_data, grow, growth);
        if (!growth->timer)
            return sgr_error_set(error, SGR_ENOMEM, "out of memory for a timer");
        source->host->timer_arm(growth->timer, growth->table->grow.every);
    }
    return SGR_OK;
}

/* ---- Snapshot ---- */

static int emit_row(struct source *source, struct memory_table *table, struct sgr_error *error) {
    const json_t *json = json_array_get(table->rows, source->next_row);
    int code = memory_row_read(&source->row, table->relation, json, SGR_FIELD_NULL, -1, error);
    if (!code)
        code = source->host->snapshot_row(source->host_data, table->relation, source->row.fields,
                                          error);
    if (code)
        sgr_error_context(error, "row %zu of table %s", source->next_row + 1,
                          table->description.table);
    source->next_row++;
    return code;
}

static void leave_table(struct source *source, struct memory_table *table) {
    if (table->grow.next < 0)
        table->grow.next = (int64_t)json_array_size(table->rows) + 1;
    json_decref(table->rows);
    table->rows = NULL;
    source->table++;
    source->next_row = 0;
}

static int emit_slice(struct source *source, struct sgr_error *error) {
    for (size_t n = 0; n < ROWS_A_TURN && source->table < source->table_count;) {
        struct memory_table *table = &source->tables[source->table];
        if (!table->relation || source->next_row == json_array_size(table->rows)) {
            leave_table(source, table);
            continue;
        }
        int code = emit_row(source, table, error);
        if (code)
            return code;
        n++;
    }
    return SGR_OK;
}

static void snapshot_turn(struct source *source) {
    struct sgr_error error;
    int code = emit_slice(source, &error);
    if (!code && source->table == source->table_count) {
        source->phase = STREAMING;
        code = source->host->end_snapshot(source->host_data, 0, &error);
        if (!code)
            code = start_growing(source, &error);
        if (!code)
            source->host->state(source->host_data, SGR_SOURCE_STREAMING, NULL);
    }
    if (code)
        fail(source, &error);
    else
        source->host->timer_arm(source->turn, 0);
}

static void write_epoch(const struct source *source, char *epoch) {
    snprintf(epoch, EPOCH_SIZE, "memory/%016llx", (unsigned long long)source->replay.hash);
}

static void begin_snapshot(struct source *source) {
    char epoch[EPOCH_SIZE];
    struct sgr_error error;
    write_epoch(source, epoch);
    source->phase = SNAPSHOT;
    source->host->state(source->host_data, SGR_SOURCE_SNAPSHOT, NULL);
    if (source->host->begin_snapshot(source->host_data, epoch, &error))
        fail(source, &error);
    else
        source->host->timer_arm(source->turn, 0);
}

/* ---- Describing ---- */

static struct memory_table *find_table(struct source *source, const char *name,
                                       struct sgr_error *error) {
    const char *nearest = NULL;
    for (size_t i = 0; i < source->table_count; i++) {
        if (memory_table_named(&source->tables[i], name))
            return &source->tables[i];
        sgr_name_nearer(name, source->tables[i].description.table, &nearest);
    }
    sgr_error_set(error, SGR_ENOTFOUND, "no table %s is declared%s%s%s", name,
                  nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    return NULL;
}

static int answer(struct source *source, struct sgr_error *error) {
    struct sgr_relation *relations = calloc(source->wanted_count + 1, sizeof(*relations));
    if (!relations)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a description");
    for (size_t i = 0; i < source->wanted_count; i++) {
        struct memory_table *table = find_table(source, source->wanted[i], error);
        if (!table) {
            free(relations);
            return error->code;
        }
        relations[i] = table->description;
    }
    source->host->described(source->host_data, relations, source->wanted_count);
    free(relations);
    return SGR_OK;
}

static void forget_wanted(struct source *source) {
    for (size_t i = 0; i < source->wanted_count; i++)
        free((char *)source->wanted[i]);
    free(source->wanted);
    source->wanted = NULL;
    source->wanted_count = 0;
}

static void describe_turn(struct source *source) {
    struct sgr_error error;
    int code = SGR_OK;
    if (!source->loaded)
        code = memory_replay_load(&source->replay, source->tables, source->table_count, &error);
    source->loaded = true;
    if (!code)
        code = answer(source, &error);
    forget_wanted(source);
    if (code)
        fail(source, &error);
}

/* ---- Following ---- */

/* The snapshot's rows are no changes. */
static int begin_following(struct source *source, struct sgr_error *error) {
    int code = memory_replay_load(&source->replay, source->tables, source->table_count, error);
    source->loaded = true;
    for (size_t i = 0; !code && i < source->table_count; i++) {
        source->tables[i].relation = &source->tables[i].description;
        leave_table(source, &source->tables[i]);
    }
    return code;
}

static void follow_turn(struct source *source) {
    char epoch[EPOCH_SIZE];
    struct sgr_error error;
    int code = begin_following(source, &error);
    write_epoch(source, epoch);
    source->phase = source->checking ? ENDED : STREAMING;
    if (!code) {
        source->host->state(source->host_data, SGR_SOURCE_STREAMING, NULL);
        source->host->flowing(source->host_data, &(struct sgr_position){.epoch = epoch}, NULL);
        code = source->checking ? SGR_OK : start_growing(source, &error);
    }
    if (code)
        fail(source, &error);
    else if (!source->checking)
        source->host->timer_arm(source->turn, 0);
}

static void turn(void *data) {
    struct source *source = data;
    source->waiting = false;
    if (source->wanted)
        describe_turn(source);
    if (source->phase == BEGINNING && source->following) {
        follow_turn(source);
        return;
    }
    if (source->phase == BEGINNING)
        begin_snapshot(source);
    else if (source->phase == SNAPSHOT)
        snapshot_turn(source);
    else if (source->phase == STREAMING && !source->paused)
        replay_turn(source);
}

/* ---- The contract ---- */

static void memory_close(void *state) {
    struct source *source = state;
    for (size_t i = 0; i < source->table_count; i++) {
        source->host->timer_free(source->growths[i].timer);
        memory_table_fini(&source->tables[i]);
    }
    source->host->timer_free(source->turn);
    forget_wanted(source);
    memory_replay_fini(&source->replay);
    memory_row_fini(&source->row);
    memory_row_fini(&source->old);
    free(source->tables);
    free(source->growths);
    json_decref(source->json);
    free(source);
}

static int read_tables(struct source *source, const char *text, struct sgr_error *error) {
    json_error_t fault;
    source->json = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
    if (!source->json || !json_object_size(source->json))
        return sgr_error_set(error, SGR_ECONFIG,
                             "tables is { name: { columns: { … }, rows: [ … ] }, … }%s%s",
                             source->json ? "" : ": ", source->json ? "" : fault.text);
    source->tables = calloc(json_object_size(source->json), sizeof(*source->tables));
    source->growths = calloc(json_object_size(source->json), sizeof(*source->growths));
    if (!source->tables || !source->growths)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for tables");
    const char *name;
    json_t *declaration;
    json_object_foreach(source->json, name, declaration) {
        int code = memory_table_init(&source->tables[source->table_count], source->host,
                                     source->host_data, name, declaration, error);
        if (code)
            return code;
        source->table_count++;
    }
    return SGR_OK;
}

static int memory_open(const struct sgr_source_host *host, void *host_data, const void *options,
                       void **ret_state, struct sgr_error *error) {
    const struct options *given = options;
    struct source *source = calloc(1, sizeof(*source));
    if (!source)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a source");
    source->host = host;
    source->host_data = host_data;
    source->replay.hash = memory_hash(0xcbf29ce484222325u, given->tables);
    int code = read_tables(source, given->tables, error);
    if (!code && !(source->turn = host->timer(host_data, turn, source)))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a timer");
    if (code)
        memory_close(source);
    else
        *ret_state = source;
    return code;
}

static int memory_describe(void *state, const char *const *tables, size_t count,
                           struct sgr_error *error) {
    struct source *source = state;
    forget_wanted(source);
    source->wanted = calloc(count + 1, sizeof(*source->wanted));
    for (size_t i = 0; source->wanted && i < count; i++) {
        source->wanted[i] = strdup(tables[i]);
        if (!source->wanted[i])
            break;
        source->wanted_count++;
    }
    if (source->wanted_count < count || !source->wanted) {
        forget_wanted(source);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a description");
    }
    source->host->timer_arm(source->turn, 0);
    return SGR_OK;
}

static int memory_start(void *state, struct sgr_relation *const *relations, size_t count,
                        struct sgr_error *error) {
    struct source *source = state;
    if (source->phase != IDLE)
        return sgr_error_set(error, SGR_EINVAL, "the source was started before");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < source->table_count; j++)
            if (strcmp(relations[i]->table, source->tables[j].description.table) == 0 &&
                strcmp(relations[i]->schema, source->tables[j].description.schema) == 0)
                source->tables[j].relation = relations[i];
    source->phase = BEGINNING;
    source->host->timer_arm(source->turn, 0);
    return SGR_OK;
}

/* Tables are what the config declares, so their names stay. */
static int memory_limit(void *state, const char *const *tables, size_t count,
                        struct sgr_error *error) {
    for (size_t i = 0; i < count; i++)
        if (!find_table(state, tables[i], error))
            return SGR_ENOTFOUND;
    return SGR_OK;
}

static int memory_follow(void *state, bool check, struct sgr_error *error) {
    struct source *source = state;
    if (source->phase != IDLE)
        return sgr_error_set(error, SGR_EINVAL, "the source was started before");
    source->following = true;
    source->checking = check;
    source->phase = BEGINNING;
    source->host->timer_arm(source->turn, 0);
    return SGR_OK;
}

static void memory_pause(void *state) {
    struct source *source = state;
    source->paused = true;
}

static void memory_resume(void *state) {
    struct source *source = state;
    source->paused = false;
    if (source->phase != STREAMING)
        return;
    if (!source->waiting)
        source->host->timer_arm(source->turn, 0);
    release_growth(source);
}

static void memory_ack(void *state, uint64_t lsn) {
    (void)state;
    (void)lsn;
}

static void memory_stop(void *state) {
    struct source *source = state;
    source->phase = ENDED;
    source->host->timer_cancel(source->turn);
}

static const struct sgr_option memory_options[] = {
    {.name = "tables",
     .type = SGR_OPTION_JSON,
     .offset = SGR_OPTION_AT(struct options, tables, const char *),
     .flags = SGR_OPTION_REQUIRED,
     .help = "The tables: { name: { columns: { column: type }, key: [column], rows: […], file: "
             "path of JSON lines, "
             "grow: { every: 1s, count: 10, row: { column: \"value {n}\" } } } }"},
    {0}};

static const struct sgr_source_methods memory_methods = {.open = memory_open,
                                                         .describe = memory_describe,
                                                         .start = memory_start,
                                                         .pause = memory_pause,
                                                         .resume = memory_resume,
                                                         .ack = memory_ack,
                                                         .stop = memory_stop,
                                                         .close = memory_close,
                                                         .follow = memory_follow,
                                                         .limit = memory_limit};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_SOURCE,
              .name = "memory",
              .version = "0.1.0",
              .summary = "Rows from the config, from files of JSON lines, or growing by a timer",
              .options = memory_options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_source_methods),
              .source = &memory_methods};
