/* postgres_changes: what channels are sent, at what cost, and when. */
#include "changes_fixture.h"

/* ---- Payloads ---- */

static void values_are_typed(void **unused) {
    struct sgr_connection *one = joined(JOIN(ALL)), *two = client("2.0.0");
    struct values full = with(with(row("9007199254740993", "a\"b"), DONE, "t"), PRICE, "1.50");
    (void)unused;
    say(two,
        "[\"7\",\"7\",\"realtime:a\",\"phx_join\",{\"config\":{\"postgres_changes\":[" ALL "]}}]");
    two->next = two->count;
    full = with(with(full, AT, "2022-10-19 13:50:18.5+00"), TAGS, "{x,NULL}");
    insert(with(full, META, "{\"a\": [1, null]}"));
#define DATA                                                                                    \
    "{" COLUMNS STAMP "\"record\":{\"id\":9007199254740993,\"owner\":\"a\\\"b\",\"done\":true," \
    "\"price\":1.50,\"at\":\"2022-10-19T13:50:18.5+00:00\",\"tags\":[\"x\",null],\"meta\":{"    \
    "\"a\": [1, null]}}" TAIL("INSERT")
    hears(one, CHANGED("1", DATA));
    hears(two, "[null,null,\"realtime:a\",\"postgres_changes\",{\"data\":" DATA ",\"ids\":[1]}]");
    leave(one);
    leave(two);
}

#define RECORD(id, owner)                                                                        \
    "{\"id\":" id ",\"owner\":" owner ",\"done\":null,\"price\":null,\"at\":null,\"tags\":null," \
    "\"meta\":null}"

static void old_rows_are_told_as_far_as_the_stream_goes(void **unused) {
    struct sgr_connection *one = joined(JOIN(ALL));
    struct values unchanged = row("1", "b");
    (void)unused;
    update(SGR_OLD_NONE, row("1", "a"), row("1", "b"));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":{\"id\":1},\"record\":" RECORD(
                                "1", "\"b\"") TAIL("UPDATE")));
    update(SGR_OLD_KEY, row("1", NULL), row("2", "b"));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":{\"id\":1},\"record\":" RECORD(
                                "2", "\"b\"") TAIL("UPDATE")));
    update(SGR_OLD_FULL, row("1", "a"), row("1", "b"));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":" RECORD(
                                "1", "\"a\"") ",\"record\":" RECORD("1", "\"b\"") TAIL("UPDATE")));
    unchanged.fields[OWNER].kind = SGR_FIELD_UNCHANGED;
    update(SGR_OLD_FULL, row("1", "a"), unchanged);
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":" RECORD(
                                "1", "\"a\"") ",\"record\":" RECORD("1", "\"a\"") TAIL("UPDATE")));
    update(SGR_OLD_NONE, row("1", "a"), unchanged);
    assert_null(strstr(one->frames[one->next++]->data, "owner\":"));
    delete (SGR_OLD_KEY, row("1", NULL));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":{\"id\":1}" TAIL("DELETE")));
    delete (SGR_OLD_FULL, row("1", "a"));
    hears(one,
          CHANGED("1", "{" COLUMNS STAMP "\"old_record\":" RECORD("1", "\"a\"") TAIL("DELETE")));
    leave(one);
}

static void a_truncate_is_not_sent(void **unused) {
    struct sgr_connection *one = joined(JOIN(ALL));
    struct sgr_change change = {.kind = SGR_TRUNCATE, .relation = &todos};
    (void)unused;
    transact(&change, 1, 1);
    hears_nothing(one);
    leave(one);
}

static void matching_entries_share_a_frame_by_their_columns(void **unused) {
    struct sgr_connection *one = joined(
        JOIN("{\"event\":\"INSERT\",\"schema\":\"public\"}," ALL ",{\"event\":\"DELETE\"," TODOS
             "}," FILTERED("id=eq.1") ",{\"event\":\"*\",\"schema\":\"public\",\"table\":"
                                      "\"todos\",\"select\":[\"owner\"]}"));
    (void)unused;
    insert(row("1", "a"));
    hears(one,
          CHANGED("1,2,4", "{" COLUMNS STAMP "\"record\":" RECORD("1", "\"a\"") TAIL("INSERT")));
    hears(one, CHANGED("5", "{\"columns\":[{\"name\":\"owner\",\"type\":\"text\"}]," STAMP
                            "\"record\":{\"owner\":\"a\"}" TAIL("INSERT")));
    hears_nothing(one);
    insert(row("2", "a"));
    assert_non_null(strstr(one->frames[one->next++]->data, "\"ids\":[1,2]"));
    assert_int_equal(heard(one), 1);
    leave(one);
}

static void entries_name_schemas_tables_and_events(void **unused) {
    static const struct {
        const char *entry;
        size_t inserts;
    } cases[] = {
        {"{\"event\":\"*\",\"schema\":\"*\"}", 1},
        {"{\"event\":\"INSERT\",\"schema\":\"public\",\"table\":\"*\"}", 1},
        {"{\"event\":\"insert\",\"table\":\"todos\"}", 1},
        {"{\"schema\":\"public\",\"filter\":null}", 1},
        {"{\"event\":\"UPDATE\",\"schema\":\"public\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"other\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"public\",\"table\":\"todo\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"*\",\"table\":\"*\",\"filter\":\"nothing=eq.1\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"*\",\"table\":\"*\",\"filter\":\"id=eq.1\"}", 1},
    };
    char join[512];
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(join, sizeof(join), JOIN("%s"), cases[i].entry);
        struct sgr_connection *one = joined(join);
        insert(row("1", "a"));
        if (heard(one) != cases[i].inserts)
            fail_msg("%s", cases[i].entry);
        leave(one);
    }
}

/* ---- Cost ---- */

/* None of a hundred interests in other values is looked at, and a row is shown once for all who get the same columns. */
static void a_change_costs_those_it_concerns(void **unused) {
    enum { MANY = 100 };
    struct sgr_connection *others[MANY], *same[MANY];
    char join[512];
    (void)unused;
    for (int i = 0; i < MANY; i++) {
        snprintf(join, sizeof(join), JOIN(FILTERED("id=eq.%d,owner=like.a%%")), i + 10);
        others[i] = joined(join);
        same[i] = joined(JOIN(FILTERED("owner=like.a%")));
    }
    insert(row("1", "b"));
    asked.comparisons = asked.renderings = 0;
    insert(row("1", "a"));
    assert_int_equal(asked.comparisons, 0);
    assert_int_equal(asked.renderings, 2);
    for (int i = 0; i < MANY; i++) {
        hears_nothing(others[i]);
        assert_int_equal(heard(same[i]), 1);
        assert_ptr_equal(same[i]->frames[same[i]->count - 1], same[0]->frames[same[0]->count - 1]);
    }
    for (int i = 0; i < MANY; i++) {
        leave(others[i]);
        leave(same[i]);
    }
}

/* ---- The stream ---- */

static void what_was_missed_costs_nothing_for_others(void **unused) {
    enum { MANY = 100 };
    struct sgr_connection *others[MANY];
    struct values values = row("1", "a");
    const struct sgr_change change = {
        .kind = SGR_INSERT, .relation = &todos, .new_fields = values.fields};
    char join[512];
    (void)unused;
    for (int i = 0; i < MANY; i++) {
        snprintf(join, sizeof(join), JOIN(FILTERED("id=lt.%d")), i + 10);
        others[i] = joined(join);
    }
    transact(&change, 1, 1);
    asked.comparisons = asked.renderings = 0;
    struct sgr_connection *back = joined(JOIN_SINCE("0/0", FILTERED("id=gt.0")));
    assert_int_equal(count_of(back, "record"), 1);
    assert_int_equal(asked.comparisons, 1);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(count_of(others[i], "record"), 1);
        leave(others[i]);
    }
    leave(back);
}

static void a_channel_is_told_when_changes_flow(void **unused) {
    struct sgr_connection *one = client("1.0.0"), *none = client("1.0.0");
    (void)unused;
    state(SGR_STREAM_DOWN, NULL);
    say(one, JOIN(ALL));
    say(none, JOIN(""));
    one->next = none->next = 1;
    hears_nothing(one);
    state(SGR_STREAM_FLOWING, NULL);
    hears(one, FLOWS);
    state(SGR_STREAM_FLOWING, NULL);
    hears_nothing(one);
    state(SGR_STREAM_DOWN, NULL);
    state(SGR_STREAM_FLOWING, NULL);
    hears(one, FLOWS);
    hears_nothing(none);
    state(SGR_STREAM_GAP, "slot_lost");
    assert_int_equal(one->shut_code, 1012);
    leave(one);
    leave(none);
}

static void who_waits_for_changes_joins_once_they_flow(void **unused) {
    static const char join[] =
        "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"config\":{\"presence\":{\"enabled\":"
        "false},\"postgres_changes\":[" ALL "],\"postgres_changes_options\":{\"wait\":true}}},"
        "\"ref\":\"1\",\"join_ref\":\"1\"}";
    struct sgr_connection *one = client("1.0.0");
    (void)unused;
    state(SGR_STREAM_DOWN, NULL);
    say(one, join);
    assert_non_null(strstr(one->frames[one->next]->data, "PostgresChangesSubscribeTimeout: "));
    assert_int_equal(heard(one), 1);
    state(SGR_STREAM_FLOWING, NULL);
    hears_nothing(one);
    say(one, join);
    assert_non_null(strstr(one->frames[one->next++]->data, "\"status\":\"ok\""));
    hears(one, FLOWS);
    leave(one);
}

/* ---- Memory ---- */

static void memory_may_run_out_anywhere(void **unused) {
    (void)unused;
    for (size_t limit = 1; limit < 120; limit++) {
        host.block_limit = limit;
        struct sgr_request upgrade = {0};
        request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
        if (upgrade.status == 101) {
            say(upgrade.connection,
                JOIN(FILTERED("id=eq.1,owner=like.a%") ",{\"event\":\"*\"," TODOS
                                                       ",\"select\":[\"id\"]}"));
            insert(row("1", "a"));
        }
        host.block_limit = 0;
        if (upgrade.status == 101) {
            assert_true(upgrade.connection->shut_code || upgrade.connection->count == 4);
            leave(upgrade.connection);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_are_typed),
        TEST(old_rows_are_told_as_far_as_the_stream_goes),
        TEST(a_truncate_is_not_sent),
        TEST(matching_entries_share_a_frame_by_their_columns),
        TEST(entries_name_schemas_tables_and_events),
        TEST(a_change_costs_those_it_concerns),
        TEST(what_was_missed_costs_nothing_for_others),
        TEST(a_channel_is_told_when_changes_flow),
        TEST(who_waits_for_changes_joins_once_they_flow),
        TEST(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
