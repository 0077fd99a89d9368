/* Rules of nesting, links, parameters and conditions, each by an example small enough to read. */
#include "examples.h"

/* ---- The seed's example ---- */

struct followeds {
    struct sgr_node *users, *follows, *places, *visits;
    struct sgr_view *view;
};

static struct followeds make_followeds(struct fixture *f) {
    struct followeds made;
    made.users = TABLE(f, "users", "id int4, name text", 0);
    made.follows = TABLE(f, "follows", "user_id int4, followed_id int4", 0, 1);
    made.places = TABLE(f, "places", "id int4, name text", 0);
    made.visits = TABLE(f, "visits", "user_id int4, place_id int4", 0, 1);
    struct sgr_level root = {.node = made.users,
                             .one = true,
                             EQUAL({.column = 0, .parameter = 0}),
                             COLUMNS({false, 0, "id"}, {false, 1, "name"}),
                             LEVELS({.name = "followeds",
                                     .node = made.users,
                                     .via = made.follows,
                                     .parent_columns = AT(0),
                                     .via_parent_columns = AT(0),
                                     .parent_count = 1,
                                     .via_child_columns = AT(1),
                                     .child_columns = AT(0),
                                     .child_count = 1,
                                     COLUMNS({false, 0, "id"}, {false, 1, "name"}),
                                     LEVELS({.name = "places",
                                             .node = made.places,
                                             .via = made.visits,
                                             .parent_columns = AT(0),
                                             .via_parent_columns = AT(0),
                                             .parent_count = 1,
                                             .via_child_columns = AT(1),
                                             .child_columns = AT(0),
                                             .child_count = 1,
                                             COLUMNS({false, 0, "id"}, {false, 1, "name"})})})};
    made.view = add_view(f, root, "int4");
    INSERT(made.users, "1|ann");
    INSERT(made.users, "2|bob");
    INSERT(made.users, "3|cid");
    INSERT(made.follows, "1|2");
    INSERT(made.follows, "1|3");
    INSERT(made.places, "1|bar");
    INSERT(made.places, "2|pub");
    INSERT(made.visits, "2|1");
    INSERT(made.visits, "2|2");
    INSERT(made.visits, "3|2");
    commit(f);
    return made;
}

static void nested_documents_and_their_patches_are_wrong(void **state) {
    struct fixture *f = *state;
    struct followeds t = make_followeds(f);
    struct sgr_instance *one = open_with(t.view, 1);
    expect_document(one, "{\"id\":1,\"name\":\"ann\",\"followeds\":["
                         "{\"id\":2,\"name\":\"bob\",\"places\":[{\"id\":1,\"name\":\"bar\"},"
                         "{\"id\":2,\"name\":\"pub\"}]},"
                         "{\"id\":3,\"name\":\"cid\",\"places\":[{\"id\":2,\"name\":\"pub\"}]}]}");
    UPDATE(t.places, "2|pub", "2|inn");
    commit(f);
    assert_true(was_changed(f, one));
    EXPECT_PATCH(one,
                 "[{\"op\":\"replace\",\"path\":\"/followeds/0/places/1/name\",\"value\":\"inn\"},"
                 "{\"op\":\"replace\",\"path\":\"/followeds/1/places/0/name\",\"value\":\"inn\"}]");
    EXPECT_ROWS(one, "[{\"at\":[0,2,0,2],\"set\":{\"name\":\"inn\"}},"
                     "{\"at\":[0,3,0,2],\"set\":{\"name\":\"inn\"}}]");
    DELETE(t.follows, "1|2");
    INSERT(t.visits, "3|1");
    commit(f);
    EXPECT_PATCH(one, "[{\"op\":\"remove\",\"path\":\"/followeds/0\"},"
                      "{\"op\":\"add\",\"path\":\"/followeds/0/places/0\","
                      "\"value\":{\"id\":1,\"name\":\"bar\"}}]");
    EXPECT_ROWS(one, "[{\"at\":[0,2],\"del\":1},"
                     "{\"at\":[0,3,0,1],\"put\":{\"id\":1,\"name\":\"bar\"},"
                     "\"before\":2}]");
    sgr_instance_close(one);
}

static void root_does_not_turn_from_null_to_object_and_back(void **state) {
    struct fixture *f = *state;
    struct followeds t = make_followeds(f);
    struct sgr_instance *nine = open_with(t.view, 9);
    expect_document(nine, "null");
    INSERT(t.users, "9|eve");
    commit(f);
    EXPECT_PATCH(nine, "[{\"op\":\"replace\",\"path\":\"\",\"value\":"
                       "{\"id\":9,\"name\":\"eve\",\"followeds\":[]}}]");
    EXPECT_ROWS(nine, "[{\"at\":[],\"put\":{\"id\":9,\"name\":\"eve\",\"followeds\":[]}}]");
    DELETE(t.users, "9|eve");
    commit(f);
    EXPECT_PATCH(nine, "[{\"op\":\"replace\",\"path\":\"\",\"value\":null}]");
    EXPECT_ROWS(nine, "[{\"at\":[],\"del\":1}]");
    sgr_instance_close(nine);
}

static void both_sides_of_a_link_in_one_transaction_tear(void **state) {
    struct fixture *f = *state;
    struct followeds t = make_followeds(f);
    struct sgr_instance *one = open_with(t.view, 1);
    UPDATE(t.follows, "1|2", "1|4"); /* the pivot leads to a user that comes with it, */
    INSERT(t.users, "4|dan");
    UPDATE(t.users, "3|cid", "3|kid"); /* and this one changes and loses its link */
    DELETE(t.follows, "1|3");
    commit(f);
    expect_document(one, "{\"id\":1,\"name\":\"ann\",\"followeds\":["
                         "{\"id\":4,\"name\":\"dan\",\"places\":[]}]}");
    UPDATE(t.users, "4|dan", "4|don");
    DELETE(t.follows, "1|4");
    INSERT(t.follows, "1|3");
    commit(f);
    expect_document(one, "{\"id\":1,\"name\":\"ann\",\"followeds\":[{\"id\":3,\"name\":\"kid\","
                         "\"places\":[{\"id\":2,\"name\":\"pub\"}]}]}");
    sgr_instance_close(one);
}

static void instances_do_not_share_what_they_could(void **state) {
    struct fixture *f = *state;
    struct followeds t = make_followeds(f);
    INSERT(t.follows, "2|3");
    commit(f);
    struct sgr_instance *one = open_with(t.view, 1), *two = open_with(t.view, 2);
    struct sgr_views_counters counters;
    sgr_views_counters(f->views, &counters);
    /* Two roots, two lists of followeds, and the places of 2 and 3, which is in both lists. */
    assert_int_equal(counters.collections, 6);
    UPDATE(t.users, "3|cid", "3|kid");
    commit(f);
    assert_int_equal(f->changed.count, 2);
    sgr_instance_close(one);
    sgr_views_trim(f->views, INT64_MAX, 0, 0);
    sgr_views_counters(f->views, &counters);
    assert_int_equal(counters.collections, 3);
    expect_document(two, "{\"id\":2,\"name\":\"bob\",\"followeds\":[{\"id\":3,\"name\":\"kid\","
                         "\"places\":[{\"id\":2,\"name\":\"pub\"}]}]}");
    sgr_instance_close(two);
}

static void a_change_costs_more_than_its_appearances(void **state) {
    struct fixture *f = *state;
    struct followeds t = make_followeds(f);
    for (int i = 10; i < 1010; i++) {
        char text[20];
        sprintf(text, "%d|x", i);
        INSERT(t.users, text);
    }
    commit(f);
    for (int i = 10; i < 1010; i++)
        open_with(t.view, i);
    struct sgr_instance *one = open_with(t.view, 1);
    struct sgr_views_counters before, after;
    sgr_views_counters(f->views, &before);
    UPDATE(t.users, "2|bob", "2|rob");
    commit(f);
    sgr_views_counters(f->views, &after);
    assert_int_equal(f->changed.count, 1);
    assert_in_range(after.rows_read - before.rows_read, 1, 10);
    assert_int_equal(after.edits - before.edits, 2);
    /* An instance with one row and an empty list below it. */
    assert_true(before.state_bytes / 1001 < 1024);
    (void)one;
}

/* ---- Links ---- */

struct posts {
    struct sgr_node *authors, *posts;
    struct sgr_instance *list;
};

static struct posts make_posts(struct fixture *f, uint64_t limit) {
    struct posts made = {.authors = TABLE(f, "authors", "id int4, name text", 0),
                         .posts = TABLE(f, "posts", "id int4, author_id int4, title text", 0)};
    INSERT(made.authors, "1|ann");
    INSERT(made.authors, "2|bob");
    INSERT(made.posts, "1|1|x");
    INSERT(made.posts, "2|null|y");
    commit(f);
    struct sgr_level root = {.node = made.posts,
                             .limit = limit,
                             ORDER({.column = 0}),
                             COLUMNS({false, 0, "id"}),
                             LEVELS({.name = "author",
                                     .one = true,
                                     .node = made.authors,
                                     .parent_columns = AT(1),
                                     .parent_count = 1,
                                     .child_columns = AT(0),
                                     .child_count = 1,
                                     COLUMNS({false, 1, "name"})})};
    made.list = open_with(add_view(f, root, NULL), 0);
    return made;
}

static void a_changed_link_shows_the_old_side(void **state) {
    struct fixture *f = *state;
    struct posts t = make_posts(f, 0);
    expect_document(t.list,
                    "[{\"id\":1,\"author\":{\"name\":\"ann\"}},{\"id\":2,\"author\":null}]");
    UPDATE(t.posts, "1|1|x", "1|2|x");
    commit(f);
    EXPECT_PATCH(t.list,
                 "[{\"op\":\"replace\",\"path\":\"/0/author\",\"value\":{\"name\":\"bob\"}}]");
    EXPECT_ROWS(t.list, "[{\"at\":[1,0],\"put\":{\"name\":\"bob\"}}]");
    UPDATE(t.posts, "1|2|x", "1|null|x");
    UPDATE(t.posts, "2|null|y", "2|1|y");
    commit(f);
    EXPECT_PATCH(t.list,
                 "[{\"op\":\"replace\",\"path\":\"/0/author\",\"value\":null},"
                 "{\"op\":\"replace\",\"path\":\"/1/author\",\"value\":{\"name\":\"ann\"}}]");
    UPDATE(t.authors, "1|ann", "1|eve");
    commit(f);
    EXPECT_PATCH(t.list, "[{\"op\":\"replace\",\"path\":\"/1/author/name\",\"value\":\"eve\"}]");
    EXPECT_ROWS(t.list, "[{\"at\":[2,0],\"set\":{\"name\":\"eve\"}}]");
    DELETE(t.authors, "1|eve");
    commit(f);
    EXPECT_PATCH(t.list, "[{\"op\":\"replace\",\"path\":\"/1/author\",\"value\":null}]");
    EXPECT_ROWS(t.list, "[{\"at\":[2,0],\"del\":1}]");
    sgr_instance_close(t.list);
}

static void a_row_that_was_away_comes_back_with_its_old_children(void **state) {
    struct fixture *f = *state;
    struct posts t = make_posts(f, 1);
    uint64_t from = f->commit;
    INSERT(t.posts, "0|2|first"); /* pushes 1 out of the window */
    commit(f);
    UPDATE(t.authors, "1|ann", "1|eve"); /* which nobody sees then */
    commit(f);
    assert_int_equal(f->changed.count, 0);
    DELETE(t.posts, "0|2|first");
    commit(f);
    expect_document(t.list, "[{\"id\":1,\"author\":{\"name\":\"eve\"}}]");
    expect_changes(t.list, "json-patch", from,
                   "[{\"op\":\"replace\",\"path\":\"/0/author\",\"value\":{\"name\":\"eve\"}}]");
    sgr_instance_close(t.list);
}

static void names_break_json_pointers(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = TABLE(f, "t", "id int4, a text", 0);
    struct sgr_level root = {.node = node, .one = true, COLUMNS({false, 1, "a/b~c\"d"})};
    INSERT(node, "1|x");
    commit(f);
    struct sgr_instance *one = open_with(add_view(f, root, NULL), 0);
    expect_document(one, "{\"a/b~c\\\"d\":\"x\"}");
    UPDATE(node, "1|x", "1|y");
    commit(f);
    EXPECT_PATCH(one, "[{\"op\":\"replace\",\"path\":\"/a~1b~0c\\\"d\",\"value\":\"y\"}]");
    EXPECT_ROWS(one, "[{\"at\":[],\"set\":{\"a/b~c\\\"d\":\"y\"}}]");
    sgr_instance_close(one);
}

/* ---- Parameters and conditions ---- */

static void one_user_sees_the_rows_of_another(void **state) {
    struct fixture *f = *state;
    struct sgr_node *rooms = TABLE(f, "rooms", "id int4", 0);
    struct sgr_node *notes = TABLE(f, "notes", "id int4, room int4, owner int4", 0);
    struct sgr_level root = {.node = rooms,
                             COLUMNS({false, 0, "id"}),
                             LEVELS({.name = "notes",
                                     .node = notes,
                                     .parent_columns = AT(0),
                                     .parent_count = 1,
                                     .child_columns = AT(1),
                                     .child_count = 1,
                                     EQUAL({.column = 2, .parameter = 0}),
                                     COLUMNS({false, 0, "id"})})};
    INSERT(rooms, "1");
    INSERT(notes, "1|1|7");
    INSERT(notes, "2|1|8");
    commit(f);
    struct sgr_view *view = add_view(f, root, "int4");
    struct sgr_instance *seven = open_with(view, 7), *eight = open_with(view, 8);
    expect_document(seven, "[{\"id\":1,\"notes\":[{\"id\":1}]}]");
    expect_document(eight, "[{\"id\":1,\"notes\":[{\"id\":2}]}]");
    UPDATE(notes, "1|1|7", "1|1|8");
    commit(f);
    EXPECT_PATCH(seven, "[{\"op\":\"remove\",\"path\":\"/0/notes/0\"}]");
    EXPECT_PATCH(eight, "[{\"op\":\"add\",\"path\":\"/0/notes/0\",\"value\":{\"id\":1}}]");
    sgr_instance_close(seven);
    sgr_instance_close(eight);
}

/* Anyone can open instances by asking with ever new values: the history's budget must see all that they keep. */
static void closed_instances_outgrow_the_budget(void **state) {
    struct fixture *f = *state;
    struct sgr_node *rooms = TABLE(f, "rooms", "id int4", 0);
    struct sgr_node *notes = TABLE(f, "notes", "id int4, room int4, owner int4", 0);
    struct sgr_level root = {.node = rooms,
                             COLUMNS({false, 0, "id"}),
                             LEVELS({.name = "notes",
                                     .node = notes,
                                     .parent_columns = AT(0),
                                     .parent_count = 1,
                                     .child_columns = AT(1),
                                     .child_count = 1,
                                     EQUAL({.column = 2, .parameter = 0}),
                                     COLUMNS({false, 0, "id"})})};
    INSERT(rooms, "1");
    for (int i = 0; i < 1000; i++) {
        char note[32];
        snprintf(note, sizeof(note), "%d|1|%d", i, i % 2);
        INSERT(notes, note);
    }
    commit(f);
    struct sgr_view *view = add_view(f, root, "int4");
    struct sgr_views_counters before, kept;
    sgr_views_counters(f->views, &before);
    sgr_instance_close(open_with(view, 0));
    sgr_instance_close(open_with(view, 1));
    sgr_views_counters(f->views, &kept);
    assert_true(kept.history_bytes - before.history_bytes >=
                (kept.state_bytes - before.state_bytes) * 9 / 10);
    sgr_views_trim(f->views, 0, INT64_MAX, kept.history_bytes - 1);
    sgr_views_counters(f->views, &kept);
    assert_int_equal(kept.instances, 1);
}

static void a_condition_with_a_parameter_is_not_followed(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_view_parameter p = parameter("p", "int4");
    struct sgr_level root = {.node = node,
                             .where = condition("score >= $p", node, NULL, &p, 1),
                             COLUMNS({false, 0, "id"})};
    struct sgr_view *view = add_view(f, root, "int4");
    struct sgr_instance *low = open_with(view, 40), *high = open_with(view, 50);
    expect_document(low, "[{\"id\":1},{\"id\":2}]");
    expect_document(high, "[{\"id\":1}]");
    UPDATE(node, "1|50|0", "1|45|0");
    commit(f);
    assert_false(was_changed(f, low));
    EXPECT_PATCH(high, "[{\"op\":\"remove\",\"path\":\"/0\"}]");
    sgr_instance_close(low);
    sgr_instance_close(high);
}

static void a_row_that_a_condition_fails_on_stops_the_commit(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_level root = {.node = node,
                             .where = condition("100 / hidden > 5", node, NULL, NULL, 0),
                             COLUMNS({false, 0, "id"})};
    struct sgr_instance *list = open_with(add_view(f, root, NULL), 0);
    expect_document(list, "[]");
    UPDATE(node, "1|50|0", "1|50|2");
    commit(f);
    expect_document(list, "[{\"id\":1}]");
    struct sgr_views_counters counters;
    sgr_views_counters(f->views, &counters);
    assert_true(counters.failed_tests > 0);
    sgr_instance_close(list);
}

static void a_null_matches(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = TABLE(f, "t", "id int4, a int4", 0);
    struct sgr_level root = {
        .node = node, EQUAL({.column = 1, .parameter = 0}), COLUMNS({false, 0, "id"})};
    INSERT(node, "1|null");
    commit(f);
    struct sgr_value null = {.type = SGR_INT4, .null = true};
    struct sgr_instance *list;
    CHECK(sgr_instance_open(add_view(f, root, "int4"), &null, &list, error));
    INSERT(node, "2|null");
    commit(f);
    expect_document(list, "[]");
    sgr_instance_close(list);
}

static void views_that_differ_in_a_constant_are_all_tried(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = TABLE(f, "t", "id int4, a int4", 0);
    for (int i = 0; i < 500; i++) {
        struct sgr_level root = {
            .node = node,
            EQUAL({.column = 1, .parameter = -1, .constant = {.type = SGR_INT4, .i = i}}),
            COLUMNS({false, 0, "id"})};
        open_with(add_view(f, root, NULL), 0);
    }
    struct sgr_views_counters before, after;
    sgr_views_counters(f->views, &before);
    INSERT(node, "1|77");
    commit(f);
    sgr_views_counters(f->views, &after);
    assert_int_equal(f->changed.count, 1);
    assert_int_equal(after.rows_read - before.rows_read, 1);
}

/* ---- Around ---- */

static void keyed_rows_say_nothing_of_their_keys(void **state) {
    struct fixture *f = *state;
    struct followeds t = make_followeds(f);
    struct sgr_node *node = TABLE(f, "log", "day int4, n int4, text text", 0, 1);
    struct sgr_level root = {.node = node, COLUMNS({false, 0, "day"}, {false, 1, "no"})};
    struct sgr_level hidden = {.node = node, COLUMNS({false, 0, "day"})};
    struct sgr_level fixed = {
        .node = node,
        EQUAL({.column = 0, .parameter = -1, .constant = {.type = SGR_INT4, .i = 3}}),
        COLUMNS({false, 1, "no"})};
    INSERT(node, "3|4|x");
    commit(f);
    struct sgr_instance *instances[] = {open_with(t.view, 9), open_with(add_view(f, root, NULL), 0),
                                        open_with(add_view(f, hidden, NULL), 0),
                                        open_with(add_view(f, fixed, NULL), 0)};
    static const char *const expected[] = {
        "{\"keys\":{\"one\":true,\"key\":[\"id\"],\"levels\":[{\"field\":\"followeds\",\"one\":"
        "false,"
        "\"key\":[\"id\"],\"levels\":[{\"field\":\"places\",\"one\":false,\"key\":[\"id\"],"
        "\"levels\":[]}]}]},\"data\":null}",
        "{\"keys\":{\"one\":false,\"key\":[\"day\",\"no\"],\"levels\":[]},"
        "\"data\":[{\"day\":3,\"no\":4}]}",
        "{\"keys\":{\"one\":false,\"key\":null,\"levels\":[]},\"data\":[{\"day\":3}]}",
        "{\"keys\":{\"one\":false,\"key\":[\"no\"],\"levels\":[]},\"data\":[{\"no\":4}]}"};
    INSERT(node, "3|5|y");
    commit(f);
    static const char *const edits[] = {
        "", "[{\"at\":[[3,5]],\"put\":{\"day\":3,\"no\":5},\"before\":null}]",
        "[{\"at\":[1],\"put\":{\"day\":3}}]", "[{\"at\":[5],\"put\":{\"no\":5},\"before\":null}]"};
    for (int i = 0; i < 4; i++)
        EXPECT_ROWS(instances[i], edits[i]);
    DELETE(node, "3|5|y");
    commit(f);
    for (int i = 0; i < 4; i++) {
        char *found = document(instances[i], "rows");
        assert_string_equal(found, expected[i]);
        free(found);
        sgr_instance_close(instances[i]);
    }
}

static void demand_does_not_follow_what_is_shown(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *top = ranked(f, node, 1);
    const struct sgr_row *first = make_row(f, node, "1|50|0"),
                         *second = make_row(f, node, "2|40|0");
    assert_true(sgr_views_demanded(f->views, node, first));
    assert_false(sgr_views_demanded(f->views, node, second));
    sgr_instance_close(top);
    sgr_views_trim(f->views, INT64_MAX, 0, 0);
    assert_false(sgr_views_demanded(f->views, node, first));
    sgr_row_unref(first);
    sgr_row_unref(second);
}

static void an_instance_sees_a_transaction_twice(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_instance *list = ranked(f, node, 0), *other;
    struct sgr_view *view = sgr_instance_view(ranked(f, node, 3));
    struct sgr_value none = {0};
    struct sgr_level root = {.node = node, COLUMNS({false, 0, "id"})};
    struct sgr_view *fresh = add_view(f, root, NULL);
    INSERT(node, "9|90|0");
    CHECK(sgr_graph_run(f->graph, error));
    assert_int_equal(sgr_instance_open(fresh, &none, &other, NULL), SGR_EUNAVAILABLE);
    CHECK(sgr_instance_open(view, &none, &other, error)); /* it is there already */
    commit(f);
    CHECK(sgr_instance_open(fresh, &none, &other, error));
    expect_document(other, "[{\"id\":1},{\"id\":2},{\"id\":3},{\"id\":4},{\"id\":5},{\"id\":9}]");
    sgr_instance_close(list);
}

static void a_wrong_view_is_taken(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = TABLE(f, "t", "id int4, a text", 0);
    struct sgr_level root = {.node = node, COLUMNS({false, 0, "id"})};
    struct sgr_view_spec spec = {.path = "/places", .root = root};
    struct sgr_view *view, *other;
    CHECK(sgr_views_add(f->views, &spec, &view, error));
    assert_int_equal(sgr_views_add(f->views, &spec, &other, NULL), SGR_EEXISTS);
    spec.path = "/x";
    spec.root.columns = (const struct sgr_level_column[]){{false, 2, "none"}};
    assert_int_equal(sgr_views_add(f->views, &spec, &other, NULL), SGR_EINVAL);
    spec.root = (struct sgr_level){.node = node,
                                   LEVELS({.name = "l",
                                           .node = node,
                                           .parent_columns = AT(0),
                                           .parent_count = 1,
                                           .child_columns = AT(1),
                                           .child_count = 1})};
    assert_int_equal(sgr_views_add(f->views, &spec, &other, NULL), SGR_ETYPE);
    assert_ptr_equal(sgr_views_find(f->views, sgr_slice("/places")), view);
    assert_null(sgr_views_find(f->views, sgr_slice("/x")));
    assert_string_equal(sgr_views_nearest(f->views, sgr_slice("/plaecs")), "/places");
    sgr_view_remove(view);
    assert_null(sgr_views_find(f->views, sgr_slice("/places")));
}

static void explain_hides_how_rows_are_found(void **state) {
    struct fixture *f = *state;
    struct sgr_node *node = scores(f);
    struct sgr_view_parameter p = parameter("p", "int4");
    struct sgr_level root = {.node = node,
                             .limit = 3,
                             EQUAL({.column = 2, .parameter = 0}),
                             .where = condition("score > $p", node, NULL, &p, 1),
                             ORDER({.column = 1, .descending = true}),
                             COLUMNS({false, 0, "id"})};
    struct sgr_view *view = add_view(f, root, "int4");
    open_with(view, 0);
    struct sgr_buffer out = SGR_BUFFER_INIT;
    sgr_views_explain(f->views, SGR_EXPLAIN_TEXT, true, &out);
    assert_non_null(strstr(sgr_buffer_text(&out), ": list of scores indexed(hidden = $p) tested("));
    assert_non_null(strstr(out.data, " order(score desc) limit 3 once per($p) collections=1 "
                                     "members=5 instances=1 open=1 subscribers=1"));
    sgr_buffer_clear(&out);
    sgr_views_explain(f->views, SGR_EXPLAIN_JSON, true, &out);
    assert_non_null(strstr(sgr_buffer_text(&out), "\"indexed\":\"hidden = $p\""));
    sgr_buffer_clear(&out);
    sgr_views_explain(f->views, SGR_EXPLAIN_DOT, false, &out);
    assert_non_null(strstr(sgr_buffer_text(&out), "digraph"));
    sgr_buffer_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nested_documents_and_their_patches_are_wrong),
        TEST(root_does_not_turn_from_null_to_object_and_back),
        TEST(both_sides_of_a_link_in_one_transaction_tear),
        TEST(instances_do_not_share_what_they_could),
        TEST(a_change_costs_more_than_its_appearances),
        TEST(a_changed_link_shows_the_old_side),
        TEST(a_row_that_was_away_comes_back_with_its_old_children),
        TEST(names_break_json_pointers),
        TEST(one_user_sees_the_rows_of_another),
        TEST(closed_instances_outgrow_the_budget),
        TEST(a_condition_with_a_parameter_is_not_followed),
        TEST(a_row_that_a_condition_fails_on_stops_the_commit),
        TEST(a_null_matches),
        TEST(views_that_differ_in_a_constant_are_all_tried),
        TEST(keyed_rows_say_nothing_of_their_keys),
        TEST(demand_does_not_follow_what_is_shown),
        TEST(an_instance_sees_a_transaction_twice),
        TEST(a_wrong_view_is_taken),
        TEST(explain_hides_how_rows_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
