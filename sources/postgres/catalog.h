/* Tables as the server's catalog has them: read through a link, checked for what cannot be followed, compared with what was described before.
 * Engine's thread. */
#ifndef POSTGRES_CATALOG_H
#define POSTGRES_CATALOG_H

#include "link.h"

struct catalog_name {
    const char *schema, *table;
};

struct catalog_table {
    struct sgr_relation relation; /* owns its strings and columns */
    uint32_t *types; /* each column's type as declared, an OID: what Relation messages say */
    size_t column_capacity;
    uint32_t oid;
    char kind, persistence; /* pg_class.relkind, relpersistence */
    bool row_security, inherited, system;
    bool rewritten; /* since the transaction's snapshot: its rows cannot be copied in there */
};

struct catalog {
    struct catalog_table *tables; /* in the order they were asked for */
    size_t count;
    int server_version;
    bool logical, standby; /* wal_level; in recovery */
    char provider;         /* of the database's default collation */
    char *collation, *collation_version;
};

/* What a type of pg_catalog is to us; SGR_OTHER for the rest. */
enum sgr_type catalog_type(const char *name, bool built_in);

struct catalog_reader;
/* `catalog` is handed over, NULL with an error: SGR_ENOTFOUND for a missing table, with the nearest name. Ends the reader. */
typedef void catalog_done(void *data, struct catalog *catalog, const struct sgr_error *error);

/* Asks over an idle link; within a transaction, its snapshot is what is seen. Names are copied. */
int catalog_read(struct link *link, const struct sgr_source_host *host, void *host_data,
                 const struct catalog_name *names, size_t count, catalog_done *done, void *data,
                 struct catalog_reader **ret, struct sgr_error *error);
/* Before it was done: the link is closed, or about to be. NULL is fine. */
void catalog_reader_free(struct catalog_reader *reader);
void catalog_free(struct catalog *catalog);

/* Refuses what cannot be streamed, in words that say what to do. SGR_EFATAL, or SGR_EUNAVAILABLE for a standby. */
int catalog_check(const struct catalog *catalog, bool bypass_row_security, struct sgr_error *error);
/* Whether `now` still has all that `before` described: its columns with their types, and the same key. SGR_EFATAL. */
int catalog_compare(const struct catalog_table *now, const struct sgr_relation *before,
                    struct sgr_error *error);

#endif
