/* What needs no connection: JSON by slices, messages, events of both eras as changes, queries, the queue. Events are written by hand after what
 * servers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "change.h"
#include "frame.h"
#include "queue.h"
#include "raw.h"
#include "rest.h"
#include "row/type.h"
#include "token.h"
#include "url.h"

/* ---- A host, as far as it is needed ---- */

static void *host_reallocate(void *host, void *old, size_t size) {
    (void)host;
    return realloc(old, size);
}

static void host_release(void *host, void *memory) {
    (void)host;
    free(memory);
}

static int host_parse_type(void *host, const char *name, struct sgr_relation_column *ret,
                           struct sgr_error *error) {
    struct sgr_column column;
    (void)host;
    int code = sgr_type_parse((struct sgr_slice){name, strlen(name)}, &column, error);
    if (code)
        return code;
    *ret = (struct sgr_relation_column){.type_name = column.type_name,
                                        .type = column.type,
                                        .element = column.element,
                                        .type_modifier = column.type_modifier};
    return SGR_OK;
}

static const struct sgr_source_host host = {
    .common = {.reallocate = host_reallocate, .release = host_release},
    .parse_type = host_parse_type};

static struct sgr_slice slice(const char *text) {
    return (struct sgr_slice){text, strlen(text)};
}

static int read_declaration(struct table *table, const char *name, const char *text,
                            struct sgr_error *error) {
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    int code = table_init(table, &host, NULL, name, json, error);
    json_decref(json);
    return code;
}

static struct table declare(const char *name, const char *text) {
    struct sgr_error error = {0};
    struct table table;
    if (read_declaration(&table, name, text, &error))
        fail_msg("%s", error.message);
    return table;
}

#define assert_text(text, wanted)                                 \
    do {                                                          \
        assert_int_equal((text).size, strlen(wanted));            \
        assert_memory_equal((text).data, wanted, strlen(wanted)); \
    } while (0)

/* ---- JSON ---- */

static void test_what_is_no_json_is_refused(void **state) {
    static const char *const bad[] = {"",        " ",         "{",         "[1,]",  "{\"a\":1,}",
                                      "{a:1}",   "01",        "1.",        "-",     "1e",
                                      "\"\\x\"", "\"\\u12\"", "\"a",       "tru",   "[1 2]",
                                      "{} {}",   "\"\n\"",    "{\"a\" 1}", "nulll", "]"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (raw_valid(slice(bad[i])))
            fail_msg("taken: %s", bad[i]);
    char deep[2000];
    memset(deep, '[', sizeof(deep));
    assert_false(raw_valid((struct sgr_slice){deep, sizeof(deep)}));
}

static void test_values_are_found_as_they_were_written(void **state) {
    (void)state;
    struct sgr_slice value,
        text = slice(
            " { \"a\" : 1.50 , \"b\":[1, {\"c\":\"]}\\\"\"}],\"a\":-12e3,\"d\":{},\"e\":null} ");
    assert_true(raw_valid(text));
    text.data++;
    assert_true(raw_member(text, "a", &value));
    assert_text(value, "-12e3"); /* the last one counts */
    assert_true(raw_member(text, "b", &value));
    assert_text(value, "[1, {\"c\":\"]}\\\"\"}]");
    assert_true(raw_member(text, "d", &value));
    assert_text(value, "{}");
    assert_true(raw_member(text, "e", &value) && raw_is_null(value));
    assert_false(raw_member(text, "c", &value));
    assert_false(raw_member(slice("[\"a\",1]"), "a", &value));
}

static void test_strings_say_what_their_escapes_mean(void **state) {
    char scratch[64];
    (void)state;
    struct sgr_slice text =
        raw_string(slice("\"a\\n\\\"\\\\\\/\\u00e4\\u20AC\\ud83d\\ude00z\""), scratch);
    assert_text(text, "a\n\"\\/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    text = raw_string(slice("\"\\ud83d,\\ude00\""), scratch); /* halves of pairs */
    assert_text(text, "\xef\xbf\xbd,\xef\xbf\xbd");
    text = raw_string(slice("\"plain\""), scratch);
    assert_text(text, "plain");
}

/* ---- Messages ---- */

static void test_a_message_is_taken_apart(void **state) {
    struct frame frame;
    (void)state;
    assert_true(frame_read(slice("{\"event\":\"phx_reply\",\"payload\":{\"response\":{},\"status\":"
                                 "\"ok\"},\"ref\":\"12\",\"topic\":\"realtime:public:users\"}"),
                           &frame));
    assert_text(frame.topic, "\"realtime:public:users\"");
    assert_int_equal(frame_ref(&frame), 12);
    assert_true(
        frame_read(slice("{\"topic\":\"a\",\"event\":\"b\",\"payload\":{},\"ref\":null}"), &frame));
    assert_int_equal(frame_ref(&frame), 0);
    assert_false(frame_read(slice("{\"topic\":\"a\",\"payload\":{},\"ref\":null}"), &frame));
    assert_false(frame_read(slice("[null,null,\"a\",\"b\",{}]"), &frame));
    assert_false(frame_read(slice("{\"topic\":"), &frame));
}

static void test_a_join_asks_in_the_words_of_both_eras(void **state) {
    struct sgr_text payload = sgr_text_new(&host.common, NULL), out = payload;
    (void)state;
    frame_join_payload(&payload, slice("public"), slice("odd \"t"), slice("t.o.k"), true);
    frame_write(&out, slice("realtime:public:odd \"t"), "phx_join",
                (struct sgr_slice){payload.data, payload.size}, 3, 3);
    struct frame frame;
    struct sgr_slice config, changes, value;
    assert_true(frame_read((struct sgr_slice){out.data, out.size}, &frame));
    assert_int_equal(frame_ref(&frame), 3);
    assert_true(raw_member(frame.payload, "config", &config));
    assert_true(raw_member(config, "postgres_changes", &changes));
    assert_text(changes, "[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"odd \\\"t\"}]");
    assert_true(raw_member(frame.payload, "user_token", &value) && raw_says(value, "t.o.k"));
    assert_true(raw_member(frame.payload, "access_token", &value) && raw_says(value, "t.o.k"));
    sgr_text_clear(&payload);
    frame_join_payload(&payload, slice("public"), slice("users"), (struct sgr_slice){0}, false);
    assert_text(payload, "{}");
    sgr_text_free(&payload);
    sgr_text_free(&out);
}

/* ---- Changes ---- */

/* A change as a line: "U doubt K 1|~ 2|ann|="; ~ is null, = is unchanged. */
static void write_fields(char *line, size_t size, const struct table *table,
                         const struct sgr_field *fields) {
    for (size_t i = 0; fields && i < table->description.column_count; i++) {
        size_t used = strlen(line);
        bool text = fields[i].kind == SGR_FIELD_TEXT;
        snprintf(line + used, size - used, "%s%.*s", i ? "|" : " ", text ? (int)fields[i].size : 1,
                 text                               ? fields[i].data
                 : fields[i].kind == SGR_FIELD_NULL ? "~"
                                                    : "=");
    }
}

static void assert_change(struct table *table, const char *payload, bool today,
                          const char *wanted) {
    static const char *const doubts[] = {"", " assumed", " untold", " part"};
    struct change_reader reader = {0};
    struct sgr_change change;
    enum change_doubt doubt;
    struct sgr_error error;
    char line[1024];
    assert_true(raw_valid(slice(payload)));
    assert_int_equal(change_read(&reader, table, slice(payload), today, &change, &doubt, &error),
                     0);
    snprintf(line, sizeof(line), "%c%s", change.kind, doubts[doubt]);
    if (doubt < CHANGE_ROW_UNTOLD) {
        if (change.old_kind)
            snprintf(line + strlen(line), 8, " %c", change.old_kind);
        write_fields(line, sizeof(line), table, change.old_fields);
        write_fields(line, sizeof(line), table, change.new_fields);
    }
    assert_string_equal(line, wanted);
    change_reader_fini(&reader);
}

#define USERS \
    "{\"columns\":{\"id\":\"int8\",\"name\":\"text\",\"details\":\"text\"},\"key\":\"id\"}"
#define V0(type, rows)                                                                        \
    "{\"columns\":[{\"flags\":[\"key\"],\"name\":\"id\",\"type\":\"int8\",\"type_modifier\":" \
    "4294967295}],\"commit_timestamp\":\"2026-11-22T03:34:23Z\",\"errors\":null," rows        \
    "\"schema\":\"public\",\"table\":\"users\",\"type\":\"" type "\"}"

static void test_events_of_2022_are_changes(void **state) {
    struct table users = declare("users", USERS);
    (void)state;
    assert_change(
        &users,
        V0("INSERT", "\"record\":{\"details\":null,\"id\":\"99\",\"name\":\"a \\\"b\\\"\"},"),
        false, "I 99|a \"b\"|~");
    assert_change(
        &users,
        V0("UPDATE",
           "\"old_record\":{},\"record\":{\"details\":\"d\",\"id\":\"99\",\"name\":\"NN\"},"),
        false, "U assumed 99|NN|d");
    assert_change(&users,
                  V0("DELETE", "\"old_record\":{\"details\":null,\"id\":\"99\",\"name\":null},"),
                  false, "D K 99|~|~");
    assert_change(&users,
                  "{\"commit_timestamp\":\"x\",\"schema\":\"public\",\"table\":\"users\",\"type\":"
                  "\"TRUNCATE\"}",
                  false, "T");
    table_fini(&users);
}

static void test_a_full_old_row_tells_the_old_key(void **state) {
    struct table users = declare("users", USERS);
    (void)state;
    assert_change(&users,
                  V0("UPDATE", "\"old_record\":{\"details\":null,\"id\":\"99\",\"name\":\"NN\"},"
                               "\"record\":{\"details\":null,\"id\":\"100\",\"name\":\"NN\"},"),
                  false, "U K 99|~|~ 100|NN|~");
    assert_change(&users,
                  V0("UPDATE", "\"old_record\":{\"details\":null,\"id\":\"99\",\"name\":\"a\"},"
                               "\"record\":{\"details\":null,\"id\":\"99\",\"name\":\"b\"},"),
                  false, "U 99|b|~");
    table_fini(&users);
}

static void test_a_delete_by_another_identity_names_no_row(void **state) {
    struct table users = declare("users", USERS);
    (void)state;
    assert_change(&users,
                  V0("DELETE", "\"old_record\":{\"details\":null,\"id\":null,\"name\":\"k\"},"),
                  false, "D untold");
    assert_true(change_tells_key(&users, slice(V0("INSERT", ""))));
    assert_false(change_tells_key(&users, slice("{\"columns\":[{\"flags\":[],\"name\":\"id\"},{"
                                                "\"flags\":[\"key\"],\"name\":\"name\"}]}")));
    assert_true(
        change_tells_key(&users, slice("{\"columns\":[{\"name\":\"id\",\"type\":\"int8\"}]}")));
    table_fini(&users);
}

static void test_an_unchanged_toast_value_is_repaired(void **state) {
    struct table users = declare("users", USERS);
    (void)state;
    assert_change(&users,
                  V0("UPDATE", "\"old_record\":{},\"record\":{\"details\":\"unchanged_toast\","
                               "\"id\":\"1\",\"name\":\"b\"},"),
                  false, "U assumed 1|b|=");
    assert_change(&users,
                  V0("UPDATE",
                     "\"old_record\":{\"details\":\"long\",\"id\":\"1\",\"name\":\"a\"},"
                     "\"record\":{\"details\":\"unchanged_toast\",\"id\":\"1\",\"name\":\"b\"},"),
                  false, "U 1|b|long");
    /* In an INSERT somebody wrote just that. */
    assert_change(
        &users,
        V0("INSERT", "\"record\":{\"details\":\"unchanged_toast\",\"id\":\"1\",\"name\":\"b\"},"),
        false, "I 1|b|unchanged_toast");
    table_fini(&users);
}

#define V2(type, rows)                                                                            \
    "{\"columns\":[{\"name\":\"id\",\"type\":\"int8\"}],\"commit_timestamp\":\"2026-11-22T03:"    \
    "34:23.123Z\",\"errors\":null," rows "\"schema\":\"public\",\"table\":\"t\",\"type\":\"" type \
    "\"}"

static void test_values_of_today_keep_their_digits(void **state) {
    struct table t = declare(
        "t",
        "{\"columns\":{\"id\":\"int8\",\"n\":\"numeric\",\"p\":\"numeric(12,4)\",\"b\":\"bool\","
        "\"j\":\"jsonb\",\"f\":\"float8\"},\"key\":[\"id\"]}");
    (void)state;
    assert_change(
        &t,
        V2("INSERT",
           "\"record\":{\"id\":9223372036854775807,\"n\":123456789012345678901234567890.1234567890,"
           "\"p\":12.3,\"b\":true,\"j\":{\"a\":[1, 2.50]},\"f\":1e-7},"),
        true,
        "I 9223372036854775807|123456789012345678901234567890.1234567890|12.3000|t|{\"a\":[1, "
        "2.50]}|1e-7");
    assert_change(
        &t,
        V2("INSERT",
           "\"record\":{\"id\":1,\"n\":\"NaN\",\"p\":5,\"b\":false,\"j\":\"s\",\"f\":null},"),
        true, "I 1|NaN|5.0000|f|\"s\"|~");
    table_fini(&t);
}

static void test_arrays_of_today_are_postgres_arrays(void **state) {
    struct table t = declare("t", "{\"columns\":{\"id\":\"int\",\"a\":\"int[]\",\"s\":\"text[]\","
                                  "\"j\":\"jsonb[]\"},\"key\":\"id\"}");
    (void)state;
    assert_change(&t,
                  V2("INSERT", "\"record\":{\"id\":1,\"a\":[[1,2],[3,null]],\"s\":[\"a\",\"b "
                               "c\",\"q\\\"\\\\\",null,\"NULL\",\"\"],"
                               "\"j\":[{\"k\":\"v\"},[1],\"x\"]},"),
                  true,
                  "I 1|{{1,2},{3,NULL}}|{\"a\",\"b c\",\"q\\\"\\\\\",NULL,\"NULL\",\"\"}|"
                  "{\"{\\\"k\\\":\\\"v\\\"}\",\"[1]\",\"\\\"x\\\"\"}");
    assert_change(&t, V2("INSERT", "\"record\":{\"id\":1,\"a\":[],\"s\":null,\"j\":[null]},"), true,
                  "I 1|{}|~|{NULL}");
    table_fini(&t);
}

static void test_what_today_leaves_out_is_unchanged_or_a_doubt(void **state) {
    struct table users = declare("users", USERS);
    (void)state;
    assert_change(&users,
                  V2("UPDATE", "\"old_record\":{\"id\":1},\"record\":{\"id\":1,\"name\":\"b\"},"),
                  true, "U 1|b|=");
    assert_change(
        &users,
        V2("UPDATE",
           "\"old_record\":{\"id\":1},\"record\":{\"id\":2,\"name\":\"b\",\"details\":null},"),
        true, "U K 1|~|~ 2|b|~");
    assert_change(&users, V2("INSERT", "\"record\":{\"id\":1,\"name\":\"b\"},"), true, "I part");
    assert_change(&users,
                  "{\"type\":\"UPDATE\",\"errors\":[\"Error 413: Payload Too "
                  "Large\"],\"record\":{\"id\":1},\"old_record\":{\"id\":1}}",
                  true, "U part");
    assert_change(&users, V2("DELETE", "\"old_record\":{\"id\":7},"), true, "D K 7|~|~");
    assert_change(&users, V2("DELETE", "\"old_record\":{},"), true, "D untold");
    table_fini(&users);
}

static void test_columns_that_nobody_reads_are_null(void **state) {
    struct table users = declare("users", USERS);
    struct sgr_relation_column columns[3];
    struct sgr_relation relation = users.description;
    (void)state;
    memcpy(columns, users.description.columns, sizeof(columns));
    columns[2].unused = true;
    relation.columns = columns;
    users.relation = &relation;
    assert_change(&users, V2("INSERT", "\"record\":{\"id\":1,\"name\":\"b\"},"), true, "I 1|b|~");
    assert_change(&users, V2("INSERT", "\"record\":{\"id\":1,\"name\":\"b\",\"details\":\"d\"},"),
                  true, "I 1|b|~");
    struct sgr_text text = sgr_text_new(&host.common, NULL);
    rest_query(&text, &users, NULL, 10);
    assert_text(text, "?select=id::text,name::text&order=id.asc&limit=10");
    sgr_text_free(&text);
    table_fini(&users);
}

static void test_an_event_of_no_known_type_is_a_fault(void **state) {
    struct table users = declare("users", USERS);
    struct change_reader reader = {0};
    struct sgr_change change;
    enum change_doubt doubt;
    struct sgr_error error;
    (void)state;
    assert_int_equal(
        change_read(&reader, &users, slice("{\"type\":\"UPSERT\"}"), true, &change, &doubt, &error),
        SGR_EPROTOCOL);
    assert_int_equal(change_read(&reader, &users, slice("7"), true, &change, &doubt, &error),
                     SGR_EPROTOCOL);
    change_reader_fini(&reader);
    table_fini(&users);
}

/* ---- Declarations, queries, addresses ---- */

static void test_a_wrong_declaration_says_what_was_meant(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"columns\":{\"id\":\"int\"}}",
         "table t needs key: a column or a list of them, by which its rows are told apart"},
        {"{\"columns\":{\"id\":\"int\"},\"key\":[\"ids\"]}",
         "key of table t: no column ids; did you mean id?"},
        {"{\"columns\":{\"id\":\"int\"},\"keys\":[\"id\"]}",
         "t: unknown key keys; did you mean key?"},
        {"{\"columns\":{},\"key\":[\"id\"]}", "table t needs columns: { name: type, … }"},
        {"[1]", "table t is declared as { columns: { name: type }, key: [name] }"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sgr_error error = {0};
        struct table table;
        assert_true(read_declaration(&table, "t", cases[i].text, &error) < 0);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void test_the_next_page_begins_behind_the_last_key(void **state) {
    struct table table = declare(
        "Odd.T",
        "{\"columns\":{\"a\":\"int\",\"B c\":\"text\",\"v\":\"text\"},\"key\":[\"a\",\"B c\"]}");
    struct sgr_text text = sgr_text_new(&host.common, NULL), last[2] = {text, text};
    (void)state;
    rest_query(&text, &table, NULL, 2);
    assert_text(text,
                "?select=a::text,%22B%20c%22::text,v::text&order=a.asc,%22B%20c%22.asc&limit=2");
    sgr_text_clear(&text);
    sgr_text_puts(&last[0], "1");
    sgr_text_puts(&last[1], "x\",)");
    rest_query(&text, &table, last, 2);
    assert_text(text,
                "?select=a::text,%22B%20c%22::text,v::text&order=a.asc,%22B%20c%22.asc"
                "&or=(a.gt.%221%22,and(a.eq.%221%22,%22B%20c%22.gt.%22x%5C%22%2C%29%22))&limit=2");
    sgr_text_free(&text);
    sgr_text_free(&last[0]);
    sgr_text_free(&last[1]);
    table_fini(&table);
}

static void test_addresses_are_made_from_the_base(void **state) {
    struct sgr_text text = sgr_text_new(&host.common, NULL);
    (void)state;
    url_feed(&text, "ws://h:4000/socket/", slice("a+b"));
    assert_text(text, "ws://h:4000/socket/websocket?vsn=1.0.0&apikey=a%2Bb");
    sgr_text_clear(&text);
    url_feed(&text, "ws://h/socket/websocket", (struct sgr_slice){0});
    assert_text(text, "ws://h/socket/websocket?vsn=1.0.0");
    sgr_text_clear(&text);
    assert_true(url_rest(&text, "wss://x.supabase.co/realtime/v1"));
    assert_text(text, "https://x.supabase.co/rest/v1");
    assert_false(url_rest(&text, "ws://h:4000/socket"));
    sgr_text_free(&text);
}

static void test_tokens_come_from_where_they_are_given(void **state) {
    struct sgr_text scratch = sgr_text_new(&host.common, NULL);
    struct sgr_slice token;
    struct sgr_error error;
    char path[] = "/tmp/sangre-token-XXXXXX";
    int descriptor = mkstemp(path);
    (void)state;
    assert_true(descriptor >= 0);
    assert_int_equal(token_read(&(struct options){.apikey = "k"}, &scratch, &token, &error), 0);
    assert_text(token, "k");
    assert_int_equal(
        token_read(&(struct options){.apikey = "k", .token = "t"}, &scratch, &token, &error), 0);
    assert_text(token, "t");
    struct options options = {.apikey = "k", .token_file = path};
    assert_int_equal(token_read(&options, &scratch, &token, &error), SGR_EIO); /* empty */
    dprintf(descriptor, "one\n");
    assert_int_equal(token_read(&options, &scratch, &token, &error), 0);
    assert_text(token, "one");
    dprintf(descriptor, "two\n"); /* a blank within: no token */
    assert_int_equal(token_read(&options, &scratch, &token, &error), SGR_EIO);
    remove(path);
    assert_int_equal(token_read(&options, &scratch, &token, &error), SGR_EIO);
    sgr_text_free(&scratch);
}

/* ---- The queue ---- */

static void test_the_queue_keeps_order_and_its_budget(void **state) {
    struct table table = {0};
    struct queue queue = {.limit = 200};
    struct queue_event event;
    size_t count = 0, at = 0;
    char text[32];
    int code;
    (void)state;
    do {
        snprintf(text, sizeof(text), "event %zu", count);
        code = queue_add(&queue, &(struct queue_event){&table, slice(text), count % 2});
    } while (!code && ++count);
    assert_int_equal(code, SGR_ELIMIT);
    assert_true(count > 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(queue_next(&queue, &at, &event));
        snprintf(text, sizeof(text), "event %zu", i);
        assert_text(event.payload, text);
        assert_ptr_equal(event.table, &table);
        assert_int_equal(event.today, i % 2);
    }
    assert_false(queue_next(&queue, &at, &event));
    queue_clear(&queue);
    at = 0;
    assert_false(queue_next(&queue, &at, &event));
    queue_fini(&queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_json_is_refused),
        cmocka_unit_test(test_values_are_found_as_they_were_written),
        cmocka_unit_test(test_strings_say_what_their_escapes_mean),
        cmocka_unit_test(test_a_message_is_taken_apart),
        cmocka_unit_test(test_a_join_asks_in_the_words_of_both_eras),
        cmocka_unit_test(test_events_of_2022_are_changes),
        cmocka_unit_test(test_a_full_old_row_tells_the_old_key),
        cmocka_unit_test(test_a_delete_by_another_identity_names_no_row),
        cmocka_unit_test(test_an_unchanged_toast_value_is_repaired),
        cmocka_unit_test(test_values_of_today_keep_their_digits),
        cmocka_unit_test(test_arrays_of_today_are_postgres_arrays),
        cmocka_unit_test(test_what_today_leaves_out_is_unchanged_or_a_doubt),
        cmocka_unit_test(test_columns_that_nobody_reads_are_null),
        cmocka_unit_test(test_an_event_of_no_known_type_is_a_fault),
        cmocka_unit_test(test_a_wrong_declaration_says_what_was_meant),
        cmocka_unit_test(test_the_next_page_begins_behind_the_last_key),
        cmocka_unit_test(test_addresses_are_made_from_the_base),
        cmocka_unit_test(test_tokens_come_from_where_they_are_given),
        cmocka_unit_test(test_the_queue_keeps_order_and_its_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
