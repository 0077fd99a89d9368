/* Reading key columns without a struct sgr_value in between: most keys are whole numbers. */
#ifndef SGR_ROW_KEY_H
#define SGR_ROW_KEY_H

#include <sangre/row.h>

#include "base/hash.h"

#define SGR__NULL_HASH sgr_hash_int(0x6e756c6c) /* as sgr_value_hash has it */

/* Types whose value is the integer member: equal values are equal words, whatever their width. */
static inline bool sgr__type_is_word(enum sgr_type type) {
    switch (type) {
    case SGR_BOOL:
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
    case SGR_DATE:
    case SGR_TIME:
    case SGR_TIMESTAMP:
    case SGR_TIMESTAMPTZ:
        return true;
    default:
        return false;
    }
}

static inline unsigned sgr__word_width(enum sgr_type type) {
    switch (type) {
    case SGR_BOOL:
        return 1;
    case SGR_INT2:
        return 2;
    case SGR_INT4:
    case SGR_DATE:
        return 4;
    default:
        return 8;
    }
}

/* The integer in a fixed slot of 1, 2, 4 or 8 bytes; slots are aligned. */
static inline int64_t sgr__word_at(const struct sgr_row *row, uint32_t offset, unsigned width) {
    const char *slot = (const char *)row + offset;
    switch (width) {
    case 1:
        return *(const uint8_t *)slot;
    case 2:
        return *(const int16_t *)(const void *)slot;
    case 4:
        return *(const int32_t *)(const void *)slot;
    default:
        return *(const int64_t *)(const void *)slot;
    }
}

/* Folds the next column's hash into a key's. */
static inline uint64_t sgr__key_fold(uint64_t state, size_t i, uint64_t hash) {
    return i ? sgr_hash_mix(state, hash) : hash;
}

#endif
