#define _GNU_SOURCE /* qsort_r */
#include "table.h"

#include <stdlib.h>

#include "value.h"
#include "watch.h"

/* ---- Texts: written one behind the other, their places known when all are written ---- */

static void begin(struct table *table, struct sgr_slice *slice) {
    slice->size = table->texts.size;
}

/* Until `settle`, a slice's data is its offset. */
static void end(struct table *table, struct sgr_slice *slice) {
    size_t start = slice->size;
    slice->data = (const char *)start;
    slice->size = table->texts.size - start;
}

static void settle(struct table *table, struct sgr_slice *slice) {
    slice->data = table->texts.data + (uintptr_t)slice->data;
}

static struct sgr_slice slice_of(const char *text) {
    return (struct sgr_slice){text, strlen(text)};
}

/* ---- The parts of a payload ---- */

static void put_column(struct sgr_text *text, const struct sgr_relation *relation, size_t i) {
    const struct sgr_relation_column *column = &relation->columns[i];
    bool key = column->key || relation->identity == SGR_IDENTITY_FULL;
    if (relation->identity == SGR_IDENTITY_NOTHING)
        key = false;
    sgr_text_puts(text, i ? ",{\"flags\":[" : "{\"flags\":[");
    sgr_text_puts(text, key ? "\"key\"],\"name\":" : "],\"name\":");
    value_json(text, slice_of(column->name));
    sgr_text_puts(text, ",\"type\":");
    value_json(text, slice_of(value_type_name(column)));
    sgr_text_puts(text, ",\"type_modifier\":");
    sgr_text_uint(text, (uint32_t)column->type_modifier);
    sgr_text_puts(text, "}");
}

static void write_payload(struct table *table, const struct sgr_relation *relation) {
    struct sgr_text *text = &table->texts;
    begin(table, &table->columns);
    sgr_text_puts(text, "{\"columns\":[");
    for (size_t i = 0; i < relation->column_count; i++)
        put_column(text, relation, i);
    sgr_text_puts(text, "],\"commit_timestamp\":\"");
    end(table, &table->columns);
    begin(table, &table->tail);
    sgr_text_puts(text, "\"schema\":");
    value_json(text, slice_of(relation->schema));
    sgr_text_puts(text, ",\"table\":");
    value_json(text, slice_of(relation->table));
    sgr_text_puts(text, ",\"type\":\"");
    end(table, &table->tail);
}

static void write_column(struct table *table, struct table_column *column, const char *name) {
    begin(table, &column->member);
    value_json(&table->texts, slice_of(name));
    sgr_text_puts(&table->texts, ":");
    end(table, &column->member);
    begin(table, &column->filter);
    sgr_text_puts(&table->texts, name);
    sgr_text_puts(&table->texts, "=eq.");
    end(table, &column->filter);
}

static void write_name(struct table *table, struct sgr_slice *slice, const char *first,
                       const char *second, const char *end_) {
    begin(table, slice);
    sgr_text_puts(&table->texts, "realtime:");
    sgr_text_puts(&table->texts, first);
    if (second)
        sgr_text_puts(&table->texts, ":");
    sgr_text_puts(&table->texts, second ? second : "");
    sgr_text_puts(&table->texts, end_);
    end(table, slice);
}

static void write_names(struct table *table, const struct sgr_relation *relation) {
    write_name(table, &table->topic[TABLE_SCHEMA], relation->schema, NULL, "");
    write_name(table, &table->topic[TABLE_ALL], "*", NULL, "");
    write_name(table, &table->topic[TABLE_TABLE], relation->schema, relation->table, "");
    write_name(table, &table->prefix, relation->schema, relation->table, ":");
    begin(table, &table->schema);
    sgr_text_puts(&table->texts, relation->schema);
    end(table, &table->schema);
    begin(table, &table->name);
    sgr_text_puts(&table->texts, relation->table);
    end(table, &table->name);
}

static void settle_all(struct table *table) {
    settle(table, &table->columns);
    settle(table, &table->tail);
    settle(table, &table->prefix);
    settle(table, &table->schema);
    settle(table, &table->name);
    for (int i = 0; i < TABLE_WHOLE; i++)
        settle(table, &table->topic[i]);
    for (size_t i = 0; i < table->count; i++) {
        settle(table, &table->by_name[i].member);
        settle(table, &table->by_name[i].filter);
    }
}

/* ---- Columns ---- */

static int by_name(const void *a, const void *b, void *data) {
    const struct sgr_relation *relation = data;
    const struct table_column *left = a, *right = b;
    return strcmp(relation->columns[left->number].name, relation->columns[right->number].name);
}

static void sort_columns(struct table *table, const struct sgr_relation *relation) {
    for (size_t i = 0; i < table->count; i++) {
        table->by_name[i].number = i;
        table->by_name[i].type = relation->columns[i].type;
    }
    qsort_r(table->by_name, table->count, sizeof(*table->by_name), by_name, (void *)relation);
}

static void ask_rules(struct table *table, const struct sgr_relation *relation,
                      const struct rules *rules) {
    table->events[TABLE_SCHEMA] = rules_events(rules, relation->schema, NULL, NULL);
    table->events[TABLE_ALL] = rules_events(rules, "*", NULL, NULL);
    table->events[TABLE_TABLE] = rules_events(rules, relation->schema, relation->table, NULL);
    for (size_t i = 0; i < table->count; i++)
        table->by_name[i].events = rules_events(rules, relation->schema, relation->table,
                                                relation->columns[table->by_name[i].number].name);
}

/* ---- Life ---- */

struct table *table_new(const struct sgr_host_common *common, void *host,
                        const struct sgr_relation *relation, const struct rules *rules) {
    size_t count = relation->column_count;
    struct table *table = common->allocate(host, sizeof(*table) + count * sizeof(*table->by_name));
    if (!table)
        return NULL;
    table->id = relation->id;
    table->count = count;
    table->full = relation->identity == SGR_IDENTITY_FULL;
    table->texts = sgr_text_new(common, host);
    sort_columns(table, relation);
    ask_rules(table, relation, rules);
    write_payload(table, relation);
    write_names(table, relation);
    for (size_t i = 0; i < count; i++) {
        table->by_name[i].filters = index_new(common, host);
        write_column(table, &table->by_name[i], relation->columns[table->by_name[i].number].name);
    }
    if (table->texts.failed) {
        table_free(table);
        return NULL;
    }
    settle_all(table);
    return table;
}

void table_free(struct table *table) {
    const struct sgr_host_common *common = table->texts.common;
    void *host = table->texts.host;
    watch_free(table->watch);
    for (size_t i = 0; i < table->count; i++)
        index_free(&table->by_name[i].filters);
    sgr_text_free(&table->texts);
    common->release(host, table);
}
