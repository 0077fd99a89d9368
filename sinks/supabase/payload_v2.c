#include "payload_v2.h"

#include <time.h>

#include "payload_v0.h"
#include "value.h"

enum { EPOCH_2000 = 946684800 }; /* seconds from 1970 */

static struct sgr_slice slice_of(const char *text) {
    return (struct sgr_slice){text, strlen(text)};
}

static void put_columns(struct sgr_text *text, const struct columns *columns, const bool *shown) {
    const char *before = "";
    sgr_text_puts(text, "{\"columns\":[");
    for (size_t i = 0; i < columns->count; i++) {
        if (!shown[i])
            continue;
        sgr_text_puts(text, before);
        sgr_text_puts(text, "{\"name\":");
        value_json(text, slice_of(columns->items[i].name));
        sgr_text_puts(text, ",\"type\":");
        value_json(text, slice_of(value_type_name(&columns->items[i])));
        sgr_text_puts(text, "}");
        before = ",";
    }
}

/* To the millisecond. */
static void put_time(struct sgr_text *text, int64_t microseconds) {
    int64_t second = microseconds / 1000000 - (microseconds % 1000000 < 0);
    time_t unix_time = (time_t)second + EPOCH_2000;
    struct tm parts;
    char stamp[48];
    gmtime_r(&unix_time, &parts);
    size_t size = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(stamp + size, sizeof(stamp) - size, ".%03dZ",
             (int)((microseconds - second * 1000000) / 1000));
    sgr_text_puts(text, "],\"commit_timestamp\":\"");
    sgr_text_puts(text, stamp);
    sgr_text_puts(text, "\",\"errors\":null");
}

/* What is no value of its type is shown as the text it is. */
static void put_value(struct sgr_text *text, const struct columns *columns, size_t i,
                      const struct sgr_field *field) {
    struct sgr_slice shown, own = {field->data, field->size};
    if (field->kind == SGR_FIELD_NULL)
        sgr_text_puts(text, "null");
    else if (columns->table->values->json(columns->host, &columns->items[i], own, &shown, NULL))
        value_json(text, own);
    else
        sgr_text_slice(text, shown);
}

/* What the stream does not say is left out. */
static void put_record(struct sgr_text *text, const struct row *row, const bool *shown,
                       const struct sgr_field *(*get)(const struct row *row, size_t column)) {
    const char *before = "{";
    for (size_t i = 0; i < row->columns->count; i++) {
        const struct sgr_field *field = shown[i] ? get(row, i) : NULL;
        if (!field)
            continue;
        sgr_text_puts(text, before);
        value_json(text, slice_of(row->columns->items[i].name));
        sgr_text_puts(text, ":");
        put_value(text, row->columns, i, field);
        before = ",";
    }
    sgr_text_puts(text, before[0] == '{' ? "{}" : "}");
}

void payload_v2(struct sgr_text *text, const struct watch *watch, const struct selection *selection,
                const struct sgr_change *change, int64_t time) {
    struct row row = {.columns = &watch->columns, .change = change};
    put_columns(text, &watch->columns, selection->shown);
    put_time(text, time);
    if (change->kind != SGR_INSERT) {
        sgr_text_puts(text, ",\"old_record\":");
        if (watch_tells_old(watch, change))
            put_record(text, &row, selection->shown, row_old_field);
        else
            sgr_text_puts(text, "{}");
    }
    if (change->kind != SGR_DELETE) {
        sgr_text_puts(text, ",\"record\":");
        put_record(text, &row, selection->shown, row_field);
    }
    sgr_text_puts(text, ",");
    sgr_text_slice(text, watch->table->tail);
    sgr_text_puts(text, payload_event(change->kind));
    sgr_text_puts(text, "\"}");
}
