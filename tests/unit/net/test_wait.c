/* Waits of websocket clients: caught_up comes behind all that was published, errors are coded, and nothing is asked without bound. */
#include "unit/net/client.h"
#include "unit/net/fake_engine.h"

static struct client viewer(struct engine *engine) {
    struct client client = client_websocket(engine->port, "/");
    client_say(&client, "{\"type\":\"subscribe\",\"id\":\"a\",\"view\":\"/v\"}");
    struct ask ask = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    client_expect_part(&client, "snapshot");
    return client;
}

static void caught_up_comes_behind_the_commits_before_it(void **state) {
    struct engine *engine = *state;
    struct client client = viewer(engine);
    client_say(&client,
               "{\"type\":\"wait\",\"id\":\"w\",\"lsn\":\"0/16B3748\",\"source\":\"app\"}");
    struct ask ask = engine_ask_of(engine, SGR_ASK_WAIT);
    assert_string_equal(ask.lsn, "0/16B3748");
    assert_string_equal(ask.source, "app");
    engine_commit(engine, "c1", "c2", 5, "[2]", 0);
    engine_waited(engine, &ask, "c2");
    engine_commit(engine, "c2", "c3", 5, "[3]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"c1\",\"c\":\"c2\",\"d\":{\"a\":[2]}}}");
    client_expect(&client,
                  "{\"type\":\"caught_up\",\"id\":\"w\",\"wait\":\"0/16B3748\",\"cursor\":\"c2\"}");
    client_expect(&client, "{\"f\":{\"p\":\"c2\",\"c\":\"c3\",\"d\":{\"a\":[3]}}}");
    client_close(&client);
}

static void a_single_view_can_wait_too_and_needs_no_id(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/v");
    struct ask view = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &view, 5, "c1", "[]");
    client_expect_part(&client, "snapshot");
    client_say(&client, "{\"type\":\"wait\",\"cursor\":\"c\\\"9\"}");
    struct ask ask = engine_ask_of(engine, SGR_ASK_WAIT);
    assert_string_equal(ask.cursor, "c\"9");
    engine_waited(engine, &ask, "c9");
    client_expect(&client, "{\"type\":\"caught_up\",\"wait\":\"c\\\"9\",\"cursor\":\"c9\"}");
    client_close(&client);
}

static void what_cannot_be_is_a_coded_error_and_the_connection_goes_on(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    char text[600], cursor[300];
    memset(cursor, 'c', 299);
    cursor[299] = '\0';
    static const char *const bad[] = {
        "{\"type\":\"wait\",\"id\":4}", "{\"type\":\"wait\",\"id\":4,\"cursor\":7}",
        "{\"type\":\"wait\",\"id\":4,\"cursor\":\"a\",\"lsn\":\"0/1\"}",
        "{\"type\":\"wait\",\"id\":4,\"cursor\":\"a\",\"source\":\"app\"}",
        "{\"type\":\"wait\",\"id\":4,\"lsn\":\"000000000000000000000000000000000/1\"}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        client_say(&client, bad[i]);
        client_expect_part(&client, "{\"type\":\"error\",\"id\":4,\"code\":\"bad_message\"");
    }
    snprintf(text, sizeof(text), "{\"type\":\"wait\",\"id\":4,\"cursor\":\"%s\"}", cursor);
    client_say(&client, text);
    client_expect_part(&client, "{\"type\":\"error\",\"id\":4,\"code\":\"bad_message\"");
    client_say(&client, "{\"type\":\"wait\",\"id\":[],\"cursor\":\"c\"}");
    client_expect_part(&client, "{\"type\":\"error\",\"code\":\"bad_message\"");
    client_say(&client, "{\"type\":\"wait\",\"id\":5,\"cursor\":\"c\"}");
    struct ask ask = engine_ask_of(engine, SGR_ASK_WAIT);
    engine_waited(engine, &ask, NULL);
    client_expect_part(&client, "{\"type\":\"error\",\"id\":5,\"code\":\"other_epoch\"");
    client_close(&client);
}

static void a_connection_has_no_more_waits_than_it_may(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    struct ask first;
    for (int i = 0; i < 64; i++) {
        client_say(&client, "{\"type\":\"wait\",\"cursor\":\"c\"}");
        struct ask ask = engine_ask_of(engine, SGR_ASK_WAIT);
        if (!i)
            first = ask;
    }
    client_say(&client, "{\"type\":\"wait\",\"id\":1,\"cursor\":\"c\"}");
    client_expect_part(&client, "{\"type\":\"error\",\"id\":1,\"code\":\"too_many\"");
    engine_waited(engine, &first, "c");
    client_expect_part(&client, "caught_up");
    client_say(&client, "{\"type\":\"wait\",\"cursor\":\"c\"}");
    engine_ask_of(engine, SGR_ASK_WAIT);
    client_close(&client);
    for (int i = 0; i < 64; i++) /* whoever leaves is waited for no more */
        engine_ask_of(engine, SGR_ASK_WAIT_END);
}

static int setup_short(void **state) {
    struct engine *engine = engine_new();
    engine->options.wait_timeout = 300000;
    engine_start(engine);
    *state = engine;
    return 0;
}

static void a_position_that_is_not_reached_in_time_is_given_up(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    client_say(&client, "{\"type\":\"wait\",\"id\":1,\"cursor\":\"c\"}");
    struct ask ask = engine_ask_of(engine, SGR_ASK_WAIT);
    client_expect_part(&client, "{\"type\":\"error\",\"id\":1,\"code\":\"timeout\"");
    struct ask end = engine_ask_of(engine, SGR_ASK_WAIT_END);
    assert_int_equal(end.id, ask.id);
    engine_waited(engine, &ask, "c"); /* too late: nobody is told */
    client_say(&client, "{\"type\":\"ping\"}");
    client_expect(&client, "{\"type\":\"pong\"}");
    client_close(&client);
}

static void a_stopping_server_leaves_no_wait_behind(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    client_say(&client, "{\"type\":\"wait\",\"cursor\":\"c\"}");
    engine_ask_of(engine, SGR_ASK_WAIT);
    engine_drain(engine);
    assert_int_equal(client_closed(&client), 1001);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(caught_up_comes_behind_the_commits_before_it),
        WITH_ENGINE(a_single_view_can_wait_too_and_needs_no_id),
        WITH_ENGINE(what_cannot_be_is_a_coded_error_and_the_connection_goes_on),
        WITH_ENGINE(a_connection_has_no_more_waits_than_it_may),
        cmocka_unit_test_setup_teardown(a_position_that_is_not_reached_in_time_is_given_up,
                                        setup_short, engine_teardown),
        WITH_ENGINE(a_stopping_server_leaves_no_wait_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
