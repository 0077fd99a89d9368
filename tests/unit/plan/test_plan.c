/* Checking a config without a database: what is accepted, and every kind of mistake with its place and advice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "plan/plan.h"

static struct sgr_loader *loader;

static int set_up(void **state) {
    (void)state;
    const char *const directories[] = {getenv("SANGRE_PLUGIN_DIR"), NULL};
    loader = sgr_loader_new(directories);
    return loader ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    sgr_loader_free(loader);
    return 0;
}

static int plan_of(const char *text, struct sgr_plan **ret, struct sgr_error *error) {
    struct sgr_document *document = NULL;
    int status = sgr_document_read_yaml("t.yaml", sgr_slice(text), &document, error);
    if (status != 0)
        return status;
    status = sgr_plan_new(document, loader, ret, error);
    if (status != 0)
        sgr_document_free(document);
    return status;
}

static struct sgr_plan *plan_ok(const char *text) {
    struct sgr_plan *plan = NULL;
    struct sgr_error error = {0};
    if (plan_of(text, &plan, &error) != 0)
        fail_msg("%s (%s)", error.message, error.context);
    return plan;
}

#define SOURCE "sources: { app: { plugin: memory, tables: {} } }\n"
#define VIEWS  "views: { /a: { from: app.t } }\n"

static void a_whole_config_is_accepted_and_names_its_tables(void **state) {
    (void)state;
    struct sgr_plan *plan = plan_ok(
        "x-common: &places { input: app.places }\n"
        "listen: 127.0.0.1:8081\n"
        "server: { origins: [\"https://a.example\"], client_buffer: 2MB, history: { age: 1min } }\n"
        "sources:\n"
        "  app: { plugin: memory, tables: {} }\n"
        "nodes:\n"
        "  second: { input: live_places, filter: \"occupation > 2\" }\n"
        "  live_places: { <<: *places, lua: \"row.occupation = 1\", adds: { occupation: int }, "
        "every: 3s }\n"
        "  pairs: { inputs: [app.users, app.public.orders], join: \"id = user_id\", where: \"x > "
        "1\" }\n"
        "  names: { input: app.users, map: { id: id, label: \"upper(name)\" } }\n"
        "  both: { inputs: [second, live_places], union: {} }\n"
        "views:\n"
        "  /followeds:\n"
        "    from: app.users\n"
        "    params: { user: { type: int, default: 1 }, city: text }\n"
        "    get: { id: $user }\n"
        "    where: \"city = $city AND name <> '$no'\"\n"
        "    populate:\n"
        "      followeds:\n"
        "        from: app.users\n"
        "        via: app.users_followeds (user_id -> followed_id)\n"
        "        columns: [id, {label: name}, via.since]\n"
        "        order_by: via.since desc nulls last, \"Name\" COLLATE \"C\"\n"
        "        limit: 10\n"
        "        populate:\n"
        "          places: { from: second, via: app.users_places (user_id -> place_id), as: spots "
        "}\n"
        "      author: { from: app.users, on: \"a = b and c = d\", one: true }\n"
        "      friend: { from: app.users, infer: friend }\n");
    size_t count;
    const struct sgr_plan_source *sources = sgr_plan_sources(plan, &count);
    assert_int_equal(count, 1);
    assert_string_equal(sources[0].name, "app");
    static const char *const tables[] = {"places",          "users",        "public.orders",
                                         "users_followeds", "users_places", "users_friends"};
    assert_int_equal(sources[0].table_count, 6);
    for (size_t i = 0; i < 6; i++) {
        bool found = false;
        for (size_t k = 0; k < 6; k++)
            found |= strcmp(sources[0].tables[k], tables[i]) == 0;
        if (!found)
            fail_msg("table %s is not asked for", tables[i]);
    }
    sgr_plan_sinks(plan, &count);
    assert_int_equal(count, 3);
    const struct sgr_plan_server *server = sgr_plan_server(plan);
    assert_string_equal(server->listen_host, "127.0.0.1");
    assert_int_equal(server->listen_port, 8081);
    assert_int_equal(server->origin_count, 1);
    assert_int_equal(server->client_buffer, 2 << 20);
    assert_int_equal(server->history_age, 60000000);
    assert_int_equal(server->history_bytes, 64 << 20);
    sgr_plan_free(plan);
}

static void defaults_are_those_of_the_readme(void **state) {
    (void)state;
    struct sgr_plan *plan = plan_ok(SOURCE VIEWS);
    const struct sgr_plan_server *server = sgr_plan_server(plan);
    assert_string_equal(server->listen_host, "127.0.0.1");
    assert_int_equal(server->listen_port, 8080);
    assert_int_equal(server->origin_count, 0);
    assert_int_equal(server->client_buffer, 1 << 20);
    assert_int_equal(server->client_timeout, 30000000);
    assert_int_equal(server->drain_timeout, 5000000);
    assert_int_equal(server->message_limit, 64 << 10);
    assert_int_equal(server->connection_limit, 10000);
    assert_int_equal(server->history_age, 300000000);
    assert_int_equal(server->memory_limit, 0);
    sgr_plan_free(plan);
}

static void addresses_to_listen_on(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        int port;
    } cases[] = {
        {"listen: 9000\n", "127.0.0.1", 9000},
        {"listen: \":0\"\n", "0.0.0.0", 0},
        {"listen: \"[::1]:80\"\n", "::1", 80},
        {"server: { listen: \"example.org:1\" }\n", "example.org", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[200];
        snprintf(text, sizeof(text), "%s%s", cases[i].text, SOURCE VIEWS);
        struct sgr_plan *plan = plan_ok(text);
        assert_string_equal(sgr_plan_server(plan)->listen_host, cases[i].host);
        assert_int_equal(sgr_plan_server(plan)->listen_port, cases[i].port);
        sgr_plan_free(plan);
    }
}

/* A config, what its error says, and where. */
struct mistake {
    const char *text, *message, *place;
};

static void expect(const struct mistake *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct sgr_plan *plan = NULL;
        struct sgr_error error = {0};
        int status = plan_of(cases[i].text, &plan, &error);
        if (status != SGR_ECONFIG || !strstr(error.message, cases[i].message) ||
            strcmp(error.context, cases[i].place) != 0)
            fail_msg("case %zu: status %d, \"%s\" at \"%s\"", i, status, error.message,
                     error.context);
        assert_null(plan);
    }
}
#define EXPECT(cases) expect(cases, sizeof(cases) / sizeof(*(cases)))

static void mistakes_at_the_top(void **state) {
    (void)state;
    static const struct mistake cases[] = {
        {"- a\n", "a config must be a mapping", "t.yaml:1:1"},
        {"", "no \"sources\"", "t.yaml:1:1"},
        {SOURCE, "no \"views\"", "t.yaml:1:1"},
        {SOURCE "veiws: {}\n", "unknown key \"veiws\"; did you mean \"views\"?", "t.yaml:2:1"},
        {SOURCE VIEWS "zzzzzz: {}\n",
         "there is listen, server, auth, sources, sinks, nodes or views", "t.yaml:3:1"},
        {"sources: []\n" VIEWS, "sources must be a mapping (key: value), not a list",
         "t.yaml:1:10"},
        {"sources: { app: { plugin: memroy } }\n" VIEWS, "memory", "t.yaml:1:27"},
        {"sources: { app: { plugn: memory } }\n" VIEWS, "\"app\" has no plugin", "t.yaml:1:17"},
        {"sources: { app: memory }\n" VIEWS, "a source must be a mapping", "t.yaml:1:17"},
        {"sources: { app: { plugin: memory, sede: 1 } }\n" VIEWS, "no option \"sede\"",
         "t.yaml:1:35"},
        {"sources: { a.b: { plugin: memory } }\n" VIEWS, "can't name a source", "t.yaml:1:12"},
        {"sources: { app: { plugin: filter } }\n" VIEWS, "\"filter\" is an operator, not a source",
         "t.yaml:1:27"},
        {"sources: { app: { plugin: /none/x.so } }\n" VIEWS, "/none/x.so", "t.yaml:1:27"},
        {SOURCE VIEWS "sinks: { web: { plugin: websockt } }\n", "websocket", "t.yaml:3:25"},
        {SOURCE VIEWS "listen: nowhere\n", "is no address to listen on", "t.yaml:3:9"},
        {SOURCE VIEWS "listen: 1:2:3\n", "is no address to listen on", "t.yaml:3:9"},
        {SOURCE VIEWS "listen: \":70000\"\n", "is no address to listen on", "t.yaml:3:9"},
        {SOURCE VIEWS "listen: 1\nserver: { listen: \":2\" }\n", "given twice", "t.yaml:3:9"},
        {SOURCE VIEWS "server: { client_bufer: 1MB }\n", "did you mean \"client_buffer\"",
         "t.yaml:3:11"},
        {SOURCE VIEWS "server: { client_buffer: big }\n", "client_buffer", "t.yaml:3:26"},
        {SOURCE VIEWS "server: { client_timeout: 3 parsecs }\n", "client_timeout", "t.yaml:3:27"},
        {SOURCE VIEWS "server: { connection_limit: 0 }\n", "connection_limit", "t.yaml:3:29"},
        {SOURCE VIEWS "server: { history: { age: -5s } }\n", "age", "t.yaml:3:27"},
        {SOURCE VIEWS "server: { history: 5 }\n", "history must be a mapping", "t.yaml:3:20"},
    };
    EXPECT(cases);
}

#define NODES(text) SOURCE VIEWS "nodes:\n" text

static void mistakes_in_nodes(void **state) {
    (void)state;
    static const struct mistake cases[] = {
        {NODES("  a: { input: app.t, filtr: x }\n"), "did you mean \"filter\"?", "t.yaml:4:22"},
        {NODES("  a: { input: app.t }\n"), "node \"a\" has no operator", "t.yaml:4:3"},
        {NODES("  a: { input: app.t, filter: x, map: { y: y } }\n"), "are both operators",
         "t.yaml:4:33"},
        {NODES("  a: { input: app.t, filter: \"x\" }\n  a: { input: app.t, filter: \"y\" }\n"),
         "\"a\" stands here twice", "t.yaml:5:3"},
        {NODES("  a: { input: ap.t, filter: \"x\" }\n"),
         "unknown source \"ap\"; did you mean \"app\"?", "t.yaml:4:15"},
        {NODES("  a: { input: app, filter: \"x\" }\n"), "as in app.TABLE", "t.yaml:4:15"},
        {NODES("  a: { input: app., filter: \"x\" }\n"), "names no table", "t.yaml:4:15"},
        {NODES("  abcd: { input: app.t, filter: x }\n  b: { input: abce, filter: x }\n"),
         "unknown node \"abce\"; did you mean \"abcd\"?", "t.yaml:5:15"},
        {NODES("  a: { input: zzzzz, filter: x }\n"), "there is no node \"zzzzz\"", "t.yaml:4:15"},
        {NODES("  a: { input: app.t, inputs: [app.t], filter: x }\n"), "can't stand together",
         "t.yaml:4:30"},
        {NODES("  a: { filter: x }\n"), "filter takes 1 input, but \"a\" has 0", "t.yaml:4:3"},
        {NODES("  a: { inputs: [app.t], join: \"a = b\" }\n"), "join takes 2 inputs", "t.yaml:4:3"},
        {NODES("  a: { input: { x: y }, filter: x }\n"), "an input must be a plain value",
         "t.yaml:4:15"},
        {NODES("  a: { input: app.t, filter: x, wher: y }\n"), "no option \"wher\"", "t.yaml:4:33"},
        {NODES("  a: { input: app.t, filter: }\n"), "filter needs", "t.yaml:4:22"},
        {NODES("  a: { input: app.t, filter: \"x = $p\" }\n"), "nodes know no parameters: $p",
         "t.yaml:4:30"},
        {NODES("  a: { input: app.t, filter: x, where: \"x = $p\" }\n"),
         "nodes know no parameters: $p", "t.yaml:4:40"},
        {NODES("  a: { input: app.t, lua: \"x\", every: often }\n"), "every", "t.yaml:4:39"},
        {NODES("  a: { inputs: [app.t, app.t], union: 5 }\n"), "union takes no value here",
         "t.yaml:4:39"},
        {NODES("  a: 5\n"), "a node must be a mapping", "t.yaml:4:6"},
        {NODES("  a b: { input: app.t, filter: x }\n"), "can't name a node", "t.yaml:4:3"},
        {NODES("  a: { input: a, filter: x }\n"), "circle: a ← a", "t.yaml:4:15"},
        {NODES("  a: { input: b, filter: x }\n  b: { input: c, filter: x }\n  c: { inputs: "
               "[app.t, b], union: {} }\n"),
         "circle: b ← c ← b", "t.yaml:6:24"},
    };
    EXPECT(cases);
}

#define VIEW(text) SOURCE "views:\n  /a: { from: app.t, " text " }\n"

static void mistakes_in_views(void **state) {
    (void)state;
    static const struct mistake cases[] = {
        {SOURCE "views: { a: { from: app.t } }\n", "is no path", "t.yaml:2:10"},
        {SOURCE "views: { \"/a?b\": { from: app.t } }\n", "is no path", "t.yaml:2:10"},
        {SOURCE "views: { /_sangre/x: { from: app.t } }\n", "the server's own", "t.yaml:2:10"},
        {SOURCE "views: { /a: 5 }\n", "a view must be a mapping", "t.yaml:2:14"},
        {SOURCE "views: { /a: { } }\n", "\"from\" is missing", "t.yaml:2:14"},
        {VIEW("wher: x"), "did you mean \"where\"?", "t.yaml:3:22"},
        {VIEW("via: x"), "unknown key in a view \"via\"", "t.yaml:3:22"},
        {VIEW("limit: 0"), "1 or more", "t.yaml:3:29"},
        {VIEW("limit: ten"), "1 or more", "t.yaml:3:29"},
        {VIEW("one: maybe"), "one must be true or false", "t.yaml:3:27"},
        {VIEW("where: \"x = $nobody\""), "$nobody is not declared", "t.yaml:3:29"},
        {VIEW("params: { user: int }, where: \"x = $usr\""), "did you mean \"user\"?",
         "t.yaml:3:52"},
        {VIEW("where: \"x = 'open\""), "does not end", "t.yaml:3:29"},
        {VIEW("get: { id: $user }"), "$user is not declared", "t.yaml:3:33"},
        {VIEW("params: { user: int }, get: { id: $user + 1 }"), "is no parameter", "t.yaml:3:56"},
        {VIEW("get: {}"), "names no column", "t.yaml:3:27"},
        {VIEW("get: { id: }"), "must be a plain value", "t.yaml:3:29"},
        {VIEW("params: { user: itn }"), "itn", "t.yaml:3:38"},
        {VIEW("params: { user: json }"), "no equality", "t.yaml:3:38"},
        {VIEW("params: { user: { type: int, default: x } }"), "does not fit its type",
         "t.yaml:3:60"},
        {VIEW("params: { user: { default: x } }"), "has no type", "t.yaml:3:32"},
        {VIEW("params: { user: { type: int, defualt: 1 } }"), "did you mean \"default\"?",
         "t.yaml:3:51"},
        {VIEW("params: { cursor: int }"), "the protocol uses it", "t.yaml:3:32"},
        {VIEW("params: { \"a-b\": int }"), "can't name a parameter", "t.yaml:3:32"},
        {VIEW("order_by: \"upper(x)\""), "can't read order_by", "t.yaml:3:32"},
        {VIEW("order_by: \"x down\""), "at column 3", "t.yaml:3:32"},
        {VIEW("order_by: 'x COLLATE \"de_DE\"'"), "can't read order_by", "t.yaml:3:32"},
        {VIEW("order_by: [a, b.c]"), "can't read order_by \"b.c\"", "t.yaml:3:36"},
        {VIEW("columns: []"), "names none", "t.yaml:3:31"},
        {VIEW("columns: [id, id]"), "two fields \"id\"", "t.yaml:3:36"},
        {VIEW("columns: [\"a + b\"]"), "is no column's name", "t.yaml:3:32"},
        {VIEW("populate: { x: { from: app.u } }"), "\"x\" is not linked to its parent",
         "t.yaml:3:37"},
        {VIEW("populate: { x: { from: app.u, via: a, on: b } }"), "can't stand together",
         "t.yaml:3:64"},
        {VIEW("populate: { x: { from: app.u, via: app.v } }"), "can't read via", "t.yaml:3:57"},
        {VIEW("populate: { x: { from: app.u, via: app.v (a = b) } }"), "can't read via",
         "t.yaml:3:57"},
        {VIEW("populate: { x: { from: app.u, via: apq.v (a -> b) } }"), "did you mean \"app\"?",
         "t.yaml:3:57"},
        {VIEW("populate: { x: { from: app.u, on: id } }"), "can't read on", "t.yaml:3:56"},
        {VIEW("populate: { x: { from: app.u, on: \"a = b or c = d\" } }"), "can't read on",
         "t.yaml:3:56"},
        {VIEW("populate: { x: { from: app.u, get: { id: 1 }, on: a = b } }"), "one: true",
         "t.yaml:3:57"},
        {VIEW("populate: { x: { from: app.u, on: a = b }, y: { from: app.u, on: a = b, as: x } }"),
         "two fields \"x\"", "t.yaml:3:65"},
        {VIEW("columns: [id, x], populate: { x: { from: app.u, on: a = b } }"), "two fields \"x\"",
         "t.yaml:3:52"},
        {VIEW("populate: { x: { from: zzz, on: a = b } }"), "there is no node \"zzz\"",
         "t.yaml:3:45"},
    };
    EXPECT(cases);
}

static void an_inferred_pivot_needs_one_parent_table(void **state) {
    (void)state;
    static const struct mistake cases[] = {
        {SOURCE "nodes: { u: { inputs: [app.a, app.b], union: {} } }\n"
                "views: { /a: { from: u, populate: { x: { from: app.c, infer: x } } } }\n",
         "name it with via", "t.yaml:3:62"},
    };
    EXPECT(cases);
}

static void what_a_source_says_gets_the_place_of_its_table(void **state) {
    (void)state;
    struct sgr_plan *plan = plan_ok(SOURCE "views:\n  /b: { from: app.users }\n"
                                           "  /a: { from: app.public.usres }\n");
    size_t count;
    const struct sgr_plan_source *source = sgr_plan_sources(plan, &count);
    struct sgr_error error = {0};
    sgr_error_set(&error, SGR_ENOTFOUND, "there is no table public.usres; did you mean users?");
    sgr_error_context(&error, "source app");
    sgr_plan_source_error(plan, source, &error);
    assert_int_equal(error.code, SGR_ECONFIG);
    assert_string_equal(error.context, "t.yaml:4:15; source app");
    sgr_error_set(&error, SGR_EINVAL, "no such host");
    sgr_plan_source_error(plan, source, &error);
    assert_string_equal(error.context, "t.yaml:1:17");
    sgr_error_set(&error, SGR_EIO, "users are not reachable");
    sgr_plan_source_error(plan, source, &error);
    assert_string_equal(error.context, "");
    sgr_plan_free(plan);
}

static void a_refused_config_stays_the_callers(void **state) {
    (void)state;
    struct sgr_document *document = NULL;
    struct sgr_plan *plan = NULL;
    struct sgr_error error = {0};
    assert_int_equal(sgr_document_read_yaml("t.yaml", sgr_slice("a: 1\n"), &document, &error), 0);
    assert_int_equal(sgr_plan_new(document, loader, &plan, &error), SGR_ECONFIG);
    assert_non_null(sgr_document_get(sgr_document_root(document), "a"));
    sgr_document_free(document);
    sgr_plan_free(NULL);
}

/* JSON is YAML, and our reader refuses keys that stand twice. */
static void the_schema_can_be_read_and_knows_the_plugins(void **state) {
    (void)state;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    struct sgr_document *document = NULL;
    struct sgr_error error = {0};
    sgr_plan_schema(loader, &out);
    if (sgr_document_read_yaml("schema", (struct sgr_slice){out.data, out.size}, &document,
                               &error) != 0)
        fail_msg("%s (%s)", error.message, error.context);
    static const char *const path[] = {"properties", "server", "properties", "client_buffer"};
    const struct sgr_document_node *node = sgr_document_root(document);
    for (size_t i = 0; i < sizeof(path) / sizeof(*path); i++)
        assert_non_null(node = sgr_document_get(node, path[i]));
    assert_non_null(strstr(sgr_buffer_text(&out), "\"const\":\"memory\""));
    assert_non_null(strstr(sgr_buffer_text(&out), "\"required\":[\"filter\"]"));
    sgr_document_free(document);
    sgr_buffer_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_config_is_accepted_and_names_its_tables),
        cmocka_unit_test(defaults_are_those_of_the_readme),
        cmocka_unit_test(addresses_to_listen_on),
        cmocka_unit_test(mistakes_at_the_top),
        cmocka_unit_test(mistakes_in_nodes),
        cmocka_unit_test(mistakes_in_views),
        cmocka_unit_test(an_inferred_pivot_needs_one_parent_table),
        cmocka_unit_test(what_a_source_says_gets_the_place_of_its_table),
        cmocka_unit_test(a_refused_config_stays_the_callers),
        cmocka_unit_test(the_schema_can_be_read_and_knows_the_plugins),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
