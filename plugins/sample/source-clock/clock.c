/* The source `clock`: a table `now (id int, seconds int8)` of one row, updated each second. */
#include <inttypes.h>
#include <sangre/source.h>

enum { SECOND = 1000000 };

struct source {
    const struct sgr_source_host *table;
    void *host;
    struct sgr_timer *timer;
    struct sgr_relation *relation;
    uint32_t turns;
    bool paused;
};

static const struct sgr_relation_column columns[] = {
    {.name = "id",
     .type_name = "int4",
     .type = SGR_INT4,
     .type_modifier = -1,
     .key = true,
     .not_null = true},
    {.name = "seconds",
     .type_name = "int8",
     .type = SGR_INT8,
     .type_modifier = -1,
     .not_null = true},
};

/* The row now; the text lives as long as `text`. */
static void make_row(const struct source *source, char text[24], struct sgr_field fields[2]) {
    int size = snprintf(text, 24, "%" PRId64, source->table->wall_clock(source->host) / SECOND);
    fields[0] = (struct sgr_field){"1", 1, SGR_FIELD_TEXT};
    fields[1] = (struct sgr_field){text, (uint32_t)size, SGR_FIELD_TEXT};
}

static int update(struct source *source, struct sgr_error *error) {
    char text[24];
    struct sgr_field fields[2];
    make_row(source, text, fields);
    struct sgr_change change = {
        .kind = SGR_UPDATE, .relation = source->relation, .new_fields = fields};
    struct sgr_transaction transaction = {.xid = ++source->turns,
                                          .commit_lsn = source->turns * UINT64_C(2) - 1,
                                          .end_lsn = source->turns * UINT64_C(2),
                                          .commit_time = source->table->wall_clock(source->host)};
    int code = source->table->begin(source->host, &transaction, error);
    if (code < 0)
        return code;
    code = source->table->change(source->host, &change, error);
    if (code < 0) {
        source->table->abort(source->host);
        return code;
    }
    return source->table->commit(source->host, &transaction, error);
}

static void fired(void *data) {
    struct source *source = data;
    struct sgr_error error;
    if (!source->paused && update(source, &error) < 0) {
        source->table->state(source->host, SGR_SOURCE_FAILED, &error);
        return;
    }
    source->table->timer_arm(source->timer, SECOND);
}

static int open_clock(const struct sgr_source_host *table, void *host, const void *options,
                      void **ret_state, struct sgr_error *error) {
    (void)options;
    struct source *source = table->common.allocate(host, sizeof(*source));
    if (!source)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a source");
    *source = (struct source){.table = table, .host = host};
    source->timer = table->timer(host, fired, source);
    if (!source->timer) {
        table->common.release(host, source);
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a timer");
    }
    *ret_state = source;
    return 0;
}

static int describe(void *state, const char *const *tables, size_t count, struct sgr_error *error) {
    struct source *source = state;
    struct sgr_relation relation = {.schema = "public",
                                    .table = "now",
                                    .columns = columns,
                                    .column_count = 2,
                                    .identity = SGR_IDENTITY_DEFAULT};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tables[i], "now") && strcmp(tables[i], "public.now"))
            return sgr_error_set(error, SGR_ENOTFOUND, "no table '%s'; there is 'now'", tables[i]);
    }
    if (count)
        source->table->described(source->host, &relation, 1);
    return 0;
}

static int start(void *state, struct sgr_relation *const *relations, size_t count,
                 struct sgr_error *error) {
    struct source *source = state;
    char text[24];
    struct sgr_field fields[2];
    int code = source->table->begin_snapshot(source->host, "clock", error);
    if (code == 0 && count) {
        source->relation = relations[0];
        make_row(source, text, fields);
        code = source->table->snapshot_row(source->host, source->relation, fields, error);
    }
    if (code == 0)
        code = source->table->end_snapshot(source->host, 0, error);
    if (code < 0)
        return code;
    source->table->state(source->host, SGR_SOURCE_STREAMING, NULL);
    if (source->relation)
        source->table->timer_arm(source->timer, SECOND);
    return 0;
}

static void pause_clock(void *state) {
    ((struct source *)state)->paused = true;
}

static void resume_clock(void *state) {
    ((struct source *)state)->paused = false;
}

static void ack(void *state, uint64_t lsn) {
    (void)state;
    (void)lsn;
}

static void stop(void *state) {
    struct source *source = state;
    source->table->timer_cancel(source->timer);
}

static void close_clock(void *state) {
    struct source *source = state;
    source->table->timer_free(source->timer);
    source->table->common.release(source->host, source);
}

static const struct sgr_source_methods methods = {
    .open = open_clock,
    .describe = describe,
    .start = start,
    .pause = pause_clock,
    .resume = resume_clock,
    .ack = ack,
    .stop = stop,
    .close = close_clock,
};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SOURCE,
    .name = "clock",
    .version = "0.1.0",
    .summary = "One row that tells the time",
    .methods_size = sizeof(struct sgr_source_methods),
    .source = &methods,
};
