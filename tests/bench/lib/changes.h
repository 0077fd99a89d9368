/* The original's workload: inserts into bench(id bigint primary key, name text, details text), to clients of its topic. */
#ifndef BENCH_CHANGES_H
#define BENCH_CHANGES_H

#include "websocket.h"

#define BENCH_CHANGES_PATH "/socket/websocket?vsn=1.0.0"
#define BENCH_CHANGES_JOIN \
    "{\"topic\":\"realtime:public:bench\",\"event\":\"phx_join\",\"payload\":{},\"ref\":\"1\"}"

/* One row behind those there are. */
extern const char bench_changes_insert[];

/* Connects and joins; dies if that fails. */
void bench_changes_join(struct bench_websocket *socket, int port);
/* The id of the row that a change's frame tells; dies if it tells none. */
long bench_changes_id(const char *frame);

#endif
