/* Cursors: which commit a token names, within one epoch.
 *
 * A token is `EPOCHPOSITION[.POSITION…][~TICK]` in base 62: the epoch's identity, always of as many digits, how far each source is behind its
 * position at the epoch's start, and the ticks so far. The log remembers, for as long as history is kept, which commit stood at which positions. Each commit moves
 * exactly one of them, so their sum orders commits and a look-up is a binary search. Engine's thread.
 */
#ifndef SGR_ENGINE_CURSORS_H
#define SGR_ENGINE_CURSORS_H

#include "base/bytes.h"
#include "base/slice.h"

struct sgr_cursors;

/* 62^6 > 2^35: one in 56 milliards of clients with a cursor of another epoch is taken for one of this, and then only if a commit of this one
 * stands at the very same position. Each frame carries two cursors, so each digit costs every message two bytes. */
enum { SGR_CURSORS_EPOCH_DIGITS = 6 };

/* What stands behind a - is not the engine's: the network side's stamps. */
static inline struct sgr_slice sgr_cursor_bare(struct sgr_slice token) {
    const char *behind = token.size ? memchr(token.data, '-', token.size) : NULL;
    return behind ? (struct sgr_slice){token.data, (size_t)(behind - token.data)} : token;
}

struct sgr_cursors *sgr_cursors_new(size_t source_count);
void sgr_cursors_free(struct sgr_cursors *cursors); /* NULL is fine */

/* A new epoch: earlier tokens name nothing any more. `identity` is hashed into the token. */
void sgr_cursors_restart(struct sgr_cursors *cursors, uint64_t identity, const uint64_t *positions);
/* Commit `number` (greater than any before) took source `source` to `position`, or was a tick (source SIZE_MAX). 0 or SGR_ENOMEM. */
int sgr_cursors_commit(struct sgr_cursors *cursors, uint64_t number, size_t source,
                       uint64_t position, int64_t time);
/* Forgets commits older than `time`, and the oldest beyond `bytes` of memory; never the last. */
void sgr_cursors_trim(struct sgr_cursors *cursors, int64_t time, size_t bytes);
size_t sgr_cursors_bytes(const struct sgr_cursors *cursors); /* of what is remembered */

/* The token of the present position; a reference for the caller. NULL without memory. */
struct sgr_bytes *sgr_cursors_token(struct sgr_cursors *cursors);
/* The commit a token names. SGR_ENOTFOUND: another epoch, forgotten, or no token of ours. */
int sgr_cursors_find(const struct sgr_cursors *cursors, struct sgr_slice token,
                     uint64_t *ret_number);

/* The positions a token names, absolute, ticks last (source_count + 1 of them), whether or not a commit is known there or was yet. SGR_EPARSE: no
 * token; SGR_ENOTFOUND: of another epoch. */
int sgr_cursors_positions(const struct sgr_cursors *cursors, struct sgr_slice token,
                          uint64_t *ret_positions);
uint64_t sgr_cursors_ticks(const struct sgr_cursors *cursors); /* so far */
/* What the present epoch began at; source_count + 1 of them. */
const uint64_t *sgr_cursors_base(const struct sgr_cursors *cursors);

#endif
