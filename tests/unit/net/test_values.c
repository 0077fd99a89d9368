/* What sinks are told of the values in change streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/internal.h"

static struct sgr__sink sink;

static struct sgr_relation_column column(const char *type_name, enum sgr_type type,
                                         enum sgr_type element) {
    return (struct sgr_relation_column){
        .name = "c", .type_name = type_name, .type = type, .element = element, .type_modifier = -1};
}

static void is_json(enum sgr_type type, const char *text, const char *wanted) {
    struct sgr_relation_column of = column("t", type, SGR_INT4);
    struct sgr_slice got;
    assert_int_equal(sgr__value_table.json(&sink, &of, sgr_slice(text), &got, NULL), 0);
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

static void values_are_json_as_to_json_writes_it(void **unused) {
    (void)unused;
    is_json(SGR_INT8, "9007199254740993", "9007199254740993");
    is_json(SGR_NUMERIC, "1.50", "1.50");
    is_json(SGR_NUMERIC, "NaN", "\"NaN\"");
    is_json(SGR_BOOL, "t", "true");
    is_json(SGR_TEXT, "a\"b", "\"a\\\"b\"");
    is_json(SGR_TIMESTAMP, "2022-10-19 13:50:18.5", "\"2022-10-19T13:50:18.5\"");
    is_json(SGR_ARRAY, "{1,NULL,3}", "[1,null,3]");
    is_json(SGR_JSONB, "{\"a\": [1]}", "{\"a\": [1]}");
    is_json(SGR_OTHER, "mon", "\"mon\"");
    sgr_buffer_fini(&sink.value);
}

static void what_is_no_value_is_an_error(void **unused) {
    struct sgr_relation_column of = column("int4", SGR_INT4, SGR_OTHER);
    struct sgr_value value;
    struct sgr_bytes *text = NULL;
    struct sgr_slice got;
    struct sgr_error error;
    (void)unused;
    assert_int_equal(sgr__value_table.parse(&of, sgr_slice("abc"), &value, &error), SGR_EPARSE);
    assert_int_equal(sgr__value_table.literal(&of, sgr_slice("1x"), &value, &text, &error),
                     SGR_EPARSE);
    assert_int_equal(sgr__value_table.json(&sink, &of, sgr_slice(""), &got, &error), SGR_EPARSE);
    assert_null(text);
}

static void a_literal_equals_what_the_source_sends(enum sgr_type type, const char *written,
                                                   const char *sent) {
    struct sgr_relation_column of = column("t", type, SGR_INT4);
    struct sgr_value a, b;
    struct sgr_bytes *text;
    assert_int_equal(sgr__value_table.literal(&of, sgr_slice(written), &a, &text, NULL), 0);
    assert_int_equal(sgr__value_table.parse(&of, sgr_slice(sent), &b, NULL), 0);
    assert_int_equal(sgr__value_table.compare(&a, &b), 0);
    assert_true(sgr__value_table.hash(&a) == sgr__value_table.hash(&b));
    sgr_bytes_unref(text);
}

static void literals_are_brought_to_the_form_of_their_type(void **unused) {
    (void)unused;
    a_literal_equals_what_the_source_sends(SGR_INT4, " 7", "7");
    a_literal_equals_what_the_source_sends(SGR_NUMERIC, "1.0", "1.00");
    a_literal_equals_what_the_source_sends(SGR_BOOL, "true", "t");
    a_literal_equals_what_the_source_sends(SGR_TEXT, "", "");
    a_literal_equals_what_the_source_sends(SGR_TEXT, "a", "a");
    a_literal_equals_what_the_source_sends(SGR_TIMESTAMP, "2022-10-19T13:50:18",
                                           "2022-10-19 13:50:18");
    a_literal_equals_what_the_source_sends(SGR_ARRAY, "{1, 2}", "{1,2}");
    a_literal_equals_what_the_source_sends(SGR_UUID, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
                                           "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
}

static void types_say_what_can_be_asked_of_them(void **unused) {
    struct sgr_relation_column json = column("json", SGR_JSON, SGR_OTHER);
    struct sgr_relation_column mood = column("mood", SGR_OTHER, SGR_OTHER);
    struct sgr_relation_column number = column("int4", SGR_INT4, SGR_OTHER);
    (void)unused;
    assert_false(sgr__value_table.comparable(&json));
    assert_true(sgr__value_table.comparable(&mood));
    assert_false(sgr__value_table.ordered(&mood));
    assert_true(sgr__value_table.ordered(&number));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_json_as_to_json_writes_it),
        cmocka_unit_test(what_is_no_value_is_an_error),
        cmocka_unit_test(literals_are_brought_to_the_form_of_their_type),
        cmocka_unit_test(types_say_what_can_be_asked_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
