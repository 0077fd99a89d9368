#include "changes.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

const char bench_changes_insert[] = "INSERT INTO bench SELECT g, 'n' || g, repeat('x', 64) FROM "
                                    "(SELECT coalesce(max(id), 0) + 1 AS g FROM bench) AS next";

void bench_changes_join(struct bench_websocket *socket, int port) {
    bench_websocket_open(socket, port, BENCH_CHANGES_PATH);
    bench_websocket_send(socket, BENCH_CHANGES_JOIN, sizeof(BENCH_CHANGES_JOIN) - 1);
    bench_websocket_message(socket);
    if (!strstr(socket->message, "\"status\":\"ok\""))
        bench_die("not joined: %.200s", socket->message);
}

long bench_changes_id(const char *frame) {
    const char *id = strstr(frame, "\"id\":\"");
    if (!id)
        bench_die("no change of a row: %.200s", frame);
    return atol(id + sizeof("\"id\":\"") - 1);
}
