/* Change streams on their way to sinks: packed batches that stand on their own, descriptors with identities, bytes that are counted for as long as
 * they live, order, holding back, and the position that all who acknowledge have handled. */
#include "net/stream_batch.h"
#include "net/stream_relation.h"
#include "unit/net/fake_engine.h"

#include "unit/net/client.h"

/* ---- Packing ---- */

static int wakes;

static void count_wake(void *data) {
    (void)data;
    wakes++;
}

static const struct sgr_relation_column columns[] = {
    {.name = "id", .type_name = "int4", .type = SGR_INT4, .type_modifier = -1, .key = true},
    {.name = "text", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1}};

static struct sgr_relation users(void) {
    return (struct sgr_relation){.schema = "public",
                                 .table = "users",
                                 .columns = columns,
                                 .column_count = 2,
                                 .identity = SGR_IDENTITY_FULL};
}

static struct sgr_field text(const char *of) {
    return (struct sgr_field){.kind = SGR_FIELD_TEXT, .data = of, .size = (uint32_t)strlen(of)};
}

struct packing {
    struct sgr_stream_ledger *ledger;
    struct sgr_stream_packer *packer;
    struct sgr_stream_relations *relations;
};

static struct packing packing_new(size_t piece) {
    struct packing packing = {.ledger = sgr_stream_ledger_new(count_wake, NULL),
                              .relations = sgr_stream_relations_new()};
    packing.packer = sgr_stream_packer_new(packing.ledger, piece);
    assert_true(packing.packer && packing.relations);
    wakes = 0;
    return packing;
}

static void packing_free(struct packing *packing) {
    assert_int_equal(sgr_stream_ledger_bytes(packing->ledger), 0);
    sgr_stream_packer_free(packing->packer);
    sgr_stream_relations_free(packing->relations);
    sgr_stream_ledger_unref(packing->ledger);
}

static int add(struct packing *packing, struct sgr_relation *relation, enum sgr_change_kind kind,
               const struct sgr_field *new_fields, const struct sgr_field *old_fields) {
    struct sgr_change change = {.kind = kind,
                                .old_kind = old_fields ? SGR_OLD_FULL : SGR_OLD_NONE,
                                .relation =
                                    sgr_stream_relation_intern(packing->relations, relation),
                                .new_fields = new_fields,
                                .old_fields = old_fields};
    return sgr_stream_packer_add(packing->packer, &change);
}

static void assert_text(const struct sgr_field *field, const char *expected) {
    assert_int_equal(field->kind, SGR_FIELD_TEXT);
    assert_int_equal(field->size, strlen(expected));
    assert_memory_equal(field->data, expected, field->size);
}

static void a_batch_holds_all_values_on_its_own(void **state) {
    (void)state;
    struct packing packing = packing_new(4096);
    struct sgr_relation relation = users();
    char buffer[] = "seven", other[] = "77";
    struct sgr_field new_fields[] = {text(buffer), {.kind = SGR_FIELD_UNCHANGED}};
    struct sgr_field old_fields[] = {text(other), {.kind = SGR_FIELD_NULL}};
    struct sgr_field empty[] = {text(""), text("x")};
    assert_int_equal(add(&packing, &relation, SGR_UPDATE, new_fields, old_fields), 0);
    assert_int_equal(add(&packing, &relation, SGR_INSERT, empty, NULL), 0);
    assert_int_equal(add(&packing, &relation, SGR_TRUNCATE, NULL, NULL), 0);
    memset(buffer, '?', sizeof(buffer));
    memset(other, '?', sizeof(other));
    struct sgr_transaction transaction = {.xid = 9, .commit_lsn = 10, .end_lsn = 20};
    struct sgr_stream_batch *batch =
        sgr_stream_packer_take(packing.packer, &transaction, true, true);
    assert_int_equal(sgr_stream_packer_count(packing.packer), 0);
    assert_int_equal(sgr_stream_ledger_bytes(packing.ledger), sgr_stream_batch_bytes(batch));
    assert_true(sgr_stream_batch_bytes(batch) < 512); /* not a whole piece */
    sgr_stream_relations_free(packing.relations);     /* the batch has its own reference */
    packing.relations = NULL;
    const struct sgr_change *changes = batch->changes;
    assert_int_equal(batch->count, 3);
    assert_int_equal(batch->transaction.end_lsn, 20);
    assert_text(&changes[0].new_fields[0], "seven");
    assert_int_equal(changes[0].new_fields[1].kind, SGR_FIELD_UNCHANGED);
    assert_text(&changes[0].old_fields[0], "77");
    assert_int_equal(changes[0].old_fields[1].kind, SGR_FIELD_NULL);
    assert_text(&changes[1].new_fields[0], "");
    assert_text(&changes[1].new_fields[1], "x");
    assert_null(changes[1].old_fields);
    assert_int_equal(changes[2].kind, SGR_TRUNCATE);
    assert_null(changes[2].new_fields);
    assert_string_equal(changes[2].relation->columns[1].name, "text");
    assert_int_equal(changes[2].relation->identity, SGR_IDENTITY_FULL);
    sgr_stream_batch_unref(batch);
    packing_free(&packing);
}

static void a_full_piece_is_taken_before_it_grows_and_a_big_change_has_its_own(void **state) {
    (void)state;
    struct packing packing = packing_new(1024);
    struct sgr_relation relation = users();
    char big[5000];
    memset(big, 'b', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    struct sgr_field small_row[] = {text("1"), text("small")}, big_row[] = {text("2"), text(big)};
    struct sgr_transaction transaction = {.xid = 1, .end_lsn = 5};
    size_t count = 0;
    while (add(&packing, &relation, SGR_INSERT, small_row, NULL) == 0)
        count++;
    assert_true(count > 2 && count < 20);
    assert_int_equal(sgr_stream_packer_count(packing.packer), count);
    struct sgr_stream_batch *full =
        sgr_stream_packer_take(packing.packer, &transaction, true, false);
    assert_int_equal(full->count, count);
    assert_int_equal(full->transaction.end_lsn, 0); /* not known before the last piece */
    assert_text(&full->changes[count - 1].new_fields[1], "small");
    assert_int_equal(add(&packing, &relation, SGR_INSERT, big_row, NULL), 0);
    assert_int_equal(add(&packing, &relation, SGR_INSERT, small_row, NULL), SGR_ELIMIT);
    struct sgr_stream_batch *large =
        sgr_stream_packer_take(packing.packer, &transaction, false, false);
    assert_text(&large->changes[0].new_fields[1], big);
    struct sgr_stream_batch *none =
        sgr_stream_packer_take(packing.packer, &transaction, false, true);
    assert_int_equal(none->count, 0);
    sgr_stream_batch_unref(full);
    sgr_stream_batch_unref(none);
    sgr_stream_batch_unref(large);
    packing_free(&packing);
}

static void another_descriptor_has_another_identity_and_the_old_one_stays(void **state) {
    (void)state;
    struct packing packing = packing_new(1024);
    struct sgr_relation first = users(), same = users(), other = users(), tables = users();
    other.identity = SGR_IDENTITY_DEFAULT;
    tables.table = "tables";
    struct sgr_relation *ours = sgr_stream_relation_intern(packing.relations, &first);
    assert_ptr_equal(sgr_stream_relation_intern(packing.relations, &same), ours);
    assert_ptr_equal(sgr_stream_relation_intern(packing.relations, &first), ours);
    sgr_stream_relation_ref(ours);
    struct sgr_relation *changed = sgr_stream_relation_intern(packing.relations, &other);
    struct sgr_relation *second = sgr_stream_relation_intern(packing.relations, &tables);
    assert_true(changed->id != ours->id && second->id != ours->id && second->id != changed->id);
    assert_int_equal(ours->identity, SGR_IDENTITY_FULL);
    /* The first descriptor again, though the source should not: a new identity, no freed memory. */
    assert_true(sgr_stream_relation_intern(packing.relations, &first)->id > second->id);
    sgr_stream_relation_unref(ours);
    packing_free(&packing);
}

static void who_awaits_fewer_bytes_is_woken_once(void **state) {
    (void)state;
    struct packing packing = packing_new(1024);
    struct sgr_relation relation = users();
    struct sgr_field row[] = {text("1"), text("x")};
    struct sgr_transaction transaction = {.xid = 1, .end_lsn = 5};
    struct sgr_stream_batch *batches[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(add(&packing, &relation, SGR_INSERT, row, NULL), 0);
        batches[i] = sgr_stream_packer_take(packing.packer, &transaction, true, true);
    }
    size_t bytes = sgr_stream_batch_bytes(batches[0]);
    assert_true(sgr_stream_ledger_await(packing.ledger, 3 * bytes));
    assert_false(sgr_stream_ledger_await(packing.ledger, bytes));
    sgr_stream_batch_ref(batches[0]);
    sgr_stream_batch_unref(batches[0]); /* one reference is left: its bytes still count */
    sgr_stream_batch_unref(batches[1]);
    assert_int_equal(wakes, 0);
    sgr_stream_batch_unref(batches[2]);
    assert_int_equal(wakes, 1);
    sgr_stream_batch_unref(batches[0]);
    assert_int_equal(wakes, 1);
    packing_free(&packing);
}

static void what_is_kept_as_history_does_not_count(void **state) {
    (void)state;
    struct packing packing = packing_new(1024);
    struct sgr_relation relation = users();
    struct sgr_field row[] = {text("1"), text("x")};
    struct sgr_transaction transaction = {.xid = 1, .end_lsn = 5};
    assert_int_equal(add(&packing, &relation, SGR_INSERT, row, NULL), 0);
    const struct sgr_stream_batch *batch =
        sgr_stream_packer_take(packing.packer, &transaction, true, true);
    assert_false(sgr_stream_ledger_await(packing.ledger, 0));
    const struct sgr_stream_batch *kept = sgr_stream_batch_keep(batch);
    assert_int_equal(wakes, 1);
    assert_int_equal(sgr_stream_ledger_bytes(packing.ledger), 0);
    assert_ptr_equal(sgr_stream_batch_keep(batch), kept); /* once more, for another one */
    sgr_stream_batch_unref(batch);
    sgr_stream_batch_unref(kept);
    assert_string_equal(kept->changes[0].relation->table, "users");
    sgr_stream_batch_unref(kept);
    assert_int_equal(sgr_stream_ledger_bytes(packing.ledger), 0);
    packing_free(&packing);
}

static void who_awaits_a_position_is_woken_by_the_next_one(void **state) {
    (void)state;
    struct sgr_stream_ledger *ledger = sgr_stream_ledger_new(count_wake, NULL);
    wakes = 0;
    sgr_stream_ledger_handled(ledger, 0, 100);
    assert_int_equal(wakes, 0);
    assert_true(sgr_stream_ledger_await_handled(ledger, 0, 100));
    sgr_stream_ledger_handled(ledger, 0, 110);
    assert_int_equal(wakes, 0);
    assert_false(sgr_stream_ledger_await_handled(ledger, 0, 130));
    sgr_stream_ledger_handled(ledger, 0, 90); /* no news */
    assert_int_equal(wakes, 0);
    sgr_stream_ledger_handled(ledger, 0, 120);
    sgr_stream_ledger_handled(ledger, 0, 130);
    assert_int_equal(wakes, 1);
    assert_false(sgr_stream_ledger_await_handled(ledger, 1, 10)); /* another era */
    sgr_stream_ledger_handled(ledger, 1, 5);
    assert_int_equal(wakes, 2);
    sgr_stream_ledger_unref(ledger);
}

static void a_position_counts_within_its_era(void **state) {
    (void)state;
    struct sgr_stream_ledger *ledger = sgr_stream_ledger_new(count_wake, NULL);
    sgr_stream_ledger_handled(ledger, 0, 100);
    sgr_stream_ledger_handled(ledger, 0, 90);
    assert_int_equal(sgr_stream_ledger_position(ledger, 0), 100);
    assert_int_equal(sgr_stream_ledger_position(ledger, 1), 0);
    sgr_stream_ledger_handled(ledger, 1, 7);
    assert_int_equal(sgr_stream_ledger_position(ledger, 1), 7);
    sgr_stream_ledger_unref(ledger);
}

/* ---- Bound by sinks ---- */

struct probe {
    const struct sgr_sink_host *table;
    void *host;
    struct sgr_stream *stream;
    bool acknowledges;
    bool answers,
        holds; /* says at once that it handled; holds after each batch. Network thread's once it runs */
    pthread_mutex_t lock;
    char log[2048];
};

static struct probe probes[2];
static struct engine *engine_of_probes;

static void note(struct probe *probe, const char *format, ...) {
    char line[128];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    pthread_mutex_lock(&probe->lock);
    strncat(probe->log, line, sizeof(probe->log) - strlen(probe->log) - 1);
    pthread_mutex_unlock(&probe->lock);
    engine_wake(engine_of_probes);
}

static void wait_for_log(struct probe *probe, const char *expected) {
    for (;;) {
        pthread_mutex_lock(&probe->lock);
        bool there = strcmp(probe->log, expected) == 0,
             beyond = strlen(probe->log) >= strlen(expected) && !there;
        pthread_mutex_unlock(&probe->lock);
        if (there)
            return;
        if (beyond)
            fail_msg("\"%s\" in place of \"%s\"", probe->log, expected);
        engine_wait(engine_of_probes);
    }
}

static void on_changes(void *data, struct sgr_stream *stream,
                       const struct sgr_stream_batch *batch) {
    struct probe *probe = data;
    if (probe->holds)
        probe->table->stream_hold(stream, true);
    if (probe->answers && batch->last)
        probe->table->stream_handled(stream, batch->transaction.end_lsn);
    note(probe, "%u%s ", batch->transaction.xid, batch->last ? "" : "+");
}

static void on_state(void *data, struct sgr_stream *stream, const struct sgr_stream_state *state) {
    static const char *const names[] = {"flowing", "gap", "down"};
    (void)stream;
    note(data, "%s(%s) ", names[state->phase],
         state->reason    ? state->reason
         : state->message ? state->message
                          : "");
}

static void on_position(void *data, struct sgr_stream *stream, uint64_t lsn) {
    (void)stream;
    note(data, "@%llu ", (unsigned long long)lsn);
}

static const struct sgr_stream_callbacks callbacks = {on_changes, on_state, on_position};

static void answer(struct probe *probe, struct sgr_request *request) {
    probe->table->respond(request, 204, NULL, NULL, NULL);
}

static void on_release(void *data, struct sgr_request *request) {
    struct probe *probe = data;
    probe->table->stream_hold(probe->stream, false);
    answer(probe, request);
}

static void on_handle(void *data, struct sgr_request *request) {
    struct probe *probe = data;
    struct sgr_slice to = probe->table->query(request, "to");
    probe->table->stream_handled(probe->stream, strtoull(to.data, NULL, 10));
    answer(probe, request);
}

static int probe_open(struct probe *probe, const struct sgr_sink_host *table, void *host,
                      const char *release, const char *handle) {
    struct sgr_stream_bind bind = {"app", probe->acknowledges, &callbacks, probe};
    struct sgr_stream *second = NULL;
    struct sgr_error error;
    probe->table = table;
    probe->host = host;
    assert_int_equal(table->stream_bind(host, &bind, &probe->stream, &error), 0);
    assert_int_equal(table->stream_bind(host, &bind, &second, &error), SGR_EINVAL);
    bind.source = "other";
    assert_int_equal(table->stream_bind(host, &bind, &second, &error), SGR_ENOTFOUND);
    assert_non_null(strstr(error.message, "\"other\""));
    struct sgr_route released = {SGR_ROUTE_GET, release, NULL, on_release, probe};
    struct sgr_route handled = {SGR_ROUTE_GET, handle, NULL, on_handle, probe};
    return table->route(host, &released, &error) || table->route(host, &handled, &error);
}

static int open_first(const struct sgr_sink_host *table, void *host, const void *options,
                      void **ret_state, struct sgr_error *error) {
    (void)options;
    (void)error;
    *ret_state = &probes[0];
    return probe_open(&probes[0], table, host, "/release0", "/handle0");
}

static int open_second(const struct sgr_sink_host *table, void *host, const void *options,
                       void **ret_state, struct sgr_error *error) {
    (void)options;
    (void)error;
    *ret_state = &probes[1];
    return probe_open(&probes[1], table, host, "/release1", "/handle1");
}

static void probe_close(void *state) {
    (void)state;
}

static const struct sgr_sink_methods first_methods = {.open = open_first, .close = probe_close},
                                     second_methods = {.open = open_second, .close = probe_close};
static const struct sgr_plugin plugins[] = {
    {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "first", .methods_size = sizeof(first_methods),
     .sink = &first_methods},
    {SGR_PLUGIN_HEADER, .kind = SGR_SINK, .name = "second", .methods_size = sizeof(second_methods),
     .sink = &second_methods}};

struct bound {
    struct engine *engine;
    struct packing packing;
};

static struct bound bound_new(size_t sinks) {
    static const size_t source = 0;
    static const char *const name = "app";
    struct bound bound = {.engine = engine_new()};
    engine_of_probes = bound.engine;
    assert_int_equal(sgr_hub_open_stream(bound.engine->hub, 0), 0);
    for (size_t i = 0; i < sinks; i++) {
        pthread_mutex_init(&probes[i].lock, NULL);
        bound.engine->sinks[bound.engine->sink_count++] =
            (struct sgr_plan_sink){.name = plugins[i].name,
                                   .plugin = &plugins[i],
                                   .sources = &source,
                                   .source_names = &name,
                                   .source_count = 1};
    }
    engine_start(bound.engine);
    bound.packing = (struct packing){.ledger = sgr_hub_ledger(bound.engine->hub, 0),
                                     .relations = sgr_stream_relations_new()};
    bound.packing.packer = sgr_stream_packer_new(bound.packing.ledger, 1024);
    return bound;
}

static void bound_free(struct bound *bound) {
    engine_drain(bound->engine);
    sgr_server_join(bound->engine->server);
    sgr_stream_packer_free(bound->packing.packer);
    sgr_stream_relations_free(bound->packing.relations);
    engine_free(bound->engine);
    for (size_t i = 0; i < 2; i++)
        probes[i] = (struct probe){0};
}

static void emit(struct bound *bound, uint32_t xid, bool last) {
    struct sgr_relation relation = users();
    struct sgr_field row[] = {text("1"), text("x")};
    struct sgr_transaction transaction = {
        .xid = xid, .commit_lsn = xid * 10, .end_lsn = xid * 10 + 5};
    assert_int_equal(add(&bound->packing, &relation, SGR_INSERT, row, NULL), 0);
    struct sgr_stream_batch *batch =
        sgr_stream_packer_take(bound->packing.packer, &transaction, true, last);
    assert_int_equal(sgr_hub_stream_batch(bound->engine->hub, 0, batch), 0);
}

static void state_is(struct bound *bound, uint32_t era, enum sgr_stream_phase phase,
                     const char *reason, const char *message) {
    char transient[64];
    snprintf(transient, sizeof(transient), "%s", message ? message : "");
    struct sgr_stream_state state = {phase, reason, message ? transient : NULL, 1};
    assert_int_equal(sgr_hub_stream_state(bound->engine->hub, 0, era, &state), 0);
    memset(transient, '?', sizeof(transient) - 1);
}

static void get(struct bound *bound, const char *path) {
    struct client client = client_connect(bound->engine->port);
    client_get(&client, path, NULL);
    assert_int_equal(client_head(&client).status, 204);
    client_close(&client);
}

static uint64_t position(struct bound *bound, uint32_t era) {
    return sgr_stream_ledger_position(bound->packing.ledger, era);
}

static void what_is_held_waits_in_order_and_comes_when_released(void **state) {
    (void)state;
    probes[0].holds = true;
    struct bound bound = bound_new(2);
    state_is(&bound, 0, SGR_STREAM_DOWN, NULL, "connecting");
    state_is(&bound, 0, SGR_STREAM_FLOWING, NULL, NULL);
    emit(&bound, 1, false);
    emit(&bound, 1, true);
    state_is(&bound, 1, SGR_STREAM_GAP, "slot_lag", NULL);
    state_is(&bound, 1, SGR_STREAM_DOWN, NULL, "the server is gone");
    emit(&bound, 2, true);
    /* The second sink is not held up by the first. */
    wait_for_log(&probes[1], "down(connecting) flowing() 1+ 1 gap(slot_lag) "
                             "down(the server is gone) 2 ");
    wait_for_log(&probes[0], "down(connecting) flowing() 1+ ");
    assert_true(sgr_stream_ledger_bytes(bound.packing.ledger) > 0);
    get(&bound, "/release0");
    wait_for_log(&probes[0], "down(connecting) flowing() 1+ 1 ");
    get(&bound, "/release0");
    wait_for_log(&probes[0], "down(connecting) flowing() 1+ 1 gap(slot_lag) "
                             "down(the server is gone) 2 ");
    bound_free(&bound);
}

/* Else who has a dead receiver hold the stream would never see how far it is behind. */
static void a_position_comes_ahead_of_what_is_held_but_not_of_a_gap(void **state) {
    (void)state;
    probes[0].holds = true;
    struct bound bound = bound_new(1);
    struct sgr_hub *hub = bound.engine->hub;
    state_is(&bound, 0, SGR_STREAM_FLOWING, NULL, NULL);
    emit(&bound, 1, true);
    emit(&bound, 2, true);
    sgr_hub_stream_position(hub, 0, 0, 700);
    state_is(&bound, 1, SGR_STREAM_GAP, "other_system", NULL);
    sgr_hub_stream_position(hub, 0, 1, 30);
    sgr_hub_stream_position(hub, 1, 0, 40); /* of another source */
    sgr_hub_stream_position(hub, 0, 0, 800);
    wait_for_log(&probes[0], "flowing() 1 @700 @800 ");
    get(&bound, "/release0");
    wait_for_log(&probes[0], "flowing() 1 @700 @800 2 ");
    get(&bound, "/release0");
    wait_for_log(&probes[0], "flowing() 1 @700 @800 2 gap(other_system) ");
    sgr_hub_stream_position(hub, 0, 1, 50);
    wait_for_log(&probes[0], "flowing() 1 @700 @800 2 gap(other_system) @50 ");
    bound_free(&bound);
}

static void the_least_of_those_who_acknowledge_counts(void **state) {
    (void)state;
    probes[0].acknowledges = probes[1].acknowledges = probes[1].answers = true;
    struct bound bound = bound_new(2);
    assert_true(sgr_stream_ledger_held(bound.packing.ledger));
    for (uint32_t xid = 1; xid <= 3; xid++)
        emit(&bound, xid, true);
    wait_for_log(&probes[1], "1 2 3 ");
    assert_int_equal(position(&bound, 0), 0); /* the first has handled nothing */
    get(&bound, "/handle0?to=15");
    assert_int_equal(position(&bound, 0), 15);
    get(&bound, "/handle0?to=35");
    assert_int_equal(position(&bound, 0), 35);
    /* A gap: what was said before it counts no more. */
    state_is(&bound, 1, SGR_STREAM_GAP, "other_system", NULL);
    emit(&bound, 1, true);
    wait_for_log(&probes[1], "1 2 3 gap(other_system) 1 ");
    wait_for_log(&probes[0], "1 2 3 gap(other_system) 1 ");
    assert_int_equal(position(&bound, 1), 0);
    get(&bound, "/handle0?to=15");
    assert_int_equal(position(&bound, 1), 15);
    bound_free(&bound);
}

static void who_does_not_acknowledge_holds_nothing_back(void **state) {
    (void)state;
    probes[0].acknowledges = probes[0].answers = true;
    struct bound bound = bound_new(2);
    emit(&bound, 4, true);
    wait_for_log(&probes[0], "4 ");
    wait_for_log(&probes[1], "4 ");
    assert_int_equal(position(&bound, 0), 45);
    bound_free(&bound);
    bound = bound_new(1); /* nobody acknowledges */
    assert_false(sgr_stream_ledger_held(bound.packing.ledger));
    bound_free(&bound);
}

static void what_nobody_took_is_freed_at_the_end(void **state) {
    (void)state;
    probes[0].holds = true;
    struct bound bound = bound_new(1);
    emit(&bound, 1, true);
    emit(&bound, 2, true);
    wait_for_log(&probes[0], "1 ");
    engine_drain(bound.engine);
    sgr_server_join(bound.engine->server);
    emit(&bound, 3, true); /* behind the end of the network side */
    bound_free(&bound);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_holds_all_values_on_its_own),
        cmocka_unit_test(a_full_piece_is_taken_before_it_grows_and_a_big_change_has_its_own),
        cmocka_unit_test(another_descriptor_has_another_identity_and_the_old_one_stays),
        cmocka_unit_test(who_awaits_fewer_bytes_is_woken_once),
        cmocka_unit_test(what_is_kept_as_history_does_not_count),
        cmocka_unit_test(who_awaits_a_position_is_woken_by_the_next_one),
        cmocka_unit_test(a_position_counts_within_its_era),
        cmocka_unit_test(what_is_held_waits_in_order_and_comes_when_released),
        cmocka_unit_test(a_position_comes_ahead_of_what_is_held_but_not_of_a_gap),
        cmocka_unit_test(the_least_of_those_who_acknowledge_counts),
        cmocka_unit_test(who_does_not_acknowledge_holds_nothing_back),
        cmocka_unit_test(what_nobody_took_is_freed_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
