/* Each allocation fails in turn: views, instances, commits and diffs either work or say so, and leave nothing behind. */
#include "fixture.h"

#define AT(...)          \
    (const uint16_t[]) { \
        __VA_ARGS__      \
    }

/* ---- Allocations that fail on demand (the linker leads here) ---- */

static long fail_after = -1; /* -1: never */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void) {
    return fail_after >= 0 && fail_after-- == 0;
}
void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size) {
    return fails() ? NULL : __real_realloc(old, size);
}

/* ---- What is tried ---- */

struct tables {
    struct sgr_node *users, *follows;
};

static struct tables fill(struct fixture *f) {
    struct tables made = {TABLE(f, "users", "id int4, name text", 0),
                          TABLE(f, "follows", "user_id int4, followed_id int4", 0, 1)};
    INSERT(made.users, "1|ann");
    INSERT(made.users, "2|bob");
    INSERT(made.users, "3|cid");
    INSERT(made.follows, "1|2");
    INSERT(made.follows, "1|3");
    commit(f);
    return made;
}

static void empty(struct fixture *f, const struct tables *t, bool changed) {
    DELETE(t->users, "1|ann");
    DELETE(t->users, changed ? "2|rob" : "2|bob");
    DELETE(t->users, "3|cid");
    DELETE(t->follows, changed ? "3|1" : "1|3");
    DELETE(t->follows, "1|2");
    CHECK(sgr_graph_run(f->graph, error));
}

/* Users with whom they follow: the parameter's, or all. */
static int add_of(struct fixture *f, const struct tables *t, bool all, struct sgr_view **ret) {
    static const struct sgr_level_column columns[] = {{false, 0, "id"}, {false, 1, "name"}};
    static const struct sgr_level_order order = {.column = 1};
    static const struct sgr_level_equality equality = {.column = 0, .parameter = 0};
    struct sgr_level below = {.name = "followeds",
                              .node = t->users,
                              .via = t->follows,
                              .parent_columns = AT(0),
                              .via_parent_columns = AT(0),
                              .parent_count = 1,
                              .via_child_columns = AT(1),
                              .child_columns = AT(0),
                              .child_count = 1,
                              .order = &order,
                              .order_count = 1,
                              .limit = 5,
                              .columns = columns,
                              .column_count = 2};
    struct sgr_level root = {.node = t->users,
                             .equalities = &equality,
                             .equality_count = all ? 0 : 1,
                             .columns = columns,
                             .column_count = 2,
                             .levels = &below,
                             .level_count = 1};
    struct sgr_view_parameter parameters[] = {
        {.name = "user", .column = {.name = "user", .type_name = "int4", .type = SGR_INT4}}};
    struct sgr_view_spec spec = {"/followeds", parameters, 1, root};
    return sgr_views_add(f->views, &spec, ret, NULL);
}

static int add(struct fixture *f, const struct tables *t, struct sgr_view **ret) {
    return add_of(f, t, false, ret);
}

static int open_one(struct sgr_view *view, struct sgr_instance **ret) {
    struct sgr_value value = {.type = SGR_INT4, .i = 1};
    return sgr_instance_open(view, &value, ret, NULL);
}

static void only_memory_fails(int code) {
    assert_true(code == 0 || code == SGR_ENOMEM);
}

/* ---- Trying ---- */

static void adding_a_view_survives_no_memory(void **state) {
    bool worked = false;
    (void)state;
    for (long n = 0; !worked; n++) {
        struct fixture own = fixture_new(), *f = &own;
        struct tables t = fill(f);
        struct sgr_view *view;
        fail_after = n;
        int code = add(f, &t, &view);
        worked = fail_after >= 0;
        fail_after = -1;
        only_memory_fails(code);
        empty(f, &t, false);
        fixture_free(f);
    }
}

static void opening_each_time_with_less_memory(bool all) {
    struct fixture own = fixture_new(), *f = &own;
    struct tables t = fill(f);
    struct sgr_view *view;
    struct sgr_views_counters counters;
    bool worked = false;
    CHECK(add_of(f, &t, all, &view));
    for (long n = 0; !worked; n++) {
        struct sgr_instance *instance;
        fail_after = n;
        int code = open_one(view, &instance);
        worked = fail_after >= 0;
        fail_after = -1;
        only_memory_fails(code);
        if (!code)
            sgr_instance_close(instance);
        sgr_views_trim(f->views, INT64_MAX, 0, 0);
        sgr_views_counters(f->views, &counters);
        assert_int_equal(counters.state_bytes, 0);
        assert_int_equal(counters.collections, 0);
    }
    empty(f, &t, false);
    fixture_free(f);
}

static void opening_survives_no_memory(void **state) {
    (void)state;
    opening_each_time_with_less_memory(false);
}

/* What the first members show was made before it fails for the last. */
static void opening_what_shows_much_survives_no_memory(void **state) {
    (void)state;
    opening_each_time_with_less_memory(true);
}

static void committing_survives_no_memory(void **state) {
    bool worked = false;
    (void)state;
    for (long n = 0; !worked; n++) {
        struct fixture own = fixture_new(), *f = &own;
        struct tables t = fill(f);
        struct sgr_view *view;
        struct sgr_instance *instance;
        CHECK(add(f, &t, &view));
        CHECK(open_one(view, &instance));
        UPDATE(t.users, "2|bob", "2|rob");
        UPDATE(t.follows, "1|3", "3|1");
        CHECK(sgr_graph_run(f->graph, error));
        fail_after = n;
        int code = sgr_views_commit(f->views, ++f->commit, 1000, NULL, NULL, NULL);
        worked = fail_after >= 0;
        fail_after = -1;
        only_memory_fails(code);
        sgr_instance_close(instance);
        empty(f, &t, true);
        fixture_free(f);
    }
}

static void diffing_survives_no_memory(void **state) {
    struct fixture own = fixture_new(), *f = &own;
    struct tables t = fill(f);
    struct sgr_view *view;
    struct sgr_instance *instance;
    (void)state;
    CHECK(add(f, &t, &view));
    CHECK(open_one(view, &instance));
    UPDATE(t.users, "2|bob", "2|rob");
    UPDATE(t.follows, "1|3", "3|1");
    commit(f);
    static const char *const codecs[] = {"json-patch", "rows", "full"};
    for (int i = 0; i < 3; i++) {
        bool worked = false;
        for (long n = 0; !worked; n++) {
            struct sgr_buffer out = SGR_BUFFER_INIT;
            fail_after = n;
            int code = sgr_instance_changes(instance, sgr_codec_find(codecs[i]), f->commit - 1,
                                            &out, NULL);
            worked = fail_after >= 0;
            fail_after = -1;
            only_memory_fails(code);
            assert_true(code ? out.size == 0 : out.size > 2);
            sgr_buffer_fini(&out);
        }
    }
    sgr_instance_close(instance);
    empty(f, &t, true);
    fixture_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_a_view_survives_no_memory),
        cmocka_unit_test(opening_survives_no_memory),
        cmocka_unit_test(opening_what_shows_much_survives_no_memory),
        cmocka_unit_test(committing_survives_no_memory),
        cmocka_unit_test(diffing_survives_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
