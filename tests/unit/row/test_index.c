/* Indexes against a model that counts every possible row. */
#include "row_fixture.h"

#include "row/index.h"

static struct sgr_heap *heap;

static int set_up(void **state) {
    (void)state;
    heap = sgr_heap_new(0, NULL);
    return heap == NULL;
}

static int tear_down(void **state) {
    (void)state;
    size_t left = sgr_heap_rows(heap);
    sgr_heap_free(heap);
    return left != 0;
}

static int apply_one(struct sgr_index *index, const struct sgr_row *row, int64_t weight) {
    struct sgr_delta delta = {row, weight};
    struct sgr_batch batch = {&delta, 1};
    return sgr_index_apply(index, &batch, NULL);
}

/* --- the model: rows (number, text, payload) from a small domain, and how often each is there --- */

static const struct sgr_column model_columns[] = {
    COLUMN("number", SGR_INT4), COLUMN("text", SGR_TEXT), COLUMN("payload", SGR_INT2)};
static const char *const texts[] = {NULL, "", "a", "bb", "a longer text of one row"};

enum { NUMBERS = 9, TEXTS = 5, PAYLOADS = 150, DOMAIN_SIZE = NUMBERS * TEXTS * PAYLOADS };

struct model {
    struct sgr_schema *schema;
    const struct sgr_row
        *stored[DOMAIN_SIZE]; /* what was inserted first, for deletion by identity */
    int64_t weights[DOMAIN_SIZE];
    int64_t most; /* weight a row may have */
    uint64_t seed;
};

static struct model model;

/* Number 0 and text 0 stand for null. */
static const struct sgr_value *model_values(size_t which) {
    static struct sgr_value values[3];
    size_t number = which / PAYLOADS / TEXTS, text = which / PAYLOADS % TEXTS;
    values[0] = number ? INT_VALUE(SGR_INT4, (int64_t)number - 3) : NULL_VALUE(SGR_INT4);
    values[1] = text ? TEXT_VALUE(texts[text]) : NULL_VALUE(SGR_TEXT);
    values[2] = INT_VALUE(SGR_INT2, (int64_t)(which % PAYLOADS));
    return values;
}

static void model_start(uint64_t seed, int64_t most) {
    memset(&model, 0, sizeof(model));
    model.seed = seed;
    model.most = most;
    model.schema = make_schema(model_columns, 3);
}

static void model_end(void) {
    for (size_t i = 0; i < DOMAIN_SIZE; i++)
        sgr_row_unref(model.stored[i]);
    sgr_schema_unref(model.schema);
}

/* The stored row, or half of the time a new one that is equal. */
static const struct sgr_row *model_row(size_t which) {
    if (model.stored[which] && next_random(&model.seed) % 2)
        return sgr_row_ref(model.stored[which]);
    const struct sgr_row *row = make_row(heap, model.schema, model_values(which));
    if (!model.stored[which])
        model.stored[which] = sgr_row_ref(row);
    return row;
}

/* Most changes hit the first rows, so that groups of all sizes form; `target` of the weights are what it tends to. */
static void model_batch(struct sgr_batch_builder *builder, size_t count, unsigned fill) {
    for (size_t i = 0; i < count; i++) {
        size_t which = next_random(&model.seed) % DOMAIN_SIZE;
        if (next_random(&model.seed) % 2)
            which %= DOMAIN_SIZE / 16;
        bool add = next_random(&model.seed) % 100 < fill;
        int64_t room = model.most - model.weights[which], have = model.weights[which];
        int64_t limit = add ? room : have;
        if (!limit)
            continue;
        int64_t weight = 1 + (int64_t)(next_random(&model.seed) % (uint64_t)limit);
        weight = add ? weight : -weight;
        const struct sgr_row *row = model_row(which);
        assert_int_equal(sgr_batch_add(builder, row, weight), 0);
        sgr_row_unref(row);
        model.weights[which] += weight;
    }
    assert_int_equal(sgr_batch_consolidate(builder, model.schema), 0);
}

static size_t model_which(const struct sgr_row *row) {
    struct sgr_value number = sgr_row_value(model.schema, row, 0);
    struct sgr_value text = sgr_row_value(model.schema, row, 1);
    size_t n = number.null ? 0 : (size_t)(number.i + 3), t = 0;
    while (!text.null && (!t || !sgr_slice_is(text.s, texts[t])))
        t++;
    return (n * TEXTS + t) * PAYLOADS + (size_t)sgr_row_value(model.schema, row, 2).i;
}

/* Everything the iterator gives is in the model, once, with its weight; returns how much that was. */
static size_t check_all(struct sgr_iterator *iterator, bool *seen, int64_t *ret_weight) {
    const struct sgr_row *row;
    int64_t weight;
    size_t rows = 0;
    *ret_weight = 0;
    while ((row = sgr_index_next(iterator, &weight))) {
        size_t which = model_which(row);
        assert_false(seen[which]);
        seen[which] = true;
        assert_int_equal(weight, model.weights[which]);
        *ret_weight += weight;
        rows++;
    }
    assert_null(sgr_index_next(iterator, &weight));
    return rows;
}

static void check_scan(const struct sgr_index *index) {
    static bool seen[DOMAIN_SIZE];
    memset(seen, 0, sizeof(seen));
    struct sgr_iterator all;
    int64_t weight, expected = 0;
    sgr_index_scan(index, &all);
    size_t rows = check_all(&all, seen, &weight), expected_rows = 0;
    for (size_t i = 0; i < DOMAIN_SIZE; i++) {
        expected += model.weights[i];
        expected_rows += model.weights[i] != 0;
    }
    assert_int_equal(rows, expected_rows);
    assert_int_equal(weight, expected);
    assert_int_equal(sgr_index_rows(index), expected);
}

/* Probes with every row of the domain as the key, by values and by row: each group comes whole. */
static void check_probes(const struct sgr_index *index) {
    static bool seen[DOMAIN_SIZE], asked[DOMAIN_SIZE];
    size_t count, groups = 0, rows = 0;
    const uint16_t *columns = sgr_index_columns(index, &count);
    memset(seen, 0, sizeof(seen));
    memset(asked, 0, sizeof(asked));
    for (size_t which = 0; which < DOMAIN_SIZE; which += 1) {
        if (seen[which] || !model.weights[which])
            continue;
        struct sgr_value key[3];
        struct sgr_iterator by_value, by_row;
        const struct sgr_row *row = make_row(heap, model.schema, model_values(which)), *found;
        int64_t weight;
        for (size_t i = 0; i < count; i++)
            key[i] = model_values(which)[columns[i]];
        sgr_index_probe(index, key, &by_value);
        sgr_index_probe_row(index, model.schema, row, columns, &by_row);
        const struct sgr_row *first = sgr_index_get(index, key);
        assert_ptr_equal(sgr_index_next(&by_row, &weight), first);
        for (size_t n = check_all(&by_value, seen, &weight); n > 1; n--) {
            found = sgr_index_next(&by_row, &weight);
            assert_true(sgr_row_equal_columns(model.schema, row, columns, model.schema, found,
                                              columns, count));
            rows++;
        }
        assert_null(sgr_index_next(&by_row, &weight));
        assert_true(seen[which]);
        groups++;
        sgr_row_unref(row);
    }
    for (size_t i = 0; i < DOMAIN_SIZE; i++)
        assert_int_equal(seen[i], model.weights[i] != 0);
    assert_int_equal(sgr_index_groups(index), groups);
    (void)rows;
}

/* Each row by itself, whichever it shares its key with. */
static void check_finds(const struct sgr_index *index) {
    for (size_t i = 0; i < DOMAIN_SIZE; i++) {
        int64_t weight = 0;
        const struct sgr_row *row = model_row(i), *found = sgr_index_find(index, row, &weight);
        assert_int_equal(weight, model.weights[i]);
        assert_int_equal(found != NULL, weight != 0);
        assert_true(!found || sgr_row_equal(model.schema, found, row));
        sgr_row_unref(row);
    }
}

static void run_model(const uint16_t *columns, size_t count, int64_t most, bool distinct) {
    model_start(count * 31 + (uint64_t)most, most);
    struct sgr_index *index = sgr_index_new(heap, model.schema, columns, count);
    if (distinct)
        sgr_index_promise_distinct(index, true);
    struct sgr_batch_builder builder;
    sgr_batch_init(&builder);
    for (size_t round = 0; round < 90; round++) {
        static const unsigned fills[] = {80, 50, 90, 20, 45, 3};
        size_t size = round % 3 == 2 ? 1 + round % 7 : 700;
        model_batch(&builder, size, fills[round / 15]);
        struct sgr_batch batch = sgr_batch_view(&builder);
        assert_int_equal(sgr_index_apply(index, &batch, NULL), 0);
        sgr_batch_clear(&builder);
        check_scan(index);
        if (round % 5 == 0)
            check_probes(index);
        if (round % 5 == 1)
            check_finds(index);
    }
    /* All that is left goes at once. */
    for (size_t i = 0; i < DOMAIN_SIZE; i++)
        if (model.weights[i]) {
            const struct sgr_row *row = model_row(i);
            assert_int_equal(sgr_batch_add(&builder, row, -model.weights[i]), 0);
            sgr_row_unref(row);
            model.weights[i] = 0;
        }
    struct sgr_batch batch = sgr_batch_view(&builder);
    assert_int_equal(sgr_index_apply(index, &batch, NULL), 0);
    assert_int_equal(sgr_index_rows(index), 0);
    assert_int_equal(sgr_index_groups(index), 0);
    check_scan(index);
    sgr_batch_fini(&builder);
    sgr_index_free(index);
    model_end();
}

static void agrees_with_the_model_by_a_number(void **state) {
    (void)state;
    run_model((const uint16_t[]){0}, 1, 1, false);
    run_model((const uint16_t[]){0}, 1, 4, false);
}

static void agrees_with_the_model_by_a_text(void **state) {
    (void)state;
    run_model((const uint16_t[]){1}, 1, 3, false);
}

static void agrees_with_the_model_by_several_columns(void **state) {
    (void)state;
    run_model((const uint16_t[]){2, 0}, 2, 2, false);
    run_model((const uint16_t[]){1, 2}, 2, 2, false);
}

static void agrees_with_the_model_by_all_columns(void **state) {
    (void)state;
    run_model((const uint16_t[]){0, 1, 2}, 3, 1000000, false);
}

static void agrees_with_the_model_as_one_group(void **state) {
    (void)state;
    run_model(NULL, 0, 1, false);
    run_model(NULL, 0, 3, false);
}

static void agrees_with_the_model_if_rows_are_promised_distinct(void **state) {
    (void)state;
    run_model((const uint16_t[]){0}, 1, 1, true);
    run_model((const uint16_t[]){2}, 1, 1, true);
}

/* --- cases of their own --- */

static const struct sgr_row *pair_row(const struct sgr_schema *schema, int64_t a, int64_t b) {
    return make_row(heap, schema,
                    (const struct sgr_value[]){INT_VALUE(SGR_INT8, a), INT_VALUE(SGR_INT4, b)});
}

static struct sgr_schema *pair_schema(void) {
    const struct sgr_column columns[] = {COLUMN("a", SGR_INT8), COLUMN("b", SGR_INT4)};
    return make_schema(columns, 2);
}

static void a_missing_row_is_an_error_and_the_rest_is_applied(void **state) {
    (void)state;
    struct sgr_schema *schema = pair_schema();
    struct sgr_index *index = sgr_index_new(heap, schema, (const uint16_t[]){0}, 1);
    const struct sgr_row *rows[] = {pair_row(schema, 1, 1), pair_row(schema, 1, 2),
                                    pair_row(schema, 2, 1)};
    struct sgr_delta deltas[] = {{rows[0], 2}, {rows[1], -1}, {rows[2], -1}, {rows[2], 1}};
    struct sgr_batch batch = {deltas, 4};
    struct sgr_error error;
    assert_int_equal(sgr_index_apply(index, &batch, &error), SGR_EINTERNAL);
    assert_string_equal(error.message, "2 rows to delete are not in the index");
    assert_int_equal(sgr_index_rows(index), 3);
    /* More than there is: what there is goes. */
    assert_int_equal(apply_one(index, rows[0], -3), SGR_EINTERNAL);
    assert_int_equal(sgr_index_rows(index), 1);
    assert_int_equal(sgr_index_groups(index), 1);
    for (size_t i = 0; i < 3; i++)
        sgr_row_unref(rows[i]);
    sgr_index_free(index);
    sgr_schema_unref(schema);
}

static void keys_of_other_widths_match_and_other_classes_do_not(void **state) {
    (void)state;
    struct sgr_schema *schema = pair_schema();
    struct sgr_index *index = sgr_index_new(heap, schema, (const uint16_t[]){0}, 1);
    const struct sgr_row *row = pair_row(schema, -7, 1), *other = pair_row(schema, 3, -7);
    struct sgr_iterator iterator;
    int64_t weight;
    assert_int_equal(apply_one(index, row, 1), 0);
    assert_ptr_equal(sgr_index_get(index, &INT_VALUE(SGR_INT2, -7)), row);
    assert_ptr_equal(sgr_index_get(index, &INT_VALUE(SGR_INT8, -7)), row);
    assert_null(sgr_index_get(index, &INT_VALUE(SGR_INT8, -8)));
    assert_null(sgr_index_get(index, &NULL_VALUE(SGR_INT8)));
    assert_null(sgr_index_get(index, &TEXT_VALUE("-7")));
    /* The other row's int4 column against our int8. */
    sgr_index_probe_row(index, schema, other, (const uint16_t[]){1}, &iterator);
    assert_ptr_equal(sgr_index_next(&iterator, &weight), row);
    assert_null(sgr_index_next(&iterator, &weight));
    assert_int_equal(sgr_index_probes(index), 6);
    iterator = (struct sgr_iterator){0};
    assert_null(sgr_index_next(&iterator, &weight));
    sgr_row_unref(row);
    sgr_row_unref(other);
    sgr_index_free(index);
    sgr_schema_unref(schema);
}

/* As `get` and `where` of a view may: more columns than the relation has. */
static void a_column_named_twice_has_to_be_both_values(void **state) {
    (void)state;
    const struct sgr_column columns[] = {COLUMN("a", SGR_INT8)};
    struct sgr_schema *schema = make_schema(columns, 1);
    struct sgr_index *index = sgr_index_new(heap, schema, (const uint16_t[]){0, 0}, 2);
    const struct sgr_row *row;
    struct sgr_error error;
    assert_non_null(index);
    assert_int_equal(sgr_row_new(heap, schema, &INT_VALUE(SGR_INT8, 4), &row, &error), 0);
    assert_int_equal(apply_one(index, row, 1), 0);
    const struct sgr_value both[] = {INT_VALUE(SGR_INT8, 4), INT_VALUE(SGR_INT8, 4)};
    const struct sgr_value other[] = {INT_VALUE(SGR_INT8, 4), INT_VALUE(SGR_INT8, 5)};
    assert_ptr_equal(sgr_index_get(index, both), row);
    assert_null(sgr_index_get(index, other));
    sgr_row_unref(row);
    sgr_index_free(index);
    sgr_schema_unref(schema);
}

static void one_row_a_million_times_is_one_entry(void **state) {
    (void)state;
    struct sgr_schema *schema = pair_schema();
    struct sgr_index *index = sgr_index_new(heap, schema, NULL, 0);
    for (int64_t i = 0; i < 100000; i++) {
        const struct sgr_row *row = pair_row(schema, i % 3, 0);
        assert_int_equal(apply_one(index, row, 1), 0);
        sgr_row_unref(row);
    }
    assert_int_equal(sgr_index_rows(index), 100000);
    assert_int_equal(sgr_heap_rows(heap), 3);
    assert_true(sgr_index_bytes(index) < 32768);
    sgr_index_free(index);
    sgr_schema_unref(schema);
}

enum { MANY = 200000 };

static void fill_many(struct sgr_index *index, const struct sgr_schema *schema, int64_t group) {
    for (int64_t i = 0; i < MANY; i++) {
        const struct sgr_row *row = pair_row(schema, i / group, (int32_t)i);
        assert_int_equal(apply_one(index, row, 1), 0);
        sgr_row_unref(row);
    }
}

static void entries_take_about_twelve_bytes_and_leave_none_behind(void **state) {
    (void)state;
    struct sgr_schema *schema = pair_schema();
    const int64_t groups[] = {1, 2, 3, 10, 31, 32, 100, MANY};
    for (size_t g = 0; g < 8; g++) {
        struct sgr_index *index = sgr_index_new(heap, schema, (const uint16_t[]){0}, 1);
        sgr_index_promise_distinct(index, true);
        fill_many(index, schema, groups[g]);
        assert_true((double)sgr_index_bytes(index) / MANY < (groups[g] == 32 ? 20 : 14));
        assert_int_equal(sgr_index_groups(index), (MANY + groups[g] - 1) / groups[g]);
        for (int64_t i = 0; i < MANY; i++) {
            const struct sgr_row *row = pair_row(schema, i / groups[g], (int32_t)i);
            assert_int_equal(apply_one(index, row, -1), 0);
            sgr_row_unref(row);
        }
        assert_int_equal(sgr_index_groups(index), 0);
        assert_int_equal(sgr_heap_rows(heap), 0);
        sgr_index_free(index);
    }
    sgr_schema_unref(schema);
}

/* `count` rows of one key among others', and the one numbered `twice` once more. */
static bool breaks_promise(int32_t count, int32_t twice) {
    struct sgr_schema *schema = pair_schema();
    struct sgr_index *index = sgr_index_new(heap, schema, (const uint16_t[]){0}, 1);
    sgr_index_promise_distinct(index, true);
    for (int32_t i = 0; i <= count; i++)
        for (int64_t key = 0; key < 100; key++) {
            if (i == count && (key != 70 || twice < 0))
                continue;
            const struct sgr_row *row = pair_row(schema, key, i == count ? twice : i);
            assert_int_equal(apply_one(index, row, 1), 0);
            sgr_row_unref(row);
        }
    bool broken = sgr_index_breaks_promise(index) || sgr_index_repeats(index);
    sgr_index_free(index);
    sgr_schema_unref(schema);
    return broken;
}

static void a_broken_promise_is_found_in_groups_of_any_size(void **state) {
    (void)state;
    const int32_t counts[] = {1, 2, 3, 30, 31, 32, 100};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        assert_false(breaks_promise(counts[i], -1));
        for (int32_t twice = 0; twice < counts[i]; twice++)
            assert_true(breaks_promise(counts[i], twice));
    }
}

/* What was an array with equal rows in it when it became a set. */
static void a_broken_promise_is_found_in_what_became_a_set(void **state) {
    (void)state;
    struct sgr_schema *schema = pair_schema();
    struct sgr_index *index = sgr_index_new(heap, schema, (const uint16_t[]){0}, 1);
    sgr_index_promise_distinct(index, true);
    for (int32_t i = 0; i < 40; i++) {
        const struct sgr_row *row = pair_row(schema, 1, i == 1 ? 0 : i);
        assert_int_equal(apply_one(index, row, 1), 0);
        sgr_row_unref(row);
    }
    assert_false(sgr_index_repeats(index));
    assert_true(sgr_index_breaks_promise(index));
    sgr_index_free(index);
    sgr_schema_unref(schema);
}

/* A scan of what was once large must not walk through all that was. */
static void an_emptied_index_gives_its_segments_back(void **state) {
    (void)state;
    struct sgr_schema *schema = pair_schema();
    struct sgr_index *index = sgr_index_new(heap, schema, (const uint16_t[]){1}, 1);
    fill_many(index, schema, 1);
    size_t full = sgr_index_bytes(index);
    for (int64_t i = 0; i < MANY - 10; i++) {
        const struct sgr_row *row = pair_row(schema, i, (int32_t)i);
        assert_int_equal(apply_one(index, row, -1), 0);
        sgr_row_unref(row);
    }
    assert_true(sgr_index_bytes(index) < full / 500);
    struct sgr_iterator all;
    int64_t weight, sum = 0;
    const struct sgr_row *row;
    for (sgr_index_scan(index, &all); (row = sgr_index_next(&all, &weight));)
        sum += MANY - sgr_row_value(schema, row, 1).i;
    assert_int_equal(sum, 55);
    sgr_index_free(index);
    sgr_schema_unref(schema);
}

/* Runs replay: the same history gives the same order, wherever the rows are. */
static void iteration_order_follows_from_the_history_alone(void **state) {
    (void)state;
    struct sgr_heap *heaps[] = {heap, sgr_heap_new(0, NULL)};
    struct sgr_schema *schema = pair_schema();
    struct sgr_index *indexes[2];
    for (size_t which = 0; which < 2; which++) {
        uint64_t seed = 3;
        struct sgr_heap *own = heap;
        heap = heaps[which];
        const struct sgr_row *elsewhere = which ? pair_row(schema, 0, 0) : NULL;
        indexes[which] = sgr_index_new(heap, schema, (const uint16_t[]){0}, 1);
        for (int i = 0; i < 20000; i++) {
            int64_t number = (int64_t)(next_random(&seed) % 3000);
            const struct sgr_row *row = pair_row(schema, number % 97 % (1 + number % 7), number);
            (void)apply_one(indexes[which], row, next_random(&seed) % 3 ? 1 : -1);
            sgr_row_unref(row);
        }
        sgr_row_unref(elsewhere);
        heap = own;
    }
    struct sgr_iterator iterators[2];
    const struct sgr_row *row;
    int64_t weights[2];
    sgr_index_scan(indexes[0], &iterators[0]);
    sgr_index_scan(indexes[1], &iterators[1]);
    size_t count = 0;
    while ((row = sgr_index_next(&iterators[0], &weights[0]))) {
        assert_true(sgr_row_equal(schema, row, sgr_index_next(&iterators[1], &weights[1])));
        assert_int_equal(weights[0], weights[1]);
        count++;
    }
    assert_true(count > 1000);
    sgr_index_free(indexes[0]);
    sgr_index_free(indexes[1]);
    sgr_heap_free(heaps[1]);
    sgr_schema_unref(schema);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(agrees_with_the_model_by_a_number),
        CASE(agrees_with_the_model_by_a_text),
        CASE(agrees_with_the_model_by_several_columns),
        CASE(agrees_with_the_model_by_all_columns),
        CASE(agrees_with_the_model_as_one_group),
        CASE(agrees_with_the_model_if_rows_are_promised_distinct),
        CASE(a_missing_row_is_an_error_and_the_rest_is_applied),
        CASE(keys_of_other_widths_match_and_other_classes_do_not),
        CASE(a_column_named_twice_has_to_be_both_values),
        CASE(one_row_a_million_times_is_one_entry),
        CASE(entries_take_about_twelve_bytes_and_leave_none_behind),
        CASE(a_broken_promise_is_found_in_groups_of_any_size),
        CASE(a_broken_promise_is_found_in_what_became_a_set),
        CASE(an_emptied_index_gives_its_segments_back),
        CASE(iteration_order_follows_from_the_history_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
