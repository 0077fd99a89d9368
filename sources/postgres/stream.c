#include "stream.h"

#include <stdlib.h>

#include "wire.h"

enum {
    STATUS_SIZE = 34,
    LONGEST_INTERVAL = 10000000,
    SHORTEST_INTERVAL = 100000,
    PROMPT_INTERVAL = 100000,
    CONFIRM_INTERVAL = 1000,
    SILENCE = 6 /* intervals */
};

struct stream {
    const struct sgr_source_host *host;
    void *host_data;
    struct link *link;
    struct relations *relations;
    struct pgoutput_scratch scratch;
    struct sgr_field *old_fields, *new_fields; /* of relations whose columns are mapped */
    size_t capacity;
    struct sgr_transaction transaction;
    bool open;         /* between the server's Begin and Commit */
    bool begun;        /* the host knows of it */
    bool paused, held; /* by the host; by our owner */
    bool following;
    bool prompt, reporting; /* reporting: status is due soon */
    bool told;              /* by a keepalive how far it is, which we have not confirmed */
    int64_t confirmed;      /* when we last did */
    uint64_t received;      /* end of what the server has sent */
    uint64_t committed;     /* end of the last transaction that went to the host */
    uint64_t durable;
    int64_t heard; /* when the server last sent anything */
    int64_t interval;
    struct sgr_timer *timer;
    int (*announced)(void *data, uint32_t oid, const struct sgr_relation *relation,
                     struct sgr_error *error);
    void (*lost)(void *data, const struct sgr_error *error);
    void *data;
};

/* ---- Our position ---- */

static int send_status(struct stream *stream, bool ask, struct sgr_error *error) {
    char bytes[STATUS_SIZE], *at = bytes;
    at = wire_put(at, 'r', 1);
    at = wire_put(at, stream->received, 8);
    at = wire_put(at, stream->durable, 8);
    at = wire_put(at, stream->durable, 8);
    at = wire_put(at, (uint64_t)stream->host->wall_clock(stream->host_data), 8);
    wire_put(at, ask, 1);
    return link_send(stream->link, bytes, sizeof(bytes), error);
}

int stream_report(struct stream *stream, struct sgr_error *error) {
    return send_status(stream, false, error);
}

void stream_ack(struct stream *stream, uint64_t lsn) {
    if (lsn <= stream->durable)
        return;
    stream->durable = lsn;
    if (!stream->prompt || stream->reporting)
        return;
    stream->reporting = true;
    stream->host->timer_arm(stream->timer, PROMPT_INTERVAL);
}

uint32_t stream_xid(const struct stream *stream) {
    return stream->transaction.xid;
}

uint64_t stream_committed(const struct stream *stream) {
    return stream->committed;
}

uint64_t stream_durable(const struct stream *stream) {
    return stream->durable;
}

static bool listens(const struct stream *stream) {
    return !stream->paused && !stream->held;
}

/* A server that answers nothing, though asked, is gone; while paused we do not listen. */
static void status_due(void *data) {
    struct stream *stream = data;
    int64_t silent = stream->host->now(stream->host_data) - stream->heard;
    struct sgr_error error;
    int code = SGR_OK;
    stream->reporting = false;
    if (!listens(stream))
        stream->heard = stream->host->now(stream->host_data);
    else if (silent > SILENCE * stream->interval)
        code = sgr_error_set(&error, SGR_EUNAVAILABLE, "the server has been silent for %lld s",
                             (long long)(silent / 1000000));
    if (!code)
        code = send_status(stream, listens(stream) && silent >= stream->interval, &error);
    if (code)
        stream->lost(stream->data, &error);
    else
        stream->host->timer_arm(stream->timer, stream->interval);
}

/* A server that does not know that we have received all it sent says so again ahead of the next transaction, which costs that one a write, and the wake of
 * the two of us. So it is told, while nothing is to be done, and not more often than is worth it. */
static void confirm(void *data) {
    struct stream *stream = data;
    struct sgr_error error;
    if (!stream->told || stream->heard - stream->confirmed < CONFIRM_INTERVAL)
        return;
    stream->told = false;
    stream->confirmed = stream->heard;
    if (send_status(stream, false, &error))
        stream->lost(stream->data, &error);
}

/* ---- Changes ---- */

static int begin(struct stream *stream, struct sgr_error *error) {
    if (!stream->open)
        return sgr_error_set(error, SGR_EPROTOCOL, "a change outside of a transaction");
    if (stream->begun)
        return SGR_OK;
    stream->begun = true;
    return stream->host->begin(stream->host_data, &stream->transaction, error);
}

static int reserve(struct stream *stream, size_t count, struct sgr_error *error) {
    if (count <= stream->capacity)
        return SGR_OK;
    struct sgr_field *old_fields = realloc(stream->old_fields, count * sizeof(*old_fields));
    if (old_fields)
        stream->old_fields = old_fields;
    struct sgr_field *new_fields = realloc(stream->new_fields, count * sizeof(*new_fields));
    if (new_fields)
        stream->new_fields = new_fields;
    if (!old_fields || !new_fields)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a change");
    stream->capacity = count;
    return SGR_OK;
}

/* The tuple in the order of the host's columns. */
static const struct sgr_field *in_order(const struct announced *announced,
                                        const struct pgoutput_tuple *tuple,
                                        struct sgr_field *scratch) {
    if (!tuple->count || announced->straight)
        return tuple->count ? tuple->fields : NULL;
    for (size_t i = 0; i < announced->relation->column_count; i++)
        scratch[i] = announced->from[i] == NOWHERE ? (struct sgr_field){.kind = SGR_FIELD_NULL}
                                                   : tuple->fields[announced->from[i]];
    return scratch;
}

/* What a full old row has of values that were not sent again. */
static void complete(const struct announced *announced, const struct sgr_change *change) {
    struct sgr_field *fields =
        (struct sgr_field *)change->new_fields; /* our scratch, or the decoder's */
    if (!fields || change->old_kind != SGR_OLD_FULL)
        return;
    for (size_t i = 0; i < announced->relation->column_count; i++)
        if (fields[i].kind == SGR_FIELD_UNCHANGED)
            fields[i] = change->old_fields[i];
}

static int check_width(const struct announced *announced, const struct pgoutput_tuple *tuple,
                       struct sgr_error *error) {
    if (!tuple->count || tuple->count == announced->width)
        return SGR_OK;
    return sgr_error_set(error, SGR_EPROTOCOL, "a row of %zu columns for a relation of %u",
                         tuple->count, announced->width);
}

static int find(struct stream *stream, uint32_t oid, const struct announced **ret,
                struct sgr_error *error) {
    *ret = relations_find(stream->relations, oid);
    if (!*ret)
        return sgr_error_set(error, SGR_EPROTOCOL,
                             "a change of relation %u, which was never announced", oid);
    return SGR_OK;
}

static int check_refused(const struct announced *announced, struct sgr_error *error) {
    if (!announced->refused)
        return SGR_OK;
    return sgr_error_set(error, SGR_ELOST,
                         "rows of a table whose rows a sink limits come by the name of %s.%s",
                         announced->relation->schema, announced->relation->table);
}

static int on_change(struct stream *stream, const struct pgoutput_message *message,
                     struct sgr_error *error) {
    const struct announced *announced;
    int code = find(stream, message->change.oid, &announced, error);
    if (code || !announced->relation)
        return code;
    code = check_refused(announced, error);
    if (code)
        return code;
    code = check_width(announced, &message->change.old_tuple, error);
    if (!code)
        code = check_width(announced, &message->change.new_tuple, error);
    if (!code)
        code = reserve(stream, announced->relation->column_count, error);
    if (!code)
        code = begin(stream, error);
    if (code)
        return code;
    struct sgr_change change = {
        .kind = (enum sgr_change_kind)message->kind,
        .old_kind = message->change.old_kind,
        .relation = announced->relation,
        .new_fields = in_order(announced, &message->change.new_tuple, stream->new_fields),
        .old_fields = in_order(announced, &message->change.old_tuple, stream->old_fields)};
    if (!stream->following)
        complete(announced, &change);
    return stream->host->change(stream->host_data, &change, error);
}

static int on_truncate(struct stream *stream, const struct pgoutput_message *message,
                       struct sgr_error *error) {
    for (size_t i = 0; i < message->truncate.count; i++) {
        const struct announced *announced;
        int code = find(stream, message->truncate.oids[i], &announced, error);
        if (!code && announced->relation)
            code = begin(stream, error);
        if (code)
            return code;
        if (!announced->relation)
            continue;
        struct sgr_change change = {.kind = SGR_TRUNCATE,
                                    .relation = announced->relation,
                                    .cascade = message->truncate.cascade,
                                    .restart_identity = message->truncate.restart_identity};
        code = stream->host->change(stream->host_data, &change, error);
        if (code)
            return code;
    }
    return SGR_OK;
}

static int on_begin(struct stream *stream, const struct pgoutput_message *message,
                    struct sgr_error *error) {
    if (stream->open)
        return sgr_error_set(error, SGR_EPROTOCOL, "a transaction begins within another one");
    stream->open = true;
    stream->transaction = (struct sgr_transaction){.xid = message->begin.xid,
                                                   .commit_lsn = message->begin.final_lsn,
                                                   .end_lsn = message->begin.final_lsn,
                                                   .commit_time = message->begin.commit_time};
    return SGR_OK;
}

static void pause_now(struct stream *stream) {
    if (stream->paused && (stream->following || !stream->open))
        link_hold(stream->link, true);
}

static int on_commit(struct stream *stream, const struct pgoutput_message *message,
                     struct sgr_error *error) {
    if (!stream->open)
        return sgr_error_set(error, SGR_EPROTOCOL, "a transaction ends that never began");
    stream->open = false;
    stream->transaction.commit_lsn = message->commit.commit_lsn;
    stream->transaction.end_lsn = message->commit.end_lsn;
    stream->transaction.commit_time = message->commit.commit_time;
    if (message->commit.end_lsn > stream->received)
        stream->received = message->commit.end_lsn;
    int code = SGR_OK;
    if (stream->begun) {
        stream->committed = message->commit.end_lsn;
        code = stream->host->commit(stream->host_data, &stream->transaction, error);
        stream->begun = code != 0;
    } else {
        stream->host->advance(stream->host_data, message->commit.end_lsn);
    }
    relations_settle(stream->relations);
    pause_now(stream);
    return code;
}

static int on_relation(struct stream *stream, const struct pgoutput_message *message,
                       struct sgr_error *error) {
    uint32_t oid = message->relation.oid;
    int code = relations_announce(stream->relations, message, error);
    if (code || !stream->announced)
        return code;
    return stream->announced(stream->data, oid, relations_find(stream->relations, oid)->relation,
                             error);
}

static int dispatch(struct stream *stream, const struct pgoutput_message *message,
                    struct sgr_error *error) {
    switch (message->kind) {
    case PGOUTPUT_BEGIN:
        return on_begin(stream, message, error);
    case PGOUTPUT_COMMIT:
        return on_commit(stream, message, error);
    case PGOUTPUT_RELATION:
        return on_relation(stream, message, error);
    case PGOUTPUT_TYPE:
        return relations_name_type(stream->relations, message, error);
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE:
        return on_change(stream, message, error);
    case PGOUTPUT_TRUNCATE:
        return on_truncate(stream, message, error);
    default:
        return SGR_OK;
    }
}

/* ---- Messages ---- */

static int on_data(struct stream *stream, struct wire_reader *reader, struct sgr_error *error) {
    struct pgoutput_message message;
    uint64_t start = wire_u64(reader);
    wire_u64(reader); /* the server's end of log */
    wire_u64(reader); /* its clock */
    if (reader->cut)
        return sgr_error_set(error, SGR_EPROTOCOL, "a replication message ends within its header");
    if (start > stream->received)
        stream->received = start;
    int code = pgoutput_decode(reader->at, wire_left(reader), &stream->scratch, &message, error);
    if (!code)
        code = dispatch(stream, &message, error);
    if (code)
        sgr_error_context(error, "transaction %u at %X/%X", stream->transaction.xid,
                          (unsigned)(start >> 32), (unsigned)start);
    return code;
}

static int on_keepalive(struct stream *stream, struct wire_reader *reader,
                        struct sgr_error *error) {
    uint64_t end = wire_u64(reader);
    wire_u64(reader); /* the server's clock */
    bool asked = wire_u8(reader);
    if (reader->cut)
        return sgr_error_set(error, SGR_EPROTOCOL, "a keepalive is too short");
    if (end > stream->received)
        stream->received = end;
    if (!stream->open) {
        stream->host->advance(stream->host_data, end);
        if (stream->durable >= stream->committed)
            stream_ack(stream, end);
    }
    stream->told = !asked;
    return asked ? send_status(stream, false, error) : SGR_OK;
}

/* A change the host cannot take was not as we described the table: only a new look and a new snapshot can help. What ends the engine
 * stays as it is. */
static int judge(int code, struct sgr_error *error) {
    if (code == SGR_EPARSE || code == SGR_ETYPE || code == SGR_EINTERNAL || code == SGR_EPROTOCOL)
        error->code = SGR_EUNAVAILABLE;
    return code ? error->code : code;
}

int stream_message(void *data, char *bytes, size_t size, struct sgr_error *error) {
    struct stream *stream = data;
    struct wire_reader reader = wire_reader(bytes, size);
    uint8_t kind = wire_u8(&reader);
    stream->heard = stream->host->now(stream->host_data);
    if (kind == 'w')
        return judge(on_data(stream, &reader, error), error);
    if (kind == 'k')
        return judge(on_keepalive(stream, &reader, error), error);
    return judge(
        sgr_error_set(error, SGR_EPROTOCOL, "unknown kind of replication message: %u", kind),
        error);
}

/* ---- Life ---- */

void stream_pause(struct stream *stream, bool paused) {
    stream->paused = paused;
    if (paused)
        pause_now(stream);
    else
        link_hold(stream->link, stream->held);
}

void stream_hold(struct stream *stream, bool held) {
    stream->held = held;
    link_hold(stream->link, !listens(stream));
}

void stream_refuse(struct stream *stream, uint32_t oid) {
    relations_refuse(stream->relations, oid);
}

/* wal_sender_timeout / 3, but not more than 10 s. */
static int64_t status_interval(int64_t timeout) {
    int64_t interval = timeout / 3;
    if (interval <= 0 || interval > LONGEST_INTERVAL)
        return LONGEST_INTERVAL;
    return interval < SHORTEST_INTERVAL ? SHORTEST_INTERVAL : interval;
}

int stream_new(const struct stream_setup *setup, struct stream **ret, struct sgr_error *error) {
    struct stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        relations_free(setup->relations);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a stream");
    }
    *stream =
        (struct stream){.host = setup->host,
                        .host_data = setup->host_data,
                        .link = setup->link,
                        .relations = setup->relations,
                        .received = setup->position,
                        .committed = setup->position,
                        .durable = setup->durable,
                        .prompt = setup->prompt,
                        .following = setup->relations && relations_following(setup->relations),
                        .heard = setup->host->now(setup->host_data),
                        .interval = status_interval(link_sender_timeout(setup->link)),
                        .announced = setup->announced,
                        .lost = setup->lost,
                        .data = setup->data};
    stream->timer = setup->host->timer(setup->host_data, status_due, stream);
    if (!stream->timer || !setup->relations) {
        stream_free(stream);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a stream");
    }
    link_on_dry(stream->link, confirm, stream);
    stream->host->timer_arm(stream->timer, stream->interval);
    if (setup->paused)
        stream_pause(stream, true);
    *ret = stream;
    return SGR_OK;
}

void stream_free(struct stream *stream) {
    if (!stream)
        return;
    if (stream->begun)
        stream->host->abort(stream->host_data);
    link_on_dry(stream->link, NULL, NULL);
    stream->host->timer_free(stream->timer);
    relations_free(stream->relations);
    pgoutput_scratch_fini(&stream->scratch);
    free(stream->old_fields);
    free(stream->new_fields);
    free(stream);
}
