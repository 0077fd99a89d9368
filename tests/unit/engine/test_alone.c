/* Commits that come alone are offered to the network side on the engine's thread; those that come close behind each other are queued for its own. */
#include "fixture.h"

struct side {
    struct world *world;
    bool takes;
    size_t offered, taken;
};

static bool offered(void *data, const struct sgr_hub_commit *commit) {
    struct side *side = data;
    side->offered++;
    side->taken += side->takes ? commit->count : 0;
    return side->takes;
}

static struct side *side_new(bool takes) {
    static const struct sgr_hub_alone alone = {.commit = offered};
    struct side *side = calloc(1, sizeof(*side));
    assert_non_null(side);
    *side = (struct side){.world = world_new(NOTES), .takes = takes};
    world_subscribe(side->world, "/notes", NULL, NULL);
    sgr_hub_on_alone(side->world->engine->hub, &alone, side);
    world_pass(side->world, 1000);
    return side;
}

static void side_free(struct side *side) {
    world_free(side->world);
    free(side);
}

static void write_one(struct side *side, int id) {
    world_write(side->world, id, 1, 1, 3);
    world_receive(side->world);
}

static void test_what_comes_alone_is_not_queued_when_it_was_taken(void **state) {
    struct side *side = side_new(true);
    (void)state;
    for (int i = 1; i <= 3; i++) {
        write_one(side, i);
        assert_int_equal(side->offered, i);
        assert_int_equal(side->taken, i);
        world_pass(side->world, 1000);
    }
    assert_int_equal(side->world->frames, 0);
    side_free(side);
}

static void test_what_comes_close_behind_is_queued(void **state) {
    struct side *side = side_new(true);
    (void)state;
    write_one(side, 1);
    for (int i = 2; i <= 10; i++) {
        world_pass(side->world, 100);
        write_one(side, i);
    }
    assert_int_equal(side->offered, 1);
    assert_int_equal(side->world->frames, 9);
    side_free(side);
}

static void test_what_was_not_taken_is_queued(void **state) {
    struct side *side = side_new(false);
    (void)state;
    write_one(side, 1);
    assert_int_equal(side->offered, 1);
    assert_int_equal(side->world->frames, 1);
    side_free(side);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_alone_is_not_queued_when_it_was_taken),
        cmocka_unit_test(test_what_comes_close_behind_is_queued),
        cmocka_unit_test(test_what_was_not_taken_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
