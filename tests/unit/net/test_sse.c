/* What an EventSource sees. */
#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

static struct client stream(struct engine *engine, const char *path, const char *headers) {
    char all[512];
    struct client client = client_connect(engine->port);
    snprintf(all, sizeof(all), "Accept: text/event-stream\r\n%s", headers ? headers : "");
    client_get(&client, path, all);
    return client;
}

static void expect_begun(struct client *client) {
    struct response response = client_head(client);
    assert_int_equal(response.status, 200);
    assert_string_equal(header_of(&response, "content-type"), "text/event-stream");
    assert_string_equal(header_of(&response, "cache-control"), "no-store");
    assert_null(header_of(&response, "content-length"));
}

/* The next event, up to the empty line. */
static void expect_event(struct client *client, const char *expected) {
    size_t size = strlen(expected);
    client_need(client, size + 2);
    if (strncmp(client->data, expected, size) != 0 || strncmp(client->data + size, "\n\n", 2) != 0)
        fail_msg("expected %s, got %s", expected, client->data);
    client_consume(client, size + 2);
}

static void a_stream_is_a_snapshot_then_frames_with_ids(void **state) {
    struct engine *engine = *state;
    struct client client = stream(engine, "/followeds?user=1&codec=rows", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/followeds");
    assert_false(ask.once);
    assert_string_equal(ask.parameters, "user=1");
    assert_string_equal(ask.codec, "rows");
    engine_snapshot(engine, &ask, 5, "c1", "{\"id\":1}");
    engine_commit(engine, "c1", "c2", 5, "[2]", 0);
    sgr_hub_stale(engine->hub, true);
    expect_begun(&client);
    expect_event(&client, "retry: 1000\nevent: snapshot\nid: c1\ndata: {\"id\":1}");
    expect_event(&client, "event: frame\nid: c2\ndata: [2]");
    expect_event(&client, "event: stale\ndata: {\"stale\":true}");
    client_close(&client);
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
}

static void line_breaks_in_data_do_not_break_events(void **state) {
    struct engine *engine = *state;
    struct client client = stream(engine, "/a", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 5, "c1", "[1,\n2,\r\n3]");
    expect_begun(&client);
    expect_event(&client, "retry: 1000\nevent: snapshot\nid: c1\ndata: [1,\ndata: 2,\ndata: 3]");
    client_close(&client);
}

static void last_event_id_resumes(void **state) {
    struct engine *engine = *state;
    struct client client = stream(engine, "/a?cursor=c1", "Last-Event-ID: c3\r\n");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    assert_string_equal(ask.cursor, "c3"); /* the browser's own is newer */
    struct sgr_hub_answer answer = make_answer(ask.id, 5, SGR_ANSWER_RESUMED, "c5", "[45]");
    answer.state.previous = sgr_slice("c3");
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    engine_commit(engine, "c5", "c6", 5, "[6]", 0);
    expect_begun(&client);
    expect_event(&client, "retry: 1000\nevent: frame\nid: c5\ndata: [45]");
    expect_event(&client, "event: caught_up\nid: c5\ndata: {\"cursor\":\"c5\"}");
    expect_event(&client, "event: frame\nid: c6\ndata: [6]");
    client_close(&client);
}

static void the_cursor_may_stand_in_the_query(void **state) {
    struct engine *engine = *state;
    struct client client = stream(engine, "/a?cursor=c3", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    assert_string_equal(ask.cursor, "c3");
    struct sgr_hub_answer answer = make_answer(ask.id, 5, SGR_ANSWER_RESET, "c5", "[5]");
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    expect_begun(&client);
    expect_event(&client, "retry: 1000\nevent: reset\nid: c5\ndata: "
                          "{\"reason\":\"history\",\"data\":[5]}");
    client_close(&client);
}

static void an_error_is_a_plain_answer(void **state) {
    struct engine *engine = *state;
    static const struct {
        int status;
        const char *code;
    } cases[] = {{404, "unknown_view"}, {400, "bad_parameter"}, {503, "not_ready"}};
    for (size_t i = 0; i < 3; i++) {
        struct client client = stream(engine, "/a", NULL);
        struct ask ask = engine_subscribe_ask(engine, "/a");
        engine_refuse(engine, &ask, cases[i].status, cases[i].code, "no");
        char text[128];
        snprintf(text, sizeof(text), "{\"error\":{\"code\":\"%s\",\"message\":\"no\"}}\n",
                 cases[i].code);
        struct response response = client_response(&client);
        assert_int_equal(response.status, cases[i].status);
        assert_string_equal(response.body, text);
        response_free(&response);
        client_close(&client);
    }
}

static void an_error_later_ends_the_stream(void **state) {
    struct engine *engine = *state;
    struct client client = stream(engine, "/a", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    expect_begun(&client);
    expect_event(&client, "retry: 1000\nevent: snapshot\nid: c1\ndata: []");
    struct sgr_hub_answer answer = {
        .channel = 5,
        .state = {.answer = SGR_ANSWER_ERROR, .status = 500, .code = "internal", .message = "no"}};
    sgr_hub_reset(engine->hub, &answer);
    client_expect_end(&client);
    client_close(&client);
}

static void a_page_of_another_origin_gets_no_stream(void **state) {
    struct engine *engine = *state;
    struct client client = stream(engine, "/a", "Origin: https://evil.example\r\n");
    struct response response = client_response(&client);
    assert_int_equal(response.status, 403);
    response_free(&response);
    client_close(&client);
}

static void a_stopping_server_ends_streams(void **state) {
    struct engine *engine = *state;
    struct client live = stream(engine, "/a", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    struct client waiting = stream(engine, "/b", NULL);
    engine_subscribe_ask(engine, "/b");
    engine_drain(engine);
    expect_begun(&live);
    expect_event(&live, "retry: 1000\nevent: snapshot\nid: c1\ndata: []");
    client_expect_end(&live);
    struct response response = client_response(&waiting);
    assert_int_equal(response.status, 503);
    response_free(&response);
    sgr_server_join(engine->server);
    client_close(&live);
    client_close(&waiting);
}

static int setup_lively(void **state) {
    struct engine *engine = engine_new();
    engine_sink(engine, "sse", "keep_alive: 100ms\n");
    engine_start(engine);
    *state = engine;
    return 0;
}

static void an_idle_stream_is_kept_alive(void **state) {
    struct engine *engine = *state;
    struct client client = stream(engine, "/a", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    expect_begun(&client);
    expect_event(&client, "retry: 1000\nevent: snapshot\nid: c1\ndata: []");
    expect_event(&client, ":");
    expect_event(&client, ":");
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(a_stream_is_a_snapshot_then_frames_with_ids),
        WITH_ENGINE(line_breaks_in_data_do_not_break_events),
        WITH_ENGINE(last_event_id_resumes),
        WITH_ENGINE(the_cursor_may_stand_in_the_query),
        WITH_ENGINE(an_error_is_a_plain_answer),
        WITH_ENGINE(an_error_later_ends_the_stream),
        WITH_ENGINE(a_page_of_another_origin_gets_no_stream),
        WITH_ENGINE(a_stopping_server_ends_streams),
        cmocka_unit_test_setup_teardown(an_idle_stream_is_kept_alive, setup_lively,
                                        engine_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
