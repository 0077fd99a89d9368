/* Tables as what a source emits amounts to: rows as text, "1|ann", in which a null is ~ and an unchanged value =. */
#ifndef SOURCE_TABLES_H
#define SOURCE_TABLES_H

#include <sangre/source.h>

struct source_table {
    struct sgr_relation relation;
    char **rows;
    size_t row_count, row_capacity;
    char **before; /* those from before a snapshot that is compared; see stash */
    size_t before_count;
    bool stashed;
};

struct source_fault {
    char text[256];
};

void source_text_add(char **text, size_t *size, size_t *capacity, const char *more,
                     size_t more_size);
char *source_row_text(const struct sgr_relation *relation, const struct sgr_field *fields);

void source_table_add(struct source_table *table, char *row); /* takes the row */
void source_table_clear(struct source_table *table);
void source_table_fini(struct source_table *table); /* its description too */
/* One change. `lenient`: an eventual source's, by the rules and with the codes of sangre/source.h. Else SGR_EINTERNAL with what the source did wrong. */
int source_table_fold(struct source_table *table, enum sgr_change_kind kind, const char *old,
                      const char *row, bool lenient, struct source_fault *fault);
/* Puts the rows aside, until settle lets them go or restore brings them back. */
void source_table_stash(struct source_table *table);
void source_table_settle(struct source_table *table);
void source_table_restore(struct source_table *table);

#endif
