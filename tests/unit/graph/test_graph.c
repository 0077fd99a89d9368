/* The graph with operators made for the purpose. */
#include <stdio.h>

#include "unit/graph/fixture.h"

/* pass: what comes in goes out. */

struct state {
    const struct sgr_operator_host *host;
    void *host_data;
    const struct sgr_schema *schema;
    int64_t sum; /* of what `count` saw, and the last tick of `clock` */
};

static int open_count, close_count;

static struct state *new_state(const struct sgr_operator_host *host, void *host_data,
                               const struct sgr_input *input, struct sgr_shape *shape) {
    struct state *state = host->common.allocate(host_data, sizeof(*state));
    *state = (struct state){.host = host, .host_data = host_data, .schema = input->schema};
    *shape = (struct sgr_shape){.schema = host->schema_ref(input->schema),
                                .key = input->key,
                                .key_count = input->key_count};
    open_count++;
    return state;
}

static int pass_bind(const struct sgr_operator_host *host, void *host_data, const void *options,
                     const struct sgr_input *inputs, size_t input_count, struct sgr_shape *shape,
                     void **ret, struct sgr_error *error) {
    (void)options;
    (void)input_count;
    (void)error;
    *ret = new_state(host, host_data, inputs, shape);
    return 0;
}

static int pass_apply(void *data, const struct sgr_batch *inputs, struct sgr_output *output,
                      struct sgr_error *error) {
    struct state *state = data;
    (void)error;
    for (size_t i = 0; i < inputs[0].count; i++)
        state->host->emit(output, inputs[0].items[i].row, inputs[0].items[i].weight);
    return 0;
}

static void any_close(void *data) {
    (void)data;
    close_count++;
}

/* Two inputs, both passed on. */
static int both_apply(void *data, const struct sgr_batch *inputs, struct sgr_output *output,
                      struct sgr_error *error) {
    pass_apply(data, &inputs[0], output, error);
    return pass_apply(data, &inputs[1], output, error);
}

/* The row with another number in its second column. */
static int emit_number(struct state *state, const struct sgr_row *row, int64_t number,
                       int64_t weight, struct sgr_output *output) {
    struct sgr_value values[8];
    const struct sgr_row *made = NULL;
    for (uint16_t i = 0; i < state->schema->count; i++)
        values[i] = sgr_row_value(state->schema, row, i);
    values[1].i = number;
    assert_int_equal(state->host->row_new(state->host_data, state->schema, values, &made), 0);
    state->host->emit(output, made, weight);
    state->host->row_unref(made);
    return 0;
}

static int random_apply(void *data, const struct sgr_batch *inputs, struct sgr_output *output,
                        struct sgr_error *error) {
    struct state *state = data;
    (void)error;
    for (size_t i = 0; i < inputs[0].count; i++) {
        const struct sgr_row *row = inputs[0].items[i].row;
        int64_t number = (int64_t)(state->host->random(state->host_data, 7, 0) >> 8);
        emit_number(state, row, number, inputs[0].items[i].weight, output);
    }
    return 0;
}

/* Numbers each row by the calls so far: a fresh instance would number them otherwise. */
static int impure_bind(const struct sgr_operator_host *host, void *host_data, const void *options,
                       const struct sgr_input *inputs, size_t input_count, struct sgr_shape *shape,
                       void **ret, struct sgr_error *error) {
    int status = pass_bind(host, host_data, options, inputs, input_count, shape, ret, error);
    shape->impure = true;
    return status;
}

static int impure_apply(void *data, const struct sgr_batch *inputs, struct sgr_output *output,
                        struct sgr_error *error) {
    struct state *state = data;
    (void)error;
    state->sum++;
    for (size_t i = 0; i < inputs[0].count; i++)
        emit_number(state, inputs[0].items[i].row, state->sum, inputs[0].items[i].weight, output);
    return 0;
}

/* Every row with the last tick's number. */
static int clock_bind(const struct sgr_operator_host *host, void *host_data, const void *options,
                      const struct sgr_input *inputs, size_t input_count, struct sgr_shape *shape,
                      void **ret, struct sgr_error *error) {
    static const struct sgr_index_wish wish = {.input = 0};
    int status = pass_bind(host, host_data, options, inputs, input_count, shape, ret, error);
    shape->tick_every = 3000000;
    shape->indexes = &wish;
    shape->index_count = 1;
    return status;
}

static int clock_apply(void *data, const struct sgr_batch *inputs, struct sgr_output *output,
                       struct sgr_error *error) {
    struct state *state = data;
    (void)error;
    for (size_t i = 0; i < inputs[0].count; i++)
        emit_number(state, inputs[0].items[i].row, state->sum, inputs[0].items[i].weight, output);
    return 0;
}

static int clock_tick(void *data, uint64_t tick, struct sgr_output *output,
                      struct sgr_error *error) {
    struct state *state = data;
    struct sgr_iterator iterator;
    int64_t weight = 0;
    (void)error;
    state->host->scan(state->host_data, 0, &iterator);
    for (const struct sgr_row *row; (row = state->host->next(&iterator, &weight));) {
        emit_number(state, row, state->sum, -weight, output);
        emit_number(state, row, (int64_t)tick, weight, output);
    }
    state->sum = (int64_t)tick;
    return 0;
}

static int bad_column_bind(const struct sgr_operator_host *host, void *host_data,
                           const void *options, const struct sgr_input *inputs, size_t input_count,
                           struct sgr_shape *shape, void **ret, struct sgr_error *error) {
    static const uint16_t far = 77;
    static const struct sgr_index_wish wish = {.input = 0, .column_count = 1, .columns = &far};
    int status = pass_bind(host, host_data, options, inputs, input_count, shape, ret, error);
    shape->indexes = &wish;
    shape->index_count = 1;
    return status;
}

static int refusing_bind(const struct sgr_operator_host *host, void *host_data, const void *options,
                         const struct sgr_input *inputs, size_t input_count,
                         struct sgr_shape *shape, void **ret, struct sgr_error *error) {
    (void)options;
    (void)inputs;
    (void)input_count;
    (void)shape;
    (void)ret;
    assert_non_null(host->common.allocate(host_data, 100)); /* is the host's to free now */
    return sgr_error_set(error, SGR_ETYPE, "no");
}

#define OPERATOR(variable, label, inputs, ...)                                                \
    static const struct sgr_operator_methods variable##_methods = {                           \
        .inputs_minimum = inputs, .inputs_maximum = inputs, .close = any_close, __VA_ARGS__}; \
    static const struct sgr_plugin variable = {                                               \
        SGR_PLUGIN_HEADER, .kind = SGR_OPERATOR, .name = label,                               \
        .methods_size = sizeof(variable##_methods), .operator_ = &variable##_methods}

OPERATOR(pass_plugin, "pass", 1, .bind = pass_bind, .apply = pass_apply);
OPERATOR(both_plugin, "both", 2, .bind = pass_bind, .apply = both_apply);
OPERATOR(random_plugin, "random", 1, .bind = pass_bind, .apply = random_apply);
OPERATOR(impure_plugin, "impure", 1, .bind = impure_bind, .apply = impure_apply);
OPERATOR(clock_plugin, "clock", 1, .bind = clock_bind, .apply = clock_apply, .tick = clock_tick);
OPERATOR(tickless_plugin, "tickless", 1, .bind = clock_bind, .apply = clock_apply);
OPERATOR(bad_column_plugin, "bad_column", 1, .bind = bad_column_bind, .apply = pass_apply);
OPERATOR(refusing_plugin, "refusing", 1, .bind = refusing_bind, .apply = pass_apply);

static uint64_t runs(const struct sgr_node *node) {
    struct sgr_node_counters counters;
    sgr_node_counters(node, &counters);
    return counters.runs;
}

static void a_commit_visits_only_what_it_touches(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    struct sgr_node *b = fixture_relation(&f, "s.b", "id a", 1);
    struct sgr_node *on_a = fixture_operator(&f, &pass_plugin, "x", &a, 1);
    struct sgr_node *on_b = fixture_operator(&f, &pass_plugin, "x", &b, 1);
    FEED(&f, a, 1, 1, 10);
    fixture_run(&f);
    assert_int_equal(runs(a), 1);
    assert_int_equal(runs(on_a), 1);
    assert_int_equal(runs(b), 0);
    assert_int_equal(runs(on_b), 0);
    fixture_run(&f);
    assert_int_equal(runs(on_a), 1);
    /* what nets to nothing goes no further than where it nets */
    FEED(&f, a, 1, 2, 20);
    FEED(&f, a, -1, 2, 20);
    fixture_run(&f);
    assert_int_equal(runs(a), 2);
    assert_int_equal(runs(on_a), 1);
    sgr_node_unref(on_b);
    sgr_node_unref(on_a);
    sgr_node_unref(b);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void a_diamond_is_visited_once_and_whole(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    struct sgr_node *left = fixture_operator(&f, &pass_plugin, "left", &a, 1);
    struct sgr_node *right = fixture_operator(&f, &pass_plugin, "right", &a, 1);
    struct sgr_node *join =
        fixture_operator(&f, &both_plugin, "", (struct sgr_node *[]){right, left}, 2);
    FEED(&f, a, 1, 1, 10);
    fixture_run(&f);
    assert_int_equal(runs(join), 1);
    assert_int_equal(COUNT(&f, join, 1, 10), 2);
    sgr_node_unref(join);
    sgr_node_unref(right);
    sgr_node_unref(left);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void equal_plans_share_a_node_and_others_do_not(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    struct sgr_node *one = fixture_operator(&f, &pass_plugin, "x", &a, 1);
    struct sgr_node *same = fixture_operator(&f, &pass_plugin, "x", &a, 1);
    struct sgr_node *other = fixture_operator(&f, &pass_plugin, "y", &a, 1);
    struct sgr_node *behind = fixture_operator(&f, &pass_plugin, "x", &one, 1);
    assert_ptr_equal(one, same);
    assert_ptr_not_equal(one, other);
    assert_ptr_not_equal(one, behind);
    assert_int_equal(sgr_graph_node_count(f.graph), 4);
    sgr_node_unref(one);
    sgr_node_unref(same); /* lives on through the node behind it */
    assert_int_equal(sgr_graph_node_count(f.graph), 4);
    sgr_node_unref(behind);
    assert_int_equal(sgr_graph_node_count(f.graph), 2);
    struct sgr_node *again = fixture_operator(&f, &pass_plugin, "x", &a, 1);
    assert_int_equal(sgr_graph_node_count(f.graph), 3);
    sgr_node_unref(again);
    sgr_node_unref(other);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void a_later_index_shows_what_came_before_it(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    for (int64_t i = 0; i < 3000; i++)
        FEED(&f, a, 1, i, i % 10);
    fixture_run(&f);
    struct sgr_node *late = fixture_operator(&f, &pass_plugin, "x", &a, 1);
    struct sgr_node *later = fixture_operator(&f, &pass_plugin, "x", &late, 1);
    assert_int_equal(fixture_rows(&f, later), 3000);
    struct sgr_index *index = NULL, *second = NULL;
    const uint16_t column = 1;
    assert_int_equal(sgr_node_index(later, &column, 1, &index, &f.error), 0);
    assert_int_equal(sgr_index_groups(index), 10);
    assert_int_equal(sgr_node_index(later, &column, 1, &second, &f.error), 0);
    assert_ptr_equal(index, second);
    FEED(&f, a, -1, 5, 5);
    FEED(&f, a, 1, 5, 99);
    fixture_run(&f);
    assert_int_equal(sgr_index_groups(index), 11);
    assert_int_equal(sgr_index_rows(index), 3000);
    sgr_node_unindex(later, index);
    sgr_node_unindex(later, second);
    assert_int_equal(COUNT(&f, later, 5, 99), 1);
    assert_int_equal(COUNT(&f, later, 5, 5), 0);
    sgr_node_unref(later);
    sgr_node_unref(late);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void an_impure_node_keeps_what_it_said(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    FEED(&f, a, 1, 1, 0);
    fixture_run(&f);
    struct sgr_node *impure = fixture_operator(&f, &impure_plugin, "", &a, 1);
    struct sgr_node *behind = fixture_operator(&f, &pass_plugin, "", &impure, 1);
    FEED(&f, a, 1, 2, 0);
    fixture_run(&f);
    /* its first batch was the contents, its second the new row; an instance of its own would see both in one */
    assert_int_equal(COUNT(&f, impure, 1, 1), 1);
    assert_int_equal(COUNT(&f, impure, 2, 2), 1);
    assert_int_equal(COUNT(&f, behind, 2, 2), 1);
    assert_true(sgr_node_impure(impure));
    assert_true(sgr_node_impure(behind));
    assert_false(sgr_node_impure(a));
    sgr_node_unref(behind);
    sgr_node_unref(impure);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void ticks_reach_their_period_and_what_is_behind(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    struct sgr_node *clock = fixture_operator(&f, &clock_plugin, "", &a, 1);
    struct sgr_node *behind = fixture_operator(&f, &pass_plugin, "", &clock, 1);
    int64_t periods[2] = {0, 0};
    assert_int_equal(sgr_graph_periods(f.graph, periods, 2), 1);
    assert_int_equal(periods[0], 3000000);
    FEED(&f, a, 1, 1, 0);
    fixture_run(&f);
    assert_int_equal(COUNT(&f, behind, 1, 0), 1);
    assert_int_equal(sgr_graph_tick(f.graph, 3000000, 1, &f.error), 0);
    assert_int_equal(COUNT(&f, behind, 1, 1), 1);
    assert_int_equal(sgr_graph_tick(f.graph, 1000000, 1, &f.error), 0);
    FEED(&f, a, 1, 2, 0); /* pending rows go with a tick */
    assert_int_equal(sgr_graph_tick(f.graph, 3000000, 2, &f.error), 0);
    assert_int_equal(COUNT(&f, behind, 1, 2), 1);
    assert_int_equal(COUNT(&f, behind, 2, 2), 1);
    assert_int_equal(fixture_rows(&f, behind), 2);
    sgr_node_unref(behind);
    sgr_node_unref(clock);
    assert_int_equal(sgr_graph_periods(f.graph, periods, 2), 0);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static int64_t random_of(struct fixture *f, const char *name, const char *const *spellings,
                         size_t count, size_t which) {
    struct sgr_node *a = fixture_relation(f, name, "id a", 1);
    struct sgr_node *nodes[4] = {NULL};
    for (size_t i = 0; i < count; i++)
        nodes[i] = fixture_operator(f, &random_plugin, spellings[i], &a, 1);
    FEED(f, a, 1, 1, 0);
    fixture_run(f);
    struct sgr_index *index = NULL;
    struct sgr_iterator iterator;
    int64_t weight, number;
    assert_int_equal(sgr_node_index(nodes[which], NULL, 0, &index, &f->error), 0);
    sgr_index_scan(index, &iterator);
    number = sgr_row_value(sgr_node_schema(a), sgr_index_next(&iterator, &weight), 1).i;
    sgr_node_unindex(nodes[which], index);
    for (size_t i = 0; i < count; i++)
        sgr_node_unref(nodes[i]);
    sgr_node_unref(a);
    return number;
}

static void random_numbers_depend_on_structure_and_not_on_spelling(void **unused) {
    (void)unused;
    static const char *const yaml[] = {"row.a = 1", "row.b = 2"};
    static const char *const lua[] = {"function(row) row.a = 1 end", "row . b = 2"};
    struct fixture one, other, seeded;
    fixture_init(&one, 42, NULL);
    fixture_init(&other, 42, NULL);
    fixture_init(&seeded, 43, NULL);
    int64_t first = random_of(&one, "s.a", yaml, 2, 0), second = random_of(&one, "s.a", yaml, 2, 1);
    assert_int_equal(random_of(&other, "s.a", lua, 2, 0), first);
    assert_int_equal(random_of(&other, "s.a", lua, 2, 1), second);
    assert_int_not_equal(first, second);
    assert_int_not_equal(random_of(&other, "s.b", yaml, 1, 0), first);
    assert_int_not_equal(random_of(&seeded, "s.a", yaml, 1, 0), first);
    fixture_fini(&one);
    fixture_fini(&other);
    fixture_fini(&seeded);
}

static void log_name(void *data, struct sgr_node *node, const struct sgr_batch *batch) {
    char *log = data;
    snprintf(log + strlen(log), 100, "%s:%zu ", sgr_node_name(node), batch->count);
}

static void observers_are_called_in_order_and_see_one_batch(void **unused) {
    (void)unused;
    struct fixture f;
    char log[200] = "";
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "a", "id a", 1);
    struct sgr_node *b = fixture_relation(&f, "b", "id a", 1);
    struct sgr_node *p = fixture_operator(&f, &pass_plugin, "p", &a, 1);
    assert_int_equal(sgr_node_observe(p, log_name, log), 0);
    assert_int_equal(sgr_node_observe(b, log_name, log), 0);
    assert_int_equal(sgr_node_observe(a, log_name, log), 0);
    FEED(&f, b, 1, 1, 1);
    FEED(&f, a, 1, 1, 1);
    FEED(&f, a, 1, 2, 1);
    fixture_run(&f);
    assert_string_equal(log, "a:2 b:1 p:2 ");
    fixture_run(&f);
    sgr_node_unobserve(a, log_name, log);
    FEED(&f, a, -1, 1, 1);
    fixture_run(&f);
    assert_string_equal(log, "a:2 b:1 p:2 p:1 ");
    sgr_node_unobserve(p, log_name, log);
    sgr_node_unobserve(b, log_name, log);
    sgr_node_unref(p);
    sgr_node_unref(b);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void refuse(struct fixture *f, const struct sgr_plugin *plugin, struct sgr_node *input,
                   size_t count, int status) {
    struct sgr_node *inputs[2] = {input, input}, *node = NULL;
    int got = sgr_graph_operator(f->graph, plugin, fixture_options(plugin, "", NULL), inputs, count,
                                 "n", &node, &f->error);
    assert_int_equal(got, status);
    assert_null(node);
}

static void what_cannot_be_bound_leaves_no_trace(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    open_count = close_count = 0;
    refuse(&f, &pass_plugin, a, 2, SGR_ECONFIG);
    refuse(&f, &both_plugin, a, 1, SGR_ECONFIG);
    refuse(&f, &refusing_plugin, a, 1, SGR_ETYPE);
    refuse(&f, &bad_column_plugin, a, 1, SGR_EINVAL);
    refuse(&f, &tickless_plugin, a, 1, SGR_EINVAL);
    assert_int_equal(open_count, 2);
    assert_int_equal(close_count, 2);
    assert_int_equal(sgr_graph_node_count(f.graph), 1);
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void two_rows_with_one_key_stop_the_graph(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    FEED(&f, a, 1, 1, 1);
    FEED(&f, a, 1, 1, 2);
    assert_int_equal(sgr_graph_run(f.graph, &f.error), SGR_EINTERNAL);
    assert_non_null(strstr(f.error.context, "s.a"));
    sgr_node_unref(a);
    fixture_fini(&f);
}

static void explain_names_schema_key_indexes_and_users(void **unused) {
    (void)unused;
    struct fixture f;
    fixture_init(&f, 1, NULL);
    struct sgr_node *a = fixture_relation(&f, "s.a", "id a", 1);
    struct sgr_node *p = fixture_operator(&f, &pass_plugin, "x=1", &a, 1);
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_graph_explain(f.graph, SGR_EXPLAIN_TEXT, false, &text);
    assert_string_equal(sgr_buffer_text(&text),
                        "#1 s.a = relation (id int8, a int8) key(id) index(id) users=2\n"
                        "#2 x=1 = pass(#1) {x=1} (id int8, a int8) key(id) users=1\n");
    sgr_buffer_clear(&text);
    sgr_graph_explain(f.graph, SGR_EXPLAIN_DOT, false, &text);
    assert_non_null(strstr(sgr_buffer_text(&text), "n1 -> n2;"));
    sgr_buffer_clear(&text);
    sgr_graph_explain(f.graph, SGR_EXPLAIN_JSON, true, &text);
    assert_non_null(strstr(sgr_buffer_text(&text), "\"plugin\":\"pass\",\"options\":\"x=1\""));
    assert_non_null(strstr(sgr_buffer_text(&text), "\"counters\":{\"runs\":0"));
    sgr_buffer_fini(&text);
    sgr_node_unref(p);
    sgr_node_unref(a);
    fixture_fini(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_visits_only_what_it_touches),
        cmocka_unit_test(a_diamond_is_visited_once_and_whole),
        cmocka_unit_test(equal_plans_share_a_node_and_others_do_not),
        cmocka_unit_test(a_later_index_shows_what_came_before_it),
        cmocka_unit_test(an_impure_node_keeps_what_it_said),
        cmocka_unit_test(ticks_reach_their_period_and_what_is_behind),
        cmocka_unit_test(random_numbers_depend_on_structure_and_not_on_spelling),
        cmocka_unit_test(observers_are_called_in_order_and_see_one_batch),
        cmocka_unit_test(what_cannot_be_bound_leaves_no_trace),
        cmocka_unit_test(two_rows_with_one_key_stop_the_graph),
        cmocka_unit_test(explain_names_schema_key_indexes_and_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
