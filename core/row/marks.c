#include "row/marks.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SHIFT = 13, PAGE_BYTES = (1 << PAGE_SHIFT) / 8 }; /* a page for 64 KiB of the heap */

static size_t page_of(sgr_row_id row) {
    return row >> PAGE_SHIFT;
}

static size_t byte_of(sgr_row_id row) {
    return (row & ((1u << PAGE_SHIFT) - 1)) / 8;
}

static uint8_t bit_of(sgr_row_id row) {
    return (uint8_t)(1u << row % 8);
}

void sgr_marks_clear(struct sgr_marks *marks) {
    for (size_t i = 0; i < marks->page_count; i++)
        free(marks->pages[i]);
    free(marks->pages);
    *marks = (struct sgr_marks){0};
}

static int reach(struct sgr_marks *marks, size_t page) {
    size_t count = marks->page_count ? marks->page_count : 16;
    while (count <= page)
        count *= 2;
    uint8_t **pages = realloc(marks->pages, count * sizeof(*pages));
    if (!pages)
        return SGR_ENOMEM;
    memset(pages + marks->page_count, 0, (count - marks->page_count) * sizeof(*pages));
    marks->pages = pages;
    marks->page_count = count;
    return 0;
}

int sgr_marks_add(struct sgr_marks *marks, sgr_row_id row) {
    size_t page = page_of(row);
    if (page >= marks->page_count && reach(marks, page))
        return SGR_ENOMEM;
    if (!marks->pages[page] && !(marks->pages[page] = calloc(1, PAGE_BYTES)))
        return SGR_ENOMEM;
    marks->pages[page][byte_of(row)] |= bit_of(row);
    return 0;
}

bool sgr_marks_has(const struct sgr_marks *marks, sgr_row_id row) {
    size_t page = page_of(row);
    return page < marks->page_count && marks->pages[page] &&
           marks->pages[page][byte_of(row)] & bit_of(row);
}

void sgr_marks_remove(struct sgr_marks *marks, sgr_row_id row) {
    if (sgr_marks_has(marks, row))
        marks->pages[page_of(row)][byte_of(row)] &= (uint8_t)~bit_of(row);
}
