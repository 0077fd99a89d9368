/* Where a claim stands in a token: `sub`, `app_metadata.team`, `"https://example.com/roles".admin`. A name that is not made of letters,
 * digits, _, - and : is written in double quotes, a quote in it twice. */
#ifndef SGR_BASE_CLAIM_PATH_H
#define SGR_BASE_CLAIM_PATH_H

#include <sangre/value.h>

#define SGR_CLAIM_NAME_MAX 256

/* The next name, NUL-terminated, taken off `path` with the dot behind it. False: the path is over (it is empty then) or malformed (it is
 * not). Any thread. */
bool sgr_claim_path_next(struct sgr_slice *path, char name[SGR_CLAIM_NAME_MAX]);
/* At least one name, all of them well-formed. */
bool sgr_claim_path_valid(struct sgr_slice path);

#endif
