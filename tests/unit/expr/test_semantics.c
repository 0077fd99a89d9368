/* Expressions over rows of every type, against what PostgreSQL answers. */
#include <gnu/libc-version.h>

#include "expression_cases.h"
#include "row/collation.h"
#include "support.h"

static const struct {
    const char *sql;
    int code;
    const char *results;
} cases[] = {
#define CASE(sql, code, results) {sql, code, results},
    EXPRESSION_CASES(CASE)
#undef CASE
};

static const char *const row_texts[] = {EXPRESSION_ROWS};
#define ROW_COUNT (sizeof(row_texts) / sizeof(row_texts[0]))

struct fixture {
    struct sgr_heap *heap;
    struct sgr_schema *schema;
    const struct sgr_row *rows[ROW_COUNT];
    struct sgr_scope_relation relation;
    struct sgr_scope scope;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    /* The cases come from a database with this locale. */
    sgr_collation_set('c', "C.UTF-8", gnu_get_libc_version());
    fixture->heap = sgr_heap_new(1 << 26, NULL);
    fixture->schema = schema_of(EXPRESSION_COLUMNS);
    for (size_t i = 0; i < ROW_COUNT; i++)
        fixture->rows[i] = row_of(fixture->heap, fixture->schema, row_texts[i]);
    fixture->relation = (struct sgr_scope_relation){.alias = "t", .schema = fixture->schema};
    fixture->scope = (struct sgr_scope){&fixture->relation, 1, NULL, 0};
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ROW_COUNT; i++)
        sgr_row_unref(fixture->rows[i]);
    sgr_schema_unref(fixture->schema);
    sgr_heap_free(fixture->heap);
    free(fixture);
    return 0;
}

static void results_of(struct fixture *fixture, struct sgr_expression *expression,
                       struct sgr_buffer *out) {
    const struct sgr_column *column = sgr_expression_column(expression);
    sgr_buffer_puts(out, column->type_name);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct sgr_value value;
        int code = sgr_expression_eval(expression, &fixture->rows[i], NULL, &value, NULL);
        append_result(out, code, &value);
        if (code)
            continue;
        assert_int_equal(value.type, column->type);
        assert_false(value.null && column->not_null);
    }
}

static void test_results_are_those_of_postgres(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sgr_expression *expression;
        struct sgr_buffer out = SGR_BUFFER_INIT;
        struct sgr_error error = {0};
        int code = sgr_expression_new(cases[i].sql, &fixture->scope, &expression, &error);
        if (code != cases[i].code)
            fail_msg("%s: code %d, %s", cases[i].sql, code, error.message);
        if (code)
            continue;
        results_of(fixture, expression, &out);
        if (strcmp(sgr_buffer_text(&out), cases[i].results) != 0)
            fail_msg("%s:\n%s\n%s", cases[i].sql, sgr_buffer_text(&out), cases[i].results);
        sgr_buffer_fini(&out);
        sgr_expression_free(expression);
    }
}

/* What is shared by its canonical text must be what was meant. */
static void test_canonical_text_means_the_same_expression(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sgr_expression *first, *second;
        struct sgr_buffer out = SGR_BUFFER_INIT;
        struct sgr_error error;
        if (cases[i].code)
            continue;
        assert_int_equal(sgr_expression_new(cases[i].sql, &fixture->scope, &first, NULL), 0);
        const char *canonical = sgr_expression_canonical(first);
        if (sgr_expression_new(canonical, &fixture->scope, &second, &error))
            fail_msg("%s: %s", canonical, error.message);
        assert_string_equal(canonical, sgr_expression_canonical(second));
        results_of(fixture, second, &out);
        assert_string_equal(sgr_buffer_text(&out), cases[i].results);
        sgr_buffer_fini(&out);
        sgr_expression_free(first);
        sgr_expression_free(second);
    }
}

static void test_a_missing_row_is_all_nulls(void **state) {
    struct fixture *fixture = *state;
    const struct sgr_row *none[] = {NULL};
    struct sgr_expression *expression;
    bool truth = false;
    assert_int_equal(sgr_expression_new("a IS NULL AND t IS NULL AND coalesce(n, 7) = 7",
                                        &fixture->scope, &expression, NULL),
                     0);
    assert_int_equal(sgr_expression_test(expression, none, NULL, &truth, NULL), 0);
    assert_true(truth);
    sgr_expression_free(expression);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_are_those_of_postgres),
        cmocka_unit_test(test_canonical_text_means_the_same_expression),
        cmocka_unit_test(test_a_missing_row_is_all_nulls),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
