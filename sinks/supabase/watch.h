/* Who wants a table's changes: what is worked out for its wishes, so that a change finds those it concerns.
 *
 * Wishes that say the same are one interest, tested once. One that a row must have a value for stands in an index by that value, so a change
 * looks at no interest in another value. Interests that cannot be found so are tested one after the other. */
#ifndef SINKS_SUPABASE_WATCH_H
#define SINKS_SUPABASE_WATCH_H

#include "audience.h"
#include "predicate.h"

struct interest;
struct access_rule;

/* Columns that somebody selects, and what is shown of them of the change at hand. */
struct selection {
    struct selection *next;
    size_t users;
    const json_t *select; /* NULL: all. Counted */
    bool *shown;          /* by column */
    uint64_t change;      /* that `data` is of */
    struct sgr_text data;
};

/* A wish of an audience. */
struct binding {
    struct watch *watch;
    struct interest *interest;
    struct binding *next, **place; /* of the interest */
    struct audience *audience;
    struct binding *next_own, **place_own; /* of the audience */
    unsigned events;
    size_t id;
    struct selection *selection;
    struct binding *next_hit;
};

struct watch_column {
    struct index values; /* struct bucket */
};

struct watch {
    struct supabase *supabase;
    const struct table *table;
    struct columns columns;
    struct watch_column *by_column;
    struct index interests;    /* by what they say */
    struct interest *untested; /* without a value to be found by */
    struct selection *selections;
    const struct access_rule *rule; /* who may see which rows; NULL: all do */
    bool is_hidden;                 /* the rule cannot be followed: nobody sees anything */
    char *texts;                    /* of the columns */
};

/* Every audience's wishes are bound. NULL: out of memory. */
struct watch *watch_new(struct supabase *supabase, const struct table *table,
                        const struct sgr_relation *relation);
void watch_free(struct watch *watch); /* NULL is fine */

/* Binds the wishes of an audience that name this table. SGR_ENOMEM, or what is wrong with one of them. */
int watch_bind(struct watch *watch, struct audience *audience, struct sgr_error *error);
void watch_unbind(struct audience *audience);

/* Whether who may see an UPDATE's new row may see its old one too. A DELETE goes to nobody else. */
bool watch_tells_old(const struct watch *watch, const struct sgr_change *change);

/* Calls `hit` for each binding that the change concerns. */
void watch_match(const struct watch *watch, const struct sgr_change *change,
                 void (*hit)(struct supabase *supabase, struct binding *binding));
/* Likewise for those of one audience; what others ask for costs nothing. */
void watch_match_one(const struct watch *watch, const struct audience *audience,
                     const struct sgr_change *change,
                     void (*hit)(struct supabase *supabase, struct binding *binding));

#endif
