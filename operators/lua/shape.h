/* What the options make of the input's schema and key. */
#ifndef SANGRE_LUA_SHAPE_H
#define SANGRE_LUA_SHAPE_H

#include <sangre/operator.h>

struct lua_options {
    const char *code;
    struct sgr_pairs adds;
    struct sgr_strings drops;
    struct sgr_pairs returns;
    struct sgr_strings key;
    int64_t every;
    bool demanded;
    bool pure;
    const char *on_error;
    int64_t memory;
    int64_t time;
};

struct lua_shape {
    struct sgr_schema *schema; /* a reference */
    uint16_t *key;             /* from host->allocate; NULL: a bag */
    size_t key_count;
    bool keeps_key; /* it is the input's key */
};

/* SGR_ECONFIG, SGR_ETYPE, SGR_ENOMEM. */
int lua_shape_make(const struct sgr_operator_host *table, void *host,
                   const struct lua_options *options, const struct sgr_input *input,
                   struct lua_shape *ret, struct sgr_error *error);

#endif
