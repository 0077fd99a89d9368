/* Helpers over borrowed bytes. Pure; any thread. */
#include "base/slice.h"

#include <stdlib.h>

int sgr_slice_compare(struct sgr_slice a, struct sgr_slice b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

char *sgr_slice_copy(struct sgr_slice slice) {
    if (slice.size == SIZE_MAX)
        return NULL;
    char *copy = malloc(slice.size + 1);
    if (!copy)
        return NULL;
    if (slice.size)
        memcpy(copy, slice.data, slice.size);
    copy[slice.size] = '\0';
    return copy;
}

bool sgr_slice_int(struct sgr_slice slice, int64_t *ret) {
    size_t i = 0;
    bool negative = slice.size && slice.data[0] == '-';
    if (slice.size && (negative || slice.data[0] == '+'))
        i++;
    if (i == slice.size)
        return false;
    /* Summed downwards, as the least number has no positive counterpart. */
    int64_t number = 0;
    for (; i < slice.size; i++) {
        unsigned digit = (unsigned char)slice.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, (int64_t)digit, &number))
            return false;
    }
    if (!negative && number == INT64_MIN)
        return false;
    *ret = negative ? number : -number;
    return true;
}
