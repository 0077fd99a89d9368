/* Who is seen in a room, by whom, and when. */
#include "fixture_room.h"

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

#define WITH(prepare, test) cmocka_unit_test_setup_teardown(test, prepare, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(setup, presence_is_told_as_state_and_then_as_differences),
        WITH(setup, one_key_may_have_several_metas),
        WITH(setup, what_comes_and_goes_at_once_is_not_told),
        WITH(setup, who_does_not_want_presence_is_not_told_until_it_shows_itself),
        WITH(setup_small, what_a_client_shows_is_limited_and_must_be_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
