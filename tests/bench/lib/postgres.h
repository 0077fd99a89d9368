/* libpq for the load drivers: everything dies on an error. */
#ifndef BENCH_POSTGRES_H
#define BENCH_POSTGRES_H

#include <libpq-fe.h>

PGconn *bench_connect(const char *conninfo);
__attribute__((format(printf, 2, 3))) void bench_sql(PGconn *connection, const char *format, ...);
/* The first column of the first row; free() it. */
char *bench_ask(PGconn *connection, const char *sql);

#endif
