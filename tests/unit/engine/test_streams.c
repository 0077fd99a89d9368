/* A change stream within the engine: what comes again is passed on once, positions are acknowledged when they may be, a gap forgets what cannot go on,
 * and a source waits while batches live, in the middle of a transaction too. Virtual time; the network side is the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine.h"

enum { KEPT = 4096 };

struct world {
    struct sgr_engine *engine;
    const struct sgr_source_host *table; /* the stream's */
    void *host;
    struct sgr_stream_ledger *ledger;
    bool keeps;
    const struct sgr_stream_batch *kept[KEPT];
    size_t kept_count, changes, pieces;
    char log[4096]; /* "7(a b" a piece, ")" the end of a transaction; states by name */
    char positions[256];
};

/* ---- The network side ---- */

static void note(struct world *world, const char *format, ...) {
    size_t used = strlen(world->log);
    va_list args;
    va_start(args, format);
    vsnprintf(world->log + used, sizeof(world->log) - used, format, args);
    va_end(args);
}

static void on_batch(void *data, size_t source, const struct sgr_stream_batch *batch) {
    struct world *world = data;
    assert_int_equal(source, 0);
    world->pieces++;
    note(world, batch->first ? "%u(" : "", batch->transaction.xid);
    for (size_t i = 0; i < batch->count; i++) {
        const struct sgr_field *field = &batch->changes[i].new_fields[0];
        world->changes++;
        note(world, "%.*s ", field->size > 8 ? 1 : (int)field->size, field->data);
    }
    note(world, batch->last ? ")" : "…");
    if (world->keeps)
        world->kept[world->kept_count++] = sgr_stream_batch_ref(batch);
}

static void on_state(void *data, size_t source, uint32_t era,
                     const struct sgr_stream_state *state) {
    static const char *const names[] = {"flowing", "gap", "down"};
    (void)source;
    note(data, "[%s%s%s %u]", names[state->phase], state->reason ? " " : "",
         state->reason ? state->reason : "", era);
}

static void on_position(void *data, size_t source, uint32_t era, uint64_t lsn) {
    struct world *world = data;
    size_t used = strlen(world->positions);
    (void)source;
    snprintf(world->positions + used, sizeof(world->positions) - used, "%u:%llu ", era,
             (unsigned long long)lsn);
}

static void receive(struct world *world) {
    static const struct sgr_hub_handler handler = {
        .stream_batch = on_batch, .stream_state = on_state, .stream_position = on_position};
    while (sgr_hub_receive(world->engine->hub, &handler, world, 1000))
        continue;
}

static void turn(struct world *world) {
    for (int i = 0; i < 4; i++) {
        sgr_loop_advance(world->engine->loop, 0);
        receive(world);
    }
}

static void no_wake(void *data) {
    (void)data;
}

/* `file`: of the source's operations; NULL: none, the test plays the source. */
static struct world *world_new(const char *file) {
    char config[1024], option[256] = "";
    struct world *world = calloc(1, sizeof(*world));
    struct sgr_error error = {0};
    assert_non_null(world);
    if (file)
        snprintf(option, sizeof(option), ", file: \"%s\"", file);
    snprintf(config, sizeof(config),
             "server: { stream_buffer: 256KB }\n"
             "sources: { app: { plugin: memory, tables: { t: { columns: { a: text }%s } } } }\n"
             "sinks: { r: { plugin: \"%s\", source: app, file: /dev/null } }\n",
             option, RECORDER);
    struct sgr_engine_options options = {.size = sizeof(options),
                                         .config_text = config,
                                         .config_file = "t.yaml",
                                         .log_level = SGR_LOG_ERROR};
    if (sgr__engine_new(&options, true, &world->engine, &error) ||
        sgr__engine_start(world->engine, &error))
        fail_msg("%s (%s)", error.message, error.context);
    sgr_hub_on_events(world->engine->hub, no_wake, NULL);
    world->ledger = sgr_hub_ledger(world->engine->hub, 0);
    world->table = sgr__stream_host(world->engine, 0, &world->host);
    return world;
}

static void release(struct world *world) {
    while (world->kept_count)
        sgr_stream_batch_unref(world->kept[--world->kept_count]);
}

static void world_free(struct world *world) {
    release(world);
    sgr_engine_free(world->engine);
    free(world);
}

static void expect(struct world *world, const char *log) {
    turn(world);
    assert_string_equal(world->log, log);
    world->log[0] = '\0';
}

static uint64_t explained(struct world *world, const char *name) {
    struct sgr_buffer out = SGR_BUFFER_INIT;
    char key[64];
    sgr__streams_explain(world->engine, SGR_EXPLAIN_JSON, true, &out);
    snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(sgr_buffer_text(&out), key);
    assert_non_null(at);
    at += strlen(key);
    uint64_t number = strcmp(name, "paused") == 0 ? *at == 't' : strtoull(at, NULL, 10);
    sgr_buffer_fini(&out);
    return number;
}

/* ---- The source ---- */

static struct sgr_transaction transaction(uint32_t number) {
    return (struct sgr_transaction){
        .xid = number, .commit_lsn = number * 100u, .end_lsn = number * 100u + 50};
}

/* A capital letter is a value so big that it fills a piece. */
static int change(struct world *world, const char *value, struct sgr_error *error) {
    static char big[100000];
    static const struct sgr_relation_column column = {.name = "a", .type_name = "text"};
    struct sgr_relation relation = {
        .schema = "public", .table = "t", .columns = &column, .column_count = 1};
    bool is_big = *value >= 'A' && *value <= 'Z';
    memset(big, *value, sizeof(big));
    struct sgr_field field = {
        .kind = SGR_FIELD_TEXT, .data = is_big ? big : value, .size = is_big ? sizeof(big) : 1};
    struct sgr_change insert = {.kind = SGR_INSERT, .relation = &relation, .new_fields = &field};
    return world->table->change(world->host, &insert, error);
}

static void begin(struct world *world, uint32_t number, const char *values) {
    struct sgr_transaction of = transaction(number);
    struct sgr_error error = {0};
    assert_int_equal(world->table->begin(world->host, &of, &error), 0);
    for (; *values; values++)
        assert_int_equal(change(world, values, &error), 0);
}

static void commit(struct world *world, uint32_t number, const char *values) {
    struct sgr_transaction of = transaction(number);
    struct sgr_error error = {0};
    begin(world, number, values);
    assert_int_equal(world->table->commit(world->host, &of, &error), 0);
}

static void flowing(struct world *world, uint64_t lsn, const char *gap) {
    struct sgr_position position = {.lsn = lsn, .epoch = "e"};
    world->table->state(world->host, SGR_SOURCE_STREAMING, NULL);
    world->table->flowing(world->host, &position, gap);
}

static void lose(struct world *world, bool in_transaction) {
    struct sgr_error error;
    sgr_error_set(&error, SGR_EUNAVAILABLE, "gone");
    if (in_transaction)
        world->table->abort(world->host);
    world->table->state(world->host, SGR_SOURCE_DOWN, &error);
}

/* ---- Tests ---- */

static void what_comes_again_is_passed_on_once(void **state) {
    (void)state;
    struct world *world = world_new(NULL);
    expect(world, "[flowing 0]"); /* the memory source's own */
    commit(world, 1, "ab");
    begin(world, 2, "cDEf");
    expect(world, "1(a b )2(c …D …E …");
    lose(world, true);
    flowing(world, 150, NULL);
    commit(world, 1, "ab"); /* sinks have it */
    commit(world, 2, "cDEf");
    commit(world, 3, "g");
    expect(world, "[down 0][flowing 0]f )3(g )");
    /* Again in the middle, and with nothing left but the end. */
    begin(world, 4, "HIj");
    lose(world, true);
    flowing(world, 350, NULL);
    begin(world, 4, "HI");
    lose(world, true);
    flowing(world, 350, NULL);
    commit(world, 4, "HI");
    expect(world, "4(H …I …[down 0][flowing 0][down 0][flowing 0])");
    assert_int_equal(world->engine->failure.code, 0);
    world_free(world);
}

static void a_transaction_that_does_not_come_again_is_no_secret(void **state) {
    (void)state;
    struct world *world = world_new(NULL);
    struct sgr_transaction other = transaction(2);
    struct sgr_error error = {0};
    expect(world, "[flowing 0]");
    begin(world, 1, "AB");
    lose(world, true);
    flowing(world, 50, NULL);
    assert_int_equal(world->table->begin(world->host, &other, &error), SGR_EFATAL);
    assert_non_null(strstr(error.message, "does not come again"));
    turn(world);
    world_free(world);
}

static void positions_are_acknowledged_once_they_are_handled(void **state) {
    (void)state;
    struct world *world = world_new(NULL);
    sgr_stream_ledger_hold(world->ledger);
    expect(world, "[flowing 0]");
    commit(world, 1, "a");
    commit(world, 2, "b");
    turn(world);
    assert_int_equal(explained(world, "acknowledged"), 0);
    sgr_stream_ledger_handled(world->ledger, 0, 100);
    sgr_loop_advance(world->engine->loop, 100000); /* nobody is woken, but it is looked for */
    assert_int_equal(explained(world, "acknowledged"), 100);
    sgr_stream_ledger_handled(world->ledger, 0, 150);
    turn(world); /* it is awaited by now */
    assert_int_equal(explained(world, "acknowledged"), 150);
    world->table->advance(world->host, 900); /* idle log, but 2 is outstanding */
    assert_int_equal(explained(world, "acknowledged"), 150);
    sgr_stream_ledger_handled(world->ledger, 0, 250);
    world->table->advance(world->host, 900);
    assert_int_equal(explained(world, "acknowledged"), 900);
    sgr_stream_ledger_handled(world->ledger, 0, 5000); /* a sink that says too much */
    turn(world);
    assert_int_equal(explained(world, "acknowledged"), 900);
    world_free(world);
}

static bool take_alone(void *data, size_t source, const struct sgr_stream_batch *batch) {
    struct world *world = data;
    assert_int_equal(source, 0);
    note(world, "alone %u ", batch->transaction.xid);
    return world->keeps; /* here: whether it is taken */
}

static void a_small_transaction_that_comes_alone_is_offered(void **state) {
    static const struct sgr_hub_alone alone = {.stream_batch = take_alone};
    (void)state;
    struct world *world = world_new(NULL);
    expect(world, "[flowing 0]");
    sgr_hub_on_alone(world->engine->hub, &alone, world);
    world->keeps = true;
    sgr_loop_advance(world->engine->loop, 1000);
    commit(world, 1, "a");
    expect(world, "alone 1 ");
    sgr_loop_advance(world->engine->loop, 100);
    commit(world, 2, "b");
    expect(world, "2(b )"); /* close behind the other */
    sgr_loop_advance(world->engine->loop, 1000);
    commit(world, 3, "A");
    expect(world, "3(A )"); /* large */
    release(world);
    world->keeps = false;
    sgr_loop_advance(world->engine->loop, 1000);
    commit(world, 4, "d");
    expect(world, "alone 4 4(d )"); /* not taken */
    assert_int_equal(sgr_stream_ledger_bytes(world->ledger), 0);
    sgr_hub_on_alone(world->engine->hub, NULL, NULL);
    world_free(world);
}

static void nobody_who_acknowledges_means_passed_on_is_enough(void **state) {
    (void)state;
    struct world *world = world_new(NULL);
    turn(world);
    commit(world, 1, "a");
    assert_int_equal(explained(world, "acknowledged"), 150);
    world->table->advance(world->host, 700);
    assert_int_equal(explained(world, "acknowledged"), 700);
    world_free(world);
}

static void sinks_are_told_how_far_the_log_goes_but_not_all_the_time(void **state) {
    (void)state;
    struct world *world = world_new(NULL);
    struct sgr_loop *loop = world->engine->loop;
    world->keeps = true;
    turn(world);
    world->table->advance(world->host, 900); /* nothing of it concerns us */
    world->table->advance(world->host, 910);
    sgr_loop_advance(loop, 999999);
    world->table->advance(world->host, 920);
    sgr_loop_advance(loop, 1);
    world->table->advance(world->host, 930);
    sgr_loop_advance(loop, 1000000);
    world->table->log_end(world->host, 930); /* it stands still */
    commit(world, 10, "ABCDEF");             /* of commits, before they are paused for */
    assert_int_equal(explained(world, "paused"), 1);
    sgr_loop_advance(loop, 1000000);
    world->table->log_end(world->host, 5000);
    turn(world);
    assert_string_equal(world->positions, "0:900 0:930 0:1000 0:5000 ");
    world->positions[0] = '\0';
    lose(world, false);
    sgr_loop_advance(loop, 1000000);
    world->table->log_end(world->host, 6000);
    flowing(world, 120, "other_system");
    world->table->log_end(world->host, 130);
    turn(world);
    assert_string_equal(world->positions, "1:130 ");
    world_free(world);
}

static void a_gap_forgets_what_cannot_go_on(void **state) {
    (void)state;
    struct world *world = world_new(NULL);
    sgr_stream_ledger_hold(world->ledger);
    expect(world, "[flowing 0]");
    commit(world, 5, "a");
    begin(world, 6, "BC");
    lose(world, true);
    flowing(world, 120, "other_system"); /* positions begin lower there */
    commit(world, 2, "d");
    expect(world, "5(a )6(B …[down 0][gap other_system 1]2(d )");
    assert_int_equal(explained(world, "acknowledged"), 120);
    sgr_stream_ledger_handled(world->ledger, 0, 550); /* said of what was before */
    sgr_loop_advance(world->engine->loop, 100000);
    assert_int_equal(explained(world, "acknowledged"), 120);
    sgr_stream_ledger_handled(world->ledger, 1, 250);
    turn(world);
    assert_int_equal(explained(world, "acknowledged"), 250);
    world_free(world);
}

static void write_rows(char *name, int count) {
    int descriptor = mkstemp(name);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    assert_non_null(file);
    for (int i = 0; i < count; i++)
        fprintf(file, "{\"op\":\"insert\",\"row\":{\"a\":\"%d\"}}\n", i);
    fclose(file);
}

static void assert_rows(struct world *world, size_t from) {
    size_t next = from;
    for (size_t i = 0; i < world->kept_count; i++) {
        for (size_t k = 0; k < world->kept[i]->count; k++, next++) {
            char text[16];
            int size = snprintf(text, sizeof(text), "%zu", next);
            const struct sgr_field *field = &world->kept[i]->changes[k].new_fields[0];
            assert_int_equal(field->size, size);
            assert_memory_equal(field->data, text, field->size);
        }
    }
    assert_int_equal(next, world->changes);
}

static void a_source_waits_in_mid_transaction_while_batches_live(void **state) {
    (void)state;
    char name[] = "/tmp/sangre-test-XXXXXX";
    enum { ROWS = 20000, LIMIT = 256 << 10, PIECE = 64 << 10 };
    write_rows(name, ROWS);
    struct world *world = world_new(name);
    size_t pauses = 0;
    world->keeps = true;
    turn(world);
    size_t from = 0, before = world->changes;
    assert_int_equal(explained(world, "paused"), 1);
    turn(world);
    assert_int_equal(world->changes, before); /* nothing comes while they are kept */
    while (world->changes < ROWS) {
        pauses += explained(world, "paused");
        assert_true(sgr_stream_ledger_bytes(world->ledger) <= LIMIT + PIECE);
        assert_rows(world, from);
        from = world->changes;
        release(world);
        turn(world);
    }
    assert_true(pauses > 3);
    assert_int_equal(explained(world, "transactions"), 1);
    assert_true(world->kept[world->kept_count - 1]->last);
    world_free(world);
    unlink(name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_again_is_passed_on_once),
        cmocka_unit_test(a_transaction_that_does_not_come_again_is_no_secret),
        cmocka_unit_test(positions_are_acknowledged_once_they_are_handled),
        cmocka_unit_test(a_small_transaction_that_comes_alone_is_offered),
        cmocka_unit_test(nobody_who_acknowledges_means_passed_on_is_enough),
        cmocka_unit_test(sinks_are_told_how_far_the_log_goes_but_not_all_the_time),
        cmocka_unit_test(a_gap_forgets_what_cannot_go_on),
        cmocka_unit_test(a_source_waits_in_mid_transaction_while_batches_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
