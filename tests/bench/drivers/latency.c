/* Commit-ack to the frame of a nested view, and to the first byte that FEED (a pipe of pg_recvlogical) gives:
 *   bench-latency CONNINFO PORT SAMPLES PAUSE_MS FEED
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

int main(int argc, char **argv) {
    if (argc != 6)
        bench_die("usage: CONNINFO PORT SAMPLES PAUSE_MS FEED");
    char **arguments = argv + 1;
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
                 (int)getpid(), i, bench_place_in_result(&state));
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
