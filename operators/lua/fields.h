/* The row a script sees: the input's columns and the output's, by name. */
#ifndef SANGRE_LUA_FIELDS_H
#define SANGRE_LUA_FIELDS_H

#include "box.h"

struct field {
    const char *name;
    int input;  /* column, or -1 */
    int output; /* column, or -1: it is dropped */
    bool fixed; /* part of the key that rows keep */
};

struct fields {
    const struct sgr_schema *input, *output;
    struct field *items;
    size_t count;
    uint16_t *of_output; /* field of each output column */
    bool *assigned;      /* by field, for the current row */
    bool changed;        /* anything assigned to the current row */
    const struct sgr_row *row;
    int object, values,
        names; /* in the registry: the userdata, what was assigned, name → field from 1 */
};

int fields_init(struct fields *fields, const struct sgr_operator_host *table, void *host,
                const struct sgr_schema *input, const struct sgr_schema *output,
                const uint16_t *fixed, size_t fixed_count);
void fields_fini(struct fields *fields, const struct sgr_operator_host *table, void *host);

/* Within box_call, once: makes the userdata. */
void fields_open(struct fields *fields, lua_State *lua);
/* Begins a row; borrowed until the next. */
void fields_begin(struct fields *fields, const struct sgr_row *row);

/* Within box_call. The values of the current row as an output row; what is nil is null. Pushes at most one value a column, which must
 * stay while `values` is used. */
void fields_take(const struct fields *fields, lua_State *lua, struct sgr_value *values);
/* The same from the table at `index`; a column it does not name is the current row's if `fill`, else null. */
void fields_take_table(const struct fields *fields, lua_State *lua, int index, bool fill,
                       struct sgr_value *values);
bool fields_is_object(const struct fields *fields, lua_State *lua, int index);

#endif
