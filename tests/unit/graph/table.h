/* A table, the fold of its change stream, and short ways to change it and to see what its node holds. */
#ifndef SGR_TEST_GRAPH_TABLE_H
#define SGR_TEST_GRAPH_TABLE_H

#include "unit/graph/fixture.h"

#include <stdio.h>

#include "graph/relation.h"

#define UNCHANGED "~"

struct table {
    struct fixture f;
    struct sgr_relation_column columns[4];
    struct sgr_relation relation;
    struct sgr_fold *fold;
    struct sgr_node *node;
};

static const struct sgr_relation_column plain_columns[] = {
    {.name = "id", .type_name = "int4", .type = SGR_INT4, .type_modifier = -1, .key = true},
    {.name = "name", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1},
    {.name = "price", .type_name = "numeric", .type = SGR_NUMERIC, .type_modifier = -1},
};

static inline void table_init(struct table *t, enum sgr_identity identity, bool keyed) {
    fixture_init(&t->f, 1, NULL);
    memcpy(t->columns, plain_columns, sizeof(plain_columns));
    t->columns[0].key = keyed;
    t->relation = (struct sgr_relation){.schema = "public",
                                        .table = "t",
                                        .columns = t->columns,
                                        .column_count = 3,
                                        .identity = identity};
    int status = sgr_fold_new(t->f.graph, "app.t", &t->relation, &t->fold, &t->f.error);
    assert_int_equal(status, 0);
    t->node = sgr_fold_node(t->fold);
}

static inline void table_fini(struct table *t) {
    sgr_fold_free(t->fold);
    fixture_fini(&t->f);
}

static inline void read_fields(const char *const *texts, size_t count, struct sgr_field *ret) {
    for (size_t i = 0; i < count; i++) {
        ret[i] = (struct sgr_field){.kind = SGR_FIELD_NULL};
        if (texts[i] && !strcmp(texts[i], UNCHANGED))
            ret[i].kind = SGR_FIELD_UNCHANGED;
        else if (texts[i])
            ret[i] = (struct sgr_field){texts[i], (uint32_t)strlen(texts[i]), SGR_FIELD_TEXT};
    }
}

static inline int change(struct table *t, enum sgr_change_kind kind, enum sgr_old_kind old_kind,
                         const char *const *old, const char *const *new) {
    struct sgr_field old_fields[4], new_fields[4];
    struct sgr_change made = {.kind = kind, .old_kind = old_kind, .relation = &t->relation};
    if (old) {
        read_fields(old, t->relation.column_count, old_fields);
        made.old_fields = old_fields;
    }
    if (new) {
        read_fields(new, t->relation.column_count, new_fields);
        made.new_fields = new_fields;
    }
    return sgr_fold_change(t->fold, &made, &t->f.error);
}

#define FIELDS(...)    ((const char *const[]){__VA_ARGS__})
#define INSERT(t, ...) change(t, SGR_INSERT, SGR_OLD_NONE, NULL, FIELDS(__VA_ARGS__))
#define UPDATE(t, ...) change(t, SGR_UPDATE, SGR_OLD_NONE, NULL, FIELDS(__VA_ARGS__))
#define DELETE(t, id)  change(t, SGR_DELETE, SGR_OLD_KEY, FIELDS(id, NULL, NULL, NULL), NULL)
#define TRUNCATE(t)    change(t, SGR_TRUNCATE, SGR_OLD_NONE, NULL, NULL)

static inline void commit(struct table *t) {
    assert_int_equal(sgr_fold_finish(t->fold, &t->f.error), 0);
    fixture_run(&t->f);
}

static inline void write_row(struct table *t, const struct sgr_row *row, int64_t weight, char *out,
                             size_t size) {
    const struct sgr_schema *schema = sgr_node_schema(t->node);
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_row_json(schema, row, NULL, schema->count, &text);
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%+lld%s\n", (long long)weight, sgr_buffer_text(&text));
    sgr_buffer_fini(&text);
}

static inline int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The node's rows, sorted, without "id" and so on: "1 x 2.5; 2 y null". */
static inline const char *contents(struct table *t) {
    static char text[4096];
    char lines[64][256], *sorted[64];
    size_t count = 0;
    struct sgr_index *index = NULL;
    struct sgr_iterator iterator;
    int64_t weight;
    assert_int_equal(sgr_node_index(t->node, NULL, 0, &index, &t->f.error), 0);
    sgr_index_scan(index, &iterator);
    for (const struct sgr_row *row; (row = sgr_index_next(&iterator, &weight)); count++) {
        const struct sgr_schema *schema = sgr_node_schema(t->node);
        struct sgr_buffer line = SGR_BUFFER_INIT;
        for (uint16_t i = 0; i < schema->count; i++) {
            struct sgr_value value = sgr_row_value(schema, row, i);
            sgr_buffer_puts(&line, i ? " " : "");
            if (value.null)
                sgr_buffer_puts(&line, "null");
            else
                sgr_value_text(&value, &line);
        }
        if (weight != 1)
            sgr_buffer_printf(&line, " x%lld", (long long)weight);
        snprintf(lines[count], sizeof(lines[count]), "%s", sgr_buffer_text(&line));
        sorted[count] = lines[count];
        sgr_buffer_fini(&line);
    }
    sgr_node_unindex(t->node, index);
    qsort(sorted, count, sizeof(*sorted), by_text);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? "; " : "",
                 sorted[i]);
    return text;
}

static inline int snapshot_row(struct table *t, const char *const *texts) {
    struct sgr_field fields[4];
    read_fields(texts, t->relation.column_count, fields);
    return sgr_fold_snapshot_row(t->fold, &t->relation, fields, &t->f.error);
}

#endif
