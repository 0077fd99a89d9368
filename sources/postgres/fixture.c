#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE = 120 }; /* s; only what is broken takes that long, however slow the machine */

static char folder[256];

static FILE *begin_script(const char *command, const char *arguments) {
    char line[1024];
    snprintf(line, sizeof(line), "%s %s %s %s", PG_CLUSTER, command, folder, arguments);
    FILE *pipe = popen(line, "r");
    if (!pipe)
        abort();
    return pipe;
}

/* `output` gets the first line. */
static void end_script(FILE *pipe, const char *command, char *output, size_t size) {
    char rest[256];
    if (output && !fgets(output, (int)size, pipe))
        output[0] = '\0';
    if (output)
        output[strcspn(output, "\n")] = '\0';
    while (fread(rest, 1, sizeof(rest), pipe))
        continue;
    if (pclose(pipe)) {
        fprintf(stderr, "pg_cluster.sh %s failed: PostgreSQL's server binaries are needed\n",
                command);
        exit(1);
    }
}

static void run_script(const char *command, const char *arguments, char *output, size_t size) {
    end_script(begin_script(command, arguments), command, output, size);
}

static bool down(struct source_host *host, void *unused) {
    (void)unused;
    return host->phase == SGR_SOURCE_DOWN;
}

bool fixture_stop_under(struct source_host *host, const char *mode) {
    FILE *pipe = begin_script("stop", mode);
    bool told = source_host_wait(host, down, NULL, PATIENCE);
    end_script(pipe, "stop", NULL, 0);
    return told;
}

/* What ends the cluster if we are ended before we do: tests/lib/guard.sh. */
static void start_guard(void) {
    char line[1024], owner[16];
    snprintf(owner, sizeof(owner), "%d", (int)getpid());
    snprintf(line, sizeof(line), "setsid -f %s %s %s </dev/null >/dev/null 2>&1", GUARD, owner,
             folder);
    if (system(line) || setenv("SANGRE_OWNER", owner, 1))
        abort();
}

int fixture_make_cluster(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/sangre-pg-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(folder))
        abort();
    start_guard();
    run_script("create", "", NULL, 0);
    return 0;
}

int fixture_remove_cluster(void **state) {
    (void)state;
    run_script("remove", "", NULL, 0);
    return 0;
}

void fixture_cluster(const char *command, const char *arguments) {
    run_script(command, arguments, NULL, 0);
}

const char *fixture_database(const char *name) {
    static char conninfo[512];
    char sql[256];
    run_script("conninfo", "", conninfo, sizeof(conninfo));
    PGconn *connection = fixture_connect(conninfo);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
    fixture_run(connection, sql);
    PQfinish(connection);
    run_script("conninfo", name, conninfo, sizeof(conninfo));
    return conninfo;
}

PGconn *fixture_connect(const char *conninfo) {
    char text[1024];
    snprintf(text, sizeof(text),
             "%s options='-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c "
             "bytea_output=hex -c timezone=UTC "
             "-c lc_monetary=C -c xmlbinary=base64 -c client_min_messages=error'",
             conninfo);
    PGconn *connection = PQconnectdb(text);
    if (PQstatus(connection) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(connection));
    return connection;
}

void fixture_run(PGconn *connection, const char *sql) {
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    PQclear(result);
}

char *fixture_value(PGconn *connection, const char *sql) {
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    char *value = strdup(PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return value;
}

void fixture_until(PGconn *connection, const char *sql, const char *value) {
    for (bool reached = false; !reached; usleep(10000)) {
        char *now = fixture_value(connection, sql);
        reached = strcmp(now, value) == 0;
        free(now);
    }
}

static int compare_lines(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *row_line(const PGresult *result, int row) {
    char *line = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&line, &size);
    for (int column = 0; column < PQnfields(result); column++) {
        bool null = PQgetisnull(result, row, column);
        fprintf(stream, "%s%s", column ? "|" : "", null ? "~" : PQgetvalue(result, row, column));
    }
    fclose(stream);
    return line;
}

char *fixture_rows(PGconn *connection, const char *sql) {
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    size_t count = (size_t)PQntuples(result);
    char **lines = calloc(count + 1, sizeof(*lines)), *text = NULL;
    for (size_t i = 0; i < count; i++)
        lines[i] = row_line(result, (int)i);
    qsort(lines, count, sizeof(*lines), compare_lines);
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "%s\n", lines[i]);
        free(lines[i]);
    }
    fclose(stream);
    free(lines);
    PQclear(result);
    return text;
}

struct fixture_options fixture_options(const char *conninfo) {
    static const char *const names[] = {"sangre"};
    return (struct fixture_options){
        .conninfo = conninfo, .publication = {names, 1}, .connect_timeout = 10000000};
}

struct source_host *fixture_follow(const struct fixture_options *options, const char *const *tables,
                                   size_t count) {
    struct source_host *host = source_host_new("postgres", options, false);
    if (!source_host_describe(host, tables, count))
        fail_msg("describe: %s", host->error.message);
    source_host_start(host);
    return host;
}

static bool streaming_or_failed(struct source_host *host, void *unused) {
    return source_host_streaming(host, unused) || source_host_failed(host, unused);
}

struct source_host *fixture_stream(const char *conninfo, const char *const *tables, size_t count) {
    static struct fixture_options options;
    options = fixture_options(conninfo);
    struct source_host *host = fixture_follow(&options, tables, count);
    if (!source_host_wait(host, streaming_or_failed, NULL, PATIENCE) ||
        host->phase != SGR_SOURCE_STREAMING)
        fail_msg("not streaming: %s", host->error.message);
    return host;
}

void fixture_expect_failure(struct source_host *host, const char *words) {
    if (!source_host_wait(host, source_host_failed, NULL, PATIENCE))
        fail_msg("did not fail; expected: %s", words);
    if (!strstr(host->error.message, words))
        fail_msg("expected '%s' in '%s'", words, host->error.message);
}

struct wanted_row {
    const char *table, *start;
};

static bool has_row(struct source_host *host, void *data) {
    const struct wanted_row *wanted = data;
    for (size_t i = 0; i < host->table_count; i++) {
        const struct source_table *table = &host->tables[i];
        if (strcmp(table->relation.table, wanted->table) != 0)
            continue;
        for (size_t j = table->row_count; j-- > 0;)
            if (strncmp(table->rows[j], wanted->start, strlen(wanted->start)) == 0)
                return !host->in_snapshot && !host->in_transaction;
    }
    return false;
}

void fixture_expect_row(struct source_host *host, const char *table, const char *start) {
    struct wanted_row wanted = {table, start};
    if (!source_host_wait(host, has_row, &wanted, PATIENCE))
        fail_msg("%s never got the row %s (phase %d, %s)", table, start, (int)host->phase,
                 host->error.message);
}

void fixture_expect_same(struct source_host *host, PGconn *connection, const char *table,
                         const char *columns) {
    char sql[512];
    snprintf(sql, sizeof(sql), "SELECT %s FROM %s", columns, table);
    char *expected = fixture_rows(connection, sql), *rows = source_host_rows(host, table);
    if (strcmp(rows, expected) != 0) {
        size_t i = 0;
        while (rows[i] && rows[i] == expected[i])
            i++;
        fail_msg("%s differs at byte %zu:\n  source:   %.200s\n  database: %.200s", table, i,
                 rows + i, expected + i);
    }
    assert_int_equal(host->faults, 0);
    free(expected);
    free(rows);
}
