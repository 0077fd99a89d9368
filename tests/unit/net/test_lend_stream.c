/* Batches of a change stream that the engine's thread delivers in the network side's turn (net/lend.c). The engine's thread is the test's. */
#include "net/stream_batch.h"
#include "net/stream_relation.h"
#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

enum { MANY = 6 };

/* A sink that tells each of its clients the number of each transaction. */
struct probe {
    const struct sgr_sink_host *table;
    void *host;
    struct sgr_stream *stream;
    struct sgr_connection *connections[MANY];
    size_t count;
    bool holds;        /* atomic */
    pthread_t told_by; /* the thread of the last batch; atomic */
};

static struct probe probe;

struct world {
    struct engine *engine;
    struct sgr_stream_packer *packer;
    struct sgr_stream_relations *relations;
    uint32_t xid;
};

/* ---- The sink ---- */

static void on_changes(void *data, struct sgr_stream *stream,
                       const struct sgr_stream_batch *batch) {
    char text[16];
    int size = snprintf(text, sizeof(text), "%u", batch->transaction.xid);
    struct sgr_bytes *bytes = probe.table->bytes_new(text, (size_t)size);
    (void)data;
    __atomic_store_n(&probe.told_by, pthread_self(), __ATOMIC_RELEASE);
    for (size_t i = 0; i < probe.count; i++)
        probe.table->send(probe.connections[i], bytes);
    probe.table->bytes_unref(bytes);
    if (__atomic_load_n(&probe.holds, __ATOMIC_ACQUIRE))
        probe.table->stream_hold(stream, true);
}

static void on_state(void *data, struct sgr_stream *stream, const struct sgr_stream_state *state) {
    (void)data;
    (void)stream;
    (void)state;
}

static void on_closed(struct sgr_connection *connection, void *data, int code) {
    (void)data;
    (void)code;
    for (size_t i = 0; i < probe.count; i++)
        if (probe.connections[i] == connection)
            probe.connections[i] = probe.connections[--probe.count];
}

static void on_watch(void *data, struct sgr_request *request) {
    static const struct sgr_connection_callbacks callbacks = {.closed = on_closed};
    struct sgr_bytes *hello = bytes_of("hello");
    (void)data;
    probe.connections[probe.count] = probe.table->accept(request, &callbacks, &probe, NULL);
    probe.table->send(probe.connections[probe.count++], hello);
    probe.table->bytes_unref(hello);
}

static void on_release(void *data, struct sgr_request *request) {
    (void)data;
    probe.table->stream_hold(probe.stream, false);
    probe.table->respond(request, 204, NULL, NULL, NULL);
}

static int open_probe(const struct sgr_sink_host *table, void *host, const void *options,
                      void **ret_state, struct sgr_error *error) {
    static const struct sgr_stream_callbacks callbacks = {.changes = on_changes, .state = on_state};
    struct sgr_stream_bind bind = {"app", false, &callbacks, &probe};
    struct sgr_route watch = {SGR_ROUTE_WEBSOCKET, "/watch", NULL, on_watch, &probe};
    struct sgr_route release = {SGR_ROUTE_GET, "/release", NULL, on_release, &probe};
    (void)options;
    probe.table = table;
    probe.host = host;
    *ret_state = &probe;
    int code = table->stream_bind(host, &bind, &probe.stream, error);
    code = code ? code : table->route(host, &watch, error);
    return code ? code : table->route(host, &release, error);
}

static const struct sgr_sink_methods anywhere = {.open = open_probe, .any_thread = true};
static const struct sgr_sink_methods at_home = {.open = open_probe};
static const struct sgr_plugin near_plugin = {SGR_PLUGIN_HEADER, .kind = SGR_SINK,
                                              .name = "anywhere", .methods_size = sizeof(anywhere),
                                              .sink = &anywhere},
                               far_plugin = {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "at_home",
                                             .methods_size = sizeof(at_home), .sink = &at_home};

/* ---- The engine ---- */

static struct world world_new(const struct sgr_plugin *plugin) {
    static const size_t source = 0;
    static const char *const name = "app";
    struct world world = {.engine = engine_new(), .relations = sgr_stream_relations_new()};
    memset(&probe, 0, sizeof(probe));
    assert_int_equal(sgr_hub_open_stream(world.engine->hub, 0), 0);
    world.engine->sinks[world.engine->sink_count++] = (struct sgr_plan_sink){.name = plugin->name,
                                                                             .plugin = plugin,
                                                                             .sources = &source,
                                                                             .source_names = &name,
                                                                             .source_count = 1};
    engine_start(world.engine);
    world.packer = sgr_stream_packer_new(sgr_hub_ledger(world.engine->hub, 0), 1024);
    return world;
}

static void world_free(struct world *world) {
    engine_drain(world->engine);
    sgr_server_join(world->engine->server);
    sgr_stream_packer_free(world->packer);
    sgr_stream_relations_free(world->relations);
    engine_free(world->engine);
}

static struct client watch(struct world *world) {
    struct client client = client_connect(world->engine->port);
    assert_int_equal(client_upgrade(&client, "/watch", NULL), 101);
    client_expect(&client, "hello");
    return client;
}

/* The next transaction, as one that comes alone. */
static void emit(struct world *world) {
    static const struct sgr_relation_column column = {
        .name = "id", .type_name = "int4", .type = SGR_INT4, .type_modifier = -1, .key = true};
    struct sgr_relation table = {
        .schema = "public", .table = "t", .columns = &column, .column_count = 1};
    struct sgr_field row = {.kind = SGR_FIELD_TEXT, .data = "1", .size = 1};
    struct sgr_change change = {.kind = SGR_INSERT,
                                .relation = sgr_stream_relation_intern(world->relations, &table),
                                .new_fields = &row};
    struct sgr_transaction transaction = {.xid = ++world->xid, .end_lsn = world->xid};
    assert_int_equal(sgr_stream_packer_add(world->packer, &change), 0);
    struct sgr_stream_batch *batch =
        sgr_stream_packer_take(world->packer, &transaction, true, true);
    assert_int_equal(sgr_hub_stream_batch_alone(world->engine->hub, 0, batch), 0);
}

static void expect_last(struct world *world, struct client *client) {
    char text[16];
    snprintf(text, sizeof(text), "%u", world->xid);
    client_expect(client, text);
}

static bool by_us(void) {
    return pthread_equal(__atomic_load_n(&probe.told_by, __ATOMIC_ACQUIRE), pthread_self());
}

/* The network thread comes to rest at some time after it has done something. */
static void emit_until_by_us(struct world *world, struct client *client) {
    do {
        emit(world);
        expect_last(world, client);
    } while (!by_us());
}

/* ---- Tests ---- */

static void
a_batch_is_delivered_on_the_engines_thread_while_the_network_thread_sleeps(void **state) {
    (void)state;
    struct world world = world_new(&near_plugin);
    struct client client = watch(&world);
    emit_until_by_us(&world, &client);
    client_close(&client);
    world_free(&world);
}

static void a_sink_that_did_not_allow_it_gets_its_batches_on_the_network_thread(void **state) {
    (void)state;
    struct world world = world_new(&far_plugin);
    struct client client = watch(&world);
    for (int i = 0; i < 50; i++) {
        emit(&world);
        expect_last(&world, &client);
        assert_false(by_us());
    }
    client_close(&client);
    world_free(&world);
}

static void what_went_to_many_goes_by_the_network_thread_the_next_time(void **state) {
    (void)state;
    struct world world = world_new(&near_plugin);
    struct client clients[MANY] = {watch(&world)};
    emit_until_by_us(&world, &clients[0]);
    for (size_t i = 1; i < MANY; i++)
        clients[i] = watch(&world);
    for (int round = 0; round < 50; round++) {
        emit(&world);
        for (size_t i = 0; i < MANY; i++)
            expect_last(&world, &clients[i]); /* also the first time, when it was taken for few */
        assert_false(round && by_us());
    }
    for (size_t i = 0; i < MANY; i++)
        client_close(&clients[i]);
    world_free(&world);
}

static void what_comes_behind_a_batch_that_waits_waits_too(void **state) {
    (void)state;
    struct world world = world_new(&near_plugin);
    struct client client = watch(&world), other = client_connect(world.engine->port);
    emit_until_by_us(&world, &client);
    __atomic_store_n(&probe.holds, true, __ATOMIC_RELEASE);
    emit(&world);
    expect_last(&world, &client);
    emit(&world);
    emit(&world);
    __atomic_store_n(&probe.holds, false, __ATOMIC_RELEASE);
    client_get(&other, "/release", NULL);
    assert_int_equal(client_head(&other).status, 204);
    world.xid--;
    expect_last(&world, &client);
    world.xid++;
    expect_last(&world, &client);
    client_close(&client);
    client_close(&other);
    world_free(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_batch_is_delivered_on_the_engines_thread_while_the_network_thread_sleeps),
        cmocka_unit_test(a_sink_that_did_not_allow_it_gets_its_batches_on_the_network_thread),
        cmocka_unit_test(what_went_to_many_goes_by_the_network_thread_the_next_time),
        cmocka_unit_test(what_comes_behind_a_batch_that_waits_waits_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
