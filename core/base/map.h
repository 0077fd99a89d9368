/* A hash map from byte strings to pointers. Iteration is in order of insertion, so runs replay; removal keeps that order.
 * Keys are copied, values borrowed. Hashing is seeded (sgr_hash_seed). */
#ifndef SGR_BASE_MAP_H
#define SGR_BASE_MAP_H

#include <sangre/value.h>

struct sgr_map; /* opaque */

struct sgr_map *sgr_map_new(void);
void sgr_map_free(struct sgr_map *map); /* NULL is fine; values are the caller's */
size_t sgr_map_count(const struct sgr_map *map);
void *sgr_map_get(const struct sgr_map *map, struct sgr_slice key); /* NULL: absent */
/* Replaces (and returns through ret_old, if not NULL) what was there. 0 or SGR_ENOMEM. */
int sgr_map_put(struct sgr_map *map, struct sgr_slice key, void *value, void **ret_old);
void *sgr_map_remove(struct sgr_map *map, struct sgr_slice key); /* the value, NULL: absent */
/* for (size_t at = 0; sgr_map_next(map, &at, &key, &value);). Removing the entry just returned is allowed; its key is good
 * until the map is put into. */
bool sgr_map_next(const struct sgr_map *map, size_t *at, struct sgr_slice *ret_key,
                  void **ret_value);

#endif
