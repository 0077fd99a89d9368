/* Flow control: slow readers are composed for, standing ones cut; big messages and many connections go through. */
#include "unit/net/fake_engine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "unit/net/client.h"

/* Answers an HTTP request once everything that was published before has been handled by the network thread. Other asks stay. */
static void settle(struct engine *engine) {
    struct ask aside[64];
    size_t count = 0;
    struct client client = client_connect(engine->port);
    client_get(&client, "/settle", NULL);
    while (strcmp((aside[count] = engine_ask(engine)).view, "/settle") != 0)
        assert_true(++count < 64);
    engine_snapshot(engine, &aside[count], 0, "s", "[]");
    struct response response = client_response(&client);
    response_free(&response);
    client_close(&client);
    while (count) {
        engine->first = (engine->first + ENGINE_ASKS - 1) % ENGINE_ASKS;
        engine->asks[engine->first] = aside[--count];
        engine->count++;
    }
}

static char *filled(size_t size, char with) {
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, with, size);
    text[size] = '\0';
    return text;
}

static int setup_tight(void **state) {
    struct engine *engine = engine_new();
    engine->options.client_buffer = 100000;
    engine_start(engine);
    *state = engine;
    return 0;
}

static struct client slow_client(struct engine *engine) {
    struct client client = client_connect_with(engine->port, 4096);
    assert_int_equal(client_upgrade(&client, "/", NULL), 101);
    return client;
}

static struct ask view(struct engine *engine, struct client *client, const char *id, int channel) {
    char text[128];
    snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"id\":\"%s\",\"view\":\"/v\"}", id);
    client_say(client, text);
    struct ask ask = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &ask, (uint64_t)channel, "c0", "[]");
    client_expect_part(client, "snapshot");
    return ask;
}

/* Publishes big frames until the client, which does not read, must be over its budget: sockets take some megabytes at most. */
static int flood(struct engine *engine, int from, size_t size, int count) {
    char *patches = filled(size, '1');
    for (int i = 0; i < count; i++) {
        char previous[16], cursor[16];
        snprintf(previous, sizeof(previous), "c%d", from + i);
        snprintf(cursor, sizeof(cursor), "c%d", from + i + 1);
        engine_commit(engine, previous, cursor, 5, patches, 6, patches, 0);
    }
    free(patches);
    settle(engine);
    return from + count;
}

/* The client's next message, or NULL when the engine is asked something. */
static char *hear_unless_asked(struct engine *engine, struct client *client) {
    struct pollfd readable = {.fd = client->descriptor, .events = POLLIN};
    for (;;) {
        while (sgr_hub_take(engine->hub, engine_store, engine, 64))
            continue;
        if (engine->count)
            return NULL;
        if (client->size || poll(&readable, 1, 20) > 0)
            return client_hear(client);
    }
}

/* Reads frames until one says composed; their chain has no hole. Returns the last cursor before it. */
static int read_until_composed(struct client *client, int expected) {
    for (;;) {
        char *text = client_hear(client);
        int previous, cursor;
        assert_int_equal(sscanf(text, "{\"f\":{\"p\":\"c%d\",\"c\":\"c%d\"", &previous, &cursor),
                         2);
        assert_int_equal(previous, expected);
        bool composed = strstr(text, "composed") != NULL;
        free(text);
        if (composed)
            return cursor;
        assert_int_equal(cursor, expected + 1);
        expected = cursor;
    }
}

static void answer_compose(struct engine *engine, const struct ask *ask, const char *cursor) {
    struct sgr_hub_answer answers[16];
    for (size_t i = 0; i < ask->count; i++) {
        answers[i] =
            make_answer(ask->ids[i], 5 + (uint32_t)i, SGR_ANSWER_RESUMED, cursor, "[\"composed\"]");
        answers[i].state.previous = sgr_slice(ask->cursors[i]);
    }
    sgr_hub_composed(engine->hub, ask->id, answers, ask->count);
}

static void a_slow_reader_gets_one_composed_frame_for_what_it_missed(void **state) {
    struct engine *engine = *state;
    struct client client = slow_client(engine);
    struct ask a = view(engine, &client, "a", 5), b = view(engine, &client, "b", 6);
    int last = flood(engine, 0, 20000, 400);
    int seen = 0;
    char *text;
    while ((text = hear_unless_asked(engine, &client))) {
        int previous, cursor;
        assert_int_equal(sscanf(text, "{\"f\":{\"p\":\"c%d\",\"c\":\"c%d\"", &previous, &cursor),
                         2);
        assert_int_equal(previous, seen);
        assert_non_null(strstr(text, "\"a\":"));
        assert_non_null(strstr(text, "\"b\":"));
        seen = cursor;
        free(text);
    }
    assert_true(seen < last);
    struct ask ask = engine_ask_of(engine, SGR_ASK_COMPOSE);
    assert_int_equal(ask.count, 2);
    assert_int_equal(ask.ids[0], a.id);
    assert_int_equal(ask.ids[1], b.id);
    engine_commit(engine, "c400", "c401", 5, "[\"late\"]", 0); /* is in the answer, not apart */
    answer_compose(engine, &ask, "c401");
    engine_commit(engine, "c401", "c402", 5, "[\"behind\"]", 0);
    int paused = atoi(ask.cursors[0] + 1);
    assert_string_equal(ask.cursors[0], ask.cursors[1]);
    assert_true(paused >= seen);
    assert_int_equal(read_until_composed(&client, seen), 401);
    client_expect(&client, "{\"f\":{\"p\":\"c401\",\"c\":\"c402\",\"d\":{\"a\":[\"behind\"]}}}");
    client_close(&client);
}

static void a_paused_client_has_reached_a_position_only_with_its_composed_frame(void **state) {
    struct engine *engine = *state;
    struct client client = slow_client(engine);
    view(engine, &client, "a", 5);
    client_say(&client, "{\"type\":\"wait\",\"id\":1,\"cursor\":\"c400\"}");
    struct ask wait = engine_ask_of(engine, SGR_ASK_WAIT);
    int last = flood(engine, 0, 20000, 400), seen = 0;
    engine_waited(engine, &wait, "c400");
    char *text;
    while ((text = hear_unless_asked(engine, &client))) {
        assert_null(strstr(text, "caught_up"));
        seen++;
        free(text);
    }
    assert_true(seen < last);
    struct ask ask = engine_ask_of(engine, SGR_ASK_COMPOSE);
    answer_compose(engine, &ask, "c400");
    assert_int_equal(read_until_composed(&client, seen), 400);
    client_expect(&client,
                  "{\"type\":\"caught_up\",\"id\":1,\"wait\":\"c400\",\"cursor\":\"c400\"}");
    client_close(&client);
}

static void a_past_that_is_gone_is_reset_with_the_others_kept(void **state) {
    struct engine *engine = *state;
    struct client client = slow_client(engine);
    view(engine, &client, "a", 5);
    view(engine, &client, "b", 6);
    flood(engine, 0, 20000, 400);
    char *heard;
    while ((heard = hear_unless_asked(engine, &client)))
        free(heard);
    struct ask ask = engine_ask_of(engine, SGR_ASK_COMPOSE);
    struct sgr_hub_answer answers[2] = {
        make_answer(ask.ids[0], 5, SGR_ANSWER_RESET, "c400", "[1]"),
        make_answer(ask.ids[1], 6, SGR_ANSWER_RESUMED, "c400", "[\"composed\"]")};
    sgr_hub_composed(engine->hub, ask.id, answers, 2);
    /* Who is cut off before b has its rest must not come back to a cursor. */
    for (bool reset = false; !reset;) {
        char *text = client_hear(&client);
        reset = strstr(text,
                       "{\"type\":\"reset\",\"id\":\"a\",\"reason\":\"history\",\"cursor\":\"-\"");
        free(text);
    }
    client_expect(&client, "{\"f\":{\"p\":\"-\",\"c\":\"c400\",\"d\":{\"b\":[\"composed\"]}}}");
    client_close(&client);
}

static void a_subscription_made_while_composing_is_asked_for_too(void **state) {
    struct engine *engine = *state;
    struct client client = slow_client(engine);
    view(engine, &client, "a", 5);
    client_say(&client, "{\"type\":\"subscribe\",\"id\":\"late\",\"view\":\"/v\"}");
    struct ask late = engine_subscribe_ask(engine, "/v");
    flood(engine, 0, 20000, 400);
    char *heard;
    while ((heard = hear_unless_asked(engine, &client)))
        free(heard);
    struct ask ask = engine_ask_of(engine, SGR_ASK_COMPOSE);
    assert_int_equal(ask.count, 1);
    engine_snapshot(engine, &late, 6, "c400", "[]");
    answer_compose(engine, &ask, "c400"); /* without the late one: not delivered */
    struct ask again = engine_ask_of(engine, SGR_ASK_COMPOSE);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.cursors[0], ask.cursors[0]);
    assert_string_equal(again.cursors[1], "c400");
    struct sgr_hub_answer answers[2] = {
        make_answer(again.ids[0], 5, SGR_ANSWER_RESUMED, "c400", "[\"composed\"]"),
        make_answer(again.ids[1], 6, SGR_ANSWER_RESUMED, "c400", NULL)};
    sgr_hub_composed(engine->hub, again.id, answers, 2);
    bool known = false;
    for (bool composed = false; !composed;) {
        char *text = client_hear(&client);
        /* The others were not where this answer was. */
        known |= strstr(text, "\"id\":\"late\",\"cursor\":\"-\"") != NULL;
        composed = strstr(text, "{\"a\":[\"composed\"]}") != NULL;
        free(text);
    }
    assert_true(known);
    client_close(&client);
}

static void a_composition_that_memory_did_not_allow_closes_the_connection(void **state) {
    struct engine *engine = *state;
    struct client client = slow_client(engine);
    view(engine, &client, "a", 5);
    flood(engine, 0, 20000, 400);
    char *heard;
    while ((heard = hear_unless_asked(engine, &client)))
        free(heard);
    struct ask ask = engine_ask_of(engine, SGR_ASK_COMPOSE);
    sgr_hub_composed(engine->hub, ask.id, NULL, 0);
    while (client_peek_frame(&client).opcode != 8)
        free(client_hear(&client));
    assert_int_equal(client_closed(&client), 1013);
    client_close(&client);
}

static int setup_impatient(void **state) {
    struct engine *engine = engine_new();
    engine->options.client_buffer = 100000;
    engine->options.client_timeout = 400000;
    engine_start(engine);
    *state = engine;
    return 0;
}

static void a_client_that_stands_still_is_cut(void **state) {
    struct engine *engine = *state;
    struct client client = slow_client(engine);
    view(engine, &client, "a", 5);
    flood(engine, 0, 8000000, 1);
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    client_expect_end(&client);
    client_close(&client);
}

static void an_idle_client_is_not_cut(void **state) {
    struct engine *engine = *state;
    struct client idle = client_websocket(engine->port, "/"), standing = slow_client(engine);
    view(engine, &standing, "a", 5);
    flood(engine, 0, 8000000, 1);
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE); /* longer than the timeout went by */
    client_say(&idle, "{\"type\":\"ping\"}");
    client_expect(&idle, "{\"type\":\"pong\"}");
    client_close(&idle);
    client_close(&standing);
}

static int setup_roomy(void **state) {
    struct engine *engine = engine_new();
    engine->options.client_buffer = 64 << 20;
    engine_start(engine);
    *state = engine;
    return 0;
}

static void messages_of_every_size_arrive_whole(void **state) {
    struct engine *engine = *state;
    static const size_t sizes[] = {0,      1,      125,    126,    65535,   65536,   262130, 262134,
                                   262135, 262144, 524288, 700000, 3000000, 3000001, 2};
    struct client client = client_websocket(engine->port, "/ws/v");
    struct ask ask = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &ask, 5, "c0", "[]");
    client_expect(&client, "[]");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        char *text = filled(sizes[i], (char)('a' + i));
        engine_commit(engine, "c1", "c2", 5, text, 0);
        if (i % 3 == 1)
            engine_commit(engine, "c1", "c2", 5, "small", 0);
        char *got = client_hear(&client);
        assert_int_equal(strlen(got), sizes[i]);
        assert_string_equal(got, text);
        free(got);
        free(text);
        if (i % 3 == 1)
            client_expect(&client, "small");
    }
    client_close(&client);
}

static void a_ping_between_the_parts_of_a_big_message_breaks_nothing(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect_with(engine->port, 4096);
    assert_int_equal(client_upgrade(&client, "/ws/v", NULL), 101);
    struct ask ask = engine_subscribe_ask(engine, "/v");
    char *text = filled(4000000, 'x');
    engine_snapshot(engine, &ask, 5, "c0", text);
    for (int i = 0; i < 8; i++)
        client_frame(&client, 0x89, "ping", 4);
    char *got = client_hear(&client);
    assert_string_equal(got, text);
    free(got);
    free(text);
    client_close(&client);
}

static int setup_single(void **state) {
    struct engine *engine = engine_new();
    engine->options.client_timeout = 400000;
    engine->options.connection_limit = 1;
    engine_start(engine);
    *state = engine;
    return 0;
}

static int health(struct engine *engine) {
    struct client client = client_connect(engine->port);
    client_get(&client, "/_sangre/health", NULL);
    struct response response = client_response(&client);
    response_free(&response);
    client_close(&client);
    return response.status;
}

static size_t descriptors(void) {
    size_t count = 0;
    for (int i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

static void an_answer_nobody_reads_is_given_up(void **state) {
    struct engine *engine = *state;
    size_t ours = descriptors() + 1; /* the client's end */
    struct client client = client_connect_with(engine->port, 4096);
    char *document = filled(8000000, 'x');
    client_get(&client, "/v", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/v");
    assert_int_equal(health(engine), 503);
    engine_snapshot(engine, &ask, 0, "c0", document);
    free(document);
    while (descriptors() > ours) /* nothing else happens that could wake the server */
        poll(NULL, 0, 50);
    assert_int_equal(health(engine), 200);
    client_close(&client);
}

static int setup_lively(void **state) {
    struct engine *engine = engine_new();
    engine_sink(engine, "http", NULL);
    engine_sink(engine, "sse", "keep_alive: 200ms");
    engine_start(engine);
    *state = engine;
    return 0;
}

static double clock_of(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The server is left with input that it can't take in yet: from a stream's client, and behind an answer that is not read. */
static void what_clients_send_on_does_not_turn_the_loop(void **state) {
    enum { SIZE = 8 << 20 };
    struct engine *engine = *state;
    const char *stream =
        "GET /s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\nat once";
    const char *gets =
        "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nGET /b HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct client listener = client_connect(engine->port);
    struct client reader = client_connect_with(engine->port, 4096);
    client_write(&listener, stream, strlen(stream));
    struct ask ask = engine_subscribe_ask(engine, "/s");
    engine_snapshot(engine, &ask, 5, "c0", "[]");
    client_write(&reader, gets, strlen(gets));
    char *document = filled(SIZE, '1');
    ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 0, "c0", document);
    settle(engine);
    client_write(&listener, "later", 5);
    client_write(&reader, "GET /c HTTP/1.1\r\nHost: localhost\r\n\r\n", 36);
    double began = clock_of(CLOCK_MONOTONIC), worked = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < 5; i++) { /* comments that keep it alive */
        client_need(&listener, listener.size + 1);
        client_consume(&listener, listener.size);
    }
    assert_true(clock_of(CLOCK_PROCESS_CPUTIME_ID) - worked <
                (clock_of(CLOCK_MONOTONIC) - began) / 2);
    struct response response = client_response(&reader);
    assert_string_equal(response.body, document);
    response_free(&response);
    free(document);
    for (int i = 0; i < 2; i++) {
        ask = engine_subscribe_ask(engine, i ? "/c" : "/b");
        engine_snapshot(engine, &ask, 0, "c0", i ? "[3]" : "[2]");
        response = client_response(&reader);
        assert_string_equal(response.body, i ? "[3]" : "[2]");
        response_free(&response);
    }
    engine_commit(engine, "c0", "c1", 5, "[\"on\"]", 0);
    client_need(&listener, 1);
    while (!strstr(listener.data, "[\"on\"]"))
        client_need(&listener, listener.size + 1);
    client_close(&listener);
    client_close(&reader);
}

/* Each unanswered subscribe could be a big document. */
static void a_client_may_not_ask_far_ahead_of_its_answers(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    for (int i = 0; i < 200; i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"id\":%d,\"view\":\"/v\"}", i);
        client_say(&client, text);
    }
    for (int i = 0; i < 200; i++) {
        struct ask ask = engine_subscribe_ask(engine, "/v");
        if (i == 15)
            settle(engine);
        assert_true(engine->count < 16);
        engine_snapshot(engine, &ask, 5, "c1", "[]");
    }
    for (int i = 0; i < 200; i++)
        client_expect_part(&client, "snapshot");
    client_close(&client);
}

static void expect_pong_behind_snapshots(struct client *client) {
    for (bool pong = false; !pong;) {
        char *text = client_hear(client);
        pong = strcmp(text, "{\"type\":\"pong\"}") == 0;
        assert_true(pong || strstr(text, "snapshot"));
        free(text);
    }
}

/* The engine has its work with them all the same. */
static void what_a_client_ends_before_its_answer_still_counts(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    for (int i = 0; i < 200; i++) {
        client_say(&client, "{\"type\":\"subscribe\",\"id\":1,\"view\":\"/v\"}");
        client_say(&client, "{\"type\":\"unsubscribe\",\"id\":1}");
    }
    for (int asked = 0, gone = 0; gone < 200;) {
        struct ask ask = engine_ask(engine);
        if (ask.kind == SGR_ASK_UNSUBSCRIBE) {
            gone++;
            continue;
        }
        if (asked++ == 15)
            settle(engine);
        assert_true(engine->count < 32);
        engine_snapshot(engine, &ask, 5, "c1", "[]");
    }
    client_say(&client, "{\"type\":\"ping\"}");
    expect_pong_behind_snapshots(&client); /* of those that it ended too late */
    client_close(&client);
}

enum { CLIENTS = 1000 };

static void a_thousand_connections_get_every_commit(void **state) {
    struct engine *engine = *state;
    struct client *clients = calloc(CLIENTS, sizeof(*clients));
    assert_non_null(clients);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(engine->port);
        assert_int_equal(client_upgrade(&clients[i], i % 2 ? "/v?time=1" : "/v", NULL), 101);
        struct ask ask = engine_subscribe_ask(engine, "/v");
        engine_snapshot(engine, &ask, 5, "c0", "[]");
    }
    for (int i = 0; i < 20; i++) {
        char previous[16], cursor[16];
        snprintf(previous, sizeof(previous), "c%d", i);
        snprintf(cursor, sizeof(cursor), "c%d", i + 1);
        engine_commit(engine, previous, cursor, 5, "[1]", 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        client_expect_part(&clients[i], "snapshot");
        for (int k = 0; k < 20; k++) {
            char text[96];
            snprintf(text, sizeof(text), "{\"f\":{\"p\":\"c%d\",\"c\":\"c%d\",\"d\":[1]%s}}", k,
                     k + 1, i % 2 ? ",\"t\":1234" : "");
            client_expect(&clients[i], text);
        }
    }
    engine_drain(engine);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_closed(&clients[i]), 1001);
        client_close(&clients[i]);
    }
    sgr_server_join(engine->server);
    free(clients);
}

static void clients_that_vanish_anywhere_leave_nothing_behind(void **state) {
    struct engine *engine = *state;
    static const char *const beginnings[] = {
        "",
        "GET",
        "GET /v HTTP/1.1\r\nHost: localhost\r\n",
        "GET /v HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
        "GET /v HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET /v HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "POST /v HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
        for (int k = 0; k < 3; k++) {
            struct client client = client_connect(engine->port);
            client_write(&client, beginnings[i], strlen(beginnings[i]));
            client_close(&client);
        }
    }
    settle(engine);
}

int main(void) {
    struct rlimit files = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &files);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slow_reader_gets_one_composed_frame_for_what_it_missed,
                                        setup_tight, engine_teardown),
        cmocka_unit_test_setup_teardown(
            a_paused_client_has_reached_a_position_only_with_its_composed_frame, setup_tight,
            engine_teardown),
        cmocka_unit_test_setup_teardown(a_past_that_is_gone_is_reset_with_the_others_kept,
                                        setup_tight, engine_teardown),
        cmocka_unit_test_setup_teardown(a_subscription_made_while_composing_is_asked_for_too,
                                        setup_tight, engine_teardown),
        cmocka_unit_test_setup_teardown(
            a_composition_that_memory_did_not_allow_closes_the_connection, setup_tight,
            engine_teardown),
        cmocka_unit_test_setup_teardown(a_client_that_stands_still_is_cut, setup_impatient,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(an_idle_client_is_not_cut, setup_impatient,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(messages_of_every_size_arrive_whole, setup_roomy,
                                        engine_teardown),
        WITH_ENGINE(a_ping_between_the_parts_of_a_big_message_breaks_nothing),
        cmocka_unit_test_setup_teardown(an_answer_nobody_reads_is_given_up, setup_single,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(what_clients_send_on_does_not_turn_the_loop, setup_lively,
                                        engine_teardown),
        WITH_ENGINE(a_client_may_not_ask_far_ahead_of_its_answers),
        WITH_ENGINE(what_a_client_ends_before_its_answer_still_counts),
        WITH_ENGINE(a_thousand_connections_get_every_commit),
        WITH_ENGINE(clients_that_vanish_anywhere_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
