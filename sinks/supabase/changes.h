/* postgres_changes: channels that ask for them, and changes on their way to these. Also who of the first era may see a protected table's rows. */
#ifndef SINKS_SUPABASE_CHANGES_H
#define SINKS_SUPABASE_CHANGES_H

#include "channel.h"

/* A channel has been joined and its client told so, or it has other claims now. It is told whether it gets changes. Its connection is closed without memory. */
void changes_join(struct channel *channel);
void changes_leave(struct channel *channel);

/* Changes flow again: all who ask for some are told. */
void changes_flow(struct supabase *supabase);

/* To whom it concerns. Of the first era these are, if the table is protected, those who have joined one of `topics`; the payload is in
 * supabase->payload. False: out of memory. */
bool changes_watch(struct supabase *supabase, struct table *table,
                   const struct sgr_relation *relation);
void changes_feed(struct supabase *supabase, struct table *table, const struct sgr_change *change,
                  int64_t time);
bool changes_protects(const struct table *table, const struct sgr_change *change);

#endif
