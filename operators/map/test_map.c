/* map through the loader and the real graph. */
#include "../../tests/unit/operator.h"

static void columns_are_renamed_and_computed_and_the_key_stays(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text, price int4", 1);
    struct sgr_node *map = stage_operator(
        &s, "map", "columns: { label: upper(name), nr: id, twice: price * 2 }", &a, 1);
    assert_string_equal(stage_shape(&s, map), "label text, nr int4, twice int4 key(nr)");
    stage_feed(&s, a, 1, "1|x|5");
    stage_feed(&s, a, 1, "2|null|null");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, map), "X|1|10; null|2|null");
    stage_feed(&s, a, -1, "1|x|5");
    stage_feed(&s, a, 1, "1|y|5");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, map), "Y|1|10; null|2|null");
    sgr_node_unref(map);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void without_its_key_the_output_is_a_bag(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *names = stage_operator(&s, "map", "columns: { name: name }", &a, 1);
    struct sgr_node *moved = stage_operator(&s, "map", "columns: { id: id + 1 }", &a, 1);
    assert_string_equal(stage_shape(&s, names), "name text bag");
    assert_string_equal(stage_shape(&s, moved), "id int4 bag");
    stage_feed(&s, a, 1, "1|x");
    stage_feed(&s, a, 1, "2|x");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, names), "x x2");
    stage_feed(&s, a, -1, "1|x");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, names), "x");
    sgr_node_unref(moved);
    sgr_node_unref(names);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_change_of_what_is_not_put_out_goes_no_further(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *ids = stage_operator(&s, "map", "columns: { id: id }", &a, 1);
    struct sgr_node *behind = stage_operator(&s, "log", "{}", &ids, 1);
    stage_feed(&s, a, 1, "1|x");
    stage_run(&s);
    stage_feed(&s, a, -1, "1|x");
    stage_feed(&s, a, 1, "1|y");
    stage_run(&s);
    struct sgr_node_counters counters;
    sgr_node_counters(behind, &counters);
    assert_int_equal(counters.runs, 1);
    sgr_node_unref(behind);
    sgr_node_unref(ids);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_row_that_fails_is_reported_and_left_out(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, x int4", 1);
    struct sgr_node *map = stage_operator(&s, "map", "columns: { id: id, y: 6 / x }", &a, 1);
    stage_feed(&s, a, 1, "1|0");
    stage_feed(&s, a, 1, "2|2");
    stage_run(&s);
    assert_int_equal(s.failed_rows, 1);
    assert_string_equal(stage_contents(&s, map), "2|3");
    sgr_node_unref(map);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_bad_expression_says_in_which_column(void **unused) {
    (void)unused;
    struct stage s;
    struct sgr_node *node = NULL;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4", 1);
    assert_int_equal(stage_try(&s, "map", "columns: { a: id, b: nope }", &a, 1, &node),
                     SGR_ENOTFOUND);
    assert_non_null(strstr(s.error.context, "column b"));
    assert_int_equal(stage_try(&s, "map", "columns: {}", &a, 1, &node), SGR_ECONFIG);
    sgr_node_unref(a);
    stage_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_renamed_and_computed_and_the_key_stays),
        cmocka_unit_test(without_its_key_the_output_is_a_bag),
        cmocka_unit_test(a_change_of_what_is_not_put_out_goes_no_further),
        cmocka_unit_test(a_row_that_fails_is_reported_and_left_out),
        cmocka_unit_test(a_bad_expression_says_in_which_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
