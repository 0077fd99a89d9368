/* The network side's turn that the engine's thread takes for small commits which come alone (net/lend.c), seen by two sinks that differ in whether they
 * allow it. The engine's thread is the test's. */
#include <semaphore.h>

#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

enum { PATIENCE = 60, CLIENTS = 5 };

struct probe {
    const struct sgr_sink_host *table;
    void *host;
    char kind; /* 'a': on any thread, 'n': on the network thread alone */
    sem_t held, go;
    pthread_t told_by; /* the thread of the last commit; atomic */
};

static struct probe probes[2];

static void wait_for(sem_t *semaphore) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    while (sem_timedwait(semaphore, &until))
        if (errno != EINTR)
            abort(); /* also on the network thread, where cmocka cannot fail */
}

/* ---- The sinks ---- */

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
    (void)commit;
    (void)count;
    __atomic_store_n(&probe->told_by, pthread_self(), __ATOMIC_RELEASE);
    probe->table->send(connection, (struct sgr_bytes *)(uintptr_t)frames[0].patches);
}

static void on_watch(void *data, struct sgr_request *request) {
    static const struct sgr_connection_callbacks callbacks = {0};
    static const struct sgr_subscription_callbacks subscription = {.state = on_state,
                                                                   .commit = on_commit};
    struct probe *probe = data;
    struct sgr_subscribe what = {.view = SGR_SLICE("/v")};
    struct sgr_connection *connection = probe->table->accept(request, &callbacks, probe, NULL);
    probe->table->subscribe(probe->host, connection, &what, &subscription, probe);
}

static void on_hold(void *data, struct sgr_request *request) {
    struct probe *probe = data;
    sem_post(&probe->held);
    wait_for(&probe->go);
    probe->table->respond(request, 204, NULL, NULL, NULL);
}

static int add_route(struct probe *probe, enum sgr_route_kind kind, const char *name,
                     void (*request)(void *data, struct sgr_request *request),
                     struct sgr_error *error) {
    char path[16];
    snprintf(path, sizeof(path), "/%c/%s", probe->kind, name);
    struct sgr_route route = {.kind = kind, .path = path, .request = request, .data = probe};
    return probe->table->route(probe->host, &route, error);
}

static int open_probe(const struct sgr_sink_host *table, void *host, const void *options,
                      void **ret_state, struct sgr_error *error) {
    struct probe *probe = &probes[probes[0].table ? 1 : 0];
    (void)options;
    probe->table = table;
    probe->host = host;
    *ret_state = probe;
    int code = add_route(probe, SGR_ROUTE_WEBSOCKET, "watch", on_watch, error);
    return code ? code : add_route(probe, SGR_ROUTE_GET, "hold", on_hold, error);
}

static const struct sgr_sink_methods anywhere = {.open = open_probe, .any_thread = true};
static const struct sgr_sink_methods at_home = {.open = open_probe};
static const struct sgr_plugin plugins[] = {{SGR_PLUGIN_HEADER, .kind = SGR_SINK,
                                             .name = "anywhere", .methods_size = sizeof(anywhere),
                                             .sink = &anywhere},
                                            {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "at_home",
                                             .methods_size = sizeof(at_home), .sink = &at_home}};

static int setup(void **state) {
    struct engine *engine = engine_new();
    memset(probes, 0, sizeof(probes));
    for (int i = 0; i < 2; i++) {
        probes[i].kind = i ? 'n' : 'a';
        sem_init(&probes[i].held, 0, 0);
        sem_init(&probes[i].go, 0, 0);
        engine->sinks[engine->sink_count++] =
            (struct sgr_plan_sink){.name = plugins[i].name, .plugin = &plugins[i]};
    }
    engine->options.client_buffer = 64 << 20;
    engine_start(engine);
    *state = engine;
    return 0;
}

/* ---- The engine ---- */

static struct client watch_by(struct engine *engine, struct client client, const char *path,
                              uint32_t channel) {
    assert_int_equal(client_upgrade(&client, path, NULL), 101);
    struct ask ask = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &ask, channel, "c0", "[]");
    return client;
}

static struct client watch(struct engine *engine, const char *path, uint32_t channel) {
    return watch_by(engine, client_connect(engine->port), path, channel);
}

static void commit_alone(struct engine *engine, uint32_t channel, const char *patches) {
    struct sgr_hub_item item = {
        .channel = channel, .patches = bytes_of(patches), .previous = bytes_of("c0")};
    struct sgr_hub_commit commit = {.cursor = bytes_of("c1"), .count = 1, .items = &item};
    sgr_hub_commit_alone(engine->hub, &commit);
}

static bool by_us(const struct probe *probe) {
    return pthread_equal(__atomic_load_n(&probe->told_by, __ATOMIC_ACQUIRE), pthread_self());
}

/* Whichever thread delivers it: true, if it was ours. */
static bool told_by_us(struct engine *engine, struct probe *probe, struct client *client,
                       uint32_t channel, const char *patches) {
    commit_alone(engine, channel, patches);
    client_expect(client, patches);
    return by_us(probe);
}

/* ---- Tests ---- */

static void the_engine_delivers_itself_as_soon_as_the_network_thread_sleeps(void **state) {
    struct engine *engine = *state;
    struct client client = watch(engine, "/a/watch", 5);
    while (!told_by_us(engine, &probes[0], &client, 5, "a frame"))
        continue; /* the network thread has not come to rest yet */
    client_close(&client);
}

static void a_sink_that_did_not_allow_it_is_called_on_the_network_thread(void **state) {
    struct engine *engine = *state;
    struct client client = watch(engine, "/n/watch", 5);
    struct client other = watch(engine, "/a/watch", 6);
    while (!told_by_us(engine, &probes[0], &other, 6, "there"))
        continue;
    for (int i = 0; i < 20; i++)
        assert_false(told_by_us(engine, &probes[1], &client, 5, "here"));
    client_close(&client);
    client_close(&other);
}

static void what_is_for_many_is_the_network_threads(void **state) {
    struct engine *engine = *state;
    struct client clients[CLIENTS], other = watch(engine, "/a/watch", 6);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = watch(engine, "/a/watch", 5);
    while (!told_by_us(engine, &probes[0], &other, 6, "to one"))
        continue;
    for (int round = 0; round < 20; round++) {
        commit_alone(engine, 5, "to all");
        for (int i = 0; i < CLIENTS; i++)
            client_expect(&clients[i], "to all");
        assert_false(by_us(&probes[0]));
    }
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    client_close(&other);
}

static void the_engine_does_not_wait_for_a_network_thread_at_work(void **state) {
    struct engine *engine = *state;
    struct client client = watch(engine, "/a/watch", 5), holder = client_connect(engine->port);
    while (!told_by_us(engine, &probes[0], &client, 5, "before"))
        continue;
    client_get(&holder, "/a/hold", NULL);
    wait_for(&probes[0].held);
    commit_alone(engine, 5, "one");
    commit_alone(engine, 5, "two");
    sem_post(&probes[0].go);
    client_expect(&client, "one");
    client_expect(&client, "two");
    while (!told_by_us(engine, &probes[0], &client, 5, "after"))
        continue;
    client_close(&client);
    client_close(&holder);
}

static void what_a_socket_does_not_take_follows_in_order(void **state) {
    enum { FRAMES = 4000, SIZE = 1000 }; /* more than a socket holds */
    struct engine *engine = *state;
    struct client client = watch_by(engine, client_connect_with(engine->port, 4096), "/a/watch", 5);
    char text[SIZE + 1];
    for (int i = 0; i < FRAMES; i++) {
        snprintf(text, sizeof(text), "%0*d", SIZE, i);
        commit_alone(engine, 5, text);
    }
    for (int i = 0; i < FRAMES; i++) {
        snprintf(text, sizeof(text), "%0*d", SIZE, i);
        client_expect(&client, text);
    }
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_engine_delivers_itself_as_soon_as_the_network_thread_sleeps, setup,
            engine_teardown),
        cmocka_unit_test_setup_teardown(
            a_sink_that_did_not_allow_it_is_called_on_the_network_thread, setup, engine_teardown),
        cmocka_unit_test_setup_teardown(what_is_for_many_is_the_network_threads, setup,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(the_engine_does_not_wait_for_a_network_thread_at_work,
                                        setup, engine_teardown),
        cmocka_unit_test_setup_teardown(what_a_socket_does_not_take_follows_in_order, setup,
                                        engine_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
