/* A set of rows of one heap: a bit for each place where a row can begin, in pages that are made as they are needed. About a bit for 8 bytes of
 * rows, wherever in the heap they lie. Holds no references: its rows must live on. */
#ifndef SGR_ROW_MARKS_H
#define SGR_ROW_MARKS_H

#include <stdbool.h>

#include "row/heap.h"

struct sgr_marks { /* zeroed: empty */
    uint8_t **pages;
    size_t page_count;
};

void sgr_marks_clear(struct sgr_marks *marks);
/* 0 or SGR_ENOMEM. */
int sgr_marks_add(struct sgr_marks *marks, sgr_row_id row);
void sgr_marks_remove(struct sgr_marks *marks, sgr_row_id row);
bool sgr_marks_has(const struct sgr_marks *marks, sgr_row_id row);

#endif
