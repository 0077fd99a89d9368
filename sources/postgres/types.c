#include "types.h"

#include <stdlib.h>

#include "catalog.h"

struct types {
    struct type *slots; /* open addressing; at most half full */
    size_t capacity, count;
};

/* Domains go by their own names and by their base types' meaning. */
const char types_sql[] =
    "WITH RECURSIVE base(declared, oid) AS (SELECT oid, oid FROM pg_type"
    " UNION ALL SELECT b.declared, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.oid"
    " WHERE t.typtype = 'd')"
    " SELECT d.oid, d.typname, t.typname, t.typnamespace = 'pg_catalog'::regnamespace,"
    " e.typname, e.typnamespace = 'pg_catalog'::regnamespace"
    " FROM pg_type d JOIN base b ON b.declared = d.oid"
    " JOIN pg_type t ON t.oid = b.oid AND t.typtype <> 'd'"
    " LEFT JOIN pg_type r ON r.typarray = t.oid LEFT JOIN base f ON f.declared = r.oid"
    " LEFT JOIN pg_type e ON e.oid = f.oid AND e.typtype <> 'd'"
    " LEFT JOIN pg_class c ON c.oid = coalesce(nullif(d.typrelid, 0), r.typrelid)"
    " WHERE (r.oid IS NULL OR e.oid IS NOT NULL) AND (c.oid IS NULL OR c.relkind = 'c')";

struct types *types_new(void) {
    struct types *types = calloc(1, sizeof(*types));
    if (!types)
        return NULL;
    types->capacity = 1024;
    types->slots = calloc(types->capacity, sizeof(*types->slots));
    if (types->slots)
        return types;
    free(types);
    return NULL;
}

void types_free(struct types *types) {
    if (!types)
        return;
    for (size_t i = 0; i < types->capacity; i++)
        free(types->slots[i].name);
    free(types->slots);
    free(types);
}

static size_t place(const struct type *slots, size_t capacity, uint32_t oid) {
    size_t i = oid * 2654435761u & (capacity - 1);
    while (slots[i].oid && slots[i].oid != oid)
        i = (i + 1) & (capacity - 1);
    return i;
}

const struct type *types_find(const struct types *types, uint32_t oid) {
    const struct type *found = &types->slots[place(types->slots, types->capacity, oid)];
    return oid && found->oid ? found : NULL;
}

static int grow(struct types *types) {
    size_t capacity = types->capacity * 2;
    struct type *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return SGR_ENOMEM;
    for (size_t i = 0; i < types->capacity; i++)
        if (types->slots[i].oid)
            slots[place(slots, capacity, types->slots[i].oid)] = types->slots[i];
    free(types->slots);
    types->slots = slots;
    types->capacity = capacity;
    return SGR_OK;
}

static int put(struct types *types, struct type type, struct sgr_error *error) {
    type.name = strdup(type.name);
    if (!type.name || (types->count * 2 >= types->capacity && grow(types))) {
        free(type.name);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for types");
    }
    struct type *slot = &types->slots[place(types->slots, types->capacity, type.oid)];
    types->count += !slot->oid;
    free(slot->name);
    *slot = type;
    return SGR_OK;
}

int types_add(struct types *types, uint32_t oid, const char *name, struct sgr_error *error) {
    return oid ? put(types, (struct type){oid, SGR_OTHER, SGR_OTHER, (char *)name}, error) : SGR_OK;
}

int types_read(struct types *types, const PGresult *result, struct sgr_error *error) {
    enum { OID, NAME, TYPE, BUILT_IN, ELEMENT, ELEMENT_BUILT_IN };
    for (int row = 0; row < PQntuples(result); row++) {
        const char *element = PQgetvalue(result, row, ELEMENT);
        struct type type = {.oid = (uint32_t)strtoul(PQgetvalue(result, row, OID), NULL, 10),
                            .type = SGR_ARRAY,
                            .element = SGR_OTHER,
                            .name = PQgetvalue(result, row, NAME)};
        if (*element)
            type.element =
                catalog_type(element, PQgetvalue(result, row, ELEMENT_BUILT_IN)[0] == 't');
        else
            type.type = catalog_type(PQgetvalue(result, row, TYPE),
                                     PQgetvalue(result, row, BUILT_IN)[0] == 't');
        int code = put(types, type, error);
        if (code)
            return code;
    }
    return SGR_OK;
}
