/* A heap and a graph, and short ways to make relations, rows and operators for tests of core/graph. */
#ifndef SGR_TEST_GRAPH_FIXTURE_H
#define SGR_TEST_GRAPH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "graph/graph.h"
#include "graph/options.h"

struct fixture {
    struct sgr_heap *heap;
    struct sgr_graph *graph;
    struct sgr_error error;
};

static inline void fixture_init(struct fixture *f, uint64_t seed,
                                const struct sgr_graph_hooks *hooks) {
    memset(f, 0, sizeof(*f));
    f->heap = sgr_heap_new(0, &f->error);
    assert_non_null(f->heap);
    f->graph = sgr_graph_new(f->heap, seed, hooks);
    assert_non_null(f->graph);
}

/* Nothing may be left: nodes, or rows in the heap. */
static inline void fixture_fini(struct fixture *f) {
    assert_int_equal(sgr_graph_node_count(f->graph), 0);
    sgr_graph_free(f->graph);
    assert_int_equal(sgr_heap_rows(f->heap), 0);
    sgr_heap_free(f->heap);
}

/* Columns of int8, named as in "id a b"; the first `keys` are the key. */
static inline struct sgr_node *fixture_relation(struct fixture *f, const char *name,
                                                const char *columns, size_t keys) {
    static const uint16_t key[] = {0, 1, 2, 3};
    struct sgr_column made[8] = {0};
    char copy[128], *save = NULL;
    size_t count = 0;
    snprintf(copy, sizeof(copy), "%s", columns);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        made[count++] = (struct sgr_column){
            .name = word, .type_name = "int8", .type = SGR_INT8, .type_modifier = -1};
    struct sgr_schema *schema = sgr_schema_new(made, count);
    struct sgr_node *node = NULL;
    assert_non_null(schema);
    assert_int_equal(sgr_graph_relation(f->graph, name, schema, key, keys, &node, &f->error), 0);
    sgr_schema_unref(schema);
    return node;
}

static inline const struct sgr_row *fixture_row(struct fixture *f, const struct sgr_node *node,
                                                const int64_t *numbers) {
    const struct sgr_schema *schema = sgr_node_schema(node);
    struct sgr_value values[8] = {0};
    const struct sgr_row *row = NULL;
    for (uint16_t i = 0; i < schema->count; i++)
        values[i] = (struct sgr_value){.type = SGR_INT8, .i = numbers[i]};
    assert_int_equal(sgr_row_new(f->heap, schema, values, &row, &f->error), 0);
    return row;
}

#define FEED(f, node, weight, ...) fixture_feed(f, node, weight, (const int64_t[]){__VA_ARGS__})
static inline void fixture_feed(struct fixture *f, struct sgr_node *node, int64_t weight,
                                const int64_t *numbers) {
    const struct sgr_row *row = fixture_row(f, node, numbers);
    assert_int_equal(sgr_node_feed(node, row, weight), 0);
    sgr_row_unref(row);
}

static inline void fixture_run(struct fixture *f) {
    int status = sgr_graph_run(f->graph, &f->error);
    if (status)
        fail_msg("run: %s (%s)", f->error.message, f->error.context);
}

static inline struct sgr_options *fixture_options(const struct sgr_plugin *plugin,
                                                  const char *canonical, const void *data) {
    struct sgr_arena *arena = sgr_arena_new();
    struct sgr_options *options = sgr_arena_alloc(arena, sizeof(*options));
    *options = (struct sgr_options){.plugin = plugin,
                                    .data = data,
                                    .canonical = sgr_arena_copy(arena, sgr_slice(canonical)),
                                    .arena = arena};
    return options;
}

static inline struct sgr_node *fixture_operator(struct fixture *f, const struct sgr_plugin *plugin,
                                                const char *canonical,
                                                struct sgr_node *const *inputs, size_t count) {
    struct sgr_node *node = NULL;
    int status = sgr_graph_operator(f->graph, plugin, fixture_options(plugin, canonical, NULL),
                                    inputs, count, canonical, &node, &f->error);
    if (status)
        fail_msg("operator %s: %s (%s)", canonical, f->error.message, f->error.context);
    return node;
}

/* How often the row is in the node, by an index over all columns made for the moment. */
#define COUNT(f, node, ...) fixture_count(f, node, (const int64_t[]){__VA_ARGS__})
static inline int64_t fixture_count(struct fixture *f, struct sgr_node *node,
                                    const int64_t *numbers) {
    static const uint16_t all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const struct sgr_schema *schema = sgr_node_schema(node);
    struct sgr_index *index = NULL;
    assert_int_equal(sgr_node_index(node, all, schema->count, &index, &f->error), 0);
    struct sgr_value key[8] = {0};
    for (uint16_t i = 0; i < schema->count; i++)
        key[i] = (struct sgr_value){.type = SGR_INT8, .i = numbers[i]};
    struct sgr_iterator iterator;
    int64_t weight = 0, sum = 0;
    sgr_index_probe(index, key, &iterator);
    while (sgr_index_next(&iterator, &weight))
        sum += weight;
    sgr_node_unindex(node, index);
    return sum;
}

static inline size_t fixture_rows(struct fixture *f, struct sgr_node *node) {
    struct sgr_index *index = NULL;
    assert_int_equal(sgr_node_index(node, NULL, 0, &index, &f->error), 0);
    size_t rows = sgr_index_rows(index);
    sgr_node_unindex(node, index);
    return rows;
}

#endif
