/* The heap of rows: chunks of 64 KiB in one reserved region, each given to one size class or, in runs, to one large row.
 *
 *   region:  | chunk | chunk | chunk … top | reserved, never used … |
 *   chunk:   | header | slot | slot | …                             |
 *
 * The region is aligned to the chunk's size, so a row's address leads to its chunk's header. Free runs of chunks are described outside
 * the region (spans, with tags at both ends so that neighbours merge), as their memory is given back to the system. A class keeps one
 * empty chunk, lest a row that comes and goes costs a system call each time. Addresses, and so ids, depend on the history of calls alone. */
#include "row/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define CHUNK       ((size_t)65536)
#define LARGEST     ((size_t)1 << 35) /* what 4-byte ids of 8-byte units reach */
#define COMMIT_STEP ((size_t)16)      /* chunks made accessible at a time */

enum {
    FINE_CLASSES = 32, /* multiples of 8 up to 256 */
    STEPS = 8,         /* classes a doubling above that */
    CLASSES = FINE_CLASSES + 7 * STEPS,
    LARGE = 0xffff, /* the class of a run that holds one row */
    BINS = 20,      /* of free runs, by the logarithm of their length */
};

struct chunk {
    struct sgr_heap *heap;
    struct chunk *next, *previous; /* chunks of the class with room */
    uint32_t free;                 /* byte offset of the first freed slot; 0: none */
    uint32_t fresh;                /* byte offset of what was never used */
    uint32_t used;                 /* slots, or the chunks of a run */
    uint32_t slot;                 /* bytes */
    uint16_t class;
    bool listed; /* in its class's list: it has room */
};

enum { HEADER = 64 };
static_assert(sizeof(struct chunk) <= HEADER, "rows start behind the header");
#define LARGEST_SLOT ((CHUNK - HEADER) / 2 & ~(size_t)7)

/* A free run, described at its first and its last chunk. */
struct span {
    uint32_t length;         /* 0: not the end of a free run */
    uint32_t next, previous; /* of its bin; + 1, 0: none; at the first chunk only */
};

struct class {
    struct chunk *room;  /* chunks with a free slot */
    struct chunk *spare; /* the one among them that is empty */
};

struct sgr_heap {
    char *base; /* first: see sgr__heap_base */
    void *reserved;
    size_t reserved_size;
    size_t chunks;    /* of the region */
    size_t top;       /* chunks from here on were never used, or merged back */
    size_t committed; /* chunks made accessible */
    size_t used;      /* chunks */
    size_t rows;
    struct span *spans;
    uint32_t bins[BINS]; /* first free run of length 2^bin and more; + 1 */
    struct class classes[CLASSES];
};

static size_t class_of(size_t size) {
    if (size <= 8 * FINE_CLASSES)
        return (size + 7) / 8 - 1;
    /* The three bits behind the highest one choose among the doubling's steps. */
    unsigned shift = 60 - (unsigned)__builtin_clzl(size - 1);
    return FINE_CLASSES + (shift - 5) * STEPS + ((size - 1) >> shift) - STEPS;
}

static size_t class_size(size_t class) {
    if (class < FINE_CLASSES)
        return (class + 1) * 8;
    size_t doubling = (class - FINE_CLASSES) / STEPS, step = (class - FINE_CLASSES) % STEPS;
    size_t size = (STEPS + step + 1) << (doubling + 5);
    return size < LARGEST_SLOT ? size : LARGEST_SLOT;
}

struct sgr_heap *sgr_heap_new(size_t limit, struct sgr_error *error) {
    if (!limit || limit > LARGEST)
        limit = LARGEST;
    struct sgr_heap *heap = calloc(1, sizeof(*heap));
    if (!heap) {
        sgr_error_set(error, SGR_ENOMEM, "out of memory");
        return NULL;
    }
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    heap->chunks = (limit + CHUNK - 1) / CHUNK;
    heap->reserved_size = (heap->chunks + 1) * CHUNK;
    heap->reserved = mmap(NULL, heap->reserved_size, PROT_NONE, flags, -1, 0);
    heap->spans =
        mmap(NULL, heap->chunks * sizeof(struct span), PROT_READ | PROT_WRITE, flags, -1, 0);
    if (heap->reserved == MAP_FAILED || heap->spans == MAP_FAILED) {
        sgr_error_set(error, SGR_ENOMEM, "cannot reserve %zu MiB of address space for rows: %s",
                      heap->reserved_size >> 20, strerror(errno));
        sgr_heap_free(heap);
        return NULL;
    }
    heap->base = (char *)(((uintptr_t)heap->reserved + CHUNK - 1) & ~(uintptr_t)(CHUNK - 1));
    return heap;
}

static void report_leak(const struct sgr_heap *heap) {
#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__)
    if (heap->rows)
        sgr_log(SGR_LOG_ERROR, "heap", "%zu rows are still referenced as their heap goes",
                heap->rows);
#else
    (void)heap;
#endif
}

void sgr_heap_free(struct sgr_heap *heap) {
    if (!heap)
        return;
    report_leak(heap);
    if (heap->base)
        ASAN_UNPOISON_MEMORY_REGION(heap->base, heap->committed * CHUNK);
    if (heap->reserved && heap->reserved != MAP_FAILED)
        munmap(heap->reserved, heap->reserved_size);
    if (heap->spans && heap->spans != MAP_FAILED)
        munmap(heap->spans, heap->chunks * sizeof(struct span));
    free(heap);
}

size_t sgr_heap_rows(const struct sgr_heap *heap) {
    return heap->rows;
}

size_t sgr_heap_bytes(const struct sgr_heap *heap) {
    return heap->used * CHUNK;
}

/* --- free runs of chunks --- */

static unsigned bin_of(size_t length) {
    unsigned bin = 63 - (unsigned)__builtin_clzl(length);
    return bin < BINS ? bin : BINS - 1;
}

static void bin_remove(struct sgr_heap *heap, size_t first) {
    struct span *span = &heap->spans[first];
    if (span->previous)
        heap->spans[span->previous - 1].next = span->next;
    else
        heap->bins[bin_of(span->length)] = span->next;
    if (span->next)
        heap->spans[span->next - 1].previous = span->previous;
    heap->spans[first + span->length - 1].length = 0;
    span->length = 0;
}

static void bin_add(struct sgr_heap *heap, size_t first, size_t length) {
    uint32_t *head = &heap->bins[bin_of(length)];
    heap->spans[first + length - 1].length = (uint32_t)length;
    heap->spans[first] = (struct span){.length = (uint32_t)length, .next = *head};
    if (*head)
        heap->spans[*head - 1].previous = (uint32_t)first + 1;
    *head = (uint32_t)first + 1;
}

/* A free run of at least `length` chunks, or SIZE_MAX. */
static size_t bin_find(const struct sgr_heap *heap, size_t length) {
    for (unsigned bin = bin_of(length); bin < BINS; bin++)
        for (uint32_t at = heap->bins[bin]; at; at = heap->spans[at - 1].next)
            if (heap->spans[at - 1].length >= length)
                return at - 1;
    return SIZE_MAX;
}

static bool commit(struct sgr_heap *heap, size_t needed) {
    if (needed <= heap->committed)
        return true;
    size_t end = (needed + COMMIT_STEP - 1) / COMMIT_STEP * COMMIT_STEP;
    if (end > heap->chunks)
        end = heap->chunks;
    if (mprotect(heap->base + heap->committed * CHUNK, (end - heap->committed) * CHUNK,
                 PROT_READ | PROT_WRITE))
        return false;
    heap->committed = end;
    return true;
}

static struct chunk *run_take(struct sgr_heap *heap, size_t length) {
    size_t first = bin_find(heap, length);
    if (first != SIZE_MAX) {
        size_t rest = heap->spans[first].length - length;
        bin_remove(heap, first);
        if (rest)
            bin_add(heap, first + length, rest);
    } else {
        if (length > heap->chunks - heap->top || !commit(heap, heap->top + length))
            return NULL;
        first = heap->top;
        heap->top += length;
    }
    heap->used += length;
    char *run = heap->base + first * CHUNK;
    ASAN_UNPOISON_MEMORY_REGION(run, HEADER);
    ASAN_POISON_MEMORY_REGION(run + HEADER, length * CHUNK - HEADER);
    return (struct chunk *)run;
}

static void run_give_back(struct sgr_heap *heap, struct chunk *chunk, size_t length) {
    size_t first = (size_t)((char *)chunk - heap->base) / CHUNK;
    madvise(chunk, length * CHUNK, MADV_DONTNEED);
    ASAN_POISON_MEMORY_REGION(chunk, length * CHUNK);
    heap->used -= length;
    if (first && heap->spans[first - 1].length) {
        size_t before = heap->spans[first - 1].length;
        first -= before;
        length += before;
        bin_remove(heap, first);
    }
    if (first + length == heap->top) {
        heap->top = first;
        return;
    }
    size_t after = heap->spans[first + length].length;
    if (after) {
        bin_remove(heap, first + length);
        length += after;
    }
    bin_add(heap, first, length);
}

/* --- chunks of a class --- */

static void list_add(struct class *class, struct chunk *chunk) {
    chunk->previous = NULL;
    chunk->next = class->room;
    if (chunk->next)
        chunk->next->previous = chunk;
    class->room = chunk;
    chunk->listed = true;
}

static void list_remove(struct class *class, struct chunk *chunk) {
    if (chunk->previous)
        chunk->previous->next = chunk->next;
    else
        class->room = chunk->next;
    if (chunk->next)
        chunk->next->previous = chunk->previous;
    chunk->listed = false;
}

static struct chunk *chunk_new(struct sgr_heap *heap, size_t class) {
    struct chunk *chunk = run_take(heap, 1);
    if (!chunk)
        return NULL;
    *chunk = (struct chunk){.heap = heap,
                            .fresh = HEADER,
                            .slot = (uint32_t)class_size(class),
                            .class = (uint16_t) class};
    list_add(&heap->classes[class], chunk);
    return chunk;
}

static struct sgr_row *slot_take(struct chunk *chunk, size_t size) {
    char *slot = (char *)chunk + (chunk->free ? chunk->free : chunk->fresh);
    ASAN_UNPOISON_MEMORY_REGION(slot, size < sizeof(uint32_t) ? sizeof(uint32_t) : size);
    if (chunk->free)
        memcpy(&chunk->free, slot, sizeof(chunk->free));
    else
        chunk->fresh += chunk->slot;
    chunk->used++;
    return (struct sgr_row *)slot;
}

static struct sgr_row *alloc_large(struct sgr_heap *heap, size_t size) {
    size_t length = (size + HEADER + CHUNK - 1) / CHUNK;
    struct chunk *chunk = run_take(heap, length);
    if (!chunk)
        return NULL;
    *chunk = (struct chunk){.heap = heap, .used = (uint32_t)length, .class = LARGE};
    ASAN_UNPOISON_MEMORY_REGION((char *)chunk + HEADER, size);
    return (struct sgr_row *)((char *)chunk + HEADER);
}

static struct sgr_row *alloc_small(struct sgr_heap *heap, size_t size) {
    size_t number = class_of(size);
    struct class *class = &heap->classes[number];
    struct chunk *chunk = class->room ? class->room : chunk_new(heap, number);
    if (!chunk)
        return NULL;
    if (chunk == class->spare)
        class->spare = NULL;
    struct sgr_row *row = slot_take(chunk, size);
    if (!chunk->free && chunk->fresh + chunk->slot > CHUNK)
        list_remove(class, chunk);
    return row;
}

struct sgr_row *sgr_heap_alloc(struct sgr_heap *heap, size_t size) {
    if (size < sizeof(struct sgr_row))
        size = sizeof(struct sgr_row);
    if (size > LARGEST)
        return NULL;
    struct sgr_row *row = size > LARGEST_SLOT ? alloc_large(heap, size) : alloc_small(heap, size);
    if (!row)
        return NULL;
    heap->rows++;
    row->refs = 1;
    return row;
}

static void slot_give_back(struct sgr_heap *heap, struct chunk *chunk, char *slot) {
    struct class *class = &heap->classes[chunk->class];
    memcpy(slot, &chunk->free, sizeof(chunk->free));
    chunk->free = (uint32_t)(slot - (char *)chunk);
    ASAN_POISON_MEMORY_REGION(slot, chunk->slot);
    chunk->used--;
    if (!chunk->listed)
        list_add(class, chunk);
    if (chunk->used)
        return;
    if (!class->spare) {
        class->spare = chunk;
        return;
    }
    list_remove(class, chunk);
    run_give_back(heap, chunk, 1);
}

void sgr__row_release(struct sgr_row *row) {
    struct chunk *chunk = (struct chunk *)((uintptr_t)row & ~(uintptr_t)(CHUNK - 1));
    struct sgr_heap *heap = chunk->heap;
    heap->rows--;
    if (chunk->class == LARGE)
        run_give_back(heap, chunk, chunk->used);
    else
        slot_give_back(heap, chunk, (char *)row);
}
