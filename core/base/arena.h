/* Memory that is given back at once: one arena per transaction, config, request. Not thread safe. */
#ifndef SGR_BASE_ARENA_H
#define SGR_BASE_ARENA_H

#include <sangre/value.h>

struct sgr_arena;

struct sgr_arena *sgr_arena_new(void);
void sgr_arena_free(struct sgr_arena *arena);
void sgr_arena_reset(struct sgr_arena *arena); /* keeps the first blocks for reuse */
/* Zeroed, aligned to 16; NULL without memory. */
void *sgr_arena_alloc(struct sgr_arena *arena, size_t size);
/* NUL-terminated copies. */
char *sgr_arena_copy(struct sgr_arena *arena, struct sgr_slice slice);
char *sgr_arena_printf(struct sgr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
size_t sgr_arena_size(const struct sgr_arena *arena); /* bytes it holds of the system */

#endif
