/* The sorted slots below indexes: order, floods of equal hashes, and the weights beside them. */
#include "row_fixture.h"

#include "row/table.h"
#include "row/weights.h"

static void check_sorted(const struct sgr__table *table, size_t expected) {
    uint32_t last = 0;
    size_t count = 0;
    struct sgr__slot *slot;
    for (uint64_t at = 0; (slot = sgr__table_next(table, &at)); count++) {
        assert_true((slot->hash | 1) >= last);
        last = slot->hash | 1;
    }
    assert_int_equal(count, expected);
    assert_int_equal(table->count, expected);
}

static struct sgr__slot *find_ref(const struct sgr__table *table, uint32_t hash, uint32_t ref) {
    struct sgr__slot *slot = sgr__table_find(table, hash);
    while (slot && slot->ref != ref)
        slot = sgr__table_find_next(slot);
    return slot;
}

/* hash_of(i) has few or many values; everything is found, removed, and in order all the while. */
static void run(uint32_t count, uint32_t (*hash_of)(uint32_t i)) {
    struct sgr__table table = {0};
    assert_null(sgr__table_find(&table, 5));
    for (uint32_t i = 1; i <= count; i++)
        assert_int_equal(sgr__table_insert(&table, hash_of(i) | (i & 1), i), 0);
    check_sorted(&table, count);
    for (uint32_t i = 1; i <= count; i++)
        assert_non_null(find_ref(&table, hash_of(i), i));
    for (uint32_t i = 1; i <= count; i += 2)
        sgr__table_remove(&table, find_ref(&table, hash_of(i), i));
    check_sorted(&table, count / 2);
    for (uint32_t i = 1; i <= count; i++)
        assert_int_equal(find_ref(&table, hash_of(i), i) != NULL, i % 2 == 0);
    for (uint32_t i = 2; i <= count; i += 2)
        sgr__table_remove(&table, find_ref(&table, hash_of(i), i));
    check_sorted(&table, 0);
    sgr__table_fini(&table);
    assert_null(sgr__table_next(&table, &(uint64_t){0}));
}

static uint32_t spread(uint32_t i) {
    return i * 2654435769u & ~1u;
}
static uint32_t all_ones(uint32_t i) {
    (void)i;
    return 0xfffffffeu;
}
static uint32_t all_zero(uint32_t i) {
    (void)i;
    return 0;
}
static uint32_t at_both_ends(uint32_t i) {
    return i % 2 ? 0xfffffff0u + i % 7 * 2 : i % 5 * 2;
}
static uint32_t bunched(uint32_t i) {
    return 0x12340000u + i % 3000 * 2;
}

static void spread_hashes_are_found_and_removed(void **state) {
    (void)state;
    for (uint32_t count = 2; count < 100; count += 2)
        run(count, spread);
    run(100000, spread);
}

static void floods_of_equal_hashes_only_cost_time(void **state) {
    (void)state;
    run(3000, all_ones);
    run(3000, all_zero);
    run(3000, at_both_ends);
    run(20000, bunched);
}

static void the_flag_is_not_part_of_the_hash(void **state) {
    (void)state;
    struct sgr__table table = {0};
    assert_int_equal(sgr__table_insert(&table, 100, 1), 0);
    assert_int_equal(sgr__table_insert(&table, 101, 2), 0);
    assert_int_equal(sgr__table_find(&table, 101)->ref, 1);
    assert_int_equal(sgr__table_find_next(sgr__table_find(&table, 100))->ref, 2);
    assert_null(sgr__table_find(&table, 102));
    assert_null(sgr__table_find(&table, 98));
    sgr__table_fini(&table);
}

static void weights_are_kept_apart_from_ones(void **state) {
    (void)state;
    enum { IDS = 3000 };
    static int64_t expected[IDS + 1];
    struct sgr__weights weights = {0};
    uint64_t seed = 1;
    for (size_t i = 0; i <= IDS; i++)
        expected[i] = 1;
    for (size_t step = 0; step < 60000; step++) {
        uint32_t id = 1 + (uint32_t)(next_random(&seed) % IDS);
        int64_t weight =
            step / 20000 == 2 ? 1 : 1 + (int64_t)(next_random(&seed) % 4) * 1000000000000;
        assert_int_equal(sgr__weights_set(&weights, id, weight), 0);
        expected[id] = weight;
        uint32_t other = 1 + (uint32_t)(next_random(&seed) % IDS);
        assert_int_equal(sgr__weights_get(&weights, other), expected[other]);
    }
    size_t count = 0;
    for (uint32_t id = 1; id <= IDS; id++) {
        assert_int_equal(sgr__weights_get(&weights, id), expected[id]);
        count += expected[id] != 1;
    }
    assert_int_equal(weights.count, count);
    sgr__weights_fini(&weights);
    assert_int_equal(sgr__weights_get(&weights, 1), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread_hashes_are_found_and_removed),
        cmocka_unit_test(floods_of_equal_hashes_only_cost_time),
        cmocka_unit_test(the_flag_is_not_part_of_the_hash),
        cmocka_unit_test(weights_are_kept_apart_from_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
