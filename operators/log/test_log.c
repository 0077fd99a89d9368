/* log through the loader and the real graph, with the lines caught. */
#include "../../tests/unit/operator.h"
#include "base/log.h"

static char lines[8192];

static void catch_line(void *data, enum sgr_log_level level, const char *line) {
    (void)data;
    (void)level;
    size_t used = strlen(lines);
    snprintf(lines + used, sizeof(lines) - used, "%s\n", line);
}

static void each_change_is_a_line_and_passes_on(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    lines[0] = '\0';
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_TEXT, catch_line, NULL);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *log = stage_operator(&s, "log", "prefix: seen", &a, 1);
    stage_feed(&s, a, 1, "1|x");
    stage_feed(&s, a, 1, "2|null");
    stage_run(&s);
    assert_non_null(strstr(lines, "seen +1 id=1 name=x"));
    assert_non_null(strstr(lines, "seen +1 id=2 name=null"));
    stage_feed(&s, a, -1, "1|x");
    stage_run(&s);
    assert_non_null(strstr(lines, "seen -1 id=1 name=x"));
    size_t written = strlen(lines);
    assert_string_equal(stage_contents(&s, log), "2|null");
    assert_int_equal(strlen(lines), written); /* looking at the contents is no change */
    assert_string_equal(stage_shape(&s, log), "id int4, name text key(id)");
    sgr_node_unref(log);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_row_can_neither_forge_nor_flood_lines(void **unused) {
    (void)unused;
    struct stage s;
    char row[3000];
    stage_init(&s);
    lines[0] = '\0';
    sgr_log_configure(SGR_LOG_INFO, SGR_LOG_TEXT, catch_line, NULL);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *log = stage_operator(&s, "log", "{}", &a, 1);
    stage_feed(&s, a, 1, "1|x\nerror: forged");
    stage_run(&s);
    assert_non_null(strstr(lines, "name=x?error: forged"));
    lines[0] = '\0';
    snprintf(row, sizeof(row), "2|%02900d", 7);
    stage_feed(&s, a, 1, row);
    stage_run(&s);
    assert_true(strlen(lines) < 1200);
    sgr_node_unref(log);
    sgr_node_unref(a);
    stage_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_a_line_and_passes_on),
        cmocka_unit_test(a_row_can_neither_forge_nor_flood_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
