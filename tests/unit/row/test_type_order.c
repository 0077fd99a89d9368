/* Order, equality and hash of values, and the names of types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "row/collation.h"
#include "row/type.h"

static struct sgr_value value_of(enum sgr_type type, const char *text) {
    struct sgr_value value = {.type = type, .null = true};
    struct sgr_error error;
    if (text && sgr_value_parse(type, sgr_slice(text), &value, &error))
        fail_msg("%s", error.message);
    return value;
}

static int sign(int order) {
    return (order > 0) - (order < 0);
}

/* Each text is below the next; a leading '=' says equal to the one before. NULL ends. */
static void check_ascending(enum sgr_type type, const char *const *texts) {
    struct sgr_value values[32];
    int rank[32], count = 0;
    for (; texts[count]; count++) {
        bool same = texts[count][0] == '=';
        values[count] = value_of(type, texts[count] + same);
        rank[count] = count ? rank[count - 1] + !same : 0;
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            int expected = sign(rank[i] - rank[j]);
            int order = sign(sgr_value_compare(&values[i], &values[j], SGR_COLLATION_C));
            if (order != expected)
                fail_msg("%s <=> %s is %d", texts[i], texts[j], order);
            assert_int_equal(sgr_value_equal(&values[i], &values[j]), expected == 0);
            if (expected == 0)
                assert_true(sgr_value_hash(&values[i]) == sgr_value_hash(&values[j]));
        }
}

#define ASCENDING(type, ...) check_ascending(type, (const char *const[]){__VA_ARGS__, NULL})

static void test_numerics_order_by_value_and_not_by_text(void **state) {
    (void)state;
    ASCENDING(SGR_NUMERIC, "-Infinity", "-100", "=-100.00", "-99.9", "-9", "-0.001", "0", "=0.000",
              "=-0", "0.0001", "=1e-4", "0.001", "9", "=9.0", "=09", "=0.9e1", "10", "99.99", "100",
              "=1e2", "123456789012345678901234567890", "123456789012345678901234567890.1",
              "Infinity", "NaN", "=nan");
}

static void test_floats_order_nan_last_and_zeros_equal(void **state) {
    (void)state;
    ASCENDING(SGR_FLOAT8, "-Infinity", "-1e300", "-0", "=0", "5e-324", "1", "Infinity", "NaN");
}

static void test_float4_and_float8_hash_alike(void **state) {
    (void)state;
    struct sgr_value narrow = value_of(SGR_FLOAT4, "1.5"), wide = value_of(SGR_FLOAT8, "1.5");
    assert_true(sgr_value_equal(&narrow, &wide));
    assert_true(sgr_value_hash(&narrow) == sgr_value_hash(&wide));
    wide = value_of(SGR_FLOAT8, "0.1");
    narrow = value_of(SGR_FLOAT4, "0.1");
    assert_false(sgr_value_equal(&narrow, &wide));
}

static void test_integers_of_any_width_hash_alike(void **state) {
    (void)state;
    struct sgr_value a = value_of(SGR_INT2, "-7"), b = value_of(SGR_INT8, "-7");
    assert_true(sgr_value_equal(&a, &b));
    assert_true(sgr_value_hash(&a) == sgr_value_hash(&b));
}

static void test_intervals_are_equal_by_thirty_day_months(void **state) {
    (void)state;
    ASCENDING(SGR_INTERVAL, "-1 day", "00:00:00", "23:59:59.999999", "1 day", "=24:00:00",
              "29 days", "30 days", "=1 mon", "=720:00:00", "359 days", "1 year", "=360 days",
              "178000000 years");
}

static void test_infinite_dates_are_at_the_ends(void **state) {
    (void)state;
    ASCENDING(SGR_DATE, "-infinity", "4714-11-24 BC", "0001-01-01 BC", "0001-01-01", "2020-02-29",
              "99999-01-01", "infinity");
    ASCENDING(SGR_TIMESTAMPTZ, "-infinity", "0044-03-15 12:00:00+00 BC", "2020-01-01 00:00:00+02",
              "2020-01-01 00:00:00+00", "=2019-12-31 19:00:00-05", "infinity");
    ASCENDING(SGR_TIME, "00:00:00", "23:59:59.999999", "24:00:00");
}

static void test_blanks_behind_char_do_not_count(void **state) {
    (void)state;
    ASCENDING(SGR_BPCHAR, "", "=  ", "a", "=a   ", "a b", "b");
    ASCENDING(SGR_TEXT, "", " ", "a", "a ", "b");
}

static void test_bytea_orders_by_bytes_in_any_form(void **state) {
    (void)state;
    ASCENDING(SGR_BYTEA, "\\x", "\\x00", "=\\000", "\\x0001", "\\x61", "=a", "\\xff", "=\\xFF");
}

static void test_uuids_order_by_bytes(void **state) {
    (void)state;
    ASCENDING(SGR_UUID, "00000000-0000-0000-0000-000000000001",
              "7fffffff-0000-0000-0000-000000000000", "80000000-0000-0000-0000-000000000000",
              "=80000000000000000000000000000000");
}

static void test_jsonb_numbers_are_equal_by_value(void **state) {
    (void)state;
    struct sgr_value a = value_of(SGR_JSONB, "{\"a\": [1.0, \"x\"]}");
    struct sgr_value b = value_of(SGR_JSONB, "{\"a\": [1.00, \"x\"]}");
    struct sgr_value c = value_of(SGR_JSONB, "{\"a\": [1.01, \"x\"]}");
    assert_true(sgr_value_equal(&a, &b));
    assert_true(sgr_value_hash(&a) == sgr_value_hash(&b));
    assert_false(sgr_value_equal(&a, &c));
}

static void test_nulls_are_last_and_equal_each_other(void **state) {
    (void)state;
    struct sgr_value null = value_of(SGR_INT4, NULL), one = value_of(SGR_INT4, "1");
    assert_true(sgr_value_compare(&null, &one, SGR_COLLATION_NONE) > 0);
    assert_true(sgr_value_compare(&one, &null, SGR_COLLATION_NONE) < 0);
    assert_int_equal(sgr_value_compare(&null, &null, SGR_COLLATION_NONE), 0);
    assert_true(sgr_value_equal(&null, &null));
    assert_false(sgr_value_equal(&null, &one));
}

static void check_type(const char *name, const char *typname, enum sgr_type type, int modifier) {
    struct sgr_column column = {0};
    struct sgr_error error;
    if (sgr_type_parse(sgr_slice(name), &column, &error))
        fail_msg("%s: %s", name, error.message);
    assert_string_equal(column.type_name, typname);
    assert_int_equal(column.type, type);
    assert_int_equal(column.type_modifier, modifier);
}

static void test_type_names_are_read_with_modifiers(void **state) {
    (void)state;
    check_type("int", "int4", SGR_INT4, -1);
    check_type(" Double  Precision ", "float8", SGR_FLOAT8, -1);
    check_type("float(24)", "float4", SGR_FLOAT4, -1);
    check_type("varchar(20)", "varchar", SGR_TEXT, 24);
    check_type("character varying (20)", "varchar", SGR_TEXT, 24);
    check_type("char", "bpchar", SGR_BPCHAR, 5);
    check_type("char(4)", "bpchar", SGR_BPCHAR, 8);
    check_type("numeric(10,2)", "numeric", SGR_NUMERIC, (10 << 16 | 2) + 4);
    check_type("numeric(5)", "numeric", SGR_NUMERIC, (5 << 16) + 4);
    check_type("timestamp(3) with time zone", "timestamptz", SGR_TIMESTAMPTZ, 3);
    check_type("text[]", "_text", SGR_ARRAY, -1);
    check_type("_int4", "_int4", SGR_ARRAY, -1);
    check_type("int[3][]", "_int4", SGR_ARRAY, -1);
    check_type("\"char\"", "char", SGR_TEXT, -1);
}

static void test_unknown_types_name_the_nearest(void **state) {
    (void)state;
    struct sgr_column column;
    struct sgr_error error;
    assert_int_equal(sgr_type_parse(sgr_slice("txet"), &column, &error), SGR_EPARSE);
    assert_non_null(strstr(error.message, "did you mean \"text\""));
    static const char *const bad[] = {"",       "int(3)",         "varchar(0)", "varchar(x)",
                                      "text[",  "numeric(1,2,3)", "varchar(20", "timestamp(9)",
                                      "int[x]", "int) x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(sgr_type_parse(sgr_slice(bad[i]), &column, &error), SGR_EPARSE);
}

static void test_typnames_of_the_catalog_are_known(void **state) {
    (void)state;
    enum sgr_type element;
    assert_int_equal(sgr_type_of_typname("varchar", &element), SGR_TEXT);
    assert_int_equal(sgr_type_of_typname("_timestamptz", &element), SGR_ARRAY);
    assert_int_equal(element, SGR_TIMESTAMPTZ);
    assert_int_equal(sgr_type_of_typname("mood", NULL), SGR_OTHER);
    assert_int_equal(sgr_type_of_typname("_mood", &element), SGR_OTHER);
}

static void test_order_and_equality_are_refused_where_text_would_lie(void **state) {
    (void)state;
    assert_false(sgr_type_has_equality(SGR_JSON, SGR_OTHER));
    assert_true(sgr_type_has_equality(SGR_JSONB, SGR_OTHER));
    assert_true(sgr_type_has_equality(SGR_ARRAY, SGR_INT4));
    assert_false(sgr_type_has_equality(SGR_ARRAY, SGR_NUMERIC));
    assert_false(sgr_type_has_order(SGR_OTHER, SGR_OTHER));
    assert_true(sgr_type_same_class(SGR_INT2, SGR_INT8));
    assert_false(sgr_type_same_class(SGR_TEXT, SGR_BPCHAR));
    assert_false(sgr_type_same_class(SGR_INT4, SGR_NUMERIC));
}

static void test_a_collation_of_another_version_is_unknown(void **state) {
    (void)state;
    assert_int_equal(sgr_collation_set('c', "C", ""), SGR_COLLATION_C);
    assert_int_equal(sgr_collation_set('c', "C.UTF-8", ""), SGR_COLLATION_C);
    assert_int_equal(sgr_ctype_default(), SGR_COLLATION_DATABASE);
    assert_int_equal(sgr_collation_set('c', "C.UTF-8", "0.0"), SGR_COLLATION_C);
    assert_int_equal(sgr_ctype_default(), SGR_COLLATION_UNKNOWN);
    assert_int_equal(sgr_collation_set('c', "no_SUCH.UTF-8", "2.36"), SGR_COLLATION_UNKNOWN);
    assert_int_equal(sgr_collation_set('c', "en_US.UTF-8", "0.0"), SGR_COLLATION_UNKNOWN);
    assert_int_equal(sgr_collation_set('i', "en-US", "153.112"), SGR_COLLATION_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numerics_order_by_value_and_not_by_text),
        cmocka_unit_test(test_floats_order_nan_last_and_zeros_equal),
        cmocka_unit_test(test_float4_and_float8_hash_alike),
        cmocka_unit_test(test_integers_of_any_width_hash_alike),
        cmocka_unit_test(test_intervals_are_equal_by_thirty_day_months),
        cmocka_unit_test(test_infinite_dates_are_at_the_ends),
        cmocka_unit_test(test_blanks_behind_char_do_not_count),
        cmocka_unit_test(test_bytea_orders_by_bytes_in_any_form),
        cmocka_unit_test(test_uuids_order_by_bytes),
        cmocka_unit_test(test_jsonb_numbers_are_equal_by_value),
        cmocka_unit_test(test_nulls_are_last_and_equal_each_other),
        cmocka_unit_test(test_type_names_are_read_with_modifiers),
        cmocka_unit_test(test_unknown_types_name_the_nearest),
        cmocka_unit_test(test_typnames_of_the_catalog_are_known),
        cmocka_unit_test(test_order_and_equality_are_refused_where_text_would_lie),
        cmocka_unit_test(test_a_collation_of_another_version_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
