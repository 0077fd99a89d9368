/* Who is turned away at the door: names that may be made to mean this machine, methods that begin no websocket, links out of the folder, and health
 * checks before there is anything to serve. */
#include "unit/net/fake_engine.h"

#include <sys/stat.h>

#include "unit/net/client.h"

static int setup_listed(void **state) {
    static const char *const origins[] = {"https://app.example:8443", "http://[fd00::7]"};
    struct engine *engine = engine_new();
    engine->options.origins = origins;
    engine->options.origin_count = 2;
    engine_start(engine);
    *state = engine;
    return 0;
}

static int setup_all(void **state) {
    static const char *const origins[] = {"*"};
    struct engine *engine = engine_new();
    engine->options.origins = origins;
    engine->options.origin_count = 1;
    engine_start(engine);
    *state = engine;
    return 0;
}

static int setup_open(void **state) {
    struct engine *engine = engine_new();
    engine->options.listen_host = "0.0.0.0";
    engine_start(engine);
    *state = engine;
    return 0;
}

/* The status of a request of this kind for this host. */
static int asked(struct engine *engine, const char *method, const char *host, const char *headers) {
    struct client client = client_connect(engine->port);
    client_send(&client, "%s /_sangre/health HTTP/1.1\r\n%s%s%s%s\r\n", method,
                host ? "Host: " : "", host ? host : "", host ? "\r\n" : "", headers);
    struct response response = client_head(&client);
    client_close(&client);
    return response.status;
}

static const char upgrade[] = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

static void expect_hosts(struct engine *engine, const char *const *hosts, bool known) {
    for (; *hosts; hosts++) {
        const char *host = **hosts ? *hosts : NULL;
        int plain = asked(engine, "GET", host, "");
        int socket = asked(engine, "GET", host, upgrade);
        if (plain != (known ? 200 : 403) || socket != (known ? 101 : 403))
            fail_msg("host %s: %d, as a websocket %d", *hosts, plain, socket);
    }
}

static void a_loopback_listener_answers_to_local_names_and_listed_ones_only(void **state) {
    static const char *const known[] = {"localhost",
                                        "LOCALHOST:80",
                                        "localhost.",
                                        "my.localhost:1",
                                        "127.0.0.1:8080",
                                        "10.1.2.3",
                                        "[::1]:8080",
                                        "[::ffff:1.2.3.4]",
                                        "app.example",
                                        "App.Example.:8443",
                                        "app.example:80",
                                        "[fd00::7]:1",
                                        NULL};
    static const char *const unknown[] = {"evil.example",
                                          "evil.example:8080",
                                          "localhost.evil.example",
                                          "notlocalhost",
                                          "127.0.0.1.evil.example",
                                          "app.example.evil",
                                          "xapp.example",
                                          "[evil.example]",
                                          "127.0.0.1x",
                                          ":80",
                                          "[",
                                          NULL};
    expect_hosts(*state, known, true);
    expect_hosts(*state, unknown, false);
    assert_int_equal(asked(*state, "GET", NULL, ""), 200); /* no browser leaves it out */
    for (size_t i = 0; i < 2; i++) {
        const char *method = i ? "OPTIONS" : "POST";
        assert_int_equal(asked(*state, method, "evil.example", "Content-Length: 0\r\n"), 403);
    }
    assert_int_equal(asked(*state, "GET", "evil.example",
                           "Accept: text/event-stream\r\nOrigin: http://evil.example\r\n"),
                     403);
}

static void a_star_or_an_open_listener_asks_nobody_for_a_name(void **state) {
    static const char *const any[] = {"evil.example", "localhost", NULL};
    expect_hosts(*state, any, true);
}

static void a_websocket_that_does_not_begin_with_get_is_405(void **state) {
    char headers[512];
    snprintf(headers, sizeof(headers), "Content-Length: 0\r\n%s", upgrade);
    assert_int_equal(asked(*state, "POST", "localhost", headers), 405);
}

static int setup_starting(void **state) {
    struct engine *engine = engine_new();
    engine_sink(engine, "http", NULL);
    struct sgr_error error = {0};
    assert_int_equal(sgr_server_new(&engine->options, engine->sinks, engine->sink_count,
                                    engine->hub, &engine->server, &error),
                     0);
    assert_int_equal(sgr_server_start(engine->server, &error), 0);
    engine->port = sgr_server_port(engine->server);
    *state = engine;
    return 0;
}

static void expect_health(struct engine *engine, int status, const char *body) {
    struct client client = client_connect(engine->port);
    client_get(&client, "/_sangre/health", NULL);
    struct response response = client_response(&client);
    assert_int_equal(response.status, status);
    assert_non_null(strstr(response.body, body));
    response_free(&response);
    client_close(&client);
}

/* The hub keeps order, so who has an answer to what was asked behind it has seen it. */
static void settle(struct engine *engine) {
    struct client client = client_connect(engine->port);
    client_get(&client, "/settle", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/settle");
    engine_snapshot(engine, &ask, 0, "s", "[]");
    struct response response = client_response(&client);
    response_free(&response);
    client_close(&client);
}

static void health_is_503_until_views_are_served_and_tells_when_they_are_stale(void **state) {
    struct engine *engine = *state;
    expect_health(engine, 503, "\"code\":\"not_ready\"");
    sgr_hub_ready(engine->hub);
    expect_health(engine, 200, "{\"status\":\"ok\"}");
    sgr_hub_stale(engine->hub, true);
    settle(engine);
    expect_health(engine, 200, "{\"status\":\"ok\",\"stale\":true}");
    sgr_hub_stale(engine->hub, false);
    settle(engine);
    expect_health(engine, 200, "{\"status\":\"ok\"}");
}

/* ---- Files ---- */

static char folder[64];

static void put(const char *name, const char *text) {
    char place[128];
    snprintf(place, sizeof(place), "%s/%s", folder, name);
    FILE *file = fopen(place, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void put_link(const char *name, const char *to) {
    char place[128];
    snprintf(place, sizeof(place), "%s/%s", folder, name);
    assert_int_equal(symlink(to, place), 0);
}

static int setup_files(void **state) {
    char yaml[128];
    struct engine *engine = engine_new();
    strcpy(folder, "/tmp/sangre-files-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(yaml, sizeof(yaml), "%s/site", folder);
    mkdir(yaml, 0700);
    snprintf(yaml, sizeof(yaml), "%s/site-secret", folder); /* begins as the folder does */
    mkdir(yaml, 0700);
    put("secret", "secret");
    put("site-secret/key", "secret");
    put("site/page", "page");
    put_link("site/inside", "page");
    put_link("site/outside", "../secret");
    put_link("site/beside", "../site-secret");
    put_link("site/far", "/etc/passwd");
    put_link("current", "site"); /* the folder itself may be a link */
    snprintf(yaml, sizeof(yaml), "static: %s/current", folder);
    engine_sink(engine, "http", yaml);
    engine_start(engine);
    *state = engine;
    return 0;
}

static int teardown_files(void **state) {
    static const char *const all[] = {
        "site/page", "site/inside", "site/outside", "site/beside", "site/far", "site-secret/key",
        "secret",    "current",     "site",         "site-secret", ""};
    char place[128];
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        snprintf(place, sizeof(place), "%s/%s", folder, all[i]);
        remove(place);
    }
    return engine_teardown(state);
}

static void files_are_served_from_the_folder_wherever_links_lead(void **state) {
    struct engine *engine = *state;
    static const char *const views[] = {"/outside", "/far", "/beside/key"};
    static const char *const files[] = {"/page", "/inside"};
    struct client client = client_connect(engine->port);
    for (size_t i = 0; i < 2; i++) {
        client_get(&client, files[i], NULL);
        struct response response = client_response(&client);
        assert_string_equal(response.body, "page");
        response_free(&response);
    }
    for (size_t i = 0; i < 3; i++) { /* no such file: then it may be a view */
        client_get(&client, views[i], NULL);
        struct ask ask = engine_subscribe_ask(engine, views[i]);
        engine_refuse(engine, &ask, 404, "unknown_view", "no such view");
        struct response response = client_response(&client);
        assert_int_equal(response.status, 404);
        response_free(&response);
    }
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_loopback_listener_answers_to_local_names_and_listed_ones_only, setup_listed,
            engine_teardown),
        cmocka_unit_test_setup_teardown(a_star_or_an_open_listener_asks_nobody_for_a_name,
                                        setup_all, engine_teardown),
        cmocka_unit_test_setup_teardown(a_star_or_an_open_listener_asks_nobody_for_a_name,
                                        setup_open, engine_teardown),
        WITH_ENGINE(a_websocket_that_does_not_begin_with_get_is_405),
        cmocka_unit_test_setup_teardown(
            health_is_503_until_views_are_served_and_tells_when_they_are_stale, setup_starting,
            engine_teardown),
        cmocka_unit_test_setup_teardown(files_are_served_from_the_folder_wherever_links_lead,
                                        setup_files, teardown_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
