/* Broadcasts that are posted over HTTP. */
#include "fixture_room.h"

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
        WITH(setup, posts_reach_the_room),
        WITH(setup, wrong_posts_are_told_what_is_wrong_and_send_nothing),
        WITH(setup_secure, posts_need_a_token_and_private_ones_a_known_client),
        WITH(NULL, who_posts_too_much_is_refused_but_not_a_backend),
        WITH(NULL, strict_takes_no_posts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
