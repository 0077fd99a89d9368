/* Time from a stopped process's continuation until its clients see the marker behind the rows:
 *   bench-ingest CONNINFO PORT PID ROWS ROWS_PER_TRANSACTION
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "postgres.h"
#include "websocket.h"

static void generate(PGconn *connection, long rows, long per_transaction, long base) {
    for (long done = 0; done < rows; done += per_transaction)
        bench_sql(connection,
                  "INSERT INTO bench SELECT g, 'n' || g, repeat('x', 64) FROM generate_series(%ld, "
                  "%ld) g",
                  base + done,
                  base + (done + per_transaction < rows ? done + per_transaction : rows) - 1);
}

int main(int argc, char **argv) {
    if (argc != 6)
        bench_die("usage: CONNINFO PORT PID ROWS ROWS_PER_TRANSACTION");
    char **arguments = argv + 1;
    PGconn *connection = bench_connect(arguments[0]);
    struct bench_websocket socket;
    bench_websocket_open(&socket, atoi(arguments[1]), "/marker?codec=full");
    bench_websocket_message(&socket);
    pid_t process = (pid_t)atoi(arguments[2]);
    long rows = atol(arguments[3]), per_transaction = atol(arguments[4]);
    char *most = bench_ask(connection, "SELECT coalesce(max(id), 0) + 1 FROM bench");
    char *marker = bench_ask(connection, "SELECT n + 1 FROM marker");
    /* Stopped while the log is written, so that what is timed is applying it, not making it. */
    kill(process, SIGSTOP);
    generate(connection, rows, per_transaction, atol(most));
    bench_sql(connection, "UPDATE marker SET n = %s", marker);
    double start = bench_now();
    kill(process, SIGCONT);
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "\"n\":%s}", marker);
    do
        bench_websocket_message(&socket);
    while (!strstr(socket.message, wanted));
    printf("seconds %.4f\n", bench_now() - start);
    bench_websocket_close(&socket);
    PQfinish(connection);
    free(most);
    free(marker);
    return 0;
}
