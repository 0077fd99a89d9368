/* Change streams for sinks. A source whose stream is bound has a second instance here, which follows it: its changes are packed as they are,
 * go through the hub in order, and are never folded, snapshotted or stored.
 *
 * Batches live until the last sink has let go of them. Once their bytes reach the budget the source is paused, also in mid-transaction. What a
 * source emits again after it lost its connection is compared by position, and passed on from where it broke off. A position is acknowledged
 * when its transaction was handled by all sinks that acknowledge, or passed on if none does. */
#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"
#include "engine/engine.h"
#include "net/stream_relation.h"

enum {
    PIECE = 64 << 10,
    SMALL = 4 << 10,    /* bytes of a batch that the engine's thread may deliver itself */
    LOOK_AFTER = 20000, /* microseconds in which sinks usually have handled what they got */
    TELL_EVERY = 1000000,
};

struct engine_stream {
    struct engine_source source; /* first: the host's common functions take a stream for this */
    struct sgr_source_host table;
    struct sgr_stream_relations *relations;
    struct sgr_stream_packer *packer;
    struct sgr_stream_ledger *ledger; /* the hub's; NULL: no sink binds this stream */
    bool flowing, told;               /* told: sinks know of some state */
    bool asked, looked;               /* check: what sinks need of its tables */
    uint32_t era;                     /* grows with each gap */
    uint64_t passed;                  /* end of the last transaction that sinks have whole */
    uint64_t acknowledged;
    struct sgr_timer *looker; /* armed while something is not acknowledged */
    bool looking;
    int64_t pushed_at; /* the loop's time at the last batch */
    uint64_t log_end;  /* the last that sinks were told of where the log ends, in this era */
    int64_t log_end_told;
    struct sgr_transaction transaction; /* under way */
    uint64_t broken_at;                 /* commit_lsn of a transaction that sinks have in part */
    uint64_t have, repeated;            /* changes of it: that sinks have; that came again so far */
    bool skipping;                      /* sinks have all of it */
    uint64_t transactions, changes;
};

static bool is_bound(const struct engine_stream *stream) {
    return stream->ledger != NULL;
}

static size_t budget(const struct engine_stream *stream) {
    return sgr_plan_server(stream->source.engine->plan)->stream_buffer;
}

/* ---- Acknowledging ---- */

static void acknowledge(struct engine_stream *stream, uint64_t lsn) {
    if (lsn <= stream->acknowledged)
        return;
    stream->acknowledged = lsn;
    stream->source.methods->ack(stream->source.state, lsn);
}

/* Sinks that tell each position that they have handled would wake this thread for each commit, often before the commit has left. Nobody needs it so
 * soon: it is looked for a little later, and only what is not there then is awaited. */
static void look_later(struct engine_stream *stream) {
    if (stream->looking || stream->acknowledged >= stream->passed)
        return;
    stream->looking = true;
    sgr_timer_arm(stream->looker, LOOK_AFTER);
}

static void take_handled(struct engine_stream *stream) {
    uint64_t handled = sgr_stream_ledger_position(stream->ledger, stream->era);
    acknowledge(stream, handled < stream->passed ? handled : stream->passed);
}

static void look_at_handled(struct engine_stream *stream) {
    take_handled(stream);
    look_later(stream);
}

static void look_now(void *data) {
    struct engine_stream *stream = data;
    stream->looking = false;
    sgr_stream_ledger_await_handled(stream->ledger, stream->era, stream->passed);
    take_handled(stream);
}

/* ---- How far the log goes ---- */

/* Sinks see by this how far behind they are, whether anything concerns them or not. Not more often than is worth a wake of their thread. */
static void host_log_end(void *host, uint64_t lsn) {
    struct engine_stream *stream = host;
    if (!stream->flowing || lsn <= stream->log_end)
        return;
    int64_t now = sgr_loop_now(stream->source.engine->loop);
    if (stream->log_end && now >= stream->log_end_told && now - stream->log_end_told < TELL_EVERY)
        return;
    stream->log_end = lsn;
    stream->log_end_told = now;
    sgr_hub_stream_position(stream->source.engine->hub, stream->source.position_index, stream->era,
                            lsn);
}

/* ---- Back-pressure ---- */

static void set_paused(struct engine_stream *stream, bool paused) {
    if (stream->source.paused == paused)
        return;
    stream->source.paused = paused;
    if (paused)
        stream->source.methods->pause(stream->source.state);
    else
        stream->source.methods->resume(stream->source.state);
}

static void pause_if_full(struct engine_stream *stream) {
    size_t most = budget(stream);
    if (sgr_stream_ledger_bytes(stream->ledger) < most)
        return;
    if (!sgr_stream_ledger_await(stream->ledger, most / 2))
        set_paused(stream, true);
}

static void resume_if_drained(struct engine_stream *stream) {
    if (stream->source.paused && sgr_stream_ledger_await(stream->ledger, budget(stream) / 2))
        set_paused(stream, false);
}

void sgr__streams_turn(struct sgr_engine *engine) {
    for (size_t i = 0; engine->streams && i < engine->source_count; i++) {
        struct engine_stream *stream = &engine->streams[i];
        if (!is_bound(stream) || !stream->source.started)
            continue;
        look_at_handled(stream);
        resume_if_drained(stream);
    }
}

/* ---- Transactions ---- */

/* A small transaction that comes alone may be delivered from here. */
static int hand_over(struct engine_stream *stream, struct sgr_stream_batch *batch) {
    struct sgr_engine *engine = stream->source.engine;
    size_t source = stream->source.position_index;
    int64_t before = stream->pushed_at;
    stream->pushed_at = sgr_loop_now(engine->loop);
    bool alone = batch->first && batch->last && sgr_stream_batch_bytes(batch) <= SMALL &&
                 stream->pushed_at - before >= SGR__ALONE;
    return alone ? sgr_hub_stream_batch_alone(engine->hub, source, batch)
                 : sgr_hub_stream_batch(engine->hub, source, batch);
}

static int push(struct engine_stream *stream, bool last, struct sgr_error *error) {
    size_t count = sgr_stream_packer_count(stream->packer);
    struct sgr_stream_batch *batch =
        sgr_stream_packer_take(stream->packer, &stream->transaction, !stream->have, last);
    if (!batch || hand_over(stream, batch))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a change stream");
    stream->changes += count;
    stream->broken_at = last ? 0 : stream->transaction.commit_lsn;
    stream->have = last ? 0 : stream->have + count;
    stream->repeated = stream->have;
    host_log_end(
        stream,
        stream->transaction.commit_lsn); /* behind it, which goes by itself if nothing waits */
    pause_if_full(stream);
    return SGR_OK;
}

static int host_begin(void *host, const struct sgr_transaction *transaction,
                      struct sgr_error *error) {
    struct engine_stream *stream = host;
    if (!stream->flowing)
        return sgr_error_set(error, SGR_EINTERNAL, "a transaction before its stream flows");
    stream->transaction = *transaction;
    stream->skipping = transaction->commit_lsn < stream->passed;
    if (stream->have && stream->broken_at != transaction->commit_lsn && !stream->skipping)
        return sgr_error_set(error, SGR_EFATAL,
                             "a transaction broke off with the connection and does not come again: "
                             "was its table taken out of the publication meanwhile?");
    stream->repeated = 0;
    return SGR_OK;
}

static int host_change(void *host, const struct sgr_change *change, struct sgr_error *error) {
    struct engine_stream *stream = host;
    if (stream->skipping || stream->repeated < stream->have) {
        stream->repeated++;
        return SGR_OK;
    }
    struct sgr_change ours = *change;
    ours.relation = sgr_stream_relation_intern(stream->relations, change->relation);
    int code = ours.relation ? sgr_stream_packer_add(stream->packer, &ours) : SGR_ENOMEM;
    if (code == SGR_ELIMIT) {
        code = push(stream, false, error);
        if (code)
            return code;
        code = sgr_stream_packer_add(stream->packer, &ours);
    }
    return code ? sgr_error_set(error, code, "out of memory for a change stream") : SGR_OK;
}

static int host_commit(void *host, const struct sgr_transaction *transaction,
                       struct sgr_error *error) {
    struct engine_stream *stream = host;
    if (stream->skipping)
        return SGR_OK;
    stream->transaction = *transaction;
    if (stream->have || sgr_stream_packer_count(stream->packer)) {
        int code = push(stream, true, error);
        if (code)
            return code;
        stream->transactions++;
    }
    stream->passed = transaction->end_lsn;
    if (sgr_stream_ledger_held(stream->ledger))
        look_later(stream);
    else
        acknowledge(stream, stream->passed);
    return SGR_OK;
}

static void host_abort(void *host) {
    struct engine_stream *stream = host;
    sgr_stream_packer_drop(stream->packer);
}

/* Nothing is under way, so what is behind the last transaction is as good as handled when that is. */
static void host_advance(void *host, uint64_t lsn) {
    struct engine_stream *stream = host;
    host_log_end(stream, lsn);
    look_at_handled(stream);
    if (stream->acknowledged < stream->passed)
        return;
    if (lsn > stream->passed)
        stream->passed = lsn;
    acknowledge(stream, lsn);
}

/* ---- States ---- */

static void fail(struct engine_stream *stream, const struct sgr_error *why) {
    struct sgr_engine *engine = stream->source.engine;
    struct sgr_error failure = {.code = SGR_EFATAL, .message = "the change stream failed"};
    if (why)
        failure = *why;
    sgr_error_context(&failure, "source %s", stream->source.plan->name);
    if (engine->phase != ENGINE_SERVING)
        sgr_plan_source_error(engine->plan, stream->source.plan, &failure);
    sgr__engine_fail(engine, &failure);
}

static void tell(struct engine_stream *stream, const struct sgr_stream_state *state) {
    struct sgr_error error;
    stream->told = true;
    if (sgr_hub_stream_state(stream->source.engine->hub, stream->source.position_index, stream->era,
                             state) == 0)
        return;
    sgr_error_set(&error, SGR_ENOMEM, "out of memory for a change stream");
    fail(stream, &error);
}

static void log_state(struct engine_stream *stream, enum sgr_source_state state,
                      const struct sgr_error *error) {
    const char *name = stream->source.plan->name;
    if (error)
        sgr_log_error(state == SGR_SOURCE_DOWN ? SGR_LOG_WARN : SGR_LOG_INFO, name, error,
                      "change stream: %s", sgr__source_state_name(state));
    else if (state != stream->source.phase)
        sgr_log(SGR_LOG_INFO, name, "change stream: %s", sgr__source_state_name(state));
}

static void host_state(void *host, enum sgr_source_state state, const struct sgr_error *error) {
    struct engine_stream *stream = host;
    bool was_flowing = stream->flowing;
    if (state == SGR_SOURCE_FAILED ||
        (state == SGR_SOURCE_DOWN && stream->source.engine->check_only)) {
        fail(stream, error);
        return;
    }
    log_state(stream, state, error);
    stream->source.phase = state;
    if (state != SGR_SOURCE_STREAMING)
        stream->flowing = false;
    if (state != SGR_SOURCE_STREAMING && (was_flowing || !stream->told))
        tell(stream, &(struct sgr_stream_state){.phase = SGR_STREAM_DOWN,
                                                .message = error ? error->message : "connecting"});
}

static void begin_era(struct engine_stream *stream, uint64_t lsn) {
    sgr_stream_packer_drop(stream->packer);
    stream->era++;
    stream->have = stream->repeated = stream->broken_at = stream->log_end = 0;
    stream->passed = stream->acknowledged = lsn;
}

static void host_flowing(void *host, const struct sgr_position *position, const char *gap) {
    struct engine_stream *stream = host;
    stream->flowing = true;
    if (stream->source.engine->check_only) {
        sgr_loop_wake(stream->source.engine->loop);
        return;
    }
    if (gap) {
        sgr_log(SGR_LOG_WARN, stream->source.plan->name,
                "change stream: some changes may have been missed before %X/%X (%s)",
                (unsigned)(position->lsn >> 32), (unsigned)position->lsn, gap);
        begin_era(stream, position->lsn);
    } else if (position->lsn > stream->passed && stream->acknowledged >= stream->passed) {
        stream->passed = stream->acknowledged = position->lsn;
    }
    tell(stream, &(struct sgr_stream_state){.phase = gap ? SGR_STREAM_GAP : SGR_STREAM_FLOWING,
                                            .reason = gap,
                                            .lsn = position->lsn});
}

/* ---- What sinks need of old rows, which is looked at before a check follows ---- */

static void host_described(void *host, const struct sgr_relation *relations, size_t count) {
    struct engine_stream *stream = host;
    struct sgr_error error;
    if (sgr__needs_judge(stream->source.engine->plan, stream->source.position_index, relations,
                         count, &error)) {
        fail(stream, &error);
        return;
    }
    stream->looked = true;
    sgr_loop_wake(stream->source.engine->loop);
}

/* ---- What a follower has no use for ---- */

static int refuse(struct sgr_error *error) {
    return sgr_error_set(error, SGR_EINVAL, "a source that follows takes no snapshot");
}

static int host_begin_snapshot(void *host, const char *epoch, struct sgr_error *error) {
    (void)host;
    (void)epoch;
    return refuse(error);
}

static int host_snapshot_row(void *host, struct sgr_relation *relation,
                             const struct sgr_field *fields, struct sgr_error *error) {
    (void)host;
    (void)relation;
    (void)fields;
    return refuse(error);
}

static int host_end_snapshot(void *host, uint64_t lsn, struct sgr_error *error) {
    (void)host;
    (void)lsn;
    return refuse(error);
}

/* ---- Life ---- */

static void fill_table(struct sgr_source_host *table) {
    *table = *sgr__source_host();
    table->described = host_described;
    table->state = host_state;
    table->begin_snapshot = host_begin_snapshot;
    table->snapshot_row = host_snapshot_row;
    table->end_snapshot = host_end_snapshot;
    table->begin = host_begin;
    table->change = host_change;
    table->commit = host_commit;
    table->abort = host_abort;
    table->advance = host_advance;
    table->flowing = host_flowing;
    table->log_end = host_log_end;
}

static int open_stream(struct engine_stream *stream, struct sgr_engine *engine, size_t index,
                       const struct sgr_plan_source *plan, struct sgr_error *error) {
    stream->source = (struct engine_source){.engine = engine,
                                            .plan = plan,
                                            .methods = plan->plugin->source,
                                            .position_index = index,
                                            .phase = SGR_SOURCE_CONNECTING};
    struct sgr_stream_ledger *ledger = sgr_hub_ledger(engine->hub, index);
    stream->packer = sgr_stream_packer_new(ledger, PIECE);
    stream->relations = sgr_stream_relations_new();
    stream->looker = sgr_timer_new(engine->loop, look_now, stream);
    if (!stream->packer || !stream->relations || !stream->looker)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a change stream");
    fill_table(&stream->table);
    int code = stream->source.methods->open(
        &stream->table, stream, sgr_options_struct(plan->options), &stream->source.state, error);
    if (code) {
        sgr_error_context(error, "source %s", plan->name);
        sgr_plan_source_error(engine->plan, plan, error);
        return code;
    }
    stream->ledger = ledger;
    return SGR_OK;
}

int sgr__streams_open(struct sgr_engine *engine, struct sgr_error *error) {
    size_t count;
    const struct sgr_plan_source *plans = sgr_plan_sources(engine->plan, &count);
    engine->streams = calloc(count + 1, sizeof(*engine->streams));
    if (!engine->streams)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for change streams");
    for (size_t i = 0; i < count; i++) {
        int code = plans[i].sink_count
                       ? open_stream(&engine->streams[i], engine, i, &plans[i], error)
                       : SGR_OK;
        if (code)
            return code;
    }
    return SGR_OK;
}

static int ask(struct engine_stream *stream, struct sgr_error *error) {
    if (stream->asked)
        return SGR_OK;
    stream->asked = true;
    return sgr__needs_ask(stream->source.engine->plan, stream->source.position_index,
                          stream->source.methods, stream->source.state, &stream->looked, error);
}

int sgr__stream_start(struct sgr_engine *engine, size_t source, struct sgr_error *error) {
    struct engine_stream *stream = &engine->streams[source];
    if (!is_bound(stream) || stream->source.started)
        return SGR_OK;
    if (engine->check_only && !stream->looked) {
        int status = ask(stream, error);
        if (status || !stream->looked)
            return status;
    }
    stream->source.started = true;
    int code = stream->source.methods->follow(stream->source.state, engine->check_only, error);
    return code ? (sgr_error_context(error, "source %s", stream->source.plan->name), code) : SGR_OK;
}

const struct sgr_source_host *sgr__stream_host(struct sgr_engine *engine, size_t source,
                                               void **ret_host) {
    *ret_host = &engine->streams[source];
    return &engine->streams[source].table;
}

bool sgr__streams_checked(struct sgr_engine *engine) {
    bool checked = true;
    for (size_t i = 0; i < engine->source_count; i++) {
        struct engine_stream *stream = &engine->streams[i];
        struct sgr_error error = {0};
        if (is_bound(stream) && stream->looked && sgr__stream_start(engine, i, &error))
            fail(stream, &error);
        checked = checked && (!is_bound(stream) || stream->flowing);
    }
    return checked;
}

static void close_stream(struct engine_stream *stream) {
    if (stream->source.state) {
        if (is_bound(stream) && stream->source.started)
            take_handled(stream); /* the last that sinks did, for the last words to the server */
        stream->source.methods->stop(stream->source.state);
        stream->source.methods->close(stream->source.state);
        sgr_client_forget(stream->source.engine->client, &stream->source);
    }
    sgr_timer_free(stream->looker);
    sgr_stream_packer_free(stream->packer);
    sgr_stream_relations_free(stream->relations);
}

void sgr__streams_close(struct sgr_engine *engine) {
    for (size_t i = 0; engine->streams && i < engine->source_count; i++)
        close_stream(&engine->streams[i]);
    free(engine->streams);
    engine->streams = NULL;
}

/* ---- Explaining ---- */

static void explain_text(const struct engine_stream *stream, bool live, struct sgr_buffer *out) {
    const struct sgr_plan_source *plan = stream->source.plan;
    sgr_buffer_printf(out, "change stream of %s, for", plan->name);
    for (size_t i = 0; i < plan->sink_count; i++)
        sgr_buffer_printf(out, "%s %s", i ? "," : "", plan->sinks[i]);
    if (live)
        sgr_buffer_printf(
            out,
            ": %s, %llu transactions of %llu changes, acknowledged %X/%X of %X/%X, "
            "%zu bytes on their way%s",
            stream->flowing ? "flowing" : "down", (unsigned long long)stream->transactions,
            (unsigned long long)stream->changes, (unsigned)(stream->acknowledged >> 32),
            (unsigned)stream->acknowledged, (unsigned)(stream->passed >> 32),
            (unsigned)stream->passed, sgr_stream_ledger_bytes(stream->ledger),
            stream->source.paused ? ", paused" : "");
    sgr_buffer_putc(out, '\n');
}

static void explain_json(const struct engine_stream *stream, bool live, struct sgr_buffer *out) {
    const struct sgr_plan_source *plan = stream->source.plan;
    sgr_buffer_puts(out, "{\"source\":");
    sgr_buffer_json(out, sgr_slice(plan->name));
    sgr_buffer_puts(out, ",\"sinks\":[");
    for (size_t i = 0; i < plan->sink_count; i++) {
        sgr_buffer_puts(out, i ? "," : "");
        sgr_buffer_json(out, sgr_slice(plan->sinks[i]));
    }
    sgr_buffer_putc(out, ']');
    if (live)
        sgr_buffer_printf(
            out,
            ",\"flowing\":%s,\"paused\":%s,\"transactions\":%llu,\"changes\":%llu,"
            "\"passed\":%llu,\"acknowledged\":%llu,\"bytes\":%zu",
            stream->flowing ? "true" : "false", stream->source.paused ? "true" : "false",
            (unsigned long long)stream->transactions, (unsigned long long)stream->changes,
            (unsigned long long)stream->passed, (unsigned long long)stream->acknowledged,
            sgr_stream_ledger_bytes(stream->ledger));
    sgr_buffer_putc(out, '}');
}

void sgr__streams_explain(const struct sgr_engine *engine, enum sgr_explain_format format,
                          bool live, struct sgr_buffer *out) {
    bool first = true;
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_puts(out, ",\"streams\":[");
    for (size_t i = 0; engine->streams && i < engine->source_count; i++) {
        const struct engine_stream *stream = &engine->streams[i];
        if (!is_bound(stream) || format == SGR_EXPLAIN_DOT)
            continue;
        if (format == SGR_EXPLAIN_JSON && !first)
            sgr_buffer_putc(out, ',');
        first = false;
        if (format == SGR_EXPLAIN_JSON)
            explain_json(stream, live, out);
        else
            explain_text(stream, live, out);
    }
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_putc(out, ']');
}

/* ---- Counting ---- */

static double transactions_of(const struct engine_stream *stream) {
    return (double)stream->transactions;
}

static double changes_of(const struct engine_stream *stream) {
    return (double)stream->changes;
}

static double bytes_of(const struct engine_stream *stream) {
    return (double)sgr_stream_ledger_bytes(stream->ledger);
}

static double acknowledged_of(const struct engine_stream *stream) {
    return (double)stream->acknowledged;
}

static const struct {
    const char *name, *kind, *help;
    double (*value)(const struct engine_stream *stream);
} families[] = {
    {"sangre_stream_transactions_total", "counter", "Transactions passed on to sinks.",
     transactions_of},
    {"sangre_stream_changes_total", "counter", "Changes passed on to sinks.", changes_of},
    {"sangre_stream_bytes", "gauge", "Bytes of batches that sinks still hold.", bytes_of},
    {"sangre_stream_acknowledged", "gauge", "The position (LSN) the database may forget up to.",
     acknowledged_of},
};

void sgr__streams_metrics(const struct sgr_engine *engine, struct sgr_buffer *out) {
    for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++) {
        sgr_metric_family(out, families[f].name, families[f].kind, families[f].help);
        for (size_t i = 0; engine->streams && i < engine->source_count; i++) {
            const struct engine_stream *stream = &engine->streams[i];
            if (is_bound(stream))
                sgr_metric_of(out, families[f].name, "source", stream->source.plan->name,
                              families[f].value(stream));
        }
    }
}
