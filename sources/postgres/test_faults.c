/* The Postgres source when things go wrong around it: servers that are down, stop or say no, rights, open transactions, backpressure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture.h"

enum { PATIENCE = 120 }; /* s */

static const char *const users[] = {"users"};

static PGconn *make_users(const char *conninfo) {
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(
        connection,
        "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'ann')");
    return connection;
}

static bool down(struct source_host *host, void *unused) {
    (void)unused;
    return host->phase == SGR_SOURCE_DOWN;
}

static bool second_snapshot(struct source_host *host, void *unused) {
    return host->snapshots >= 2 && source_host_streaming(host, unused);
}

static bool never(struct source_host *host, void *unused) {
    (void)host;
    (void)unused;
    return false;
}

/* ---- Servers that come and go ---- */

static bool answered(struct source_host *host, void *unused) {
    (void)unused;
    return host->described;
}

static void a_server_that_is_down_at_the_start_is_waited_for(void **state) {
    (void)state;
    const char *conninfo = fixture_database("late");
    PQfinish(make_users(conninfo));
    fixture_cluster("stop", "fast");
    struct fixture_options options = fixture_options(conninfo);
    struct source_host *host = source_host_new("postgres", &options, false);
    struct sgr_error error;
    assert_int_equal(host->plugin->source->describe(host->state, users, 1, &error), 0);
    assert_true(source_host_wait(host, down, NULL, PATIENCE));
    assert_int_equal(host->error.code, SGR_EUNAVAILABLE);
    fixture_cluster("start", "");
    assert_true(source_host_wait(host, answered, NULL, PATIENCE));
    source_host_start(host);
    fixture_expect_row(host, "users", "1|ann");
    source_host_free(host);
}

static void a_restarted_server_is_followed_again_from_a_new_snapshot(void **state) {
    (void)state;
    const char *conninfo = fixture_database("restarted");
    PGconn *connection = make_users(conninfo);
    struct source_host *host = fixture_stream(conninfo, users, 1);
    char *first_epoch = strdup(strstr(host->trace, "snapshot "));
    first_epoch[strcspn(first_epoch, "\n")] = '\0';
    fixture_run(connection, "INSERT INTO users VALUES (2, 'bob')");
    fixture_expect_row(host, "users", "2|");
    PQfinish(connection);
    source_host_clear_trace(host);
    assert_true(fixture_stop_under(host, "fast"));
    fixture_cluster("start", "");
    connection = fixture_connect(conninfo);
    fixture_run(connection, "INSERT INTO users VALUES (3, 'eve'); DELETE FROM users WHERE id = 1");
    assert_true(source_host_wait(host, second_snapshot, NULL, PATIENCE));
    assert_null(strstr(host->trace, first_epoch));
    fixture_run(connection, "INSERT INTO users VALUES (9, '')");
    fixture_expect_row(host, "users", "9|");
    fixture_expect_same(host, connection, "users", "*");
    free(first_epoch);
    source_host_free(host);
    PQfinish(connection);
}

static void a_killed_server_is_followed_again(void **state) {
    (void)state;
    const char *conninfo = fixture_database("killed");
    PQfinish(make_users(conninfo));
    struct source_host *host = fixture_stream(conninfo, users, 1);
    assert_true(fixture_stop_under(host, "immediate"));
    fixture_cluster("start", "");
    assert_true(source_host_wait(host, second_snapshot, NULL, PATIENCE));
    PGconn *connection = fixture_connect(conninfo);
    fixture_expect_same(host, connection, "users", "*");
    source_host_free(host);
    PQfinish(connection);
}

static void a_cut_stream_is_followed_by_another_slot_and_leaves_none_behind(void **state) {
    (void)state;
    const char *conninfo = fixture_database("cut");
    PGconn *connection = make_users(conninfo);
    struct source_host *host = fixture_stream(conninfo, users, 1);
    fixture_run(connection, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots "
                            "WHERE active; INSERT INTO users VALUES (2, 'bob')");
    assert_true(source_host_wait(host, second_snapshot, NULL, PATIENCE));
    fixture_expect_same(host, connection, "users", "*");
    static const char slots[] = "SELECT count(*) FROM pg_replication_slots WHERE database = 'cut'";
    fixture_until(connection, slots, "1"); /* the first one ends with its walsender */
    source_host_free(host);
    fixture_until(connection, slots, "0");
    PQfinish(connection);
}

static void a_publication_that_is_dropped_while_streaming_is_made_again(void **state) {
    (void)state;
    const char *conninfo = fixture_database("dropped");
    PGconn *connection = make_users(conninfo);
    struct source_host *host = fixture_stream(conninfo, users, 1);
    fixture_run(connection, "DROP PUBLICATION sangre");
    fixture_run(connection, "INSERT INTO users VALUES (2, 'bob')");
    assert_true(source_host_wait(host, second_snapshot, NULL, PATIENCE));
    fixture_run(connection, "INSERT INTO users VALUES (9, '')");
    fixture_expect_row(host, "users", "9|");
    fixture_expect_same(host, connection, "users", "*");
    source_host_free(host);
    PQfinish(connection);
}

/* ---- What only a person can mend ---- */

static void expect_failure(const struct fixture_options *options, const char *words) {
    struct source_host *host = source_host_new("postgres", options, false);
    if (source_host_describe(host, users, 1))
        source_host_start(host);
    fixture_expect_failure(host, words);
    assert_int_equal(host->error.code, SGR_EFATAL);
    source_host_free(host);
}

static void missing_rights_are_told_with_the_statement_that_gives_them(void **state) {
    (void)state;
    const char *conninfo = fixture_database("rights");
    PGconn *connection = make_users(conninfo);
    char as_app[512];
    fixture_run(connection, "CREATE ROLE app LOGIN REPLICATION; CREATE ROLE plain LOGIN; CREATE "
                            "TABLE other (id int PRIMARY KEY);"
                            "GRANT SELECT ON users TO app, plain");
    snprintf(as_app, sizeof(as_app), "%s user=app", conninfo);
    struct fixture_options options = fixture_options(as_app);
    expect_failure(&options, "Have a DBA run: CREATE PUBLICATION \"sangre\" FOR TABLE ONLY "
                             "\"public\".\"users\" WITH (publish_via_partition_root = true)");
    fixture_run(connection, "CREATE PUBLICATION sangre FOR TABLE other");
    expect_failure(
        &options,
        "Have a DBA run: ALTER PUBLICATION \"sangre\" ADD TABLE ONLY \"public\".\"users\"");
    fixture_run(connection, "ALTER PUBLICATION sangre ADD TABLE users");
    struct source_host *host = fixture_stream(as_app, users, 1);
    source_host_free(host);
    fixture_run(connection, "REVOKE SELECT ON users FROM app");
    expect_failure(&options, "permission denied for table users");
    snprintf(as_app, sizeof(as_app), "%s user=plain", conninfo);
    expect_failure(&options, "replication");
    PQfinish(connection);
}

static void publications_that_leave_something_out_are_refused(void **state) {
    (void)state;
    const char *conninfo = fixture_database("publications");
    PGconn *connection = make_users(conninfo);
    struct fixture_options options = fixture_options(conninfo);
    fixture_run(connection,
                "CREATE PUBLICATION sangre FOR TABLE users WITH (publish = 'insert, update')");
    expect_failure(&options, "SET (publish = 'insert, update, delete, truncate')");
    fixture_run(
        connection,
        "DROP PUBLICATION sangre; CREATE PUBLICATION sangre FOR TABLE users WHERE (id > 5)");
    expect_failure(&options, "row filter on public.users");
    fixture_run(connection,
                "DROP PUBLICATION sangre; CREATE PUBLICATION sangre FOR TABLE users (id)");
    expect_failure(&options, "leaves out columns of public.users: name");
    fixture_run(connection, "DROP PUBLICATION sangre; CREATE PUBLICATION mine FOR ALL TABLES");
    static const char *const mine[] = {"mine"};
    options.publication = (struct sgr_strings){mine, 1};
    struct source_host *host = fixture_follow(&options, users, 1);
    assert_true(source_host_wait(host, source_host_streaming, NULL, PATIENCE));
    source_host_free(host);
    PQfinish(connection);
}

static void databases_and_settings_that_do_not_do_are_fatal(void **state) {
    (void)state;
    const char *conninfo = fixture_database("settings");
    PQfinish(make_users(conninfo));
    char elsewhere[512];
    snprintf(elsewhere, sizeof(elsewhere), "%s dbname=nowhere", conninfo);
    struct fixture_options options = fixture_options(elsewhere);
    expect_failure(&options, "database \"nowhere\" does not exist");
    fixture_cluster("stop", "fast");
    fixture_cluster("start", "wal_level=replica");
    options.conninfo = conninfo;
    expect_failure(&options, "ALTER SYSTEM SET wal_level = logical");
    fixture_cluster("stop", "fast");
    fixture_cluster("start", "wal_level=logical");
}

static void a_server_without_a_free_slot_is_tried_again(void **state) {
    (void)state;
    const char *conninfo = fixture_database("slots");
    PGconn *connection = make_users(conninfo);
    struct fixture_options options = fixture_options(conninfo);
    fixture_run(connection, "SELECT pg_create_logical_replication_slot('taken' || g, 'pgoutput') "
                            "FROM generate_series(1, 20) g");
    struct source_host *host = fixture_follow(&options, users, 1);
    assert_true(source_host_wait(host, down, NULL, PATIENCE));
    assert_non_null(strstr(host->error.message, "replication slots"));
    fixture_run(
        connection,
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT temporary");
    assert_true(source_host_wait(host, source_host_streaming, NULL, PATIENCE));
    source_host_free(host);
    PQfinish(connection);
}

static void the_password_is_never_told(void **state) {
    (void)state;
    static const char *const malformed[] = {"postgresql://u:geheim42@host:notaport:5/x?y=%zz",
                                            "host=x password='geheim42",
                                            "geheim42",
                                            "postgresql://u:geheim42%zz@host/x",
                                            "postgresql://u:p@geheim42@host/x",
                                            "postgresql://u:geheim42/more@host/x",
                                            "postgresql://u:12/geheim42@host/x",
                                            "dbname=postgresql://u:geheim42@host/x"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct fixture_options bad = fixture_options(malformed[i]);
        struct sgr_error error = {0};
        assert_null(source_host_open("postgres", &bad, false, &error));
        assert_int_equal(error.code, SGR_ECONFIG);
        assert_null(strstr(error.message, "geheim"));
        assert_null(strstr(error.context, "geheim"));
    }
    const char *conninfo = fixture_database("geheim");
    char text[512];
    snprintf(text, sizeof(text), "%s password=geheim dbname=geheim_not", conninfo);
    struct fixture_options options = fixture_options(text);
    struct source_host *host = source_host_new("postgres", &options, false);
    assert_false(source_host_describe(host, users, 1));
    assert_null(strstr(host->error.message, "geheim"));
    assert_null(strstr(host->log, "geheim"));
    source_host_free(host);
}

/* ---- Waiting ---- */

static bool waiting_for_a_transaction(struct source_host *host, void *unused) {
    (void)unused;
    return host->phase == SGR_SOURCE_WAITING && strstr(host->error.message, "open transactions");
}

static void an_open_transaction_at_the_start_is_waited_for_and_told(void **state) {
    (void)state;
    const char *conninfo = fixture_database("open_transaction");
    PGconn *connection = make_users(conninfo), *writer = fixture_connect(conninfo);
    struct fixture_options options = fixture_options(conninfo);
    fixture_run(writer,
                "SET application_name = 'the writer'; BEGIN; INSERT INTO users VALUES (2, 'bob')");
    struct source_host *host = fixture_follow(&options, users, 1);
    assert_true(source_host_wait(host, waiting_for_a_transaction, NULL, PATIENCE));
    assert_non_null(strstr(host->error.message, "(the writer), open for"));
    fixture_run(connection, "INSERT INTO users VALUES (3, 'eve')");
    fixture_run(writer, "COMMIT");
    assert_true(source_host_wait(host, source_host_streaming, NULL, PATIENCE));
    fixture_expect_same(host, connection, "users", "*");
    source_host_free(host);
    PQfinish(writer);
    PQfinish(connection);
}

static void a_source_that_stops_while_it_waits_leaves_no_walsender_waiting(void **state) {
    (void)state;
    const char *conninfo = fixture_database("left_waiting");
    PGconn *connection = make_users(conninfo), *writer = fixture_connect(conninfo);
    struct fixture_options options = fixture_options(conninfo);
    fixture_run(writer, "BEGIN; INSERT INTO users VALUES (2, 'bob')");
    struct source_host *host = fixture_follow(&options, users, 1);
    assert_true(source_host_wait(host, waiting_for_a_transaction, NULL, PATIENCE));
    source_host_free(host);
    /* A stop that nobody noticed would stay as long as the writer's transaction: for ever, as this test would. */
    fixture_until(connection,
                  "SELECT count(*) FROM pg_stat_activity WHERE datname = 'left_waiting' AND "
                  "backend_type = 'walsender'",
                  "0");
    PQfinish(writer);
    PQfinish(connection);
}

/* ---- Backpressure and acknowledgement ---- */

static void a_paused_source_begins_nothing_and_keeps_its_connection_alive(void **state) {
    (void)state;
    const char *conninfo = fixture_database("paused");
    PGconn *connection = make_users(conninfo);
    fixture_run(connection, "ALTER DATABASE paused SET wal_sender_timeout = '10s'");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    host->pause_on_commit = true;
    fixture_run(connection, "INSERT INTO users VALUES (2, 'bob'); ");
    fixture_expect_row(host, "users", "2|");
    fixture_run(connection, "INSERT INTO users VALUES (3, 'eve')");
    fixture_run(
        connection,
        "INSERT INTO users SELECT g, repeat('x', 1000) FROM generate_series(1000, 10000) g");
    assert_false(source_host_wait(host, never, NULL, 21));
    assert_int_equal(host->commits, 1);
    assert_int_equal(host->phase, SGR_SOURCE_STREAMING);
    host->pause_on_commit = false;
    host->plugin->source->resume(host->state);
    fixture_expect_row(host, "users", "10000|");
    assert_int_equal(host->snapshots, 1);
    fixture_expect_same(host, connection, "users", "*");
    source_host_free(host);
    PQfinish(connection);
}

static const char confirmed[] =
    "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE database = 'acknowledged'";

/* The source has its turns meanwhile. */
static void turn_until(struct source_host *host, PGconn *connection, const char *sql) {
    for (bool reached = false; !reached;) {
        source_host_wait(host, never, NULL, 0.1);
        char *answer = fixture_value(connection, sql);
        reached = *answer == 't';
        free(answer);
    }
}

static void only_what_the_host_acknowledged_is_confirmed(void **state) {
    (void)state;
    const char *conninfo = fixture_database("acknowledged");
    PGconn *connection = make_users(conninfo);
    fixture_run(connection, "ALTER DATABASE acknowledged SET wal_sender_timeout = '30s'");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    host->ack = false;
    char *before = fixture_value(connection, confirmed);
    fixture_run(connection, "INSERT INTO users VALUES (2, 'bob')");
    fixture_expect_row(host, "users", "2|");
    assert_false(source_host_wait(host, never, NULL, 11));
    char *held = fixture_value(connection, confirmed), sql[200];
    assert_string_equal(held, before);
    host->plugin->source->ack(host->state, host->position);
    snprintf(sql, sizeof(sql),
             "SELECT confirmed_flush_lsn >= '%X/%X' FROM pg_replication_slots WHERE database = "
             "'acknowledged'",
             (unsigned)(host->position >> 32), (unsigned)host->position);
    turn_until(host, connection, sql);
    assert_int_equal(host->snapshots, 1);
    free(before);
    free(held);
    source_host_free(host);
    PQfinish(connection);
}

static void an_idle_database_in_a_busy_cluster_holds_no_log_back(void **state) {
    (void)state;
    PGconn *busy = make_users(fixture_database("busy"));
    const char *conninfo = fixture_database("idle");
    PGconn *connection = make_users(conninfo);
    fixture_run(connection, "ALTER DATABASE idle SET wal_sender_timeout = '15s'");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    fixture_run(busy, "INSERT INTO users SELECT g, 'x' FROM generate_series(2, 1000) g");
    char *end = fixture_value(busy, "SELECT pg_current_wal_insert_lsn()"), sql[200];
    snprintf(sql, sizeof(sql),
             "SELECT confirmed_flush_lsn >= '%s' FROM pg_replication_slots WHERE database = 'idle'",
             end);
    turn_until(host, connection, sql);
    free(end);
    source_host_free(host);
    PQfinish(connection);
    PQfinish(busy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_down_at_the_start_is_waited_for),
        cmocka_unit_test(a_restarted_server_is_followed_again_from_a_new_snapshot),
        cmocka_unit_test(a_killed_server_is_followed_again),
        cmocka_unit_test(a_cut_stream_is_followed_by_another_slot_and_leaves_none_behind),
        cmocka_unit_test(a_publication_that_is_dropped_while_streaming_is_made_again),
        cmocka_unit_test(missing_rights_are_told_with_the_statement_that_gives_them),
        cmocka_unit_test(publications_that_leave_something_out_are_refused),
        cmocka_unit_test(databases_and_settings_that_do_not_do_are_fatal),
        cmocka_unit_test(a_server_without_a_free_slot_is_tried_again),
        cmocka_unit_test(the_password_is_never_told),
        cmocka_unit_test(an_open_transaction_at_the_start_is_waited_for_and_told),
        cmocka_unit_test(a_source_that_stops_while_it_waits_leaves_no_walsender_waiting),
        cmocka_unit_test(a_paused_source_begins_nothing_and_keeps_its_connection_alive),
        cmocka_unit_test(only_what_the_host_acknowledged_is_confirmed),
        cmocka_unit_test(an_idle_database_in_a_busy_cluster_holds_no_log_back),
    };
    return cmocka_run_group_tests(tests, fixture_make_cluster, fixture_remove_cluster);
}
