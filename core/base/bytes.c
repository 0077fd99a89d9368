/* Shared buffers: one allocation of counts, headroom, data and a final NUL. The counts are atomic, the rest never changes once shared. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

struct sgr_bytes *sgr_bytes_new(const char *data, size_t size) {
    if (size >= UINT32_MAX)
        return NULL;
    struct sgr_bytes *bytes = malloc(sizeof(*bytes) + SGR_BYTES_HEADROOM + size + 1);
    if (!bytes)
        return NULL;
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
    if (bytes && __atomic_sub_fetch(&bytes->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(bytes);
}
