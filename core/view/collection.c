#include "view/collection.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "row/row.h"
#include "view/instance.h"

/* ---- Keys ---- */

const struct sgr_value *sgr__collection_equality(const struct sgr__collection *collection,
                                                 const struct sgr__equality *equality) {
    const struct sgr__level *level = collection->level;
    if (equality->parameter < 0)
        return &equality->constant;
    uint64_t before = level->parameters & (((uint64_t)1 << equality->parameter) - 1);
    return &collection->values[level->link_count + (size_t)__builtin_popcountll(before)];
}

/* Fills level->scratch with the key; false: the link holds a null. */
static bool gather_key(struct sgr__level *level, struct sgr__pair parent, uint64_t set,
                       const struct sgr_value *parameters) {
    struct sgr_value *key = level->scratch;
    for (size_t i = 0; i < level->link_count; i++) {
        *key = sgr_row_value(level->parent->node.schema, parent.node, level->parent_columns[i]);
        if (key++->null)
            return false;
    }
    for (; set; set &= set - 1, parameters++)
        if (level->parameters & set & -set)
            *key++ = *parameters;
    return true;
}

static size_t key_count(const struct sgr__level *level) {
    return level->link_count + level->parameter_count;
}

static uint64_t hash_key(const struct sgr__level *level) {
    return sgr_hash_mix(sgr_key_hash(level->scratch, key_count(level)), level->serial);
}

/* Links match by value, as rows do; parameters byte for byte, as `where` may see their text. */
static bool has_key(const struct sgr__collection *collection, const struct sgr__level *level) {
    if (collection->level != level)
        return false;
    for (size_t i = 0; i < key_count(level); i++)
        if (i < level->link_count
                ? !sgr_value_equal(&collection->values[i], &level->scratch[i])
                : sgr__value_compare_bytes(&collection->values[i], &level->scratch[i]) != 0)
            return false;
    return true;
}

static struct sgr__set *set_of(const struct sgr__level *level) {
    return level->parent ? &level->view->views->collections : &level->view->instances;
}

static struct sgr__collection *find(const struct sgr__level *level, uint64_t hash) {
    for (struct sgr__set_item *item = sgr__set_find(set_of(level), hash); item;
         item = sgr__set_find_next(item)) {
        struct sgr__collection *collection = SGR_CONTAINER(item, struct sgr__collection, item);
        if (has_key(collection, level))
            return collection;
    }
    return NULL;
}

/* ---- Memory ---- */

/* A root has its instance before it. */
static size_t head_of(const struct sgr__level *level) {
    return level->parent ? 0 : offsetof(struct sgr_instance, root);
}

static size_t size_of(const struct sgr__collection *collection) {
    size_t count = collection->level->link_count + collection->level->parameter_count;
    return head_of(collection->level) + sizeof(*collection) + count * sizeof(struct sgr_value) +
           sgr__values_text(collection->values, count);
}

/* A collection with level->scratch as its values, their text behind them. */
static struct sgr__collection *allocate(struct sgr__level *level) {
    size_t count = level->link_count + level->parameter_count;
    size_t fixed = sizeof(struct sgr__collection) + count * sizeof(struct sgr_value);
    char *block = calloc(1, head_of(level) + fixed + sgr__values_text(level->scratch, count));
    if (!block)
        return NULL;
    struct sgr__collection *collection = (struct sgr__collection *)(block + head_of(level));
    sgr__values_copy(collection->values, level->scratch, count, (char *)collection + fixed);
    collection->level = level;
    sgr_list_init(&collection->candidates);
    if (!level->parent) {
        sgr_list_init(&collection->closed);
        return collection;
    }
    sgr_list_init(&collection->shown_by);
    sgr_list_init(&collection->orphan);
    return collection;
}

static void block_free(struct sgr__collection *collection) {
    if (collection)
        free((char *)collection - head_of(collection->level));
}

static size_t shown_size(const struct sgr__level *level) {
    return sizeof(struct sgr__shown) + level->level_count * sizeof(struct sgr__shower);
}

/* Takes the first leaf each time, so that nothing needs balance or recursion. */
static void free_members(struct sgr__collection *collection) {
    struct sgr_views *views = sgr__collection_views(collection);
    struct sgr__member *member = collection->members.root;
    while (member) {
        struct sgr__member *down = member->left ? member->left : member->right;
        if (down) {
            member = down;
            continue;
        }
        struct sgr__member *parent = member->parent;
        if (parent)
            *(parent->left == member ? &parent->left : &parent->right) = NULL;
        sgr__member_detach(collection, member);
        sgr__member_free(views->heap, member);
        views->members--;
        views->state_bytes -= sizeof(*member);
        collection->level->members--;
        member = parent;
    }
    collection->members.root = NULL;
}

static void collection_free(struct sgr__collection *collection) {
    struct sgr_views *views = sgr__collection_views(collection);
    sgr__unregister_all(collection);
    free_members(collection);
    sgr__history_drop(collection);
    sgr_list_remove(collection->level->parent ? &collection->orphan : &collection->closed);
    sgr__set_remove(set_of(collection->level), &collection->item);
    views->state_bytes -= size_of(collection);
    views->collection_count--;
    collection->level->collections--;
    block_free(collection);
}

void sgr__root_free(struct sgr__collection *root) {
    collection_free(root);
}

void sgr__collections_reap(struct sgr_views *views) {
    while (!sgr_list_empty(&views->orphans)) {
        struct sgr__collection *collection =
            SGR_CONTAINER(views->orphans.next, struct sgr__collection, orphan);
        sgr_list_remove(&collection->orphan);
        if (sgr_list_empty(&collection->shown_by))
            collection_free(collection);
    }
}

/* ---- Filling ---- */

bool sgr__collection_accepts(const struct sgr__collection *collection, struct sgr__pair pair) {
    const struct sgr__level *level = collection->level;
    if (!level->where)
        return true;
    const struct sgr_value *value = collection->values + level->link_count;
    for (uint64_t left = level->parameters; left; left &= left - 1)
        level->view->arguments[__builtin_ctzll(left)] = *value++;
    bool accepted;
    if (sgr_expression_test(level->where, (const struct sgr_row *[]){pair.node, pair.via},
                            level->view->arguments, &accepted, NULL)) {
        sgr__collection_views(collection)->failed_tests++;
        return false;
    }
    return accepted;
}

static int fill_member(struct sgr__collection *collection, struct sgr__pair pair, int64_t weight,
                       struct sgr_error *error) {
    struct sgr_views *views = sgr__collection_views(collection);
    views->rows_read++;
    if (!sgr__collection_accepts(collection, pair))
        return 0;
    struct sgr__member *member =
        sgr__tree_find(&collection->members, views->heap, collection->level, pair);
    if (!member) {
        member = sgr__member_new(views->heap, pair);
        if (!member)
            return sgr_error_set(error, SGR_ENOMEM, "out of memory for a member");
        sgr__tree_insert(&collection->members, views->heap, collection->level, member);
        views->members++;
        views->state_bytes += sizeof(*member);
        collection->level->members++;
    }
    return sgr__tree_add(&collection->members, member, weight, error);
}

int sgr__collection_children(struct sgr__collection *collection, const struct sgr_row *via,
                             int (*found)(struct sgr__collection *collection, struct sgr__pair pair,
                                          int64_t weight, struct sgr_error *error),
                             int64_t weight, struct sgr_error *error) {
    const struct sgr__side *node = &collection->level->node;
    struct sgr_value *key = calloc(node->route_count + 1, sizeof(*key));
    if (!key)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a key");
    int code = 0;
    if (sgr__candidate_key(collection, via, key)) {
        struct sgr_iterator at;
        const struct sgr_row *row;
        int64_t copies;
        sgr_index_probe(node->index, key, &at);
        while (!code && (row = sgr_index_next(&at, &copies)))
            code = found(collection, (struct sgr__pair){row, via}, copies * weight, error);
    }
    free(key);
    return code;
}

static int fill_via(struct sgr__collection *collection, const struct sgr_row *via, int64_t weight,
                    struct sgr_error *error) {
    if (sgr__register_candidate(collection, via, weight))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a pivot row");
    return sgr__collection_children(collection, via, fill_member, weight, error);
}

/* False: a link or equality value is null, so that no row ever matches. */
static bool route_key(const struct sgr__collection *collection, const struct sgr__side *side,
                      struct sgr_value *key) {
    size_t links = side->route_count - side->equality_count;
    for (size_t i = 0; i < side->route_count; i++) {
        key[i] = i < links ? collection->values[i]
                           : *sgr__collection_equality(collection, &side->equalities[i - links]);
        if (key[i].null)
            return false;
    }
    return true;
}

static int fill_from(struct sgr__collection *collection, const struct sgr__side *side,
                     const struct sgr_value *key, struct sgr_error *error) {
    struct sgr_iterator at;
    const struct sgr_row *row;
    int64_t copies;
    int code = 0;
    if (side->route_count)
        sgr_index_probe(side->index, key, &at);
    else
        sgr_index_scan(side->index, &at);
    bool via = side == &collection->level->via;
    while (!code && (row = sgr_index_next(&at, &copies)))
        code = via ? fill_via(collection, row, copies, error)
                   : fill_member(collection, (struct sgr__pair){row, NULL}, copies, error);
    return code;
}

static int fill(struct sgr__collection *collection, struct sgr_error *error) {
    const struct sgr__level *level = collection->level;
    const struct sgr__side *side = sgr__level_side(level, level->via.node != NULL);
    struct sgr_value *key = calloc(side->route_count + 1, sizeof(*key));
    if (!key)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a key");
    int code = 0;
    if (route_key(collection, side, key)) {
        code = sgr__register_collection(collection) ? SGR_ENOMEM : 0;
        if (code)
            sgr_error_set(error, code, "out of memory for a route");
        else
            code = fill_from(collection, side, key, error);
    }
    free(key);
    uint64_t rank = 0;
    struct sgr__member *member = sgr__tree_first(&collection->members);
    for (; !code && level->level_count && member && rank < level->limit;
         rank += member->count, member = sgr__tree_next(member))
        code = sgr__member_attach(collection, member, error);
    return code;
}

/* ---- Showing ---- */

static int make(struct sgr__level *level, uint64_t hash, struct sgr__collection **ret,
                struct sgr_error *error) {
    struct sgr_views *views = level->view->views;
    struct sgr__collection *collection = allocate(level);
    if (!collection || sgr__set_add(set_of(level), &collection->item, hash)) {
        block_free(collection);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a collection");
    }
    collection->born = collection->changed = collection->floor = views->commit;
    views->state_bytes += size_of(collection);
    views->collection_count++;
    level->collections++;
    int code = fill(collection, error);
    if (code)
        collection_free(collection);
    else
        *ret = collection;
    return code;
}

static uint64_t all_parameters(const struct sgr_view *view) {
    return view->parameter_count >= 64 ? UINT64_MAX : ((uint64_t)1 << view->parameter_count) - 1;
}

int sgr__root_show(struct sgr_view *view, const struct sgr_value *parameters,
                   struct sgr__collection **ret, struct sgr_error *error) {
    gather_key(view->root, (struct sgr__pair){0}, all_parameters(view), parameters);
    uint64_t hash = hash_key(view->root);
    struct sgr__collection *root = find(view->root, hash);
    /* Between sgr_graph_run and sgr_views_commit, indexes are ahead of collections: what is made then would see changes twice. */
    if (!root && !sgr_list_empty(&view->views->dirty))
        return sgr_error_set(error, SGR_EUNAVAILABLE, "a transaction waits for its commit");
    int code = root ? 0 : make(view->root, hash, &root, error);
    if (code)
        sgr__collections_reap(view->views); /* what its members showed by then */
    else
        *ret = root;
    return code;
}

int sgr__collection_show(struct sgr__level *level, struct sgr__pair parent, uint64_t set,
                         const struct sgr_value *parameters, struct sgr__shower *shower,
                         struct sgr_error *error) {
    if (!gather_key(level, parent, set, parameters))
        return 0;
    uint64_t hash = hash_key(level);
    struct sgr__collection *collection = find(level, hash);
    int code = collection ? 0 : make(level, hash, &collection, error);
    if (code)
        return code;
    sgr_list_remove(&collection->orphan);
    sgr_list_append(&collection->shown_by, &shower->link);
    shower->child = collection;
    return 0;
}

void sgr__collection_hide(struct sgr__shower *shower) {
    struct sgr__collection *child = shower->child;
    if (!child)
        return;
    sgr_list_remove(&shower->link);
    shower->child = NULL;
    if (sgr_list_empty(&child->shown_by))
        sgr_list_append(&sgr__collection_views(child)->orphans, &child->orphan);
}

static int show_level(struct sgr__collection *home, struct sgr__member *member, size_t i,
                      struct sgr_error *error) {
    const struct sgr__level *level = home->level;
    return sgr__collection_show(
        &level->levels[i], sgr__member_pair(sgr__collection_views(home)->heap, member),
        level->parameters, home->values + level->link_count, &member->shown->showers[i], error);
}

int sgr__member_attach(struct sgr__collection *home, struct sgr__member *member,
                       struct sgr_error *error) {
    size_t count = home->level->level_count;
    if (member->shown || !count)
        return 0;
    member->shown = calloc(1, shown_size(home->level));
    if (!member->shown)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a member");
    sgr__collection_views(home)->state_bytes += shown_size(home->level);
    for (size_t i = 0; i < count; i++) {
        struct sgr__shower *shower = &member->shown->showers[i];
        sgr_list_init(&shower->link);
        shower->home = home;
        shower->member = member;
        int code = show_level(home, member, i, error);
        if (code) {
            sgr__member_detach(home, member);
            return code;
        }
    }
    return 0;
}

void sgr__member_detach(struct sgr__collection *home, struct sgr__member *member) {
    if (!member->shown)
        return;
    for (size_t i = 0; i < home->level->level_count; i++)
        sgr__collection_hide(&member->shown->showers[i]);
    sgr__collection_views(home)->state_bytes -= shown_size(home->level);
    free(member->shown);
    member->shown = NULL;
}

int sgr__member_switch(struct sgr__collection *home, struct sgr__member *member,
                       struct sgr__pair old, struct sgr_error *error) {
    if (!member->shown)
        return 0;
    struct sgr__pair now = sgr__member_pair(sgr__collection_views(home)->heap, member);
    int code = 0;
    for (size_t i = 0; !code && i < home->level->level_count; i++) {
        if (sgr__link_same(&home->level->levels[i], old, now))
            continue;
        sgr__collection_hide(&member->shown->showers[i]);
        code = show_level(home, member, i, error);
    }
    return code;
}

/* ---- Weighing ---- */

static bool parameters_below(const struct sgr__level *level) {
    for (size_t i = 0; i < level->level_count; i++)
        if (level->levels[i].parameters)
            return true;
    return false;
}

static size_t weigh(struct sgr__collection *collection, uint32_t weighing) {
    const struct sgr__level *level = collection->level;
    if (collection->weighed == weighing)
        return 0;
    collection->weighed = weighing;
    size_t each = sizeof(struct sgr__member) + (level->level_count ? shown_size(level) : 0);
    size_t bytes = size_of(collection) + sgr__tree_count(&collection->members) * each;
    if (!parameters_below(level))
        return bytes;
    for (const struct sgr__member *member = sgr__tree_first(&collection->members); member;
         member = sgr__tree_next(member))
        for (size_t i = 0; member->shown && i < level->level_count; i++) {
            struct sgr__collection *child = member->shown->showers[i].child;
            if (child && level->levels[i].parameters)
                bytes += weigh(child, weighing);
        }
    return bytes;
}

size_t sgr__collection_weigh(struct sgr__collection *collection) {
    return weigh(collection, ++sgr__collection_views(collection)->weighings);
}
