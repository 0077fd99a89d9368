/* The source against a minimal host in virtual time: what it emits, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source_host.h"

struct options {
    int64_t every;
};

static const struct options second = {1000000};

static struct source_host *started(void) {
    const char *names[] = {"numbers"};
    struct sgr_error error;
    struct source_host *host = source_host_new("example", &second, true);
    assert_int_equal(host->plugin->source->describe(host->state, names, 1, &error), 0);
    source_host_start(host);
    return host;
}

static void test_a_row_comes_with_each_period(void **state) {
    (void)state;
    struct source_host *host = started();
    sgr_loop_advance(host->loop, 999999);
    assert_int_equal(host->commits, 0);
    sgr_loop_advance(host->loop, 1000001);
    assert_non_null(strstr(host->trace, "I numbers 1\n"));
    assert_non_null(strstr(host->trace, "I numbers 2\n"));
    assert_int_equal(host->commits, 2);
    assert_int_equal(host->faults, 0);
    source_host_free(host);
}

static void test_nothing_comes_while_paused_and_it_goes_on_after(void **state) {
    (void)state;
    struct source_host *host = started();
    host->plugin->source->pause(host->state);
    sgr_loop_advance(host->loop, 5000000);
    assert_int_equal(host->commits, 0);
    host->plugin->source->resume(host->state);
    assert_int_equal(host->commits, 1);
    source_host_free(host);
}

static void test_an_unknown_table_is_refused(void **state) {
    (void)state;
    const char *names[] = {"nombers"};
    struct sgr_error error;
    struct source_host *host = source_host_new("example", &second, true);
    assert_int_equal(host->plugin->source->describe(host->state, names, 1, &error), SGR_ENOTFOUND);
    source_host_free(host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_comes_with_each_period),
        cmocka_unit_test(test_nothing_comes_while_paused_and_it_goes_on_after),
        cmocka_unit_test(test_an_unknown_table_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
