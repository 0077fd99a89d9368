/* Vector, map, list and arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sangre/error.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"
#include "base/slots.h"
#include "base/vector.h"

static void a_vector_grows_and_removes_in_order(void **state) {
    (void)state;
    struct sgr_vector vector = SGR_VECTOR_INIT(int);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sgr_vector_push(&vector, &i), 0);
    sgr_vector_remove(&vector, 0);
    sgr_vector_remove(&vector, 998);
    sgr_vector_remove(&vector, 499);
    assert_int_equal(vector.count, 997);
    assert_int_equal(*SGR_VECTOR_AT(&vector, int, 0), 1);
    assert_int_equal(*SGR_VECTOR_AT(&vector, int, 499), 501);
    assert_int_equal(*SGR_VECTOR_AT(&vector, int, 996), 998);
    *(int *)sgr_vector_add(&vector) += 7;
    assert_int_equal(*SGR_VECTOR_AT(&vector, int, 997), 7);
    sgr_vector_clear(&vector);
    assert_int_equal(vector.count, 0);
    assert_int_equal(sgr_vector_reserve(&vector, SIZE_MAX / 2), SGR_ENOMEM);
    assert_int_equal(sgr_vector_push(&vector, &(int){3}), 0);
    sgr_vector_fini(&vector);
    assert_int_equal(vector.item_size, sizeof(int));
}

static struct sgr_slice name_of(char *memory, unsigned number) {
    return (struct sgr_slice){memory, (size_t)sprintf(memory, "key %u", number)};
}

static void a_map_keeps_the_order_of_insertion_through_removals(void **state) {
    (void)state;
    struct sgr_map *map = sgr_map_new();
    char memory[32];
    int values[1000];
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(sgr_map_put(map, name_of(memory, i), &values[i], NULL), 0);
    for (unsigned i = 0; i < 1000; i += 3)
        assert_ptr_equal(sgr_map_remove(map, name_of(memory, i)), &values[i]);
    for (unsigned i = 0; i < 1000; i += 6)
        assert_int_equal(sgr_map_put(map, name_of(memory, i), &values[i], NULL), 0);
    size_t at = 0, seen = 0;
    int *last = values;
    struct sgr_slice key;
    void *value;
    bool again = false;
    while (sgr_map_next(map, &at, &key, &value)) {
        unsigned i = (unsigned)((int *)value - values);
        assert_true(sgr_slice_equal(key, name_of(memory, i)));
        if (!again && i == 0)
            again = true;
        else
            assert_true((int *)value > last);
        last = value;
        seen++;
    }
    assert_true(again);
    assert_int_equal(seen, sgr_map_count(map));
    assert_int_equal(seen, 1000 - 334 + 167);
    sgr_map_free(map);
}

static void a_map_replaces_and_hands_back_the_old_value(void **state) {
    (void)state;
    struct sgr_map *map = sgr_map_new();
    int one, two;
    void *old = &one;
    assert_null(sgr_map_get(map, SGR_SLICE("x")));
    assert_null(sgr_map_remove(map, SGR_SLICE("x")));
    assert_int_equal(sgr_map_put(map, SGR_SLICE("x"), &one, &old), 0);
    assert_null(old);
    assert_int_equal(sgr_map_put(map, SGR_SLICE("x"), &two, &old), 0);
    assert_ptr_equal(old, &one);
    assert_ptr_equal(sgr_map_get(map, SGR_SLICE("x")), &two);
    assert_int_equal(sgr_map_put(map, (struct sgr_slice){NULL, 0}, &one, NULL), 0);
    assert_ptr_equal(sgr_map_get(map, SGR_SLICE("")), &one);
    assert_int_equal(sgr_map_put(map, SGR_SLICE("a\0b"), &one, NULL), 0);
    assert_null(sgr_map_get(map, SGR_SLICE("a\0c")));
    assert_int_equal(sgr_map_count(map), 3);
    sgr_map_free(map);
    sgr_map_free(NULL);
}

static void entries_may_be_removed_while_iterating(void **state) {
    (void)state;
    struct sgr_map *map = sgr_map_new();
    char memory[32];
    int value;
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 20; i++)
            assert_int_equal(sgr_map_put(map, name_of(memory, i + round), &value, NULL), 0);
        struct sgr_slice key;
        unsigned seen = 0;
        for (size_t at = 0; sgr_map_next(map, &at, &key, NULL); seen++)
            assert_non_null(sgr_map_remove(map, key));
        assert_int_equal(seen, 20);
        assert_int_equal(sgr_map_count(map), 0);
    }
    sgr_map_free(map);
}

struct item {
    int number;
    struct sgr_list link;
};

static void a_list_survives_removal_of_the_current_item(void **state) {
    (void)state;
    struct sgr_list head;
    struct item items[4];
    sgr_list_init(&head);
    for (int i = 0; i < 4; i++) {
        items[i].number = i;
        sgr_list_append(&head, &items[i].link);
    }
    int sum = 0;
    SGR_LIST_EACH(link, &head) {
        struct item *item = SGR_CONTAINER(link, struct item, link);
        sum = sum * 10 + item->number;
        if (item->number % 2)
            sgr_list_remove(link);
    }
    assert_int_equal(sum, 123);
    sgr_list_remove(&items[1].link);
    sgr_list_remove(&items[0].link);
    assert_ptr_equal(head.next, &items[2].link);
    sgr_list_remove(&items[2].link);
    assert_true(sgr_list_empty(&head));
}

static void an_arena_gives_zeroed_aligned_memory_also_after_a_reset(void **state) {
    (void)state;
    struct sgr_arena *arena = sgr_arena_new();
    size_t held = 0;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            char *memory = sgr_arena_alloc(arena, size);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 16, 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(memory[i], 0);
            memset(memory, 0xff, size);
        }
        assert_true(round == 0 || sgr_arena_size(arena) == held);
        held = sgr_arena_size(arena);
        sgr_arena_reset(arena);
    }
    memset(sgr_arena_alloc(arena, 10 << 20), 1, 10 << 20);
    assert_null(sgr_arena_alloc(arena, SIZE_MAX));
    assert_null(sgr_arena_alloc(arena, SIZE_MAX - 8));
    assert_true(sgr_arena_size(arena) > 10 << 20);
    sgr_arena_reset(arena);
    assert_true(sgr_arena_size(arena) < 2 << 20);
    assert_string_equal(sgr_arena_printf(arena, "%s-%d", "a", 5), "a-5");
    assert_string_equal(sgr_arena_copy(arena, SGR_SLICE("copy")), "copy");
    assert_string_equal(sgr_arena_copy(arena, (struct sgr_slice){NULL, 0}), "");
    sgr_arena_free(arena);
    sgr_arena_free(NULL);
}

static void hashes_depend_on_the_seed_and_on_every_byte(void **state) {
    (void)state;
    uint64_t before = sgr_hash_bytes("abc", 3), number = sgr_hash_int(5);
    assert_true(before == sgr_hash_bytes("abc", 3));
    assert_true(before != sgr_hash_bytes("abd", 3));
    assert_true(before != sgr_hash_bytes("ab", 2));
    assert_true(sgr_hash_bytes_from("abc", 3, 1) != sgr_hash_bytes_from("abc", 3, 2));
    uint64_t seed = sgr_hash_seed;
    sgr_hash_seed = seed + 1;
    assert_true(before != sgr_hash_bytes("abc", 3));
    assert_true(number != sgr_hash_int(5));
    sgr_hash_seed = seed;
}

static void slots_give_numbers_out_again(void **state) {
    (void)state;
    struct sgr_slots slots = {0};
    int items[100], *item;
    for (int i = 0; i < 100; i++)
        assert_int_equal(sgr_slots_add(&slots, &items[i]), i + 1);
    for (uint32_t number = 1; number <= 100; number += 2)
        assert_ptr_equal(sgr_slots_remove(&slots, number), &items[number - 1]);
    assert_null(sgr_slots_remove(&slots, 1));
    assert_null(sgr_slots_get(&slots, 1));
    assert_null(sgr_slots_get(&slots, 0));
    assert_null(sgr_slots_get(&slots, 101));
    uint32_t next = 2;
    for (uint32_t at = 0; (item = sgr_slots_next(&slots, &at)); next += 2) {
        assert_int_equal(at, next);
        assert_ptr_equal(item, &items[next - 1]);
    }
    assert_int_equal(next, 102);
    for (int i = 0; i < 50; i++)
        assert_true(sgr_slots_add(&slots, &items[i]) <= 100);
    assert_int_equal(sgr_slots_add(&slots, &items[0]), 101);
    assert_int_equal(slots.count, 101);
    sgr_slots_fini(&slots);
    assert_null(sgr_slots_get(&slots, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_grows_and_removes_in_order),
        cmocka_unit_test(a_map_keeps_the_order_of_insertion_through_removals),
        cmocka_unit_test(a_map_replaces_and_hands_back_the_old_value),
        cmocka_unit_test(entries_may_be_removed_while_iterating),
        cmocka_unit_test(a_list_survives_removal_of_the_current_item),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_memory_also_after_a_reset),
        cmocka_unit_test(hashes_depend_on_the_seed_and_on_every_byte),
        cmocka_unit_test(slots_give_numbers_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
