/* What clients of the first era are sent, byte for byte. */
#include "fixture.h"

#define OPTIONS "{ source: db, secure: false }"
#define USERS_COLUMNS                                                                         \
    "\"columns\":[{\"flags\":[\"key\"],\"name\":\"id\",\"type\":\"int8\",\"type_modifier\":"  \
    "4294967295},{\"flags\":[],\"name\":\"name\",\"type\":\"text\",\"type_modifier\":"        \
    "4294967295},{\"flags\":[],\"name\":\"at\",\"type\":\"timestamp\",\"type_modifier\":3}]," \
    "\"commit_timestamp\":\"2022-10-19T13:50:18Z\",\"errors\":null,"
#define USERS_TAIL "\"schema\":\"public\",\"table\":\"users\",\"type\":"
#define ROW_7      "\"record\":{\"at\":null,\"id\":\"7\",\"name\":\"Bob\"},"
#define INSERT_7   "{" USERS_COLUMNS ROW_7 USERS_TAIL "\"INSERT\"}"
#define CHANGE(event, payload, topic) \
    "{\"event\":\"" event "\",\"payload\":" payload ",\"ref\":null,\"topic\":\"" topic "\"}"
#define OK(ref, topic)                                                                      \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{},\"status\":\"ok\"},\"ref\":" ref \
    ",\"topic\":" topic "}"
#define UNMATCHED(ref, topic)                                                              \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"reason\":\"unmatched topic\"}," \
    "\"status\":\"error\"},\"ref\":" ref ",\"topic\":" topic "}"
#define SAY(topic, event, ref) \
    "{\"topic\":" topic ",\"event\":\"" event "\",\"payload\":{},\"ref\":" ref "}"
#define JOIN(topic) SAY("\"" topic "\"", "phx_join", "\"1\"")

static struct sgr_relation_column users_columns[] = {
    {.name = "id", .type_name = "int8", .type = SGR_INT8, .type_modifier = -1, .key = true},
    {.name = "name", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1},
    {.name = "at", .type_name = "timestamp", .type = SGR_TIMESTAMP, .type_modifier = 3}};
static struct sgr_relation users = {.schema = "public",
                                    .table = "users",
                                    .columns = users_columns,
                                    .column_count = 3,
                                    .identity = SGR_IDENTITY_DEFAULT,
                                    .id = 1};

static int setup(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    return open_flowing(OPTIONS, &error);
}

static int teardown(void **unused) {
    (void)unused;
    close_sink();
    assert_int_equal(host.blocks, 0);
    return 0;
}

static struct sgr_connection *joined(const char *vsn, const char *join) {
    struct sgr_connection *connection = client(vsn);
    say(connection, join);
    connection->next = connection->count;
    return connection;
}

static void insert(struct sgr_relation *relation, const char *id, const char *name,
                   const char *at) {
    struct sgr_field fields[] = {text_field(id), name ? text_field(name) : null_field(),
                                 at ? text_field(at) : null_field()};
    struct sgr_change change = {.kind = SGR_INSERT, .relation = relation, .new_fields = fields};
    transact(&change, 1, 512);
}

/* ---- Upgrades ---- */

static void only_known_versions_are_let_in(void **unused) {
    struct sgr_request wrong = {.vsn = "9.0.0"}, garbage = {.vsn = "abc"}, plain = {0}, post = {0};
    (void)unused;
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &wrong);
    request("/socket/websocket/", SGR_ROUTE_WEBSOCKET, &garbage);
    request("/socket/websocket", SGR_ROUTE_GET, &plain);
    request("/realtime/v1/websocket", SGR_ROUTE_POST, &post);
    assert_int_equal(wrong.status, 403);
    assert_int_equal(garbage.status, 403);
    assert_int_equal(plain.status, 426);
    assert_int_equal(post.status, 400);
    leave(client(NULL));
}

static void strict_has_one_path(void **unused) {
    struct sgr_error error = {0};
    struct sgr_request upgrade = {0};
    (void)unused;
    close_sink();
    assert_int_equal(open_flowing("{ source: db, secure: false, strict: true }", &error), 0);
    request("/realtime/v1/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    assert_int_equal(upgrade.status, 404);
}

/* ---- What clients ask for ---- */

static void any_realtime_topic_can_be_joined(void **unused) {
    struct sgr_connection *one = client("1.0.0"), *two = client("2.0.0");
    (void)unused;
    say(one, SAY("\"realtime:\"", "phx_join", "\"1\""));
    hears(one, OK("\"1\"", "\"realtime:\""));
    say(one, SAY("\"realtime:ünï:☃\"", "phx_join", "{\"a\":1}"));
    hears(one, OK("{\"a\":1}", "\"realtime:ünï:☃\""));
    say(one, SAY("\"realtime\"", "phx_join", "7"));
    hears(one, UNMATCHED("7", "\"realtime\""));
    say(one, SAY("1", "phx_join", "null"));
    hears(one, UNMATCHED("null", "1"));
    say(two, "[\"4\",\"5\",\"realtime:a/b\",\"phx_join\",{}]");
    hears(two, "[\"4\",\"5\",\"realtime:a/b\",\"phx_reply\",{\"response\":{},\"status\":\"ok\"}]");
    say(two, "[\"4\",\"6\",\"foo\",\"phx_join\",{}]");
    hears(two, "[null,\"6\",\"foo\",\"phx_reply\",{\"response\":{\"reason\":\"unmatched "
               "topic\"},\"status\":\"error\"}]");
    leave(one);
    leave(two);
}

static void heartbeats_are_answered_on_their_topic_alone(void **unused) {
    struct sgr_connection *one = client("1.0.0"), *two = client("2.0.0");
    (void)unused;
    say(one, SAY("\"phoenix\"", "heartbeat", "\"2\""));
    hears(one, OK("\"2\"", "\"phoenix\""));
    say(one, SAY("\"realtime:*\"", "heartbeat", "\"3\""));
    hears(one, UNMATCHED("\"3\"", "\"realtime:*\""));
    say(two, "[null,\"3\",\"phoenix\",\"heartbeat\",{}]");
    hears(two, "[null,\"3\",\"phoenix\",\"phx_reply\",{\"response\":{},\"status\":\"ok\"}]");
    leave(one);
    leave(two);
}

static void leaving_closes_a_joined_channel(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
    struct sgr_connection *two = joined("2.0.0", "[\"1\",\"2\",\"realtime:*\",\"phx_join\",{}]");
    (void)unused;
    say(one, SAY("\"realtime:*\"", "phx_leave", "\"3\""));
    hears(one, OK("\"3\"", "\"realtime:*\""));
    hears(one, "{\"event\":\"phx_close\",\"payload\":{},\"ref\":null,\"topic\":\"realtime:*\"}");
    say(one, SAY("\"realtime:*\"", "phx_leave", "\"4\""));
    hears(one, OK("\"4\"", "\"realtime:*\""));
    say(two, "[\"1\",\"5\",\"realtime:*\",\"phx_leave\",{}]");
    hears(two, "[\"1\",\"5\",\"realtime:*\",\"phx_reply\",{\"response\":{},\"status\":\"ok\"}]");
    hears(two, "[\"1\",\"1\",\"realtime:*\",\"phx_close\",{}]");
    insert(&users, "7", "Bob", NULL);
    hears_nothing(one);
    hears_nothing(two);
    leave(one);
    leave(two);
}

static void an_unknown_event_ends_the_channel(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
    (void)unused;
    say(one, SAY("\"realtime:*\"", "access_token", "\"2\""));
    hears_nothing(one);
    say(one, SAY("\"realtime:*\"", "hello", "\"3\""));
    hears(one, "{\"event\":\"phx_error\",\"payload\":{},\"ref\":null,\"topic\":\"realtime:*\"}");
    insert(&users, "7", "Bob", NULL);
    say(one, SAY("\"realtime:*\"", "hello", "\"4\""));
    hears(one, UNMATCHED("\"4\"", "\"realtime:*\""));
    leave(one);
}

static void who_joins_twice_gets_changes_once(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:public:users"));
    (void)unused;
    say(one, SAY("\"realtime:public:users\"", "phx_join", "\"2\""));
    hears(one, OK("\"2\"", "\"realtime:public:users\""));
    insert(&users, "7", "Bob", NULL);
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public:users"));
    hears_nothing(one);
    leave(one);
}

static void what_is_no_message_closes(void **unused) {
    static const char *const one[] = {
        "",
        "not json",
        "[]",
        "{}",
        "null",
        "{\"topic\":\"phoenix\",\"event\":\"heartbeat\",\"payload\":{}}",
        "1",
        "{\"topic\":\"phoenix\",\"event\":\"heartbeat\",\"ref\":\"1\"}",
        "{} x",
        "{\"topic\":\"phoenix\",\"event\":\"heartbeat\",\"payload\":{},\"ref\":\"\\ud800\"}"};
    static const char *const two[] = {"{}", "[null,\"1\",\"phoenix\",\"heartbeat\"]",
                                      "[null,\"1\",\"phoenix\",\"heartbeat\",{},1]"};
    (void)unused;
    for (size_t i = 0; i < 13; i++) {
        struct sgr_connection *connection = client(i < 10 ? "1.0.0" : "2.0.0");
        say(connection, i < 10 ? one[i] : two[i - 10]);
        assert_int_equal(connection->shut_code, 1011);
        hears_nothing(connection);
        leave(connection);
    }
}

static void the_silent_are_closed(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    close_sink();
    assert_int_equal(open_flowing("{ source: db, secure: false, idle_timeout: 1h }", &error), 0);
    struct sgr_connection *one = client("1.0.0");
    assert_int_equal(host.timers[0].after, INT64_C(3600000000));
    pass(INT64_C(3600000000)); /* the timer came early by the clock: nobody is closed */
    assert_int_equal(one->shut_code, 0);
    assert_non_null(host.timers[0].fired);
    leave(one);
}

static void a_connection_joins_only_so_many(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    close_sink();
    assert_int_equal(open_flowing("{ source: db, secure: false, channels: 1 }", &error), 0);
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:a"));
    say(one, JOIN("realtime:b"));
    hears(one,
          "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"reason\":\"too many channels "
          "to join realtime:b\"},\"status\":\"error\"},\"ref\":\"1\",\"topic\":\"realtime:b\"}");
    leave(one);
}

/* ---- Tokens ---- */

static void open_secure(void) {
    struct sgr_error error = {0};
    close_sink();
    assert_int_equal(open_flowing("{ source: db, secret: s, claims: '{\"iss\":\"us\"}' }", &error),
                     0);
    assert_string_equal(host.claims, "{\"iss\":\"us\"}");
}

static int enter(struct sgr_request *upgrade) {
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, upgrade);
    return upgrade->status;
}

static void secure_needs_a_secret(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    close_sink();
    assert_int_equal(open_sink("{ source: db }", &error), SGR_ECONFIG);
    close_sink();
    assert_int_equal(open_sink("{ source: db, secret: s, claims: [1] }", &error), SGR_ECONFIG);
    assert_non_null(strstr(error.message, "claims: expected an object"));
}

static void the_header_counts_before_the_query(void **unused) {
    struct sgr_request none = {0}, good = {.apikey = "good"}, bad = {.apikey = "bad"};
    struct sgr_request hidden = {.header = "bad", .apikey = "good"}, empty = {.apikey = ""};
    struct sgr_request shown = {.header = "good", .apikey = "bad"}, twice = {.apikey = "g%6fo d"};
    (void)unused;
    open_secure();
    assert_int_equal(enter(&none), 403);
    assert_int_equal(enter(&empty), 403);
    assert_int_equal(enter(&bad), 403);
    assert_int_equal(enter(&hidden), 403);
    assert_int_equal(enter(&good), 101);
    assert_int_equal(enter(&shown), 101);
    assert_int_equal(enter(&twice), 101);
    leave(good.connection);
    leave(shown.connection);
    leave(twice.connection);
}

#define JOIN_WITH(topic, token) \
    "{\"topic\":\"" topic "\",\"event\":\"phx_join\",\"payload\":" token ",\"ref\":\"1\"}"
#define REFUSED(topic)                                                                      \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"reason\":\"error occurred when " \
    "joining " topic "\"},\"status\":\"error\"},\"ref\":\"1\",\"topic\":\"" topic "\"}"

/* `good` expires, `lasting` never does, which is not enough to join by. */
static void a_join_needs_a_token_that_expires(void **unused) {
    static const char *const wrong[] = {"{\"user_token\":null}", "{\"user_token\":5}",
                                        "{\"user_token\":\"\"}", "{\"user_token\":\"bad\"}",
                                        "{\"user_token\":\"lasting\"}"};
    struct sgr_request good = {.apikey = "good"}, lasting = {.apikey = "lasting"};
    char join[256];
    (void)unused;
    open_secure();
    assert_int_equal(enter(&good), 101);
    assert_int_equal(enter(&lasting), 101);
    say(good.connection, JOIN("realtime:a"));
    hears(good.connection, OK("\"1\"", "\"realtime:a\""));
    say(lasting.connection, JOIN("realtime:a"));
    hears(lasting.connection, REFUSED("realtime:a"));
    say(lasting.connection, JOIN_WITH("realtime:a", "{\"user_token\":\"good\"}"));
    hears(lasting.connection, OK("\"1\"", "\"realtime:a\""));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        snprintf(join, sizeof(join), JOIN_WITH("realtime:b", "%s"), wrong[i]);
        say(good.connection, join);
        hears(good.connection, REFUSED("realtime:b"));
    }
    leave(good.connection);
    leave(lasting.connection);
}

#define REFRESH(token) \
    "{\"topic\":\"realtime:*\",\"event\":\"access_token\",\"payload\":" token ",\"ref\":\"2\"}"
#define ERROR_ALL "{\"event\":\"phx_error\",\"payload\":{},\"ref\":null,\"topic\":\"realtime:*\"}"

static void a_bad_refresh_ends_the_channel_and_none_does_not(void **unused) {
    struct sgr_request good = {.apikey = "good"};
    (void)unused;
    open_secure();
    assert_int_equal(enter(&good), 101);
    say(good.connection, JOIN("realtime:*"));
    good.connection->next = 1;
    say(good.connection, REFRESH("{\"access_token\":null}"));
    say(good.connection, REFRESH("{}"));
    say(good.connection, REFRESH("{\"access_token\":\"good\"}"));
    hears_nothing(good.connection);
    insert(&users, "7", "Bob", NULL);
    hears(good.connection, CHANGE("INSERT", INSERT_7, "realtime:*"));
    say(good.connection, REFRESH("{\"access_token\":\"bad\"}"));
    hears(good.connection, ERROR_ALL);
    insert(&users, "7", "Bob", NULL);
    hears_nothing(good.connection);
    leave(good.connection);
}

/* `short` expires in a tenth of a second. */
static void an_expired_token_ends_the_channel_but_not_the_connection(void **unused) {
    struct sgr_request good = {.apikey = "good"};
    (void)unused;
    open_secure();
    assert_int_equal(enter(&good), 101);
    say(good.connection, JOIN_WITH("realtime:*", "{\"user_token\":\"short\"}"));
    say(good.connection, JOIN("realtime:b"));
    good.connection->next = 2;
    int64_t end = wall_clock() + 2000000;
    while (good.connection->next == good.connection->count && wall_clock() < end)
        pass(INT64_C(3600000000));
    hears(good.connection, ERROR_ALL);
    say(good.connection, JOIN("realtime:b"));
    hears(good.connection, OK("\"1\"", "\"realtime:b\""));
    leave(good.connection);
}

/* ---- Changes ---- */

static void a_change_goes_to_its_topics_in_order(void **unused) {
    struct sgr_connection *one = client("1.0.0"), *two = client("2.0.0");
    (void)unused;
    say(one, JOIN("realtime:public:users:name=eq.Bob"));
    say(one, JOIN("realtime:public:users:id=eq.7"));
    say(one, JOIN("realtime:public:users"));
    say(one, JOIN("realtime:*"));
    say(one, JOIN("realtime:public"));
    say(one, JOIN("realtime:other"));
    say(one, JOIN("realtime:public:users:id=eq.8"));
    one->next = one->count;
    say(two, "[\"1\",\"1\",\"realtime:*\",\"phx_join\",{}]");
    two->next = two->count;
    insert(&users, "7", "Bob", NULL);
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public"));
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:*"));
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public:users"));
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public:users:id=eq.7"));
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public:users:name=eq.Bob"));
    hears_nothing(one);
    hears(two, "[null,null,\"realtime:*\",\"INSERT\"," INSERT_7 "]");
    hears_nothing(two);
    assert_int_equal(host.handled, 512);
    leave(one);
    leave(two);
}

static void one_buffer_serves_all_of_a_topic(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
    struct sgr_connection *two = joined(NULL, JOIN("realtime:*"));
    (void)unused;
    insert(&users, "7", "Bob", NULL);
    assert_ptr_equal(one->frames[1], two->frames[1]);
    leave(one);
    leave(two);
}

static void old_rows_are_told_as_far_as_the_identity_goes(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
    struct sgr_field row[] = {text_field("7"), {.kind = SGR_FIELD_UNCHANGED}, null_field()};
    struct sgr_field key[] = {text_field("6"), null_field(), null_field()};
    struct sgr_change changes[] = {
        {.kind = SGR_UPDATE, .relation = &users, .new_fields = row},
        {.kind = SGR_UPDATE,
         .old_kind = SGR_OLD_KEY,
         .relation = &users,
         .new_fields = row,
         .old_fields = key},
        {.kind = SGR_DELETE, .old_kind = SGR_OLD_KEY, .relation = &users, .old_fields = key}};
    const char *update =
        CHANGE("UPDATE",
               "{" USERS_COLUMNS "\"old_record\":{},\"record\":{\"at\":null,\"id\":\"7\",\"name\":"
               "\"unchanged_toast\"}," USERS_TAIL "\"UPDATE\"}",
               "realtime:*");
    (void)unused;
    transact(changes, 3, 1024);
    hears(one, update);
    hears(one, update);
    hears(one, CHANGE("DELETE",
                      "{" USERS_COLUMNS
                      "\"old_record\":{\"at\":null,\"id\":\"6\",\"name\":null}," USERS_TAIL
                      "\"DELETE\"}",
                      "realtime:*"));
    leave(one);
}

static void full_identity_shows_all_columns_as_keys(void **unused) {
    struct sgr_relation_column column = {
        .name = "v", .type_name = "posint", .type = SGR_INT4, .type_modifier = -1};
    struct sgr_relation full = {.schema = "odd \"s\"",
                                .table = "t:u",
                                .columns = &column,
                                .column_count = 1,
                                .identity = SGR_IDENTITY_FULL,
                                .id = 2};
    struct sgr_field before = text_field("1"), after = text_field("2");
    struct sgr_change change = {.kind = SGR_UPDATE,
                                .old_kind = SGR_OLD_FULL,
                                .relation = &full,
                                .new_fields = &after,
                                .old_fields = &before};
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:odd \\\"s\\\":t:u:v=eq.2"));
    (void)unused;
    transact(&change, 1, 1);
    hears(one, CHANGE("UPDATE",
                      "{\"columns\":[{\"flags\":[\"key\"],\"name\":\"v\",\"type\":\"int4\",\"type_"
                      "modifier\":4294967295}],\"commit_timestamp\":\"2022-10-19T13:50:18Z\","
                      "\"errors\":null,\"old_record\":{\"v\":\"1\"},\"record\":{\"v\":\"2\"},"
                      "\"schema\":\"odd \\\"s\\\"\",\"table\":\"t:u\",\"type\":\"UPDATE\"}",
                      "realtime:odd \\\"s\\\":t:u:v=eq.2"));
    leave(one);
}

static void truncate_goes_to_no_filter(void **unused) {
    struct sgr_connection *one = client("1.0.0");
    struct sgr_change change = {.kind = SGR_TRUNCATE, .relation = &users};
    (void)unused;
    say(one, JOIN("realtime:public:users:id=eq.7"));
    say(one, JOIN("realtime:public:users"));
    one->next = one->count;
    transact(&change, 1, 1);
    hears(one, CHANGE("TRUNCATE",
                      "{\"commit_timestamp\":\"2022-10-19T13:50:18Z\"," USERS_TAIL "\"TRUNCATE\"}",
                      "realtime:public:users"));
    hears_nothing(one);
    leave(one);
}

static void timestamps_are_iso_and_filter_so(void **unused) {
    struct sgr_connection *one =
        joined("1.0.0", JOIN("realtime:public:users:at=eq.2022-10-19T13:50:18.5Z"));
    (void)unused;
    insert(&users, "7", NULL, "2022-10-19 13:50:18.5");
    hears(one, CHANGE("INSERT",
                      "{" USERS_COLUMNS "\"record\":{\"at\":\"2022-10-19T13:50:18.5Z\",\"id\":"
                      "\"7\",\"name\":null}," USERS_TAIL "\"INSERT\"}",
                      "realtime:public:users:at=eq.2022-10-19T13:50:18.5Z"));
    leave(one);
}

static void texts_are_escaped_as_ever(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
    (void)unused;
    insert(&users, "7", "a/b\x1f\n\t\"\\é\x7f", NULL);
    hears(one, CHANGE("INSERT",
                      "{" USERS_COLUMNS "\"record\":{\"at\":null,\"id\":\"7\",\"name\":"
                      "\"a/b\\u001F\\n\\t\\\"\\\\é\x7f\"}," USERS_TAIL "\"INSERT\"}",
                      "realtime:*"));
    leave(one);
}

/* By characters: 99 of two bytes each are few enough. */
static void long_values_make_no_topic(void **unused) {
    struct sgr_connection *one = client("1.0.0");
    char value[256] = "", join[512];
    (void)unused;
    for (int length = 99; length <= 100; length++) {
        value[0] = '\0';
        for (int i = 0; i < length; i++)
            strcat(value, "é");
        snprintf(join, sizeof(join),
                 "{\"topic\":\"realtime:public:users:name=eq.%s\",\"event\":\"phx_join\","
                 "\"payload\":{},\"ref\":\"1\"}",
                 value);
        say(one, join);
        one->next = one->count;
        insert(&users, "7", value, NULL);
        assert_int_equal(one->count - one->next, length == 99);
        one->next = one->count;
    }
    leave(one);
}

static void a_changed_table_takes_its_topics_along(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:public:users:id=eq.7"));
    struct sgr_relation changed = users;
    (void)unused;
    insert(&users, "7", "Bob", NULL);
    changed.id = 9;
    insert(&changed, "7", "Bob", NULL);
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public:users:id=eq.7"));
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public:users:id=eq.7"));
    hears_nothing(one);
    leave(one);
    insert(&changed, "7", "Bob", NULL);
}

static void only_what_the_rules_name_is_fed(void **unused) {
    struct sgr_error error = {0};
    struct sgr_change truncate = {.kind = SGR_TRUNCATE, .relation = &users};
    (void)unused;
    close_sink();
    assert_int_equal(
        open_flowing(
            "{ source: db, secure: false, realtime: [{ relation: \"*:users\", events: [TRUNCATE] },"
            " { relation: \"public:*:id\", events: [\"*\"] },"
            " { relation: other, events: [INSERT] }] }",
            &error),
        0);
    struct sgr_connection *one = client("1.0.0");
    say(one, JOIN("realtime:*"));
    say(one, JOIN("realtime:public"));
    say(one, JOIN("realtime:public:users"));
    say(one, JOIN("realtime:public:users:name=eq.Bob"));
    say(one, JOIN("realtime:public:users:id=eq.7"));
    one->next = one->count;
    insert(&users, "7", "Bob", NULL);
    hears(one, CHANGE("INSERT", INSERT_7, "realtime:public:users:id=eq.7"));
    transact(&truncate, 1, 1);
    hears(one, CHANGE("TRUNCATE",
                      "{\"commit_timestamp\":\"2022-10-19T13:50:18Z\"," USERS_TAIL "\"TRUNCATE\"}",
                      "realtime:public:users"));
    hears_nothing(one);
    leave(one);
}

static void a_wrong_rule_is_told(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    close_sink();
    assert_int_equal(
        open_flowing("{ source: db, secure: false, realtime: [{ relation: a, events: [MOVE] }] }",
                     &error),
        SGR_ECONFIG);
    assert_non_null(strstr(error.message, "none of INSERT"));
}

/* ---- Clients that fall behind, and gaps ---- */

static void the_stream_waits_for_the_slow_but_not_for_ever(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    close_sink();
    assert_int_equal(
        open_flowing("{ source: db, secure: false, patience: 0, backlog: 1MB }", &error), 0);
    struct sgr_connection *slow = joined("1.0.0", JOIN("realtime:*"));
    struct sgr_connection *fast = joined("1.0.0", JOIN("realtime:*"));
    slow->queued = 600 << 10;
    insert(&users, "7", "Bob", NULL);
    assert_true(host.held);
    pass(1000);
    assert_false(host.held); /* its time is over */
    insert(&users, "7", "Bob", NULL);
    assert_false(host.held);
    assert_int_equal(slow->shut_code, 0);
    slow->queued = 2 << 20;
    insert(&users, "7", "Bob", NULL);
    assert_int_equal(slow->shut_code, 1013);
    assert_int_equal(fast->count - fast->next, 3);
    leave(slow);
    leave(fast);
}

static void the_stream_goes_on_when_all_have_caught_up(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    close_sink();
    assert_int_equal(open_flowing("{ source: db, secure: false, patience: 1h }", &error), 0);
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
    struct sgr_connection *two = joined("1.0.0", JOIN("realtime:*"));
    one->queued = two->queued = 600 << 10;
    insert(&users, "7", "Bob", NULL);
    one->queued = 0;
    pass(1000);
    assert_true(host.held);
    leave(two);
    pass(1000);
    assert_false(host.held);
    leave(one);
}

static void a_gap_closes_all(void **unused) {
    struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
    (void)unused;
    state(SGR_STREAM_FLOWING, NULL);
    state(SGR_STREAM_DOWN, NULL);
    state(SGR_STREAM_FLOWING, NULL);
    assert_int_equal(one->shut_code, 0);
    state(SGR_STREAM_GAP, "slot_lag");
    assert_int_equal(one->shut_code, 1012);
    leave(one);
}

/* Each allocation fails once: whoever missed something is closed, and nothing is lost or freed twice. */
static void memory_may_run_out_anywhere(void **unused) {
    (void)unused;
    for (size_t limit = 1; limit < 60; limit++) {
        struct sgr_connection *one = joined("1.0.0", JOIN("realtime:*"));
        host.block_limit = limit;
        say(one, JOIN("realtime:public:users:id=eq.7"));
        struct sgr_relation other = users;
        other.id = (uint32_t)(100 + limit);
        insert(&other, "7", "Bob", NULL);
        host.block_limit = 0;
        bool told = one->count == 4 || one->shut_code;
        assert_true(told);
        leave(one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_known_versions_are_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(strict_has_one_path, setup, teardown),
        cmocka_unit_test_setup_teardown(any_realtime_topic_can_be_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(heartbeats_are_answered_on_their_topic_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(leaving_closes_a_joined_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_event_ends_the_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(who_joins_twice_gets_changes_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_message_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_silent_are_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_joins_only_so_many, setup, teardown),
        cmocka_unit_test_setup_teardown(secure_needs_a_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(the_header_counts_before_the_query, setup, teardown),
        cmocka_unit_test_setup_teardown(a_join_needs_a_token_that_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_refresh_ends_the_channel_and_none_does_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_expired_token_ends_the_channel_but_not_the_connection,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_goes_to_its_topics_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(one_buffer_serves_all_of_a_topic, setup, teardown),
        cmocka_unit_test_setup_teardown(old_rows_are_told_as_far_as_the_identity_goes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(full_identity_shows_all_columns_as_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(truncate_goes_to_no_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(timestamps_are_iso_and_filter_so, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_are_escaped_as_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(long_values_make_no_topic, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_table_takes_its_topics_along, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_the_rules_name_is_fed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_rule_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_stream_waits_for_the_slow_but_not_for_ever, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_stream_goes_on_when_all_have_caught_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_gap_closes_all, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_run_out_anywhere, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
