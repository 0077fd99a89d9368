/* A graph with plugins loaded as the program loads them, and rows as text, for the tests in operators' folders.
 *
 *     struct stage s;
 *     stage_init(&s);
 *     struct sgr_node *users = stage_relation(&s, "app.users", "id int4, name text", 1);
 *     struct sgr_node *node = stage_operator(&s, "filter", "condition: id > 1", &users, 1);
 *     stage_feed(&s, users, 1, "2|ann");
 *     stage_run(&s);
 *     assert_string_equal(stage_contents(&s, node), "2|ann");
 *     sgr_node_unref(node); …
 *     stage_fini(&s);
 */
#ifndef SGR_TEST_OPERATOR_H
#define SGR_TEST_OPERATOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "base/vector.h"
#include "graph/graph.h"
#include "loader/loader.h"

struct stage {
    struct sgr_heap *heap;
    struct sgr_graph *graph;
    struct sgr_loader *loader;
    struct sgr_error error;
    struct sgr_buffer text; /* what stage_contents returned last */
    int failed_rows;
};

static inline void stage_row_failed(void *data, struct sgr_node *node, const char *row,
                                    const struct sgr_error *error) {
    (void)node;
    (void)row;
    (void)error;
    ((struct stage *)data)->failed_rows++;
}

static inline void stage_init(struct stage *s) {
    memset(s, 0, sizeof(*s));
    const char *directories[] = {getenv("SANGRE_PLUGIN_DIR"), NULL};
    const struct sgr_graph_hooks hooks = {.data = s, .row_failed = stage_row_failed};
    assert_non_null(directories[0]);
    s->loader = sgr_loader_new(directories);
    s->heap = sgr_heap_new(0, &s->error);
    s->graph = sgr_graph_new(s->heap, 7, &hooks);
    assert_non_null(s->loader);
    assert_non_null(s->graph);
}

/* Nothing may be left. */
static inline void stage_fini(struct stage *s) {
    assert_int_equal(sgr_graph_node_count(s->graph), 0);
    sgr_graph_free(s->graph);
    assert_int_equal(sgr_heap_rows(s->heap), 0);
    sgr_heap_free(s->heap);
    sgr_loader_free(s->loader);
    sgr_buffer_fini(&s->text);
}

/* "id int4, name text"; the first `keys` columns are the key. */
static inline struct sgr_node *stage_relation(struct stage *s, const char *name,
                                              const char *columns, size_t keys) {
    static const uint16_t key[] = {0, 1, 2, 3};
    struct sgr_column made[16] = {0};
    char copy[512], *save = NULL;
    size_t count = 0;
    snprintf(copy, sizeof(copy), "%s", columns);
    for (char *at = strtok_r(copy, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
        at += strspn(at, " ");
        char *type = strchr(at, ' ');
        *type++ = '\0';
        assert_int_equal(sgr_type_parse(sgr_slice(type), &made[count], &s->error), 0);
        made[count++].name = at;
    }
    struct sgr_schema *schema = sgr_schema_new(made, count);
    struct sgr_node *node = NULL;
    int status = sgr_graph_relation(s->graph, name, schema, key, keys, &node, &s->error);
    assert_int_equal(status, 0);
    sgr_schema_unref(schema);
    return node;
}

/* The operator's options as YAML; the error is in s->error. */
static inline int stage_try(struct stage *s, const char *plugin_name, const char *yaml,
                            struct sgr_node *const *inputs, size_t count, struct sgr_node **ret) {
    const struct sgr_plugin *plugin = NULL;
    struct sgr_document *document = NULL;
    struct sgr_options *options = NULL;
    memset(&s->error, 0, sizeof(s->error));
    int status = sgr_loader_plugin(s->loader, SGR_OPERATOR, plugin_name, &plugin, &s->error);
    if (!status)
        status = sgr_document_read_yaml("test.yaml", sgr_slice(yaml), &document, &s->error);
    if (!status)
        status = sgr_options_parse(plugin, sgr_document_root(document), NULL, &options, &s->error);
    sgr_document_free(document);
    if (!status)
        status = sgr_graph_operator(s->graph, plugin, options, inputs, count, plugin_name, ret,
                                    &s->error);
    return status;
}

static inline struct sgr_node *stage_operator(struct stage *s, const char *plugin, const char *yaml,
                                              struct sgr_node *const *inputs, size_t count) {
    struct sgr_node *node = NULL;
    if (stage_try(s, plugin, yaml, inputs, count, &node))
        fail_msg("%s: %s (%s)", plugin, s->error.message, s->error.context);
    return node;
}

/* "1|ann|null" */
static inline void stage_feed(struct stage *s, struct sgr_node *node, int64_t weight,
                              const char *fields) {
    const struct sgr_schema *schema = sgr_node_schema(node);
    struct sgr_value values[16] = {0};
    const char *at = fields;
    for (uint16_t i = 0; i < schema->count; i++) {
        size_t size = strcspn(at, "|");
        struct sgr_slice text = {at, size};
        at += size + (at[size] == '|');
        values[i] = (struct sgr_value){.type = schema->columns[i].type, .null = true};
        if (!sgr_slice_is(text, "null"))
            assert_int_equal(sgr_value_parse(schema->columns[i].type, text, &values[i], &s->error),
                             0);
    }
    const struct sgr_row *row = NULL;
    assert_int_equal(sgr_row_new(s->heap, schema, values, &row, &s->error), 0);
    assert_int_equal(sgr_node_feed(node, row, weight), 0);
    sgr_row_unref(row);
}

static inline void stage_run(struct stage *s) {
    if (sgr_graph_run(s->graph, &s->error))
        fail_msg("run: %s (%s)", s->error.message, s->error.context);
}

static inline void stage_write_row(const struct sgr_schema *schema, const struct sgr_row *row,
                                   int64_t weight, struct sgr_buffer *out) {
    for (uint16_t i = 0; i < schema->count; i++) {
        struct sgr_value value = sgr_row_value(schema, row, i);
        sgr_buffer_puts(out, i ? "|" : "");
        if (value.null)
            sgr_buffer_puts(out, "null");
        else
            sgr_value_text(&value, out);
    }
    if (weight != 1)
        sgr_buffer_printf(out, " x%lld", (long long)weight);
}

static inline int stage_by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The node's rows as text, sorted: "1|ann; 2|bob x2". Valid until the next call. */
static inline const char *stage_contents(struct stage *s, struct sgr_node *node) {
    struct sgr_vector lines = SGR_VECTOR_INIT(char *);
    struct sgr_index *index = NULL;
    struct sgr_iterator iterator;
    int64_t weight = 0;
    assert_int_equal(sgr_node_index(node, NULL, 0, &index, &s->error), 0);
    sgr_index_scan(index, &iterator);
    for (const struct sgr_row *row; (row = sgr_index_next(&iterator, &weight));) {
        struct sgr_buffer line = SGR_BUFFER_INIT;
        stage_write_row(sgr_node_schema(node), row, weight, &line);
        char *copy = strdup(sgr_buffer_text(&line));
        assert_int_equal(sgr_vector_push(&lines, &copy), 0);
        sgr_buffer_fini(&line);
    }
    sgr_node_unindex(node, index);
    if (lines.count)
        qsort(lines.items, lines.count, sizeof(char *), stage_by_text);
    sgr_buffer_clear(&s->text);
    for (size_t i = 0; i < lines.count; i++) {
        sgr_buffer_puts(&s->text, i ? "; " : "");
        sgr_buffer_puts(&s->text, *SGR_VECTOR_AT(&lines, char *, i));
        free(*SGR_VECTOR_AT(&lines, char *, i));
    }
    sgr_vector_fini(&lines);
    return sgr_buffer_text(&s->text);
}

/* "id int4, name text key(id)" or "… bag" */
static inline const char *stage_shape(struct stage *s, const struct sgr_node *node) {
    const struct sgr_schema *schema = sgr_node_schema(node);
    size_t count = 0;
    const uint16_t *key = sgr_node_key(node, &count);
    sgr_buffer_clear(&s->text);
    for (uint16_t i = 0; i < schema->count; i++)
        sgr_buffer_printf(&s->text, "%s%s %s", i ? ", " : "", schema->columns[i].name,
                          sgr_type_name(schema->columns[i].type));
    for (size_t i = 0; i < count; i++)
        sgr_buffer_printf(&s->text, "%s%s", i ? ", " : " key(", schema->columns[key[i]].name);
    sgr_buffer_puts(&s->text, count ? ")" : " bag");
    return sgr_buffer_text(&s->text);
}

#endif
