/* The heap of rows. */
#include "row_fixture.h"

static struct sgr_heap *heap;

static int set_up(void **state) {
    (void)state;
    heap = sgr_heap_new(0, NULL);
    return heap == NULL;
}

static int tear_down(void **state) {
    (void)state;
    size_t left = sgr_heap_rows(heap);
    sgr_heap_free(heap);
    return left != 0;
}

static void every_size_gets_memory_of_its_own(void **state) {
    (void)state;
    enum { COUNT = 1200 };
    static struct sgr_row *rows[COUNT];
    size_t sizes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i < 700 ? 8 + i : i < 1100 ? i * 97 : i * 1000;
        rows[i] = sgr_heap_alloc(heap, sizes[i]);
        assert_non_null(rows[i]);
        assert_int_equal((uintptr_t)rows[i] % 8, 0);
        assert_int_equal(rows[i]->refs, 1);
        assert_ptr_equal(sgr_row_at(heap, sgr_row_id_of(heap, rows[i])), rows[i]);
        assert_true(sgr_row_id_of(heap, rows[i]) != 0);
        memset((char *)rows[i] + 4, (int)(i % 251), sizes[i] - 4);
    }
    assert_int_equal(sgr_heap_rows(heap), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 4; at < sizes[i]; at += at < 64 ? 1 : sizes[i] / 50)
            assert_int_equal(((unsigned char *)rows[i])[at], i % 251);
        sgr_row_unref(rows[i]);
    }
}

static void freed_rows_are_used_again(void **state) {
    (void)state;
    struct sgr_row *keep = sgr_heap_alloc(heap, 40), *first = sgr_heap_alloc(heap, 40);
    sgr_row_unref(first);
    assert_ptr_equal(sgr_heap_alloc(heap, 37), first);
    sgr_row_ref(first);
    sgr_row_unref(first);
    assert_int_equal(sgr_heap_rows(heap), 2);
    sgr_row_unref(first);
    sgr_row_unref(keep);
    sgr_row_unref(NULL);
}

static void emptied_chunks_go_back_and_serve_other_sizes(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static struct sgr_row *rows[COUNT];
    size_t peak = 0;
    for (size_t round = 0; round < 20; round++) {
        size_t size = 16 + round * 24;
        for (size_t i = 0; i < COUNT; i++)
            rows[i] = sgr_heap_alloc(heap, size);
        size_t bytes = sgr_heap_bytes(heap);
        assert_true(bytes >= COUNT * size);
        /* One empty chunk stays with each class. */
        assert_true(bytes <= COUNT * size + COUNT * size / 8 + (round + 2) * 65536);
        peak = bytes > peak ? bytes : peak;
        for (size_t i = 0; i < COUNT; i++)
            sgr_row_unref(rows[i * 7919 % COUNT]);
        assert_true(sgr_heap_bytes(heap) <= (round + 1) * 65536);
    }
    /* And the region was not walked through: its last chunk is where the largest round ended. */
    struct sgr_row *large = sgr_heap_alloc(heap, 1 << 20);
    assert_true((size_t)sgr_row_id_of(heap, large) * 8 < peak + (21 << 16));
    sgr_row_unref(large);
}

static void a_row_that_comes_and_goes_does_not_give_its_chunk_back(void **state) {
    (void)state;
    struct sgr_row *row = sgr_heap_alloc(heap, 24);
    size_t bytes = sgr_heap_bytes(heap);
    sgr_row_unref(row);
    assert_int_equal(sgr_heap_bytes(heap), bytes);
    row = sgr_heap_alloc(heap, 24);
    assert_int_equal(sgr_heap_bytes(heap), bytes);
    sgr_row_unref(row);
}

static void large_rows_take_runs_that_merge_when_freed(void **state) {
    (void)state;
    struct sgr_row *rows[8];
    for (size_t i = 0; i < 8; i++)
        rows[i] = sgr_heap_alloc(heap, 100000 + i);
    assert_int_equal(sgr_heap_bytes(heap), 16 * 65536);
    struct sgr_row *after = sgr_heap_alloc(heap, 100000);
    /* In an order that merges with the run before, behind, and both. */
    const size_t order[] = {1, 3, 2, 6, 5, 7, 0, 4};
    for (size_t i = 0; i < 8; i++)
        sgr_row_unref(rows[order[i]]);
    struct sgr_row *one = sgr_heap_alloc(heap, 16 * 65536 - 64);
    assert_ptr_equal(one, rows[0]);
    sgr_row_unref(one);
    struct sgr_row *small = sgr_heap_alloc(heap, 16);
    assert_true((char *)small < (char *)after);
    sgr_row_unref(small);
    sgr_row_unref(after);
}

static void the_limit_is_an_error_and_room_returns(void **state) {
    (void)state;
    struct sgr_heap *tight = sgr_heap_new(256 * 1024, NULL);
    struct sgr_row *rows[5] = {0};
    for (size_t i = 0; i < 4; i++)
        assert_non_null(rows[i] = sgr_heap_alloc(tight, 60000));
    assert_null(sgr_heap_alloc(tight, 60000));
    assert_null(sgr_heap_alloc(tight, 16));
    assert_null(sgr_heap_alloc(tight, SIZE_MAX));
    assert_null(sgr_heap_alloc(tight, SIZE_MAX - 100));
    assert_int_equal(sgr_heap_rows(tight), 4);
    sgr_row_unref(rows[1]);
    assert_non_null(rows[1] = sgr_heap_alloc(tight, 16));
    for (size_t i = 0; i < 4; i++)
        sgr_row_unref(rows[i]);
    sgr_heap_free(tight);
    sgr_heap_free(NULL);
}

static void the_same_calls_give_the_same_ids(void **state) {
    (void)state;
    struct sgr_heap *other = sgr_heap_new(1 << 30, NULL), *both[] = {heap, other};
    enum { LIVE = 500 };
    sgr_row_id ids[2][LIVE] = {0};
    for (int which = 0; which < 2; which++) {
        uint64_t seed = 5;
        for (size_t step = 0; step < 20000; step++) {
            size_t i = next_random(&seed) % LIVE, size = 8 + next_random(&seed) % 3000;
            if (ids[which][i])
                sgr_row_unref(sgr_row_at(both[which], ids[which][i]));
            ids[which][i] = sgr_row_id_of(both[which], sgr_heap_alloc(both[which], size));
        }
    }
    for (size_t i = 0; i < LIVE; i++) {
        assert_int_equal(ids[0][i], ids[1][i]);
        if (ids[0][i]) {
            sgr_row_unref(sgr_row_at(heap, ids[0][i]));
            sgr_row_unref(sgr_row_at(other, ids[1][i]));
        }
    }
    sgr_heap_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_size_gets_memory_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_rows_are_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(emptied_chunks_go_back_and_serve_other_sizes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_row_that_comes_and_goes_does_not_give_its_chunk_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_rows_take_runs_that_merge_when_freed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_limit_is_an_error_and_room_returns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_calls_give_the_same_ids, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
