#include "warnings.h"

enum { SHOWN = 20 };
enum { TABLE, ROW_SECURITY, NO_IDENTITY };

void warnings_sql(const char *const *publications, size_t count, bool bypass, struct sql *sql) {
    sql_add(sql,
            "SELECT * FROM (SELECT format('%%I.%%I', n.nspname, c.relname), c.relrowsecurity%s AS "
            "security, c.relreplident = 'n' OR c.relreplident = 'd' AND NOT EXISTS (SELECT 1 FROM "
            "pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) AS bare"
            " FROM (SELECT DISTINCT schemaname, tablename FROM pg_publication_tables"
            " WHERE pubname IN (",
            bypass ? " AND false" : "");
    sql_literals(sql, publications, count);
    sql_add(sql, ")) t JOIN pg_namespace n ON n.nspname = t.schemaname JOIN pg_class c ON "
                 "c.relnamespace = n.oid AND c.relname = t.tablename) w"
                 " WHERE security OR bare ORDER BY 1");
}

static void warn(const struct sgr_source_host *host, void *host_data, const PGresult *result,
                 int row) {
    const char *table = PQgetvalue(result, row, TABLE);
    if (PQgetvalue(result, row, ROW_SECURITY)[0] == 't')
        host->common.log(host_data, SGR_LOG_WARN,
                         "%s has row level security, which a change stream does not obey: sinks "
                         "get every row (bypass_rls: acknowledged says that this is known)",
                         table);
    if (PQgetvalue(result, row, NO_IDENTITY)[0] == 't')
        host->common.log(host_data, SGR_LOG_WARN,
                         "%s has no replica identity: as long as it is published, the "
                         "application's UPDATE and DELETE of it fail",
                         table);
}

void warnings_log(const struct sgr_source_host *host, void *host_data, const PGresult *result) {
    int count = PQntuples(result);
    for (int row = 0; row < count && row < SHOWN; row++)
        warn(host, host_data, result, row);
    if (count > SHOWN)
        host->common.log(host_data, SGR_LOG_WARN, "the same is so for %d more tables",
                         count - SHOWN);
}
