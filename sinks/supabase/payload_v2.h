/* What the second era is told of a change: typed values. */
#ifndef SINKS_SUPABASE_PAYLOAD_V2_H
#define SINKS_SUPABASE_PAYLOAD_V2_H

#include "watch.h"

/* Appends the change as these columns show it. `time`: of its commit, microseconds since 2000-01-01 UTC. */
void payload_v2(struct sgr_text *text, const struct watch *watch, const struct selection *selection,
                const struct sgr_change *change, int64_t time);

#endif
