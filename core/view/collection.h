/* Collections: one level's members for one key, shared by whatever shows them.
 *
 * The key is the level, the link's values and the values of all parameters used at that level or below: leave the parameters out and one
 * user sees another's rows. A collection is made, and filled from the node's indexes, when the first one shows it, and goes when nobody
 * does: not at once, but when sgr__collections_reap is called at the end of the work, so that a member that only moves takes its
 * collections along.
 *
 * A member within the window (the first `limit`) shows collections of the levels below by a *shower* for each. A member whose link holds a null
 * shows nothing: its shower's child is NULL. A root's collection is part of an instance, which opens and closes it instead.
 * Engine's thread. */
#ifndef SGR_VIEW_COLLECTION_H
#define SGR_VIEW_COLLECTION_H

#include "view/router.h"
#include "view/tree.h"
#include "view/views.h"

struct sgr__shower {
    struct sgr_list link;          /* in child->shown_by */
    struct sgr__collection *child; /* NULL: none */
    struct sgr__collection *home;  /* of the member */
    struct sgr__member *member;
};

struct sgr__shown {   /* what a member shows, one per level below */
    uint64_t touched; /* the commit that last logged a change below */
    struct sgr__shower showers[];
};

struct sgr__collection {
    struct sgr__set_item item; /* in views->collections; a root's: in view->instances */
    struct sgr__level *level;
    struct sgr__tree members;
    union {
        struct {                      /* below a root */
            struct sgr_list shown_by; /* of struct sgr__shower */
            struct sgr_list orphan;   /* in views->orphans */
        };
        struct {                    /* a root's, while nobody has its instance open */
            struct sgr_list closed; /* in views->closed */
            int64_t closed_at;
            size_t closed_bytes; /* charged to the history */
        };
    };
    struct sgr_list candidates; /* of struct sgr__candidate */
    struct sgr__registration own;
    struct sgr__entry *log; /* newest first; log_count of them */
    uint32_t log_count;
    uint32_t changes; /* during a commit: its chain of changes, position + 1 */
    uint64_t floor;   /* the last commit its log has forgotten */
    uint64_t born;    /* it holds what was so after this commit, */
    uint64_t changed; /* and was last changed, itself or below, by this one */
    uint32_t weighed; /* the last weighing that met it */
    uint32_t opens;   /* a root's: of its instance */
    struct sgr_value
        values[]; /* level->link_count, then level->parameter_count in ascending order */
};

/* The root of the instance at these values, made if there is none: its instance's serial is 0 then. SGR_EUNAVAILABLE: a transaction waits for its
 * commit, and nothing can be made meanwhile. */
int sgr__root_show(struct sgr_view *view, const struct sgr_value *parameters,
                   struct sgr__collection **ret, struct sgr_error *error);
void sgr__root_free(struct sgr__collection *root); /* with its instance */
/* Puts the collection of this key into shower->child, made if there is none. `parameters`: one per bit of `set`, which includes
 * level->parameters. Null in the link: child stays NULL. */
int sgr__collection_show(struct sgr__level *level, struct sgr__pair parent, uint64_t set,
                         const struct sgr_value *parameters, struct sgr__shower *shower,
                         struct sgr_error *error);
void sgr__collection_hide(struct sgr__shower *shower);
void sgr__collections_reap(struct sgr_views *views); /* frees those that nobody shows */
/* Bytes of it and of those below that depend on parameters too, each once; the others below are everybody's, as many as the data has. */
size_t sgr__collection_weigh(struct sgr__collection *collection);

/* A member's collections of the levels below. attach fails without memory only; detach and switch keep others alive until reaped. */
int sgr__member_attach(struct sgr__collection *home, struct sgr__member *member,
                       struct sgr_error *error);
void sgr__member_detach(struct sgr__collection *home, struct sgr__member *member);
/* The member's node row changed from `old`: shows other collections where the link differs. */
int sgr__member_switch(struct sgr__collection *home, struct sgr__member *member,
                       struct sgr__pair old, struct sgr_error *error);

/* The value a side's equality asks for in this collection. */
const struct sgr_value *sgr__collection_equality(const struct sgr__collection *collection,
                                                 const struct sgr__equality *equality);
/* Whether `where` holds. A row that it fails on does not match, and is counted. */
bool sgr__collection_accepts(const struct sgr__collection *collection, struct sgr__pair pair);
/* Calls found for each node row that the pivot row leads to, until it fails. */
int sgr__collection_children(struct sgr__collection *collection, const struct sgr_row *via,
                             int (*found)(struct sgr__collection *collection, struct sgr__pair pair,
                                          int64_t weight, struct sgr_error *error),
                             int64_t weight, struct sgr_error *error);
static inline struct sgr_views *sgr__collection_views(const struct sgr__collection *collection) {
    return collection->level->view->views;
}

#endif
