/* The nearest name by edit distance (insert, delete, replace, swap of neighbours); letters' case does not count. Pure. */
#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { LONGEST = 128 }; /* names; longer words have no neighbour */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static bool same(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + !same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_size];
}

const char *sgr_nearest(const char *word, const char *const *candidates, size_t count) {
    size_t size = strlen(word);
    if (size > LONGEST)
        return NULL;
    size_t bound = size / 3 < 2 ? 2 : size / 3;
    const char *best = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = candidates[i] ? strlen(candidates[i]) : LONGEST + 1;
        if (other > LONGEST || (other > size ? other - size : size - other) > bound)
            continue;
        size_t edits = distance(word, size, candidates[i], other);
        /* A word of which nothing is left is no neighbour, however short it is. */
        if (edits > bound || edits >= (size > other ? size : other))
            continue;
        best = candidates[i];
        if (!edits)
            break;
        bound = edits - 1;
    }
    return best;
}
