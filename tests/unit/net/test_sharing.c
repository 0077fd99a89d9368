/* What many clients are sent is there once, and what libwebsockets copies of it has a limit. */
#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

enum { CLIENTS = 12, SIZE = 4 << 20, BUDGET = 4 << 20 };

static int setup_small(void **state) {
    struct engine *engine = engine_new();
    engine->options.queue_limit = BUDGET;
    engine_start(engine);
    *state = engine;
    return 0;
}

/* {"a":"xxx…"} */
static struct sgr_bytes *big_document(void) {
    struct sgr_bytes *document = sgr_bytes_new(NULL, SIZE);
    char *text = (char *)document->data;
    assert_non_null(document);
    memset(text, 'x', SIZE);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + SIZE - 2, "\"}", 2);
    return document;
}

static void answer(struct engine *engine, struct sgr_bytes *document) {
    struct ask ask = engine_subscribe_ask(engine, "/v");
    struct sgr_hub_answer answer =
        make_answer(ask.id, ask.once ? 0 : 5, SGR_ANSWER_SNAPSHOT, "c0", NULL);
    answer.state.document = sgr_bytes_ref(document);
    assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
}

/* A client that has asked and does not read; its kernel takes little. */
struct kind {
    const char *name;
    void (*ask)(struct engine *engine, struct client *client);
    char *(*hear)(struct client *client); /* free() it */
    const char *before, *after;
    bool once;
};

static void ask_single(struct engine *engine, struct client *client) {
    (void)engine;
    assert_int_equal(client_upgrade(client, "/v", NULL), 101);
}

static void ask_many(struct engine *engine, struct client *client) {
    (void)engine;
    assert_int_equal(client_upgrade(client, "/", NULL), 101);
    client_say(client, "{\"type\":\"subscribe\",\"id\":7,\"view\":\"/v\"}");
}

static void ask_full(struct engine *engine, struct client *client) {
    (void)engine;
    assert_int_equal(client_upgrade(client, "/ws/v", NULL), 101);
}

static void ask_diffed(struct engine *engine, struct client *client) {
    (void)engine;
    assert_int_equal(client_upgrade(client, "/ws/v-diffed-5", NULL), 101);
}

static void ask_stream(struct engine *engine, struct client *client) {
    (void)engine;
    client_get(client, "/v", "Accept: text/event-stream\r\n");
}

static void ask_get(struct engine *engine, struct client *client) {
    (void)engine;
    client_get(client, "/v", NULL);
}

/* The head, and then all until two line breaks. */
static char *hear_stream(struct client *client) {
    char *end;
    if (strncmp(client->data ? client->data : "", "retry", 5) != 0)
        client_head(client);
    while (!(end = strstr(client->data, "\n\n")))
        client_need(client, client->size + 1);
    char *text = strndup(client->data, (size_t)(end - client->data));
    return text;
}

static char *hear_response(struct client *client) {
    return client_response(client).body;
}

static const struct kind kinds[] = {
    {"single", ask_single, client_hear, "{\"type\":\"snapshot\",\"cursor\":\"c0\",\"data\":", "}",
     false},
    {"many", ask_many, client_hear,
     "{\"type\":\"snapshot\",\"id\":7,\"cursor\":\"c0\",\"data\":", "}", false},
    {"full", ask_full, client_hear, "", "", false},
    {"stream", ask_stream, hear_stream, "retry: 1000\nevent: snapshot\nid: c0\ndata: ", "", false},
    {"get", ask_get, hear_response, "", "", true},
};

static void check_message(const struct kind *kind, struct client *client,
                          const struct sgr_bytes *document) {
    char *text = kind->hear(client);
    size_t before = strlen(kind->before), after = strlen(kind->after);
    assert_int_equal(strlen(text), before + SIZE + after);
    assert_memory_equal(text, kind->before, before);
    assert_memory_equal(text + before, document->data, SIZE);
    assert_string_equal(text + before + SIZE, kind->after);
    free(text);
}

static void one_document_is_there_once_for_clients_of_every_kind(void **state) {
    struct engine *engine = *state;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        struct client clients[CLIENTS];
        size_t before = sgr_bytes_living();
        struct sgr_bytes *document = big_document();
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = client_connect_with(engine->port, 4096);
            kinds[k].ask(engine, &clients[i]);
            answer(engine, document);
        }
        /* Each has begun to come. */
        for (int i = 0; i < CLIENTS; i++)
            client_need(&clients[i], 1000);
        size_t there = sgr_bytes_living() - before;
        if (there > SIZE + (1 << 20) || sgr_hub_held(engine->hub) > BUDGET / 2)
            fail_msg("%s: %zu bytes in buffers, %zu held", kinds[k].name, there,
                     sgr_hub_held(engine->hub));
        check_message(&kinds[k], &clients[0], document);
        check_message(&kinds[k], &clients[CLIENTS - 1], document);
        for (int i = 0; i < CLIENTS; i++)
            client_close(&clients[i]);
        sgr_bytes_unref(document);
        /* Those who took all have their missed commits asked for, too. */
        for (int left = kinds[k].once ? 0 : CLIENTS; left;)
            left -= engine_ask(engine).kind == SGR_ASK_UNSUBSCRIBE;
    }
}

static void a_whole_document_as_the_seeds_diffs_is_made_once(void **state) {
    struct engine *engine = *state;
    struct client clients[CLIENTS];
    struct sgr_bytes *document = big_document();
    size_t before = sgr_bytes_living();
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect_with(engine->port, 4096);
        ask_diffed(engine, &clients[i]);
        answer(engine, document);
    }
    for (int i = 0; i < CLIENTS; i++)
        client_need(&clients[i], 1000);
    assert_true(sgr_bytes_living() - before < 3 * SIZE); /* made within a second or two */
    char *text = client_hear(&clients[3]);
    const char *head =
        "{\"revision\":0,\"from\":5,\"diffs\":[{\"op\":\"add\",\"path\":\"/a\",\"value\":\"xxx";
    assert_memory_equal(text, head, strlen(head));
    assert_string_equal(text + strlen(text) - 7, "xxx\"}]}");
    free(text);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    sgr_bytes_unref(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_document_is_there_once_for_clients_of_every_kind,
                                        setup_small, engine_teardown),
        cmocka_unit_test_setup_teardown(a_whole_document_as_the_seeds_diffs_is_made_once,
                                        setup_small, engine_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
