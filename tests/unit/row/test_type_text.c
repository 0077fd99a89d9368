/* Literals of every type against what PostgreSQL makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "row/type.h"
#include "type_cases.h"

static const struct {
    const char *type, *literal, *text, *json;
} cases[] = {
#define CASE(type, literal, text, json) {type, literal, text, json},
    TYPE_CASES(CASE)
#undef CASE
};

static struct sgr_column type_of(const char *name) {
    struct sgr_column column;
    struct sgr_error error;
    if (sgr_type_parse(sgr_slice(name), &column, &error))
        fail_msg("%s: %s", name, error.message);
    return column;
}

static void check(size_t i) {
    struct sgr_column type = type_of(cases[i].type);
    struct sgr_buffer memory = SGR_BUFFER_INIT, text = SGR_BUFFER_INIT, json = SGR_BUFFER_INIT;
    struct sgr_value value;
    struct sgr_error error;
    int code = sgr_value_parse_literal(type.type, type.element, sgr_slice(cases[i].literal),
                                       &memory, &value, &error);
    if (!cases[i].text && !code)
        fail_msg("%s '%s' is accepted", cases[i].type, cases[i].literal);
    if (cases[i].text && code)
        fail_msg("%s '%s': %s", cases[i].type, cases[i].literal, error.message);
    if (!code) {
        sgr_value_text(&value, &text);
        assert_string_equal(sgr_buffer_text(&text), cases[i].text);
        sgr_value_json(&value, type.element, &json);
        assert_string_equal(sgr_buffer_text(&json), cases[i].json);
    }
    sgr_buffer_fini(&memory);
    sgr_buffer_fini(&text);
    sgr_buffer_fini(&json);
}

static void test_text_and_json_are_those_of_postgres(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(i);
}

/* What Postgres sends is read back as it is, without the help of a buffer. */
static void test_canonical_text_round_trips_without_a_copy(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sgr_column type = type_of(cases[i].type);
        struct sgr_buffer text = SGR_BUFFER_INIT;
        struct sgr_value value;
        if (!cases[i].text)
            continue;
        assert_int_equal(sgr_value_parse(type.type, sgr_slice(cases[i].text), &value, NULL), 0);
        sgr_value_text(&value, &text);
        assert_string_equal(sgr_buffer_text(&text), cases[i].text);
        sgr_buffer_fini(&text);
    }
}

static void test_a_failed_parse_leaves_the_value_alone(void **state) {
    (void)state;
    struct sgr_value value, before;
    memset(&value, 0x5a, sizeof(value));
    before = value;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].text || strchr(cases[i].type, '['))
            continue;
        enum sgr_type type = type_of(cases[i].type).type;
        if (sgr_value_parse(type, sgr_slice(cases[i].literal), &value, NULL))
            assert_memory_equal(&value, &before, sizeof(value));
        value = before;
    }
}

static void test_null_is_json_null(void **state) {
    (void)state;
    struct sgr_buffer json = SGR_BUFFER_INIT;
    struct sgr_value value = {.type = SGR_INT4, .null = true};
    sgr_value_json(&value, SGR_OTHER, &json);
    assert_string_equal(sgr_buffer_text(&json), "null");
    sgr_buffer_fini(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_json_are_those_of_postgres),
        cmocka_unit_test(test_canonical_text_round_trips_without_a_copy),
        cmocka_unit_test(test_a_failed_parse_leaves_the_value_alone),
        cmocka_unit_test(test_null_is_json_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
