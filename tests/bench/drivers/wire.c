/* The payload of a rename in /followeds?user=1, as it goes over the wire:
 *   bench-wire CONNINFO PORT CODEC plain|deflate
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "followeds.h"
#include "postgres.h"
#include "websocket.h"

enum { WARM_UP = 20, RENAMES = 200 };

int main(int argc, char **argv) {
    if (argc != 5)
        bench_die("usage: CONNINFO PORT CODEC plain|deflate");
    bool deflate = strcmp(argv[4], "deflate") == 0;
    PGconn *connection = bench_connect(argv[1]);
    struct bench_websocket socket;
    struct bench_samples sizes = {0};
    unsigned state = 1;
    char path[64];
    snprintf(path, sizeof(path), "/followeds?user=1&codec=%s", argv[3]);
    bench_websocket_open_with(&socket, atoi(argv[2]), path,
                              deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    if (socket.deflated != deflate)
        bench_die("the server does not compress");
    bench_websocket_message(&socket);
    for (int i = -WARM_UP; i < RENAMES; i++) {
        /* As long as the name it replaces: "place 12345" */
        bench_sql(connection, "UPDATE places SET name = 'wire %d' WHERE id = %d",
                  100000 + (int)getpid() % 800000 + i, bench_place_in_result(&state));
        bench_websocket_message(&socket);
        if (i >= 0)
            bench_sample(&sizes, (double)socket.message_size);
    }
    printf("bytes %.0f\nmost %.0f\n", bench_quantile(&sizes, .5), bench_quantile(&sizes, 1));
    bench_websocket_close(&socket);
    bench_samples_fini(&sizes);
    PQfinish(connection);
    return 0;
}
