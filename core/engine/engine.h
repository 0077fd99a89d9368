/* The engine's parts, for the files of this folder and for tests that drive it in virtual time. The public interface is
 * sangre/sangre.h. Everything here belongs to the engine's thread. */
#ifndef SGR_ENGINE_ENGINE_H
#define SGR_ENGINE_ENGINE_H

#include <sangre/sangre.h>

#include "engine/cursors.h"
#include "engine/loop.h"
#include "engine/publish.h"
#include "graph/relation.h"
#include "net/client.h"
#include "net/server.h"
#include "plan/plan.h"

enum { ENGINE_TRIM_EVERY = 1000000 }; /* microseconds: what histories let go of */

enum engine_phase {
    ENGINE_DESCRIBING, /* sources are being asked for their tables */
    ENGINE_FILLING,    /* built; first snapshots are coming in */
    ENGINE_SERVING,
    ENGINE_STOPPING,
};

struct engine_relation { /* a table that nodes use */
    struct sgr_relation description;
    char *name;            /* as written in the config */
    struct sgr_fold *fold; /* NULL until a node asks for it */
    bool touched;          /* by the transaction under way */
};

struct engine_source {
    struct sgr_engine *engine;
    const struct sgr_plan_source *plan;
    const struct sgr_source_methods *methods;
    void *state;
    size_t position_index;              /* among the engine's sources */
    struct engine_relation *relations;  /* plan->table_count of them */
    struct sgr_relation **started_with; /* what start was given; lives as long */
    const char *eventual;               /* what it cannot promise; NULL: it is exact */
    bool described, started, filled;
    bool in_snapshot, rows_ended, comparing; /* the last: this snapshot is */
    uint64_t comparisons, gaps; /* how many there were, and how many of them found a difference */
    bool other_epoch;           /* one with another epoch was begun, and none ended since */
    enum sgr_source_state phase;
    char *epoch;       /* of its present snapshot */
    uint64_t position; /* commit end it was applied up to */
    bool paused;
};

struct engine_stream; /* a source's change stream, for the sinks that bind it; see streams.c */

struct engine_ticker { /* one period that nodes asked for */
    struct sgr_engine *engine;
    int64_t period;
    uint64_t tick;
    struct sgr_timer *timer;
};

struct sgr_engine {
    struct sgr_engine_options options;
    struct sgr_document *document;
    struct sgr_loader *loader;
    struct sgr_plan *plan;
    struct sgr_loop *loop;
    struct sgr_heap *heap;
    struct sgr_graph *graph;
    struct sgr_views *views;
    struct sgr_cursors *cursors;
    struct sgr_hub *hub;
    struct sgr_publisher *publisher;
    struct sgr_server *server;
    struct sgr_client *client; /* sources' outgoing connections */

    struct engine_source *sources;
    size_t source_count;
    struct engine_stream *streams; /* by source; those that no sink binds are empty */
    struct engine_ticker *tickers;
    size_t ticker_count;
    struct sgr_timer *trimmer, *unblocker;

    enum engine_phase phase;
    bool check_only, virtual_time;
    uint64_t seed;
    uint64_t commit;          /* number of the last one */
    int stop_asked;           /* atomic */
    struct sgr_error failure; /* code 0: none */
};

/* For tests: an engine on virtual time, without a listener; drive it with sgr_loop_advance. */
int sgr__engine_new(const struct sgr_engine_options *options, bool virtual_time,
                    struct sgr_engine **ret, struct sgr_error *error);
int sgr__engine_start(struct sgr_engine *engine, struct sgr_error *error);
void sgr__engine_end(struct sgr_engine *engine);

/* What making and running need of each other. */
uint64_t sgr__engine_random_seed(void); /* never 0 */
int sgr__engine_make_loop(struct sgr_engine *engine, struct sgr_error *error);
void sgr__engine_stop_server(struct sgr_engine *engine); /* if there is one */

/* Ends the loop with this error. */
void sgr__engine_fail(struct sgr_engine *engine, const struct sgr_error *error);
/* Runs the graph over what was fed and publishes it as one commit. source NULL: a tick, which has run it already. */
int sgr__engine_commit(struct sgr_engine *engine, struct engine_source *source, int64_t unix_time,
                       struct sgr_error *error);
/* Staleness follows the sources' states. */
void sgr__engine_source_changed(struct sgr_engine *engine);

void sgr__sources_built(struct sgr_engine *engine); /* nodes have all the indexes they will use */
/* The table that sources get; a test that plays a source calls it with a struct engine_source as host. */
const struct sgr_source_host *sgr__source_host(void);
const char *sgr__source_state_name(enum sgr_source_state state);
int sgr__sources_open(struct sgr_engine *engine, struct sgr_error *error);
void sgr__sources_close(struct sgr_engine *engine);
struct sgr_node *sgr__source_table(void *data, size_t index, const char *table);
int sgr__source_start(struct engine_source *source, struct sgr_error *error);
/* The table that a source means; NULL: none that we know. */
struct engine_relation *sgr__source_relation(struct engine_source *source,
                                             struct sgr_relation *relation);

/* snapshots.c: the first ones make the engine ready, a later one starts a new epoch. */
int sgr__snapshot_begin(void *host, const char *epoch, struct sgr_error *error);
int sgr__snapshot_row(void *host, struct sgr_relation *relation, const struct sgr_field *fields,
                      struct sgr_error *error);
/* Changes follow. */
int sgr__snapshot_rows_end(struct engine_source *source, struct sgr_error *error);
int sgr__snapshot_end(void *host, uint64_t lsn, struct sgr_error *error);

int sgr__streams_open(struct sgr_engine *engine, struct sgr_error *error);
/* The source's tables are filled, if it has any in use: its stream may begin. */
int sgr__stream_start(struct sgr_engine *engine, size_t source, struct sgr_error *error);
/* The table that a stream's source gets, and its host: for a test that plays the source. */
const struct sgr_source_host *sgr__stream_host(struct sgr_engine *engine, size_t source,
                                               void **ret_host);
bool sgr__streams_checked(struct sgr_engine *engine);

/* ---- What sinks need of tables (needs.c) ---- */

/* Of the source of a stream that is opened: the rows of these tables come by their names. */
int sgr__needs_limit(const struct sgr_plan *plan, const struct engine_source *stream,
                     struct sgr_error *error);

/* In a check. *ret_none: nothing is needed of this source; else it is asked to describe the tables. */
int sgr__needs_ask(const struct sgr_plan *plan, size_t source,
                   const struct sgr_source_methods *methods, void *state, bool *ret_none,
                   struct sgr_error *error);
/* SGR_ECONFIG: a table cannot give what is needed of it. */
int sgr__needs_judge(const struct sgr_plan *plan, size_t source,
                     const struct sgr_relation *relations, size_t count, struct sgr_error *error);
/* Looks at what sinks have handled and let go of. */
void sgr__streams_turn(struct sgr_engine *engine);
void sgr__streams_close(struct sgr_engine *engine);
void sgr__streams_explain(const struct sgr_engine *engine, enum sgr_explain_format format,
                          bool live, struct sgr_buffer *out);

int sgr__tickers_start(struct sgr_engine *engine, struct sgr_error *error);
void sgr__tickers_stop(struct sgr_engine *engine);

/* metrics.c: all that the engine counts, in Prometheus' text format. */
void sgr__engine_write_metrics(const struct sgr_engine *engine, struct sgr_buffer *out);
void sgr__streams_metrics(const struct sgr_engine *engine, struct sgr_buffer *out);
void sgr__engine_write_explain(void *data, enum sgr_explain_format format, struct sgr_buffer *out);

#endif
