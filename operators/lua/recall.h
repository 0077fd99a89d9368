/* What the script made of each input row, so that a retraction takes back exactly what was sent: a map from row to output rows,
 * with how often the row is there. Kept in an order that follows from the history of changes alone. The engine's thread. */
#ifndef SANGRE_LUA_RECALL_H
#define SANGRE_LUA_RECALL_H

#include "rows.h"

struct recalled {
    const struct sgr_row *row;
    union {
        const struct sgr_row **several; /* count > 1 */
        const struct sgr_row *single;
    };
    int64_t weight;
    uint32_t count, hash;
};

struct recall {
    const struct sgr_operator_host *table;
    void *host;
    const struct sgr_schema *schema; /* of the input */
    struct recalled *items;
    size_t count, capacity;
    uint32_t *slots; /* position in items plus 1; 0: free */
    size_t slot_count;
};

void recall_init(struct recall *recall, const struct sgr_operator_host *table, void *host,
                 const struct sgr_schema *schema);
void recall_fini(struct recall *recall);
/* Both are valid until the next add or remove. */
struct recalled *recall_find(const struct recall *recall, const struct sgr_row *row);
const struct sgr_row *const *recalled_rows(const struct recalled *item);
/* A row that isn't there yet. Refs it; takes the rows' references over and leaves `outputs` empty. SGR_ENOMEM. */
int recall_add(struct recall *recall, const struct sgr_row *row, int64_t weight,
               struct rows *outputs);
/* Puts other outputs in place; as recall_add. */
int recall_replace(struct recall *recall, struct recalled *item, struct rows *outputs);
void recall_remove(struct recall *recall, struct recalled *item);

#endif
