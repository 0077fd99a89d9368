/* A minimal host for tests of source plugins: loads the plugin, runs it on the engine's loop (real or virtual time), folds what it emits
 * into tables, and keeps a readable trace of everything.
 *
 * Trace lines: "state streaming", "snapshot EPOCH", "row users 1|ann", "snapshot end", "begin 7", "I users 1|ann", "U users old K 1|~ new 2|ann",
 * "D users old …", "T users", "commit 7", "abort", "flowing". A null is ~, an unchanged value is =. An eventual source's changes are folded leniently: those
 * that can't be made are no faults but "refused not_found" or "refused lost". Real time only: outgoing requests and websockets. */
#ifndef SOURCE_HOST_H
#define SOURCE_HOST_H

#include <sangre/plugin.h>
#include <sangre/source.h>

#include "engine/loop.h"
#include "net/client.h"
#include "source_tables.h"

struct source_host {
    struct sgr_loop *loop;
    const struct sgr_plugin *plugin;
    void *state;
    enum sgr_source_state phase;
    struct sgr_error error; /* of the last state that had one */
    char *trace;
    size_t trace_size, trace_capacity;
    bool tracing;
    char *log; /* what the plugin logged */
    size_t log_size, log_capacity;
    struct source_table *tables;
    size_t table_count;
    bool described;
    struct sgr_client *client;
    const char *eventual; /* what the source says it cannot promise; NULL: nothing */
    int snapshots;        /* ended ones */
    char epoch[128];      /* of the last one begun */
    int epochs;           /* snapshots that were begun with another one than the last */
    uint64_t commits, changes;
    uint64_t position;
    bool ack; /* acknowledge each commit, as the engine does */
    bool pause_on_commit;
    uint64_t faults; /* broken promises of the source: the last one's text is in `fault` */
    char fault[256];
    bool (*until)(struct source_host *host, void *data);
    void *until_data;
    bool done, in_snapshot, rows_ended, in_transaction, timed_out;
};

/* While it is set, timers of more than a second that a source arms never fire. */
extern bool source_host_impatient;
/* Aborts the test program when the plugin does not load or open. NULL options: zeroed. */
struct source_host *source_host_new(const char *plugin_name, const void *options,
                                    bool virtual_time);
/* The same, but gives open's error back; NULL then. */
struct source_host *source_host_open(const char *plugin_name, const void *options,
                                     bool virtual_time, struct sgr_error *error);
void source_host_free(struct source_host *host);
/* Describes and waits for the answer or for FAILED; true: described, the tables are in host->tables. */
bool source_host_describe(struct source_host *host, const char *const *names, size_t count);
void source_host_start(struct source_host *host);
/* Runs the loop until `until` is true (asked after each call of the source), or the time is up: false. Real time only. */
bool source_host_wait(struct source_host *host, bool (*until)(struct source_host *, void *),
                      void *data, double seconds);
bool source_host_streaming(struct source_host *host, void *unused);
bool source_host_failed(struct source_host *host, void *unused);
/* The rows of a table, sorted, one a line; free() it. */
char *source_host_rows(struct source_host *host, const char *table);
void source_host_clear_trace(struct source_host *host);

#endif
