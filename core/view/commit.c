/* One commit: from the feeds' changes to collections, logs and the instances whose documents differ.
 *
 *   route    each changed row to the collections it concerns, as changes (pair of rows, weight). Changes of nodes meet the pivots as they were
 *            (P⋈ΔN), then changes of pivots meet the nodes as they are (ΔP⋈N'): together that is Δ(P⋈N), also if both sides of a link
 *            change at once
 *   apply    per collection, parents first: net the changes, test `where`, bring tree and log up to date, then let members into the
 *            window or out of it, which makes collections below (filled from the state after the commit, so not to be changed again)
 *   mark     upwards from what changed visibly to the instances, once per member
 *
 * It costs what changed times where it is shown. An error leaves the views unusable. */
#include "view/collection.h"

#include <stdlib.h>

#include "view/instance.h"

struct change {
    struct sgr__pair pair; /* with references */
    int64_t weight;
    uint32_t next; /* of the same collection: position + 1 */
};

/* A collection at work. */
struct applying {
    struct sgr_views *views;
    struct sgr__collection *collection;
    const struct sgr__level *level;
    bool certain, maybe; /* its document differs, or might */
    struct sgr_error *error;
};

static int no_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory for a commit");
}

/* ---- Route ---- */

static int add_change(struct sgr__collection *collection, struct sgr__pair pair, int64_t weight,
                      struct sgr_error *error) {
    struct sgr__work *work = &sgr__collection_views(collection)->work;
    struct change change = {pair, weight, collection->changes};
    if (!collection->changes &&
        sgr_vector_push(&work->touched[collection->level->depth], &collection))
        return no_memory(error);
    if (sgr_vector_push(&work->changes, &change))
        return no_memory(error);
    sgr_row_ref(pair.node);
    if (pair.via)
        sgr_row_ref(pair.via);
    collection->changes = (uint32_t)work->changes.count;
    return 0;
}

static int route_node(const struct sgr__registration *first, const struct sgr_delta *delta,
                      struct sgr_error *error) {
    for (const struct sgr__registration *at = first; at; at = sgr__registration_next(first, at)) {
        int code =
            add_change(sgr__registration_collection(at), (struct sgr__pair){delta->row, at->via},
                       delta->weight * sgr__registration_weight(at), error);
        if (code)
            return code;
    }
    return 0;
}

static int route_via(const struct sgr__registration *first, const struct sgr_delta *delta,
                     struct sgr_error *error) {
    for (const struct sgr__registration *at = first; at; at = sgr__registration_next(first, at)) {
        struct sgr__collection *collection = sgr__registration_collection(at);
        int code =
            sgr__collection_children(collection, delta->row, add_change, delta->weight, error);
        if (!code && sgr__register_candidate(collection, delta->row, delta->weight))
            code = no_memory(error);
        if (code)
            return code;
    }
    return 0;
}

static int route_deltas(struct sgr_views *views, const struct sgr__router *router,
                        struct sgr_error *error) {
    struct sgr_batch batch = sgr_batch_view(&router->feed->pending);
    int code = 0;
    for (size_t i = 0; !code && i < batch.count; i++) {
        const struct sgr__registration *first = sgr__router_find(router, batch.items[i].row);
        views->rows_read++;
        if (first)
            code = router->via ? route_via(first, &batch.items[i], error)
                               : route_node(first, &batch.items[i], error);
    }
    return code;
}

static int route_all(struct sgr_views *views, bool via, struct sgr_error *error) {
    SGR_LIST_EACH(at, &views->dirty) {
        struct sgr__feed *feed = SGR_CONTAINER(at, struct sgr__feed, dirty);
        SGR_LIST_EACH(link, &feed->routers) {
            struct sgr__router *router = SGR_CONTAINER(link, struct sgr__router, link);
            int code = router->via == via ? route_deltas(views, router, error) : 0;
            if (code)
                return code;
        }
    }
    return 0;
}

static void forget_pending(struct sgr_views *views) {
    SGR_LIST_EACH(at, &views->dirty) {
        sgr_batch_clear(&SGR_CONTAINER(at, struct sgr__feed, dirty)->pending);
        sgr_list_remove(at);
    }
}

/* ---- Apply: one member ---- */

static int log_change(struct applying *at, struct sgr__pair pair, int64_t weight) {
    at->views->edit_count++;
    return sgr__history_add(at->collection, pair, weight, at->views->commit, at->error);
}

/* Copies coming or going show, unless there is a limit that hides them. */
static void note_count(struct applying *at) {
    if (at->level->limit == UINT64_MAX)
        at->certain = true;
    else
        at->maybe = true;
}

static struct sgr__member *find(const struct applying *at, struct sgr__pair pair) {
    return sgr__tree_find(&at->collection->members, at->views->heap, at->level, pair);
}

static int place(struct applying *at, struct sgr__member *member) {
    member->fresh = 1;
    sgr__tree_insert(&at->collection->members, at->views->heap, at->level, member);
    return sgr_vector_push(&at->views->work.fresh, &member) ? no_memory(at->error) : 0;
}

static int grow(struct applying *at, struct sgr__pair pair, int64_t copies) {
    struct sgr__member *member = find(at, pair);
    int code = 0;
    if (!member) {
        member = sgr__member_new(at->views->heap, pair);
        if (!member)
            return no_memory(at->error);
        at->views->members++;
        at->views->state_bytes += sizeof(*member);
        at->collection->level->members++;
        code = place(at, member);
    }
    if (!code)
        code = sgr__tree_add(&at->collection->members, member, copies, at->error);
    note_count(at);
    return code ? code : log_change(at, pair, copies);
}

static int shrink(struct applying *at, struct sgr__pair pair, int64_t copies) {
    struct sgr__member *member = find(at, pair);
    if (!member)
        return 0;
    copies = copies < member->count ? copies : member->count;
    int code = log_change(at, pair, -copies);
    if (!code)
        code = sgr__tree_add(&at->collection->members, member, -copies, at->error);
    note_count(at);
    if (code || member->count)
        return code;
    sgr__tree_remove(&at->collection->members, member);
    sgr__member_detach(at->collection, member);
    sgr__member_free(at->views->heap, member);
    at->views->members--;
    at->views->state_bytes -= sizeof(*member);
    at->collection->level->members--;
    return 0;
}

/* Whether the member may hold `pair` at the place where it is. */
static bool fits(const struct applying *at, const struct sgr__member *member,
                 struct sgr__pair pair) {
    const struct sgr__member *before = sgr__tree_previous(member), *after = sgr__tree_next(member);
    const struct sgr_heap *heap = at->views->heap;
    return (!before ||
            sgr__compare_position(at->level, sgr__member_pair(heap, before), pair) < 0) &&
           (!after || sgr__compare_position(at->level, pair, sgr__member_pair(heap, after)) < 0);
}

/* The member stays what it is to clients, with another content; its collections below go with it where the link is the same. */
static int update(struct applying *at, struct sgr__member *member, struct sgr__pair old,
                  struct sgr__pair now) {
    bool moves = !fits(at, member, now);
    if (moves || at->level->limit != UINT64_MAX)
        at->maybe = true;
    else if (sgr__visibly_updated(at->level, old, now))
        at->certain = true;
    if (moves)
        sgr__tree_remove(&at->collection->members, member);
    sgr__member_set_pair(at->views->heap, member, now);
    int code = moves ? place(at, member) : 0;
    if (!code)
        code = sgr__member_switch(at->collection, member, old, at->error);
    if (!code)
        code = log_change(at, old, -1);
    return code ? code : log_change(at, now, 1);
}

/* ---- Apply: one collection ---- */

/* Equal content again and again: nobody can see the difference, but the old row should not be held for that. */
static void refresh(struct applying *at, struct sgr__pair now) {
    struct sgr__member *member = find(at, now);
    if (member)
        sgr__member_set_pair(at->views->heap, member, now);
}

/* Nets of one identity, by content. */
static int apply_run(struct applying *at, const struct sgr__net *nets, size_t count) {
    if (count == 2 && nets[0].weight * nets[1].weight == -1) {
        const struct sgr__net *went = nets[0].weight < 0 ? &nets[0] : &nets[1];
        const struct sgr__net *came = nets[0].weight < 0 ? &nets[1] : &nets[0];
        struct sgr__member *member = find(at, went->pair);
        if (member && member->count == 1 && !find(at, came->pair))
            return update(at, member, went->pair, came->pair);
    }
    int code = 0;
    for (size_t i = 0; !code && i < count; i++)
        if (nets[i].weight < 0)
            code = shrink(at, nets[i].pair, -nets[i].weight);
    for (size_t i = 0; !code && i < count; i++)
        if (nets[i].weight > 0)
            code = grow(at, nets[i].pair, nets[i].weight);
        else if (!nets[i].weight)
            refresh(at, nets[i].pair);
    return code;
}

/* The collection's changes as nets in work->nets: rows that cancel out or don't match are gone. */
static int gather(struct applying *at) {
    struct sgr__work *work = &at->views->work;
    sgr_vector_clear(&work->nets);
    for (uint32_t i = at->collection->changes; i;) {
        const struct change *change = SGR_VECTOR_AT(&work->changes, struct change, i - 1);
        struct sgr__net net = {.pair = change->pair, .weight = change->weight};
        if (sgr_vector_push(&work->nets, &net))
            return no_memory(at->error);
        i = change->next;
    }
    at->collection->changes = 0;
    sgr__nets_sum(at->level, &work->nets, true);
    struct sgr__net *nets = work->nets.items;
    size_t kept = 0;
    for (size_t i = 0; i < work->nets.count; i++)
        if (nets[i].weight && sgr__collection_accepts(at->collection, nets[i].pair))
            nets[kept++] = nets[i];
    work->nets.count = kept;
    sgr__nets_sum(at->level, &work->nets, false);
    return 0;
}

static int apply_nets(struct applying *at) {
    struct sgr__net *nets = at->views->work.nets.items;
    size_t count = at->views->work.nets.count;
    int code = 0;
    for (size_t begin = 0, end; !code && begin < count; begin = end) {
        for (end = begin + 1; end < count; end++)
            if (sgr__compare_identity(at->level, nets[begin].pair, nets[end].pair) != 0)
                break;
        code = apply_run(at, nets + begin, end - begin);
    }
    return code;
}

/* ---- Apply: the window ---- */

/* A member that did not change itself comes back into the window: whoever has an old view of it must look below it. */
static int bring_in(struct applying *at, struct sgr__member *member) {
    int code = sgr__member_attach(at->collection, member, at->error);
    return code ? code : log_change(at, sgr__member_pair(at->views->heap, member), 0);
}

static int settle_fresh(struct applying *at) {
    struct sgr_vector *fresh = &at->views->work.fresh;
    int code = 0;
    for (size_t i = 0; !code && i < fresh->count; i++) {
        struct sgr__member *member = *SGR_VECTOR_AT(fresh, struct sgr__member *, i);
        if (sgr__tree_rank(member) < at->level->limit)
            code = sgr__member_attach(at->collection, member, at->error);
        else
            sgr__member_detach(at->collection, member);
    }
    return code;
}

/* Of the members that are not fresh, those that show their levels are the first ones; so both walks end where nothing has to change. */
static int settle_edge(struct applying *at) {
    const struct sgr__tree *tree = &at->collection->members;
    uint64_t limit = at->level->limit, count = sgr__tree_count(tree);
    struct sgr__member *member = sgr__tree_at(tree, limit);
    if (member && sgr__tree_rank(member) < limit)
        member = sgr__tree_next(member);
    for (; member && (member->fresh || member->shown); member = sgr__tree_next(member))
        sgr__member_detach(at->collection, member);
    int code = 0;
    uint64_t end = count < limit ? count : limit;
    member = end ? sgr__tree_at(tree, end - 1) : NULL;
    for (; !code && member && (member->fresh || !member->shown);
         member = sgr__tree_previous(member))
        if (!member->fresh)
            code = bring_in(at, member);
    return code;
}

static int settle_window(struct applying *at) {
    struct sgr_vector *fresh = &at->views->work.fresh;
    int code = at->level->level_count ? settle_fresh(at) : 0;
    if (!code && at->level->level_count && at->level->limit != UINT64_MAX)
        code = settle_edge(at);
    for (size_t i = 0; i < fresh->count; i++)
        (*SGR_VECTOR_AT(fresh, struct sgr__member *, i))->fresh = 0;
    sgr_vector_clear(fresh);
    return code;
}

/* ---- Apply: what shows ---- */

static int check_visible(struct applying *at, bool *ret) {
    *ret = at->certain;
    if (at->certain || !at->maybe)
        return 0;
    struct sgr__edits *edits = &at->views->edits[at->level->depth];
    int code = sgr__edits_compose(edits, at->collection, at->views->commit - 1, at->error);
    if (!code)
        *ret = sgr__edits_visible(edits);
    return code;
}

static int apply(struct sgr_views *views, struct sgr__collection *collection,
                 struct sgr_error *error) {
    struct applying at = {views, collection, collection->level, false, false, error};
    bool visible = false;
    int code = gather(&at);
    if (!code)
        code = apply_nets(&at);
    if (!code)
        code = settle_window(&at);
    if (!code)
        code = check_visible(&at, &visible);
    if (code)
        return code;
    if (!visible) {
        sgr__history_silence(collection, views->commit);
        return 0;
    }
    collection->changed = views->commit;
    return sgr_vector_push(&views->work.visible, &collection) ? no_memory(error) : 0;
}

static int apply_all(struct sgr_views *views, struct sgr_error *error) {
    for (size_t depth = 0; depth < SGR__LEVELS_DEEP; depth++) {
        struct sgr_vector *touched = &views->work.touched[depth];
        for (size_t i = 0; i < touched->count; i++) {
            int code = apply(views, *SGR_VECTOR_AT(touched, struct sgr__collection *, i), error);
            if (code)
                return code;
        }
    }
    return 0;
}

/* ---- Mark ---- */

static int mark_member(struct sgr_views *views, struct sgr__shower *shower,
                       struct sgr_error *error) {
    struct sgr__collection *home = shower->home;
    struct sgr__shown *shown = shower->member->shown;
    if (shown->touched == views->commit)
        return 0;
    shown->touched = views->commit;
    int code = sgr__history_add(home, sgr__member_pair(views->heap, shower->member), 0,
                                views->commit, error);
    if (code || home->changed == views->commit)
        return code;
    home->changed = views->commit;
    return sgr_vector_push(&views->work.visible, &home) ? no_memory(error) : 0;
}

static int mark_instance(struct sgr_views *views, struct sgr__collection *root,
                         struct sgr_error *error) {
    struct sgr_instance *instance = sgr__instance_of(root);
    instance->revision++;
    return sgr_vector_push(&views->work.instances, &instance) ? no_memory(error) : 0;
}

static int mark_members(struct sgr_views *views, struct sgr__collection *collection,
                        struct sgr_error *error) {
    int code = 0;
    SGR_LIST_EACH(link, &collection->shown_by)
    if ((code = mark_member(views, SGR_CONTAINER(link, struct sgr__shower, link), error)))
        break;
    return code;
}

static int mark_all(struct sgr_views *views, struct sgr_error *error) {
    int code = 0;
    for (size_t i = 0; !code && i < views->work.visible.count; i++) {
        struct sgr__collection *collection =
            *SGR_VECTOR_AT(&views->work.visible, struct sgr__collection *, i);
        code = collection->level->parent ? mark_members(views, collection, error)
                                         : mark_instance(views, collection, error);
    }
    return code;
}

static int by_making(const void *a, const void *b) {
    uint64_t left = (*(struct sgr_instance *const *)a)->serial;
    uint64_t right = (*(struct sgr_instance *const *)b)->serial;
    return (left > right) - (left < right);
}

static void tell(struct sgr_views *views,
                 void (*changed)(void *data, struct sgr_instance *instance), void *data) {
    struct sgr_vector *instances = &views->work.instances;
    if (instances->count > 1)
        qsort(instances->items, instances->count, sizeof(struct sgr_instance *), by_making);
    for (size_t i = 0; changed && i < instances->count; i++)
        changed(data, *SGR_VECTOR_AT(instances, struct sgr_instance *, i));
}

/* ---- All of it ---- */

static void clean_up(struct sgr_views *views) {
    struct sgr__work *work = &views->work;
    for (size_t i = 0; i < work->changes.count; i++) {
        struct change *change = SGR_VECTOR_AT(&work->changes, struct change, i);
        sgr_row_unref(change->pair.node);
        sgr_row_unref(change->pair.via);
    }
    sgr_vector_clear(&work->changes);
    for (size_t i = 0; i < SGR__LEVELS_DEEP; i++)
        sgr_vector_clear(&work->touched[i]);
    sgr_vector_clear(&work->nets);
    sgr_vector_clear(&work->visible);
    sgr__collections_reap(views);
}

void sgr__work_init(struct sgr__work *work) {
    work->changes = SGR_VECTOR_INIT(struct change);
    for (size_t i = 0; i < SGR__LEVELS_DEEP; i++)
        work->touched[i] = SGR_VECTOR_INIT(struct sgr__collection *);
    work->nets = SGR_VECTOR_INIT(struct sgr__net);
    work->fresh = SGR_VECTOR_INIT(struct sgr__member *);
    work->visible = SGR_VECTOR_INIT(struct sgr__collection *);
    work->instances = SGR_VECTOR_INIT(struct sgr_instance *);
}

void sgr__work_fini(struct sgr__work *work) {
    sgr_vector_fini(&work->changes);
    for (size_t i = 0; i < SGR__LEVELS_DEEP; i++)
        sgr_vector_fini(&work->touched[i]);
    sgr_vector_fini(&work->nets);
    sgr_vector_fini(&work->fresh);
    sgr_vector_fini(&work->visible);
    sgr_vector_fini(&work->instances);
}

int sgr_views_commit(struct sgr_views *views, uint64_t commit, int64_t time,
                     void (*changed)(void *data, struct sgr_instance *instance), void *data,
                     struct sgr_error *error) {
    if (commit <= views->commit)
        return sgr_error_set(error, SGR_EINVAL, "commit %llu does not follow %llu",
                             (unsigned long long)commit, (unsigned long long)views->commit);
    if (views->failed)
        return no_memory(error);
    views->commit = commit;
    views->now = time > views->now ? time : views->now;
    int code = route_all(views, false, error);
    if (!code)
        code = route_all(views, true, error);
    forget_pending(views);
    if (!code && views->work.changes.count &&
        sgr__history_begin(&views->history, commit, views->now))
        code = no_memory(error);
    if (!code)
        code = apply_all(views, error);
    if (!code)
        code = mark_all(views, error);
    clean_up(views);
    if (!code)
        tell(views, changed, data);
    sgr_vector_clear(&views->work.instances);
    return code;
}
