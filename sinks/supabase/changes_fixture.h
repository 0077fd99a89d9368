/* A table, a sink that follows it, and channels that ask for its changes. */
#ifndef SINKS_SUPABASE_CHANGES_FIXTURE_H
#define SINKS_SUPABASE_CHANGES_FIXTURE_H

#include "fixture.h"

#include "base/utf8.h"

#define TOPIC "\"topic\":\"realtime:a\""
#define JOIN_AS(token, changes)                                                                    \
    "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"config\":{\"presence\":{\"enabled\":false}," \
    "\"postgres_changes\":[" changes "]},\"access_token\":" token                                  \
    "},\"ref\":\"1\",\"join_ref\":\"1\"}"
#define JOIN(changes)    JOIN_AS("null", changes)
#define TODOS            "\"schema\":\"public\",\"table\":\"todos\""
#define ALL              "{\"event\":\"*\"," TODOS "}"
#define FILTERED(filter) "{\"event\":\"*\"," TODOS ",\"filter\":\"" filter "\"}"
#define SYSTEM(status, text)                                                                   \
    "{\"event\":\"system\",\"payload\":{\"channel\":\"a\",\"extension\":\"postgres_changes\"," \
    "\"message\":\"" text "\",\"status\":\"" status "\"},\"ref\":null," TOPIC "}"
#define FLOWS SYSTEM("ok", "Subscribed to PostgreSQL")
#define COLUMNS                                                                                \
    "\"columns\":[{\"name\":\"id\",\"type\":\"int8\"},{\"name\":\"owner\",\"type\":\"text\"}," \
    "{\"name\":\"done\",\"type\":\"bool\"},{\"name\":\"price\",\"type\":\"numeric\"},{"        \
    "\"name\":\"at\",\"type\":\"timestamptz\"},{\"name\":\"tags\",\"type\":\"_text\"},{"       \
    "\"name\":\"meta\",\"type\":\"jsonb\"}],"
#define TAIL(type) "," TODOS ",\"type\":\"" type "\"}"
#define CHANGED(ids, data)                                                                       \
    "{\"event\":\"postgres_changes\",\"payload\":{\"data\":" data ",\"ids\":[" ids "]},\"ref\":" \
    "null," TOPIC "}"
#define STAMP "\"commit_timestamp\":\"2022-10-19T13:50:18.900Z\",\"errors\":null,"

enum { ID, OWNER, DONE, PRICE, AT, TAGS, META, COLUMN_COUNT };

static struct sgr_relation_column columns[] = {
    [ID] = {.name = "id", .type_name = "int8", .type = SGR_INT8, .type_modifier = -1, .key = true},
    [OWNER] = {.name = "owner", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1},
    [DONE] = {.name = "done", .type_name = "bool", .type = SGR_BOOL, .type_modifier = -1},
    [PRICE] = {.name = "price", .type_name = "numeric", .type = SGR_NUMERIC, .type_modifier = -1},
    [AT] = {.name = "at", .type_name = "timestamptz", .type = SGR_TIMESTAMPTZ, .type_modifier = -1},
    [TAGS] = {.name = "tags",
              .type_name = "_text",
              .type = SGR_ARRAY,
              .element = SGR_TEXT,
              .type_modifier = -1},
    [META] = {.name = "meta", .type_name = "jsonb", .type = SGR_JSONB, .type_modifier = -1}};
static struct sgr_relation todos = {.schema = "public",
                                    .table = "todos",
                                    .columns = columns,
                                    .column_count = COLUMN_COUNT,
                                    .identity = SGR_IDENTITY_DEFAULT,
                                    .id = 1};

static inline void open_with(const char *options) {
    struct sgr_error error = {0};
    assert_int_equal(open_sink(options, &error), 0);
    asked.comparisons = asked.renderings = 0;
    state(SGR_STREAM_FLOWING, NULL);
}

static inline int setup(void **unused) {
    (void)unused;
    open_with("{ source: db, secure: false }");
    return 0;
}

static inline int setup_rows(void **unused) {
    (void)unused;
    open_with("{ source: db, secret: s, rows: { public.todos: 'owner = $claims.sub' } }");
    return 0;
}

static inline int teardown(void **unused) {
    (void)unused;
    close_sink();
    assert_int_equal(host.blocks, 0);
    return 0;
}

/* ---- Rows ---- */

struct values {
    struct sgr_field fields[COLUMN_COUNT];
};

static inline struct values row(const char *id, const char *owner) {
    struct values values;
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        values.fields[i] = null_field();
    values.fields[ID] = text_field(id);
    if (owner)
        values.fields[OWNER] = text_field(owner);
    return values;
}

static inline struct values with(struct values values, size_t column, const char *text) {
    values.fields[column] = text_field(text);
    return values;
}

static inline void insert(struct values new) {
    struct sgr_change change = {.kind = SGR_INSERT, .relation = &todos, .new_fields = new.fields};
    transact(&change, 1, 1);
}

static inline void update(enum sgr_old_kind kind, struct values old, struct values new) {
    struct sgr_change change = {.kind = SGR_UPDATE,
                                .old_kind = kind,
                                .relation = &todos,
                                .old_fields = kind ? old.fields : NULL,
                                .new_fields = new.fields};
    transact(&change, 1, 1);
}

static inline void delete (enum sgr_old_kind kind, struct values old) {
    struct sgr_change change = {
        .kind = SGR_DELETE, .old_kind = kind, .relation = &todos, .old_fields = old.fields};
    transact(&change, 1, 1);
}

static inline struct sgr_connection *enter(const char *token, const char *vsn) {
    struct sgr_request upgrade = {.apikey = token, .vsn = vsn};
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    assert_int_equal(upgrade.status, 101);
    return upgrade.connection;
}

static inline struct sgr_connection *joined_as(const char *token, const char *join) {
    struct sgr_connection *connection = enter(token, "1.0.0");
    say(connection, join);
    connection->next = connection->count;
    return connection;
}

static inline struct sgr_connection *joined(const char *join) {
    return joined_as(NULL, join);
}

static inline size_t heard(struct sgr_connection *connection) {
    size_t count = connection->count - connection->next;
    connection->next = connection->count;
    return count;
}

#define JOIN_SINCE(position, changes)                                                \
    "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"since\":\"" position           \
    "\",\"config\":{\"presence\":{\"enabled\":false},\"postgres_changes\":[" changes \
    "]}},\"ref\":\"1\",\"join_ref\":\"1\"}"

static inline size_t count_of(const struct sgr_connection *connection, const char *text) {
    size_t count = 0;
    for (size_t i = 0; i < connection->count; i++)
        count += strstr(connection->frames[i]->data, text) != NULL;
    return count;
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ROWS_TEST(name) cmocka_unit_test_setup_teardown(name, setup_rows, teardown)

#endif
