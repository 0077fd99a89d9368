/* union through the loader and the real graph. */
#include "../../tests/unit/operator.h"

static void rows_of_all_inputs_are_told_apart_by_their_branch(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *b = stage_relation(&s, "b", "id int4, name text", 1);
    struct sgr_node *inputs[] = {a, b};
    struct sgr_node *both = stage_operator(&s, "union", "{}", inputs, 2);
    assert_string_equal(stage_shape(&s, both), "id int4, name text, branch int4 key(branch, id)");
    stage_feed(&s, a, 1, "1|x");
    stage_feed(&s, b, 1, "1|x");
    stage_feed(&s, b, 1, "2|null");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, both), "1|x|0; 1|x|1; 2|null|1");
    stage_feed(&s, a, -1, "1|x");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, both), "1|x|1; 2|null|1");
    sgr_node_unref(both);
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void without_a_branch_equal_rows_are_counted(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *b = stage_relation(&s, "b", "name text, id int4", 0);
    struct sgr_node *inputs[] = {a, b, a};
    struct sgr_node *all = stage_operator(&s, "union", "branch: ''", inputs, 3);
    assert_string_equal(stage_shape(&s, all), "id int4, name text bag");
    stage_feed(&s, a, 1, "1|x");
    stage_feed(&s, b, 1, "x|1"); /* columns are matched by name */
    stage_feed(&s, b, 1, "y|2");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, all), "1|x x3; 2|y");
    sgr_node_unref(all);
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void inputs_with_other_keys_make_a_bag_that_knows_its_branch(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, name text", 1);
    struct sgr_node *b = stage_relation(&s, "b", "name text, id int4", 1);
    struct sgr_node *inputs[] = {a, b};
    struct sgr_node *both = stage_operator(&s, "union", "branch: origin", inputs, 2);
    assert_string_equal(stage_shape(&s, both), "id int4, name text, origin int4 bag");
    sgr_node_unref(both);
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void refuse(struct stage *s, const char *yaml, struct sgr_node *a, struct sgr_node *b,
                   int status, const char *says) {
    struct sgr_node *inputs[] = {a, b}, *node = NULL;
    assert_int_equal(stage_try(s, "union", yaml, inputs, b ? 2 : 1, &node), status);
    if (!strstr(s->error.message, says))
        fail_msg("\"%s\" does not say \"%s\"", s->error.message, says);
}

static void inputs_that_differ_are_refused(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "app.a", "id int4, name text", 1);
    struct sgr_node *wide = stage_relation(&s, "app.w", "id int4, name text, x bool", 1);
    struct sgr_node *other = stage_relation(&s, "app.o", "id int8, name text", 1);
    refuse(&s, "{}", a, wide, SGR_ETYPE, "app.w has a column x, but app.a has none");
    refuse(&s, "{}", wide, a, SGR_ETYPE, "app.w has a column x, but app.a has none");
    refuse(&s, "{}", a, other, SGR_ETYPE, "column id is int4 in app.a, but int8 in app.o");
    refuse(&s, "branch: name", a, a, SGR_ECONFIG, "already");
    refuse(&s, "{}", a, NULL, SGR_ECONFIG, "at least 2 inputs");
    sgr_node_unref(other);
    sgr_node_unref(wide);
    sgr_node_unref(a);
    stage_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_inputs_are_told_apart_by_their_branch),
        cmocka_unit_test(without_a_branch_equal_rows_are_counted),
        cmocka_unit_test(inputs_with_other_keys_make_a_bag_that_knows_its_branch),
        cmocka_unit_test(inputs_that_differ_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
