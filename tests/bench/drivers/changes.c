/* Many changes as they are, to clients of Supabase Realtime. Each has to come once and in order.
 *   bench-changes written CONNINFO PORT ROWS ROWS_PER_TRANSACTION    the walsender rests until they are written: from then to the last frame
 *   bench-changes gathered CONNINFO PORT PID CLIENTS ROWS            rows of one transaction to many: the server's CPU time per message
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "clock.h"
#include "crowd.h"
#include "postgres.h"
#include "process.h"

static long last_row(PGconn *connection) {
    char *text = bench_ask(connection, "SELECT coalesce(max(id), 0) FROM bench");
    long last = atol(text);
    free(text);
    return last;
}

static void insert(PGconn *connection, long first, long count) {
    bench_sql(connection,
              "INSERT INTO bench SELECT g, 'n' || g, repeat('x', 64) FROM generate_series(%ld, "
              "%ld) g",
              first, first + count - 1);
}

static pid_t walsender(PGconn *connection) {
    char *text = bench_ask(
        connection,
        "SELECT active_pid FROM pg_replication_slots WHERE active AND slot_name LIKE 'sangre%'");
    pid_t process = (pid_t)atoi(text);
    free(text);
    if (process <= 0)
        bench_die("no walsender to stop");
    return process;
}

static void written(char **arguments) {
    PGconn *connection = bench_connect(arguments[0]);
    struct bench_websocket socket;
    bench_changes_join(&socket, atoi(arguments[1]));
    long rows = atol(arguments[2]), per_transaction = atol(arguments[3]);
    long last = last_row(connection);
    pid_t process = walsender(connection);
    if (kill(process, SIGSTOP))
        bench_die("cannot stop the walsender");
    for (long done = 0; done < rows; done += per_transaction)
        insert(connection, last + done + 1, per_transaction);
    double start = bench_now();
    kill(process, SIGCONT);
    for (long i = 1; i <= rows; i++) {
        bench_websocket_message(&socket);
        if (bench_changes_id(socket.message) != last + i)
            bench_die("not row %ld: %.300s", last + i, socket.message);
    }
    printf("seconds %.4f\n", bench_now() - start);
    bench_websocket_close(&socket);
    PQfinish(connection);
}

/* ---- Many clients ---- */

struct gathered {
    long first; /* row that is due first; 0: joining */
    size_t arrived;
};

static void on_message(struct bench_crowd *crowd, struct bench_client *client, char *text,
                       size_t size) {
    struct gathered *gathered = crowd->data;
    (void)size;
    if (!gathered->first) {
        if (!strstr(text, "\"status\":\"ok\""))
            bench_die("not joined: %.200s", text);
        return;
    }
    long due = gathered->first + (long)client->messages - 2; /* the first one was the answer */
    if (bench_changes_id(text) != due)
        bench_die("not row %ld: %.300s", due, text);
    gathered->arrived++;
}

static void gathered(char **arguments) {
    struct gathered gathered = {0};
    struct bench_crowd crowd;
    PGconn *connection = bench_connect(arguments[0]);
    int process = atoi(arguments[2]);
    size_t clients = (size_t)atol(arguments[3]), rows = (size_t)atol(arguments[4]);
    bench_crowd_init(&crowd, atoi(arguments[1]), clients);
    crowd.message = on_message;
    crowd.data = &gathered;
    for (size_t i = 0; i < clients; i++)
        bench_crowd_connect(&crowd, BENCH_CHANGES_PATH, 0);
    bench_crowd_settle(&crowd, 0);
    for (size_t i = 0; i < clients; i++)
        bench_crowd_say(&crowd.clients[i], BENCH_CHANGES_JOIN);
    bench_crowd_settle(&crowd, 1);
    gathered.first = last_row(connection) + 1;
    double before = bench_process_cpu(process), until = bench_now() + 60;
    insert(connection, gathered.first, (long)rows);
    while (gathered.arrived < clients * rows) {
        if (bench_now() > until)
            bench_die("%zu of %zu messages after a minute", gathered.arrived, clients * rows);
        bench_crowd_turn(&crowd, 1000);
    }
    printf("us %.4f\n", (bench_process_cpu(process) - before) / (double)(clients * rows) * 1e6);
    bench_crowd_fini(&crowd);
    PQfinish(connection);
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "written") == 0)
        written(argv + 2);
    else if (argc == 7 && strcmp(argv[1], "gathered") == 0)
        gathered(argv + 2);
    else
        bench_die("usage: written CONNINFO PORT ROWS ROWS_PER_TRANSACTION | gathered CONNINFO PORT "
                  "PID CLIENTS ROWS");
    return 0;
}
