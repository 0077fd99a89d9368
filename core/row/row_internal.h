/* What schema.c and row.c share: the part of a schema that plugins do not see. */
#ifndef SGR_ROW_ROW_INTERNAL_H
#define SGR_ROW_ROW_INTERNAL_H

#include "row/row.h"

struct sgr__schema {
    struct sgr_schema schema; /* first: every schema is made as one of these */
    const char *keys; /* the columns' names in JSON with a colon behind, one after the other */
    const uint32_t *key_ends;
    uint16_t last_text; /* the last column of variable length; UINT16_MAX: none */
};

#endif
