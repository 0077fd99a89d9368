/* Blocks that are filled from the front and given back at once. Blocks double up to a bound; a request too big for that has a block of its own size. */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, KEPT_AT_RESET = 1 << 20, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t capacity; /* of the bytes that follow */
};

static_assert(sizeof(struct block) % ALIGNMENT == 0, "what follows a block's head is aligned");

struct sgr_arena {
    struct block *first, *current;
    size_t used; /* of the current block */
    size_t size; /* of all blocks */
};

struct sgr_arena *sgr_arena_new(void) {
    return calloc(1, sizeof(struct sgr_arena));
}

static void free_blocks(struct sgr_arena *arena, struct block *block) {
    while (block) {
        struct block *next = block->next;
        arena->size -= sizeof(*block) + block->capacity;
        free(block);
        block = next;
    }
}

void sgr_arena_free(struct sgr_arena *arena) {
    if (!arena)
        return;
    free_blocks(arena, arena->first);
    free(arena);
}

void sgr_arena_reset(struct sgr_arena *arena) {
    size_t kept = 0;
    for (struct block **link = &arena->first; *link; link = &(*link)->next) {
        kept += (*link)->capacity;
        if (kept > KEPT_AT_RESET) {
            free_blocks(arena, *link);
            *link = NULL;
            break;
        }
    }
    arena->current = arena->first;
    arena->used = 0;
}

/* Makes a block with room for `size` bytes the current one. */
static bool next_block(struct sgr_arena *arena, size_t size) {
    struct block *current = arena->current;
    if (current && current->next && current->next->capacity >= size) {
        arena->current = current->next;
        arena->used = 0;
        return true;
    }
    size_t capacity = current ? current->capacity * 2 : FIRST_BLOCK;
    if (capacity > LARGEST_BLOCK)
        capacity = LARGEST_BLOCK;
    if (capacity < size)
        capacity = size;
    struct block *block = malloc(sizeof(*block) + capacity);
    if (!block)
        return false;
    block->capacity = capacity;
    struct block **link = current ? &current->next : &arena->first;
    block->next = *link;
    *link = block;
    arena->current = block;
    arena->used = 0;
    arena->size += sizeof(*block) + capacity;
    return true;
}

void *sgr_arena_alloc(struct sgr_arena *arena, size_t size) {
    if (size > SIZE_MAX / 4)
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!arena->current || arena->current->capacity - arena->used < size)
        if (!next_block(arena, size))
            return NULL;
    char *memory = (char *)(arena->current + 1) + arena->used;
    arena->used += size;
    return memset(memory, 0, size);
}

char *sgr_arena_copy(struct sgr_arena *arena, struct sgr_slice slice) {
    char *copy = slice.size < SIZE_MAX ? sgr_arena_alloc(arena, slice.size + 1) : NULL;
    if (copy && slice.size)
        memcpy(copy, slice.data, slice.size);
    return copy;
}

char *sgr_arena_printf(struct sgr_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = size < 0 ? NULL : sgr_arena_alloc(arena, (size_t)size + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}

size_t sgr_arena_size(const struct sgr_arena *arena) {
    return arena->size;
}
