/* What is to be done about the replication slot of a change stream, from what the server has and what we remember. Pure. */
#ifndef POSTGRES_SLOT_H
#define POSTGRES_SLOT_H

#include <sangre/error.h>
#include <stdbool.h>
#include <stdint.h>

struct slot_found { /* on the server */
    bool exists, foreign,
        lost; /* foreign: another plugin's or database's; lost: the server gave it up */
    uint64_t confirmed;
    int64_t lag; /* bytes of log behind that */
};

struct slot_memory {   /* of this process; zeroed at first */
    bool begun;        /* a stream flowed */
    char system[64];   /* identifier and timeline of its server */
    uint64_t position; /* everything up to here was passed to the host */
    const char *gap;   /* told with the next stream; NULL: none */
    bool drop;         /* the slot is to be dropped first */
};

enum slot_action { SLOT_USE, SLOT_MAKE, SLOT_REPLACE };

/* *ret_position: where to begin, for SLOT_USE. Notes a gap in the memory. SGR_EFATAL: the slot is somebody else's. */
int slot_judge(const char *name, const struct slot_found *found, const char *system,
               int64_t lag_limit, struct slot_memory *memory, enum slot_action *ret,
               uint64_t *ret_position, struct sgr_error *error);

#endif
