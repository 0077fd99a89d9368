/* What an event of the feed says happened to a row, in both forms of it: that of 2022, where every value is Postgres' text, and today's, where
 * values are JSON's. Engine's thread. */
#ifndef SOURCES_SUPABASE_CHANGE_H
#define SOURCES_SUPABASE_CHANGE_H

#include "table.h"

/* The fields of one change and the bytes they point to, used again for the next. Zeroed at first. */
struct change_reader {
    struct sgr_field *new_fields, *old_fields;
    size_t columns; /* room for so many of each */
    char *scratch, *end;
    char *put; /* the free rest of scratch */
};

enum change_doubt {
    CHANGE_CERTAIN,
    CHANGE_KEY_ASSUMED, /* an UPDATE that does not tell the old key, which may have been another one */
    CHANGE_ROW_UNTOLD,  /* a DELETE that does not say of which row: nothing to apply */
    CHANGE_PART_UNTOLD, /* values are left out: nothing to apply */
};

void change_reader_fini(struct change_reader *reader);

/* `payload`: JSON that has been checked; of today's form what is under "data". The change borrows from payload and reader, until the next
 * call. SGR_EPROTOCOL: it is no change of this table. Of TRUNCATE the kind is all. */
int change_read(struct change_reader *reader, struct table *table, struct sgr_slice payload,
                bool today, struct sgr_change *ret, enum change_doubt *ret_doubt,
                struct sgr_error *error);

/* One row of a snapshot: an object whose values are all text. */
int change_read_row(struct change_reader *reader, struct table *table, struct sgr_slice record,
                    const struct sgr_field **ret, struct sgr_error *error);

/* Whether the columns that the event marks as what rows are told apart by include our key. True also where it marks none. */
bool change_tells_key(const struct table *table, struct sgr_slice payload);

#endif
