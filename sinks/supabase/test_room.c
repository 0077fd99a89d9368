/* What clients of one topic say to each other, in either form of frames, and who is in which room. */
#include "fixture_room.h"

/* ---- Broadcasts ---- */

static void a_broadcast_reaches_the_others_of_the_topic_in_both_forms(void **unused) {
    struct sgr_connection *from = join_1(BARE), *one = join_1(BARE), *two = join_2(BARE);
    struct sgr_connection *older = client("1.0.0"), *elsewhere = client("1.0.0");
    (void)unused;
    say(older, "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{},\"ref\":\"1\"}");
    say(elsewhere,
        "{\"topic\":\"realtime:ab\",\"event\":\"phx_join\",\"payload\":" BARE ",\"ref\":\"1\"}");
    older->next = older->count;
    elsewhere->next = elsewhere->count;
    say(from, SAY_1("broadcast", HELLO));
    hears(one, EVENT_1("broadcast", HELLO));
    hears(two, EVENT_2("broadcast", HELLO));
    say(two, SAY_2("broadcast", HELLO));
    hears(from, EVENT_1("broadcast", HELLO));
    hears(one, EVENT_1("broadcast", HELLO));
    struct sgr_connection *all[] = {from, one, two, older, elsewhere};
    for (size_t i = 0; i < 5; i++) {
        hears_nothing(all[i]);
        leave(all[i]);
    }
}

static void who_asks_for_it_hears_itself_and_gets_an_answer(void **unused) {
    struct sgr_connection *self = join_1(
        CONFIG("\"broadcast\":{\"self\":true,\"ack\":true},\"presence\":{\"enabled\":false}"));
    (void)unused;
    say(self, SAY_1("broadcast", HELLO));
    hears(self, EVENT_1("broadcast", HELLO));
    hears(self, OK_1);
    say(self, SAY_1("broadcast", "{\"event\":\"\",\"payload\":18446744073709551616}"));
    hears(self, EVENT_1("broadcast", "{\"event\":\"\",\"payload\":1.8446744073709552e19}"));
    hears(self, OK_1);
    say(self, SAY_1("broadcast", "{\"payload\":1}"));
    hears(self, WRONG_1("InvalidBroadcast: the event is no text"));
    say(self, SAY_1("broadcast", "[]"));
    hears(self, WRONG_1("InvalidBroadcast: the event is no text"));
    hears_nothing(self);
    leave(self);
}

/* A client could else have another one skip changes, or read its tables without end. */
static void what_the_server_tells_of_positions_is_not_for_clients_to_say(void **unused) {
    static const char *const names[] = {"position", "gap", "POSITION", "Gap", "posİtİon"};
    struct sgr_connection *from = join_2(BARE), *other = join_1(BARE);
    struct sgr_connection *one =
        join_1("{\"since\":null,\"config\":{\"presence\":{\"enabled\":false}}}");
    struct sgr_connection *two =
        join_2("{\"since\":null,\"config\":{\"presence\":{\"enabled\":false}}}");
    (void)unused;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char header[] = {3, 1, 1, 10, (char)strlen(names[i]), 0, 1};
        char text[256], path[64];
        snprintf(text, sizeof(text),
                 "[\"1\",\"2\",\"realtime:a\",\"broadcast\",{\"event\":\"%s\",\"payload\":{}}]",
                 names[i]);
        say(from, text);
        memcpy(text, header, sizeof(header));
        int size = snprintf(text + sizeof(header), sizeof(text) - sizeof(header),
                            "12realtime:a%s{}", names[i]);
        say_bytes(from, (struct sgr_slice){text, sizeof(header) + (size_t)size});
        text[6] = 0; /* bytes, which the first form of frames does not have */
        say_bytes(from, (struct sgr_slice){text, sizeof(header) + (size_t)size});
        snprintf(path, sizeof(path), "/api/broadcast/a/events/%s", names[i]);
        struct sgr_request post = {.path = path, .body = SGR_SLICE("{}")};
        request("/api/broadcast/*", SGR_ROUTE_POST, &post);
        assert_int_equal(post.status, 202);
        hears_nothing(one);
        hears_nothing(two);
        assert_int_equal(other->count - other->next, 3);
        other->next = other->count;
    }
    from->next = from->count;
    say(from, SAY_2("broadcast", "{\"event\":\"positions\",\"payload\":{}}"));
    say(from, SAY_2("broadcast", "{\"event\":\"ga\",\"payload\":{}}"));
    assert_int_equal(one->count - one->next, 2);
    assert_int_equal(two->count - two->next, 2);
    struct sgr_connection *all[] = {from, other, one, two};
    for (size_t i = 0; i < 4; i++)
        leave(all[i]);
}

static void who_left_or_joined_again_gets_nothing_twice(void **unused) {
    struct sgr_connection *from = join_1(BARE), *one = join_1(BARE), *two = join_2(BARE);
    (void)unused;
    say(one, "{" TOPIC ",\"event\":\"phx_join\",\"payload\":" BARE ",\"ref\":\"1\"}");
    hears(one, JOINED_1);
    say(two, "[\"1\",\"3\",\"realtime:a\",\"phx_leave\",{}]");
    two->next = two->count;
    say(from, SAY_1("broadcast", HELLO));
    hears(one, EVENT_1("broadcast", HELLO));
    say(two, SAY_2("broadcast", HELLO));
    hears(two, "[null,\"2\",\"realtime:a\",\"phx_reply\",{\"response\":{\"reason\":\"unmatched "
               "topic\"},\"status\":\"error\"}]");
    hears_nothing(one);
    hears_nothing(from);
    leave(from);
    leave(one);
    leave(two);
}

/* ---- Binary frames ---- */

#define PUSH(encoding, event_size, event, payload) \
    "\3\1\1\12" event_size "\0" encoding "12realtime:a" event payload

static void a_binary_frame_goes_on_as_text_if_it_is_json_and_else_as_bytes(void **unused) {
    struct sgr_connection *from = join_2(BARE), *one = join_1(BARE), *two = join_2(BARE);
    (void)unused;
    say_bytes(from, BYTES(PUSH("\1", "\5", "hello", "{\"a\": 1.10}")));
    hears(one, EVENT_1("broadcast",
                       "{\"event\":\"hello\",\"payload\":{\"a\": 1.10},\"type\":\"broadcast\"}"));
    hears(two, EVENT_2("broadcast",
                       "{\"event\":\"hello\",\"payload\":{\"a\": 1.10},\"type\":\"broadcast\"}"));
    say_bytes(from, BYTES(PUSH("\0", "\5", "hello", "\0\xff{")));
    hears_bytes(two, BYTES("\4\12\5\0\0realtime:ahello\0\xff{"));
    say_bytes(from, BYTES(PUSH("\1", "\1", "\xe9", "1"))); /* as realtime-js writes it */
    hears(one, EVENT_1("broadcast", "{\"event\":\"é\",\"payload\":1,\"type\":\"broadcast\"}"));
    say_bytes(from, BYTES("\3\0\0\12\1\7\1realtime:ae{\"i\":1}2"));
    hears(one, EVENT_1("broadcast", "{\"event\":\"e\",\"meta\":{\"i\":1},\"payload\":2,\"type\":"
                                    "\"broadcast\"}"));
    hears_nothing(one);
    hears_nothing(from);
    leave(from);
    leave(one);
    leave(two);
}

static void what_is_no_json_is_not_put_into_others_frames(void **unused) {
    static const char *const payloads[] = {"", "{}{}", "1,\"ref\":2", "{\"a\":\"\xff\"}", "{"};
    struct sgr_connection *from = join_2(BARE), *one = join_1(BARE);
    (void)unused;
    for (size_t i = 0; i < 5; i++) {
        char frame[64] = PUSH("\1", "\1", "e", "");
        size_t size = sizeof(PUSH("\1", "\1", "e", "")) - 1;
        memcpy(frame + size, payloads[i], strlen(payloads[i]));
        say_bytes(from, (struct sgr_slice){frame, size + strlen(payloads[i])});
        hears(from, "[\"1\",\"2\",\"realtime:a\",\"phx_reply\",{\"response\":{\"reason\":"
                    "\"InvalidBroadcast: the payload is no JSON, or meta is no object\"},"
                    "\"status\":\"error\"}]");
    }
    say_bytes(from, BYTES("\3\1\1\12\1\3\0"
                          "12realtime:ae[1]"));
    from->next++;
    hears_nothing(one);
    hears_nothing(from);
    leave(from);
    leave(one);
}

static void a_frame_that_is_shorter_than_it_says_closes(void **unused) {
    static const struct sgr_slice frames[] = {{"\3", 1},
                                              {"\3\0\0\0\0\0", 6},
                                              {"\3\1\1\12\5\0\1"
                                               "12realtime",
                                               17},
                                              {"\3\0\0\0\0\0\2", 7},
                                              {"\3\0\0\0\0\xff\1{}", 9},
                                              {"\4\12\5\0\0realtime:ahello", 20},
                                              {"\0", 1}};
    (void)unused;
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        struct sgr_connection *two = join_2(BARE), *one = join_1(BARE);
        say_bytes(two, frames[i]);
        assert_true(two->shut_code == 1011 || two->shut_code == 1007);
        hears_nothing(two);
        say_bytes(one, frames[i]); /* the first form has none */
        assert_true(one->shut_code == 1011 || one->shut_code == 1007);
        leave(two);
        leave(one);
    }
}

/* ---- Limits ---- */

/* However long this takes: so much cannot fit into the time. */
static void who_says_too_much_is_refused_and_the_others_are_not(void **unused) {
    struct sgr_connection *from = join_1(BARE), *other = join_1(BARE);
    size_t said = 0;
    (void)unused;
    for (; from->count == from->next; said++) {
        assert_true(said < 1000);
        say(from, SAY_1("broadcast", HELLO));
    }
    hears(from, WRONG_1("ClientMessageRateLimitReached: Too many messages per second"));
    assert_true(said > 2);
    assert_int_equal(other->count - other->next, said - 1);
    say(other, SAY_1("broadcast", HELLO));
    hears(from, EVENT_1("broadcast", HELLO));
    leave(from);
    leave(other);
}

/* Sixteen units each, of forty a second. */
static void large_messages_count_as_several(void **unused) {
    static char text[66000];
    size_t said = 0;
    (void)unused;
    assert_int_equal(open_with("{ source: db, secure: false, messages: 40 }"), 0);
    struct sgr_connection *from = join_1(BARE), *other = join_1(BARE);
    int head =
        snprintf(text, sizeof(text),
                 "{" TOPIC ",\"event\":\"broadcast\",\"payload\":{\"event\":\"e\",\"payload\":\"");
    memset(text + head, 'x', 65000);
    snprintf(text + head + 65000, sizeof(text) - (size_t)head - 65000, "\"},\"ref\":\"2\"}");
    for (; from->count == from->next && said < 1000; said++)
        say(from, text);
    assert_true(said > 2 && said < 1000);
    assert_int_equal(other->count - other->next, said - 1);
    leave(from);
    leave(other);
}

static void a_member_that_takes_nothing_is_closed_and_the_others_go_on(void **unused) {
    struct sgr_connection *from = join_1(BARE), *slow = join_1(BARE), *quick = join_1(BARE);
    (void)unused;
    slow->queued = (1 << 20) + 1;
    say(from, SAY_1("broadcast", HELLO));
    assert_int_equal(slow->shut_code, 1013);
    hears_nothing(slow);
    hears(quick, EVENT_1("broadcast", HELLO));
    leave(slow);
    leave(from);
    leave(quick);
}

static void out_of_memory_closes_who_missed_something(void **unused) {
    (void)unused;
    for (size_t limit = 1; limit < 40; limit++) {
        host.block_limit = 0;
        struct sgr_connection *from = join_1(CONFIG("\"presence\":{\"key\":\"k\"}"));
        struct sgr_connection *to = join_1(CONFIG("\"presence\":{\"key\":\"k\"}"));
        host.block_limit = limit;
        say(from, SAY_1("broadcast", HELLO));
        say(from, SAY_1("presence", TRACK("{\"a\":1}")));
        say(to, SAY_1("presence", TRACK("{\"a\":2}")));
        gather();
        host.block_limit = 0;
        leave(from);
        leave(to);
    }
}

/* ---- Private rooms ---- */

static void private_and_public_rooms_do_not_hear_each_other(void **unused) {
    struct sgr_connection *open = join_as("anon", ""), *shut = join_as("anon", ",\"private\":true");
    struct sgr_connection *from = join_as("good", ",\"private\":true"),
                          *to = join_as("good", ",\"private\":\"true\"");
    (void)unused;
    hears(shut, WRONG_1("Unauthorized: a private channel needs a token whose role is not anon"));
    open->next = open->count;
    from->next = from->count;
    to->next = to->count;
    say(from, SAY_1("broadcast", HELLO));
    hears(to, EVENT_1("broadcast", HELLO));
    say(open, SAY_1("broadcast", HELLO));
    say(from, SAY_1("access_token", "{\"access_token\":\"anon\"}"));
    assert_int_equal(from->count - from->next, 2); /* system, phx_close */
    struct sgr_connection *all[] = {open, shut, to};
    for (size_t i = 0; i < 3; i++) {
        hears_nothing(all[i]);
        leave(all[i]);
    }
    leave(from);
}

static void without_tokens_nothing_is_private(void **unused) {
    struct sgr_connection *one = join_as(NULL, ",\"private\":true");
    (void)unused;
    hears(one, WRONG_1("Unauthorized: this server knows no tokens, so it has no private channels"));
    leave(one);
    one = join_as(NULL, ",\"private\":1");
    hears(one, WRONG_1("InvalidJoinPayload: \\\"private\\\" is neither true nor false"));
    leave(one);
}

#define WITH(prepare, test) cmocka_unit_test_setup_teardown(test, prepare, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(setup, a_broadcast_reaches_the_others_of_the_topic_in_both_forms),
        WITH(setup, who_asks_for_it_hears_itself_and_gets_an_answer),
        WITH(setup, what_the_server_tells_of_positions_is_not_for_clients_to_say),
        WITH(setup, who_left_or_joined_again_gets_nothing_twice),
        WITH(setup, a_binary_frame_goes_on_as_text_if_it_is_json_and_else_as_bytes),
        WITH(setup, what_is_no_json_is_not_put_into_others_frames),
        WITH(setup, a_frame_that_is_shorter_than_it_says_closes),
        WITH(setup_small, who_says_too_much_is_refused_and_the_others_are_not),
        WITH(NULL, large_messages_count_as_several),
        WITH(setup_small, a_member_that_takes_nothing_is_closed_and_the_others_go_on),
        WITH(setup, out_of_memory_closes_who_missed_something),
        WITH(setup_secure, private_and_public_rooms_do_not_hear_each_other),
        WITH(setup, without_tokens_nothing_is_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
