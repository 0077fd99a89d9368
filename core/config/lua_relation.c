/* Relations in a Lua config: tables and nodes, and the methods that make nodes of them or describe a level of a view. */
#include "config/lua_front.h"

#include <ctype.h>

#include "base/slice.h"

#define RELATION "sangre.relation"

const struct sgr__lua_relation *sgr__lua_relation(lua_State *L, int at) {
    struct sgr__lua_relation **box = luaL_testudata(L, at, RELATION);
    return box ? *box : NULL;
}

static const struct sgr__lua_relation *check_relation(lua_State *L, int at) {
    const struct sgr__lua_relation *relation = sgr__lua_relation(L, at);
    if (!relation)
        sgr__lua_fail(L, sgr__lua_line(L),
                      at == 1 ? "call this method with a colon: relation:method(…)"
                              : "argument %d must be a relation: a table or what its methods give",
                      at - 1);
    return relation;
}

/* Pushes a relation that is like `from` (NULL: empty) and may be changed until the method returns. */
static struct sgr__lua_relation *push_relation(lua_State *L, const struct sgr__lua_relation *from) {
    struct sgr__lua_relation *relation =
        sgr_arena_alloc(sgr__lua_front(L)->document->arena, sizeof(*relation));
    if (!relation)
        sgr__lua_memory(L);
    if (from) {
        *relation = *from;
    } else {
        relation->pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
        relation->populate = SGR_VECTOR_INIT(struct sgr_document_pair);
        relation->parameters = SGR_VECTOR_INIT(struct sgr__lua_parameter);
    }
    relation->pairs.capacity = relation->populate.capacity = relation->parameters.capacity = 0;
    struct sgr__lua_relation **box = lua_newuserdatauv(L, sizeof(*box), 0);
    *box = relation;
    luaL_setmetatable(L, RELATION);
    return relation;
}

/* What can name a node: letters, digits, _ and -. */
static const char *label_of(lua_State *L, const char *name) {
    const char *dot = strrchr(name, '.');
    char *label =
        sgr_arena_copy(sgr__lua_front(L)->document->arena, sgr_slice(dot ? dot + 1 : name));
    if (!label)
        sgr__lua_memory(L);
    for (char *at = label; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_')
            *at = '_';
    if (!isalpha((unsigned char)*label))
        *label = 'n';
    if (strlen(label) > 40)
        label[40] = '\0';
    return label;
}

void sgr__lua_push_table(lua_State *L, const char *source, const char *table) {
    struct sgr__lua_relation *relation = push_relation(L, NULL);
    relation->reference =
        sgr_arena_printf(sgr__lua_front(L)->document->arena, "%s.%s", source, table);
    if (!relation->reference)
        sgr__lua_memory(L);
    relation->label = label_of(L, table);
}

/* --- nodes */

static const char *option_text(lua_State *L, int options, const char *name) {
    if (!lua_istable(L, options))
        return NULL;
    const char *text = NULL;
    if (lua_getfield(L, options, name) != LUA_TNIL)
        text = sgr__lua_string(L, -1, name);
    lua_pop(L, 1);
    return text;
}

static const char *node_name(lua_State *L, const struct sgr__lua_relation *input,
                             const char *operator_name, int options) {
    const char *name = options ? option_text(L, options, "name") : NULL;
    if (name) {
        sgr__lua_claim(L, "node", name);
        return name;
    }
    lua_pushfstring(L, "%s_%s", input->label, operator_name);
    name = sgr__lua_distinct(L, "node", lua_tostring(L, -1));
    lua_pop(L, 1);
    return name;
}

/* Columns with types keep the order of a list. */
static void add_ordered(lua_State *L, int options, const char *name, struct sgr_vector *pairs) {
    if (lua_type(L, options) != LUA_TTABLE)
        return;
    if (lua_getfield(L, options, name) != LUA_TNIL)
        sgr__lua_pair(L, pairs, name, sgr__lua_ordered(L, -1));
    lua_pop(L, 1);
}

static void check_plain(lua_State *L, const struct sgr__lua_relation *relation,
                        const char *operator_name) {
    if (relation->clause)
        sgr__lua_fail(L, sgr__lua_line(L),
                      "%s makes a node, but %s was called before: make nodes first, then say what "
                      "a view shows of them",
                      operator_name, relation->clause);
}

/* A node of the relation and `others`, with options from the table at `options` (0: none). */
static int make_node(lua_State *L, const struct sgr__lua_relation *input,
                     const struct sgr_vector *others, const char *operator_name,
                     const struct sgr_document_node *value, int options) {
    static const char *const apart[] = {"name", "adds", "returns", NULL};
    struct sgr__lua_front *front = sgr__lua_front(L);
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
    check_plain(L, input, operator_name);
    if (others->count) {
        struct sgr_vector inputs = SGR_VECTOR_INIT(struct sgr_document_node *);
        const struct sgr_document_node *first = sgr__lua_text(L, input->reference, true);
        sgr__lua_push(L, &inputs, &first);
        for (size_t i = 0; i < others->count; i++)
            sgr__lua_push(L, &inputs, SGR_VECTOR_AT(others, struct sgr_document_node *, i));
        sgr__lua_pair(L, &pairs, "inputs", sgr__lua_list(L, &inputs));
    } else {
        sgr__lua_pair(L, &pairs, "input", sgr__lua_text(L, input->reference, true));
    }
    sgr__lua_pair(L, &pairs, operator_name, value);
    if (options && !lua_isnoneornil(L, options)) {
        sgr__lua_pairs(L, options, apart, &pairs);
        add_ordered(L, options, "adds", &pairs);
        add_ordered(L, options, "returns", &pairs);
    }
    const char *name = node_name(L, input, operator_name, options);
    sgr__lua_pair(L, &front->nodes, name, sgr__lua_mapping(L, &pairs));
    struct sgr__lua_relation *made = push_relation(L, NULL);
    made->reference = name;
    made->label = input->label;
    return 1;
}

static const struct sgr_vector no_others = {0};

static const struct sgr_document_node *main_value(lua_State *L, int at) {
    return lua_isnoneornil(L, at) ? sgr__lua_null(L) : sgr__lua_ordered(L, at);
}

/* relation:each(function or text, options) */
static int relation_each(lua_State *L) {
    const struct sgr__lua_relation *input = check_relation(L, 1);
    if (lua_type(L, 2) != LUA_TFUNCTION && lua_type(L, 2) != LUA_TSTRING)
        sgr__lua_fail(L, sgr__lua_line(L), "each takes a function or its text, not %s",
                      luaL_typename(L, 2));
    return make_node(L, input, &no_others, "lua", sgr__lua_value(L, 2), 3);
}

/* relation:filter(SQL or function, options) */
static int relation_filter(lua_State *L) {
    const struct sgr__lua_relation *input = check_relation(L, 1);
    bool function = lua_type(L, 2) == LUA_TFUNCTION;
    return make_node(L, input, &no_others, function ? "lua" : "filter", main_value(L, 2), 3);
}

/* relation:map(columns or function, options) */
static int relation_map(lua_State *L) {
    const struct sgr__lua_relation *input = check_relation(L, 1);
    bool function = lua_type(L, 2) == LUA_TFUNCTION;
    return make_node(L, input, &no_others, function ? "lua" : "map", main_value(L, 2), 3);
}

/* relation:join(other, SQL, options) */
static int relation_join(lua_State *L) {
    const struct sgr__lua_relation *input = check_relation(L, 1), *other = check_relation(L, 2);
    check_plain(L, other, "join");
    struct sgr_vector others = SGR_VECTOR_INIT(struct sgr_document_node *);
    const struct sgr_document_node *reference = sgr__lua_text(L, other->reference, true);
    sgr__lua_push(L, &others, &reference);
    return make_node(L, input, &others, "join", main_value(L, 3), 4);
}

/* relation:union(other, …, options) */
static int relation_union(lua_State *L) {
    const struct sgr__lua_relation *input = check_relation(L, 1);
    struct sgr_vector others = SGR_VECTOR_INIT(struct sgr_document_node *);
    int last = lua_gettop(L), options = 0;
    if (last > 1 && lua_type(L, last) == LUA_TTABLE)
        options = last--;
    for (int at = 2; at <= last; at++) {
        const struct sgr__lua_relation *other = check_relation(L, at);
        check_plain(L, other, "union");
        const struct sgr_document_node *reference = sgr__lua_text(L, other->reference, true);
        sgr__lua_push(L, &others, &reference);
    }
    return make_node(L, input, &others, "union", sgr__lua_null(L), options);
}

/* relation:log(value, options); relation:repeated(value, options) */
static int one_input_node(lua_State *L, const char *operator_name) {
    const struct sgr__lua_relation *input = check_relation(L, 1);
    bool only_options = lua_type(L, 2) == LUA_TTABLE;
    return make_node(L, input, &no_others, operator_name,
                     only_options ? sgr__lua_null(L) : main_value(L, 2), only_options ? 2 : 3);
}

static int relation_log(lua_State *L) {
    return one_input_node(L, "log");
}

static int relation_repeated(lua_State *L) {
    return one_input_node(L, "repeat");
}

/* relation:node(operator, value, options): any operator of one input. */
static int relation_node(lua_State *L) {
    const struct sgr__lua_relation *input = check_relation(L, 1);
    const char *name = sgr__lua_string(L, 2, "an operator's name");
    return make_node(L, input, &no_others, name, main_value(L, 3), 4);
}

/* --- clauses of a level */

static struct sgr__lua_relation *push_level(lua_State *L, const char *clause) {
    struct sgr__lua_relation *level = push_relation(L, check_relation(L, 1));
    if (!level->clause)
        level->clause = clause;
    return level;
}

static int add_clause(lua_State *L, struct sgr__lua_relation *level, const char *name,
                      const struct sgr_document_node *value) {
    for (size_t i = 0; i < level->pairs.count; i++)
        if (strcmp(SGR_VECTOR_AT(&level->pairs, struct sgr_document_pair, i)->name, name) == 0)
            sgr__lua_fail(L, sgr__lua_line(L), "%s is given twice for this relation", name);
    sgr__lua_pair(L, &level->pairs, name, value);
    return 1;
}

static int simple_clause(lua_State *L, const char *name) {
    struct sgr__lua_relation *level = push_level(L, name);
    if (lua_isnoneornil(L, 2))
        sgr__lua_fail(L, sgr__lua_line(L), "%s needs a value", name);
    return add_clause(L, level, name, sgr__lua_value(L, 2));
}

static int relation_order_by(lua_State *L) {
    return simple_clause(L, "order_by");
}

static int relation_limit(lua_State *L) {
    return simple_clause(L, "limit");
}

static int relation_columns(lua_State *L) {
    return simple_clause(L, "columns");
}

static int relation_one(lua_State *L) {
    return add_clause(L, push_level(L, "one"), "one", sgr__lua_text(L, "true", false));
}

/* relation:get { column = value or parameter } */
static int relation_get(lua_State *L) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    struct sgr__lua_relation *level = push_level(L, "get");
    if (lua_type(L, 2) != LUA_TTABLE)
        sgr__lua_fail(L, sgr__lua_line(L), "get takes a table: get { column = value }");
    front->collect = &level->parameters;
    const struct sgr_document_node *value = sgr__lua_value(L, 2);
    front->collect = NULL;
    return add_clause(L, level, "get", value);
}

/* relation:where(SQL, parameter, …) */
static int relation_where(lua_State *L) {
    int top = lua_gettop(L);
    struct sgr__lua_relation *level = push_level(L, "where");
    const char *text = sgr__lua_string(L, 2, "where's condition");
    for (int at = 3; at <= top; at++) {
        const struct sgr__lua_parameter *parameter = sgr__lua_parameter(L, at);
        if (!parameter)
            sgr__lua_fail(L, sgr__lua_line(L),
                          "behind where's condition stand parameters: "
                          "sangre.param(name, default)");
        sgr__lua_push(L, &level->parameters, parameter);
    }
    return add_clause(L, level, "where", sgr__lua_text(L, text, true));
}

/* --- joins that nest */

/* How the field is linked: as told, or to be inferred from its name. `via` of a table may leave the source out. */
static void add_link(lua_State *L, const struct sgr__lua_relation *parent, const char *field,
                     struct sgr_vector *link) {
    const char *via = option_text(L, 4, "via"), *on = option_text(L, 4, "on");
    const char *open = via ? strchr(via, '(') : NULL;
    const char *dot = via ? strchr(via, '.') : NULL;
    const char *source_end = strchr(parent->reference, '.');
    if (via && source_end && !(dot && (!open || dot < open))) {
        lua_pushlstring(L, parent->reference, (size_t)(source_end - parent->reference));
        lua_pushfstring(L, "%s.%s", lua_tostring(L, -1), via);
        via = sgr__lua_string(L, -1, "via");
        lua_pop(L, 2);
    }
    if (via)
        sgr__lua_pair(L, link, "via", sgr__lua_text(L, via, true));
    if (on)
        sgr__lua_pair(L, link, "on", sgr__lua_text(L, on, true));
    if (!via && !on)
        sgr__lua_pair(L, link, "infer", sgr__lua_text(L, field, true));
}

static int add_field(lua_State *L, bool one) {
    static const char *const keys[] = {"via", "on", "as", NULL};
    lua_settop(L, 4); /* the options may be left out */
    const struct sgr__lua_relation *child = check_relation(L, 3);
    struct sgr__lua_relation *level = push_level(L, one ? "join_one" : "join_many");
    const char *field = sgr__lua_string(L, 2, "a field's name");
    sgr__lua_check_keys(L, 4, one ? "option of join_one" : "option of join_many", keys);
    const char *name = option_text(L, 4, "as");
    if (!name && !one) {
        lua_pushfstring(L, "%ss", field);
        name = sgr__lua_string(L, -1, "a field's name");
        lua_pop(L, 1);
    }
    struct sgr_vector link = SGR_VECTOR_INIT(struct sgr_document_pair);
    add_link(L, level, field, &link);
    if (one)
        sgr__lua_pair(L, &link, "one", sgr__lua_text(L, "true", false));
    sgr__lua_pair(L, &level->populate, name ? name : field, sgr__lua_level(L, child, &link));
    for (size_t i = 0; i < child->parameters.count; i++)
        sgr__lua_push(L, &level->parameters,
                      SGR_VECTOR_AT(&child->parameters, struct sgr__lua_parameter, i));
    return 1;
}

/* relation:join_many(field, relation, { via, on, as }): the array is called `as`, or the field with an s behind it. */
static int relation_join_many(lua_State *L) {
    return add_field(L, false);
}

static int relation_join_one(lua_State *L) {
    return add_field(L, true);
}

const struct sgr_document_node *sgr__lua_level(lua_State *L,
                                               const struct sgr__lua_relation *relation,
                                               const struct sgr_vector *link) {
    struct sgr_vector pairs = SGR_VECTOR_INIT(struct sgr_document_pair);
    sgr__lua_pair(L, &pairs, "from", sgr__lua_text(L, relation->reference, true));
    for (size_t i = 0; link && i < link->count; i++)
        sgr__lua_push(L, &pairs, SGR_VECTOR_AT(link, struct sgr_document_pair, i));
    for (size_t i = 0; i < relation->pairs.count; i++)
        sgr__lua_push(L, &pairs, SGR_VECTOR_AT(&relation->pairs, struct sgr_document_pair, i));
    if (relation->populate.count)
        sgr__lua_pair(L, &pairs, "populate", sgr__lua_mapping(L, &relation->populate));
    return sgr__lua_mapping(L, &pairs);
}

/* --- */

static const luaL_Reg methods[] = {
    {"each", relation_each},
    {"filter", relation_filter},
    {"map", relation_map},
    {"join", relation_join},
    {"union", relation_union},
    {"log", relation_log},
    {"repeated", relation_repeated},
    {"node", relation_node},
    {"where", relation_where},
    {"get", relation_get},
    {"order_by", relation_order_by},
    {"limit", relation_limit},
    {"columns", relation_columns},
    {"one", relation_one},
    {"join_many", relation_join_many},
    {"join_one", relation_join_one},
    {NULL, NULL},
};

/* Upvalues: which method, and the line its name stands on. In a chain over several lines Lua itself knows the first one only. */
static int call_method(lua_State *L) {
    struct sgr__lua_front *front = sgr__lua_front(L);
    front->line = (unsigned)lua_tointeger(L, lua_upvalueindex(2));
    int results = methods[lua_tointeger(L, lua_upvalueindex(1))].func(L);
    front->line = 0;
    return results;
}

static int find_method(lua_State *L) {
    const char *names[sizeof(methods) / sizeof(*methods)] = {NULL};
    const char *name = luaL_tolstring(L, 2, NULL);
    for (size_t i = 0; methods[i].name; i++) {
        names[i] = methods[i].name;
        if (strcmp(name, names[i]) != 0)
            continue;
        lua_pushinteger(L, (lua_Integer)i);
        lua_pushinteger(L, sgr__lua_line(L));
        lua_pushcclosure(L, call_method, 2);
        return 1;
    }
    sgr__lua_unknown(L, "method of a relation", name, names);
}

void sgr__lua_relation_register(lua_State *L) {
    luaL_newmetatable(L, RELATION);
    lua_pushcfunction(L, find_method);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
