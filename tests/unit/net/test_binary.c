/* Binary messages, in and out: they keep their kind among texts, through compression and in pieces. */
#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

/* ---- A sink that says everything twice, as it was said ---- */

static const struct sgr_sink_host *table;

static void on_message(struct sgr_connection *connection, void *data, struct sgr_slice text,
                       bool binary) {
    struct sgr_bytes *bytes = table->bytes_new(text.data, text.size);
    (void)data;
    for (int i = 0; i < 2; i++)
        (binary ? table->send_binary : table->send)(connection, bytes);
    table->bytes_unref(bytes);
}

static void on_upgrade(void *data, struct sgr_request *request) {
    static const struct sgr_connection_callbacks callbacks = {.message = on_message};
    (void)data;
    assert_non_null(table->accept(request, &callbacks, NULL, NULL));
}

static int echo_open(const struct sgr_sink_host *own, void *host, const void *options,
                     void **ret_state, struct sgr_error *error) {
    struct sgr_route route = {.kind = SGR_ROUTE_WEBSOCKET, .path = "/echo", .request = on_upgrade};
    (void)options;
    assert_true(own->common.size > offsetof(struct sgr_sink_host, send_binary));
    table = own;
    *ret_state = &table;
    return own->route(host, &route, error);
}

static const struct sgr_sink_methods methods = {.open = echo_open};
static const struct sgr_plugin plugin = {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "echo",
                                         .methods_size = sizeof(methods), .sink = &methods};

static int start(void **state, enum sgr_compression compression) {
    struct engine *engine = engine_new();
    engine->options.compression = compression;
    engine->sinks[engine->sink_count++] = (struct sgr_plan_sink){.name = "echo", .plugin = &plugin};
    engine_start(engine);
    *state = engine;
    return 0;
}

static int setup(void **state) {
    return start(state, SGR_COMPRESSION_OFF);
}

static int setup_shared(void **state) {
    return start(state, SGR_COMPRESSION_SHARED);
}

/* ---- What a client sees ---- */

/* One message of this opcode, uncompressed or not; its bytes on the wire. */
static size_t hear_kind(struct client *client, int opcode) {
    size_t size = 0;
    for (bool begun = false;; begun = true) {
        struct frame frame = client_peek_frame(client);
        assert_int_equal(frame.opcode, begun ? 0 : opcode);
        size += frame.size;
        client_consume(client, frame.header + frame.size);
        if (frame.final)
            return size;
    }
}

static void expect_bytes(struct client *client, const char *data, size_t size) {
    struct frame frame = client_peek_frame(client);
    assert_int_equal(frame.opcode, 2);
    assert_true(frame.final);
    assert_int_equal(frame.size, size);
    assert_memory_equal(client->data + frame.header, data, size);
    client_consume(client, frame.header + frame.size);
}

static void binary_messages_and_texts_keep_their_kind(void **state) {
    static const char bytes[] = {0, (char)0xff, 4, '{', (char)0xc3};
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/echo");
    client_frame(&client, 0x82, bytes, sizeof(bytes));
    client_frame(&client, 0x81, "text", 4);
    client_frame(&client, 0x82, "", 0);
    expect_bytes(&client, bytes, sizeof(bytes));
    expect_bytes(&client, bytes, sizeof(bytes));
    client_expect(&client, "text");
    client_expect(&client, "text");
    expect_bytes(&client, "", 0);
    expect_bytes(&client, "", 0);
    client_close(&client);
}

static void a_binary_message_larger_than_a_write_stays_one(void **state) {
    struct engine *engine = *state;
    struct client client = client_websocket(engine->port, "/echo");
    char *bytes = calloc(1, 60000);
    assert_non_null(bytes);
    client_frame(&client, 0x82, bytes, 60000);
    assert_int_equal(hear_kind(&client, 2), 60000);
    assert_int_equal(hear_kind(&client, 2), 60000);
    client_frame(&client, 0x81, "text", 4);
    client_expect(&client, "text");
    client_close(&client);
    free(bytes);
}

static void a_compressed_binary_message_is_binary(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    assert_int_equal(
        client_upgrade(&client, "/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n"), 101);
    char *bytes = calloc(1, 4000);
    assert_non_null(bytes);
    client_frame(&client, 0x82, bytes, 4000);
    client_frame(&client, 0x81, "text", 4);
    for (int i = 0; i < 2; i++)
        assert_true(hear_kind(&client, 2) < 1000);
    client_expect(&client, "text");
    client_close(&client);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(binary_messages_and_texts_keep_their_kind, setup,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(a_binary_message_larger_than_a_write_stays_one, setup,
                                        engine_teardown),
        cmocka_unit_test_setup_teardown(a_compressed_binary_message_is_binary, setup_shared,
                                        engine_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
