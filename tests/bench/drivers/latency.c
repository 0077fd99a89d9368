/* Commit-ack to a frame, and to the first byte that FEED (a pipe of pg_recvlogical) gives:
 *   bench-latency followeds CONNINFO PORT SAMPLES PAUSE_MS FEED    the frame is a nested view's
 *   bench-latency changes CONNINFO PORT SAMPLES PAUSE_MS FEED      it is a change to a client of Supabase Realtime
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "changes.h"
#include "clock.h"
#include "followeds.h"
#include "postgres.h"
#include "websocket.h"

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

/* ---- The two workloads ---- */

struct workload {
    void (*open)(struct bench_websocket *socket, int port);
    void (*statement)(char *sql, size_t size, int number);
};

static void open_followeds(struct bench_websocket *socket, int port) {
    bench_websocket_open(socket, port, "/followeds?user=1");
    bench_websocket_message(socket);
}

static void rename_place(char *sql, size_t size, int number) {
    static unsigned state = 1;
    snprintf(sql, size, "UPDATE places SET name = 'renamed %d.%d' WHERE id = %d", (int)getpid(),
             number, bench_place_in_result(&state));
}

static void insert_row(char *sql, size_t size, int number) {
    (void)number;
    snprintf(sql, size, "%s", bench_changes_insert);
}

static const struct workload followeds = {open_followeds, rename_place},
                             changes = {bench_changes_join, insert_row};

int main(int argc, char **argv) {
    if (argc != 7 || (strcmp(argv[1], "followeds") != 0 && strcmp(argv[1], "changes") != 0))
        bench_die("usage: followeds|changes CONNINFO PORT SAMPLES PAUSE_MS FEED");
    const struct workload *workload = argv[1][0] == 'f' ? &followeds : &changes;
    char **arguments = argv + 2;
    PGconn *connection = bench_connect(arguments[0]);
    struct bench_websocket socket;
    workload->open(&socket, atoi(arguments[1]));
    int samples = atoi(arguments[2]), pause = atoi(arguments[3]);
    int feed = open(arguments[4], O_RDONLY | O_NONBLOCK);
    if (feed < 0)
        bench_die("%s: %s", arguments[4], strerror(errno));
    await_feed(connection);
    struct bench_samples frames = {0}, fed = {0};
    size_t bytes = 0;
    for (int i = -20; i < samples; i++) { /* the first few warm up */
        char sql[192];
        workload->statement(sql, sizeof(sql), i);
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
    bench_samples_fini(&frames);
    bench_samples_fini(&fed);
    bench_websocket_close(&socket);
    PQfinish(connection);
    return 0;
}
