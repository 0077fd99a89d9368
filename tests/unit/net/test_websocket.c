/* What a websocket client sees: protocol sangre.v1 on one view and on many, the seed's endpoints, errors, limits, the end. */
#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

/* ---- One view ---- */

static void one_view_gets_its_snapshot_then_its_frames(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/followeds?user=1&codec=rows");
    struct ask ask = engine_subscribe_ask(engine, "/followeds");
    assert_false(ask.once);
    assert_string_equal(ask.parameters, "user=1");
    assert_string_equal(ask.codec, "rows");
    engine_snapshot(engine, &ask, 5, "c1", "{\"id\":1}");
    engine_commit(engine, "c1", "c2", 5, "[2]", 0);
    engine_commit(engine, "c2", "c3", 6, "[other]", 0);
    engine_commit(engine, "c2", "c4", 5, "[4]", 0);
    client_expect(&client, "{\"type\":\"snapshot\",\"cursor\":\"c1\",\"data\":{\"id\":1}}");
    client_expect(&client, "{\"f\":{\"p\":\"c1\",\"c\":\"c2\",\"d\":[2]}}");
    client_expect(&client, "{\"f\":{\"p\":\"c2\",\"c\":\"c4\",\"d\":[4]}}");
    client_close(&client);
    ask = engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
}

static void commits_before_the_snapshot_are_not_shown(void **state) {
    struct engine *engine = *state;
    struct client first = client_websocket(engine->port, "/a");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    client_expect_part(&first, "snapshot");
    struct client second = client_websocket(engine->port, "/a");
    ask = engine_subscribe_ask(engine, "/a");
    engine_commit(engine, "c1", "c2", 5, "[2]", 0);
    engine_snapshot(engine, &ask, 5, "c2", "[2]");
    engine_commit(engine, "c2", "c3", 5, "[3]", 0);
    client_expect(&second, "{\"type\":\"snapshot\",\"cursor\":\"c2\",\"data\":[2]}");
    client_expect(&second, "{\"f\":{\"p\":\"c2\",\"c\":\"c3\",\"d\":[3]}}");
    client_expect(&first, "{\"f\":{\"p\":\"c1\",\"c\":\"c2\",\"d\":[2]}}");
    client_expect(&first, "{\"f\":{\"p\":\"c2\",\"c\":\"c3\",\"d\":[3]}}");
    client_close(&first);
    client_close(&second);
}

static void clients_of_one_channel_may_differ_in_time(void **state) {
    struct engine *engine = *state;
    struct client plain = client_websocket(engine->port, "/a");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    struct client timed = client_websocket(engine->port, "/a?time=1");
    ask = engine_subscribe_ask(engine, "/a");
    assert_string_equal(ask.parameters, "");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    engine_commit(engine, "c1", "c2", 5, "[2]", 0);
    client_expect_part(&plain, "snapshot");
    client_expect_part(&timed, "snapshot");
    client_expect(&plain, "{\"f\":{\"p\":\"c1\",\"c\":\"c2\",\"d\":[2]}}");
    client_expect(&timed, "{\"f\":{\"p\":\"c1\",\"c\":\"c2\",\"d\":[2],\"t\":1234}}");
    client_close(&plain);
    client_close(&timed);
}

static void a_returning_client_gets_the_rest_and_caught_up(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/a?cursor=c1");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    assert_string_equal(ask.cursor, "c1");
    struct sgr_hub_answer answer = make_answer(ask.id, 5, SGR_ANSWER_RESUMED, "c4", "[234]");
    answer.state.previous = sgr_slice("c1");
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    client_expect(&client, "{\"f\":{\"p\":\"c1\",\"c\":\"c4\",\"d\":[234]}}");
    client_expect(&client, "{\"type\":\"caught_up\",\"cursor\":\"c4\"}");
    client_close(&client);
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    client = client_websocket(engine->port, "/a?cursor=c4");
    ask = engine_subscribe_ask(engine, "/a");
    answer = make_answer(ask.id, 5, SGR_ANSWER_RESUMED, "c4", NULL);
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    client_expect(&client, "{\"type\":\"caught_up\",\"cursor\":\"c4\"}");
    client_close(&client);
}

static void a_lost_past_is_a_named_reset(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/a?cursor=old");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    struct sgr_hub_answer answer = make_answer(ask.id, 5, SGR_ANSWER_RESET, "c1", "[1]");
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    client_expect(&client,
                  "{\"type\":\"reset\",\"reason\":\"history\",\"cursor\":\"c1\",\"data\":[1]}");
    answer = make_answer(0, 5, SGR_ANSWER_RESET, "e1", "[2]");
    answer.state.reason = "epoch";
    sgr_hub_reset(engine->hub, &answer);
    engine_commit(engine, "e1", "e2", 5, "[3]", 0);
    client_expect(&client,
                  "{\"type\":\"reset\",\"reason\":\"epoch\",\"cursor\":\"e1\",\"data\":[2]}");
    client_expect(&client, "{\"f\":{\"p\":\"e1\",\"c\":\"e2\",\"d\":[3]}}");
    client_close(&client);
}

static struct ask one_of_many(struct engine *engine, struct client *client, const char *id,
                              const char *cursor, const char *now, int channel) {
    char text[128];
    snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"id\":\"%s\",\"view\":\"/v\"}", id);
    client_say(client, text);
    struct ask ask = engine_subscribe_ask(engine, "/v");
    struct sgr_hub_answer answer =
        make_answer(ask.id, (uint32_t)channel, SGR_ANSWER_SNAPSHOT, cursor, "[]");
    answer.now = sgr_slice(now);
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    return ask;
}

static void the_cursor_of_many_views_never_steps_back(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    one_of_many(engine, &client, "a", "c1", "c3", 5);
    client_expect(&client, "{\"type\":\"snapshot\",\"id\":\"a\",\"cursor\":\"c1\",\"data\":[]}");
    engine_commit(engine, "c1", "c7", 5, "[7]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"c1\",\"c\":\"c7\",\"d\":{\"a\":[7]}}}");
    /* Unchanged since c2, and answered when the engine was at c8. */
    one_of_many(engine, &client, "b", "c2", "c8", 6);
    client_expect(&client, "{\"type\":\"snapshot\",\"id\":\"b\",\"cursor\":\"c8\",\"data\":[]}");
    engine_commit(engine, "c2", "c9", 6, "[9]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"c8\",\"c\":\"c9\",\"d\":{\"b\":[9]}}}");
    client_close(&client);
}

static void until_all_views_are_reset_the_cursor_names_nothing(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    for (int i = 0; i < 2; i++) {
        one_of_many(engine, &client, i ? "b" : "a", "c1", "c1", 5 + i);
        client_expect_part(&client, "snapshot");
    }
    for (int i = 0; i < 2; i++) {
        struct sgr_hub_answer answer =
            make_answer(0, 5 + (uint32_t)i, SGR_ANSWER_RESET, "e1", "[2]");
        answer.epoch = 1;
        sgr_hub_reset(engine->hub, &answer);
    }
    client_expect_part(&client,
                       "{\"type\":\"reset\",\"id\":\"a\",\"reason\":\"history\",\"cursor\":\"-\"");
    client_expect_part(&client,
                       "{\"type\":\"reset\",\"id\":\"b\",\"reason\":\"history\",\"cursor\":\"e1\"");
    engine_commit(engine, "e1", "e2", 5, "[3]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"e1\",\"c\":\"e2\",\"d\":{\"a\":[3]}}}");
    client_close(&client);
}

static void a_source_that_goes_and_comes_is_told_once_each(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    struct ask ask;
    for (int i = 0; i < 2; i++) {
        client_say(&client, i ? "{\"type\":\"subscribe\",\"id\":\"b\",\"view\":\"/b\"}"
                              : "{\"type\":\"subscribe\",\"id\":\"a\",\"view\":\"/a\"}");
        ask = engine_ask_of(engine, SGR_ASK_SUBSCRIBE);
        engine_snapshot(engine, &ask, 5 + (uint64_t)i, "c1", "[]");
        client_expect_part(&client, "snapshot");
    }
    sgr_hub_stale(engine->hub, true);
    sgr_hub_stale(engine->hub, false);
    client_expect(&client, "{\"type\":\"stale\",\"stale\":true}");
    client_expect(&client, "{\"type\":\"stale\",\"stale\":false}");
    client_say(&client, "{\"type\":\"ping\"}");
    client_expect(&client, "{\"type\":\"pong\"}");
    client_close(&client);
}

static void an_error_of_the_only_view_is_told_then_closed(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/nothere");
    struct ask ask = engine_subscribe_ask(engine, "/nothere");
    engine_refuse(engine, &ask, 404, "unknown_view", "no view \"/nothere\"");
    client_expect(&client, "{\"type\":\"error\",\"code\":\"unknown_view\",\"message\":\"no view "
                           "\\\"/nothere\\\"\"}");
    assert_int_equal(client_closed(&client), 1008);
    client_close(&client);
    client = client_websocket(engine->port, "/a");
    ask = engine_subscribe_ask(engine, "/a");
    engine_refuse(engine, &ask, 503, "not_ready", "not yet");
    client_expect_part(&client, "not_ready");
    assert_int_equal(client_closed(&client), 1013);
    client_close(&client);
}

/* ---- Many views ---- */

static void subscribe(struct engine *engine, struct client *client, const char *id, int channel,
                      const char *cursor) {
    char text[256];
    snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"id\":%s,\"view\":\"/v%d\"}", id,
             channel);
    client_say(client, text);
    struct ask ask = engine_ask_of(engine, SGR_ASK_SUBSCRIBE);
    engine_snapshot(engine, &ask, (uint32_t)channel, cursor, "[]");
    snprintf(text, sizeof(text), "{\"type\":\"snapshot\",\"id\":%s,\"cursor\":\"%s\",\"data\":[]}",
             id, cursor);
    client_expect(client, text);
}

static void one_commit_is_one_frame_for_all_views(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    subscribe(engine, &client, "\"a\"", 5, "c1");
    subscribe(engine, &client, "7", 6, "c1");
    engine_commit(engine, "c1", "c2", 6, "[6]", 5, "[5]", 9, "[9]", 0);
    engine_commit(engine, "c1", "c3", 6, "[66]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"c1\",\"c\":\"c2\",\"d\":{\"a\":[5],\"7\":[6]}}}");
    client_expect(&client, "{\"f\":{\"p\":\"c2\",\"c\":\"c3\",\"d\":{\"7\":[66]}}}");
    client_close(&client);
}

static void the_same_view_twice_gets_both_in_one_frame(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    subscribe(engine, &client, "\"a\"", 5, "c1");
    subscribe(engine, &client, "\"b\"", 5, "c1");
    engine_commit(engine, "c1", "c2", 5, "[5]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"c1\",\"c\":\"c2\",\"d\":{\"a\":[5],\"b\":[5]}}}");
    client_say(&client, "{\"type\":\"unsubscribe\",\"id\":\"a\"}");
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    engine_commit(engine, "c2", "c3", 5, "[6]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"c2\",\"c\":\"c3\",\"d\":{\"b\":[6]}}}");
    client_close(&client);
}

static void subscribing_carries_parameters_codec_cursor_and_time(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    client_say(&client,
               "{\"type\":\"subscribe\",\"id\":\"x\",\"view\":\"/v\",\"codec\":\"rows\","
               "\"cursor\":\"c9\",\"time\":true,\"params\":{\"i\":-5,\"s\":\"a b\",\"f\":1.10,"
               "\"t\":true,\"n\":null}}");
    struct ask ask = engine_subscribe_ask(engine, "/v");
    assert_string_equal(ask.parameters, "i=-5&s=a b&f=1.1&t=true&n=(null)");
    assert_string_equal(ask.codec, "rows");
    assert_string_equal(ask.cursor, "c9");
    struct sgr_hub_answer answer = make_answer(ask.id, 5, SGR_ANSWER_RESUMED, "c10", "[1]");
    answer.state.previous = sgr_slice("c9");
    answer.state.time = 5000;
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    engine_commit(engine, "c10", "c11", 5, "[2]", 0);
    client_expect(&client, "{\"f\":{\"p\":\"c9\",\"c\":\"c10\",\"d\":{\"x\":[1]},\"t\":5}}");
    client_expect(&client, "{\"type\":\"caught_up\",\"id\":\"x\",\"cursor\":\"c10\"}");
    client_expect(&client, "{\"f\":{\"p\":\"c10\",\"c\":\"c11\",\"d\":{\"x\":[2]},\"t\":1234}}");
    client_close(&client);
}

static void every_bad_message_has_its_code_and_the_connection_goes_on(void **state) {
    struct engine *engine = *state;
    static const char *const cases[][2] = {
        {"{", "\"code\":\"bad_json\""},
        {"", "\"code\":\"bad_json\""},
        {"\"text\"", "\"code\":\"bad_json\""},
        {"{\"type\":\"ping\",\"type\":\"ping\"}", "\"code\":\"bad_json\""},
        {"[]", "\"code\":\"bad_message\""},
        {"{}", "\"code\":\"bad_message\""},
        {"{\"type\":1}", "\"code\":\"bad_message\""},
        {"{\"type\":\"dance\"}", "\"code\":\"unknown_type\""},
        {"{\"type\":\"subscribe\",\"view\":\"/v\"}", "\"code\":\"bad_message\""},
        {"{\"type\":\"subscribe\",\"id\":\"a\"}", "\"id\":\"a\",\"code\":\"bad_message\""},
        {"{\"type\":\"subscribe\",\"id\":[],\"view\":\"/v\"}", "\"code\":\"bad_message\""},
        {"{\"type\":\"subscribe\",\"id\":\"a\",\"view\":\"/v\",\"params\":[]}",
         "\"id\":\"a\",\"code\":\"bad_message\""},
        {"{\"type\":\"subscribe\",\"id\":\"a\",\"view\":\"/v\",\"params\":{\"x\":{}}}",
         "\"id\":\"a\",\"code\":\"bad_parameter\""},
        {"{\"type\":\"unsubscribe\",\"id\":\"a\"}", "\"id\":\"a\",\"code\":\"unknown_id\""},
    };
    struct client client = client_websocket(engine->port, "/");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        client_say(&client, cases[i][0]);
        client_expect_part(&client, cases[i][1]);
    }
    client_frame(&client, 0x82, "{}", 2);
    client_expect_part(&client, "\"code\":\"bad_message\"");
    client_frame(&client, 0x81, "{\"type\":\"\xff\xfe\"}", 13);
    client_expect_part(&client, "\"code\":\"bad_json\"");
    client_say(&client, "{\"type\":\"ping\"}");
    client_expect(&client, "{\"type\":\"pong\"}");
    client_close(&client);
}

static void errors_of_the_engine_name_the_subscription(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    static const char *const codes[] = {"unknown_view", "bad_parameter"};
    for (int i = 0; i < 2; i++) {
        client_say(&client, "{\"type\":\"subscribe\",\"id\":\"a\",\"view\":\"/v\"}");
        struct ask ask = engine_subscribe_ask(engine, "/v");
        engine_refuse(engine, &ask, i ? 400 : 404, codes[i], "no");
        char text[128];
        snprintf(text, sizeof(text),
                 "{\"type\":\"error\",\"id\":\"a\",\"code\":\"%s\",\"message\":\"no\"}", codes[i]);
        client_expect(&client, text);
    }
    subscribe(engine, &client, "\"a\"", 5, "c1"); /* the id is free again */
    client_say(&client, "{\"type\":\"subscribe\",\"id\":\"a\",\"view\":\"/v\"}");
    client_expect_part(&client, "\"id\":\"a\",\"code\":\"duplicate_id\"");
    client_close(&client);
}

static void ids_are_found_among_many_as_texts_and_as_numbers(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    char text[64];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "%d", i);
        subscribe(engine, &client, text, 5 + i, "c1");
    }
    client_say(&client, "{\"type\":\"subscribe\",\"id\":\"58\",\"view\":\"/v\"}");
    client_expect_part(&client, "\"id\":\"58\",\"code\":\"duplicate_id\"");
    for (int i = 99; i >= 0; i--) {
        snprintf(text, sizeof(text), "{\"type\":\"unsubscribe\",\"id\":\"%d\"}", i);
        client_say(&client, text);
        assert_int_equal(engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE).channel, 5 + i);
    }
    client_say(&client, "{\"type\":\"unsubscribe\",\"id\":58}");
    client_expect_part(&client, "\"id\":58,\"code\":\"unknown_id\"");
    subscribe(engine, &client, "\"58\"", 5, "c1");
    client_close(&client);
}

static int setup_few(void **state) {
    struct engine *engine = engine_new();
    engine_sink(engine, "websocket", "subscriptions: 2\n");
    engine_start(engine);
    *state = engine;
    return 0;
}

static void a_connection_has_no_more_views_than_it_may(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    subscribe(engine, &client, "1", 5, "c1");
    subscribe(engine, &client, "2", 6, "c1");
    client_say(&client, "{\"type\":\"subscribe\",\"id\":3,\"view\":\"/v\"}");
    client_expect_part(&client, "{\"type\":\"error\",\"id\":3,\"code\":\"too_many\"");
    client_close(&client);
}

static void unsubscribing_before_the_answer_is_quiet(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    client_say(&client, "{\"type\":\"subscribe\",\"id\":1,\"view\":\"/v\"}");
    struct ask ask = engine_subscribe_ask(engine, "/v");
    client_say(&client, "{\"type\":\"unsubscribe\",\"id\":1}");
    client_say(&client, "{\"type\":\"ping\"}");
    client_expect(&client, "{\"type\":\"pong\"}");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    assert_int_equal(engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE).channel, 5);
    client_say(&client, "{\"type\":\"ping\"}");
    client_expect(&client, "{\"type\":\"pong\"}");
    client_close(&client);
}

/* ---- The seed's endpoints ---- */

static void the_seeds_full_endpoint_sends_documents(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/ws/followeds");
    struct ask ask = engine_subscribe_ask(engine, "/followeds");
    assert_string_equal(ask.codec, "full");
    engine_snapshot(engine, &ask, 5, "c1", "{\"a\":1}");
    engine_commit(engine, "c1", "c2", 5, "{\"a\":2}", 0);
    client_expect(&client, "{\"a\":1}");
    client_expect(&client, "{\"a\":2}");
    client_close(&client);
}

static struct ask seed_client(struct engine *engine, const char *path, struct client *ret) {
    *ret = client_websocket(engine->port, path);
    struct ask ask = engine_subscribe_ask(engine, "/followeds");
    assert_true(ask.by_revision);
    assert_string_equal(ask.codec, "json-patch");
    return ask;
}

static void seed_answer(struct engine *engine, const struct ask *ask, enum sgr_answer kind,
                        uint64_t revision, const char *document) {
    struct sgr_hub_answer answer = make_answer(ask->id, 5, kind, "c1", document);
    answer.state.revision = revision;
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
}

static void the_seeds_diffed_endpoint_begins_with_every_member(void **state) {
    struct engine *engine = *state;
    static const struct {
        const char *path;
        bool have;
        const char *from;
    } cases[] = {{"/ws/followeds-diffed", false, "0"},
                 {"/ws/followeds-diffed-0", false, "0"},
                 {"/ws/followeds-diffed-77", true, "77"}};
    for (size_t i = 0; i < 3; i++) {
        struct client client;
        char text[256];
        struct ask ask = seed_client(engine, cases[i].path, &client);
        assert_int_equal(ask.have_revision, cases[i].have);
        seed_answer(engine, &ask, cases[i].have ? SGR_ANSWER_RESET : SGR_ANSWER_SNAPSHOT, 500,
                    "{\"a/b~\": [1,{\"x\":\"}\\\"\"}] ,\"s\":\"q\\\\\",\"n\":null}");
        snprintf(text, sizeof(text),
                 "{\"revision\":500,\"from\":%s,\"diffs\":[{\"op\":\"add\",\"path\":\"/a~1b~0\","
                 "\"value\":[1,{\"x\":\"}\\\"\"}] },{\"op\":\"add\",\"path\":\"/s\",\"value\":"
                 "\"q\\\\\"},{\"op\":\"add\",\"path\":\"/n\",\"value\":null}]}",
                 cases[i].from);
        client_expect(&client, text);
        client_close(&client);
        engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    }
}

static void the_seeds_lists_are_replaced_whole(void **state) {
    struct engine *engine = *state;
    static const char *const documents[] = {"[1,2]", "null", "{}"};
    static const char *const diffs[] = {"[{\"op\":\"replace\",\"path\":\"\",\"value\":[1,2]}]",
                                        "[{\"op\":\"replace\",\"path\":\"\",\"value\":null}]",
                                        "[]"};
    for (size_t i = 0; i < 3; i++) {
        struct client client;
        char text[256];
        struct ask ask = seed_client(engine, "/ws/followeds-diffed", &client);
        seed_answer(engine, &ask, SGR_ANSWER_SNAPSHOT, 500, documents[i]);
        snprintf(text, sizeof(text), "{\"revision\":500,\"from\":0,\"diffs\":%s}", diffs[i]);
        client_expect(&client, text);
        client_close(&client);
        engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    }
}

static void the_seeds_returning_client_gets_the_composed_diff(void **state) {
    struct engine *engine = *state;
    struct client client, second;
    struct ask ask = seed_client(engine, "/ws/followeds-diffed-120", &client);
    assert_true(ask.have_revision);
    assert_int_equal(ask.revision, 120);
    seed_answer(engine, &ask, SGR_ANSWER_RESUMED, 123, "[1]");
    client_expect(&client, "{\"revision\":123,\"from\":120,\"diffs\":[1]}");
    ask = seed_client(engine, "/ws/followeds-diffed-123", &second);
    seed_answer(engine, &ask, SGR_ANSWER_RESUMED, 123, NULL);
    client_expect(&second, "{\"revision\":123,\"from\":123,\"diffs\":[]}");
    engine_commit(engine, "c1", "c124", 5, "[2]", 0);
    client_expect(&client, "{\"revision\":124,\"from\":123,\"diffs\":[2]}");
    client_expect(&second, "{\"revision\":124,\"from\":123,\"diffs\":[2]}");
    client_close(&client);
    client_close(&second);
}

/* ---- The transport ---- */

static void an_offered_subprotocol_is_chosen_or_refused(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_send(&client, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                         "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "Sec-WebSocket-Protocol: other, sangre.v1\r\n\r\n");
    struct response response = client_head(&client);
    assert_int_equal(response.status, 101);
    assert_string_equal(header_of(&response, "sec-websocket-protocol"), "sangre.v1");
    client_close(&client);
    client = client_connect(engine->port);
    assert_int_equal(client_upgrade(&client, "/", "Sec-WebSocket-Protocol: other\r\n"), 400);
    client_close(&client);
}

static void an_oversized_message_closes_with_1009(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    char *text = calloc(1, 70001);
    assert_non_null(text);
    memset(text, ' ', 70000);
    client_frame(&client, 0x81, text, 65536);
    client_expect_part(&client, "bad_json");
    client_frame(&client, 0x81, text, 65537);
    assert_int_equal(client_closed(&client), 1009);
    client_close(&client);
    free(text);
}

static void a_message_in_fragments_is_put_together(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    client_frame(&client, 0x01, "{\"type\":", 8);
    client_frame(&client, 0x89, "x", 1); /* a ping in between */
    client_frame(&client, 0x00, "\"pi", 3);
    client_frame(&client, 0x80, "ng\"}", 4);
    int seen[16] = {0};
    for (int i = 0; i < 2; i++) { /* the control frame's answer may overtake */
        struct frame frame = client_peek_frame(&client);
        seen[frame.opcode]++;
        client_consume(&client, frame.header + frame.size);
    }
    assert_int_equal(seen[10], 1);
    assert_int_equal(seen[1], 1);
    client_close(&client);
}

static void a_stopping_server_closes_with_1001(void **state) {
    struct engine *engine = *state;
    struct client one = client_websocket(engine->port, "/a"),
                  many = client_websocket(engine->port, "/");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 5, "c1", "[]");
    engine_commit(engine, "c1", "c2", 5, "[2]", 0);
    engine_drain(engine);
    client_expect_part(&one, "snapshot");
    client_expect_part(&one, "[2]"); /* what was there before goes first */
    assert_int_equal(client_closed(&one), 1001);
    assert_int_equal(client_closed(&many), 1001);
    sgr_server_join(engine->server);
    client_close(&one);
    client_close(&many);
}

static int setup_hasty(void **state) {
    struct engine *engine = engine_new();
    engine->options.drain_timeout = 200000;
    engine_start(engine);
    *state = engine;
    return 0;
}

static void clients_that_do_not_close_cannot_hold_the_server(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    engine_drain(engine);
    sgr_server_join(engine->server);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(one_view_gets_its_snapshot_then_its_frames),
        WITH_ENGINE(commits_before_the_snapshot_are_not_shown),
        WITH_ENGINE(clients_of_one_channel_may_differ_in_time),
        WITH_ENGINE(a_returning_client_gets_the_rest_and_caught_up),
        WITH_ENGINE(a_lost_past_is_a_named_reset),
        WITH_ENGINE(the_cursor_of_many_views_never_steps_back),
        WITH_ENGINE(until_all_views_are_reset_the_cursor_names_nothing),
        WITH_ENGINE(a_source_that_goes_and_comes_is_told_once_each),
        WITH_ENGINE(an_error_of_the_only_view_is_told_then_closed),
        WITH_ENGINE(one_commit_is_one_frame_for_all_views),
        WITH_ENGINE(the_same_view_twice_gets_both_in_one_frame),
        WITH_ENGINE(subscribing_carries_parameters_codec_cursor_and_time),
        WITH_ENGINE(every_bad_message_has_its_code_and_the_connection_goes_on),
        WITH_ENGINE(errors_of_the_engine_name_the_subscription),
        WITH_ENGINE(ids_are_found_among_many_as_texts_and_as_numbers),
        cmocka_unit_test_setup_teardown(a_connection_has_no_more_views_than_it_may, setup_few,
                                        engine_teardown),
        WITH_ENGINE(unsubscribing_before_the_answer_is_quiet),
        WITH_ENGINE(the_seeds_full_endpoint_sends_documents),
        WITH_ENGINE(the_seeds_diffed_endpoint_begins_with_every_member),
        WITH_ENGINE(the_seeds_lists_are_replaced_whole),
        WITH_ENGINE(the_seeds_returning_client_gets_the_composed_diff),
        WITH_ENGINE(an_offered_subprotocol_is_chosen_or_refused),
        WITH_ENGINE(an_oversized_message_closes_with_1009),
        WITH_ENGINE(a_message_in_fragments_is_put_together),
        WITH_ENGINE(a_stopping_server_closes_with_1001),
        cmocka_unit_test_setup_teardown(clients_that_do_not_close_cannot_hold_the_server,
                                        setup_hasty, engine_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
