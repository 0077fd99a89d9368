#include "holders.h"

const char holders_sql[] =
    "SELECT count(*) OVER (), CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE "
    "format('process %s%s', l.pid,"
    " ' (' || coalesce(nullif(a.application_name, ''), a.usename) || ')') END,"
    " coalesce(extract(epoch FROM clock_timestamp() - a.xact_start)::bigint::text || ' s', 'an "
    "unknown time')"
    " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock' ORDER BY "
    "a.xact_start LIMIT 1";

void holders_describe(const PGresult *result, struct sgr_error *error) {
    if (PQntuples(result))
        sgr_error_set(error, SGR_EUNAVAILABLE,
                      "the slot has to wait for open transactions to end: %s of them; the oldest "
                      "is %s, open for %s",
                      PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2));
    else
        sgr_error_set(error, SGR_EUNAVAILABLE, "the server is making the slot");
}
