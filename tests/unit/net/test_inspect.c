/* Who is told what runs: by /_sangre/explain and /_sangre/metrics. */
#define _GNU_SOURCE
#include "unit/net/fake_engine.h"

#include "unit/auth/sign.h"
#include "unit/net/client.h"

static struct sgr_document_node place = {.file = "t", .line = 1, .column = 1};
static const struct sgr_plan_key key = {.place = &place, .secret = SECRET};
static const struct sgr_plan_auth auth = {.place = &place, .keys = &key, .key_count = 1};

static struct engine *serving(bool tokens, const char *options) {
    struct engine *engine = engine_new();
    engine->options.auth = tokens ? &auth : NULL;
    engine_sink(engine, "http", options);
    engine_start(engine);
    return engine;
}

static void expect_of(struct engine *engine, struct client *client, const char *headers,
                      bool told) {
    static const char *const paths[] = {"/_sangre/explain", "/_sangre/metrics"};
    for (int i = 0; i < 2; i++) {
        client_get(client, paths[i], headers);
        if (told) {
            struct ask ask = engine_ask_of(engine, SGR_ASK_EXPLAIN);
            sgr_hub_explained(engine->hub, ask.id, bytes_of("told"));
        }
        struct response response = client_response(client);
        assert_int_equal(response.status, told ? 200 : 403);
        assert_true(told == (strncmp(response.body, "told", 4) == 0));
        response_free(&response);
    }
}

static void expect(struct engine *engine, const char *headers, bool told) {
    struct client client = client_connect(engine->port);
    expect_of(engine, &client, headers, told);
    client_close(&client);
}

#define FORWARDED "X-Forwarded-For: 127.0.0.1\r\n"

static void without_tokens_all_are_told(void **state) {
    struct engine *engine = serving(false, NULL);
    (void)state;
    expect(engine, NULL, true);
    expect(engine, FORWARDED, true);
    engine_free(engine);
}

static void with_tokens_this_machine_is_told_and_nobody_by_way_of_it(void **state) {
    static const char *const elsewhere[] = {FORWARDED,
                                            "Forwarded: for=127.0.0.1\r\n",
                                            "Via: 1.1 proxy\r\n",
                                            "X-Real-IP: 127.0.0.1\r\n",
                                            "X-Forwarded-Host: localhost\r\n",
                                            "Origin: http://elsewhere.example\r\n"};
    struct engine *engine = serving(true, NULL);
    (void)state;
    expect(engine, NULL, true);
    expect(engine, "Origin: http://localhost:80\r\n", true);
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
        expect(engine, elsewhere[i], false);
    engine_free(engine);
}

static void a_socket_of_this_machine_is_local_whatever_its_kind(void **state) {
    struct engine *engine = serving(true, NULL);
    struct sgr_error error;
    int ends[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(sgr_server_adopt(engine->server, ends[0], &error), 0);
    struct client client = client_on(ends[1]);
    expect_of(engine, &client, NULL, true);
    client_close(&client);
    engine_free(engine);
}

static void the_secret_opens_what_is_shut_and_nothing_else_does(void **state) {
    static const char *const wrong[] = {
        "",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer sixteen bytes...\r\n",
        "Authorization: Bearer sixteen bytes..!.\r\n",
        "Authorization: Bearer sixteen bytes..!!sixteen bytes..!!\r\n",
        "Authorization: sixteen bytes..!!\r\n",
        "Authorization: Basic sixteen bytes..!!\r\n",
        "X-Authorization: Bearer sixteen bytes..!!\r\n"};
    struct engine *engine =
        serving(false, "{ inspect: none, inspect_secret: \"sixteen bytes..!!\" }");
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        expect(engine, wrong[i], false);
    expect(engine, "Authorization: Bearer sixteen bytes..!!\r\n", true);
    expect(engine, FORWARDED "authorization: bearer  sixteen bytes..!!\r\n", true);
    engine_free(engine);
}

static void health_is_for_all(void **state) {
    struct engine *engine = serving(true, "{ inspect: none }");
    struct client client = client_connect(engine->port);
    (void)state;
    client_get(&client, "/_sangre/health", FORWARDED);
    struct response response = client_response(&client);
    assert_int_equal(response.status, 200);
    response_free(&response);
    client_close(&client);
    expect(engine, NULL, false);
    engine_free(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_tokens_all_are_told),
        cmocka_unit_test(with_tokens_this_machine_is_told_and_nobody_by_way_of_it),
        cmocka_unit_test(a_socket_of_this_machine_is_local_whatever_its_kind),
        cmocka_unit_test(the_secret_opens_what_is_shut_and_nothing_else_does),
        cmocka_unit_test(health_is_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
