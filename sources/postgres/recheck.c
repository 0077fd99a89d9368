#include "recheck.h"

#include <stdlib.h>

enum { NEXT_LOOK = 50000, AFTER_FAILURE = 1000000, SLOW = 5000000, LONGEST_LOOK = 30000000 };

enum waits { TO_WARN, TO_GIVE_UP, TO_LOOK, TO_CONNECT };

struct recheck {
    struct recheck_setup setup;
    struct sgr_timer *timer;
    enum waits waits;  /* what for */
    int64_t since;     /* when the stream was held */
    bool warned;       /* that it takes long, or fails */
    struct link *link; /* NULL: none */
    struct stream *stream;
    struct limits_relation relation; /* that it is for; owns its texts */
};

static int64_t now(const struct recheck *recheck) {
    return recheck->setup.host->now(recheck->setup.host_data);
}

static void wait_for(struct recheck *recheck, enum waits waits, int64_t time) {
    recheck->waits = waits;
    recheck->setup.host->timer_arm(recheck->timer, time);
}

static void end_look(struct recheck *recheck) {
    recheck->setup.host->timer_cancel(recheck->timer);
    recheck->warned = false;
    link_close(recheck->link);
    recheck->link = NULL;
    free((char *)recheck->relation.schema);
    free((char *)recheck->relation.table);
    recheck->relation = (struct limits_relation){0};
}

static void failed(struct recheck *recheck, const struct sgr_error *error) {
    struct sgr_error copy = *error;
    end_look(recheck);
    recheck->setup.failed(recheck->setup.data, &copy);
}

static void warn(struct recheck *recheck, const char *why) {
    if (!recheck->warned)
        recheck->setup.host->common.log(
            recheck->setup.host_data, SGR_LOG_WARN,
            "the stream waits for a look at the tables whose rows sinks limit: %s", why);
    recheck->warned = true;
}

/* The stream can wait: another attempt would have to look as well. */
static void lost(void *data, const struct sgr_error *error) {
    struct recheck *recheck = data;
    warn(recheck, error->message);
    link_close(recheck->link);
    recheck->link = NULL;
    wait_for(recheck, TO_CONNECT, AFTER_FAILURE);
}

static int settle(struct recheck *recheck, struct sgr_error *error) {
    enum seen seen = limits_settle(recheck->setup.limits, &recheck->relation);
    if (seen == SEEN_NOT)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for what sinks limit");
    if (seen == SEEN_REFUSED)
        stream_refuse(recheck->stream, recheck->relation.oid);
    return SGR_OK;
}

/* For that it may wait as long as standbys are waited for. */
static void look_once_more(struct recheck *recheck) {
    if (now(recheck) - recheck->since > SLOW)
        warn(recheck, "a transaction is sent that others do not see yet");
    wait_for(recheck, TO_LOOK, NEXT_LOOK);
}

static void known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct recheck *recheck = data;
    struct sgr_error own;
    if (error) {
        lost(recheck, error);
    } else if (limits_read(recheck->setup.limits, result, &own)) {
        failed(recheck, &own);
    } else if (!limits_cover(recheck->setup.limits, recheck->relation.xid)) {
        look_once_more(recheck);
    } else if (settle(recheck, &own)) {
        failed(recheck, &own);
    } else {
        end_look(recheck);
        stream_hold(recheck->stream, false);
    }
}

static void look(void *data) {
    struct recheck *recheck = data;
    struct sgr_error error;
    wait_for(recheck, TO_WARN, SLOW);
    if (limits_ask(recheck->setup.limits, recheck->link, recheck->relation.oid, known, recheck,
                   &error))
        failed(recheck, &error);
}

static int reach(struct recheck *recheck, struct sgr_error *error) {
    const struct recheck_setup *setup = &recheck->setup;
    struct link_owner owner = {.host = setup->host,
                               .host_data = setup->host_data,
                               .ready = look,
                               .lost = lost,
                               .data = recheck};
    return link_open(&owner, setup->target, false, setup->connect_timeout, &recheck->link, error);
}

static void give_up(struct recheck *recheck) {
    struct sgr_error error;
    sgr_error_set(&error, SGR_EUNAVAILABLE, "no answer for %d s", LONGEST_LOOK / 1000000);
    lost(recheck, &error);
}

static void time_is_up(void *data) {
    struct recheck *recheck = data;
    struct sgr_error error;
    switch (recheck->waits) {
    case TO_WARN:
        warn(recheck, "it takes long");
        wait_for(recheck, TO_GIVE_UP, LONGEST_LOOK - SLOW);
        break;
    case TO_GIVE_UP:
        give_up(recheck);
        break;
    case TO_LOOK:
        look(recheck);
        break;
    case TO_CONNECT:
        if (reach(recheck, &error))
            lost(recheck, &error);
        break;
    }
}

static int begin_look(struct recheck *recheck, const struct limits_relation *relation,
                      struct sgr_error *error) {
    recheck->relation = (struct limits_relation){relation->oid, strdup(relation->schema),
                                                 strdup(relation->table), relation->xid};
    if (!recheck->relation.schema || !recheck->relation.table)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for what sinks limit");
    stream_hold(recheck->stream, true);
    recheck->since = now(recheck);
    return reach(recheck, error);
}

int recheck_announced(struct recheck *recheck, struct stream *stream, uint32_t oid,
                      const struct sgr_relation *relation, struct sgr_error *error) {
    const struct limits_relation announced = {oid, relation->schema, relation->table,
                                              stream_xid(stream)};
    enum seen seen = limits_seen(recheck->setup.limits, &announced);
    recheck->stream = stream;
    if (seen == SEEN_REFUSED)
        stream_refuse(stream, oid);
    return seen == SEEN_NOT ? begin_look(recheck, &announced, error) : SGR_OK;
}

struct recheck *recheck_new(const struct recheck_setup *setup) {
    struct recheck *recheck = calloc(1, sizeof(*recheck));
    if (!recheck)
        return NULL;
    recheck->setup = *setup;
    recheck->timer = setup->host->timer(setup->host_data, time_is_up, recheck);
    if (recheck->timer)
        return recheck;
    free(recheck);
    return NULL;
}

void recheck_free(struct recheck *recheck) {
    if (!recheck)
        return;
    end_look(recheck);
    recheck->setup.host->timer_free(recheck->timer);
    free(recheck);
}
