#include "change.h"

#include <stdlib.h>

#include "raw.h"
#include "value.h"

enum { FIELD_ABSENT = 0 }; /* a kind that no field has in the end */

static const struct sgr_slice unchanged_toast = {"unchanged_toast", 15};

void change_reader_fini(struct change_reader *reader) {
    free(reader->new_fields);
    free(reader->old_fields);
    free(reader->scratch);
    *reader = (struct change_reader){0};
}

static int make_room(struct change_reader *reader, const struct table *table, size_t size,
                     struct sgr_error *error) {
    size_t columns = table->description.column_count;
    size_t wanted = 2 * size + columns * value_room(0);
    if (columns > reader->columns) {
        free(reader->new_fields);
        free(reader->old_fields);
        reader->new_fields = calloc(columns, sizeof(*reader->new_fields));
        reader->old_fields = calloc(columns, sizeof(*reader->old_fields));
        reader->columns = reader->new_fields && reader->old_fields ? columns : 0;
    }
    if (wanted > (size_t)(reader->end - reader->scratch)) {
        free(reader->scratch);
        reader->scratch = malloc(wanted);
        reader->end = reader->scratch ? reader->scratch + wanted : NULL;
    }
    reader->put = reader->scratch;
    if (!reader->columns || !reader->scratch)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a change");
    return SGR_OK;
}

/* ---- Records ---- */

static struct sgr_field read_field(struct change_reader *reader, const struct table *table,
                                   size_t column, struct sgr_slice value, bool today) {
    struct sgr_slice text;
    if (raw_is_null(value) || !table_reads(table, column))
        return (struct sgr_field){.kind = SGR_FIELD_NULL};
    if (today) {
        text = value_text(&table->description.columns[column], value, &reader->put);
    } else if (raw_is_string(value)) {
        text = raw_string(value, reader->put);
        reader->put += text.data == reader->put ? text.size : 0;
    } else {
        text = value; /* no server does */
    }
    return (struct sgr_field){text.data, (uint32_t)text.size, SGR_FIELD_TEXT};
}

/* Columns that the record leaves out are FIELD_ABSENT. */
static void read_record(struct change_reader *reader, const struct table *table,
                        struct sgr_slice record, bool today, struct sgr_field *fields) {
    struct raw_walk walk = raw_walk(record);
    struct sgr_slice name, value;
    memset(fields, 0, table->description.column_count * sizeof(*fields));
    while (raw_is_object(record) && raw_next(&walk, &name, &value)) {
        char *before = reader->put;
        size_t column = table_column(table, raw_string(name, reader->put));
        reader->put = before;
        if (column != SIZE_MAX)
            fields[column] = read_field(reader, table, column, value, today);
    }
}

/* Whether all that somebody reads is there; what nobody does is null then. */
static bool complete(const struct table *table, struct sgr_field *fields) {
    for (size_t i = 0; i < table->description.column_count; i++) {
        if (fields[i].kind != FIELD_ABSENT)
            continue;
        if (table_reads(table, i))
            return false;
        fields[i].kind = SGR_FIELD_NULL;
    }
    return true;
}

static bool field_says(const struct sgr_field *field, struct sgr_slice text) {
    return field->kind == SGR_FIELD_TEXT && field->size == text.size &&
           memcmp(field->data, text.data, text.size) == 0;
}

/* What an UPDATE leaves out has not changed: its old value if that is told, else the one the row has. */
static void repair(const struct table *table, struct sgr_field *fields,
                   const struct sgr_field *old) {
    for (size_t i = 0; i < table->description.column_count; i++) {
        if (fields[i].kind != FIELD_ABSENT && !field_says(&fields[i], unchanged_toast))
            continue;
        bool told = old[i].kind == SGR_FIELD_TEXT && !field_says(&old[i], unchanged_toast);
        fields[i] = told ? old[i] : (struct sgr_field){.kind = SGR_FIELD_UNCHANGED};
    }
}

/* ---- Keys ---- */

static bool has_key(const struct table *table, const struct sgr_field *fields) {
    for (size_t i = 0; i < table->description.column_count; i++)
        if (table->description.columns[i].key && fields[i].kind != SGR_FIELD_TEXT)
            return false;
    return true;
}

static bool same_key(const struct table *table, const struct sgr_field *a,
                     const struct sgr_field *b) {
    for (size_t i = 0; i < table->description.column_count; i++)
        if (table->description.columns[i].key &&
            !field_says(&a[i], (struct sgr_slice){b[i].data, b[i].size}))
            return false;
    return true;
}

static void keep_key(const struct table *table, struct sgr_field *fields) {
    for (size_t i = 0; i < table->description.column_count; i++)
        if (!table->description.columns[i].key)
            fields[i] = (struct sgr_field){.kind = SGR_FIELD_NULL};
}

/* ---- Changes ---- */

static bool left_out(struct sgr_slice payload) {
    struct sgr_slice errors;
    return raw_member(payload, "errors", &errors) && !raw_is_null(errors) &&
           !(raw_is_array(errors) && errors.size == 2);
}

static void read_insert(struct change_reader *reader, struct table *table, struct sgr_slice payload,
                        struct sgr_change *change, enum change_doubt *ret_doubt) {
    if (!complete(table, reader->new_fields) || !has_key(table, reader->new_fields) ||
        left_out(payload))
        *ret_doubt = CHANGE_PART_UNTOLD;
    change->new_fields = reader->new_fields;
}

static void read_update(struct change_reader *reader, struct table *table, struct sgr_slice payload,
                        struct sgr_change *change, enum change_doubt *ret_doubt) {
    bool told = has_key(table, reader->old_fields);
    repair(table, reader->new_fields, reader->old_fields);
    change->new_fields = reader->new_fields;
    if (left_out(payload) || !has_key(table, reader->new_fields)) {
        *ret_doubt = CHANGE_PART_UNTOLD;
    } else if (!told) {
        *ret_doubt = CHANGE_KEY_ASSUMED;
    } else if (!same_key(table, reader->old_fields, reader->new_fields)) {
        keep_key(table, reader->old_fields);
        change->old_kind = SGR_OLD_KEY;
        change->old_fields = reader->old_fields;
    }
}

static void read_delete(struct change_reader *reader, struct table *table,
                        struct sgr_change *change, enum change_doubt *ret_doubt) {
    if (!has_key(table, reader->old_fields))
        *ret_doubt = CHANGE_ROW_UNTOLD;
    keep_key(table, reader->old_fields);
    change->old_kind = SGR_OLD_KEY;
    change->old_fields = reader->old_fields;
}

static enum sgr_change_kind kind_of(struct sgr_slice payload) {
    static const struct {
        const char *name;
        enum sgr_change_kind kind;
    } kinds[] = {{"INSERT", SGR_INSERT},
                 {"UPDATE", SGR_UPDATE},
                 {"DELETE", SGR_DELETE},
                 {"TRUNCATE", SGR_TRUNCATE}};
    struct sgr_slice type;
    if (raw_member(payload, "type", &type))
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
            if (raw_says(type, kinds[i].name))
                return kinds[i].kind;
    return 0;
}

int change_read(struct change_reader *reader, struct table *table, struct sgr_slice payload,
                bool today, struct sgr_change *ret, enum change_doubt *ret_doubt,
                struct sgr_error *error) {
    struct sgr_slice record = {"", 0}, old = record;
    struct sgr_change change = {.kind = kind_of(payload), .relation = table->relation};
    int code = make_room(reader, table, payload.size, error);
    if (code)
        return code;
    if (!change.kind)
        return sgr_error_set(error, SGR_EPROTOCOL, "an event of no known type: %.*s",
                             payload.size > 100 ? 100 : (int)payload.size, payload.data);
    raw_member(payload, "record", &record);
    raw_member(payload, "old_record", &old);
    read_record(reader, table, record, today, reader->new_fields);
    read_record(reader, table, old, today, reader->old_fields);
    *ret_doubt = CHANGE_CERTAIN;
    if (change.kind == SGR_INSERT)
        read_insert(reader, table, payload, &change, ret_doubt);
    else if (change.kind == SGR_UPDATE)
        read_update(reader, table, payload, &change, ret_doubt);
    else if (change.kind == SGR_DELETE)
        read_delete(reader, table, &change, ret_doubt);
    *ret = change;
    return SGR_OK;
}

int change_read_row(struct change_reader *reader, struct table *table, struct sgr_slice record,
                    const struct sgr_field **ret, struct sgr_error *error) {
    int code = make_room(reader, table, record.size, error);
    if (code)
        return code;
    read_record(reader, table, record, false, reader->new_fields);
    if (!complete(table, reader->new_fields) || !has_key(table, reader->new_fields))
        return sgr_error_set(error, SGR_EPROTOCOL, "a row without all of its columns: %.*s",
                             record.size > 100 ? 100 : (int)record.size, record.data);
    *ret = reader->new_fields;
    return SGR_OK;
}

static bool marked(struct sgr_slice column) {
    struct sgr_slice flags, name, flag;
    if (!raw_member(column, "flags", &flags))
        return true;
    struct raw_walk walk = raw_walk(flags);
    while (raw_next(&walk, &name, &flag))
        if (raw_says(flag, "key"))
            return true;
    return false;
}

bool change_tells_key(const struct table *table, struct sgr_slice payload) {
    struct sgr_slice columns, nothing, column, name;
    if (!raw_member(payload, "columns", &columns))
        return true;
    struct raw_walk walk = raw_walk(columns);
    while (raw_next(&walk, &nothing, &column)) {
        char scratch[256];
        if (!raw_member(column, "name", &name) || !raw_is_string(name) ||
            name.size > sizeof(scratch) || marked(column))
            continue;
        size_t number = table_column(table, raw_string(name, scratch));
        if (number != SIZE_MAX && table->description.columns[number].key)
            return false;
    }
    return true;
}
