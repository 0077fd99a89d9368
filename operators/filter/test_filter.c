/* filter through the loader and the real graph. */
#include "../../tests/unit/operator.h"

static void only_rows_for_which_it_is_true_pass(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, price numeric", 1);
    struct sgr_node *cheap = stage_operator(&s, "filter", "condition: price < 100", &a, 1);
    assert_string_equal(stage_shape(&s, cheap), "id int4, price numeric key(id)");
    stage_feed(&s, a, 1, "1|99.99");
    stage_feed(&s, a, 1, "2|100");
    stage_feed(&s, a, 1, "3|null");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, cheap), "1|99.99");
    stage_feed(&s, a, -1, "1|99.99");
    stage_feed(&s, a, 1, "1|101");
    stage_feed(&s, a, -1, "2|100");
    stage_feed(&s, a, 1, "2|3");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, cheap), "2|3");
    sgr_node_unref(cheap);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_bag_stays_one(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "x int4", 0);
    struct sgr_node *some = stage_operator(&s, "filter", "condition: x > 1", &a, 1);
    stage_feed(&s, a, 3, "2");
    stage_feed(&s, a, 2, "1");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, some), "2 x3");
    sgr_node_unref(some);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_row_that_fails_is_reported_and_left_out_both_ways(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, x int4", 1);
    struct sgr_node *some = stage_operator(&s, "filter", "condition: 10 / x > 1", &a, 1);
    stage_feed(&s, a, 1, "1|0");
    stage_feed(&s, a, 1, "2|2");
    stage_run(&s);
    assert_int_equal(s.failed_rows, 1);
    stage_feed(&s, a, -1, "1|0");
    stage_run(&s);
    assert_int_equal(s.failed_rows, 2);
    struct sgr_node_counters counters;
    sgr_node_counters(some, &counters);
    assert_int_equal(counters.failed_rows, 2);
    assert_string_equal(stage_contents(&s, some), "2|2");
    sgr_node_unref(some);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void what_is_no_condition_is_refused(void **unused) {
    (void)unused;
    struct stage s;
    struct sgr_node *node = NULL;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    assert_int_equal(stage_try(&s, "filter", "condition: id + 1", &a, 1, &node), SGR_ETYPE);
    assert_non_null(strstr(s.error.message, "int4"));
    assert_int_equal(stage_try(&s, "filter", "condition: nme = 'x'", &a, 1, &node), SGR_ENOTFOUND);
    assert_non_null(strstr(s.error.message, "name"));
    assert_int_not_equal(stage_try(&s, "filter", "condition: id >", &a, 1, &node), 0);
    sgr_node_unref(a);
    stage_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_rows_for_which_it_is_true_pass),
        cmocka_unit_test(a_bag_stays_one),
        cmocka_unit_test(a_row_that_fails_is_reported_and_left_out_both_ways),
        cmocka_unit_test(what_is_no_condition_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
