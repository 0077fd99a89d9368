/* postgres_changes: what entries and their filters let through, and what is wrong with them. */
#include "changes_fixture.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(filters_compare_by_type),
        TEST(a_connection_asks_for_no_more_than_it_may),
        TEST(a_pattern_that_takes_too_long_fits_nothing),
        TEST(a_bad_entry_is_told_and_gets_nothing),
        TEST(a_long_reason_is_told_in_whole_characters),
        TEST(a_bad_entry_is_told_when_its_table_is_seen),
        TEST(what_the_stream_does_not_say_fits_no_filter),
        TEST(a_changed_table_takes_its_filters_along),
        TEST(what_a_table_was_is_not_fed_again_at_the_cost_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
