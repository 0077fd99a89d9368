/* From the log's net to slots: which copies left, which came, and which members stayed. */
#define _GNU_SOURCE /* qsort_r */
#include "view/edits.h"

#include <stdlib.h>

#include "view/collection.h"

#define NETS(edits) ((struct sgr__net *)(edits)->nets.items)
#define LEFT(edits) ((struct sgr__slot *)(edits)->left.items)
#define CAME(edits) ((struct sgr__slot *)(edits)->came.items)
#define INDEX(v, i) (*SGR_VECTOR_AT(v, uint32_t, i))

static int no_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory for edits");
}

void sgr__edits_init(struct sgr__edits *edits) {
    *edits = (struct sgr__edits){
        .removals = SGR_VECTOR_INIT(struct sgr__slot),
        .places = SGR_VECTOR_INIT(struct sgr__place),
        .kept = SGR_VECTOR_INIT(struct sgr__kept),
        .nets = SGR_VECTOR_INIT(struct sgr__net),
        .gone = SGR_VECTOR_INIT(uint32_t),
        .here = SGR_VECTOR_INIT(uint32_t),
        .left = SGR_VECTOR_INIT(struct sgr__slot),
        .came = SGR_VECTOR_INIT(struct sgr__slot),
        .moves = SGR_VECTOR_INIT(struct sgr__move),
        .counts = SGR_VECTOR_INIT(uint32_t),
        .piles = SGR_VECTOR_INIT(uint32_t),
    };
}

static void each_vector(struct sgr__edits *edits, void (*call)(struct sgr_vector *vector)) {
    struct sgr_vector *vectors[] = {&edits->removals, &edits->places, &edits->kept, &edits->nets,
                                    &edits->gone,     &edits->here,   &edits->left, &edits->came,
                                    &edits->moves,    &edits->counts, &edits->piles};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
        call(vectors[i]);
}

void sgr__edits_fini(struct sgr__edits *edits) {
    each_vector(edits, sgr_vector_fini);
}

static void sort(struct sgr_vector *vector, int (*compare)(const void *, const void *, void *),
                 const void *data) {
    if (vector->count > 1)
        qsort_r(vector->items, vector->count, vector->item_size, compare, (void *)(uintptr_t)data);
}

/* ---- Nets ---- */

static int by_content(const void *a, const void *b, void *level) {
    const struct sgr__net *left = a, *right = b;
    int order = sgr__compare_content(level, left->pair, right->pair);
    return order ? order : (right->weight > left->weight) - (right->weight < left->weight);
}

static int by_whole(const void *a, const void *b, void *level) {
    const struct sgr__net *left = a, *right = b;
    return sgr__compare_whole(level, left->pair, right->pair);
}

void sgr__nets_sum(const struct sgr__level *level, struct sgr_vector *nets, bool whole) {
    struct sgr__net *items = nets->items;
    size_t kept = 0;
    sort(nets, whole ? by_whole : by_content, level);
    for (size_t i = 0; i < nets->count; i++) {
        if (kept && (whole ? sgr__compare_whole : sgr__compare_content)(level, items[kept - 1].pair,
                                                                        items[i].pair) == 0)
            items[kept - 1].weight += items[i].weight;
        else
            items[kept++] = items[i];
    }
    nets->count = kept;
}

static int gather(struct sgr__edits *edits, uint64_t from, struct sgr_error *error) {
    const struct sgr__collection *collection = edits->collection;
    const struct sgr_heap *heap = sgr__collection_views(collection)->heap;
    uint32_t left;
    for (struct sgr__entry *entry = sgr__log_first(collection, from, &left); entry;
         entry = sgr__log_next(entry, from, &left)) {
        struct sgr__net net = {.weight = entry->weight, .partner = SGR__NONE, .slot = SGR__NONE};
        net.pair.node = sgr_row_at(heap, entry->node);
        net.pair.via = entry->via ? sgr_row_at(heap, entry->via) : NULL;
        if (sgr_vector_push(&edits->nets, &net))
            return no_memory(error);
    }
    sgr__nets_sum(collection->level, &edits->nets, false);
    for (size_t i = 0; i < edits->nets.count; i++)
        NETS(edits)
    [i].member = sgr__tree_find(&collection->members, heap, collection->level, NETS(edits)[i].pair);
    return 0;
}

/* An update is one copy that went and one that came of the same identity. With more, say from a key that is none, nobody could tell which
 * became which. */
static void pair_run(struct sgr__net *nets, size_t begin, size_t end) {
    size_t went = SGR__NONE, came = SGR__NONE, others = 0;
    for (size_t i = begin; i < end; i++) {
        if (nets[i].weight == -1 && went == SGR__NONE)
            went = i;
        else if (nets[i].weight == 1 && came == SGR__NONE)
            came = i;
        else if (nets[i].weight)
            others++;
    }
    if (others || went == SGR__NONE || came == SGR__NONE)
        return;
    nets[went].partner = (uint32_t)came;
    nets[came].partner = (uint32_t)went;
}

static void pair_up(struct sgr__edits *edits) {
    const struct sgr__level *level = edits->collection->level;
    struct sgr__net *nets = NETS(edits);
    for (size_t begin = 0, end; begin < edits->nets.count; begin = end) {
        for (end = begin + 1; end < edits->nets.count; end++)
            if (sgr__compare_identity(level, nets[begin].pair, nets[end].pair) != 0)
                break;
        pair_run(nets, begin, end);
    }
}

/* ---- Slots ---- */

static int by_place(const void *a, const void *b, void *data) {
    const struct sgr__edits *edits = data;
    return sgr__compare_position(edits->collection->level, NETS(edits)[*(const uint32_t *)a].pair,
                                 NETS(edits)[*(const uint32_t *)b].pair);
}

/* Contents that went (`gone`) and came (`here`), each in the order of their places. */
static int split(struct sgr__edits *edits, struct sgr_error *error) {
    for (uint32_t i = 0; i < edits->nets.count; i++) {
        int64_t weight = NETS(edits)[i].weight;
        if (weight && sgr_vector_push(weight < 0 ? &edits->gone : &edits->here, &i))
            return no_memory(error);
    }
    sort(&edits->gone, by_place, edits);
    sort(&edits->here, by_place, edits);
    return 0;
}

static int add_slot(struct sgr_vector *slots, uint64_t position, struct sgr__pair pair,
                    struct sgr__member *member, uint32_t net, struct sgr_error *error) {
    struct sgr__slot slot = {.position = position, .pair = pair, .member = member, .net = net};
    slot.partner = SGR__NONE;
    return sgr_vector_push(slots, &slot) ? no_memory(error) : 0;
}

/* Copies that came, at their positions now, up to the limit. The last copies of a content are the new ones. */
static int expand_here(struct sgr__edits *edits, struct sgr_error *error) {
    uint64_t limit = edits->collection->level->limit;
    for (size_t i = 0; i < edits->here.count; i++) {
        uint32_t index = INDEX(&edits->here, i);
        const struct sgr__net *net = &NETS(edits)[index];
        if (!net->member || net->weight > net->member->count)
            return sgr_error_set(error, SGR_EINTERNAL, "history does not fit the collection");
        uint64_t end = sgr__tree_rank(net->member) + net->member->count;
        for (uint64_t at = end - (uint64_t)net->weight; at < end && at < limit; at++)
            if (add_slot(&edits->came, at, net->pair, net->member, index, error))
                return SGR_ENOMEM;
    }
    return 0;
}

/* Copies that went, at their positions before: those now, less what came before them, and what went. */
static int expand_gone(struct sgr__edits *edits, struct sgr_error *error) {
    const struct sgr__collection *collection = edits->collection;
    const struct sgr_heap *heap = sgr__collection_views(collection)->heap;
    uint64_t came = 0, went = 0;
    size_t here = 0;
    for (size_t i = 0; i < edits->gone.count; i++) {
        uint32_t index = INDEX(&edits->gone, i);
        const struct sgr__net *net = &NETS(edits)[index];
        for (; here < edits->here.count && by_place(&INDEX(&edits->here, here), &index, edits) < 0;
             here++)
            came += (uint64_t)NETS(edits)[INDEX(&edits->here, here)].weight;
        uint64_t before = net->member ? sgr__tree_rank(net->member) + net->member->count
                                      : sgr__tree_before(&collection->members, heap,
                                                         collection->level, net->pair);
        uint64_t copies = (uint64_t)-net->weight, at = before - came + went;
        went += copies;
        for (; copies && at < collection->level->limit; copies--, at++)
            if (add_slot(&edits->left, at, net->pair, NULL, index, error))
                return SGR_ENOMEM;
    }
    return 0;
}

/* ---- The limit's edge ---- */

/* How many of the member's copies were there before. `here` goes along while members ascend. */
static uint64_t stayed(const struct sgr__edits *edits, const struct sgr__member *member,
                       size_t *here) {
    uint64_t rank = sgr__tree_rank(member);
    for (; *here < edits->here.count; ++*here) {
        const struct sgr__net *net = &NETS(edits)[INDEX(&edits->here, *here)];
        if (net->member == member)
            return member->count - (uint64_t)net->weight;
        if (sgr__tree_rank(net->member) > rank)
            break;
    }
    return member->count;
}

/* Who they are that were pushed out: the first beyond the limit that did not come, ascending; their slots stand descending. */
static void name_pushed(struct sgr__edits *edits, size_t first) {
    const struct sgr_heap *heap = sgr__collection_views(edits->collection)->heap;
    uint64_t limit = edits->collection->level->limit;
    struct sgr__member *member = sgr__tree_at(&edits->collection->members, limit);
    size_t i = edits->left.count, here = 0;
    for (; i > first && member; member = sgr__tree_next(member)) {
        uint64_t rank = sgr__tree_rank(member), end = rank + stayed(edits, member, &here);
        for (uint64_t at = rank < limit ? limit : rank; at < end && i > first; at++)
            LEFT(edits)[--i].pair = sgr__member_pair(heap, member);
    }
}

/* Members without change that others pushed out: the last of the window before that did not go. */
static int push_out(struct sgr__edits *edits, uint64_t count, uint64_t end,
                    struct sgr_error *error) {
    size_t known = edits->left.count, at = known;
    for (uint64_t position = end; count && position--;) {
        if (at && LEFT(edits)[at - 1].position == position) {
            at--;
            continue;
        }
        if (add_slot(&edits->left, position, (struct sgr__pair){0}, NULL, SGR__NONE, error))
            return SGR_ENOMEM;
        count--;
    }
    name_pushed(edits, known);
    return 0;
}

/* Members without change that got room: the last of the window now that did not come. */
static int let_in(struct sgr__edits *edits, uint64_t count, uint64_t end, struct sgr_error *error) {
    const struct sgr_heap *heap = sgr__collection_views(edits->collection)->heap;
    size_t at = edits->came.count;
    for (uint64_t position = end; count && position--;) {
        if (at && CAME(edits)[at - 1].position == position) {
            at--;
            continue;
        }
        struct sgr__member *member = sgr__tree_at(&edits->collection->members, position);
        if (add_slot(&edits->came, position, sgr__member_pair(heap, member), member, SGR__NONE,
                     error))
            return SGR_ENOMEM;
        count--;
    }
    return 0;
}

static int by_position(const void *a, const void *b, void *data) {
    (void)data;
    const struct sgr__slot *left = a, *right = b;
    return (left->position > right->position) - (left->position < right->position);
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static int cross_edge(struct sgr__edits *edits, struct sgr_error *error) {
    uint64_t limit = edits->collection->level->limit;
    if (limit == UINT64_MAX)
        return 0;
    uint64_t now = sgr__tree_count(&edits->collection->members), before = now;
    for (size_t i = 0; i < edits->nets.count; i++)
        before -= (uint64_t)NETS(edits)[i].weight;
    uint64_t old_end = least(before, limit), new_end = least(now, limit);
    uint64_t stayed_old = old_end - edits->left.count, stayed_new = new_end - edits->came.count;
    int code = 0;
    if (stayed_old > stayed_new)
        code = push_out(edits, stayed_old - stayed_new, old_end, error);
    else if (stayed_new > stayed_old)
        code = let_in(edits, stayed_new - stayed_old, new_end, error);
    sort(&edits->left, by_position, NULL);
    sort(&edits->came, by_position, NULL);
    return code;
}

/* ---- Who was here and is ---- */

/* A member updated within the window has a slot on both sides. */
static int link_partners(struct sgr__edits *edits, struct sgr_error *error) {
    for (uint32_t i = 0; i < edits->left.count; i++)
        if (LEFT(edits)[i].net != SGR__NONE)
            NETS(edits)[LEFT(edits)[i].net].slot = i;
    for (uint32_t i = 0; i < edits->came.count; i++) {
        struct sgr__slot *slot = &CAME(edits)[i];
        uint32_t other = slot->net == SGR__NONE ? SGR__NONE : NETS(edits)[slot->net].partner;
        if (other == SGR__NONE || NETS(edits)[other].slot == SGR__NONE)
            continue;
        slot->partner = NETS(edits)[other].slot;
        LEFT(edits)[slot->partner].partner = i;
        struct sgr__kept kept = {slot->position, slot->member, LEFT(edits)[slot->partner].pair};
        if (sgr_vector_push(&edits->kept, &kept))
            return no_memory(error);
    }
    return 0;
}

static int keep_copies(struct sgr__edits *edits, const struct sgr__net *net, uint64_t came,
                       uint64_t went, struct sgr_error *error) {
    const struct sgr__member *member = net->member;
    uint64_t limit = edits->collection->level->limit;
    uint64_t at = sgr__tree_rank(member);
    uint64_t end = at + member->count - (net->weight > 0 ? (uint64_t)net->weight : 0);
    for (; at < end && at < limit && at - came + went < limit; at++) {
        struct sgr__kept kept = {at, net->member, net->pair};
        if (sgr_vector_push(&edits->kept, &kept))
            return no_memory(error);
    }
    return 0;
}

/* Members with something in the log whose content is what it was: only what is below them may differ. */
static int keep_touched(struct sgr__edits *edits, struct sgr_error *error) {
    struct sgr_vector *touched = &edits->counts;
    for (uint32_t i = 0; i < edits->nets.count; i++)
        if (NETS(edits)[i].member && sgr_vector_push(touched, &i))
            return no_memory(error);
    sort(touched, by_place, edits);
    uint64_t came = 0, went = 0;
    size_t here = 0, gone = 0;
    int code = 0;
    for (size_t i = 0; !code && i < touched->count; i++) {
        uint32_t *at = &INDEX(touched, i);
        for (; here < edits->here.count && by_place(&INDEX(&edits->here, here), at, edits) < 0;
             here++)
            came += (uint64_t)NETS(edits)[INDEX(&edits->here, here)].weight;
        for (; gone < edits->gone.count && by_place(&INDEX(&edits->gone, gone), at, edits) < 0;
             gone++)
            went -= (uint64_t)NETS(edits)[INDEX(&edits->gone, gone)].weight;
        code = keep_copies(edits, &NETS(edits)[*at], came, went, error);
    }
    touched->count = 0;
    return code;
}

static int by_kept_position(const void *a, const void *b, void *data) {
    (void)data;
    const struct sgr__kept *left = a, *right = b;
    return (left->position > right->position) - (left->position < right->position);
}

int sgr__edits_compose(struct sgr__edits *edits, const struct sgr__collection *collection,
                       uint64_t from, struct sgr_error *error) {
    each_vector(edits, sgr_vector_clear);
    edits->collection = collection;
    int code = gather(edits, from, error);
    if (!code && edits->nets.count) {
        pair_up(edits);
        code = split(edits, error);
    }
    if (!code)
        code = expand_here(edits, error);
    if (!code)
        code = expand_gone(edits, error);
    if (!code)
        code = cross_edge(edits, error);
    if (!code)
        code = link_partners(edits, error);
    if (!code && collection->level->level_count)
        code = keep_touched(edits, error);
    if (!code && sgr__edits_arrange(edits))
        code = no_memory(error);
    sort(&edits->kept, by_kept_position, NULL);
    return code;
}

bool sgr__edits_visible(const struct sgr__edits *edits) {
    const struct sgr_heap *heap = sgr__collection_views(edits->collection)->heap;
    if (edits->removals.count || edits->places.count)
        return true;
    for (size_t i = 0; i < edits->kept.count; i++) {
        const struct sgr__kept *kept = SGR_VECTOR_AT(&edits->kept, struct sgr__kept, i);
        if (sgr__visibly_updated(edits->collection->level, kept->old,
                                 sgr__member_pair(heap, kept->member)))
            return true;
    }
    return false;
}
