/* What clients of one topic say to each other: broadcasts, presence, who is in which room, and posts over HTTP. */
#include "fixture.h"

#define TOPIC        "\"topic\":\"realtime:a\""
#define CONFIG(more) "{\"config\":{" more "}}"
#define BARE         CONFIG("\"presence\":{\"enabled\":false}")
#define JOINED_1                                                                               \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"postgres_changes\":[]},\"status\":" \
    "\"ok\""                                                                                   \
    "},\"ref\":\"1\"," TOPIC "}"
#define JOINED_2                                                                         \
    "[\"1\",\"1\",\"realtime:a\",\"phx_reply\",{\"response\":{\"postgres_changes\":[]}," \
    "\"status\":"                                                                        \
    "\"ok\"}]"
#define OK_1                                                                            \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{},\"status\":\"ok\"},\"ref\":" \
    "\"2\"," TOPIC "}"
#define WRONG_1(why)                                                                          \
    "{\"event\":\"phx_reply\",\"payload\":{\"response\":{\"reason\":\"" why "\"},\"status\":" \
    "\"error\"},\"ref\":\"2\"," TOPIC "}"
#define EVENT_1(event, payload) \
    "{\"event\":\"" event "\",\"payload\":" payload ",\"ref\":null," TOPIC "}"
#define EVENT_2(event, payload) "[null,null,\"realtime:a\",\"" event "\"," payload "]"
#define SAY_1(event, payload) \
    "{" TOPIC ",\"event\":\"" event "\",\"payload\":" payload ",\"ref\":\"2\",\"join_ref\":\"1\"}"
#define SAY_2(event, payload) "[\"1\",\"2\",\"realtime:a\",\"" event "\"," payload "]"
#define HELLO                 "{\"event\":\"hello\",\"payload\":{\"a\":1},\"type\":\"broadcast\"}"
#define TRACK(what)           "{\"type\":\"presence\",\"event\":\"track\",\"payload\":" what "}"
#define UNTRACK               "{\"type\":\"presence\",\"event\":\"untrack\"}"
#define BYTES(literal)        ((struct sgr_slice){literal, sizeof(literal) - 1})

static int open_with(const char *options) {
    struct sgr_error error = {0};
    return open_sink(options, &error);
}

static int setup(void **unused) {
    (void)unused;
    return open_with("{ source: db, secure: false }");
}

static int setup_secure(void **unused) {
    (void)unused;
    return open_with("{ source: db, secret: s }");
}

static int setup_small(void **unused) {
    (void)unused;
    return open_with("{ source: db, secure: false, messages: 2, presence: 64B, backlog: 1MB }");
}

static int teardown(void **unused) {
    (void)unused;
    close_sink();
    assert_int_equal(host.blocks, 0);
    return 0;
}

/* ---- Clients ---- */

static struct sgr_connection *join_1(const char *payload) {
    struct sgr_connection *connection = client("1.0.0");
    char text[512];
    snprintf(text, sizeof(text),
             "{" TOPIC ",\"event\":\"phx_join\",\"payload\":%s,\"ref\":\"1\",\"join_ref\":\"1\"}",
             payload);
    say(connection, text);
    hears(connection, JOINED_1);
    return connection;
}

static struct sgr_connection *join_2(const char *payload) {
    struct sgr_connection *connection = client("2.0.0");
    char text[512];
    snprintf(text, sizeof(text), "[\"1\",\"1\",\"realtime:a\",\"phx_join\",%s]", payload);
    say(connection, text);
    hears(connection, JOINED_2);
    return connection;
}

/* The next frame, with each reference of a presence cut to its last digit. */
static void hears_presence(struct sgr_connection *connection, const char *text) {
    char own[4096];
    size_t size = 0;
    assert_true(connection->next < connection->count);
    for (const char *at = connection->frames[connection->next++]->data; *at;) {
        bool is_ref = strncmp(at, "\"phx_ref", 8) == 0;
        while (is_ref && *at != ':')
            own[size++] = *at++;
        if (is_ref) {
            const char *end = strchr(at + 2, '"');
            memcpy(own + size, ":\"", 2);
            own[size + 2] = end[-1];
            size += 3;
            at = end;
        }
        own[size++] = *at++;
        assert_true(size < sizeof(own) - 100);
    }
    own[size] = '\0';
    assert_string_equal(own, text);
}

static void gather(void) {
    pass(20000);
}

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

/* ---- Presence ---- */

#define KEY(key) CONFIG("\"presence\":{\"key\":\"" key "\"}")

static void presence_is_told_as_state_and_then_as_differences(void **unused) {
    struct sgr_connection *ann = join_1(KEY("ann")), *bob = join_2(KEY("bob"));
    (void)unused;
    hears(ann, EVENT_1("presence_state", "{}"));
    hears(bob, EVENT_2("presence_state", "{}"));
    say(ann, SAY_1("presence", TRACK("{\"at\":1,\"phx_ref\":\"forged\"}")));
    hears(ann, OK_1);
    hears_nothing(bob);
    gather();
    hears_presence(ann, EVENT_1("presence_diff",
                                "{\"joins\":{\"ann\":{\"metas\":[{\"phx_ref\":\"0\",\"at\":1}]}},"
                                "\"leaves\":{}}"));
    hears_presence(bob, EVENT_2("presence_diff",
                                "{\"joins\":{\"ann\":{\"metas\":[{\"phx_ref\":\"0\",\"at\":1}]}},"
                                "\"leaves\":{}}"));
    say(ann, SAY_1("presence", TRACK("{\"at\":2}")));
    hears(ann, OK_1);
    struct sgr_connection *late = join_1(KEY("late"));
    hears_presence(
        late, EVENT_1("presence_state", "{\"ann\":{\"metas\":[{\"phx_ref\":\"0\",\"at\":1}]}}"));
    gather();
    static const char update[] = EVENT_1(
        "presence_diff", "{\"joins\":{\"ann\":{\"metas\":[{\"phx_ref\":\"1\",\"phx_ref_prev\":"
                         "\"0\",\"at\":2}]}},\"leaves\":{\"ann\":{\"metas\":[{\"phx_ref\":\"0\","
                         "\"at\":1}]}}}");
    hears_presence(ann, update);
    hears_presence(late, update);
    bob->next = bob->count;
    leave(ann);
    gather();
    hears_presence(bob, EVENT_2("presence_diff",
                                "{\"joins\":{},\"leaves\":{\"ann\":{\"metas\":[{\"phx_ref\":\"1\","
                                "\"phx_ref_prev\":\"0\",\"at\":2}]}}}"));
    late->next = late->count;
    struct sgr_connection *last = join_1(KEY("last"));
    hears(last, EVENT_1("presence_state", "{}"));
    hears_nothing(late);
    leave(bob);
    leave(late);
    leave(last);
}

static void one_key_may_have_several_metas(void **unused) {
    struct sgr_connection *one = join_1(KEY("k")), *two = join_1(KEY("k"));
    (void)unused;
    say(one, SAY_1("presence", TRACK("{}")));
    gather();
    say(two, SAY_1("presence", "{\"event\":\"TRACK\"}"));
    gather();
    struct sgr_connection *see = join_1(KEY("see"));
    hears_presence(see, EVENT_1("presence_state", "{\"k\":{\"metas\":[{\"phx_ref\":\"1\"},"
                                                  "{\"phx_ref\":\"0\"}]}}"));
    leave(one);
    gather();
    hears_presence(see, EVENT_1("presence_diff", "{\"joins\":{},\"leaves\":{\"k\":{\"metas\":["
                                                 "{\"phx_ref\":\"0\"}]}}}"));
    say(two, SAY_1("presence", UNTRACK));
    gather();
    hears_presence(see, EVENT_1("presence_diff", "{\"joins\":{},\"leaves\":{\"k\":{\"metas\":["
                                                 "{\"phx_ref\":\"1\"}]}}}"));
    hears_nothing(see);
    leave(two);
    leave(see);
}

static void what_comes_and_goes_at_once_is_not_told(void **unused) {
    struct sgr_connection *one = join_1(KEY("k")), *see = join_1(KEY("see"));
    (void)unused;
    see->next = see->count;
    for (int i = 0; i < 3; i++) {
        say(one, SAY_1("presence", TRACK("{\"a\":1}")));
        say(one, SAY_1("presence", UNTRACK));
    }
    gather();
    hears_nothing(see);
    say(one, SAY_1("presence", TRACK("{\"a\":1}")));
    gather();
    see->next = see->count;
    say(one, SAY_1("presence", TRACK("{\"a\":1}"))); /* the same */
    gather();
    hears_nothing(see);
    say(one, "{" TOPIC ",\"event\":\"phx_join\",\"payload\":" KEY("k") ",\"ref\":\"1\"}");
    gather();
    hears_presence(see, EVENT_1("presence_diff", "{\"joins\":{},\"leaves\":{\"k\":{\"metas\":["
                                                 "{\"phx_ref\":\"3\",\"a\":1}]}}}"));
    leave(one);
    leave(see);
}

static void who_does_not_want_presence_is_not_told_until_it_shows_itself(void **unused) {
    struct sgr_connection *one = join_1(KEY("k")), *two = join_1(BARE);
    (void)unused;
    say(one, SAY_1("presence", TRACK("{\"a\":1}")));
    gather();
    hears_nothing(two);
    say(two, SAY_1("presence", TRACK("{\"b\":1}")));
    hears(two, OK_1);
    hears_presence(two,
                   EVENT_1("presence_state", "{\"k\":{\"metas\":[{\"phx_ref\":\"0\",\"a\":1}]}}"));
    gather();
    assert_int_equal(two->count - two->next, 1); /* itself, by a key of its own */
    leave(one);
    leave(two);
}

static void what_a_client_shows_is_limited_and_must_be_an_object(void **unused) {
    struct sgr_connection *one = join_1(BARE), *two = join_1(KEY("k"));
    (void)unused;
    say(one, SAY_1("presence", TRACK("[]")));
    hears(one, WRONG_1("InvalidPresencePayload: Presence track payload must be a map"));
    say(one, SAY_1("presence", "{\"event\":\"follow\"}"));
    hears(one, WRONG_1("UnknownPresenceEvent: it is neither track nor untrack"));
    say(two, SAY_1("presence", TRACK("{\"a\":\"0123456789012345678901234567890123456789\"}")));
    two->next++;
    hears(two, WRONG_1("PresenceLimitReached: a client may not show as much"));
    gather();
    hears_nothing(two);
    leave(one);
    leave(two);
}

/* ---- Private rooms ---- */

static struct sgr_connection *join_as(const char *token, const char *config) {
    struct sgr_request upgrade = {.apikey = token};
    char text[512];
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    assert_int_equal(upgrade.status, 101);
    snprintf(text, sizeof(text),
             "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"config\":{\"presence\":{\"enabled\":"
             "false}%s}},\"ref\":\"2\"}",
             config);
    say(upgrade.connection, text);
    return upgrade.connection;
}

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

/* ---- HTTP ---- */

static struct sgr_request post(const char *path, const char *body, struct sgr_request what) {
    what.path = path;
    what.body = sgr_slice(body);
    request(strcmp(path, "/api/broadcast") == 0 ? path : "/api/broadcast/*", SGR_ROUTE_POST, &what);
    return what;
}

static void posts_reach_the_room(void **unused) {
    struct sgr_connection *one = join_1(BARE), *two = join_2(BARE);
    (void)unused;
    struct sgr_request done =
        post("/api/broadcast",
             "{\"messages\":[{\"topic\":\"a\",\"event\":\"hello\",\"payload\":{\"a\":1}},"
             "{\"topic\":\"nobody\",\"event\":\"x\",\"payload\":{}},"
             "{\"topic\":\"a\",\"event\":\"y\",\"payload\":{},\"private\":true}]}",
             (struct sgr_request){0});
    assert_int_equal(done.status, 202);
    assert_string_equal(done.answer, "");
    hears(one, EVENT_1("broadcast", HELLO));
    hears(two, EVENT_2("broadcast", HELLO));
    done = post("/api/broadcast/a/events/x/y", "[1.10]", (struct sgr_request){0});
    assert_int_equal(done.status, 202);
    hears(one,
          EVENT_1("broadcast", "{\"event\":\"x/y\",\"payload\":[1.10],\"type\":\"broadcast\"}"));
    two->next = two->count;
    done = post("/api/broadcast/a/events/x", "\xff",
                (struct sgr_request){.content_type = "Application/octet-stream"});
    assert_int_equal(done.status, 202);
    hears_bytes(two, BYTES("\4\12\1\0\0realtime:ax\xff"));
    hears_nothing(one);
    hears_nothing(two);
    leave(one);
    leave(two);
}

static void wrong_posts_are_told_what_is_wrong_and_send_nothing(void **unused) {
    static const struct {
        const char *body;
        int status;
        const char *answer;
    } cases[] = {
        {"{", 400, "{\"message\":\"the body is no JSON\"}"},
        {"[]", 422, "{\"errors\":{\"messages\":[\"can't be blank\"]}}"},
        {"{\"messages\":[]}", 422, "{\"errors\":{\"messages\":[\"can't be blank\"]}}"},
        {"{\"messages\":1}", 422, "{\"errors\":{\"messages\":[\"is invalid\"]}}"},
        {"{\"messages\":[{\"topic\":\"a\",\"event\":\"e\",\"payload\":{}},"
         "{\"topic\":\"\",\"event\":1,\"private\":1}]}",
         422,
         "{\"errors\":{\"messages\":[{},{\"topic\":[\"can't be blank\"],\"payload\":[\"can't be "
         "blank\"],\"event\":[\"is invalid\"],\"private\":[\"is invalid\"]}]}}"},
        {"{\"messages\":[7]}", 422,
         "{\"errors\":{\"messages\":[{\"topic\":[\"can't be blank\"],\"payload\":[\"can't be "
         "blank\"],\"event\":[\"can't be blank\"]}]}}"}};
    struct sgr_connection *one = join_1(BARE);
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sgr_request done = post("/api/broadcast", cases[i].body, (struct sgr_request){0});
        assert_int_equal(done.status, cases[i].status);
        assert_string_equal(done.answer, cases[i].answer);
    }
    static const char *const paths[] = {"/api/broadcast/", "/api/broadcast/a",
                                        "/api/broadcast/a/events/", "/api/broadcast//events/e"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(post(paths[i], "1", (struct sgr_request){0}).status, 404);
    assert_int_equal(post("/api/broadcast/a/events/e", "", (struct sgr_request){0}).status, 400);
    assert_int_equal(post("/api/broadcast/a/events/\xff", "1", (struct sgr_request){0}).status,
                     422);
    hears_nothing(one);
    leave(one);
}

static void posts_need_a_token_and_private_ones_a_known_client(void **unused) {
    static const char one[] = "{\"messages\":[{\"topic\":\"a\",\"event\":\"hello\",\"payload\":"
                              "{\"a\":1},\"private\":true}]}";
    static const struct sgr_request refused[] = {
        {.vsn = NULL},
        {.apikey_header = "bad"},
        {.authorization = "Bearer bad", .apikey_header = "good"},
        {.authorization = "Basic good"},
        {.apikey = "good"}};
    struct sgr_connection *to = join_as("good", ",\"private\":true");
    (void)unused;
    to->next = to->count;
    for (size_t i = 0; i < 5; i++) {
        struct sgr_request done = post("/api/broadcast", one, refused[i]);
        assert_int_equal(done.status, 401);
        assert_string_equal(done.answer, "{\"message\":\"Unauthorized\"}");
        assert_int_equal(post("/api/broadcast/a/events/e", "1", refused[i]).status, 401);
    }
    assert_int_equal(
        post("/api/broadcast", one, (struct sgr_request){.apikey_header = "anon"}).status, 403);
    assert_int_equal(post("/api/broadcast/a/events/e", "1",
                          (struct sgr_request){.apikey_header = "anon", .private = "true"})
                         .status,
                     403);
    hears_nothing(to);
    assert_int_equal(
        post("/api/broadcast", one, (struct sgr_request){.authorization = "bearer lasting"}).status,
        202);
    hears(to, EVENT_1("broadcast", HELLO));
    assert_int_equal(post("/api/broadcast/a/events/hello", "{\"a\":1}",
                          (struct sgr_request){.apikey_header = "good", .private = "true"})
                         .status,
                     202);
    hears(to, EVENT_1("broadcast", HELLO));
    leave(to);
}

static void who_posts_too_much_is_refused_but_not_a_backend(void **unused) {
    static const char one[] = "{\"messages\":[{\"topic\":\"a\",\"event\":\"e\",\"payload\":1}]}";
    size_t said = 0;
    (void)unused;
    assert_int_equal(open_with("{ source: db, secret: s, posts: 2 }"), 0);
    struct sgr_connection *to = join_as("good", "");
    to->next = to->count;
    struct sgr_request done = {.status = 202};
    for (; done.status == 202; said++) {
        assert_true(said < 1000);
        done = said % 2 ? post("/api/broadcast", one, (struct sgr_request){.apikey_header = "anon"})
                        : post("/api/broadcast/a/events/e", "1",
                               (struct sgr_request){.apikey_header = "good"});
    }
    assert_int_equal(done.status, 429);
    assert_string_equal(done.answer, "{\"message\":\"Too many messages per second\"}");
    assert_true(said > 2);
    assert_int_equal(to->count - to->next, said - 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            post("/api/broadcast", one, (struct sgr_request){.apikey_header = "service"}).status,
            202);
    assert_int_equal(to->count - to->next, said + 4);
    leave(to);
}

static void strict_takes_no_posts(void **unused) {
    (void)unused;
    assert_int_equal(open_with("{ source: db, secure: false, strict: true }"), 0);
    assert_int_equal(post("/api/broadcast", "{}", (struct sgr_request){0}).status, 404);
}

#define WITH(prepare, test) cmocka_unit_test_setup_teardown(test, prepare, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(setup, a_broadcast_reaches_the_others_of_the_topic_in_both_forms),
        WITH(setup, who_asks_for_it_hears_itself_and_gets_an_answer),
        WITH(setup, who_left_or_joined_again_gets_nothing_twice),
        WITH(setup, a_binary_frame_goes_on_as_text_if_it_is_json_and_else_as_bytes),
        WITH(setup, what_is_no_json_is_not_put_into_others_frames),
        WITH(setup, a_frame_that_is_shorter_than_it_says_closes),
        WITH(setup_small, who_says_too_much_is_refused_and_the_others_are_not),
        WITH(NULL, large_messages_count_as_several),
        WITH(setup_small, a_member_that_takes_nothing_is_closed_and_the_others_go_on),
        WITH(setup, out_of_memory_closes_who_missed_something),
        WITH(setup, presence_is_told_as_state_and_then_as_differences),
        WITH(setup, one_key_may_have_several_metas),
        WITH(setup, what_comes_and_goes_at_once_is_not_told),
        WITH(setup, who_does_not_want_presence_is_not_told_until_it_shows_itself),
        WITH(setup_small, what_a_client_shows_is_limited_and_must_be_an_object),
        WITH(setup_secure, private_and_public_rooms_do_not_hear_each_other),
        WITH(setup, without_tokens_nothing_is_private),
        WITH(setup, posts_reach_the_room),
        WITH(setup, wrong_posts_are_told_what_is_wrong_and_send_nothing),
        WITH(setup_secure, posts_need_a_token_and_private_ones_a_known_client),
        WITH(NULL, who_posts_too_much_is_refused_but_not_a_backend),
        WITH(NULL, strict_takes_no_posts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
