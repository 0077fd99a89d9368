/* Seeded hashing (XXH3). One seed per process, fixed by configuration for replays. */
#ifndef SGR_BASE_HASH_H
#define SGR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

extern uint64_t sgr_hash_seed; /* set before the first map or index is made */

uint64_t sgr_hash_bytes(const void *data, size_t size);
uint64_t sgr_hash_bytes_from(const void *data, size_t size, uint64_t state);
static inline uint64_t sgr_hash_mix(uint64_t a, uint64_t b) {
    uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccdu;
    return x ^ (x >> 32);
}
static inline uint64_t sgr_hash_int(uint64_t x) {
    x = (x ^ sgr_hash_seed) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}

#endif
