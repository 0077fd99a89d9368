#include "follow.h"

#include <stdlib.h>

#include "catalog.h"
#include "holders.h"
#include "lag.h"
#include "recheck.h"
#include "sql.h"
#include "types.h"
#include "warnings.h"

enum { FIRST_LOOK = 500000, NEXT_LOOK = 5000000 };

struct follow {
    struct follow_setup setup;
    struct link *catalog_link, *replication_link;
    struct types *types;
    struct stream *stream;
    struct lag *lag;
    struct limits *limits; /* the memory's; NULL: sinks limit nothing */
    struct recheck *recheck;
    struct sgr_timer *timer; /* while the slot is waited for */
    struct slot_found found;
    char slot[64], system[64];
    uint64_t position; /* 0: not known yet */
    bool over, paused;
};

/* ---- The end ---- */

static void close_all(struct follow *follow) {
    recheck_free(follow->recheck);
    follow->recheck = NULL;
    stream_free(follow->stream);
    lag_free(follow->lag);
    types_free(follow->types);
    follow->stream = NULL;
    follow->lag = NULL;
    follow->types = NULL;
    follow->setup.host->timer_free(follow->timer);
    follow->timer = NULL;
    link_close(follow->replication_link);
    link_close(follow->catalog_link);
    follow->replication_link = follow->catalog_link = NULL;
}

/* What the next attempt goes on from. */
static void remember(struct follow *follow) {
    struct follow_memory *memory = follow->setup.memory;
    if (!follow->stream || !memory->slot.begun)
        return;
    uint64_t committed = stream_committed(follow->stream);
    memory->durable = stream_durable(follow->stream);
    memory->slot.position = committed > memory->durable ? committed : memory->durable;
}

/* The server looks a publication up as it was at each change: a slot that met a change without it never gets past that, also when the
 * publication is made again. */
static void note_lost_publication(struct follow *follow, const struct sgr_error *error) {
    struct slot_memory *memory = &follow->setup.memory->slot;
    if (!follow->stream || !follow->setup.slot || !strstr(error->message, "SQLSTATE 42704"))
        return;
    memory->drop = true;
    if (!memory->gap)
        memory->gap = "publication_lost";
}

/* Whether the log alone has it so, or the catalog too, is for the next attempt to see. */
static void note_refused(struct follow *follow, struct sgr_error *error) {
    if (!follow->limits || error->code != SGR_ELOST)
        return;
    follow->setup.memory->refused = true;
    error->code = SGR_EUNAVAILABLE;
}

static void end(void *data, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error copy = *error;
    if (follow->over)
        return;
    follow->over = true;
    note_lost_publication(follow, error);
    note_refused(follow, &copy);
    remember(follow);
    close_all(follow);
    follow->setup.over(follow->setup.data, &copy);
}

/* Ends it if there is an error; true: it is over. */
static bool ended(struct follow *follow, const struct sgr_error *error) {
    if (error)
        end(follow, error);
    return error != NULL;
}

static void tell(struct follow *follow, enum sgr_source_state state,
                 const struct sgr_error *error) {
    follow->setup.host->state(follow->setup.host_data, state, error);
}

static int query(struct follow *follow, struct link *link, struct sql *sql, link_answer *answer,
                 struct sgr_error *error) {
    int code = link_query(link, sql->text, NULL, answer, follow, error);
    sql_fini(sql);
    return code;
}

/* ---- 8. The stream ---- */

static void lag_exceeded(void *data, int64_t bytes) {
    struct follow *follow = data;
    struct slot_memory *memory = &follow->setup.memory->slot;
    struct sgr_error error;
    memory->drop = follow->setup.slot != NULL;
    if (!memory->gap)
        memory->gap = "slot_lag";
    sgr_error_set(
        &error, SGR_EUNAVAILABLE,
        "the slot %s lags %lld bytes behind, which is over slot_lag_limit: it is dropped, "
        "and the stream begins anew",
        follow->slot, (long long)bytes);
    end(follow, &error);
}

/* Always if there is a limit, and while we are paused, for then nothing else tells how far the log goes. */
static int watch_lag(struct follow *follow, struct sgr_error *error) {
    const struct follow_setup *setup = &follow->setup;
    struct lag_setup lag = {.host = setup->host,
                            .host_data = setup->host_data,
                            .target = setup->target,
                            .connect_timeout = setup->connect_timeout,
                            .slot = follow->slot,
                            .limit = setup->lag_limit,
                            .exceeded = lag_exceeded,
                            .data = follow};
    if (setup->lag_limit || follow->paused)
        return follow->lag ? SGR_OK : lag_new(&lag, &follow->lag, error);
    lag_free(follow->lag);
    follow->lag = NULL;
    return SGR_OK;
}

static void streaming(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct slot_memory *memory = &follow->setup.memory->slot;
    struct sgr_error own;
    (void)result;
    if (ended(follow, error))
        return;
    link_close(follow->catalog_link);
    follow->catalog_link = NULL;
    if (watch_lag(follow, &own)) {
        end(follow, &own);
        return;
    }
    const char *gap = memory->gap;
    struct sgr_position position = {.lsn = follow->position, .epoch = follow->system};
    memory->begun = true;
    memory->gap = NULL;
    memcpy(memory->system, follow->system, sizeof(memory->system));
    link_set_delay(follow->replication_link, follow->setup.batch_delay);
    tell(follow, SGR_SOURCE_STREAMING, NULL);
    follow->setup.host->flowing(follow->setup.host_data, &position, gap);
    if (!follow->over && follow->found.exists) /* before the first transaction of what is behind */
        lag_tell_end(follow->setup.host, follow->setup.host_data,
                     follow->found.confirmed + (uint64_t)follow->found.lag);
    if (!follow->over && follow->paused)
        stream_pause(follow->stream, true);
}

static int announced(void *data, uint32_t oid, const struct sgr_relation *relation,
                     struct sgr_error *error) {
    struct follow *follow = data;
    if (!follow->recheck)
        return SGR_OK;
    return recheck_announced(follow->recheck, follow->stream, oid, relation, error);
}

static int message(void *data, char *bytes, size_t size, struct sgr_error *error) {
    struct follow *follow = data;
    return stream_message(follow->stream, bytes, size, error);
}

static void add_publications(const struct follow *follow, struct sql *sql) {
    struct sql names = {0};
    for (size_t i = 0; i < follow->setup.publication_count; i++) {
        sql_add(&names, i ? ", " : "");
        sql_identifier(&names, follow->setup.publications[i]);
    }
    sql_literal(sql, names.text ? names.text : "");
    sql_fini(&names);
}

/* What was handed to the host but not acknowledged stays unacknowledged, unless it cannot be any more. */
static uint64_t durable_from(const struct follow *follow) {
    const struct follow_memory *memory = follow->setup.memory;
    bool goes_on = memory->slot.begun && !memory->slot.gap;
    return goes_on && memory->durable < follow->position ? memory->durable : follow->position;
}

static int start_stream(struct follow *follow, struct sgr_error *error) {
    follow->setup.memory->durable = durable_from(follow);
    struct stream_setup setup = {.host = follow->setup.host,
                                 .host_data = follow->setup.host_data,
                                 .link = follow->replication_link,
                                 .relations = relations_new_following(follow->types),
                                 .position = follow->position,
                                 .durable = follow->setup.memory->durable,
                                 .prompt = follow->setup.slot != NULL,
                                 .announced = announced,
                                 .lost = end,
                                 .data = follow};
    int code = stream_new(&setup, &follow->stream, error);
    if (code)
        return code;
    struct sql sql = {0};
    sql_add(&sql, "START_REPLICATION SLOT ");
    sql_identifier(&sql, follow->slot);
    sql_add(&sql, " LOGICAL %X/%X (proto_version '1', publication_names ",
            (unsigned)(follow->position >> 32), (unsigned)follow->position);
    add_publications(follow, &sql);
    sql_add(&sql, ")");
    code = link_query(follow->replication_link, sql.text, message, streaming, follow, error);
    sql_fini(&sql);
    return code;
}

/* ---- 7. The slot ---- */

static void slot_made(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    unsigned high, low;
    struct sgr_error own;
    if (ended(follow, error))
        return;
    follow->setup.host->timer_cancel(follow->timer);
    int code = PQnfields(result) >= 2 && sscanf(PQgetvalue(result, 0, 1), "%X/%X", &high, &low) == 2
                   ? SGR_OK
                   : sgr_error_set(&own, SGR_EUNAVAILABLE,
                                   "the server's answer about the slot is not understood");
    if (!code) {
        follow->position = (uint64_t)high << 32 | low;
        code = start_stream(follow, &own);
    }
    if (code)
        end(follow, &own);
}

static void holders_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own;
    if (ended(follow, error) || follow->position)
        return;
    holders_describe(result, &own);
    tell(follow, SGR_SOURCE_WAITING, &own);
    if (!follow->over)
        follow->setup.host->timer_arm(follow->timer, NEXT_LOOK);
}

static void look_at_holders(void *data) {
    struct follow *follow = data;
    struct sgr_error error;
    if (link_idle(follow->catalog_link) &&
        link_query(follow->catalog_link, holders_sql, NULL, holders_known, follow, &error))
        end(follow, &error);
}

static int make_slot(struct follow *follow, struct sgr_error *error) {
    struct sql sql = {0};
    sql_add(&sql, "CREATE_REPLICATION_SLOT ");
    sql_identifier(&sql, follow->slot);
    sql_add(&sql, "%s LOGICAL pgoutput NOEXPORT_SNAPSHOT", follow->setup.slot ? "" : " TEMPORARY");
    int code = query(follow, follow->replication_link, &sql, slot_made, error);
    if (!code)
        follow->setup.host->timer_arm(follow->timer, FIRST_LOOK);
    return code;
}

static void slot_dropped(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own;
    (void)result;
    if (ended(follow, error))
        return;
    follow->setup.memory->slot.drop = false;
    follow->setup.host->common.log(follow->setup.host_data, SGR_LOG_WARN,
                                   "dropped the replication slot %s (%s)", follow->slot,
                                   follow->setup.memory->slot.gap);
    if (make_slot(follow, &own))
        end(follow, &own);
}

static int drop_slot(struct follow *follow, struct sgr_error *error) {
    struct sql sql = {0};
    sql_add(&sql, "DROP_REPLICATION_SLOT ");
    sql_identifier(&sql, follow->slot);
    return query(follow, follow->replication_link, &sql, slot_dropped, error);
}

/* A temporary slot's name is unique as long as its walsender lives, which is as long as it lives itself. */
static int make_temporary(struct follow *follow, struct sgr_error *error) {
    struct slot_memory *memory = &follow->setup.memory->slot;
    bool other = strcmp(memory->system, follow->system) != 0;
    if (memory->begun && !memory->gap)
        memory->gap = other ? "other_system" : "temporary_slot";
    snprintf(follow->slot, sizeof(follow->slot), "sangre_%d_%08x",
             link_backend(follow->replication_link),
             (unsigned)follow->setup.host->random(follow->setup.host_data));
    return make_slot(follow, error);
}

static int use_slot(struct follow *follow, struct sgr_error *error) {
    const struct follow_setup *setup = &follow->setup;
    enum slot_action action;
    int code = slot_judge(follow->slot, &follow->found, follow->system, setup->lag_limit,
                          &setup->memory->slot, &action, &follow->position, error);
    if (code)
        return code;
    if (action == SLOT_USE)
        return start_stream(follow, error);
    return action == SLOT_MAKE ? make_slot(follow, error) : drop_slot(follow, error);
}

/* ---- 6. The replication link ---- */

static void identified(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own;
    if (ended(follow, error))
        return;
    snprintf(follow->system, sizeof(follow->system), "%s/%s", PQgetvalue(result, 0, 0),
             PQgetvalue(result, 0, 1));
    if (follow->setup.slot ? use_slot(follow, &own) : make_temporary(follow, &own))
        end(follow, &own);
}

static void replication_ready(void *data) {
    struct follow *follow = data;
    struct sgr_error error;
    if (link_query(follow->replication_link, "IDENTIFY_SYSTEM", NULL, identified, follow, &error))
        end(follow, &error);
}

static int open_link(struct follow *follow, bool replication, void (*ready)(void *data),
                     struct link **ret, struct sgr_error *error) {
    struct link_owner owner = {.host = follow->setup.host,
                               .host_data = follow->setup.host_data,
                               .ready = ready,
                               .lost = end,
                               .data = follow};
    return link_open(&owner, follow->setup.target, replication, follow->setup.connect_timeout, ret,
                     error);
}

static int looked(struct follow *follow, struct sgr_error *error) {
    if (!follow->setup.check)
        return open_link(follow, true, replication_ready, &follow->replication_link, error);
    struct sgr_position position = {.lsn = follow->found.confirmed, .epoch = ""};
    tell(follow, SGR_SOURCE_STREAMING, NULL);
    follow->setup.host->flowing(follow->setup.host_data, &position, NULL);
    return SGR_OK;
}

/* ---- 5. What there is of the slot ---- */

static void slot_known(void *data, const PGresult *result, const struct sgr_error *error) {
    enum { FOREIGN, LOST, CONFIRMED, LAG };
    struct follow *follow = data;
    struct sgr_error own;
    unsigned high = 0, low = 0;
    if (ended(follow, error))
        return;
    follow->found = (struct slot_found){.exists = PQntuples(result) > 0};
    if (follow->found.exists) {
        follow->found.foreign = PQgetvalue(result, 0, FOREIGN)[0] == 't';
        follow->found.lost = PQgetvalue(result, 0, LOST)[0] == 't';
        follow->found.lag = strtoll(PQgetvalue(result, 0, LAG), NULL, 10);
        if (sscanf(PQgetvalue(result, 0, CONFIRMED), "%X/%X", &high, &low) == 2)
            follow->found.confirmed = (uint64_t)high << 32 | low;
    }
    if (looked(follow, &own))
        end(follow, &own);
}

static int ask_slot(struct follow *follow, struct sgr_error *error) {
    struct sql sql = {0};
    if (!follow->setup.slot)
        return looked(follow, error);
    snprintf(follow->slot, sizeof(follow->slot), "%s", follow->setup.slot);
    sql_add(&sql,
            "SELECT plugin IS DISTINCT FROM 'pgoutput' OR database IS DISTINCT FROM "
            "current_database() OR temporary, restart_lsn IS NULL%s, confirmed_flush_lsn, "
            "pg_wal_lsn_diff(" LAG_END_OF_LOG ", confirmed_flush_lsn)::bigint"
            " FROM pg_replication_slots WHERE slot_name = ",
            link_version(follow->catalog_link) >= 130000 ? " OR wal_status = 'lost'" : "");
    sql_literal(&sql, follow->setup.slot);
    return query(follow, follow->catalog_link, &sql, slot_known, error);
}

/* ---- 4. Types ---- */

static void types_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own;
    if (ended(follow, error))
        return;
    follow->types = types_new();
    int code = follow->types ? types_read(follow->types, result, &own)
                             : sgr_error_set(&own, SGR_ENOMEM, "out of memory for types");
    if (!code)
        code = ask_slot(follow, &own);
    if (code)
        end(follow, &own);
}

/* ---- 3. What to warn of ---- */

static void warnings_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own;
    if (ended(follow, error))
        return;
    if (!follow->setup.memory->warned)
        warnings_log(follow->setup.host, follow->setup.host_data, result);
    follow->setup.memory->warned = true;
    if (link_query(follow->catalog_link, types_sql, NULL, types_known, follow, &own))
        end(follow, &own);
}

static int ask_warnings(struct follow *follow, struct sgr_error *error) {
    struct sql sql = {0};
    const struct follow_setup *setup = &follow->setup;
    warnings_sql(setup->publications, setup->publication_count, setup->bypass_row_security, &sql);
    return query(follow, follow->catalog_link, &sql, warnings_known, error);
}

/* ---- 2. What sinks limit ---- */

/* What was right when we began may be so again: until then nobody gets anything. The log goes on telling how it was meanwhile, which the catalog
 * does not know then. */
static void limits_broken(void *data, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own = *error;
    if (own.code == SGR_EFATAL && follow->setup.memory->slot.begun) {
        own.code = SGR_EUNAVAILABLE;
        follow->setup.memory->refused = true;
    }
    end(follow, &own);
}

/* The catalog is right, but the log goes on telling how it was, so that no attempt would get past it. */
static void leave_slot(struct follow *follow) {
    struct slot_memory *memory = &follow->setup.memory->slot;
    follow->setup.memory->refused = false;
    memory->drop = follow->setup.slot != NULL;
    if (!memory->gap)
        memory->gap = "limited_rows";
}

static void limits_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own;
    if (ended(follow, error))
        return;
    if (follow->setup.memory->refused || !follow->setup.slot)
        limits_forget(follow->limits); /* as the slot will be a new one */
    if (limits_read(follow->limits, result, &own))
        limits_broken(follow, &own);
    else if (ask_warnings(follow, &own))
        end(follow, &own);
    else if (follow->setup.memory->refused)
        leave_slot(follow);
}

static int ask_limits_first(struct follow *follow, struct sgr_error *error) {
    if (!follow->setup.limited_count)
        return ask_warnings(follow, error);
    const struct follow_setup *setup = &follow->setup;
    if (!setup->memory->limits)
        setup->memory->limits =
            limits_new(&(struct limits_setup){.names = setup->limited,
                                              .count = setup->limited_count,
                                              .publications = setup->publications,
                                              .publication_count = setup->publication_count});
    follow->limits = setup->memory->limits;
    follow->recheck = recheck_new(&(struct recheck_setup){.host = setup->host,
                                                          .host_data = setup->host_data,
                                                          .target = setup->target,
                                                          .connect_timeout = setup->connect_timeout,
                                                          .limits = follow->limits,
                                                          .failed = limits_broken,
                                                          .data = follow});
    if (!follow->limits || !follow->recheck)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for what sinks limit");
    return limits_ask(follow->limits, follow->catalog_link, 0, limits_known, follow, error);
}

/* ---- 1. Facts ---- */

static int check_publications(const struct follow *follow, const char *missing,
                              struct sgr_error *error) {
    if (!*missing)
        return SGR_OK;
    /* One that was there when we began may come back. */
    return sgr_error_set(error, follow->setup.memory->slot.begun ? SGR_EUNAVAILABLE : SGR_EFATAL,
                         "there is no publication %s. Run, as whoever owns the tables: CREATE "
                         "PUBLICATION %s FOR TABLE …, or FOR ALL TABLES",
                         missing, missing);
}

static void facts_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct follow *follow = data;
    struct sgr_error own;
    if (ended(follow, error))
        return;
    struct catalog facts = {.logical = PQgetvalue(result, 0, 0)[0] == 't',
                            .standby = PQgetvalue(result, 0, 1)[0] == 't',
                            .server_version = link_version(follow->catalog_link)};
    int code = catalog_check(&facts, true, &own);
    if (!code)
        code = check_publications(follow, PQgetvalue(result, 0, 2), &own);
    if (!code)
        code = ask_limits_first(follow, &own);
    if (code)
        end(follow, &own);
}

static void catalog_ready(void *data) {
    struct follow *follow = data;
    struct sgr_error error;
    struct sql sql = {0};
    sql_add(&sql, "SELECT current_setting('wal_level') = 'logical', pg_is_in_recovery(),"
                  " coalesce((SELECT quote_ident(w.name) FROM unnest(ARRAY[");
    sql_literals(&sql, follow->setup.publications, follow->setup.publication_count);
    sql_add(&sql, "]::text[]) w(name) WHERE NOT EXISTS"
                  " (SELECT 1 FROM pg_publication WHERE pubname = w.name) LIMIT 1), '')");
    if (query(follow, follow->catalog_link, &sql, facts_known, &error))
        end(follow, &error);
}

/* ---- Life ---- */

int follow_new(const struct follow_setup *setup, struct follow **ret, struct sgr_error *error) {
    struct follow *follow = calloc(1, sizeof(*follow));
    if (!follow)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a session");
    follow->setup = *setup;
    follow->paused = setup->paused;
    follow->timer = setup->host->timer(setup->host_data, look_at_holders, follow);
    int code = follow->timer ? open_link(follow, false, catalog_ready, &follow->catalog_link, error)
                             : sgr_error_set(error, SGR_ENOMEM, "out of memory for a session");
    if (code)
        follow_free(follow);
    else
        *ret = follow;
    return code;
}

bool follow_is_over(const struct follow *follow) {
    return follow->over;
}

void follow_pause(struct follow *follow, bool paused) {
    struct sgr_error unknown; /* then sinks know less */
    follow->paused = paused;
    if (!follow->stream)
        return;
    stream_pause(follow->stream, paused);
    watch_lag(follow, &unknown);
}

/* Sinks go on while we are away. */
void follow_ack(struct follow *follow, uint64_t lsn) {
    struct follow_memory *memory = follow->setup.memory;
    if (follow->stream)
        stream_ack(follow->stream, lsn);
    else if (lsn > memory->durable && lsn <= memory->slot.position && !memory->slot.gap)
        memory->durable = lsn;
}

/* A walsender that waits for transactions to end does not notice that we are gone. */
static void end_waiting(struct follow *follow) {
    struct sql sql = {0};
    if (follow->position || !follow->slot[0] || !link_idle(follow->catalog_link) ||
        !follow->replication_link)
        return;
    sql_add(&sql, "SELECT pg_terminate_backend(%d)", link_backend(follow->replication_link));
    link_last_words(follow->catalog_link, sql.text);
    follow->catalog_link = NULL;
    sql_fini(&sql);
}

void follow_free(struct follow *follow) {
    if (!follow)
        return;
    if (!follow->over) {
        follow->over = true;
        if (follow->stream)
            stream_report(follow->stream, NULL);
        end_waiting(follow);
    }
    close_all(follow);
    free(follow);
}
