/* Whose rights the source has: a token from the config, or from a file that somebody renews. Engine's thread. */
#ifndef SOURCES_SUPABASE_TOKEN_H
#define SOURCES_SUPABASE_TOKEN_H

#include <sangre/text.h>

#include "options.h"

/* *ret: the token to join and to ask with, without blanks around it; data NULL: none is given. It borrows from the options or from
 * `scratch`. SGR_EIO: the file cannot be read. */
int token_read(const struct options *options, struct sgr_text *scratch, struct sgr_slice *ret,
               struct sgr_error *error);

/* Whether it can stand in a header. */
bool token_fits(const char *token);

#endif
