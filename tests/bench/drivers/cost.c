/* The process's CPU time per commit that changes one subscription's result, while others are there:
 *   bench-cost CONNINFO PORT PID COMMITS followeds        a place that /followeds?user=1 shows
 *   bench-cost CONNINFO PORT PID COMMITS views N          an item of /items-1 … /items-N, all subscribed
 *   bench-cost CONNINFO PORT PID COMMITS parameters N     an item of /items?owner=1 … N, all subscribed
 *   bench-cost CONNINFO PORT PID COMMITS depth N          a row of the innermost of /depth-N's N levels
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "followeds.h"
#include "postgres.h"
#include "process.h"
#include "websocket.h"

#define PER_CONNECTION 1000 /* as many subscriptions as one may have, by default */
#define WINDOW         100  /* asked for at a time */
#define ITEMS_EACH     5    /* owner o has the items from 5 × (o − 1) + 1, as in cost.sql */
#define WARM_UP        200

struct world {
    struct bench_websocket *sockets;
    long socket_count, count; /* COUNT: views, parameters or levels */
    unsigned state;
};

struct workload {
    const char *name;
    void (*open)(struct world *world, int port);
    /* Draws what to change, writes the SQL, and tells the connection that shows it. */
    struct bench_websocket *(*change)(struct world *world, char *sql, size_t size, long i);
};

static unsigned long draw(struct world *world, long below) {
    world->state = world->state * 1103515245u + 12345u;
    return (world->state >> 4) % (unsigned long)below;
}

static void open_path(struct world *world, int port, const char *path) {
    world->socket_count = 1;
    world->sockets = calloc(1, sizeof(*world->sockets));
    if (!world->sockets)
        bench_die("out of memory");
    bench_websocket_open(world->sockets, port, path);
    bench_websocket_message(world->sockets);
}

/* ---- followeds ---- */

static void open_followeds(struct world *world, int port) {
    open_path(world, port, "/followeds?user=1");
}

static struct bench_websocket *change_followeds(struct world *world, char *sql, size_t size,
                                                long i) {
    snprintf(sql, size, "UPDATE places SET name = 'cost %d.%ld' WHERE id = %d", (int)getpid(), i,
             bench_place_in_result(&world->state));
    return world->sockets;
}

/* ---- views, parameters ---- */

static void subscribe(struct bench_websocket *socket, long from, long to, bool parameters) {
    char text[256];
    for (long i = from; i < to; i++) {
        int size =
            parameters
                ? snprintf(text, sizeof(text),
                           "{\"type\":\"subscribe\",\"id\":%ld,\"view\":\"/items\",\"params\":{"
                           "\"owner\":%ld}}",
                           i, i)
                : snprintf(text, sizeof(text),
                           "{\"type\":\"subscribe\",\"id\":%ld,\"view\":\"/items-%ld\"}", i, i);
        bench_websocket_send(socket, text, (size_t)size);
    }
    for (long i = from; i < to; i++) {
        bench_websocket_message(socket);
        if (!strstr(socket->message, "\"snapshot\""))
            bench_die("no snapshot, but %.200s", socket->message);
    }
}

static void open_items(struct world *world, int port, bool parameters) {
    world->socket_count = (world->count + PER_CONNECTION - 1) / PER_CONNECTION;
    world->sockets = calloc((size_t)world->socket_count, sizeof(*world->sockets));
    if (!world->sockets)
        bench_die("out of memory");
    for (long i = 0; i < world->socket_count; i++)
        bench_websocket_open(&world->sockets[i], port, "/");
    for (long i = 0; i < world->count; i += WINDOW) {
        long to = i + WINDOW < world->count ? i + WINDOW : world->count;
        subscribe(&world->sockets[i / PER_CONNECTION], i + 1, to + 1, parameters);
    }
}

static void open_views(struct world *world, int port) {
    open_items(world, port, false);
}

static void open_parameters(struct world *world, int port) {
    open_items(world, port, true);
}

static struct bench_websocket *change_item(struct world *world, char *sql, size_t size, long i) {
    unsigned long owner = draw(world, world->count),
                  item = owner * ITEMS_EACH + draw(world, ITEMS_EACH) + 1;
    snprintf(sql, size, "UPDATE items SET name = 'cost %d.%ld' WHERE id = %lu", (int)getpid(), i,
             item);
    return &world->sockets[owner / PER_CONNECTION];
}

/* ---- depth ---- */

static void open_depth(struct world *world, int port) {
    char path[32];
    snprintf(path, sizeof(path), "/depth-%ld", world->count);
    open_path(world, port, path);
}

/* Level n's ids are n0000 … with 10 rows below each of the level above; level 1 is the root alone. */
static struct bench_websocket *change_depth(struct world *world, char *sql, size_t size, long i) {
    long rows = 1;
    for (long level = 1; level < world->count; level++)
        rows *= 10;
    snprintf(sql, size, "UPDATE steps SET name = 'cost %d.%ld' WHERE id = %ld", (int)getpid(), i,
             world->count * 10000 + (long)draw(world, rows));
    return world->sockets;
}

static const struct workload workloads[] = {{"followeds", open_followeds, change_followeds},
                                            {"views", open_views, change_item},
                                            {"parameters", open_parameters, change_item},
                                            {"depth", open_depth, change_depth}};

static const struct workload *find(const char *name) {
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    bench_die("no workload %s", name);
}

int main(int argc, char **argv) {
    if (argc != 6 && argc != 7)
        bench_die("usage: CONNINFO PORT PID COMMITS followeds|views|parameters|depth [N]");
    const struct workload *workload = find(argv[5]);
    struct world world = {.count = argc == 7 ? atol(argv[6]) : 1, .state = 1};
    PGconn *connection = bench_connect(argv[1]);
    int process = atoi(argv[3]);
    long commits = atol(argv[4]);
    double opening = bench_process_cpu(process);
    workload->open(&world, atoi(argv[2]));
    double before = bench_process_cpu(process);
    printf("open_us %.2f\n", (before - opening) / (double)world.count * 1e6);
    for (long i = -WARM_UP; i < commits; i++) {
        char sql[256];
        struct bench_websocket *shown = workload->change(&world, sql, sizeof(sql), i);
        if (i == 0)
            before = bench_process_cpu(process);
        bench_sql(connection, "%s", sql);
        bench_websocket_message(shown);
    }
    printf("commit_us %.2f\n", (bench_process_cpu(process) - before) / (double)commits * 1e6);
    for (long i = 0; i < world.socket_count; i++)
        bench_websocket_close(&world.sockets[i]);
    free(world.sockets);
    PQfinish(connection);
    return 0;
}
