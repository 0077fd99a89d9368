/* Names, parameters, messages, canonical text, and taking conditions apart. */
#include "row/collation.h"
#include "support.h"

struct fixture {
    struct sgr_heap *heap;
    struct sgr_schema *users, *orders;
    struct sgr_scope_relation relations[2];
    struct sgr_scope_parameter parameters[3];
    struct sgr_scope scope, one;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->heap = sgr_heap_new(1 << 26, NULL);
    fixture->users = schema_of("id:int4\tname:text\tactive:bool\tprice:numeric\torder:int8");
    fixture->orders = schema_of("id:int8\tuser_id:int4\tcity:text");
    fixture->relations[0] = (struct sgr_scope_relation){.alias = "users", .schema = fixture->users};
    fixture->relations[1] =
        (struct sgr_scope_relation){.alias = "orders", .schema = fixture->orders};
    static const char *const types[] = {"int8", "text", "numeric"};
    static const char *const names[] = {"user", "city", "most"};
    for (int i = 0; i < 3; i++) {
        fixture->parameters[i].name = names[i];
        assert_int_equal(sgr_type_parse(sgr_slice(types[i]), &fixture->parameters[i].column, NULL),
                         0);
    }
    fixture->scope = (struct sgr_scope){fixture->relations, 2, fixture->parameters, 3};
    fixture->one = (struct sgr_scope){fixture->relations, 1, fixture->parameters, 3};
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    sgr_schema_unref(fixture->users);
    sgr_schema_unref(fixture->orders);
    sgr_heap_free(fixture->heap);
    free(fixture);
    return 0;
}

static struct sgr_expression *compiled(const struct sgr_scope *scope, const char *sql) {
    struct sgr_expression *expression;
    struct sgr_error error;
    if (sgr_expression_new(sql, scope, &expression, &error))
        fail_msg("%s: %s", sql, error.message);
    return expression;
}

static void check_canonical(const struct sgr_scope *scope, const char *sql, const char *expected) {
    struct sgr_expression *expression = compiled(scope, sql);
    assert_string_equal(sgr_expression_canonical(expression), expected);
    sgr_expression_free(expression);
}

static void check_error(const struct sgr_scope *scope, const char *sql, int code,
                        const char *message) {
    struct sgr_expression *expression;
    struct sgr_error error = {0};
    assert_int_equal(sgr_expression_new(sql, scope, &expression, &error), code);
    assert_string_equal(error.message, message);
}

static void test_spellings_of_one_expression_share_a_canonical_text(void **state) {
    struct fixture *fixture = *state;
    const struct sgr_scope *one = &fixture->one;
    check_canonical(one, "price<100", "(price < '100'::numeric)");
    check_canonical(one, "100 > users.PRICE", "(price < '100'::numeric)");
    check_canonical(one, "id = 1 and (active and name = 'x')",
                    "((id = 1) AND active AND (name = 'x'))");
    check_canonical(one, "id+(1*2)", "(id + 2)");
    check_canonical(one, "\"order\" is null", "(\"order\" IS NULL)");
    check_canonical(one, "id = $user -- $nothing", "(id = $user)");
    check_canonical(one, "name = 'it''s $user'", "(name = 'it''s $user')");
    check_canonical(one, "name < 'a' COLLATE \"C\"", "(name < ('a' COLLATE \"C\"))");
    check_canonical(one, "active AND true OR false", "active");
    check_canonical(one, "CASE WHEN 1 = 2 THEN name ELSE 'n' END", "'n'");
    check_canonical(&fixture->scope, "users.id = user_id", "(users.id = orders.user_id)");
}

static void test_messages_name_the_place_and_the_nearest_name(void **state) {
    struct fixture *fixture = *state;
    const struct sgr_scope *scope = &fixture->scope;
    check_error(scope, "nmae = 'x'", SGR_ENOTFOUND,
                "unknown column \"nmae\", did you mean \"name\"? at column 1");
    check_error(scope, "$most > $usr", SGR_ENOTFOUND,
                "unknown parameter $usr, did you mean $user? at column 9");
    check_error(scope, "user.id = 1", SGR_EPARSE, "syntax error at or near \".\" at column 5");
    check_error(scope, "usres.id = 1", SGR_ENOTFOUND,
                "unknown relation \"usres\", did you mean \"users\"? at column 1");
    check_error(scope, "users.city = 'x'", SGR_ENOTFOUND, "unknown column \"city\" at column 1");
    check_error(scope, "id = 1", SGR_EINVAL,
                "column \"id\" is in several relations: write which at column 1");
    check_error(scope, "$most > 1 AND name + 1", SGR_ETYPE,
                "operator does not exist: text + int4 at column 20");
    check_error(scope, "$user = $user AND name ~ 'x'", SGR_EUNSUPPORTED,
                "operator ~ is not supported at column 24");
    check_error(scope, "name = 'äö' AND price = 'x'", SGR_EPARSE,
                "invalid input syntax for type numeric: \"x\" at column 25");
    check_error(scope, "active AND", SGR_EPARSE, "the expression does not go on behind \"and\"");
    check_error(scope, "price <", SGR_EPARSE, "syntax error at end of input at column 8");
    check_error(scope, "uper(name)", SGR_EUNSUPPORTED,
                "function uper is not supported, did you mean upper? at column 1");
    check_error(scope, "price < 1 AND 1 / 0 = 1", SGR_EDIVISION, "division by zero at column 17");
    check_error(scope, "NOT name", SGR_ETYPE, "argument of NOT must be bool, not text at column 5");
    check_error(scope, "users.id = $1", SGR_EPARSE, "parameters have names here, not numbers: $1");
}

static void test_text_that_is_more_than_an_expression_is_refused(void **state) {
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "",
        "1, 2",
        "1 AS x",
        "1 FROM users",
        "1; SELECT 2",
        "1 WHERE true",
        "1 LIMIT 1",
        "1 UNION SELECT 2",
        "DISTINCT active",
        "1 INTO x",
        "*",
        "1 ORDER BY 1",
        "-- nothing",
        "1)",
        "'open",
        "/* open",
        "1 x",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sgr_expression *expression = NULL;
        if (sgr_expression_new(texts[i], &fixture->one, &expression, NULL) == 0)
            fail_msg("%s is accepted", texts[i]);
    }
}

static char *repeated(const char *part, size_t count, const char *end) {
    size_t size = strlen(part);
    char *text = malloc(size * count + strlen(end) + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * size, part, size);
    strcpy(text + size * count, end);
    return text;
}

static void test_deep_nesting_is_an_error_and_no_crash(void **state) {
    struct fixture *fixture = *state;
    static const char *const parts[][2] = {
        {"NOT ", "active"}, {"- ", "id"},   {"(", "id"},
        {"id + ", "id"},    {"abs(", "id"}, {"CASE WHEN active THEN ", "id"},
    };
    static const size_t counts[] = {300, 999, 100000};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (size_t j = 0; j < 3; j++) {
            struct sgr_expression *expression = NULL;
            char *text = repeated(parts[i][0], counts[j], parts[i][1]);
            assert_int_not_equal(sgr_expression_new(text, &fixture->one, &expression, NULL), 0);
            free(text);
        }
}

static void test_long_lists_are_fine(void **state) {
    struct fixture *fixture = *state;
    char *list = repeated("5,", 20000, "6)");
    char *text = malloc(strlen(list) + 16);
    strcpy(text, "id IN (");
    strcat(text, list);
    sgr_expression_free(compiled(&fixture->one, text));
    free(list);
    free(text);
}

static void test_parameters_take_part_by_name(void **state) {
    struct fixture *fixture = *state;
    struct sgr_expression *expression = compiled(
        &fixture->one, "id = $user AND (name = $city OR price > $most) AND name <> '$city'");
    assert_true(sgr_expression_parameters(expression) == 7);
    assert_true(sgr_expression_relations(expression) == 1);
    const struct sgr_row *row = row_of(fixture->heap, fixture->users, "5\tRiga\tt\t2.50\t\\N");
    struct sgr_value values[] = {
        {.type = SGR_INT8, .i = 5},
        {.type = SGR_TEXT, .null = true},
        {.type = SGR_NUMERIC, .s = SGR_SLICE("2.499")},
    };
    bool truth = false;
    assert_int_equal(sgr_expression_test(expression, &row, values, &truth, NULL), 0);
    assert_true(truth);
    values[2].null = true;
    assert_int_equal(sgr_expression_test(expression, &row, values, &truth, NULL), 0);
    assert_false(truth);
    sgr_row_unref(row);
    sgr_expression_free(expression);
}

static void test_an_error_at_a_row_leaves_the_result_alone(void **state) {
    struct fixture *fixture = *state;
    struct sgr_expression *expression = compiled(&fixture->one, "id * 2147483647 > 1");
    const struct sgr_row *row = row_of(fixture->heap, fixture->users, "5\tRiga\tt\t2.50\t\\N");
    struct sgr_error error;
    bool truth = true;
    assert_int_equal(sgr_expression_test(expression, &row, NULL, &truth, &error), SGR_ERANGE);
    assert_string_equal(error.message, "integer out of range");
    assert_true(truth);
    sgr_row_unref(row);
    sgr_expression_free(expression);
}

static void test_text_order_needs_a_collation_this_host_has(void **state) {
    struct fixture *fixture = *state;
    struct sgr_column column = {.name = "name",
                                .type_name = "text",
                                .type_modifier = -1,
                                .type = SGR_TEXT,
                                .collation = SGR_COLLATION_UNKNOWN};
    struct sgr_schema *schema = sgr_schema_new(&column, 1);
    struct sgr_scope_relation relation = {.alias = "t", .schema = schema};
    struct sgr_scope scope = {&relation, 1, NULL, 0};
    struct sgr_expression *expression;
    assert_int_equal(sgr_expression_new("name < 'b'", &scope, &expression, NULL), SGR_EUNSUPPORTED);
    assert_int_equal(sgr_expression_new("greatest(name, 'b')", &scope, &expression, NULL),
                     SGR_EUNSUPPORTED);
    sgr_collation_set('c', "xx_XX.UTF-8", "0");
    assert_int_equal(sgr_expression_new("upper(name)", &scope, &expression, NULL),
                     SGR_EUNSUPPORTED);
    assert_int_equal(sgr_expression_new("name ILIKE 'b'", &scope, &expression, NULL),
                     SGR_EUNSUPPORTED);
    static const char *const fine[] = {"name = 'b'", "name LIKE 'b%'", "name < 'b' COLLATE \"C\"",
                                       "upper(name COLLATE \"C\")", "name IN ('a', 'b')"};
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
        sgr_expression_free(compiled(&scope, fine[i]));
    sgr_collation_set('c', "C", "");
    sgr_schema_unref(schema);
    (void)fixture;
}

/* ---- Splits */

static void check_part(const struct sgr_expression *part, const char *expected) {
    if (expected)
        assert_string_equal(sgr_expression_canonical(part), expected);
    else
        assert_null(part);
}

static void test_equalities_are_taken_out_of_a_condition(void **state) {
    struct fixture *fixture = *state;
    struct sgr_split split;
    assert_int_equal(sgr_expression_split("price > 1 AND $user = id AND (name = $city AND active) "
                                          "AND (price > $most OR id = $user) AND name = 'x'",
                                          &fixture->one, false, &split, NULL),
                     0);
    assert_int_equal(split.equality_count, 2);
    assert_int_equal(split.equalities[0].column, 0);
    assert_int_equal(split.equalities[0].parameter, 0);
    assert_int_equal(split.equalities[1].column, 1);
    assert_int_equal(split.equalities[1].parameter, 1);
    check_part(split.plain, "((price > '1'::numeric) AND active AND (name = 'x'))");
    check_part(split.parametrized, "((price > $most) OR (id = $user))");
    sgr_split_fini(&split);
}

static void test_constants_become_equalities_when_asked(void **state) {
    struct fixture *fixture = *state;
    struct sgr_split split;
    assert_int_equal(sgr_expression_split("name = 'x' AND 5 = id AND id = $user AND price = 2",
                                          &fixture->one, true, &split, NULL),
                     0);
    assert_int_equal(split.equality_count, 3);
    assert_int_equal(split.equalities[0].column, 0);
    assert_int_equal(split.equalities[0].parameter, -1);
    assert_true(split.equalities[0].constant->i == 5);
    assert_true(sgr_slice_is(split.equalities[1].constant->s, "x"));
    assert_int_equal(split.equalities[2].constant->type, SGR_NUMERIC);
    assert_null(split.plain);
    check_part(split.parametrized, "(id = $user)"); /* an index knows a column once */
    sgr_split_fini(&split);
}

static void test_what_no_index_answers_stays_a_condition(void **state) {
    struct fixture *fixture = *state;
    struct sgr_split split;
    /* A numeric beside an integer is compared as numeric; null never equals; a collation is not the column's. */
    assert_int_equal(sgr_expression_split("id = $most AND price = $user AND id = NULL AND "
                                          "name COLLATE \"C\" = $city",
                                          &fixture->one, true, &split, NULL),
                     0);
    assert_int_equal(split.equality_count, 0);
    check_part(split.plain, "NULL::bool");
    assert_non_null(split.parametrized);
    sgr_split_fini(&split);
    assert_int_equal(sgr_expression_split("id", &fixture->one, true, &split, NULL), SGR_ETYPE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings_of_one_expression_share_a_canonical_text),
        cmocka_unit_test(test_messages_name_the_place_and_the_nearest_name),
        cmocka_unit_test(test_text_that_is_more_than_an_expression_is_refused),
        cmocka_unit_test(test_deep_nesting_is_an_error_and_no_crash),
        cmocka_unit_test(test_long_lists_are_fine),
        cmocka_unit_test(test_parameters_take_part_by_name),
        cmocka_unit_test(test_an_error_at_a_row_leaves_the_result_alone),
        cmocka_unit_test(test_text_order_needs_a_collation_this_host_has),
        cmocka_unit_test(test_equalities_are_taken_out_of_a_condition),
        cmocka_unit_test(test_constants_become_equalities_when_asked),
        cmocka_unit_test(test_what_no_index_answers_stays_a_condition),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
