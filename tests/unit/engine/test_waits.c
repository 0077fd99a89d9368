/* Waits for positions: each is told once, at the first moment at which all of its positions are reached, and never again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/waits.h"

enum { WIDTH = 3, MANY = 2000 };

struct told {
    unsigned count[MANY + 1];
    enum sgr_waits_end end[MANY + 1];
};

static void over(void *data, uint64_t id, enum sgr_waits_end end) {
    struct told *told = data;
    told->count[id]++;
    told->end[id] = end;
}

static void a_wait_is_over_when_its_last_position_is_reached(void **state) {
    struct told told = {0};
    struct sgr_waits *waits = sgr_waits_new(WIDTH, over, &told);
    (void)state;
    assert_int_equal(sgr_waits_add(waits, 1, (uint64_t[]){5, 0, 2}, true), 0);
    sgr_waits_reached(waits, 0, 4);
    sgr_waits_reached(waits, 2, 9);
    assert_int_equal(told.count[1], 0);
    sgr_waits_reached(waits, 0, 5);
    assert_int_equal(told.count[1], 1);
    assert_int_equal(sgr_waits_add(waits, 2, (uint64_t[]){5, 0, 9}, true), 0); /* within the call */
    assert_int_equal(told.count[2], 1);
    sgr_waits_reached(waits, 0, 3); /* backwards is nothing */
    assert_int_equal(sgr_waits_add(waits, 3, (uint64_t[]){5, 0, 0}, true), 0);
    assert_int_equal(told.count[3], 1);
    sgr_waits_free(waits);
}

static void cancelled_waits_are_not_told(void **state) {
    struct told told = {0};
    struct sgr_waits *waits = sgr_waits_new(WIDTH, over, &told);
    (void)state;
    sgr_waits_add(waits, 1, (uint64_t[]){5, 0, 0}, true);
    sgr_waits_add(waits, 2, (uint64_t[]){4, 0, 0}, true);
    sgr_waits_cancel(waits, 2);
    sgr_waits_cancel(waits, 2);
    sgr_waits_reached(waits, 0, 10);
    assert_int_equal(told.count[1], 1);
    assert_int_equal(told.count[2], 0);
    sgr_waits_free(waits);
}

static void a_new_epoch_ends_what_is_of_the_old_one_and_keeps_the_rest(void **state) {
    struct told told = {0};
    struct sgr_waits *waits = sgr_waits_new(WIDTH, over, &told);
    (void)state;
    sgr_waits_reached(waits, 0, 100);
    sgr_waits_add(waits, 1, (uint64_t[]){200, 0, 0}, true);
    sgr_waits_add(waits, 2, (uint64_t[]){150, 0, 0}, false);
    sgr_waits_add(waits, 3, (uint64_t[]){500, 0, 0}, false);
    sgr_waits_restart(waits, (uint64_t[]){160, 0, 0});
    assert_int_equal(told.count[1], 1);
    assert_int_equal(told.end[1], SGR_WAITS_OTHER_EPOCH);
    assert_int_equal(told.end[2], SGR_WAITS_REACHED);
    assert_int_equal(told.count[2], 1);
    assert_int_equal(told.count[3], 0);
    sgr_waits_restart(waits,
                      (uint64_t[]){10, 0, 0}); /* another system, whose positions are lower */
    assert_int_equal(sgr_waits_add(waits, 4, (uint64_t[]){20, 0, 0}, false), 0);
    assert_int_equal(told.count[4], 0);
    sgr_waits_reached(waits, 0, 20);
    assert_int_equal(told.count[4], 1);
    assert_int_equal(told.count[3], 0);
    sgr_waits_free(waits);
}

/* Against a model that looks at every wait each time. */
static void
any_order_of_adding_reaching_and_cancelling_tells_the_same_as_a_naive_list(void **state) {
    static struct told told;
    static uint64_t wanted[MANY + 1][WIDTH];
    static bool open[MANY + 1];
    uint64_t reached[WIDTH] = {0};
    struct sgr_waits *waits = sgr_waits_new(WIDTH, over, &told);
    unsigned seed = 7;
    (void)state;
    for (unsigned id = 1; id <= MANY; id++) {
        for (int i = 0; i < WIDTH; i++)
            wanted[id][i] = reached[i] + (unsigned)rand_r(&seed) % 40;
        open[id] = true;
        assert_int_equal(sgr_waits_add(waits, id, wanted[id], true), 0);
        unsigned other = 1 + (unsigned)rand_r(&seed) % id;
        if (rand_r(&seed) % 4 == 0) {
            bool due = told.count[other] > 0;
            sgr_waits_cancel(waits, other);
            open[other] = open[other] && due;
        }
        int component = rand_r(&seed) % WIDTH;
        reached[component] += (unsigned)rand_r(&seed) % 5;
        sgr_waits_reached(waits, (size_t)component, reached[component]);
        for (unsigned k = 1; k <= id; k++) {
            bool all = true;
            for (int i = 0; i < WIDTH; i++)
                all = all && wanted[k][i] <= reached[i];
            if (told.count[k] != (open[k] && all))
                fail_msg("wait %u of %u was told %u times", k, id, told.count[k]);
        }
    }
    sgr_waits_free(waits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_is_over_when_its_last_position_is_reached),
        cmocka_unit_test(cancelled_waits_are_not_told),
        cmocka_unit_test(a_new_epoch_ends_what_is_of_the_old_one_and_keeps_the_rest),
        cmocka_unit_test(
            any_order_of_adding_reaching_and_cancelling_tells_the_same_as_a_naive_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
