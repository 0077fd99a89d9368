/* What the tests by example share: views declared in a line or two, and what they are expected to show. */
#ifndef TESTS_UNIT_VIEW_EXAMPLES_H
#define TESTS_UNIT_VIEW_EXAMPLES_H

#include "fixture.h"

#include <stdio.h>

#define COLUMNS(...)                                           \
    .columns = (const struct sgr_level_column[]){__VA_ARGS__}, \
    .column_count =                                            \
        sizeof((const struct sgr_level_column[]){__VA_ARGS__}) / sizeof(struct sgr_level_column)
#define LEVELS(...)                                    \
    .levels = (const struct sgr_level[]){__VA_ARGS__}, \
    .level_count = sizeof((const struct sgr_level[]){__VA_ARGS__}) / sizeof(struct sgr_level)
#define EQUAL(...)                                                               \
    .equalities = (const struct sgr_level_equality[]){__VA_ARGS__},              \
    .equality_count = sizeof((const struct sgr_level_equality[]){__VA_ARGS__}) / \
                      sizeof(struct sgr_level_equality)
#define ORDER(...)                                          \
    .order = (const struct sgr_level_order[]){__VA_ARGS__}, \
    .order_count =                                          \
        sizeof((const struct sgr_level_order[]){__VA_ARGS__}) / sizeof(struct sgr_level_order)
#define AT(...)          \
    (const uint16_t[]) { \
        __VA_ARGS__      \
    }

static inline struct sgr_view *add_view(struct fixture *f, struct sgr_level root,
                                        const char *type) {
    static int number;
    char path[20];
    sprintf(path, "/view%d", number++);
    struct sgr_view_parameter parameters[] = {parameter("p", type ? type : "int4")};
    struct sgr_view_spec spec = {path, parameters, type ? 1 : 0, root};
    struct sgr_view *view;
    CHECK(sgr_views_add(f->views, &spec, &view, error));
    return view;
}

static inline struct sgr_instance *open_with(struct sgr_view *view, int64_t value) {
    struct sgr_value values[] = {{.type = SGR_INT4, .i = value}};
    struct sgr_instance *instance;
    CHECK(sgr_instance_open(view, values, &instance, error));
    return instance;
}

static inline void expect_document(struct sgr_instance *instance, const char *expected) {
    char *found = document(instance, "json-patch");
    assert_string_equal(found, expected);
    free(found);
}

static inline void expect_changes(struct sgr_instance *instance, const char *codec, uint64_t from,
                                  const char *expected) {
    char *found = changes(instance, codec, from);
    assert_string_equal(found ? found : "forgotten", expected);
    free(found);
}
#define EXPECT_PATCH(instance, expected) \
    expect_changes(instance, "json-patch", f->commit - 1, expected)
#define EXPECT_ROWS(instance, expected) expect_changes(instance, "rows", f->commit - 1, expected)

static inline int set_up(void **state) {
    struct fixture *f = malloc(sizeof(*f));
    *f = fixture_new();
    *state = f;
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < f->nodes.count; i++) { /* empties the relations by their own key index */
        struct sgr_node *node = *SGR_VECTOR_AT(&f->nodes, struct sgr_node *, i);
        struct sgr_index *index;
        uint16_t all[16], count = sgr_node_schema(node)->count;
        for (uint16_t j = 0; j < count; j++)
            all[j] = j;
        CHECK(sgr_node_index(node, all, count, &index, error));
        struct sgr_iterator at;
        int64_t weight;
        const struct sgr_row *row;
        sgr_index_scan(index, &at);
        while ((row = sgr_index_next(&at, &weight)))
            sgr_node_feed(node, row, -weight);
        sgr_node_unindex(node, index);
    }
    CHECK(sgr_graph_run(f->graph, error));
    fixture_free(f);
    free(f);
    return 0;
}

static inline struct sgr_instance *ranked(struct fixture *f, struct sgr_node *node,
                                          uint64_t limit) {
    struct sgr_level root = {.node = node,
                             .limit = limit,
                             ORDER({.column = 1, .descending = true}),
                             COLUMNS({false, 0, "id"}, {false, 1, "score"})};
    return open_with(add_view(f, root, NULL), 0);
}

static inline struct sgr_node *scores(struct fixture *f) {
    struct sgr_node *node = TABLE(f, "scores", "id int4, score int4, hidden int4", 0);
    INSERT(node, "1|50|0");
    INSERT(node, "2|40|0");
    INSERT(node, "3|30|0");
    INSERT(node, "4|20|0");
    INSERT(node, "5|10|0");
    commit(f);
    return node;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
