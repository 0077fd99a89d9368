/* What went wrong on a connection, and whether trying again can help. Engine's thread.
 *
 * SGR_EUNAVAILABLE: the server is down, starting, full, or the cause is passing: try again. SGR_EFATAL: wrong settings, names, rights or
 * password: only a person can help. */
#ifndef POSTGRES_FAILURE_H
#define POSTGRES_FAILURE_H

#include <libpq-fe.h>
#include <sangre/error.h>

/* NULL or "": no SQLSTATE is known, as when a host cannot be reached. */
int failure_code(const char *sqlstate);
/* From a result that is an error. */
int failure_of_result(const PGresult *result, struct sgr_error *error);
/* From a connection attempt made with PQERRORS_VERBOSE, or from a connection that broke. */
int failure_of_connection(const PGconn *connection, struct sgr_error *error);

#endif
