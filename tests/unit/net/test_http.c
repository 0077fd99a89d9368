/* What an HTTP client sees: views by GET, entity tags, errors, origins, limits. */
#include "unit/net/fake_engine.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/stat.h>

#include "unit/net/client.h"

static struct response get(struct engine *engine, const char *path, const char *headers) {
    struct client client = client_connect(engine->port);
    client_get(&client, path, headers);
    struct response response = client_response(&client);
    client_close(&client);
    return response;
}

static void expect(struct response response, int status, const char *body) {
    if (response.status != status || strcmp(response.body, body) != 0)
        fail_msg("expected %d %s, got %d %s", status, body, response.status, response.body);
    response_free(&response);
}

static void expect_error(struct response response, int status, const char *code) {
    char start[64];
    snprintf(start, sizeof(start), "{\"error\":{\"code\":\"%s\",\"message\":\"", code);
    if (response.status != status || strncmp(response.body, start, strlen(start)) != 0)
        fail_msg("expected %d %s, got %d %s", status, code, response.status, response.body);
    assert_string_equal(header_of(&response, "content-type"), "application/json");
    response_free(&response);
}

static void a_view_is_a_document_with_tag_and_cursor(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_get(&client, "/followeds?user=7", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/followeds");
    assert_true(ask.once);
    assert_string_equal(ask.parameters, "user=7");
    assert_string_equal(ask.codec, "");
    engine_snapshot(engine, &ask, 0, "c1", "{\"id\":7}");
    struct response response = client_response(&client);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, "{\"id\":7}");
    assert_string_equal(header_of(&response, "etag"), "\"c1\"");
    assert_string_equal(header_of(&response, "sangre-cursor"), "c1");
    assert_string_equal(header_of(&response, "content-type"), "application/json");
    assert_null(header_of(&response, "sangre-stale"));
    response_free(&response);
    client_close(&client);
}

static void a_connection_serves_one_request_after_another(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    for (int i = 0; i < 3; i++) {
        client_get(&client, "/a", NULL);
        struct ask ask = engine_subscribe_ask(engine, "/a");
        engine_snapshot(engine, &ask, 0, "c1", i == 1 ? "[1]" : "[]");
        expect(client_response(&client), 200, i == 1 ? "[1]" : "[]");
    }
    client_close(&client);
}

static void an_unchanged_view_is_304(void **state) {
    struct engine *engine = *state;
    static const char *const same[] = {"\"c1\"", "W/\"c1\"", "\"x\", \"c1\"", "*"};
    struct client client = client_connect(engine->port);
    for (size_t i = 0; i < 4; i++) {
        char header[64];
        snprintf(header, sizeof(header), "If-None-Match: %s\r\n", same[i]);
        client_get(&client, "/a", header);
        struct ask ask = engine_subscribe_ask(engine, "/a");
        engine_snapshot(engine, &ask, 0, "c1", "[]");
        struct response response = client_response(&client);
        assert_int_equal(response.status, 304);
        assert_string_equal(response.body, "");
        assert_string_equal(header_of(&response, "etag"), "\"c1\"");
        response_free(&response);
    }
    client_get(&client, "/a", "If-None-Match: \"c0\"\r\n");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 0, "c1", "[]");
    expect(client_response(&client), 200, "[]");
    client_close(&client);
}

static void a_stale_view_says_so(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_get(&client, "/a?codec=rows", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    assert_string_equal(ask.codec, "rows");
    assert_string_equal(ask.parameters, "");
    struct sgr_hub_answer answer = make_answer(ask.id, 0, SGR_ANSWER_SNAPSHOT, "c1", "[]");
    answer.state.stale = true;
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
    struct response response = client_response(&client);
    assert_string_equal(header_of(&response, "sangre-stale"), "true");
    response_free(&response);
    client_close(&client);
}

static void head_has_the_head_alone(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_send(&client, "HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct ask ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 0, "c1", "[1,2]");
    struct response response = client_head(&client);
    assert_int_equal(response.status, 200);
    assert_string_equal(header_of(&response, "content-length"), "5");
    client_get(&client, "/a", NULL); /* nothing of a body lies in between */
    ask = engine_subscribe_ask(engine, "/a");
    engine_snapshot(engine, &ask, 0, "c1", "[1,2]");
    expect(client_response(&client), 200, "[1,2]");
    client_close(&client);
}

static void errors_of_the_engine_have_their_status(void **state) {
    struct engine *engine = *state;
    static const struct {
        int status;
        const char *code;
    } cases[] = {{404, "unknown_view"}, {400, "bad_parameter"}, {503, "not_ready"}};
    struct client client = client_connect(engine->port);
    for (size_t i = 0; i < 3; i++) {
        client_get(&client, "/nothere", NULL);
        struct ask ask = engine_subscribe_ask(engine, "/nothere");
        engine_refuse(engine, &ask, cases[i].status, cases[i].code, "did you mean \"/there\"?");
        struct response response = client_response(&client);
        const char *retry = header_of(&response, "retry-after");
        assert_true(cases[i].status == 503 ? retry != NULL : retry == NULL);
        assert_non_null(strstr(response.body, "did you mean \\\"/there\\\"?"));
        expect_error(response, cases[i].status, cases[i].code);
    }
    client_close(&client);
}

static void queries_are_decoded(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_get(&client, "/a%20b?x=a%26b%3Dc&y=1+2&z=&q=%C3%A9&w", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a b");
    assert_string_equal(ask.parameters, "x=a&b=c&y=1 2&z=&q=\xc3\xa9&w=");
    engine_snapshot(engine, &ask, 0, "c1", "[]");
    expect(client_response(&client), 200, "[]");
    client_close(&client);
}

static void other_methods_are_405(void **state) {
    struct engine *engine = *state;
    static const char *const methods[] = {"PUT", "DELETE", "PATCH"};
    for (size_t i = 0; i < 3; i++) {
        struct client client = client_connect(engine->port);
        client_send(&client, "%s /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
                    methods[i]);
        struct response response = client_response(&client);
        assert_non_null(strstr(header_of(&response, "allow"), "GET"));
        expect_error(response, 405, "method_not_allowed");
        client_close(&client);
    }
    struct client client = client_connect(engine->port);
    client_send(&client, "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    expect_error(client_response(&client), 405, "method_not_allowed");
    client_expect_end(&client); /* what follows an unread body is not guessed at */
    client_close(&client);
}

static void a_broken_request_closes_its_connection_only(void **state) {
    struct engine *engine = *state;
    struct client bad = client_connect(engine->port);
    client_send(&bad, "\x01\x02 nonsense\r\n\r\n");
    client_expect_end(&bad);
    client_close(&bad);
    struct client big = client_connect(engine->port);
    client_send(&big, "GET /a?x=%0*d HTTP/1.1\r\nHost: localhost\r\n\r\n", 40000, 1);
    client_expect_end(&big);
    client_close(&big);
    expect(get(engine, "/_sangre/health", NULL), 200, "{\"status\":\"ok\"}\n");
}

static void explain_asks_the_engine_in_the_format(void **state) {
    struct engine *engine = *state;
    static const char *const formats[] = {"text", "dot", "json"};
    struct client client = client_connect(engine->port);
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/_sangre/explain?format=%s", formats[i]);
        client_get(&client, path, NULL);
        struct ask ask = engine_ask_of(engine, SGR_ASK_EXPLAIN);
        assert_string_equal(ask.format, formats[i]);
        sgr_hub_explained(engine->hub, ask.id, bytes_of("the plan"));
        expect(client_response(&client), 200, "the plan");
    }
    client_get(&client, "/_sangre/explain?format=xml", NULL);
    expect_error(client_response(&client), 400, "bad_parameter");
    client_close(&client);
}

static void a_client_that_leaves_early_is_harmless(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_get(&client, "/a", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    client_close(&client);
    expect(get(engine, "/_sangre/health", NULL), 200, "{\"status\":\"ok\"}\n");
    engine_snapshot(engine, &ask, 0, "c1", "[]");
    expect(get(engine, "/_sangre/health", NULL), 200, "{\"status\":\"ok\"}\n");
}

static void a_big_document_arrives_whole(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect_with(engine->port, 4096);
    client_get(&client, "/a", NULL);
    struct ask ask = engine_subscribe_ask(engine, "/a");
    size_t size = 5000000;
    char *document = malloc(size + 1);
    assert_non_null(document);
    for (size_t i = 0; i < size; i++)
        document[i] = (char)('a' + i % 23);
    document[size] = '\0';
    engine_snapshot(engine, &ask, 0, "c1", document);
    expect(client_response(&client), 200, document);
    free(document);
    client_close(&client);
}

/* ---- Origins ---- */

static int setup_origins(void **state) {
    static const char *const origins[] = {"https://app.example"};
    struct engine *engine = engine_new();
    engine->options.origins = origins;
    engine->options.origin_count = 1;
    engine_start(engine);
    *state = engine;
    return 0;
}

static void only_listed_origins_may_read(void **state) {
    struct engine *engine = *state;
    static const char *const origins[] = {"https://app.example", "http://localhost:80",
                                          "https://evil.example"};
    for (size_t i = 0; i < 3; i++) {
        char header[128];
        snprintf(header, sizeof(header), "Origin: %s\r\n", origins[i]);
        struct response response = get(engine, "/_sangre/health", header);
        const char *allowed = header_of(&response, "access-control-allow-origin");
        assert_true(i == 0 ? allowed && strcmp(allowed, origins[0]) == 0 : !allowed);
        response_free(&response);
    }
}

static void a_preflight_is_answered_for_listed_origins(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_send(&client, "OPTIONS /a HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
                         "Access-Control-Request-Method: GET\r\n"
                         "Access-Control-Request-Headers: if-none-match\r\n\r\n");
    struct response response = client_response(&client);
    assert_int_equal(response.status, 204);
    assert_string_equal(header_of(&response, "access-control-allow-origin"), "https://app.example");
    assert_string_equal(header_of(&response, "access-control-allow-headers"), "if-none-match");
    response_free(&response);
    client_close(&client);
}

static void websockets_of_other_origins_are_refused(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    assert_int_equal(client_upgrade(&client, "/", "Origin: https://evil.example\r\n"), 403);
    client_close(&client);
    client = client_connect(engine->port);
    assert_int_equal(client_upgrade(&client, "/", "Origin: https://app.example\r\n"), 101);
    client_close(&client);
    client = client_connect(engine->port);
    assert_int_equal(client_upgrade(&client, "/", "Origin: http://localhost:80\r\n"), 101);
    client_close(&client);
}

/* ---- Files ---- */

static char folder[] = "/tmp/sangre-files-XXXXXX";

static void put_file(const char *name, const char *text) {
    char place[256];
    snprintf(place, sizeof(place), "%s/%s", folder, name);
    FILE *file = fopen(place, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup_files(void **state) {
    char yaml[128];
    struct engine *engine = engine_new();
    assert_non_null(mkdtemp(folder));
    put_file("index.html", "<p>hi</p>");
    put_file("page.js", "1");
    put_file(".secret", "no");
    snprintf(yaml, sizeof(yaml), "static: %s\n", folder);
    engine_sink(engine, "http", yaml);
    engine_start(engine);
    *state = engine;
    return 0;
}

static int teardown_files(void **state) {
    static const char *const names[] = {"index.html", "page.js", ".secret"};
    char place[256];
    for (size_t i = 0; i < 3; i++) {
        snprintf(place, sizeof(place), "%s/%s", folder, names[i]);
        unlink(place);
    }
    rmdir(folder);
    return engine_teardown(state);
}

static void files_of_the_folder_are_served_and_nothing_else(void **state) {
    struct engine *engine = *state;
    struct response response = get(engine, "/", NULL);
    assert_string_equal(header_of(&response, "content-type"), "text/html; charset=utf-8");
    expect(response, 200, "<p>hi</p>");
    response = get(engine, "/page.js", NULL);
    assert_string_equal(header_of(&response, "content-type"), "text/javascript; charset=utf-8");
    expect(response, 200, "1");
    static const char *const shut[] = {"/.secret", "/../../../../etc/passwd",
                                       "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd"};
    for (size_t i = 0; i < 4; i++) {
        struct client client = client_connect(engine->port);
        client_get(&client, shut[i], NULL);
        struct ask ask = engine_ask_of(engine, SGR_ASK_SUBSCRIBE); /* no file: perhaps a view */
        engine_refuse(engine, &ask, 404, "unknown_view", "no such view");
        expect_error(client_response(&client), 404, "unknown_view");
        client_close(&client);
    }
}

/* ---- The listener ---- */

static void a_taken_port_is_an_error_with_the_address(void **state) {
    struct engine *engine = *state;
    struct sgr_server *second;
    struct sgr_error error = {0};
    struct sgr_plan_server options = engine->options;
    options.listen_port = engine->port;
    struct sgr_hub *hub = sgr_hub_new();
    assert_int_equal(sgr_server_new(&options, NULL, 0, hub, &second, &error), SGR_EIO);
    assert_non_null(strstr(error.message, "Address already in use"));
    assert_non_null(strstr(error.message, "127.0.0.1:"));
    sgr_hub_free(hub);
}

static void an_adopted_socket_is_served_like_an_accepted_one(void **state) {
    struct engine *engine = *state;
    struct sgr_error error = {0};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(sgr_server_adopt(engine->server, pair[1], &error), 0);
    struct client client = client_on(pair[0]);
    client_get(&client, "/_sangre/health", NULL);
    expect(client_response(&client), 200, "{\"status\":\"ok\"}\n");
    client_close(&client);
}

static int setup_limit(void **state) {
    struct engine *engine = engine_new();
    engine->options.connection_limit = 2;
    engine_start(engine);
    *state = engine;
    return 0;
}

static void beyond_the_connection_limit_it_is_503(void **state) {
    struct engine *engine = *state;
    struct client first = client_websocket(engine->port, "/");
    struct client second = client_websocket(engine->port, "/");
    expect_error(get(engine, "/a", NULL), 503, "connection_limit");
    struct client third = client_connect(engine->port);
    assert_int_equal(client_upgrade(&third, "/", NULL), 503);
    client_close(&third);
    client_say(&first, "{\"type\":\"ping\"}");
    client_expect(&first, "{\"type\":\"pong\"}");
    client_close(&first);
    client_close(&second);
}

static void a_stopping_server_answers_what_waits(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port), idle = client_connect(engine->port);
    client_get(&client, "/a", NULL);
    engine_subscribe_ask(engine, "/a");
    engine_drain(engine);
    expect_error(client_response(&client), 503, "stopping");
    client_expect_end(&client);
    client_expect_end(&idle);
    sgr_server_join(engine->server);
    client_close(&client);
    client_close(&idle);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(a_view_is_a_document_with_tag_and_cursor),
        WITH_ENGINE(a_connection_serves_one_request_after_another),
        WITH_ENGINE(an_unchanged_view_is_304),
        WITH_ENGINE(a_stale_view_says_so),
        WITH_ENGINE(head_has_the_head_alone),
        WITH_ENGINE(errors_of_the_engine_have_their_status),
        WITH_ENGINE(queries_are_decoded),
        WITH_ENGINE(other_methods_are_405),
        WITH_ENGINE(a_broken_request_closes_its_connection_only),
        WITH_ENGINE(explain_asks_the_engine_in_the_format),
        WITH_ENGINE(a_client_that_leaves_early_is_harmless),
        WITH_ENGINE(a_big_document_arrives_whole),
        cmocka_unit_test_setup_teardown(only_listed_origins_may_read, setup_origins,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(a_preflight_is_answered_for_listed_origins, setup_origins,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(websockets_of_other_origins_are_refused, setup_origins,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(files_of_the_folder_are_served_and_nothing_else,
                                        setup_files, teardown_files),
        WITH_ENGINE(a_taken_port_is_an_error_with_the_address),
        WITH_ENGINE(an_adopted_socket_is_served_like_an_accepted_one),
        cmocka_unit_test_setup_teardown(beyond_the_connection_limit_it_is_503, setup_limit,
                                        engine_teardown),
        WITH_ENGINE(a_stopping_server_answers_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
