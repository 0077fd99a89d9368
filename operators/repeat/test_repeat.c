/* repeat through the loader and the real graph; ticks are given. */
#include "../../tests/unit/operator.h"

static void tick(struct stage *s, int64_t period, uint64_t number) {
    if (sgr_graph_tick(s->graph, period, number, &s->error))
        fail_msg("tick: %s (%s)", s->error.message, s->error.context);
}

static void each_tick_gives_all_rows_its_number(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *repeat = stage_operator(&s, "repeat", "every: 3s", &a, 1);
    assert_string_equal(stage_shape(&s, repeat), "id int4, name text, tick int8 key(id)");
    int64_t period = 0;
    assert_int_equal(sgr_graph_periods(s.graph, &period, 1), 1);
    assert_int_equal(period, 3000000);
    stage_feed(&s, a, 1, "1|x");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, repeat), "1|x|0");
    tick(&s, period, 1);
    stage_feed(&s, a, 1, "2|y");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, repeat), "1|x|1; 2|y|1");
    stage_feed(&s, a, -1, "1|x"); /* goes in the tick's own transaction */
    tick(&s, period, 2);
    assert_string_equal(stage_contents(&s, repeat), "2|y|2");
    sgr_node_unref(repeat);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void what_is_behind_it_later_sees_the_present_number(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "name text", 0);
    struct sgr_node *repeat = stage_operator(&s, "repeat", "{ every: 250ms, as: n }", &a, 1);
    assert_string_equal(stage_shape(&s, repeat), "name text, n int8 bag");
    stage_feed(&s, a, 2, "x");
    stage_run(&s);
    tick(&s, 250000, 41);
    struct sgr_node *nodes[] = {repeat, repeat};
    struct sgr_node *behind = stage_operator(&s, "union", "branch: ''", nodes, 2);
    assert_string_equal(stage_contents(&s, behind), "x|41 x4");
    assert_true(sgr_node_impure(behind));
    sgr_node_unref(behind);
    sgr_node_unref(repeat);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_column_of_that_name_is_refused(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, tick text", 1), *node = NULL;
    assert_int_equal(stage_try(&s, "repeat", "every: 1s", &a, 1, &node), SGR_ECONFIG);
    assert_non_null(strstr(s.error.message, "choose another with `as`"));
    assert_int_equal(stage_try(&s, "repeat", "every: 0s", &a, 1, &node), SGR_ECONFIG);
    assert_non_null(strstr(s.error.message, "from 1ms to 365d"));
    sgr_node_unref(a);
    stage_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tick_gives_all_rows_its_number),
        cmocka_unit_test(what_is_behind_it_later_sees_the_present_number),
        cmocka_unit_test(a_column_of_that_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
