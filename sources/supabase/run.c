#include "source.h"

#include <stdlib.h>

enum {
    FIRST_RETRY = 100000,
    SETTLED = 10000000, /* a feed that lived this long was no failure to begin with */
};

static void tell(struct source *source, enum sgr_source_state state,
                 const struct sgr_error *error) {
    host_of(source)->state(source->service.host_data, state, error);
}

/* ---- Trying again ---- */

static int64_t retry_delay(struct source *source) {
    int64_t delay = FIRST_RETRY, most = source->service.options->retry_limit;
    for (unsigned i = 0; i < source->failures && delay < most; i++)
        delay *= 2;
    if (delay > most)
        delay = most;
    uint64_t jitter = host_of(source)->random(source->service.host_data) % (uint64_t)(delay / 2);
    source->failures++;
    return delay / 2 + (int64_t)jitter;
}

void source_let_go(struct source *source) {
    rows_free(source->reading);
    source->reading = NULL;
    socket_close(source->socket);
    source->socket = NULL;
    source->flowing = source->doubted = source->overflown = false;
    host_of(source)->timer_cancel(source->gather);
    host_of(source)->timer_cancel(source->compare);
    queue_clear(&source->queue);
    if (source->snapshot)
        host_of(source)->abort(source->service.host_data);
    source->snapshot = false;
}

/* Once views are filled, a service that refuses is one that may be mended: a key that is being changed, a table that is made anew. */
static bool lasting(const struct source *source, int code) {
    if (code == SGR_EUNAVAILABLE || code == SGR_EIO || code == SGR_EPROTOCOL)
        return false;
    return !(source->filled && (code == SGR_EFATAL || code == SGR_ENOTFOUND));
}

void source_failed(struct source *source, const struct sgr_error *error) {
    struct sgr_error copy = *error;
    source_let_go(source);
    if (lasting(source, copy.code)) {
        source->ended = true;
        host_of(source)->timer_cancel(source->turn);
        tell(source, SGR_SOURCE_FAILED, &copy);
        return;
    }
    if (host_of(source)->now(source->service.host_data) - source->began > SETTLED)
        source->failures = 0;
    host_of(source)->timer_arm(source->turn, retry_delay(source));
    tell(source, SGR_SOURCE_DOWN, &copy);
}

/* ---- Snapshots ---- */

static int snapshot_row(void *data, struct table *table, const struct sgr_field *fields,
                        struct sgr_error *error) {
    struct source *source = data;
    if (!table->relation)
        return SGR_OK;
    return host_of(source)->snapshot_row(source->service.host_data, table->relation, fields, error);
}

static int end_snapshot(struct source *source, struct sgr_error *error) {
    source->compared = host_of(source)->now(source->service.host_data);
    source->doubted = false;
    host_of(source)->timer_cancel(source->compare);
    int code = source_apply(source, error);
    if (code)
        return code;
    source->snapshot = false;
    return host_of(source)->end_snapshot(source->service.host_data, ++source->lsn, error);
}

static void all_rows(void *data, const struct sgr_error *failure) {
    struct source *source = data;
    struct sgr_error error;
    if (failure) {
        source_failed(source, failure);
        return;
    }
    rows_free(source->reading);
    source->reading = NULL;
    if (end_snapshot(source, &error)) {
        source_failed(source, &error);
        return;
    }
    source->filled = true;
    source->missed = false;
    if (!source->doubted && source->service.options->compare_every)
        host_of(source)->timer_arm(source->compare, source->service.options->compare_every);
    tell(source, SGR_SOURCE_STREAMING, NULL);
}

static void begin_snapshot(struct source *source) {
    struct rows_owner owner = {.row = snapshot_row, .done = all_rows, .data = source};
    struct rows_wanted wanted = {.tables = source->tables, .count = source->count};
    struct sgr_error error;
    source->snapshot = true;
    source->overflown = false;
    int code = host_of(source)->begin_snapshot(source->service.host_data, source->epoch, &error);
    if (!code)
        code = rows_open(&source->service, &owner, &wanted, &source->reading, &error);
    if (code)
        source_failed(source, &error);
}

/* While the feed goes on: views stay as fresh as they are. */
void source_compare(void *data) {
    struct source *source = data;
    if (!source->flowing || !source->filled || source->reading || source->ended)
        return;
    source_gathered(source);
    if (source->flowing)
        begin_snapshot(source);
}

/* ---- Describing ---- */

static bool any_wanted(const struct source *source) {
    for (size_t i = 0; i < source->count; i++)
        if (source->tables[i].wanted)
            return true;
    return false;
}

static void answer(struct source *source) {
    struct sgr_relation *relations = calloc(source->name_count + 1, sizeof(*relations));
    struct sgr_error error;
    if (!relations) {
        sgr_error_set(&error, SGR_ENOMEM, "out of memory for a description");
        source_failed(source, &error);
        return;
    }
    for (size_t i = 0; i < source->name_count; i++)
        relations[i] = source->tables[source->names[i]].description;
    source->asked = false;
    host_of(source)->described(source->service.host_data, relations, source->name_count);
    free(relations);
}

static void go_on(struct source *source);

static void looked(void *data, const struct sgr_error *failure) {
    struct source *source = data;
    if (failure) {
        source_failed(source, failure);
        return;
    }
    rows_free(source->reading);
    source->reading = NULL;
    answer(source);
    go_on(source);
}

static void look(struct source *source) {
    struct rows_owner owner = {.done = looked, .data = source};
    struct rows_wanted wanted = {.tables = source->tables, .count = source->count, .look = true};
    struct sgr_error error;
    if (rows_open(&source->service, &owner, &wanted, &source->reading, &error))
        source_failed(source, &error);
}

/* ---- The feed ---- */

/* What is next while the feed flows. */
static void go_on(struct source *source) {
    if (!source->flowing || source->reading || source->ended)
        return;
    if (source->asked) {
        look(source);
    } else if (source->started && source->missed) {
        tell(source, SGR_SOURCE_SNAPSHOT, NULL);
        begin_snapshot(source);
    }
}

void source_flowing(void *data) {
    struct source *source = data;
    source->flowing = source->missed = true;
    go_on(source);
}

static void check_identity(struct source *source, struct table *table, struct sgr_slice payload) {
    if (table->told_identity)
        return;
    table->told_identity = true;
    if (!change_tells_key(table, payload))
        host_of(source)->common.log(
            source->service.host_data, SGR_LOG_WARN,
            "%s.%s: its replica identity is not the key that is declared, so its deletes are "
            "found only by reading it again",
            table->description.schema, table->description.table);
}

static int keep(struct source *source, const struct queue_event *entry) {
    bool first = !source->queue.size;
    int code = queue_add(&source->queue, entry);
    if (!code && first)
        host_of(source)->timer_arm(source->gather, source->service.options->gather);
    if (code != SGR_ELIMIT || !source->paused || source->snapshot)
        return code;
    /* The engine does not want any more: what it would be late with is read anew then. */
    source->overflown = true;
    queue_clear(&source->queue);
    return SGR_OK;
}

bool source_event(void *data, struct table *table, struct sgr_slice payload, bool today) {
    struct source *source = data;
    struct sgr_error error;
    if (source->overflown)
        return true;
    if (!today)
        check_identity(source, table, payload);
    if (!keep(source, &(struct queue_event){table, payload, today}))
        return true;
    sgr_error_set(&error, SGR_EUNAVAILABLE,
                  "more changes came than fit `buffer` before they could be applied");
    source_failed(source, &error);
    return false;
}

void source_lost(void *data, const struct sgr_error *error) {
    source_failed(data, error);
}

static void connect_feed(struct source *source) {
    struct sgr_error error;
    source->began = host_of(source)->now(source->service.host_data);
    tell(source, SGR_SOURCE_CONNECTING, NULL);
    if (socket_open(&source->service, &source->feed, source->tables, source->count, &source->socket,
                    &error))
        source_failed(source, &error);
}

/* Without tables there is nothing to join. */
static void be_empty(struct source *source) {
    struct sgr_error error;
    if (source->asked)
        answer(source);
    if (!source->started || source->filled)
        return;
    int code = host_of(source)->begin_snapshot(source->service.host_data, source->epoch, &error);
    if (!code)
        code = end_snapshot(source, &error);
    source->filled = true;
    if (code)
        source_failed(source, &error);
    else
        tell(source, SGR_SOURCE_STREAMING, NULL);
}

void source_turn(void *data) {
    struct source *source = data;
    if (source->ended)
        return;
    if (!any_wanted(source))
        be_empty(source);
    else if (!source->socket)
        connect_feed(source);
    else
        go_on(source);
}
