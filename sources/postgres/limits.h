/* Tables whose rows sinks limit, by rules that know tables by name alone. A look at the catalog tells whether all their rows come by that name, and
 * is remembered, so that a relation which the stream announces later is known, or is a reason to look again. What is remembered holds for transactions that the
 * look saw the end of: any later one may have made a table a partition, while its OID and its name stay. A partition is announced also where its rows come by
 * another name, so being announced is no fault, but a row is. Engine's thread. */
#ifndef POSTGRES_LIMITS_H
#define POSTGRES_LIMITS_H

#include "catalog.h"

struct limits;

struct limits_relation { /* as the stream announces it */
    uint32_t oid;
    const char *schema, *table;
    uint32_t xid; /* of the transaction that does */
};

struct limits_setup { /* all of it lives as long */
    const struct catalog_name *names;
    size_t count;
    const char *const *publications;
    size_t publication_count;
};

/* What is known outlives links: a table that a rule named must not go on by another name, whenever it got that. */
struct limits *limits_new(const struct limits_setup *setup); /* NULL: out of memory */
void limits_free(struct limits *limits);                     /* NULL is fine */

/* When the stream begins anew: the log tells nothing older. */
void limits_forget(struct limits *limits);
/* Asks the catalog over an idle link; the answer goes to limits_read. announced: the OID of a relation that is to be looked
 * for, published or not; 0: none. */
int limits_ask(const struct limits *limits, struct link *link, uint32_t announced,
               link_answer *answer, void *data, struct sgr_error *error);
/* Takes the place of what was known, but for tables that are gone, and those that were limited by another name, which are refused from
 * then on. SGR_EFATAL: a table is not there, or rows of one come by another name; then what was known stays. */
int limits_read(struct limits *limits, const PGresult *result, struct sgr_error *error);

/* Whether the last look saw what this transaction did: one may be sent before others see it, while it waits for standbys. */
bool limits_cover(const struct limits *limits, uint32_t xid);

/* Whether rows may come by this relation. SEEN_NOT: a look has to be taken first. */
enum seen { SEEN_NOT, SEEN_FINE, SEEN_REFUSED };
enum seen limits_seen(const struct limits *limits, const struct limits_relation *relation);
/* The same, when the last look was taken for this relation, and covers its transaction. Out of memory: SEEN_NOT. */
enum seen limits_settle(struct limits *limits, const struct limits_relation *relation);

#endif
