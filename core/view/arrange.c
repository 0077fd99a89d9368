/* How members get from their old places to their new ones with few moves.
 *
 * Members that neither left, came nor changed keep their order. Of those that were updated, as many as possible stay as well: those with
 * the same number of unchanged members before them, before and now, in a longest run that ascends in both lists. All that keeps its place is
 * *settled*; between two settled members lies a *gap*.
 *
 * Removals come first. Then inserts and moves by ascending new position; a member is put into its gap behind those put there before it,
 * and before members that still wait there for their own move. So positions in the list as it is at that moment are: for a new one, its
 * final position plus the waiting ones in earlier gaps; for one that waits, the settled before it, plus those put into gaps up to its own,
 * plus the waiting before it. */
#include <sangre/error.h>

#include "view/edits.h"

#define LEFT(edits)  ((struct sgr__slot *)(edits)->left.items)
#define CAME(edits)  ((struct sgr__slot *)(edits)->came.items)
#define MOVES(edits) ((struct sgr__move *)(edits)->moves.items)
#define INDEX(v, i)  (*SGR_VECTOR_AT(v, uint32_t, i))

/* ---- Who stays ---- */

static uint64_t old_position(const struct sgr__edits *edits, uint32_t came) {
    return LEFT(edits)[CAME(edits)[came].partner].position;
}

static bool may_stay(const struct sgr__edits *edits, uint32_t came) {
    const struct sgr__slot *slot = &CAME(edits)[came];
    return slot->partner != SGR__NONE &&
           slot->position - came == LEFT(edits)[slot->partner].position - slot->partner;
}

/* The pile whose top is the first with a larger old position. */
static size_t find_pile(const struct sgr__edits *edits, uint64_t position) {
    size_t low = 0, high = edits->piles.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (old_position(edits, INDEX(&edits->piles, middle)) > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The longest ascending run, by patience: counts[i] is the one before i in the best run that ends with it. */
static int choose_stays(struct sgr__edits *edits) {
    for (uint32_t i = 0; i < edits->came.count; i++) {
        uint32_t before = SGR__NONE;
        if (may_stay(edits, i)) {
            size_t pile = find_pile(edits, old_position(edits, i));
            before = pile ? INDEX(&edits->piles, pile - 1) : SGR__NONE;
            if (pile < edits->piles.count)
                INDEX(&edits->piles, pile) = i;
            else if (sgr_vector_push(&edits->piles, &i))
                return SGR_ENOMEM;
        }
        if (sgr_vector_push(&edits->counts, &before))
            return SGR_ENOMEM;
    }
    uint32_t at = edits->piles.count ? INDEX(&edits->piles, edits->piles.count - 1) : SGR__NONE;
    for (; at != SGR__NONE; at = INDEX(&edits->counts, at))
        CAME(edits)[at].stays = LEFT(edits)[CAME(edits)[at].partner].stays = true;
    return 0;
}

/* ---- Who waits: a Fenwick tree over `moves` in `counts` ---- */

static void count_waiting(struct sgr__edits *edits, size_t move, uint32_t by) {
    for (size_t i = move + 1; i <= edits->moves.count; i += i & -i)
        INDEX(&edits->counts, i) += by;
}

/* How many of the first `end` moves wait. */
static uint64_t waiting(const struct sgr__edits *edits, size_t end) {
    uint64_t sum = 0;
    for (size_t i = end; i; i -= i & -i)
        sum += INDEX(&edits->counts, i);
    return sum;
}

static int list_left(struct sgr__edits *edits) {
    for (uint32_t i = 0; i < edits->left.count; i++) {
        struct sgr__slot *slot = &LEFT(edits)[i];
        if (slot->partner == SGR__NONE) {
            if (sgr_vector_push(&edits->removals, slot))
                return SGR_ENOMEM;
        } else if (!slot->stays) {
            slot->move = (uint32_t)edits->moves.count;
            struct sgr__move move = {slot->position - edits->removals.count - edits->moves.count};
            if (sgr_vector_push(&edits->moves, &move))
                return SGR_ENOMEM;
        }
    }
    edits->counts.count = 0;
    if (sgr_vector_reserve(&edits->counts, edits->moves.count + 1))
        return SGR_ENOMEM;
    for (size_t i = 0; i <= edits->moves.count; i++)
        sgr_vector_push(&edits->counts, &(uint32_t){0});
    for (size_t i = 0; i < edits->moves.count; i++)
        count_waiting(edits, i, 1);
    return 0;
}

/* ---- Where to ---- */

/* Moves whose member stood in an earlier gap than the one after `settled` members. */
static size_t moves_before(const struct sgr__edits *edits, uint64_t settled) {
    size_t low = 0, high = edits->moves.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (MOVES(edits)[middle].settled < settled)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Places carried out so far that lie in the gap after `settled` members or an earlier one. */
static size_t places_up_to(const struct sgr__edits *edits, uint64_t settled) {
    size_t low = 0, high = edits->places.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (SGR_VECTOR_AT(&edits->places, struct sgr__place, middle)->position - middle <= settled)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int add_place(struct sgr__edits *edits, const struct sgr__slot *slot) {
    struct sgr__place place = {.position = slot->position, .member = slot->member};
    if (slot->partner != SGR__NONE) {
        size_t move = LEFT(edits)[slot->partner].move;
        uint64_t settled = MOVES(edits)[move].settled;
        place.move = true;
        place.from = settled + places_up_to(edits, settled) + waiting(edits, move);
        count_waiting(edits, move, (uint32_t)-1);
    }
    uint64_t settled = slot->position - edits->places.count;
    place.to = slot->position + waiting(edits, moves_before(edits, settled));
    return sgr_vector_push(&edits->places, &place);
}

int sgr__edits_arrange(struct sgr__edits *edits) {
    int code = choose_stays(edits);
    if (!code)
        code = list_left(edits);
    for (size_t i = 0; !code && i < edits->came.count; i++)
        if (!CAME(edits)[i].stays)
            code = add_place(edits, &CAME(edits)[i]);
    return code;
}
