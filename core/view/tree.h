/* A collection's members in order, each with its number of copies, so that positions are found in O(log n): a treap whose priorities are
 * hashes of the rows' places, with sums of copies. No recursion.
 *
 * The tree owns its members' memory and rows; `shown` is the collection's business. Engine's thread. */
#ifndef SGR_VIEW_TREE_H
#define SGR_VIEW_TREE_H

#include "row/heap.h"
#include "view/level.h"

struct sgr__shown;

struct sgr__member {
    struct sgr__member *parent, *left, *right;
    struct sgr__shown
        *shown; /* its collections of the levels below; NULL: beyond the limit, or no levels */
    sgr_row_id node, via; /* with references; via 0: none */
    uint32_t count;       /* copies: more than one only in bags */
    uint32_t sum;         /* of the counts from here down */
    uint32_t priority : 31;
    uint32_t fresh : 1; /* during a commit: new, or at another place */
};

struct sgr__tree {
    struct sgr__member *root;
};

static inline uint64_t sgr__tree_count(const struct sgr__tree *tree) {
    return tree->root ? tree->root->sum : 0;
}
struct sgr__pair sgr__member_pair(const struct sgr_heap *heap, const struct sgr__member *member);

/* A member outside any tree, count 0, with references to its rows. */
struct sgr__member *sgr__member_new(struct sgr_heap *heap, struct sgr__pair pair);
void sgr__member_free(struct sgr_heap *heap, struct sgr__member *member); /* not in a tree */
void sgr__member_set_pair(struct sgr_heap *heap, struct sgr__member *member, struct sgr__pair pair);

/* The member of this position, or NULL. */
struct sgr__member *sgr__tree_find(const struct sgr__tree *tree, const struct sgr_heap *heap,
                                   const struct sgr__level *level, struct sgr__pair pair);
/* Copies that stand before this position. */
uint64_t sgr__tree_before(const struct sgr__tree *tree, const struct sgr_heap *heap,
                          const struct sgr__level *level, struct sgr__pair pair);
/* No member of its position may be there. */
void sgr__tree_insert(struct sgr__tree *tree, const struct sgr_heap *heap,
                      const struct sgr__level *level, struct sgr__member *member);
void sgr__tree_remove(struct sgr__tree *tree, struct sgr__member *member);
/* SGR_ELIMIT: more than INT32_MAX copies in all. */
int sgr__tree_add(struct sgr__tree *tree, struct sgr__member *member, int64_t copies,
                  struct sgr_error *error);

uint64_t sgr__tree_rank(const struct sgr__member *member); /* of its first copy */
/* The member whose copies cover this position; NULL beyond the end. */
struct sgr__member *sgr__tree_at(const struct sgr__tree *tree, uint64_t position);
struct sgr__member *sgr__tree_first(const struct sgr__tree *tree);
struct sgr__member *sgr__tree_next(const struct sgr__member *member);
struct sgr__member *sgr__tree_previous(const struct sgr__member *member);

#endif
