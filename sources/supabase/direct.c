#include "direct.h"

#include <libpq-fe.h>
#include <sangre/text.h>
#include <stdlib.h>

/* One snapshot for all tables, and the texts of values that the host takes for canonical. */
static const char preamble[] =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL DateStyle = ISO; "
    "SET LOCAL IntervalStyle = postgres; SET LOCAL extra_float_digits = 3; "
    "SET LOCAL bytea_output = hex; SET LOCAL TimeZone = UTC";

struct direct {
    const struct service *service;
    struct rows_owner owner;
    struct rows_wanted wanted;
    PGconn *connection;
    struct sgr_watch *watch;
    struct sgr_timer *
        patience; /* from one sign of life to the next; at first, so that nobody is called at once */
    struct sgr_text statement;
    struct sgr_field *fields;
    size_t table; /* the one being read */
    enum { OPENING, CONNECTING, BEGINNING, READING } phase;
};

static const struct sgr_source_host *host_of(const struct direct *direct) {
    return direct->service->host;
}

static bool over(struct direct *direct, const struct sgr_error *error) {
    direct->owner.done(direct->owner.data, error);
    return false;
}

static int trimmed(const char *message) {
    size_t size = strlen(message);
    while (size && (message[size - 1] == '\n' || message[size - 1] == ' '))
        size--;
    return size > 300 ? 300 : (int)size;
}

/* Functions that may end the reading return false then, and it is not to be touched any more. */
static bool broken(struct direct *direct) {
    struct sgr_error error;
    const char *message = PQerrorMessage(direct->connection);
    sgr_error_set(&error, SGR_EUNAVAILABLE, "conninfo: %.*s", trimmed(message), message);
    return over(direct, &error);
}

/* By SQLSTATE: what names are wrong, what passes. */
static bool refused(struct direct *direct, const PGresult *result) {
    static const char *const passing[] = {"08", "40", "53", "55", "57", "58"};
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorMessage(result);
    struct sgr_error error;
    int code = state && strncmp(state, "42", 2) == 0 && strcmp(state, "42501") != 0 ? SGR_ENOTFOUND
                                                                                    : SGR_EFATAL;
    for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
        if (!state || strncmp(state, passing[i], 2) == 0)
            code = SGR_EUNAVAILABLE;
    sgr_error_set(&error, code, "Postgres: %.*s", trimmed(message), message);
    return over(direct, &error);
}

/* ---- Statements ---- */

static void put_name(struct sgr_text *text, const char *name) {
    sgr_text_puts(text, "\"");
    for (; *name; name++)
        sgr_text_add(text, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    sgr_text_puts(text, "\"");
}

static void put_select(struct direct *direct, const struct table *table) {
    const struct sgr_relation *description = &table->description;
    struct sgr_text *text = &direct->statement;
    const char *comma = "SELECT ";
    sgr_text_clear(text);
    for (size_t i = 0; i < description->column_count; i++) {
        if (!table_reads(table, i))
            continue;
        sgr_text_puts(text, comma);
        put_name(text, description->columns[i].name);
        comma = ", ";
    }
    sgr_text_puts(text, " FROM ");
    put_name(text, description->schema);
    sgr_text_puts(text, ".");
    put_name(text, description->table);
    sgr_text_puts(text, direct->wanted.look ? " LIMIT 0" : "");
    sgr_text_add(text, "", 1);
}

static bool next_table(struct direct *direct) {
    while (direct->table < direct->wanted.count && !direct->wanted.tables[direct->table].wanted)
        direct->table++;
    return direct->table < direct->wanted.count;
}

static bool send_select(struct direct *direct) {
    struct sgr_error error;
    if (!next_table(direct))
        return over(direct, NULL);
    struct table *table = &direct->wanted.tables[direct->table];
    table->pages = 1;
    put_select(direct, table);
    size_t columns = table->description.column_count;
    struct sgr_field *grown = realloc(direct->fields, columns * sizeof(*grown));
    if (grown)
        direct->fields = grown;
    if (!grown || direct->statement.failed) {
        sgr_error_set(&error, SGR_ENOMEM, "out of memory for a statement");
        return over(direct, &error);
    }
    if (!PQsendQuery(direct->connection, direct->statement.data) ||
        !PQsetSingleRowMode(direct->connection))
        return broken(direct);
    return true;
}

/* ---- Rows ---- */

static bool give_row(struct direct *direct, const PGresult *result) {
    struct table *table = &direct->wanted.tables[direct->table];
    struct sgr_error error;
    int at = 0;
    for (size_t i = 0; i < table->description.column_count; i++) {
        bool read = table_reads(table, i);
        direct->fields[i] = (struct sgr_field){.kind = SGR_FIELD_NULL};
        if (read && !PQgetisnull(result, 0, at))
            direct->fields[i] = (struct sgr_field){
                PQgetvalue(result, 0, at), (uint32_t)PQgetlength(result, 0, at), SGR_FIELD_TEXT};
        at += read;
    }
    return !direct->owner.row(direct->owner.data, table, direct->fields, &error) ||
           over(direct, &error);
}

static bool take_result(struct direct *direct, const PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        return give_row(direct, result);
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        return true;
    default:
        return refused(direct, result);
    }
}

/* A statement has ended: the next one. */
static bool go_on(struct direct *direct) {
    if (direct->phase == READING)
        direct->table++;
    direct->phase = READING;
    return send_select(direct);
}

static void take_results(struct direct *direct) {
    if (!PQconsumeInput(direct->connection)) {
        broken(direct);
        return;
    }
    while (!PQisBusy(direct->connection)) {
        PGresult *result = PQgetResult(direct->connection);
        bool on = result ? take_result(direct, result) : go_on(direct);
        PQclear(result);
        if (!on)
            return;
    }
}

/* ---- The connection ---- */

static void ready(void *data, unsigned events);

static int watch_socket(struct direct *direct, unsigned events) {
    host_of(direct)->watch_free(direct->watch);
    direct->watch = host_of(direct)->watch(direct->service->host_data, PQsocket(direct->connection),
                                           events, ready, direct);
    return direct->watch ? SGR_OK : SGR_ENOMEM;
}

/* While it connects, libpq may change its socket. */
static void connect_on(struct direct *direct) {
    PostgresPollingStatusType status = PQconnectPoll(direct->connection);
    unsigned events = status == PGRES_POLLING_WRITING ? SGR_WATCH_WRITE : SGR_WATCH_READ;
    if (status == PGRES_POLLING_FAILED || watch_socket(direct, events)) {
        broken(direct);
        return;
    }
    if (status != PGRES_POLLING_OK)
        return;
    direct->phase = BEGINNING;
    if (!PQsendQuery(direct->connection, preamble))
        broken(direct);
}

static void ready(void *data, unsigned events) {
    struct direct *direct = data;
    (void)events;
    host_of(direct)->timer_arm(direct->patience, direct->service->options->connect_timeout);
    if (direct->phase == CONNECTING)
        connect_on(direct);
    else
        take_results(direct);
}

static void connect_now(struct direct *direct) {
    direct->phase = CONNECTING;
    direct->connection = PQconnectStart(direct->service->options->conninfo);
    struct sgr_error error;
    if (!direct->connection) {
        sgr_error_set(&error, SGR_ENOMEM, "out of memory for a connection");
        over(direct, &error);
    } else if (PQstatus(direct->connection) == CONNECTION_BAD ||
               watch_socket(direct, SGR_WATCH_WRITE)) {
        broken(direct);
    } else {
        host_of(direct)->timer_arm(direct->patience, direct->service->options->connect_timeout);
    }
}

static void out_of_patience(void *data) {
    struct direct *direct = data;
    struct sgr_error error;
    if (direct->phase == OPENING) {
        connect_now(direct);
        return;
    }
    sgr_error_set(&error, SGR_EUNAVAILABLE, "conninfo: Postgres did not answer in time");
    over(direct, &error);
}

int direct_open(const struct service *service, const struct rows_owner *owner,
                const struct rows_wanted *wanted, struct direct **ret, struct sgr_error *error) {
    struct direct *direct = calloc(1, sizeof(*direct));
    if (!direct)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    *direct = (struct direct){.service = service, .owner = *owner, .wanted = *wanted};
    direct->statement = sgr_text_new(&service->host->common, service->host_data);
    direct->patience = service->host->timer(service->host_data, out_of_patience, direct);
    if (!direct->patience) {
        direct_free(direct);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a timer");
    }
    service->host->timer_arm(direct->patience, 0);
    *ret = direct;
    return SGR_OK;
}

void direct_free(struct direct *direct) {
    if (!direct)
        return;
    host_of(direct)->watch_free(direct->watch);
    host_of(direct)->timer_free(direct->patience);
    PQfinish(direct->connection);
    sgr_text_free(&direct->statement);
    free(direct->fields);
    free(direct);
}
