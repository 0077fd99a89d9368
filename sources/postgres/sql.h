/* SQL text that is put together piece by piece, with quoting. Once memory ran out, `text` stays NULL. */
#ifndef POSTGRES_SQL_H
#define POSTGRES_SQL_H

#include <stddef.h>

struct sql {
    char *text; /* NUL-terminated; NULL: nothing yet, or out of memory */
    size_t size, capacity;
    int failed;
};

void sql_add(struct sql *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sql_identifier(struct sql *sql, const char *name);
void sql_table(struct sql *sql, const char *schema, const char *table);
/* For sessions with standard_conforming_strings, which every link pins. */
void sql_literal(struct sql *sql, const char *text);
void sql_literals(struct sql *sql, const char *const *texts,
                  size_t count); /* with commas between */
void sql_fini(struct sql *sql);

#endif
