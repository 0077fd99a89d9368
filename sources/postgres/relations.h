/* The relations that the stream has announced, by OID, and how their columns map to the host's descriptors; or, when following, what each was announced
 * as, in descriptors of our own. Engine's thread. */
#ifndef POSTGRES_RELATIONS_H
#define POSTGRES_RELATIONS_H

#include "catalog.h"
#include "pgoutput.h"
#include "types.h"

enum { NOWHERE = UINT16_MAX };

struct announced {
    uint32_t oid;                  /* 0: an empty slot */
    uint16_t width;                /* columns of its tuples */
    bool refused;                  /* no row may come by it */
    bool straight;                 /* the first columns of a tuple are the descriptor's, in order */
    struct sgr_relation *relation; /* the host's; NULL: nobody uses the table */
    uint16_t *from; /* where each of the descriptor's columns stands in a tuple; NOWHERE: null */
};

struct relations;

/* ours[i] is the host's descriptor of catalog->tables[i]. Both outlive this. NULL: out of memory. */
struct relations *relations_new(struct sgr_relation *const *ours, const struct catalog *catalog);
/* When following: whatever is announced is taken, and each announcement makes a descriptor. `types` outlives this. */
struct relations *relations_new_following(struct types *types);
bool relations_following(const struct relations *relations);
/* A Type message, or nothing to those who do not follow. */
int relations_name_type(struct relations *relations, const struct pgoutput_message *message,
                        struct sgr_error *error);
/* A transaction is over: descriptors that others have taken the place of are freed. */
void relations_settle(struct relations *relations);
void relations_free(struct relations *relations);
/* A Relation message. SGR_EUNAVAILABLE: the table no longer fits its description, which only a look at the catalog and a new snapshot can
 * answer. */
int relations_announce(struct relations *relations, const struct pgoutput_message *message,
                       struct sgr_error *error);
/* Until it is announced again. */
void relations_refuse(struct relations *relations, uint32_t oid);
/* NULL: never announced. */
const struct announced *relations_find(const struct relations *relations, uint32_t oid);

#endif
