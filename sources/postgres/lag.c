#include "lag.h"

#include <stdlib.h>

#include "sql.h"

enum { LOOK_EVERY = 1000000 };

struct lag {
    struct lag_setup setup;
    struct link *link; /* NULL: none */
    struct sgr_timer *timer;
};

static void look_again(struct lag *lag) {
    lag->setup.host->timer_arm(lag->timer, LOOK_EVERY);
}

static void lost(void *data, const struct sgr_error *error) {
    struct lag *lag = data;
    lag->setup.host->common.log(lag->setup.host_data, SGR_LOG_DEBUG,
                                "the slot's lag is unknown: %s", error->message);
    link_close(lag->link);
    lag->link = NULL;
    look_again(lag);
}

void lag_tell_end(const struct sgr_source_host *host, void *host_data, uint64_t lsn) {
    if (host->common.size > offsetof(struct sgr_source_host, log_end))
        host->log_end(host_data, lsn);
}

static void tell_end(const struct lag *lag, const char *end) {
    unsigned high, low;
    if (sscanf(end, "%X/%X", &high, &low) == 2)
        lag_tell_end(lag->setup.host, lag->setup.host_data, (uint64_t)high << 32 | low);
}

static void known(void *data, const PGresult *result, const struct sgr_error *error) {
    enum { END, BYTES };
    struct lag *lag = data;
    if (error) {
        lost(lag, error);
        return;
    }
    look_again(lag);
    if (!PQntuples(result))
        return;
    int64_t bytes = strtoll(PQgetvalue(result, 0, BYTES), NULL, 10);
    tell_end(lag, PQgetvalue(result, 0, END));
    if (lag->setup.limit && bytes > lag->setup.limit)
        lag->setup.exceeded(lag->setup.data, bytes);
}

static void ask(void *data) {
    struct lag *lag = data;
    struct sql sql = {0};
    struct sgr_error error;
    sql_add(&sql, "SELECT log_end, pg_wal_lsn_diff(log_end, confirmed_flush_lsn)::bigint"
                  " FROM pg_replication_slots, (SELECT " LAG_END_OF_LOG " AS log_end) l"
                  " WHERE slot_name = ");
    sql_literal(&sql, lag->setup.slot);
    if (link_query(lag->link, sql.text, NULL, known, lag, &error))
        lost(lag, &error);
    sql_fini(&sql);
}

static void look(void *data) {
    struct lag *lag = data;
    struct link_owner owner = {.host = lag->setup.host,
                               .host_data = lag->setup.host_data,
                               .ready = ask,
                               .lost = lost,
                               .data = lag};
    struct sgr_error error;
    if (lag->link && link_idle(lag->link))
        ask(lag);
    else if (!lag->link && link_open(&owner, lag->setup.target, false, lag->setup.connect_timeout,
                                     &lag->link, &error))
        lost(lag, &error);
}

int lag_new(const struct lag_setup *setup, struct lag **ret, struct sgr_error *error) {
    struct lag *lag = calloc(1, sizeof(*lag));
    if (lag) {
        lag->setup = *setup;
        lag->timer = setup->host->timer(setup->host_data, look, lag);
    }
    if (!lag || !lag->timer) {
        lag_free(lag);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a look at the slot's lag");
    }
    look_again(lag);
    *ret = lag;
    return SGR_OK;
}

void lag_free(struct lag *lag) {
    if (!lag)
        return;
    link_close(lag->link);
    lag->setup.host->timer_free(lag->timer);
    free(lag);
}
