#include "view/values.h"

#include <string.h>

#include "base/slice.h"

bool sgr__value_has_text(const struct sgr_value *value) {
    static const uint8_t widths[] = {
#define WIDTH(symbol, name, width, member) width,
        SGR_TYPES(WIDTH)
#undef WIDTH
    };
    return !value->null && widths[value->type] == 0;
}

int sgr__value_compare_bytes(const struct sgr_value *a, const struct sgr_value *b) {
    if (a->null || b->null)
        return a->null - b->null;
    return sgr__value_has_text(a) ? sgr_slice_compare(a->s, b->s)
                                  : memcmp(a->u, b->u, sizeof(a->u));
}

bool sgr__value_keep(struct sgr_arena *arena, struct sgr_value *value) {
    if (!sgr__value_has_text(value))
        return true;
    value->s.data = sgr_arena_copy(arena, value->s);
    return value->s.data;
}

size_t sgr__values_text(const struct sgr_value *values, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += sgr__value_has_text(&values[i]) ? values[i].s.size : 0;
    return size;
}

void sgr__values_copy(struct sgr_value *to, const struct sgr_value *values, size_t count,
                      char *text) {
    for (size_t i = 0; i < count; i++) {
        to[i] = values[i];
        if (!sgr__value_has_text(&to[i]))
            continue;
        if (to[i].s.size)
            memcpy(text, to[i].s.data, to[i].s.size);
        to[i].s.data = text;
        text += to[i].s.size;
    }
}
