/* Borrowed bytes: small helpers over struct sgr_slice. */
#ifndef SGR_BASE_SLICE_H
#define SGR_BASE_SLICE_H

#include <sangre/value.h>
#include <string.h>

#define SGR_SLICE(literal) ((struct sgr_slice){(literal), sizeof(literal) - 1})
/* For printf's %.*s */
#define SGR_SLICE_ARGS(slice) (int)(slice).size, (slice).data

static inline struct sgr_slice sgr_slice(const char *text) {
    return (struct sgr_slice){text, text ? strlen(text) : 0};
}
static inline bool sgr_slice_equal(struct sgr_slice a, struct sgr_slice b) {
    return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}
static inline bool sgr_slice_is(struct sgr_slice a, const char *text) {
    return sgr_slice_equal(a, sgr_slice(text));
}
/* Bytewise order, shorter first among equals. */
int sgr_slice_compare(struct sgr_slice a, struct sgr_slice b);
/* A NUL-terminated copy; NULL without memory. The caller frees it. */
char *sgr_slice_copy(struct sgr_slice slice);
/* The whole text as a number; false if it is none or out of range. */
bool sgr_slice_int(struct sgr_slice slice, int64_t *ret);

#endif
