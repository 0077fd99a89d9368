/* What idle clients cost the server in memory of its own (the kernel's socket buffers are not in it).
 *   bench-connections clients PORT PID CLIENTS PATH             websockets on one view
 *   bench-connections subscriptions PORT PID COUNT PER_CLIENT   subscriptions of /board, each with an id of its own, many on a websocket
 *
 * What is measured is growth behind the first few, so that what the server takes once is not in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crowd.h"
#include "process.h"

enum { FIRST = 10 };

static size_t document_bytes;

static void on_message(struct bench_crowd *crowd, struct bench_client *client, char *text,
                       size_t size) {
    (void)crowd;
    (void)client;
    const char *data = strstr(text, "\"data\":");
    if (!data)
        bench_die("no snapshot: %.200s", text);
    document_bytes += size - (size_t)(data + 7 - text) - 1;
}

static void connect_more(struct bench_crowd *crowd, size_t count, const char *path,
                         size_t messages) {
    for (size_t i = 0; i < count; i++)
        bench_crowd_connect(crowd, path, 0);
    bench_crowd_settle(crowd, messages);
}

static void clients(char **arguments) {
    struct bench_crowd crowd;
    int process = atoi(arguments[1]);
    size_t count = (size_t)atol(arguments[2]);
    bench_crowd_init(&crowd, atoi(arguments[0]), count + FIRST);
    crowd.message = on_message;
    connect_more(&crowd, FIRST, arguments[3], 1);
    size_t before = bench_process_memory(process);
    connect_more(&crowd, count, arguments[3], 1);
    double grown = (double)bench_process_memory(process) - (double)before;
    printf("bytes %.0f\n", grown / (double)count);
    bench_crowd_fini(&crowd);
}

/* Each client asks a little ahead of the answers only. */
static void subscribe(struct bench_crowd *crowd, size_t from, size_t count, size_t per_client) {
    for (size_t i = from; i < from + count; i++) {
        struct bench_client *client = &crowd->clients[i / per_client];
        char text[128];
        snprintf(text, sizeof(text),
                 "{\"type\":\"subscribe\",\"id\":%zu,\"view\":\"/board\",\"params\":{\"id\":%zu}}",
                 i % per_client, i + 1);
        while (i % per_client > client->messages + 8)
            bench_crowd_turn(crowd, 1000);
        bench_crowd_say(client, text);
    }
    for (size_t i = from; i < from + count; i += per_client)
        while (crowd->clients[i / per_client].messages < per_client)
            bench_crowd_turn(crowd, 1000);
}

static void subscriptions(char **arguments) {
    struct bench_crowd crowd;
    int process = atoi(arguments[1]);
    size_t count = (size_t)atol(arguments[2]), per_client = (size_t)atol(arguments[3]);
    size_t connections = count / per_client + 1;
    bench_crowd_init(&crowd, atoi(arguments[0]), connections);
    crowd.message = on_message;
    connect_more(&crowd, connections, "/", 0);
    subscribe(&crowd, 0, per_client, per_client);
    size_t before = bench_process_memory(process);
    document_bytes = 0;
    subscribe(&crowd, per_client, count, per_client);
    double grown = (double)bench_process_memory(process) - (double)before;
    printf("bytes %.0f\ndocument %.0f\n", (grown - (double)document_bytes) / (double)count,
           (double)document_bytes / (double)count);
    bench_crowd_fini(&crowd);
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "clients") == 0)
        clients(argv + 2);
    else if (argc == 6 && strcmp(argv[1], "subscriptions") == 0)
        subscriptions(argv + 2);
    else
        bench_die("usage: clients PORT PID CLIENTS PATH | subscriptions PORT PID COUNT PER_CLIENT");
    return 0;
}
