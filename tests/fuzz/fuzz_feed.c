/* Fuzzes what a Supabase feed and PostgREST may send: messages, events of both forms, rows.
 *
 * What must hold beside sanity of memory: what is taken for JSON is JSON to jansson too, and the members found in it are those it finds. */
#include <jansson.h>
#include <stdlib.h>

#include "../../sources/supabase/change.h"
#include "../../sources/supabase/frame.h"
#include "../../sources/supabase/raw.h"

static char names[][2] = {"a", "b", "c", "d", "e"};
static struct sgr_relation_column columns[] = {
    {.name = names[0], .type_name = "int8", .type = SGR_INT8, .type_modifier = -1, .key = true},
    {.name = names[1], .type_name = "text", .type = SGR_TEXT, .type_modifier = -1},
    {.name = names[2],
     .type_name = "_text",
     .type = SGR_ARRAY,
     .element = SGR_TEXT,
     .type_modifier = -1},
    {.name = names[3], .type_name = "jsonb", .type = SGR_JSONB, .type_modifier = -1},
    {.name = names[4],
     .type_name = "numeric",
     .type = SGR_NUMERIC,
     .type_modifier = (12 << 16 | 4) + 4},
};
static uint16_t by_name[] = {0, 1, 2, 3, 4};
static struct table table = {
    .description = {.schema = "public", .table = "t", .columns = columns, .column_count = 5},
    .by_name = by_name};
static struct change_reader reader;

static void touch(const struct sgr_field *fields) {
    volatile char sum = 0;
    for (size_t i = 0; fields && i < 5; i++)
        for (size_t j = 0; fields[i].kind == SGR_FIELD_TEXT && j < fields[i].size; j++)
            sum ^= fields[i].data[j];
}

static void read_change(struct sgr_slice payload, bool today) {
    struct sgr_change change;
    enum change_doubt doubt;
    if (change_read(&reader, &table, payload, today, &change, &doubt, NULL) ||
        doubt >= CHANGE_ROW_UNTOLD)
        return;
    touch(change.new_fields);
    touch(change.old_fields);
}

static size_t brackets(struct sgr_slice text) {
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '[' || text.data[i] == '{';
    return count;
}

/* jansson refuses more: numbers that a double cannot hold, text that is no UTF-8. But it takes a NUL for the end. */
static void compare(struct sgr_slice text, bool valid) {
    json_t *json = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct raw_walk walk = raw_walk(text);
    struct sgr_slice name, value;
    size_t count = 0;
    if (json && !valid && brackets(text) < 500 && !memchr(text.data, 0, text.size))
        abort();
    for (; valid && raw_next(&walk, &name, &value); count++)
        if (!raw_valid(value))
            abort();
    if (valid && json_is_array(json) && json_array_size(json) != count)
        abort();
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sgr_slice text = {(const char *)data, size};
    const struct sgr_field *fields;
    struct frame frame;
    bool valid = raw_valid(text);
    compare(text, valid);
    if (!valid)
        return 0;
    if (frame_read(text, &frame)) {
        frame_ref(&frame);
        read_change(frame.payload, false);
        read_change(frame.payload, true);
        change_tells_key(&table, frame.payload);
    }
    read_change(text, true);
    if (!change_read_row(&reader, &table, text, &fields, NULL))
        touch(fields);
    return 0;
}
