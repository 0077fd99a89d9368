/* What of the catalog cannot be followed, and what has changed since it was described. */
#include "catalog.h"

static const char *kind_name(char kind) {
    switch (kind) {
    case 'v':
        return "a view";
    case 'm':
        return "a materialized view";
    case 'f':
        return "a foreign table";
    case 'i':
    case 'I':
        return "an index";
    case 'S':
        return "a sequence";
    case 'c':
        return "a composite type";
    default:
        return "no table";
    }
}

static bool has_key(const struct sgr_relation *relation) {
    for (size_t i = 0; i < relation->column_count; i++)
        if (relation->columns[i].key)
            return true;
    return false;
}

static int check_kind(const struct catalog_table *table, struct sgr_error *error) {
    const char *schema = table->relation.schema, *name = table->relation.table;
    if (table->kind != 'r' && table->kind != 'p')
        return sgr_error_set(
            error, SGR_EFATAL,
            "%s.%s is %s: only tables have a change stream; name the tables behind it", schema,
            name, kind_name(table->kind));
    if (table->system)
        return sgr_error_set(error, SGR_EFATAL,
                             "%s.%s is a system table, which has no change stream", schema, name);
    if (table->persistence != 'p')
        return sgr_error_set(
            error, SGR_EFATAL,
            "%s.%s is %s, so its changes are not in the log; ALTER TABLE … SET LOGGED", schema,
            name, table->persistence == 'u' ? "an unlogged table" : "a temporary table");
    if (table->inherited)
        return sgr_error_set(error, SGR_EFATAL,
                             "%s.%s has child tables by inheritance, whose rows its change stream "
                             "lacks; partition it instead, "
                             "or use the children",
                             schema, name);
    if (!table->relation.column_count)
        return sgr_error_set(error, SGR_EFATAL, "%s.%s has no columns that are stored", schema,
                             name);
    return SGR_OK;
}

static int check_identity(const struct catalog_table *table, struct sgr_error *error) {
    const char *schema = table->relation.schema, *name = table->relation.table;
    if (table->relation.identity == SGR_IDENTITY_FULL)
        return SGR_OK;
    if (table->relation.identity == SGR_IDENTITY_NOTHING)
        return sgr_error_set(error, SGR_EFATAL,
                             "%s.%s has REPLICA IDENTITY NOTHING: once published, your application "
                             "could not UPDATE or DELETE its "
                             "rows any more. Run: ALTER TABLE %s.%s REPLICA IDENTITY %s",
                             schema, name, schema, name,
                             has_key(&table->relation) ? "DEFAULT" : "FULL");
    if (!has_key(&table->relation))
        return sgr_error_set(error, SGR_EFATAL,
                             "%s.%s has no primary key (or a deferrable one): once published, your "
                             "application could not UPDATE or "
                             "DELETE its rows any more. Add a primary key, or run: ALTER TABLE "
                             "%s.%s REPLICA IDENTITY FULL",
                             schema, name, schema, name);
    return SGR_OK;
}

static int check_row_security(const struct catalog_table *table, bool bypass,
                              struct sgr_error *error) {
    if (!table->row_security || bypass)
        return SGR_OK;
    return sgr_error_set(error, SGR_EFATAL,
                         "%s.%s has row level security, which a change stream does not obey: every "
                         "row would be read. If views "
                         "limit who sees what, say so with bypass_rls: acknowledged",
                         table->relation.schema, table->relation.table);
}

int catalog_check(const struct catalog *catalog, bool bypass_row_security,
                  struct sgr_error *error) {
    if (catalog->standby && catalog->server_version < 160000)
        return sgr_error_set(
            error, SGR_EUNAVAILABLE,
            "the server is a standby, which has no change stream; waiting for it to "
            "be promoted");
    if (!catalog->logical)
        return sgr_error_set(
            error, SGR_EFATAL,
            "wal_level is too low. Run: ALTER SYSTEM SET wal_level = logical; and restart "
            "the server");
    for (size_t i = 0; i < catalog->count; i++) {
        int code = check_kind(&catalog->tables[i], error);
        if (!code)
            code = check_row_security(&catalog->tables[i], bypass_row_security, error);
        if (!code)
            code = check_identity(&catalog->tables[i], error);
        if (code)
            return code;
    }
    return SGR_OK;
}

static const struct sgr_relation_column *find(const struct sgr_relation *relation,
                                              const char *name) {
    for (size_t i = 0; i < relation->column_count; i++)
        if (strcmp(relation->columns[i].name, name) == 0)
            return &relation->columns[i];
    return NULL;
}

int catalog_compare(const struct catalog_table *now, const struct sgr_relation *before,
                    struct sgr_error *error) {
    size_t keys = 0, keys_now = 0;
    for (size_t i = 0; i < now->relation.column_count; i++)
        keys_now += now->relation.columns[i].key;
    for (size_t i = 0; i < before->column_count; i++) {
        const struct sgr_relation_column *old = &before->columns[i],
                                         *column = find(&now->relation, old->name);
        if (old->unused)
            continue; /* and no key */
        if (!column)
            return sgr_error_set(error, SGR_EFATAL,
                                 "column %s of %s.%s is gone since the start (dropped or renamed)",
                                 old->name, before->schema, before->table);
        if (column->type != old->type || column->element != old->element ||
            strcmp(column->type_name, old->type_name) != 0)
            return sgr_error_set(error, SGR_EFATAL,
                                 "column %s of %s.%s was %s at the start and is %s now", old->name,
                                 before->schema, before->table, old->type_name, column->type_name);
        keys += old->key && column->key;
        keys_now += old->key && !column->key;
    }
    if (keys != keys_now)
        return sgr_error_set(error, SGR_EFATAL, "the key of %s.%s is another one than at the start",
                             before->schema, before->table);
    return SGR_OK;
}
