/* The net of one transaction on one relation: each row that it touched, how often it was there before, and by how much that changes.
 *
 * Rows are found by the hash of the netting's columns (the relation's identity); several rows may share one key, as an old and a new
 * version do. Entries keep the order of their adding, so that what is fed to the graph is a function of the input alone. A pointer to an
 * entry holds until the next add. Engine's thread. */
#ifndef SGR_GRAPH_NETTING_H
#define SGR_GRAPH_NETTING_H

#include "row/batch.h"

struct sgr_netted {
    const struct sgr_row *row; /* a reference */
    uint32_t hash, slot;
    int64_t base;   /* its multiplicity before the transaction */
    int64_t weight; /* what the transaction adds to it */
};

struct sgr_netting {
    struct sgr_schema *schema;
    uint16_t *columns; /* capacity: the schema's count */
    size_t column_count;
    struct sgr_vector entries; /* of struct sgr_netted */
    uint32_t *slots;           /* position + 1; 0: free */
    size_t slot_count;         /* a power of two, more than the entries */
};

int sgr_netting_init(struct sgr_netting *netting, const struct sgr_schema *schema);
void sgr_netting_fini(struct sgr_netting *netting);
void sgr_netting_clear(struct sgr_netting *netting);
/* Other columns; entries are found by them from now on. At most as many as the schema has. */
void sgr_netting_by(struct sgr_netting *netting, const uint16_t *columns, size_t count);

/* `key` has one value per column of the netting. */
uint32_t sgr_netting_hash(const struct sgr_netting *netting, const struct sgr_value *key);
uint32_t sgr_netting_hash_row(const struct sgr_netting *netting, const struct sgr_row *row);
/* The row with this key that is there now (base + weight > 0), or the entry with this very content; NULL: none in here. */
struct sgr_netted *sgr_netting_present(const struct sgr_netting *netting, uint32_t hash,
                                       const struct sgr_value *key);
struct sgr_netted *sgr_netting_content(const struct sgr_netting *netting, uint32_t hash,
                                       const struct sgr_row *row);
/* Takes a reference of its own; weight 0. NULL: out of memory. */
struct sgr_netted *sgr_netting_add(struct sgr_netting *netting, uint32_t hash,
                                   const struct sgr_row *row, int64_t base);

#endif
