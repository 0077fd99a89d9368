/* The source in virtual time: what it sends, when, and what it makes of what comes. */
#include "play.h"

static void
test_tables_are_joined_looked_at_and_read_and_what_came_meanwhile_follows(void **state) {
    (void)state;
    struct play *play = play_new();
    play_open(play);
    play_describe(play, 2);
    play_expect(play, "connecting\n");
    play_opens(play);
    play_expect(play, "phx_join realtime:public:a 1\nphx_join realtime:public:b 2\n");
    play_replies(play, "realtime:public:a", 1, play_ok);
    play_expect(play, "");
    play_replies(play, "realtime:public:b", 2, play_ok);
    play_passes(play, 0);
    play_expect(play, "GET /a?select=id::text,v::text&order=id.asc&limit=1\n");
    play_answers(play, 200, "[]");
    play_expect(play, "GET /b?select=id::text&order=id.asc&limit=1\n");
    play_answers(play, 206, "[]");
    play_expect(play, "described 2\n");
    play_start(play, 2);
    play_expect(play, "snapshot\n{\nGET /a?select=id::text,v::text&order=id.asc&limit=2\n");
    play_inserted(play, 7);
    play_answers(play, 200, "[{\"id\":\"1\",\"v\":null},{\"id\":\"2\",\"v\":\"b\"}]");
    play_expect(play, "row a 1|~\nrow a 2|b\nGET "
                      "/a?select=id::text,v::text&order=id.asc&or=(id.gt.%222%22)&limit=2\n");
    play_answers(play, 200, "[]");
    play_expect(play, "GET /b?select=id::text&order=id.asc&limit=2\n");
    play_passes(play, 5000);
    play_answers(play, 200, "[]");
    play_expect(play, "I a 7|x\n} 1\nstreaming\n");
    play_free(play);
}

static void test_todays_feed_is_read_once_it_says_that_changes_flow(void **state) {
    (void)state;
    struct play *play = play_new();
    play_open(play);
    play_describe(play, 1);
    play_opens(play);
    play->trace[0] = '\0';
    play_replies(play, "realtime:public:a", 1, play_ok_today);
    play_passes(play, 1000);
    play_expect(play, "");
    play_comes(play,
               "{\"topic\":\"realtime:public:a\",\"event\":\"system\",\"ref\":null,\"payload\":{"
               "\"extension\":\"postgres_changes\",\"status\":\"ok\",\"message\":\"Subscribed\"}}");
    play_passes(play, 0);
    play_expect(play, "GET /a?select=id::text,v::text&order=id.asc&limit=1\n");
    play_free(play);
}

static void test_what_comes_within_a_moment_is_one_transaction(void **state) {
    (void)state;
    struct play *play = play_streaming();
    play_inserted(play, 2);
    play_passes(play, 9);
    play_updated(play, 1);
    play_expect(play, "");
    play_passes(play, 1);
    play_expect(play, "(\nI a 2|x\nU a 1|y\n) 2\n");
    play_comes(
        play,
        "{\"topic\":\"realtime:public:a\",\"event\":\"postgres_changes\",\"ref\":null,"
        "\"payload\":{\"ids\":[1],\"data\":{\"type\":\"DELETE\",\"old_record\":{\"id\":2}}}}");
    play_passes(play, 10);
    play_expect(play, "(\nD a 2|~\n) 3\n");
    play_free(play);
}

static void test_a_heartbeat_without_an_answer_ends_the_feed(void **state) {
    (void)state;
    struct play *play = play_streaming();
    play_passes(play, 25000);
    play_expect(play, "heartbeat phoenix 2\n");
    play_replies(play, "phoenix", 2, play_ok);
    play_passes(play, 25000);
    play_expect(play, "heartbeat phoenix 3\n");
    play_replies(play, "phoenix", 2, play_ok); /* not this one */
    play_passes(play, 25000);
    play_expect(play, "close\ndown\n");
    assert_string_equal(play->reason, "the feed did not answer a heartbeat in time");
    play_free(play);
}

static void test_joins_have_a_deadline(void **state) {
    (void)state;
    struct play *play = play_new();
    play_open(play);
    play_describe(play, 1);
    play_passes(play, 30000);
    assert_string_equal(play->reason, "no connection to the feed was made in time");
    play_passes(play, 200);
    play_opens(play);
    play_passes(play, 30000);
    assert_string_equal(play->reason, "the feed did not answer the join of a table in time");
    play_passes(play, 200);
    play_opens(play);
    play_replies(play, "realtime:public:a", 1, play_ok_today);
    play_passes(play, 30000);
    assert_string_equal(play->reason, "the feed did not say that changes come in time");
    play_free(play);
}

static void test_a_channel_that_ends_ends_the_feed_and_all_is_compared(void **state) {
    static const char *const ends[] = {
        "{\"topic\":\"realtime:public:a\",\"event\":\"phx_error\",\"payload\":{},\"ref\":\"1\"}",
        "{\"topic\":\"realtime:public:a\",\"event\":\"phx_close\",\"payload\":{},\"ref\":\"1\"}",
        "{\"topic\":\"realtime:public:a\",\"event\":\"system\",\"payload\":{\"status\":\"error\"}}",
        "no message",
        "{\"topic\":\"realtime:public:a\",\"event\":\"INSERT\",\"payload\":[]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct play *play = play_streaming();
        play_comes_text(play, ends[i]);
        play_expect(play, "close\ndown\n");
        play_passes(play, 100);
        play_expect(play, "connecting\n");
        play_joins_again(play);
        play_expect(play, "phx_join realtime:public:a 1\nsnapshot\n{\nGET "
                          "/a?select=id::text,v::text&order=id.asc&limit=2\n");
        play_answers(play, 200, "[]");
        play_expect(play, "} 2\nstreaming\n");
        play_free(play);
    }
}

static void test_a_break_while_rows_are_read_takes_all_of_it_back(void **state) {
    (void)state;
    struct play *play = play_streaming();
    play_breaks(play, 0);
    play_passes(play, 100);
    play_joins_again(play);
    play_answers(play, 200, "[{\"id\":\"5\",\"v\":\"x\"},{\"id\":\"6\",\"v\":\"x\"}]");
    play_inserted(play, 9);
    play->trace[0] = '\0';
    play_breaks(play, 0);
    play_expect(play, "cancel\nabort\ndown\n");
    play_passes(play, 1000);
    play_expect(play, "connecting\n");
    play_free(play);
}

static void test_attempts_become_rarer(void **state) {
    (void)state;
    struct play *play = play_new();
    play->options.retry_limit = 400000;
    play_open(play);
    play_describe(play, 1);
    static const int64_t waits[] = {50, 100, 200, 200}; /* the half: chance is 0 here */
    for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        play_breaks(play, 0);
        play_passes(play, waits[i] - 1);
        assert_null(play->feed_data);
        play_passes(play, 1);
        assert_non_null(play->feed_data);
    }
    play_free(play);
}

static void test_a_refusal_lasts_only_until_views_are_filled(void **state) {
    (void)state;
    struct play *play = play_new();
    play_open(play);
    play_describe(play, 1);
    play->trace[0] = '\0';
    play_breaks(play, 403);
    play_expect(play, "failed\n");
    assert_string_equal(play->reason,
                        "the feed answered with status 403: the key or token is refused");
    play_passes(play, 60000);
    play_expect(play, "");
    play_free(play);
    play = play_streaming();
    play_breaks(play, 403);
    play_expect(play, "down\n");
    play_passes(play, 100);
    play_joins_again(play);
    play->trace[0] = '\0';
    play_answers(play, 404, "{\"message\":\"relation does not exist\"}");
    play_expect(play, "close\nabort\ndown\n");
    play_free(play);
}

static void test_the_server_of_2022_is_refused_where_todays_is_wanted(void **state) {
    (void)state;
    struct play *play = play_new();
    play->options.protocol = "v2";
    play_open(play);
    play_describe(play, 1);
    play_opens(play);
    play->trace[0] = '\0';
    play_replies(play, "realtime:public:a", 1, play_ok);
    play_expect(play, "close\nfailed\n");
    play_free(play);
}

static void
test_an_update_of_a_row_that_is_not_there_has_tables_read_again_ever_later(void **state) {
    (void)state;
    struct play *play = play_streaming();
    play->missing = "9";
    int64_t wait = 1000;
    for (int i = 0; i < 3; i++, wait *= 2) {
        play_updated(play, 9);
        play_passes(play, 10);
        assert_non_null(strstr(play->trace, "U a 9|y\n"));
        play->trace[0] = '\0';
        play_passes(play, wait - 1);
        play_expect(play, "");
        play_passes(play, 1);
        play_expect(play, "{\nGET /a?select=id::text,v::text&order=id.asc&limit=2\n");
        play_answers(play, 200, "[]");
        play->trace[0] = '\0';
    }
    play_free(play);
}

static void test_nothing_begins_while_paused_and_too_much_is_read_anew(void **state) {
    (void)state;
    struct play *play = play_streaming();
    play->methods->pause(play->source);
    play_inserted(play, 2);
    play_passes(play, 1000);
    play_expect(play, "");
    play->methods->resume(play->source);
    play_passes(play, 0);
    play_expect(play, "(\nI a 2|x\n) 2\n");
    play->methods->pause(play->source);
    for (int i = 0; i < 2000; i++)
        play_inserted(play, 10 + i);
    play_passes(play, 1000);
    play_expect(play, "");
    play->methods->resume(play->source);
    play_passes(play, 0);
    play_expect(play, "{\nGET /a?select=id::text,v::text&order=id.asc&limit=2\n");
    play_answers(play, 200, "[]");
    play_expect(play, "} 3\nstreaming\n");
    play_free(play);
}

static void test_more_than_the_buffer_while_rows_are_read_begins_anew(void **state) {
    (void)state;
    struct play *play = play_streaming();
    play_breaks(play, 0);
    play_passes(play, 100);
    play_joins_again(play);
    play->trace[0] = '\0';
    for (int i = 0; i < 2000 && play->feed_data; i++)
        play_inserted(play, 10 + i);
    play_expect(play, "cancel\nclose\nabort\ndown\n");
    assert_non_null(strstr(play->reason, "`buffer`"));
    play_free(play);
}

static void test_rows_are_compared_as_often_as_is_wanted(void **state) {
    (void)state;
    struct play *play = play_new();
    play->options.compare_every = 5000000;
    play_streaming_with(play);
    for (int i = 0; i < 2; i++) {
        play_passes(play, 4999);
        play_expect(play, "");
        play_inserted(play, 2 + i); /* what has come is committed first */
        play_passes(play, 1);
        assert_non_null(strstr(play->trace, "(\nI a "));
        assert_non_null(strstr(play->trace, ")"));
        assert_non_null(strstr(play->trace, "{\nGET /a"));
        play_answers(play, 200, "[]");
        play->trace[0] = '\0';
    }
    play_free(play);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_joined_looked_at_and_read_and_what_came_meanwhile_follows),
        cmocka_unit_test(test_todays_feed_is_read_once_it_says_that_changes_flow),
        cmocka_unit_test(test_what_comes_within_a_moment_is_one_transaction),
        cmocka_unit_test(test_a_heartbeat_without_an_answer_ends_the_feed),
        cmocka_unit_test(test_joins_have_a_deadline),
        cmocka_unit_test(test_a_channel_that_ends_ends_the_feed_and_all_is_compared),
        cmocka_unit_test(test_a_break_while_rows_are_read_takes_all_of_it_back),
        cmocka_unit_test(test_attempts_become_rarer),
        cmocka_unit_test(test_a_refusal_lasts_only_until_views_are_filled),
        cmocka_unit_test(test_the_server_of_2022_is_refused_where_todays_is_wanted),
        cmocka_unit_test(
            test_an_update_of_a_row_that_is_not_there_has_tables_read_again_ever_later),
        cmocka_unit_test(test_nothing_begins_while_paused_and_too_much_is_read_anew),
        cmocka_unit_test(test_more_than_the_buffer_while_rows_are_read_begins_anew),
        cmocka_unit_test(test_rows_are_compared_as_often_as_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
