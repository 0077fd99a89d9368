#include "relations.h"

#include <stdlib.h>

struct descriptor { /* one block: columns and texts stand behind it */
    struct sgr_relation relation;
    struct descriptor *next; /* on the list of the replaced ones */
    struct sgr_relation_column columns[];
};

struct relations {
    struct types *types; /* NULL: not following */
    struct descriptor *replaced;
    struct sgr_relation *const *ours;
    const struct catalog *catalog;
    struct announced *slots; /* open addressing; at most half full */
    size_t capacity, count;  /* capacity: a power of two */
};

static size_t place(const struct announced *slots, size_t capacity, uint32_t oid) {
    size_t i = oid * 2654435761u & (capacity - 1);
    while (slots[i].oid && slots[i].oid != oid)
        i = (i + 1) & (capacity - 1);
    return i;
}

static struct relations *make(struct relations setup) {
    struct relations *relations = calloc(1, sizeof(*relations));
    if (!relations)
        return NULL;
    *relations = setup;
    relations->capacity = 64;
    relations->slots = calloc(relations->capacity, sizeof(*relations->slots));
    if (relations->slots)
        return relations;
    free(relations);
    return NULL;
}

struct relations *relations_new(struct sgr_relation *const *ours, const struct catalog *catalog) {
    return make((struct relations){.ours = ours, .catalog = catalog});
}

struct relations *relations_new_following(struct types *types) {
    return make((struct relations){.types = types});
}

bool relations_following(const struct relations *relations) {
    return relations->types != NULL;
}

void relations_settle(struct relations *relations) {
    while (relations->replaced) {
        struct descriptor *next = relations->replaced->next;
        free(relations->replaced);
        relations->replaced = next;
    }
}

void relations_free(struct relations *relations) {
    if (!relations)
        return;
    relations_settle(relations);
    for (size_t i = 0; i < relations->capacity; i++) {
        free(relations->slots[i].from);
        if (relations->types)
            free(relations->slots[i].relation); /* the descriptor's first member */
    }
    free(relations->slots);
    free(relations);
}

const struct announced *relations_find(const struct relations *relations, uint32_t oid) {
    const struct announced *found =
        &relations->slots[place(relations->slots, relations->capacity, oid)];
    return oid && found->oid ? found : NULL;
}

void relations_refuse(struct relations *relations, uint32_t oid) {
    struct announced *slot = &relations->slots[place(relations->slots, relations->capacity, oid)];
    slot->refused = slot->oid != 0;
}

static int grow(struct relations *relations) {
    size_t capacity = relations->capacity * 2;
    struct announced *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return SGR_ENOMEM;
    for (size_t i = 0; i < relations->capacity; i++)
        if (relations->slots[i].oid)
            slots[place(slots, capacity, relations->slots[i].oid)] = relations->slots[i];
    free(relations->slots);
    relations->slots = slots;
    relations->capacity = capacity;
    return SGR_OK;
}

/* The type a column of ours was declared with when the snapshot was taken. */
static uint32_t declared_type(const struct catalog_table *table, const char *name) {
    for (size_t i = 0; i < table->relation.column_count; i++)
        if (strcmp(table->relation.columns[i].name, name) == 0)
            return table->types[i];
    return 0;
}

static int map_column(const struct catalog_table *table, const struct sgr_relation *relation,
                      size_t i, const struct pgoutput_message *message, uint16_t *ret,
                      struct sgr_error *error) {
    const char *name = relation->columns[i].name;
    *ret = NOWHERE;
    if (relation->columns[i].unused)
        return SGR_OK;
    for (size_t j = 0; j < message->relation.column_count; j++) {
        const struct pgoutput_column *column = &message->relation.columns[j];
        if (strcmp(column->name, name) != 0)
            continue;
        if (column->type != declared_type(table, name))
            return sgr_error_set(error, SGR_EUNAVAILABLE, "column %s of %s.%s has got another type",
                                 name, relation->schema, relation->table);
        *ret = (uint16_t)j;
        return SGR_OK;
    }
    return sgr_error_set(error, SGR_EUNAVAILABLE, "column %s of %s.%s is gone", name,
                         relation->schema, relation->table);
}

static int map_columns(struct announced *announced, const struct catalog_table *table,
                       const struct pgoutput_message *message, struct sgr_error *error) {
    const struct sgr_relation *relation = announced->relation;
    uint16_t *from = calloc(relation->column_count + 1, sizeof(*from));
    if (!from)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a relation");
    announced->straight = true;
    for (size_t i = 0; i < relation->column_count; i++) {
        int code = map_column(table, relation, i, message, &from[i], error);
        if (code) {
            free(from);
            return code;
        }
        announced->straight = announced->straight && from[i] == i;
    }
    announced->from = from;
    return SGR_OK;
}

static bool same_name(const struct pgoutput_message *message, const struct sgr_relation *relation) {
    return strcmp(message->relation.schema, relation->schema) == 0 &&
           strcmp(message->relation.table, relation->table) == 0;
}

/* By OID, so that a renamed table goes on. */
static int find_ours(const struct relations *relations, const struct pgoutput_message *message,
                     size_t *ret, struct sgr_error *error) {
    const struct catalog *catalog = relations->catalog;
    *ret = SIZE_MAX;
    for (size_t i = 0; i < catalog->count && *ret == SIZE_MAX; i++)
        if (catalog->tables[i].oid == message->relation.oid)
            *ret = i;
    for (size_t i = 0; i < catalog->count && *ret == SIZE_MAX; i++)
        if (same_name(message, relations->ours[i]))
            return sgr_error_set(error, SGR_EUNAVAILABLE, "%s.%s was replaced by another table",
                                 message->relation.schema, message->relation.table);
    return SGR_OK;
}

/* ---- Following ---- */

int relations_name_type(struct relations *relations, const struct pgoutput_message *message,
                        struct sgr_error *error) {
    if (!relations->types || types_find(relations->types, message->type.oid))
        return SGR_OK;
    return types_add(relations->types, message->type.oid, message->type.name, error);
}

static const char *put_text(char **place, const char *text) {
    char *at = *place;
    size_t size = strlen(text) + 1;
    memcpy(at, text, size);
    *place += size;
    return at;
}

static struct sgr_relation_column describe_column(const struct relations *relations,
                                                  const struct pgoutput_column *column) {
    const struct type *type = types_find(relations->types, column->type);
    return (struct sgr_relation_column){.name = column->name,
                                        .type_name = type ? type->name : "unknown",
                                        .type = type ? type->type : SGR_OTHER,
                                        .element = type ? type->element : SGR_OTHER,
                                        .collation = SGR_COLLATION_UNKNOWN,
                                        .type_modifier = column->modifier,
                                        .key = column->key};
}

static const char *schema_of(const struct pgoutput_message *message) {
    return *message->relation.schema ? message->relation.schema : "pg_catalog";
}

static struct descriptor *describe(const struct relations *relations,
                                   const struct pgoutput_message *message) {
    size_t count = message->relation.column_count;
    size_t size = strlen(schema_of(message)) + strlen(message->relation.table) + 2;
    for (size_t i = 0; i < count; i++) {
        struct sgr_relation_column column =
            describe_column(relations, &message->relation.columns[i]);
        size += strlen(column.name) + strlen(column.type_name) + 2;
    }
    struct descriptor *ours =
        malloc(sizeof(*ours) + count * sizeof(struct sgr_relation_column) + size);
    if (!ours)
        return NULL;
    char *place = (char *)&ours->columns[count];
    *ours = (struct descriptor){.relation = {.columns = ours->columns, .column_count = count}};
    ours->relation.identity = (enum sgr_identity)message->relation.identity;
    ours->relation.schema = put_text(&place, schema_of(message));
    ours->relation.table = put_text(&place, message->relation.table);
    for (size_t i = 0; i < count; i++) {
        ours->columns[i] = describe_column(relations, &message->relation.columns[i]);
        ours->columns[i].name = put_text(&place, ours->columns[i].name);
        ours->columns[i].type_name = put_text(&place, ours->columns[i].type_name);
    }
    return ours;
}

static int describe_as_announced(struct relations *relations,
                                 const struct pgoutput_message *message,
                                 struct announced *announced, struct sgr_error *error) {
    struct descriptor *ours = describe(relations, message);
    const struct announced *before = relations_find(relations, announced->oid);
    if (!ours)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a relation");
    announced->relation = &ours->relation;
    announced->straight = true;
    if (before) {
        struct descriptor *old = (struct descriptor *)before->relation;
        old->next = relations->replaced;
        relations->replaced = old;
    }
    return SGR_OK;
}

int relations_announce(struct relations *relations, const struct pgoutput_message *message,
                       struct sgr_error *error) {
    size_t ours = SIZE_MAX;
    int code = relations->types ? SGR_OK : find_ours(relations, message, &ours, error);
    if (!message->relation.oid)
        return sgr_error_set(error, SGR_EPROTOCOL, "a relation without an OID");
    if (!code && relations->count * 2 >= relations->capacity && grow(relations))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a relation");
    if (code)
        return code;
    struct announced announced = {.oid = message->relation.oid,
                                  .width = (uint16_t)message->relation.column_count};
    if (relations->types) {
        code = describe_as_announced(relations, message, &announced, error);
        if (code)
            return code;
    }
    if (ours != SIZE_MAX) {
        announced.relation = relations->ours[ours];
        code = map_columns(&announced, &relations->catalog->tables[ours], message, error);
        if (code)
            return code;
    }
    struct announced *slot =
        &relations->slots[place(relations->slots, relations->capacity, announced.oid)];
    relations->count += !slot->oid;
    free(slot->from);
    *slot = announced;
    return SGR_OK;
}
