/* Webhooks whose endpoints are behind, slow or dead: who waits for whom, and for how long, before the others go on without them. */
#include <unistd.h>

#include "fixture_webhook.h"

/* A body here has some 260 bytes. */
#define SMALL ", webhook_backlog: 1KB"

static void the_stream_is_held_from_a_full_backlog_to_half(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), SMALL));
    for (uint64_t lsn = 100; !host.held; lsn += 100)
        insert(&users, "1", lsn);
    assert_in_range(host.counted_queued, 3, 6);
    answer(0, 200);
    assert_true(host.held);
    for (size_t i = 1; host.counted_queued > 1; i++)
        answer(i, 200);
    assert_false(host.held);
    answer(host.post_count - 1, 200);
    assert_int_equal(host.counted_parked, 0);
}

static void a_held_stream_parks_who_is_behind_and_goes_on(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A) "," ONE("*", "*", B), SMALL ", webhook_stall: 2s"));
    uint64_t lsn = 100;
    for (; !host.held; lsn += 100) {
        insert(&users, "1", lsn);
        answer(host.post_count - 1, 200); /* b is fine */
    }
    pass(2000000);
    assert_false(host.held);
    assert_int_equal(host.counted_parked, 1);
    assert_int_equal(host.counted_queued, 1);
    assert_int_equal(host.handled, lsn - 100);
    insert(&users, "2", lsn);
    answer(host.post_count - 1, 200);
    assert_int_equal(host.handled, lsn);
    int64_t missed = host.counted_missed;
    assert_in_range(missed, 3, 6);
    answer(0, 200); /* its oldest: it is back */
    assert_int_equal(host.counted_parked, 0);
    insert(&users, "3", lsn + 100);
    assert_string_equal(host.posts[host.post_count - 2].url, A);
    assert_int_equal(atoi(header(host.post_count - 2, "missed")), missed);
    answer(host.post_count - 2, 200);
    answer(host.post_count - 1, 200);
    assert_int_equal(host.handled, lsn + 100);
    insert(&users, "4", lsn + 200);
    assert_string_equal(header(host.post_count - 2, "missed"), "");
    answer(host.post_count - 2, 200);
    answer(host.post_count - 1, 200);
}

static void who_is_slow_has_the_stream_wait_once_until_it_has_caught_up(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), SMALL ", webhook_stall: 2s"));
    uint64_t lsn = 100;
    for (; !host.held; lsn += 100)
        insert(&users, "1", lsn);
    pass(2000000);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(host.counted_parked, 1);
        answer(host.post_count - 1, 200);
        assert_int_equal(host.counted_parked, 0);
        insert(&users, "1", lsn++);
        insert(&users, "1", lsn++);
        for (uint64_t end = lsn + 1000; lsn < end && !host.counted_parked; lsn += 100) {
            answer(host.post_count - 1, 200); /* one while two come */
            insert(&users, "1", lsn);
            insert(&users, "1", lsn + 50);
            assert_false(host.held);
        }
    }
    answer(host.post_count - 1, 200);
    insert(&users, "1", lsn);
    answer(host.post_count - 1, 200); /* it is fast enough now */
    for (uint64_t end = lsn + 1000; lsn < end && !host.held; lsn += 100)
        insert(&users, "1", lsn);
    assert_true(host.held);
    for (; host.counted_queued; lsn += 100)
        answer(host.post_count - 1, 200);
    assert_false(host.held);
}

static void wait_milliseconds(int64_t milliseconds) {
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec <
           milliseconds * 1000000);
}

/* Until the stream is held for what it has not taken. */
static uint64_t fill(uint64_t lsn) {
    for (uint64_t end = lsn + 1000; lsn < end && !host.held; lsn += 100)
        insert(&users, "1", lsn);
    return lsn;
}

static void who_was_slow_once_has_the_stream_wait_again_after_a_rest(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), SMALL ", webhook_stall: 50ms"));
    uint64_t lsn = fill(100);
    pass(50000);
    assert_int_equal(host.counted_parked, 1);
    answer(host.post_count - 1, 200);
    wait_milliseconds(60);
    lsn = fill(lsn);
    assert_true(host.held);
    assert_int_equal(host.counted_parked, 0);
    for (; host.counted_queued; lsn += 100)
        answer(host.post_count - 1, 200);
    assert_false(host.held);
}

static void patience_ends(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ", webhook_patience: 1ms"));
    insert(&users, "1", 100);
    insert(&users, "2", 200);
    wait_milliseconds(1);
    answer(0, 500);
    assert_int_equal(host.counted_parked, 1);
    again();
    assert_int_equal(host.handled, 200);
    assert_int_equal(host.counted_missed, 1);
    answer(host.post_count - 1, 500); /* it is tried on */
    again();
    answer(host.post_count - 1, 400); /* an answer all the same */
    assert_int_equal(host.counted_parked, 0);
}

/* Neither the request nor the timer until the next try can be had. */
static void a_parked_endpoint_is_tried_by_what_comes_when_memory_was_out(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ", webhook_patience: 1ms"));
    insert(&users, "1", 100);
    wait_milliseconds(1);
    answer(0, 500);
    assert_int_equal(host.counted_parked, 1);
    host.refuse_posts = host.refuse_timers = true;
    again();
    host.refuse_posts = host.refuse_timers = false;
    again();
    assert_int_equal(host.post_count, 1); /* nothing would have it tried */
    insert(&users, "2", 200);
    assert_int_equal(host.post_count, 2);
    assert_string_equal(host.posts[1].body, BODY(INSERTED("users", "1")));
    answer(1, 200);
    assert_int_equal(host.counted_parked, 0);
}

static void who_is_parked_when_a_request_cannot_be_made_holds_the_stream_no_longer(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), SMALL ", webhook_patience: 100ms, webhook_stall: 0s"));
    insert(&users, "1", 100);
    answer(0, 500);
    for (uint64_t lsn = 200; lsn <= 1000; lsn += 100)
        insert(&users, "1", lsn);
    assert_true(host.held);
    wait_milliseconds(100);
    host.refuse_posts = true;
    again();
    host.refuse_posts = false;
    assert_int_equal(host.counted_parked, 1);
    assert_false(host.held);
    again();
    answer(1, 200);
}

static void who_lags_behind_the_log_is_parked(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "public:users", A), ", webhook_lag: 1KB"));
    insert(&users, "1", 100);
    insert(&notes, "2", 1100);
    assert_int_equal(host.counted_parked, 0);
    insert(&notes, "3", 1200);
    assert_int_equal(host.counted_parked, 1);
    assert_int_equal(host.handled, 1200);
    answer(0, 200);
}

static void position(uint64_t lsn) {
    host.bind.callbacks->position(host.bind.data, &host.stream, lsn);
}

static void who_lags_is_parked_also_when_nothing_commits(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ", webhook_lag: 1KB"));
    insert(&users, "1", 100);
    position(1116);
    assert_int_equal(host.counted_parked, 0);
    position(1117);
    assert_int_equal(host.counted_parked, 1);
    assert_int_equal(host.handled, 100);
    answer(0, 200);
}

/* Of another server's log, or another place in this one: higher, and lower. */
static void after_a_gap_positions_are_those_of_what_follows(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ", webhook_lag: 1KB"));
    insert(&users, "1", 5000);
    state_at(SGR_STREAM_GAP, "other_system", 900000);
    position(900100);
    assert_int_equal(host.counted_parked, 0);
    state_at(SGR_STREAM_GAP, "other_system", 100);
    answer(0, 500);
    position(1124);
    assert_int_equal(host.counted_parked, 0);
    position(1125);
    assert_int_equal(host.counted_parked, 1);
    again();
    answer(1, 200);
}

/* What was behind already is no fault of whoever answers. */
static void a_log_that_is_read_from_far_behind_parks_only_who_fails(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ", webhook_lag: 1KB"));
    position(50000);
    insert(&users, "1", 100);
    position(50500);
    insert(&users, "2", 200);
    answer(0, 200);
    assert_int_equal(host.counted_parked, 0);
    position(51500);
    assert_int_equal(host.counted_parked, 0); /* the second came behind 50500 */
    answer(1, 500);
    position(51501);
    assert_int_equal(host.counted_parked, 1);
    again();
    answer(2, 200);
    insert(&users, "3", 300);
    position(52600); /* as much as it may be was written since */
    assert_int_equal(host.counted_parked, 1);
    answer(3, 200);
}

static void who_lags_is_parked_also_while_the_stream_is_held(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), SMALL ", webhook_stall: 0s, webhook_lag: 1MB"));
    uint64_t lsn = 100;
    for (; !host.held; lsn += 100)
        insert(&users, "1", lsn);
    position(lsn + 2000000);
    assert_int_equal(host.counted_parked, 1);
    assert_false(host.held);
    assert_int_equal(host.handled, lsn - 100);
    answer(0, 200);
}

static void a_webhook_that_waits_does_not_hold_up_clients(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ""));
    struct sgr_connection *one = client("1.0.0");
    say(one, "{\"topic\":\"realtime:*\",\"event\":\"phx_join\",\"payload\":{},\"ref\":\"1\"}");
    insert(&users, "1", 100);
    insert(&users, "2", 200);
    assert_int_equal(one->count, 3);
    answer(0, 200);
    answer(1, 200);
    leave(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
        TEST(the_stream_is_held_from_a_full_backlog_to_half),
        TEST(a_held_stream_parks_who_is_behind_and_goes_on),
        TEST(who_is_slow_has_the_stream_wait_once_until_it_has_caught_up),
        TEST(who_was_slow_once_has_the_stream_wait_again_after_a_rest),
        TEST(patience_ends),
        TEST(a_parked_endpoint_is_tried_by_what_comes_when_memory_was_out),
        TEST(who_is_parked_when_a_request_cannot_be_made_holds_the_stream_no_longer),
        TEST(who_lags_behind_the_log_is_parked),
        TEST(who_lags_is_parked_also_when_nothing_commits),
        TEST(after_a_gap_positions_are_those_of_what_follows),
        TEST(a_log_that_is_read_from_far_behind_parks_only_who_fails),
        TEST(who_lags_is_parked_also_while_the_stream_is_held),
        TEST(a_webhook_that_waits_does_not_hold_up_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
