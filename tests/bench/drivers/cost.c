/* The process's CPU time per commit that affects /followeds?user=1:
 *   bench-cost CONNINFO PORT PID COMMITS
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "followeds.h"
#include "postgres.h"
#include "process.h"
#include "websocket.h"

int main(int argc, char **argv) {
    if (argc != 5)
        bench_die("usage: CONNINFO PORT PID COMMITS");
    char **arguments = argv + 1;
    PGconn *connection = bench_connect(arguments[0]);
    struct bench_websocket socket;
    bench_websocket_open(&socket, atoi(arguments[1]), "/followeds?user=1");
    bench_websocket_message(&socket);
    long commits = atol(arguments[3]);
    unsigned state = 1;
    int process = atoi(arguments[2]);
    double before = bench_process_cpu(process);
    for (long i = 0; i < commits; i++) {
        bench_sql(connection, "UPDATE places SET name = 'cost %d.%ld' WHERE id = %d", (int)getpid(),
                  i, bench_place_in_result(&state));
        bench_websocket_message(&socket);
    }
    printf("engine_us %.2f\n", (bench_process_cpu(process) - before) / (double)commits * 1e6);
    bench_websocket_close(&socket);
    PQfinish(connection);
    return 0;
}
