/* Shared buffers: one allocation of counts, headroom, data and a final NUL. The counts are atomic, the rest never changes once shared. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

static size_t living; /* atomic */

static size_t size_of(size_t size) {
    return sizeof(struct sgr_bytes) + SGR_BYTES_HEADROOM + size + 1;
}

struct sgr_bytes *sgr_bytes_new(const char *data, size_t size) {
    if (size >= UINT32_MAX)
        return NULL;
    struct sgr_bytes *bytes = malloc(size_of(size));
    if (!bytes)
        return NULL;
    __atomic_fetch_add(&living, size_of(size), __ATOMIC_RELAXED);
    char *place = (char *)(bytes + 1) + SGR_BYTES_HEADROOM;
    if (data && size)
        memcpy(place, data, size);
    place[size] = '\0';
    *bytes = (struct sgr_bytes){.refs = 1, .size = (uint32_t)size, .data = place};
    return bytes;
}

struct sgr_bytes *sgr_bytes_ref(struct sgr_bytes *bytes) {
    __atomic_fetch_add(&bytes->refs, 1, __ATOMIC_RELAXED);
    return bytes;
}

void sgr_bytes_unref(struct sgr_bytes *bytes) {
    /* The last one out must see all writes of the others before it frees. */
    if (!bytes || __atomic_sub_fetch(&bytes->refs, 1, __ATOMIC_ACQ_REL))
        return;
    __atomic_fetch_sub(&living, size_of(bytes->size), __ATOMIC_RELAXED);
    free(bytes);
}

size_t sgr_bytes_living(void) {
    return __atomic_load_n(&living, __ATOMIC_RELAXED);
}
