/* A graph of relations and the views over it, fed by hand. Columns are "name type, …", rows "1|text|null". */
#ifndef TEST_VIEW_FIXTURE_H
#define TEST_VIEW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/slice.h"
#include "base/vector.h"
#include "row/row.h"
#include "view/view.h"

struct fixture {
    struct sgr_heap *heap;
    struct sgr_graph *graph;
    struct sgr_views *views;
    uint64_t commit;
    struct sgr_vector changed; /* of struct sgr_instance *: in the last commit */
    struct sgr_vector nodes;
};

#define CHECK(call)                                                        \
    do {                                                                   \
        struct sgr_error check_error = {0};                                \
        struct sgr_error *error = &check_error;                            \
        (void)error;                                                       \
        int check_code = (call);                                           \
        if (check_code)                                                    \
            fail_msg("%s: %d %s", #call, check_code, check_error.message); \
    } while (0)

static inline struct fixture fixture_new(void) {
    struct fixture f = {0};
    CHECK(!(f.heap = sgr_heap_new(1 << 28, error)));
    f.graph = sgr_graph_new(f.heap, 1, NULL);
    f.views = sgr_views_new(f.graph);
    assert_non_null(f.views);
    f.changed = SGR_VECTOR_INIT(struct sgr_instance *);
    f.nodes = SGR_VECTOR_INIT(struct sgr_node *);
    return f;
}

static inline void fixture_free(struct fixture *f) {
    sgr_views_free(f->views);
    for (size_t i = 0; i < f->nodes.count; i++)
        sgr_node_unref(*SGR_VECTOR_AT(&f->nodes, struct sgr_node *, i));
    sgr_graph_free(f->graph);
    assert_int_equal(sgr_heap_rows(f->heap), 0);
    sgr_heap_free(f->heap);
    sgr_vector_fini(&f->changed);
    sgr_vector_fini(&f->nodes);
}

static inline struct sgr_node *make_table(struct fixture *f, const char *name, const char *columns,
                                          const uint16_t *key, size_t key_count) {
    struct sgr_column list[16];
    char names[16][32];
    size_t count = 0;
    while (*columns) {
        char type[32];
        int used = 0;
        assert_int_equal(sscanf(columns, "%31s %31[^,]%n", names[count], type, &used), 2);
        memset(&list[count], 0, sizeof(*list));
        CHECK(sgr_type_parse(sgr_slice(type), &list[count], error));
        list[count].name = names[count];
        count++;
        columns += used;
        columns += strspn(columns, ", ");
    }
    struct sgr_schema *schema = sgr_schema_new(list, count);
    struct sgr_node *node;
    CHECK(sgr_graph_relation(f->graph, name, schema, key, key_count, &node, error));
    sgr_schema_unref(schema);
    sgr_vector_push(&f->nodes, &node);
    return node;
}
#define TABLE(f, name, columns, ...)                              \
    make_table(f, name, columns, (const uint16_t[]){__VA_ARGS__}, \
               sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))
#define BAG(f, name, columns) make_table(f, name, columns, NULL, 0)

static inline const struct sgr_row *make_row(struct fixture *f, struct sgr_node *node,
                                             const char *text) {
    const struct sgr_schema *schema = sgr_node_schema(node);
    struct sgr_value values[16];
    for (uint16_t i = 0; i < schema->count; i++) {
        size_t size = strcspn(text, "|");
        struct sgr_slice field = {text, size};
        if (sgr_slice_is(field, "null"))
            values[i] = (struct sgr_value){.type = schema->columns[i].type, .null = true};
        else
            CHECK(sgr_value_parse(schema->columns[i].type, field, &values[i], error));
        text += size + (text[size] == '|');
    }
    const struct sgr_row *row;
    CHECK(sgr_row_new(f->heap, schema, values, &row, error));
    return row;
}

static inline void feed(struct fixture *f, struct sgr_node *node, const char *text,
                        int64_t weight) {
    const struct sgr_row *row = make_row(f, node, text);
    assert_int_equal(sgr_node_feed(node, row, weight), 0);
    sgr_row_unref(row);
}
#define INSERT(node, text)     feed(f, node, text, 1)
#define DELETE(node, text)     feed(f, node, text, -1)
#define UPDATE(node, old, new) (feed(f, node, old, -1), feed(f, node, new, 1))

static inline void note_changed(void *data, struct sgr_instance *instance) {
    sgr_vector_push(data, &instance);
}

static inline void commit(struct fixture *f) {
    sgr_vector_clear(&f->changed);
    CHECK(sgr_graph_run(f->graph, error));
    f->commit++;
    CHECK(sgr_views_commit(f->views, f->commit, (int64_t)f->commit * 1000, note_changed,
                           &f->changed, error));
}

static inline bool was_changed(const struct fixture *f, const struct sgr_instance *instance) {
    size_t times = 0;
    for (size_t i = 0; i < f->changed.count; i++)
        times += *SGR_VECTOR_AT(&f->changed, struct sgr_instance *, i) == instance;
    assert_true(times <= 1);
    return times;
}

static inline struct sgr_expression *condition(const char *sql, struct sgr_node *node,
                                               struct sgr_node *via,
                                               const struct sgr_view_parameter *parameters,
                                               size_t count) {
    struct sgr_scope_relation relations[2] = {{"node", sgr_node_schema(node), false},
                                              {"via", via ? sgr_node_schema(via) : NULL, true}};
    struct sgr_scope_parameter scoped[8];
    for (size_t i = 0; i < count; i++)
        scoped[i] = (struct sgr_scope_parameter){parameters[i].name, parameters[i].column};
    struct sgr_scope scope = {relations, via ? 2 : 1, scoped, count};
    struct sgr_expression *expression;
    CHECK(sgr_expression_new(sql, &scope, &expression, error));
    return expression;
}

static inline struct sgr_view_parameter parameter(const char *name, const char *type) {
    struct sgr_view_parameter made = {.name = name};
    CHECK(sgr_type_parse(sgr_slice(type), &made.column, error));
    made.column.name = name;
    return made;
}

/* NUL-terminated, the caller's. */
static inline char *document(struct sgr_instance *instance, const char *codec) {
    struct sgr_buffer out = SGR_BUFFER_INIT;
    CHECK(sgr_instance_document(instance, sgr_codec_find(codec), &out, error));
    sgr_buffer_text(&out);
    return out.data;
}

/* NULL: out of history. "": nothing changed. */
static inline char *changes(struct sgr_instance *instance, const char *codec, uint64_t from) {
    struct sgr_buffer out = SGR_BUFFER_INIT;
    struct sgr_error error = {0};
    int code = sgr_instance_changes(instance, sgr_codec_find(codec), from, &out, &error);
    if (code == SGR_ENOTFOUND) {
        assert_int_equal(out.size, 0);
        sgr_buffer_fini(&out);
        return NULL;
    }
    if (code)
        fail_msg("changes: %s", error.message);
    sgr_buffer_text(&out);
    return out.data;
}

#endif
