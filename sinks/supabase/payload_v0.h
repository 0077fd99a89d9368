/* The payload of a change as the protocol's first era has it: keys in alphabetical order, values as texts. */
#ifndef SINKS_SUPABASE_PAYLOAD_V0_H
#define SINKS_SUPABASE_PAYLOAD_V0_H

#include <sangre/change.h>
#include <sangre/text.h>

#include "table.h"

/* A commit's time as the protocol writes it, kept for as long as it is the same second. */
struct payload_time {
    int64_t second; /* since 2000-01-01 UTC */
    size_t size;    /* 0: none yet */
    char text[32];
};
struct sgr_slice payload_time(struct payload_time *time, int64_t microseconds);

const char *payload_event(enum sgr_change_kind kind); /* INSERT, … */

/* Appends it; an UPDATE's old row only with `tells_old`. */
void payload_v0(struct sgr_text *text, const struct table *table, const struct sgr_change *change,
                bool tells_old, struct sgr_slice time);

#endif
