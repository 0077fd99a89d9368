/* Which topics are fed: the `realtime` part of the protocol's configuration file. Each rule names a relation and events:
 *
 *     *              realtime:* and every realtime:SCHEMA      SCHEMA          realtime:SCHEMA
 *     *:*            every realtime:SCHEMA:TABLE               SCHEMA:TABLE    that one; either part may be *
 *     *:*:*          every filter by a column                  SCHEMA:TABLE:COLUMN, likewise
 */
#ifndef SINKS_SUPABASE_RULES_H
#define SINKS_SUPABASE_RULES_H

#include <sangre/change.h>
#include <sangre/plugin.h>

/* Bits of events. */
enum {
    EVENT_INSERT = 1,
    EVENT_UPDATE = 2,
    EVENT_DELETE = 4,
    EVENT_TRUNCATE = 8,
    EVENTS_ALL = 15,
};

struct rule {
    char *parts[3]; /* schema, table, column; NULL beyond the last */
    unsigned events;
};

struct rules {
    const struct sgr_host_common *common;
    void *host;
    struct rule *items;
    size_t count;
    bool all; /* nothing is left out */
};

/* What can be said in two places: a list, as JSON, and a file that has it as its member "realtime". Both NULL: everything is fed. */
int rules_read(struct rules *ret, const struct sgr_host_common *common, void *host,
               const char *list, const char *file, struct sgr_error *error);
void rules_free(struct rules *rules);

/* The events that are fed to a topic; NULL for the parts it has not. */
unsigned rules_events(const struct rules *rules, const char *schema, const char *table,
                      const char *column);

unsigned rules_event_of(enum sgr_change_kind kind);
unsigned rules_event_named(const char *name); /* INSERT, …, or *; 0: there is no such */

#endif
