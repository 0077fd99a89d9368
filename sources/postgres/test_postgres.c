/* The Postgres source against a private cluster: what it describes, that snapshot and stream join without loss or doubling, that every kind of
 * change and every type arrives. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture.h"

static const char *const users[] = {"users"};

static const struct sgr_relation_column *column(const struct source_host *host, const char *name) {
    const struct sgr_relation *relation = &host->tables[0].relation;
    for (size_t i = 0; i < relation->column_count; i++)
        if (strcmp(relation->columns[i].name, name) == 0)
            return &relation->columns[i];
    fail_msg("no column %s", name);
    return NULL;
}

static void describe_tells_types_keys_modifiers_and_collations(void **state) {
    (void)state;
    const char *conninfo = fixture_database("described");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection, "CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE >= 0); CREATE "
                            "DOMAIN cheap AS price; CREATE TYPE mood AS ENUM ('b', 'a');"
                            "CREATE DOMAIN tag AS text; CREATE SCHEMA app;"
                            "CREATE TABLE app.things (id int, part int, p cheap, m mood, v "
                            "varchar(20), prices cheap[], tags tag[], t text NOT NULL,"
                            " c text COLLATE \"en-x-icu\", gone int, g int GENERATED ALWAYS AS (id "
                            "+ 1) STORED, PRIMARY KEY (part, id));"
                            "ALTER TABLE app.things DROP COLUMN gone");
    struct fixture_options options = fixture_options(conninfo);
    struct source_host *host = source_host_new("postgres", &options, false);
    const char *const names[] = {"app.things"};
    assert_true(source_host_describe(host, names, 1));
    assert_string_equal(host->tables[0].relation.schema, "app");
    assert_int_equal(host->tables[0].relation.column_count, 9);
    assert_true(column(host, "id")->key && column(host, "part")->key && !column(host, "p")->key);
    assert_int_equal(column(host, "p")->type, SGR_NUMERIC);
    assert_string_equal(column(host, "p")->type_name, "cheap");
    assert_int_equal(column(host, "p")->type_modifier, (10 << 16 | 2) + 4);
    assert_int_equal(column(host, "m")->type, SGR_OTHER);
    assert_int_equal(column(host, "v")->type_modifier, 24);
    assert_int_equal(column(host, "prices")->type, SGR_ARRAY);
    assert_int_equal(column(host, "prices")->element, SGR_NUMERIC);
    assert_int_equal(column(host, "tags")->element, SGR_TEXT);
    assert_true(column(host, "t")->not_null);
    assert_int_equal(column(host, "t")->collation, SGR_COLLATION_C);
    assert_int_equal(column(host, "c")->collation, SGR_COLLATION_UNKNOWN);
    assert_int_equal(column(host, "id")->collation, SGR_COLLATION_NONE);
    source_host_free(host);
    PQfinish(connection);
}

static void expect_refusal(const char *conninfo, const char *table, const char *words) {
    struct fixture_options options = fixture_options(conninfo);
    struct source_host *host = source_host_new("postgres", &options, false);
    assert_false(source_host_describe(host, &table, 1));
    fixture_expect_failure(host, words);
    source_host_free(host);
}

static void what_cannot_be_followed_is_refused_in_clear_words(void **state) {
    (void)state;
    const char *conninfo = fixture_database("refused");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(
        connection,
        "CREATE TABLE users (id int PRIMARY KEY); CREATE VIEW v AS SELECT 1 AS id; CREATE "
        "MATERIALIZED VIEW m AS SELECT 1 AS id;"
        "CREATE UNLOGGED TABLE u (id int PRIMARY KEY); CREATE TABLE nokey (id int);"
        "CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);"
        "CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;"
        "CREATE TABLE secret (id int PRIMARY KEY); ALTER TABLE secret ENABLE ROW LEVEL SECURITY;"
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);"
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN "
        "TABLE f (id int) SERVER s");
    expect_refusal(conninfo, "usres", "there is no table public.usres; did you mean public.users?");
    expect_refusal(conninfo, "app.users", "did you mean public.users?");
    expect_refusal(conninfo, "v", "public.v is a view");
    expect_refusal(conninfo, "m", "public.m is a materialized view");
    expect_refusal(conninfo, "f", "public.f is a foreign table");
    expect_refusal(conninfo, "u", "public.u is an unlogged table");
    expect_refusal(conninfo, "users_pkey", "public.users_pkey is an index");
    expect_refusal(conninfo, "nokey", "ALTER TABLE public.nokey REPLICA IDENTITY FULL");
    expect_refusal(conninfo, "deferred", "no primary key (or a deferrable one)");
    expect_refusal(conninfo, "nothing", "ALTER TABLE public.nothing REPLICA IDENTITY DEFAULT");
    expect_refusal(conninfo, "secret", "bypass_rls: acknowledged");
    expect_refusal(conninfo, "parent", "has child tables by inheritance");
    expect_refusal(conninfo, "pg_catalog.pg_class", "is a system table");
    PQfinish(connection);
}

static void every_kind_of_change_arrives_in_its_transaction(void **state) {
    (void)state;
    const char *conninfo = fixture_database("dml");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(
        connection,
        "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE other (id int PRIMARY "
        "KEY);"
        "CREATE TABLE unused (id int PRIMARY KEY); INSERT INTO users VALUES (1, 'ann'), (2, NULL)");
    const char *const tables[] = {"users", "public.other"};
    struct source_host *host = fixture_stream(conninfo, tables, 2);
    assert_non_null(
        strstr(host->trace, "row users 1|ann\nrow users 2|~\nsnapshot end\nstate streaming\n"));
    source_host_clear_trace(host);
    fixture_run(connection, "INSERT INTO unused VALUES (1)");
    fixture_run(connection, "BEGIN; INSERT INTO users VALUES (3, 'tab\there|and\nthere'); UPDATE "
                            "users SET name = 'bob' WHERE id = 2;"
                            "UPDATE users SET id = 10 WHERE id = 1; DELETE FROM users WHERE id = "
                            "3; INSERT INTO other VALUES (7); COMMIT");
    fixture_run(connection, "TRUNCATE users, other");
    fixture_run(connection, "INSERT INTO users VALUES (99, '')");
    fixture_expect_row(host, "users", "99|");
    char *first = strchr(host->trace, '\n');
    assert_non_null(first);
    static const char expected[] = "\nI users 3|tab\there|and\nthere\nU users 2|bob\nU users old K "
                                   "1|~ new 10|ann\nD users old K 3|~\nI other 7\ncommit ";
    if (strncmp(first, expected, strlen(expected)) != 0)
        fail_msg("%s", host->trace);
    assert_non_null(strstr(host->trace, "T users\nT other\ncommit "));
    assert_non_null(strstr(host->trace, "I users 99|\n"));
    fixture_expect_same(host, connection, "users", "*");
    fixture_expect_same(host, connection, "other", "*");
    source_host_free(host);
    PQfinish(connection);
}

static void
values_that_were_not_sent_again_are_unchanged_or_taken_from_the_full_old_row(void **state) {
    (void)state;
    const char *conninfo = fixture_database("toast");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection, "CREATE TABLE users (id int PRIMARY KEY, n int, big text); ALTER TABLE "
                            "users ALTER big SET STORAGE EXTERNAL;"
                            "CREATE TABLE whole (id int, n int, big text); ALTER TABLE whole ALTER "
                            "big SET STORAGE EXTERNAL;"
                            "ALTER TABLE whole REPLICA IDENTITY FULL;"
                            "INSERT INTO users SELECT 1, 1, repeat('x', 10000); INSERT INTO whole "
                            "SELECT 1, 1, repeat('y', 10000)");
    const char *const tables[] = {"users", "whole"};
    struct source_host *host = fixture_stream(conninfo, tables, 2);
    source_host_clear_trace(host);
    fixture_run(connection, "UPDATE users SET n = 2; UPDATE whole SET n = 2; UPDATE users SET id = "
                            "5; INSERT INTO users VALUES (9, 9, '')");
    fixture_expect_row(host, "users", "9|");
    assert_non_null(strstr(host->trace, "U users 1|2|=\n"));
    assert_non_null(strstr(host->trace, "U whole old O 1|1|yyyy"));
    assert_non_null(strstr(host->trace, " new 1|2|yyyy"));
    fixture_expect_same(host, connection, "users", "*");
    fixture_expect_same(host, connection, "whole", "*");
    source_host_free(host);
    PQfinish(connection);
}

static void identity_by_an_index_is_the_key(void **state) {
    (void)state;
    const char *conninfo = fixture_database("by_index");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection, "CREATE TABLE users (id int PRIMARY KEY, mail text NOT NULL UNIQUE);"
                            "ALTER TABLE users REPLICA IDENTITY USING INDEX users_mail_key; INSERT "
                            "INTO users VALUES (1, 'a'), (2, 'b')");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    assert_true(!column(host, "id")->key && column(host, "mail")->key);
    fixture_run(connection, "UPDATE users SET mail = 'c' WHERE id = 1; DELETE FROM users WHERE id "
                            "= 2; INSERT INTO users VALUES (9, 'z')");
    fixture_expect_row(host, "users", "9|");
    fixture_expect_same(host, connection, "users", "*");
    source_host_free(host);
    PQfinish(connection);
}

/* ---- Types ---- */

#define ALL_TYPES                                                                                  \
    "b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(12,4), t "     \
    "text, v varchar(9), "                                                                         \
    "c char(5), nm name, ch \"char\", by bytea, d date, ti time, tz timetz, ts timestamp, tstz "   \
    "timestamptz, iv interval, "                                                                   \
    "u uuid, j json, jb jsonb, ai int[], at text[], am float8[], atz timestamptz[], r int4range, " \
    "mr datemultirange, e mood, "                                                                  \
    "cp pair, mo money, inet inet, mac macaddr, bits varbit, pt point, x xml, tv tsvector, o "     \
    "oid, rc regclass, l pg_lsn, dm price"

static const char *const type_rows[] = {
    "true, -32768, -2147483648, -9223372036854775808, 'NaN', 0.30000000000000004, 'NaN', "
    "12345678.9012, E'tab\\t\\\\ \\N nl\\n\"', 'v', "
    "'ab', 'nm', 'x', '\\x00ff5c', '0044-03-15 BC', '24:00:00', '04:05:06+01', '294276-12-31 "
    "23:59:59.999999', '2024-02-29 "
    "12:00:00.5+05', '1 year -2 mons 3 days -04:05:06.7', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', "
    "'{\"a\":  1.0, \"a\": 2}', '{\"b\": 1.10, "
    "\"a\": null}', '[0:1]={1,NULL}', '{\"a b\",NULL,\"NULL\",\"q\\\"\\\\\",\"\"}', "
    "'{{1.5,NaN},{-Infinity,0.1}}', '{2024-01-01 00:00+02}', "
    "'[1,5)', '{[2024-01-01,2024-02-01)}', 'happy', '(1,\"a,\"\"b\")', '1234.56', '10.0.0.0/8', "
    "'08:00:2b:01:02:03', '10101', "
    "'(1.1,2.2)', '<a>\xc3\xa9</a>', 'the quick', 4294967295, 'pg_class', '16/B374D848', 12.34",
    "false, 32767, 2147483647, 9223372036854775807, '-Infinity', 'Infinity', 'Infinity', -0.0001, "
    "'', '', '', '', '', '', 'infinity', "
    "'00:00:00.000001', '23:59:60-15', '-infinity', 'infinity', '0', "
    "'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', '\"\"', '{}', '{}', "
    "'{}', '{}', 'empty', '{}', 'sad', '(,)', '-0.01', '::1', '00:00:00:00:00:00', '', '(NaN,-0)', "
    "'', '', 0, 'public.types', '0/0', 0",
    "NULL, NULL, NULL, NULL, 1e-45, 5e-324, 1e-100, NULL, '\xf0\x9f\x98\x80', NULL, NULL, NULL, "
    "NULL, NULL, '5874897-12-31', NULL, NULL, "
    "'4713-01-01 00:00:00 BC', '0001-01-01 00:00:00+00', '178000000 years', NULL, NULL, NULL, "
    "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
    "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
};

/* Every row goes in twice: id 1… before the snapshot, id 101… through the stream. */
static void insert_types(PGconn *connection, int from) {
    for (size_t i = 0; i < sizeof(type_rows) / sizeof(type_rows[0]); i++) {
        char sql[4096];
        snprintf(sql, sizeof(sql), "INSERT INTO types VALUES (%d, %s)", from + (int)i,
                 type_rows[i]);
        fixture_run(connection, sql);
    }
}

static void every_type_has_one_text_through_copy_and_stream_under_hostile_settings(void **state) {
    (void)state;
    const char *conninfo = fixture_database("types");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection,
                "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text); "
                "CREATE DOMAIN price AS numeric(8,2);"
                "CREATE TABLE types (id int PRIMARY KEY, " ALL_TYPES ");"
                "ALTER DATABASE types SET datestyle = 'SQL, DMY'; ALTER DATABASE types SET "
                "intervalstyle = 'sql_standard';"
                "ALTER DATABASE types SET extra_float_digits = 0; ALTER DATABASE types SET "
                "bytea_output = 'escape';"
                "ALTER DATABASE types SET timezone = 'Asia/Kathmandu'; ALTER DATABASE types SET "
                "search_path = 'nowhere';"
                "ALTER DATABASE types SET client_encoding = 'LATIN1'; ALTER DATABASE types SET "
                "xmlbinary = 'hex';"
                "ALTER DATABASE types SET standard_conforming_strings = off; ALTER DATABASE types "
                "SET statement_timeout = '1ms';"
                "ALTER DATABASE types SET default_transaction_isolation = 'serializable';"
                "ALTER DATABASE types SET row_security = off; ALTER DATABASE types SET "
                "idle_session_timeout = '200ms'");
    insert_types(connection, 1);
    const char *const tables[] = {"types"};
    struct source_host *host = fixture_stream(conninfo, tables, 1);
    insert_types(connection, 101);
    fixture_run(connection, "UPDATE types SET b = b WHERE id IN (1, 2)");
    fixture_run(connection, "INSERT INTO types (id) VALUES (999)");
    fixture_expect_row(host, "types", "999|");
    /* Under the search path the source pins, a regclass of another schema is written with it. */
    fixture_run(connection, "SET search_path = pg_catalog");
    char *expected = fixture_rows(connection, "SELECT * FROM public.types"),
         *rows = source_host_rows(host, "types");
    assert_string_equal(rows, expected);
    assert_int_equal(host->faults, 0);
    assert_int_equal(host->snapshots, 1);
    free(rows);
    free(expected);
    source_host_free(host);
    PQfinish(connection);
}

/* ---- Hand-over ---- */

struct writer {
    const char *conninfo;
    int number;
    volatile bool stop;
    pthread_t thread;
    int transactions;
};

static void *write_on(void *data) {
    struct writer *writer = data;
    PGconn *connection = PQconnectdb(writer->conninfo);
    unsigned random = (unsigned)writer->number;
    while (!writer->stop) {
        char sql[512];
        random = random * 1664525 + 1013904223;
        int base = writer->number * 1000, a = base + (int)(random >> 8) % 300,
            b = base + (int)(random >> 18) % 300;
        snprintf(sql, sizeof(sql),
                 "BEGIN; INSERT INTO users VALUES (%d, 'w%u') ON CONFLICT (id) DO UPDATE SET name "
                 "= 'c%u';"
                 "DELETE FROM users WHERE id = %d; UPDATE users SET id = id + 300 WHERE id = %d "
                 "AND NOT EXISTS (SELECT 1 FROM users WHERE id = "
                 "%d); UPDATE totals SET n = n + 1 WHERE id = %d; %s",
                 a, random, random, b, a, a + 300, writer->number,
                 random & 1 << 20   ? "COMMIT"
                 : random & 1 << 21 ? "COMMIT"
                                    : "ROLLBACK");
        PQclear(PQexec(connection, sql));
        writer->transactions++;
    }
    PQfinish(connection);
    return NULL;
}

static bool some_commits(struct source_host *host, void *data) {
    return host->commits >= *(uint64_t *)data;
}

static void snapshot_and_stream_join_without_loss_or_doubling_under_writes(void **state) {
    (void)state;
    const char *conninfo = fixture_database("handover");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection, "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE "
                            "totals (id int PRIMARY KEY, n int);"
                            "INSERT INTO totals SELECT i, 0 FROM generate_series(1, 3) i; INSERT "
                            "INTO users SELECT i, 'u' || i FROM "
                            "generate_series(100000, 120000) i");
    static struct writer writers[3];
    for (int i = 0; i < 3; i++) {
        writers[i] = (struct writer){.conninfo = conninfo, .number = i + 1};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }
    const char *const tables[] = {"users", "totals"};
    for (int round = 0; round < 5; round++) {
        struct fixture_options options = fixture_options(conninfo);
        options.batch_delay = round % 2 ? 300 : 0;
        struct source_host *host = fixture_follow(&options, tables, 2);
        host->tracing = false;
        uint64_t enough = 100;
        assert_true(source_host_wait(host, some_commits, &enough, 120));
        if (round == 4)
            for (int i = 0; i < 3; i++) {
                writers[i].stop = true;
                pthread_join(writers[i].thread, NULL);
            }
        char sql[100], start[32];
        snprintf(sql, sizeof(sql), "INSERT INTO users VALUES (%d, 'marker')", 900000 + round);
        snprintf(start, sizeof(start), "%d|", 900000 + round);
        fixture_run(connection, sql);
        fixture_expect_row(host, "users", start);
        assert_int_equal(host->faults, 0);
        if (round == 4) {
            fixture_expect_same(host, connection, "users", "*");
            fixture_expect_same(host, connection, "totals", "*");
        }
        source_host_free(host);
    }
    PQfinish(connection);
}

static void a_big_transaction_arrives_whole(void **state) {
    (void)state;
    const char *conninfo = fixture_database("big");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection, "CREATE TABLE users (id bigint PRIMARY KEY, name text, details text) ");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    host->tracing = false;
    fixture_run(connection, "INSERT INTO users SELECT 2000000 + g, 'n' || g, repeat('x', 64) FROM "
                            "generate_series(1, 3000) g");
    fixture_run(connection, "INSERT INTO users VALUES (1, repeat('long ', 2000000), '')");
    fixture_expect_row(host, "users", "1|long ");
    fixture_expect_same(host, connection, "users", "*");
    source_host_free(host);
    PQfinish(connection);
}

static void a_source_without_tables_streams_nothing(void **state) {
    (void)state;
    struct source_host *host = fixture_stream(fixture_database("without"), NULL, 0);
    assert_int_equal(host->snapshots, 1);
    source_host_free(host);
}

/* One turn of a poll: the loop runs meanwhile. */
static bool never(struct source_host *host, void *unused) {
    (void)host;
    (void)unused;
    return false;
}

/* Nobody waits for the timer on which status is sent: it never fires here. */
static void the_server_knows_what_was_received_before_its_next_transaction(void **state) {
    enum { PATIENCE = 3000 };
    (void)state;
    const char *conninfo = fixture_database("confirmed");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection, "CREATE TABLE users (id int PRIMARY KEY)");
    source_host_impatient = true;
    const char *const tables[] = {"users"};
    struct source_host *host = fixture_stream(conninfo, tables, 1);
    for (int i = 0; i < 5; i++) {
        char sql[128], *known = NULL;
        snprintf(sql, sizeof(sql), "INSERT INTO users VALUES (%d)", i);
        fixture_run(connection, sql);
        snprintf(sql, sizeof(sql), "%d", i);
        fixture_expect_row(host, "users", sql);
        for (int turn = 0; !known || strcmp(known, "t") != 0; turn++) {
            assert_true(turn < PATIENCE);
            source_host_wait(host, never, NULL, 0.02);
            free(known);
            known = fixture_value(connection,
                                  "SELECT bool_and(write_lsn >= sent_lsn) FROM pg_stat_replication "
                                  "JOIN pg_replication_slots ON active_pid = pid "
                                  "WHERE database = current_database()");
        }
        free(known);
    }
    source_host_impatient = false;
    source_host_free(host);
    PQfinish(connection);
}

static void describing_again_does_not_disturb_the_stream(void **state) {
    (void)state;
    const char *conninfo = fixture_database("again");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection,
                "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    const char *const more[] = {"other"};
    assert_true(source_host_describe(host, more, 1));
    fixture_run(connection, "INSERT INTO users VALUES (9)");
    fixture_expect_row(host, "users", "9");
    assert_int_equal(host->snapshots, 1);
    source_host_free(host);
    PQfinish(connection);
}

/* ---- Shapes that change ---- */

static void partitions_arrive_as_their_root_also_when_rows_move(void **state) {
    (void)state;
    const char *conninfo = fixture_database("partitions");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(connection, "CREATE TABLE users (id int, region text, name text, PRIMARY KEY (id, "
                            "region)) PARTITION BY LIST (region);"
                            "CREATE TABLE users_a PARTITION OF users FOR VALUES IN ('a');"
                            "CREATE TABLE users_b (name text, gone int, region text NOT NULL, id "
                            "int NOT NULL); ALTER TABLE users_b DROP gone;"
                            "ALTER TABLE users ATTACH PARTITION users_b FOR VALUES IN ('b');"
                            "INSERT INTO users VALUES (1, 'a', 'ann'), (2, 'b', 'bob')");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    fixture_run(connection, "INSERT INTO users VALUES (3, 'b', 'eve'); UPDATE users SET region = "
                            "'b' WHERE id = 1; UPDATE users SET name = 'x' WHERE id "
                            "= 2; INSERT INTO users VALUES (9, 'a', '')");
    fixture_expect_row(host, "users", "9|");
    fixture_expect_same(host, connection, "users", "id, region, name");
    source_host_free(host);
    PQfinish(connection);
}

static void added_columns_and_renamed_tables_disturb_nothing(void **state) {
    (void)state;
    const char *conninfo = fixture_database("widened");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(
        connection,
        "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'ann')");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    fixture_run(connection, "INSERT INTO users VALUES (2, 'bob')");
    fixture_run(connection, "BEGIN; ALTER TABLE users ADD extra int DEFAULT 7; INSERT INTO users "
                            "VALUES (3, 'eve', 1); COMMIT");
    fixture_run(connection, "UPDATE users SET extra = 8");
    fixture_run(connection, "ALTER TABLE users RENAME TO people; UPDATE people SET name = 'dan' "
                            "WHERE id = 1; INSERT INTO people VALUES (9, '')");
    fixture_expect_row(host, "users", "9|");
    fixture_run(connection, "ALTER TABLE people RENAME TO users");
    fixture_expect_same(host, connection, "users", "id, name");
    assert_int_equal(host->snapshots, 1);
    source_host_free(host);
    PQfinish(connection);
}

static void a_column_in_use_that_is_dropped_or_retyped_fails_by_its_name(void **state) {
    (void)state;
    const char *conninfo = fixture_database("narrowed");
    PGconn *connection = fixture_connect(conninfo);
    fixture_run(
        connection,
        "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'ann')");
    struct source_host *host = fixture_stream(conninfo, users, 1);
    fixture_run(
        connection,
        "ALTER TABLE users ALTER name TYPE varchar(50); INSERT INTO users VALUES (2, 'bob')");
    fixture_expect_failure(host,
                           "column name of public.users was text at the start and is varchar now");
    source_host_free(host);
    host = fixture_stream(conninfo, users, 1);
    fixture_run(connection,
                "ALTER TABLE users RENAME name TO label; INSERT INTO users VALUES (3, 'eve')");
    fixture_expect_failure(host, "column name of public.users is gone since the start");
    source_host_free(host);
    PQfinish(connection);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe_tells_types_keys_modifiers_and_collations),
        cmocka_unit_test(what_cannot_be_followed_is_refused_in_clear_words),
        cmocka_unit_test(every_kind_of_change_arrives_in_its_transaction),
        cmocka_unit_test(
            values_that_were_not_sent_again_are_unchanged_or_taken_from_the_full_old_row),
        cmocka_unit_test(identity_by_an_index_is_the_key),
        cmocka_unit_test(every_type_has_one_text_through_copy_and_stream_under_hostile_settings),
        cmocka_unit_test(snapshot_and_stream_join_without_loss_or_doubling_under_writes),
        cmocka_unit_test(a_big_transaction_arrives_whole),
        cmocka_unit_test(a_source_without_tables_streams_nothing),
        cmocka_unit_test(the_server_knows_what_was_received_before_its_next_transaction),
        cmocka_unit_test(describing_again_does_not_disturb_the_stream),
        cmocka_unit_test(partitions_arrive_as_their_root_also_when_rows_move),
        cmocka_unit_test(added_columns_and_renamed_tables_disturb_nothing),
        cmocka_unit_test(a_column_in_use_that_is_dropped_or_retyped_fails_by_its_name),
    };
    return cmocka_run_group_tests(tests, fixture_make_cluster, fixture_remove_cluster);
}
