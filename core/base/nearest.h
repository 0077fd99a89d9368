/* The nearest valid name, for errors that help. */
#ifndef SGR_BASE_NEAREST_H
#define SGR_BASE_NEAREST_H

#include <stddef.h>

/* The candidate within a third of the word's length (at least 2 edits; transpositions count 1, letters' case nothing), or NULL. */
const char *sgr_nearest(const char *word, const char *const *candidates, size_t count);

#endif
