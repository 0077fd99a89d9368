#include "link.h"

#include <stdlib.h>

#include "failure.h"
#include "target.h"

enum { ROUNDS_A_TURN = 64 }; /* of about 16 KB each */

enum phase {
    CONNECTING,
    IDLE,
    QUERYING,  /* results are coming */
    COPYING,   /* rows are, then a result */
    STREAMING, /* rows are, for ever */
    DEAD,      /* lost; the owner knows */
};

struct link {
    struct link_owner owner;
    const struct link_target *target;
    PGconn *connection;
    struct sgr_watch *watch;
    struct sgr_timer *timer; /* until ready: the time limit; then: reads on in another turn */
    enum phase phase;
    bool ready, writing, held, resting, streamed;
    bool closed;    /* by the owner, from a callback */
    unsigned depth; /* of callbacks from the loop; freed at 0 once closed */
    int64_t delay;
    int64_t sender_timeout;
    link_row *row;
    link_answer *answer;
    void *data;
    void (*dry)(void *data);
    void *dry_data;
    PGresult *result; /* of the query: the first error, or the last result */
};

static void disconnect(struct link *link) {
    link->owner.host->watch_free(link->watch);
    link->owner.host->timer_free(link->timer);
    PQclear(link->result);
    PQfinish(link->connection);
    link->watch = NULL;
    link->timer = NULL;
    link->result = NULL;
    link->connection = NULL;
}

static void lose(struct link *link, struct sgr_error *error) {
    if (link->phase == DEAD || link->closed)
        return;
    link->phase = DEAD;
    link_target_redact(link->target, error->message);
    sgr_error_context(error, "%s", link->target->name);
    disconnect(link);
    link->owner.lost(link->owner.data, error);
}

static void lose_connection(struct link *link) {
    struct sgr_error error;
    failure_of_connection(link->connection, &error);
    lose(link, &error);
}

static bool dead(const struct link *link) {
    return link->closed || link->phase == DEAD;
}

static void watch_again(struct link *link) {
    if (dead(link) || link->phase == CONNECTING)
        return;
    bool reading = !link->held && !link->resting;
    unsigned events = (reading ? SGR_WATCH_READ : 0) | (link->writing ? SGR_WATCH_WRITE : 0);
    link->owner.host->watch_change(link->watch, events);
}

static void flush(struct link *link) {
    int left = PQflush(link->connection);
    if (left < 0) {
        lose_connection(link);
        return;
    }
    if (link->writing == (left > 0))
        return;
    link->writing = left > 0;
    watch_again(link);
}

/* ---- Rows ---- */

/* False: this was not the last of it, but the link is no longer in a copy. */
static bool take_row(struct link *link, char *bytes, int size) {
    struct sgr_error error;
    int code = link->row(link->data, bytes, (size_t)size, &error);
    PQfreemem(bytes);
    if (code)
        lose(link, &error);
    return !dead(link);
}

/* Hands on what has been read. *ret_rows counts; false: the copy is over, or the link. */
static bool drain(struct link *link, unsigned *ret_rows) {
    *ret_rows = 0;
    while (!link->held) {
        char *bytes;
        int size = PQgetCopyData(link->connection, &bytes, 1);
        if (size == 0)
            return true;
        if (size == -2) {
            lose_connection(link);
            return false;
        }
        if (size == -1) {
            link->phase = QUERYING;
            return false;
        }
        if (!take_row(link, bytes, size))
            return false;
        ++*ret_rows;
    }
    return true;
}

static void rest(struct link *link, int64_t delay) {
    link->resting = true;
    watch_again(link);
    link->owner.host->timer_arm(link->timer, delay);
}

/* Reads until the socket is dry or the turn is over. False: the copy is over, or the link. */
static bool pump(struct link *link) {
    unsigned rows, all = 0;
    for (unsigned round = 0; round < ROUNDS_A_TURN && !link->held; round++) {
        if (!drain(link, &rows))
            return false;
        all += rows;
        if (link->held)
            return true;
        if (round && !rows) {
            if (all && link->delay && link->phase == STREAMING)
                rest(link, link->delay);
            if (link->dry)
                link->dry(link->dry_data);
            return true;
        }
        if (!PQconsumeInput(link->connection)) {
            lose_connection(link);
            return false;
        }
    }
    if (!link->held)
        rest(link, 0);
    return true;
}

/* ---- Results ---- */

static void answer(struct link *link, const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    struct sgr_error error;
    bool failed =
        status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_BOTH;
    if (failed) {
        failure_of_result(result, &error);
        link_target_redact(link->target, error.message);
    }
    link->answer(link->data, result, failed ? &error : NULL);
}

static void finish_query(struct link *link) {
    PGresult *result = link->result;
    link->result = NULL;
    if (PQstatus(link->connection) == CONNECTION_BAD || !result || link->streamed) {
        struct sgr_error error;
        if (result && PQresultErrorField(result, PG_DIAG_SQLSTATE))
            failure_of_result(result, &error);
        else if (link->streamed)
            sgr_error_set(&error, SGR_EUNAVAILABLE, "the server ended the stream");
        else
            failure_of_connection(link->connection, &error);
        lose(link, &error);
    } else {
        link->phase = IDLE;
        answer(link, result);
    }
    PQclear(result);
}

/* The first error counts, or the last result. */
static void keep_result(struct link *link, PGresult *result) {
    ExecStatusType status = PQresultStatus(link->result);
    if (link->result && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        PQclear(result);
        return;
    }
    PQclear(link->result);
    link->result = result;
}

static void collect(struct link *link) {
    while (!dead(link) && link->phase == QUERYING && !PQisBusy(link->connection)) {
        PGresult *result = PQgetResult(link->connection);
        ExecStatusType status = PQresultStatus(result);
        if (!result) {
            finish_query(link);
        } else if (status == PGRES_COPY_OUT && link->row) {
            link->phase = COPYING;
            PQclear(result);
            pump(link);
        } else if (status == PGRES_COPY_BOTH && link->row) {
            link->phase = STREAMING;
            link->streamed = true;
            answer(link, result);
            PQclear(result);
            if (!dead(link))
                pump(link);
        } else {
            keep_result(link, result);
        }
    }
}

static void read_on(struct link *link) {
    if (link->held)
        return;
    if (!PQconsumeInput(link->connection)) {
        lose_connection(link);
        return;
    }
    if ((link->phase == COPYING || link->phase == STREAMING))
        pump(link);
    if (!dead(link))
        collect(link);
}

/* ---- Connecting ---- */

static void settings_known(void *data, const PGresult *result, const struct sgr_error *error) {
    struct link *link = data;
    if (error) {
        struct sgr_error copy = *error;
        lose(link, &copy);
        return;
    }
    link->sender_timeout = strtoll(PQgetvalue(result, 0, 0), NULL, 10) * 1000;
    link->ready = true;
    link->owner.host->timer_cancel(link->timer);
    link->owner.ready(link->owner.data);
}

/* Settings that older servers do not know cannot stand in the connection's options. */
static void connected(struct link *link) {
    static const char sql[] =
        "SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'),"
        " (SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = "
        "'idle_session_timeout')";
    struct sgr_error error;
    PQsetErrorVerbosity(link->connection, PQERRORS_DEFAULT);
    PQsetnonblocking(link->connection, 1);
    link->phase = IDLE;
    if (link_query(link, sql, NULL, settings_known, link, &error))
        lose(link, &error);
}

static void on_event(void *data, unsigned events);

/* libpq may change its socket between any two polls. */
static int watch_socket(struct link *link, unsigned events) {
    link->owner.host->watch_free(link->watch);
    link->watch = link->owner.host->watch(link->owner.host_data, PQsocket(link->connection), events,
                                          on_event, link);
    return link->watch ? SGR_OK : SGR_ENOMEM;
}

static void connect_on(struct link *link) {
    PostgresPollingStatusType status = PQconnectPoll(link->connection);
    if (status == PGRES_POLLING_FAILED) {
        lose_connection(link);
        return;
    }
    unsigned events = status == PGRES_POLLING_WRITING ? SGR_WATCH_WRITE : SGR_WATCH_READ;
    if (watch_socket(link, events)) {
        struct sgr_error error;
        sgr_error_set(&error, SGR_ENOMEM, "out of memory for a connection");
        lose(link, &error);
    } else if (status == PGRES_POLLING_OK) {
        connected(link);
    }
}

/* ---- From the loop ---- */

static void leave(struct link *link) {
    if (--link->depth == 0 && link->closed)
        free(link);
}

static void on_event(void *data, unsigned events) {
    struct link *link = data;
    link->depth++;
    if (link->phase == CONNECTING) {
        connect_on(link);
    } else {
        if (events & SGR_WATCH_WRITE)
            flush(link);
        if (!dead(link) && (events & SGR_WATCH_READ))
            read_on(link);
    }
    leave(link);
}

static void on_timer(void *data) {
    struct link *link = data;
    link->depth++;
    if (!link->ready) {
        struct sgr_error error;
        sgr_error_set(&error, SGR_EUNAVAILABLE, "no answer from the server in time");
        lose(link, &error);
    } else {
        link->resting = false;
        watch_again(link);
        read_on(link);
    }
    leave(link);
}

static void quiet(void *data, const char *message) {
    struct link *link = data;
    int size = (int)strcspn(message, "\n");
    link->owner.host->common.log(link->owner.host_data, SGR_LOG_DEBUG, "server: %.*s", size,
                                 message);
}

/* ---- For the owner ---- */

static int begin_connecting(struct link *link, bool replication, int64_t timeout,
                            struct sgr_error *error) {
    const struct link_target *target = link->target;
    const char *keywords[target->count + 2], *values[target->count + 2];
    memcpy(keywords, target->keywords, target->count * sizeof(*keywords));
    memcpy(values, target->values, target->count * sizeof(*values));
    keywords[target->count] = replication ? "replication" : NULL;
    values[target->count] = "database";
    keywords[target->count + 1] = NULL;
    link->connection = PQconnectStartParams(keywords, values, 0);
    link->timer = link->owner.host->timer(link->owner.host_data, on_timer, link);
    if (!link->connection || !link->timer)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    PQsetNoticeProcessor(link->connection, quiet, link);
    PQsetErrorVerbosity(link->connection, PQERRORS_VERBOSE);
    if (PQstatus(link->connection) == CONNECTION_BAD) {
        failure_of_connection(link->connection, error);
        link_target_redact(link->target, error->message);
        sgr_error_context(error, "%s", link->target->name);
        return error->code;
    }
    if (watch_socket(link, SGR_WATCH_WRITE))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    link->owner.host->timer_arm(link->timer, timeout);
    return SGR_OK;
}

int link_open(const struct link_owner *owner, const struct link_target *target, bool replication,
              int64_t timeout, struct link **ret, struct sgr_error *error) {
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a connection");
    link->owner = *owner;
    link->target = target;
    struct sgr_error own;
    int code = begin_connecting(link, replication, timeout, &own);
    if (code) {
        link_close(link);
        if (error)
            *error = own;
        return code;
    }
    *ret = link;
    return SGR_OK;
}

void link_close(struct link *link) {
    if (!link || link->closed)
        return;
    disconnect(link);
    link->closed = true;
    if (!link->depth)
        free(link);
}

int link_query(struct link *link, const char *sql, link_row *row, link_answer *answered, void *data,
               struct sgr_error *error) {
    if (!sql)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a query");
    if (link->phase != IDLE)
        return sgr_error_set(error, SGR_EINTERNAL, "a connection is asked for two things at once");
    if (!PQsendQuery(link->connection, sql))
        return failure_of_connection(link->connection, error);
    link->phase = QUERYING;
    link->row = row;
    link->answer = answered;
    link->data = data;
    /* A write that fails now shows when the answer is read: the owner is told from the loop, not from within its call. */
    link->writing = PQflush(link->connection) != 0;
    watch_again(link);
    return SGR_OK;
}

int link_send(struct link *link, const char *bytes, size_t size, struct sgr_error *error) {
    if (link->phase != STREAMING)
        return SGR_OK;
    if (PQputCopyData(link->connection, bytes, (int)size) < 0)
        return failure_of_connection(link->connection, error);
    bool writing = PQflush(link->connection) != 0;
    if (writing != link->writing) {
        link->writing = writing;
        watch_again(link);
    }
    return SGR_OK;
}

void link_hold(struct link *link, bool held) {
    if (dead(link) || link->held == held)
        return;
    link->held = held;
    if (!link->ready)
        return;
    if (!held)
        rest(link, 0); /* what was read before waits within libpq, and wakes nobody */
    else
        watch_again(link);
}

void link_on_dry(struct link *link, void (*dry)(void *data), void *data) {
    link->dry = dry;
    link->dry_data = data;
}

void link_set_delay(struct link *link, int64_t delay) {
    link->delay = delay;
}

bool link_idle(const struct link *link) {
    return link && !link->closed && link->phase == IDLE && link->ready;
}

int link_version(const struct link *link) {
    return PQserverVersion(link->connection);
}

int link_backend(const struct link *link) {
    return link && link->connection ? PQbackendPID(link->connection) : 0;
}

int64_t link_sender_timeout(const struct link *link) {
    return link->sender_timeout;
}

void link_last_words(struct link *link, const char *sql) {
    if (link_idle(link) && sql && PQsendQuery(link->connection, sql))
        PQflush(link->connection);
    link_close(link);
}
