/* Webhooks against endpoints that a test answers for: what is posted, in which order, and what is acknowledged when. Endpoints that are behind are in
 * test_parking.c. */
#include <unistd.h>

#include "fixture_webhook.h"

static void same_header(size_t one, size_t other, const char *name, bool same) {
    char value[128];
    snprintf(value, sizeof(value), "%s", header(one, name));
    assert_int_equal(strcmp(value, header(other, name)) == 0, same);
}

/* ---- What is posted ---- */

static void whole_transactions_go_to_each_webhook_they_match(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A) "," ONE("INSERT", "public:users", B) "," ONE(
                          "DELETE", "public:users", B) "," ONE("*", "other", B),
                      ""));
    struct sgr_field one = text_field("1"), two = text_field("2");
    struct sgr_change changes[] = {inserted(&notes, &one), inserted(&users, &two)};
    transact(changes, 2, 100);
    assert_int_equal(host.post_count, 2);
    assert_string_equal(host.posts[0].url, A);
    assert_string_equal(host.posts[1].url, B);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(host.posts[i].body,
                            BODY(INSERTED("notes", "1") "," INSERTED("users", "2")));
    assert_non_null(strstr(host.posts[0].headers, "content-type: application/json\r\n"));
    same_header(0, 1, "id", false);
    assert_string_equal(header(0, "part"), "");
    answer(0, 200);
    assert_int_equal(host.handled, 0);
    answer(1, 204);
    assert_int_equal(host.handled, 100);
}

static void what_matches_nobody_is_not_posted(void **unused) {
    struct sgr_change truncated = {.kind = SGR_TRUNCATE, .relation = &users};
    (void)unused;
    open_with(OPTIONS(ONE("TRUNCATE", "public:*", A), ""));
    insert(&users, "1", 100);
    assert_int_equal(host.post_count, 0);
    assert_int_equal(host.handled, 100);
    transact(&truncated, 1, 200);
    assert_string_equal(
        host.posts[0].body,
        BODY("{\"commit_timestamp\":\"2022-10-19T13:50:18Z\",\"schema\":\"public\",\"table\":"
             "\"users\",\"type\":\"TRUNCATE\"}"));
    answer(0, 200);
}

static void pieces_are_one_post(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "public:users", A), ""));
    piece(&users, "1", 100, true, false);
    piece(&notes, "2", 100, false, true);
    assert_int_equal(host.post_count, 1);
    assert_string_equal(host.posts[0].body,
                        BODY(INSERTED("users", "1") "," INSERTED("notes", "2")));
    answer(0, 200);
    assert_int_equal(host.handled, 100);
}

/* Each part by itself goes to who has to do with it. */
static void large_transactions_are_posted_in_parts(void **unused) {
    (void)unused;
    char first_id[64];
    open_with(OPTIONS(ONE("*", "public:users", A), ", webhook_body: 1KB"));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 12; i++) {
            bool last = i == 11; /* pieces are others the second time */
            piece(i < 9 ? &users : &notes, "1", 100, i == 0, last);
        }
        for (size_t i = host.post_count - 1; host.posts[i].done; i = host.post_count - 1)
            answer(i, 200);
        assert_int_equal(host.post_count, (size_t)(round + 1) * 3 - 1 + (size_t)(round ? -1 : 0));
        assert_string_equal(header(0, "part"), "1");
        snprintf(first_id, sizeof(first_id), "%s", header(0, "id"));
        assert_string_not_equal(first_id, header(1, "id"));
        assert_string_equal(header(1, "part"), "2");
    }
    same_header(0, 2, "id", true);
    same_header(1, 3, "id", true);
    assert_int_equal(host.handled, 100);
}

static void an_id_is_the_same_in_another_process(void **unused) {
    char ids[2][64];
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A) "," ONE("*", "*", A), ""));
    insert(&users, "1", 100);
    snprintf(ids[0], sizeof(ids[0]), "%s", header(0, "id"));
    answer(0, 200);
    snprintf(ids[1], sizeof(ids[1]), "%s", header(1, "id"));
    assert_string_not_equal(ids[0], ids[1]);
    close_sink();
    open_with(OPTIONS(ONE("*", "*", B) "," ONE("*", "*", A) "," ONE("*", "*", A), ""));
    insert(&users, "1", 100);
    assert_string_equal(header(1, "id"), ids[0]);
    answer(1, 200);
    assert_string_equal(header(2, "id"), ids[1]);
    insert(&users, "1", 200);
    answer(2, 200);
    assert_string_not_equal(header(3, "id"), ids[0]);
    answer(0, 200);
    for (size_t i = 3; i < host.post_count; i++)
        answer(i, 200);
}

static void a_part_that_ends_elsewhere_has_another_id(void **unused) {
    static const char *const limits[] = {", webhook_body: 1KB", ", webhook_body: 2KB"};
    char ids[2][64];
    (void)unused;
    for (int round = 0; round < 2; round++) {
        char options[256];
        snprintf(options, sizeof(options), "{ source: db, secure: false, webhooks: [%s]%s }",
                 ONE("*", "*", A), limits[round]);
        if (round)
            close_sink();
        open_with(options);
        for (int i = 0; i < 12; i++)
            piece(&users, "1", 100, i == 0, i == 11);
        assert_string_equal(header(0, "part"), "1");
        snprintf(ids[round], sizeof(ids[round]), "%s", header(0, "id"));
    }
    assert_string_not_equal(ids[0], ids[1]);
}

/* ---- Order, and trying again ---- */

static void an_endpoint_gets_one_after_the_other(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A) "," ONE("*", "*", B), ""));
    insert(&users, "1", 100);
    insert(&users, "2", 200);
    assert_int_equal(host.post_count, 2);
    answer(1, 200);
    assert_int_equal(host.post_count, 3); /* b is not held up by a */
    answer(2, 200);
    assert_int_equal(host.handled, 0);
    answer(0, 200);
    assert_int_equal(host.handled, 100);
    assert_string_equal(host.posts[3].url, A);
    assert_string_equal(host.posts[3].body, BODY(INSERTED("users", "2")));
    insert(&notes, "3", 300);
    assert_int_equal(host.handled, 100);
    answer(3, 200);
    assert_int_equal(host.handled, 200);
    answer(4, 200);
    answer(5, 200);
    assert_int_equal(host.handled, 300);
}

static void failures_are_tried_again_in_order(void **unused) {
    static const int statuses[] = {0, 500, 503, 301, 404, 401, 429, 408, 100};
    enum { COUNT = sizeof(statuses) / sizeof(*statuses) };
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ""));
    insert(&users, "1", 100);
    insert(&users, "2", 200);
    int64_t longest = 0;
    for (size_t i = 0; i < COUNT; i++) {
        answer(i, statuses[i]);
        assert_int_equal(host.post_count, i + 1); /* not at once */
        assert_in_range(host.timers[0].after, longest / 2, 30000000);
        longest = host.timers[0].after;
        again();
        assert_int_equal(host.post_count, i + 2);
        same_header(0, i + 1, "id", true);
        assert_string_equal(host.posts[i + 1].body, BODY(INSERTED("users", "1")));
    }
    assert_int_equal(host.handled, 0);
    answer(COUNT, 200);
    assert_int_equal(host.handled, 100);
    assert_string_equal(host.posts[COUNT + 1].body, BODY(INSERTED("users", "2")));
    answer(COUNT + 1, 200);
}

static void what_is_refused_for_itself_is_left(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ""));
    insert(&users, "1", 100);
    insert(&users, "2", 200);
    answer(0, 422);
    assert_int_equal(host.handled, 100);
    answer(1, 400);
    assert_int_equal(host.handled, 200);
}

static void a_request_that_cannot_be_made_is_made_later(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ""));
    host.refuse_posts = true;
    insert(&users, "1", 100);
    host.refuse_posts = false;
    assert_int_equal(host.handled, 0);
    again();
    answer(0, 200);
    assert_int_equal(host.handled, 100);
}

static void other_transactions_are_acknowledged_behind_those_that_wait(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "public:users", A), ""));
    insert(&users, "1", 100);
    insert(&notes, "1", 200);
    assert_int_equal(host.handled, 0);
    answer(0, 200);
    assert_int_equal(host.handled, 200);
}

static void what_is_done_behind_one_that_waits_takes_no_memory(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "public:users", A) "," ONE("*", "public:notes", B), ", window: 0"));
    insert(&users, "1", 100);
    insert(&notes, "1", 200);
    answer(1, 200);
    size_t blocks = host.blocks;
    for (uint64_t lsn = 300; lsn <= 2000; lsn += 100) {
        insert(&notes, "1", lsn);
        answer(host.post_count - 1, 200);
    }
    assert_int_equal(host.blocks, blocks);
    insert(&users, "2", 2100);
    insert(&notes, "2", 2200);
    answer(0, 200);
    assert_int_equal(host.handled, 2000); /* with the first, all that was done behind it */
    answer(host.post_count - 1, 200);
    assert_int_equal(host.handled, 2100);
    answer(host.post_count - 2, 200);
    assert_int_equal(host.handled, 2200);
}

static void what_waits_at_the_end_is_not_acknowledged(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ""));
    insert(&users, "1", 100);
    insert(&users, "2", 200);
    close_sink();
    assert_int_equal(host.handled, 0);
    open_with(OPTIONS("", ""));
}

/* What was before a gap is posted, but its position is not told. */
static void a_gap_makes_positions_void(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ""));
    insert(&users, "1", 900);
    piece(&users, "2", 1000, true, false);
    state(SGR_STREAM_GAP, "slot_lost");
    insert(&users, "3", 500);
    answer(0, 200);
    assert_int_equal(host.handled, 0);
    assert_string_equal(host.posts[1].body, BODY(INSERTED("users", "3")));
    answer(1, 200);
    assert_int_equal(host.handled, 500);
}

/* ---- Mistakes ---- */

static void headers_are_added(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ", webhook_headers: { Authorization: 'Bearer x', "
                                        "Content-Type: application/vnd.x+json }"));
    insert(&users, "1", 100);
    assert_non_null(strstr(host.posts[0].headers, "Authorization: Bearer x\r\n"));
    assert_non_null(strstr(host.posts[0].headers, "Content-Type: application/vnd.x+json\r\n"));
    assert_null(strstr(host.posts[0].headers, "application/json"));
    answer(0, 200);
}

static void mistakes_are_told_with_their_path(void **unused) {
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {OPTIONS(ONE("*", "*", A) "," ONE("insert", "*", A), ""), "webhooks[1].event: "},
        {OPTIONS(ONE("*", "a:b:c", A), ""), "webhooks[0].relation: "},
        {OPTIONS("{ event: INSERT }", ""), "webhooks[0]: "},
        {OPTIONS(ONE("*", "*", "ftp://a"), ""), "webhooks[0].config.endpoint: "},
        {OPTIONS(ONE("*", "*", "http://a/b c"), ""), "webhooks[0].config.endpoint: "},
        {OPTIONS(ONE("*", "*", "http:///b"), ""), "webhooks[0].config.endpoint: "},
        {OPTIONS("{ evnt: INSERT, config: { endpoint: '" A "' } }", ""), "webhooks[0].evnt: "},
        {OPTIONS("5", ""), "webhooks[0]: "},
        {"{ source: db, secure: false, webhooks: 5 }", "webhooks: expected a list"},
        {OPTIONS("", ", webhook_headers: 5"), "webhook_headers: expected"},
        {OPTIONS("", ", webhook_headers: { 'a b': secret }"), "webhook_headers: a name is"},
        {OPTIONS("", ", webhook_headers: { a: \"secret\\r\\nb: c\" }"),
         "webhook_headers: the value of a is no text of one line"},
        {OPTIONS("", ", webhook_headers: { Webhook-Id: secret }"), "webhook_headers: Webhook-Id"},
        {OPTIONS("", ", webhook_headers: { content-length: secret }"), "is set by the server"},
        {OPTIONS("", ", configuration_file: /nowhere"), "configuration_file: cannot read"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sgr_error error = {0};
        assert_int_equal(open_sink(cases[i].yaml, &error), SGR_ECONFIG);
        if (!strstr(error.message, cases[i].message))
            fail_msg("case %zu: %s", i, error.message);
        assert_null(strstr(error.message, "secret"));
        close_sink();
    }
    open_with(OPTIONS("", ""));
}

static void mistakes_in_a_file_are_told_with_their_line(void **unused) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\n \"webhooks\": [\n  {\"config\": {\"endpoint\": \"http://a\"}},\n  "
         "{\"relation\": \"[}\\\"\", \"event\": \"X\"}]}",
         ":4:33: webhooks[1].event: "},
        {"{\"realtime\": [{\"relation\": \"*\", \"events\": []},\n{\"events\": []}]}",
         ":2:1: realtime[1]: "},
        {"{\"webhooks\": {}}", ":1:14: webhooks: expected a list"},
        {"{\"webhooks\":\n  []", ":2:"},
        {"[]", ":1:1: no JSON object"},
        {"{\"a\": 1,\n\"a\": 2}", ":2:"},
    };
    char path[] = "/tmp/sangre-webhooks-XXXXXX", yaml[256];
    int descriptor = mkstemp(path);
    (void)unused;
    snprintf(yaml, sizeof(yaml), "{ source: db, secure: false, configuration_file: %s }", path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sgr_error error = {0};
        size_t size = strlen(cases[i].text);
        assert_int_equal(ftruncate(descriptor, 0), 0);
        assert_int_equal(pwrite(descriptor, cases[i].text, size, 0), size);
        assert_int_equal(open_sink(yaml, &error), SGR_ECONFIG);
        if (!strstr(error.message, path) || !strstr(error.message, cases[i].message))
            fail_msg("case %zu: %s", i, error.message);
        close_sink();
    }
    close(descriptor);
    unlink(path);
    open_with(OPTIONS("", ""));
}

/* Each allocation fails once: what is not posted is counted as left out. */
static void memory_may_run_out_anywhere(void **unused) {
    (void)unused;
    open_with(OPTIONS(ONE("*", "*", A), ", webhook_body: 1KB"));
    for (size_t limit = 1; limit < 20; limit++) {
        size_t before = host.post_count;
        int64_t missed = host.counted_missed;
        struct sgr_relation other = users;
        other.id = (uint32_t)(100 + limit);
        host.block_limit = limit;
        insert(&other, "1", limit * 100);
        host.block_limit = 0;
        again();
        bool posted = host.post_count > before;
        assert_true(posted || host.counted_missed > missed);
        if (posted)
            answer(host.post_count - 1, 200);
        assert_int_equal(host.handled, limit * 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
        TEST(whole_transactions_go_to_each_webhook_they_match),
        TEST(what_matches_nobody_is_not_posted),
        TEST(pieces_are_one_post),
        TEST(large_transactions_are_posted_in_parts),
        TEST(an_id_is_the_same_in_another_process),
        TEST(a_part_that_ends_elsewhere_has_another_id),
        TEST(an_endpoint_gets_one_after_the_other),
        TEST(failures_are_tried_again_in_order),
        TEST(what_is_refused_for_itself_is_left),
        TEST(a_request_that_cannot_be_made_is_made_later),
        TEST(other_transactions_are_acknowledged_behind_those_that_wait),
        TEST(what_is_done_behind_one_that_waits_takes_no_memory),
        TEST(what_waits_at_the_end_is_not_acknowledged),
        TEST(a_gap_makes_positions_void),
        TEST(headers_are_added),
        TEST(mistakes_are_told_with_their_path),
        TEST(mistakes_in_a_file_are_told_with_their_line),
        TEST(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
