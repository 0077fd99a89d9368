/* What is done about a permanent slot, by what the server has of it and what we remember: a gap is told whenever something may have been missed, and
 * only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "slot.h"

static const struct slot_found there = {.exists = true, .confirmed = 100, .lag = 50};

static struct slot_memory following(uint64_t position) {
    return (struct slot_memory){.begun = true, .system = "1/1", .position = position};
}

struct judged {
    enum slot_action action;
    uint64_t position;
};

static struct judged judge(const struct slot_found *found, struct slot_memory *memory,
                           const char *system, int64_t limit) {
    struct judged judged = {.position = 0};
    struct sgr_error error;
    assert_int_equal(
        slot_judge("s", found, system, limit, memory, &judged.action, &judged.position, &error), 0);
    return judged;
}

static void expect(const struct slot_found *found, struct slot_memory memory, const char *system,
                   int64_t limit, struct judged expected, const char *gap) {
    struct judged judged = judge(found, &memory, system, limit);
    assert_int_equal(judged.action, expected.action);
    if (expected.action == SLOT_USE)
        assert_int_equal(judged.position, expected.position);
    if (gap)
        assert_string_equal(memory.gap, gap);
    else
        assert_null(memory.gap);
}

static void the_first_start_takes_what_is_there_or_makes_one(void **state) {
    (void)state;
    struct slot_memory fresh = {.begun = false};
    expect(&there, fresh, "1/1", 0, (struct judged){SLOT_USE, 100}, NULL);
    expect(&(struct slot_found){.exists = false}, fresh, "1/1", 0, (struct judged){SLOT_MAKE, 0},
           NULL);
}

static void a_break_goes_on_where_it_was(void **state) {
    (void)state;
    expect(&there, following(100), "1/1", 0, (struct judged){SLOT_USE, 100}, NULL);
    expect(&there, following(170), "1/1", 0, (struct judged){SLOT_USE, 170}, NULL);
}

static void what_may_have_been_missed_has_a_name(void **state) {
    (void)state;
    struct slot_found gone = {.exists = false}, lost = there;
    lost.lost = true;
    expect(&gone, following(100), "1/1", 0, (struct judged){SLOT_MAKE, 0}, "slot_lost");
    expect(&lost, following(100), "1/1", 0, (struct judged){SLOT_REPLACE, 0}, "slot_lost");
    expect(&lost, (struct slot_memory){.begun = false}, "1/1", 0, (struct judged){SLOT_REPLACE, 0},
           "slot_lost"); /* also at the first start: somebody relied on it */
    expect(&there, following(99), "1/1", 0, (struct judged){SLOT_USE, 100}, "slot_ahead");
    expect(&there, following(170), "2/1", 0, (struct judged){SLOT_USE, 100}, "other_system");
}

static void the_limit_of_lag_is_kept_also_at_the_start(void **state) {
    (void)state;
    struct slot_memory fresh = {.begun = false}, dropping = following(170);
    expect(&there, fresh, "1/1", 50, (struct judged){SLOT_USE, 100}, NULL);
    expect(&there, fresh, "1/1", 49, (struct judged){SLOT_REPLACE, 0}, "slot_lag");
    dropping.drop = true;
    dropping.gap = "slot_lag";
    expect(&there, dropping, "1/1", 0, (struct judged){SLOT_REPLACE, 0}, "slot_lag");
    /* The attempt that dropped it failed then: the reason stays. */
    expect(&(struct slot_found){.exists = false}, dropping, "1/1", 0, (struct judged){SLOT_MAKE, 0},
           "slot_lag");
}

static void another_ones_slot_is_left_alone(void **state) {
    (void)state;
    struct slot_found foreign = there;
    struct slot_memory memory = {.begun = false};
    enum slot_action action;
    uint64_t position;
    struct sgr_error error;
    foreign.foreign = foreign.lost = true;
    assert_int_equal(slot_judge("theirs", &foreign, "1/1", 1, &memory, &action, &position, &error),
                     SGR_EFATAL);
    assert_non_null(strstr(error.message, "theirs"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_start_takes_what_is_there_or_makes_one),
        cmocka_unit_test(a_break_goes_on_where_it_was),
        cmocka_unit_test(what_may_have_been_missed_has_a_name),
        cmocka_unit_test(the_limit_of_lag_is_kept_also_at_the_start),
        cmocka_unit_test(another_ones_slot_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
