#include "source.h"

enum {
    LAST_DOUBT = 900000000,
    CALM = 8, /* so many times the wait without a doubt, and it begins anew */
};

static void doubt(struct source *source, const char *why) {
    if (source->doubted)
        return;
    int64_t now = host_of(source)->now(source->service.host_data);
    if (now - source->compared > CALM * source->doubt_wait)
        source->doubt_wait = FIRST_DOUBT;
    source->doubted = true;
    host_of(source)->timer_arm(source->compare, source->doubt_wait);
    host_of(source)->common.log(source->service.host_data, SGR_LOG_INFO,
                                "%s: the tables are read again in %lld s", why,
                                (long long)(source->doubt_wait / 1000000));
    source->doubt_wait = source->doubt_wait * 2 < LAST_DOUBT ? source->doubt_wait * 2 : LAST_DOUBT;
}

/* Whether the row is there, asked by an UPDATE that leaves all of it as it is. */
static int look_for_row(struct source *source, const struct table *table,
                        const struct sgr_change *change, struct sgr_error *error) {
    struct sgr_change nothing = *change;
    bool only_key = true;
    for (size_t i = 0; i < table->description.column_count; i++) {
        bool key = table->description.columns[i].key;
        source->probe[i] =
            key ? change->new_fields[i] : (struct sgr_field){.kind = SGR_FIELD_UNCHANGED};
        only_key = only_key && key;
    }
    nothing.new_fields = source->probe;
    return only_key ? SGR_ENOTFOUND
                    : host_of(source)->change(source->service.host_data, &nothing, error);
}

/* Without the old key, an UPDATE may have given the row another one. If the row is not there under its key, it has; and if the table was being read
 * in pages, it may have been read under both. Either way the old one would stay. */
static int apply_assumed(struct source *source, const struct table *table,
                         const struct sgr_change *change, struct sgr_error *error) {
    int code = source->snapshot && table->pages > 1 ? SGR_ENOTFOUND
                                                    : look_for_row(source, table, change, error);
    if (code && code != SGR_ENOTFOUND)
        return code;
    if (code)
        doubt(source, "an update may have changed a key that the feed does not tell");
    return host_of(source)->change(source->service.host_data, change, error);
}

static int apply(struct source *source, const struct queue_event *event, struct sgr_error *error) {
    struct sgr_change change;
    enum change_doubt what;
    if (!event->table->relation)
        return SGR_OK;
    int code = change_read(&source->change, event->table, event->payload, event->today, &change,
                           &what, error);
    if (code)
        return code;
    if (what == CHANGE_ROW_UNTOLD || what == CHANGE_PART_UNTOLD) {
        doubt(source, what == CHANGE_ROW_UNTOLD ? "a delete does not tell the row's key"
                                                : "an event leaves values out");
        return SGR_OK;
    }
    code = what == CHANGE_KEY_ASSUMED
               ? apply_assumed(source, event->table, &change, error)
               : host_of(source)->change(source->service.host_data, &change, error);
    /* Behind a snapshot's rows it is an old event of a row that is gone since. */
    if (code == SGR_ELOST || (code == SGR_ENOTFOUND && !source->snapshot))
        doubt(source, "an event is about a row that is not there");
    if (code == SGR_ELOST || code == SGR_ENOTFOUND)
        return SGR_OK;
    return code;
}

int source_apply(struct source *source, struct sgr_error *error) {
    struct queue_event event;
    int code = SGR_OK;
    for (size_t at = 0; !code && queue_next(&source->queue, &at, &event);)
        code = apply(source, &event, error);
    queue_clear(&source->queue);
    return code;
}

static struct sgr_transaction next_transaction(struct source *source) {
    source->lsn++;
    return (struct sgr_transaction){.xid = (uint32_t)source->lsn,
                                    .commit_lsn = source->lsn,
                                    .end_lsn = source->lsn,
                                    .commit_time =
                                        host_of(source)->wall_clock(source->service.host_data)};
}

static int commit_gathered(struct source *source, struct sgr_error *error) {
    const struct sgr_source_host *host = host_of(source);
    struct sgr_transaction transaction = next_transaction(source);
    int code = host->begin(source->service.host_data, &transaction, error);
    if (!code)
        code = source_apply(source, error);
    if (!code)
        return host->commit(source->service.host_data, &transaction, error);
    host->abort(source->service.host_data);
    return code;
}

/* Of what is read or told while a snapshot is taken, its end makes one with it. */
static bool may_commit(const struct source *source) {
    return source->filled && !source->snapshot && !source->paused && !source->ended &&
           source->flowing && source->queue.size;
}

void source_gathered(void *data) {
    struct source *source = data;
    struct sgr_error error;
    if (may_commit(source) && commit_gathered(source, &error))
        source_failed(source, &error);
}
