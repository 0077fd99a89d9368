/* The seed's whole-number revisions name one state each, also across restarts. */
#include "fixture.h"

static uint64_t ask_revision(struct world *world, uint64_t revision) {
    struct sgr_subscribe what = {.view = sgr_slice("/notes"),
                                 .by_revision = true,
                                 .have_revision = revision != 0,
                                 .revision = revision};
    assert_int_equal(sgr_hub_subscribe(world->engine->hub, ++world->next_id, &what, false), 0);
    world_serve(world);
    world_receive(world);
    return world->next_id;
}

/* As if it had begun to serve then. */
static struct world *world_since(int64_t microseconds) {
    struct world *world = world_new(NOTES);
    sgr_publisher_ready(world->engine->publisher, microseconds);
    return world;
}

static const int64_t START = INT64_C(1700000000000000);

static void test_the_first_is_the_start_in_seconds_and_then_one_more_a_diff(void **state) {
    struct world *world = world_since(START);
    (void)state;
    ask_revision(world, 0);
    assert_int_equal(world->answers[SGR_ANSWER_SNAPSHOT], 1);
    assert_int_equal(world->revision, (uint64_t)1700000000 << 20);
    for (int i = 1; i <= 3; i++) {
        world_write(world, i, 1, 1, 3);
        world_receive(world);
        assert_int_equal(world->revision, ((uint64_t)1700000000 << 20) + (uint64_t)i);
    }
    ask_revision(world, ((uint64_t)1700000000 << 20) + 1);
    assert_int_equal(world->answers[SGR_ANSWER_RESUMED], 1);
    world_free(world);
}

/* Both have had changes, so that revisions are there that the later one could take for its own. */
static void test_a_restart_within_the_second_takes_no_old_revision_for_its_own(void **state) {
    struct world *first = world_since(START + 998000), *second = world_since(START + 999000);
    (void)state;
    ask_revision(first, 0);
    ask_revision(second, 0);
    for (int i = 1; i <= 500; i++) {
        world_write(first, i, 1, 1, 3);
        world_write(second, i, 1, 2, 3);
    }
    world_receive(first);
    world_receive(second);
    assert_true(first->revision < second->revision - 500);
    ask_revision(second, first->revision);
    assert_int_equal(second->answers[SGR_ANSWER_RESUMED], 0);
    assert_int_equal(second->answers[SGR_ANSWER_RESET], 1);
    world_free(first);
    world_free(second);
}

static void test_a_revision_of_the_future_is_unknown(void **state) {
    struct world *world = world_since(START);
    (void)state;
    ask_revision(world, ((uint64_t)1700000000 << 20) + 1);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], 1);
    world_free(world);
}

static void test_a_new_epoch_takes_no_old_revision_for_its_own(void **state) {
    struct world *world = world_new(NOTES);
    const struct sgr_source_host *host = sgr__source_host();
    struct engine_source *source = &world->engine->sources[0];
    struct sgr_error error = {0};
    (void)state;
    ask_revision(world, 0);
    world_write(world, 1, 1, 1, 3);
    world_receive(world);
    uint64_t old = world->revision;
    world_pass(world, 1000);
    assert_int_equal(host->begin_snapshot(source, "again", &error), 0);
    assert_int_equal(host->end_snapshot(source, source->position + 8, &error), 0);
    world_receive(world);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], 1);
    assert_string_equal(world->reason, "new_epoch");
    for (int i = 1; i <= 3; i++)
        world_write(world, i, 1, 1, 3);
    ask_revision(world, old);
    assert_int_equal(world->answers[SGR_ANSWER_RESUMED], 0);
    assert_int_equal(world->answers[SGR_ANSWER_RESET], 2);
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_is_the_start_in_seconds_and_then_one_more_a_diff),
        cmocka_unit_test(test_a_restart_within_the_second_takes_no_old_revision_for_its_own),
        cmocka_unit_test(test_a_revision_of_the_future_is_unknown),
        cmocka_unit_test(test_a_new_epoch_takes_no_old_revision_for_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
