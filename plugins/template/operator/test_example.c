/* The operator through the real graph: rows in, changes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "graph/graph.h"
#include "loader/loader.h"

struct fixture {
    struct sgr_loader *loader;
    struct sgr_heap *heap;
    struct sgr_graph *graph;
    struct sgr_schema *schema;
    struct sgr_node *relation, *node;
    struct sgr_buffer trace; /* what the node put out: "+1 {…}" a line */
};

static void observe(void *data, struct sgr_node *node, const struct sgr_batch *batch) {
    struct fixture *fixture = data;
    const struct sgr_schema *schema = sgr_node_schema(node);
    for (size_t i = 0; i < batch->count; i++) {
        sgr_buffer_printf(&fixture->trace, "%+d ", (int)batch->items[i].weight);
        sgr_row_json(schema, batch->items[i].row, NULL, schema->count, &fixture->trace);
        sgr_buffer_puts(&fixture->trace, "\n");
    }
}

/* A relation app.items (id int key, name text), and the node with these options. */
static int begin(struct fixture *fixture, const char *yaml, struct sgr_error *error) {
    static const struct sgr_column columns[] = {
        {.name = "id", .type_name = "int4", .type_modifier = -1, .type = SGR_INT4},
        {.name = "name", .type_name = "text", .type_modifier = -1, .type = SGR_TEXT},
    };
    const char *directories[] = {getenv("SANGRE_PLUGIN_DIR"), NULL};
    const struct sgr_plugin *plugin;
    struct sgr_document *document;
    struct sgr_options *options;
    uint16_t key = 0;
    *fixture = (struct fixture){.loader = sgr_loader_new(directories)};
    fixture->heap = sgr_heap_new(1 << 24, NULL);
    fixture->graph = sgr_graph_new(fixture->heap, 7, NULL);
    fixture->schema = sgr_schema_new(columns, 2);
    assert_int_equal(sgr_graph_relation(fixture->graph, "app.items", fixture->schema, &key, 1,
                                        &fixture->relation, NULL),
                     0);
    assert_int_equal(sgr_loader_plugin(fixture->loader, SGR_OPERATOR, "example", &plugin, error),
                     0);
    assert_int_equal(sgr_document_read_yaml("test.yaml", sgr_slice(yaml), &document, error), 0);
    int code = sgr_options_parse(plugin, sgr_document_root(document), NULL, &options, error);
    if (code == 0)
        code = sgr_graph_operator(fixture->graph, plugin, options, &fixture->relation, 1, "node",
                                  &fixture->node, error);
    sgr_document_free(document);
    if (code == 0)
        sgr_node_observe(fixture->node, observe, fixture);
    return code;
}

static void end(struct fixture *fixture) {
    if (fixture->node)
        sgr_node_unobserve(fixture->node, observe, fixture);
    sgr_node_unref(fixture->node);
    sgr_node_unref(fixture->relation);
    sgr_graph_free(fixture->graph);
    sgr_schema_unref(fixture->schema);
    sgr_heap_free(fixture->heap);
    sgr_loader_free(fixture->loader);
    sgr_buffer_fini(&fixture->trace);
}

static void feed(struct fixture *fixture, int64_t weight, int64_t id, const char *name) {
    struct sgr_value values[2] = {{.type = SGR_INT4, .i = id}, {.type = SGR_TEXT, .null = !name}};
    const struct sgr_row *row;
    if (name)
        values[1].s = sgr_slice(name);
    assert_int_equal(sgr_row_new(fixture->heap, fixture->schema, values, &row, NULL), 0);
    assert_int_equal(sgr_node_feed(fixture->relation, row, weight), 0);
    sgr_row_unref(row);
}

static const char *changes(struct fixture *fixture) {
    sgr_buffer_clear(&fixture->trace);
    assert_int_equal(sgr_graph_run(fixture->graph, NULL), 0);
    return sgr_buffer_text(&fixture->trace);
}

static void test_rows_with_a_null_are_left_out_and_others_taken_back(void **state) {
    (void)state;
    struct fixture fixture;
    struct sgr_error error;
    assert_int_equal(begin(&fixture, "column: name\n", &error), 0);
    feed(&fixture, 1, 1, "ann");
    feed(&fixture, 1, 2, NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":1,\"name\":\"ann\"}\n");
    feed(&fixture, -1, 1, "ann");
    assert_string_equal(changes(&fixture), "-1 {\"id\":1,\"name\":\"ann\"}\n");
    end(&fixture);
}

static void test_an_unknown_column_is_refused_with_the_nearest(void **state) {
    (void)state;
    struct fixture fixture;
    struct sgr_error error;
    assert_int_equal(begin(&fixture, "column: nmae\n", &error), SGR_ECONFIG);
    assert_non_null(strstr(error.message, "did you mean 'name'?"));
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_with_a_null_are_left_out_and_others_taken_back),
        cmocka_unit_test(test_an_unknown_column_is_refused_with_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
