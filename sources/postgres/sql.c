#include "sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct sql *sql, size_t more) {
    if (sql->failed)
        return 0;
    if (sql->size + more + 1 <= sql->capacity)
        return 1;
    size_t capacity = (sql->size + more + 1) * 2;
    char *text = realloc(sql->text, capacity);
    if (!text) {
        sql_fini(sql);
        sql->failed = 1;
        return 0;
    }
    sql->text = text;
    sql->capacity = capacity;
    return 1;
}

void sql_add(struct sql *sql, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || !reserve(sql, (size_t)size))
        return;
    va_start(args, format);
    vsnprintf(sql->text + sql->size, (size_t)size + 1, format, args);
    va_end(args);
    sql->size += (size_t)size;
}

static void quoted(struct sql *sql, const char *text, char quote) {
    if (!reserve(sql, 2 * strlen(text) + 2))
        return;
    sql->text[sql->size++] = quote;
    for (; *text; text++) {
        if (*text == quote)
            sql->text[sql->size++] = quote;
        sql->text[sql->size++] = *text;
    }
    sql->text[sql->size++] = quote;
    sql->text[sql->size] = '\0';
}

void sql_identifier(struct sql *sql, const char *name) {
    quoted(sql, name, '"');
}

void sql_table(struct sql *sql, const char *schema, const char *table) {
    sql_identifier(sql, schema);
    sql_add(sql, ".");
    sql_identifier(sql, table);
}

void sql_literal(struct sql *sql, const char *text) {
    quoted(sql, text, '\'');
}

void sql_fini(struct sql *sql) {
    free(sql->text);
    *sql = (struct sql){0};
}

void sql_literals(struct sql *sql, const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sql_add(sql, i ? ", " : "");
        sql_literal(sql, texts[i]);
    }
}
