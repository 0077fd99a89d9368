/* Key columns as bytes: equal keys of one schema have equal bytes. */
#ifndef SANGRE_LUA_KEY_H
#define SANGRE_LUA_KEY_H

#include <sangre/row.h>

/* The bytes that tell one value from another of its type; *scratch or the value's text. */
struct sgr_slice key_bytes(const struct sgr_value *value, char scratch[16]);
/* The same in every process. columns NULL: all of them. */
uint64_t key_hash(const struct sgr_schema *schema, const struct sgr_row *row,
                  const uint16_t *columns, size_t count);

#endif
