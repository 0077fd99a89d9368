#include "payload_v0.h"

#include <time.h>

#include "value.h"

enum { EPOCH_2000 = 946684800 }; /* seconds from 1970 */

struct sgr_slice payload_time(struct payload_time *time, int64_t microseconds) {
    int64_t second = microseconds / 1000000 - (microseconds % 1000000 < 0);
    if (!time->size || second != time->second) {
        time_t unix_time = (time_t)second + EPOCH_2000;
        struct tm parts;
        gmtime_r(&unix_time, &parts);
        time->size = strftime(time->text, sizeof(time->text), "%Y-%m-%dT%H:%M:%SZ", &parts);
        time->second = second;
    }
    return (struct sgr_slice){time->text, time->size};
}

static void put_value(struct sgr_text *text, const struct table_column *column,
                      const struct sgr_field *field) {
    char scratch[VALUE_SCRATCH];
    if (field->kind == SGR_FIELD_NULL)
        sgr_text_add(text, "null", 4);
    else if (field->kind == SGR_FIELD_UNCHANGED)
        sgr_text_puts(text, "\"unchanged_toast\"");
    else
        value_json(text, value_text(column->type, field, scratch));
}

static void put_record(struct sgr_text *text, const struct table *table,
                       const struct sgr_field *fields) {
    sgr_text_add(text, "{", 1);
    for (size_t i = 0; i < table->count; i++) {
        const struct table_column *column = &table->by_name[i];
        if (i)
            sgr_text_add(text, ",", 1);
        sgr_text_slice(text, column->member);
        put_value(text, column, &fields[column->number]);
    }
    sgr_text_add(text, "}", 1);
}

/* An UPDATE tells a whole old row or nothing of it. */
static void put_old(struct sgr_text *text, const struct table *table,
                    const struct sgr_change *change, bool tells_old) {
    sgr_text_puts(text, "\"old_record\":");
    bool told = change->kind == SGR_DELETE ? change->old_kind != SGR_OLD_NONE
                                           : change->old_kind == SGR_OLD_FULL && tells_old;
    if (told)
        put_record(text, table, change->old_fields);
    else
        sgr_text_puts(text, "{}");
    sgr_text_add(text, ",", 1);
}

static void put_rows(struct sgr_text *text, const struct table *table,
                     const struct sgr_change *change, bool tells_old) {
    sgr_text_puts(text, "\",\"errors\":null,");
    if (change->kind != SGR_INSERT)
        put_old(text, table, change, tells_old);
    if (change->kind != SGR_DELETE) {
        sgr_text_puts(text, "\"record\":");
        put_record(text, table, change->new_fields);
        sgr_text_add(text, ",", 1);
    }
}

const char *payload_event(enum sgr_change_kind kind) {
    switch (kind) {
    case SGR_INSERT:
        return "INSERT";
    case SGR_UPDATE:
        return "UPDATE";
    case SGR_DELETE:
        return "DELETE";
    case SGR_TRUNCATE:
        break;
    }
    return "TRUNCATE";
}

void payload_v0(struct sgr_text *text, const struct table *table, const struct sgr_change *change,
                bool tells_old, struct sgr_slice time) {
    if (change->kind == SGR_TRUNCATE)
        sgr_text_puts(text, "{\"commit_timestamp\":\"");
    else
        sgr_text_slice(text, table->columns);
    sgr_text_slice(text, time);
    if (change->kind == SGR_TRUNCATE)
        sgr_text_puts(text, "\",");
    else
        put_rows(text, table, change, tells_old);
    sgr_text_slice(text, table->tail);
    sgr_text_puts(text, payload_event(change->kind));
    sgr_text_add(text, "\"}", 2);
}
