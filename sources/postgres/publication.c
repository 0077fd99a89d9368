#include "publication.h"

#include <stdlib.h>

#include "sql.h"

enum { STATEMENT_SHOWN = 330 }; /* longer ones do not fit an error's message, and are logged */

struct publication {
    struct link *link;
    const struct sgr_source_host *host;
    void *host_data;
    const char *name;
    const struct catalog *catalog;
    publication_done *done;
    void *data;
    bool *holds; /* by table */
    bool exists, again;
    char *statement; /* that makes it right */
};

static void ask_publication(struct publication *publication);

void publication_free(struct publication *publication) {
    if (!publication)
        return;
    free(publication->holds);
    free(publication->statement);
    free(publication);
}

static void finish(struct publication *publication, const struct sgr_error *error) {
    publication_done *done = publication->done;
    void *data = publication->data;
    struct sgr_error copy;
    if (error)
        copy = *error;
    publication_free(publication);
    done(data, error ? &copy : NULL);
}

static void ask(struct publication *publication, const char *sql, link_answer *answer) {
    struct sgr_error error;
    if (link_query(publication->link, sql, NULL, answer, publication, &error))
        finish(publication, &error);
}

/* ---- Changing it ---- */

static void refuse(struct publication *publication, const char *why) {
    struct sgr_error error;
    const char *statement = publication->statement;
    if (strlen(statement) > STATEMENT_SHOWN) {
        publication->host->common.log(publication->host_data, SGR_LOG_WARN, "a DBA has to run: %s",
                                      statement);
        statement = "(the statement is in the log)";
    }
    sgr_error_set(&error, SGR_EFATAL, "publication %s %s. Have a DBA run: %s", publication->name,
                  why, statement);
    finish(publication, &error);
}

static void changed(void *data, const PGresult *result, const struct sgr_error *error) {
    struct publication *publication = data;
    const char *state = error ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!error) {
        publication->host->common.log(publication->host_data, SGR_LOG_INFO, "ran: %s",
                                      publication->statement);
        finish(publication, NULL);
    } else if (state && (strcmp(state, "42501") == 0 || strcmp(state, "25006") == 0)) {
        refuse(publication, publication->exists ? "lacks tables, and this role may not add them"
                                                : "does not exist, and this role may not make it");
    } else if (state && strcmp(state, "42710") == 0 && !publication->again) {
        publication->again = true; /* another one was faster */
        ask_publication(publication);
    } else {
        finish(publication, error);
    }
}

static size_t list_missing(struct publication *publication, struct sql *sql) {
    size_t count = 0;
    for (size_t i = 0; i < publication->catalog->count; i++) {
        const struct sgr_relation *relation = &publication->catalog->tables[i].relation;
        bool repeated = false;
        for (size_t j = 0; j < i && !repeated; j++)
            repeated = publication->catalog->tables[j].oid == publication->catalog->tables[i].oid;
        if (publication->holds[i] || repeated)
            continue;
        sql_add(sql, count++ ? ", " : " ");
        sql_table(sql, relation->schema, relation->table);
    }
    return count;
}

static void change(struct publication *publication) {
    struct sql sql = {0};
    sql_add(&sql, publication->exists ? "ALTER PUBLICATION " : "CREATE PUBLICATION ");
    sql_identifier(&sql, publication->name);
    sql_add(&sql, publication->exists ? " ADD TABLE ONLY" : " FOR TABLE ONLY");
    size_t count = list_missing(publication, &sql);
    if (!publication->exists && link_version(publication->link) >= 130000)
        sql_add(&sql, " WITH (publish_via_partition_root = true)");
    free(publication->statement);
    publication->statement = sql.text;
    if (!count && publication->exists)
        finish(publication, NULL);
    else
        ask(publication, sql.text, changed);
}

/* ---- Looking at it ---- */

static int check_member(struct publication *publication, size_t i, const PGresult *result, int row,
                        struct sgr_error *error) {
    const struct sgr_relation *relation = &publication->catalog->tables[i].relation;
    if (PQgetvalue(result, row, 1)[0] == 't')
        return sgr_error_set(error, SGR_EFATAL,
                             "publication %s has a row filter on %s.%s, so rows would come and go "
                             "unseen; use another publication",
                             publication->name, relation->schema, relation->table);
    if (*PQgetvalue(result, row, 2))
        return sgr_error_set(
            error, SGR_EFATAL,
            "publication %s leaves out columns of %s.%s: %s; use another publication",
            publication->name, relation->schema, relation->table, PQgetvalue(result, row, 2));
    publication->holds[i] = true;
    return SGR_OK;
}

static void members_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct publication *publication = data;
    struct sgr_error own;
    if (error) {
        finish(publication, error);
        return;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        uint32_t oid = (uint32_t)strtoul(PQgetvalue(result, row, 0), NULL, 10);
        for (size_t i = 0; i < publication->catalog->count; i++) {
            if (publication->catalog->tables[i].oid == oid &&
                check_member(publication, i, result, row, &own)) {
                finish(publication, &own);
                return;
            }
        }
    }
    change(publication);
}

static void ask_members(struct publication *publication) {
    struct sql sql = {0};
    sql_add(
        &sql,
        "SELECT c.oid, %s FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = "
        "t.schemaname"
        " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename WHERE t.pubname = ",
        link_version(publication->link) >= 150000
            ? "t.rowfilter IS NOT NULL, array_to_string(ARRAY(SELECT a.attname FROM pg_attribute a "
              "WHERE a.attrelid = c.oid"
              " AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND NOT a.attname "
              "= ANY (t.attnames)), ', ')"
            : "false, ''");
    sql_literal(&sql, publication->name);
    ask(publication, sql.text, members_known);
    sql_fini(&sql);
}

static const struct sgr_relation *partitioned(const struct catalog *catalog) {
    for (size_t i = 0; i < catalog->count; i++)
        if (catalog->tables[i].kind == 'p')
            return &catalog->tables[i].relation;
    return NULL;
}

static void publication_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct publication *publication = data;
    struct sgr_error own;
    if (error) {
        finish(publication, error);
        return;
    }
    publication->exists = PQntuples(result) == 1;
    if (!publication->exists) {
        change(publication);
        return;
    }
    const struct sgr_relation *root = partitioned(publication->catalog);
    if (PQgetvalue(result, 0, 0)[0] != 't') {
        sgr_error_set(&own, SGR_EFATAL,
                      "publication %s leaves out some kinds of changes. Run: ALTER PUBLICATION "
                      "\"%s\" SET (publish = 'insert, update, "
                      "delete, truncate')",
                      publication->name, publication->name);
        finish(publication, &own);
    } else if (root && PQgetvalue(result, 0, 1)[0] != 't') {
        sgr_error_set(&own, SGR_EFATAL,
                      "%s.%s is partitioned, and publication %s names the partitions in its place. "
                      "Run: ALTER PUBLICATION \"%s\" SET "
                      "(publish_via_partition_root = true)",
                      root->schema, root->table, publication->name, publication->name);
        finish(publication, &own);
    } else {
        ask_members(publication);
    }
}

static int ask_first(struct publication *publication, struct sgr_error *error) {
    struct sql sql = {0};
    int version = link_version(publication->link);
    sql_add(
        &sql,
        "SELECT pubinsert AND pubupdate AND pubdelete%s, %s FROM pg_publication WHERE pubname = ",
        version >= 110000 ? " AND pubtruncate" : "", version >= 130000 ? "pubviaroot" : "false");
    sql_literal(&sql, publication->name);
    int code = link_query(publication->link, sql.text, NULL, publication_known, publication, error);
    sql_fini(&sql);
    return code;
}

static void ask_publication(struct publication *publication) {
    struct sgr_error error;
    if (ask_first(publication, &error))
        finish(publication, &error);
}

int publication_ensure(struct link *link, const struct sgr_source_host *host, void *host_data,
                       const char *name, const struct catalog *catalog, publication_done *done,
                       void *data, struct publication **ret, struct sgr_error *error) {
    struct publication *publication = calloc(1, sizeof(*publication));
    bool *holds = calloc(catalog->count + 1, sizeof(*holds));
    if (!publication || !holds) {
        free(publication);
        free(holds);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a publication");
    }
    *publication = (struct publication){.link = link,
                                        .host = host,
                                        .host_data = host_data,
                                        .name = name,
                                        .catalog = catalog,
                                        .done = done,
                                        .data = data,
                                        .holds = holds};
    int code = ask_first(publication, error);
    if (code)
        publication_free(publication);
    else
        *ret = publication;
    return code;
}
