/* Batches of a change stream: packed by the engine's thread, read and let go of by any.
 *
 * A batch is one block: changes from its beginning on, their fields and texts from its end backwards until the two meet. Descriptors of
 * relations are blocks of their own, shared by the batches that use them. The ledger is what both threads know of one stream: the bytes of
 * its batches that still live, but for those that a sink keeps as history, and how far its sinks have handled it.
 */
#ifndef SGR_NET_STREAM_BATCH_H
#define SGR_NET_STREAM_BATCH_H

#include <sangre/sink.h>

/* ---- The ledger; every function from any thread ---- */

struct sgr_stream_ledger;

/* `wake` is called from any thread when there is something to look at that was awaited: a position, or the bytes. It must only wake a loop. */
struct sgr_stream_ledger *sgr_stream_ledger_new(void (*wake)(void *data), void *data);
/* Lives on until its last batch is gone. NULL is fine. */
void sgr_stream_ledger_unref(struct sgr_stream_ledger *ledger);
size_t sgr_stream_ledger_bytes(const struct sgr_stream_ledger *ledger);
/* True: they are at most `bytes` already; else there will be a wake. */
bool sgr_stream_ledger_await(struct sgr_stream_ledger *ledger, size_t bytes);
/* From now on positions are durable when they are told as handled, not when they were passed on. */
void sgr_stream_ledger_hold(struct sgr_stream_ledger *ledger);
bool sgr_stream_ledger_held(const struct sgr_stream_ledger *ledger);
/* Positions count within one era: a gap begins another one. */
void sgr_stream_ledger_handled(struct sgr_stream_ledger *ledger, uint32_t era, uint64_t lsn);
uint64_t sgr_stream_ledger_position(struct sgr_stream_ledger *ledger, uint32_t era); /* or 0 */
/* True: that is handled already; else there will be a wake when the next position is. */
bool sgr_stream_ledger_await_handled(struct sgr_stream_ledger *ledger, uint32_t era, uint64_t lsn);

/* ---- Packing; engine's thread ---- */

struct sgr_stream_packer;

/* `piece`: the bytes of a batch, unless one change is bigger. The ledger is borrowed. */
struct sgr_stream_packer *sgr_stream_packer_new(struct sgr_stream_ledger *ledger, size_t piece);
void sgr_stream_packer_free(struct sgr_stream_packer *packer); /* NULL is fine */
/* Copies the change. SGR_ELIMIT: it does not fit behind the others, take them first. SGR_ENOMEM. */
int sgr_stream_packer_add(struct sgr_stream_packer *packer, const struct sgr_change *change);
size_t sgr_stream_packer_count(const struct sgr_stream_packer *packer);
/* What was added, as a batch with one reference; NULL: out of memory, and nothing is lost. */
struct sgr_stream_batch *sgr_stream_packer_take(struct sgr_stream_packer *packer,
                                                const struct sgr_transaction *transaction,
                                                bool first, bool last);
void sgr_stream_packer_drop(struct sgr_stream_packer *packer); /* forgets what was added */

/* ---- Sharing ---- */

const struct sgr_stream_batch *sgr_stream_batch_ref(const struct sgr_stream_batch *batch);
/* A reference, and the ledger gets the batch's bytes back at once, though it lives on. */
const struct sgr_stream_batch *sgr_stream_batch_keep(const struct sgr_stream_batch *batch);
void sgr_stream_batch_unref(const struct sgr_stream_batch *batch); /* NULL is fine */
size_t sgr_stream_batch_bytes(const struct sgr_stream_batch *batch);

#endif
