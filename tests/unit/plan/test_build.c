/* Resolving a checked config against tables: the nodes and views it makes, and what only types can tell to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "plan/plan.h"
#include "row/row.h"

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

/* A table: "column type" words, those with a ! in front are its key; a ~ marks an unknown collation. */
static const struct {
    const char *name, *columns;
} tables[] = {
    {"users", "!id int,name text,city text,active bool,author_id int,data json"},
    {"users_followeds", "!user_id int,!followed_id int,since date"},
    {"users_places", "!user_id int,!place_id int8"},
    {"places", "!id int,name text,price int,code text"},
    {"pairs", "!a int,!b int"},
    {"bag", "x int,name text"},
    {"foreign", "!id int,~name text"},
    {"categories", "!id int,author text"},
    {"categories_tags", "!category_id int,!tag_id int"},
    {"tags", "!id int"},
};
enum { TABLES = sizeof(tables) / sizeof(*tables) };

struct world {
    struct sgr_heap *heap;
    struct sgr_graph *graph;
    struct sgr_views *views;
    struct sgr_plan *plan;
    struct sgr_node *nodes[TABLES];
};

static struct sgr_node *make_table(struct sgr_graph *graph, const char *name, const char *text) {
    struct sgr_column columns[10] = {0};
    uint16_t key[10];
    char names[200];
    size_t count = 0, key_count = 0;
    snprintf(names, sizeof(names), "%s", text);
    for (char *rest = names, *word; (word = strsep(&rest, ",")); count++) {
        char *type = strchr(word, ' ');
        *type++ = '\0';
        assert_int_equal(sgr_type_parse(sgr_slice(type), &columns[count], NULL), 0);
        if (*word == '~')
            columns[count].collation = SGR_COLLATION_UNKNOWN;
        if (*word == '!')
            key[key_count++] = (uint16_t)count;
        columns[count].name = word + (*word == '!' || *word == '~');
    }
    struct sgr_schema *schema = sgr_schema_new(columns, count);
    struct sgr_node *node = NULL;
    assert_int_equal(sgr_graph_relation(graph, name, schema, key, key_count, &node, NULL), 0);
    sgr_schema_unref(schema);
    return node;
}

static struct sgr_node *find_table(void *data, size_t source, const char *table) {
    struct world *world = data;
    assert_int_equal(source, 0);
    for (size_t i = 0; i < TABLES; i++)
        if (strcmp(tables[i].name, table) == 0)
            return world->nodes[i];
    return NULL;
}

static int build(struct world *world, const char *text, struct sgr_error *error) {
    struct sgr_document *document = NULL;
    *world = (struct world){.heap = sgr_heap_new(0, error)};
    world->graph = sgr_graph_new(world->heap, 7, NULL);
    world->views = sgr_views_new(world->graph);
    for (size_t i = 0; i < TABLES; i++)
        world->nodes[i] = make_table(world->graph, tables[i].name, tables[i].columns);
    int status = sgr_document_read_yaml("t.yaml", sgr_slice(text), &document, error);
    if (status != 0)
        return status;
    status = sgr_plan_new(document, loader, &world->plan, error);
    if (status != 0) {
        sgr_document_free(document);
        return status;
    }
    struct sgr_plan_tables source = {world, find_table};
    return sgr_plan_build(world->plan, world->graph, world->views, &source, error);
}

static void drop(struct world *world) {
    sgr_views_free(world->views);
    sgr_plan_free(world->plan);
    for (size_t i = 0; i < TABLES; i++)
        sgr_node_unref(world->nodes[i]);
    sgr_graph_free(world->graph);
    sgr_heap_free(world->heap);
}

static void build_ok(struct world *world, const char *text) {
    struct sgr_error error = {0};
    if (build(world, text, &error) != 0)
        fail_msg("%s (%s)", error.message, error.context);
}

/* A row of a table from text, \N for null. */
static void feed(struct world *world, const char *table, const char *text) {
    struct sgr_node *node = find_table(world, 0, table);
    const struct sgr_schema *schema = sgr_node_schema(node);
    struct sgr_value values[10] = {0};
    const struct sgr_row *row;
    char words[200];
    snprintf(words, sizeof(words), "%s", text);
    char *rest = words;
    for (size_t i = 0; i < schema->count; i++) {
        const char *word = strsep(&rest, ",");
        values[i].type = schema->columns[i].type;
        values[i].null = !word || strcmp(word, "\\N") == 0;
        if (!values[i].null)
            assert_int_equal(
                sgr_value_parse(schema->columns[i].type, sgr_slice(word), &values[i], NULL), 0);
    }
    assert_int_equal(sgr_row_new(world->heap, schema, values, &row, NULL), 0);
    assert_int_equal(sgr_node_feed(node, row, 1), 0);
    sgr_row_unref(row);
}

static void ignore_change(void *data, struct sgr_instance *instance) {
    (void)data;
    (void)instance;
}

static void fill(struct world *world) {
    feed(world, "users", "1,ann,Roma,t,2,{}");
    feed(world, "users", "2,bob,Roma,f,1,{}");
    feed(world, "users", "3,cid,Oslo,t,1,{}");
    feed(world, "users_followeds", "1,2,2020-01-01");
    feed(world, "users_followeds", "1,3,2021-01-01");
    feed(world, "users_followeds", "2,1,2022-01-01");
    feed(world, "places", "1,bar,10,a");
    feed(world, "places", "2,pub,20,B");
    feed(world, "users_places", "2,1");
    feed(world, "users_places", "2,2");
    feed(world, "foreign", "1,b");
    feed(world, "foreign", "2,a");
    feed(world, "foreign", "3,C");
    feed(world, "categories", "1,x");
    feed(world, "tags", "5");
    feed(world, "categories_tags", "1,5");
    assert_int_equal(sgr_graph_run(world->graph, NULL), 0);
    assert_int_equal(sgr_views_commit(world->views, 1, 0, ignore_change, NULL, NULL), 0);
}

/* The document of a view at values given as text, in the parameters' order. */
static void assert_document(struct world *world, const char *path, const char *const *texts,
                            const char *expected) {
    struct sgr_view *view = sgr_views_find(world->views, sgr_slice(path));
    assert_non_null(view);
    struct sgr_value values[8] = {0};
    size_t count;
    const struct sgr_view_parameter *parameters = sgr_view_parameters(view, &count);
    for (size_t i = 0; i < count; i++) {
        values[i] = parameters[i].fallback;
        if (texts && texts[i])
            assert_int_equal(
                sgr_value_parse(parameters[i].column.type, sgr_slice(texts[i]), &values[i], NULL),
                0);
    }
    struct sgr_instance *instance;
    struct sgr_error error = {0};
    if (sgr_instance_open(view, values, &instance, &error) != 0)
        fail_msg("%s: %s", path, error.message);
    struct sgr_buffer out = SGR_BUFFER_INIT;
    assert_int_equal(sgr_instance_document(instance, sgr_codec_find("full"), &out, NULL), 0);
    assert_string_equal(sgr_buffer_text(&out), expected);
    sgr_buffer_fini(&out);
    sgr_instance_close(instance);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__})
#define SOURCE     "sources: { app: { plugin: memory, tables: {} } }\n"

static void the_example_is_served(void **state) {
    (void)state;
    struct world world;
    build_ok(&world, SOURCE
             "nodes:\n"
             "  cheap: { input: app.places, filter: \"price < 15\" }\n"
             "views:\n"
             "  /followeds:\n"
             "    from: app.users\n"
             "    params: { user: { type: int, default: 1 } }\n"
             "    get: { id: $user }\n"
             "    columns: [id, name]\n"
             "    populate:\n"
             "      followeds:\n"
             "        from: app.users\n"
             "        via: app.users_followeds (user_id -> followed_id)\n"
             "        columns: { key: id, since: via.since }\n"
             "        order_by: via.since desc\n"
             "        populate:\n"
             "          places: { from: cheap, via: app.users_places (user_id -> place_id), "
             "columns: name }\n"
             "      author: { from: app.users, on: \"author_id = id\", one: true, columns: [name] "
             "}\n");
    fill(&world);
    assert_document(&world, "/followeds", NULL,
                    "{\"id\":1,\"name\":\"ann\",\"followeds\":[{\"key\":3,\"since\":\"2021-01-01\","
                    "\"places\":[]},{\"key\":2,\"since\":\"2020-01-01\",\"places\":[{\"name\":"
                    "\"bar\"}]}],\"author\":{\"name\":\"bob\"}}");
    assert_document(&world, "/followeds", TEXTS("9"), "null");
    drop(&world);
}

static void inferred_links_are_those_written_out(void **state) {
    (void)state;
    struct world world;
    build_ok(
        &world, SOURCE
        "nodes: { u: { input: app.users, filter: \"active\" } }\n"
        "views:\n"
        "  /u: { from: app.users, get: { id: 1 }, columns: id, populate: { followeds: { from: "
        "u, infer: followed, columns: id }, author: { from: app.users, infer: author, one: "
        "true, columns: [id] } } }\n"
        "  /c: { from: app.categories, columns: id, populate: { tags: { from: app.tags, infer: "
        "tag } } }\n");
    fill(&world);
    assert_document(&world, "/u", NULL,
                    "{\"id\":1,\"followeds\":[{\"id\":3}],\"author\":{\"id\":2}}");
    assert_document(&world, "/c", NULL, "[{\"id\":1,\"tags\":[{\"id\":5}]}]");
    drop(&world);
}

static void conditions_hold_in_the_documents(void **state) {
    (void)state;
    struct world world;
    build_ok(
        &world, SOURCE
        "nodes: { own: { input: app.places, filter: \"price < 15\" } }\n"
        "views:\n"
        "  /shared: { from: app.places, where: \"price < 15\", columns: id }\n"
        "  /equal: { from: app.users, params: { c: text }, where: \"city = $c AND active\", "
        "columns: id }\n"
        "  /constant: { from: app.users, where: \"city = 'Roma' -- only\\n\", columns: id }\n"
        "  /tested: { from: app.users, params: { least: int }, where: \"(id >= $least AND "
        "(city = 'Roma' OR name = 'cid'))\", columns: id }\n"
        "  /pivot: { from: app.users, params: { y: date }, columns: id, populate: { f: { from: "
        "app.users, via: app.users_followeds (user_id -> followed_id), columns: id, where: "
        "\"via.since > $y AND users.id BETWEEN 2 AND 3\" } } }\n");
    fill(&world);
    assert_document(&world, "/shared", NULL, "[{\"id\":1}]");
    assert_document(&world, "/equal", TEXTS("Roma"), "[{\"id\":1}]");
    assert_document(&world, "/equal", TEXTS("Oslo"), "[{\"id\":3}]");
    assert_document(&world, "/constant", NULL, "[{\"id\":1},{\"id\":2}]");
    assert_document(&world, "/tested", TEXTS("2"), "[{\"id\":2},{\"id\":3}]");
    assert_document(&world, "/pivot", TEXTS("2020-06-01"),
                    "[{\"id\":1,\"f\":[{\"id\":3}]},{\"id\":2,\"f\":[]},{\"id\":3,\"f\":[]}]");
    drop(&world);
}

static void one_condition_is_one_node_however_it_is_spelled(void **state) {
    (void)state;
    struct world one, two;
    build_ok(&one, SOURCE "nodes: { own: { input: app.places, filter: \"price < 15\" }, "
                          "names: { input: app.places, map: { id: id, n: \"upper(name)\" } } }\n"
                          "views: { /a: { from: app.places } }\n");
    build_ok(&two, SOURCE
             "nodes:\n"
             "  own: { input: app.places, filter: \"price < 15\" }\n"
             "  same: { input: app.places, filter: \"PRICE<(15)\" }\n"
             "  names: { input: app.places, map: { id: id, n: \"upper(name)\" } }\n"
             "  same_names: { input: app.places, map: { id: \" id\", n: \"UPPER( name )\" } }\n"
             "views:\n"
             "  /a: { from: app.places, where: \"price < 15\" }\n"
             "  /b: { from: app.places, where: \"(places.price<15)\" }\n");
    assert_int_equal(sgr_graph_node_count(one.graph), sgr_graph_node_count(two.graph));
    drop(&one);
    drop(&two);
}

static void orders_and_limits(void **state) {
    (void)state;
    struct world world;
    build_ok(&world, SOURCE
             "views:\n"
             "  /name: { from: app.places, order_by: name desc, columns: id }\n"
             "  /first: { from: app.places, order_by: [price desc, id], limit: 1, columns: id }\n"
             "  /one: { from: app.places, order_by: price desc, one: true, columns: id }\n"
             "  /c: { from: app.foreign, order_by: 'name COLLATE \"C\"', columns: name }\n");
    fill(&world);
    assert_document(&world, "/name", NULL, "[{\"id\":2},{\"id\":1}]");
    assert_document(&world, "/first", NULL, "[{\"id\":2}]");
    assert_document(&world, "/one", NULL, "{\"id\":2}");
    assert_document(&world, "/c", NULL, "[{\"name\":\"C\"},{\"name\":\"a\"},{\"name\":\"b\"}]");
    drop(&world);
}

static void nodes_with_where_are_filtered_behind(void **state) {
    (void)state;
    struct world world;
    build_ok(&world,
             SOURCE "nodes:\n"
                    "  last: { input: labels, filter: \"id > 0\" }\n"
                    "  labels: { input: app.users, map: { id: id, label: \"upper(name)\" }, where: "
                    "\"label <> 'BOB'\" }\n"
                    "views: { /a: { from: last } }\n");
    fill(&world);
    assert_document(&world, "/a", NULL,
                    "[{\"id\":1,\"label\":\"ANN\"},{\"id\":3,\"label\":\"CID\"}]");
    drop(&world);
}

static void a_plan_can_be_built_again(void **state) {
    (void)state;
    struct world world;
    struct sgr_error error = {0};
    build_ok(&world, SOURCE "nodes: { n: { input: app.places, filter: \"price < 15\" } }\n"
                            "views: { /a: { from: n } }\n");
    struct sgr_views *other = sgr_views_new(world.graph);
    struct sgr_plan_tables source = {&world, find_table};
    assert_int_equal(sgr_plan_build(world.plan, world.graph, other, &source, &error), 0);
    sgr_views_free(other);
    drop(&world);
}

struct mistake {
    const char *text, *message, *place;
};

static void expect(const struct mistake *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct world world;
        struct sgr_error error = {0};
        char text[600];
        snprintf(text, sizeof(text), "%s%s", SOURCE, cases[i].text);
        int status = build(&world, text, &error);
        if (status != SGR_ECONFIG || !strstr(error.message, cases[i].message) ||
            strcmp(error.context, cases[i].place) != 0)
            fail_msg("case %zu: status %d, \"%s\" at \"%s\"", i, status, error.message,
                     error.context);
        drop(&world);
    }
}
#define EXPECT(cases) expect(cases, sizeof(cases) / sizeof(*(cases)))

static void mistakes_in_nodes(void **state) {
    (void)state;
#define NODE(text) "views: { /a: { from: n } }\nnodes: { n: { " text " } }\n"
    static const struct mistake cases[] = {
        {NODE("input: app.plces, filter: \"id > 1\""), "source \"app\" has no table \"plces\"",
         "t.yaml:3:22"},
        {NODE("input: app.places, filter: \"prise < 1\""), "price", "t.yaml:3:42"},
        {NODE("input: app.places, filter: \"price\""), "", "t.yaml:3:42"},
        {NODE("input: app.places, filter: \"price <\""), "", "t.yaml:3:42"},
        {NODE("input: app.places, filter: \"price < 'x'\""), "", "t.yaml:3:42"},
        {NODE("input: app.places, filter: \"price > 1\", where: \"nam = 'x'\""), "name",
         "t.yaml:3:62"},
        {NODE("inputs: [app.places, app.users], join: \"id = nme\""), "", "t.yaml:3:54"},
        {NODE("inputs: [app.places, app.users], union: {}"), "", "t.yaml:3:55"},
        {NODE("input: app.places, lua: \"row.x = = 1\""), "", "t.yaml:3:39"},
        {NODE("input: app.places, lua: \"row.x = 1\", adds: { x: itn }"), "itn", "t.yaml:3:39"},
    };
    EXPECT(cases);
}

static void mistakes_in_views(void **state) {
    (void)state;
#define VIEW(text)  "views:\n  /a: { from: app.users, " text " }\n"
#define FIELD(text) VIEW("populate: { x: { " text " } }")
    static const struct mistake cases[] = {
        {"views: { /a: { from: app.nothing } }\n", "has no table \"nothing\"", "t.yaml:2:22"},
        {VIEW("get: { idd: 1 }"), "unknown column of app.users \"idd\"; did you mean \"id\"?",
         "t.yaml:3:33"},
        {VIEW("get: { id: x }"), "app.users.id is int4", "t.yaml:3:37"},
        {VIEW("get: { data: x }"), "no equality", "t.yaml:3:39"},
        {VIEW("params: { p: text }, get: { id: $p }"),
         "app.users.id is int4, but parameter $p is text", "t.yaml:3:58"},
        {VIEW("where: \"activ\""), "active", "t.yaml:3:33"},
        {VIEW("where: \"id + 1\""), "must be a condition", "t.yaml:3:33"},
        {VIEW("params: { p: text }, where: \"id = $p\""), "", "t.yaml:3:54"},
        {VIEW("order_by: nme"), "did you mean \"name\"?", "t.yaml:3:36"},
        {VIEW("order_by: data"), "type json has no order", "t.yaml:3:36"},
        {VIEW("order_by: via.since"), "there is no pivot here", "t.yaml:3:36"},
        {VIEW("order_by: id COLLATE \"C\""), "has no collation", "t.yaml:3:36"},
        {"views: { /a: { from: app.foreign, order_by: name } }\n", "name COLLATE \"C\"",
         "t.yaml:2:45"},
        {VIEW("columns: [id, nme]"), "did you mean \"name\"?", "t.yaml:3:40"},
        {VIEW("columns: [via.since]"), "there is no pivot here", "t.yaml:3:36"},
        {VIEW("populate: { name: { from: app.users, on: id = id } }"),
         "app.users has a column \"name\" too", "t.yaml:3:44"},
        {FIELD("from: app.users, on: idd = id"), "column of app.users \"idd\"", "t.yaml:3:64"},
        {FIELD("from: app.places, on: name = id"), "name is text, but app.places.id is int4",
         "t.yaml:3:65"},
        {FIELD("from: app.users, on: data = data"), "json has no equality", "t.yaml:3:64"},
        {FIELD("from: app.users, via: app.users_followeds (usr_id -> followed_id)"),
         "did you mean \"user_id\"?", "t.yaml:3:65"},
        {FIELD("from: app.users, via: \"app.users_followeds (user_id, since -> followed_id)\""),
         "the key of app.users has 1 column, but 2 stand to the left of the arrow", "t.yaml:3:65"},
        {FIELD("from: app.bag, via: app.users_followeds (user_id -> followed_id)"),
         "app.bag has no key", "t.yaml:3:63"},
        {FIELD("from: app.users, via: app.users_followeds (since -> followed_id)"),
         "since is date, but app.users.id is int4", "t.yaml:3:65"},
        {FIELD("from: app.pairs, infer: friend, one: true"), "key of 2 columns", "t.yaml:3:67"},
        {FIELD("from: app.tags, infer: friend, one: true"), "\"friend_id\"", "t.yaml:3:66"},
        {FIELD("from: app.tags, infer: tag"), "has no table \"users_tags\"", "t.yaml:3:66"},
    };
    EXPECT(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_served),
        cmocka_unit_test(inferred_links_are_those_written_out),
        cmocka_unit_test(conditions_hold_in_the_documents),
        cmocka_unit_test(one_condition_is_one_node_however_it_is_spelled),
        cmocka_unit_test(orders_and_limits),
        cmocka_unit_test(nodes_with_where_are_filtered_behind),
        cmocka_unit_test(a_plan_can_be_built_again),
        cmocka_unit_test(mistakes_in_nodes),
        cmocka_unit_test(mistakes_in_views),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
