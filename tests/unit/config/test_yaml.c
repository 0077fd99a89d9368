/* The YAML reader: trees, places, merge keys, variables, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "config/document.h"

static struct sgr_document *read_ok(const char *text) {
    struct sgr_document *document = NULL;
    struct sgr_error error = {0};
    int status = sgr_document_read_yaml("test.yaml", sgr_slice(text), &document, &error);
    if (status != 0)
        fail_msg("%s (%s)", error.message, error.context);
    return document;
}

static const struct sgr_document_node *at(const struct sgr_document *document, const char *a,
                                          const char *b) {
    const struct sgr_document_node *node = sgr_document_get(sgr_document_root(document), a);
    return b ? sgr_document_get(node, b) : node;
}

static void assert_place(const struct sgr_document_node *node, unsigned line, unsigned column) {
    assert_non_null(node);
    assert_string_equal(node->file, "test.yaml");
    assert_int_equal(node->line, line);
    assert_int_equal(node->column, column);
}

static void every_node_and_key_has_its_place(void **state) {
    (void)state;
    struct sgr_document *document = read_ok("# comment\n"
                                            "listen: 8080\n"
                                            "sources:\n"
                                            "  app: { plugin: postgres, conninfo: \"x y\" }\n"
                                            "  list:\n"
                                            "    - 'a'\n"
                                            "    - b\n"
                                            "  empty:\n");
    assert_place(at(document, "listen", NULL), 2, 9);
    assert_place(at(document, "sources", NULL), 4, 3);
    assert_place(at(document, "sources", "app"), 4, 8);
    assert_place(sgr_document_get(at(document, "sources", "app"), "conninfo"), 4, 38);
    assert_place(at(document, "sources", "list")->items[0], 6, 7);
    assert_place(at(document, "sources", "empty"), 8, 3);
    assert_true(at(document, "sources", "empty")->null);
    assert_int_equal(sgr_document_root(document)->pairs[1].line, 3);
    assert_int_equal(sgr_document_root(document)->pairs[1].column, 1);
    sgr_document_free(document);
}

static void quotes_make_strings_and_nulls_are_told_from_them(void **state) {
    (void)state;
    struct sgr_document *document =
        read_ok("a: null\nb: 'null'\nc: ~\nd: \"\"\ne: !!str null\nf: |\n  x\n   y\n");
    assert_true(at(document, "a", NULL)->null);
    assert_false(at(document, "b", NULL)->null);
    assert_true(at(document, "b", NULL)->quoted);
    assert_true(at(document, "c", NULL)->null);
    assert_false(at(document, "d", NULL)->null);
    assert_false(at(document, "e", NULL)->null);
    assert_string_equal(at(document, "f", NULL)->text.data, "x\n y\n");
    sgr_document_free(document);
}

static void merge_keys_add_what_is_not_there(void **state) {
    (void)state;
    struct sgr_document *document = read_ok("base: &base { a: 1, b: 2 }\n"
                                            "other: &other { b: 3, c: 4 }\n"
                                            "one: { <<: *base, a: 9 }\n"
                                            "two: { <<: [*base, *other] }\n"
                                            "same: *base\n");
    assert_string_equal(at(document, "one", "a")->text.data, "9");
    assert_string_equal(at(document, "one", "b")->text.data, "2");
    assert_int_equal(at(document, "one", NULL)->count, 2);
    assert_string_equal(at(document, "two", "b")->text.data, "2");
    assert_string_equal(at(document, "two", "c")->text.data, "4");
    assert_ptr_equal(at(document, "same", NULL), at(document, "base", NULL));
    sgr_document_free(document);
}

static void variables_come_from_the_environment(void **state) {
    (void)state;
    setenv("SGR_TEST_A", "value", 1);
    setenv("SGR_TEST_EMPTY", "", 1);
    setenv("SGR_TEST_NULL", "null", 1);
    unsetenv("SGR_TEST_NONE");
    struct sgr_document *document = read_ok("a: \"x${SGR_TEST_A}y\"\n"
                                            "b: ${SGR_TEST_NONE:-5433}\n"
                                            "c: ${SGR_TEST_EMPTY:-d}\n"
                                            "d: ${SGR_TEST_EMPTY}\n"
                                            "e: $${SGR_TEST_A} $$ $x\n"
                                            "f: ${SGR_TEST_NULL}\n");
    assert_string_equal(at(document, "a", NULL)->text.data, "xvaluey");
    assert_string_equal(at(document, "b", NULL)->text.data, "5433");
    assert_string_equal(at(document, "c", NULL)->text.data, "d");
    assert_true(at(document, "d", NULL)->null);
    assert_string_equal(at(document, "e", NULL)->text.data, "${SGR_TEST_A} $$ $x");
    assert_false(at(document, "f", NULL)->null);
    sgr_document_free(document);
}

static void an_empty_file_is_an_empty_mapping(void **state) {
    (void)state;
    struct sgr_document *document = read_ok("");
    assert_int_equal(sgr_document_root(document)->kind, SGR_DOCUMENT_MAPPING);
    assert_int_equal(sgr_document_root(document)->count, 0);
    sgr_document_free(document);
    sgr_document_free(NULL);
}

static void mistakes_are_named_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *message, *place;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "\"a\" stands here twice", "test.yaml:3:1"},
        {"a: \"${SGR_TEST_NONE}\"\n", "environment variable SGR_TEST_NONE is not set",
         "test.yaml:1:4"},
        {"a: \"${SGR_TEST_NONE\"\n", "no closing }", "test.yaml:1:4"},
        {"a: \"${5x}\"\n", "is no variable", "test.yaml:1:4"},
        {"a: *nothing\n", "no anchor &nothing", "test.yaml:1:5"},
        {"a: &x { b: *x }\n", "no anchor &x", "test.yaml:1:13"},
        {"a: !thing 5\n", "are not supported", "test.yaml:1:11"},
        {"a: 1\n---\nb: 2\n", "one document", "test.yaml:2:1"},
        {"a: b: c\n", "invalid nested block mapping", "test.yaml:1:5"},
        {"a: [b\n", "flow sequence without a closing bracket", "test.yaml:2:1"},
        {"a: \"x\\0y\"\n", "NUL", "test.yaml:1:4"},
        {"? [a]\n: b\n", "a key must be a word", "test.yaml:1:3"},
        {"\"\": b\n", "must not be empty", "test.yaml:1:2"},
        {"a: { <<: 5 }\n", "must be a mapping", "test.yaml:1:10"},
        {"a: 1\nb: \xff\xfe\n", "0xff is not UTF-8", "test.yaml:2:4"},
    };
    unsetenv("SGR_TEST_NONE");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sgr_document *document = NULL;
        struct sgr_error error = {0};
        int status =
            sgr_document_read_yaml("test.yaml", sgr_slice(cases[i].text), &document, &error);
        if (status != SGR_ECONFIG || !strstr(error.message, cases[i].message) ||
            !strstr(error.context, cases[i].place))
            fail_msg("case %zu: status %d, \"%s\" at \"%s\"", i, status, error.message,
                     error.context);
        assert_null(document);
    }
}

static void aliases_cannot_stand_for_millions_of_nodes(void **state) {
    (void)state;
    const char *text = "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
                       "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                       "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                       "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                       "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
                       "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    struct sgr_document *document = NULL;
    struct sgr_error error = {0};
    assert_int_equal(sgr_document_read_yaml("test.yaml", sgr_slice(text), &document, &error),
                     SGR_ECONFIG);
    assert_non_null(strstr(error.message, "more than"));
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    char text[20001];
    memset(text, '[', 20000);
    text[20000] = '\0';
    struct sgr_document *document = NULL;
    struct sgr_error error = {0};
    assert_int_equal(sgr_document_read_yaml("test.yaml", sgr_slice(text), &document, &error),
                     SGR_ECONFIG);
}

static void a_missing_file_says_so(void **state) {
    (void)state;
    struct sgr_document *document = NULL;
    struct sgr_error error = {0};
    assert_int_equal(sgr_document_read("/nonexistent/x.yaml", &document, &error), SGR_EIO);
    assert_non_null(strstr(error.message, "/nonexistent/x.yaml"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_and_key_has_its_place),
        cmocka_unit_test(quotes_make_strings_and_nulls_are_told_from_them),
        cmocka_unit_test(merge_keys_add_what_is_not_there),
        cmocka_unit_test(variables_come_from_the_environment),
        cmocka_unit_test(an_empty_file_is_an_empty_mapping),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(aliases_cannot_stand_for_millions_of_nodes),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_missing_file_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
