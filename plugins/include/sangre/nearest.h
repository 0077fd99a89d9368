/* "Did you mean …?" for plugins: the nearest of some names. Needs nothing of the host. */
#ifndef SANGRE_NEAREST_H
#define SANGRE_NEAREST_H

#include <stddef.h>
#include <string.h>

#define SGR__NAME_LIMIT 64 /* longer names are compared by their first bytes */

static inline size_t sgr__name_length(const char *name) {
    size_t length = strlen(name);
    return length < SGR__NAME_LIMIT ? length : SGR__NAME_LIMIT;
}

static inline char sgr__name_letter(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions and replacements that lead from one name to the other; the case of letters counts nothing. */
static inline size_t sgr_name_distance(const char *a, const char *b) {
    size_t row[SGR__NAME_LIMIT + 1], a_length = sgr__name_length(a), b_length = sgr__name_length(b);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (sgr__name_letter(a[i - 1]) != sgr__name_letter(b[j - 1]));
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

/* Keeps in *best (NULL at first) the nearest candidate so far that is within a third of the word, or 2 edits. */
static inline void sgr_name_nearer(const char *word, const char *candidate, const char **best) {
    size_t limit = sgr__name_length(word) / 3, distance = sgr_name_distance(word, candidate);
    if (limit < 2)
        limit = 2;
    if (distance <= limit && (!*best || distance < sgr_name_distance(word, *best)))
        *best = candidate;
}

#endif
