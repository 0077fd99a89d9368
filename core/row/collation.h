/* The database's default collation as expressions need it: its order is sgr_value_compare's; here are its character classes.
 * Postgres has LC_COLLATE and LC_CTYPE apart, and C order with another ctype is common. */
#ifndef SGR_ROW_COLLATION_H
#define SGR_ROW_COLLATION_H

#include <sangre/value.h>

/* LC_CTYPE, if it differs from the locale given to sgr_collation_set (which sets both). _C: only ASCII letters have cases;
 * _DATABASE: sgr_ctype_change knows; _UNKNOWN: not reproduced here. Process-wide; call after sgr_collation_set. */
enum sgr_collation sgr_ctype_set(char provider, const char *ctype, const char *server_version);
enum sgr_collation sgr_collation_default(void); /* what was set; _UNKNOWN before that */
enum sgr_collation sgr_ctype_default(void);
uint32_t sgr_ctype_change(uint32_t codepoint, bool upper);

#endif
