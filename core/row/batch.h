/* Building Z-set batches. A builder holds a reference to each row in it. */
#ifndef SGR_ROW_BATCH_H
#define SGR_ROW_BATCH_H

#include "base/vector.h"
#include "row/row.h"

struct sgr_batch_builder {
    struct sgr_vector deltas; /* of struct sgr_delta */
};

void sgr_batch_init(struct sgr_batch_builder *builder);
void sgr_batch_fini(struct sgr_batch_builder *builder);
void sgr_batch_clear(struct sgr_batch_builder *builder); /* drops the rows, keeps the memory */
int sgr_batch_add(struct sgr_batch_builder *builder, const struct sgr_row *row,
                  int64_t weight); /* refs; 0 or SGR_ENOMEM */
/* Sums the weights of equal rows and drops zeros; order of first appearance is kept. O(n). 0 or SGR_ENOMEM. */
int sgr_batch_consolidate(struct sgr_batch_builder *builder, const struct sgr_schema *schema);
struct sgr_batch sgr_batch_view(const struct sgr_batch_builder *builder); /* borrowed */

#endif
