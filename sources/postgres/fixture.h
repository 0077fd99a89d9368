/* For tests: a private cluster, a database in it for each test, and a source that follows it. */
#ifndef POSTGRES_FIXTURE_H
#define POSTGRES_FIXTURE_H

#include <libpq-fe.h>

#include "source_host.h"

struct fixture_options { /* as the plugin's */
    const char *conninfo;
    struct sgr_strings publication;
    const char *bypass_rls;
    int64_t batch_delay;
    int64_t connect_timeout;
    const char *slot;
    int64_t slot_lag_limit;
};

/* cmocka's group setup and teardown. */
int fixture_make_cluster(void **state);
int fixture_remove_cluster(void **state);
/* pg_cluster.sh COMMAND FOLDER ARGUMENTS */
void fixture_cluster(const char *command, const char *arguments);
/* Stops the server, which waits for its walsenders' clients, while the source goes on; true: the source was told DOWN. */
bool fixture_stop_under(struct source_host *host, const char *mode);

/* A fresh database; its conninfo lives until the next one. */
const char *fixture_database(const char *name);
/* A superuser's connection to it, with the settings that values' text depends on pinned. */
PGconn *fixture_connect(const char *conninfo);
void fixture_run(PGconn *connection, const char *sql);
/* The first value of the first row; free() it. */
char *fixture_value(PGconn *connection, const char *sql);
/* Asks until that is the answer; the time limit of the test ends what never is. The source gets no turn meanwhile. */
void fixture_until(PGconn *connection, const char *sql, const char *value);
/* Rows as source_host_rows has them. */
char *fixture_rows(PGconn *connection, const char *sql);

struct fixture_options fixture_options(const char *conninfo);
/* Opened, described and started; aborts the test if that fails. */
struct source_host *fixture_follow(const struct fixture_options *options, const char *const *tables,
                                   size_t count);
/* The same, and waits until it streams. */
struct source_host *fixture_stream(const char *conninfo, const char *const *tables, size_t count);
/* Waits until the source was told FAILED, and for these words in its message. */
void fixture_expect_failure(struct source_host *host, const char *words);
/* Waits until a table has a row that starts so. */
void fixture_expect_row(struct source_host *host, const char *table, const char *start);
void fixture_expect_same(struct source_host *host, PGconn *connection, const char *table,
                         const char *columns);

#endif
