/* postgres_changes: what channels of the second era are sent, and who may see what. */
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

static void open_with(const char *options) {
    struct sgr_error error = {0};
    assert_int_equal(open_sink(options, &error), 0);
    asked.comparisons = asked.renderings = 0;
    state(SGR_STREAM_FLOWING, NULL);
}

static int setup(void **unused) {
    (void)unused;
    open_with("{ source: db, secure: false }");
    return 0;
}

static int setup_rows(void **unused) {
    (void)unused;
    open_with("{ source: db, secret: s, rows: { public.todos: 'owner = $claims.sub' } }");
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    close_sink();
    assert_int_equal(host.blocks, 0);
    return 0;
}

/* ---- Rows ---- */

struct values {
    struct sgr_field fields[COLUMN_COUNT];
};

static struct values row(const char *id, const char *owner) {
    struct values values;
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        values.fields[i] = null_field();
    values.fields[ID] = text_field(id);
    if (owner)
        values.fields[OWNER] = text_field(owner);
    return values;
}

static struct values with(struct values values, size_t column, const char *text) {
    values.fields[column] = text_field(text);
    return values;
}

static void insert(struct values new) {
    struct sgr_change change = {.kind = SGR_INSERT, .relation = &todos, .new_fields = new.fields};
    transact(&change, 1, 1);
}

static void update(enum sgr_old_kind kind, struct values old, struct values new) {
    struct sgr_change change = {.kind = SGR_UPDATE,
                                .old_kind = kind,
                                .relation = &todos,
                                .old_fields = kind ? old.fields : NULL,
                                .new_fields = new.fields};
    transact(&change, 1, 1);
}

static void delete (enum sgr_old_kind kind, struct values old) {
    struct sgr_change change = {
        .kind = SGR_DELETE, .old_kind = kind, .relation = &todos, .old_fields = old.fields};
    transact(&change, 1, 1);
}

static struct sgr_connection *enter(const char *token, const char *vsn) {
    struct sgr_request upgrade = {.apikey = token, .vsn = vsn};
    request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
    assert_int_equal(upgrade.status, 101);
    return upgrade.connection;
}

static struct sgr_connection *joined_as(const char *token, const char *join) {
    struct sgr_connection *connection = enter(token, "1.0.0");
    say(connection, join);
    connection->next = connection->count;
    return connection;
}

static struct sgr_connection *joined(const char *join) {
    return joined_as(NULL, join);
}

static size_t heard(struct sgr_connection *connection) {
    size_t count = connection->count - connection->next;
    connection->next = connection->count;
    return count;
}

/* ---- Payloads ---- */

static void values_are_typed(void **unused) {
    struct sgr_connection *one = joined(JOIN(ALL)), *two = client("2.0.0");
    struct values full = with(with(row("9007199254740993", "a\"b"), DONE, "t"), PRICE, "1.50");
    (void)unused;
    say(two,
        "[\"7\",\"7\",\"realtime:a\",\"phx_join\",{\"config\":{\"postgres_changes\":[" ALL "]}}]");
    two->next = two->count;
    full = with(with(full, AT, "2022-10-19 13:50:18.5+00"), TAGS, "{x,NULL}");
    insert(with(full, META, "{\"a\": [1, null]}"));
#define DATA                                                                                    \
    "{" COLUMNS STAMP "\"record\":{\"id\":9007199254740993,\"owner\":\"a\\\"b\",\"done\":true," \
    "\"price\":1.50,\"at\":\"2022-10-19T13:50:18.5+00:00\",\"tags\":[\"x\",null],\"meta\":{"    \
    "\"a\": [1, null]}}" TAIL("INSERT")
    hears(one, CHANGED("1", DATA));
    hears(two, "[null,null,\"realtime:a\",\"postgres_changes\",{\"data\":" DATA ",\"ids\":[1]}]");
    leave(one);
    leave(two);
}

#define RECORD(id, owner)                                                                        \
    "{\"id\":" id ",\"owner\":" owner ",\"done\":null,\"price\":null,\"at\":null,\"tags\":null," \
    "\"meta\":null}"

static void old_rows_are_told_as_far_as_the_stream_goes(void **unused) {
    struct sgr_connection *one = joined(JOIN(ALL));
    struct values unchanged = row("1", "b");
    (void)unused;
    update(SGR_OLD_NONE, row("1", "a"), row("1", "b"));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":{\"id\":1},\"record\":" RECORD(
                                "1", "\"b\"") TAIL("UPDATE")));
    update(SGR_OLD_KEY, row("1", NULL), row("2", "b"));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":{\"id\":1},\"record\":" RECORD(
                                "2", "\"b\"") TAIL("UPDATE")));
    update(SGR_OLD_FULL, row("1", "a"), row("1", "b"));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":" RECORD(
                                "1", "\"a\"") ",\"record\":" RECORD("1", "\"b\"") TAIL("UPDATE")));
    unchanged.fields[OWNER].kind = SGR_FIELD_UNCHANGED;
    update(SGR_OLD_FULL, row("1", "a"), unchanged);
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":" RECORD(
                                "1", "\"a\"") ",\"record\":" RECORD("1", "\"a\"") TAIL("UPDATE")));
    update(SGR_OLD_NONE, row("1", "a"), unchanged);
    assert_null(strstr(one->frames[one->next++]->data, "owner\":"));
    delete (SGR_OLD_KEY, row("1", NULL));
    hears(one, CHANGED("1", "{" COLUMNS STAMP "\"old_record\":{\"id\":1}" TAIL("DELETE")));
    delete (SGR_OLD_FULL, row("1", "a"));
    hears(one,
          CHANGED("1", "{" COLUMNS STAMP "\"old_record\":" RECORD("1", "\"a\"") TAIL("DELETE")));
    leave(one);
}

static void a_truncate_is_not_sent(void **unused) {
    struct sgr_connection *one = joined(JOIN(ALL));
    struct sgr_change change = {.kind = SGR_TRUNCATE, .relation = &todos};
    (void)unused;
    transact(&change, 1, 1);
    hears_nothing(one);
    leave(one);
}

static void matching_entries_share_a_frame_by_their_columns(void **unused) {
    struct sgr_connection *one = joined(
        JOIN("{\"event\":\"INSERT\",\"schema\":\"public\"}," ALL ",{\"event\":\"DELETE\"," TODOS
             "}," FILTERED("id=eq.1") ",{\"event\":\"*\",\"schema\":\"public\",\"table\":"
                                      "\"todos\",\"select\":[\"owner\"]}"));
    (void)unused;
    insert(row("1", "a"));
    hears(one,
          CHANGED("1,2,4", "{" COLUMNS STAMP "\"record\":" RECORD("1", "\"a\"") TAIL("INSERT")));
    hears(one, CHANGED("5", "{\"columns\":[{\"name\":\"owner\",\"type\":\"text\"}]," STAMP
                            "\"record\":{\"owner\":\"a\"}" TAIL("INSERT")));
    hears_nothing(one);
    insert(row("2", "a"));
    assert_non_null(strstr(one->frames[one->next++]->data, "\"ids\":[1,2]"));
    assert_int_equal(heard(one), 1);
    leave(one);
}

static void entries_name_schemas_tables_and_events(void **unused) {
    static const struct {
        const char *entry;
        size_t inserts;
    } cases[] = {
        {"{\"event\":\"*\",\"schema\":\"*\"}", 1},
        {"{\"event\":\"INSERT\",\"schema\":\"public\",\"table\":\"*\"}", 1},
        {"{\"event\":\"insert\",\"table\":\"todos\"}", 1},
        {"{\"schema\":\"public\",\"filter\":null}", 1},
        {"{\"event\":\"UPDATE\",\"schema\":\"public\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"other\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"public\",\"table\":\"todo\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"*\",\"table\":\"*\",\"filter\":\"nothing=eq.1\"}", 0},
        {"{\"event\":\"*\",\"schema\":\"*\",\"table\":\"*\",\"filter\":\"id=eq.1\"}", 1},
    };
    char join[512];
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(join, sizeof(join), JOIN("%s"), cases[i].entry);
        struct sgr_connection *one = joined(join);
        insert(row("1", "a"));
        if (heard(one) != cases[i].inserts)
            fail_msg("%s", cases[i].entry);
        leave(one);
    }
}

/* ---- Filters ---- */

static void filters_compare_by_type(void **unused) {
    static const struct {
        const char *filter;
        bool
            fits; /* id 7, owner ann, done, price 1.50, at 2022-10-19 13:50 UTC, tags {x}, no meta */
    } cases[] = {
        {"id=eq.7", true},
        {"id=eq.07", true},
        {"id=eq.8", false},
        {"id=neq.8", true},
        {"id=gt.10", false}, /* as text it would */
        {"id=lt.10", true},
        {"id=gte.7,id=lte.7", true},
        {"id=gt.7", false},
        {"price=eq.1.5", true},
        {"price=lt.1.51", true},
        {"at=eq.2022-10-19T15:50:00+02:00", true},
        {"at=lt.2022-10-19", false},
        {"done=eq.true", true},
        {"done=is.true", true},
        {"done=is.false", false},
        {"done=is.unknown", false},
        {"done=not.is.unknown", true},
        {"tags=eq.{x}", true},
        {"owner=in.(bob,ann)", true},
        {"owner=in.(\\\"ann\\\",\\\"b,c\\\")", true},
        {"owner=in.()", false},
        {"owner=not.in.(bob,cat)", true},
        {"id=in.(1,7)", true},
        {"owner=eq.\\\"ann\\\"", true},
        {"owner=eq.an", false},
        {"owner=like.a%", true},
        {"owner=like.A%", false},
        {"owner=like._n_", true},
        {"owner=like.n", false},
        {"owner=ilike.A%N", true},
        {"owner=not.like.a%", false},
        {"owner=match.^a.n$", true},
        {"owner=match.n+", true},
        {"owner=match.^n", false},
        {"owner=imatch.ANN", true},
        {"owner=match.(?i)ANN", true},
        {"owner=gt.aa", true},
        {"owner=isdistinct.bob", true},
        {"owner=isdistinct.ann", false},
        {"owner=isdistinct.null", true},
        {"meta=is.null", true},
        {"meta=not.is.null", false},
        {"meta=isdistinct.{}", true},
        {"meta=eq.{}", false},
        {"meta=not.eq.{}", false}, /* NULL is neither */
        {"id=eq.7,owner=eq.bob", false},
        {" id=eq.7 , owner=eq.ann ", true},
        {"or=(id.eq.1,owner.eq.ann)", true},
        {"or=(id=eq.1,owner=eq.bob)", false},
        {"or=(id.eq.1,and(owner.eq.ann,done.is.true))", true},
        {"or=not.(id.eq.7,owner.eq.bob)", false},
        {"done=is.true,or=(id.in.(7,8),meta.eq.{})", true},
        {"and=(id.eq.7,not.or(owner.eq.bob,owner.like.b%))", true},
        {"", true},
        {"  ", true},
    };
    struct values values =
        with(with(with(row("7", "ann"), DONE, "t"), PRICE, "1.50"), AT, "2022-10-19 13:50:00+00");
    char join[512];
    (void)unused;
    values = with(values, TAGS, "{x}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(join, sizeof(join), JOIN(FILTERED("%s")), cases[i].filter);
        struct sgr_connection *one = joined(join);
        insert(values);
        if (heard(one) != cases[i].fits)
            fail_msg("%s", cases[i].filter);
        leave(one);
    }
}

#define UNABLE(filter, exception)                                                              \
    "Unable to subscribe to changes with given parameters. An exception happened so please "   \
    "check your connect parameters: [event: *, schema: public, table: todos, filters: " filter \
    "]. Exception: ERROR " exception

static void a_connection_asks_for_no_more_than_it_may(void **unused) {
    enum { HALF = 130000 };
    static char join[HALF + 1024];
    static const char *const topics[] = {"a", "b", "b", "c"};
    struct sgr_connection *one = enter(NULL, "1.0.0");
    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        size_t size = (size_t)snprintf(
            join, sizeof(join),
            "{\"topic\":\"realtime:%s\",\"event\":\"phx_join\",\"ref\":"
            "\"1\",\"payload\":{\"config\":{\"postgres_changes\":[{" TODOS ",\"filter\":\"id=in.(1",
            topics[i]);
        for (size_t k = 0; k < HALF / 2; k++, size += 2)
            memcpy(join + size, ",1", 3);
        strcpy(join + size, ")\"}]}}}");
        one->next = one->count;
        say(one, join);
        const char *answer = one->frames[one->next]->data;
        assert_int_equal(strstr(answer, "than 256 KB") != NULL, i == 3);
    }
    leave(one);
}

/* Each would take seconds for this row, and many more for a longer one. */
static void a_pattern_that_takes_too_long_fits_nothing(void **unused) {
    static const char *const joins[] = {
        JOIN(FILTERED("owner=match.(?:a?){2000}[bc]")),
        JOIN(FILTERED("owner=not.match.(?:a?){2000}[bc]")),
        JOIN(FILTERED("owner=not.imatch.(((a|aa)*+a)*+a)*+[bc]")),
        JOIN(FILTERED("owner=not.match.a\\\\g<0>?\\\\g<0>?[bc]")),
    };
    struct sgr_connection *one;
    char text[1001];
    (void)unused;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 0; i < sizeof(joins) / sizeof(*joins); i++) {
        one = joined(joins[i]);
        insert(row("1", text));
        for (; one->next < one->count; one->next++)
            assert_null(strstr(one->frames[one->next]->data, "record"));
        leave(one);
    }
}

static void a_bad_entry_is_told_and_gets_nothing(void **unused) {
    static const struct {
        const char *entry, *why;
    } cases[] = {
        {"{}", "No subscription params provided. Please provide at least a `schema` or `table` to "
               "subscribe to"},
        {FILTERED("undefined"), "Error parsing `filter` params: [\\\"undefined\\\"]"},
        {FILTERED("a=foo.hey"), "Error parsing `filter` params: [\\\"foo\\\", \\\"hey\\\"]"},
        {FILTERED("id=in.1"),
         "Error parsing `filter` params: `in` filter value must be wrapped by parentheses"},
        {FILTERED("id=eq.1,"), "Error parsing `filter` params: filter must not contain empty "
                               "segments (check for extra commas)"},
        {FILTERED("x=eq.1"), UNABLE("x=eq.1", "P0001 (raise_exception) invalid column for filter "
                                              "x")},
        {FILTERED("id=eq.abc"),
         UNABLE("id=eq.abc", "22P02 (invalid_text_representation) invalid input syntax for type "
                             "bigint: \\\"abc\\\"")},
        {FILTERED("id=like.1"), UNABLE("id=like.1", "42883 (undefined_function) a pattern is not "
                                                    "possible for column id of type int8")},
        {FILTERED("meta=gt.1"), UNABLE("meta=gt.1", "42883 (undefined_function) order is not "
                                                    "possible for column meta of type jsonb")},
        {FILTERED("owner=match.(?=a)"),
         UNABLE("owner=match.(?=a)", "22P02 (invalid_text_representation) invalid regular "
                                     "expression: only plain groups, (…) and (?:…), are "
                                     "supported")},
        {FILTERED("owner=match.(a)\\\\1"),
         UNABLE("owner=match.(a)\\\\1", "22P02 (invalid_text_representation) invalid regular "
                                        "expression: back references are not supported")},
        {"{\"event\":\"*\"," TODOS ",\"select\":\"id\"}",
         "Error parsing `select` params: expected a list of column name strings, e.g. select: "
         "[\\\"col1\\\", \\\"col2\\\"]"},
        {"{\"event\":\"*\",\"schema\":\"public\",\"select\":[\"id\"]}",
         "Column selection is not supported for wildcard subscriptions. Provide an explicit "
         "schema and table name."},
        {"{\"event\":\"*\"," TODOS ",\"select\":[\"x\"]}",
         UNABLE("", "P0001 (raise_exception) invalid column for select x")},
    };
    char join[512], system[1024];
    (void)unused;
    insert(row("1", "a")); /* the table is known */
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(join, sizeof(join), JOIN("%s," ALL), cases[i].entry);
        snprintf(system, sizeof(system), SYSTEM("error", "%s"), cases[i].why);
        struct sgr_connection *one = client("1.0.0");
        say(one, join);
        assert_non_null(strstr(one->frames[0]->data, "\"status\":\"ok\""));
        one->next = 1;
        hears(one, system);
        insert(row("1", "a"));
        hears_nothing(one);
        leave(one);
    }
}

/* Messages have a limit, which may be in the middle of a character. */
static void a_long_reason_is_told_in_whole_characters(void **unused) {
    (void)unused;
    for (int shift = 0; shift < 2; shift++) {
        char join[2048], name[1024] = "";
        for (int i = 0; i < 300; i++)
            strcat(name, "ü");
        snprintf(join, sizeof(join), JOIN(FILTERED("id=%s%s.1")), shift ? "a" : "", name);
        struct sgr_connection *one = client("1.0.0");
        say(one, join);
        assert_int_equal(one->count, 2);
        for (size_t i = 0; i < one->count; i++)
            assert_true(sgr_utf8_valid(one->frames[i]->data, one->frames[i]->size));
        leave(one);
    }
}

static void a_bad_entry_is_told_when_its_table_is_seen(void **unused) {
    struct sgr_connection *one = client("1.0.0"), *two = joined(JOIN(FILTERED("x=eq.1")));
    (void)unused;
    say(one, JOIN(ALL "," FILTERED("x=eq.1")));
    one->next = 1;
    hears(one, FLOWS);
    insert(row("1", "a"));
    hears(one, SYSTEM("error", UNABLE("x=eq.1", "P0001 (raise_exception) invalid column for "
                                                "filter x")));
    assert_int_equal(heard(two), 1);
    insert(row("2", "a"));
    hears_nothing(one);
    hears_nothing(two);
    leave(one);
    leave(two);
}

static void what_the_stream_does_not_say_fits_no_filter(void **unused) {
    struct sgr_connection *name = joined(JOIN(FILTERED("owner=eq.a")));
    struct sgr_connection *none = joined(JOIN(FILTERED("owner=is.null")));
    struct sgr_connection *other = joined(JOIN(FILTERED("owner=not.eq.b")));
    struct sgr_connection *key = joined(JOIN(FILTERED("id=eq.1")));
    struct values unchanged = row("1", "a");
    (void)unused;
    delete (SGR_OLD_KEY, row("1", NULL));
    unchanged.fields[OWNER].kind = SGR_FIELD_UNCHANGED;
    update(SGR_OLD_NONE, row("1", NULL), unchanged);
    assert_int_equal(heard(name) + heard(none) + heard(other), 0);
    assert_int_equal(heard(key), 2);
    delete (SGR_OLD_FULL, row("1", "a"));
    assert_int_equal(heard(name) + heard(other), 2);
    leave(name);
    leave(none);
    leave(other);
    leave(key);
}

static void a_changed_table_takes_its_filters_along(void **unused) {
    static struct sgr_relation_column fewer[] = {
        {.name = "owner", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1}};
    static struct sgr_relation altered = {
        .schema = "public", .table = "todos", .columns = fewer, .column_count = 1, .id = 2};
    struct sgr_connection *owner = joined(JOIN(FILTERED("owner=eq.a")));
    struct sgr_connection *id = joined(JOIN(FILTERED("id=eq.1")));
    struct sgr_field fields[] = {text_field("a")};
    struct sgr_change change = {.kind = SGR_INSERT, .relation = &altered, .new_fields = fields};
    (void)unused;
    insert(row("1", "a"));
    assert_int_equal(heard(owner) + heard(id), 2);
    transact(&change, 1, 2);
    assert_int_equal(heard(owner), 1);
    assert_non_null(strstr(id->frames[id->next]->data, "invalid column for filter id"));
    leave(owner);
    leave(id);
}

#define JOIN_SINCE(position, changes)                                                \
    "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"since\":\"" position           \
    "\",\"config\":{\"presence\":{\"enabled\":false},\"postgres_changes\":[" changes \
    "]}},\"ref\":\"1\",\"join_ref\":\"1\"}"

static size_t count_of(const struct sgr_connection *connection, const char *text) {
    size_t count = 0;
    for (size_t i = 0; i < connection->count; i++)
        count += strstr(connection->frames[i]->data, text) != NULL;
    return count;
}

static void what_a_table_was_is_not_fed_again_at_the_cost_of_others(void **unused) {
    static struct sgr_relation_column fewer[] = {
        {.name = "owner", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1}};
    static struct sgr_relation before = {
        .schema = "public", .table = "todos", .columns = fewer, .column_count = 1, .id = 2};
    static struct sgr_relation again;
    struct values values = row("1", "a");
    struct sgr_field owner = text_field("a");
    const struct sgr_change changes[] = {
        {.kind = SGR_INSERT, .relation = &before, .new_fields = &owner},
        {.kind = SGR_INSERT, .relation = &todos, .new_fields = values.fields},
        {.kind = SGR_INSERT, .relation = &again, .new_fields = values.fields}};
    (void)unused;
    again = todos;
    again.id = 3; /* as after the source was away: told again, and the same */
    for (uint64_t i = 0; i < 3; i++)
        transact(&changes[i], 1, i + 1);
    struct sgr_connection *id = joined(JOIN(FILTERED("id=eq.1")));
    struct sgr_connection *gap = joined(JOIN_SINCE("0/0", ALL));
    struct sgr_connection *back = joined(JOIN_SINCE("0/1", ALL));
    assert_int_equal(count_of(gap, "\"reason\":\"table\""), 1);
    assert_int_equal(count_of(gap, "record"), 0);
    assert_int_equal(count_of(back, "record"), 2);
    assert_int_equal(count_of(back, "\"position\":\"0/3\""), 1);
    hears_nothing(id);
    transact(&changes[2], 1, 4);
    assert_int_equal(count_of(id, "record"), 1);
    leave(id);
    leave(gap);
    leave(back);
}

/* ---- Cost ---- */

/* None of a hundred interests in other values is looked at, and a row is shown once for all who get the same columns. */
static void a_change_costs_those_it_concerns(void **unused) {
    enum { MANY = 100 };
    struct sgr_connection *others[MANY], *same[MANY];
    char join[512];
    (void)unused;
    for (int i = 0; i < MANY; i++) {
        snprintf(join, sizeof(join), JOIN(FILTERED("id=eq.%d,owner=like.a%%")), i + 10);
        others[i] = joined(join);
        same[i] = joined(JOIN(FILTERED("owner=like.a%")));
    }
    insert(row("1", "b"));
    asked.comparisons = asked.renderings = 0;
    insert(row("1", "a"));
    assert_int_equal(asked.comparisons, 0);
    assert_int_equal(asked.renderings, 2);
    for (int i = 0; i < MANY; i++) {
        hears_nothing(others[i]);
        assert_int_equal(heard(same[i]), 1);
        assert_ptr_equal(same[i]->frames[same[i]->count - 1], same[0]->frames[same[0]->count - 1]);
    }
    for (int i = 0; i < MANY; i++) {
        leave(others[i]);
        leave(same[i]);
    }
}

/* ---- The stream ---- */

static void what_was_missed_costs_nothing_for_others(void **unused) {
    enum { MANY = 100 };
    struct sgr_connection *others[MANY];
    struct values values = row("1", "a");
    const struct sgr_change change = {
        .kind = SGR_INSERT, .relation = &todos, .new_fields = values.fields};
    char join[512];
    (void)unused;
    for (int i = 0; i < MANY; i++) {
        snprintf(join, sizeof(join), JOIN(FILTERED("id=lt.%d")), i + 10);
        others[i] = joined(join);
    }
    transact(&change, 1, 1);
    asked.comparisons = asked.renderings = 0;
    struct sgr_connection *back = joined(JOIN_SINCE("0/0", FILTERED("id=gt.0")));
    assert_int_equal(count_of(back, "record"), 1);
    assert_int_equal(asked.comparisons, 1);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(count_of(others[i], "record"), 1);
        leave(others[i]);
    }
    leave(back);
}

static void a_channel_is_told_when_changes_flow(void **unused) {
    struct sgr_connection *one = client("1.0.0"), *none = client("1.0.0");
    (void)unused;
    state(SGR_STREAM_DOWN, NULL);
    say(one, JOIN(ALL));
    say(none, JOIN(""));
    one->next = none->next = 1;
    hears_nothing(one);
    state(SGR_STREAM_FLOWING, NULL);
    hears(one, FLOWS);
    state(SGR_STREAM_FLOWING, NULL);
    hears_nothing(one);
    state(SGR_STREAM_DOWN, NULL);
    state(SGR_STREAM_FLOWING, NULL);
    hears(one, FLOWS);
    hears_nothing(none);
    state(SGR_STREAM_GAP, "slot_lost");
    assert_int_equal(one->shut_code, 1012);
    leave(one);
    leave(none);
}

static void who_waits_for_changes_joins_once_they_flow(void **unused) {
    static const char join[] =
        "{" TOPIC ",\"event\":\"phx_join\",\"payload\":{\"config\":{\"presence\":{\"enabled\":"
        "false},\"postgres_changes\":[" ALL "],\"postgres_changes_options\":{\"wait\":true}}},"
        "\"ref\":\"1\",\"join_ref\":\"1\"}";
    struct sgr_connection *one = client("1.0.0");
    (void)unused;
    state(SGR_STREAM_DOWN, NULL);
    say(one, join);
    assert_non_null(strstr(one->frames[one->next]->data, "PostgresChangesSubscribeTimeout: "));
    assert_int_equal(heard(one), 1);
    state(SGR_STREAM_FLOWING, NULL);
    hears_nothing(one);
    say(one, join);
    assert_non_null(strstr(one->frames[one->next++]->data, "\"status\":\"ok\""));
    hears(one, FLOWS);
    leave(one);
}

/* ---- Who may see what ---- */

static void rows_go_to_whom_the_claim_names(void **unused) {
    struct sgr_connection *ann = joined_as("user-ann", JOIN(ALL));
    struct sgr_connection *bob = joined_as("user-bob", JOIN(FILTERED("id=gt.0")));
    struct sgr_connection *nobody = joined_as("good", JOIN(ALL));
    (void)unused;
    insert(row("1", "ann"));
    assert_int_equal(heard(ann), 1);
    assert_int_equal(heard(bob) + heard(nobody), 0);
    update(SGR_OLD_FULL, row("1", "ann"), row("1", "bob")); /* the new row counts */
    assert_int_equal(heard(bob), 1);
    assert_int_equal(heard(ann) + heard(nobody), 0);
    delete (SGR_OLD_KEY, row("1", NULL));
    assert_int_equal(heard(bob) + heard(ann) + heard(nobody), 0);
    delete (SGR_OLD_FULL, row("1", "bob"));
    assert_int_equal(heard(bob), 1);
    insert(row("2", NULL));
    assert_int_equal(heard(bob) + heard(ann) + heard(nobody), 0);
    leave(ann);
    leave(bob);
    leave(nobody);
}

#define JOIN_V0(topic) \
    "{\"topic\":\"realtime:" topic "\",\"event\":\"phx_join\",\"payload\":{},\"ref\":\"1\"}"

static void rows_are_kept_from_topics_of_the_first_era_too(void **unused) {
    struct sgr_connection *ann = enter("user-ann", "1.0.0"), *bob = enter("user-bob", "1.0.0");
    struct sgr_change truncate = {.kind = SGR_TRUNCATE, .relation = &todos};
    (void)unused;
    say(ann, JOIN_V0("public:todos:id=eq.1"));
    say(ann, JOIN_V0("public:todos"));
    say(ann, JOIN_V0("public"));
    say(ann, JOIN_V0("*"));
    say(bob, JOIN_V0("*"));
    say(bob, JOIN_V0("public:todos:owner=eq.ann"));
    ann->next = ann->count;
    bob->next = bob->count;
    insert(row("1", "ann"));
    assert_int_equal(ann->count - ann->next, 4);
    for (size_t i = 0; i < 4; i++) {
        static const char *const topics[] = {"\"realtime:public\"", "\"realtime:*\"",
                                             "\"realtime:public:todos\"",
                                             "\"realtime:public:todos:id=eq.1\""};
        assert_non_null(strstr(ann->frames[ann->next++]->data, topics[i]));
    }
    assert_int_equal(heard(bob), 0);
    insert(row("2", "bob"));
    assert_int_equal(heard(ann), 0);
    assert_int_equal(heard(bob), 1);
    transact(&truncate, 1, 1);
    assert_int_equal(heard(ann), 3);
    assert_int_equal(heard(bob), 1);
    leave(ann);
    leave(bob);
}

/* What a row was while it was another's is not shown with it. */
static void an_old_row_of_somebody_else_is_not_told(void **unused) {
    struct sgr_connection *bob = joined_as("user-bob", JOIN(ALL));
    struct sgr_connection *first = joined_as("user-bob", JOIN_V0("*"));
    struct sgr_connection *const both[] = {bob, first};
    (void)unused;
    update(SGR_OLD_FULL, with(row("1", "ann"), META, "7"), row("1", "bob"));
    update(SGR_OLD_FULL, with(row("1", NULL), META, "7"), row("1", "bob"));
    update(SGR_OLD_KEY, row("7", NULL), row("1", "bob"));
    update(SGR_OLD_FULL, with(row("1", "bob"), META, "7"), row("1", "bob"));
    for (size_t i = 0; i < 2; i++) {
        for (int k = 0; k < 3; k++)
            assert_non_null(strstr(both[i]->frames[both[i]->next++]->data, "\"old_record\":{},"));
        assert_non_null(strstr(both[i]->frames[both[i]->next++]->data, "\"old_record\":{\""));
        leave(both[i]);
    }
}

static void a_refreshed_token_changes_what_is_seen(void **unused) {
    struct sgr_connection *one = joined_as("user-ann", JOIN(ALL));
    (void)unused;
    say(one, "{" TOPIC ",\"event\":\"access_token\",\"payload\":{\"access_token\":\"user-ann\"},"
             "\"ref\":\"2\"}");
    hears_nothing(one);
    say(one, "{" TOPIC ",\"event\":\"access_token\",\"payload\":{\"access_token\":\"user-bob\"},"
             "\"ref\":\"3\"}");
    hears(one, FLOWS);
    insert(row("1", "ann"));
    hears_nothing(one);
    insert(row("2", "bob"));
    assert_int_equal(heard(one), 1);
    leave(one);
}

/* A user's rows are found by the value, whatever others ask for. */
static void a_rule_costs_those_it_lets_see(void **unused) {
    enum { MANY = 100 };
    struct sgr_connection *others[MANY];
    char token[32];
    (void)unused;
    for (int i = 0; i < MANY; i++) {
        snprintf(token, sizeof(token), "user-%d", i);
        others[i] = joined_as(token, JOIN(FILTERED("id=gt.0")));
    }
    insert(row("1", "nobody"));
    asked.comparisons = asked.renderings = 0;
    insert(row("1", "5"));
    assert_int_equal(asked.comparisons, 2); /* the rule, and the filter */
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(heard(others[i]), i == 5);
        leave(others[i]);
    }
}

static void a_rule_that_cannot_be_followed_hides(void **unused) {
    (void)unused;
    close_sink();
    open_with("{ source: db, secret: s, rows: { public.todos: 'nothing = $claims.sub' } }");
    struct sgr_connection *two = joined_as("user-ann", JOIN(ALL));
    struct sgr_connection *zero = joined_as("user-ann", JOIN_V0("*"));
    insert(row("1", "ann"));
    hears_nothing(two);
    hears_nothing(zero);
    leave(two);
    leave(zero);
    close_sink();
    open_with("{ source: db, secret: s, rows: { todos: 'id = $claims.sub' } }");
    two = joined_as("user-ann", JOIN(ALL)); /* no id is ann */
    insert(row("1", "ann"));
    hears_nothing(two);
    leave(two);
}

static void a_bad_rule_is_told(void **unused) {
    static const char *const wrong[] = {"[]",
                                        "{ t: 1 }",
                                        "{ t: '' }",
                                        "{ t: 'a' }",
                                        "{ t: 'a = b' }",
                                        "{ t: 'a = $claims.' }",
                                        "{ t: 'a = $claims.b or' }",
                                        "{ t: 'a = $claims.b and' }"};
    char options[256];
    struct sgr_error error = {0};
    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        close_sink();
        snprintf(options, sizeof(options), "{ source: db, secret: s, rows: %s }", wrong[i]);
        assert_int_equal(open_sink(options, &error), SGR_ECONFIG);
        assert_non_null(strstr(error.message, "rows"));
    }
    close_sink();
    assert_int_equal(open_sink("{ source: db, secure: false, rows: {} }", &error), SGR_ECONFIG);
}

/* ---- Memory ---- */

static void memory_may_run_out_anywhere(void **unused) {
    (void)unused;
    for (size_t limit = 1; limit < 120; limit++) {
        host.block_limit = limit;
        struct sgr_request upgrade = {0};
        request("/socket/websocket", SGR_ROUTE_WEBSOCKET, &upgrade);
        if (upgrade.status == 101) {
            say(upgrade.connection,
                JOIN(FILTERED("id=eq.1,owner=like.a%") ",{\"event\":\"*\"," TODOS
                                                       ",\"select\":[\"id\"]}"));
            insert(row("1", "a"));
        }
        host.block_limit = 0;
        if (upgrade.status == 101) {
            assert_true(upgrade.connection->shut_code || upgrade.connection->count == 4);
            leave(upgrade.connection);
        }
    }
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ROWS_TEST(name) cmocka_unit_test_setup_teardown(name, setup_rows, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_are_typed),
        TEST(old_rows_are_told_as_far_as_the_stream_goes),
        TEST(a_truncate_is_not_sent),
        TEST(matching_entries_share_a_frame_by_their_columns),
        TEST(entries_name_schemas_tables_and_events),
        TEST(filters_compare_by_type),
        TEST(a_connection_asks_for_no_more_than_it_may),
        TEST(a_pattern_that_takes_too_long_fits_nothing),
        TEST(a_bad_entry_is_told_and_gets_nothing),
        TEST(a_long_reason_is_told_in_whole_characters),
        TEST(a_bad_entry_is_told_when_its_table_is_seen),
        TEST(what_the_stream_does_not_say_fits_no_filter),
        TEST(a_changed_table_takes_its_filters_along),
        TEST(what_a_table_was_is_not_fed_again_at_the_cost_of_others),
        TEST(a_change_costs_those_it_concerns),
        TEST(what_was_missed_costs_nothing_for_others),
        TEST(a_channel_is_told_when_changes_flow),
        TEST(who_waits_for_changes_joins_once_they_flow),
        ROWS_TEST(rows_go_to_whom_the_claim_names),
        ROWS_TEST(rows_are_kept_from_topics_of_the_first_era_too),
        ROWS_TEST(an_old_row_of_somebody_else_is_not_told),
        ROWS_TEST(a_refreshed_token_changes_what_is_seen),
        ROWS_TEST(a_rule_costs_those_it_lets_see),
        ROWS_TEST(a_rule_that_cannot_be_followed_hides),
        ROWS_TEST(a_bad_rule_is_told),
        TEST(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
