/* permessage-deflate: what is agreed on, that a message is deflated once for all its clients, that contexts have a budget, and that no client can
 * break out of either. */
#include "unit/net/fake_engine.h"

#include <zlib.h>

#include "base/bytes.h"
#include "unit/net/client.h"

enum { TEXT = 0x81, DEFLATED = 0xc1, BIT = 0x40 };

static int setup_as(void **state, enum sgr_compression compression, size_t memory) {
    struct engine *engine = engine_new();
    engine->options.compression = compression;
    engine->options.compression_memory = memory;
    engine->options.client_buffer = 64 << 20;
    engine_start(engine);
    *state = engine;
    return 0;
}

static int setup_shared(void **state) {
    return setup_as(state, SGR_COMPRESSION_SHARED, 1 << 20);
}
static int setup_context(void **state) {
    return setup_as(state, SGR_COMPRESSION_CONTEXT, 1 << 20);
}
static int setup_narrow(void **state) {
    return setup_as(state, SGR_COMPRESSION_CONTEXT, 40000);
}
static int setup_without_memory(void **state) {
    return setup_as(state, SGR_COMPRESSION_CONTEXT, 0);
}

/* ---- Clients ---- */

static void inflater(z_stream *ret) {
    *ret = (z_stream){0};
    assert_int_equal(inflateInit2(ret, -12), Z_OK); /* the window we promise */
}

static char *inflated(z_stream *stream, const char *data, size_t size) {
    static const unsigned char tail[] = {0, 0, 0xff, 0xff};
    size_t room = 8 << 20;
    char *text = malloc(room);
    assert_non_null(text);
    stream->next_out = (unsigned char *)text;
    stream->avail_out = (unsigned)room - 1;
    for (int i = 0; i < 2; i++) {
        stream->next_in = (unsigned char *)(uintptr_t)(i ? (const char *)tail : data);
        stream->avail_in = (unsigned)(i ? sizeof(tail) : size);
        assert_int_equal(inflate(stream, Z_SYNC_FLUSH), Z_OK);
        assert_int_equal(stream->avail_in, 0);
    }
    text[(char *)stream->next_out - text] = '\0';
    return text;
}

struct heard {
    bool deflated;
    size_t wire; /* payload bytes */
    char *text;
};

/* The next message. NULL for `stream`: each stands alone. */
static struct heard hear(struct client *client, z_stream *stream) {
    struct heard heard = {0};
    struct frame frame;
    char *data = NULL;
    do {
        frame = client_peek_frame(client);
        if (frame.opcode == 10) {
            client_consume(client, frame.header + frame.size);
            frame.final = false;
            continue;
        }
        bool bit = client->data[0] & BIT;
        assert_int_equal(frame.opcode, data ? 0 : 1);
        assert_false(data && bit);
        heard.deflated = heard.deflated || bit;
        data = realloc(data, heard.wire + frame.size + 1);
        memcpy(data + heard.wire, client->data + frame.header, frame.size);
        heard.wire += frame.size;
        data[heard.wire] = '\0';
        client_consume(client, frame.header + frame.size);
    } while (!frame.final);
    heard.text = data;
    if (!heard.deflated)
        return heard;
    z_stream own;
    inflater(&own);
    heard.text = inflated(stream ? stream : &own, data, heard.wire);
    inflateEnd(&own);
    free(data);
    return heard;
}

/* What the server answers to this offer; NULL: nothing. Leaves a websocket. */
static const char *agree(struct client *client, const char *path, const char *offer) {
    static char answer[1024];
    char headers[512];
    snprintf(headers, sizeof(headers), "Sec-WebSocket-Extensions: %s\r\n", offer);
    client_send(
        client,
        "GET %s HTTP/1.1\r\nHost: localhost:80\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        path, headers);
    struct response response = client_head(client);
    assert_int_equal(response.status, 101);
    const char *value = header_of(&response, "sec-websocket-extensions");
    snprintf(answer, sizeof(answer), "%s", value ? value : "");
    return value ? answer : NULL;
}

static struct client offering(struct engine *engine, const char *path, const char *offer) {
    struct client client = client_connect(engine->port);
    assert_non_null(agree(&client, path, offer));
    return client;
}

static struct client viewer(struct engine *engine, int channel) {
    struct client client = offering(engine, "/ws/v", "permessage-deflate");
    struct ask ask = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &ask, (uint64_t)channel, "c0", "[]");
    client_expect(&client, "[]");
    return client;
}

/* JSON that deflates well, or a number of every byte. */
static char *document(size_t size, unsigned seed, bool dense) {
    static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = dense ? digits[rand_r(&seed) & 63] : "{\"id\":1,\"name\":\"n"[i % 17];
    text[size] = '\0';
    return text;
}

/* ---- Agreeing ---- */

#define ALONE "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
#define KEEPS "permessage-deflate; client_no_context_takeover"

static void check_offers(struct engine *engine, const char *const (*cases)[2]) {
    for (; (*cases)[0]; cases++) {
        struct client client = client_connect(engine->port);
        const char *answer = agree(&client, "/", (*cases)[0]);
        const char *expected = (*cases)[1];
        if (!answer != !expected || (answer && strcmp(answer, expected) != 0))
            fail_msg("%s is answered with %s", (*cases)[0], answer);
        client_say(&client, "{\"type\":\"ping\"}");
        client_expect(&client, "{\"type\":\"pong\"}");
        client_close(&client);
    }
}

static void offers_are_taken_or_declined_as_the_standard_says(void **state) {
    static const char *const cases[][2] = {
        {"permessage-deflate", ALONE},
        {"permessage-deflate; client_max_window_bits", ALONE},
        {"permessage-deflate;client_max_window_bits=9;client_no_context_takeover", ALONE},
        {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", ALONE},
        {"permessage-deflate; server_max_window_bits=15", ALONE "; server_max_window_bits=12"},
        {"permessage-deflate; server_max_window_bits=\"12\"", ALONE "; server_max_window_bits=12"},
        {"x-webkit-deflate-frame, permessage-deflate", ALONE},
        {"permessage-deflate; server_max_window_bits=9", NULL},
        {"permessage-deflate; server_max_window_bits=9, permessage-deflate", ALONE},
        {"permessage-deflate, permessage-deflate; server_max_window_bits=13", ALONE},
        {"permessage-deflate, permessage-deflate, permessage-deflate", ALONE},
        {"permessage-deflate; server_max_window_bits", NULL},
        {"permessage-deflate; server_max_window_bits=012", NULL},
        {"permessage-deflate; server_max_window_bits=16", NULL},
        {"permessage-deflate; client_max_window_bits=7", NULL},
        {"permessage-deflate; client_max_window_bits=99999999999999999999", NULL},
        {"permessage-deflate; server_no_context_takeover=1", NULL},
        {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", NULL},
        {"permessage-deflate; mystery", NULL},
        {"permessage-deflate; mystery=\"a,b;c\", permessage-deflate; client_max_window_bits",
         ALONE},
        {"permessage-deflate; server_max_window_bits=\"12", NULL},
        {"permessage-deflate;", NULL},
        {"; permessage-deflate", NULL},
        {"permessage-deflate2", NULL},
        {"bogus; a=b", NULL},
        {NULL, NULL}};
    check_offers(*state, cases);
}

static void a_context_is_kept_unless_the_client_wants_none(void **state) {
    static const char *const cases[][2] = {
        {"permessage-deflate", KEEPS},
        {"permessage-deflate; server_max_window_bits=13", KEEPS "; server_max_window_bits=12"},
        {"permessage-deflate; server_no_context_takeover", ALONE},
        {NULL, NULL}};
    check_offers(*state, cases);
}

static void nothing_is_agreed_on_when_it_is_off(void **state) {
    static const char *const cases[][2] = {{"permessage-deflate", NULL}, {NULL, NULL}};
    check_offers(*state, cases);
}

static void an_endless_offer_is_refused_with_a_status(void **state) {
    struct engine *engine = *state;
    struct client client = client_connect(engine->port);
    char headers[700] = "Sec-WebSocket-Extensions: ";
    while (strlen(headers) < 600)
        strcat(headers, "permessage-deflate; client_max_window_bits=9, ");
    strcat(headers, "x\r\n");
    assert_int_equal(client_upgrade(&client, "/", headers), 431);
    client_close(&client);
}

/* ---- Sending ---- */

static void commit_bytes(struct engine *engine, int channel, struct sgr_bytes *bytes) {
    struct sgr_hub_item item = {
        .channel = (uint64_t)channel, .patches = sgr_bytes_ref(bytes), .previous = bytes_of("c0")};
    struct sgr_hub_commit commit = {.cursor = bytes_of("c1"), .count = 1, .items = &item};
    sgr_hub_commit(engine->hub, &commit);
}

static void expect_both(struct client *clients, size_t count, const char *text, bool deflated) {
    for (size_t i = 0; i < count; i++) {
        struct heard heard = hear(&clients[i], NULL);
        assert_int_equal(heard.deflated, deflated);
        assert_string_equal(heard.text, text);
        free(heard.text);
    }
}

static void a_message_is_deflated_once_for_all_its_clients(void **state) {
    struct engine *engine = *state;
    struct client clients[] = {viewer(engine, 5), viewer(engine, 5)};
    struct client plain = client_websocket(engine->port, "/ws/v");
    struct ask ask = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &ask, 5, "c0", "[]");
    client_expect(&plain, "[]");
    char *text = document(20000, 1, false);
    struct sgr_bytes *bytes = bytes_of(text);
    commit_bytes(engine, 5, bytes);
    expect_both(clients, 2, text, true);
    client_expect(&plain, text);
    const struct sgr_bytes *form = *sgr_bytes_form(bytes);
    assert_true(form && form != bytes && form->size < 2000);
    commit_bytes(engine, 5, bytes); /* who gets it again gets the same */
    expect_both(clients, 2, text, true);
    client_expect(&plain, text);
    assert_ptr_equal(*sgr_bytes_form(bytes), form);
    sgr_bytes_unref(bytes);
    free(text);
    client_close(&clients[0]);
    client_close(&clients[1]);
    client_close(&plain);
}

static void a_document_is_deflated_once_within_each_clients_own_message(void **state) {
    struct engine *engine = *state;
    char *text = document(20000, 1, false);
    struct sgr_bytes *bytes = bytes_of(text);
    const struct sgr_bytes *form = NULL;
    struct client clients[2];
    for (int i = 0; i < 2; i++) {
        clients[i] = offering(engine, "/v", "permessage-deflate");
        struct ask ask = engine_subscribe_ask(engine, "/v");
        struct sgr_hub_answer answer = make_answer(ask.id, 5, SGR_ANSWER_SNAPSHOT, "c0", NULL);
        answer.state.document = sgr_bytes_ref(bytes);
        assert_int_equal(sgr_hub_answer(engine->hub, &answer), 0);
        struct heard heard = hear(&clients[i], NULL);
        assert_true(heard.deflated && heard.wire < 2000);
        assert_non_null(strstr(heard.text, "{\"type\":\"snapshot\",\"cursor\":\"c0\",\"data\":"));
        assert_non_null(strstr(heard.text, text));
        assert_int_equal(heard.text[strlen(heard.text) - 1], '}');
        free(heard.text);
        assert_true(!form || form == *sgr_bytes_form(bytes));
        form = *sgr_bytes_form(bytes);
        assert_true(form && form != bytes);
    }
    client_close(&clients[0]);
    client_close(&clients[1]);
    sgr_bytes_unref(bytes);
    free(text);
}

static void what_deflating_would_not_make_smaller_goes_as_it_is(void **state) {
    struct engine *engine = *state;
    struct client client = viewer(engine, 5);
    unsigned seed = 3;
    char *text = document(511, 1, false);
    engine_commit(engine, "c0", "c1", 5, text, 0);
    expect_both(&client, 1, text, false);
    free(text);
    text = document(4000, 1, true);
    for (char *byte = text; *byte; byte++) /* of all 255 values: nothing to win */
        *byte = (char)(1 + rand_r(&seed) % 255);
    engine_commit(engine, "c0", "c1", 5, text, 0);
    expect_both(&client, 1, text, false);
    free(text);
    client_close(&client);
}

static void check_sizes(struct engine *engine, z_stream *stream) {
    static const size_t sizes[] = {512,    513,    4095,   4096,   4097,   65536,  229319,
                                   229320, 229400, 262144, 262145, 524288, 3000001};
    struct client client = viewer(engine, 5);
    for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
        char *text = document(sizes[i / 2], (unsigned)i + 1, i % 2);
        client_frame(&client, 0x89, "ping", 4);
        engine_commit(engine, "c1", "c2", 5, text, 0);
        if (i % 3 == 1)
            engine_commit(engine, "c1", "c2", 5, "{\"small\":1}", 0);
        struct heard heard = hear(&client, stream);
        assert_true(heard.deflated);
        assert_string_equal(heard.text, text);
        free(heard.text);
        free(text);
        if (i % 3 == 1) {
            heard = hear(&client, stream);
            assert_string_equal(heard.text, "{\"small\":1}");
            free(heard.text);
        }
    }
    client_close(&client);
}

static void messages_of_every_size_stand_alone(void **state) {
    check_sizes(*state, NULL);
}

static void messages_of_every_size_follow_on_each_other(void **state) {
    z_stream stream;
    inflater(&stream);
    check_sizes(*state, &stream);
    inflateEnd(&stream);
}

static char *rename_patch(int i) {
    static char text[160];
    snprintf(text, sizeof(text),
             "[{\"op\":\"replace\",\"path\":\"/followeds/%d/places/%d/name\",\"value\":\"n%d\"}]",
             i * 37 % 1000, i % 5, i * 7919);
    return text;
}

static void a_context_makes_what_repeats_small(void **state) {
    struct engine *engine = *state;
    struct client client = offering(engine, "/v", "permessage-deflate; client_max_window_bits");
    z_stream stream;
    inflater(&stream);
    struct ask ask = engine_subscribe_ask(engine, "/v");
    engine_snapshot(engine, &ask, 5, "q3VnR81a.0", "{\"id\":1,\"name\":\"ann\",\"followeds\":[]}");
    struct heard heard = hear(&client, &stream);
    free(heard.text);
    size_t largest = 0;
    for (int i = 1; i < 50; i++) {
        char previous[32], cursor[32];
        snprintf(previous, sizeof(previous), "q3VnR81a.%d", i * 311 - 311);
        snprintf(cursor, sizeof(cursor), "q3VnR81a.%d", i * 311);
        engine_commit(engine, previous, cursor, 5, rename_patch(i), 0);
        heard = hear(&client, &stream);
        assert_non_null(strstr(heard.text, rename_patch(i)));
        if (i > 2 && heard.wire > largest)
            largest = heard.wire;
        free(heard.text);
    }
    if (largest > 60)
        fail_msg("a rename takes %zu bytes", largest);
    inflateEnd(&stream);
    client_close(&client);
}

static void contexts_beyond_the_budget_are_gone_without(void **state) {
    struct engine *engine = *state;
    struct client clients[] = {viewer(engine, 5), viewer(engine, 5)};
    z_stream streams[2];
    inflater(&streams[0]);
    inflater(&streams[1]);
    char *text = document(3000, 1, true);
    size_t wire[2];
    for (int round = 0; round < 3; round++) {
        engine_commit(engine, "c1", "c2", 5, text, 0);
        for (int i = 0; i < 2; i++) {
            struct heard heard = hear(&clients[i], &streams[i]);
            assert_string_equal(heard.text, text);
            wire[i] = heard.wire;
            free(heard.text);
        }
    }
    assert_true(wire[0] < 100 || wire[1] < 100);   /* one has a context, */
    assert_true(wire[0] > 2000 || wire[1] > 2000); /* the other one none */
    int keeper = wire[1] < wire[0];
    client_close(&clients[keeper]);
    free(text);
    inflateEnd(&streams[0]);
    inflateEnd(&streams[1]);
    client_close(&clients[!keeper]);
}

static void without_memory_for_a_part_a_big_message_goes_as_it_is(void **state) {
    struct engine *engine = *state;
    struct client client = viewer(engine, 5);
    char *text = document(400000, 1, false);
    engine_commit(engine, "c1", "c2", 5, text, 0);
    expect_both(&client, 1, text, false);
    free(text);
    client_close(&client);
}

/* ---- Receiving ---- */

static size_t deflated(const char *text, size_t size, int flush, char *to, size_t room) {
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text,
                       .avail_in = (unsigned)size,
                       .next_out = (unsigned char *)to,
                       .avail_out = (unsigned)room};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    deflate(&stream, flush);
    assert_int_equal(stream.avail_in, 0);
    size_t used = room - stream.avail_out;
    deflateEnd(&stream);
    return flush == Z_SYNC_FLUSH ? used - 4 : used;
}

static void expect_pong(struct client *client) {
    client_expect(client, "{\"type\":\"pong\"}");
}

static void compressed_messages_are_heard_in_any_fragments(void **state) {
    struct engine *engine = *state;
    struct client client = offering(engine, "/", "permessage-deflate");
    static const char ping[] = "{\"type\":\"ping\"}";
    char data[200];
    size_t size = deflated(ping, sizeof(ping) - 1, Z_SYNC_FLUSH, data, sizeof(data));
    client_frame(&client, DEFLATED, data, size);
    expect_pong(&client);
    client_frame(&client, 0x41, data, 5); /* in three frames, a ping and an empty one between */
    client_frame(&client, 0x89, "p", 1);
    client_frame(&client, 0x00, "", 0);
    client_frame(&client, 0x80, data + 5, size - 5);
    expect_pong(&client);
    client_frame(&client, TEXT, ping, sizeof(ping) - 1); /* plain is always fine */
    expect_pong(&client);
    size = deflated(ping, sizeof(ping) - 1, Z_FINISH, data, sizeof(data));
    data[size++] = 0;
    client_frame(&client, DEFLATED, data, size); /* with a final block */
    expect_pong(&client);
    client_frame(&client, DEFLATED, "\0", 1); /* nothing at all */
    client_expect_part(&client, "bad_json");
    client_close(&client);
}

static void closes(struct engine *engine, const char *offer, int first_byte, const char *data,
                   size_t size, int code) {
    struct client client = client_connect(engine->port);
    const char *agreed = offer ? agree(&client, "/", offer) : NULL;
    if (!offer)
        assert_int_equal(client_upgrade(&client, "/", NULL), 101);
    assert_int_equal(!agreed, !offer);
    client_frame(&client, first_byte, data, size);
    if (!(first_byte & 0x80)) /* the bit on the second frame */
        client_frame(&client, 0x80 | BIT, data, size);
    assert_int_equal(client_closed(&client), code);
    client_close(&client);
}

static void a_bit_that_was_not_agreed_on_closes_with_1002(void **state) {
    static const char offer[] = "permessage-deflate";
    closes(*state, NULL, DEFLATED, "\0", 1, 1002);
    closes(*state, offer, 0xa1, "\0", 1, 1002);
    closes(*state, offer, 0x91, "\0", 1, 1002);
    closes(*state, offer, 0x01, "{}", 2, 1002);
    closes(*state, offer, 0x41, "\0", 1, 1002);
}

static void a_bomb_closes_with_1009_and_garbage_with_1007(void **state) {
    static const char offer[] = "permessage-deflate";
    char *zeros = calloc(1, 60000000), *data = malloc(100000);
    assert_true(zeros && data);
    size_t size = deflated(zeros, 60000000, Z_SYNC_FLUSH, data, 100000);
    assert_true(size < 65536);
    closes(*state, offer, DEFLATED, data, size, 1009);
    size = deflated(zeros, 65537, Z_SYNC_FLUSH, data, 100000);
    closes(*state, offer, DEFLATED, data, size, 1009);
    closes(*state, offer, DEFLATED, "\xff\xff\xff\xff", 4, 1007);
    size = deflated("{}", 2, Z_FINISH, data, 100000);
    memset(data + size, 0xff, 19);
    closes(*state, offer, DEFLATED, data, size + 19, 1007);
    free(zeros);
    free(data);
}

#define WITH(setup, test) cmocka_unit_test_setup_teardown(test, setup, engine_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(setup_shared, offers_are_taken_or_declined_as_the_standard_says),
        WITH(setup_context, a_context_is_kept_unless_the_client_wants_none),
        WITH_ENGINE(nothing_is_agreed_on_when_it_is_off),
        WITH(setup_shared, an_endless_offer_is_refused_with_a_status),
        WITH(setup_shared, a_message_is_deflated_once_for_all_its_clients),
        WITH(setup_shared, a_document_is_deflated_once_within_each_clients_own_message),
        WITH(setup_shared, what_deflating_would_not_make_smaller_goes_as_it_is),
        WITH(setup_shared, messages_of_every_size_stand_alone),
        WITH(setup_context, messages_of_every_size_follow_on_each_other),
        WITH(setup_context, a_context_makes_what_repeats_small),
        WITH(setup_narrow, contexts_beyond_the_budget_are_gone_without),
        WITH(setup_without_memory, without_memory_for_a_part_a_big_message_goes_as_it_is),
        WITH(setup_shared, compressed_messages_are_heard_in_any_fragments),
        WITH(setup_shared, a_bit_that_was_not_agreed_on_closes_with_1002),
        WITH(setup_shared, a_bomb_closes_with_1009_and_garbage_with_1007),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
