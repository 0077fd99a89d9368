/* The memory source against a minimal host in virtual time: what it emits, when, and what it says to bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "source_host.h"

struct options {
    const char *tables;
};

static struct source_host *started(const char *tables, const char *const *names, size_t count) {
    struct source_host *host = source_host_new("memory", &(struct options){tables}, true);
    struct sgr_error error;
    assert_int_equal(host->plugin->source->describe(host->state, names, count, &error), 0);
    sgr_loop_advance(host->loop, 0);
    if (host->described) {
        source_host_start(host);
        sgr_loop_advance(host->loop, 0);
    }
    return host;
}

static char *temporary(const char *text) {
    char *path = strdup("/tmp/sangre-memory-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
    return path;
}

static void snapshot_rows_come_in_the_order_and_text_of_the_declaration(void **state) {
    (void)state;
    const char *names[] = {"users"};
    struct source_host *host =
        started("{\"users\":{\"columns\":{\"id\":\"int\",\"name\":\"text\",\"ok\":\"bool\","
                "\"tags\":\"text[]\",\"doc\":\"jsonb\",\"f\":\"float\"},"
                "\"key\":[\"id\"],\"rows\":[[1,\"ann\",true,[\"a "
                "b\",\"c\",null],{\"k\":[1]},0.1],{\"id\":2,\"name\":null}]},"
                "\"unused\":{\"columns\":{\"id\":\"int\"},\"rows\":[[1]]}}",
                names, 1);
    assert_non_null(strstr(
        host->trace,
        "row users 1|ann|t|{\"a b\",c,NULL}|{\"k\":[1]}|0.1\nrow users 2|~|~|~|~|~\nsnapshot end\n"
        "state streaming\n"));
    assert_null(strstr(host->trace, "unused"));
    assert_true(host->tables[0].relation.columns[0].key);
    assert_int_equal(host->faults, 0);
    source_host_free(host);
}

static void operations_of_a_file_are_replayed_as_transactions(void **state) {
    (void)state;
    char *path =
        temporary("{\"id\":1,\"name\":\"ann\"}\n\n"
                  "{\"op\":\"insert\",\"row\":{\"id\":2,\"name\":\"bob\"}}\n"
                  "{\"op\":\"update\",\"row\":{\"id\":1,\"name\":\"eve\"}}\n{\"op\":\"commit\"}\n"
                  "{\"op\":\"wait\",\"for\":\"1s\"}\n"
                  "{\"op\":\"update\",\"row\":{\"id\":3},\"old\":{\"id\":2}}\n"
                  "{\"op\":\"delete\",\"old\":{\"id\":1}}\n{\"op\":\"commit\"}\n"
                  "{\"op\":\"truncate\",\"table\":\"users\"}\n");
    char tables[512];
    snprintf(tables, sizeof(tables),
             "{\"users\":{\"columns\":{\"id\":\"int\",\"name\":\"text\"},\"key\":\"id\",\"file\":"
             "\"%s\"}}",
             path);
    const char *names[] = {"public.users"};
    struct source_host *host = started(tables, names, 1);
    assert_non_null(strstr(host->trace, "begin 1\nI users 2|bob\nU users 1|eve\ncommit 1\n"));
    assert_null(strstr(host->trace, "begin 2"));
    sgr_loop_advance(host->loop, 1000000);
    assert_non_null(strstr(host->trace, "begin 2\nU users old K 2|~ new 3|=\nD users old K "
                                        "1|~\ncommit 2\nbegin 3\nT users\ncommit 3\n"));
    assert_int_equal(host->faults, 0);
    source_host_free(host);
    unlink(path);
    free(path);
}

static void a_growing_table_grows_by_its_timer_up_to_its_count(void **state) {
    (void)state;
    const char *names[] = {"users"};
    struct source_host *host = started(
        "{\"users\":{\"columns\":{\"id\":\"int\",\"name\":\"text\"},\"key\":[\"id\"],\"rows\":[[1,"
        "\"a\"]],"
        "\"grow\":{\"every\":\"1s\",\"count\":2,\"row\":{\"id\":\"{n}\",\"name\":\"user {n}!\"}}}}",
        names, 1);
    assert_int_equal(host->commits, 0);
    sgr_loop_advance(host->loop, 999999);
    assert_int_equal(host->commits, 0);
    sgr_loop_advance(host->loop, 1);
    assert_non_null(strstr(host->trace, "I users 2|user 2!\n"));
    sgr_loop_advance(host->loop, 10000000);
    assert_int_equal(host->commits, 2);
    char *rows = source_host_rows(host, "users");
    assert_string_equal(rows, "1|a\n2|user 2!\n3|user 3!\n");
    free(rows);
    source_host_free(host);
}

static void nothing_begins_between_pause_and_resume(void **state) {
    (void)state;
    const char *names[] = {"users"};
    struct source_host *host = started("{\"users\":{\"columns\":{\"id\":\"int\"},\"key\":[\"id\"],"
                                       "\"grow\":{\"every\":\"1s\",\"row\":{\"id\":\"{n}\"}}}}",
                                       names, 1);
    host->plugin->source->pause(host->state);
    sgr_loop_advance(host->loop, 5000000);
    assert_int_equal(host->commits, 0);
    host->plugin->source->resume(host->state);
    sgr_loop_advance(host->loop, 0);
    assert_int_equal(host->commits, 1);
    sgr_loop_advance(host->loop, 1000000);
    assert_int_equal(host->commits, 2);
    source_host_free(host);
}

static void expect_open_error(const char *tables, const char *expected) {
    struct sgr_error error = {0};
    struct source_host *host = source_host_open("memory", &(struct options){tables}, true, &error);
    assert_null(host);
    if (!strstr(error.message, expected))
        fail_msg("expected '%s' in '%s'", expected, error.message);
}

static void bad_declarations_are_refused_with_the_name_that_was_meant(void **state) {
    (void)state;
    expect_open_error("[", "tables is");
    expect_open_error("{}", "tables is");
    expect_open_error("{\"u\":1}", "table u is declared as");
    expect_open_error("{\"u\":{\"colums\":{}}}", "did you mean columns?");
    expect_open_error("{\"u\":{\"columns\":{}}}", "needs columns");
    expect_open_error("{\"u\":{\"columns\":{\"id\":\"nonsense\"}}}", "no type nonsense");
    expect_open_error("{\"u\":{\"columns\":{\"name\":\"int\"},\"key\":[\"nmae\"]}}",
                      "did you mean name?");
    expect_open_error("{\"u\":{\"columns\":{\"id\":\"int\"},\"grow\":{\"every\":\"soon\"}}}",
                      "a duration");
    expect_open_error("{\"u\":{\"columns\":{\"id\":\"int\"},\"grow\":{\"every\":\"1s\"}}}",
                      "grow needs row");
    expect_open_error("{\"u\":{\"columns\":{\"id\":\"int\"},\"rows\":{}}}", "not a list");
}

static void expect_failure(const char *tables, const char *name, const char *expected) {
    struct source_host *host = started(tables, &name, 1);
    assert_int_equal(host->phase, SGR_SOURCE_FAILED);
    if (!strstr(host->error.message, expected))
        fail_msg("expected '%s' in '%s'", expected, host->error.message);
    source_host_free(host);
}

static void bad_rows_and_names_fail_with_their_place(void **state) {
    (void)state;
    const char *users =
        "{\"users\":{\"columns\":{\"id\":\"int\",\"name\":\"text\"},\"rows\":[%s]}}";
    char text[256];
    expect_failure("{\"users\":{\"columns\":{\"id\":\"int\"}}}", "usres", "did you mean users?");
    snprintf(text, sizeof(text), users, "[1]");
    expect_failure(text, "users", "1 values for 2 columns");
    snprintf(text, sizeof(text), users, "{\"nmae\":1}");
    expect_failure(text, "users", "did you mean name?");
    snprintf(text, sizeof(text), users, "7");
    expect_failure(text, "users", "neither an array nor an object");
    snprintf(text, sizeof(text), users, "[1,{}]");
    expect_failure(text, "users", "takes no JSON object");
    expect_failure("{\"u\":{\"columns\":{\"id\":\"int\"},\"file\":\"/nowhere\"}}", "u",
                   "cannot open /nowhere");
}

static void bad_lines_fail_with_file_and_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {{"{\"id\":1}\n{", "column"},
                 {"{\"op\":\"upsert\"}", "'upsert' is no operation"},
                 {"{\"op\":\"insert\"}", "needs a row"},
                 {"{\"op\":\"delete\"}", "needs an old row"},
                 {"{\"op\":\"insert\",\"table\":\"x\",\"row\":{}}", "no table x"},
                 {"{\"op\":\"commit\"}\n{\"id\":1}", "before the operations"},
                 {"{\"op\":\"insert\",\"row\":{\"id\":1}}\n{\"op\":\"wait\",\"for\":\"1s\"}",
                  "commit first"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *path = temporary(cases[i].text), tables[256];
        snprintf(tables, sizeof(tables), "{\"u\":{\"columns\":{\"id\":\"int\"},\"file\":\"%s\"}}",
                 path);
        expect_failure(tables, "u", cases[i].message);
        unlink(path);
        free(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshot_rows_come_in_the_order_and_text_of_the_declaration),
        cmocka_unit_test(operations_of_a_file_are_replayed_as_transactions),
        cmocka_unit_test(a_growing_table_grows_by_its_timer_up_to_its_count),
        cmocka_unit_test(nothing_begins_between_pause_and_resume),
        cmocka_unit_test(bad_declarations_are_refused_with_the_name_that_was_meant),
        cmocka_unit_test(bad_rows_and_names_fail_with_their_place),
        cmocka_unit_test(bad_lines_fail_with_file_and_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
