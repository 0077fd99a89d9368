/* The source `example`: one table, `numbers`, that starts empty and gets the next number as a row at each period.
 *
 * How to make it yours (scripts/new-plugin source NAME has done 1 and 2):
 *   1. Copy this folder to sources/NAME and rename the files.
 *   2. Replace the word `example` by NAME everywhere, this comment's first line included.
 *   3. Say in `.summary` where the rows come from, and declare the options in the table; secrets are flagged SGR_OPTION_SECRET.
 *   4. In describe: answer with the tables asked for, their columns and keys; nothing may block, so answer later if you must ask.
 *   5. In start: report a snapshot, then transactions, each with a greater position than the one before.
 *   6. Tell the host when the origin goes away (SGR_SOURCE_DOWN) and try again by a timer; stop emitting between pause and resume.
 *   7. Write what the tests should hold it to, then README.md. Build: ninja sangre-source-example unit-source-example-test_example
 */
#include <sangre/source.h>

struct options {
    int64_t every;
};

struct source {
    const struct sgr_source_host *table;
    void *host;
    const struct options *options;
    struct sgr_timer *timer;
    struct sgr_relation *relation; /* NULL: not started, or the table is not wanted */
    uint32_t last;
    bool paused;
    bool due; /* a row fell due while paused */
};

static const struct sgr_option options[] = {
    {.name = "every",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, every, int64_t),
     .fallback = "1s",
     .minimum = 1000,
     .maximum = INT64_MAX,
     .help = "the time between two rows"},
    {0},
};

static const struct sgr_relation_column columns[] = {
    {.name = "n",
     .type_name = "int4",
     .type = SGR_INT4,
     .type_modifier = -1,
     .key = true,
     .not_null = true},
};

static int insert_number(struct source *source, struct sgr_error *error) {
    char text[16];
    int size = snprintf(text, sizeof(text), "%u", source->last);
    struct sgr_field field = {text, (uint32_t)size, SGR_FIELD_TEXT};
    struct sgr_change change = {
        .kind = SGR_INSERT, .relation = source->relation, .new_fields = &field};
    return source->table->change(source->host, &change, error);
}

/* One row, as a transaction of its own. */
static void emit_next(struct source *source) {
    struct sgr_error error;
    source->last++;
    struct sgr_transaction transaction = {
        .xid = source->last,
        .commit_lsn = source->last * UINT64_C(2) - 1,
        .end_lsn = source->last * UINT64_C(2),
        .commit_time = source->table->wall_clock(source->host),
    };
    int code = source->table->begin(source->host, &transaction, &error);
    if (code == 0) {
        code = insert_number(source, &error);
        if (code == 0)
            code = source->table->commit(source->host, &transaction, &error);
        else
            source->table->abort(source->host);
    }
    if (code < 0)
        source->table->state(source->host, SGR_SOURCE_FAILED, &error);
    else
        source->table->timer_arm(source->timer, source->options->every);
}

static void fired(void *data) {
    struct source *source = data;
    source->due = source->paused;
    if (!source->paused)
        emit_next(source);
}

static int open_source(const struct sgr_source_host *table, void *host, const void *set,
                       void **ret_state, struct sgr_error *error) {
    struct source *source = table->common.allocate(host, sizeof(*source));
    if (!source)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a source");
    *source = (struct source){.table = table, .host = host, .options = set};
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
    struct sgr_relation relation = {
        .schema = "public",
        .table = "numbers",
        .columns = columns,
        .column_count = sizeof(columns) / sizeof(*columns),
        .identity = SGR_IDENTITY_DEFAULT,
    };
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tables[i], "numbers") && strcmp(tables[i], "public.numbers"))
            return sgr_error_set(error, SGR_ENOTFOUND, "no table '%s'; there is 'numbers'",
                                 tables[i]);
    }
    if (count > 1)
        return sgr_error_set(error, SGR_EINVAL, "the table 'numbers' is asked for twice");
    source->table->described(source->host, &relation, count);
    return 0;
}

static int start(void *state, struct sgr_relation *const *relations, size_t count,
                 struct sgr_error *error) {
    struct source *source = state;
    source->relation = count ? relations[0] : NULL;
    source->table->state(source->host, SGR_SOURCE_SNAPSHOT, NULL);
    int code = source->table->begin_snapshot(source->host, "example", error);
    if (code == 0)
        code = source->table->end_snapshot(source->host, 0, error);
    if (code < 0)
        return code;
    source->table->state(source->host, SGR_SOURCE_STREAMING, NULL);
    if (source->relation)
        source->table->timer_arm(source->timer, source->options->every);
    return 0;
}

static void pause_source(void *state) {
    ((struct source *)state)->paused = true;
}

static void resume_source(void *state) {
    struct source *source = state;
    source->paused = false;
    if (source->due)
        fired(source);
}

/* Nothing is kept for the host, so nothing can be forgotten. */
static void ack(void *state, uint64_t lsn) {
    (void)state;
    (void)lsn;
}

static void stop(void *state) {
    struct source *source = state;
    source->table->timer_cancel(source->timer);
}

static void close_source(void *state) {
    struct source *source = state;
    source->table->timer_free(source->timer);
    source->table->common.release(source->host, source);
}

static const struct sgr_source_methods methods = {
    .open = open_source,
    .describe = describe,
    .start = start,
    .pause = pause_source,
    .resume = resume_source,
    .ack = ack,
    .stop = stop,
    .close = close_source,
};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_SOURCE,
    .name = "example",
    .version = "0.1.0",
    .summary = "A table of numbers that grows by a timer",
    .options = options,
    .options_size = sizeof(struct options),
    .methods_size = sizeof(struct sgr_source_methods),
    .source = &methods,
};
