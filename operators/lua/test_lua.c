/* The Lua operator through the real graph, loader and config: rows in, changes out, as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "config/document.h"
#include "graph/graph.h"
#include "loader/loader.h"

#define SECOND INT64_C(1000000)

struct fixture {
    struct sgr_loader *loader;
    struct sgr_heap *heap;
    struct sgr_graph *graph;
    struct sgr_schema *schema;
    struct sgr_node *relation, *node;
    struct sgr_buffer trace;
    char failure[1024];
    size_t failures;
    int64_t demanded; /* id of the only row that is looked at; 0: all are */
};

static bool demanded(void *data, struct sgr_node *node, const struct sgr_row *row) {
    struct fixture *fixture = data;
    struct sgr_value id = sgr_row_value(sgr_node_schema(node), row, 0);
    return !fixture->demanded || id.i == fixture->demanded;
}

static void row_failed(void *data, struct sgr_node *node, const char *row_text,
                       const struct sgr_error *error) {
    struct fixture *fixture = data;
    (void)node;
    fixture->failures++;
    snprintf(fixture->failure, sizeof(fixture->failure), "%s at %s", error->message, row_text);
}

static void observe(void *data, struct sgr_node *node, const struct sgr_batch *batch) {
    struct fixture *fixture = data;
    for (size_t i = 0; i < batch->count; i++) {
        const struct sgr_schema *schema = sgr_node_schema(node);
        sgr_buffer_printf(&fixture->trace, "%+d ", (int)batch->items[i].weight);
        sgr_row_json(schema, batch->items[i].row, NULL, schema->count, &fixture->trace);
        sgr_buffer_puts(&fixture->trace, "\n");
    }
}

static struct sgr_schema *items_schema(void) {
    static const char *const names[] = {"id", "name", "price", "weight", "sold"};
    static const char *const types[] = {"int", "text", "numeric", "float8", "bool"};
    struct sgr_column columns[5];
    for (int i = 0; i < 5; i++) {
        memset(&columns[i], 0, sizeof(columns[i]));
        assert_int_equal(sgr_type_parse(sgr_slice(types[i]), &columns[i], NULL), 0);
        columns[i].name = names[i];
    }
    return sgr_schema_new(columns, 5);
}

static void start(struct fixture *fixture, uint64_t seed, bool keyed) {
    const char *directories[] = {getenv("SANGRE_PLUGIN_DIR"), NULL};
    struct sgr_graph_hooks hooks = {fixture, demanded, row_failed};
    memset(fixture, 0, sizeof(*fixture));
    hooks.data = fixture;
    fixture->loader = sgr_loader_new(directories);
    fixture->heap = sgr_heap_new(1 << 26, NULL);
    fixture->graph = sgr_graph_new(fixture->heap, seed, &hooks);
    fixture->schema = items_schema();
    uint16_t key[] = {0};
    assert_int_equal(sgr_graph_relation(fixture->graph, "app.items", fixture->schema, key, keyed,
                                        &fixture->relation, NULL),
                     0);
}

/* The node with these options (the main one, `lua:` in a config, by its own name). */
static int make(struct fixture *fixture, const char *yaml, struct sgr_error *error) {
    static const char *const ignore[] = {"input", "inputs", NULL};
    struct sgr_document *document = NULL;
    struct sgr_options *options;
    const struct sgr_plugin *plugin;
    memset(error, 0, sizeof(*error));
    int code = sgr_document_read_yaml("test.yaml", sgr_slice(yaml), &document, error);
    if (code == 0)
        code = sgr_loader_plan_kind(fixture->loader, "lua", &plugin, error);
    if (code == 0)
        code = sgr_options_parse(plugin, sgr_document_root(document), ignore, &options, error);
    if (code == 0)
        code = sgr_graph_operator(fixture->graph, plugin, options, &fixture->relation, 1, "node",
                                  &fixture->node, error);
    sgr_document_free(document);
    if (code == 0)
        sgr_node_observe(fixture->node, observe, fixture);
    return code;
}

static void stop(struct fixture *fixture) {
    if (fixture->node)
        sgr_node_unobserve(fixture->node, observe, fixture);
    sgr_node_unref(fixture->node);
    sgr_node_unref(fixture->relation);
    sgr_graph_free(fixture->graph);
    sgr_schema_unref(fixture->schema);
    assert_int_equal(sgr_heap_rows(fixture->heap), 0);
    sgr_heap_free(fixture->heap);
    sgr_loader_free(fixture->loader);
    sgr_buffer_fini(&fixture->trace);
}

static void begin(struct fixture *fixture, const char *yaml) {
    struct sgr_error error;
    start(fixture, 7, true);
    if (make(fixture, yaml, &error) < 0)
        fail_msg("%s (%s)", error.message, error.context);
}

static struct sgr_value text(enum sgr_type type, const char *text) {
    struct sgr_value value = {.type = type, .null = !text};
    if (text)
        value.s = sgr_slice(text);
    return value;
}

static void feed(struct fixture *fixture, int64_t weight, int64_t id, const char *name,
                 const char *price) {
    struct sgr_value values[5] = {
        {.type = SGR_INT4, .i = id},     text(SGR_TEXT, name),
        text(SGR_NUMERIC, price),        {.type = SGR_FLOAT8, .f = 1.5},
        {.type = SGR_BOOL, .i = id % 2},
    };
    const struct sgr_row *row;
    assert_int_equal(sgr_row_new(fixture->heap, fixture->schema, values, &row, NULL), 0);
    assert_int_equal(sgr_node_feed(fixture->relation, row, weight), 0);
    sgr_row_unref(row);
}

/* Runs and gives what the node put out since the last call. */
static const char *changes(struct fixture *fixture) {
    struct sgr_error error = {0};
    sgr_buffer_clear(&fixture->trace);
    if (sgr_graph_run(fixture->graph, &error) < 0)
        fail_msg("%s", error.message);
    return sgr_buffer_text(&fixture->trace);
}

static const char *ticked(struct fixture *fixture, uint64_t tick) {
    struct sgr_error error = {0};
    sgr_buffer_clear(&fixture->trace);
    if (sgr_graph_tick(fixture->graph, 3 * SECOND, tick, &error) < 0)
        fail_msg("%s", error.message);
    return sgr_buffer_text(&fixture->trace);
}

/* One row through a script that adds `out text`; its value there, "null" if the script failed. */
static const char *answer(struct fixture *fixture, const char *code) {
    struct sgr_buffer yaml = SGR_BUFFER_INIT;
    sgr_buffer_puts(&yaml, "code: |\n  ");
    for (; *code; code++)
        sgr_buffer_printf(&yaml, *code == '\n' ? "\n  " : "%c", *code);
    sgr_buffer_puts(&yaml, "\nadds: { out: text }\ndrops: [id, name, price, weight, sold]\n");
    begin(fixture, sgr_buffer_text(&yaml));
    sgr_buffer_fini(&yaml);
    feed(fixture, 1, 1, "ann", "9.90");
    return changes(fixture);
}

static void expect_answer(const char *code, const char *expected) {
    struct fixture fixture;
    const char *got = answer(&fixture, code);
    if (strcmp(got, expected))
        fail_msg("%s\ngave     %sexpected %s(%s)", code, got, expected, fixture.failure);
    stop(&fixture);
}

static void expect_failure(const char *code, const char *part) {
    struct fixture fixture;
    answer(&fixture, code);
    if (fixture.failures != 1 || !strstr(fixture.failure, part))
        fail_msg("%s\nfailed with %s\nexpected    %s", code, fixture.failure, part);
    stop(&fixture);
}

static void expect_config_error(const char *yaml, const char *part) {
    struct fixture fixture;
    struct sgr_error error;
    start(&fixture, 7, true);
    assert_true(make(&fixture, yaml, &error) < 0);
    if (!strstr(error.message, part))
        fail_msg("%s\nfailed with %s\nexpected    %s", yaml, error.message, part);
    stop(&fixture);
}

static void test_statements_set_added_columns(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: 'row.label = row.name:upper() .. row.id'\nadds: { label: text }\n"
                    "drops: [price, weight, sold]\n");
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":1,\"name\":\"ann\",\"label\":\"ANN1\"}\n");
    feed(&fixture, -1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "-1 {\"id\":1,\"name\":\"ann\",\"label\":\"ANN1\"}\n");
    stop(&fixture);
}

static void test_an_expression_filters(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: 'row.name and #row.name > 2'\ndrops: [price, weight, sold]\n");
    feed(&fixture, 1, 1, "ann", NULL);
    feed(&fixture, 1, 2, "al", NULL);
    feed(&fixture, 1, 3, NULL, NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":1,\"name\":\"ann\"}\n");
    assert_int_equal(fixture.failures, 0);
    stop(&fixture);
}

static void test_a_function_returns_several_rows_with_their_own_key(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: |\n"
                    "  function(p)\n"
                    "    local out = {}\n"
                    "    for word in p.name:gmatch('%a+') do\n"
                    "      out[#out + 1] = { id = p.id, word = word }\n"
                    "    end\n"
                    "    return out\n"
                    "  end\n"
                    "returns: { id: int, word: text }\nkey: [id, word]\n");
    size_t count;
    sgr_node_key(fixture.node, &count);
    assert_int_equal(count, 2);
    feed(&fixture, 1, 1, "ann lee", NULL);
    feed(&fixture, 1, 2, "-", NULL);
    assert_string_equal(changes(&fixture),
                        "+1 {\"id\":1,\"word\":\"ann\"}\n+1 {\"id\":1,\"word\":\"lee\"}\n");
    feed(&fixture, -1, 1, "ann lee", NULL);
    feed(&fixture, 1, 1, "lee bo", NULL);
    assert_string_equal(changes(&fixture),
                        "-1 {\"id\":1,\"word\":\"ann\"}\n+1 {\"id\":1,\"word\":\"bo\"}\n");
    stop(&fixture);
}

static void test_an_untouched_row_is_passed_on_as_the_same_row(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: row.id > 1\n");
    feed(&fixture, 1, 2, "ann", "1.10");
    assert_string_equal(
        changes(&fixture),
        "+1 {\"id\":2,\"name\":\"ann\",\"price\":1.10,\"weight\":1.5,\"sold\":false}\n");
    assert_int_equal(sgr_heap_rows(fixture.heap), 1);
    stop(&fixture);
}

static const char dice[] = "code: 'row.dice = math.random(1, 1000000)'\nadds: { dice: int }\n"
                           "drops: [price, weight, sold]\nevery: 3s\n";

static void test_a_retraction_takes_back_what_the_last_tick_sent(void **state) {
    (void)state;
    struct fixture fixture;
    char sent[256];
    begin(&fixture, dice);
    feed(&fixture, 1, 1, "ann", NULL);
    changes(&fixture);
    const char *tick = ticked(&fixture, 1);
    snprintf(sent, sizeof(sent), "-%s", strstr(tick, "+1 ") + 1);
    feed(&fixture, -1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), sent);
    stop(&fixture);
}

static void test_the_same_seed_key_and_tick_give_the_same_random_numbers(void **state) {
    (void)state;
    struct fixture first, second, other;
    char once[256], later[256];
    begin(&first, dice);
    feed(&first, 1, 1, "ann", NULL);
    snprintf(once, sizeof(once), "%s", changes(&first));
    snprintf(later, sizeof(later), "%s", ticked(&first, 1));
    begin(&second, dice);
    feed(&second, 1, 9, "bob", NULL); /* another row's draws must not disturb */
    feed(&second, 1, 1, "ann", NULL);
    assert_non_null(strstr(changes(&second), once));
    assert_string_not_equal(later, "");
    struct sgr_error error;
    start(&other, 8, true);
    assert_int_equal(make(&other, dice, &error), 0);
    feed(&other, 1, 1, "ann", NULL);
    assert_string_not_equal(changes(&other), once);
    stop(&first);
    stop(&second);
    stop(&other);
}

static void test_an_update_between_ticks_keeps_the_rows_random_numbers(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, dice);
    feed(&fixture, 1, 1, "ann", NULL);
    changes(&fixture);
    ticked(&fixture, 5);
    feed(&fixture, -1, 1, "ann", NULL);
    feed(&fixture, 1, 1, "bob", NULL);
    const char *trace = changes(&fixture);
    char *before = strstr(trace, "\"dice\":"), *after = strstr(before + 1, "\"dice\":");
    assert_int_equal(atoi(before + 7), atoi(after + 7));
    stop(&fixture);
}

static void test_ticks_run_demanded_rows_only(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: 'row.dice = math.random(1, 1000000)'\nadds: { dice: int }\n"
                    "every: 3s\ndemanded: true\n");
    for (int id = 1; id <= 3; id++)
        feed(&fixture, 1, id, "ann", NULL);
    changes(&fixture);
    fixture.demanded = 2;
    const char *trace = ticked(&fixture, 1);
    assert_non_null(strstr(trace, "+1 {\"id\":2"));
    assert_null(strstr(trace, "\"id\":1,"));
    assert_null(strstr(trace, "\"id\":3,"));
    stop(&fixture);
}

static void test_a_pure_script_remembers_nothing_and_retracts_right(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: 'row.dice = math.random(1, 1000000)'\nadds: { dice: int }\n"
                    "drops: [price, weight, sold]\npure: true\nevery: 3s\n");
    char sent[256];
    feed(&fixture, 1, 1, "ann", NULL);
    snprintf(sent, sizeof(sent), "%s", changes(&fixture));
    const char *tick = ticked(&fixture, 1);
    assert_non_null(strstr(tick, sent + 2)); /* what was sent is taken back … */
    snprintf(sent, sizeof(sent), "%s", strstr(tick, "+1 ") + 2);
    feed(&fixture, -1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture) + 2, sent); /* … and so is what came in its place */
    stop(&fixture);
}

static void test_duplicates_of_a_bag_go_in_and_out_together(void **state) {
    (void)state;
    struct fixture fixture;
    struct sgr_error error;
    start(&fixture, 7, false);
    assert_int_equal(make(&fixture, "code: 'return { row, row }'\nreturns: { id: int }\n", &error),
                     0);
    feed(&fixture, 1, 1, "ann", NULL);
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "+4 {\"id\":1}\n");
    feed(&fixture, -1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "-2 {\"id\":1}\n");
    stop(&fixture);
}

static void test_a_failing_row_is_kept_and_told_with_line_and_row(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: |\n  row.out = 1\n  row.out = row.name + 1\nadds: { out: int }\n"
                    "drops: [price, weight, sold]\n");
    feed(&fixture, 1, 1, "ann", NULL);
    feed(&fixture, 1, 2, "41", NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":1,\"name\":\"ann\",\"out\":null}\n"
                                           "+1 {\"id\":2,\"name\":\"41\",\"out\":42}\n");
    assert_int_equal(fixture.failures, 1);
    assert_non_null(strstr(fixture.failure, "script:2: "));
    assert_non_null(strstr(fixture.failure, "{\"id\":1,"));
    feed(&fixture, -1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "-1 {\"id\":1,\"name\":\"ann\",\"out\":null}\n");
    stop(&fixture);
}

static void test_a_failing_row_is_dropped_if_so_configured(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: 'if row.id == 1 then error(\"no\") end'\non_error: drop\n"
                    "drops: [price, weight, sold]\n");
    feed(&fixture, 1, 1, "ann", NULL);
    feed(&fixture, 1, 2, "bob", NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":2,\"name\":\"bob\"}\n");
    assert_int_equal(fixture.failures, 1);
    stop(&fixture);
}

static void test_a_script_cannot_run_for_ever(void **state) {
    (void)state;
    expect_failure("while true do end", "longer than its budget of 100 ms");
    expect_failure("while true do pcall(function() while true do end end) end", "longer than");
    expect_failure("local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end })\n"
                   "return t[1]",
                   "stack overflow");
    expect_failure("local s = ('x'):rep(200000)\nwhile true do local t = s .. 'y' end",
                   "longer than");
    expect_failure("local s = ('a'):rep(3000)\nreturn s:find('.-.-.-.-.-b')", "narrower classes");
    expect_failure("local s = ('a'):rep(300)\nfor i = 1, 1e9 do s:find('.-b') end", "longer than");
    expect_failure("return ('x'):rep(1 << 40)", "string.rep: longer");
    expect_failure("return ('x'):rep(1 << 40, 'y')", "string.rep: longer");
    expect_failure("table.move({}, 1, 1 << 40, 2)", "table.move: more");
    expect_failure(
        "table.insert(setmetatable({}, { __len = function() return 1 << 40 end }), 1, 1)",
        "plain tables");
    expect_answer("row.out = #(''):rep(1 << 60)", "+1 {\"out\":\"0\"}\n");
}

static void test_a_script_cannot_take_all_memory_and_the_next_row_is_fine(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: |\n"
                    "  if row.id == 1 then\n"
                    "    local t = {}\n"
                    "    for i = 1, 1e6 do t[i] = { i } end\n"
                    "  end\n"
                    "  row.out = row.id\n"
                    "adds: { out: int }\nmemory: 1MB\ntime: 10s\n");
    feed(&fixture, 1, 1, "ann", NULL);
    feed(&fixture, 1, 2, "bob", NULL);
    const char *trace = changes(&fixture);
    assert_non_null(strstr(fixture.failure, "budget of 1024 KB"));
    assert_non_null(strstr(trace, "\"out\":2"));
    stop(&fixture);
}

static void test_a_script_sees_nothing_of_the_world(void **state) {
    (void)state;
    expect_answer(
        "for _, name in ipairs { 'os', 'io', 'package', 'require', 'dofile', 'loadfile',\n"
        "  'debug', 'collectgarbage', 'coroutine', 'print', 'rawset', '_G' } do\n"
        "  if _ENV[name] ~= nil then error(name) end\n"
        "end\n"
        "row.out = tostring(string.dump) .. tostring(math.randomseed)",
        "+1 {\"out\":\"nilnil\"}\n");
    expect_failure("local f = load('\\27Lua') or error('refused')", "refused");
    expect_answer("row.out = load('return type(os)')()", "+1 {\"out\":\"nil\"}\n");
    expect_failure("setmetatable({}, { __gc = function() end })", "__gc is not allowed");
    expect_answer("row.out = tostring(getmetatable(''))", "+1 {\"out\":\"nil\"}\n");
}

static void test_globals_and_libraries_cannot_be_changed(void **state) {
    (void)state;
    expect_failure("count = 1", "'count' is not a local variable");
    expect_failure("math.random = nil", "can't be changed");
    expect_failure("string.upper = string.lower", "can't be changed");
    expect_failure("_ENV.x = 1", "can't be changed");
}

static void test_nothing_depends_on_hash_order_or_addresses(void **state) {
    (void)state;
    expect_answer("local t, out = { b = 1, a = 2, [3] = 3, [1.5] = 4, [true] = 5, [1] = 6 }, {}\n"
                  "for k in pairs(t) do out[#out + 1] = tostring(k) end\n"
                  "row.out = table.concat(out, ' ')",
                  "+1 {\"out\":\"1 1.5 3 a b true\"}\n");
    expect_answer("local t, out, k = { c = 1, b = 1, a = 1 }, ''\n"
                  "repeat k = next(t, k); out = out .. tostring(k) until k == nil\n"
                  "row.out = out",
                  "+1 {\"out\":\"abcnil\"}\n");
    expect_answer("local t = { a = 1, b = 2, c = 3 }\n"
                  "local n = 0\n"
                  "for k in pairs(t) do t.b = nil; n = n + 1 end\n"
                  "row.out = n",
                  "+1 {\"out\":\"2\"}\n");
    expect_answer("row.out = tostring({}) .. tostring(print or math.abs) .. ('%s'):format({})",
                  "+1 {\"out\":\"tablefunctiontable\"}\n");
    expect_failure("row.out = ('%10p'):format({})", "address");
    expect_failure("for k in pairs({ [{}] = 1 }) do end", "no fixed order");
    expect_answer("local out = {}\n"
                  "for name in pairs(row) do out[#out + 1] = name end\n"
                  "row.out = table.concat(out, ' ')",
                  "+1 {\"out\":\"id name price weight sold\"}\n");
}

static void test_values_cross_over_exactly(void **state) {
    (void)state;
    expect_answer("row.out = math.type(row.id) .. type(row.price) .. math.type(row.weight) ..\n"
                  "  tostring(row.sold) .. row.price .. tonumber(row.price) + 1",
                  "+1 {\"out\":\"integerstringfloattrue9.9010.9\"}\n");
    struct fixture fixture;
    begin(&fixture, "code: |\n"
                    "  row.n = row.id == 1 and 0.1 or '12345678901234567890.50'\n"
                    "  row.f = row.id\n"
                    "  row.b = row.id == 1\n"
                    "  row.d = '2024-02-29'\n"
                    "adds: { n: numeric, f: float8, b: bool, d: date }\n"
                    "drops: [name, price, weight, sold]\n");
    feed(&fixture, 1, 1, "ann", NULL);
    feed(&fixture, 1, 2, "ann", NULL);
    assert_string_equal(changes(&fixture),
                        "+1 {\"id\":1,\"n\":0.1,\"f\":1,\"b\":true,\"d\":\"2024-02-29\"}\n"
                        "+1 {\"id\":2,\"n\":12345678901234567890.50,\"f\":2,\"b\":false,"
                        "\"d\":\"2024-02-29\"}\n");
    stop(&fixture);
}

static void test_values_that_do_not_fit_are_refused(void **state) {
    (void)state;
    expect_failure("row.out = {}", "column out is text, and can't be a table");
    expect_failure("row.out = '\\xff'", "not valid UTF-8");
    expect_failure("row.out = 'a\\0b'", "zero byte");
    expect_failure("row.nmae = 1", "no column 'nmae'; there are id, name");
    expect_failure("return 7", "returned a number");
    expect_failure("return { 7 }", "a list with a number in it");
    expect_failure("return { outt = 1 }", "a column 'outt'");
    struct fixture fixture;
    begin(&fixture, "code: 'row.small = row.id == 1 and 40000 or 1.5'\nadds: { small: int2 }\n");
    feed(&fixture, 1, 1, "ann", NULL);
    changes(&fixture);
    assert_non_null(strstr(fixture.failure, "40000 is out of its range"));
    feed(&fixture, 1, 2, "ann", NULL);
    changes(&fixture);
    assert_non_null(strstr(fixture.failure, "has a fraction"));
    stop(&fixture);
}

static void test_the_inputs_key_is_kept_or_another_declared(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: 'row.id = row.id + 1'\ndrops: [price, weight, sold]\n");
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":1,\"name\":\"ann\"}\n");
    assert_non_null(strstr(fixture.failure, "declare 'key'"));
    stop(&fixture);
    begin(&fixture, "code: 'row.id = row.id + 1'\ndrops: [price, weight, sold]\nkey: id\n");
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":2,\"name\":\"ann\"}\n");
    stop(&fixture);
    begin(&fixture, "code: 'return { row, row }'\ndrops: [price, weight, sold]\non_error: drop\n");
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "");
    assert_non_null(strstr(fixture.failure, "returned 2 rows"));
    stop(&fixture);
    begin(&fixture, "code: 'return { { id = 1 }, { id = 1 } }'\nreturns: { id: int }\nkey: id\n");
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "");
    assert_non_null(strstr(fixture.failure, "same key"));
    stop(&fixture);
}

static void test_a_returned_table_fills_from_the_row_unless_it_is_whole(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, "code: 'return { name = \"x\" }'\ndrops: [price, weight, sold]\n");
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":1,\"name\":\"x\"}\n");
    stop(&fixture);
    begin(&fixture, "code: 'return { name = \"x\" }'\nreturns: { id: int, name: text }\n");
    feed(&fixture, 1, 1, "ann", NULL);
    assert_string_equal(changes(&fixture), "+1 {\"id\":null,\"name\":\"x\"}\n");
    stop(&fixture);
}

static void test_mistakes_in_the_config_are_found_when_it_is_checked(void **state) {
    (void)state;
    expect_config_error("code: |\n  local x = 1\n  if x then\n", "script:");
    expect_config_error("code: 'row = 1'\n", "const variable 'row'");
    expect_config_error("code: 'return row'\nreturns: { a: int }\nadds: { b: int }\n", "'returns'");
    expect_config_error("code: 'return row'\nadds: { name: text }\n", "column name is there");
    expect_config_error("code: 'return row'\nadds: { x: itn }\n", "itn");
    expect_config_error("code: 'return row'\ndrops: [nmae]\n", "'drops' names nmae");
    expect_config_error("code: 'return row'\nkey: [nmae]\n", "'key' names nmae");
    expect_config_error("code: 'return row'\ndemanded: true\n", "needs 'every'");
    expect_config_error("code: 'return row'\nevery: 1s\ndemanded: true\npure: true\n", "'pure'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements_set_added_columns),
        cmocka_unit_test(test_an_expression_filters),
        cmocka_unit_test(test_a_function_returns_several_rows_with_their_own_key),
        cmocka_unit_test(test_an_untouched_row_is_passed_on_as_the_same_row),
        cmocka_unit_test(test_a_retraction_takes_back_what_the_last_tick_sent),
        cmocka_unit_test(test_the_same_seed_key_and_tick_give_the_same_random_numbers),
        cmocka_unit_test(test_an_update_between_ticks_keeps_the_rows_random_numbers),
        cmocka_unit_test(test_ticks_run_demanded_rows_only),
        cmocka_unit_test(test_a_pure_script_remembers_nothing_and_retracts_right),
        cmocka_unit_test(test_duplicates_of_a_bag_go_in_and_out_together),
        cmocka_unit_test(test_a_failing_row_is_kept_and_told_with_line_and_row),
        cmocka_unit_test(test_a_failing_row_is_dropped_if_so_configured),
        cmocka_unit_test(test_a_script_cannot_run_for_ever),
        cmocka_unit_test(test_a_script_cannot_take_all_memory_and_the_next_row_is_fine),
        cmocka_unit_test(test_a_script_sees_nothing_of_the_world),
        cmocka_unit_test(test_globals_and_libraries_cannot_be_changed),
        cmocka_unit_test(test_nothing_depends_on_hash_order_or_addresses),
        cmocka_unit_test(test_values_cross_over_exactly),
        cmocka_unit_test(test_values_that_do_not_fit_are_refused),
        cmocka_unit_test(test_the_inputs_key_is_kept_or_another_declared),
        cmocka_unit_test(test_a_returned_table_fills_from_the_row_unless_it_is_whole),
        cmocka_unit_test(test_mistakes_in_the_config_are_found_when_it_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
