/* Documents from collections. Recursion goes by levels, never by data. Engine's thread. */
#ifndef SGR_VIEW_RENDER_H
#define SGR_VIEW_RENDER_H

#include "view/collection.h"

void sgr__render_value(const struct sgr__level *level, const struct sgr__column *column,
                       struct sgr__pair pair, struct sgr_buffer *out);
/* An object; the member is within the window. */
void sgr__render_member(const struct sgr__collection *collection, const struct sgr__member *member,
                        struct sgr_buffer *out);
/* An array; or, at a to-one level, an object or null. collection NULL: an empty one. */
void sgr__render_collection(const struct sgr__level *level,
                            const struct sgr__collection *collection, struct sgr_buffer *out);

#endif
