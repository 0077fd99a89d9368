/* Feeds without positions: changes that are lost or come twice, and snapshots that are compared. */
#include "unit/graph/table.h"

static void lenient_init(struct table *t, enum sgr_identity identity) {
    table_init(t, identity, true);
    sgr_fold_be_lenient(t->fold);
}

/* Update of a row whose key was `from`. */
#define MOVE(t, from, ...) \
    change(t, SGR_UPDATE, SGR_OLD_KEY, FIELDS(from, NULL, NULL), FIELDS(__VA_ARGS__))

static void what_comes_twice_changes_nothing(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    for (int time = 0; time < 2; time++) {
        assert_int_equal(INSERT(&t, "1", "one", NULL), 0);
        assert_int_equal(INSERT(&t, "2", "two", NULL), 0);
        assert_int_equal(UPDATE(&t, "1", UNCHANGED, "1.5"), 0);
        assert_int_equal(MOVE(&t, "2", "3", "three", NULL), 0);
        assert_int_equal(INSERT(&t, "4", "four", NULL), 0);
        assert_int_equal(DELETE(&t, "4"), 0);
        if (time)
            commit(&t);
        else
            assert_int_equal(sgr_fold_finish(t.fold, &t.f.error), 0);
        fixture_run(&t.f);
        assert_string_equal(contents(&t), "1 one 1.5; 3 three null");
    }
    assert_int_equal(DELETE(&t, "4"), 0);
    assert_int_equal(MOVE(&t, "2", "3", "three", NULL), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 one 1.5; 3 three null");
    table_fini(&t);
}

static void an_insert_replaces_and_an_update_inserts(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    INSERT(&t, "1", "old", "1");
    INSERT(&t, "2", "other", "2");
    commit(&t);
    assert_int_equal(INSERT(&t, "1", "new", "10"), 0);
    assert_int_equal(UPDATE(&t, "7", "unknown", "7"), 0);
    assert_int_equal(MOVE(&t, "8", "2", "moved onto it", "8"), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 new 10; 2 moved onto it 8; 7 unknown 7");
    table_fini(&t);
}

static void what_cannot_be_made_is_named_and_changes_nothing(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    INSERT(&t, "1", "one", "1");
    commit(&t);
    assert_int_equal(INSERT(&t, "2", "two", "2"), 0);
    assert_int_equal(UPDATE(&t, "9", UNCHANGED, "9"), SGR_ENOTFOUND);
    assert_int_equal(MOVE(&t, "1", "5", UNCHANGED, "5"), SGR_ELOST);
    assert_int_equal(MOVE(&t, "8", "1", UNCHANGED, "5"), SGR_ELOST);
    assert_int_equal(DELETE(&t, NULL), SGR_ELOST);
    assert_int_equal(UPDATE(&t, NULL, "no key", "9"), SGR_ELOST);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_NONE, NULL, NULL), SGR_ELOST);
    assert_int_equal(INSERT(&t, "3", UNCHANGED, "3"), SGR_ELOST);
    assert_int_equal(INSERT(&t, "3", "x", "no number"), SGR_EPARSE);
    /* An old row is given, but the key is as it was. */
    assert_int_equal(MOVE(&t, "1", "1", UNCHANGED, "1.5"), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 one 1.5; 2 two 2");
    table_fini(&t);
}

static void rows_go_by_the_key_whatever_the_identity(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_FULL);
    INSERT(&t, "1", "one", "1");
    INSERT(&t, "2", "two", "2");
    commit(&t);
    /* What they are said to have been is not what they are. */
    assert_int_equal(
        change(&t, SGR_UPDATE, SGR_OLD_FULL, FIELDS("1", "never so", "0"), FIELDS("1", "ONE", "1")),
        0);
    assert_int_equal(change(&t, SGR_DELETE, SGR_OLD_FULL, FIELDS("2", "nor so", "0"), NULL), 0);
    commit(&t);
    assert_string_equal(contents(&t), "1 ONE 1");
    table_fini(&t);
}

/* ---- Snapshots ---- */

static void begin(struct table *t) {
    assert_int_equal(sgr_fold_snapshot_begin(t->fold, false, &t->f.error), 0);
}

static void rows_end(struct table *t) {
    assert_int_equal(sgr_fold_snapshot_rows_end(t->fold, &t->f.error), 0);
}

static void finish(struct table *t) {
    assert_int_equal(sgr_fold_snapshot_finish(t->fold, &t->f.error), 0);
}

static void three_rows(struct table *t) {
    begin(t);
    snapshot_row(t, FIELDS("1", "a", NULL));
    snapshot_row(t, FIELDS("2", "b", NULL));
    snapshot_row(t, FIELDS("3", "c", NULL));
    finish(t);
    fixture_run(&t->f);
}

static void what_came_meanwhile_is_one_with_the_snapshot(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    three_rows(&t);
    begin(&t);
    assert_int_equal(snapshot_row(&t, FIELDS("1", "a", NULL)), 0);
    assert_int_equal(snapshot_row(&t, FIELDS("2", "B", NULL)), 0);
    assert_int_equal(snapshot_row(&t, FIELDS("4", "d", NULL)), 0);
    rows_end(&t);
    assert_int_equal(snapshot_row(&t, FIELDS("5", "late", NULL)), SGR_EINVAL);
    assert_int_equal(UPDATE(&t, "3", UNCHANGED, "3"), SGR_ENOTFOUND); /* the snapshot has it not */
    assert_int_equal(UPDATE(&t, "2", UNCHANGED, "2"), 0);
    assert_int_equal(DELETE(&t, "1"), 0);
    assert_int_equal(INSERT(&t, "1", "a", NULL), 0);
    assert_int_equal(MOVE(&t, "4", "6", "d", NULL), 0);
    assert_string_equal(contents(&t), "1 a null; 2 b null; 3 c null");
    finish(&t);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "1 a null; 2 B 2; 6 d null");
    begin(&t);
    finish(&t);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "");
    begin(&t); /* it is empty, but has been filled */
    assert_int_equal(snapshot_row(&t, FIELDS("1", "a", NULL)), 0);
    rows_end(&t);
    assert_int_equal(UPDATE(&t, "1", UNCHANGED, "1"), 0);
    finish(&t);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "1 a 1");
    table_fini(&t);
}

static void changes_may_follow_the_first_snapshot_too(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    begin(&t);
    snapshot_row(&t, FIELDS("1", "a", NULL));
    snapshot_row(&t, FIELDS("2", "b", NULL));
    rows_end(&t);
    fixture_run(&t.f); /* as sgr_fold_snapshot_rows_end says */
    assert_int_equal(DELETE(&t, "1"), 0);
    assert_int_equal(UPDATE(&t, "2", UNCHANGED, "2"), 0);
    finish(&t);
    fixture_run(&t.f);
    assert_string_equal(contents(&t), "2 b 2");
    table_fini(&t);
}

static void an_equal_snapshot_feeds_nothing(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    three_rows(&t);
    begin(&t);
    snapshot_row(&t, FIELDS("3", "c", NULL));
    snapshot_row(&t, FIELDS("1", "a", NULL));
    snapshot_row(&t, FIELDS("2", "b", NULL));
    rows_end(&t);
    INSERT(&t, "3", "c", NULL);
    INSERT(&t, "9", "in vain", NULL);
    DELETE(&t, "9");
    finish(&t);
    assert_false(sgr_graph_is_fed(t.f.graph));
    begin(&t);
    snapshot_row(&t, FIELDS("1", "a", NULL));
    finish(&t);
    assert_true(sgr_graph_is_fed(t.f.graph));
    fixture_run(&t.f);
    table_fini(&t);
}

static void an_aborted_comparison_leaves_all_as_it_was(void **unused) {
    (void)unused;
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    three_rows(&t);
    for (int stage = 0; stage < 2; stage++) {
        begin(&t);
        snapshot_row(&t, FIELDS("1", "other", NULL));
        snapshot_row(&t, FIELDS("2", "b", NULL));
        if (stage) {
            rows_end(&t);
            INSERT(&t, "8", "x", NULL);
        }
        sgr_fold_abort(t.fold);
        assert_false(sgr_graph_is_fed(t.f.graph));
        INSERT(&t, "4", "d", NULL);
        commit(&t);
        assert_string_equal(contents(&t), "1 a null; 2 b null; 3 c null; 4 d null");
    }
    table_fini(&t);
}

static void of_a_key_given_twice_the_last_counts(void **unused) {
    (void)unused;
    static const char *const names[] = {"a", "b", "c", "x", "y"};
    struct table t;
    lenient_init(&t, SGR_IDENTITY_DEFAULT);
    for (size_t before = 0; before < 3; before++)
        for (size_t i = 0; i < 5 * 5 * 5; i++) {
            char expected[64];
            three_rows(&t);
            begin(&t);
            snapshot_row(&t, FIELDS("1", names[i % 5], NULL));
            snapshot_row(&t, FIELDS("1", names[i / 5 % 5], NULL));
            snapshot_row(&t, FIELDS("2", "b", NULL));
            snapshot_row(&t, FIELDS("1", names[i / 25], NULL));
            finish(&t);
            fixture_run(&t.f);
            snprintf(expected, sizeof(expected), "1 %s null; 2 b null", names[i / 25]);
            assert_string_equal(contents(&t), expected);
        }
    table_fini(&t);
}

/* A row of a bag is counted: those there are often, those the snapshot has often. */
static void a_bag_is_compared_by_how_often_rows_are_there(void **unused) {
    (void)unused;
    struct table t;
    table_init(&t, SGR_IDENTITY_FULL, false);
    for (int there = 0; there < 4; there++)
        for (int then = 0; then < 4; then++) {
            char expected[64] = "2 b null", times[16] = "";
            TRUNCATE(&t);
            INSERT(&t, "2", "b", NULL);
            for (int i = 0; i < there; i++)
                INSERT(&t, "1", "a", NULL);
            commit(&t);
            begin(&t);
            for (int i = 0; i < then; i++)
                snapshot_row(&t, FIELDS("1", "a", NULL));
            snapshot_row(&t, FIELDS("2", "b", NULL));
            finish(&t);
            fixture_run(&t.f);
            if (then > 1)
                snprintf(times, sizeof(times), " x%d", then);
            if (then)
                snprintf(expected, sizeof(expected), "1 a null%s; 2 b null", times);
            assert_string_equal(contents(&t), expected);
        }
    table_fini(&t);
}

/* ---- Random feeds ----
 *
 * A table and the log of its changes. The fold gets changes with some lost and some twice, and a snapshot now and then: the table as it was at
 * some change, and then all changes from an earlier one on. Behind that it must be the table. */

enum { KEYS = 10, LOG = 1 << 15 };

struct event {
    enum sgr_change_kind kind;
    int key, old_key, name, price; /* old_key and name -1: as it was */
};

struct feed {
    struct table table;
    struct event log[LOG];
    size_t count;
    int name[KEYS], price[KEYS]; /* the table; price -1: no row */
    uint32_t random;
    size_t unknown, lost; /* changes that could not be made */
};

static int below(struct feed *feed, int limit) {
    feed->random = feed->random * 1664525u + 1013904223u;
    return (int)((feed->random >> 8) % (uint32_t)limit);
}

static void happen(struct feed *feed) {
    struct event event = {.kind = SGR_UPDATE,
                          .key = below(feed, KEYS),
                          .old_key = -1,
                          .name = below(feed, 3) ? -1 : below(feed, 5),
                          .price = below(feed, 5)};
    int other = below(feed, KEYS), what = below(feed, 40);
    bool there = feed->price[event.key] >= 0;
    if (what == 0) {
        event.kind = SGR_TRUNCATE;
        memset(feed->price, -1, sizeof(feed->price));
    } else if (!there) {
        event.kind = SGR_INSERT;
        event.name = below(feed, 5);
    } else if (what < 10) {
        event.kind = SGR_DELETE;
        feed->price[event.key] = -1;
    } else if (what < 18 && feed->price[other] < 0) {
        event.old_key = event.key;
        event.key = other;
        feed->name[other] = feed->name[event.old_key];
        feed->price[event.old_key] = -1;
        if (below(feed, 4)) /* seldom without it: each makes a comparison vain */
            event.name = feed->name[other];
    }
    if (event.kind == SGR_INSERT || event.kind == SGR_UPDATE) {
        feed->price[event.key] = event.price;
        if (event.name >= 0)
            feed->name[event.key] = event.name;
    }
    assert_true(feed->count < LOG);
    feed->log[feed->count++] = event;
}

static void give(struct feed *feed, const struct event *event) {
    char key[12], old[12], name[12], price[12];
    struct table *t = &feed->table;
    int status;
    snprintf(key, sizeof(key), "%d", event->key);
    snprintf(old, sizeof(old), "%d", event->old_key);
    snprintf(name, sizeof(name), event->name < 0 ? UNCHANGED : "n%d", event->name);
    snprintf(price, sizeof(price), "%d", event->price);
    if (event->kind == SGR_TRUNCATE)
        status = TRUNCATE(t);
    else if (event->kind == SGR_INSERT)
        status = INSERT(t, key, name, price);
    else if (event->kind == SGR_DELETE)
        status = DELETE(t, key);
    else if (event->old_key < 0)
        status = UPDATE(t, key, name, price);
    else
        status = MOVE(t, old, key, name, price);
    feed->unknown += status == SGR_ENOTFOUND;
    feed->lost += status == SGR_ELOST;
    if (status && status != SGR_ENOTFOUND && status != SGR_ELOST)
        fail_msg("%s", t->f.error.message);
}

static void lossy(struct feed *feed, size_t from) {
    for (size_t i = from; i < feed->count; i++) {
        int what = below(feed, 6);
        if (what)
            give(feed, &feed->log[i]);
        if (what == 1)
            give(feed, &feed->log[i - (size_t)below(feed, i < 5 ? 1 : 5)]);
    }
    commit(&feed->table);
}

static void give_rows(struct feed *feed) {
    char key[12], name[12], price[12];
    int first = below(feed, KEYS);
    for (int i = 0; i < KEYS; i++) {
        int at = (first + i) % KEYS;
        if (feed->price[at] < 0)
            continue;
        snprintf(key, sizeof(key), "%d", at);
        snprintf(name, sizeof(name), "n%d", feed->name[at]);
        snprintf(price, sizeof(price), "%d", feed->price[at]);
        assert_int_equal(snapshot_row(&feed->table, FIELDS(key, name, price)), 0);
    }
}

static void must_be_equal(struct feed *feed) {
    char expected[1024] = "";
    for (int i = 0; i < KEYS; i++)
        if (feed->price[i] >= 0)
            snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
                     "%s%d n%d %d", *expected ? "; " : "", i, feed->name[i], feed->price[i]);
    assert_string_equal(contents(&feed->table), expected);
}

/* Whether it must be equal now: a change that needs another comparison may have been among those that came meanwhile. */
static bool compare_once(struct feed *feed) {
    size_t since = feed->count, vain = feed->lost;
    int meanwhile = below(feed, 12);
    begin(&feed->table);
    for (int i = 0; i < meanwhile; i++)
        happen(feed);
    give_rows(feed);
    for (int i = below(feed, 12); i > 0; i--)
        happen(feed);
    bool first = below(feed, 2) == 0;
    if (first) { /* some in the same transaction, the rest behind it */
        rows_end(&feed->table);
        fixture_run(&feed->table.f);
    }
    size_t half = since + (size_t)below(feed, (int)(feed->count - since) + 1);
    for (; first && since < half; since++)
        give(feed, &feed->log[since]);
    finish(&feed->table);
    fixture_run(&feed->table.f);
    for (; since < feed->count; since++)
        give(feed, &feed->log[since]);
    commit(&feed->table);
    return feed->lost == vain;
}

static void behind_a_comparison_the_table_is_equal(void **unused) {
    (void)unused;
    struct feed *feed = calloc(1, sizeof(*feed));
    assert_non_null(feed);
    feed->random = 20261124;
    memset(feed->price, -1, sizeof(feed->price));
    lenient_init(&feed->table, SGR_IDENTITY_DEFAULT);
    size_t equal = 0;
    for (int round = 0; round < 800; round++) {
        size_t from = feed->count;
        for (int i = below(feed, 15); i > 0; i--)
            happen(feed);
        lossy(feed, from);
        if (!compare_once(feed))
            continue;
        must_be_equal(feed);
        equal++;
    }
    assert_in_range(equal, 400, 800);
    assert_true(feed->unknown > 0 && feed->lost > 0);
    table_fini(&feed->table);
    free(feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_twice_changes_nothing),
        cmocka_unit_test(an_insert_replaces_and_an_update_inserts),
        cmocka_unit_test(what_cannot_be_made_is_named_and_changes_nothing),
        cmocka_unit_test(rows_go_by_the_key_whatever_the_identity),
        cmocka_unit_test(what_came_meanwhile_is_one_with_the_snapshot),
        cmocka_unit_test(changes_may_follow_the_first_snapshot_too),
        cmocka_unit_test(an_equal_snapshot_feeds_nothing),
        cmocka_unit_test(an_aborted_comparison_leaves_all_as_it_was),
        cmocka_unit_test(of_a_key_given_twice_the_last_counts),
        cmocka_unit_test(a_bag_is_compared_by_how_often_rows_are_there),
        cmocka_unit_test(behind_a_comparison_the_table_is_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
