#include "snapshot.h"

#include <stdlib.h>

#include "copytext.h"
#include "sql.h"

struct snapshot {
    struct link *link;
    const struct sgr_source_host *host;
    void *host_data;
    struct sgr_relation *const *relations;
    size_t count, next;
    struct sgr_field *fields;
    snapshot_done *done;
    void *data;
};

static int copy_next(struct snapshot *snapshot, struct sgr_error *error);

void snapshot_free(struct snapshot *snapshot) {
    if (!snapshot)
        return;
    free(snapshot->fields);
    free(snapshot);
}

static void finish(struct snapshot *snapshot, const struct sgr_error *error) {
    snapshot_done *done = snapshot->done;
    void *data = snapshot->data;
    snapshot_free(snapshot);
    done(data, error);
}

static int take_row(void *data, char *bytes, size_t size, struct sgr_error *error) {
    struct snapshot *snapshot = data;
    struct sgr_relation *relation = snapshot->relations[snapshot->next];
    int code = copytext_decode(bytes, size, snapshot->fields, relation->column_count, error);
    if (!code)
        code = snapshot->host->snapshot_row(snapshot->host_data, relation, snapshot->fields, error);
    if (!code)
        return SGR_OK;
    sgr_error_context(error, "snapshot of %s.%s", relation->schema, relation->table);
    if (code == SGR_EPARSE || code == SGR_ETYPE || code == SGR_EINTERNAL)
        error->code = SGR_EFATAL;
    return error->code;
}

static void table_copied(void *data, const PGresult *result, const struct sgr_error *error) {
    struct snapshot *snapshot = data;
    struct sgr_error own;
    (void)result;
    snapshot->next++;
    if (error)
        finish(snapshot, error);
    else if (snapshot->next == snapshot->count)
        finish(snapshot, NULL);
    else if (copy_next(snapshot, &own))
        finish(snapshot, &own);
}

static int copy_next(struct snapshot *snapshot, struct sgr_error *error) {
    const struct sgr_relation *relation = snapshot->relations[snapshot->next];
    struct sql sql = {0};
    sql_add(&sql, "COPY (SELECT ");
    for (size_t i = 0; i < relation->column_count; i++) {
        sql_add(&sql, i ? ", " : "");
        if (relation->columns[i].unused)
            sql_add(&sql, "NULL");
        else
            sql_identifier(&sql, relation->columns[i].name);
    }
    sql_add(&sql, " FROM ");
    sql_table(&sql, relation->schema, relation->table);
    sql_add(&sql, ") TO STDOUT");
    int code = link_query(snapshot->link, sql.text, take_row, table_copied, snapshot, error);
    sql_fini(&sql);
    return code;
}

int snapshot_copy(struct link *link, const struct sgr_source_host *host, void *host_data,
                  struct sgr_relation *const *relations, size_t count, snapshot_done *done,
                  void *data, struct snapshot **ret, struct sgr_error *error) {
    size_t width = 1;
    for (size_t i = 0; i < count; i++)
        if (relations[i]->column_count > width)
            width = relations[i]->column_count;
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct sgr_field *fields = calloc(width, sizeof(*fields));
    if (!snapshot || !fields) {
        free(snapshot);
        free(fields);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a snapshot");
    }
    *snapshot = (struct snapshot){.link = link,
                                  .host = host,
                                  .host_data = host_data,
                                  .relations = relations,
                                  .count = count,
                                  .fields = fields,
                                  .done = done,
                                  .data = data};
    int code = copy_next(snapshot, error);
    if (code)
        snapshot_free(snapshot);
    else
        *ret = snapshot;
    return code;
}
