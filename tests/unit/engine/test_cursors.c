/* Which commit a token names, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/cursors.h"

enum { COMMITS = 5000, EPOCH = 4711 };

struct log {
    struct sgr_cursors *cursors;
    struct sgr_bytes *tokens[COMMITS + 1]; /* by commit */
};

/* Two sources and ticks in turn, a commit each 10 microseconds. */
static int setup(void **state) {
    struct log *log = calloc(1, sizeof(*log));
    uint64_t positions[2] = {1000, 5};
    log->cursors = sgr_cursors_new(2);
    assert_non_null(log->cursors);
    sgr_cursors_restart(log->cursors, EPOCH, positions);
    log->tokens[0] = sgr_cursors_token(log->cursors);
    for (uint64_t i = 1; i <= COMMITS; i++) {
        size_t source = i % 3 == 2 ? SIZE_MAX : i % 3;
        if (source != SIZE_MAX)
            positions[source] += i % 7 + 1;
        uint64_t position = source == SIZE_MAX ? 0 : positions[source];
        assert_int_equal(sgr_cursors_commit(log->cursors, i, source, position, (int64_t)i * 10), 0);
        log->tokens[i] = sgr_cursors_token(log->cursors);
    }
    *state = log;
    return 0;
}

static int teardown(void **state) {
    struct log *log = *state;
    for (size_t i = 0; i <= COMMITS; i++)
        sgr_bytes_unref(log->tokens[i]);
    sgr_cursors_free(log->cursors);
    free(log);
    return 0;
}

static int find(const struct log *log, size_t commit, uint64_t *ret) {
    return sgr_cursors_find(log->cursors, sgr__bytes_slice(log->tokens[commit]), ret);
}

static void expect_known_from(const struct log *log, size_t first) {
    for (size_t i = 1; i <= COMMITS; i++) {
        uint64_t number = 0;
        assert_int_equal(find(log, i, &number), i < first ? SGR_ENOTFOUND : 0);
        assert_int_equal(number, i < first ? 0 : i);
    }
}

static void each_commit_has_a_token_of_its_own(void **state) {
    expect_known_from(*state, 1);
}

static void what_is_old_is_forgotten(void **state) {
    struct log *log = *state;
    sgr_cursors_trim(log->cursors, 40 * 10, SIZE_MAX);
    expect_known_from(log, 40);
    sgr_cursors_trim(log->cursors, 3000 * 10, SIZE_MAX); /* now it is moved too */
    expect_known_from(log, 3000);
    sgr_cursors_trim(log->cursors, INT64_MAX, SIZE_MAX);
    expect_known_from(log, COMMITS);
}

static void what_takes_too_much_memory_is_forgotten(void **state) {
    struct log *log = *state;
    size_t entry = sgr_cursors_bytes(log->cursors) / COMMITS;
    sgr_cursors_trim(log->cursors, 0, 4000 * entry + entry / 2);
    expect_known_from(log, 1001);
    sgr_cursors_trim(log->cursors, 0, 100 * entry);
    assert_int_equal(sgr_cursors_bytes(log->cursors), 100 * entry);
    expect_known_from(log, COMMITS - 99);
    uint64_t number;
    assert_int_equal(sgr_cursors_commit(log->cursors, COMMITS + 1, SIZE_MAX, 0, COMMITS * 10 + 10),
                     0);
    assert_int_equal(find(log, COMMITS, &number), 0);
    sgr_cursors_trim(log->cursors, 0, 0);
    assert_int_equal(find(log, COMMITS, &number), SGR_ENOTFOUND); /* the last is the newer one */
}

static void other_epochs_and_other_texts_name_nothing(void **state) {
    struct log *log = *state;
    static const char *const texts[] = {"", ".", "0", "00000000", "00000000.1.1~", "é.1.1"};
    uint64_t number = 0, positions[3] = {1000, 5, 0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(sgr_cursors_find(log->cursors, sgr_slice(texts[i]), &number),
                         SGR_ENOTFOUND);
    sgr_cursors_restart(log->cursors, EPOCH + 1, positions);
    assert_int_equal(sgr_cursors_commit(log->cursors, 1, 0, 1002, 0), 0);
    for (size_t i = 0; i <= COMMITS; i++)
        assert_int_equal(find(log, i, &number), SGR_ENOTFOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_commit_has_a_token_of_its_own),
        TEST(what_is_old_is_forgotten),
        TEST(what_takes_too_much_memory_is_forgotten),
        TEST(other_epochs_and_other_texts_name_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
