/* What the host promises a sink, seen by a sink that is part of the test: bodies, late answers, timers, upgrades left alone, shared slots. */
#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

struct probe {
    const struct sgr_sink_host *table;
    void *host;
    struct sgr_connection *connection;
    int encoded; /* how often a frame was written out */
    bool drained;
    char closed[32];
};

static struct probe probes[2];

static void respond_text(struct probe *probe, struct sgr_request *request, struct sgr_slice text) {
    struct sgr_bytes *bytes = probe->table->bytes_new(text.data, text.size);
    probe->table->respond(request, 200, "text/plain", NULL, bytes);
    probe->table->bytes_unref(bytes);
}

static void on_post(void *data, struct sgr_request *request) {
    struct probe *probe = data;
    respond_text(probe, request, probe->table->body(request));
}

static void on_header(void *data, struct sgr_request *request) {
    struct probe *probe = data;
    char text[256];
    struct sgr_slice custom = probe->table->header(request, "x-custom"),
                     known = probe->table->header(request, "user-agent"),
                     absent = probe->table->header(request, "x-absent");
    snprintf(text, sizeof(text), "%.*s %.*s %s", SGR_SLICE_ARGS(custom), SGR_SLICE_ARGS(known),
             absent.data ? "there" : "absent");
    respond_text(probe, request, sgr_slice(text));
}

struct late {
    struct probe *probe;
    struct sgr_request *request;
};

static void fire(void *data) {
    struct late *late = data;
    respond_text(late->probe, late->request, SGR_SLICE("late"));
    late->probe->table->common.release(late->probe->host, late);
}

static void on_late(void *data, struct sgr_request *request) {
    struct probe *probe = data;
    struct late *late = probe->table->common.allocate(probe->host, sizeof(*late));
    assert_non_null(late);
    *late = (struct late){probe, request};
    void *cancelled = probe->table->timer(probe->host, 1000, fire, NULL);
    probe->table->timer_cancel(probe->host, cancelled);
    assert_non_null(probe->table->timer(probe->host, 20000, fire, late));
}

static void on_nothing(void *data, struct sgr_request *request) {
    (void)data;
    (void)request;
}

static void on_state(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    (void)data;
    (void)subscription;
    (void)state;
}

static void on_commit(struct sgr_connection *connection, void *data,
                      const struct sgr_commit *commit, const struct sgr_frame *frames,
                      size_t count) {
    struct probe *probe = data;
    assert_int_equal(count, 1);
    if (!commit->shared[0]) {
        char text[64];
        int size =
            snprintf(text, sizeof(text), "%d:%s", (int)(probe - probes), frames[0].patches->data);
        commit->shared[0] = probe->table->bytes_new(text, (size_t)size);
        probe->encoded++;
    }
    probe->table->send(connection, commit->shared[0]);
}

static void on_closed(struct sgr_connection *connection, void *data, int code) {
    struct probe *probe = data;
    (void)connection;
    snprintf(probe->closed, sizeof(probe->closed), "%d", code);
}

static void on_watch(void *data, struct sgr_request *request) {
    static const struct sgr_connection_callbacks callbacks = {.closed = on_closed};
    static const struct sgr_subscription_callbacks subscription = {.state = on_state,
                                                                   .commit = on_commit};
    struct probe *probe = data;
    struct sgr_subscribe what = {.view = SGR_SLICE("/v")};
    struct sgr_connection *connection =
        probe->table->accept(request, &callbacks, probe, "x-own: yes\r\n");
    assert_non_null(connection);
    assert_non_null(probe->table->subscribe(probe->host, connection, &what, &subscription, probe));
}

static const struct {
    enum sgr_route_kind kind;
    const char *path;
    void (*request)(void *data, struct sgr_request *request);
} routes[][6] = {{{SGR_ROUTE_POST, "/post", on_post},
                  {SGR_ROUTE_GET, "/header", on_header},
                  {SGR_ROUTE_GET, "/late", on_late},
                  {SGR_ROUTE_WEBSOCKET, "/nothing", on_nothing},
                  {SGR_ROUTE_WEBSOCKET, "/first", on_watch}},
                 {{SGR_ROUTE_WEBSOCKET, "/second", on_watch}}};

static int open_probe(const struct sgr_sink_host *table, void *host, const void *options,
                      void **ret_state, struct sgr_error *error) {
    struct probe *probe = &probes[probes[0].table ? 1 : 0];
    (void)options;
    *probe = (struct probe){.table = table, .host = host};
    for (size_t i = 0; i < 6 && routes[probe - probes][i].path; i++) {
        struct sgr_route route = {.kind = routes[probe - probes][i].kind,
                                  .path = routes[probe - probes][i].path,
                                  .request = routes[probe - probes][i].request,
                                  .data = probe};
        if (table->route(host, &route, error))
            return error->code;
    }
    *ret_state = probe;
    return 0;
}

static void drain_probe(void *state) {
    ((struct probe *)state)->drained = true;
}

static void close_probe(void *state) {
    struct probe *probe = state;
    struct sgr_route route = {.kind = SGR_ROUTE_GET, .path = "/x", .request = on_nothing};
    assert_int_equal(probe->table->route(probe->host, &route, NULL), SGR_EINVAL);
}

static const struct sgr_sink_methods methods = {
    .open = open_probe, .drain = drain_probe, .close = close_probe};
static const struct sgr_plugin plugin = {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "probe",
                                         .methods_size = sizeof(methods), .sink = &methods};

static int setup(void **state) {
    struct engine *engine = engine_new();
    memset(probes, 0, sizeof(probes));
    for (int i = 0; i < 2; i++)
        engine->sinks[engine->sink_count++] =
            (struct sgr_plan_sink){.name = "probe", .plugin = &plugin};
    engine_start(engine);
    *state = engine;
    return 0;
}

static void expect_answer(struct client *client, int status, const char *body) {
    struct response response = client_response(client);
    assert_int_equal(response.status, status);
    if (body)
        assert_string_equal(response.body, body);
    response_free(&response);
}

static void a_body_arrives_whole_within_its_limit(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_send(&client,
                "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello");
    client_send(&client, "world");
    expect_answer(&client, 200, "helloworld");
    client_send(&client, "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    expect_answer(&client, 200, "");
    client_send(&client,
                "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n%060000d",
                7);
    struct response response = client_response(&client);
    assert_int_equal(strlen(response.body), 60000);
    response_free(&response);
    client_send(&client,
                "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\nxyz");
    expect_answer(&client, 413, NULL);
    client_close(&client);
    client = client_connect(engine->port);
    client_send(
        &client,
        "POST /post HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    expect_answer(&client, 411, NULL);
    client_close(&client);
    client = client_connect(engine->port);
    client_send(&client,
                "POST /post HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
                "Content-Length: 1\r\n\r\nx");
    expect_answer(&client, 403, NULL);
    client_close(&client);
}

static void headers_are_found_by_name(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_get(&client, "/header", "X-Custom: one\r\nUser-Agent: two\r\n");
    expect_answer(&client, 200, "one two absent");
    client_close(&client);
}

static void an_answer_may_come_later_and_timers_may_be_cancelled(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    client_get(&client, "/late", NULL);
    expect_answer(&client, 200, "late");
    client_close(&client);
}

static void an_upgrade_that_nobody_answers_is_500(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    assert_int_equal(client_upgrade(&client, "/nothing", NULL), 500);
    client_close(&client);
    client = client_connect(engine->port);
    assert_int_equal(client_upgrade(&client, "/nowhere", NULL), 404);
    client_close(&client);
    client = client_connect(engine->port);
    client_get(&client, "/first", NULL);
    expect_answer(&client, 404, NULL);
    client_close(&client);
}

static void a_frame_is_encoded_once_for_each_sink(void **state) {
    struct engine *engine = *state;
    struct client clients[6];
    for (int i = 0; i < 6; i++) {
        clients[i] = client_connect(engine->port);
        assert_int_equal(client_upgrade(&clients[i], i % 2 ? "/second" : "/first", NULL), 101);
        struct ask ask = engine_subscribe_ask(engine, "/v");
        engine_snapshot(engine, &ask, i < 4 ? 5 : 6, "c0", "[]");
    }
    engine_commit(engine, "c0", "c1", 5, "five", 6, "six", 0);
    for (int i = 0; i < 6; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d:%s", i % 2, i < 4 ? "five" : "six");
        client_expect(&clients[i], text);
    }
    assert_int_equal(probes[0].encoded, 2); /* one a channel */
    assert_int_equal(probes[1].encoded, 2);
    client_frame(&clients[0], 0x88, "\x0f\xa0", 2);
    assert_int_equal(client_closed(&clients[0]), 4000);
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    engine_drain(engine);
    for (int i = 1; i < 6; i++)
        assert_int_equal(client_closed(&clients[i]), 1001);
    sgr_server_join(engine->server);
    assert_true(probes[0].drained && probes[1].drained);
    assert_string_equal(probes[1].closed, "1001");
    for (int i = 0; i < 6; i++)
        client_close(&clients[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_arrives_whole_within_its_limit, setup,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(headers_are_found_by_name, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(an_answer_may_come_later_and_timers_may_be_cancelled, setup,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(an_upgrade_that_nobody_answers_is_500, setup,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(a_frame_is_encoded_once_for_each_sink, setup,
                                        engine_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
