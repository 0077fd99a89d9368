#include "session.h"

#include <stdlib.h>

#include "holders.h"
#include "publication.h"
#include "snapshot.h"
#include "sql.h"
#include "stream.h"

enum { FIRST_LOOK = 500000, NEXT_LOOK = 5000000 }; /* at what holds the slot up */

struct session {
    struct session_setup setup;
    struct link *catalog_link, *replication_link;
    struct catalog_reader *reader;
    struct publication *publication;
    struct snapshot *snapshot;
    struct catalog *catalog; /* as the snapshot has it */
    struct stream *stream;
    struct sgr_timer *timer; /* while the slot is waited for */
    char slot[64], snapshot_name[64], system[64];
    uint64_t position;
    bool in_snapshot; /* the host knows of it */
    bool over, paused;
};

/* ---- The end ---- */

static void close_all(struct session *session) {
    stream_free(session->stream);
    catalog_reader_free(session->reader);
    publication_free(session->publication);
    snapshot_free(session->snapshot);
    session->stream = NULL;
    session->reader = NULL;
    session->publication = NULL;
    session->snapshot = NULL;
    session->setup.host->timer_free(session->timer);
    session->timer = NULL;
    if (session->in_snapshot)
        session->setup.host->abort(session->setup.host_data);
    session->in_snapshot = false;
    link_close(session->replication_link);
    link_close(session->catalog_link);
    session->replication_link = session->catalog_link = NULL;
}

static void end(void *data, const struct sgr_error *error) {
    struct session *session = data;
    struct sgr_error copy = *error;
    if (session->over)
        return;
    session->over = true;
    close_all(session);
    session->setup.over(session->setup.data, &copy);
}

/* Ends the session if there is an error; true: it is over. */
static bool ended(struct session *session, const struct sgr_error *error) {
    if (error)
        end(session, error);
    return error != NULL;
}

static void tell(struct session *session, enum sgr_source_state state,
                 const struct sgr_error *error) {
    session->setup.host->state(session->setup.host_data, state, error);
}

static int query(struct session *session, struct link *link, struct sql *sql, link_answer *answer,
                 struct sgr_error *error) {
    int code = link_query(link, sql->text, NULL, answer, session, error);
    sql_fini(sql);
    return code;
}

/* ---- 6. The stream ---- */

static void streaming(void *data, const PGresult *result, const struct sgr_error *error) {
    struct session *session = data;
    (void)result;
    if (ended(session, error))
        return;
    link_set_delay(session->replication_link, session->setup.batch_delay);
    tell(session, SGR_SOURCE_STREAMING, NULL);
    if (!session->over && session->paused)
        stream_pause(session->stream, true);
}

static int message(void *data, char *bytes, size_t size, struct sgr_error *error) {
    struct session *session = data;
    return stream_message(session->stream, bytes, size, error);
}

static int start_stream(struct session *session, struct sgr_error *error) {
    struct stream_setup setup = {.host = session->setup.host,
                                 .host_data = session->setup.host_data,
                                 .link = session->replication_link,
                                 .relations =
                                     relations_new(session->setup.relations, session->catalog),
                                 .position = session->position,
                                 .durable = session->position,
                                 .lost = end,
                                 .data = session};
    int code = stream_new(&setup, &session->stream, error);
    if (code)
        return code;
    struct sql sql = {0}, publication = {0};
    sql_identifier(&publication, session->setup.publication);
    sql_add(&sql, "START_REPLICATION SLOT ");
    sql_identifier(&sql, session->slot);
    sql_add(&sql, " LOGICAL %X/%X (proto_version '1', publication_names ",
            (unsigned)(session->position >> 32), (unsigned)session->position);
    sql_literal(&sql, publication.text ? publication.text : "");
    sql_add(&sql, ")");
    code = link_query(session->replication_link, sql.text, message, streaming, session, error);
    sql_fini(&publication);
    sql_fini(&sql);
    return code;
}

/* ---- 5. The snapshot ---- */

static void copied(void *data, const struct sgr_error *error) {
    struct session *session = data;
    struct sgr_error own;
    session->snapshot = NULL;
    if (ended(session, error))
        return;
    link_last_words(session->catalog_link, "COMMIT");
    session->catalog_link = NULL;
    session->in_snapshot = false;
    int code = session->setup.host->end_snapshot(session->setup.host_data, session->position, &own);
    if (!code)
        code = start_stream(session, &own);
    if (code)
        end(session, &own);
}

static int check_snapshot(struct session *session, struct sgr_error *error) {
    const struct catalog *catalog = session->catalog;
    int code = catalog_check(catalog, session->setup.bypass_row_security, error);
    for (size_t i = 0; i < catalog->count && !code; i++) {
        const struct sgr_relation *relation = session->setup.relations[i];
        code = catalog_compare(&catalog->tables[i], relation, error);
        if (!code && catalog->tables[i].rewritten)
            code = sgr_error_set(error, SGR_EUNAVAILABLE,
                                 "%s.%s was rewritten while its snapshot was about to be taken",
                                 relation->schema, relation->table);
    }
    return code;
}

static int copy_tables(struct session *session, struct sgr_error *error) {
    char epoch[160];
    const struct session_setup *setup = &session->setup;
    snprintf(epoch, sizeof(epoch), "%s/%X-%X", session->system, (unsigned)(session->position >> 32),
             (unsigned)session->position);
    int code = check_snapshot(session, error);
    if (code)
        return code;
    session->in_snapshot = true;
    code = setup->host->begin_snapshot(setup->host_data, epoch, error);
    if (code)
        return code;
    return snapshot_copy(session->catalog_link, setup->host, setup->host_data, setup->relations,
                         setup->count, copied, session, &session->snapshot, error);
}

static void seen_again(void *data, struct catalog *catalog, const struct sgr_error *error) {
    struct session *session = data;
    struct sgr_error own;
    session->reader = NULL;
    if (ended(session, error))
        return;
    catalog_free(session->catalog);
    session->catalog = catalog;
    if (copy_tables(session, &own))
        end(session, &own);
}

static int look(struct session *session, catalog_done *done, struct sgr_error *error) {
    const struct session_setup *setup = &session->setup;
    struct catalog_name *names = calloc(setup->count + 1, sizeof(*names));
    if (!names)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for the catalog");
    for (size_t i = 0; i < setup->count; i++)
        names[i] = (struct catalog_name){setup->relations[i]->schema, setup->relations[i]->table};
    int code = catalog_read(session->catalog_link, setup->host, setup->host_data, names,
                            setup->count, done, session, &session->reader, error);
    free(names);
    return code;
}

/* Rights can be given, but a snapshot that is gone needs another slot. */
static void imported(void *data, const PGresult *result, const struct sgr_error *error) {
    struct session *session = data;
    struct sgr_error own;
    if (error) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        own = *error;
        own.code = state && strcmp(state, "42501") == 0 ? SGR_EFATAL : SGR_EUNAVAILABLE;
        end(session, &own);
    } else if (look(session, seen_again, &own)) {
        end(session, &own);
    }
}

/* The locks keep a table from being rewritten between the look at the catalog and its COPY. They are taken when nobody waits for us:
 * before the slot, they could wait for each other with a transaction that the slot waits for. */
static int import_snapshot(struct session *session, struct sgr_error *error) {
    struct sql sql = {0};
    tell(session, SGR_SOURCE_SNAPSHOT, NULL);
    sql_add(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ");
    sql_literal(&sql, session->snapshot_name);
    sql_add(&sql, "; LOCK TABLE ");
    for (size_t i = 0; i < session->setup.count; i++) {
        sql_add(&sql, i ? ", " : "");
        sql_table(&sql, session->setup.relations[i]->schema, session->setup.relations[i]->table);
    }
    sql_add(&sql, " IN ACCESS SHARE MODE");
    return query(session, session->catalog_link, &sql, imported, error);
}

/* ---- 4. The slot ---- */

static void slot_made(void *data, const PGresult *result, const struct sgr_error *error) {
    struct session *session = data;
    unsigned high, low;
    struct sgr_error own;
    if (ended(session, error))
        return;
    session->setup.host->timer_cancel(session->timer);
    if (PQnfields(result) < 3 || sscanf(PQgetvalue(result, 0, 1), "%X/%X", &high, &low) != 2) {
        sgr_error_set(&own, SGR_EUNAVAILABLE,
                      "the server's answer about the slot is not understood");
        end(session, &own);
        return;
    }
    session->position = (uint64_t)high << 32 | low;
    snprintf(session->snapshot_name, sizeof(session->snapshot_name), "%s",
             PQgetvalue(result, 0, 2));
    /* A look at what holds the slot up may still be under way; its answer goes on from here then. */
    if (link_idle(session->catalog_link) && import_snapshot(session, &own))
        end(session, &own);
}

static void holders_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct session *session = data;
    struct sgr_error own;
    if (ended(session, error))
        return;
    if (session->position) {
        if (import_snapshot(session, &own))
            end(session, &own);
        return;
    }
    holders_describe(result, &own);
    tell(session, SGR_SOURCE_WAITING, &own);
    if (!session->over)
        session->setup.host->timer_arm(session->timer, NEXT_LOOK);
}

static void look_at_holders(void *data) {
    struct session *session = data;
    struct sgr_error error;
    if (link_idle(session->catalog_link) &&
        link_query(session->catalog_link, holders_sql, NULL, holders_known, session, &error))
        end(session, &error);
}

/* Unique as long as its walsender lives, which is as long as it lives itself. */
static int make_slot(struct session *session, struct sgr_error *error) {
    const struct session_setup *setup = &session->setup;
    struct sql sql = {0};
    snprintf(session->slot, sizeof(session->slot), "sangre_%d_%08x",
             link_backend(session->replication_link),
             (unsigned)setup->host->random(setup->host_data));
    sql_add(&sql, "CREATE_REPLICATION_SLOT ");
    sql_identifier(&sql, session->slot);
    sql_add(&sql, " TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT");
    int code = query(session, session->replication_link, &sql, slot_made, error);
    if (!code)
        setup->host->timer_arm(session->timer, FIRST_LOOK);
    return code;
}

/* ---- 3. The replication link ---- */

static void identified(void *data, const PGresult *result, const struct sgr_error *error) {
    struct session *session = data;
    struct sgr_error own;
    if (ended(session, error))
        return;
    snprintf(session->system, sizeof(session->system), "%s/%s", PQgetvalue(result, 0, 0),
             PQgetvalue(result, 0, 1));
    if (make_slot(session, &own))
        end(session, &own);
}

static void replication_ready(void *data) {
    struct session *session = data;
    struct sgr_error error;
    if (link_query(session->replication_link, "IDENTIFY_SYSTEM", NULL, identified, session, &error))
        end(session, &error);
}

static int open_link(struct session *session, bool replication, void (*ready)(void *data),
                     struct link **ret, struct sgr_error *error) {
    struct link_owner owner = {.host = session->setup.host,
                               .host_data = session->setup.host_data,
                               .ready = ready,
                               .lost = end,
                               .data = session};
    return link_open(&owner, session->setup.target, replication, session->setup.connect_timeout,
                     ret, error);
}

/* ---- 2. The publication ---- */

static void published(void *data, const struct sgr_error *error) {
    struct session *session = data;
    struct sgr_error own;
    session->publication = NULL;
    if (ended(session, error))
        return;
    if (open_link(session, true, replication_ready, &session->replication_link, &own))
        end(session, &own);
}

static void seen(void *data, struct catalog *catalog, const struct sgr_error *error) {
    struct session *session = data;
    const struct session_setup *setup = &session->setup;
    struct sgr_error own;
    session->reader = NULL;
    if (ended(session, error))
        return;
    session->catalog = catalog;
    int code = catalog_check(catalog, setup->bypass_row_security, &own);
    if (!code)
        code = publication_ensure(session->catalog_link, setup->host, setup->host_data,
                                  setup->publication, catalog, published, session,
                                  &session->publication, &own);
    if (code)
        end(session, &own);
}

/* ---- 1. The catalog link ---- */

static void catalog_ready(void *data) {
    struct session *session = data;
    struct sgr_error error;
    if (look(session, seen, &error))
        end(session, &error);
}

/* ---- Life ---- */

int session_new(const struct session_setup *setup, struct session **ret, struct sgr_error *error) {
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a session");
    session->setup = *setup;
    session->paused = setup->paused;
    session->timer = setup->host->timer(setup->host_data, look_at_holders, session);
    int code = session->timer
                   ? open_link(session, false, catalog_ready, &session->catalog_link, error)
                   : sgr_error_set(error, SGR_ENOMEM, "out of memory for a session");
    if (code)
        session_free(session);
    else
        *ret = session;
    return code;
}

bool session_is_over(const struct session *session) {
    return session->over;
}

void session_pause(struct session *session, bool paused) {
    session->paused = paused;
    if (session->stream)
        stream_pause(session->stream, paused);
}

void session_ack(struct session *session, uint64_t lsn) {
    if (session->stream)
        stream_ack(session->stream, lsn);
}

/* A walsender that waits for transactions to end does not notice that we are gone. */
static void end_waiting(struct session *session) {
    struct sql sql = {0};
    if (session->position || !session->slot[0] || !link_idle(session->catalog_link))
        return;
    sql_add(&sql, "SELECT pg_terminate_backend(%d)", link_backend(session->replication_link));
    link_last_words(session->catalog_link, sql.text);
    session->catalog_link = NULL;
    sql_fini(&sql);
}

void session_free(struct session *session) {
    if (!session)
        return;
    if (!session->over) {
        session->over = true;
        if (session->stream)
            stream_report(session->stream, NULL);
        end_waiting(session);
    }
    close_all(session);
    catalog_free(session->catalog);
    free(session);
}
