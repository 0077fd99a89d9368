/* The database's types by OID, for descriptors of relations that only the stream describes. Engine's thread. */
#ifndef POSTGRES_TYPES_H
#define POSTGRES_TYPES_H

#include "link.h"

struct type {
    uint32_t oid; /* 0: an empty slot */
    enum sgr_type type, element;
    char *name;
};

struct types;

struct types *types_new(void);
void types_free(struct types *types); /* NULL is fine */
/* What to ask the catalog for all types but tables' row types; the answer goes to types_read. */
extern const char types_sql[];
int types_read(struct types *types, const PGresult *result, struct sgr_error *error);
/* A type that the stream named; what is known already stays. */
int types_add(struct types *types, uint32_t oid, const char *name, struct sgr_error *error);
const struct type *types_find(const struct types *types, uint32_t oid); /* NULL: unknown */

#endif
