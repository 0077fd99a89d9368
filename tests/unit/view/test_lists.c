/* Rules of order, limits, bags and of what came before, each by an example small enough to read. */
#include "examples.h"

/* ---- Lists ---- */

static void a_patch_is_out_of_order(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *list = ranked(f, node, 0);
    DELETE(node, "1|50|0");
    DELETE(node, "4|20|0");
    INSERT(node, "6|35|0");
    UPDATE(node, "5|10|0", "5|45|0");
    commit(f);
    EXPECT_PATCH(list, "[{\"op\":\"remove\",\"path\":\"/3\"},{\"op\":\"remove\",\"path\":\"/0\"},"
                       "{\"op\":\"move\",\"from\":\"/2\",\"path\":\"/0\"},"
                       "{\"op\":\"add\",\"path\":\"/2\",\"value\":{\"id\":6,\"score\":35}},"
                       "{\"op\":\"replace\",\"path\":\"/0/score\",\"value\":45}]");
    EXPECT_ROWS(list, "[{\"at\":[4],\"del\":1},{\"at\":[1],\"del\":1},"
                      "{\"at\":[6],\"put\":{\"id\":6,\"score\":35},\"before\":3},"
                      "{\"at\":[5],\"move\":1,\"before\":2},{\"at\":[5],\"set\":{\"score\":45}}]");
    sgr_instance_close(list);
}

static void rows_that_keep_their_places_are_moved(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *list = ranked(f, node, 0);
    UPDATE(node, "1|50|0", "1|5|0"); /* from first to last; all others change too */
    UPDATE(node, "2|40|0", "2|41|0");
    UPDATE(node, "3|30|0", "3|31|0");
    UPDATE(node, "4|20|0", "4|21|0");
    UPDATE(node, "5|10|0", "5|11|0");
    commit(f);
    char *patch = changes(list, "json-patch", f->commit - 1);
    assert_non_null(strstr(patch, "[{\"op\":\"move\",\"from\":\"/0\",\"path\":\"/4\"},"));
    assert_null(strstr(patch + 10, "move"));
    free(patch);
    sgr_instance_close(list);
}

static void a_limit_lets_rows_slip(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *top = ranked(f, node, 2);
    expect_document(top, "[{\"id\":1,\"score\":50},{\"id\":2,\"score\":40}]");
    INSERT(node, "6|45|0");
    commit(f);
    EXPECT_PATCH(top, "[{\"op\":\"remove\",\"path\":\"/1\"},"
                      "{\"op\":\"add\",\"path\":\"/1\",\"value\":{\"id\":6,\"score\":45}}]");
    DELETE(node, "1|50|0");
    commit(f);
    EXPECT_PATCH(top, "[{\"op\":\"remove\",\"path\":\"/0\"},"
                      "{\"op\":\"add\",\"path\":\"/1\",\"value\":{\"id\":2,\"score\":40}}]");
    uint64_t told = sgr_instance_revision(top);
    UPDATE(node, "4|20|0", "4|25|0"); /* beyond the limit */
    commit(f);
    assert_false(was_changed(f, top));
    EXPECT_PATCH(top, "");
    assert_int_equal(sgr_instance_revision(top), told);
    expect_changes(top, "json-patch", f->commit - 3,
                   "[{\"op\":\"remove\",\"path\":\"/0\"},"
                   "{\"op\":\"add\",\"path\":\"/0\",\"value\":{\"id\":6,\"score\":45}}]");
    sgr_instance_close(top);
}

static void what_is_not_shown_is_told(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *list = ranked(f, node, 0);
    UPDATE(node, "3|30|0", "3|30|7");
    commit(f);
    assert_int_equal(f->changed.count, 0);
    DELETE(node, "3|30|7");
    commit(f);
    EXPECT_PATCH(list, "[{\"op\":\"remove\",\"path\":\"/2\"}]");
    sgr_instance_close(list);
}

static void equal_rows_are_lost_or_doubled(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = BAG(f, "bag", "name text");
    struct sgr_level root = {.node = node, COLUMNS({false, 0, "name"})};
    feed(f, node, "b", 2);
    INSERT(node, "a");
    commit(f);
    struct sgr_instance *list = open_with(add_view(f, root, NULL), 0);
    expect_document(list, "[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"b\"}]");
    INSERT(node, "b");
    commit(f);
    EXPECT_PATCH(list, "[{\"op\":\"add\",\"path\":\"/3\",\"value\":{\"name\":\"b\"}}]");
    EXPECT_ROWS(list, "[{\"at\":[3],\"put\":{\"name\":\"b\"}}]");
    feed(f, node, "b", -2);
    commit(f);
    EXPECT_PATCH(list, "[{\"op\":\"remove\",\"path\":\"/3\"},{\"op\":\"remove\",\"path\":\"/2\"}]");
    expect_document(list, "[{\"name\":\"a\"},{\"name\":\"b\"}]");
    sgr_instance_close(list);
}

static void nulls_are_sorted_against_the_declaration(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = TABLE(f, "t", "id int4, a int4", 0);
    INSERT(node, "1|null");
    INSERT(node, "2|5");
    INSERT(node, "3|7");
    commit(f);
    static const char *const expected[] = {
        "[{\"id\":2},{\"id\":3},{\"id\":1}]", "[{\"id\":1},{\"id\":2},{\"id\":3}]",
        "[{\"id\":3},{\"id\":2},{\"id\":1}]", "[{\"id\":1},{\"id\":3},{\"id\":2}]"};
    for (int i = 0; i < 4; i++) {
        struct sgr_level root = {.node = node,
                                 ORDER({.column = 1, .descending = i > 1, .nulls_first = i % 2}),
                                 COLUMNS({false, 0, "id"})};
        struct sgr_instance *list = open_with(add_view(f, root, NULL), 0);
        expect_document(list, expected[i]);
        sgr_instance_close(list);
    }
}

/* ---- History ---- */

static void a_past_is_composed_wrongly_or_kept_too_long(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *list = ranked(f, node, 0);
    uint64_t from = f->commit;
    INSERT(node, "6|1|0");
    commit(f);
    DELETE(node, "6|1|0");
    commit(f);
    expect_changes(list, "json-patch", from, "");
    UPDATE(node, "5|10|0", "5|9|0");
    commit(f);
    UPDATE(node, "5|9|0", "5|8|0");
    commit(f);
    expect_changes(list, "json-patch", from,
                   "[{\"op\":\"replace\",\"path\":\"/4/score\",\"value\":8}]");
    expect_changes(list, "full", f->commit, "");
    sgr_views_trim(f->views, (int64_t)f->commit * 1000, 1500, SIZE_MAX);
    expect_changes(list, "json-patch", from, "forgotten");
    expect_changes(list, "json-patch", f->commit - 1,
                   "[{\"op\":\"replace\",\"path\":\"/4/score\",\"value\":8}]");
    sgr_views_trim(f->views, (int64_t)f->commit * 1000, INT64_MAX, 0);
    expect_changes(list, "json-patch", f->commit - 1, "forgotten");
    expect_changes(list, "json-patch", f->commit, "");
    sgr_instance_close(list);
}

static void revisions_do_not_lead_to_commits(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *top = ranked(f, node, 1);
    uint64_t commit_number;
    sgr_views_forget(f->views);
    assert_int_equal(sgr_instance_revision(top), 0);
    UPDATE(node, "1|50|0", "1|51|0");
    commit(f);
    UPDATE(node, "5|10|0", "5|11|0"); /* not seen */
    commit(f);
    UPDATE(node, "1|51|0", "1|52|0");
    commit(f);
    assert_int_equal(sgr_instance_revision(top), 2);
    for (uint64_t i = 0; i <= 2; i++) {
        CHECK(sgr_instance_commit_of_revision(top, i, &commit_number));
        expect_changes(top, "json-patch", commit_number,
                       i == 2 ? "" : "[{\"op\":\"replace\",\"path\":\"/0/score\",\"value\":52}]");
    }
    assert_int_equal(sgr_instance_commit_of_revision(top, 3, &commit_number), SGR_ENOTFOUND);
    sgr_views_trim(f->views, INT64_MAX, 0, 0);
    assert_int_equal(sgr_instance_commit_of_revision(top, 1, &commit_number), SGR_ENOTFOUND);
    sgr_instance_close(top);
}

static void an_instance_made_again_takes_up_old_revisions(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *top = ranked(f, node, 1);
    struct sgr_view *view = sgr_instance_view(top);
    uint64_t commit_number;
    sgr_views_forget(f->views);
    UPDATE(node, "1|50|0", "1|51|0");
    commit(f);
    uint64_t then = sgr_instance_revision(top);
    sgr_instance_close(top);
    sgr_views_trim(f->views, INT64_MAX, 0, 0); /* nobody knows it any more */
    UPDATE(node, "1|51|0", "1|52|0");
    commit(f);
    CHECK(sgr_instance_open(view, &(struct sgr_value){.type = SGR_INT4}, &top, error));
    assert_true(sgr_instance_revision(top) > then);
    UPDATE(node, "1|52|0", "1|53|0");
    commit(f);
    assert_int_equal(sgr_instance_commit_of_revision(top, then, &commit_number), SGR_ENOTFOUND);
    assert_int_equal(sgr_instance_commit_of_revision(top, then + 1, &commit_number), 0);
    sgr_instance_close(top);
}

static void who_comes_back_in_time_cannot_resume(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *list = ranked(f, node, 0);
    struct sgr_view *view = sgr_instance_view(list);
    uint64_t from = f->commit;
    sgr_instance_close(list);
    DELETE(node, "1|50|0");
    commit(f);
    sgr_views_trim(f->views, (int64_t)f->commit * 1000, 5000, SIZE_MAX);
    struct sgr_instance *again = open_with(view, 0);
    assert_ptr_equal(again, list);
    expect_changes(again, "json-patch", from, "[{\"op\":\"remove\",\"path\":\"/0\"}]");
    sgr_instance_close(again);
    sgr_views_trim(f->views, (int64_t)f->commit * 1000 + 6000, 5000, SIZE_MAX);
    struct sgr_views_counters counters;
    sgr_views_counters(f->views, &counters);
    assert_int_equal(counters.instances, 0);
}

static void a_new_epoch_keeps_the_past(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *list = ranked(f, node, 0);
    DELETE(node, "1|50|0");
    commit(f);
    sgr_views_forget(f->views);
    expect_changes(list, "json-patch", f->commit - 1, "forgotten");
    expect_changes(list, "json-patch", f->commit, "");
    DELETE(node, "2|40|0");
    commit(f);
    EXPECT_PATCH(list, "[{\"op\":\"remove\",\"path\":\"/0\"}]");
    sgr_instance_close(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_patch_is_out_of_order),
        TEST(rows_that_keep_their_places_are_moved),
        TEST(a_limit_lets_rows_slip),
        TEST(what_is_not_shown_is_told),
        TEST(equal_rows_are_lost_or_doubled),
        TEST(nulls_are_sorted_against_the_declaration),
        TEST(a_past_is_composed_wrongly_or_kept_too_long),
        TEST(revisions_do_not_lead_to_commits),
        TEST(an_instance_made_again_takes_up_old_revisions),
        TEST(who_comes_back_in_time_cannot_resume),
        TEST(a_new_epoch_keeps_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
