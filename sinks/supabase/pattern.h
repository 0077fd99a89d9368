/* Patterns of LIKE and regular expressions, by PCRE2 in the mode that never goes back, so that no pattern of a client's takes longer than its size times
 * the text's. What that mode has not, or would have to go back for, is refused: back references and looking around. */
#ifndef SINKS_SUPABASE_PATTERN_H
#define SINKS_SUPABASE_PATTERN_H

#include <sangre/plugin.h>

struct pattern;

/* `like`: % and _ stand for any characters, a backslash takes the next one as it is, and all of a text must fit. SGR_EPARSE. */
int pattern_new(const struct sgr_host_common *common, void *host, struct sgr_slice text, bool like,
                bool any_case, struct pattern **ret, struct sgr_error *error);
void pattern_free(struct pattern *pattern); /* NULL is fine */
/* 1, 0, or -1: it would take too long to know. */
int pattern_fits(const struct pattern *pattern, struct sgr_slice text);

#endif
