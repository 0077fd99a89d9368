/* The Lua front end: the document it makes, functions' texts, the box, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "config/document.h"

/* The document as one line: {a: 'text', b: [1, 2]}. */
static void print(const struct sgr_document_node *node, struct sgr_buffer *out) {
    if (node->kind == SGR_DOCUMENT_SCALAR) {
        sgr_buffer_printf(out, node->quoted ? "'%s'" : "%s", node->null ? "~" : node->text.data);
        return;
    }
    bool list = node->kind == SGR_DOCUMENT_SEQUENCE;
    sgr_buffer_putc(out, list ? '[' : '{');
    for (size_t i = 0; i < node->count; i++) {
        sgr_buffer_puts(out, i ? ", " : "");
        if (!list)
            sgr_buffer_printf(out, "%s: ", node->pairs[i].name);
        print(list ? node->items[i] : node->pairs[i].value, out);
    }
    sgr_buffer_putc(out, list ? ']' : '}');
}

static struct sgr_document *read_ok(const char *text) {
    struct sgr_document *document = NULL;
    struct sgr_error error = {0};
    if (sgr_document_read_lua("test.lua", sgr_slice(text), &document, &error) != 0)
        fail_msg("%s (%s)", error.message, error.context);
    return document;
}

static void assert_document(const char *text, const char *section, const char *expected) {
    struct sgr_document *document = read_ok(text);
    struct sgr_buffer out = SGR_BUFFER_INIT;
    const struct sgr_document_node *node = sgr_document_root(document);
    print(section ? sgr_document_get(node, section) : node, &out);
    assert_string_equal(sgr_buffer_text(&out), expected);
    sgr_buffer_fini(&out);
    sgr_document_free(document);
}

#define HEAD "local db = sangre.source { plugin = 'memory' }\n"

static void a_file_gives_its_text_without_the_last_lines_end(void **state) {
    char path[] = "/tmp/sangre-lua-XXXXXX", config[256];
    int descriptor = mkstemp(path);
    (void)state;
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "two\nlines\r\n", 11), 11);
    close(descriptor);
    snprintf(config, sizeof(config), "sangre.source { plugin = 'x', y = sangre.file '%s' }", path);
    assert_document(config, NULL, "{sources: {x: {plugin: 'x', y: 'two\nlines'}}}");
    unlink(path);
}

static void the_example_gives_the_document_that_yaml_gives(void **state) {
    (void)state;
    setenv("SGR_TEST_URL", "host=x", 1);
    assert_document(
        "local db = sangre.source { plugin = \"postgres\", conninfo = sangre.env \"SGR_TEST_URL\" "
        "}\n"
        "local places = db:table \"places\"\n"
        "  :each(function(p) p.occupation = math.random(0, 4) end, { adds = { occupation = "
        "\"int\" }, every = \"3s\" })\n"
        "sangre.view(\"/followeds\", db:table \"users\" :get { id = sangre.param(\"user\", 1) }\n"
        "  :join_many(\"followed\", db:table \"users\" :join_many(\"place\", places)))\n",
        NULL,
        "{sources: {postgres: {conninfo: 'host=x', plugin: 'postgres'}}, "
        "nodes: {places_lua: {input: 'postgres.places', lua: 'function(p) p.occupation = "
        "math.random(0, 4) end', every: '3s', adds: {occupation: 'int'}}}, "
        "views: {/followeds: {from: 'postgres.users', params: {user: {type: 'int', default: 1}}, "
        "get: {id: $user}, populate: {followeds: {from: 'postgres.users', infer: 'followed', "
        "populate: {places: {from: 'places_lua', infer: 'place'}}}}}}}");
}

static void every_method_makes_its_node(void **state) {
    (void)state;
    assert_document(HEAD "local a, b = db:table 'a', db:table 'public.b'\n"
                         "local x = a:filter('price < 100', { name = 'cheap' })\n"
                         "x:map({ 'id', { label = 'upper(name)' } })\n"
                         "a:filter(function(r) return r.x end)\n"
                         "a:join(b, 'id = b_id')\n"
                         "a:union(b, x)\n"
                         "a:log('places')\n"
                         "a:log { prefix = 'x' }\n"
                         "a:repeated(2)\n"
                         "a:node('topk', 10, { by = 'x desc', where = 'y' })\n"
                         "a:each('row.x = 1')\n",
                    "nodes",
                    "{cheap: {input: 'memory.a', filter: 'price < 100'}, "
                    "a_map: {input: 'cheap', map: {id: 'id', label: 'upper(name)'}}, "
                    "a_lua: {input: 'memory.a', lua: 'function(r) return r.x end'}, "
                    "a_join: {inputs: ['memory.a', 'memory.public.b'], join: 'id = b_id'}, "
                    "a_union: {inputs: ['memory.a', 'memory.public.b', 'cheap'], union: ~}, "
                    "a_log: {input: 'memory.a', log: 'places'}, "
                    "a_log_2: {input: 'memory.a', log: ~, prefix: 'x'}, "
                    "a_repeat: {input: 'memory.a', repeat: 2}, "
                    "a_topk: {input: 'memory.a', topk: 10, by: 'x desc', where: 'y'}, "
                    "a_lua_2: {input: 'memory.a', lua: 'row.x = 1'}}");
}

static void every_clause_goes_into_its_level(void **state) {
    (void)state;
    assert_document(
        HEAD "local users = db:table 'users'\n"
             "local posts = db:table 'posts' :where('n > $least', sangre.param('least', { type = "
             "'int' })) :order_by 'id desc' :limit(3)\n"
             "sangre.view('/a', users:columns { 'id', 'name' } :where 'active' :order_by { 'name' "
             "} :join_many('post', posts, { on = 'id = user_id', as = 'latest' })\n"
             "  :join_one('city', db:table 'cities') :join_many('friend', users, { via = 'friends "
             "(a -> b)' }))\n"
             "sangre.view('/b', users:get { id = 5 }, { params = { x = 'text' } })\n"
             "sangre.view('/c', users:one())\n",
        "views",
        "{/a: {from: 'memory.users', params: {least: {type: 'int'}}, columns: ['id', 'name'], "
        "where: 'active', order_by: ['name'], populate: {latest: {from: 'memory.posts', on: 'id = "
        "user_id', where: 'n > $least', order_by: 'id desc', limit: 3}, city: {from: "
        "'memory.cities', infer: 'city', one: true}, friends: {from: 'memory.users', via: "
        "'memory.friends (a -> b)'}}}, /b: {from: 'memory.users', params: {x: 'text'}, get: {id: "
        "5}}, /c: {from: 'memory.users', one: true}}");
}

static void relations_are_not_changed_by_their_methods(void **state) {
    (void)state;
    assert_document(HEAD "local u = db:table 'u'\n"
                         "local w = u:where 'a'\n"
                         "sangre.view('/1', w:limit(1)) sangre.view('/2', w:limit(2))\n"
                         "sangre.view('/0', u)\n",
                    "views",
                    "{/1: {from: 'memory.u', where: 'a', limit: 1}, /2: {from: 'memory.u', where: "
                    "'a', limit: 2}, /0: {from: 'memory.u'}}");
}

static void server_and_sinks(void **state) {
    (void)state;
    assert_document(
        "sangre.server { listen = ':0', seed = 7, history = { age = '1min' } }\n"
        "sangre.sink { plugin = 'websocket' } sangre.sink { plugin = 'websocket', name = 'w' }\n"
        "sangre.source { plugin = '/x/y.so', rows = { { 1, 2.5, true }, {} } }\n",
        NULL,
        "{server: {history: {age: '1min'}, listen: ':0', seed: 7}, sources: {source: {plugin: "
        "'/x/y.so', rows: [[1, 2.5, true], {}]}}, sinks: {websocket: {plugin: 'websocket'}, w: "
        "{plugin: 'websocket'}}}");
}

static void mappings_can_keep_an_order(void **state) {
    (void)state;
    assert_document(
        "sangre.source { plugin = 'memory', tables = { t = { columns = sangre.ordered {\n"
        "{ b = 'int' }, 'c', { a = 'text' } } } } }\n",
        "sources",
        "{memory: {plugin: 'memory', tables: {t: {columns: {b: 'int', c: 'c', a: "
        "'text'}}}}}");
}

static void a_functions_text_is_found_among_others(void **state) {
    (void)state;
    assert_document(
        "-- function(x) end\n" HEAD "local t = db:table 't'\n"
        "t:each(function(a) a.x = 1 end) t:each(function(a) a.x = 2 end)\n"
        "local function named(r) if r.x then for i = 1, 2 do r.y = [[end]] end end end\n"
        "t:each(named)\n"
        "t:each(function(r)\n  repeat local s = 'end \\' end' until true -- end\n"
        "  while r.x do return function() end end\nend)\n",
        "nodes",
        "{t_lua: {input: 'memory.t', lua: 'function(a) a.x = 1 end'}, "
        "t_lua_2: {input: 'memory.t', lua: 'function(a) a.x = 2 end'}, "
        "t_lua_3: {input: 'memory.t', lua: 'function(r) if r.x then for i = 1, 2 do r.y = "
        "[[end]] end end end'}, "
        "t_lua_4: {input: 'memory.t', lua: 'function(r)\n  repeat local s = 'end \\' end' until "
        "true -- end\n  while r.x do return function() end end\nend'}}");
}

static void places_are_the_lines_of_the_config(void **state) {
    (void)state;
    struct sgr_document *document =
        read_ok(HEAD "sangre.view('/a',\n  db:table 't'\n  :limit(1)\n  :where 'x')\n");
    const struct sgr_document_node *view =
        sgr_document_get(sgr_document_get(sgr_document_root(document), "views"), "/a");
    assert_int_equal(sgr_document_get(view, "where")->line, 5);
    assert_int_equal(sgr_document_get(view, "limit")->line, 4);
    assert_string_equal(view->file, "test.lua");
    sgr_document_free(document);
}

static void the_config_is_the_same_at_each_start(void **state) {
    (void)state;
    const char *text = HEAD "local t, s = { b = 1, a = 2, c = 3, [1] = 4, [2] = 5 }, ''\n"
                            "for k, v in pairs(t) do s = s .. tostring(k) .. v end\n"
                            "s = s .. tostring({}) .. math.random(1, 1000000)\n"
                            "sangre.view('/a', db:table 't' :where(s))\n";
    struct sgr_document *one = read_ok(text), *two = read_ok(text);
    struct sgr_buffer a = SGR_BUFFER_INIT, b = SGR_BUFFER_INIT;
    print(sgr_document_root(one), &a);
    print(sgr_document_root(two), &b);
    assert_string_equal(sgr_buffer_text(&a), sgr_buffer_text(&b));
    assert_non_null(strstr(sgr_buffer_text(&a), "'1425a2b1c3table"));
    sgr_buffer_fini(&a);
    sgr_buffer_fini(&b);
    sgr_document_free(one);
    sgr_document_free(two);
}

static void mistakes_are_named_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        unsigned line;
    } cases[] = {
        {"local x = \n)", "unexpected symbol near ')'", 2},
        {"local x = 1\nx.y.z = 2", "attempt to index a number value", 2},
        {"\nsangre.veiw('/a')", "unknown function of sangre \"veiw\"; did you mean \"view\"?", 2},
        {"sangre.x = 1", "can't be changed", 1},
        {HEAD "db:table 't' :fliter 'x'", "did you mean \"filter\"?", 2},
        {HEAD "db.table 't'", "with a colon", 2},
        {HEAD "db:tables 't'", "did you mean \"table\"?", 2},
        {HEAD "sangre.view('/a', 5)", "takes a path and a relation", 2},
        {HEAD "local t = db:table 't' sangre.view('/a', t)\nsangre.view('/a', t)",
         "there is a view \"/a\" already", 3},
        {HEAD "db:table 't' :limit(1)\n:filter 'x'", "filter makes a node, but limit was called",
         3},
        {HEAD "db:table 't' :limit(1):limit(2)", "limit is given twice", 2},
        {HEAD "db:table 't' :join_many('x', 5)", "must be a relation", 2},
        {HEAD "db:table 't' :join_many('x', db:table 'u', { vai = 'x' })", "did you mean \"via\"?",
         2},
        {HEAD "local n = 4\ndb:table 't' :each(function(r) r.x = n end)", "uses \"n\" from outside",
         3},
        {HEAD "db:table 't' :each(math.random)", "a function written in the config", 2},
        {HEAD "db:table 't' :each(5)", "each takes a function or its text", 2},
        {HEAD "db:table 't' :get { id = sangre.param('x') }", "needs a default, or its type", 2},
        {HEAD "db:table 't' :where('x', 5)", "stand parameters", 2},
        {"sangre.env 'SGR_TEST_NONE'", "environment variable SGR_TEST_NONE is not set", 1},
        {"sangre.file '/nowhere'", "can't read /nowhere: No such file", 1},
        {"sangre.file '/'", "can't read /: ", 1},
        {"sangre.source { plugin = 5 }", "plugin must be a string", 1},
        {"sangre.source { plugin = 'x', 1 }", "a list or have names", 1},
        {"local t = {} t.t = t\nsangre.source { plugin = 'x', y = t }", "nested deeper", 2},
        {"sangre.server {} \nsangre.server {}", "called twice", 2},
        {"sangre.source { plugin = 'x', y = string.rep }", "a function written in the config", 1},
        {"error('mine')", "mine", 1},
        {"error({})", "an error that is no text", 1},
        {"local x <const> = 1\n\n\27Lua", "", 3},
    };
    unsetenv("SGR_TEST_NONE");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sgr_document *document = NULL;
        struct sgr_error error = {0};
        char place[40];
        snprintf(place, sizeof(place), "test.lua:%u:1", cases[i].line);
        int status = sgr_document_read_lua("test.lua", sgr_slice(cases[i].text), &document, &error);
        if (status != SGR_ECONFIG || !strstr(error.message, cases[i].message) ||
            strcmp(error.context, place) != 0)
            fail_msg("case %zu: status %d, \"%s\" at \"%s\"", i, status, error.message,
                     error.context);
        assert_null(document);
    }
}

static void the_box_has_no_way_out(void **state) {
    (void)state;
    assert_document("for _, name in ipairs { 'io', 'os', 'require', 'package', 'debug', 'load', "
                    "'loadfile', 'dofile', 'coroutine', 'collectgarbage', 'setmetatable', "
                    "'getmetatable', 'pcall', 'print' } do\n"
                    "  assert(_G[name] == nil, name)\nend\n"
                    "assert(string.dump == nil and math.randomseed == nil)\n",
                    NULL, "{}");
}

static void the_box_ends_what_runs_too_long_or_takes_too_much(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"while true do end", "runs too long"},
        {"local t = {} while true do t[#t + 1] = ('x'):rep(1000) end", ""},
        {"local s = ('x'):rep(1 << 40)", "more than 1 MB"},
        {"local s = ('a'):rep(10000) s:find('.-.-.-.-b')", "too long on a text"},
        {"local s = 'x' while true do s = s .. s end", "memory"},
        {"\27Lua", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sgr_document *document = NULL;
        struct sgr_error error = {0};
        int status = sgr_document_read_lua("test.lua", sgr_slice(cases[i].text), &document, &error);
        if (status != SGR_ECONFIG || !strstr(error.message, cases[i].message))
            fail_msg("case %zu: status %d, \"%s\" at \"%s\"", i, status, error.message,
                     error.context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gives_its_text_without_the_last_lines_end),
        cmocka_unit_test(the_example_gives_the_document_that_yaml_gives),
        cmocka_unit_test(every_method_makes_its_node),
        cmocka_unit_test(every_clause_goes_into_its_level),
        cmocka_unit_test(relations_are_not_changed_by_their_methods),
        cmocka_unit_test(server_and_sinks),
        cmocka_unit_test(mappings_can_keep_an_order),
        cmocka_unit_test(a_functions_text_is_found_among_others),
        cmocka_unit_test(places_are_the_lines_of_the_config),
        cmocka_unit_test(the_config_is_the_same_at_each_start),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(the_box_has_no_way_out),
        cmocka_unit_test(the_box_ends_what_runs_too_long_or_takes_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
