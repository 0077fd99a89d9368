/* A sink for tests: writes what a change stream brings as JSON lines, in the order in which it comes.
 *
 *   {"state": "flowing"|"gap"|"down", "reason", "message", "lsn"}
 *   {"xid", "commit_lsn", "end_lsn", "commit_time", "first", "last", "count"}, followed by that many of
 *   {"kind", "table", "relation", "new", "old_kind", "old", "cascade", "restart"}; unchanged values are {"unchanged": true}
 *   {"relation", "table", "identity", "columns": [[name, type, modifier, key], …]} before a descriptor's first change
 *
 * A transaction is acknowledged once it is in the file. `delay` holds the stream so long after each batch, and until there is a file `gate` if that is
 * named; `keep` holds on to each batch until then, as a sink does that still needs it. `mute` acknowledges nothing, though it should. `brief` leaves the changes out. */
#include <jansson.h>
#include <sangre/sink.h>
#include <unistd.h>

enum { LOOK_EVERY = 10000 };

struct options {
    const char *source, *file, *gate;
    int64_t delay;
    bool acknowledge, brief, keep, mute;
};

struct sink {
    const struct sgr_sink_host *table;
    void *host;
    const struct options *options;
    struct sgr_stream *stream;
    FILE *file;
    void *timer;
    const struct sgr_stream_batch *kept;
    uint32_t known; /* the highest id that was described */
};

static void put(struct sink *sink, json_t *line) {
    json_dumpf(line, sink->file, JSON_COMPACT | JSON_ENSURE_ASCII);
    fputc('\n', sink->file);
    json_decref(line);
}

static json_t *lsn(uint64_t position) {
    char text[24];
    snprintf(text, sizeof(text), "%X/%X", (unsigned)(position >> 32), (unsigned)position);
    return json_string(text);
}

/* ---- Changes ---- */

static json_t *tuple(const struct sgr_relation *relation, const struct sgr_field *fields) {
    if (!fields)
        return json_null();
    json_t *values = json_array();
    for (size_t i = 0; i < relation->column_count; i++) {
        const struct sgr_field *field = &fields[i];
        json_array_append_new(values, field->kind == SGR_FIELD_NULL ? json_null()
                                      : field->kind == SGR_FIELD_UNCHANGED
                                          ? json_pack("{s:b}", "unchanged", 1)
                                          : json_stringn(field->data, field->size));
    }
    return values;
}

static void describe(struct sink *sink, const struct sgr_relation *relation) {
    char identity[] = {(char)relation->identity, '\0'};
    json_t *columns = json_array();
    for (size_t i = 0; i < relation->column_count; i++) {
        const struct sgr_relation_column *column = &relation->columns[i];
        json_array_append_new(columns, json_pack("[s,s,i,b]", column->name, column->type_name,
                                                 column->type_modifier, column->key));
    }
    put(sink,
        json_pack("{s:i,s:s++,s:s,s:o}", "relation", (int)relation->id, "table", relation->schema,
                  ".", relation->table, "identity", identity, "columns", columns));
}

static void put_change(struct sink *sink, const struct sgr_change *change) {
    const struct sgr_relation *relation = change->relation;
    char kind[] = {(char)change->kind, '\0'}, old_kind[] = {(char)change->old_kind, '\0'};
    if (relation->id > sink->known) {
        sink->known = relation->id;
        describe(sink, relation);
    }
    put(sink, json_pack("{s:s,s:s,s:i,s:o,s:s,s:o,s:b,s:b}", "kind", kind, "table", relation->table,
                        "relation", (int)relation->id, "new", tuple(relation, change->new_fields),
                        "old_kind", old_kind, "old", tuple(relation, change->old_fields), "cascade",
                        change->cascade, "restart", change->restart_identity));
}

static bool shut(const struct sink *sink) {
    return sink->options->gate && access(sink->options->gate, F_OK) != 0;
}

static void release(void *data) {
    struct sink *sink = data;
    sink->timer = NULL;
    if (shut(sink)) {
        sink->timer = sink->table->timer(sink->host, LOOK_EVERY, release, sink);
        return;
    }
    sink->table->stream_batch_unref(sink->kept);
    sink->kept = NULL;
    sink->table->stream_hold(sink->stream, false);
}

static void on_changes(void *data, struct sgr_stream *stream,
                       const struct sgr_stream_batch *batch) {
    struct sink *sink = data;
    put(sink, json_pack("{s:I,s:o,s:o,s:I,s:b,s:b,s:I}", "xid", (json_int_t)batch->transaction.xid,
                        "commit_lsn", lsn(batch->transaction.commit_lsn), "end_lsn",
                        lsn(batch->transaction.end_lsn), "commit_time",
                        (json_int_t)batch->transaction.commit_time, "first", batch->first, "last",
                        batch->last, "count", (json_int_t)batch->count));
    for (size_t i = 0; i < batch->count && !sink->options->brief; i++)
        put_change(sink, &batch->changes[i]);
    fflush(sink->file);
    if (batch->last && !sink->options->mute)
        sink->table->stream_handled(stream, batch->transaction.end_lsn);
    if (!sink->options->delay && !shut(sink))
        return;
    sink->table->stream_hold(stream, true);
    if (sink->options->keep)
        sink->kept = sink->table->stream_batch_ref(batch);
    sink->timer = sink->table->timer(sink->host, sink->options->delay, release, sink);
}

static void on_state(void *data, struct sgr_stream *stream, const struct sgr_stream_state *state) {
    static const char *const names[] = {"flowing", "gap", "down"};
    struct sink *sink = data;
    (void)stream;
    put(sink, json_pack("{s:s,s:s?,s:s?,s:o}", "state", names[state->phase], "reason",
                        state->reason, "message", state->message, "lsn", lsn(state->lsn)));
    fflush(sink->file);
}

static const struct sgr_stream_callbacks callbacks = {.changes = on_changes, .state = on_state};

/* ---- Life ---- */

static void recorder_close(void *state) {
    struct sink *sink = state;
    sink->table->timer_cancel(sink->host, sink->timer);
    sink->table->stream_batch_unref(sink->kept);
    if (sink->file)
        fclose(sink->file);
    sink->table->common.release(sink->host, sink);
}

/* A process that was killed in the middle of a write leaves part of a line at the end: what is not whole goes, as its transaction comes again. */
static bool drop_torn_line(FILE *file) {
    long end = fseek(file, 0, SEEK_END) ? -1 : ftell(file), whole = end;
    while (whole > 0 && !fseek(file, whole - 1, SEEK_SET) && fgetc(file) != '\n')
        whole--;
    return end >= 0 && (whole == end || ftruncate(fileno(file), whole) == 0);
}

static int recorder_open(const struct sgr_sink_host *table, void *host, const void *options,
                         void **ret_state, struct sgr_error *error) {
    struct sink *sink = table->common.allocate(host, sizeof(*sink));
    if (!sink)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *sink = (struct sink){.table = table, .host = host, .options = options};
    struct sgr_stream_bind bind = {.source = sink->options->source,
                                   .acknowledges = sink->options->acknowledge,
                                   .callbacks = &callbacks,
                                   .data = sink};
    int code = table->stream_bind(host, &bind, &sink->stream, error);
    if (!code && (!(sink->file = fopen(sink->options->file, "a+e")) || !drop_torn_line(sink->file)))
        code = sgr_error_set(error, SGR_EIO, "cannot write %s", sink->options->file);
    if (!code)
        setvbuf(sink->file, NULL, _IOFBF, 1 << 20); /* whole batches, also when we are killed */
    if (code)
        recorder_close(sink);
    else
        *ret_state = sink;
    return code;
}

static const struct sgr_option recorder_options[] = {
    {.name = "source",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, source, const char *),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_SOURCE,
     .help = "whose change stream"},
    {.name = "file",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, file, const char *),
     .flags = SGR_OPTION_REQUIRED,
     .help = "where to, at its end"},
    {.name = "delay",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, delay, int64_t),
     .help = "how long to hold the stream after each batch"},
    {.name = "gate",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, gate, const char *),
     .help = "a file: until it is there the stream is held after each batch"},
    {.name = "acknowledge",
     .type = SGR_OPTION_BOOL,
     .offset = SGR_OPTION_AT(struct options, acknowledge, bool),
     .fallback = "true",
     .help = "whether it holds the position back"},
    {.name = "mute",
     .type = SGR_OPTION_BOOL,
     .offset = SGR_OPTION_AT(struct options, mute, bool),
     .help = "never says that it handled anything"},
    {.name = "brief",
     .type = SGR_OPTION_BOOL,
     .offset = SGR_OPTION_AT(struct options, brief, bool),
     .help = "without the changes"},
    {.name = "keep",
     .type = SGR_OPTION_BOOL,
     .offset = SGR_OPTION_AT(struct options, keep, bool),
     .help = "keeps each batch as long as it holds the stream"},
    {0}};

static const struct sgr_sink_methods methods = {.open = recorder_open, .close = recorder_close};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_SINK,
              .name = "recorder",
              .version = "0.1.0",
              .summary = "For tests: a change stream as JSON lines",
              .options = recorder_options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_sink_methods),
              .sink = &methods};
