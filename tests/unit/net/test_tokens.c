/* Tokens at the border to the engine: what it is asked for, when, and how often; and what a sink whose protocol has tokens of its own is given. */
#define _GNU_SOURCE
#include "unit/net/fake_engine.h"

#include "unit/auth/sign.h"
#include "unit/net/client.h"

static const struct signer signer = {"HS256", .secret = SGR_SLICE(SECRET)};

/* ---- A sink with tokens of its own ---- */

struct probe {
    const struct sgr_sink_host *table;
    void *host;
    struct sgr_verifier *verifier;
    struct sgr_connection *connection;
    struct sgr_subscription *subscription;
};

static struct probe probe;
static bool with_rules; /* else the config's verifier is taken */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct sgr_bytes *bytes = probe.table->bytes_new(text, strlen(text));
    probe.table->send(probe.connection, bytes);
    probe.table->bytes_unref(bytes);
}

static void tell_claim(const struct sgr_claims *claims, const char *path) {
    struct sgr_bytes *value = probe.table->claim(claims, path);
    say("%s=%s", path, value ? value->data : "(none)");
    probe.table->bytes_unref(value);
}

static void tell_claims(void *data, const struct sgr_verdict *verdict) {
    (void)data;
    if (verdict->status) {
        say("%d %s", verdict->status, verdict->code);
        return;
    }
    struct sgr_claims *kept = probe.table->claims_ref(verdict->claims);
    tell_claim(kept, "sub");
    tell_claim(kept, "app.team");
    tell_claim(kept, "app");
    tell_claim(kept, "absent");
    say("%s", probe.table->claims_expiry(kept) == INT64_MAX ? "for ever" : "for a time");
    probe.table->claims_unref(kept);
}

static void on_state(void *data, struct sgr_subscription *subscription,
                     const struct sgr_state *state) {
    static const char *const names[] = {"snapshot", "resumed", "reset", "error"};
    (void)data;
    (void)subscription;
    if (state->answer == SGR_ANSWER_ERROR)
        probe.subscription = NULL;
    say("%s %s %s", names[state->answer],
        state->answer == SGR_ANSWER_ERROR ? state->code
        : state->reason                   ? state->reason
                                          : "-",
        state->document ? state->document->data : "-");
}

static void on_commit(struct sgr_connection *connection, void *data,
                      const struct sgr_commit *commit, const struct sgr_frame *frames,
                      size_t count) {
    (void)connection;
    (void)data;
    (void)commit;
    (void)count;
    say("frame %s", frames[0].patches->data);
}

static void subscribe_as(void *data, const struct sgr_verdict *verdict) {
    static const struct sgr_subscription_callbacks callbacks = {.state = on_state,
                                                                .commit = on_commit};
    struct sgr_subscribe what = {.view = SGR_SLICE("/mine")};
    (void)data;
    probe.subscription = probe.table->subscribe_as(probe.host, probe.connection, verdict->claims,
                                                   &what, &callbacks, &probe);
    assert_non_null(probe.subscription);
}

static void renew(void *data, const struct sgr_verdict *verdict) {
    (void)data;
    probe.table->subscription_claims(probe.subscription, verdict->claims);
}

/* "verify TOKEN", "view TOKEN", "renew TOKEN" */
static void on_message(struct sgr_connection *connection, void *data, struct sgr_slice text,
                       bool binary) {
    static const struct {
        const char *name;
        void (*done)(void *data, const struct sgr_verdict *verdict);
    } commands[] = {{"verify ", tell_claims}, {"view ", subscribe_as}, {"renew ", renew}};
    (void)connection;
    (void)data;
    (void)binary;
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(commands[i].name);
        struct sgr_slice token = {text.data + size, text.size - size};
        if (text.size >= size && memcmp(text.data, commands[i].name, size) == 0)
            assert_null(
                probe.table->verify(probe.host, probe.verifier, token, commands[i].done, NULL));
    }
}

static void on_upgrade(void *data, struct sgr_request *request) {
    static const struct sgr_connection_callbacks callbacks = {.message = on_message};
    (void)data;
    probe.connection = probe.table->accept(request, &callbacks, NULL, NULL);
}

static int probe_open(const struct sgr_sink_host *table, void *host, const void *options,
                      void **ret_state, struct sgr_error *error) {
    struct sgr_route route = {.kind = SGR_ROUTE_WEBSOCKET, .path = "/probe", .request = on_upgrade};
    struct sgr_token_key key = {.kind = SGR_KEY_SECRET,
                                .text = SGR_SLICE("short"),
                                .algorithms = "HS256 HS512",
                                .secret_minimum = 1};
    struct sgr_token_rules rules = {.size = sizeof(rules),
                                    .keys = &key,
                                    .key_count = 1,
                                    .claims = "{\"role\":\"anon\"}",
                                    .without_expiry = true};
    (void)options;
    probe = (struct probe){.table = table, .host = host};
    *ret_state = &probe;
    int code = table->verifier(host, with_rules ? &rules : NULL, &probe.verifier, error);
    return code ? code : table->route(host, &route, error);
}

static void probe_close(void *state) {
    struct sgr_verifier *late;
    (void)state;
    assert_int_equal(probe.table->verifier(probe.host, NULL, &late, NULL), SGR_EINVAL);
}

static const struct sgr_sink_methods probe_methods = {.open = probe_open, .close = probe_close};
static const struct sgr_plugin probe_plugin = {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "probe",
                                               .methods_size = sizeof(probe_methods),
                                               .sink = &probe_methods};

/* ---- The engine: /mine takes `user` from sub ---- */

static struct sgr_document_node place = {.file = "t", .line = 1, .column = 1};
static const struct sgr_plan_key key = {.place = &place, .secret = SECRET};
static const struct sgr_plan_auth auth = {.place = &place, .keys = &key, .key_count = 1};
static const struct sgr_column user = {.name = "user", .type = SGR_INT4, .type_name = "int"};
static const struct sgr_plan_claim claim = {.column = &user, .path = "sub"};
static const struct sgr_plan_access access_rules[] = {{"/mine", &claim, 1}, {"/members", NULL, 0}};

static struct engine *tokens_engine(bool rules) {
    struct engine *engine = engine_new();
    with_rules = rules;
    engine->options.auth = &auth;
    engine->options.access = access_rules;
    engine->options.access_count = 2;
    engine_sink(engine, "http", NULL);
    engine_sink(engine, "websocket", NULL);
    engine->sinks[engine->sink_count++] =
        (struct sgr_plan_sink){.name = "probe", .plugin = &probe_plugin};
    engine_start(engine);
    return engine;
}

static int setup(void **state) {
    *state = tokens_engine(false);
    return 0;
}

static int setup_own_rules(void **state) {
    *state = tokens_engine(true);
    return 0;
}

static char *token_for(const char *subject, const char *more) {
    char *claims = claims_for(subject, more), *token = make_token(&signer, NULL, claims);
    free(claims);
    return token;
}

static void say_auth(struct client *client, const char *subject) {
    char *token = token_for(subject, ""),
         *text = text_of("{\"type\":\"auth\",\"token\":\"%s\"}", token);
    client_say(client, text);
    free(text);
    free(token);
}

static void tell_sink(struct client *client, const char *command, char *token) {
    char *text = text_of("%s %s", command, token);
    client_say(client, text);
    free(text);
    free(token);
}

/* ---- What the engine is asked ---- */

static void the_engine_is_asked_with_the_claims_and_by_nobody_else(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    char *token = token_for("7", ""), *header = text_of("Authorization: Bearer %s\r\n", token);
    client_get(&client, "/mine?user=8", header);
    struct response refused = client_response(&client);
    assert_int_equal(refused.status, 400);
    response_free(&refused);
    client_get(&client, "/mine", NULL);
    struct response unknown = client_response(&client);
    assert_int_equal(unknown.status, 401);
    response_free(&unknown);
    client_get(&client, "/mine?x=1", header);
    struct ask ask = engine_subscribe_ask(engine, "/mine");
    assert_string_equal(ask.parameters, "x=1&user=7");
    engine_snapshot(engine, &ask, 0, "c", "[7]");
    struct response response = client_response(&client);
    assert_string_equal(response.body, "[7]");
    response_free(&response);
    free(token);
    free(header);
    client_close(&client);
}

static void a_sink_of_an_older_contract_gets_no_token_for_its_requests(void **state) {
    struct engine *engine = engine_new();
    struct sgr_plugin old;
    (void)state;
    engine->options.auth = &auth;
    engine->options.access = access_rules;
    engine->options.access_count = 2;
    engine_sink(engine, "http", NULL);
    old = *engine->sinks[0].plugin;
    old.abi_minor = 0;
    engine->sinks[0].plugin = &old;
    engine_start(engine);
    struct client client = client_connect(engine->port);
    char *token = token_for("7", ""), *header = text_of("Authorization: Bearer %s\r\n", token);
    client_get(&client, "/mine", header);
    struct response response = client_response(&client);
    assert_int_equal(response.status, 401);
    response_free(&response);
    free(token);
    free(header);
    client_close(&client);
    engine_free(engine);
}

static void tokens_in_a_row_ask_the_engine_one_question_at_a_time(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    say_auth(&client, "1");
    client_expect_part(&client, "\"auth\"");
    client_say(&client, "{\"type\":\"subscribe\",\"id\":1,\"view\":\"/mine\"}");
    struct ask first = engine_subscribe_ask(engine, "/mine");
    assert_string_equal(first.parameters, "user=1");
    for (int i = 2; i <= 9; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "%d", i);
        say_auth(&client, subject);
        client_expect_part(&client, "\"auth\"");
    }
    engine_snapshot(engine, &first, 5, "c1", "[1]");
    struct ask last = engine_subscribe_ask(engine, "/mine");
    assert_string_equal(last.parameters, "user=9");
    struct ask gone = engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    assert_true(gone.channel == 5);
    engine_commit(engine, "c1", "c2", 5, "[\"of another\"]", 0);
    engine_snapshot(engine, &last, 6, "c2", "[9]");
    client_expect_part(&client, "\"data\":[9]}");
    say_auth(&client, "10");
    client_expect_part(&client, "\"auth\"");
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    struct ask next = engine_subscribe_ask(engine, "/mine");
    assert_string_equal(next.parameters, "user=10");
    engine_commit(engine, "c2", "c3", 6, "[\"of another\"]", 0);
    engine_snapshot(engine, &next, 7, "c3", "[10]");
    client_expect_part(&client,
                       "{\"type\":\"reset\",\"id\":1,\"reason\":\"claims\",\"cursor\":\"c3");
    engine_commit(engine, "c3", "c4", 7, "[\"its own\"]", 0);
    client_expect_part(&client, "{\"1\":[\"its own\"]}");
    client_close(&client);
}

static void claims_that_nothing_depends_on_ask_nothing(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/");
    say_auth(&client, "1");
    client_expect_part(&client, "\"auth\"");
    client_say(&client, "{\"type\":\"subscribe\",\"id\":1,\"view\":\"/members\"}");
    struct ask ask = engine_subscribe_ask(engine, "/members");
    assert_string_equal(ask.parameters, "");
    engine_snapshot(engine, &ask, 5, "c1", "[1]");
    client_expect_part(&client, "snapshot");
    say_auth(&client, "2");
    client_expect_part(&client, "\"auth\"");
    engine_commit(engine, "c1", "c2", 5, "[2]", 0);
    client_expect_part(&client, "[2]");
    client_say(&client, "{\"type\":\"auth\",\"token\":null}");
    client_expect(&client, "{\"type\":\"auth\"}");
    client_expect_part(&client, "\"id\":1,\"code\":\"unauthorized\"");
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    client_close(&client);
}

/* ---- A sink's own tokens ---- */

static void a_sink_reads_claims_without_a_json_library(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/probe");
    tell_sink(&client, "verify", token_for("7", ",\"app\":{\"team\":3,\"names\":[\"a\"]}"));
    client_expect(&client, "sub=7");
    client_expect(&client, "app.team=3");
    client_expect(&client, "app={\"team\":3,\"names\":[\"a\"]}");
    client_expect(&client, "absent=(none)");
    client_expect(&client, "for a time");
    tell_sink(&client, "verify", strdup("rubbish"));
    client_expect(&client, "401 invalid_token");
    tell_sink(&client, "verify", make_token(&signer, NULL, "{\"exp\":1}"));
    client_expect(&client, "401 token_expired");
    client_close(&client);
}

static void a_sink_has_rules_of_its_own(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/probe");
    const struct signer own = {"HS512", .secret = SGR_SLICE("short")};
    tell_sink(&client, "verify", make_token(&own, NULL, "{\"sub\":\"7\",\"role\":\"anon\"}"));
    client_expect(&client, "sub=7");
    client_expect(&client, "app.team=(none)");
    client_expect(&client, "app=(none)");
    client_expect(&client, "absent=(none)");
    client_expect(&client, "for ever");
    tell_sink(&client, "verify", make_token(&own, NULL, "{\"sub\":\"7\",\"role\":\"admin\"}"));
    client_expect(&client, "401 invalid_token");
    tell_sink(&client, "verify", token_for("7", ",\"role\":\"anon\"")); /* of the config's key */
    client_expect(&client, "401 invalid_token");
    client_close(&client);
}

static void a_sink_subscribes_by_claims_it_verified_and_renews_them(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/probe");
    tell_sink(&client, "view", token_for("7", ""));
    struct ask ask = engine_subscribe_ask(engine, "/mine");
    assert_string_equal(ask.parameters, "user=7");
    engine_snapshot(engine, &ask, 5, "c1", "[7]");
    client_expect(&client, "snapshot - [7]");
    tell_sink(&client, "renew", token_for("7", ",\"more\":1")); /* nothing it depends on */
    tell_sink(&client, "renew", token_for("8", ""));
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    ask = engine_subscribe_ask(engine, "/mine");
    assert_string_equal(ask.parameters, "user=8");
    engine_snapshot(engine, &ask, 6, "c2", "[8]");
    client_expect(&client, "reset claims [8]");
    tell_sink(&client, "renew", strdup("rubbish"));
    client_expect(&client, "error unauthorized -");
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    tell_sink(&client, "view", strdup("rubbish"));
    client_expect(&client, "error unauthorized -");
    tell_sink(&client, "view", token_for("nobody", ""));
    client_expect(&client, "error bad_claim -");
    client_close(&client);
}

static void a_view_takes_no_claims_that_a_sink_verified_by_rules_of_its_own(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/probe");
    const struct signer own = {"HS512", .secret = SGR_SLICE("short")};
    tell_sink(&client, "view", make_token(&own, NULL, "{\"sub\":\"7\",\"role\":\"anon\"}"));
    client_expect(&client, "error invalid_token -");
    client_close(&client);
}

static void claims_of_a_sink_end_at_their_time_too(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/probe");
    char *claims = text_of("{\"sub\":\"7\",\"exp\":%lld}", (long long)time(NULL) + 2);
    tell_sink(&client, "view", make_token(&signer, NULL, claims));
    struct ask ask = engine_subscribe_ask(engine, "/mine");
    engine_snapshot(engine, &ask, 5, "c1", "[7]");
    client_expect(&client, "snapshot - [7]");
    client_expect(&client, "error token_expired -");
    engine_ask_of(engine, SGR_ASK_UNSUBSCRIBE);
    free(claims);
    client_close(&client);
}

/* ---- Ends ---- */

/* Nobody answers for the keys: tokens wait until their clients leave, and the server stops with others waiting still. */
static void clients_may_leave_and_the_server_stop_while_tokens_wait(void **state) {
    static struct sgr_plan_key far = {.place = &place};
    static struct sgr_plan_auth away = {.place = &place, .keys = &far, .key_count = 1};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    char url[64];
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    assert_int_equal(bind(silent, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(silent, 8), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    far.jwks = url;
    struct engine *engine = engine_new();
    engine->options.auth = &away;
    engine->options.access = access_rules;
    engine->options.access_count = 2;
    engine_start(engine);
    struct client leaves = client_websocket(engine->port, "/"), stays[2];
    for (size_t i = 0; i < 2; i++)
        stays[i] = client_websocket(engine->port, "/");
    struct client asks = client_connect(engine->port);
    char *token = token_for("7", ""), *header = text_of("Authorization: Bearer %s\r\n", token);
    client_get(&asks, "/mine", header);
    struct client *all[] = {&leaves, &stays[0], &stays[1]};
    for (size_t i = 0; i < 3; i++) {
        say_auth(all[i], "7");
        client_say(all[i], "{\"type\":\"subscribe\",\"id\":1,\"view\":\"/mine\"}");
        client_say(all[i], "{\"type\":\"subscribe\",\"id\":2,\"view\":\"/mine\"}");
        client_say(all[i], "{\"type\":\"unsubscribe\",\"id\":2}");
    }
    say_auth(&stays[1], "8");
    client_expect_part(&stays[1], "replaced");
    client_say(&stays[0], "{\"type\":\"ping\"}");
    client_expect_part(&stays[0], "pong");
    client_close(&leaves);
    client_say(&stays[0], "{\"type\":\"auth\",\"token\":null}");
    client_expect_part(&stays[0], "replaced");
    client_expect(&stays[0], "{\"type\":\"auth\"}");
    client_expect_part(&stays[0], "\"id\":1,\"code\":\"unauthorized\"");
    engine_free(engine);
    for (size_t i = 0; i < 2; i++)
        client_close(&stays[i]);
    client_close(&asks);
    close(silent);
    free(token);
    free(header);
}

int main(void) {
#define WITH(test, prepare) cmocka_unit_test_setup_teardown(test, prepare, engine_teardown)
    const struct CMUnitTest tests[] = {
        WITH(the_engine_is_asked_with_the_claims_and_by_nobody_else, setup),
        cmocka_unit_test(a_sink_of_an_older_contract_gets_no_token_for_its_requests),
        WITH(tokens_in_a_row_ask_the_engine_one_question_at_a_time, setup),
        WITH(claims_that_nothing_depends_on_ask_nothing, setup),
        WITH(a_sink_reads_claims_without_a_json_library, setup),
        WITH(a_sink_has_rules_of_its_own, setup_own_rules),
        WITH(a_sink_subscribes_by_claims_it_verified_and_renews_them, setup),
        WITH(a_view_takes_no_claims_that_a_sink_verified_by_rules_of_its_own, setup_own_rules),
        WITH(claims_of_a_sink_end_at_their_time_too, setup),
        cmocka_unit_test(clients_may_leave_and_the_server_stop_while_tokens_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
