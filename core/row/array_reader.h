/* A pull reader of Postgres' array text: {1,NULL,"a b"}, {{1,2},{3,4}}, [0:1]={1,2}. Checks nesting and that sub-arrays agree in
 * their lengths. No memory of its own. */
#ifndef SGR_ROW_ARRAY_READER_H
#define SGR_ROW_ARRAY_READER_H

#include "base/buffer.h"

#define SGR_ARRAY_DIMENSIONS 6 /* Postgres' own limit */

enum sgr_array_kind {
    SGR_ARRAY_START,
    SGR_ARRAY_OPEN,
    SGR_ARRAY_CLOSE,
    SGR_ARRAY_ELEMENT,
    SGR_ARRAY_NULL,
    SGR_ARRAY_END,
    SGR_ARRAY_BAD,
};

struct sgr_array_reader {
    struct sgr_slice text;
    size_t at;
    enum sgr_array_kind kind;
    struct sgr_slice token; /* an element without its quotes, escapes still in it */
    int depth, bottom;      /* bottom: where the elements are, 0 until the first */
    int64_t counts[SGR_ARRAY_DIMENSIONS + 1], lengths[SGR_ARRAY_DIMENSIONS + 1];
    bool empty;                                 /* the array is {} */
    int bounds;                                 /* how many were written */
    int64_t declared[SGR_ARRAY_DIMENSIONS + 1]; /* the lengths they say */
};

/* Skips the bounds; they are in text before the first '{'. */
void sgr_array_reader_init(struct sgr_array_reader *reader, struct sgr_slice text);
void sgr_array_reader_next(struct sgr_array_reader *reader);
/* The element's own text. */
void sgr_array_element(struct sgr_slice token, struct sgr_buffer *out);

#endif
