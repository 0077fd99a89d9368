/* Topics, the channels that joined them, and how a change finds them.
 *
 * A topic exists while a channel is joined to it. Each table that changes have come from knows the topics that its changes go to: the three for
 * all of its rows, and per column those that filter by its value, found by one look-up. So the cost of a change does not depend on topics
 * that it does not go to. */
#ifndef SINKS_SUPABASE_TOPIC_H
#define SINKS_SUPABASE_TOPIC_H

#include "index.h"
#include "table.h"

enum vsn { VSN_1, VSN_2, VSN_COUNT };
enum era { ERA_V0, ERA_V2, ERA_VIEW, ERA_COUNT }; /* a view: neither's events concern it */

struct channel;

/* The channels of one era and form of frames. */
struct receivers {
    struct channel **items;
    size_t count, capacity;
};

struct audience;

struct topic {
    struct index_entry entry;
    struct topic *next, *prev;
    char *json; /* its name as a JSON string */
    size_t json_size;
    struct receivers receivers[ERA_COUNT][VSN_COUNT];
    struct filter *filters; /* where it stands at columns of tables */
    uint64_t change;        /* the last one that it got */
    struct audience *hits;  /* changes.c: of a protected table's change, who may see it */
    char name[];
};

struct filter {
    struct index_entry entry; /* by the value */
    struct topic *topic;
    struct index *index;
    struct filter *next; /* of the topic */
};

struct topics {
    const struct sgr_host_common *common;
    void *host;
    struct index names;
    struct topic *first;
    const struct rules *rules;
    struct index tables; /* by the identity of their relations */
    struct table *first_table;
};

/* Whether it can be joined, and what follows "realtime:" in its name. */
bool topic_is_channel(struct sgr_slice name);
struct sgr_slice topic_rest_of(struct sgr_slice name);
static inline struct sgr_slice topic_rest(const struct topic *topic) {
    return topic_rest_of(topic->entry.key);
}

struct topics topics_new(const struct sgr_host_common *common, void *host,
                         const struct rules *rules);
void topics_free(struct topics *topics);

/* The one of that name, which is made if there is none; NULL: out of memory. */
struct topic *topics_get(struct topics *topics, struct sgr_slice name);
struct topic *topics_find(const struct topics *topics, struct sgr_slice name); /* or NULL */
/* A channel's `place` in a topic is this module's. A topic that nobody has joined is freed by topic_leave. False: out of memory. */
bool topic_join(struct topics *topics, struct topic *topic, struct channel *channel);
void topic_leave(struct topics *topics, struct topic *topic, struct channel *channel);

/* What is worked out for a relation; another descriptor of the same table takes its place. NULL: out of memory. */
struct table *topics_table(struct topics *topics, const struct sgr_relation *relation);

/* Likewise for a relation that was known before: NULL if the table has other columns now, which then stay. */
struct table *topics_table_of_old(const struct topics *topics, const struct sgr_relation *relation);

/* The topics a change goes to, in the protocol's order: schema, all, table, columns by name. `ret` has TABLE_WHOLE + the table's columns'
 * places. Only those with receivers of the first era. */
size_t topics_match(const struct table *table, const struct sgr_change *change, struct topic **ret);

#endif
