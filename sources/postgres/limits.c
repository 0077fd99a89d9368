#include "limits.h"

#include <stdlib.h>

#include "sql.h"

/* Columns of the answer, and what a row of it says, the faults first. */
enum { WHAT, OID, SCHEMA, TABLE, OTHER };
enum what { SNAPSHOT, MISSING, ROOT, PARTITION, CHILD, HEIR, RELATIVE, LIMITED, FREE, MOVED };

struct known {
    uint32_t oid;
    enum what
        what; /* RELATIVE, LIMITED, FREE, or MOVED: was one of the first two by another name */
    char *schema, *table;
    bool gone;     /* not found by the last look */
    uint32_t left; /* then: the end of the snapshot that first lacked it */
};

struct snapshot { /* of the last look; transactions modulo 2^32 */
    bool taken;
    uint32_t end;      /* this and what is younger was not begun */
    uint32_t *running; /* when it was taken */
    size_t count;
};

struct limits {
    struct limits_setup setup;
    struct snapshot snapshot;
    struct known *items; /* by OID */
    size_t count, capacity;
};

/* ---- Life ---- */

struct limits *limits_new(const struct limits_setup *setup) {
    struct limits *limits = calloc(1, sizeof(*limits));
    if (limits)
        limits->setup = *setup;
    return limits;
}

void limits_forget(struct limits *limits) {
    for (size_t i = 0; i < limits->count; i++) {
        free(limits->items[i].schema);
        free(limits->items[i].table);
    }
    limits->count = 0;
    limits->snapshot.taken = false;
}

static void limits_fini(struct limits *limits) {
    limits_forget(limits);
    free(limits->items);
    free(limits->snapshot.running);
}

void limits_free(struct limits *limits) {
    if (!limits)
        return;
    limits_fini(limits);
    free(limits);
}

/* ---- Asking ---- */

/* As text: a name would be cut after 63 bytes, and be found by the look, but by no row. */
static void add_rules(const struct limits_setup *setup, struct sql *sql) {
    for (size_t i = 0; i < setup->count; i++) {
        sql_add(sql, i ? ", (" : "(");
        sql_literal(sql, setup->names[i].schema);
        sql_add(sql, "::text, ");
        sql_literal(sql, setup->names[i].table);
        sql_add(sql, "::text)");
    }
}

/* Which tables rows come by the names of. Not from pg_publication_tables, which opens tables, and so waits for whoever has locked one. Of a partitioned
 * table it is either that or its partitions, whose own membership counts for nothing if they are below. */
static void add_published(const char *publications, int version, struct sql *sql) {
    sql_add(sql,
            "member(oid, root) AS (SELECT c.oid, %s FROM pg_publication p JOIN pg_class c ON "
            "c.relkind IN ('r', 'p') AND (p.puballtables AND c.relpersistence = 'p' AND c.oid >= "
            "16384 OR EXISTS (SELECT 1 FROM pg_publication_rel r WHERE r.prpubid = p.oid AND "
            "r.prrelid = c.oid)%s) WHERE p.pubname IN (%s)), ",
            version >= 130000 ? "p.pubviaroot" : "false",
            version >= 150000 ? " OR EXISTS (SELECT 1 FROM pg_publication_namespace s WHERE "
                                "s.pnpubid = p.oid AND s.pnnspid = c.relnamespace)"
                              : "",
            publications);
    sql_add(sql,
            "tree(oid, root, below) AS (SELECT oid, root, false FROM member UNION SELECT c.oid, "
            "t.root, true FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid JOIN pg_class c ON "
            "c.oid = i.inhrelid AND c.relispartition), "
            "published AS (SELECT DISTINCT t.oid FROM tree t JOIN pg_class c ON c.oid = t.oid "
            "WHERE CASE WHEN t.root THEN NOT t.below AND t.oid NOT IN (SELECT oid FROM tree WHERE "
            "root AND below) ELSE c.relkind = 'r' END), ");
}

/* A table's kin are those that its rows may come by the names of: what it is a partition of, and what is a partition or a child of it. A parent by
 * plain inheritance is none, for its children's rows have their own names. Those below that have rules of their own are no trouble: their rows come by the names of
 * those. */
static void write_sql(const struct limits_setup *setup, const char *publications, int version,
                      uint32_t announced, struct sql *sql) {
    sql_add(sql, "WITH RECURSIVE rule(schema, name) AS (VALUES ");
    add_rules(setup, sql);
    sql_add(sql, "), ");
    add_published(publications, version, sql);
    sql_add(sql,
            "limited AS (SELECT r.schema, r.name, c.oid, c.relkind FROM rule r LEFT JOIN (pg_class "
            "c JOIN pg_namespace n ON n.oid = c.relnamespace AND c.relkind IN ('r', 'p')) ON "
            "n.nspname = r.schema AND c.relname = r.name), "
            "kin(oid, own, up) AS (SELECT oid, oid, up FROM limited, (VALUES (true), (false)) "
            "d(up) WHERE oid IS NOT NULL UNION SELECT CASE WHEN k.up THEN i.inhparent ELSE "
            "i.inhrelid END, k.own, k.up FROM kin k JOIN pg_inherits i ON CASE WHEN k.up THEN "
            "i.inhrelid = k.oid AND (SELECT relispartition FROM pg_class WHERE oid = k.oid) ELSE "
            "i.inhparent = k.oid END), "
            "relative AS (SELECT * FROM kin WHERE oid <> own AND (up OR oid NOT IN (SELECT oid "
            "FROM limited WHERE oid IS NOT NULL))) ");
    sql_add(sql,
            "SELECT %d AS what, 0::oid AS oid, '' AS schema, '' AS name, "
            "txid_current_snapshot()::text AS other UNION ALL "
            "SELECT %d, 0::oid, schema, name, '' FROM limited WHERE oid IS NULL UNION ALL "
            "SELECT %d, l.oid, l.schema, l.name, quote_ident(p.pubname) FROM limited l JOIN "
            "pg_publication p ON p.pubname IN (%s) AND NOT %s AND (p.puballtables OR EXISTS "
            "(SELECT 1 FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = l.oid)%s) "
            "WHERE l.relkind = 'p' UNION ALL ",
            SNAPSHOT, MISSING, ROOT, publications, version >= 130000 ? "p.pubviaroot" : "false",
            version >= 150000
                ? " OR EXISTS (SELECT 1 FROM pg_publication_namespace s JOIN pg_class c ON "
                  "c.relnamespace = s.pnnspid WHERE s.pnpubid = p.oid AND c.oid = l.oid)"
                : "");
    sql_add(sql,
            "SELECT CASE WHEN k.up THEN %d WHEN c.relispartition THEN %d ELSE %d END, k.oid, "
            "l.schema, l.name, format('%%I.%%I', n.nspname, c.relname) FROM relative k JOIN "
            "published p ON p.oid = k.oid JOIN limited l ON l.oid = k.own JOIN pg_class c ON c.oid "
            "= k.oid JOIN pg_namespace n ON n.oid = c.relnamespace UNION ALL "
            "SELECT DISTINCT %d, c.oid, n.nspname, c.relname, '' FROM relative k JOIN pg_class c "
            "ON c.oid = k.oid JOIN pg_namespace n ON n.oid = c.relnamespace UNION ALL ",
            PARTITION, CHILD, HEIR, RELATIVE);
    sql_add(sql,
            "SELECT CASE WHEN l.oid IS NULL THEN %d ELSE %d END, c.oid, n.nspname, c.relname, '' "
            "FROM (SELECT oid FROM published UNION SELECT oid FROM limited UNION SELECT %u::oid) w "
            "JOIN pg_class c ON "
            "c.oid = w.oid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN limited l ON "
            "l.oid = c.oid WHERE c.oid NOT IN (SELECT oid FROM relative) ORDER BY 1, 2",
            FREE, LIMITED, announced);
}

int limits_ask(const struct limits *limits, struct link *link, uint32_t announced,
               link_answer *answer, void *data, struct sgr_error *error) {
    const struct limits_setup *setup = &limits->setup;
    struct sql sql = {0}, publications = {0};
    sql_literals(&publications, setup->publications, setup->publication_count);
    write_sql(setup, publications.text ? publications.text : "NULL", link_version(link), announced,
              &sql);
    int code = link_query(link, sql.text, NULL, answer, data, error);
    sql_fini(&publications);
    sql_fini(&sql);
    return code;
}

/* ---- Reading ---- */

static int fault(enum what what, const char *schema, const char *table, const char *other,
                 struct sgr_error *error) {
    switch (what) {
    case MISSING:
        return sgr_error_set(error, SGR_EFATAL,
                             "there is no table %s.%s, whose rows a sink is to limit", schema,
                             table);
    case ROOT:
        return sgr_error_set(
            error, SGR_EFATAL,
            "a sink limits the rows of %s.%s, which is partitioned, and publication %s names the "
            "partitions in its place. Run: ALTER PUBLICATION %s SET (publish_via_partition_root = "
            "true)",
            schema, table, other, other);
    case PARTITION:
        return sgr_error_set(error, SGR_EFATAL,
                             "a sink limits the rows of %s.%s, which come by the name of %s that "
                             "it is a partition of: limit that table's",
                             schema, table, other);
    case HEIR:
        return sgr_error_set(error, SGR_EFATAL,
                             "a sink limits the rows of %s.%s, but those in %s, which inherits it, "
                             "come by that name; limit that table's too, or take it out of the "
                             "publication",
                             schema, table, other);
    default:
        return sgr_error_set(error, SGR_EFATAL,
                             "a sink limits the rows of %s.%s, but those in %s come by that name; "
                             "take it out of the publication, or have it name %s.%s "
                             "(publish_via_partition_root)",
                             schema, table, other, schema, table);
    }
}

static size_t place_of(const struct limits *limits, uint32_t oid) {
    size_t from = 0, to = limits->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (limits->items[middle].oid < oid)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct known *find(const struct limits *limits, uint32_t oid) {
    size_t place = place_of(limits, oid);
    return place < limits->count && limits->items[place].oid == oid ? &limits->items[place] : NULL;
}

static int reserve(struct limits *limits) {
    if (limits->count < limits->capacity)
        return SGR_OK;
    size_t capacity = limits->capacity ? limits->capacity * 2 : 64;
    struct known *items = realloc(limits->items, capacity * sizeof(*items));
    if (!items)
        return SGR_ENOMEM;
    limits->items = items;
    limits->capacity = capacity;
    return SGR_OK;
}

/* The first that is said of a relation counts. */
static int add(struct limits *limits, uint32_t oid, enum what what, const char *schema,
               const char *table) {
    size_t place = place_of(limits, oid);
    if (find(limits, oid))
        return SGR_OK;
    struct known known = {
        .oid = oid, .what = what, .schema = strdup(schema), .table = strdup(table)};
    if (!known.schema || !known.table || reserve(limits)) {
        free(known.schema);
        free(known.table);
        return SGR_ENOMEM;
    }
    memmove(&limits->items[place + 1], &limits->items[place],
            (limits->count - place) * sizeof(known));
    limits->items[place] = known;
    limits->count++;
    return SGR_OK;
}

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory for what sinks limit");
}

/* xmin:xmax:running,running,… with their epochs, which we leave out, as the stream does. */
static int read_snapshot(struct snapshot *snapshot, const char *text) {
    const char *end = strchr(text, ':'), *at = end ? strchr(end + 1, ':') : NULL;
    size_t capacity = 1;
    for (const char *c = at; c && *c; c++)
        capacity += *c == ',';
    uint32_t *running = at ? calloc(capacity, sizeof(*running)) : NULL;
    if (!running)
        return SGR_ENOMEM;
    free(snapshot->running);
    *snapshot = (struct snapshot){
        .taken = true, .end = (uint32_t)strtoull(end + 1, NULL, 10), .running = running};
    while (at && at[1]) {
        running[snapshot->count++] = (uint32_t)strtoull(at + 1, NULL, 10);
        at = strchr(at + 1, ',');
    }
    return SGR_OK;
}

static int read_rows(struct limits *limits, const PGresult *result, struct sgr_error *error) {
    for (int row = 0; row < PQntuples(result); row++) {
        enum what what = (enum what)strtol(PQgetvalue(result, row, WHAT), NULL, 10);
        uint32_t oid = (uint32_t)strtoul(PQgetvalue(result, row, OID), NULL, 10);
        const char *schema = PQgetvalue(result, row, SCHEMA);
        const char *table = PQgetvalue(result, row, TABLE);
        const char *other = PQgetvalue(result, row, OTHER);
        if (what > SNAPSHOT && what < RELATIVE)
            return fault(what, schema, table, other, error);
        if (what == SNAPSHOT ? read_snapshot(&limits->snapshot, other)
                             : add(limits, oid, what, schema, table))
            return out_of_memory(error);
    }
    return SGR_OK;
}

static bool has_name(const struct known *known, const char *schema, const char *table) {
    return strcmp(known->schema, schema) == 0 && strcmp(known->table, table) == 0;
}

/* The table that took its name has the rule now, but these rows were limited by it too. */
static int carry_over(struct limits *limits, const struct known *before) {
    struct known *now = find(limits, before->oid);
    if (!now) {
        if (add(limits, before->oid, before->what, before->schema, before->table))
            return SGR_ENOMEM;
        now = find(limits, before->oid);
        now->left = before->gone ? before->left : limits->snapshot.end;
        now->gone = true;
        return SGR_OK;
    }
    bool renamed = !has_name(now, before->schema, before->table);
    if (before->what == MOVED || (before->what != FREE && renamed))
        now->what = MOVED;
    return SGR_OK;
}

int limits_read(struct limits *limits, const PGresult *result, struct sgr_error *error) {
    struct limits fresh = {.setup = limits->setup};
    int code = read_rows(&fresh, result, error);
    for (size_t i = 0; i < limits->count && !code; i++)
        if (carry_over(&fresh, &limits->items[i]))
            code = out_of_memory(error);
    struct limits old = code ? fresh : *limits;
    if (!code)
        *limits = fresh;
    limits_fini(&old);
    return code;
}

/* ---- What the stream announces ---- */

bool limits_cover(const struct limits *limits, uint32_t xid) {
    const struct snapshot *snapshot = &limits->snapshot;
    bool covered = snapshot->taken && (int32_t)(xid - snapshot->end) < 0;
    for (size_t i = 0; i < snapshot->count && covered; i++)
        covered = snapshot->running[i] != xid;
    return covered;
}

enum seen limits_seen(const struct limits *limits, const struct limits_relation *relation) {
    const struct known *known = find(limits, relation->oid);
    if (!limits_cover(limits, relation->xid) || !known)
        return SEEN_NOT;
    if (!has_name(known, relation->schema, relation->table))
        return SEEN_NOT;
    return known->what == LIMITED || known->what == FREE ? SEEN_FINE : SEEN_REFUSED;
}

/* A transaction that began after a table was seen to be gone comes behind the last one that wrote to it. */
static void drop_gone(struct limits *limits, uint32_t xid) {
    size_t kept = 0;
    for (size_t i = 0; i < limits->count; i++) {
        struct known known = limits->items[i];
        if (known.gone && known.what == FREE && (int32_t)(xid - known.left) >= 0) {
            free(known.schema);
            free(known.table);
        } else {
            limits->items[kept++] = known;
        }
    }
    limits->count = kept;
}

/* Of a table that nobody limits, whatever it was called: it is known by that name now. */
static bool rename_known(struct known *known, const struct limits_relation *relation) {
    char *schema = strdup(relation->schema), *table = strdup(relation->table);
    if (!schema || !table) {
        free(schema);
        free(table);
        return false;
    }
    free(known->schema);
    free(known->table);
    known->schema = schema;
    known->table = table;
    return true;
}

/* The log may tell of a table by a name that it had before. One that was made and dropped between two looks may have been anything. */
enum seen limits_settle(struct limits *limits, const struct limits_relation *relation) {
    drop_gone(limits, relation->xid);
    struct known *known = find(limits, relation->oid);
    enum seen seen = limits_seen(limits, relation);
    if (seen != SEEN_NOT)
        return seen;
    if (!known || known->what != FREE)
        return SEEN_REFUSED;
    return rename_known(known, relation) ? SEEN_FINE : SEEN_NOT;
}
