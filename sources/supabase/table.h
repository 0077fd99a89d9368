/* A table as the config declares it: { columns: { name: type }, key: [name] }. Engine's thread. */
#ifndef SOURCES_SUPABASE_TABLE_H
#define SOURCES_SUPABASE_TABLE_H

#include <jansson.h>
#include <sangre/source.h>

struct table {
    struct sgr_relation description;
    struct sgr_relation *relation; /* the host's; NULL: not started with */
    uint16_t *by_name;             /* numbers of the columns, in the order of their names */
    char *topic;                   /* realtime:SCHEMA:TABLE */
    bool wanted;                   /* it was asked for by its name */

    /* Of the connection there is: */
    uint64_t join; /* the ref it was joined with; 0: not asked yet */
    bool joined;   /* by the reply, */
    bool flowing;  /* and changes come */
    bool today;    /* in the form of today's server, not that of 2022 */

    bool told_identity; /* a warning, once */
    size_t pages;       /* with rows that its last reading took, each of another moment */
};

int table_init(struct table *table, const struct sgr_source_host *host, void *host_data,
               const char *name, const json_t *json, struct sgr_error *error);
void table_fini(struct table *table);

/* `name`: table or schema.table. */
bool table_named(const struct table *table, const char *name);
/* The number of a column, or SIZE_MAX. */
size_t table_column(const struct table *table, struct sgr_slice name);
bool table_reads(const struct table *table, size_t column); /* somebody wants its values */

#endif
