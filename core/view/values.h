/* Values outside rows that own their text: keys of collections, parameters of instances, constants. Pure functions. */
#ifndef SGR_VIEW_VALUES_H
#define SGR_VIEW_VALUES_H

#include <sangre/value.h>

#include "base/arena.h"

/* Byte for byte, in any fixed order. */
int sgr__value_compare_bytes(const struct sgr_value *a, const struct sgr_value *b);
bool sgr__value_has_text(const struct sgr_value *value);
/* Lets the value own its text, in the arena; false: no memory. */
bool sgr__value_keep(struct sgr_arena *arena, struct sgr_value *value);
/* Bytes of text in all of them; and a copy of them that has its text at `text`, where there is room for it. */
size_t sgr__values_text(const struct sgr_value *values, size_t count);
void sgr__values_copy(struct sgr_value *to, const struct sgr_value *values, size_t count,
                      char *text);

#endif
