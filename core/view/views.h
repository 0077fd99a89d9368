/* All views over one graph: what their parts share. Engine's thread. */
#ifndef SGR_VIEW_VIEWS_H
#define SGR_VIEW_VIEWS_H

#include "base/list.h"
#include "base/map.h"
#include "base/vector.h"
#include "view/edits.h"
#include "view/history.h"
#include "view/set.h"
#include "view/view.h"

/* One commit at work; empty between commits. */
struct sgr__work {
    struct sgr_vector changes; /* of struct change (commit.c), chained per collection */
    struct sgr_vector
        touched[SGR__LEVELS_DEEP]; /* by depth: struct sgr__collection * with changes */
    struct sgr_vector nets;        /* of struct sgr__net: one collection's */
    struct sgr_vector fresh;       /* of struct sgr__member *: new ones, or at another place */
    struct sgr_vector visible;     /* of struct sgr__collection *: its documents differ */
    struct sgr_vector instances;
};

struct sgr_views {
    struct sgr_graph *graph;
    struct sgr_heap *heap;
    struct sgr_map *paths; /* → struct sgr_view */
    struct sgr__set feeds;
    struct sgr_list dirty; /* feeds with changes that wait for their commit */
    struct sgr__set collections;
    struct sgr__set candidates;
    struct sgr_list orphans; /* collections nobody shows; freed by sgr__collections_reap */
    struct sgr_list closed;  /* instances nobody has open, longest closed first */
    struct sgr__history history;
    struct sgr__edits edits[SGR__LEVELS_DEEP]; /* scratch, by depth */
    struct sgr__work work;
    void (*release)(void *owner, void *data); /* see sgr_views_on_release */
    void *owner;
    uint64_t commit; /* the last one */
    uint64_t epoch;  /* the one that began the present epoch */
    int64_t now;     /* the latest time heard of */
    bool failed;     /* changes were lost for want of memory: the next commit says so */
    uint64_t serials;
    uint32_t weighings;
    size_t instances, open_instances, collection_count, members, state_bytes;
    uint64_t edit_count, rows_read, failed_tests;
};

#endif
