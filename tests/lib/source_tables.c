#include "source_tables.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void source_text_add(char **text, size_t *size, size_t *capacity, const char *more,
                     size_t more_size) {
    if (*size + more_size + 1 > *capacity) {
        *capacity = (*size + more_size + 1) * 2;
        *text = realloc(*text, *capacity);
        if (!*text)
            abort();
    }
    memcpy(*text + *size, more, more_size);
    *size += more_size;
    (*text)[*size] = '\0';
}

char *source_row_text(const struct sgr_relation *relation, const struct sgr_field *fields) {
    char *text = NULL;
    size_t size = 0, capacity = 0;
    source_text_add(&text, &size, &capacity, "", 0);
    for (size_t i = 0; i < relation->column_count; i++) {
        if (i)
            source_text_add(&text, &size, &capacity, "|", 1);
        if (fields[i].kind == SGR_FIELD_TEXT)
            source_text_add(&text, &size, &capacity, fields[i].data, fields[i].size);
        else
            source_text_add(&text, &size, &capacity, fields[i].kind == SGR_FIELD_NULL ? "~" : "=",
                            1);
    }
    return text;
}

/* Start and size of the column's text within a row text. */
static const char *cell(const char *row, size_t column, size_t *ret_size) {
    for (; column; column--) {
        row = strchr(row, '|');
        if (!row)
            abort();
        row++;
    }
    const char *end = strchr(row, '|');
    *ret_size = end ? (size_t)(end - row) : strlen(row);
    return row;
}

static bool keyed(const struct sgr_relation *relation) {
    for (size_t i = 0; i < relation->column_count; i++)
        if (relation->columns[i].key)
            return true;
    return false;
}

static bool same_key(const struct sgr_relation *relation, const char *a, const char *b) {
    bool all = !keyed(relation);
    for (size_t i = 0; i < relation->column_count; i++) {
        size_t a_size, b_size;
        if (!all && !relation->columns[i].key)
            continue;
        const char *x = cell(a, i, &a_size), *y = cell(b, i, &b_size);
        if (a_size != b_size || memcmp(x, y, a_size) != 0)
            return false;
    }
    return true;
}

static size_t find_row(const struct source_table *table, const char *row) {
    for (size_t i = table->row_count; i-- > 0;)
        if (same_key(&table->relation, table->rows[i], row))
            return i;
    return SIZE_MAX;
}

void source_table_add(struct source_table *table, char *row) {
    if (table->row_count == table->row_capacity) {
        table->row_capacity = table->row_capacity * 2 + 16;
        table->rows = realloc(table->rows, table->row_capacity * sizeof(*table->rows));
        if (!table->rows)
            abort();
    }
    table->rows[table->row_count++] = row;
}

static char *take_row(struct source_table *table, size_t i) {
    char *row = table->rows[i];
    table->rows[i] = table->rows[--table->row_count];
    return row;
}

void source_table_clear(struct source_table *table) {
    for (size_t i = 0; i < table->row_count; i++)
        free(table->rows[i]);
    table->row_count = 0;
}

/* Fills "=" cells from the row that is there. */
static char *complete(const struct sgr_relation *relation, const char *row, const char *before) {
    char *text = NULL;
    size_t size = 0, capacity = 0, cell_size;
    source_text_add(&text, &size, &capacity, "", 0);
    for (size_t i = 0; i < relation->column_count; i++) {
        const char *value = cell(row, i, &cell_size);
        if (cell_size == 1 && *value == '=')
            value = cell(before, i, &cell_size);
        if (i)
            source_text_add(&text, &size, &capacity, "|", 1);
        source_text_add(&text, &size, &capacity, value, cell_size);
    }
    return text;
}

static int broken(const struct source_table *table, const char *what, const char *row,
                  struct source_fault *fault) {
    snprintf(fault->text, sizeof(fault->text), "%s: %s: %.100s", table->relation.table, what, row);
    return SGR_EINTERNAL;
}

static bool has_cell(const struct sgr_relation *relation, const char *row, char kind, bool of_key) {
    for (size_t i = 0; i < relation->column_count; i++) {
        size_t size;
        const char *value = cell(row, i, &size);
        if ((!of_key || relation->columns[i].key) && size == 1 && *value == kind)
            return true;
    }
    return false;
}

static void put(struct source_table *table, const char *row, bool lenient) {
    size_t i = lenient ? find_row(table, row) : SIZE_MAX;
    if (i != SIZE_MAX)
        free(take_row(table, i));
    source_table_add(table, strdup(row));
}

static int fold_insert(struct source_table *table, const char *row, bool lenient,
                       struct source_fault *fault) {
    if (!lenient && keyed(&table->relation) && find_row(table, row) != SIZE_MAX)
        return broken(table, "inserted twice", row, fault);
    put(table, row, lenient);
    return SGR_OK;
}

/* Where values that did not come are from is known only of the same row. */
static int check_values(const struct source_table *table, const char *old, const char *row,
                        size_t found) {
    bool same = !old || same_key(&table->relation, old, row);
    if ((found != SIZE_MAX && same) || !has_cell(&table->relation, row, '=', false))
        return SGR_OK;
    return same ? SGR_ENOTFOUND : SGR_ELOST;
}

static int fold_update(struct source_table *table, const char *old, const char *row, bool lenient,
                       struct source_fault *fault) {
    size_t i = find_row(table, old ? old : row);
    if (i == SIZE_MAX && !lenient)
        return broken(table, "update of an unknown row", old ? old : row, fault);
    int code = lenient ? check_values(table, old, row, i) : SGR_OK;
    if (code)
        return code;
    char *before = i == SIZE_MAX ? NULL : take_row(table, i);
    char *whole = before ? complete(&table->relation, row, before) : strdup(row);
    put(table, whole, lenient);
    free(whole);
    free(before);
    return SGR_OK;
}

static int fold_delete(struct source_table *table, const char *old, bool lenient,
                       struct source_fault *fault) {
    size_t i = find_row(table, old);
    if (i == SIZE_MAX)
        return lenient ? SGR_OK : broken(table, "delete of an unknown row", old, fault);
    free(take_row(table, i));
    return SGR_OK;
}

int source_table_fold(struct source_table *table, enum sgr_change_kind kind, const char *old,
                      const char *row, bool lenient, struct source_fault *fault) {
    if (lenient && kind != SGR_TRUNCATE && has_cell(&table->relation, old ? old : row, '~', true))
        return SGR_ELOST;
    if (kind == SGR_INSERT)
        return fold_insert(table, row, lenient, fault);
    if (kind == SGR_UPDATE)
        return fold_update(table, old, row, lenient, fault);
    if (kind == SGR_DELETE)
        return fold_delete(table, old, lenient, fault);
    source_table_clear(table);
    return SGR_OK;
}

void source_table_stash(struct source_table *table) {
    source_table_settle(table);
    table->before = table->rows;
    table->before_count = table->row_count;
    table->rows = NULL;
    table->row_count = table->row_capacity = 0;
    table->stashed = true;
}

void source_table_settle(struct source_table *table) {
    for (size_t i = 0; i < table->before_count; i++)
        free(table->before[i]);
    free(table->before);
    table->before = NULL;
    table->before_count = 0;
    table->stashed = false;
}

void source_table_restore(struct source_table *table) {
    if (!table->stashed)
        return;
    source_table_clear(table);
    free(table->rows);
    table->rows = table->before;
    table->row_count = table->row_capacity = table->before_count;
    table->before = NULL;
    table->before_count = 0;
    table->stashed = false;
}

void source_table_fini(struct source_table *table) {
    source_table_settle(table);
    source_table_clear(table);
    free(table->rows);
    for (size_t i = 0; i < table->relation.column_count; i++) {
        free((char *)table->relation.columns[i].name);
        free((char *)table->relation.columns[i].type_name);
    }
    free((void *)table->relation.columns);
    free((char *)table->relation.schema);
    free((char *)table->relation.table);
}
