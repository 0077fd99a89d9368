#include "catalog.h"

#include <sangre/nearest.h>
#include <stdlib.h>

#include "sql.h"

struct catalog_reader {
    struct link *link;
    const struct sgr_source_host *host;
    void *host_data;
    struct catalog *catalog;
    char **schemas, **names; /* asked for */
    size_t missing;          /* the first one that was not found, or SIZE_MAX */
    catalog_done *done;
    void *data;
};

/* ---- Types ---- */

enum sgr_type catalog_type(const char *name, bool built_in) {
    static const struct {
        const char *name;
        enum sgr_type type;
    } types[] = {
        {"bool", SGR_BOOL},         {"int2", SGR_INT2},           {"int4", SGR_INT4},
        {"int8", SGR_INT8},         {"float4", SGR_FLOAT4},       {"float8", SGR_FLOAT8},
        {"numeric", SGR_NUMERIC},   {"text", SGR_TEXT},           {"varchar", SGR_TEXT},
        {"name", SGR_TEXT},         {"char", SGR_TEXT},           {"bpchar", SGR_BPCHAR},
        {"bytea", SGR_BYTEA},       {"date", SGR_DATE},           {"time", SGR_TIME},
        {"interval", SGR_INTERVAL}, {"timestamp", SGR_TIMESTAMP}, {"timestamptz", SGR_TIMESTAMPTZ},
        {"uuid", SGR_UUID},         {"json", SGR_JSON},           {"jsonb", SGR_JSONB}};
    for (size_t i = 0; built_in && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return SGR_OTHER;
}

static bool collates(enum sgr_type type) {
    return type == SGR_TEXT || type == SGR_BPCHAR;
}

static enum sgr_collation collation_of(const struct catalog_reader *reader, char provider,
                                       const char *name, bool is_default) {
    static const char *const bytewise[] = {"C", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic"};
    if (is_default)
        return reader->host->collation(reader->host_data, reader->catalog->provider,
                                       reader->catalog->collation,
                                       reader->catalog->collation_version);
    for (size_t i = 0; i < sizeof(bytewise) / sizeof(bytewise[0]); i++)
        if (provider != 'i' && strcmp(bytewise[i], name) == 0)
            return SGR_COLLATION_C;
    return SGR_COLLATION_UNKNOWN;
}

/* ---- Memory ---- */

static void table_fini(struct catalog_table *table) {
    for (size_t i = 0; i < table->relation.column_count; i++) {
        free((char *)table->relation.columns[i].name);
        free((char *)table->relation.columns[i].type_name);
    }
    free((void *)table->relation.columns);
    free((char *)table->relation.schema);
    free((char *)table->relation.table);
    free(table->types);
}

void catalog_free(struct catalog *catalog) {
    if (!catalog)
        return;
    for (size_t i = 0; i < catalog->count; i++)
        table_fini(&catalog->tables[i]);
    free(catalog->tables);
    free(catalog->collation);
    free(catalog->collation_version);
    free(catalog);
}

void catalog_reader_free(struct catalog_reader *reader) {
    if (!reader)
        return;
    for (size_t i = 0;
         reader->catalog && reader->schemas && reader->names && i < reader->catalog->count; i++) {
        free(reader->schemas[i]);
        free(reader->names[i]);
    }
    free(reader->schemas);
    free(reader->names);
    catalog_free(reader->catalog);
    free(reader);
}

static void finish(struct catalog_reader *reader, const struct sgr_error *error) {
    catalog_done *done = reader->done;
    void *data = reader->data;
    struct catalog *catalog = reader->catalog;
    struct sgr_error copy = error ? *error : (struct sgr_error){0};
    for (size_t i = 0; i < catalog->count; i++) {
        free(reader->schemas[i]);
        free(reader->names[i]);
    }
    free(reader->schemas);
    free(reader->names);
    free(reader);
    if (error)
        catalog_free(catalog);
    done(data, error ? NULL : catalog, error ? &copy : NULL);
}

static void finish_out_of_memory(struct catalog_reader *reader) {
    struct sgr_error error;
    sgr_error_set(&error, SGR_ENOMEM, "out of memory for the catalog");
    finish(reader, &error);
}

/* ---- Asking ---- */

static void ask(struct catalog_reader *reader, struct sql *sql, link_answer *answer) {
    struct sgr_error error;
    int code = link_query(reader->link, sql->text, NULL, answer, reader, &error);
    sql_fini(sql);
    if (code)
        finish(reader, &error);
}

static const char *cell(const PGresult *result, int row, int column) {
    return PQgetvalue(result, row, column);
}

static bool is_true(const PGresult *result, int row, int column) {
    return cell(result, row, column)[0] == 't';
}

static uint32_t number(const PGresult *result, int row, int column) {
    return (uint32_t)strtoul(cell(result, row, column), NULL, 10);
}

/* ---- Columns ---- */

static int add_column(struct catalog_reader *reader, struct catalog_table *table,
                      const PGresult *result, int row) {
    enum {
        OID,
        NAME,
        DECLARED,
        TYPE,
        BUILT_IN,
        ELEMENT,
        ELEMENT_BUILT_IN,
        MODIFIER,
        NOT_NULL,
        KEY,
        DECLARED_NAME,
        PROVIDER,
        COLLATION,
        DEFAULT_COLLATION,
        HAS_COLLATION
    };
    size_t i = table->relation.column_count;
    if (i == table->column_capacity) {
        size_t capacity = i ? i * 2 : 16;
        void *columns =
            realloc((void *)table->relation.columns, capacity * sizeof(struct sgr_relation_column));
        if (columns)
            table->relation.columns = columns;
        uint32_t *types = realloc(table->types, capacity * sizeof(*types));
        if (types)
            table->types = types;
        if (!columns || !types)
            return SGR_ENOMEM;
        table->column_capacity = capacity;
    }
    const char *element = cell(result, row, ELEMENT);
    struct sgr_relation_column column = {
        .name = strdup(cell(result, row, NAME)),
        .type_name = strdup(cell(result, row, DECLARED_NAME)),
        .type = *element ? SGR_ARRAY
                         : catalog_type(cell(result, row, TYPE), is_true(result, row, BUILT_IN)),
        .element = SGR_OTHER,
        .type_modifier = (int32_t)strtol(cell(result, row, MODIFIER), NULL, 10),
        .key = is_true(result, row, KEY),
        .not_null = is_true(result, row, NOT_NULL)};
    if (*element)
        column.element = catalog_type(element, is_true(result, row, ELEMENT_BUILT_IN));
    if (is_true(result, row, HAS_COLLATION))
        column.collation =
            collates(*element ? column.element : column.type)
                ? collation_of(reader, cell(result, row, PROVIDER)[0], cell(result, row, COLLATION),
                               is_true(result, row, DEFAULT_COLLATION))
                : SGR_COLLATION_UNKNOWN;
    ((struct sgr_relation_column *)table->relation.columns)[i] = column;
    table->types[i] = number(result, row, DECLARED);
    table->relation.column_count++;
    return column.name && column.type_name ? SGR_OK : SGR_ENOMEM;
}

static void columns_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct catalog_reader *reader = data;
    if (error) {
        finish(reader, error);
        return;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        for (size_t i = 0; i < reader->catalog->count; i++) {
            struct catalog_table *table = &reader->catalog->tables[i];
            if (table->oid != number(result, row, 0))
                continue;
            if (add_column(reader, table, result, row)) {
                finish_out_of_memory(reader);
                return;
            }
        }
    }
    finish(reader, NULL);
}

/* The key is the replica identity's where it is an index, and the primary key otherwise. A deferrable primary key
 * identifies nothing for replication. Generated columns do not appear in the stream. */
static void ask_columns(struct catalog_reader *reader) {
    struct sql sql = {0};
    sql_add(&sql,
            "WITH RECURSIVE base(declared, oid, modifier) AS ("
            " SELECT oid, oid, -1 FROM pg_type"
            " UNION ALL SELECT b.declared, t.typbasetype, t.typtypmod FROM base b JOIN pg_type t "
            "ON t.oid = b.oid"
            " WHERE t.typtype = 'd')"
            " SELECT a.attrelid, a.attname, a.atttypid, t.typname, t.typnamespace = "
            "'pg_catalog'::regnamespace,"
            " e.typname, e.typnamespace = 'pg_catalog'::regnamespace,"
            " CASE WHEN a.atttypmod = -1 THEN b.modifier ELSE a.atttypmod END, a.attnotnull,"
            " coalesce(a.attnum = ANY (i.indkey), false), d.typname,"
            " l.collprovider, l.collname, l.oid = 100, l.oid IS NOT NULL"
            " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_type d ON d.oid = a.atttypid"
            " JOIN base b ON b.declared = a.atttypid JOIN pg_type t ON t.oid = b.oid AND t.typtype "
            "<> 'd'"
            " LEFT JOIN pg_type r ON r.typarray = t.oid"
            " LEFT JOIN base f ON f.declared = r.oid"
            " LEFT JOIN pg_type e ON e.oid = f.oid AND e.typtype <> 'd'"
            " LEFT JOIN pg_collation l ON l.oid = a.attcollation"
            " LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisvalid AND i.indimmediate"
            " AND CASE WHEN c.relreplident = 'i' THEN i.indisreplident ELSE i.indisprimary END"
            " WHERE a.attnum > 0 AND NOT a.attisdropped AND (r.oid IS NULL OR e.oid IS NOT NULL)%s"
            " AND a.attrelid IN (0",
            link_version(reader->link) >= 120000 ? " AND a.attgenerated = ''" : "");
    for (size_t i = 0; i < reader->catalog->count; i++)
        sql_add(&sql, ", %u", reader->catalog->tables[i].oid);
    sql_add(&sql, ") ORDER BY a.attrelid, a.attnum");
    ask(reader, &sql, columns_known);
}

/* ---- A table that is not there ---- */

static void names_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct catalog_reader *reader = data;
    const char *schema = reader->schemas[reader->missing], *name = reader->names[reader->missing];
    const char *nearest = NULL, *nearest_schema = NULL;
    struct sgr_error own;
    if (error) {
        finish(reader, error);
        return;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        const char *before = nearest;
        sgr_name_nearer(name, cell(result, row, 1), &nearest);
        if (nearest != before)
            nearest_schema = cell(result, row, 0);
    }
    if (nearest)
        sgr_error_set(&own, SGR_ENOTFOUND, "there is no table %s.%s; did you mean %s.%s?", schema,
                      name, nearest_schema, nearest);
    else
        sgr_error_set(&own, SGR_ENOTFOUND, "there is no table %s.%s", schema, name);
    finish(reader, &own);
}

static void ask_names(struct catalog_reader *reader) {
    struct sql sql = {0};
    sql_add(
        &sql,
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT "
        "LIKE 'pg\\_%%'"
        " ORDER BY n.nspname = ");
    sql_literal(&sql, reader->schemas[reader->missing]);
    sql_add(&sql, " DESC, 1, 2 LIMIT 10000");
    ask(reader, &sql, names_known);
}

/* ---- Tables ---- */

static int read_table(struct catalog_table *table, const PGresult *result, int row) {
    enum {
        POSITION,
        OID,
        SCHEMA,
        TABLE,
        KIND,
        PERSISTENCE,
        IDENTITY,
        ROW_SECURITY,
        INHERITED,
        SYSTEM,
        REWRITTEN
    };
    table->oid = number(result, row, OID);
    table->relation.schema = strdup(cell(result, row, SCHEMA));
    table->relation.table = strdup(cell(result, row, TABLE));
    table->relation.identity = (enum sgr_identity)cell(result, row, IDENTITY)[0];
    table->kind = cell(result, row, KIND)[0];
    table->persistence = cell(result, row, PERSISTENCE)[0];
    table->row_security = is_true(result, row, ROW_SECURITY);
    table->inherited = is_true(result, row, INHERITED);
    table->system = is_true(result, row, SYSTEM);
    table->rewritten = is_true(result, row, REWRITTEN);
    return table->relation.schema && table->relation.table ? SGR_OK : SGR_ENOMEM;
}

static void tables_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct catalog_reader *reader = data;
    if (error) {
        finish(reader, error);
        return;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        size_t position = number(result, row, 0);
        if (PQgetisnull(result, row, 1)) {
            reader->missing = position;
            ask_names(reader);
            return;
        }
        if (position < reader->catalog->count &&
            read_table(&reader->catalog->tables[position], result, row)) {
            finish_out_of_memory(reader);
            return;
        }
    }
    ask_columns(reader);
}

/* pg_relation_filenode looks past the transaction's snapshot, pg_class does not: where they differ, a rewrite or a truncation
 * came in between. */
static void ask_tables(struct catalog_reader *reader) {
    struct sql sql = {0};
    sql_add(&sql,
            "SELECT w.position, c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, "
            "c.relreplident,"
            " c.relrowsecurity, c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits WHERE "
            "inhparent = c.oid),"
            " n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast'),"
            " (WITH RECURSIVE tree(oid) AS (SELECT c.oid"
            " UNION ALL SELECT h.inhrelid FROM pg_inherits h JOIN tree t ON h.inhparent = t.oid)"
            " SELECT bool_or(f.relfilenode <> pg_relation_filenode(f.oid)) FROM tree t JOIN "
            "pg_class f ON f.oid = t.oid"
            " WHERE f.relkind = 'r') FROM (VALUES ");
    for (size_t i = 0; i < reader->catalog->count; i++) {
        sql_add(&sql, "%s(%zu, ", i ? ", " : "", i);
        sql_literal(&sql, reader->schemas[i]);
        sql_add(&sql, "::text, "); /* a name would be cut after 63 bytes */
        sql_literal(&sql, reader->names[i]);
        sql_add(&sql, "::text)");
    }
    sql_add(&sql, ") w(position, schema, name) LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid "
                  "= c.relnamespace)"
                  " ON n.nspname = w.schema AND c.relname = w.name ORDER BY 1");
    ask(reader, &sql, tables_known);
}

/* ---- The database ---- */

static void facts_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct catalog_reader *reader = data;
    struct catalog *catalog = reader->catalog;
    if (error) {
        finish(reader, error);
        return;
    }
    catalog->logical = strcmp(cell(result, 0, 0), "logical") == 0;
    catalog->standby = is_true(result, 0, 1);
    catalog->provider = cell(result, 0, 2)[0];
    catalog->collation = strdup(cell(result, 0, 3));
    catalog->collation_version = strdup(cell(result, 0, 4));
    if (!catalog->collation || !catalog->collation_version) {
        finish_out_of_memory(reader);
        return;
    }
    /* Also where no column has it: expressions make text of other types. */
    reader->host->collation(reader->host_data, catalog->provider, catalog->collation,
                            catalog->collation_version);
    if (catalog->count)
        ask_tables(reader);
    else
        finish(reader, NULL);
}

static const char *collation_columns(int version) {
    if (version >= 170000)
        return "datlocprovider, CASE WHEN datlocprovider = 'c' THEN datcollate ELSE datlocale END, "
               "datcollversion";
    if (version >= 150000)
        return "datlocprovider, CASE WHEN datlocprovider = 'c' THEN datcollate ELSE daticulocale "
               "END, datcollversion";
    return "'c', datcollate, ''";
}

static int ask_facts(struct catalog_reader *reader, struct sgr_error *error) {
    struct sql sql = {0};
    sql_add(&sql,
            "SELECT current_setting('wal_level'), pg_is_in_recovery(), %s FROM pg_database"
            " WHERE datname = current_database()",
            collation_columns(link_version(reader->link)));
    int code = link_query(reader->link, sql.text, NULL, facts_known, reader, error);
    sql_fini(&sql);
    return code;
}

static int copy_names(struct catalog_reader *reader, const struct catalog_name *names,
                      size_t count) {
    reader->catalog = calloc(1, sizeof(*reader->catalog));
    reader->schemas = calloc(count + 1, sizeof(*reader->schemas));
    reader->names = calloc(count + 1, sizeof(*reader->names));
    if (!reader->catalog || !reader->schemas || !reader->names)
        return SGR_ENOMEM;
    reader->catalog->tables = calloc(count + 1, sizeof(*reader->catalog->tables));
    if (!reader->catalog->tables)
        return SGR_ENOMEM;
    for (; reader->catalog->count < count; reader->catalog->count++) {
        size_t i = reader->catalog->count;
        reader->schemas[i] = strdup(names[i].schema);
        reader->names[i] = strdup(names[i].table);
        if (!reader->schemas[i] || !reader->names[i]) {
            free(reader->schemas[i]);
            free(reader->names[i]);
            return SGR_ENOMEM;
        }
    }
    return SGR_OK;
}

int catalog_read(struct link *link, const struct sgr_source_host *host, void *host_data,
                 const struct catalog_name *names, size_t count, catalog_done *done, void *data,
                 struct catalog_reader **ret, struct sgr_error *error) {
    struct catalog_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for the catalog");
    *reader = (struct catalog_reader){.link = link,
                                      .host = host,
                                      .host_data = host_data,
                                      .missing = SIZE_MAX,
                                      .done = done,
                                      .data = data};
    int code = copy_names(reader, names, count);
    if (code)
        code = sgr_error_set(error, code, "out of memory for the catalog");
    else {
        reader->catalog->server_version = link_version(link);
        code = ask_facts(reader, error);
    }
    if (code)
        catalog_reader_free(reader);
    else
        *ret = reader;
    return code;
}
