#include "slot.h"

#include <string.h>

/* The first reason counts, also when the attempt that found it failed. */
static void note(struct slot_memory *memory, const char *gap) {
    if (!memory->gap)
        memory->gap = gap;
}

int slot_judge(const char *name, const struct slot_found *found, const char *system,
               int64_t lag_limit, struct slot_memory *memory, enum slot_action *ret,
               uint64_t *ret_position, struct sgr_error *error) {
    bool other_system = memory->begun && strcmp(memory->system, system) != 0;
    if (other_system)
        note(memory, "other_system");
    if (!found->exists) {
        if (memory->begun)
            note(memory, "slot_lost");
        *ret = SLOT_MAKE;
        return SGR_OK;
    }
    if (found->foreign)
        return sgr_error_set(error, SGR_EFATAL,
                             "the replication slot %s is there already, for another plugin or "
                             "database; choose another name",
                             name);
    bool lagging = lag_limit && found->lag > lag_limit;
    *ret = found->lost || memory->drop || lagging ? SLOT_REPLACE : SLOT_USE;
    if (*ret == SLOT_REPLACE) {
        note(memory, found->lost ? "slot_lost" : "slot_lag");
        return SGR_OK;
    }
    bool ahead = memory->begun && found->confirmed > memory->position;
    if (ahead)
        note(memory, "slot_ahead");
    bool goes_on = memory->begun && !other_system && !ahead;
    *ret_position = goes_on ? memory->position : found->confirmed;
    return SGR_OK;
}
