/* The net edits of one collection between a commit and now: which members left its document, came into it, moved, or stayed with something
 * changed in or below them, with positions in the list before and after.
 *
 * Copies of a bag's row count one by one; with a limit, "the list" is its first members, so that members which did not change may leave or
 * come as others push or make room. Engine's thread. */
#ifndef SGR_VIEW_EDITS_H
#define SGR_VIEW_EDITS_H

#include "view/history.h"
#include "view/tree.h"

/* A member's content, and how many copies of it came (or went, if negative) in all. */
struct sgr__net {
    struct sgr__pair pair;
    int64_t weight;
    struct sgr__member *member; /* that has this content now; NULL: none */
    uint32_t
        partner;   /* the other content of the same member: it was updated; SGR__NONE: it was not */
    uint32_t slot; /* of its one copy in `left` or `came`; SGR__NONE: outside the window */
};
#define SGR__NONE UINT32_MAX

/* One copy that is no longer, or now, at a position. */
struct sgr__slot {
    uint64_t position; /* in the list before (left), now (came) */
    struct sgr__pair pair;
    struct sgr__member *member; /* came: the one here now */
    uint32_t net;
    uint32_t
        partner; /* slot of the same member on the other side; SGR__NONE: it really left or came */
    uint32_t move; /* left: its place in `moves`, if it moves */
    bool stays;    /* a partner that needs no move */
};

/* A member on the move that still stands at its old place. */
struct sgr__move {
    uint64_t settled; /* members before it that stay where they are */
};

/* To be put at `position` of the final list. Places are carried out in ascending order, after all removals. */
struct sgr__place {
    uint64_t position;
    struct sgr__member *member;
    bool move;
    uint64_t from,
        to; /* positions in the list as it is then; inserts use `to` alone, moves count without the member */
};

/* A member that was in the list and is. */
struct sgr__kept {
    uint64_t position;
    struct sgr__member *member;
    struct sgr__pair old; /* what it was, if updated; else what it is */
};

struct sgr__edits {
    const struct sgr__collection *collection;
    struct sgr_vector removals; /* of struct sgr__slot, ascending */
    struct sgr_vector places;   /* of struct sgr__place, ascending */
    struct sgr_vector kept;     /* of struct sgr__kept, ascending */
    /* Scratch. */
    struct sgr_vector nets, gone, here, left, came, moves, counts, piles;
};

void sgr__edits_init(struct sgr__edits *edits);
void sgr__edits_fini(struct sgr__edits *edits);
/* Valid until the collection changes. The caller has made sure that the log reaches back to `from`. */
int sgr__edits_compose(struct sgr__edits *edits, const struct sgr__collection *collection,
                       uint64_t from, struct sgr_error *error);
/* Whether anyone could see them (levels below aside). */
bool sgr__edits_visible(const struct sgr__edits *edits);

/* Sorts by content, or by the whole of it, sums what is equal and keeps zeros. Of equal ones the rows of one that came are kept. */
void sgr__nets_sum(const struct sgr__level *level, struct sgr_vector *nets, bool whole);

/* Given left and came, ascending and with partners, decides which partners stay, and fills removals and places. */
int sgr__edits_arrange(struct sgr__edits *edits);

#endif
