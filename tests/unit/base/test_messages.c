/* The log, and the nearest names that error messages offer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/nearest.h"

static char last_line[1024];
static int lines;

static void take_line(void *data, enum sgr_log_level level, const char *line) {
    (void)level;
    assert_ptr_equal(data, &lines);
    snprintf(last_line, sizeof(last_line), "%s", line);
    lines++;
}

static int reset_log(void **state) {
    (void)state;
    lines = 0;
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_TEXT, NULL, NULL);
    return 0;
}

/* A line begins with the time: 2024-01-31T12:00:00.000Z */
static const char *behind_time(void) {
    assert_true(strlen(last_line) > 25);
    assert_int_equal(last_line[10], 'T');
    assert_int_equal(last_line[23], 'Z');
    return last_line + 25;
}

static void levels_above_the_configured_one_are_dropped(void **state) {
    (void)state;
    sgr_log_configure(SGR_LOG_WARN, SGR_LOG_TEXT, take_line, &lines);
    assert_false(sgr_log_enabled(SGR_LOG_INFO));
    sgr_log(SGR_LOG_INFO, "test", "no");
    assert_int_equal(lines, 0);
    sgr_log(SGR_LOG_WARN, "test", "rows=%d", 3);
    assert_int_equal(lines, 1);
    assert_string_equal(behind_time(), "warn  test rows=3");
}

static void a_message_cannot_forge_a_second_line(void **state) {
    (void)state;
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_TEXT, take_line, &lines);
    sgr_log(SGR_LOG_INFO, "test", "name=%s", "x\nerror evil\x1b[0m");
    assert_string_equal(behind_time(), "info  test name=x\\x0aerror evil\\x1b[0m");
}

static void json_lines_are_escaped(void **state) {
    (void)state;
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_JSON, take_line, &lines);
    sgr_log(SGR_LOG_ERROR, "test", "a \"quote\"\n");
    const char *rest = strstr(last_line, "\"level\"");
    assert_non_null(rest);
    assert_string_equal(
        rest, "\"level\":\"error\",\"component\":\"test\",\"message\":\"a \\\"quote\\\"\\n\"}");
}

static void errors_are_told_with_context_and_code(void **state) {
    (void)state;
    struct sgr_error error;
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_TEXT, take_line, &lines);
    sgr_error_set(&error, SGR_ERANGE, "too large");
    sgr_log_error(SGR_LOG_ERROR, "test", &error, "start failed");
    assert_string_equal(behind_time(), "error test start failed: too large [out_of_range]");
    sgr_error_context(&error, "in node %s", "n");
    sgr_log_error(SGR_LOG_ERROR, "test", &error, "start failed");
    assert_string_equal(behind_time(),
                        "error test start failed: too large (in node n) [out_of_range]");
}

static void the_nearest_name_is_found_and_nonsense_is_not(void **state) {
    (void)state;
    static const char *const names[] = {"filter", "map", "join", "order_by", "populate", "id"};
    const size_t count = sizeof(names) / sizeof(*names);
    assert_string_equal(sgr_nearest("fliter", names, count), "filter");
    assert_string_equal(sgr_nearest("FILTER", names, count), "filter");
    assert_string_equal(sgr_nearest("orderby", names, count), "order_by");
    assert_string_equal(sgr_nearest("popluates", names, count), "populate");
    assert_string_equal(sgr_nearest("maps", names, count), "map");
    assert_null(sgr_nearest("aggregate", names, count));
    assert_null(sgr_nearest("xy", names, count));
    assert_null(sgr_nearest("", names, count));
    assert_null(sgr_nearest("filter", NULL, 0));
    char longest[1000];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(sgr_nearest(longest, names, count));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(levels_above_the_configured_one_are_dropped, reset_log),
        cmocka_unit_test_teardown(a_message_cannot_forge_a_second_line, reset_log),
        cmocka_unit_test_teardown(json_lines_are_escaped, reset_log),
        cmocka_unit_test_teardown(errors_are_told_with_context_and_code, reset_log),
        cmocka_unit_test(the_nearest_name_is_found_and_nonsense_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
