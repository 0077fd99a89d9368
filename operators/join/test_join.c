/* join through the loader and the real graph; what it holds is compared with nested loops. */
#include "../../tests/unit/operator.h"

static void matches_pairs_and_follows_both_sides(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *users = stage_relation(&s, "app.users", "id int4, name text", 1);
    struct sgr_node *orders =
        stage_relation(&s, "app.orders", "id int4, user_id int8, total int4", 1);
    struct sgr_node *inputs[] = {users, orders};
    struct sgr_node *join = stage_operator(&s, "join", "on: id = user_id", inputs, 2);
    assert_string_equal(stage_shape(&s, join),
                        "id int4, name text, orders_id int4, user_id int8, total int4 "
                        "key(id, orders_id)");
    stage_feed(&s, users, 1, "1|ann");
    stage_feed(&s, users, 1, "2|bob");
    stage_feed(&s, orders, 1, "10|1|5");
    stage_feed(&s, orders, 1, "11|1|6");
    stage_feed(&s, orders, 1, "12|3|7");
    stage_feed(&s, orders, 1, "13|null|8");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, join), "1|ann|10|1|5; 1|ann|11|1|6");
    stage_feed(&s, users, 1, "3|cat");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, join), "1|ann|10|1|5; 1|ann|11|1|6; 3|cat|12|3|7");
    stage_feed(&s, orders, -1, "10|1|5");
    stage_feed(&s, orders, 1, "10|2|5");
    stage_feed(&s, users, -1, "3|cat");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, join), "1|ann|11|1|6; 2|bob|10|2|5");
    sgr_node_unref(join);
    sgr_node_unref(orders);
    sgr_node_unref(users);
    stage_fini(&s);
}

static void nulls_never_match(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, x int4, y int4", 1);
    struct sgr_node *b = stage_relation(&s, "b", "key int4, p int4, q int4", 1);
    struct sgr_node *inputs[] = {a, b};
    struct sgr_node *join = stage_operator(&s, "join", "on: x = p AND y = q", inputs, 2);
    stage_feed(&s, a, 1, "1|null|5");
    stage_feed(&s, a, 1, "2|5|5");
    stage_feed(&s, b, 1, "1|null|5");
    stage_feed(&s, b, 1, "2|5|null");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, join), "");
    stage_feed(&s, b, 1, "3|null|5"); /* one side alone */
    stage_run(&s);
    stage_feed(&s, b, 1, "4|5|5");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, join), "2|5|5|4|5|5");
    sgr_node_unref(join);
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void chosen_columns_keep_the_key_if_they_hold_it(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *users = stage_relation(&s, "app.users", "id int4, name text", 1);
    struct sgr_node *orders = stage_relation(&s, "app.orders", "id int4, user_id int4", 1);
    struct sgr_node *inputs[] = {users, orders};
    struct sgr_node *keyed = stage_operator(
        &s, "join",
        "{ on: users.id = orders.user_id, columns: { nr: right.id, who: name, by: user_id } }",
        inputs, 2);
    /* users.id is not put out, but what it equals is */
    assert_string_equal(stage_shape(&s, keyed), "nr int4, who text, by int4 key(by, nr)");
    struct sgr_node *bag =
        stage_operator(&s, "join", "{ on: 'user_id = id', columns: { who: left.id } }",
                       (struct sgr_node *[]){orders, users}, 2);
    assert_string_equal(stage_shape(&s, bag), "who int4 bag");
    struct sgr_node *turned =
        stage_operator(&s, "join", "on: orders.user_id = users.id", inputs, 2);
    stage_feed(&s, users, 1, "1|ann");
    stage_feed(&s, orders, 1, "7|1");
    stage_run(&s);
    assert_string_equal(stage_contents(&s, keyed), "7|ann|1");
    assert_string_equal(stage_contents(&s, turned), "1|ann|7|1");
    sgr_node_unref(turned);
    sgr_node_unref(bag);
    sgr_node_unref(keyed);
    sgr_node_unref(orders);
    sgr_node_unref(users);
    stage_fini(&s);
}

static void refuse(struct stage *s, const char *yaml, struct sgr_node *const *inputs, int status,
                   const char *says) {
    struct sgr_node *node = NULL;
    assert_int_equal(stage_try(s, "join", yaml, inputs, 2, &node), status);
    if (!strstr(s->error.message, says))
        fail_msg("\"%s\" does not say \"%s\"", s->error.message, says);
}

static void what_makes_no_sense_is_refused(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "app.a", "id int4, t text, j json", 1);
    struct sgr_node *b = stage_relation(&s, "app.b", "id int4, n numeric, j json", 1);
    struct sgr_node *inputs[] = {a, b};
    refuse(&s, "on: id = n", inputs, SGR_ETYPE, "app.a.id is int4 and app.b.n is numeric");
    refuse(&s, "on: j = j", inputs, SGR_ETYPE, "json");
    refuse(&s, "on: id = nope", inputs, SGR_ENOTFOUND, "app.b has no column \"nope\"");
    refuse(&s, "on: c.id = id", inputs, SGR_ENOTFOUND, "c.id: the inputs are app.a and app.b");
    refuse(&s, "on: a.id = a.t", inputs, SGR_ECONFIG, "same input");
    refuse(&s, "on: id", inputs, SGR_EPARSE, "expected");
    refuse(&s, "on: id = id and", inputs, SGR_EPARSE, "expected");
    refuse(&s, "on: id = id or id = id", inputs, SGR_EPARSE, "expected");
    refuse(&s, "on: '\"id = id'", inputs, SGR_EPARSE, "expected");
    refuse(&s, "{ on: id = id, columns: { x: id } }", inputs, SGR_ECONFIG, "left.id or right.id");
    refuse(&s, "{}", inputs, SGR_ECONFIG, "needs \"on\"");
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

/* Rows (id, k) of two relations, and what their join must hold. */

enum { ROWS = 14, VALUES = 4 };

struct model {
    int left[ROWS], right[ROWS]; /* the row's k; -1: no row; VALUES: null */
    uint32_t random;
};

static uint32_t next_random(struct model *m, uint32_t below) {
    m->random = m->random * 1664525u + 1013904223u;
    return (m->random >> 8) % below;
}

static void feed_side(struct stage *s, struct sgr_node *node, int id, int k, int weight) {
    char text[40];
    if (k == VALUES)
        snprintf(text, sizeof(text), "%d|null", id);
    else
        snprintf(text, sizeof(text), "%d|%d", id, k);
    stage_feed(s, node, weight, text);
}

static void step(struct stage *s, struct model *m, struct sgr_node *node, int *rows) {
    int id = (int)next_random(m, ROWS);
    int k = (int)next_random(m, VALUES + 2) - 1;
    if (rows[id] >= 0)
        feed_side(s, node, id, rows[id], -1);
    if (k >= 0)
        feed_side(s, node, id, k, 1);
    rows[id] = k;
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void compare(struct stage *s, const struct model *m, struct sgr_node *join, bool self) {
    static char lines[ROWS * ROWS][40];
    const int *right = self ? m->left : m->right;
    struct sgr_buffer expected = SGR_BUFFER_INIT;
    size_t count = 0;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            if (m->left[i] >= 0 && m->left[i] < VALUES && m->left[i] == right[j])
                snprintf(lines[count++], sizeof(lines[0]), "%d|%d|%d|%d", i, m->left[i], j,
                         right[j]);
    qsort(lines, count, sizeof(lines[0]), by_text);
    for (size_t i = 0; i < count; i++)
        sgr_buffer_printf(&expected, "%s%s", i ? "; " : "", lines[i]);
    assert_string_equal(stage_contents(s, join), sgr_buffer_text(&expected));
    sgr_buffer_fini(&expected);
}

static void batches_that_hit_both_sides_equal_nested_loops(void **unused) {
    (void)unused;
    struct stage s;
    struct model m = {.random = 4711};
    stage_init(&s);
    memset(m.left, -1, sizeof(m.left));
    memset(m.right, -1, sizeof(m.right));
    struct sgr_node *a = stage_relation(&s, "a", "id int4, k int4", 1);
    struct sgr_node *b = stage_relation(&s, "b", "nr int4, r int8", 1);
    struct sgr_node *inputs[] = {a, b}, *twice[] = {a, a};
    struct sgr_node *join = stage_operator(&s, "join", "on: k = r", inputs, 2);
    struct sgr_node *self = stage_operator(&s, "join", "on: k = k", twice, 2);
    struct sgr_index *kept = NULL; /* so that it is kept up to date, not derived when asked */
    assert_int_equal(sgr_node_index(join, NULL, 0, &kept, &s.error), 0);
    struct sgr_index *kept_self = NULL;
    assert_int_equal(sgr_node_index(self, NULL, 0, &kept_self, &s.error), 0);
    for (int round = 0; round < 1500; round++) {
        for (uint32_t i = next_random(&m, 8); i; i--)
            step(&s, &m, a, m.left);
        for (uint32_t i = next_random(&m, 8); i; i--)
            step(&s, &m, b, m.right);
        stage_run(&s);
        compare(&s, &m, join, false);
        compare(&s, &m, self, true);
    }
    sgr_node_unindex(join, kept);
    compare(&s, &m, join, false); /* derived anew */
    sgr_node_unindex(self, kept_self);
    sgr_node_unref(self);
    sgr_node_unref(join);
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

/* Bags: the row (k) stands in A so often, in B so often. */
static void batches_of_bags_multiply_how_often_rows_are_there(void **unused) {
    (void)unused;
    struct stage s;
    struct model m = {.random = 99};
    int left[VALUES] = {0}, right[VALUES] = {0};
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "k int4", 0);
    struct sgr_node *b = stage_relation(&s, "b", "r int4", 0);
    struct sgr_node *inputs[] = {a, b};
    struct sgr_node *join = stage_operator(&s, "join", "on: k = r", inputs, 2);
    struct sgr_index *kept = NULL;
    assert_int_equal(sgr_node_index(join, NULL, 0, &kept, &s.error), 0);
    for (int round = 0; round < 1000; round++) {
        for (uint32_t i = next_random(&m, 6); i; i--) {
            bool first = next_random(&m, 2);
            int *counts = first ? left : right, k = (int)next_random(&m, VALUES);
            int weight = counts[k] && next_random(&m, 2) ? -1 : 1;
            char text[8];
            snprintf(text, sizeof(text), "%d", k);
            counts[k] += weight;
            stage_feed(&s, first ? a : b, weight, text);
        }
        stage_run(&s);
        struct sgr_buffer expected = SGR_BUFFER_INIT;
        for (int k = 0; k < VALUES; k++)
            if (left[k] && right[k]) {
                sgr_buffer_printf(&expected, "%s%d|%d", expected.size ? "; " : "", k, k);
                if (left[k] * right[k] > 1)
                    sgr_buffer_printf(&expected, " x%d", left[k] * right[k]);
            }
        assert_string_equal(stage_contents(&s, join), sgr_buffer_text(&expected));
        sgr_buffer_fini(&expected);
    }
    sgr_node_unindex(join, kept);
    sgr_node_unref(join);
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

static void a_snapshot_of_both_sides_puts_each_pair_out_once(void **unused) {
    (void)unused;
    struct stage s;
    stage_init(&s);
    struct sgr_node *a = stage_relation(&s, "a", "id int4, k int4", 1);
    struct sgr_node *b = stage_relation(&s, "b", "nr int4, r int4", 1);
    struct sgr_node *inputs[] = {a, b};
    struct sgr_node *join = stage_operator(&s, "join", "on: k = r", inputs, 2);
    for (int i = 0; i < 500; i++) {
        feed_side(&s, a, i, i % 100 == 0 ? 3 : i % 3, 1);
        feed_side(&s, b, i, i % 50 == 0 ? 3 : i % 2, 1);
    }
    stage_run(&s);
    struct sgr_node_counters before, after;
    sgr_node_counters(join, &before);
    struct sgr_index *index = NULL;
    assert_int_equal(sgr_node_index(join, NULL, 0, &index, &s.error), 0);
    assert_int_equal(before.rows_out, sgr_index_rows(index));
    /* a change costs what it meets, not what is there */
    feed_side(&s, a, 1000, 3, 1);
    stage_run(&s);
    sgr_node_counters(join, &after);
    assert_int_equal(after.probes - before.probes, 1);
    assert_int_equal(after.rows_out - before.rows_out, 10);
    sgr_node_unindex(join, index);
    sgr_node_unref(join);
    sgr_node_unref(b);
    sgr_node_unref(a);
    stage_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_pairs_and_follows_both_sides),
        cmocka_unit_test(nulls_never_match),
        cmocka_unit_test(chosen_columns_keep_the_key_if_they_hold_it),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(batches_that_hit_both_sides_equal_nested_loops),
        cmocka_unit_test(batches_of_bags_multiply_how_often_rows_are_there),
        cmocka_unit_test(a_snapshot_of_both_sides_puts_each_pair_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
