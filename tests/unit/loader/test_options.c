/* Options: from YAML to the struct, and the errors on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "loader/loader.h"

struct options {
    bool flag;
    int64_t number, wait, size;
    double share;
    const char *text, *mode, *sql, *json, *password;
    struct sgr_strings list;
    struct sgr_pairs columns, pairs;
};

#define AT(field, type) SGR_OPTION_AT(struct options, field, type)
static const char *const modes[] = {"fast", "careful", NULL};
static const struct sgr_option table[] = {
    {.name = "flag", .type = SGR_OPTION_BOOL, .offset = AT(flag, bool), .help = "A flag"},
    {.name = "number",
     .type = SGR_OPTION_INT,
     .offset = AT(number, int64_t),
     .fallback = "7",
     .minimum = 1,
     .maximum = 10,
     .help = "A number | with a bar"},
    {.name = "wait",
     .type = SGR_OPTION_DURATION,
     .offset = AT(wait, int64_t),
     .fallback = "1.5s",
     .minimum = 1000,
     .help = "How long"},
    {.name = "size", .type = SGR_OPTION_BYTES, .offset = AT(size, int64_t), .fallback = "64KB"},
    {.name = "share", .type = SGR_OPTION_DOUBLE, .offset = AT(share, double)},
    {.name = "text",
     .type = SGR_OPTION_STRING,
     .offset = AT(text, const char *),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_MAIN},
    {.name = "mode",
     .type = SGR_OPTION_CHOICE,
     .offset = AT(mode, const char *),
     .choices = modes,
     .fallback = "careful"},
    {.name = "sql", .type = SGR_OPTION_EXPRESSION, .offset = AT(sql, const char *)},
    {.name = "json", .type = SGR_OPTION_JSON, .offset = AT(json, const char *), .fallback = "[]"},
    {.name = "password",
     .type = SGR_OPTION_STRING,
     .offset = AT(password, const char *),
     .flags = SGR_OPTION_SECRET},
    {.name = "list", .type = SGR_OPTION_STRINGS, .offset = AT(list, struct sgr_strings)},
    {.name = "columns", .type = SGR_OPTION_COLUMNS, .offset = AT(columns, struct sgr_pairs)},
    {.name = "pairs", .type = SGR_OPTION_PAIRS, .offset = AT(pairs, struct sgr_pairs)},
    {0}};
static const struct sgr_plugin plugin = {SGR_PLUGIN_HEADER,
                                         .kind = SGR_OPERATOR,
                                         .name = "sample",
                                         .version = "1.0",
                                         .summary = "For tests",
                                         .options = table,
                                         .options_size = sizeof(struct options)};

static int parse(const char *yaml, struct sgr_options **ret, struct sgr_error *error) {
    static const char *const ignore[] = {"input", NULL};
    struct sgr_document *document = NULL;
    memset(error, 0, sizeof(*error));
    int status = sgr_document_read_yaml("s.yaml", sgr_slice(yaml), &document, error);
    if (status)
        fail_msg("%s: %s", yaml, error->message);
    status = sgr_options_parse(&plugin, sgr_document_root(document), ignore, ret, error);
    sgr_document_free(document); /* what was parsed must not need it */
    return status;
}

static void every_type_reaches_its_field(void **unused) {
    (void)unused;
    struct sgr_options *options = NULL;
    struct sgr_error error;
    int status = parse("input: x\n"
                       "flag: yes\nnumber: 10\nwait: 250ms\nsize: 2MB\nshare: -1.5e3\n"
                       "text: hello\nmode: fast\nsql: price < 100 AND city = 'Ulm'\n"
                       "json: { a: [1, true, \"1\", 1.5e3, null, x, 007], b: {} }\n"
                       "list: [a, b]\ncolumns: { id: int, name: text }\n"
                       "pairs: { z: upper(name), a: id }\n",
                       &options, &error);
    if (status)
        fail_msg("%s (%s)", error.message, error.context);
    const struct options *o = sgr_options_struct(options);
    assert_true(o->flag);
    assert_int_equal(o->number, 10);
    assert_int_equal(o->wait, 250000);
    assert_int_equal(o->size, 2 << 20);
    assert_true(o->share == -1500.0);
    assert_string_equal(o->text, "hello");
    assert_string_equal(o->mode, "fast");
    assert_string_equal(o->sql, "price < 100 AND city = 'Ulm'");
    assert_string_equal(o->json, "{\"a\":[1,true,\"1\",1.5e3,null,\"x\",\"007\"],\"b\":{}}");
    assert_int_equal(o->list.count, 2);
    assert_string_equal(o->list.items[1], "b");
    assert_int_equal(o->columns.count, 2);
    assert_string_equal(o->columns.items[1].value, "text");
    assert_string_equal(o->pairs.items[0].name, "z"); /* the order written */
    assert_null(o->password);
    sgr_options_free(options);
}

static void what_is_absent_has_its_default(void **unused) {
    (void)unused;
    struct sgr_options *options = NULL;
    struct sgr_error error;
    assert_int_equal(parse("{ text: x, number: null, list: 'a, b ,c' }", &options, &error), 0);
    const struct options *o = sgr_options_struct(options);
    assert_int_equal(o->number, 7);
    assert_int_equal(o->wait, 1500000);
    assert_int_equal(o->size, 65536);
    assert_string_equal(o->mode, "careful");
    assert_string_equal(o->json, "[]");
    assert_int_equal(o->list.count, 3);
    assert_string_equal(o->list.items[1], "b");
    sgr_options_free(options);
}

static void equal_options_have_equal_text_and_secrets_none(void **unused) {
    (void)unused;
    struct sgr_options *one = NULL, *other = NULL, *third = NULL;
    struct sgr_error error;
    assert_int_equal(parse("{ text: x, wait: 90s, password: hush }", &one, &error), 0);
    assert_int_equal(
        parse("{ password: hush, number: 7, wait: 1.5min, text: 'x' }", &other, &error), 0);
    assert_int_equal(parse("{ password: else, wait: 90s, text: x }", &third, &error), 0);
    assert_string_equal(sgr_options_canonical(one), sgr_options_canonical(other));
    assert_string_not_equal(sgr_options_canonical(one), sgr_options_canonical(third));
    assert_null(strstr(sgr_options_canonical(one), "hush"));
    assert_non_null(strstr(sgr_options_canonical(one), "text=\"x\", wait=90s"));
    assert_non_null(strstr(sgr_options_canonical(one), "columns={}, flag=false"));
    sgr_options_free(one);
    sgr_options_free(other);
    sgr_options_free(third);
}

static void refuse(const char *yaml, const char *place, const char *says) {
    struct sgr_options *options = NULL;
    struct sgr_error error;
    assert_int_equal(parse(yaml, &options, &error), SGR_ECONFIG);
    if (!strstr(error.message, says))
        fail_msg("\"%s\" does not say \"%s\"", error.message, says);
    if (!strstr(error.context, place))
        fail_msg("\"%s\" is not at \"%s\"", error.context, place);
    assert_null(options);
}

static void mistakes_are_named_with_their_place(void **unused) {
    (void)unused;
    refuse("text: x\nnumbr: 5", "s.yaml:2:1",
           "sample has no option \"numbr\": did you mean \"number\"?");
    refuse("text: x\nzzzzzzzz: 5", "s.yaml:2:1", "it has: flag, number");
    refuse("number: 5", "s.yaml:1:1", "sample needs \"text\": a text");
    refuse("text:\nnumber: 5", "s.yaml:1", "sample needs \"text\"");
    refuse("text: x\nnumber: 11", "s.yaml:2:9", "expected a whole number from 1 to 10, not \"11\"");
    refuse("text: x\nnumber: 1.5", "s.yaml:2:9", "a whole number");
    refuse("text: x\nnumber: [1]", "s.yaml:2:9", "not a list");
    refuse("text: x\nflag: maybe", "s.yaml:2:7", "expected true or false, not \"maybe\"");
    refuse("text: x\nwait: 5", "s.yaml:2:7", "a duration (250ms, 3s, 5min, 1h) of at least 1ms");
    refuse("text: x\nwait: 5 weeks", "s.yaml:2:7", "a duration");
    refuse("text: x\nwait: 1us", "s.yaml:2:7", "at least 1ms");
    refuse("text: x\nwait: 99999999999999d", "s.yaml:2:7", "a duration");
    refuse("text: x\nsize: -1", "s.yaml:2:7", "a size (64KB, 16MB, 1GB)");
    refuse("text: x\nsize: 0.3KB", "s.yaml:2:7", "a size");
    refuse("text: x\nshare: 0x10", "s.yaml:2:8", "a number");
    refuse("text: x\nmode: fats", "s.yaml:2:7",
           "one of fast, careful, not \"fats\" (did you mean fast?)");
    refuse("text: { a: b }", "s.yaml:1:7", "a text, not a mapping");
    refuse("text: x\ncolumns: int", "s.yaml:2:10", "a mapping of column names to type names");
    refuse("text: x\npairs: { a: [1] }", "s.yaml:2:13", "for \"a\"");
    refuse("text: x\nlist: [a, [b]]", "s.yaml:2:11", "a list of texts");
    refuse("text: x\npassword: [hush]", "s.yaml:2:11", "password: expected a text");
    refuse("[a]", "s.yaml:1:1", "expected a mapping of sample's options");
}

static void a_plugin_without_options_takes_none(void **unused) {
    (void)unused;
    static const struct sgr_plugin bare = {SGR_PLUGIN_HEADER, .kind = SGR_OPERATOR, .name = "bare"};
    struct sgr_options *options = NULL;
    struct sgr_document *document = NULL;
    struct sgr_error error;
    assert_int_equal(sgr_options_parse(&bare, NULL, NULL, &options, &error), 0);
    assert_string_equal(sgr_options_canonical(options), "");
    sgr_options_free(options);
    assert_int_equal(sgr_document_read_yaml("s.yaml", sgr_slice("a: 1"), &document, &error), 0);
    assert_int_equal(sgr_options_parse(&bare, sgr_document_root(document), NULL, &options, &error),
                     SGR_ECONFIG);
    assert_non_null(strstr(error.message, "nor any other"));
    sgr_document_free(document);
}

static void help_markdown_and_schema_tell_every_option(void **unused) {
    (void)unused;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_options_help(&plugin, &text);
    assert_non_null(
        strstr(sgr_buffer_text(&text), "number: a whole number from 1 to 10; default 7\n"));
    assert_non_null(strstr(sgr_buffer_text(&text), "text (the main one): a text; required\n"));
    assert_non_null(strstr(sgr_buffer_text(&text), "password: a text; default -; secret\n"));
    sgr_buffer_clear(&text);
    sgr_options_markdown(&plugin, &text);
    assert_non_null(
        strstr(sgr_buffer_text(&text),
               "| `number` | a whole number from 1 to 10 | 7 | A number \\| with a bar |\n"));
    sgr_buffer_clear(&text);
    sgr_options_schema(&plugin, &text);
    assert_non_null(strstr(sgr_buffer_text(&text),
                           "\"number\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10,"));
    assert_non_null(strstr(sgr_buffer_text(&text), "\"mode\":{\"enum\":[\"fast\",\"careful\"]"));
    assert_non_null(strstr(sgr_buffer_text(&text),
                           "},\"required\":[\"text\"],\"additionalProperties\":false}"));
    struct sgr_document *document = NULL; /* JSON is YAML: it must be well-formed */
    struct sgr_error error;
    assert_int_equal(sgr_document_read_yaml("schema", (struct sgr_slice){text.data, text.size},
                                            &document, &error),
                     0);
    sgr_document_free(document);
    sgr_buffer_fini(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_reaches_its_field),
        cmocka_unit_test(what_is_absent_has_its_default),
        cmocka_unit_test(equal_options_have_equal_text_and_secrets_none),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(a_plugin_without_options_takes_none),
        cmocka_unit_test(help_markdown_and_schema_tell_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
