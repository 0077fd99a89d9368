/* A source at work: what the parts of the plugin share. Engine's thread. */
#ifndef SOURCES_SUPABASE_SOURCE_H
#define SOURCES_SUPABASE_SOURCE_H

#include "change.h"
#include "queue.h"
#include "rows.h"
#include "socket.h"

enum { FIRST_DOUBT = 1000000, EPOCH_SIZE = 32 };

struct source {
    struct service service;
    json_t *json;
    struct table *tables;
    size_t count;
    struct socket_owner feed;
    struct socket *socket;
    struct rows *reading; /* a look at the tables, or a snapshot */
    struct queue queue;
    struct change_reader change;
    struct sgr_field *probe;  /* of an UPDATE that changes nothing */
    struct sgr_timer *turn;   /* the next thing to be done */
    struct sgr_timer *gather; /* until what has come is committed */
    struct sgr_timer *compare;
    char epoch[EPOCH_SIZE];
    uint64_t lsn; /* counts transactions and snapshots */
    unsigned failures;
    int64_t began;      /* the feed */
    int64_t compared;   /* when the last snapshot ended */
    int64_t doubt_wait; /* until the next reading because of a doubt */
    size_t *names;      /* tables that a description was asked of */
    size_t name_count;
    bool asked; /* and it was not given yet */
    bool started, filled, paused, ended;
    bool flowing;   /* the feed is joined, */
    bool missed;    /* and what was before has not been read yet */
    bool snapshot;  /* begun with the host, and not ended */
    bool doubted;   /* another reading is due */
    bool overflown; /* events were dropped while paused */
};

/* apply.c: events become changes. */

/* Applies all that the queue holds, within a transaction or behind a snapshot's rows. */
int source_apply(struct source *source, struct sgr_error *error);
/* Commits what has come, if it is the time for that. `data` is a source here and below. */
void source_gathered(void *data);

/* run.c: what is done when. */

void source_failed(struct source *source, const struct sgr_error *error);
/* Gives up the feed and whatever is under way. */
void source_let_go(struct source *source);
void source_turn(void *data);
/* Reads all rows again while the feed goes on: views stay as fresh as they are. */
void source_compare(void *data);
void source_flowing(void *data);
bool source_event(void *data, struct table *table, struct sgr_slice payload, bool today);
void source_lost(void *data, const struct sgr_error *error);

static inline const struct sgr_source_host *host_of(const struct source *source) {
    return source->service.host;
}

#endif
