/* Webhooks: a POST for each transaction to each webhook that one of its changes matches, with all of its changes:
 *
 *     {"changes":[PAYLOAD, …],"commit_timestamp":"2022-10-19T13:50:18Z"}
 *
 * Each endpoint gets them one at a time, in commit order, each until it is answered. Positions are acknowledged to the source when their
 * frames are handed over and their webhooks answered; so the source's slot is the queue, of which a bounded part is here. Network thread. */
#ifndef SINKS_SUPABASE_WEBHOOK_H
#define SINKS_SUPABASE_WEBHOOK_H

#include <sangre/sink.h>

struct supabase;
struct webhooks;

/* supabase->webhooks stays NULL if there are none. */
int webhooks_open(struct supabase *supabase, struct sgr_error *error);
/* Takes a batch whose frames are handed over; acknowledges its transaction in time. */
void webhooks_changes(struct webhooks *webhooks, const struct sgr_stream_batch *batch);
/* The database's log goes this far, whether or not anything of it concerns us. */
void webhooks_position(struct webhooks *webhooks, uint64_t lsn);
/* A gap: positions from before are not to be told any more. */
void webhooks_gap(struct webhooks *webhooks, uint64_t lsn); /* where the stream goes on */
void webhooks_free(struct webhooks *webhooks);              /* NULL is fine */

#endif
