/* Seeded XXH3. Inlined from its header: libpg_query brings another copy of the same symbols. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t sgr_hash_seed = 7;

uint64_t sgr_hash_bytes(const void *data, size_t size) {
    return XXH3_64bits_withSeed(data, size, sgr_hash_seed);
}

uint64_t sgr_hash_bytes_from(const void *data, size_t size, uint64_t state) {
    return XXH3_64bits_withSeed(data, size, sgr_hash_mix(sgr_hash_seed, state));
}
