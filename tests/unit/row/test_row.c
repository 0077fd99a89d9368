/* Schemas, packed rows and Z-set batches. */
#include "row_fixture.h"

#include <math.h>

#include "row/batch.h"

static struct sgr_heap *heap;

static int set_up(void **state) {
    (void)state;
    heap = sgr_heap_new(1 << 28, NULL);
    return heap == NULL;
}

static int tear_down(void **state) {
    (void)state;
    size_t left = sgr_heap_rows(heap);
    sgr_heap_free(heap);
    return left != 0;
}

static const struct sgr_column all_types[] = {
    COLUMN("b", SGR_BOOL),         COLUMN("i2", SGR_INT2),   COLUMN("t1", SGR_TEXT),
    COLUMN("i4", SGR_INT4),        COLUMN("i8", SGR_INT8),   COLUMN("f4", SGR_FLOAT4),
    COLUMN("f8", SGR_FLOAT8),      COLUMN("n", SGR_NUMERIC), COLUMN("iv", SGR_INTERVAL),
    COLUMN("u", SGR_UUID),         COLUMN("d", SGR_DATE),    COLUMN("ts", SGR_TIMESTAMP),
    COLUMN("tz", SGR_TIMESTAMPTZ), COLUMN("tm", SGR_TIME),   COLUMN("j", SGR_JSON),
};
enum { ALL = sizeof(all_types) / sizeof(*all_types) };

static void fill_all(struct sgr_value *values) {
    memset(values, 0, ALL * sizeof(*values));
    for (size_t i = 0; i < ALL; i++)
        values[i].type = all_types[i].type;
    values[0].i = 1;
    values[1].i = INT16_MIN;
    values[2].s = SGR_SLICE("some text");
    values[3].i = INT32_MIN;
    values[4].i = INT64_MIN;
    values[5].f = -0.5;
    values[6].f = 1e300;
    values[7].s = SGR_SLICE("1.00");
    values[8].v = (struct sgr_interval){1, -2, 3};
    memset(values[9].u, 0xab, 16);
    values[10].i = INT32_MAX;
    values[11].i = 77;
    values[12].i = INT64_MAX;
    values[13].i = 86400000000;
    values[14].s = SGR_SLICE("{\"a\": 1}");
}

static void values_come_back_as_they_went_in(void **state) {
    (void)state;
    struct sgr_schema *schema = make_schema(all_types, ALL);
    struct sgr_value values[ALL];
    fill_all(values);
    const struct sgr_row *row = make_row(heap, schema, values);
    for (uint16_t i = 0; i < ALL; i++) {
        struct sgr_value back = sgr_row_value(schema, row, i);
        assert_false(back.null);
        assert_int_equal(back.type, values[i].type);
        assert_true(back.type == SGR_JSON ? sgr_slice_equal(back.s, values[i].s)
                                          : sgr_value_equal(&back, &values[i]));
        assert_int_equal(schema->offsets[i] % (i == 8 || i == 9 || i == 4 ? 8 : 1), 0);
    }
    assert_int_equal(sgr_row_size(schema, row), schema->text_start + 9 + 4 + 8);
    sgr_row_unref(row);
    sgr_schema_unref(schema);
}

static void nulls_and_empty_texts_stay_apart_beyond_32_and_64_columns(void **state) {
    (void)state;
    const size_t counts[] = {0, 1, 31, 32, 33, 63, 64, 65, 97, 200, 1600};
    static const enum sgr_type kinds[] = {SGR_TEXT, SGR_INT2, SGR_TEXT,   SGR_BOOL,
                                          SGR_INT8, SGR_TEXT, SGR_FLOAT4, SGR_UUID};
    uint64_t seed = 11;
    static struct sgr_column columns[1600];
    static struct sgr_value values[1600];
    for (size_t round = 0; round < 60; round++) {
        size_t count = counts[round % 11];
        for (size_t i = 0; i < count; i++) {
            columns[i] = (struct sgr_column)COLUMN("c", kinds[next_random(&seed) % 8]);
            uint64_t dice = next_random(&seed) % 4;
            values[i] = (struct sgr_value){.type = columns[i].type, .null = dice == 0};
            if (columns[i].type == SGR_TEXT && !values[i].null)
                values[i].s = dice == 1 ? SGR_SLICE("") : SGR_SLICE("twelve bytes");
            else if (columns[i].type != SGR_UUID)
                values[i].i = columns[i].type == SGR_FLOAT4 ? 0 : (int64_t)dice % 2;
        }
        struct sgr_schema *schema = make_schema(columns, count);
        const struct sgr_row *row = make_row(heap, schema, values);
        for (uint16_t i = 0; i < count; i++) {
            struct sgr_value back = sgr_row_value(schema, row, i);
            assert_int_equal(back.null, values[i].null);
            if (!back.null && back.type == SGR_TEXT)
                assert_true(sgr_slice_equal(back.s, values[i].s));
            else if (!back.null && back.type != SGR_UUID)
                assert_int_equal(back.i, values[i].i);
        }
        const struct sgr_row *again = make_row(heap, schema, values);
        assert_true(sgr_row_equal(schema, row, again));
        assert_true(sgr_row_hash(schema, row) == sgr_row_hash(schema, again));
        sgr_row_unref(again);
        sgr_row_unref(row);
        sgr_schema_unref(schema);
    }
}

static void slots_are_aligned_when_there_are_odd_null_words(void **state) {
    (void)state;
    struct sgr_column columns[40];
    struct sgr_value values[40];
    for (size_t i = 0; i < 40; i++) {
        columns[i] = (struct sgr_column)COLUMN("c", SGR_INT8);
        values[i] = INT_VALUE(SGR_INT8, (int64_t)i);
    }
    struct sgr_schema *schema = make_schema(columns, 40);
    assert_int_equal(schema->offsets[0], 16);
    const struct sgr_row *row = make_row(heap, schema, values);
    assert_int_equal(sgr_row_value(schema, row, 39).i, 39);
    assert_false(sgr_row_null(row, 39));
    sgr_row_unref(row);
    sgr_schema_unref(schema);
    for (size_t i = 0; i < 40; i++)
        columns[i].type = SGR_INT4;
    schema = make_schema(columns, 40);
    assert_int_equal(schema->offsets[0], 12);
    sgr_schema_unref(schema);
}

static void expect_refused(enum sgr_type column, struct sgr_value value, int code) {
    struct sgr_column columns[] = {COLUMN("x", column)};
    struct sgr_schema *schema = make_schema(columns, 1);
    const struct sgr_row *row = NULL;
    struct sgr_error error;
    int got = sgr_row_new(heap, schema, &value, &row, &error);
    if (!got)
        sgr_row_unref(row);
    else
        assert_null(row);
    assert_int_equal(got, code);
    sgr_schema_unref(schema);
}

static void values_are_narrowed_within_their_class_and_range(void **state) {
    (void)state;
    expect_refused(SGR_INT2, INT_VALUE(SGR_INT8, 32767), 0);
    expect_refused(SGR_INT2, INT_VALUE(SGR_INT8, 32768), SGR_ERANGE);
    expect_refused(SGR_INT2, INT_VALUE(SGR_INT4, -32769), SGR_ERANGE);
    expect_refused(SGR_INT4, INT_VALUE(SGR_INT8, INT32_MIN), 0);
    expect_refused(SGR_INT4, INT_VALUE(SGR_INT8, (int64_t)INT32_MIN - 1), SGR_ERANGE);
    expect_refused(SGR_DATE, INT_VALUE(SGR_DATE, (int64_t)INT32_MAX + 1), SGR_ERANGE);
    expect_refused(SGR_INT4, TEXT_VALUE("1"), SGR_ETYPE);
    expect_refused(SGR_TEXT, INT_VALUE(SGR_INT4, 1), SGR_ETYPE);
    expect_refused(SGR_INT4, INT_VALUE(SGR_BOOL, 1), SGR_ETYPE);
    expect_refused(SGR_INT4, NULL_VALUE(SGR_TEXT), 0);
    struct sgr_value number = {.type = SGR_FLOAT8, .f = 1e39};
    expect_refused(SGR_FLOAT4, number, SGR_ERANGE);
    number.f = 1e-50;
    expect_refused(SGR_FLOAT4, number, SGR_ERANGE);
    number.f = (double)INFINITY;
    expect_refused(SGR_FLOAT4, number, 0);
    number.f = -0.0;
    expect_refused(SGR_FLOAT4, number, 0);
    struct sgr_value huge = {.type = SGR_TEXT, .s = {"x", SIZE_MAX}};
    expect_refused(SGR_TEXT, huge, SGR_ERANGE);
    huge.s.size = (size_t)INT32_MAX;
    expect_refused(SGR_TEXT, huge, SGR_ERANGE);
}

static void a_row_beyond_the_heap_is_an_error(void **state) {
    (void)state;
    const size_t size = 300 << 20;
    char *text = calloc(1, size);
    expect_refused(SGR_TEXT, (struct sgr_value){.type = SGR_TEXT, .s = {text, size}}, SGR_ENOMEM);
    expect_refused(SGR_TEXT, (struct sgr_value){.type = SGR_TEXT, .s = {text, 1 << 20}}, 0);
    free(text);
}

static void schemas_find_compare_and_refuse(void **state) {
    (void)state;
    struct sgr_schema *schema = make_schema(all_types, ALL), *same = make_schema(all_types, ALL);
    assert_int_equal(sgr_schema_find(schema, "tz"), 12);
    assert_int_equal(sgr_schema_find(schema, "T1"), -1);
    assert_true(sgr_schema_equal(schema, same));
    assert_int_equal(schema->text_count, 3);
    assert_int_equal(schema->text_previous[2], UINT16_MAX);
    assert_int_equal(schema->text_previous[14], 7);
    struct sgr_column columns[ALL];
    memcpy(columns, all_types, sizeof(columns));
    columns[3].type_modifier = 5;
    struct sgr_schema *other = make_schema(columns, ALL);
    assert_false(sgr_schema_equal(schema, other));
    assert_ptr_equal(sgr_schema_ref(schema), schema);
    sgr_schema_unref(schema);
    sgr_schema_unref(schema);
    sgr_schema_unref(same);
    sgr_schema_unref(other);
    sgr_schema_unref(NULL);
    static struct sgr_column many[1601];
    assert_null(sgr_schema_new(many, 1601));
    columns[0].type = SGR_TYPE_COUNT;
    assert_null(sgr_schema_new(columns, 1));
}

static void rows_differ_by_what_is_shown_keys_by_value(void **state) {
    (void)state;
    struct sgr_column columns[] = {COLUMN("n", SGR_NUMERIC)};
    const uint16_t first[] = {0};
    struct sgr_schema *schema = make_schema(columns, 1);
    struct sgr_value value = {.type = SGR_NUMERIC, .s = SGR_SLICE("1.0")};
    const struct sgr_row *a = make_row(heap, schema, &value);
    value.s = SGR_SLICE("1.00");
    const struct sgr_row *b = make_row(heap, schema, &value);
    assert_false(sgr_row_equal(schema, a, b));
    assert_true(sgr_row_equal_columns(schema, a, first, schema, b, first, 1));
    assert_true(sgr_row_hash_columns(schema, a, first, 1) ==
                sgr_row_hash_columns(schema, b, first, 1));
    sgr_row_unref(a);
    sgr_row_unref(b);
    sgr_schema_unref(schema);
}

/* A join of an int2 with an int8 column finds its partners only so. */
static void whole_numbers_of_all_widths_hash_and_compare_alike(void **state) {
    (void)state;
    static const enum sgr_type types[] = {SGR_INT2, SGR_INT4, SGR_INT8};
    const int64_t numbers[] = {0, 1, -1, 32767, -32768};
    const uint16_t first[] = {0};
    struct sgr_schema *schemas[3];
    for (size_t t = 0; t < 3; t++)
        schemas[t] = make_schema(&(struct sgr_column)COLUMN("x", types[t]), 1);
    for (size_t i = 0; i < 5; i++) {
        const struct sgr_row *rows[3];
        for (size_t t = 0; t < 3; t++)
            rows[t] = make_row(heap, schemas[t], &INT_VALUE(types[t], numbers[i]));
        for (size_t t = 0; t < 3; t++) {
            struct sgr_value other = INT_VALUE(types[(t + 1) % 3], numbers[i]);
            uint64_t hash = sgr_row_hash_columns(schemas[t], rows[t], first, 1);
            assert_true(hash == sgr_row_hash_columns(schemas[0], rows[0], first, 1));
            assert_true(hash == sgr_key_hash(&other, 1));
            assert_true(
                sgr_row_equal_columns(schemas[t], rows[t], first, schemas[0], rows[0], first, 1));
        }
        for (size_t t = 0; t < 3; t++)
            sgr_row_unref(rows[t]);
    }
    for (size_t t = 0; t < 3; t++)
        sgr_schema_unref(schemas[t]);
}

static void key_hashes_agree_between_rows_and_values_of_all_types(void **state) {
    (void)state;
    struct sgr_schema *schema = make_schema(all_types, ALL);
    struct sgr_value values[ALL];
    uint16_t columns[ALL];
    for (int round = 0; round < 2; round++) {
        fill_all(values);
        for (uint16_t i = 0; i < ALL; i++) {
            columns[i] = i;
            values[i].null = round && i % 2;
        }
        const struct sgr_row *row = make_row(heap, schema, values);
        for (size_t count = 0; count <= ALL - 1u; count++)
            assert_true(sgr_row_hash_columns(schema, row, columns, count) ==
                        sgr_key_hash(values, count));
        sgr_row_unref(row);
    }
    sgr_schema_unref(schema);
}

static void nulls_sort_last_and_equal_each_other(void **state) {
    (void)state;
    struct sgr_column columns[] = {COLUMN("a", SGR_INT4), COLUMN("b", SGR_TEXT)};
    columns[1].collation = SGR_COLLATION_C;
    const uint16_t both[] = {0, 1};
    struct sgr_schema *schema = make_schema(columns, 2);
    const struct sgr_value sorted[][2] = {
        {INT_VALUE(SGR_INT4, -5), TEXT_VALUE("x")}, {INT_VALUE(SGR_INT4, 3), TEXT_VALUE("")},
        {INT_VALUE(SGR_INT4, 3), TEXT_VALUE("a")},  {INT_VALUE(SGR_INT4, 3), NULL_VALUE(SGR_TEXT)},
        {NULL_VALUE(SGR_INT4), TEXT_VALUE("a")},    {NULL_VALUE(SGR_INT4), NULL_VALUE(SGR_TEXT)},
    };
    enum { COUNT = 6 };
    const struct sgr_row *rows[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        rows[i] = make_row(heap, schema, sorted[i]);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++) {
            int order = sgr_row_compare_columns(schema, rows[i], rows[j], both, 2);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(sgr_row_equal_columns(schema, rows[i], both, schema, rows[j], both, 2),
                             i == j);
        }
    for (size_t i = 0; i < COUNT; i++)
        sgr_row_unref(rows[i]);
    sgr_schema_unref(schema);
}

static void rows_are_written_as_json_objects(void **state) {
    (void)state;
    struct sgr_column columns[] = {COLUMN("id", SGR_INT4), COLUMN("a \"name\"", SGR_TEXT),
                                   COLUMN("on", SGR_BOOL)};
    struct sgr_schema *schema = make_schema(columns, 3);
    const struct sgr_value values[] = {INT_VALUE(SGR_INT4, 7), TEXT_VALUE("x\n"),
                                       NULL_VALUE(SGR_BOOL)};
    const struct sgr_row *row = make_row(heap, schema, values);
    struct sgr_buffer out = SGR_BUFFER_INIT;
    sgr_row_json(schema, row, NULL, 0, &out);
    assert_string_equal(sgr_buffer_text(&out),
                        "{\"id\":7,\"a \\\"name\\\"\":\"x\\n\",\"on\":null}");
    sgr_buffer_clear(&out);
    sgr_row_json(schema, row, (const uint16_t[]){2, 0}, 2, &out);
    assert_string_equal(sgr_buffer_text(&out), "{\"on\":null,\"id\":7}");
    sgr_buffer_fini(&out);
    sgr_row_unref(row);
    sgr_schema_unref(schema);
}

static void consolidation_sums_equal_rows_in_order_of_appearance(void **state) {
    (void)state;
    struct sgr_schema *schema = make_schema(&(struct sgr_column)COLUMN("x", SGR_INT4), 1);
    for (int64_t distinct = 1; distinct < 200; distinct = distinct * 2 + 1) {
        int64_t sums[200] = {0}, seen = 0;
        uint64_t seed = (uint64_t)distinct;
        struct sgr_batch_builder builder;
        sgr_batch_init(&builder);
        for (int64_t i = 0; i < distinct * 3; i++) {
            int64_t number = i < distinct ? i : (int64_t)(next_random(&seed) % (uint64_t)distinct);
            int64_t weight = (int64_t)(next_random(&seed) % 5) - 2;
            const struct sgr_row *row = make_row(heap, schema, &INT_VALUE(SGR_INT4, number));
            assert_int_equal(sgr_batch_add(&builder, row, weight), 0);
            sgr_row_unref(row);
            sums[number] += weight;
        }
        assert_int_equal(sgr_batch_consolidate(&builder, schema), 0);
        struct sgr_batch batch = sgr_batch_view(&builder);
        for (int64_t number = 0; number < distinct; number++) {
            if (!sums[number])
                continue;
            assert_int_equal(sgr_row_value(schema, batch.items[seen].row, 0).i, number);
            assert_int_equal(batch.items[seen].weight, sums[number]);
            seen++;
        }
        assert_int_equal(batch.count, seen);
        assert_int_equal(sgr_heap_rows(heap), seen);
        sgr_batch_fini(&builder);
        assert_int_equal(sgr_heap_rows(heap), 0);
    }
    sgr_schema_unref(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_went_in),
        cmocka_unit_test(nulls_and_empty_texts_stay_apart_beyond_32_and_64_columns),
        cmocka_unit_test(slots_are_aligned_when_there_are_odd_null_words),
        cmocka_unit_test(values_are_narrowed_within_their_class_and_range),
        cmocka_unit_test(a_row_beyond_the_heap_is_an_error),
        cmocka_unit_test(schemas_find_compare_and_refuse),
        cmocka_unit_test(rows_differ_by_what_is_shown_keys_by_value),
        cmocka_unit_test(whole_numbers_of_all_widths_hash_and_compare_alike),
        cmocka_unit_test(key_hashes_agree_between_rows_and_values_of_all_types),
        cmocka_unit_test(nulls_sort_last_and_equal_each_other),
        cmocka_unit_test(rows_are_written_as_json_objects),
        cmocka_unit_test(consolidation_sums_equal_rows_in_order_of_appearance),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
