/* Drives one scenario of scripts/bench and prints `name value` lines; the script makes ratios of them.
 *
 *   latency CONNINFO PORT SAMPLES PAUSE_MS FEED    commit-ack to frame, and to the first byte that FEED (a pipe of pg_recvlogical) gives
 *   ingest CONNINFO PORT PID ROWS ROWS_PER_TRANSACTION   time from a stopped process's continuation until its clients see the marker
 *   cost CONNINFO PORT PID COMMITS                 the process's CPU time per commit that affects /followeds?user=1
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "postgres.h"
#include "websocket.h"

/* ---- latency ---- */

struct arrivals {
    double acknowledged, framed, fed;
};

static void drain(int descriptor) {
    char block[65536];
    while (read(descriptor, block, sizeof(block)) > 0) {
    }
}

/* Whatever comes first is noted first: the three descriptors are watched together. */
static struct arrivals one_update(PGconn *connection, struct bench_websocket *socket, int feed,
                                  const char *sql) {
    struct arrivals at = {0};
    if (!PQsendQuery(connection, sql))
        bench_die("%s", PQerrorMessage(connection));
    while (!at.acknowledged || !at.framed || !at.fed) {
        struct pollfd watched[3] = {
            {.fd = at.acknowledged ? -1 : PQsocket(connection), .events = POLLIN},
            {.fd = at.framed ? -1 : socket->descriptor, .events = POLLIN},
            {.fd = at.fed ? -1 : feed, .events = POLLIN}};
        if (poll(watched, 3, 10000) <= 0)
            bench_die("nothing came for 10 s: acknowledged %d, frame %d, feed %d",
                      at.acknowledged > 0, at.framed > 0, at.fed > 0);
        double now = bench_now();
        if (watched[0].revents) {
            PQconsumeInput(connection);
            if (!PQisBusy(connection))
                at.acknowledged = now;
        }
        if (watched[1].revents) {
            bench_websocket_read(socket, false);
            if (bench_websocket_next(socket))
                at.framed = now;
        }
        if (watched[2].revents) {
            at.fed = now;
            drain(feed);
        }
    }
    for (PGresult *result; (result = PQgetResult(connection));)
        PQclear(result);
    while (bench_websocket_next(socket)) {
    }
    return at;
}

/* pg_recvlogical makes its slot first; what is committed before that never reaches it. */
static void await_feed(PGconn *connection) {
    for (bool active = false; !active; poll(NULL, 0, 20)) {
        char *count = bench_ask(
            connection,
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'feed' AND active");
        active = *count == '1';
        free(count);
    }
}

static int place_in_result(unsigned *state) {
    *state = *state * 1103515245u + 12345u;
    unsigned user = 2 + (*state >> 8) % 899, k = (*state >> 20) % 5;
    return (int)((user * 31 + k * 3001) % 15000 + 1);
}

static void latency(char **arguments) {
    PGconn *connection = bench_connect(arguments[0]);
    struct bench_websocket socket;
    bench_websocket_open(&socket, atoi(arguments[1]), "/followeds?user=1");
    bench_websocket_message(&socket);
    int samples = atoi(arguments[2]), pause = atoi(arguments[3]);
    int feed = open(arguments[4], O_RDONLY | O_NONBLOCK);
    if (feed < 0)
        bench_die("%s: %s", arguments[4], strerror(errno));
    await_feed(connection);
    struct bench_samples frames = {0}, fed = {0};
    unsigned state = 1;
    size_t bytes = 0;
    for (int i = -20; i < samples; i++) { /* the first few warm up */
        char sql[128];
        snprintf(sql, sizeof(sql), "UPDATE places SET name = 'renamed %d.%d' WHERE id = %d",
                 (int)getpid(), i, place_in_result(&state));
        poll(NULL, 0, pause);
        drain(feed);
        struct arrivals at = one_update(connection, &socket, feed, sql);
        if (i < 0)
            continue;
        bench_sample(&frames, at.framed - at.acknowledged);
        bench_sample(&fed, at.fed - at.acknowledged);
        bytes += socket.message_size;
    }
    printf("frame_p50_us %.1f\nframe_p99_us %.1f\nfeed_p50_us %.1f\nfeed_p99_us %.1f\nframe_bytes "
           "%.0f\n",
           bench_quantile(&frames, .5) * 1e6, bench_quantile(&frames, .99) * 1e6,
           bench_quantile(&fed, .5) * 1e6, bench_quantile(&fed, .99) * 1e6,
           (double)bytes / samples);
    bench_websocket_close(&socket);
    PQfinish(connection);
}

/* ---- ingest ---- */

static void generate(PGconn *connection, long rows, long per_transaction, long base) {
    for (long done = 0; done < rows; done += per_transaction)
        bench_sql(connection,
                  "INSERT INTO bench SELECT g, 'n' || g, repeat('x', 64) FROM generate_series(%ld, "
                  "%ld) g",
                  base + done,
                  base + (done + per_transaction < rows ? done + per_transaction : rows) - 1);
}

static void ingest(char **arguments) {
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
}

/* ---- cost ---- */

/* User and system time of a process so far, in seconds. */
static double cpu_time(const char *process) {
    char path[64], text[1024] = "";
    snprintf(path, sizeof(path), "/proc/%s/stat", process);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof(text), file))
        bench_die("%s: %s", path, strerror(errno));
    fclose(file);
    unsigned long user, system;
    char *behind_name = strrchr(text, ')');
    if (!behind_name ||
        sscanf(behind_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) != 2)
        bench_die("%s is not as expected", path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void cost(char **arguments) {
    PGconn *connection = bench_connect(arguments[0]);
    struct bench_websocket socket;
    bench_websocket_open(&socket, atoi(arguments[1]), "/followeds?user=1");
    bench_websocket_message(&socket);
    long commits = atol(arguments[3]);
    unsigned state = 1;
    double before = cpu_time(arguments[2]);
    for (long i = 0; i < commits; i++) {
        bench_sql(connection, "UPDATE places SET name = 'cost %d.%ld' WHERE id = %d", (int)getpid(),
                  i, place_in_result(&state));
        bench_websocket_message(&socket);
    }
    printf("engine_us %.2f\n", (cpu_time(arguments[2]) - before) / (double)commits * 1e6);
    bench_websocket_close(&socket);
    PQfinish(connection);
}

int main(int argc, char **argv) {
    if (argc == 7 && strcmp(argv[1], "latency") == 0)
        latency(argv + 2);
    else if (argc == 7 && strcmp(argv[1], "ingest") == 0)
        ingest(argv + 2);
    else if (argc == 6 && strcmp(argv[1], "cost") == 0)
        cost(argv + 2);
    else
        bench_die("usage: latency CONNINFO PORT SAMPLES PAUSE_MS FEED | ingest CONNINFO PORT PID "
                  "ROWS ROWS_PER_TRANSACTION | "
                  "cost CONNINFO PORT PID COMMITS");
    return 0;
}
