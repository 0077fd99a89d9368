/* What is rendered for clients: once for all who ask for the same, and never more than the budget for what is queued. */
#include "fixture.h"

enum { MANY = 10000, KILOBYTE = 1024 };

static size_t document_size(const struct world *world) {
    return world->last.state.document->size;
}

/* All of them are answered before any of them has taken its answer. */
static void test_ten_thousand_who_come_at_once_cost_one_rendering(void **state) {
    struct world *world = world_new(NOTES);
    (void)state;
    world_write(world, 1, 200, 1, KILOBYTE);
    world_subscribe(world, "/notes", NULL, NULL);
    assert_true(document_size(world) > 200 * KILOBYTE);
    size_t before = sgr_bytes_living();
    for (int i = 0; i < MANY; i++)
        world_ask(world, "/notes", NULL, NULL, i % 2);
    world_serve(world);
    assert_int_equal(world_counters(world).documents, 1);
    assert_true(sgr_bytes_living() - before < document_size(world));
    world_receive(world);
    assert_int_equal(world->answers[SGR_ANSWER_SNAPSHOT], MANY + 1);
    assert_int_equal(sgr_hub_backlog(world->engine->hub), 0);
    world_free(world);
}

static void test_gets_share_while_nobody_subscribes(void **state) {
    struct world *world = world_new(NOTES);
    (void)state;
    world_write(world, 1, 10, 1, KILOBYTE);
    for (int i = 0; i < 100; i++) {
        world_ask(world, "/notes", NULL, NULL, true);
        world_serve(world);
        world_receive(world);
    }
    assert_int_equal(world->answers[SGR_ANSWER_SNAPSHOT], 100);
    assert_int_equal(world_counters(world).documents, 1);
    world_free(world);
}

static void test_a_change_ends_what_was_rendered(void **state) {
    struct world *world = world_new(NOTES);
    (void)state;
    world_write(world, 1, 1, 1, 3);
    world_ask(world, "/notes", NULL, NULL, true);
    world_ask(world, "/by", "2", NULL, true);
    world_serve(world);
    world_receive(world);
    world_change(world, SGR_UPDATE, 1, 1, "new");
    world_commit_now(world);
    world_ask(world, "/by", "2", NULL, true); /* of which nothing changed */
    world_ask(world, "/notes", NULL, NULL, true);
    world_serve(world);
    world_receive(world);
    assert_string_equal(world->last.state.document->data,
                        "[{\"id\":1,\"author\":1,\"body\":\"new\"}]");
    assert_int_equal(world_counters(world).documents, 3);
    world_free(world);
}

static void test_those_who_were_away_since_the_same_cursor_share_the_rest(void **state) {
    struct world *world = world_new(NOTES);
    char then[64];
    (void)state;
    world_write(world, 1, 1, 1, 3);
    world_subscribe(world, "/notes", NULL, NULL);
    strcpy(then, world->cursor);
    world_write(world, 2, 100, 1, KILOBYTE);
    world_receive(world);
    size_t before = sgr_bytes_living();
    for (int i = 0; i < 1000; i++)
        world_ask(world, "/notes", NULL, then, false);
    world_serve(world);
    assert_int_equal(world_counters(world).rests, 1);
    world_receive(world);
    assert_int_equal(world->answers[SGR_ANSWER_RESUMED], 1000);
    assert_true(sgr_bytes_living() - before < 2 * document_size(world));
    world_write(world, 200, 1, 1, 3);
    world_receive(world);
    world_subscribe(world, "/notes", NULL, then);
    assert_int_equal(world_counters(world).rests, 2);
    assert_non_null(strstr(world->last.state.document->data, "\"id\":200"));
    world_free(world);
}

static void test_what_is_kept_goes_with_its_instance(void **state) {
    struct world *world = world_new("server: { history: { age: 1s } }\n" NOTES);
    (void)state;
    world_write(world, 1, 10, 1, KILOBYTE);
    world_ask(world, "/by", "1", NULL, true);
    world_serve(world);
    world_receive(world);
    assert_true(world_counters(world).kept_bytes > 10 * KILOBYTE);
    world_pass(world, 5000000);
    assert_int_equal(world_counters(world).kept_bytes, 0);
    struct sgr_views_counters views;
    sgr_views_counters(world->engine->views, &views);
    assert_int_equal(views.instances, 0);
    world_free(world);
}

/* Each author's notes are a document of 100 kB. */
static struct world *many_documents(size_t count) {
    struct world *world = world_new("server: { queue_limit: 1MB }\n" NOTES);
    for (size_t i = 0; i < count; i++)
        world_write(world, 1 + 100 * (int)i, 100, (int)i, KILOBYTE);
    return world;
}

static void ask_all(struct world *world, int count) {
    char author[16];
    for (int i = 0; i < count; i++) {
        snprintf(author, sizeof(author), "%d", i);
        world_ask(world, "/by", author, NULL, true);
    }
    world_serve(world);
}

static void test_beyond_the_budget_clients_are_told_to_come_again(void **state) {
    struct world *world = many_documents(50);
    (void)state;
    ask_all(world, 50);
    assert_true(sgr_bytes_living() < 1300 * KILOBYTE);
    world_receive(world);
    size_t served = world->answers[SGR_ANSWER_SNAPSHOT];
    assert_true(served > 5 && served < 15);
    assert_int_equal(served + world->answers[SGR_ANSWER_ERROR], 50);
    assert_string_equal(world->code, "busy");
    assert_int_equal(world->last.state.status, 503);
    assert_int_equal(world_counters(world).refused, 50 - served);
    /* They took what they had; now the next ones get theirs. */
    world_ask(world, "/by", "49", NULL, true);
    world_serve(world);
    world_receive(world);
    assert_int_equal(world->answers[SGR_ANSWER_SNAPSHOT], served + 1);
    assert_true(world_counters(world).kept_bytes < 256 * KILOBYTE);
    world_free(world);
}

static void test_what_the_network_side_holds_counts_too(void **state) {
    struct world *world = many_documents(1);
    (void)state;
    sgr_hub_hold(world->engine->hub, 2 << 20);
    ask_all(world, 1);
    world_receive(world);
    assert_string_equal(world->code, "busy");
    sgr_hub_hold(world->engine->hub, -(2 << 20));
    ask_all(world, 1);
    world_receive(world);
    assert_int_equal(world->answers[SGR_ANSWER_SNAPSHOT], 1);
    world_free(world);
}

static void test_a_document_beyond_the_budget_shuts_nobody_out(void **state) {
    struct world *world = world_new("server: { queue_limit: 1MB }\n" NOTES);
    (void)state;
    world_write(world, 1, 2000, 1, KILOBYTE);
    world_write(world, 5000, 1, 2, 3);
    world_ask(world, "/by", "1", NULL, true);
    world_serve(world);
    world_receive(world);
    assert_true(document_size(world) > 2000 * KILOBYTE);
    /* The test itself has held it until now; nobody does any more. */
    sgr_bytes_unref((struct sgr_bytes *)world->last.state.document);
    world->last.state.document = NULL;
    world_ask(world, "/by", "2", NULL, true);
    world_serve(world);
    world_receive(world);
    assert_int_equal(world->answers[SGR_ANSWER_SNAPSHOT], 2);
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_thousand_who_come_at_once_cost_one_rendering),
        cmocka_unit_test(test_gets_share_while_nobody_subscribes),
        cmocka_unit_test(test_a_change_ends_what_was_rendered),
        cmocka_unit_test(test_those_who_were_away_since_the_same_cursor_share_the_rest),
        cmocka_unit_test(test_what_is_kept_goes_with_its_instance),
        cmocka_unit_test(test_beyond_the_budget_clients_are_told_to_come_again),
        cmocka_unit_test(test_what_the_network_side_holds_counts_too),
        cmocka_unit_test(test_a_document_beyond_the_budget_shuts_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
