#include "view/tree.h"

#include <stdlib.h>

#include "base/hash.h"

struct sgr__pair sgr__member_pair(const struct sgr_heap *heap, const struct sgr__member *member) {
    return (struct sgr__pair){sgr_row_at(heap, member->node),
                              member->via ? sgr_row_at(heap, member->via) : NULL};
}

static sgr_row_id hold(struct sgr_heap *heap, const struct sgr_row *row) {
    return row ? sgr_row_id_of(heap, sgr_row_ref(row)) : 0;
}

struct sgr__member *sgr__member_new(struct sgr_heap *heap, struct sgr__pair pair) {
    struct sgr__member *member = calloc(1, sizeof(*member));
    if (!member)
        return NULL;
    member->node = hold(heap, pair.node);
    member->via = hold(heap, pair.via);
    member->priority =
        sgr_hash_mix(sgr_hash_int(member->node), sgr_hash_int(member->via)) & 0x7fffffff;
    return member;
}

static void release(struct sgr_heap *heap, const struct sgr__member *member) {
    struct sgr__pair pair = sgr__member_pair(heap, member);
    sgr_row_unref(pair.node);
    sgr_row_unref(pair.via);
}

void sgr__member_free(struct sgr_heap *heap, struct sgr__member *member) {
    release(heap, member);
    free(member);
}

void sgr__member_set_pair(struct sgr_heap *heap, struct sgr__member *member,
                          struct sgr__pair pair) {
    sgr_row_id node = hold(heap, pair.node), via = hold(heap, pair.via);
    release(heap, member);
    member->node = node;
    member->via = via;
}

/* ---- Shape ---- */

static uint32_t sum_of(const struct sgr__member *member) {
    return member ? member->sum : 0;
}

static void update_sum(struct sgr__member *member) {
    member->sum = member->count + sum_of(member->left) + sum_of(member->right);
}

/* The link that leads to the member. */
static struct sgr__member **link_to(struct sgr__tree *tree, struct sgr__member *member) {
    struct sgr__member *parent = member->parent;
    return !parent ? &tree->root : parent->left == member ? &parent->left : &parent->right;
}

/* Lifts a member over its parent. */
static void rotate(struct sgr__tree *tree, struct sgr__member *member) {
    struct sgr__member *parent = member->parent, *moved;
    *link_to(tree, parent) = member;
    member->parent = parent->parent;
    if (parent->left == member) {
        moved = parent->left = member->right;
        member->right = parent;
    } else {
        moved = parent->right = member->left;
        member->left = parent;
    }
    parent->parent = member;
    if (moved)
        moved->parent = parent;
    update_sum(parent);
    update_sum(member);
}

void sgr__tree_insert(struct sgr__tree *tree, const struct sgr_heap *heap,
                      const struct sgr__level *level, struct sgr__member *member) {
    struct sgr__pair pair = sgr__member_pair(heap, member);
    struct sgr__member **link = &tree->root, *parent = NULL;
    while (*link) {
        parent = *link;
        parent->sum += member->count;
        bool before = sgr__compare_position(level, pair, sgr__member_pair(heap, parent)) < 0;
        link = before ? &parent->left : &parent->right;
    }
    *link = member;
    member->parent = parent;
    member->left = member->right = NULL;
    member->sum = member->count;
    while (member->parent && member->parent->priority < member->priority)
        rotate(tree, member);
}

void sgr__tree_remove(struct sgr__tree *tree, struct sgr__member *member) {
    while (member->left && member->right)
        rotate(tree,
               member->left->priority > member->right->priority ? member->left : member->right);
    struct sgr__member *child = member->left ? member->left : member->right;
    *link_to(tree, member) = child;
    if (child)
        child->parent = member->parent;
    for (struct sgr__member *above = member->parent; above; above = above->parent)
        above->sum -= member->count;
    member->parent = member->left = member->right = NULL;
}

int sgr__tree_add(struct sgr__tree *tree, struct sgr__member *member, int64_t copies,
                  struct sgr_error *error) {
    if (copies > INT32_MAX - (int64_t)sgr__tree_count(tree))
        return sgr_error_set(error, SGR_ELIMIT, "a collection of more than %d members", INT32_MAX);
    member->count += (uint32_t)copies;
    for (; member; member = member->parent)
        member->sum += (uint32_t)copies;
    return 0;
}

/* ---- Finding ---- */

struct sgr__member *sgr__tree_find(const struct sgr__tree *tree, const struct sgr_heap *heap,
                                   const struct sgr__level *level, struct sgr__pair pair) {
    struct sgr__member *member = tree->root;
    while (member) {
        int order = sgr__compare_position(level, pair, sgr__member_pair(heap, member));
        if (!order)
            return member;
        member = order < 0 ? member->left : member->right;
    }
    return NULL;
}

uint64_t sgr__tree_before(const struct sgr__tree *tree, const struct sgr_heap *heap,
                          const struct sgr__level *level, struct sgr__pair pair) {
    uint64_t before = 0;
    struct sgr__member *member = tree->root;
    while (member) {
        if (sgr__compare_position(level, pair, sgr__member_pair(heap, member)) > 0) {
            before += sum_of(member->left) + member->count;
            member = member->right;
        } else {
            member = member->left;
        }
    }
    return before;
}

uint64_t sgr__tree_rank(const struct sgr__member *member) {
    uint64_t rank = sum_of(member->left);
    for (; member->parent; member = member->parent)
        if (member->parent->right == member)
            rank += member->parent->count + sum_of(member->parent->left);
    return rank;
}

struct sgr__member *sgr__tree_at(const struct sgr__tree *tree, uint64_t position) {
    struct sgr__member *member = tree->root;
    while (member) {
        uint64_t before = sum_of(member->left);
        if (position < before) {
            member = member->left;
        } else if (position < before + member->count) {
            break;
        } else {
            position -= before + member->count;
            member = member->right;
        }
    }
    return member;
}

static struct sgr__member *leftmost(struct sgr__member *member) {
    while (member && member->left)
        member = member->left;
    return member;
}

struct sgr__member *sgr__tree_first(const struct sgr__tree *tree) {
    return leftmost(tree->root);
}

struct sgr__member *sgr__tree_next(const struct sgr__member *member) {
    if (member->right)
        return leftmost(member->right);
    while (member->parent && member->parent->right == member)
        member = member->parent;
    return member->parent;
}

struct sgr__member *sgr__tree_previous(const struct sgr__member *member) {
    if (member->left) {
        struct sgr__member *last = member->left;
        while (last->right)
            last = last->right;
        return last;
    }
    while (member->parent && member->parent->left == member)
        member = member->parent;
    return member->parent;
}
