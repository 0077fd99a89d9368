#include "rows.h"

int rows_add(const struct sgr_operator_host *table, void *host, struct rows *rows,
             const struct sgr_row *row) {
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? rows->capacity * 2 : 8;
        void *items = table->common.reallocate(host, rows->items, capacity * sizeof(*rows->items));
        if (!items)
            return SGR_ENOMEM;
        rows->items = items;
        rows->capacity = capacity;
    }
    rows->items[rows->count++] = row;
    return 0;
}

void rows_cut(const struct sgr_operator_host *table, struct rows *rows, size_t count) {
    while (rows->count > count)
        table->row_unref(rows->items[--rows->count]);
}

void rows_fini(const struct sgr_operator_host *table, void *host, struct rows *rows) {
    rows_cut(table, rows, 0);
    table->common.release(host, rows->items);
    *rows = (struct rows){0};
}

bool rows_equal(const struct sgr_operator_host *table, const struct sgr_schema *schema,
                const struct sgr_row *const *a, size_t count_a, const struct sgr_row *const *b,
                size_t count_b) {
    if (count_a != count_b)
        return false;
    for (size_t i = 0; i < count_a; i++) {
        if (a[i] != b[i] && !table->row_equal(schema, a[i], b[i]))
            return false;
    }
    return true;
}
