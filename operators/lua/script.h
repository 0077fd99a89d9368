/* One node's script: its code, compiled, and what it makes of a row.
 *
 * The script sees its row through one userdata that is used for all rows: columns are read from the packed row when they are asked
 * for, and what is assigned is kept beside it. The engine's thread. */
#ifndef SANGRE_LUA_SCRIPT_H
#define SANGRE_LUA_SCRIPT_H

#include "rows.h"

struct script_options {
    const char *code;
    size_t memory;
    int64_t microseconds;
    bool whole;          /* `returns`: the output's columns are the script's own */
    bool keep_rows;      /* a row that fails is passed on as it was */
    bool keep_key;       /* the key is the input's: one row for one at most, and key columns stay */
    const uint16_t *key; /* of the output */
    size_t key_count;
};

struct script;

/* The input, its schema and key, the output's schema and options->key are borrowed and must outlive the script. Random numbers are
 * seeded by the input's key (by the whole row if it has none). SGR_ESCRIPT: the code doesn't compile. */
int script_new(const struct sgr_operator_host *table, void *host,
               const struct script_options *options, const struct sgr_input *input,
               const struct sgr_schema *output, struct script **ret, struct sgr_error *error);
void script_free(struct script *script); /* NULL is fine */

/* Adds to `out` what the script makes of the row at this tick. A failure is reported for the row if `report`, and answered as the
 * options say. SGR_ENOMEM alone. */
int script_run(struct script *script, const struct sgr_row *row, uint64_t tick, bool report,
               struct rows *out);

#endif
