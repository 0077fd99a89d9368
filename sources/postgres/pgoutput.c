#include "pgoutput.h"

#include <stdlib.h>

#include "wire.h"

static int reserve(void **items, size_t *capacity, size_t count, size_t size,
                   struct sgr_error *error) {
    if (count <= *capacity)
        return SGR_OK;
    void *more = realloc(*items, count * size);
    if (!more)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a change");
    *items = more;
    *capacity = count;
    return SGR_OK;
}

static int read_field(struct wire_reader *reader, struct sgr_field *field,
                      struct sgr_error *error) {
    uint8_t kind = wire_u8(reader);
    *field = (struct sgr_field){.kind = kind};
    switch (kind) {
    case 't':
        field->size = wire_u32(reader);
        field->data = wire_bytes(reader, field->size);
        return SGR_OK;
    case 'n':
    case 'u':
        return SGR_OK;
    default:
        if (reader->cut)
            return SGR_OK;
        return sgr_error_set(error, SGR_EPROTOCOL,
                             "a column's kind is neither null, unchanged nor text but %u", kind);
    }
}

static int read_tuple(struct wire_reader *reader, struct sgr_field **fields, size_t *capacity,
                      struct pgoutput_tuple *ret, struct sgr_error *error) {
    size_t count = wire_u16(reader);
    int code = reserve((void **)fields, capacity, count, sizeof(**fields), error);
    for (size_t i = 0; i < count && !code && !reader->cut; i++)
        code = read_field(reader, &(*fields)[i], error);
    *ret = (struct pgoutput_tuple){*fields, count};
    return code;
}

static int read_new(struct wire_reader *reader, struct pgoutput_scratch *scratch,
                    struct pgoutput_message *message, uint8_t mark, struct sgr_error *error) {
    if (mark != 'N' && !reader->cut)
        return sgr_error_set(error, SGR_EPROTOCOL, "a new row is marked %u", mark);
    return read_tuple(reader, &scratch->new_fields, &scratch->new_capacity,
                      &message->change.new_tuple, error);
}

static int read_old(struct wire_reader *reader, struct pgoutput_scratch *scratch,
                    struct pgoutput_message *message, uint8_t mark, struct sgr_error *error) {
    if (mark != 'K' && mark != 'O')
        return reader->cut ? SGR_OK
                           : sgr_error_set(error, SGR_EPROTOCOL, "an old row is marked %u", mark);
    message->change.old_kind = mark == 'K' ? SGR_OLD_KEY : SGR_OLD_FULL;
    return read_tuple(reader, &scratch->old_fields, &scratch->old_capacity,
                      &message->change.old_tuple, error);
}

static int read_change(struct wire_reader *reader, struct pgoutput_scratch *scratch,
                       struct pgoutput_message *message, struct sgr_error *error) {
    message->change.oid = wire_u32(reader);
    uint8_t mark = wire_u8(reader);
    if (message->kind == PGOUTPUT_INSERT)
        return read_new(reader, scratch, message, mark, error);
    if (message->kind == PGOUTPUT_DELETE)
        return read_old(reader, scratch, message, mark, error);
    if (mark != 'N') {
        int code = read_old(reader, scratch, message, mark, error);
        if (code)
            return code;
        mark = wire_u8(reader);
    }
    return read_new(reader, scratch, message, mark, error);
}

static int read_relation(struct wire_reader *reader, struct pgoutput_scratch *scratch,
                         struct pgoutput_message *message, struct sgr_error *error) {
    message->relation.oid = wire_u32(reader);
    message->relation.schema = wire_string(reader);
    message->relation.table = wire_string(reader);
    message->relation.identity = (char)wire_u8(reader);
    size_t count = wire_u16(reader);
    int code = reserve((void **)&scratch->columns, &scratch->column_capacity, count,
                       sizeof(*scratch->columns), error);
    if (code)
        return code;
    for (size_t i = 0; i < count && !reader->cut; i++) {
        struct pgoutput_column *column = &scratch->columns[i];
        column->key = wire_u8(reader) & 1;
        column->name = wire_string(reader);
        column->type = wire_u32(reader);
        column->modifier = (int32_t)wire_u32(reader);
    }
    message->relation.columns = scratch->columns;
    message->relation.column_count = count;
    return SGR_OK;
}

static int read_truncate(struct wire_reader *reader, struct pgoutput_scratch *scratch,
                         struct pgoutput_message *message, struct sgr_error *error) {
    size_t count = wire_u32(reader);
    uint8_t flags = wire_u8(reader);
    if (count > wire_left(reader) / sizeof(uint32_t)) {
        reader->cut = true;
        return SGR_OK;
    }
    int code = reserve((void **)&scratch->oids, &scratch->oid_capacity, count,
                       sizeof(*scratch->oids), error);
    for (size_t i = 0; i < count && !code; i++)
        scratch->oids[i] = wire_u32(reader);
    message->truncate.oids = scratch->oids;
    message->truncate.count = count;
    message->truncate.cascade = flags & 1;
    message->truncate.restart_identity = flags & 2;
    return code;
}

static void read_type(struct wire_reader *reader, struct pgoutput_message *message) {
    message->type.oid = wire_u32(reader);
    message->type.schema = wire_string(reader);
    message->type.name = wire_string(reader);
}

static void read_begin(struct wire_reader *reader, struct pgoutput_message *message) {
    message->begin.final_lsn = wire_u64(reader);
    message->begin.commit_time = (int64_t)wire_u64(reader);
    message->begin.xid = wire_u32(reader);
}

static void read_commit(struct wire_reader *reader, struct pgoutput_message *message) {
    wire_u8(reader); /* flags, unused */
    message->commit.commit_lsn = wire_u64(reader);
    message->commit.end_lsn = wire_u64(reader);
    message->commit.commit_time = (int64_t)wire_u64(reader);
}

static int read_body(struct wire_reader *reader, struct pgoutput_scratch *scratch,
                     struct pgoutput_message *message, struct sgr_error *error) {
    switch (message->kind) {
    case PGOUTPUT_BEGIN:
        read_begin(reader, message);
        return SGR_OK;
    case PGOUTPUT_COMMIT:
        read_commit(reader, message);
        return SGR_OK;
    case PGOUTPUT_RELATION:
        return read_relation(reader, scratch, message, error);
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE:
        return read_change(reader, scratch, message, error);
    case PGOUTPUT_TRUNCATE:
        return read_truncate(reader, scratch, message, error);
    case PGOUTPUT_TYPE:
        read_type(reader, message);
        return SGR_OK;
    case PGOUTPUT_ORIGIN:
    case PGOUTPUT_MESSAGE:
        reader->at = reader->end;
        return SGR_OK;
    }
    if (reader->cut)
        return SGR_OK;
    return sgr_error_set(error, SGR_EPROTOCOL, "unknown kind of message: %u",
                         (unsigned)message->kind);
}

int pgoutput_decode(const char *bytes, size_t size, struct pgoutput_scratch *scratch,
                    struct pgoutput_message *ret, struct sgr_error *error) {
    struct wire_reader reader = wire_reader(bytes, size);
    struct pgoutput_message message = {.kind = (enum pgoutput_kind)wire_u8(&reader)};
    int code = read_body(&reader, scratch, &message, error);
    if (code)
        return code;
    if (reader.cut)
        return sgr_error_set(error, SGR_EPROTOCOL,
                             "a replication message of %zu bytes ends too soon", size);
    if (wire_left(&reader))
        return sgr_error_set(error, SGR_EPROTOCOL, "a replication message has %zu bytes too many",
                             wire_left(&reader));
    *ret = message;
    return SGR_OK;
}

void pgoutput_scratch_fini(struct pgoutput_scratch *scratch) {
    free(scratch->old_fields);
    free(scratch->new_fields);
    free(scratch->columns);
    free(scratch->oids);
    *scratch = (struct pgoutput_scratch){0};
}
