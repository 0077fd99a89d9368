/* The heap that rows live in: slabs by size class in one reserved region, so that an index holds a row in 4 bytes.
 *
 * A row's reference number is its offset in the region in 8-byte units; 0 is none. Chunks of 64 KiB hold rows of one size class;
 * larger rows take whole runs of chunks. A chunk's header names its heap, so unref needs the row alone. Under ASan free rows are poisoned.
 * Engine's thread only. */
#ifndef SGR_ROW_HEAP_H
#define SGR_ROW_HEAP_H

#include <sangre/error.h>
#include <sangre/row.h>

struct sgr_heap;
typedef uint32_t sgr_row_id; /* a row's place in its heap; 0: none */

/* Reserves `limit` bytes of address space (0: 32 GiB, the most there can be); memory is taken as needed. */
struct sgr_heap *sgr_heap_new(size_t limit, struct sgr_error *error);
/* Every row must be gone; in debug builds a leak is reported with its count. */
void sgr_heap_free(struct sgr_heap *heap);
size_t sgr_heap_rows(const struct sgr_heap *heap);
size_t sgr_heap_bytes(const struct sgr_heap *heap); /* resident, free slots included */

/* Uninitialised but for refs = 1. NULL: no memory or limit. */
struct sgr_row *sgr_heap_alloc(struct sgr_heap *heap, size_t size);
static inline const struct sgr_row *sgr_row_at(const struct sgr_heap *heap, sgr_row_id id);
static inline sgr_row_id sgr_row_id_of(const struct sgr_heap *heap, const struct sgr_row *row);
void sgr__row_release(struct sgr_row *row);

static inline const struct sgr_row *sgr_row_ref(const struct sgr_row *row) {
    ((struct sgr_row *)(uintptr_t)row)->refs++;
    return row;
}
/* NULL is fine. */
static inline void sgr_row_unref(const struct sgr_row *row) {
    struct sgr_row *own = (struct sgr_row *)(uintptr_t)row;
    if (own && --own->refs == 0)
        sgr__row_release(own);
}

/* The first member of struct sgr_heap. */
static inline char *sgr__heap_base(const struct sgr_heap *heap) {
    return *(char *const *)heap;
}
static inline const struct sgr_row *sgr_row_at(const struct sgr_heap *heap, sgr_row_id id) {
    return (const struct sgr_row *)(sgr__heap_base(heap) + (size_t)id * 8);
}
static inline sgr_row_id sgr_row_id_of(const struct sgr_heap *heap, const struct sgr_row *row) {
    return (sgr_row_id)(((const char *)row - sgr__heap_base(heap)) / 8);
}

#endif
