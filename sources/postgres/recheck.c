#include "recheck.h"

#include <stdlib.h>

enum { NEXT_LOOK = 50000 };

struct recheck {
    struct recheck_setup setup;
    struct sgr_timer *timer; /* until the next look, as the last one was too early */
    struct link *link;       /* NULL: no look is being taken */
    struct stream *stream;
    struct limits_relation relation; /* that it is for; owns its texts */
};

static void end_look(struct recheck *recheck) {
    recheck->setup.host->timer_cancel(recheck->timer);
    link_close(recheck->link);
    recheck->link = NULL;
    free((char *)recheck->relation.schema);
    free((char *)recheck->relation.table);
    recheck->relation = (struct limits_relation){0};
}

static void failed(void *data, const struct sgr_error *error) {
    struct recheck *recheck = data;
    struct sgr_error copy = *error;
    end_look(recheck);
    recheck->setup.failed(recheck->setup.data, &copy);
}

static int settle(struct recheck *recheck, struct sgr_error *error) {
    enum seen seen = limits_settle(recheck->setup.limits, &recheck->relation);
    if (seen == SEEN_NOT)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for what sinks limit");
    if (seen == SEEN_REFUSED)
        stream_refuse(recheck->stream, recheck->relation.oid);
    return SGR_OK;
}

static void known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct recheck *recheck = data;
    struct sgr_error own;
    if (error) {
        failed(recheck, error);
    } else if (limits_read(recheck->setup.limits, result, &own)) {
        failed(recheck, &own);
    } else if (!limits_cover(recheck->setup.limits, recheck->relation.xid)) {
        recheck->setup.host->timer_arm(recheck->timer, NEXT_LOOK);
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
    if (limits_ask(recheck->setup.limits, recheck->link, known, recheck, &error))
        failed(recheck, &error);
}

static int begin_look(struct recheck *recheck, const struct limits_relation *relation,
                      struct sgr_error *error) {
    const struct recheck_setup *setup = &recheck->setup;
    struct link_owner owner = {.host = setup->host,
                               .host_data = setup->host_data,
                               .ready = look,
                               .lost = failed,
                               .data = recheck};
    recheck->relation = (struct limits_relation){relation->oid, strdup(relation->schema),
                                                 strdup(relation->table), relation->xid};
    if (!recheck->relation.schema || !recheck->relation.table)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for what sinks limit");
    stream_hold(recheck->stream, true);
    return link_open(&owner, setup->target, false, setup->connect_timeout, &recheck->link, error);
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
    recheck->timer = setup->host->timer(setup->host_data, look, recheck);
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
