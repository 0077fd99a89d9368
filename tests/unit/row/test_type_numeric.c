/* Decimal arithmetic against PostgreSQL's results, scale by scale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "numeric_cases.h"
#include "row/numeric.h"

struct numeric_case {
    char operation;
    const char *left, *right, *result;
};

static const struct numeric_case cases[] = {
#define CASE(operation, left, right, result) {operation, left, right, result},
    NUMERIC_CASES(CASE)
#undef CASE
};

static int compute(struct sgr_arena *arena, const struct numeric_case *c, struct sgr_numeric *ret) {
    struct sgr_numeric a, b;
    assert_int_equal(sgr_numeric_parse(arena, sgr_slice(c->left), &a), 0);
    assert_int_equal(sgr_numeric_parse(arena, sgr_slice(c->right), &b), 0);
    switch (c->operation) {
    case '+':
        return sgr_numeric_add(arena, &a, &b, ret);
    case '-':
        return sgr_numeric_subtract(arena, &a, &b, ret);
    case '*':
        return sgr_numeric_multiply(arena, &a, &b, ret);
    case '/':
        return sgr_numeric_divide(arena, &a, &b, ret);
    case '%':
        return sgr_numeric_modulo(arena, &a, &b, ret);
    case 'r':
        return sgr_numeric_round(arena, &a, atoi(c->right), ret);
    case 't':
        return sgr_numeric_truncate(arena, &a, atoi(c->right), ret);
    case 'f':
        return sgr_numeric_floor(arena, &a, ret);
    default:
        return sgr_numeric_ceil(arena, &a, ret);
    }
}

static void test_results_and_scales_are_those_of_postgres(void **state) {
    (void)state;
    struct sgr_arena *arena = sgr_arena_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sgr_buffer text = SGR_BUFFER_INIT;
        struct sgr_numeric result;
        int code = compute(arena, &cases[i], &result);
        assert_int_equal(code != 0, cases[i].result == NULL);
        if (!code) {
            sgr_numeric_write(&result, &text);
            assert_string_equal(sgr_buffer_text(&text), cases[i].result);
        }
        sgr_buffer_fini(&text);
        sgr_arena_reset(arena);
    }
    sgr_arena_free(arena);
}

static void check_fit(struct sgr_arena *arena, const char *text, int precision, int scale,
                      const char *expected) {
    struct sgr_numeric number, fitted;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    int32_t modifier = (precision << 16 | (scale & 0x7ff)) + 4;
    assert_int_equal(sgr_numeric_parse(arena, sgr_slice(text), &number), 0);
    int code = sgr_numeric_fit(arena, &number, modifier, &fitted);
    assert_int_equal(code, expected ? 0 : SGR_ERANGE);
    if (!code) {
        sgr_numeric_write(&fitted, &out);
        assert_string_equal(sgr_buffer_text(&out), expected);
    }
    sgr_buffer_fini(&out);
}

static void test_a_column_takes_only_what_its_precision_holds(void **state) {
    (void)state;
    struct sgr_arena *arena = sgr_arena_new();
    check_fit(arena, "1.005", 4, 2, "1.01");
    check_fit(arena, "99.995", 4, 2, NULL);
    check_fit(arena, "99.994", 4, 2, "99.99");
    check_fit(arena, "12345", 5, -2, "12300");
    check_fit(arena, "0.00123", 2, 4, "0.0012");
    check_fit(arena, "0.0123", 2, 4, NULL);
    check_fit(arena, "NaN", 4, 2, "NaN");
    check_fit(arena, "Infinity", 4, 2, NULL);
    sgr_arena_free(arena);
}

static void test_integers_round_half_away_and_overflow(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        int64_t value;
    } rows[] = {
        {"2.5", 0, 3},
        {"-2.5", 0, -3},
        {"2.4999999999999999999999", 0, 2},
        {"9223372036854775807.4", 0, INT64_MAX},
        {"9223372036854775807.5", SGR_ERANGE, 0},
        {"-9223372036854775808", 0, INT64_MIN},
        {"NaN", SGR_ERANGE, 0},
    };
    struct sgr_arena *arena = sgr_arena_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sgr_numeric number;
        int64_t value = 0;
        assert_int_equal(sgr_numeric_parse(arena, sgr_slice(rows[i].text), &number), 0);
        assert_int_equal(sgr_numeric_to_int(arena, &number, &value), rows[i].code);
        assert_true(value == rows[i].value);
    }
    sgr_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_and_scales_are_those_of_postgres),
        cmocka_unit_test(test_a_column_takes_only_what_its_precision_holds),
        cmocka_unit_test(test_integers_round_half_away_and_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
