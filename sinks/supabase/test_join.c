/* Joining by a config, which is the protocol's second era, and what clients may say to such a channel. */
#include "fixture.h"

#define TOPIC       "\"topic\":\"realtime:a\""
#define NO_PRESENCE "\"presence\":{\"enabled\":false}"
#define QUIET       "\"config\":{" NO_PRESENCE "}"
#define SAY(event, payload) \
    "{" TOPIC ",\"event\":\"" event "\",\"payload\":" payload ",\"ref\":\"2\",\"join_ref\":\"1\"}"
#define JOIN(payload) \
    "{" TOPIC ",\"event\":\"phx_join\",\"payload\":" payload ",\"ref\":\"1\",\"join_ref\":\"1\"}"
#define REPLY(status, response)                                                            \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":" response ",\"status\":\"" status \
    "\"},\"ref\":\"1\"," TOPIC "}"
#define REFUSED(why) REPLY("error", "{\"reason\":\"" why "\"}")
#define JOINED       REPLY("ok", "{\"postgres_changes\":[]}")
#define CLOSED       "{\"event\":\"phx_close\",\"payload\":{},\"ref\":\"1\"," TOPIC "}"
#define SYSTEM(why)                                                                              \
    "{\"event\":\"system\",\"payload\":{\"channel\":\"a\",\"extension\":\"system\",\"message\":" \
    "\"" why "\",\"status\":\"error\"},\"ref\":null," TOPIC "}"

static int setup(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    return open_sink("{ source: db, secure: false }", &error);
}

static int setup_secure(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    return open_sink("{ source: db, secret: s }", &error);
}

static int teardown(void **unused) {
    (void)unused;
    close_sink();
    assert_int_equal(host.blocks, 0);
    return 0;
}

static struct sgr_connection *enter(const char *token) {
    struct sgr_request upgrade = {.apikey = token};
    request("/realtime/v1/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    assert_int_equal(upgrade.status, 101);
    return upgrade.connection;
}

/* ---- Eras ---- */

static void a_config_is_answered_with_the_changes_it_asks_for(void **unused) {
    struct sgr_connection *one = client("1.0.0"), *two = client("2.0.0");
    (void)unused;
    say(one, JOIN("{" QUIET "}"));
    hears(one, JOINED);
    say(two, "[\"1\",\"1\",\"realtime:a\",\"phx_join\",{\"config\":{" NO_PRESENCE
             ",\"postgres_changes\":["
             "{\"event\":\"*\",\"schema\":\"public\",\"filter\":\"a=eq.\\\"ü\\\"\"},"
             "{\"event\":\"INSERT\",\"select\":[\"id\"],\"id\":9}]}}]");
    hears(two, "[\"1\",\"1\",\"realtime:a\",\"phx_reply\",{\"response\":{\"postgres_changes\":["
               "{\"event\":\"*\",\"schema\":\"public\",\"filter\":\"a=eq.\\\"ü\\\"\",\"id\":1},"
               "{\"event\":\"INSERT\",\"select\":[\"id\"],\"id\":2}]},\"status\":\"ok\"}]");
    leave(one);
    leave(two);
}

static void what_is_no_config_is_refused_with_a_code(void **unused) {
    struct sgr_connection *one = client("1.0.0");
    (void)unused;
    say(one, JOIN("{\"config\":{" NO_PRESENCE ",\"postgres_changes\":{}}}"));
    hears(one, REFUSED("InvalidJoinPayload: \\\"postgres_changes\\\" is no list"));
    say(one, JOIN("{\"config\":{" NO_PRESENCE ",\"postgres_changes\":[1]}}"));
    hears(one, REFUSED("InvalidJoinPayload: an entry of \\\"postgres_changes\\\" is no object"));
    say(one, "{\"topic\":\"realtime:\",\"event\":\"phx_join\",\"payload\":{" QUIET "},\"ref\":"
             "\"1\"}");
    hears(one,
          "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"reason\":\"TopicNameRequired: "
          "You must provide a topic name\"},\"status\":\"error\"},\"ref\":\"1\",\"topic\":"
          "\"realtime:\"}");
    leave(one);
}

static void strict_knows_no_config(void **unused) {
    struct sgr_error error = {0};
    (void)unused;
    close_sink();
    assert_int_equal(open_flowing("{ source: db, secure: false, strict: true }", &error), 0);
    struct sgr_connection *one = client("1.0.0");
    say(one, JOIN("{" QUIET "}"));
    hears(one, REPLY("ok", "{}"));
    leave(one);
}

/* A topic's name says nothing of tables in the second era. */
static void changes_of_the_first_era_go_to_its_channels_alone(void **unused) {
    static struct sgr_relation_column columns[] = {
        {.name = "id", .type_name = "int8", .type = SGR_INT8, .type_modifier = -1, .key = true}};
    static struct sgr_relation relation = {
        .schema = "a", .table = "t", .columns = columns, .column_count = 1, .id = 1};
    struct sgr_field fields[] = {text_field("1")};
    struct sgr_change change = {.kind = SGR_INSERT, .relation = &relation, .new_fields = fields};
    struct sgr_connection *one = client("1.0.0"), *two = client("1.0.0");
    (void)unused;
    state(SGR_STREAM_FLOWING, NULL);
    say(one, JOIN("{}"));
    say(two, JOIN("{" QUIET "}"));
    transact(&change, 1, 1);
    assert_int_equal(one->count, 2);
    assert_int_equal(two->count, 1);
    leave(one);
    transact(&change, 1, 2);
    assert_int_equal(two->count, 1);
    leave(two);
}

/* ---- Limits ---- */

static void say_join(struct sgr_connection *one, const char *topic, const char *join_ref,
                     const char *payload) {
    size_t size = strlen(topic) + strlen(join_ref) + strlen(payload) + 100;
    char *text = malloc(size);
    snprintf(text, size, "[\"%s\",\"1\",\"realtime:%s\",\"phx_join\",%s]", join_ref, topic,
             payload);
    say(one, text);
    free(text);
}

static bool heard(struct sgr_connection *one, const char *words) {
    return one->next < one->count && strstr(one->frames[one->next++]->data, words);
}

static char *repeated(const char *what, size_t count, const char *before, const char *behind) {
    char *text = malloc(strlen(before) + strlen(what) * count + strlen(behind) + 1);
    strcpy(text, before);
    char *at = text + strlen(before);
    for (size_t i = 0; i < count; i++, at += strlen(what))
        strcpy(at, what);
    strcpy(at, behind);
    return text;
}

static void what_a_channel_keeps_of_its_join_has_a_length(void **unused) {
    struct sgr_connection *one = client("2.0.0");
    char *fits = repeated("a", 1000, "", ""), *long_one = repeated("a", 1025, "", "");
    (void)unused;
    say_join(one, fits, "1", "{" QUIET "}");
    assert_true(heard(one, "\"status\":\"ok\""));
    say_join(one, long_one, "1", "{" QUIET "}");
    assert_true(heard(one, "InvalidJoinPayload: the topic, "));
    say_join(one, "b", long_one, "{" QUIET "}");
    assert_true(heard(one, "InvalidJoinPayload: the topic, "));
    say_join(one, long_one, "1", "{}");
    assert_true(heard(one, "topic, ref or join_ref too long to join "));
    free(fits);
    free(long_one);
    leave(one);
}

#define ENTRY(table) "{\"event\":\"*\",\"schema\":\"a\",\"table\":\"" table "\"},"
#define LAST         "{\"event\":\"*\",\"schema\":\"a\",\"table\":\"t\"}]}}"
#define CHANGES      "{\"config\":{" NO_PRESENCE ",\"postgres_changes\":["

static void entries_are_counted_by_join_and_by_connection(void **unused) {
    struct sgr_connection *one = client("2.0.0");
    char *many = repeated(ENTRY("t"), 100, CHANGES, LAST);
    char *most = repeated(ENTRY("t"), 99, CHANGES, LAST);
    char *wide = repeated(ENTRY("*"), 49, CHANGES, LAST);
    char name[16];
    (void)unused;
    say_join(one, "many", "1", many);
    assert_true(heard(one, "InvalidJoinPayload: there are more than 100 "));
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        say_join(one, name, "1", most);
        assert_true(heard(one, "\"status\":\"ok\""));
    }
    say_join(one, "more", "1", CHANGES LAST);
    assert_true(heard(one, "ChannelRateLimitReached: all "));
    say_join(one, "t1", "1", "{" QUIET "}"); /* in place of one of them */
    assert_true(heard(one, "\"status\":\"ok\""));
    say_join(one, "more", "1", CHANGES LAST);
    assert_true(heard(one, "\"status\":\"ok\""));
    leave(one);
    one = client("2.0.0");
    say_join(one, "a", "1", wide);
    say_join(one, "b", "1", wide);
    assert_true(heard(one, "\"status\":\"ok\"") && heard(one, "\"status\":\"ok\""));
    say_join(one, "c", "1", wide);
    assert_true(heard(one, "ChannelRateLimitReached: all "));
    free(many);
    free(most);
    free(wide);
    leave(one);
}

static void joins_and_tokens_have_a_number_a_second(void **unused) {
    struct sgr_error error = {0};
    size_t joined = 0;
    (void)unused;
    assert_int_equal(open_sink("{ source: db, secret: s, messages: 1, channels: 2 }", &error), 0);
    struct sgr_request upgrade = {.apikey = "good", .vsn = "2.0.0"};
    request("/realtime/v1/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    struct sgr_connection *one = upgrade.connection;
    say_join(one, "a", "1", "{" QUIET "}");
    assert_true(heard(one, "\"status\":\"ok\""));
    for (bool more = true; more && joined < 1000; joined += more) {
        say(one, "[\"1\",\"2\",\"realtime:a\",\"access_token\",{\"access_token\":\"good\"}]");
        more = one->next == one->count;
    }
    assert_true(joined >= 2 && joined < 1000);
    assert_true(heard(one, "ClientMessageRateLimitReached: "));
    bool refused = false;
    for (size_t i = 0; i < 1000 && !refused; i++) {
        say_join(one, "b", "1", "{" QUIET "}");
        refused = strstr(one->frames[one->count - 1]->data,
                         "ClientJoinRateLimitReached: Too many joins per second");
    }
    assert_true(refused);
    leave(one);
}

/* ---- Events ---- */

static void an_unknown_event_is_ignored(void **unused) {
    struct sgr_connection *one = client("1.0.0");
    (void)unused;
    say(one, JOIN("{" QUIET "}"));
    hears(one, JOINED);
    say(one, SAY("hello", "{}"));
    hears_nothing(one);
    say(one, SAY("phx_leave", "{}"));
    one->next++;
    hears(one, CLOSED);
    leave(one);
}

/* ---- Tokens ---- */

static void a_join_names_its_token_as_access_token(void **unused) {
    struct sgr_connection *lasting = enter("lasting"), *good = enter("good");
    (void)unused;
    say(lasting, JOIN("{" QUIET "}"));
    hears(lasting, REFUSED("InvalidJWTToken: Fields `role` and `exp` are required in JWT"));
    say(lasting, JOIN("{" QUIET ",\"access_token\":\"bad\"}"));
    hears(lasting, REFUSED("InvalidJWTToken: The token is not valid"));
    say(lasting, JOIN("{" QUIET ",\"access_token\":\"good\"}"));
    hears(lasting, JOINED);
    say(good, JOIN("{" QUIET ",\"access_token\":\"sb_publishable_1\"}"));
    hears(good, JOINED);
    say(good, JOIN("{" QUIET ",\"access_token\":null}"));
    hears(good, JOINED);
    leave(lasting);
    leave(good);
}

static void a_bad_refresh_closes_the_channel_and_says_why(void **unused) {
    struct sgr_connection *one = enter("good");
    (void)unused;
    say(one, JOIN("{" QUIET "}"));
    hears(one, JOINED);
    say(one, SAY("access_token", "{\"access_token\":null}"));
    say(one, SAY("access_token", "{\"access_token\":\"sb_publishable_1\"}"));
    say(one, SAY("access_token", "{\"access_token\":\"good\"}"));
    hears_nothing(one);
    say(one, SAY("access_token", "{\"access_token\":\"bad\"}"));
    hears(one, SYSTEM("The token is not valid"));
    hears(one, CLOSED);
    say(one, SAY("access_token", "{\"access_token\":\"good\"}"));
    assert_non_null(strstr(one->frames[one->next++]->data, "unmatched topic"));
    leave(one);
}

static void a_channel_keeps_its_token_while_keys_of_another_are_away(void **unused) {
    struct sgr_connection *one = enter("good");
    (void)unused;
    say(one, JOIN("{" QUIET "}"));
    hears(one, JOINED);
    say(one, SAY("access_token", "{\"access_token\":\"away\"}"));
    say(one, SAY("access_token", "{\"access_token\":\"later\"}"));
    hears_nothing(one);
    judge_waiting("away");
    hears_nothing(one);
    say(one, SAY("access_token", "{\"access_token\":\"later\"}"));
    say(one, SAY("access_token", "{\"access_token\":\"later\"}")); /* in place of that */
    judge_waiting("good");
    hears_nothing(one);
    say(one, SAY("access_token", "{\"access_token\":\"later\"}"));
    judge_waiting("bad");
    hears(one, SYSTEM("The token is not valid"));
    hears(one, CLOSED);
    say(one, JOIN("{" QUIET "}"));
    hears(one, JOINED);
    say(one, SAY("access_token", "{\"access_token\":\"later\"}"));
    say(one, SAY("phx_leave", "{}"));
    assert_null(waiting.done); /* nobody is there to be told */
    say(one, "{\"topic\":\"realtime:b\",\"event\":\"phx_join\",\"payload\":{},\"ref\":\"1\"}");
    say(one, "{\"topic\":\"realtime:b\",\"event\":\"access_token\",\"payload\":{\"access_token\":"
             "\"later\"},\"ref\":\"1\"}");
    one->next = one->count;
    judge_waiting("away");
    hears_nothing(one);
    leave(one);
}

/* `short` expires in a tenth of a second. */
static void an_expired_token_closes_the_channel(void **unused) {
    struct sgr_connection *one = enter("good");
    (void)unused;
    say(one, JOIN("{" QUIET ",\"access_token\":\"short\"}"));
    hears(one, JOINED);
    int64_t end = wall_clock() + 10000000;
    while (one->next == one->count && wall_clock() < end)
        pass(INT64_C(3600000000));
    hears(one, SYSTEM("Token has expired"));
    hears(one, CLOSED);
    leave(one);
}

/* ---- Memory ---- */

static void memory_may_run_out_while_joining(void **unused) {
    (void)unused;
    for (size_t limit = 1; limit < 40; limit++) {
        struct sgr_connection *one = client("1.0.0");
        host.block_limit = limit;
        say(one, JOIN("{\"config\":{" NO_PRESENCE
                      ",\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"a\"}]}}"));
        host.block_limit = 0;
        assert_true(one->count == 1 || one->shut_code == 1013);
        leave(one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_config_is_answered_with_the_changes_it_asks_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_config_is_refused_with_a_code, setup, teardown),
        cmocka_unit_test_setup_teardown(strict_knows_no_config, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_of_the_first_era_go_to_its_channels_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_channel_keeps_of_its_join_has_a_length, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(entries_are_counted_by_join_and_by_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(joins_and_tokens_have_a_number_a_second, NULL, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_event_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(a_join_names_its_token_as_access_token, setup_secure,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_bad_refresh_closes_the_channel_and_says_why, setup_secure,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_channel_keeps_its_token_while_keys_of_another_are_away,
                                        setup_secure, teardown),
        cmocka_unit_test_setup_teardown(an_expired_token_closes_the_channel, setup_secure,
                                        teardown),
        cmocka_unit_test_setup_teardown(memory_may_run_out_while_joining, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
