/* JSON values as Postgres' text of them. Any thread. */
#ifndef SOURCES_SUPABASE_VALUE_H
#define SOURCES_SUPABASE_VALUE_H

#include <sangre/source.h>

/* What value_text may need at `put` for a value of `size` bytes of any column. */
size_t value_room(size_t size);

/* `value`: JSON of a typed record, not null. Borrows from it, or writes to *put and moves that on. */
struct sgr_slice value_text(const struct sgr_relation_column *column, struct sgr_slice value,
                            char **put);

#endif
