/* How long Lua's pattern matcher may take at worst. It backtracks in C, where no hook can stop it, so the box asks before. */
#ifndef SANGRE_LUA_PATTERN_H
#define SANGRE_LUA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* An upper bound of the matcher's steps over all starting points; SIZE_MAX if it is larger than that. A pattern that is malformed
 * costs what stands before the fault. `anchors`: whether a leading ^ anchors (not so in gmatch). */
size_t pattern_bound(const char *pattern, size_t pattern_size, const char *text, size_t text_size,
                     bool anchors);

#endif
