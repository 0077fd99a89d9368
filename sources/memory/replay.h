/* Files of JSON lines: rows of the snapshot, then operations that are replayed as transactions. Engine's thread. */
#ifndef MEMORY_REPLAY_H
#define MEMORY_REPLAY_H

#include "table.h"

struct memory_operation {
    enum { MEMORY_CHANGE, MEMORY_COMMIT, MEMORY_WAIT } what;
    enum sgr_change_kind kind;
    size_t table;
    json_t *row, *old; /* borrowed from `line` */
    json_t *line;
    int64_t wait; /* microseconds */
};

/* Everything the tables' files hold, in the order of the tables. Zeroed at first. */
struct memory_replay {
    struct memory_operation *operations;
    size_t count, capacity;
    size_t next;   /* the next one to replay */
    uint64_t hash; /* of all that was read */
};

/* Reads the files: rows are added to the tables, operations to the replay. */
int memory_replay_load(struct memory_replay *replay, struct memory_table *tables,
                       size_t table_count, struct sgr_error *error);
void memory_replay_fini(struct memory_replay *replay);
uint64_t memory_hash(uint64_t hash, const char *text);

#endif
