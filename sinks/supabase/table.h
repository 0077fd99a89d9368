/* What is worked out once for a relation: the constant parts of its payloads, the order of its columns, and where its topics are. */
#ifndef SINKS_SUPABASE_TABLE_H
#define SINKS_SUPABASE_TABLE_H

#include <sangre/change.h>
#include <sangre/text.h>

#include "index.h"
#include "rules.h"

/* Topics for all rows, in the order in which they get a change. */
enum { TABLE_SCHEMA, TABLE_ALL, TABLE_TABLE, TABLE_WHOLE };

struct watch;

struct table_column {
    size_t number; /* in the relation */
    enum sgr_type type;
    struct sgr_slice member; /* "name": as JSON */
    struct sgr_slice filter; /* name=eq. */
    unsigned events;         /* fed to its filters */
    struct index filters;    /* struct filter, by value */
};

struct table {
    struct index_entry entry; /* by id */
    struct table *next, *prev;
    uint32_t id, older; /* `older`: of a descriptor before that says the same; 0: none */
    bool full;          /* the old row is whole */
    size_t count;
    struct sgr_slice schema, name;
    struct sgr_slice columns; /* {"columns":[…],"commit_timestamp":" */
    struct sgr_slice tail;    /* "schema":…,"table":…,"type":" */
    struct sgr_slice topic[TABLE_WHOLE];
    struct sgr_slice prefix; /* of its filters' names: realtime:schema:table: */
    unsigned events[TABLE_WHOLE];
    struct topic *whole[TABLE_WHOLE]; /* NULL: nobody has joined it */
    size_t filters;                   /* of all columns */
    struct sgr_text texts;            /* what the slices point into */
    struct watch *watch;              /* of the second era; NULL: not yet */
    struct table_column by_name[];    /* sorted by the bytes of their names */
};

/* NULL: out of memory. */
struct table *table_new(const struct sgr_host_common *common, void *host,
                        const struct sgr_relation *relation, const struct rules *rules);
void table_free(struct table *table);

#endif
