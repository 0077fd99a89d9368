/* What was: each collection's log of its net changes, and one queue of all entries, oldest first, to forget by.
 *
 * An entry says that by a commit copies of a member came (weight > 0) or went (< 0), or that something below it changed (0). So the sum of a
 * collection's entries newer than a commit, taken from what stands in it now, is what stood in it then. Entries hold references to
 * their rows. A *silent* entry belongs to a commit that left the collection's document as it was (a member beyond the limit, say).
 * Engine's thread. */
#ifndef SGR_VIEW_HISTORY_H
#define SGR_VIEW_HISTORY_H

#include "base/list.h"
#include "base/vector.h"
#include "view/level.h"

struct sgr__collection;

struct sgr__entry {
    struct sgr_list queue;
    struct sgr__entry *older; /* in the collection's log: valid while the log's count says so */
    struct sgr__collection *collection;
    uint64_t commit;
    sgr_row_id node, via;
    int32_t weight;
    uint32_t silent : 1;
    uint32_t bytes : 31; /* charged to the history */
};

struct sgr__history {
    struct sgr_list queue;
    struct sgr_vector
        times; /* of struct { commit, time }: ascending; those before `first` are done with */
    size_t first;
    size_t bytes;
    uint64_t floor; /* everything up to this commit was forgotten at once */
};

void sgr__history_init(struct sgr__history *history);
void sgr__history_fini(struct sgr__history *history);
/* Once per commit that adds entries, before them. */
int sgr__history_begin(struct sgr__history *history, uint64_t commit, int64_t time);
int sgr__history_add(struct sgr__collection *collection, struct sgr__pair pair, int64_t weight,
                     uint64_t commit, struct sgr_error *error);
void sgr__history_silence(struct sgr__collection *collection, uint64_t commit);
/* A collection goes: its log too. */
void sgr__history_drop(struct sgr__collection *collection);
/* Forgets the oldest entry; false: there is none. */
bool sgr__history_forget_oldest(struct sgr__history *history);
/* When the oldest entry was made; INT64_MAX: there is none. */
int64_t sgr__history_oldest(struct sgr__history *history);

/* for (entry = sgr__log_first(c, from, &left); entry; entry = sgr__log_next(entry, from, &left)): the newest first. */
struct sgr__entry *sgr__log_first(const struct sgr__collection *collection, uint64_t from,
                                  uint32_t *left);
struct sgr__entry *sgr__log_next(const struct sgr__entry *entry, uint64_t from, uint32_t *left);

#endif
