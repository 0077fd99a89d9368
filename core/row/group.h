/* Groups: two or more row ids that share a key in an index. Small ones are arrays in blocks of a pool (4 bytes an id and some slack), large
 * ones are tables by the rows' hashes, so that a row is found and removed in O(1) whatever the group's size. A group is named by 4 bytes.
 *
 * Ids are borrowed: references to rows are the index's business. */
#ifndef SGR_ROW_GROUP_H
#define SGR_ROW_GROUP_H

#include "base/vector.h"
#include "row/row.h"
#include "row/table.h"

enum { SGR__GROUP_CLASSES = 6 };

struct sgr__groups {
    const struct sgr_heap *heap; /* to see the rows: their hashes, and which are equal */
    const struct sgr_schema *schema;
    struct sgr_vector chunks;          /* of uint32_t *: the pool */
    uint32_t units;                    /* of the pool, given out from its front */
    uint32_t free[SGR__GROUP_CLASSES]; /* first free block of each class; 0: none */
    struct sgr_vector sets;            /* of struct sgr__table */
    uint32_t free_set;                 /* + 1; chained through the unused tables' counts */
    size_t set_bytes;
};

/* A row's place within its group; valid until the group changes. */
struct sgr__member {
    uint32_t id; /* 0: not there */
    uint32_t *in_array;
    struct sgr__slot *in_set;
};

void sgr__groups_init(struct sgr__groups *groups, const struct sgr_heap *heap,
                      const struct sgr_schema *schema);
void sgr__groups_fini(struct sgr__groups *groups);
size_t sgr__groups_bytes(const struct sgr__groups *groups);

int sgr__group_new(struct sgr__groups *groups, uint32_t first, uint32_t second, uint32_t *ret);
bool sgr__group_is_set(uint32_t group);
/* The very row, or else one that is equal. */
struct sgr__member sgr__group_find(const struct sgr__groups *groups, uint32_t group,
                                   const struct sgr_row *row);
/* May rename the group. 0 or SGR_ENOMEM. */
int sgr__group_add(struct sgr__groups *groups, uint32_t *group, uint32_t id);
/* May rename the group; *ret_last is the one id that remains, when only one does: then the group is gone. */
int sgr__group_remove(struct sgr__groups *groups, uint32_t *group, struct sgr__member member,
                      uint32_t *ret_last);

/* What there is to iterate over: an array, or a set (then *ret_count is 0). */
const struct sgr__table *sgr__group_open(const struct sgr__groups *groups, uint32_t group,
                                         const uint32_t **ret_ids, size_t *ret_count);
uint32_t sgr__group_first(const struct sgr__groups *groups, uint32_t group);
/* Has the memory that sgr__group_first looks at on its way. */
void sgr__group_prefetch(const struct sgr__groups *groups, uint32_t group);
/* Two of its rows are equal. Each row of an array is looked at once, in memory that the second function has on its way; its block should be there by then. */
bool sgr__group_repeats(const struct sgr__groups *groups, uint32_t group);
void sgr__group_prefetch_rows(const struct sgr__groups *groups, uint32_t group);

#endif
