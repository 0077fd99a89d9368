/* postgres_changes: who may see which rows of a table. */
#include "changes_fixture.h"

/* ---- Who may see what ---- */

static void rows_go_to_whom_the_claim_names(void **unused) {
    struct sgr_connection *ann = joined_as("user-ann", JOIN(ALL));
    struct sgr_connection *bob = joined_as("user-bob", JOIN(FILTERED("id=gt.0")));
    struct sgr_connection *nobody = joined_as("good", JOIN(ALL));
    (void)unused;
    insert(row("1", "ann"));
    assert_int_equal(heard(ann), 1);
    assert_int_equal(heard(bob) + heard(nobody), 0);
    update(SGR_OLD_FULL, row("1", "ann"), row("1", "bob")); /* the new row counts */
    assert_int_equal(heard(bob), 1);
    assert_int_equal(heard(ann) + heard(nobody), 0);
    delete (SGR_OLD_KEY, row("1", NULL));
    assert_int_equal(heard(bob) + heard(ann) + heard(nobody), 0);
    delete (SGR_OLD_FULL, row("1", "bob"));
    assert_int_equal(heard(bob), 1);
    insert(row("2", NULL));
    assert_int_equal(heard(bob) + heard(ann) + heard(nobody), 0);
    leave(ann);
    leave(bob);
    leave(nobody);
}

#define JOIN_V0(topic) \
    "{\"topic\":\"realtime:" topic "\",\"event\":\"phx_join\",\"payload\":{},\"ref\":\"1\"}"

static void rows_are_kept_from_topics_of_the_first_era_too(void **unused) {
    struct sgr_connection *ann = enter("user-ann", "1.0.0"), *bob = enter("user-bob", "1.0.0");
    struct sgr_change truncate = {.kind = SGR_TRUNCATE, .relation = &todos};
    (void)unused;
    say(ann, JOIN_V0("public:todos:id=eq.1"));
    say(ann, JOIN_V0("public:todos"));
    say(ann, JOIN_V0("public"));
    say(ann, JOIN_V0("*"));
    say(bob, JOIN_V0("*"));
    say(bob, JOIN_V0("public:todos:owner=eq.ann"));
    ann->next = ann->count;
    bob->next = bob->count;
    insert(row("1", "ann"));
    assert_int_equal(ann->count - ann->next, 4);
    for (size_t i = 0; i < 4; i++) {
        static const char *const topics[] = {"\"realtime:public\"", "\"realtime:*\"",
                                             "\"realtime:public:todos\"",
                                             "\"realtime:public:todos:id=eq.1\""};
        assert_non_null(strstr(ann->frames[ann->next++]->data, topics[i]));
    }
    assert_int_equal(heard(bob), 0);
    insert(row("2", "bob"));
    assert_int_equal(heard(ann), 0);
    assert_int_equal(heard(bob), 1);
    transact(&truncate, 1, 1);
    assert_int_equal(heard(ann), 3);
    assert_int_equal(heard(bob), 1);
    leave(ann);
    leave(bob);
}

/* What a row was while it was another's is not shown with it. */
static void an_old_row_of_somebody_else_is_not_told(void **unused) {
    struct sgr_connection *bob = joined_as("user-bob", JOIN(ALL));
    struct sgr_connection *first = joined_as("user-bob", JOIN_V0("*"));
    struct sgr_connection *const both[] = {bob, first};
    (void)unused;
    update(SGR_OLD_FULL, with(row("1", "ann"), META, "7"), row("1", "bob"));
    update(SGR_OLD_FULL, with(row("1", NULL), META, "7"), row("1", "bob"));
    update(SGR_OLD_KEY, row("7", NULL), row("1", "bob"));
    update(SGR_OLD_FULL, with(row("1", "bob"), META, "7"), row("1", "bob"));
    for (size_t i = 0; i < 2; i++) {
        for (int k = 0; k < 3; k++)
            assert_non_null(strstr(both[i]->frames[both[i]->next++]->data, "\"old_record\":{},"));
        assert_non_null(strstr(both[i]->frames[both[i]->next++]->data, "\"old_record\":{\""));
        leave(both[i]);
    }
}

static void a_refreshed_token_changes_what_is_seen(void **unused) {
    struct sgr_connection *one = joined_as("user-ann", JOIN(ALL));
    (void)unused;
    say(one, "{" TOPIC ",\"event\":\"access_token\",\"payload\":{\"access_token\":\"user-ann\"},"
             "\"ref\":\"2\"}");
    hears_nothing(one);
    say(one, "{" TOPIC ",\"event\":\"access_token\",\"payload\":{\"access_token\":\"user-bob\"},"
             "\"ref\":\"3\"}");
    hears(one, FLOWS);
    insert(row("1", "ann"));
    hears_nothing(one);
    insert(row("2", "bob"));
    assert_int_equal(heard(one), 1);
    leave(one);
}

/* A user's rows are found by the value, whatever others ask for. */
static void a_rule_costs_those_it_lets_see(void **unused) {
    enum { MANY = 100 };
    struct sgr_connection *others[MANY];
    char token[32];
    (void)unused;
    for (int i = 0; i < MANY; i++) {
        snprintf(token, sizeof(token), "user-%d", i);
        others[i] = joined_as(token, JOIN(FILTERED("id=gt.0")));
    }
    insert(row("1", "nobody"));
    asked.comparisons = asked.renderings = 0;
    insert(row("1", "5"));
    assert_int_equal(asked.comparisons, 2); /* the rule, and the filter */
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(heard(others[i]), i == 5);
        leave(others[i]);
    }
}

static void a_rule_that_cannot_be_followed_hides(void **unused) {
    (void)unused;
    close_sink();
    open_with("{ source: db, secret: s, rows: { public.todos: 'nothing = $claims.sub' } }");
    struct sgr_connection *two = joined_as("user-ann", JOIN(ALL));
    struct sgr_connection *zero = joined_as("user-ann", JOIN_V0("*"));
    insert(row("1", "ann"));
    hears_nothing(two);
    hears_nothing(zero);
    leave(two);
    leave(zero);
    close_sink();
    open_with("{ source: db, secret: s, rows: { todos: 'id = $claims.sub' } }");
    two = joined_as("user-ann", JOIN(ALL)); /* no id is ann */
    insert(row("1", "ann"));
    hears_nothing(two);
    leave(two);
}

static void a_bad_rule_is_told(void **unused) {
    static const char *const wrong[] = {"[]",
                                        "{ t: 1 }",
                                        "{ t: '' }",
                                        "{ t: 'a' }",
                                        "{ t: 'a = b' }",
                                        "{ t: 'a = $claims.' }",
                                        "{ t: 'a = $claims.b or' }",
                                        "{ t: 'a = $claims.b and' }"};
    char options[256];
    struct sgr_error error = {0};
    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        close_sink();
        snprintf(options, sizeof(options), "{ source: db, secret: s, rows: %s }", wrong[i]);
        assert_int_equal(open_sink(options, &error), SGR_ECONFIG);
        assert_non_null(strstr(error.message, "rows"));
    }
    close_sink();
    assert_int_equal(open_sink("{ source: db, secure: false, rows: {} }", &error), SGR_ECONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ROWS_TEST(rows_go_to_whom_the_claim_names),
        ROWS_TEST(rows_are_kept_from_topics_of_the_first_era_too),
        ROWS_TEST(an_old_row_of_somebody_else_is_not_told),
        ROWS_TEST(a_refreshed_token_changes_what_is_seen),
        ROWS_TEST(a_rule_costs_those_it_lets_see),
        ROWS_TEST(a_rule_that_cannot_be_followed_hides),
        ROWS_TEST(a_bad_rule_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
